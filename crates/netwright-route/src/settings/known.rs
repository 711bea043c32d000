//! The table of settings.

use super::{
    AcceptAdvertisements, ArpAnnounce, ArpIgnore, DuplicateDetection, Key, ReversePathFilter, Setting,
    TemporaryAddresses,
};
use crate::link::AddressGeneration;

macro_rules! settings {
    ($($(#[$meta:meta])* $module:ident: $family:literal $group:literal {
        $($constant:ident $name:literal: $type:ty, $minimum:literal..=$maximum:literal, $summary:literal;)*
    })*) => {
        $(
            $(#[$meta])*
            pub mod $module {
                use super::*;

                $(
                    #[doc = concat!($summary, " `", $name, "`")]
                    pub const $constant: Setting<$type> = Setting {
                        key: Key {
                            family: $family,
                            group: $group,
                            name: $name,
                            minimum: $minimum,
                            maximum: $maximum,
                            summary: $summary,
                        },
                        value: std::marker::PhantomData,
                    };
                )*
            }
        )*

        /// All settings.
        pub const KEYS: &[Key] = &[$($($module::$constant.key,)*)*];
    };
}

settings! {
    /// IPv4 of an interface.
    ipv4: "ipv4" "conf" {
        FORWARDING "forwarding": bool, 0..=1,
            "Whether packets that come in here go on to others.";
        RP_FILTER "rp_filter": ReversePathFilter, 0..=2,
            "Whether the source of packets is checked.";
        ACCEPT_REDIRECTS "accept_redirects": bool, 0..=1,
            "Whether ICMP redirects are followed.";
        SECURE_REDIRECTS "secure_redirects": bool, 0..=1,
            "Whether only gateways' redirects are followed.";
        SEND_REDIRECTS "send_redirects": bool, 0..=1,
            "Whether ICMP redirects are sent.";
        SHARED_MEDIA "shared_media": bool, 0..=1,
            "Whether different networks share the medium.";
        ACCEPT_SOURCE_ROUTE "accept_source_route": bool, 0..=1,
            "Whether source-routed packets are taken.";
        ACCEPT_LOCAL "accept_local": bool, 0..=1,
            "Whether packets from own addresses are taken.";
        ROUTE_LOCALNET "route_localnet": bool, 0..=1,
            "Whether 127.0.0.0/8 is routed like any network.";
        SRC_VALID_MARK "src_valid_mark": bool, 0..=1,
            "Whether the mark counts for the check of the source.";
        LOG_MARTIANS "log_martians": bool, 0..=1,
            "Whether packets with impossible addresses are logged.";
        PROXY_ARP "proxy_arp": bool, 0..=1,
            "Whether ARP requests for others are answered.";
        PROXY_ARP_PVLAN "proxy_arp_pvlan": bool, 0..=1,
            "Whether they are also answered out of the interface they came by.";
        ARP_ACCEPT "arp_accept": i32, 0..=2,
            "Whether unasked ARP makes new neighbours: 0 no, 1 yes, 2 those in the same network.";
        ARP_ANNOUNCE "arp_announce": ArpAnnounce, 0..=2,
            "Which source address ARP requests have.";
        ARP_EVICT_NOCARRIER "arp_evict_nocarrier": bool, 0..=1,
            "Whether neighbours go when the carrier goes.";
        ARP_FILTER "arp_filter": bool, 0..=1,
            "Whether only the interface with the way to the sender answers ARP.";
        ARP_IGNORE "arp_ignore": ArpIgnore, 0..=8,
            "Which ARP requests are answered.";
        ARP_NOTIFY "arp_notify": bool, 0..=1,
            "Whether ARP tells of a new address or carrier.";
        BC_FORWARDING "bc_forwarding": bool, 0..=1,
            "Whether directed broadcasts go on.";
        BOOTP_RELAY "bootp_relay": bool, 0..=1,
            "Whether packets from 0.0.0.0/8 are taken, for a relay.";
        DISABLE_POLICY "disable_policy": bool, 0..=1,
            "Whether IPsec policies are disabled.";
        DISABLE_XFRM "disable_xfrm": bool, 0..=1,
            "Whether IPsec encryption is disabled.";
        DROP_GRATUITOUS_ARP "drop_gratuitous_arp": bool, 0..=1,
            "Whether gratuitous ARP is dropped.";
        DROP_UNICAST_IN_L2_MULTICAST "drop_unicast_in_l2_multicast": bool, 0..=1,
            "Whether unicast packets in multicast frames are dropped.";
        FORCE_IGMP_VERSION "force_igmp_version": i32, 0..=3,
            "IGMP version; 0 is by what is heard.";
        IGMPV2_UNSOLICITED_REPORT_INTERVAL "igmpv2_unsolicited_report_interval": i32, 0..=2147483647,
            "Milliseconds before a report is sent again (IGMPv1 and 2).";
        IGMPV3_UNSOLICITED_REPORT_INTERVAL "igmpv3_unsolicited_report_interval": i32, 0..=2147483647,
            "Milliseconds before a report is sent again (IGMPv3).";
        IGNORE_ROUTES_WITH_LINKDOWN "ignore_routes_with_linkdown": bool, 0..=1,
            "Whether routes of an interface without carrier are passed over.";
        MEDIUM_ID "medium_id": i32, -1..=2147483647,
            "Number of the medium: 0 alone on it, -1 not known.";
        PROMOTE_SECONDARIES "promote_secondaries": bool, 0..=1,
            "Whether another address takes over when the first goes.";
        TAG "tag": i32, -2147483648..=2147483647,
            "Free to use.";
    }
    /// ARP of an interface. There is no «all».
    ipv4_neighbour: "ipv4" "neigh" {
        ANYCAST_DELAY "anycast_delay": i32, 0..=2147483647,
            "Longest delay of an answer for an anycast address, in hundredths of a second.";
        APP_SOLICIT "app_solicit": i32, 0..=2147483647,
            "Requests to a daemon before others are sent.";
        BASE_REACHABLE_TIME_MS "base_reachable_time_ms": i32, 0..=2147483647,
            "How long a neighbour stays confirmed, in milliseconds, roughly.";
        DELAY_FIRST_PROBE_TIME "delay_first_probe_time": i32, 0..=2147483647,
            "Seconds before the first request.";
        GC_STALE_TIME "gc_stale_time": i32, 0..=2147483647,
            "Seconds before a neighbour not used may go.";
        MCAST_SOLICIT "mcast_solicit": i32, 0..=2147483647,
            "Requests to all before it has failed.";
        MCAST_RESOLICIT "mcast_resolicit": i32, 0..=2147483647,
            "Requests to all after those to the neighbour.";
        PROXY_DELAY "proxy_delay": i32, 0..=2147483647,
            "Longest delay of an answer for others, in hundredths of a second.";
        PROXY_QLEN "proxy_qlen": i32, 0..=2147483647,
            "Delayed answers for others.";
        RETRANS_TIME_MS "retrans_time_ms": i32, 0..=2147483647,
            "Milliseconds between requests.";
        UCAST_SOLICIT "ucast_solicit": i32, 0..=2147483647,
            "Requests to the neighbour before those to all.";
        UNRES_QLEN_BYTES "unres_qlen_bytes": i32, 0..=2147483647,
            "Bytes of packets that wait for an address.";
    }
    /// IPv6 of an interface.
    ipv6: "ipv6" "conf" {
        FORWARDING "forwarding": bool, 0..=1,
            "Whether packets that come in here go on to others; the host is then a router.";
        DISABLE_IPV6 "disable_ipv6": bool, 0..=1,
            "Whether there is no IPv6 here.";
        ACCEPT_RA "accept_ra": AcceptAdvertisements, 0..=2,
            "Whether router advertisements are accepted.";
        ACCEPT_RA_DEFRTR "accept_ra_defrtr": bool, 0..=1,
            "Whether they give a default route.";
        ACCEPT_RA_FROM_LOCAL "accept_ra_from_local": bool, 0..=1,
            "Whether those of the host itself are accepted.";
        ACCEPT_RA_MIN_HOP_LIMIT "accept_ra_min_hop_limit": i32, 0..=255,
            "Smallest hop limit that they may give.";
        ACCEPT_RA_MTU "accept_ra_mtu": bool, 0..=1,
            "Whether they give an MTU.";
        ACCEPT_RA_PINFO "accept_ra_pinfo": bool, 0..=1,
            "Whether they give prefixes.";
        ACCEPT_RA_RT_INFO_MAX_PLEN "accept_ra_rt_info_max_plen": i32, -1..=128,
            "Longest prefix of routes that they give.";
        ACCEPT_RA_RT_INFO_MIN_PLEN "accept_ra_rt_info_min_plen": i32, -1..=128,
            "Shortest prefix of routes that they give.";
        ACCEPT_RA_RTR_PREF "accept_ra_rtr_pref": bool, 0..=1,
            "Whether their preference counts.";
        ACCEPT_REDIRECTS "accept_redirects": bool, 0..=1,
            "Whether ICMPv6 redirects are followed.";
        ACCEPT_SOURCE_ROUTE "accept_source_route": i32, -1..=2147483647,
            "Whether routing headers are taken: below 0 no, from 0 on type 2 alone.";
        ACCEPT_DAD "accept_dad": DuplicateDetection, 0..=2,
            "What happens when an address is found to be a duplicate.";
        ACCEPT_UNTRACKED_NA "accept_untracked_na": i32, 0..=2,
            "Whether unasked advertisements make neighbours: 0 no, 1 yes, 2 those in the same network.";
        ADDR_GEN_MODE "addr_gen_mode": AddressGeneration, 0..=3,
            "How link-local addresses are made.";
        AUTOCONF "autoconf": bool, 0..=1,
            "Whether prefixes that were advertised give addresses.";
        DAD_TRANSMITS "dad_transmits": i32, 0..=2147483647,
            "Requests before an address is taken to be unique.";
        DISABLE_POLICY "disable_policy": bool, 0..=1,
            "Whether IPsec policies are disabled.";
        DROP_UNICAST_IN_L2_MULTICAST "drop_unicast_in_l2_multicast": bool, 0..=1,
            "Whether unicast packets in multicast frames are dropped.";
        DROP_UNSOLICITED_NA "drop_unsolicited_na": bool, 0..=1,
            "Whether unasked advertisements are dropped.";
        ENHANCED_DAD "enhanced_dad": bool, 0..=1,
            "Whether looped-back requests are told from others (RFC 7527).";
        FORCE_MLD_VERSION "force_mld_version": i32, 0..=2,
            "MLD version; 0 is by what is heard.";
        FORCE_TLLAO "force_tllao": bool, 0..=1,
            "Whether advertisements always have the hardware address.";
        HOP_LIMIT "hop_limit": i32, 1..=255,
            "Hop limit of packets sent.";
        IGNORE_ROUTES_WITH_LINKDOWN "ignore_routes_with_linkdown": bool, 0..=1,
            "Whether routes of an interface without carrier are passed over.";
        KEEP_ADDR_ON_DOWN "keep_addr_on_down": i32, -1..=1,
            "Whether addresses stay when it goes down: 1 yes, 0 as the system, -1 no.";
        MAX_ADDRESSES "max_addresses": i32, 0..=2147483647,
            "Most addresses that advertisements may give; 0 is no limit.";
        MLDV1_UNSOLICITED_REPORT_INTERVAL "mldv1_unsolicited_report_interval": i32, 0..=2147483647,
            "Milliseconds before a report is sent again (MLDv1).";
        MLDV2_UNSOLICITED_REPORT_INTERVAL "mldv2_unsolicited_report_interval": i32, 0..=2147483647,
            "Milliseconds before a report is sent again (MLDv2).";
        MTU "mtu": i32, 1280..=2147483647,
            "Largest IPv6 packet, in bytes.";
        NDISC_EVICT_NOCARRIER "ndisc_evict_nocarrier": bool, 0..=1,
            "Whether neighbours go when the carrier goes.";
        NDISC_NOTIFY "ndisc_notify": bool, 0..=1,
            "Whether an advertisement tells of a new address or carrier.";
        NDISC_TCLASS "ndisc_tclass": i32, 0..=255,
            "Traffic class of neighbour discovery.";
        OPTIMISTIC_DAD "optimistic_dad": bool, 0..=1,
            "Whether addresses are used before they are known to be unique.";
        PROXY_NDP "proxy_ndp": bool, 0..=1,
            "Whether solicitations for proxied neighbours are answered.";
        RA_DEFRTR_METRIC "ra_defrtr_metric": i32, 1..=2147483647,
            "Metric of the default route from advertisements.";
        ROUTER_SOLICITATION_DELAY "router_solicitation_delay": i32, 0..=2147483647,
            "Seconds before the first solicitation.";
        ROUTER_SOLICITATION_INTERVAL "router_solicitation_interval": i32, 0..=2147483647,
            "Seconds between solicitations.";
        ROUTER_SOLICITATIONS "router_solicitations": i32, -1..=2147483647,
            "Solicitations before there is taken to be no router; -1 is without end.";
        SEG6_ENABLED "seg6_enabled": bool, 0..=1,
            "Whether segment routing headers are taken.";
        SUPPRESS_FRAG_NDISC "suppress_frag_ndisc": bool, 0..=1,
            "Whether fragmented neighbour discovery is dropped.";
        TEMP_PREFERED_LFT "temp_prefered_lft": i32, 0..=2147483647,
            "Seconds that temporary addresses stay preferred.";
        TEMP_VALID_LFT "temp_valid_lft": i32, 0..=2147483647,
            "Seconds that temporary addresses stay valid.";
        USE_OIF_ADDRS_ONLY "use_oif_addrs_only": bool, 0..=1,
            "Whether source addresses are those of the interface alone.";
        USE_OPTIMISTIC "use_optimistic": bool, 0..=1,
            "Whether optimistic addresses are chosen as source.";
        USE_TEMPADDR "use_tempaddr": TemporaryAddresses, -1..=2,
            "Whether temporary addresses are made and used.";
    }
    /// Neighbour discovery of an interface. There is no «all».
    ipv6_neighbour: "ipv6" "neigh" {
        ANYCAST_DELAY "anycast_delay": i32, 0..=2147483647,
            "Longest delay of an answer for an anycast address, in hundredths of a second.";
        APP_SOLICIT "app_solicit": i32, 0..=2147483647,
            "Requests to a daemon before others are sent.";
        BASE_REACHABLE_TIME_MS "base_reachable_time_ms": i32, 0..=2147483647,
            "How long a neighbour stays confirmed, in milliseconds, roughly.";
        DELAY_FIRST_PROBE_TIME "delay_first_probe_time": i32, 0..=2147483647,
            "Seconds before the first request.";
        GC_STALE_TIME "gc_stale_time": i32, 0..=2147483647,
            "Seconds before a neighbour not used may go.";
        MCAST_SOLICIT "mcast_solicit": i32, 0..=2147483647,
            "Requests to all before it has failed.";
        MCAST_RESOLICIT "mcast_resolicit": i32, 0..=2147483647,
            "Requests to all after those to the neighbour.";
        PROXY_DELAY "proxy_delay": i32, 0..=2147483647,
            "Longest delay of an answer for others, in hundredths of a second.";
        PROXY_QLEN "proxy_qlen": i32, 0..=2147483647,
            "Delayed answers for others.";
        RETRANS_TIME_MS "retrans_time_ms": i32, 0..=2147483647,
            "Milliseconds between requests.";
        UCAST_SOLICIT "ucast_solicit": i32, 0..=2147483647,
            "Requests to the neighbour before those to all.";
        UNRES_QLEN_BYTES "unres_qlen_bytes": i32, 0..=2147483647,
            "Bytes of packets that wait for an address.";
    }
}
