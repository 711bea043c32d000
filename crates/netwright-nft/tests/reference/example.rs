//! One example: compiled, listed, and compiled again.

use netwright_netfilter::{Batch, Family};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Diagnostic, SourceMap};
use netwright_nft::evaluate::{Compiled, Options, compile};
use netwright_nft::ir::{Operation, Ruleset};
use netwright_nft::lift::{self, Dump};
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Database, Names, PrintOptions};
use netwright_nft::{lower, print};
use netwright_nft_lab::conformance::Memory;

use crate::code::code;

/// How a block is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    World,
    Ruleset,
    Rules(&'a str),
    Command,
    Refused,
    RefusedRules(&'a str),
}

impl Kind<'_> {
    pub(crate) fn is_refused(self) -> bool {
        matches!(self, Kind::Refused | Kind::RefusedRules(_))
    }
}

/// What became of a block.
pub(crate) enum Outcome {
    /// It makes something, which is listed so.
    Listed(String),
    /// It has a meaning.
    Understood,
    /// It is refused in these words.
    Refused(String),
}

/// The chain that rules without one are put into.
const CHAIN: &str = "example";

/// Tries a block.
pub(crate) fn check(kind: Kind<'_>, world: &str, body: &str) -> Result<Outcome, String> {
    match kind {
        Kind::World | Kind::Ruleset => listed("", body, None).map(Outcome::Listed),
        Kind::Rules(family) => listed(world, &in_chain(family, body), Some(family)).map(Outcome::Listed),
        Kind::Command => understood(world, body).map(|()| Outcome::Understood),
        Kind::Refused => refused(world, "", body, "").map(Outcome::Refused),
        Kind::RefusedRules(family) => {
            let (before, behind) = frame(family);
            refused(world, &before, body, behind).map(Outcome::Refused)
        }
    }
}

fn frame(family: &str) -> (String, &'static str) {
    (format!("table {family} filter {{\nchain {CHAIN} {{\n"), "}\n}\n")
}

fn in_chain(family: &str, body: &str) -> String {
    let (before, behind) = frame(family);
    before + body + behind
}

fn names() -> Names {
    let mut names = Names::new();
    for (index, name) in (1..).zip(["lo", "eth0", "eth1", "wan", "lan"]) {
        names.insert(Database::Interfaces, name, index);
    }
    names.insert(Database::Users, "root", 0);
    names.insert(Database::Users, "www-data", 33);
    names.insert(Database::Groups, "www-data", 33);
    names.insert(Database::Realms, "cosmos", 0);
    names.insert(Database::DeviceGroups, "default", 0);
    names.insert(Database::Labels, "bulk", 3);
    names.insert(Database::ControlGroups, "system.slice", 77);
    names
}

/// A text with its meaning, and what is wrong with it.
fn compiled(text: &str, catalog: &Catalog) -> (Compiled, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let id = sources.add("example", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let names = names();
    let compiled = compile(
        &sources,
        &parsed,
        &Options { names: &names, catalog, zone: netwright_nft::table::Zone::UTC },
    );
    let all = parsed.diagnostics.iter().chain(&compiled.diagnostics).cloned().collect();
    (compiled, all, sources)
}

fn dump(text: &str) -> Result<Dump, String> {
    let (compiled, wrong, sources) = compiled(text, &Catalog::default());
    if !wrong.is_empty() {
        return Err(format!("refused:\n{}", said(&wrong, &sources, 0)));
    }
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch)
        .map_err(|failed| failed.error.to_string())?;
    let mut memory = Memory::default();
    memory.add(&mut batch).ok_or("our own messages cannot be read")?;
    Ok(memory.dump().clone())
}

fn print(dump: &Dump, only: Option<&str>) -> String {
    let (names, options) = (names(), PrintOptions::default());
    let ruleset = lift::ruleset(dump);
    let Some(family) = only else { return print::ruleset(&ruleset, &options, &names) };
    let here = |found: Family| found.name() == Some(family);
    let tables =
        ruleset.tables.iter().filter(|table| here(table.table.family) && table.table.name == "filter");
    let chains = tables.flat_map(|table| &table.chains).filter(|chain| chain.name == CHAIN);
    let rules = chains.flat_map(|chain| &chain.rules);
    rules.map(|rule| print::rule(rule, &options, &names) + "\n").collect()
}

