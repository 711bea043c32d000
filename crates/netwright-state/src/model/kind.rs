use std::net::IpAddr;

use super::Table;
use crate::scalar::{Between, InterfaceName};
use crate::section::{kinds, section, words};

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
        "gre" => Gre(Tunnel),
        /// Ethernet in GRE in IPv4.
        "gretap" => GreTap(Tunnel),
        /// IPv4 in IPv4 (RFC 2003).
        "ipip" => IpIp(Tunnel),
        /// IPv6 in IPv4 (RFC 4213).
        "sit" => Sit(Tunnel),
        /// IP in GRE in IPv6.
        "ip6gre" => Ip6Gre(Tunnel),
        /// Ethernet in GRE in IPv6.
        "ip6gretap" => Ip6GreTap(Tunnel),
        /// IP in IPv6 (RFC 2473).
        "ip6tnl" => Ip6Tunnel(Tunnel),
    }
}

section! {
    /// A bridge.
    pub struct Bridge as "a bridge" {
        /// The links that it joins. One without a table of its own is taken as it is, and brought up.
        list "ports" => ports: String as InterfaceName,
        /// Whether the spanning tree protocol runs.
        optional "stp" => stp: bool,
        /// The bridge's priority in the spanning tree.
        optional "priority" => priority: u16,
        /// Seconds that a port listens and learns before it forwards.
        optional "forward-delay" => forward_delay: u32 as Between<0, 30>,
        /// Seconds after which a MAC address is forgotten.
        optional "ageing-time" => ageing_time: u32 as Between<0, 1000000>,
        /// Whether frames are kept apart by VLAN.
        optional "vlan-filtering" => vlan_filtering: bool,
        /// Whether multicast goes only to the ports that asked for it.
        optional "multicast-snooping" => multicast_snooping: bool,
    }
}

