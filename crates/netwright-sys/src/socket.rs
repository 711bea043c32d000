//! A netlink socket.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use netwright_wire::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketAddrAny, SocketFlags, SocketType, bind, recvfrom,
    send, socket_with, sockopt,
};

use crate::{Cause, Error, Namespace, Result, option, port};

/// Kernels fill dumps up to the size that the reader offers, at most 32 KiB; other answers may be longer.
const FIRST_BUFFER: usize = 64 << 10;

/// A netlink socket. It stays in the network namespace that it was opened in, whichever thread uses it.
///
/// Extended acknowledgements are asked for, without the refused message in them, and, on `NETLINK_ROUTE`, strict checking: the kernel
/// then filters dumps as requested, or refuses what it does not understand.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    protocol: i32,
    port: u32,
    strict: bool,
}

/// What a receive gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// One datagram of the kernel.
    Datagram(&'a [u8]),
    /// Nothing is queued.
    Nothing,
    /// Datagrams were lost before this point, since more came than the socket's buffer holds (`ENOBUFS`).
    Overrun,
    /// A datagram of this many bytes was cut off and is lost; the buffer has grown, so that the next one fits.
    Truncated(usize),
}

impl<'a> Received<'a> {
    /// The datagram. Anything else ends an exchange that cannot go on without one.
    pub(crate) fn datagram(self) -> std::result::Result<&'a [u8], Cause> {
        match self {
            Received::Datagram(datagram) => Ok(datagram),
            Received::Nothing => Err(Cause::NoAnswer),
            Received::Overrun => Err(Cause::Overrun),
            Received::Truncated(length) => Err(Cause::Truncated { length }),
        }
    }
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace. `protocol` is one of [`crate::protocol`].
    pub fn open(protocol: i32) -> Result<Self> {
        Self::try_open(protocol).map_err(|errno| {
            let error = Error::new(format!("open a netlink socket of protocol {protocol}"), errno);
            if errno == rustix::io::Errno::PROTONOSUPPORT {
                error.with_help(
                    "The kernel lacks this netlink protocol; for nf_tables: `modprobe nfnetlink nf_tables`.",
                )
            } else {
                error
            }
        })
    }

    /// Opens a socket in another network namespace, on a thread that ends with that. In the calling thread's own it is
    /// opened at once: entering needs a privilege that reading does not.
    pub fn open_in(namespace: &Namespace, protocol: i32) -> Result<Self> {
        match namespace.is_current() {
            true => Socket::open(protocol),
            false => namespace.run(|| Socket::open(protocol))?,
        }
    }

    fn try_open(protocol: i32) -> rustix::io::Result<Self> {
        let number = u32::try_from(protocol).ok().and_then(std::num::NonZeroU32::new).map(Protocol::from_raw);
        Socket::prepare(
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, number)?,
            protocol,
        )
    }

    /// Takes over a netlink socket of this protocol that is as it was made.
    pub fn adopt(fd: OwnedFd, protocol: i32) -> Result<Self> {
        Socket::prepare(fd, protocol)
            .map_err(|errno| Error::new(format!("use a netlink socket of protocol {protocol}"), errno))
    }

    fn prepare(fd: OwnedFd, protocol: i32) -> rustix::io::Result<Self> {
        let mut socket = Socket { port: bind_to_own_port(&fd)?, fd, protocol, strict: false };
        socket.enable_if_known(libc::NETLINK_EXT_ACK)?;
        socket.enable_if_known(libc::NETLINK_CAP_ACK)?;
        if protocol == libc::NETLINK_ROUTE {
            socket.strict = socket.enable_if_known(libc::NETLINK_GET_STRICT_CHK)?;
        }
        Ok(socket)
    }

    /// Turns an option on; whether the kernel knows it.
    fn enable_if_known(&self, option: i32) -> rustix::io::Result<bool> {
        match option::set(self.fd.as_fd(), libc::SOL_NETLINK, option, 1) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::NOPROTOOPT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// The netlink protocol.
    #[must_use]
    pub fn protocol(&self) -> i32 {
        self.protocol
    }

    /// Its port number, which no other netlink socket of this process has, in whatever namespace. Answers carry it.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Whether the kernel checks requests for dumps strictly and filters as they ask (`NETLINK_GET_STRICT_CHK`).
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Receives the notifications of a multicast group from now on (`NETLINK_ADD_MEMBERSHIP`).
    pub fn join(&self, group: u32) -> Result<()> {
        option::set(self.fd.as_fd(), libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, group.cast_signed())
            .map_err(|errno| Error::new(format!("listen to netlink group {group}"), errno))
    }

    /// Receives the notifications of a multicast group no longer (`NETLINK_DROP_MEMBERSHIP`).
    pub fn leave(&self, group: u32) -> Result<()> {
        option::set(self.fd.as_fd(), libc::SOL_NETLINK, libc::NETLINK_DROP_MEMBERSHIP, group.cast_signed())
            .map_err(|errno| Error::new(format!("stop listening to netlink group {group}"), errno))
    }

    /// Sends messages with one system call. For the protocols of [`crate::protocol`] the kernel has acted on them when this
    /// returns, and its answers are queued. The send buffer grows where they need it.
    pub fn send(&self, messages: &[u8]) -> std::result::Result<(), Cause> {
        let mut grown = false;
        loop {
            counted();
            match send(&self.fd, messages, SendFlags::empty()) {
                Ok(sent) if sent == messages.len() => return Ok(()),
                Ok(_) => return Err(Cause::System(Errno::EMSGSIZE)),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::MSGSIZE) if !grown => {
                    self.reserve_send(messages.len())?;
                    grown = true;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Receives one datagram into a buffer that is kept between calls, without waiting. An empty buffer becomes one of
    /// 64 KiB. What did not come from the kernel is passed over.
    pub fn receive<'b>(&self, buffer: &'b mut Vec<u8>) -> std::result::Result<Received<'b>, Cause> {
        if buffer.is_empty() {
            buffer.resize(FIRST_BUFFER, 0);
        }
        let length = loop {
            counted();
            match recvfrom(&self.fd, &mut buffer[..], RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
                Ok((_, length, Some(from))) if is_kernel(&from) => break length,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
                Err(rustix::io::Errno::NOBUFS) => return Ok(Received::Overrun),
                Err(errno) => return Err(errno.into()),
            }
        };
        if length > buffer.len() {
            buffer.resize(length.next_power_of_two(), 0);
            return Ok(Received::Truncated(length));
        }
        Ok(Received::Datagram(buffer.get(..length).unwrap_or_default()))
    }

    /// Waits until something is queued; `false` when the time is over before. `None` waits for ever.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        wait_for_any(&[self.fd.as_fd()], timeout)
    }

    /// Makes the send buffer large enough for one call of this many bytes, as far as the process may: beyond
    /// `net.core.wmem_max` with `CAP_NET_ADMIN` only.
    pub fn reserve_send(&self, bytes: usize) -> std::result::Result<(), Cause> {
        let wanted = bytes.saturating_add(4096).min(MAXIMUM_BUFFER);
        match sockopt::set_socket_send_buffer_size_force(&self.fd, wanted) {
            Err(rustix::io::Errno::PERM) => Ok(sockopt::set_socket_send_buffer_size(&self.fd, wanted)?),
            other => Ok(other?),
        }
    }

    /// Makes the receive buffer at least this large, as far as the process may: beyond `net.core.rmem_max` with
    /// `CAP_NET_ADMIN` only. Returns its size in bytes as the kernel counts, which is with its overhead per datagram.
    pub fn reserve_receive(&self, bytes: usize) -> std::result::Result<usize, Cause> {
        let have = sockopt::socket_recv_buffer_size(&self.fd)?;
        if have >= bytes {
            return Ok(have);
        }
        let wanted = bytes.min(MAXIMUM_BUFFER);
        match sockopt::set_socket_recv_buffer_size_force(&self.fd, wanted) {
            Err(rustix::io::Errno::PERM) => sockopt::set_socket_recv_buffer_size(&self.fd, wanted)?,
            other => other?,
        }
        Ok(sockopt::socket_recv_buffer_size(&self.fd)?)
    }
}

