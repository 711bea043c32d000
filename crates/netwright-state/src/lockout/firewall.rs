//! Whether a ruleset drops a packet whatever else there may be.

use std::cell::Cell;
use std::net::IpAddr;

use netwright_netfilter::Family;
use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_nft::ir::{
    Chain, ChainTarget, Element, Expression, Match, MatchOperator, PayloadLocation, Rule, Selector, Set,
    SetReference, Statement, Value, Verdict,
};
use netwright_route::Link;
use netwright_wire::text;

use super::Connection;
use crate::ruleset::{Ruleset, Table};
use crate::snapshot::Snapshot;

/// How deep chains call each other: the kernel's own bound.
const DEPTH: usize = 16;

/// Hooks of the families that see packets of IP (`NF_INET_*`, and of `inet` the one at the device).
const PREROUTING: u32 = 0;
const INPUT: u32 = 1;
const OUTPUT: u32 = 3;
const POSTROUTING: u32 = 4;
const INET_INGRESS: u32 = 5;
/// Hooks of `netdev` (`NF_NETDEV_*`).
const DEVICE_INGRESS: u32 = 0;
const DEVICE_EGRESS: u32 = 1;

/// What `fib daddr type` asks (`NFTA_FIB_F_DADDR`), and `local` (`RTN_LOCAL`).
const FIB_DESTINATION: u32 = 2;
const LOCAL: u128 = 2;

/// What a packet is known to be.
struct Packet<'a> {
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    link: &'a Link,
    incoming: bool,
    /// Of the connection; `None` where it is not looked up yet.
    state: Option<u128>,
    reply: bool,
}

const ESTABLISHED: u128 = 2;
const NEW: u128 = 8;
const UNTRACKED: u128 = 64;

/// A table with it has no effect (`NFT_TABLE_F_DORMANT`).
const DORMANT: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Unknown,
}

impl Truth {
    fn of(is: bool) -> Self {
        if is { Truth::Yes } else { Truth::No }
    }

