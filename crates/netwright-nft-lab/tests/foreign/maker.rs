//! Rules as programs write them that speak netlink themselves: loads, masks, comparisons and statements put together at random,
//! without the notes that nft leaves with its own.

use netwright::nft::Family;
use netwright::nft::raw::*;
use netwright_lab::random::Random;
use netwright_netfilter::expression::*;
use netwright_netfilter::{Data, DataValue};

/// Fields of headers: base, offset and length in bytes.
const FIELDS: &[(Base, u32, u32)] = &[
    (Base::NETWORK, 0, 1),
    (Base::NETWORK, 1, 1),
    (Base::NETWORK, 2, 2),
    (Base::NETWORK, 4, 2),
    (Base::NETWORK, 6, 1),
    (Base::NETWORK, 6, 2),
    (Base::NETWORK, 8, 1),
    (Base::NETWORK, 9, 1),
    (Base::NETWORK, 8, 16),
    (Base::NETWORK, 24, 16),
    (Base::NETWORK, 10, 2),
    (Base::NETWORK, 12, 4),
    (Base::NETWORK, 16, 4),
    (Base::NETWORK, 12, 3),
    (Base::NETWORK, 16, 2),
    (Base::NETWORK, 12, 8),
    (Base::NETWORK, 20, 4),
    (Base::TRANSPORT, 0, 2),
    (Base::TRANSPORT, 2, 2),
    (Base::TRANSPORT, 0, 4),
    (Base::TRANSPORT, 0, 1),
    (Base::TRANSPORT, 1, 1),
    (Base::TRANSPORT, 4, 4),
    (Base::TRANSPORT, 4, 2),
    (Base::TRANSPORT, 12, 1),
    (Base::TRANSPORT, 13, 1),
    (Base::TRANSPORT, 14, 2),
    (Base::TRANSPORT, 8, 4),
    (Base::TRANSPORT, 20, 3),
    (Base::LINK, 0, 6),
    (Base::LINK, 6, 6),
    (Base::LINK, 12, 2),
    (Base::LINK, 14, 2),
    (Base::LINK, 16, 2),
    (Base::INNER, 0, 4),
];

/// Keys of `meta`, with how many bytes they have.
pub(crate) const KEYS: &[(MetaKey, u32)] = &[
    (MetaKey::LENGTH, 4),
    (MetaKey::PROTOCOL, 2),
    (MetaKey::PRIORITY, 4),
    (MetaKey::MARK, 4),
    (MetaKey::INPUT_INDEX, 4),
    (MetaKey::OUTPUT_INDEX, 4),
    (MetaKey::INPUT_NAME, 16),
    (MetaKey::OUTPUT_NAME, 16),
    (MetaKey::INPUT_TYPE, 2),
    (MetaKey::SOCKET_USER, 4),
    (MetaKey::SOCKET_GROUP, 4),
    (MetaKey::TRACE, 1),
    (MetaKey::FAMILY, 1),
    (MetaKey::L4_PROTOCOL, 1),
    (MetaKey::PACKET_TYPE, 1),
    (MetaKey::CPU, 4),
    (MetaKey::INPUT_GROUP, 4),
    (MetaKey::CGROUP, 4),
    (MetaKey::RANDOM, 4),
    (MetaKey::SECURITY_PATH, 1),
    (MetaKey::INPUT_KIND, 16),
    (MetaKey::TIME, 8),
    (MetaKey::DAY, 1),
    (MetaKey::HOUR, 4),
    (MetaKey::SLAVE_INDEX, 4),
];

/// Keys of `ct`, with how many bytes they have.
pub(crate) const CONNECTIONS: &[(CtKey, Option<CtDirection>, u32)] = &[
    (CtKey::STATE, None, 4),
    (CtKey::DIRECTION, None, 1),
    (CtKey::STATUS, None, 4),
    (CtKey::MARK, None, 4),
    (CtKey::EXPIRATION, None, 4),
    (CtKey::HELPER, None, 16),
    (CtKey::LABELS, None, 16),
    (CtKey::ID, None, 4),
    (CtKey::ZONE, None, 2),
    (CtKey::PACKETS, None, 8),
    (CtKey::BYTES, Some(CtDirection::REPLY), 8),
    (CtKey::AVERAGE_PACKET, Some(CtDirection::ORIGINAL), 8),
    (CtKey::L3_PROTOCOL, Some(CtDirection::ORIGINAL), 1),
    (CtKey::PROTOCOL, Some(CtDirection::ORIGINAL), 1),
    (CtKey::SOURCE_IPV4, Some(CtDirection::ORIGINAL), 4),
    (CtKey::DESTINATION_IPV4, Some(CtDirection::REPLY), 4),
    (CtKey::SOURCE_IPV6, Some(CtDirection::REPLY), 16),
    (CtKey::SOURCE_PORT, Some(CtDirection::ORIGINAL), 2),
    (CtKey::DESTINATION_PORT, Some(CtDirection::REPLY), 2),
];

