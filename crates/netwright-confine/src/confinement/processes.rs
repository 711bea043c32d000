//! A namespace of processes of its own for a command.
//!
//! The process that was started stays outside as the guardian, and has two children inside: the first process, which inherits the orphans
//! and with which all others end, and the command. The command is not the first process, to which the kernel delivers no signal
//! without a handler. The guardian passes signals on, stops with the command and ends as it did, so that who waits for the
//! guardian sees the command.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::io::{Errno, Result};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{
    DumpableBehavior, PidfdFlags, Signal, getpid, pidfd_open, set_dumpable_behavior,
    set_parent_process_death_signal, setsid,
};
use rustix::thread::UnshareFlags;

use super::{Failure, Plan, Step, at, die_with, give_up_privileges, set_filter};
use crate::enclosure::cover_read_only;
use crate::fork::{EndAtPanic, close_all_but, end, exit, fork, send, set_ignored, unshare};
use crate::option::last;

/// Returns in the command, or with a failure in any of the three processes, each of which ends by that.
///
/// The namespaces of processes and mounts belong to the user namespace of the inside, so that the command has no power over them.
pub(super) fn split(plan: &Plan) -> std::result::Result<(), Failure> {
    // What is mounted inside later is mounted here, too, but not the other way round.
    unshare(UnshareFlags::NEWNS)
        .and_then(|()| mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC))
        .map_err(at(Step::Mounts))?;
    let failed = at(Step::Processes);
    let guardian = pidfd_open(getpid(), PidfdFlags::empty()).map_err(failed)?;
    let signals = Signals::block().map_err(failed)?;
    unshare(UnshareFlags::NEWPID).map_err(failed)?;
    let counted = plan.limits.counts_processes().then(pair).transpose().map_err(failed)?;
    let Some(first) = fork(libc::SIGCHLD, None).map_err(failed)? else {
        return first_process(plan, &guardian).map(never);
    };
    let Some(command) = fork(libc::SIGCHLD, None).map_err(failed)? else {
        signals.restore().map_err(failed)?;
        if plan.own_session {
            setsid().map_err(failed)?;
        }
        if let Some(pair) = counted {
            wait_for_others(pair);
        }
        return mount_files(&plan.kernel_files).map_err(at(Step::ProcessFiles));
    };
    guard(plan, first, command).map(never)
}

fn pair() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// Waits until the guardian and the first process belong to the namespace in which processes are counted: then they have closed what they do not need.
fn wait_for_others((own, theirs): (OwnedFd, OwnedFd)) {
    drop(theirs);
    while rustix::io::read(&own, &mut [0_u8]) == Err(Errno::INTR) {}
}

fn never(never: Infallible) {
    match never {}
}

/// Mounts the files of the processes of this namespace. What of the kernel's among them is covered stays so.
fn mount_files(kernel: &[CString]) -> Result<()> {
    let is_covered =
        |path: &CStr| statvfs(path).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY));
    // Nothing can be allocated here.
    let mut covered = [false; KERNEL_FILES];
    for (covered, path) in covered.iter_mut().zip(kernel) {
        *covered = is_covered(path);
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount(c"proc", c"/proc", c"proc", flags, None)?;
    for (path, _) in kernel.iter().zip(covered).filter(|(_, covered)| *covered) {
        cover_read_only(path)?;
    }
    Ok(())
}

/// No kernel has so many.
pub(super) const KERNEL_FILES: usize = 128;

/// Gives up what neither the guardian nor the first process needs. Both have the supervisor's memory, which the command must not read.
fn give_up(plan: &Plan) -> std::result::Result<(), Failure> {
    give_up_privileges(plan)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(at(Step::Processes))
}

/// Waits for the end of the guardian or the supervisor. The kernel takes away the orphans that have ended.
fn first_process(plan: &Plan, guardian: &OwnedFd) -> std::result::Result<Infallible, Failure> {
    let _end = EndAtPanic;
    let failed = at(Step::Processes);
    set_ignored(libc::SIGCHLD, true).map_err(failed)?;
    give_up(plan)?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    set_filter(&plan.filter).map_err(at(Step::Filter))?;
    let mut kept = [guardian.as_raw_fd(), plan.supervisor.as_raw_fd()];
    kept.sort_unstable();
    close_all_but(&kept).map_err(at(Step::Descriptors))?;
    loop {
        // Either may have ended before its end would be a signal.
        let mut ends = [PollFd::new(guardian, PollFlags::IN), PollFd::new(&plan.supervisor, PollFlags::IN)];
        match poll(&mut ends, None) {
            Err(Errno::INTR) => {}
            _ => exit(0),
        }
    }
}

