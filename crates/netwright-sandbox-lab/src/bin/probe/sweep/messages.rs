//! Every control message beside a datagram.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::{KINDS, Kind, Targets, counted};
use crate::net::{send_message, socket_address};
use crate::{Came, Outcome};

pub(super) fn sweep(targets: &Targets) -> Outcome {
    for kind in KINDS.into_iter().filter(|kind| kind.kind == libc::SOCK_DGRAM) {
        let mut combinations = 0;
        for (level, types) in levels(kind.ipv6) {
            let Ok(socket) = kind.socket() else { continue };
            for (number, value) in (0..types).flat_map(|number| values().map(|value| (number, value))) {
                for to in targets.of(kind) {
                    let _ = send(kind, &socket, to, (level, number), &value);
                    combinations += 1;
                }
            }
        }
        counted(&format!("message-{}", kind.name), combinations);
    }
    Ok(Came::Reached("the end of the messages".into()))
}

/// Levels that the kernel reads of a family, with all types; of others, to which it pays no heed, with a few.
fn levels(ipv6: bool) -> impl Iterator<Item = (i32, i32)> {
    let read = if ipv6 { [1, 17, 41] } else { [1, 17, 0] };
    [0, 1, 6, 17, 41, 58, 132, 136, 255]
        .into_iter()
        .map(move |level| (level, if read.contains(&level) { 256 } else { 2 }))
}

/// Numbers, and what says where a packet comes from, where it goes out, and by which way.
fn values() -> [Vec<u8>; 7] {
    let elsewhere_v6 = [0x20, 1, 0xd, 0xb8, 0xb, 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66];
    [
        1_u32.to_ne_bytes().to_vec(),
        [[0, 0, 0, 0], [203, 0, 113, 66], [0, 0, 0, 0]].concat(),
        [elsewhere_v6.as_slice(), &1_u32.to_ne_bytes()].concat(),
        [&[0, 2, 2, 1, 0, 0, 0, 0], elsewhere_v6.as_slice()].concat(),
        // a route by segments (RFC 8754), and an option for the destination (RFC 8200) that nobody knows
        [&[0, 4, 4, 1, 1, 0, 0, 0], elsewhere_v6.as_slice(), &elsewhere_v6].concat(),
        vec![0, 0, 0x1e, 4, 1, 2, 3, 4],
        vec![131, 7, 4, 203, 0, 113, 66, 0],
    ]
}

fn send(
    kind: Kind,
    socket: &OwnedFd,
    to: SocketAddr,
    (level, number): (i32, i32),
    value: &[u8],
) -> std::io::Result<i64> {
    /// `sizeof(struct cmsghdr)`, and what it is padded to.
    const HEAD: usize = 16;
    let (name, data) = (socket_address(to), kind.payload());
    let mut control = [
        ((HEAD + value.len()) as u64).to_ne_bytes().as_slice(),
        &level.to_ne_bytes(),
        &number.to_ne_bytes(),
        value,
    ]
    .concat();
    control.resize(control.len().next_multiple_of(8), 0);
    send_message(socket, &name, &data, &control, libc::MSG_NOSIGNAL)
}
