//! Long lists of plain elements, without a value of its own for each.

use netwright_netfilter::SetFlags;

use super::{Bytes, Element, Expression, MapTarget, Set, TypePart, Value};

/// Keys of a set or map, or intervals of them, as bytes one behind the other, and what a map holds for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedElements {
    /// The parts of a key side by side, each most significant byte first and in as many bytes as its type has.
    pub first: Vec<u8>,
    /// For a set of intervals: the last key that each covers.
    pub last: Option<Vec<u8>>,
    /// For a map: what it holds for each key, its parts as those of a key.
    pub data: Option<Vec<u8>>,
}

impl PackedElements {
    /// From how many elements on it is worth it.
    pub(crate) const LONG: usize = 256;

    /// Bytes of one key.
    #[must_use]
    pub fn width(parts: &[TypePart]) -> usize {
        parts.iter().map(TypePart::bytes).sum::<usize>().max(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The first and last key of each element, in order.
    pub fn intervals<'a>(&'a self, parts: &[TypePart]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let width = Self::width(parts);
        let last = self.last.as_deref().unwrap_or(&self.first);
        self.first.chunks_exact(width).zip(last.chunks_exact(width))
    }

    /// The keys, in order, with what a map of these values holds for each.
    pub fn keys<'a>(
        &'a self,
        parts: &[TypePart],
        values: &[TypePart],
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let mut data = self.data.as_deref().map(|data| data.chunks_exact(Self::width(values)));
        let of_next = move || data.as_mut().and_then(Iterator::next);
        self.first.chunks_exact(Self::width(parts)).zip(std::iter::repeat_with(of_next))
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self, parts: &[TypePart]) -> usize {
        self.first.len() / Self::width(parts)
    }

    /// The same as single elements of the set that they belong to.
    pub fn elements<'a>(&'a self, set: &'a Set) -> impl Iterator<Item = Element> + 'a {
        let (parts, values) = (&set.key.parts, data_parts(set));
        let keys = self.intervals(parts).zip(self.keys(parts, values));
        keys.map(move |((first, last), (_, data))| {
            let key = match parts.as_slice() {
                [part] if first != last => Expression::Range(value(part, first), value(part, last)),
                parts => constant(parts, first),
            };
            Element { key: Some(key), data: data.map(|data| constant(values, data)), ..Element::default() }
        })
    }

    /// Single values and what a map holds for them; `None` where some are more than that, or where the set holds intervals.
    pub(crate) fn plain(set: &Set, elements: &[Element]) -> Option<Self> {
        let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
        if interval || set.target.is_some() && data_parts(set).is_empty() {
            return None;
        }
        let mut packed = PackedElements::default();
        let plain = elements.iter().all(|element| packed.push(set, element)) && packed.last.is_none();
        plain.then_some(packed)
    }

