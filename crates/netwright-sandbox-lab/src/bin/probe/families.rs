//! Ways by sockets of other kinds.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use crate::net::socket_address;
use crate::{Came, Outcome, Way, token, word};
use netwright_confine::attempt::{self, Argument, call};

pub(crate) const WAYS: &[Way] = &[
    ("raw", raw_socket),
    ("raw-icmp", raw_icmp),
    ("packet", packet),
    ("family", family),
    ("netlink", |words| {
        attempt::socket(libc::AF_NETLINK, libc::SOCK_RAW, word(words, 0)?.parse()?)?;
        Ok(Came::Breach(format!("a netlink socket of protocol {}", word(words, 0)?)))
    }),
    ("ring", ring),
    ("gate-32", gate_32),
    ("x32", |_| {
        const X32: i64 = 0x4000_0000;
        call(X32 | libc::SYS_socket, [libc::AF_VSOCK.into(), libc::SOCK_STREAM.into(), 0.into()])?;
        Ok(Came::Breach("a vsock socket by the x32 gate".into()))
    }),
    ("pair", |_| {
        let mut pair = [0; 8];
        call(
            libc::SYS_socketpair,
            [libc::AF_TIPC.into(), libc::SOCK_SEQPACKET.into(), 0.into(), Argument::Room(&mut pair)],
        )?;
        Ok(Came::Breach("a pair of TIPC sockets".into()))
    }),
];

fn send(socket: &impl AsRawFd, data: &[u8], to: &[u8]) -> std::io::Result<()> {
    let (length, room) = (data.len() as i64, to.len() as i64);
    let fd = socket.as_raw_fd();
    let arguments =
        [fd.into(), Argument::Bytes(data), length.into(), 0.into(), Argument::Bytes(to), room.into()];
    call(libc::SYS_sendto, arguments).map(drop)
}

/// A whole packet: UDP with the token to port 5000.
fn raw_socket(words: &[&str]) -> Outcome {
    let to: IpAddr = word(words, 0)?.parse()?;
    let data = token().into_bytes();
    let length = (8 + data.len()) as u16;
    let udp = [&[5000, 5000, length, 0].map(u16::to_be_bytes).concat(), &data[..]].concat();
    let (socket, packet) = match to {
        IpAddr::V4(to) => {
            let head = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0];
            let socket = attempt::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW)?;
            (socket, [&head[..], &to.octets(), &udp].concat())
        }
        IpAddr::V6(_) => (attempt::socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_UDP)?, udp),
    };
    send(&socket, &packet, &socket_address(SocketAddr::new(to, 0)))?;
    Ok(Came::Breach(format!("a raw packet to {to} was sent")))
}

/// An ICMP message of any type with the token.
fn raw_icmp(words: &[&str]) -> Outcome {
    let to: IpAddr = word(words, 0)?.parse()?;
    let kind: u8 = word(words, 1)?.parse()?;
    let (family, protocol) = match to {
        IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_ICMP),
        IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
    };
    let mut outcome = Err("no socket".to_owned());
    for sort in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        let sent = attempt::socket(family, sort, protocol).and_then(|socket| {
            let message = [&[kind, 0, 0, 0, 0, 1, 0, 1][..], token().as_bytes()].concat();
            send(&socket, &message, &socket_address(SocketAddr::new(to, 0)))
        });
        if outcome.is_err() {
            outcome = sent.map_err(|error| error.to_string());
        }
    }
    outcome?;
    Ok(Came::Reached(format!("ICMP type {kind} to {to} was sent")))
}

/// A frame on the first link that takes it.
fn packet(words: &[&str]) -> Outcome {
    const IPV4: u16 = 0x0800;
    let sort = if word(words, 0)? == "datagram" { libc::SOCK_DGRAM } else { libc::SOCK_RAW };
    let socket = attempt::socket(libc::AF_PACKET, sort, i32::from(IPV4.to_be()))?;
    let data = token().into_bytes();
    for link in 1_u32..8 {
        // struct sockaddr_ll with the broadcast address.
        let to = [
            &(libc::AF_PACKET as u16).to_ne_bytes()[..],
            &IPV4.to_be_bytes(),
            &link.to_ne_bytes(),
            &[0, 0, 0, 6],
            &[0xff; 6],
            &[0; 2],
        ]
        .concat();
        let head = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 10, 77, 0, 2, 203, 0, 113, 66];
        let ethernet: &[u8] = if sort == libc::SOCK_RAW {
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0]
        } else {
            &[]
        };
        let _ = send(&socket, &[ethernet, &head, &data].concat(), &to);
    }
    Ok(Came::Breach("a packet socket".into()))
}

/// A socket of a family, of any type that the family has.
fn family(words: &[&str]) -> Outcome {
    let family: i32 = word(words, 0)?.parse()?;
    let types = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET, libc::SOCK_RAW];
    let made = types.into_iter().find(|kind| attempt::socket(family, *kind, 0).is_ok());
    match made {
        Some(kind) => Ok(Came::Breach(format!("a socket of family {family}, type {kind}"))),
        None => Err(attempt::socket(family, libc::SOCK_STREAM, 0)
            .err()
            .map_or("gone".into(), |error| error.into())),
    }
}

/// Sockets made by an io_uring, which no filter of system calls sees.
fn ring(words: &[&str]) -> Outcome {
    const SOCKET: u8 = 45;
    let family: i32 = word(words, 0)?.parse()?;
    let mut entry = [0; 64];
    entry[0] = SOCKET;
    entry[4..8].copy_from_slice(&family.to_ne_bytes());
    entry[8..16].copy_from_slice(&(libc::SOCK_STREAM as u64).to_ne_bytes());
    let fd = attempt::ring(&entry)?;
    Ok(Came::Breach(format!("descriptor {fd}, a socket of family {family}, by io_uring")))
}

/// The same by the gate of 32-bit programs.
#[cfg(target_arch = "x86_64")]
fn gate_32(words: &[&str]) -> Outcome {
    const SOCKET: u32 = 359;
    let fd = attempt::call_32(SOCKET, [word(words, 0)?.parse()?, word(words, 1)?.parse()?, 0])?;
    Ok(Came::Breach(format!("descriptor {fd}, a socket by the gate of 32-bit programs")))
}

/// The same by the gate of 32-bit programs.
#[cfg(not(target_arch = "x86_64"))]
fn gate_32(_: &[&str]) -> Outcome {
    Err("this machine has no such gate".into())
}
