//! Between whom packets are swept, and which: everything between a few, and between all at whom a ruleset makes a difference
//! what it makes a difference of.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_route::Prefix;
use netwright_state::model::{Addresses, Flow, FlowSource, FlowTarget, Link};

use crate::cases::Cases;
use crate::constants::{Constants, is_usable};
use crate::frame::Mac;
use crate::matrix::{Matrix, Ray, Whence, ends};
use crate::packet::{icmp, protocol};
use crate::shape::{Feature, Shape};
use crate::shot::{Shot, What};
use crate::sweep::Probe;
use crate::topology::{Obstacle, is_link_local, is_own, layer3};

/// A sender and a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) from: Whence,
    pub(crate) to: IpAddr,
    /// The port of a bridge that the destination is behind, where that is said.
    pub(crate) behind: Option<String>,
    /// The link whose machines are meant, where it is not the destination itself; the host where there is none.
    pub(crate) through: Option<String>,
    /// The same for all that were named by the same words, and are of the same family.
    words: (usize, usize, bool),
    /// How much of the ruleset speaks of these two.
    spoken: usize,
    /// Whether no route leads to the sender's address where it sends from.
    pub(crate) feigned: bool,
    pub(crate) end: End,
}

/// Whose a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    /// One of the host's addresses.
    Host,
    /// One of its addresses on a single network, that the file need not name.
    Nearby,
    /// All machines on a network, or a group of them: the host is among them.
    Group,
    /// Somebody else than packets to it get to, as rules translate it.
    Through,
    Other,
}

impl End {
    pub(crate) fn is_host(self) -> bool {
        !matches!(self, End::Other | End::Through)
    }
}

impl Lane {
    /// The same for all senders that were named by the same words, with the same destination.
    pub(crate) fn towards(&self) -> ((usize, usize, bool), IpAddr) {
        (self.words, self.to)
    }

    /// The words that it was named by, and the sender, where that matters.
    pub(crate) fn sender(&self, matters: bool) -> ((usize, usize, bool), Option<&Whence>) {
        (self.words, Some(&self.from).filter(|_| matters))
    }

    /// The address that is sent from, where it is known.
    pub(crate) fn source(&self) -> Option<IpAddr> {
        match self.from {
            Whence::Behind(_, address) => Some(address),
            Whence::Host(address) => address,
        }
    }

    pub(crate) fn ray(&self, probe: &Probe) -> Ray {
        Ray {
            from: self.from.clone(),
            to: self.to,
            behind: self.behind.clone(),
            what: probe.what,
            source_port: if probe.source_port == ANY { 0 } else { probe.source_port },
        }
    }
}

impl Probe {
    /// Whether it gets through, where it does, perhaps because of more than from and to whom it is and what.
    pub(crate) fn is_special(&self) -> bool {
        self.mac.is_some() || self.shape != Shape::ORDINARY || !matches!(self.source_port, ANY | OTHER)
    }
}

/// The source port where any will do: one of those that Linux chooses from.
pub(crate) const ANY: u16 = 40_000;
/// The one of segments that do not open a connection, which must not belong to one that another has opened.
pub(crate) const OTHER: u16 = 40_001;
/// A neighbour with the address that it has made for itself.
const NEIGHBOUR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x7e57);
/// All machines on a network (RFC 4291).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// So many senders with a destination are tried at the most.
const MOST: usize = 1 << 14;

/// A destination, the port of a bridge that it is behind where that is said, and whose it is.
type Target = (IpAddr, Option<String>, End);

/// Where lanes are.
pub(crate) struct Lanes<'a, 'h> {
    pub(crate) cases: &'a Cases<'a, 'h>,
    /// The addresses that the host has on each link.
    pub(crate) own: &'a BTreeMap<String, Vec<Prefix>>,
    /// Addresses that rules translate to others.
    pub(crate) translated: &'a BTreeSet<IpAddr>,
}

