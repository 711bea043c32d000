//! Routes.

use std::ops::ControlFlow;

use netwright::route::route::{
    Encapsulation, List as Filter, Metrics, NextHop, RouteFlags, RouteKind, RouterPreference,
};
use netwright::route::{Family, Table as RoutingTable};
use netwright::wire::{Attributes, Writer};
use netwright::{Net, Route};
use serde_json::Value as Json;

use super::{Names, Object, Put, family, flag_names, or_empty, realms};
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

/// Numbers of metrics and their names, as `ip` has them. Each is a number, but the name of what controls congestion.
const METRICS: [(u16, &str); 17] = [
    (1, "lock"),
    (2, "mtu"),
    (3, "window"),
    (4, "rtt"),
    (5, "rttvar"),
    (6, "ssthresh"),
    (7, "cwnd"),
    (8, "advmss"),
    (9, "reordering"),
    (10, "hoplimit"),
    (11, "initcwnd"),
    (12, "features"),
    (13, "rto_min"),
    (14, "initrwnd"),
    (15, "quickack"),
    (CONGESTION_CONTROL, "congctl"),
    (17, "fastopen_no_cookie"),
];
const CONGESTION_CONTROL: u16 = 16;

/// All metrics, those without a name by their number.
fn metrics(metrics: Option<&Metrics>) -> Vec<(String, Json)> {
    let Some(metrics) = metrics else { return Vec::new() };
    let mut writer = Writer::new();
    metrics.write_attributes(&mut writer);
    let all = Attributes::new(writer.bytes()).map_while(Result::ok);
    all.map(|metric| {
        let name = METRICS.iter().find(|(kind, _)| *kind == metric.kind).map(|(_, name)| (*name).to_owned());
        let value = match metric.payload.try_into() {
            Ok(number) if metric.kind != CONGESTION_CONTROL => u32::from_ne_bytes(number).into(),
            _ => String::from_utf8_lossy(metric.payload).trim_end_matches('\0').into(),
        };
        (name.unwrap_or_else(|| format!("metric-{}", metric.kind)), value)
    })
    .collect()
}

/// How packets are wrapped: the kind, and its attributes as the kernel has them.
fn encapsulation(encapsulation: &Encapsulation) -> Json {
    Object::default().text("type", encapsulation.kind).with("data", hex(&encapsulation.data.0)).json()
}

/// The same in a line.
fn wrapping(encapsulation: &Encapsulation) -> String {
    format!("encap {} {}", encapsulation.kind, hex(&encapsulation.data.0))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn note(route: &Route, names: &Names<'_>) -> String {
    // all fields, so that none is forgotten: what stands in a column of its own, and what is only in answers to a look-up
    let Route { destination: _, kind: _, gateway: _, link: _, priority: _, preferred_source: _, .. } = route;
    let Route { table: _, protocol: _, incoming: _, mark: _, user: _, cache_info: _, .. } = route;
    let Route { next_hops, nexthop, source, type_of_service, metrics: measured, .. } = route;
    let Route { encapsulation: wrapped, preference, expires, flags, flow, scope, unknown, .. } = route;
    let mut notes: Vec<String> = next_hops.iter().map(|hop| way(hop, names)).collect();
    notes.extend(nexthop.map(|id| format!("nexthop {id}")));
    notes.extend(source.map(|source| format!("from {source}")));
    notes.extend((*type_of_service != 0).then(|| format!("tos {type_of_service:#x}")));
    notes.extend(
        scope
            .filter(|scope| *scope != route.usual_scope() && route.family() == Family::IPV4)
            .map(|scope| format!("scope {scope}")),
    );
    notes.extend(wrapped.as_deref().map(wrapping));
    notes.extend(metrics(measured.as_deref()).into_iter().map(|(name, value)| match value {
        Json::String(text) => format!("{name} {text}"),
        value => format!("{name} {value}"),
    }));
    notes.extend(preference.filter(is_unusual).map(|preference| format!("pref {preference}")));
    notes.extend(flow.map(|flow| format!("realms {}", realms(flow))));
    notes.extend(expires.map(|seconds| format!("expires in {seconds} s")));
    notes.extend(flag_names(flags.bits(), &FLAGS).into_iter().map(|flag| flag.into_owned()));
    notes.extend(unknown.iter().map(|attribute| format!("attribute {}", attribute.kind)));
    notes.join(", ")
}

/// Every route of IPv6 has a preference: the usual one says nothing.
fn is_unusual(preference: &RouterPreference) -> bool {
    *preference != RouterPreference::MEDIUM
}

fn way(hop: &NextHop, names: &Names<'_>) -> String {
    let NextHop { link, gateway, weight, flags, flow, encapsulation, unknown, .. } = hop;
    let parts = [
        gateway.map(|gateway| format!("via {gateway}")),
        link.map(|link| format!("dev {}", names.link(link))),
        (*weight != 1).then(|| format!("weight {weight}")),
        encapsulation.as_deref().map(wrapping),
        flow.map(|flow| format!("realms {}", realms(flow))),
    ];
    let flags = flag_names(flags.bits().into(), &FLAGS).into_iter().map(|flag| flag.into_owned());
    let unknown = unknown.iter().map(|attribute| format!("attribute {}", attribute.kind));
    parts.into_iter().flatten().chain(flags).chain(unknown).collect::<Vec<_>>().join(" ")
}

pub(crate) fn json(route: &Route, names: &Names<'_>) -> Json {
    let hops = route.next_hops.iter().map(|hop| {
        Object::default()
            .maybe_text("via", hop.gateway)
            .maybe("dev", hop.link.map(|link| names.link(link)))
            .with("weight", hop.weight)
            .maybe("encap", hop.encapsulation.as_deref().map(encapsulation))
            .maybe("realms", hop.flow.map(realms))
            .list("flags", flag_names(hop.flags.bits().into(), &FLAGS))
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
        .maybe("tos", Some(route.type_of_service).filter(|&tos| tos != 0))
        .maybe("encap", route.encapsulation.as_deref().map(encapsulation))
        .maybe("metrics", Some(metrics(route.metrics.as_deref())).filter(|all| !all.is_empty()).map(object))
        .maybe_text("pref", route.preference.filter(is_unusual))
        .maybe("realms", route.flow.map(realms))
        .maybe("expires", route.expires)
        .list("nexthops", hops)
        .maybe("nexthop-id", route.nexthop)
        .list("flags", flag_names(route.flags.bits(), &FLAGS))
        .list("unknown-attributes", route.unknown.iter().map(|attribute| attribute.kind))
        .json()
}

fn object(pairs: Vec<(String, Json)>) -> Json {
    Json::Object(pairs.into_iter().collect())
}
