//! Links: interfaces of every kind (`RTM_*LINK`, `linux/if_link.h`).

use std::fmt;

use netwright_wire::{Malformed, Message, Value};

use crate::message::kind::{DELETE_LINK, NEW_LINK};
use crate::{Family, HardwareAddress, LinkId};

mod again;
mod attributes;
mod change;
mod create;
mod info;
pub mod kind;
mod requests;
mod statistics;

pub use attributes::{
    AlternativeName, ExtendedMask, FamilyAttrs, FamilyView, Ipv4LinkAttrs, Ipv4LinkView, Ipv6LinkAttrs,
    Ipv6LinkView, LinkAttrs, LinkAttrsView, LinkHeader, LinkInfoAttrs, LinkInfoView, ProtocolDownReason,
    ProtocolDownReasonView,
};
#[allow(deprecated)] // for who knows it by its former name
#[doc(hidden)]
pub use change::Namespace;
pub use change::{Change, NamespaceRef, Set, SetGroup};
pub use create::{Create, Peer, PeerView};
pub use info::LinkInfo;
pub use kind::{LinkKind, PortKind};
pub use requests::{AlternativeNames, Delete, DeleteGroup, Get, List, Target};
pub use statistics::Statistics;

netwright_wire::open_flags! {
    /// Flags of a link (`IFF_*`). Those marked «state» cannot be changed by a request.
    pub struct LinkFlags(u32) {
        /// Up, as far as the administrator says.
        UP = 1,
        /// State: has a broadcast address.
        BROADCAST = 1 << 1,
        /// Debugging.
        DEBUG = 1 << 2,
        /// State: loopback.
        LOOPBACK = 1 << 3,
        /// State: point-to-point.
        #[doc(alias = "IFF_POINTOPOINT")]
        POINT_TO_POINT = 1 << 4,
        /// No trailers.
        NO_TRAILERS = 1 << 5,
        /// State: operational.
        RUNNING = 1 << 6,
        /// No address resolution.
        NO_ARP = 1 << 7,
        /// Receive all packets.
        #[doc(alias = "IFF_PROMISC")]
        PROMISCUOUS = 1 << 8,
        /// Receive all multicast packets.
        #[doc(alias = "IFF_ALLMULTI")]
        ALL_MULTICAST = 1 << 9,
        /// State: master of a load balancer.
        MASTER = 1 << 10,
        /// State: port of a load balancer.
        #[doc(alias = "IFF_SLAVE")]
        PORT = 1 << 11,
        /// Supports multicast.
        MULTICAST = 1 << 12,
        /// Can choose its medium.
        #[doc(alias = "IFF_PORTSEL")]
        PORT_SELECTION = 1 << 13,
        /// Chooses its medium itself.
        #[doc(alias = "IFF_AUTOMEDIA")]
        AUTOMATIC_MEDIUM = 1 << 14,
        /// Loses its addresses when it goes down.
        DYNAMIC = 1 << 15,
        /// State: has a carrier.
        LOWER_UP = 1 << 16,
        /// State: waits for something else.
        DORMANT = 1 << 17,
        /// State: what is sent comes back.
        ECHO = 1 << 18,
    }
}

netwright_wire::open_enum! {
    /// State of a link as RFC 2863 has it (`IF_OPER_*`).
    pub struct OperationalState(u8) {
        /// The driver does not tell.
        UNKNOWN = 0 "unknown",
        /// A part is missing.
        NOT_PRESENT = 1 "notpresent",
        /// Down.
        DOWN = 2 "down",
        /// The link below is down.
        LOWER_LAYER_DOWN = 3 "lowerlayerdown",
        /// Under test.
        TESTING = 4 "testing",
        /// Waits for an event.
        DORMANT = 5 "dormant",
        /// Up.
        UP = 6 "up",
    }

    /// What the hardware is (`ARPHRD_*`).
    pub struct HardwareType(u16) {
        /// Ethernet.
        #[doc(alias = "ARPHRD_ETHER")]
        ETHERNET = 1 "ether",
        /// InfiniBand.
        INFINIBAND = 32 "infiniband",
        /// Point-to-point protocol.
        PPP = 512 "ppp",
        /// IPv4 in IPv4.
        TUNNEL = 768 "ipip",
        /// In IPv6.
        TUNNEL6 = 769 "tunnel6",
        /// Loopback.
        LOOPBACK = 772 "loopback",
        /// IPv6 in IPv4.
        SIT = 776 "sit",
        /// GRE over IPv4.
        #[doc(alias = "ARPHRD_IPGRE")]
        GRE = 778 "gre",
        /// Wireless.
        IEEE80211 = 801 "ieee802.11",
        /// GRE over IPv6.
        #[doc(alias = "ARPHRD_IP6GRE")]
        GRE6 = 823 "gre6",
        /// Netlink monitor.
        NETLINK = 824 "netlink",
        /// Nothing below IP.
        NONE = 65534 "none",
    }

    /// How IPv6 link-local addresses are made (`enum in6_addr_gen_mode`).
    pub struct AddressGeneration(u8) {
        /// From the hardware address.
        EUI64 = 0 "eui64",
        /// Not at all.
        NONE = 1 "none",
        /// RFC 7217, with the secret of the link.
        STABLE_PRIVACY = 2 "stable_secret",
        /// RFC 7217, with a random secret.
        RANDOM = 3 "random",
    }
}

