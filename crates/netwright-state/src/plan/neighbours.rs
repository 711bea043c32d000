//! Neighbours.

use netwright_route::neighbour::{NeighbourFlags, NeighbourState};
use netwright_route::{Family, LinkId, Neighbour, Protocol};

use super::alive::{self, Alive};
use super::{Planner, sign_over};
use crate::model;
use crate::step::{Action, Sign, Step, Verb};

/// Removes what is no longer declared: before links and addresses change, with which the kernel may forget it.
pub(super) fn remove(planner: &mut Planner<'_>) {
    let declared: Vec<_> = declared(planner).into_iter().map(|(_, wanted)| wanted).collect();
    for found in planner.alive.neighbours.clone() {
        let own = found.protocol == Some(Protocol::NETWRIGHT) && found.family != Family::BRIDGE;
        let is_declared = declared.iter().any(|wanted| same_key(&found, wanted));
        if !own || is_declared || super::links::is_deleted(planner, found.link) {
            continue;
        }
        planner.alive.neighbours.retain(|other| !same_key(other, &found));
        let undo = vec![Action::Neighbour(Verb::Replace, Box::new(found.clone()))];
        let text = format!("neighbour {found}");
        planner.step(Step::new(Sign::Remove, text, Action::Neighbour(Verb::Delete, Box::new(found)), undo));
    }
}

/// Makes what is declared, and puts back what went along with something else.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let snapshot = planner.snapshot;
    let declared = declared(planner);
    for (model, wanted) in &declared {
        let alive = planner.alive.neighbours.iter().find(|found| same_key(found, wanted));
        if alive.is_some_and(|found| fits(found, wanted)) {
            continue;
        }
        let undo = match alive {
            Some(found) => Action::Neighbour(Verb::Replace, Box::new(found.clone())),
            None => Action::Neighbour(Verb::Delete, Box::new(wanted.clone())),
        };
        let before = snapshot.neighbours.iter().find(|found| same_key(found, wanted));
        let kept = before.is_some_and(|found| fits(found, wanted));
        let sign = if kept { Sign::Keep } else { sign_over(before.is_some()) };
        let action = Action::Neighbour(Verb::Replace, Box::new(wanted.clone()));
        let step = Step::new(sign, format!("neighbour {wanted}"), action, vec![undo]);
        planner.step(step.at(Some(model.place.span)));
    }
    for before in Alive::of(snapshot).neighbours {
        let lost = !planner.alive.neighbours.iter().any(|found| same_key(found, &before));
        let foreign = before.protocol != Some(Protocol::NETWRIGHT) && alive::is_set(&before);
        let is_declared = declared.iter().any(|(_, wanted)| same_key(&before, wanted));
        if lost && foreign && !is_declared {
            let undo = vec![Action::Neighbour(Verb::Delete, Box::new(before.clone()))];
            let text = format!("neighbour {before}");
            planner.step(Step::new(
                Sign::Keep,
                text,
                Action::Neighbour(Verb::Replace, Box::new(before)),
                undo,
            ));
        }
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
