//! Rules of a policy as rules of the filter.

use super::text::name_set;
use crate::policy::address::{Prefix, with_forms};
use crate::policy::{LocalNetworks, NAME_SERVER_PORTS, Policy, Ports, Protocol, Rule, Target};

/// The longest comment that all kernels' listings show, in bytes.
const COMMENT: usize = 120;

/// The addresses of the loopback, by family.
pub(super) const LOOPBACK: [(bool, &str); 2] = [(true, "ip daddr 127.0.0.0/8"), (false, "ip6 daddr ::1")];

impl Rule {
    /// Whether it covers many addresses outside without naming them.
    pub(super) fn is_wide(&self) -> bool {
        !self.is_specific() && self.target != Target::Host
    }
}

/// What an allow rule lets through.
pub(super) fn allowed(rule: &Rule, local: &LocalNetworks) -> Vec<String> {
    lines(rule, places(rule, local, false), false, "goto allowed")
}

/// What so many allow rules with names let through, of which this is one; nothing for none. `number` is that of their sets.
pub(super) fn released(rule: &Rule, number: u32, count: usize) -> Vec<String> {
    let Some(others) = count.checked_sub(1) else { return Vec::new() };
    let places = vec![
        (true, format!("ip daddr @{}", name_set(number, true))),
        (false, format!("ip6 daddr @{}", name_set(number, false))),
    ];
    let comment = match others {
        0 => rule.to_string(),
        others => format!("{others} more and {rule}"),
    };
    lines_with(&comment, rule, places, false, "goto allowed")
}

/// What a deny rule refuses. Names are refused by the resolver.
pub(super) fn denied(rule: &Rule, local: &LocalNetworks) -> Vec<String> {
    lines(rule, places(rule, local, true), true, "goto refused")
}

/// What rules for the host's loopback make of packets to the sandbox's own. Its other addresses are not the host's.
pub(super) fn host<'a>(rules: impl IntoIterator<Item = &'a Rule>, deny: bool, verdict: &str) -> Vec<String> {
    let loopback = LOOPBACK.map(|(ipv4, place)| (ipv4, place.to_owned()));
    let rules = rules.into_iter().filter(|rule| rule.target == Target::Host);
    rules.flat_map(|rule| lines(rule, loopback.to_vec(), deny, verdict)).collect()
}

/// Name servers that rules name with their port: what is asked of them is led nowhere else.
pub(super) fn name_servers(policy: &Policy) -> Vec<String> {
    let [plain, _] = NAME_SERVER_PORTS;
    let names_port = |rule: &&Rule| match &rule.ports {
        Ports::Only(ranges) => ranges.iter().any(|range| range.contains(&plain)),
        Ports::All => false,
    };
    let named =
        policy.allow.iter().filter(|rule| matches!(rule.target, Target::Network(..))).filter(names_port);
    named.flat_map(|rule| lines(rule, places(rule, &policy.local, false), false, "accept")).collect()
}

/// An echo request of a family.
pub(super) fn echo(ipv4: bool) -> String {
    format!("{} type echo-request", if ipv4 { "icmp" } else { "icmpv6" })
}

fn lines(rule: &Rule, places: Vec<(bool, String)>, deny: bool, verdict: &str) -> Vec<String> {
    lines_with(&rule.to_string(), rule, places, deny, verdict)
}

fn lines_with(
    comment: &str,
    rule: &Rule,
    places: Vec<(bool, String)>,
    deny: bool,
    verdict: &str,
) -> Vec<String> {
    let comment: String = comment.chars().take(COMMENT).collect();
    let line = |(ipv4, place): &(bool, String)| {
        let services = services(rule, deny, *ipv4);
        let lines = services.into_iter().map(|service| {
            let words = [place.as_str(), &service, verdict, &format!("comment \"{comment}\"")];
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        });
        lines.collect::<Vec<_>>()
    };
    places.iter().flat_map(line).collect()
}

