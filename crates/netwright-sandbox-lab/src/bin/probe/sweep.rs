//! Whole kinds of ways instead of single ones: every option, every control message, every system call, every name of a socket, every source, every
//! destination, every question, and what the kernel offers by files, requests, mounts and handles. What they tried is counted by lines `counted: KIND NUMBER`; whether anything came through is told by those who listen outside.

mod calls;
mod destinations;
mod kernel;
mod messages;
mod names;
mod options;
mod questions;
mod sources;
mod walk;

use std::net::SocketAddr;

use crate::Way;

pub(crate) const WAYS: &[Way] = &[
    ("sweep-options", |words| options::sweep(&Targets::read(words)?)),
    ("sweep-messages", |words| messages::sweep(&Targets::read(words)?)),
    ("sweep-calls", calls::sweep),
    ("sweep-calls-from", calls::from),
    ("sweep-names", names::sweep),
    ("sweep-sources", |words| sources::sweep(&Targets::read(words)?)),
    ("sweep-destinations", |_| destinations::sweep()),
    ("sweep-questions", |_| questions::sweep()),
    ("sweep-files", |_| kernel::files()),
    ("sweep-requests", |_| kernel::requests()),
    ("sweep-mounts", |_| kernel::mounts()),
    ("sweep-mounts-inside", |_| kernel::mounts_inside()),
    ("walk", walk::walk),
    ("sweep-handles", |_| kernel::handles()),
];

/// Tells how many combinations of a kind were tried.
fn counted(kind: &str, number: usize) {
    println!("counted: {kind} {number}");
}

/// Where everything is sent to.
struct Targets(Vec<SocketAddr>);

impl Targets {
    /// The places that are named; where none are, those to which nothing may come.
    fn read(words: &[&str]) -> Result<Self, Box<dyn std::error::Error>> {
        if words.is_empty() {
            return Ok(Targets(Targets::forbidden().collect()));
        }
        Ok(Targets(words.iter().map(|word| word.parse()).collect::<Result<_, _>>()?))
    }

    /// A host that no policy allows, and the host of the sandbox itself.
    fn forbidden() -> impl Iterator<Item = SocketAddr> {
        let all = [
            "203.0.113.66:5000",
            "[2001:db8:bad::66]:5000",
            "10.77.0.2:7777",
            "[2001:db8:77::2]:7777",
            // by its IPv4 address, mapped
            "[::ffff:203.0.113.66]:5000",
        ];
        all.into_iter().filter_map(|text| text.parse().ok())
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().copied().filter(move |to| to.is_ipv6() == kind.ipv6)
    }
}

/// A kind of socket that needs no privilege.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    ipv6: bool,
    kind: i32,
    protocol: i32,
}

const KINDS: [Kind; 6] = [
    Kind { name: "tcp", ipv6: false, kind: libc::SOCK_STREAM, protocol: 0 },
    Kind { name: "tcp-v6", ipv6: true, kind: libc::SOCK_STREAM, protocol: 0 },
    Kind { name: "udp", ipv6: false, kind: libc::SOCK_DGRAM, protocol: 0 },
    Kind { name: "udp-v6", ipv6: true, kind: libc::SOCK_DGRAM, protocol: 0 },
    Kind { name: "ping", ipv6: false, kind: libc::SOCK_DGRAM, protocol: libc::IPPROTO_ICMP },
    Kind { name: "ping-v6", ipv6: true, kind: libc::SOCK_DGRAM, protocol: libc::IPPROTO_ICMPV6 },
];

impl Kind {
    fn socket(self) -> std::io::Result<std::os::fd::OwnedFd> {
        let family = if self.ipv6 { libc::AF_INET6 } else { libc::AF_INET };
        netwright_confine::attempt::socket(family, self.kind | libc::SOCK_NONBLOCK, self.protocol)
    }

    /// What is sent: of pings, an echo request in front of it.
    fn payload(self) -> Vec<u8> {
        let head: &[u8] = match (self.protocol, self.ipv6) {
            (0, _) => &[],
            (_, false) => &[8, 0, 0, 0, 0, 1, 0, 1],
            (_, true) => &[128, 0, 0, 0, 0, 1, 0, 1],
        };
        [head, crate::token().as_bytes()].concat()
    }
}
