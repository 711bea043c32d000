//! Hosts, rulesets and flows by seed.

mod rules;

use std::fmt::Write as _;
use std::net::IpAddr;

use netwright_lab::random::Random;

/// A link of the host, with the network behind it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: &'static str,
    /// The ports of a bridge; empty for a card.
    pub(crate) ports: Vec<&'static str>,
    /// The host's addresses.
    pub(crate) own: Vec<&'static str>,
    /// Machines on its networks.
    pub(crate) near: Vec<&'static str>,
    /// Whether it leads to the rest of the world.
    pub(crate) uplink: bool,
    pub(crate) strict: bool,
    /// The VLAN of frames without a tag, where a bridge looks at VLANs.
    pub(crate) filtered: Option<u16>,
}

impl Link {
    /// The cards that it is made of.
    pub(crate) fn cards(&self) -> Vec<&'static str> {
        if self.ports.is_empty() { vec![self.name] } else { self.ports.clone() }
    }

    /// The host's address of a family, without the length.
    pub(crate) fn own(&self, ipv4: bool) -> Option<IpAddr> {
        self.own.iter().map(|own| address(own)).find(|own| own.is_ipv4() == ipv4)
    }
}

/// An address, without the length of its network.
pub(crate) fn address(text: &str) -> IpAddr {
    text.split('/').next().and_then(|text| text.parse().ok()).unwrap_or(IpAddr::from([0; 4]))
}

/// A host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) links: Vec<Link>,
    pub(crate) forwarding: bool,
    /// As `ip route add` has them, and as the host file has them.
    pub(crate) routes: Vec<(String, String)>,
    /// Policy rules, the same.
    pub(crate) policies: Vec<(String, String)>,
    pub(crate) ruleset: String,
    pub(crate) flows: Vec<Flow>,
    /// Ports that somebody must wait at.
    pub(crate) ports: Vec<u16>,
    /// Whether a packet may leave something behind for the next.
    pub(crate) remembers: bool,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Tcp(u16),
    Udp(u16),
    Ping,
}

/// A packet or connection.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    /// The card that the sender is behind; `None` for the host.
    pub(crate) from: Option<&'static str>,
    pub(crate) source: IpAddr,
    /// Whether the sender claims an address that belongs elsewhere.
    pub(crate) spoofed: bool,
    /// Whether the file says which port of a bridge the destination is behind.
    pub(crate) behind: Option<&'static str>,
    pub(crate) to: IpAddr,
    pub(crate) what: What,
    pub(crate) times: usize,
    /// The number of the flow that is sent before in the same world.
    pub(crate) after: Option<usize>,
    /// Whether it is a datagram that does not fit into one packet.
    pub(crate) large: bool,
    /// The class that it is counted in.
    pub(crate) class: &'static str,
}

/// So many bytes above IP has a fragment of a large datagram at the most, where a packet has 1280 bytes.
const FRAGMENT: usize = 1256;
/// So many bytes a large datagram carries.
pub(crate) const LARGE: usize = 1400;

const REMOTE: [&str; 7] = [
    "198.51.100.7",
    "198.51.100.9",
    "198.51.100.20",
    "192.0.2.66",
    "2001:db8:ffff::7",
    "2001:db8:ffff::9",
    "2001:db8:bad::66",
];
pub(crate) const PORTS: [u16; 6] = [22, 53, 80, 443, 8080, 3128];

/// The addresses of machines that are far.
pub(crate) fn remote() -> impl Iterator<Item = &'static str> {
    REMOTE.into_iter()
}

fn links(random: &mut Random) -> Vec<Link> {
    let mut links = vec![Link {
        name: "wan",
        ports: Vec::new(),
        own: vec!["203.0.113.2/24", "2001:db8:0:1::2/64"],
        near: vec!["203.0.113.1", "203.0.113.66", "2001:db8:0:1::1", "2001:db8:0:1::66"],
        uplink: true,
        strict: random.one_in(6),
        filtered: None,
    }];
    let bridge = random.one_in(3);
    let filtered = if bridge && random.one_in(3) { Some(*random.pick(&[1, 5])) } else { None };
    links.push(Link {
        name: if bridge { "br0" } else { "lan" },
        ports: if bridge { vec!["p1", "p2"] } else { Vec::new() },
        own: vec!["192.168.1.1/24", "2001:db8:0:2::1/64"],
        near: vec!["192.168.1.10", "192.168.1.50", "192.168.1.51", "2001:db8:0:2::10", "2001:db8:0:2::50"],
        uplink: false,
        strict: false,
        filtered,
    });
    if random.one_in(2) {
        links.push(Link {
            name: "dmz",
            ports: Vec::new(),
            own: vec!["10.1.0.1/24", "2001:db8:0:3::1/64"],
            near: vec!["10.1.0.10", "10.1.0.20", "2001:db8:0:3::10"],
            uplink: false,
            strict: random.one_in(6),
            filtered: None,
        });
    }
    if random.one_in(4) {
        links.push(Link {
            name: "wan2",
            ports: Vec::new(),
            own: vec!["198.18.0.2/24", "2001:db8:0:9::2/64"],
            near: vec!["198.18.0.1", "198.18.0.66", "2001:db8:0:9::1"],
            uplink: true,
            strict: false,
            filtered: None,
        });
    }
    links
}

