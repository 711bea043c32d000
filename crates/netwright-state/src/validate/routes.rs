use std::collections::HashMap;
use std::net::IpAddr;

use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_route::prefix::Prefix;

use super::Check;
use crate::model::{Destination, Family, Host, Route, RouteType, Table};

pub(super) fn check(check: &mut Check<'_>) {
    let mut seen: HashMap<(Prefix, Table, Option<u32>), Span> = HashMap::new();
    for route in &check.host.routes {
        let Some(to) = route.place.key("to") else { continue };
        if families(check, route, to) {
            ways(check, route);
        }
        let key = (route.destination(), route.table.unwrap_or(Table::MAIN), route.metric);
        if let Some(first) = seen.insert(key, to) {
            let message = format!("there are two routes to {} in table {}", key.0, key.1);
            let help = "Give one of them another `metric`, or make one route of them with `nexthops`.";
            check.note(Diagnostic::error(to, message).also(first, "first here").help(help));
        }
    }
}

/// Whether the route's family is known and nothing contradicts it.
fn families(check: &mut Check<'_>, route: &Route, to: Span) -> bool {
    let Some(family) = route.known_family() else {
        if !route.place.is_whole() {
            return false;
        }
        let wrong = Diagnostic::error(to, "this default route could be IPv4 or IPv6");
        check.note(
            wrong.help("Give its gateway with `via`, or say `family = \"ipv4\"` or `family = \"ipv6\"`."),
        );
        return false;
    };
    let mut fine = true;
    let mut differs = |key: &str, found: Option<Family>| {
        if let (Some(found), Some(span)) = (found, route.place.key(key))
            && found != family
        {
            check.error(span, format!("`{key}` is {found}, but the route is {family}"));
            fine = false;
        }
    };
    if matches!(route.to, Destination::To(_)) {
        differs("family", route.family);
    }
    differs("source", route.source.map(Family::of));
    if let (Family::Ipv6, Some(0), Some(span)) = (family, route.metric, route.place.key("metric")) {
        let none = Diagnostic::error(span, "a route of IPv6 has a metric from 1 on");
        check.note(none.help("Leave it out: Linux gives the route the metric 1024 then."));
        fine = false;
    }
    let gateways = std::iter::once((&route.place, route.via))
        .chain(route.nexthops.iter().map(|hop| (&hop.place, hop.via)));
    for (place, via) in gateways {
        if let (Some(via), Some(span)) = (via, place.key("via"))
            && via.is_ipv4()
            && family == Family::Ipv6
        {
            check.error(span, "an IPv6 route cannot have an IPv4 gateway");
            fine = false;
        }
    }
    fine
}

/// The route's gateways and devices.
fn ways(check: &mut Check<'_>, route: &Route) {
    let place = &route.place;
    let single = place.key("via").or(place.key("dev"));
    let to = place.key("to").unwrap_or(place.span);
    if let (Some(span), Some(nexthops)) = (single, place.key("nexthops")) {
        let both = "a route with `nexthops` has its gateways and links there only";
        return check.note(Diagnostic::error(span, both).also(nexthops, "the nexthops"));
    }
    if !route.kind.needs_device() {
        if let Some(span) = place.key("via").or(place.key("nexthops")) {
            check.error(span, format!("a route of type `{}` leads to no gateway", route.kind));
        }
    } else if single.is_none() && route.nexthops.is_empty() && place.is_whole() {
        let wrong = Diagnostic::error(to, "this route leads nowhere");
        check.note(
            wrong.help("Give it a gateway with `via`, a link with `dev`, or a `type` such as \"blackhole\"."),
        );
    }
    if let (Some(dev), Some(span)) = (&route.dev, place.key("dev")) {
        check.existing(dev, span);
        check.needs_up(dev, span);
        check.needs_ipv6(dev, route.destination().network().address, span);
    }
    if route.kind == RouteType::Unicast {
        gateway(check, route.dev.as_deref(), route.via, route.onlink, place.key("via"));
    }
    for hop in &route.nexthops {
        if let (Some(dev), Some(span)) = (&hop.dev, hop.place.key("dev")) {
            check.existing(dev, span);
            check.needs_up(dev, span);
            check.needs_ipv6(dev, route.destination().network().address, span);
        }
        if hop.via.is_none() && hop.dev.is_none() && hop.place.is_whole() {
            check.error(hop.place.span, "a nexthop needs `via`, `dev` or both");
        }
        gateway(check, hop.dev.as_deref(), hop.via, hop.onlink, hop.place.key("via"));
    }
    if let (Some(source), Some(span)) = (route.source, place.key("source"))
        && !check.connected.own.contains(&source)
    {
        let message = format!("no declared link has the source address {source}");
        check.warning(span, message, "The kernel takes only a source that is one of the host's addresses.");
    }
}

/// A gateway must be a neighbour on the route's link.
fn gateway(check: &mut Check<'_>, dev: Option<&str>, via: Option<IpAddr>, onlink: bool, span: Option<Span>) {
    let (Some(via), Some(span)) = (via, span) else { return };
    let host: &Host = check.host;
    if check.connected.own.contains(&via) {
        return check.error(span, format!("the gateway {via} is this host itself"));
    }
    let link_local = matches!(via, IpAddr::V6(address) if address.is_unicast_link_local());
    match dev {
        _ if via.is_unspecified() || via.is_multicast() => {
            check.error(span, format!("{via} cannot be a gateway"));
        }
        None if link_local => {
            let wrong = Diagnostic::error(span, format!("the gateway {via} could be on any link"));
            check.note(wrong.help("Say on which with `dev`."));
        }
        None if check.connected.networks.of(via).is_none() => {
            let message = format!("the gateway {via} is on no declared link's network");
            check.warning(
                span,
                message,
                "Check the address, or name the link with `dev` and set `onlink = true`.",
            );
        }
        Some(dev) if !onlink && !link_local => {
            let Some(link) = check.link(dev) else { return };
            let reached = link.networks().any(|network| network.contains(via));
            if !reached && !direct(host, &link.name, via) {
                let message = format!("the gateway {via} is on no network of `{dev}`");
                check.warning(span, message, "Check the address, or set `onlink = true`.");
            }
        }
        _ => {}
    }
}

/// Whether a route says that an address is a neighbour on a link.
fn direct(host: &Host, dev: &str, address: IpAddr) -> bool {
    host.routes.iter().any(|route| {
        route.via.is_none() && route.dev.as_deref() == Some(dev) && route.destination().contains(address)
    })
}
