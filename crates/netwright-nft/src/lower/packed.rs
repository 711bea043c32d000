//! Long lists of plain elements, straight into the messages.

use netwright_netfilter::userdata::entry;
use netwright_netfilter::{DataValue, Element as KernelElement, ElementFlags, Userdata, WriteElement};
use netwright_wire::Writer;

use super::constant::Form;
use super::set::{OPEN, successor};
use crate::ir::{PackedElements, TypePart};
use crate::table::value;

/// An element that is on its way into a message.
pub(super) enum Plain {
    Key(DataValue),
    Pair(DataValue, DataValue),
    /// The first key of an interval that has no end.
    Open(Box<KernelElement>),
    /// The first key behind an interval.
    End(DataValue),
}

impl Plain {
    /// Without what a map holds for the key.
    pub(super) fn key_alone(self) -> Plain {
        match self {
            Plain::Pair(key, _) => Plain::Key(key),
            other @ (Plain::Key(_) | Plain::Open(_) | Plain::End(_)) => other,
        }
    }
}

impl WriteElement for Plain {
    fn write_element(&self, writer: &mut Writer) {
        match self {
            Plain::Key(key) => key[..].write_element(writer),
            Plain::Pair(key, data) => (&key[..], &data[..]).write_element(writer),
            Plain::Open(element) => element.write_element(writer),
            Plain::End(key) => {
                let end = KernelElement::new(key.clone()).flags(ElementFlags::INTERVAL_END);
                end.write_element(writer);
            }
        }
    }
}

/// The keys as the kernel has them, one at a time, with what a map of these values holds for each.
pub(super) fn keys<'a>(
    parts: &'a [TypePart],
    values: &'a [TypePart],
    packed: &'a PackedElements,
) -> impl Iterator<Item = Plain> + 'a {
    packed.keys(parts, values).map(move |(key, data)| match data {
        None => Plain::Key(constant(parts, key)),
        Some(data) => Plain::Pair(constant(parts, key), constant(values, data)),
    })
}

/// Parts side by side in the kernel's byte order; several fill whole cells of four.
fn constant(parts: &[TypePart], mut bytes: &[u8]) -> DataValue {
    let mut whole = DataValue::default();
    for part in parts {
        let (own, rest) = bytes.split_at(part.bytes().min(bytes.len()));
        bytes = rest;
        let mut reversed = [0; DataValue::MAXIMUM];
        let own = match reversed.get_mut(..own.len()) {
            Some(place) if Form::of(part, false).little => {
                place.copy_from_slice(own);
                place.reverse();
                &*place
            }
            _ => own,
        };
        // Keys that are too long were refused with the definition of their set.
        let _ = if parts.len() > 1 { whole.extend_part(own) } else { whole.extend(own) };
    }
    whole
}

/// Intervals as their starts and the ends behind them. They are sorted and do not overlap.
pub(super) fn intervals<'a>(
    parts: &'a [TypePart],
    packed: &'a PackedElements,
    below: bool,
) -> impl Iterator<Item = Plain> + 'a {
    let width = PackedElements::width(parts);
    let zero = packed.first.get(..width).is_some_and(|first| below && first.iter().any(|&byte| byte != 0));
    let key = |bytes: &[u8]| DataValue::new(bytes).unwrap_or_default();
    // of a type of some bits the greatest value has no zeros in them
    let greatest = parts.iter().map(|part| value::greatest(part.bits)).next().unwrap_or(u128::MAX);
    let is_greatest =
        move |bytes: &[u8]| bytes.iter().fold(0, |sum, &byte| sum << 8 | u128::from(byte)) == greatest;
    let behind = move |last: &[u8]| if is_greatest(last) { None } else { successor(last) };
    let lowest = zero.then(|| Plain::End(key(&vec![0; width])));
    let each = packed.intervals(parts).map(move |(first, last)| match behind(last) {
        Some(behind) => [Some(Plain::Key(key(first))), Some(Plain::End(key(&behind)))],
        None => {
            let mut notes = Userdata::new();
            // Six bytes always fit.
            let _ = notes.push_number(entry::ELEMENT_FLAGS, OPEN);
            let start = KernelElement::new(key(first)).userdata(notes);
            [Some(Plain::Open(Box::new(start))), None]
        }
    });
    lowest.into_iter().chain(each.flatten().flatten())
}
