//! Answers to `list`: the kernel's rulesets in the nft language.

use std::io::{self, Write};

use netwright::Net;
use netwright::netfilter::request::List;
use netwright::netfilter::{self as kernel, Family, SetFlags};
use netwright_nft::diagnostic::{nearest, suggestion};
use netwright_nft::ir::{
    Command, Entity, Object, Operation, Ruleset, Selection, Set, Table, TableContent, Target,
};
use netwright_nft::{json, lift, print};

use super::style::{Style, write};
use super::unanswered::Unanswered;
use super::{describe, hooks, monitor, reset, trace};

/// Answers an order that shows something.
pub(super) fn answer(
    command: &Command,
    net: &Net,
    style: Style<'_>,
    out: &mut impl Write,
) -> Result<(), Unanswered> {
    let (operation, selection) = match (command.operation, &command.target) {
        (operation @ (Operation::List | Operation::Reset), Target::Selection(selection)) => {
            (operation, selection)
        }
        (operation @ (Operation::Get | Operation::Reset), Target::Elements { set, elements }) => {
            let part = reset::elements(set, elements, operation == Operation::Reset, net)?;
            return Ok(write_parts(vec![part], style, out)?);
        }
        (operation @ (Operation::Get | Operation::Reset), Target::PackedElements { set, elements }) => {
            let list: Vec<_> = elements.elements(&set.key.parts).collect();
            let part = reset::elements(set, &list, operation == Operation::Reset, net)?;
            return Ok(write_parts(vec![part], style, out)?);
        }
        (Operation::Export, Target::Exchange { format: Some(format) }) if format != "json" => {
            let help = "the only format is `json`";
            return Err(Unanswered::Unknown(format!("{format} cannot be written"), Some(help.into())));
        }
        (Operation::Export, Target::Exchange { .. }) => {
            let everything = lift::ruleset(&net.nft().dump(Family::UNSPECIFIED)?);
            return Ok(write(&everything, Style { json: true, ..style }, out)?);
        }
        (Operation::Monitor, Target::Changes { event, object, format }) => {
            let json = match format.as_deref() {
                None => style.json,
                Some("json") => true,
                Some(other) => {
                    let message = format!("there is no format `{other}`");
                    return Err(Unanswered::Unknown(message, Some("leave it out, or say `json`".into())));
                }
            };
            if object.as_deref() == Some("trace") {
                return trace::follow(net, style, out);
            }
            let style = Style { json, ..style };
            return monitor::follow(event.as_deref(), object.as_deref(), net, style, out);
        }
        (Operation::List, Target::Hooks { family, device }) => {
            return hooks::list(*family, device.as_deref(), net, style, out);
        }
        (Operation::Describe, Target::Description { expression, parts }) => {
            return Ok(describe::write(expression.as_ref(), parts, style.names, out)?);
        }
        _ => return Err(Unanswered::Unknown("this cannot be answered".into(), None)),
    };
    let mut ruleset = match operation {
        Operation::Reset => reset::ruleset(selection, net)?,
        _ if selection.entity == Entity::Table && selection.table.is_none() => {
            let tables = net.nft().list(List::<kernel::Table>::new(selection.family))?;
            lift::ruleset(&kernel::Ruleset { tables, ..kernel::Ruleset::default() })
        }
        _ => lift::ruleset(&net.nft().dump(selection.family)?),
    };
    if let Some(table) = &selection.table {
        keep_table(&mut ruleset, selection, table)?;
    }
    show(&ruleset, selection, style, out)
}

fn show(
    ruleset: &Ruleset,
    selection: &Selection,
    style: Style<'_>,
    out: &mut impl Write,
) -> Result<(), Unanswered> {
    match selection.entity {
        Entity::Table if selection.table.is_none() => tables(ruleset, style, out)?,
        Entity::Ruleset | Entity::Table => write(ruleset, style, out)?,
        Entity::Rule if selection.chain.is_none() => write(ruleset, style, out)?,
        entity => {
            let entity = if entity == Entity::Rule { Entity::Chain } else { entity };
            let one = selection.name.as_deref().or(selection.chain.as_deref());
            let parts = ruleset.tables.iter().filter_map(|content| Part { content, entity, one }.content());
            let parts: Vec<TableContent> = parts.collect();
            match one {
                Some(one) if parts.is_empty() => return Err(missing(ruleset, entity, one)),
                _ => write_parts(parts, style, out)?,
            }
        }
    }
    Ok(())
}

/// The names of tables.
fn tables(ruleset: &Ruleset, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
    if style.json {
        let bare =
            |content: &TableContent| TableContent { table: content.table.clone(), ..TableContent::default() };
        return write(&Ruleset { tables: ruleset.tables.iter().map(bare).collect() }, style, out);
    }
    ruleset
        .tables
        .iter()
        .try_for_each(|content| writeln!(out, "table {} {}", content.table.family, content.table.name))
}

