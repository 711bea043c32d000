//! The attribute tables of links (`IFLA_*`, `linux/if_link.h`).

use std::net::Ipv6Addr;

use netwright_wire::{ByteOrder, ListItem, Malformed, Value, Writer};

use super::{AddressGeneration, LinkFlags, LinkInfo, OperationalState, Statistics};
use crate::{HardwareAddress, PlainText, RawNest};

netwright_wire::header! {
    /// `struct ifinfomsg`.
    pub struct LinkHeader: Native {
        family: u8,
        padding: u8,
        /// Hardware type (`ARPHRD_*`).
        hardware_type: u16,
        /// Index of the link.
        index: u32,
        flags: LinkFlags,
        /// Which of the flags a request changes.
        change: LinkFlags,
    }
}

netwright_wire::attrs! {
    /// Attributes of a link (`IFLA_*`).
    pub struct LinkAttrs, LinkAttrsView: Native {
        /// Hardware address.
        IFLA_ADDRESS = 1 => address: HardwareAddress,
        /// Hardware address that reaches everybody.
        IFLA_BROADCAST = 2 => broadcast: HardwareAddress,
        /// Name.
        IFLA_IFNAME = 3 => name: String,
        /// Largest packet, in bytes.
        IFLA_MTU = 4 => mtu: u32,
        /// Index of the link below it.
        IFLA_LINK = 5 => parent: u32,
        /// Queueing discipline.
        IFLA_QDISC = 6 => queueing_discipline: String,
        /// Counters of 32 bits (`struct rtnl_link_stats`).
        IFLA_STATS = 7 => statistics32: Vec<u8>,
        /// Cost; without meaning.
        IFLA_COST = 8 => cost: u32,
        /// Priority; without meaning.
        IFLA_PRIORITY = 9 => priority: u32,
        /// Index of the link that it is a port of; 0 is none.
        IFLA_MASTER = 10 => master: u32,
        /// Wireless extensions.
        IFLA_WIRELESS = 11 => wireless: Vec<u8>,
        /// What a protocol says of the link; for bridges the port's settings.
        IFLA_PROTINFO = 12 => protocol_info: RawNest,
        /// Length of the transmit queue, in packets.
        IFLA_TXQLEN = 13 => transmit_queue_length: u32,
        /// Memory and interrupt (`struct rtnl_link_ifmap`).
        IFLA_MAP = 14 => map: Vec<u8>,
        /// Weight; without meaning.
        IFLA_WEIGHT = 15 => weight: u32,
        /// RFC 2863 state.
        IFLA_OPERSTATE = 16 => operational_state: OperationalState,
        /// Whether the state may be up or stays dormant (0 default, 1 dormant, 2 testing).
        IFLA_LINKMODE = 17 => link_mode: u8,
        /// Kind and the data of it.
        IFLA_LINKINFO = 18 => info: LinkInfo,
        /// Process whose namespace it moves to.
        IFLA_NET_NS_PID = 19 => namespace_pid: u32,
        /// Description, free text.
        IFLA_IFALIAS = 20 => alias: PlainText,
        /// Number of virtual functions.
        IFLA_NUM_VF = 21 => virtual_functions: u32,
        /// Virtual functions.
        IFLA_VFINFO_LIST = 22 => virtual_function_list: RawNest,
        /// Counters.
        IFLA_STATS64 = 23 => statistics: Statistics,
        /// Ports of virtual functions.
        IFLA_VF_PORTS = 24 => virtual_function_ports: RawNest,
        /// The physical function's port.
        IFLA_PORT_SELF = 25 => port_self: RawNest,
        /// Settings of the address families; for bridge messages the bridge's. See [`FamilyAttrs`].
        IFLA_AF_SPEC = 26 => families: RawNest,
        /// Group.
        IFLA_GROUP = 27 => group: u32,
        /// Descriptor of the namespace that it moves to.
        IFLA_NET_NS_FD = 28 => namespace_fd: i32,
        /// What a request wants to hear.
        IFLA_EXT_MASK = 29 => extended_mask: ExtendedMask,
        /// How many want it promiscuous.
        IFLA_PROMISCUITY = 30 => promiscuity: u32,
        /// Transmit queues.
        IFLA_NUM_TX_QUEUES = 31 => transmit_queues: u32,
        /// Receive queues.
        IFLA_NUM_RX_QUEUES = 32 => receive_queues: u32,
        /// Whether there is a carrier.
        IFLA_CARRIER = 33 => carrier: bool,
        /// Id of the physical port.
        IFLA_PHYS_PORT_ID = 34 => physical_port_id: Vec<u8>,
        /// How often the carrier changed.
        IFLA_CARRIER_CHANGES = 35 => carrier_changes: u32,
        /// Id of the switch that the port is of.
        IFLA_PHYS_SWITCH_ID = 36 => physical_switch_id: Vec<u8>,
        /// Namespace of the link below it, by its id here.
        IFLA_LINK_NETNSID = 37 => parent_namespace_id: i32,
        /// Name of the physical port.
        IFLA_PHYS_PORT_NAME = 38 => physical_port_name: String,
        /// Whether a protocol holds it down.
        IFLA_PROTO_DOWN = 39 => protocol_down: bool,
        /// Most segments of a packet to be segmented.
        IFLA_GSO_MAX_SEGS = 40 => gso_maximum_segments: u32,
        /// Largest packet to be segmented, in bytes.
        IFLA_GSO_MAX_SIZE = 41 => gso_maximum_size: u32,
        /// Express data path program.
        IFLA_XDP = 43 => xdp: RawNest,
        /// Why the message was sent.
        IFLA_EVENT = 44 => event: u32,
        /// Namespace that the link moved to, by its id here.
        IFLA_NEW_NETNSID = 45 => new_namespace_id: i32,
        /// Namespace that the request is about, by its id here.
        IFLA_TARGET_NETNSID = 46 => target_namespace_id: i32,
        /// How often the carrier came.
        IFLA_CARRIER_UP_COUNT = 47 => carrier_up_count: u32,
        /// How often the carrier went.
        IFLA_CARRIER_DOWN_COUNT = 48 => carrier_down_count: u32,
        /// Index that the link has, or is to have, where it moved to.
        IFLA_NEW_IFINDEX = 49 => new_index: u32,
        /// Smallest MTU, in bytes.
        IFLA_MIN_MTU = 50 => minimum_mtu: u32,
        /// Largest MTU, in bytes.
        IFLA_MAX_MTU = 51 => maximum_mtu: u32,
        /// Alternative names.
        IFLA_PROP_LIST = 52 => alternative_names: Vec<AlternativeName>,
        /// An alternative name that the request looks for.
        IFLA_ALT_IFNAME = 53 => alternative_name: String,
        /// Hardware address that it was built with.
        IFLA_PERM_ADDRESS = 54 => permanent_address: HardwareAddress,
        /// Why a protocol holds it down.
        IFLA_PROTO_DOWN_REASON = 55 => protocol_down_reason: ProtocolDownReason,
        /// Name of the device that it is of.
        IFLA_PARENT_DEV_NAME = 56 => parent_device: String,
        /// Bus of the device that it is of.
        IFLA_PARENT_DEV_BUS_NAME = 57 => parent_device_bus: String,
        /// Largest packet after receive offload, in bytes.
        IFLA_GRO_MAX_SIZE = 58 => gro_maximum_size: u32,
        /// Largest packet that the device segments, in bytes.
        IFLA_TSO_MAX_SIZE = 59 => tso_maximum_size: u32,
        /// Most segments that the device makes of a packet.
        IFLA_TSO_MAX_SEGS = 60 => tso_maximum_segments: u32,
        /// How many want all multicast packets.
        IFLA_ALLMULTI = 61 => all_multicast: u32,
        /// Largest packet of IPv4 to be segmented, in bytes.
        IFLA_GSO_IPV4_MAX_SIZE = 63 => gso_ipv4_maximum_size: u32,
        /// Largest packet of IPv4 after receive offload, in bytes.
        IFLA_GRO_IPV4_MAX_SIZE = 64 => gro_ipv4_maximum_size: u32,
    }

    /// Kind of a link and the data of it (`IFLA_INFO_*`).
    pub struct LinkInfoAttrs, LinkInfoView: Native {
        /// The kind.
        IFLA_INFO_KIND = 1 => kind: String,
        /// The kind's data.
        IFLA_INFO_DATA = 2 => data: RawNest,
        /// The kind's counters.
        IFLA_INFO_XSTATS = 3 => statistics: Vec<u8>,
        /// The kind of the link that it is a port of.
        IFLA_INFO_SLAVE_KIND = 4 => port_kind: String,
        /// The data of the port.
        IFLA_INFO_SLAVE_DATA = 5 => port_data: RawNest,
    }

    /// Settings of the address families of a link (the attributes in `IFLA_AF_SPEC`, whose types are `AF_*`).
    pub struct FamilyAttrs, FamilyView: Native {
        /// IPv4's.
        AF_INET = 2 => ipv4: Ipv4LinkAttrs,
        /// IPv6's.
        AF_INET6 = 10 => ipv6: Ipv6LinkAttrs,
    }

    /// IPv4 of a link (`IFLA_INET_*`).
    pub struct Ipv4LinkAttrs, Ipv4LinkView: Native {
        /// Settings, an array of `u32` by their numbers.
        IFLA_INET_CONF = 1 => configuration: Vec<u8>,
    }

    /// IPv6 of a link (`IFLA_INET6_*`).
    pub struct Ipv6LinkAttrs, Ipv6LinkView: Native {
        /// State bits.
        IFLA_INET6_FLAGS = 1 => flags: u32,
        /// Settings, an array of `i32` by their numbers.
        IFLA_INET6_CONF = 2 => configuration: Vec<u8>,
        /// Counters.
        IFLA_INET6_STATS = 3 => statistics: Vec<u8>,
        /// Multicast counters.
        IFLA_INET6_MCAST = 4 => multicast: Vec<u8>,
        /// Time stamps and times.
        IFLA_INET6_CACHEINFO = 5 => cache_info: Vec<u8>,
        /// ICMPv6 counters.
        IFLA_INET6_ICMP6STATS = 6 => icmp_statistics: Vec<u8>,
        /// Interface identifier for addresses from router advertisements.
        IFLA_INET6_TOKEN = 7 => token: Ipv6Addr,
        /// How link-local addresses are made.
        IFLA_INET6_ADDR_GEN_MODE = 8 => address_generation: AddressGeneration,
        /// MTU that a router advertised, in bytes.
        IFLA_INET6_RA_MTU = 9 => router_mtu: u32,
    }

    /// Why a protocol holds a link down (`IFLA_PROTO_DOWN_REASON_*`).
    pub struct ProtocolDownReason, ProtocolDownReasonView: Native {
        /// Which bits a request changes.
        IFLA_PROTO_DOWN_REASON_MASK = 1 => mask: u32,
        /// The reasons.
        IFLA_PROTO_DOWN_REASON_VALUE = 2 => value: u32,
    }
}