/// The addresses of a target, by family.
fn places(rule: &Rule, local: &LocalNetworks, deny: bool) -> Vec<(bool, String)> {
    let both = |ipv4: &str, ipv6: &str| vec![(true, ipv4.to_owned()), (false, ipv6.to_owned())];
    let prefix = |(address, length): Prefix| match address.is_ipv4() {
        true => (true, format!("ip daddr {address}/{length}")),
        false => (false, format!("ip6 daddr {address}/{length}")),
    };
    match rule.target {
        Target::Network(address, length) => {
            let forms = if deny { with_forms((address, length)) } else { vec![(address, length)] };
            forms.into_iter().map(prefix).collect()
        }
        Target::Any => both("meta nfproto ipv4", "meta nfproto ipv6"),
        Target::Internet => {
            // Single prefixes, and not sets: those of a policy change with the host's networks, and a set looks empty for a moment when it is made.
            let without = |ipv4: bool| -> String {
                let of_family = local.prefixes().into_iter().filter(|(address, _)| address.is_ipv4() == ipv4);
                let family = if ipv4 { "ip" } else { "ip6" };
                of_family.map(|(address, length)| format!(" {family} daddr != {address}/{length}")).collect()
            };
            both(
                &format!("ip daddr != @special_ipv4{}", without(true)),
                &format!(
                    "ip6 daddr {{ 2000::/3, 64:ff9b::/96, ::ffff:0:0:0/96 }} ip6 daddr != @special_ipv6{}",
                    without(false)
                ),
            )
        }
        Target::Lan => {
            let mut places = both("ip daddr @private_ipv4", "ip6 daddr @private_ipv6");
            places.extend(local.prefixes().into_iter().map(prefix));
            places
        }
        Target::Name(_) | Target::Host => Vec::new(),
    }
}

/// The protocols and ports of a rule, each as a match of its own.
fn services(rule: &Rule, deny: bool, ipv4: bool) -> Vec<String> {
    let service = |ports: Option<String>| match (rule.protocol, ports) {
        (None, None) => String::new(),
        (Some(protocol), None) => format!("meta l4proto {protocol}"),
        (Some(protocol), Some(ports)) => format!("{protocol} dport {ports}"),
        (None, Some(ports)) => format!("meta l4proto {{ tcp, udp }} th dport {ports}"),
    };
    match rule.protocol {
        Some(Protocol::Icmp) => vec![echo(ipv4)],
        _ => ports(rule, deny).into_iter().map(service).collect(),
    }
}

/// What a port is compared with: nothing, or what matches. Ranges stand alone: a set of them is one that can look empty to packets for a
/// moment, as those of prefixes.
fn ports(rule: &Rule, deny: bool) -> Vec<Option<String>> {
    let [plain, tls] = NAME_SERVER_PORTS;
    let ranges = match &rule.ports {
        Ports::All if deny => return vec![None],
        Ports::All => return vec![Some(format!("!= {{ {plain}, {tls} }}"))],
        Ports::Only(ranges) => ranges,
    };
    let keeps_out = if rule.is_word() && !deny { &NAME_SERVER_PORTS[..] } else { &[] };
    let ranges = ranges.iter().flat_map(|range| without(*range.start(), *range.end(), keeps_out));
    let (single, ranges): (Vec<_>, Vec<_>) = ranges.partition(|(first, last)| first == last);
    let single: Vec<String> = single.iter().map(|(port, _)| port.to_string()).collect();
    let set = match single.as_slice() {
        [] => None,
        [port] => Some(port.clone()),
        ports => Some(format!("{{ {} }}", ports.join(", "))),
    };
    set.into_iter().chain(ranges.iter().map(|(first, last)| format!("{first}-{last}"))).map(Some).collect()
}

/// A range without some ports, which are in ascending order.
fn without(first: u16, last: u16, ports: &[u16]) -> Vec<(u16, u16)> {
    let mut left = Vec::new();
    let mut next = Some(first);
    for &port in ports.iter().filter(|port| (first..=last).contains(*port)) {
        left.extend(next.and_then(|next| Some((next, port.checked_sub(1)?))));
        next = port.checked_add(1);
    }
    left.extend(next.map(|next| (next, last)));
    left.retain(|(first, last)| first <= last);
    left
}
