//! One packet or connection, with everybody who has a part in it: the sender, the receivers, and the neighbours of the
//! host that are asked for on the way. Nothing here waits: a packet runs to its end within the call that sends it.

mod answer;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use netwright_state::model::{Link, Refusal};

use crate::frame::{Discovery, Mac, answer as told, ether, question};
use crate::inside::{Came, Door, Fate, Inside, Sending, Talk};
use crate::matrix::is_first;
use crate::outside::{Received, STAGES};
use crate::packet::{Ip, Tuple, icmp, icmp_message, protocol, seal, udp_datagram};
use crate::shot::{Arrival, Observation, Origin, Refused, Shot, What};
use crate::tcp::{Segment, Side, State};
use crate::topology::{
    Obstacle, Sender, Spot, Topology, is_bridge, is_broadcast, is_link_local, layer3, link_local, network_of,
};
use crate::world::World;

/// Where a packet goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// To this hardware address.
    At(Mac),
    /// To whoever has this address.
    Ask(IpAddr),
}

/// A packet whose next hop is being asked for.
#[derive(Clone, Debug)]
struct Parked {
    /// The spots where nobody has asked yet.
    spots: Vec<Spot>,
    from: Mac,
    asks: IpAddr,
    target: IpAddr,
    kind: u16,
    packets: Vec<Vec<u8>>,
}

/// A connection's receiver outside.
#[derive(Debug)]
struct Server {
    spot: Spot,
    side: Side,
}

/// How a packet from outside is put onto a cable.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    pub(crate) spot: Spot,
    pub(crate) from: Mac,
    pub(crate) to: Mac,
    pub(crate) kind: u16,
}

/// One packet or connection under way.
pub(crate) struct Exchange<'a, 'h> {
    world: &'a mut World,
    topology: &'a Topology<'h>,
    shot: &'a Shot,
    /// Tells this one from others of the same flow.
    number: u16,
    sent: Option<Tuple>,
    seen: Observation,
    client: Option<Side>,
    servers: Vec<Server>,
    inside: &'a mut Inside,
    sending: Option<Sending>,
    parked: Vec<Parked>,
    /// An address on a network outside that is not the host's, and that it gave the sender.
    foreign: Option<IpAddr>,
    resolved: HashMap<IpAddr, Mac>,
    /// Hardware addresses that machines were told to have, and where these are.
    known: HashMap<Mac, Spot>,
    /// Fragments that have arrived.
    fragments: Vec<(u16, bool, Vec<u8>)>,
    frames: usize,
}

/// A packet that makes more frames than this goes round in circles.
const FRAMES: usize = 4096;
/// The number of a connection's first byte.
pub(crate) const FIRST_BYTE: u32 = 0x6e77_0000;
/// The number before that of the first packet in fragments.
const FIRST_FRAGMENTED: u16 = 0x6e76;
/// Ports of senders outside, where none is given: so many, from this number on.
pub(crate) const PORTS: u16 = 32768;

impl<'a, 'h> Exchange<'a, 'h> {
    /// Sends it, and lets everything happen that follows. `inside` are the sockets of the host, `number` tells the packet
    /// from others of the same sender.
    pub(crate) fn run(
        world: &'a mut World,
        topology: &'a Topology<'h>,
        shot: &'a Shot,
        inside: &'a mut Inside,
        number: u16,
    ) -> Result<Observation, Obstacle> {
        world.tracer.above = shot.protocol();
        let mut exchange = Exchange::new(world, topology, shot, inside, number);
        match &shot.origin {
            Origin::Outside(sender, source) => exchange.send_from_outside(sender, *source),
            Origin::Host { .. } => exchange.send_from_host(),
        }
        .map_err(sentence)?;
        exchange.pump().map_err(sentence)?;
        exchange.world.tracer.hear().map_err(|error| error.to_string())?;
        let Exchange { mut seen, sent, parked, foreign, .. } = exchange;
        if let Some(other) = foreign.filter(|other| parked.iter().any(|parked| parked.target == *other)) {
            seen.note(format!(
                "the answer goes to {other}, which the host does not have and does not answer for either"
            ));
        }
        seen.sent = sent;
        seen.unresolved = parked.first().map(|parked| parked.target).or(seen.unresolved);
        Ok(seen)
    }

