//! Files that a command is given for reading.
//!
//! Through a descriptor the owner of a file changes its rights and times, and by `/proc/self/fd` whoever may write it opens it for that, on the mount
//! that it was opened on: one of the outside, which no mask covers.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    CWD, FileType, Mode, OFlags, SeekFrom, fcntl_getfl, fcntl_setfl, fstat, openat, readlinkat_raw, seek,
};
use rustix::io::{Errno, Result};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdin, stdout};
use rustix::thread::UnshareFlags;

use crate::enclosure::set_all_read_only;
use crate::fork::unshare;

/// Opens the files anew that descriptors 0 to 2 have open for reading, on mounts that nothing can be written by: copies of those outside. Those without a
/// name are left: nobody but who has them open can find them. Allocates nothing, and leaves the process in mounts that nobody else has.
pub(super) fn protect() -> Result<()> {
    let mut has_copies = false;
    for (stream, number, replace) in STREAMS {
        if !is_read_only(stream()) {
            continue;
        }
        if !std::mem::replace(&mut has_copies, true) {
            unshare(UnshareFlags::NEWNS)?;
            set_all_read_only()?;
        }
        replace(&opened_anew(stream(), number)?)?;
    }
    Ok(())
}

/// A standard stream: how it is got at, its link in `/proc`, and how it is replaced.
type Stream = (fn() -> BorrowedFd<'static>, &'static CStr, fn(&OwnedFd) -> Result<()>);

const STREAMS: [Stream; 3] = [
    (stdin, c"/proc/self/fd/0", |file| dup2_stdin(file)),
    (stdout, c"/proc/self/fd/1", |file| dup2_stdout(file)),
    (stderr, c"/proc/self/fd/2", |file| dup2_stderr(file)),
];

/// Whether this is a file with a name that is open for reading alone.
fn is_read_only(stream: BorrowedFd<'_>) -> bool {
    let is_file = fstat(stream).is_ok_and(|found| {
        FileType::from_raw_mode(found.st_mode) == FileType::RegularFile && found.st_nlink > 0
    });
    is_file && fcntl_getfl(stream).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDONLY)
}

/// The same file by its path, at the same place of it.
fn opened_anew(stream: BorrowedFd<'_>, link: &CStr) -> Result<OwnedFd> {
    let mut path = [0; libc::PATH_MAX as usize];
    readlinkat_raw(CWD, link, path.split_last_mut().ok_or(Errno::INVAL)?.1)?;
    let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?;
    // what has its name by now may be a pipe, for which this would wait
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat(CWD, path, flags, Mode::empty())?;
    let (old, new) = (fstat(stream)?, fstat(file.as_fd())?);
    if (old.st_dev, old.st_ino) != (new.st_dev, new.st_ino) {
        return Err(Errno::STALE);
    }
    fcntl_setfl(&file, OFlags::empty())?;
    seek(&file, SeekFrom::Start(seek(stream, SeekFrom::Current(0))?))?;
    Ok(file)
}
