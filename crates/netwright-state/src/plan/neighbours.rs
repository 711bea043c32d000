//! Neighbours.

use netwright_route::neighbour::{NeighbourFlags, NeighbourState};
use netwright_route::{Family, LinkId, Neighbour, Protocol};

use super::{Planner, sign_over};
use crate::model;
use crate::step::{Action, Sign, Step, Verb};

pub(super) fn plan(planner: &mut Planner<'_>) {
    let mut declared = Vec::new();
    let snapshot = planner.snapshot;
    for model in &planner.host.neighbours {
        let Some(link) = planner.id(&model.dev) else { continue };
        let wanted = wanted(model, link);
        declared.push(wanted.clone());
        let alive = planner.alive.neighbours.iter().find(|found| same_key(found, &wanted));
        if alive.is_some_and(|found| fits(found, &wanted)) {
            continue;
        }
        let undo = match alive {
            Some(found) => Action::Neighbour(Verb::Replace, Box::new(found.clone())),
            None => Action::Neighbour(Verb::Delete, Box::new(wanted.clone())),
        };
        let before = snapshot.neighbours.iter().find(|found| same_key(found, &wanted));
        let kept = before.is_some_and(|found| fits(found, &wanted));
        let sign = if kept { Sign::Keep } else { sign_over(before.is_some()) };
        let text = format!("neighbour {wanted}");
        let action = Action::Neighbour(Verb::Replace, Box::new(wanted));
        planner.step(Step::new(sign, text, action, vec![undo]).at(Some(model.place.span)));
    }
    for found in planner.alive.neighbours.clone() {
        let own = found.protocol == Some(Protocol::NETWRIGHT) && found.family != Family::BRIDGE;
        let is_declared = declared.iter().any(|wanted| same_key(&found, wanted));
        if !own || is_declared || super::links::is_deleted(planner, found.link) {
            continue;
        }
        let undo = vec![Action::Neighbour(Verb::Replace, Box::new(found.clone()))];
        let text = format!("neighbour {found}");
        planner.step(Step::new(Sign::Remove, text, Action::Neighbour(Verb::Delete, Box::new(found)), undo));
    }
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
        protocol: Some(Protocol::NETWRIGHT),
        ..Neighbour::default()
    }
}

fn is_proxy(neighbour: &Neighbour) -> bool {
    neighbour.flags.contains(NeighbourFlags::PROXY)
}

fn same_key(found: &Neighbour, wanted: &Neighbour) -> bool {
    found.family == wanted.family
        && found.link == wanted.link
        && found.destination == wanted.destination
        && is_proxy(found) == is_proxy(wanted)
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
