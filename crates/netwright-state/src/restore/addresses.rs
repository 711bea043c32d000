//! Addresses on the way back.

use std::collections::{HashMap, HashSet};

use netwright_route::address::Lifetime;
use netwright_route::{Address, Family, LinkId, Prefix};

use super::{Extent, Way};
use crate::keys;
use crate::plan::{ADDRESS_PROTOCOL, is_kernels_address, keeps_protocols, leftover_route, settable};
use crate::step::{Action, Sign, Step, Verb};
use crate::switch;

impl Way<'_> {
    pub(super) fn addresses(&mut self) {
        let all = self.extent == Extent::All;
        let mut of_plan: HashMap<_, Vec<&Address>> = HashMap::new();
        for address in &self.scope.addresses {
            of_plan.entry(keys::address(address)).or_default().push(address);
        }
        let links: HashSet<u32> = self.scope.addresses.iter().map(|address| address.link.index).collect();
        let mut links: Vec<u32> = links.union(&self.scope.at_risk).copied().collect();
        links.sort_unstable();
        let (all_before, all_now) = (by_link(&self.before.addresses), by_link(&self.now.addresses));
        for index in links {
            let Some(id) = self.current(index) else { continue };
            let before = all_before.get(&index).cloned().unwrap_or_default();
            let now = all_now.get(&id.index).cloned().unwrap_or_default();
            let key =
                |address: &Address| keys::address(&Address { link: LinkId::new(index), ..address.clone() });
            if all {
                // what somebody else has given the link meanwhile bears no mark, which kernels before 5.18 do not keep
                let made = |found: &&Address| {
                    of_plan.contains_key(&key(found))
                        && (found.protocol == Some(ADDRESS_PROTOCOL) || !self.keeps_protocols())
                        && !before.iter().any(|old| key(old) == key(found))
                };
                let made: Vec<Address> = now.iter().filter(made).cloned().collect();
                for found in secondaries_first(made) {
                    self.address(Sign::Remove, Verb::Delete, &Address { link: id, ..found });
                }
            }
            // the kernel does not tell who removes an address of IPv6: it was somebody else where nothing takes it away
            let bounced = self.scope.bounced.contains(&index);
            let wanted: Vec<&Address> = before
                .iter()
                .filter(|old| !is_kernels_address(old) && (all || !of_plan.contains_key(&key(old))))
                .filter(|old| self.can_have(old, id))
                .filter(|old| bounced || old.family() != Family::IPV6 || of_plan.contains_key(&key(old)))
                .collect();
            let planned = |old: &Address| of_plan.get(&key(old)).map_or(&[][..], Vec::as_slice);
            let mut done: Vec<Prefix> = Vec::new();
            for old in &wanted {
                let network = network(old);
                if old.family() == Family::IPV6 {
                    let found = now.iter().find(|found| key(found) == key(old));
                    self.one(old, found, id, planned(old));
                } else if !done.contains(&network) {
                    let in_network =
                        |one: &&Address| one.family() == Family::IPV4 && self::network(one) == network;
                    let group: Vec<&Address> = wanted.iter().copied().filter(in_network).collect();
                    done.push(network);
                    self.group(&group, &now, id, &key, &planned);
                }
            }
        }
    }

    /// Whether the kernel keeps who made an address.
    fn keeps_protocols(&self) -> bool {
        keeps_protocols(&self.now.addresses) || keeps_protocols(&self.before.addresses)
    }

    /// An address of IPv6.
    fn one(&mut self, old: &Address, found: Option<&Address>, id: LinkId, planned: &[&Address]) {
        match found {
            Some(found) if same_address(old, found) => self.lifetime(old, found, id, planned),
            _ => {
                // the kernel changes no length, and takes no metric away
                let stays = |found: &&Address| {
                    found.prefix_length == old.prefix_length
                        && (found.route_priority.is_none() || old.route_priority.is_some())
                };
                if let Some(found) = found.filter(|found| !stays(found)) {
                    self.address(Sign::Remove, Verb::Delete, &Address { link: id, ..found.clone() });
                }
                self.address(Sign::Add, Verb::Replace, &Address { link: id, ..old.clone() });
            }
        }
    }

    /// The lifetimes of an address that is as it was otherwise.
    fn lifetime(&mut self, old: &Address, found: &Address, id: LinkId, planned: &[&Address]) {
        if !runs_on(old.lifetime, found.lifetime, planned) {
            self.address(Sign::Change, Verb::Replace, &Address { link: id, ..old.clone() });
        }
    }

    /// The addresses of one network of IPv4, of which the first is the primary one: they come in their order.
    fn group<'p>(
        &mut self,
        group: &[&Address],
        now: &[Address],
        id: LinkId,
        key: &dyn Fn(&Address) -> keys::AddressKey,
        planned: &dyn Fn(&Address) -> &'p [&'p Address],
    ) {
        let there: Vec<&Address> =
            now.iter().filter(|found| group.iter().any(|old| key(old) == key(found))).collect();
        let same = |old: &Address, found: &Address| key(old) == key(found) && same_address(old, found);
        // where the first is the first still, those that are missing come behind, and none goes for it
        let first = there.first().zip(group.first()).is_none_or(|(found, old)| same(old, found));
        let mut rest = there.iter();
        let missing: Vec<bool> = group
            .iter()
            .map(|old| match rest.clone().next() {
                Some(found) if same(old, found) => rest.next().is_none(),
                _ => true,
            })
            .collect();
        if first && rest.next().is_none() {
            for (old, missing) in group.iter().zip(missing) {
                match there.iter().find(|found| same(old, found)).filter(|_| !missing) {
                    Some(found) => self.lifetime(old, found, id, planned(old)),
                    None => self.address(Sign::Add, Verb::Replace, &Address { link: id, ..(*old).clone() }),
                }
            }
            return;
        }
        for found in secondaries_first(there.into_iter().cloned().collect()) {
            self.address(Sign::Remove, Verb::Delete, &Address { link: id, ..found });
        }
        for old in group {
            self.address(Sign::Add, Verb::Replace, &Address { link: id, ..(*old).clone() });
        }
    }

    fn can_have(&self, address: &Address, id: LinkId) -> bool {
        let Some(found) = self.links_now.get(&id.index) else { return true };
        let ipv6 = address.family() == Family::IPV6;
        self.extent == Extent::All || !ipv6 || switch::has_ipv6(found) && found.is_up()
    }

    fn address(&mut self, sign: Sign, verb: Verb, address: &Address) {
        let text =
            format!("address {} on {}", Address { link: LinkId::default(), ..address.clone() }, address.link);
        let mut actions = vec![Action::Address(verb, Box::new(settable(address)))];
        if verb == Verb::Delete
            && let Some(route) = leftover_route(address, &self.now.addresses)
        {
            actions.push(Action::Route(Verb::Delete, Box::new(route)));
        }
        self.steps.push(Step::of(sign, text, actions));
    }
}

