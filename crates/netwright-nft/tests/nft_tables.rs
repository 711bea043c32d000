//! The tables against a real `nft` (1.1 or later), named by `NETWRIGHT_NFT`. Each run has a network namespace of its own.

use std::path::PathBuf;
use std::process::{Command, Output};

use netwright_nft::table::header::{EXTENSIONS, HEADERS};
use netwright_nft::table::key::{self, Direction, Key, KeyKind, Layer3};
use netwright_nft::table::value::{self, BitStyle, PrintOptions};
use netwright_nft::table::{ByteOrder, DataType, Field, Header, Names};

/// Two hours east of UTC.
const ZONE: netwright_nft::table::Zone = netwright_nft::table::Zone::fixed(7200);

/// The oracle, or nothing (with a word on standard error) where there is none.
fn oracle() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("NETWRIGHT_NFT").map(PathBuf::from) else {
        eprintln!("did not run: NETWRIGHT_NFT names no nft to compare with");
        return None;
    };
    let version = Command::new(&path).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    let number = text.split_whitespace().find_map(|word| word.strip_prefix('v')).unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < (1, 1) {
        eprintln!("did not run: {} is version {number}, and 1.1 is needed", path.display());
        return None;
    }
    Some(path)
}

/// Runs a shell script with `$NFT` set, in a new network namespace.
fn run(nft: &PathBuf, script: &str) -> Output {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", script])
        .env("NFT", nft)
        .env("TZ", "UTC-2")
        .output()
        .expect("unshare runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `nft describe` says of many things, one answer each.
fn describe(nft: &PathBuf, things: &[String]) -> Vec<String> {
    let script: String =
        things.iter().map(|thing| format!("$NFT describe '{thing}' 2>&1; echo; echo ----\n")).collect();
    let answers: Vec<String> = text(&run(nft, &script)).split("\n----\n").map(str::to_owned).collect();
    assert!(answers.len() > things.len(), "an answer for each of {}: {answers:?}", things.len());
    answers
}

/// `datatype NAME (…) …, N bits` must agree.
fn check_type(thing: &str, answer: &str, data_type: DataType, bits: u32) {
    let line = answer.lines().next().unwrap_or_default();
    let name = line.split("datatype ").nth(1).and_then(|rest| rest.split(' ').next());
    assert_eq!(name, Some(data_type.name()), "{thing}: {line}");
    let width = line.rsplit(", ").next().unwrap_or_default();
    let expected = if data_type.is_string() && bits > 0 {
        format!("{} characters", bits / 8)
    } else {
        format!("{bits} bits")
    };
    if data_type != DataType::INVALID {
        assert_eq!(width, expected, "{thing}: {line}");
    }
}

#[test]
fn types_agree() {
    let Some(nft) = oracle() else { return };
    let types: Vec<DataType> = DataType::ALL
        .iter()
        .copied()
        .filter(|t| !matches!(t.name(), "invalid" | "mark" | "time" | "hour" | "day" | "ecn") && t.0 < 0x100)
        .collect();
    let names: Vec<String> = types.iter().map(|t| t.name().to_owned()).collect();
    for (data_type, answer) in types.iter().zip(describe(&nft, &names)) {
        let bits = if *data_type == DataType::IFNAME { 0 } else { data_type.bits() };
        let line = answer.lines().next().unwrap_or_default().to_owned();
        assert!(line.contains(data_type.descriptor().description), "{line}");
        if bits != 0 {
            check_type(data_type.name(), &answer, *data_type, bits);
        }
        check_symbols(*data_type, &answer);
    }
}

/// Symbols of the answer, with the values turned from the order of the wire.
fn check_symbols(data_type: DataType, answer: &str) {
    if data_type.symbols().is_empty() || !answer.contains("pre-defined") {
        return;
    }
    let mut expected: Vec<(String, u128)> =
        data_type.symbols().iter().map(|symbol| (symbol.name.to_owned(), u128::from(symbol.value))).collect();
    let mut told: Vec<(String, u128)> = answer
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, number) = (words.next()?, words.next()?);
            let number = match number.strip_prefix("0x") {
                Some(digits) if data_type.order() == ByteOrder::Big => {
                    let swapped = u128::from_str_radix(digits, 16).ok()?.swap_bytes();
                    swapped >> (128 - 8 * (digits.len() / 2))
                }
                Some(digits) => u128::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            words.next().is_none().then(|| (name.to_owned(), number))
        })
        .collect();
    expected.sort();
    told.sort();
    assert_eq!(told, expected, "{data_type:?}");
}

