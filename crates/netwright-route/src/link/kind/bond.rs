//! Bonds and their ports.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{HardwareAddress, Numbered};

netwright_wire::attrs! {
    /// `IFLA_BOND_*`
    pub struct Bond, BondView: Native {
        /// Mode.
        IFLA_BOND_MODE = 1 => mode: BondMode,
        /// Index of the port in use.
        IFLA_BOND_ACTIVE_SLAVE = 2 => active_port: u32,
        /// Between looks at the carrier, in milliseconds.
        IFLA_BOND_MIIMON = 3 => miimon: u32,
        /// Before a port that came up is used, in milliseconds.
        IFLA_BOND_UPDELAY = 4 => up_delay: u32,
        /// Before a port that went down is left, in milliseconds.
        IFLA_BOND_DOWNDELAY = 5 => down_delay: u32,
        /// Whether the driver is asked for the carrier.
        IFLA_BOND_USE_CARRIER = 6 => use_carrier: bool,
        /// Between ARP requests, in milliseconds.
        IFLA_BOND_ARP_INTERVAL = 7 => arp_interval: u32,
        /// Whom ARP requests ask for.
        IFLA_BOND_ARP_IP_TARGET = 8 => arp_targets: Numbered<Ipv4Addr>,
        /// Which ports' ARP is validated.
        IFLA_BOND_ARP_VALIDATE = 9 => arp_validate: ArpValidate,
        /// Whose answers count.
        IFLA_BOND_ARP_ALL_TARGETS = 10 => arp_all_targets: ArpAllTargets,
        /// Index of the preferred port.
        IFLA_BOND_PRIMARY = 11 => primary: u32,
        /// When the preferred port is taken again.
        IFLA_BOND_PRIMARY_RESELECT = 12 => primary_reselect: PrimaryReselect,
        /// Which hardware address is used.
        IFLA_BOND_FAIL_OVER_MAC = 13 => failover_address: FailoverAddress,
        /// What ports are chosen by.
        IFLA_BOND_XMIT_HASH_POLICY = 14 => transmit_hash_policy: TransmitHash,
        /// Membership reports after a change.
        IFLA_BOND_RESEND_IGMP = 15 => resend_igmp: u32,
        /// Notifications after a change.
        IFLA_BOND_NUM_PEER_NOTIF = 16 => peer_notifications: u8,
        /// Whether packets on ports not in use are taken.
        IFLA_BOND_ALL_SLAVES_ACTIVE = 17 => all_ports_active: bool,
        /// Ports that must be up.
        IFLA_BOND_MIN_LINKS = 18 => minimum_links: u32,
        /// Between learning packets, in seconds.
        IFLA_BOND_LP_INTERVAL = 19 => learning_interval: u32,
        /// Packets before the next port.
        IFLA_BOND_PACKETS_PER_SLAVE = 20 => packets_per_port: u32,
        /// How often LACP partners speak.
        IFLA_BOND_AD_LACP_RATE = 21 => lacp_rate: LacpRate,
        /// How aggregators are chosen.
        IFLA_BOND_AD_SELECT = 22 => aggregation_selection: AggregationSelection,
        /// The aggregator in use.
        IFLA_BOND_AD_INFO = 23 => aggregation: BondAggregation,
        /// System priority.
        IFLA_BOND_AD_ACTOR_SYS_PRIO = 24 => actor_system_priority: u16,
        /// Part of the port key.
        IFLA_BOND_AD_USER_PORT_KEY = 25 => user_port_key: u16,
        /// System address.
        IFLA_BOND_AD_ACTOR_SYSTEM = 26 => actor_system: HardwareAddress,
        /// Whether flows move.
        IFLA_BOND_TLB_DYNAMIC_LB = 27 => dynamic_balancing: bool,
        /// Between notifications, in milliseconds.
        IFLA_BOND_PEER_NOTIF_DELAY = 28 => peer_notification_delay: u32,
        /// Whether LACP speaks first.
        IFLA_BOND_AD_LACP_ACTIVE = 29 => lacp_active: u8,
        /// ARP answers that may be missed.
        IFLA_BOND_MISSED_MAX = 30 => missed_maximum: u8,
        /// Whom neighbour solicitations ask for.
        IFLA_BOND_NS_IP6_TARGET = 31 => neighbour_targets: Numbered<Ipv6Addr>,
        /// Whether the state machine is coupled.
        IFLA_BOND_COUPLED_CONTROL = 32 => coupled_control: u8,
        /// Whether ARP and neighbour discovery go out by all ports; of LACP.
        IFLA_BOND_BROADCAST_NEIGH = 33 => broadcast_neighbours: bool,
    }

    /// `IFLA_BOND_AD_INFO_*`
    pub struct BondAggregation, BondAggregationView: Native {
        /// Id.
        IFLA_BOND_AD_INFO_AGGREGATOR = 1 => aggregator: u16,
        /// Ports.
        IFLA_BOND_AD_INFO_NUM_PORTS = 2 => ports: u16,
        /// Own key.
        IFLA_BOND_AD_INFO_ACTOR_KEY = 3 => actor_key: u16,
        /// Partner's key.
        IFLA_BOND_AD_INFO_PARTNER_KEY = 4 => partner_key: u16,
        /// Partner's address.
        IFLA_BOND_AD_INFO_PARTNER_MAC = 5 => partner_address: HardwareAddress,
    }

    /// `IFLA_BOND_SLAVE_*`
    pub struct BondPort, BondPortView: Native {
        /// 0 in use, 1 backup.
        IFLA_BOND_SLAVE_STATE = 1 => state: u8,
        /// Carrier: 0 up, 1 fails, 2 down, 3 comes back.
        IFLA_BOND_SLAVE_MII_STATUS = 2 => carrier_status: u8,
        /// How often it failed.
        IFLA_BOND_SLAVE_LINK_FAILURE_COUNT = 3 => failures: u32,
        /// Its own hardware address.
        IFLA_BOND_SLAVE_PERM_HWADDR = 4 => permanent_address: HardwareAddress,
        /// Queue.
        IFLA_BOND_SLAVE_QUEUE_ID = 5 => queue_id: u16,
        /// Aggregator.
        IFLA_BOND_SLAVE_AD_AGGREGATOR_ID = 6 => aggregator: u16,
        /// Own state of LACP.
        IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE = 7 => actor_state: u8,
        /// Partner's state of LACP.
        IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE = 8 => partner_state: u16,
        /// Priority for failover.
        IFLA_BOND_SLAVE_PRIO = 9 => priority: i32,
        /// Priority of LACP.
        IFLA_BOND_SLAVE_ACTOR_PORT_PRIO = 10 => actor_port_priority: u16,
        /// Own churn.
        IFLA_BOND_SLAVE_AD_CHURN_ACTOR_STATE = 11 => actor_churn: u8,
        /// Partner's churn.
        IFLA_BOND_SLAVE_AD_CHURN_PARTNER_STATE = 12 => partner_churn: u8,
    }
}

