//! Making a link.

use std::fmt;

use netwright_wire::{
    Acknowledged, Attributes, ByteOrder, Making, Malformed, Message, MessageFlags, Native, Request, Subject,
    Value, Writer,
};

use super::attributes::{LinkAttrs, LinkAttrsView, LinkHeader};
use super::kind::{
    Bridge, Dummy, Ifb, Ipvlan, IpvlanMode, Macvlan, MacvlanMode, Tun, TunMode, Veth, Vlan, Vrf, Vxlan,
    Wireguard,
};
use super::requests::EMPTY_NAME;
use super::{Change, Link, LinkKind, LinkView, NamespaceRef};
use crate::message::{ROUTE_PROTOCOL, kind, refuse_link_name, refuse_no_link, write_header};
use crate::{LinkId, Table};

/// Makes a link.
///
/// ```
/// use netwright_route::link::{Change, Create};
///
/// let bridge = Create::bridge("br-lan").with(Change::up());
/// # let _ = bridge;
/// ```
///
/// The kernel makes TUN and TAP interfaces by opening `/dev/net/tun` and refuses this request for them; the links of the
/// facade see to that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "NewLink")]
pub struct Create {
    /// Its kind with the kind's data.
    pub kind: LinkKind,
    /// The link below it, for VLANs, macvlan and the like.
    pub parent: Option<LinkId>,
    /// Index to have; the kernel chooses one where it is `None`.
    pub index: Option<u32>,
    /// Transmit queues.
    pub transmit_queues: Option<u32>,
    /// Receive queues.
    pub receive_queues: Option<u32>,
    /// Name and other settings. Without a name the kernel makes one of the kind's, such as `veth0`.
    pub settings: Change,
}

impl Create {
    /// A link of a kind with its defaults.
    #[must_use]
    pub fn new(name: &str, kind: impl Into<LinkKind>) -> Self {
        Create {
            kind: kind.into(),
            parent: None,
            index: None,
            transmit_queues: None,
            receive_queues: None,
            settings: Change::rename(name),
        }
    }

    /// A pair of Ethernet interfaces.
    #[must_use]
    pub fn veth(name: &str, peer: impl Into<Peer>) -> Self {
        Create::new(name, Veth { peer: Some(peer.into()), ..Veth::default() })
    }

    /// A bridge.
    #[must_use]
    pub fn bridge(name: &str) -> Self {
        Create::new(name, Bridge::default())
    }

    /// An interface that drops what is sent to it.
    #[must_use]
    pub fn dummy(name: &str) -> Self {
        Create::new(name, Dummy::default())
    }

    /// An intermediate functional block.
    #[must_use]
    pub fn ifb(name: &str) -> Self {
        Create::new(name, Ifb::default())
    }

    /// An 802.1Q VLAN of another link; `id` is 0 to 4094.
    #[must_use]
    pub fn vlan(name: &str, parent: impl Into<LinkId>, id: u16) -> Self {
        Create::new(name, Vlan { id: Some(id), ..Vlan::default() }).above(parent)
    }

    /// A second hardware address on another link.
    #[must_use]
    pub fn macvlan(name: &str, parent: impl Into<LinkId>, mode: MacvlanMode) -> Self {
        Create::new(name, Macvlan { mode: Some(mode), ..Macvlan::default() }).above(parent)
    }

    /// A second interface with the hardware address of another link.
    #[must_use]
    pub fn ipvlan(name: &str, parent: impl Into<LinkId>, mode: IpvlanMode) -> Self {
        Create::new(name, Ipvlan { mode: Some(mode), ..Ipvlan::default() }).above(parent)
    }

    /// A VXLAN with a network identifier of 24 bits.
    #[must_use]
    pub fn vxlan(name: &str, id: u32) -> Self {
        Create::new(name, Vxlan { id: Some(id), ..Vxlan::default() })
    }

    /// A TUN interface, which carries IP packets and is there until it is deleted.
    #[must_use]
    pub fn tun(name: &str) -> Self {
        Create::new(name, Tun { mode: Some(TunMode::TUN), ..Tun::default() })
    }

    /// A TAP interface, which carries Ethernet frames and is there until it is deleted.
    #[must_use]
    pub fn tap(name: &str) -> Self {
        Create::new(name, Tun { mode: Some(TunMode::TAP), ..Tun::default() })
    }

    /// Routing of its own for its ports, in this table.
    #[must_use]
    pub fn vrf(name: &str, table: Table) -> Self {
        Create::new(name, Vrf { table: Some(table), ..Vrf::default() })
    }

    /// A WireGuard tunnel; its keys and peers are set elsewhere.
    #[must_use]
    pub fn wireguard(name: &str) -> Self {
        Create::new(name, Wireguard::default())
    }

    /// The same above another link.
    #[must_use]
    pub fn above(mut self, parent: impl Into<LinkId>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// The same with these settings. Options of its kind are joined with those that it has.
    #[must_use]
    pub fn with(mut self, mut settings: Change) -> Self {
        if let Some(kind) = settings.kind.take_if(|kind| kind.name() == self.kind.name()) {
            self.kind = self.kind.joined(kind);
        }
        self.settings = self.settings.and(settings);
        self
    }
}

impl Subject for Create {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create {} link", self.kind.name())?;
        if let Some(name) = &self.settings.name {
            write!(f, " {name}")?;
        }
        if let Some(parent) = self.parent {
            write!(f, " above {parent}")?;
        }
        if let LinkKind::Veth(Veth { peer: Some(peer), .. }) = &self.kind
            && let Some(name) = peer.name()
        {
            write!(f, " with the peer {name}")?;
        }
        Ok(())
    }
}

