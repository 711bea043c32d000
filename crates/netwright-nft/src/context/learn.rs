//! What matches tell of the protocols of a packet.

use super::{Context, DependencyOf, Known, Selects, is_protocol_key};
use crate::diagnostic::Span;
use crate::ir::{
    Element, Expression, Match, MatchOperator, Payload, PayloadLocation, Selector, SetReference,
};
use crate::table::header::{Above, PayloadBase};
use crate::table::key::Key;
use crate::table::{Field, HeaderId};

impl Context {
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
        let mut last = None;
        let mut numbers: Vec<u32> = elements.iter().filter_map(number).collect();
        numbers.sort_unstable();
        for number in numbers {
            let mut one = Context { network: None, transport: None, ..self.clone() };
            one.learn_number(of, number, span);
            last = one.network;
            self.several_networks.extend(one.network.filter(|_| self.network.is_none()));
            self.other_network = self.other_network.or(one.other_network.filter(|_| self.network.is_none()));
            self.several_transports.extend(one.transport);
            self.other_transport = self.other_transport.or(one.other_transport);
        }
        // As nft: of a network layer that is known already, the last of several contradicts it or not.
        if let (Some(known), Some(last)) = (self.network, last) {
            self.several_networks.extend(Some(last).filter(|last| last.id != known.id));
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
                        // What the frame says is believed above what the family of the table says, unless it means nothing here.
                        self.network = self.network.filter(|known| known.span.is_some() || next.is_none());
                        self.set_network(next, span);
                    }
                    // As nft: what the network header says and no header here is of says nothing, where `meta l4proto` does.
                    (PayloadBase::NETWORK, Some(next)) => self.set_transport(Some(next), span),
                    _ => {}
                }
            }
        }
    }

    /// What is stated later and contradicts what is known never matches; no field can be read behind it.
    fn set_network(&mut self, id: Option<HeaderId>, span: Option<Span>) {
        let Some(id) = id.filter(|id| id.header().base == PayloadBase::NETWORK) else { return };
        match self.network {
            None => self.network = Some(Known { id, span }),
            Some(known) if known.id != id => self.several_networks.push(Known { id, span }),
            Some(_) => {}
        }
    }

    fn set_transport(&mut self, id: Option<HeaderId>, span: Option<Span>) {
        match (self.transport, id) {
            (None, Some(id)) => self.transport = Some(Known { id, span }),
            (Some(known), Some(id)) if known.id != id => self.several_transports.push(Known { id, span }),
            (Some(_), Some(_)) => {}
            (_, None) => self.other_transport = self.other_transport.or(Some(span)),
        }
    }
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
