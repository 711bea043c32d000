//! A host in a namespace.

use std::net::{IpAddr, Ipv6Addr};

use netwright_route::address::AddressFlags;
use netwright_route::link::{self, Change, Create, LinkFlags, OperationalState, Peer};
use netwright_route::route::{self, RouteKind};
use netwright_route::{Add, Address, Family, LinkId, Prefix, Route};
use netwright_sys::{Connection, Namespace, Sysctl, protocol};

use crate::{Failure, wait_until};

/// A host: a network namespace and what configures it, from any thread.
#[derive(Debug)]
pub struct Node {
    name: String,
    namespace: Namespace,
    connection: Connection,
}

impl Node {
    /// The host that lives in a namespace; its loopback link is up from now on.
    pub fn in_namespace(name: &str, namespace: Namespace) -> Result<Self, Failure> {
        let connection = Connection::open_in(&namespace, protocol::ROUTE)?;
        let mut node = Node { name: name.to_owned(), namespace, connection };
        node.up("lo")?;
        Ok(node)
    }

    /// Its name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its network namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Runs a closure in it. Sockets that are made inside stay in it when they are used outside.
    #[track_caller]
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T, Failure> {
        Ok(self.namespace.run(inside)?)
    }

    /// The link of this name.
    #[track_caller]
    pub fn link(&mut self, name: &str) -> Result<LinkId, Failure> {
        let link = self.connection.query(&link::Get::by_name(name))?;
        Ok(LinkId::named(link.index, name))
    }

    /// Changes a link.
    #[track_caller]
    pub fn change(&mut self, name: &str, change: &Change) -> Result<(), Failure> {
        let link = self.link(name)?;
        Ok(self.connection.acknowledge(&link::Set { link, change })?)
    }

    /// Sends any other request.
    #[track_caller]
    pub fn request(&mut self, request: &impl netwright_wire::Acknowledged) -> Result<(), Failure> {
        Ok(self.connection.acknowledge(request)?)
    }

    /// Asks for one object.
    #[track_caller]
    pub fn look<Q: netwright_wire::Query>(&mut self, query: &Q) -> Result<Q::Output, Failure> {
        Ok(self.connection.query(query)?)
    }

    /// Makes a link.
    #[track_caller]
    pub fn create(&mut self, link: &Create) -> Result<(), Failure> {
        Ok(self.connection.acknowledge(link)?)
    }

    /// Brings a link up.
    #[track_caller]
    pub fn up(&mut self, name: &str) -> Result<(), Failure> {
        self.change(name, &Change::up())
    }

    /// Makes a veth from this node to another one and brings both ends up.
    #[track_caller]
    pub fn connect(&mut self, ours: &str, other: &mut Node, theirs: &str) -> Result<(), Failure> {
        let peer = Peer::new(&Change::rename(theirs).and(Change::namespace(&other.namespace)));
        self.create(&Create::veth(ours, peer))?;
        self.up(ours)?;
        other.up(theirs)?;
        self.wait_for(ours)?;
        other.wait_for(theirs)
    }

    /// Waits until packets pass a link whose both ends are up: the kernel leaves that to a worker, and drops them until it has run.
    fn wait_for(&mut self, link: &str) -> Result<(), Failure> {
        wait_until("packets pass a link that is up", || {
            let found = self.look(&link::Get::by_name(link))?;
            Ok((found.operational_state == OperationalState::UP).then_some(()))
        })
    }

    /// Gives a link an address, as in `192.0.2.1/24`; an IPv6 address is usable at once, without duplicate detection.
    #[track_caller]
    pub fn address(&mut self, link: &str, address: &str) -> Result<(), Failure> {
        let link = self.link(link)?;
        let mut address = address.parse::<Address>()?.on(link);
        if address.address.is_ipv6() {
            address.flags |= AddressFlags::NO_DUPLICATE_DETECTION;
        }
        self.connection.acknowledge(&Add(&address))?;
        match (address.address, self.look(&link::Get::by_index(link.index))?.flags.contains(LinkFlags::UP)) {
            (IpAddr::V6(own), true) => self.wait_for_own(own),
            _ => Ok(()),
        }
    }

    /// Waits until packets to an address of this host are taken: the kernel leaves the route for those of IPv6 to a worker.
    fn wait_for_own(&mut self, own: Ipv6Addr) -> Result<(), Failure> {
        let local =
            route::List { family: Family::IPV6, kind: Some(RouteKind::LOCAL), ..route::List::default() };
        wait_until("an address of IPv6 has its route", || {
            let own = Prefix::host(own.into());
            let routes = self.connection.dump_all(&local)?;
            Ok(routes.iter().any(|route| route.destination == own).then_some(()))
        })
    }

    /// Routes a destination, as in `198.51.100.0/24`, to a gateway; all destinations of the gateway's family where it
    /// is `default`.
    #[track_caller]
    pub fn route(&mut self, to: &str, via: &str) -> Result<(), Failure> {
        let gateway: IpAddr = via.parse()?;
        let route = match to {
            "default" => Route::default_via(gateway),
            to => Route::to(to.parse()?).via(gateway),
        };
        Ok(self.connection.acknowledge(&Add(&route))?)
    }

    /// Lets it forward packets of both families between its links.
    #[track_caller]
    pub fn forward(&self) -> Result<(), Failure> {
        let settings = Sysctl::new(&self.namespace);
        settings.write(&["ipv4", "ip_forward"], 1)?;
        Ok(settings.write(&["ipv6", "conf", "all", "forwarding"], 1)?)
    }
}
