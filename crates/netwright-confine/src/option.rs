//! Socket options that are numbers.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::{Errno, Result};

/// Sets an option whose value is an `int`. Allocates nothing.
#[allow(unsafe_code)]
pub(crate) fn set(socket: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> Result<()> {
    // SAFETY: the descriptor is open as long as it is borrowed, and the kernel reads exactly the four bytes of `value`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(&value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(last()) }
}

/// An option whose value is an `int`.
#[allow(unsafe_code)]
fn get(socket: BorrowedFd<'_>, level: i32, option: i32) -> Result<i32> {
    let mut value = 0_i32;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as it is borrowed, and the kernel writes at most the four bytes of `value`, and the length.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_mut(&mut value).cast(),
            &mut length,
        )
    };
    if result == 0 { Ok(value) } else { Err(last()) }
}

/// Gives a socket another mark, if it has this one; which one it has then. It takes CAP_NET_ADMIN.
#[doc(alias = "SO_MARK")]
pub fn change_mark(socket: BorrowedFd<'_>, from: u32, to: u32) -> std::io::Result<u32> {
    let has = get(socket, libc::SOL_SOCKET, libc::SO_MARK)?.cast_unsigned();
    if has != from {
        return Ok(has);
    }
    set(socket, libc::SOL_SOCKET, libc::SO_MARK, to.cast_signed())?;
    Ok(to)
}

/// The error of the last call through libc.
pub(crate) fn last() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
