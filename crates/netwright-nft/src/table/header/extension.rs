//! IPv6 extension headers, TCP and IP options, SCTP chunks.
//!
//! DCCP options have no fields and no names: `dccp option 40 exists` stands on its number alone.

use super::rows::{FIELD, HEADER};
use super::{Field, Header, HeaderId};
use crate::table::datatype::DataType;

/// Where extension headers, options and chunks are looked for (`NFT_EXTHDR_OP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtensionBase(pub u32);

impl ExtensionBase {
    /// IPv6 extension headers.
    #[doc(alias = "NFT_EXTHDR_OP_IPV6")]
    pub const IPV6: ExtensionBase = ExtensionBase(0);
    /// TCP options.
    #[doc(alias = "NFT_EXTHDR_OP_TCPOPT")]
    pub const TCP: ExtensionBase = ExtensionBase(1);
    /// IPv4 options.
    #[doc(alias = "NFT_EXTHDR_OP_IPV4")]
    pub const IPV4: ExtensionBase = ExtensionBase(2);
    /// SCTP chunks.
    #[doc(alias = "NFT_EXTHDR_OP_SCTP")]
    pub const SCTP: ExtensionBase = ExtensionBase(3);
    /// DCCP options.
    #[doc(alias = "NFT_EXTHDR_OP_DCCP")]
    pub const DCCP: ExtensionBase = ExtensionBase(4);

    /// The words before the name of the option or chunk.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            ExtensionBase::TCP => "tcp option ",
            ExtensionBase::IPV4 => "ip option ",
            ExtensionBase::SCTP => "sctp chunk ",
            ExtensionBase::DCCP => "dccp option ",
            _ => "",
        }
    }
}

/// How an extension header, option or chunk is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Where it is looked for.
    pub base: ExtensionBase,
    /// The protocol number, option kind or chunk type (`NFTA_EXTHDR_TYPE`).
    pub number: u8,
    /// Other spellings that are read.
    pub aliases: &'static [&'static str],
    /// Whether existence can be tested by name: `exthdr hbh exists`, `tcp option maxseg exists`. The test loads the
    /// first byte.
    pub testable: bool,
}

macro_rules! extensions {
    ($( $id:ident $base:ident $name:literal $number:literal $userdata:literal { $( $key:ident: $value:expr ),* }
        [ $( $field_number:literal $field:literal $offset:literal $bits:literal $data_type:ident; )* ] )*) => {
        /// Every extension header, option and chunk that has a name.
        pub static EXTENSIONS: &[Header] = &[$( Header {
            id: HeaderId::$id,
            name: $name,
            userdata_number: $userdata,
            extension: Some(Extension { $( $key: $value, )* ..extension(ExtensionBase::$base, $number) }),
            fields: &[$( Field {
                header: HeaderId::$id,
                number: $field_number,
                name: $field,
                offset: $offset,
                bits: $bits,
                data_type: DataType::$data_type,
                ..FIELD
            } ),*],
            ..HEADER
        } ),*];

        /// The row of an extension header, option or chunk.
        pub(super) fn header(id: HeaderId) -> Option<&'static Header> {
            match id {
                $( HeaderId::$id => EXTENSIONS.get(Row::$id as usize), )*
                _ => None,
            }
        }

        /// The position of each in [`EXTENSIONS`].
        enum Row { $( $id ),* }
    };
}

/// The row that most start from.
const fn extension(base: ExtensionBase, number: u8) -> Extension {
    Extension { base, number, aliases: &[], testable: true }
}

