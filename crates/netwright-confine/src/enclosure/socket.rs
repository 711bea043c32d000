//! Sockets of the inside.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netwright_sys::Error;
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, bind, connect, listen, socket_with};

use super::protocol::Step;
use crate::option::set;

/// A socket to be made inside an enclosure ([`crate::Enclosure::socket`]) or here. What is `false` or `None` is left as the kernel makes it.
///
/// ```
/// use netwright_confine::SocketRequest;
///
/// let listener = SocketRequest {
///     transparent: true,
///     bind: Some("127.0.0.1:0".parse()?),
///     listen: Some(128),
///     ..SocketRequest::tcp(false)
/// };
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketRequest {
    /// Address family (`AF_INET`, `AF_INET6`, `AF_NETLINK` …).
    pub family: i32,
    /// Type without flags (`SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_RAW` …).
    pub kind: i32,
    /// Protocol of the family; 0 is its default.
    pub protocol: i32,
    /// Calls on it do not wait.
    #[doc(alias = "SOCK_NONBLOCK")]
    pub nonblocking: bool,
    /// It may bind to addresses that are not of this machine, and take connections to them.
    #[doc(alias = "IP_TRANSPARENT")]
    pub transparent: bool,
    /// It may bind to an address that does not exist yet.
    #[doc(alias = "IP_FREEBIND")]
    pub free_bind: bool,
    /// An address that was in use a moment ago can be bound.
    #[doc(alias = "SO_REUSEADDR")]
    pub reuse_address: bool,
    /// Several sockets share an address.
    #[doc(alias = "SO_REUSEPORT")]
    pub reuse_port: bool,
    /// What is sent through a raw socket has its IP header already.
    #[doc(alias = "IP_HDRINCL")]
    pub header_included: bool,
    /// Datagrams come with the address that they were sent to.
    #[doc(alias = "IP_RECVORIGDSTADDR")]
    pub original_destination: bool,
    /// Whether an IPv6 socket keeps off IPv4.
    #[doc(alias = "IPV6_V6ONLY")]
    pub v6_only: Option<bool>,
    /// Mark of what it sends.
    #[doc(alias = "SO_MARK")]
    pub mark: Option<u32>,
    /// Receive buffer in bytes as the kernel counts, which is with its overhead; twice `net.core.rmem_max` at the most where the caller is not
    /// root.
    #[doc(alias = "SO_RCVBUF")]
    pub receive_buffer: Option<u32>,
    /// Send buffer in bytes as the kernel counts; twice `net.core.wmem_max` at the most where the caller is not root.
    #[doc(alias = "SO_SNDBUF")]
    pub send_buffer: Option<u32>,
    /// Address to bind to.
    pub bind: Option<SocketAddr>,
    /// Address to connect to. A stream socket that is `nonblocking` is returned while it still connects; another one holds up
    /// all other requests until it is connected.
    pub connect: Option<SocketAddr>,
    /// Listen, with this many connections waiting to be accepted.
    pub listen: Option<u16>,
}

impl SocketRequest {
    /// A socket of this family, type and protocol, with nothing set.
    #[must_use]
    pub const fn new(family: i32, kind: i32, protocol: i32) -> Self {
        SocketRequest {
            family,
            kind,
            protocol,
            nonblocking: false,
            transparent: false,
            free_bind: false,
            reuse_address: false,
            reuse_port: false,
            header_included: false,
            original_destination: false,
            v6_only: None,
            mark: None,
            receive_buffer: None,
            send_buffer: None,
            bind: None,
            connect: None,
            listen: None,
        }
    }

    /// A TCP socket.
    #[must_use]
    pub const fn tcp(ipv6: bool) -> Self {
        SocketRequest::new(family(ipv6), libc::SOCK_STREAM, 0)
    }

    /// A UDP socket.
    #[must_use]
    pub const fn udp(ipv6: bool) -> Self {
        SocketRequest::new(family(ipv6), libc::SOCK_DGRAM, 0)
    }

    /// A raw socket whose packets have their IP header already. What it receives is of no use.
    #[must_use]
    pub const fn raw(ipv6: bool) -> Self {
        let request = SocketRequest::new(family(ipv6), libc::SOCK_RAW, libc::IPPROTO_RAW);
        SocketRequest { header_included: true, ..request }
    }

