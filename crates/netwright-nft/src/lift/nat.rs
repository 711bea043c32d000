//! Translation of addresses and ports.

use netwright_netfilter::expression::{
    MasqueradeAttrs, NatAttrs, NatFlags, NatKind as KernelKind, RedirectAttrs, TransparentProxyAttrs,
};
use netwright_netfilter::{Family, Register};

use super::register::{Held, Operand};
use super::rule::Lifter;
use super::statement::lifted;
use super::value::Form;
use crate::ir::{Expression, Nat, NatKind, Statement, Tproxy, TypePart};
use crate::table::DataType;

impl Lifter<'_> {
    pub(super) fn nat(&mut self, attrs: &NatAttrs) -> Option<()> {
        let family = Family(u8::try_from(attrs.family.unwrap_or(0)).ok()?);
        let flags = attrs.flags.unwrap_or(NatFlags::empty());
        let kind = match attrs.kind? {
            KernelKind::SOURCE => NatKind::Source,
            KernelKind::DESTINATION => NatKind::Destination,
            _ => return None,
        };
        let part =
            TypePart::of(if family == Family::IPV6 { DataType::IPV6_ADDR } else { DataType::IPV4_ADDR });
        let mut values = Vec::new();
        let address = lifted(attrs.address_minimum.map(|from| self.span(from, attrs.address_maximum, part)))?;
        let mapped = matches!(&address, Some((Expression::Map(..), _)));
        let address = address.map(|(address, held)| {
            values.extend(held);
            address
        });
        // The data of a map may hold the port too: then that register was not loaded by itself.
        let from_map =
            |register: Option<Register>| register.is_some_and(|r| self.registers.at(Some(r)).is_none());
        let port = attrs.port_minimum.filter(|_| !(mapped && from_map(attrs.port_minimum)));
        let wide = mapped && (from_map(attrs.port_minimum) || from_map(attrs.address_maximum));
        let port = self.ports(port, attrs.port_maximum, &mut values)?;
        let own = family == self.family && !wide || !matches!(family, Family::IPV4 | Family::IPV6);
        let statement = Statement::Nat(Nat {
            kind,
            family: (!own).then_some(family),
            address,
            port,
            flags: written(flags),
            prefix: flags.contains(NatFlags::NETMAP),
        });
        self.finish(statement, &values.iter().collect::<Vec<_>>())
    }

    pub(super) fn masquerade(&mut self, attrs: &MasqueradeAttrs) -> Option<()> {
        self.local(NatKind::Masquerade, attrs.port_minimum, attrs.port_maximum, attrs.flags)
    }

    pub(super) fn redirect(&mut self, attrs: &RedirectAttrs) -> Option<()> {
        self.local(NatKind::Redirect, attrs.port_minimum, attrs.port_maximum, attrs.flags)
    }

    fn local(
        &mut self,
        kind: NatKind,
        from: Option<Register>,
        to: Option<Register>,
        flags: Option<NatFlags>,
    ) -> Option<()> {
        let mut values = Vec::new();
        let port = self.ports(from, to, &mut values)?;
        let flags = written(flags.unwrap_or(NatFlags::empty()));
        let statement = Statement::Nat(Nat { kind, family: None, address: None, port, flags, prefix: false });
        self.finish(statement, &values.iter().collect::<Vec<_>>())
    }

    fn ports(
        &mut self,
        from: Option<Register>,
        to: Option<Register>,
        values: &mut Vec<Held>,
    ) -> Option<Option<Expression>> {
        let part = TypePart::of(DataType::INET_SERVICE);
        let port = lifted(from.map(|from| self.span(from, to, part)))?;
        Some(port.map(|(port, held)| {
            values.extend(held);
            port
        }))
    }

    /// A value, or the range between two registers.
    fn span(
        &mut self,
        from: Register,
        to: Option<Register>,
        part: TypePart,
    ) -> Option<(Expression, Vec<Held>)> {
        let (first, held) = self.value_at(Some(from), part)?;
        let last = to.filter(|to| *to != from).and_then(|to| self.registers.at(Some(to)).cloned());
        let (Operand::Bytes(low), Some(last)) = (&held.operand, last) else {
            return Some((first, vec![held]));
        };
        let Operand::Bytes(high) = &last.operand else { return None };
        let range = Form::of(part, low.len(), true).range(low, high);
        Some((range, vec![held, last]))
    }

    pub(super) fn tproxy(&mut self, attrs: &TransparentProxyAttrs) -> Option<()> {
        let family = Family(u8::try_from(attrs.family.unwrap_or(0)).ok()?);
        let part =
            TypePart::of(if family == Family::IPV6 { DataType::IPV6_ADDR } else { DataType::IPV4_ADDR });
        let mut values = Vec::new();
        let address = lifted(attrs.address.map(|register| self.value_at(Some(register), part)))?;
        let address = address.map(|(address, held)| {
            values.push(held);
            address
        });
        let port = self.ports(attrs.port, None, &mut values)?;
        let written = matches!(family, Family::IPV4 | Family::IPV6) && family != self.family;
        let statement = Statement::Tproxy(Tproxy { family: written.then_some(family), address, port });
        self.finish(statement, &values.iter().collect::<Vec<_>>())
    }
}

/// The flags that are written: the others follow from what is given.
fn written(flags: NatFlags) -> u32 {
    (flags & (NatFlags::RANDOM | NatFlags::PERSISTENT | NatFlags::FULLY_RANDOM)).bits()
}
