//! Every kind of address, each by every kind of socket: what a rule opens is what it says, wherever that lies.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use netwright_confine::attempt::{Argument, call};

use super::options::sent;
use super::sources::own_addresses;
use super::{KINDS, Kind, counted};
use crate::net::{PATIENCE, socket_address};
use crate::{Came, Outcome};

/// Loopbacks, the sandbox's own, the host's, its network's, others', and forms of them all.
const PLACES: [&str; 44] = [
    "127.0.0.1",
    "127.0.0.2",
    "127.0.0.53",
    "127.255.255.254",
    "0.0.0.0",
    "192.0.0.1",
    "192.0.0.2",
    "192.0.0.3",
    "198.18.0.1",
    "100.127.0.1",
    "10.77.0.2",
    "10.77.0.1",
    "10.77.0.9",
    "10.66.0.1",
    "198.51.100.10",
    "203.0.113.66",
    "8.8.8.8",
    "169.254.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "240.0.0.1",
    "::1",
    "::",
    "::2",
    "fd6e:7772:6967:6874::2",
    "fd6e:7772:6967:6875::1",
    "fd00:66::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "2001:db8:77::2",
    "2001:db8:77::1",
    "2001:db8:10::10",
    "2001:db8:bad::66",
    "64:ff9b::7f00:1",
    "64:ff9b::a4d:2",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:a4d:2::1",
    "::ffff:127.0.0.1",
    "::ffff:192.0.0.2",
    "::ffff:10.77.0.2",
    "::ffff:203.0.113.66",
];
/// Those of the host's servers, and others.
const PORTS: [u16; 5] = [7777, 7780, 443, 53, 5000];

pub(super) fn sweep() -> Outcome {
    // A socket that is gone when its answer comes would have the kernel say so.
    let (mut tried, mut connecting, mut sending) = (0, Vec::new(), Vec::new());
    for kind in KINDS {
        let all =
            PLACES.into_iter().filter_map(|text| text.parse::<IpAddr>().ok()).chain(own_addresses(kind.ipv6));
        for to in all.filter(|to| to.is_ipv6() == kind.ipv6) {
            for port in PORTS {
                tried += 1;
                let Ok(socket) = kind.socket() else { continue };
                let to = SocketAddr::new(to, port);
                match kind.kind {
                    libc::SOCK_STREAM => {
                        let name = socket_address(to);
                        let _ = call(
                            libc::SYS_connect,
                            [socket.as_raw_fd().into(), Argument::Bytes(&name), (name.len() as i64).into()],
                        );
                        connecting.push((kind, socket));
                    }
                    _ => {
                        let _ = sent(kind, &socket, to);
                        sending.push(socket);
                    }
                }
            }
        }
    }
    say(connecting);
    counted("destination", tried);
    Ok(Came::Reached("the end of the destinations".into()))
}

/// Says something on those that get connected.
fn say(mut connecting: Vec<(Kind, OwnedFd)>) {
    let until = Instant::now() + 2 * PATIENCE;
    while !connecting.is_empty() && Instant::now() < until {
        connecting.retain(|(kind, socket)| {
            let data = kind.payload();
            let message = [
                socket.as_raw_fd().into(),
                Argument::Bytes(&data),
                (data.len() as i64).into(),
                libc::MSG_NOSIGNAL.into(),
                0.into(),
                0.into(),
            ];
            let answer = call(libc::SYS_sendto, message);
            answer.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        });
        std::thread::sleep(PATIENCE / 20);
    }
}
