//! Expressions that act on the packet.

use crate::Register;

netwright_wire::open_enum! {
    /// How a packet is refused (`enum nft_reject_types`).
    pub struct RejectKind(u32) {
        /// With an ICMP message of the packet's family.
        #[doc(alias = "NFT_REJECT_ICMP_UNREACH")]
        ICMP = 0 "icmp",
        #[doc(alias = "NFT_REJECT_TCP_RST")]
        TCP_RESET = 1 "tcp reset",
        /// With an ICMP message that IPv4 and IPv6 share.
        #[doc(alias = "NFT_REJECT_ICMPX_UNREACH")]
        ICMPX = 2 "icmpx",
    }

    /// Which address is translated (`enum nft_nat_types`).
    pub struct NatKind(u32) {
        #[doc(alias = "NFT_NAT_SNAT")]
        SOURCE = 0 "snat",
        #[doc(alias = "NFT_NAT_DNAT")]
        DESTINATION = 1 "dnat",
    }

    /// How important a log line is (`enum nft_log_level`).
    pub struct LogLevel(u32) {
        #[doc(alias = "NFT_LOGLEVEL_EMERG")]
        EMERGENCY = 0 "emerg",
        ALERT = 1 "alert",
        #[doc(alias = "NFT_LOGLEVEL_CRIT")]
        CRITICAL = 2 "crit",
        #[doc(alias = "NFT_LOGLEVEL_ERR")]
        ERROR = 3 "err",
        WARNING = 4 "warn",
        NOTICE = 5 "notice", INFO = 6 "info", DEBUG = 7 "debug", AUDIT = 8 "audit",
    }
}

netwright_wire::open_flags! {
    /// What is logged besides (`NF_LOG_*`).
    pub struct LogFlags(u32) {
        /// TCP sequence numbers.
        #[doc(alias = "NF_LOG_TCPSEQ")]
        TCP_SEQUENCE = 0x01,
        /// TCP options.
        #[doc(alias = "NF_LOG_TCPOPT")]
        TCP_OPTIONS = 0x02,
        /// IP options.
        #[doc(alias = "NF_LOG_IPOPT")]
        IP_OPTIONS = 0x04,
        /// User of the local socket.
        UID = 0x08,
        /// Link layer header, read.
        MAC_DECODE = 0x20,
    }

    /// How addresses are translated (`NF_NAT_RANGE_*`).
    pub struct NatFlags(u32) {
        /// Addresses are given.
        MAP_IPS = 0x01,
        /// Ports are given.
        PROTO_SPECIFIED = 0x02,
        /// Ports are chosen by hash.
        #[doc(alias = "NF_NAT_RANGE_PROTO_RANDOM")]
        RANDOM = 0x04,
        /// A client gets the same address each time.
        PERSISTENT = 0x08,
        /// Ports are chosen at random.
        #[doc(alias = "NF_NAT_RANGE_PROTO_RANDOM_FULLY")]
        FULLY_RANDOM = 0x10,
        /// Ports keep their distance to a base.
        PROTO_OFFSET = 0x20,
        /// Networks are mapped one to one.
        NETMAP = 0x40,
    }

    /// Flags of `queue` (`NFT_QUEUE_FLAG_*`).
    pub struct QueueFlags(u16) {
        /// Accept where nobody listens.
        BYPASS = 1,
        /// Choose the queue by CPU.
        CPU_FANOUT = 2,
    }

    /// Options of a SYN proxy (`NF_SYNPROXY_OPT_*`).
    pub struct SynProxyFlags(u32) {
        /// The segment size is given.
        MSS = 0x01,
        /// The window scale is given.
        #[doc(alias = "NF_SYNPROXY_OPT_WSCALE")]
        WINDOW_SCALE = 0x02,
        /// Selective acknowledgements.
        #[doc(alias = "NF_SYNPROXY_OPT_SACK_PERM")]
        SACK_PERMITTED = 0x04,
        /// Timestamps.
        TIMESTAMP = 0x08,
        /// Explicit congestion notification.
        ECN = 0x10,
    }
}

