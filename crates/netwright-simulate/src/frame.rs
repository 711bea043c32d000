//! Ethernet frames, and the two protocols by which neighbours find each other: ARP (RFC 826) and neighbour discovery
//! (RFC 4861).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::{self, Ip, icmp, protocol};

/// A hardware address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl Mac {
    pub(crate) const BROADCAST: Mac = Mac([0xff; 6]);

    pub(crate) fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Where packets to a group of IP addresses go (RFC 1112, RFC 2464).
    pub(crate) fn of_group(address: IpAddr) -> Mac {
        match address {
            IpAddr::V4(address) => {
                let [_, b, c, d] = address.octets();
                Mac([1, 0, 0x5e, b & 0x7f, c, d])
            }
            IpAddr::V6(address) => {
                let [.., a, b, c, d] = address.octets();
                Mac([0x33, 0x33, a, b, c, d])
            }
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A VLAN tag: its EtherType and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tag {
    pub(crate) kind: u16,
    pub(crate) id: u16,
}

/// EtherTypes (`ETH_P_*`).
pub(crate) mod ether {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const ARP: u16 = 0x0806;
    pub(crate) const DOT1Q: u16 = 0x8100;
    pub(crate) const IPV6: u16 = 0x86dd;
    pub(crate) const DOT1AD: u16 = 0x88a8;
    /// For experiments (IEEE 802).
    pub(crate) const EXPERIMENT: u16 = 0x88b5;
}

/// A frame in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) to: Mac,
    pub(crate) from: Mac,
    /// From the outermost to the innermost.
    pub(crate) tags: Vec<Tag>,
    pub(crate) kind: u16,
    pub(crate) payload: &'a [u8],
}

const ADDRESS: usize = 6;

impl<'a> Frame<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let to = Mac(*bytes.first_chunk()?);
        let from = Mac(*bytes.get(ADDRESS..)?.first_chunk()?);
        let mut rest = bytes.get(2 * ADDRESS..)?;
        let mut tags = Vec::new();
        loop {
            let kind = u16::from_be_bytes(*rest.first_chunk()?);
            rest = rest.get(2..)?;
            if !matches!(kind, ether::DOT1Q | ether::DOT1AD) {
                return Some(Frame { to, from, tags, kind, payload: rest });
            }
            let tag = u16::from_be_bytes(*rest.first_chunk()?);
            tags.push(Tag { kind, id: tag & 0xfff });
            rest = rest.get(2..)?;
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * ADDRESS + 4 * self.tags.len() + 2 + self.payload.len());
        bytes.extend(self.to.0);
        bytes.extend(self.from.0);
        for tag in &self.tags {
            bytes.extend(tag.kind.to_be_bytes());
            bytes.extend(tag.id.to_be_bytes());
        }
        bytes.extend(self.kind.to_be_bytes());
        bytes.extend(self.payload);
        bytes
    }
}

/// What neighbours say to find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discovery {
    /// "Who has this address?", with the address that asks.
    Asks { target: IpAddr, sender: IpAddr },
    /// "This address is at this hardware address."
    Tells { target: IpAddr, at: Mac },
}

const ARP_REQUEST: u16 = 1;
const ARP_REPLY: u16 = 2;
/// Ethernet and IPv4, with the lengths of their addresses.
const ARP_HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];
const OPTION_SOURCE: u8 = 1;
const OPTION_TARGET: u8 = 2;
/// Solicited, and it overrides what was known.
const ADVERTISEMENT_FLAGS: [u8; 4] = [0x60, 0, 0, 0];

impl Discovery {
    /// What a frame's payload says; `None` where it is something else.
    pub(crate) fn parse(kind: u16, payload: &[u8]) -> Option<Self> {
        match kind {
            ether::ARP => Discovery::parse_arp(payload),
            ether::IPV6 => Discovery::parse_ndp(&Ip::parse(payload)?),
            _ => None,
        }
    }

