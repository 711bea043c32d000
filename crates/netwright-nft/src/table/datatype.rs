//! Data types: what a value means, how wide it is, and in which byte order it lies in a register.

use std::fmt;

use super::symbol::{self, Symbol};

/// The byte order of a value in a register or a set element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The order does not matter (one byte), or the value is no number.
    #[default]
    None,
    /// The order of the machine.
    Host,
    /// Most significant byte first, as on the wire.
    Big,
}

impl ByteOrder {
    /// The number that nft stores for this order in the userdata of a set (1 host, 2 big, 0 none).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            ByteOrder::None => 0,
            ByteOrder::Host => 1,
            ByteOrder::Big => 2,
        }
    }
}

/// How a number of a type is written when no symbol stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `22`.
    Decimal,
    /// `0x5`, without leading zeros.
    Hex,
    /// `0x00000005`, as many digits as the width asks for.
    PaddedHex,
    /// `192.0.2.1`.
    Ipv4,
    /// `2001:db8::1`.
    Ipv6,
    /// `00:11:22:33:44:55`.
    LinkAddress,
    /// `1:10`, `root`, `none`.
    ClassId,
    /// A duration in milliseconds, `1d2h3m4s5ms`.
    Duration,
    /// Seconds since midnight UTC, `"08:00"` in the zone of the caller.
    Hour,
    /// Nanoseconds since 1970 UTC, `"2019-06-06 17:00:00"` in the zone of the caller.
    Date,
    /// A set of bit numbers, `5,70`.
    BitNumbers,
    /// Characters.
    Text,
    /// A verdict or nothing at all.
    Opaque,
}

