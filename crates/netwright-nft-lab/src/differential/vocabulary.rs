//! Everything that can be matched and set, with values that fit, from the tables of the language.

use netwright_lab::random::Random;
use netwright_nft::table::header::{EXTENSIONS, HEADERS};
use netwright_nft::table::key::{self, Direction, FIB_FLAGS, KeyKind, Layer3};
use netwright_nft::table::{DataType, ExtensionBase};

/// What can be read, with the type and width of its value.
#[derive(Clone, Debug)]
struct Subject {
    text: String,
    data_type: DataType,
    bits: u32,
    /// Whether a statement can set it.
    writable: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Vocabulary {
    subjects: Vec<Subject>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        let mut subjects = Vec::new();
        headers(&mut subjects);
        extensions(&mut subjects);
        keys(&mut subjects);
        Vocabulary { subjects }
    }

    /// What a name of a grammar stands for.
    pub(super) fn text(&self, name: &str, random: &mut Random) -> Option<String> {
        Some(match name {
            "subject" => self.subject(random).text.clone(),
            "comparison" => self.comparison(random),
            "assignment" => self.assignment(random),
            "number" => number(random, 64),
            "port" => number(random, 16),
            "small" => random.below(12).to_string(),
            "type" => random.pick(DataType::ALL).name().to_owned(),
            "typed-set" => self.typed_set(random),
            "typed-map" => self.typed_map(random),
            "typeof-set" => self.typeof_set(random),
            "vmap" => self.verdict_map(random),
            "value-map" => self.value_map(random),
            "concatenation" => self.concatenation(random),
            "address4" => value(random, DataType::IPV4_ADDR, 32),
            "address6" => value(random, DataType::IPV6_ADDR, 128),
            "time" => duration(random),
            "word" => (*random.pick(&["a", "b1", "x-y", "eth0", "foo_bar", "a.b", "ip", "z9"])).to_owned(),
            "string" => string(random),
            "nl" => "\n".to_owned(),
            _ => return None,
        })
    }

    fn subject(&self, random: &mut Random) -> &Subject {
        random.pick(&self.subjects)
    }

    /// A match of something with a value that mostly fits.
    fn comparison(&self, random: &mut Random) -> String {
        let subject = self.subject(random);
        let other = self.subject(random);
        let (data_type, bits) = match random.below(40) {
            0 => (other.data_type, other.bits),
            _ => (subject.data_type, subject.bits),
        };
        let operator =
            *random.pick(&["", "", "", "", "", "== ", "!= ", "!= ", "< ", "> ", "<= ", ">= ", "! ", "not "]);
        let one = |random: &mut Random| value(random, data_type, bits);
        let left = match random.below(14) {
            0 => format!("{} & {}", subject.text, one(random)),
            1 => format!("{} {} {}", subject.text, random.pick(&["|", "^", "and", "or", "xor"]), one(random)),
            2 => format!("{} {} {}", subject.text, random.pick(&["<<", ">>", "lshift"]), random.below(40)),
            _ => subject.text.clone(),
        };
        let right = match random.below(12) {
            0..=4 => one(random),
            5 => format!("{}-{}", one(random), one(random)),
            6 => format!("{}/{}", one(random), random.below(bits as usize + 2)),
            7 => format!("{{ {} }}", list(random, |random| interval(random, data_type, bits))),
            8 => format!("{{ {} }}", list(random, one)),
            9 => list(random, one).replace(' ', ""),
            10 => format!("{} {} {}", one(random), random.pick(&["|", "&", "^", "<<", "/"]), one(random)),
            _ => format!(
                "@{}",
                random.pick(&["s4", "s6", "ports", "pairs", "macs", "marks", "missing", "names"])
            ),
        };
        format!("{left} {operator}{right}")
    }

    fn assignment(&self, random: &mut Random) -> String {
        let writable: Vec<&Subject> = self.subjects.iter().filter(|subject| subject.writable).collect();
        let subject = if random.one_in(8) { self.subject(random) } else { *random.pick(&writable) };
        let one = |random: &mut Random| value(random, subject.data_type, subject.bits);
        let value = match random.below(9) {
            0..=3 => one(random),
            4 => format!("{} {} {}", subject.text, random.pick(&["&", "|", "^", "<<", ">>"]), one(random)),
            5 => self.subject(random).text.clone(),
            6 => {
                let key = self.subject(random);
                let pair = |random: &mut Random| {
                    format!("{} : {}", value(random, key.data_type, key.bits), one(random))
                };
                format!("{} map {{ {} }}", key.text, list(random, pair))
            }
            7 => format!("{} and {} or {}", subject.text, one(random), one(random)),
            _ => format!(
                "{} offset {}",
                random.pick(&["numgen inc mod 4", "symhash mod 2", "jhash ip saddr mod 8"]),
                random.below(9)
            ),
        };
        format!("{} set {value}", subject.text)
    }

