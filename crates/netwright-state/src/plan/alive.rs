//! What is there while the plan is carried out, as far as steps take more away than they say.
//!
//! With a link that goes down, the kernel takes away the routes over it, its neighbours and its IPv6 addresses; with the
//! last IPv4 address of a link what there is of IPv4 on it; with a first address of a network the secondaries, and with
//! any address the routes that prefer it as their source; with the hardware address the neighbours. What is lost so and
//! shall stay is put back by a step of its own, and the inverse of the step that lost it brings it back too.

use netwright_route::address::AddressFlags;
use netwright_route::{Address, Family, Link, LinkId, Neighbour, Protocol, Route};

use super::Planner;
use crate::snapshot::Snapshot;
use crate::step::{Action, Verb};

/// Addresses, routes and neighbours that are there at this point of the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Alive {
    pub(super) addresses: Vec<Address>,
    /// Without those that the kernel makes itself.
    pub(super) routes: Vec<Route>,
    pub(super) neighbours: Vec<Neighbour>,
}

impl Alive {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let named = |id: LinkId| snapshot.link_at(id.index).map_or(id, Link::id);
        let address = |address: &Address| Address { link: named(address.link), ..address.clone() };
        let neighbour = |found: &Neighbour| Neighbour { link: named(found.link), ..found.clone() };
        let route = |found: &Route| {
            let mut route = found.clone();
            route.link = route.link.map(named);
            route.next_hops.iter_mut().for_each(|hop| hop.link = hop.link.map(named));
            route
        };
        Alive {
            addresses: snapshot.addresses.iter().map(address).collect(),
            routes: snapshot.routes.iter().filter(|found| !is_kernels(found)).map(route).collect(),
            neighbours: snapshot.neighbours.iter().map(neighbour).collect(),
        }
    }

    /// A link goes down. Returns what brings back what is lost.
    pub(super) fn lose_by_down(&mut self, link: LinkId) -> Vec<Action> {
        let addresses: Vec<_> = self
            .addresses
            .extract_if(.., |address| address.link == link && address.family() == Family::IPV6)
            .filter(|address| !is_kernels_address(address))
            .collect();
        let routes: Vec<_> =
            self.routes.extract_if(.., |route| links(route).any(|over| over == link)).collect();
        let neighbours: Vec<_> = self.neighbours.extract_if(.., |found| found.link == link).collect();
        let neighbours = neighbours.iter().filter(|found| is_set(found)).map(neighbour_back);
        addresses.iter().map(back).chain(routes.iter().map(route_back)).chain(neighbours).collect()
    }

    /// The hardware address of a link changes, as that of a bridge may with its ports: the kernel forgets the link's
    /// neighbours. Returns what brings them back.
    pub(super) fn lose_neighbours(&mut self, link: LinkId) -> Vec<Action> {
        let lost = |found: &mut Neighbour| found.link == link && !is_proxy(found);
        let neighbours: Vec<_> = self.neighbours.extract_if(.., lost).collect();
        neighbours.iter().filter(|found| is_set(found)).map(neighbour_back).collect()
    }

    /// An address is deleted. Returns what brings it and all that goes with it back.
    pub(super) fn lose_address(&mut self, gone: &Address) -> Vec<Action> {
        let falls = |found: &Address| falls_with(found, gone);
        let mut addresses: Vec<_> = self.addresses.extract_if(.., |found| same(found, gone)).collect();
        addresses.extend(self.addresses.extract_if(.., |found| falls(found)));
        let bare = gone.family() == Family::IPV4 && !self.has_ipv4(gone.link);
        let lost = |route: &mut Route| {
            let over = route.family() == Family::IPV4 && links(route).any(|link| link == gone.link);
            bare && over || route.preferred_source == Some(gone.address)
        };
        let routes: Vec<_> = self.routes.extract_if(.., lost).collect();
        let mut undo: Vec<_> = addresses.iter().map(back).chain(routes.iter().map(route_back)).collect();
        if bare {
            undo.extend(self.neighbours.iter().filter(|found| is_on(found, gone.link)).map(neighbour_back));
            self.neighbours.retain(|found| found.link != gone.link || found.family != Family::IPV4);
        }
        undo
    }

    /// An address is added. Returns what takes it away again and brings back what goes with it.
    pub(super) fn gain_address(&mut self, address: &Address) -> Vec<Action> {
        let over =
            |route: &&Route| route.family() == Family::IPV4 && links(route).any(|link| link == address.link);
        let bare = address.family() == Family::IPV4 && !self.has_ipv4(address.link);
        let mut undo = vec![Action::Address(Verb::Delete, Box::new(address.clone()))];
        if bare {
            undo.extend(self.routes.iter().filter(over).map(route_back));
            undo.extend(
                self.neighbours.iter().filter(|found| is_on(found, address.link)).map(neighbour_back),
            );
        }
        let second = self.addresses.iter().any(|found| same_network(found, address));
        let mut address = address.clone();
        address.flags.set(AddressFlags::SECONDARY, second);
        self.addresses.push(address);
        undo
    }

    fn has_ipv4(&self, link: LinkId) -> bool {
        self.addresses.iter().any(|found| found.link == link && found.family() == Family::IPV4)
    }

    /// What makes the addresses and neighbours of a link again.
    pub(super) fn addresses_and_neighbours(&self, link: LinkId) -> Vec<Action> {
        let addresses = self.addresses.iter().filter(|address| address.link == link).map(back);
        let neighbours = self.neighbours.iter().filter(|found| found.link == link && is_set(found));
        addresses.chain(neighbours.map(neighbour_back)).collect()
    }

    /// What brings back what is lost when a link goes down that was down before.
    pub(super) fn on_down_link(&self, link: LinkId) -> Vec<Action> {
        self.clone().lose_by_down(link)
    }
}

