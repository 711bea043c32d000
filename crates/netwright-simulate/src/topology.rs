//! Who stands where: the machines that a host file's flows and routes speak of, and the switches that they hang on.
//! Nothing here does IO.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use netwright_route::Prefix;
use netwright_route::prefix::maximum_length;
use netwright_state::model::{Flow, FlowSource, Host, Link, LinkKind, Route, RouteType, VlanProtocol};

/// A switch that one or several cards of the host are plugged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    /// The host's links.
    pub(crate) ports: Vec<String>,
}

/// A VLAN tag between a machine and the host's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) id: u16,
    pub(crate) protocol: Option<VlanProtocol>,
}

/// Where a machine is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    /// Index of the switch.
    pub(crate) switch: usize,
    /// Tags from the outermost to the innermost.
    pub(crate) tags: Vec<Tag>,
}

/// A simulated machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The host's link that it is seen behind.
    pub(crate) link: String,
    pub(crate) socket: Socket,
    /// Its address on the link, with its network's length.
    pub(crate) address: Prefix,
    /// Addresses that lie behind it.
    pub(crate) remote: Vec<IpAddr>,
}

impl Machine {
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        self.address.address == address || self.remote.contains(&address)
    }
}

/// All that is simulated.
#[derive(Debug)]
pub(crate) struct Topology<'h> {
    host: &'h Host,
    pub(crate) switches: Vec<Switch>,
    pub(crate) machines: Vec<Machine>,
    /// The switch of each card.
    cards: HashMap<String, usize>,
    /// How many machines hang on each link so far, to spread them over its ports.
    spread: BTreeMap<String, usize>,
}

/// Why somebody cannot be simulated, as a sentence without a full stop.
pub(crate) type Obstacle = String;

/// Links lie on links at most this deep.
const DEPTH: usize = 8;

impl<'h> Topology<'h> {
    /// The switches of a host, and the gateways of its routes.
    pub(crate) fn new(host: &'h Host) -> Self {
        let mut topology = Topology {
            host,
            switches: Vec::new(),
            machines: Vec::new(),
            cards: HashMap::new(),
            spread: BTreeMap::new(),
        };
        topology.plug_cards();
        for (device, gateway) in host.routes.iter().flat_map(|route| hops(host, route)) {
            // a gateway behind a link that cannot be simulated is missed when a flow needs it
            if let Some(gateway) = gateway {
                let _ = topology.machine(device, gateway);
            }
        }
        topology
    }

    /// The host's links that stand for cards: those that the file takes as given.
    pub(crate) fn cards(&self) -> impl Iterator<Item = (&str, usize)> {
        self.cards.iter().map(|(name, &switch)| (name.as_str(), switch))
    }

    fn plug_cards(&mut self) {
        let mut bonds: HashMap<&str, usize> = HashMap::new();
        let host = self.host;
        for card in host.links.iter().filter(|link| is_card(host, link)) {
            let bond = master(host, card).filter(|link| matches!(link.kind, Some(LinkKind::Bond(_))));
            let known = bond.and_then(|bond| bonds.get(bond.name.as_str())).copied();
            let switch = known.unwrap_or(self.switches.len());
            if known.is_none() {
                self.switches.push(Switch { ports: Vec::new() });
            }
            if let Some(bond) = bond {
                bonds.insert(&bond.name, switch);
            }
            if let Some(switch) = self.switches.get_mut(switch) {
                switch.ports.push(card.name.clone());
            }
            self.cards.insert(card.name.clone(), switch);
        }
    }

    /// The machine that sends a flow from behind a link.
    pub(crate) fn sender(&mut self, link: &str, address: IpAddr) -> Result<usize, Obstacle> {
        let host = self.host;
        let found = host.link(link).ok_or_else(|| format!("the file has no link {link}"))?;
        let upper = layer3(host, found);
        if is_link_local(address) || network_of(upper, address).is_some() {
            return self.machine_at(found, address);
        }
        let via =
            |route: &'h Route| hops(host, route).filter_map(|(dev, via)| (dev == upper.name).then_some(via?));
        let matching = |address: IpAddr| {
            let routes = host.routes.iter().filter(move |route| route.destination().contains(address));
            routes.max_by_key(|route| route.destination().length).and_then(|route| via(route).next())
        };
        let any = || host.routes.iter().flat_map(via).find(|gateway| gateway.is_ipv4() == address.is_ipv4());
        match matching(address).or_else(any) {
            Some(gateway) => self.behind(&upper.name, gateway, address),
            None => match self.free_address(upper, address.is_ipv4()) {
                // somebody from afar comes by a router, of which the host need not know
                Some(router) => {
                    let index = self.machine_at(found, router)?;
                    self.put_behind(index, address);
                    Ok(index)
                }
                None => self.machine_at(found, address),
            },
        }
    }

