//! Sockets at the host: those that wait for what it takes in, and those that send from there.

mod sending;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use netwright_sys::sockets::{set_silent, set_transparent};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, acceptfrom_with, bind,
    getsockname, ipproto, listen, recv, recvfrom, send, sendto, socket_with, sockopt,
};

use crate::packet::protocol;

pub(crate) use sending::{Fate, Raw, Sending};

/// A port at which the host waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Door {
    pub(crate) protocol: u8,
    /// 0 for protocols without ports.
    pub(crate) port: u16,
    /// The address, where it waits at a single one.
    pub(crate) address: Option<IpAddr>,
    /// Whether it takes what is meant for others (`tproxy`).
    pub(crate) transparent: bool,
}

/// What waits at the host.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    waiting: Vec<Waiting>,
    taken: Vec<Taken>,
    /// The groups that the host is in on its links, and a socket that is for each.
    groups: Vec<(IpAddr, u32, OwnedFd)>,
}

#[derive(Debug)]
struct Waiting {
    door: Door,
    ipv6: bool,
    socket: OwnedFd,
}

/// A connection that was taken.
#[derive(Debug)]
struct Taken {
    socket: Silent,
    heard: Vec<u8>,
    done: bool,
}

/// Something that came to a socket: who sent it as the socket says, and the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) from: SocketAddr,
    /// The address that it was sent to, where the socket tells.
    pub(crate) at: Option<SocketAddr>,
    pub(crate) door: Door,
}

/// A socket whose connection ends without a word when it is closed, so that nothing of it is in the way of others.
#[derive(Debug)]
pub(crate) struct Silent(pub(crate) OwnedFd);

impl AsFd for Silent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // it is refused to what has no connection
        let _ = set_silent(&self.0);
    }
}

/// What is said on a connection, or in a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk<'a> {
    /// What the sender says.
    pub(crate) payload: &'a [u8],
    /// What it is answered.
    pub(crate) answer: Option<&'a [u8]>,
}

/// How long a port may be held that nobody waits at any more.
const HELD: Duration = Duration::from_secs(2);
/// How many connections wait to be taken at the most.
const BACKLOG: i32 = 1 << 20;

impl Inside {
    /// Waits at a door.
    pub(crate) fn open(&mut self, door: Door, ipv6: bool) -> io::Result<()> {
        if self.waiting.iter().any(|waiting| waiting.door == door && waiting.ipv6 == ipv6) {
            return Ok(());
        }
        let start = Instant::now();
        loop {
            match self.try_open(door, ipv6) {
                // a process that another thread starts has what was closed here until it runs its program
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && start.elapsed() < HELD => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                other => return other,
            }
        }
    }

    fn try_open(&mut self, door: Door, ipv6: bool) -> io::Result<()> {
        let socket = match door.protocol {
            protocol::TCP => {
                let socket = socket(ipv6, SocketType::STREAM, None)?;
                prepare(&socket, door, ipv6)?;
                listen(&socket, BACKLOG)?;
                socket
            }
            protocol::UDP => {
                let socket = socket(ipv6, SocketType::DGRAM, None)?;
                prepare(&socket, door, ipv6)?;
                sockopt::set_socket_broadcast(&socket, true)?;
                socket
            }
            number => socket(
                ipv6,
                SocketType::RAW,
                std::num::NonZeroU32::new(number.into()).map(Protocol::from_raw),
            )?,
        };
        self.waiting.push(Waiting { door, ipv6, socket });
        Ok(())
    }

    /// Has the host be in a group on a link, whatever is sent to the group.
    pub(crate) fn join(&mut self, group: IpAddr, link: u32) -> io::Result<()> {
        if !self.groups.iter().any(|(known, on, _)| (*known, *on) == (group, link)) {
            self.groups.push((group, link, member(group, link)?));
        }
        Ok(())
    }

    /// Whether somebody waits at a port.
    pub(crate) fn waits(&self, ipv6: bool, number: u8, port: u16) -> bool {
        let fits = |waiting: &Waiting| waiting.door.protocol == number && waiting.door.port == port;
        self.waiting.iter().any(|waiting| waiting.ipv6 == ipv6 && fits(waiting))
    }

    /// Does what can be done at once; whether that was anything. What has come is added to `came`, and datagrams are answered by
    /// `reply`.
    pub(crate) fn step(&mut self, talk: Talk<'_>, came: &mut Vec<Came>) -> io::Result<bool> {
        let mut busy = false;
        for waiting in &self.waiting {
            match waiting.door.protocol {
                protocol::TCP => {
                    while let Some((socket, from)) = take(&waiting.socket)? {
                        busy = true;
                        let at = getsockname(&socket).ok().and_then(|at| SocketAddr::try_from(at).ok());
                        came.push(Came { from, at, door: waiting.door });
                        self.taken.push(Taken { socket: Silent(socket), heard: Vec::new(), done: false });
                    }
                }
                protocol::UDP => {
                    let mut buffer = [0; 2048];
                    while let Some((length, from)) = datagram(&waiting.socket, &mut buffer)? {
                        busy = true;
                        if buffer.get(..length) == Some(talk.payload) {
                            came.push(Came { from, at: None, door: waiting.door });
                        }
                    }
                }
                // what comes to raw sockets is seen by its traces; it is read so that there is room
                _ => {
                    let mut buffer = [0; 2048];
                    while datagram(&waiting.socket, &mut buffer)?.is_some() {}
                }
            }
        }
        for taken in self.taken.iter_mut().filter(|taken| !taken.done) {
            busy |= taken.step(talk);
        }
        Ok(busy)
    }

