//! Numbers that several objects share: address family, scope, routing table, originator.

use std::net::IpAddr;

netwright_wire::open_enum! {
    /// Address family of a message (`AF_*`).
    pub struct Family(u8) {
        /// Any or none.
        #[doc(alias = "AF_UNSPEC")]
        UNSPECIFIED = 0 "unspecified",
        /// IPv4 (`AF_INET`).
        #[doc(alias = "AF_INET")]
        IPV4 = 2 "ipv4",
        /// Ports and forwarding entries of bridges (`AF_BRIDGE`).
        BRIDGE = 7 "bridge",
        /// IPv6 (`AF_INET6`).
        #[doc(alias = "AF_INET6")]
        IPV6 = 10 "ipv6",
        /// Link layer (`AF_PACKET`).
        PACKET = 17 "packet",
        /// Label switching.
        MPLS = 28 "mpls",
    }

    /// How far a destination or an address reaches (`enum rt_scope_t`); smaller is farther.
    pub struct Scope(u8) {
        /// Everywhere.
        #[doc(alias = "RT_SCOPE_UNIVERSE")]
        GLOBAL = 0 "global",
        /// Within this site (IPv6).
        SITE = 200 "site",
        /// On this link.
        LINK = 253 "link",
        /// Within this host.
        HOST = 254 "host",
        /// A destination that does not exist.
        NOWHERE = 255 "nowhere",
    }

    /// A routing table (`enum rt_class_t`). Every number but 0 is one.
    pub struct Table(u32) {
        /// No table was named.
        #[doc(alias = "RT_TABLE_UNSPEC")]
        UNSPECIFIED = 0 "unspecified",
        /// Looked up last.
        DEFAULT = 253 "default",
        /// Where routes are unless another table is named.
        MAIN = 254 "main",
        /// Addresses of the host itself; kept by the kernel.
        LOCAL = 255 "local",
    }

    /// Who made a route, rule or address (`RTPROT_*`). From 4 on, the kernel passes the number through.
    pub struct Protocol(u8) {
        /// Unknown.
        #[doc(alias = "RTPROT_UNSPEC")]
        UNSPECIFIED = 0 "unspecified",
        /// An ICMP redirect.
        REDIRECT = 1 "redirect",
        /// The kernel itself.
        KERNEL = 2 "kernel",
        /// Somebody by hand or during boot; what `ip` uses.
        BOOT = 3 "boot",
        /// The administrator.
        STATIC = 4 "static",
        /// GateD.
        GATED = 8 "gated",
        /// A router advertisement.
        #[doc(alias = "RTPROT_RA")]
        ROUTER_ADVERTISEMENT = 9 "ra",
        /// Merit MRT.
        MRT = 10 "mrt",
        /// Zebra.
        ZEBRA = 11 "zebra",
        /// BIRD.
        BIRD = 12 "bird",
        /// DECnet routing daemon.
        DNROUTED = 13 "dnrouted",
        /// XORP.
        XORP = 14 "xorp",
        /// Netsukuku.
        NTK = 15 "ntk",
        /// A DHCP client.
        DHCP = 16 "dhcp",
        /// The multicast daemon.
        MROUTED = 17 "mrouted",
        /// Keepalived.
        KEEPALIVED = 18 "keepalived",
        /// Babel.
        BABEL = 42 "babel",
        /// Open/R.
        OPENR = 99 "openr",
        /// Desired state that netwright applies; the library by itself marks nothing so. A number that neither the kernel's header
        /// nor the routing daemons known to it use.
        NETWRIGHT = 157 "netwright",
        /// BGP.
        BGP = 186 "bgp",
        /// IS-IS.
        ISIS = 187 "isis",
        /// OSPF.
        OSPF = 188 "ospf",
        /// RIP.
        RIP = 189 "rip",
        /// EIGRP.
        EIGRP = 192 "eigrp",
    }
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::IPV4 } else { Family::IPV6 }
    }

    /// Whether it is IPv4 or IPv6.
    #[must_use]
    pub fn is_ip(self) -> bool {
        self == Family::IPV4 || self == Family::IPV6
    }

    /// The unspecified address of IPv4 or IPv6; of IPv4 for any other family.
    #[must_use]
    pub(crate) fn unspecified_address(self) -> IpAddr {
        if self == Family::IPV6 {
            IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)
        } else {
            IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)
        }
    }
}

impl Table {
    /// The number for a header's field of one byte; those that do not fit are in an attribute alone.
    pub(crate) fn byte(self) -> u8 {
        u8::try_from(self.0).unwrap_or(0)
    }

    /// The same for an attribute, where the header's field does not hold it.
    pub(crate) fn attribute(self) -> Option<Table> {
        (self.0 > 255).then_some(self)
    }
}
