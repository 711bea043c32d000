//! The firewall: a transaction with what differs, before everything else where it can be.

use std::borrow::Cow;
use std::collections::HashSet;

use netwright_netfilter::TableFlags;
use netwright_nft::diagnostic::Diagnostic;
use netwright_nft::table::{Database, Names};

use super::Planner;
use crate::model::Host;
use crate::ruleset::{Change, Ruleset, Table, TableName, between, count, kept_in};
use crate::step::{Action, Sign, Step, Transaction};

/// The steps for the firewall by the time at which they have their turn.
#[derive(Default)]
pub(super) struct Transactions {
    /// Before anything else.
    pub(super) first: Option<Step>,
    /// Tables with devices that are yet to be made.
    pub(super) behind_links: Option<Step>,
    /// Where tables are only taken away.
    pub(super) last: Option<Step>,
}

/// A transaction while it is put together.
#[derive(Default)]
struct Draft {
    transaction: Transaction,
    details: Vec<(Sign, String)>,
    changes: bool,
}

impl Draft {
    fn step(mut self, planner: &Planner<'_>, sign: Sign) -> Option<Step> {
        if self.transaction.commands.is_empty() {
            return None;
        }
        self.transaction.owner.clone_from(&planner.owners.own.owner);
        let place = (sign != Sign::Remove).then_some(planner.host.firewall.place.span);
        let mut step = Step::new(sign, "firewall", Action::Firewall(self.transaction)).at(place);
        step.details = self.details;
        Some(step)
    }
}

/// The steps that make the firewall what it shall be, where it is not.
pub(super) fn transactions(planner: &mut Planner<'_>, wanted: &Ruleset) -> Transactions {
    let snapshot = planner.snapshot;
    let found = &snapshot.firewall;
    let names = names(planner);
    let kept = kept_sets(planner.host);
    let (mut first, mut behind, mut last) = (Draft::default(), Draft::default(), Draft::default());
    for table in &wanted.tables {
        let name = table.name();
        if table.table.flags & TableFlags::OWNER.bits() != 0 {
            planner.error(owned(&name, table));
            continue;
        }
        let there = found.table(&name);
        if let Some(other) = there.and_then(|there| other_owner(planner, there)) {
            let place = table.place.unwrap_or_default();
            planner.of_another(&format!("table {name}"), &other, place);
            continue;
        }
        let table = &*without_missing(planner, table);
        let own = there.is_none_or(|there| is_own(planner, there));
        let change = between(there, Some(table), &names, &kept_in(&kept, &name));
        if own {
            planner.record.tables.push(name.clone());
            if there.is_some_and(|there| there.owner.is_none()) {
                planner.record.adopted.push(name.clone());
            }
        }
        if change.commands.is_empty() {
            continue;
        }
        if !own {
            if !planner.host.firewall.adopt {
                planner.error(foreign(&name, table, &change));
                continue;
            }
            planner.record.tables.push(name.clone());
            planner.record.adopted.push(name.clone());
        }
        let waits = table.devices().any(|device| planner.lookup.link(device).is_none());
        let draft = if waits { &mut behind } else { &mut first };
        if change.made {
            draft.details.push((Sign::Add, format!("table {name} ({})", contents(table))));
            draft.transaction.marked.push(name.clone());
        }
        draft.changes |= there.is_some();
        let details = change.details.into_iter();
        draft.details.extend(details.map(|(sign, what)| (sign, format!("table {name}, {what}"))));
        draft.transaction.commands.extend(change.commands);
    }
    let only_takes_away = first.transaction.commands.is_empty() && behind.transaction.commands.is_empty();
    let gone = found.tables.iter().filter(|table| wanted.table(&table.name()).is_none());
    for table in gone.filter(|table| is_own(planner, table)) {
        let draft = if only_takes_away { &mut last } else { &mut first };
        draft.changes = true;
        draft.details.push((Sign::Remove, format!("table {} ({})", table.name(), contents(table))));
        draft.transaction.commands.extend(between(Some(table), None, &names, &HashSet::new()).commands);
    }
    let sign = |draft: &Draft| if draft.changes { Sign::Change } else { Sign::Add };
    let (of_first, of_behind) = (sign(&first), sign(&behind));
    Transactions {
        first: first.step(planner, of_first),
        behind_links: behind.step(planner, of_behind),
        last: last.step(planner, Sign::Remove),
    }
}

