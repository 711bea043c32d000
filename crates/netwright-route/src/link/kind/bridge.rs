//! Bridges and their ports.

use crate::{HardwareAddress, NetworkOrder, RawNest};

netwright_wire::attrs! {
    /// `IFLA_BR_*`
    pub struct Bridge, BridgeView: Native {
        /// Forward delay, in hundredths of a second.
        IFLA_BR_FORWARD_DELAY = 1 => forward_delay: u32,
        /// Hello time, in hundredths of a second.
        IFLA_BR_HELLO_TIME = 2 => hello_time: u32,
        /// Largest age of a message, in hundredths of a second.
        IFLA_BR_MAX_AGE = 3 => maximum_age: u32,
        /// How long an entry stays, in hundredths of a second.
        IFLA_BR_AGEING_TIME = 4 => ageing_time: u32,
        /// Spanning tree: 0 off, 1 kernel, 2 user space.
        IFLA_BR_STP_STATE = 5 => spanning_tree: u32,
        /// Priority in the spanning tree.
        IFLA_BR_PRIORITY = 6 => priority: u16,
        /// Whether VLANs are told apart.
        IFLA_BR_VLAN_FILTERING = 7 => vlan_filtering: bool,
        /// Ethernet type of the tags: 0x8100 or 0x88a8.
        IFLA_BR_VLAN_PROTOCOL = 8 => vlan_protocol: NetworkOrder<u16>,
        /// Link-local groups that are forwarded.
        IFLA_BR_GROUP_FWD_MASK = 9 => group_forward_mask: u16,
        /// Root of the spanning tree: priority and address.
        IFLA_BR_ROOT_ID = 10 => root_id: [u8; 8],
        /// Id in the spanning tree: priority and address.
        IFLA_BR_BRIDGE_ID = 11 => bridge_id: [u8; 8],
        /// Port to the root.
        IFLA_BR_ROOT_PORT = 12 => root_port: u16,
        /// Cost of the path to the root.
        IFLA_BR_ROOT_PATH_COST = 13 => root_path_cost: u32,
        /// Whether the topology changes.
        IFLA_BR_TOPOLOGY_CHANGE = 14 => topology_change: bool,
        /// Whether a change was seen.
        IFLA_BR_TOPOLOGY_CHANGE_DETECTED = 15 => topology_change_detected: bool,
        /// Hello timer, in hundredths of a second.
        IFLA_BR_HELLO_TIMER = 16 => hello_timer: u64,
        /// Timer of notifications, in hundredths of a second.
        IFLA_BR_TCN_TIMER = 17 => topology_notification_timer: u64,
        /// Timer of a change, in hundredths of a second.
        IFLA_BR_TOPOLOGY_CHANGE_TIMER = 18 => topology_change_timer: u64,
        /// Timer of ageing, in hundredths of a second.
        IFLA_BR_GC_TIMER = 19 => ageing_timer: u64,
        /// Address of the spanning tree's messages.
        IFLA_BR_GROUP_ADDR = 20 => group_address: HardwareAddress,
        /// Forget all learnt addresses.
        IFLA_BR_FDB_FLUSH = 21 => flush: (),
        /// Multicast router: 0 never, 1 learnt, 2 always.
        IFLA_BR_MCAST_ROUTER = 22 => multicast_router: u8,
        /// Whether multicast membership is learnt.
        IFLA_BR_MCAST_SNOOPING = 23 => multicast_snooping: bool,
        /// Whether queries have the bridge's own address.
        IFLA_BR_MCAST_QUERY_USE_IFADDR = 24 => multicast_query_own_address: bool,
        /// Whether it asks for membership.
        IFLA_BR_MCAST_QUERIER = 25 => multicast_querier: bool,
        /// Elasticity of the table; without effect now.
        IFLA_BR_MCAST_HASH_ELASTICITY = 26 => multicast_hash_elasticity: u32,
        /// Largest number of groups.
        IFLA_BR_MCAST_HASH_MAX = 27 => multicast_hash_maximum: u32,
        /// Queries before a group is left.
        IFLA_BR_MCAST_LAST_MEMBER_CNT = 28 => multicast_last_member_count: u32,
        /// Queries at the start.
        IFLA_BR_MCAST_STARTUP_QUERY_CNT = 29 => multicast_startup_query_count: u32,
        /// Between queries before a group is left, in hundredths of a second.
        IFLA_BR_MCAST_LAST_MEMBER_INTVL = 30 => multicast_last_member_interval: u64,
        /// How long a membership holds, in hundredths of a second.
        IFLA_BR_MCAST_MEMBERSHIP_INTVL = 31 => multicast_membership_interval: u64,
        /// How long another querier holds, in hundredths of a second.
        IFLA_BR_MCAST_QUERIER_INTVL = 32 => multicast_querier_interval: u64,
        /// Between queries, in hundredths of a second.
        IFLA_BR_MCAST_QUERY_INTVL = 33 => multicast_query_interval: u64,
        /// For answers, in hundredths of a second.
        IFLA_BR_MCAST_QUERY_RESPONSE_INTVL = 34 => multicast_query_response_interval: u64,
        /// Between queries at the start, in hundredths of a second.
        IFLA_BR_MCAST_STARTUP_QUERY_INTVL = 35 => multicast_startup_query_interval: u64,
        /// Whether iptables sees bridged packets.
        IFLA_BR_NF_CALL_IPTABLES = 36 => call_iptables: bool,
        /// Whether ip6tables sees bridged packets.
        IFLA_BR_NF_CALL_IP6TABLES = 37 => call_ip6tables: bool,
        /// Whether arptables sees bridged packets.
        IFLA_BR_NF_CALL_ARPTABLES = 38 => call_arptables: bool,
        /// VLAN of untagged packets; 0 is none.
        IFLA_BR_VLAN_DEFAULT_PVID = 39 => vlan_default: u16,
        /// Counters for each VLAN.
        IFLA_BR_VLAN_STATS_ENABLED = 41 => vlan_statistics: bool,
        /// Counters of multicast messages.
        IFLA_BR_MCAST_STATS_ENABLED = 42 => multicast_statistics: bool,
        /// IGMP version, 2 or 3.
        IFLA_BR_MCAST_IGMP_VERSION = 43 => igmp_version: u8,
        /// MLD version, 1 or 2.
        IFLA_BR_MCAST_MLD_VERSION = 44 => mld_version: u8,
        /// Counters for each VLAN and port.
        IFLA_BR_VLAN_STATS_PER_PORT = 45 => vlan_statistics_per_port: bool,
        /// Further switches.
        IFLA_BR_MULTI_BOOLOPT = 46 => options: BridgeOptions,
        /// Who asks for membership.
        IFLA_BR_MCAST_QUERIER_STATE = 47 => multicast_querier_state: RawNest,
        /// Addresses that are learnt.
        IFLA_BR_FDB_N_LEARNED = 48 => learnt: u32,
        /// Largest number of addresses that are learnt; 0 is no limit.
        IFLA_BR_FDB_MAX_LEARNED = 49 => maximum_learnt: u32,
    }

    /// `IFLA_BRPORT_*`
    pub struct BridgePort, BridgePortView: Native {
        /// State in the spanning tree.
        IFLA_BRPORT_STATE = 1 => state: PortState,
        /// Priority in the spanning tree.
        IFLA_BRPORT_PRIORITY = 2 => priority: u16,
        /// Cost in the spanning tree.
        IFLA_BRPORT_COST = 3 => cost: u32,
        /// Whether packets may go back out where they came from.
        IFLA_BRPORT_MODE = 4 => hairpin: bool,
        /// Whether messages of the spanning tree are refused.
        IFLA_BRPORT_GUARD = 5 => guard: bool,
        /// Whether it may not become the root port.
        IFLA_BRPORT_PROTECT = 6 => root_block: bool,
        /// Whether a group is left at once.
        IFLA_BRPORT_FAST_LEAVE = 7 => fast_leave: bool,
        /// Whether addresses are learnt.
        IFLA_BRPORT_LEARNING = 8 => learning: bool,
        /// Whether packets to unknown addresses go out.
        IFLA_BRPORT_UNICAST_FLOOD = 9 => unicast_flood: bool,
        /// Whether ARP is answered for others.
        IFLA_BRPORT_PROXYARP = 10 => proxy_arp: bool,
        /// Whether addresses that the device learns are taken over.
        IFLA_BRPORT_LEARNING_SYNC = 11 => learning_sync: bool,
        /// The same for wireless.
        IFLA_BRPORT_PROXYARP_WIFI = 12 => proxy_arp_wifi: bool,
        /// Root that it knows of.
        IFLA_BRPORT_ROOT_ID = 13 => root_id: [u8; 8],
        /// Bridge that it knows of.
        IFLA_BRPORT_BRIDGE_ID = 14 => bridge_id: [u8; 8],
        /// Designated port.
        IFLA_BRPORT_DESIGNATED_PORT = 15 => designated_port: u16,
        /// Designated cost.
        IFLA_BRPORT_DESIGNATED_COST = 16 => designated_cost: u16,
        /// Id.
        IFLA_BRPORT_ID = 17 => id: u16,
        /// Number.
        IFLA_BRPORT_NO = 18 => number: u16,
        /// Whether a change was acknowledged.
        IFLA_BRPORT_TOPOLOGY_CHANGE_ACK = 19 => topology_change_acknowledged: bool,
        /// Whether a message waits.
        IFLA_BRPORT_CONFIG_PENDING = 20 => configuration_pending: bool,
        /// In hundredths of a second.
        IFLA_BRPORT_MESSAGE_AGE_TIMER = 21 => message_age_timer: u64,
        /// In hundredths of a second.
        IFLA_BRPORT_FORWARD_DELAY_TIMER = 22 => forward_delay_timer: u64,
        /// In hundredths of a second.
        IFLA_BRPORT_HOLD_TIMER = 23 => hold_timer: u64,
        /// Forget the addresses learnt here.
        IFLA_BRPORT_FLUSH = 24 => flush: (),
        /// Multicast router: 0 never, 1 learnt, 2 always, 3 for a while.
        IFLA_BRPORT_MULTICAST_ROUTER = 25 => multicast_router: u8,
        /// Whether multicast to unknown groups goes out.
        IFLA_BRPORT_MCAST_FLOOD = 27 => multicast_flood: bool,
        /// Whether multicast is sent to each member.
        IFLA_BRPORT_MCAST_TO_UCAST = 28 => multicast_to_unicast: bool,
        /// Whether VLANs become tunnel ids.
        IFLA_BRPORT_VLAN_TUNNEL = 29 => vlan_tunnel: bool,
        /// Whether broadcasts go out.
        IFLA_BRPORT_BCAST_FLOOD = 30 => broadcast_flood: bool,
        /// Link-local groups that are forwarded.
        IFLA_BRPORT_GROUP_FWD_MASK = 31 => group_forward_mask: u16,
        /// Whether ARP and neighbour discovery are answered for others.
        IFLA_BRPORT_NEIGH_SUPPRESS = 32 => neighbour_suppression: bool,
        /// Whether it reaches only ports that are not isolated.
        IFLA_BRPORT_ISOLATED = 33 => isolated: bool,
        /// Index of the port that takes over.
        IFLA_BRPORT_BACKUP_PORT = 34 => backup_port: u32,
        /// Whether the ring is open.
        IFLA_BRPORT_MRP_RING_OPEN = 35 => mrp_ring_open: bool,
        /// Whether the interconnection is open.
        IFLA_BRPORT_MRP_IN_OPEN = 36 => mrp_interconnection_open: bool,
        /// Largest number of hosts tracked.
        IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT = 37 => multicast_hosts_limit: u32,
        /// Hosts tracked.
        IFLA_BRPORT_MCAST_EHT_HOSTS_CNT = 38 => multicast_hosts_count: u32,
        /// Whether hosts must be let in.
        IFLA_BRPORT_LOCKED = 39 => locked: bool,
        /// Whether addresses of hosts that are not let in are kept for who authenticates them; only of a locked port.
        IFLA_BRPORT_MAB = 40 => authentication_bypass: bool,
        /// Multicast groups that it is a member of.
        IFLA_BRPORT_MCAST_N_GROUPS = 41 => multicast_groups: u32,
        /// Largest number of multicast groups; 0 is no limit.
        IFLA_BRPORT_MCAST_MAX_GROUPS = 42 => maximum_multicast_groups: u32,
        /// Whether `neighbour_suppression` is said for each VLAN.
        IFLA_BRPORT_NEIGH_VLAN_SUPPRESS = 43 => neighbour_suppression_per_vlan: bool,
        /// Nexthop that takes over, by its id.
        IFLA_BRPORT_BACKUP_NHID = 44 => backup_nexthop: u32,
    }
}

netwright_wire::header! {
    /// Switches of a bridge and which of them to change (`struct br_boolopt_multi`).
    pub struct BridgeOptions: Native {
        values: u32,
        mask: u32,
    }
}

netwright_wire::open_enum! {
    /// State of a port in the spanning tree (`BR_STATE_*`).
    pub struct PortState(u8) {
        /// Off.
        DISABLED = 0 "disabled",
        /// Listens.
        LISTENING = 1 "listening",
        /// Learns.
        LEARNING = 2 "learning",
        /// Forwards.
        FORWARDING = 3 "forwarding",
        /// Blocks.
        BLOCKING = 4 "blocking",
    }
}
