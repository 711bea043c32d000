//! One try of a flow: what is sent, and the sockets that wait for it at the other side.

mod icmp;
mod tcp;
mod udp;

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use netwright_state::model::Probe as Kind;
use netwright_sys::{IcmpError, Namespace};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, SocketFlags, SocketType, bind, getsockname, ipproto, listen, socket_with,
    sockopt,
};

use crate::packet::{ErrorName, Tuple};

/// What has become of a try so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing yet.
    Waiting,
    /// It arrived, and the answer came back.
    Arrived { from: SocketAddr, at: SocketAddr },
    /// The sender was told that it does not arrive; in words how.
    Refused(String),
    /// It will not arrive; in words why.
    Lost(String),
}

/// A try that is under way.
pub(crate) trait Probe {
    /// Does what can be done without waiting.
    fn step(&mut self, receivers: &[Receiver]) -> io::Result<Seen>;

    /// What to wait for besides the receivers: descriptors, and whether to wait until they can be written.
    fn descriptors(&self) -> Vec<(BorrowedFd<'_>, bool)>;

    /// What its packets are known by when they set out.
    fn tuple(&self) -> Tuple;
}

/// A socket that waits for a flow.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) socket: OwnedFd,
    pub(crate) at: SocketAddr,
}

/// Who sends, and what to where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'w> {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'w Namespace,
    pub(crate) source: Option<IpAddr>,
    pub(crate) source_port: u16,
    pub(crate) to: IpAddr,
    /// The device that a link-local address is at, as the sender counts.
    pub(crate) scope: u32,
    /// Index of the host's link that it comes in by.
    pub(crate) incoming: Option<u32>,
}

impl Order<'_> {
    fn destination(&self, port: u16) -> SocketAddr {
        scoped(self.to, port, self.scope)
    }

    fn origin(&self) -> SocketAddr {
        let any = IpAddr::from([0u16; 8]);
        let unspecified = if self.to.is_ipv4() { IpAddr::from([0u8; 4]) } else { any };
        scoped(self.source.unwrap_or(unspecified), self.source_port, self.scope)
    }

    /// A socket that keeps ICMP errors, bound to the source.
    fn socket(&self, kind: SocketType, protocol: Option<Protocol>) -> io::Result<OwnedFd> {
        let socket = open(self.namespace, self.to, kind, protocol)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        IcmpError::keep(&socket, self.to.is_ipv6())?;
        soon(Errno::ADDRINUSE, || bind(&socket, &self.origin()))?;
        Ok(socket)
    }
}

/// Starts a try.
pub(crate) fn start(order: &Order<'_>) -> io::Result<Result<Box<dyn Probe>, Seen>> {
    match order.kind {
        Kind::Tcp(port) => tcp::Tcp::start(order, port),
        Kind::Udp(port) => udp::Udp::start(order, port),
        Kind::Icmp(probe) => icmp::Icmp::start(order, probe),
    }
}

/// Opens the socket that waits for a flow at an address of a namespace.
pub(crate) fn receiver(
    kind: Kind,
    namespace: &Namespace,
    address: IpAddr,
    port: u16,
    scope: u32,
) -> io::Result<Receiver> {
    let at = scoped(address, port, scope);
    let socket = match kind {
        Kind::Tcp(_) => {
            let socket = open(namespace, address, SocketType::STREAM, None)?;
            sockopt::set_socket_reuseaddr(&socket, true)?;
            soon(Errno::ADDRINUSE, || bind(&socket, &at))?;
            listen(&socket, 128)?;
            socket
        }
        Kind::Udp(_) => {
            let socket = open(namespace, address, SocketType::DGRAM, None)?;
            soon(Errno::ADDRINUSE, || bind(&socket, &at))?;
            socket
        }
        Kind::Icmp(_) => open(namespace, address, SocketType::RAW, Some(icmp_protocol(address)))?,
    };
    Ok(Receiver { socket, at })
}

/// Does something that must wait for the sockets of the flow before: a process that another thread starts holds them too until it
/// runs its program.
fn soon(busy: Errno, mut action: impl FnMut() -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    const TRIES: u32 = 50;
    for _ in 1..TRIES {
        match action() {
            Err(errno) if errno == busy => std::thread::sleep(Duration::from_millis(10)),
            other => return other,
        }
    }
    action()
}

fn icmp_protocol(address: IpAddr) -> Protocol {
    if address.is_ipv4() { ipproto::ICMP } else { ipproto::ICMPV6 }
}

/// A socket that never waits, in another namespace.
fn open(
    namespace: &Namespace,
    of: IpAddr,
    kind: SocketType,
    protocol: Option<Protocol>,
) -> io::Result<OwnedFd> {
    let family = if of.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let opened = namespace.run(|| socket_with(family, kind, flags, protocol));
    Ok(opened.map_err(|error| io::Error::other(error.to_string()))??)
}

fn scoped(address: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, port, 0, scope).into(),
        _ => SocketAddr::new(address, port),
    }
}

/// The source that the kernel chose.
fn local(socket: impl AsFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(getsockname(socket)?)?)
}

const TOKEN: usize = 16;

/// What no other try sends.
fn token() -> [u8; TOKEN] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut token = *b"netwrigh\0\0\0\0\0\0\0\0";
    if let Some(number) = token.last_chunk_mut::<8>() {
        *number = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    }
    token
}

/// What an error of sending or receiving means: nothing yet, a refusal, or that the socket cannot be used so.
fn meaning(errno: Errno, refused: &str) -> io::Result<Seen> {
    match errno {
        // the host's own rules drop what it sends with EPERM; the trace tells which
        Errno::AGAIN | Errno::NOTCONN | Errno::TIMEDOUT | Errno::PERM | Errno::INTR => Ok(Seen::Waiting),
        Errno::CONNREFUSED | Errno::CONNRESET | Errno::PIPE => Ok(Seen::Refused(refused.into())),
        Errno::HOSTUNREACH => Ok(Seen::Refused("host unreachable".into())),
        Errno::NETUNREACH => Ok(Seen::Refused("network unreachable".into())),
        Errno::ACCESS => Ok(Seen::Refused("prohibited".into())),
        Errno::PROTO | Errno::NOPROTOOPT => Ok(Seen::Refused("an ICMP error".into())),
        errno => Err(errno.into()),
    }
}

/// What an error of setting out means: a blackhole route makes the kernel call the address invalid.
fn departure(errno: Errno) -> io::Result<Seen> {
    match errno {
        Errno::INVAL => Ok(Seen::Lost("the host has no way for it (invalid argument)".into())),
        errno => meaning(errno, "refused"),
    }
}

/// The ICMP error that has come in for a socket, in words.
fn icmp_error(socket: impl AsFd, ipv6: bool) -> io::Result<Option<Seen>> {
    Ok(IcmpError::take(socket)?.map(|error| {
        let what = ErrorName { ipv6, kind: error.kind, code: error.code };
        Seen::Refused(match error.from {
            Some(from) => format!("ICMP {what} from {from}"),
            None => format!("ICMP {what}"),
        })
    }))
}
