//! From what a flow names to single packets: the lists, ranges and networks of a flow, multiplied.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_route::Prefix;
use netwright_route::prefix::maximum_length;
use netwright_state::model::{
    Addresses, Endpoint, Flow, FlowSource, FlowStep, FlowTarget, Host, IcmpProbe, Link, PortRange,
    ProbeProtocol,
};

use crate::constants::{Constants, is_usable};
use crate::packet::protocol;
use crate::shot::What;
use crate::topology::{Obstacle, is_broadcast, is_link_local, layer3, network_of, plus};

/// Where a packet comes from: a link, and the address; or the host, perhaps with an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Whence {
    Behind(String, IpAddr),
    Host(Option<IpAddr>),
}

impl Whence {
    /// Whether the sender has no address that could be answered.
    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self, Whence::Behind(_, address) if address.is_unspecified())
    }
}

/// A packet: from where, to where, and what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ray {
    pub(crate) from: Whence,
    pub(crate) to: IpAddr,
    /// The port of a bridge that the destination is behind, where that is said.
    pub(crate) behind: Option<String>,
    pub(crate) what: What,
    /// 0 is any.
    pub(crate) source_port: u16,
}

/// A destination, and the port of a bridge that it is behind, where that is said.
type Target = (IpAddr, Option<String>);

/// What is sent, still for both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp(u16),
    Udp(u16),
    Icmp(IcmpProbe),
    Other(u8),
}

/// What a flow or step names.
#[derive(Clone, Debug)]
pub(crate) struct Named<'f> {
    pub(crate) from: &'f [FlowSource],
    pub(crate) to: &'f [FlowTarget],
    pub(crate) tcp: &'f [PortRange],
    pub(crate) udp: &'f [PortRange],
    pub(crate) icmp: &'f [IcmpProbe],
    pub(crate) protocol: &'f [ProbeProtocol],
    pub(crate) source_port: &'f [PortRange],
    pub(crate) flags: Option<u8>,
}

impl<'f> Named<'f> {
    pub(crate) fn by(flow: &'f Flow) -> Self {
        Named {
            from: &flow.from,
            to: &flow.to,
            tcp: &flow.tcp,
            udp: &flow.udp,
            icmp: &flow.icmp,
            protocol: &flow.protocol,
            source_port: &flow.source_port,
            flags: flow.flags.map(|flags| flags.0),
        }
    }

    /// What a step names, and what it takes from its flow.
    pub(crate) fn by_step(step: &'f FlowStep, flow: &'f Flow) -> Self {
        let outer = Named::by(flow);
        let sends =
            !(step.tcp.is_empty() && step.udp.is_empty() && step.icmp.is_empty() && step.protocol.is_empty());
        let own = Named {
            tcp: &step.tcp,
            udp: &step.udp,
            icmp: &step.icmp,
            protocol: &step.protocol,
            flags: None,
            ..outer.clone()
        };
        let mut named = if sends { own } else { outer };
        if !step.from.is_empty() {
            named.from = &step.from;
        }
        if !step.to.is_empty() {
            named.to = &step.to;
        }
        if !step.source_port.is_empty() {
            named.source_port = &step.source_port;
        }
        named.flags = step.flags.map(|flags| flags.0).or(named.flags);
        named
    }

    /// Whether it names something of which that holds.
    pub(crate) fn has(&self, holds: impl Fn(Kind) -> bool) -> bool {
        let ports = |ranges: &[PortRange], kind: fn(u16) -> Kind| {
            ranges.iter().cloned().flatten().any(|port| holds(kind(port)))
        };
        ports(self.tcp, Kind::Tcp)
            || ports(self.udp, Kind::Udp)
            || self.icmp.iter().any(|probe| holds(Kind::Icmp(*probe)))
            || self.protocol.iter().any(|number| holds(Kind::Other(number.0)))
    }

    fn kinds(&self) -> Vec<Kind> {
        let ports = |ranges: &[PortRange]| ranges.iter().cloned().flatten().collect::<Vec<u16>>();
        let tcp = ports(self.tcp).into_iter().map(Kind::Tcp);
        let udp = ports(self.udp).into_iter().map(Kind::Udp);
        let icmp = self.icmp.iter().copied().map(Kind::Icmp);
        tcp.chain(udp).chain(icmp).chain(self.protocol.iter().map(|number| Kind::Other(number.0))).collect()
    }
}

