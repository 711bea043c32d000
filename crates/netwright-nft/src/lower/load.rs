//! Loading what a packet has into registers.

use netwright_netfilter::expression::{
    BitwiseAttrs, BitwiseOp, ByteOrderAttrs, ByteOrderOp, CtAttrs, CtDirection, CtKey, ExtensionHeaderAttrs,
    ExtensionHeaderFlags, ExtensionHeaderOp, FibAttrs, FibFlags, FibResult, FingerprintAttrs,
    FingerprintFlags, HashAttrs, HashKind, InnerAttrs, InnerFlags, InnerKind, MetaAttrs, MetaKey,
    NumberGeneratorAttrs, NumberGeneratorKind, PayloadAttrs, PayloadBase, RouteAttrs, RouteKey, SocketAttrs,
    SocketKey, TunnelAttrs, TunnelKey, XfrmAttrs, XfrmDirection, XfrmKey,
};
use netwright_netfilter::{DataValue, Expression, Register, raw};

use super::Result;
use super::constant::{self, Form};
use super::registers::{cells, register};
use super::rule::Lowering;
use crate::ir::{self, Exthdr, Payload, PayloadLocation, Selector, TypePart, XfrmDirection as Direction};
use crate::table::key::{FIB_PRESENT, Key};
use crate::table::{ByteOrder, Field, Header};

/// What a value is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be compared with constants, which can be moved to where the bits are.
    Compare,
    /// To be used as it is.
    Value,
}

/// What is in a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loaded {
    /// Its type and, as it is there, its byte order.
    pub(super) part: TypePart,
    /// How many bytes were loaded.
    pub(super) bytes: usize,
    /// How many bits the value lies to the left of its end.
    pub(super) shift: u32,
}

impl Loaded {
    pub(super) fn whole(part: TypePart) -> Self {
        Loaded { part, bytes: part.bytes().max(1), shift: 0 }
    }

    /// The form of constants to compare it with.
    pub(super) fn form(&self) -> Form {
        Form { bytes: self.bytes, shift: self.shift, ..Form::of(&self.part, false) }
    }
}

/// Where some bits are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// First byte.
    pub(super) offset: u32,
    /// How many bytes hold them.
    pub(super) bytes: u32,
    /// How many bits they lie to the left of the end of these bytes.
    pub(super) shift: u32,
    /// How many bits.
    pub(super) bits: u32,
}

impl Place {
    pub(super) fn of(offset: u32, bits: u32) -> Place {
        let first = offset / 8;
        let bytes = (offset % 8 + bits).div_ceil(8);
        Place { offset: first, bytes, shift: bytes * 8 - offset % 8 - bits, bits }
    }

    pub(super) fn is_partial(&self) -> bool {
        self.bits != self.bytes * 8
    }
}

