//! Rulesets by seed. Each rule has a number in its comment.

mod tables;

use std::fmt::Write as _;

use netwright_lab::random::Random;

use super::{Link, PORTS};

/// A ruleset under way.
struct Rules<'a> {
    random: &'a mut Random,
    links: &'a [Link],
    text: String,
    number: usize,
    remembers: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hook {
    Prerouting,
    Input,
    Forward,
    Output,
    /// Jumped into from anywhere but prerouting.
    None,
}

/// What a rule's matches leave open.
#[derive(Clone, Copy)]
struct Protocols {
    v4: bool,
    v6: bool,
    /// The protocol above IP, or `none` where it may be several.
    above: Option<&'static str>,
}

/// The text, and whether packets leave something behind.
pub(super) fn generate(random: &mut Random, links: &[Link]) -> (String, bool) {
    let mut rules = Rules { random, links, text: String::new(), number: 0, remembers: false };
    rules.filter();
    if rules.random.one_in(4) {
        rules.mangle();
    }
    match rules.random.below(4) {
        0 | 1 => rules.nat(),
        2 => rules.inet_nat(),
        _ => {}
    }
    if rules.random.one_in(8) {
        rules.bridge();
    }
    if rules.random.one_in(10) {
        rules.ingress();
    }
    if rules.random.one_in(10) {
        rules.devices();
    }
    if rules.random.one_in(16) {
        rules.arp();
    }
    if rules.random.one_in(10) {
        rules.copies();
    }
    if rules.random.one_in(10) {
        rules.route();
    }
    rules.later();
    (rules.text, rules.remembers)
}

