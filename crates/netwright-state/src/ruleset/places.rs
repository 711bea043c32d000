//! Where the rules of a table were written, beside the rules: what they do does not depend on it.

use std::collections::BTreeMap;
use std::fmt;

use netwright_nft::diagnostic::Span;

/// Where a rule was written.
#[derive(Clone, Debug, Default)]
pub struct RulePlace {
    /// The rule.
    pub rule: Option<Span>,
    /// Each of its statements; empty where that is not known.
    pub statements: Vec<Span>,
}

/// The places of rules by chain, in the order of the rules. All are equal to all others, and look so, since a table is
/// the same wherever it was written.
#[derive(Clone, Default)]
pub struct RulePlaces(BTreeMap<String, Vec<RulePlace>>);

impl RulePlaces {
    /// No places.
    pub(super) const EMPTY: RulePlaces = RulePlaces(BTreeMap::new());

    /// The place of a rule of a chain, counted from 0; an empty one where it is not known.
    #[must_use]
    pub fn of(&self, chain: &str, index: usize) -> RulePlace {
        self.0.get(chain).and_then(|places| places.get(index)).cloned().unwrap_or_default()
    }

    pub(super) fn insert(&mut self, chain: &str, index: usize, place: RulePlace) {
        let places = self.0.entry(chain.to_owned()).or_default();
        if places.len() < index {
            places.resize_with(index, RulePlace::default);
        }
        places.insert(index, place);
    }

    pub(super) fn replace(&mut self, chain: &str, index: usize, place: RulePlace) {
        self.remove(chain, index);
        self.insert(chain, index, place);
    }

    pub(super) fn remove(&mut self, chain: &str, index: usize) {
        if let Some(places) = self.0.get_mut(chain).filter(|places| index < places.len()) {
            places.remove(index);
        }
    }

    pub(super) fn clear(&mut self, chain: &str) {
        self.0.remove(chain);
    }

    pub(super) fn clear_all(&mut self) {
        self.0.clear();
    }

    pub(super) fn rename(&mut self, chain: &str, to: &str) {
        if let Some(places) = self.0.remove(chain) {
            self.0.insert(to.to_owned(), places);
        }
    }
}

impl fmt::Debug for RulePlaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RulePlaces")
    }
}

impl PartialEq for RulePlaces {
    fn eq(&self, _: &RulePlaces) -> bool {
        true
    }
}
