//! What a host has that no host file can say: a captured file tells of it in comments.

use netwright_route::address::{AddressFlags, Lifetime};
use netwright_route::link::{LinkFlags, LinkKind, PortKind};
use netwright_route::route::{Metrics, RouteKind, RouterPreference};
use netwright_route::{Address, Link, Neighbour, Route};

use crate::plan::settable;
use crate::record::alias_of;
use crate::restore::settable_port;
use crate::snapshot::Snapshot;

/// Why a route cannot stand in a host file at all, so that applying the file would make another one beside it.
pub(super) fn hides(route: &Route) -> bool {
    let steers = |hop: &netwright_route::route::NextHop| hop.encapsulation.is_some();
    route.type_of_service != 0
        || route.source.is_some()
        || route.nexthop.is_some()
        || route.encapsulation.is_some()
        || route.next_hops.iter().any(steers)
        // it goes by itself
        || route.expires.is_some()
        || !matches!(
            route.kind,
            RouteKind::UNICAST
                | RouteKind::LOCAL
                | RouteKind::BLACKHOLE
                | RouteKind::UNREACHABLE
                | RouteKind::PROHIBIT
                | RouteKind::THROW
                | RouteKind::BROADCAST
                | RouteKind::ANYCAST
                | RouteKind::MULTICAST
        )
}

/// What a route has besides what stands in the host file, in the words of ip(8).
pub(super) fn of_route(route: &Route) -> Vec<&'static str> {
    let metrics = route.metrics.as_deref().cloned().unwrap_or_default();
    let Metrics {
        lock,
        round_trip_time,
        round_trip_variance,
        slow_start_threshold,
        congestion_window,
        reordering,
        features,
        minimum_retransmission_time,
        congestion_control,
        fast_open_without_cookie,
        ..
    } = &metrics;
    let usual = [None, Some(RouterPreference::MEDIUM)];
    let all = [
        (lock.is_some_and(|lock| !lock.is_empty()), "lock"),
        (round_trip_time.is_some(), "rtt"),
        (round_trip_variance.is_some(), "rttvar"),
        (slow_start_threshold.is_some(), "ssthresh"),
        (congestion_window.is_some(), "cwnd"),
        (reordering.is_some(), "reordering"),
        (features.is_some_and(|features| !features.is_empty()), "features"),
        (minimum_retransmission_time.is_some(), "rto_min"),
        (congestion_control.is_some(), "congctl"),
        (fast_open_without_cookie.is_some(), "fastopen_no_cookie"),
        (!usual.contains(&route.preference), "pref"),
        (route.flow.is_some() || route.next_hops.iter().any(|hop| hop.flow.is_some()), "realm"),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, word)| word).collect()
}

/// The same of an address.
pub(super) fn of_address(address: &Address) -> Vec<&'static str> {
    let flags = settable(address).flags;
    let prefix = netwright_route::Prefix { address: address.address, length: address.prefix_length };
    let broadcast = address.broadcast.is_some_and(|found| {
        let usual = if address.peer.is_none() { prefix.broadcast() } else { None };
        Some(found) != usual
    });
    let all = [
        (flags.contains(AddressFlags::MANAGE_TEMPORARY), "mngtmpaddr"),
        (flags.contains(AddressFlags::HOME_ADDRESS), "home"),
        (flags.contains(AddressFlags::OPTIMISTIC), "optimistic"),
        (flags.contains(AddressFlags::AUTO_JOIN), "autojoin"),
        (broadcast, "broadcast"),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, word)| word).collect()
}

/// The preferred lifetime of an address that is valid for ever, where somebody deprecated it.
pub(super) fn deprecated(address: &Address) -> Option<u32> {
    match address.lifetime {
        Some(Lifetime { preferred, valid: None }) => preferred,
        _ => None,
    }
}

