//! Matches: comparisons with constants.

use netwright_netfilter::expression::{ByteOrderOp, CompareOp, RangeOp};
use netwright_netfilter::{DataValue, raw};

use super::compute::or_all;
use super::constant::{self, Form};
use super::load::{Loaded, Place, Purpose};
use super::merge::{Bytes, PieceKind};
use super::registers::register;
use super::rule::Lowering;
use super::{Error, Result};
use crate::context;
use crate::ir::{
    BinaryOperator, Expression, Match, MatchOperator, Payload, PayloadLocation, Selector, TypePart, Value,
};
use crate::table::{ByteOrder, DataType, Field, Header};

impl Lowering<'_> {
    pub(super) fn matched(&mut self, matched: &Match) -> Result<PieceKind> {
        if let Some(kind) = self.whole_bytes(matched)? {
            return Ok(kind);
        }
        if let Expression::Set(reference) = &matched.right {
            let inverted = matched.operator == MatchOperator::NotEqual;
            let widths: Vec<usize> = self.parts(&matched.left).iter().map(TypePart::bytes).collect();
            let cell = self.registers.take(&widths)?;
            self.look_up_key(&matched.left, reference, cell, None, inverted)?;
            return Ok(PieceKind::Match);
        }
        if let Some(simpler) = moved_to_the_right(matched) {
            // Bits within a byte are brought to its end first, as something was computed with them.
            if let (Expression::Selector(selector), Expression::Value(value)) =
                (&simpler.left, &simpler.right)
                && selector.is_partial()
            {
                let cell = self.registers.take(&[selector.part().bytes()])?;
                let loaded = self.load(selector, cell, Purpose::Value)?;
                self.compare_value(cell, loaded, simpler.operator, value)?;
                return Ok(PieceKind::Match);
            }
            return self.matched(&simpler);
        }
        if let (Expression::Selector(selector), Expression::Prefix(value, length)) =
            (&matched.left, &matched.right)
            && self.prefix_in_whole_bytes(selector, matched.operator, value, *length)?
        {
            return Ok(PieceKind::Match);
        }
        if let Some((selector, by, value)) = bits_shifted_out(matched)
            && let Some(()) = self.without_last_bits(selector, by, value, matched.operator)?
        {
            return Ok(PieceKind::Match);
        }
        let part = self.parts(&matched.left).first().copied();
        let bytes = part.map_or(4, |part| part.bytes());
        let cell = self.registers.take(&[bytes])?;
        // The kernel shifts the machine's own numbers.
        let own = part
            .map(|part| TypePart { order: ByteOrder::Host, ..part })
            .filter(|part| part.bytes() > 1 && has_shift(&matched.left));
        let purpose = match (&matched.left, &matched.right) {
            (Expression::Selector(selector), Expression::Prefix(..)) if self.is_within_a_byte(selector) => {
                Purpose::Value
            }
            _ => Purpose::Compare,
        };
        let loaded = self.compute(&matched.left, cell, purpose, own.as_ref())?;
        self.compare_loaded(cell, loaded, matched.operator, &matched.right)?;
        Ok(PieceKind::Match)
    }

    /// Whether a field is part of one byte.
    fn is_within_a_byte(&mut self, selector: &Selector) -> bool {
        self.place_of(selector).is_some_and(|place| place.is_partial() && place.bytes == 1)
    }

    /// Where a field lies.
    pub(super) fn place_of(&mut self, selector: &Selector) -> Option<Place> {
        match selector {
            Selector::Payload(payload) => Some(self.payload_place(payload)),
            Selector::Exthdr(exthdr) => exthdr.field.map(|field| Place::of(field.offset, field.bits)),
            Selector::Meta(_)
            | Selector::Ct(_)
            | Selector::Rt(_)
            | Selector::Socket(_)
            | Selector::Fib(_)
            | Selector::Numgen(_)
            | Selector::Hash(_)
            | Selector::Xfrm(_)
            | Selector::Osf { .. }
            | Selector::Tunnel(_) => None,
        }
    }

    /// Compares a field within a byte with a value, but for its last bits; `None` where that takes more than a byte.
    fn without_last_bits(
        &mut self,
        selector: &Selector,
        by: u32,
        value: &Value,
        operator: MatchOperator,
    ) -> Result<Option<()>> {
        let Selector::Payload(payload) = selector else { return Ok(None) };
        let place = self.payload_place(payload);
        let length = place.bits + place.shift;
        let Some(number) = value.as_number().filter(|_| length + by <= 8) else { return Ok(None) };
        let cell = self.registers.take(&[1])?;
        let kept = (0xff_u8 >> (8 - length)) & (0xff << by);
        match place.shift {
            0 => {
                let code = self.payload_load(payload, place, cell)?;
                self.emit_inner(code, self.tunnel_of(payload))?;
            }
            _ => {
                self.load(selector, cell, Purpose::Value)?;
            }
        }
        let data = |byte: u8| DataValue::new(&[byte]).unwrap_or_default();
        self.bitwise(cell, data(kept), data(0))?;
        let compared = data((number << by) as u8);
        self.code.push(raw::cmp(register(cell)?, compare_op(operator), compared));
        Ok(Some(()))
    }

    /// A field of whole bytes that is compared with one value.
    fn whole_bytes(&mut self, matched: &Match) -> Result<Option<PieceKind>> {
        let equal = match matched.operator {
            MatchOperator::Equal => true,
            MatchOperator::Implicit => !matched.is_any_of_flags(),
            MatchOperator::NotEqual
            | MatchOperator::Less
            | MatchOperator::LessOrEqual
            | MatchOperator::Greater
            | MatchOperator::GreaterOrEqual
            | MatchOperator::NoneOf => false,
        };
        let (Expression::Selector(Selector::Payload(payload)), Expression::Value(value)) =
            (&matched.left, &matched.right)
        else {
            return Ok(None);
        };
        let place = self.payload_place(payload);
        if !equal || place.is_partial() || self.tunnel_of(payload).is_some() {
            return Ok(None);
        }
        let protocol_key = match &payload.location {
            PayloadLocation::Field(_, field) => context::is_protocol_key(field),
            PayloadLocation::Raw { .. } => false,
        };
        let form = Form { bytes: place.bytes as usize, shift: 0, little: false };
        let bytes = Bytes {
            base: payload.base(),
            offset: place.offset,
            value: constant::bytes(value, form)?,
            protocol_key,
        };
        self.code.extend(bytes.code());
        Ok(Some(PieceKind::Bytes(bytes)))
    }

    /// A match of a field on a value, as a dependency.
    pub(super) fn field_equals(
        &mut self,
        field: &'static Field,
        tunnel: Option<&'static Header>,
        value: &Value,
    ) -> Result<PieceKind> {
        let payload =
            Payload { inner: tunnel, location: PayloadLocation::Field(field.header.header(), field) };
        let left = Expression::Selector(Selector::Payload(payload));
        self.matched(&Match { operator: MatchOperator::Equal, left, right: Expression::Value(value.clone()) })
    }

    /// A prefix that ends with a byte: only the bytes in it are compared, and of packets and options only they are loaded.
    fn prefix_in_whole_bytes(
        &mut self,
        selector: &Selector,
        operator: MatchOperator,
        value: &Value,
        length: u32,
    ) -> Result<bool> {
        let part = selector.part();
        let whole =
            length > 0 && length.is_multiple_of(8) && part.bits.is_multiple_of(8) && !part.is_host_number();
        if !whole || length > part.bits {
            return Ok(false);
        }
        let bytes = (length / 8) as usize;
        let all = constant::bytes(value, Form { bytes: part.bytes(), shift: 0, little: false })?;
        let cell = self.registers.take(&[part.bytes()])?;
        match selector {
            Selector::Payload(payload) => {
                let mut place = self.payload_place(payload);
                if place.is_partial() {
                    self.registers.release(cell);
                    return Ok(false);
                }
                place.bytes = bytes as u32;
                let code = self.payload_load(payload, place, cell)?;
                self.emit_inner(code, self.tunnel_of(payload))?;
            }
            other @ (Selector::Exthdr(_)
            | Selector::Meta(_)
            | Selector::Ct(_)
            | Selector::Rt(_)
            | Selector::Socket(_)
            | Selector::Fib(_)
            | Selector::Numgen(_)
            | Selector::Hash(_)
            | Selector::Xfrm(_)
            | Selector::Osf { .. }
            | Selector::Tunnel(_)) => {
                self.load(other, cell, Purpose::Compare)?;
                if let Some(netwright_netfilter::Expression::ExtensionHeader(attrs)) = self.code.last_mut() {
                    attrs.length = Some(bytes as u32);
                }
            }
        }
        let first = DataValue::new(&all[..bytes.min(all.len())]).unwrap_or_default();
        self.code.push(raw::cmp(register(cell)?, compare_op(operator), first));
        Ok(true)
    }

    /// Compares what was loaded with the right side of a match.
    fn compare_loaded(
        &mut self,
        cell: usize,
        loaded: Loaded,
        operator: MatchOperator,
        right: &Expression,
    ) -> Result<()> {
        match right {
            Expression::Value(value) => self.compare_value(cell, loaded, operator, value),
            Expression::Flags(values) if operator == MatchOperator::Implicit => {
                let form = loaded.form();
                self.prefix_mask(cell, constant::bytes(&or_all(values)?, form)?)?;
                self.code.push(raw::cmp(register(cell)?, CompareOp::NEQ, zeros(form.bytes)));
                Ok(())
            }
            Expression::Flags(values) => self.compare_value(cell, loaded, operator, &or_all(values)?),
            Expression::Exists(there) => {
                let value = Value::number(DataType::BOOLEAN, 1, u128::from(*there));
                self.compare_value(cell, loaded, operator, &value)
            }
            Expression::Range(from, to) => {
                let loaded = self.in_order(cell, loaded)?;
                let form = loaded.form();
                let op = if operator == MatchOperator::NotEqual { RangeOp::NEQ } else { RangeOp::EQ };
                let (from, to) = (constant::bytes(from, form)?, constant::bytes(to, form)?);
                self.code.push(raw::range(register(cell)?, op, from, to));
                Ok(())
            }
            Expression::Prefix(value, length) => {
                let form = loaded.form();
                let mask = constant::prefix_mask(*length, loaded.part.bits, form)?;
                let value = and(&constant::bytes(value, form)?, &mask);
                self.prefix_mask(cell, mask)?;
                self.code.push(raw::cmp(register(cell)?, compare_op(operator), value));
                Ok(())
            }
            Expression::Wildcard(value) => {
                let value = DataValue::new(&value.bytes).map_err(|error| Error::new(error.to_string()))?;
                self.code.push(raw::cmp(register(cell)?, compare_op(operator), value));
                Ok(())
            }
            Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..) => Err(Error::new("the right side of a match must be a constant or a set")),
        }
    }

    fn compare_value(
        &mut self,
        cell: usize,
        loaded: Loaded,
        operator: MatchOperator,
        value: &Value,
    ) -> Result<()> {
        let any = operator == MatchOperator::Implicit && has_flags(loaded.part.data_type);
        if any || operator == MatchOperator::NoneOf {
            let form = loaded.form();
            let mask = constant::bytes(value, form)?;
            self.bitwise(cell, mask, zeros(form.bytes))?;
            let op = if any { CompareOp::NEQ } else { CompareOp::EQ };
            self.code.push(raw::cmp(register(cell)?, op, zeros(form.bytes)));
            return Ok(());
        }
        let loaded = if operator.is_ordered() { self.in_order(cell, loaded)? } else { loaded };
        let value = constant::bytes(value, loaded.form())?;
        self.code.push(raw::cmp(register(cell)?, compare_op(operator), value));
        Ok(())
    }

    /// Compares a register with one value.
    pub(super) fn compare(
        &mut self,
        cell: usize,
        part: &TypePart,
        operator: MatchOperator,
        value: &Value,
    ) -> Result<()> {
        let loaded = Loaded { part: *part, bytes: part.bytes().max(1), shift: 0 };
        self.compare_value(cell, loaded, operator, value)
    }

    /// Brings a number into the order in which the kernel can tell the greater one: most significant byte first.
    pub(super) fn in_order(&mut self, cell: usize, loaded: Loaded) -> Result<Loaded> {
        let part = TypePart { bits: loaded.bytes as u32 * 8, ..loaded.part };
        if !part.is_host_number() {
            return Ok(loaded);
        }
        self.swap(cell, loaded.bytes, ByteOrderOp::HOST_TO_NETWORK)?;
        Ok(Loaded { part: TypePart { order: ByteOrder::Big, ..loaded.part }, ..loaded })
    }
}

