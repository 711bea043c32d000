//! What is to be read, and which parts that takes.

use std::collections::{BTreeSet, HashSet};

use netwright_netfilter::expression::ObjectKind;
use netwright_netfilter::{
    Chain, ChainRef, Data, Expression, Family, Set, SetFlags, SetRef, Table, TableRef,
};

use super::{Content, Parts, Unit};

/// What is to be read.
#[derive(Clone, Debug)]
pub(in crate::nft) struct Wanted {
    /// Of this family, or of all.
    pub(in crate::nft) family: Family,
    /// In this table alone.
    pub(in crate::nft) table: Option<String>,
    /// Which part of it.
    pub(in crate::nft) part: Part,
}

impl Wanted {
    pub(super) fn is_all(&self) -> bool {
        matches!(self.part, Part::All | Part::AllButElements)
    }
}

/// A part of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::nft) enum Part {
    /// Everything.
    All,
    /// Everything but the elements of sets with a name.
    AllButElements,
    /// The tables themselves.
    Tables,
    /// The chains, without their rules.
    Chains,
    /// A chain with its rules.
    Chain(String),
    /// The sets and maps with a name, and whether with their elements.
    Sets(bool),
    /// A set or map, and whether with its elements.
    Set(String, bool),
    /// The objects of a kind.
    Objects(ObjectKind),
    /// The flow tables.
    Flowtables,
}

/// The parts that are needed for a generation, as far as that is known: those that are known, and those that are missing.
struct Walk<'p> {
    parts: &'p Parts,
    generation: u32,
    known: Vec<Unit>,
    seen: HashSet<Unit>,
    missing: BTreeSet<Unit>,
}

impl Parts {
    /// What must be asked to know the ruleset of a generation.
    pub(super) fn missing(&self, generation: u32) -> BTreeSet<Unit> {
        self.walk(generation).missing
    }

    /// The parts of the ruleset of a generation, those of a table behind one another in the order of tables.
    pub(super) fn units(&self, generation: u32) -> Vec<Unit> {
        self.walk(generation).known
    }

    fn walk(&self, generation: u32) -> Walk<'_> {
        let mut walk = Walk {
            parts: self,
            generation,
            known: Vec::new(),
            seen: HashSet::new(),
            missing: BTreeSet::new(),
        };
        if let Some(Content::Tables(tables)) = walk.need(Unit::Tables) {
            tables.iter().map(Table::reference).for_each(|table| walk.table(&table));
        }
        walk
    }
}

impl<'p> Walk<'p> {
    /// What a part has, once.
    fn need(&mut self, unit: Unit) -> Option<&'p Content> {
        let content = self.parts.at(&unit, self.generation);
        if content.is_none() {
            self.missing.insert(unit);
        } else if self.seen.insert(unit.clone()) {
            self.known.push(unit);
        }
        content
    }

    fn table(&mut self, table: &TableRef) {
        match &self.parts.wanted.part {
            Part::Tables => {}
            Part::All => self.everything(table, true),
            Part::AllButElements => self.everything(table, false),
            Part::Chains => drop(self.need(Unit::Chains(table.clone()))),
            Part::Chain(name) => self.chain(&table.chain(name)),
            Part::Sets(elements) => self.sets(table, |set| *elements && !is_anonymous(set)),
            Part::Set(name, elements) => self.set(&table.set(name), *elements),
            Part::Objects(_) => drop(self.need(Unit::Objects(table.clone()))),
            Part::Flowtables => drop(self.need(Unit::Flowtables(table.clone()))),
        }
    }

    fn everything(&mut self, table: &TableRef, elements: bool) {
        if let Some(Content::Chains(chains)) = self.need(Unit::Chains(table.clone())) {
            for chain in chains.iter().map(Chain::reference) {
                self.need(Unit::Rules(chain));
            }
        }
        self.sets(table, |set| elements || is_anonymous(set));
        self.need(Unit::Objects(table.clone()));
        self.need(Unit::Flowtables(table.clone()));
    }

    fn sets(&mut self, table: &TableRef, elements: impl Fn(&Set) -> bool) {
        if let Some(Content::Sets(sets)) = self.need(Unit::Sets(table.clone())) {
            for set in sets.iter().filter(|set| elements(set)) {
                self.need(Unit::Elements(set.reference()));
            }
        }
    }

    /// A chain with its rules, the chains that are written in them, and the sets that they refer to.
    fn chain(&mut self, chain: &ChainRef) {
        let Some(Content::Chains(found)) = self.need(Unit::Chain(chain.clone())) else { return };
        if found.is_empty() {
            return;
        }
        let Some(Content::Rules(rules)) = self.need(Unit::Rules(chain.clone())) else { return };
        for expression in rules.iter().flat_map(|rule| &rule.expressions) {
            match referred(expression) {
                Some(Referred::Set(name)) => self.set(&chain.table.set(name), false),
                Some(Referred::Chain(name)) if is_bound_name(name) => self.chain(&chain.table.chain(name)),
                _ => {}
            }
        }
    }

    /// A set, with its elements where they are wanted or it belongs to a rule.
    fn set(&mut self, set: &SetRef, elements: bool) {
        if let Some(Content::Sets(found)) = self.need(Unit::Set(set.clone()))
            && found.iter().any(|set| elements || is_anonymous(set))
        {
            self.need(Unit::Elements(set.clone()));
        }
    }
}

fn is_anonymous(set: &Set) -> bool {
    set.flags.contains(SetFlags::ANONYMOUS)
}

/// Whether the kernel named a chain that is written in a rule.
pub(super) fn is_bound_name(name: &str) -> bool {
    name.starts_with("__chain")
}

/// What an expression refers to.
enum Referred<'e> {
    Set(&'e str),
    Chain(&'e str),
}

fn referred(expression: &Expression) -> Option<Referred<'_>> {
    match expression {
        Expression::Lookup(lookup) => lookup.set.as_deref().map(Referred::Set),
        Expression::DynamicSet(dynamic) => dynamic.set.as_deref().map(Referred::Set),
        Expression::ObjectReference(reference) => reference.set.as_deref().map(Referred::Set),
        Expression::Immediate(immediate) => {
            let verdict = immediate.data.as_ref().and_then(Data::verdict);
            verdict.and_then(|verdict| verdict.chain.as_deref()).map(Referred::Chain)
        }
        _ => None,
    }
}
