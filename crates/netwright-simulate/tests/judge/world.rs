//! A host and the machines around it, in namespaces: made by `ip` and `nft`, tried with sockets, watched by captures.

use std::fmt::Write as _;
use std::net::IpAddr;

use netwright_lab::{Failure, Lab, Node, Oracle};
use netwright_sys::{PacketSocket, Sysctl};

use crate::generate::{Flow, Host, Link, address, remote};
use crate::trace::Handles;

/// A namespace of machines that are plugged into a card of the host.
pub(crate) struct Machines {
    pub(crate) card: &'static str,
    pub(crate) node: Node,
    pub(crate) capture: PacketSocket,
}

/// All namespaces.
pub(crate) struct World {
    pub(crate) host: Node,
    pub(crate) machines: Vec<Machines>,
    pub(crate) handles: Handles,
}

/// What a world is made with.
pub(crate) struct Tools {
    pub(crate) ip: Oracle,
    pub(crate) nft: Oracle,
}

/// Rules of the judge's own: they trace every packet, and see what has passed all others.
const WATCH: &str = "
table inet judge {
 chain pre { type filter hook prerouting priority -2147483648; meta nftrace set 1; }
 chain out { type filter hook output priority -2147483648; meta nftrace set 1; udp dport 9 drop; }
 chain in { type filter hook input priority 2147483647; counter; }
}
";
const WATCH_ARP: &str =
    "table arp judge { chain in { type filter hook input priority -2147483648; meta nftrace set 1; }\n}\n";
const WATCH_BRIDGE: &str = "table bridge judge { chain pre { type filter hook prerouting priority -2147483648; meta nftrace set 1; }\n}\n";

const WATCH_NETDEV: &str = "table netdev judge { chain CARD { type filter hook ingress device \"CARD\" priority -2147483648; meta nftrace set 1; }\n}\n";

