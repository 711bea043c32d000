//! Packets that answer a packet, ready for a raw socket that takes them with their IP header.

use std::net::{IpAddr, SocketAddr};

use super::{ICMP_HEADER, IPV4_HEADER, IPV6_HEADER, Packet, TCP_HEADER, checksum, flag, number};

/// Why a destination cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// No route to its network.
    Network,
    /// Nobody answers at its address.
    Host,
    /// Nobody listens at its port.
    Port,
    /// It is forbidden.
    Prohibited,
}

/// Type and code of an ICMP error, each family's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IcmpMessage {
    pub(crate) kind: u8,
    pub(crate) code: u8,
}

impl Unreachable {
    /// Its message in a family.
    pub(crate) fn message(self, ipv6: bool) -> IcmpMessage {
        let (kind, code) = match (self, ipv6) {
            (Unreachable::Network, false) => (3, 0),
            (Unreachable::Host, false) => (3, 1),
            (Unreachable::Port, false) => (3, 3),
            (Unreachable::Prohibited, false) => (3, 13),
            (Unreachable::Network, true) => (1, 0),
            (Unreachable::Prohibited, true) => (1, 1),
            (Unreachable::Host, true) => (1, 3),
            (Unreachable::Port, true) => (1, 4),
        };
        IcmpMessage { kind, code }
    }
}

/// The longest packets with ICMP errors (RFC 1812, 4443).
const IPV4_ERROR: usize = 576;
const IPV6_ERROR: usize = 1280;

impl Packet<'_> {
    /// The reset that refuses a TCP segment; `None` where it is none or a reset itself.
    pub(crate) fn reset(&self) -> Option<Vec<u8>> {
        let segment = self.segment().filter(|segment| segment.flags & flag::RST == 0)?;
        let (sequence, acknowledgement, flags) = match segment.flags & flag::ACK {
            0 => {
                let taken = (segment.flags & flag::SYN != 0) as u32 + (segment.flags & flag::FIN != 0) as u32;
                let end = segment.sequence.wrapping_add(segment.payload as u32).wrapping_add(taken);
                (0, end, flag::RST | flag::ACK)
            }
            _ => (segment.acknowledgement, 0, flag::RST),
        };
        let (from, to) = (self.destination(), self.source());
        let mut answer = Vec::with_capacity(TCP_HEADER);
        answer.extend(from.port().to_be_bytes());
        answer.extend(to.port().to_be_bytes());
        answer.extend(sequence.to_be_bytes());
        answer.extend(acknowledgement.to_be_bytes());
        answer.extend([(TCP_HEADER as u8 / 4) << 4, flags, 0, 0, 0, 0, 0, 0]);
        let sum = checksum::with_addresses(from.ip(), to.ip(), number::TCP, &answer);
        set(&mut answer, 16, sum);
        Some(packet(from.ip(), to.ip(), number::TCP, &answer))
    }

    /// The ICMP error about this packet, in the name of its destination.
    pub(crate) fn error(&self, message: IcmpMessage) -> Vec<u8> {
        let longest = match self.source {
            IpAddr::V4(_) => IPV4_ERROR - IPV4_HEADER - ICMP_HEADER,
            IpAddr::V6(_) => IPV6_ERROR - IPV6_HEADER - ICMP_HEADER,
        };
        let quoted = self.bytes.get(..longest).unwrap_or(self.bytes);
        let mut answer = vec![message.kind, message.code, 0, 0, 0, 0, 0, 0];
        answer.extend(quoted);
        self.icmp(answer)
    }

    /// The reply to an echo request; `None` where it is none.
    pub(crate) fn echo_reply(&self) -> Option<Vec<u8>> {
        let echo = self.echo_request()?;
        let mut answer = vec![if self.source.is_ipv4() { 0 } else { 129 }, 0, 0, 0];
        answer.extend(echo.identifier.to_be_bytes());
        answer.extend(echo.sequence.to_be_bytes());
        answer.extend(echo.payload);
        Some(self.icmp(answer))
    }

    /// An ICMP message from this packet's destination to its source.
    fn icmp(&self, mut message: Vec<u8>) -> Vec<u8> {
        let (protocol, sum) = match self.source {
            IpAddr::V4(_) => (number::ICMP, checksum::of(&message)),
            IpAddr::V6(_) => {
                let sum = checksum::with_addresses(self.destination, self.source, number::ICMPV6, &message);
                (number::ICMPV6, sum)
            }
        };
        set(&mut message, 2, sum);
        packet(self.destination, self.source, protocol, &message)
    }

    /// The packet as it would be on a wire: the kernel logs segments and datagrams before their checksum is complete.
    pub(crate) fn completed(&self) -> Vec<u8> {
        let mut whole = self.bytes.to_vec();
        let place = match self.protocol {
            number::TCP => 16,
            number::UDP => 6,
            _ => return whole,
        };
        if let Some(message) = self.transport.and_then(|at| whole.get_mut(at..)) {
            set(message, place, 0);
            let sum = checksum::with_addresses(self.source, self.destination, self.protocol, message);
            // In a datagram, 0 says that there is none (RFC 768); of both, this is the same sum.
            set(message, place, if sum == 0 { u16::MAX } else { sum });
        }
        whole
    }
}

