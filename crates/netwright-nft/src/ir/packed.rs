//! Long lists of plain elements, without a value of its own for each.

use super::{Bytes, Element, Expression, TypePart, Value};

/// Keys of a set, or intervals of them, as bytes one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedElements {
    /// The parts of a key side by side, each most significant byte first and in as many bytes as its type has.
    pub first: Vec<u8>,
    /// For a set of intervals: the last key that each covers.
    pub last: Option<Vec<u8>>,
}

impl PackedElements {
    /// Bytes of one key.
    #[must_use]
    pub fn width(parts: &[TypePart]) -> usize {
        parts.iter().map(TypePart::bytes).sum::<usize>().max(1)
    }

    /// The first and last key of each element, in order.
    pub fn intervals<'a>(&'a self, parts: &[TypePart]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let width = Self::width(parts);
        let last = self.last.as_deref().unwrap_or(&self.first);
        self.first.chunks_exact(width).zip(last.chunks_exact(width))
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self, parts: &[TypePart]) -> usize {
        self.first.len() / Self::width(parts)
    }

    /// The same as single elements.
    pub fn elements(&self, parts: &[TypePart]) -> impl Iterator<Item = Element> {
        self.intervals(parts).map(move |(first, last)| {
            let (first, last) = (key(parts, first), key(parts, last));
            let key = match (first.as_slice(), last.as_slice()) {
                ([first], [last]) if first == last => Expression::Value(first.clone()),
                ([first], [last]) => Expression::Range(first.clone(), last.clone()),
                _ => Expression::Concatenation(first.into_iter().map(Expression::Value).collect()),
            };
            Element { key: Some(key), ..Element::default() }
        })
    }
}

/// The parts of a key.
fn key(parts: &[TypePart], mut bytes: &[u8]) -> Vec<Value> {
    let part = |part: &TypePart| {
        let (own, rest) = bytes.split_at(part.bytes().min(bytes.len()));
        bytes = rest;
        Value { data_type: part.data_type, bits: part.bits, bytes: Bytes::new(own) }
    };
    parts.iter().map(part).collect()
}
