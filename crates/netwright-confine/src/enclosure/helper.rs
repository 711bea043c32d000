//! The helper: a fork of the supervisor that lives inside and makes what can only be made there.
//!
//! Nothing here allocates, as [`crate::fork`] demands.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open, openat};
use rustix::io::{Errno, Result};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::protocol::{Answer, MESSAGE, Request, Step};
use super::text::ShortText;
use super::transfer::{self, Descriptors, receive};
use super::{Map, mask, socket};
use crate::fork::{EndAtPanic, close_all_but, exit, fork, send, set_ignored, wait_for_children};

/// What is decided, opened and written before the fork.
pub(super) struct Plan {
    /// The helper's end of the conversation; its number is above 2.
    pub(super) socket: OwnedFd,
    /// The supervisor, which must not be outlived; its number is above 2.
    pub(super) supervisor: OwnedFd,
    /// `/dev/null`
    pub(super) null: OwnedFd,
    pub(super) users: Map,
    pub(super) groups: Map,
}

/// The helper's life.
pub(super) fn run(plan: &Plan) -> ! {
    let _end = EndAtPanic;
    let outcome = close_others(plan);
    let _ = setsid(); // a terminal's signals, and those to the supervisor's group, are not for the helper
    let _ = rustix::process::chdir(c"/");
    let _ = rustix::thread::set_name(c"helper");
    let mut message = [0; MESSAGE];
    let mut scratch = None;
    while let Some((bytes, sent)) = next(plan, &mut message, &mut scratch) {
        let (answer, descriptors) = match (outcome, Request::read(bytes)) {
            (Err(errno), _) => failed((Step::Descriptors, errno)),
            (_, None) => failed((Step::Understand, Errno::BADMSG)),
            (Ok(()), Some((request, text))) => {
                let text = bytes.get(bytes.len() - text..).unwrap_or_default();
                let result = act(plan, &mut scratch, request, text, &sent);
                result.map_or_else(failed, done)
            }
        };
        let mut borrowed = [plan.null.as_fd(); transfer::DESCRIPTORS];
        let mut count = 0;
        for (place, descriptor) in borrowed.iter_mut().zip(descriptors.iter().flatten()) {
            *place = descriptor.as_fd();
            count += 1;
        }
        let borrowed = borrowed.get(..count).unwrap_or_default();
        if transfer::send(plan.socket.as_fd(), answer.write().bytes(), &[], borrowed).is_err() {
            break;
        }
    }
    exit(0)
}

