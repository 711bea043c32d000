//! Another process, as its calls need it: its memory, its descriptors, and the files that it finds by a path.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, open, openat, openat2, readlink};
use rustix::io::{Errno, Result};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::option::last;

/// A thread of another process, which waits for the answer to its call.
pub(super) struct Process {
    thread: u32,
    descriptor: OwnedFd,
}

impl Process {
    pub(super) fn open(thread: u32) -> Result<Self> {
        let pid = i32::try_from(thread).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            // It is not the first thread of its process.
            Err(Errno::INVAL | Errno::NOENT) => open_process_of(thread)?,
            other => other?,
        };
        Ok(Process { thread, descriptor })
    }

    /// A copy of one of its descriptors, for the same open file.
    pub(super) fn descriptor(&self, number: i32) -> Result<OwnedFd> {
        pidfd_getfd(&self.descriptor, number, PidfdGetfdFlags::empty())
    }

    /// Reads its memory.
    #[allow(unsafe_code)]
    pub(super) fn read<'b>(&self, address: u64, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: buffer.len() };
        // SAFETY: the kernel writes at most as many bytes as the buffer has; the other address is one of another process.
        let read = unsafe { libc::process_vm_readv(self.thread.cast_signed(), &local, 1, &remote, 1, 0) };
        match usize::try_from(read) {
            Ok(read) if read == buffer.len() => Ok(buffer),
            Ok(_) => Err(Errno::FAULT),
            Err(_) => Err(last()),
        }
    }

    /// A text of its memory, up to the zero byte behind it.
    pub(super) fn text(&self, address: u64) -> Result<Vec<u8>> {
        const PAGE: u64 = 4096;
        let mut text = vec![0; libc::PATH_MAX as usize];
        // A page that is not there ends what is read: the pages of a text are read one by one.
        let first = (PAGE - address % PAGE) as usize;
        let mut filled = 0;
        while filled < text.len() {
            let wanted = if filled == 0 { first } else { PAGE as usize }.min(text.len() - filled);
            let room = text.get_mut(filled..filled + wanted).ok_or(Errno::FAULT)?;
            self.read(address + filled as u64, room)?;
            if let Some(end) = room.iter().position(|byte| *byte == 0) {
                text.truncate(filled + end);
                return Ok(text);
            }
            filled += wanted;
        }
        Err(Errno::NAMETOOLONG)
    }

    /// Writes its memory.
    #[allow(unsafe_code)]
    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> Result<()> {
        let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: bytes.len() };
        // SAFETY: the kernel reads the bytes; the other address is one of another process.
        let written = unsafe { libc::process_vm_writev(self.thread.cast_signed(), &local, 1, &remote, 1, 0) };
        if usize::try_from(written) == Ok(bytes.len()) { Ok(()) } else { Err(Errno::FAULT) }
    }

    /// What its files are called here.
    pub(super) fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.thread)
    }

    /// Where its paths begin: its root directory, and its working directory.
    pub(super) fn place(&self) -> Result<Place> {
        let directory =
            |name| open(self.file(name), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        Ok(Place { files: self.file(""), root: directory("root")?, working: directory("cwd")? })
    }
}

fn open_process_of(thread: u32) -> Result<OwnedFd> {
    /// `PIDFD_THREAD`, from Linux 6.9 on.
    const THREAD: u32 = OFlags::EXCL.bits();
    let pid = |number: u32| i32::try_from(number).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    match pidfd_open(pid(thread)?, PidfdFlags::from_bits_retain(THREAD)) {
        Err(Errno::INVAL) => {}
        other => return other,
    }
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).map_err(|_| Errno::SRCH)?;
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    let process = process.and_then(|number| number.trim().parse().ok()).ok_or(Errno::SRCH)?;
    pidfd_open(pid(process)?, PidfdFlags::empty())
}

/// Where the paths of a process begin.
pub(super) struct Place {
    /// Its files in `/proc`.
    files: String,
    root: OwnedFd,
    working: OwnedFd,
}

impl Place {
    /// What the process finds at a path, as far as it may look: this is asked with its user's rights.
    pub(super) fn find(&self, path: &[u8]) -> Result<OwnedFd> {
        if let Some((base, rest)) = self.own_file(path)? {
            return match rest {
                [] => Ok(base),
                rest => look(base.as_fd(), rest, ResolveFlags::BENEATH),
            };
        }
        if path.first() == Some(&b'/') {
            return look(self.root.as_fd(), path, ResolveFlags::IN_ROOT);
        }
        match look(self.working.as_fd(), path, ResolveFlags::BENEATH) {
            // It leads out of the working directory.
            Err(Errno::XDEV) => {}
            other => return other,
        }
        let link = |name: &str| readlink(format!("{}{name}", self.files), Vec::new());
        let (root, working) = (link("root")?.into_bytes(), link("cwd")?.into_bytes());
        let below = match root.as_slice() {
            b"/" => Some(working.as_slice()),
            root => working.strip_prefix(root),
        };
        let whole = [below.ok_or(Errno::NOENT)?, b"/", path].concat();
        look(self.root.as_fd(), &whole, ResolveFlags::IN_ROOT)
    }

    /// Where a path leads by a descriptor or a directory of the process itself, and what follows: `/proc/self/fd/3/rest`. What is called so here would be
    /// this process's.
    fn own_file<'p>(&self, path: &'p [u8]) -> Result<Option<(OwnedFd, &'p [u8])>> {
        const OWN: [(&[u8], &str); 3] =
            [(b"/proc/self/", ""), (b"/proc/thread-self/", ""), (b"/dev/fd/", "fd/")];
        let found = OWN.iter().find_map(|(prefix, name)| Some((path.strip_prefix(*prefix)?, *name)));
        let Some((rest, name)) = found else { return Ok(None) };
        let (first, rest) = split(rest);
        let mut file = format!("{name}{}", std::str::from_utf8(first).map_err(|_| Errno::NOENT)?);
        let mut rest = rest;
        if file == "fd" {
            let (number, behind) = split(rest);
            file = format!("fd/{}", std::str::from_utf8(number).map_err(|_| Errno::NOENT)?);
            rest = behind;
        }
        let number = file.strip_prefix("fd/").is_some_and(|number| number.parse::<u32>().is_ok());
        if !number && file != "cwd" && file != "root" {
            return Ok(None);
        }
        let base =
            openat(CWD, format!("{}{file}", self.files), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Some((base, rest)))
    }
}

/// The first component of a path and what follows it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().position(|&byte| byte == b'/') {
        Some(at) => {
            let (first, rest) = path.split_at(at);
            let slashes = rest.iter().take_while(|&&byte| byte == b'/').count();
            (first, rest.get(slashes..).unwrap_or_default())
        }
        None => (path, &[]),
    }
}

fn look(base: BorrowedFd<'_>, path: &[u8], resolve: ResolveFlags) -> Result<OwnedFd> {
    let path = CString::new(path).map_err(|_| Errno::NOENT)?;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    match openat2(base, &path, flags, Mode::empty(), resolve | ResolveFlags::NO_MAGICLINKS) {
        Err(Errno::LOOP) => Err(Errno::ACCESS),
        other => other,
    }
}

/// The path of a descriptor, by which the kernel finds the same file again.
pub(super) fn path_of(descriptor: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

/// Text of a path, for messages.
pub(super) fn shown(path: &[u8]) -> std::path::PathBuf {
    std::ffi::OsStr::from_bytes(path).into()
}
