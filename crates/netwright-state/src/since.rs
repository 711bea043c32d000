//! What others do during an apply, and between it and its way back, stays done.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use netwright_route::link::LinkFlags;
use netwright_route::{Address, Link, Neighbour, Prefix, Route};

use crate::keys;
use crate::plan::is_set;
use crate::snapshot::Snapshot;

/// Leaves out of what there was before an apply what was there behind it and is not there now, and takes what has another value
/// now than behind the apply for what it is now.
pub(crate) fn narrow(before: &mut Snapshot, after: &Snapshot, now: &Snapshot) {
    links(before, after, now);
    let route = |route: &Route| (keys::route(route), keys::ways(route), route.protocol);
    retain(&mut before.addresses, &after.addresses, &now.addresses, keys::address);
    retain(&mut before.routes, &after.routes, &now.routes, route);
    retain(&mut before.nexthops, &after.nexthops, &now.nexthops, |nexthop| nexthop.id);
    let set = |found: &Neighbour| (keys::neighbour(found), is_set(found));
    retain(&mut before.neighbours, &after.neighbours, &now.neighbours, set);
    retain(&mut before.forwarding, &after.forwarding, &now.forwarding, keys::neighbour);
    before.settings.retain(|setting, _| match (after.settings.get(setting), now.settings.get(setting)) {
        (Some(after), Some(now)) => after == now,
        _ => true,
    });
}

/// Leaves out what somebody has removed.
fn retain<T, K: Eq + Hash>(before: &mut Vec<T>, after: &[T], now: &[T], key: impl Fn(&T) -> K) {
    let now: HashSet<K> = now.iter().map(&key).collect();
    let removed: HashSet<K> = after.iter().map(&key).filter(|key| !now.contains(key)).collect();
    before.retain(|item| !removed.contains(&key(item)));
}

fn links<'a>(before: &mut Snapshot, after: &'a Snapshot, now: &'a Snapshot) {
    retain(&mut before.links, &after.links, &now.links, |link| {
        (link.index, link.kind_name().map(str::to_owned))
    });
    let by_index = |snapshot: &'a Snapshot| -> HashMap<u32, &'a Link> {
        snapshot.links.iter().map(|link| (link.index, link)).collect()
    };
    let (after, now) = (by_index(after), by_index(now));
    for link in &mut before.links {
        let (Some(after), Some(now)) = (after.get(&link.index), now.get(&link.index)) else { continue };
        if after.mtu != now.mtu {
            link.mtu = now.mtu;
        }
        if after.address != now.address {
            link.address = now.address;
        }
        if after.group != now.group {
            link.group = now.group;
        }
        if after.transmit_queue_length != now.transmit_queue_length {
            link.transmit_queue_length = now.transmit_queue_length;
        }
        // out of a master that is gone it goes back to the one before
        if after.master != now.master && now.master.is_some() {
            link.master = now.master;
        }
        if after.is_up() != now.is_up() {
            link.flags.set(LinkFlags::UP, now.is_up());
        }
    }
}

/// What others have removed since it was looked at what there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Removed {
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Routes that they have put in the place of others with the same key.
    pub in_place: Vec<Route>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Routes that they have made just as they are declared, so that it was refused to make them.
    pub made: Vec<Route>,
}

impl Removed {
    /// Takes what others have made out of what there is now: it is not to be taken back.
    pub(crate) fn hide_made(&self, now: &mut Snapshot) {
        let route = |route: &Route| (keys::route(route), route.protocol);
        now.routes.retain(|found| !self.made.iter().any(|made| route(made) == route(found)));
    }

    /// What there was before, without what others have removed and what the kernel takes along with that.
    pub(crate) fn left_of<'s>(&self, before: &'s Snapshot) -> Cow<'s, Snapshot> {
        if *self == Removed::default() {
            return Cow::Borrowed(before);
        }
        let mut left = before.clone();
        let route = |route: &Route| (keys::route(route), keys::ways(route), route.protocol);
        retain(&mut left.addresses, &self.addresses, &[], keys::address);
        retain(&mut left.routes, &self.routes, &[], route);
        retain(&mut left.neighbours, &self.neighbours, &[], keys::neighbour);
        left.routes.retain(|route| !self.addresses.iter().any(|address| needs(route, address)));
        for new in &self.in_place {
            let same = |old: &Route| keys::route(old) == keys::route(new);
            if let Some(place) = left.routes.iter().position(same) {
                left.routes.remove(place);
            }
        }
        Cow::Owned(left)
    }
}

/// Whether a route went with an address.
fn needs(route: &Route, address: &Address) -> bool {
    let network = Prefix { address: address.address, length: address.prefix_length }.network();
    let reached = || {
        let by_gateway = route.gateway.is_some_and(|gateway| network.contains(gateway));
        route.link == Some(address.link) && by_gateway && address.address.is_ipv4()
    };
    route.preferred_source == Some(address.address) || reached()
}
