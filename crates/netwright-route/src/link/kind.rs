//! Kinds of link and of port with the data of each (`IFLA_INFO_DATA`, `IFLA_INFO_SLAVE_DATA`).

use netwright_wire::{Attribute, Attributes, ListItem, RawAttribute, Text, Writer};

use super::Peer;
use crate::{HardwareAddress, NetworkOrder, Table};

mod bond;
mod bridge;
mod state;
mod tunnel;

pub use bond::{
    AggregationSelection, ArpAllTargets, ArpValidate, Bond, BondAggregation, BondAggregationView, BondMode,
    BondPort, BondPortView, BondView, FailoverAddress, LacpRate, PrimaryReselect, TransmitHash,
};
pub use bridge::{Bridge, BridgeOptions, BridgePort, BridgePortView, BridgeView, PortState};
pub use tunnel::{
    DoNotFragment, Geneve, GeneveView, Gre, GreTap, GreTapView, GreView, Ip6Gre, Ip6GreTap, Ip6GreTapView,
    Ip6GreView, Ip6Tunnel, Ip6TunnelView, IpIp, IpIpView, PortRange, Sit, SitView, Vti, Vti6, Vti6View,
    VtiView, Vxlan, VxlanView, Xfrm, XfrmView,
};

netwright_wire::kinds! {
    /// The kind of a link with the kind's data. Physical links and loopback have none.
    pub enum LinkKind {
        /// Load balancing and failover over several links.
        "bond" => Bond(Bond),
        /// Ethernet switch.
        "bridge" => Bridge(Bridge),
        /// Drops what is sent to it.
        "dummy" => Dummy(Dummy),
        /// Ethernet over UDP with options.
        "geneve" => Geneve(Geneve),
        /// IPv4 GRE.
        "gre" => Gre(Gre),
        /// Ethernet over IPv4 GRE.
        "gretap" => GreTap(GreTap),
        /// Intermediate functional block.
        "ifb" => Ifb(Ifb),
        /// IPv6 GRE.
        "ip6gre" => Ip6Gre(Ip6Gre),
        /// Ethernet over IPv6 GRE.
        "ip6gretap" => Ip6GreTap(Ip6GreTap),
        /// IP in IPv6.
        "ip6tnl" => Ip6Tunnel(Ip6Tunnel),
        /// IP in IPv4.
        "ipip" => IpIp(IpIp),
        /// Shares the hardware address of another link.
        "ipvlan" => Ipvlan(Ipvlan),
        /// The same, to be opened as a character device.
        "ipvtap" => Ipvtap(Ipvtap),
        /// IEEE 802.1AE encryption.
        "macsec" => Macsec(Macsec),
        /// Second hardware address on another link.
        "macvlan" => Macvlan(Macvlan),
        /// The same, to be opened as a character device.
        "macvtap" => Macvtap(Macvtap),
        /// IPv6 in IPv4.
        "sit" => Sit(Sit),
        /// TUN or TAP; made by opening `/dev/net/tun`, not by netlink.
        "tun" => Tun(Tun),
        /// One end of a pair.
        "veth" => Veth(Veth),
        /// IEEE 802.1Q or 802.1ad.
        "vlan" => Vlan(Vlan),
        /// Routing of its own for its ports.
        "vrf" => Vrf(Vrf),
        /// IPsec tunnel over IPv4.
        "vti" => Vti(Vti),
        /// IPsec tunnel over IPv6.
        "vti6" => Vti6(Vti6),
        /// Ethernet over UDP.
        "vxlan" => Vxlan(Vxlan),
        /// WireGuard; keys and peers are set by generic netlink.
        "wireguard" => Wireguard(Wireguard),
        /// IPsec interface.
        "xfrm" => Xfrm(Xfrm),
    }
}

