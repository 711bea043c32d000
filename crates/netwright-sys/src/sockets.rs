//! What can be asked of Internet sockets besides what `rustix` offers.

use std::io;
use std::os::fd::AsFd;

use crate::option::set;

/// Lets a socket be bound to an address that is not the host's, and be handed connections by `tproxy`
/// (`IP_TRANSPARENT`, ip(7)). Needs `CAP_NET_ADMIN` in the socket's namespace.
#[doc(alias = "IP_TRANSPARENT")]
pub fn set_transparent(socket: impl AsFd, ipv6: bool) -> io::Result<()> {
    let (level, option) = match ipv6 {
        false => (libc::SOL_IP, libc::IP_TRANSPARENT),
        true => (libc::SOL_IPV6, libc::IPV6_TRANSPARENT),
    };
    Ok(set(socket.as_fd(), level, option, 1)?)
}

/// Lets a raw socket's writer make the IPv6 header too (`IPV6_HDRINCL`); for IPv4 the protocol number 255 says so.
#[doc(alias = "IPV6_HDRINCL")]
pub fn set_with_header(socket: impl AsFd, ipv6: bool) -> io::Result<()> {
    /// `include/uapi/linux/in6.h`.
    const IPV6_HDRINCL: i32 = 36;
    let (level, option) = match ipv6 {
        false => (libc::SOL_IP, libc::IP_HDRINCL),
        true => (libc::SOL_IPV6, IPV6_HDRINCL),
    };
    Ok(set(socket.as_fd(), level, option, 1)?)
}

/// Lets a TCP connection end without a word to the other side when it is closed: no FIN and no RST is sent
/// (`TCP_REPAIR`, tcp(7)). Needs `CAP_NET_ADMIN` in the socket's namespace.
#[doc(alias = "TCP_REPAIR")]
pub fn set_silent(socket: impl AsFd) -> io::Result<()> {
    Ok(set(socket.as_fd(), libc::SOL_TCP, libc::TCP_REPAIR, 1)?)
}

/// Opens something with another owner than the calling thread's user and group: a socket that is made in `open`
/// belongs to them, as rules see it (`meta skuid`, `meta skgid`).
///
/// # Errors
/// `EPERM` where the thread may not act for that user or group, or its user namespace does not have it.
pub fn owned_by<T>(user: Option<u32>, group: Option<u32>, open: impl FnOnce() -> T) -> io::Result<T> {
    let before = Owner { user: current(user, User), group: current(group, Group) };
    let set = |id: Option<u32>, which: Which| match id {
        Some(id) if change(which, id) != id => Err(io::Error::from_raw_os_error(libc::EPERM)),
        _ => Ok(()),
    };
    // the group comes first: who is another user may not change it
    set(group, Group)?;
    set(user, User)?;
    let opened = open();
    drop(before);
    Ok(opened)
}

use Which::{Group, User};

#[derive(Clone, Copy)]
enum Which {
    User,
    Group,
}

/// Whose the thread's files are, which they are again when this is dropped.
struct Owner {
    user: Option<u32>,
    group: Option<u32>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        for (id, which) in [(self.user, User), (self.group, Group)] {
            if let Some(id) = id {
                change(which, id);
            }
        }
    }
}

/// What it is now, where it is to be changed.
fn current(wanted: Option<u32>, which: Which) -> Option<u32> {
    wanted.map(|_| change(which, u32::MAX))
}

/// Asks for another owner of files of this thread, and tells which one there is then: the kernel gives the old one
/// back and no error, and takes -1 for a question.
#[allow(unsafe_code)]
fn change(which: Which, id: u32) -> u32 {
    let number = match which {
        User => libc::SYS_setfsuid,
        Group => libc::SYS_setfsgid,
    };
    // SAFETY: these calls take a number and change the calling thread's credentials alone.
    let ask = |id: u32| unsafe { libc::syscall(number, libc::c_ulong::from(id)) } as u32;
    ask(id);
    ask(u32::MAX)
}
