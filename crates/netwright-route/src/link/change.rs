//! What can be changed of a link, and set when one is made.

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use netwright_wire::{Acknowledged, Request, Subject, Value, Writer};

use super::attributes::{FamilyAttrs, Ipv6LinkAttrs, LinkAttrs, LinkHeader};
use super::{AddressGeneration, LinkFlags, LinkInfo, LinkKind, PortKind};
use crate::message::{ROUTE_PROTOCOL, kind, refuse_link_name, require_link, write_header};
use crate::{HardwareAddress, LinkId, PlainText, RawNest};

/// The namespace that a link is made in or moves to.
///
/// It follows from whatever shares a descriptor of a namespace, such as a reference to the `Namespace` of `netwright`, and then
/// keeps it open.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NamespaceRef {
    /// By a descriptor.
    Open(Arc<OwnedFd>),
    /// By the number of a descriptor, which the caller keeps open until the request is done.
    Descriptor(RawFd),
    /// That of a process or thread.
    Process(u32),
}

/// What [`NamespaceRef`] was called.
#[deprecated(note = "is called NamespaceRef, as Namespace is what is open")]
#[doc(hidden)]
pub type Namespace = NamespaceRef;

impl NamespaceRef {
    pub(crate) fn process(&self) -> Option<u32> {
        match self {
            NamespaceRef::Process(process) => Some(*process),
            _ => None,
        }
    }

    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        match self {
            NamespaceRef::Open(descriptor) => Some(descriptor.as_raw_fd()),
            NamespaceRef::Descriptor(descriptor) => Some(*descriptor),
            NamespaceRef::Process(_) => None,
        }
    }
}

/// Two are equal that name the same descriptor or process.
impl PartialEq for NamespaceRef {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (NamespaceRef::Process(one), NamespaceRef::Process(other)) => one == other,
            _ => self.descriptor().is_some() && self.descriptor() == other.descriptor(),
        }
    }
}

impl Eq for NamespaceRef {}

impl<T: AsRef<Arc<OwnedFd>>> From<&T> for NamespaceRef {
    fn from(namespace: &T) -> Self {
        NamespaceRef::Open(Arc::clone(namespace.as_ref()))
    }
}

/// Settings of a link; those that are `None` stay as they are.
///
/// ```
/// use netwright_route::link::Change;
///
/// let change = Change::up().and(Change::mtu(1400));
/// assert_eq!(change.to_string(), "up, mtu 1400");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Flags to set.
    pub set_flags: LinkFlags,
    /// Flags to clear.
    pub clear_flags: LinkFlags,
    /// New name. Most kernels want the link down for it.
    pub name: Option<String>,
    /// Largest packet, in bytes.
    pub mtu: Option<u32>,
    /// Hardware address.
    pub address: Option<HardwareAddress>,
    /// Hardware address that reaches everybody.
    pub broadcast: Option<HardwareAddress>,
    /// The link that it becomes a port of; the link with index 0 takes it out of the one it is a port of.
    pub master: Option<LinkId>,
    /// Group.
    pub group: Option<u32>,
    /// Namespace to move to.
    pub namespace: Option<NamespaceRef>,
    /// Index to have in the namespace that it moves to; of a peer, where it is made.
    pub new_index: Option<u32>,
    /// Length of the transmit queue, in packets.
    pub transmit_queue_length: Option<u32>,
    /// Description, free text; the empty text removes it.
    pub alias: Option<String>,
    /// Whether the driver says that there is a carrier.
    pub carrier: Option<bool>,
    /// How IPv6 link-local addresses are made.
    pub address_generation: Option<AddressGeneration>,
    /// Data of its kind, such as options of a bridge.
    pub kind: Option<LinkKind>,
    /// Settings as a port of the link that it is a port of.
    pub port: Option<PortKind>,
    /// Largest packet that is sent whole and segmented later, in bytes (BIG TCP where it is over 65536). Up to 65536 it is IPv4's as well.
    /// No more than the device takes, which is `EINVAL`.
    pub gso_maximum_size: Option<u32>,
    /// The same of IPv4 alone. Linux before 6.3 does not know it.
    pub gso_ipv4_maximum_size: Option<u32>,
    /// Largest packet that received ones are joined to, in bytes.
    pub gro_maximum_size: Option<u32>,
    /// The same of IPv4 alone. Linux before 6.3 does not know it.
    pub gro_ipv4_maximum_size: Option<u32>,
    /// Alternative names that it gets besides those it has, each of up to 127 bytes.
    pub alternative_names: Vec<String>,
}