/// Every field with the words that name it.
fn fields() -> Vec<(String, &'static Header, &'static Field)> {
    let mut fields = Vec::new();
    for header in HEADERS.iter().chain(EXTENSIONS) {
        let prefix = header.extension.map_or("", |extension| extension.base.prefix());
        for field in header.fields {
            if !matches!(field.name, "kind" | "reserved") || header.extension.is_none() {
                let name =
                    field.aliases.first().filter(|alias| **alias == "param-problem").unwrap_or(&field.name);
                fields.push((format!("{prefix}{} {name}", header.name), header, field));
            }
        }
    }
    fields
}

#[test]
fn fields_agree() {
    let Some(nft) = oracle() else { return };
    let fields = fields();
    let names: Vec<String> = fields.iter().map(|(name, _, _)| name.clone()).collect();
    for ((name, _, field), answer) in fields.iter().zip(describe(&nft, &names)) {
        check_type(name, &answer, field.data_type, field.bits);
    }
}

/// The bytes that a rule on each field loads are where the table says.
#[test]
fn offsets_agree() {
    let Some(nft) = oracle() else { return };
    let fields = fields();
    let mut script = String::from("$NFT add table netdev t; $NFT add chain netdev t c\n");
    for (name, header, field) in &fields {
        let constant = match field.bits {
            48 => "00:00:00:00:00:01",
            128 => "::1",
            _ => "1",
        };
        let tunnel = if header.tunnel.is_some_and(|tunnel| tunnel.own_fields_inside) {
            "meta l4proto udp "
        } else {
            ""
        };
        script += &format!(
            "$NFT -c --debug=netlink add rule netdev t c '{tunnel}{name} {constant}' 2>&1; echo ----\n"
        );
    }
    let output = text(&run(&nft, &script));
    let answers: Vec<&str> = output.split("----\n").collect();
    assert!(answers.len() > fields.len());
    for ((name, header, field), answer) in fields.iter().zip(answers) {
        check_load(name, header, field, answer);
    }
}

/// The last load of a rule is the field's.
fn check_load(name: &str, header: &Header, field: &Field, answer: &str) {
    let load = answer.lines().rfind(|line| line.contains("payload load") || line.contains("exthdr load"));
    let load = load.unwrap_or_default();
    assert!(!load.is_empty(), "{name} loads nothing: {answer}");
    let words: Vec<&str> = load.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "@").expect("a place");
    let plus = words.iter().position(|word| *word == "+").expect("an offset");
    let bytes: u32 = words[at - 1].trim_end_matches('b').parse().expect("a length");
    let offset: u32 = words[plus + 1].parse().expect("an offset");
    let vlan = if header.name == "vlan" { 112 } else { 0 };
    let first = (field.offset + vlan) / 8;
    let last = (field.offset + vlan + field.bits - 1) / 8;
    assert_eq!((offset, offset + bytes - 1), (first, last), "{name}: {load}");
    match header.extension {
        Some(extension) => assert_eq!(words[at + 1], extension.number.to_string(), "{name}: {load}"),
        None => {
            let base = ["link", "network", "transport", "inner", "tunnel"][header.base.0 as usize];
            assert_eq!(words[at + 1], base, "{name}: {load}");
        }
    }
    if let Some(line) = answer.lines().rfind(|line| line.contains("bitwise")).filter(|_| field.is_partial()) {
        let mask = line.split("& 0x").nth(1).and_then(|rest| rest.split(' ').next()).expect("a mask");
        let shift = (last + 1) * 8 - (field.offset + vlan) - field.bits;
        let expected = value::greatest(field.bits) << shift;
        assert_eq!(u128::from_str_radix(mask, 16).expect("a number"), expected, "{name}: {line}");
    }
}

/// The words that name a key.
fn key_words(key: &Key) -> String {
    let layer3 = match key.layer3 {
        Layer3::Ipv4 => "ip ",
        Layer3::Ipv6 => "ip6 ",
        Layer3::Any | Layer3::Context => "",
    };
    let name = key.name;
    match key.kind {
        KeyKind::Meta => format!("meta {name}"),
        KeyKind::Ct if key.direction == Direction::Required => format!("ct original {layer3}{name}"),
        KeyKind::Ct => format!("ct {name}"),
        KeyKind::Rt => format!("rt {layer3}{name}"),
        KeyKind::Socket if name == "cgroupv2" => "socket cgroupv2 level 1".into(),
        KeyKind::Socket => format!("socket {name}"),
        KeyKind::Ipsec => format!("ipsec in {layer3}{name}"),
        KeyKind::Tunnel => format!("tunnel {name}"),
        KeyKind::Fib => format!("fib daddr {name}"),
        KeyKind::Osf => format!("osf {name}"),
    }
}

#[test]
fn keys_agree() {
    let Some(nft) = oracle() else { return };
    let keys: Vec<&Key> = key::all().collect();
    let names: Vec<String> = keys.iter().map(|key| key_words(key)).collect();
    for ((key, name), answer) in keys.iter().zip(&names).zip(describe(&nft, &names)) {
        // nft describes the width of the register here, and refuses values of more than one bit all the same
        let flag = key.kind == KeyKind::Socket && key.bits == 1;
        check_type(name, &answer, key.data_type, if flag { 8 } else { key.bits });
    }
}

