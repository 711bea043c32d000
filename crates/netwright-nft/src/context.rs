//! What is known about a packet's protocols at a point of a rule.
//!
//! A field can be read only where its header is known to be there. Evaluation asks here to find contradictions,
//! lowering to learn which matches must come first, and lifting to see which matches are implied by what follows.

use netwright_netfilter::Family;

use crate::diagnostic::Span;
use crate::ir::{
    Element, Expression, Match, MatchOperator, Payload, PayloadLocation, Selector, SetReference,
};
use crate::table::header::{Above, PayloadBase};
use crate::table::key::{self, Key, KeyKind};
use crate::table::{ExtensionBase, Field, Header, HeaderId};

/// A match that must come before something else.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// The tunnel whose inside is looked at.
    pub tunnel: Option<HeaderId>,
    /// What is loaded.
    pub of: DependencyOf,
    /// What it must be: one of these.
    pub values: Vec<u32>,
}

/// What a dependency looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DependencyOf {
    /// A `meta` key.
    Meta(&'static Key),
    /// A field of a header.
    Payload(&'static Field),
}

/// Why something cannot follow what came before.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where the contradicting protocol was stated.
    pub earlier: Option<Span>,
}

/// A protocol that is known to be there, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Which protocol.
    pub id: HeaderId,
    /// Where it was stated; the family of the table states without a place.
    pub span: Option<Span>,
}

/// How the protocol above the link layer is told, as long as no link layer header was matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selects {
    /// The family says it all.
    Nothing,
    /// `meta nfproto`
    NfProto,
    /// `meta protocol`
    Protocol,
}

/// What is known at a point of a rule.
#[derive(Clone, Debug)]
pub struct Context {
    family: Family,
    selects: Selects,
    /// Whether frames always have an Ethernet header: then `meta protocol` is as good as reading the header.
    frames: bool,
    tunnel: Option<HeaderId>,
    /// Ethernet, then the VLAN tags.
    link: Vec<Known>,
    /// Whether the protocol that the innermost link layer header announces was matched.
    link_settled: Option<Option<Span>>,
    network: Option<Known>,
    /// Where `meta protocol` was matched on a protocol that no network layer header here is of.
    other_network: Option<Option<Span>>,
    transport: Option<Known>,
    transport_matched: bool,
    /// Several protocols that one match allows, by whether they are of the network or the transport layer.
    several_networks: Vec<Known>,
    several_transports: Vec<Known>,
    message_types: Vec<u8>,
    /// Where the type of an ICMP message was matched on what it is not, or on an order.
    other_message_types: Option<Option<Span>>,
    inner: Vec<(HeaderId, Context)>,
}

impl Context {
    /// What the family of a table says.
    #[must_use]
    pub fn new(family: Family) -> Self {
        let selects = match family {
            Family::INET => Selects::NfProto,
            Family::NETDEV => Selects::Protocol,
            _ => Selects::Nothing,
        };
        let network = match family {
            Family::IPV4 => Some(HeaderId::Ip),
            Family::IPV6 => Some(HeaderId::Ip6),
            Family::ARP => Some(HeaderId::Arp),
            _ => None,
        };
        let frames = family == Family::BRIDGE;
        Context::with(family, selects, frames, network)
    }

    fn with(family: Family, selects: Selects, frames: bool, network: Option<HeaderId>) -> Self {
        let known = |id| Known { id, span: None };
        Context {
            family,
            selects,
            frames,
            tunnel: None,
            link: if frames { vec![known(HeaderId::Ether)] } else { Vec::new() },
            link_settled: None,
            network: network.map(known),
            other_network: None,
            transport: None,
            transport_matched: false,
            several_networks: Vec::new(),
            several_transports: Vec::new(),
            message_types: Vec::new(),
            other_message_types: None,
            inner: Vec::new(),
        }
    }

    /// What is known of the packet inside a tunnel before anything was matched there.
    fn inside(tunnel: &'static Header) -> Self {
        let frames = tunnel.tunnel.is_some_and(|t| t.ethernet);
        let selects = if frames { Selects::Nothing } else { Selects::Protocol };
        Context { tunnel: Some(tunnel.id), ..Context::with(Family::BRIDGE, selects, frames, None) }
    }

    /// The family of the table.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The link layer headers that are known: Ethernet, then the tags.
    #[must_use]
    pub fn link(&self) -> &[Known] {
        &self.link
    }

    /// The type of the ICMP message, where it is known to be one.
    #[must_use]
    pub fn message_type(&self) -> Option<u8> {
        self.message_types.first().copied()
    }

