//! Routes.

use std::net::IpAddr;

use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_route::route::{Metrics, NextHop, NextHopFlags, RouteFlags, RouteKind};
use netwright_route::{Family, LinkId, Prefix, Protocol, Route, Scope, Table};

use super::Planner;
use super::alive::Alive;
use crate::model;
use crate::step::{Action, Sign, Step, Verb, route_noun};

/// Removes what is no longer declared: before links and addresses change, with which the kernel takes routes away.
pub(super) fn remove(planner: &mut Planner<'_>) {
    let declared = declared(planner);
    let kept = |route: &Route| declared.iter().any(|(_, wanted)| key(wanted) == key(route));
    let gone = |route: &mut Route| route.protocol == Some(Protocol::NETWRIGHT) && !kept(route);
    for route in planner.alive.routes.extract_if(.., gone).collect::<Vec<_>>() {
        let undo = vec![Action::Route(Verb::Replace, Box::new(route.clone()))];
        let text = text(&route);
        planner.step(Step::new(Sign::Remove, text, Action::Route(Verb::Delete, Box::new(route)), undo));
    }
}

/// Makes what is declared, and puts back what went along with something else.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let declared = declared(planner);
    for (model, wanted) in &declared {
        declare(planner, model, wanted);
    }
    for before in Alive::of(planner.snapshot).routes {
        let foreign = before.protocol != Some(Protocol::NETWRIGHT);
        let alive = |key_of: &Route| planner.alive.routes.iter().any(|found| key(found) == key(key_of));
        let is_declared = declared.iter().any(|(_, wanted)| key(wanted) == key(&before));
        if foreign && !is_declared && !alive(&before) && planner.can_stay(&before) {
            make(planner, Sign::Keep, Verb::Replace, &before, None);
        }
    }
}

fn declared<'a>(planner: &mut Planner<'a>) -> Vec<(&'a model::Route, Route)> {
    let host = planner.host;
    host.routes.iter().filter_map(|model| Some((model, wanted(planner, model)?))).collect()
}

fn declare(planner: &mut Planner<'_>, model: &model::Route, wanted: &Route) {
    let place = Some(model.place.span);
    let alive: Vec<&Route> = planner.alive.routes.iter().filter(|found| key(found) == key(wanted)).collect();
    if alive.iter().any(|found| fits(found, wanted, model)) {
        return;
    }
    if let Some(&found) = alive.first() {
        let undo = vec![Action::Route(Verb::Replace, Box::new(found.clone()))];
        let action = Action::Route(Verb::Replace, Box::new(wanted.clone()));
        planner.step(Step::new(Sign::Change, text(wanted), action, undo).at(place));
        return;
    }
    let mut before = planner.snapshot.routes.iter().filter(|found| key(found) == key(wanted));
    let (sign, verb) = match (before.clone().next(), before.any(|found| fits(found, wanted, model))) {
        (None, _) => (Sign::Add, Verb::Add),
        (Some(_), true) => (Sign::Keep, Verb::Replace),
        (Some(_), false) => (Sign::Change, Verb::Replace),
    };
    make(planner, sign, verb, wanted, place);
}

fn make(planner: &mut Planner<'_>, sign: Sign, verb: Verb, route: &Route, place: Option<Span>) {
    let undo = vec![Action::Route(Verb::Delete, Box::new(route.clone()))];
    let action = Action::Route(verb, Box::new(route.clone()));
    planner.alive.routes.push(route.clone());
    planner.step(Step::new(sign, text(route), action, undo).at(place));
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
