//! Tunnels.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{NetworkOrder, ToldAsByte};

netwright_wire::attrs! {
    /// `IFLA_VXLAN_*`
    pub struct Vxlan, VxlanView: Native {
        /// Network identifier, 24 bits.
        IFLA_VXLAN_ID = 1 => id: u32,
        /// Where unknown destinations are sent, or a multicast group (IPv4).
        IFLA_VXLAN_GROUP = 2 => group: Ipv4Addr,
        /// Index of the link below it.
        IFLA_VXLAN_LINK = 3 => link: u32,
        /// Own address (IPv4).
        IFLA_VXLAN_LOCAL = 4 => local: Ipv4Addr,
        /// Hop limit; 0 inherits.
        IFLA_VXLAN_TTL = 5 => ttl: u8,
        /// Type of service; 1 inherits.
        IFLA_VXLAN_TOS = 6 => type_of_service: u8,
        /// Whether addresses are learnt.
        IFLA_VXLAN_LEARNING = 7 => learning: bool,
        /// How long an entry stays, in seconds.
        IFLA_VXLAN_AGEING = 8 => ageing: u32,
        /// Largest number of entries; 0 is no limit.
        IFLA_VXLAN_LIMIT = 9 => limit: u32,
        /// UDP source ports.
        IFLA_VXLAN_PORT_RANGE = 10 => port_range: PortRange,
        /// Whether ARP is answered for others.
        IFLA_VXLAN_PROXY = 11 => proxy: bool,
        /// Whether routed packets take the short way.
        IFLA_VXLAN_RSC = 12 => route_short_circuit: bool,
        /// Tells of unknown hardware addresses.
        IFLA_VXLAN_L2MISS = 13 => l2_miss: bool,
        /// Tells of unknown IP addresses.
        IFLA_VXLAN_L3MISS = 14 => l3_miss: bool,
        /// UDP destination port. The kernel's default, 8472, is not IANA's 4789.
        IFLA_VXLAN_PORT = 15 => port: NetworkOrder<u16>,
        /// Where unknown destinations are sent, or a multicast group (IPv6).
        IFLA_VXLAN_GROUP6 = 16 => group6: Ipv6Addr,
        /// Own address (IPv6).
        IFLA_VXLAN_LOCAL6 = 17 => local6: Ipv6Addr,
        /// UDP checksums over IPv4.
        IFLA_VXLAN_UDP_CSUM = 18 => udp_checksum: bool,
        /// No UDP checksums over IPv6.
        IFLA_VXLAN_UDP_ZERO_CSUM6_TX = 19 => udp_zero_checksum6_send: bool,
        /// Accepts none over IPv6.
        IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 20 => udp_zero_checksum6_receive: bool,
        /// Remote checksum offload, sending.
        IFLA_VXLAN_REMCSUM_TX = 21 => remote_checksum_send: bool,
        /// Remote checksum offload, receiving.
        IFLA_VXLAN_REMCSUM_RX = 22 => remote_checksum_receive: bool,
        /// Group policy extension.
        IFLA_VXLAN_GBP = 23 => group_policy: (),
        /// Remote checksum offload is not partial.
        IFLA_VXLAN_REMCSUM_NOPARTIAL = 24 => remote_checksum_not_partial: (),
        /// The tunnel's data comes from routes or tc.
        IFLA_VXLAN_COLLECT_METADATA = 25 => collect_metadata: bool,
        /// IPv6 flow label.
        IFLA_VXLAN_LABEL = 26 => flow_label: NetworkOrder<u32>,
        /// Generic protocol extension.
        IFLA_VXLAN_GPE = 27 => protocol_extension: (),
        /// Hop limit of the inner packet.
        IFLA_VXLAN_TTL_INHERIT = 28 => ttl_inherit: ToldAsByte,
        /// Do not fragment.
        IFLA_VXLAN_DF = 29 => do_not_fragment: DoNotFragment,
        /// Filters network identifiers.
        IFLA_VXLAN_VNIFILTER = 30 => vni_filter: bool,
        /// Whether packets to an address of this host skip the outer header.
        IFLA_VXLAN_LOCALBYPASS = 31 => local_bypass: bool,
        /// Where the IPv6 flow label comes from: 0 `flow_label`, 1 the inner packet.
        IFLA_VXLAN_LABEL_POLICY = 32 => flow_label_policy: u32,
        /// Bits of the header that may be set, of eight bytes.
        IFLA_VXLAN_RESERVED_BITS = 33 => reserved_bits: [u8; 8],
        /// Whether multicast goes by the host's multicast routing.
        IFLA_VXLAN_MC_ROUTE = 34 => multicast_routing: bool,
    }

    /// `IFLA_GENEVE_*`
    pub struct Geneve, GeneveView: Native {
        /// Network identifier, 24 bits.
        IFLA_GENEVE_ID = 1 => id: u32,
        /// Other end (IPv4).
        IFLA_GENEVE_REMOTE = 2 => remote: Ipv4Addr,
        /// Hop limit; 0 inherits.
        IFLA_GENEVE_TTL = 3 => ttl: u8,
        /// Type of service; 1 inherits.
        IFLA_GENEVE_TOS = 4 => type_of_service: u8,
        /// UDP destination port.
        IFLA_GENEVE_PORT = 5 => port: NetworkOrder<u16>,
        /// The tunnel's data comes from routes or tc.
        IFLA_GENEVE_COLLECT_METADATA = 6 => collect_metadata: (),
        /// Other end (IPv6).
        IFLA_GENEVE_REMOTE6 = 7 => remote6: Ipv6Addr,
        /// UDP checksums over IPv4.
        IFLA_GENEVE_UDP_CSUM = 8 => udp_checksum: bool,
        /// No UDP checksums over IPv6.
        IFLA_GENEVE_UDP_ZERO_CSUM6_TX = 9 => udp_zero_checksum6_send: bool,
        /// Accepts none over IPv6.
        IFLA_GENEVE_UDP_ZERO_CSUM6_RX = 10 => udp_zero_checksum6_receive: bool,
        /// IPv6 flow label.
        IFLA_GENEVE_LABEL = 11 => flow_label: NetworkOrder<u32>,
        /// Hop limit of the inner packet.
        IFLA_GENEVE_TTL_INHERIT = 12 => ttl_inherit: bool,
        /// Do not fragment.
        IFLA_GENEVE_DF = 13 => do_not_fragment: DoNotFragment,
        /// The protocol is that of the inner packet.
        IFLA_GENEVE_INNER_PROTO_INHERIT = 14 => inner_protocol_inherit: (),
    }

    /// `IFLA_XFRM_*`
    pub struct Xfrm, XfrmView: Native {
        /// Index of the link below it.
        IFLA_XFRM_LINK = 1 => link: u32,
        /// Id that policies name.
        IFLA_XFRM_IF_ID = 2 => interface_id: u32,
        /// The tunnel's data comes from routes or tc.
        IFLA_XFRM_COLLECT_METADATA = 3 => collect_metadata: (),
    }
}