/// So many packets of one flow are sent at the most.
pub(crate) const MOST: usize = 1 << 20;
/// Of a network with so few addresses all are tried.
const FEW: u128 = 16;

/// What addresses stand for, on a host with a ruleset.
pub(crate) struct Matrix<'a> {
    pub(crate) host: &'a Host,
    pub(crate) constants: &'a Constants,
}

impl Matrix<'_> {
    /// The packets that are named, in order.
    pub(crate) fn rays(&self, named: &Named<'_>) -> Result<Vec<Ray>, Obstacle> {
        let kinds = named.kinds();
        if kinds.is_empty() {
            return Err("it says nothing to send".into());
        }
        let ports: Vec<u16> = match named.source_port {
            [] => vec![0],
            ranges => ranges.iter().cloned().flatten().collect(),
        };
        let mut pairs = Vec::new();
        for from in named.from {
            for ipv4 in [true, false] {
                for whence in self.senders(from, ipv4, named.to)? {
                    for to in named.to {
                        pairs.extend(
                            self.targets(to, &whence, ipv4)?.into_iter().map(|to| (whence.clone(), to)),
                        );
                    }
                }
            }
        }
        let count = pairs.len().saturating_mul(kinds.len()).saturating_mul(ports.len());
        if count > MOST {
            return Err(format!("it names {count} packets, and {MOST} are sent at the most"));
        }
        let mut rays = Vec::with_capacity(count);
        for (from, (to, behind)) in pairs {
            for kind in &kinds {
                let Some(what) = what(*kind, to, named.flags) else { continue };
                for &source_port in &ports {
                    let (from, behind) = (from.clone(), behind.clone());
                    rays.push(Ray { from, to, behind, what, source_port });
                }
            }
        }
        match rays.is_empty() {
            true => Err("no sender and destination that it names are of the same family".into()),
            false => Ok(rays),
        }
    }

    /// Who is meant by a sender, of one family.
    pub(crate) fn senders(
        &self,
        from: &FlowSource,
        ipv4: bool,
        to: &[FlowTarget],
    ) -> Result<Vec<Whence>, Obstacle> {
        match from {
            FlowSource::Host(Some(address)) => {
                Ok((address.is_ipv4() == ipv4).then_some(Whence::Host(Some(*address))).into_iter().collect())
            }
            FlowSource::Host(None) => Ok(vec![Whence::Host(None)]),
            FlowSource::Behind { link, addresses } => {
                if addresses.is_ipv4().is_some_and(|of| of != ipv4) || !wants(to, ipv4) {
                    return Ok(Vec::new());
                }
                let found = self.host.link(link).ok_or_else(|| format!("the file has no link {link}"))?;
                if let Addresses::Any = addresses {
                    return Ok(self.anybody(found, ipv4));
                }
                // who names a single one may well mean somebody who pretends to have it
                let single = matches!(addresses, Addresses::One(_));
                let own = |address: &IpAddr| self.host.has_address(*address);
                let all = self.among(*addresses).into_iter().filter(|address| single || !own(address));
                Ok(all.map(|address| Whence::Behind(found.name.clone(), address)).collect())
            }
        }
    }

    /// Addresses that stand for several: all of few, else the ends and what the ruleset makes a difference of.
    fn among(&self, addresses: Addresses) -> Vec<IpAddr> {
        let (first, last) = match addresses {
            Addresses::Any => return Vec::new(),
            Addresses::One(address) => return vec![address],
            Addresses::Range(first, last) => (first, last),
            Addresses::Network(network) => ends(network),
        };
        let inside = |address: &IpAddr| (first..=last).contains(address);
        if distance(first, last) < FEW {
            return (0..=distance(first, last)).map(|offset| plus(first, offset)).collect();
        }
        let mut found: BTreeSet<IpAddr> = [first, last].into();
        if let Addresses::Network(network) = addresses
            && network.length < maximum_length(first) - 1
            && !is_far(self.host, network)
        {
            // the first and last addresses of a network that the host is on are nobody's
            found = [plus(first, 1), if first.is_ipv4() { plus(last, u128::MAX) } else { last }].into();
        }
        found.extend(self.constants.address_bounds(first.is_ipv4()).into_iter().filter(inside));
        found.into_iter().filter(|address| is_usable(*address)).collect()
    }

    /// Who may send from behind a link: neighbours, and if it leads further, people from afar.
    fn anybody(&self, link: &Link, ipv4: bool) -> Vec<Whence> {
        let host = self.host;
        let upper = layer3(host, link);
        let mut found: Vec<(String, IpAddr)> = Vec::new();
        for network in upper.networks().filter(|network| network.address.is_ipv4() == ipv4) {
            if !is_link_local(network.address) {
                found.extend(
                    self.among(Addresses::Network(network))
                        .into_iter()
                        .map(|address| (link.name.clone(), address)),
                );
            }
        }
        // each port has its machines
        let free = found.first().map(|(_, first)| *first);
        for (number, port) in host.links.iter().filter(|port| is_port(host, port, upper)).enumerate() {
            if let Some(first) = free.filter(|_| [&upper.name, &port.name].contains(&&link.name)) {
                found.push((port.name.clone(), plus(first, 2 + number as u128)));
            }
        }
        let leads = |address: IpAddr| self.is_reached_by(upper, address);
        let strangers = STRANGERS.iter().filter_map(|text| text.parse().ok());
        let stranger = strangers
            .filter(|address: &IpAddr| address.is_ipv4() == ipv4 && leads(*address))
            .find(|address| {
                !self
                    .constants
                    .addresses
                    .iter()
                    .any(|(first, last)| first.is_ipv4() == ipv4 && (*first..=*last).contains(address))
            });
        found.extend(stranger.map(|address| (link.name.clone(), address)));
        let bases: Vec<IpAddr> = upper
            .networks()
            .map(|network| plus(network.network().address, 1))
            .chain(STRANGERS.iter().filter_map(|text| text.parse().ok()))
            .collect();
        let parts = self
            .constants
            .masked
            .iter()
            .flat_map(|masked| bases.iter().filter_map(|base| masked.in_place_of(*base)))
            .filter(|address| address.is_ipv4() == ipv4);
        for address in self.constants.address_bounds(ipv4).into_iter().chain(parts) {
            if leads(address) || network_of(upper, address).is_some() {
                found.push((link.name.clone(), address));
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|(port, address)| {
            !host.has_address(*address)
                && is_usable(*address)
                && !is_broadcast(upper, *address)
                && !upper.networks().any(|network| is_first(network, *address))
                && seen.insert((port.clone(), *address))
        });
        found.into_iter().map(|(port, address)| Whence::Behind(port, address)).collect()
    }

    /// Whether the host's own routes lead to an address that is far by way of a link, in whichever table.
    fn is_reached_by(&self, link: &Link, address: IpAddr) -> bool {
        let host = self.host;
        if host.connected(address).is_some() {
            return false;
        }
        let routes = host.routes.iter().filter(|route| route.destination().contains(address));
        routes
            .flat_map(|route| route.hops())
            .any(|(dev, via)| host.route_device(dev, via) == Some(&link.name))
    }

    /// Where a sender sends to, of one family; and behind which port of a bridge that is, where that is said.
    pub(crate) fn targets(
        &self,
        to: &FlowTarget,
        from: &Whence,
        ipv4: bool,
    ) -> Result<Vec<Target>, Obstacle> {
        if let Whence::Host(Some(address)) | Whence::Behind(_, address) = from
            && address.is_ipv4() != ipv4
        {
            return Ok(Vec::new());
        }
        let FlowTarget::At { link, addresses } = to else {
            return Ok(self.nearest(from, ipv4).map(|own| (own, None)).into_iter().collect());
        };
        if addresses.is_ipv4().is_some_and(|of| of != ipv4) {
            return Ok(Vec::new());
        }
        let found = match link {
            Some(link) => Some(self.host.link(link).ok_or_else(|| format!("the file has no link {link}"))?),
            None => None,
        };
        let behind =
            |link: &Link| Some(link.name.clone()).filter(|name| layer3(self.host, link).name != *name);
        match (found, addresses) {
            (None, Addresses::Any) => Ok(Vec::new()),
            (Some(link), Addresses::Any) => {
                let sender = match from {
                    Whence::Behind(_, address) => Some(*address),
                    Whence::Host(_) => None,
                };
                let mut all = BTreeMap::new();
                for whence in self.anybody(link, ipv4) {
                    if let Whence::Behind(port, address) = whence
                        && Some(address) != sender
                    {
                        all.entry(address).or_insert_with(|| self.host.link(&port).and_then(behind));
                    }
                }
                Ok(all.into_iter().collect())
            }
            (link, _) => {
                let behind = link.and_then(behind);
                Ok(self.among(*addresses).into_iter().map(|address| (address, behind.clone())).collect())
            }
        }
    }

    /// The host's address that a sender would use.
    pub(crate) fn nearest(&self, from: &Whence, ipv4: bool) -> Option<IpAddr> {
        let host = self.host;
        let all =
            host.links.iter().flat_map(|link| link.addresses.iter().map(move |own| (link, own.address)));
        let mut own: Vec<_> = all.filter(|(_, own)| own.address.is_ipv4() == ipv4).collect();
        own.sort_by_key(|(_, own)| is_link_local(own.address));
        let Whence::Behind(link, address) = from else { return own.first().map(|(_, own)| own.address) };
        let upper = host.link(link).map(|link| layer3(host, link).name.as_str());
        let there = || own.iter().filter(|(link, _)| Some(link.name.as_str()) == upper);
        let near = there().find(|(_, own)| own.network().contains(*address));
        near.or_else(|| there().next()).or_else(|| own.first()).map(|(_, own)| own.address)
    }
}

