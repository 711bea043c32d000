//! Which sockets of the file system a command may connect to: those that are bound inside, and those that were named.
//!
//! Both are told by the file that a path led to, never by the path: names can be given to other files.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use netwright_sys::Connection;
use rustix::fs::{Stat, major, minor};

use super::unix::{self, Identity};

/// How deep sockets lie below a directory that was named, and how many entries are looked at.
const DEPTH: usize = 4;
const ENTRIES: usize = 4096;

/// What is allowed.
#[derive(Debug)]
pub(super) struct Allowed {
    named: Vec<PathBuf>,
    inside: Connection,
    outside: Connection,
}

impl Allowed {
    /// Both connections ask about Unix sockets, inside and here.
    pub(super) fn new(named: Vec<PathBuf>, inside: Connection, outside: Connection) -> Self {
        Allowed { named, inside, outside }
    }

    /// Whether a socket may be connected to. `mounts` is the `mountinfo` of who wants to.
    pub(super) fn allows(&mut self, socket: BorrowedFd<'_>, mounts: &str) -> bool {
        let Ok(status) = rustix::fs::fstat(socket) else { return false };
        self.is_inside(socket, &status, mounts) || self.is_named(&status)
    }

    fn is_inside(&mut self, socket: BorrowedFd<'_>, status: &Stat, mounts: &str) -> bool {
        let identity = identity(status);
        let bound = unix::bound(&mut self.inside, identity.inode).unwrap_or_default();
        if bound.is_empty() {
            return false;
        }
        // Some file systems say another device of their files than the kernel means.
        let is_it = |device: u32| bound.iter().any(|bound| bound.file.device == device);
        is_it(identity.device) || device_of_mount(socket, mounts).is_some_and(is_it)
    }

    fn is_named(&mut self, status: &Stat) -> bool {
        let same = |found: &fs::Metadata| {
            found.file_type().is_socket() && (found.dev(), found.ino()) == (status.st_dev, status.st_ino)
        };
        let named = std::mem::take(&mut self.named);
        let is_named = named.iter().any(|path| match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                finds(path, &same, DEPTH, &mut ENTRIES.clone()) && self.was_bound_below(path, status)
            }
            Ok(found) => same(&found),
            Err(_) => false,
        });
        self.named = named;
        is_named
    }

    /// Whether a socket got its name below a directory: one of elsewhere can be moved there.
    fn was_bound_below(&mut self, directory: &Path, status: &Stat) -> bool {
        let identity = identity(status);
        let Ok(directory) = fs::canonicalize(directory) else { return false };
        let bound = unix::bound(&mut self.outside, identity.inode).unwrap_or_default();
        bound.iter().filter(|bound| bound.file.device == identity.device).any(|bound| {
            let path = Path::new(std::ffi::OsStr::from_bytes(&bound.path));
            let parent =
                path.parent().filter(|_| path.is_absolute()).and_then(|parent| fs::canonicalize(parent).ok());
            parent.is_some_and(|parent| parent.starts_with(&directory))
        })
    }
}

/// What the kernel calls a file.
fn identity(status: &Stat) -> Identity {
    Identity { device: number_of(major(status.st_dev), minor(status.st_dev)), inode: status.st_ino as u32 }
}

/// A device's number within the kernel.
fn number_of(major: u32, minor: u32) -> u32 {
    const MINOR: u32 = 20;
    major << MINOR | minor
}

/// The device of the mount that a file is on, by its line in `mountinfo`.
fn device_of_mount(file: BorrowedFd<'_>, mounts: &str) -> Option<u32> {
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&file.as_fd());
    let information = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).ok()?;
    let mount = information.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim();
    let line = mounts.lines().find(|line| line.split(' ').next() == Some(mount))?;
    let (major, minor) = line.split(' ').nth(2)?.split_once(':')?;
    Some(number_of(major.parse().ok()?, minor.parse().ok()?))
}

/// Whether there is a file below a directory.
fn finds(directory: &Path, is_it: &dyn Fn(&fs::Metadata) -> bool, depth: usize, left: &mut usize) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    for entry in entries.flatten() {
        let Some(less) = left.checked_sub(1) else { return false };
        *left = less;
        let Ok(found) = entry.metadata() else { continue };
        if is_it(&found) || found.is_dir() && depth > 0 && finds(&entry.path(), is_it, depth - 1, left) {
            return true;
        }
    }
    false
}
