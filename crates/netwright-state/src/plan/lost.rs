//! What of others went along with a link that was taken down or made too small comes back once the link can have it.

use std::collections::HashSet;

use netwright_route::{Address, Family, LinkId, Neighbour, Nexthop, Route};

use super::alive::LEAST_IPV6_MTU;
use super::{Planner, addresses, routes};
use crate::keys;
use crate::snapshot::{MTU, declared};
use crate::step::{Action, Sign, Step, Verb};

/// Puts settings of links back, behind the change of the links' MTU, with which the kernel makes them anew.
pub(super) fn settings(planner: &mut Planner<'_>) {
    let owners = planner.owners;
    if owners.own.lost.settings.is_empty() {
        return;
    }
    let declared: HashSet<_> = declared(planner.host).into_iter().map(|(setting, _)| setting).collect();
    for (setting, value) in &owners.own.lost.settings {
        let link = setting.link.as_deref().and_then(|name| planner.lookup.link(name)).map(|link| link.id());
        let Some(link) = link.filter(|link| !super::links::is_deleted(planner, *link)) else { continue };
        // where it is there, so is IPv6, and somebody else has seen to it
        if planner.snapshot.settings.contains_key(setting) || declared.contains(setting) {
            continue;
        }
        if planner.final_mtu(link).is_some_and(|mtu| mtu < LEAST_IPV6_MTU) {
            planner.record.lost.settings.push((setting.clone(), value.clone()));
            continue;
        }
        let too_large = |mtu: u32| value.parse::<u32>().is_ok_and(|value| value > mtu);
        if setting.name == MTU && planner.final_mtu(link).is_some_and(too_large) {
            continue;
        }
        let text = format!("setting {setting}: {value} (as it was before)");
        planner.step(Step::new(Sign::Keep, text, Action::Setting(setting.clone(), value.clone())));
    }
}

/// Puts back all else.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let lost = &planner.owners.own.lost;
    let stays = |planner: &Planner<'_>, link: LinkId| {
        planner.lookup.link_at(link.index).is_some() && !super::links::is_deleted(planner, link)
    };
    let snapshot = planner.snapshot;
    for address in &lost.addresses {
        let key = keys::address(address);
        let there = snapshot.addresses.iter().chain(&planner.record.addresses);
        if !stays(planner, address.link) || there.into_iter().any(|found| keys::address(found) == key) {
            continue;
        }
        if !planner.can_carry(address.link, address.family() == Family::IPV6) {
            planner.record.lost.addresses.push(address.clone());
            continue;
        }
        let address = Address { link: planner.named(address.link), ..address.clone() };
        addresses::make(planner, Sign::Add, Verb::Replace, &address, None, None);
    }
    let mut missing = HashSet::new();
    for nexthop in &lost.nexthops {
        let ipv6 = nexthop.family == Family::IPV6;
        let same = |found: &&Nexthop| found.id == nexthop.id;
        let whole = |found: &Nexthop| found.group.len() >= nexthop.group.len();
        if nexthop.link.is_some_and(|link| !stays(planner, link))
            || snapshot.nexthops.iter().find(same).is_some_and(whole)
        {
            continue;
        }
        let waits = nexthop.link.is_some_and(|link| !planner.can_carry(link, ipv6))
            || nexthop.group.iter().any(|member| missing.contains(&member.id));
        if waits {
            missing.extend(nexthop.id);
            planner.record.lost.nexthops.push(nexthop.clone());
            continue;
        }
        let nexthop = Nexthop { link: nexthop.link.map(|link| planner.named(link)), ..nexthop.clone() };
        let text = format!("nexthop {nexthop} (as it was before)");
        planner.step(Step::new(Sign::Add, text, Action::Nexthop(Verb::Replace, Box::new(nexthop))));
    }
    let mut back: Vec<_> = lost.routes.iter().collect();
    // what is on the link comes before what leads through it
    back.sort_by_key(|route| !keys::is_on_link(route));
    for route in back {
        let key = keys::route(route);
        let same = |found: &&Route| keys::route(found) == key && keys::ways(found) == keys::ways(route);
        let declared = planner.record.routes.iter().any(|own| keys::route(own) == key);
        if !keys::links(route).all(|link| stays(planner, link))
            || declared
            || snapshot.routes.iter().any(|found| same(&found))
        {
            continue;
        }
        if !planner.can_stay(route) || route.nexthop.is_some_and(|id| missing.contains(&id)) {
            planner.record.lost.routes.push(route.clone());
            continue;
        }
        let route = routes::sendable(&planner.named_route(route));
        let text = format!("{} {route} (as it was before)", crate::step::route_noun(&route));
        // of a route of IPv6 with several ways those are left that lead over other links
        let part = |found: &&Route| keys::is_part(found, &route);
        let verb =
            if snapshot.routes.iter().any(|found| part(&found)) { Verb::Replace } else { Verb::Append };
        planner.step(Step::new(Sign::Add, text, Action::Route(verb, Box::new(route))));
    }
    for neighbour in &lost.neighbours {
        let key = keys::neighbour(neighbour);
        let there = snapshot.neighbours.iter().filter(|found| super::is_set(found));
        let mut there = there.chain(&planner.record.neighbours);
        if !stays(planner, neighbour.link) || there.any(|found| keys::neighbour(found) == key) {
            continue;
        }
        if !planner.can_carry(neighbour.link, neighbour.family == Family::IPV6) {
            planner.record.lost.neighbours.push(neighbour.clone());
            continue;
        }
        let link = planner.named(neighbour.link);
        let neighbour = Neighbour { link, cache_info: None, probes: None, ..neighbour.clone() };
        let text = format!("neighbour {neighbour} (as it was before)");
        planner.step(Step::new(Sign::Add, text, Action::Neighbour(Verb::Replace, Box::new(neighbour))));
    }
    for entry in &lost.forwarding {
        let Some(link) = planner.lookup.link_at(entry.link.index) else { continue };
        let master = planner.masters.get(&link.index).copied().or(link.master);
        let there = snapshot.forwarding.iter().any(|found| keys::neighbour(found) == keys::neighbour(entry));
        let gone = entry.master.is_none_or(|master| planner.lookup.link_at(master).is_none());
        if gone || there && link.master == entry.master {
            continue;
        }
        if master != entry.master {
            planner.record.lost.forwarding.push(entry.clone());
            continue;
        }
        let entry = Neighbour { link: link.id(), cache_info: None, ..entry.clone() };
        let text = format!("forwarding entry {entry} (as it was before)");
        planner.step(Step::new(Sign::Add, text, Action::Neighbour(Verb::Replace, Box::new(entry))));
    }
}