impl LinkKind {
    /// Both options; where both set the same, the other's holds. The other's alone where it is of another kind.
    #[must_use]
    pub(super) fn joined(&self, other: LinkKind) -> LinkKind {
        let bytes = |kind: &LinkKind| {
            let mut writer = Writer::new();
            kind.write_data(&mut writer);
            writer
        };
        let (mine, others) = (bytes(self), bytes(&other));
        if self.name() != other.name() || mine.is_empty() || others.check().is_err() || mine.check().is_err()
        {
            return other;
        }
        let set = |kind| Attributes::new(others.bytes()).find(kind).ok().flatten().is_some();
        let mut joined = Writer::new();
        for attribute in
            Attributes::new(mine.bytes()).map_while(Result::ok).filter(|attribute| !set(attribute.kind))
        {
            let Attribute { kind, nested, payload } = attribute;
            joined.raw_attribute(&RawAttribute { kind, nested, payload: payload.to_vec() });
        }
        joined.push(others.bytes());
        LinkKind::read(Text(self.name().as_bytes()), joined.bytes()).unwrap_or(other)
    }
}

netwright_wire::kinds! {
    /// The settings of a port, which depend on the kind of link that it is a port of.
    pub enum PortKind {
        /// Of a bond.
        "bond" => Bond(BondPort),
        /// Of a bridge.
        "bridge" => Bridge(BridgePort),
        /// Of a VRF.
        "vrf" => Vrf(VrfPort),
    }
}

netwright_wire::attrs! {
    /// No data.
    pub struct Dummy, DummyView: Native {}

    /// No data.
    pub struct Ifb, IfbView: Native {}

    /// No data.
    pub struct Wireguard, WireguardView: Native {}

    /// `VETH_INFO_*`
    pub struct Veth, VethView: Native {
        /// The other end. Only for making a pair: the kernel does not tell.
        VETH_INFO_PEER = 1 => peer: Peer,
    }

    /// `IFLA_VLAN_*`
    pub struct Vlan, VlanView: Native {
        /// VLAN id, 0 to 4094.
        IFLA_VLAN_ID = 1 => id: u16,
        /// Flags to change.
        IFLA_VLAN_FLAGS = 2 => flags: VlanFlagChange,
        /// From packet priority to VLAN priority.
        IFLA_VLAN_EGRESS_QOS = 3 => egress_priorities: Vec<PriorityMapping>,
        /// From VLAN priority to packet priority.
        IFLA_VLAN_INGRESS_QOS = 4 => ingress_priorities: Vec<PriorityMapping>,
        /// Ethernet type of the tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad).
        IFLA_VLAN_PROTOCOL = 5 => protocol: NetworkOrder<u16>,
    }

    /// `IFLA_VRF_*`
    pub struct Vrf, VrfView: Native {
        /// Routing table.
        IFLA_VRF_TABLE = 1 => table: Table,
    }

    /// `IFLA_VRF_PORT_*`
    pub struct VrfPort, VrfPortView: Native {
        /// Routing table.
        IFLA_VRF_PORT_TABLE = 1 => table: Table,
    }

    /// `IFLA_MACSEC_*`
    pub struct Macsec, MacsecView: Native {
        /// Secure channel identifier.
        IFLA_MACSEC_SCI = 1 => channel: NetworkOrder<u64>,
        /// Port part of the identifier.
        IFLA_MACSEC_PORT = 2 => port: NetworkOrder<u16>,
        /// Length of the integrity check, in bytes.
        IFLA_MACSEC_ICV_LEN = 3 => check_length: u8,
        /// Cipher suite.
        IFLA_MACSEC_CIPHER_SUITE = 4 => cipher_suite: u64,
        /// Replay window, in packets.
        IFLA_MACSEC_WINDOW = 5 => window: u32,
        /// Association that is sent with.
        IFLA_MACSEC_ENCODING_SA = 6 => encoding_association: u8,
        /// Encrypts.
        IFLA_MACSEC_ENCRYPT = 7 => encrypt: bool,
        /// Protects.
        IFLA_MACSEC_PROTECT = 8 => protect: bool,
        /// Sends the identifier along.
        IFLA_MACSEC_INC_SCI = 9 => include_channel: bool,
        /// End station.
        IFLA_MACSEC_ES = 10 => end_station: bool,
        /// Single copy broadcast.
        IFLA_MACSEC_SCB = 11 => single_copy_broadcast: bool,
        /// Drops replayed packets.
        IFLA_MACSEC_REPLAY_PROTECT = 12 => replay_protect: bool,
        /// Validation: 0 off, 1 check, 2 strict.
        IFLA_MACSEC_VALIDATION = 13 => validation: u8,
        /// Offload: 0 off, 1 phy, 2 mac.
        IFLA_MACSEC_OFFLOAD = 15 => offload: u8,
    }

    /// `IFLA_TUN_*`; not changed by netlink.
    pub struct Tun, TunView: Native {
        /// User who may open it.
        IFLA_TUN_OWNER = 1 => owner: u32,
        /// Group who may open it.
        IFLA_TUN_GROUP = 2 => group: u32,
        /// What it carries.
        IFLA_TUN_TYPE = 3 => mode: TunMode,
        /// Packets have a header of protocol information.
        IFLA_TUN_PI = 4 => packet_information: bool,
        /// Packets have a virtio header.
        IFLA_TUN_VNET_HDR = 5 => virtio_header: bool,
        /// Stays when it is closed.
        IFLA_TUN_PERSIST = 6 => persist: bool,
        /// Several queues.
        IFLA_TUN_MULTI_QUEUE = 7 => multiple_queues: bool,
        /// Queues.
        IFLA_TUN_NUM_QUEUES = 8 => queues: u32,
        /// Queues that are disabled.
        IFLA_TUN_NUM_DISABLED_QUEUES = 9 => disabled_queues: u32,
    }
}

