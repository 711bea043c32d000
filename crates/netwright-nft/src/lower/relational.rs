//! Matches: comparisons with constants and look-ups in sets.

use netwright_netfilter::expression::{ByteOrderOp, CompareOp, LookupAttrs, LookupFlags, RangeOp};
use netwright_netfilter::{DataValue, Register, SetFlags, raw};

use super::compute::or_all;
use super::constant::{self, Form};
use super::load::{Loaded, Purpose};
use super::merge::{Bytes, PieceKind};
use super::registers::register;
use super::rule::{AnonymousSet, Lowering};
use super::{Error, Result};
use crate::context;
use crate::ir::{
    self, BinaryOperator, Element, Expression, MapTarget, Match, MatchOperator, Payload, PayloadLocation,
    Selector, SetReference, TypePart, TypeSpec, Value,
};
use crate::table::{ByteOrder, DataType, Field, Header};

/// A set that a look-up names.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) id: Option<u32>,
}

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
                && is_partial(selector)
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
        let loaded = self.compute(&matched.left, cell, Purpose::Compare, own.as_ref())?;
        self.compare_loaded(cell, loaded, matched.operator, &matched.right)?;
        Ok(PieceKind::Match)
    }

    /// Compares a field within a byte with a value, but for its last bits; `None` where that takes more than a byte.
    fn without_last_bits(
        &mut self,
        selector: &Selector,
        by: u32,
        value: &Value,
        operator: MatchOperator,
    ) -> Result<Option<()>> {
        let (from, length) = match selector {
            Selector::Payload(payload) => {
                let place = self.payload_place(payload);
                (place.shift, place.bits + place.shift)
            }
            Selector::Exthdr(_)
            | Selector::Meta(_)
            | Selector::Ct(_)
            | Selector::Rt(_)
            | Selector::Socket(_)
            | Selector::Fib(_)
            | Selector::Numgen(_)
            | Selector::Hash(_)
            | Selector::Xfrm(_)
            | Selector::Osf { .. }
            | Selector::Tunnel(_) => return Ok(None),
        };
        let Some(number) = value.as_number().filter(|_| length + by <= 8) else { return Ok(None) };
        let cell = self.registers.take(&[1])?;
        let kept = (0xff_u8 >> (8 - length)) & (0xff << by);
        match from {
            0 => {
                let Selector::Payload(payload) = selector else { return Ok(None) };
                let place = self.payload_place(payload);
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

    /// A prefix that ends with a byte: only the bytes in it are compared, and of packets only they are loaded.
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

    /// Loads a key and looks it up.
    pub(super) fn look_up_key(
        &mut self,
        key: &Expression,
        reference: &SetReference,
        cell: usize,
        destination: Option<Register>,
        inverted: bool,
    ) -> Result<()> {
        self.look_up_wanted(key, reference, cell, destination, inverted, None)
    }

    /// The same for a map, with the type that is wanted of its values.
    pub(super) fn look_up_wanted(
        &mut self,
        key: &Expression,
        reference: &SetReference,
        cell: usize,
        destination: Option<Register>,
        inverted: bool,
        want: Option<&TypePart>,
    ) -> Result<()> {
        let (parts, shift) = self.load_key(key, reference, cell)?;
        let target = self.target(
            reference,
            Some(key),
            &parts,
            shift,
            want.map(|part| MapTarget::Values(TypeSpec { parts: vec![*part], type_of: None })),
        )?;
        self.push_lookup(target, cell, destination, inverted)
    }

    /// Loads the key of a set or map as its elements have it. Gives the types, and how far to the left the bits lie.
    pub(super) fn load_key(
        &mut self,
        key: &Expression,
        reference: &SetReference,
        cell: usize,
    ) -> Result<(Vec<TypePart>, u32)> {
        let interval = self.is_interval(reference)?;
        let concatenated = matches!(key, Expression::Concatenation(_));
        let in_place = !interval && !concatenated && matches!(reference, SetReference::Anonymous(_));
        let purpose = if in_place { Purpose::Compare } else { Purpose::Value };
        let loaded = self.load_key_parts(key, cell, purpose, interval)?;
        let shift = loaded.first().filter(|_| in_place).map_or(0, |one| one.shift);
        let parts = match loaded.as_slice() {
            [one] if shift > 0 => vec![TypePart { bits: one.bytes as u32 * 8, ..one.part }],
            _ => self.parts(key),
        };
        Ok((parts, shift))
    }

    /// Looks up what is in a register already.
    pub(super) fn look_up(
        &mut self,
        reference: &SetReference,
        parts: &[TypePart],
        cell: usize,
        shift: u32,
        inverted: bool,
    ) -> Result<()> {
        let target = self.target(reference, None, parts, shift, None)?;
        self.push_lookup(target, cell, None, inverted)
    }

    fn push_lookup(
        &mut self,
        target: Target,
        cell: usize,
        destination: Option<Register>,
        inverted: bool,
    ) -> Result<()> {
        let flags = inverted.then_some(LookupFlags::INVERTED);
        let lookup = LookupAttrs::default().source(register(cell)?).set(target.name).with(|attrs| {
            attrs.destination = destination;
            attrs.set_id = target.id;
            attrs.flags = flags;
        });
        self.code.push(lookup.into());
        Ok(())
    }

    fn is_interval(&self, reference: &SetReference) -> Result<bool> {
        Ok(match reference {
            SetReference::Named(name) => self.scope.set(name)?.flags & SetFlags::INTERVAL.bits() != 0,
            SetReference::Anonymous(elements) => {
                elements.iter().any(|element| element.key.as_ref().is_some_and(Expression::is_interval))
            }
        })
    }

    /// The set that is named, or one made of the elements that are written in place.
    pub(super) fn target(
        &mut self,
        reference: &SetReference,
        key: Option<&Expression>,
        parts: &[TypePart],
        shift: u32,
        wanted: Option<MapTarget>,
    ) -> Result<Target> {
        let elements = match reference {
            SetReference::Named(name) => {
                self.scope.set(name)?;
                return Ok(Target { name: name.clone(), id: None });
            }
            SetReference::Anonymous(elements) => elements,
        };
        let interval = self.is_interval(reference)?;
        let mut flags = SetFlags::ANONYMOUS | SetFlags::CONSTANT;
        if interval {
            flags |= SetFlags::INTERVAL;
            if parts.len() > 1 {
                flags |= SetFlags::CONCAT;
            }
        }
        let target = self.map_target(elements, wanted);
        let name = match &target {
            None => "__set%d",
            Some(MapTarget::Objects(_)) => {
                flags |= SetFlags::OBJECT;
                "__objmap%d"
            }
            Some(_) => {
                flags |= SetFlags::MAP;
                "__map%d"
            }
        };
        let ranges =
            elements.iter().any(|element| element.data.as_ref().is_some_and(Expression::is_interval));
        let set = ir::Set {
            family: self.scope.family,
            table: self.scope.table.to_owned(),
            name: name.to_owned(),
            key: TypeSpec { parts: parts.to_vec(), type_of: key.cloned().map(Box::new) },
            target,
            flags: flags.bits(),
            elements: elements.clone(),
            ..ir::Set::default()
        };
        let id = (self.next_id)();
        self.sets.push(AnonymousSet { set, id, shift, ranges });
        Ok(Target { name: name.to_owned(), id: Some(id) })
    }

    fn map_target(&self, elements: &[Element], wanted: Option<MapTarget>) -> Option<MapTarget> {
        let data = elements.iter().find_map(|element| element.data.as_ref());
        match (wanted, data) {
            (wanted, None) => wanted.filter(|wanted| matches!(wanted, MapTarget::Objects(_))),
            (Some(wanted @ MapTarget::Objects(_)), _) => Some(wanted),
            (_, Some(Expression::Verdict(_))) => Some(MapTarget::Verdicts),
            (wanted, Some(data)) => {
                let parts = self.parts(data);
                let same =
                    matches!(&wanted, Some(MapTarget::Values(spec)) if spec.parts.len() == parts.len());
                wanted.filter(|_| same).or(Some(MapTarget::Values(TypeSpec { parts, type_of: None })))
            }
        }
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

/// Whether a field starts or ends within a byte.
fn is_partial(selector: &Selector) -> bool {
    match selector {
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

/// `x ^ 3 == 1` is `x == 1 ^ 3`, and `x << 2 == 8` is `x == 8 >> 2`.
fn moved_to_the_right(matched: &Match) -> Option<Match> {
    let Expression::Binary(operator, left, by) = &matched.left else { return None };
    let (Expression::Value(by), Expression::Value(value)) = (&**by, &matched.right) else { return None };
    let plain =
        matches!(matched.operator, MatchOperator::Implicit | MatchOperator::Equal | MatchOperator::NotEqual);
    let (number, by) = (value.as_number()?, by.as_number()?);
    let moved = match operator {
        BinaryOperator::Xor if plain => number ^ by,
        BinaryOperator::ShiftLeft if plain && by < 128 => number >> by,
        BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::Xor
        | BinaryOperator::ShiftLeft
        | BinaryOperator::ShiftRight => return None,
    };
    Some(Match {
        operator: matched.operator,
        left: (**left).clone(),
        right: Expression::Value(Value::number(value.data_type, value.bits, moved)),
    })
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
    (plain && is_partial(selector) && by < 8).then_some((selector, by, value))
}

/// Whether something is shifted in a computation.
fn has_shift(expression: &Expression) -> bool {
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
