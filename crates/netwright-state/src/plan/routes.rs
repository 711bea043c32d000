//! Routes.

use std::net::IpAddr;

use netwright_nft::diagnostic::Diagnostic;
use netwright_route::route::{Metrics, NextHop, NextHopFlags, RouteFlags, RouteKind};
use netwright_route::{Family, LinkId, Prefix, Protocol, Route, Scope, Table};

use super::Planner;
use crate::model;
use crate::step::{Action, Sign, Step, Verb, route_noun};

pub(super) fn plan(planner: &mut Planner<'_>) {
    let mut declared = Vec::new();
    for model in &planner.host.routes {
        if let Some(wanted) = wanted(planner, model) {
            declare(planner, model, &wanted);
            declared.push(key(&wanted));
        }
    }
    let snapshot = planner.snapshot;
    for found in snapshot.routes.iter().filter(|found| !declared.contains(&key(found))) {
        let named = name_links(planner, found);
        if links(found).any(|link| super::links::is_deleted(planner, planner.named(link))) {
            continue;
        }
        if found.protocol == Some(Protocol::NETWRIGHT) {
            let undo = vec![Action::Route(Verb::Add, Box::new(named.clone()))];
            let text = text(&named);
            planner.step(Step::new(Sign::Remove, text, Action::Route(Verb::Delete, Box::new(named)), undo));
        } else if is_lost(planner, found) && !is_kernels(found) {
            keep(planner, &named, None);
        }
    }
}

/// Routes that the kernel makes along with an address come again with it.
fn is_kernels(route: &Route) -> bool {
    matches!(route.protocol, Some(Protocol::KERNEL | Protocol::REDIRECT | Protocol::ROUTER_ADVERTISEMENT))
}

fn declare(planner: &mut Planner<'_>, model: &model::Route, wanted: &Route) {
    let place = Some(model.place.span);
    let snapshot = planner.snapshot;
    let there: Vec<&Route> = snapshot.routes.iter().filter(|found| key(found) == key(wanted)).collect();
    let text = text(wanted);
    if there.iter().any(|found| fits(found, wanted, model)) {
        if is_lost(planner, wanted) {
            keep(planner, wanted, place);
        }
        return;
    }
    let step = match there.first() {
        Some(found) => {
            let before = name_links(planner, found);
            let undo = vec![Action::Route(Verb::Replace, Box::new(before))];
            Step::new(Sign::Change, text, Action::Route(Verb::Replace, Box::new(wanted.clone())), undo)
        }
        None => {
            let undo = vec![Action::Route(Verb::Delete, Box::new(wanted.clone()))];
            Step::new(Sign::Add, text, Action::Route(Verb::Add, Box::new(wanted.clone())), undo)
        }
    };
    planner.step(step.at(place));
}

fn keep(planner: &mut Planner<'_>, route: &Route, place: Option<netwright_nft::diagnostic::Span>) {
    let action = Action::Route(Verb::Replace, Box::new(route.clone()));
    planner.step(Step::new(Sign::Keep, text(route), action, Vec::new()).at(place));
}

/// The routes over some links, but those that the kernel makes.
pub(super) fn over<'p>(
    planner: &'p Planner<'_>,
    indexes: &'p [Option<u32>],
) -> impl Iterator<Item = Route> + use<'p> {
    let meant =
        |route: &&Route| !is_kernels(route) && links(route).any(|link| indexes.contains(&Some(link.index)));
    planner.snapshot.routes.iter().filter(meant).map(|route| name_links(planner, route))
}

/// Whether the kernel takes the route away because of an earlier step.
fn is_lost(planner: &Planner<'_>, route: &Route) -> bool {
    let over = |indexes: &[u32]| links(route).any(|link| indexes.contains(&link.index));
    over(&planner.cycled)
        || route.family() == Family::IPV4 && over(&planner.bare)
        || route.preferred_source.is_some_and(|source| planner.lost_sources.contains(&source))
}

fn links(route: &Route) -> impl Iterator<Item = LinkId> {
    route.link.into_iter().chain(route.next_hops.iter().filter_map(|hop| hop.link))
}

fn name_links(planner: &Planner<'_>, route: &Route) -> Route {
    let mut named = route.clone();
    named.link = named.link.map(|link| planner.named(link));
    for hop in &mut named.next_hops {
        hop.link = hop.link.map(|link| planner.named(link));
    }
    named
}

fn text(route: &Route) -> String {
    format!("{} {route}", route_noun(route))
}

pub(super) fn family(family: model::Family) -> Family {
    match family {
        model::Family::Ipv4 => Family::IPV4,
        model::Family::Ipv6 => Family::IPV6,
    }
}

/// The route as it is sent; `None` where a link that it needs is not there, which is reported elsewhere or here.
fn wanted(planner: &mut Planner<'_>, model: &model::Route) -> Option<Route> {
    let mut route = Route::to(model.destination().network());
    route.kind = kind(model.kind);
    route.table = model.table.map(|table| Table(table.0));
    route.protocol = Some(model.protocol.map_or(Protocol::NETWRIGHT, |protocol| Protocol(protocol.0)));
    route.scope = model.scope.map(|scope| Scope(scope.0));
    route.priority = model.metric;
    route.preferred_source = model.source;
    route.metrics = metrics(model);
    if model.nexthops.is_empty() {
        route.gateway = model.via;
        route.link = device(planner, model, model.dev.as_deref(), model.via)?;
        if model.onlink {
            route = route.on_link();
        }
    } else {
        for hop in &model.nexthops {
            let link = device(planner, model, hop.dev.as_deref(), hop.via)?;
            let flags = if hop.onlink { NextHopFlags::ON_LINK } else { NextHopFlags::empty() };
            let weight = hop.weight.unwrap_or(1);
            route.next_hops.push(NextHop { link, gateway: hop.via, weight, flags, ..NextHop::default() });
        }
    }
    Some(route)
}

