//! Translation of addresses and ports.

use netwright_netfilter::Family;

use super::element::Wanted;
use super::{Eval, Evaluator, version};
use crate::context::is_protocol_key;
use crate::diagnostic::Span;
use crate::ir::{Expression, Nat, NatKind, Payload, PayloadLocation, Selector, Tproxy, TypePart};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::header::PayloadBase;
use crate::table::{DataType, HeaderId, symbol, vocabulary};

impl<'a> Evaluator<'a> {
    pub(super) fn nat(&mut self, span: Span, nat: &'a ast::Nat) -> Eval<Nat> {
        let kind = match nat.kind {
            ast::NatKind::Source => NatKind::Source,
            ast::NatKind::Destination => NatKind::Destination,
            ast::NatKind::Masquerade => NatKind::Masquerade,
            ast::NatKind::Redirect => NatKind::Redirect,
        };
        let mut flags = 0;
        for name in &nat.flags {
            let word = self.text(*name);
            match symbol::value(vocabulary::NAT_FLAG, word) {
                Some(flag) => flags |= flag,
                None => {
                    return self.unknown(name.span, word, "flag", &["random", "fully-random", "persistent"]);
                }
            }
        }
        if let (NatKind::Masquerade | NatKind::Redirect, Some(address)) = (kind, &nat.address) {
            return self
                .error(address.span, "this translation finds its address itself: only a port can be given");
        }
        // The kernel is told no family where the address is its own.
        let mut family =
            nat.version.map(version).filter(|_| matches!(kind, NatKind::Source | NatKind::Destination));
        if let (Some(written), Some(network)) = (family, self.known_family())
            && written != network
        {
            return self.error(span, "packets here are of the other family");
        }
        let mut address = None;
        if let Some(wanted) = &nat.address {
            let known = family.or_else(|| self.address_family(wanted));
            let Some(known) = known else {
                return self.error(
                    span,
                    "write `ip` or `ip6` before `to`: the family of the packet is not known here",
                );
            };
            address = Some(self.nat_address(wanted, known, nat.address_and_port)?);
            family = Some(known);
        }
        let port = match &nat.port {
            Some(port) => Some(self.port(port)?),
            None => None,
        };
        Ok(Nat { kind, family, address, port, flags, prefix: nat.prefix })
    }

    /// The family that the table, the matches before, or the key of a map tell.
    fn address_family(&mut self, address: &'a ast::Expression) -> Option<Family> {
        if let Some(family) = self.known_family() {
            return Some(family);
        }
        let address = self.resolve(address).ok()?;
        let ExpressionKind::Map(map) = &address.kind else { return None };
        let key = self.computed(&map.key, None).ok()?;
        // As nft: what a hash is made of does not tell it, nor what a key is computed from.
        if matches!(key, Expression::Selector(Selector::Hash(_)) | Expression::Binary(..)) {
            return None;
        }
        // Nor the key of a map that holds ports as well.
        if let ExpressionKind::Set(set) = &self.resolve(&map.map).ok()?.kind
            && let Some(value) = set.elements.iter().find_map(|element| element.value.as_ref())
            && self.resolve(value).ok()?.parts().len() > 1
        {
            return None;
        }
        let mut context = self.context.clone();
        let found = crate::ir::Statement::VerdictMap(key, crate::ir::SetReference::Anonymous(Vec::new()));
        for selector in found.selectors() {
            context.require(selector, None).ok()?;
        }
        network_family(context.network().map(|known| known.id))
    }

    fn known_family(&self) -> Option<Family> {
        network_family(self.context.network().map(|known| known.id))
    }