/// Something else that the sender of a flow sends after it, where it may find what that left behind.
fn follow(random: &mut Random, before: Flow, number: usize) -> Option<Flow> {
    if before.from.is_none() || before.spoofed || before.after.is_some() || before.large {
        return None;
    }
    let what = match random.below(5) {
        0 => before.what,
        1..4 => What::Tcp(*random.pick(&PORTS)),
        _ => What::Udp(*random.pick(&PORTS)),
    };
    // neighbours are told by their class
    let class = if before.class == "neighbours" { before.class } else { "after" };
    Some(Flow { what, times: 1, after: Some(number), class, ..before })
}

impl Host {
    pub(crate) fn generate(random: &mut Random, flows: usize) -> Self {
        let links = links(random);
        let mut routes = Vec::new();
        let mut route = |line: &str, file: &str| routes.push((line.to_owned(), file.to_owned()));
        route("default via 203.0.113.1", "to = \"default\"\nvia = \"203.0.113.1\"");
        route("default via 2001:db8:0:1::1", "to = \"default\"\nvia = \"2001:db8:0:1::1\"");
        if random.one_in(3) {
            let kind = *random.pick(&["unreachable", "blackhole", "prohibit"]);
            let network = *random.pick(&["192.0.2.64/26", "198.51.100.16/28", "2001:db8:bad::/48"]);
            route(&format!("{kind} {network}"), &format!("to = \"{network}\"\ntype = \"{kind}\""));
        }
        let mut policies = Vec::new();
        if links.iter().any(|link| link.name == "wan2") {
            route("default via 198.18.0.1 table 2", "to = \"default\"\nvia = \"198.18.0.1\"\ntable = 2");
            route(
                "default via 2001:db8:0:9::1 table 2",
                "to = \"default\"\nvia = \"2001:db8:0:9::1\"\ntable = 2",
            );
            for (network, priority) in
                [("192.168.1.48/29", 100), ("2001:db8:0:2::50/128", 101), ("198.18.0.2/32", 102)]
            {
                policies.push((
                    format!("from {network} table 2 priority {priority}"),
                    format!("from = \"{network}\"\ntable = 2\npriority = {priority}"),
                ));
            }
            policies.push((
                "fwmark 1 table 2 priority 103".into(),
                "fwmark = 1\ntable = 2\npriority = 103".into(),
            ));
        }
        let forwarding = !random.one_in(8);
        let mut host = Host {
            links,
            forwarding,
            routes,
            policies,
            ruleset: String::new(),
            flows: Vec::new(),
            ports: PORTS.to_vec(),
            remembers: false,
        };
        (host.ruleset, host.remembers) = rules::generate(random, &host.links);
        for number in 0..flows {
            let flow = match host.flows.last().cloned() {
                Some(before) if random.one_in(8) => follow(random, before, number - 1),
                _ => None,
            };
            let flow = flow.unwrap_or_else(|| host.flow(random));
            host.flows.push(flow);
        }
        host
    }

    fn flow(&self, random: &mut Random) -> Flow {
        loop {
            if let Some(flow) = self.any_flow(random) {
                return flow;
            }
        }
    }