/// The headers of a UDP datagram between two addresses of a family with this many bytes, for ICMP errors to quote.
pub(crate) fn datagram_start(source: SocketAddr, destination: SocketAddr, length: usize) -> Vec<u8> {
    const UDP_HEADER: usize = 8;
    let whole = u16::try_from(length + UDP_HEADER).unwrap_or(u16::MAX);
    let mut datagram = Vec::with_capacity(UDP_HEADER);
    for number in [source.port(), destination.port(), whole, 0] {
        datagram.extend(number.to_be_bytes());
    }
    let mut start = packet(source.ip(), destination.ip(), number::UDP, &datagram);
    match source {
        SocketAddr::V4(_) => {
            set(&mut start, 2, whole.saturating_add(IPV4_HEADER as u16));
            set_ipv4_checksum(&mut start);
        }
        SocketAddr::V6(_) => set(&mut start, 4, whole),
    }
    start
}

/// A packet with this message, which is at most 65515 bytes long.
fn packet(source: IpAddr, destination: IpAddr, protocol: u8, message: &[u8]) -> Vec<u8> {
    const HOPS: u8 = 64;
    let mut packet = Vec::with_capacity(IPV6_HEADER + message.len());
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = (IPV4_HEADER + message.len()) as u16;
            packet.extend([0x45, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([0, 0, 0x40, 0, HOPS, protocol, 0, 0]); // not to be fragmented
            packet.extend(source.octets());
            packet.extend(destination.octets());
            set_ipv4_checksum(&mut packet);
        }
        (source, destination) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((message.len() as u16).to_be_bytes());
            packet.extend([protocol, HOPS]);
            packet.extend(ipv6_octets(source));
            packet.extend(ipv6_octets(destination));
        }
    }
    packet.extend(message);
    packet
}

fn ipv6_octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn set_ipv4_checksum(packet: &mut [u8]) {
    set(packet, 10, 0);
    let sum = packet.get(..IPV4_HEADER).map_or(0, checksum::of);
    set(packet, 10, sum);
}

/// Writes a number into bytes; nothing where they end before.
fn set(bytes: &mut [u8], at: usize, number: u16) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = number.to_be_bytes();
    }
}

/// An echo request with as many bytes of payload, which say nothing.
pub(crate) fn echo_request(ipv6: bool, identifier: u16, sequence: u16, length: usize) -> Vec<u8> {
    let mut request = vec![if ipv6 { 128 } else { 8 }, 0, 0, 0];
    request.extend(identifier.to_be_bytes());
    request.extend(sequence.to_be_bytes());
    request.extend((0..length).map(|at| at as u8));
    if !ipv6 {
        let sum = checksum::of(&request); // of ICMPv6 the kernel knows the addresses that belong to it
        set(&mut request, 2, sum);
    }
    request
}

/// Identifier and sequence number in an echo reply without its IP header; `None` where it is another message.
pub(crate) fn echo_reply(ipv6: bool, message: &[u8]) -> Option<(u16, u16)> {
    let &[kind, 0, _, _, i0, i1, s0, s1] = message.first_chunk()? else { return None };
    let is_reply = kind == if ipv6 { 129 } else { 0 };
    is_reply.then_some((u16::from_be_bytes([i0, i1]), u16::from_be_bytes([s0, s1])))
}