    fn new(
        world: &'a mut World,
        topology: &'a Topology<'h>,
        shot: &'a Shot,
        inside: &'a mut Inside,
        number: u16,
    ) -> Self {
        Exchange {
            world,
            topology,
            shot,
            number,
            sent: None,
            seen: Observation::default(),
            client: None,
            servers: Vec::new(),
            inside,
            sending: None,
            parked: Vec::new(),
            foreign: None,
            resolved: HashMap::new(),
            known: HashMap::new(),
            fragments: Vec::new(),
            frames: 0,
        }
    }

    /// Finds out how a packet from outside is to be put onto a cable, by asking for its next hop as its sender would; `None` where
    /// nobody answers, or it does not come to the host at all.
    pub(crate) fn aim(
        world: &'a mut World,
        topology: &'a Topology<'h>,
        shot: &'a Shot,
        inside: &'a mut Inside,
    ) -> Result<Option<Aim>, Obstacle> {
        let Origin::Outside(sender, _) = &shot.origin else { return Ok(None) };
        let mut exchange = Exchange::new(world, topology, shot, inside, 1);
        let Ok(next) = exchange.first_hop(sender) else { return Ok(None) };
        let kind = if shot.to.is_ipv4() { ether::IPV4 } else { ether::IPV6 };
        exchange.post(&sender.spots, sender.mac, sender.station, next, Vec::new()).map_err(sentence)?;
        exchange.pump().map_err(sentence)?;
        let to = match next {
            Next::At(mac) => Some(mac),
            Next::Ask(target) => exchange.resolved.get(&target).copied(),
        };
        let (Some(to), Some(spot)) = (to, sender.spots.first()) else { return Ok(None) };
        Ok(Some(Aim { spot: exchange.tagged(spot), from: sender.mac, to, kind }))
    }

    /// The host's link that the packet comes in by, or a link-local address of its own is at.
    fn incoming(&self) -> Option<u32> {
        let name = match &self.shot.origin {
            Origin::Outside(sender, _) => Some(sender.link.as_str()),
            Origin::Host { .. } => self.topology.host.devices_towards(self.shot.to).first().copied(),
        };
        name.and_then(|name| self.world.links.get(name)).copied()
    }

    fn send_from_host(&mut self) -> io::Result<()> {
        let scope = self.incoming().unwrap_or(0);
        match Sending::start(self.shot, scope, self.number)? {
            Ok(sending) => {
                self.sent = Some(sending.tuple);
                self.sending = Some(sending);
            }
            Err(Fate::Refused(refused)) => self.seen.refused = Some(refused),
            Err(Fate::Answered | Fate::Open) => {}
            Err(Fate::Lost) => self.seen.note("the host has no way for it (invalid argument)"),
        }
        Ok(())
    }

    fn send_from_outside(&mut self, sender: &Sender, source: IpAddr) -> io::Result<()> {
        let next = match self.first_hop(sender) {
            Ok(next) => next,
            Err(why) => {
                self.seen.no_path = Some(why);
                return Ok(());
            }
        };
        let port = match self.shot.source_port {
            0 => PORTS + self.number % PORTS,
            port => port,
        };
        let payloads = self.first_payload(source, port);
        let whole = Ip {
            source,
            destination: self.shot.to,
            protocol: self.shot.protocol(),
            head: self.shot.head,
            payload: &payloads,
        };
        self.sent = whole.tuple();
        let number = self.world.fragmented.wrapping_add(u16::from(self.shot.fragment.is_some()));
        self.world.fragmented = number;
        let packets = fragmented(&whole, self.shot.fragment, FIRST_FRAGMENTED.wrapping_add(number));
        let from = self.shot.mac.unwrap_or(sender.mac);
        if let Some(spot) = sender.spots.first() {
            self.known.insert(from, spot.clone());
        }
        self.post(&sender.spots, from, sender.station, next, packets)
    }

