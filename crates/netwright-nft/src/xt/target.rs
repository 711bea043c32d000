//! Targets of iptables and ip6tables.

use netwright_netfilter::Family;

use super::{Around, Info, translation};
use crate::table::symbol;
use crate::table::vocabulary::{DEFAULT_LOG_LEVEL, LOG_LEVEL, write_log_flags};

/// The words for a target.
pub(super) fn words(name: &str, revision: u32, info: Info<'_>, around: Around) -> Option<String> {
    match (name, revision) {
        ("MARK", 2) => Some(format!("meta mark set {}", changed("mark", info.u32(0)?, info.u32(4)?))),
        ("CONNMARK", 1 | 2) => connmark(revision, info),
        ("LOG", 0) => log(info.text(2, 30)?, info.u8(0)?, info.u8(1)?),
        ("NFLOG", 0) => nflog(info),
        ("REJECT", 0) => reject(info, around.family),
        ("TCPMSS", 0) => Some(match info.u16(0)? {
            u16::MAX => "tcp option maxseg size set rt mtu".to_owned(),
            size => format!("tcp option maxseg size set {size}"),
        }),
        ("NOTRACK", 0) => Some("notrack".to_owned()),
        ("CT", 0..=2) => ct(revision, info),
        ("TRACE", 0) => Some("meta nftrace set 1".to_owned()),
        ("CLASSIFY", 0) => {
            let class = info.u32(0)?;
            Some(format!("meta priority set {:x}:{:x}", class >> 16, class & 0xffff))
        }
        ("DSCP", 0) => Some(format!("{} dscp set 0x{:02x}", around.network(), info.u8(0)?)),
        ("TOS", 1) => {
            let (value, mask) = (info.u8(0)?, info.u8(1)?);
            // The bits below belong to another field.
            (mask == 0xfc && value & 3 == 0)
                .then(|| format!("{} dscp set 0x{:02x}", around.network(), value >> 2))
        }
        ("TTL", 0) if info.u8(0)? == 0 => Some(format!("ip ttl set {}", info.u8(1)?)),
        ("HL", 0) if info.u8(0)? == 0 => Some(format!("ip6 hoplimit set {}", info.u8(1)?)),
        ("NFQUEUE", 0..=3) => nfqueue(revision, info),
        ("TEE", 1) => {
            let gateway = info.address(0, around.family)?;
            Some(match info.text(16, 16)? {
                "" => format!("dup to {gateway}"),
                device => format!("dup to {gateway} device \"{device}\""),
            })
        }
        ("SYNPROXY", 0) => synproxy(info),
        ("AUDIT", 0) => Some("log level audit".to_owned()),
        ("SNAT" | "DNAT" | "MASQUERADE" | "REDIRECT", _) => {
            translation::words(name, revision, info, around.family)
        }
        _ => None,
    }
}

/// `(OLD & ~mask) ^ value` for a mark of 32 bits.
fn changed(old: &str, value: u32, mask: u32) -> String {
    match (value, mask) {
        (value, u32::MAX) => format!("{value:#x}"),
        (0, mask) => format!("{old} and {:#x}", !mask),
        (value, mask) if value == mask => format!("{old} or {value:#x}"),
        (value, 0) => format!("{old} xor {value:#x}"),
        (value, mask) => format!("{old} and {:#x} xor {value:#x}", !mask),
    }
}

fn connmark(revision: u32, info: Info<'_>) -> Option<String> {
    let (value, mask, packet) = (info.u32(0)?, info.u32(4)?, info.u32(8)?);
    let mode = match revision {
        1 => info.u8(12)?,
        // Shifted.
        _ if info.u8(13)? != 0 => return None,
        _ => info.u8(14)?,
    };
    let kept = |mask: u32| if mask == u32::MAX { String::new() } else { format!(" and {mask:#x}") };
    let merged = |old: &str, cleared: u32, new: &str, kept: u32| match cleared {
        u32::MAX => new.to_owned(),
        // Exclusive or is or where the bits were cleared.
        cleared if kept & !cleared == 0 => format!("{old} & {:#x} | {new}", !cleared),
        cleared => format!("{old} & {:#x} ^ {new}", !cleared),
    };
    match mode {
        0 => Some(format!("ct mark set {}", changed("ct mark", value, mask))),
        1 => {
            Some(format!("ct mark set {}", merged("ct mark", mask, &format!("mark{}", kept(packet)), packet)))
        }
        2 => Some(format!(
            "meta mark set {}",
            merged("meta mark", packet, &format!("ct mark{}", kept(mask)), mask)
        )),
        _ => None,
    }
}

