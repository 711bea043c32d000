//! Neighbours.

use std::collections::HashSet;

use netwright_nft::diagnostic::Diagnostic;
use netwright_route::link::LinkFlags;
use netwright_route::neighbour::{NeighbourFlags, NeighbourState};
use netwright_route::{Family, LinkId, Neighbour};

use super::alive::{self, is_proxy};
use super::{OWN_PROTOCOL, Planner, sign_over};
use crate::keys;
use crate::model;
use crate::step::{Action, Sign, Step, Verb};

/// Removes what is no longer declared: before links and addresses change, with which the kernel may forget it.
pub(super) fn remove(planner: &mut Planner<'_>) {
    if planner.owners.own.neighbours.is_empty() {
        return;
    }
    let declared: HashSet<_> =
        declared(planner).into_iter().map(|(_, wanted)| keys::neighbour(&wanted)).collect();
    let gone: Vec<&Neighbour> = planner
        .alive
        .neighbours()
        .filter(|found| planner.lookup.owns_neighbour(found) && !declared.contains(&keys::neighbour(found)))
        .filter(|found| !super::links::is_deleted(planner, found.link))
        .collect();
    for found in gone {
        planner.alive.remove_neighbour(found);
        let named = Neighbour { link: planner.named(found.link), ..found.clone() };
        let old = planner.owners.own.replaced.neighbours.iter();
        let old = old.clone().find(|old| keys::neighbour(old) == keys::neighbour(found));
        let text = format!("neighbour {named}");
        match old {
            None => {
                let action = Action::Neighbour(Verb::Delete, Box::new(named));
                planner.step(Step::new(Sign::Remove, text, action));
            }
            // behind the addresses, with which the kernel forgets neighbours
            Some(old) => {
                let old = Neighbour { link: named.link, ..old.clone() };
                let text = format!("neighbour {old}");
                let step = Step::of(Sign::Change, text, back(&old, Some(&named)));
                planner.later.push(step.in_place_of(Some(named.to_string())));
            }
        }
    }
}

/// Puts a neighbour in the place of one with the same key. The kernel does not forget who made the other one.
pub(crate) fn back(old: &Neighbour, found: Option<&Neighbour>) -> Vec<Action> {
    let marked = found.filter(|found| found.protocol.is_some() && old.protocol.is_none());
    let delete = marked.map(|found| {
        let found = Neighbour { link: old.link, ..found.clone() };
        Action::Neighbour(Verb::Delete, Box::new(found))
    });
    let replace = Action::Neighbour(Verb::Replace, Box::new(old.clone()));
    delete.into_iter().chain([replace]).collect()
}

/// Makes what is declared, and puts back what went along with something else.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let declared = declared(planner);
    for (model, wanted) in &declared {
        declare(planner, model, wanted);
    }
    let declared: HashSet<_> = declared.iter().map(|(_, wanted)| keys::neighbour(wanted)).collect();
    for before in std::mem::take(&mut planner.alive.lost_neighbours) {
        let own = planner.lookup.owns_neighbour(before);
        let gone = super::links::is_deleted(planner, before.link);
        let ipv6 = before.family == Family::IPV6;
        let can_have = !ipv6 || planner.can_carry(before.link, true);
        let set = alive::is_set(before) && can_have;
        if !own && !gone && set && !declared.contains(&keys::neighbour(before)) {
            let named = Neighbour { link: planner.named(before.link), ..before.clone() };
            let text = format!("neighbour {named}");
            planner.step(Step::new(Sign::Keep, text, Action::Neighbour(Verb::Replace, Box::new(named))));
        }
    }
}

/// Whether a link leads to one other end, or to itself: there the kernel keeps all neighbours of IPv4 as one, without an address.
fn leads_to_one(planner: &Planner<'_>, link: LinkId) -> bool {
    let one = LinkFlags::LOOPBACK | LinkFlags::POINT_TO_POINT;
    let there = planner.lookup.link_at(link.index).map(|found| found.flags.intersects(one));
    let made = || {
        let kind = planner.declared_link(link).and_then(|link| link.kind.as_ref());
        kind.is_some_and(|kind| matches!(kind.name(), "tun" | "gre" | "ipip" | "sit"))
    };
    there.unwrap_or_else(made)
}

