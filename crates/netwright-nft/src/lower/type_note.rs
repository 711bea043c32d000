//! The note by which a set remembers the expression its type was taken from.
//!
//! The numbers of the entries were observed on the wire.

use netwright_netfilter::userdata::{TypeOf, TypeOfKind, Userdata, UserdataTooLong};

use crate::ir::{Direction, Expression, Exthdr, Payload, PayloadLocation, Selector, XfrmDirection};
use crate::table::key::{FIB_PRESENT, KeyKind};
use crate::table::{DataType, ExtensionBase};

type Result<T> = std::result::Result<T, UserdataTooLong>;

/// The note of a type that was named, not taken from an expression.
pub(super) fn named() -> TypeOf {
    TypeOf { kind: TypeOfKind::NAMED, data: Userdata::new() }
}

/// The note of the data of a verdict map.
pub(super) fn verdicts() -> TypeOf {
    TypeOf { kind: TypeOfKind(VERDICTS), data: Userdata::new() }
}

/// The note of a map that holds numbers of queues.
pub(super) fn queues() -> Result<TypeOf> {
    TypeOf::with_numbers(TypeOfKind(VERDICTS), &[0])
}

/// The number of verdicts among the kinds of expressions.
const VERDICTS: u32 = 1;

/// The note of an expression.
pub(super) fn type_of(expression: &Expression) -> Result<TypeOf> {
    match expression {
        Expression::Concatenation(parts) => {
            let parts = parts.iter().map(type_of).collect::<Result<Vec<_>>>()?;
            TypeOf::concatenation(&parts)
        }
        Expression::Selector(selector) => of_selector(selector),
        Expression::Binary(_, left, _) => type_of(left),
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_) => Ok(named()),
    }
}

fn of_selector(selector: &Selector) -> Result<TypeOf> {
    let keyed = |kind: KeyKind, numbers: &[u32]| match kind.userdata_number() {
        Some(number) => TypeOf::with_numbers(TypeOfKind(number), numbers),
        None => Ok(named()),
    };
    match selector {
        Selector::Payload(payload) => of_payload(payload),
        Selector::Exthdr(exthdr) => of_exthdr(exthdr),
        Selector::Meta(key) => keyed(KeyKind::Meta, &[key.number]),
        Selector::Ct(ct) => {
            let direction = match ct.direction {
                None => u32::MAX,
                Some(Direction::Original) => 0,
                Some(Direction::Reply) => 1,
            };
            keyed(KeyKind::Ct, &[ct.key.number, direction])
        }
        Selector::Rt(rt) => keyed(KeyKind::Rt, &[rt.key.number]),
        Selector::Socket(socket) => keyed(KeyKind::Socket, &[socket.key.number]),
        Selector::Fib(fib) => {
            let present = if fib.present { FIB_PRESENT } else { 0 };
            keyed(KeyKind::Fib, &[fib.key.number, fib.flags | present])
        }
        Selector::Xfrm(xfrm) => {
            let direction = u32::from(xfrm.direction == XfrmDirection::Out);
            keyed(KeyKind::Ipsec, &[xfrm.key.number, xfrm.number, direction])
        }
        Selector::Osf { .. } => Ok(TypeOf { kind: TypeOfKind::FINGERPRINT, data: Userdata::new() }),
        Selector::Numgen(numgen) => TypeOf::with_numbers(
            TypeOfKind::NUMBER_GENERATOR,
            &[u32::from(numgen.random), numgen.modulus, numgen.offset],
        ),
        Selector::Hash(hash) => {
            let (kind, seed) = (u32::from(hash.of.is_none()), hash.seed.unwrap_or(0));
            let seeded = u32::from(hash.seed.is_some());
            TypeOf::with_numbers(TypeOfKind::HASH, &[kind, hash.offset, hash.modulus, seed, seeded])
        }
        Selector::Tunnel(_) => Ok(named()),
    }
}

/// 0 the header, 1 the field, 2 the base from 1, 3 the offset, 4 the width where the type leaves it open, 5 the tunnel.
fn of_payload(payload: &Payload) -> Result<TypeOf> {
    let mut data = Userdata::new();
    match &payload.location {
        PayloadLocation::Field(header, field) => {
            data.push_number(0, header.userdata_number)?;
            data.push_number(1, field.number)?;
            if field.data_type.bits() == 0 || field.data_type == DataType::HEX_INTEGER {
                data.push_number(4, field.bits)?;
            }
            let own = header.tunnel.filter(|tunnel| tunnel.own_fields_inside).map(|_| *header);
            if let Some(tunnel) = payload.inner.or(own) {
                data.push_number(5, tunnel.userdata_number)?;
            }
        }
        PayloadLocation::Raw { base, offset, bits } => {
            for (entry, number) in [0, 0, base.0 + 1, *offset, *bits].into_iter().enumerate() {
                data.push_number(entry as u8, number)?;
            }
        }
    }
    Ok(TypeOf { kind: TypeOfKind::PAYLOAD, data })
}

/// 1 the field, 2 where the header is looked for unless it is IPv6's, 0 the header. Of what is only there or not, the field that tells its kind.
fn of_exthdr(exthdr: &Exthdr) -> Result<TypeOf> {
    let (field, header) = match (exthdr.base, exthdr.field, exthdr.header) {
        (_, Some(field), Some(header)) => (field.number, header.userdata_number),
        _ if exthdr.raw.is_some() => return Ok(named()),
        (ExtensionBase::IPV4, None, _) => (1, u32::from(exthdr.number)),
        (ExtensionBase::TCP | ExtensionBase::SCTP, None, _) => (0, u32::from(exthdr.number)),
        // nft takes the next header for what is asked for.
        (ExtensionBase::IPV6, None, Some(header)) => (0, header.userdata_number),
        _ => return Ok(named()),
    };
    let mut data = Userdata::new();
    data.push_number(1, field)?;
    if exthdr.base.0 != 0 {
        data.push_number(2, exthdr.base.0)?;
    }
    data.push_number(0, header)?;
    Ok(TypeOf { kind: TypeOfKind::EXTENSION_HEADER, data })
}
