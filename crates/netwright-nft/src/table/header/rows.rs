//! The rows: every header with its fields. Offsets and widths are those of the RFCs named beside them.

use super::{Above, Checksum, Field, Header, HeaderId, PayloadBase, Tunnel};
use crate::table::datatype::{ByteOrder, DataType};

/// A field to start from.
pub(super) const FIELD: Field = Field {
    header: HeaderId::Th,
    number: 0,
    name: "",
    aliases: &[],
    offset: 0,
    bits: 0,
    data_type: DataType::INTEGER,
    order: ByteOrder::Big,
    only_types: &[],
    in_pseudo_header: false,
};

/// A header to start from.
pub(super) const HEADER: Header = Header {
    id: HeaderId::Th,
    name: "",
    base: PayloadBase::TRANSPORT,
    fields: &[],
    ether_types: &[],
    nfproto: None,
    ip_protocol: None,
    protocol_field: None,
    above: Above::Nothing,
    checksum: Checksum { kind: 0, offset: 0, pseudo_header: false },
    tunnel: None,
    extension: None,
    userdata_number: 0,
};

/// What a header without a row would look like.
pub(super) static NONE: Header = HEADER;

/// An internet checksum at this offset.
const fn internet_checksum(offset: u32) -> Checksum {
    Checksum { kind: 1, offset, pseudo_header: false }
}

macro_rules! headers {
    ($( $(#[$doc:meta])* $id:ident $name:literal $userdata:literal { $( $key:ident: $value:expr ),* }
        [ $( $number:literal $field:literal $offset:literal $bits:literal $data_type:ident
             $( $field_key:ident: $field_value:expr ),* ; )* ] )*) => {
        /// Every header of the language.
        pub static HEADERS: &[Header] = &[$( Header {
            id: HeaderId::$id,
            name: $name,
            userdata_number: $userdata,
            fields: &[$( Field {
                header: HeaderId::$id,
                number: $number,
                name: $field,
                offset: $offset,
                bits: $bits,
                data_type: DataType::$data_type,
                $( $field_key: $field_value, )*
                ..FIELD
            } ),*],
            $( $key: $value, )*
            ..HEADER
        } ),*];

        /// The row of a header.
        pub(super) fn header(id: HeaderId) -> Option<&'static Header> {
            match id {
                $( HeaderId::$id => HEADERS.get(Row::$id as usize), )*
                _ => None,
            }
        }

        /// The position of each header in [`HEADERS`].
        enum Row { $( $id ),* }
    };
}

/// ICMP messages that carry an identifier and a sequence number.
const ICMP_ECHO: &[u8] = &[8, 0];
/// ICMPv6 messages that carry an identifier and a sequence number.
const ICMPV6_ECHO: &[u8] = &[128, 129];
/// ICMPv6 messages that carry a target address as nft has it (RFC 2710, RFC 4861).
const ICMPV6_TARGET: &[u8] = &[135, 136, 137, 130, 131, 132];

