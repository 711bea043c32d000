//! Statements that are no matches.

use netwright_netfilter::expression::{
    ChecksumFlags, ChecksumKind, ConnectionLimitAttrs, ConnectionLimitFlags, CounterAttrs, CtAttrs,
    CtDirection, CtKey, DuplicateAttrs, DynamicSetAttrs, DynamicSetFlags, DynamicSetOp, ExtensionHeaderAttrs,
    ExtensionHeaderOp, FlowOffloadAttrs, ForwardAttrs, LastAttrs, LimitAttrs, LimitFlags, LimitKind,
    LogAttrs, LogFlags, LogLevel, MetaAttrs, MetaKey, NoTrackAttrs, ObjectKind as KernelObjectKind,
    ObjectReferenceAttrs, PayloadAttrs, PayloadBase, QueueAttrs, QueueFlags, QuotaAttrs, QuotaFlags,
    RejectAttrs, RejectKind, SynProxyAttrs, SynProxyFlags,
};
use netwright_netfilter::{Data, DataValue, Expression as Code, Register, Verdict as Code32, VerdictAttrs};

use super::compute::constant_of;
use super::constant::{self, Form};
use super::load::{Place, Purpose};
use super::registers::register;
use super::rule::{AnonymousChain, Lowering};
use super::{Error, Result};
use crate::ir::{
    self, ChainTarget, Direction, Expression, Limit, LimitRate, Log, ObjectName, Payload, PayloadLocation,
    Queue, QueueTarget, Reject, Selector, SetUpdate, SetUpdateOperation, Statement, Synproxy, TypePart,
    Verdict,
};
use crate::table::header::PayloadBase as Base;
use crate::table::{ByteOrder, DataType, HeaderId};

