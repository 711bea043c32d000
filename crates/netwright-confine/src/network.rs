//! Entering a network namespace with the whole process.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::option::last;

/// Enters a network namespace: what this process makes from then on is there. Where it takes a user namespace of the caller's, as that of a rootless
/// container, that is entered, too.
///
/// # Errors
/// The kernel does not allow it, or the process has other threads and would have to enter a user namespace.
pub fn enter(namespace: BorrowedFd<'_>) -> Result<()> {
    match move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network)) {
        Err(Errno::PERM) => {}
        result => return result,
    }
    let user = owner(namespace)?;
    move_into_link_name_space(std::os::fd::AsFd::as_fd(&user), Some(LinkNameSpaceType::User))?;
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
}

/// The user namespace that a namespace belongs to.
#[allow(unsafe_code)]
fn owner(namespace: BorrowedFd<'_>) -> Result<OwnedFd> {
    /// `linux/nsfs.h`
    const NS_GET_USERNS: u32 = 0xb701;
    // SAFETY: the descriptor is open, and the request takes no argument.
    let found = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_USERNS as _) };
    if found < 0 {
        return Err(last());
    }
    // SAFETY: the call has made it, and nothing else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(found) })
}
