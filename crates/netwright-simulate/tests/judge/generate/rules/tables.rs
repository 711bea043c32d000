//! What rules look at and do besides the most common, and tables besides that of the filter.

use std::fmt::Write as _;

use super::{Hook, Protocols, Rules};
use crate::generate::PORTS;

impl Rules<'_> {
    /// A match of something that is not an address, a port or a protocol alone.
    pub(super) fn looked_at(&mut self, hook: Hook, protocols: &mut Protocols) -> Option<String> {
        let Protocols { v4, v6, above } = *protocols;
        let link = self.random.pick(self.links).name;
        let port = *self.random.pick(&PORTS);
        let tcp = above.is_none_or(|above| above == "tcp");
        let comes_in = matches!(hook, Hook::Prerouting | Hook::Input | Hook::Forward);
        Some(match self.random.below(37) {
            0 => "fib daddr type local".into(),
            1 => "fib daddr type != local".into(),
            2 if comes_in => "fib saddr . iif oif missing".into(),
            3 if comes_in => "fib saddr . iif oif exists".into(),
            4 => "meta pkttype host".into(),
            5 => "meta mark 1".into(),
            6 => "meta mark != 1".into(),
            7 if hook != Hook::Prerouting => "ct status dnat".into(),
            8 => "ct direction original".into(),
            9 => "ct mark 7".into(),
            10 if hook != Hook::Prerouting => "ct state != established".into(),
            11 if v4 => {
                protocols.v6 &= !v4;
                (*self.random.pick(&["ip ttl < 64", "ip ttl 64", "ip ttl != 63"])).into()
            }
            12 if v6 => {
                protocols.v4 &= !v6;
                (*self.random.pick(&["ip6 hoplimit < 64", "ip6 hoplimit 64", "ip6 nexthdr != udp"])).into()
            }
            13 if tcp => {
                protocols.above = Some("tcp");
                let flags =
                    ["tcp flags syn / fin,syn,rst,ack", "tcp flags & (syn | ack) == syn", "tcp flags != syn"];
                (*self.random.pick(&flags)).into()
            }
            14 if v4 && tcp => {
                (protocols.v6, protocols.above) = (false, Some("tcp"));
                format!("ip daddr . tcp dport {{ 192.168.1.10 . {port}, 203.0.113.2 . 22 }}")
            }
            15 if v4 && hook == Hook::Input => {
                protocols.v6 = false;
                format!("iifname . ip saddr {{ \"{link}\" . 192.168.1.50, \"wan\" . 198.51.100.9 }}")
            }
            16 if hook == Hook::Forward => format!("iifname . oifname {{ \"{link}\" . \"wan\" }}"),
            17 if hook != Hook::Prerouting => format!("ct original proto-dst {port}"),
            // what the host sends is sent by root
            18 if hook == Hook::Output => {
                (*self.random.pick(&["meta skuid 0", "meta skuid != 0", "meta skgid 0"])).into()
            }
            19 => (*self.random.pick(&["fib saddr type unicast", "fib saddr type != local"])).into(),
            20 if comes_in => format!("fib daddr . iif type != {}", self.random.pick(&["local", "unicast"])),
            21 if v4 => {
                protocols.v6 = false;
                (*self.random.pick(&[
                    "ip dscp cs0",
                    "ip dscp != cs0",
                    "ip frag-off & 0x3fff == 0",
                    "ip version 4",
                ]))
                .into()
            }
            22 if v6 => {
                protocols.v4 = false;
                (*self.random.pick(&["exthdr hbh missing", "exthdr frag exists", "ip6 dscp cs0"])).into()
            }
            23 if hook != Hook::Prerouting => {
                (*self.random.pick(&["ct zone 0", "ct original zone 5", "ct zone 5"])).into()
            }
            24 if v4 && hook != Hook::Prerouting => {
                protocols.v6 = false;
                (*self.random.pick(&[
                    "ct original ip saddr 192.168.1.0/24",
                    "ct reply ip saddr 192.168.1.10",
                    "ct original ip daddr 203.0.113.2",
                ]))
                .into()
            }
            25 if matches!(hook, Hook::Forward | Hook::Output) && v4 => {
                protocols.v6 = false;
                (*self.random.pick(&["rt ip nexthop 203.0.113.1", "rt ip nexthop 198.18.0.1"])).into()
            }
            26 if comes_in => format!("iifname != {{ \"lo\", \"{link}\" }}"),
            27 if v4 => {
                protocols.v6 = false;
                "ip saddr . ip daddr { 192.168.1.0/24 . 198.51.100.0-198.51.100.8, 198.51.100.0/24 . 203.0.113.2 }".into()
            }
            28 if v4 && tcp => {
                (protocols.v6, protocols.above) = (false, Some("tcp"));
                format!(
                    "ip saddr . tcp dport {{ 192.168.1.48/29 . {port}-{}, 198.51.100.9 . 1-1023 }}",
                    port.saturating_add(400)
                )
            }
            29 if hook != Hook::Prerouting => (*self.random.pick(&[
                "ct status snat",
                "ct status != snat",
                "ct status assured",
                "ct state untracked",
            ]))
            .into(),
            30 if v4 => {
                protocols.v6 = false;
                (*self.random.pick(&[
                    "ip frag-off & 0x1fff != 0",
                    "ip frag-off & 0x2000 != 0",
                    "meta length > 1000",
                ]))
                .into()
            }
            31 => (*self.random.pick(&[
                "quota over 1 bytes",
                "quota 100000 bytes",
                "meta nfproto ipv4",
                "meta protocol ip6",
            ]))
            .into(),
            32 if hook != Hook::Prerouting && above.is_none() => {
                self.remembers = true;
                (*self.random.pick(&["ct state new ct count 1", "ct state new ct count over 1"])).into()
            }
            33 if tcp => {
                protocols.above = Some("tcp");
                format!("tcp dport {port} tcp sport >= 1024")
            }
            34 if above.is_none() => {
                protocols.above = Some("none");
                format!("meta l4proto . th dport {{ tcp . {port}, udp . 53 }}")
            }
            35 if v6 => {
                protocols.v4 = false;
                "ip6 saddr . ip6 daddr { 2001:db8:0:2::/64 . 2001:db8:ffff::/48, ::/0 . 2001:db8:0:1::2 }"
                    .into()
            }
            36 if v4 => {
                protocols.v6 = false;
                "ip saddr & 0.0.0.1 == 1".into()
            }
            _ => return None,
        })
    }

    /// What a rule does, where that is not a plain verdict.
    pub(super) fn done(&mut self, hook: Hook, protocols: &Protocols) -> String {
        let (one, other) = (*self.random.pick(&PORTS), *self.random.pick(&PORTS));
        let jumps = !matches!(hook, Hook::Prerouting | Hook::None);
        let verdicts: &[&str] = if jumps {
            &["accept", "drop", "jump sub1", "goto sub2", "continue"]
        } else {
            &["accept", "drop"]
        };
        let (first, second) = (*self.random.pick(verdicts), *self.random.pick(verdicts));
        let link = self.random.pick(self.links).name;
        match self.random.below(10) {
            0 | 1 if protocols.above.is_none() && one != other => {
                format!("tcp dport vmap {{ {one} : {first}, {other} : {second} }}")
            }
            2 if protocols.above.is_none() && one < other => {
                format!("udp dport vmap {{ {one}-{other} : {first} }}")
            }
            3 if !matches!(hook, Hook::Output | Hook::None) => {
                format!("iifname vmap {{ \"{link}\" : {first} }}")
            }
            4 => "ct mark set 7".into(),
            5 => "log prefix \"seen\" counter".into(),
            6 if !matches!(hook, Hook::Prerouting) => "return".into(),
            7 if hook == Hook::Prerouting => (*self.random.pick(&["notrack", "ct zone set 5"])).into(),
            8 => "meta mark set mark or 0x1 counter accept".into(),
            _ => "meta mark set 1 ct mark set mark".into(),
        }
    }

    /// Chains before and behind the filter.
    pub(super) fn mangle(&mut self) {
        self.text.push_str("table inet m {\n chain sub1 { }\n chain sub2 { }\n");
        self.text.push_str(" chain pre { type filter hook prerouting priority mangle; policy accept;\n");
        let port = *self.random.pick(&PORTS);
        let rules = [
            format!("meta l4proto tcp th dport {port} meta mark set 1"),
            format!("udp dport {port} ct mark set 7"),
            "ct state invalid drop".into(),
            "fib saddr . iif oif missing counter drop".into(),
            format!("tcp dport {port} notrack"),
        ];
        for _ in 0..1 + self.random.below(2) {
            let rule = self.random.pick(&rules).clone();
            self.rule(&rule);
        }
        let policy = if self.random.one_in(5) { "drop" } else { "accept" };
        let _ = writeln!(
            self.text,
            " }}\n chain post {{ type filter hook postrouting priority mangle; policy {policy};"
        );
        self.rule("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept");
        let link = self.random.pick(self.links).name;
        let rules = [
            format!("oifname \"{link}\" tcp dport {port} drop"),
            format!("oifname \"{link}\" accept"),
            "tcp flags syn tcp option maxseg size set rt mtu".into(),
            "ct state established,related accept".into(),
            format!("th dport {port} accept"),
        ];
        for _ in 0..1 + self.random.below(3) {
            let rule = self.random.pick(&rules).clone();
            self.rule(&rule);
        }
        self.text.push_str(" }\n}\n");
    }

    /// Translation of both families.
    pub(super) fn inet_nat(&mut self) {
        let port = *self.random.pick(&PORTS);
        let other = *self.random.pick(&PORTS);
        self.text.push_str("table inet nat {\n");
        let _ = writeln!(
            self.text,
            " map ports {{ type inet_service : ipv4_addr . inet_service; elements = {{ {port} : 192.168.1.10 . 8080 }} }}"
        );
        self.text.push_str(" chain pre { type nat hook prerouting priority dstnat; policy accept;\n");
        let rules = [
            "ip daddr 203.0.113.2 dnat ip to tcp dport map @ports".to_owned(),
            format!("ip6 daddr 2001:db8:0:1::2 tcp dport {port} dnat ip6 to [2001:db8:0:2::10]:{other}"),
            format!("iifname \"wan\" udp dport {port} redirect to :{other}"),
            "ip daddr 203.0.113.2 dnat ip to 192.168.1.50".into(),
            format!(
                "ip daddr 203.0.113.2 dnat ip to tcp dport map {{ {port} : 192.168.1.50, 1 : 192.168.1.10 }}"
            ),
            format!("ip6 daddr 2001:db8:0:1::2 udp dport {port} dnat ip6 to 2001:db8:0:2::50"),
            "meta nfproto ipv4 ip saddr 198.51.100.20 accept".into(),
            "ip daddr 203.0.113.2 dnat ip to ip saddr map { 198.51.100.0/28 : 192.168.1.10, 198.51.100.16-198.51.100.255 : 192.168.1.50, 203.0.113.0/24 : 10.1.0.10 }".into(),
            "ip daddr 203.0.113.2 dnat ip to jhash ip saddr . ip daddr mod 2 seed 0xdead map { 0 : 192.168.1.10, 1 : 192.168.1.50 }".into(),
            format!("ip daddr 203.0.113.2 tcp dport 1-{port} dnat ip to 192.168.1.10:{other}"),
            "ip daddr 203.0.113.0/29 dnat ip prefix to ip daddr map { 203.0.113.0/29 : 192.168.1.8/29 }".into(),
        ];
        for _ in 0..1 + self.random.below(3) {
            let rule = self.random.pick(&rules).clone();
            self.rule(&rule);
        }
        self.text.push_str(" }\n");
        if self.random.one_in(2) {
            self.text.push_str(" chain out { type nat hook output priority -100; policy accept;\n");
            let rules = [
                format!("ip daddr 198.51.100.7 tcp dport {port} dnat ip to 192.168.1.10:{other}"),
                format!("tcp dport {port} redirect to :{other}"),
                "ip6 daddr 2001:db8:ffff::7 dnat ip6 to 2001:db8:0:2::10".into(),
            ];
            let rule = self.random.pick(&rules).clone();
            self.rule(&rule);
            self.text.push_str(" }\n");
        }
        self.text.push_str(" chain post { type nat hook postrouting priority srcnat; policy accept;\n");
        let rules = [
            "oifname { \"wan\", \"wan2\" } masquerade".to_owned(),
            "oifname \"wan\" ip saddr 192.168.1.0/24 snat ip to 203.0.113.2".into(),
            "oifname \"wan\" ip6 saddr 2001:db8:0:2::/64 snat ip6 to 2001:db8:0:1::2".into(),
            "ct status dnat masquerade".into(),
            // one of the host's, and some that are nobody's
            "oifname \"wan\" ip saddr 192.168.0.0/16 snat ip to 203.0.113.2-203.0.113.5".into(),
            "oifname \"wan\" snat ip to ip saddr map { 192.168.1.0/26 : 203.0.113.2, 10.0.0.0/8 : 203.0.113.50 }".into(),
            "meta l4proto { tcp, udp } oifname \"wan\" ip saddr 192.168.1.50 masquerade to :2000-2999".into(),
            format!("oifname \"wan\" tcp dport {port} masquerade random"),
        ];
        for _ in 0..self.random.below(3) {
            let rule = self.random.pick(&rules).clone();
            self.rule(&rule);
        }
        self.text.push_str(" }\n}\n");
    }

    /// Copies of packets to somebody else, which are no arrivals.
    pub(super) fn copies(&mut self) {
        let link = self.links.iter().find(|link| !link.uplink).map_or("wan", |link| link.name);
        let port = *self.random.pick(&PORTS);
        self.text.push_str(
            "table ip c {\n chain pre { type filter hook prerouting priority -250; policy accept;\n",
        );
        self.rule(&format!("ip daddr 203.0.113.2 th dport {port} dup to 192.168.1.51 device \"{link}\""));
        self.text.push_str(" }\n}\n");
    }

    /// A chain that may change the route of what the host sends, and that decides as well.
    pub(super) fn route(&mut self) {
        let policy = if self.random.one_in(3) { "drop" } else { "accept" };
        let port = *self.random.pick(&PORTS);
        let _ = writeln!(
            self.text,
            "table inet r {{\n chain o {{ type route hook output priority mangle; policy {policy};"
        );
        if policy == "drop" {
            self.rule("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept");
        }
        let rules = [
            format!("tcp dport {port} meta mark set 1"),
            format!("udp dport {port} drop"),
            "meta l4proto { tcp, udp } accept".into(),
            "ct state established,related accept".into(),
            "ip daddr 198.51.100.7 meta mark set 1 accept".into(),
        ];
        for _ in 0..2 + self.random.below(2) {
            let rule = self.random.pick(&rules).clone();
            self.rule(&rule);
        }
        self.text.push_str(" }\n}\n");
    }

    /// Chains on a device, where packets come in and leave.
    pub(super) fn devices(&mut self) {
        let cards: Vec<&str> =
            self.links.iter().filter(|link| link.ports.is_empty()).map(|link| link.name).collect();
        let link = *self.random.pick(&cards);
        let (family, hook) = *self.random.pick(&[("inet", "ingress"), ("netdev", "egress")]);
        let policy = if self.random.one_in(4) { "drop" } else { "accept" };
        let _ = writeln!(
            self.text,
            "table {family} d {{\n chain d {{ type filter hook {hook} device \"{link}\" priority 0; policy {policy};"
        );
        if policy == "drop" {
            self.rule("meta protocol arp accept");
            self.rule("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept");
        }
        let port = *self.random.pick(&PORTS);
        let rules = [
            format!("tcp dport {port} drop"),
            format!("udp dport != {port} accept"),
            "ip daddr 198.51.100.7 drop".into(),
            "meta protocol ip accept".into(),
        ];
        for _ in 0..1 + self.random.below(2) {
            let rule = self.random.pick(&rules).clone();
            self.rule(&rule);
        }
        self.text.push_str(" }\n}\n");
    }

    /// What a file says about what it has said before.
    pub(super) fn later(&mut self) {
        let chain = |text: &str| text.find(" chain input0 {").is_some();
        let table = ["inet", "ip", "ip6"]
            .into_iter()
            .find(|family| self.text.contains(&format!("table {family} f {{")));
        let Some(family) = table.filter(|_| chain(&self.text)) else { return };
        if self.random.one_in(6) {
            let policy = self.policy();
            let _ = writeln!(self.text, "add chain {family} f input0 {{ policy {policy}; }}");
        }
        if self.random.one_in(8) {
            let port = *self.random.pick(&PORTS);
            let _ = writeln!(self.text, "flush chain {family} f sub1");
            self.number += 1;
            let _ = writeln!(
                self.text,
                "add rule {family} f sub1 tcp dport {port} accept comment \"r{}\"",
                self.number
            );
        }
        if self.random.one_in(8) {
            self.number += 1;
            let does = *self.random.pick(&["drop", "accept"]);
            let port = *self.random.pick(&PORTS);
            let _ = writeln!(
                self.text,
                "insert rule {family} f input0 tcp dport {port} {does} comment \"r{}\"",
                self.number
            );
        }
    }
}
