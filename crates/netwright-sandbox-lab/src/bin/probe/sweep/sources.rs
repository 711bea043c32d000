//! Every source that may be had without a privilege, every port of the supervisor's included, with a first packet to oneself from there: what goes there
//! afterwards looks like an answer.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use netwright_confine::attempt::call;

use super::options::{bind, sent, set};
use super::{KINDS, Kind, Targets, counted};
use crate::{Came, Outcome};

/// `IP_FREEBIND`, `IP_TRANSPARENT` and the like, and those by which sockets share a port.
const FREELY: [(i32, i32); 6] =
    [(0, 15), (0, 19), (41, 78), (41, 75), (1, libc::SO_REUSEADDR), (1, libc::SO_REUSEPORT)];
/// A port that nobody has, and that of this program.
const PORTS: [u16; 2] = [5001, 6001];

pub(super) fn sweep(targets: &Targets) -> Outcome {
    for kind in KINDS.into_iter().filter(|kind| kind.protocol == 0) {
        counted(&format!("source-{}", kind.name), sweep_of(kind, targets));
    }
    Ok(Came::Reached("the end of the sources".into()))
}

fn sweep_of(kind: Kind, targets: &Targets) -> usize {
    let ports: BTreeSet<u16> = PORTS.into_iter().chain(local_ports()).collect();
    let mut tried = 0;
    for to in targets.of(kind) {
        for source in sources(to.ip(), kind.ipv6) {
            for &port in &ports {
                for own in own_addresses(kind.ipv6) {
                    tried += 1;
                    let from = SocketAddr::new(source, port);
                    // Who is there to be answered, and what comes to it from elsewhere.
                    let Some(listening) = bound(kind, SocketAddr::new(own, 6001)) else { continue };
                    if let Some(forged) = bound(kind, from) {
                        let _ = sent(kind, &forged, SocketAddr::new(own, 6001));
                        let _ = sent(kind, &forged, to);
                    }
                    let _ = sent(kind, &listening, from);
                    let _ = sent(kind, &listening, to);
                }
            }
        }
    }
    tried
}

fn bound(kind: Kind, address: SocketAddr) -> Option<OwnedFd> {
    let socket = kind.socket().ok()?;
    for (level, option) in FREELY {
        set(&socket, level, option, &1_i32.to_ne_bytes());
    }
    bind(&socket, address).ok()?;
    if kind.kind == libc::SOCK_STREAM && address.port() == 6001 {
        call(libc::SYS_listen, [socket.as_raw_fd().into(), 5.into()]).ok()?;
    }
    Some(socket)
}

/// Who is asked, the host and its router, an allowed server, loopbacks, and what is no host's.
fn sources(to: IpAddr, ipv6: bool) -> Vec<IpAddr> {
    let all = [
        "10.77.0.2",
        "10.77.0.1",
        "198.51.100.10",
        "127.0.0.53",
        "127.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "169.254.1.1",
        "2001:db8:77::2",
        "2001:db8:77::1",
        "2001:db8:10::10",
        "::1",
        "fe80::1",
        "ff02::1",
        "::ffff:203.0.113.66",
        "fd6e:7772:6967:6875::1",
    ];
    let of_family =
        all.into_iter().filter_map(|text| text.parse().ok()).filter(|ip: &IpAddr| ip.is_ipv6() == ipv6);
    [to].into_iter().chain(of_family).collect()
}

/// The sandbox's own, by the routes to somewhere.
pub(super) fn own_addresses(ipv6: bool) -> BTreeSet<IpAddr> {
    let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let loopback: IpAddr = if ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    let local = |to: SocketAddr| {
        let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let elsewhere = Targets::forbidden().filter(|to| to.is_ipv6() == ipv6).filter_map(local);
    [loopback].into_iter().chain(elsewhere).collect()
}

/// The ports that sockets of this network namespace have, the supervisor's among them.
fn local_ports() -> BTreeSet<u16> {
    let files = ["udp", "udp6", "tcp", "tcp6"]
        .map(|name| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default());
    let mut ports = BTreeSet::new();
    for line in files.iter().flat_map(|file| file.lines().skip(1)) {
        let port = line.split_whitespace().nth(1).and_then(|local| local.rsplit(':').next());
        ports.extend(port.and_then(|port| u16::from_str_radix(port, 16).ok()).filter(|port| *port != 0));
    }
    ports.into_iter().take(16).collect()
}
