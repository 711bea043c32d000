//! Keys: what `meta`, `ct`, `rt`, `socket`, `fib`, `ipsec`, `tunnel`, `osf`, `numgen` and hashes can be asked for.

use super::datatype::{ByteOrder, DataType};

/// The expression that a [`Key`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// `meta KEY`.
    Meta,
    /// `ct [DIRECTION] KEY`.
    Ct,
    /// `rt KEY`.
    Rt,
    /// `socket KEY`.
    Socket,
    /// `ipsec {in|out} [spnum N] KEY`.
    Ipsec,
    /// `tunnel KEY`.
    Tunnel,
    /// `fib FLAGS RESULT`.
    Fib,
    /// `osf [ttl MODE] KEY`.
    Osf,
}

impl KeyKind {
    /// The number of the expression in the `typeof` note of a set's userdata; `None` where nft has none.
    #[must_use]
    pub const fn userdata_number(self) -> Option<u32> {
        Some(match self {
            KeyKind::Meta => 9,
            KeyKind::Socket => 10,
            KeyKind::Osf => 11,
            KeyKind::Ct => 12,
            KeyKind::Rt => 25,
            KeyKind::Fib => 27,
            KeyKind::Ipsec => 28,
            KeyKind::Tunnel => return None,
        })
    }
}

/// Whether and how a key takes the direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Never.
    #[default]
    None,
    /// Optional: `ct [original|reply] bytes`.
    Optional,
    /// Needed by the kernel: `ct original proto-src`.
    Required,
}

/// The layer 3 protocol that a key speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layer3 {
    /// Any.
    #[default]
    Any,
    /// IPv4, written `ip KEY` where both exist.
    Ipv4,
    /// IPv6, written `ip6 KEY` where both exist.
    Ipv6,
    /// To be told from the family or the rule before: `ct original saddr`, `rt nexthop`. The kernel number is that of
    /// the old form whose width depends on the family.
    Context,
}

/// One key: a row of [`META`], [`CT`] and their like.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The expression.
    pub kind: KeyKind,
    /// The name as listed; with [`Layer3`] and [`Direction`] before it where they apply.
    pub name: &'static str,
    /// Other spellings that are read.
    pub aliases: &'static [&'static str],
    /// The kernel's number (`NFT_META_*`, `NFT_CT_*`, …).
    pub number: u32,
    /// Type of the value.
    pub data_type: DataType,
    /// Width of the value in bits.
    pub bits: u32,
    /// Byte order of the value in the register.
    pub order: ByteOrder,
    /// Whether a statement can set it.
    pub writable: bool,
    /// Whether it can be read in a match.
    pub readable: bool,
    /// Whether `mark` is read for `meta mark`.
    pub bare: bool,
    /// Whether it is listed without the word `meta`.
    pub listed_bare: bool,
    /// Direction (`ct` only).
    pub direction: Direction,
    /// Layer 3 protocol.
    pub layer3: Layer3,
    /// Whether only bridge tables can use it.
    pub bridge_only: bool,
}

/// Keys are rows of static tables: the same row is the same key.
impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.kind == other.kind
            && self.number == other.number
            && self.name == other.name
            && self.layer3 == other.layer3
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.kind, self.number, self.name).hash(state);
    }
}

impl Key {
    /// Width of the value in bytes as loaded into a register.
    #[must_use]
    pub const fn bytes(&self) -> u32 {
        self.bits.div_ceil(8)
    }

