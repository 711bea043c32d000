//! Constants.

use netwright_nft::ir::{Bytes, Element, Expression, TypePart, Value};
use netwright_nft::table::DataType;

use super::Generator;

impl Generator {
    /// A value of a type.
    pub(super) fn value(&mut self, part: &TypePart) -> Value {
        if part.data_type.is_string() {
            let text = self.word();
            return Value { data_type: part.data_type, bits: part.bits, bytes: Bytes::new(text.as_bytes()) };
        }
        let number = self.number(part);
        Value::number(part.data_type, part.bits, number)
    }

    /// A number of a type, neither its least nor its greatest.
    fn number(&mut self, part: &TypePart) -> u128 {
        let symbols = part.data_type.symbols();
        if !symbols.is_empty() && (part.data_type.is_bitmask() || self.random.one_in(2)) {
            let number = u128::from(self.random.pick(symbols).value);
            // Names of several bits stand for a list.
            return if part.data_type.is_bitmask() { number & number.wrapping_neg() } else { number };
        }
        let any = u128::from(self.random.number()) << 64 | u128::from(self.random.number());
        let small = if self.random.one_in(2) { 8 } else { part.bits };
        let greatest = |bits: u32| u128::MAX >> (128 - bits.clamp(1, 128));
        match part.data_type {
            DataType::DAY => any % 7,
            DataType::HOUR => any % 1440 * 60,
            // Whole seconds of this century.
            DataType::DATE => (1_500_000_000 + any % 1_000_000_000) * 1_000_000_000,
            DataType::CT_LABEL => 1 << (any % 128),
            DataType::IFACE_INDEX => 1 + any % 1000,
            DataType::TIME => any % 1_000_000 * 1000,
            _ => any & greatest(small) & greatest(part.bits),
        }
    }

    /// A constant to compare with: a value, a range or a prefix.
    pub(super) fn constant(&mut self, part: &TypePart) -> Expression {
        let mut elements = self.sorted(part, 1);
        elements.pop().unwrap_or_else(|| Expression::Value(self.value(part)))
    }

    /// Elements of a set with one part, in order, at least two.
    pub(super) fn elements(&mut self, part: &TypePart) -> Vec<Element> {
        let count = 2 + self.random.below(3);
        self.sorted(part, count).into_iter().map(keyed).collect()
    }

    /// Different constants in order, none of which touches the next.
    pub(super) fn sorted(&mut self, part: &TypePart, count: usize) -> Vec<Expression> {
        if part.data_type.is_string() || !ranges(part) {
            let mut values: Vec<Value> = (0..count).map(|_| self.value(part)).collect();
            values.sort_by(|one, other| one.bytes[..].cmp(&other.bytes[..]));
            values.dedup();
            return values.into_iter().map(Expression::Value).collect();
        }
        // Each in a block of its own.
        let block = 1u128 << (part.bits - 4);
        let mut blocks: Vec<u128> = (0..count).map(|_| 1 + self.random.below(14) as u128).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks.into_iter().map(|number| self.within(part, number * block, block)).collect()
    }

    /// A constant within a block of numbers.
    fn within(&mut self, part: &TypePart, start: u128, size: u128) -> Expression {
        let value = |number| Value::number(part.data_type, part.bits, number);
        let any = u128::from(self.random.number()) % (size / 4);
        let address = matches!(part.data_type, DataType::IPV4_ADDR | DataType::IPV6_ADDR);
        match self.random.below(4) {
            // From an odd number on, and so no prefix.
            0 => Expression::Range(value(start + (any | 1)), value(start + size / 2 + any)),
            1 if address => {
                let length = 5 + self.random.below(part.bits as usize - 5) as u32;
                let mask = u128::MAX << (part.bits - length);
                Expression::Prefix(value((start + any) & mask), length)
            }
            _ => Expression::Value(value(start + any)),
        }
    }
}

/// Whether ranges of a type mean something.
pub(super) fn ranges(part: &TypePart) -> bool {
    let known =
        [DataType::INTEGER, DataType::IPV4_ADDR, DataType::IPV6_ADDR, DataType::INET_SERVICE, DataType::MARK];
    known.contains(&part.data_type) && part.bits >= 8
}

pub(super) fn keyed(key: Expression) -> Element {
    Element { key: Some(key), ..Element::default() }
}
