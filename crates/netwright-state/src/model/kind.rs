use std::net::IpAddr;

use netwright_route::NetworkOrder;
use netwright_route::link::kind;

use super::Table;
use crate::options::{
    Convert, Hundredths, Index, Ipv4, Ipv6, Network, RoutingTable, Same, Switch, Written, options,
    written_as_text,
};
use crate::scalar::{Between, InterfaceName};
use crate::section::{kernel_words, kinds, words};

kinds! {
    /// The kind of a link that can be made, with the keys that only it has.
    pub enum LinkKind {
        /// A bridge: joins its ports like a switch.
        "bridge" => Bridge(Bridge),
        /// One end of a cable between two links of this or another namespace.
        "veth" => Veth(Veth),
        /// An IEEE 802.1Q or 802.1ad VLAN on top of another link.
        "vlan" => Vlan(Vlan),
        /// Ethernet over UDP (RFC 7348).
        "vxlan" => Vxlan(Vxlan),
        /// A link with its own MAC address on top of another.
        "macvlan" => MacVlan(MacVlan),
        /// The same, with a character device for a virtual machine.
        "macvtap" => MacVtap(MacVlan),
        /// A link with its own IP addresses but the MAC address of the one below.
        "ipvlan" => IpVlan(IpVlan),
        /// A link that drops what it is given; for addresses that belong to no card.
        "dummy" => Dummy(Dummy),
        /// An intermediate functional block, for shaping what comes in.
        "ifb" => Ifb(Ifb),
        /// A program at the other end, which reads and writes IP packets.
        "tun" => Tun(Tun),
        /// A program at the other end, which reads and writes Ethernet frames.
        "tap" => Tap(Tun),
        /// Several links used as one.
        "bond" => Bond(Bond),
        /// A routing domain of its own.
        "vrf" => Vrf(Vrf),
        /// IP in GRE in IPv4 (RFC 2784).
        "gre" => Gre(GreTunnel),
        /// Ethernet in GRE in IPv4.
        "gretap" => GreTap(GreTunnel),
        /// IPv4 in IPv4 (RFC 2003).
        "ipip" => IpIp(Tunnel),
        /// IPv6 in IPv4 (RFC 4213).
        "sit" => Sit(Tunnel),
        /// IP in GRE in IPv6.
        "ip6gre" => Ip6Gre(Gre6Tunnel),
        /// Ethernet in GRE in IPv6.
        "ip6gretap" => Ip6GreTap(Gre6Tunnel),
        /// IP in IPv6 (RFC 2473).
        "ip6tnl" => Ip6Tunnel(Tunnel6),
    }
}

options! {
    /// A bridge.
    pub struct Bridge as "a bridge" for [Bridge] {
        /// The links that it joins. One without a table of its own is taken as it is, and brought up.
        list "ports" => ports: String as InterfaceName,
        /// Whether the spanning tree protocol runs.
        optional "stp" => stp: bool => [spanning_tree: Switch, Live, default 0],
        /// The bridge's priority in the spanning tree.
        optional "priority" => priority: u16 => [priority: Same, Live, default 32768],
        /// Seconds that a port listens and learns before it forwards.
        optional "forward-delay" => forward_delay: u32 as Between<0, 30> => [forward_delay: Hundredths, Live, default 1500],
        /// Seconds between messages of the spanning tree.
        optional "hello-time" => hello_time: u32 as Between<1, 10> => [hello_time: Hundredths, Live, default 200],
        /// Seconds after which a message of the spanning tree is forgotten.
        optional "max-age" => max_age: u32 as Between<6, 40> => [maximum_age: Hundredths, Live, default 2000],
        /// Seconds after which a MAC address is forgotten.
        optional "ageing-time" => ageing_time: u32 as Between<0, 1000000> => [ageing_time: Hundredths, Live, default 30000],
        /// Bits of the link-local groups 01:80:c2:00:00:0X that are forwarded.
        optional "group-forward-mask" => group_forward_mask: u16 => [group_forward_mask: Same, Live, default 0],
        /// Whether frames are kept apart by VLAN.
        optional "vlan-filtering" => vlan_filtering: bool => [vlan_filtering: Same, Live, default false, only vlan_filtering_matters],
        /// The VLAN of frames that come without a tag; 0 for none.
        optional "vlan-default-pvid" => vlan_default_pvid: u16 as Between<0, 4094> => [vlan_default: Same, Live, default 1, only has_vlan_default],
        /// Whether multicast goes only to the ports that asked for it.
        optional "multicast-snooping" => multicast_snooping: bool => [multicast_snooping: Same, Live, default true, only multicast_snooping_matters],
        /// Whether the bridge itself asks who wants multicast.
        optional "multicast-querier" => multicast_querier: bool => [multicast_querier: Same, Live, default false, only multicast_querier_matters],
    }
}