    /// Whether `name` is this key's name or one of its other spellings.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// A [`Key`] of `meta`.
pub type MetaKey = Key;
/// A [`Key`] of `ct`.
pub type CtKey = Key;
/// A [`Key`] of `rt`.
pub type RtKey = Key;
/// A [`Key`] of `socket`.
pub type SocketKey = Key;
/// A [`Key`] of `tunnel`.
pub type TunnelKey = Key;
/// A [`Key`] of `ipsec`.
pub type XfrmKey = Key;

/// The row that most keys start from.
const KEY: Key = Key {
    kind: KeyKind::Meta,
    name: "",
    aliases: &[],
    number: 0,
    data_type: DataType::INTEGER,
    bits: 32,
    order: ByteOrder::Host,
    writable: false,
    readable: true,
    bare: false,
    listed_bare: false,
    direction: Direction::None,
    layer3: Layer3::Any,
    bridge_only: false,
};

macro_rules! keys {
    ($( $(#[$doc:meta])* $table:ident $kind:ident {
        $( $number:literal $name:literal $data_type:ident $bits:literal $order:ident $( $field:ident: $value:expr ),* ; )*
    } )*) => {
        $( $(#[$doc])* pub static $table: &[Key] = &[$( Key {
            kind: KeyKind::$kind,
            name: $name,
            number: $number,
            data_type: DataType::$data_type,
            bits: $bits,
            order: ByteOrder::$order,
            $( $field: $value, )*
            ..KEY
        } ),*]; )*

        /// Every key of every expression.
        pub fn all() -> impl Iterator<Item = &'static Key> {
            [$( $table ),*].into_iter().flatten()
        }
    };
}

