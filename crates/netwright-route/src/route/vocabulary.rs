//! The enumerations and flags of routes.

netwright_wire::open_enum! {
    /// What becomes of a packet (`RTN_*`).
    pub struct RouteKind(u8) {
        /// Not said.
        #[doc(alias = "RTN_UNSPEC")]
        UNSPECIFIED = 0 "unspecified",
        /// Goes to a gateway or straight to the destination.
        UNICAST = 1 "unicast",
        /// Is for this host.
        LOCAL = 2 "local",
        /// Is for this host and is sent as broadcast.
        BROADCAST = 3 "broadcast",
        /// Is for this host and is sent as unicast.
        ANYCAST = 4 "anycast",
        /// Is for a group.
        MULTICAST = 5 "multicast",
        /// Is dropped in silence.
        BLACKHOLE = 6 "blackhole",
        /// Is dropped, and the sender told that the host is unreachable.
        UNREACHABLE = 7 "unreachable",
        /// Is dropped, and the sender told that it is prohibited.
        PROHIBIT = 8 "prohibit",
        /// Is looked for in the tables of the further rules.
        THROW = 9 "throw",
        /// Is translated; without effect.
        NAT = 10 "nat",
        /// Is resolved outside; without effect.
        #[doc(alias = "RTN_XRESOLVE")]
        EXTERNAL = 11 "xresolve",
    }

    /// Router preference of RFC 4191 (`ICMPV6_ROUTER_PREF_*`).
    pub struct RouterPreference(u8) {
        /// Neither.
        MEDIUM = 0 "medium",
        /// Preferred.
        HIGH = 1 "high",
        /// Last.
        LOW = 3 "low",
    }

    /// How packets are wrapped (`LWTUNNEL_ENCAP_*`, `linux/lwtunnel.h`).
    pub struct EncapsulationKind(u16) {
        /// Not.
        NONE = 0 "none",
        /// Labels.
        MPLS = 1 "mpls",
        /// Data of an IPv4 tunnel.
        IP = 2 "ip",
        /// Identifier locator addressing.
        ILA = 3 "ila",
        /// Data of an IPv6 tunnel.
        IP6 = 4 "ip6",
        /// Segment routing.
        SEG6 = 5 "seg6",
        /// Programs.
        BPF = 6 "bpf",
        /// Segment routing, local behaviour.
        SEG6_LOCAL = 7 "seg6local",
        /// RPL.
        RPL = 8 "rpl",
        /// IOAM.
        IOAM6 = 9 "ioam6",
        /// IPsec interface.
        XFRM = 10 "xfrm",
    }
}

netwright_wire::open_flags! {
    /// Flags of a route (`RTM_F_*`, and in the low byte `RTNH_F_*`).
    pub struct RouteFlags(u32) {
        /// State: its link is gone or down.
        #[doc(alias = "RTNH_F_DEAD")]
        DEAD = 1,
        /// The gateway is looked up in turn.
        #[doc(alias = "RTNH_F_PERVASIVE")]
        PERVASIVE = 2,
        /// The gateway is on the link, whatever the link's addresses say.
        #[doc(alias = "RTNH_F_ONLINK")]
        ON_LINK = 4,
        /// State: the hardware forwards by it.
        #[doc(alias = "RTNH_F_OFFLOAD")]
        NEXT_HOP_OFFLOAD = 8,
        /// State: its link has no carrier.
        #[doc(alias = "RTNH_F_LINKDOWN")]
        LINK_DOWN = 16,
        /// State: not resolved.
        #[doc(alias = "RTNH_F_UNRESOLVED")]
        UNRESOLVED = 32,
        /// State: the hardware hands packets up.
        #[doc(alias = "RTNH_F_TRAP")]
        NEXT_HOP_TRAP = 64,
        /// Tell the sender of the change.
        NOTIFY = 0x100,
        /// State: an entry of the cache.
        CLONED = 0x200,
        /// Equalizes; without effect.
        EQUALIZE = 0x400,
        /// Of a prefix from a router advertisement.
        PREFIX = 0x800,
        /// A lookup tells the table.
        LOOKUP_TABLE = 0x1000,
        /// A lookup tells the route as it stands in the table.
        FIB_MATCH = 0x2000,
        /// State: the hardware forwards by it.
        OFFLOAD = 0x4000,
        /// State: the hardware hands packets up.
        TRAP = 0x8000,
        /// State: the hardware could not take it.
        OFFLOAD_FAILED = 0x2000_0000,
    }

    /// Flags of one way of several (`RTNH_F_*`).
    pub struct NextHopFlags(u8) {
        /// State: its link is gone or down.
        DEAD = 1,
        /// The gateway is looked up in turn.
        PERVASIVE = 2,
        /// The gateway is on the link, whatever the link's addresses say.
        ON_LINK = 4,
        /// State: the hardware forwards by it.
        OFFLOAD = 8,
        /// State: its link has no carrier.
        LINK_DOWN = 16,
        /// State: not resolved.
        UNRESOLVED = 32,
        /// State: the hardware hands packets up.
        TRAP = 64,
    }
}

impl RouteFlags {
    /// Those that a request may set; the others are states that only the kernel gives.
    pub const SETTABLE: RouteFlags =
        RouteFlags::ON_LINK.union(RouteFlags::PERVASIVE).union(RouteFlags::PREFIX);
}

impl NextHopFlags {
    /// Those that a request may set; the others are states that only the kernel gives.
    pub const SETTABLE: NextHopFlags = NextHopFlags::ON_LINK.union(NextHopFlags::PERVASIVE);
}