netwright_wire::open_flags! {
    /// What a request wants to hear besides the usual, or not (`RTEXT_FILTER_*`).
    pub struct ExtendedMask(u32) {
        /// Virtual functions.
        #[doc(alias = "RTEXT_FILTER_VF")]
        VIRTUAL_FUNCTIONS = 1,
        /// VLANs of bridge ports.
        #[doc(alias = "RTEXT_FILTER_BRVLAN")]
        BRIDGE_VLANS = 1 << 1,
        /// VLANs of bridge ports, ranges in one.
        #[doc(alias = "RTEXT_FILTER_BRVLAN_COMPRESSED")]
        BRIDGE_VLANS_COMPRESSED = 1 << 2,
        /// No counters of the address families.
        #[doc(alias = "RTEXT_FILTER_SKIP_STATS")]
        SKIP_STATISTICS = 1 << 3,
        /// Media redundancy.
        MRP = 1 << 4,
        /// Connectivity faults, settings.
        #[doc(alias = "RTEXT_FILTER_CFM_CONFIG")]
        CFM_CONFIGURATION = 1 << 5,
        /// Connectivity faults, state.
        CFM_STATUS = 1 << 6,
        /// Multiple spanning trees.
        MST = 1 << 7,
    }
}

/// One alternative name in the list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AlternativeName(
    /// The name, of up to 127 bytes.
    pub String,
);

impl ListItem for AlternativeName {
    const KIND: u16 = 53; // IFLA_ALT_IFNAME
}

impl Value for AlternativeName {
    type View<'a> = netwright_wire::Text<'a>;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<netwright_wire::Text<'_>, Malformed> {
        String::view::<O>(payload)
    }

    fn own(view: netwright_wire::Text<'_>) -> Result<Self, Malformed> {
        String::own(view).map(AlternativeName)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        self.0.write::<O>(writer);
    }
}
