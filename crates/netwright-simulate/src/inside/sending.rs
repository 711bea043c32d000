//! A packet or connection of the host's own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;

use netwright_state::model::Refusal;
use netwright_sys::IcmpError;
use netwright_sys::sockets::{owned_by, set_with_header};
use rustix::io::Errno;
use rustix::net::{
    Protocol, RecvFlags, SendFlags, SocketType, bind, connect, getsockname, recv, send, sendto, sockopt,
};

use super::{Silent, icmp, socket};
use crate::packet::{self, Ip, Tuple, echo_answer, protocol};
use crate::shot::{Origin, Refused, Shot, What};
use crate::tcp::Segment;

/// A packet or connection that the host has sent.
#[derive(Debug)]
pub(crate) struct Sending {
    socket: Silent,
    what: What,
    /// What it was known by when it set out.
    pub(crate) tuple: Tuple,
    said: bool,
    heard: Vec<u8>,
}

/// What became of it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Open,
    Answered,
    Refused(Refused),
    /// The host has no way for it, and says nothing more.
    Lost,
}

impl Sending {
    /// Sends it. `scope` is the link that a link-local address is at, and `number` tells it from others that are sent.
    pub(crate) fn start(shot: &Shot, scope: u32, number: u16) -> io::Result<Result<Self, Fate>> {
        let Origin::Host { source, user, group, cgroup } = &shot.origin else {
            return Err(io::Error::other("it is not sent by the host"));
        };
        let ipv6 = shot.to.is_ipv6();
        let open = || match shot.what {
            What::Tcp(_) => socket(ipv6, SocketType::STREAM, None),
            What::Udp(_) => socket(ipv6, SocketType::DGRAM, None),
            What::Icmp { .. } => socket(ipv6, SocketType::RAW, Some(icmp(ipv6))),
            What::Segment { .. } | What::Raw(_) => {
                let raw = socket(ipv6, SocketType::RAW, Some(Protocol::from_raw(RAW)))?;
                set_with_header(&raw, ipv6)?;
                Ok(raw)
            }
        };
        let socket = in_cgroup(cgroup.as_deref(), || owned_by(*user, *group, open))???;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        IcmpError::keep(&socket, ipv6)?;
        let any = if ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        let origin = scoped(source.unwrap_or(any), shot.source_port, scope);
        let bare = matches!(shot.what, What::Icmp { .. } | What::Segment { .. } | What::Raw(_));
        bind(&socket, &if bare { scoped(origin.ip(), 0, scope) } else { origin })?;
        let broadcast = matches!(shot.to, IpAddr::V4(to) if to.is_broadcast());
        if matches!(shot.what, What::Udp(_)) {
            sockopt::set_socket_broadcast(&socket, true)?;
        }
        if let IpAddr::V4(_) = shot.to
            && !bare
        {
            sockopt::set_ip_tos(&socket, shot.head.class)?;
        }
        let port = match shot.what {
            What::Tcp(port) | What::Udp(port) => port,
            _ => 0,
        };
        match connect(&socket, &scoped(shot.to, port, scope)) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            // there is nobody to connect to, but the source is known
            Err(_) if broadcast => {}
            Err(errno) => {
                if let Some(fate) = departure(errno)? {
                    return Ok(Err(fate));
                }
            }
        }
        let from = SocketAddr::try_from(getsockname(&socket)?)?;
        let mut sending = Sending {
            socket: Silent(socket),
            what: shot.what,
            tuple: tuple(shot, from, number),
            said: false,
            heard: Vec::new(),
        };
        if !matches!(shot.what, What::Tcp(_))
            && let Some(fate) = sending.say(shot, from, scope)?
        {
            return Ok(Err(fate));
        }
        Ok(Ok(sending))
    }

    /// Sends what is no connection.
    fn say(&mut self, shot: &Shot, from: SocketAddr, scope: u32) -> io::Result<Option<Fate>> {
        let bytes = match shot.what {
            What::Icmp { kind, code } => {
                let mut message = packet::icmp_message(kind, code, self.tuple.source_port, 1, &shot.payload);
                packet::seal(from.ip(), shot.to, icmp_number(shot.to), &mut message);
                message
            }
            What::Segment { port, flags } => {
                let segment = Segment {
                    from: self.tuple.source_port,
                    to: port,
                    sequence: SEQUENCE,
                    acknowledged: SEQUENCE,
                    flags,
                    window: 1024,
                    payload: shot.payload.clone(),
                };
                segment.packet(from.ip(), shot.to, shot.head)
            }
            What::Raw(number) => {
                let (source, destination) = (from.ip(), shot.to);
                Ip { source, destination, protocol: number, head: shot.head, payload: &shot.payload }.bytes()
            }
            What::Tcp(_) | What::Udp(_) => shot.payload.clone(),
        };
        self.said = true;
        let port = match shot.what {
            What::Udp(port) => port,
            _ => 0,
        };
        match sendto(&self.socket, &bytes, SendFlags::NOSIGNAL, &scoped(shot.to, port, scope)) {
            Ok(_) => Ok(None),
            Err(Errno::ISCONN) => match send(&self.socket, &bytes, SendFlags::NOSIGNAL) {
                Ok(_) => Ok(None),
                Err(errno) => departure(errno),
            },
            Err(errno) => departure(errno),
        }
    }

    /// Does what can be done at once, and tells whether that was anything.
    pub(crate) fn step(&mut self, shot: &Shot) -> io::Result<(bool, Fate)> {
        let ipv6 = shot.to.is_ipv6();
        if let Some(error) = IcmpError::take(&self.socket)? {
            let how = match ipv6 {
                false => Refusal::Icmp { kind: error.kind, code: error.code },
                true => Refusal::Icmpv6 { kind: error.kind, code: error.code },
            };
            return Ok((true, Fate::Refused(Refused { how, by: error.from })));
        }
        let mut busy = false;
        if matches!(self.what, What::Tcp(_)) && !self.said {
            match send(&self.socket, &shot.payload, SendFlags::NOSIGNAL) {
                Ok(_) => (self.said, busy) = (true, true),
                Err(errno) => return Ok((false, meaning(errno)?)),
            }
        }
        let mut buffer = [0; 4096];
        loop {
            match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) if matches!(self.what, What::Tcp(_)) => {
                    let how = Refusal::TcpReset;
                    return Ok((true, Fate::Refused(Refused { how, by: None })));
                }
                Ok((length, _)) => {
                    busy = true;
                    let got = buffer.get(..length).unwrap_or_default();
                    if self.takes(got, shot) {
                        return Ok((true, Fate::Answered));
                    }
                }
                Err(errno) => return Ok((busy, meaning(errno)?)),
            }
        }
    }

    /// Whether bytes that came are the answer.
    fn takes(&mut self, got: &[u8], shot: &Shot) -> bool {
        let Some(answer) = &shot.answer else { return false };
        match self.what {
            What::Tcp(_) => {
                self.heard.extend(got);
                self.heard == *answer
            }
            What::Udp(_) => got == answer.as_slice(),
            What::Icmp { kind, .. } => {
                let ipv6 = shot.to.is_ipv6();
                // raw sockets of IPv4 give the packet with its header
                let message = if ipv6 { Some(got) } else { Ip::parse(got).map(|packet| packet.payload) };
                let [Some(first), identifier] = [
                    message.and_then(|message| message.first().copied().map(u16::from)),
                    message
                        .and_then(|message| message.get(4..))
                        .and_then(|rest| rest.first_chunk())
                        .copied()
                        .map(u16::from_be_bytes),
                ] else {
                    return false;
                };
                echo_answer(ipv6, kind).is_some_and(|answer| u16::from(answer) == first)
                    && identifier == Some(self.tuple.source_port)
            }
            What::Segment { .. } | What::Raw(_) => false,
        }
    }
}