/// Kernels that lack a feature tell that it is off, but refuse to be told so.
fn vlan_filtering_matters(bridge: &kind::Bridge) -> bool {
    bridge.vlan_filtering == Some(true) || bridge.vlan_default.is_some()
}

fn has_vlan_default(bridge: &kind::Bridge) -> bool {
    bridge.vlan_default.is_some()
}

fn multicast_snooping_matters(bridge: &kind::Bridge) -> bool {
    bridge.multicast_snooping == Some(false) || bridge.multicast_querier.is_some()
}

fn multicast_querier_matters(bridge: &kind::Bridge) -> bool {
    bridge.multicast_querier.is_some()
}

options! {
    /// One end of a cable.
    pub struct Veth as "a veth" for [Veth] {
        /// The name of the other end. It may have a table of its own, without `kind`.
        required "peer" => peer: String as InterfaceName,
    }
}

words! {
    /// The tag that a VLAN's frames carry.
    pub enum VlanProtocol as "VLAN protocol" {
        /// The customer tag, 0x8100.
        Dot1q = "802.1q",
        /// The service tag, 0x88a8.
        Dot1ad = "802.1ad",
    }
}

struct Tag;

impl Convert<VlanProtocol, NetworkOrder<u16>> for Tag {
    fn down(value: &VlanProtocol, _: crate::options::ById<'_>) -> Option<NetworkOrder<u16>> {
        Some(NetworkOrder(match value {
            VlanProtocol::Dot1q => 0x8100,
            VlanProtocol::Dot1ad => 0x88a8,
        }))
    }

    fn up(value: &NetworkOrder<u16>, _: crate::options::ByIndex<'_>) -> Option<VlanProtocol> {
        match value.0 {
            0x8100 => Some(VlanProtocol::Dot1q),
            0x88a8 => Some(VlanProtocol::Dot1ad),
            _ => None,
        }
    }
}

options! {
    /// A VLAN.
    pub struct Vlan as "a vlan" for [Vlan] {
        /// The link that carries it.
        required "parent" => parent: String as InterfaceName,
        /// The VLAN's number.
        required "id" => id: u16 as Between<1, 4094> => [id: Same, Anew],
        /// The tag on its frames, 802.1q when not set.
        optional "protocol" => protocol: VlanProtocol => [protocol: Tag, Anew, default NetworkOrder(0x8100)],
    }
}

options! {
    /// A VXLAN.
    pub struct Vxlan as "a vxlan" for [Vxlan] {
        /// The network's number (VNI).
        required "id" => id: u32 as Between<0, 16777215> => [id: Same, Anew],
        /// The source of the outer packets.
        optional "local" => local: IpAddr => [local: Ipv4, Live] [local6: Ipv6, Live],
        /// The one other end, for frames whose place is not known.
        optional "remote" => remote: IpAddr => [group: Ipv4, Live, only has_remote] [group6: Ipv6, Live, only has_remote],
        /// The multicast group of all ends, for frames whose place is not known.
        optional "group" => group: IpAddr => [group: Ipv4, Live, only has_group] [group6: Ipv6, Live, only has_group],
        /// The link that the outer packets take; a multicast group needs it.
        optional "parent" => parent: String as InterfaceName => [link: Index, Live],
        /// The UDP port, 4789 when not set.
        optional "port" => port: u16 as Between<1, 65535> => [port: Network, Anew, default NetworkOrder(4789)],
        /// The hop limit of the outer packets; 0 to take that of the inner ones.
        optional "ttl" => ttl: u8 => [ttl: Same, Live, default 0],
        /// The type of service of the outer packets; 1 to take that of the inner ones.
        optional "tos" => tos: u8 => [type_of_service: Same, Live, default 0],
        /// Whether the places of MAC addresses are learnt from what comes in.
        optional "learning" => learning: bool => [learning: Same, Live, default true],
        /// Seconds after which a MAC address is forgotten.
        optional "ageing-time" => ageing_time: u32 => [ageing: Same, Live, default 300],
        /// The largest number of entries; 0 for no limit.
        optional "limit" => limit: u32 => [limit: Same, Anew, default 0],
        /// Whether ARP and neighbour discovery are answered for others.
        optional "proxy" => proxy: bool => [proxy: Same, Anew, default false],
        /// Whether unknown MAC addresses are told to programs.
        optional "l2-miss" => l2_miss: bool => [l2_miss: Same, Anew, default false],
        /// Whether unknown IP addresses are told to programs.
        optional "l3-miss" => l3_miss: bool => [l3_miss: Same, Anew, default false],
    }
}