/// Addresses from afar, for those of whom nothing is said.
const STRANGERS: [&str; 16] = [
    "198.51.100.77",
    "203.0.113.177",
    "192.0.2.177",
    "9.9.9.9",
    "8.8.4.4",
    "1.0.0.1",
    "100.64.1.1",
    "45.33.32.156",
    "2001:db8:ffff:ffff::77",
    "2001:db8:eeee::77",
    "2001:4860:4860::8844",
    "2620:fe::9",
    "2606:4700:4700::1001",
    "2a00:1450::77",
    "2400:cb00::77",
    "fd12:3456:789a::77",
];

fn what(kind: Kind, to: IpAddr, flags: Option<u8>) -> Option<What> {
    Some(match kind {
        Kind::Tcp(port) => match flags {
            Some(flags) => What::Segment { port, flags },
            None => What::Tcp(port),
        },
        Kind::Udp(port) => What::Udp(port),
        Kind::Icmp(probe) => {
            let (kind, code) = probe.numbers(to.is_ipv6())?;
            What::Icmp { kind, code }
        }
        Kind::Other(protocol::ICMP) if to.is_ipv4() => What::Icmp { kind: 8, code: 0 },
        Kind::Other(protocol::ICMPV6) if to.is_ipv6() => What::Icmp { kind: 128, code: 0 },
        Kind::Other(number) => What::Raw(number),
    })
}