netwright_wire::header! {
    /// `struct ifla_vxlan_port_range`
    pub struct PortRange: Big {
        low: u16,
        high: u16,
    }
}

netwright_wire::open_enum! {
    /// Whether packets over IPv4 may be fragmented on their way (`enum ifla_vxlan_df`, `enum ifla_geneve_df`).
    pub struct DoNotFragment(u8) {
        /// They may.
        UNSET = 0 "unset",
        /// They may not.
        SET = 1 "set",
        /// As the inner packet says.
        INHERIT = 2 "inherit",
    }
}

/// The data of kinds that share a table is a type for each, so that the type says the kind.
macro_rules! gre {
    ($($name:ident, $view:ident;)*) => { netwright_wire::attrs! {$(
        /// `IFLA_GRE_*`
        pub struct $name, $view: Native {
            /// Index of the link below it.
            IFLA_GRE_LINK = 1 => link: u32,
            /// What received packets have: key 0x2000, checksum 0x8000, sequence 0x1000.
            IFLA_GRE_IFLAGS = 2 => receive_flags: NetworkOrder<u16>,
            /// What sent packets have.
            IFLA_GRE_OFLAGS = 3 => send_flags: NetworkOrder<u16>,
            /// Key of received packets.
            IFLA_GRE_IKEY = 4 => receive_key: NetworkOrder<u32>,
            /// Key of sent packets.
            IFLA_GRE_OKEY = 5 => send_key: NetworkOrder<u32>,
            /// Own address.
            IFLA_GRE_LOCAL = 6 => local: IpAddr,
            /// Other end.
            IFLA_GRE_REMOTE = 7 => remote: IpAddr,
            /// Hop limit; 0 inherits.
            IFLA_GRE_TTL = 8 => ttl: u8,
            /// Type of service; 1 inherits.
            IFLA_GRE_TOS = 9 => type_of_service: u8,
            /// Path MTU discovery.
            IFLA_GRE_PMTUDISC = 10 => path_mtu_discovery: bool,
            /// Encapsulation limit (IPv6).
            IFLA_GRE_ENCAP_LIMIT = 11 => encapsulation_limit: u8,
            /// Traffic class and flow label (IPv6).
            IFLA_GRE_FLOWINFO = 12 => flow_info: NetworkOrder<u32>,
            /// Flags (IPv6).
            IFLA_GRE_FLAGS = 13 => flags: u32,
            /// Encapsulation: 0 none, 1 FOU, 2 GUE, 3 MPLS.
            IFLA_GRE_ENCAP_TYPE = 14 => encapsulation: u16,
            /// Encapsulation flags.
            IFLA_GRE_ENCAP_FLAGS = 15 => encapsulation_flags: u16,
            /// UDP source port.
            IFLA_GRE_ENCAP_SPORT = 16 => encapsulation_source_port: NetworkOrder<u16>,
            /// UDP destination port.
            IFLA_GRE_ENCAP_DPORT = 17 => encapsulation_destination_port: NetworkOrder<u16>,
            /// The tunnel's data comes from routes or tc.
            IFLA_GRE_COLLECT_METADATA = 18 => collect_metadata: (),
            /// Fragments even what must not be.
            IFLA_GRE_IGNORE_DF = 19 => ignore_do_not_fragment: bool,
            /// Mark of sent packets.
            IFLA_GRE_FWMARK = 20 => mark: u32,
            /// ERSPAN index.
            IFLA_GRE_ERSPAN_INDEX = 21 => erspan_index: u32,
            /// ERSPAN version.
            IFLA_GRE_ERSPAN_VER = 22 => erspan_version: u8,
            /// ERSPAN direction.
            IFLA_GRE_ERSPAN_DIR = 23 => erspan_direction: u8,
            /// ERSPAN hardware id.
            IFLA_GRE_ERSPAN_HWID = 24 => erspan_hardware_id: u16,
        }
    )*}};
}

