//! What a field has with some of its bits changed, to be set or compared with.

use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, BitXor, Shl, Shr};

use super::key::Fields;
use super::statement::{Computed, Operand};
use super::value::Constant;
use super::{Invalid, Scalar, Typed};
use crate::ir::{BinaryOperator, Expression, TypePart, Value};
use crate::table::DataType;

/// What a field has, some of its bits changed by `&`, `|`, `^`, `<<` and `>>`: `meta::MARK & 0xff | 0x100`.
///
/// ```
/// use netwright_nft::build::{Chain, Family, Rule, Table, ct, meta};
///
/// let output = Chain::new(&Table::new(Family::INET, "filter"), "output");
/// let kept = Rule::in_chain(&output).set(ct::MARK, meta::MARK & 0xff | 0x100);
/// # let _ = kept;
/// ```
#[derive(Clone, Debug)]
pub struct Bits<T> {
    computed: Result<(Expression, TypePart), Invalid>,
    values: PhantomData<fn() -> T>,
}

impl<T: Scalar> Bits<T> {
    fn of(field: Typed<T>) -> Self {
        let computed = field.part().and_then(|part| Ok((Fields::expression(&field)?, part)));
        Bits { computed, values: PhantomData }
    }

    fn with(self, operator: BinaryOperator, right: impl FnOnce(&TypePart) -> Result<Value, Invalid>) -> Self {
        let computed = self.computed.and_then(|(left, part)| {
            let right = Expression::Value(right(&part)?);
            Ok((Expression::Binary(operator, Box::new(left), Box::new(right)), part))
        });
        Bits { computed, values: PhantomData }
    }
}

fn distance(bits: u32) -> Value {
    Value::number(DataType::INTEGER, 32, bits.into())
}

macro_rules! operators {
    ($( $of:ty => |$it:ident| $bits:expr; )*) => {$(
        operators! { @values $of, $it, $bits, BitAnd bitand And, BitOr bitor Or, BitXor bitxor Xor }
        operators! { @distances $of, $it, $bits, Shl shl ShiftLeft, Shr shr ShiftRight }
    )*};
    (@values $of:ty, $it:ident, $bits:expr, $( $operator:ident $method:ident $name:ident ),*) => {$(
        impl<T: Scalar, C: Constant<T>> $operator<C> for $of {
            type Output = Bits<T>;

            fn $method(self, value: C) -> Bits<T> {
                let $it = self;
                $bits.with(BinaryOperator::$name, |part| value.into_scalar().value(part))
            }
        }
    )*};
    (@distances $of:ty, $it:ident, $bits:expr, $( $operator:ident $method:ident $name:ident ),*) => {$(
        impl<T: Scalar> $operator<u32> for $of {
            type Output = Bits<T>;

            fn $method(self, bits: u32) -> Bits<T> {
                let $it = self;
                $bits.with(BinaryOperator::$name, |_| Ok(distance(bits)))
            }
        }
    )*};
}

operators! {
    Typed<T> => |field| Bits::of(field);
    Bits<T> => |bits| bits;
}

impl<T> Operand<T> for Bits<T> {
    fn operand(self, _: &TypePart) -> Result<Computed, Invalid> {
        self.computed.map(|(expression, _)| Computed { expression, sets: Vec::new() })
    }
}

impl<T: Scalar> Fields for Bits<T> {
    type Value = T;

    fn expression(&self) -> Result<Expression, Invalid> {
        self.computed.clone().map(|(expression, _)| expression)
    }

    fn parts(&self) -> Result<Vec<TypePart>, Invalid> {
        self.computed.clone().map(|(_, part)| vec![part])
    }
}
