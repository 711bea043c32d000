//! Statements that are no matches.

use netwright_netfilter::expression::{
    ChecksumFlags, ChecksumKind, CtAttrs, CtDirection, CtKey, DuplicateAttrs, DynamicSetAttrs,
    DynamicSetFlags, DynamicSetOp, ExtensionHeaderAttrs, ExtensionHeaderOp, FlowOffloadAttrs, ForwardAttrs,
    MetaAttrs, MetaKey, NoTrackAttrs, ObjectKind as KernelObjectKind, ObjectReferenceAttrs, PayloadAttrs,
    PayloadBase, QueueAttrs, QueueFlags, RejectAttrs, RejectKind,
};
use netwright_netfilter::{DataValue, Family, Register, Verdict as Code32, VerdictAttrs};

use super::compute::constant_of;
use super::constant::{self, Form};
use super::load::{Place, Purpose};
use super::nat::address_part;
use super::plain;
use super::registers::register;
use super::relational::has_shift;
use super::rule::{AnonymousChain, Lowering};
use super::{Error, Result};
use crate::ir::{
    self, ChainTarget, Direction, Expression, ObjectName, Payload, PayloadLocation, Queue, QueueTarget,
    Reject, Selector, SetUpdate, SetUpdateOperation, Statement, TypePart, Verdict,
};
use crate::table::header::PayloadBase as Base;
use crate::table::{ByteOrder, DataType, HeaderId};

