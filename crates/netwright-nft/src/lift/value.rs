//! Bytes of registers and elements to constants.

use crate::ir::{Bytes, Expression, TypePart, Value};
use crate::table::DataType;

/// How a value lies in a register or an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// What it is.
    pub(super) part: TypePart,
    /// Least significant byte first.
    pub(super) little: bool,
    /// How many bits lie to the right of it.
    pub(super) shift: u32,
    /// How many bytes it takes.
    pub(super) bytes: usize,
    /// Whether all addresses with the same start are a prefix.
    pub(super) prefixes: bool,
}

impl Form {
    /// The form of a type by itself. `ordered`: most significant byte first whatever the type, as in intervals.
    pub(super) fn of(part: TypePart, bytes: usize, ordered: bool) -> Form {
        let little = cfg!(target_endian = "little") && part.order != crate::table::ByteOrder::Big;
        Form {
            part,
            little: little && !ordered && !part.data_type.is_string(),
            shift: 0,
            bytes,
            prefixes: true,
        }
    }

    /// Bytes with the most significant first.
    pub(super) fn ordered(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if self.little && !self.part.data_type.is_string() {
            bytes.reverse();
        }
        bytes
    }

    /// The constant in bytes of this form.
    pub(super) fn value(&self, bytes: &[u8]) -> Value {
        self.value_of(&self.ordered(bytes))
    }

    /// The constant in bytes whose most significant comes first.
    pub(super) fn value_of(&self, bytes: &[u8]) -> Value {
        let data_type = self.part.data_type;
        if data_type.is_string() {
            let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
            let text = bytes.get(..end).unwrap_or(bytes);
            return Value { data_type, bits: self.part.bits, bytes: Bytes::new(text) };
        }
        match number(bytes) {
            Some(number) => {
                let number = number >> self.shift.min(127);
                let needed = 128 - number.leading_zeros();
                Value::number(data_type, self.part.bits.max(needed), number)
            }
            None => Value { data_type, bits: bytes.len() as u32 * 8, bytes: Bytes::new(bytes) },
        }
    }

    /// All values from one to another, as a prefix where that is how they are listed.
    pub(super) fn range(&self, from: &[u8], to: &[u8]) -> Expression {
        let (first, last) = (self.value_of(from), self.value_of(to));
        if first == last {
            return Expression::Value(first);
        }
        if self.part.data_type.is_string() {
            let same = from.iter().zip(to).take_while(|(from, to)| from == to).count();
            let rest = |bytes: &[u8], byte| bytes.iter().skip(same).all(|&other| other == byte);
            if rest(from, 0) && rest(to, 0xff) {
                return Expression::Wildcard(first);
            }
        }
        let prefix = prefix_length(from, to).filter(|_| self.prefixes && is_address(self.part.data_type));
        match prefix {
            Some(length) => Expression::Prefix(first, length),
            None => Expression::Range(first, last),
        }
    }

    /// As [`range`](Self::range), and what more it takes where no single one says it: names from one to another are those
    /// that begin alike, and single ones.
    pub(super) fn ranges(&self, from: &[u8], to: &[u8]) -> (Expression, Vec<Expression>) {
        let whole = self.range(from, to);
        if !matches!(whole, Expression::Range(..)) || !self.part.data_type.is_string() {
            return (whole, Vec::new());
        }
        let mut pieces = self.names_between(from, to).unwrap_or_default().into_iter();
        match pieces.next() {
            Some(first) => (first, pieces.collect()),
            None => (whole, Vec::new()),
        }
    }

    /// Names from one to another; `None` where there are too many pieces, or one that has no words.
    fn names_between(&self, from: &[u8], to: &[u8]) -> Option<Vec<Expression>> {
        const MOST: usize = 300;
        let mut pieces = Vec::new();
        let mut next = from.to_vec();
        while pieces.len() < MOST {
            let zeros = next.iter().rev().take_while(|&&byte| byte == 0).count();
            let start = (next.len() - zeros).max(1);
            let last_with = |length: usize| {
                let mut last = next.get(..length)?.to_vec();
                last.resize(next.len(), 0xff);
                Some(last)
            };
            // All names with this start, or the one name.
            let (length, last) = match last_with(start)? {
                last if last.as_slice() <= to => (start, last),
                _ if next.as_slice() <= to => (next.len(), next.clone()),
                _ => return None,
            };
            pieces.push(match length == next.len() {
                true => Expression::Value(self.value_of(&next)),
                false => Expression::Wildcard(self.value_of(next.get(..length)?)),
            });
            if last == to {
                return Some(pieces);
            }
            next = super::interval::after(&last);
        }
        None
    }
}

/// Whether ranges of a type are listed as prefixes.
pub(super) fn is_address(data_type: DataType) -> bool {
    matches!(data_type, DataType::IPV4_ADDR | DataType::IPV6_ADDR)
}

/// A number whose most significant byte comes first; `None` where it is longer than 16 bytes.
pub(super) fn number(bytes: &[u8]) -> Option<u128> {
    (bytes.len() <= 16).then(|| bytes.iter().fold(0, |sum, &byte| sum << 8 | u128::from(byte)))
}

/// How many leading bits two ends of a range share, if the range is all values that start with them.
pub(super) fn prefix_length(from: &[u8], to: &[u8]) -> Option<u32> {
    let width = from.len() as u32 * 8;
    let (from, to) = (number(from)?, number(to).filter(|_| from.len() == to.len())?);
    let different = from ^ to;
    let whole = different & different.wrapping_add(1) == 0 && from & different == 0;
    whole.then(|| width - different.count_ones())
}