/// The sets in which the elements of others stay.
pub(super) fn kept_sets(host: &Host) -> Vec<(TableName, String)> {
    let kept = host.firewall.sets.iter().filter(|set| set.is_kept());
    kept.filter_map(|set| Some((TableName::written(&set.table)?, set.name.clone()))).collect()
}

/// The owner that a table belongs to which is not the one that is planned for.
fn other_owner(planner: &Planner<'_>, table: &Table) -> Option<crate::record::Record> {
    if is_own(planner, table) {
        return None;
    }
    if let Some(other) = planner.lookup.other_of_table(&table.name()) {
        return Some(other.clone());
    }
    let owner = table.owner.as_ref()?;
    Some(crate::record::Record::new(owner.as_str()))
}

/// A table that the owner made carries its name; one that it took over stands in its record alone.
fn is_own(planner: &Planner<'_>, table: &Table) -> bool {
    let own = &planner.owners.own;
    match &table.owner {
        Some(owner) => *owner == own.owner,
        None => own.adopted.contains(&table.name()),
    }
}

/// The names of interfaces, for rules in words.
fn names(planner: &Planner<'_>) -> Names {
    let mut names = Names::new();
    for link in &planner.snapshot.links {
        names.insert(Database::Interfaces, &link.name, link.index.into());
    }
    for id in planner.ids.iter().flatten() {
        if let Some(name) = id.name() {
            names.insert(Database::Interfaces, &name, id.index.into());
        }
    }
    names
}

/// The table without devices that are not there and will not be: the kernel would refuse all of it.
fn without_missing<'t>(planner: &mut Planner<'_>, table: &'t Table) -> Cow<'t, Table> {
    let is_missing =
        |planner: &Planner<'_>, name: &str| planner.lookup.link(name).is_none() && planner.id(name).is_none();
    let missing: Vec<String> =
        table.devices().filter(|device| is_missing(planner, device)).map(str::to_owned).collect();
    if missing.is_empty() {
        return Cow::Borrowed(table);
    }
    let mut table = table.clone();
    let gone = |device: &mut String| !missing.contains(device);
    let mut without = Vec::new();
    for chain in &mut table.chains {
        if let Some(hook) = &mut chain.hook
            && !hook.devices.is_empty()
        {
            hook.devices.retain_mut(gone);
            if hook.devices.is_empty() {
                without.push(chain.name.clone());
            }
        }
    }
    table.chains.retain(|chain| !without.contains(&chain.name));
    table.flowtables.iter_mut().for_each(|flowtable| flowtable.devices.retain_mut(gone));
    for device in missing {
        let message = format!("table {} names the device `{device}`, which is not there", table.name());
        let warning = Diagnostic::warning(table.place.unwrap_or_default(), message);
        planner.error(warning.help("It is left out until the device appears; the rest of the table stands."));
        if planner.lookup.declared(&device).is_none() {
            planner.missing.push(super::Missing { name: device, optional: false });
        }
    }
    Cow::Owned(table)
}

fn foreign(name: &TableName, table: &Table, change: &Change) -> Diagnostic {
    let message = format!("table {name} exists already, was made by somebody else, and is different");
    let mut details: Vec<String> =
        change.details.iter().map(|(sign, what)| format!("{} {what}", sign.as_char())).take(5).collect();
    if change.details.len() > details.len() {
        details.push(format!("and {} more", change.details.len() - details.len()));
    }
    let mut error = Diagnostic::error(table.place.unwrap_or_default(), message);
    for detail in details {
        error = error.help(format!("To be changed would be {detail}."));
    }
    error.help("Take another name for the table, or say `adopt = true` in `[firewall]`: then it is taken over and changed.")
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
