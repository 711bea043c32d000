//! Addresses of interfaces (`RTM_*ADDR`, `linux/if_addr.h`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use netwright_wire::{Dump, Malformed, Message, Request, Subject, Unknown, Value, Writer};

use crate::message::{ROUTE_PROTOCOL, kind, refuse_empty, refuse_no_link, require_link, write_header};
use crate::prefix::{Prefix, PrefixError};
use crate::{Family, LinkId, Object, Purpose, Scope};

netwright_wire::header! {
    /// `struct ifaddrmsg`.
    pub struct AddressHeader: Native {
        family: u8,
        /// Bits.
        prefix_length: u8,
        /// The low eight bits of [`AddressFlags`].
        flags: u8,
        scope: u8,
        /// Index of the link.
        index: u32,
    }

    /// `struct ifa_cacheinfo`.
    pub struct AddressCacheInfo: Native {
        /// Seconds that the address stays preferred; all ones is forever.
        preferred: u32,
        /// Seconds that the address stays valid; all ones is forever.
        valid: u32,
        /// When it was made, in hundredths of a second since boot.
        created: u32,
        /// When it was last changed, in hundredths of a second since boot.
        updated: u32,
    }
}

netwright_wire::attrs! {
    /// Attributes of an address (`IFA_*`).
    pub struct AddressAttrs, AddressAttrsView: Native {
        /// The prefix's address; on a point-to-point link the peer's.
        IFA_ADDRESS = 1 => address: IpAddr,
        /// The interface's own address.
        IFA_LOCAL = 2 => local: IpAddr,
        /// Label, for old tools: the interface's name, maybe with a colon and a suffix.
        IFA_LABEL = 3 => label: String,
        /// Broadcast address.
        IFA_BROADCAST = 4 => broadcast: IpAddr,
        /// Anycast address.
        IFA_ANYCAST = 5 => anycast: IpAddr,
        /// Lifetimes.
        IFA_CACHEINFO = 6 => cache_info: AddressCacheInfo,
        /// Multicast address.
        IFA_MULTICAST = 7 => multicast: IpAddr,
        /// Flags, all 32 bits.
        IFA_FLAGS = 8 => flags: AddressFlags,
        /// Metric of the prefix's route.
        IFA_RT_PRIORITY = 9 => route_priority: u32,
        /// Namespace that the request is about, by its id here.
        IFA_TARGET_NETNSID = 10 => target_namespace_id: i32,
        /// Who made it.
        IFA_PROTO = 11 => protocol: AddressProtocol,
    }
}

netwright_wire::open_flags! {
    /// Flags of an address (`IFA_F_*`).
    pub struct AddressFlags(u32) {
        /// Another address of the same network is the first (IPv4); made from a temporary prefix (IPv6).
        SECONDARY = 0x01,
        /// No duplicate address detection.
        #[doc(alias = "IFA_F_NODAD")]
        NO_DUPLICATE_DETECTION = 0x02,
        /// Usable before duplicate address detection has ended.
        OPTIMISTIC = 0x04,
        /// Duplicate address detection found another owner.
        #[doc(alias = "IFA_F_DADFAILED")]
        DUPLICATE_DETECTED = 0x08,
        /// Mobile IPv6 home address.
        HOME_ADDRESS = 0x10,
        /// Not to be chosen for new connections.
        DEPRECATED = 0x20,
        /// Duplicate address detection is under way.
        TENTATIVE = 0x40,
        /// Valid forever.
        PERMANENT = 0x80,
        /// Temporary addresses are made from this one.
        #[doc(alias = "IFA_F_MANAGETEMPADDR")]
        MANAGE_TEMPORARY = 0x100,
        /// No route for the prefix is made.
        NO_PREFIX_ROUTE = 0x200,
        /// Joins this multicast address on the link.
        #[doc(alias = "IFA_F_MCAUTOJOIN")]
        AUTO_JOIN = 0x400,
        /// Made as RFC 7217 says.
        STABLE_PRIVACY = 0x800,
    }
}

netwright_wire::open_enum! {
    /// Who made an address (`IFAPROT_*`).
    pub struct AddressProtocol(u8) {
        /// Unknown.
        #[doc(alias = "IFAPROT_UNSPEC")]
        UNSPECIFIED = 0 "unspecified",
        /// The kernel, for loopback.
        #[doc(alias = "IFAPROT_KERNEL_LO")]
        KERNEL_LOOPBACK = 1 "kernel_lo",
        /// The kernel, from a router advertisement.
        #[doc(alias = "IFAPROT_KERNEL_RA")]
        KERNEL_ROUTER_ADVERTISEMENT = 2 "kernel_ra",
        /// The kernel, link-local.
        #[doc(alias = "IFAPROT_KERNEL_LL")]
        KERNEL_LINK_LOCAL = 3 "kernel_ll",
    }
}

/// How long an address is used, in seconds from now; `None` is forever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lifetime {
    /// How long it is chosen for new connections. Not longer than `valid`.
    pub preferred: Option<u32>,
    /// How long it stays.
    pub valid: Option<u32>,
}

