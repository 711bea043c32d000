//! The expression that a set's type comes from, as nft notes it down beside the set.
//!
//! The numbers of the entries were observed on the wire.

use netwright_netfilter::Set;
use netwright_netfilter::userdata::{TypeOf, TypeOfKind, entry};

use super::payload;
use crate::ir::{
    CtSelector, Direction, Expression, Exthdr, Fib, Numgen, Payload, PayloadLocation, Rt, Selector, Socket,
    Xfrm, XfrmDirection,
};
use crate::table::header::{ExtensionBase, PayloadBase};
use crate::table::key::{self, FIB_PRESENT, KeyKind, Layer3};
use crate::table::{HeaderId, Key};

/// The expression in an entry of a set's userdata; `None` where there is none that is understood.
pub(super) fn of(set: &Set, kind: u8) -> Option<Box<Expression>> {
    let expression = read(&set.userdata.type_of(kind)?)?;
    // Userdata have little room: of a long key the last parts may be missing.
    let whole = match &expression {
        Expression::Concatenation(_) if kind == entry::SET_KEY_TYPEOF => {
            let parts = expression.parts(&|_| Vec::new());
            let bytes: usize = parts.iter().map(|part| part.bytes().next_multiple_of(4)).sum();
            bytes == set.key_length as usize
        }
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
        | Expression::Exists(_) => true,
    };
    whole.then(|| Box::new(expression))
}

fn read(note: &TypeOf) -> Option<Expression> {
    if note.kind != TypeOfKind::CONCATENATION {
        return selector(note).map(Expression::Selector);
    }
    let parts: Vec<Expression> =
        note.parts()?.iter().map(|part| selector(part).map(Expression::Selector)).collect::<Option<_>>()?;
    (!parts.is_empty()).then_some(Expression::Concatenation(parts))
}

fn selector(note: &TypeOf) -> Option<Selector> {
    let number = |entry| note.data.number(entry);
    let of_kind = |kind: KeyKind| key::by_number(kind, number(0)?);
    let is = |kind: KeyKind| kind.userdata_number() == Some(note.kind.0);
    Some(match note.kind {
        TypeOfKind::PAYLOAD => Selector::Payload(field(note)?),
        TypeOfKind::EXTENSION_HEADER => Selector::Exthdr(option(note)?),
        TypeOfKind::META => Selector::Meta(of_kind(KeyKind::Meta)?),
        TypeOfKind::SOCKET => {
            let key = of_kind(KeyKind::Socket)?;
            Selector::Socket(Socket { key, level: (key.name == "cgroupv2").then_some(0) })
        }
        TypeOfKind::FINGERPRINT => Selector::Osf { ttl: None, version: false },
        TypeOfKind::CT => {
            let direction = match number(1) {
                Some(0) => Some(Direction::Original),
                Some(1) => Some(Direction::Reply),
                _ => None,
            };
            Selector::Ct(CtSelector { key: of_kind(KeyKind::Ct)?, direction })
        }
        _ if is(KeyKind::Rt) => Selector::Rt(Rt { key: of_kind(KeyKind::Rt)? }),
        _ if is(KeyKind::Fib) => {
            let flags = number(1)?;
            let present = flags & FIB_PRESENT != 0;
            Selector::Fib(Fib { flags: flags & !FIB_PRESENT, key: of_kind(KeyKind::Fib)?, present })
        }
        _ if is(KeyKind::Ipsec) => Selector::Xfrm(xfrm(note)?),
        TypeOfKind(NUMGEN) => Selector::Numgen(Numgen {
            random: number(0)? == 1,
            modulus: number(1)?,
            offset: number(2).unwrap_or(0),
        }),
        _ => return None,
    })
}

/// The number of `numgen`.
const NUMGEN: u32 = 23;

fn xfrm(note: &TypeOf) -> Option<Xfrm> {
    let wanted = note.data.number(0)?;
    let fits = |key: &&'static Key| key.number == wanted && key.layer3 != Layer3::Context;
    Some(Xfrm {
        key: key::table(KeyKind::Ipsec).iter().find(fits)?,
        number: note.data.number(1).unwrap_or(0),
        direction: if note.data.number(2) == Some(1) { XfrmDirection::Out } else { XfrmDirection::In },
    })
}

/// 0 the header, 1 the field; without a header 2 the base, 3 the offset, 4 the width in bits; 5 the tunnel.
fn field(note: &TypeOf) -> Option<Payload> {
    let number = |entry| note.data.number(entry);
    let inner = match number(5) {
        Some(tunnel) => Some(HeaderId::by_userdata_number(tunnel)?.header()),
        None => None,
    };
    let location = match number(0)? {
        0 => PayloadLocation::Raw {
            base: PayloadBase(number(2)?.checked_sub(1)?),
            offset: number(3)?,
            bits: number(4).filter(|bits| (1..=512).contains(bits))?,
        },
        header => {
            let header = HeaderId::by_userdata_number(header)?.header();
            PayloadLocation::Field(header, header.field_by_number(number(1)?)?)
        }
    };
    Some(Payload { inner, location })
}

/// 0 the header, 1 the field, 2 where the header is looked for.
fn option(note: &TypeOf) -> Option<Exthdr> {
    let base = ExtensionBase(note.data.number(2).unwrap_or(0));
    let (wanted, field) = (note.data.number(0)?, note.data.number(1)?);
    let found = payload::extensions(base)
        .filter(|header| header.userdata_number == wanted)
        .find_map(|header| Some((header, header.field_by_number(field)?)));
    match found {
        Some((header, field)) => {
            let number = header.extension?.number;
            Some(Exthdr { base, number, header: Some(header), field: Some(field), raw: None })
        }
        None => {
            Some(Exthdr { base, number: u8::try_from(wanted).ok()?, header: None, field: None, raw: None })
        }
    }
}