impl Lowering<'_> {
    pub(super) fn other_statement(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::Match(_) => {}
            Statement::Verdict(verdict) => {
                let verdict = self.verdict(verdict)?;
                let code = netwright_netfilter::expression::ImmediateAttrs::default()
                    .destination(Register::VERDICT)
                    .data(verdict.into());
                self.code.push(code.into());
            }
            Statement::VerdictMap(key, map) => {
                let cell = self.take(key)?;
                self.look_up_key(key, map, cell, Some(Register::VERDICT), false)?;
            }
            Statement::Counter(counter) => self.code.push(plain::counter(counter)),
            Statement::Quota(quota) => self.code.push(plain::quota(quota)),
            Statement::Limit(limit) => self.code.push(plain::limit(limit).into()),
            Statement::ConnectionLimit { count, over } => {
                self.code.push(plain::connection_limit(*count, *over));
            }
            Statement::Last(used) => self.code.push(plain::last(*used)),
            Statement::Log(log) => self.code.push(plain::log(log)),
            Statement::Synproxy(proxy) => self.code.push(plain::synproxy(proxy).into()),
            Statement::Notrack => self.code.push(NoTrackAttrs::default().into()),
            Statement::FlowAdd(table) => {
                self.code.push(FlowOffloadAttrs::default().table(table.clone()).into());
            }
            Statement::ResetTcpOption(kind) => self.code.push(plain::reset_tcp_option(*kind)),
            Statement::Object(kind, name) => self.object(KernelObjectKind(kind.0), *kind, name)?,
            Statement::Reject(reject) => self.reject(*reject)?,
            Statement::Nat(nat) => self.nat(nat)?,
            Statement::Tproxy(proxy) => self.tproxy(proxy)?,
            Statement::Duplicate(copy) => {
                let address = self.argument(copy.address.as_ref(), &address_part(self.scope.family))?;
                let device =
                    self.operand(copy.device.as_ref(), Some(&TypePart::of(DataType::IFACE_INDEX)))?;
                self.code.push(
                    DuplicateAttrs::default()
                        .with(|attrs| {
                            attrs.address = address;
                            attrs.device = device;
                        })
                        .into(),
                );
            }
            Statement::Forward(forward) => {
                let device =
                    self.operand(Some(&forward.device), Some(&TypePart::of(DataType::IFACE_INDEX)))?;
                let family = forward.family.unwrap_or(Family::IPV4);
                let address = self.argument(forward.address.as_ref(), &address_part(family))?;
                let family = address.and(forward.family).map(|family| u32::from(family.0));
                self.code.push(
                    ForwardAttrs::default()
                        .with(|attrs| {
                            attrs.device = device;
                            attrs.address = address;
                            attrs.family = family;
                        })
                        .into(),
                );
            }
            Statement::Queue(queue) => self.queue(queue)?,
            Statement::Assign(target, value) => self.assign(target, value)?,
            Statement::SetUpdate(update) => self.set_update(update)?,
            Statement::Extension(extension) => self.code.push(extension.code.clone()),
            Statement::Raw(code) => self.code.extend(code.iter().cloned()),
        }
        Ok(())
    }

    fn take(&mut self, expression: &Expression) -> Result<usize> {
        let widths: Vec<usize> = self.parts(expression).iter().map(TypePart::bytes).collect();
        self.registers.take(&widths)
    }

    /// Computes an operand into registers of its own.
    pub(super) fn operand(
        &mut self,
        expression: Option<&Expression>,
        want: Option<&TypePart>,
    ) -> Result<Option<Register>> {
        let Some(expression) = expression else { return Ok(None) };
        let cell = match want {
            Some(want) => self.registers.take(&[want.bytes()])?,
            None => self.take(expression)?,
        };
        self.compute(expression, cell, Purpose::Value, want)?;
        register(cell).map(Some)
    }

    /// A verdict with its chain; a chain written in place is made along with the rule.
    pub(super) fn verdict(&mut self, verdict: &Verdict) -> Result<VerdictAttrs> {
        let (code, target) = match verdict {
            Verdict::Jump(target) => (Code32::JUMP, target),
            Verdict::Goto(target) => (Code32::GOTO, target),
            other @ (Verdict::Accept
            | Verdict::Drop
            | Verdict::Continue
            | Verdict::Return
            | Verdict::Other(_)) => return simple_verdict(other),
        };
        match target {
            ChainTarget::Named(name) => Ok(VerdictAttrs::into_chain(code, name.clone())),
            ChainTarget::Anonymous(rules) => {
                let id = (self.next_id)();
                self.chains.push(AnonymousChain { id, rules: rules.clone() });
                Ok(VerdictAttrs::default().code(code).chain_id(id))
            }
        }
    }

    fn object(&mut self, kernel: KernelObjectKind, kind: ir::ObjectKind, name: &ObjectName) -> Result<()> {
        let code = match name {
            ObjectName::Name(name) => ObjectReferenceAttrs::default().kind(kernel).name(name.clone().into()),
            ObjectName::Map(key, map) => {
                let cell = self.take(key)?;
                let (parts, shift) = self.load_key(key, map, cell)?;
                let target =
                    self.target(map, Some(key), &parts, shift, Some(ir::MapTarget::Objects(kind)))?;
                ObjectReferenceAttrs::default()
                    .source(register(cell)?)
                    .set(target.name.into())
                    .with(|attrs| attrs.set_id = target.id)
            }
        };
        self.code.push(code.into());
        Ok(())
    }

    /// Answers of a protocol need a match on it, which goes to the very front of the rule.
    fn reject(&mut self, reject: Reject) -> Result<()> {
        let family = self.context.family();
        let network = match family {
            Family::IPV4 => Some(HeaderId::Ip),
            Family::IPV6 => Some(HeaderId::Ip6),
            _ => self.context.network().map(|known| known.id),
        };
        let needed = match reject {
            Reject::Icmp(_) if family == Family::IPV4 => Vec::new(),
            Reject::Icmpv6(_) if family == Family::IPV6 => Vec::new(),
            Reject::Icmp(_) => self.context.require_network(HeaderId::Ip, true, None)?,
            Reject::Icmpv6(_) => self.context.require_network(HeaderId::Ip6, true, None)?,
            Reject::TcpReset => self.context.require_tcp(None)?,
            Reject::Icmpx(_) | Reject::Default => Vec::new(),
        };
        for dependency in needed {
            let piece = self.dependency(&dependency)?;
            self.pieces.insert(0, piece);
            self.owners.insert(0, self.index);
        }
        let (kind, code) = match (reject, network) {
            (Reject::TcpReset, _) => (RejectKind::TCP_RESET, 0),
            (Reject::Icmp(code) | Reject::Icmpv6(code), _) => (RejectKind::ICMP, code),
            (Reject::Icmpx(code), _) => (RejectKind::ICMPX, code),
            (Reject::Default, Some(HeaderId::Ip)) => (RejectKind::ICMP, 3),
            (Reject::Default, Some(HeaderId::Ip6)) => (RejectKind::ICMP, 4),
            (Reject::Default, _) => (RejectKind::ICMPX, 1),
        };
        self.code.push(RejectAttrs::default().kind(kind).icmp_code(code).into());
        Ok(())
    }

    fn queue(&mut self, queue: &Queue) -> Result<()> {
        let mut flags = QueueFlags::empty();
        flags.set(QueueFlags::BYPASS, queue.bypass);
        flags.set(QueueFlags::CPU_FANOUT, queue.fanout);
        let flags = (!flags.is_empty()).then_some(flags);
        let code = match &queue.to {
            QueueTarget::Numbers(first, last) => {
                let total = last.saturating_sub(*first).saturating_add(1);
                QueueAttrs::default().number(*first).total(total).with(|attrs| attrs.flags = flags)
            }
            QueueTarget::Computed(expression) => {
                let source = self.operand(Some(expression), Some(&TypePart::QUEUE))?;
                QueueAttrs::default().with(|attrs| {
                    attrs.source = source;
                    attrs.flags = flags;
                })
            }
        };
        self.code.push(code.into());
        Ok(())
    }

    fn assign(&mut self, target: &Selector, value: &Expression) -> Result<()> {
        let part = target.part();
        match target {
            Selector::Meta(key) => {
                let source = self.operand(Some(value), Some(&part))?;
                let key = Some(MetaKey(key.number));
                self.code.push(
                    MetaAttrs::default()
                        .with(|attrs| {
                            attrs.key = key;
                            attrs.source = source;
                        })
                        .into(),
                );
            }
            Selector::Ct(ct) => {
                // As nft: a number of the packet is a zone as it comes, and is shifted in the machine's order.
                let computed = matches!(value, Expression::Selector(_) | Expression::Binary(..));
                let as_it_comes = ct.key.name == "zone" && computed && !has_shift(value);
                let order = match self.parts(value).first() {
                    Some(loaded) if as_it_comes => loaded.order,
                    _ => part.order,
                };
                let source = self.operand(Some(value), Some(&TypePart { order, ..part }))?;
                let direction = ct.direction.map(|direction| match direction {
                    Direction::Original => CtDirection::ORIGINAL,
                    Direction::Reply => CtDirection::REPLY,
                });
                self.code.push(
                    CtAttrs::default()
                        .key(CtKey(ct.key.number))
                        .with(|attrs| {
                            attrs.source = source;
                            attrs.direction = direction;
                        })
                        .into(),
                );
            }
            Selector::Exthdr(exthdr) => {
                let place = exthdr
                    .field
                    .map(|field| Place::of(field.offset, field.bits))
                    .or(exthdr.raw.map(|(offset, bits)| Place::of(offset, bits)))
                    .filter(|place| !place.is_partial())
                    .ok_or_else(|| Error::new("this part of an option cannot be set"))?;
                // As nft: what is loaded or computed is written as it comes, but for routes; what is shifted in the machine's order.
                let shifted = TypePart { order: ByteOrder::Host, ..part };
                let computed = matches!(value, Expression::Selector(_) | Expression::Binary(..));
                let plain = !computed || matches!(value, Expression::Selector(Selector::Rt(_)));
                let want = if has_shift(value) { Some(&shifted) } else { Some(&part).filter(|_| plain) };
                let source = self.operand(Some(value), want)?;
                let code = ExtensionHeaderAttrs::default()
                    .kind(exthdr.number)
                    .offset(place.offset)
                    .length(place.bytes)
                    .op(ExtensionHeaderOp(exthdr.base.0))
                    .with(|attrs| attrs.source = source);
                self.code.push(code.into());
            }
            Selector::Payload(payload) => self.write_payload(payload, part, value)?,
            Selector::Rt(_)
            | Selector::Socket(_)
            | Selector::Fib(_)
            | Selector::Numgen(_)
            | Selector::Hash(_)
            | Selector::Xfrm(_)
            | Selector::Osf { .. }
            | Selector::Tunnel(_) => return Err(Error::new("this cannot be set")),
        }
        Ok(())
    }

    /// Writes bytes of a packet. Checksums are corrected by pairs of bytes, so what is no whole pair is read, changed and
    /// written back.
    fn write_payload(&mut self, payload: &Payload, part: TypePart, value: &Expression) -> Result<()> {
        if payload.inner.is_some() {
            return Err(Error::new("what a tunnel carries cannot be changed"));
        }
        let place = self.payload_place(payload);
        let (kind, _, pseudo_header) = checksum(payload);
        // A checksum covers pairs of bytes, and the kernel keeps the first pair of a tag apart from the packet.
        let in_pairs = kind != 0 || pseudo_header && is_raw(payload) || is_tag(payload);
        let uneven = in_pairs && !(place.offset.is_multiple_of(2) && place.bytes.is_multiple_of(2));
        if !place.is_partial() && !uneven {
            let source = match has_shift(value) {
                // The kernel shifts numbers of the machine.
                true => {
                    let number = TypePart { order: ByteOrder::Host, ..part };
                    let cell = self.registers.take(&[part.bytes()])?;
                    let loaded = self.compute(value, cell, Purpose::Value, Some(&number))?;
                    self.convert(loaded, cell, Some(&part))?;
                    Some(register(cell)?)
                }
                false => self.operand(Some(value), Some(&part))?,
            };
            self.code.push(payload_write(payload, place, source).into());
            return Ok(());
        }
        let field = Expression::Selector(Selector::Payload(payload.clone()));
        let width = place.bytes as usize;
        let (keep, change) = match (
            constant_of(value)?,
            super::compute::changed_in_place(&field, value, width)?,
        ) {
            (Some(value), _) => (
                vec![0; width],
                constant::bytes(&value, Form { bytes: width, shift: 0, little: false })?.to_vec(),
            ),
            (None, Some(change)) => change,
            (None, None) => {
                let message = "a field that is no whole pair of bytes can be set to a constant, or to itself with some bits changed";
                return Err(Error::new(message));
            }
        };
        let pair = if in_pairs { 2 } else { 1 };
        let offset = place.offset / pair * pair;
        let end = (place.offset + place.bytes).next_multiple_of(pair);
        let around = Place {
            offset,
            bytes: end - offset,
            shift: place.shift + (end - place.offset - place.bytes) * 8,
            ..place
        };
        let cell = self.registers.take(&[around.bytes as usize])?;
        let load = self.payload_load(payload, around, cell)?;
        self.code.push(load);
        let form = Form { bytes: around.bytes as usize, shift: around.shift, little: false };
        let field = constant::ones(around.bits, form)?;
        let (keep, change) = (constant::placed(&keep, form)?, constant::placed(&change, form)?);
        let keep: Vec<u8> =
            keep.iter().zip(field.iter()).map(|(keep, field)| keep & field | !field).collect();
        let change: Vec<u8> = change.iter().zip(field.iter()).map(|(change, field)| change & field).collect();
        let data = |bytes: &[u8]| DataValue::new(bytes).map_err(|_| Error::new("the field is too long"));
        self.bitwise(cell, data(&keep)?, data(&change)?)?;
        self.code.push(payload_write(payload, around, Some(register(cell)?)).into());
        Ok(())
    }

    fn set_update(&mut self, update: &SetUpdate) -> Result<()> {
        self.scope.set(&update.set)?;
        let key = self.take(&update.key)?;
        self.load_parts(&update.key, key, Purpose::Value)?;
        let data = match &update.data {
            Some(data) => {
                let wanted = self.scope.data_of(&update.set);
                let widths: Vec<usize> = wanted.iter().map(TypePart::bytes).collect();
                let cell = if widths.is_empty() { self.take(data)? } else { self.registers.take(&widths)? };
                match (data, wanted.as_slice()) {
                    (Expression::Concatenation(_), _) => {
                        self.load_parts(data, cell, Purpose::Value)?;
                    }
                    (one, wanted) => {
                        self.compute(one, cell, Purpose::Value, wanted.first())?;
                    }
                }
                Some(register(cell)?)
            }
            None => None,
        };
        let mut carried = update
            .statements
            .iter()
            .map(|statement| super::rule::stateful(self.scope, statement))
            .collect::<Result<Vec<_>>>()?;
        let several = carried.len() > 1;
        let code = DynamicSetAttrs::default()
            .key(register(key)?)
            .op(match update.operation {
                SetUpdateOperation::Add => DynamicSetOp::ADD,
                SetUpdateOperation::Update => DynamicSetOp::UPDATE,
                SetUpdateOperation::Delete => DynamicSetOp::DELETE,
            })
            .set(update.set.clone())
            .with(|attrs| {
                attrs.data = data;
                attrs.timeout = update.timeout;
                attrs.flags = several.then_some(DynamicSetFlags::EXPRESSION);
                attrs.expression = if several { None } else { carried.pop().map(Box::new) };
                attrs.expressions =
                    if several { Some(netwright_netfilter::expression::Carried(carried)) } else { None };
            });
        self.code.push(code.into());
        Ok(())
    }
}