/// An address of an interface.
///
/// ```
/// let address: netwright_route::Address = "2001:db8::1/64".parse()?;
/// assert_eq!(address.prefix_length, 64);
/// # Ok::<(), netwright_route::prefix::PrefixError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_NEWADDR")]
pub struct Address {
    /// The interface.
    pub link: LinkId,
    /// The interface's own address.
    #[doc(alias = "IFA_LOCAL")]
    pub address: IpAddr,
    /// Bits of the network, which is the peer's where there is a peer.
    pub prefix_length: u8,
    /// The other end of a point-to-point link.
    #[doc(alias = "IFA_ADDRESS")]
    pub peer: Option<IpAddr>,
    /// Broadcast address (IPv4).
    pub broadcast: Option<Ipv4Addr>,
    /// Label (IPv4): the interface's name, maybe with a colon and a suffix.
    pub label: Option<String>,
    /// Scope. Left out of a new address it is host for IPv4 loopback addresses and global for others; the kernel
    /// finds that of IPv6 itself.
    pub scope: Option<Scope>,
    /// Flags.
    pub flags: AddressFlags,
    /// Lifetimes. Left out of a new address they are forever.
    pub lifetime: Option<Lifetime>,
    /// Metric of the route to the prefix that the kernel makes.
    #[doc(alias = "IFA_RT_PRIORITY")]
    pub route_priority: Option<u32>,
    /// Who made it.
    pub protocol: Option<AddressProtocol>,
    /// Attributes that are not known, kept byte for byte.
    pub unknown: Unknown,
}

impl Address {
    /// An address with its prefix length, on no interface yet.
    #[must_use]
    pub fn new(address: IpAddr, prefix_length: u8) -> Self {
        Address {
            link: LinkId::default(),
            address,
            prefix_length,
            peer: None,
            broadcast: None,
            label: None,
            scope: None,
            flags: AddressFlags::empty(),
            lifetime: None,
            route_priority: None,
            protocol: None,
            unknown: Unknown::default(),
        }
    }

    /// The same on an interface.
    #[must_use]
    pub fn on(mut self, link: impl Into<LinkId>) -> Self {
        self.link = link.into();
        self
    }

    /// Address and length as a prefix.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        Prefix { address: self.address, length: self.prefix_length }
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.address)
    }

    fn from_parts(header: AddressHeader, attrs: AddressAttrs) -> Result<Self, Malformed> {
        let missing = || Malformed::new("the address of an address message", 4, 0);
        let address = attrs.local.or(attrs.address).ok_or_else(missing)?;
        let mut unknown = attrs.unknown;
        keep_addresses(&mut unknown, attrs.anycast, attrs.multicast);
        let flags = attrs.flags.unwrap_or(AddressFlags::from_bits_retain(header.flags.into()));
        let mut lifetime = attrs.cache_info.map(Lifetime::from);
        // Of one of IPv4 that stays for ever but is not chosen any more, the kernel tells both as for ever.
        if flags.contains(AddressFlags::DEPRECATED | AddressFlags::PERMANENT)
            && let Some(Lifetime { preferred: preferred @ None, .. }) = &mut lifetime
        {
            *preferred = Some(0);
        }
        Ok(Address {
            link: LinkId::new(header.index),
            address,
            prefix_length: header.prefix_length,
            peer: attrs.address.filter(|&peer| peer != address),
            broadcast: match attrs.broadcast {
                Some(IpAddr::V4(broadcast)) => Some(broadcast),
                _ => None,
            },
            label: attrs.label,
            scope: Some(Scope(header.scope)),
            flags,
            lifetime,
            route_priority: attrs.route_priority,
            protocol: attrs.protocol,
            unknown,
        })
    }

    fn header(&self) -> AddressHeader {
        let loopback = matches!(self.address, IpAddr::V4(address) if address.is_loopback());
        let scope = self.scope.unwrap_or(if loopback { Scope::HOST } else { Scope::GLOBAL });
        AddressHeader {
            family: self.family().0,
            prefix_length: self.prefix_length,
            flags: u8::try_from(self.flags.bits()).unwrap_or(0),
            scope: scope.0,
            index: self.link.index,
        }
    }

    fn attributes(&self, purpose: Purpose) -> AddressAttrs {
        AddressAttrs {
            address: Some(self.peer.unwrap_or(self.address)),
            local: Some(self.address),
            label: self.label.clone(),
            broadcast: self.broadcast.map(IpAddr::V4),
            cache_info: self.lifetime.filter(|_| purpose == Purpose::New).map(AddressCacheInfo::from),
            flags: (self.flags.bits() > 0xff).then_some(self.flags),
            route_priority: self.route_priority,
            protocol: self.protocol,
            unknown: self.unknown.clone(),
            ..AddressAttrs::default()
        }
    }
}