impl Lanes<'_, '_> {
    /// All senders with all destinations that words stand for.
    pub(crate) fn between(&self, from: &[FlowSource], to: &[FlowTarget]) -> Result<Vec<Lane>, Obstacle> {
        let Cases { host, constants, .. } = *self.cases;
        let matrix = Matrix { host, constants };
        let mut lanes: Vec<Lane> = Vec::new();
        let mut known = HashSet::new();
        for (from_number, source) in from.iter().enumerate() {
            for ipv4 in [true, false] {
                let honest = matrix.senders(source, ipv4, to)?;
                let feigned = if honest.is_empty() { Vec::new() } else { self.feigned(source, ipv4) };
                let senders = honest.into_iter().map(|whence| (whence, false));
                let senders = senders.chain(feigned.into_iter().map(|whence| (whence, true)));
                let nearby = self.nearby(source, ipv4).map(|whence| (whence, false));
                for (whence, feigned) in senders.chain(nearby) {
                    if feigned && lanes.len() >= MOST {
                        break;
                    }
                    for (to_number, target) in to.iter().enumerate() {
                        let meant = self.targets(&matrix, target, &whence, ipv4)?;
                        let through = self.through(target, &whence, ipv4, &meant);
                        for (to, behind, end) in meant.into_iter().chain(through) {
                            let own = matches!(whence, Whence::Behind(_, address) if address == to);
                            let words = (from_number, to_number, ipv4);
                            if own && !feigned || !known.insert((words, whence.clone(), to)) {
                                continue;
                            }
                            let spoken = spoken(constants, &whence, to);
                            let through = match (end, target) {
                                (End::Through, FlowTarget::At { link, .. }) => link.clone(),
                                _ => None,
                            };
                            lanes.push(Lane {
                                from: whence.clone(),
                                to,
                                behind,
                                through,
                                words,
                                spoken,
                                feigned,
                                end,
                            });
                        }
                    }
                }
            }
        }
        match lanes.len() {
            0 => Err("no sender and destination that it names are of the same family".into()),
            count if count > MOST => {
                Err(format!("it names {count} senders with a destination, and {MOST} are tried at the most"))
            }
            _ => Ok(lanes),
        }
    }

    /// Senders that give themselves addresses which the ruleset compares sources with, whether or not a route leads back to
    /// them: who only sends need not be answered.
    fn feigned(&self, source: &FlowSource, ipv4: bool) -> Vec<Whence> {
        let FlowSource::Behind { link, addresses: Addresses::Any } = source else { return Vec::new() };
        let constants = self.cases.constants;
        let fits = constants.sources.iter().filter(|(first, _)| first.is_ipv4() == ipv4);
        let ends: BTreeSet<IpAddr> = fits.flat_map(|&(first, last)| [first, last]).collect();
        ends.into_iter()
            .filter(|address| is_usable(*address))
            .map(|address| Whence::Behind(link.clone(), address))
            .collect()
    }

    /// Who is on the network behind a link and has no address there but the one that it has made for itself, or none yet.
    fn nearby(&self, source: &FlowSource, ipv4: bool) -> impl Iterator<Item = Whence> {
        let found = match source {
            FlowSource::Behind { link, addresses: Addresses::Any } => {
                let address: [IpAddr; 2] = match ipv4 {
                    true => [Ipv4Addr::UNSPECIFIED.into(); 2],
                    false => [NEIGHBOUR.into(), Ipv6Addr::UNSPECIFIED.into()],
                };
                Some(address.into_iter().map(|address| Whence::Behind(link.clone(), address)))
            }
            _ => None,
        };
        found.into_iter().flatten()
    }

    /// What is sent to others and gets to whom words stand for all the same, as rules translate it.
    fn through(&self, target: &FlowTarget, from: &Whence, ipv4: bool, meant: &[Target]) -> Vec<Target> {
        let host = self.cases.host;
        let alone = matches!(from, Whence::Behind(_, address) if is_link_local(*address)) || from.is_nobody();
        let named = match target {
            _ if alone || self.translated.is_empty() => return Vec::new(),
            FlowTarget::Host => self.translated.clone(),
            FlowTarget::At { link: Some(_), addresses: Addresses::Any } => {
                let own = host.links.iter().flat_map(|link| &link.addresses).map(|own| own.address.address);
                self.translated.iter().copied().chain(own).collect()
            }
            FlowTarget::At { .. } => return Vec::new(),
        };
        let fits = |to: &IpAddr| {
            to.is_ipv4() == ipv4
                && is_usable(*to)
                && !is_link_local(*to)
                && !meant.iter().any(|(of, ..)| of == to)
        };
        named.into_iter().filter(fits).map(|to| (to, None, End::Through)).collect()
    }