headers! {
    // IEEE 802.3.
    Ether "ether" 17 { base: PayloadBase::LINK, protocol_field: Some("type"), above: Above::EtherType } [
        1 "daddr" 0 48 ETHER_ADDR;
        2 "saddr" 48 48 ETHER_ADDR;
        3 "type" 96 16 ETHER_TYPE;
    ]
    // IEEE 802.1Q.
    Vlan "vlan" 16 {
        base: PayloadBase::LINK, ether_types: &[0x8100, 0x88a8], protocol_field: Some("type"), above: Above::EtherType
    } [
        1 "pcp" 0 3 INTEGER;
        2 "dei" 3 1 INTEGER;
        3 "cfi" 3 1 INTEGER;
        4 "id" 4 12 INTEGER;
        5 "type" 16 16 ETHER_TYPE;
    ]
    // RFC 826, for IPv4 over Ethernet.
    Arp "arp" 15 { base: PayloadBase::NETWORK, ether_types: &[0x0806] } [
        1 "htype" 0 16 INTEGER;
        2 "ptype" 16 16 ETHER_TYPE;
        3 "hlen" 32 8 INTEGER;
        4 "plen" 40 8 INTEGER;
        5 "operation" 48 16 ARP_OP;
        6 "saddr ether" 64 48 ETHER_ADDR;
        7 "saddr ip" 112 32 IPV4_ADDR;
        8 "daddr ether" 144 48 ETHER_ADDR;
        9 "daddr ip" 192 32 IPV4_ADDR;
    ]
    // RFC 791.
    Ip "ip" 12 {
        base: PayloadBase::NETWORK, ether_types: &[0x0800], nfproto: Some(2), protocol_field: Some("protocol"),
        above: Above::IpProtocol, checksum: internet_checksum(10)
    } [
        1 "version" 0 4 INTEGER;
        2 "hdrlength" 4 4 INTEGER;
        3 "dscp" 8 6 DSCP;
        4 "ecn" 14 2 ECN;
        5 "length" 16 16 INTEGER in_pseudo_header: true;
        6 "id" 32 16 INTEGER;
        7 "frag-off" 48 16 HEX_INTEGER;
        8 "ttl" 64 8 INTEGER;
        9 "protocol" 72 8 INET_PROTO in_pseudo_header: true;
        10 "checksum" 80 16 INTEGER;
        11 "saddr" 96 32 IPV4_ADDR in_pseudo_header: true;
        12 "daddr" 128 32 IPV4_ADDR in_pseudo_header: true;
    ]
    // RFC 8200.
    Ip6 "ip6" 13 {
        base: PayloadBase::NETWORK, ether_types: &[0x86dd], nfproto: Some(10), protocol_field: Some("nexthdr"),
        above: Above::IpProtocol
    } [
        1 "version" 0 4 INTEGER;
        2 "dscp" 4 6 DSCP;
        3 "ecn" 10 2 ECN;
        4 "flowlabel" 12 20 INTEGER;
        5 "length" 32 16 INTEGER in_pseudo_header: true;
        6 "nexthdr" 48 8 INET_PROTO in_pseudo_header: true;
        7 "hoplimit" 56 8 INTEGER;
        8 "saddr" 64 128 IPV6_ADDR in_pseudo_header: true;
        9 "daddr" 192 128 IPV6_ADDR in_pseudo_header: true;
    ]
    // RFC 792.
    Icmp "icmp" 4 { ip_protocol: Some(1), checksum: internet_checksum(2) } [
        1 "type" 0 8 ICMP_TYPE;
        2 "code" 8 8 ICMP_CODE;
        3 "checksum" 16 16 INTEGER;
        4 "id" 32 16 INTEGER only_types: ICMP_ECHO;
        5 "sequence" 48 16 INTEGER only_types: ICMP_ECHO;
        6 "gateway" 32 32 INTEGER only_types: &[5];
        7 "mtu" 48 16 INTEGER only_types: &[3];
    ]
    // RFC 2236.
    Igmp "igmp" 5 { ip_protocol: Some(2), checksum: internet_checksum(2) } [
        1 "type" 0 8 IGMP_TYPE;
        2 "checksum" 16 16 INTEGER;
        3 "mrt" 8 8 INTEGER;
        4 "group" 32 32 INTEGER;
    ]
    // RFC 4443, RFC 2710, RFC 4861.
    Icmpv6 "icmpv6" 14 { ip_protocol: Some(58), checksum: internet_checksum(2) } [
        1 "type" 0 8 ICMPV6_TYPE;
        2 "code" 8 8 ICMPV6_CODE;
        3 "checksum" 16 16 INTEGER;
        4 "parameter-problem" 32 32 INTEGER aliases: &["param-problem"], only_types: &[4];
        5 "mtu" 32 32 INTEGER only_types: &[2];
        6 "id" 32 16 INTEGER only_types: ICMPV6_ECHO;
        7 "sequence" 48 16 INTEGER only_types: ICMPV6_ECHO;
        8 "max-delay" 32 16 INTEGER only_types: &[130];
        9 "taddr" 64 128 IPV6_ADDR only_types: ICMPV6_TARGET;
        10 "daddr" 192 128 IPV6_ADDR only_types: &[137];
    ]
    // RFC 9293.
    Tcp "tcp" 8 { ip_protocol: Some(6), checksum: internet_checksum(16) } [
        1 "sport" 0 16 INET_SERVICE;
        2 "dport" 16 16 INET_SERVICE;
        3 "sequence" 32 32 INTEGER;
        4 "ackseq" 64 32 INTEGER;
        5 "doff" 96 4 INTEGER;
        6 "reserved" 100 4 INTEGER;
        7 "flags" 104 8 TCP_FLAG;
        8 "window" 112 16 INTEGER;
        9 "checksum" 128 16 INTEGER;
        10 "urgptr" 144 16 INTEGER;
    ]
    // RFC 768. A checksum of zero means none, so the kernel is asked to look before it repairs.
    Udp "udp" 6 { ip_protocol: Some(17), checksum: Checksum { kind: 0, offset: 0, pseudo_header: true } } [
        1 "sport" 0 16 INET_SERVICE;
        2 "dport" 16 16 INET_SERVICE;
        3 "length" 32 16 INTEGER;
        4 "checksum" 48 16 INTEGER;
    ]
    // RFC 3828.
    Udplite "udplite" 7 { ip_protocol: Some(136) } [
        1 "sport" 0 16 INET_SERVICE;
        2 "dport" 16 16 INET_SERVICE;
        3 "csumcov" 32 16 INTEGER;
        4 "checksum" 48 16 INTEGER;
    ]
    // RFC 9260.
    Sctp "sctp" 10 { ip_protocol: Some(132), checksum: Checksum { kind: 2, offset: 8, pseudo_header: false } } [
        1 "sport" 0 16 INET_SERVICE;
        2 "dport" 16 16 INET_SERVICE;
        3 "vtag" 32 32 INTEGER;
        4 "checksum" 64 32 INTEGER;
    ]
    // RFC 4340.
    Dccp "dccp" 9 { ip_protocol: Some(33) } [
        1 "sport" 0 16 INET_SERVICE;
        2 "dport" 16 16 INET_SERVICE;
        3 "type" 67 4 DCCP_PKTTYPE;
    ]
    // RFC 4302.
    Ah "ah" 1 { ip_protocol: Some(51), protocol_field: Some("nexthdr"), above: Above::IpProtocol } [
        1 "nexthdr" 0 8 INET_PROTO;
        2 "hdrlength" 8 8 INTEGER;
        3 "reserved" 16 16 INTEGER;
        4 "spi" 32 32 INTEGER;
        5 "sequence" 64 32 INTEGER;
    ]
    // RFC 4303.
    Esp "esp" 2 { ip_protocol: Some(50) } [
        1 "spi" 0 32 INTEGER;
        2 "sequence" 32 32 INTEGER;
    ]
    // RFC 3173.
    Comp "comp" 3 { ip_protocol: Some(108), protocol_field: Some("nexthdr"), above: Above::IpProtocol } [
        1 "nexthdr" 0 8 INET_PROTO;
        2 "flags" 8 8 BITMASK;
        3 "cpi" 16 16 INTEGER;
    ]
    // RFC 2784, RFC 2637.
    Gre "gre" 20 {
        ip_protocol: Some(47), protocol_field: Some("protocol"), above: Above::EtherType,
        tunnel: Some(Tunnel { kind: 3, header_bytes: 4, flags: 0xc, ethernet: false, own_fields_inside: false })
    } [
        1 "version" 13 3 INTEGER;
        2 "flags" 0 5 INTEGER;
        3 "protocol" 16 16 ETHER_TYPE;
    ]
    // RFC 2784 with EtherType 0x6558.
    Gretap "gretap" 21 {
        ip_protocol: Some(47),
        tunnel: Some(Tunnel { kind: 4, header_bytes: 4, flags: 0xe, ethernet: true, own_fields_inside: false })
    } []
    // RFC 7348.
    Vxlan "vxlan" 18 {
        base: PayloadBase::TUNNEL,
        tunnel: Some(Tunnel { kind: 1, header_bytes: 8, flags: 0xf, ethernet: true, own_fields_inside: true })
    } [
        1 "vni" 32 24 INTEGER;
        2 "flags" 0 8 BITMASK;
    ]
    // RFC 8926.
    Geneve "geneve" 19 {
        base: PayloadBase::TUNNEL,
        tunnel: Some(Tunnel { kind: 2, header_bytes: 8, flags: 0xf, ethernet: true, own_fields_inside: true })
    } [
        1 "vni" 32 24 INTEGER;
        2 "type" 16 16 ETHER_TYPE;
    ]
    // The ports that TCP, UDP, UDP-Lite, SCTP and DCCP share.
    Th "th" 11 {} [
        1 "sport" 0 16 INET_SERVICE;
        2 "dport" 16 16 INET_SERVICE;
    ]
}
