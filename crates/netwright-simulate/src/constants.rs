//! What a ruleset makes a difference of: the addresses, ports and protocols that it names, each with its neighbours on both
//! sides, so that a set or interval that is too wide or too narrow shows.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_nft::ir::{
    BinaryOperator, Element, Expression, Exthdr, Match, Payload, PayloadLocation, Selector, Set,
    SetReference, Statement, Value,
};
use netwright_nft::table::{DataType, ExtensionBase};
use netwright_state::Ruleset as Declared;

use crate::firewall::all_statements;
use crate::packet::protocol;
use crate::shape::Feature;
use crate::topology::plus;

/// What a ruleset names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Constants {
    /// Intervals of addresses.
    pub(crate) addresses: BTreeSet<(IpAddr, IpAddr)>,
    /// Intervals of addresses that sources are compared with, as far as that is written.
    pub(crate) sources: BTreeSet<(IpAddr, IpAddr)>,
    /// The same of destinations.
    pub(crate) destinations: BTreeSet<(IpAddr, IpAddr)>,
    /// Parts of addresses, each with the bits that are compared.
    pub(crate) masked: BTreeSet<Masked>,
    /// Intervals of ports.
    pub(crate) ports: BTreeSet<(u16, u16)>,
    /// Intervals of ports that source ports are compared with.
    pub(crate) source_ports: BTreeSet<(u16, u16)>,
    pub(crate) protocols: BTreeSet<u8>,
    /// Protocols besides TCP and UDP whose ports are compared with something.
    pub(crate) with_ports: BTreeSet<u8>,
    /// Whether a mark is compared with something.
    pub(crate) marks: bool,
    /// Types of ICMP, and of ICMPv6.
    pub(crate) icmp: [BTreeSet<u8>; 2],
    /// Codes of ICMP, and of ICMPv6.
    pub(crate) codes: [BTreeSet<u8>; 2],
    /// Flags of TCP.
    pub(crate) flags: BTreeSet<u8>,
    /// Hardware addresses.
    pub(crate) macs: BTreeSet<[u8; 6]>,
    /// What else of a packet's header is compared with something.
    pub(crate) features: BTreeSet<Feature>,
}

const IPV4_HEADER: u16 = 20;
const IPV6_HEADER: u16 = 40;
/// The longest packet that is sent in one piece, in bytes.
const LONGEST: u16 = 1500;

/// A part of an address that a source or destination is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Masked {
    pub(crate) source: bool,
    value: IpAddr,
    mask: IpAddr,
}

impl Masked {
    /// An address with the part, and for the rest that of another.
    pub(crate) fn in_place_of(self, other: IpAddr) -> Option<IpAddr> {
        match (self.value, self.mask, other) {
            (IpAddr::V4(value), IpAddr::V4(mask), IpAddr::V4(other)) => {
                Some((value & mask | other & !mask).into())
            }
            (IpAddr::V6(value), IpAddr::V6(mask), IpAddr::V6(other)) => {
                Some((value & mask | other & !mask).into())
            }
            _ => None,
        }
    }

    /// Whether an address has the part.
    pub(crate) fn is_in(self, address: IpAddr) -> bool {
        self.in_place_of(address) == Some(address)
    }
}

/// What a constant is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Source,
    Destination,
    Dscp,
    Ecn,
    Ttl,
    /// The length of a packet but for the headers before, of which it is one of these.
    Length(&'static [u16]),
    Unknown,
}