    fn targets(
        &self,
        matrix: &Matrix<'_>,
        target: &FlowTarget,
        from: &Whence,
        ipv4: bool,
    ) -> Result<Vec<Target>, Obstacle> {
        let host = self.cases.host;
        let nearby = matches!(from, Whence::Behind(_, address) if is_link_local(*address));
        let nobody = from.is_nobody();
        if *target != FlowTarget::Host {
            let all = matrix.targets(target, from, ipv4)?.into_iter();
            // such senders are not passed on
            let all = all.filter(|_| !nearby && !nobody);
            let end = |to: IpAddr| if is_own(host, to) { End::Host } else { End::Other };
            return Ok(all.map(|(to, behind)| (to, behind, end(to))).collect());
        }
        // all its addresses, wherever they are
        let own = host.links.iter().flat_map(|link| &link.addresses).map(|own| own.address.address);
        let fits = |address: &IpAddr| address.is_ipv4() == ipv4 && !is_link_local(*address);
        let mut seen = BTreeSet::new();
        let mut found: Vec<_> = own
            .filter(|address| fits(address) && seen.insert(*address))
            .map(|own| (own, None, End::Host))
            .collect();
        // where packets to them are not thrown away, those that are the host's own everywhere as well
        if ipv4 && host.links.iter().any(|link| link.ipv4.route_localnet == Some(true)) {
            found.push((Ipv4Addr::LOCALHOST.into(), None, End::Host));
        }
        if found.is_empty() && !nearby && !nobody {
            let nearest = matrix.targets(target, from, ipv4)?;
            found.extend(nearest.into_iter().map(|(to, behind)| (to, behind, End::Host)));
        }
        if nobody {
            found.clear();
        }
        if let Whence::Behind(link, _) = from
            && let Some(link) = host.link(link).map(|link| layer3(host, link))
        {
            found.extend(self.on_network(link, ipv4, nobody));
        }
        Ok(found)
    }

    /// Where the host is found on the network of a link besides at the addresses that its file names.
    fn on_network(&self, link: &Link, ipv4: bool, groups_alone: bool) -> Vec<Target> {
        let mut found: Vec<(IpAddr, End)> = Vec::new();
        let all = self.own.get(&link.name).into_iter().flatten().filter(|own| own.address.is_ipv4() == ipv4);
        let mut has_any = false;
        for own in all {
            has_any = true;
            if is_link_local(own.address) && !groups_alone {
                found.push((own.address, End::Nearby));
            }
            if let (IpAddr::V4(_), true) = (own.address, own.length < 31) {
                found.push((ends(own.network()).1, End::Group));
            }
        }
        if has_any {
            let always: [IpAddr; 2] = match ipv4 {
                true => [Ipv4Addr::BROADCAST.into(), Ipv4Addr::new(224, 0, 0, 1).into()],
                false => [ALL_NODES.into(); 2],
            };
            let named = self.cases.constants.addresses.iter().flat_map(|&(first, last)| [first, last]);
            let named = named.filter(|address| address.is_multicast() && address.is_ipv4() == ipv4);
            found.extend(always.into_iter().chain(named).map(|group| (group, End::Group)));
        }
        found.into_iter().map(|(to, end)| (to, None, end)).collect()
    }

    /// How something is sent on each.
    pub(crate) fn shots(&self, lanes: &[Lane]) -> Result<Vec<Shot>, Obstacle> {
        let probe =
            Probe { lane: 0, what: What::Udp(9), source_port: ANY, mac: None, shape: Shape::ORDINARY };
        lanes.iter().map(|lane| self.cases.shot_of(&lane.ray(&probe))).collect()
    }
}

/// How many intervals of addresses in a ruleset have one of two in them.
fn spoken(constants: &Constants, from: &Whence, to: IpAddr) -> usize {
    let count = |address| kind_of(&constants.addresses, address).len();
    let source = match from {
        Whence::Behind(_, source) | Whence::Host(Some(source)) => count(*source),
        Whence::Host(None) => 0,
    };
    source + count(to)
}

/// For each pair of words and each family the lane of which the ruleset speaks least: what everything is tried on.
pub(crate) fn ordinary(lanes: &[Lane]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for (index, lane) in lanes.iter().enumerate() {
        let known =
            found.iter_mut().find(|other| lanes.get(**other).is_some_and(|of| of.words == lane.words));
        match known {
            None => found.push(index),
            Some(other)
                if !lane.feigned
                    && !matches!(lane.end, End::Nearby | End::Group | End::Through)
                    && lanes.get(*other).is_some_and(|of| lane.spoken < of.spoken) =>
            {
                *other = index;
            }
            Some(_) => {}
        }
    }
    found
}