impl Lowering<'_> {
    /// Loads a selector into the registers from a cell on.
    pub(super) fn load(&mut self, selector: &Selector, cell: usize, purpose: Purpose) -> Result<Loaded> {
        let part = selector.part();
        match selector {
            Selector::Payload(payload) => {
                let place = self.payload_place(payload);
                let code = self.payload_load(payload, place, cell)?;
                self.emit_inner(code, self.tunnel_of(payload))?;
                self.narrow(part, place, cell, purpose)
            }
            Selector::Exthdr(exthdr) => self.load_exthdr(exthdr, part, cell, purpose),
            Selector::Meta(key) => {
                self.load_meta(key, None, cell)?;
                Ok(Loaded::whole(part))
            }
            Selector::Hash(hash) => {
                self.load_hash(hash, cell)?;
                Ok(Loaded::whole(part))
            }
            other @ (Selector::Ct(_)
            | Selector::Rt(_)
            | Selector::Socket(_)
            | Selector::Fib(_)
            | Selector::Numgen(_)
            | Selector::Xfrm(_)
            | Selector::Osf { .. }
            | Selector::Tunnel(_)) => {
                let code = plain_load(other, register(cell)?);
                self.code.extend(code);
                Ok(Loaded::whole(part))
            }
        }
    }

    /// Loads a `meta` key, of the packet or of what it carries.
    pub(super) fn load_meta(
        &mut self,
        key: &Key,
        tunnel: Option<&'static Header>,
        cell: usize,
    ) -> Result<()> {
        let destination = Some(register(cell)?);
        let code =
            MetaAttrs::default().key(MetaKey(key.number)).with(|attrs| attrs.destination = destination);
        self.emit_inner(code.into(), tunnel)
    }

    /// Loads a field that is whole bytes.
    pub(super) fn load_field(
        &mut self,
        field: &'static Field,
        tunnel: Option<&'static Header>,
        cell: usize,
    ) -> Result<()> {
        let payload =
            Payload { inner: tunnel, location: PayloadLocation::Field(field.header.header(), field) };
        let place = self.payload_place(&payload);
        let code = self.payload_load(&payload, place, cell)?;
        self.emit_inner(code, self.tunnel_of(&payload))
    }

    /// Where the bytes of a payload are.
    pub(super) fn payload_place(&mut self, payload: &Payload) -> Place {
        match &payload.location {
            PayloadLocation::Field(_, field) => {
                let offset = self.context.layer(payload.inner).offset(field);
                Place::of(offset, field.bits)
            }
            PayloadLocation::Raw { offset, bits, .. } => Place::of(*offset, *bits),
        }
    }

    /// The tunnel that an `inner` expression is needed for: fields of some tunnels themselves are read with it too.
    pub(super) fn tunnel_of(&self, payload: &Payload) -> Option<&'static Header> {
        match &payload.location {
            PayloadLocation::Field(header, _) if header.tunnel.is_some_and(|t| t.own_fields_inside) => {
                Some(header.id.header())
            }
            PayloadLocation::Field(..) | PayloadLocation::Raw { .. } => payload.inner,
        }
    }

    pub(super) fn payload_load(&self, payload: &Payload, place: Place, cell: usize) -> Result<Expression> {
        let load = PayloadAttrs::default()
            .destination(register(cell)?)
            .base(PayloadBase(payload.base()))
            .offset(place.offset)
            .length(place.bytes);
        Ok(load.into())
    }

    /// Adds an expression, applied to what a tunnel carries where one is given.
    pub(super) fn emit_inner(&mut self, code: Expression, tunnel: Option<&'static Header>) -> Result<()> {
        let code = match tunnel.and_then(|header| header.tunnel) {
            Some(tunnel) => InnerAttrs::default()
                .number(0)
                .kind(InnerKind(tunnel.kind))
                .flags(InnerFlags::from_bits_retain(tunnel.flags))
                .header_size(tunnel.header_bytes)
                .expression(Box::new(code))
                .into(),
            None => code,
        };
        self.code.push(code);
        Ok(())
    }

    fn load_exthdr(
        &mut self,
        exthdr: &Exthdr,
        part: TypePart,
        cell: usize,
        purpose: Purpose,
    ) -> Result<Loaded> {
        let (place, present) = match (exthdr.field, exthdr.raw) {
            (Some(field), _) => (Place::of(field.offset, field.bits), false),
            (None, Some((offset, bits))) => (Place::of(offset, bits), false),
            (None, None) => (Place::of(0, 8), true),
        };
        let flags = if present { ExtensionHeaderFlags::PRESENT } else { ExtensionHeaderFlags::empty() };
        let load = ExtensionHeaderAttrs::default()
            .destination(register(cell)?)
            .kind(exthdr.number)
            .offset(place.offset)
            .length(place.bytes)
            .op(ExtensionHeaderOp(exthdr.base.0))
            .flags(flags);
        self.code.push(load.into());
        if present {
            Ok(Loaded { part, bytes: 1, shift: 0 })
        } else {
            self.narrow(part, place, cell, purpose)
        }
    }

    /// Leaves only the bits that are meant.
    fn narrow(&mut self, part: TypePart, place: Place, cell: usize, purpose: Purpose) -> Result<Loaded> {
        let bytes = place.bytes as usize;
        if !place.is_partial() {
            return Ok(Loaded { part, bytes, shift: 0 });
        }
        let mask = constant::ones(place.bits, Form { bytes, shift: place.shift, little: false })?;
        self.bitwise(cell, mask, DataValue::new(&vec![0; bytes]).unwrap_or_default())?;
        if purpose == Purpose::Compare || place.shift == 0 {
            return Ok(Loaded { part, bytes, shift: place.shift });
        }
        let mut part = part;
        if bytes > 1 {
            self.swap(cell, bytes, ByteOrderOp::NETWORK_TO_HOST)?;
            part.order = ByteOrder::Host;
        }
        self.shift(cell, bytes, BitwiseOp::RIGHT_SHIFT, place.shift)?;
        Ok(Loaded { part, bytes, shift: 0 })
    }

    /// And with a mask, then exclusive or.
    pub(super) fn bitwise(&mut self, cell: usize, mask: DataValue, xor: DataValue) -> Result<()> {
        self.code.push(raw::bitwise(register(cell)?, register(cell)?, mask, xor));
        Ok(())
    }

    /// Shifts a register.
    pub(super) fn shift(&mut self, cell: usize, bytes: usize, op: BitwiseOp, by: u32) -> Result<()> {
        let at = Some(register(cell)?);
        let data = DataValue::from(by.to_ne_bytes());
        let shift = BitwiseAttrs::default().op(op).length(bytes as u32).data(data.into()).with(|attrs| {
            attrs.source = at;
            attrs.destination = at;
        });
        self.code.push(shift.into());
        Ok(())
    }

    /// Swaps the bytes of a number.
    pub(super) fn swap(&mut self, cell: usize, bytes: usize, op: ByteOrderOp) -> Result<()> {
        let at = Some(register(cell)?);
        let size = [8, 4].into_iter().find(|size| bytes.is_multiple_of(*size)).unwrap_or(2);
        let swap = ByteOrderAttrs::default().op(op).length(bytes as u32).size(size as u32).with(|attrs| {
            attrs.source = at;
            attrs.destination = at;
        });
        self.code.push(swap.into());
        Ok(())
    }

    fn load_hash(&mut self, hash: &ir::Hash, cell: usize) -> Result<()> {
        let mut code = HashAttrs::default()
            .destination(register(cell)?)
            .modulus(hash.modulus)
            .offset(hash.offset)
            .kind(if hash.of.is_some() { HashKind::JENKINS } else { HashKind::SYMMETRIC })
            .with(|attrs| attrs.seed = hash.seed);
        if let Some(of) = &hash.of {
            let parts = self.parts(of);
            let widths: Vec<usize> = parts.iter().map(TypePart::bytes).collect();
            let start = self.registers.take(&widths)?;
            self.load_parts(of, start, Purpose::Value)?;
            self.registers.release(start);
            code.source = Some(register(start)?);
            let length = match widths.as_slice() {
                [one] => *one,
                several => several.iter().map(|&bytes| cells(bytes) * 4).sum(),
            };
            code.length = Some(length as u32);
        }
        self.code.push(code.into());
        Ok(())
    }

    /// And with the mask of a prefix: the oldest form of the operation, which needs no name.
    pub(super) fn prefix_mask(&mut self, cell: usize, mask: DataValue) -> Result<()> {
        let at = Some(register(cell)?);
        let code = BitwiseAttrs::default()
            .length(mask.len() as u32)
            .xor(super::relational::zeros(mask.len()).into())
            .mask(mask.into())
            .with(|attrs| {
                attrs.source = at;
                attrs.destination = at;
            });
        self.code.push(code.into());
        Ok(())
    }
}