    /// Learns the types of ICMP messages that a match on several allows.
    pub fn learn_message_types(&mut self, matched: &Match) {
        let Expression::Selector(Selector::Payload(payload)) = &matched.left else { return };
        let PayloadLocation::Field(header, field) = payload.location else { return };
        let Expression::Set(SetReference::Anonymous(elements)) = &matched.right else { return };
        if field.name == "type" && matches!(header.id, HeaderId::Icmp | HeaderId::Icmpv6) {
            let keys = elements.iter().map(|element| element.key.as_ref());
            let number = |key: Option<&Expression>| match key {
                Some(Expression::Value(value)) => u8::try_from(value.as_number()?).ok(),
                _ => None,
            };
            self.layer(payload.inner).message_types = keys.filter_map(number).collect();
        }
    }

    /// Learns that a `meta` key equals a number.
    pub fn learn_meta(&mut self, key: &'static Key, number: u32) {
        self.learn_number(&DependencyOf::Meta(key), number, None);
    }

    /// The network layer protocol, where it is known.
    #[must_use]
    pub fn network(&self) -> Option<Known> {
        self.network
    }

    /// The transport layer protocol, where it is known.
    #[must_use]
    pub fn transport(&self) -> Option<Known> {
        self.transport
    }

    /// Whether the transport protocol was matched at all, be it against several.
    #[must_use]
    pub fn transport_matched(&self) -> bool {
        self.transport_matched || self.transport.is_some()
    }

    /// The offset in bits of a field from its base: behind Ethernet and outer tags for a VLAN tag.
    #[must_use]
    pub fn offset(&self, field: &Field) -> u32 {
        match field.header {
            HeaderId::Vlan => {
                let tags = self.link.iter().filter(|known| known.id == HeaderId::Vlan).count().max(1) as u32;
                14 * 8 + (tags - 1) * 32 + field.offset
            }
            _ => field.offset,
        }
    }

    /// What is known inside a tunnel, or outside of any.
    pub fn layer(&mut self, tunnel: Option<&'static Header>) -> &mut Context {
        let Some(tunnel) = tunnel else { return self };
        let at = match self.inner.iter().position(|(id, _)| *id == tunnel.id) {
            Some(at) => at,
            None => {
                self.inner.push((tunnel.id, Context::inside(tunnel)));
                self.inner.len() - 1
            }
        };
        &mut self.inner[at].1
    }

    /// The matches that must come before a selector is loaded; they count as made from now on.
    ///
    /// # Errors
    /// What came before rules the selector out.
    pub fn require(&mut self, selector: &Selector, span: Option<Span>) -> Result<Vec<Dependency>, Conflict> {
        match selector {
            Selector::Payload(payload) => self.require_payload(payload, span),
            Selector::Exthdr(exthdr) => match exthdr.base {
                ExtensionBase::IPV6 => self.require_network(HeaderId::Ip6, false, span),
                ExtensionBase::IPV4 => self.require_network(HeaderId::Ip, false, span),
                _ => Ok(Vec::new()),
            },
            // Nothing comes before these, but packets of the other family have no such address.
            Selector::Ct(ct) => self.check_layer3(ct.key.layer3),
            Selector::Rt(rt) => self.check_layer3(rt.key.layer3),
            _ => Ok(Vec::new()),
        }
    }

    fn check_layer3(&self, layer3: key::Layer3) -> Result<Vec<Dependency>, Conflict> {
        let wanted = match layer3 {
            key::Layer3::Ipv4 => HeaderId::Ip,
            key::Layer3::Ipv6 => HeaderId::Ip6,
            _ => return Ok(Vec::new()),
        };
        match self.network {
            Some(known) if known.id != wanted => Err(conflict("network layer", known, wanted)),
            _ => Ok(Vec::new()),
        }
    }

    fn require_payload(
        &mut self,
        payload: &Payload,
        span: Option<Span>,
    ) -> Result<Vec<Dependency>, Conflict> {
        let mut needed = Vec::new();
        if let Some(tunnel) = payload.inner {
            needed = self.require_header(tunnel, span)?;
        }
        if let PayloadLocation::Field(header, field) = &payload.location {
            let layer = self.layer(payload.inner);
            needed.extend(layer.require_header(header, span)?);
            needed.extend(layer.require_message_type(header, field, span)?);
        }
        Ok(needed)
    }

    /// The matches that must come before a field of a header is loaded.
    ///
    /// # Errors
    /// Another protocol was matched in its place.
    pub fn require_header(
        &mut self,
        header: &'static Header,
        span: Option<Span>,
    ) -> Result<Vec<Dependency>, Conflict> {
        match header.base {
            PayloadBase::LINK => self.require_link(header, span),
            PayloadBase::NETWORK => self.require_network(header.id, true, span),
            PayloadBase::TUNNEL => self.require_udp(header),
            _ if header.id == HeaderId::Th => Ok(Vec::new()),
            _ => self.require_transport(header, span),
        }
    }

