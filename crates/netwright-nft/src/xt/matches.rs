//! Matches of iptables and ip6tables.

use super::port::{joined, ports, range, unless};
use super::{Around, Info};
use crate::table::HeaderId;

/// The words for a match.
pub(super) fn words(name: &str, revision: u32, info: Info<'_>, around: Around) -> Option<String> {
    match (name, revision) {
        ("conntrack", 1..=3) => conntrack(revision, info, around),
        ("state", 0) => Some(format!("ct state {}", states(info.u32(0)?.try_into().ok()?)?)),
        ("tcp", 0) => tcp(info),
        ("udp", 0) => Some(joined([
            ports("udp sport", info, 0, info.u8(8)? & 1 != 0)?,
            ports("udp dport", info, 4, info.u8(8)? & 2 != 0)?,
        ])),
        ("sctp", 0) => sctp(info),
        ("dccp", 0) => dccp(info),
        ("multiport", 1) => multiport(info, around),
        ("addrtype", 0 | 1) => addrtype(revision, info),
        ("mark", 1) => mark("meta mark", info),
        ("connmark", 1) => mark("ct mark", info),
        ("limit", 0) => limit(info),
        ("icmp", 0) => icmp("icmp", info),
        ("icmp6", 0) => icmp("icmpv6", info),
        ("mac", 0) => Some(format!("ether saddr {}{}", unless(info.u32(8)? != 0), info.ethernet(0)?)),
        ("pkttype", 0) => {
            Some(format!("pkttype {}{}", unless(info.u32(4)? != 0), packet_type(info.u32(0)?)?))
        }
        ("owner", 1) => owner(info),
        ("length", 0) => {
            Some(format!("meta length {}{}", unless(info.u8(4)? != 0), range(info.u16(0)?, info.u16(2)?)))
        }
        ("iprange", 1) => iprange(info, around),
        ("ttl", 0) => Some(format!("ip ttl {}", compared(info)?)),
        ("hl", 0) => Some(format!("ip6 hoplimit {}", compared(info)?)),
        ("dscp", 0) => {
            Some(format!("{} dscp {}0x{:02x}", around.network(), unless(info.u8(1)? != 0), info.u8(0)?))
        }
        ("helper", 0) => {
            let name = info.text(4, 30).filter(|name| !name.is_empty())?;
            Some(format!("ct helper {}\"{name}\"", unless(info.u32(0)? != 0)))
        }
        ("connbytes", 0) => connbytes(info),
        ("statistic", 0) => statistic(info),
        ("cpu", 0) => Some(format!("cpu {}{}", unless(info.u32(4)? != 0), info.u32(0)?)),
        ("devgroup", 0) => devgroup(info),
        ("quota", 0) => {
            Some(format!("quota {}{} bytes", if info.u32(0)? & 1 != 0 { "over " } else { "" }, info.u64(8)?))
        }
        ("esp" | "ah", 0) => spi(name, info),
        ("tcpmss", 0) => Some(format!(
            "tcp option maxseg size {}{}",
            unless(info.u8(4)? != 0),
            range(info.u16(0)?, info.u16(2)?)
        )),
        ("realm", 0) => Some(masked("rtclassid", info.u32(0)?, info.u32(4)?, info.u8(8)? != 0)),
        ("cgroup", 0) => Some(format!("meta cgroup {}{}", unless(info.u32(4)? != 0), info.u32(0)?)),
        // By class, and not by a path.
        ("cgroup", 2) if info.u8(0)? == 0 && info.u8(1)? != 0 => {
            Some(format!("meta cgroup {}{}", unless(info.u8(3)? != 0), info.u32(4)?))
        }
        ("policy", 0) => policy(info),
        ("ecn", 0 | 1) => ecn(info, around),
        _ => None,
    }
}

/// States of connections that the mask of `conntrack` and `state` has.
fn states(mask: u16) -> Option<String> {
    const STATES: [(u16, &str); 5] =
        [(1, "invalid"), (8, "new"), (4, "related"), (2, "established"), (1 << 8, "untracked")];
    let known = STATES.iter().fold(0, |sum, (bit, _)| sum | bit);
    if mask == 0 || mask & !known != 0 {
        return None;
    }
    let names: Vec<&str> = STATES.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, name)| *name).collect();
    Some(names.join(","))
}

