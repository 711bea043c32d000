use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};

use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_route::prefix::Prefix;

use super::Check;
use crate::model::{Address, Family, Link, LinkKind, Place, Vxlan};

pub(super) fn check(check: &mut Check<'_>) {
    names(check);
    masters(check);
    for link in &check.host.links {
        references(check, link);
        receiver(check, link);
        addresses(check, link);
        kind(check, link);
    }
    repeated_addresses(check);
    overlapping_networks(check);
    loops(check);
}

fn names(check: &mut Check<'_>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for link in &check.host.links {
        let own = std::iter::once((link.name.as_str(), link.place.span));
        let place = |index| link.place.item("alternative-names", index).unwrap_or(link.place.span);
        let others = link.alternative_names.iter().enumerate().map(|(i, name)| (name.as_str(), place(i)));
        for (name, span) in own.chain(others) {
            if let Some(first) = seen.insert(name, span) {
                let twice = format!("two links have the name `{name}`");
                check.note(Diagnostic::error(span, twice).also(first, "first here"));
            }
        }
    }
}

/// A link has at most one master, whichever of the two says so.
fn masters(check: &mut Check<'_>) {
    let mut claims: HashMap<&str, (&str, Span)> = HashMap::new();
    let host = check.host;
    let said = host
        .links
        .iter()
        .filter_map(|link| Some((link.name.as_str(), link.master.as_deref()?, link.place.key("master")?)));
    for (port, master, span) in listed_ports(check) {
        claim(check, &mut claims, port, master, span);
    }
    for (port, master, span) in said {
        let Some(link) = check.existing(master, span) else { continue };
        let takes_ports =
            matches!(link.kind, None | Some(LinkKind::Bridge(_) | LinkKind::Bond(_) | LinkKind::Vrf(_)));
        if !takes_ports {
            let wrong = Diagnostic::error(span, format!("`{master}` cannot have ports"));
            check.note(wrong.help("Only a link of kind `bridge`, `bond` or `vrf` has ports."));
        } else if claims.get(port).is_none_or(|(claimed, _)| *claimed != link.name) {
            claim(check, &mut claims, port, &link.name, span);
        }
    }
}

/// Port, master and place for each port that a master lists.
fn listed_ports<'a>(check: &Check<'a>) -> Vec<(&'a str, &'a str, Span)> {
    let mut listed = Vec::new();
    for master in &check.host.links {
        let place = master.kind.as_ref().map(LinkKind::place);
        for (index, port) in master.ports().iter().enumerate() {
            let span = place.and_then(|place| place.item("ports", index)).unwrap_or(master.place.span);
            let port = check.link(port).map_or(port.as_str(), |link| &link.name);
            listed.push((port, master.name.as_str(), span));
        }
    }
    listed
}

fn claim<'a>(
    check: &mut Check<'_>,
    claims: &mut HashMap<&'a str, (&'a str, Span)>,
    port: &'a str,
    master: &'a str,
    span: Span,
) {
    match claims.insert(port, (master, span)) {
        Some((first, place)) if first == master => {
            let twice = format!("`{port}` is listed twice as a port of `{master}`");
            check.note(Diagnostic::error(span, twice).also(place, "first here"));
        }
        Some((first, place)) => {
            let both = format!("`{port}` cannot be a port of both `{first}` and `{master}`");
            check.note(Diagnostic::error(span, both).also(place, format!("it is one of `{first}` here")));
        }
        None => {}
    }
}

/// Linux has one receiver for what comes in by a link: a bridge or bond, macvlans, or ipvlans.
fn receiver(check: &mut Check<'_>, link: &Link) {
    let takes = |link: &Link| match &link.kind {
        Some(LinkKind::MacVlan(_) | LinkKind::MacVtap(_)) => Some("macvlans"),
        Some(LinkKind::IpVlan(_)) => Some("ipvlans"),
        _ => None,
    };
    let (Some(own), Some(parent)) = (takes(link), link.parent().and_then(|name| check.link(name))) else {
        return;
    };
    let place = link.kind.as_ref().and_then(|kind| kind.place().key("parent"));
    let Some(span) = place else { return };
    let on_parent = |other: &&Link| {
        let below = other.parent().and_then(|name| check.link(name));
        below.is_some_and(|below| below.name == parent.name)
    };
    let master = parent.master.as_deref().and_then(|name| check.link(name));
    let joined = |kind: &Option<LinkKind>| matches!(kind, Some(LinkKind::Bridge(_) | LinkKind::Bond(_)));
    let taken = match master.filter(|master| joined(&master.kind)) {
        Some(master) => Some(format!("is a port of `{}`", master.name)),
        None => {
            let before =
                check.host.links.iter().take_while(|other| other.name != link.name).filter(on_parent);
            let mut others = before.filter(|other| takes(other).is_some_and(|kind| kind != own));
            others.next().map(|other| format!("has `{}` on it", other.name))
        }
    };
    if let Some(taken) = taken {
        let message = format!("`{}` cannot lie on `{}`, which {taken}", link.name, parent.name);
        let help =
            "Linux has one receiver for what comes in by a link: a bridge or bond, macvlans, or ipvlans.";
        check.note(Diagnostic::error(span, message).help(help));
    }
}