    fn require_link(
        &mut self,
        header: &'static Header,
        span: Option<Span>,
    ) -> Result<Vec<Dependency>, Conflict> {
        let mut needed = Vec::new();
        if self.link.is_empty() {
            if let Some(key) = key::by_name(KeyKind::Meta, "iiftype") {
                needed.push(self.meta(key, 1));
            }
            self.link.push(Known { id: HeaderId::Ether, span });
        }
        let tagged = self.link.last().is_some_and(|known| known.id == HeaderId::Vlan);
        if header.id == HeaderId::Vlan && !tagged {
            if let Some(earlier) = self.link_settled {
                let message =
                    "a VLAN tag cannot follow: another protocol was matched behind the Ethernet header"
                        .into();
                return Err(Conflict { message, earlier });
            }
            needed.extend(self.announced_by_link(header));
            self.link.push(Known { id: HeaderId::Vlan, span });
        }
        Ok(needed)
    }

    /// The match of the link layer's type field on a protocol.
    fn announced_by_link(&self, header: &Header) -> Option<Dependency> {
        let link = self.link.last()?.id.header();
        let field = link.protocol_key()?;
        let value = u32::from(*header.ether_types.first()?);
        Some(Dependency { tunnel: self.tunnel, of: DependencyOf::Payload(field), values: vec![value] })
    }

    /// The matches before something of a network layer protocol. `direct` is whether a field of its header itself is
    /// wanted and not something that rests on it.
    ///
    /// # Errors
    /// Another protocol was matched, or the family has none such.
    pub fn require_network(
        &mut self,
        id: HeaderId,
        direct: bool,
        span: Option<Span>,
    ) -> Result<Vec<Dependency>, Conflict> {
        if let Some(known) = self.network {
            return if known.id == id { Ok(Vec::new()) } else { Err(conflict("network layer", known, id)) };
        }
        if let Some(other) = self.several_networks.iter().find(|known| known.id != id) {
            return Err(conflict("network layer", *other, id));
        }
        self.check_other_network(id)?;
        if let (Some(earlier), false) = (self.link_settled, self.frames) {
            let message =
                format!("another protocol than {} was matched behind the Ethernet header", id.name());
            return Err(Conflict { message, earlier });
        }
        let header = id.header();
        let plain = self.link.len() == 1 && self.frames;
        let meta = |name| key::by_name(KeyKind::Meta, name);
        let ether_type = header.ether_types.first().map(|&value| u32::from(value));
        let found = match self.selects {
            _ if self.link.len() > 1 => self.announced_by_link(header),
            _ if plain && direct && header.nfproto.is_some() => {
                meta("protocol").zip(ether_type).map(|(key, value)| self.meta(key, value))
            }
            _ if !self.link.is_empty() => self.announced_by_link(header),
            Selects::NfProto => {
                let Some(number) = header.nfproto else {
                    let message = format!("`{}` does not occur in the family `inet`", header.name);
                    return Err(Conflict { message, earlier: None });
                };
                meta("nfproto").map(|key| self.meta(key, u32::from(number)))
            }
            Selects::Protocol => meta("protocol").zip(ether_type).map(|(key, value)| self.meta(key, value)),
            Selects::Nothing => None,
        };
        self.network = Some(Known { id, span });
        Ok(found.into_iter().collect())
    }

    /// Behind a match of `meta protocol` on a tag or on what has no header here, nothing else follows.
    fn check_other_network(&self, wanted: HeaderId) -> Result<(), Conflict> {
        match self.other_network {
            None => Ok(()),
            Some(earlier) => {
                let message = format!(
                    "conflicting network layer protocols: another was matched, {} is needed",
                    wanted.name()
                );
                Err(Conflict { message, earlier })
            }
        }
    }

