//! Comparisons and look-ups.

use netwright_netfilter::expression::{
    CompareAttrs, CompareOp, LookupAttrs, LookupFlags, RangeAttrs, RangeOp,
};
use netwright_netfilter::{Data, Register};

use super::load::{Bits, Load};
use super::payload;
use super::register::{Held, Operand};
use super::resolve::Resolved;
use super::rule::Lifter;
use super::value::{self, Form};
use crate::context::Context;
use crate::ir::{
    BinaryOperator, Expression, Match, MatchOperator, PayloadLocation, Selector, Statement, Value,
};
use crate::table::DataType;
use crate::table::value::bits_of;

impl Lifter<'_> {
    pub(super) fn compare(&mut self, attrs: &CompareAttrs) -> Option<()> {
        let held = self.registers.at(attrs.source)?.clone();
        let data = attrs.data.as_ref().and_then(Data::value).cloned()?;
        let op = attrs.op?;
        if let Operand::Load(Load::InnerMeta(tunnel, key)) = held.operand {
            let number =
                u32::try_from(Resolved::of(Selector::Meta(key)).form.value(&data).as_number()?).ok()?;
            let raw = self.raw(&[&held]);
            self.done(&[&held]);
            if op == CompareOp::EQ {
                self.push_inner(tunnel, key, number, raw);
            } else {
                self.push(raw);
            }
            return Some(());
        }
        let matches = self.comparison(&held, op, &data)?;
        self.done(&[&held]);
        for matched in matches {
            self.push_match(matched);
        }
        Some(())
    }

    /// Adds a match; two that are the ends of a range become one.
    fn push_match(&mut self, matched: Match) {
        if matched.operator == MatchOperator::LessOrEqual
            && let Some(Some(Statement::Match(before))) = self.statements.last_mut()
            && before.operator == MatchOperator::GreaterOrEqual
            && before.left == matched.left
            && let (Expression::Value(from), Expression::Value(to)) = (&before.right, &matched.right)
            && from.as_number() <= to.as_number()
        {
            *before = Match {
                operator: implicit(&matched.left),
                right: Expression::Range(from.clone(), to.clone()),
                left: matched.left,
            };
            return;
        }
        self.push(Statement::Match(matched));
    }

    fn comparison(&mut self, held: &Held, op: CompareOp, data: &[u8]) -> Option<Vec<Match>> {
        let equality = op == CompareOp::EQ || op == CompareOp::NEQ;
        if let (Operand::Load(Load::Payload(bits)), true) = (&held.operand, equality)
            && payload::field(&mut self.context, bits).is_none()
            && let Some(matches) =
                self.split(Bits { bits: data.len() as u32 * 8, ..*bits }, op, value::number(data)?, true)
        {
            return Some(matches);
        }
        if let (Operand::Load(Load::Exthdr(bits)), true) = (&held.operand, equality)
            && let Some(whole) = payload::option_field_starting(bits)
        {
            return Some(vec![compared(Resolved::of(whole), op, data)?]);
        }
        if let (Operand::Masked { of, mask, xor }, true) = (&held.operand, equality)
            && xor.iter().all(|&byte| byte == 0)
            && let Some(matched) = self.masked_comparison(of, mask, op, data)
        {
            return Some(vec![matched]);
        }
        if let Operand::Masked { of, mask, xor } = &held.operand
            && let Operand::Load(Load::Payload(bits)) = **of
            && xor.iter().all(|&byte| byte == 0)
        {
            if let Some(matches) = self.split_masked(&bits, mask, op, data) {
                return Some(matches);
            }
            if let Some(part) = self.part_of_payload(&bits, mask, true) {
                return Some(vec![compared(part, op, data)?]);
            }
        }
        let resolved = self.resolve(held)?;
        if !equality && has_no_order(held, &resolved.form) {
            return None;
        }
        Some(vec![compared(resolved, op, data)?])
    }

    /// A comparison of several neighbouring fields that a mask keeps.
    fn split_masked(&mut self, bits: &Bits, mask: &[u8], op: CompareOp, data: &[u8]) -> Option<Vec<Match>> {
        let kept = payload::kept(bits, mask)?;
        if payload::field(&mut self.context, bits).is_some()
            || payload::field(&mut self.context, &kept).is_some()
        {
            return None;
        }
        let trailing = bits.offset + bits.bits - kept.offset - kept.bits;
        self.split(kept, op, value::number(data)? >> trailing, false)
    }

    /// A comparison of several neighbouring fields at once; where `starts`, the last may be the start of one.
    fn split(&mut self, bits: Bits, op: CompareOp, number: u128, starts: bool) -> Option<Vec<Match>> {
        let mut context: Context = self.context.clone();
        let mut matches = Vec::new();
        let (mut rest, mut left) = (bits, bits.bits);
        while left > 0 {
            let whole = payload::field_starting(&mut context, &rest, |bits| bits <= left);
            let start = || payload::field_starting(&mut self.context.clone(), &rest, |bits| bits > left);
            let (header, field, length) = match whole {
                Some((header, field)) => (header, field, field.bits),
                None => start().filter(|_| starts).map(|(header, field)| (header, field, left))?,
            };
            let location = PayloadLocation::Field(header, field);
            let selector = payload::located(rest.inner, location);
            let resolved = Resolved::of(selector);
            left -= length;
            let these = number >> left & crate::table::value::greatest(length);
            let mut part = resolved.form.part;
            let mut operator = operator(op)?;
            // Flags in a list would be any of them.
            if operator == MatchOperator::Implicit && has_flags(part.data_type) {
                (operator, part.data_type) = (MatchOperator::Equal, DataType::HEX_INTEGER);
            }
            let value = Value::number(part.data_type, part.bits, these << (field.bits - length));
            let right = match length < field.bits {
                true => Expression::Prefix(value, length),
                false => Expression::Value(value),
            };
            let matched = Match { operator, left: resolved.expression, right };
            context.learn(&matched, None);
            matches.push(matched);
            rest.offset += length;
        }
        (matches.len() == 1 || op == CompareOp::EQ).then_some(matches)
    }

    /// `ip saddr 10.0.0.0/9`, `tcp flags syn,ack` (any of them), `tcp flags ! syn` (none of them).
    fn masked_comparison(&mut self, of: &Operand, mask: &[u8], op: CompareOp, data: &[u8]) -> Option<Match> {
        let whole = match of {
            Operand::Load(Load::Payload(bits)) => payload::field(&mut self.context, bits).is_some(),
            _ => true,
        };
        let held = Held { operand: of.clone(), bytes: mask.len(), parts: 1, from: Vec::new() };
        let resolved = self.resolve(&held).filter(|resolved| whole && resolved.form.bytes == mask.len())?;
        let (mask, data) = (resolved.form.ordered(mask), resolved.form.ordered(data));
        let data_type = resolved.form.part.data_type;
        if value::is_address(data_type) {
            // The first bytes alone are another prefix than the mask says.
            if data.len() != mask.len() {
                return None;
            }
            // A bit that the mask clears cannot be one: that never holds, and is no prefix.
            let lost = mask.iter().zip(&data).any(|(mask, data)| data & !mask != 0);
            let length = value::number(&mask)?.checked_shl(128 - mask.len() as u32 * 8)?.leading_ones();
            let contiguous = mask.iter().map(|byte| byte.count_ones()).sum::<u32>() == length;
            if lost || !contiguous {
                return None;
            }
            let right = Expression::Prefix(resolved.form.value_of(&data), length);
            return Some(Match { operator: operator(op)?, left: resolved.expression, right });
        }
        if has_flags(data_type) && data.iter().all(|&byte| byte == 0) {
            let operator = if op == CompareOp::NEQ { MatchOperator::Implicit } else { MatchOperator::NoneOf };
            let value = resolved.form.value_of(&mask);
            return Some(Match { operator, left: resolved.expression, right: flags(value) });
        }
        None
    }

    pub(super) fn range(&mut self, attrs: &RangeAttrs) -> Option<()> {
        let held = self.registers.at(attrs.source)?.clone();
        let resolved = self.resolve(&held)?;
        let bytes = |data: &Option<Data>| data.as_ref().and_then(Data::value).cloned();
        let (from, to) = (bytes(&attrs.from)?, bytes(&attrs.to)?);
        let form = resolved.form;
        if has_no_order(&held, &form) || from.len() < form.bytes {
            return None;
        }
        let (from, to) = (form.value(&from), form.value(&to));
        let (operator, right) = match attrs.op? {
            RangeOp::EQ => (implicit(&resolved.expression), Expression::Range(from, to)),
            // Hours go round: all but those from one to another are those from the other to the one.
            RangeOp::NEQ if form.part.data_type == DataType::HOUR => {
                (MatchOperator::Implicit, Expression::Range(to, from))
            }
            RangeOp::NEQ => (MatchOperator::NotEqual, Expression::Range(from, to)),
            _ => return None,
        };
        self.done(&[&held]);
        self.push(Statement::Match(Match { operator, left: resolved.expression, right }));
        Some(())
    }

    pub(super) fn lookup(&mut self, attrs: &LookupAttrs) -> Option<()> {
        let name = attrs.set.as_deref()?;
        let key = self.key_at(attrs.source, name)?;
        let values: Vec<&Held> = key.iter().collect();
        let from: Vec<usize> = key.iter().flat_map(|held| held.from.iter().copied()).collect();
        match attrs.destination {
            Some(Register::VERDICT) => {
                let (expression, forms) = self.resolve_key(&key, name)?;
                let (map, _) = self.map_reference(name, &forms);
                self.done(&values);
                self.push(Statement::VerdictMap(expression, map));
            }
            Some(destination) => {
                let bytes = self.scope.set(name).and_then(|(set, _)| set.data_length).unwrap_or(4).min(64);
                let parts = key.iter().map(|held| held.parts).sum::<usize>() + 1;
                let operand = Operand::Map { key, set: name.to_owned() };
                return self.put(Some(destination), operand, bytes as usize, parts, &[&from]);
            }
            None => {
                let (left, forms) = self.resolve_key(&key, name)?;
                let (set, _) = self.map_reference(name, &forms);
                let inverted = attrs.flags.is_some_and(|flags| flags.contains(LookupFlags::INVERTED));
                let operator = if inverted { MatchOperator::NotEqual } else { MatchOperator::Implicit };
                self.done(&values);
                self.push(Statement::Match(Match { operator, left, right: Expression::Set(set) }));
            }
        }
        Some(())
    }

    /// The key for a set in registers.
    pub(super) fn key_at(&self, register: Option<Register>, set: &str) -> Option<Vec<Held>> {
        match self.scope.set(set) {
            Some((set, _)) => self.registers.span(register, set.key_length.min(64) as usize),
            None => self.registers.at(register).map(|held| vec![held.clone()]),
        }
    }
}

