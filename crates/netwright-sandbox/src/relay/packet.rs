//! IP packets as the kernel logs them: what they are, and packets that answer them.
//!
//! Sources: RFC 791 and 8200 (IP), 9293 (TCP), 768 (UDP), 792 and 4443 (ICMP).

mod answer;
mod checksum;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) use answer::{IcmpMessage, Unreachable, datagram_start, echo_reply, echo_request};

use crate::Protocol;

/// Numbers of protocols in IP headers (`IPPROTO_*`).
pub(crate) mod number {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
}

const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const TCP_HEADER: usize = 20;
const ICMP_HEADER: usize = 8;

/// Flags of TCP segments.
mod flag {
    pub(super) const FIN: u8 = 0x01;
    pub(super) const SYN: u8 = 0x02;
    pub(super) const RST: u8 = 0x04;
    pub(super) const ACK: u8 = 0x10;
}

/// A packet from its IP header on. What it ends too early for is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// Where the header of the protocol starts, where this is the packet's first fragment.
    transport: Option<usize>,
    /// Length as the IP header has it, in bytes.
    length: usize,
}

impl<'a> Packet<'a> {
    /// Reads the headers; `None` where it is no IP packet.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::read_ipv4(bytes),
            6 => Self::read_ipv6(bytes),
            _ => None,
        }
    }

    fn read_ipv4(bytes: &'a [u8]) -> Option<Self> {
        let header = usize::from(bytes.first()? & 0xf) * 4;
        let fragment = number_at(bytes, 6)? & 0x1fff;
        let source = Ipv4Addr::from(*bytes.get(12..)?.first_chunk::<4>()?);
        let destination = Ipv4Addr::from(*bytes.get(16..)?.first_chunk::<4>()?);
        (header >= IPV4_HEADER && bytes.len() >= header).then_some(Packet {
            bytes,
            source: source.into(),
            destination: destination.into(),
            protocol: *bytes.get(9)?,
            transport: (fragment == 0).then_some(header),
            length: number_at(bytes, 2)?.into(),
        })
    }

    fn read_ipv6(bytes: &'a [u8]) -> Option<Self> {
        let source = Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?);
        let destination = Ipv6Addr::from(*bytes.get(24..)?.first_chunk::<16>()?);
        let (protocol, transport) = behind_extensions(bytes, *bytes.get(6)?);
        Some(Packet {
            bytes,
            source: source.into(),
            destination: destination.into(),
            protocol,
            transport,
            length: IPV6_HEADER + usize::from(number_at(bytes, 4)?),
        })
    }

    /// All its bytes, as far as they were copied.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether bytes at its end were not copied.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.bytes.len() < self.length
    }

    /// Number of its protocol (`IPPROTO_*`).
    #[must_use]
    pub fn protocol_number(&self) -> u8 {
        self.protocol
    }

    /// Its protocol, where that has a name here: of ICMP, echo requests alone.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        match self.protocol {
            number::TCP => Some(Protocol::Tcp),
            number::UDP => Some(Protocol::Udp),
            _ => self.echo_request().map(|_| Protocol::Icmp),
        }
    }

    /// The type of its ICMP or ICMPv6 message.
    #[must_use]
    pub fn icmp_type(&self) -> Option<u8> {
        let is_icmp = matches!(self.protocol, number::ICMP | number::ICMPV6);
        self.transport().filter(|_| is_icmp)?.first().copied()
    }

    /// Where it came from. Of an echo request, the port is its identifier; where there are no ports, it is 0.
    #[must_use]
    pub fn source(&self) -> SocketAddr {
        let port = match self.echo_request() {
            Some(echo) => echo.identifier,
            None => self.port(0).unwrap_or_default(),
        };
        SocketAddr::new(self.source, port)
    }

    /// Where it goes to. Where there are no ports, the port is 0.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        SocketAddr::new(self.destination, self.port(2).unwrap_or_default())
    }

    fn port(&self, at: usize) -> Option<u16> {
        let has_ports = matches!(self.protocol, number::TCP | number::UDP);
        number_at(self.transport()?, at).filter(|_| has_ports)
    }

    /// The header of the protocol and what follows.
    fn transport(&self) -> Option<&'a [u8]> {
        let end = self.length.min(self.bytes.len());
        self.bytes.get(self.transport?..end)
    }

    /// The TCP segment in it.
    pub(crate) fn segment(&self) -> Option<Segment> {
        let segment = self.transport().filter(|_| self.protocol == number::TCP)?;
        Some(Segment {
            sequence: u32::from_be_bytes(*segment.get(4..)?.first_chunk()?),
            acknowledgement: u32::from_be_bytes(*segment.get(8..)?.first_chunk()?),
            flags: *segment.get(13)?,
            payload: segment.len().checked_sub(usize::from(segment.get(12)? >> 4) * 4)?,
        })
    }

    /// The echo request in it.
    pub(crate) fn echo_request(&self) -> Option<Echo<'a>> {
        let message = self.transport()?;
        match (self.protocol, message.first_chunk()?) {
            (number::ICMP, [8, 0]) | (number::ICMPV6, [128, 0]) => Some(Echo {
                identifier: number_at(message, 4)?,
                sequence: number_at(message, 6)?,
                payload: message.get(ICMP_HEADER..)?,
            }),
            _ => None,
        }
    }
}

/// What matters of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) sequence: u32,
    acknowledgement: u32,
    flags: u8,
    /// Bytes behind its header.
    payload: usize,
}

impl Segment {
    /// Whether it opens a connection.
    pub(crate) fn opens(&self) -> bool {
        self.flags & (flag::SYN | flag::ACK | flag::RST | flag::FIN) == flag::SYN
    }
}

/// An echo request of ICMP or ICMPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Echo<'a> {
    pub(crate) identifier: u16,
    pub(crate) sequence: u16,
    pub(crate) payload: &'a [u8],
}

/// The protocol behind the extension headers of an IPv6 packet, and where it starts, if it does in this packet.
fn behind_extensions(bytes: &[u8], first: u8) -> (u8, Option<usize>) {
    /// Headers whose length is in their second byte, in units of eight bytes without the first: hop-by-hop options, routing,
    /// destination options.
    const WITH_LENGTH: [u8; 3] = [0, 43, 60];
    const FRAGMENT: u8 = 44;
    let (mut protocol, mut at) = (first, IPV6_HEADER);
    loop {
        let Some(&[next, length, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else {
            return (protocol, (bytes.len() >= at).then_some(at));
        };
        match protocol {
            FRAGMENT if u16::from_be_bytes([high, low]) >> 3 != 0 => return (next, None),
            FRAGMENT => at += 8,
            _ if WITH_LENGTH.contains(&protocol) => at += (usize::from(length) + 1) * 8,
            _ => return (protocol, Some(at)),
        }
        protocol = next;
    }
}

fn number_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