extensions! {
    // RFC 8200.
    HopByHop IPV6 "hbh" 0 1 {} [
        1 "nexthdr" 0 8 INET_PROTO;
        2 "hdrlength" 8 8 INTEGER;
    ]
    // The segment routing header comes before the older types: a field that they share is listed as its.
    SegmentRouting IPV6 "srh" 43 5 { testable: false } [
        1 "last-entry" 32 8 INTEGER;
        2 "flags" 40 8 INTEGER;
        3 "tag" 48 16 INTEGER;
        4 "sid[1]" 64 128 IPV6_ADDR;
        5 "sid[2]" 192 128 IPV6_ADDR;
    ]
    Routing IPV6 "rt" 43 2 {} [
        1 "nexthdr" 0 8 INET_PROTO;
        2 "hdrlength" 8 8 INTEGER;
        3 "type" 16 8 INTEGER;
        4 "seg-left" 24 8 INTEGER;
    ]
    Routing0 IPV6 "rt0" 43 3 { testable: false } [
        1 "reserved" 32 32 INTEGER;
        2 "addr[1]" 64 128 IPV6_ADDR;
        3 "addr[2]" 192 128 IPV6_ADDR;
    ]
    Routing2 IPV6 "rt2" 43 4 { testable: false } [
        1 "reserved" 32 32 INTEGER;
        2 "addr" 64 128 IPV6_ADDR;
    ]
    Fragment IPV6 "frag" 44 6 {} [
        1 "nexthdr" 0 8 INET_PROTO;
        2 "reserved" 8 8 INTEGER;
        3 "frag-off" 16 13 INTEGER;
        4 "reserved2" 29 2 INTEGER;
        5 "more-fragments" 31 1 INTEGER;
        6 "id" 32 32 INTEGER;
    ]
    DestinationOptions IPV6 "dst" 60 7 {} [
        1 "nexthdr" 0 8 INET_PROTO;
        2 "hdrlength" 8 8 INTEGER;
    ]
    // RFC 6275.
    Mobility IPV6 "mh" 135 8 {} [
        1 "nexthdr" 0 8 INET_PROTO;
        2 "hdrlength" 8 8 INTEGER;
        3 "type" 16 8 MH_TYPE;
        4 "reserved" 24 8 INTEGER;
        5 "checksum" 32 16 INTEGER;
    ]
    // RFC 9293.
    TcpEol TCP "eol" 0 0 {} [ 0 "kind" 0 8 INTEGER; ]
    TcpNop TCP "nop" 1 1 {} [ 0 "kind" 0 8 INTEGER; ]
    TcpMaxseg TCP "maxseg" 2 2 { aliases: &["mss"] } [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
        2 "size" 16 16 INTEGER;
    ]
    // RFC 7323.
    TcpWindow TCP "window" 3 3 {} [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
        2 "count" 16 8 INTEGER;
    ]
    // RFC 2018.
    TcpSackPermitted TCP "sack-perm" 4 4 { aliases: &["sack-permitted"] } [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
    ]
    TcpSack TCP "sack" 5 5 { aliases: &["sack0"] } [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
        2 "left" 16 32 INTEGER;
        3 "right" 48 32 INTEGER;
    ]
    TcpSack1 TCP "sack1" 5 5 {} [
        4 "left" 80 32 INTEGER;
        5 "right" 112 32 INTEGER;
    ]
    TcpSack2 TCP "sack2" 5 5 {} [
        6 "left" 144 32 INTEGER;
        7 "right" 176 32 INTEGER;
    ]
    TcpSack3 TCP "sack3" 5 5 {} [
        8 "left" 208 32 INTEGER;
        9 "right" 240 32 INTEGER;
    ]
    TcpTimestamp TCP "timestamp" 8 8 { aliases: &["echo"] } [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
        2 "tsval" 16 32 INTEGER;
        3 "tsecr" 48 32 INTEGER;
    ]
    // RFC 2385.
    TcpMd5 TCP "md5sig" 19 19 {} [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
    ]
    // RFC 8684.
    TcpMptcp TCP "mptcp" 30 30 {} [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
        2 "subtype" 16 4 MPTCP_SUBTYPE;
    ]
    // RFC 7413.
    TcpFastOpen TCP "fastopen" 34 34 {} [
        0 "kind" 0 8 INTEGER;
        1 "length" 8 8 INTEGER;
    ]
    // RFC 791.
    IpLooseSourceRoute IPV4 "lsrr" 131 131 {} [
        1 "type" 0 8 INTEGER;
        2 "length" 8 8 INTEGER;
        4 "ptr" 16 8 INTEGER;
        5 "addr" 24 32 IPV4_ADDR;
    ]
    IpRecordRoute IPV4 "rr" 7 7 {} [
        1 "type" 0 8 INTEGER;
        2 "length" 8 8 INTEGER;
        4 "ptr" 16 8 INTEGER;
        5 "addr" 24 32 IPV4_ADDR;
    ]
    IpStrictSourceRoute IPV4 "ssrr" 137 137 {} [
        1 "type" 0 8 INTEGER;
        2 "length" 8 8 INTEGER;
        4 "ptr" 16 8 INTEGER;
        5 "addr" 24 32 IPV4_ADDR;
    ]
    // RFC 2113.
    IpRouterAlert IPV4 "ra" 148 148 {} [
        1 "type" 0 8 INTEGER;
        2 "length" 8 8 INTEGER;
        3 "value" 16 16 INTEGER;
    ]
    // RFC 9260.
    SctpData SCTP "data" 0 0 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "tsn" 32 32 INTEGER;
        4 "stream" 64 16 INTEGER;
        5 "ssn" 80 16 INTEGER;
        6 "ppid" 96 32 INTEGER;
    ]
    SctpInit SCTP "init" 1 1 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "init-tag" 32 32 INTEGER;
        4 "a-rwnd" 64 32 INTEGER;
        5 "num-outbound-streams" 96 16 INTEGER;
        6 "num-inbound-streams" 112 16 INTEGER;
        7 "initial-tsn" 128 32 INTEGER;
    ]
    SctpInitAck SCTP "init-ack" 2 2 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "init-tag" 32 32 INTEGER;
        4 "a-rwnd" 64 32 INTEGER;
        5 "num-outbound-streams" 96 16 INTEGER;
        6 "num-inbound-streams" 112 16 INTEGER;
        7 "initial-tsn" 128 32 INTEGER;
    ]
    SctpSack SCTP "sack" 3 3 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "cum-tsn-ack" 32 32 INTEGER;
        4 "a-rwnd" 64 32 INTEGER;
        5 "num-gap-ack-blocks" 96 16 INTEGER;
        6 "num-dup-tsns" 112 16 INTEGER;
    ]
    SctpHeartbeat SCTP "heartbeat" 4 4 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    SctpHeartbeatAck SCTP "heartbeat-ack" 5 5 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    SctpAbort SCTP "abort" 6 6 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    SctpShutdown SCTP "shutdown" 7 7 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "cum-tsn-ack" 32 32 INTEGER;
    ]
    SctpShutdownAck SCTP "shutdown-ack" 8 8 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    SctpError SCTP "error" 9 9 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    SctpCookieEcho SCTP "cookie-echo" 10 10 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    SctpCookieAck SCTP "cookie-ack" 11 11 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    SctpEcne SCTP "ecne" 12 12 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "lowest-tsn" 32 32 INTEGER;
    ]
    SctpCwr SCTP "cwr" 13 13 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "lowest-tsn" 32 32 INTEGER;
    ]
    SctpShutdownComplete SCTP "shutdown-complete" 14 14 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
    ]
    // RFC 5061.
    SctpAsconfAck SCTP "asconf-ack" 128 128 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "seqno" 32 32 INTEGER;
    ]
    // RFC 3758.
    SctpForwardTsn SCTP "forward-tsn" 192 192 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "new-cum-tsn" 32 32 INTEGER;
    ]
    SctpAsconf SCTP "asconf" 193 193 {} [
        0 "type" 0 8 INTEGER;
        1 "flags" 8 8 INTEGER;
        2 "length" 16 16 INTEGER;
        3 "seqno" 32 32 INTEGER;
    ]
}