/// Bits of a value as flags: one value each.
fn flags(value: Value) -> Expression {
    let number = value.as_number().unwrap_or(0);
    if number.count_ones() < 2 {
        return Expression::Value(value);
    }
    Expression::Flags(bits_of(number).map(|bit| Value::number(value.data_type, value.bits, bit)).collect())
}

fn operator(op: CompareOp) -> Option<MatchOperator> {
    Some(match op {
        CompareOp::EQ => MatchOperator::Implicit,
        CompareOp::NEQ => MatchOperator::NotEqual,
        CompareOp::LT => MatchOperator::Less,
        CompareOp::LTE => MatchOperator::LessOrEqual,
        CompareOp::GT => MatchOperator::Greater,
        CompareOp::GTE => MatchOperator::GreaterOrEqual,
        _ => return None,
    })
}

/// How equality is written: what is computed needs the operator, so that its end is seen.
fn implicit(left: &Expression) -> MatchOperator {
    match left {
        Expression::Binary(..) => MatchOperator::Equal,
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
        | Expression::Exists(_) => MatchOperator::Implicit,
    }
}

/// Whether the kernel compares bytes in another order than that of the number: those of the packet that a program has turned round.
fn has_no_order(held: &Held, form: &Form) -> bool {
    matches!(held.operand, Operand::Swapped(_)) && form.little
}