impl Payload {
    /// The base in the kernel's numbers.
    pub(super) fn base(&self) -> u32 {
        match &self.location {
            PayloadLocation::Field(header, _) => header.base.0,
            PayloadLocation::Raw { base, .. } => base.0,
        }
    }
}

/// Loads that are one expression and nothing else.
fn plain_load(selector: &Selector, destination: Register) -> Option<Expression> {
    let destination = Some(destination);
    Some(match selector {
        Selector::Ct(ct) => {
            let direction = ct.direction.map(|direction| match direction {
                ir::Direction::Original => CtDirection::ORIGINAL,
                ir::Direction::Reply => CtDirection::REPLY,
            });
            CtAttrs::default()
                .key(CtKey(ct.key.number))
                .with(|attrs| {
                    attrs.destination = destination;
                    attrs.direction = direction;
                })
                .into()
        }
        Selector::Rt(rt) => RouteAttrs::default()
            .key(RouteKey(rt.key.number))
            .with(|attrs| attrs.destination = destination)
            .into(),
        Selector::Socket(socket) => {
            let level = Some(socket.level.unwrap_or(0));
            SocketAttrs::default()
                .key(SocketKey(socket.key.number))
                .with(|attrs| {
                    attrs.destination = destination;
                    attrs.level = level;
                })
                .into()
        }
        Selector::Fib(fib) => {
            let present = if fib.present { FIB_PRESENT } else { 0 };
            FibAttrs::default()
                .flags(FibFlags::from_bits_retain(fib.flags | present))
                .result(FibResult(fib.key.number))
                .with(|attrs| attrs.destination = destination)
                .into()
        }
        Selector::Numgen(numgen) => NumberGeneratorAttrs::default()
            .modulus(numgen.modulus)
            .kind(if numgen.random { NumberGeneratorKind::RANDOM } else { NumberGeneratorKind::INCREMENTAL })
            .offset(numgen.offset)
            .with(|attrs| attrs.destination = destination)
            .into(),
        Selector::Xfrm(xfrm) => XfrmAttrs::default()
            .key(XfrmKey(xfrm.key.number))
            .direction(match xfrm.direction {
                Direction::In => XfrmDirection::IN,
                Direction::Out => XfrmDirection::OUT,
            })
            .number(xfrm.number)
            .with(|attrs| attrs.destination = destination)
            .into(),
        Selector::Osf { ttl, version } => FingerprintAttrs::default()
            .ttl(ttl.unwrap_or(0))
            .with(|attrs| {
                attrs.destination = destination;
                attrs.flags = version.then_some(FingerprintFlags::VERSION);
            })
            .into(),
        Selector::Tunnel(key) => TunnelAttrs::default()
            .key(TunnelKey(key.number))
            .with(|attrs| attrs.destination = destination)
            .into(),
        Selector::Payload(_) | Selector::Exthdr(_) | Selector::Meta(_) | Selector::Hash(_) => return None,
    })
}
