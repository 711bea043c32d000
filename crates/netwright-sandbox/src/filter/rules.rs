//! Rules of a policy as rules of the filter.

use crate::policy::address::with_forms;
use crate::policy::{NAME_SERVER_PORTS, Ports, Protocol, Rule, Target};

/// The longest comment that all kernels' listings show, in bytes.
const COMMENT: usize = 120;

impl Rule {
    /// Whether it covers many addresses outside without naming them.
    pub(super) fn is_wide(&self) -> bool {
        !self.is_specific() && self.target != Target::Host
    }
}

/// What an allow rule lets through.
pub(super) fn allowed(index: usize, rule: &Rule) -> Vec<String> {
    let places = match &rule.target {
        Target::Name(_) => vec![
            (true, format!("ip daddr @{}", super::text::name_set(index, true))),
            (false, format!("ip6 daddr @{}", super::text::name_set(index, false))),
        ],
        _ => places(rule, false),
    };
    lines(rule, places, false, "goto allowed")
}

/// What a deny rule refuses. Names are refused by the resolver.
pub(super) fn denied(rule: &Rule) -> Vec<String> {
    lines(rule, places(rule, true), true, "goto refused")
}

/// What rules for the host's loopback make of packets to the sandbox's own.
pub(super) fn host<'a>(rules: impl IntoIterator<Item = &'a Rule>, deny: bool, verdict: &str) -> Vec<String> {
    let rules = rules.into_iter().filter(|rule| rule.target == Target::Host);
    rules.flat_map(|rule| lines(rule, vec![(true, String::new())], deny, verdict)).collect()
}

/// An echo request of a family.
pub(super) fn echo(ipv4: bool) -> String {
    format!("{} type echo-request", if ipv4 { "icmp" } else { "icmpv6" })
}

fn lines(rule: &Rule, places: Vec<(bool, String)>, deny: bool, verdict: &str) -> Vec<String> {
    let comment: String = rule.to_string().chars().take(COMMENT).collect();
    let line = |(ipv4, place): &(bool, String)| {
        let words = [
            place.clone(),
            service(rule, deny, *ipv4)?,
            verdict.to_owned(),
            format!("comment \"{comment}\""),
        ];
        Some(words.iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" "))
    };
    places.iter().filter_map(line).collect()
}

/// The addresses of a target, by family.
fn places(rule: &Rule, deny: bool) -> Vec<(bool, String)> {
    let both = |ipv4: &str, ipv6: &str| vec![(true, ipv4.to_owned()), (false, ipv6.to_owned())];
    match rule.target {
        Target::Network(address, length) => {
            let forms = if deny { with_forms((address, length)) } else { vec![(address, length)] };
            let place = |(address, length): (std::net::IpAddr, u8)| match address.is_ipv4() {
                true => (true, format!("ip daddr {address}/{length}")),
                false => (false, format!("ip6 daddr {address}/{length}")),
            };
            forms.into_iter().map(place).collect()
        }
        Target::Any => both("meta nfproto ipv4", "meta nfproto ipv6"),
        Target::Internet => both(
            "ip daddr != @special_ipv4",
            "ip6 daddr { 2000::/3, 64:ff9b::/96 } ip6 daddr != @special_ipv6",
        ),
        Target::Lan => both("ip daddr @private_ipv4", "ip6 daddr @private_ipv6"),
        Target::Name(_) | Target::Host => Vec::new(),
    }
}

/// The protocol and ports of a rule; `None` where nothing is left of them.
fn service(rule: &Rule, deny: bool, ipv4: bool) -> Option<String> {
    let ports = ports(rule, deny)?;
    Some(match (rule.protocol, ports) {
        (Some(Protocol::Icmp), _) => echo(ipv4),
        (None, None) => String::new(),
        (Some(protocol), None) => format!("meta l4proto {protocol}"),
        (Some(protocol), Some(ports)) => format!("{protocol} dport {ports}"),
        (None, Some(ports)) => format!("meta l4proto {{ tcp, udp }} th dport {ports}"),
    })
}

/// What a port is compared with: nothing (inner `None`), or a set; `None` where no port is left.
fn ports(rule: &Rule, deny: bool) -> Option<Option<String>> {
    let [plain, tls] = NAME_SERVER_PORTS;
    match &rule.ports {
        Ports::All if deny => Some(None),
        Ports::All => Some(Some(format!("!= {{ {plain}, {tls} }}"))),
        Ports::Only(ranges) => {
            let keeps_out = if rule.is_word() && !deny { &NAME_SERVER_PORTS[..] } else { &[] };
            let ranges: Vec<String> = ranges
                .iter()
                .flat_map(|range| without(*range.start(), *range.end(), keeps_out))
                .map(
                    |(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") },
                )
                .collect();
            (!ranges.is_empty()).then(|| Some(format!("{{ {} }}", ranges.join(", "))))
        }
    }
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