fn has_group(vxlan: &kind::Vxlan) -> bool {
    vxlan.group.is_some_and(|group| group.is_multicast())
        || vxlan.group6.is_some_and(|group| group.is_multicast())
}

fn has_remote(vxlan: &kind::Vxlan) -> bool {
    !has_group(vxlan)
}

kernel_words! {
    /// How the links on one parent see each other.
    kind::MacvlanMode as "macvlan mode";
    /// Where packets of an ipvlan are routed.
    kind::IpvlanMode as "ipvlan mode";
    /// How a bond spreads packets over its ports.
    kind::BondMode as "bond mode";
    /// What a bond's hash covers.
    kind::TransmitHash as "bond hash";
    /// How often LACP partners speak.
    kind::LacpRate as "LACP rate";
    /// Which ports' ARP is validated.
    kind::ArpValidate as "way of validating ARP";
    /// When the preferred port is taken again.
    kind::PrimaryReselect as "way of reselection";
    /// Which hardware address the ports have.
    kind::FailoverAddress as "way of addresses at failover";
    /// How aggregators of LACP are chosen.
    kind::AggregationSelection as "way of selecting aggregators";
}

options! {
    /// A link with a MAC address of its own on top of another.
    pub struct MacVlan as "a macvlan" for [Macvlan Macvtap] {
        /// The link below.
        required "parent" => parent: String as InterfaceName,
        /// How the links on one parent see each other, vepa when not set.
        optional "mode" => mode: kind::MacvlanMode => [mode: Same, Live, default kind::MacvlanMode::VEPA],
    }
}

options! {
    /// A link with IP addresses of its own on top of another.
    pub struct IpVlan as "an ipvlan" for [Ipvlan] {
        /// The link below.
        required "parent" => parent: String as InterfaceName,
        /// Where packets are routed, l3 when not set.
        optional "mode" => mode: kind::IpvlanMode => [mode: Same, Live, default kind::IpvlanMode::L3],
    }
}

options! {
    /// A link that drops what it is given.
    pub struct Dummy as "a dummy link" for [Dummy] {}
}

options! {
    /// An intermediate functional block.
    pub struct Ifb as "an ifb" for [Ifb] {}
}

options! {
    /// A link with a program at its other end.
    pub struct Tun as "a tun or tap link" for [Tun] {
        /// The user id that may open it.
        optional "user" => user: u32 => [owner: Same, Anew],
        /// The group id that may open it.
        optional "group" => group: u32 => [group: Same, Anew],
        /// Whether it may be opened several times, for several queues.
        optional "multi-queue" => multi_queue: bool => [multiple_queues: Same, Anew, default false],
        /// Whether each packet comes with four bytes of flags and protocol in front.
        optional "packet-information" => packet_information: bool => [packet_information: Same, Anew, default false],
        /// Whether each packet comes with a virtio header in front.
        optional "virtio-header" => virtio_header: bool => [virtio_header: Same, Anew, default false],
    }
}

fn is_lacp(bond: &kind::Bond) -> bool {
    bond.mode.is_none_or(|mode| mode == kind::BondMode::LACP)
}

