//! What a watch tells.

#[cfg(feature = "nft")]
use netwright_netfilter as netfilter;
use netwright_route::namespace_id::NamespaceId;
use netwright_route::{Address, Link, Neighbour, Nexthop, Route, Rule};

netwright_wire::open_flags! {
    /// What a watch is about.
    pub struct Kinds(u32) {
        /// Links.
        LINKS = 1,
        /// Addresses.
        ADDRESSES = 1 << 1,
        /// Routes.
        ROUTES = 1 << 2,
        /// Policy rules.
        RULES = 1 << 3,
        /// Neighbours of IPv4 and IPv6.
        NEIGHBOURS = 1 << 4,
        /// Forwarding entries of bridges and VXLANs.
        FORWARDING = 1 << 5,
        /// Nexthop objects.
        NEXTHOPS = 1 << 6,
        /// Ids of other namespaces.
        NAMESPACE_IDS = 1 << 7,
        /// Tables of nftables.
        TABLES = 1 << 8,
        /// Chains of nftables.
        CHAINS = 1 << 9,
        /// Rules of nftables.
        FIREWALL_RULES = 1 << 10,
        /// Sets and maps of nftables, without their elements.
        SETS = 1 << 11,
        /// Elements of sets and maps. The kernel does not tell that the time of one has run out: that it is gone is told when the
        /// same key comes again.
        ELEMENTS = 1 << 12,
        /// Counters, quotas, limits and the like that have a name.
        OBJECTS = 1 << 13,
        /// Flow tables.
        FLOWTABLES = 1 << 14,
        /// What the rules do with packets that are marked for it (`meta nftrace set 1`).
        TRACES = 1 << 15,
    }
}

impl Kinds {
    /// Links, addresses, routes, policy rules and nexthops.
    pub const ROUTING: Kinds =
        Kinds::LINKS.union(Kinds::ADDRESSES).union(Kinds::ROUTES).union(Kinds::RULES).union(Kinds::NEXTHOPS);
    /// All of nftables but traces.
    pub const RULESET: Kinds = Kinds::TABLES
        .union(Kinds::CHAINS)
        .union(Kinds::FIREWALL_RULES)
        .union(Kinds::SETS)
        .union(Kinds::ELEMENTS)
        .union(Kinds::OBJECTS)
        .union(Kinds::FLOWTABLES);
    /// Everything but traces.
    pub const ALL: Kinds = Kinds::ROUTING
        .union(Kinds::NEIGHBOURS)
        .union(Kinds::FORWARDING)
        .union(Kinds::NAMESPACE_IDS)
        .union(Kinds::RULESET);

    /// Names of single kinds, as the command takes them.
    pub const NAMES: [(&'static str, Kinds); 16] = [
        ("links", Kinds::LINKS),
        ("addresses", Kinds::ADDRESSES),
        ("routes", Kinds::ROUTES),
        ("rules", Kinds::RULES),
        ("neighbours", Kinds::NEIGHBOURS),
        ("forwarding", Kinds::FORWARDING),
        ("nexthops", Kinds::NEXTHOPS),
        ("namespace-ids", Kinds::NAMESPACE_IDS),
        ("tables", Kinds::TABLES),
        ("chains", Kinds::CHAINS),
        ("firewall-rules", Kinds::FIREWALL_RULES),
        ("sets", Kinds::SETS),
        ("elements", Kinds::ELEMENTS),
        ("objects", Kinds::OBJECTS),
        ("flowtables", Kinds::FLOWTABLES),
        ("traces", Kinds::TRACES),
    ];
}

/// What has become of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Update<T> {
    /// It was there when the watch began.
    Existing(T),
    /// It is new.
    Added(T),
    /// It is another one now.
    Changed {
        /// What it was.
        before: T,
        /// What it is.
        now: T,
    },
    /// It is gone; this is what it was.
    Removed(T),
}

/// [`Update`] by the name that it had.
#[deprecated(note = "is called Update, as Change is what is changed of a link")]
pub type Change<T> = Update<T>;

impl<T> Update<T> {
    /// The object as it is now, or as it was last.
    pub fn object(&self) -> &T {
        match self {
            Update::Existing(object) | Update::Added(object) | Update::Removed(object) => object,
            Update::Changed { now, .. } => now,
        }
    }

    /// The object as it is now; `None` where it is gone.
    pub fn now(&self) -> Option<&T> {
        match self {
            Update::Removed(_) => None,
            _ => Some(self.object()),
        }
    }

    /// The object as it was before; `None` where it is new, or was there from the beginning.
    pub fn before(&self) -> Option<&T> {
        match self {
            Update::Changed { before, .. } => Some(before),
            Update::Removed(object) => Some(object),
            Update::Existing(_) | Update::Added(_) => None,
        }
    }