/// A link.
///
/// The fields up to `rest` are taken out of the attributes; what there is besides them stays in `rest`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "RTM_NEWLINK")]
pub struct Link {
    /// Index, from 1 on; unique in its namespace.
    pub index: u32,
    /// Name.
    #[doc(alias = "IFLA_IFNAME")]
    pub name: String,
    /// Other names that it is found by.
    #[doc(alias = "IFLA_ALT_IFNAME")]
    pub alternative_names: Vec<String>,
    /// Kind with the kind's data; `None` for physical links and loopback.
    #[doc(alias = "IFLA_INFO_KIND")]
    pub kind: Option<LinkKind>,
    /// Settings as a port of another link.
    #[doc(alias = "IFLA_INFO_SLAVE_KIND")]
    pub port: Option<PortKind>,
    /// What the hardware is.
    pub hardware_type: HardwareType,
    /// Flags.
    pub flags: LinkFlags,
    /// State.
    pub operational_state: OperationalState,
    /// Largest packet, in bytes.
    #[doc(alias = "IFLA_MTU")]
    pub mtu: Option<u32>,
    /// Hardware address.
    #[doc(alias = "mac")]
    #[doc(alias = "IFLA_ADDRESS")]
    pub address: Option<HardwareAddress>,
    /// Hardware address that reaches everybody.
    pub broadcast: Option<HardwareAddress>,
    /// Hardware address that it was built with.
    pub permanent_address: Option<HardwareAddress>,
    /// Index of the link that it is a port of.
    #[doc(alias = "IFLA_MASTER")]
    pub master: Option<u32>,
    /// Index of the link below it, or of a veth's peer; in the namespace `parent_namespace_id` where that is set.
    #[doc(alias = "IFLA_LINK")]
    pub parent: Option<u32>,
    /// Namespace of `parent`, by its id here.
    #[doc(alias = "IFLA_LINK_NETNSID")]
    pub parent_namespace_id: Option<i32>,
    /// Group.
    pub group: Option<u32>,
    /// Length of the transmit queue, in packets.
    #[doc(alias = "IFLA_TXQLEN")]
    pub transmit_queue_length: Option<u32>,
    /// Description, free text.
    #[doc(alias = "IFLA_IFALIAS")]
    pub alias: Option<String>,
    /// How many want it promiscuous.
    pub promiscuity: Option<u32>,
    /// Counters; some notifications come without them.
    #[doc(alias = "IFLA_STATS64")]
    pub statistics: Option<Statistics>,
    /// The other attributes.
    pub rest: Box<LinkAttrs>,
}

impl Link {
    /// Index and name.
    #[must_use]
    pub fn id(&self) -> LinkId {
        LinkId::named(self.index, &self.name)
    }

    /// Whether the administrator has it up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.flags.contains(LinkFlags::UP)
    }

    /// Whether it is the loopback interface.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.flags.contains(LinkFlags::LOOPBACK)
    }

    /// The name of its kind, such as `bridge`; `None` for physical links and loopback.
    #[must_use]
    pub fn kind_name(&self) -> Option<&str> {
        self.kind.as_ref().map(LinkKind::name)
    }

    /// Settings of the address families, where they were sent.
    pub fn families(&self) -> Result<Option<FamilyAttrs>, Malformed> {
        self.rest.families.as_ref().map(|nest| FamilyAttrs::read_attributes(&nest.0)).transpose()
    }

    fn from_parts(header: LinkHeader, attrs: LinkAttrs) -> Self {
        let mut rest = Box::new(attrs);
        let info = rest.info.take().unwrap_or_default();
        if info.statistics.is_some() || !info.unknown.is_empty() {
            rest.info = Some(LinkInfo { kind: None, port: None, ..info });
        }
        Link {
            index: header.index,
            name: rest.name.take().unwrap_or_default(),
            alternative_names: rest
                .alternative_names
                .take()
                .unwrap_or_default()
                .into_iter()
                .map(|n| n.0)
                .collect(),
            kind: info.kind,
            port: info.port,
            hardware_type: HardwareType(header.hardware_type),
            flags: header.flags,
            operational_state: rest.operational_state.take().unwrap_or_default(),
            mtu: rest.mtu.take(),
            address: rest.address.take(),
            broadcast: rest.broadcast.take(),
            permanent_address: rest.permanent_address.take(),
            master: rest.master.take().filter(|&master| master != 0),
            parent: rest.parent.take().filter(|&parent| parent != 0),
            parent_namespace_id: rest.parent_namespace_id.take(),
            group: rest.group.take(),
            transmit_queue_length: rest.transmit_queue_length.take(),
            alias: rest.alias.take().map(|alias| alias.0),
            promiscuity: rest.promiscuity.take(),
            statistics: rest.statistics.take(),
            rest,
        }
    }
}

impl From<&Link> for LinkId {
    fn from(link: &Link) -> Self {
        link.id()
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A link in a received message, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkView<'a> {
    /// The fixed struct.
    pub header: LinkHeader,
    /// The attributes, each read when asked for.
    pub attributes: LinkAttrsView<'a>,
}

impl<'a> LinkView<'a> {
    /// Looks at a message; `None` where it does not tell of a link. Messages about bridge ports (`AF_BRIDGE`) and
    /// those of other families do not: they have attributes of their own.
    pub fn read(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if !matches!(message.header.kind, NEW_LINK | DELETE_LINK) {
            return Ok(None);
        }
        let header: LinkHeader = message.fixed()?;
        let attributes = LinkAttrsView::new(message.bytes_after(LinkHeader::SIZE));
        Ok((Family(header.family) == Family::UNSPECIFIED).then_some(LinkView { header, attributes }))
    }

    /// Index and name.
    pub fn id(&self) -> Result<LinkId, Malformed> {
        let name = self.attributes.name()?.map_or(&[][..], |name| name.0);
        Ok(LinkId::with_bytes(self.header.index, name))
    }

    /// Makes it the caller's own.
    pub fn own(&self) -> Result<Link, Malformed> {
        Ok(Link::from_parts(self.header, LinkAttrs::own(self.attributes)?))
    }
}

#[cfg(test)]
mod tests;
