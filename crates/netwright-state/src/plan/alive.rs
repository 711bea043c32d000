//! What is there while the plan is carried out, as far as steps take more away than they say.
//!
//! With a link that goes down, the kernel takes away the routes over it, its neighbours and its IPv6 addresses; with the
//! last IPv4 address of a link what there is of IPv4 on it; with a first address of a network the secondaries, and with
//! any address the routes that prefer it as their source; with the hardware address the neighbours; with an MTU below
//! 1280 all of IPv6. What is lost so and shall stay is put back by a step of its own. It is looked at once more when all
//! steps are taken: what the kernel took beside is put back then.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use netwright_route::address::AddressFlags;
use netwright_route::{Address, Family, LinkId, Neighbour, Protocol, Route};

use super::Planner;
use crate::keys::{self, RouteKey};
use crate::snapshot::Snapshot;

/// The least MTU with which a link has IPv6, in bytes (RFC 8200).
pub(crate) const LEAST_IPV6_MTU: u32 = 1280;

/// Addresses, routes and neighbours that are there at this point of the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Alive<'a> {
    /// Addresses by link.
    pub(super) addresses: HashMap<u32, Vec<Address>>,
    routes: Vec<&'a Route>,
    by_key: HashMap<RouteKey, Vec<usize>>,
    by_link: HashMap<u32, Vec<usize>>,
    by_source: HashMap<IpAddr, Vec<usize>>,
    gone: Vec<bool>,
    went: Vec<bool>,
    /// Routes that went along with something else, in the order in which they went.
    lost: Vec<usize>,
    neighbours: HashMap<u32, Vec<&'a Neighbour>>,
    /// Neighbours that went along with something else.
    pub(super) lost_neighbours: Vec<&'a Neighbour>,
    /// Links that go down, be it for a moment.
    pub(super) downs: HashSet<u32>,
}

