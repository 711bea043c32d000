//! What was made, in the words of nft with `-e`.

use std::collections::HashMap;
use std::fmt::Write;

use netwright::{Committed, Made};
use netwright_nft::ir::{Chain, Command, Operation, Set, Target};
use netwright_nft::print;
use netwright_nft::table::{Names, PrintOptions};

/// One line for each order that made something. `tags` are the numbers of the orders by message.
pub(super) fn text(
    commands: &[Command],
    committed: &Committed,
    tags: &[Option<u32>],
    options: &PrintOptions,
    names: &Names,
) -> String {
    let made =
        committed.made.iter().filter_map(|(message, made)| Some(((*tags.get(*message)?)?, handle(made)?)));
    // an order makes what it names last, behind the sets that a rule brings along
    let handles: HashMap<u32, u64> = made.collect();
    let mut text = String::new();
    for (index, command) in (0..).zip(commands) {
        if let Some(line) = line(command, options, names) {
            let handle = handles.get(&index).filter(|_| options.handles);
            let handle = handle.map(|handle| format!(" # handle {handle}")).unwrap_or_default();
            // writing into a String cannot fail
            let _ = writeln!(text, "{line}{handle}");
        }
    }
    text
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

/// The order in one line; `None` where it makes nothing.
pub(super) fn line(command: &Command, options: &PrintOptions, names: &Names) -> Option<String> {
    let options = &PrintOptions { handles: false, ..*options };
    let verb = match command.operation {
        Operation::Add | Operation::Create => "add",
        Operation::Insert => "insert",
        Operation::Replace => "replace",
        _ => return None,
    };
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
                line = format!("{line}\n{}", elements(verb, set, &set.elements, options, names));
            }
            line
        }
        Target::Elements { set, elements: list } => elements(verb, set, list, options, names),
        Target::PackedElements { set, elements: list } => {
            let list: Vec<_> = list.elements(&set.key.parts).collect();
            elements(verb, set, &list, options, names)
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
        Target::Flowtable(table) => {
            format!("{verb} flowtable {} {} {}", table.family, table.table, table.name)
        }
        _ => return None,
    })
}

/// An order about elements of a set.
pub(super) fn elements(
    verb: &str,
    set: &Set,
    list: &[netwright_nft::ir::Element],
    options: &PrintOptions,
    names: &Names,
) -> String {
    let list: Vec<String> = list.iter().map(|element| print::element(element, options, names)).collect();
    format!("{verb} element {} {} {} {{ {} }}", set.family, set.table, set.name, list.join(", "))
}

/// What a block has between its braces, in one line; nothing where there is nothing.
fn in_a_line(block: &str, between: &str) -> String {
    let inner: Vec<&str> =
        block.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && *line != "}").collect();
    let end = if between.starts_with(';') { ";" } else { "" };
    if inner.is_empty() { String::new() } else { format!(" {{ {}{end} }}", inner.join(between)) }
}
