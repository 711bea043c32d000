//! A copy of a namespace, as far as it is watched.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use netwright_route::link::Link;
use netwright_route::namespace_id::NamespaceId;
use netwright_route::{
    Address, Family, HardwareAddress, LinkId, Neighbour, Nexthop, Prefix, Route, Rule, Table,
};

use super::routes::Routes;
use super::ruleset::Ruleset;

/// A copy of the objects of a namespace, of the kinds that are watched. Looking up takes the time of a hash map.
///
/// It is as the kernel has told so far. What the kernel does not tell of is not in it: states of neighbours that change by time
/// alone, counters, aliases and alternative names that links get or lose while they are down, and which ways of routes are dead.
#[derive(Clone, Debug, Default)]
pub struct Store {
    pub(super) links: HashMap<u32, Box<Link>>,
    /// Indexes by names and alternative names.
    names: HashMap<String, u32>,
    /// By link and by what tells those of one link apart.
    pub(super) addresses: HashMap<u32, HashMap<AddressKey, Address>>,
    pub(super) routes: Routes,
    /// Those of each family in the kernel's order.
    pub(super) rules: Vec<Rule>,
    pub(super) neighbours: HashMap<NeighbourKey, Neighbour>,
    pub(super) nexthops: HashMap<u32, Nexthop>,
    pub(super) namespace_ids: Vec<NamespaceId>,
    pub(super) ruleset: Ruleset,
}

pub(super) type AddressKey = (IpAddr, u8, Option<IpAddr>);

/// What tells neighbours and forwarding entries apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct NeighbourKey {
    family: Family,
    link: u32,
    destination: Option<IpAddr>,
    proxy: bool,
    forwarding: Option<ForwardingKey>,
}

/// What tells forwarding entries of one link apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ForwardingKey {
    address: Option<HardwareAddress>,
    vlan: Option<u16>,
    vni: Option<u32>,
    source_vni: Option<u32>,
    port: Option<u16>,
    lower_link: Option<u32>,
    /// Whether the link itself has it, and not its bridge.
    own: bool,
}

impl NeighbourKey {
    pub(super) fn of(neighbour: &Neighbour) -> Self {
        use netwright_route::neighbour::NeighbourFlags;
        let forwarding = (neighbour.family == Family::BRIDGE).then(|| ForwardingKey {
            address: neighbour.address,
            vlan: neighbour.vlan,
            vni: neighbour.vni,
            source_vni: neighbour.source_vni,
            port: neighbour.port,
            lower_link: neighbour.lower_link,
            own: neighbour.flags.contains(NeighbourFlags::SELF),
        });
        NeighbourKey {
            family: neighbour.family,
            link: neighbour.link.index,
            destination: neighbour.destination,
            proxy: neighbour.flags.contains(NeighbourFlags::PROXY),
            forwarding,
        }
    }
}

