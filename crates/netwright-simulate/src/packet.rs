//! IP packets as bytes: how they are made and read, and what tells those of one flow from others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Numbers of the protocols above IP (`IPPROTO_*`).
pub(crate) mod protocol {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const IGMP: u8 = 2;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const DESTINATION_OPTIONS: u8 = 60;
    pub(crate) const DCCP: u8 = 33;
    pub(crate) const SCTP: u8 = 132;
    pub(crate) const UDP_LITE: u8 = 136;

    /// Whether its header begins with the source's and the destination's port.
    pub(crate) fn has_ports(number: u8) -> bool {
        matches!(number, TCP | UDP | DCCP | SCTP | UDP_LITE)
    }
}

/// ICMP types (RFC 792, RFC 4443, RFC 4861).
pub(crate) mod icmp {
    pub(crate) const ECHO_REPLY: u8 = 0;
    pub(crate) const UNREACHABLE: u8 = 3;
    pub(crate) const REDIRECT: u8 = 5;
    pub(crate) const ECHO: u8 = 8;
    pub(crate) const TIME_EXCEEDED: u8 = 11;
    pub(crate) const PARAMETER_PROBLEM: u8 = 12;
    pub(crate) const ECHO_V6: u8 = 128;
    pub(crate) const ECHO_REPLY_V6: u8 = 129;
    pub(crate) const NEIGHBOUR_SOLICITATION: u8 = 135;
    pub(crate) const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
    pub(crate) const REDIRECT_V6: u8 = 137;
    pub(crate) const ROUTER_ADVERTISEMENT: u8 = 134;
    pub(crate) const TOO_BIG_V6: u8 = 2;
    /// Of "destination unreachable": the packet is too big and may not be fragmented.
    pub(crate) const TOO_BIG_CODE: u8 = 4;
    /// Who is in which group (RFC 2710, RFC 3810).
    pub(crate) const GROUPS_V6: [u8; 4] = [130, 131, 132, 143];
    /// Router solicitation to redirect.
    pub(crate) const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;

    /// Whether a message tells of an error and has the start of the packet that caused it.
    pub(crate) fn is_error(ipv6: bool, kind: u8) -> bool {
        match ipv6 {
            true => kind < 128,
            false => matches!(kind, UNREACHABLE | 4 | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM),
        }
    }
}

/// What is said of a packet besides whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) ttl: u8,
    /// Type of service, or traffic class: DSCP and ECN.
    pub(crate) class: u8,
    /// What fragments belong together by; of a whole packet of IPv6 the lower bits of the flow label.
    pub(crate) identification: u16,
    /// Where its payload begins in the whole packet's, in bytes, and whether more follows.
    pub(crate) fragment: Option<(u16, bool)>,
    /// The number of a header of IPv6 without content that it has before the protocol's own.
    pub(crate) behind: Option<u8>,
}

impl Head {
    /// As hosts send it by themselves.
    pub(crate) const ORDINARY: Head =
        Head { ttl: 64, class: 0, identification: 0, fragment: None, behind: None };
    /// As neighbour discovery demands it.
    const NEIGHBOURLY: Head = Head { ttl: 255, ..Head::ORDINARY };
}

/// A packet in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ip<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) head: Head,
    /// From the protocol's own header on.
    pub(crate) payload: &'a [u8],
}

const IPV6_HEADER: usize = 40;
const MORE_FRAGMENTS: u16 = 0x2000;
const DO_NOT_FRAGMENT: u16 = 0x4000;

