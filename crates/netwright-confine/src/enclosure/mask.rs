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

mod devices;

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
    /// `/dev` with the devices that every program may use (`null`, `zero`, `full`, `random`, `urandom`, `tty`), terminals, shared memory and message
    /// queues of its own, and those that are named. Whatever else is a device in the file systems of the inside cannot be opened.
    Devices {
        /// Devices, directories of devices, and terminals of `/dev/pts`, which keep their names as far as there is room. `/dev/shm` and
        /// `/dev/mqueue` are those of the outside where they are named.
        keep: Vec<PathBuf>,
    },
    /// The same, with all that is mounted below it, but it cannot be written.
    ReadOnly {
        /// The file or directory; links are followed.
        path: PathBuf,
    },
    /// What the kernel tells at `/sys` of the network inside and of the machine, unwritable. Where it cannot be mounted, as in containers, `/sys` is
    /// the same as outside and cannot be written.
    System,
    /// Everything as it is, but it cannot be written. What is mounted by later masks can.
    AllReadOnly,
    /// The same, with all that is mounted below it, and it can be written although everything around it cannot. What was mounted so that it cannot
    /// be written before this program came stays so.
    Writable {
        /// The file or directory; links are followed.
        path: PathBuf,
    },
    /// A directory that an earlier [`Mask::Directory`] has made, which can be written although everything around it cannot. The entries that it kept cannot.
    Private {
        /// The directory.
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
            | Mask::ReadOnly { path }
            | Mask::Writable { path }
            | Mask::Private { path } => path,
            Mask::Devices { .. } => Path::new("/dev"),
            Mask::System => Path::new("/sys"),
            Mask::AllReadOnly => Path::new("/"),
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
    match kind {
        MaskKind::ReadOnly => return at(Step::Cover, read_only(path)),
        MaskKind::AllReadOnly => {
            *scratch = None; // a later one can be written
            return at(Step::Cover, set_all_read_only());
        }
        MaskKind::Writable => return at(Step::Cover, writable(path)),
        MaskKind::Private => return at(Step::Cover, private(path)),
        MaskKind::File | MaskKind::Directory | MaskKind::Devices | MaskKind::System => {}
    }
    let scratch = match scratch {
        Some(scratch) => scratch,
        none => none.insert(at(Step::Scratch, Scratch::mount())?),
    };
    match kind {
        MaskKind::Directory => directory(scratch, path, paths),
        MaskKind::Devices => at(Step::Devices, devices::cover(scratch, paths)),
        MaskKind::System => at(Step::Cover, system(scratch).or_else(|_| read_only(c"/sys"))),
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
    // An owner that is not mapped cannot be given; the new directory then is the helper's.
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

/// Mounts the kernel's files of this network namespace at `/sys`, with the control groups that are there.
fn system(scratch: &mut Scratch) -> Result<()> {
    const GROUPS: &CStr = c"/sys/fs/cgroup";
    let groups = open_tree(CWD, GROUPS, WHOLE).ok().filter(|groups| set_read_only(groups.as_fd()).is_ok());
    let (name, _) = make_directory(scratch)?;
    let place = ShortText::new(format_args!("/proc/fs/{}", name.as_str()))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    mount(c"sysfs", place.text()?, c"sysfs", flags, None)?;
    let tree = open_tree(CWD, place.text()?, WHOLE)?;
    set_read_only(tree.as_fd())?;
    attach(&tree, c"/sys")?;
    if let Some(groups) = groups {
        let _ = attach(&groups, GROUPS); // without them, nothing of them can be reached
    }
    Ok(())
}

/// Covers a path by itself, writable.
fn writable(path: &CStr) -> Result<()> {
    let tree = open_tree(CWD, path, WHOLE)?;
    match clear_attributes(tree.as_fd(), RDONLY, true) {
        // Something below it must not be written by whoever is here.
        Err(Errno::PERM) => clear_attributes(tree.as_fd(), RDONLY, false)?,
        other => other?,
    }
    attach(&tree, path)
}

/// Lets the mount at a path be written, and none below it.
fn private(path: &CStr) -> Result<()> {
    let mount = open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    clear_attributes(mount.as_fd(), RDONLY, false)
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

/// `MOUNT_ATTR_RDONLY`
const RDONLY: u64 = 1;

/// Makes a mount and all below it unwritable.
fn set_read_only(tree: BorrowedFd<'_>) -> Result<()> {
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
    set_everywhere(NOSUID)
}

/// Makes all mounts unwritable.
pub(crate) fn set_all_read_only() -> Result<()> {
    set_everywhere(RDONLY)
}

/// Sets attributes of all mounts.
fn set_everywhere(attributes: u64) -> Result<()> {
    let root = open(c"/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    set_attributes(root.as_fd(), attributes, 0)
}

/// Sets attributes of a mount and all below it, and how it propagates (0 leaves that).
fn set_attributes(tree: BorrowedFd<'_>, set: u64, propagation: u64) -> Result<()> {
    change_attributes(tree, &Attributes { set, clear: 0, propagation, user_namespace: 0 }, true)
}

/// Takes attributes from a mount, and from all below it where that is wanted.
fn clear_attributes(tree: BorrowedFd<'_>, clear: u64, all_below: bool) -> Result<()> {
    change_attributes(tree, &Attributes { set: 0, clear, propagation: 0, user_namespace: 0 }, all_below)
}

#[allow(unsafe_code)]
fn change_attributes(tree: BorrowedFd<'_>, attributes: &Attributes, all_below: bool) -> Result<()> {
    const AT_RECURSIVE: i32 = 0x8000;
    // SAFETY: the descriptor is open, the path is an empty text, and the kernel reads as many bytes as it is told.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | if all_below { AT_RECURSIVE } else { 0 },
            std::ptr::from_ref(attributes),
            size_of::<Attributes>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(last()) }
}