/// What nft lists for a value is what we write for it.
#[test]
fn listings_agree() {
    let Some(nft) = oracle() else { return };
    let samples: &[(&str, DataType, u32, &[u128])] = &[
        ("meta mark", DataType::MARK, 32, &[0, 5, 0xffff_ffff]),
        ("meta priority", DataType::CLASSID, 32, &[0, 0x1_0020, 0xbcad_dadd, 0xffff_ffff]),
        ("meta iiftype", DataType::IFACE_TYPE, 16, &[1, 2, 512]),
        ("meta day", DataType::DAY, 8, &[0, 3, 6]),
        ("meta hour", DataType::HOUR, 32, &[0, 8, 28_800, 86_399]),
        ("meta pkttype", DataType::PKT_TYPE, 8, &[0, 1, 3, 9]),
        ("meta l4proto", DataType::INET_PROTO, 8, &[6, 17, 58, 200]),
        ("ct direction", DataType::CT_DIR, 8, &[0, 1, 5]),
        ("ct mark", DataType::MARK, 32, &[0x1234_5678]),
        ("ct zone", DataType::INTEGER, 16, &[0, 65_535]),
        ("ether type", DataType::ETHER_TYPE, 16, &[0x0800, 0x88a8, 0x8100, 0x1234]),
        ("ether saddr", DataType::ETHER_ADDR, 48, &[1, 0x0011_22aa_bbcc]),
        ("ip saddr", DataType::IPV4_ADDR, 32, &[1, 0xc0a8_0101]),
        ("ip dscp", DataType::DSCP, 6, &[0, 8, 34, 44, 63]),
        ("ip ecn", DataType::ECN, 2, &[0, 1, 2, 3]),
        ("ip frag-off", DataType::HEX_INTEGER, 16, &[5, 0x2000]),
        ("icmp type", DataType::ICMP_TYPE, 8, &[8, 200]),
        ("icmp code", DataType::ICMP_CODE, 8, &[3]),
        ("icmpv6 type", DataType::ICMPV6_TYPE, 8, &[132, 200]),
        ("tcp dport", DataType::INET_SERVICE, 16, &[22, 65_535]),
        ("tcp flags", DataType::TCP_FLAG, 8, &[1, 0x12]),
        ("tcp flags ==", DataType::TCP_FLAG, 8, &[0, 1, 0x12]),
        ("tcp flags & 0xff != 0 tcp flags set", DataType::TCP_FLAG, 8, &[0x12]),
        ("mh type", DataType::MH_TYPE, 8, &[5, 77]),
        ("fib saddr type", DataType::FIB_ADDRTYPE, 32, &[2, 99]),
        ("dccp type", DataType::DCCP_PKTTYPE, 4, &[0, 12]),
        ("tcp option mptcp subtype", DataType::MPTCP_SUBTYPE, 4, &[1, 12]),
        ("comp flags", DataType::BITMASK, 8, &[5]),
        ("ct state", DataType::CT_STATE, 32, &[0x86, 0x4f]),
        ("ct state !=", DataType::CT_STATE, 32, &[0x86]),
    ];
    for (flag, options) in [("", PrintOptions::default()), ("-n", PrintOptions::default().numeric())] {
        let options = PrintOptions { zone: ZONE, ..options };
        let mut script = String::from("$NFT add table inet t; $NFT add chain inet t c\n");
        let mut expected = Vec::new();
        for (words, data_type, bits, numbers) in samples {
            for &number in *numbers {
                let mut text = String::new();
                let style = match *words {
                    "tcp flags ==" => BitStyle::Number,
                    words if words.ends_with("set") || words.ends_with("!=") => BitStyle::Alternatives,
                    _ => BitStyle::List,
                };
                value::write_styled(&mut text, *data_type, *bits, number, style, &Names::new(), &options)
                    .expect("a string");
                expected.push(text);
                let constant = if *data_type == DataType::ETHER_ADDR {
                    expected[expected.len() - 1].clone()
                } else {
                    number.to_string()
                };
                script += &format!("$NFT add rule inet t c '{words} {constant}'\n");
            }
        }
        script += &format!("$NFT {flag} list chain inet t c\n");
        let output = run(&nft, &script);
        let listing = text(&output);
        let rules: Vec<&str> = listing.lines().filter(|line| line.starts_with("\t\t")).collect();
        assert_eq!(rules.len(), expected.len(), "{listing}{}", String::from_utf8_lossy(&output.stderr));
        for (rule, expected) in rules.iter().zip(&expected) {
            assert!(rule.ends_with(&format!(" {expected}")), "nft lists {rule:?}, we write {expected:?}");
        }
    }
}
