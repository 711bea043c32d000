//! Routes.

use std::net::IpAddr;

use netwright_nft::diagnostic::Diagnostic;
use netwright_route::route::{Metrics, NextHop, NextHopFlags, RouteFlags, RouteKind};
use netwright_route::{Family, LinkId, Protocol, Route, Scope, Table};

use super::alive::is_kernels;
use super::{OWN_PROTOCOL, Planner};
use crate::keys;
use crate::model;
use crate::step::{Action, Sign, Step, Verb, route_noun};

/// Removes what is no longer declared: before links and addresses change, with which the kernel takes routes away.
pub(super) fn remove(planner: &mut Planner<'_>) {
    if planner.owners.own.routes.is_empty() {
        return;
    }
    let declared: std::collections::HashSet<_> =
        declared(planner, false).iter().map(|(_, wanted)| keys::route(wanted)).collect();
    let gone: Vec<&Route> = planner
        .alive
        .routes()
        .filter(|route| planner.lookup.owns_route(route) && !declared.contains(&keys::route(route)))
        .collect();
    for route in gone {
        planner.alive.remove_route(route);
        let named = planner.named_route(route);
        let old: Vec<Route> = planner
            .owners
            .own
            .replaced
            .routes
            .iter()
            .filter(|old| keys::route(old) == keys::route(route))
            .map(|old| planner.named_route(old))
            .filter(|old| planner.can_stay(old))
            .collect();
        planner.step(Step::new(
            Sign::Remove,
            text(&named),
            Action::Route(Verb::Delete, Box::new(named.clone())),
        ));
        for old in old {
            let before = Some(described(&named));
            let action = Action::Route(Verb::Append, Box::new(sendable(&old)));
            planner.later.push(Step::new(Sign::Add, text(&old), action).in_place_of(before));
        }
    }
}

/// Makes what is declared, and puts back what went along with something else.
pub(super) fn plan(planner: &mut Planner<'_>) {
    let declared = declared(planner, true);
    for (model, wanted) in &declared {
        declare(planner, model, wanted);
    }
    let later = std::mem::take(&mut planner.later);
    planner.steps.extend(later);
    let declared: std::collections::HashSet<_> =
        declared.iter().map(|(_, wanted)| keys::route(wanted)).collect();
    let mut seen = std::collections::HashSet::new();
    for before in planner.alive.lost_routes() {
        if is_kernels(before) || declared.contains(&keys::route(before)) || !planner.can_stay(before) {
            continue;
        }
        // the first of a key takes no other's place, and further ones of it come behind
        let first = seen.insert(keys::route(before));
        let there = !planner.alive.routes_of(&keys::route(before)).is_empty();
        let verb = if first && !there { Verb::Replace } else { Verb::Append };
        let route = planner.named_route(before);
        let action = Action::Route(verb, Box::new(sendable(&route)));
        planner.step(Step::new(Sign::Keep, text(&route), action));
    }
}

/// The route as the kernel takes it back: of a nexthop object it tells the way as well, but does not take both.
pub(crate) fn sendable(route: &Route) -> Route {
    let mut route = route.clone();
    if route.nexthop.is_some() {
        route.gateway = None;
        route.link = None;
        route.next_hops.clear();
    }
    // how long the kernel has had it, and what it counted, is not to be told
    route.cache_info = None;
    route
}

fn declared<'a>(planner: &mut Planner<'a>, tell: bool) -> Vec<(&'a model::Route, Route)> {
    let host = planner.host;
    host.routes.iter().filter_map(|model| Some((model, wanted(planner, model, tell)?))).collect()
}

fn declare(planner: &mut Planner<'_>, model: &model::Route, wanted: &Route) {
    let place = Some(model.place.span);
    let key = keys::route(wanted);
    let alive = planner.alive.routes_of(&key);
    let before: Vec<&Route> = planner.alive.all_routes_of(&key);
    let own = before.iter().copied().find(|found| planner.lookup.owns_route(found));
    if own.is_some() {
        planner.record.routes.push(wanted.clone());
        let old = planner.owners.own.replaced.routes.iter().filter(|old| keys::route(old) == key);
        planner.record.replaced.routes.extend(old.cloned());
    }
    if let Some(other) = before.iter().find_map(|found| planner.lookup.other_of_route(found)) {
        return planner.of_another(&text(wanted), other, model.place.span);
    }
    if alive.iter().any(|found| fits(found, wanted, model, planner.lookup.owns_route(found))) {
        return;
    }
    let foreign: Vec<&Route> =
        before.iter().copied().filter(|found| !planner.lookup.owns_route(found)).collect();
    if own.is_none() && !foreign.is_empty() {
        // one of somebody else that went along with something, and serves
        if foreign.iter().any(|found| fits(found, wanted, model, false)) {
            return;
        }
        if !model.adopt {
            return foreign_route(planner, model, wanted, &foreign);
        }
        planner.record.routes.push(wanted.clone());
        let named: Vec<Route> = foreign.iter().map(|found| planner.named_route(found)).collect();
        planner.record.replaced.routes.extend(named.iter().cloned());
        // those behind the first would come to the front once the new one goes
        let behind = named.iter().skip(1).filter(|_| wanted.family() == Family::IPV4);
        let mut actions: Vec<Action> =
            behind.map(|found| Action::Route(Verb::Delete, Box::new(found.clone()))).collect();
        actions.push(Action::Route(Verb::Replace, Box::new(wanted.clone())));
        let old = named.iter().map(described).collect::<Vec<_>>().join(", ");
        return planner.step(Step::of(Sign::Change, text(wanted), actions).at(place).in_place_of(Some(old)));
    }
    let Some(before) = own else {
        planner.record.routes.push(wanted.clone());
        let action = Action::Route(Verb::Add, Box::new(wanted.clone()));
        return planner.step(Step::new(Sign::Add, text(wanted), action).at(place));
    };
    let kept = fits(before, wanted, model, true);
    let sign = if kept { Sign::Keep } else { Sign::Change };
    let action = Action::Route(Verb::Replace, Box::new(wanted.clone()));
    let old = (!kept).then(|| described(&planner.named_route(before)));
    planner.step(Step::new(sign, text(wanted), action).at(place).in_place_of(old));
}

