//! Statements that take values from registers.

use netwright_netfilter::expression::{
    DuplicateAttrs, DynamicSetAttrs, DynamicSetOp, ExtensionHeaderAttrs, ForwardAttrs, ObjectReferenceAttrs,
    PayloadAttrs, QueueAttrs, QueueFlags, RejectAttrs, RejectKind,
};
use netwright_netfilter::{Expression as Kernel, Family, Register, Verdict as Code, VerdictAttrs};

use super::load::{self, Bits, Load, OptionBits};
use super::register::{Held, Operand};
use super::rule::{Lifter, rule_at};
use super::set::data_parts;
use super::value::{self, Form};
use super::{payload, stateful};
use crate::ir::{
    BinaryOperator, ChainTarget, Duplicate, Element, Expression, Extension, Forward, ObjectKind, ObjectName,
    Payload, PayloadLocation, Queue, QueueTarget, Reject, Selector, SetReference, SetUpdate,
    SetUpdateOperation, Statement, TypePart, Value, Verdict,
};
use crate::table::header::PayloadBase;
use crate::table::key::{self, KeyKind};
use crate::table::vocabulary::{DEFAULT_REJECT_ICMP, DEFAULT_REJECT_ICMPV6, DEFAULT_REJECT_ICMPX};
use crate::table::{ByteOrder, DataType, ExtensionBase, Field, Header, HeaderId};
use crate::xt;

/// How deep chains may be written in place.
const MAXIMUM_DEPTH: usize = 8;

/// Bits of a pair of bytes, by which checksums are corrected.
const PAIR: u32 = 16;