/// Whether somebody is meant of that family.
fn wants(to: &[FlowTarget], ipv4: bool) -> bool {
    to.iter().any(|to| match to {
        FlowTarget::Host => true,
        FlowTarget::At { addresses, .. } => addresses.is_ipv4().is_none_or(|of| of == ipv4),
    })
}

fn is_port(host: &Host, port: &Link, bridge: &Link) -> bool {
    port.name != bridge.name && layer3(host, port).name == bridge.name
}

/// Whether an address is the first one of a network, which is nobody's.
pub(crate) fn is_first(network: Prefix, address: IpAddr) -> bool {
    network.length < maximum_length(network.address) - 1 && network.network().address == address
}

fn is_far(host: &Host, network: Prefix) -> bool {
    !host.links.iter().flat_map(Link::networks).any(|own| own == network)
}

/// The first and the last address of a network.
pub(crate) fn ends(network: Prefix) -> (IpAddr, IpAddr) {
    let first = network.network().address;
    let host = u32::from(maximum_length(first).saturating_sub(network.length));
    let last = match first {
        IpAddr::V4(first) => {
            IpAddr::V4(Ipv4Addr::from(u32::from(first) | u32::MAX.checked_shr(32 - host).unwrap_or(0)))
        }
        IpAddr::V6(first) => {
            IpAddr::V6(Ipv6Addr::from(u128::from(first) | u128::MAX.checked_shr(128 - host).unwrap_or(0)))
        }
    };
    (first, last)
}

/// How many addresses an address is behind another.
pub(crate) fn distance(first: IpAddr, last: IpAddr) -> u128 {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => u128::from(address),
    };
    number(last).saturating_sub(number(first))
}

/// Whether an end is where it is expected.
pub(crate) fn is_at(expected: Endpoint, seen: std::net::SocketAddr) -> bool {
    expected.address == seen.ip() && expected.port.is_none_or(|port| port == seen.port())
}

#[cfg(test)]
mod tests;
