//! One policy out of several.

use super::Policy;

impl Policy {
    /// Adds what another policy says. What both say stays once, with its first place.
    pub fn merge(&mut self, other: Policy) {
        extend(&mut self.allow, other.allow);
        extend(&mut self.deny, other.deny);
        extend(&mut self.dns, other.dns);
        extend(&mut self.hosts, other.hosts);
        extend(&mut self.sockets, other.sockets);
        for (rule, place) in other.places.allow {
            self.places.allow.entry(rule).or_insert(place);
        }
        for (rule, place) in other.places.deny {
            self.places.deny.entry(rule).or_insert(place);
        }
    }
}

fn extend<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