    /// Makes the socket in the calling thread's own network namespace.
    ///
    /// # Errors
    /// The kernel does not allow it.
    pub fn open(&self) -> netwright_sys::Result<OwnedFd> {
        let failed = |errno| Error::new(format!("open a {}", self.name()), errno);
        let socket = make(self).map_err(|(_, errno)| failed(errno))?;
        resize(socket.as_fd(), self).map_err(failed)?;
        Ok(socket)
    }

    /// A short name for sentences.
    pub(super) fn name(&self) -> &'static str {
        match (self.family, self.kind) {
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM) => "TCP socket",
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM) => "UDP socket",
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_RAW) => "raw socket",
            (libc::AF_NETLINK, _) => "netlink socket",
            (libc::AF_PACKET, _) => "packet socket",
            _ => "socket",
        }
    }
}

const fn family(ipv6: bool) -> i32 {
    if ipv6 { libc::AF_INET6 } else { libc::AF_INET }
}

/// Makes a socket in the calling thread's network namespace. Allocates nothing.
pub(super) fn make(request: &SocketRequest) -> std::result::Result<OwnedFd, (Step, Errno)> {
    let socket = open(request).map_err(|errno| (Step::Open, errno))?;
    options(socket.as_fd(), request).map_err(|errno| (Step::Options, errno))?;
    if let Some(address) = &request.bind {
        bind(&socket, address).map_err(|errno| (Step::Bind, errno))?;
    }
    if let Some(address) = &request.connect {
        match connect(&socket, address) {
            Ok(()) => {}
            Err(Errno::INPROGRESS) if request.nonblocking => {}
            Err(errno) => return Err((Step::Connect, errno)),
        }
    }
    if let Some(backlog) = request.listen {
        listen(&socket, backlog.into()).map_err(|errno| (Step::Listen, errno))?;
    }
    Ok(socket)
}

fn open(request: &SocketRequest) -> Result<OwnedFd> {
    let number = |value: i32| u32::try_from(value).map_err(|_| Errno::INVAL);
    let family = u16::try_from(request.family).map_err(|_| Errno::AFNOSUPPORT)?;
    let protocol = NonZeroU32::new(number(request.protocol)?).map(Protocol::from_raw);
    let mut flags = SocketFlags::CLOEXEC;
    flags.set(SocketFlags::NONBLOCK, request.nonblocking);
    socket_with(AddressFamily::from_raw(family), SocketType::from_raw(number(request.kind)?), flags, protocol)
}

fn options(socket: BorrowedFd<'_>, request: &SocketRequest) -> Result<()> {
    let ipv6 = request.family == libc::AF_INET6;
    let by_family = |on: bool, ipv4_option: i32, ipv6_option: i32| match (on, ipv6) {
        (false, _) => Ok(()),
        (true, false) => set(socket, libc::SOL_IP, ipv4_option, 1),
        (true, true) => set(socket, libc::SOL_IPV6, ipv6_option, 1),
    };
    let general = |option: i32, value: Option<u32>| match value {
        Some(value) => set(socket, libc::SOL_SOCKET, option, value.cast_signed()),
        None => Ok(()),
    };
    if let Some(only) = request.v6_only {
        set(socket, libc::SOL_IPV6, libc::IPV6_V6ONLY, only.into())?;
    }
    by_family(request.transparent, libc::IP_TRANSPARENT, libc::IPV6_TRANSPARENT)?;
    by_family(request.free_bind, libc::IP_FREEBIND, libc::IPV6_FREEBIND)?;
    by_family(request.header_included, libc::IP_HDRINCL, libc::IPV6_HDRINCL)?;
    by_family(request.original_destination, libc::IP_RECVORIGDSTADDR, libc::IPV6_RECVORIGDSTADDR)?;
    general(libc::SO_REUSEADDR, request.reuse_address.then_some(1))?;
    general(libc::SO_REUSEPORT, request.reuse_port.then_some(1))?;
    general(libc::SO_MARK, request.mark)
}

/// Sets the sizes of buffers. The supervisor does it: going beyond the limits needs power outside.
pub(super) fn resize(socket: BorrowedFd<'_>, request: &SocketRequest) -> Result<()> {
    for (size, beyond, within) in [
        (request.receive_buffer, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        (request.send_buffer, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
    ] {
        let Some(size) = size else { continue };
        let size = i32::try_from(size).unwrap_or(i32::MAX) / 2; // the kernel doubles it
        match set(socket, libc::SOL_SOCKET, beyond, size) {
            Err(Errno::PERM) => set(socket, libc::SOL_SOCKET, within, size)?,
            other => other?,
        }
    }
    Ok(())
}
