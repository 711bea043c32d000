//! Hosts at random.

use std::fmt::Write as _;

use crate::support::{Random, sh};

/// The cards of a machine: links that are there before any host file. The other ends of their cables are up.
pub(crate) const CARDS: [&str; 4] = ["eth0", "eth1", "eth2", "eth3"];

pub(crate) fn make_cards() {
    sh("ip link set lo up");
    for (number, card) in CARDS.iter().enumerate() {
        sh(&format!(
            "ip link add {card} address 02:00:00:00:01:0{number} type veth peer name far{number} address 02:00:00:00:02:0{number}
            ip link set far{number} up"
        ));
    }
}

const ADDRESSES: &[&str] = &[
    "\"192.0.2.1/24\"",
    "\"192.0.2.2/24\"",
    "\"192.0.2.3/25\"",
    "\"198.51.100.11/24\"",
    "{ address = \"198.51.100.2/24\", prefix-route = false }",
    "{ address = \"203.0.113.1/32\", peer = \"203.0.113.9/32\" }",
    "{ address = \"10.0.0.1/24\", scope = \"link\" }",
    "{ address = \"10.0.0.1/24\", metric = 7 }",
    "\"2001:db8:1::1/64\"",
    "\"2001:db8:1::1/80\"",
    "{ address = \"2001:db8:2::1/64\", valid-lifetime = 6000 }",
];
const ROUTES: &[&str] = &[
    "to = \"default\"\nvia = \"198.51.100.254\"\ndev = DEV\nonlink = true\nmetric = 7",
    "to = \"10.0.0.0/8\"\ntype = \"blackhole\"",
    "to = \"10.0.0.0/8\"\ntype = \"unreachable\"\nmetric = 9",
    "to = \"10.1.0.0/16\"\ndev = DEV\nscope = \"link\"\nmtu = 1300",
    "to = \"10.1.0.0/16\"\nvia = \"192.0.2.9\"\ndev = DEV\nonlink = true\ntable = 100",
    "to = \"10.2.0.0/16\"\nnexthops = [{ via = \"192.0.2.7\", dev = DEV, onlink = true }, { via = \"192.0.2.8\", dev = DEV, weight = 3, onlink = true }]",
    "to = \"2001:db8:ffff::/48\"\ntype = \"prohibit\"",
    "to = \"2001:db8:fffe::/48\"\ndev = DEV",
    "to = \"10.3.0.0/16\"\ndev = DEV\nprotocol = \"static\"",
];
const RULES: &[&str] = &[
    "priority = 100\nfrom = \"192.0.2.0/24\"\ntable = 100",
    "priority = 100\nfwmark = \"0x1/0xff\"\ntable = 100",
    "priority = 200\naction = \"blackhole\"\nfamily = \"ipv4\"\nnot = true\niif = \"lo\"",
    "priority = 300\ntable = \"main\"\nsuppress-prefix-length = 0\nfamily = \"ipv6\"",
    "priority = 400\nuid-range = \"0-0\"\ntable = 200\nip-protocol = \"tcp\"\ndestination-port = \"80-90\"",
];
const NEIGHBOURS: &[&str] = &[
    "address = \"192.0.2.50\"\nmac = \"02:00:00:00:00:50\"",
    "address = \"2001:db8:1::50\"\nmac = \"02:00:00:00:00:50\"",
    "address = \"192.0.2.60\"\nproxy = true",
];
const FIREWALLS: &[&str] = &[
    "table inet one { chain input { type filter hook input priority 0; policy accept; tcp dport 22 counter accept; udp dport { 53, 123 } accept; }; }",
    "table inet one { set bad { type ipv4_addr; flags interval; elements = { 192.0.2.64/26, 198.18.0.0/15 }; }; chain input { type filter hook input priority 0; policy accept; ip saddr @bad counter drop; tcp dport 22 counter accept; }; }",
    "table inet one { set bad { type ipv4_addr; flags interval; elements = { 198.18.0.0/16, 203.0.113.128/25 }; }; chain input { type filter hook input priority 10; policy accept; jump more; ip saddr @bad counter drop; }; chain more { ct state established,related accept; }; }",
    "table ip two { chain post { type nat hook postrouting priority 100; oifname eth0 masquerade; }; }",
    "table ip two { map ports { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.2, 443 : 10.0.0.3 }; }; chain pre { type nat hook prerouting priority -100; dnat to tcp dport map @ports; }; chain post { type nat hook postrouting priority 100; oifname eth0 masquerade; }; }",
    "table netdev three { chain in { type filter hook ingress device \"eth0\" priority 0; ip saddr 192.0.2.99 drop; }; }",
];

