//! Which sockets of the file system a command may connect to: those that are bound inside, and those that were named.
//!
//! Both are told by the file that a path led to, never by the path: names can be given to other files.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use netwright_sys::Connection;
use rustix::fs::{Stat, major, minor};

use super::named::Named;
use super::unix::{self, Bound, Identity};

/// What is allowed.
#[derive(Debug)]
pub(super) struct Allowed {
    named: Named,
    inside: Connection,
    outside: Connection,
}

impl Allowed {
    /// Both connections ask about Unix sockets, inside and here.
    pub(super) fn new(named: Named, inside: Connection, outside: Connection) -> Self {
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
        let is_bound = is_it(identity.device) || device_of_mount(socket, mounts).is_some_and(is_it);
        // The kernel tells half of the number: of larger ones, two files may have the same.
        let is_told_apart = u32::try_from(status.st_ino).is_ok();
        is_bound && (is_told_apart || self.bound_outside(status).is_empty())
    }

    fn is_named(&mut self, status: &Stat) -> bool {
        if self.named.is_empty() {
            return false;
        }
        let bound = self.bound_outside(status);
        self.named.has(status, bound.iter().map(|bound| bound.path.as_slice()))
    }

    fn bound_outside(&mut self, status: &Stat) -> Vec<Bound> {
        let identity = identity(status);
        let mut bound = unix::bound(&mut self.outside, identity.inode).unwrap_or_default();
        bound.retain(|bound| bound.file.device == identity.device);
        bound
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