impl Constants {
    /// What a ruleset names.
    pub(crate) fn of(declared: &Declared) -> Self {
        let mut found = Constants::default();
        for table in &declared.tables {
            for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
                for statement in all_statements(rule) {
                    found.statement(statement, &[]);
                }
            }
            for element in table.sets.iter().flat_map(|set| &set.elements) {
                found.element(element, &[], &[]);
            }
        }
        found
    }

    /// The same with what another ruleset names.
    pub(crate) fn with(mut self, other: &Constants) -> Self {
        self.addresses.extend(&other.addresses);
        self.masked.extend(&other.masked);
        self.sources.extend(&other.sources);
        self.destinations.extend(&other.destinations);
        self.ports.extend(&other.ports);
        self.source_ports.extend(&other.source_ports);
        self.protocols.extend(&other.protocols);
        self.with_ports.extend(&other.with_ports);
        self.marks |= other.marks;
        self.icmp.iter_mut().zip(&other.icmp).for_each(|(own, other)| own.extend(other));
        self.codes.iter_mut().zip(&other.codes).for_each(|(own, other)| own.extend(other));
        self.flags.extend(&other.flags);
        self.macs.extend(&other.macs);
        self.features.extend(&other.features);
        self
    }

    /// Adds what a statement names, with the elements of these sets.
    pub(crate) fn statement(&mut self, statement: &Statement, sets: &[Set]) {
        if matches!(statement, Statement::Match(_) | Statement::VerdictMap(..)) {
            for selector in statement.selectors() {
                self.features.extend(headers(selector));
                self.with_ports.extend(with_ports(selector));
                self.marks |= is_mark(selector);
            }
        }
        match statement {
            Statement::Match(matched) => {
                if let Some(masked) = masked(matched) {
                    self.masked.insert(masked);
                    return self.expression(&matched.left, &[], sets);
                }
                let roles = roles(&matched.left);
                self.expression(&matched.right, &roles, sets);
                self.expression(&matched.left, &[], sets);
            }
            Statement::VerdictMap(key, map) => {
                let roles = roles(key);
                self.expression(key, &[], sets);
                self.set(map, &roles, sets);
            }
            Statement::Nat(nat) => {
                nat.address.iter().chain(&nat.port).for_each(|end| self.expression(end, &[], sets));
            }
            Statement::Tproxy(proxy) => {
                proxy.address.iter().chain(&proxy.port).for_each(|end| self.expression(end, &[], sets));
            }
            Statement::Assign(_, value) => self.expression(value, &[], sets),
            _ => {}
        }
    }

    fn set(&mut self, set: &SetReference, roles: &[Role], sets: &[Set]) {
        let elements = match set {
            SetReference::Anonymous(elements) => elements,
            SetReference::Named(name) => match sets.iter().find(|set| set.name == *name) {
                Some(set) => &set.elements,
                None => return,
            },
        };
        elements.iter().for_each(|element| self.element(element, roles, sets));
    }

    fn element(&mut self, element: &Element, roles: &[Role], sets: &[Set]) {
        if let Some(key) = &element.key {
            self.expression(key, roles, sets);
        }
        if let Some(data) = &element.data {
            self.expression(data, &[], sets);
        }
    }

    /// `roles` are those of the parts that a value is compared with.
    fn expression(&mut self, expression: &Expression, roles: &[Role], sets: &[Set]) {
        let role = roles.first().copied().unwrap_or(Role::Unknown);
        match expression {
            Expression::Value(value) => self.interval(value, value, role),
            Expression::Range(first, last) => self.interval(first, last, role),
            Expression::Prefix(value, length) => {
                if let Some(last) = last_of(value, *length) {
                    self.interval(value, &last, role);
                }
            }
            Expression::Flags(values) => {
                values.iter().for_each(|value| self.interval(value, value, role));
                let flags = values.iter().filter(|value| value.data_type == DataType::TCP_FLAG);
                self.flags.insert(flags.filter_map(byte).fold(0, |all, flag| all | flag));
            }
            Expression::Concatenation(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    self.expression(part, roles.get(index..=index).unwrap_or_default(), sets);
                }
            }
            Expression::Set(set) => self.set(set, roles, sets),
            Expression::Map(key, map) => {
                let roles = self::roles(key);
                self.expression(key, &[], sets);
                self.set(map, &roles, sets);
            }
            Expression::Binary(_, left, right) => {
                self.expression(left, roles, sets);
                self.expression(right, roles, sets);
            }
            Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Selector(_)
            | Expression::Exists(_) => {}
        }
    }

    fn interval(&mut self, first: &Value, last: &Value, role: Role) {
        self.shape(first, last, role);
        match first.data_type {
            DataType::IPV4_ADDR | DataType::IPV6_ADDR => {
                if let (Some(first), Some(last)) = (address(first), address(last)) {
                    self.addresses.insert((first, last));
                    if role != Role::Destination {
                        self.sources.insert((first, last));
                    }
                    if role != Role::Source {
                        self.destinations.insert((first, last));
                    }
                }
            }
            DataType::INET_SERVICE => {
                if let (Some(first), Some(last)) = (small(first), small(last)) {
                    self.ports.insert((first, last));
                    if role == Role::Source {
                        self.source_ports.insert((first, last));
                    }
                }
            }
            DataType::INET_PROTO => {
                let numbers = [first, last].into_iter().filter_map(byte);
                self.with_ports.extend(numbers.clone().filter(|number| is_rare_with_ports(*number)));
                self.protocols.extend(numbers);
            }
            DataType::ICMP_TYPE => self.icmp[0].extend([first, last].into_iter().filter_map(byte)),
            DataType::ICMPV6_TYPE => self.icmp[1].extend([first, last].into_iter().filter_map(byte)),
            DataType::ICMP_CODE => self.codes[0].extend([first, last].into_iter().filter_map(byte)),
            DataType::ICMPV6_CODE => self.codes[1].extend([first, last].into_iter().filter_map(byte)),
            DataType::TCP_FLAG => self.flags.extend([first, last].into_iter().filter_map(byte)),
            DataType::ETHER_ADDR => {
                self.macs.extend(
                    [first, last].into_iter().filter_map(|mac| <[u8; 6]>::try_from(&*mac.bytes).ok()),
                );
            }
            _ => {}
        }
    }

    /// Notes what a part of a header is compared with: the ends of an interval, and what is just outside.
    fn shape(&mut self, first: &Value, last: &Value, role: Role) {
        let ends = [first, last].into_iter().filter_map(small);
        let near = ends.flat_map(|end| [end.saturating_sub(1), end, end.saturating_add(1)]);
        let up_to =
            |most: u8| near.clone().filter_map(move |of| u8::try_from(of).ok().filter(|of| *of <= most));
        let role = if first.data_type == DataType::DSCP { Role::Dscp } else { role };
        match role {
            Role::Dscp => self.features.extend(up_to(0x3f).filter(|dscp| *dscp != 0).map(Feature::Dscp)),
            Role::Ecn => self.features.extend(up_to(3).filter(|ecn| *ecn != 0).map(Feature::Ecn)),
            Role::Ttl => self.features.extend(up_to(u8::MAX).filter(|ttl| *ttl != 0).map(Feature::Ttl)),
            Role::Length(headers) => {
                let whole = |length: u16| headers.iter().map(move |header| length.saturating_add(*header));
                self.features
                    .extend(near.flat_map(whole).filter(|length| *length <= LONGEST).map(Feature::Length));
            }
            Role::Source | Role::Destination | Role::Unknown => {}
        }
    }

    /// Addresses at which the ruleset may change its mind: the ends of all intervals, and who is just outside.
    pub(crate) fn address_bounds(&self, ipv4: bool) -> BTreeSet<IpAddr> {
        let fits = self.addresses.iter().filter(|(first, _)| first.is_ipv4() == ipv4);
        let all = fits.flat_map(|&(first, last)| [plus(first, u128::MAX), first, last, plus(last, 1)]);
        all.filter(|address| is_usable(*address)).collect()
    }
}