/// Where the symbols of a type come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Symbols {
    /// There are none.
    None,
    /// A table of the language.
    Table(&'static [Symbol]),
    /// A table that is read but never written: `icmp code` takes names and lists numbers.
    ReadOnly(&'static [Symbol]),
    /// A table of the language whose names are written in quotes (days).
    Quoted(&'static [Symbol]),
    /// A database of the host, see [`Names`](super::names::Names).
    Database(Database),
}

/// A database of names on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Database {
    /// `/etc/protocols`.
    Protocols,
    /// `/etc/services`.
    Services,
    /// `/etc/iproute2/rt_marks`.
    Marks,
    /// `/etc/iproute2/rt_realms`.
    Realms,
    /// `/etc/iproute2/group`.
    DeviceGroups,
    /// `connlabel.conf`.
    Labels,
    /// `/etc/passwd`.
    Users,
    /// `/etc/group`.
    Groups,
    /// The interfaces of the network namespace by index.
    Interfaces,
    /// Control groups (v2) by id.
    ControlGroups,
}

/// All there is to know about a [`DataType`].
#[derive(Debug)]
pub struct Descriptor {
    /// The number that nft stores in `NFTA_SET_KEY_TYPE` and `NFTA_SET_DATA_TYPE`.
    pub number: u32,
    /// The name, as in `type NAME` of a set.
    pub name: &'static str,
    /// A few words for people.
    pub description: &'static str,
    /// Width in bits; 0 where the expression decides it.
    pub bits: u32,
    /// Byte order of a value in a register, unless the expression says otherwise.
    pub order: ByteOrder,
    /// The type that this one refines.
    pub base: Option<DataType>,
    /// How a number without a symbol is written.
    pub format: Format,
    /// Where its symbols come from.
    pub symbols: Symbols,
    /// Whether a set can be declared with `type NAME`.
    pub declarable: bool,
}

/// A data type of the language: a small number with a static [`Descriptor`].
///
/// The number is nft's own for the types that have one; the few refinements that share a number with their base
/// (the subtype of an MPTCP option is an `integer` with symbols) count from 0x100. Unknown numbers are kept.
#[derive(Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataType(pub u32);

macro_rules! data_types {
    ($( $(#[$doc:meta])* $constant:ident($id:literal, $number:literal) $name:literal $description:literal $bits:literal
        $order:ident $base:ident $format:ident ($symbols:expr) $declarable:ident; )*) => {
        impl DataType {
            $( $(#[$doc])* pub const $constant: DataType = DataType($id); )*

            /// Every known type, in the order of its number.
            pub const ALL: &'static [DataType] = &[$( DataType::$constant ),*];

            /// The row of this type; an unknown number has the row of [`DataType::INVALID`].
            #[must_use]
            pub fn descriptor(self) -> &'static Descriptor {
                match self.0 {
                    $( $id => {
                        static ROW: Descriptor = Descriptor {
                            number: $number, name: $name, description: $description, bits: $bits,
                            order: ByteOrder::$order, base: data_types!(@base $base), format: Format::$format,
                            symbols: $symbols, declarable: data_types!(@declarable $declarable),
                        };
                        &ROW
                    } )*
                    _ => DataType::INVALID.descriptor(),
                }
            }
        }
    };
    (@base none) => { None };
    (@base $base:ident) => { Some(DataType::$base) };
    (@declarable set) => { true };
    (@declarable typeof) => { false };
}

data_types! {
    /// No type: an expression whose type cannot be told.
    INVALID(0, 0) "invalid" "invalid" 0 None none Opaque (Symbols::None) typeof;
    /// `accept`, `drop`, `jump CHAIN` and the like.
    VERDICT(1, 1) "verdict" "netfilter verdict" 0 None none Opaque (Symbols::None) typeof;
    /// Layer 3 protocol by its `NFPROTO_*` number.
    NF_PROTO(2, 2) "nf_proto" "netfilter protocol" 8 None INTEGER Decimal (Symbols::Table(symbol::NF_PROTO)) set;
    /// Bits without names.
    BITMASK(3, 3) "bitmask" "bitmask" 0 None INTEGER Hex (Symbols::None) typeof;
    /// A number of any width.
    INTEGER(4, 4) "integer" "integer" 0 None none Decimal (Symbols::None) typeof;
    /// Characters.
    STRING(5, 5) "string" "string" 0 Host none Text (Symbols::None) typeof;
    /// A link layer address of any width.
    LINK_ADDRESS(6, 6) "ll_addr" "link layer address" 0 Big INTEGER LinkAddress (Symbols::None) typeof;
    /// IPv4 address.
    IPV4_ADDR(7, 7) "ipv4_addr" "IPv4 address" 32 Big INTEGER Ipv4 (Symbols::None) set;
    /// IPv6 address.
    IPV6_ADDR(8, 8) "ipv6_addr" "IPv6 address" 128 Big INTEGER Ipv6 (Symbols::None) set;
    /// Ethernet address.
    ETHER_ADDR(9, 9) "ether_addr" "Ethernet address" 48 Big LINK_ADDRESS LinkAddress (Symbols::None) set;
    /// EtherType.
    ETHER_TYPE(10, 10) "ether_type" "Ethernet protocol" 16 Big INTEGER PaddedHex (Symbols::Table(symbol::ETHER_TYPE)) set;
    /// ARP operation.
    ARP_OP(11, 11) "arp_op" "ARP operation" 16 Big INTEGER Decimal (Symbols::Table(symbol::ARP_OP)) set;
    /// Layer 4 protocol.
    INET_PROTO(12, 12) "inet_proto" "Internet protocol" 8 None INTEGER Decimal (Symbols::Database(Database::Protocols)) set;
    /// Port.
    INET_SERVICE(13, 13) "inet_service" "internet network service" 16 Big INTEGER Decimal (Symbols::Database(Database::Services)) set;
    /// ICMP type.
    ICMP_TYPE(14, 14) "icmp_type" "ICMP type" 8 Big INTEGER Decimal (Symbols::Table(symbol::ICMP_TYPE)) set;
    /// TCP flags.
    TCP_FLAG(15, 15) "tcp_flag" "TCP flag" 8 Big BITMASK Hex (Symbols::Table(symbol::TCP_FLAG)) set;
    /// DCCP packet type.
    DCCP_PKTTYPE(16, 16) "dccp_pkttype" "DCCP packet type" 4 None INTEGER Decimal (Symbols::Table(symbol::DCCP_PKTTYPE)) set;
    /// Mobility header type.
    MH_TYPE(17, 17) "mh_type" "Mobility Header Type" 8 Big INTEGER Decimal (Symbols::Table(symbol::MH_TYPE)) set;
    /// Duration in milliseconds.
    TIME(18, 18) "time" "relative time" 32 Host INTEGER Duration (Symbols::None) set;
    /// Packet, connection or socket mark.
    MARK(19, 19) "mark" "packet mark" 32 Host INTEGER PaddedHex (Symbols::Database(Database::Marks)) set;
    /// Interface by index.
    IFACE_INDEX(20, 20) "iface_index" "network interface index" 32 Host INTEGER Decimal (Symbols::Database(Database::Interfaces)) set;
    /// Hardware type of an interface (`ARPHRD_*`).
    IFACE_TYPE(21, 21) "iface_type" "network interface type" 16 Host INTEGER Decimal (Symbols::Table(symbol::IFACE_TYPE)) set;
    /// Routing realm.
    REALM(22, 22) "realm" "routing realm" 32 Host INTEGER Decimal (Symbols::Database(Database::Realms)) set;
    /// Traffic control class.
    CLASSID(23, 23) "classid" "TC classid" 32 Host INTEGER ClassId (Symbols::None) set;
    /// User.
    UID(24, 24) "uid" "user ID" 32 Host INTEGER Decimal (Symbols::Database(Database::Users)) set;
    /// Group.
    GID(25, 25) "gid" "group ID" 32 Host INTEGER Decimal (Symbols::Database(Database::Groups)) set;
    /// Connection tracking state.
    CT_STATE(26, 26) "ct_state" "conntrack state" 32 Host BITMASK Hex (Symbols::Table(symbol::CT_STATE)) set;
    /// Connection tracking direction.
    CT_DIR(27, 27) "ct_dir" "conntrack direction" 8 None INTEGER Decimal (Symbols::Table(symbol::CT_DIR)) set;
    /// Connection tracking status.
    CT_STATUS(28, 28) "ct_status" "conntrack status" 32 Host BITMASK Hex (Symbols::Table(symbol::CT_STATUS)) set;
    /// ICMPv6 type.
    ICMPV6_TYPE(29, 29) "icmpv6_type" "ICMPv6 type" 8 Big INTEGER Decimal (Symbols::Table(symbol::ICMPV6_TYPE)) set;
    /// Connection tracking label.
    CT_LABEL(30, 30) "ct_label" "conntrack label" 128 Host BITMASK BitNumbers (Symbols::Database(Database::Labels)) set;
    /// Packet type.
    PKT_TYPE(31, 31) "pkt_type" "packet type" 8 Host INTEGER Decimal (Symbols::Table(symbol::PKT_TYPE)) set;
    /// ICMP code.
    ICMP_CODE(32, 32) "icmp_code" "icmp code" 8 Big INTEGER Decimal (Symbols::ReadOnly(symbol::ICMP_CODE)) set;
    /// ICMPv6 code.
    ICMPV6_CODE(33, 33) "icmpv6_code" "icmpv6 code" 8 Big INTEGER Decimal (Symbols::ReadOnly(symbol::ICMPV6_CODE)) set;
    /// Code that fits ICMP and ICMPv6.
    ICMPX_CODE(34, 34) "icmpx_code" "icmpx code" 8 Big INTEGER Decimal (Symbols::ReadOnly(symbol::ICMPX_CODE)) set;
    /// Group of an interface.
    DEVGROUP(35, 35) "devgroup" "devgroup name" 32 Host INTEGER Decimal (Symbols::Database(Database::DeviceGroups)) set;
    /// Differentiated services code point.
    DSCP(36, 36) "dscp" "Differentiated Services Code Point" 6 Big INTEGER PaddedHex (Symbols::Table(symbol::DSCP)) set;
    /// Explicit congestion notification.
    ECN(37, 37) "ecn" "Explicit Congestion Notification" 2 Big INTEGER PaddedHex (Symbols::Table(symbol::ECN)) set;
    /// Address type by the routing table.
    FIB_ADDRTYPE(38, 38) "fib_addrtype" "fib address type" 32 Host INTEGER Decimal (Symbols::Table(symbol::FIB_ADDRTYPE)) set;
    /// There or not.
    BOOLEAN(39, 39) "boolean" "boolean type" 1 Host INTEGER Decimal (Symbols::Table(symbol::BOOLEAN)) set;
    /// Connection tracking events.
    CT_EVENT(40, 40) "ct_event" "conntrack event bits" 32 Host BITMASK Hex (Symbols::Table(symbol::CT_EVENT)) set;
    /// Interface by name, padded with zero bytes to 16.
    IFNAME(41, 41) "ifname" "network interface name" 128 Host STRING Text (Symbols::None) set;
    /// IGMP type.
    IGMP_TYPE(42, 42) "igmp_type" "IGMP type" 8 Big INTEGER Decimal (Symbols::Table(symbol::IGMP_TYPE)) set;
    /// Point in time, nanoseconds since 1970.
    DATE(43, 43) "time" "Relative time of packet reception" 64 Host INTEGER Date (Symbols::None) typeof;
    /// Second of the day, UTC.
    HOUR(44, 44) "hour" "Hour of day of packet reception" 32 Host INTEGER Hour (Symbols::None) typeof;
    /// Day of the week, 0 is Sunday.
    DAY(45, 45) "day" "Day of week of packet reception" 8 Host INTEGER Decimal (Symbols::Quoted(symbol::DAY)) typeof;
    /// Control group (v2) by id.
    CGROUPSV2(46, 46) "cgroupsv2" "cgroupsv2 path" 64 Host INTEGER Decimal (Symbols::Database(Database::ControlGroups)) set;
    /// An `integer` that is written in hexadecimal: raw payload, `ip frag-off`.
    HEX_INTEGER(0x100, 4) "integer" "integer" 0 Big INTEGER Hex (Symbols::None) typeof;
    /// The subtype of an MPTCP option.
    MPTCP_SUBTYPE(0x101, 4) "integer" "mptcp option subtype" 4 Big INTEGER Decimal (Symbols::Table(symbol::MPTCP_SUBTYPE)) typeof;
}

impl DataType {
    /// The type that a set names with `type NAME`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<DataType> {
        DataType::ALL.iter().copied().find(|t| t.descriptor().declarable && t.name() == name)
    }

    /// The type with this number on the wire; unknown numbers give a type that is unknown but keeps the number.
    #[must_use]
    pub fn from_number(number: u32) -> DataType {
        DataType(number & Concat::PART_MASK)
    }

    /// Whether this crate has a row for it.
    #[must_use]
    pub fn is_known(self) -> bool {
        self == DataType::INVALID || !std::ptr::eq(self.descriptor(), DataType::INVALID.descriptor())
    }

    /// The number in `NFTA_SET_KEY_TYPE`.
    #[must_use]
    pub fn number(self) -> u32 {
        if self.is_known() { self.descriptor().number } else { self.0 }
    }

    /// The name in nft.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.descriptor().name
    }

    /// Width in bits, 0 where the expression decides it.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.descriptor().bits
    }

    /// Width in whole bytes, 0 where the expression decides it.
    #[must_use]
    pub fn bytes(self) -> u32 {
        self.bits().div_ceil(8)
    }

    /// Byte order in a register.
    #[must_use]
    pub fn order(self) -> ByteOrder {
        self.descriptor().order
    }

    /// The type that this one refines.
    #[must_use]
    pub fn base(self) -> Option<DataType> {
        self.descriptor().base
    }

    /// Whether this is `other` or refines it.
    #[must_use]
    pub fn is_a(self, other: DataType) -> bool {
        self == other || self.base().is_some_and(|base| base.is_a(other))
    }

    /// Whether values are bits that can be given as a list, `syn,ack`.
    #[must_use]
    pub fn is_bitmask(self) -> bool {
        self.is_a(DataType::BITMASK)
    }

    /// Whether values are characters.
    #[must_use]
    pub fn is_string(self) -> bool {
        self.is_a(DataType::STRING)
    }

    /// The symbols of the language for this type; those of a host database are not among them.
    #[must_use]
    pub fn symbols(self) -> &'static [Symbol] {
        match self.descriptor().symbols {
            Symbols::Table(rows) | Symbols::ReadOnly(rows) | Symbols::Quoted(rows) => rows,
            Symbols::None | Symbols::Database(_) => &[],
        }
    }

    /// The host database that names values of this type.
    #[must_use]
    pub fn database(self) -> Option<Database> {
        match self.descriptor().symbols {
            Symbols::Database(database) => Some(database),
            _ => None,
        }
    }
}

