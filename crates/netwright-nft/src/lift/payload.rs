//! Bytes of the packet to fields of headers.

use super::load::{Bits, OptionBits};
use super::value::number;
use crate::context::Context;
use crate::ir::{Exthdr, Payload, PayloadLocation, Selector};
use crate::table::header::{EXTENSIONS, ExtensionBase, PayloadBase};
use crate::table::value::greatest;
use crate::table::{ByteOrder, Field, Header, HeaderId};

/// Bits of one Ethernet header and of one tag.
const ETHER_BITS: u32 = 112;
const TAG_BITS: u32 = 32;

/// The headers that may lie at some bits, with the offset counted from their own start, the likeliest first.
fn headers(context: &mut Context, bits: &Bits) -> Vec<(&'static Header, u32)> {
    let inside = context.layer(bits.inner);
    match bits.base {
        PayloadBase::LINK => link_headers(inside, bits.offset),
        PayloadBase::NETWORK => {
            inside.network().map(|known| (known.id.header(), bits.offset)).into_iter().collect()
        }
        PayloadBase::TRANSPORT => {
            let known = inside.transport().map_or(HeaderId::Th, |known| known.id);
            vec![(known.header(), bits.offset)]
        }
        PayloadBase::TUNNEL => bits.inner.map(|tunnel| (tunnel, bits.offset)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The same without the ports that all transports share.
fn known_headers(context: &mut Context, bits: &Bits) -> impl Iterator<Item = (&'static Header, u32)> {
    headers(context, bits).into_iter().filter(|(header, _)| header.id != HeaderId::Th)
}

fn link_headers(context: &Context, offset: u32) -> Vec<(&'static Header, u32)> {
    let link = context.link();
    if link.is_empty() {
        return Vec::new();
    }
    let tags = link.iter().filter(|known| known.id == HeaderId::Vlan).count() as u32;
    match offset.checked_sub(ETHER_BITS) {
        None => vec![(HeaderId::Ether.header(), offset)],
        Some(rest) if rest < tags * TAG_BITS => vec![(HeaderId::Vlan.header(), rest % TAG_BITS)],
        Some(_) => Vec::new(),
    }
}

/// The field that covers exactly these bits.
pub(super) fn field(context: &mut Context, bits: &Bits) -> Option<(&'static Header, &'static Field)> {
    let message_type = context.layer(bits.inner).message_type();
    headers(context, bits)
        .into_iter()
        .find_map(|(header, offset)| Some((header, header.field_at(offset, bits.bits, message_type)?)))
}

/// The field that starts at these bits and is the longest of those that are not longer than `limit`.
///
/// Without a known transport there is none: bits beside the ports are of some other header, and those of both are shown as they are.
pub(super) fn field_starting(
    context: &mut Context,
    bits: &Bits,
    limit: impl Fn(u32) -> bool,
) -> Option<(&'static Header, &'static Field)> {
    let message_type = context.layer(bits.inner).message_type();
    let fits = |field: &&'static Field, offset: u32| {
        field.offset == offset
            && limit(field.bits)
            && (field.only_types.is_empty() || message_type.is_some_and(|t| field.only_types.contains(&t)))
    };
    known_headers(context, bits).find_map(|(header, offset)| {
        let field =
            header.fields.iter().filter(|field| fits(field, offset)).max_by_key(|field| field.bits)?;
        Some((header, field))
    })
}

/// The field among loaded bits that contains all of some of them (counted from the right), and how many bits lie to
/// the right of it.
pub(super) fn field_around(
    context: &mut Context,
    bits: &Bits,
    wanted: u128,
) -> Option<(&'static Header, &'static Field, u32)> {
    let fits = |field: &Field, offset: u32| {
        let from = field.offset.checked_sub(offset)?;
        let shift = bits.bits.checked_sub(from + field.bits)?;
        let mask = greatest(field.bits).checked_shl(shift)?;
        (wanted & !mask == 0).then_some(shift)
    };
    headers(context, bits).into_iter().find_map(|(header, offset)| {
        header.fields.iter().find_map(|field| Some((header, field, fits(field, offset)?)))
    })
}

/// The field that covers exactly these bits among others that were loaded with them.
pub(super) fn field_within(context: &mut Context, bits: &Bits) -> Option<(&'static Header, &'static Field)> {
    field(context, bits).filter(|(header, _)| header.id != HeaderId::Th)
}

/// Whether bits are those of an ICMP, ICMPv6 or IGMP message.
pub(super) fn is_message(context: &mut Context, bits: &Bits) -> bool {
    let transport = context.layer(bits.inner).transport().map(|known| known.id);
    let message = matches!(transport, Some(HeaderId::Icmp | HeaderId::Icmpv6 | HeaderId::Igmp));
    message && bits.base == PayloadBase::TRANSPORT
}

/// The bits that a mask keeps, if they lie side by side: first bit from the left and how many.
pub(super) fn region(mask: &[u8]) -> Option<(u32, u32)> {
    let number = number(mask)?;
    let width = mask.len() as u32 * 8;
    let trailing = number.trailing_zeros();
    let length = (number >> trailing.min(127)).trailing_ones();
    (number != 0 && number.count_ones() == length).then(|| (width - trailing - length, length))
}

/// The bits that a mask as long as what was loaded keeps, if they lie side by side.
pub(super) fn kept(bits: &Bits, mask: &[u8]) -> Option<Bits> {
    let (first, length) = region(mask).filter(|_| mask.len() as u32 * 8 == bits.bits)?;
    Some(Bits { offset: bits.offset.checked_add(first)?, bits: length, ..*bits })
}

/// Bits as a selector: a field, or the bits themselves.
pub(super) fn selector(context: &mut Context, bits: &Bits) -> Selector {
    match field(context, bits) {
        Some((header, field)) => located(bits.inner, PayloadLocation::Field(header, field)),
        None => raw(bits),
    }
}

/// Bytes of the packet inside a tunnel, where there is one. Its own fields are not inside, though they are read so.
pub(super) fn located(tunnel: Option<&'static Header>, location: PayloadLocation) -> Selector {
    let own = matches!(location, PayloadLocation::Field(header, _) if Some(header) == tunnel);
    Selector::Payload(Payload { inner: tunnel.filter(|_| !own), location })
}

/// Bits as they are.
pub(super) fn raw(bits: &Bits) -> Selector {
    let location = PayloadLocation::Raw { base: bits.base, offset: bits.offset, bits: bits.bits };
    Selector::Payload(Payload { inner: bits.inner, location })
}

/// The extension header, option or chunk with a number.
pub(crate) fn extension(base: ExtensionBase, number: u8) -> Option<&'static Header> {
    let named: Vec<_> = HeaderId::by_extension_number(base, number).map(|id| id.header()).collect();
    let testable = named.iter().find(|header| header.extension.is_some_and(|e| e.testable));
    testable.or(named.first()).copied()
}

/// Bits of an extension header, option or chunk as a field.
pub(super) fn option_field(bits: &OptionBits) -> Option<Selector> {
    let (header, field) = HeaderId::by_extension_number(bits.base, bits.number).find_map(|id| {
        let header = id.header();
        Some((header, header.field_at(bits.offset, bits.bits, None)?))
    })?;
    Exthdr::of_field(header, field).map(Selector::Exthdr)
}

/// The field of which these are the first bytes, where they are no field themselves.
pub(super) fn option_field_starting(bits: &OptionBits) -> Option<Selector> {
    if option_field(bits).is_some() {
        return None;
    }
    let starts = |field: &&Field| {
        field.offset == bits.offset
            && field.bits > bits.bits
            && field.bits.is_multiple_of(8)
            && field.order == ByteOrder::Big
            && !field.data_type.is_string()
    };
    let (header, field) = HeaderId::by_extension_number(bits.base, bits.number)
        .find_map(|id| Some((id.header(), id.header().fields.iter().find(starts)?)))?;
    Exthdr::of_field(header, field).map(Selector::Exthdr)
}

/// Bits of an option as they are.
pub(super) fn option_bits(bits: &OptionBits) -> Selector {
    let header = extension(bits.base, bits.number);
    let raw = Some((bits.offset, bits.bits));
    Selector::Exthdr(Exthdr { base: bits.base, number: bits.number, header, field: None, raw })
}

/// The extension headers, options or chunks of one kind.
pub(super) fn extensions(base: ExtensionBase) -> impl Iterator<Item = &'static Header> {
    EXTENSIONS.iter().filter(move |header| header.extension.is_some_and(|extension| extension.base == base))
}