keys! {
    /// `meta` keys (`NFT_META_*`).
    META Meta {
        0 "length" INTEGER 32 Host;
        1 "protocol" ETHER_TYPE 16 Big;
        2 "priority" CLASSID 32 Host writable: true;
        3 "mark" MARK 32 Host writable: true, bare: true;
        4 "iif" IFACE_INDEX 32 Host bare: true, listed_bare: true;
        5 "oif" IFACE_INDEX 32 Host bare: true, listed_bare: true;
        6 "iifname" IFNAME 128 Host bare: true, listed_bare: true;
        7 "oifname" IFNAME 128 Host bare: true, listed_bare: true;
        8 "iiftype" IFACE_TYPE 16 Host bare: true;
        9 "oiftype" IFACE_TYPE 16 Host bare: true;
        10 "skuid" UID 32 Host bare: true;
        11 "skgid" GID 32 Host bare: true;
        12 "nftrace" INTEGER 1 Host writable: true, bare: true;
        13 "rtclassid" REALM 32 Host bare: true;
        14 "secmark" INTEGER 32 Host writable: true;
        15 "nfproto" NF_PROTO 8 Host;
        16 "l4proto" INET_PROTO 8 Host;
        17 "ibrname" IFNAME 128 Host aliases: &["ibriport"], bare: true, bridge_only: true;
        18 "obrname" IFNAME 128 Host aliases: &["obriport"], bare: true, bridge_only: true;
        19 "pkttype" PKT_TYPE 8 Host writable: true, bare: true;
        20 "cpu" INTEGER 32 Host bare: true;
        21 "iifgroup" DEVGROUP 32 Host bare: true, listed_bare: true;
        22 "oifgroup" DEVGROUP 32 Host bare: true, listed_bare: true;
        23 "cgroup" INTEGER 32 Host bare: true;
        24 "random" INTEGER 32 Big;
        25 "ipsec" BOOLEAN 8 Host aliases: &["secpath"], bare: true;
        26 "iifkind" IFNAME 128 Host;
        27 "oifkind" IFNAME 128 Host;
        28 "ibrpvid" INTEGER 16 Host bridge_only: true;
        29 "ibrvproto" ETHER_TYPE 16 Big bridge_only: true;
        30 "time" DATE 64 Host bare: true;
        31 "day" DAY 8 Host bare: true;
        32 "hour" HOUR 32 Host bare: true;
        33 "sdif" IFACE_INDEX 32 Host;
        34 "sdifname" IFNAME 128 Host;
        35 "broute" INTEGER 1 Host writable: true, bridge_only: true;
        37 "ibrhwaddr" ETHER_ADDR 48 Big bridge_only: true;
    }

    /// `ct` keys (`NFT_CT_*`). The last are the old numbers of addresses once the family is known.
    CT Ct {
        0 "state" CT_STATE 32 Host;
        1 "direction" CT_DIR 8 Host;
        2 "status" CT_STATUS 32 Host;
        3 "mark" MARK 32 Host writable: true;
        4 "secmark" INTEGER 32 Host writable: true;
        5 "expiration" TIME 32 Host;
        6 "helper" STRING 128 Host;
        7 "l3proto" NF_PROTO 8 Host direction: Direction::Optional;
        8 "saddr" INVALID 0 Big direction: Direction::Required, layer3: Layer3::Context;
        9 "daddr" INVALID 0 Big direction: Direction::Required, layer3: Layer3::Context;
        10 "protocol" INET_PROTO 8 Big direction: Direction::Optional;
        11 "proto-src" INET_SERVICE 16 Big direction: Direction::Required;
        12 "proto-dst" INET_SERVICE 16 Big direction: Direction::Required;
        13 "label" CT_LABEL 128 Host writable: true;
        14 "packets" INTEGER 64 Host direction: Direction::Optional;
        15 "bytes" INTEGER 64 Host direction: Direction::Optional;
        16 "avgpkt" INTEGER 64 Host direction: Direction::Optional;
        17 "zone" INTEGER 16 Host writable: true, direction: Direction::Optional;
        18 "event" CT_EVENT 32 Host writable: true;
        19 "saddr" IPV4_ADDR 32 Big direction: Direction::Required, layer3: Layer3::Ipv4;
        20 "daddr" IPV4_ADDR 32 Big direction: Direction::Required, layer3: Layer3::Ipv4;
        21 "saddr" IPV6_ADDR 128 Big direction: Direction::Required, layer3: Layer3::Ipv6;
        22 "daddr" IPV6_ADDR 128 Big direction: Direction::Required, layer3: Layer3::Ipv6;
        23 "id" INTEGER 32 Big;
        8 "saddr" IPV4_ADDR 32 Big direction: Direction::Required, layer3: Layer3::Ipv4;
        9 "daddr" IPV4_ADDR 32 Big direction: Direction::Required, layer3: Layer3::Ipv4;
        8 "saddr" IPV6_ADDR 128 Big direction: Direction::Required, layer3: Layer3::Ipv6;
        9 "daddr" IPV6_ADDR 128 Big direction: Direction::Required, layer3: Layer3::Ipv6;
    }

    /// `rt` keys (`NFT_RT_*`). `rt nexthop` has the IPv4 number; the family decides.
    RT Rt {
        0 "classid" REALM 32 Host;
        1 "nexthop" INVALID 0 Big layer3: Layer3::Context;
        1 "nexthop" IPV4_ADDR 32 Big layer3: Layer3::Ipv4;
        2 "nexthop" IPV6_ADDR 128 Big layer3: Layer3::Ipv6;
        3 "mtu" INTEGER 16 Host;
        4 "ipsec" BOOLEAN 8 Host;
    }

    /// `socket` keys (`NFT_SOCKET_*`). `cgroupv2` is followed by `level N`.
    SOCKET Socket {
        0 "transparent" INTEGER 1 Host;
        1 "mark" MARK 32 Host;
        2 "wildcard" INTEGER 1 Host;
        3 "cgroupv2" CGROUPSV2 64 Host;
    }

    /// `ipsec` keys (`NFT_XFRM_KEY_*`).
    IPSEC Ipsec {
        1 "daddr" IPV4_ADDR 32 Big layer3: Layer3::Ipv4;
        2 "daddr" IPV6_ADDR 128 Big layer3: Layer3::Ipv6;
        3 "saddr" IPV4_ADDR 32 Big layer3: Layer3::Ipv4;
        4 "saddr" IPV6_ADDR 128 Big layer3: Layer3::Ipv6;
        5 "reqid" INTEGER 32 Host;
        6 "spi" INTEGER 32 Big;
    }

    /// `tunnel` keys (`NFT_TUNNEL_*`).
    TUNNEL Tunnel {
        0 "path" BOOLEAN 8 Host;
        1 "id" INTEGER 32 Host;
    }

    /// `fib` results (`NFT_FIB_RESULT_*`). `check` is an `oif` that only tells whether there is a route.
    FIB Fib {
        1 "oif" IFACE_INDEX 32 Host;
        2 "oifname" IFNAME 128 Host;
        3 "type" FIB_ADDRTYPE 32 Host;
    }

    /// `osf` keys; the number is that of `NFTA_OSF_FLAGS` (`NFT_OSF_F_VERSION`).
    OSF Osf {
        0 "name" STRING 128 Host;
        1 "version" STRING 128 Host;
    }
}

