//! What was made, in the words of nft with `-e`.

use std::collections::HashMap;
use std::fmt::Write;

use netwright::{Committed, Made};
use netwright_nft::ir::{Chain, Command, Element, Flowtable, Operation, Set, TableContent, Target};
use netwright_nft::print;
use netwright_nft::table::{Names, PrintOptions};
use serde_json::json;

use super::style::Style;
use super::thing::{element, in_table, thing};
use crate::failure::Failure;
use crate::output;

/// What was made by orders, whose numbers `tags` has by message.
pub(super) struct Echo<'a> {
    pub(super) commands: &'a [Command],
    pub(super) committed: &'a Committed,
    pub(super) tags: &'a [Option<u32>],
}

impl Echo<'_> {
    /// The kernel's number for what each order made: an order makes what it names last, behind the sets that a rule
    /// brings along.
    fn handles(&self) -> HashMap<u32, u64> {
        let made = self.committed.made.iter();
        made.filter_map(|(message, made)| Some(((*self.tags.get(*message)?)?, handle(made)?))).collect()
    }

    /// One line for each thing that was made; at the end who made it, and the number of the ruleset's generation.
    pub(super) fn text(&self, generation: u32, options: &PrintOptions, names: &Names) -> String {
        let handles = self.handles();
        let mut text = String::new();
        for (index, command) in (0..).zip(self.commands) {
            let Some(line) = line(command, options, names) else { continue };
            let handle = handles.get(&index).filter(|_| options.handles);
            let handle = handle.map(|handle| format!(" # handle {handle}")).unwrap_or_default();
            let (first, rest) =
                line.split_once('\n').map_or((line.as_str(), ""), |(first, rest)| (first, rest));
            // a rule may have lines of its own, a set is followed by its elements
            let (before, behind) = match command.target {
                Target::Set(_) => (first, rest),
                _ => (line.as_str(), ""),
            };
            // writing into a String cannot fail
            let _ = writeln!(text, "{before}{handle}");
            if !behind.is_empty() {
                let _ = writeln!(text, "{behind}");
            }
        }
        if !text.is_empty() {
            let name = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
            let (process, name) = (std::process::id(), output::plain(name.trim_end()).into_owned());
            let _ = writeln!(text, "# new generation {generation} by process {process} ({name})");
        }
        text
    }

    /// What was made, as a document in the schema of libnftables-json(5); none where nothing was.
    pub(super) fn json(&self, style: Style<'_>) -> Result<Option<serde_json::Value>, Failure> {
        let handles = self.handles();
        let mut things = Vec::new();
        for (index, command) in (0..).zip(self.commands) {
            let Some(verb) = verb(command) else { continue };
            for mut thing in self::things(command, style)? {
                let handle = handles.get(&index).filter(|_| !thing.1.contains_key("elem"));
                if let Some(handle) = handle {
                    thing.1.insert("handle".into(), (*handle).into());
                }
                things.push(json!({ verb: { thing.0: thing.1 } }));
            }
        }
        Ok((!things.is_empty()).then(|| json!({ "nftables": things })))
    }
}

type Thing = (String, serde_json::Map<String, serde_json::Value>);

/// What an order makes, in JSON: elements one by one behind their set.
fn things(command: &Command, style: Style<'_>) -> Result<Vec<Thing>, Failure> {
    let (content, elements) = match &command.target {
        Target::Table(table) => (TableContent { table: table.clone(), ..TableContent::default() }, None),
        Target::Chain(chain) => {
            let chain = Chain { rules: Vec::new(), ..(**chain).clone() };
            (TableContent { chains: vec![chain.clone()], ..in_table(chain.family, &chain.table) }, None)
        }
        Target::Rule { family, table, chain, rule, .. } => {
            let (name, rules) = (chain.clone(), vec![rule.clone()]);
            let chain = Chain { family: *family, table: table.clone(), name, rules, ..Chain::default() };
            (TableContent { chains: vec![chain], ..in_table(*family, table) }, None)
        }
        Target::Set(set) => {
            let bare = Set { elements: Vec::new(), ..(**set).clone() };
            let content = TableContent { sets: vec![bare], ..in_table(set.family, &set.table) };
            (content, Some((set, set.elements.clone())))
        }
        Target::Elements { set, elements } => (TableContent::default(), Some((set, elements.clone()))),
        Target::PackedElements { set, elements } => {
            (TableContent::default(), Some((set, elements.elements(&set.key.parts).collect())))
        }
        Target::Object(object) => {
            let objects = vec![(**object).clone()];
            (TableContent { objects, ..in_table(object.family, &object.table) }, None)
        }
        Target::Flowtable(table) => {
            let content = in_table(table.family, &table.table);
            (TableContent { flowtables: vec![table.clone()], ..content }, None)
        }
        _ => return Ok(Vec::new()),
    };
    let mut things = Vec::new();
    if !matches!(command.target, Target::Elements { .. } | Target::PackedElements { .. }) {
        things.extend(thing(content, style)?.and_then(as_members));
    }
    for one in elements.iter().flat_map(|(_, elements)| elements) {
        let Some((set, _)) = &elements else { continue };
        things.extend(element(set, one.clone(), style)?.and_then(as_members));
    }
    Ok(things)
}