netwright_wire::open_enum! {
    /// How a bond uses its ports (`BOND_MODE_*`, `linux/if_bonding.h`).
    pub struct BondMode(u8) {
        /// In turn.
        ROUND_ROBIN = 0 "balance-rr",
        /// One, others wait.
        ACTIVE_BACKUP = 1 "active-backup",
        /// By a hash.
        XOR = 2 "balance-xor",
        /// All at once.
        BROADCAST = 3 "broadcast",
        /// IEEE 802.3ad.
        #[doc(alias = "BOND_MODE_8023AD")]
        LACP = 4 "802.3ad",
        /// By load, sending.
        #[doc(alias = "BOND_MODE_TLB")]
        TRANSMIT_LOAD = 5 "balance-tlb",
        /// By load, both ways.
        #[doc(alias = "BOND_MODE_ALB")]
        ADAPTIVE_LOAD = 6 "balance-alb",
    }

    /// What ports of a bond are chosen by (`BOND_XMIT_POLICY_*`).
    pub struct TransmitHash(u8) {
        /// MAC addresses.
        #[doc(alias = "BOND_XMIT_POLICY_LAYER2")]
        LAYER2 = 0 "layer2",
        /// IP addresses and ports.
        #[doc(alias = "BOND_XMIT_POLICY_LAYER34")]
        LAYER34 = 1 "layer3+4",
        /// MAC and IP addresses.
        #[doc(alias = "BOND_XMIT_POLICY_LAYER23")]
        LAYER23 = 2 "layer2+3",
        /// MAC and IP addresses of the inner packet.
        #[doc(alias = "BOND_XMIT_POLICY_ENCAP23")]
        ENCAP23 = 3 "encap2+3",
        /// IP addresses and ports of the inner packet.
        #[doc(alias = "BOND_XMIT_POLICY_ENCAP34")]
        ENCAP34 = 4 "encap3+4",
        /// VLAN and source MAC address.
        #[doc(alias = "BOND_XMIT_POLICY_VLAN_SRCMAC")]
        VLAN_SOURCE = 5 "vlan+srcmac",
    }

    /// How often LACP partners speak (`lacp_rate` of the kernel's bonding document).
    pub struct LacpRate(u8) {
        /// Every 30 seconds.
        SLOW = 0 "slow",
        /// Every second.
        FAST = 1 "fast",
    }

    /// Which ports' ARP is validated (`arp_validate` of the kernel's bonding document).
    pub struct ArpValidate(u32) {
        /// None.
        NONE = 0 "none",
        /// The active port's.
        ACTIVE = 1 "active",
        /// The waiting ports'.
        BACKUP = 2 "backup",
        /// All.
        ALL = 3 "all",
        /// None, but only ARP counts.
        FILTER = 4 "filter",
        /// The active port's, and only ARP counts.
        FILTER_ACTIVE = 5 "filter_active",
        /// The waiting ports', and only ARP counts.
        FILTER_BACKUP = 6 "filter_backup",
    }

    /// How many of the targets of ARP must answer.
    pub struct ArpAllTargets(u32) {
        /// One.
        ANY = 0 "any",
        /// Each.
        ALL = 1 "all",
    }

    /// When the preferred port of a bond is taken again.
    pub struct PrimaryReselect(u8) {
        /// Whenever it comes up.
        ALWAYS = 0 "always",
        /// Where it is better than the one in use.
        BETTER = 1 "better",
        /// Where the one in use fails.
        FAILURE = 2 "failure",
    }

    /// Which hardware address the ports of a bond have.
    pub struct FailoverAddress(u8) {
        /// All the bond's.
        NONE = 0 "none",
        /// The bond has the active port's.
        ACTIVE = 1 "active",
        /// The active port has the bond's.
        FOLLOW = 2 "follow",
    }

    /// How aggregators of LACP are chosen.
    pub struct AggregationSelection(u8) {
        /// The one in use stays as long as it has a port.
        STABLE = 0 "stable",
        /// By bandwidth.
        BANDWIDTH = 1 "bandwidth",
        /// By the number of ports.
        COUNT = 2 "count",
    }
}
