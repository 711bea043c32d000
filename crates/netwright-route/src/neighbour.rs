//! Neighbours: which hardware address an IP address has on a link, and forwarding entries of bridges
//! (`RTM_*NEIGH`, `linux/neighbour.h`).

use std::fmt;
use std::net::IpAddr;

use netwright_wire::{Dump, Malformed, Message, Request, Subject, Unknown, Value, Writer};

use crate::message::{ROUTE_PROTOCOL, kind, refuse_no_link, require_link, write_header};
use crate::{Family, HardwareAddress, LinkId, NetworkOrder, Object, Protocol, Purpose, RawNest};

netwright_wire::header! {
    /// `struct ndmsg`.
    pub struct NeighbourHeader: Native {
        family: u8,
        padding1: u8,
        padding2: u16,
        /// Index of the link.
        index: u32,
        state: NeighbourState,
        flags: NeighbourFlags,
        /// Kind of the route to it (`RTN_*`).
        kind: u8,
    }

    /// `struct nda_cacheinfo`; times in hundredths of a second.
    pub struct NeighbourCacheInfo: Native {
        /// Since it was last confirmed.
        confirmed: u32,
        /// Since it was last used.
        used: u32,
        /// Since it was last changed.
        updated: u32,
        references: u32,
    }
}

netwright_wire::attrs! {
    /// Attributes of a neighbour (`NDA_*`).
    pub struct NeighbourAttrs, NeighbourAttrsView: Native {
        /// IP address; for a forwarding entry the tunnel's other end.
        NDA_DST = 1 => destination: IpAddr,
        /// Hardware address.
        NDA_LLADDR = 2 => address: HardwareAddress,
        /// Times.
        NDA_CACHEINFO = 3 => cache_info: NeighbourCacheInfo,
        /// Requests sent without an answer.
        NDA_PROBES = 4 => probes: u32,
        /// VLAN.
        NDA_VLAN = 5 => vlan: u16,
        /// UDP port of the tunnel.
        NDA_PORT = 6 => port: NetworkOrder<u16>,
        /// Network identifier of the tunnel.
        NDA_VNI = 7 => vni: u32,
        /// Index of the link; for tunnels that below.
        NDA_IFINDEX = 8 => index: u32,
        /// Index of the bridge or VRF that the link is a port of.
        NDA_MASTER = 9 => master: u32,
        /// Namespace of the link below, by its id here.
        NDA_LINK_NETNSID = 10 => link_namespace_id: i32,
        /// Network identifier of the source.
        NDA_SRC_VNI = 11 => source_vni: u32,
        /// Who made it.
        NDA_PROTOCOL = 12 => protocol: Protocol,
        /// Nexthop object.
        NDA_NH_ID = 13 => nexthop: u32,
        /// More about a forwarding entry.
        NDA_FDB_EXT_ATTRS = 14 => forwarding: RawNest,
        /// More flags.
        NDA_FLAGS_EXT = 15 => extended_flags: NeighbourExtendedFlags,
        /// States that are asked for.
        NDA_NDM_STATE_MASK = 16 => state_mask: NeighbourState,
        /// Flags that are asked for.
        NDA_NDM_FLAGS_MASK = 17 => flags_mask: u8,
    }
}