    fn any_flow(&self, random: &mut Random) -> Option<Flow> {
        let ipv4 = !random.one_in(3);
        let fits = |text: &&'static str| address(text).is_ipv4() == ipv4;
        let what = match random.below(10) {
            0..5 => What::Tcp(*random.pick(&PORTS)),
            5..8 => What::Udp(*random.pick(&PORTS)),
            _ => What::Ping,
        };
        let pick = |random: &mut Random, of: Vec<&'static str>| {
            let of: Vec<&'static str> = of.into_iter().filter(fits).collect();
            if of.is_empty() { None } else { Some(*random.pick(&of)) }
        };
        let remote: Vec<&'static str> = REMOTE.to_vec();
        let own: Vec<&'static str> = self.links.iter().flat_map(|link| link.own.clone()).collect();
        let near: Vec<&'static str> = self.links.iter().flat_map(|link| link.near.clone()).collect();
        let everywhere = |random: &mut Random| match random.below(3) {
            0 => pick(random, own.clone()).map(address),
            1 => pick(random, near.clone()).map(address),
            _ => pick(random, remote.clone()).map(address),
        };
        // routing tells a sender five times at once that there is no way, and then once a second: what becomes of a sixth depends on
        // how long is waited for an answer to the one before
        let times = if random.one_in(12) { 2 + random.below(4) } else { 1 };
        if random.one_in(10) {
            let to = everywhere(random)?;
            let source = IpAddr::from([0; 4]);
            let class = "from the host";
            let (spoofed, behind, after, large) = (false, None, None, false);
            return Some(Flow { from: None, source, spoofed, behind, to, what, times, after, large, class });
        }
        let link = random.pick(&self.links);
        let card = *random.pick(&link.cards());
        let (source, spoofed) = match random.below(10) {
            // an address of the host's, but not the one by which the sender reaches it
            0 if link.ports.is_empty() && random.one_in(3) => {
                let others = own.iter().copied().filter(|own| !link.own.contains(own));
                (pick(random, others.collect())?, true)
            }
            0 => (pick(random, near.clone())?, true),
            1..5 if link.uplink => (pick(random, remote.clone())?, false),
            _ => (pick(random, link.near.clone())?, false),
        };
        let spoofed = spoofed && !link.near.contains(&source);
        let source = address(source);
        let to = everywhere(random)?;
        let is_remote = |of: IpAddr| REMOTE.iter().any(|remote| address(remote) == of);
        // what a network's own router would deliver without the host
        if link.uplink && is_remote(to) || to == source {
            return None;
        }
        let beside = link.near.iter().any(|near| address(near) == to);
        let bridged = beside && !link.ports.is_empty();
        let mut behind = None;
        if bridged {
            behind = link.ports.iter().find(|port| **port != card).copied();
        }
        let is_own = own.iter().any(|own| address(own) == to);
        let class = match (spoofed, bridged, beside, is_own, is_remote(to)) {
            (true, ..) => "spoofed",
            (_, true, ..) => "bridged",
            (_, _, true, ..) => "neighbours",
            (_, _, _, true, _) => "to the host",
            (.., true) => "outwards",
            _ => "forwarded",
        };
        // a spoofed packet between neighbours of one link has no home to start from
        if spoofed && beside {
            return None;
        }
        // a fragment that is not the first is nobody's in traces of IPv6; neighbours are told by their class
        let large = matches!(what, What::Udp(_))
            && ipv4
            && !spoofed
            && times == 1
            && random.one_in(6)
            && class != "neighbours";
        let class = if large { "large" } else { class };
        Some(Flow { from: Some(card), source, spoofed, behind, to, what, times, after: None, large, class })
    }

    /// The host file; with the flows from the last to the first where that is asked for.
    pub(crate) fn file(&self, reversed: bool) -> String {
        let mut text = format!("forwarding = {}\n", self.forwarding);
        for link in &self.links {
            let _ = writeln!(text, "[link.{}]", link.name);
            if !link.ports.is_empty() {
                let _ = writeln!(text, "kind = \"bridge\"\nports = {:?}", link.ports);
                if let Some(vlan) = link.filtered {
                    let _ = writeln!(text, "vlan-filtering = true\nvlan-default-pvid = {vlan}");
                }
            }
            let _ = writeln!(text, "addresses = {:?}", link.own);
            if link.strict {
                text.push_str("ipv4 = { rp-filter = \"strict\" }\n");
            }
        }
        for (_, route) in &self.routes {
            let _ = writeln!(text, "[[route]]\n{route}");
        }
        for (_, rule) in &self.policies {
            let _ = writeln!(text, "[[rule]]\n{rule}");
        }
        let _ = write!(text, "[firewall]\nrules = '''\n{}'''\n", self.ruleset);
        let mut flows: Vec<(usize, &Flow)> = self.flows.iter().enumerate().collect();
        if reversed {
            flows.reverse();
        }
        for (number, flow) in flows {
            let from = match flow.from {
                None => "host".to_owned(),
                Some(card) => format!("{card} {}", flow.source),
            };
            let behind = flow.behind.map(|port| format!("{port} ")).unwrap_or_default();
            let what = match flow.what {
                What::Tcp(port) => format!("tcp = {port}"),
                What::Udp(port) => format!("udp = {port}"),
                What::Ping => "icmp = true".to_owned(),
            };
            let _ = writeln!(
                text,
                "[[flow]]\nname = \"{number}\"\nfrom = \"{from}\"\nto = \"{behind}{}\"\n{what}\ntimes = {}",
                flow.to, flow.times
            );
            if let Some(after) = flow.after {
                let _ = writeln!(text, "after = \"{after}\"");
            }
            if flow.large {
                let _ = writeln!(text, "payload = \"{}\"\nfragment = {FRAGMENT}", "x".repeat(LARGE));
            }
        }
        text
    }
}