/// Somebody else's route is in the way.
fn foreign_route(planner: &mut Planner<'_>, model: &model::Route, wanted: &Route, foreign: &[&Route]) {
    let span = model.place.key("to").unwrap_or(model.place.span);
    let noun = route_noun(wanted);
    let to = if wanted.is_default() { "default".to_owned() } else { wanted.destination.to_string() };
    let message = format!("{noun} {to} exists already, made by somebody else");
    let mut error = Diagnostic::error(span, message);
    for found in foreign {
        error = error.help(format!("There is {}.", described(&planner.named_route(found))));
    }
    let metric = keys::route(wanted).3;
    let error = error.help(format!("Declared is {}.", described(wanted))).help(format!(
        "Give the route another `metric` than {metric}, where the least is preferred, or say `adopt = true`: then \
         it takes the place of the old one, which is kept for the way back."
    ));
    planner.error(error);
}

fn text(route: &Route) -> String {
    format!("{} {route}", route_noun(route))
}

/// A route with who made it, and what else tells it from another of its key.
fn described(route: &Route) -> String {
    let mut text = route.to_string();
    if let Some(protocol) = route.protocol {
        text.push_str(&format!(" proto {protocol}"));
    }
    if let Some(source) = route.preferred_source {
        text.push_str(&format!(" src {source}"));
    }
    if let Some(mtu) = route.metrics.as_ref().and_then(|metrics| metrics.mtu) {
        text.push_str(&format!(" mtu {mtu}"));
    }
    text
}

pub(super) fn family(family: model::Family) -> Family {
    match family {
        model::Family::Ipv4 => Family::IPV4,
        model::Family::Ipv6 => Family::IPV6,
    }
}

/// The route as it is sent; `None` where a link that it needs is not there, which is reported elsewhere or here.
fn wanted(planner: &mut Planner<'_>, model: &model::Route, tell: bool) -> Option<Route> {
    let mut route = Route::to(model.destination().network());
    route.kind = kind(model.kind);
    route.table = model.table.map(|table| Table(table.0));
    route.protocol = Some(model.protocol.map_or(OWN_PROTOCOL, |protocol| Protocol(protocol.0)));
    route.scope = model.scope.map(|scope| Scope(scope.0));
    route.priority = model.metric;
    route.preferred_source = model.source;
    route.metrics = metrics(model).map(Box::new);
    if model.nexthops.is_empty() {
        route.gateway = model.via;
        route.link = device(planner, model, model.dev.as_deref(), model.via, tell)?;
        if model.onlink {
            route = route.on_link();
        }
    } else {
        for hop in &model.nexthops {
            let link = device(planner, model, hop.dev.as_deref(), hop.via, tell)?;
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
    tell: bool,
) -> Option<Option<LinkId>> {
    let host = planner.host;
    let Some(name) = planner.lookup.route_device(host, dev, via) else {
        return Some(via.and_then(|via| connected(planner, via)));
    };
    let id = planner.id(name);
    if id.is_none() && planner.lookup.declared(name).is_none() && tell {
        let span = route.place.key("dev").unwrap_or(route.place.span);
        let warning =
            Diagnostic::warning(span, format!("there is no link `{name}` for the route to go out by"));
        planner.error(warning.help("The route is left out."));
        planner.missing.push(super::Missing { name: name.to_owned(), optional: false });
    }
    id.map(Some)
}

/// The link through whose network a gateway is reached that the file does not declare: what the kernel would choose, so
/// that the route is known again.
fn connected(planner: &Planner<'_>, via: IpAddr) -> Option<LinkId> {
    Some(planner.named(planner.lookup.reached(via)?))
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
    let metrics = Metrics::default().with(|attrs| {
        attrs.mtu = model.mtu;
        attrs.advertised_segment_size = model.advmss;
        attrs.window = model.window;
        attrs.initial_congestion_window = model.initial_congestion_window;
        attrs.initial_receive_window = model.initial_receive_window;
        attrs.hop_limit = model.hop_limit.map(u32::from);
        // the kernel keeps no zero
        attrs.quick_acknowledgement = model.quick_ack.filter(|on| *on).map(u32::from);
    });
    (metrics != Metrics::default()).then_some(metrics)
}

/// Whether a route that is there serves for a declared one. What the owner made has nothing else to it; of what is
/// foreign, that counts which is declared.
fn fits(found: &Route, wanted: &Route, model: &model::Route, own: bool) -> bool {
    let fits_option = |same: bool, declared: bool| same || !own && !declared;
    let protocol = match model.protocol {
        Some(protocol) => found.protocol == Some(Protocol(protocol.0)),
        None => !own || found.protocol == wanted.protocol,
    };
    found.kind == wanted.kind
        && protocol
        && same_way(found, wanted)
        && fits_option(found.effective_scope() == wanted.effective_scope(), model.scope.is_some())
        && fits_option(found.preferred_source == wanted.preferred_source, model.source.is_some())
        && same_metrics(found, wanted, own)
}

fn same_way(found: &Route, wanted: &Route) -> bool {
    // The kernel binds IPv6 routes that lead nowhere to the loopback link, and finds the link of a gateway itself.
    let free = wanted.link.is_none() && (wanted.kind != RouteKind::UNICAST || wanted.gateway.is_some());
    let link = free || found.link == wanted.link;
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