section! {
    /// One end of a cable.
    pub struct Veth as "a veth" {
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

section! {
    /// A VLAN.
    pub struct Vlan as "a vlan" {
        /// The link that carries it.
        required "parent" => parent: String as InterfaceName,
        /// The VLAN's number.
        required "id" => id: u16 as Between<1, 4094>,
        /// The tag on its frames, 802.1q when not set.
        optional "protocol" => protocol: VlanProtocol,
    }
}

section! {
    /// A VXLAN.
    pub struct Vxlan as "a vxlan" {
        /// The network's number (VNI).
        required "id" => id: u32 as Between<0, 16777215>,
        /// The source of the outer packets.
        optional "local" => local: IpAddr,
        /// The one other end, for frames whose place is not known.
        optional "remote" => remote: IpAddr,
        /// The multicast group of all ends, for frames whose place is not known.
        optional "group" => group: IpAddr,
        /// The link that the outer packets take; a multicast group needs it.
        optional "parent" => parent: String as InterfaceName,
        /// The UDP port, 4789 when not set.
        optional "port" => port: u16 as Between<1, 65535>,
        /// The hop limit of the outer packets; 0 to take that of the inner ones.
        optional "ttl" => ttl: u8,
        /// Whether the places of MAC addresses are learnt from what comes in.
        optional "learning" => learning: bool,
    }
}

words! {
    /// How the links on one parent see each other.
    pub enum MacVlanMode as "macvlan mode" {
        /// They do not.
        Private = "private",
        /// Through the switch that the parent is plugged into.
        Vepa = "vepa",
        /// Directly.
        Bridge = "bridge",
        /// There is one, which takes the parent over.
        Passthru = "passthru",
        /// By the source MAC address.
        Source = "source",
    }
}

section! {
    /// A link with a MAC address of its own on top of another.
    pub struct MacVlan as "a macvlan" {
        /// The link below.
        required "parent" => parent: String as InterfaceName,
        /// How the links on one parent see each other, vepa when not set.
        optional "mode" => mode: MacVlanMode,
    }
}

words! {
    /// Where packets of an ipvlan are routed.
    pub enum IpVlanMode as "ipvlan mode" {
        /// Below, as frames.
        L2 = "l2",
        /// In the parent's namespace.
        L3 = "l3",
        /// In the parent's namespace, seen by its firewall.
        L3s = "l3s",
    }
}

section! {
    /// A link with IP addresses of its own on top of another.
    pub struct IpVlan as "an ipvlan" {
        /// The link below.
        required "parent" => parent: String as InterfaceName,
        /// Where packets are routed, l3 when not set.
        optional "mode" => mode: IpVlanMode,
    }
}

section! {
    /// A link that drops what it is given.
    pub struct Dummy as "a dummy link" {}
}

section! {
    /// An intermediate functional block.
    pub struct Ifb as "an ifb" {}
}

section! {
    /// A link with a program at its other end.
    pub struct Tun as "a tun or tap link" {
        /// The user id that may open it.
        optional "user" => user: u32,
        /// The group id that may open it.
        optional "group" => group: u32,
        /// Whether it may be opened several times, for several queues.
        optional "multi-queue" => multi_queue: bool,
        /// Whether each packet comes with four bytes of flags and protocol in front.
        optional "packet-information" => packet_information: bool,
        /// Whether each packet comes with a virtio header in front.
        optional "virtio-header" => virtio_header: bool,
    }
}

words! {
    /// How a bond spreads packets over its ports.
    pub enum BondMode as "bond mode" {
        /// In turn.
        BalanceRr = "balance-rr",
        /// One port at a time.
        ActiveBackup = "active-backup",
        /// By a hash of the addresses.
        BalanceXor = "balance-xor",
        /// On all ports.
        Broadcast = "broadcast",
        /// LACP.
        Ieee8023ad = "802.3ad",
        /// By load, outwards.
        BalanceTlb = "balance-tlb",
        /// By load, both ways.
        BalanceAlb = "balance-alb",
    }
}

words! {
    /// What a bond's hash covers.
    pub enum BondHash as "bond hash" {
        /// MAC addresses.
        Layer2 = "layer2",
        /// IP addresses and ports.
        Layer34 = "layer3+4",
        /// MAC and IP addresses.
        Layer23 = "layer2+3",
        /// Those of the inner packet, and its MAC addresses.
        Encap23 = "encap2+3",
        /// Those of the inner packet, and its ports.
        Encap34 = "encap3+4",
        /// The VLAN and the source MAC address.
        VlanSource = "vlan+srcmac",
    }
}

words! {
    /// How often LACP partners speak.
    pub enum LacpRate as "LACP rate" {
        /// Every 30 seconds.
        Slow = "slow",
        /// Every second.
        Fast = "fast",
    }
}

section! {
    /// Several links used as one.
    pub struct Bond as "a bond" {
        /// The links that it uses. One without a table of its own is taken as it is.
        list "ports" => ports: String as InterfaceName,
        /// How packets are spread, balance-rr when not set.
        optional "mode" => mode: BondMode,
        /// Milliseconds between looks at the ports' carrier.
        optional "miimon" => miimon: u32 as Between<0, 2147483647>,
        /// What the hash covers.
        optional "hash" => hash: BondHash,
        /// How often LACP partners speak.
        optional "lacp-rate" => lacp_rate: LacpRate,
        /// The port to prefer.
        optional "primary" => primary: String as InterfaceName,
        /// How many ports must work for the bond to have a carrier.
        optional "min-links" => min_links: u32,
    }
}

section! {
    /// A routing domain.
    pub struct Vrf as "a vrf" {
        /// The routing table that the domain uses.
        required "table" => table: Table = Table(0),
        /// The links that belong to it. One without a table of its own is taken as it is.
        list "ports" => ports: String as InterfaceName,
    }
}

section! {
    /// A tunnel over IP.
    pub struct Tunnel as "a tunnel" {
        /// This host's end.
        optional "local" => local: IpAddr,
        /// The other end; any when not set.
        optional "remote" => remote: IpAddr,
        /// The link that the outer packets take.
        optional "parent" => parent: String as InterfaceName,
        /// The hop limit of the outer packets; 0 to take that of the inner ones.
        optional "ttl" => ttl: u8,
        /// The key of a GRE tunnel, the same in both directions.
        optional "key" => key: u32,
    }
}
