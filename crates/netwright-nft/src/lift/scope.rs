//! What the rules of a table refer to.

use std::collections::HashMap;

use netwright_netfilter::{Chain, ChainFlags, Element, Rule, Set};

/// The sets of a table with their elements, and the chains that rules carry inside.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    sets: HashMap<&'a str, (&'a Set, &'a [Element])>,
    bound: HashMap<&'a str, Vec<&'a Rule>>,
}

impl<'a> Scope<'a> {
    /// Adds a set or map with its elements.
    pub fn add_set(&mut self, set: &'a Set, elements: &'a [Element]) {
        self.sets.insert(&set.name, (set, elements));
    }

    /// Adds a chain; only those matter that belong to a rule.
    pub fn add_chain(&mut self, chain: &'a Chain) {
        if chain.flags.is_some_and(|flags| flags.contains(ChainFlags::BINDING)) {
            self.bound.entry(&chain.name).or_default();
        }
    }

    /// Adds a rule, after its chain; only those in chains that belong to a rule matter.
    pub fn add_rule(&mut self, rule: &'a Rule) {
        if let Some(rules) = self.bound.get_mut(rule.chain.as_str()) {
            rules.push(rule);
        }
    }

    pub(super) fn set(&self, name: &str) -> Option<(&'a Set, &'a [Element])> {
        self.sets.get(name).copied()
    }

    pub(super) fn bound_chain(&self, name: &str) -> Option<&[&'a Rule]> {
        self.bound.get(name).map(Vec::as_slice)
    }
}
