//! A ruleset in parts, each read by one question, and the generations that each is of.

mod ask;
mod changes;
mod wanted;

use std::collections::{BTreeSet, HashMap, HashSet};

use netwright_netfilter::{
    Chain, ChainRef, Element, Flowtable, Object, Rule, Ruleset, Set, SetRef, StoredElements, StoredRules,
    Table, TableRef,
};
use netwright_sys::{Connection, Namespace};
use netwright_wire::Message;

use super::{Thing, has_many};
use crate::Result;
use changes::Changes;

pub(in crate::nft) use wanted::{Part, Wanted};

/// How many parts are read before it is looked whether all are known by then.
const ROUND: usize = 64;
/// So many things are told in one answer, whatever they are.
const TOLD_AT_ONCE: usize = 30;
/// How many versions of a part are kept.
const KEPT: usize = 6;

/// What one question is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Tables,
    Chains(TableRef),
    Chain(ChainRef),
    Rules(ChainRef),
    Sets(TableRef),
    Set(SetRef),
    Elements(SetRef),
    Objects(TableRef),
    Flowtables(TableRef),
}

/// What it was answered with.
#[derive(Clone, Debug)]
enum Content {
    Tables(Vec<Table>),
    Chains(Vec<Chain>),
    Rules(Vec<Rule>),
    StoredRules(StoredRules),
    Sets(Vec<Set>),
    Elements(Vec<Element>),
    StoredElements(StoredElements),
    Objects(Vec<Object>),
    Flowtables(Vec<Flowtable>),
}

impl Content {
    /// Whether it was told in several answers, between which the kernel counts what it has told across tables. What is in
    /// one chain or set is counted by itself.
    fn is_spread(&self) -> bool {
        TOLD_AT_ONCE
            < match self {
                Content::Tables(list) => list.len(),
                Content::Chains(list) => list.len(),
                Content::Sets(list) => list.len(),
                Content::Objects(list) => list.len(),
                Content::Flowtables(list) => list.len(),
                Content::Rules(_)
                | Content::StoredRules(_)
                | Content::Elements(_)
                | Content::StoredElements(_) => 0,
            }
    }

    /// Whether a rule comes twice: a walk over a chain that changes may meet one again.
    fn is_torn(&self) -> bool {
        !match self {
            Content::Rules(rules) => are_distinct(rules.iter().filter_map(|rule| rule.handle).collect()),
            Content::StoredRules(rules) => are_distinct(rules.handles().collect()),
            _ => true,
        }
    }
}

fn are_distinct(mut handles: Vec<u64>) -> bool {
    // mostly they are in order already
    handles.sort_unstable();
    handles.is_sorted_by(|one, next| one < next)
}

/// A part as it was in some generations.
#[derive(Debug)]
struct Version {
    content: Content,
    first: u32,
    /// None where it has not changed since.
    last: Option<u32>,
}

impl Version {
    fn covers(&self, generation: u32) -> bool {
        self.first <= generation && self.last.is_none_or(|last| generation <= last)
    }
}

/// What was wanted, as of one moment.
#[derive(Debug, Default)]
pub(in crate::nft) struct Whole {
    pub(in crate::nft) ruleset: Ruleset,
    /// The elements of sets that have none in the ruleset.
    pub(in crate::nft) elements: Vec<(Set, StoredElements)>,
    /// The rules of chains that have none in the ruleset.
    pub(in crate::nft) rules: HashMap<ChainRef, StoredRules>,
}

/// What was read of a ruleset.
pub(super) struct Parts {
    wanted: Wanted,
    namespace: Namespace,
    /// Whether the elements of sets with a name and the rules of chains are only stored.
    stored: bool,
    /// From this generation on it is known what has changed.
    from: u32,
    versions: HashMap<Unit, Vec<Version>>,
    /// The sets with very many elements.
    large: HashSet<SetRef>,
    changes: Changes,
}

/// A part that is to be read.
#[derive(Debug)]
pub(super) struct Stale(Unit);

/// A part that was read.
pub(super) struct Read {
    unit: Unit,
    content: Content,
    /// It is of this generation or a later one.
    told: u32,
    /// Of none after this.
    pub(super) after: u32,
}

impl Parts {
    pub(super) fn new(wanted: Wanted, namespace: &Namespace, from: u32, stored: bool) -> Self {
        let namespace = namespace.clone();
        let (versions, large, changes) = (HashMap::new(), HashSet::new(), Changes::new(from));
        Parts { wanted, namespace, stored, from, versions, large, changes }
    }

    /// Reads all that is wanted, with as few questions as can be; false where it changes meanwhile.
    pub(super) fn fill(&mut self, connection: &mut Connection, generation: u32) -> Result<bool> {
        if self.wanted.is_all() {
            for (unit, content) in self.bulk(connection)? {
                self.put(unit, content, generation);
            }
        }
        loop {
            let missing = self.missing(generation);
            if missing.is_empty() {
                break;
            }
            for unit in missing {
                let content = self.ask(&unit, connection)?;
                self.put(unit, content, generation);
            }
        }
        let unchanged = super::generation(connection)? == generation;
        Ok(unchanged && self.versions.values().flatten().all(|version| !version.content.is_torn()))
    }

    fn put(&mut self, unit: Unit, content: Content, generation: u32) {
        self.note_large(&content);
        self.versions.insert(unit, vec![Version { content, first: generation, last: None }]);
    }

    fn note_large(&mut self, content: &Content) {
        if let Content::Sets(sets) = content {
            self.large.extend(sets.iter().filter(|set| has_many(set)).map(Set::reference));
        }
    }