fn declare(planner: &mut Planner<'_>, model: &model::Neighbour, wanted: &Neighbour) {
    let place = model.place.span;
    if wanted.family == Family::IPV4 && !model.proxy && leads_to_one(planner, wanted.link) {
        let message = format!("link {} keeps no neighbours of IPv4: it leads to one other end", wanted.link);
        return planner.error(Diagnostic::error(place, message).help("Leave the neighbour out."));
    }
    let key = keys::neighbour(wanted);
    let alive = planner.alive.neighbours_of(wanted.link.index).iter().copied();
    let alive = alive.clone().find(|found| keys::neighbour(found) == key);
    let lost = planner.alive.lost_neighbours.iter().copied().find(|found| keys::neighbour(found) == key);
    let before = alive.or(lost);
    if let Some(found) = before {
        let own = planner.lookup.owns_neighbour(found);
        if let (false, Some(other)) = (own, planner.lookup.other_of_neighbour(found)) {
            return planner.of_another(&format!("neighbour {wanted}"), other, place);
        }
        let replaced = &planner.owners.own.replaced.neighbours;
        let old = replaced.iter().find(|old| keys::neighbour(old) == key).cloned();
        planner.record.replaced.neighbours.extend(old);
        if !own && alive::is_set(found) {
            if fits(found, wanted) {
                return;
            }
            if !model.adopt {
                let message =
                    format!("the neighbour {} is set already, by somebody else", wanted.address_text());
                let error = Diagnostic::error(place, message)
                    .help(format!("There is {found}."))
                    .help(format!("Declared is {wanted}."))
                    .help("Leave it out, or say `adopt = true`: then it is changed, and the old one is kept for the way back.");
                return planner.error(error);
            }
            planner.record.replaced.neighbours.push(found.clone());
        }
    }
    planner.record.neighbours.push(wanted.clone());
    if alive.is_some_and(|found| fits(found, wanted)) {
        return;
    }
    let kept = before.is_some_and(|found| fits(found, wanted));
    let sign = if kept { Sign::Keep } else { sign_over(before.is_some()) };
    // what somebody else sets meanwhile is not written over
    let verb = if before.is_some() { Verb::Replace } else { Verb::Add };
    let action = Action::Neighbour(verb, Box::new(wanted.clone()));
    let step = Step::new(sign, format!("neighbour {wanted}"), action).at(Some(place));
    let old = before.filter(|_| !kept).map(ToString::to_string);
    planner.step(step.in_place_of(old));
}

trait AddressText {
    fn address_text(&self) -> String;
}

impl AddressText for Neighbour {
    fn address_text(&self) -> String {
        let address = self.destination.map_or_else(String::new, |address| address.to_string());
        format!("{address} on {}", self.link)
    }
}

fn declared<'a>(planner: &Planner<'a>) -> Vec<(&'a model::Neighbour, Neighbour)> {
    let wanted = |model: &'a model::Neighbour| Some((model, wanted(model, planner.id(&model.dev)?)));
    planner.host.neighbours.iter().filter_map(wanted).collect()
}

fn wanted(model: &model::Neighbour, link: LinkId) -> Neighbour {
    let state = match model.state {
        model::NeighbourState::Permanent => NeighbourState::PERMANENT,
        model::NeighbourState::Noarp => NeighbourState::NO_ARP,
        model::NeighbourState::Reachable => NeighbourState::REACHABLE,
        model::NeighbourState::Stale => NeighbourState::STALE,
    };
    Neighbour {
        family: Family::of(model.address),
        link,
        destination: Some(model.address),
        address: model.mac.map(|mac| mac.0.into()),
        state: if model.proxy { NeighbourState::empty() } else { state },
        flags: if model.proxy { NeighbourFlags::PROXY } else { NeighbourFlags::empty() },
        protocol: Some(OWN_PROTOCOL),
        ..Neighbour::default()
    }
}

/// A state that the kernel changes by itself is right as long as the neighbour is known.
fn fits(found: &Neighbour, wanted: &Neighbour) -> bool {
    const FIXED: NeighbourState = NeighbourState::PERMANENT.union(NeighbourState::NO_ARP);
    const UNKNOWN: NeighbourState = NeighbourState::INCOMPLETE.union(NeighbourState::FAILED);
    let state = if is_proxy(wanted) {
        true
    } else if FIXED.intersects(wanted.state) {
        found.state == wanted.state
    } else {
        !found.state.intersects(FIXED | UNKNOWN)
    };
    state && (wanted.address.is_none() || found.address == wanted.address)
}