/// Links that a link's own keys name.
fn references(check: &mut Check<'_>, link: &Link) {
    let Some(kind) = &link.kind else { return };
    if let (Some(parent), Some(span)) = (link.parent(), kind.place().key("parent")) {
        check.existing(parent, span);
    }
    match kind {
        LinkKind::Veth(veth) => {
            let Some(span) = veth.place.key("peer") else { return };
            if veth.peer == link.name {
                return check.error(span, "a veth cannot be its own peer");
            }
            let other = check.link(&veth.peer).and_then(|peer| peer.kind.as_ref());
            let mutual = matches!(other, Some(LinkKind::Veth(back)) if back.peer == link.name);
            if let Some(other) = other.filter(|_| !mutual) {
                let message = format!("`{}` is a link of kind `{}` of its own", veth.peer, other.name());
                let help = "The other end of a veth comes with it: leave `kind` out of its table.";
                check.note(Diagnostic::error(span, message).help(help));
            }
        }
        LinkKind::Bond(bond) => {
            if let (Some(primary), Some(span)) = (&bond.primary, bond.place.key("primary")) {
                let is_port =
                    |port: &Link| port.name == *primary && port.master.as_deref() == Some(link.name.as_str());
                if !check.host.links.iter().any(is_port) {
                    check.error(span, format!("`{primary}` is not a port of `{}`", link.name));
                }
            }
        }
        _ => {}
    }
}

fn addresses(check: &mut Check<'_>, link: &Link) {
    for address in &link.addresses {
        one_address(check, address);
    }
    let place = |family| {
        let of_family = link.addresses.iter().find(|address| address.family() == family);
        of_family.map(|address| address.place.span)
    };
    if let (Some(mtu), Some(span), Some(address)) = (link.mtu, link.place.key("mtu"), place(Family::Ipv6))
        && mtu < 1280
    {
        let small = format!("`{}` has IPv6 addresses, but an MTU of {mtu}", link.name);
        let error = Diagnostic::error(span, small).also(address, "an IPv6 address");
        check.note(error.help("Linux turns IPv6 off below 1280 bytes."));
    }
    if let (Some(mtu), Some(span)) = (link.mtu, link.place.key("mtu"))
        && mtu < 1280
        && !link.ipv6.declared().is_empty()
    {
        let small = format!("`{}` has settings of IPv6, but an MTU of {mtu}", link.name);
        let error = Diagnostic::error(span, small).also(link.ipv6.place.span, "the settings");
        check.note(error.help("Linux turns IPv6 off below 1280 bytes."));
    }
    if link.ipv6.disable == Some(true)
        && let (Some(span), Some(disabled)) = (place(Family::Ipv6), link.ipv6.place.key("disable"))
    {
        let off = format!("`{}` cannot have an IPv6 address: IPv6 is off there", link.name);
        check.note(Diagnostic::error(span, off).also(disabled, "turned off here"));
    }
    let loopback = |address: &&Address| address.address.address == IpAddr::V6(Ipv6Addr::LOCALHOST);
    if let Some(address) = link.addresses.iter().find(loopback).filter(|_| link.name != "lo") {
        check.error(address.place.span, "only `lo` can have the address ::1");
    }
    let master = check.layer3(link);
    if let (false, Some(address)) = (std::ptr::eq(master, link), link.addresses.first()) {
        let unused =
            format!("`{}` is a port of `{}`, where its address is of no use", link.name, master.name);
        check.warning(address.place.span, unused, format!("Give the address to `{}`.", master.name));
    }
}

