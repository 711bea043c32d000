//! Rust types as values: what can be compared with which field.

use std::net::{Ipv4Addr, Ipv6Addr};

use netwright_netfilter::Family;

use super::Invalid;
use super::key::{Member, only};
use super::statement::{Computed, Operand};
use crate::ir::{Bytes, Direction, Expression, TypePart, Value};
use crate::table::DataType;

/// A Rust type that stands for a type of the language.
pub trait Scalar: Clone {
    /// The type of the language; fields may refine it.
    const KIND: DataType;

    /// The value in a place of this width.
    ///
    /// # Errors
    /// It does not fit.
    fn value(&self, part: &TypePart) -> Result<Value, Invalid>;

    /// The same as an expression, which can also stand for several values.
    ///
    /// # Errors
    /// It does not fit.
    fn expression(&self, part: &TypePart) -> Result<Expression, Invalid> {
        self.value(part).map(Expression::Value)
    }
}

/// A [`Scalar`] whose type a set can be declared with: `type ipv4_addr`.
pub trait Declared: Scalar {}

/// A [`Scalar`] whose values are combinations of bits.
pub trait FlagSet: Scalar {
    /// The bits.
    fn flags(&self) -> u128;
}

/// A value that can be given where a `T` is wanted: `443` where a [`Port`] is.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be compared with a field of type `{T}`",
    label = "this field has values of type `{T}`"
)]
pub trait Constant<T> {
    /// The value in the type of the field.
    fn into_scalar(self) -> T;
}

/// Values of a type that can be given where a scalar is wanted. One by one, not for all types at once: only so may a
/// prefix, a range or another field stand there too.
macro_rules! constants {
    ($( $type:ty as $scalar:ty = |$value:ident| $made:expr; )*) => {$(
        impl Constant<$scalar> for $type {
            fn into_scalar(self) -> $scalar {
                let $value = self;
                $made
            }
        }

        impl Member<$scalar> for $type {
            fn member(self, parts: &[TypePart]) -> Result<Expression, Invalid> {
                Constant::<$scalar>::into_scalar(self).expression(only(parts)?)
            }
        }

        impl Operand<$scalar> for $type {
            fn operand(self, part: &TypePart) -> Result<Computed, Invalid> {
                Constant::<$scalar>::into_scalar(self).value(part).map(Computed::constant)
            }
        }
    )*};
}

/// A number in a place of so many bits.
fn number(part: &TypePart, number: u128) -> Result<Value, Invalid> {
    if part.bits < 128 && number >> part.bits != 0 {
        return Err(Invalid::new(format!("{number} does not fit into {} bits", part.bits)));
    }
    Ok(Value::number(part.data_type, part.bits, number))
}

macro_rules! scalars {
    ($( $type:ty: $kind:ident $($declared:ident)? = |$value:ident| $number:expr; )*) => {$(
        impl Scalar for $type {
            const KIND: DataType = DataType::$kind;

            fn value(&self, part: &TypePart) -> Result<Value, Invalid> {
                let $value = self;
                number(part, $number)
            }
        }
        $( impl $declared for $type {} )?
        constants! { $type as $type = |value| value; }
    )*};
}

scalars! {
    u8: INTEGER = |value| (*value).into();
    u16: INTEGER = |value| (*value).into();
    u32: INTEGER = |value| (*value).into();
    u64: INTEGER = |value| (*value).into();
    Ipv4Addr: IPV4_ADDR Declared = |address| address.to_bits().into();
    Ipv6Addr: IPV6_ADDR Declared = |address| address.to_bits();
    Family: NF_PROTO Declared = |family| family.0.into();
    bool: BOOLEAN = |exists| u128::from(*exists);
    Direction: CT_DIR Declared = |direction| u128::from(*direction == Direction::Reply);
    Mac: ETHER_ADDR Declared = |mac| mac.0.iter().fold(0, |sum, &byte| sum << 8 | u128::from(byte));
}

/// A hardware address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl From<[u8; 6]> for Mac {
    fn from(bytes: [u8; 6]) -> Self {
        Mac(bytes)
    }
}

constants! { [u8; 6] as Mac = |bytes| Mac(bytes); }