macro_rules! constructors {
    ($($(#[$meta:meta])* $name:ident: $field:ident($type:ty);)*) => {$(
        $(#[$meta])*
        #[must_use]
        pub fn $name(value: $type) -> Self {
            Change { $field: Some(value.into()), ..Change::default() }
        }
    )*};
}

impl Change {
    /// Brings it up.
    #[must_use]
    pub fn up() -> Self {
        Change::flag(LinkFlags::UP, true)
    }

    /// Takes it down.
    #[must_use]
    pub fn down() -> Self {
        Change::flag(LinkFlags::UP, false)
    }

    /// Sets or clears flags.
    #[must_use]
    pub fn flag(flags: LinkFlags, on: bool) -> Self {
        match on {
            true => Change { set_flags: flags, ..Change::default() },
            false => Change { clear_flags: flags, ..Change::default() },
        }
    }

    /// Receives all packets, or only its own.
    #[must_use]
    pub fn promiscuous(on: bool) -> Self {
        Change::flag(LinkFlags::PROMISCUOUS, on)
    }

    /// Receives all multicast packets, or only those joined.
    #[must_use]
    pub fn all_multicast(on: bool) -> Self {
        Change::flag(LinkFlags::ALL_MULTICAST, on)
    }

    /// Resolves addresses, or does not.
    #[must_use]
    pub fn arp(on: bool) -> Self {
        Change::flag(LinkFlags::NO_ARP, !on)
    }

    /// Takes it out of the link that it is a port of.
    #[must_use]
    pub fn without_master() -> Self {
        Change::master(LinkId::new(0))
    }

    constructors! {
        /// Renames it.
        rename: name(impl Into<String>);
        /// Sets the largest packet, in bytes.
        mtu: mtu(u32);
        /// Sets the hardware address.
        address: address(impl Into<HardwareAddress>);
        /// Makes it a port of a bridge, bond or VRF.
        master: master(impl Into<LinkId>);
        /// Puts it into a group.
        group: group(u32);
        /// Moves it to a namespace.
        namespace: namespace(impl Into<NamespaceRef>);
        /// Sets the length of the transmit queue, in packets.
        transmit_queue_length: transmit_queue_length(u32);
        /// Describes it.
        alias: alias(impl Into<String>);
        /// Sets how IPv6 link-local addresses are made.
        address_generation: address_generation(AddressGeneration);
        /// Changes data of its kind.
        kind: kind(impl Into<LinkKind>);
        /// Changes its settings as a port.
        port: port(impl Into<PortKind>);
    }

    /// Both; where both set the same, the other's holds.
    #[must_use]
    pub fn and(self, other: Change) -> Self {
        Change {
            set_flags: (self.set_flags & !other.clear_flags) | other.set_flags,
            clear_flags: (self.clear_flags & !other.set_flags) | other.clear_flags,
            name: other.name.or(self.name),
            mtu: other.mtu.or(self.mtu),
            address: other.address.or(self.address),
            broadcast: other.broadcast.or(self.broadcast),
            master: other.master.or(self.master),
            group: other.group.or(self.group),
            namespace: other.namespace.or(self.namespace),
            new_index: other.new_index.or(self.new_index),
            transmit_queue_length: other.transmit_queue_length.or(self.transmit_queue_length),
            alias: other.alias.or(self.alias),
            carrier: other.carrier.or(self.carrier),
            address_generation: other.address_generation.or(self.address_generation),
            kind: other.kind.or(self.kind),
            port: other.port.or(self.port),
            gso_maximum_size: other.gso_maximum_size.or(self.gso_maximum_size),
            gso_ipv4_maximum_size: other.gso_ipv4_maximum_size.or(self.gso_ipv4_maximum_size),
            gro_maximum_size: other.gro_maximum_size.or(self.gro_maximum_size),
            gro_ipv4_maximum_size: other.gro_ipv4_maximum_size.or(self.gro_ipv4_maximum_size),
            alternative_names: [self.alternative_names, other.alternative_names].concat(),
        }
    }

    /// What the kernel takes while a link is made, and what it would pass over in silence, which is to be set afterwards.
    ///
    /// Where there is anything to be set afterwards, so is the link's being up: it begins with an address of IPv6, for
    /// which the way that these are made must be set before.
    #[must_use]
    pub fn split_for_creation(self) -> (Change, Change) {
        let mut later = Change {
            alias: self.alias,
            carrier: self.carrier,
            address_generation: self.address_generation,
            port: self.port,
            alternative_names: self.alternative_names,
            ..Change::default()
        };
        let mut now = Change {
            alias: None,
            carrier: None,
            address_generation: None,
            port: None,
            alternative_names: Vec::new(),
            ..self
        };
        if !later.is_empty() {
            later.set_flags = now.set_flags & LinkFlags::UP;
            now.set_flags -= LinkFlags::UP;
        }
        (now, later)
    }

    /// The same for the other end of a pair, of which the kernel passes over more. It cannot be up before the pair is whole.
    #[must_use]
    pub(super) fn split_for_peer(self) -> (Change, Change) {
        let (mut now, mut later) = self.split_for_creation();
        later.master = now.master.take();
        later.kind = now.kind.take();
        later.set_flags |= now.set_flags & LinkFlags::UP;
        now.set_flags -= LinkFlags::UP;
        (now, later)
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Change::default()
    }

    /// Refuses what the kernel would pass over in silence, or take for something else.
    fn check(&self, writer: &mut Writer) {
        refuse_link_name(self.name.as_deref(), writer);
        if self.new_index == Some(0) || (self.new_index.is_some() && self.namespace.is_none()) {
            writer.contradiction(
                "a link gets another index only where it moves to another namespace, and 0 is none",
            );
        }
        if !self.alternative_names.is_empty() {
            writer.contradiction("alternative names are given by a request of their own");
        }
    }

    /// Puts the settings into a message's parts.
    pub(super) fn apply(&self, header: &mut LinkHeader, attrs: &mut LinkAttrs) {
        header.flags = self.set_flags;
        header.change = self.set_flags | self.clear_flags;
        attrs.name = self.name.clone();
        attrs.mtu = self.mtu;
        attrs.address = self.address;
        attrs.broadcast = self.broadcast;
        attrs.master = self.master.map(|master| master.index);
        attrs.group = self.group;
        attrs.new_index = self.new_index;
        attrs.transmit_queue_length = self.transmit_queue_length;
        attrs.alias = self.alias.clone().map(PlainText);
        attrs.carrier = self.carrier;
        attrs.gso_maximum_size = self.gso_maximum_size;
        attrs.gso_ipv4_maximum_size = self.gso_ipv4_maximum_size;
        attrs.gro_maximum_size = self.gro_maximum_size;
        attrs.gro_ipv4_maximum_size = self.gro_ipv4_maximum_size;
        match &self.namespace {
            Some(NamespaceRef::Process(process)) => attrs.namespace_pid = Some(*process),
            namespace => attrs.namespace_fd = namespace.as_ref().and_then(NamespaceRef::descriptor),
        }
        attrs.families = self.address_generation.map(families);
        if self.kind.is_some() || self.port.is_some() {
            let kind = self.kind.as_ref().map(LinkKind::without_state);
            let port = self.port.as_ref().map(PortKind::without_state);
            attrs.info = Some(LinkInfo { kind, port, ..LinkInfo::default() });
        }
    }
}

fn families(address_generation: AddressGeneration) -> RawNest {
    let ipv6 = Ipv6LinkAttrs { address_generation: Some(address_generation), ..Ipv6LinkAttrs::default() };
    let mut writer = Writer::new();
    FamilyAttrs { ipv6: Some(ipv6), ..FamilyAttrs::default() }.write::<netwright_wire::Native>(&mut writer);
    RawNest(writer.bytes().to_vec())
}

/// What is set, with commas between.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        let mut say = |f: &mut fmt::Formatter<'_>, what: fmt::Arguments<'_>| {
            let result = write!(f, "{comma}{what}");
            comma = ", ";
            result
        };
        self.say_flags(f, &mut say)?;
        macro_rules! settings {
            ($($field:ident $text:literal;)*) => {$(
                if let Some(value) = &self.$field {
                    say(f, format_args!($text, value))?;
                }
            )*};
        }
        settings! {
            name "name {}"; mtu "mtu {}"; address "address {}"; broadcast "broadcast {}"; group "group {}";
        }
        match self.master {
            Some(LinkId { index: 0, .. }) => say(f, format_args!("no master"))?,
            Some(master) => say(f, format_args!("master {master}"))?,
            None => {}
        }
        match &self.namespace {
            Some(NamespaceRef::Process(pid)) => say(f, format_args!("namespace of process {pid}"))?,
            Some(namespace) => {
                let descriptor = namespace.descriptor().unwrap_or_default();
                say(f, format_args!("namespace of descriptor {descriptor}"))?;
            }
            None => {}
        }
        settings! {
            new_index "index {}"; transmit_queue_length "transmit queue length {}"; alias "alias {:?}"; carrier "carrier {}";
            address_generation "address generation {}";
            gso_maximum_size "GSO maximum size {}"; gso_ipv4_maximum_size "GSO maximum size of IPv4 {}";
            gro_maximum_size "GRO maximum size {}"; gro_ipv4_maximum_size "GRO maximum size of IPv4 {}";
        }
        for name in &self.alternative_names {
            say(f, format_args!("alternative name {name}"))?;
        }
        if let Some(kind) = &self.kind {
            say(f, format_args!("options of kind {}", kind.name()))?;
        }
        if let Some(port) = &self.port {
            say(f, format_args!("options as port of a {}", port.name()))?;
        }
        Ok(())
    }
}