/// Waits until something is queued in one of them; `false` when the time is over before. `None` waits for ever.
pub fn wait_for_any(descriptors: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Result<bool> {
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut descriptors: Vec<PollFd<'_>> =
        descriptors.iter().map(|descriptor| PollFd::from_borrowed_fd(*descriptor, PollFlags::IN)).collect();
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut descriptors, left.as_ref()) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Error::new("wait for a netlink message", errno)),
        }
    }
}

/// The kernel doubles what it is given and keeps it in an `int`.
const MAXIMUM_BUFFER: usize = (i32::MAX / 2) as usize;

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn bind_to_own_port(fd: &OwnedFd) -> rustix::io::Result<u32> {
    loop {
        let port = port::next();
        match bind(fd, &SocketAddrNetlink::new(port, 0)) {
            Ok(()) => return Ok(port),
            Err(rustix::io::Errno::ADDRINUSE) => {} // by another process
            Err(errno) => return Err(errno),
        }
    }
}

/// Other processes have port numbers; the kernel has none.
fn is_kernel(from: &SocketAddrAny) -> bool {
    SocketAddrNetlink::try_from(from.clone()).is_ok_and(|from| from.pid() == 0)
}

/// Counts system calls of sending and receiving for the tests.
fn counted() {
    #[cfg(test)]
    tests::CALLS.set(tests::CALLS.get() + 1);
}

#[cfg(test)]
pub(crate) mod tests;
