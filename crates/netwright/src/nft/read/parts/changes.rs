//! Which generations changed which parts, as the kernel's notifications tell.

use std::collections::{HashMap, HashSet};

use netwright_netfilter::{MessageKind, NetfilterHeader, TableRef};
use netwright_wire::{Attributes, Message};

use super::Unit;

/// Types of the attributes that name things.
const TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const NAME: u16 = 2;
/// How many generations that changed a part are remembered.
const REMEMBERED: usize = 64;

/// What a notification says has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Change {
    /// One part.
    Unit(Unit),
    /// All that is in this table.
    Table(TableRef),
    /// Which things there are of a kind, in whatever table.
    Kind(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Tables,
    Chains,
    Sets,
    Objects,
    Flowtables,
}

/// The last generations that changed something, ascending, and the last of those before.
#[derive(Clone, Debug, Default)]
pub(super) struct Generations {
    known: Vec<u32>,
    forgotten: Option<u32>,
}

impl Generations {
    fn push(&mut self, generation: u32) {
        self.known.push(generation);
        if self.known.len() > REMEMBERED {
            self.forgotten = Some(self.known.remove(0));
        }
    }

    /// Whether one may lie behind one generation, and not behind another.
    pub(super) fn any_within(&self, behind: u32, until: u32) -> bool {
        let forgotten = self.forgotten.is_some_and(|last| last > behind);
        forgotten || self.known.iter().any(|one| *one > behind && *one <= until)
    }

    /// The last that is not behind a generation.
    pub(super) fn last_until(&self, generation: u32) -> Option<u32> {
        let known = self.known.iter().copied().filter(|one| *one <= generation).max();
        known.or(self.forgotten.filter(|one| *one <= generation))
    }

    /// The first behind a generation.
    pub(super) fn first_behind(&self, generation: u32) -> Option<u32> {
        self.known.iter().copied().filter(|one| *one > generation).min()
    }
}

/// Which generations changed what.
pub(super) struct Changes {
    /// Up to this generation all is known.
    until: u32,
    generations: HashMap<Change, Generations>,
    /// What the transaction that is told of has changed so far.
    open: HashSet<Change>,
    /// Kind, family and names of the last notification: the next is often about the same.
    last: Vec<u8>,
}

impl Changes {
    pub(super) fn new(from: u32) -> Self {
        Changes { until: from, generations: HashMap::new(), open: HashSet::new(), last: Vec::new() }
    }

    pub(super) fn until(&self) -> u32 {
        self.until
    }

    /// Notes a notification. `chains` are the parts of single chains of a table: one that gets another name is told by that
    /// alone.
    pub(super) fn note(&mut self, message: &Message<'_>, chains: impl FnOnce(&TableRef) -> Vec<Unit>) {
        let Some(kind) = MessageKind::of(message) else { return };
        let family = message.fixed::<NetfilterHeader>().unwrap_or_default().family;
        let is_chain = matches!(kind, MessageKind::NEW_CHAIN | MessageKind::DELETE_CHAIN);
        let name = if is_chain { CHAIN_NAME } else { NAME };
        if self.is_as_before(message, family.0, name) {
            return;
        }
        let text = |kind: u16| {
            let found = Attributes::new(message.bytes_after(NetfilterHeader::SIZE)).find(kind).ok().flatten();
            found
                .and_then(|found| found.big::<String>().ok()?.as_str().map(str::to_owned))
                .unwrap_or_default()
        };
        let table = TableRef::new(family, text(TABLE));
        let mut units = Vec::new();
        match kind {
            MessageKind::NEW_TABLE | MessageKind::DELETE_TABLE => {
                units.push(Unit::Tables);
                self.open.insert(Change::Kind(Kind::Tables));
                self.open.insert(Change::Table(table));
            }
            MessageKind::NEW_CHAIN | MessageKind::DELETE_CHAIN => {
                let chain = table.chain(text(CHAIN_NAME));
                units.extend(chains(&table));
                units.extend([Unit::Chains(table), Unit::Chain(chain.clone()), Unit::Rules(chain)]);
                self.open.insert(Change::Kind(Kind::Chains));
            }
            MessageKind::NEW_RULE | MessageKind::DELETE_RULE => {
                units.push(Unit::Rules(table.chain(text(NAME))));
            }
            MessageKind::NEW_SET | MessageKind::DELETE_SET => {
                let set = table.set(text(NAME));
                units.extend([Unit::Sets(table), Unit::Set(set.clone()), Unit::Elements(set)]);
                self.open.insert(Change::Kind(Kind::Sets));
            }
            // their number is told with the set
            MessageKind::NEW_ELEMENTS | MessageKind::DELETE_ELEMENTS => {
                let set = table.set(text(NAME));
                units.extend([Unit::Sets(table), Unit::Set(set.clone()), Unit::Elements(set)]);
            }
            MessageKind::NEW_OBJECT | MessageKind::DELETE_OBJECT => {
                units.push(Unit::Objects(table));
                self.open.insert(Change::Kind(Kind::Objects));
            }
            MessageKind::NEW_FLOWTABLE | MessageKind::DELETE_FLOWTABLE => {
                units.push(Unit::Flowtables(table));
                self.open.insert(Change::Kind(Kind::Flowtables));
            }
            _ => {}
        }
        self.open.extend(units.into_iter().map(Change::Unit));
    }