/// The ports at which a ruleset or flows make a difference, each with its neighbours.
pub(crate) fn ports(constants: &Constants, flows: &[Flow]) -> BTreeSet<u16> {
    let named = flows.iter().flat_map(|flow| flow.tcp.iter().chain(&flow.udp));
    let named = named.map(|range| (*range.start(), *range.end()));
    let all = constants.ports.iter().copied().chain(named);
    let mut found: BTreeSet<u16> = all
        .flat_map(|(first, last)| [first.saturating_sub(1), first, last, last.saturating_add(1)])
        .filter(|port| *port != 0)
        .collect();
    found.extend([1, 12_345, u16::MAX]);
    found
}

/// What is tried on a lane besides ports: messages of ICMP of these types, and packets of these protocols.
pub(crate) fn others(
    ipv4: bool,
    kinds: impl IntoIterator<Item = u8>,
    protocols: impl IntoIterator<Item = u8>,
) -> Vec<What> {
    let kinds = kinds.into_iter().filter(move |kind| ipv4 || !NEIGHBOURS.contains(kind));
    let kinds = kinds.map(|kind| What::Icmp { kind, code: 0 });
    let fits = move |number: &u8| match ipv4 {
        true => !PORTS.contains(number) && *number != protocol::ICMP,
        false => !PORTS.contains(number) && *number != protocol::ICMPV6 && !EXTENSIONS.contains(number),
    };
    kinds.chain(protocols.into_iter().filter(fits).map(What::Raw)).collect()
}

/// Types of messages that have codes (RFC 792, RFC 4443).
const CODED: [u8; 4] = [3, 5, 11, 12];
const CODED_V6: [u8; 4] = [1, 2, 3, 4];
/// What finds neighbours, routers and groups on a network, which is not for anybody behind it (RFC 4861, RFC 2710, RFC 3810).
const NEIGHBOURS: [u8; 9] = [130, 131, 132, 133, 134, 135, 136, 137, 143];
const PORTS: [u8; 2] = [protocol::TCP, protocol::UDP];
/// Headers of IPv6 that others follow (RFC 7045), and the one that nothing follows.
const EXTENSIONS: [u8; 9] = [0, 43, 44, 51, 59, 60, 135, 139, 140];

/// Everything that can be sent on a lane.
pub(crate) fn everything(lane: usize, lanes: &[Lane]) -> Vec<Probe> {
    let ipv4 = lanes.get(lane).is_none_or(|lane| lane.to.is_ipv4());
    let mut found: Vec<Probe> = Vec::with_capacity(1 << 17);
    let probe = |what| Probe { lane, what, source_port: ANY, mac: None, shape: Shape::ORDINARY };
    found.extend((1..=u16::MAX).map(|port| probe(What::Tcp(port))));
    found.extend((1..=u16::MAX).map(|port| probe(What::Udp(port))));
    found.extend(others(ipv4, 0..=u8::MAX, 0..=u8::MAX).into_iter().map(probe));
    found
}

/// Flags of other segments than those that open a connection as usual: an answer, an end, a reset, none, an answer to a first
/// segment, and first segments that say more.
const FLAGS: [u8; 7] = [0x10, 0x11, 0x04, 0, 0x12, 0xc2, 0x0a];
/// The flags of a first segment as usual.
pub(crate) const FIRST: u8 = 0x02;