/// The device of a way, which may be none. The outer `None`: it is meant to be one that is not there.
fn device(
    planner: &mut Planner<'_>,
    route: &model::Route,
    dev: Option<&str>,
    via: Option<IpAddr>,
) -> Option<Option<LinkId>> {
    let host = planner.host;
    let Some(name) = host.route_device(dev, via) else { return Some(None) };
    let id = planner.id(name);
    if id.is_none() && host.link(name).is_none() {
        let span = route.place.key("dev").unwrap_or(route.place.span);
        planner
            .error(Diagnostic::error(span, format!("there is no link `{name}` for the route to go out by")));
    }
    id.map(Some)
}

fn kind(kind: model::RouteType) -> RouteKind {
    match kind {
        model::RouteType::Unicast => RouteKind::UNICAST,
        model::RouteType::Local => RouteKind::LOCAL,
        model::RouteType::Blackhole => RouteKind::BLACKHOLE,
        model::RouteType::Unreachable => RouteKind::UNREACHABLE,
        model::RouteType::Prohibit => RouteKind::PROHIBIT,
        model::RouteType::Throw => RouteKind::THROW,
        model::RouteType::Broadcast => RouteKind::BROADCAST,
        model::RouteType::Anycast => RouteKind::ANYCAST,
        model::RouteType::Multicast => RouteKind::MULTICAST,
    }
}

fn metrics(model: &model::Route) -> Option<Metrics> {
    let metrics = Metrics {
        mtu: model.mtu,
        advertised_segment_size: model.advmss,
        window: model.window,
        initial_congestion_window: model.initial_congestion_window,
        initial_receive_window: model.initial_receive_window,
        hop_limit: model.hop_limit.map(u32::from),
        quick_acknowledgement: model.quick_ack.map(u32::from),
        ..Metrics::default()
    };
    (metrics != Metrics::default()).then_some(metrics)
}

type Key = (Prefix, Option<Prefix>, Table, u32, u8);

/// Routes with the same key take each other's place. IPv6 has no metric 0: it stands for 1024.
fn key(route: &Route) -> Key {
    let priority = match (route.family(), route.priority.unwrap_or(0)) {
        (Family::IPV6, 0) => 1024,
        (_, priority) => priority,
    };
    let Route { destination, source, type_of_service, .. } = *route;
    (destination.network(), source, route.effective_table(), priority, type_of_service)
}

/// Whether a route that is there serves for a declared one. What netwright made has nothing else to it; of what is
/// foreign, that counts which is declared.
fn fits(found: &Route, wanted: &Route, model: &model::Route) -> bool {
    let own = found.protocol == Some(Protocol::NETWRIGHT);
    let fits_option = |same: bool, declared: bool| same || !own && !declared;
    let protocol = match model.protocol {
        Some(protocol) => found.protocol == Some(Protocol(protocol.0)),
        None => true,
    };
    found.kind == wanted.kind
        && protocol
        && same_way(found, wanted)
        && fits_option(found.effective_scope() == wanted.effective_scope(), model.scope.is_some())
        && fits_option(found.preferred_source == wanted.preferred_source, model.source.is_some())
        && same_metrics(found, wanted, own)
}

fn same_way(found: &Route, wanted: &Route) -> bool {
    // The kernel binds IPv6 routes that lead nowhere to the loopback link.
    let link = wanted.link.is_none() && wanted.kind != RouteKind::UNICAST || found.link == wanted.link;
    let on_link = |route: &Route| route.flags & RouteFlags::ON_LINK;
    let ipv4 = found.family() == Family::IPV4;
    if found.gateway != wanted.gateway || !link || ipv4 && on_link(found) != on_link(wanted) {
        return false;
    }
    let ways = |route: &Route| {
        let way = |hop: &NextHop| {
            let on_link = ipv4 && hop.flags.contains(NextHopFlags::ON_LINK);
            (hop.gateway, hop.link, hop.weight, on_link)
        };
        let mut ways: Vec<_> = route.next_hops.iter().map(way).collect();
        ways.sort();
        ways
    };
    ways(found) == ways(wanted)
}

fn same_metrics(found: &Route, wanted: &Route, own: bool) -> bool {
    let (found, wanted) =
        (found.metrics.clone().unwrap_or_default(), wanted.metrics.clone().unwrap_or_default());
    let same = |found: Option<u32>, wanted: Option<u32>| found == wanted || !own && wanted.is_none();
    same(found.mtu, wanted.mtu)
        && same(found.advertised_segment_size, wanted.advertised_segment_size)
        && same(found.window, wanted.window)
        && same(found.initial_congestion_window, wanted.initial_congestion_window)
        && same(found.initial_receive_window, wanted.initial_receive_window)
        && same(found.hop_limit, wanted.hop_limit)
        && same(found.quick_acknowledgement, wanted.quick_acknowledgement)
}