    fn typed_set(&self, random: &mut Random) -> String {
        let data_type = *random.pick(DataType::ALL);
        let bits = data_type.bits().max(8);
        let plain = random.one_in(2);
        let elements = list(random, |random| match plain {
            true => value(random, data_type, bits),
            false => interval(random, data_type, bits),
        });
        let flags = if plain {
            *random.pick(&["", "", "flags constant;", "flags dynamic;", "flags timeout;", "timeout 1h;"])
        } else {
            "flags interval;"
        };
        let merge = if !plain && random.one_in(3) { "auto-merge;" } else { "" };
        format!("{{ type {}; {flags} {merge} elements = {{ {elements} }}; }}", data_type.name())
    }

    fn typed_map(&self, random: &mut Random) -> String {
        let (key, data) = (*random.pick(DataType::ALL), *random.pick(DataType::ALL));
        let plain = random.one_in(2);
        let pair = |random: &mut Random| {
            let from = match plain {
                true => value(random, key, key.bits().max(8)),
                false => interval(random, key, key.bits().max(8)),
            };
            format!("{from} : {}", value(random, data, data.bits().max(8)))
        };
        let flags = if plain { "" } else { "flags interval;" };
        format!(
            "{{ type {} : {}; {flags} elements = {{ {} }}; }}",
            key.name(),
            data.name(),
            list(random, pair)
        )
    }

    fn typeof_set(&self, random: &mut Random) -> String {
        let parts: Vec<&Subject> = (0..1 + random.below(3)).map(|_| self.subject(random)).collect();
        let plain = random.one_in(2);
        let element = |random: &mut Random| {
            let part = |part: &&Subject| match plain {
                true => value(random, part.data_type, part.bits),
                false => interval(random, part.data_type, part.bits),
            };
            parts.iter().map(part).collect::<Vec<_>>().join(" . ")
        };
        let elements = list(random, element);
        let flags =
            if plain { *random.pick(&["", "flags dynamic;", "flags timeout;"]) } else { "flags interval;" };
        let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        format!("{{ typeof {}; {flags} elements = {{ {elements} }}; }}", texts.join(" . "))
    }

    fn verdict_map(&self, random: &mut Random) -> String {
        let subject = self.subject(random);
        let verdict = |random: &mut Random| {
            *random.pick(&["accept", "drop", "continue", "return", "jump other", "goto other"])
        };
        let pair = |random: &mut Random| {
            let key = interval(random, subject.data_type, subject.bits);
            format!("{key} : {}", verdict(random))
        };
        format!("{} vmap {{ {} }}", subject.text, list(random, pair))
    }

    fn value_map(&self, random: &mut Random) -> String {
        let subject = self.subject(random);
        let pair = |random: &mut Random| {
            format!("{} : {}", value(random, subject.data_type, subject.bits), number(random, 32))
        };
        format!("{} map {{ {} }}", subject.text, list(random, pair))
    }

    fn concatenation(&self, random: &mut Random) -> String {
        let parts: Vec<&Subject> = (0..2 + random.below(3)).map(|_| self.subject(random)).collect();
        let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        let element = |random: &mut Random| {
            let part = |part: &&Subject| interval(random, part.data_type, part.bits);
            parts.iter().map(part).collect::<Vec<_>>().join(" . ")
        };
        format!("{} {{ {} }}", texts.join(" . "), list(random, element))
    }
}