impl Lowering<'_> {
    pub(super) fn other_statement(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::Match(_) => {}
            Statement::Verdict(verdict) => {
                let verdict = self.verdict(verdict)?;
                let code = netwright_netfilter::expression::ImmediateAttrs {
                    destination: Some(Register::VERDICT),
                    data: Some(Data::Verdict(verdict)),
                    ..Default::default()
                };
                self.code.push(code.into());
            }
            Statement::VerdictMap(key, map) => {
                let cell = self.take(key)?;
                self.look_up_key(key, map, cell, Some(Register::VERDICT), false)?;
            }
            Statement::Counter(_)
            | Statement::Quota(_)
            | Statement::Limit(_)
            | Statement::ConnectionLimit { .. }
            | Statement::Last(_)
            | Statement::Log(_)
            | Statement::Synproxy(_)
            | Statement::Notrack
            | Statement::FlowAdd(_)
            | Statement::ResetTcpOption(_) => self.code.extend(plain(statement)),
            Statement::Object(kind, name) => self.object(KernelObjectKind(kind.0), *kind, name)?,
            Statement::Reject(reject) => self.reject(*reject)?,
            Statement::Nat(nat) => self.nat(nat)?,
            Statement::Tproxy(proxy) => self.tproxy(proxy)?,
            Statement::Duplicate(copy) => {
                let address = self.operand(copy.address.as_ref(), None)?;
                let device =
                    self.operand(copy.device.as_ref(), Some(&TypePart::of(DataType::IFACE_INDEX)))?;
                self.code.push(DuplicateAttrs { address, device, ..Default::default() }.into());
            }
            Statement::Forward(forward) => {
                let device =
                    self.operand(Some(&forward.device), Some(&TypePart::of(DataType::IFACE_INDEX)))?;
                let address = self.operand(forward.address.as_ref(), None)?;
                let family = address.and(forward.family).map(|family| u32::from(family.0));
                self.code.push(ForwardAttrs { device, address, family, ..Default::default() }.into());
            }
            Statement::Queue(queue) => self.queue(queue)?,
            Statement::Assign(target, value) => self.assign(target, value)?,
            Statement::SetUpdate(update) => self.set_update(update)?,
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
            other => return simple_verdict(other),
        };
        match target {
            ChainTarget::Named(name) => Ok(VerdictAttrs::into_chain(code, name.clone())),
            ChainTarget::Anonymous(rules) => {
                let id = (self.next_id)();
                self.chains.push(AnonymousChain { id, rules: rules.clone() });
                Ok(VerdictAttrs { code: Some(code), chain_id: Some(id), ..Default::default() })
            }
        }
    }

    fn object(&mut self, kernel: KernelObjectKind, kind: ir::ObjectKind, name: &ObjectName) -> Result<()> {
        let code = match name {
            ObjectName::Name(name) => ObjectReferenceAttrs {
                kind: Some(kernel),
                name: Some(name.clone().into()),
                ..Default::default()
            },
            ObjectName::Map(key, map) => {
                let cell = self.take(key)?;
                let (parts, shift) = self.load_key(key, map, cell)?;
                let target =
                    self.target(map, Some(key), &parts, shift, Some(ir::MapTarget::Objects(kind)))?;
                ObjectReferenceAttrs {
                    source: Some(register(cell)?),
                    set: Some(target.name.into()),
                    set_id: target.id,
                    ..Default::default()
                }
            }
        };
        self.code.push(code.into());
        Ok(())
    }

    /// Answers of a protocol need a match on it, which goes to the very front of the rule.
    fn reject(&mut self, reject: Reject) -> Result<()> {
        let network = self.context.network().map(|known| known.id);
        let needed = match reject {
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
        self.code.push(RejectAttrs { kind: Some(kind), icmp_code: Some(code), ..Default::default() }.into());
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
                QueueAttrs { number: Some(*first), total: Some(total), flags, ..Default::default() }
            }
            QueueTarget::Computed(expression) => {
                let number = TypePart { data_type: DataType::INTEGER, bits: 16, order: ByteOrder::Host };
                let source = self.operand(Some(expression), Some(&number))?;
                QueueAttrs { source, flags, ..Default::default() }
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
                self.code.push(MetaAttrs { key, source, ..Default::default() }.into());
            }
            Selector::Ct(ct) => {
                let source = self.operand(Some(value), Some(&part))?;
                let direction = ct.direction.map(|direction| match direction {
                    Direction::Original => CtDirection::ORIGINAL,
                    Direction::Reply => CtDirection::REPLY,
                });
                self.code.push(
                    CtAttrs { key: Some(CtKey(ct.key.number)), source, direction, ..Default::default() }
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
                let source = self.operand(Some(value), Some(&part))?;
                let code = ExtensionHeaderAttrs {
                    source,
                    kind: Some(exthdr.number),
                    offset: Some(place.offset),
                    length: Some(place.bytes),
                    op: Some(ExtensionHeaderOp(exthdr.base.0)),
                    ..Default::default()
                };
                self.code.push(code.into());
            }
            Selector::Payload(payload) => self.write_payload(payload, part, value)?,
            _ => return Err(Error::new("this cannot be set")),
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
        let summed = kind != 0 || pseudo_header;
        let uneven = summed && !(place.offset.is_multiple_of(2) && place.bytes.is_multiple_of(2));
        if !place.is_partial() && !uneven {
            let source = self.operand(Some(value), Some(&part))?;
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
        let pair = if summed { 2 } else { 1 };
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
        let code = DynamicSetAttrs {
            key: Some(register(key)?),
            data,
            op: Some(match update.operation {
                SetUpdateOperation::Add => DynamicSetOp::ADD,
                SetUpdateOperation::Update => DynamicSetOp::UPDATE,
                SetUpdateOperation::Delete => DynamicSetOp::DELETE,
            }),
            timeout: update.timeout,
            set: Some(update.set.clone()),
            flags: several.then_some(DynamicSetFlags::EXPRESSION),
            expression: if several { None } else { carried.pop().map(Box::new) },
            expressions: if several { Some(netwright_netfilter::expression::Carried(carried)) } else { None },
            ..Default::default()
        };
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

fn payload_write(payload: &Payload, place: Place, source: Option<Register>) -> PayloadAttrs {
    let (kind, offset, pseudo) = checksum(payload);
    let kind = (kind != 0).then_some(ChecksumKind(kind));
    PayloadAttrs {
        source,
        base: Some(PayloadBase(payload.base())),
        offset: Some(place.offset),
        length: Some(place.bytes),
        checksum: kind,
        checksum_offset: kind.map(|_| offset),
        checksum_flags: pseudo.then_some(ChecksumFlags::PSEUDO_HEADER),
        ..Default::default()
    }
}

/// Statements that are one expression and use no registers.
fn plain(statement: &Statement) -> Option<Code> {
    Some(match statement {
        Statement::Counter(counter) => CounterAttrs {
            byte_count: (counter.bytes > 0).then_some(counter.bytes),
            packets: (counter.packets > 0).then_some(counter.packets),
            ..Default::default()
        }
        .into(),
        Statement::Quota(quota) => QuotaAttrs {
            byte_count: Some(quota.bytes),
            consumed: Some(quota.used),
            flags: Some(if quota.over { QuotaFlags::INVERTED } else { QuotaFlags::empty() }),
            ..Default::default()
        }
        .into(),
        Statement::Limit(limit) => self::limit(limit).into(),
        Statement::ConnectionLimit { count, over } => ConnectionLimitAttrs {
            count: Some(*count),
            flags: over.then_some(ConnectionLimitFlags::INVERTED),
            ..Default::default()
        }
        .into(),
        Statement::Last(used) => {
            LastAttrs { milliseconds: *used, set: used.map(|_| 1), ..Default::default() }.into()
        }
        Statement::Log(log) => self::log(log).into(),
        Statement::Synproxy(proxy) => synproxy(proxy).into(),
        Statement::Notrack => NoTrackAttrs::default().into(),
        Statement::FlowAdd(table) => {
            FlowOffloadAttrs { table: Some(table.clone()), ..Default::default() }.into()
        }
        Statement::ResetTcpOption(kind) => ExtensionHeaderAttrs {
            kind: Some(*kind),
            op: Some(ExtensionHeaderOp::TCP_OPTION),
            ..Default::default()
        }
        .into(),
        _ => return None,
    })
}

pub(super) fn limit(limit: &Limit) -> LimitAttrs {
    let (rate, kind) = match limit.rate {
        LimitRate::Packets(rate) => (rate, LimitKind::PACKETS),
        LimitRate::Bytes(rate) => (rate, LimitKind::BYTES),
    };
    LimitAttrs {
        rate: Some(rate),
        unit: Some(limit.seconds),
        burst: (limit.burst > 0).then_some(limit.burst),
        kind: Some(kind),
        flags: Some(if limit.over { LimitFlags::INVERTED } else { LimitFlags::empty() }),
        ..Default::default()
    }
}

fn log(log: &Log) -> LogAttrs {
    LogAttrs {
        prefix: log.prefix.clone(),
        group: log.group,
        snapshot_length: log.snaplen,
        queue_threshold: log.queue_threshold,
        level: log.level.map(LogLevel),
        flags: (log.flags != 0).then(|| LogFlags::from_bits_retain(log.flags)),
        ..Default::default()
    }
}

pub(super) fn synproxy(proxy: &Synproxy) -> SynProxyAttrs {
    let mut flags = SynProxyFlags::empty();
    flags.set(SynProxyFlags::MSS, proxy.mss.is_some());
    flags.set(SynProxyFlags::WINDOW_SCALE, proxy.wscale.is_some());
    flags.set(SynProxyFlags::TIMESTAMP, proxy.timestamp);
    flags.set(SynProxyFlags::SACK_PERMITTED, proxy.sack_permitted);
    SynProxyAttrs { mss: proxy.mss, window_scale: proxy.wscale, flags: Some(flags), ..Default::default() }
}
