//! What machines outside do with packets that come to them.

use super::*;
use crate::packet::{Head, echo_answer};
use crate::shot::Landed;
use crate::tcp::flags;
use crate::topology::plus;

impl Exchange<'_, '_> {
    /// A packet has come out of the host.
    pub(super) fn packet(&mut self, frame: &Received, packet: Ip<'_>) -> io::Result<()> {
        if self.is_for_another(frame) {
            return Ok(());
        }
        let own = matches!(self.shot.what, What::Icmp { kind, code } if self.shot.follows.quotes
            && packet.refused().is_some_and(|(of, with, about)| (of, with) == (kind, code) && about.tuple() != self.sent));
        if let Some((kind, code, about)) = packet.refused().filter(|_| !own) {
            self.refusal(frame, &packet, kind, code, about);
            return Ok(());
        }
        if packet.head.fragment.is_some() {
            return self.fragment(frame, packet);
        }
        if self.is_answer(&packet) {
            return self.answer(frame, &packet);
        }
        self.arrival(frame, packet)
    }

    /// Whether a frame that came out of a bridge's port is for a machine behind another.
    fn is_for_another(&self, frame: &Received) -> bool {
        let known = self.known.get(&frame.to).filter(|_| !frame.to.is_group());
        known.is_some_and(|spot| spot.card != frame.spot.card)
            && self.topology.links_at(&frame.spot).any(is_bridge)
    }

    /// Somebody says that a packet does not arrive.
    fn refusal(&mut self, frame: &Received, packet: &Ip<'_>, kind: u8, code: u8, about: Ip<'_>) {
        let ipv6 = packet.source.is_ipv6();
        if kind == if ipv6 { icmp::REDIRECT_V6 } else { icmp::REDIRECT } {
            self.seen.spends = true;
            return;
        }
        let about = about.tuple();
        if about.is_none() || about != self.sent {
            if about.map(Tuple::reversed) == self.sent {
                self.seen.note("the answer was refused on its way back");
            }
            return;
        }
        if !self.is_at_sender(frame) {
            let link = self.topology.name_at(&frame.spot);
            self.seen.note(format!("it is refused to the sender by way of {link}, where the sender is not"));
            return;
        }
        let how = match ipv6 {
            false => Refusal::Icmp { kind, code },
            true => Refusal::Icmpv6 { kind, code },
        };
        self.seen.refused = Some(Refused { how, by: Some(packet.source) });
    }

    /// Whether a frame came out where the sender is.
    fn is_at_sender(&self, frame: &Received) -> bool {
        match &self.shot.origin {
            Origin::Outside(sender, _) => sender
                .spots
                .iter()
                .any(|spot| spot.card == frame.spot.card && frame.spot.tags.starts_with(&spot.tags)),
            Origin::Host { .. } => false,
        }
    }

    /// Whether a packet is what the sender waits for.
    fn is_answer(&self, packet: &Ip<'_>) -> bool {
        let (Origin::Outside(_, source), Some(sent), Some(tuple)) =
            (&self.shot.origin, self.sent, packet.tuple())
        else {
            return false;
        };
        if self.shot.to.is_multicast() || self.is_to_all() {
            return tuple.destination == *source
                && tuple.protocol == sent.protocol
                && tuple.destination_port == sent.reversed().destination_port;
        }
        match self.shot.what {
            What::Raw(number) if !protocol::has_ports(number) => {
                tuple == sent.reversed() && self.shot.answer.as_deref() == Some(packet.payload)
            }
            _ => tuple == sent.reversed(),
        }
    }

    /// Whether it is sent to all machines of the sender's network.
    fn is_to_all(&self) -> bool {
        let Origin::Outside(sender, _) = &self.shot.origin else { return false };
        self.topology.host.link(&sender.link).is_some_and(|link| is_broadcast(link, self.shot.to))
    }