impl<'a> Alive<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let mut alive = Alive::default();
        for address in &snapshot.addresses {
            alive.addresses.entry(address.link.index).or_default().push(address.clone());
        }
        let nexthops = snapshot.nexthops_with_links();
        for (place, route) in snapshot.routes.iter().enumerate() {
            alive.routes.push(route);
            alive.by_key.entry(keys::route(route)).or_default().push(place);
            for link in keys::links(route) {
                alive.by_link.entry(link.index).or_default().push(place);
            }
            if let Some(nexthop) = route.nexthop {
                for link in nexthops.get(&nexthop).into_iter().flatten() {
                    alive.by_link.entry(*link).or_default().push(place);
                }
            }
            if let Some(source) = route.preferred_source {
                alive.by_source.entry(source).or_default().push(place);
            }
        }
        alive.gone = vec![false; alive.routes.len()];
        alive.went = vec![false; alive.routes.len()];
        for neighbour in &snapshot.neighbours {
            alive.neighbours.entry(neighbour.link.index).or_default().push(neighbour);
        }
        alive
    }

    /// The addresses of a link.
    pub(super) fn addresses_of(&self, link: u32) -> &[Address] {
        self.addresses.get(&link).map_or(&[], Vec::as_slice)
    }

    /// The routes of a key that are there.
    pub(super) fn routes_of(&self, key: &RouteKey) -> Vec<&'a Route> {
        let places = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        let there = |place: &&usize| self.gone.get(**place) == Some(&false);
        places.iter().filter(there).filter_map(|place| self.routes.get(*place).copied()).collect()
    }

    /// The routes of a key, those that went along with something else as well.
    pub(super) fn all_routes_of(&self, key: &RouteKey) -> Vec<&'a Route> {
        let places = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        let there =
            |place: &&usize| self.gone.get(**place) == Some(&false) || self.went.get(**place) == Some(&true);
        places.iter().filter(there).filter_map(|place| self.routes.get(*place).copied()).collect()
    }

    /// All routes that are there.
    pub(super) fn routes(&self) -> impl Iterator<Item = &'a Route> {
        self.routes.iter().zip(&self.gone).filter(|(_, gone)| !**gone).map(|(route, _)| *route)
    }

    /// The routes over a link that are there.
    pub(super) fn routes_over(&self, link: u32) -> impl Iterator<Item = &'a Route> {
        let places = self.by_link.get(&link).map_or(&[][..], Vec::as_slice).iter();
        let there = places.filter(|place| self.gone.get(**place) == Some(&false));
        there.filter_map(|place| self.routes.get(*place).copied())
    }

    /// A route is removed by a step of its own.
    pub(super) fn remove_route(&mut self, route: &Route) {
        let places = self.by_key.get(&keys::route(route)).cloned().unwrap_or_default();
        for place in places {
            if self.routes.get(place).is_some_and(|found| std::ptr::eq(*found, route)) {
                self.mark_gone(place);
            }
        }
    }

    /// The routes that went along with something else.
    pub(super) fn lost_routes(&self) -> Vec<&'a Route> {
        self.lost.iter().filter_map(|place| self.routes.get(*place).copied()).collect()
    }

    /// The neighbours of a link that are there.
    pub(super) fn neighbours_of(&self, link: u32) -> &[&'a Neighbour] {
        self.neighbours.get(&link).map_or(&[], Vec::as_slice)
    }

    /// All neighbours that are there.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = &'a Neighbour> {
        self.neighbours.values().flatten().copied()
    }

    /// A neighbour is removed by a step of its own.
    pub(super) fn remove_neighbour(&mut self, neighbour: &Neighbour) {
        if let Some(list) = self.neighbours.get_mut(&neighbour.link.index) {
            list.retain(|found| !std::ptr::eq(*found, neighbour));
        }
    }

    fn mark_gone(&mut self, place: usize) -> bool {
        match self.gone.get_mut(place) {
            Some(gone) => !std::mem::replace(gone, true),
            None => false,
        }
    }

    fn lose_routes(&mut self, places: Vec<usize>, which: impl Fn(&Route) -> bool) {
        for place in places {
            if self.routes.get(place).is_some_and(|route| which(route)) && self.mark_gone(place) {
                self.lost.push(place);
                if let Some(went) = self.went.get_mut(place) {
                    *went = true;
                }
            }
        }
    }

    fn over(&self, link: u32) -> Vec<usize> {
        self.by_link.get(&link).cloned().unwrap_or_default()
    }

    /// A link goes down.
    pub(super) fn lose_by_down(&mut self, link: u32) {
        self.downs.insert(link);
        if let Some(addresses) = self.addresses.get_mut(&link) {
            addresses.retain(|address| address.family() != Family::IPV6);
        }
        self.lose_routes(self.over(link), |_| true);
        self.lost_neighbours.extend(self.neighbours.remove(&link).unwrap_or_default());
    }

    /// The MTU of a link gets so small that it has no IPv6, or that is switched off.
    pub(super) fn lose_ipv6(&mut self, link: u32) {
        if let Some(addresses) = self.addresses.get_mut(&link) {
            addresses.retain(|address| address.family() != Family::IPV6);
        }
        self.lose_routes(self.over(link), |route| route.family() == Family::IPV6);
        self.lose_some_neighbours(link, |found| found.family == Family::IPV6);
    }

    /// A link is deleted, or made anew.
    pub(super) fn lose_link(&mut self, link: u32) {
        self.addresses.remove(&link);
        self.lose_by_down(link);
    }

    /// The hardware address of a link changes, as that of a bridge may with its ports: the kernel forgets the link's
    /// neighbours.
    pub(super) fn lose_neighbours(&mut self, link: u32) {
        self.lose_some_neighbours(link, |found| !is_proxy(found));
    }

    fn lose_some_neighbours(&mut self, link: u32, which: impl Fn(&Neighbour) -> bool) {
        if let Some(list) = self.neighbours.get_mut(&link) {
            self.lost_neighbours.extend(list.extract_if(.., |found| which(found)));
        }
    }

    /// An address is deleted.
    pub(super) fn lose_address(&mut self, gone: &Address) {
        let link = gone.link.index;
        let falls = |found: &Address| same(found, gone) || falls_with(found, gone);
        let addresses = self.addresses.entry(link).or_default();
        addresses.retain(|found| !falls(found));
        let bare =
            gone.family() == Family::IPV4 && !addresses.iter().any(|found| found.family() == Family::IPV4);
        let sources = self.by_source.get(&gone.address).cloned().unwrap_or_default();
        self.lose_routes(sources, |_| true);
        if bare {
            self.lose_routes(self.over(link), |route| route.family() == Family::IPV4);
            self.lose_some_neighbours(link, |found| found.family == Family::IPV4);
        }
    }

    /// An address is added.
    pub(super) fn gain_address(&mut self, address: &Address) {
        let addresses = self.addresses.entry(address.link.index).or_default();
        let second = addresses.iter().any(|found| same_network(found, address));
        let mut address = address.clone();
        address.flags.set(AddressFlags::SECONDARY, second);
        addresses.push(address);
    }
}