fn as_members((noun, thing): (String, serde_json::Value)) -> Option<Thing> {
    match thing {
        serde_json::Value::Object(members) => Some((noun, members)),
        _ => None,
    }
}

fn handle(made: &Made) -> Option<u64> {
    match made {
        Made::Table(table) => table.handle,
        Made::Chain(chain) => chain.handle,
        Made::Rule(rule) => rule.handle,
        Made::Set(set) => set.handle,
        Made::Object(object) => object.handle,
        Made::Flowtable(flowtable) => flowtable.handle,
        _ => None,
    }
}

fn verb(command: &Command) -> Option<&'static str> {
    match command.operation {
        Operation::Add | Operation::Create => Some("add"),
        Operation::Insert => Some("insert"),
        Operation::Replace => Some("replace"),
        _ => None,
    }
}

/// The order in one line; `None` where it makes nothing.
pub(super) fn line(command: &Command, options: &PrintOptions, names: &Names) -> Option<String> {
    let options = &PrintOptions { handles: false, ..*options };
    let verb = verb(command)?;
    Some(match &command.target {
        Target::Table(table) => format!("{verb} table {} {}", table.family, table.name),
        Target::Chain(chain) => {
            let block = print::chain(&Chain { rules: Vec::new(), ..(**chain).clone() }, options, names);
            format!("{verb} chain {} {} {}{}", chain.family, chain.table, chain.name, in_a_line(&block, " "))
        }
        Target::Rule { family, table, chain, rule, .. } => {
            format!("{verb} rule {family} {table} {chain} {}", print::rule(rule, options, names))
        }
        Target::Set(set) => {
            let noun = if set.target.is_some() { "map" } else { "set" };
            let block = print::set(&Set { elements: Vec::new(), ..(**set).clone() }, options, names);
            let mut line =
                format!("{verb} {noun} {} {} {}{}", set.family, set.table, set.name, in_a_line(&block, "; "));
            if !set.elements.is_empty() {
                line = format!("{line}\n{}", one_by_one(verb, set, &set.elements, options, names));
            }
            line
        }
        Target::Elements { set, elements: list } => one_by_one(verb, set, list, options, names),
        Target::PackedElements { set, elements: list } => {
            let list: Vec<_> = list.elements(&set.key.parts).collect();
            one_by_one(verb, set, &list, options, names)
        }
        Target::Object(object) => {
            let block = print::object(object, options, names);
            let noun = object.kind().name().unwrap_or("object");
            format!(
                "{verb} {noun} {} {} {}{}",
                object.family,
                object.table,
                object.name,
                in_a_line(&block, "; ")
            )
        }
        Target::Flowtable(table) => format!("{verb} {}", flowtable(table, options, names)),
        _ => return None,
    })
}

/// An order for each element of a set.
fn one_by_one(verb: &str, set: &Set, list: &[Element], options: &PrintOptions, names: &Names) -> String {
    let lines: Vec<String> =
        list.iter().map(|one| elements(verb, set, std::slice::from_ref(one), options, names)).collect();
    lines.join("\n")
}

/// An order about elements of a set.
pub(super) fn elements(
    verb: &str,
    set: &Set,
    list: &[Element],
    options: &PrintOptions,
    names: &Names,
) -> String {
    let list: Vec<String> = list.iter().map(|element| print::element(element, options, names)).collect();
    format!("{verb} element {} {} {} {{ {} }}", set.family, set.table, set.name, list.join(", "))
}

/// A flow table with its definition.
pub(super) fn flowtable(table: &Flowtable, options: &PrintOptions, names: &Names) -> String {
    let content = TableContent { flowtables: vec![table.clone()], ..in_table(table.family, &table.table) };
    let block = print::table(&content, options, names);
    // without the braces of the table that it lies in
    let block: Vec<&str> = block.lines().skip(1).collect();
    let block = in_a_line(&block.join("\n"), "; ");
    format!("flowtable {} {} {}{block}", table.family, table.table, table.name)
}

/// What a block has between its braces, in one line; nothing where there is nothing.
fn in_a_line(block: &str, between: &str) -> String {
    let inner: Vec<&str> =
        block.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && *line != "}").collect();
    let end = if between.starts_with(';') { ";" } else { "" };
    if inner.is_empty() { String::new() } else { format!(" {{ {}{end} }}", inner.join(between)) }
}
