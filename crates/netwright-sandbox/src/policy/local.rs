//! The networks that this host is on: what lies there is its neighbourhood, whatever kind of addresses it has.

use std::net::IpAddr;

use netwright_route::link::LinkFlags;
use netwright_route::route::RouteKind;
use netwright_route::{Table, address, link, route};
use netwright_sys::{Connection, Result, protocol};

use super::address::{AddressKind, Prefix, covers, disjoint, kind, length, meant, with_forms};
use super::{Policy, Rule, Target};

/// Addresses of this host, and the networks that it reaches without a router. Private ones need not be here, since they tell by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalNetworks {
    /// The host's own addresses.
    pub own: Vec<IpAddr>,
    /// Prefixes, each with its length.
    pub networks: Vec<(IpAddr, u8)>,
}

impl Policy {
    /// Whether a rule speaks of the networks of this host.
    pub(crate) fn depends_on_networks(&self) -> bool {
        let speaks = |rule: &Rule| matches!(rule.target, Target::Internet | Target::Lan);
        self.allow.iter().chain(&self.deny).any(speaks)
    }
}

impl LocalNetworks {
    /// Those of the calling thread's network namespace, as far as they are reachable from everywhere. What lies behind a tunnel or another link
    /// without neighbours is no neighbourhood.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn of_host() -> Result<Self> {
        let mut connection = Connection::open(protocol::ROUTE)?;
        let addresses = connection.dump_all(&address::List::default())?;
        let own = addresses.iter().map(|own| own.address).filter(|own| is_public(*own)).collect();
        let without_neighbours = LinkFlags::POINT_TO_POINT | LinkFlags::NO_ARP | LinkFlags::LOOPBACK;
        let links = connection.dump_all(&link::List::default())?;
        let has_neighbours = |index: u32| {
            let link = links.iter().find(|link| link.index == index);
            link.is_some_and(|link| !link.flags.intersects(without_neighbours))
        };
        let routes = connection.dump_all(&route::List::of_table(Table::MAIN))?;
        let networks = routes
            .iter()
            .filter(|route| route.kind == RouteKind::UNICAST && route.gateway.is_none())
            .filter(|route| route.next_hops.is_empty() && !route.is_default())
            .filter(|route| route.link.is_some_and(|link| has_neighbours(link.index)))
            .map(|route| (route.destination.address, route.destination.length))
            .filter(|(address, _)| is_public(*address));
        Ok(LocalNetworks { own, networks: networks.collect() })
    }

    /// Whether an address is one of the host's own.
    #[must_use]
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.own.contains(&meant(address.to_canonical()))
    }

    /// Whether an address is the host's or lies in its networks.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let address = meant(address.to_canonical());
        self.is_own(address)
            || self.networks.iter().any(|network| covers(*network, (address, length(address))))
    }

    /// All of it as prefixes, with those that stand for IPv4 ones.
    pub(crate) fn prefixes(&self) -> Vec<Prefix> {
        let own = self.own.iter().map(|own| (*own, length(*own)));
        disjoint(own.chain(self.networks.iter().copied()).flat_map(with_forms).collect())
    }
}

fn is_public(address: IpAddr) -> bool {
    kind(address) == AddressKind::Public
}