gre! {
    Gre, GreView;
    GreTap, GreTapView;
    Ip6Gre, Ip6GreView;
    Ip6GreTap, Ip6GreTapView;
}

macro_rules! ip_tunnel {
    ($($name:ident, $view:ident;)*) => { netwright_wire::attrs! {$(
        /// `IFLA_IPTUN_*`
        pub struct $name, $view: Native {
            /// Index of the link below it.
            IFLA_IPTUN_LINK = 1 => link: u32,
            /// Own address.
            IFLA_IPTUN_LOCAL = 2 => local: IpAddr,
            /// Other end.
            IFLA_IPTUN_REMOTE = 3 => remote: IpAddr,
            /// Hop limit; 0 inherits.
            IFLA_IPTUN_TTL = 4 => ttl: u8,
            /// Type of service; 1 inherits.
            IFLA_IPTUN_TOS = 5 => type_of_service: u8,
            /// Encapsulation limit (IPv6).
            IFLA_IPTUN_ENCAP_LIMIT = 6 => encapsulation_limit: u8,
            /// Traffic class and flow label (IPv6).
            IFLA_IPTUN_FLOWINFO = 7 => flow_info: NetworkOrder<u32>,
            /// Flags: 16 bits for `sit`, 32 for `ip6tnl`.
            IFLA_IPTUN_FLAGS = 8 => flags: Vec<u8>,
            /// What is carried: 4 IPv4, 41 IPv6, 0 any.
            IFLA_IPTUN_PROTO = 9 => protocol: u8,
            /// Path MTU discovery.
            IFLA_IPTUN_PMTUDISC = 10 => path_mtu_discovery: bool,
            /// 6rd prefix.
            IFLA_IPTUN_6RD_PREFIX = 11 => rapid_deployment_prefix: Ipv6Addr,
            /// 6rd relay.
            IFLA_IPTUN_6RD_RELAY_PREFIX = 12 => rapid_deployment_relay: Ipv4Addr,
            /// 6rd prefix length.
            IFLA_IPTUN_6RD_PREFIXLEN = 13 => rapid_deployment_prefix_length: u16,
            /// 6rd relay length.
            IFLA_IPTUN_6RD_RELAY_PREFIXLEN = 14 => rapid_deployment_relay_length: u16,
            /// Encapsulation: 0 none, 1 FOU, 2 GUE, 3 MPLS.
            IFLA_IPTUN_ENCAP_TYPE = 15 => encapsulation: u16,
            /// Encapsulation flags.
            IFLA_IPTUN_ENCAP_FLAGS = 16 => encapsulation_flags: u16,
            /// UDP source port.
            IFLA_IPTUN_ENCAP_SPORT = 17 => encapsulation_source_port: NetworkOrder<u16>,
            /// UDP destination port.
            IFLA_IPTUN_ENCAP_DPORT = 18 => encapsulation_destination_port: NetworkOrder<u16>,
            /// The tunnel's data comes from routes or tc.
            IFLA_IPTUN_COLLECT_METADATA = 19 => collect_metadata: (),
            /// Mark of sent packets.
            IFLA_IPTUN_FWMARK = 20 => mark: u32,
        }
    )*}};
}

ip_tunnel! {
    IpIp, IpIpView;
    Ip6Tunnel, Ip6TunnelView;
    Sit, SitView;
}

macro_rules! vti {
    ($($name:ident, $view:ident;)*) => { netwright_wire::attrs! {$(
        /// `IFLA_VTI_*`
        pub struct $name, $view: Native {
            /// Index of the link below it.
            IFLA_VTI_LINK = 1 => link: u32,
            /// Key of received packets.
            IFLA_VTI_IKEY = 2 => receive_key: NetworkOrder<u32>,
            /// Key of sent packets.
            IFLA_VTI_OKEY = 3 => send_key: NetworkOrder<u32>,
            /// Own address.
            IFLA_VTI_LOCAL = 4 => local: IpAddr,
            /// Other end.
            IFLA_VTI_REMOTE = 5 => remote: IpAddr,
            /// Mark of sent packets.
            IFLA_VTI_FWMARK = 6 => mark: u32,
        }
    )*}};
}

vti! {
    Vti, VtiView;
    Vti6, Vti6View;
}