impl<'a> Ip<'a> {
    /// Reads a packet, which may be cut off at its end.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Ip::parse_v4(bytes),
            6 => Ip::parse_v6(bytes),
            _ => None,
        }
    }

    fn parse_v4(bytes: &'a [u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let address = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?)));
        let length = usize::from(word(2)?);
        let whole = bytes.get(..length).unwrap_or(bytes);
        let flags = word(6)?;
        let offset = (flags & 0x1fff) * 8;
        let more = flags & MORE_FRAGMENTS != 0;
        let head = Head {
            ttl: *bytes.get(8)?,
            class: *bytes.get(1)?,
            identification: word(4)?,
            fragment: (offset != 0 || more).then_some((offset, more)),
            behind: None,
        };
        Some(Ip {
            source: address(12)?,
            destination: address(16)?,
            protocol: *bytes.get(9)?,
            head,
            payload: whole.get(usize::from(bytes.first()? & 0xf) * 4..)?,
        })
    }

    fn parse_v6(bytes: &'a [u8]) -> Option<Self> {
        let address = |at: usize| Some(IpAddr::V6(Ipv6Addr::from(*bytes.get(at..)?.first_chunk::<16>()?)));
        let length = IPV6_HEADER + usize::from(u16::from_be_bytes(*bytes.get(4..)?.first_chunk()?));
        let whole = bytes.get(..length).unwrap_or(bytes);
        let [first, second, ..] = *bytes else { return None };
        let identification = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
        let class = first << 4 | second >> 4;
        let mut head = Head { ttl: *bytes.get(7)?, class, identification, ..Head::ORDINARY };
        let (mut protocol, mut payload) = (*bytes.get(6)?, whole.get(IPV6_HEADER..)?);
        loop {
            let length = match protocol {
                protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => {
                    8 + usize::from(*payload.get(1)?) * 8
                }
                protocol::FRAGMENT => {
                    let word = u16::from_be_bytes(*payload.get(2..)?.first_chunk()?);
                    head.fragment = Some((word & !7, word & 1 != 0));
                    let [.., c, d] = *payload.get(4..)?.first_chunk::<4>()?;
                    head.identification = u16::from_be_bytes([c, d]);
                    8
                }
                _ => break,
            };
            protocol = *payload.first()?;
            payload = payload.get(length..)?;
            if head.fragment.is_some_and(|(offset, _)| offset != 0) {
                break;
            }
        }
        Some(Ip { source: address(8)?, destination: address(24)?, protocol, head, payload })
    }

    /// The bytes of the packet. Checksums above IP are not made here.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.bytes_v4(source, destination),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.bytes_v6(source, destination),
            _ => Vec::new(),
        }
    }

    fn bytes_v4(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let Head { ttl, class, identification, fragment, behind: _ } = self.head;
        let flags = match fragment {
            None => DO_NOT_FRAGMENT,
            Some((offset, more)) => (offset / 8) | if more { MORE_FRAGMENTS } else { 0 },
        };
        let length = 20 + self.payload.len();
        let mut bytes = vec![0x45, class];
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend(identification.to_be_bytes());
        bytes.extend(flags.to_be_bytes());
        bytes.extend([ttl, self.protocol, 0, 0]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
        let sum = checksum(&bytes);
        put(&mut bytes, 10, sum);
        bytes.extend(self.payload);
        bytes
    }

    fn bytes_v6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let Head { ttl, class, identification, fragment, behind } = self.head;
        let extensions = 8 * (usize::from(fragment.is_some()) + usize::from(behind.is_some()));
        let mut bytes = vec![0x60 | class >> 4, class << 4];
        bytes.extend(if fragment.is_none() { identification } else { 0 }.to_be_bytes());
        bytes.extend(((self.payload.len() + extensions) as u16).to_be_bytes());
        let rest = if fragment.is_some() { protocol::FRAGMENT } else { self.protocol };
        bytes.extend([behind.unwrap_or(rest), ttl]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
        match behind {
            // type 0, with nothing left of its way
            Some(protocol::ROUTING) => bytes.extend([rest, 0, 0, 0, 0, 0, 0, 0]),
            // options: padding of four bytes
            Some(_) => bytes.extend([rest, 0, 1, 4, 0, 0, 0, 0]),
            None => {}
        }
        if let Some((offset, more)) = fragment {
            bytes.extend([self.protocol, 0]);
            bytes.extend((offset | u16::from(more)).to_be_bytes());
            bytes.extend(u32::from(identification).to_be_bytes());
        }
        bytes.extend(self.payload);
        bytes
    }

    /// What its like are known by.
    pub(crate) fn tuple(&self) -> Option<Tuple> {
        Tuple::of(self.protocol, self.source, self.destination, self.payload)
    }

    /// The packet that an ICMP error is about, with the message's type and code.
    pub(crate) fn refused(&self) -> Option<(u8, u8, Ip<'a>)> {
        let ipv6 = self.source.is_ipv6();
        let expected = if ipv6 { protocol::ICMPV6 } else { protocol::ICMP };
        let [kind, code, ..] = *self.payload else { return None };
        if self.protocol != expected || !icmp::is_error(ipv6, kind) {
            return None;
        }
        Some((kind, code, Ip::parse(self.payload.get(8..)?)?))
    }
}

/// What traces tell of whose a fragment is: of IPv4 source and destination, of IPv6 the first bytes of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FragmentOf([u8; 12]);

impl FragmentOf {
    pub(crate) fn between(source: IpAddr, destination: IpAddr) -> Self {
        let mut known = [0; 12];
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                known
                    .iter_mut()
                    .zip(source.octets().into_iter().chain(destination.octets()))
                    .for_each(|(to, from)| *to = from);
            }
            (IpAddr::V6(source), _) => {
                known.iter_mut().zip(source.octets()).for_each(|(to, from)| *to = from)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => {}
        }
        FragmentOf(known)
    }

    /// Reads the starts of a network header and of what is above it, as traces have them; `None` where it is no fragment. Of
    /// fragments of IPv6 but the first the kernel tells the network header as what is above it.
    pub(crate) fn parse(network: &[u8], transport: &[u8]) -> Option<Self> {
        let header = if network.is_empty() { transport } else { network };
        match header.first()? >> 4 {
            4 => Ip::parse_v4(header)
                .filter(|packet| packet.head.fragment.is_some())
                .map(|packet| FragmentOf::between(packet.source, packet.destination)),
            6 if *header.get(6)? == protocol::FRAGMENT => Some(FragmentOf(*header.get(8..)?.first_chunk()?)),
            _ => None,
        }
    }
}

