//! What registers hold, as expressions of the language.

use netwright_netfilter::{DataValue, Family};

use super::load::{Bits, Load, OptionBits};
use super::payload;
use super::register::{Held, Operand};
use super::rule::Lifter;
use super::value::Form;
use crate::context::Context;
use crate::ir::{BinaryOperator, Expression, Hash, PayloadLocation, Selector, TypePart, Value};
use crate::table::header::PayloadBase;
use crate::table::key::Layer3;
use crate::table::{ByteOrder, DataType, HeaderId};

/// An expression and how its value lies in the register.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// The expression.
    pub(super) expression: Expression,
    /// The value's form.
    pub(super) form: Form,
}

impl Lifter<'_> {
    /// What a register holds.
    pub(super) fn resolve(&mut self, held: &Held) -> Option<Resolved> {
        self.operand(&held.operand)
    }

    /// The key for a set as one expression, with the form of each part. Constants have the types that the set says.
    pub(super) fn resolve_key(&mut self, held: &[Held], set: &str) -> Option<(Expression, Vec<Form>)> {
        let forms = self.scope.set(set).map(|(set, _)| super::set::key_forms(set)).unwrap_or_default();
        self.resolve_all(held, &forms)
    }

    /// Several values side by side as one expression, with the form of each.
    pub(super) fn resolve_all(
        &mut self,
        held: &[Held],
        constants: &[Form],
    ) -> Option<(Expression, Vec<Form>)> {
        let mut parts: Vec<Resolved> = Vec::new();
        for (index, held) in held.iter().enumerate() {
            parts.push(match (&held.operand, constants.get(index)) {
                (Operand::Bytes(bytes), Some(form)) => {
                    Resolved { expression: Expression::Value(form.value(bytes)), form: *form }
                }
                _ => self.resolve(held)?,
            });
        }
        let forms = parts.iter().map(|part| part.form).collect();
        let mut expressions: Vec<Expression> = parts.into_iter().map(|part| part.expression).collect();
        let expression = match expressions.len() {
            0 => return None,
            1 => expressions.pop()?,
            _ => Expression::Concatenation(expressions),
        };
        Some((expression, forms))
    }

    fn operand(&mut self, operand: &Operand) -> Option<Resolved> {
        match operand {
            Operand::Bytes(bytes) => {
                let part = TypePart {
                    data_type: DataType::INTEGER,
                    bits: bytes.len() as u32 * 8,
                    order: ByteOrder::Host,
                };
                let form = Form::of(part, bytes.len(), false);
                Some(Resolved { expression: Expression::Value(form.value(bytes)), form })
            }
            Operand::Load(load) => self.load(load),
            Operand::Masked { of, mask, xor } => self.masked(of, mask, xor),
            Operand::Shifted { of, left, by } => {
                let loaded = matches!(**of, Operand::Load(_));
                let mut of = self.operand(of)?;
                if !left && of.form.shift == *by && *by > 0 {
                    of.form.shift = 0;
                    return Some(of);
                }
                // What the language shifts was turned round before.
                if loaded && of.form.bytes > 1 && !of.form.little && of.form.part.order == ByteOrder::Big {
                    return None;
                }
                let by = Value::number(DataType::INTEGER, 32, u128::from(*by));
                // What was shifted is no name any more.
                of.form.part.data_type = DataType::HEX_INTEGER;
                let operator = if *left { BinaryOperator::ShiftLeft } else { BinaryOperator::ShiftRight };
                Some(binary(operator, of, Expression::Value(by)))
            }
            Operand::Binary(operator, left, right) => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                Some(binary(*operator, left, right.expression))
            }
            Operand::Swapped(of) => {
                let mut of = self.operand(of)?;
                of.form.little ^= of.form.bytes > 1 && cfg!(target_endian = "little");
                Some(of)
            }
            Operand::Map { key, set } => self.mapped(key, set),
        }
    }

    fn load(&mut self, load: &Load) -> Option<Resolved> {
        let selector = match load {
            Load::Payload(bits) if bits.base == PayloadBase::TRANSPORT && self.foreign_transport => {
                payload::raw(bits)
            }
            Load::Payload(bits) if self.bare => payload::selector(&mut Context::new(Family::NETDEV), bits),
            Load::Payload(bits) => payload::selector(&mut self.context, bits),
            Load::Exthdr(bits) => payload::option_field(bits).unwrap_or_else(|| payload::option_bits(bits)),
            Load::InnerMeta(..) => return None,
            Load::Plain(selector) => self.by_network(selector),
            Load::Hash { of, modulus, seed, offset } => {
                let (of, _) = self.resolve_all(of, &[])?;
                Selector::Hash(Hash {
                    of: Some(Box::new(of)),
                    modulus: *modulus,
                    seed: *seed,
                    offset: *offset,
                })
            }
        };
        Some(Resolved::of(selector))
    }

    /// The old keys for addresses have no family of their own.
    fn by_network(&self, selector: &Selector) -> Selector {
        match selector {
            Selector::Ct(ct) if ct.key.layer3 == Layer3::Context => {
                let layer3 = match self.context.network().map(|known| known.id) {
                    Some(HeaderId::Ip6) => Layer3::Ipv6,
                    _ => Layer3::Ipv4,
                };
                let key = crate::table::key::by_layer3(ct.key.kind, layer3, ct.key.name).unwrap_or(ct.key);
                Selector::Ct(crate::ir::CtSelector { key, direction: ct.direction })
            }
            other => other.clone(),
        }
    }

    fn masked(&mut self, of: &Operand, mask: &DataValue, xor: &DataValue) -> Option<Resolved> {
        // As nft: what is masked again has no name where the first mask alone keeps a field.
        if let Operand::Masked { of, mask: inner, xor: zeros } = of
            && let Operand::Load(Load::Payload(bits)) = **of
            && zeros.iter().all(|&byte| byte == 0)
            && self.part_of_payload(&bits, inner, false).is_some()
        {
            let resolved = Resolved::of(payload::raw(&bits));
            let resolved = self.with_bits(resolved, inner, zeros);
            return Some(self.with_bits(resolved, mask, xor));
        }
        let plain = xor.iter().all(|&byte| byte == 0);
        let part = match of {
            // As nft: what ends with a byte has no name where it is what something is set to.
            Operand::Load(Load::Payload(bits)) if plain && !(self.unnamed && ends_with(mask)) => {
                self.part_of_payload(bits, mask, false)
            }
            Operand::Load(Load::Exthdr(bits)) if plain => part_of_option(bits, mask),
            _ => None,
        };
        if part.is_some() { part } else { self.combined(of, mask, xor) }
    }

    /// Something with the bits of a mask and of an exclusive or, one operator after the other.
    pub(super) fn combined(&mut self, of: &Operand, mask: &DataValue, xor: &DataValue) -> Option<Resolved> {
        let of = self.operand(of)?;
        Some(self.with_bits(of, mask, xor))
    }

    fn with_bits(&self, of: Resolved, mask: &DataValue, xor: &DataValue) -> Resolved {
        let form = constants(&of.form, mask.len());
        let (mask, xor) = (form.ordered(mask), form.ordered(xor));
        let constant = |f: &dyn Fn(u8, u8) -> u8| {
            let bytes: Vec<u8> = mask.iter().zip(&xor).map(|(&mask, &xor)| f(mask, xor)).collect();
            bytes
        };
        let or = constant(&|mask, xor| !mask & xor);
        let and = constant(&|mask, xor| mask | (!mask & xor));
        let flipped = constant(&|mask, xor| mask & xor);
        let mut result = of;
        for (operator, bytes, neutral) in
            [(BinaryOperator::And, and, 0xff), (BinaryOperator::Xor, flipped, 0), (BinaryOperator::Or, or, 0)]
        {
            if bytes.iter().any(|&byte| byte != neutral) {
                result = binary(operator, result, Expression::Value(form.value_of(&bytes)));
            }
        }
        result
    }

    /// The field that a mask keeps of loaded bytes; where `compared`, also bits that are no field.
    pub(super) fn part_of_payload(&mut self, bits: &Bits, mask: &[u8], compared: bool) -> Option<Resolved> {
        let kept = payload::kept(bits, mask)?;
        let first = kept.offset - bits.offset;
        let selector = match payload::field_within(&mut self.context, &kept) {
            Some((header, field)) => PayloadLocation::Field(header, field),
            None if !compared || payload::field(&mut self.context, bits).is_some() || first == 0 => {
                return None;
            }
            None => PayloadLocation::Raw { base: kept.base, offset: kept.offset, bits: kept.bits },
        };
        let selector = payload::located(bits.inner, selector);
        Some(Resolved::of(selector).placed(mask.len(), bits.bits - first - kept.bits))
    }

    fn mapped(&mut self, key: &[Held], set: &str) -> Option<Resolved> {
        let unnamed = std::mem::replace(&mut self.unnamed, false);
        let key = self.resolve_key(key, set);
        self.unnamed = unnamed;
        let (key, forms) = key?;
        let (map, data) = self.map_reference(set, &forms);
        let part = data.first().copied().unwrap_or_default();
        let form = Form::of(part, part.bytes(), false);
        Some(Resolved { expression: Expression::Map(Box::new(key), map), form })
    }
}