fn one_address(check: &mut Check<'_>, address: &Address) {
    let place = &address.place;
    let Some(span) = place.key("address") else { return };
    let Prefix { address: ip, length } = address.address;
    if ip.is_multicast() || ip.is_unspecified() {
        check.error(span, format!("`{ip}` cannot be the address of a link"));
    } else if ip.is_ipv4() && length < 31 && address.address.is_network() {
        let message = format!("`{}` is the network itself, not an address in it", address.address);
        check.warning(span, message, "Give the link one of the network's addresses.");
    } else if address.address.broadcast().is_some_and(|broadcast| ip == IpAddr::V4(broadcast)) {
        let message = format!("`{ip}` is the broadcast address of its network");
        check.warning(span, message, "Give the link another of the network's addresses.");
    }
    if let (Some(peer), Some(at)) = (address.peer, place.key("peer"))
        && peer.address.is_ipv4() != ip.is_ipv4()
    {
        check.error(at, "the peer is of the other address family");
    }
    if let (Some(label), Some(at)) = (&address.label, place.key("label")) {
        if ip.is_ipv6() {
            check.error(at, "only an IPv4 address has a label");
        } else if label.len() > 15 {
            check.error(at, format!("the label is {} bytes long: Linux takes at most 15", label.len()));
        }
    }
    if let (Some(preferred), Some(at), Some(valid)) =
        (address.preferred_lifetime, place.key("preferred-lifetime"), address.valid_lifetime)
        && preferred > valid
    {
        check.error(
            at,
            format!("the address would be preferred for {preferred} s but valid for {valid} s only"),
        );
    }
}

fn kind(check: &mut Check<'_>, link: &Link) {
    match &link.kind {
        Some(LinkKind::Vxlan(vxlan)) => self::vxlan(check, vxlan),
        Some(kind @ (LinkKind::Gre(t) | LinkKind::GreTap(t))) => {
            tunnel(check, kind.name(), &t.place, [t.local, t.remote], Family::Ipv4);
        }
        Some(kind @ (LinkKind::IpIp(t) | LinkKind::Sit(t))) => {
            tunnel(check, kind.name(), &t.place, [t.local, t.remote], Family::Ipv4);
        }
        Some(kind @ (LinkKind::Ip6Gre(t) | LinkKind::Ip6GreTap(t))) => {
            tunnel(check, kind.name(), &t.place, [t.local, t.remote], Family::Ipv6);
        }
        Some(kind @ LinkKind::Ip6Tunnel(t)) => {
            tunnel(check, kind.name(), &t.place, [t.local, t.remote], Family::Ipv6);
        }
        _ => {}
    }
}

fn vxlan(check: &mut Check<'_>, vxlan: &Vxlan) {
    let at = |key| vxlan.place.key(key);
    if let (Some(group), Some(span)) = (vxlan.group, at("group")) {
        if !group.is_multicast() {
            check.note(
                Diagnostic::error(span, format!("`{group}` is no multicast group"))
                    .help("For one other end write `remote`."),
            );
        }
        if let Some(remote) = at("remote") {
            let both = "a vxlan has either a `group` or a `remote`";
            check.note(Diagnostic::error(span, both).also(remote, "the other is here"));
        }
        if vxlan.parent.is_none() {
            check.error(span, "a vxlan with a `group` needs a `parent`, the link on which it is reached");
        }
    }
    let far = vxlan.remote.or(vxlan.group);
    if let (Some(local), Some(far), Some(span)) = (vxlan.local, far, at("local"))
        && local.is_ipv4() != far.is_ipv4()
    {
        check.error(span, "the two ends are of different address families");
    }
}

fn tunnel(check: &mut Check<'_>, kind: &str, place: &Place, ends: [Option<IpAddr>; 2], family: Family) {
    for (key, address) in ["local", "remote"].into_iter().zip(ends) {
        if let (Some(address), Some(span)) = (address, place.key(key))
            && Family::of(address) != family
        {
            check.error(span, format!("the ends of a link of kind `{kind}` are {family} addresses"));
        }
    }
}