    /// Whether a notification is about the same as the one before.
    fn is_as_before(&mut self, message: &Message<'_>, family: u8, name: u16) -> bool {
        let before = std::mem::take(&mut self.last);
        self.last.reserve(before.len());
        self.last.extend(message.header.kind.to_ne_bytes());
        self.last.push(family);
        for one in Attributes::new(message.bytes_after(NetfilterHeader::SIZE)).flatten() {
            if one.kind == TABLE || one.kind == name {
                self.last.push(0);
                self.last.extend(one.payload);
            }
            if one.kind == name {
                break;
            }
        }
        self.last == before
    }

    /// What was noted is what a transaction changed that made this generation; returns which of the parts that are.
    pub(super) fn end<'u>(&mut self, generation: u32, units: impl Iterator<Item = &'u Unit>) -> Vec<Unit> {
        self.until = self.until.max(generation);
        let open = std::mem::take(&mut self.open);
        self.last.clear();
        if open.is_empty() {
            return Vec::new();
        }
        let tables: HashSet<&TableRef> = open
            .iter()
            .filter_map(|change| match change {
                Change::Table(table) => Some(table),
                _ => None,
            })
            .collect();
        let changed = |unit: &&Unit| {
            unit.table().is_some_and(|table| tables.contains(table))
                || open.contains(&Change::Unit((*unit).clone()))
        };
        let hit = match tables.is_empty() {
            // the usual transaction changes a few of many parts
            true => {
                drop(units);
                let of = open.iter().filter_map(|change| match change {
                    Change::Unit(unit) => Some(unit.clone()),
                    _ => None,
                });
                of.collect()
            }
            false => units.filter(changed).cloned().collect(),
        };
        for change in open {
            self.generations.entry(change).or_default().push(generation);
        }
        hit
    }

    /// The generations that changed a part, as far as they are remembered; where it was told in several answers, also those
    /// that changed what the kernel goes over meanwhile.
    pub(super) fn of(&self, unit: &Unit, spread: bool) -> Vec<&Generations> {
        let kind = match unit {
            Unit::Tables => Some(Kind::Tables),
            Unit::Chains(_) => Some(Kind::Chains),
            Unit::Sets(_) => Some(Kind::Sets),
            Unit::Objects(_) => Some(Kind::Objects),
            Unit::Flowtables(_) => Some(Kind::Flowtables),
            _ => None,
        };
        let own = Change::Unit(unit.clone());
        let table = unit.table().map(|table| Change::Table(table.clone()));
        let all = [Some(own), table, kind.filter(|_| spread).map(Change::Kind)].into_iter().flatten();
        all.filter_map(|change| self.generations.get(&change)).collect()
    }
}