netwright_wire::attrs! {
    /// `log` (`enum nft_log_attributes`).
    pub struct LogAttrs, LogView: Big {
        NFTA_LOG_PREFIX = 2 => prefix: String,
        /// Group of listeners; without it the line goes to the kernel's log.
        NFTA_LOG_GROUP = 1 => group: u16,
        /// Bytes of the packet that listeners get.
        NFTA_LOG_SNAPLEN = 3 => snapshot_length: u32,
        /// Packets that are sent to listeners at once.
        NFTA_LOG_QTHRESHOLD = 4 => queue_threshold: u16,
        NFTA_LOG_LEVEL = 5 => level: LogLevel,
        NFTA_LOG_FLAGS = 6 => flags: LogFlags,
    }

    /// `reject` (`enum nft_reject_attributes`).
    pub struct RejectAttrs, RejectView: Big {
        NFTA_REJECT_TYPE = 1 => kind: RejectKind,
        NFTA_REJECT_ICMP_CODE = 2 => icmp_code: u8,
    }

    /// `nat` (`enum nft_nat_attributes`).
    pub struct NatAttrs, NatView: Big {
        NFTA_NAT_TYPE = 1 => kind: NatKind,
        /// Number of a [`Family`](crate::Family).
        NFTA_NAT_FAMILY = 2 => family: u32,
        NFTA_NAT_REG_ADDR_MIN = 3 => address_minimum: Register,
        NFTA_NAT_REG_ADDR_MAX = 4 => address_maximum: Register,
        NFTA_NAT_REG_PROTO_MIN = 5 => port_minimum: Register,
        NFTA_NAT_REG_PROTO_MAX = 6 => port_maximum: Register,
        NFTA_NAT_FLAGS = 7 => flags: NatFlags,
    }

    /// `masq` (`enum nft_masq_attributes`).
    pub struct MasqueradeAttrs, MasqueradeView: Big {
        NFTA_MASQ_FLAGS = 1 => flags: NatFlags,
        NFTA_MASQ_REG_PROTO_MIN = 2 => port_minimum: Register,
        NFTA_MASQ_REG_PROTO_MAX = 3 => port_maximum: Register,
    }

    /// `redir` (`enum nft_redir_attributes`).
    pub struct RedirectAttrs, RedirectView: Big {
        NFTA_REDIR_REG_PROTO_MIN = 1 => port_minimum: Register,
        NFTA_REDIR_REG_PROTO_MAX = 2 => port_maximum: Register,
        NFTA_REDIR_FLAGS = 3 => flags: NatFlags,
    }

    /// `dup` (`enum nft_dup_attributes`).
    pub struct DuplicateAttrs, DuplicateView: Big {
        NFTA_DUP_SREG_ADDR = 1 => address: Register,
        NFTA_DUP_SREG_DEV = 2 => device: Register,
    }

    /// `fwd` (`enum nft_fwd_attributes`).
    pub struct ForwardAttrs, ForwardView: Big {
        NFTA_FWD_SREG_DEV = 1 => device: Register,
        NFTA_FWD_SREG_ADDR = 2 => address: Register,
        /// Number of the address's [`Family`](crate::Family).
        NFTA_FWD_NFPROTO = 3 => family: u32,
    }

    /// `queue` (`enum nft_queue_attributes`).
    pub struct QueueAttrs, QueueView: Big {
        /// The first queue.
        NFTA_QUEUE_NUM = 1 => number: u16,
        /// How many queues from there.
        NFTA_QUEUE_TOTAL = 2 => total: u16,
        NFTA_QUEUE_FLAGS = 3 => flags: QueueFlags,
        /// The queue's number in a register.
        NFTA_QUEUE_SREG_QNUM = 4 => source: Register,
    }

    /// `tproxy` (`enum nft_tproxy_attributes`).
    pub struct TransparentProxyAttrs, TransparentProxyView: Big {
        /// Number of a [`Family`](crate::Family).
        NFTA_TPROXY_FAMILY = 1 => family: u32,
        NFTA_TPROXY_REG_ADDR = 2 => address: Register,
        NFTA_TPROXY_REG_PORT = 3 => port: Register,
    }

    /// `synproxy` (`enum nft_synproxy_attributes`).
    pub struct SynProxyAttrs, SynProxyView: Big {
        /// Bytes.
        NFTA_SYNPROXY_MSS = 1 => mss: u16,
        NFTA_SYNPROXY_WSCALE = 2 => window_scale: u8,
        NFTA_SYNPROXY_FLAGS = 3 => flags: SynProxyFlags,
    }

    /// `notrack`: nothing.
    pub struct NoTrackAttrs, NoTrackView: Big {}

    /// `flow_offload` (`enum nft_offload_attributes`).
    pub struct FlowOffloadAttrs, FlowOffloadView: Big {
        NFTA_FLOW_TABLE_NAME = 1 => table: String,
    }

    /// `match` of xtables (`enum nft_match_attributes`).
    pub struct MatchAttrs, MatchView: Big {
        NFTA_MATCH_NAME = 1 => name: String,
        NFTA_MATCH_REV = 2 => revision: u32,
        /// The match's own struct.
        NFTA_MATCH_INFO = 3 => info: Vec<u8>,
    }

    /// `target` of xtables (`enum nft_target_attributes`).
    pub struct TargetAttrs, TargetView: Big {
        NFTA_TARGET_NAME = 1 => name: String,
        NFTA_TARGET_REV = 2 => revision: u32,
        /// The target's own struct.
        NFTA_TARGET_INFO = 3 => info: Vec<u8>,
    }
}
