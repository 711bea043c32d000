//! Interfaces.

use netwright::Link;
use netwright::route::link::{LinkFlags, OperationalState};
use serde_json::Value as Json;

use super::{Names, Object, flag_names, or_empty};
use crate::output::{CHANGED, Cell, DIM, GOOD, NAME, Table};

const FLAGS: [(u32, &str); 12] = [
    (LinkFlags::BROADCAST.bits(), "broadcast"),
    (LinkFlags::LOOPBACK.bits(), "loopback"),
    (LinkFlags::POINT_TO_POINT.bits(), "point-to-point"),
    (LinkFlags::NO_ARP.bits(), "no-arp"),
    (LinkFlags::PROMISCUOUS.bits(), "promiscuous"),
    (LinkFlags::ALL_MULTICAST.bits(), "all-multicast"),
    (LinkFlags::MULTICAST.bits(), "multicast"),
    (LinkFlags::UP.bits(), "up"),
    (LinkFlags::RUNNING.bits(), "running"),
    (LinkFlags::LOWER_UP.bits(), "lower-up"),
    (LinkFlags::DORMANT.bits(), "dormant"),
    (LinkFlags::ECHO.bits(), "echo"),
];

pub(super) fn table(links: &[Link], names: &Names<'_>) -> Table<8> {
    let mut table = Table::new([">INDEX", "NAME", "KIND", "STATE", ">MTU", "MAC", "MASTER", "NOTE"]);
    for link in links {
        let (state, style) = match (link.is_up(), link.operational_state) {
            (false, _) => ("down", DIM),
            (true, OperationalState::UP | OperationalState::UNKNOWN) => ("up", GOOD),
            (true, _) => ("no carrier", CHANGED),
        };
        table.row([
            Cell::new(link.index.to_string(), DIM),
            Cell::new(name(link, names), NAME),
            kind(link).into(),
            Cell::new(state, style),
            or_empty(link.mtu).into(),
            or_empty(link.address.filter(|address| address.as_bytes().iter().any(|&byte| byte != 0))).into(),
            or_empty(link.master.map(|master| names.of(master))).into(),
            Cell::new(note(link), DIM),
        ]);
    }
    table
}

/// With what it stands on, as `ip` writes it.
fn name(link: &Link, names: &Names<'_>) -> String {
    match (link.parent, link.parent_namespace_id) {
        (Some(parent), None) if parent != link.index => format!("{}@{}", link.name, names.of(parent)),
        (Some(parent), Some(_)) => format!("{}@if{parent}", link.name),
        _ => link.name.clone(),
    }
}

fn kind(link: &Link) -> &str {
    link.kind_name().unwrap_or(if link.is_loopback() { "loopback" } else { "" })
}

fn note(link: &Link) -> String {
    let names = link.alternative_names.iter().map(|name| format!("also {name}"));
    names.chain(link.alias.clone()).collect::<Vec<_>>().join(", ")
}

pub(crate) fn json(link: &Link, names: &Names<'_>) -> Json {
    let parent = link.parent.filter(|_| link.parent_namespace_id.is_none());
    Object::default()
        .with("index", link.index)
        .with("name", link.name.as_str())
        .maybe("kind", link.kind_name())
        .with("up", link.is_up())
        .with("state", link.operational_state.name().unwrap_or("unknown"))
        .maybe("mtu", link.mtu)
        .maybe_text("mac", link.address)
        .maybe("master", link.master.map(|master| names.of(master)))
        .maybe("parent", parent.map(|parent| names.of(parent)))
        .list("alternative-names", link.alternative_names.iter().map(String::as_str))
        .maybe("alias", link.alias.as_deref())
        .list("flags", flag_names(link.flags.bits(), &FLAGS))
        .json()
}
