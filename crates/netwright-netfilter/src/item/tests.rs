use netwright_wire::{Big, MessageFlags, Messages};

use super::*;
use crate::expression::{CounterAttrs, SynProxyAttrs};
use crate::object::*;
use crate::raw::*;
use crate::request::List;
use crate::*;
use netwright_wire::Dump;

fn datagram(kind: MessageKind, family: Family, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    let mark = writer.begin_message(kind.number(), MessageFlags::MULTI, 1);
    NetfilterHeader::new(family).write::<Big>(&mut writer);
    write(&mut writer);
    writer.end_message(mark);
    writer.bytes().to_vec()
}

fn message(bytes: &[u8]) -> Message<'_> {
    Messages::new(bytes).next().unwrap().unwrap()
}

/// Everything of an item survives the way to the wire and back, and hostile bytes do not panic.
fn check<T: Item + Clone + PartialEq + std::fmt::Debug>(item: &T) {
    let bytes = datagram(T::KINDS.new, item.family(), |writer| item.attributes().write::<Big>(writer));
    assert_eq!(T::read(&message(&bytes)).unwrap().as_ref(), Some(item));
    for place in 16..bytes.len() {
        for change in [0, 1, 4, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[place] = change;
            let _ = T::read(&message(&changed));
        }
    }
}

#[test]
fn a_table_is_read_as_it_is_written() {
    check(&Table::new(Family::INET, "t"));
    check(&Table {
        flags: Some(TableFlags::DORMANT),
        handle: Some(4),
        uses: Some(0),
        owner: Some(99),
        userdata: Userdata::comment("x").unwrap(),
        ..Table::new(Family::NETDEV, "t")
    });
}

fn base(devices: &[Device]) -> BaseHook {
    BaseHook {
        kind: "filter".into(),
        hook: Hook::Ingress,
        priority: -5,
        devices: devices.to_vec(),
        policy: Some(ChainPolicy::DROP),
    }
}

#[test]
fn a_chain_is_read_as_it_is_written() {
    let chain = Chain::new(Family::NETDEV, "t", "c");
    check(&chain);
    let lo = Device::Name("lo".into());
    for devices in [&[][..], std::slice::from_ref(&lo), &[Device::Prefix("dum".into()), lo.clone()]] {
        let counters = Some(CounterAttrs { packets: Some(0), ..Default::default() });
        check(&Chain {
            base: Some(base(devices)),
            counters,
            uses: Some(3),
            handle: Some(9),
            ..chain.clone()
        });
    }
}

/// `nft add chain netdev nd w '{ type filter hook ingress devices = { "lo", "dum*" } priority -5; policy drop; }'`
#[test]
fn the_hook_of_a_chain_is_as_nft_writes_it() {
    let devices = [Device::Prefix("dum".into()), Device::Name("lo".into())];
    let chain = Chain { base: Some(base(&devices)), ..Chain::new(Family::NETDEV, "nd", "w") };
    let mut writer = Writer::new();
    chain.write_definition(&mut writer);
    let expected =
        b"\x07\0\x01\0nd\0\0\x06\0\x03\0w\0\0\0\x08\0\x05\0\0\0\0\0\x0b\0\x07\0filter\0\0\x28\0\x04\x80\
        \x08\0\x01\0\0\0\0\0\x08\0\x02\0\xff\xff\xff\xfb\x14\0\x04\x80\x08\0\x02\0dum\0\x07\0\x01\0lo\0\0";
    assert_eq!(writer.bytes(), expected);
}

#[test]
fn hooks_have_a_number_in_their_family() {
    assert_eq!(Hook::from_number(Family::INET, 5), Hook::Ingress);
    assert_eq!(Hook::from_number(Family::IPV4, 5), Hook::Other(5));
    assert_eq!(Hook::from_number(Family::ARP, 1), Hook::Output);
    assert_eq!(Hook::Egress.number(Family::NETDEV), Some(1));
    assert_eq!(Hook::Egress.number(Family::INET), None);
    assert_eq!(Hook::from_name("egress"), Some(Hook::Egress));
    for hook in [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting] {
        assert_eq!(Hook::from_number(Family::BRIDGE, hook.number(Family::BRIDGE).unwrap()), hook);
    }
}

#[test]
fn a_rule_is_read_as_it_is_written() {
    let expressions =
        [payload(Base::NETWORK, 12, 4).into(R1), cmp(R1, EQ, [1, 2, 3, 4]), counter(), jump("d")];
    check(&Rule::new(Family::IPV4, "t", "c", expressions.clone()));
    check(&Rule {
        handle: Some(7),
        position: Some(6),
        userdata: Userdata::comment("why").unwrap(),
        compat: Some(RuleCompatAttrs { protocol: Some(6), ..Default::default() }),
        ..Rule::new(Family::IPV4, "t", "c", expressions)
    });
}

#[test]
fn a_set_is_read_as_it_is_written() {
    let mut set = Set::new(Family::IPV6, "t", "s", 24);
    check(&set);
    set.set_field_lengths([16, 2, 1]);
    set.description.size = Some(1024);
    set.flags =
        SetFlags::INTERVAL | SetFlags::CONCAT | SetFlags::TIMEOUT | SetFlags::from_bits_retain(0x8000);
    set.timeout = Some(0);
    set.collection_interval = Some(300_000);
    for expressions in [vec![counter()], vec![counter(), limit(1, 1, 5)]] {
        check(&Set { expressions, ..set.clone() });
    }
    assert_eq!(set.field_lengths().collect::<Vec<_>>(), [16, 2, 1]);
}

