//! Who stands where: the cards of the host, and the machines that its file speaks of behind them. Nothing here does IO.
//!
//! Nobody has to be set up: whoever the host looks for on a link is there and answers, as long as the address belongs to
//! that place. So what is decided here is only where an address belongs.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use netwright_route::Prefix;
use netwright_route::prefix::maximum_length;
use netwright_state::model::{Host, Link, LinkKind, Route, RouteType, VlanProtocol};

use crate::frame::{Mac, Tag, ether};

/// Where somebody is plugged in: one of the host's cards, and the tags that its frames have there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// Index of the card.
    pub(crate) card: usize,
    /// From the outermost to the innermost.
    pub(crate) tags: Vec<Tag>,
}

/// Who sends: a machine, and the address that it sends from, which need not be its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The host's link that has the addresses there.
    pub(crate) link: String,
    /// Where it is plugged in; where a bond has several cards, any of them.
    pub(crate) spots: Vec<Spot>,
    /// The machine: the sender itself, or the router that the sender is behind.
    pub(crate) station: IpAddr,
    pub(crate) mac: Mac,
}

/// Why somebody cannot be simulated, as a sentence without a full stop.
pub(crate) type Obstacle = String;

/// All that is simulated.
#[derive(Debug)]
pub(crate) struct Topology<'h> {
    pub(crate) host: &'h Host,
    /// The cards' names: the host's links that its file takes as given.
    pub(crate) cards: Vec<String>,
    /// The port of a bridge that an address is behind, where the file says so.
    ports: HashMap<(String, IpAddr), String>,
    /// Hardware addresses that the file gives to neighbours.
    macs: HashMap<(String, IpAddr), Mac>,
}

/// Links lie on links at most this deep.
pub(crate) const DEPTH: usize = 8;

impl<'h> Topology<'h> {
    /// The cards of a host, and nobody.
    pub(crate) fn new(host: &'h Host) -> Self {
        let cards = host.links.iter().filter(|link| is_card(host, link)).map(|link| link.name.clone());
        let neighbours = host.neighbours.iter().filter_map(|neighbour| {
            let link = layer3(host, host.link(&neighbour.dev)?);
            Some(((link.name.clone(), neighbour.address), Mac(neighbour.mac?.0)))
        });
        Topology { host, cards: cards.collect(), ports: HashMap::new(), macs: neighbours.collect() }
    }

    /// Notes that an address is behind a port of a bridge, unless it is known to be behind another.
    pub(crate) fn settle(&mut self, port: &str, address: IpAddr) {
        let Some(link) = self.host.link(port) else { return };
        let upper = layer3(self.host, link);
        if upper.name != link.name && network_of(upper, address).is_some() {
            self.ports.entry((upper.name.clone(), address)).or_insert_with(|| link.name.clone());
        }
    }

    /// The machine that sends from an address behind a link.
    pub(crate) fn sender(&self, link: &str, address: IpAddr) -> Result<Sender, Obstacle> {
        let found = self.host.link(link).ok_or_else(|| format!("the file has no link {link}"))?;
        let upper = layer3(self.host, found);
        let spots = match found.name == upper.name {
            true => self.places(upper, address, None)?,
            false => self.spots(found, 0)?,
        };
        if spots.is_empty() {
            return Err(format!("{} has no port that somebody could be plugged into", found.name));
        }
        // who only pretends to have an address of the host is somebody else
        let station = match self.host.has_address(address) {
            true => self.router(upper, address).unwrap_or(address),
            false => self.station(upper, address),
        };
        let mac = self.mac(&upper.name, station);
        Ok(Sender { link: upper.name.clone(), spots, station, mac })
    }

    /// The machine on a link that sends for an address behind it: its own, or the router's that it is behind.
    pub(crate) fn station(&self, link: &Link, address: IpAddr) -> IpAddr {
        match self.is_near(link, address) {
            true => address,
            false => self.router(link, address).unwrap_or(address),
        }
    }

