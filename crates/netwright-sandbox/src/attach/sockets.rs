//! Sockets that processes of a control group have made before they came into it. The kernel counts them to the group in which they were made, so they get a
//! mark by which the filter knows them.

use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use netwright_confine::change_mark;
use rustix::io::Errno;
use rustix::net::AddressFamily;
use rustix::net::sockopt::socket_domain;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::attribution::{all_processes, processes_of, socket_inode, sockets_of_process};

/// Sockets without a mark have this one.
const NONE: u32 = 0;

/// Marks all that are open in the group and nowhere else, where they have no mark yet. Returns the processes that have others.
pub(super) fn mark(group: &Path, mark: u32) -> Vec<u32> {
    let members = processes_of(group);
    let others = all_processes().into_iter().filter(|process| !members.contains(process));
    let shared: HashSet<u32> = others.flat_map(sockets_of_process).collect();
    let has_unbound = |process: &u32| {
        let own = each(*process, |inode| !shared.contains(&inode));
        own.filter(|socket| !is_bound(socket, mark)).count() > 0
    };
    members.into_iter().filter(has_unbound).collect()
}

/// Whether a socket has the mark now, or needs none.
fn is_bound(socket: &std::result::Result<OwnedFd, Errno>, mark: u32) -> bool {
    match socket {
        Ok(socket) => {
            !is_of_internet(socket)
                || matches!(change_mark(socket.as_fd(), NONE, mark), Ok(now) if now == mark)
        }
        // It was closed, or its process has ended.
        Err(errno) => [Errno::BADF, Errno::SRCH].contains(errno),
    }
}

/// Takes the marks away again.
pub(super) fn unmark(group: &Path, mark: u32) {
    for process in processes_of(group) {
        for socket in each(process, |_| true).flatten().filter(is_of_internet) {
            let _ = change_mark(socket.as_fd(), mark, NONE); // it is nobody's any more
        }
    }
}

fn is_of_internet(socket: &OwnedFd) -> bool {
    socket_domain(socket).is_ok_and(|family| [AddressFamily::INET, AddressFamily::INET6].contains(&family))
}

/// The sockets of a process, as descriptors of this one.
fn each(
    process: u32,
    wanted: impl Fn(u32) -> bool,
) -> impl Iterator<Item = std::result::Result<OwnedFd, Errno>> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let numbers = entries.filter_map(move |entry| {
        let inode = socket_inode(&fs::read_link(entry.path()).ok()?)?;
        wanted(inode).then(|| entry.file_name().to_str()?.parse().ok()).flatten()
    });
    let handle = i32::try_from(process).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    let handle = handle.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    numbers.map(move |number| {
        pidfd_getfd(handle.as_ref().map_err(|errno| *errno)?, number, PidfdGetfdFlags::empty())
    })
}