/// Bits of the struct of `conntrack` that say what is compared.
mod conntrack_flag {
    pub(super) const STATE: u16 = 1;
    pub(super) const PROTOCOL: u16 = 1 << 1;
    pub(super) const ADDRESSES: u16 = 1 << 2;
    pub(super) const STATUS: u16 = 1 << 6;
    pub(super) const EXPIRES: u16 = 1 << 7;
    pub(super) const PORTS: u16 = 1 << 8;
    pub(super) const DIRECTION: u16 = 1 << 12;
    /// Only how it was written.
    pub(super) const ALIAS: u16 = 1 << 13;
}

/// The state that source translation is; that of destinations is the next bit.
const TRANSLATED: u16 = 1 << 6;

fn conntrack(revision: u32, info: Info<'_>, around: Around) -> Option<String> {
    use conntrack_flag as flag;
    let (flags, inverted) = (info.u16(146)?, info.u16(148)?);
    let has = |bit: u16| flags & bit != 0;
    let not = |bit: u16| inverted & bit != 0;
    let masks = match revision {
        1 => (u16::from(info.u8(150)?), u16::from(info.u8(151)?)),
        _ => (info.u16(150)?, info.u16(152)?),
    };
    if flags & !((1 << 14) - 1) != 0 {
        return None;
    }
    let mut parts = Vec::new();
    if has(flag::DIRECTION) {
        parts.push(format!("ct direction {}", if not(flag::DIRECTION) { "reply" } else { "original" }));
    }
    if has(flag::PROTOCOL) {
        parts.push(format!("ct original protocol {}{}", unless(not(flag::PROTOCOL)), info.u16(136)?));
    }
    let flag_list = |inverted: bool| if inverted { "! " } else { "" };
    if has(flag::STATE) {
        let translated = masks.0 & (TRANSLATED | TRANSLATED << 1);
        // Either would do, and two matches are both.
        if translated != 0 && translated != masks.0 {
            return None;
        }
        if translated != 0 {
            let names = [(TRANSLATED, "snat"), (TRANSLATED << 1, "dnat")];
            let names: Vec<&str> =
                names.iter().filter(|(bit, _)| translated & bit != 0).map(|(_, name)| *name).collect();
            parts.push(format!("ct status {}{}", flag_list(not(flag::STATE)), names.join(",")));
        } else {
            parts.push(format!("ct state {}{}", flag_list(not(flag::STATE)), states(masks.0)?));
        }
    }
    if has(flag::STATUS) {
        const STATUS: [&str; 4] = ["expected", "seen-reply", "assured", "confirmed"];
        if masks.1 == 0 || masks.1 >> STATUS.len() != 0 {
            return None;
        }
        let bits = STATUS.iter().enumerate().filter(|(bit, _)| masks.1 >> bit & 1 != 0);
        let names: Vec<&str> = bits.map(|(_, name)| *name).collect();
        parts.push(format!("ct status {}{}", flag_list(not(flag::STATUS)), names.join(",")));
    }
    if has(flag::EXPIRES) {
        let seconds = |at| Some(format!("{}s", info.u32(at)?));
        let range = range(seconds(128)?, seconds(132)?);
        parts.push(format!("ct expiration {}{range}", unless(not(flag::EXPIRES))));
    }
    for (index, (direction, end)) in
        [("original", "saddr"), ("original", "daddr"), ("reply", "saddr"), ("reply", "daddr")]
            .iter()
            .enumerate()
    {
        let bit = flag::ADDRESSES << index;
        if has(bit) {
            let network = info.network(index * 32, index * 32 + 16, around.family)?;
            parts.push(format!("ct {direction} {end} {}{network}", unless(not(bit))));
        }
    }
    for (index, (direction, end)) in
        [("original", "src"), ("original", "dst"), ("reply", "src"), ("reply", "dst")].iter().enumerate()
    {
        let bit = flag::PORTS << index;
        if has(bit) {
            let (at, high) = (138 + index * 2, 154 + index * 2);
            let ports = match revision {
                3 => range(info.u16(at)?, info.u16(high)?),
                _ => info.be16(at)?.to_string(),
            };
            parts.push(format!("ct {direction} proto-{end} {}{ports}", unless(not(bit))));
        }
    }
    let rest = flags & flag::ALIAS;
    (!parts.is_empty() || rest == flags).then(|| parts.join(" "))
}