/// The text of a host file.
pub(crate) fn host(random: &mut Random) -> String {
    let mut text = String::from("owner = \"random\"\n");
    if random.chance(3) {
        writeln!(text, "forwarding = {}", random.chance(2)).unwrap();
    }
    let mut links: Vec<(String, String)> =
        random.some(&CARDS, 2).into_iter().map(|card| (card.to_owned(), String::new())).collect();
    let mut ports: Vec<String> = Vec::new();
    if random.chance(2) {
        links.push(("v0".into(), "kind = \"veth\"\npeer = \"v1\"\n".into()));
        links.push(("v1".into(), String::new()));
        ports.push("v1".into());
    }
    if random.chance(2) {
        let mode = random.pick(&["bridge", "private", "vepa"]);
        let parent = random.pick(&CARDS);
        if links.iter().any(|(name, _)| name == parent) {
            links.push((
                "mv0".into(),
                format!("kind = \"macvlan\"\nparent = \"{parent}\"\nmode = \"{mode}\"\n"),
            ));
        }
    }
    if random.chance(2) {
        let (id, ttl) = (random.pick(&[7, 8]), random.pick(&[0, 9]));
        let learning = random.chance(2);
        links.push((
            "vx0".into(),
            format!(
                "kind = \"vxlan\"\nid = {id}\nremote = \"203.0.113.9\"\nttl = {ttl}\nlearning = {learning}\n"
            ),
        ));
        ports.push("vx0".into());
    }
    if random.chance(3) && crate::support::may_make_tunnels() {
        let kind = random.pick(&["tun", "tap"]);
        links.push(("t0".into(), format!("kind = \"{kind}\"\n")));
    }
    if random.chance(2) {
        if random.chance(2) && links.iter().any(|(name, _)| name == "eth3") {
            ports.push("eth3".into());
        }
        ports.retain(|_| random.chance(2));
        let listed: Vec<String> = ports.iter().map(|port| format!("{port:?}")).collect();
        let mut kind = format!("kind = \"bridge\"\nports = [{}]\n", listed.join(", "));
        if random.chance(2) {
            writeln!(kind, "priority = {}", random.pick(&[4096, 8192])).unwrap();
        }
        if random.chance(2) {
            writeln!(kind, "ageing-time = {}", random.pick(&[100, 200])).unwrap();
        }
        links.push(("br0".into(), kind));
    }
    let mut seen: Vec<String> = Vec::new();
    for (name, kind) in &links {
        write!(text, "[link.{name}]\n{kind}").unwrap();
        if random.chance(8) && kind.is_empty() {
            text.push_str("mtu = 1400\n");
        }
        if random.chance(4) && !ports.contains(name) && !matches!(name.as_str(), "t0" | "mv0") {
            writeln!(text, "mac = \"02:00:00:00:03:0{}\"", random.below(9)).unwrap();
        }
        if random.chance(5) {
            writeln!(text, "alternative-names = [\"{name}-too\"]").unwrap();
        }
        if random.chance(4) {
            writeln!(text, "ipv4 = {{ rp-filter = \"{}\" }}", random.pick(&["loose", "strict"])).unwrap();
        }
        text.push_str("ipv6 = { duplicate-address-detection = false }\n");
        if random.chance(2) && !ports.contains(name) {
            let mut addresses: Vec<&str> = random.some(ADDRESSES, 4);
            addresses.retain(|address| {
                let ip = address
                    .split(['"', '/'])
                    .find(|part| part.contains('.') || part.contains(':'))
                    .unwrap_or_default();
                let fresh = !seen.contains(&ip.to_owned());
                seen.push(ip.to_owned());
                fresh
            });
            writeln!(text, "addresses = [{}]", addresses.join(", ")).unwrap();
        }
    }
    let up: Vec<&str> = links.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "t0").collect();
    if !up.is_empty() {
        for route in random.some(ROUTES, 3) {
            let dev = format!("{:?}", random.pick(&up));
            writeln!(text, "[[route]]\n{}", route.replace("DEV", &dev)).unwrap();
        }
        for neighbour in random.some(NEIGHBOURS, 3) {
            writeln!(text, "[[neighbour]]\ndev = {:?}\n{neighbour}", random.pick(&up)).unwrap();
        }
    }
    for rule in random.some(RULES, 3) {
        writeln!(text, "[[rule]]\n{rule}").unwrap();
    }
    let mut tables: Vec<&str> = Vec::new();
    for firewall in random.some(FIREWALLS, 3) {
        let table = firewall.split('{').next().unwrap_or_default();
        if !tables.iter().any(|known| known.starts_with(table)) {
            tables.push(firewall);
        }
    }
    if !tables.is_empty() {
        writeln!(text, "[firewall]\nrules = '''\n{}\n'''", tables.join("\n")).unwrap();
    }
    text
}
