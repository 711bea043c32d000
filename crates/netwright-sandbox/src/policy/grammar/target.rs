//! Targets: words, addresses, prefixes and names.

use std::net::{IpAddr, Ipv6Addr};

use super::name::pattern;
use super::{Fault, Piece, Read, Target};

/// Reads a target, and finds the ports behind it.
pub(super) fn target(text: Piece<'_>) -> Read<(Target, Option<Piece<'_>>)> {
    if text.text.starts_with('[') {
        return in_brackets(text);
    }
    if text.text.matches(':').count() > 1 {
        return bare_ipv6(text).map(|target| (target, None));
    }
    let (target, ports) = match text.text.find(':') {
        Some(colon) => (text.before(colon), Some(text.from(colon + 1))),
        None => (text, None),
    };
    Ok((word_or_name(target, ports)?, ports))
}

/// `[2001:db8::1]:443`, `[2001:db8::/32]:443` or `[2001:db8::]/32:443`.
fn in_brackets(text: Piece<'_>) -> Read<(Target, Option<Piece<'_>>)> {
    let Some(close) = text.text.find(']') else {
        return Err(text.before(1).fault("`[` is not closed").help("Write `]` behind the address."));
    };
    let (inside, behind) = (text.part(1..close), text.from(close + 1));
    if !inside.text.contains(':') {
        let fault = inside.fault("only IPv6 addresses stand in brackets");
        return Err(fault.help("Leave the brackets out."));
    }
    let colon = behind.text.find(':').unwrap_or(behind.text.len());
    let (length, ports) = (behind.before(colon), behind.from(colon));
    let ports = (!ports.text.is_empty()).then(|| ports.from(1));
    let target = match length.text.strip_prefix('/') {
        Some(_) if inside.text.contains('/') => return Err(length.fault("the prefix length is given twice")),
        Some(_) => network(inside, Some(length.from(1)), inside.start..length.range().end)?,
        None if length.text.is_empty() => address_or_prefix(inside)?,
        None => return Err(length.fault("only `:` and ports can follow `]`")),
    };
    Ok((target, ports))
}

fn bare_ipv6(text: Piece<'_>) -> Read<Target> {
    let fault = match address_or_prefix(text) {
        Ok(target) => return Ok(target),
        Err(fault) => fault,
    };
    let split = text.text.rfind(':').unwrap_or(0);
    let (address, ports) = (text.before(split), text.from(split + 1));
    let numbers = ports.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',' || byte == b'-');
    match address_or_prefix(address) {
        Ok(_) if numbers => {
            let help =
                format!("Ports follow an IPv6 address in brackets: `[{}]:{}`.", address.text, ports.text);
            Err(text.fault("an IPv6 address with ports needs brackets").help(help))
        }
        _ => Err(fault),
    }
}

/// A word that means many addresses, an IPv4 address or prefix, or a name.
fn word_or_name(text: Piece<'_>, ports: Option<Piece<'_>>) -> Read<Target> {
    let lower = text.text.to_ascii_lowercase();
    let with_ports = |word: &str| ports.map_or(word.to_owned(), |ports| format!("{word}:{}", ports.text));
    let fault = |message: &str, help: String| Err(text.fault(message).help(help));
    match lower.as_str() {
        "any" => Ok(Target::Any),
        "internet" => Ok(Target::Internet),
        "lan" => Ok(Target::Lan),
        "host" => Ok(Target::Host),
        "" => fault("the target is missing", format!("Write `{}` to mean every address.", with_ports("any"))),
        "*" => fault("`*` alone is no target", format!("Write `{}`.", with_ports("any"))),
        "localhost" | "localhost." => fault(
            "localhost is the sandbox's own, and always reachable",
            format!("Write `{}` for the host's.", with_ports("host")),
        ),
        "icmp" => fault("ICMP has no ports", "Write `icmp` alone.".to_owned()),
        "tcp" | "udp" => fault("a protocol alone says not where to", format!("Write `any/{lower}`.")),
        _ if lower.contains('/') => address_or_prefix(text),
        _ if lower.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => address_or_prefix(text),
        _ => pattern(text),
    }
}

fn address_or_prefix(text: Piece<'_>) -> Read<Target> {
    match text.text.find('/') {
        Some(slash) => network(text.before(slash), Some(text.from(slash + 1)), text.range()),
        None => network(text, None, text.range()),
    }
}

fn network(address: Piece<'_>, length: Option<Piece<'_>>, whole: std::ops::Range<usize>) -> Read<Target> {
    let at = address;
    let address: IpAddr = at.text.parse().map_err(|_| no_address(at, length))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(length) => length.text.parse().ok().filter(|length| *length <= most).ok_or_else(|| {
            length
                .fault(format!("`{}` is no prefix length", length.text))
                .help(format!("It is a number from 0 to {most}."))
        })?,
    };
    let masked = masked(address, length);
    if masked != address {
        let help = format!("Write `{masked}/{length}` for the network or `{address}` for the one host.");
        let message = format!("`{address}/{length}` names a host, not a network");
        return Err(Fault { range: whole, message, help: Some(help) });
    }
    usable(at, address, length)?;
    Ok(Target::Network(address, length))
}

/// Refuses what can never be a destination outside.
fn usable(at: Piece<'_>, address: IpAddr, length: u8) -> Read<()> {
    let fault = |message: &str, help: &str| Err(at.fault(message).help(help));
    let whole = matches!((address, length), (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128));
    match address {
        _ if address.is_loopback() && length > 7 => fault(
            "loopback addresses are the sandbox's own, and always reachable",
            "Write `host:PORT` for a port of the host's.",
        ),
        _ if address.is_unspecified() && whole => {
            fault("this address is no destination", "Write `any` to mean every address.")
        }
        IpAddr::V6(mapped) if length >= 96 => match mapped.to_ipv4_mapped() {
            Some(address) => {
                let length = length - 96;
                let help = if length == 32 {
                    format!("Write `{address}`.")
                } else {
                    format!("Write `{address}/{length}`.")
                };
                Err(at.fault("IPv4 addresses are written as such").help(help))
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn no_address(at: Piece<'_>, length: Option<Piece<'_>>) -> Fault {
    let text = at.text;
    if text.contains('%') {
        return at.fault("addresses of one link (`%…`) cannot be reached from a sandbox");
    }
    if text.contains(':') {
        return at.fault(format!("`{text}` is no IPv6 address"));
    }
    let numbers = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'*');
    match length {
        Some(ports) if !numbers => {
            let fault = ports.fault("a name has no prefix length");
            fault.help(format!("Ports follow a colon: `{text}:{}`.", ports.text))
        }
        _ if numbers => {
            let fault = at.fault(format!("`{text}` is no IPv4 address"));
            fault.help("An address is four numbers up to 255, a network is such as `10.0.0.0/8`.")
        }
        _ => at.fault(format!("`{text}` is no address")),
    }
}

/// An address without the bits behind a prefix.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            std::net::Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}