/// `log …` of an extension with a level and flags.
pub(super) fn log(prefix: &str, level: u8, flags: u8) -> Option<String> {
    let mut text = String::from("log");
    if !prefix.is_empty() {
        text += &format!(" prefix \"{prefix}\"");
    }
    if u32::from(level) != DEFAULT_LOG_LEVEL {
        text += &format!(" level {}", symbol::name(LOG_LEVEL, u32::from(level))?);
    }
    if flags != 0 {
        write_log_flags(&mut text, u32::from(flags)).ok()?;
    }
    Some(text)
}

fn nflog(info: Info<'_>) -> Option<String> {
    let (length, group, threshold, flags) = (info.u32(0)?, info.u16(4)?, info.u16(6)?, info.u16(8)?);
    let mut text = String::from("log");
    match info.text(12, 64)? {
        "" => {}
        prefix => text += &format!(" prefix \"{prefix}\""),
    }
    text += &format!(" group {group}");
    if flags & 1 != 0 {
        text += &format!(" snaplen {length}");
    }
    if threshold != 0 {
        text += &format!(" queue-threshold {threshold}");
    }
    Some(text)
}

fn reject(info: Info<'_>, family: Family) -> Option<String> {
    const IPV4: [&str; 9] = [
        "net-unreachable",
        "host-unreachable",
        "prot-unreachable",
        "",
        "",
        "net-prohibited",
        "host-prohibited",
        "tcp",
        "admin-prohibited",
    ];
    const IPV6: [&str; 9] = [
        "no-route",
        "admin-prohibited",
        "",
        "addr-unreachable",
        "port",
        "",
        "tcp",
        "policy-fail",
        "reject-route",
    ];
    let number = usize::try_from(info.u32(0)?).ok()?;
    let (names, default, icmp) = match family {
        Family::IPV6 => (IPV6, 4, "icmpv6"),
        _ => (IPV4, 3, "icmp"),
    };
    if number == default {
        return Some("reject".to_owned());
    }
    match *names.get(number)? {
        "" => None,
        "tcp" => Some("reject with tcp reset".to_owned()),
        name => Some(format!("reject with {icmp} type {name}")),
    }
}

fn ct(revision: u32, info: Info<'_>) -> Option<String> {
    let (flags, zone) = (info.u16(0)?, info.u16(2)?);
    let events = info.u32(4)? != 0 || info.u32(8)? != 0;
    let named = info.u8(12)? != 0 || revision > 0 && info.u8(28)? != 0;
    if events || named {
        return None;
    }
    // Bits: left out of tracking (twice, by how it was written), the direction of the zone, the zone by the mark.
    match flags {
        1 | 3 if zone == 0 => Some("notrack".to_owned()),
        0 => Some(format!("ct zone set {zone}")),
        4 => Some(format!("ct original zone set {zone}")),
        8 => Some(format!("ct reply zone set {zone}")),
        _ => None,
    }
}

fn nfqueue(revision: u32, info: Info<'_>) -> Option<String> {
    let first = info.u16(0)?;
    let total = if revision > 0 { info.u16(2)? } else { 1 };
    let flags = if revision > 1 { info.u16(4)? } else { 0 };
    let last = first.checked_add(total.saturating_sub(1))?;
    let flags = match flags & 3 {
        0 => "",
        1 => " bypass",
        2 => " fanout",
        _ => " bypass,fanout",
    };
    Some(format!("queue num {}{flags}", super::port::range(first, last)))
}

fn synproxy(info: Info<'_>) -> Option<String> {
    let options = info.u8(0)?;
    let mut text = String::from("synproxy");
    if options & 4 != 0 {
        text += " sack-perm";
    }
    if options & 8 != 0 {
        text += " timestamp";
    }
    if options & 2 != 0 {
        text += &format!(" wscale {}", info.u8(1)?);
    }
    if options & 1 != 0 {
        text += &format!(" mss {}", info.u16(2)?);
    }
    (options & !0xf == 0).then_some(text)
}
