//! Matches, watchers and targets of ebtables.

use netwright_netfilter::Family;

use super::port::{range, unless};
use super::{Info, matches, target as targets};

/// The words for a match.
pub(super) fn matched(name: &str, revision: u32, info: Info<'_>) -> Option<String> {
    if revision != 0 {
        return None;
    }
    match name {
        "ip" => network(info, Family::IPV4),
        "ip6" => network(info, Family::IPV6),
        "vlan" => vlan(info),
        "mark_m" => mark(info),
        "limit" => matches::limit(info),
        "pkttype" => {
            let name = matches::packet_type(u32::from(info.u8(0)?))?;
            Some(format!("meta pkttype {}{name}", unless(info.u8(1)? != 0)))
        }
        _ => None,
    }
}

/// The words for a target or watcher.
pub(super) fn target(name: &str, revision: u32, info: Info<'_>) -> Option<String> {
    if revision != 0 {
        return None;
    }
    match name {
        "snat" => rewritten("saddr", info),
        "dnat" => rewritten("daddr", info),
        "mark" => marked(info),
        "log" => log(info),
        "nflog" => nflog(info),
        _ => None,
    }
}

/// Bits that say which fields of `ip` and `ip6` are compared.
mod field {
    pub(super) const SOURCE: u8 = 0x01;
    pub(super) const DESTINATION: u8 = 0x02;
    pub(super) const CLASS: u8 = 0x04;
    pub(super) const PROTOCOL: u8 = 0x08;
    pub(super) const SOURCE_PORT: u8 = 0x10;
    pub(super) const DESTINATION_PORT: u8 = 0x20;
    pub(super) const ICMP: u8 = 0x40;
}

fn network(info: Info<'_>, family: Family) -> Option<String> {
    let ipv6 = family == Family::IPV6;
    let wide = if ipv6 { 16 } else { 4 };
    let (source, destination, source_mask, destination_mask) = (0, wide, wide * 2, wide * 3);
    let rest = wide * 4;
    let (class, protocol, bits, inverted) =
        (info.u8(rest)?, info.u8(rest + 1)?, info.u8(rest + 2)?, info.u8(rest + 3)?);
    let header = if ipv6 { "ip6" } else { "ip" };
    let icmp = if ipv6 { "icmpv6" } else { "icmp" };
    let has = |bit: u8| bits & bit != 0;
    let not = |bit: u8| unless(inverted & bit != 0);
    let mut parts = Vec::new();
    if has(field::SOURCE) {
        let network = info.network(source, source_mask, family)?;
        parts.push(format!("{header} saddr {}{network}", not(field::SOURCE)));
    }
    if has(field::DESTINATION) {
        let network = info.network(destination, destination_mask, family)?;
        parts.push(format!("{header} daddr {}{network}", not(field::DESTINATION)));
    }
    if has(field::CLASS) {
        // The whole byte: the language has names for its parts only.
        let offset = if ipv6 { 4 } else { 8 };
        parts.push(format!("@nh,{offset},8 {}{class:#x}", not(field::CLASS)));
    }
    let ported = bits & (field::SOURCE_PORT | field::DESTINATION_PORT) != 0;
    let transport = match protocol {
        6 => "tcp",
        17 => "udp",
        132 => "sctp",
        33 => "dccp",
        136 => "udplite",
        _ => "th",
    };
    // The header's own match says the protocol, unless it is another.
    let implied = inverted & field::PROTOCOL == 0 && (ported && transport != "th" || has(field::ICMP));
    if has(field::PROTOCOL) && !implied {
        parts.push(format!("meta l4proto {}{protocol}", not(field::PROTOCOL)));
    }
    let header = if implied { transport } else { "th" };
    for (bit, end, at) in
        [(field::SOURCE_PORT, "sport", rest + 4), (field::DESTINATION_PORT, "dport", rest + 8)]
    {
        if has(bit) {
            parts.push(format!("{header} {end} {}{}", not(bit), range(info.u16(at)?, info.u16(at + 2)?)));
        }
    }
    if has(field::ICMP) {
        let (types, codes) =
            ((info.u8(rest + 4)?, info.u8(rest + 5)?), (info.u8(rest + 8)?, info.u8(rest + 9)?));
        if codes != (0, u8::MAX) {
            if inverted & field::ICMP != 0 {
                return None;
            }
            parts.push(format!(
                "{icmp} type {} {icmp} code {}",
                range(types.0, types.1),
                range(codes.0, codes.1)
            ));
        } else {
            parts.push(format!("{icmp} type {}{}", not(field::ICMP), range(types.0, types.1)));
        }
    }
    // Types of IGMP have no use without their own protocol's match.
    (bits & 0x80 == 0).then(|| parts.join(" "))
}

