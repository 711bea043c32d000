//! Translation of addresses and ports.

use netwright_netfilter::expression::{
    MasqueradeAttrs, NatAttrs, NatFlags, NatKind as KernelKind, RedirectAttrs, TransparentProxyAttrs,
};
use netwright_netfilter::{Family, Register};

use super::Result;
use super::load::Purpose;
use super::registers::{cells, register};
use super::rule::Lowering;
use crate::ir::{Expression, Nat, NatKind, Selector, SetReference, Tproxy, TypePart, Value};
use crate::table::DataType;

/// The registers of a translation's target.
#[derive(Clone, Copy, Debug, Default)]
struct Target {
    address: (Option<Register>, Option<Register>),
    port: (Option<Register>, Option<Register>),
}

impl Lowering<'_> {
    pub(super) fn nat(&mut self, nat: &Nat) -> Result<()> {
        let mut target = Target::default();
        if let Some(address) = &nat.address {
            self.nat_address(nat, address, &mut target)?;
        }
        if let Some(port) = &nat.port {
            target.port = self.pair(port, &TypePart::of(DataType::INET_SERVICE))?;
        }
        let mut flags = NatFlags::from_bits_retain(nat.flags);
        flags.set(NatFlags::PROTO_SPECIFIED, nat.port.is_some());
        flags.set(NatFlags::NETMAP, nat.prefix);
        let flags = (!flags.is_empty()).then_some(flags);
        let code = match nat.kind {
            NatKind::Masquerade => MasqueradeAttrs::default()
                .with(|attrs| {
                    attrs.flags = flags;
                    attrs.port_minimum = target.port.0;
                    attrs.port_maximum = target.port.1;
                })
                .into(),
            NatKind::Redirect => RedirectAttrs::default()
                .with(|attrs| {
                    attrs.port_minimum = target.port.0;
                    attrs.port_maximum = target.port.1;
                    attrs.flags = flags;
                })
                .into(),
            NatKind::Source | NatKind::Destination => {
                let source = nat.kind == NatKind::Source;
                let kind = if source { KernelKind::SOURCE } else { KernelKind::DESTINATION };
                let family = nat.family.unwrap_or(self.scope.family);
                NatAttrs::default()
                    .kind(kind)
                    .family(u32::from(family.0))
                    .with(|attrs| {
                        attrs.address_minimum = target.address.0;
                        attrs.address_maximum = target.address.1;
                        attrs.port_minimum = target.port.0;
                        attrs.port_maximum = target.port.1;
                        attrs.flags = flags;
                    })
                    .into()
            }
        };
        self.code.push(code);
        Ok(())
    }

    /// The address, and whatever a map gives along with it: its range, the port, the range of the port. They lie side by
    /// side, as an address and a port do that were written so.
    fn nat_address(&mut self, nat: &Nat, address: &Expression, target: &mut Target) -> Result<()> {
        let map = match address {
            Expression::Map(_, map) => Some(map),
            Expression::Concatenation(_) => None,
            Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Exists(_) => return self.nat_single_address(nat, address, target),
        };
        let parts = self.parts(address);
        let ranges = match map {
            Some(SetReference::Named(name)) => self.scope.set(name)?.data_ranges,
            Some(SetReference::Anonymous(elements)) => {
                elements.iter().any(|element| element.data.as_ref().is_some_and(Expression::is_interval))
            }
            None => false,
        };
        let widths: Vec<usize> = parts.iter().map(TypePart::bytes).collect();
        let cell = self.registers.take(&widths)?;
        self.compute(address, cell, Purpose::Value, None)?;
        let total: usize = widths.iter().map(|&bytes| cells(bytes)).sum();
        let mut at = cell;
        for (part, &bytes) in parts.iter().zip(&widths) {
            let first = register(at)?;
            let last = if ranges { Some(register(at + total)?) } else { None };
            if part.data_type == DataType::INET_SERVICE {
                target.port = (Some(first), last);
            } else {
                target.address = (Some(first), last);
            }
            at += cells(bytes);
        }
        Ok(())
    }

    fn nat_single_address(&mut self, nat: &Nat, address: &Expression, target: &mut Target) -> Result<()> {
        target.address = self.pair(address, &address_part(nat.family.unwrap_or(self.scope.family)))?;
        Ok(())
    }

    /// A value in one register, or the ends of a range in two.
    fn pair(
        &mut self,
        expression: &Expression,
        part: &TypePart,
    ) -> Result<(Option<Register>, Option<Register>)> {
        let (from, to) = match expression {
            Expression::Range(from, to) => (from.clone(), to.clone()),
            Expression::Prefix(value, length) => prefix_ends(value, *length),
            other @ (Expression::Value(_)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_)) => return Ok((self.argument(Some(other), part)?, None)),
        };
        let from = self.operand(Some(&Expression::Value(from)), Some(part))?;
        let to = self.operand(Some(&Expression::Value(to)), Some(part))?;
        Ok((from, to))
    }

    /// An argument in the order of bytes that it is needed in. As nft takes it, what a hash gives has that of the packet.
    pub(super) fn argument(
        &mut self,
        expression: Option<&Expression>,
        part: &TypePart,
    ) -> Result<Option<Register>> {
        let hash = matches!(expression, Some(Expression::Selector(Selector::Hash(_))));
        self.operand(expression, Some(part).filter(|_| !hash))
    }

    pub(super) fn tproxy(&mut self, proxy: &Tproxy) -> Result<()> {
        let own = Some(self.scope.family).filter(|family| matches!(*family, Family::IPV4 | Family::IPV6));
        let family = proxy.family.or(own).unwrap_or(Family::UNSPECIFIED);
        let address = self.argument(proxy.address.as_ref(), &address_part(family))?;
        let port = self.operand(proxy.port.as_ref(), Some(&TypePart::of(DataType::INET_SERVICE)))?;
        let code = TransparentProxyAttrs::default().family(u32::from(family.0)).with(|attrs| {
            attrs.address = address;
            attrs.port = port;
        });
        self.code.push(code.into());
        Ok(())
    }
}

/// The type of addresses of a family.
pub(super) fn address_part(family: Family) -> TypePart {
    TypePart::of(if family == Family::IPV6 { DataType::IPV6_ADDR } else { DataType::IPV4_ADDR })
}

/// The first and last value of a prefix.
pub(super) fn prefix_ends(value: &Value, length: u32) -> (Value, Value) {
    let (mut first, mut last) = (value.bytes.to_vec(), value.bytes.to_vec());
    let unused = value.bytes.len() as u32 * 8 - value.bits.min(value.bytes.len() as u32 * 8);
    for bit in unused + length..value.bytes.len() as u32 * 8 {
        if let (Some(first), Some(last)) = (first.get_mut(bit as usize / 8), last.get_mut(bit as usize / 8)) {
            *first &= !(0x80 >> (bit % 8));
            *last |= 0x80 >> (bit % 8);
        }
    }
    let with = |bytes: &[u8]| Value { bytes: crate::ir::Bytes::new(bytes), ..value.clone() };
    (with(&first), with(&last))
}
