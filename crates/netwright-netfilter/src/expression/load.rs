//! Expressions that load what is known about a packet, or change it.

use super::Expression;
use crate::Register;

netwright_wire::open_enum! {
    /// From where bytes of a packet are counted (`enum nft_payload_bases`).
    pub struct PayloadBase(u32) {
        /// Link layer header.
        #[doc(alias = "NFT_PAYLOAD_LL_HEADER")]
        LINK = 0 "link",
        #[doc(alias = "NFT_PAYLOAD_NETWORK_HEADER")]
        NETWORK = 1 "network",
        #[doc(alias = "NFT_PAYLOAD_TRANSPORT_HEADER")]
        TRANSPORT = 2 "transport",
        /// What the transport header carries.
        #[doc(alias = "NFT_PAYLOAD_INNER_HEADER")]
        INNER = 3 "inner",
        /// (in `inner`) The header of the tunnel.
        #[doc(alias = "NFT_PAYLOAD_TUN_HEADER")]
        TUNNEL = 4 "tunnel",
    }

    /// Which checksum is corrected (`enum nft_payload_csum_types`).
    pub struct ChecksumKind(u32) {
        NONE = 0 "none",
        #[doc(alias = "NFT_PAYLOAD_CSUM_INET")]
        INTERNET = 1 "inet",
        SCTP = 2 "sctp",
    }

    /// Keys of `meta` (`enum nft_meta_keys`).
    pub struct MetaKey(u32) {
        LENGTH = 0 "len", PROTOCOL = 1 "protocol", PRIORITY = 2 "priority", MARK = 3 "mark",
        INPUT_INDEX = 4 "iif", OUTPUT_INDEX = 5 "oif", INPUT_NAME = 6 "iifname", OUTPUT_NAME = 7 "oifname",
        INPUT_TYPE = 8 "iiftype", OUTPUT_TYPE = 9 "oiftype",
        /// User of the socket.
        SOCKET_USER = 10 "skuid",
        /// Group of the socket.
        SOCKET_GROUP = 11 "skgid",
        /// Whether the packet is traced.
        TRACE = 12 "nftrace",
        ROUTE_CLASS = 13 "rtclassid", SECMARK = 14 "secmark", FAMILY = 15 "nfproto", L4_PROTOCOL = 16 "l4proto",
        BRIDGE_INPUT_NAME = 17 "bri_iifname", BRIDGE_OUTPUT_NAME = 18 "bri_oifname",
        PACKET_TYPE = 19 "pkttype", CPU = 20 "cpu", INPUT_GROUP = 21 "iifgroup", OUTPUT_GROUP = 22 "oifgroup",
        CGROUP = 23 "cgroup", RANDOM = 24 "prandom",
        /// Whether the packet has a security path (IPsec).
        SECURITY_PATH = 25 "secpath",
        INPUT_KIND = 26 "iifkind", OUTPUT_KIND = 27 "oifkind",
        BRIDGE_INPUT_PVID = 28 "bri_iifpvid", BRIDGE_INPUT_VLAN_PROTOCOL = 29 "bri_iifvproto",
        /// Nanoseconds since 1970.
        TIME = 30 "time",
        /// Day of the week, Sunday is 0.
        DAY = 31 "day",
        /// Seconds since midnight.
        HOUR = 32 "hour",
        SLAVE_INDEX = 33 "sdif", SLAVE_NAME = 34 "sdifname",
        BRIDGE_ROUTE = 35 "broute", BRIDGE_INPUT_ADDRESS = 37 "ibrhwaddr",
    }

    /// Keys of `ct` (`enum nft_ct_keys`).
    pub struct CtKey(u32) {
        STATE = 0 "state", DIRECTION = 1 "direction", STATUS = 2 "status", MARK = 3 "mark", SECMARK = 4 "secmark",
        EXPIRATION = 5 "expiration",
        HELPER = 6 "helper",
        L3_PROTOCOL = 7 "l3protocol",
        #[doc(alias = "NFT_CT_SRC")]
        SOURCE = 8 "src",
        #[doc(alias = "NFT_CT_DST")]
        DESTINATION = 9 "dst",
        PROTOCOL = 10 "protocol",
        #[doc(alias = "NFT_CT_PROTO_SRC")]
        SOURCE_PORT = 11 "proto_src",
        #[doc(alias = "NFT_CT_PROTO_DST")]
        DESTINATION_PORT = 12 "proto_dst",
        LABELS = 13 "label",
        #[doc(alias = "NFT_CT_PKTS")]
        PACKETS = 14 "packets",
        BYTES = 15 "bytes",
        #[doc(alias = "NFT_CT_AVGPKT")]
        AVERAGE_PACKET = 16 "avgpkt",
        ZONE = 17 "zone",
        #[doc(alias = "NFT_CT_EVENTMASK")]
        EVENTS = 18 "event",
        #[doc(alias = "NFT_CT_SRC_IP")]
        SOURCE_IPV4 = 19 "src_ip",
        #[doc(alias = "NFT_CT_DST_IP")]
        DESTINATION_IPV4 = 20 "dst_ip",
        #[doc(alias = "NFT_CT_SRC_IP6")]
        SOURCE_IPV6 = 21 "src_ip6",
        #[doc(alias = "NFT_CT_DST_IP6")]
        DESTINATION_IPV6 = 22 "dst_ip6",
        ID = 23 "id",
    }

    /// Direction of a connection's packets.
    pub struct CtDirection(u8) { ORIGINAL = 0 "original", REPLY = 1 "reply" }

    /// Keys of `rt` (`enum nft_rt_keys`).
    pub struct RouteKey(u32) {
        #[doc(alias = "NFT_RT_CLASSID")]
        CLASS = 0 "classid",
        #[doc(alias = "NFT_RT_NEXTHOP4")]
        NEXTHOP_IPV4 = 1 "nexthop4",
        #[doc(alias = "NFT_RT_NEXTHOP6")]
        NEXTHOP_IPV6 = 2 "nexthop6",
        TCP_MSS = 3 "tcpmss",
        #[doc(alias = "NFT_RT_XFRM")]
        IPSEC = 4 "ipsec",
    }

    /// Keys of `socket` (`enum nft_socket_keys`).
    pub struct SocketKey(u32) { TRANSPARENT = 0 "transparent", MARK = 1 "mark", WILDCARD = 2 "wildcard", CGROUP_V2 = 3 "cgroupv2" }

    /// Headers of `exthdr` (`enum nft_exthdr_op`).
    pub struct ExtensionHeaderOp(u32) {
        IPV6 = 0 "ipv6",
        #[doc(alias = "NFT_EXTHDR_OP_TCPOPT")]
        TCP_OPTION = 1 "tcpopt",
        IPV4 = 2 "ipv4",
        SCTP = 3 "sctp",
        DCCP = 4 "dccp",
    }

    /// What `fib` answers (`enum nft_fib_result`).
    pub struct FibResult(u32) {
        #[doc(alias = "NFT_FIB_RESULT_OIF")]
        OUTPUT_INDEX = 1 "oif",
        #[doc(alias = "NFT_FIB_RESULT_OIFNAME")]
        OUTPUT_NAME = 2 "oifname",
        #[doc(alias = "NFT_FIB_RESULT_ADDRTYPE")]
        ADDRESS_TYPE = 3 "type",
    }

    /// Kinds of hash (`enum nft_hash_types`).
    pub struct HashKind(u32) {
        JENKINS = 0 "jhash",
        #[doc(alias = "NFT_HASH_SYM")]
        SYMMETRIC = 1 "symhash",
    }

    /// Kinds of number generator (`enum nft_ng_types`).
    pub struct NumberGeneratorKind(u32) { INCREMENTAL = 0 "inc", RANDOM = 1 "random" }

    /// Keys of `xfrm` (`enum nft_xfrm_keys`).
    pub struct XfrmKey(u32) {
        #[doc(alias = "NFT_XFRM_KEY_DADDR_IP4")]
        DESTINATION_IPV4 = 1 "daddr4",
        #[doc(alias = "NFT_XFRM_KEY_DADDR_IP6")]
        DESTINATION_IPV6 = 2 "daddr6",
        #[doc(alias = "NFT_XFRM_KEY_SADDR_IP4")]
        SOURCE_IPV4 = 3 "saddr4",
        #[doc(alias = "NFT_XFRM_KEY_SADDR_IP6")]
        SOURCE_IPV6 = 4 "saddr6",
        #[doc(alias = "NFT_XFRM_KEY_REQID")]
        REQUEST_ID = 5 "reqid",
        SPI = 6 "spi",
    }

    /// Direction of a transformation (`XFRM_POLICY_*`).
    pub struct XfrmDirection(u8) { IN = 0 "in", OUT = 1 "out" }

    /// Keys of `tunnel` (`enum nft_tunnel_keys`).
    pub struct TunnelKey(u32) { PATH = 0 "path", ID = 1 "id" }

    /// Which tunnels count (`enum nft_tunnel_mode`).
    pub struct TunnelMode(u32) {
        NONE = 0 "none",
        #[doc(alias = "NFT_TUNNEL_MODE_RX")]
        RECEIVE = 1 "rx",
        #[doc(alias = "NFT_TUNNEL_MODE_TX")]
        TRANSMIT = 2 "tx",
    }

    /// Kinds of tunnel in `inner` (`enum nft_inner_type`).
    pub struct InnerKind(u32) { UNSPECIFIED = 0 "unspec", VXLAN = 1 "vxlan", GENEVE = 2 "geneve" }
}

