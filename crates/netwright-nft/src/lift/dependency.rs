//! Matches that follow from others: nft does not list `meta l4proto tcp` before `tcp dport 22`.
//!
//! A match on a protocol is remembered until something uses the header that it announces; then it is taken out again.
//! Whatever is not a match ends the memory: what came before it was reached by packets of other protocols too.

use netwright_netfilter::Family;

use super::rule::Lifter;
use crate::context::{DependencyOf, is_protocol_key};
use crate::ir::{Expression, Match, MatchOperator, PayloadLocation, Reject, Selector, Statement};
use crate::table::header::{ExtensionBase, Header, PayloadBase};
use crate::table::{Field, HeaderId};

/// What a match tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// That there is an Ethernet header.
    Link,
    /// That a tag follows.
    Tag,
    /// The protocol behind the link layer headers.
    Network,
    /// The protocol behind the network layer header.
    Transport,
    /// The type of an ICMP message.
    Message,
}

/// A match that may turn out to be implied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    tunnel: Option<HeaderId>,
    layer: Layer,
    of: DependencyOf,
    value: u32,
    announced: Option<HeaderId>,
    at: usize,
}

/// Ethernet in `meta iiftype`.
const ETHER: u32 = 1;
/// The EtherType of a tag that needs no mention.
const TAG: u32 = 0x8100;

impl Pending {
    fn new(tunnel: Option<HeaderId>, of: DependencyOf, value: u32, at: usize) -> Option<Self> {
        let by_type = || u16::try_from(value).ok().and_then(HeaderId::by_ether_type);
        let by_protocol = || u8::try_from(value).ok().and_then(HeaderId::by_ip_protocol);
        let (layer, announced) = match of {
            DependencyOf::Meta(key) => match key.name {
                "iiftype" if value == ETHER => (Layer::Link, Some(HeaderId::Ether)),
                "nfproto" => (Layer::Network, u8::try_from(value).ok().and_then(HeaderId::by_nfproto)),
                "protocol" => (Layer::Network, by_type()),
                "l4proto" => (Layer::Transport, by_protocol()),
                _ => return None,
            },
            DependencyOf::Payload(field) => {
                let icmp = matches!(field.header, HeaderId::Icmp | HeaderId::Icmpv6);
                match field.base() {
                    _ if icmp && field.name == "type" => (Layer::Message, Some(field.header)),
                    _ if !is_protocol_key(field) => return None,
                    PayloadBase::LINK => (Layer::Network, by_type()),
                    PayloadBase::NETWORK => (Layer::Transport, by_protocol()),
                    _ => return None,
                }
            }
        };
        let layer = if announced == Some(HeaderId::Vlan) { Layer::Tag } else { layer };
        Some(Pending { tunnel, layer, of, value, announced, at })
    }

    fn is_meta(&self, name: &str) -> bool {
        matches!(self.of, DependencyOf::Meta(key) if key.name == name)
    }

    fn is_of(&self, header: HeaderId) -> bool {
        matches!(self.of, DependencyOf::Payload(field) if field.header == header)
    }
}

/// Whether a statement compares a field with one value.
fn is_told(statement: &Statement) -> bool {
    let Statement::Match(matched) = statement else { return false };
    !matched.operator.is_ordered()
        && matches!(matched.left, Expression::Selector(_))
        && matches!(matched.right, Expression::Value(_))
}

/// Whether whole bytes are compared with more than one value: before those nft leaves the match on the tunnel.
fn is_listed(statement: &Statement) -> bool {
    let Statement::Match(matched) = statement else { return false };
    let whole =
        matches!(&matched.left, Expression::Selector(Selector::Payload(payload)) if !payload.is_partial());
    whole
        && (matched.operator.is_ordered()
            || matches!(matched.right, Expression::Set(_) | Expression::Range(..)))
}

/// Whether something inside of a tunnel is one of several values side by side.
fn is_beside_inner(statement: &Statement) -> bool {
    let key = match statement {
        Statement::Match(matched) => &matched.left,
        Statement::VerdictMap(key, _) => key,
        _ => return false,
    };
    let Expression::Concatenation(parts) = key else { return false };
    let inner = |part: &Expression| matches!(part, Expression::Selector(Selector::Payload(payload)) if payload.inner.is_some());
    parts.iter().any(inner)
}