    /// An address on a network of a link that nobody has: the last one that the file does not name.
    fn free_address(&self, link: &Link, ipv4: bool) -> Option<IpAddr> {
        let known = |machine: &&Machine| machine.link == link.name && !machine.remote.is_empty();
        let routers = || self.machines.iter().filter(known).map(|machine| machine.address.address);
        let network = link.networks().find(|network| network.address.is_ipv4() == ipv4)?;
        if let Some(router) = routers().find(|router| network.contains(*router)) {
            return Some(router);
        }
        let spare = maximum_length(network.address).saturating_sub(network.length).min(16);
        let last = (1u128 << spare).checked_sub(1)?;
        // the first and the last one of a network are not for machines
        (1..last)
            .rev()
            .map(|offset| plus(network.network().address, offset))
            .find(|address| !self.is_named(*address))
    }

    /// Whether the file speaks of an address.
    fn is_named(&self, address: IpAddr) -> bool {
        let ends = |flow: &Flow| {
            [flow.seen_from, flow.arrives_at].into_iter().flatten().any(|end| end.address == address)
        };
        let flows = |flow: &Flow| flow.to == address || flow.from.address() == Some(address) || ends(flow);
        self.host.has_address(address)
            || self.machines.iter().any(|machine| machine.holds(address))
            || self.host.flows.iter().any(flows)
    }

    /// The machines that an address may be reached at: on the host's networks, else by its routes.
    pub(crate) fn receivers(&mut self, address: IpAddr) -> Result<Vec<usize>, Obstacle> {
        let known: Vec<usize> =
            (0..self.machines.len()).filter(|&index| self.is_reached_at(index, address)).collect();
        if !known.is_empty() {
            return Ok(known);
        }
        let host = self.host;
        if let Some((link, _)) = host.connected(address) {
            return Ok(vec![self.machine_at(link, address)?]);
        }
        let leads =
            |route: &&Route| route.kind == RouteType::Unicast && route.destination().contains(address);
        let (mut found, mut obstacle) = (Vec::new(), None);
        for (device, gateway) in host.routes.iter().filter(leads).flat_map(|route| hops(host, route)) {
            let machine = match gateway {
                Some(gateway) => self.behind(device, gateway, address),
                None => self.machine(device, address),
            };
            match machine {
                Ok(machine) => found.push(machine),
                Err(why) => obstacle = Some(why),
            }
        }
        if let (true, Some(why)) = (found.is_empty(), obstacle) {
            return Err(why);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Whether a machine holds an address where the host would look for it: a sender with a foreign address is not found.
    fn is_reached_at(&self, index: usize, address: IpAddr) -> bool {
        let Some(machine) = self.machines.get(index).filter(|machine| machine.holds(address)) else {
            return false;
        };
        self.host.devices_towards(address).contains(&machine.link.as_str()) || is_link_local(address)
    }

    /// A machine behind which an address lies.
    fn behind(&mut self, link: &str, gateway: IpAddr, address: IpAddr) -> Result<usize, Obstacle> {
        let index = self.machine(link, gateway)?;
        self.put_behind(index, address);
        Ok(index)
    }

    fn put_behind(&mut self, index: usize, address: IpAddr) {
        if let Some(machine) = self.machines.get_mut(index).filter(|machine| !machine.holds(address)) {
            machine.remote.push(address);
        }
    }

    fn machine(&mut self, link: &str, address: IpAddr) -> Result<usize, Obstacle> {
        let found = self.host.link(link).ok_or_else(|| format!("the file has no link {link}"))?;
        self.machine_at(found, address)
    }

    /// The machine with an address on the network of a link, which is made where there is none.
    fn machine_at(&mut self, link: &Link, address: IpAddr) -> Result<usize, Obstacle> {
        let upper = layer3(self.host, link);
        let known = |machine: &Machine| machine.link == upper.name && machine.holds(address);
        if let Some(index) = self.machines.iter().position(known) {
            return Ok(index);
        }
        let sockets = self.sockets(link, 0)?;
        let turn = self.spread.entry(upper.name.clone()).or_default();
        let socket = sockets.get(*turn % sockets.len().max(1)).cloned();
        *turn += 1;
        let length = match network_of(upper, address) {
            Some(network) => network.length,
            None if is_link_local(address) && address.is_ipv6() => 64,
            None => maximum_length(address),
        };
        let socket =
            socket.ok_or_else(|| format!("{} has no port that somebody could be plugged into", link.name))?;
        let address = Prefix { address, length };
        self.machines.push(Machine { link: upper.name.clone(), socket, address, remote: Vec::new() });
        Ok(self.machines.len() - 1)
    }

    /// Where a machine behind a link can be plugged in.
    fn sockets(&self, link: &Link, depth: usize) -> Result<Vec<Socket>, Obstacle> {
        if depth > DEPTH {
            return Err(format!("{} lies on too many other links", link.name));
        }
        let on = |name: &str| match self.host.link(name) {
            Some(lower) => self.sockets(lower, depth + 1),
            None => Err(format!("the file has no link {name}")),
        };
        match &link.kind {
            None => match self.cards.get(&link.name) {
                Some(&switch) => Ok(vec![Socket { switch, tags: Vec::new() }]),
                None => Err(format!("{} is one end of a cable whose other end is the host's too", link.name)),
            },
            Some(LinkKind::Bridge(_) | LinkKind::Vrf(_)) => {
                let mut all = Vec::new();
                for port in ports(self.host, link) {
                    all.extend(self.sockets(port, depth + 1)?);
                }
                Ok(all)
            }
            Some(LinkKind::Bond(_)) => {
                let mut all = Vec::new();
                for port in ports(self.host, link).take(1) {
                    all.extend(self.sockets(port, depth + 1)?);
                }
                Ok(all)
            }
            Some(LinkKind::Vlan(vlan)) => {
                let tag = Tag { id: vlan.id, protocol: vlan.protocol };
                let mut all = on(&vlan.parent)?;
                all.iter_mut().for_each(|socket| socket.tags.push(tag));
                Ok(all)
            }
            Some(LinkKind::MacVlan(upper) | LinkKind::MacVtap(upper)) => on(&upper.parent),
            Some(LinkKind::IpVlan(upper)) => on(&upper.parent),
            Some(kind) => {
                Err(format!("nobody can be simulated behind {}, a link of kind {}", link.name, kind.name()))
            }
        }
    }
}

/// Plugs in everybody that the flows speak of; the obstacles by the flow's number.
pub(crate) fn populate(topology: &mut Topology<'_>) -> HashMap<usize, Obstacle> {
    let host = topology.host;
    let mut obstacles = HashMap::new();
    for (index, flow) in host.flows.iter().enumerate() {
        let sender = match &flow.from {
            FlowSource::Host(_) => Ok(()),
            FlowSource::Behind { link, address } => topology.sender(link, *address).map(drop),
        };
        let receivers = match flow.arrival() {
            own if is_own(host, own) => Ok(()),
            arrival => topology.receivers(arrival).map(drop),
        };
        if let Err(obstacle) = sender.and(receivers) {
            obstacles.insert(index, obstacle);
        }
    }
    obstacles
}

/// Whether packets to an address end at the host.
pub(crate) fn is_own(host: &Host, address: IpAddr) -> bool {
    host.has_address(address) || address.is_loopback()
}

pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether a link is taken as given, so that a card must be simulated for it.
fn is_card(host: &Host, link: &Link) -> bool {
    let peer_of = |other: &Link| matches!(&other.kind, Some(LinkKind::Veth(veth)) if veth.peer == link.name);
    link.kind.is_none() && link.name != "lo" && !host.links.iter().any(peer_of)
}

/// The link that a link is a port of.
fn master<'h>(host: &'h Host, link: &Link) -> Option<&'h Link> {
    let named = link.master.as_deref().and_then(|name| host.link(name));
    named.or_else(|| host.links.iter().find(|other| other.ports().contains(&link.name)))
}

