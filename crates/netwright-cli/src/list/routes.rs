//! Routes.

use std::ops::ControlFlow;

use netwright::route::route::{List as Filter, NextHop, RouteFlags, RouteKind};
use netwright::route::{Family, Table as RoutingTable};
use netwright::{Net, Route};
use serde_json::Value as Json;

use super::{Names, Object, Put, family, flag_names, or_empty};
use crate::output::{CHANGED, Cell, DIM, NAME};

const FLAGS: [(u32, &str); 7] = [
    (RouteFlags::DEAD.bits(), "dead"),
    (RouteFlags::PERVASIVE.bits(), "pervasive"),
    (RouteFlags::ON_LINK.bits(), "onlink"),
    (RouteFlags::LINK_DOWN.bits(), "linkdown"),
    (RouteFlags::UNRESOLVED.bits(), "unresolved"),
    (RouteFlags::OFFLOAD.bits(), "offload"),
    (RouteFlags::TRAP.bits(), "trap"),
];

/// Hands out the routes as they come, without those that the kernel makes for local addresses unless all are asked for.
pub(super) fn each(net: &Net, all: bool, put: &mut Put<'_, Route>) -> netwright::Result<()> {
    net.routes().each(Filter::default(), |route| {
        let shown = all || route.table()? != RoutingTable::LOCAL;
        Ok(if shown { put(route.own()?) } else { ControlFlow::Continue(()) })
    })
}

pub(super) const HEADER: [&str; 9] =
    ["TO", "KIND", "VIA", "DEV", ">METRIC", "SOURCE", "TABLE", "PROTOCOL", "NOTE"];

pub(super) fn row(route: &Route, names: &Names<'_>) -> [Cell; 9] {
    let kind = if route.kind == RouteKind::UNICAST { String::new() } else { route.kind.to_string() };
    [
        Cell::new(destination(route), NAME),
        Cell::new(kind, CHANGED),
        or_empty(route.gateway).into(),
        or_empty(route.link.map(|link| names.link(link))).into(),
        or_empty(route.priority.filter(|&priority| priority != 0)).into(),
        or_empty(route.preferred_source).into(),
        or_empty(route.table.filter(|&table| table != RoutingTable::MAIN)).into(),
        Cell::new(or_empty(route.protocol), DIM),
        Cell::new(note(route, names), DIM),
    ]
}

/// Default routes look alike in both families.
fn destination(route: &Route) -> String {
    match (route.is_default(), route.family()) {
        (false, _) => route.destination.to_string(),
        (true, Family::IPV6) => "default (IPv6)".into(),
        (true, _) => "default".into(),
    }
}

fn note(route: &Route, names: &Names<'_>) -> String {
    let mut notes: Vec<String> = route.next_hops.iter().map(|hop| way(hop, names)).collect();
    notes.extend(route.nexthop.map(|id| format!("nexthop {id}")));
    notes.extend(route.source.map(|source| format!("from {source}")));
    notes.extend(route.expires.map(|seconds| format!("expires in {seconds} s")));
    notes.extend(flag_names(route.flags.bits(), &FLAGS).into_iter().map(|flag| flag.into_owned()));
    notes.join(", ")
}

fn way(hop: &NextHop, names: &Names<'_>) -> String {
    let via = hop.gateway.map(|gateway| format!("via {gateway}"));
    let dev = hop.link.map(|link| format!("dev {}", names.link(link)));
    let weight = (hop.weight != 1).then(|| format!("weight {}", hop.weight));
    [via, dev, weight].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

pub(crate) fn json(route: &Route, names: &Names<'_>) -> Json {
    let hops = route.next_hops.iter().map(|hop| {
        Object::default()
            .maybe_text("via", hop.gateway)
            .maybe("dev", hop.link.map(|link| names.link(link)))
            .with("weight", hop.weight)
            .json()
    });
    let to = if route.is_default() { "default".to_owned() } else { route.destination.to_string() };
    Object::default()
        .with("family", family(route.family()))
        .with("to", to)
        .text("kind", route.kind)
        .maybe_text("table", route.table)
        .maybe_text("via", route.gateway)
        .maybe("dev", route.link.map(|link| names.link(link)))
        .maybe_text("source", route.preferred_source)
        .maybe_text("from", route.source)
        .maybe("metric", route.priority)
        .maybe_text("scope", route.scope.filter(|_| route.family() == Family::IPV4))
        .maybe_text("protocol", route.protocol)
        .maybe("expires", route.expires)
        .list("nexthops", hops)
        .maybe("nexthop-id", route.nexthop)
        .list("flags", flag_names(route.flags.bits(), &FLAGS))
        .json()
}
