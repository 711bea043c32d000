//! Expressions that load: what they load, before it is known what the bytes of the packet mean.

use netwright_netfilter::Expression as Kernel;
use netwright_netfilter::expression::{
    CtAttrs, ExtensionHeaderAttrs, ExtensionHeaderFlags, FibAttrs, FibFlags, FingerprintFlags, HashKind,
    NumberGeneratorKind, SocketAttrs, XfrmAttrs, XfrmDirection as KernelDirection,
};

use super::register::Held;
use crate::ir::{CtSelector, Direction, Exthdr, Fib, Numgen, Rt, Selector, Socket, Xfrm, XfrmDirection};
use crate::table::header::{HEADERS, PayloadBase};
use crate::table::key::{self, KeyKind, Layer3};
use crate::table::{ExtensionBase, Header};

/// Something loaded.
#[derive(Clone, Debug)]
pub(super) enum Load {
    /// Bytes of the packet.
    Payload(Bits),
    /// Bytes of an extension header or option.
    Exthdr(OptionBits),
    /// A key of `meta` inside a tunnel.
    InnerMeta(&'static Header, &'static key::Key),
    /// What needs no context to be understood.
    Plain(Selector),
    /// `jhash` of other registers.
    Hash {
        /// What is hashed.
        of: Vec<Held>,
        /// Numbers are below this.
        modulus: u32,
        /// Start of the hash.
        seed: Option<u32>,
        /// Added to each.
        offset: u32,
    },
}

/// Bits of the packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bits {
    /// The tunnel whose inside is meant.
    pub(super) inner: Option<&'static Header>,
    /// Where the offset counts from.
    pub(super) base: PayloadBase,
    /// First bit.
    pub(super) offset: u32,
    /// How many bits.
    pub(super) bits: u32,
}

/// Bits of an extension header, option or chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OptionBits {
    /// Where it is looked for.
    pub(super) base: ExtensionBase,
    /// Its number.
    pub(super) number: u8,
    /// First bit.
    pub(super) offset: u32,
    /// How many bits.
    pub(super) bits: u32,
}

/// What an expression loads and how many bytes that are; `None` where it is not understood.
pub(super) fn load(expression: &Kernel) -> Option<(Load, usize)> {
    let plain = |selector: Selector| {
        let bytes = selector.part().bytes();
        Some((Load::Plain(selector), bytes))
    };
    match expression {
        Kernel::Payload(attrs) => {
            let bits = Bits {
                inner: None,
                base: PayloadBase(attrs.base?.0),
                offset: attrs.offset?.checked_mul(8)?,
                bits: length(attrs.length)?,
            };
            Some((Load::Payload(bits), bits.bits as usize / 8))
        }
        Kernel::Meta(attrs) => plain(Selector::Meta(key::by_number(KeyKind::Meta, attrs.key?.0)?)),
        Kernel::Ct(attrs) => plain(Selector::Ct(ct(attrs)?)),
        Kernel::Route(attrs) => plain(Selector::Rt(Rt { key: key::by_number(KeyKind::Rt, attrs.key?.0)? })),
        Kernel::Socket(attrs) => plain(Selector::Socket(socket(attrs)?)),
        Kernel::Fingerprint(attrs) => {
            let version = attrs.flags.is_some_and(|flags| flags.contains(FingerprintFlags::VERSION));
            plain(Selector::Osf { ttl: attrs.ttl.filter(|ttl| *ttl != 0), version })
        }
        Kernel::Fib(attrs) => plain(Selector::Fib(fib(attrs)?)),
        Kernel::NumberGenerator(attrs) => plain(Selector::Numgen(Numgen {
            random: attrs.kind? == NumberGeneratorKind::RANDOM,
            modulus: attrs.modulus?,
            offset: attrs.offset.unwrap_or(0),
        })),
        Kernel::Hash(attrs) if attrs.kind == Some(HashKind::SYMMETRIC) => {
            plain(Selector::Hash(crate::ir::Hash {
                of: None,
                modulus: attrs.modulus?,
                seed: None,
                offset: attrs.offset.unwrap_or(0),
            }))
        }
        Kernel::Xfrm(attrs) => plain(Selector::Xfrm(xfrm(attrs)?)),
        Kernel::Tunnel(attrs) => plain(Selector::Tunnel(key::by_number(KeyKind::Tunnel, attrs.key?.0)?)),
        Kernel::ExtensionHeader(attrs) => exthdr(attrs),
        Kernel::Inner(attrs) => {
            let kind = attrs.kind?.0;
            let tunnel = HEADERS.iter().find(|header| header.tunnel.is_some_and(|t| t.kind == kind))?;
            match (attrs.expression.as_deref()?, load(attrs.expression.as_deref()?)?) {
                (_, (Load::Payload(bits), bytes)) => {
                    Some((Load::Payload(Bits { inner: Some(tunnel), ..bits }), bytes))
                }
                (_, (Load::Plain(Selector::Meta(key)), bytes)) => Some((Load::InnerMeta(tunnel, key), bytes)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A length in bytes as bits: registers hold 64 bytes.
fn length(bytes: Option<u32>) -> Option<u32> {
    bytes.filter(|bytes| (1..=64).contains(bytes)).map(|bytes| bytes * 8)
}

pub(super) fn ct(attrs: &CtAttrs) -> Option<CtSelector> {
    let direction = match attrs.direction.map(|direction| direction.0) {
        None => None,
        Some(0) => Some(Direction::Original),
        Some(1) => Some(Direction::Reply),
        Some(_) => return None,
    };
    Some(CtSelector { key: key::by_number(KeyKind::Ct, attrs.key?.0)?, direction })
}

fn socket(attrs: &SocketAttrs) -> Option<Socket> {
    let key = key::by_number(KeyKind::Socket, attrs.key?.0)?;
    Some(Socket { key, level: attrs.level.filter(|_| key.name == "cgroupv2") })
}

fn fib(attrs: &FibAttrs) -> Option<Fib> {
    let flags = attrs.flags?;
    Some(Fib {
        flags: (flags - FibFlags::PRESENT).bits(),
        key: key::by_number(KeyKind::Fib, attrs.result?.0)?,
        present: flags.contains(FibFlags::PRESENT),
    })
}

fn xfrm(attrs: &XfrmAttrs) -> Option<Xfrm> {
    let direction = match attrs.direction? {
        KernelDirection::IN => XfrmDirection::In,
        KernelDirection::OUT => XfrmDirection::Out,
        _ => return None,
    };
    let key = key::table(KeyKind::Ipsec)
        .iter()
        .find(|key| Some(key.number) == attrs.key.map(|key| key.0) && key.layer3 != Layer3::Context)?;
    Some(Xfrm { direction, number: attrs.number.unwrap_or(0), key })
}

fn exthdr(attrs: &ExtensionHeaderAttrs) -> Option<(Load, usize)> {
    let base = ExtensionBase(attrs.op.map_or(0, |op| op.0));
    let number = attrs.kind?;
    if attrs.flags.is_some_and(|flags| flags.contains(ExtensionHeaderFlags::PRESENT)) {
        let header = super::payload::extension(base, number);
        let exists = Exthdr { base, number, header, field: None, raw: None };
        return Some((Load::Plain(Selector::Exthdr(exists)), 1));
    }
    let option = OptionBits {
        base,
        number,
        offset: attrs.offset.unwrap_or(0).checked_mul(8)?,
        bits: length(attrs.length)?,
    };
    Some((Load::Exthdr(option), option.bits as usize / 8))
}
