//! Sets of intervals: the kernel has the first key of each and the first key behind it.

use netwright_netfilter::{Data, Element, ElementFlags};

use super::value::Form;

/// Every interval with its first and last key, most significant byte first, and the element that carries what belongs to
/// it.
pub(super) fn pair<'a>(content: &'a [Element], form: &Form) -> Vec<(Vec<u8>, Vec<u8>, &'a Element)> {
    let mut ends: Vec<(Vec<u8>, bool, &Element)> = content
        .iter()
        .filter(|element| !element.has(ElementFlags::CATCH_ALL))
        .filter_map(|element| {
            let key = element.key.as_ref().and_then(Data::value)?;
            Some((form.ordered(key), !element.has(ElementFlags::INTERVAL_END), element))
        })
        .collect();
    // The end of one interval may be the start of the next: the end comes first.
    ends.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
    let mut intervals = Vec::new();
    let mut rest = ends.iter().peekable();
    while let Some((key, starts, element)) = rest.next() {
        if !starts {
            continue;
        }
        let last = match (element.key_end.as_ref().and_then(Data::value), rest.peek()) {
            (Some(end), _) => form.ordered(end),
            (None, Some((next, ..))) => before(next),
            (None, None) => greatest(form, key.len()),
        };
        intervals.push((key.clone(), last, *element));
    }
    intervals
}

/// The key before another.
pub(super) fn before(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (less, borrow) = byte.overflowing_sub(1);
        *byte = less;
        if !borrow {
            break;
        }
    }
    key
}

/// The key behind another.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (more, carry) = byte.overflowing_add(1);
        *byte = more;
        if !carry {
            break;
        }
    }
    key
}

/// The greatest key of a form.
pub(super) fn greatest(form: &Form, length: usize) -> Vec<u8> {
    let mut key = vec![0xff; length];
    let surplus = (length as u32 * 8).saturating_sub(form.part.bits + form.shift);
    for bit in 0..surplus as usize {
        if let Some(byte) = key.get_mut(bit / 8) {
            *byte &= !(0x80 >> (bit % 8));
        }
    }
    key
}
