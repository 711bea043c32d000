//! Typed fields: what a rule can look at, each with the Rust type of its values.

use std::fmt;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, Ipv6Addr};

use netwright_netfilter::Family;

use super::value::{
    ArpOperation, CgroupId, ClassId, CtState, CtStatus, DccpPacketType, Dscp, Ecn, EtherType, GroupId,
    IcmpCode, IcmpType, Icmpv6Code, Icmpv6Type, IgmpType, Interface, InterfaceGroup, InterfaceIndex,
    InterfaceType, Mac, Mark, MobilityType, MptcpSubtype, PacketType, Port, Protocol, Realm, TcpFlags,
    UserId, Weekday,
};
use super::{Invalid, Scalar};
use crate::ir::{
    CtSelector, Direction, Exthdr, Fib, Hash, Numgen, Payload, PayloadLocation, Rt, Selector, Socket,
    TypePart,
};
#[cfg(test)]
use crate::table::DataType;
use crate::table::HeaderId;
use crate::table::key::{self, KeyKind, Layer3};

/// Something that a rule can look at, with the Rust type of its values. The constants of this type are rows of the
/// language's own tables: [`ip::SADDR`], [`tcp::DPORT`], [`meta::IIFNAME`], [`ct::STATE`].
pub struct Typed<T> {
    place: Place,
    values: PhantomData<fn() -> T>,
}

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Typed<T> {}

impl<T> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