netwright_wire::header! {
    /// Flags of a VLAN and which of them to change (`struct ifla_vlan_flags`).
    pub struct VlanFlagChange: Native {
        flags: VlanFlags,
        mask: VlanFlags,
    }

    /// `struct ifla_vlan_qos_mapping`
    pub struct PriorityMapping: Native {
        from: u32,
        to: u32,
    }
}

impl ListItem for PriorityMapping {
    const KIND: u16 = 1; // IFLA_VLAN_QOS_MAPPING
}

netwright_wire::open_flags! {
    /// `enum vlan_flags`
    pub struct VlanFlags(u32) {
        /// Headers are put in order.
        #[doc(alias = "VLAN_FLAG_REORDER_HDR")]
        REORDER_HEADER = 0x1,
        /// Registers by GVRP.
        GVRP = 0x2,
        /// Does not follow the state of the link below.
        LOOSE_BINDING = 0x4,
        /// Registers by MVRP.
        MVRP = 0x8,
        /// Follows the state of the bridge ports in the VLAN.
        BRIDGE_BINDING = 0x10,
    }

    /// `MACVLAN_FLAG_*`
    pub struct MacvlanFlags(u16) {
        /// The link below is not made promiscuous.
        #[doc(alias = "MACVLAN_FLAG_NOPROMISC")]
        NO_PROMISCUOUS = 1,
        /// No lookup of the destination in source mode.
        #[doc(alias = "MACVLAN_FLAG_NODST")]
        NO_DESTINATION = 2,
    }

    /// `IPVLAN_F_*`
    pub struct IpvlanFlags(u16) {
        /// Those on one link do not reach each other.
        PRIVATE = 1,
        /// Those on one link reach each other through the switch outside.
        VEPA = 2,
    }
}

