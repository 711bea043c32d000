//! What a host file says: plain data with public fields. What is not set is `None`.

mod address;
mod firewall;
mod flow;
mod kind;
mod link;
mod mac;
mod networks;
mod place;
mod route;
mod rule;
mod settings;

use std::net::IpAddr;

use netwright_route::prefix::Prefix;

pub use self::address::Address;
pub use self::firewall::{Firewall, FirewallSet, FirewallSource};
pub use self::flow::{
    Addresses, Bytes, ConntrackState, Counts, Delay, Dscp, Endpoint, Expect, Flow, FlowSource, FlowStep,
    FlowTarget, IcmpProbe, Only, Owner, PortRange, ProbeProtocol, Refusal, RefusalPattern, TcpFlags,
    TestOnly,
};
pub use self::kind::{
    Bond, Bridge, Dummy, GreTunnel, Ifb, IpVlan, LinkKind, MacVlan, Tun, Tunnel, Veth, Vlan, VlanProtocol,
    Vrf, Vxlan,
};
pub(crate) use self::link::Links;
pub use self::link::{Link, LinkMatch};
pub use self::mac::{MacAddress, NotAMacAddress};
pub(crate) use self::networks::{Connected, Networks};
pub use self::place::Place;
pub use self::route::{Destination, Nexthop, Protocol, Route, RouteType, Scope, Table};
pub use self::rule::{Fwmark, IpProtocol, Neighbour, NeighbourState, Rule, RuleAction};
pub(crate) use self::settings::setting_in_words;
pub use self::settings::{
    AcceptRa, AddressGeneration, Forwarding, Ipv4Settings, Ipv6Settings, Privacy, RpFilter,
};

use crate::scalar::OwnerName;
use crate::section::{section, words};

words! {
    /// An address family.
    pub enum Family as "address family" {
        /// IPv4.
        Ipv4 = "ipv4",
        /// IPv6.
        Ipv6 = "ipv6",
    }
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
    }
}

section! {
    /// What a host's network shall be like.
    pub struct Host as "the host" {
        /// Whose is what this file declares: the name under which it is known again when the file changes. The file's own
        /// name when not set.
        optional "owner" => owner: String as OwnerName,
        /// Whether the host passes packets on between its links: true or false for both families, or a table
        /// with `ipv4` and `ipv6`. Left as it is when not set.
        optional "forwarding" => forwarding: Forwarding,
        /// The links by name. One without `kind` exists already (a network card), or is another link's port
        /// or peer.
        defaulted "link" => links: Vec<Link> as Links,
        /// The routes.
        list "route" => routes: Route,
        /// The policy rules, which choose the routing table.
        list "rule" => rules: Rule,
        /// Permanent neighbour entries (ARP and NDP).
        list "neighbour" => neighbours: Neighbour,
        /// The firewall, in the nft language.
        below "firewall" => firewall: Firewall,
        /// Packets that shall or shall not pass: what `netwright test` sends.
        list "flow" => flows: Flow,
        /// Between whom nothing passes but what the flows say.
        list "only" => onlys: Only,
        /// What is there only in the simulated host of `netwright test`, and never applied.
        below "test" => test: TestOnly,
    }
    also {
        /// The firewall's texts in the order in which they apply: included files first, then inline rules.
        firewall_sources: Vec<FirewallSource>,
    }
}

impl Host {
    /// The host as `netwright test` simulates it: with what is there only then.
    #[must_use]
    pub fn simulated(&self) -> Host {
        let mut host = self.clone();
        let TestOnly { links, routes, rules, neighbours, .. } = std::mem::take(&mut host.test);
        for link in links {
            match host.links.iter_mut().find(|known| known.name == link.name) {
                Some(known) => known.addresses.extend(link.addresses),
                None => host.links.push(link),
            }
        }
        host.routes.extend(routes);
        host.rules.extend(rules);
        host.neighbours.extend(neighbours);
        crate::validate::complete(&mut host);
        host
    }

    /// The link of a name, by its main or an alternative one.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name || link.alternative_names.iter().any(|n| n == name))
    }

    /// Whether an address is one of the host's own.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.links.iter().flat_map(|link| &link.addresses).any(|own| own.address.address == address)
    }

    /// The link on whose network an address lies: the one with the longest prefix.
    #[must_use]
    pub fn connected(&self, address: IpAddr) -> Option<(&Link, Prefix)> {
        let networks = self.links.iter().flat_map(|link| link.networks().map(move |network| (link, network)));
        networks.filter(|(_, network)| network.contains(address)).max_by_key(|(_, network)| network.length)
    }

    /// The device of a route, resolved from its gateway where the file does not name it.
    #[must_use]
    pub fn route_device<'a>(&'a self, dev: Option<&'a str>, via: Option<IpAddr>) -> Option<&'a str> {
        match (dev, via) {
            (Some(dev), _) => Some(self.link(dev).map_or(dev, |link| &link.name)),
            (None, Some(via)) => self.connected(via).map(|(link, _)| link.name.as_str()),
            (None, None) => None,
        }
    }

    /// The links behind which an address is reached: its connected one, else those of the main table's routes
    /// with the longest matching prefix.
    #[must_use]
    pub fn devices_towards(&self, address: IpAddr) -> Vec<&str> {
        let main = |route: &&Route| route.table.is_none_or(|table| table == Table::MAIN);
        let matching = |route: &&Route| main(route) && route.destination().contains(address);
        let longest = self.routes.iter().filter(matching).map(|route| route.destination().length).max();
        match (self.connected(address), longest) {
            (Some((link, network)), longest) if longest.is_none_or(|length| length <= network.length) => {
                vec![link.name.as_str()]
            }
            (_, Some(length)) => self
                .routes
                .iter()
                .filter(matching)
                .filter(|route| route.destination().length == length && route.kind == RouteType::Unicast)
                .flat_map(Route::hops)
                .filter_map(|(dev, via)| self.route_device(dev, via))
                .collect(),
            _ => Vec::new(),
        }
    }
}
