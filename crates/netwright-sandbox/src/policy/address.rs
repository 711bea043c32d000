//! What kinds of addresses there are: the registries of special-purpose addresses (RFC 6890, RFC 8190), metadata services, and name servers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// Reachable from everywhere. The prefixes of documentation count as such.
    Public,
    /// Of private networks (RFC 1918, RFC 4193).
    Private,
    /// Between a provider and its customers (RFC 6598).
    Shared,
    /// Of a network that this host is on, or its own, although it is reachable from everywhere. Only a policy knows ([`super::Policy::local`]).
    Local,
    /// For special purposes or for the future.
    Reserved,
    /// What stands for other addresses, in a way that the address itself does not tell: behind a translator or in a tunnel it may be any.
    Translated,
    /// No destination at all (`0.0.0.0/8`, `::`).
    Unspecified,
    /// The machine itself.
    Loopback,
    /// Of one link.
    LinkLocal,
    /// A group.
    Multicast,
    /// Everybody on a link.
    Broadcast,
    /// The service by which a cloud tells its machines who they are, credentials and all.
    Metadata,
}

impl AddressKind {
    /// Whether rules for many addresses reach it; where they do not, a rule must name it.
    #[must_use]
    pub fn is_ordinary(self) -> bool {
        matches!(
            self,
            AddressKind::Public
                | AddressKind::Private
                | AddressKind::Shared
                | AddressKind::Local
                | AddressKind::Reserved
        )
    }
}

/// As in «… is a private address».
impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AddressKind::Public => "a public address",
            AddressKind::Private => "a private address",
            AddressKind::Shared => "an address of a provider's network",
            AddressKind::Local => "an address of this host or of its networks",
            AddressKind::Reserved => "a reserved address",
            AddressKind::Translated => "an address that stands for others",
            AddressKind::Unspecified => "no destination",
            AddressKind::Loopback => "a loopback address",
            AddressKind::LinkLocal => "an address of one link",
            AddressKind::Multicast => "a multicast address",
            AddressKind::Broadcast => "a broadcast address",
            AddressKind::Metadata => "the address of a cloud's metadata service",
        })
    }
}

/// An address and how many of its first bits count.
pub(crate) type Prefix = (IpAddr, u8);

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8, kind: AddressKind) -> (Prefix, AddressKind) {
    ((IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length), kind)
}

const fn v6(bits: u128, length: u8, kind: AddressKind) -> (Prefix, AddressKind) {
    ((IpAddr::V6(Ipv6Addr::from_bits(bits)), length), kind)
}

/// Prefixes that are not public; of those that cover an address, the longest says what it is.
const SPECIAL: [(Prefix, AddressKind); 33] = [
    v4(0, 0, 0, 0, 8, AddressKind::Unspecified),
    v4(10, 0, 0, 0, 8, AddressKind::Private),
    v4(100, 64, 0, 0, 10, AddressKind::Shared),
    v4(100, 100, 100, 200, 32, AddressKind::Metadata),
    v4(127, 0, 0, 0, 8, AddressKind::Loopback),
    v4(168, 63, 129, 16, 32, AddressKind::Metadata),
    v4(169, 254, 0, 0, 16, AddressKind::LinkLocal),
    v4(169, 254, 169, 254, 32, AddressKind::Metadata),
    v4(172, 16, 0, 0, 12, AddressKind::Private),
    v4(192, 0, 0, 0, 24, AddressKind::Reserved),
    v4(192, 0, 0, 192, 32, AddressKind::Metadata),
    v4(192, 88, 99, 0, 24, AddressKind::Reserved),
    v4(192, 168, 0, 0, 16, AddressKind::Private),
    v4(198, 18, 0, 0, 15, AddressKind::Reserved),
    v4(224, 0, 0, 0, 4, AddressKind::Multicast),
    v4(240, 0, 0, 0, 4, AddressKind::Reserved),
    v4(255, 255, 255, 255, 32, AddressKind::Broadcast),
    v6(0, 96, AddressKind::Unspecified),
    v6(1, 128, AddressKind::Loopback),
    v6(0xffff << 32, 96, AddressKind::Unspecified),
    // Translators of one's own (RFC 8215), in which the IPv4 address may have any of several places.
    v6(0x64_ff9b_0001 << 80, 48, AddressKind::Translated),
    v6(0x0100 << 112, 64, AddressKind::Reserved),
    v6(0x2001 << 112, 23, AddressKind::Reserved),
    // Teredo (RFC 4380).
    v6(0x2001 << 112, 32, AddressKind::Translated),
    // Segments (RFC 9602): where packets go from there is in them.
    v6(0x5f00 << 112, 16, AddressKind::Translated),
    v6(0xfc00 << 112, 7, AddressKind::Private),
    v6(0xfd00_0ec2 << 96 | 0x254, 128, AddressKind::Metadata),
    v6(0xfd20_00ce << 96 | 0x254, 128, AddressKind::Metadata),
    v6(0xfe80 << 112, 10, AddressKind::LinkLocal),
    v6(0xfec0 << 112, 10, AddressKind::Reserved),
    v6(0xff00 << 112, 8, AddressKind::Multicast),
    v6(0x4000 << 112, 2, AddressKind::Reserved),
    v6(0x8000 << 112, 1, AddressKind::Reserved),
];

