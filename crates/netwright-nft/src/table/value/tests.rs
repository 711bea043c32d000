use super::*;

/// Two hours east of UTC.
const ZONE: crate::table::Zone = crate::table::Zone::fixed(7200);

fn names() -> Names {
    let mut names = Names::new();
    names.insert(Database::Marks, "gold", 16);
    names.insert(Database::Labels, "eth-out", 5);
    names.insert(Database::Interfaces, "lo", 1);
    names.insert(Database::Realms, "cosmos", 0);
    names.insert(Database::Users, "root", 0);
    names
}

fn number(data_type: DataType, word: &str) -> Option<u128> {
    parse(data_type, data_type.bits(), word, &names(), ZONE).ok()
}

fn text_with(data_type: DataType, number: u128, options: PrintOptions) -> String {
    let mut text = String::new();
    let options = PrintOptions { zone: ZONE, ..options };
    write(&mut text, data_type, data_type.bits(), number, &names(), &options).unwrap();
    text
}

fn text(data_type: DataType, number: u128) -> String {
    text_with(data_type, number, PrintOptions::default())
}

#[test]
fn values_are_listed_as_nft_does() {
    for (data_type, number, expected) in [
        (DataType::MARK, 5, "0x00000005"),
        (DataType::MARK, 16, "\"gold\""),
        (DataType::INET_SERVICE, 22, "22"),
        (DataType::CT_STATE, 0x86, "established,related,0x80"),
        (DataType::CT_STATE, 0, "0x0"),
        (DataType::CT_LABEL, 1 << 5 | 1 << 70, "\"eth-out\",70"),
        (DataType::TCP_FLAG, 0x12, "syn,ack"),
        (DataType::BITMASK, 5, "0x5"),
        (DataType::ETHER_TYPE, 0x8100, "8021q"),
        (DataType::ETHER_TYPE, 0x9100, "0x9100"),
        (DataType::DSCP, 0, "cs0"),
        (DataType::DSCP, 63, "0x3f"),
        (DataType::ICMP_CODE, 3, "3"),
        (DataType::ICMPV6_TYPE, 132, "mld-listener-done"),
        (DataType::INET_PROTO, 58, "ipv6-icmp"),
        (DataType::INET_PROTO, 200, "200"),
        (DataType::CLASSID, 0x10020, "1:20"),
        (DataType::CLASSID, 0xffff_ffff, "root"),
        (DataType::IFACE_INDEX, 1, "\"lo\""),
        (DataType::IFACE_INDEX, 77, "77"),
        (DataType::REALM, 0, "\"cosmos\""),
        (DataType::UID, 0, "0"),
        (DataType::DAY, 1, "\"Monday\""),
        (DataType::HOUR, 21_600, "\"08:00\""),
        (DataType::TIME, 90_000, "1m30s"),
        (DataType::HEX_INTEGER, 0x2000, "0x2000"),
        (DataType::ETHER_ADDR, 0x0011_22aa_bbcc, "00:11:22:aa:bb:cc"),
        (DataType::IPV4_ADDR, 0xc000_0201, "192.0.2.1"),
        (DataType::IPV6_ADDR, 0x0102_0304, "::1.2.3.4"),
        (DataType::IPV6_ADDR, 0xffff_0102_0304, "::ffff:1.2.3.4"),
        (DataType::IPV6_ADDR, 5, "::5"),
        (DataType::BOOLEAN, 1, "exists"),
    ] {
        assert_eq!(text(data_type, number), expected);
    }
}

#[test]
fn options_change_the_listing() {
    let numeric = PrintOptions::default().numeric();
    for (data_type, number, expected) in [
        (DataType::CT_STATE, 0x86, "0x2,0x4,0x80"),
        (DataType::ETHER_TYPE, 0x0800, "0x0800"),
        (DataType::INET_PROTO, 6, "6"),
        (DataType::MARK, 16, "0x00000010"),
        (DataType::CT_LABEL, 1 << 5, "\"eth-out\""),
        (DataType::DAY, 1, "1"),
        (DataType::HOUR, 21_600, "\"08:00\""),
        (DataType::TIME, 93_784_500, "93784s"),
        (DataType::CLASSID, 0x10020, "1:20"),
    ] {
        assert_eq!(text_with(data_type, number, numeric), expected);
    }
    let named = PrintOptions { service_names: true, guid_names: true, ..PrintOptions::default() };
    assert_eq!(text_with(DataType::INET_SERVICE, 22, named), "\"ssh\"");
    assert_eq!(text_with(DataType::UID, 0, named), "\"root\"");
}

