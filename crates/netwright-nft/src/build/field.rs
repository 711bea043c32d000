//! Typed fields: what a rule can look at, each with the Rust type of its values.

use std::fmt;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, Ipv6Addr};

use netwright_netfilter::Family;

use super::value::{
    ArpOperation, ClassId, CtState, CtStatus, Dscp, Ecn, EtherType, GroupId, IcmpType, Icmpv6Type, Interface,
    InterfaceGroup, InterfaceIndex, Mac, Mark, PacketType, Port, Protocol, Realm, TcpFlags, UserId,
};
use super::{Invalid, Scalar};
use crate::ir::{CtSelector, Direction, Payload, PayloadLocation, Rt, Selector, Socket, TypePart};
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
enum Place {
    /// A header and the name of its field.
    Header(HeaderId, &'static str),
    /// An expression and the name of its key.
    Key(KeyKind, &'static str),
    /// A key of `ct` of one direction.
    Ct(Direction, Layer3, &'static str),
}

impl<T: Scalar> Typed<T> {
    const fn new(place: Place) -> Self {
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
        pub(super) fn each(mut check: impl FnMut(&str, Result<TypePart, Invalid>, DataType, usize)) {
            $( $( check(
                concat!(stringify!($module), "::", stringify!($constant)),
                $module::$constant.part(),
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
    (@text ($direction:ident $layer3:ident $name:literal)) => { concat!(stringify!($direction), " ", $name) };
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
    /// ICMP messages (RFC 792).
    icmp (header Icmp) {
        TYPE "type" IcmpType;
        ID "id" u16;
        SEQUENCE "sequence" u16;
        MTU "mtu" u16;
    }
    /// ICMPv6 messages (RFC 4443).
    icmpv6 (header Icmpv6) {
        TYPE "type" Icmpv6Type;
        ID "id" u16;
        SEQUENCE "sequence" u16;
        MTU "mtu" u32;
        TARGET "taddr" Ipv6Addr;
    }
    /// The Ethernet header (IEEE 802.3).
    ether (header Ether) { SADDR "saddr" Mac; DADDR "daddr" Mac; TYPE "type" EtherType; }
    /// The tag of a virtual LAN (IEEE 802.1Q).
    vlan (header Vlan) { PRIORITY "pcp" u8; DROP_ELIGIBLE "dei" u8; ID "id" u16; TYPE "type" EtherType; }
    /// ARP for IPv4 over Ethernet (RFC 826).
    arp (header Arp) {
        HARDWARE_TYPE "htype" u16;
        PROTOCOL_TYPE "ptype" EtherType;
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
    rt (key Rt) { CLASSID "classid" Realm; MTU "mtu" u16; }
    /// What the socket that a packet belongs to says.
    socket (key Socket) { TRANSPARENT "transparent" u8; MARK "mark" Mark; WILDCARD "wildcard" u8; }
}

#[cfg(test)]
mod tests;