fn has_primary(bond: &kind::Bond) -> bool {
    let mode = bond.mode.unwrap_or(kind::BondMode::ACTIVE_BACKUP);
    let modes = [kind::BondMode::ACTIVE_BACKUP, kind::BondMode::TRANSMIT_LOAD, kind::BondMode::ADAPTIVE_LOAD];
    modes.contains(&mode)
}

options! {
    /// Several links used as one.
    pub struct Bond as "a bond" for [Bond] {
        /// The links that it uses. One without a table of its own is taken as it is.
        list "ports" => ports: String as InterfaceName,
        /// How packets are spread, balance-rr when not set.
        optional "mode" => mode: kind::BondMode => [mode: Same, NoPorts, default kind::BondMode::ROUND_ROBIN],
        /// Milliseconds between looks at the ports' carrier.
        optional "miimon" => miimon: u32 as Between<0, 2147483647> => [miimon: Same, Live, default 0],
        /// Milliseconds before a port that came up is used; a multiple of `miimon`.
        optional "up-delay" => up_delay: u32 as Between<0, 2147483647> => [up_delay: Same, Live, default 0],
        /// Milliseconds before a port that went down is left; a multiple of `miimon`.
        optional "down-delay" => down_delay: u32 as Between<0, 2147483647> => [down_delay: Same, Live, default 0],
        /// What the hash covers.
        optional "hash" => hash: kind::TransmitHash => [transmit_hash_policy: Same, Live, default kind::TransmitHash::LAYER2],
        /// How often LACP partners speak.
        optional "lacp-rate" => lacp_rate: kind::LacpRate => [lacp_rate: Same, Down, default kind::LacpRate::SLOW, only is_lacp],
        /// How aggregators of LACP are chosen.
        optional "aggregation-selection" => aggregation_selection: kind::AggregationSelection => [aggregation_selection: Same, Down, default kind::AggregationSelection::STABLE, only is_lacp],
        /// The port to prefer.
        optional "primary" => primary: String as InterfaceName => [primary: Index, Live, only has_primary],
        /// When the preferred port is taken again.
        optional "primary-reselect" => primary_reselect: kind::PrimaryReselect => [primary_reselect: Same, Live, default kind::PrimaryReselect::ALWAYS, only has_primary],
        /// Which hardware address the ports have.
        optional "failover-mac" => failover_mac: kind::FailoverAddress => [failover_address: Same, NoPorts, default kind::FailoverAddress::NONE],
        /// How many ports must work for the bond to have a carrier.
        optional "min-links" => min_links: u32 => [minimum_links: Same, Live, default 0],
        /// Notifications of neighbours after a change.
        optional "peer-notifications" => peer_notifications: u8 => [peer_notifications: Same, Live, default 1],
        /// Whether frames to ports that are not in use are taken in.
        optional "all-ports-active" => all_ports_active: bool => [all_ports_active: Same, Live, default false],
        /// Packets before the next port, in mode balance-rr.
        optional "packets-per-port" => packets_per_port: u32 as Between<0, 65535> => [packets_per_port: Same, Live, default 1, only is_round_robin],
        /// Reports of multicast membership after a change.
        optional "resend-igmp" => resend_igmp: u32 as Between<0, 255> => [resend_igmp: Same, Live, default 1],
    }
}

fn is_round_robin(bond: &kind::Bond) -> bool {
    bond.mode.is_none_or(|mode| mode == kind::BondMode::ROUND_ROBIN)
}

options! {
    /// A routing domain.
    pub struct Vrf as "a vrf" for [Vrf] {
        /// The routing table that the domain uses.
        required "table" => table: Table = Table(0) => [table: RoutingTable, Anew],
        /// The links that belong to it. One without a table of its own is taken as it is.
        list "ports" => ports: String as InterfaceName,
    }
}

options! {
    /// A tunnel over IPv4.
    pub struct Tunnel as "a tunnel" for [IpIp Sit] {
        /// This host's end.
        optional "local" => local: IpAddr => [local: Same, Live],
        /// The other end; any when not set.
        optional "remote" => remote: IpAddr => [remote: Same, Live],
        /// The link that the outer packets take.
        optional "parent" => parent: String as InterfaceName => [link: Index, Live],
        /// The hop limit of the outer packets; 0 to take that of the inner ones.
        optional "ttl" => ttl: u8 => [ttl: Same, Live],
        /// The type of service of the outer packets; 1 to take that of the inner ones.
        optional "tos" => tos: u8 => [type_of_service: Same, Live],
    }
}

