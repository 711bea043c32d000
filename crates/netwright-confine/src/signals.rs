//! Signals that are read like a file instead of interrupting the program (signalfd(2)).

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;

/// Signals that this process receives as messages while this lives, and in the usual way before and after.
///
/// They are blocked in the calling thread and in those that it starts from then on, so make it before there are others. Commands that are
/// started have them blocked too, but for [`Signals::restore_in`].
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    before: libc::sigset_t,
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// Its number.
    pub signal: i32,
    /// Whether a process sent it to this one, and not the kernel, as a terminal's keys make it do for all processes in the foreground.
    pub by_process: bool,
}

impl Signals {
    /// Receives these signals.
    pub fn receive(signals: &[Signal]) -> io::Result<Self> {
        let set = set_of(signals);
        let before = change(libc::SIG_BLOCK, &set)?;
        match open(&set) {
            Ok(fd) => Ok(Signals { fd, before }),
            Err(error) => {
                let _ = change(libc::SIG_SETMASK, &before);
                Err(error)
            }
        }
    }

    /// Makes a command run with the signals blocked that were so before.
    #[allow(unsafe_code)]
    pub fn restore_in(&self, command: &mut Command) {
        let before = self.before;
        // SAFETY: between fork and exec the closure makes one system call on a value of its own.
        unsafe { command.pre_exec(move || change(libc::SIG_SETMASK, &before).map(drop)) };
    }

    /// The next signal that has come; `None` where there is none.
    #[allow(unsafe_code)]
    pub fn next(&self) -> io::Result<Option<Came>> {
        let mut message = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        // SAFETY: the kernel writes one whole message, or nothing.
        let read = unsafe {
            libc::read(self.fd.as_raw_fd(), message.as_mut_ptr().cast(), size_of::<libc::signalfd_siginfo>())
        };
        if read < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                _ => Err(error),
            };
        }
        // SAFETY: all fields are numbers, for which the zeroes before the call are values, too.
        let message = unsafe { message.assume_init() };
        let by_process = message.ssi_code <= 0; // those of the kernel are positive
        Ok(Some(Came { signal: message.ssi_signo.cast_signed(), by_process }))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = change(libc::SIG_SETMASK, &self.before);
    }
}

#[allow(unsafe_code)]
pub(crate) fn set_of(signals: &[Signal]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the first call fills the set, and the others change bits in it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal.as_raw());
        }
        set.assume_init()
    }
}

/// Changes which signals the calling thread blocks; returns those that it blocked before.
#[allow(unsafe_code)]
pub(crate) fn change(how: i32, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: the set is read, and `before` is filled where the call succeeds.
    match unsafe { libc::pthread_sigmask(how, set, before.as_mut_ptr()) } {
        // SAFETY: it was filled.
        0 => Ok(unsafe { before.assume_init() }),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

#[allow(unsafe_code)]
fn open(set: &libc::sigset_t) -> io::Result<OwnedFd> {
    // SAFETY: the set is read; a descriptor that is returned is new, and nobody else owns it.
    unsafe {
        match libc::signalfd(-1, set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

#[cfg(test)]
mod tests;