fn ports<'h>(host: &'h Host, link: &'h Link) -> impl Iterator<Item = &'h Link> {
    host.links.iter().filter(move |port| master(host, port).is_some_and(|master| master.name == link.name))
}

/// The link that has the addresses: the bridge or bond that a link is a port of, or itself.
pub(crate) fn layer3<'h>(host: &'h Host, link: &'h Link) -> &'h Link {
    let mut link = link;
    for _ in 0..DEPTH {
        match master(host, link) {
            Some(upper) if matches!(upper.kind, Some(LinkKind::Bridge(_) | LinkKind::Bond(_))) => {
                link = upper
            }
            _ => break,
        }
    }
    link
}

fn network_of(link: &Link, address: IpAddr) -> Option<Prefix> {
    link.networks().filter(|network| network.contains(address)).max_by_key(|network| network.length)
}

fn plus(address: IpAddr, offset: u128) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(u32::from(address).wrapping_add(offset as u32).into()),
        IpAddr::V6(address) => IpAddr::V6(u128::from(address).wrapping_add(offset).into()),
    }
}

/// The ways of a route by device and gateway.
fn hops<'h>(host: &'h Host, route: &'h Route) -> impl Iterator<Item = (&'h str, Option<IpAddr>)> {
    let hops = route.hops().filter(|_| route.kind == RouteType::Unicast);
    hops.filter_map(|(dev, via)| host.route_device(dev, via).map(|dev| (dev, via)))
}

#[cfg(test)]
mod tests;