/// Looks after the command until its end.
fn guard(plan: &Plan, first: i32, command: i32) -> std::result::Result<Infallible, Failure> {
    let _end = EndAtPanic;
    give_up(plan)?;
    if let Some(parent) = plan.parent {
        die_with(parent).map_err(at(Step::Parent))?;
    }
    set_filter(&plan.filter).map_err(at(Step::Filter))?;
    close_all_but(&[]).map_err(at(Step::Descriptors))?;
    let (mut first, mut stopped) = (Some(first), false);
    loop {
        let mut came = next_signal();
        while let Some((child, status)) = changed_child() {
            if child != command {
                first = first.filter(|_| libc::WIFSTOPPED(status) || libc::WIFCONTINUED(status));
            } else if libc::WIFCONTINUED(status) {
                stopped = false;
            } else if libc::WIFSTOPPED(status) {
                (stopped, came) = (true, None); // what came before this is outdated
                send(own_number(), libc::SIGSTOP);
            } else {
                if let Some(first) = first {
                    end(first); // and with it all that the command has left behind
                }
                end_like(status);
            }
        }
        match came {
            // Where the group of processes is continued, the command is already. By now it may have stopped for another time.
            Some(libc::SIGCONT) if !std::mem::take(&mut stopped) => {}
            None | Some(libc::SIGCHLD) => {}
            Some(signal) => send(command, signal),
        }
    }
}

/// Waits for a signal; `None` for one of the kernel's: that of a child is told by waiting, and those of a terminal's keys
/// reach the command, too.
#[allow(unsafe_code)]
fn next_signal() -> Option<i32> {
    let mut all = MaybeUninit::uninit();
    let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the first call fills the set, the second reads it and fills the information, for whose numbers zeroes are values, too.
    let (signal, by_kernel) = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        let signal = libc::sigwaitinfo(all.as_ptr(), information.as_mut_ptr());
        (signal, information.assume_init().si_code > 0)
    };
    (signal > 0 && !by_kernel).then_some(signal)
}

/// A child that has ended, stopped or continued, and how.
#[allow(unsafe_code)]
fn changed_child() -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the kernel writes the status only.
    let child = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED) };
    (child > 0).then_some((child, status))
}

/// Ends this process as another one ended.
fn end_like(status: i32) -> ! {
    if libc::WIFEXITED(status) {
        exit(libc::WEXITSTATUS(status));
    }
    let signal = libc::WTERMSIG(status);
    let _ = set_ignored(signal, false);
    let _ = Signals::unblock(signal);
    send(own_number(), signal);
    exit(128 + signal)
}

fn own_number() -> i32 {
    getpid().as_raw_nonzero().get()
}

/// What signals did before the guardian took them.
struct Signals {
    blocked: libc::sigset_t,
    child: libc::sigaction,
}

impl Signals {
    /// Blocks all, and lets ends of children be told.
    #[allow(unsafe_code)]
    fn block() -> Result<Self> {
        let mut all = MaybeUninit::uninit();
        let mut blocked = MaybeUninit::uninit();
        let mut child = MaybeUninit::uninit();
        // SAFETY: each call fills what the next ones or the value take; no function is passed.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            if libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), blocked.as_mut_ptr()) != 0
                || libc::sigaction(libc::SIGCHLD, std::ptr::null(), child.as_mut_ptr()) != 0
            {
                return Err(last());
            }
            set_ignored(libc::SIGCHLD, false)?;
            Ok(Signals { blocked: blocked.assume_init(), child: child.assume_init() })
        }
    }

    #[allow(unsafe_code)]
    fn restore(&self) -> Result<()> {
        // SAFETY: both were filled by the kernel.
        let result = unsafe {
            libc::sigaction(libc::SIGCHLD, &self.child, std::ptr::null_mut())
                | libc::sigprocmask(libc::SIG_SETMASK, &self.blocked, std::ptr::null_mut())
        };
        if result == 0 { Ok(()) } else { Err(last()) }
    }

    #[allow(unsafe_code)]
    fn unblock(signal: i32) -> Result<()> {
        let mut one = MaybeUninit::uninit();
        // SAFETY: the first two calls fill the set, which the last one reads.
        let result = unsafe {
            libc::sigemptyset(one.as_mut_ptr());
            libc::sigaddset(one.as_mut_ptr(), signal);
            libc::sigprocmask(libc::SIG_UNBLOCK, one.as_ptr(), std::ptr::null_mut())
        };
        if result == 0 { Ok(()) } else { Err(last()) }
    }
}