impl fmt::Debug for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_known() { f.write_str(self.name()) } else { write!(f, "type {}", self.0) }
    }
}

/// The types of the parts of a concatenation; a plain type is a concatenation of one.
///
/// It is `Copy` and holds at most [`Concat::MAX`] parts, more than the kernel's registers can carry.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Concat {
    parts: [u16; Concat::MAX],
    len: u8,
}

impl Concat {
    /// The most parts there can be: every part takes at least one of the 16 words of the registers.
    pub const MAX: usize = 16;
    /// Bits of one part in the packed number.
    pub const PART_BITS: u32 = 6;
    /// Mask of one part in the packed number.
    pub const PART_MASK: u32 = (1 << Concat::PART_BITS) - 1;

    /// A concatenation of these parts; `None` when there are more than [`Concat::MAX`].
    #[must_use]
    pub fn new(parts: &[DataType]) -> Option<Concat> {
        let mut concat = Concat::default();
        parts.iter().all(|&part| concat.push(part)).then_some(concat)
    }

    /// Appends a part; false when there is no room.
    pub fn push(&mut self, part: DataType) -> bool {
        let (Some(slot), Ok(number)) = (self.parts.get_mut(usize::from(self.len)), u16::try_from(part.0))
        else {
            return false;
        };
        *slot = number;
        self.len += 1;
        true
    }