netwright_wire::open_flags! {
    /// State of a neighbour (`NUD_*`); one bit at a time.
    pub struct NeighbourState(u16) {
        /// Being asked for.
        INCOMPLETE = 0x01,
        /// Confirmed.
        REACHABLE = 0x02,
        /// Not confirmed for a while.
        STALE = 0x04,
        /// Used and waiting for a confirmation.
        DELAY = 0x08,
        /// Being asked again.
        PROBE = 0x10,
        /// Did not answer.
        FAILED = 0x20,
        /// Needs no resolution.
        NO_ARP = 0x40,
        /// Set by hand.
        PERMANENT = 0x80,
    }

    /// Flags of a neighbour (`NTF_*`).
    pub struct NeighbourFlags(u8) {
        /// Resolve it now.
        USE = 1,
        /// The entry of the link itself.
        SELF = 1 << 1,
        /// The entry of the link's bridge.
        MASTER = 1 << 2,
        /// Requests for the address are answered for it.
        PROXY = 1 << 3,
        /// Learnt outside the kernel.
        #[doc(alias = "NTF_EXT_LEARNED")]
        EXTERNALLY_LEARNED = 1 << 4,
        /// The hardware has it.
        OFFLOADED = 1 << 5,
        /// Does not move to another port.
        STICKY = 1 << 6,
        /// Is a router (IPv6).
        ROUTER = 1 << 7,
    }

    /// More flags of a neighbour (`NTF_EXT_*`).
    pub struct NeighbourExtendedFlags(u32) {
        /// The kernel keeps it resolved.
        MANAGED = 1,
        /// A forwarding entry that a locked port knows.
        LOCKED = 1 << 1,
    }
}

impl NeighbourState {
    /// The names that `ip` has for states.
    pub const NAMES: [(NeighbourState, &'static str); 8] = [
        (NeighbourState::INCOMPLETE, "incomplete"),
        (NeighbourState::REACHABLE, "reachable"),
        (NeighbourState::STALE, "stale"),
        (NeighbourState::DELAY, "delay"),
        (NeighbourState::PROBE, "probe"),
        (NeighbourState::FAILED, "failed"),
        (NeighbourState::NO_ARP, "noarp"),
        (NeighbourState::PERMANENT, "permanent"),
    ];

    /// The name of a single state; `none` where no bit is set.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        if self.is_empty() {
            return Some("none");
        }
        Self::NAMES.iter().find(|(state, _)| *state == self).map(|(_, name)| *name)
    }
}

/// A neighbour, or with the family [`Family::BRIDGE`] a forwarding entry of a bridge or VXLAN.
///
/// ```
/// use netwright_route::{LinkId, Neighbour};
///
/// let eth0 = LinkId::named(2, "eth0");
/// let neighbour = Neighbour::new(eth0, [192, 0, 2, 9].into(), [2, 0, 0, 0, 0, 1].into());
/// assert_eq!(neighbour.to_string(), "192.0.2.9 lladdr 02:00:00:00:00:01 dev eth0");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "RTM_NEWNEIGH")]
pub struct Neighbour {
    /// Family: IPv4, IPv6 or bridge.
    pub family: Family,
    /// The link.
    pub link: LinkId,
    /// IP address; for a forwarding entry the tunnel's other end.
    #[doc(alias = "NDA_DST")]
    pub destination: Option<IpAddr>,
    /// Hardware address.
    #[doc(alias = "NDA_LLADDR")]
    pub address: Option<HardwareAddress>,
    /// State. A new one is permanent where it is empty.
    pub state: NeighbourState,
    /// Flags.
    pub flags: NeighbourFlags,
    /// More flags.
    pub extended_flags: Option<NeighbourExtendedFlags>,
    /// Who made it.
    pub protocol: Option<Protocol>,
    /// VLAN of a forwarding entry.
    pub vlan: Option<u16>,
    /// UDP port of the tunnel's other end.
    pub port: Option<u16>,
    /// Network identifier of the tunnel's other end.
    pub vni: Option<u32>,
    /// Network identifier of the source.
    pub source_vni: Option<u32>,
    /// Index of the link below a tunnel.
    pub lower_link: Option<u32>,
    /// Index of the bridge or VRF that the link is a port of.
    pub master: Option<u32>,
    /// Nexthop object.
    pub nexthop: Option<u32>,
    /// Requests sent without an answer.
    pub probes: Option<u32>,
    /// Times; not sent back.
    pub cache_info: Option<NeighbourCacheInfo>,
    /// Attributes that are not known or that this has no field for, kept byte for byte.
    pub unknown: Unknown,
}

impl Neighbour {
    /// A permanent neighbour.
    #[must_use]
    pub fn new(link: impl Into<LinkId>, destination: IpAddr, address: HardwareAddress) -> Self {
        Neighbour {
            family: Family::of(destination),
            link: link.into(),
            destination: Some(destination),
            address: Some(address),
            ..Neighbour::default()
        }
    }

