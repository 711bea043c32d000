//! The symbols that the language itself defines, by data type.
//!
//! In every table the first row of a value is the one that is printed; later rows with the same value are only read.

/// A name for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Symbol {
    /// The name as written.
    pub name: &'static str,
    /// Its value as a number (not in wire order).
    pub value: u32,
}

/// The value of a name in a table.
#[must_use]
pub fn value(table: &[Symbol], name: &str) -> Option<u32> {
    table.iter().find(|symbol| symbol.name == name).map(|symbol| symbol.value)
}

/// The name of a value in a table: the first that fits.
#[must_use]
pub fn name(table: &'static [Symbol], value: u32) -> Option<&'static str> {
    table.iter().find(|symbol| symbol.value == value).map(|symbol| symbol.name)
}

macro_rules! symbols {
    ($( $(#[$doc:meta])* $vis:vis $table:ident { $( $name:literal = $value:expr, )* } )*) => {
        $( $(#[$doc])* $vis const $table: &[Symbol] = &[$( Symbol { name: $name, value: $value } ),*]; )*
    };
}

pub(crate) use symbols;

symbols! {
    /// `meta nfproto`, `ct l3proto` (`NFPROTO_*`).
    pub NF_PROTO { "ipv4" = 2, "ipv6" = 10, }

    /// `ether type`, `meta protocol` (`ETH_P_*`).
    pub ETHER_TYPE {
        "ip" = 0x0800, "arp" = 0x0806, "ip6" = 0x86dd, "8021q" = 0x8100, "8021ad" = 0x88a8, "vlan" = 0x8100,
    }

    /// `arp operation` (RFC 826, RFC 903, RFC 2390).
    pub ARP_OP {
        "request" = 1, "reply" = 2, "rrequest" = 3, "rreply" = 4, "inrequest" = 8, "inreply" = 9, "nak" = 10,
    }

    /// `icmp type` (RFC 792, RFC 950, RFC 1256).
    pub ICMP_TYPE {
        "echo-reply" = 0, "destination-unreachable" = 3, "source-quench" = 4, "redirect" = 5, "echo-request" = 8,
        "router-advertisement" = 9, "router-solicitation" = 10, "time-exceeded" = 11, "parameter-problem" = 12,
        "timestamp-request" = 13, "timestamp-reply" = 14, "info-request" = 15, "info-reply" = 16,
        "address-mask-request" = 17, "address-mask-reply" = 18,
    }

    /// `icmpv6 type` (RFC 4443, RFC 2710, RFC 4861, RFC 3122, RFC 3810).
    pub ICMPV6_TYPE {
        "destination-unreachable" = 1, "packet-too-big" = 2, "time-exceeded" = 3, "parameter-problem" = 4,
        "echo-request" = 128, "echo-reply" = 129, "mld-listener-query" = 130, "mld-listener-report" = 131,
        "mld-listener-done" = 132, "mld-listener-reduction" = 132, "nd-router-solicit" = 133,
        "nd-router-advert" = 134, "nd-neighbor-solicit" = 135, "nd-neighbor-advert" = 136, "nd-redirect" = 137,
        "router-renumbering" = 138, "ind-neighbor-solicit" = 141, "ind-neighbor-advert" = 142,
        "mld2-listener-report" = 143,
    }

    /// `icmp code` and `reject with icmp`: codes of destination-unreachable.
    pub ICMP_CODE {
        "net-unreachable" = 0, "host-unreachable" = 1, "prot-unreachable" = 2, "port-unreachable" = 3,
        "net-prohibited" = 9, "host-prohibited" = 10, "admin-prohibited" = 13, "frag-needed" = 4,
    }

    /// `icmpv6 code` and `reject with icmpv6`: codes of destination-unreachable.
    pub ICMPV6_CODE {
        "no-route" = 0, "admin-prohibited" = 1, "addr-unreachable" = 3, "port-unreachable" = 4, "policy-fail" = 5,
        "reject-route" = 6,
    }

    /// `reject with icmpx` (`NFT_REJECT_ICMPX_*`).
    pub ICMPX_CODE { "no-route" = 0, "port-unreachable" = 1, "host-unreachable" = 2, "admin-prohibited" = 3, }

    /// `tcp flags`, by bit.
    pub TCP_FLAG {
        "fin" = 0x01, "syn" = 0x02, "rst" = 0x04, "psh" = 0x08, "ack" = 0x10, "urg" = 0x20, "ecn" = 0x40, "cwr" = 0x80,
    }

    /// `dccp type` (RFC 4340).
    pub DCCP_PKTTYPE {
        "request" = 0, "response" = 1, "data" = 2, "ack" = 3, "dataack" = 4, "closereq" = 5, "close" = 6, "reset" = 7,
        "sync" = 8, "syncack" = 9,
    }

    /// `mh type` (RFC 6275 and followers).
    pub MH_TYPE {
        "binding-refresh-request" = 0, "home-test-init" = 1, "careof-test-init" = 2, "home-test" = 3,
        "careof-test" = 4, "binding-update" = 5, "binding-acknowledgement" = 6, "binding-error" = 7,
        "fast-binding-update" = 8, "fast-binding-acknowledgement" = 9, "fast-binding-advertisement" = 10,
        "experimental-mobility-header" = 11, "home-agent-switch-message" = 12,
    }

    /// `igmp type` (RFC 1112, RFC 2236, RFC 3376).
    pub IGMP_TYPE {
        "membership-query" = 17, "membership-report-v1" = 18, "membership-report-v2" = 22,
        "membership-report-v3" = 34, "leave-group" = 23,
    }

    /// `meta iiftype`, `meta oiftype` (`ARPHRD_*`).
    pub IFACE_TYPE {
        "ether" = 1, "ppp" = 512, "ipip" = 768, "ipip6" = 769, "loopback" = 772, "sit" = 776, "ipgre" = 778,
    }

    /// `ct state`, by bit.
    pub CT_STATE { "invalid" = 1, "new" = 8, "established" = 2, "related" = 4, "untracked" = 64, }

    /// `ct direction`.
    pub CT_DIR { "original" = 0, "reply" = 1, }

    /// `ct status`, by bit (`IPS_*` of `nf_conntrack_common.h`).
    pub CT_STATUS {
        "expected" = 1 << 0, "seen-reply" = 1 << 1, "assured" = 1 << 2, "confirmed" = 1 << 3, "snat" = 1 << 4,
        "dnat" = 1 << 5, "seq-adjust" = 1 << 6, "snat-done" = 1 << 7, "dnat-done" = 1 << 8, "dying" = 1 << 9,
        "fixed-timeout" = 1 << 10, "helper" = 13, "offload" = 14, "hw-offload" = 15,
    }

    /// `ct event`, by bit (`IPCT_*`).
    pub CT_EVENT {
        "new" = 1 << 0, "related" = 1 << 1, "destroy" = 1 << 2, "reply" = 1 << 3, "assured" = 1 << 4,
        "protoinfo" = 1 << 5, "helper" = 1 << 6, "mark" = 1 << 7, "seqadj" = 1 << 8, "secmark" = 1 << 9,
        "label" = 1 << 10,
    }

    /// `meta pkttype` (`PACKET_*` of `linux/if_packet.h`).
    pub PKT_TYPE { "host" = 0, "unicast" = 0, "broadcast" = 1, "multicast" = 2, "other" = 3, }

    /// `ip dscp`, `ip6 dscp` (RFC 2474, RFC 2597, RFC 3246, RFC 5865, RFC 8622).
    pub DSCP {
        "cs0" = 0x00, "cs1" = 0x08, "cs2" = 0x10, "cs3" = 0x18, "cs4" = 0x20, "cs5" = 0x28, "cs6" = 0x30,
        "cs7" = 0x38, "df" = 0x00, "be" = 0x00, "lephb" = 0x01, "af11" = 0x0a, "af12" = 0x0c, "af13" = 0x0e,
        "af21" = 0x12, "af22" = 0x14, "af23" = 0x16, "af31" = 0x1a, "af32" = 0x1c, "af33" = 0x1e, "af41" = 0x22,
        "af42" = 0x24, "af43" = 0x26, "va" = 0x2c, "ef" = 0x2e,
    }

    /// `ip ecn`, `ip6 ecn` (RFC 3168).
    pub ECN { "not-ect" = 0, "ect1" = 1, "ect0" = 2, "ce" = 3, }

    /// `fib … type` (`RTN_*` of `linux/rtnetlink.h`).
    pub FIB_ADDRTYPE {
        "unspec" = 0, "unicast" = 1, "local" = 2, "broadcast" = 3, "anycast" = 4, "multicast" = 5, "blackhole" = 6,
        "unreachable" = 7, "prohibit" = 8,
    }

    /// Existence.
    pub BOOLEAN { "exists" = 1, "missing" = 0, }

    /// `meta day`.
    pub DAY {
        "Sunday" = 0, "Monday" = 1, "Tuesday" = 2, "Wednesday" = 3, "Thursday" = 4, "Friday" = 5, "Saturday" = 6,
    }

    /// `tcp option mptcp subtype` (RFC 8684).
    pub MPTCP_SUBTYPE {
        "mp-capable" = 0, "mp-join" = 1, "dss" = 2, "add-addr" = 3, "remove-addr" = 4, "mp-prio" = 5, "mp-fail" = 6,
        "mp-fastclose" = 7, "mp-tcprst" = 8,
    }
}