impl Planner<'_> {
    /// Whether all links of a route are up in the end.
    pub(super) fn can_stay(&self, route: &Route) -> bool {
        links(route).all(|link| {
            let declared = self.ids.iter().position(|id| *id == Some(link));
            let declared = declared.and_then(|place| self.host.links.get(place)).map(|link| link.up);
            declared.unwrap_or_else(|| self.snapshot.link_at(link.index).is_some_and(Link::is_up))
        })
    }
}

/// Routes that the kernel makes along with an address come again with it.
pub(super) fn is_kernels(route: &Route) -> bool {
    matches!(route.protocol, Some(Protocol::KERNEL | Protocol::REDIRECT | Protocol::ROUTER_ADVERTISEMENT))
}

/// So do link-local addresses and those from router advertisements.
pub(super) fn is_kernels_address(address: &Address) -> bool {
    let link_local = match address.address {
        std::net::IpAddr::V6(address) => address.is_unicast_link_local(),
        std::net::IpAddr::V4(_) => false,
    };
    let maker = address.protocol.map_or(0, |protocol| protocol.0);
    let own = maker == super::ADDRESS_PROTOCOL.0;
    (1..=3).contains(&maker) || link_local && !own || address.flags.contains(AddressFlags::MANAGE_TEMPORARY)
}

/// Whether somebody set it, as against those that the kernel found by asking.
pub(super) fn is_set(neighbour: &Neighbour) -> bool {
    use netwright_route::neighbour::{NeighbourFlags, NeighbourState};
    let fixed = NeighbourState::PERMANENT | NeighbourState::NO_ARP;
    let multicast = neighbour.destination.is_some_and(|address| address.is_multicast());
    let set = neighbour.state.intersects(fixed)
        || neighbour.flags.contains(NeighbourFlags::PROXY)
        || neighbour.protocol == Some(Protocol::NETWRIGHT);
    set && !multicast && neighbour.destination.is_some() && neighbour.family.is_ip()
}

pub(super) fn links(route: &Route) -> impl Iterator<Item = LinkId> {
    route.link.into_iter().chain(route.next_hops.iter().filter_map(|hop| hop.link))
}

fn same(found: &Address, gone: &Address) -> bool {
    found.link == gone.link
        && found.address == gone.address
        && found.peer == gone.peer
        && found.prefix_length == gone.prefix_length
}

/// Whether two addresses share a network of IPv4, of which one is the first.
pub(super) fn same_network(one: &Address, other: &Address) -> bool {
    let network = |address: &Address| {
        let reached = address.peer.unwrap_or(address.address);
        netwright_route::Prefix { address: reached, length: address.prefix_length }.network()
    };
    one.link == other.link && one.family() == Family::IPV4 && network(one) == network(other)
}

/// Whether an address goes along with one that is deleted.
fn falls_with(found: &Address, gone: &Address) -> bool {
    let second = |address: &Address| address.flags.contains(AddressFlags::SECONDARY);
    same_network(found, gone) && second(found) && !second(gone)
}

fn back(address: &Address) -> Action {
    Action::Address(Verb::Replace, Box::new(super::addresses::settable(address)))
}

fn route_back(route: &Route) -> Action {
    Action::Route(Verb::Replace, Box::new(route.clone()))
}

fn is_proxy(neighbour: &Neighbour) -> bool {
    neighbour.flags.contains(netwright_route::neighbour::NeighbourFlags::PROXY)
}

fn neighbour_back(neighbour: &Neighbour) -> Action {
    Action::Neighbour(Verb::Replace, Box::new(neighbour.clone()))
}

/// Whether somebody set it on a link for IPv4.
fn is_on(neighbour: &Neighbour, link: LinkId) -> bool {
    neighbour.link == link && neighbour.family == Family::IPV4 && is_set(neighbour)
}