/// A rule as far as it is made.
struct Maker<'a> {
    random: &'a mut Random,
    rule: Vec<Expression>,
}

impl Maker<'_> {
    fn bytes(&mut self, length: u32) -> DataValue {
        let loaded = self.rule.iter().rev().find(|one| !matches!(one, Expression::ByteOrder(_)));
        let turned = matches!(self.rule.last(), Some(Expression::ByteOrder(_)));
        if let Some(Expression::Meta(load)) = loaded {
            let seconds = self.random.below(86_400) as u32;
            match load.key {
                Some(MetaKey::HOUR) if turned => return seconds.to_be_bytes().into(),
                Some(MetaKey::HOUR) => return seconds.to_ne_bytes().into(),
                Some(MetaKey::TIME) => {
                    let time = u64::from(seconds) * 20_000_000_000_000;
                    return if turned { time.to_be_bytes() } else { time.to_ne_bytes() }.into();
                }
                _ => {}
            }
        }
        let length = length as usize;
        let small = self.random.below(300) as u64;
        let mut bytes = match self.random.below(8) {
            0 => vec![0; length],
            1 => vec![0xff; length],
            2 | 3 => [&[0; 16][..], &small.to_be_bytes()].concat().split_off(24 - length.min(16)),
            4 => [&small.to_le_bytes()[..], &[0; 16]].concat()[..length].to_vec(),
            5 if length == 16 => b"eth0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
            _ => (0..length).map(|_| self.random.byte()).collect(),
        };
        bytes.resize(length, 0);
        DataValue::new(&bytes).unwrap_or_default()
    }

    fn mask(&mut self, length: u32) -> DataValue {
        let bits = self.random.below(length as usize * 8 + 1);
        let mut bytes: Vec<u8> = (0..length as usize)
            .map(|at| !(0xff_u8.checked_shr(bits.saturating_sub(at * 8).min(8) as u32).unwrap_or(0)))
            .collect();
        match self.random.below(5) {
            0 => bytes.iter_mut().for_each(|byte| *byte = !*byte),
            1 => bytes.iter_mut().for_each(|byte| *byte = 1 << (bits % 8)),
            _ => {}
        }
        DataValue::new(&bytes).unwrap_or_default()
    }

    fn register(&mut self) -> Register {
        *self.random.pick(&[R1, R1, R1, R2, R3, Register::R32_00, Register::R32_04, Register::R32_06])
    }

    fn load(&mut self, register: Register) -> u32 {
        let (expression, length) = match self.random.below(20) {
            0..=7 => {
                let &(base, offset, length) = self.random.pick(FIELDS);
                (payload(base, offset, length).into(register), length)
            }
            8 => {
                let (offset, length) = (self.random.below(60) as u32, self.random.below(16) as u32 + 1);
                let base = *self.random.pick(&[Base::NETWORK, Base::TRANSPORT, Base::LINK]);
                (payload(base, offset, length).into(register), length)
            }
            9..=12 => {
                let &(key, length) = self.random.pick(KEYS);
                (meta(key).into(register), length)
            }
            13..=15 => {
                let &(key, direction, length) = self.random.pick(CONNECTIONS);
                (
                    CtAttrs::default()
                        .key(key)
                        .with(|it| it.direction = direction)
                        .destination(register)
                        .into(),
                    length,
                )
            }
            16 => {
                let &(key, length) = self.random.pick(&[
                    (RouteKey::CLASS, 4),
                    (RouteKey::NEXTHOP_IPV4, 4),
                    (RouteKey::NEXTHOP_IPV6, 16),
                    (RouteKey::TCP_MSS, 2),
                    (RouteKey::IPSEC, 1),
                ]);
                (rt(key).into(register), length)
            }
            17 => {
                let &(result, length) = self.random.pick(&[
                    (FibResult::OUTPUT_INDEX, 4),
                    (FibResult::OUTPUT_NAME, 16),
                    (FibResult::ADDRESS_TYPE, 4),
                ]);
                let flags = *self.random.pick(&[
                    FibFlags::SOURCE,
                    FibFlags::DESTINATION,
                    FibFlags::SOURCE | FibFlags::INPUT,
                    FibFlags::DESTINATION | FibFlags::MARK,
                    FibFlags::SOURCE | FibFlags::PRESENT,
                ]);
                let length = if flags.contains(FibFlags::PRESENT) { 1 } else { length };
                (fib(flags, result).into(register), length)
            }
            18 => {
                let &(op, kind, offset, length) = self.random.pick(&[
                    (ExtensionHeaderOp::TCP_OPTION, 2, 2, 2),
                    (ExtensionHeaderOp::TCP_OPTION, 2, 0, 1),
                    (ExtensionHeaderOp::TCP_OPTION, 8, 2, 4),
                    (ExtensionHeaderOp::TCP_OPTION, 99, 1, 3),
                    (ExtensionHeaderOp::IPV6, 44, 2, 2),
                    (ExtensionHeaderOp::IPV6, 43, 2, 1),
                    (ExtensionHeaderOp::IPV6, 0, 0, 1),
                    (ExtensionHeaderOp::IPV4, 7, 2, 1),
                    (ExtensionHeaderOp::SCTP, 0, 1, 1),
                    (ExtensionHeaderOp::SCTP, 3, 4, 4),
                ]);
                let present = self.random.one_in(3);
                let attributes = ExtensionHeaderAttrs::default()
                    .destination(register)
                    .kind(kind)
                    .offset(if present { 0 } else { offset })
                    .length(if present { 1 } else { length })
                    .op(op)
                    .with(|it| it.flags = present.then_some(ExtensionHeaderFlags::PRESENT));
                (attributes.into(), if present { 1 } else { length })
            }
            _ => {
                let &(key, length) = self.random.pick(&[
                    (SocketKey::TRANSPARENT, 1),
                    (SocketKey::MARK, 4),
                    (SocketKey::WILDCARD, 1),
                ]);
                (socket(key).into(register), length)
            }
        };
        self.rule.push(expression);
        length
    }

    /// Whether the last instruction loads these bytes: keys of sets have a type.
    fn is_loaded(&self, base: Base, offset: u32, length: u32) -> bool {
        matches!(self.rule.last(), Some(Expression::Payload(load))
            if (load.base, load.offset, load.length) == (Some(base), Some(offset), Some(length)))
    }

    fn work(&mut self, length: u32, register: Register) {
        // Nobody masks names, times and days.
        let named = match self.rule.last() {
            Some(Expression::Meta(load)) => {
                length == 16 || matches!(load.key, Some(MetaKey::HOUR | MetaKey::TIME | MetaKey::DAY))
            }
            Some(Expression::Fib(_)) => length == 16,
            Some(Expression::Ct(load)) => load.key == Some(CtKey::HELPER),
            _ => false,
        };
        if named {
            return;
        }
        let worked = match self.random.below(14) {
            0..=2 => bitwise(register, register, self.mask(length), vec_of_zeros(length)),
            3 => bitwise(register, register, self.mask(length), self.bytes(length)),
            // What is shifted out on the left is lost; both languages read it as a shift of the other side.
            4 if length == 4 => BitwiseAttrs::default()
                .source(register)
                .destination(register)
                .op(BitwiseOp::RIGHT_SHIFT)
                .length(length)
                .data(Data::Value((self.random.below(31) as u32 + 1).to_ne_bytes().into()))
                .into(),
            _ => return,
        };
        self.rule.push(worked);
    }

    /// Whether what was loaded last is a number in the order of this machine.
    fn is_of_host(&self) -> bool {
        match self
            .rule
            .iter()
            .rev()
            .find(|one| !matches!(one, Expression::Bitwise(_) | Expression::ByteOrder(_)))
        {
            Some(Expression::Meta(load)) => !load.key.is_some_and(|key| {
                [MetaKey::PROTOCOL, MetaKey::L4_PROTOCOL, MetaKey::FAMILY].contains(&key)
                    || key.name().unwrap_or_default().ends_with("name")
            }),
            Some(Expression::Ct(load)) => !load.key.is_some_and(|key| {
                key.name().unwrap_or_default().starts_with("proto")
                    || key.name().unwrap_or_default().starts_with("src")
                    || key.name().unwrap_or_default().starts_with("dst")
            }),
            Some(Expression::Route(load)) => matches!(load.key, Some(RouteKey::CLASS | RouteKey::TCP_MSS)),
            Some(Expression::Fib(_) | Expression::Socket(_) | Expression::NumberGenerator(_)) => true,
            _ => false,
        }
    }

    /// Numbers are turned round before they are compared by their size, as bytes are compared.
    fn order(&mut self, length: u32, register: Register) {
        if length > 1 && length < 16 && self.is_of_host() {
            self.rule.push(
                ByteOrderAttrs::default()
                    .source(register)
                    .destination(register)
                    .op(ByteOrderOp::HOST_TO_NETWORK)
                    .length(length)
                    .size(length)
                    .into(),
            );
        }
    }

    fn compared(&mut self, length: u32, register: Register) {
        let ops = [EQ, EQ, EQ, NEQ, LT, LTE, GT, GTE];
        match self.random.below(10) {
            0 => {
                self.order(length, register);
                let (mut from, mut to) = (self.bytes(length), self.bytes(length));
                if from[..] > to[..] {
                    std::mem::swap(&mut from, &mut to);
                }
                self.rule.push(range(register, *self.random.pick(&[RangeOp::EQ, RangeOp::NEQ]), from, to));
            }
            1 => {
                self.order(length, register);
                let (from, to) = (self.bytes(length), self.bytes(length));
                self.rule.extend([cmp(register, GTE, from), cmp(register, LTE, to)]);
            }
            2 if length > 1 => {
                // A part of what was loaded: the start of a name, a prefix.
                let length = self.random.below(length as usize) as u32 + 1;
                let value = self.bytes(length);
                self.rule.push(cmp(register, EQ, value));
            }
            3 if self.is_loaded(Base::NETWORK, 12, 4) => self.rule.push(lookup(register, "addresses")),
            4 if self.is_loaded(Base::TRANSPORT, 2, 2) => self.rule.push(
                LookupAttrs::default()
                    .source(register)
                    .set("ports".into())
                    .flags(*self.random.pick(&[LookupFlags::empty(), LookupFlags::INVERTED]))
                    .into(),
            ),
            5 if self.is_loaded(Base::TRANSPORT, 0, 2) => {
                self.rule.push(map(register, "verdicts", Register::VERDICT))
            }
            _ => {
                let op = *self.random.pick(&ops);
                if op != EQ && op != NEQ {
                    self.order(length, register);
                }
                let value = self.bytes(length);
                self.rule.push(cmp(register, op, value));
            }
        }
    }

    fn condition(&mut self) {
        let register = self.register();
        let length = self.load(register);
        match self.rule.last() {
            // What has no such option has none of another protocol either: nft lists no match on the protocol with it.
            Some(Expression::ExtensionHeader(load)) if load.flags.is_some() => {
                self.rule.push(cmp(register, EQ, [1]));
            }
            Some(loaded) if is_truth(loaded) => {
                let (op, value) = (*self.random.pick(&[EQ, NEQ]), self.random.below(2) as u8);
                self.rule.push(cmp(register, op, [value]));
            }
            // Of several flags any: so programs ask for them.
            Some(Expression::Ct(load))
                if matches!(load.key, Some(CtKey::STATE | CtKey::STATUS | CtKey::LABELS)) =>
            {
                let mut mask = self.bytes(length).to_vec();
                mask[0] |= 2;
                let mask = DataValue::new(&mask).unwrap_or_default();
                let op = *self.random.pick(&[EQ, NEQ, NEQ]);
                let zeros = vec_of_zeros(length);
                self.rule
                    .extend([bitwise(register, register, mask, zeros.clone()), cmp(register, op, zeros)]);
            }
            _ => {
                self.work(length, register);
                self.compared(length, register);
            }
        }
    }

    /// What programs put in front of fields of a protocol.
    fn protocol(&mut self, of: Family) {
        if of != Family::BRIDGE && self.random.one_in(3) {
            let family = match of {
                Family::IPV4 if !self.random.one_in(8) => 2,
                Family::IPV6 if !self.random.one_in(8) => 10,
                _ => *self.random.pick(&[2_u8, 10]),
            };
            self.rule.extend([meta(MetaKey::FAMILY).into(R1), cmp(R1, EQ, [family])]);
        }
        if self.random.one_in(2) {
            let protocol = *self.random.pick(&[6_u8, 17, 1, 58, 132, 50, 33]);
            self.rule.extend([meta(MetaKey::L4_PROTOCOL).into(R1), cmp(R1, EQ, [protocol])]);
        }
    }

    fn statement(&mut self, family: Family) {
        let random = &mut *self.random;
        let made: Vec<Expression> = match random.below(22) {
            0 => vec![counter()],
            1 => {
                let unit = *random.pick(&[1_u64, 60, 3600, 86400, 604_800, 7]);
                let kind = *random.pick(&[LimitKind::PACKETS, LimitKind::BYTES]);
                let flags = *random.pick(&[LimitFlags::empty(), LimitFlags::INVERTED]);
                let (rate, burst) = (random.below(5000) as u64 + 1, random.below(3000) as u32);
                vec![LimitAttrs::default().rate(rate).unit(unit).burst(burst).kind(kind).flags(flags).into()]
            }
            2 => {
                let flags = *random.pick(&[QuotaFlags::empty(), QuotaFlags::INVERTED]);
                let bytes = *random.pick(&[1_u64, 1000, 1024, 1_048_576, 5 << 30, 1_234_567]);
                vec![QuotaAttrs::default().byte_count(bytes).flags(flags).into()]
            }
            3 => {
                let prefix = *random.pick(&["a", "with \"quotes\"", "", "\u{e9}t\u{e9}", "x: "]);
                vec![log(prefix)]
            }
            4 => vec![
                LogAttrs::default()
                    .group(random.below(5) as u16)
                    .with(|it| it.snapshot_length = random.one_in(2).then_some(64))
                    .with(|it| it.queue_threshold = random.one_in(2).then_some(3))
                    .with(|it| it.prefix = random.one_in(2).then(|| "g".to_owned()))
                    .into(),
            ],
            5 => vec![
                LogAttrs::default()
                    .level(LogLevel(random.below(9) as u32))
                    .flags(LogFlags::from_bits_retain(*random.pick(&[0, 1, 2, 4, 8, 32, 47, 15, 7])))
                    .into(),
            ],
            6 => {
                let kind = *random.pick(&[0, 2]);
                vec![
                    RejectAttrs::default()
                        .kind(RejectKind(kind))
                        .with(|it| it.icmp_code = Some(random.below(if kind == 0 { 14 } else { 4 }) as u8))
                        .into(),
                ]
            }
            7 => vec![
                QueueAttrs::default()
                    .number(random.below(9) as u16)
                    .total(random.below(4) as u16 + 1)
                    .flags(QueueFlags::from_bits_retain(random.below(4) as u16))
                    .into(),
            ],
            8 => vec![LastAttrs::default().into()],
            9 => vec![
                ConnectionLimitAttrs::default()
                    .count(random.below(100) as u32)
                    .flags(*random.pick(&[ConnectionLimitFlags::empty(), ConnectionLimitFlags::INVERTED]))
                    .into(),
            ],
            10 => {
                let key = *random.pick(&[MetaKey::MARK, MetaKey::PRIORITY]);
                let value = self.bytes(4);
                vec![immediate(value).into(R1), meta(key).from(R1)]
            }
            11 => {
                let value = self.bytes(4);
                let sources = [
                    meta(MetaKey::MARK).into(R1),
                    ct(CtKey::MARK).into(R1),
                    numgen(NumberGeneratorKind::RANDOM, 7).into(R1),
                    immediate(value).into(R1),
                ];
                let mut made = vec![self.random.pick(&sources).clone()];
                if self.random.one_in(2) {
                    made.push(bitwise(R1, R1, self.mask(4), self.bytes(4)));
                }
                made.push(match self.random.below(3) {
                    0 => ct(CtKey::MARK).from(R1),
                    1 => meta(MetaKey::MARK).from(R1),
                    _ => meta(MetaKey::PRIORITY).from(R1),
                });
                made
            }
            // The kernel mends the checksum of IPv4 where the field is known.
            12 if family != Family::IPV4 => vec![counter()],
            12 => {
                let value = self.bytes(4);
                vec![
                    immediate(value).into(R1),
                    PayloadAttrs::default()
                        .base(Base::NETWORK)
                        .offset(*self.random.pick(&[12, 16]))
                        .length(4)
                        .source(R1)
                        .checksum(ChecksumKind::INTERNET)
                        .checksum_offset(10)
                        .checksum_flags(ChecksumFlags::PSEUDO_HEADER)
                        .into(),
                ]
            }
            13 => {
                let (op, timeout) = (random.below(3) as u32, random.one_in(2).then_some(60_000));
                vec![
                    payload(Base::NETWORK, 12, 4).into(R1),
                    DynamicSetAttrs::default()
                        .key(R1)
                        .op(DynamicSetOp(op))
                        .with(|it| it.timeout = timeout.filter(|_| op != 2))
                        .set("seen".into())
                        .into(),
                ]
            }
            14 => vec![notrack()],
            15 => {
                let port = random.below(60000) as u16;
                vec![
                    immediate(port.to_be_bytes()).into(R1),
                    RedirectAttrs::default()
                        .port_minimum(R1)
                        .with(|it| {
                            it.flags =
                                random.one_in(2).then_some(NatFlags::PROTO_SPECIFIED | NatFlags::RANDOM)
                        })
                        .into(),
                ]
            }
            16 => vec![
                MasqueradeAttrs::default()
                    .with(|it| {
                        it.flags = random.one_in(2).then(|| {
                            *random.pick(&[NatFlags::RANDOM, NatFlags::PERSISTENT, NatFlags::FULLY_RANDOM])
                        })
                    })
                    .into(),
            ],
            17 | 18 => {
                let ipv6 = family == Family::IPV6;
                let (address, other) = match ipv6 {
                    false => (DataValue::from([10, 0, 0, 1]), DataValue::from([10, 0, 0, 9])),
                    true => (self.bytes(16), self.bytes(16)),
                };
                let random = &mut *self.random;
                let mut made = vec![immediate(address).into(R1)];
                let (many, ports) = (random.one_in(3), random.one_in(2));
                if many {
                    made.push(immediate(other).into(R2));
                }
                if ports {
                    made.push(immediate([0, 80]).into(R3));
                }
                made.push(
                    NatAttrs::default()
                        .kind(*random.pick(&[NatKind::SOURCE, NatKind::DESTINATION]))
                        .family(if ipv6 { 10 } else { 2 })
                        .address_minimum(R1)
                        .with(|it| it.address_maximum = many.then_some(R2))
                        .with(|it| it.port_minimum = ports.then_some(R3))
                        .with(|it| {
                            it.flags = random.one_in(2).then(|| {
                                NatFlags::from_bits_retain(*random.pick(&[0, 1, 3, 4, 8, 16, 12, 0x40, 0x41]))
                            })
                        })
                        .into(),
                );
                made
            }
            19 => vec![immediate([192, 0, 2, 1]).into(R1), DuplicateAttrs::default().address(R1).into()],
            20 => vec![ObjectReferenceAttrs::default().kind(ObjectKind::COUNTER).name("hits".into()).into()],
            _ => vec![
                immediate([0x1f, 0x90]).into(R1),
                TransparentProxyAttrs::default().family(*random.pick(&[0, 2, 10])).port(R1).into(),
            ],
        };
        self.rule.extend(made);
    }

    fn end(&mut self) {
        match self.random.below(8) {
            0..=2 => self.rule.push(verdict(Verdict::ACCEPT)),
            3 => self.rule.push(verdict(Verdict::DROP)),
            4 => self.rule.push(verdict(*self.random.pick(&[Verdict::RETURN, Verdict::CONTINUE]))),
            5 => self.rule.push(jump("other")),
            6 => self.rule.push(goto("other")),
            _ => {}
        }
    }
}