fn whole(ruleset: &Ruleset) -> String {
    print::ruleset(ruleset, &PrintOptions::default(), &names())
}

fn listed(world: &str, text: &str, only: Option<&str>) -> Result<String, String> {
    let first = dump(&format!("{world}{text}"))?;
    let listing = whole(&lift::ruleset(&first));
    let second = dump(&listing).map_err(|why| format!("its listing is {why}\n{listing}"))?;
    let again = whole(&lift::ruleset(&second));
    if again != listing {
        return Err(format!("is listed as\n{listing}\nand that as\n{again}"));
    }
    let (have, want) = (code(&second), code(&first));
    if let Some((have, want)) = have.lines().zip(want.lines()).find(|(have, want)| have != want) {
        return Err(format!("its listing\n{listing}\nmakes\n  {have}\nand not\n  {want}"));
    }
    let shown = print(&first, only);
    if only.is_some() && shown.lines().count() == 0 {
        return Err("there is no rule".to_owned());
    }
    Ok(shown)
}

/// The things of the world as if a kernel had given numbers to them.
fn numbered(mut catalog: Catalog) -> Catalog {
    for family in [Family::INET, Family::IPV4, Family::NETDEV] {
        if catalog.table(family, "filter").is_none() {
            continue;
        }
        let table = catalog.table_mut(family, "filter");
        for (number, handle) in (1..).zip(table.chains.values_mut()) {
            *handle = Some(number);
        }
        let names: Vec<String> = table.chains.keys().cloned().collect();
        table.rules.extend(names.into_iter().map(|chain| (chain, vec![11, 12, 13])));
    }
    catalog
}

fn understood(world: &str, body: &str) -> Result<(), String> {
    let (before, wrong, sources) = compiled(world, &Catalog::default());
    if !wrong.is_empty() {
        return Err(format!("the world is refused:\n{}", said(&wrong, &sources, 0)));
    }
    let catalog = numbered(before.catalog);
    let (orders, wrong, sources) = compiled(body, &catalog);
    if !wrong.is_empty() {
        return Err(format!("refused:\n{}", said(&wrong, &sources, 0)));
    }
    if orders.commands.is_empty() {
        return Err("orders nothing".to_owned());
    }
    let changes = |operation: Operation| {
        use Operation as O;
        matches!(
            operation,
            O::Add | O::Create | O::Insert | O::Replace | O::Delete | O::Destroy | O::Flush | O::Rename
        )
    };
    let commands: Vec<_> = orders.commands.into_iter().filter(|command| changes(command.operation)).collect();
    lower::batch(&commands, &orders.catalog, &mut Batch::new()).map_err(|failed| failed.error.to_string())
}

fn refused(world: &str, before: &str, body: &str, behind: &str) -> Result<String, String> {
    let text = format!("{world}{before}{body}{behind}");
    let (_, wrong, sources) = compiled(&text, &Catalog::default());
    if wrong.is_empty() {
        return Err("must be refused and is not".to_owned());
    }
    let above = world.lines().count() + before.lines().count();
    Ok(said(&wrong, &sources, above))
}

/// Diagnostics as text, with lines counted behind those above.
fn said(wrong: &[Diagnostic], sources: &SourceMap, above: usize) -> String {
    let place = |span| {
        let found = sources.locate(span);
        found
            .map_or(String::new(), |at| format!("{}:{}", (at.line as usize).saturating_sub(above), at.column))
    };
    let mut text = String::new();
    for one in wrong {
        for (number, label) in one.labels.iter().enumerate() {
            text += &match (number, label.message.as_str()) {
                (0, "") => format!("{}: {}\n", place(label.span), one.message),
                (0, label_message) => format!("{}: {} ({label_message})\n", place(label.span), one.message),
                (_, label_message) => format!("    {}: {label_message}\n", place(label.span)),
            };
        }
        text.extend(one.help.iter().map(|help| format!("    help: {help}\n")));
    }
    text
}