    /// Whether an address is on a network of a link, so that no router is needed there.
    pub(crate) fn is_near(&self, link: &Link, address: IpAddr) -> bool {
        is_link_local(address)
            || address.is_unspecified()
            || network_of(link, address).is_some()
            // nobody knows which networks a bridge without addresses has
            || is_bridge(link) && link.networks().all(|network| network.address.is_ipv4() != address.is_ipv4())
    }

    /// The router behind a link by which an address is reached: the next hop of the host's own route to it, else of any
    /// route there, else somebody whom the file does not name.
    fn router(&self, link: &Link, address: IpAddr) -> Option<IpAddr> {
        let host = self.host;
        let via =
            |route: &'h Route| hops(host, route).filter_map(|(dev, via)| (dev == link.name).then_some(via?));
        let same = |gateway: &IpAddr| gateway.is_ipv4() == address.is_ipv4();
        let matching = host.routes.iter().filter(|route| route.destination().contains(address));
        let best = matching.flat_map(|route| via(route).map(|hop| (route.destination().length, hop)));
        let best = best.max_by_key(|(length, _)| *length).map(|(_, hop)| hop);
        let any = || host.routes.iter().flat_map(via).find(same);
        best.or_else(any).or_else(|| self.free_address(link, address.is_ipv4()))
    }

    /// An address on a network of a link that nobody has: the last one that the file does not name.
    fn free_address(&self, link: &Link, ipv4: bool) -> Option<IpAddr> {
        let network = link.networks().find(|network| network.address.is_ipv4() == ipv4)?;
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
        self.host.has_address(address)
            || self.host.flows.iter().any(|flow| flow.addresses().any(|named| named == address))
    }

    /// The hardware address that a machine has.
    pub(crate) fn mac(&self, link: &str, address: IpAddr) -> Mac {
        if let Some(mac) = self.macs.get(&(link.to_owned(), address)) {
            return *mac;
        }
        let mut hasher = DefaultHasher::new();
        (link, address).hash(&mut hasher);
        let [a, b, c, d, e, ..] = hasher.finish().to_be_bytes();
        // administered by ourselves
        Mac([0x02, a, b, c, d, e])
    }

    /// Where an address on a link is plugged in: where the file says, else behind the first port, else, as seen from
    /// somebody behind a port, behind the first other one.
    pub(crate) fn places(
        &self,
        link: &Link,
        address: IpAddr,
        seen_from: Option<(&[Spot], IpAddr)>,
    ) -> Result<Vec<Spot>, Obstacle> {
        if let Some((spots, sender)) = seen_from
            && sender == address
        {
            return Ok(spots.to_vec());
        }
        if let Some(port) = self.ports.get(&(link.name.clone(), address)) {
            let port = self.host.link(port).ok_or_else(|| format!("the file has no link {port}"))?;
            return self.spots(port, 0);
        }
        let all = self.spots(link, 0)?;
        if !is_bridge(link) {
            return Ok(all);
        }
        let taken = |spot: &&Spot| seen_from.is_some_and(|(spots, _)| spots.contains(spot));
        let first = all.iter().find(|spot| !taken(spot)).or_else(|| all.first());
        Ok(first.into_iter().cloned().collect())
    }