/// The rows of an expression.
#[must_use]
pub fn table(kind: KeyKind) -> &'static [Key] {
    match kind {
        KeyKind::Meta => META,
        KeyKind::Ct => CT,
        KeyKind::Rt => RT,
        KeyKind::Socket => SOCKET,
        KeyKind::Ipsec => IPSEC,
        KeyKind::Tunnel => TUNNEL,
        KeyKind::Fib => FIB,
        KeyKind::Osf => OSF,
    }
}

/// The key of an expression by name, in the form without a layer 3 protocol where there is one.
#[must_use]
pub fn by_name(kind: KeyKind, name: &str) -> Option<&'static Key> {
    table(kind).iter().find(|key| key.is_called(name) && matches!(key.layer3, Layer3::Any | Layer3::Context))
}

/// The key of an expression by layer 3 protocol and name: `ct original ip saddr`, `ipsec in ip6 daddr`.
#[must_use]
pub fn by_layer3(kind: KeyKind, layer3: Layer3, name: &str) -> Option<&'static Key> {
    table(kind).iter().find(|key| key.layer3 == layer3 && key.is_called(name))
}

/// The key that one of [`Layer3::Context`] is for a layer 3 protocol.
#[must_use]
pub fn in_layer3(key: &Key, layer3: Layer3) -> Option<&'static Key> {
    let rows = table(key.kind).iter().filter(|row| row.name == key.name && row.layer3 == layer3);
    rows.min_by_key(|row| row.number != key.number)
}

/// The key of an expression by the kernel's number.
#[must_use]
pub fn by_number(kind: KeyKind, number: u32) -> Option<&'static Key> {
    table(kind)
        .iter()
        .filter(|key| key.number == number)
        .min_by_key(|key| kind == KeyKind::Rt && key.layer3 == Layer3::Context)
}

/// The `meta` key that is read without the word `meta`: `iifname`, `mark`. The old name `secpath` is read only after it.
#[must_use]
pub fn bare(name: &str) -> Option<&'static Key> {
    META.iter().find(|key| key.bare && key.is_called(name) && name != "secpath")
}

/// A flag of `fib` (`NFTA_FIB_F_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FibFlag {
    /// The name as written.
    pub name: &'static str,
    /// The kernel's bit.
    pub bit: u32,
}

/// Flags of `fib` in the order in which they are listed.
pub const FIB_FLAGS: &[FibFlag] = &[
    FibFlag { name: "saddr", bit: 1 << 0 },
    FibFlag { name: "daddr", bit: 1 << 1 },
    FibFlag { name: "mark", bit: 1 << 2 },
    FibFlag { name: "iif", bit: 1 << 3 },
    FibFlag { name: "oif", bit: 1 << 4 },
];

/// The bit of `NFTA_FIB_FLAGS` that asks only whether there is a route.
pub const FIB_PRESENT: u32 = 1 << 5;

/// The width in bits of `numgen`, `jhash` and `symhash`: an integer in host order.
pub const GENERATED_BITS: u32 = 32;

/// `numgen` modes (`NFT_NG_*`) by name.
pub const NUMGEN_MODES: &[(&str, u32)] = &[("inc", 0), ("random", 1)];

/// Hash kinds (`NFT_HASH_*`) by name.
pub const HASH_KINDS: &[(&str, u32)] = &[("jhash", 0), ("symhash", 1)];

/// `osf ttl` modes by name; the absence of a word is 0, the real time to live.
pub const OSF_TTL_MODES: &[(&str, u8)] = &[("loose", 1), ("skip", 2)];

#[cfg(test)]
mod tests;