    /// The answer has come back, or a part of it.
    fn answer(&mut self, frame: &Received, packet: &Ip<'_>) -> io::Result<()> {
        if !self.is_at_sender(frame) {
            let link = self.topology.name_at(&frame.spot);
            self.seen.note(format!("the answer leaves by {link}, where the sender is not"));
            return Ok(());
        }
        let Origin::Outside(sender, source) = &self.shot.origin else { return Ok(()) };
        if packet.protocol != protocol::TCP {
            let answer = self.shot.answer.as_deref();
            self.seen.answered |= match self.shot.what {
                What::Udp(_) => {
                    let said = packet.payload.get(8..).unwrap_or_default();
                    answer.is_some_and(|answer| said.starts_with(answer))
                }
                _ => answer.is_some(),
            };
            return Ok(());
        }
        let Some(segment) = Segment::parse(packet.payload) else { return Ok(()) };
        let reset = Refused { how: Refusal::TcpReset, by: Some(packet.source) };
        let Some(side) = &mut self.client else {
            // to a single segment of any kind
            match segment.flags & flags::RST {
                0 => self.seen.answered = true,
                _ => self.seen.refused = Some(reset),
            }
            return Ok(());
        };
        let out = side.take(&segment);
        if side.state == State::Reset {
            self.seen.refused = Some(reset);
            return Ok(());
        }
        self.seen.answered |= self.shot.answer.as_ref().is_some_and(|answer| side.heard == *answer);
        let (source, to, head) = (*source, self.shot.to, self.shot.head);
        let packets: Vec<Vec<u8>> = out.iter().map(|segment| segment.packet(source, to, head)).collect();
        if packets.is_empty() {
            return Ok(());
        }
        let mac = self.shot.mac.unwrap_or(sender.mac);
        let (spots, station) = (sender.spots.clone(), sender.station);
        self.post(&spots, mac, station, Next::At(frame.from), packets)
    }

    /// A part of a packet has arrived.
    fn fragment(&mut self, frame: &Received, packet: Ip<'_>) -> io::Result<()> {
        let Some((offset, more)) = packet.head.fragment else { return Ok(()) };
        if self.fragments.iter().any(|(known, ..)| *known == offset) {
            return Ok(());
        }
        self.fragments.push((offset, more, packet.payload.to_vec()));
        self.fragments.sort_unstable_by_key(|(offset, ..)| *offset);
        let mut whole = Vec::new();
        for (offset, _, payload) in &self.fragments {
            if usize::from(*offset) != whole.len() {
                return Ok(());
            }
            whole.extend(payload);
        }
        if self.fragments.last().is_none_or(|(_, more, _)| *more) {
            return Ok(());
        }
        let head = Head { fragment: None, ..packet.head };
        let whole = Ip { head, payload: &whole, ..packet };
        match self.is_answer(&whole) {
            true => self.answer(frame, &whole),
            false => self.arrival(frame, whole),
        }
    }

    /// A packet has come to somebody outside.
    fn arrival(&mut self, frame: &Received, packet: Ip<'_>) -> io::Result<()> {
        let Some(tuple) = packet.tuple() else { return Ok(()) };
        let is_tcp = packet.protocol == protocol::TCP;
        let segment = if is_tcp { Segment::parse(packet.payload) } else { None };
        let own = SocketAddr::new(tuple.destination, tuple.destination_port);
        let other = SocketAddr::new(tuple.source, tuple.source_port);
        if let Some(segment) = &segment
            && let Some(server) = self.servers.iter_mut().find(|server| {
                (server.side.own, server.side.other) == (own, other) && server.spot == frame.spot
            })
        {
            let out = server.side.take(segment);
            return self.speak(frame, own.ip(), other.ip(), &out);
        }
        if !self.is_of_shot(&packet, segment.as_ref()) {
            return Ok(());
        }
        // who is not there does not answer
        let belongs = self.note_arrival(frame, &packet, tuple);
        let Some(answer) = self.shot.answer.clone().filter(|_| belongs) else { return Ok(()) };
        let mut payload = match (self.shot.what, segment) {
            (What::Tcp(_), Some(segment)) => {
                let awaits = self.shot.payload.len();
                let (side, first) = Side::server(own, other, &segment, awaits, &answer);
                self.servers.push(Server { spot: frame.spot.clone(), side });
                return self.speak(frame, own.ip(), other.ip(), &[first]);
            }
            (What::Tcp(_) | What::Segment { .. }, _) => return Ok(()),
            (What::Udp(_), _) => udp_datagram(own.port(), other.port(), &answer),
            (What::Icmp { kind, .. }, _) => {
                let Some(kind) = echo_answer(packet.source.is_ipv6(), kind) else { return Ok(()) };
                let rest = packet.payload.get(8..).unwrap_or_default();
                icmp_message(kind, 0, tuple.source_port, 1, rest)
            }
            (What::Raw(_), _) => self.shot.raw(own.port(), other.port(), &answer),
        };
        let from = if own.ip().is_multicast() { self.unicast_at(frame, other.ip()) } else { own.ip() };
        seal(from, other.ip(), packet.protocol, &mut payload);
        let head = Head::ORDINARY;
        let answer =
            Ip { source: from, destination: other.ip(), protocol: packet.protocol, head, payload: &payload };
        self.reply(frame, from, other.ip(), vec![answer.bytes()])
    }