#[test]
fn words_are_read_as_nft_does() {
    for (data_type, word, expected) in [
        (DataType::INET_SERVICE, "ssh", 22),
        (DataType::INET_SERVICE, "0x16", 22),
        (DataType::MARK, "010", 8),
        (DataType::MARK, "gold", 16),
        (DataType::CT_LABEL, "eth-out", 32),
        (DataType::CT_LABEL, "127", 1 << 127),
        (DataType::IPV4_ADDR, "1", 1),
        (DataType::IPV4_ADDR, "192.0.2.1", 0xc000_0201),
        (DataType::IPV6_ADDR, "::1.2.3.4", 0x0102_0304),
        (DataType::ETHER_ADDR, "0:11:22:AA:bb:cc", 0x0011_22aa_bbcc),
        (DataType::CLASSID, "1:10", 0x1_0010),
        (DataType::CLASSID, "none", 0),
        (DataType::TIME, "90", 90_000),
        (DataType::TIME, "1s500ms", 1500),
        (DataType::HOUR, "08:00", 21_600),
        (DataType::HOUR, "8", 8),
        (DataType::DATE, "1559837000", 1_559_837_000_000_000_000),
        (DataType::ICMP_CODE, "port-unreachable", 3),
        (DataType::PKT_TYPE, "unicast", 0),
        (DataType::DAY, "6", 6),
    ] {
        assert_eq!(number(data_type, word), Some(expected), "{data_type:?} {word}");
    }
    for (data_type, word) in [
        (DataType::INET_SERVICE, "70000"),
        (DataType::TCP_FLAG, "0x180"),
        (DataType::DAY, "9"),
        (DataType::DAY, "Mon"),
        (DataType::CT_LABEL, "128"),
        (DataType::ETHER_ADDR, "00:11:22:33:44:55:66"),
        (DataType::ETHER_ADDR, "+1:2"),
        (DataType::CLASSID, "10000:1"),
        (DataType::IFNAME, "eth0"),
        (DataType::TIME, "340282366920938463463374607431768211455"),
    ] {
        assert_eq!(number(data_type, word), None, "{data_type:?} {word}");
    }
}

#[test]
fn an_unknown_word_gets_the_nearest_name() {
    let error =
        parse(DataType::CT_STATE, 32, "establishd", &Names::new(), crate::table::Zone::UTC).unwrap_err();
    assert_eq!(error.to_string(), "`establishd` is no conntrack state; did you mean `established`?");
    assert_eq!(nearest("frob", ["accept", "drop"].into_iter()), Some("drop"));
    assert_eq!(nearest("xyz", ["accept"].into_iter()), None);
}

#[test]
fn every_symbol_comes_back() {
    for &data_type in DataType::ALL {
        for symbol in data_type.symbols() {
            assert_eq!(parse_symbol(data_type, symbol.name, &Names::new()), Some(u128::from(symbol.value)));
        }
    }
}

#[test]
fn bytes_follow_the_order() {
    assert_eq!(to_bytes(0x1234, 2, ByteOrder::Big), [0x12, 0x34]);
    assert_eq!(to_bytes(0x1234, 4, ByteOrder::Host), 0x1234u32.to_ne_bytes());
    assert_eq!(from_bytes(&[0x12, 0x34], ByteOrder::Big), Some(0x1234));
    assert_eq!(from_bytes(&0x1234u32.to_ne_bytes(), ByteOrder::Host), Some(0x1234));
    assert_eq!(from_bytes(&[0; 17], ByteOrder::Big), None);
}

#[test]
fn json_has_names_and_plain_numbers() {
    let json = |data_type: DataType, number| {
        to_json(
            data_type,
            data_type.bits(),
            number,
            &names(),
            &PrintOptions { zone: ZONE, ..PrintOptions::default() },
        )
    };
    assert_eq!(json(DataType::ETHER_TYPE, 0x1234), Json::Number(0x1234));
    assert_eq!(json(DataType::ETHER_TYPE, 0x0800), Json::Text("ip".into()));
    assert_eq!(json(DataType::HOUR, 21_600), Json::Text("08:00".into()));
    assert_eq!(json(DataType::TIME, 90_000), Json::Number(90));
    assert_eq!(json(DataType::BOOLEAN, 1), Json::Boolean(true));
    assert_eq!(json(DataType::CT_LABEL, 1 << 7), Json::Number(7));
    assert_eq!(json(DataType::CLASSID, 0x1_0002), Json::Text("1:2".into()));
}

#[test]
fn addresses_are_written_by_name_where_that_is_asked_for() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut names = Names::new();
    names.find_hosts(|address| {
        COUNT.fetch_add(1, Ordering::Relaxed);
        (address == IpAddr::from([192, 0, 2, 1])).then(|| "one.example".to_owned())
    });
    let text = |number: u128, host_names: bool| {
        let options = PrintOptions { host_names, ..PrintOptions::default() };
        let mut text = String::new();
        write(&mut text, DataType::IPV4_ADDR, 32, number, &names, &options).unwrap();
        text
    };
    assert_eq!(text(0xc000_0201, false), "192.0.2.1");
    assert_eq!(COUNT.load(Ordering::Relaxed), 0);
    assert_eq!(text(0xc000_0201, true), "one.example");
    assert_eq!(text(0xc000_0202, true), "192.0.2.2");
    assert_eq!(
        (text(0xc000_0201, true).as_str(), text(0xc000_0202, true).as_str()),
        ("one.example", "192.0.2.2")
    );
    assert_eq!(COUNT.load(Ordering::Relaxed), 2, "each address is looked up once");
}