netwright_wire::open_enum! {
    /// `enum macvlan_mode`
    pub struct MacvlanMode(u32) {
        /// Those on one link do not reach each other.
        PRIVATE = 1 "private",
        /// They reach each other through the switch outside.
        VEPA = 2 "vepa",
        /// They reach each other.
        BRIDGE = 4 "bridge",
        /// It takes the link over.
        #[doc(alias = "MACVLAN_MODE_PASSTHRU")]
        PASSTHROUGH = 8 "passthru",
        /// By the source address.
        SOURCE = 16 "source",
    }

    /// `enum ipvlan_mode`
    pub struct IpvlanMode(u16) {
        /// Switches.
        L2 = 0 "l2",
        /// Routes.
        L3 = 1 "l3",
        /// Routes, past netfilter's hooks.
        L3S = 2 "l3s",
    }

    /// What a TUN or TAP interface carries (`IFF_TUN`, `IFF_TAP`).
    pub struct TunMode(u8) {
        /// IP packets.
        TUN = 1 "tun",
        /// Ethernet frames.
        TAP = 2 "tap",
    }

    /// `enum macvlan_macaddr_mode`
    pub struct SourceAddressMode(u32) {
        /// Add.
        ADD = 0 "add",
        /// Delete.
        #[doc(alias = "MACVLAN_MACADDR_DEL")]
        DELETE = 1 "del",
        /// Delete all.
        FLUSH = 2 "flush",
        /// Replace all.
        SET = 3 "set",
    }
}

/// The data of kinds that share a table is a type for each, so that the type says the kind.
macro_rules! macvlan {
    ($($name:ident, $view:ident;)*) => { netwright_wire::attrs! {$(
        /// `IFLA_MACVLAN_*`
        pub struct $name, $view: Native {
            /// Mode.
            IFLA_MACVLAN_MODE = 1 => mode: MacvlanMode,
            /// Flags.
            IFLA_MACVLAN_FLAGS = 2 => flags: MacvlanFlags,
            /// What is done to the source addresses.
            IFLA_MACVLAN_MACADDR_MODE = 3 => source_mode: SourceAddressMode,
            /// A source address.
            IFLA_MACVLAN_MACADDR = 4 => source: HardwareAddress,
            /// Source addresses.
            IFLA_MACVLAN_MACADDR_DATA = 5 => sources: Vec<SourceAddress>,
            /// How many source addresses there are.
            IFLA_MACVLAN_MACADDR_COUNT = 6 => source_count: u32,
            /// Wanted length of the broadcast queue, in packets.
            IFLA_MACVLAN_BC_QUEUE_LEN = 7 => broadcast_queue_length: u32,
            /// Length of the broadcast queue, in packets.
            IFLA_MACVLAN_BC_QUEUE_LEN_USED = 8 => broadcast_queue_length_used: u32,
            /// How many links a broadcast may reach without being queued; -1 is any number.
            IFLA_MACVLAN_BC_CUTOFF = 9 => broadcast_cutoff: i32,
        }
    )*}};
}

macvlan! {
    Macvlan, MacvlanView;
    Macvtap, MacvtapView;
}

macro_rules! ipvlan {
    ($($name:ident, $view:ident;)*) => { netwright_wire::attrs! {$(
        /// `IFLA_IPVLAN_*`
        pub struct $name, $view: Native {
            /// Mode.
            IFLA_IPVLAN_MODE = 1 => mode: IpvlanMode,
            /// Flags.
            IFLA_IPVLAN_FLAGS = 2 => flags: IpvlanFlags,
        }
    )*}};
}

ipvlan! {
    Ipvlan, IpvlanView;
    Ipvtap, IpvtapView;
}

/// A source address of a macvlan in the list of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceAddress(
    /// The address.
    pub HardwareAddress,
);

impl ListItem for SourceAddress {
    const KIND: u16 = 4; // IFLA_MACVLAN_MACADDR
}

impl netwright_wire::Value for SourceAddress {
    type View<'a> = Self;

    fn view<O: netwright_wire::ByteOrder>(payload: &[u8]) -> Result<Self, netwright_wire::Malformed> {
        HardwareAddress::view::<O>(payload).map(SourceAddress)
    }

    fn own(view: Self) -> Result<Self, netwright_wire::Malformed> {
        Ok(view)
    }

    fn write<O: netwright_wire::ByteOrder>(&self, writer: &mut netwright_wire::Writer) {
        self.0.write::<O>(writer);
    }
}