fn headers(subjects: &mut Vec<Subject>) {
    for header in HEADERS {
        for field in header.fields {
            let text = format!("{} {}", header.name, field.name);
            subjects.push(Subject { text, data_type: field.data_type, bits: field.bits, writable: true });
        }
        if header.tunnel.is_some() {
            for inner in
                ["ip saddr", "ip6 daddr", "tcp dport", "ether saddr", "icmp type", "udp length", "vlan id"]
            {
                let port = if header.ip_protocol.is_none() { "udp dport 4789 " } else { "" };
                let text = format!("{port}{} {inner}", header.name);
                let data_type = match inner {
                    "ip saddr" => (DataType::IPV4_ADDR, 32),
                    "ip6 daddr" => (DataType::IPV6_ADDR, 128),
                    "tcp dport" => (DataType::INET_SERVICE, 16),
                    "ether saddr" => (DataType::ETHER_ADDR, 48),
                    "icmp type" => (DataType::ICMP_TYPE, 8),
                    _ => (DataType::INTEGER, 12),
                };
                subjects.push(Subject { text, data_type: data_type.0, bits: data_type.1, writable: false });
            }
        }
    }
    for (text, bits) in
        [("@th,16,16", 16), ("@nh,0,8", 8), ("@ll,48,48", 48), ("@ih,3,5", 5), ("@nh,96,32", 32)]
    {
        subjects.push(Subject {
            text: text.to_owned(),
            data_type: DataType::HEX_INTEGER,
            bits,
            writable: true,
        });
    }
}

fn extensions(subjects: &mut Vec<Subject>) {
    for header in EXTENSIONS {
        let Some(extension) = header.extension else { continue };
        let prefix = extension.base.prefix();
        for field in header.fields {
            let text = format!("{prefix}{} {}", header.name, field.name);
            subjects.push(Subject { text, data_type: field.data_type, bits: field.bits, writable: true });
        }
        let word = if extension.base == ExtensionBase::IPV6 { "exthdr " } else { prefix };
        let text = format!("{word}{}", header.name);
        subjects.push(Subject { text, data_type: DataType::BOOLEAN, bits: 1, writable: false });
    }
    for text in ["tcp option 254", "dccp option 3"] {
        subjects.push(Subject {
            text: text.to_owned(),
            data_type: DataType::BOOLEAN,
            bits: 1,
            writable: false,
        });
    }
    let text = "tcp option @254,16,8".to_owned();
    subjects.push(Subject { text, data_type: DataType::INTEGER, bits: 8, writable: true });
}

fn keys(subjects: &mut Vec<Subject>) {
    for key in key::all() {
        let family = match key.layer3 {
            Layer3::Ipv4 => "ip ",
            Layer3::Ipv6 => "ip6 ",
            Layer3::Any | Layer3::Context => "",
        };
        let prefixes: Vec<String> = match key.kind {
            KeyKind::Meta if key.bare => vec![String::new(), "meta ".to_owned()],
            KeyKind::Meta => vec!["meta ".to_owned()],
            KeyKind::Ct => match key.direction {
                Direction::None => vec!["ct ".to_owned()],
                Direction::Optional => vec!["ct ".to_owned(), "ct original ".to_owned()],
                Direction::Required => vec![format!("ct original {family}"), format!("ct reply {family}")],
            },
            KeyKind::Rt => vec![format!("rt {family}")],
            KeyKind::Socket if key.name == "cgroupv2" => continue,
            KeyKind::Socket => vec!["socket ".to_owned()],
            KeyKind::Ipsec => vec![format!("ipsec in {family}"), format!("ipsec out spnum 1 {family}")],
            KeyKind::Tunnel => vec!["tunnel ".to_owned()],
            KeyKind::Fib => {
                let mut prefixes = Vec::new();
                for address in &FIB_FLAGS[..2] {
                    prefixes.push(format!("fib {} ", address.name));
                    for other in &FIB_FLAGS[2..] {
                        prefixes.push(format!("fib {} . {} ", address.name, other.name));
                    }
                }
                prefixes
            }
            KeyKind::Osf => vec!["osf ".to_owned(), "osf ttl loose ".to_owned()],
        };
        for prefix in prefixes {
            let text = format!("{prefix}{}", key.name);
            let (data_type, bits) = match key.layer3 {
                Layer3::Context => (DataType::IPV4_ADDR, 32),
                _ => (key.data_type, key.bits),
            };
            subjects.push(Subject { text, data_type, bits, writable: key.writable });
        }
    }
    for text in [
        "numgen inc mod 10",
        "numgen random mod 100 offset 3",
        "symhash mod 4",
        "jhash ip saddr . tcp dport mod 16 seed 0x1",
    ] {
        subjects.push(Subject {
            text: text.to_owned(),
            data_type: DataType::INTEGER,
            bits: 32,
            writable: false,
        });
    }
}

