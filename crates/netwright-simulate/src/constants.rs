//! What a ruleset makes a difference of: the addresses, ports and protocols that it names, each with its neighbours on both
//! sides, so that a set or interval that is too wide or too narrow shows.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_nft::ir::{
    Element, Expression, Exthdr, Payload, PayloadLocation, Selector, SetReference, Statement, Value,
};
use netwright_nft::table::{DataType, ExtensionBase};
use netwright_state::Ruleset as Declared;

use crate::firewall::all_statements;
use crate::packet::protocol;
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
    /// Intervals of ports.
    pub(crate) ports: BTreeSet<(u16, u16)>,
    /// Intervals of ports that source ports are compared with.
    pub(crate) source_ports: BTreeSet<(u16, u16)>,
    pub(crate) protocols: BTreeSet<u8>,
    /// Types of ICMP, and of ICMPv6.
    pub(crate) icmp: [BTreeSet<u8>; 2],
    /// Codes of ICMP, and of ICMPv6.
    pub(crate) codes: [BTreeSet<u8>; 2],
    /// Flags of TCP.
    pub(crate) flags: BTreeSet<u8>,
    /// Hardware addresses.
    pub(crate) macs: BTreeSet<[u8; 6]>,
    /// What else of a packet's header is compared with something.
    pub(crate) shapes: BTreeSet<Shape>,
}

/// What is said of a packet besides between whom it goes and what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// As hosts send it by themselves.
    #[default]
    Ordinary,
    /// Type of service, or traffic class: DSCP and ECN.
    Class(u8),
    /// Time to live, or hop limit.
    Ttl(u8),
    /// So many bytes in all.
    Length(u16),
    /// In fragments.
    Fragments,
    /// Behind a header of IPv6 of this number.
    Behind(u8),
}

const IPV4_HEADER: u16 = 20;
const IPV6_HEADER: u16 = 40;
/// The longest packet that is sent in one piece, in bytes.
const LONGEST: u16 = 1500;

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
                    found.statement(statement);
                }
            }
            for element in table.sets.iter().flat_map(|set| &set.elements) {
                found.element(element, &[]);
            }
        }
        found
    }

    /// The same with what another ruleset names.
    pub(crate) fn with(mut self, other: &Constants) -> Self {
        self.addresses.extend(&other.addresses);
        self.sources.extend(&other.sources);
        self.destinations.extend(&other.destinations);
        self.ports.extend(&other.ports);
        self.source_ports.extend(&other.source_ports);
        self.protocols.extend(&other.protocols);
        self.icmp.iter_mut().zip(&other.icmp).for_each(|(own, other)| own.extend(other));
        self.codes.iter_mut().zip(&other.codes).for_each(|(own, other)| own.extend(other));
        self.flags.extend(&other.flags);
        self.macs.extend(&other.macs);
        self.shapes.extend(&other.shapes);
        self
    }

    fn statement(&mut self, statement: &Statement) {
        if matches!(statement, Statement::Match(_) | Statement::VerdictMap(..)) {
            statement.selectors().into_iter().for_each(|selector| self.shapes.extend(headers(selector)));
        }
        match statement {
            Statement::Match(matched) => {
                let roles = roles(&matched.left);
                self.expression(&matched.right, &roles);
                self.expression(&matched.left, &[]);
            }
            Statement::VerdictMap(key, map) => {
                let roles = roles(key);
                self.expression(key, &[]);
                self.set(map, &roles);
            }
            Statement::Nat(nat) => {
                nat.address.iter().chain(&nat.port).for_each(|end| self.expression(end, &[]));
            }
            Statement::Tproxy(proxy) => {
                proxy.address.iter().chain(&proxy.port).for_each(|end| self.expression(end, &[]));
            }
            Statement::Assign(_, value) => self.expression(value, &[]),
            _ => {}
        }
    }

    fn set(&mut self, set: &SetReference, roles: &[Role]) {
        if let SetReference::Anonymous(elements) = set {
            elements.iter().for_each(|element| self.element(element, roles));
        }
    }

    fn element(&mut self, element: &Element, roles: &[Role]) {
        if let Some(key) = &element.key {
            self.expression(key, roles);
        }
        if let Some(data) = &element.data {
            self.expression(data, &[]);
        }
    }

    /// `roles` are those of the parts that a value is compared with.
    fn expression(&mut self, expression: &Expression, roles: &[Role]) {
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
                    self.expression(part, roles.get(index..=index).unwrap_or_default());
                }
            }
            Expression::Set(set) => self.set(set, roles),
            Expression::Map(key, map) => {
                let roles = self::roles(key);
                self.expression(key, &[]);
                self.set(map, &roles);
            }
            Expression::Binary(_, left, right) => {
                self.expression(left, roles);
                self.expression(right, roles);
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
            DataType::INET_PROTO => self.protocols.extend([first, last].into_iter().filter_map(byte)),
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
            Role::Dscp => self.shapes.extend(up_to(0x3f).map(|dscp| Shape::Class(dscp << 2))),
            Role::Ecn => self.shapes.extend(up_to(3).map(Shape::Class)),
            Role::Ttl => self.shapes.extend(up_to(u8::MAX).filter(|ttl| *ttl != 0).map(Shape::Ttl)),
            Role::Length(headers) => {
                let whole = |length: u16| headers.iter().map(move |header| length.saturating_add(*header));
                self.shapes
                    .extend(near.flat_map(whole).filter(|length| *length <= LONGEST).map(Shape::Length));
            }
            Role::Source | Role::Destination | Role::Unknown => return,
        }
        self.shapes.remove(&Shape::Class(0));
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
fn headers(selector: &Selector) -> Vec<Shape> {
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
        "frag" => vec![Shape::Fragments],
        "nexthdr" => vec![Shape::Fragments, Shape::Behind(protocol::DESTINATION_OPTIONS)],
        "hbh" => vec![Shape::Behind(protocol::HOP_BY_HOP)],
        "dst" => vec![Shape::Behind(protocol::DESTINATION_OPTIONS)],
        "rt" | "rt0" | "rt2" | "srh" => vec![Shape::Behind(protocol::ROUTING)],
        _ => Vec::new(),
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
