//! Neighbours.

use netwright::route::neighbour::{List, NeighbourFlags, NeighbourState};
use netwright::{Neighbour, Net};
use serde_json::Value as Json;

use super::{Names, Object, family, flag_names, or_empty};
use crate::output::{BAD, CHANGED, Cell, DIM, GOOD, NAME, Table};

const FLAGS: [(u32, &str); 5] = [
    (NeighbourFlags::PROXY.bits() as u32, "proxy"),
    (NeighbourFlags::EXTERNALLY_LEARNED.bits() as u32, "externally-learned"),
    (NeighbourFlags::OFFLOADED.bits() as u32, "offloaded"),
    (NeighbourFlags::STICKY.bits() as u32, "sticky"),
    (NeighbourFlags::ROUTER.bits() as u32, "router"),
];

/// The neighbours and the addresses that are answered for; those that need no resolution only where all are asked for.
pub(super) fn read(net: &Net, all: bool) -> netwright::Result<Vec<Neighbour>> {
    let mut neighbours = net.neighbours().list()?;
    if !all {
        neighbours.retain(|neighbour| neighbour.state != NeighbourState::NO_ARP);
    }
    neighbours.extend(net.neighbours().filter(List { proxies: true, ..List::default() })?);
    Ok(neighbours)
}

pub(super) fn table(neighbours: &[Neighbour], names: &Names<'_>) -> Table<5> {
    let mut table = Table::new(["ADDRESS", "LINK", "MAC", "STATE", "NOTE"]);
    for neighbour in neighbours {
        let style = match neighbour.state {
            NeighbourState::REACHABLE | NeighbourState::PERMANENT => GOOD,
            NeighbourState::FAILED | NeighbourState::INCOMPLETE => BAD,
            NeighbourState::NO_ARP => DIM,
            _ => CHANGED,
        };
        table.row([
            Cell::new(or_empty(neighbour.destination), NAME),
            names.link(neighbour.link).into(),
            or_empty(neighbour.address).into(),
            Cell::new(or_empty(state(neighbour)), style),
            Cell::new(flags(neighbour).join(", "), DIM),
        ]);
    }
    table
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