/// The network layer protocol that all packets of a family have.
fn own_network(family: Family) -> Option<HeaderId> {
    match family {
        Family::IPV4 => Some(HeaderId::Ip),
        Family::IPV6 => Some(HeaderId::Ip6),
        Family::ARP => Some(HeaderId::Arp),
        _ => None,
    }
}

impl Lifter<'_> {
    /// Adds a statement: takes out the matches that it implies, and remembers it if it may be implied itself.
    pub(super) fn push(&mut self, statement: Statement) {
        self.take_out_tautology();
        self.take_out_implied(&statement);
        let at = self.statements.len();
        if let Statement::Match(matched) = &statement {
            self.context.learn(matched, None);
            self.context.learn_message_types(matched);
            self.remember(matched, at);
        } else {
            self.pending.clear();
        }
        self.statements.push(Some(statement));
    }

    /// Adds a match on a `meta` key inside a tunnel, for which the language has no words of its own: `raw` stands for it
    /// until something inside the tunnel implies it.
    pub(super) fn push_inner(
        &mut self,
        tunnel: &'static Header,
        key: &'static crate::table::Key,
        value: u32,
        raw: Statement,
    ) {
        let at = self.statements.len();
        self.context.layer(Some(tunnel)).learn_meta(key, value);
        self.remember_as(Pending::new(Some(tunnel.id), DependencyOf::Meta(key), value, at));
        self.statements.push(Some(raw));
    }

    fn remember(&mut self, matched: &Match, at: usize) {
        let (tunnel, of) = match &matched.left {
            Expression::Selector(Selector::Meta(key)) => (None, DependencyOf::Meta(key)),
            Expression::Selector(Selector::Payload(payload)) => match payload.location {
                PayloadLocation::Field(_, field) => {
                    (payload.inner.map(|h| h.id), DependencyOf::Payload(field))
                }
                PayloadLocation::Raw { .. } => return,
            },
            Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => return,
        };
        let value = match &matched.right {
            Expression::Value(value) if matched.operator == MatchOperator::Implicit => value.as_number(),
            Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => None,
        };
        if let Some(value) = value.and_then(|value| u32::try_from(value).ok()) {
            self.remember_as(Pending::new(tunnel, of, value, at));
        }
    }

    fn remember_as(&mut self, pending: Option<Pending>) {
        if let Some(new) = pending {
            self.foreign_transport |= new.layer == Layer::Transport && new.announced.is_none();
            self.pending.retain(|old| old.layer != new.layer || old.tunnel != new.tunnel);
            self.pending.push(new);
        }
    }

    /// `meta protocol ip` and `meta nfproto ipv4` say nothing in a table of the family `ip`.
    fn take_out_tautology(&mut self) {
        let own = own_network(self.family).filter(|own| *own != HeaderId::Arp);
        self.take_out(|pending| {
            pending.tunnel.is_none()
                && (pending.is_meta("protocol") || pending.is_meta("nfproto"))
                && own.is_some()
                && pending.announced == own
        });
    }

    fn take_out(&mut self, implied: impl Fn(&Pending) -> bool) {
        let statements = &mut self.statements;
        self.pending.retain(|pending| {
            let implied = implied(pending);
            if let Some(statement) = statements.get_mut(pending.at).filter(|_| implied) {
                *statement = None;
            }
            !implied
        });
    }

    fn take_out_implied(&mut self, statement: &Statement) {
        // A proxy needs the match on the transport protocol to be written, whatever its map is asked for.
        if matches!(statement, Statement::Tproxy(_)) {
            return;
        }
        // As nft: what an option is set to is computed of what was matched before.
        if matches!(statement, Statement::Assign(Selector::Exthdr(_), _)) {
            return;
        }
        let (told, listed) = (is_told(statement), is_listed(statement));
        // As nft: beside what is inside of a tunnel, what is outside of it implies nothing.
        let tunnelled = is_beside_inner(statement);
        let outside = |selector: &Selector| match selector {
            Selector::Payload(payload) => payload.inner.is_none(),
            _ => true,
        };
        for selector in statement.selectors() {
            match selector {
                selector if tunnelled && outside(selector) => {}
                Selector::Payload(payload) => {
                    if let Some(tunnel) = payload.inner.filter(|_| !listed) {
                        self.take_out_header(tunnel, None);
                    }
                    if let PayloadLocation::Field(header, field) = payload.location {
                        self.take_out_field(header, field, payload.inner.map(|tunnel| tunnel.id), told);
                    }
                }
                Selector::Exthdr(exthdr) => match exthdr.base {
                    ExtensionBase::IPV6 => self.take_out_header(HeaderId::Ip6.header(), None),
                    ExtensionBase::IPV4 => self.take_out_header(HeaderId::Ip.header(), None),
                    ExtensionBase::TCP => self.take_out_header(HeaderId::Tcp.header(), None),
                    ExtensionBase::SCTP => self.take_out_header(HeaderId::Sctp.header(), None),
                    _ => self.take_out_header(HeaderId::Dccp.header(), None),
                },
                Selector::Meta(_)
                | Selector::Ct(_)
                | Selector::Rt(_)
                | Selector::Socket(_)
                | Selector::Fib(_)
                | Selector::Numgen(_)
                | Selector::Hash(_)
                | Selector::Xfrm(_)
                | Selector::Osf { .. }
                | Selector::Tunnel(_) => {}
            }
        }
        if let Statement::Match(matched) = statement {
            self.take_out_below_transport(matched);
        } else if let Statement::Reject(reject) = statement {
            self.take_out_rejected(*reject);
        }
    }

    /// `meta l4proto icmp` implies IPv4, and in a table of one network protocol whatever has a protocol above implies that.
    fn take_out_below_transport(&mut self, matched: &Match) {
        let number = match (&matched.left, &matched.right) {
            (Expression::Selector(Selector::Meta(key)), Expression::Value(value))
                if key.name == "l4proto" =>
            {
                value.as_number()
            }
            _ => None,
        };
        let number = number.filter(|_| matched.operator == MatchOperator::Implicit);
        let below = match (number, own_network(self.family)) {
            (Some(_), Some(own)) if own != HeaderId::Arp => own,
            (Some(1), None) => HeaderId::Ip,
            (Some(58), None) => HeaderId::Ip6,
            (Some(_) | None, _) => return,
        };
        self.take_out(|p| p.tunnel.is_none() && p.layer == Layer::Network && p.announced == Some(below));
    }

    fn take_out_rejected(&mut self, reject: Reject) {
        let below = match reject {
            Reject::Icmp(_) => HeaderId::Ip,
            Reject::Icmpv6(_) => HeaderId::Ip6,
            Reject::TcpReset if own_network(self.family).is_some() => HeaderId::Tcp,
            _ => return,
        };
        self.take_out_header(below.header(), None);
    }

    /// `told`: whether the statement compares with one value.
    fn take_out_field(
        &mut self,
        header: &'static Header,
        field: &Field,
        tunnel: Option<HeaderId>,
        told: bool,
    ) {
        if header.id == HeaderId::Vlan && is_protocol_key(field) && told {
            let own = own_network(self.family).is_some();
            self.take_out(|p| {
                p.tunnel == tunnel
                    && (p.layer == Layer::Link || own && p.layer == Layer::Tag && p.value == TAG)
            });
            return;
        }
        if let [only] = field.only_types {
            let value = u32::from(*only);
            self.take_out(|p| p.tunnel == tunnel && p.layer == Layer::Message && p.value == value);
        }
        self.take_out_header(header, tunnel);
    }

    /// Takes out the matches that the use of a header implies.
    fn take_out_header(&mut self, header: &'static Header, tunnel: Option<HeaderId>) {
        let family = self.family;
        let own = own_network(family).filter(|_| tunnel.is_none());
        self.take_out(|p| {
            let loose = family == Family::INET && tunnel.is_none() && p.is_meta("protocol");
            p.tunnel == tunnel
                && match (header.base, p.layer) {
                    (PayloadBase::LINK, Layer::Link) => true,
                    (PayloadBase::LINK, Layer::Tag) => {
                        header.id == HeaderId::Vlan && p.is_of(HeaderId::Ether) && p.value == TAG
                    }
                    (PayloadBase::NETWORK, Layer::Network) => p.announced == Some(header.id) && !loose,
                    (PayloadBase::TRANSPORT, Layer::Network) => {
                        let below = match header.id {
                            HeaderId::Icmp => Some(HeaderId::Ip),
                            HeaderId::Icmpv6 => Some(HeaderId::Ip6),
                            _ => own,
                        };
                        p.announced.is_some() && p.announced == below && !loose
                    }
                    (PayloadBase::TRANSPORT, Layer::Transport) => {
                        let same = p.announced.map(|id| id.header().ip_protocol) == Some(header.ip_protocol);
                        same && (p.is_meta("l4proto") || own.is_some_and(|own| p.is_of(own)))
                    }
                    _ => false,
                }
        });
    }
}