netwright_wire::open_flags! {
    /// Flags of `payload` (`enum nft_payload_csum_flags`).
    pub struct ChecksumFlags(u32) {
        /// The transport checksum covers the field through its pseudo header.
        #[doc(alias = "NFT_PAYLOAD_L4CSUM_PSEUDOHDR")]
        PSEUDO_HEADER = 1,
    }

    /// Flags of `exthdr` (`enum nft_exthdr_flags`).
    pub struct ExtensionHeaderFlags(u32) {
        /// Loads whether it is there.
        PRESENT = 1,
    }

    /// What `fib` asks with (`enum nft_fib_flags`).
    pub struct FibFlags(u32) {
        /// Source address.
        #[doc(alias = "NFTA_FIB_F_SADDR")]
        SOURCE = 0x01,
        /// Destination address.
        #[doc(alias = "NFTA_FIB_F_DADDR")]
        DESTINATION = 0x02,
        /// Mark.
        MARK = 0x04,
        /// Input interface.
        #[doc(alias = "NFTA_FIB_F_IIF")]
        INPUT = 0x08,
        /// Output interface.
        #[doc(alias = "NFTA_FIB_F_OIF")]
        OUTPUT = 0x10,
        /// Loads whether there is an answer.
        PRESENT = 0x20,
    }

    /// Flags of `osf` (`enum nft_osf_flags`).
    pub struct FingerprintFlags(u32) {
        /// With the version.
        VERSION = 1,
    }

    /// Which headers `inner` has (`enum nft_inner_flags`).
    pub struct InnerFlags(u32) {
        /// The size of the tunnel's header is given.
        HEADER_SIZE = 1,
        /// Link layer header.
        LINK = 2,
        /// Network header.
        NETWORK = 4,
        /// Transport header.
        TRANSPORT = 8,
    }
}

