//! Every expression, sent raw and read back equal.

use netwright::Net;
use netwright::netfilter::bytecode::{Form, bytecode};
use netwright::netfilter::expression::*;
use netwright::netfilter::raw::*;
use netwright::netfilter::{Data, Family, Hook, Rule, Set, SetFlags, Table};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use super::{TABLE, base};

/// Sends rules into one chain and reads them back equal, ours and in the words of `nft`.
#[track_caller]
fn round_trip(family: Family, kind: &str, hook: Hook, rules: Vec<Vec<Expression>>) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    let mut batch = net.nft().batch();
    batch.add(&Table::new(family, TABLE));
    batch.add(&base(family, kind, hook, 0));
    batch.add(&Set::new(family, TABLE, "s", 4));
    let map = Set {
        flags: SetFlags::MAP,
        data_type: Some(0),
        data_length: Some(4),
        ..Set::new(family, TABLE, "m", 4)
    };
    batch.add(&map);
    let dynamic = SetFlags::EVAL | SetFlags::TIMEOUT;
    batch.add(&Set { flags: dynamic, description: sized(100), ..Set::new(family, TABLE, "d", 4) });
    batch.commit()?;
    for rule in &rules {
        let mut batch = net.nft().batch();
        batch.add(&Rule::new(family, TABLE, "c", rule.clone()));
        let names: Vec<_> = rule.iter().map(Expression::name).collect();
        batch.commit().map_err(|error| Failure::wrong(format_args!("{names:?}: {error}")))?;
    }
    let read = net.nft().rules(family, TABLE, "c")?;
    ensure_eq!(read.len(), rules.len());
    for (read, sent) in read.iter().zip(&rules) {
        ensure_eq!(&read.expressions, sent);
    }
    // `nft` sees the same instructions; how it words their values depends on its version
    let text = nft.line(&format!("--debug=netlink list chain {family} {TABLE} c"))?;
    let theirs: Vec<_> = text.lines().filter_map(|line| line.trim_start().strip_prefix("[ ")).collect();
    let ours: Vec<_> = rules.iter().flat_map(|rule| bytecode(rule, Form::Bytes)).collect();
    let name = |line: &str| line.trim_start_matches("[ ").split_whitespace().next().map(str::to_owned);
    ensure_eq!(
        theirs.iter().map(|line| name(line)).collect::<Vec<_>>(),
        ours.iter().map(|line| name(line)).collect::<Vec<_>>()
    );
    Ok(())
}

pub(crate) fn sized(size: u32) -> netwright::netfilter::SetDescriptionAttrs {
    netwright::netfilter::SetDescriptionAttrs { size: Some(size), ..Default::default() }
}

fn five() -> Expression {
    immediate(5_u32.to_ne_bytes()).into(R1)
}

