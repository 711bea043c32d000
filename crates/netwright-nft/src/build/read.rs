//! Values of the kernel as Rust types: the other way of [`Member`](super::Member).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{
    ArpOperation, ClassId, CtState, CtStatus, Dscp, Ecn, EtherType, GroupId, IcmpType, Icmpv6Type, Interface,
    InterfaceGroup, InterfaceIndex, Mac, Mark, PacketType, Port, Protocol, Realm, Scalar, TcpFlags, UserId,
};
use crate::ir::{Element, Expression, Value, Verdict};
use crate::lower::set::ends;

/// A key of a set that can be read back: a value, or several side by side.
pub trait FromKey: Sized {
    /// The key that has these parts; `None` where they are of another type.
    fn from_parts(parts: &[Value]) -> Option<Self>;
}

/// The keys that an element stands for: from the first to the last, which are the same for a single one. Of several parts side
/// by side each goes from its first to its last.
#[must_use]
pub fn keys<K: FromKey>(element: &Element) -> Option<(K, K)> {
    let key = element.key.as_ref()?;
    let parts = match key {
        Expression::Concatenation(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let (mut first, mut last) = (Vec::with_capacity(parts.len()), Vec::with_capacity(parts.len()));
    for part in parts {
        let (from, to) = ends(part).ok()?;
        first.push(from);
        last.push(to);
    }
    Some((K::from_parts(&first)?, K::from_parts(&last)?))
}

/// What a map leads to that can be read back: a value, several side by side, or a verdict.
pub trait FromData: Sized {
    /// What an element leads to; `None` where it is of another type.
    fn from_data(data: &Expression) -> Option<Self>;
}

impl<T: FromKey> FromData for T {
    fn from_data(data: &Expression) -> Option<Self> {
        let parts = match data {
            Expression::Concatenation(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let value = |part: &Expression| {
            let (first, last) = ends(part).ok()?;
            (first == last).then_some(first)
        };
        T::from_parts(&parts.iter().map(value).collect::<Option<Vec<_>>>()?)
    }
}

impl FromData for Verdict {
    fn from_data(data: &Expression) -> Option<Self> {
        match data {
            Expression::Verdict(verdict) => Some(verdict.clone()),
            _ => None,
        }
    }
}

macro_rules! read {
    ($( $type:ty = |$number:ident: $int:ty| $made:expr; )*) => {$(
        impl FromKey for $type {
            fn from_parts(parts: &[Value]) -> Option<Self> {
                let [value] = parts else { return None };
                if !value.data_type.is_a(<$type as Scalar>::KIND) {
                    return None;
                }
                let $number = <$int>::try_from(value.as_number()?).ok()?;
                Some($made)
            }
        }
    )*};
}

read! {
    u8 = |number: u8| number;
    u16 = |number: u16| number;
    u32 = |number: u32| number;
    u64 = |number: u64| number;
    Ipv4Addr = |number: u32| Ipv4Addr::from_bits(number);
    Ipv6Addr = |number: u128| Ipv6Addr::from_bits(number);
    Port = |number: u16| Port(number);
    Mark = |number: u32| Mark(number);
    UserId = |number: u32| UserId(number);
    GroupId = |number: u32| GroupId(number);
    InterfaceIndex = |number: u32| InterfaceIndex(number);
    InterfaceGroup = |number: u32| InterfaceGroup(number);
    Realm = |number: u32| Realm(number);
    ClassId = |number: u32| ClassId(number);
    Protocol = |number: u8| Protocol(number);
    EtherType = |number: u16| EtherType(number);
    ArpOperation = |number: u16| ArpOperation(number);
    IcmpType = |number: u8| IcmpType(number);
    Icmpv6Type = |number: u8| Icmpv6Type(number);
    PacketType = |number: u8| PacketType(number);
    Dscp = |number: u8| Dscp(number);
    Ecn = |number: u8| Ecn(number);
    CtState = |number: u32| CtState::from_bits_retain(number);
    CtStatus = |number: u32| CtStatus::from_bits_retain(number);
    TcpFlags = |number: u8| TcpFlags::from_bits_retain(number);
}

impl FromKey for Mac {
    fn from_parts(parts: &[Value]) -> Option<Self> {
        let [value] = parts else { return None };
        if !value.data_type.is_a(Mac::KIND) {
            return None;
        }
        Some(Mac(value.bytes[..].try_into().ok()?))
    }
}

impl FromKey for Interface {
    fn from_parts(parts: &[Value]) -> Option<Self> {
        let [value] = parts else { return None };
        if !value.data_type.is_string() {
            return None;
        }
        let name = value.bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(Interface(netwright_wire::text::from_bytes(name).into_owned()))
    }
}

macro_rules! side_by_side {
    ($( ($($type:ident),*) )*) => {$(
        impl<$($type: FromKey),*> FromKey for ($($type,)*) {
            fn from_parts(parts: &[Value]) -> Option<Self> {
                let mut each = parts.chunks(1);
                let key = ($( $type::from_parts(each.next()?)?, )*);
                each.next().is_none().then_some(key)
            }
        }
    )*};
}

side_by_side! { (A, B) (A, B, C) (A, B, C, D) }
