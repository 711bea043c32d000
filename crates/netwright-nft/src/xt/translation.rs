//! SNAT, DNAT, MASQUERADE and REDIRECT.

use netwright_netfilter::Family;
use netwright_netfilter::expression::NatFlags;

use super::Info;
use super::port::range;

/// Where the parts of a struct lie: the flags come first.
struct Layout {
    flags: usize,
    first: usize,
    last: usize,
    ports: usize,
}

/// `struct nf_nat_ipv4_multi_range_compat`, behind the number of ranges.
const OLD: Layout = Layout { flags: 4, first: 8, last: 12, ports: 16 };
/// `struct nf_nat_range` and `struct nf_nat_range2`.
const NEW: Layout = Layout { flags: 0, first: 4, last: 20, ports: 36 };

/// The words for a translation.
pub(super) fn words(name: &str, revision: u32, info: Info<'_>, family: Family) -> Option<String> {
    let old = family == Family::IPV4 && revision == 0;
    if old && info.u32(0)? != 1 {
        return None;
    }
    let layout = if old { OLD } else { NEW };
    let flags = NatFlags::from_bits_retain(info.u32(layout.flags)?);
    let known = NatFlags::MAP_IPS
        | NatFlags::PROTO_SPECIFIED
        | NatFlags::RANDOM
        | NatFlags::FULLY_RANDOM
        | NatFlags::PERSISTENT;
    if !known.contains(flags) {
        return None;
    }
    let with_ports = flags.contains(NatFlags::PROTO_SPECIFIED);
    let address = |at| {
        let address = info.address(at, family)?;
        Some(if with_ports && family == Family::IPV6 { format!("[{address}]") } else { address })
    };
    let mut target = String::new();
    if flags.contains(NatFlags::MAP_IPS) {
        target = range(address(layout.first)?, address(layout.last)?);
    }
    if with_ports {
        target += &format!(":{}", range(info.be16(layout.ports)?, info.be16(layout.ports + 2)?));
    }
    let mut text = name.to_ascii_lowercase();
    match (name, target.is_empty()) {
        ("SNAT" | "DNAT", true) => return None,
        (_, true) => {}
        ("MASQUERADE" | "REDIRECT", false) if flags.contains(NatFlags::MAP_IPS) => return None,
        _ => text += &format!(" to {target}"),
    }
    let names = [
        (NatFlags::RANDOM, "random"),
        (NatFlags::FULLY_RANDOM, "fully-random"),
        (NatFlags::PERSISTENT, "persistent"),
    ];
    let names: Vec<&str> =
        names.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect();
    if !names.is_empty() {
        text += &format!(" {}", names.join(","));
    }
    Some(text)
}
