//! The user and groups of the calling thread, for a moment those of another process.

use std::fs;

use rustix::io::{Errno, Result};
use rustix::process::{Gid, Uid, getegid, geteuid, getgroups};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Who a process acts as.
struct Credentials {
    user: Uid,
    group: Gid,
    groups: Vec<Gid>,
}

/// Does something as the user of a process, whose `status` this is. Another one than root is nobody but itself already.
pub(crate) fn with_those_of<T>(status: &str, action: impl FnOnce() -> Result<T>) -> Result<T> {
    if !geteuid().is_root() {
        return action();
    }
    let theirs = of_status(&fs::read_to_string(status).map_err(|_| Errno::SRCH)?).ok_or(Errno::SRCH)?;
    if theirs.user.is_root() {
        return action();
    }
    let ours = Credentials { user: geteuid(), group: getegid(), groups: getgroups()? };
    // These are the thread's alone, and go on being root's behind it, so that there is a way back.
    set_thread_groups(&theirs.groups)?;
    set_thread_res_gid(None, theirs.group, None)?;
    set_thread_res_uid(None, theirs.user, None)?;
    let result = action();
    set_thread_res_uid(None, ours.user, None)?;
    set_thread_res_gid(None, ours.group, None)?;
    set_thread_groups(&ours.groups)?;
    result
}

/// What `/proc/PID/status` says: real, effective, saved and file system numbers, and the other groups.
fn of_status(status: &str) -> Option<Credentials> {
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let effective = |name| line(name)?.split_whitespace().nth(1)?.parse::<u32>().ok();
    let groups = line("Groups:")?.split_whitespace().filter_map(|group| group.parse().ok());
    Some(Credentials {
        user: Uid::from_raw(effective("Uid:")?),
        group: Gid::from_raw(effective("Gid:")?),
        groups: groups.map(Gid::from_raw).collect(),
    })
}