/// A key, which the kernel has to be told that it has.
struct KeyFlag;

impl Convert<u32, NetworkOrder<u16>> for KeyFlag {
    fn down(_: &u32, _: crate::options::ById<'_>) -> Option<NetworkOrder<u16>> {
        const KEY: u16 = 0x2000;
        Some(NetworkOrder(KEY))
    }

    fn up(_: &NetworkOrder<u16>, _: crate::options::ByIndex<'_>) -> Option<u32> {
        None
    }
}

options! {
    /// A GRE tunnel over IPv4.
    pub struct GreTunnel as "a GRE tunnel" for [Gre GreTap] {
        /// This host's end.
        optional "local" => local: IpAddr => [local: Same, Live],
        /// The other end; any when not set.
        optional "remote" => remote: IpAddr => [remote: Same, Live],
        /// The link that the outer packets take.
        optional "parent" => parent: String as InterfaceName => [link: Index, Live],
        /// The hop limit of the outer packets; 0 to take that of the inner ones.
        optional "ttl" => ttl: u8 => [ttl: Same, Live],
        /// The type of service of the outer packets; 1 to take that of the inner ones.
        optional "tos" => tos: u8 => [type_of_service: Same, Live],
        /// The key, the same in both directions.
        optional "key" => key: u32 => [receive_key: Network, Live] [send_key: Network, Live]
            [receive_flags: KeyFlag, Live] [send_flags: KeyFlag, Live],
    }
}

/// The traffic class of packets of IPv6, which the kernel has together with the flow label, the traffic class in front.
struct TrafficClass;

impl Convert<u8, NetworkOrder<u32>> for TrafficClass {
    fn down(value: &u8, _: crate::options::ById<'_>) -> Option<NetworkOrder<u32>> {
        Some(NetworkOrder(u32::from(*value) << 20))
    }

    fn up(value: &NetworkOrder<u32>, _: crate::options::ByIndex<'_>) -> Option<u8> {
        Some((value.0 >> 20 & 0xff) as u8)
    }
}

options! {
    /// A tunnel over IPv6.
    pub struct Tunnel6 as "a tunnel over IPv6" for [Ip6Tunnel] {
        /// This host's end.
        optional "local" => local: IpAddr => [local: Same, Live],
        /// The other end; any when not set.
        optional "remote" => remote: IpAddr => [remote: Same, Live],
        /// The link that the outer packets take.
        optional "parent" => parent: String as InterfaceName => [link: Index, Live],
        /// The hop limit of the outer packets; 0 to take that of the inner ones.
        optional "ttl" => ttl: u8 => [ttl: Same, Live],
        /// The traffic class of the outer packets.
        optional "tos" => tos: u8 => [flow_info: TrafficClass, Live, default NetworkOrder(0)],
    }
}

options! {
    /// A GRE tunnel over IPv6.
    pub struct Gre6Tunnel as "a GRE tunnel over IPv6" for [Ip6Gre Ip6GreTap] {
        /// This host's end.
        optional "local" => local: IpAddr => [local: Same, Live],
        /// The other end; any when not set.
        optional "remote" => remote: IpAddr => [remote: Same, Live],
        /// The link that the outer packets take.
        optional "parent" => parent: String as InterfaceName => [link: Index, Live],
        /// The hop limit of the outer packets; 0 to take that of the inner ones.
        optional "ttl" => ttl: u8 => [ttl: Same, Live],
        /// The traffic class of the outer packets.
        optional "tos" => tos: u8 => [flow_info: TrafficClass, Live, default NetworkOrder(0)],
        /// The key, the same in both directions.
        optional "key" => key: u32 => [receive_key: Network, Live] [send_key: Network, Live]
            [receive_flags: KeyFlag, Live] [send_flags: KeyFlag, Live],
    }
}

written_as_text!(VlanProtocol);

impl Written for Table {
    fn written(&self) -> serde_json::Value {
        crate::options::word_or_number(self, self.0)
    }
}