    /// An address whose requests on a link are answered for it.
    #[must_use]
    pub fn proxy(link: impl Into<LinkId>, destination: IpAddr) -> Self {
        Neighbour {
            family: Family::of(destination),
            link: link.into(),
            destination: Some(destination),
            flags: NeighbourFlags::PROXY,
            ..Neighbour::default()
        }
    }

    /// A permanent forwarding entry of the bridge that the link is a port of.
    #[must_use]
    pub fn forwarding(link: impl Into<LinkId>, address: HardwareAddress) -> Self {
        Neighbour {
            family: Family::BRIDGE,
            link: link.into(),
            address: Some(address),
            flags: NeighbourFlags::MASTER,
            ..Neighbour::default()
        }
    }

    /// Of forwarding entries the kernel tells no flag that says whether the bridge or its port has them, but the bridge.
    fn whose(&self) -> NeighbourFlags {
        let either = NeighbourFlags::SELF | NeighbourFlags::MASTER;
        match self.master {
            Some(master) if self.family == Family::BRIDGE && !self.flags.intersects(either) => {
                if master == self.link.index { NeighbourFlags::SELF } else { NeighbourFlags::MASTER }
            }
            _ => NeighbourFlags::empty(),
        }
    }

    fn parts(&self, purpose: Purpose) -> (NeighbourHeader, NeighbourAttrs) {
        let new = purpose == Purpose::New;
        let state = if new && self.state.is_empty() { NeighbourState::PERMANENT } else { self.state };
        let header = NeighbourHeader {
            family: self.family.0,
            index: self.link.index,
            state,
            flags: self.flags | self.whose(),
            ..NeighbourHeader::default()
        };
        let attrs = NeighbourAttrs {
            destination: self.destination,
            address: self.address,
            vlan: self.vlan,
            port: self.port.map(NetworkOrder),
            vni: self.vni,
            index: self.lower_link,
            source_vni: self.source_vni,
            protocol: self.protocol.filter(|_| new),
            nexthop: self.nexthop,
            extended_flags: self.extended_flags.filter(|_| new),
            unknown: self.unknown.clone(),
            ..NeighbourAttrs::default()
        };
        (header, attrs)
    }

    fn from_parts(header: NeighbourHeader, attrs: NeighbourAttrs) -> Self {
        let mut unknown = attrs.unknown;
        if let Some(RawNest(payload)) = &attrs.forwarding {
            const NDA_FDB_EXT_ATTRS: u16 = 14;
            let attribute = netwright_wire::Attribute { kind: NDA_FDB_EXT_ATTRS, nested: true, payload };
            unknown.keep(u16::MAX, attribute);
        }
        Neighbour {
            family: Family(header.family),
            link: LinkId::new(header.index),
            destination: attrs.destination,
            address: attrs.address,
            state: header.state,
            flags: header.flags,
            extended_flags: attrs.extended_flags,
            protocol: attrs.protocol,
            vlan: attrs.vlan,
            port: attrs.port.map(|port| port.0),
            vni: attrs.vni,
            source_vni: attrs.source_vni,
            lower_link: attrs.index,
            master: attrs.master,
            nexthop: attrs.nexthop,
            probes: attrs.probes,
            cache_info: attrs.cache_info,
            unknown,
        }
    }
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flags.contains(NeighbourFlags::PROXY) {
            f.write_str("proxy ")?;
        }
        match (self.family, self.destination, self.address) {
            (Family::BRIDGE, destination, Some(address)) => {
                write!(f, "{address}")?;
                if let Some(destination) = destination {
                    write!(f, " dst {destination}")?;
                }
            }
            (_, Some(destination), Some(address)) => write!(f, "{destination} lladdr {address}")?,
            (_, Some(destination), None) => write!(f, "{destination}")?,
            (_, None, Some(address)) => write!(f, "lladdr {address}")?,
            (_, None, None) => f.write_str("without address")?,
        }
        write!(f, " dev {}", self.link)
    }
}