pub(crate) fn loads_and_comparisons(_: &mut Lab) -> Outcome {
    let extension = |op, kind, present: bool| {
        ExtensionHeaderAttrs {
            destination: Some(R1),
            kind: Some(kind),
            offset: Some(0),
            length: Some(1),
            op: Some(op),
            flags: Some(if present { ExtensionHeaderFlags::PRESENT } else { ExtensionHeaderFlags::empty() }),
            ..Default::default()
        }
        .into()
    };
    let symmetric = HashAttrs {
        destination: Some(R1),
        modulus: Some(4),
        offset: Some(2),
        kind: Some(HashKind::SYMMETRIC),
        ..Default::default()
    };
    let shift = BitwiseAttrs {
        source: Some(R1),
        destination: Some(R2),
        op: Some(BitwiseOp::LEFT_SHIFT),
        length: Some(4),
        data: Some(Data::Value(3_u32.to_ne_bytes().into())),
        ..Default::default()
    };
    let order = ByteOrderAttrs {
        source: Some(R1),
        destination: Some(R1),
        op: Some(ByteOrderOp::NETWORK_TO_HOST),
        length: Some(4),
        size: Some(4),
        ..Default::default()
    };
    let direction = CtAttrs {
        key: Some(CtKey::SOURCE_PORT),
        destination: Some(Register::R32_02),
        direction: Some(CtDirection::REPLY),
        ..Default::default()
    };
    let found = LookupAttrs {
        source: Some(R1),
        set: Some("s".into()),
        flags: Some(LookupFlags::INVERTED),
        ..Default::default()
    };
    let mapped = LookupAttrs {
        set: Some("m".into()),
        destination: Some(R2),
        flags: Some(LookupFlags::empty()),
        ..found.clone()
    };
    let mark = || meta(MetaKey::MARK).into(R1);
    round_trip(
        Family::INET,
        "filter",
        Hook::Input,
        vec![
            vec![payload(Base::NETWORK, 12, 4).into(R1), cmp(R1, EQ, [192, 168, 1, 53])],
            vec![
                payload(Base::LINK, 0, 6).into(R2),
                payload(Base::TRANSPORT, 2, 2).into(R3),
                cmp(R3, LT, [0, 80]),
            ],
            vec![meta(MetaKey::L4_PROTOCOL).into(R1), cmp(R1, NEQ, [6])],
            vec![meta(MetaKey::INPUT_NAME).into(R1), cmp(R1, EQ, *b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0")],
            vec![mark(), range(R1, RangeOp::NEQ, [0, 0, 0, 1], [0, 0, 0, 9])],
            vec![mark(), bitwise(R1, R1, [0xff, 0, 0, 0], [0, 1, 0, 0]), cmp(R1, GTE, [1, 1, 0, 0])],
            vec![mark(), shift.into(), order.into()],
            vec![ct(CtKey::STATE).into(R1), bitwise(R1, R1, [6, 0, 0, 0], [0; 4]), cmp(R1, NEQ, [0; 4])],
            vec![direction.into()],
            vec![fib(FibFlags::SOURCE | FibFlags::INPUT, FibResult::OUTPUT_INDEX).into(R1)],
            vec![
                fib(FibFlags::DESTINATION, FibResult::ADDRESS_TYPE).into(R1),
                cmp(R1, EQ, 2_u32.to_ne_bytes()),
            ],
            vec![rt(RouteKey::CLASS).into(R1)],
            vec![socket(SocketKey::MARK).into(R1)],
            vec![numgen(NumberGeneratorKind::INCREMENTAL, 10).into(R1)],
            vec![numgen(NumberGeneratorKind::RANDOM, 3).into(R4)],
            vec![symmetric.into()],
            vec![extension(ExtensionHeaderOp::IPV6, 43, true)],
            vec![extension(ExtensionHeaderOp::TCP_OPTION, 2, false)],
            vec![mark(), found.into()],
            vec![mark(), mapped.into()],
        ],
    )
}

pub(crate) fn a_hash_keeps_its_seed(_: &mut Lab) -> Outcome {
    let hash = HashAttrs {
        source: Some(R1),
        destination: Some(R2),
        length: Some(4),
        modulus: Some(8),
        seed: Some(0xdead),
        offset: Some(1),
        kind: Some(HashKind::JENKINS),
        ..Default::default()
    };
    round_trip(
        Family::IPV4,
        "filter",
        Hook::Input,
        vec![vec![payload(Base::NETWORK, 12, 4).into(R1), hash.into()]],
    )
}

pub(crate) fn statements(_: &mut Lab) -> Outcome {
    let write = PayloadAttrs {
        source: Some(R1),
        base: Some(Base::NETWORK),
        offset: Some(0),
        length: Some(2),
        checksum: Some(ChecksumKind::INTERNET),
        checksum_offset: Some(10),
        checksum_flags: Some(ChecksumFlags::empty()),
        ..Default::default()
    };
    let option = ExtensionHeaderAttrs {
        source: Some(R1),
        kind: Some(2),
        offset: Some(2),
        length: Some(2),
        op: Some(ExtensionHeaderOp::TCP_OPTION),
        flags: Some(ExtensionHeaderFlags::empty()),
        ..Default::default()
    };
    let add = DynamicSetAttrs {
        key: Some(R1),
        op: Some(DynamicSetOp::UPDATE),
        timeout: Some(5000),
        set: Some("d".into()),
        expression: Some(Box::new(limit(1, 60, 5))),
        flags: Some(DynamicSetFlags::empty()),
        ..Default::default()
    };
    let quota = QuotaAttrs {
        byte_count: Some(5 << 20),
        consumed: Some(0),
        flags: Some(QuotaFlags::INVERTED),
        ..Default::default()
    };
    let connections = ConnectionLimitAttrs {
        count: Some(5),
        flags: Some(ConnectionLimitFlags::INVERTED),
        ..Default::default()
    };
    let count = CounterAttrs { packets: Some(7), byte_count: Some(700), ..Default::default() };
    let grouped = LogAttrs {
        prefix: Some("to a listener".into()),
        group: Some(3),
        snapshot_length: Some(64),
        queue_threshold: Some(10),
        ..Default::default()
    };
    let syslog = LogAttrs {
        prefix: Some("to the log: ".into()),
        level: Some(LogLevel::ERROR),
        flags: Some(LogFlags::TCP_SEQUENCE | LogFlags::UID),
        ..Default::default()
    };
    let bytes_per_second = LimitAttrs {
        rate: Some(1 << 20),
        unit: Some(1),
        burst: Some(4096),
        kind: Some(LimitKind::BYTES),
        flags: Some(LimitFlags::INVERTED),
        ..Default::default()
    };
    let reject = |kind, icmp_code| RejectAttrs { kind: Some(kind), icmp_code, ..Default::default() }.into();
    round_trip(
        Family::IPV4,
        "filter",
        Hook::Input,
        vec![
            vec![five(), write.into()],
            vec![five(), option.into()],
            vec![five(), meta(MetaKey::MARK).from(R1)],
            vec![immediate([1]).into(R1), meta(MetaKey::TRACE).from(R1)],
            vec![five(), ct(CtKey::MARK).from(R1)],
            vec![payload(Base::NETWORK, 12, 4).into(R1), add.into()],
            vec![count.into()],
            vec![limit(10, 60, 20), bytes_per_second.into()],
            vec![quota.into()],
            vec![connections.into()],
            vec![LastAttrs { milliseconds: Some(0), set: Some(0), ..Default::default() }.into()],
            vec![grouped.into()],
            vec![syslog.into()],
            vec![reject(RejectKind::ICMP, Some(3))],
            vec![reject(RejectKind::TCP_RESET, None)],
        ],
    )
}

pub(crate) fn translation_of_addresses(_: &mut Lab) -> Outcome {
    let source = NatAttrs {
        kind: Some(NatKind::SOURCE),
        family: Some(2),
        address_minimum: Some(R1),
        address_maximum: Some(R2),
        port_minimum: Some(R3),
        port_maximum: Some(R4),
        flags: Some(NatFlags::MAP_IPS | NatFlags::PROTO_SPECIFIED | NatFlags::PERSISTENT),
        ..Default::default()
    };
    let addresses = || [immediate([192, 0, 2, 1]).into(R1), immediate([192, 0, 2, 9]).into(R2)];
    let ports = || [immediate([4, 0]).into(R3), immediate([8, 0]).into(R4)];
    let random = MasqueradeAttrs {
        flags: Some(NatFlags::PROTO_SPECIFIED | NatFlags::FULLY_RANDOM),
        port_minimum: Some(R3),
        port_maximum: Some(R4),
        ..Default::default()
    };
    let [p0, p1] = ports();
    round_trip(
        Family::IPV4,
        "nat",
        Hook::Postrouting,
        vec![
            addresses().into_iter().chain(ports()).chain([source.into()]).collect(),
            vec![masquerade()],
            vec![p0, p1, random.into()],
        ],
    )
}

pub(crate) fn translation_of_destinations(_: &mut Lab) -> Outcome {
    let destination = NatAttrs {
        kind: Some(NatKind::DESTINATION),
        family: Some(10),
        address_minimum: Some(R1),
        address_maximum: Some(R1),
        flags: Some(NatFlags::MAP_IPS),
        ..Default::default()
    };
    let redirect = RedirectAttrs {
        port_minimum: Some(R1),
        port_maximum: Some(R1),
        flags: Some(NatFlags::PROTO_SPECIFIED),
        ..Default::default()
    };
    round_trip(
        Family::INET,
        "nat",
        Hook::Prerouting,
        vec![
            vec![
                meta(MetaKey::FAMILY).into(R1),
                cmp(R1, EQ, [10]),
                immediate([0x20; 16]).into(R1),
                destination.into(),
            ],
            vec![immediate([0x1f, 0x90]).into(R1), redirect.into()],
        ],
    )
}

pub(crate) fn statements_before_tracking(_: &mut Lab) -> Outcome {
    let reject = RejectAttrs { kind: Some(RejectKind::ICMPX), icmp_code: Some(1), ..Default::default() };
    let duplicate = DuplicateAttrs { address: Some(R1), ..Default::default() };
    round_trip(Family::INET, "filter", Hook::Prerouting, vec![vec![notrack()], vec![reject.into()]])?;
    let net = Net::open()?;
    let mut batch = net.nft().batch();
    batch.delete(&Table::new(Family::INET, TABLE));
    batch.commit()?;
    round_trip(
        Family::IPV4,
        "filter",
        Hook::Prerouting,
        vec![vec![immediate([192, 0, 2, 9]).into(R1), duplicate.into()]],
    )
}

/// What this crate does not know is sent and read as bytes, and rewritten as it was.
pub(crate) fn unknown_expressions_go_through(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    super::ground(&net, Family::INET)?;
    let unknown = |name: &str, data: &[u8]| Expression::Unknown { name: name.into(), data: data.to_vec() };
    // NFTA_META_DREG register 1, NFTA_META_KEY mark
    let raw = unknown("meta", &[8, 0, 1, 0, 0, 0, 0, 1, 8, 0, 2, 0, 0, 0, 0, 3]);
    let mut batch = net.nft().batch();
    batch.add(&Rule::new(
        Family::INET,
        TABLE,
        "c",
        [raw, cmp(R1, EQ, 1_u32.to_ne_bytes()), unknown("counter", &[])],
    ));
    batch.commit()?;
    let read = net.nft().rules(Family::INET, TABLE, "c")?;
    ensure_eq!(read[0].expressions[0], meta(MetaKey::MARK).into(R1));
    ensure!(nft.line("list chain inet t c")?.contains("meta mark 0x00000001 counter packets 0 bytes 0"));
    let mut batch = net.nft().batch();
    batch.add(&Rule::new(Family::INET, TABLE, "c", [unknown("no-such-expression", &[])]));
    let error = batch.commit().err().ok_or(Failure::wrong("committed"))?;
    ensure!(error.to_string().starts_with("cannot add rule inet t c: no such object (ENOENT)"), "{error}");
    Ok(())
}