    fn not(self) -> Self {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

/// How a packet may leave a chain.
#[derive(Default)]
struct Ways<'a> {
    /// Accepted, or nobody knows what.
    passes: bool,
    /// Dropped, by this rule.
    drops: Option<(&'a str, Option<usize>)>,
    /// Comes to the chain's end, or returns.
    through: bool,
}

/// What is known of a value.
enum Known<'a> {
    Number(u128),
    Name(&'a str),
}

/// What is dropped of a connection: what there is of it (an error), and a new one like it (a warning).
pub(super) fn dropped(
    ruleset: &Ruleset,
    connection: &Connection,
    link: &Link,
    before: &Snapshot,
) -> Vec<Diagnostic> {
    let (client, server) = (connection.client, connection.server);
    let local = before.addresses.iter().any(|address| address.address == client.ip());
    if local {
        return Vec::new();
    }
    let ends = ((client.ip(), client.port()), (server.ip(), server.port()));
    let packet = |incoming: bool, state: u128| Packet {
        source: if incoming { ends.0 } else { ends.1 },
        destination: if incoming { ends.1 } else { ends.0 },
        link,
        incoming,
        state: Some(state),
        reply: !incoming,
    };
    for incoming in [true, false] {
        if let Some((table, chain, rule)) = drop_of(ruleset, &packet(incoming, ESTABLISHED)) {
            let (from, to) = if incoming { ("from", client) } else { ("to", client) };
            let what = format!("packets of your connection {from} {to} would be dropped");
            return vec![told(
                table,
                chain,
                rule,
                Diagnostic::error,
                &format!("this would lock you out: {what}"),
            )];
        }
    }
    let new = drop_of(ruleset, &packet(true, NEW));
    let what = format!("a new connection from {} to port {} would be dropped", client.ip(), server.port());
    new.into_iter().map(|(table, chain, rule)| told(table, chain, rule, Diagnostic::warning, &what)).collect()
}

fn told(
    table: &Table,
    chain: &str,
    rule: Option<usize>,
    severity: impl Fn(Span, String) -> Diagnostic,
    what: &str,
) -> Diagnostic {
    let place = rule.and_then(|index| table.rule_places.of(chain, index).rule).or(table.place);
    let by = match rule {
        Some(index) => format!("rule {} of chain {chain} in table {}", index + 1, table.name()),
        None => format!("the policy of chain {chain} in table {}", table.name()),
    };
    let mut diagnostic = severity(place.unwrap_or_default(), format!("{what} by {by}"));
    if place.is_none() {
        diagnostic.labels.clear();
    }
    diagnostic
}

/// A chain that a packet comes through.
struct Passage<'a> {
    /// Where on its way, counted up.
    stage: u8,
    priority: i32,
    /// Before the kernel looks up its connection.
    early: bool,
    table: &'a Table,
    chain: &'a Chain,
}

/// The chains that a packet comes through, in its order.
fn passages<'a>(ruleset: &'a Ruleset, packet: &Packet<'_>) -> Vec<Passage<'a>> {
    const TRACKING: i32 = -200;
    let mut found = Vec::new();
    for table in ruleset.tables.iter().filter(|table| table.table.flags & DORMANT == 0) {
        for chain in &table.chains {
            let Some(hook) = chain.hook.as_ref() else { continue };
            let (family, number) = (table.table.family, hook.hook.number);
            let at_device = hook.devices.contains(&packet.link.name);
            let foreign = if packet.source.0.is_ipv6() { Family::IPV4 } else { Family::IPV6 };
            let stage = match (family, packet.incoming, number) {
                (Family::NETDEV, true, DEVICE_INGRESS) if at_device => 0,
                (Family::NETDEV, false, DEVICE_EGRESS) if at_device => 3,
                (Family::INET, true, INET_INGRESS) if at_device => 0,
                (Family::INET | Family::IPV4 | Family::IPV6, true, PREROUTING)
                | (Family::INET | Family::IPV4 | Family::IPV6, false, OUTPUT)
                    if family != foreign =>
                {
                    1
                }
                (Family::INET | Family::IPV4 | Family::IPV6, true, INPUT)
                | (Family::INET | Family::IPV4 | Family::IPV6, false, POSTROUTING)
                    if family != foreign =>
                {
                    2
                }
                _ => continue,
            };
            let priority = hook.hook.priority;
            // what the connection is told of at the device depends on more than is known here
            let early = stage == 0 || family == Family::NETDEV || priority <= TRACKING;
            found.push(Passage { stage, priority, early, table, chain });
        }
    }
    found.sort_by_key(|passage| (passage.stage, passage.priority));
    found
}

/// The rule, or the policy, that drops a packet for certain.
fn drop_of<'a>(ruleset: &'a Ruleset, packet: &Packet<'_>) -> Option<(&'a Table, &'a str, Option<usize>)> {
    let mut state = packet.state;
    for Passage { early, table, chain, .. } in passages(ruleset, packet) {
        let known = Packet { state: state.filter(|_| !early), ..*packet };
        let trial = Trial { table, packet: &known, untracked: Cell::new(Truth::No) };
        let ways = trial.base(chain);
        if let (false, false, Some((chain, rule))) = (ways.passes, ways.through, ways.drops) {
            return Some((table, chain, rule));
        }
        match trial.untracked.get() {
            Truth::Yes if early => state = Some(UNTRACKED),
            Truth::Unknown if early => state = None,
            _ => {}
        }
    }
    None
}

struct Trial<'a, 'b> {
    table: &'a Table,
    packet: &'b Packet<'b>,
    /// Whether it is left out of the tracking of connections.
    untracked: Cell<Truth>,
}