/// Numbers with a meaning of their own.
macro_rules! newtypes {
    ($( $(#[$meta:meta])* $name:ident($int:ty) $kind:ident; )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $int);

        scalars! { $name: $kind Declared = |value| value.0.into(); }

        impl From<$int> for $name {
            fn from(number: $int) -> Self {
                $name(number)
            }
        }

        constants! { $int as $name = |number| $name(number); }
    )*};
}

newtypes! {
    /// A port of TCP, UDP, SCTP or the like.
    Port(u16) INET_SERVICE;
    /// The mark of a packet or connection.
    Mark(u32) MARK;
    /// A user.
    UserId(u32) UID;
    /// A group of users.
    GroupId(u32) GID;
    /// An interface by its number.
    InterfaceIndex(u32) IFACE_INDEX;
    /// A group of interfaces.
    InterfaceGroup(u32) DEVGROUP;
    /// A routing realm.
    Realm(u32) REALM;
    /// A class of traffic control, as the kernel's number.
    ClassId(u32) CLASSID;
    /// A control group of version 2, as the kernel's number: that of its folder's inode.
    CgroupId(u64) CGROUPSV2;
}

/// Numbers with names.
macro_rules! named {
    ($( $(#[$meta:meta])* pub struct $name:ident($int:ty): $kind:ident { $($rows:tt)* } )*) => {
        netwright_wire::open_enum! { $( $(#[$meta])* pub struct $name($int) { $($rows)* } )* }
        scalars! { $( $name: $kind Declared = |value| value.0.into(); )* }
    };
}

named! {
    /// A protocol above IP, by its number.
    pub struct Protocol(u8): INET_PROTO {
        ICMP = 1 "icmp", IGMP = 2 "igmp", TCP = 6 "tcp", UDP = 17 "udp", GRE = 47 "gre", ESP = 50 "esp",
        AH = 51 "ah", ICMPV6 = 58 "ipv6-icmp", SCTP = 132 "sctp", UDPLITE = 136 "udplite",
    }

    /// A protocol above Ethernet.
    pub struct EtherType(u16): ETHER_TYPE {
        IPV4 = 0x0800 "ip", ARP = 0x0806 "arp", IPV6 = 0x86dd "ip6", VLAN = 0x8100 "8021q",
        PROVIDER_VLAN = 0x88a8 "8021ad",
    }

    /// What an ARP packet wants.
    pub struct ArpOperation(u16): ARP_OP { REQUEST = 1 "request", REPLY = 2 "reply" }

    /// A message of ICMP.
    pub struct IcmpType(u8): ICMP_TYPE {
        ECHO_REPLY = 0 "echo-reply", DESTINATION_UNREACHABLE = 3 "destination-unreachable", REDIRECT = 5 "redirect",
        ECHO_REQUEST = 8 "echo-request", ROUTER_ADVERTISEMENT = 9 "router-advertisement",
        ROUTER_SOLICITATION = 10 "router-solicitation", TIME_EXCEEDED = 11 "time-exceeded",
        PARAMETER_PROBLEM = 12 "parameter-problem",
    }

    /// Why something could not be reached, of ICMP.
    pub struct IcmpCode(u8): ICMP_CODE {
        NET_UNREACHABLE = 0 "net-unreachable", HOST_UNREACHABLE = 1 "host-unreachable",
        PROTOCOL_UNREACHABLE = 2 "prot-unreachable", PORT_UNREACHABLE = 3 "port-unreachable",
        FRAGMENTATION_NEEDED = 4 "frag-needed", NET_PROHIBITED = 9 "net-prohibited",
        HOST_PROHIBITED = 10 "host-prohibited", ADMINISTRATIVELY_PROHIBITED = 13 "admin-prohibited",
    }

    /// Why something could not be reached, of ICMPv6.
    pub struct Icmpv6Code(u8): ICMPV6_CODE {
        NO_ROUTE = 0 "no-route", ADMINISTRATIVELY_PROHIBITED = 1 "admin-prohibited",
        ADDRESS_UNREACHABLE = 3 "addr-unreachable", PORT_UNREACHABLE = 4 "port-unreachable",
        POLICY_FAIL = 5 "policy-fail", REJECT_ROUTE = 6 "reject-route",
    }

    /// A message of IGMP.
    pub struct IgmpType(u8): IGMP_TYPE {
        QUERY = 17 "membership-query", REPORT_1 = 18 "membership-report-v1", REPORT_2 = 22 "membership-report-v2",
        LEAVE = 23 "leave-group", REPORT_3 = 34 "membership-report-v3",
    }

    /// A packet of DCCP, of four bits.
    pub struct DccpPacketType(u8): DCCP_PKTTYPE {
        REQUEST = 0 "request", RESPONSE = 1 "response", DATA = 2 "data", ACK = 3 "ack", DATA_ACK = 4 "dataack",
        CLOSE_REQUEST = 5 "closereq", CLOSE = 6 "close", RESET = 7 "reset", SYNC = 8 "sync",
        SYNC_ACK = 9 "syncack",
    }

    /// A message of Mobile IPv6.
    pub struct MobilityType(u8): MH_TYPE {
        BINDING_REFRESH_REQUEST = 0 "binding-refresh-request", HOME_TEST_INIT = 1 "home-test-init",
        CARE_OF_TEST_INIT = 2 "careof-test-init", HOME_TEST = 3 "home-test", CARE_OF_TEST = 4 "careof-test",
        BINDING_UPDATE = 5 "binding-update", BINDING_ACKNOWLEDGEMENT = 6 "binding-acknowledgement",
        BINDING_ERROR = 7 "binding-error",
    }

    /// What an option of multipath TCP says, of four bits.
    pub struct MptcpSubtype(u8): MPTCP_SUBTYPE {
        CAPABLE = 0 "mp-capable", JOIN = 1 "mp-join", DATA_SEQUENCE_SIGNAL = 2 "dss", ADD_ADDRESS = 3 "add-addr",
        REMOVE_ADDRESS = 4 "remove-addr", PRIORITY = 5 "mp-prio", FAIL = 6 "mp-fail",
        FAST_CLOSE = 7 "mp-fastclose", RESET = 8 "mp-tcprst",
    }

    /// What kind of hardware an interface is of.
    pub struct InterfaceType(u16): IFACE_TYPE {
        ETHERNET = 1 "ether", PPP = 512 "ppp", IPIP = 768 "ipip", IP6_TUNNEL = 769 "ipip6",
        LOOPBACK = 772 "loopback", SIT = 776 "sit", GRE = 778 "ipgre",
    }

    /// What an address is to this host; see [`fib`](super::fib).
    pub struct AddressType(u32): FIB_ADDRTYPE {
        UNSPECIFIED = 0 "unspec", UNICAST = 1 "unicast", LOCAL = 2 "local", BROADCAST = 3 "broadcast",
        ANYCAST = 4 "anycast", MULTICAST = 5 "multicast", BLACKHOLE = 6 "blackhole",
        UNREACHABLE = 7 "unreachable", PROHIBIT = 8 "prohibit",
    }

    /// A day of the week, of the kernel's clock and time zone.
    pub struct Weekday(u8): DAY {
        SUNDAY = 0 "Sunday", MONDAY = 1 "Monday", TUESDAY = 2 "Tuesday", WEDNESDAY = 3 "Wednesday",
        THURSDAY = 4 "Thursday", FRIDAY = 5 "Friday", SATURDAY = 6 "Saturday",
    }

    /// A message of ICMPv6.
    pub struct Icmpv6Type(u8): ICMPV6_TYPE {
        DESTINATION_UNREACHABLE = 1 "destination-unreachable", PACKET_TOO_BIG = 2 "packet-too-big",
        TIME_EXCEEDED = 3 "time-exceeded", PARAMETER_PROBLEM = 4 "parameter-problem",
        ECHO_REQUEST = 128 "echo-request", ECHO_REPLY = 129 "echo-reply",
        LISTENER_QUERY = 130 "mld-listener-query", LISTENER_REPORT = 131 "mld-listener-report",
        LISTENER_DONE = 132 "mld-listener-done", LISTENER_REPORT_2 = 143 "mld2-listener-report",
        ROUTER_SOLICITATION = 133 "nd-router-solicit", ROUTER_ADVERTISEMENT = 134 "nd-router-advert",
        NEIGHBOUR_SOLICITATION = 135 "nd-neighbor-solicit", NEIGHBOUR_ADVERTISEMENT = 136 "nd-neighbor-advert",
        REDIRECT = 137 "nd-redirect",
    }

    /// To whom a packet was sent on its link.
    pub struct PacketType(u8): PKT_TYPE {
        HOST = 0 "host", BROADCAST = 1 "broadcast", MULTICAST = 2 "multicast", OTHER = 3 "other",
    }

    /// A class of differentiated services, of six bits.
    pub struct Dscp(u8): DSCP {
        DEFAULT = 0 "cs0", CS1 = 0x08 "cs1", CS2 = 0x10 "cs2", CS3 = 0x18 "cs3", CS4 = 0x20 "cs4", CS5 = 0x28 "cs5",
        CS6 = 0x30 "cs6", CS7 = 0x38 "cs7", LOWER_EFFORT = 0x01 "lephb", AF11 = 0x0a "af11", AF12 = 0x0c "af12",
        AF13 = 0x0e "af13", AF21 = 0x12 "af21", AF22 = 0x14 "af22", AF23 = 0x16 "af23", AF31 = 0x1a "af31",
        AF32 = 0x1c "af32", AF33 = 0x1e "af33", AF41 = 0x22 "af41", AF42 = 0x24 "af42", AF43 = 0x26 "af43",
        VOICE_ADMIT = 0x2c "va", EXPEDITED = 0x2e "ef",
    }

    /// Congestion as IP tells it, of two bits.
    pub struct Ecn(u8): ECN { NOT_CAPABLE = 0 "not-ect", CAPABLE_1 = 1 "ect1", CAPABLE_0 = 2 "ect0", CONGESTED = 3 "ce" }
}

/// Combinations of bits with names.
macro_rules! flags {
    ($( $(#[$meta:meta])* pub struct $name:ident($int:ty): $kind:ident { $($rows:tt)* } )*) => {
        netwright_wire::open_flags! { $( $(#[$meta])* pub struct $name($int) { $($rows)* } )* }
        scalars! { $( $name: $kind Declared = |value| value.bits().into(); )* }
        $( impl FlagSet for $name {
            fn flags(&self) -> u128 {
                self.bits().into()
            }
        } )*
    };
}

flags! {
    /// What connection tracking thinks of a packet. A packet has one of them.
    pub struct CtState(u32): CT_STATE {
        /// It fits no connection.
        INVALID = 1,
        /// It belongs to a connection that has seen packets both ways.
        ESTABLISHED = 2,
        /// It starts a connection that belongs to another one, or tells an error about one.
        RELATED = 4,
        /// It starts a connection.
        NEW = 8,
        /// It is not tracked.
        UNTRACKED = 64,
    }

    /// What has become of a connection.
    pub struct CtStatus(u32): CT_STATUS {
        /// Another connection announced it.
        EXPECTED = 1,
        /// It has seen packets both ways.
        SEEN_REPLY = 2,
        /// It is not given up early.
        ASSURED = 4,
        /// It is in the table.
        CONFIRMED = 8,
        /// Its source is translated.
        SOURCE_TRANSLATED = 16,
        /// Its destination is translated.
        DESTINATION_TRANSLATED = 32,
        /// It is going away.
        DYING = 512,
    }

    /// Flags of TCP.
    pub struct TcpFlags(u8): TCP_FLAG {
        /// The sender is done.
        FIN = 1,
        /// Numbers are agreed on.
        SYN = 2,
        /// The connection is over.
        RST = 4,
        /// The receiver shall have it at once.
        PSH = 8,
        /// Something is acknowledged.
        ACK = 16,
        /// The urgent pointer counts.
        URG = 32,
        /// Congestion was seen.
        ECN = 64,
        /// The congestion window is smaller now.
        CWR = 128,
    }
}

/// An interface by its name; with an asterisk at the end, all whose names start so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interface(pub String);

impl Interface {
    /// The most bytes that a name has (`IFNAMSIZ`, without the NUL).
    pub const MAXIMUM: usize = 15;
}

impl Scalar for Interface {
    const KIND: DataType = DataType::IFNAME;

    fn value(&self, part: &TypePart) -> Result<Value, Invalid> {
        let name = &self.0;
        // as the kernel has it: bytes that are not UTF-8 are longer in a text
        let bytes = netwright_wire::text::to_bytes(name);
        let odd = |c: char| c == '/' || c == ':' || c == '\0' || c.is_whitespace();
        let why = match bytes.len() {
            0 => "it is empty",
            length if length > Self::MAXIMUM => "it has more than 15 bytes",
            _ if name.contains(odd) || name == "." || name == ".." => {
                "the kernel does not take these characters"
            }
            _ => {
                return Ok(Value { data_type: part.data_type, bits: part.bits, bytes: Bytes::new(&bytes) });
            }
        };
        Err(Invalid::new(format!("{name:?} is no name of an interface: {why}")))
    }

    fn expression(&self, part: &TypePart) -> Result<Expression, Invalid> {
        match self.0.strip_suffix('*') {
            Some(start) => Interface(start.to_owned()).value(part).map(Expression::Wildcard),
            None => self.value(part).map(Expression::Value),
        }
    }
}

impl Declared for Interface {}

constants! {
    Interface as Interface = |name| name;
    &str as Interface = |name| Interface(name.to_owned());
    String as Interface = |name| Interface(name);
    &String as Interface = |name| Interface(name.clone());
}

#[cfg(test)]
mod tests;
