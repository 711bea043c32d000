//! A copy of the routing tables, changed as the kernel tells of its own.
//!
//! What a notification means depends on what is there: routes of one destination stand in an order, replacing takes the first of
//! them, and ways of IPv6 that share destination and metric are one route. Where a notification does not fit, the copy says so,
//! and the tables are read again.

use std::collections::HashMap;
use std::net::IpAddr;

use netwright_route::route::{NextHop, NextHopFlags, RouteFlags};
use netwright_route::{Family, Prefix, Protocol, Route, Table};
use netwright_wire::MessageFlags;

use super::event::Update;

/// Routes by table and destination, those of one destination in the kernel's order.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    by_destination: HashMap<(Table, Prefix), Vec<Route>>,
    count: usize,
}

/// What a notification did to the copy.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Nothing that anybody would see.
    Nothing,
    /// This.
    Update(Box<Update<Route>>),
    /// It does not fit to what is there.
    Doubt,
}

impl Effect {
    fn of(change: Update<Route>) -> Self {
        Effect::Update(Box::new(change))
    }
}

impl Routes {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.by_destination.values().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Route> {
        self.by_destination.values_mut().flatten()
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The routes to one destination, in the kernel's order.
    pub(super) fn to(&self, table: Table, destination: Prefix) -> &[Route] {
        self.by_destination.get(&(table, destination)).map_or(&[], Vec::as_slice)
    }

    /// The first route of the longest prefix that an address is in.
    pub(super) fn longest_match(&self, table: Table, address: IpAddr) -> Option<&Route> {
        let most = netwright_route::prefix::maximum_length(address);
        let prefixes = (0..=most).rev().map(|length| Prefix { address, length }.network());
        prefixes
            .into_iter()
            .find_map(|prefix| self.to(table, prefix).iter().min_by_key(|route| route.priority.unwrap_or(0)))
    }

    /// Takes a route of a list over, behind those with the same destination, unless it is there.
    pub(super) fn push(&mut self, route: Route) {
        let list = self.by_destination.entry(key(&route)).or_default();
        if !list.iter().any(|other| is_same(other, &route)) {
            list.push(route);
            self.count += 1;
        }
    }

    pub(super) fn apply(&mut self, route: Route, flags: MessageFlags, removed: bool) -> Effect {
        let key = key(&route);
        let list = self.by_destination.entry(key).or_default();
        let before = list.len();
        let effect = match (removed, route.family() == Family::IPV6) {
            (false, false) => add_ipv4(list, route, flags),
            (false, true) => add_ipv6(list, route, flags),
            (true, false) => remove_ipv4(list, &route),
            (true, true) => remove_ipv6(list, &route),
        };
        self.count = self.count + list.len() - before;
        if list.is_empty() {
            self.by_destination.remove(&key);
        }
        effect
    }