    pub(crate) fn parse_arp(payload: &[u8]) -> Option<Self> {
        if payload.get(..6)? != ARP_HEAD {
            return None;
        }
        let address = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(*payload.get(at..)?.first_chunk::<4>()?)));
        match u16::from_be_bytes(*payload.get(6..)?.first_chunk()?) {
            ARP_REQUEST => Some(Discovery::Asks { target: address(24)?, sender: address(14)? }),
            ARP_REPLY => {
                Some(Discovery::Tells { target: address(14)?, at: Mac(*payload.get(8..)?.first_chunk()?) })
            }
            _ => None,
        }
    }

    fn parse_ndp(packet: &Ip<'_>) -> Option<Self> {
        let message = packet.payload;
        if packet.protocol != protocol::ICMPV6 {
            return None;
        }
        let target = || Some(IpAddr::V6(Ipv6Addr::from(*message.get(8..)?.first_chunk::<16>()?)));
        match *message.first()? {
            icmp::NEIGHBOUR_SOLICITATION => {
                Some(Discovery::Asks { target: target()?, sender: packet.source })
            }
            icmp::NEIGHBOUR_ADVERTISEMENT => {
                let at = option(message.get(24..)?, OPTION_TARGET)?;
                Some(Discovery::Tells { target: target()?, at })
            }
            _ => None,
        }
    }
}

/// The hardware address in an option of neighbour discovery.
fn option(mut options: &[u8], wanted: u8) -> Option<Mac> {
    loop {
        let [kind, length, ..] = *options else { return None };
        if kind == wanted {
            return Some(Mac(*options.get(2..)?.first_chunk()?));
        }
        options = options.get(usize::from(length.max(1)) * 8..)?;
    }
}

/// Where a question for an address goes, its EtherType, and the question.
pub(crate) fn question(target: IpAddr, sender: IpAddr, from: Mac) -> Option<(Mac, u16, Vec<u8>)> {
    match (target, sender) {
        (IpAddr::V4(target), IpAddr::V4(sender)) => {
            Some((Mac::BROADCAST, ether::ARP, arp(ARP_REQUEST, (from, sender), (Mac::default(), target))))
        }
        (IpAddr::V6(target), IpAddr::V6(sender)) => {
            let [.., a, b, c] = target.octets();
            let group =
                Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
            let message =
                neighbour_message(icmp::NEIGHBOUR_SOLICITATION, [0; 4], target, OPTION_SOURCE, from);
            let packet = packet::ndp(sender, group, message);
            Some((Mac::of_group(group.into()), ether::IPV6, packet))
        }
        _ => None,
    }
}

/// The answer to who asks for an address: its EtherType and itself.
pub(crate) fn answer(target: IpAddr, at: Mac, asked: IpAddr, asking: Mac) -> Option<(u16, Vec<u8>)> {
    match (target, asked) {
        (IpAddr::V4(target), IpAddr::V4(asked)) => {
            Some((ether::ARP, arp(ARP_REPLY, (at, target), (asking, asked))))
        }
        (IpAddr::V6(target), IpAddr::V6(asked)) => {
            let kind = icmp::NEIGHBOUR_ADVERTISEMENT;
            let message = neighbour_message(kind, ADVERTISEMENT_FLAGS, target, OPTION_TARGET, at);
            Some((ether::IPV6, packet::ndp(target, asked, message)))
        }
        _ => None,
    }
}

fn arp(operation: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut bytes = ARP_HEAD.to_vec();
    bytes.extend(operation.to_be_bytes());
    for (mac, address) in [sender, target] {
        bytes.extend(mac.0);
        bytes.extend(address.octets());
    }
    bytes
}

fn neighbour_message(kind: u8, flags: [u8; 4], target: Ipv6Addr, option: u8, mac: Mac) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(flags);
    message.extend(target.octets());
    message.extend([option, 1]);
    message.extend(mac.0);
    message
}

#[cfg(test)]
mod tests;