    /// An address of the machine that has taken what was sent to a group.
    fn unicast_at(&self, frame: &Received, like: IpAddr) -> IpAddr {
        let link = self.topology.link_at(&frame.spot, like);
        let network =
            link.and_then(|link| link.networks().find(|network| network.address.is_ipv4() == like.is_ipv4()));
        match (network, like) {
            (Some(network), _) => plus(network.network().address, 2),
            (None, IpAddr::V6(_)) => IpAddr::V6(link_local(frame.to)),
            (None, IpAddr::V4(_)) => like,
        }
    }

    /// Whether a packet is the one that was sent, as it has become on its way.
    fn is_of_shot(&self, packet: &Ip<'_>, segment: Option<&Segment>) -> bool {
        if self.shot.protocol() != packet.protocol {
            return false;
        }
        let payload = self.shot.payload.as_slice();
        let says = |at: usize| packet.payload.get(at..).is_some_and(|said| said.starts_with(payload));
        match (self.shot.what, segment) {
            (What::Tcp(_), Some(segment)) => segment.flags & flags::SYN != 0,
            (What::Segment { flags, .. }, Some(segment)) => {
                segment.flags == flags && segment.sequence == self.numbers().0
            }
            (What::Tcp(_) | What::Segment { .. }, None) => false,
            (What::Udp(_), _) => says(8),
            // the packet that it is about is translated with it
            (What::Icmp { kind, .. }, _) if self.shot.follows.quotes => packet.payload.first() == Some(&kind),
            (What::Icmp { kind, .. }, _) => packet.payload.first() == Some(&kind) && says(8),
            (What::Raw(_), _) => packet.payload.ends_with(payload),
        }
    }

    /// Notes that a packet has arrived; whether it has where it belongs.
    fn note_arrival(&mut self, frame: &Received, packet: &Ip<'_>, tuple: Tuple) -> bool {
        let port = |port: u16| if protocol::has_ports(tuple.protocol) { port } else { 0 };
        let link = self.topology.name_at(&frame.spot);
        let belongs = self.belongs(&frame.spot, tuple.destination);
        if self.is_passed_on(&frame.spot, &link) {
            self.seen.note(format!("the bridge passes it on to {link}"));
            return false;
        }
        if !belongs {
            self.seen.note(format!("it left by {link}, where {} is not", tuple.destination));
        }
        let arrival = Arrival {
            from: SocketAddr::new(tuple.source, port(tuple.source_port)),
            at: SocketAddr::new(tuple.destination, port(tuple.destination_port)),
            link: Some(link),
            belongs,
            class: Some(packet.head.class),
        };
        self.seen.landed.get_or_insert_with(|| Landed {
            spot: frame.spot.clone(),
            from: frame.from,
            to: frame.to,
            packet: frame.payload.clone(),
        });
        if !self.seen.arrivals.contains(&arrival) {
            self.seen.arrivals.push(arrival);
        }
        belongs
    }

