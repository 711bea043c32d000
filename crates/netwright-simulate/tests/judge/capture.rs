//! What a capture sees: just enough of Ethernet, IP and what is above to tell whose a packet is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A packet, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    /// Flags of TCP; type and code of ICMP.
    pub(crate) flags: u8,
    pub(crate) code: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// A frame's packet.
pub(crate) fn frame(bytes: &[u8]) -> Option<Packet> {
    match word(bytes, 12)? {
        0x0800 | 0x86dd => packet(bytes.get(14..)?),
        _ => None,
    }
}

/// A packet from its IP header on.
pub(crate) fn packet(bytes: &[u8]) -> Option<Packet> {
    let (source, destination, protocol, rest): (IpAddr, IpAddr, u8, &[u8]) = match bytes.first()? >> 4 {
        4 => {
            let address = |at: usize| {
                let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
                Some(IpAddr::V4(Ipv4Addr::from(four)))
            };
            let head = usize::from(bytes.first()? & 15) * 4;
            (address(12)?, address(16)?, *bytes.get(9)?, bytes.get(head..)?)
        }
        6 => {
            let address = |at: usize| {
                let all: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
                Some(IpAddr::V6(Ipv6Addr::from(all)))
            };
            (address(8)?, address(24)?, *bytes.get(6)?, bytes.get(40..)?)
        }
        _ => return None,
    };
    let (source_port, destination_port, flags, code, head) = match protocol {
        TCP => (
            word(rest, 0)?,
            word(rest, 2)?,
            *rest.get(13).unwrap_or(&0),
            0,
            usize::from(rest.get(12).unwrap_or(&0x50) >> 4) * 4,
        ),
        UDP => (word(rest, 0)?, word(rest, 2)?, 0, 0, 8),
        ICMP | ICMPV6 => (word(rest, 4).unwrap_or(0), 0, *rest.first()?, *rest.get(1)?, 8),
        _ => (0, 0, 0, 0, 0),
    };
    let payload = rest.get(head..).unwrap_or_default().to_vec();
    Some(Packet { source, destination, protocol, source_port, destination_port, flags, code, payload })
}

impl Packet {
    /// The packet that an ICMP error is about.
    pub(crate) fn about(&self) -> Option<Packet> {
        let error = match self.protocol {
            ICMP => matches!(self.flags, 3 | 11 | 12),
            ICMPV6 => self.flags < 128,
            _ => false,
        };
        if error { packet(&self.payload) } else { None }
    }
}