    /// The target; `both` where it was said to be an address and a port side by side.
    fn nat_address(&mut self, address: &'a ast::Expression, family: Family, both: bool) -> Eval<Expression> {
        let address = self.resolve(address)?;
        let part = Self::address_part(family);
        match &address.kind {
            ExpressionKind::Map(map) => {
                let made = self.map(map, Wanted::Target(part))?;
                self.check_argument(address.span, &made, &part)?;
                Ok(made)
            }
            ExpressionKind::Concat(list) if both => match list.items.as_slice() {
                [address, port] => {
                    let service = TypePart::of(DataType::INET_SERVICE);
                    let pair =
                        vec![self.computed(address, Some(&part))?, self.computed(port, Some(&service))?];
                    Ok(Expression::Concatenation(pair))
                }
                _ => self.error(address.span, "an address and a port are needed here: `192.0.2.1 . 80`"),
            },
            _ => {
                let made = self.computed(address, Some(&part))?;
                self.check_argument(address.span, &made, &part)?;
                Ok(match made {
                    Expression::Prefix(value, length) if length == part.bits => Expression::Value(value),
                    other => other,
                })
            }
        }
    }

    /// A port, or what gives one: a number that is computed is none.
    fn port(&mut self, port: &'a ast::Expression) -> Eval<Expression> {
        self.argument(port, &TypePart::of(DataType::INET_SERVICE))
    }

    /// A value for a statement: a constant, or what is loaded or computed of this type.
    pub(super) fn argument(&mut self, value: &'a ast::Expression, part: &TypePart) -> Eval<Expression> {
        let made = self.computed(value, Some(part))?;
        self.check_argument(value.span, &made, part)?;
        Ok(made)
    }

    /// Ports can be translated only where the transport protocol is known.
    pub(super) fn check_nat(&mut self, nat: &Nat, span: Span) -> Eval<()> {
        let with_port = match &nat.address {
            Some(address @ (Expression::Map(..) | Expression::Concatenation(_))) => {
                self.parts(address).len() > 1
            }
            _ => false,
        };
        let told = nat.port.is_none() && nat.address.as_ref().is_some_and(is_asked_for_transport);
        if (nat.port.is_some() || with_port) && !told && !self.context.transport_matched() {
            let message = "ports can be translated only behind a match on the transport protocol";
            return self.error(span, message);
        }
        Ok(())
    }

    pub(super) fn tproxy(&mut self, span: Span, proxy: &'a ast::Tproxy) -> Eval<Tproxy> {
        // What the map below is looked up by is no such match.
        if !self.context.transport_matched() {
            return self.error(span, "a transparent proxy needs a match on the transport protocol before it");
        }
        let network = self.known_family();
        let written = proxy.version.map(version);
        if let (Some(written), Some(network)) = (written, network)
            && written != network
        {
            return self.error(span, "packets here are of the other family");
        }
        let single = matches!(self.family, Family::IPV4 | Family::IPV6);
        if let (None, Some(network), false) = (written, network, single) {
            let word = if network == Family::IPV6 { "ip6" } else { "ip" };
            let message = format!("packets here are of one family: write `tproxy {word} to …`");
            return self.error(span, message);
        }
        let family = written.or(network.filter(|_| single));
        if proxy.address.is_some() && family.is_none() {
            let message = "write `tproxy ip` or `tproxy ip6`: the table has packets of both";
            return self.error(span, message);
        }
        let address = match (&proxy.address, family) {
            (Some(address), Some(family)) => Some(self.argument(address, &Self::address_part(family))?),
            _ => None,
        };
        let port = match &proxy.port {
            Some(port) => Some(self.port(port)?),
            None => None,
        };
        Ok(Tproxy { family: written, address, port })
    }
}

/// Whether the key of a map tells the transport protocol: `meta l4proto . th dport map @ports`. Packets of others are not in it.
pub(crate) fn is_asked_for_transport(address: &Expression) -> bool {
    let Expression::Map(key, _) = address else { return false };
    let parts = match &**key {
        Expression::Concatenation(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    parts.iter().any(|part| match part {
        Expression::Selector(Selector::Meta(key)) => key.name == "l4proto",
        Expression::Selector(Selector::Payload(Payload {
            inner: None,
            location: PayloadLocation::Field(header, field),
        })) => header.base == PayloadBase::NETWORK && is_protocol_key(field),
        _ => false,
    })
}

fn network_family(id: Option<HeaderId>) -> Option<Family> {
    match id {
        Some(HeaderId::Ip) => Some(Family::IPV4),
        Some(HeaderId::Ip6) => Some(Family::IPV6),
        _ => None,
    }
}
