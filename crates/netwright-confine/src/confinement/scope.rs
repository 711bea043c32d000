//! No signals to processes outside, no sockets of theirs, and nothing written but what may be (landlock(7)).

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, fcntl_getfl, openat};
use rustix::stdio::{stderr, stdin, stdout};

/// `struct landlock_ruleset_attr` of `linux/landlock.h`.
#[repr(C)]
struct Ruleset {
    file_system: u64,
    network: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr` of `linux/landlock.h`.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET` and `LANDLOCK_SCOPE_SIGNAL`
const SCOPED: u64 = 1 | 2;
/// `LANDLOCK_ACCESS_FS_WRITE_FILE`
const WRITE: u64 = 1 << 1;
/// `LANDLOCK_ACCESS_FS_REFER`, which is refused where it is not allowed.
const MOVE_BETWEEN_DIRECTORIES: u64 = 1 << 13;
/// `LANDLOCK_ACCESS_FS_RESOLVE_UNIX`
const FIND_SOCKETS: u64 = 1 << 16;
/// The version of the interface that lets files be moved between directories, of Linux 5.19.
const MOVES_SINCE: i64 = 2;
/// The version of the interface that has scopes, of Linux 6.12.
const SIGNALS_SINCE: i64 = 6;
/// The version of the interface that has it, of Linux 7.1.
const SOCKETS_SINCE: i64 = 9;

/// Lets the calling thread and what it starts send signals and connect abstract sockets only to each other, where there is a list of paths
/// connect path sockets only to each other and to those at or below these, and where there is a list of what may be written open only that for writing. Kernels
/// before 6.12 (7.1 for path sockets, 5.19 for files), or without Landlock, have no such thing: of signals nothing is lost then but that the supervisor can be
/// killed, which opens nothing. New privileges must have been given up before. Allocates nothing.
pub(super) fn restrict(sockets: Option<&[CString]>, written: Option<&[CString]>) {
    let version = version();
    let sockets = sockets.filter(|_| version >= SOCKETS_SINCE);
    let written = written.filter(|_| version >= MOVES_SINCE);
    let handled = |is_handled: bool, access: u64| if is_handled { access } else { 0 };
    let file_system = handled(sockets.is_some(), FIND_SOCKETS)
        | handled(written.is_some(), WRITE)
        | handled(sockets.is_some() || written.is_some(), MOVE_BETWEEN_DIRECTORIES);
    let scoped = handled(version >= SIGNALS_SINCE, SCOPED);
    let Some(ruleset) = create(&Ruleset { file_system, network: 0, scoped }) else { return };
    if file_system != 0 {
        allow(ruleset.as_fd(), c"/", MOVE_BETWEEN_DIRECTORIES);
    }
    for path in sockets.unwrap_or_default() {
        allow(ruleset.as_fd(), path, FIND_SOCKETS);
    }
    if let Some(written) = written {
        for path in written {
            allow(ruleset.as_fd(), path, WRITE);
        }
        allow_streams(ruleset.as_fd());
    }
    enforce(ruleset.as_fd());
}

/// Allows to open anew what is given for writing.
fn allow_streams(ruleset: BorrowedFd<'_>) {
    for stream in [stdin(), stdout(), stderr()] {
        if fcntl_getfl(stream).is_ok_and(|flags| flags & OFlags::ACCMODE != OFlags::RDONLY) {
            allow_at(ruleset, stream, WRITE);
        }
    }
}

/// Whether the kernel can refuse signals to processes outside.
pub(super) fn keeps_signals_inside() -> bool {
    version() >= SIGNALS_SINCE
}

/// Whether the kernel can refuse path sockets.
pub(super) fn finds_sockets() -> bool {
    version() >= SOCKETS_SINCE
}

/// Whether the kernel can refuse to open for writing.
pub(super) fn finds_written() -> bool {
    version() >= MOVES_SINCE
}

/// The version of the interface; negative where there is none.
#[allow(unsafe_code)]
fn version() -> i64 {
    const VERSION: u32 = 1;
    // SAFETY: without a ruleset the call takes numbers only.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<Ruleset>(), 0_usize, VERSION) }
}

#[allow(unsafe_code)]
fn create(ruleset: &Ruleset) -> Option<OwnedFd> {
    // SAFETY: the kernel reads as many bytes of the ruleset as it is told.
    let made = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::from_ref(ruleset),
            size_of::<Ruleset>(),
            0_u32,
        )
    };
    let descriptor = i32::try_from(made).ok().filter(|descriptor| *descriptor >= 0)?;
    // SAFETY: the call has made it, and nothing else knows of it.
    Some(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Allows something at a path and below it. A path that is not there needs nothing.
fn allow(ruleset: BorrowedFd<'_>, path: &CStr, allowed: u64) {
    if let Ok(parent) = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        allow_at(ruleset, parent.as_fd(), allowed);
    }
}

/// The same at what a descriptor stands for. Pipes without a name and sockets need nothing, and the kernel takes no rule for them.
#[allow(unsafe_code)]
fn allow_at(ruleset: BorrowedFd<'_>, parent: BorrowedFd<'_>, allowed: u64) {
    const PATH_BENEATH: u32 = 1;
    let rule = PathBeneath { allowed, parent: parent.as_raw_fd() };
    // SAFETY: both descriptors are open, and the kernel reads a rule of this kind.
    unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            PATH_BENEATH,
            std::ptr::from_ref(&rule),
            0_u32,
        );
    }
}

#[allow(unsafe_code)]
fn enforce(ruleset: BorrowedFd<'_>) {
    // SAFETY: the descriptor is open; the call takes numbers only.
    unsafe {
        libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32);
    }
}