    /// The same of what a function makes of the objects.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Update<U> {
        match self {
            Update::Existing(object) => Update::Existing(make(object)),
            Update::Added(object) => Update::Added(make(object)),
            Update::Changed { before, now } => Update::Changed { before: make(before), now: make(now) },
            Update::Removed(object) => Update::Removed(make(object)),
        }
    }

    /// `existing`, `added`, `changed` or `removed`.
    pub fn verb(&self) -> &'static str {
        match self {
            Update::Existing(_) => "existing",
            Update::Added(_) => "added",
            Update::Changed { .. } => "changed",
            Update::Removed(_) => "removed",
        }
    }
}

/// An element with the set that it is of.
#[cfg(feature = "nft")]
#[derive(Clone, Debug, PartialEq)]
pub struct SetElement {
    /// The set.
    pub set: netfilter::SetRef,
    /// The element.
    pub element: netfilter::Element,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A link.
    Link(Update<Box<Link>>),
    /// An address.
    Address(Update<Address>),
    /// A route.
    Route(Update<Route>),
    /// A policy rule.
    Rule(Update<Rule>),
    /// A neighbour, or with the family [`BRIDGE`](netwright_route::Family::BRIDGE) a forwarding entry.
    Neighbour(Update<Neighbour>),
    /// A nexthop object.
    Nexthop(Update<Nexthop>),
    /// An id of another namespace.
    NamespaceId(Update<NamespaceId>),
    /// A table of nftables.
    #[cfg(feature = "nft")]
    Table(Update<Box<netfilter::Table>>),
    /// A chain of nftables.
    #[cfg(feature = "nft")]
    Chain(Update<Box<netfilter::Chain>>),
    /// A rule of nftables.
    #[cfg(feature = "nft")]
    FirewallRule(Update<Box<netfilter::Rule>>),
    /// A set or map of nftables.
    #[cfg(feature = "nft")]
    Set(Update<Box<netfilter::Set>>),
    /// An element of a set or map. Of a set that goes, the elements go without being told.
    #[cfg(feature = "nft")]
    Element(Update<Box<SetElement>>),
    /// A counter, quota, limit or the like that has a name.
    #[cfg(feature = "nft")]
    Object(Update<Box<netfilter::Object>>),
    /// A flow table.
    #[cfg(feature = "nft")]
    Flowtable(Update<Box<netfilter::Flowtable>>),
    /// A transaction of nftables ended, whose changes came before this.
    #[cfg(feature = "nft")]
    Generation(netfilter::Generation),
    /// A step of a packet's way through the rules.
    #[cfg(feature = "nft")]
    Trace(netfilter::Trace),
    /// All that was there has been told.
    Listed,
    /// The kernel had more to tell than the socket holds, and some of it was lost. What is different now from what was told before
    /// follows, as changes. Traces that were lost are lost.
    Resynchronised(Kinds),
}

impl Event {
    /// The kind of its object; none for marks.
    #[must_use]
    pub fn kind(&self) -> Kinds {
        match self {
            Event::Link(_) => Kinds::LINKS,
            Event::Address(_) => Kinds::ADDRESSES,
            Event::Route(_) => Kinds::ROUTES,
            Event::Rule(_) => Kinds::RULES,
            Event::Neighbour(change) => neighbour_kind(change.object()),
            Event::Nexthop(_) => Kinds::NEXTHOPS,
            Event::NamespaceId(_) => Kinds::NAMESPACE_IDS,
            #[cfg(feature = "nft")]
            Event::Table(_) => Kinds::TABLES,
            #[cfg(feature = "nft")]
            Event::Chain(_) => Kinds::CHAINS,
            #[cfg(feature = "nft")]
            Event::FirewallRule(_) => Kinds::FIREWALL_RULES,
            #[cfg(feature = "nft")]
            Event::Set(_) => Kinds::SETS,
            #[cfg(feature = "nft")]
            Event::Element(_) => Kinds::ELEMENTS,
            #[cfg(feature = "nft")]
            Event::Object(_) => Kinds::OBJECTS,
            #[cfg(feature = "nft")]
            Event::Flowtable(_) => Kinds::FLOWTABLES,
            #[cfg(feature = "nft")]
            Event::Trace(_) => Kinds::TRACES,
            #[cfg(feature = "nft")]
            Event::Generation(_) => Kinds::empty(),
            Event::Listed | Event::Resynchronised(_) => Kinds::empty(),
        }
    }
}

pub(super) fn neighbour_kind(neighbour: &Neighbour) -> Kinds {
    match neighbour.family {
        netwright_route::Family::BRIDGE => Kinds::FORWARDING,
        _ => Kinds::NEIGHBOURS,
    }
}
