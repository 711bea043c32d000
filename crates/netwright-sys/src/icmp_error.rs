//! ICMP errors about what a socket has sent: who refused it, and how (`IP_RECVERR`, ip(7)).

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use netwright_wire::Errno;

use crate::option::set;

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
        let mut control = Control(MaybeUninit::zeroed());
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

/// Room for control messages, aligned as they must be.
#[repr(align(8))]
struct Control(MaybeUninit<[u8; CONTROL]>);

const CONTROL: usize = 256;

#[allow(unsafe_code)]
fn receive(socket: BorrowedFd<'_>, control: &mut Control) -> io::Result<Option<IcmpError>> {
    // SAFETY: all fields of `msghdr` are numbers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL as _;
    // SAFETY: the descriptor is open, and the header points at `CONTROL` bytes that outlive the call and at nothing else.
    if unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) } < 0
    {
        return Err(io::Error::last_os_error());
    }
    let mut found = None;
    // SAFETY: the kernel has filled the header and as many control bytes as it says; the macros stay within them.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while let Some(current) = message.as_ref() {
            #[allow(clippy::useless_conversion)] // another type with musl
            let payload = usize::try_from(current.cmsg_len).unwrap_or(0);
            let payload = payload.saturating_sub(libc::CMSG_LEN(0) as usize);
            let bytes = std::slice::from_raw_parts(libc::CMSG_DATA(message), payload);
            if matches!(
                (current.cmsg_level, current.cmsg_type),
                (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR)
            ) {
                found = parse(bytes);
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
    }
    Ok(found)
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