/// Whether something loaded is one or zero.
fn is_truth(loaded: &Expression) -> bool {
    match loaded {
        Expression::Meta(load) => matches!(load.key, Some(MetaKey::SECURITY_PATH | MetaKey::TRACE)),
        Expression::Ct(load) => load.key == Some(CtKey::DIRECTION),
        Expression::Route(load) => load.key == Some(RouteKey::IPSEC),
        Expression::Socket(load) => load.key != Some(SocketKey::MARK),
        Expression::Fib(load) => load.flags.is_some_and(|flags| flags.contains(FibFlags::PRESENT)),
        _ => false,
    }
}

fn vec_of_zeros(length: u32) -> DataValue {
    DataValue::new(&vec![0; length as usize]).unwrap_or_default()
}

/// A rule for a table of this family, which the kernel takes or not.
pub(crate) fn rule(random: &mut Random, family: Family) -> Vec<Expression> {
    let mut maker = Maker { random, rule: Vec::new() };
    maker.protocol(family);
    for _ in 0..maker.random.below(3) {
        maker.condition();
    }
    if maker.random.one_in(2) {
        maker.statement(family);
    }
    let decided = matches!(
        maker.rule.last(),
        Some(
            Expression::Reject(_)
                | Expression::Queue(_)
                | Expression::Nat(_)
                | Expression::Masquerade(_)
                | Expression::Redirect(_)
        )
    );
    if !decided {
        maker.end();
    }
    maker.rule
}