    /// The parts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = DataType> + '_ {
        self.parts[..usize::from(self.len)].iter().map(|&part| DataType(u32::from(part)))
    }

    /// How many parts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether there are no parts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The only part, where there is exactly one.
    #[must_use]
    pub fn single(&self) -> Option<DataType> {
        (self.len == 1).then(|| DataType(u32::from(self.parts[0])))
    }

    /// The packed number of `NFTA_SET_KEY_TYPE`: 6 bits for each part, the first in the highest bits. As in nft,
    /// the bits of the first parts are lost when there are more than five.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.iter()
            .fold(0, |number, part| (number << Concat::PART_BITS) | (part.number() & Concat::PART_MASK))
    }

    /// The parts of a packed number.
    #[must_use]
    pub fn from_number(number: u32) -> Concat {
        let mut concat = Concat::default();
        let highest = (0..=5).rev().find(|part| number >> (part * Concat::PART_BITS) != 0).unwrap_or(0);
        for part in (0..=highest).rev() {
            concat.push(DataType((number >> (part * Concat::PART_BITS)) & Concat::PART_MASK));
        }
        concat
    }

    /// Offset and width in bytes of each part in the padded layout that registers and elements use: every part
    /// starts at a multiple of four. `widths` gives the width in bytes of parts whose type leaves it open.
    pub fn layout<'a>(&'a self, widths: &'a [u32]) -> impl Iterator<Item = Part> + 'a {
        let mut offset = 0;
        self.iter().enumerate().map(move |(index, data_type)| {
            let bytes = match data_type.bytes() {
                0 => widths.get(index).copied().unwrap_or(0),
                fixed => fixed,
            };
            let part = Part { data_type, offset, bytes };
            offset += padded(bytes);
            part
        })
    }

    /// Width in bytes of the padded layout.
    #[must_use]
    pub fn padded_bytes(&self, widths: &[u32]) -> u32 {
        self.layout(widths).map(|part| padded(part.bytes)).sum()
    }
}

impl From<DataType> for Concat {
    fn from(data_type: DataType) -> Concat {
        let mut concat = Concat::default();
        concat.push(data_type);
        concat
    }
}

impl fmt::Debug for Concat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The parts as in `type ipv4_addr . inet_service`.
impl fmt::Display for Concat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" . ")?;
            }
            f.write_str(part.name())?;
        }
        Ok(())
    }
}

/// Where one part of a concatenation lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its type.
    pub data_type: DataType,
    /// Offset in bytes from the start of the key.
    pub offset: u32,
    /// Width in bytes without padding.
    pub bytes: u32,
}

/// `bytes` rounded up to whole 32-bit words, as parts of a concatenation are.
#[must_use]
pub const fn padded(bytes: u32) -> u32 {
    bytes.div_ceil(4) * 4
}

#[cfg(test)]
mod tests;