fn tcp(info: Info<'_>) -> Option<String> {
    const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];
    let (option, mask, value, inverted) = (info.u8(8)?, info.u8(9)?, info.u8(10)?, info.u8(11)?);
    let names = |bits: u8| -> Vec<&str> {
        FLAGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0).map(|(_, name)| *name).collect()
    };
    let option = (option != 0)
        .then(|| format!("tcp option {option} {}", if inverted & 8 != 0 { "missing" } else { "exists" }));
    let flags = match (mask, inverted & 4 != 0) {
        (0, false) => None,
        (0, true) => return None,
        (mask, inverted) => {
            let value = if value == 0 { "0x0".to_owned() } else { names(value).join(" | ") };
            let value = if value.contains('|') { format!("({value})") } else { value };
            Some(format!(
                "tcp flags & ({}) {} {value}",
                names(mask).join(" | "),
                if inverted { "!=" } else { "==" }
            ))
        }
    };
    Some(joined([
        ports("tcp sport", info, 0, inverted & 1 != 0)?,
        ports("tcp dport", info, 4, inverted & 2 != 0)?,
        option,
        flags,
    ]))
}

fn sctp(info: Info<'_>) -> Option<String> {
    // Behind the ports: 64 words of chunks, their kind of match, 4 flags of 3 bytes, and how many.
    let (flags, inverted) = (info.u32(284)?, info.u32(288)?);
    if flags & !3 != 0 {
        return None;
    }
    let source = if flags & 1 != 0 { ports("sctp sport", info, 4, inverted & 1 != 0)? } else { None };
    let destination = if flags & 2 != 0 { ports("sctp dport", info, 0, inverted & 2 != 0)? } else { None };
    Some(joined([source, destination]))
}

fn dccp(info: Info<'_>) -> Option<String> {
    let (flags, inverted) = (info.u16(8)?, info.u16(10)?);
    if flags & !3 != 0 {
        return None;
    }
    let source = if flags & 1 != 0 { ports("dccp sport", info, 4, inverted & 1 != 0)? } else { None };
    let destination = if flags & 2 != 0 { ports("dccp dport", info, 0, inverted & 2 != 0)? } else { None };
    Some(joined([source, destination]))
}

/// How many ports `multiport` has at most.
const MOST_PORTS: usize = 15;

fn multiport(info: Info<'_>, around: Around) -> Option<String> {
    let (which, count, inverted) = (info.u8(0)?, usize::from(info.u8(1)?), info.u8(47)? != 0);
    let header = match HeaderId::by_ip_protocol(around.transport?)? {
        id @ (HeaderId::Tcp | HeaderId::Udp | HeaderId::Udplite | HeaderId::Sctp | HeaderId::Dccp) => {
            id.name()
        }
        _ => return None,
    };
    let mut list = Vec::new();
    let mut index = 0;
    while index < count.min(MOST_PORTS) {
        let first = info.u16(2 + index * 2)?;
        let mut last = first;
        if info.u8(32 + index)? != 0 {
            index += 1;
            last = info.u16(2 + index * 2)?;
        }
        list.push(range(first, last));
        index += 1;
    }
    let field = match which {
        0 => "sport",
        1 => "dport",
        // One of the two: a set of pairs.
        2 => {
            let all = "0-65535";
            let pairs: Vec<String> = list
                .iter()
                .flat_map(|ports| [format!("{all} . {ports}"), format!("{ports} . {all}")])
                .collect();
            return Some(format!(
                "{header} sport . {header} dport {}{{ {} }}",
                unless(inverted),
                pairs.join(", ")
            ));
        }
        _ => return None,
    };
    let ports = match list.as_slice() {
        [] => return None,
        [only] => only.clone(),
        several => format!("{{ {} }}", several.join(", ")),
    };
    Some(format!("{header} {field} {}{ports}", unless(inverted)))
}

