//! Neighbours.

use std::ops::ControlFlow;

use netwright::route::neighbour::{List, NeighbourFlags, NeighbourState};
use netwright::{Neighbour, Net};
use serde_json::Value as Json;

use super::{Names, Object, Put, family, flag_names, or_empty};
use crate::output::{BAD, CHANGED, Cell, DIM, GOOD, NAME};

const FLAGS: [(u32, &str); 5] = [
    (NeighbourFlags::PROXY.bits() as u32, "proxy"),
    (NeighbourFlags::EXTERNALLY_LEARNED.bits() as u32, "externally-learned"),
    (NeighbourFlags::OFFLOADED.bits() as u32, "offloaded"),
    (NeighbourFlags::STICKY.bits() as u32, "sticky"),
    (NeighbourFlags::ROUTER.bits() as u32, "router"),
];

/// Hands out the neighbours and the addresses that are answered for; those that need no resolution only where all are asked for.
pub(super) fn each(net: &Net, all: bool, put: &mut Put<'_, Neighbour>) -> netwright::Result<()> {
    let mut flow = ControlFlow::Continue(());
    net.neighbours().each(List::default(), |neighbour| {
        let neighbour = neighbour.own()?;
        if all || neighbour.state != NeighbourState::NO_ARP {
            flow = put(neighbour);
        }
        Ok(flow)
    })?;
    if flow.is_break() {
        return Ok(());
    }
    let proxies = List { proxies: true, ..List::default() };
    net.neighbours().each(proxies, |neighbour| Ok(put(neighbour.own()?)))
}

pub(super) const HEADER: [&str; 5] = ["ADDRESS", "LINK", "MAC", "STATE", "NOTE"];

pub(super) fn row(neighbour: &Neighbour, names: &Names<'_>) -> [Cell; 5] {
    let style = match neighbour.state {
        NeighbourState::REACHABLE | NeighbourState::PERMANENT => GOOD,
        NeighbourState::FAILED | NeighbourState::INCOMPLETE => BAD,
        NeighbourState::NO_ARP => DIM,
        _ => CHANGED,
    };
    [
        Cell::new(or_empty(neighbour.destination), NAME),
        names.link(neighbour.link).into(),
        or_empty(neighbour.address).into(),
        Cell::new(or_empty(state(neighbour)), style),
        Cell::new(flags(neighbour).join(", "), DIM),
    ]
}

/// What is answered for has no state.
fn state(neighbour: &Neighbour) -> Option<String> {
    let state = neighbour.state;
    let named = || state.name().map_or_else(|| format!("{:#x}", state.bits()), str::to_owned);
    (!neighbour.flags.contains(NeighbourFlags::PROXY)).then(named)
}

fn flags(neighbour: &Neighbour) -> Vec<std::borrow::Cow<'static, str>> {
    flag_names(neighbour.flags.bits().into(), &FLAGS)
}

pub(crate) fn json(neighbour: &Neighbour, names: &Names<'_>) -> Json {
    Object::default()
        .with("family", family(neighbour.family))
        .maybe_text("address", neighbour.destination)
        .with("link", names.link(neighbour.link))
        .maybe_text("mac", neighbour.address)
        .maybe("state", state(neighbour))
        .list("flags", flags(neighbour))
        .json()
}
