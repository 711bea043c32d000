//! What lies over files and directories inside.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, SeekFrom, Stat, Uid, chmodat, chownat, mkdirat, open, openat,
    readlinkat_raw, seek, sendfile, statat, symlinkat,
};
use rustix::io::{Errno, Result};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change,
    move_mount, open_tree, unmount,
};

use super::protocol::{MaskKind, Step};
use super::text::ShortText;
use crate::option::last;

/// Something that processes inside see in place of what is at a path. It lies in the mount namespace of the inside, where the
/// confined cannot take it away, neither in namespaces of their own.
///
/// A mount over a file or socket is gone when the entry below it is removed or replaced outside, as a restarted service
/// does with its socket, and nothing else than a later mask covers the new one. So cover the directory where it is one for
/// sockets. That mask cannot be lost as long as the directory is there, and brings in nothing that comes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mask {
    /// A file with this content, which cannot be written.
    File {
        /// The file to be covered, which must exist; links are followed.
        path: PathBuf,
        /// What is read there.
        content: Vec<u8>,
    },
    /// An empty file that cannot be written, over a socket or another file. Connecting is refused, as if nobody listened.
    Nothing {
        /// The socket or file; links are followed. Where it is gone by now, as sockets come and go, nothing is covered.
        path: PathBuf,
    },
    /// A new directory in memory with some entries of the old one. It can be written if the old one could.
    Directory {
        /// The directory, which must exist; links are followed.
        path: PathBuf,
        /// Names of entries that stay, with what is mounted on them. Those that do not exist are passed over.
        keep: Vec<String>,
    },
    /// The same, with all that is mounted below it, but it cannot be written.
    ReadOnly {
        /// The file or directory; links are followed.
        path: PathBuf,
    },
}

impl Mask {
    /// The path that is covered.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Mask::File { path, .. }
            | Mask::Nothing { path }
            | Mask::Directory { path, .. }
            | Mask::ReadOnly { path } => path,
        }
    }
}

/// Where file systems are put together, out of everybody's way: every kernel has this directory.
const SCRATCH: &CStr = c"/proc/fs";

/// A copy of a mount with all below it, which is not attached anywhere.
const WHOLE: OpenTreeFlags =
    OpenTreeFlags::OPEN_TREE_CLONE.union(OpenTreeFlags::OPEN_TREE_CLOEXEC).union(OpenTreeFlags::AT_RECURSIVE);

type Outcome<T> = std::result::Result<T, (Step, Errno)>;

fn at<T>(step: Step, result: Result<T>) -> Outcome<T> {
    result.map_err(|errno| (step, errno))
}

/// Covers the first path of the text. Allocates nothing.
pub(super) fn cover(
    scratch: &mut Option<Scratch>,
    kind: MaskKind,
    text: &[u8],
    content: Option<BorrowedFd<'_>>,
) -> Outcome<()> {
    let mut paths =
        text.split_inclusive(|&byte| byte == 0).map_while(|path| CStr::from_bytes_with_nul(path).ok());
    let path = at(Step::Cover, paths.next().ok_or(Errno::INVAL))?;
    if let MaskKind::ReadOnly = kind {
        return at(Step::Cover, read_only(path));
    }
    let scratch = match scratch {
        Some(scratch) => scratch,
        none => none.insert(at(Step::Scratch, Scratch::mount())?),
    };
    match kind {
        MaskKind::Directory => directory(scratch, path, paths),
        _ => file(scratch, path, content),
    }
}

/// An empty file system that is mounted out of the way, and unmounted there when it is dropped. As the kernel waits for
/// all processors then, many masks use the same one.
pub(super) struct Scratch {
    directory: OwnedFd,
    /// How many entries were made: their names.
    entries: u32,
}