/// Whether a mask keeps the last bit of what it is laid on.
fn ends_with(mask: &[u8]) -> bool {
    mask.last().is_some_and(|byte| byte & 1 != 0)
}

/// The field of an option that a mask keeps.
fn part_of_option(bits: &OptionBits, mask: &[u8]) -> Option<Resolved> {
    let (first, length) = payload::region(mask).filter(|_| mask.len() as u32 * 8 == bits.bits)?;
    let kept = OptionBits { offset: bits.offset.checked_add(first)?, bits: length, ..*bits };
    let selector: Selector = payload::option_field(&kept)?;
    Some(Resolved::of(selector).placed(mask.len(), bits.bits - first - length))
}

/// The form of constants that something is combined with: in registers wider than the value they are the machine's
/// numbers. The bits of a label are written as numbers there.
fn constants(form: &Form, bytes: usize) -> Form {
    let wider = bytes > form.bytes && cfg!(target_endian = "little");
    let mut part = form.part;
    if part.data_type == DataType::CT_LABEL {
        part.data_type = DataType::INTEGER;
    }
    Form { part, little: form.little || wider, shift: form.shift, bytes, prefixes: form.prefixes }
}

fn binary(operator: BinaryOperator, left: Resolved, right: Expression) -> Resolved {
    let mut form = left.form;
    if form.part.data_type == DataType::CT_LABEL {
        form.part.data_type = DataType::INTEGER;
    }
    let expression = Expression::Binary(operator, Box::new(left.expression), Box::new(right));
    Resolved { expression, form }
}

impl Resolved {
    /// A selector as it is loaded.
    pub(super) fn of(selector: Selector) -> Self {
        let part = selector.part();
        let form = Form::of(part, part.bytes(), false);
        Resolved { expression: Expression::Selector(selector), form }
    }

    /// In so many bytes, with so many bits to the right of it.
    fn placed(self, bytes: usize, shift: u32) -> Self {
        Resolved { form: Form { bytes, shift, ..self.form }, ..self }
    }
}