    /// What is above IP in the first packet.
    fn first_payload(&mut self, source: IpAddr, port: u16) -> Vec<u8> {
        let Shot { to, what, payload, .. } = self.shot;
        let (mut bytes, number) = match *what {
            What::Tcp(at) => {
                let (own, other) = (SocketAddr::new(source, port), SocketAddr::new(*to, at));
                let first = FIRST_BYTE + (u32::from(self.number) << 4);
                let (side, segment) = Side::client(own, other, first, payload);
                self.client = Some(side);
                (segment.bytes(), protocol::TCP)
            }
            What::Segment { port: at, flags } => {
                let segment = Segment {
                    from: port,
                    to: at,
                    sequence: self.numbers().0,
                    acknowledged: self.numbers().1,
                    flags,
                    window: 1024,
                    payload: payload.clone(),
                };
                (segment.bytes(), protocol::TCP)
            }
            What::Udp(at) => (udp_datagram(port, at, payload), protocol::UDP),
            What::Icmp { kind, code } => {
                let number = if to.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 };
                let (first, second) = match (self.shot.follows.identifier, icmp::is_error(to.is_ipv6(), kind))
                {
                    (Some(identifier), _) => (identifier, 1),
                    // of the message that a packet is too big, this is how big it may be
                    (None, true) if self.shot.follows.quotes => (0, 1280),
                    (None, _) => (self.number, 1),
                };
                (icmp_message(kind, code, first, second, payload), number)
            }
            What::Raw(number) => (self.shot.raw(port, port, payload), number),
        };
        seal(source, *to, number, &mut bytes);
        bytes
    }

    /// The numbers of a single segment.
    fn numbers(&self) -> (u32, u32) {
        self.shot.follows.numbers.unwrap_or((FIRST_BYTE, FIRST_BYTE))
    }

    /// Where a packet from outside goes first: to all, to who has its address, or to the host as the router.
    fn first_hop(&self, sender: &Sender) -> Result<Next, Obstacle> {
        if let Some(next) = self.shot.follows.next {
            return Ok(Next::At(next));
        }
        let to = self.shot.to;
        let link = self.topology.host.link(&sender.link);
        if to.is_multicast() {
            return Ok(Next::At(Mac::of_group(to)));
        }
        let Some(link) = link else { return Err(format!("the file has no link {}", sender.link)) };
        if is_broadcast(link, to) {
            return Ok(Next::At(Mac::BROADCAST));
        }
        if self.topology.is_near(link, to) {
            if !self.world.is_own(to) {
                let places = self.places(link, to)?;
                if is_bridge(link) && places.iter().all(|place| sender.spots.contains(place)) {
                    let port = places.first().map(|place| self.topology.name_at(place)).unwrap_or_default();
                    return Err(format!(
                        "{to} is behind {port} like its sender, so that the host never sees the packet"
                    ));
                }
            }
            return Ok(Next::Ask(to));
        }
        match Topology::gateway(&self.world.own, &link.name, sender.station) {
            Some(gateway) => Ok(Next::Ask(gateway)),
            // a link without addresses has nobody to ask for
            None => match self.world.hardware.get(&link.name) {
                Some(&mac) => Ok(Next::At(Mac(mac))),
                None => Err(format!("{} is not there", link.name)),
            },
        }
    }

    /// Sends packets from a machine, after asking for their next hop where that is not known.
    fn post(
        &mut self,
        spots: &[Spot],
        from: Mac,
        station: IpAddr,
        next: Next,
        packets: Vec<Vec<u8>>,
    ) -> io::Result<()> {
        let kind = if station.is_ipv4() { ether::IPV4 } else { ether::IPV6 };
        let kind = packets.first().and_then(|packet| packet.first()).map_or(kind, |first| match first >> 4 {
            4 => ether::IPV4,
            _ => ether::IPV6,
        });
        let Some(spot) = spots.first() else { return Ok(()) };
        let to = match next {
            Next::At(mac) => Some(mac),
            Next::Ask(target) => self.resolved.get(&target).copied(),
        };
        let tagged = self.tagged(spot);
        match (to, next) {
            (Some(to), _) => {
                packets.iter().try_for_each(|packet| self.world.outside.send(&tagged, from, to, kind, packet))
            }
            (None, Next::Ask(target)) => {
                let asks = asking(station, target, from);
                let mut spots = spots.to_vec();
                let first = spots.remove(0);
                self.parked.push(Parked { spots, from, asks, target, kind, packets });
                self.ask(&first, target, asks, from)
            }
            (None, Next::At(_)) => Ok(()),
        }
    }

    fn ask(&self, spot: &Spot, target: IpAddr, asks: IpAddr, from: Mac) -> io::Result<()> {
        match question(target, asks, from) {
            Some((to, kind, bytes)) => self.world.outside.send(spot, from, to, kind, &bytes),
            None => Ok(()),
        }
    }

    /// A spot as the flow's own tags make it.
    fn tagged(&self, spot: &Spot) -> Spot {
        let mut spot = spot.clone();
        spot.tags.extend(&self.shot.tags);
        spot
    }

    /// Lets everything happen that happens.
    fn pump(&mut self) -> io::Result<()> {
        loop {
            let mut busy = false;
            while let Some(frame) = self.world.outside.receive()? {
                busy = true;
                self.frame(frame)?;
            }
            busy |= self.at_the_host()?;
            if busy {
                continue;
            }
            // whose end is known need not wait for what might still come
            let stages = if self.seen.answered || self.seen.refused.is_some() { 1 } else { STAGES };
            let late = self.world.outside.settle(stages)?;
            let none = late.is_empty();
            for frame in late {
                self.frame(frame)?;
            }
            if none && !self.at_the_host()? && !self.ask_elsewhere()? {
                return Ok(());
            }
        }
    }

    /// Asks for next hops where nobody has asked yet; whether there was anything to ask.
    fn ask_elsewhere(&mut self) -> io::Result<bool> {
        let mut questions = Vec::new();
        for parked in self.parked.iter_mut().filter(|parked| !parked.spots.is_empty()) {
            questions.push((parked.spots.remove(0), parked.target, parked.asks, parked.from));
        }
        for (spot, target, asks, from) in &questions {
            self.ask(spot, *target, *asks, *from)?;
        }
        Ok(!questions.is_empty())
    }

    /// Does what sockets at the host have to do; whether that was anything.
    fn at_the_host(&mut self) -> io::Result<bool> {
        let talk = Talk { payload: &self.shot.payload, answer: self.shot.answer.as_deref() };
        let mut came = Vec::new();
        let mut busy = self.inside.step(talk, &mut came)?;
        for came in came {
            self.came(came)?;
        }
        if let Some(sending) = &mut self.sending
            && !self.seen.answered
            && self.seen.refused.is_none()
        {
            let (moved, fate) = sending.step(self.shot)?;
            busy |= moved;
            match fate {
                Fate::Answered => self.seen.answered = true,
                Fate::Refused(refused) => self.seen.refused = Some(refused),
                Fate::Open | Fate::Lost => {}
            }
        }
        Ok(busy)
    }

    /// Something came to a socket of the host.
    fn came(&mut self, came: Came) -> io::Result<()> {
        let at = match (came.at, came.door.protocol) {
            (Some(at), _) => Some(at),
            (None, _) => {
                self.world.tracer.hear().map_err(|error| io::Error::other(error.to_string()))?;
                self.taken_in(came.door)
            }
        };
        let shown = match came.door.address {
            Some(address) => SocketAddr::new(address, came.door.port),
            None => at.unwrap_or_else(|| SocketAddr::new(self.shot.to, came.door.port)),
        };
        let arrival = Arrival { from: came.from, at: shown, link: None, belongs: true, class: None };
        if !self.seen.arrivals.contains(&arrival) {
            self.seen.arrivals.push(arrival);
        }
        match &self.shot.answer {
            Some(answer) if came.door.protocol == protocol::UDP => self.inside.reply(came, at, answer),
            _ => Ok(()),
        }
    }

    /// The address that a datagram at a door was sent to, as its trace says.
    fn taken_in(&self, door: Door) -> Option<SocketAddr> {
        let tuples = self.world.tracer.journeys().iter().rev().filter_map(|journey| {
            journey.last.tuple().filter(|_| journey.stage == crate::trace::Stage::TakenIn)
        });
        let mut fits = tuples.filter(|tuple| tuple.protocol == door.protocol);
        let transparent = door.transparent;
        fits.find(|tuple| transparent || tuple.destination_port == door.port)
            .map(|tuple| SocketAddr::new(tuple.destination, tuple.destination_port))
    }

    /// A frame has come out of the host.
    fn frame(&mut self, frame: Received) -> io::Result<()> {
        self.frames += 1;
        if self.frames > FRAMES {
            return Err(io::Error::other("it goes round in circles"));
        }
        if let Some(discovery) = Discovery::parse(frame.kind, &frame.payload) {
            return self.discovery(&frame, discovery);
        }
        match frame.kind {
            ether::IPV4 | ether::IPV6 => match Ip::parse(&frame.payload) {
                Some(packet) => self.packet(&frame, packet),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Somebody looks for a neighbour, or is told where one is.
    fn discovery(&mut self, frame: &Received, discovery: Discovery) -> io::Result<()> {
        match discovery {
            Discovery::Asks { target, sender } => {
                // who asks for its own address, or has none yet, only makes sure that nobody else has it
                if sender.is_unspecified() || sender == target || self.world.is_own(target) {
                    return Ok(());
                }
                if !self.stands_at(target, &frame.spot) {
                    return Ok(());
                }
                let Some(link) = self.topology.link_at(&frame.spot, target) else { return Ok(()) };
                let mac = self.mac_of(&link.name, target);
                self.known.insert(mac, frame.spot.clone());
                match told(target, mac, sender, frame.from) {
                    Some((kind, bytes)) => {
                        self.world.outside.send(&frame.spot, mac, frame.from, kind, &bytes)
                    }
                    None => Ok(()),
                }
            }
            Discovery::Tells { target, at } => {
                self.resolved.insert(target, at);
                let waiting = std::mem::take(&mut self.parked);
                let (ready, still) = waiting.into_iter().partition(|parked| parked.target == target);
                self.parked = still;
                let ready: Vec<Parked> = ready;
                for parked in ready {
                    let spot = self.tagged(&frame.spot);
                    for packet in &parked.packets {
                        self.world.outside.send(&spot, parked.from, at, parked.kind, packet)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// The hardware address of a machine, which a sender may have chosen.
    fn mac_of(&self, link: &str, address: IpAddr) -> Mac {
        match (&self.shot.origin, self.shot.mac) {
            (Origin::Outside(sender, _), Some(mac)) if sender.station == address && sender.link == link => {
                mac
            }
            _ => self.topology.mac(link, address),
        }
    }

    /// Whether a machine with an address is plugged in at a spot.
    fn stands_at(&self, address: IpAddr, spot: &Spot) -> bool {
        let Some(link) = self.topology.link_at(spot, address) else { return false };
        // the first address of a network is nobody's
        if network_of(link, address).is_some_and(|network| address.is_ipv4() && is_first(network, address)) {
            return false;
        }
        let near = self.topology.is_near(link, address);
        // somebody with an address of another network is there, not here
        if !near && self.topology.host.connected(address).is_some() {
            return false;
        }
        self.places(link, address).is_ok_and(|places| places.contains(spot))
    }

    /// Where an address on a link is plugged in.
    fn places(&self, link: &Link, address: IpAddr) -> Result<Vec<Spot>, Obstacle> {
        let behind = self.shot.behind.as_deref().filter(|_| address == self.shot.to);
        let port = behind.and_then(|port| self.topology.host.link(port));
        if let Some(port) = port.filter(|port| layer3(self.topology.host, port).name == link.name) {
            return self.topology.spots(port, 0);
        }
        let sender = match &self.shot.origin {
            Origin::Outside(sender, _) if sender.link == link.name => {
                Some((&sender.spots[..], sender.station))
            }
            _ => None,
        };
        self.topology.places(link, address, sender)
    }
}

fn sentence(error: io::Error) -> Obstacle {
    error.to_string()
}

/// The address from which a machine asks for another.
fn asking(station: IpAddr, target: IpAddr, mac: Mac) -> IpAddr {
    match (station, target) {
        (IpAddr::V4(_), IpAddr::V4(_)) => station,
        (IpAddr::V6(_), IpAddr::V6(to)) if !to.is_unicast_link_local() && !station.is_unspecified() => {
            station
        }
        (IpAddr::V6(own), IpAddr::V6(_)) if own.is_unicast_link_local() => station,
        (_, IpAddr::V6(_)) => IpAddr::V6(link_local(mac)),
        (_, IpAddr::V4(_)) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    }
}

/// The packets of a packet, of which each has so many bytes above IP at the most.
pub(crate) fn fragmented(whole: &Ip<'_>, size: Option<u16>, identification: u16) -> Vec<Vec<u8>> {
    let Some(size) = size.map(|size| usize::from(size.max(8)) / 8 * 8) else { return vec![whole.bytes()] };
    let count = whole.payload.chunks(size).count();
    let parts = whole.payload.chunks(size).enumerate().map(|(index, payload)| {
        let mut head = whole.head;
        head.fragment = Some(((index * size) as u16, index + 1 < count));
        head.identification = identification;
        Ip { head, payload, ..*whole }.bytes()
    });
    parts.collect()
}

/// `tcp port 80`
impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.protocol {
            protocol::TCP => "TCP",
            protocol::UDP => "UDP",
            _ => return write!(f, "protocol {}", self.protocol),
        };
        write!(f, "{name} port {}", self.port)
    }
}