/// A socket of the host that sends packets with headers of their own towards an address.
#[derive(Debug)]
pub(crate) struct Raw {
    socket: OwnedFd,
    /// The host's own address that it sends from.
    pub(crate) source: IpAddr,
    to: SocketAddr,
}

impl Raw {
    /// `scope` is the link that a link-local address is at. `None` where the host has no way there.
    pub(crate) fn towards(shot: &Shot, scope: u32) -> io::Result<Option<Self>> {
        let Origin::Host { source, user, group, cgroup } = &shot.origin else { return Ok(None) };
        let ipv6 = shot.to.is_ipv6();
        let to = scoped(shot.to, 0, scope);
        let source = match source {
            Some(source) => *source,
            None => {
                // the kernel chooses the source of a socket when it is connected
                let asks = socket(ipv6, SocketType::DGRAM, None)?;
                match connect(&asks, &scoped(shot.to, 9, scope)) {
                    Ok(()) => SocketAddr::try_from(getsockname(&asks)?)?.ip(),
                    Err(_) => return Ok(None),
                }
            }
        };
        let open = || socket(ipv6, SocketType::RAW, Some(Protocol::from_raw(RAW)));
        let socket = in_cgroup(cgroup.as_deref(), || owned_by(*user, *group, open))???;
        set_with_header(&socket, ipv6)?;
        Ok(Some(Raw { socket, source, to }))
    }