/// Whether somebody can have an address.
pub(crate) fn is_usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            first != 0 && first != 127 && first < 224
        }
        IpAddr::V6(v6) => {
            !v6.is_multicast() && !v6.is_loopback() && !v6.is_unspecified() && v6.to_ipv4_mapped().is_none()
        }
    }
}

/// The part of an address that a match is about.
fn masked(matched: &Match) -> Option<Masked> {
    let Expression::Binary(BinaryOperator::And, left, mask) = &matched.left else { return None };
    let (Expression::Selector(selector), Expression::Value(mask), Expression::Value(value)) =
        (&**left, &**mask, &matched.right)
    else {
        return None;
    };
    let source = match role(selector) {
        Role::Source => true,
        Role::Destination => false,
        _ => return None,
    };
    Some(Masked { source, value: address(value)?, mask: address(mask)? })
}

/// What the parts of an expression say of a packet.
fn roles(expression: &Expression) -> Vec<Role> {
    match expression {
        Expression::Selector(selector) => vec![role(selector)],
        Expression::Concatenation(parts) => parts.iter().flat_map(roles).collect(),
        Expression::Binary(_, left, _) => roles(left),
        Expression::Map(key, _) => roles(key),
        _ => vec![Role::Unknown],
    }
}

fn role(selector: &Selector) -> Role {
    match selector {
        Selector::Payload(Payload { location: PayloadLocation::Field(header, field), inner: None }) => {
            match (header.name, field.name) {
                (_, "saddr" | "sport") => Role::Source,
                (_, "daddr" | "dport") => Role::Destination,
                (_, "dscp") => Role::Dscp,
                (_, "ecn") => Role::Ecn,
                (_, "ttl" | "hoplimit") => Role::Ttl,
                ("ip", "length") => Role::Length(&[0]),
                ("udp", "length") => Role::Length(&[IPV4_HEADER, IPV6_HEADER]),
                ("ip6", "length") => Role::Length(&[IPV6_HEADER]),
                _ => Role::Unknown,
            }
        }
        Selector::Meta(key) if key.name == "length" => Role::Length(&[0]),
        _ => Role::Unknown,
    }
}