#[test]
fn objects_are_read_as_they_are_written() {
    let data = [
        ObjectData::Counter(CounterAttrs { packets: Some(1), byte_count: Some(0), ..Default::default() }),
        ObjectData::CtHelper(CtHelperAttrs { name: Some("ftp".into()), ..Default::default() }),
        ObjectData::CtTimeout(CtTimeoutAttrs {
            timeouts: Some(Timeouts(vec![(3, 100)])),
            ..Default::default()
        }),
        ObjectData::CtExpectation(CtExpectationAttrs { timeout: Some(NativeU32(5)), ..Default::default() }),
        ObjectData::SynProxy(SynProxyAttrs { mss: Some(1460), ..Default::default() }),
        ObjectData::Secmark(SecmarkAttrs { context: Some("a:b".into()), ..Default::default() }),
        ObjectData::Tunnel(TunnelKeyAttrs {
            id: Some(5),
            ipv4: Some(TunnelIpv4Attrs { source: Some([192, 0, 2, 1].into()), ..Default::default() }),
            options: Some(TunnelOptions(vec![
                TunnelOption::Geneve(GeneveOptionAttrs { class: Some(1), ..Default::default() }),
                TunnelOption::Geneve(GeneveOptionAttrs { class: Some(2), ..Default::default() }),
                TunnelOption::Unknown(9, vec![1]),
            ])),
            ..Default::default()
        }),
        ObjectData::Unknown { kind: expression::ObjectKind(77), data: vec![8, 0, 1, 0, 1, 2, 3, 4] },
    ];
    for data in data {
        check(&Object { handle: Some(1), ..Object::new(Family::INET, "t", "o", data) });
    }
}

/// `nft add ct expectation inet t ex '{ protocol udp; dport 9876; timeout 2m; size 12; l3proto ip; }'`
#[test]
#[cfg(target_endian = "little")]
fn the_timeout_of_an_expectation_is_in_the_machines_order() {
    let attrs = CtExpectationAttrs {
        l3_protocol: Some(2),
        l4_protocol: Some(17),
        destination_port: Some(9876),
        timeout: Some(NativeU32(120_000)),
        size: Some(12),
        ..Default::default()
    };
    let mut writer = Writer::new();
    attrs.write_attributes(&mut writer);
    let expected = b"\x06\0\x01\0\0\x02\0\0\x05\0\x02\0\x11\0\0\0\x06\0\x03\0\x26\x94\0\0\x08\0\x04\0\xc0\xd4\x01\0\x05\0\x05\0\x0c\0\0\0";
    assert_eq!(writer.bytes(), expected);
}

#[test]
fn a_flowtable_is_read_as_it_is_written() {
    check(&Flowtable {
        family: Family::INET,
        table: "t".into(),
        name: "f".into(),
        priority: Some(-1),
        devices: vec![Device::Name("lo".into())],
        flags: Some(FlowtableFlags::COUNTER),
        ..Default::default()
    });
}

#[test]
fn unknown_attributes_are_kept() {
    let bytes = datagram(MessageKind::NEW_TABLE, Family::IPV4, |writer| {
        writer.bytes_attribute(1, b"t\0");
        writer.bytes_attribute(200, b"newer");
    });
    let table = Table::read(&message(&bytes)).unwrap().unwrap();
    let again = datagram(MessageKind::NEW_TABLE, Family::IPV4, |writer| table.write_definition(writer));
    assert_eq!(again, bytes);
}

#[test]
fn a_question_hears_only_what_it_asked_for() {
    let chain = |table: &str| {
        let chain = Chain::new(Family::INET, table, "c");
        datagram(MessageKind::NEW_CHAIN, Family::INET, |writer| chain.write_definition(writer))
    };
    let list = List::<Chain>::new(Family::INET).in_table("t");
    assert!(list.view(&message(&chain("u"))).unwrap().is_none());
    let bytes = chain("t");
    let view = list.view(&message(&bytes)).unwrap().unwrap();
    assert_eq!(view.attributes.name().unwrap().unwrap().as_str(), Some("c"));
    assert_eq!(list.own(view).unwrap(), Chain::new(Family::INET, "t", "c"));
    assert!(Rule::read(&message(&bytes)).unwrap().is_none());
}

#[test]
fn a_trace_tells_which_rule_decided() {
    let attrs = TraceAttrs {
        id: Some(5),
        kind: Some(TraceKind::RULE),
        table: Some("t".into()),
        chain: Some("c".into()),
        rule: Some(12),
        verdict: Some(VerdictAttrs::new(Verdict::DROP)),
        protocol: Some(2),
        network_header: Some(vec![0x45]),
        ..Default::default()
    };
    let bytes = datagram(MessageKind::TRACE, Family::INET, |writer| attrs.write_attributes(writer));
    let trace = Trace::read(&message(&bytes)).unwrap().unwrap();
    assert_eq!(
        (trace.id, trace.kind, trace.rule, trace.protocol),
        (5, TraceKind::RULE, Some(12), Some(Family::IPV4))
    );
    assert_eq!(trace.verdict.unwrap().code, Some(Verdict::DROP));
    assert_eq!(trace.network_header, [0x45]);
    let nothing = datagram(MessageKind::TRACE, Family::INET, |_| ());
    assert!(Trace::read(&message(&nothing)).is_err());
}
