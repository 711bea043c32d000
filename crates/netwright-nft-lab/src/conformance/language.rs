//! Text to messages and back, with the names and the clock of the material.

use netwright_netfilter::expression::{CtKey, LogLevel};
use netwright_netfilter::{Batch, Expression, Family, MessageKind};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Severity, SourceId, SourceMap};
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::ir::{self, Command, Operation, Target};
use netwright_nft::lift::{self, Dump};
use netwright_nft::syntax::{NoIncludes, Parsed, parse};
use netwright_nft::table::{Database, Names, PrintOptions};
use netwright_nft::{json, lower, print};
use netwright_wire::Messages;

use super::memory::Memory;

/// The language as it is spoken on one host.
#[derive(Clone, Debug, Default)]
pub struct Language {
    /// What things are called.
    pub names: Names,
    /// How listings are written.
    pub options: PrintOptions,
}

/// Seconds that the clock of the material lies east of UTC (`TZ=UTC-2`).
const ZONE: netwright_nft::table::Zone = netwright_nft::table::Zone::fixed(2 * 3600);

impl Language {
    /// With the names that the records use, and listings without state and with numbers for protocols (`-s -p`).
    #[must_use]
    pub fn of_records() -> Self {
        let mut names = Names::new();
        for (name, number) in [("root", 0), ("daemon", 1), ("bin", 2)] {
            names.insert(Database::Users, name, number);
            names.insert(Database::Groups, name, number);
        }
        names.insert(Database::Interfaces, "lo", 1);
        names.insert(Database::Realms, "cosmos", 0);
        names.insert(Database::DeviceGroups, "default", 0);
        let options =
            PrintOptions { stateless: true, numeric_protocol: true, zone: ZONE, ..PrintOptions::default() };
        Language { names, options }
    }

    /// With the names of this host's files, and plain listings.
    #[must_use]
    pub fn of_this_host() -> Self {
        let mut names = Names::new();
        names.insert(Database::Interfaces, "lo", 1);
        let files = [
            (Database::Protocols, "/etc/protocols"),
            (Database::Services, "/etc/services"),
            (Database::Users, "/etc/passwd"),
            (Database::Groups, "/etc/group"),
            (Database::DeviceGroups, "/etc/iproute2/group"),
            (Database::Realms, "/etc/iproute2/rt_realms"),
            (Database::Marks, "/etc/iproute2/rt_marks"),
        ];
        for (database, path) in files {
            if let Ok(text) = std::fs::read_to_string(path) {
                names.read(database, &text);
            }
        }
        Language { names, options: PrintOptions { zone: ZONE, ..PrintOptions::default() } }
    }

    /// Gives a text its meaning; all that is wrong with it otherwise, one line for each error.
    pub fn compile(&self, text: &str, catalog: &Catalog) -> Result<(Vec<Command>, Catalog), String> {
        self.compile_by(text, catalog, |sources, id| parse(sources, id, &mut NoIncludes))
    }

    /// The same for a text of JSON.
    pub fn compile_json(&self, text: &str, catalog: &Catalog) -> Result<(Vec<Command>, Catalog), String> {
        self.compile_by(text, catalog, json::parse)
    }

    fn compile_by(
        &self,
        text: &str,
        catalog: &Catalog,
        read: impl FnOnce(&mut SourceMap, SourceId) -> Parsed,
    ) -> Result<(Vec<Command>, Catalog), String> {
        let mut sources = SourceMap::default();
        let id = sources.add("text", text);
        let parsed = read(&mut sources, id);
        let options = Options { names: &self.names, catalog, zone: self.options.zone };
        let compiled = compile(&sources, &parsed, &options);
        let said = parsed.diagnostics.iter().chain(&compiled.diagnostics);
        let said = said.filter(|said| said.severity == Severity::Error);
        let errors: Vec<String> = said
            .map(|error| {
                format!("{} [{}]", error.message, error.span().map_or("", |span| sources.snippet(span)))
            })
            .collect();
        match errors.is_empty() {
            true => Ok((compiled.commands, compiled.catalog)),
            false => Err(errors.join("; ")),
        }
    }

    /// A rule as text.
    #[must_use]
    pub fn print(&self, rule: &ir::Rule) -> String {
        print::rule(rule, &self.options, &self.names)
    }

    /// Reads a rule of the chain `c` in the table `t`, which `world` makes.
    pub fn read_rule(&self, world: &str, family: Family, rule: &str) -> Result<ir::Rule, String> {
        let (_, catalog) = self.compile(world, &Catalog::default())?;
        let (commands, _) = self.compile(&format!("add rule {family} t c {rule}\n"), &catalog)?;
        match commands.into_iter().next().map(|command| command.target) {
            Some(Target::Rule { rule, .. }) => Ok(rule),
            other => Err(format!("no rule but {other:?}")),
        }
    }

    /// Lowers a rule of the chain `c` in the table `t`, which `world` makes, and lifts it as if the kernel had it.
    pub fn through_the_kernel(
        &self,
        world: &str,
        family: Family,
        rule: &ir::Rule,
    ) -> Result<ir::Rule, String> {
        let (mut commands, catalog) = self.compile(world, &Catalog::default())?;
        commands.push(Command {
            operation: Operation::Add,
            target: Target::Rule {
                family,
                table: "t".to_owned(),
                chain: "c".to_owned(),
                anchor: None,
                rule: rule.clone(),
                spans: Vec::new(),
            },
            span: None,
            elements: Vec::new(),
        });
        let mut memory = Memory::default();
        memory.add(&mut batch(&commands, &catalog, 1)?).ok_or("our own messages cannot be read")?;
        let tables = lift::ruleset(memory.dump()).tables;
        let mut chains = tables.into_iter().flat_map(|table| table.chains);
        let chain = chains.find(|chain| chain.name == "c").ok_or("the chain is gone")?;
        chain.rules.into_iter().next().ok_or_else(|| String::from("the rule is gone"))
    }
}

/// Commands as messages; numbers of sets start with `first`.
pub(crate) fn batch(commands: &[Command], catalog: &Catalog, first: u32) -> Result<Batch, String> {
    let mut batch = Batch::new();
    (1..first).for_each(|_| {
        batch.allocate_id();
    });
    lower::batch(commands, catalog, &mut batch).map_err(|failed| failed.error.to_string())?;
    batch.finish().map_err(|error| error.to_string())?;
    Ok(batch)
}

/// The messages of a batch without its begin and end: kind, and the bytes behind the message's head.
pub(crate) fn messages(batch: &mut Batch) -> Vec<(MessageKind, &[u8])> {
    let all = Messages::new(batch.finish().unwrap_or_default()).filter_map(Result::ok);
    all.filter_map(|message| Some((MessageKind::of(&message)?, message.payload))).collect()
}

/// What a kernel tells of what it was sent: a log has a level unless it goes to a group, and protocols are the same in both directions.
pub(crate) fn told(sent: &Dump) -> Dump {
    let mut told = sent.clone();
    for expression in told.rules.iter_mut().flat_map(|rule| &mut rule.expressions) {
        match expression {
            Expression::Log(log) if log.group.is_none() => {
                log.level.get_or_insert(LogLevel::WARNING);
            }
            Expression::Ct(ct) if matches!(ct.key, Some(CtKey::PROTOCOL | CtKey::L3_PROTOCOL)) => {
                ct.direction = None
            }
            _ => {}
        }
    }
    told
}