impl Rules<'_> {
    fn rule(&mut self, body: &str) {
        self.number += 1;
        let _ = writeln!(self.text, "  {body} comment \"r{}\"", self.number);
    }

    fn policy(&mut self) -> &'static str {
        if self.random.one_in(2) { "drop" } else { "accept" }
    }

    fn filter(&mut self) {
        let family = *self.random.pick(&["inet", "inet", "inet", "ip", "ip6"]);
        let _ = writeln!(self.text, "table {family} f {{");
        let v4 = family != "ip6";
        let v6 = family != "ip";
        if v4 {
            let (flags, timeout) = if self.random.one_in(4) { (",timeout", " timeout 1h") } else { ("", "") };
            let _ = writeln!(
                self.text,
                " set some4 {{ type ipv4_addr; flags interval{flags}; elements = {{ 198.51.100.16/28, 192.168.1.50{timeout}, 203.0.113.64-203.0.113.70 }} }}"
            );
        }
        if v6 {
            self.text.push_str(
                " set some6 { type ipv6_addr; flags interval; elements = { 2001:db8:ffff::/64, 2001:db8:0:2::50 } }\n",
            );
        }
        let dynamic = v4 && self.random.one_in(6);
        if dynamic {
            self.text
                .push_str(" set seen { type ipv4_addr; flags dynamic,timeout; timeout 1m; size 1000; }\n");
        }
        for name in ["sub1", "sub2"] {
            let _ = writeln!(self.text, " chain {name} {{");
            for _ in 0..self.random.below(4) {
                let rule = self.any(Hook::None, v4, v6, false);
                self.rule(&rule);
            }
            self.text.push_str(" }\n");
        }
        if self.random.one_in(4) {
            let policy = if self.random.one_in(5) { "drop" } else { "accept" };
            let _ = writeln!(
                self.text,
                " chain raw {{ type filter hook prerouting priority raw; policy {policy};"
            );
            if policy == "drop" {
                self.rule(if v6 && !v4 {
                    "meta l4proto { tcp, ipv6-icmp } accept"
                } else {
                    "meta l4proto { tcp, icmp, ipv6-icmp } accept"
                });
            }
            for _ in 0..1 + self.random.below(3) {
                let rule = self.any(Hook::Prerouting, v4, v6, false);
                self.rule(&rule);
            }
            self.text.push_str(" }\n");
        }
        for (hook, name, chance) in
            [(Hook::Input, "input", 1), (Hook::Forward, "forward", 1), (Hook::Output, "output", 3)]
        {
            if !self.random.one_in(chance) {
                continue;
            }
            let chains = if self.random.one_in(4) { 2 } else { 1 };
            for copy in 0..chains {
                let policy =
                    if hook == Hook::Output && !self.random.one_in(3) { "accept" } else { self.policy() };
                let _ = writeln!(
                    self.text,
                    " chain {name}{copy} {{ type filter hook {name} priority {}; policy {policy};",
                    copy * 10
                );
                self.chain(hook, v4, v6, dynamic);
                self.text.push_str(" }\n");
            }
        }
        self.text.push_str("}\n");
    }

    fn chain(&mut self, hook: Hook, v4: bool, v6: bool, dynamic: bool) {
        if !self.random.one_in(8) {
            match self.random.below(3) {
                0 => self.rule("ct state vmap { established : accept, related : accept, invalid : drop }"),
                _ => self.rule("ct state established,related accept"),
            }
        }
        if v6 && hook != Hook::Forward && !self.random.one_in(12) {
            self.rule("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept");
        }
        if hook == Hook::Input && self.random.one_in(2) {
            self.rule("iifname \"lo\" accept");
        }
        for _ in 0..2 + self.random.below(6) {
            let rule = self.any(hook, v4, v6, dynamic);
            self.rule(&rule);
        }
        if self.random.one_in(5) {
            self.rule("counter drop");
        }
    }

    /// A rule with matches and something to do.
    fn any(&mut self, hook: Hook, v4: bool, v6: bool, dynamic: bool) -> String {
        let mut parts = Vec::new();
        let mut protocols = Protocols { v4, v6, above: None };
        for _ in 0..self.random.below(3) {
            parts.push(self.matched(hook, &mut protocols));
        }
        if self.random.one_in(3) {
            parts.extend(self.looked_at(hook, &mut protocols));
        }
        if dynamic && protocols.v4 && self.random.one_in(5) {
            self.remembers = true;
            protocols.v6 = false;
            parts.push(match self.random.below(3) {
                0 => "ct state new add @seen { ip saddr }".into(),
                1 => "ip saddr @seen".into(),
                _ => "ct state new update @seen { ip saddr limit rate over 2/hour burst 3 packets }".into(),
            });
        }
        let early = hook == Hook::Prerouting;
        if !early && self.random.one_in(14) {
            self.remembers = true;
            let limits = [
                "ct state new limit rate 2/hour burst 2 packets",
                "ct state new limit rate over 2/hour burst 3 packets",
            ];
            parts.push((*self.random.pick(&limits)).into());
        }
        let jumps = !early && hook != Hook::None;
        if self.random.one_in(6) {
            parts.push(self.done(hook, &protocols));
            return parts.join(" ");
        }
        let does = match self.random.below(20) {
            0..7 => "accept",
            7..11 => "drop",
            11 if !early => "reject",
            12 if !early && protocols.above.is_none_or(|above| above == "tcp") => {
                parts.push("meta l4proto tcp".into());
                "reject with tcp reset"
            }
            13 if !early && protocols.v4 && protocols.v6 => "reject with icmpx admin-prohibited",
            14 if !early && protocols.v4 && !v6 => "reject with icmp host-unreachable",
            14 if !early && protocols.v4 => {
                parts.push("meta nfproto ipv4".into());
                "reject with icmp host-unreachable"
            }
            15 if jumps => "jump sub1",
            16 if jumps => "goto sub2",
            17 => "meta mark set 1",
            18 => "counter",
            19 if jumps && protocols.above.is_none() => {
                let (first, second) = (self.number + 1, self.number + 2);
                self.number += 2;
                return format!(
                    "{} jump {{\n   tcp dport {{ 22, 80 }} accept comment \"r{first}\"\n   udp dport 53 drop comment \"r{second}\"\n  }}",
                    parts.join(" ")
                );
            }
            _ => "accept",
        };
        parts.push(does.into());
        parts.join(" ")
    }

    fn matched(&mut self, hook: Hook, protocols: &mut Protocols) -> String {
        let link = self.random.pick(self.links).name;
        let ports = || -> String { PORTS.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") };
        let port = *self.random.pick(&PORTS);
        let Protocols { v4, v6, above } = *protocols;
        let may = |wanted: &str| above.is_none_or(|above| above == wanted);
        let kind = self.random.below(14);
        match kind {
            2 | 3 | 12 => protocols.v6 &= !v4,
            4 | 5 | 13 => protocols.v4 &= !v6,
            _ => {}
        }
        let mut only = |name: &'static str| protocols.above = Some(name);
        match kind {
            0 if hook != Hook::Output && hook != Hook::None => format!("iifname \"{link}\""),
            1 if matches!(hook, Hook::Forward | Hook::Output) => format!("oifname \"{link}\""),
            2 if v4 => format!(
                "ip saddr {}",
                self.random.pick(&[
                    "192.168.1.0/24",
                    "198.51.100.0/24",
                    "203.0.113.66",
                    "@some4",
                    "{ 192.168.1.10, 198.51.100.9 }"
                ])
            ),
            3 if v4 => format!(
                "ip daddr {}",
                self.random.pick(&["192.168.1.10", "198.51.100.7", "203.0.113.2", "10.1.0.0/16", "@some4"])
            ),
            4 if v6 => {
                format!(
                    "ip6 saddr {}",
                    self.random.pick(&["2001:db8:0:2::/64", "2001:db8:ffff::9", "@some6"])
                )
            }
            5 if v6 => {
                format!("ip6 daddr {}", self.random.pick(&["2001:db8:0:2::10", "2001:db8:0:1::2", "@some6"]))
            }
            6 if may("tcp") => {
                only("tcp");
                format!("tcp dport {port}")
            }
            7 if may("udp") => {
                only("udp");
                format!("udp dport {port}")
            }
            8 if may("tcp") => {
                only("tcp");
                format!("tcp dport {{ {} }}", ports())
            }
            9 if above.is_none() => {
                only("none");
                format!("meta l4proto {{ tcp, udp }} th dport {}-{}", port, port.saturating_add(100))
            }
            10 => "ct state new".into(),
            11 if above.is_none() => {
                only("none");
                "meta l4proto { tcp, udp }".into()
            }
            12 if v4 && above.is_none() => {
                only("icmp");
                "icmp type echo-request".into()
            }
            13 if v6 && above.is_none() => {
                only("icmpv6");
                "icmpv6 type echo-request".into()
            }
            _ if may("tcp") => {
                only("tcp");
                format!("tcp dport != {port}")
            }
            _ => "ct state new".into(),
        }
    }

    fn nat(&mut self) {
        self.text.push_str(
            "table ip nat {\n chain pre { type nat hook prerouting priority dstnat; policy accept;\n",
        );
        for _ in 0..1 + self.random.below(2) {
            let port = *self.random.pick(&PORTS);
            let protocol = *self.random.pick(&["tcp", "udp"]);
            let to = *self.random.pick(&["192.168.1.10", "192.168.1.10:8080", "192.168.1.50:443"]);
            let what = match self.random.below(5) {
                0 => format!("redirect to :{}", self.random.pick(&PORTS)),
                _ => format!("dnat to {to}"),
            };
            self.rule(&format!("ip daddr 203.0.113.2 {protocol} dport {port} {what}"));
        }
        self.text.push_str(" }\n chain post { type nat hook postrouting priority srcnat; policy accept;\n");
        match self.random.below(5) {
            0 => {}
            1 => self.rule("oifname \"wan\" snat to 203.0.113.2"),
            // an address of the network that is nobody's
            2 => self.rule("oifname \"wan\" ip saddr 192.168.1.0/24 snat to 203.0.113.50"),
            _ => self.rule("oifname { \"wan\", \"wan2\" } masquerade"),
        }
        self.text.push_str(" }\n}\n");
    }

    fn bridge(&mut self) {
        self.text.push_str("table bridge b {\n");
        let policy = self.policy();
        let hook = *self.random.pick(&["forward", "forward", "input", "output"]);
        let _ = writeln!(self.text, " chain f {{ type filter hook {hook} priority 0; policy {policy};");
        if policy == "drop" {
            self.rule("ether type arp accept");
            self.rule("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept");
        }
        for _ in 0..2 {
            let port = *self.random.pick(&PORTS);
            let rule = match self.random.below(6) {
                0 => format!("tcp dport {port} drop"),
                4 => format!("meta protocol ip tcp dport {port} accept"),
                5 => format!("meta pkttype host udp dport {port} drop"),
                1 => format!("udp dport {port} accept"),
                2 => format!("ip saddr 192.168.1.50 udp dport {port} drop"),
                _ => format!("tcp dport {port} accept"),
            };
            self.rule(&rule);
        }
        self.text.push_str(" }\n}\n");
    }

    fn ingress(&mut self) {
        let link = *self.random.pick(
            &self.links.iter().filter(|link| link.ports.is_empty()).map(|link| link.name).collect::<Vec<_>>(),
        );
        let _ = writeln!(
            self.text,
            "table netdev n {{\n chain i {{ type filter hook ingress device \"{link}\" priority 0; policy accept;"
        );
        let port = *self.random.pick(&PORTS);
        let rule = match self.random.below(3) {
            0 => format!("tcp dport {port} drop"),
            1 => "ip saddr 198.51.100.0/28 drop".into(),
            _ => format!("udp dport {port} drop"),
        };
        self.rule(&rule);
        self.text.push_str(" }\n}\n");
    }

    fn arp(&mut self) {
        self.text.push_str("table arp a {\n chain i { type filter hook input priority 0; policy accept;\n");
        let rule = match self.random.below(2) {
            0 => "arp saddr ip 192.168.1.50 drop",
            _ => "arp operation request arp daddr ip 203.0.113.2 drop",
        };
        self.rule(rule);
        self.text.push_str(" }\n}\n");
    }
}