impl Lifter<'_> {
    /// Takes in an expression that is no load; `None` where it is not understood.
    pub(super) fn statement(&mut self, expression: &Kernel) -> Option<()> {
        if let Some(statement) = stateful::statement(expression) {
            self.done(&[]);
            self.push(statement);
            return Some(());
        }
        match expression {
            Kernel::Payload(attrs) => self.write_payload(attrs),
            Kernel::Meta(attrs) => {
                let selector = Selector::Meta(key::by_number(KeyKind::Meta, attrs.key?.0)?);
                self.assign(selector, attrs.source)
            }
            Kernel::Ct(attrs) => self.assign(Selector::Ct(load::ct(attrs)?), attrs.source),
            Kernel::ExtensionHeader(attrs) => self.write_option(attrs),
            Kernel::ObjectReference(attrs) => self.object(attrs),
            Kernel::DynamicSet(attrs) => self.set_update(attrs),
            Kernel::Reject(attrs) => {
                let reject = self.reject(attrs)?;
                self.finish(Statement::Reject(reject), &[])
            }
            Kernel::Nat(attrs) => self.nat(attrs),
            Kernel::Masquerade(attrs) => self.masquerade(attrs),
            Kernel::Redirect(attrs) => self.redirect(attrs),
            Kernel::TransparentProxy(attrs) => self.tproxy(attrs),
            Kernel::Duplicate(attrs) => self.duplicate(attrs),
            Kernel::Forward(attrs) => self.forward(attrs),
            Kernel::Queue(attrs) => self.queue(attrs),
            Kernel::Match(_) | Kernel::Target(_) => self.extension(expression),
            _ => None,
        }
    }

    /// What iptables or ebtables made. Its comment is that of the rule, where it stands as in nft's own.
    fn extension(&mut self, code: &Kernel) -> Option<()> {
        if let (Some(comment), None) = (xt::comment(code), &self.comment) {
            self.comment = Some(comment.to_owned());
            self.done(&[]);
            return Some(());
        }
        let transport = self.context.transport().and_then(|known| known.id.header().ip_protocol);
        let words = xt::words(code, self.family, transport);
        let extension = Extension { code: code.clone(), family: self.family, transport, words };
        self.finish(Statement::Extension(Box::new(extension)), &[])
    }

    /// Adds a statement that was made of these values.
    pub(super) fn finish(&mut self, statement: Statement, values: &[&Held]) -> Option<()> {
        self.done(values);
        self.push(statement);
        Some(())
    }

    pub(super) fn verdict(&self, verdict: &VerdictAttrs) -> Option<Verdict> {
        let target = || {
            let name = verdict.chain.clone()?;
            let bound = self.scope.bound_chain(&name).filter(|_| self.depth < MAXIMUM_DEPTH);
            Some(match bound {
                Some(rules) => ChainTarget::Anonymous(
                    rules.iter().map(|rule| rule_at(rule, self.scope, self.depth + 1)).collect(),
                ),
                None => ChainTarget::Named(name),
            })
        };
        Some(match verdict.code? {
            Code::JUMP => Verdict::Jump(target()?),
            Code::GOTO => Verdict::Goto(target()?),
            code => plain_verdict(code),
        })
    }

    /// A register as an expression of a wanted type: a constant has no type of its own.
    pub(super) fn value_at(
        &mut self,
        register: Option<Register>,
        part: TypePart,
    ) -> Option<(Expression, Held)> {
        let held = self.registers.at(register)?.clone();
        let expression = match &held.operand {
            Operand::Bytes(bytes) => Expression::Value(Form::of(part, bytes.len(), false).value(bytes)),
            _ => self.resolve(&held)?.expression,
        };
        Some((expression, held))
    }

    fn assign(&mut self, selector: Selector, source: Option<Register>) -> Option<()> {
        self.unnamed = true;
        self.bare = matches!(selector, Selector::Exthdr(_));
        let made = self.value_at(source, selector.part());
        (self.unnamed, self.bare) = (false, false);
        let (mut value, held) = made?;
        // What goes to the packet as it is has the packet's order, whatever is noted beside the map.
        if let (Operand::Map { set, .. }, Expression::Map(_, SetReference::Anonymous(elements))) =
            (&held.operand, &mut value)
            && selector.part().order == ByteOrder::Big
            && let [only] = self.scope.set(set).map(|(set, _)| data_parts(set)).unwrap_or_default().as_slice()
            && let form = Form::of(*only, only.bytes(), false)
            && form.little
        {
            elements.iter_mut().for_each(|element| turn_round(element, &form));
        }
        self.finish(Statement::Assign(selector, value), &[&held])
    }

    fn write_payload(&mut self, attrs: &PayloadAttrs) -> Option<()> {
        let length = attrs.length.filter(|length| (1..=64).contains(length))?;
        let (base, offset) = (PayloadBase(attrs.base?.0), attrs.offset?.checked_mul(8)?);
        let bits = Bits { inner: None, base, offset, bits: length * 8 };
        let held = self.registers.at(attrs.source)?.clone();
        if let Operand::Masked { of, mask, xor } = &held.operand
            && let Operand::Load(Load::Payload(loaded)) = **of
            && loaded == bits
        {
            let statement = match self.changed_part(&bits, mask, xor) {
                Some(statement) => statement,
                None => {
                    let selector = payload::selector(&mut self.context, &bits);
                    Statement::Assign(selector, self.combined(of, mask, xor)?.expression)
                }
            };
            return self.finish(statement, &[&held]);
        }
        let selector = payload::selector(&mut self.context, &bits);
        self.assign(selector, attrs.source)
    }

    /// Some bits of what was loaded are replaced before it is written back.
    fn changed_part(&mut self, bits: &Bits, mask: &[u8], xor: &[u8]) -> Option<Statement> {
        let width = bits.bits.min(128);
        let all = if width == 128 { u128::MAX } else { (1 << width) - 1 };
        let (kept, flipped) = (value::number(mask)?, value::number(xor)?);
        let cleared = !kept & all;
        if cleared == 0 {
            return self.flipped_bits(bits, flipped);
        }
        if flipped & kept != 0 {
            return None;
        }
        // Of messages the type and the code are not told apart.
        if payload::field(&mut self.context, bits).is_some() || payload::is_message(&mut self.context, bits) {
            return None;
        }
        let trailing = cleared.trailing_zeros();
        let length = (cleared >> trailing).trailing_ones();
        let contiguous = cleared.count_ones() == length;
        let first = width - trailing - length;
        let place = Bits { offset: bits.offset.checked_add(first)?, bits: length, ..*bits };
        let location = match payload::field_within(&mut self.context, &place).filter(|_| contiguous) {
            Some((header, field)) => PayloadLocation::Field(header, field),
            None => match self.changed_bits(bits, cleared, flipped) {
                None if first > 0 && contiguous && flipped != cleared => {
                    PayloadLocation::Raw { base: place.base, offset: place.offset, bits: place.bits }
                }
                other => return other,
            },
        };
        let selector = Selector::Payload(Payload { inner: None, location });
        let form = Form { shift: trailing, ..Form::of(selector.part(), xor.len(), true) };
        Some(Statement::Assign(selector, Expression::Value(form.value_of(xor))))
    }

    /// `ip dscp set ip dscp ^ 1`.
    fn flipped_bits(&mut self, bits: &Bits, flipped: u128) -> Option<Statement> {
        if flipped == 0 || payload::field(&mut self.context, bits).is_some() {
            return None;
        }
        let (header, field, shift) = self.field_of_pair(bits, flipped)?;
        let selector =
            Selector::Payload(Payload { inner: None, location: PayloadLocation::Field(header, field) });
        let number = flipped >> shift & crate::table::value::greatest(field.bits);
        let constant = Expression::Value(Value::number(field.data_type, field.bits, number));
        let field = Box::new(Expression::Selector(selector.clone()));
        Some(Statement::Assign(selector, Expression::Binary(BinaryOperator::Xor, field, Box::new(constant))))
    }

    /// The field that has all of some bits of a pair of bytes, and how many bits lie to the right of it. Only headers with a checksum that
    /// are known are read so.
    fn field_of_pair(&mut self, bits: &Bits, wanted: u128) -> Option<(&'static Header, &'static Field, u32)> {
        let named = bits.bits == PAIR
            && bits.base != PayloadBase::LINK
            && !payload::is_message(&mut self.context, bits);
        let found = payload::field_around(&mut self.context, bits, wanted).filter(|_| named);
        found.filter(|(header, ..)| header.id != HeaderId::Th)
    }

    /// Some bits of a field that does not fill what was loaded: `ip dscp set ip dscp | 1`.
    fn changed_bits(&mut self, bits: &Bits, cleared: u128, flipped: u128) -> Option<Statement> {
        let (header, field, shift) = self.field_of_pair(bits, cleared)?;
        let location = PayloadLocation::Field(header, field);
        let selector = Selector::Payload(Payload { inner: None, location });
        let within = |number: u128| number >> shift & crate::table::value::greatest(field.bits);
        let constant = |number| Expression::Value(Value::number(field.data_type, field.bits, number));
        let (or, and) = (within(flipped), within(!cleared | flipped));
        let mut value = Expression::Selector(selector.clone());
        for (operator, number, neutral) in [
            (BinaryOperator::And, and, crate::table::value::greatest(field.bits)),
            (BinaryOperator::Or, or, 0),
        ] {
            if number != neutral {
                value = Expression::Binary(operator, Box::new(value), Box::new(constant(number)));
            }
        }
        Some(Statement::Assign(selector, value))
    }

    fn write_option(&mut self, attrs: &ExtensionHeaderAttrs) -> Option<()> {
        let base = ExtensionBase(attrs.op.map_or(0, |op| op.0));
        if attrs.source.is_none() {
            return match base {
                ExtensionBase::TCP => self.finish(Statement::ResetTcpOption(attrs.kind?), &[]),
                _ => None,
            };
        }
        let (offset, length) = (attrs.offset?.checked_mul(8)?, attrs.length.filter(|length| *length <= 64)?);
        let bits = OptionBits { base, number: attrs.kind?, offset, bits: length * 8 };
        let selector = payload::option_field(&bits).unwrap_or_else(|| payload::option_bits(&bits));
        self.assign(selector, attrs.source)
    }

    fn object(&mut self, attrs: &ObjectReferenceAttrs) -> Option<()> {
        if let (Some(kind), Some(name)) = (attrs.kind, attrs.name.clone()) {
            return self.finish(Statement::Object(ObjectKind(kind.0), ObjectName::Name(name.0)), &[]);
        }
        let set = attrs.set.as_deref()?;
        let key = self.key_at(attrs.source, set)?;
        let kind = self.scope.set(set).and_then(|(set, _)| set.object_kind)?;
        let (expression, forms) = self.resolve_key(&key, set)?;
        let (map, _) = self.map_reference(set, &forms);
        let name = ObjectName::Map(Box::new(expression), map);
        self.finish(Statement::Object(ObjectKind(kind.0), name), &key.iter().collect::<Vec<_>>())
    }

    fn set_update(&mut self, attrs: &DynamicSetAttrs) -> Option<()> {
        let set = attrs.set.as_deref()?;
        let operation = match attrs.op? {
            DynamicSetOp::ADD => SetUpdateOperation::Add,
            DynamicSetOp::UPDATE => SetUpdateOperation::Update,
            DynamicSetOp::DELETE => SetUpdateOperation::Delete,
            _ => return None,
        };
        let mut held = self.key_at(attrs.key, set)?;
        let (key, _) = self.resolve_key(&held, set)?;
        let data = match attrs.data {
            None => None,
            Some(register) => {
                let (data, values) = self.map_data(set, register)?;
                held.extend(values);
                Some(data)
            }
        };
        let carried =
            attrs.expression.iter().map(|e| &**e).chain(attrs.expressions.iter().flat_map(|c| &c.0));
        let statements = carried.map(stateful::statement).collect::<Option<Vec<_>>>()?;
        let timeout = attrs.timeout.filter(|timeout| *timeout != 0);
        let (set, comment) = (set.to_owned(), None);
        let update = SetUpdate { operation, set, key, data, timeout, statements, comment };
        self.finish(Statement::SetUpdate(update), &held.iter().collect::<Vec<_>>())
    }

    /// The data for a map in registers.
    fn map_data(&mut self, set: &str, register: Register) -> Option<(Expression, Vec<Held>)> {
        let forms = self.scope.set(set).map(|(set, _)| super::set::data_forms(set)).unwrap_or_default();
        let bytes = forms.iter().map(|form| form.bytes.next_multiple_of(4)).sum::<usize>().max(1);
        let held = self.registers.span(Some(register), bytes)?;
        let data = self.resolve_all(&held, &forms)?.0;
        // As nft: what fills less than the map holds is the first part of it.
        let narrow = match (forms.as_slice(), data.parts(&|_| Vec::new()).as_slice()) {
            ([form], [part]) => part.bytes() < form.bytes,
            _ => false,
        };
        Some((if narrow { Expression::Concatenation(vec![data]) } else { data }, held))
    }

    fn reject(&self, attrs: &RejectAttrs) -> Option<Reject> {
        let code = attrs.icmp_code.unwrap_or(0);
        // The family says it all, whatever was matched of the frame.
        let network = match self.family {
            Family::IPV4 => Some(HeaderId::Ip),
            Family::IPV6 => Some(HeaderId::Ip6),
            _ => self.context.network().map(|known| known.id),
        };
        Some(match (attrs.kind?, network) {
            (RejectKind::TCP_RESET, _) => Reject::TcpReset,
            (RejectKind::ICMPX, _) if code == DEFAULT_REJECT_ICMPX => Reject::Default,
            (RejectKind::ICMPX, _) => Reject::Icmpx(code),
            (RejectKind::ICMP, Some(HeaderId::Ip6)) => {
                let default = code == DEFAULT_REJECT_ICMPV6 && self.family == Family::IPV6;
                if default { Reject::Default } else { Reject::Icmpv6(code) }
            }
            (RejectKind::ICMP, Some(HeaderId::Ip)) => {
                let default = code == DEFAULT_REJECT_ICMP && self.family == Family::IPV4;
                if default { Reject::Default } else { Reject::Icmp(code) }
            }
            _ => return None,
        })
    }

    /// The type of addresses in the family of the table.
    fn address(&self) -> TypePart {
        TypePart::of(if self.family == Family::IPV6 { DataType::IPV6_ADDR } else { DataType::IPV4_ADDR })
    }

    fn duplicate(&mut self, attrs: &DuplicateAttrs) -> Option<()> {
        let address = attrs.address.map(|register| self.value_at(Some(register), self.address()));
        let device =
            attrs.device.map(|register| self.value_at(Some(register), TypePart::of(DataType::IFACE_INDEX)));
        let (address, device) = (lifted(address)?, lifted(device)?);
        let held: Vec<&Held> = [&address, &device].into_iter().flatten().map(|(_, held)| held).collect();
        let statement = Statement::Duplicate(Duplicate {
            address: address.as_ref().map(|(address, _)| address.clone()),
            device: device.as_ref().map(|(device, _)| device.clone()),
        });
        self.finish(statement, &held)
    }

    fn forward(&mut self, attrs: &ForwardAttrs) -> Option<()> {
        let (device, held) = self.value_at(attrs.device, TypePart::of(DataType::IFACE_INDEX))?;
        let mut values = vec![held];
        let family = attrs.family.and_then(|family| u8::try_from(family).ok()).map(Family);
        let part = if family == Some(Family::IPV6) { DataType::IPV6_ADDR } else { DataType::IPV4_ADDR };
        let address = attrs.address.map(|register| self.value_at(Some(register), TypePart::of(part)));
        let address = lifted(address)?.map(|(address, held)| {
            values.push(held);
            address
        });
        let family = family.filter(|_| address.is_some());
        let statement = Statement::Forward(Forward { device, family, address });
        self.finish(statement, &values.iter().collect::<Vec<_>>())
    }

    fn queue(&mut self, attrs: &QueueAttrs) -> Option<()> {
        let has = |flag| attrs.flags.is_some_and(|flags| flags.contains(flag));
        let (bypass, fanout) = (has(QueueFlags::BYPASS), has(QueueFlags::CPU_FANOUT));
        let mut values = Vec::new();
        let to = match attrs.source {
            Some(register) => {
                let (computed, held) = self.value_at(Some(register), TypePart::QUEUE)?;
                values.push(held);
                QueueTarget::Computed(Box::new(computed))
            }
            None => {
                let first = attrs.number?;
                let more = attrs.total.unwrap_or(1).saturating_sub(1);
                QueueTarget::Numbers(first, first.saturating_add(more))
            }
        };
        let statement = Statement::Queue(Queue { to, bypass, fanout });
        self.finish(statement, &values.iter().collect::<Vec<_>>())
    }
}

/// Nothing, or a value that must be understood.
pub(super) fn lifted<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    value.map_or(Some(None), |value| value.map(Some))
}

/// A verdict that leads into no chain.
pub(super) fn plain_verdict(code: Code) -> Verdict {
    match code {
        Code::ACCEPT => Verdict::Accept,
        Code::DROP => Verdict::Drop,
        Code::CONTINUE => Verdict::Continue,
        Code::RETURN => Verdict::Return,
        other => Verdict::Other(other.0),
    }
}

/// Reads what a map holds for a key in the other byte order.
fn turn_round(element: &mut Element, form: &Form) {
    if let Some(Expression::Value(value)) = &mut element.data
        && let Some(number) = value.as_number()
        && let Some(bytes) = number.to_be_bytes().get(16usize.saturating_sub(form.bytes)..)
    {
        let turned: Vec<u8> = bytes.iter().rev().copied().collect();
        *value = Form { little: false, ..*form }.value(&turned);
    }
}