/// A packet of neighbour discovery.
pub(crate) fn ndp(source: Ipv6Addr, destination: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    seal(source.into(), destination.into(), protocol::ICMPV6, &mut message);
    let (source, destination) = (source.into(), destination.into());
    let head = Head::NEIGHBOURLY;
    Ip { source, destination, protocol: protocol::ICMPV6, head, payload: &message }.bytes()
}

/// What tells the packets of a flow from others. For ICMP the source's port is the identifier, and the destination's
/// the type; what has neither has 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tuple {
    pub(crate) protocol: u8,
    pub(crate) source: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination: IpAddr,
    pub(crate) destination_port: u16,
}

impl Tuple {
    /// Reads the starts of a network header and of what is above it, as traces have them.
    pub(crate) fn parse(network: &[u8], transport: &[u8]) -> Option<Tuple> {
        let packet = Ip::parse(network)?;
        Tuple::of(packet.protocol, packet.source, packet.destination, transport)
    }

    /// The same of a packet of IPv6 whose header is followed by others, which traces have not: what is above them is a packet of
    /// this protocol.
    pub(crate) fn behind_extensions(network: &[u8], transport: &[u8], number: u8) -> Option<Tuple> {
        let address = |at: usize| Some(Ipv6Addr::from(*network.get(at..)?.first_chunk::<16>()?).into());
        let follows = [protocol::HOP_BY_HOP, protocol::ROUTING, protocol::DESTINATION_OPTIONS];
        (network.first()? >> 4 == 6 && follows.contains(network.get(6)?))
            .then(|| Tuple::of(number, address(8)?, address(24)?, transport))?
    }

    fn of(number: u8, source: IpAddr, destination: IpAddr, payload: &[u8]) -> Option<Tuple> {
        let word = |at: usize| {
            payload.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u16::from_be_bytes)
        };
        let (source_port, destination_port) = match number {
            protocol::ICMP | protocol::ICMPV6 => (word(4).unwrap_or(0), u16::from(*payload.first()?)),
            _ if protocol::has_ports(number) => (word(0)?, word(2)?),
            _ => (0, 0),
        };
        Some(Tuple { protocol: number, source, source_port, destination, destination_port })
    }

    /// That of the answer.
    pub(crate) fn reversed(self) -> Tuple {
        let Tuple { protocol, source, source_port, destination, destination_port } = self;
        let (source, destination) = (destination, source);
        if !matches!(protocol, protocol::ICMP | protocol::ICMPV6) {
            return Tuple {
                protocol,
                source,
                source_port: destination_port,
                destination,
                destination_port: source_port,
            };
        }
        let kind = u8::try_from(destination_port).ok().and_then(|kind| echo_answer(source.is_ipv6(), kind));
        let destination_port = kind.unwrap_or(u8::MAX).into();
        Tuple { protocol, source, source_port, destination, destination_port }
    }

    /// Whether it belongs to the search for neighbours, without which nothing else gets through.
    pub(crate) fn is_neighbour_discovery(self) -> bool {
        let kind = u8::try_from(self.destination_port);
        self.protocol == protocol::ICMPV6 && kind.is_ok_and(|kind| icmp::NEIGHBOUR_DISCOVERY.contains(&kind))
    }
}

/// The type of the answer to an ICMP message, where the protocol has one.
pub(crate) fn echo_answer(ipv6: bool, kind: u8) -> Option<u8> {
    match (ipv6, kind) {
        (false, icmp::ECHO) => Some(icmp::ECHO_REPLY),
        (true, icmp::ECHO_V6) => Some(icmp::ECHO_REPLY_V6),
        _ => None,
    }
}

/// An ICMP message without its checksum.
pub(crate) fn icmp_message(kind: u8, code: u8, identifier: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(identifier.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(payload);
    message
}

/// A UDP datagram without its checksum.
pub(crate) fn udp_datagram(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(from.to_be_bytes());
    datagram.extend(to.to_be_bytes());
    datagram.extend(((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

/// Puts the checksum into what lies above IP, where the protocol has one that is made so.
pub(crate) fn seal(source: IpAddr, destination: IpAddr, number: u8, payload: &mut [u8]) {
    let place = match number {
        protocol::ICMP | protocol::ICMPV6 => 2,
        protocol::TCP => 16,
        protocol::UDP => 6,
        _ => return,
    };
    put(payload, place, 0);
    let mut sum = Sum::default();
    if number != protocol::ICMP {
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => sum.add(&address.octets()),
                IpAddr::V6(address) => sum.add(&address.octets()),
            }
        }
        sum.add(&(payload.len() as u32).to_be_bytes());
        sum.add(&[0, number]);
    }
    sum.add(payload);
    let sum = match sum.finish() {
        // no checksum at all is written as zero
        0 if number == protocol::UDP => 0xffff,
        sum => sum,
    };
    put(payload, place, sum);
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = Sum::default();
    sum.add(bytes);
    sum.finish()
}

#[derive(Default)]
struct Sum(u64);

impl Sum {
    /// Adds bytes, whose number is even for all but the last ones.
    fn add(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(2) {
            let low = word.get(1).copied().unwrap_or(0);
            self.0 += u64::from(u16::from_be_bytes([word.first().copied().unwrap_or(0), low]));
        }
    }

    fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

#[cfg(test)]
mod tests;
