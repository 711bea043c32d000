//! System calls of others that wait for an answer of this process (seccomp_unotify(2)).

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, Result};

use crate::option::last;

/// Where calls come from; readable when one waits, and hung up when nobody can make one any more.
#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

/// A call that waits.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Call {
    /// Its own number, for the answer.
    pub(crate) id: u64,
    /// The thread that makes it, as this process sees it; 0 where it does not.
    pub(crate) thread: u32,
    flags: u32,
    /// The number of the system call.
    pub(crate) number: i32,
    /// `AUDIT_ARCH_…`
    pub(crate) architecture: u32,
    instruction: u64,
    pub(crate) arguments: [u64; 6],
}

/// `struct seccomp_notif_resp`
#[repr(C)]
struct Answer {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// `struct seccomp_notif_addfd`
#[repr(C)]
struct AddDescriptor {
    id: u64,
    flags: u32,
    from: u32,
    to: u32,
    to_flags: u32,
}

/// `linux/seccomp.h`
const RECEIVE: u32 = 0xc050_2100;
const SEND: u32 = 0xc018_2101;
const IS_VALID: u32 = 0x4008_2102;
const ADD_DESCRIPTOR: u32 = 0x4018_2103;
const SET_FLAGS: u32 = 0x4008_2104;
const WAKE_ON_SAME_PROCESSOR: u64 = 1;

impl Listener {
    /// The descriptor that setting a filter has returned.
    pub(crate) fn new(descriptor: OwnedFd) -> Self {
        let listener = Listener(descriptor);
        // Kernels before 6.6 do not know it; there it takes somewhat longer.
        let mut flags = WAKE_ON_SAME_PROCESSOR;
        let _ = listener.request(SET_FLAGS, &mut flags);
        listener
    }

    /// The next call; waits where there is none. `None` where it is taken back by now.
    #[allow(unsafe_code)]
    pub(crate) fn receive(&self) -> Result<Option<Call>> {
        // SAFETY: all fields are numbers, for which zero is a value.
        let mut call: Call = unsafe { MaybeUninit::zeroed().assume_init() };
        match self.request(RECEIVE, &mut call) {
            Ok(()) => Ok(Some(call)),
            Err(Errno::NOENT | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Whether a call still waits: only then its thread's number is its own.
    pub(crate) fn waits(&self, call: &Call) -> bool {
        self.has_call(call.id)
    }

    /// The same by the call's number.
    pub(crate) fn has_call(&self, mut id: u64) -> bool {
        self.request(IS_VALID, &mut id).is_ok()
    }

    /// Lets a call return a value or an error; `NOENT` where it does not wait any more.
    pub(crate) fn answer(&self, id: u64, result: Result<i64>) -> Result<()> {
        let (value, error) = match result {
            Ok(value) => (value, 0),
            Err(errno) => (0, -errno.raw_os_error()),
        };
        self.request(SEND, &mut Answer { id, value, error, flags: 0 })
    }

    /// Lets a call be made as if nobody had been asked.
    pub(crate) fn go_on(&self, id: u64) -> Result<()> {
        /// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`
        const CONTINUE: u32 = 1;
        self.request(SEND, &mut Answer { id, value: 0, error: 0, flags: CONTINUE })
    }

    /// Gives the process of a call a descriptor, and returns its number there.
    #[allow(unsafe_code)]
    pub(crate) fn give(&self, id: u64, descriptor: BorrowedFd<'_>, close_at_exec: bool) -> Result<i32> {
        let mut add = AddDescriptor {
            id,
            flags: 0,
            from: descriptor.as_raw_fd().cast_unsigned(),
            to: 0,
            to_flags: if close_at_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
        };
        // SAFETY: the descriptor is open, and the kernel reads the struct that the request is for.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), ADD_DESCRIPTOR as _, std::ptr::from_mut(&mut add)) };
        if result >= 0 { Ok(result) } else { Err(last()) }
    }

    #[allow(unsafe_code)]
    fn request<T>(&self, request: u32, argument: &mut T) -> Result<()> {
        // SAFETY: the descriptor is open, and each request is made with the struct that it is for.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, std::ptr::from_mut(argument)) };
        if result >= 0 { Ok(()) } else { Err(last()) }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