fn addrtype(revision: u32, info: Info<'_>) -> Option<String> {
    let (source, destination) = (info.u16(0)?, info.u16(2)?);
    let (not_source, not_destination, interface) = match revision {
        0 => (info.u32(4)? != 0, info.u32(8)? != 0, ""),
        _ => {
            let flags = info.u32(4)?;
            let interface = match flags & 0xc {
                0 => "",
                4 => " . iif",
                8 => " . oif",
                _ => return None,
            };
            (flags & 1 != 0, flags & 2 != 0, interface)
        }
    };
    let types = |mask: u16| {
        // That of a route that is thrown comes behind these: the language has no word for it.
        const TYPES: [&str; 9] = [
            "unspec",
            "unicast",
            "local",
            "broadcast",
            "anycast",
            "multicast",
            "blackhole",
            "unreachable",
            "prohibit",
        ];
        if mask >> TYPES.len() != 0 {
            return None;
        }
        let bits = TYPES.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 != 0);
        let names: Vec<&str> = bits.map(|(_, name)| *name).collect();
        Some(match names.as_slice() {
            [only] => (*only).to_owned(),
            several => format!("{{ {} }}", several.join(", ")),
        })
    };
    let part = |end: &str, mask: u16, inverted: bool| {
        Some(format!("fib {end}{interface} type {}{}", unless(inverted), types(mask)?))
    };
    let mut parts = Vec::new();
    if source != 0 {
        parts.push(part("saddr", source, not_source)?);
    }
    if destination != 0 {
        parts.push(part("daddr", destination, not_destination)?);
    }
    Some(parts.join(" "))
}

/// `KEY [and MASK ==] VALUE`.
fn masked(key: &str, value: u32, mask: u32, inverted: bool) -> String {
    match (mask, inverted) {
        (u32::MAX, inverted) => format!("{key} {}{value:#x}", unless(inverted)),
        (mask, false) => format!("{key} and {mask:#x} == {value:#x}"),
        (mask, true) => format!("{key} and {mask:#x} != {value:#x}"),
    }
}

fn mark(key: &str, info: Info<'_>) -> Option<String> {
    Some(masked(key, info.u32(0)?, info.u32(4)?, info.u8(8)? != 0))
}

/// What `limit` counts in: so many parts of a second are 1.
const LIMIT_SCALE: u64 = 10_000;

pub(super) fn limit(info: Info<'_>) -> Option<String> {
    let (average, burst) = (u64::from(info.u32(0)?).max(1), info.u32(4)?);
    let units = [(1, "second"), (60, "minute"), (3600, "hour"), (86_400, "day")];
    // The unit in which the rate is a whole number.
    let exact = units.iter().find_map(|(seconds, unit)| {
        let rate = (seconds * LIMIT_SCALE + average / 2) / average;
        (rate > 0 && seconds * LIMIT_SCALE / rate == average).then_some((rate, unit))
    });
    let (rate, unit) = exact?;
    Some(format!("limit rate {rate}/{unit} burst {burst} packets"))
}

fn icmp(header: &str, info: Info<'_>) -> Option<String> {
    let (kind, first, last, inverted) = (info.u8(0)?, info.u8(1)?, info.u8(2)?, info.u8(3)? & 1 != 0);
    let all = first == 0 && last == u8::MAX;
    match (kind, all, inverted) {
        // All types.
        (u8::MAX, true, false) => Some(String::new()),
        (u8::MAX, ..) => None,
        (kind, true, inverted) => {
            let names = if header == "icmp" {
                crate::table::DataType::ICMP_TYPE
            } else {
                crate::table::DataType::ICMPV6_TYPE
            };
            let name = crate::table::symbol::name(names.symbols(), u32::from(kind));
            let name = name.map_or_else(|| kind.to_string(), str::to_owned);
            Some(format!("{header} type {}{name}", unless(inverted)))
        }
        (kind, false, false) => Some(format!("{header} type {kind} {header} code {}", range(first, last))),
        (_, false, true) => None,
    }
}

pub(super) fn packet_type(number: u32) -> Option<&'static str> {
    Some(match number {
        0 => "host",
        1 => "broadcast",
        2 => "multicast",
        3 => "other",
        _ => return None,
    })
}

fn owner(info: Info<'_>) -> Option<String> {
    let (matched, inverted) = (info.u8(16)?, info.u8(17)?);
    // Whether there is a socket, and supplementary groups, have no words.
    if matched & !3 != 0 || matched == 0 {
        return None;
    }
    let part = |bit: u8, word: &str, at: usize| {
        let range = range(info.u32(at)?, info.u32(at + 4)?);
        Some(format!("{word} {}{range}", unless(inverted & bit != 0)))
    };
    let mut parts = Vec::new();
    if matched & 1 != 0 {
        parts.push(part(1, "skuid", 0)?);
    }
    if matched & 2 != 0 {
        parts.push(part(2, "skgid", 8)?);
    }
    Some(parts.join(" "))
}

