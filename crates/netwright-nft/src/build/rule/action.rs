//! Steps of rules that send packets elsewhere, change where they go, or decide.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use netwright_netfilter::Family;
use netwright_netfilter::expression::NatFlags;

use super::super::key::Member;
use super::super::value::{InterfaceIndex, Port, Scalar};
use super::super::{Chain, Existence, Flowtable, Invalid, NatTarget, Operand, Rule};
use crate::context::Context;
use crate::evaluate::is_asked_for_transport;
use crate::ir::{
    Duplicate, Expression, Forward, Nat, NatKind, Queue, QueueTarget, Reject, Statement, Synproxy, Tproxy,
    TypePart, Verdict,
};
use crate::table::DataType;

impl Rule {
    fn nat(mut self, kind: NatKind, target: NatTarget) -> Self {
        let NatTarget { family, address, port, with_port, flags } = target;
        let other = family.filter(|&family| self.family != Family::INET && self.family != family);
        if let Some(other) = other {
            let message =
                format!("packets of table {} are not translated to addresses of family {other}", self.table);
            self.invalid.get_or_insert(Invalid::new(message));
        }
        let ports = with_port || !matches!(port, Ok(None));
        let told = matches!(&address, Ok(Some(computed)) if is_asked_for_transport(&computed.expression));
        if ports && !told {
            self.behind_transport("ports are translated");
        }
        let translated = address.and_then(|address| {
            let address = address.map(|address| self.take(address));
            let nat = Nat { kind, family, address, port: port?, flags: flags.bits(), prefix: false };
            Ok(Statement::Nat(nat))
        });
        self.step(translated)
    }

    /// Translates the source, in a chain of type nat at postrouting or input.
    pub fn snat(self, to: impl Into<NatTarget>) -> Self {
        self.nat(NatKind::Source, to.into())
    }

    /// Translates the destination, in a chain of type nat at prerouting or output.
    pub fn dnat(self, to: impl Into<NatTarget>) -> Self {
        self.nat(NatKind::Destination, to.into())
    }

    /// Translates the source to the address of the interface that the packet leaves by.
    pub fn masquerade(self) -> Self {
        self.masquerade_with(NatFlags::empty())
    }

    /// As [`Rule::masquerade`], with flags that say how ports are chosen.
    pub fn masquerade_with(self, flags: NatFlags) -> Self {
        let target = NatTarget { family: None, address: Ok(None), port: Ok(None), with_port: false, flags };
        self.nat(NatKind::Masquerade, target)
    }

    /// Translates the destination to a port of this host.
    pub fn redirect(self, port: impl Member<Port>) -> Self {
        let port = port.member(&[TypePart::of(DataType::INET_SERVICE)]).map(Some);
        let target =
            NatTarget { family: None, address: Ok(None), port, with_port: false, flags: NatFlags::empty() };
        self.nat(NatKind::Redirect, target)
    }

    /// What is done by port is wrong for protocols that have none. The family that packets are known to be of here is returned.
    fn behind_transport(&mut self, what: &str) -> Option<Family> {
        let mut context = Context::new(self.family);
        for statement in &self.rule.statements {
            for selector in statement.selectors() {
                let _ = context.require(selector, None); // a contradiction is told when the rule is added
            }
            if let Statement::Match(matched) = statement {
                context.learn(matched, None);
            }
        }
        if !context.transport_matched() {
            self.right(Err(Invalid::new(format!(
                "{what} only behind a match on the transport protocol, such as meta::L4PROTO or tcp::DPORT"
            ))));
        }
        context.network().and_then(|known| known.id.header().nfproto).map(Family)
    }

    /// Hands packets to a local socket as they are (`tproxy`), in a chain at prerouting: a match on the transport protocol
    /// comes before it. The socket has `IP_TRANSPARENT`.
    pub fn tproxy(mut self, to: impl Into<NatTarget>) -> Self {
        self.behind_transport("packets are handed to a local socket");
        let NatTarget { family, address, port, .. } = to.into();
        // A table of one family has no other addresses: nothing is written then.
        let family = family.filter(|_| self.family == Family::INET);
        let to = address.and_then(|address| {
            let address = address.map(|address| self.take(address));
            Ok(Statement::Tproxy(Tproxy { family, address, port: port? }))
        });
        self.step(to)
    }

    /// As [`Rule::tproxy`], to a port of the address that the packet is for.
    pub fn tproxy_port(mut self, port: impl Operand<Port>) -> Self {
        let known = self.behind_transport("packets are handed to a local socket");
        // The language asks for the name of a family that was matched.
        let family = known.filter(|_| self.family == Family::INET);
        let port = self.computed(port);
        self.step(port.map(|port| Statement::Tproxy(Tproxy { family, address: None, port: Some(port) })))
    }

    /// Answers TCP handshakes in the place of the server (`synproxy`), for packets that are not tracked or invalid.
    pub fn synproxy(self, synproxy: Synproxy) -> Self {
        self.statement(Statement::Synproxy(synproxy))
    }

    /// What an operand is in a place of its type.
    fn computed<T: Scalar>(&mut self, operand: impl Operand<T>) -> Result<Expression, Invalid> {
        let computed = operand.operand(&TypePart::of(T::KIND))?;
        Ok(self.take(computed))
    }

