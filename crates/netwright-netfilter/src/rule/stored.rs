//! Rules as they were received, for chains that have very many.

use netwright_wire::{Malformed, Value as _};

use super::{Rule, RuleAttrs, RuleView};
use crate::{Family, Item};

/// Rules in little more than the bytes that the kernel sent: a [`Rule`] takes several times as many.
#[derive(Clone, Debug, Default)]
pub struct StoredRules {
    family: Family,
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl StoredRules {
    /// No rule, in a family.
    #[must_use]
    pub fn new(family: Family) -> Self {
        StoredRules { family, ..StoredRules::default() }
    }

    /// Takes a rule in that has been read.
    pub fn push(&mut self, rule: RuleView<'_>) {
        self.bytes.extend_from_slice(rule.bytes());
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn views(&self) -> impl Iterator<Item = RuleView<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let places = starts.zip(self.ends.iter().copied());
        places.map(|(start, end)| RuleView::new(self.bytes.get(start..end).unwrap_or_default()))
    }

    fn own(&self, view: RuleView<'_>) -> Result<Rule, Malformed> {
        Rule::from_attributes(self.family, RuleAttrs::own(view)?)
    }

    /// All, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Rule> + '_ {
        // what was read once can be read again
        self.views().filter_map(|view| self.own(view).ok())
    }

    /// Their numbers.
    pub fn handles(&self) -> impl Iterator<Item = u64> + '_ {
        self.views().filter_map(|view| view.handle().ok().flatten())
    }
}
