//! ICMP errors about what a socket has sent: who refused it, and how (`IP_RECVERR`, ip(7)).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

use netwright_wire::Errno;

use crate::ancillary::{self, Control};
use crate::option::set;

/// Bytes of control messages.
const CONTROL: usize = 256;

/// An ICMP or ICMPv6 error that came in for what a socket had sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "sock_extended_err")]
pub struct IcmpError {
    /// What it means for the sender.
    pub errno: Errno,
    /// Type of the message.
    pub kind: u8,
    /// Code of the message.
    pub code: u8,
    /// Who sent it.
    pub from: Option<IpAddr>,
}

impl IcmpError {
    /// Makes a TCP, UDP or raw socket keep the errors of its family for [`IcmpError::take`].
    pub fn keep(socket: impl AsFd, ipv6: bool) -> io::Result<()> {
        let (level, option) = match ipv6 {
            false => (libc::SOL_IP, libc::IP_RECVERR),
            true => (libc::SOL_IPV6, libc::IPV6_RECVERR),
        };
        Ok(set(socket.as_fd(), level, option, 1)?)
    }

    /// Takes the oldest error that is kept, without waiting. Errors that are not ICMP are passed over.
    pub fn take(socket: impl AsFd) -> io::Result<Option<IcmpError>> {
        let mut control = Control::new();
        loop {
            match receive(socket.as_fd(), &mut control) {
                Ok(None) => {}
                Ok(error) => return Ok(error),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

fn receive(socket: BorrowedFd<'_>, control: &mut Control<CONTROL>) -> io::Result<Option<IcmpError>> {
    ancillary::receive(socket, None, &mut [], control, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)?;
    let of_errors = |level: i32, kind: i32| {
        matches!((level, kind), (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR))
    };
    Ok(control
        .messages()
        .filter(|(level, kind, _)| of_errors(*level, *kind))
        .find_map(|(.., data)| parse(data)))
}

/// `struct sock_extended_err` and the address of who complained behind it.
fn parse(bytes: &[u8]) -> Option<IcmpError> {
    const OFFENDER: usize = 16;
    let errno = u32::from_ne_bytes(*bytes.first_chunk()?);
    let (origin, kind, code) = (*bytes.get(4)?, *bytes.get(5)?, *bytes.get(6)?);
    if ![libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(&origin) {
        return None;
    }
    Some(IcmpError {
        errno: Errno(i32::try_from(errno).ok()?),
        kind,
        code,
        from: address(bytes.get(OFFENDER..)?),
    })
}

/// The address in a `sockaddr_in` or `sockaddr_in6`.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match i32::from(u16::from_ne_bytes(*bytes.first_chunk()?)) {
        libc::AF_INET => Some(Ipv4Addr::from(*bytes.get(4..)?.first_chunk::<4>()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
