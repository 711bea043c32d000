//! What tells objects of one sort apart: the kernel has at most one of each key, but for routes that were appended.

use std::net::IpAddr;

use netwright_route::neighbour::NeighbourFlags;
use netwright_route::route::RouteKind;
use netwright_route::rule::RuleFlags;
use netwright_route::{Address, Family, LinkId, Neighbour, Prefix, Route, Rule, Table};

/// Addresses with the same key cannot be on one link together. For IPv6 the prefix does not tell them apart.
pub(crate) type AddressKey = (u32, IpAddr, Option<IpAddr>, u8);

pub(crate) fn address(address: &Address) -> AddressKey {
    match address.family() {
        Family::IPV6 => (address.link.index, address.address, None, 0),
        _ => (address.link.index, address.address, address.peer, address.prefix_length),
    }
}

/// Routes with the same key take each other's place. IPv6 has no metric 0: it stands for 1024.
pub(crate) type RouteKey = (Prefix, Option<Prefix>, Table, u32, u8);

pub(crate) fn route(route: &Route) -> RouteKey {
    let priority = match (route.family(), route.priority.unwrap_or(0)) {
        (Family::IPV6, 0) => 1024,
        (_, priority) => priority,
    };
    let Route { destination, source, type_of_service, .. } = *route;
    (destination.network(), source, route.effective_table(), priority, type_of_service)
}

/// One way of a route: nexthop object, gateway and link.
pub(crate) type Way = (Option<u32>, Option<IpAddr>, Option<u32>);

/// The ways of a route, which tell routes of one key apart. Of a nexthop object the kernel tells the way as well.
pub(crate) fn ways(route: &Route) -> Vec<Way> {
    let index = |link: Option<LinkId>| link.map(|link| link.index);
    // The kernel binds routes of IPv6 that lead nowhere to the loopback link.
    let nowhere = [RouteKind::BLACKHOLE, RouteKind::UNREACHABLE, RouteKind::PROHIBIT, RouteKind::THROW];
    if nowhere.contains(&route.kind) {
        return Vec::new();
    }
    if let Some(nexthop) = route.nexthop {
        return vec![(Some(nexthop), None, None)];
    }
    let mut ways: Vec<Way> = match route.next_hops.is_empty() {
        true => vec![(None, route.gateway, index(route.link))],
        false => route.next_hops.iter().map(|hop| (None, hop.gateway, index(hop.link))).collect(),
    };
    ways.sort();
    ways
}

/// Whether a route of IPv6 is what is left of another one, some of whose ways went with their links.
pub(crate) fn is_part(found: &Route, whole: &Route) -> bool {
    let (left, all) = (ways(found), ways(whole));
    found.family() == Family::IPV6
        && left.len() < all.len()
        && route(found) == route(whole)
        && found.protocol == whole.protocol
        && left.iter().all(|way| all.contains(way))
}

/// The links that a route leads over.
pub(crate) fn links(route: &Route) -> impl Iterator<Item = LinkId> {
    route.link.into_iter().chain(route.next_hops.iter().filter_map(|hop| hop.link))
}

/// What two rules are compared by: without states, the originator and what is not to be declared.
pub(crate) fn rule(rule: &Rule) -> Rule {
    Rule {
        flags: rule.flags & RuleFlags::INVERT,
        protocol: None,
        unknown: Default::default(),
        ..rule.clone()
    }
}

/// A key of rules for maps, which rules that are compared equal have in common.
pub(crate) fn rule_priority(rule: &Rule) -> (Family, u32) {
    (rule.effective_family(), rule.priority.unwrap_or(0))
}

/// Link, family, address, whether the host answers for it, and for entries of bridges the hardware address with VLAN
/// and network identifier.
pub(crate) type NeighbourKey =
    (u32, Family, Option<IpAddr>, bool, Option<netwright_route::HardwareAddress>, Option<u16>, Option<u32>);

pub(crate) fn neighbour(neighbour: &Neighbour) -> NeighbourKey {
    let proxy = neighbour.flags.contains(NeighbourFlags::PROXY);
    let bridge = neighbour.family == Family::BRIDGE;
    let hardware = neighbour.address.filter(|_| bridge);
    let (vlan, vni) = (neighbour.vlan.filter(|_| bridge), neighbour.source_vni.filter(|_| bridge));
    (neighbour.link.index, neighbour.family, neighbour.destination, proxy, hardware, vlan, vni)
}

/// Whether a route leads straight to its destinations.
pub(crate) fn is_on_link(route: &Route) -> bool {
    route.gateway.is_none()
        && route.nexthop.is_none()
        && route.next_hops.iter().all(|hop| hop.gateway.is_none())
}