fn vlan(info: Info<'_>) -> Option<String> {
    let (bits, inverted) = (info.u8(6)?, info.u8(7)?);
    let not = |bit: u8| unless(inverted & bit != 0);
    let mut parts = Vec::new();
    if bits & 1 != 0 {
        parts.push(format!("vlan id {}{}", not(1), info.u16(0)?));
    }
    if bits & 2 != 0 {
        parts.push(format!("vlan pcp {}{}", not(2), info.u8(2)?));
    }
    if bits & 4 != 0 {
        parts.push(format!("vlan type {}0x{:04x}", not(4), info.be16(4)?));
    }
    Some(parts.join(" "))
}

fn mark(info: Info<'_>) -> Option<String> {
    let long = size_of::<usize>();
    let (mark, mask) = (info.long(0)?, info.long(long)?);
    let (inverted, bits) = (info.u8(long * 2)? != 0, info.u8(long * 2 + 1)?);
    let operator = if inverted { "!=" } else { "==" };
    match bits {
        1 if mask as u32 == u32::MAX => Some(format!("meta mark {}{mark:#x}", unless(inverted))),
        1 => Some(format!("meta mark and {mask:#x} {operator} {mark:#x}")),
        // Any bit of the mask.
        2 => Some(format!("meta mark and {mask:#x} {} 0", if inverted { "==" } else { "!=" })),
        _ => None,
    }
}

/// The decision behind a target.
fn verdict(number: i32) -> Option<&'static str> {
    Some(match number {
        -1 => " accept",
        -2 => " drop",
        -3 => "",
        -4 => " return",
        _ => return None,
    })
}

fn rewritten(end: &str, info: Info<'_>) -> Option<String> {
    // The address also in ARP has a bit of its own in the decision, which is none then.
    let decision = verdict(i32::from_ne_bytes(info.u32(8)?.to_ne_bytes()))?;
    Some(format!("ether {end} set {}{decision}", info.ethernet(0)?))
}

/// What `mark` does, apart from the decision in the lowest bits.
fn marked(info: Info<'_>) -> Option<String> {
    let long = size_of::<usize>();
    let value = info.long(0)?;
    let target = info.u32(long)?;
    let decision = verdict(i32::from_ne_bytes((target | 0xffff_fff0).to_ne_bytes()))?;
    let change = match target & 0xffff_fff0 {
        0xffff_fff0 => format!("{value:#x}"),
        0xffff_ffe0 => format!("meta mark or {value:#x}"),
        0xffff_ffd0 => format!("meta mark and {value:#x}"),
        0xffff_ffc0 => format!("meta mark xor {value:#x}"),
        _ => return None,
    };
    Some(format!("meta mark set {change}{decision}"))
}

fn log(info: Info<'_>) -> Option<String> {
    // What is shown of IP and ARP is shown with the Ethernet header.
    let shown = info.u32(32)?;
    if shown & !0xb != 0 {
        return None;
    }
    targets::log(info.text(1, 30)?, info.u8(0)?, 0x20)
}

fn nflog(info: Info<'_>) -> Option<String> {
    let (length, group, threshold, prefix) = (info.u32(0)?, info.u16(4)?, info.u16(6)?, info.text(12, 64)?);
    let mut text = String::from("log");
    if !prefix.is_empty() {
        text += &format!(" prefix \"{prefix}\"");
    }
    text += &format!(" group {group}");
    if length != 0 {
        text += &format!(" snaplen {length}");
    }
    if threshold > 1 {
        text += &format!(" queue-threshold {threshold}");
    }
    Some(text)
}