impl Store {
    /// The link with this name or alternative name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.link_by_index(*self.names.get(name)?)
    }

    /// The link with this index.
    #[must_use]
    pub fn link_by_index(&self, index: u32) -> Option<&Link> {
        self.links.get(&index).map(Box::as_ref)
    }

    /// All links.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values().map(Box::as_ref)
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.values().flat_map(HashMap::values)
    }

    /// The addresses of a link.
    pub fn addresses_of(&self, link: impl Into<LinkId>) -> impl Iterator<Item = &Address> {
        self.addresses.get(&link.into().index).into_iter().flat_map(HashMap::values)
    }

    /// The link that has an address.
    #[must_use]
    pub fn link_with(&self, address: IpAddr) -> Option<&Link> {
        let has = |addresses: &HashMap<AddressKey, Address>| addresses.keys().any(|key| key.0 == address);
        let link = self.addresses.iter().find(|(_, addresses)| has(addresses))?.0;
        self.link_by_index(*link)
    }

    /// All routes of all tables.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// How many routes there are.
    #[must_use]
    pub fn route_count(&self) -> usize {
        self.routes.len()
    }

    /// The routes of a table to exactly this destination.
    #[must_use]
    pub fn routes_to(&self, table: Table, destination: Prefix) -> &[Route] {
        self.routes.to(table, destination)
    }

    /// The route of a table with the longest prefix that an address is in, and of these the one with the smallest metric. What the
    /// kernel would do with a packet depends on policy rules, marks and states too: [`Routes::look_up`](crate::Routes::look_up)
    /// asks it.
    #[must_use]
    pub fn longest_match(&self, table: Table, address: IpAddr) -> Option<&Route> {
        self.routes.longest_match(table, address)
    }

    /// All policy rules, those of each family in the kernel's order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// All neighbours and forwarding entries.
    pub fn neighbours(&self) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.values()
    }

    /// The neighbour with an address on a link.
    #[must_use]
    pub fn neighbour(&self, link: impl Into<LinkId>, address: IpAddr) -> Option<&Neighbour> {
        let (family, link) = (Family::of(address), link.into());
        let wanted = Neighbour { family, link, destination: Some(address), ..Neighbour::default() };
        self.neighbours.get(&NeighbourKey::of(&wanted))
    }

    /// All nexthops.
    pub fn nexthops(&self) -> impl Iterator<Item = &Nexthop> {
        self.nexthops.values()
    }

    /// The nexthop with this id.
    #[must_use]
    pub fn nexthop(&self, id: u32) -> Option<&Nexthop> {
        self.nexthops.get(&id)
    }

    /// The ids that the namespace has for others.
    #[must_use]
    pub fn namespace_ids(&self) -> &[NamespaceId] {
        &self.namespace_ids
    }

    /// A link by its index, with its name where it is known.
    pub(super) fn named(&self, link: LinkId) -> LinkId {
        match self.links.get(&link.index) {
            Some(known) => known.id(),
            None => link,
        }
    }

    pub(super) fn put_link(&mut self, link: Box<Link>) -> Option<Box<Link>> {
        let index = link.index;
        let names: Vec<String> =
            std::iter::once(&link.name).chain(&link.alternative_names).cloned().collect();
        let before = self.remove_link(index);
        if before.as_ref().is_some_and(|before| before.name != link.name) {
            self.rename(link.id());
        }
        for name in names {
            self.names.insert(name, index);
        }
        self.links.insert(index, link);
        before
    }

    /// What is on a link has its new name.
    fn rename(&mut self, link: LinkId) {
        let name = |known: &mut LinkId| {
            if *known == link {
                *known = link;
            }
        };
        self.addresses.get_mut(&link.index).into_iter().flat_map(HashMap::values_mut).for_each(|address| {
            name(&mut address.link);
        });
        self.neighbours.values_mut().for_each(|neighbour| name(&mut neighbour.link));
        self.nexthops.values_mut().filter_map(|nexthop| nexthop.link.as_mut()).for_each(name);
        for route in self.routes.iter_mut() {
            let hops = route.next_hops.iter_mut().map(|hop| &mut hop.link);
            std::iter::once(&mut route.link).chain(hops).flatten().for_each(name);
        }
    }

    /// The same route with the names of its links, where they are known.
    pub(super) fn with_names(&self, mut route: Route) -> Route {
        let hops = route.next_hops.iter_mut().map(|hop| &mut hop.link);
        for link in std::iter::once(&mut route.link).chain(hops).flatten() {
            *link = self.named(*link);
        }
        route
    }

    pub(super) fn remove_link(&mut self, index: u32) -> Option<Box<Link>> {
        let link = self.links.remove(&index)?;
        for name in std::iter::once(&link.name).chain(&link.alternative_names) {
            if let Entry::Occupied(entry) = self.names.entry(name.clone())
                && *entry.get() == index
            {
                entry.remove();
            }
        }
        Some(link)
    }

    pub(super) fn put_address(&mut self, address: Address) -> Option<Address> {
        let key = address_key(&address);
        self.addresses.entry(address.link.index).or_default().insert(key, address)
    }

    pub(super) fn remove_address(&mut self, address: &Address) -> Option<Address> {
        let Entry::Occupied(mut of_link) = self.addresses.entry(address.link.index) else { return None };
        let removed = of_link.get_mut().remove(&address_key(address));
        if of_link.get().is_empty() {
            of_link.remove();
        }
        removed
    }

    /// Puts a rule behind those of its family and priority, unless it is there.
    pub(super) fn put_rule(&mut self, rule: Rule) -> bool {
        if self.rules.iter().any(|other| is_same_rule(other, &rule)) {
            return false;
        }
        let behind = |other: &Rule| (other.family, other.priority) > (rule.family, rule.priority);
        let place = self.rules.iter().position(behind).unwrap_or(self.rules.len());
        self.rules.insert(place, rule);
        true
    }

    pub(super) fn remove_rule(&mut self, rule: &Rule) -> Option<Rule> {
        let place = self.rules.iter().position(|other| is_same_rule(other, rule))?;
        Some(self.rules.remove(place))
    }
}

pub(super) fn address_key(address: &Address) -> AddressKey {
    (address.address, address.prefix_length, address.peer)
}

/// Whether two are the same rule, whatever their states.
pub(super) fn is_same_rule(one: &Rule, other: &Rule) -> bool {
    use netwright_route::rule::RuleFlags;
    let settable = RuleFlags::INVERT | RuleFlags::FIND_SOURCE;
    let stateless = |rule: &Rule| Rule { flags: rule.flags & settable, ..rule.clone() };
    one.priority == other.priority && one.family == other.family && stateless(one) == stateless(other)
}