fn network(address: &Address) -> Prefix {
    let reached = address.peer.unwrap_or(address.address);
    Prefix { address: reached, length: address.prefix_length }.network()
}

fn secondaries_first(mut addresses: Vec<Address>) -> Vec<Address> {
    use netwright_route::address::AddressFlags;
    addresses.sort_by_key(|address| !address.flags.contains(AddressFlags::SECONDARY));
    addresses
}

/// Whether two addresses with the same key are the same but for their lifetimes.
fn same_address(old: &Address, found: &Address) -> bool {
    use netwright_route::address::AddressFlags;
    let flags = |address: &Address| {
        settable(address).flags & (AddressFlags::NO_PREFIX_ROUTE | AddressFlags::HOME_ADDRESS)
    };
    old.prefix_length == found.prefix_length
        && old.peer == found.peer
        && old.scope == found.scope
        && old.label == found.label
        && old.broadcast == found.broadcast
        && old.protocol == found.protocol
        && old.route_priority == found.route_priority
        && flags(old) == flags(found)
}

/// Whether a lifetime is an old one that has run on. What others prolonged meanwhile has, what the plan wrote has not.
fn runs_on(old: Option<Lifetime>, found: Option<Lifetime>, planned: &[&Address]) -> bool {
    let part = |which: fn(Lifetime) -> Option<u32>| {
        let of = |lifetime: Option<Lifetime>| which(lifetime.unwrap_or_default());
        let written = planned.iter().filter_map(|address| of(address.lifetime));
        match (of(old), of(found)) {
            (None, None) => true,
            (Some(old), Some(found)) => {
                let shorter = |written: u32| found <= written && written < old;
                planned.is_empty() || found <= old && !written.into_iter().any(shorter)
            }
            _ => false,
        }
    };
    part(|lifetime| lifetime.valid) && part(|lifetime| lifetime.preferred)
}

fn by_link(addresses: &[Address]) -> HashMap<u32, Vec<Address>> {
    let mut found: HashMap<u32, Vec<Address>> = HashMap::new();
    for address in addresses {
        found.entry(address.link.index).or_default().push(address.clone());
    }
    found
}
