//! Neighbours.

use std::ops::ControlFlow;

use netwright::route::Protocol;
use netwright::route::neighbour::{List, NeighbourExtendedFlags, NeighbourFlags, NeighbourState};
use netwright::{Neighbour, Net};
use serde_json::Value as Json;

use super::{Names, Object, Put, flag_names, or_empty};
use crate::output::{BAD, CHANGED, Cell, DIM, GOOD, NAME};

const FLAGS: [(u32, &str); 8] = [
    (NeighbourFlags::USE.bits() as u32, "use"),
    (NeighbourFlags::SELF.bits() as u32, "self"),
    (NeighbourFlags::MASTER.bits() as u32, "master"),
    (NeighbourFlags::PROXY.bits() as u32, "proxy"),
    (NeighbourFlags::EXTERNALLY_LEARNED.bits() as u32, "externally-learned"),
    (NeighbourFlags::OFFLOADED.bits() as u32, "offloaded"),
    (NeighbourFlags::STICKY.bits() as u32, "sticky"),
    (NeighbourFlags::ROUTER.bits() as u32, "router"),
];

const EXTENDED: [(u32, &str); 2] =
    [(NeighbourExtendedFlags::MANAGED.bits(), "managed"), (NeighbourExtendedFlags::LOCKED.bits(), "locked")];

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
    let extended = neighbour.extended_flags.map_or(0, |flags| flags.bits());
    flag_names(neighbour.flags.bits().into(), &FLAGS)
        .into_iter()
        .chain(flag_names(extended, &EXTENDED))
        .collect()
}

pub(crate) fn json(neighbour: &Neighbour, names: &Names<'_>) -> Json {
    // all fields, so that none is forgotten
    let Neighbour {
        family, link, destination, address, state: _, flags: _, extended_flags: _, protocol, ..
    } = neighbour;
    let Neighbour { vlan, port, vni, source_vni, lower_link, master, nexthop, probes, unknown, .. } =
        neighbour;
    Object::default()
        .with("family", super::family(*family))
        .maybe_text("address", *destination)
        .with("link", names.link(*link))
        .maybe_text("mac", *address)
        .maybe("vlan", *vlan)
        .maybe("port", *port)
        .maybe("vni", *vni)
        .maybe("source-vni", *source_vni)
        .maybe("lower-link", lower_link.map(|index| names.of(index)))
        .maybe("master", master.map(|index| names.of(index)))
        .maybe("nexthop-id", *nexthop)
        .maybe("state", state(neighbour))
        .maybe_text("protocol", protocol.filter(|protocol| *protocol != Protocol::default()))
        .maybe("probes", probes.filter(|&probes| probes != 0))
        .list("flags", flags(neighbour))
        .list("unknown-attributes", unknown.iter().map(|attribute| attribute.kind))
        .json()
}
