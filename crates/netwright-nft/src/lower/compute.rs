//! Values that are computed: concatenations, combined bits, constants, maps.

use netwright_netfilter::expression::{BitwiseAttrs, BitwiseOp, ByteOrderOp};
use netwright_netfilter::{DataValue, raw};

use super::constant::{self, Form};
use super::load::{Loaded, Place, Purpose};
use super::registers::{cells, register};
use super::relational::has_shift;
use super::rule::Lowering;
use super::{Error, Result};
use crate::ir::{self, BinaryOperator, SetReference, TypePart};
use crate::table::value::greatest;
use crate::table::{ByteOrder, DataType};

impl Lowering<'_> {
    /// The types of an expression's parts.
    pub(super) fn parts(&self, expression: &ir::Expression) -> Vec<TypePart> {
        expression.parts(&|name| self.scope.data_of(name))
    }

    /// Loads the parts of a concatenation, or a single value, into cells from `cell` on.
    pub(super) fn load_parts(
        &mut self,
        expression: &ir::Expression,
        cell: usize,
        purpose: Purpose,
    ) -> Result<Vec<Loaded>> {
        self.load_key_parts(expression, cell, purpose, false)
    }

    /// The same, each part in an order in which the kernel can tell the greater one where `ordered` asks for it.
    pub(super) fn load_key_parts(
        &mut self,
        expression: &ir::Expression,
        cell: usize,
        purpose: Purpose,
        ordered: bool,
    ) -> Result<Vec<Loaded>> {
        let (parts, purpose) = match expression {
            ir::Expression::Concatenation(parts) => (parts.as_slice(), Purpose::Value),
            one @ (ir::Expression::Value(_)
            | ir::Expression::Range(..)
            | ir::Expression::Prefix(..)
            | ir::Expression::Wildcard(_)
            | ir::Expression::Verdict(_)
            | ir::Expression::ObjectName(_)
            | ir::Expression::Flags(_)
            | ir::Expression::Selector(_)
            | ir::Expression::Binary(..)
            | ir::Expression::Set(_)
            | ir::Expression::Map(..)
            | ir::Expression::Exists(_)) => (std::slice::from_ref(one), purpose),
        };
        let mut at = cell;
        let mut loaded = Vec::with_capacity(parts.len());
        for part in parts {
            let constant = match part {
                ir::Expression::Value(value) => Some(TypePart { order: ByteOrder::Big, ..value.part() }),
                ir::Expression::Range(..)
                | ir::Expression::Prefix(..)
                | ir::Expression::Wildcard(_)
                | ir::Expression::Verdict(_)
                | ir::Expression::ObjectName(_)
                | ir::Expression::Flags(_)
                | ir::Expression::Selector(_)
                | ir::Expression::Concatenation(_)
                | ir::Expression::Binary(..)
                | ir::Expression::Set(_)
                | ir::Expression::Map(..)
                | ir::Expression::Exists(_) => None,
            };
            let shifted = self.shifted_number(part);
            let want = shifted.as_ref().or(constant.as_ref().filter(|_| ordered));
            let mut one = self.compute(part, at, purpose, want)?;
            if (ordered || shifted.is_some()) && !one.part.data_type.is_string() {
                one = self.in_order(at, one)?;
            }
            at += cells(one.part.bytes());
            loaded.push(one);
        }
        Ok(loaded)
    }

    /// The type of a number of the packet that is shifted: as the machine's, which is what the kernel shifts.
    fn shifted_number(&self, expression: &ir::Expression) -> Option<TypePart> {
        let part = self.parts(expression).first().copied().filter(|_| has_shift(expression))?;
        let turned = part.order == ByteOrder::Big && part.bytes() > 1;
        turned.then_some(TypePart { order: ByteOrder::Host, ..part })
    }

    /// Computes a value into the registers from a cell on. With `want` it is brought into the byte order and, where
    /// bits are combined, the width of that type.
    pub(super) fn compute(
        &mut self,
        expression: &ir::Expression,
        cell: usize,
        purpose: Purpose,
        want: Option<&TypePart>,
    ) -> Result<Loaded> {
        match expression {
            ir::Expression::Selector(selector) => {
                let loaded = self.load(selector, cell, purpose)?;
                self.convert(loaded, cell, want)
            }
            ir::Expression::Value(value) => self.immediate(value, cell, want),
            ir::Expression::Flags(values) => self.immediate(&or_all(values)?, cell, want),
            ir::Expression::Exists(there) => {
                let value = ir::Value::number(DataType::BOOLEAN, 1, u128::from(*there));
                self.immediate(&value, cell, want)
            }
            ir::Expression::Binary(operator, left, right) => self.binary(*operator, left, right, cell, want),
            ir::Expression::Map(key, map) => {
                self.map(key, map, cell, want)?;
                let part = self.parts(expression).first().copied().or(want.copied());
                let part = part.ok_or_else(|| Error::new("this map has no values that can be used here"))?;
                Ok(Loaded::whole(part))
            }
            ir::Expression::Concatenation(_) => {
                let loaded = self.load_parts(expression, cell, Purpose::Value)?;
                loaded.first().copied().ok_or_else(|| Error::new("an empty concatenation has no value"))
            }
            ir::Expression::Range(..)
            | ir::Expression::Prefix(..)
            | ir::Expression::Wildcard(_)
            | ir::Expression::Verdict(_)
            | ir::Expression::ObjectName(_)
            | ir::Expression::Set(_) => Err(Error::new("this cannot be loaded into a register")),
        }
    }

    /// Puts a constant into a register.
    pub(super) fn immediate(
        &mut self,
        value: &ir::Value,
        cell: usize,
        want: Option<&TypePart>,
    ) -> Result<Loaded> {
        let part = want.copied().unwrap_or_else(|| value.part());
        let bytes = constant::bytes(value, Form::of(&part, false))?;
        self.code.push(raw::immediate(bytes).into(register(cell)?));
        Ok(Loaded::whole(part))
    }

    /// Swaps the bytes of what was loaded where another byte order is wanted.
    pub(super) fn convert(&mut self, loaded: Loaded, cell: usize, want: Option<&TypePart>) -> Result<Loaded> {
        let Some(want) = want else { return Ok(loaded) };
        let multiple = TypePart { bits: loaded.bytes as u32 * 8, ..loaded.part };
        if loaded.part.data_type.is_string() || !constant::differs(&multiple, want) {
            return Ok(loaded);
        }
        let host = want.order == ByteOrder::Host;
        let op = if host { ByteOrderOp::NETWORK_TO_HOST } else { ByteOrderOp::HOST_TO_NETWORK };
        self.swap(cell, loaded.bytes, op)?;
        Ok(Loaded { part: TypePart { order: want.order, ..loaded.part }, ..loaded })
    }

    /// Combines bits. A chain of operations with constants is one mask and one exclusive or.
    fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &ir::Expression,
        right: &ir::Expression,
        cell: usize,
        want: Option<&TypePart>,
    ) -> Result<Loaded> {
        let (left, right) = match (left, right) {
            (ir::Expression::Value(_), right) if is_bitwise(operator) => (right, left),
            both => both,
        };
        let constant = constant_of(right)?;
        if !is_bitwise(operator) {
            let by =
                constant.ok_or_else(|| Error::new("the number of bits to shift by must be a constant"))?;
            return self.shifted(operator, left, &by, cell, want);
        }
        // What is as wide as what is wanted is combined as it is, and swapped in the end.
        let inside = want.filter(|want| !self.is_combined_as_it_is(left, want));
        let loaded = match constant {
            Some(value) => self.combined_with_constant(operator, left, value, cell, inside)?,
            None => self.combined(operator, left, right, cell, inside)?,
        };
        match inside {
            Some(_) => Ok(loaded),
            None => self.convert(loaded, cell, want),
        }
    }

    fn is_combined_as_it_is(&self, left: &ir::Expression, want: &TypePart) -> bool {
        let base = constant_base(left);
        let shifted = matches!(base, ir::Expression::Binary(operator, ..) if !is_bitwise(*operator));
        !shifted && self.parts(base).first().is_some_and(|own| own.bits >= want.bits)
    }

    /// Loads what bits are combined of; it takes as many bytes as what is wanted where that is wider.
    fn load_bits(
        &mut self,
        expression: &ir::Expression,
        cell: usize,
        want: Option<&TypePart>,
    ) -> Result<Loaded> {
        let loaded = self.compute(expression, cell, Purpose::Value, want)?;
        let bytes = want.map_or(loaded.bytes, |want| want.bytes().max(loaded.bytes));
        Ok(Loaded { bytes, ..loaded })
    }

    /// Shifts are done in the byte order that is wanted.
    fn shifted(
        &mut self,
        operator: BinaryOperator,
        of: &ir::Expression,
        by: &ir::Value,
        cell: usize,
        want: Option<&TypePart>,
    ) -> Result<Loaded> {
        let loaded = self.load_bits(of, cell, want)?;
        let by = by.as_number().and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
        let left = operator == BinaryOperator::ShiftLeft;
        let op = if left { BitwiseOp::LEFT_SHIFT } else { BitwiseOp::RIGHT_SHIFT };
        self.shift(cell, loaded.bytes, op, by)?;
        Ok(loaded)
    }

    fn combined_with_constant(
        &mut self,
        operator: BinaryOperator,
        left: &ir::Expression,
        value: ir::Value,
        cell: usize,
        want: Option<&TypePart>,
    ) -> Result<Loaded> {
        let (base, mut steps) = constant_steps(left, operator, value)?;
        // The mask that leaves only the field is one with the others.
        let last = self.last_bits(base).filter(|place| want.is_none() || place.bytes == 1);
        let loaded = match (last, base) {
            (Some(place), ir::Expression::Selector(ir::Selector::Payload(payload))) => {
                let code = self.payload_load(payload, place, cell)?;
                self.emit_inner(code, self.tunnel_of(payload))?;
                steps.insert(0, (BinaryOperator::And, greatest(place.bits).to_be_bytes().to_vec()));
                let own = place.bytes as usize;
                let part = self.parts(base).first().copied().unwrap_or_default();
                Loaded { part, bytes: want.map_or(own, |want| want.bytes().max(own)), shift: 0 }
            }
            _ => self.load_bits(base, cell, want)?,
        };
        let bytes = loaded.bytes;
        let part = want.copied().unwrap_or(TypePart { bits: bytes as u32 * 8, ..loaded.part });
        let form = Form { bytes, ..Form::of(&part, false) };
        let (mask, xor) = combine(&steps, bytes);
        let (mask, xor) = (in_form(&mask, form)?, in_form(&xor, form)?);
        self.bitwise(cell, mask, xor)?;
        Ok(loaded)
    }

    /// Where a field is that ends with a byte and starts within one.
    fn last_bits(&mut self, expression: &ir::Expression) -> Option<Place> {
        let ir::Expression::Selector(ir::Selector::Payload(payload)) = expression else { return None };
        let place = self.payload_place(payload);
        (place.is_partial() && place.shift == 0).then_some(place)
    }

    /// Combines two things that are loaded.
    fn combined(
        &mut self,
        operator: BinaryOperator,
        left: &ir::Expression,
        right: &ir::Expression,
        cell: usize,
        want: Option<&TypePart>,
    ) -> Result<Loaded> {
        let loaded = self.load_bits(left, cell, want)?;
        let second = self.registers.take(&[loaded.bytes])?;
        self.compute(right, second, Purpose::Value, Some(want.unwrap_or(&loaded.part)))?;
        self.registers.release(second);
        let op = match operator {
            BinaryOperator::And => BitwiseOp::AND,
            BinaryOperator::Or => BitwiseOp::OR,
            BinaryOperator::Xor | BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => BitwiseOp::XOR,
        };
        let at = Some(register(cell)?);
        let code =
            BitwiseAttrs::default().source2(register(second)?).op(op).length(loaded.bytes as u32).with(
                |attrs| {
                    attrs.source = at;
                    attrs.destination = at;
                },
            );
        self.code.push(code.into());
        Ok(loaded)
    }

    /// Looks a key up in a map; what it holds goes where the key was.
    fn map(
        &mut self,
        key: &ir::Expression,
        map: &SetReference,
        cell: usize,
        want: Option<&TypePart>,
    ) -> Result<()> {
        let destination = register(cell)?;
        self.look_up_wanted(key, map, cell, Some(destination), false, want)
    }
}

