//! One policy out of several.

use std::collections::HashSet;
use std::hash::Hash;

use super::Policy;

impl Policy {
    /// The same without anything that is let through.
    pub(crate) fn without_network(&self) -> Policy {
        Policy { allow: Vec::new(), ..self.clone() }
    }

    /// Adds what another policy says. What both say stays once, with its first place.
    pub fn merge(&mut self, other: Policy) {
        extend(&mut self.allow, other.allow);
        extend(&mut self.deny, other.deny);
        extend(&mut self.dns, other.dns);
        extend(&mut self.hosts, other.hosts);
        extend(&mut self.sockets, other.sockets);
        extend(&mut self.files.read, other.files.read);
        extend(&mut self.files.write, other.files.write);
        extend(&mut self.files.caches, other.files.caches);
        self.files.workspace |= other.files.workspace;
        for (rule, place) in other.places.allow {
            self.places.allow.entry(rule).or_insert(place);
        }
        for (rule, place) in other.places.deny {
            self.places.deny.entry(rule).or_insert(place);
        }
    }
}

/// Adds what is not there yet. Lists of names that are denied have a hundred thousand entries.
pub(super) fn extend<T: Eq + Hash>(list: &mut Vec<T>, more: Vec<T>) {
    let mut known: HashSet<&T> = list.iter().collect();
    let are_new: Vec<bool> = more.iter().map(|item| known.insert(item)).collect();
    list.extend(more.into_iter().zip(are_new).filter_map(|(item, is_new)| is_new.then_some(item)));
}
