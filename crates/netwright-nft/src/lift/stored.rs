//! What there may be very many of, as it was received: rules and elements, each of which is lifted when it is looked at.

mod set;

use std::collections::HashMap;

use netwright_netfilter::{ChainRef, Set as KernelSet, SetRef, StoredElements, StoredRules};

use super::{Dump, Scope, rule, ruleset};
use crate::ir::{Chain, Rule, Ruleset, Set, Table};

pub use set::StoredSet;

/// Rules and elements that are not in a ruleset but belong into it.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// What rules refer to.
    dump: Dump,
    sets: HashMap<SetRef, StoredSet>,
    rules: HashMap<ChainRef, StoredRules>,
}

impl Stored {
    /// Reads a ruleset that lacks the elements of some sets and the rules of some chains. Sets and chains that belong to rules have
    /// all that is theirs.
    #[must_use]
    pub fn ruleset(
        dump: Dump,
        sets: Vec<(KernelSet, StoredElements)>,
        rules: HashMap<ChainRef, StoredRules>,
    ) -> (Ruleset, Stored) {
        let sets = sets.into_iter().map(|(set, elements)| (set.reference(), StoredSet::new(set, elements)));
        let stored = Stored { sets: sets.collect(), rules, dump };
        let mut ruleset = ruleset(&stored.dump);
        for set in ruleset.tables.iter_mut().flat_map(|table| &mut table.sets) {
            if let Some(elements) = stored.set(set).filter(|elements| !elements.is_empty()) {
                set.count = set.count.map(|_| elements.len());
            }
        }
        (ruleset, stored)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.rules.is_empty()
    }

    /// What is in a table.
    #[must_use]
    pub fn in_table(&self, table: &Table) -> StoredTable<'_> {
        // without rules nothing is looked up
        let scope = match self.rules.is_empty() {
            true => Scope::default(),
            false => ruleset::scope(&self.dump, table.family, &table.name),
        };
        StoredTable { stored: self, scope }
    }

    /// Puts all into the ruleset that it belongs to.
    pub fn fill(&self, ruleset: &mut Ruleset) {
        for content in &mut ruleset.tables {
            let table = self.in_table(&content.table);
            for set in &mut content.sets {
                if let Some(stored) = table.set(set) {
                    set.elements = stored.elements().collect();
                }
            }
            for chain in &mut content.chains {
                let rules: Option<Vec<Rule>> = table.rules(chain).map(Iterator::collect);
                if let Some(rules) = rules {
                    chain.rules = rules;
                }
            }
        }
    }

    fn set(&self, set: &Set) -> Option<&StoredSet> {
        if self.sets.is_empty() {
            return None;
        }
        self.sets.get(&SetRef::new(set.family, &*set.table, &*set.name))
    }
}

/// Rules and elements of a table.
#[derive(Debug)]
pub struct StoredTable<'a> {
    stored: &'a Stored,
    scope: Scope<'a>,
}

impl StoredTable<'_> {
    /// The elements of a set, where they are stored.
    #[must_use]
    pub fn set(&self, set: &Set) -> Option<&StoredSet> {
        self.stored.set(set)
    }

    /// The rules of a chain, where they are stored.
    #[must_use]
    pub fn rules(&self, chain: &Chain) -> Option<impl Iterator<Item = Rule>> {
        if self.stored.rules.is_empty() {
            return None;
        }
        let named = ChainRef::new(chain.family, &*chain.table, &*chain.name);
        let rules = self.stored.rules.get(&named)?;
        Some(rules.iter().map(|raw| rule(&raw, &self.scope)))
    }
}

#[cfg(test)]
mod tests;