impl Request for Create {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::NEW_LINK
    }

    fn flags(&self) -> MessageFlags {
        MessageFlags::CREATE | MessageFlags::EXCLUSIVE
    }

    fn write(&self, writer: &mut Writer) {
        let mut header = LinkHeader { index: self.index.unwrap_or(0), ..LinkHeader::default() };
        let mut attrs = LinkAttrs::default();
        self.settings.apply(&mut header, &mut attrs);
        attrs.parent = self.parent.map(|parent| parent.index);
        attrs.transmit_queues = self.transmit_queues;
        attrs.receive_queues = self.receive_queues;
        attrs.info.get_or_insert_default().kind = Some(self.kind.without_state());
        write_header(&header, writer);
        self.check(writer);
        attrs.write_attributes(writer);
    }
}

impl Create {
    /// Refuses what the kernel would pass over in silence, or take for something else.
    fn check(&self, writer: &mut Writer) {
        refuse_link_name(self.settings.name.as_deref(), writer);
        refuse_no_link(self.parent, writer);
        if self.index == Some(0) {
            writer.contradiction("a link has an index from 1 on");
        }
        if self.settings.new_index.is_some() {
            writer.contradiction("a link that is made has its index in `index`");
        }
        if let (LinkKind::Veth(Veth { peer: Some(peer), .. }), None) = (&self.kind, self.index)
            && peer.header.index != 0
        {
            writer.contradiction("the kernel gives the peer its index only where the link has one too");
        }
        if self.settings.kind.is_some() {
            writer.contradiction("a link that is made has its kind in `kind`");
        }
        if !self.settings.clone().split_for_creation().1.is_empty() {
            writer.contradiction(
                "the kernel takes an alias, alternative names, the carrier, the way of addresses and a port's settings only after a link is made",
            );
        }
    }
}

impl Acknowledged for Create {}

impl Making for Create {
    type Made = Link;

    fn read_made(&self, message: &Message<'_>) -> Result<Option<Link>, Malformed> {
        LinkView::read(message)?.map(|view| view.own()).transpose()
    }
}

/// The other end of a veth: a link of its own, in any namespace.
///
/// What the kernel takes of its settings while the pair is made goes with the request; what it would pass over, such as being up,
/// is in `later`. The links of the facade set that afterwards; a request refuses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "VETH_INFO_PEER")]
pub struct Peer {
    /// The fixed struct.
    pub header: LinkHeader,
    /// The attributes as they are sent. A peer could have a peer, and so on, so they are not read beforehand.
    pub attributes: Vec<u8>,
    /// What is to be set when the pair is made.
    pub later: Option<Box<Change>>,
    /// The namespace that it is made in, where it is another.
    pub namespace: Option<NamespaceRef>,
}

impl Peer {
    /// A peer with these settings.
    #[must_use]
    pub fn new(settings: &Change) -> Self {
        let (now, mut later) = settings.clone().split_for_peer();
        // there is no such index, which is said where the rest is set
        later.new_index = now.new_index.filter(|&index| index == 0);
        let mut header = LinkHeader { index: now.new_index.unwrap_or(0), ..LinkHeader::default() };
        let mut attrs = LinkAttrs::default();
        now.apply(&mut header, &mut attrs);
        attrs.new_index = None;
        let mut writer = Writer::new();
        attrs.write_attributes(&mut writer);
        let later = (!later.is_empty()).then(|| Box::new(later));
        Peer { header, attributes: writer.bytes().to_vec(), later, namespace: now.namespace }
    }

    /// The attributes, each read when asked for.
    #[must_use]
    pub fn attributes(&self) -> LinkAttrsView<'_> {
        LinkAttrsView::new(&self.attributes)
    }

    /// Its name, where it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.attributes().name().ok().flatten().and_then(|name| name.as_str())
    }
}

impl From<&str> for Peer {
    fn from(name: &str) -> Self {
        Peer::new(&Change::rename(name))
    }
}

impl From<&Change> for Peer {
    fn from(settings: &Change) -> Self {
        Peer::new(settings)
    }
}

impl From<Change> for Peer {
    fn from(settings: Change) -> Self {
        Peer::new(&settings)
    }
}

const IFLA_IFNAME: u16 = 3;

/// A [`Peer`] read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerView<'a> {
    /// The fixed struct.
    pub header: LinkHeader,
    /// The attributes, each read when asked for.
    pub attributes: LinkAttrsView<'a>,
}

impl Value for Peer {
    type View<'a> = PeerView<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<PeerView<'_>, Malformed> {
        let attributes = LinkAttrsView::new(payload.get(LinkHeader::SIZE..).unwrap_or(&[]));
        Ok(PeerView { header: LinkHeader::view::<Native>(payload)?, attributes })
    }

    fn own(view: PeerView<'_>) -> Result<Self, Malformed> {
        Ok(Peer { header: view.header, attributes: view.attributes.bytes().to_vec(), ..Peer::default() })
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        write_header(&self.header, writer);
        writer.push(&self.attributes);
        // Its texts were written into a buffer of its own, which nobody asked for faults.
        let text = |kind| Attributes::new(&self.attributes).find(kind).ok().flatten();
        let cut = |payload: &[u8]| payload.split_last().is_some_and(|(_, text)| text.contains(&0));
        if text(IFLA_IFNAME).is_some_and(|name| cut(name.payload)) {
            writer.contradiction("the name of the peer has a NUL in it");
        }
        if text(IFLA_IFNAME).is_some_and(|name| name.payload == [0]) {
            writer.contradiction(EMPTY_NAME);
        }
        if self.later.is_some() {
            writer.contradiction("the kernel takes some of the peer's settings only after the pair is made");
        }
    }
}