    /// The changes that make this copy the other.
    pub(super) fn differences(&self, now: &Routes, mut tell: impl FnMut(Update<Route>)) {
        for (key, before) in &self.by_destination {
            let left = now.to(key.0, key.1);
            differences_of_one(before, left, &mut tell);
        }
        for (key, list) in &now.by_destination {
            if !self.by_destination.contains_key(key) {
                list.iter().for_each(|route| tell(Update::Added(route.clone())));
            }
        }
    }
}

fn differences_of_one(before: &[Route], now: &[Route], tell: &mut impl FnMut(Update<Route>)) {
    let gone: Vec<&Route> =
        before.iter().filter(|route| !now.iter().any(|other| is_same(route, other))).collect();
    let mut new: Vec<&Route> =
        now.iter().filter(|route| !before.iter().any(|other| is_same(route, other))).collect();
    for route in gone {
        // One that took its place is a change of it.
        match new.iter().position(|other| share_place(route, other)) {
            Some(place) => {
                let now = new.remove(place).clone();
                tell(Update::Changed { before: route.clone(), now });
            }
            None => tell(Update::Removed(route.clone())),
        }
    }
    new.into_iter().for_each(|route| tell(Update::Added(route.clone())));
}

fn key(route: &Route) -> (Table, Prefix) {
    (route.effective_table(), route.destination)
}

/// Whether the kernel takes one for the other's place: besides table and destination these are its key.
pub(crate) fn share_place(one: &Route, other: &Route) -> bool {
    one.type_of_service == other.type_of_service
        && one.priority.unwrap_or(0) == other.priority.unwrap_or(0)
        && one.source == other.source
}

/// Whether two are the same route, whatever their states and times.
pub(crate) fn is_same(one: &Route, other: &Route) -> bool {
    share_place(one, other)
        && one.kind == other.kind
        && one.gateway == other.gateway
        && one.link == other.link
        && one.nexthop == other.nexthop
        && one.preferred_source == other.preferred_source
        && one.protocol == other.protocol
        && one.scope == other.scope
        && one.flags & RouteFlags::SETTABLE == other.flags & RouteFlags::SETTABLE
        && one.preference == other.preference
        && one.flow == other.flow
        && one.metrics == other.metrics
        && one.encapsulation == other.encapsulation
        && one.unknown == other.unknown
        && one.expires.is_some() == other.expires.is_some()
        && have_same_hops(&one.next_hops, &other.next_hops)
}

/// The order of ways means nothing.
fn have_same_hops(one: &[NextHop], other: &[NextHop]) -> bool {
    one.len() == other.len()
        && (one.iter().zip(other).all(|(one, other)| is_same_hop(one, other))
            || one.iter().all(|hop| other.iter().any(|other| is_same_hop(hop, other))))
}

fn is_same_hop(one: &NextHop, other: &NextHop) -> bool {
    one.link == other.link
        && one.gateway == other.gateway
        && one.weight == other.weight
        && one.flags & NextHopFlags::SETTABLE == other.flags & NextHopFlags::SETTABLE
        && one.flow == other.flow
        && one.encapsulation == other.encapsulation
}

/// Puts a route in the place of one, and tells whether it is another one.
fn put(list: &mut [Route], place: usize, route: Route) -> Effect {
    let Some(there) = list.get_mut(place) else { return Effect::Doubt };
    let before = std::mem::replace(there, route);
    match is_same(&before, there) && before.expires == there.expires {
        true => Effect::Nothing,
        false => Effect::of(Update::Changed { before, now: there.clone() }),
    }
}

fn add_ipv4(list: &mut Vec<Route>, route: Route, flags: MessageFlags) -> Effect {
    let first = list.iter().position(|other| share_place(other, &route));
    let same = list.iter().position(|other| is_same(other, &route));
    match (first, same) {
        // What was read in a list already, and is told of again.
        (Some(first), Some(same)) if flags.contains(MessageFlags::REPLACE) && first != same => {
            let before = list.remove(first);
            Effect::of(Update::Removed(before))
        }
        (_, Some(same)) => put(list, same, route),
        (Some(first), None) if flags.contains(MessageFlags::REPLACE) => put(list, first, route),
        (Some(first), None) => {
            let place = match flags.contains(MessageFlags::APPEND) {
                true => list.iter().rposition(|other| share_place(other, &route)).unwrap_or(first) + 1,
                false => first,
            };
            list.insert(place, route.clone());
            Effect::of(Update::Added(route))
        }
        (None, _) => {
            list.push(route.clone());
            Effect::of(Update::Added(route))
        }
    }
}

fn remove_ipv4(list: &mut Vec<Route>, route: &Route) -> Effect {
    match list.iter().position(|other| is_same(other, route)) {
        Some(place) => Effect::of(Update::Removed(list.remove(place))),
        None if list.iter().any(|other| share_place(other, route)) => Effect::Doubt,
        None => Effect::Nothing,
    }
}

/// Whether the kernel joins a route of IPv6 with others of its destination and metric: those by a gateway.
fn is_joined(route: &Route) -> bool {
    route.nexthop.is_none() && (route.gateway.is_some() || !route.next_hops.is_empty())
}

/// Whether it may have come from a router: such a one is not joined with others. The kernel does not tell it from one that a
/// program made in its name, which is.
fn may_be_advertised(route: &Route) -> bool {
    matches!(route.protocol, Some(Protocol::ROUTER_ADVERTISEMENT | Protocol::REDIRECT))
}

fn add_ipv6(list: &mut Vec<Route>, route: Route, flags: MessageFlags) -> Effect {
    let joined = is_joined(&route);
    let alike = list.iter().position(|other| share_place(other, &route) && is_joined(other) == joined);
    let replace = flags.contains(MessageFlags::REPLACE);
    let known = list.iter().any(|other| is_same(other, &route));
    let mut others = list.iter().filter(|other| share_place(other, &route) && !is_same(other, &route));
    let advertised = others.any(|other| may_be_advertised(other) || may_be_advertised(&route));
    if joined && advertised && (replace || !known) {
        return Effect::Doubt;
    }
    if replace {
        let first = list.iter().position(|other| share_place(other, &route));
        if let Some(place) = alike.or(first) {
            return put(list, place, route);
        }
    } else if let Some(same) = list.iter().position(|other| is_same(other, &route)) {
        return put(list, same, route);
    } else if let (Some(place), true) = (alike, joined) {
        // All ways of a route are told with each that comes.
        return match route.next_hops.is_empty() {
            true => Effect::Doubt,
            false => put(list, place, route),
        };
    }
    list.push(route.clone());
    Effect::of(Update::Added(route))
}

fn remove_ipv6(list: &mut Vec<Route>, route: &Route) -> Effect {
    if let Some(place) = list.iter().position(|other| is_same(other, route)) {
        return Effect::of(Update::Removed(list.remove(place)));
    }
    let is_way = |hop: &NextHop| hop.gateway == route.gateway && hop.link == route.link;
    let several = |other: &Route| share_place(other, route) && other.next_hops.iter().any(is_way);
    let Some(there) = list.iter_mut().find(|other| several(other)) else {
        return match list.iter().any(|other| share_place(other, route)) {
            true => Effect::Doubt,
            false => Effect::Nothing,
        };
    };
    let before = there.clone();
    if let Some(place) = there.next_hops.iter().position(is_way) {
        there.next_hops.remove(place);
    }
    if let [last] = there.next_hops.as_slice() {
        (there.gateway, there.link) = (last.gateway, last.link);
        there.encapsulation = last.encapsulation.clone();
        there.flags |= RouteFlags::from_bits_retain(u32::from((last.flags & NextHopFlags::SETTABLE).bits()));
        there.next_hops = Vec::new();
    }
    Effect::of(Update::Changed { before, now: there.clone() })
}

#[cfg(test)]
mod tests;