impl World {
    /// Makes the world in which a flow is sent. `without` is a rule's number that is left out.
    pub(crate) fn build(
        lab: &Lab,
        tools: &Tools,
        host: &Host,
        flow: &Flow,
        ruleset: &str,
    ) -> Result<World, Failure> {
        let mut node = lab.node("host")?;
        settings(&node, &[("rp_filter", 0), ("accept_redirects", 1)])?;
        let own = Sysctl::new(node.namespace());
        own.write(&["ipv6", "conf", "default", "accept_dad"], 0)?;
        own.write(&["ipv4", "icmp_ratemask"], 0)?;
        own.write(&["ipv6", "icmp", "ratelimit"], 0)?;
        for name in ["iptables", "ip6tables", "arptables"] {
            // whether bridged packets see the rules of IP depends on what else was ever loaded on this machine
            match own.write(&["bridge", &format!("bridge-nf-call-{name}")], 0) {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        let mut machines = Vec::new();
        for link in &host.links {
            for card in link.cards() {
                let mut other = lab.node(card)?;
                settings(&other, &[("rp_filter", 0), ("arp_announce", 1), ("accept_redirects", 0)])?;
                let theirs = Sysctl::new(other.namespace());
                theirs.write(&["ipv6", "conf", "default", "accept_dad"], 0)?;
                theirs.write(&["ipv6", "conf", "default", "accept_redirects"], 0)?;
                node.connect(card, &mut other, "eth0")?;
                let commands = around(host, link, card, flow);
                other.run(|| tools.ip.feed(["-force", "-batch", "-"], &commands))??;
                let capture = other.run(PacketSocket::open)??;
                machines.push(Machines { card, node: other, capture });
            }
        }
        if host.forwarding {
            node.forward()?;
        }
        let commands = commands(host);
        node.run(|| tools.ip.feed(["-batch", "-"], &commands))??;
        for (family, ipv6) in [("-4", false), ("-6", true)] {
            let fits = |rule: &&String| !rule.starts_with("from") || rule.contains(':') == ipv6;
            let rules = host.policies.iter().map(|(rule, _)| rule).filter(fits);
            let rules: String = rules.map(|rule| format!("rule add {rule}\n")).collect();
            node.run(|| tools.ip.feed([family, "-batch", "-"], &rules))??;
        }
        for link in host.links.iter().filter(|link| link.strict) {
            own.write(&["ipv4", "conf", link.name, "rp_filter"], 1)?;
        }
        // who asks for a single link makes the kernel look at its carrier at once
        for link in &host.links {
            for name in link.cards().into_iter().chain([link.name]) {
                node.link(name)?;
            }
        }
        for other in &mut machines {
            other.node.link("eth0")?;
        }
        let bridge = if ruleset.contains("table bridge") { WATCH_BRIDGE } else { "" };
        let arp = if ruleset.contains("table arp") { WATCH_ARP } else { "" };
        let cards = host.links.iter().flat_map(Link::cards);
        let named = cards.filter(|card| ruleset.contains(&format!("device \"{card}\"")));
        let netdev: String = named.map(|card| WATCH_NETDEV.replace("CARD", card)).collect();
        node.run(|| tools.nft.feed(["-f", "-"], &format!("{ruleset}{WATCH}{bridge}{arp}{netdev}")))??;
        let handles = node.run(Handles::read)??;
        Ok(World { host: node, machines, handles })
    }
}

fn settings(node: &Node, all: &[(&str, u32)]) -> Result<(), Failure> {
    let settings = Sysctl::new(node.namespace());
    for (name, value) in all {
        for link in ["all", "default"] {
            settings.write(&["ipv4", "conf", link, name], value)?;
        }
    }
    Ok(())
}

/// What makes the host.
fn commands(host: &Host) -> String {
    let mut text = String::new();
    for link in &host.links {
        let name = link.name;
        if !link.ports.is_empty() {
            let filtered = link.filtered.map(|vlan| format!(" vlan_filtering 1 vlan_default_pvid {vlan}"));
            let _ = writeln!(text, "link add {name} type bridge{}", filtered.unwrap_or_default());
            for port in &link.ports {
                let _ = writeln!(text, "link set {port} master {name}");
            }
        }
        let _ = writeln!(text, "link set {name} up");
        for own in &link.own {
            let nodad = if own.contains(':') { " nodad" } else { "" };
            let _ = writeln!(text, "address add {own} dev {name}{nodad}");
        }
    }
    for (route, _) in &host.routes {
        let _ = writeln!(text, "route add {route}");
    }
    text
}

/// What makes the machines behind a card.
fn around(host: &Host, link: &Link, card: &str, flow: &Flow) -> String {
    let mut text = String::new();
    if flow.large && flow.from == Some(card) {
        text.push_str("link set eth0 mtu 1280\n");
    }
    let mut add = |address: IpAddr, length: u8, device: &str| {
        let nodad = if address.is_ipv6() { " nodad" } else { "" };
        let _ = writeln!(text, "address add {address}/{length} dev {device}{nodad}");
    };
    for near in &link.near {
        let near = address(near);
        let place = match (flow.from, flow.behind) {
            // a machine is where the flow says, else behind the first port
            (Some(from), _) if flow.source == near && !flow.spoofed && link.ports.contains(&from) => from,
            (_, Some(behind)) if flow.to == near => behind,
            _ => link.cards().first().copied().unwrap_or(card),
        };
        if place == card {
            add(near, if near.is_ipv4() { 24 } else { 64 }, "eth0");
        }
    }
    // whom prefixes are translated to
    if link.own.contains(&"192.168.1.1/24") && link.cards().first() == Some(&card) {
        let others = (8..16).map(|number| IpAddr::from([192, 168, 1, number]));
        others
            .filter(|other| !link.near.iter().any(|near| address(near) == *other))
            .for_each(|other| add(other, 24, "eth0"));
    }
    let dmz = address("10.1.0.10");
    if link.uplink && !host.links.iter().any(|link| link.near.iter().any(|near| address(near) == dmz)) {
        add(dmz, 32, "lo");
    }
    if link.uplink {
        // somebody far is behind one uplink only when it sends
        let elsewhere = |far: &IpAddr| flow.from.is_some_and(|from| *far == flow.source && from != card);
        for far in remote().map(address).filter(|far| !elsewhere(far)) {
            add(far, if far.is_ipv4() { 32 } else { 128 }, "lo");
        }
    }
    if flow.spoofed && flow.from == Some(card) {
        add(flow.source, if flow.source.is_ipv4() { 32 } else { 128 }, "lo");
    }
    for ipv4 in [true, false] {
        if let Some(own) = link.own(ipv4) {
            let _ = writeln!(text, "route add default via {own} dev eth0 onlink");
        }
    }
    text
}