/// IPv6 prefixes behind which an IPv4 address follows that a translator or a tunnel goes on to: NAT64 (RFC 6052), 6to4 (RFC 3056) and SIIT (RFC 2765).
const CARRIERS: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::from_bits(0x64_ff9b << 96), 96),
    (Ipv6Addr::from_bits(0x2002 << 112), 16),
    (Ipv6Addr::from_bits(0xffff << 48), 96),
];

/// What an address is for. What stands for an IPv4 address is of its kind.
#[must_use]
pub fn kind(address: IpAddr) -> AddressKind {
    let address = address.to_canonical();
    if let Some(carried) =
        carried(address, 128).and_then(|(address, length)| (length == 32).then_some(address))
    {
        return kind(carried.into());
    }
    let covering = SPECIAL.iter().filter(|(prefix, _)| covers(*prefix, (address, length(address))));
    covering.max_by_key(|((_, length), _)| *length).map_or(
        match address {
            IpAddr::V6(address) if address.segments()[0] >> 13 != 1 => AddressKind::Reserved,
            _ => AddressKind::Public,
        },
        |(_, kind)| *kind,
    )
}

/// The number of bits of an address of this family.
pub(crate) fn length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Whether a prefix covers all of another one.
pub(crate) fn covers((network, length): Prefix, (address, of): Prefix) -> bool {
    length <= of
        && match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(32 - u32::from(length)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(128 - u32::from(length)).unwrap_or(0) == 0
            }
            _ => false,
        }
}

/// The IPv4 prefix that an IPv6 one stands for.
fn carried(address: IpAddr, length: u8) -> Option<(Ipv4Addr, u8)> {
    let IpAddr::V6(address) = address else { return None };
    let (_, before) = CARRIERS
        .into_iter()
        .find(|(carrier, bits)| covers(((*carrier).into(), *bits), (address.into(), length)))?;
    let bits = address.to_bits() << before >> 96;
    Some((Ipv4Addr::from_bits(u32::try_from(bits).ok()?), (length - before).min(32)))
}

/// A prefix with the IPv6 ones that stand for it.
pub(crate) fn with_forms((address, length): Prefix) -> Vec<Prefix> {
    let mut forms = vec![(address, length)];
    if let IpAddr::V4(address) = address {
        forms.extend(CARRIERS.into_iter().map(|(carrier, before)| {
            let bits = carrier.to_bits() | u128::from(address.to_bits()) << (96 - before);
            (IpAddr::V6(Ipv6Addr::from_bits(bits)), before + length)
        }));
    }
    forms
}

/// The IPv4 address that an IPv6 one stands for; any other address itself.
pub(crate) fn meant(address: IpAddr) -> IpAddr {
    match carried(address, length(address)) {
        Some((address, 32)) => address.into(),
        _ => address,
    }
}

/// The prefixes of addresses of the kinds that are wanted, with those that stand for IPv4 ones.
pub(crate) fn special(wanted: impl Fn(AddressKind) -> bool) -> Vec<Prefix> {
    let rows = SPECIAL.iter().filter(|(_, kind)| wanted(*kind));
    disjoint(rows.flat_map(|(prefix, _)| with_forms(*prefix)).collect())
}

/// The prefixes of public name servers, with those that stand for IPv4 ones.
pub(crate) fn resolvers() -> Vec<Prefix> {
    disjoint(RESOLVERS.iter().copied().flat_map(with_forms).collect())
}

/// Whether an address is a public name server's.
pub(crate) fn is_resolver(address: IpAddr) -> bool {
    let address = meant(address);
    RESOLVERS.iter().any(|prefix| covers(*prefix, (address, length(address))))
}

static RESOLVERS: LazyLock<Vec<Prefix>> = LazyLock::new(|| {
    let text = include_str!("../../policies/public-resolvers.txt");
    text.lines().filter_map(|line| prefix(line.split('#').next()?.trim())).collect()
});

fn prefix(text: &str) -> Option<Prefix> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    Some((address, bits.map_or(Some(length(address)), |bits| bits.parse().ok())?))
}

/// Without those that another one covers. Of each, the bits behind its length are zero.
pub(crate) fn disjoint(mut prefixes: Vec<Prefix>) -> Vec<Prefix> {
    prefixes.sort_unstable();
    let mut kept: Vec<Prefix> = Vec::new();
    for prefix in prefixes {
        // The one that covers it stands before it, and all between the two are covered as well.
        if !kept.last().is_some_and(|last| covers(*last, prefix)) {
            kept.push(prefix);
        }
    }
    kept
}

/// Whether a prefix is narrow enough to name what lies in it, special addresses and name servers included: from /24 (IPv4) and /48 (IPv6) on,
/// or wholly within the addresses of one special kind.
pub(crate) fn names_what_it_covers((address, length): Prefix) -> bool {
    if let Some((address, length)) = carried(address, length) {
        return names_what_it_covers((address.into(), length));
    }
    let narrow = if address.is_ipv4() { 24 } else { 48 };
    let within =
        |(prefix, kind): &(Prefix, AddressKind)| !kind.is_ordinary() && covers(*prefix, (address, length));
    length >= narrow || SPECIAL.iter().any(within)
}

#[cfg(test)]
mod tests;
