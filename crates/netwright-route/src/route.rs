//! Routes (`RTM_*ROUTE`, `linux/rtnetlink.h`).

use std::fmt;
use std::net::IpAddr;

use netwright_wire::{Malformed, Message, Unknown, Writer};

use crate::message::{kind, refuse_no_link, write_header};
use crate::{Family, LinkId, Object, Prefix, Protocol, Purpose, RawNest, Scope, Table};

mod attributes;
mod find;
mod multipath;
mod read;
mod requests;
mod vocabulary;

pub use attributes::{
    MetricLocks, Metrics, MetricsView, NextHopAttrs, NextHopAttrsView, RouteAttrs, RouteAttrsView,
    RouteCacheInfo, RouteFeatures, RouteHeader, Via, ViaView,
};
pub use multipath::{Multipath, MultipathView, NextHop, NextHopHeader, NextHopView, WireNextHop};
pub use requests::{List, Lookup};
pub use vocabulary::{EncapsulationKind, NextHopFlags, RouteFlags, RouteKind, RouterPreference};

/// How packets of a route are wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    /// The kind.
    pub kind: EncapsulationKind,
    /// The kind's data, byte for byte.
    pub data: RawNest,
}

impl Encapsulation {
    fn join(kind: Option<EncapsulationKind>, data: Option<RawNest>) -> Option<Box<Self>> {
        kind.map(|kind| Box::new(Encapsulation { kind, data: data.unwrap_or_default() }))
    }
}

/// A route.
///
/// What is `None` in a new route gets the default that `ip` gives it; in a route to be deleted it matches anything, but the table,
/// which is then the main one, or that of local routes.
///
/// ```
/// use netwright_route::{LinkId, Route, route::NextHop};
///
/// let eth0 = LinkId::named(2, "eth0");
/// let route = Route::to("198.51.100.0/24".parse()?).via([192, 0, 2, 1].into()).dev(eth0).priority(100);
/// assert_eq!(route.to_string(), "198.51.100.0/24 via 192.0.2.1 dev eth0 metric 100");
/// let several = Route::to("198.51.101.0/24".parse()?)
///     .by(NextHop::via([192, 0, 2, 1].into()).weight(2))
///     .by(NextHop::via([192, 0, 2, 2].into()));
/// # let _ = several;
/// # Ok::<(), netwright_route::prefix::PrefixError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_NEWROUTE")]
pub struct Route {
    /// Destination; the default route has a length of 0.
    #[doc(alias = "RTA_DST")]
    pub destination: Prefix,
    /// Source that packets must have (IPv6 subtrees).
    #[doc(alias = "RTA_SRC")]
    pub source: Option<Prefix>,
    /// What becomes of packets. Unspecified is unicast in a new route, and any in one to be deleted; IPv6 does not compare it.
    pub kind: RouteKind,
    /// Table. The default is main, or local for local, broadcast and anycast routes.
    #[doc(alias = "RTA_TABLE")]
    pub table: Option<Table>,
    /// Who made it. [`Protocol::BOOT`] for a new one, as `ip` has it.
    pub protocol: Option<Protocol>,
    /// How far the destination is. The default is host for local routes, link where there is no gateway, else global.
    pub scope: Option<Scope>,
    /// Type of service that packets must have; 0 is any.
    pub type_of_service: u8,
    /// Whom packets are handed to, of either family.
    #[doc(alias = "RTA_GATEWAY")]
    #[doc(alias = "RTA_VIA")]
    pub gateway: Option<IpAddr>,
    /// The link that packets go out by.
    #[doc(alias = "RTA_OIF")]
    pub link: Option<LinkId>,
    /// The link that packets came in by, in an answer to a lookup; not sent back.
    #[doc(alias = "RTA_IIF")]
    pub incoming: Option<LinkId>,
    /// Priority, also called metric; the smallest wins. `None` is 0 in a new route of IPv4, and 1024 in one of IPv6, which has no 0.
    /// The kernel takes 0 for any in a route to be deleted, so it is refused there.
    #[doc(alias = "RTA_PRIORITY")]
    #[doc(alias = "metric")]
    pub priority: Option<u32>,
    /// Source address for packets of the host itself.
    #[doc(alias = "RTA_PREFSRC")]
    pub preferred_source: Option<IpAddr>,
    /// Metrics.
    #[doc(alias = "RTA_METRICS")]
    pub metrics: Option<Box<Metrics>>,
    /// Several ways, instead of `gateway` and `link`.
    #[doc(alias = "RTA_MULTIPATH")]
    pub next_hops: Vec<NextHop>,
    /// Nexthop object, instead of `gateway`, `link` and `next_hops`: where it is set, these are what the kernel tells of the
    /// object, and not sent.
    #[doc(alias = "RTA_NH_ID")]
    pub nexthop: Option<u32>,
    /// Encapsulation.
    #[doc(alias = "RTA_ENCAP")]
    pub encapsulation: Option<Box<Encapsulation>>,
    /// Router preference (IPv6).
    #[doc(alias = "RTA_PREF")]
    pub preference: Option<RouterPreference>,
    /// Seconds until it goes (IPv6).
    #[doc(alias = "RTA_EXPIRES")]
    pub expires: Option<u32>,
    /// Flags. States among them are not sent back.
    pub flags: RouteFlags,
    /// Mark that was looked up with; not sent back.
    pub mark: Option<u32>,
    /// User that was looked up for; not sent back.
    pub user: Option<u32>,
    /// Realms.
    pub flow: Option<u32>,
    /// Times and counts of the kernel's, where any is not 0; not sent back.
    pub cache_info: Option<Box<RouteCacheInfo>>,
    /// Attributes that are not known, kept byte for byte.
    pub unknown: Unknown,
}

macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident($type:ty);)*) => {$(
        $(#[$meta])*
        #[must_use]
        pub fn $name(mut self, value: $type) -> Self {
            self.$name = Some(value);
            self
        }
    )*};
}

impl Route {
    /// A route to a network, which gets its way by the methods below.
    #[must_use]
    pub fn to(destination: Prefix) -> Self {
        Route {
            destination,
            source: None,
            kind: RouteKind::UNSPECIFIED,
            table: None,
            protocol: None,
            scope: None,
            type_of_service: 0,
            gateway: None,
            link: None,
            incoming: None,
            priority: None,
            preferred_source: None,
            metrics: None,
            next_hops: Vec::new(),
            nexthop: None,
            encapsulation: None,
            preference: None,
            expires: None,
            flags: RouteFlags::empty(),
            mark: None,
            user: None,
            flow: None,
            cache_info: None,
            unknown: Unknown::default(),
        }
    }

    /// The default route of the gateway's family.
    #[must_use]
    pub fn default_via(gateway: IpAddr) -> Self {
        let all = if gateway.is_ipv4() { Prefix::ALL_IPV4 } else { Prefix::ALL_IPV6 };
        Route::to(all).via(gateway)
    }

    /// The same by this gateway, of either family.
    #[must_use]
    pub fn via(mut self, gateway: IpAddr) -> Self {
        self.gateway = Some(gateway);
        self
    }

    /// The same by this link.
    #[must_use]
    pub fn dev(mut self, link: impl Into<LinkId>) -> Self {
        self.link = Some(link.into());
        self
    }

    /// The same with another way besides those it has.
    #[must_use]
    pub fn by(mut self, hop: NextHop) -> Self {
        self.next_hops.push(hop);
        self
    }

    /// The same of another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: RouteKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same with the gateway taken to be on the link.
    #[must_use]
    pub fn on_link(mut self) -> Self {
        self.flags |= RouteFlags::ON_LINK;
        self
    }