fn in_vrf(check: &Check<'_>, link: &Link) -> bool {
    let master = link.master.as_deref().and_then(|master| check.link(master));
    matches!(master.and_then(|master| master.kind.as_ref()), Some(LinkKind::Vrf(_)))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Every address once, but for those that count on their link only.
fn repeated_addresses(check: &mut Check<'_>) {
    let mut seen: HashMap<(IpAddr, Option<&str>), (&str, Span)> = HashMap::new();
    for link in &check.host.links {
        for address in &link.addresses {
            let Some(span) = address.place.key("address") else { continue };
            let ip = address.address.address;
            let alone = is_link_local(ip) || in_vrf(check, link);
            let key = (ip, alone.then_some(link.name.as_str()));
            if let Some((first, place)) = seen.insert(key, (&link.name, span)) {
                let message = if first == link.name {
                    format!("`{first}` has the address `{ip}` twice")
                } else {
                    format!("`{first}` and `{}` both have the address `{ip}`", link.name)
                };
                check.note(Diagnostic::error(span, message).also(place, "first here"));
            }
        }
    }
}

/// Two links on one network: the kernel would use only one of them to reach it.
fn overlapping_networks(check: &mut Check<'_>) {
    let networks: Vec<(&Link, &Address)> = check
        .host
        .links
        .iter()
        .filter(|link| !in_vrf(check, link))
        .flat_map(|link| link.addresses.iter().map(move |address| (link, address)))
        .filter(|(_, a)| a.prefix_route && !a.network().is_host() && !is_link_local(a.address.address))
        .collect();
    let mut sorted: Vec<(Prefix, &Link, &Address)> =
        networks.iter().map(|(link, address)| (address.network(), *link, *address)).collect();
    sorted.sort_by_key(|(network, ..)| (network.address, network.length));
    // In this order a network comes right after those that cover it, so a stack of open ones finds every overlap.
    let mut open: Vec<(Prefix, &Link, &Address)> = Vec::new();
    for (network, link, address) in sorted {
        open.retain(|(outer, ..)| outer.covers(network));
        let other = open.iter().rev().find(|(_, other, _)| other.name != link.name);
        if let Some((outer, other, place)) = other {
            let (later, first) = match address.place.span.start < place.place.span.start {
                true => ((outer, place.place.span), (&network, link, address.place.span)),
                false => ((&network, address.place.span), (outer, *other, place.place.span)),
            };
            let message = format!("the network {} overlaps {} on `{}`", later.0, first.0, first.1.name);
            let warning = Diagnostic::warning(later.1, message).also(first.2, "the other address");
            check.note(warning.help("Two links cannot share a network unless a bridge joins them."));
        }
        open.push((network, link, address));
    }
}

/// No link may lie below itself, be it as a port or as a parent.
fn loops(check: &mut Check<'_>) {
    let host = check.host;
    let mut below: HashMap<&str, Vec<&str>> = HashMap::new();
    for link in &host.links {
        let own = |name: &str| check.links.get(name).map(|link| link.name.as_str());
        if let Some(parent) = link.parent().and_then(own) {
            below.entry(&link.name).or_default().push(parent);
        }
        if let Some(master) = link.master.as_deref().and_then(own) {
            below.entry(master).or_default().push(&link.name);
        }
    }
    let mut done: HashSet<&str> = HashSet::new();
    for link in &host.links {
        if let Some(path) = find_loop(&link.name, &below, &mut done) {
            let mut path = path;
            path.push(path.first().copied().unwrap_or_default());
            let message = format!("these links lie on each other in a circle: {}", path.join(" on "));
            let span =
                path.first().and_then(|name| check.link(name)).map_or(link.place.span, |l| l.place.span);
            check.error(span, message);
        }
    }
}

/// A depth-first walk without recursion: the circle that can be reached from a link, if there is one. Links
/// that were walked before are not walked again.
fn find_loop<'a>(
    start: &'a str,
    below: &HashMap<&'a str, Vec<&'a str>>,
    done: &mut HashSet<&'a str>,
) -> Option<Vec<&'a str>> {
    let mut path: Vec<(&str, usize)> = vec![(start, 0)];
    if !done.insert(start) {
        return None;
    }
    while let Some((name, next)) = path.last_mut() {
        let Some(&lower) = below.get(name).and_then(|lower| lower.get(*next)) else {
            path.pop();
            continue;
        };
        *next += 1;
        if let Some(at) = path.iter().position(|(name, _)| *name == lower) {
            return Some(path.iter().skip(at).map(|(name, _)| *name).collect());
        }
        if done.insert(lower) {
            path.push((lower, 0));
        }
    }
    None
}
