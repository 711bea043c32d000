//! Long lists of plain elements, straight into the messages.

use netwright_netfilter::userdata::entry;
use netwright_netfilter::{DataValue, Element as KernelElement, ElementFlags, Userdata};

use super::constant::Form;
use super::set::{OPEN, successor};
use crate::ir::{PackedElements, TypePart};

/// The keys as the kernel has them, one at a time.
pub(super) fn keys<'a>(
    parts: &'a [TypePart],
    packed: &'a PackedElements,
) -> impl Iterator<Item = KernelElement> + 'a {
    packed.intervals(parts).map(move |(mut bytes, _)| {
        let mut key = DataValue::default();
        for part in parts {
            let (own, rest) = bytes.split_at(part.bytes().min(bytes.len()));
            bytes = rest;
            let mut own = DataValue::new(own).unwrap_or_default().to_vec();
            if Form::of(part, false).little {
                own.reverse();
            }
            // Keys that are too long were refused with the definition of their set.
            let _ = if parts.len() > 1 { key.extend_part(&own) } else { key.extend(&own) };
        }
        KernelElement::new(key)
    })
}

/// Intervals as their starts and the ends behind them. They are sorted and do not overlap.
pub(super) fn intervals<'a>(
    parts: &'a [TypePart],
    packed: &'a PackedElements,
    below: bool,
) -> impl Iterator<Item = KernelElement> + 'a {
    let width = PackedElements::width(parts);
    let zero = packed.first.get(..width).is_some_and(|first| below && first.iter().any(|&byte| byte != 0));
    let lowest = zero.then(|| end(&vec![0; width]));
    let each = packed.intervals(parts).flat_map(|(first, last)| {
        let mut start = KernelElement::new(DataValue::new(first).unwrap_or_default());
        let behind = successor(last);
        if behind.is_none() {
            let mut notes = Userdata::new();
            // Six bytes always fit.
            let _ = notes.push_number(entry::ELEMENT_FLAGS, OPEN);
            start.userdata = Some(notes);
        }
        [Some(start), behind.map(|behind| end(&behind))].into_iter().flatten()
    });
    lowest.into_iter().chain(each)
}

fn end(key: &[u8]) -> KernelElement {
    let key = DataValue::new(key).unwrap_or_default();
    KernelElement { flags: Some(ElementFlags::INTERVAL_END), ..KernelElement::new(key) }
}