impl Object for Neighbour {
    const NEW: u16 = kind::NEW_NEIGHBOUR;
    const DELETE: u16 = kind::DELETE_NEIGHBOUR;
    const NOUN: &'static str = "neighbour";

    fn write(&self, purpose: Purpose, writer: &mut Writer) {
        let (header, attrs) = self.parts(purpose);
        write_header(&header, writer);
        require_link(self.link.index, writer);
        if self.destination.is_none() && self.address.is_none() {
            writer.contradiction("neither of its addresses is named");
        }
        attrs.write_attributes(writer);
    }

    fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        NeighbourView::read(message)?.map(|view| view.own()).transpose()
    }
}

/// A neighbour in a received message, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourView<'a> {
    /// The fixed struct.
    pub header: NeighbourHeader,
    /// The attributes, each read when asked for.
    pub attributes: NeighbourAttrsView<'a>,
}

impl<'a> NeighbourView<'a> {
    /// Looks at a message; `None` where it does not tell of a neighbour or a forwarding entry.
    pub fn read(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if !matches!(message.header.kind, kind::NEW_NEIGHBOUR | kind::DELETE_NEIGHBOUR) {
            return Ok(None);
        }
        let header: NeighbourHeader = message.fixed()?;
        let attributes = NeighbourAttrsView::new(message.bytes_after(NeighbourHeader::SIZE));
        let family = Family(header.family);
        let known = family.is_ip() || family == Family::BRIDGE;
        Ok(known.then_some(NeighbourView { header, attributes }))
    }

    /// Makes it the caller's own.
    pub fn own(&self) -> Result<Neighbour, Malformed> {
        Ok(Neighbour::from_parts(self.header, NeighbourAttrs::own(self.attributes)?))
    }
}

/// Lists neighbours, or with the family [`Family::BRIDGE`] forwarding entries. What is set is filtered for by the
/// kernel, where the socket checks strictly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Those of one family.
    pub family: Family,
    /// Those of one link.
    pub link: Option<LinkId>,
    /// Those on the ports of one bridge or VRF.
    pub master: Option<LinkId>,
    /// Addresses that requests are answered for, instead of neighbours.
    pub proxies: bool,
}

impl List {
    /// The neighbours on a link.
    #[must_use]
    pub fn on(link: impl Into<LinkId>) -> Self {
        List { link: Some(link.into()), ..List::default() }
    }
}

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.family, self.proxies) {
            (Family::BRIDGE, _) => "forwarding entries",
            (_, true) => "proxied neighbours",
            (_, false) => "neighbours",
        };
        write!(f, "list {what}")?;
        match (self.link, self.master) {
            (Some(link), _) => write!(f, " of {link}"),
            (None, Some(master)) => write!(f, " on the ports of {master}"),
            (None, None) => Ok(()),
        }
    }
}

impl Request for List {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_NEIGHBOUR
    }

    fn write(&self, writer: &mut Writer) {
        let flags = if self.proxies { NeighbourFlags::PROXY } else { NeighbourFlags::empty() };
        let bridge = self.family == Family::BRIDGE;
        let index = self.link.map(|link| link.index);
        let header = NeighbourHeader {
            family: self.family.0,
            index: index.filter(|_| bridge).unwrap_or(0),
            flags,
            ..NeighbourHeader::default()
        };
        write_header(&header, writer);
        refuse_no_link(self.link, writer);
        refuse_no_link(self.master, writer);
        let master = self.master.map(|master| master.index);
        let index = index.filter(|_| !bridge);
        NeighbourAttrs { index, master, ..NeighbourAttrs::default() }.write_attributes(writer);
    }
}

impl Dump for List {
    type View<'a> = NeighbourView<'a>;
    type Output = Neighbour;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<NeighbourView<'a>>, Malformed> {
        NeighbourView::read(message)
    }

    fn own(&self, view: NeighbourView<'_>) -> Result<Neighbour, Malformed> {
        view.own()
    }
}

#[cfg(test)]
mod tests;