    /// The parts that are to be read next.
    pub(super) fn stale(&self) -> Vec<Stale> {
        self.missing(self.changes.until()).into_iter().take(ROUND).map(Stale).collect()
    }

    pub(super) fn read(&self, Stale(unit): Stale, told: u32, connection: &mut Connection) -> Result<Read> {
        let content = self.ask(&unit, connection)?;
        Ok(Read { unit, content, told, after: told })
    }

    /// Keeps what did not change while it was read; where it is late, also what did, as it was met.
    pub(super) fn keep(&mut self, read: Vec<Read>, late: bool) {
        for Read { unit, content, told, after } in read {
            let changes = self.changes.of(&unit, content.is_spread());
            let changed = changes.iter().any(|change| change.any_within(told, after));
            if changed && !late || content.is_torn() {
                continue;
            }
            let first = changes.iter().filter_map(|change| change.last_until(told)).max();
            let last = changes.iter().filter_map(|change| change.first_behind(after)).min();
            let last = last.map(|change| change - 1);
            self.note_large(&content);
            let first = first.unwrap_or(self.from).max(self.from);
            let versions = self.versions.entry(unit).or_default();
            versions.push(Version { content, first, last: last.filter(|_| !changed) });
            if versions.len() > KEPT {
                versions.remove(0);
            }
        }
    }

    /// Notes what a notification says has changed.
    pub(super) fn note(&mut self, message: &Message<'_>) {
        let versions = &self.versions;
        self.changes.note(message, |table| {
            let chains = versions.keys().filter(|unit| matches!(unit, Unit::Chain(_)));
            chains.filter(|unit| unit.table() == Some(table)).cloned().collect()
        });
    }

    /// What was noted is what a transaction changed that made this generation.
    pub(super) fn end_transaction(&mut self, generation: u32) {
        for unit in self.changes.end(generation, self.versions.keys()) {
            let versions = self.versions.get_mut(&unit).into_iter().flatten();
            for version in versions.filter(|version| version.last.is_none()) {
                version.last = Some(generation - 1);
            }
        }
    }

    /// Whether a thing may have changed behind a generation, as far as it was told.
    pub(super) fn has_changed(&self, thing: &Thing, behind: u32) -> bool {
        let unit = match thing {
            Thing::Set(set) => Unit::Elements(set.clone()),
            Thing::Rules(chain) => Unit::Rules(chain.clone()),
        };
        let changes = self.changes.of(&unit, false);
        changes.iter().any(|change| change.any_within(behind, self.changes.until()))
    }

    fn at(&self, unit: &Unit, generation: u32) -> Option<&Content> {
        let versions = self.versions.get(unit)?;
        versions.iter().rev().find(|version| version.covers(generation)).map(|version| &version.content)
    }

    /// The ruleset as of a generation that all parts are known of.
    pub(super) fn ruleset(&mut self) -> Option<Whole> {
        let starts = self.versions.values().flatten().map(|version| version.first);
        let ends = self.versions.values().flatten().filter_map(|version| version.last);
        let mut candidates: BTreeSet<u32> = starts.chain(ends).collect();
        candidates.insert(self.changes.until());
        candidates.into_iter().rev().find_map(|generation| self.ruleset_of(generation))
    }

    /// Takes out what a part has.
    fn take(&mut self, unit: &Unit, generation: u32) -> Option<Content> {
        let versions = self.versions.get_mut(unit)?;
        let at = versions.iter().rposition(|version| version.covers(generation))?;
        Some(versions.swap_remove(at).content)
    }

    /// The ruleset as of a generation, where all parts of it are known: then they are taken out.
    pub(super) fn ruleset_of(&mut self, generation: u32) -> Option<Whole> {
        if !self.missing(generation).is_empty() {
            return None;
        }
        let mut ruleset = Ruleset { generation, ..Ruleset::default() };
        let (mut elements_of, mut rules_of) = (Vec::new(), HashMap::new());
        // elements are taken with their sets
        for unit in self.units(generation).into_iter().filter(|unit| !matches!(unit, Unit::Elements(_))) {
            match self.take(&unit, generation)? {
                Content::StoredRules(rules) => {
                    if let Unit::Rules(chain) = unit {
                        rules_of.insert(chain, rules);
                    }
                }
                Content::Tables(tables) => ruleset.tables = tables,
                Content::Chains(chains) => ruleset.chains.extend(chains),
                Content::Rules(rules) => ruleset.rules.extend(rules),
                Content::Objects(objects) => ruleset.objects.extend(objects),
                Content::Flowtables(flowtables) => ruleset.flowtables.extend(flowtables),
                Content::Elements(_) | Content::StoredElements(_) => {}
                Content::Sets(sets) => {
                    for set in sets {
                        let elements = match self.take(&Unit::Elements(set.reference()), generation) {
                            Some(Content::Elements(elements)) => elements,
                            Some(Content::StoredElements(elements)) => {
                                elements_of.push((set.clone(), elements));
                                Vec::new()
                            }
                            _ => Vec::new(),
                        };
                        ruleset.sets.push((set, elements));
                    }
                }
            }
        }
        Some(Whole { ruleset, elements: elements_of, rules: rules_of })
    }
}

impl Unit {
    fn table(&self) -> Option<&TableRef> {
        match self {
            Unit::Tables => None,
            Unit::Chains(table) | Unit::Sets(table) | Unit::Objects(table) | Unit::Flowtables(table) => {
                Some(table)
            }
            Unit::Chain(chain) | Unit::Rules(chain) => Some(&chain.table),
            Unit::Set(set) | Unit::Elements(set) => Some(&set.table),
        }
    }
}
