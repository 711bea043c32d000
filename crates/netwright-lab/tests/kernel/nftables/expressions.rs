//! Every expression, sent raw and read back equal.

use netwright::Net;
use netwright::netfilter::bytecode::{Form, bytecode};
use netwright::netfilter::expression::*;
use netwright::netfilter::raw::*;
use netwright::netfilter::{ChainRef, Data, Family, Hook, Rule, Set, SetFlags, Table};
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
    let read = net.nft().rules(ChainRef::new(family, TABLE, "c"))?;
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
    netwright::netfilter::SetDescriptionAttrs::default().size(size)
}

fn five() -> Expression {
    immediate(5_u32.to_ne_bytes()).into(R1)
}

pub(crate) fn loads_and_comparisons(_: &mut Lab) -> Outcome {
    let extension = |op, kind, present: bool| {
        ExtensionHeaderAttrs::default()
            .destination(R1)
            .kind(kind)
            .offset(0)
            .length(1)
            .op(op)
            .flags(if present { ExtensionHeaderFlags::PRESENT } else { ExtensionHeaderFlags::empty() })
            .into()
    };
    let symmetric = HashAttrs::default().destination(R1).modulus(4).offset(2).kind(HashKind::SYMMETRIC);
    let shift = BitwiseAttrs::default()
        .source(R1)
        .destination(R2)
        .op(BitwiseOp::LEFT_SHIFT)
        .length(4)
        .data(Data::Value(3_u32.to_ne_bytes().into()));
    let order = ByteOrderAttrs::default()
        .source(R1)
        .destination(R1)
        .op(ByteOrderOp::NETWORK_TO_HOST)
        .length(4)
        .size(4);
    let direction = CtAttrs::default()
        .key(CtKey::SOURCE_PORT)
        .destination(Register::R32_02)
        .direction(CtDirection::REPLY);
    let found = LookupAttrs::default().source(R1).set("s".into()).flags(LookupFlags::INVERTED);
    let mapped = found.clone().set("m".into()).destination(R2).flags(LookupFlags::empty());
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
    let hash = HashAttrs::default()
        .source(R1)
        .destination(R2)
        .length(4)
        .modulus(8)
        .seed(0xdead)
        .offset(1)
        .kind(HashKind::JENKINS);
    round_trip(
        Family::IPV4,
        "filter",
        Hook::Input,
        vec![vec![payload(Base::NETWORK, 12, 4).into(R1), hash.into()]],
    )
}

pub(crate) fn statements(_: &mut Lab) -> Outcome {
    let write = PayloadAttrs::default()
        .source(R1)
        .base(Base::NETWORK)
        .offset(0)
        .length(2)
        .checksum(ChecksumKind::INTERNET)
        .checksum_offset(10)
        .checksum_flags(ChecksumFlags::empty());
    let option = ExtensionHeaderAttrs::default()
        .source(R1)
        .kind(2)
        .offset(2)
        .length(2)
        .op(ExtensionHeaderOp::TCP_OPTION)
        .flags(ExtensionHeaderFlags::empty());
    let add = DynamicSetAttrs::default()
        .key(R1)
        .op(DynamicSetOp::UPDATE)
        .timeout(5000)
        .set("d".into())
        .expression(Box::new(limit(1, 60, 5)))
        .flags(DynamicSetFlags::empty());
    let quota = QuotaAttrs::default().byte_count(5 << 20).consumed(0).flags(QuotaFlags::INVERTED);
    let connections = ConnectionLimitAttrs::default().count(5).flags(ConnectionLimitFlags::INVERTED);
    let count = CounterAttrs::default().packets(7).byte_count(700);
    let grouped =
        LogAttrs::default().prefix("to a listener".into()).group(3).snapshot_length(64).queue_threshold(10);
    let syslog = LogAttrs::default()
        .prefix("to the log: ".into())
        .level(LogLevel::ERROR)
        .flags(LogFlags::TCP_SEQUENCE | LogFlags::UID);
    let bytes_per_second = LimitAttrs::default()
        .rate(1 << 20)
        .unit(1)
        .burst(4096)
        .kind(LimitKind::BYTES)
        .flags(LimitFlags::INVERTED);
    let reject =
        |kind, icmp_code| RejectAttrs::default().kind(kind).with(|attrs| attrs.icmp_code = icmp_code).into();
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
            vec![LastAttrs::default().milliseconds(0).set(0).into()],
            vec![grouped.into()],
            vec![syslog.into()],
            vec![reject(RejectKind::ICMP, Some(3))],
            vec![reject(RejectKind::TCP_RESET, None)],
        ],
    )
}

pub(crate) fn translation_of_addresses(_: &mut Lab) -> Outcome {
    let source = NatAttrs::default()
        .kind(NatKind::SOURCE)
        .family(2)
        .address_minimum(R1)
        .address_maximum(R2)
        .port_minimum(R3)
        .port_maximum(R4)
        .flags(NatFlags::MAP_IPS | NatFlags::PROTO_SPECIFIED | NatFlags::PERSISTENT);
    let addresses = || [immediate([192, 0, 2, 1]).into(R1), immediate([192, 0, 2, 9]).into(R2)];
    let ports = || [immediate([4, 0]).into(R3), immediate([8, 0]).into(R4)];
    let random = MasqueradeAttrs::default()
        .flags(NatFlags::PROTO_SPECIFIED | NatFlags::FULLY_RANDOM)
        .port_minimum(R3)
        .port_maximum(R4);
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
    let destination = NatAttrs::default()
        .kind(NatKind::DESTINATION)
        .family(10)
        .address_minimum(R1)
        .address_maximum(R1)
        .flags(NatFlags::MAP_IPS);
    let redirect =
        RedirectAttrs::default().port_minimum(R1).port_maximum(R1).flags(NatFlags::PROTO_SPECIFIED);
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
    let reject = RejectAttrs::default().kind(RejectKind::ICMPX).icmp_code(1);
    let duplicate = DuplicateAttrs::default().address(R1);
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
    super::set_up(&net, Family::INET)?;
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
    let read = net.nft().rules(ChainRef::new(Family::INET, TABLE, "c"))?;
    ensure_eq!(read[0].expressions[0], meta(MetaKey::MARK).into(R1));
    ensure!(nft.line("list chain inet t c")?.contains("meta mark 0x00000001 counter packets 0 bytes 0"));
    let mut batch = net.nft().batch();
    batch.add(&Rule::new(Family::INET, TABLE, "c", [unknown("no-such-expression", &[])]));
    let error = batch.commit().err().ok_or(Failure::wrong("committed"))?;
    ensure!(error.to_string().starts_with("cannot add rule inet t c: no such object (ENOENT)"), "{error}");
    Ok(())
}
