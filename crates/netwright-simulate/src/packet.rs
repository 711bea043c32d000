//! Packets as bytes: whose they are, and ICMP messages.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Numbers of the protocols above IP (`IPPROTO_*`).
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
}

/// ICMP types (RFC 792, RFC 4443).
pub(crate) mod icmp {
    pub(crate) const ECHO_REPLY: u8 = 0;
    pub(crate) const ECHO: u8 = 8;
    pub(crate) const ECHO_V6: u8 = 128;
    pub(crate) const ECHO_REPLY_V6: u8 = 129;
    /// Router solicitation to redirect (RFC 4861).
    pub(crate) const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;
}

/// What tells the packets of a flow from others. For ICMP the source's port is the identifier, and the destination's
/// the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tuple {
    pub(crate) protocol: u8,
    pub(crate) source: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination: IpAddr,
    pub(crate) destination_port: u16,
}

impl Tuple {
    /// Reads the starts of a network and a transport header.
    pub(crate) fn parse(network: &[u8], transport: &[u8]) -> Option<Tuple> {
        let (protocol, source, destination) = match network.first()? >> 4 {
            4 => {
                let address = |at: usize| Some(Ipv4Addr::from(*network.get(at..)?.first_chunk::<4>()?));
                (*network.get(9)?, IpAddr::V4(address(12)?), IpAddr::V4(address(16)?))
            }
            6 => {
                let address = |at: usize| Some(Ipv6Addr::from(*network.get(at..)?.first_chunk::<16>()?));
                (*network.get(6)?, IpAddr::V6(address(8)?), IpAddr::V6(address(24)?))
            }
            _ => return None,
        };
        let word = |at: usize| {
            transport.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u16::from_be_bytes)
        };
        let (source_port, destination_port) = match protocol {
            protocol::ICMP | protocol::ICMPV6 => (word(4).unwrap_or(0), u16::from(*transport.first()?)),
            _ => (word(0)?, word(2)?),
        };
        Some(Tuple { protocol, source, source_port, destination, destination_port })
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
        let kind = match (protocol, u8::try_from(destination_port)) {
            (protocol::ICMP, Ok(icmp::ECHO)) => icmp::ECHO_REPLY,
            (protocol::ICMPV6, Ok(icmp::ECHO_V6)) => icmp::ECHO_REPLY_V6,
            _ => u8::MAX,
        };
        Tuple { protocol, source, source_port, destination, destination_port: kind.into() }
    }

    /// Whether it belongs to the search for neighbours, without which nothing else gets through.
    pub(crate) fn is_neighbour_discovery(self) -> bool {
        let kind = u8::try_from(self.destination_port);
        self.protocol == protocol::ICMPV6 && kind.is_ok_and(|kind| icmp::NEIGHBOUR_DISCOVERY.contains(&kind))
    }
}

/// Bytes of an ICMP message before its payload.
pub(crate) const ICMP_HEADER: usize = 8;

/// An ICMP message with its checksum, which the kernel overwrites in ICMPv6 messages.
pub(crate) fn icmp_message(kind: u8, identifier: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(identifier.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(payload);
    let checksum = checksum(&message).to_be_bytes();
    message.splice(2..4, checksum);
    message
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| {
        u32::from(word.first().copied().unwrap_or(0)) << 8 | u32::from(word.get(1).copied().unwrap_or(0))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What is behind the header of an IPv4 packet.
pub(crate) fn behind_ipv4(packet: &[u8]) -> Option<&[u8]> {
    packet.get(usize::from(packet.first()? & 0xf) * 4..)
}

/// The destination in the header of an IPv4 packet.
pub(crate) fn ipv4_destination(packet: &[u8]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(*packet.get(16..)?.first_chunk::<4>()?))
}

/// What an ICMP error says, for people.
pub(crate) struct ErrorName {
    pub(crate) ipv6: bool,
    pub(crate) kind: u8,
    pub(crate) code: u8,
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match (self.ipv6, self.kind, self.code) {
            (false, 3, 0) => "network unreachable",
            (false, 3, 1) => "host unreachable",
            (false, 3, 2) => "protocol unreachable",
            (false, 3, 3) => "port unreachable",
            (false, 3, 9) => "network prohibited",
            (false, 3, 10) => "host prohibited",
            (false, 3, 13) => "administratively prohibited",
            (true, 1, 0) => "no route",
            (true, 1, 1) => "administratively prohibited",
            (true, 1, 2) => "beyond the scope of the source",
            (true, 1, 3) => "address unreachable",
            (true, 1, 4) => "port unreachable",
            (true, 1, 5) => "source address failed policy",
            (true, 1, 6) => "route rejected",
            (false, 11, _) | (true, 3, _) => "time exceeded",
            (true, 2, _) => "packet too big",
            (false, 12, _) | (true, 4, _) => "parameter problem",
            (ipv6, kind, code) => {
                return write!(f, "{} type {kind} code {code}", if ipv6 { "icmpv6" } else { "icmp" });
            }
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests;
