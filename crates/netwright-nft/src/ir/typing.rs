//! Types of expressions.

use super::{Expression, Selector, SetReference, TypePart};
use crate::table::key::{FIB_PRESENT, GENERATED_BITS, Key};
use crate::table::{ByteOrder, DataType, Field};

use super::PayloadLocation;

impl TypePart {
    /// The number of a queue, as maps hold it (`typeof ip saddr : queue`).
    pub(crate) const QUEUE: TypePart =
        TypePart { data_type: DataType::INTEGER, bits: 16, order: ByteOrder::Host };

    /// A type in its own width and byte order.
    #[must_use]
    pub fn of(data_type: DataType) -> Self {
        TypePart { data_type, bits: data_type.bits(), order: data_type.order() }
    }

    /// The type of a key.
    #[must_use]
    pub fn of_key(key: &Key) -> Self {
        TypePart { data_type: key.data_type, bits: key.bits, order: key.order }
    }

    /// Width in whole bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bits.div_ceil(8) as usize
    }

    /// Whether the kernel holds it in the machine's byte order and that differs from the network's.
    #[must_use]
    pub fn is_host_number(&self) -> bool {
        self.order == ByteOrder::Host && !self.data_type.is_string() && self.bytes() > 1
    }
}

/// A number that the kernel generates.
const GENERATED: TypePart =
    TypePart { data_type: DataType::INTEGER, bits: GENERATED_BITS, order: ByteOrder::Host };
/// Whether something is there.
const EXISTENCE: TypePart = TypePart { data_type: DataType::BOOLEAN, bits: 1, order: ByteOrder::None };

impl Selector {
    /// Whether it starts or ends within a byte and so is masked where it is loaded.
    pub(crate) fn is_partial(&self) -> bool {
        match self {
            Selector::Payload(payload) => payload.is_partial(),
            Selector::Exthdr(exthdr) => exthdr.field.is_some_and(Field::is_partial),
            Selector::Meta(_)
            | Selector::Ct(_)
            | Selector::Rt(_)
            | Selector::Socket(_)
            | Selector::Fib(_)
            | Selector::Numgen(_)
            | Selector::Hash(_)
            | Selector::Xfrm(_)
            | Selector::Osf { .. }
            | Selector::Tunnel(_) => false,
        }
    }

    /// What is loaded.
    #[must_use]
    pub fn part(&self) -> TypePart {
        match self {
            Selector::Payload(payload) => match &payload.location {
                PayloadLocation::Field(_, field) => {
                    TypePart { data_type: field.data_type, bits: field.bits, order: field.order }
                }
                PayloadLocation::Raw { bits, .. } => {
                    TypePart { data_type: DataType::HEX_INTEGER, bits: *bits, order: ByteOrder::Big }
                }
            },
            Selector::Exthdr(exthdr) => match (exthdr.field, exthdr.raw) {
                (Some(field), _) => {
                    TypePart { data_type: field.data_type, bits: field.bits, order: field.order }
                }
                (None, Some((_, bits))) => {
                    TypePart { data_type: DataType::INTEGER, bits, order: ByteOrder::Big }
                }
                (None, None) => EXISTENCE,
            },
            Selector::Fib(fib) if fib.present || fib.flags & FIB_PRESENT != 0 => EXISTENCE,
            Selector::Fib(fib) => TypePart::of_key(fib.key),
            Selector::Meta(key) | Selector::Tunnel(key) => TypePart::of_key(key),
            Selector::Ct(ct) => TypePart::of_key(ct.key),
            Selector::Rt(rt) => TypePart::of_key(rt.key),
            Selector::Socket(socket) => TypePart::of_key(socket.key),
            Selector::Xfrm(xfrm) => TypePart::of_key(xfrm.key),
            Selector::Numgen(_) | Selector::Hash(_) => GENERATED,
            Selector::Osf { .. } => {
                TypePart { data_type: DataType::STRING, bits: 128, order: ByteOrder::Host }
            }
        }
    }
}

impl Expression {
    /// The types of the parts side by side; empty where there is none (verdicts, objects). `data_of` tells the type of
    /// the data of a named map.
    #[must_use]
    pub fn parts(&self, data_of: &dyn Fn(&str) -> Vec<TypePart>) -> Vec<TypePart> {
        match self {
            Expression::Value(value) | Expression::Range(value, _) | Expression::Prefix(value, _) => {
                vec![value.part()]
            }
            Expression::Wildcard(value) => vec![value.part()],
            Expression::Flags(values) => values.first().map(|value| value.part()).into_iter().collect(),
            Expression::Selector(selector) => vec![selector.part()],
            Expression::Concatenation(parts) => parts.iter().flat_map(|part| part.parts(data_of)).collect(),
            Expression::Binary(_, left, right) => match (&**left, &**right) {
                (Expression::Value(_), right) => right.parts(data_of),
                (left, _) => left.parts(data_of),
            },
            Expression::Map(_, SetReference::Named(name)) => data_of(name),
            Expression::Map(_, SetReference::Anonymous(elements)) => {
                let data = elements.iter().find_map(|element| element.data.as_ref());
                data.map(|data| data.parts(data_of)).unwrap_or_default()
            }
            Expression::Exists(_) => vec![EXISTENCE],
            Expression::Verdict(_) | Expression::ObjectName(_) | Expression::Set(_) => Vec::new(),
        }
    }
}

impl super::Value {
    /// The type of the value.
    #[must_use]
    pub fn part(&self) -> TypePart {
        TypePart { data_type: self.data_type, bits: self.bits, order: self.data_type.order() }
    }
}