    /// Answers a datagram from the address that it was sent to.
    pub(crate) fn reply(&self, came: Came, at: Option<SocketAddr>, answer: &[u8]) -> io::Result<()> {
        let ipv6 = came.from.is_ipv6();
        let waiting = self.waiting.iter().find(|waiting| waiting.door == came.door && waiting.ipv6 == ipv6);
        let Some(waiting) = waiting else { return Ok(()) };
        let own = at.filter(|at| !at.ip().is_multicast() && !is_broadcast(at.ip()));
        // a failure shows in that the sender hears nothing
        let sent = match own.map(|at| speaker(at, came.door.transparent)) {
            Some(Ok(socket)) => sendto(&socket, answer, SendFlags::empty(), &came.from),
            _ => sendto(&waiting.socket, answer, SendFlags::empty(), &came.from),
        };
        match sent {
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Lets go of the connections, without a word.
    pub(crate) fn forget(&mut self) {
        self.taken.clear();
    }
}

impl Taken {
    /// Reads what came and answers it once it is whole.
    fn step(&mut self, talk: Talk<'_>) -> bool {
        let mut buffer = [0; 2048];
        match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => self.done = true,
            Ok((length, _)) => self.heard.extend(buffer.iter().take(length)),
            Err(Errno::AGAIN | Errno::INTR) => return false,
            Err(_) => self.done = true,
        }
        if self.heard == talk.payload {
            self.done = true;
            if let Some(answer) = talk.answer {
                // a failure shows in that the sender hears nothing
                let _ = send(&self.socket, answer, SendFlags::NOSIGNAL);
            }
        }
        true
    }
}

fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_broadcast() || address.octets()[3] == 255)
}

/// A socket that never waits, in the calling thread's namespace.
fn socket(ipv6: bool, kind: SocketType, number: Option<Protocol>) -> io::Result<OwnedFd> {
    let family = if ipv6 { AddressFamily::INET6 } else { AddressFamily::INET };
    Ok(socket_with(family, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, number)?)
}

/// A socket by which the host is in a group on a link.
pub(crate) fn member(group: IpAddr, link: u32) -> io::Result<OwnedFd> {
    let socket = socket(group.is_ipv6(), SocketType::DGRAM, None)?;
    match group {
        IpAddr::V4(group) => {
            sockopt::set_ip_add_membership_with_ifindex(&socket, &group, &Ipv4Addr::UNSPECIFIED, link)?;
        }
        IpAddr::V6(group) => sockopt::set_ipv6_add_membership(&socket, &group, link)?,
    }
    Ok(socket)
}

fn prepare(socket: &OwnedFd, door: Door, ipv6: bool) -> io::Result<()> {
    sockopt::set_socket_reuseaddr(socket, true)?;
    if ipv6 {
        sockopt::set_ipv6_v6only(socket, true)?;
    }
    if door.transparent {
        set_transparent(socket, ipv6)?;
    }
    let any = if ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    Ok(bind(socket, &SocketAddr::new(door.address.unwrap_or(any), door.port))?)
}

/// A socket that speaks from an address.
fn speaker(at: SocketAddr, transparent: bool) -> io::Result<OwnedFd> {
    let speaker = socket(at.is_ipv6(), SocketType::DGRAM, None)?;
    sockopt::set_socket_reuseaddr(&speaker, true)?;
    if transparent {
        set_transparent(&speaker, at.is_ipv6())?;
    }
    bind(&speaker, &at)?;
    Ok(speaker)
}

fn take(socket: &OwnedFd) -> io::Result<Option<(OwnedFd, SocketAddr)>> {
    loop {
        match acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((taken, from)) => {
                let from = from.and_then(|from| SocketAddr::try_from(from).ok());
                return Ok(from.map(|from| (taken, from)));
            }
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::CONNABORTED | Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn datagram(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    loop {
        match recvfrom(socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((length, _, Some(from))) => {
                if let Ok(from) = SocketAddr::try_from(from) {
                    return Ok(Some((length, from)));
                }
            }
            Ok(_) | Err(Errno::INTR | Errno::CONNREFUSED) => {}
            Err(Errno::AGAIN) => return Ok(None),
            // an ICMP error came in for the socket
            Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::PROTO | Errno::ACCESS) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The protocol of ICMP messages of a family.
fn icmp(ipv6: bool) -> Protocol {
    if ipv6 { ipproto::ICMPV6 } else { ipproto::ICMP }
}