    /// Whether a bridge only passes on to another of its ports what a machine behind it sends to all or to a group: it is the host that
    /// is asked about, unless a port is named as where it is sent to.
    fn is_passed_on(&self, spot: &Spot, port: &str) -> bool {
        let Origin::Outside(sender, _) = &self.shot.origin else { return false };
        let Some(link) = self.topology.host.link(&sender.link).filter(|link| is_bridge(link)) else {
            return false;
        };
        let to_all = self.shot.to.is_multicast() || self.is_to_all();
        let beside = self.topology.links_at(spot).any(|found| found.name == link.name);
        let meant = match &self.shot.behind {
            Some(behind) => behind == port,
            // a bridge without addresses is nobody who could be asked
            None => link.networks().next().is_none(),
        };
        to_all && beside && !meant
    }

    /// Whether an address may be reached where a packet to it came out: on its own network, or somewhere far.
    fn belongs(&self, spot: &Spot, address: IpAddr) -> bool {
        if address.is_multicast() || is_link_local(address) || self.is_to_all() {
            return true;
        }
        let near = self.topology.link_at(spot, address);
        near.is_some_and(|link| network_of(link, address).is_some())
            || self.topology.host.connected(address).is_none()
    }

    /// Sends segments of a connection's receiver.
    fn speak(
        &mut self,
        frame: &Received,
        own: IpAddr,
        other: IpAddr,
        segments: &[Segment],
    ) -> io::Result<()> {
        let packets: Vec<Vec<u8>> =
            segments.iter().map(|segment| segment.packet(own, other, Head::ORDINARY)).collect();
        if packets.is_empty() { Ok(()) } else { self.reply(frame, own, other, packets) }
    }

    /// Sends what somebody answers who got a frame: to the machine on the same network that it is for, else to who
    /// sent the frame, which is the router.
    fn reply(
        &mut self,
        frame: &Received,
        own: IpAddr,
        other: IpAddr,
        packets: Vec<Vec<u8>>,
    ) -> io::Result<()> {
        let Some(link) = self.topology.link_at(&frame.spot, own) else { return Ok(()) };
        let from = if frame.to.is_group() { self.topology.mac(&link.name, own) } else { frame.to };
        let spots = [frame.spot.clone()];
        let network = |address: IpAddr| network_of(link, address);
        let asks = matches!(&self.shot.origin, Origin::Outside(_, source) if other == *source);
        if network(other).is_some() && !self.world.is_own(other) && !asks {
            // the packet was translated to an address of this network that is not the host's: whoever delivers the answer here looks
            // for who has it, and the host may answer for it
            let station = self.topology.station(link, own);
            self.foreign = Some(other);
            return self.post(&spots, from, station, Next::Ask(other), packets);
        }
        // whoever brings the answer of a far machine to this link finds the sender on it: what the host has translated comes
        // straight from who was never asked
        let strange = |bytes: &Vec<u8>| Ip::parse(bytes).is_some_and(|packet| !self.is_answer(&packet));
        let beyond = network(own).is_none() && !is_link_local(own);
        if asks && beyond && self.is_at_sender(frame) && packets.iter().all(strange) {
            self.past_the_host(other, &packets);
            return Ok(());
        }
        let near = network(own).is_some() && network(own) == network(other)
            || is_link_local(other)
            || is_bridge(link) && self.topology.is_near(link, own) && self.topology.is_near(link, other);
        if !near || self.world.is_own(other) || self.mac_of(&link.name, other) == frame.from {
            return self.post(&spots, from, own, Next::At(frame.from), packets);
        }
        let places = self.places(link, other).unwrap_or_default();
        if places.contains(&frame.spot) {
            self.past_the_host(other, &packets);
            return Ok(());
        }
        self.post(&spots, from, own, Next::Ask(other), packets)
    }

    /// Packets between machines that are plugged in at the same place, which the host does not see.
    fn past_the_host(&mut self, other: IpAddr, packets: &[Vec<u8>]) {
        if !matches!(&self.shot.origin, Origin::Outside(_, source) if other == *source) {
            return;
        }
        for bytes in packets {
            let Some(packet) = Ip::parse(bytes) else { continue };
            if !self.is_answer(&packet) {
                let from = packet.tuple().map(|tuple| SocketAddr::new(tuple.source, tuple.source_port));
                let from = from.map(|from| from.to_string()).unwrap_or_default();
                self.seen.note(format!(
                    "the answer goes straight to the sender, past the host, and comes from {from}, which the sender has not asked"
                ));
            }
        }
    }
}