impl Planner<'_> {
    /// Whether all links of a route can carry it in the end.
    pub(super) fn can_stay(&self, route: &Route) -> bool {
        keys::links(route).all(|link| self.can_carry(link, route.family() == Family::IPV6))
    }

    /// Whether a link is there and up in the end, and large enough for IPv6 where that is asked for.
    pub(super) fn can_carry(&self, link: LinkId, ipv6: bool) -> bool {
        let large = !ipv6
            || !super::ipv6::is_off(self, link)
                && self.final_mtu(link).is_none_or(|mtu| mtu >= LEAST_IPV6_MTU);
        !super::links::is_deleted(self, link) && large && self.final_up(link)
    }
}

/// Routes that the kernel makes along with an address come again with it.
pub(crate) fn is_kernels(route: &Route) -> bool {
    matches!(route.protocol, Some(Protocol::KERNEL | Protocol::REDIRECT))
}

/// So do link-local addresses and those from router advertisements.
pub(crate) fn is_kernels_address(address: &Address) -> bool {
    let link_local = match address.address {
        IpAddr::V6(address) => address.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    let maker = address.protocol.map_or(0, |protocol| protocol.0);
    let own = maker == super::ADDRESS_PROTOCOL.0;
    // before kernels told who made it, one that is for ever was given by somebody
    let limited = address.lifetime.is_some_and(|lifetime| lifetime.valid.is_some());
    let of_router = address.flags.contains(AddressFlags::MANAGE_TEMPORARY) && limited;
    (1..=3).contains(&maker) || link_local && !own || of_router
}

/// Whether somebody set it, as against those that the kernel found by asking.
#[must_use]
pub fn is_set(neighbour: &Neighbour) -> bool {
    use netwright_route::neighbour::NeighbourState;
    // what goes out by a link without addresses leaves one behind that asks nobody
    let bare = neighbour.address.is_none_or(|address| address.as_bytes().is_empty());
    let fixed = match bare {
        true => NeighbourState::PERMANENT,
        false => NeighbourState::PERMANENT | NeighbourState::NO_ARP,
    };
    let multicast = neighbour.destination.is_some_and(|address| address.is_multicast());
    let set = neighbour.state.intersects(fixed)
        || is_proxy(neighbour)
        || is_kept_fresh(neighbour)
        || neighbour.protocol.is_some_and(|protocol| protocol == super::OWN_PROTOCOL);
    set && !multicast && neighbour.destination.is_some() && neighbour.family.is_ip()
}

fn same(found: &Address, gone: &Address) -> bool {
    found.link == gone.link
        && found.address == gone.address
        && found.peer == gone.peer
        && found.prefix_length == gone.prefix_length
}

/// Whether two addresses share a network of IPv4, of which one is the first.
pub(super) fn same_network(one: &Address, other: &Address) -> bool {
    let network = |address: &Address| {
        let reached = address.peer.unwrap_or(address.address);
        netwright_route::Prefix { address: reached, length: address.prefix_length }.network()
    };
    one.link == other.link && one.family() == Family::IPV4 && network(one) == network(other)
}

/// Whether an address goes along with one that is deleted.
fn falls_with(found: &Address, gone: &Address) -> bool {
    let second = |address: &Address| address.flags.contains(AddressFlags::SECONDARY);
    same_network(found, gone) && second(found) && !second(gone)
}

/// Whether a program has told of it or has the kernel look after it, as routing daemons do: its state changes by itself.
pub(crate) fn is_kept_fresh(neighbour: &Neighbour) -> bool {
    use netwright_route::neighbour::{NeighbourExtendedFlags, NeighbourFlags};
    let managed = |flags: NeighbourExtendedFlags| flags.contains(NeighbourExtendedFlags::MANAGED);
    neighbour.flags.contains(NeighbourFlags::EXTERNALLY_LEARNED)
        || neighbour.extended_flags.is_some_and(managed)
}

pub(crate) fn is_proxy(neighbour: &Neighbour) -> bool {
    neighbour.flags.contains(netwright_route::neighbour::NeighbourFlags::PROXY)
}
