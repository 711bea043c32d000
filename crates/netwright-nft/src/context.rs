//! What is known about a packet's protocols at a point of a rule.
//!
//! A field can be read only where its header is known to be there. Evaluation asks here to find contradictions,
//! lowering to learn which matches must come first, and lifting to see which matches are implied by what follows.

mod learn;

use netwright_netfilter::Family;

use crate::diagnostic::Span;
use crate::ir::{Payload, PayloadLocation, Selector};
use crate::table::header::PayloadBase;
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
    /// Where a transport protocol was matched that no header here is of.
    other_transport: Option<Option<Span>>,
    /// Protocols that were matched beside the one that is known, in one match on several or in a later one.
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
            other_transport: None,
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
        if let Some(other) = self.several_networks.iter().find(|known| known.id != id) {
            return Err(conflict("network layer", *other, id));
        }
        if let Some(known) = self.network {
            return if known.id == id { Ok(Vec::new()) } else { Err(conflict("network layer", known, id)) };
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
        let differs =
            |known: &&Known| known.id != header.id && known.id.header().ip_protocol != header.ip_protocol;
        if let Some(other) = self.transport.iter().chain(&self.several_transports).find(differs) {
            return Err(conflict("transport layer", *other, header.id));
        }
        if let Some(earlier) = self.other_transport {
            let message = format!(
                "conflicting transport layer protocols: another was matched, {} is needed",
                header.name
            );
            return Err(Conflict { message, earlier });
        }
        if self.transport.is_some() {
            return Ok(Vec::new());
        }
        if let Some(arp) = self.network.filter(|known| known.id == HeaderId::Arp) {
            return Err(conflict("network layer", arp, header.id));
        }
        self.check_other_network(header.id)?;
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
}

/// Whether a field tells the protocol above its header.
#[must_use]
pub fn is_protocol_key(field: &Field) -> bool {
    field.header.header().protocol_key() == Some(field)
}

fn conflict(layer: &str, known: Known, wanted: HeaderId) -> Conflict {
    let message = format!(
        "conflicting {layer} protocols: {} was matched, {} is needed",
        known.id.name(),
        wanted.name()
    );
    Conflict { message, earlier: known.span }
}