netwright_wire::attrs! {
    /// `payload` (`enum nft_payload_attributes`): loads where it has a destination, writes where it has a source.
    pub struct PayloadAttrs, PayloadView: Big {
        NFTA_PAYLOAD_DREG = 1 => destination: Register,
        NFTA_PAYLOAD_SREG = 5 => source: Register,
        NFTA_PAYLOAD_BASE = 2 => base: PayloadBase,
        /// Bytes from the base.
        NFTA_PAYLOAD_OFFSET = 3 => offset: u32,
        /// Bytes.
        NFTA_PAYLOAD_LEN = 4 => length: u32,
        NFTA_PAYLOAD_CSUM_TYPE = 6 => checksum: ChecksumKind,
        /// Bytes from the base.
        NFTA_PAYLOAD_CSUM_OFFSET = 7 => checksum_offset: u32,
        NFTA_PAYLOAD_CSUM_FLAGS = 8 => checksum_flags: ChecksumFlags,
    }

    /// `meta` (`enum nft_meta_attributes`): loads where it has a destination, sets where it has a source.
    pub struct MetaAttrs, MetaView: Big {
        NFTA_META_KEY = 2 => key: MetaKey,
        NFTA_META_DREG = 1 => destination: Register,
        NFTA_META_SREG = 3 => source: Register,
    }

    /// `ct` (`enum nft_ct_attributes`): loads where it has a destination, sets where it has a source.
    pub struct CtAttrs, CtView: Big {
        NFTA_CT_KEY = 2 => key: CtKey,
        NFTA_CT_DREG = 1 => destination: Register,
        NFTA_CT_DIRECTION = 3 => direction: CtDirection,
        NFTA_CT_SREG = 4 => source: Register,
    }

    /// `rt` (`enum nft_rt_attributes`).
    pub struct RouteAttrs, RouteView: Big {
        NFTA_RT_KEY = 2 => key: RouteKey,
        NFTA_RT_DREG = 1 => destination: Register,
    }

    /// `socket` (`enum nft_socket_attributes`).
    pub struct SocketAttrs, SocketView: Big {
        NFTA_SOCKET_KEY = 1 => key: SocketKey,
        NFTA_SOCKET_DREG = 2 => destination: Register,
        /// Depth in the tree of control groups.
        NFTA_SOCKET_LEVEL = 3 => level: u32,
    }

    /// `osf` (`enum nft_osf_attributes`).
    pub struct FingerprintAttrs, FingerprintView: Big {
        NFTA_OSF_DREG = 1 => destination: Register,
        /// How the hop limit counts: 0 as it was sent, 1 at most that, 2 not at all.
        NFTA_OSF_TTL = 2 => ttl: u8,
        NFTA_OSF_FLAGS = 3 => flags: FingerprintFlags,
    }

    /// `exthdr` (`enum nft_exthdr_attributes`): loads where it has a destination, writes where it has a source,
    /// removes the option where it has neither.
    pub struct ExtensionHeaderAttrs, ExtensionHeaderView: Big {
        NFTA_EXTHDR_DREG = 1 => destination: Register,
        NFTA_EXTHDR_SREG = 7 => source: Register,
        /// Number of the header or option.
        NFTA_EXTHDR_TYPE = 2 => kind: u8,
        /// Bytes from its start.
        NFTA_EXTHDR_OFFSET = 3 => offset: u32,
        /// Bytes.
        NFTA_EXTHDR_LEN = 4 => length: u32,
        NFTA_EXTHDR_OP = 6 => op: ExtensionHeaderOp,
        NFTA_EXTHDR_FLAGS = 5 => flags: ExtensionHeaderFlags,
    }

    /// `fib` (`enum nft_fib_attributes`).
    pub struct FibAttrs, FibView: Big {
        NFTA_FIB_FLAGS = 3 => flags: FibFlags,
        NFTA_FIB_RESULT = 2 => result: FibResult,
        NFTA_FIB_DREG = 1 => destination: Register,
    }

    /// `hash` (`enum nft_hash_attributes`).
    pub struct HashAttrs, HashView: Big {
        NFTA_HASH_SREG = 1 => source: Register,
        NFTA_HASH_DREG = 2 => destination: Register,
        /// Bytes of the source.
        NFTA_HASH_LEN = 3 => length: u32,
        NFTA_HASH_MODULUS = 4 => modulus: u32,
        /// Without it the kernel chooses one.
        NFTA_HASH_SEED = 5 => seed: u32,
        /// Added to the result.
        NFTA_HASH_OFFSET = 6 => offset: u32,
        NFTA_HASH_TYPE = 7 => kind: HashKind,
    }

    /// `numgen` (`enum nft_ng_attributes`).
    pub struct NumberGeneratorAttrs, NumberGeneratorView: Big {
        NFTA_NG_DREG = 1 => destination: Register,
        NFTA_NG_MODULUS = 2 => modulus: u32,
        NFTA_NG_TYPE = 3 => kind: NumberGeneratorKind,
        /// Added to the result.
        NFTA_NG_OFFSET = 4 => offset: u32,
    }

    /// `xfrm` (`enum nft_xfrm_attributes`).
    pub struct XfrmAttrs, XfrmView: Big {
        NFTA_XFRM_KEY = 2 => key: XfrmKey,
        NFTA_XFRM_DIR = 3 => direction: XfrmDirection,
        /// Which of several transformations, from 0.
        NFTA_XFRM_SPNUM = 4 => number: u32,
        NFTA_XFRM_DREG = 1 => destination: Register,
    }

    /// `tunnel` (`enum nft_tunnel_attributes`).
    pub struct TunnelAttrs, TunnelView: Big {
        NFTA_TUNNEL_KEY = 1 => key: TunnelKey,
        NFTA_TUNNEL_DREG = 2 => destination: Register,
        NFTA_TUNNEL_MODE = 3 => mode: TunnelMode,
    }

    /// `inner` (`enum nft_inner_attributes`).
    pub struct InnerAttrs, InnerView: Big {
        /// Number of the nesting, 0.
        NFTA_INNER_NUM = 1 => number: u32,
        NFTA_INNER_TYPE = 2 => kind: InnerKind,
        NFTA_INNER_FLAGS = 3 => flags: InnerFlags,
        /// Bytes of the tunnel's header.
        NFTA_INNER_HDRSIZE = 4 => header_size: u32,
        /// What is applied to the carried packet: `payload` or `meta`.
        NFTA_INNER_EXPR = 5 => expression: Box<Expression>,
    }
}
