//! The checksum of IP, TCP, UDP and ICMP (RFC 1071).

use std::net::IpAddr;

/// The checksum of bytes.
pub(super) fn of(bytes: &[u8]) -> u16 {
    fold(sum(bytes))
}

/// The checksum of a message of a protocol with the addresses in it.
pub(super) fn with_addresses(source: IpAddr, destination: IpAddr, protocol: u8, message: &[u8]) -> u16 {
    fold(address(source) + address(destination) + u64::from(protocol) + message.len() as u64 + sum(message))
}

fn address(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    }
}

fn sum(bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let odd = rest.first().map_or(0, |&last| u64::from(last) << 8);
    pairs.iter().map(|&pair| u64::from(u16::from_be_bytes(pair))).sum::<u64>() + odd
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