    /// The same with these metrics.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(Box::new(metrics));
        self
    }

    setters! {
        /// The same in this table.
        table(Table);
        /// The same with this priority.
        priority(u32);
        /// The same with this source address for packets of the host itself.
        preferred_source(IpAddr);
        /// The same with this scope.
        scope(Scope);
        /// The same made by this.
        protocol(Protocol);
        /// The same by this nexthop object.
        nexthop(u32);
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.destination.address)
    }

    /// Whether it is a default route.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.destination.length == 0
    }

    /// The table that it is in, or gets into.
    #[must_use]
    pub fn effective_table(&self) -> Table {
        self.table.unwrap_or(match self.kind {
            RouteKind::LOCAL | RouteKind::BROADCAST | RouteKind::ANYCAST | RouteKind::NAT => Table::LOCAL,
            _ => Table::MAIN,
        })
    }

    /// The scope that it has, or gets. IPv6 has no scopes.
    #[must_use]
    pub fn effective_scope(&self) -> Scope {
        self.scope.unwrap_or_else(|| self.usual_scope())
    }

    /// The scope that it gets where none is set.
    #[must_use]
    pub fn usual_scope(&self) -> Scope {
        match self.kind {
            _ if self.family() == Family::IPV6 => Scope::GLOBAL,
            RouteKind::LOCAL | RouteKind::NAT => Scope::HOST,
            RouteKind::BROADCAST | RouteKind::MULTICAST | RouteKind::ANYCAST => Scope::LINK,
            RouteKind::UNICAST | RouteKind::UNSPECIFIED if !self.has_gateway() => Scope::LINK,
            _ => Scope::GLOBAL,
        }
    }

    fn has_gateway(&self) -> bool {
        self.gateway.is_some() || self.nexthop.is_some() || !self.next_hops.is_empty()
    }

    fn header(&self, purpose: Purpose) -> RouteHeader {
        let (protocol, scope) = match purpose {
            Purpose::New => (self.protocol.unwrap_or(Protocol::BOOT), self.effective_scope()),
            Purpose::Delete => {
                (self.protocol.unwrap_or(Protocol::UNSPECIFIED), self.scope.unwrap_or(Scope::NOWHERE))
            }
        };
        // of a route by a nexthop that drops packets, the kernel tells the nexthop's kind, and does not take it
        let kind = match (self.kind, purpose) {
            _ if self.nexthop.is_some() && purpose == Purpose::Delete => RouteKind::UNSPECIFIED,
            (RouteKind::UNSPECIFIED, Purpose::New) => RouteKind::UNICAST,
            (RouteKind::BLACKHOLE, Purpose::New) if self.nexthop.is_some() => RouteKind::UNICAST,
            (kind, _) => kind,
        };
        let settable = if self.nexthop.is_some() { RouteFlags::PREFIX } else { RouteFlags::SETTABLE };
        RouteHeader {
            family: self.family().0,
            destination_length: self.destination.length,
            source_length: self.source.map_or(0, |source| source.length),
            type_of_service: self.type_of_service,
            table: self.effective_table().byte(),
            protocol: protocol.0,
            scope: scope.0,
            kind: kind.0,
            flags: self.flags & settable,
        }
    }

    fn attributes(&self) -> RouteAttrs {
        let family = self.family();
        let own_way = self.nexthop.is_none();
        let encapsulation = self.encapsulation.as_ref().filter(|_| own_way);
        let (gateway, via) = multipath::split_gateway(self.gateway.filter(|_| own_way), family);
        let hops = || self.next_hops.iter().map(|hop| hop.to_wire(family)).collect();
        RouteAttrs {
            destination: (self.destination.length > 0).then_some(self.destination.address),
            source: self.source.map(|source| source.address),
            outgoing: self.link.filter(|_| own_way).map(|link| link.index),
            gateway,
            via,
            priority: self.priority,
            preferred_source: self.preferred_source,
            metrics: self.metrics.as_deref().cloned(),
            multipath: (own_way && !self.next_hops.is_empty()).then(|| Multipath(hops())),
            flow: self.flow,
            table: self.effective_table().attribute(),
            preference: self.preference,
            encapsulation_kind: encapsulation.map(|encapsulation| encapsulation.kind),
            encapsulation: encapsulation.map(|encapsulation| encapsulation.data.clone()),
            expires: self.expires,
            nexthop: self.nexthop,
            unknown: self.unknown.clone(),
            ..RouteAttrs::default()
        }
    }

    /// Refuses what the kernel would pass over in silence, or take for something else.
    fn check(&self, purpose: Purpose, writer: &mut Writer) {
        let ipv6 = self.family() == Family::IPV6;
        refuse_no_link(self.link, writer);
        if self.table == Some(Table::UNSPECIFIED) {
            writer.contradiction("there is no table 0");
        }
        if self.nexthop == Some(0) {
            writer.contradiction("there is no nexthop 0");
        }
        if self.priority == Some(0) && purpose == Purpose::Delete {
            writer.contradiction("the kernel takes a metric of 0 for any in a deletion: leave it out for the route with the smallest");
        }
        if self.priority == Some(0) && ipv6 {
            writer.contradiction("routes of IPv6 have a metric from 1 on");
        }
        if !ipv6 && (self.expires.is_some() || self.preference.is_some() || self.source.is_some()) {
            writer.contradiction("only routes of IPv6 have a source, a preference or an end");
        }
        if self.nexthop.is_none() && !self.next_hops.is_empty() {
            if self.gateway.is_some() || self.link.is_some() {
                writer.contradiction("a route has one way or several, not both");
            }
            self.next_hops.iter().for_each(|hop| hop.check(writer));
        }
        let needs_way = !matches!(
            self.kind,
            RouteKind::BLACKHOLE | RouteKind::UNREACHABLE | RouteKind::PROHIBIT | RouteKind::THROW
        );
        let without = self.gateway.is_none() && self.link.is_none() && self.next_hops.is_empty();
        if purpose == Purpose::New
            && without
            && self.nexthop.is_none()
            && self.unknown == Unknown::default()
            && needs_way
        {
            writer.contradiction("the route has no way: it needs a gateway, a link or a nexthop");
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.kind, RouteKind::UNICAST | RouteKind::UNSPECIFIED) {
            write!(f, "{} ", self.kind)?;
        }
        if self.is_default() {
            f.write_str("default")?
        } else {
            write!(f, "{}", self.destination)?
        }
        if let Some(source) = self.source {
            write!(f, " from {source}")?;
        }
        display_way(self.gateway, self.link, f)?;
        for hop in &self.next_hops {
            f.write_str(" nexthop")?;
            display_way(hop.gateway, hop.link, f)?;
            write!(f, " weight {}", hop.weight)?;
        }
        if let Some(nexthop) = self.nexthop {
            write!(f, " nhid {nexthop}")?;
        }
        if let Some(table) = self.table.filter(|&table| table != Table::MAIN) {
            write!(f, " table {table}")?;
        }
        if let Some(priority) = self.priority {
            write!(f, " metric {priority}")?;
        }
        Ok(())
    }
}