    /// Sends a packet. That the host's own rules refuse it is no failure.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        match sendto(&self.socket, packet, SendFlags::NOSIGNAL, &self.to) {
            // a packet that the kernel does not send at all does not get anywhere
            Ok(_) | Err(Errno::INVAL | Errno::NOBUFS | Errno::MSGSIZE) => Ok(()),
            Err(errno) => meaning(errno).map(|_: Fate| ()),
        }
    }
}

/// Where control groups of version 2 are.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Opens something as a process of a control group, whose a socket is for good that is made there.
fn in_cgroup<T>(path: Option<&str>, open: impl FnOnce() -> T) -> io::Result<T> {
    let Some(path) = path else { return Ok(open()) };
    let path = path.trim_matches('/');
    let enter = |path: &str| {
        let procs = format!("{CGROUPS}/{path}/cgroup.procs");
        std::fs::write(&procs, std::process::id().to_string()).map_err(|error| {
            io::Error::other(format!(
                "the test cannot become a process of the control group {path} ({procs}): {error}"
            ))
        })
    };
    let own = std::fs::read_to_string("/proc/self/cgroup")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let own = own.ok_or_else(|| io::Error::other("there are no control groups of version 2 here"))?;
    enter(path)?;
    let opened = open();
    enter(own)?;
    Ok(opened)
}

/// `IPPROTO_RAW`
const RAW: std::num::NonZeroU32 = std::num::NonZeroU32::new(255).unwrap();
/// The number of the first byte of segments that belong to no connection.
const SEQUENCE: u32 = 0x6e77_0000;

fn icmp_number(to: IpAddr) -> u8 {
    if to.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 }
}

fn tuple(shot: &Shot, from: SocketAddr, number: u16) -> Tuple {
    let (protocol, source_port, destination_port) = match shot.what {
        What::Tcp(port) => (protocol::TCP, from.port(), port),
        What::Udp(port) => (protocol::UDP, from.port(), port),
        What::Segment { port, .. } => {
            (protocol::TCP, if shot.source_port == 0 { number } else { shot.source_port }, port)
        }
        What::Icmp { kind, .. } => (icmp_number(shot.to), number, u16::from(kind)),
        What::Raw(protocol) => (protocol, 0, 0),
    };
    Tuple { protocol, source: from.ip(), source_port, destination: shot.to, destination_port }
}

fn scoped(address: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() || v6.is_multicast() => {
            SocketAddrV6::new(v6, port, 0, scope).into()
        }
        _ => SocketAddr::new(address, port),
    }
}

/// What an error of sending or receiving means.
fn meaning(errno: Errno) -> io::Result<Fate> {
    let refused = |how| Ok(Fate::Refused(Refused { how, by: None }));
    match errno {
        // the host's own rules drop what it sends with EPERM, on a device (egress) with ENOBUFS; the trace tells which
        Errno::AGAIN
        | Errno::NOTCONN
        | Errno::TIMEDOUT
        | Errno::PERM
        | Errno::NOBUFS
        | Errno::INTR
        | Errno::ALREADY => Ok(Fate::Open),
        Errno::CONNREFUSED | Errno::CONNRESET | Errno::PIPE => refused(Refusal::TcpReset),
        Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::ACCESS => {
            refused(Refusal::Local(errno.raw_os_error()))
        }
        Errno::PROTO | Errno::NOPROTOOPT => refused(Refusal::Local(errno.raw_os_error())),
        errno => Err(errno.into()),
    }
}

/// What an error of setting out means, where it is an end: a blackhole route makes the kernel call the address invalid.
fn departure(errno: Errno) -> io::Result<Option<Fate>> {
    match errno {
        Errno::INVAL => Ok(Some(Fate::Lost)),
        errno => Ok(Some(meaning(errno)?).filter(|fate| *fate != Fate::Open)),
    }
}