impl<'a> Trial<'a, '_> {
    fn base(&self, chain: &'a Chain) -> Ways<'a> {
        let mut ways = self.chain(chain, 0);
        if std::mem::take(&mut ways.through) {
            match chain.policy {
                Some(Verdict::Drop) => ways.drops = ways.drops.or(Some((&chain.name, None))),
                _ => ways.passes = true,
            }
        }
        ways
    }

    fn named(&self, name: &str, depth: usize) -> Ways<'a> {
        match self.table.chains.iter().find(|chain| chain.name == name) {
            Some(chain) if depth < DEPTH => self.chain(chain, depth),
            _ => Ways { passes: true, ..Ways::default() },
        }
    }

    fn chain(&self, chain: &'a Chain, depth: usize) -> Ways<'a> {
        self.rules(&chain.name, &chain.rules, depth)
    }

    fn rules(&self, name: &'a str, rules: &'a [Rule], depth: usize) -> Ways<'a> {
        let mut ways = Ways::default();
        for (index, rule) in rules.iter().enumerate() {
            if self.rule((name, index), rule, depth, &mut ways) {
                return ways;
            }
        }
        ways.through = true;
        ways
    }

    /// Whether no packet comes past it.
    fn rule(&self, place: (&'a str, usize), rule: &'a Rule, depth: usize, ways: &mut Ways<'a>) -> bool {
        let mut certain = true;
        for statement in &rule.statements {
            let (truth, ends) = match statement {
                Statement::Match(condition) => (self.holds(condition), false),
                Statement::Limit(_)
                | Statement::Quota(_)
                | Statement::ConnectionLimit { .. }
                | Statement::Object(..)
                | Statement::SetUpdate(_)
                | Statement::Synproxy(_) => (Truth::Unknown, false),
                Statement::Verdict(verdict) => (Truth::Yes, self.verdict(place, verdict, depth, ways)),
                Statement::VerdictMap(key, map) => {
                    (Truth::Yes, self.verdict_map(place, key, map, depth, ways))
                }
                Statement::Reject(_) => {
                    ways.drops = ways.drops.or(Some((place.0, Some(place.1))));
                    (Truth::Yes, true)
                }
                Statement::Nat(_)
                | Statement::Tproxy(_)
                | Statement::Queue(_)
                | Statement::Forward(_)
                | Statement::Extension(_)
                | Statement::Raw(_) => {
                    ways.passes = true;
                    (Truth::Unknown, false)
                }
                Statement::Notrack => {
                    let all = certain && depth == 0 && !ways.passes && ways.drops.is_none();
                    if self.untracked.get() != Truth::Yes {
                        self.untracked.set(if all { Truth::Yes } else { Truth::Unknown });
                    }
                    (Truth::Yes, false)
                }
                Statement::Counter(_)
                | Statement::Last(_)
                | Statement::Log(_)
                | Statement::Duplicate(_)
                | Statement::FlowAdd(_)
                | Statement::Assign(..)
                | Statement::ResetTcpOption(_) => (Truth::Yes, false),
            };
            match truth {
                Truth::No => return false,
                Truth::Unknown => certain = false,
                Truth::Yes => {}
            }
            if ends {
                return certain;
            }
        }
        false
    }

    /// Whether it ends the way through the chain.
    fn verdict(
        &self,
        place: (&'a str, usize),
        verdict: &'a Verdict,
        depth: usize,
        ways: &mut Ways<'a>,
    ) -> bool {
        match verdict {
            Verdict::Accept | Verdict::Other(_) => ways.passes = true,
            Verdict::Drop => ways.drops = ways.drops.or(Some((place.0, Some(place.1)))),
            Verdict::Continue => return false,
            Verdict::Return => ways.through = true,
            Verdict::Jump(target) | Verdict::Goto(target) => {
                let inner = match target {
                    ChainTarget::Named(name) => self.named(name, depth + 1),
                    ChainTarget::Anonymous(rules) => self.rules(place.0, rules, depth + 1),
                };
                ways.passes |= inner.passes;
                ways.drops = ways.drops.or(inner.drops);
                if matches!(verdict, Verdict::Jump(_)) {
                    return !inner.through;
                }
                ways.through |= inner.through;
            }
        }
        true
    }

    fn verdict_map(
        &self,
        place: (&'a str, usize),
        key: &'a Expression,
        map: &'a SetReference,
        depth: usize,
        ways: &mut Ways<'a>,
    ) -> bool {
        let (elements, fixed) = self.elements(map);
        for element in elements {
            let Some(Expression::Verdict(verdict)) = &element.data else { continue };
            let truth = element.key.as_ref().map_or(Truth::Yes, |wanted| self.is(key, wanted));
            if truth == Truth::No {
                continue;
            }
            let ends = self.verdict(place, verdict, depth, ways);
            if truth == Truth::Yes && fixed {
                return ends;
            }
        }
        if !fixed {
            ways.passes = true;
        }
        false
    }

    /// The elements of a set, and whether packets and programs leave them as they are.
    fn elements(&self, set: &'a SetReference) -> (&'a [Element], bool) {
        match set {
            SetReference::Anonymous(elements) => (elements, true),
            SetReference::Named(name) => {
                let found: Option<&Set> = self.table.sets.iter().find(|set| set.name == *name);
                let fixed = found.is_some_and(|set| {
                    use netwright_netfilter::SetFlags;
                    set.timeout.is_none() && set.flags & (SetFlags::EVAL | SetFlags::TIMEOUT).bits() == 0
                });
                (found.map_or(&[], |set| set.elements.as_slice()), fixed)
            }
        }
    }

    fn holds(&self, condition: &Match) -> Truth {
        if self.never(&condition.left) {
            return Truth::No;
        }
        match condition.operator {
            MatchOperator::Implicit | MatchOperator::Equal => self.is(&condition.left, &condition.right),
            MatchOperator::NotEqual | MatchOperator::NoneOf => {
                self.is(&condition.left, &condition.right).not()
            }
            operator => {
                let (Some(Known::Number(is)), Expression::Value(bound)) =
                    (self.value(&condition.left), &condition.right)
                else {
                    return Truth::Unknown;
                };
                let Some(bound) = bound.as_number() else { return Truth::Unknown };
                Truth::of(match operator {
                    MatchOperator::Less => is < bound,
                    MatchOperator::LessOrEqual => is <= bound,
                    MatchOperator::Greater => is > bound,
                    _ => is >= bound,
                })
            }
        }
    }

    /// Whether a packet of TCP in this family has no such field.
    fn never(&self, left: &Expression) -> bool {
        match left {
            Expression::Concatenation(parts) => parts.iter().any(|part| self.never(part)),
            Expression::Binary(_, left, _) => self.never(left),
            Expression::Selector(Selector::Payload(payload)) => match payload.location {
                PayloadLocation::Field(header, _) => match header.name {
                    "ip" => self.packet.source.0.is_ipv6(),
                    "ip6" => self.packet.source.0.is_ipv4(),
                    "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmpv6" | "igmp" | "arp" | "ah"
                    | "esp" | "comp" => payload.inner.is_none(),
                    _ => false,
                },
                PayloadLocation::Raw { .. } => false,
            },
            _ => false,
        }
    }

    fn is(&self, left: &Expression, right: &Expression) -> Truth {
        match right {
            Expression::Set(set) => {
                let (elements, fixed) = self.elements(set);
                let truths = elements.iter().map(|element| match &element.key {
                    Some(key) => self.is(left, key),
                    None => Truth::Yes,
                });
                let found = any(truths);
                if fixed || found == Truth::Yes && !matches!(set, SetReference::Named(_)) {
                    found
                } else {
                    Truth::Unknown
                }
            }
            Expression::Concatenation(wanted) => {
                let Expression::Concatenation(parts) = left else { return Truth::Unknown };
                let truths = parts.iter().zip(wanted).map(|(part, wanted)| self.is(part, wanted).not());
                any(truths).not()
            }
            _ => self.value(left).map_or(Truth::Unknown, |known| equal(&known, right)),
        }
    }

    fn value(&self, left: &Expression) -> Option<Known<'_>> {
        let Expression::Selector(selector) = left else { return None };
        let Packet { source, destination, link, incoming, state, reply } = *self.packet;
        let address = |address: IpAddr| match address {
            IpAddr::V4(four) => u128::from(four.to_bits()),
            IpAddr::V6(six) => six.to_bits(),
        };
        let number = |number: u128| Some(Known::Number(number));
        match selector {
            Selector::Payload(payload) if payload.inner.is_none() => match payload.location {
                PayloadLocation::Field(header, field) => match (header.name, field.name) {
                    ("ip" | "ip6", "saddr") => number(address(source.0)),
                    ("ip" | "ip6", "daddr") => number(address(destination.0)),
                    ("ip", "version") => number(4),
                    ("ip6", "version") => number(6),
                    ("ip", "protocol") | ("ip6", "nexthdr") => number(6),
                    ("tcp" | "th", "sport") => number(source.1.into()),
                    ("tcp" | "th", "dport") => number(destination.1.into()),
                    _ => None,
                },
                PayloadLocation::Raw { .. } => None,
            },
            Selector::Meta(key) => match key.name {
                "l4proto" => number(6),
                "nfproto" => number(if source.0.is_ipv6() { 10 } else { 2 }),
                "protocol" => number(if source.0.is_ipv6() { 0x86DD } else { 0x0800 }),
                "iif" if incoming => number(link.index.into()),
                "oif" if !incoming => number(link.index.into()),
                "iifname" if incoming => Some(Known::Name(&link.name)),
                "oifname" if !incoming => Some(Known::Name(&link.name)),
                _ => None,
            },
            // the address that it goes to is this host's
            Selector::Fib(fib) if incoming && fib.flags == FIB_DESTINATION && fib.key.name == "type" => {
                number(LOCAL)
            }
            Selector::Ct(selector) if selector.direction.is_none() => match selector.key.name {
                "state" => state.map(Known::Number),
                "direction" => state.map(|_| Known::Number(u128::from(reply))),
                _ => None,
            },
            _ => None,
        }
    }
}

fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut found = Truth::No;
    for truth in truths {
        match truth {
            Truth::Yes => return Truth::Yes,
            Truth::Unknown => found = Truth::Unknown,
            Truth::No => {}
        }
    }
    found
}