fn compared(resolved: Resolved, op: CompareOp, data: &[u8]) -> Option<Match> {
    let Resolved { expression: left, form } = resolved;
    let mut operator = operator(op)?;
    if operator == MatchOperator::Implicit {
        operator = if has_flags(form.part.data_type) { MatchOperator::Equal } else { implicit(&left) };
    }
    if data.len() < form.bytes && !form.part.data_type.is_string() {
        return compared_in_part(left, form, operator, data);
    }
    let existence = matches!(left, Expression::Selector(_)) && is_existence(&form) && !operator.is_ordered();
    let value = beside_other_bits(&form, operator, data)?;
    let right = match value.as_number() {
        Some(number @ (0 | 1)) if existence => Expression::Exists(number != 0),
        _ if form.part.data_type.is_string() => match data.iter().position(|&byte| byte == 0) {
            // The byte that ends a name is compared too: it is this name, however much is compared behind it.
            Some(end) if data.iter().skip(end).all(|&byte| byte == 0) => Expression::Value(value),
            Some(_) => return None,
            None if data.len() < form.bytes => Expression::Wildcard(value),
            None => Expression::Value(value),
        },
        _ => Expression::Value(value),
    };
    Some(Match { operator, left, right })
}

/// The value that a field is compared with whose bits lie to the left of others that are cleared; `None` where no value of the
/// field says the same.
fn beside_other_bits(form: &Form, operator: MatchOperator, data: &[u8]) -> Option<Value> {
    let value = form.value(data);
    let (Some(number), Some(whole)) = (value.as_number(), value::number(&form.ordered(data))) else {
        return Some(value);
    };
    if form.shift == 0 || form.part.data_type.is_string() {
        return Some(value);
    }
    let number = match (number << form.shift == whole, operator) {
        (true, _) | (false, MatchOperator::LessOrEqual | MatchOperator::Greater) => number,
        (false, MatchOperator::Less | MatchOperator::GreaterOrEqual) => number + 1,
        (false, _) => return None,
    };
    let fits = number <= crate::table::value::greatest(form.part.bits);
    fits.then(|| Value::number(form.part.data_type, form.part.bits, number))
}