fn iprange(info: Info<'_>, around: Around) -> Option<String> {
    let flags = info.u8(64)?;
    let part = |bit: u8, end: &str, at: usize| {
        let range = range(info.address(at, around.family)?, info.address(at + 16, around.family)?);
        Some(format!("{} {end} {}{range}", around.network(), unless(flags & bit << 4 != 0)))
    };
    let mut parts = Vec::new();
    if flags & 1 != 0 {
        parts.push(part(1, "saddr", 0)?);
    }
    if flags & 2 != 0 {
        parts.push(part(2, "daddr", 32)?);
    }
    Some(parts.join(" "))
}

/// What `ttl` and `hl` compare with.
fn compared(info: Info<'_>) -> Option<String> {
    let operator = match info.u8(0)? {
        0 => "",
        1 => "!= ",
        2 => "lt ",
        3 => "gt ",
        _ => return None,
    };
    Some(format!("{operator}{}", info.u8(1)?))
}

fn connbytes(info: Info<'_>) -> Option<String> {
    let (from, to) = (info.u64(0)?, info.u64(8)?);
    let what = match info.u8(16)? {
        0 => "packets",
        1 => "bytes",
        2 => "avgpkt",
        _ => return None,
    };
    let direction = match info.u8(17)? {
        0 => "original ",
        1 => "reply ",
        2 => "",
        _ => return None,
    };
    // The other way round, it is all but that range.
    let amount = match (from, to) {
        (from, u64::MAX) => format!("ge {from}"),
        (u64::MAX, to) => format!("lt {to}"),
        (from, to) if from > to => format!("!= {}", range(to, from)),
        (from, to) => range(from, to),
    };
    Some(format!("ct {direction}{what} {amount}"))
}

fn statistic(info: Info<'_>) -> Option<String> {
    let inverted = info.u16(2)? & 1 != 0;
    match info.u16(0)? {
        0 => Some(format!("meta random & 2147483647 {} {}", if inverted { ">=" } else { "<" }, info.u32(4)?)),
        1 => Some(format!(
            "numgen inc mod {} {}{}",
            info.u32(4)?.checked_add(1)?,
            unless(inverted),
            info.u32(8)?
        )),
        _ => None,
    }
}

fn devgroup(info: Info<'_>) -> Option<String> {
    let flags = info.u32(0)?;
    let part = |bit: u32, word: &str, at: usize| {
        Some(masked(word, info.u32(at)?, info.u32(at + 4)?, flags & bit << 1 != 0))
    };
    let mut parts = Vec::new();
    if flags & 1 != 0 {
        parts.push(part(1, "iifgroup", 4)?);
    }
    if flags & 4 != 0 {
        parts.push(part(4, "oifgroup", 12)?);
    }
    Some(parts.join(" "))
}

fn spi(header: &str, info: Info<'_>) -> Option<String> {
    let (first, last, inverted) = (info.u32(0)?, info.u32(4)?, info.u8(8)? & 1 != 0);
    match (first, last, inverted) {
        (0, u32::MAX, false) => Some(String::new()),
        (0, u32::MAX, true) => None,
        _ => Some(format!("{header} spi {}{}", unless(inverted), range(first, last))),
    }
}

fn policy(info: Info<'_>) -> Option<String> {
    // 4 descriptions of a transformation, of which at most an empty one may be used.
    const DESCRIPTION: usize = 76;
    const FLAGS: usize = 4 * DESCRIPTION;
    let (used, compared) = (info.u16(FLAGS + 2)?, info.u8(DESCRIPTION - 2)?);
    if used > 1 || used == 1 && compared != 0 {
        return None;
    }
    match info.u16(FLAGS)? {
        1 => Some("meta secpath exists".to_owned()),
        5 => Some("meta secpath missing".to_owned()),
        _ => None,
    }
}

fn ecn(info: Info<'_>, around: Around) -> Option<String> {
    const NAMES: [&str; 4] = ["not-ect", "ect1", "ect0", "ce"];
    if info.u8(0)? != 1 {
        return None;
    }
    let name = NAMES.get(usize::from(info.u8(2)?))?;
    Some(format!("{} ecn {}{name}", around.network(), unless(info.u8(1)? & 1 != 0)))
}
