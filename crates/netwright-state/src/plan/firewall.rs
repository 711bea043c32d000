//! The firewall: one transaction with what differs.

use netwright_netfilter::TableFlags;
use netwright_nft::diagnostic::Diagnostic;

use super::Planner;
use crate::ruleset::{Change, Ruleset, Table, TableName, between, count};
use crate::step::{Action, Inverse, Sign, Step, Transaction};

/// When the transaction has its turn.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum When {
    First,
    /// It needs devices that are yet to be made.
    BehindLinks,
    /// It only takes away.
    Last,
}

/// The step that makes the firewall what it shall be, if it is not.
pub(super) fn transaction(planner: &mut Planner<'_>, wanted: &Ruleset) -> Option<(Step, When)> {
    let found = &planner.snapshot.firewall;
    let mut all = Transaction::default();
    let mut details = Vec::new();
    let mut touched = Vec::new();
    let (mut adds, mut removes) = (false, false);
    for table in &wanted.tables {
        let name = table.name();
        if table.table.flags & TableFlags::OWNER.bits() != 0 {
            planner.error(owned(&name, table));
            continue;
        }
        let there = found.table(&name);
        let change = between(there, Some(table));
        if change.commands.is_empty() {
            continue;
        }
        if there.is_some_and(|there| !there.own) {
            planner.error(foreign(&name, table, &change));
            continue;
        }
        adds = true;
        if change.made {
            details.push((Sign::Add, format!("table {name} ({})", contents(table))));
            all.marked.push(name.clone());
        }
        details
            .extend(change.details.into_iter().map(|(sign, what)| (sign, format!("table {name}, {what}"))));
        all.commands.extend(change.commands);
        touched.push(name);
    }
    for table in found.tables.iter().filter(|table| table.own && wanted.table(&table.name()).is_none()) {
        removes = true;
        details.push((Sign::Remove, format!("table {} ({})", table.name(), contents(table))));
        all.commands.extend(between(Some(table), None).commands);
        touched.push(table.name());
    }
    if all.commands.is_empty() {
        return None;
    }
    let when = if !adds && removes {
        When::Last
    } else if wanted.tables.iter().flat_map(Table::devices).any(|name| planner.snapshot.link(name).is_none())
    {
        When::BehindLinks
    } else {
        When::First
    };
    let before = touched
        .into_iter()
        .map(|name| (found.table(&name).cloned(), name))
        .map(|(table, name)| (name, table));
    let sign = match (found.tables.iter().any(|table| table.own), adds) {
        (false, _) => Sign::Add,
        (true, true) => Sign::Change,
        (true, false) => Sign::Remove,
    };
    let place = adds.then_some(planner.host.firewall.place.span);
    let inverse = Inverse::Firewall(before.collect());
    let text = "firewall".to_owned();
    Some((Step { action: Action::Firewall(all), inverse, sign, text, details, place }, when))
}

fn foreign(name: &TableName, table: &Table, change: &Change) -> Diagnostic {
    let message = format!("table {name} exists already, was not made by netwright, and is different");
    let mut details: Vec<String> = change.details.iter().map(|(_, what)| what.clone()).take(3).collect();
    if change.details.len() > details.len() {
        details.push("…".to_owned());
    }
    Diagnostic::error(table.place.unwrap_or_default(), message)
        .help(format!("It differs in {}.", details.join("; ")))
        .help(format!("Remove it with `nft delete table {name}` if nobody needs it, or take another name."))
}

fn owned(name: &TableName, table: &Table) -> Diagnostic {
    let why = match table.table.flags & TableFlags::PERSIST.bits() {
        0 => "lives only as long as the process that made it",
        _ => "can be changed only by the process that made it",
    };
    let message = format!("table {name} cannot have `flags owner`: a table with an owner {why}");
    Diagnostic::error(table.place.unwrap_or_default(), message).help("Leave out `flags owner`.")
}

fn contents(table: &Table) -> String {
    let mut parts = vec![count(table.chains.len(), "chain"), count(table.rules(), "rule")];
    for (number, noun) in
        [(table.sets.len(), "set"), (table.objects.len(), "object"), (table.flowtables.len(), "flow table")]
    {
        if number > 0 {
            parts.push(count(number, noun));
        }
    }
    parts.join(", ")
}