fn display_way(gateway: Option<IpAddr>, link: Option<LinkId>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(gateway) = gateway {
        write!(f, " via {gateway}")?;
    }
    if let Some(link) = link {
        write!(f, " dev {link}")?;
    }
    Ok(())
}

impl Object for Route {
    const NEW: u16 = kind::NEW_ROUTE;
    const DELETE: u16 = kind::DELETE_ROUTE;
    const NOUN: &'static str = "route";

    fn write(&self, purpose: Purpose, writer: &mut Writer) {
        write_header(&self.header(purpose), writer);
        let sources = [self.source.map(|source| source.address), self.preferred_source];
        if sources.into_iter().flatten().any(|source| Family::of(source) != self.family()) {
            writer.contradiction("the destination and the source are of different families");
        }
        self.check(purpose, writer);
        self.attributes().write_attributes(writer);
    }

    fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        RouteView::read(message)?.map(|view| view.own()).transpose()
    }
}

/// A route in a received message, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteView<'a> {
    /// The fixed struct.
    pub header: RouteHeader,
    /// The attributes, each read when asked for.
    pub attributes: RouteAttrsView<'a>,
}

impl<'a> RouteView<'a> {
    /// Looks at a message; `None` where it does not tell of an IPv4 or IPv6 route.
    pub fn read(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if !matches!(message.header.kind, kind::NEW_ROUTE | kind::DELETE_ROUTE) {
            return Ok(None);
        }
        let header: RouteHeader = message.fixed()?;
        let attributes = RouteAttrsView::new(message.bytes_after(RouteHeader::SIZE));
        Ok(Family(header.family).is_ip().then_some(RouteView { header, attributes }))
    }

    /// Its destination.
    pub fn destination(&self) -> Result<Prefix, Malformed> {
        let none = Family(self.header.family).unspecified_address();
        let address = self.attributes.destination()?.unwrap_or(none);
        Ok(Prefix { address, length: self.header.destination_length })
    }

    /// Whom packets are handed to, of either family.
    pub fn gateway(&self) -> Result<Option<IpAddr>, Malformed> {
        match self.attributes.via()?.as_ref().and_then(ViaView::ip) {
            Some(gateway) => Ok(Some(gateway)),
            None => self.attributes.gateway(),
        }
    }

    /// Its table.
    pub fn table(&self) -> Result<Table, Malformed> {
        Ok(self.attributes.table()?.unwrap_or(Table(self.header.table.into())))
    }

    /// Makes it the caller's own.
    pub fn own(&self) -> Result<Route, Malformed> {
        read::route(self.header, self.attributes.bytes())
    }
}

#[cfg(test)]
mod tests;
