//! What can be changed of a link, and set when one is made.

use std::fmt;

use netwright_wire::{Acknowledged, Request, Subject, Value, Writer};

use super::attributes::{AlternativeName, FamilyAttrs, Ipv6LinkAttrs, LinkAttrs, LinkHeader};
use super::{AddressGeneration, LinkFlags, LinkInfo, LinkKind, PortKind};
use crate::message::{ROUTE_PROTOCOL, kind, write_header};
use crate::{HardwareAddress, LinkId, PlainText, RawNest};

/// The namespace that a link moves to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// By an open descriptor, which the caller keeps open until the request is done.
    Descriptor(i32),
    /// That of a process or thread.
    Process(u32),
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
    pub namespace: Option<Namespace>,
    /// Index to have in the namespace that it moves to.
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
    /// Alternative names for a link that is being made.
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
        namespace: namespace(Namespace);
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

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Change::default()
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
        match self.namespace {
            None => {}
            Some(Namespace::Descriptor(descriptor)) => attrs.namespace_fd = Some(descriptor),
            Some(Namespace::Process(process)) => attrs.namespace_pid = Some(process),
        }
        attrs.families = self.address_generation.map(families);
        if self.kind.is_some() || self.port.is_some() {
            let (kind, port) = (self.kind.clone(), self.port.clone());
            attrs.info = Some(LinkInfo { kind, port, ..LinkInfo::default() });
        }
        if !self.alternative_names.is_empty() {
            attrs.alternative_names =
                Some(self.alternative_names.iter().cloned().map(AlternativeName).collect());
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
        match self.namespace {
            Some(Namespace::Descriptor(fd)) => say(f, format_args!("namespace of descriptor {fd}"))?,
            Some(Namespace::Process(pid)) => say(f, format_args!("namespace of process {pid}"))?,
            None => {}
        }
        settings! {
            transmit_queue_length "transmit queue length {}"; alias "alias {:?}"; carrier "carrier {}";
            address_generation "address generation {}";
            gso_maximum_size "GSO maximum size {}"; gso_ipv4_maximum_size "GSO maximum size of IPv4 {}";
            gro_maximum_size "GRO maximum size {}"; gro_ipv4_maximum_size "GRO maximum size of IPv4 {}";
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
        let mut header = LinkHeader { index: self.link.index, ..LinkHeader::default() };
        let mut attrs = LinkAttrs::default();
        self.change.apply(&mut header, &mut attrs);
        write_header(&header, writer);
        attrs.write_attributes(writer);
    }
}

impl Acknowledged for Set<'_> {}