fn is_bitwise(operator: BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor)
}

/// The constant that an expression is, if it is one.
pub(super) fn constant_of(expression: &ir::Expression) -> Result<Option<ir::Value>> {
    Ok(match expression {
        ir::Expression::Value(value) => Some(value.clone()),
        ir::Expression::Flags(values) => Some(or_all(values)?),
        ir::Expression::Range(..)
        | ir::Expression::Prefix(..)
        | ir::Expression::Wildcard(_)
        | ir::Expression::Verdict(_)
        | ir::Expression::ObjectName(_)
        | ir::Expression::Selector(_)
        | ir::Expression::Concatenation(_)
        | ir::Expression::Binary(..)
        | ir::Expression::Set(_)
        | ir::Expression::Map(..)
        | ir::Expression::Exists(_) => None,
    })
}

/// Several flags as one value.
pub(super) fn or_all(values: &[ir::Value]) -> Result<ir::Value> {
    let mut all = values.first().cloned().ok_or_else(|| Error::new("a list of flags is empty"))?;
    let mut bytes = all.bytes.to_vec();
    for value in &values[1..] {
        for (byte, more) in bytes.iter_mut().rev().zip(value.bytes.iter().rev()) {
            *byte |= more;
        }
    }
    all.bytes = ir::Bytes::new(&bytes);
    Ok(all)
}

