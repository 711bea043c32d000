//! A `/dev` of its own for the inside.
//!
//! Nothing here allocates, as [`crate::fork`] demands.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, chmodat, mkdirat, openat, statat, symlinkat};
use rustix::io::{Errno, Result};
use rustix::mount::{MountFlags, MoveMountFlags, mount, move_mount, open_tree};

use super::{Scratch, WHOLE, attach, make_directory, set_everywhere, set_private, set_read_only};
use crate::enclosure::text::ShortText;

/// What every program may use.
const DEVICES: [&CStr; 6] =
    [c"/dev/null", c"/dev/zero", c"/dev/full", c"/dev/random", c"/dev/urandom", c"/dev/tty"];
/// Names for what is elsewhere.
const LINKS: [(&CStr, &CStr); 5] = [
    (c"ptmx", c"pts/ptmx"),
    (c"fd", c"/proc/self/fd"),
    (c"stdin", c"/proc/self/fd/0"),
    (c"stdout", c"/proc/self/fd/1"),
    (c"stderr", c"/proc/self/fd/2"),
];
const SHARED_MEMORY: &CStr = c"/dev/shm";
const QUEUES: &CStr = c"/dev/mqueue";
const DIRECTORY: &[u8] = b"/dev/";
const TERMINALS: &[u8] = b"/dev/pts/";

/// Puts it together and lays it over the old one.
pub(super) fn cover<'a>(scratch: &mut Scratch, keep: impl Iterator<Item = &'a CStr> + Clone) -> Result<()> {
    let (name, new) = make_directory(scratch)?;
    for device in DEVICES.into_iter().chain(keep.clone().filter(|path| !is_terminal(path))) {
        match bring(&new, device) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    for (name, target) in LINKS {
        symlinkat(target, &new, name)?;
    }
    let at = |below: &str| ShortText::new(format_args!("/proc/fs/{}/{below}", name.as_str()));
    let kept = |wanted: &CStr| keep.clone().any(|path| path == wanted);
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mkdirat(&new, c"pts", Mode::from_raw_mode(0o755))?;
    mount(c"devpts", at("pts")?.text()?, c"devpts", flags, Some(c"newinstance,ptmxmode=0666,mode=0620"))?;
    if !kept(SHARED_MEMORY) {
        mkdirat(&new, c"shm", Mode::from_raw_mode(0o755))?;
        mount(c"tmpfs", at("shm")?.text()?, c"tmpfs", flags | MountFlags::NODEV, Some(c"mode=1777"))?;
    }
    if !kept(QUEUES) {
        mkdirat(&new, c"mqueue", Mode::from_raw_mode(0o755))?;
        match mount(c"mqueue", at("mqueue")?.text()?, c"mqueue", flags | MountFlags::NODEV, None) {
            Ok(()) | Err(Errno::NODEV) => {} // a kernel without queues
            Err(errno) => return Err(errno),
        }
    }
    for terminal in keep.filter(|path| is_terminal(path)) {
        // Without its name it works all the same, but for programs that ask for the name.
        let _ = keep_terminal(&new, terminal);
    }
    chmodat(&scratch.directory, name.text()?, Mode::from_raw_mode(0o755), AtFlags::empty())?;
    let tree = open_tree(&scratch.directory, name.text()?, WHOLE)?;
    // From here on no other device can be opened, wherever it may lie.
    const NODEV: u64 = 4;
    set_everywhere(NODEV)?;
    attach(&tree, c"/dev")
}

fn is_terminal(path: &CStr) -> bool {
    path.to_bytes().starts_with(TERMINALS)
}

/// Brings a device or a directory of devices into the new directory, under its old name.
fn bring(new: &OwnedFd, path: &CStr) -> Result<()> {
    let below = path.to_bytes_with_nul().strip_prefix(DIRECTORY).ok_or(Errno::INVAL)?;
    let name = CStr::from_bytes_with_nul(below).map_err(|_| Errno::INVAL)?;
    let status = statat(CWD, path, AtFlags::empty())?;
    let tree = open_tree(CWD, path, WHOLE)?;
    make_parents(new, below)?;
    let place = match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => mkdirat(new, name, Mode::from_raw_mode(0o755)),
        _ => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            openat(new, name, flags, Mode::RUSR).map(drop)
        }
    };
    match place {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(()), // it was named twice
        Err(errno) => return Err(errno),
    }
    if path != SHARED_MEMORY && path != QUEUES {
        // It is the file of the outside: it can be used, but its owner cannot change its rights.
        set_read_only(tree.as_fd())?;
    }
    set_private(tree.as_fd())?;
    move_mount(&tree, c"", new, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

fn make_parents(new: &OwnedFd, below: &[u8]) -> Result<()> {
    for (at, _) in below.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let parent = std::str::from_utf8(below.get(..at).unwrap_or_default()).map_err(|_| Errno::INVAL)?;
        let parent = ShortText::new(format_args!("{parent}"))?;
        match mkdirat(new, parent.text()?, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Lays a terminal of the outside over one of the same number of the inside, so that it has the name inside that it has outside. That one is held
/// until this process ends.
fn keep_terminal(new: &OwnedFd, path: &CStr) -> Result<()> {
    /// Terminals of higher numbers would take more descriptors than a process may have.
    const HIGHEST: usize = 200;
    let number = path.to_bytes().strip_prefix(TERMINALS).ok_or(Errno::INVAL)?;
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<usize>().ok());
    let number = number.filter(|number| *number <= HIGHEST).ok_or(Errno::RANGE)?;
    let mut lower = [const { None }; HIGHEST];
    for place in lower.iter_mut().take(number) {
        *place = Some(open_master(new)?);
    }
    let held = open_master(new)?;
    let name = ShortText::new(format_args!("pts/{number}"))?;
    let tree = open_tree(CWD, path, WHOLE)?;
    move_mount(&tree, c"", new, name.text()?, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    std::mem::forget(held);
    Ok(())
}

fn open_master(new: &OwnedFd) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = openat(new, c"pts/ptmx", flags, Mode::empty())?;
    debug_assert!(master.as_raw_fd() > 2);
    Ok(master)
}