/// Where the row is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// A header and the name of its field.
    Header(HeaderId, &'static str),
    /// An expression and the name of its key.
    Key(KeyKind, &'static str),
    /// A key of `ct` of one direction.
    Ct(Direction, Layer3, &'static str),
    /// A key of `rt` of one layer 3 protocol.
    Rt(Layer3, &'static str),
    /// An extension header, option or chunk, and the name of its field.
    Extension(HeaderId, &'static str),
    /// The control group of the socket, so many levels below the root of their hierarchy.
    Cgroup(u32),
    /// A look-up in the routing table: what for (`NFTA_FIB_F_*`), and the name of the result.
    Fib(u32, &'static str),
    /// A number that counts up or is random.
    Numgen(Numgen),
    /// The symmetric hash of the flow.
    Symhash {
        /// Numbers are below this.
        modulus: u32,
        /// Added to each.
        offset: u32,
    },
}

impl<T: Scalar> Typed<T> {
    pub(super) const fn new(place: Place) -> Self {
        Typed { place, values: PhantomData }
    }

    /// What is loaded.
    ///
    /// # Errors
    /// Never for the constants of this crate.
    pub fn selector(&self) -> Result<Selector, Invalid> {
        let found = match self.place {
            Place::Header(id, name) => {
                let header = id.header();
                header.field(name).map(|field| {
                    let location = PayloadLocation::Field(field.header.header(), field);
                    Selector::Payload(Payload { inner: None, location })
                })
            }
            Place::Key(kind, name) => key::by_name(kind, name).and_then(|key| match kind {
                KeyKind::Meta => Some(Selector::Meta(key)),
                KeyKind::Ct => Some(Selector::Ct(CtSelector { key, direction: None })),
                KeyKind::Rt => Some(Selector::Rt(Rt { key })),
                KeyKind::Socket => Some(Selector::Socket(Socket { key, level: None })),
                _ => None,
            }),
            Place::Ct(direction, layer3, name) => key::by_layer3(KeyKind::Ct, layer3, name)
                .map(|key| Selector::Ct(CtSelector { key, direction: Some(direction) })),
            Place::Rt(layer3, name) => {
                key::by_layer3(KeyKind::Rt, layer3, name).map(|key| Selector::Rt(Rt { key }))
            }
            Place::Extension(id, name) => {
                let header = id.header();
                header.field(name).and_then(|field| Exthdr::of_field(header, field)).map(Selector::Exthdr)
            }
            Place::Cgroup(level) => key::by_name(KeyKind::Socket, "cgroupv2")
                .map(|key| Selector::Socket(Socket { key, level: Some(level) })),
            Place::Fib(flags, name) => {
                key::by_name(KeyKind::Fib, name).map(|key| Selector::Fib(Fib { flags, key, present: false }))
            }
            Place::Numgen(Numgen { modulus: 0, .. }) | Place::Symhash { modulus: 0, .. } => {
                return Err(Invalid::new("the range of numbers is empty"));
            }
            Place::Numgen(numgen) => Some(Selector::Numgen(numgen)),
            Place::Symhash { modulus, offset } => {
                Some(Selector::Hash(Hash { of: None, modulus, seed: None, offset }))
            }
        };
        found
            .filter(|selector| selector.part().data_type.is_a(T::KIND))
            .ok_or_else(|| Invalid::new(format!("there is no field {:?} of this type", self.place)))
    }

    /// The type of its values in the language.
    ///
    /// # Errors
    /// As for [`Typed::selector`].
    pub fn part(&self) -> Result<TypePart, Invalid> {
        self.selector().map(|selector| selector.part())
    }
}

macro_rules! fields {
    ($( $(#[$doc:meta])* $module:ident $table:tt { $( $constant:ident $name:tt $type:ty; )* } )*) => {
        $( $(#[$doc])* pub mod $module {
            use super::*;
            $(
                #[doc = concat!("`", stringify!($module), " ", fields!(@text $name), "`")]
                pub const $constant: Typed<$type> = Typed::new(fields!(@place $table $name));
            )*
        } )*

        /// Calls a function with each field's name and whether its row is there and has the right type.
        #[cfg(test)]
        pub(super) fn each(mut check: impl FnMut(&str, Result<Selector, Invalid>, DataType, usize)) {
            $( $( check(
                concat!(stringify!($module), "::", stringify!($constant)),
                $module::$constant.selector(),
                <$type as Scalar>::KIND,
                size_of::<$type>(),
            ); )* )*
        }
    };
    (@place (header $id:ident) $name:tt) => { Place::Header(HeaderId::$id, $name) };
    (@place (key $kind:ident) ($direction:ident $layer3:ident $name:literal)) => {
        Place::Ct(Direction::$direction, Layer3::$layer3, $name)
    };
    (@place (key $kind:ident) $name:literal) => { Place::Key(KeyKind::$kind, $name) };
    (@place (key Rt) ($layer3:ident $name:literal)) => { Place::Rt(Layer3::$layer3, $name) };
    (@place (extension $id:ident) $name:literal) => { Place::Extension(HeaderId::$id, $name) };
    (@place (options) ($id:ident $words:literal $name:literal)) => { Place::Extension(HeaderId::$id, $name) };
    (@text ($direction:ident $layer3:ident $name:literal)) => { concat!(stringify!($direction), " ", $name) };
    (@text ($layer3:ident $name:literal)) => { concat!(stringify!($layer3), " ", $name) };
    (@text ($id:ident $words:literal $name:literal)) => { concat!($words, " ", $name) };
    (@text $name:literal) => { $name };
}

fields! {
    /// The IPv4 header (RFC 791).
    ip (header Ip) {
        VERSION "version" u8;
        HEADER_LENGTH "hdrlength" u8;
        DSCP "dscp" Dscp;
        ECN "ecn" Ecn;
        LENGTH "length" u16;
        ID "id" u16;
        FRAGMENT_OFFSET "frag-off" u16;
        TTL "ttl" u8;
        PROTOCOL "protocol" Protocol;
        CHECKSUM "checksum" u16;
        SADDR "saddr" Ipv4Addr;
        DADDR "daddr" Ipv4Addr;
    }
    /// The IPv6 header (RFC 8200).
    ip6 (header Ip6) {
        VERSION "version" u8;
        DSCP "dscp" Dscp;
        ECN "ecn" Ecn;
        FLOW_LABEL "flowlabel" u32;
        LENGTH "length" u16;
        NEXT_HEADER "nexthdr" Protocol;
        HOP_LIMIT "hoplimit" u8;
        SADDR "saddr" Ipv6Addr;
        DADDR "daddr" Ipv6Addr;
    }
    /// The TCP header (RFC 9293).
    tcp (header Tcp) {
        SPORT "sport" Port;
        DPORT "dport" Port;
        SEQUENCE "sequence" u32;
        ACKNOWLEDGEMENT "ackseq" u32;
        DATA_OFFSET "doff" u8;
        FLAGS "flags" TcpFlags;
        WINDOW "window" u16;
        CHECKSUM "checksum" u16;
        URGENT "urgptr" u16;
    }
    /// The UDP header (RFC 768).
    udp (header Udp) { SPORT "sport" Port; DPORT "dport" Port; LENGTH "length" u16; CHECKSUM "checksum" u16; }
    /// The SCTP header (RFC 9260).
    sctp (header Sctp) { SPORT "sport" Port; DPORT "dport" Port; TAG "vtag" u32; CHECKSUM "checksum" u32; }
    /// The ports of whatever transport protocol it is: match [`meta::L4PROTO`] before.
    th (header Th) { SPORT "sport" Port; DPORT "dport" Port; }
    /// The UDP-Lite header (RFC 3828).
    udplite (header Udplite) {
        SPORT "sport" Port;
        DPORT "dport" Port;
        CHECKSUM_COVERAGE "csumcov" u16;
        CHECKSUM "checksum" u16;
    }
    /// The DCCP header (RFC 4340).
    dccp (header Dccp) { SPORT "sport" Port; DPORT "dport" Port; TYPE "type" DccpPacketType; }
    /// The IPsec authentication header (RFC 4302).
    ah (header Ah) {
        NEXT_HEADER "nexthdr" Protocol;
        HEADER_LENGTH "hdrlength" u8;
        RESERVED "reserved" u16;
        SPI "spi" u32;
        SEQUENCE "sequence" u32;
    }
    /// The encapsulating security payload of IPsec (RFC 4303).
    esp (header Esp) { SPI "spi" u32; SEQUENCE "sequence" u32; }
    /// IP payload compression (RFC 3173).
    comp (header Comp) { NEXT_HEADER "nexthdr" Protocol; CPI "cpi" u16; }
    /// GRE (RFC 2784).
    gre (header Gre) { VERSION "version" u8; FLAGS "flags" u8; PROTOCOL "protocol" EtherType; }
    /// ICMP messages (RFC 792).
    icmp (header Icmp) {
        TYPE "type" IcmpType;
        CODE "code" IcmpCode;
        CHECKSUM "checksum" u16;
        ID "id" u16;
        SEQUENCE "sequence" u16;
        GATEWAY "gateway" u32;
        MTU "mtu" u16;
    }
    /// IGMP messages (RFC 2236).
    igmp (header Igmp) {
        TYPE "type" IgmpType;
        CHECKSUM "checksum" u16;
        MAXIMUM_RESPONSE_TIME "mrt" u8;
        GROUP "group" u32;
    }
    /// ICMPv6 messages (RFC 4443, RFC 2710, RFC 4861).
    icmpv6 (header Icmpv6) {
        TYPE "type" Icmpv6Type;
        CODE "code" Icmpv6Code;
        CHECKSUM "checksum" u16;
        PARAMETER_PROBLEM "parameter-problem" u32;
        ID "id" u16;
        SEQUENCE "sequence" u16;
        MTU "mtu" u32;
        MAXIMUM_DELAY "max-delay" u16;
        TARGET "taddr" Ipv6Addr;
        DADDR "daddr" Ipv6Addr;
    }
    /// The hop-by-hop options of IPv6 (RFC 8200).
    hbh (extension HopByHop) { NEXT_HEADER "nexthdr" Protocol; HEADER_LENGTH "hdrlength" u8; }
    /// The routing header of IPv6 (RFC 8200), in the language `rt`. What routing decided is [`rt`].
    routing (extension Routing) {
        NEXT_HEADER "nexthdr" Protocol;
        HEADER_LENGTH "hdrlength" u8;
        TYPE "type" u8;
        SEGMENTS_LEFT "seg-left" u8;
    }
    /// The segment routing header of IPv6 (RFC 8754).
    srh (extension SegmentRouting) {
        LAST_ENTRY "last-entry" u8;
        FLAGS "flags" u8;
        TAG "tag" u16;
        SID_1 "sid[1]" Ipv6Addr;
        SID_2 "sid[2]" Ipv6Addr;
    }
    /// The fragment header of IPv6 (RFC 8200).
    frag (extension Fragment) {
        NEXT_HEADER "nexthdr" Protocol;
        RESERVED "reserved" u8;
        OFFSET "frag-off" u16;
        MORE_FRAGMENTS "more-fragments" u8;
        ID "id" u32;
    }
    /// The destination options of IPv6 (RFC 8200).
    dst (extension DestinationOptions) { NEXT_HEADER "nexthdr" Protocol; HEADER_LENGTH "hdrlength" u8; }
    /// The mobility header of IPv6 (RFC 6275).
    mh (extension Mobility) {
        NEXT_HEADER "nexthdr" Protocol;
        HEADER_LENGTH "hdrlength" u8;
        TYPE "type" MobilityType;
        RESERVED "reserved" u8;
        CHECKSUM "checksum" u16;
    }
    /// Options of TCP (RFC 9293, RFC 7323, RFC 2018, RFC 8684). Whether one is there is asked with an
    /// [`Existence`](super::Existence).
    tcp_option (options) {
        MAXSEG_LENGTH (TcpMaxseg "tcp option maxseg" "length") u8;
        MAXSEG_SIZE (TcpMaxseg "tcp option maxseg" "size") u16;
        WINDOW_LENGTH (TcpWindow "tcp option window" "length") u8;
        WINDOW_COUNT (TcpWindow "tcp option window" "count") u8;
        SACK_PERMITTED_LENGTH (TcpSackPermitted "tcp option sack-perm" "length") u8;
        SACK_LENGTH (TcpSack "tcp option sack" "length") u8;
        SACK_LEFT (TcpSack "tcp option sack" "left") u32;
        SACK_RIGHT (TcpSack "tcp option sack" "right") u32;
        TIMESTAMP_LENGTH (TcpTimestamp "tcp option timestamp" "length") u8;
        TIMESTAMP_VALUE (TcpTimestamp "tcp option timestamp" "tsval") u32;
        TIMESTAMP_ECHO (TcpTimestamp "tcp option timestamp" "tsecr") u32;
        MPTCP_LENGTH (TcpMptcp "tcp option mptcp" "length") u8;
        MPTCP_SUBTYPE (TcpMptcp "tcp option mptcp" "subtype") MptcpSubtype;
    }
    /// Options of IPv4 (RFC 791, RFC 2113). Whether one is there is asked with an [`Existence`](super::Existence).
    ip_option (options) {
        LSRR_LENGTH (IpLooseSourceRoute "ip option lsrr" "length") u8;
        LSRR_POINTER (IpLooseSourceRoute "ip option lsrr" "ptr") u8;
        LSRR_ADDRESS (IpLooseSourceRoute "ip option lsrr" "addr") Ipv4Addr;
        RR_LENGTH (IpRecordRoute "ip option rr" "length") u8;
        RR_POINTER (IpRecordRoute "ip option rr" "ptr") u8;
        RR_ADDRESS (IpRecordRoute "ip option rr" "addr") Ipv4Addr;
        SSRR_LENGTH (IpStrictSourceRoute "ip option ssrr" "length") u8;
        SSRR_POINTER (IpStrictSourceRoute "ip option ssrr" "ptr") u8;
        SSRR_ADDRESS (IpStrictSourceRoute "ip option ssrr" "addr") Ipv4Addr;
        RA_LENGTH (IpRouterAlert "ip option ra" "length") u8;
        RA_VALUE (IpRouterAlert "ip option ra" "value") u16;
    }
    /// The Ethernet header (IEEE 802.3).
    ether (header Ether) { SADDR "saddr" Mac; DADDR "daddr" Mac; TYPE "type" EtherType; }
    /// The tag of a virtual LAN (IEEE 802.1Q).
    vlan (header Vlan) { PRIORITY "pcp" u8; DROP_ELIGIBLE "dei" u8; ID "id" u16; TYPE "type" EtherType; }
    /// ARP for IPv4 over Ethernet (RFC 826).
    arp (header Arp) {
        HARDWARE_TYPE "htype" u16;
        PROTOCOL_TYPE "ptype" EtherType;
        HARDWARE_LENGTH "hlen" u8;
        PROTOCOL_LENGTH "plen" u8;
        OPERATION "operation" ArpOperation;
        SADDR_ETHER "saddr ether" Mac;
        SADDR_IP "saddr ip" Ipv4Addr;
        DADDR_ETHER "daddr ether" Mac;
        DADDR_IP "daddr ip" Ipv4Addr;
    }
    /// What the kernel knows of a packet beside its bytes.
    meta (key Meta) {
        LENGTH "length" u32;
        PROTOCOL "protocol" EtherType;
        PRIORITY "priority" ClassId;
        MARK "mark" Mark;
        IIF "iif" InterfaceIndex;
        OIF "oif" InterfaceIndex;
        IIFNAME "iifname" Interface;
        OIFNAME "oifname" Interface;
        IIFGROUP "iifgroup" InterfaceGroup;
        OIFGROUP "oifgroup" InterfaceGroup;
        IIFKIND "iifkind" Interface;
        OIFKIND "oifkind" Interface;
        IIFTYPE "iiftype" InterfaceType;
        OIFTYPE "oiftype" InterfaceType;
        SDIF "sdif" InterfaceIndex;
        SDIFNAME "sdifname" Interface;
        IBRNAME "ibrname" Interface;
        OBRNAME "obrname" Interface;
        IBRPVID "ibrpvid" u16;
        IBRVPROTO "ibrvproto" EtherType;
        IBRHWADDR "ibrhwaddr" Mac;
        BROUTE "broute" u8;
        SKUID "skuid" UserId;
        SKGID "skgid" GroupId;
        NFTRACE "nftrace" u8;
        RTCLASSID "rtclassid" Realm;
        NFPROTO "nfproto" Family;
        L4PROTO "l4proto" Protocol;
        PKTTYPE "pkttype" PacketType;
        CPU "cpu" u32;
        CGROUP "cgroup" u32;
        RANDOM "random" u32;
        SECMARK "secmark" u32;
        IPSEC "ipsec" bool;
        DAY "day" Weekday;
    }
    /// What connection tracking knows of a packet and its connection.
    ct (key Ct) {
        STATE "state" CtState;
        STATUS "status" CtStatus;
        DIRECTION "direction" Direction;
        MARK "mark" Mark;
        ZONE "zone" u16;
        ID "id" u32;
        PACKETS "packets" u64;
        BYTES "bytes" u64;
        AVERAGE_PACKET "avgpkt" u64;
        SECMARK "secmark" u32;
        ORIGINAL_PACKETS (Original Any "packets") u64;
        ORIGINAL_BYTES (Original Any "bytes") u64;
        ORIGINAL_ZONE (Original Any "zone") u16;
        REPLY_PACKETS (Reply Any "packets") u64;
        REPLY_BYTES (Reply Any "bytes") u64;
        REPLY_ZONE (Reply Any "zone") u16;
        L3PROTO "l3proto" Family;
        PROTOCOL "protocol" Protocol;
        ORIGINAL_SADDR (Original Ipv4 "saddr") Ipv4Addr;
        ORIGINAL_DADDR (Original Ipv4 "daddr") Ipv4Addr;
        ORIGINAL_SADDR6 (Original Ipv6 "saddr") Ipv6Addr;
        ORIGINAL_DADDR6 (Original Ipv6 "daddr") Ipv6Addr;
        ORIGINAL_SPORT (Original Any "proto-src") Port;
        ORIGINAL_DPORT (Original Any "proto-dst") Port;
        REPLY_SADDR (Reply Ipv4 "saddr") Ipv4Addr;
        REPLY_DADDR (Reply Ipv4 "daddr") Ipv4Addr;
        REPLY_SADDR6 (Reply Ipv6 "saddr") Ipv6Addr;
        REPLY_DADDR6 (Reply Ipv6 "daddr") Ipv6Addr;
        REPLY_SPORT (Reply Any "proto-src") Port;
        REPLY_DPORT (Reply Any "proto-dst") Port;
    }
    /// What routing decided.
    rt (key Rt) {
        CLASSID "classid" Realm;
        NEXTHOP (Ipv4 "nexthop") Ipv4Addr;
        NEXTHOP6 (Ipv6 "nexthop") Ipv6Addr;
        MTU "mtu" u16;
        IPSEC "ipsec" bool;
    }
    /// What the socket that a packet belongs to says.
    /// Its control group: [`Typed::cgroupv2`].
    socket (key Socket) { TRANSPARENT "transparent" u8; MARK "mark" Mark; WILDCARD "wildcard" u8; }
}

impl Typed<CgroupId> {
    /// The control group of version 2 of the socket that a packet belongs to, so many levels below the root.
    #[must_use]
    pub const fn cgroupv2(level: u32) -> Self {
        Typed::new(Place::Cgroup(level))
    }
}

#[cfg(test)]
mod tests;