    /// The links with addresses that somebody at a spot sees: one and the same card may carry several.
    pub(crate) fn links_at(&self, spot: &Spot) -> impl Iterator<Item = &'h Link> {
        let host = self.host;
        let uppers = host.links.iter().filter(move |link| layer3(host, link).name == link.name);
        uppers.filter(move |link| self.spots(link, 0).is_ok_and(|spots| spots.contains(spot)))
    }

    /// The link that somebody at a spot with an address sees.
    pub(crate) fn link_at(&self, spot: &Spot, address: IpAddr) -> Option<&'h Link> {
        let near = self.links_at(spot).find(|link| network_of(link, address).is_some());
        near.or_else(|| self.links_at(spot).next())
    }

    /// The link by whose name people know a spot: the port of a bridge, or the link itself.
    pub(crate) fn name_at(&self, spot: &Spot) -> String {
        let port = self.cards.get(spot.card).filter(|_| spot.tags.is_empty());
        let known = port.or_else(|| self.links_at(spot).next().map(|link| &link.name));
        known.cloned().unwrap_or_else(|| self.cards.get(spot.card).cloned().unwrap_or_default())
    }

    /// Where machines behind a link can be plugged in.
    pub(crate) fn spots(&self, link: &Link, depth: usize) -> Result<Vec<Spot>, Obstacle> {
        if depth > DEPTH {
            return Err(format!("{} lies on too many other links", link.name));
        }
        let on = |name: &str| match self.host.link(name) {
            Some(lower) => self.spots(lower, depth + 1),
            None => Err(format!("the file has no link {name}")),
        };
        match &link.kind {
            None => match self.cards.iter().position(|card| *card == link.name) {
                Some(card) => Ok(vec![Spot { card, tags: Vec::new() }]),
                None if link.name == "lo" => Err("nobody is behind the loopback link".into()),
                None => Err(format!("{} is one end of a cable whose other end is the host's too", link.name)),
            },
            Some(LinkKind::Bridge(_) | LinkKind::Bond(_) | LinkKind::Vrf(_)) => {
                let mut all = Vec::new();
                for port in ports(self.host, link) {
                    all.extend(self.spots(port, depth + 1)?);
                }
                Ok(all)
            }
            Some(LinkKind::Vlan(vlan)) => {
                let kind = match vlan.protocol {
                    Some(VlanProtocol::Dot1ad) => ether::DOT1AD,
                    Some(VlanProtocol::Dot1q) | None => ether::DOT1Q,
                };
                let mut all = on(&vlan.parent)?;
                all.iter_mut().for_each(|spot| spot.tags.push(Tag { kind, id: vlan.id }));
                Ok(all)
            }
            Some(LinkKind::MacVlan(upper) | LinkKind::MacVtap(upper)) => on(&upper.parent),
            Some(LinkKind::IpVlan(upper)) => on(&upper.parent),
            Some(kind) => {
                Err(format!("nobody can be simulated behind {}, a link of kind {}", link.name, kind.name()))
            }
        }
    }

    /// The address of the host that machines behind a link take for their router.
    pub(crate) fn gateway(
        own: &BTreeMap<String, Vec<Prefix>>,
        link: &str,
        station: IpAddr,
    ) -> Option<IpAddr> {
        let all = own.get(link)?;
        let fits = |own: &&Prefix| own.address.is_ipv4() == station.is_ipv4();
        let near = |own: &&Prefix| own.network().contains(station);
        let candidates = || all.iter().filter(fits);
        let global = || candidates().find(|own| !is_link_local(own.address));
        let found = candidates().find(near).or_else(global).or_else(|| candidates().next());
        found.map(|own| own.address)
    }
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

/// The link-local address that belongs to a hardware address (RFC 4291, appendix A).
pub(crate) fn link_local(Mac([a, b, c, d, e, f]): Mac) -> Ipv6Addr {
    let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(0xfe80, 0, 0, 0, pair(a ^ 2, b), pair(c, 0xff), pair(0xfe, d), pair(e, f))
}

/// Whether an address is the one of all machines on a network of a link.
pub(crate) fn is_broadcast(link: &Link, address: IpAddr) -> bool {
    let IpAddr::V4(v4) = address else { return false };
    v4.is_broadcast()
        || link.networks().any(|network| match network.network().address {
            IpAddr::V4(first) if network.length < 31 => {
                u32::from(first) | (u32::MAX >> network.length) == u32::from(v4)
            }
            _ => false,
        })
}

pub(crate) fn is_bridge(link: &Link) -> bool {
    matches!(link.kind, Some(LinkKind::Bridge(_)))
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

pub(crate) fn network_of(link: &Link, address: IpAddr) -> Option<Prefix> {
    link.networks().filter(|network| network.contains(address)).max_by_key(|network| network.length)
}

pub(crate) fn plus(address: IpAddr, offset: u128) -> IpAddr {
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