/// A comparison of the first bytes in memory of what has more.
fn compared_in_part(left: Expression, form: Form, operator: MatchOperator, data: &[u8]) -> Option<Match> {
    let filled = |byte| {
        let mut bytes = data.to_vec();
        bytes.resize(form.bytes, byte);
        form.value(&bytes)
    };
    let right = match operator {
        // Of numbers in the order of the packet these are the upper bits.
        MatchOperator::Less | MatchOperator::GreaterOrEqual if !form.little => filled(0),
        MatchOperator::LessOrEqual | MatchOperator::Greater if !form.little => filled(0xff),
        _ if operator.is_ordered() => return None,
        _ if !form.little && matches!(left, Expression::Selector(_)) => {
            let right = Expression::Prefix(filled(0), data.len() as u32 * 8);
            return Some(Match { operator, left, right });
        }
        _ => {
            let mut mask = vec![0xff; data.len()];
            mask.resize(form.bytes, 0);
            let mask = Box::new(Expression::Value(form.value(&mask)));
            let left = Expression::Binary(BinaryOperator::And, Box::new(left), mask);
            let operator = if operator == MatchOperator::Implicit { MatchOperator::Equal } else { operator };
            return Some(Match { operator, left, right: Expression::Value(filled(0)) });
        }
    };
    Some(Match { operator, left, right: Expression::Value(right) })
}

/// Whether the bits of a type have names, so that they are listed one by one.
fn has_flags(data_type: DataType) -> bool {
    data_type.is_bitmask() && data_type != DataType::BITMASK
}

/// Whether a value only says that something is there.
fn is_existence(form: &Form) -> bool {
    form.part.data_type == DataType::BOOLEAN
}