/// Keeps the attributes of addresses of other sorts, which an [`Address`] has no field for.
fn keep_addresses(unknown: &mut Unknown, anycast: Option<IpAddr>, multicast: Option<IpAddr>) {
    const IFA_ANYCAST: u16 = 5;
    const IFA_MULTICAST: u16 = 7;
    for (kind, address) in [(IFA_ANYCAST, anycast), (IFA_MULTICAST, multicast)] {
        if let Some(address) = address {
            let mut payload = Writer::new();
            address.write::<netwright_wire::Native>(&mut payload);
            let payload = payload.bytes();
            unknown.keep(u16::MAX, netwright_wire::Attribute { kind, nested: false, payload });
        }
    }
}

impl From<AddressCacheInfo> for Lifetime {
    fn from(info: AddressCacheInfo) -> Self {
        let seconds = |seconds: u32| (seconds != u32::MAX).then_some(seconds);
        Lifetime { preferred: seconds(info.preferred), valid: seconds(info.valid) }
    }
}

impl From<Lifetime> for AddressCacheInfo {
    fn from(lifetime: Lifetime) -> Self {
        let seconds = |seconds: Option<u32>| seconds.unwrap_or(u32::MAX);
        AddressCacheInfo {
            preferred: seconds(lifetime.preferred),
            valid: seconds(lifetime.valid),
            ..AddressCacheInfo::default()
        }
    }
}

impl From<Prefix> for Address {
    fn from(prefix: Prefix) -> Self {
        Address::new(prefix.address, prefix.length)
    }
}

/// Reads `ADDRESS/LENGTH`; an address alone has a prefix of its own.
impl FromStr for Address {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        text.parse::<Prefix>().map(Address::from)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            None => write!(f, "{}/{}", self.address, self.prefix_length)?,
            Some(peer) => write!(f, "{} peer {peer}/{}", self.address, self.prefix_length)?,
        }
        if self.link.index != 0 {
            write!(f, " dev {}", self.link)?;
        }
        Ok(())
    }
}

impl Object for Address {
    const NEW: u16 = kind::NEW_ADDRESS;
    const DELETE: u16 = kind::DELETE_ADDRESS;
    const NOUN: &'static str = "address";

    fn write(&self, purpose: Purpose, writer: &mut Writer) {
        write_header(&self.header(), writer);
        require_link(self.link.index, writer);
        refuse_empty(self.label.as_deref(), "the label is empty", writer);
        if self.address.is_ipv6() && (self.broadcast.is_some() || self.label.is_some()) {
            writer.contradiction("only addresses of IPv4 have a label or a broadcast address");
        }
        if self.peer.is_some_and(|peer| Family::of(peer) != self.family()) {
            writer.contradiction("the address and its peer are of different families");
        }
        self.attributes(purpose).write_attributes(writer);
    }

    fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        AddressView::read(message)?.map(|view| view.own()).transpose()
    }
}

/// An address in a received message, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressView<'a> {
    /// The fixed struct.
    pub header: AddressHeader,
    /// The attributes, each read when asked for.
    pub attributes: AddressAttrsView<'a>,
}

impl<'a> AddressView<'a> {
    /// Looks at a message; `None` where it does not tell of an IPv4 or IPv6 address.
    pub fn read(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if !matches!(message.header.kind, kind::NEW_ADDRESS | kind::DELETE_ADDRESS) {
            return Ok(None);
        }
        let header: AddressHeader = message.fixed()?;
        let attributes = AddressAttrsView::new(message.bytes_after(AddressHeader::SIZE));
        Ok(Family(header.family).is_ip().then_some(AddressView { header, attributes }))
    }

    /// The interface's own address.
    pub fn address(&self) -> Result<Option<IpAddr>, Malformed> {
        match self.attributes.local()? {
            Some(local) => Ok(Some(local)),
            None => self.attributes.address(),
        }
    }

    /// Makes it the caller's own.
    pub fn own(&self) -> Result<Address, Malformed> {
        Address::from_parts(self.header, AddressAttrs::read_attributes(self.attributes.bytes())?)
    }
}

/// Lists addresses. What is set is filtered for by the kernel, where the socket checks strictly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Those of one family.
    pub family: Family,
    /// Those of one interface.
    pub link: Option<LinkId>,
}

impl List {
    /// All addresses of an interface.
    #[must_use]
    pub fn on(link: impl Into<LinkId>) -> Self {
        List { link: Some(link.into()), ..List::default() }
    }
}

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.link {
            None => f.write_str("list addresses"),
            Some(link) => write!(f, "list addresses of {link}"),
        }
    }
}

impl Request for List {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_ADDRESS
    }

    fn write(&self, writer: &mut Writer) {
        refuse_no_link(self.link, writer);
        let index = self.link.map_or(0, |link| link.index);
        let header = AddressHeader { family: self.family.0, index, ..AddressHeader::default() };
        write_header(&header, writer);
    }
}

impl Dump for List {
    type View<'a> = AddressView<'a>;
    type Output = Address;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<AddressView<'a>>, Malformed> {
        AddressView::read(message)
    }

    fn own(&self, view: AddressView<'_>) -> Result<Address, Malformed> {
        view.own()
    }
}

#[cfg(test)]
mod tests;