/// How long more masks may take to come before the scratch is cleared away.
const MORE_MASKS: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// Waits for a request; `None` when the supervisor is gone, whoever else holds its end of the conversation.
fn next<'m>(
    plan: &Plan,
    message: &'m mut [u8],
    scratch: &mut Option<mask::Scratch>,
) -> Option<(&'m [u8], Descriptors)> {
    loop {
        let mut descriptors =
            [PollFd::new(&plan.socket, PollFlags::IN), PollFd::new(&plan.supervisor, PollFlags::IN)];
        match poll(&mut descriptors, scratch.is_some().then_some(&MORE_MASKS)) {
            Ok(0) => *scratch = None,
            Ok(_) if !descriptors[1].revents().is_empty() => return None,
            Ok(_) if !descriptors[0].revents().is_empty() => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    let received = receive(plan.socket.as_fd(), message).ok().flatten()?;
    Some((message.get(..received.length)?, received.descriptors))
}

type Outcome = (Answer, Descriptors);

fn failed((step, errno): (Step, Errno)) -> Outcome {
    (Answer { step, errno: errno.raw_os_error() }, [const { None }; transfer::DESCRIPTORS])
}

fn done(descriptors: Descriptors) -> Outcome {
    (Answer { step: Step::Done, errno: 0 }, descriptors)
}

fn act(
    plan: &Plan,
    scratch: &mut Option<mask::Scratch>,
    request: Request,
    text: &[u8],
    sent: &Descriptors,
) -> std::result::Result<Descriptors, (Step, Errno)> {
    match request {
        Request::Begin => begin(plan),
        Request::Socket(request) => socket::make(&request).map(one),
        Request::Settle => {
            wait_for_children();
            Ok(none(()))
        }
        Request::Pair => pair().map_err(|errno| (Step::Open, errno)),
        Request::Sysctl => write_setting(text).map_err(|errno| (Step::Setting, errno)).map(none),
        Request::Mask(kind) => {
            let content = sent.first().and_then(Option::as_ref);
            mask::cover(scratch, kind, text, content.map(AsFd::as_fd)).map(none)
        }
    }
}

fn pair() -> Result<Descriptors> {
    let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let mut all = none(());
    (all[0], all[1]) = (Some(one), Some(other));
    Ok(all)
}

fn none((): ()) -> Descriptors {
    [const { None }; transfer::DESCRIPTORS]
}

fn one(descriptor: OwnedFd) -> Descriptors {
    let mut all = none(());
    all[0] = Some(descriptor);
    all
}

/// Gives back every descriptor of the supervisor's that the helper does not need.
fn close_others(plan: &Plan) -> Result<()> {
    dup2_stdin(&plan.null)?;
    dup2_stdout(&plan.null)?;
    dup2_stderr(&plan.null)?;
    let mut kept = [plan.socket.as_raw_fd(), plan.supervisor.as_raw_fd(), plan.null.as_raw_fd()];
    kept.sort_unstable();
    let [first, second, third] = kept;
    close_all_but(&[0, 1, 2, first, second, third])
}

fn begin(plan: &Plan) -> std::result::Result<Descriptors, (Step, Errno)> {
    // What is mounted inside stays inside, and what is mounted outside later cannot lie over what is masked inside. Mount
    // namespaces that are made inside take part in later masks.
    for kind in [MountPropagationFlags::PRIVATE, MountPropagationFlags::SHARED] {
        mount_change(c"/", kind | MountPropagationFlags::REC).map_err(|errno| (Step::Propagation, errno))?;
    }
    mask::set_no_privileges().map_err(|errno| (Step::Propagation, errno))?;
    let lower = lower_namespace(plan)?;
    let open = |path| open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let opened = || {
        let user = open(c"/proc/self/ns/user")?;
        let network = open(c"/proc/self/ns/net")?;
        let mounts = open(c"/proc/self/ns/mnt")?;
        let ipc = open(c"/proc/self/ns/ipc")?;
        let cgroup = open(c"/proc/self/ns/cgroup")?;
        // From here on no other process of the same user reads or changes this one.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        Ok((user, network, mounts, ipc, cgroup))
    };
    let (user, network, mounts, ipc, cgroup) = opened().map_err(|errno| (Step::Namespaces, errno))?;
    Ok([Some(user), Some(lower), Some(network), Some(mounts), Some(ipc), Some(cgroup)])
}

/// A user namespace below the helper's, with the same users. A process brings it to life and ends then; the descriptor
/// keeps it.
fn lower_namespace(plan: &Plan) -> std::result::Result<OwnedFd, (Step, Errno)> {
    // Waiting for its end would wait until it has run, for the first time, on a machine that has other things to do.
    let child =
        set_ignored(libc::SIGCHLD, true).and_then(|()| fork(libc::CLONE_NEWUSER | libc::SIGCHLD, None));
    let child = child.map_err(|errno| (Step::LowerNamespace, errno))?;
    let Some(child) = child else { sleep() };
    let made = (|| {
        let file = |name, access| {
            let path = ShortText::new(format_args!("/proc/{child}/{name}"))?;
            open(path.text()?, access | OFlags::CLOEXEC, Mode::empty())
        };
        write_all(&file("uid_map", OFlags::WRONLY)?, plan.users.lower.as_bytes())?;
        write_all(&file("gid_map", OFlags::WRONLY)?, plan.groups.lower.as_bytes())?;
        file("ns/user", OFlags::RDONLY)
    })();
    send(child, libc::SIGKILL);
    made.map_err(|errno| (Step::LowerMap, errno))
}

/// Waits to be killed, for ten seconds at the most.
fn sleep() -> ! {
    let _end = EndAtPanic;
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let _ = poll(&mut [], Some(&Timespec { tv_sec: 10, tv_nsec: 0 }));
    exit(0)
}

fn write_all(file: &OwnedFd, bytes: &[u8]) -> Result<()> {
    match rustix::io::write(file, bytes)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(Errno::IO),
    }
}

/// Writes a setting; the kernel shows this process those of its network namespace.
fn write_setting(text: &[u8]) -> Result<()> {
    let mut parts = text.split_inclusive(|&byte| byte == 0).map(CStr::from_bytes_with_nul);
    let (Some(Ok(path)), Some(Ok(value))) = (parts.next(), parts.next()) else { return Err(Errno::INVAL) };
    let root = open(c"/proc/sys", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let file = openat(&root, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    write_all(&file, value.to_bytes())
}
