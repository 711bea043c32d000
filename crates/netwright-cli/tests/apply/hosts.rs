//! Hosts at random, and what others have made beside.

use std::fmt::Write as _;

use crate::support::{Random, sh, try_sh};

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

/// What others have: containers, VPNs, DHCP clients, routing daemons.
pub(crate) fn foreign(random: &mut Random) {
    let all = [
        "ip link set eth0 up; ip addr add 198.51.100.77/24 dev eth0; ip route add default via 198.51.100.1 proto dhcp metric 100",
        "ip link set eth1 up; ip addr add 203.0.113.77/24 dev eth1; ip route add 172.20.0.0/16 via 203.0.113.9 proto static; ip route append 172.20.0.0/16 via 203.0.113.8 proto static",
        "ip link set eth1 up; ip addr add 2001:db8:77::1/64 dev eth1 nodad; ip -6 route add 2001:db8:7700::/48 via 2001:db8:77::9 proto static",
        "ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up; ip link add vethd type veth peer name vethc; ip link set vethd master docker0 up",
        "ip link add tunv type vxlan id 4242 dstport 4789 local 127.0.0.1; ip link set tunv up; bridge fdb append 00:00:00:00:00:00 dev tunv dst 10.66.0.1; ip addr add 10.66.0.2/24 dev tunv",
        "ip rule add priority 5200 fwmark 0x77 table 77; ip route add default dev lo table 77",
        "nft add table ip docker; nft add chain ip docker c '{ type nat hook postrouting priority 100; }'; nft add rule ip docker c ip saddr 172.17.0.0/16 counter masquerade",
        "nft add table inet others; nft add set inet others s '{ type ipv4_addr; }'; nft add element inet others s '{ 192.0.2.1 }'",
        "ip link set eth2 up; ip addr add 192.0.2.77/24 dev eth2; ip nexthop add id 77 via 192.0.2.9 dev eth2; ip route add 172.21.0.0/16 nhid 77 proto bgp",
        "ip link set eth2 up; ip addr add 192.0.2.177/24 dev eth2; ip neigh add 192.0.2.78 lladdr 02:00:00:00:77:77 dev eth2 nud permanent",
        "tc qdisc add dev eth3 root handle 77: fq_codel",
        "ip route add blackhole 172.22.0.0/16 proto bird",
        "ip link set eth0 up; ip link add link eth0 name vlan9 type vlan id 9; ip link set vlan9 up; ip addr add 10.77.9.1/24 dev vlan9; ip route add 172.23.0.0/16 via 10.77.9.9",
        "ip link add vrfx type vrf table 1077; ip link set vrfx up; ip link add vv type veth peer name vvp; ip link set vvp up; ip link set vv master vrfx up; ip addr add 10.78.0.1/24 dev vv; ip route add 172.23.0.0/16 via 10.78.0.9 vrf vrfx",
        "ip link set eth1 up; ip addr add 10.88.0.7/24 dev eth1 valid_lft 86400 preferred_lft 43200; ip route add default via 10.88.0.1 dev eth1 proto dhcp src 10.88.0.7 metric 1002",
        "for n in 0 1; do ip link set eth$n up; ip addr add 10.89.$n.1/24 dev eth$n; done; ip route add 172.24.0.0/16 proto bird nexthop via 10.89.0.9 dev eth0 weight 2 nexthop via 10.89.1.9 dev eth1",
        "ip link set eth0 up; ip addr add 10.90.0.1/24 dev eth0; ip route add 172.25.0.0/16 via 10.90.0.9 mtu lock 1300 advmss 1200 initcwnd 12 proto static; ip route add 172.25.0.0/16 via 10.90.0.8 dsfield 0x10 proto static; ip route add 172.25.0.0/16 via 10.90.0.7 metric 50 proto static",
        "ip link set eth0 up; ip addr add 10.91.0.1/24 dev eth0; ip route add 172.26.0.0/16 encap ip id 100 dst 10.91.0.9 via 10.91.0.9 dev eth0 proto static",
        "ip link set eth0 up; ip addr add 2001:db8:78::1/64 dev eth0 nodad valid_lft 86400 preferred_lft 43200; ip neigh add proxy 2001:db8:78::5 dev eth0; ip neigh add proxy 198.51.100.99 dev eth0",
        "for n in 0 1; do ip link set eth$n up; ip addr add 2001:db8:8$n::1/64 dev eth$n nodad; done; ip route add 2001:db8:7800::/48 proto bird nexthop via 2001:db8:80::9 dev eth0 weight 2 nexthop via 2001:db8:81::9 dev eth1; ip route add 2001:db8:7900::/48 via 2001:db8:80::9 metric 7 proto static",
        "ip link set eth2 up; ip addr add 10.92.0.1/24 dev eth2; ip nexthop add id 90 via 10.92.0.8 dev eth2; ip nexthop add id 91 via 10.92.0.9 dev eth2; ip nexthop add id 92 group 90,3/91; ip route add 172.28.0.0/16 nhid 92 proto bgp; ip nexthop add id 93 blackhole; ip route add 172.29.0.0/16 nhid 93 proto bgp",
        "ip link set eth2 up; ip addr add 2001:db8:92::1/64 dev eth2 nodad; ip nexthop add id 94 via 2001:db8:92::9 dev eth2; ip route add 2001:db8:9200::/48 nhid 94 proto bgp; ip addr add 10.93.0.1/24 dev eth2; ip route add 172.30.0.0/16 via inet6 2001:db8:92::9 dev eth2 proto bgp",
        "ip rule add priority 100 from 192.0.2.0/25 table 177; ip rule add priority 400 iif lo uidrange 5-6 table 178 protocol static; ip -6 rule add priority 300 to 2001:db8:5::/48 table 179",
        "ip link set eth1 alias uplink; ip link set eth1 group 7; ip link set eth1 txqueuelen 555; ip link property add dev eth1 altname wan0",
        "ip route add local 172.31.0.0/24 dev lo; ip route add throw 172.31.1.0/24 table 100; ip route add unreachable default metric 4278198272 proto static",
        "nft add table netdev foreign; nft add chain netdev foreign c '{ type filter hook ingress device eth1 priority 5; }'; nft add rule netdev foreign c ip saddr 192.0.2.98 counter drop",
        "nft add table inet fast; nft add flowtable inet fast f '{ hook ingress priority 0; devices = { eth1, eth2 }; }'; nft add chain inet fast c '{ type filter hook forward priority 0; }'; nft add rule inet fast c meta l4proto tcp flow add @f",
        "ip link set eth3 up; ip link add link eth3 name foreignmv type macvlan mode bridge; ip link set foreignmv up; ip addr add 10.94.0.1/24 dev foreignmv; ip route add 172.27.0.0/16 via 10.94.0.9 dev foreignmv proto dhcp",
        "ip link set eth0 up; ip addr add 10.95.0.1 peer 10.95.0.2/32 dev eth0; ip route add 10.96.0.0/16 via 10.95.0.2 proto static; ip tunnel add tunf mode gre remote 10.95.0.2 local 10.95.0.1 ttl 9; ip link set tunf up; ip addr add 10.97.0.1/30 dev tunf; ip route add 10.98.0.0/16 dev tunf proto static",
    ];
    for script in all {
        if random.chance(3) {
            try_sh(script);
        }
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