    /// The address of a step, and its family.
    fn address(address: IpAddr) -> Result<(Family, Expression), Invalid> {
        Ok(match address {
            IpAddr::V4(address) => {
                (Family::IPV4, Expression::Value(address.value(&TypePart::of(DataType::IPV4_ADDR))?))
            }
            IpAddr::V6(address) => {
                (Family::IPV6, Expression::Value(address.value(&TypePart::of(DataType::IPV6_ADDR))?))
            }
        })
    }

    /// Sends a copy to an address, which is a neighbour (`dup to`), in a table of its family.
    pub fn dup_to(self, address: impl Into<IpAddr>) -> Self {
        self.duplicate(address.into(), |_| Ok(None))
    }

    /// As [`Rule::dup_to`], out of this interface.
    pub fn dup_to_by(self, address: impl Into<IpAddr>, device: impl Operand<InterfaceIndex>) -> Self {
        self.duplicate(address.into(), |rule| rule.computed(device).map(Some))
    }

    fn duplicate(
        mut self,
        address: IpAddr,
        device: impl FnOnce(&mut Self) -> Result<Option<Expression>, Invalid>,
    ) -> Self {
        let copied = Self::address(address).and_then(|(family, address)| {
            if family != self.family {
                let message = format!(
                    "packets of table {} are not copied to an address of family {family}: they are of family {}",
                    self.table, self.family
                );
                return Err(Invalid::new(message));
            }
            Ok(Statement::Duplicate(Duplicate { address: Some(address), device: device(&mut self)? }))
        });
        self.step(copied)
    }

    /// Sends a copy out of an interface as it is (`dup to`), in a table of the family netdev.
    pub fn dup_out(mut self, device: impl Operand<InterfaceIndex>) -> Self {
        let copied = self
            .computed(device)
            .map(|device| Statement::Duplicate(Duplicate { address: None, device: Some(device) }));
        self.step(copied)
    }

    /// Sends the packet out of an interface as it is (`fwd to`), in a table of the family netdev.
    pub fn fwd(mut self, device: impl Operand<InterfaceIndex>) -> Self {
        let sent = self
            .computed(device)
            .map(|device| Statement::Forward(Forward { device, family: None, address: None }));
        self.step(sent)
    }

    /// As [`Rule::fwd`], to a neighbour (`fwd ip to … device`).
    pub fn fwd_to(mut self, address: impl Into<IpAddr>, device: impl Operand<InterfaceIndex>) -> Self {
        let sent = Self::address(address.into()).and_then(|(family, address)| {
            let (family, address) = (Some(family), Some(address));
            Ok(Statement::Forward(Forward { device: self.computed(device)?, family, address }))
        });
        self.step(sent)
    }

    /// The connection goes past this table from now on (`flow add`), in a chain at forward.
    #[doc(alias = "offload")]
    pub fn flow_add(mut self, flowtable: &Flowtable) -> Self {
        let same = self.of_this_table("flow table", flowtable.name(), flowtable.table());
        self.right(same);
        self.statement(Statement::FlowAdd(flowtable.name().to_owned()))
    }

    /// Takes an option out of TCP's header (`reset tcp option`): puts padding in its place.
    pub fn reset_tcp_option(self, option: Existence) -> Self {
        let kind = option.tcp_kind().ok_or_else(|| Invalid::new(format!("{option:?} is no option of TCP")));
        self.step(kind.map(Statement::ResetTcpOption))
    }

    /// Hands packets to a program, by the number of its queue or by one of several.
    pub fn queue(self, numbers: RangeInclusive<u16>) -> Self {
        let (first, last) = numbers.into_inner();
        let to = QueueTarget::Numbers(first, last);
        self.statement(Statement::Queue(Queue { to, bypass: false, fanout: false }))
    }

    /// As [`Rule::queue`], but packets pass when no program listens.
    pub fn queue_or_pass(self, numbers: RangeInclusive<u16>) -> Self {
        let (first, last) = numbers.into_inner();
        let to = QueueTarget::Numbers(first, last);
        self.statement(Statement::Queue(Queue { to, bypass: true, fanout: false }))
    }

    /// Refuses with an answer.
    pub fn reject(self, answer: Reject) -> Self {
        self.statement(Statement::Reject(answer))
    }

    /// Decides.
    pub fn verdict(self, verdict: Verdict) -> Self {
        self.statement(Statement::Verdict(verdict))
    }

    /// The packet may pass this chain.
    pub fn accept(self) -> Self {
        self.verdict(Verdict::Accept)
    }

    /// The packet is gone.
    #[allow(clippy::should_implement_trait)]
    pub fn drop(self) -> Self {
        self.verdict(Verdict::Drop)
    }

    /// Into another chain, and back at its end.
    pub fn jump(mut self, chain: &Chain) -> Self {
        let same = self.of_this_table("chain", chain.name(), chain.table());
        self.right(same);
        self.verdict(Verdict::jump(chain))
    }

    /// Into another chain, and not back.
    pub fn goto(mut self, chain: &Chain) -> Self {
        let same = self.of_this_table("chain", chain.name(), chain.table());
        self.right(same);
        self.verdict(Verdict::goto(chain))
    }

    /// Back to the calling chain (`return`).
    #[doc(alias = "return")]
    pub fn back(self) -> Self {
        self.verdict(Verdict::Return)
    }
}