impl Match {
    /// Whether it holds where any of several flags is set.
    #[must_use]
    pub fn is_any_of_flags(&self) -> bool {
        let data_type = match &self.right {
            Expression::Value(value) => Some(value.data_type),
            Expression::Flags(values) => values.first().map(|value| value.data_type),
            Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => None,
        };
        self.operator == MatchOperator::Implicit && data_type.is_some_and(has_flags)
    }
}

impl Expression {
    /// Whether it covers more than one value, or has a part that does.
    #[must_use]
    pub fn is_interval(&self) -> bool {
        match self {
            Expression::Range(..) | Expression::Prefix(..) | Expression::Wildcard(_) => true,
            Expression::Concatenation(parts) => parts.iter().any(Expression::is_interval),
            Expression::Value(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => false,
        }
    }
}

/// Whether values of a type are flags, of which any is meant where no operator is written.
fn has_flags(data_type: DataType) -> bool {
    data_type.is_bitmask() && data_type != DataType::BITMASK
}

/// `x ^ 3 == 1` is `x == 1 ^ 3`, and `x << 2 == 8` is `x == 8 >> 2`.
fn moved_to_the_right(matched: &Match) -> Option<Match> {
    let plain =
        matches!(matched.operator, MatchOperator::Implicit | MatchOperator::Equal | MatchOperator::NotEqual);
    let (left, undone) = undone(&matched.left).filter(|_| plain)?;
    let Expression::Value(value) = &matched.right else { return None };
    let right = Expression::Value(undone(value)?);
    Some(Match { operator: matched.operator, left: left.clone(), right })
}

/// What an operation with a constant is done to, and the way back from its results.
pub(super) fn undone(computed: &Expression) -> Option<(&Expression, impl Fn(&Value) -> Option<Value>)> {
    let Expression::Binary(operator, of, by) = computed else { return None };
    let Expression::Value(by) = &**by else { return None };
    let by = by.as_number()?;
    let back: fn(u128, u128) -> u128 = match operator {
        BinaryOperator::Xor => |number, by| number ^ by,
        BinaryOperator::ShiftLeft if by < 128 => |number, by| number >> by,
        BinaryOperator::And | BinaryOperator::Or | BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => {
            return None;
        }
    };
    let undo =
        move |value: &Value| Some(Value::number(value.data_type, value.bits, back(value.as_number()?, by)));
    Some((of, undo))
}

/// Whether the lowest bits of something that fills less than a byte are shifted out: `ip hdrlength >> 1 == 1`. They are masked, and the
/// rest is compared where it is.
fn bits_shifted_out(matched: &Match) -> Option<(&Selector, u32, &Value)> {
    let Expression::Binary(BinaryOperator::ShiftRight, left, by) = &matched.left else { return None };
    let (Expression::Selector(selector), Expression::Value(by), Expression::Value(value)) =
        (&**left, &**by, &matched.right)
    else {
        return None;
    };
    let by = u32::try_from(by.as_number()?).ok()?;
    let plain = !matches!(matched.operator, MatchOperator::NoneOf);
    (plain && selector.is_partial() && by < 8).then_some((selector, by, value))
}

/// Whether something is shifted in a computation.
pub(super) fn has_shift(expression: &Expression) -> bool {
    match expression {
        Expression::Binary(BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, ..) => true,
        Expression::Binary(_, left, right) => has_shift(left) || has_shift(right),
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Concatenation(_)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_) => false,
    }
}

fn compare_op(operator: MatchOperator) -> CompareOp {
    match operator {
        MatchOperator::Implicit | MatchOperator::Equal | MatchOperator::NoneOf => CompareOp::EQ,
        MatchOperator::NotEqual => CompareOp::NEQ,
        MatchOperator::Less => CompareOp::LT,
        MatchOperator::LessOrEqual => CompareOp::LTE,
        MatchOperator::Greater => CompareOp::GT,
        MatchOperator::GreaterOrEqual => CompareOp::GTE,
    }
}

pub(super) fn zeros(bytes: usize) -> DataValue {
    DataValue::new(&[0; DataValue::MAXIMUM][..bytes.min(DataValue::MAXIMUM)]).unwrap_or_default()
}

/// The bits that two values share.
fn and(left: &DataValue, right: &DataValue) -> DataValue {
    let bytes: Vec<u8> = left.iter().zip(right.iter()).map(|(left, right)| left & right).collect();
    DataValue::new(&bytes).unwrap_or_default()
}