/// A verdict that leads into no chain.
pub(super) fn simple_verdict(verdict: &Verdict) -> Result<VerdictAttrs> {
    Ok(VerdictAttrs::new(match verdict {
        Verdict::Accept => Code32::ACCEPT,
        Verdict::Drop => Code32::DROP,
        Verdict::Continue => Code32::CONTINUE,
        Verdict::Return => Code32::RETURN,
        Verdict::Other(code) => Code32(*code),
        Verdict::Jump(ChainTarget::Named(name)) => {
            return Ok(VerdictAttrs::into_chain(Code32::JUMP, name.clone()));
        }
        Verdict::Goto(ChainTarget::Named(name)) => {
            return Ok(VerdictAttrs::into_chain(Code32::GOTO, name.clone()));
        }
        Verdict::Jump(_) | Verdict::Goto(_) => {
            return Err(Error::new("a chain cannot be written in place here"));
        }
    }))
}

/// The kind and offset of the checksum that covers some bytes, and whether the transport's does through its pseudo header.
fn checksum(payload: &Payload) -> (u32, u32, bool) {
    match &payload.location {
        PayloadLocation::Field(_, field) => {
            let checksum = field.checksum();
            (checksum.kind, checksum.offset, checksum.pseudo_header)
        }
        PayloadLocation::Raw { base, .. } => (0, 0, *base == Base::INNER),
    }
}

fn is_raw(payload: &Payload) -> bool {
    matches!(payload.location, PayloadLocation::Raw { .. })
}

/// Whether it is part of a tag of 802.1Q.
fn is_tag(payload: &Payload) -> bool {
    matches!(payload.location, PayloadLocation::Field(header, _) if header.id == HeaderId::Vlan)
}

fn payload_write(payload: &Payload, place: Place, source: Option<Register>) -> PayloadAttrs {
    let (kind, offset, pseudo) = checksum(payload);
    let kind = (kind != 0).then_some(ChecksumKind(kind));
    PayloadAttrs::default().base(PayloadBase(payload.base())).offset(place.offset).length(place.bytes).with(
        |attrs| {
            attrs.source = source;
            attrs.checksum = kind;
            attrs.checksum_offset = kind.map(|_| offset);
            attrs.checksum_flags = pseudo.then_some(ChecksumFlags::PSEUDO_HEADER);
        },
    )
}