/// Tables with a part of what lies in them. As with nft, there are no empty lines between things of one kind, and JSON
/// has the things without their tables.
fn write_parts(parts: Vec<TableContent>, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
    let Style { options, names, json } = style;
    if !json {
        for content in &parts {
            let text = print::table(content, options, names);
            text.lines().filter(|line| !line.is_empty()).try_for_each(|line| writeln!(out, "{line}"))?;
        }
        return Ok(());
    }
    let text = json::ruleset(&Ruleset { tables: parts }, options, names);
    let mut document: serde_json::Value = serde_json::from_str(&text)?;
    if let Some(things) = document.get_mut("nftables").and_then(serde_json::Value::as_array_mut) {
        things.retain(|thing| thing.get("table").is_none());
    }
    writeln!(out, "{document}")
}

fn keep_table(ruleset: &mut Ruleset, selection: &Selection, table: &str) -> Result<(), Unanswered> {
    let known: Vec<String> = ruleset.tables.iter().map(|content| content.table.name.clone()).collect();
    ruleset.tables.retain(|content| content.table.name == table);
    if !ruleset.tables.is_empty() {
        return Ok(());
    }
    let help = nearest(table, known.iter().map(String::as_str)).map(suggestion);
    let message = format!("there is no table {} {table}", selection.family);
    Err(Unanswered::Missing(table.to_owned(), message, help))
}

fn missing(ruleset: &Ruleset, entity: Entity, name: &str) -> Unanswered {
    let known = ruleset.tables.iter().flat_map(|content| Part { content, entity, one: None }.names());
    let help = nearest(name, known).map(suggestion);
    let noun = match entity {
        Entity::Chain => "chain",
        Entity::Set => "set",
        Entity::Map => "map",
        Entity::Meter => "meter",
        Entity::Flowtable => "flow table",
        Entity::Object(kind) => kind.name().unwrap_or("object"),
        Entity::Ruleset | Entity::Table | Entity::Rule => "thing",
    };
    Unanswered::Missing(name.to_owned(), format!("there is no {noun} `{name}` here"), help)
}

/// The things of a kind in a table: all, or one by its name.
struct Part<'a> {
    content: &'a TableContent,
    entity: Entity,
    one: Option<&'a str>,
}

impl<'a> Part<'a> {
    fn meant(&self, name: &str) -> bool {
        self.one.is_none_or(|one| one == name)
    }

    fn is_kind(&self, set: &Set) -> bool {
        match self.entity {
            Entity::Map => set.target.is_some(),
            Entity::Meter => SetFlags::from_bits_retain(set.flags).contains(SetFlags::EVAL),
            _ => set.target.is_none(),
        }
    }

    /// What the things are called.
    fn names(self) -> Vec<&'a str> {
        let TableContent { chains, sets, flowtables, objects, .. } = self.content;
        match self.entity {
            Entity::Chain => chains.iter().map(|chain| chain.name.as_str()).collect(),
            Entity::Set | Entity::Map | Entity::Meter => {
                sets.iter().filter(|set| self.is_kind(set)).map(|set| set.name.as_str()).collect()
            }
            Entity::Flowtable => flowtables.iter().map(|table| table.name.as_str()).collect(),
            Entity::Object(_) => objects.iter().map(|object| object.name.as_str()).collect(),
            Entity::Ruleset | Entity::Table | Entity::Rule => Vec::new(),
        }
    }

    /// The table with these things alone, if there are any; chains among all chains come without their rules. As with
    /// nft, a table without any is named all the same where all sets or flow tables are asked for.
    fn content(&self) -> Option<TableContent> {
        let TableContent { table, chains, sets, flowtables, objects } = self.content;
        let named = Table { family: table.family, name: table.name.clone(), ..Table::default() };
        let mut content = TableContent { table: named, ..TableContent::default() };
        match self.entity {
            Entity::Chain => {
                content.chains = chains.iter().filter(|chain| self.meant(&chain.name)).cloned().collect();
                if self.one.is_none() {
                    content.chains.iter_mut().for_each(|chain| chain.rules.clear());
                }
            }
            Entity::Set | Entity::Map | Entity::Meter => {
                content.sets =
                    sets.iter().filter(|set| self.is_kind(set) && self.meant(&set.name)).cloned().collect();
            }
            Entity::Flowtable => {
                content.flowtables =
                    flowtables.iter().filter(|table| self.meant(&table.name)).cloned().collect();
            }
            Entity::Object(kind) => {
                let fits = |object: &&Object| object.kind() == kind && self.meant(&object.name);
                content.objects = objects.iter().filter(fits).cloned().collect();
            }
            Entity::Ruleset | Entity::Table | Entity::Rule => {}
        }
        let empty = content.chains.is_empty()
            && content.sets.is_empty()
            && content.flowtables.is_empty()
            && content.objects.is_empty();
        let named = matches!(self.entity, Entity::Set | Entity::Map | Entity::Meter | Entity::Flowtable);
        (!empty || named && self.one.is_none()).then_some(content)
    }
}