/// The same of a link.
pub(super) fn of_link(link: &Link) -> Vec<String> {
    const USUAL_QUEUEING: [&str; 6] = ["noqueue", "noop", "mq", "pfifo_fast", "fq_codel", "fq"];
    let kind = link.kind_name();
    let mut left = Vec::new();
    if let Some(queueing) = link.rest.queueing_discipline.as_deref()
        && !USUAL_QUEUEING.contains(&queueing)
    {
        left.push(format!("queueing discipline {queueing}"));
    }
    let on = [(LinkFlags::PROMISCUOUS, "promisc on"), (LinkFlags::ALL_MULTICAST, "allmulticast on")];
    left.extend(on.into_iter().filter(|(flag, _)| link.flags.contains(*flag)).map(|(_, word)| word.into()));
    // others have none by their kind
    let has_arp = matches!(kind, None | Some("veth" | "bridge" | "vlan" | "macvlan" | "bond"));
    if has_arp && link.flags.contains(LinkFlags::NO_ARP) {
        left.push("arp off".into());
    }
    if link.rest.protocol_down == Some(true) {
        left.push("protodown on".into());
    }
    if let Some(alias) = link.alias.as_deref().filter(|alias| !alias.starts_with(&alias_of(""))) {
        left.push(format!("alias {alias:?}"));
    }
    if let Some(PortKind::Bridge(port)) = &link.port {
        left.extend(of_port(port));
    }
    left
}

/// What of the settings of a bridge's port is another than that of every port that joins one.
fn of_port(port: &netwright_route::link::kind::BridgePort) -> Vec<String> {
    let port = settable_port(port);
    let switches = [
        (port.hairpin, false, "hairpin"),
        (port.guard, false, "guard"),
        (port.root_block, false, "root_block"),
        (port.fast_leave, false, "fastleave"),
        (port.learning, true, "learning"),
        (port.unicast_flood, true, "flood"),
        (port.multicast_flood, true, "mcast_flood"),
        (port.broadcast_flood, true, "bcast_flood"),
        (port.multicast_to_unicast, false, "mcast_to_unicast"),
        (port.proxy_arp, false, "proxy_arp"),
        (port.proxy_arp_wifi, false, "proxy_arp_wifi"),
        (port.neighbour_suppression, false, "neigh_suppress"),
        (port.isolated, false, "isolated"),
        (port.locked, false, "locked"),
        (port.vlan_tunnel, false, "vlan_tunnel"),
    ];
    let unusual = switches.into_iter().filter(|(is, usual, _)| is.is_some_and(|is| is != *usual));
    let mut left: Vec<String> = unusual
        .map(|(_, usual, word)| format!("{word} {} as a port", if usual { "off" } else { "on" }))
        .collect();
    // that of most links; a slow one has more by itself
    if let Some(priority) = port.priority.filter(|priority| *priority != 32) {
        left.push(format!("priority {priority} as a port"));
    }
    left
}

/// Entries of bridges and VXLANs that somebody set, VLANs of ports and multicast groups.
pub(super) fn of_bridges(snapshot: &Snapshot) -> Vec<String> {
    let mut left: Vec<String> = snapshot.extras.iter().map(|extra| extra.text.clone()).collect();
    for entry in &snapshot.forwarding {
        let link = snapshot.link_at(entry.link.index);
        if link.is_some_and(|link| is_remote(entry, link)) {
            continue;
        }
        let link = link.map_or(entry.link, Link::id);
        let entry = Neighbour { link, ..entry.clone() };
        left.push(format!("forwarding entry {entry}"));
    }
    left
}

/// Whether an entry of a VXLAN is that of its own `remote` or `group`.
fn is_remote(entry: &Neighbour, link: &Link) -> bool {
    let nobody = entry.address.is_none_or(|mac| mac.as_bytes().iter().all(|byte| *byte == 0));
    let Some(LinkKind::Vxlan(vxlan)) = &link.kind else { return false };
    let group = vxlan.group.map(std::net::IpAddr::V4).or(vxlan.group6.map(std::net::IpAddr::V6));
    nobody && entry.destination.is_some() && entry.destination == group
}