    fn require_transport(
        &mut self,
        header: &'static Header,
        span: Option<Span>,
    ) -> Result<Vec<Dependency>, Conflict> {
        if let Some(known) = self.transport {
            let same = known.id == header.id || known.id.header().ip_protocol == header.ip_protocol;
            return if same { Ok(Vec::new()) } else { Err(conflict("transport layer", known, header.id)) };
        }
        if let Some(arp) = self.network.filter(|known| known.id == HeaderId::Arp) {
            return Err(conflict("network layer", arp, header.id));
        }
        self.check_other_network(header.id)?;
        let differs =
            |known: &&Known| known.id != header.id && known.id.header().ip_protocol != header.ip_protocol;
        if let Some(other) = self.several_transports.iter().find(differs) {
            return Err(conflict("transport layer", *other, header.id));
        }
        let mut needed = Vec::new();
        let below = match header.id {
            HeaderId::Icmp | HeaderId::Igmp => Some(HeaderId::Ip),
            HeaderId::Icmpv6 => Some(HeaderId::Ip6),
            _ => None,
        };
        if let (Some(below), None) = (below, self.network) {
            needed = self.require_network(below, false, span)?;
        }
        if let (Some(key), Some(number)) = (key::by_name(KeyKind::Meta, "l4proto"), header.ip_protocol) {
            needed.push(self.meta(key, u32::from(number)));
        }
        self.transport = Some(Known { id: header.id, span });
        Ok(needed)
    }

    /// Tunnels over UDP are told by a port that only the writer knows, so UDP must have been matched.
    fn require_udp(&self, header: &Header) -> Result<Vec<Dependency>, Conflict> {
        match self.transport {
            Some(known) if known.id == HeaderId::Udp => Ok(Vec::new()),
            Some(known) => {
                let message = format!("`{}` is carried by udp, not by {}", header.name, known.id.name());
                Err(Conflict { message, earlier: known.span })
            }
            None => {
                let message = format!("`{}` needs a match on its UDP port before it", header.name);
                Err(Conflict { message, earlier: None })
            }
        }
    }

    /// Some fields of ICMP exist only in messages of some types.
    fn require_message_type(
        &mut self,
        header: &'static Header,
        field: &Field,
        span: Option<Span>,
    ) -> Result<Option<Dependency>, Conflict> {
        if field.only_types.is_empty() {
            return Ok(None);
        }
        if !self.message_types.is_empty() {
            return if self.message_types.iter().all(|known| field.only_types.contains(known)) {
                Ok(None)
            } else {
                let message =
                    format!("messages of the matched type have no `{} {}`", header.name, field.name);
                Err(Conflict { message, earlier: span })
            };
        }
        if let Some(earlier) = self.other_message_types {
            let message =
                format!("`{} {}` needs to know which type the message has", header.name, field.name);
            return Err(Conflict { message, earlier });
        }
        self.message_types = field.only_types.to_vec();
        let values = field.only_types.iter().map(|&value| u32::from(value)).collect();
        Ok(header.field("type").map(|of| Dependency {
            tunnel: self.tunnel,
            of: DependencyOf::Payload(of),
            values,
        }))
    }

    fn meta(&self, key: &'static Key, value: u32) -> Dependency {
        Dependency { tunnel: self.tunnel, of: DependencyOf::Meta(key), values: vec![value] }
    }

    /// The match on TCP that a reset needs, where the protocol is not known.
    ///
    /// # Errors
    /// Another protocol was matched.
    pub fn require_tcp(&mut self, span: Option<Span>) -> Result<Vec<Dependency>, Conflict> {
        self.require_transport(HeaderId::Tcp.header(), span)
    }

    /// Learns from a match that was made.
    pub fn learn(&mut self, matched: &Match, span: Option<Span>) {
        let Expression::Selector(selector) = &matched.left else { return };
        let of = match selector {
            Selector::Payload(Payload { inner, location: PayloadLocation::Field(_, field) }) => {
                self.layer(*inner).learn_match(&DependencyOf::Payload(field), matched, span);
                return;
            }
            Selector::Meta(key) => DependencyOf::Meta(key),
            _ => return,
        };
        self.learn_match(&of, matched, span);
    }

    fn learn_match(&mut self, of: &DependencyOf, matched: &Match, span: Option<Span>) {
        let equal = matches!(matched.operator, MatchOperator::Implicit | MatchOperator::Equal);
        let number = match &matched.right {
            Expression::Value(value) if equal => {
                value.as_number().and_then(|number| u32::try_from(number).ok())
            }
            _ => None,
        };
        let transport = match of {
            DependencyOf::Meta(key) => key.name == "l4proto",
            DependencyOf::Payload(field) => {
                field.header.header().above == Above::IpProtocol && is_protocol_key(field)
            }
        };
        self.transport_matched |= transport && equal;
        if let (DependencyOf::Payload(field), Expression::Set(SetReference::Anonymous(elements)), true) =
            (of, &matched.right, equal)
            && is_message_type(field)
        {
            self.message_types = elements.iter().filter_map(single_byte).collect();
        }
        if let (DependencyOf::Payload(field), Expression::Value(_), false) = (of, &matched.right, equal)
            && is_message_type(field)
        {
            self.other_message_types = Some(span);
        }
        if let Some(number) = number {
            self.learn_number(of, number, span);
        }
        if let (Expression::Set(SetReference::Anonymous(elements)), true) = (&matched.right, equal) {
            self.learn_several(of, elements, span);
        }
    }