/// One to three of something.
fn list(random: &mut Random, mut one: impl FnMut(&mut Random) -> String) -> String {
    let items: Vec<String> = (0..1 + random.below(3)).map(|_| one(random)).collect();
    items.join(", ")
}

/// A value, a prefix or a range in order.
fn interval(random: &mut Random, data_type: DataType, bits: u32) -> String {
    match random.below(3) {
        0 => value(random, data_type, bits),
        1 => format!("{}/{}", value(random, data_type, bits), random.below(bits as usize + 1)),
        _ => {
            let low = random.below(1 << 7) as u128;
            let high = low + 1 + random.below(1 << 7) as u128;
            let (low, high) = match bits {
                0..=8 => (low % 3, 3 + high % 3),
                _ => (low, high),
            };
            format!("{}-{}", written(data_type, bits, low), written(data_type, bits, high))
        }
    }
}

/// A value that mostly fits.
fn value(random: &mut Random, data_type: DataType, bits: u32) -> String {
    let symbols = data_type.symbols();
    if !symbols.is_empty() && !random.one_in(4) {
        return random.pick(symbols).name.to_owned();
    }
    match random.below(12) {
        0 => number(random, bits),
        1 => (*random
            .pick(&["tcp", "ssh", "root", "lo", "10.1.2.3", "::1", "foo", "\"x y\"", "1:2", "exists"]))
        .to_owned(),
        _ => {
            let number = u128::from(random.number()) << 64 | u128::from(random.number());
            let number = if bits < 128 { number & ((1 << bits) - 1) } else { number };
            let number = if random.one_in(2) { number & 0xff } else { number };
            written(data_type, bits, number)
        }
    }
}

/// A number in the way of its type.
fn written(data_type: DataType, bits: u32, number: u128) -> String {
    use std::net::{Ipv4Addr, Ipv6Addr};
    if data_type.is_string() {
        return format!("\"n{}\"", number % 1000);
    }
    match data_type {
        DataType::IPV4_ADDR => Ipv4Addr::from_bits(number as u32).to_string(),
        DataType::IPV6_ADDR => Ipv6Addr::from_bits(number).to_string(),
        DataType::ETHER_ADDR | DataType::LINK_ADDRESS => {
            let bytes: Vec<String> =
                (0..6).rev().map(|byte| format!("{:02x}", (number >> (8 * byte)) & 0xff)).collect();
            bytes.join(":")
        }
        DataType::CLASSID => format!("{:x}:{:x}", (number >> 16) & 0xffff, number & 0xffff),
        DataType::TIME => format!("{}s", number % 100_000),
        DataType::HOUR => format!("\"{:02}:{:02}\"", number % 24, (number >> 8) % 60),
        DataType::DATE => format!("\"20{:02}-0{}-1{} 10:00:00\"", number % 40, 1 + number % 9, number % 10),
        DataType::VERDICT => "accept".to_owned(),
        _ if bits > 16 && number.is_multiple_of(3) => format!("0x{number:x}"),
        _ => number.to_string(),
    }
}

/// A number around the borders of so many bits.
fn number(random: &mut Random, bits: u32) -> String {
    let width = 1_u128 << bits.min(127);
    match random.below(8) {
        0 => "0".to_owned(),
        1 => (width - 1).to_string(),
        2 => width.to_string(),
        3 => format!("0x{:x}", width - 1),
        4 => format!("0{:o}", random.below(500)),
        5 => (u128::from(random.number()) & (width - 1)).to_string(),
        _ => random.below(300).to_string(),
    }
}

fn duration(random: &mut Random) -> String {
    match random.below(8) {
        0 => format!("{}ms", random.below(5000)),
        1 => format!("{}d{}h", random.below(40), random.below(24)),
        2 => format!("{}", random.below(4000)),
        3 => "1d2h3m4s5ms".to_owned(),
        4 => "0s".to_owned(),
        5 => format!("{}w", random.below(9)),
        6 => format!("{}m90s", random.below(9)),
        _ => format!("{}s", random.below(100_000)),
    }
}

fn string(random: &mut Random) -> String {
    (*random.pick(&["\"\"", "\"a\"", "\"a b\"", "\"x: \"", "word", "\"äöü\"", "\"$x\"", "\"a*\"", "\"*\"", "\"very long text that goes on and on and on, so that it is at the limit of what is allowed for a comment in nft, which is 128 bytes or so\""]))
        .to_owned()
}