/// What a chain of operations with constants starts from.
fn constant_base(expression: &ir::Expression) -> &ir::Expression {
    match expression {
        ir::Expression::Binary(operator, left, right)
            if is_bitwise(*operator)
                && matches!(**right, ir::Expression::Value(_) | ir::Expression::Flags(_)) =>
        {
            constant_base(left)
        }
        other @ (ir::Expression::Value(_)
        | ir::Expression::Range(..)
        | ir::Expression::Prefix(..)
        | ir::Expression::Wildcard(_)
        | ir::Expression::Verdict(_)
        | ir::Expression::ObjectName(_)
        | ir::Expression::Flags(_)
        | ir::Expression::Selector(_)
        | ir::Expression::Concatenation(_)
        | ir::Expression::Binary(..)
        | ir::Expression::Set(_)
        | ir::Expression::Map(..)
        | ir::Expression::Exists(_)) => other,
    }
}

/// The mask and exclusive or, most significant byte first, of operations with constants on a field itself: of what is
/// written back to it.
pub(super) fn changed_in_place(
    field: &ir::Expression,
    value: &ir::Expression,
    bytes: usize,
) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let ir::Expression::Binary(operator, left, right) = value else { return Ok(None) };
    let Some(constant) = constant_of(right)?.filter(|_| is_bitwise(*operator)) else { return Ok(None) };
    let (base, steps) = constant_steps(left, *operator, constant)?;
    Ok((base == field).then(|| combine(&steps, bytes)))
}