/// What a ruleset makes a difference of, on a lane. Segments that open nothing and foreign hardware addresses are tried where `fully`.
pub(crate) fn differences(
    lane: usize,
    lanes: &[Lane],
    constants: &Constants,
    ports: &BTreeSet<u16>,
    fully: bool,
) -> Vec<Probe> {
    let ipv4 = lanes.get(lane).is_none_or(|lane| lane.to.is_ipv4());
    let mut found = Vec::new();
    let probe = |what| Probe { lane, what, source_port: ANY, mac: None, shape: Shape::ORDINARY };
    let sources: BTreeSet<u16> = constants
        .source_ports
        .iter()
        .flat_map(|&(first, last)| [first.saturating_sub(1), first, last, last.saturating_add(1)])
        .filter(|port| *port != 0 && *port != ANY && *port != OTHER)
        .collect();
    // TCP takes nothing that was sent to several
    let to_all = lanes.get(lane).is_some_and(|lane| lane.end == End::Group);
    for &port in ports {
        for what in [What::Tcp(port), What::Udp(port)].into_iter().skip(usize::from(to_all)) {
            found.push(probe(what));
            found.extend(sources.iter().map(|&source_port| Probe { source_port, ..probe(what) }));
            if fully {
                found.extend(constants.macs.iter().map(|mac| Probe { mac: Some(Mac(*mac)), ..probe(what) }));
            }
        }
        if fully {
            let flags: BTreeSet<u8> = FLAGS.into_iter().chain(constants.flags.iter().copied()).collect();
            let flags = flags.into_iter().filter(|flags| *flags != FIRST);
            let segment = |flags| Probe { source_port: OTHER, ..probe(What::Segment { port, flags }) };
            found.extend(flags.map(segment));
        }
    }
    let near = |number: u8| [number.saturating_sub(1), number, number.saturating_add(1)];
    let [v4, v6] = &constants.icmp;
    let kinds: BTreeSet<u8> = if ipv4 { v4 } else { v6 }.iter().flat_map(|kind| near(*kind)).collect();
    let echo = if ipv4 { icmp::ECHO } else { icmp::ECHO_V6 };
    let protocols: BTreeSet<u8> = constants.protocols.iter().flat_map(|number| near(*number)).collect();
    let kinds = kinds.into_iter().chain([echo]).collect::<BTreeSet<u8>>();
    let codes: BTreeSet<u8> = constants.codes[usize::from(!ipv4)]
        .iter()
        .flat_map(|code| near(*code))
        .filter(|code| *code != 0)
        .collect();
    let answers = if ipv4 { CODED } else { CODED_V6 };
    for kind in kinds.iter().copied().chain(answers).filter(|kind| ipv4 || !NEIGHBOURS.contains(kind)) {
        found.extend(codes.iter().map(|&code| probe(What::Icmp { kind, code })));
    }
    found.extend(others(ipv4, kinds, protocols.into_iter().chain([47, 132])).into_iter().map(probe));
    // of these both ports are the same
    for &number in &constants.with_ports {
        found.extend(ports.iter().map(|&source_port| Probe { source_port, ..probe(What::Raw(number)) }));
    }
    found
}

/// What a ruleset makes a difference of in the rest of a packet's header, on a lane.
pub(crate) fn shapes(
    lane: usize,
    lanes: &[Lane],
    constants: &Constants,
    ports: &BTreeSet<u16>,
) -> impl Iterator<Item = Probe> {
    let ipv4 = lanes.get(lane).is_none_or(|lane| lane.to.is_ipv4());
    let mut whats: Vec<What> = ports.iter().flat_map(|&port| [What::Tcp(port), What::Udp(port)]).collect();
    whats.push(What::Icmp { kind: if ipv4 { icmp::ECHO } else { icmp::ECHO_V6 }, code: 0 });
    let shaped = move |feature: Feature| {
        let shape = Shape::ORDINARY.with(feature);
        let probe = move |what| Probe { lane, what, source_port: ANY, mac: None, shape };
        whats.clone().into_iter().map(move |what| match (feature, what) {
            // what opens a connection is made as long by what it carries, as TCP Fast Open does
            (Feature::Length(_), What::Tcp(port)) => {
                Probe { source_port: OTHER, ..probe(What::Segment { port, flags: FIRST }) }
            }
            _ => probe(what),
        })
    };
    constants.features.clone().into_iter().flat_map(shaped)
}

/// Of what kind an address is to a ruleset: the intervals in which it is.
pub(crate) fn kind_of(intervals: &BTreeSet<(IpAddr, IpAddr)>, address: IpAddr) -> Vec<usize> {
    let has = |(first, last): &(IpAddr, IpAddr)| {
        first.is_ipv4() == address.is_ipv4() && (*first..=*last).contains(&address)
    };
    intervals.iter().enumerate().filter(|(_, interval)| has(interval)).map(|(index, _)| index).collect()
}

/// The link that has the addresses behind a link.
pub(crate) fn upper<'h>(host: &'h netwright_state::model::Host, link: &str) -> Option<&'h str> {
    host.link(link).map(|link| layer3(host, link).name.as_str())
}