/// How packets are to be sent so that they differ in which headers they have, where a rule looks at that.
fn headers(selector: &Selector) -> Vec<Feature> {
    let name = match selector {
        Selector::Payload(Payload { location: PayloadLocation::Field(header, field), inner: None }) => {
            match (header.name, field.name) {
                ("ip", "frag-off") => "frag",
                ("ip6", "nexthdr") => "nexthdr",
                // the first fragment may have ports, and no flags
                ("tcp", "flags") => "frag",
                _ => return Vec::new(),
            }
        }
        Selector::Exthdr(Exthdr { base: ExtensionBase::IPV6, header: Some(header), .. }) => header.name,
        _ => return Vec::new(),
    };
    match name {
        "frag" => vec![Feature::Fragments],
        "nexthdr" => vec![Feature::Fragments, Feature::Behind(protocol::DESTINATION_OPTIONS)],
        "hbh" => vec![Feature::Behind(protocol::HOP_BY_HOP)],
        "dst" => vec![Feature::Behind(protocol::DESTINATION_OPTIONS)],
        "rt" | "rt0" | "rt2" | "srh" => vec![Feature::Behind(protocol::ROUTING)],
        _ => Vec::new(),
    }
}

/// The protocol whose ports a selector is about, where that is neither TCP nor UDP.
fn with_ports(selector: &Selector) -> Option<u8> {
    let Selector::Payload(Payload { location: PayloadLocation::Field(header, field), inner: None }) =
        selector
    else {
        return None;
    };
    header.ip_protocol.filter(|number| is_rare_with_ports(*number) && matches!(field.name, "sport" | "dport"))
}

fn is_rare_with_ports(number: u8) -> bool {
    protocol::has_ports(number) && !matches!(number, protocol::TCP | protocol::UDP)
}

/// Whether a selector is about what other rules note of a packet or connection.
pub(crate) fn is_mark(selector: &Selector) -> bool {
    match selector {
        Selector::Meta(key) => matches!(key.name, "mark" | "priority"),
        Selector::Ct(ct) => matches!(ct.key.name, "mark" | "label" | "zone"),
        _ => false,
    }
}

fn last_of(value: &Value, length: u32) -> Option<Value> {
    let host = value.bits.checked_sub(length)?;
    let mask = if host >= 128 { u128::MAX } else { (1u128 << host) - 1 };
    Some(Value::number(value.data_type, value.bits, value.as_number()? | mask))
}

fn address(value: &Value) -> Option<IpAddr> {
    match value.bytes.len() {
        4 => <[u8; 4]>::try_from(&*value.bytes).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        16 => <[u8; 16]>::try_from(&*value.bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
        _ => None,
    }
}

fn small(value: &Value) -> Option<u16> {
    value.as_number().and_then(|number| u16::try_from(number).ok())
}

fn byte(value: &Value) -> Option<u8> {
    value.as_number().and_then(|number| u8::try_from(number).ok())
}

#[cfg(test)]
mod tests;
