//! Every option of a socket that succeeds without a privilege, each with every way to send.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use netwright_confine::attempt::{Argument, call};

use super::{KINDS, Kind, Targets, counted};
use crate::net::socket_address;
use crate::{Came, Outcome};

/// IP, the socket's own, TCP, UDP, IPv6, ICMPv6, SCTP, UDP-Lite, raw.
const LEVELS: [i32; 9] = [0, 1, 6, 17, 41, 58, 132, 136, 255];
/// An option is combined with so many of the values that it takes.
const TAKEN: usize = 2;

pub(super) fn sweep(targets: &Targets) -> Outcome {
    let (mut tried, mut taken) = (0, 0);
    for kind in KINDS {
        let mut combinations = 0;
        for (level, option, value) in options(kind, &mut tried) {
            taken += 1;
            for to in targets.of(kind) {
                for way in WAYS {
                    let Ok(socket) = kind.socket() else { continue };
                    set(&socket, level, option, &value);
                    let _ = way(kind, &socket, to);
                    combinations += 1;
                }
            }
        }
        counted(&format!("option-{}", kind.name), combinations);
    }
    counted("option-set", tried);
    counted("option-taken", taken);
    Ok(Came::Reached("the end of the options".into()))
}

pub(super) fn set(socket: &OwnedFd, level: i32, option: i32, value: &[u8]) -> bool {
    let length = value.len() as i64;
    let arguments =
        [socket.as_raw_fd().into(), level.into(), option.into(), Argument::Bytes(value), length.into()];
    call(libc::SYS_setsockopt, arguments).is_ok()
}

/// The options that are taken, each with some values.
fn options(kind: Kind, tried: &mut usize) -> Vec<(i32, i32, Vec<u8>)> {
    let mut taken = Vec::new();
    let Ok(mut socket) = kind.socket() else { return taken };
    for level in LEVELS {
        for option in 0..=255 {
            let before = taken.len();
            for value in values() {
                *tried += 1;
                if taken.len() - before < TAKEN && set(&socket, level, option, &value) {
                    taken.push((level, option, value));
                    // What was set on it does not count for the next one.
                    match kind.socket() {
                        Ok(new) => socket = new,
                        Err(_) => return taken,
                    }
                }
            }
        }
    }
    taken
}

/// Numbers, addresses of here and elsewhere, names of links, and routes of a packet's own.
fn values() -> Vec<Vec<u8>> {
    let numbers = [1_i32, 0, 2, 6, 64, -1, 0x6e77].map(|number| number.to_ne_bytes().to_vec());
    let mut values = numbers.to_vec();
    let elsewhere_v6 = [0x20, 1, 0xd, 0xb8, 0xb, 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66];
    let elsewhere: [u8; 4] = [203, 0, 113, 66];
    values.push(vec![0; 8]);
    values.push(vec![0; 16]);
    values.push(b"lo\0".to_vec());
    values.push(b"eth0\0".to_vec());
    // struct in6_pktinfo, struct in_pktinfo, struct ip_mreqn
    values.push([elsewhere_v6.as_slice(), &1_u32.to_ne_bytes()].concat());
    values.push([&1_u32.to_ne_bytes(), elsewhere.as_slice(), &elsewhere].concat());
    values.push([[239, 1, 2, 3], elsewhere, [0; 4]].concat());
    values.push(elsewhere.to_vec());
    // a loose source route; routing headers of types 0, 2 and 4; a header of options for each hop
    values.push([&[131, 7, 4], elsewhere.as_slice(), &[0]].concat());
    for kind in [0, 2] {
        values.push([&[0, 2, kind, 1, 0, 0, 0, 0], elsewhere_v6.as_slice()].concat());
    }
    values.push([&[0, 4, 4, 1, 1, 0, 0, 0], elsewhere_v6.as_slice(), &elsewhere_v6].concat());
    values.push(vec![0, 0, 5, 2, 0, 0, 1, 0]);
    values
}

type Send = fn(Kind, &OwnedFd, SocketAddr) -> std::io::Result<()>;

/// Connecting and sending, sending to an address, and the same from a source that is elsewhere, with which a first packet may go to oneself.
const WAYS: [Send; 3] = [connected, sent, from_elsewhere];

fn connected(kind: Kind, socket: &OwnedFd, to: SocketAddr) -> std::io::Result<()> {
    let (name, data) = (socket_address(to), kind.payload());
    let connected = call(
        libc::SYS_connect,
        [socket.as_raw_fd().into(), Argument::Bytes(&name), (name.len() as i64).into()],
    );
    let sent = call(
        libc::SYS_sendto,
        [
            socket.as_raw_fd().into(),
            Argument::Bytes(&data),
            (data.len() as i64).into(),
            libc::MSG_NOSIGNAL.into(),
            0.into(),
            0.into(),
        ],
    );
    connected.and(sent).map(drop)
}

pub(super) fn sent(kind: Kind, socket: &OwnedFd, to: SocketAddr) -> std::io::Result<()> {
    let (name, data) = (socket_address(to), kind.payload());
    // of TCP, in the first segment
    let flags = libc::MSG_NOSIGNAL | if kind.kind == libc::SOCK_STREAM { libc::MSG_FASTOPEN } else { 0 };
    let arguments = [
        socket.as_raw_fd().into(),
        Argument::Bytes(&data),
        (data.len() as i64).into(),
        flags.into(),
        Argument::Bytes(&name),
        (name.len() as i64).into(),
    ];
    call(libc::SYS_sendto, arguments).map(drop)
}

fn from_elsewhere(kind: Kind, socket: &OwnedFd, to: SocketAddr) -> std::io::Result<()> {
    let bound = bind(socket, SocketAddr::new(to.ip(), 6001));
    // To oneself: what answers it would go there.
    let own: SocketAddr = if to.is_ipv6() {
        SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 53))
    } else {
        SocketAddr::from(([127, 0, 0, 53], 53))
    };
    let opened = sent(kind, socket, own);
    bound.and(opened)?;
    sent(kind, socket, to)
}

pub(super) fn bind(socket: &OwnedFd, address: SocketAddr) -> std::io::Result<()> {
    let address = socket_address(address);
    let arguments = [socket.as_raw_fd().into(), Argument::Bytes(&address), (address.len() as i64).into()];
    call(libc::SYS_bind, arguments).map(drop)
}