    /// Takes an element in, where it is plain: a value, prefix or range of whole bytes, and in a map a value.
    pub(crate) fn push(&mut self, set: &Set, element: &Element) -> bool {
        let Element { key: Some(key), data, timeout: None, expires: None, statements, comment: None } =
            element
        else {
            return false;
        };
        if !statements.is_empty() || data.is_some() != set.target.is_some() {
            return false;
        }
        let mark = (self.first.len(), self.data.as_ref().map_or(0, Vec::len));
        let parts = &set.key.parts;
        let ends = match key {
            Expression::Range(..) | Expression::Prefix(..) if set.target.is_none() => {
                crate::lower::set::ends(key).ok()
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
            | Expression::Exists(_) => None,
        };
        let pushed = match (&ends, parts.as_slice()) {
            (Some((first, _)), [part]) => push_value(&mut self.first, first, part),
            (Some(_), _) => false,
            (None, _) => push_constant(&mut self.first, key, parts),
        };
        let whole = pushed
            && match data {
                None => true,
                Some(data) => push_constant(self.data.get_or_insert_default(), data, data_parts(set)),
            };
        if !whole {
            self.first.truncate(mark.0);
            self.data.iter_mut().for_each(|data| data.truncate(mark.1));
            return false;
        }
        let (from, own) = (mark.0, self.first.get(mark.0..).unwrap_or_default());
        match (&mut self.last, ends) {
            (None, None) => {}
            (Some(last), None) => last.extend_from_slice(own),
            (last, Some((_, end))) => {
                let last = last.get_or_insert_with(|| self.first.get(..from).unwrap_or_default().to_vec());
                last.extend_from_slice(&end.bytes);
            }
        }
        true
    }

    /// Brings intervals of one part in order, and joins those that overlap or touch where they are to be merged; false
    /// where some overlap and are not.
    pub(crate) fn put_in_order(&mut self, part: &TypePart, merge: bool) -> bool {
        let width = part.bytes().max(1);
        let last = self.last.take().unwrap_or_else(|| self.first.clone());
        let of = |bytes: &[u8], at: usize| -> Option<u128> {
            let key = bytes.get(at * width..(at + 1) * width)?;
            Some(key.iter().fold(0, |sum, &byte| sum << 8 | u128::from(byte)))
        };
        let count = self.first.len() / width;
        let mut order: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        if !(1..count).all(|at| of(&self.first, at - 1) <= of(&self.first, at)) {
            order.sort_unstable_by_key(|&at| (of(&self.first, at as usize), of(&last, at as usize)));
        }
        let mut sorted = PackedElements { last: Some(Vec::new()), ..PackedElements::default() };
        let mut open: Option<(u128, u128)> = None;
        let close = |sorted: &mut PackedElements, (from, to): (u128, u128)| {
            push(&mut sorted.first, from, part);
            push(sorted.last.get_or_insert_default(), to, part);
        };
        for at in order {
            let (Some(from), Some(to)) = (of(&self.first, at as usize), of(&last, at as usize)) else {
                break;
            };
            open = Some(match open {
                Some((start, end)) if merge && from <= end.saturating_add(1) => (start, end.max(to)),
                Some((_, end)) if from <= end => {
                    self.last = Some(last);
                    return false;
                }
                before => {
                    before.into_iter().for_each(|before| close(&mut sorted, before));
                    (from, to)
                }
            });
        }
        open.into_iter().for_each(|open| close(&mut sorted, open));
        *self = sorted;
        true
    }

    /// Whether these can be elements of a set as it is: ranges belong to intervals of one part, and the values of keys
    /// side by side to a set without intervals.
    pub(crate) fn fits(&self, set: &Set) -> bool {
        let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
        let numbers = set.key.parts.iter().all(|part| part.bits <= 128);
        match (interval, set.key.parts.len()) {
            (true, 1) => set.target.is_none() && numbers,
            (true, _) => false,
            (false, _) => self.last.is_none(),
        }
    }
}

/// The types of what a map holds; empty where that is no value.
pub(crate) fn data_parts(set: &Set) -> &[TypePart] {
    match &set.target {
        Some(MapTarget::Values(spec)) if !set.data_ranges => &spec.parts,
        _ => &[],
    }
}

/// Appends a number in the bytes of a type.
pub(crate) fn push(bytes: &mut Vec<u8>, number: u128, part: &TypePart) {
    let all = number.to_be_bytes();
    bytes.extend_from_slice(&all[all.len() - part.bytes().min(all.len())..]);
}

/// Appends the values of a constant, one for each part; false where it is no such constant.
fn push_constant(bytes: &mut Vec<u8>, constant: &Expression, parts: &[TypePart]) -> bool {
    match (constant, parts) {
        (Expression::Value(value), [part]) => push_value(bytes, value, part),
        (Expression::Concatenation(values), parts) if values.len() == parts.len() => {
            let mut all = values.iter().zip(parts);
            all.all(
                |(value, part)| matches!(value, Expression::Value(value) if push_value(bytes, value, part)),
            )
        }
        _ => false,
    }
}

fn push_value(bytes: &mut Vec<u8>, value: &Value, part: &TypePart) -> bool {
    let fits = value.bytes.len() == part.bytes()
        && value.bits == part.bits
        && value.data_type == part.data_type
        && !part.data_type.is_string()
        && !value.bytes.is_empty();
    if fits {
        bytes.extend_from_slice(&value.bytes);
    }
    fits
}

/// The values of the parts, side by side where they are several.
fn constant(parts: &[TypePart], mut bytes: &[u8]) -> Expression {
    let mut next = |part: &TypePart| {
        let (own, rest) = bytes.split_at(part.bytes().min(bytes.len()));
        bytes = rest;
        value(part, own)
    };
    match parts {
        [part] => Expression::Value(next(part)),
        parts => Expression::Concatenation(parts.iter().map(|part| Expression::Value(next(part))).collect()),
    }
}

fn value(part: &TypePart, bytes: &[u8]) -> Value {
    Value { data_type: part.data_type, bits: part.bits, bytes: Bytes::new(bytes) }
}