    /// Learns from a match on several protocols, of which a packet has one.
    fn learn_several(&mut self, of: &DependencyOf, elements: &[Element], span: Option<Span>) {
        let number = |element: &Element| match element.key.as_ref()? {
            Expression::Value(value) => value.as_number().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        if let ([_], Some(number)) = (elements, elements.first().and_then(number)) {
            self.learn_number(of, number, span);
            return;
        }
        let tells = match of {
            DependencyOf::Meta(key) => matches!(key.name, "nfproto" | "protocol" | "l4proto"),
            DependencyOf::Payload(field) => is_protocol_key(field),
        };
        if !tells {
            return;
        }
        for number in elements.iter().filter_map(number) {
            let mut one = Context { network: None, transport: None, ..self.clone() };
            one.learn_number(of, number, span);
            self.several_networks.extend(one.network.filter(|_| self.network.is_none()));
            self.other_network = self.other_network.or(one.other_network.filter(|_| self.network.is_none()));
            self.several_transports.extend(one.transport.filter(|_| self.transport.is_none()));
        }
    }

    fn learn_number(&mut self, of: &DependencyOf, number: u32, span: Option<Span>) {
        match of {
            DependencyOf::Meta(key) => match key.name {
                "nfproto" if self.selects == Selects::NfProto => {
                    self.set_network(u8::try_from(number).ok().and_then(HeaderId::by_nfproto), span);
                }
                "protocol" if self.selects == Selects::Protocol || self.frames => {
                    let id = u16::try_from(number).ok().and_then(HeaderId::by_ether_type);
                    if id.is_none_or(|id| id.header().base != PayloadBase::NETWORK) && self.network.is_none()
                    {
                        self.other_network = self.other_network.or(Some(span));
                    }
                    self.set_network(id, span);
                }
                "l4proto" => {
                    self.set_transport(u8::try_from(number).ok().and_then(HeaderId::by_ip_protocol), span);
                }
                "iiftype" if number == 1 && self.link.is_empty() => {
                    self.link.push(Known { id: HeaderId::Ether, span });
                }
                _ => {}
            },
            DependencyOf::Payload(field) => {
                let header = field.header.header();
                if is_message_type(field) {
                    self.message_types = u8::try_from(number).into_iter().collect();
                }
                if !is_protocol_key(field) {
                    return;
                }
                let next = header.next(number);
                match (header.base, next) {
                    (PayloadBase::LINK, Some(HeaderId::Vlan)) => {
                        self.link.push(Known { id: HeaderId::Vlan, span });
                        self.link_settled = None;
                    }
                    (PayloadBase::LINK, next) => {
                        self.link_settled = Some(span);
                        // What the frame says is believed above what the family of the table says.
                        self.network = self.network.filter(|known| known.span.is_some());
                        self.set_network(next, span);
                    }
                    (PayloadBase::NETWORK, next) => {
                        self.set_transport(next, span);
                    }
                    _ => {}
                }
            }
        }
    }

    /// What is stated later does not contradict what is known: it only never matches.
    fn set_network(&mut self, id: Option<HeaderId>, span: Option<Span>) {
        if let (None, Some(id)) = (self.network, id.filter(|id| id.header().base == PayloadBase::NETWORK)) {
            self.network = Some(Known { id, span });
        }
    }

    fn set_transport(&mut self, id: Option<HeaderId>, span: Option<Span>) {
        if let (None, Some(id)) = (self.transport, id) {
            self.transport = Some(Known { id, span });
        }
    }
}

/// Whether a field tells the protocol above its header.
#[must_use]
pub fn is_protocol_key(field: &Field) -> bool {
    field.header.header().protocol_key() == Some(field)
}

/// Whether a field tells the type of an ICMP message.
fn is_message_type(field: &Field) -> bool {
    field.name == "type" && matches!(field.header, HeaderId::Icmp | HeaderId::Icmpv6)
}

/// The key of an element, where it is one byte.
fn single_byte(element: &Element) -> Option<u8> {
    match element.key.as_ref()? {
        Expression::Value(value) => u8::try_from(value.as_number()?).ok(),
        _ => None,
    }
}

fn conflict(layer: &str, known: Known, wanted: HeaderId) -> Conflict {
    let message = format!(
        "conflicting {layer} protocols: {} was matched, {} is needed",
        known.id.name(),
        wanted.name()
    );
    Conflict { message, earlier: known.span }
}
