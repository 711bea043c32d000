//! Copies of the calling process that go on without executing a program.
//!
//! The process may have threads, one of which may hold a lock at the moment of the fork. So nothing that runs in a copy
//! allocates, prints or locks: it makes system calls on what was written before the fork and on buffers of the stack. It cannot panic
//! either, and if it did all the same, it would end.

use rustix::io::{Errno, Result};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::option::last;

/// Splits the process like `fork`, with no thread but this one in the copy. Returns the copy's process number, `None` in the copy.
///
/// `flags` are those of clone(2): other namespaces for the copy, and the signal that tells of its end. Where there is no signal, the
/// end is told to nobody who does not wait for it with `__WALL`. `pidfd` is set to a descriptor of the copy.
#[allow(unsafe_code)]
pub(crate) fn fork(flags: i32, pidfd: Option<&mut i32>) -> Result<Option<i32>> {
    let flags = flags | if pidfd.is_some() { libc::CLONE_PIDFD } else { 0 };
    let pidfd = pidfd.map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let none = 0_usize;
    // SAFETY: without CLONE_VM the copy has memory of its own and returns on a copy of this stack. The kernel writes one
    // number where `pidfd` points, if anything. Callers make the copy do nothing but system calls.
    match unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_ulong, none, pidfd, none, none) } {
        -1 => Err(last()),
        0 => Ok(None),
        child => Ok(Some(child as i32)),
    }
}

/// Kills a copy and waits for its end.
#[allow(unsafe_code)]
pub(crate) fn end(child: i32) {
    send(child, libc::SIGKILL);
    // SAFETY: the call takes numbers only. The child has not been waited for, so that its number is still its own.
    while unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::__WALL) } == -1 && last() == Errno::INTR {
    }
}

/// Sends a signal, if the process is still there.
#[allow(unsafe_code)]
pub(crate) fn send(process: i32, signal: i32) {
    // SAFETY: both are numbers. That of a child stands for it until it has been waited for.
    unsafe { libc::kill(process, signal) };
}

/// Lets a signal do what it does by default, or nothing.
///
/// Children whose end is told by an ignored `SIGCHLD` need not be waited for.
#[allow(unsafe_code)]
pub(crate) fn set_ignored(signal: i32, ignored: bool) -> Result<()> {
    let to = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: no function is passed.
    if unsafe { libc::signal(signal, to) } == libc::SIG_ERR { Err(last()) } else { Ok(()) }
}

/// Waits until all children have ended, whose ends are ignored.
#[allow(unsafe_code)]
pub(crate) fn wait_for_children() {
    // SAFETY: nothing is written.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } >= 0 || last() == Errno::INTR {}
}

/// Ends the copy without running anything of the process that it is a copy of.
#[allow(unsafe_code)]
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: `_exit` only ends the process.
    unsafe { libc::_exit(status) }
}

/// Ends the copy when it is dropped, as a panic would do.
pub(crate) struct EndAtPanic;

impl Drop for EndAtPanic {
    fn drop(&mut self) {
        exit(101);
    }
}

/// Gives a copy namespaces of its own.
#[allow(unsafe_code)]
pub(crate) fn unshare(flags: UnshareFlags) -> Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: descriptors stay shared, since `FILES` is not among the flags of any caller in this crate.
    unsafe { unshare_unsafe(flags) }
}

/// Closes all descriptors of a copy but these, which must be in ascending order.
pub(crate) fn close_all_but(kept: &[i32]) -> Result<()> {
    let mut from = 0;
    for number in kept.iter().map(|number| number.cast_unsigned()) {
        if from < number {
            close_range(from, number - 1)?;
        }
        from = number.saturating_add(1);
    }
    close_range(from, u32::MAX)
}

#[allow(unsafe_code)]
fn close_range(first: u32, last_one: u32) -> Result<()> {
    // SAFETY: the numbers are taken by value. The closed descriptors have owners in the copy's memory, none of which is ever
    // used or dropped there: a copy leaves by `exit`.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last_one, 0_u32) } {
        0 => Ok(()),
        _ => Err(last()),
    }
}
