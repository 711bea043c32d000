//! Text to messages and back, with the names and the clock of the material.

use std::collections::HashMap;

use netwright_netfilter::expression::{CtKey, LogLevel};
use netwright_netfilter::{
    Batch, Chain, Data, Element, ElementListAttrs, Expression, Family, Flowtable, Item, MessageKind,
    NetfilterHeader, Object, Rule, Set, Table,
};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Severity, SourceId, SourceMap};
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::ir::{self, Command, Operation, Target};
use netwright_nft::lift::{self, Dump};
use netwright_nft::syntax::{NoIncludes, Parsed, parse};
use netwright_nft::table::{Database, Names, PrintOptions};
use netwright_nft::{json, lower, print};
use netwright_wire::{Big, Message, Messages, Value as _};

/// The language as it is spoken on one host.
#[derive(Clone, Debug, Default)]
pub struct Language {
    /// What things are called.
    pub names: Names,
    /// How listings are written.
    pub options: PrintOptions,
}

/// Seconds that the clock of the material lies east of UTC (`TZ=UTC-2`).
const ZONE: i32 = 2 * 3600;

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

/// What a kernel would have after some batches that only add, with names for what has none.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    dump: Dump,
    /// Names by number of what the batch at hand has made.
    names: HashMap<u32, String>,
    made: usize,
}

impl Memory {
    /// What it would list.
    pub(crate) fn dump(&self) -> &Dump {
        &self.dump
    }

    /// Adds what a batch adds; `None` where one of its messages cannot be read.
    pub(crate) fn add(&mut self, batch: &mut Batch) -> Option<()> {
        self.names.clear();
        let mut all = Messages::new(batch.finish().ok()?);
        all.try_for_each(|message| self.message(&message.ok()?))
    }

    /// Adds what a message adds; `None` where it cannot be read.
    pub(crate) fn message(&mut self, message: &Message<'_>) -> Option<()> {
        match MessageKind::of(message) {
            Some(MessageKind::NEW_TABLE) => self.dump.tables.push(Table::read(message).ok()??),
            Some(MessageKind::NEW_CHAIN) => {
                let mut chain = Chain::read(message).ok()??;
                self.call(&mut chain.name, chain.id);
                self.dump.chains.push(chain);
            }
            Some(MessageKind::NEW_RULE) => {
                let mut rule = Rule::read(message).ok()??;
                self.known(&mut rule.chain, rule.chain_id);
                rule.expressions.iter_mut().for_each(|expression| self.expression(expression));
                self.dump.rules.push(rule);
            }
            Some(MessageKind::NEW_SET) => {
                let mut set = Set::read(message).ok()??;
                self.call(&mut set.name, set.id);
                self.dump.sets.push((set, Vec::new()));
            }
            Some(MessageKind::NEW_ELEMENTS) => {
                let (header, bytes) = NetfilterHeader::split(message).ok()?;
                let list = ElementListAttrs::read::<Big>(bytes).ok()?;
                let (table, mut name) = (list.table?, list.set?);
                self.known(&mut name, list.set_id);
                let mut elements = list.elements.unwrap_or_default().0;
                elements.iter_mut().for_each(|element| self.element(element));
                let mut sets = self.dump.sets.iter_mut();
                let here = |set: &Set| set.family == header.family && set.table == table && set.name == name;
                sets.find(|(set, _)| here(set))?.1.extend(elements);
            }
            Some(MessageKind::NEW_OBJECT) => self.dump.objects.push(Object::read(message).ok()??),
            Some(MessageKind::NEW_FLOWTABLE) => self.dump.flowtables.push(Flowtable::read(message).ok()??),
            _ => {}
        }
        Some(())
    }

    /// Gives a name to what has none of its own.
    fn call(&mut self, name: &mut String, id: Option<u32>) {
        if name.is_empty() || name.contains('%') {
            let pattern = name.strip_suffix("%d").unwrap_or("__chain");
            *name = format!("{pattern}{}", self.made);
            self.made += 1;
        }
        if let Some(id) = id {
            self.names.insert(id, name.clone());
        }
    }

    fn known(&self, name: &mut String, id: Option<u32>) {
        if let Some(known) = id.and_then(|id| self.names.get(&id)) {
            known.clone_into(name);
        }
    }

    fn expression(&self, expression: &mut Expression) {
        match expression {
            Expression::Lookup(lookup) => {
                lookup.set.iter_mut().for_each(|name| self.known(name, lookup.set_id));
            }
            Expression::ObjectReference(reference) => {
                reference.set = reference.set.take().map(|name| {
                    let mut name = name.to_string();
                    self.known(&mut name, reference.set_id);
                    name.into()
                });
            }
            Expression::Immediate(immediate) => immediate.data.iter_mut().for_each(|data| self.data(data)),
            _ => {}
        }
    }

    fn element(&self, element: &mut Element) {
        element.data.iter_mut().for_each(|data| self.data(data));
    }

    /// The name of the chain that a verdict leads to by number.
    fn data(&self, data: &mut Data) {
        if let Data::Verdict(verdict) = data
            && let Some(known) = verdict.chain_id.and_then(|id| self.names.get(&id))
        {
            verdict.chain = Some(known.clone());
        }
    }
}