impl Scratch {
    fn mount() -> Result<Self> {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount(c"tmpfs", SCRATCH, c"tmpfs", flags, Some(c"mode=755"))?;
        // Copies of it would otherwise lose what is mounted in it when it goes.
        let private = mount_change(SCRATCH, MountPropagationFlags::PRIVATE);
        let opened = || open(SCRATCH, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        match private.and_then(|()| opened()) {
            Ok(directory) => Ok(Scratch { directory, entries: 0 }),
            Err(errno) => {
                let _ = unmount(SCRATCH, UnmountFlags::DETACH);
                Err(errno)
            }
        }
    }

    /// A name that no entry has.
    fn name(&mut self) -> Result<ShortText> {
        self.entries = self.entries.checked_add(1).ok_or(Errno::NOSPC)?;
        ShortText::new(format_args!("{}", self.entries))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = unmount(SCRATCH, UnmountFlags::DETACH);
    }
}

fn file(scratch: &mut Scratch, path: &CStr, content: Option<BorrowedFd<'_>>) -> Outcome<()> {
    let tree = at(Step::Content, {
        let mode = Mode::from_raw_mode(if content.is_some() { 0o444 } else { 0o666 });
        write_content(scratch, mode, content)
    })?;
    at(Step::Cover, set_read_only(tree.as_fd()))?;
    at(Step::Cover, attach(&tree, path))
}

/// Makes the file, and a mount of it alone that is not attached anywhere.
fn write_content(scratch: &mut Scratch, mode: Mode, content: Option<BorrowedFd<'_>>) -> Result<OwnedFd> {
    const AT_ONCE: usize = 1 << 20;
    let name = scratch.name()?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(&scratch.directory, name.text()?, flags, Mode::RUSR)?;
    if let Some(content) = content {
        seek(content, SeekFrom::Start(0))?;
        while sendfile(&file, content, None, AT_ONCE)? > 0 {}
    }
    chmodat(&scratch.directory, name.text()?, mode, AtFlags::empty())?;
    let alone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    open_tree(&scratch.directory, name.text()?, alone)
}

fn directory<'a>(scratch: &mut Scratch, path: &CStr, names: impl Iterator<Item = &'a CStr>) -> Outcome<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let old = at(Step::Cover, open(path, flags, Mode::empty()))?;
    let (name, new) = at(Step::Scratch, make_directory(scratch))?;
    for name in names {
        match keep(&old, &new, name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err((Step::Entry, errno)),
        }
    }
    // An owner that is not mapped cannot be given; the new directory then is the warden's.
    let status = at(Step::Cover, statat(&old, c"", AtFlags::EMPTY_PATH))?;
    let _ = chownat(
        &new,
        c"",
        Some(Uid::from_raw(status.st_uid)),
        Some(Gid::from_raw(status.st_gid)),
        AtFlags::EMPTY_PATH,
    );
    let finish = || {
        chmodat(&scratch.directory, name.text()?, mode_of(&status), AtFlags::empty())?;
        open_tree(&scratch.directory, name.text()?, WHOLE)
    };
    let tree = at(Step::Scratch, finish())?;
    at(Step::Cover, attach(&tree, path))
}

fn make_directory(scratch: &mut Scratch) -> Result<(ShortText, OwnedFd)> {
    let name = scratch.name()?;
    mkdirat(&scratch.directory, name.text()?, Mode::RWXU)?;
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let new = openat(&scratch.directory, name.text()?, flags, Mode::empty())?;
    Ok((name, new))
}

fn mode_of(status: &Stat) -> Mode {
    Mode::from_raw_mode(status.st_mode)
}

/// Brings one entry of a directory into another one.
fn keep(old: &OwnedFd, new: &OwnedFd, name: &CStr) -> Result<()> {
    let status = statat(old, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Symlink => {
            let mut target = [0; libc::PATH_MAX as usize];
            readlinkat_raw(old, name, target.split_last_mut().ok_or(Errno::INVAL)?.1)?;
            let target = CStr::from_bytes_until_nul(&target).map_err(|_| Errno::NAMETOOLONG)?;
            return symlinkat(target, new, name);
        }
        FileType::Directory => mkdirat(new, name, Mode::from_raw_mode(0o755))?,
        _ => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            openat(new, name, flags, Mode::RUSR).map(drop)?;
        }
    }
    let tree = open_tree(old, name, WHOLE)?;
    // What is mounted below it once it lies in its place would otherwise be mounted here as well, and go when this goes.
    set_private(tree.as_fd())?;
    move_mount(&tree, c"", new, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Covers a path by itself, unwritable. Allocates nothing.
pub(crate) fn read_only(path: &CStr) -> Result<()> {
    let tree = open_tree(CWD, path, WHOLE)?;
    set_read_only(tree.as_fd())?;
    attach(&tree, path)
}

/// Lays a mount over a path.
fn attach(tree: &OwnedFd, path: &CStr) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
    move_mount(tree, c"", CWD, path, flags)
}

/// `struct mount_attr` of `linux/mount.h`.
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Makes a mount and all below it unwritable.
fn set_read_only(tree: BorrowedFd<'_>) -> Result<()> {
    const RDONLY: u64 = 1;
    set_attributes(tree, RDONLY, 0)
}

/// Makes a mount and all below it keep to themselves what is mounted in them.
fn set_private(tree: BorrowedFd<'_>) -> Result<()> {
    set_attributes(tree, 0, MountPropagationFlags::PRIVATE.bits().into())
}

/// Takes from all files the power to give users or capabilities to who runs them. Nobody inside can gain any, and a file that cannot
/// give what it says could otherwise not be run at all.
pub(super) fn set_no_privileges() -> Result<()> {
    const NOSUID: u64 = 2;
    let root = open(c"/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    set_attributes(root.as_fd(), NOSUID, 0)
}

/// Sets attributes of a mount and all below it, and how it propagates (0 leaves that).
#[allow(unsafe_code)]
fn set_attributes(tree: BorrowedFd<'_>, set: u64, propagation: u64) -> Result<()> {
    const AT_RECURSIVE: i32 = 0x8000;
    let attributes = Attributes { set, clear: 0, propagation, user_namespace: 0 };
    // SAFETY: the descriptor is open, the path is an empty text, and the kernel reads as many bytes as it is told.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | AT_RECURSIVE,
            std::ptr::from_ref(&attributes),
            size_of::<Attributes>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(last()) }
}