/// One step of a chain of operations with constants, most significant byte first.
type Step = (BinaryOperator, Vec<u8>);

/// Peels operations with constants off, the innermost first.
fn constant_steps(
    left: &ir::Expression,
    operator: BinaryOperator,
    value: ir::Value,
) -> Result<(&ir::Expression, Vec<Step>)> {
    let mut steps = vec![(operator, bits_of(&value))];
    let mut base = left;
    while let ir::Expression::Binary(inner, left, right) = base {
        let Some(value) = constant_of(right)?.filter(|_| is_bitwise(*inner)) else { break };
        steps.push((*inner, bits_of(&value)));
        base = left;
    }
    steps.reverse();
    Ok((base, steps))
}

/// The bits of a constant, most significant first: a string begins where the string does that it is combined with.
fn bits_of(value: &ir::Value) -> Vec<u8> {
    let mut bytes = value.bytes.to_vec();
    if value.data_type.is_string() {
        bytes.resize(value.part().bytes(), 0);
    }
    bytes
}

/// The mask and exclusive or of a chain of operations.
fn combine(steps: &[Step], bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut mask, mut xor) = (vec![0xff; bytes], vec![0; bytes]);
    for (operator, value) in steps {
        let padded = std::iter::repeat_n(0, bytes.saturating_sub(value.len()))
            .chain(value[value.len().saturating_sub(bytes)..].iter().copied());
        for ((mask, xor), value) in mask.iter_mut().zip(xor.iter_mut()).zip(padded) {
            match operator {
                BinaryOperator::And => {
                    *mask &= value;
                    *xor &= value;
                }
                BinaryOperator::Or => {
                    *mask &= !value;
                    *xor = *xor & !value | value;
                }
                BinaryOperator::Xor | BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => *xor ^= value,
            }
        }
    }
    (mask, xor)
}

/// Bytes, most significant first, as a register has them.
fn in_form(bytes: &[u8], form: Form) -> Result<DataValue> {
    let mut bytes = bytes.to_vec();
    if form.little {
        bytes.reverse();
    }
    DataValue::new(&bytes).map_err(|error| Error::new(error.to_string()))
}