type Say<'s> = dyn FnMut(&mut fmt::Formatter<'_>, fmt::Arguments<'_>) -> fmt::Result + 's;

impl Change {
    fn say_flags(&self, f: &mut fmt::Formatter<'_>, say: &mut Say<'_>) -> fmt::Result {
        const NAMES: [(LinkFlags, &str, &str); 4] = [
            (LinkFlags::UP, "up", "down"),
            (LinkFlags::PROMISCUOUS, "promiscuous", "not promiscuous"),
            (LinkFlags::ALL_MULTICAST, "all multicast", "not all multicast"),
            (LinkFlags::NO_ARP, "no ARP", "ARP"),
        ];
        for (flag, set, cleared) in NAMES {
            if self.set_flags.contains(flag) {
                say(f, format_args!("{set}"))?;
            } else if self.clear_flags.contains(flag) {
                say(f, format_args!("{cleared}"))?;
            }
        }
        Ok(())
    }
}

/// Changes a link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_SETLINK")]
pub struct Set<'a> {
    /// Which.
    pub link: LinkId,
    /// What.
    pub change: &'a Change,
}

impl Subject for Set<'_> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set link {}: {}", self.link, self.change)
    }
}

impl Request for Set<'_> {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    /// The data of a kind is changed by `RTM_NEWLINK` alone; it serves for the rest as well.
    fn kind(&self) -> u16 {
        kind::NEW_LINK
    }

    fn write(&self, writer: &mut Writer) {
        require_link(self.link.index, writer);
        let mut header = LinkHeader { index: self.link.index, ..LinkHeader::default() };
        let mut attrs = LinkAttrs::default();
        self.change.apply(&mut header, &mut attrs);
        write_header(&header, writer);
        self.change.check(writer);
        attrs.write_attributes(writer);
    }
}

impl Acknowledged for Set<'_> {}

/// Changes every link of a group: with group 0, every link that was put into none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_NEWLINK")]
pub struct SetGroup {
    /// The group.
    pub group: u32,
    /// What. Neither a name nor another group can be given to all.
    pub change: Change,
}

impl Subject for SetGroup {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set the links of group {}: {}", self.group, self.change)
    }
}

impl Request for SetGroup {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::NEW_LINK
    }

    fn write(&self, writer: &mut Writer) {
        let mut header = LinkHeader::default();
        let mut attrs = LinkAttrs::default();
        self.change.apply(&mut header, &mut attrs);
        if self.change.name.is_some() || self.change.group.is_some() {
            writer.contradiction("neither a name nor another group can be given to a whole group");
        }
        attrs.group = Some(self.group);
        write_header(&header, writer);
        self.change.check(writer);
        attrs.write_attributes(writer);
    }
}

impl Acknowledged for SetGroup {}
