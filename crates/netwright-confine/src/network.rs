//! Entering a network namespace with the whole process.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::option::last;

/// Enters a network namespace: what this process makes from then on is there. Where it takes a user namespace of the caller's, as that of a rootless
/// container, that is entered, too, and the result says so: the caller has all power over it then, and perhaps another number.
///
/// # Errors
/// The kernel does not allow it, or the process has other threads and would have to enter a user namespace.
pub fn enter(namespace: BorrowedFd<'_>) -> Result<bool> {
    match move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network)) {
        Err(Errno::PERM) => {}
        result => return result.map(|()| false),
    }
    // Where none can be entered that has the power, it stays with the first refusal.
    let user = owner(namespace).map_err(|_| Errno::PERM)?;
    move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User)).map_err(|_| Errno::PERM)?;
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?;
    Ok(true)
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