fn equal(known: &Known<'_>, right: &Expression) -> Truth {
    let text = |value: &Value| text::from_bytes(&value.bytes).trim_matches('\0').to_owned();
    match (known, right) {
        (Known::Name(name), Expression::Value(value)) => Truth::of(*name == text(value)),
        (Known::Name(name), Expression::Wildcard(value)) => Truth::of(name.starts_with(&text(value))),
        (Known::Number(is), Expression::Value(value)) => {
            value.as_number().map_or(Truth::Unknown, |wanted| Truth::of(*is == wanted))
        }
        (Known::Number(is), Expression::Range(from, to)) => match (from.as_number(), to.as_number()) {
            (Some(from), Some(to)) => Truth::of((from..=to).contains(is)),
            _ => Truth::Unknown,
        },
        (Known::Number(is), Expression::Prefix(value, length)) => {
            let Some(wanted) = value.as_number() else { return Truth::Unknown };
            let away = value.bits.saturating_sub(*length);
            let part = |number: u128| number.checked_shr(away).unwrap_or(0);
            Truth::of(part(*is) == part(wanted))
        }
        (Known::Number(is), Expression::Flags(flags)) => {
            let numbers = flags.iter().filter_map(Value::as_number);
            Truth::of(numbers.fold(0, |sum, flag| sum | flag) & is != 0)
        }
        _ => Truth::Unknown,
    }
}
