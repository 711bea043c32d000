//! Namespaces of one's own, also for an ordinary user: a network namespace in which the process is root, and a mount
//! namespace with an empty `/run/netns`.
//!
//! Where the process may not make namespaces, or would not be root in them, a user namespace comes first, with the caller's user and group as root in it.
//! Inside, [`crate::Namespace::create_anonymous`] and [`crate::Namespace::create_named`] make more network
//! namespaces; names made inside are not seen outside.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use netwright_wire::Errno;
use rustix::fs::{Mode, OFlags, StatVfsMountFlags, open, statvfs};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

use crate::namespace::unshare;
use crate::{Cause, Error, Result, capability};

const ASKED: &str = "make namespaces for this process alone";

/// Moves this process into namespaces of its own, for good. It must have one thread only, since namespaces belong to
/// threads.
pub fn enter() -> Result<()> {
    let tasks = || fs::read_dir("/proc/self/task");
    let threads = match tasks() {
        // root needs no help
        Err(error) if error.kind() == io::ErrorKind::NotFound && mount_proc().is_ok() => tasks(),
        other => other,
    };
    let threads = threads.map_err(failed)?.count();
    if threads != 1 {
        let what = format!("it has {threads} threads already");
        return Err(Error::new(ASKED, Cause::Invalid(what)).with_help("Do it first of all in the program."));
    }
    isolate(&Plan::new()).map_err(|errno| failed(errno.into()))
}

/// A command whose process is in namespaces of its own. Making them happens between fork and exec, so a refusal is the
/// error of `spawn`, which [`failed`] makes a sentence of.
#[allow(unsafe_code)]
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let plan = Plan::new();
    // SAFETY: between fork and exec the closure makes system calls only, on texts that exist before; it does not allocate.
    unsafe { command.pre_exec(move || Ok(isolate(&plan)?)) };
    command
}

/// The sentence for an error of making namespaces, with what this machine forbids and how it is allowed.
#[must_use]
pub fn failed(error: io::Error) -> Error {
    let error = Error::new(ASKED, error);
    match error.errno().and_then(advice) {
        Some(help) => error.with_help(help),
        None => error,
    }
}

/// What stands against new namespaces on this machine, by the error that making them gave.
#[must_use]
pub fn advice(errno: Errno) -> Option<&'static str> {
    obstacle(errno, |path| fs::read_to_string(path).ok())
}

/// What stands against it, by the error and by the kernel's switches.
fn obstacle(errno: Errno, read: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let is = |path: &str, value: &str| read(path).is_some_and(|text| text.trim() == value);
    match errno {
        Errno::ENOSPC => Some(
            "The limit of namespaces is reached: raise user.max_user_namespaces, user.max_net_namespaces and user.max_mnt_namespaces (0 forbids \
             them); user namespaces lie in each other 32 levels deep at the most.",
        ),
        Errno::EPERM | Errno::EACCES => {
            Some(if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
                "AppArmor forbids user namespaces to ordinary users: run it as root, give the program a profile with `userns`, or set \
                 kernel.apparmor_restrict_unprivileged_userns to 0."
            } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
                "The kernel forbids user namespaces to ordinary users: run it as root, or set kernel.unprivileged_userns_clone to 1."
            } else if is("/proc/sys/user/max_user_namespaces", "0") {
                "The limit of user namespaces is 0: raise user.max_user_namespaces, or run it as root."
            } else if read("/proc/self/mountinfo").is_some_and(|mounts| !has_root(&mounts)) {
                "The process is in a changed root directory (chroot), where the kernel makes no user namespaces: run it outside."
            } else if read("/proc/self/status").is_some_and(|status| status.contains("\nSeccomp:\t2")) {
                "A seccomp filter is on this process, as containers have: allow the container to make user namespaces (Docker and Podman: \
                 `--security-opt seccomp=unconfined`, or a profile that lets unshare, clone, setns and mount pass)."
            } else {
                "A container, a changed root directory (chroot) or a security policy forbids it: run it as root and outside of them, or allow the \
                 container to make user namespaces."
            })
        }
        Errno::ENOENT => Some(match read("/proc/self/status") {
            Some(_) => "There is no /dev/null here: give the root directory a /dev, as containers have it.",
            None => "There is no /proc here: mount it (`mount -t proc proc /proc`).",
        }),
        Errno::ENOSYS => {
            Some("A newer kernel is needed, Linux 5.12 or later, or a container's filter hides its calls.")
        }
        _ => None,
    }
}

/// Whether a mount table has a mount at `/`, which it has unless the root directory is one inside a mount.
fn has_root(mounts: &str) -> bool {
    mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"))
}

/// What is decided and written before the fork.
struct Plan {
    user: Option<UserMap>,
}

struct UserMap {
    users: String,
    groups: String,
}

impl Plan {
    fn new() -> Self {
        let user = (!capability::root_of_networks()).then(|| UserMap {
            users: format!("0 {} 1", geteuid().as_raw()),
            groups: format!("0 {} 1", getegid().as_raw()),
        });
        Plan { user }
    }
}

fn isolate(plan: &Plan) -> rustix::io::Result<()> {
    let namespaces = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    match &plan.user {
        None => unshare(namespaces)?,
        Some(map) => {
            unshare(namespaces | UnshareFlags::NEWUSER)?;
            // Without this an ordinary user may not map groups (user_namespaces(7)).
            write(c"/proc/self/setgroups", "deny")?;
            write(c"/proc/self/uid_map", &map.users)?;
            write(c"/proc/self/gid_map", &map.groups)?;
        }
    }
    mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    if plan.user.is_none() {
        let_settings_be_written();
    }
    let empty = |over: &CStr| mount(c"tmpfs", over, c"tmpfs", MountFlags::empty(), Some(c"mode=755"));
    match empty(c"/run/netns") {
        Err(rustix::io::Errno::NOENT) => empty(c"/run"),
        other => other,
    }
}

/// Has a `/proc` of its own where there is none.
fn mount_proc() -> rustix::io::Result<()> {
    unshare(UnshareFlags::NEWNS)?;
    mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    mount(c"proc", c"/proc", c"proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)
}

/// Engines of containers mount `/proc/sys` so that nobody writes there; the settings of a network namespace of one's own are nobody
/// else's. Where that cannot be undone it stays so.
fn let_settings_be_written() {
    let read_only = |found: rustix::fs::StatVfs| found.f_flag.contains(StatVfsMountFlags::RDONLY);
    if statvfs(c"/proc/sys").is_ok_and(read_only) {
        let flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let _ = mount_remount(c"/proc/sys", flags, c"");
    }
}

fn write(path: &CStr, text: &str) -> rustix::io::Result<()> {
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    match rustix::io::write(&file, text.as_bytes())? {
        written if written == text.len() => Ok(()),
        _ => Err(rustix::io::Errno::IO),
    }
}

#[cfg(test)]
mod tests;
