//! Putting a command inside an enclosure, with no way out of it.

mod filter;
mod limits;
mod processes;
mod scope;
mod streams;

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use netwright_sys::{Cause, Error, Result};
use netwright_wire::Errno;
use rustix::fs::{Mode, OFlags};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{
    DumpableBehavior, Gid, Pid, PidfdFlags, Signal, Uid, chdir, geteuid, getpid, getppid, pidfd_open,
    set_dumpable_behavior, set_parent_process_death_signal,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, LinkNameSpaceType, clear_ambient_capability_set,
    move_into_link_name_space, set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use crate::Enclosure;
use crate::connects::{Connector, FileReporter, SocketReporter};
use crate::enclosure::{Inside, send_descriptor};
use crate::kernel_files::{USUAL, kernel_files};
use crate::numbers::{has_group, has_user, may_set_groups};
use crate::option::last;

pub(crate) use self::filter::{FileCall, UseOf};
pub use self::limits::Limits;

const ASKED: &str = "put a command into a network of its own";
/// `NETLINK_SOCK_DIAG`
const SOCKET_DIAGNOSIS: i32 = 4;

/// How a command is put inside.
///
/// In any case it is in the network, mount and control group namespace of the inside and in a user namespace below that which they belong to. It
/// inherits no descriptor but 0 to 2, gains no privileges by executing a program, and makes no system calls that pass by the network namespace.
/// It can read, trace or change no process outside, and where the kernel has that (Landlock, from Linux 6.12 on) send signals only to what it
/// has started itself. It can make no control group namespace of its own, in which it could mount control groups and with them stop or kill what is outside.
///
/// What it does with files is not confined but by masks ([`crate::Mask`]): programs lead outside that others will run, and so do devices
/// that it may open. `/sys`, where control groups are, wants [`Mask::ReadOnly`](crate::Mask::ReadOnly), and with user number 0 so do
/// [`kernel_files`](crate::kernel_files()), which the kernel lets that user write without any capability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Another user to run it as, where all users exist inside. Use this in place of [`CommandExt::uid`] and [`CommandExt::gid`], which
    /// would take away what entering needs.
    pub user: Option<User>,
    /// Whether it keeps the capabilities of the lower user namespace, as a command of root's does that changes files of
    /// several users. They give no power over the network or the mounts of the inside.
    pub capabilities: bool,
    /// Whether it is killed when the thread that starts it ends, in whatever way.
    #[doc(alias = "PR_SET_PDEATHSIG")]
    pub die_with_thread: bool,
    /// Whether it sees and can signal only its own processes, in a namespace of them with a `/proc` of its own. When the command ends, so
    /// do all that it has left running, and so it is when this process ends, in whatever way.
    ///
    /// The process that is started then is a guardian outside of that namespace. It passes signals on to the command, but for those
    /// that cannot be caught: killing it kills all inside, stopping it stops nothing. It stops when the command does, and ends
    /// with its status or by its signal.
    ///
    /// Where the caller has no terminal, the command begins a session of its own, since the kernel may share out processors by sessions and let each
    /// member weigh down all of its own.
    #[doc(alias = "CLONE_NEWPID")]
    pub processes: bool,
    /// Whether its System V message queues, semaphores and shared memory and its POSIX message queues are those of the inside. POSIX shared
    /// memory is a matter of files: see [`Mask::Devices`](crate::Mask::Devices).
    #[doc(alias = "CLONE_NEWIPC")]
    pub ipc: bool,
    /// Where there is a list, path sockets that others have made are connected only at these paths and below them, whenever they appear and
    /// by whatever name. The kernel does it from Linux 7.1 on (Landlock), and lets nothing be mounted then, in namespaces of the command's own neither.
    /// Before, or where the command may mount, this process makes the command's connections on a thread of its own: of each socket's it costs
    /// some microseconds. Unix sockets for datagrams can only receive then.
    #[doc(alias = "LANDLOCK_ACCESS_FS_RESOLVE_UNIX")]
    pub sockets: Option<Vec<PathBuf>>,
    /// Where there is a list, files, named pipes and devices are opened for writing only at these paths and below them, by whatever name, and through
    /// descriptors 0 to 2 that are given for writing. A file that is given there for reading is opened anew, by its path, so that nothing of it can be changed. Of the
    /// paths, the kernel sees to it from Linux 5.19 on (Landlock), and lets nothing be mounted then, in namespaces of the command's own neither: where it
    /// may mount, this leaves pipes and devices to their rights. Files want [`Mask::AllReadOnly`](crate::Mask::AllReadOnly) as well.
    #[doc(alias = "LANDLOCK_ACCESS_FS_WRITE_FILE")]
    pub written: Option<Vec<PathBuf>>,
    /// Whether it may mount in namespaces of its own.
    pub mounts: bool,
    /// Hears of path sockets that were refused, where this process does it.
    pub socket_reporter: Option<SocketReporter>,
    /// Hears of files before they are opened or changed. Each such call of the command's takes some microseconds longer then.
    pub file_reporter: Option<FileReporter>,
    /// Whether its core dumps are made as the machine is set to. Else there are none, whatever it asks for: where `kernel.core_pattern` names a program, the
    /// kernel hands them to root outside (but where the caller's hard limit of them is 0, which turns off those in files alone).
    #[doc(alias = "RLIMIT_CORE")]
    pub core_dumps: bool,
    /// What it may use of the machine.
    pub limits: Limits,
}

/// A user to run a command as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its other groups.
    pub groups: Vec<u32>,
}

impl Enclosure {
    /// Makes a command run inside. The working directory stays, as seen inside.
    ///
    /// A refusal is the error of [`Command::spawn`]; [`Confinement::refusal`] tells whether it is one of the program itself.
    #[allow(unsafe_code)]
    pub fn confine(&self, command: &mut Command, confinement: &Confinement) -> Result<()> {
        let mut plan = Plan::new(self.inside(), confinement).map_err(|cause| Error::new(ASKED, cause))?;
        if plan.asks {
            let ends = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
            let (ours, theirs) = ends.map_err(|errno| Error::new(ASKED, errno))?;
            let theirs = above_stdio(theirs).map_err(|errno| Error::new(ASKED, errno))?;
            plan.supervisor_socket = Some(theirs);
            let connector = Connector {
                allowed: confinement.sockets.clone().unwrap_or_default(),
                inside: self.connection(SOCKET_DIAGNOSIS)?,
                sockets: self.sockets(),
                report: confinement.socket_reporter.clone(),
                report_file: confinement.file_reporter.clone(),
                kind: filter::kind,
            };
            connector.start(ours)?;
        }
        // SAFETY: between fork and exec the closure makes system calls only, on what exists before and on its stack; it
        // does not allocate.
        unsafe { command.pre_exec(move || enter(&plan).map_err(io::Error::from)) };
        Ok(())
    }
}

impl Confinement {
    /// Whether this kernel can keep a command from the path sockets of others ([`Confinement::sockets`]).
    #[must_use]
    pub fn confines_sockets() -> bool {
        scope::finds_sockets()
    }

    /// Whether this kernel can keep a command from writing named pipes and devices ([`Confinement::written`]).
    #[must_use]
    pub fn confines_written() -> bool {
        scope::finds_written()
    }

    /// The sentence for an error of starting a confined command, if it was not the program that could not be executed.
    #[must_use]
    pub fn refusal(error: &io::Error) -> Option<Error> {
        let number = error.raw_os_error().filter(|number| *number >= STEP)? - STEP;
        let step = Step::ALL.into_iter().find(|step| *step as i32 == number / STEP)?;
        let asked = format!("{ASKED}: {}", step.text());
        let error = Error::new(asked, Cause::System(Errno(number % STEP)));
        Some(match step.help() {
            Some(help) => error.with_help(help),
            None => error,
        })
    }
}

/// Between fork and exec the only thing that reaches the parent is one error number. That of a failed step has the step in
/// its thousands, from one on, so that it cannot be taken for an error of executing the program.
#[derive(Clone, Copy)]
struct Failure {
    step: Step,
    errno: rustix::io::Errno,
}

fn at(step: Step) -> impl Copy + Fn(rustix::io::Errno) -> Failure {
    move |errno| Failure { step, errno }
}

const STEP: i32 = 1000;

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Secrets,
    Directory,
    Namespaces,
    Streams,
    Mounts,
    Processes,
    ProcessFiles,
    DirectoryInside,
    User,
    Capabilities,
    Privileges,
    Parent,
    Descriptors,
    Filter,
    Asking,
    Limits,
}

impl Step {
    const ALL: [Step; 16] = [
        Step::Secrets,
        Step::Directory,
        Step::Namespaces,
        Step::Streams,
        Step::Mounts,
        Step::Processes,
        Step::ProcessFiles,
        Step::DirectoryInside,
        Step::User,
        Step::Capabilities,
        Step::Privileges,
        Step::Parent,
        Step::Descriptors,
        Step::Filter,
        Step::Asking,
        Step::Limits,
    ];

    fn text(self) -> &'static str {
        match self {
            Step::Secrets => "protect the memory that it is started with",
            Step::Directory => "find the working directory",
            Step::Namespaces => "enter the namespaces",
            Step::Streams => "open a file that it is given for reading so that it cannot be changed",
            Step::Mounts => "give it mounts of its own",
            Step::Processes => "give it a namespace of processes",
            Step::ProcessFiles => "mount the files of its processes at /proc",
            Step::DirectoryInside => "enter the working directory, as seen inside",
            Step::User => "take on the user",
            Step::Capabilities => "give up the capabilities",
            Step::Privileges => "give up new privileges",
            Step::Parent => "end together with its parent",
            Step::Descriptors => "close the inherited descriptors",
            Step::Filter => "set the filter of system calls",
            Step::Asking => "let its connections be made from outside",
            Step::Limits => "limit what it may use",
        }
    }

    fn help(self) -> Option<&'static str> {
        match self {
            Step::Processes => Some(
                "The limit of namespaces of processes may be reached (user.max_pid_namespaces), or a container's filter of system calls forbids them.",
            ),
            Step::ProcessFiles => Some(
                "The kernel allows it only where nothing is mounted over parts of /proc, as containers do: run it without a namespace of processes, or \
                 let the container have all of /proc (Docker: `--security-opt systempaths=unconfined`; Podman: `--security-opt unmask=ALL`).",
            ),
            Step::Asking => Some(
                "Another filter of system calls on this process asks somebody already, as in another sandbox: run it outside of that.",
            ),
            Step::Streams => Some("Give it the file through a pipe: `cat FILE | …`."),
            Step::Directory => {
                Some("It was removed, or lies outside of what can be seen here: change into another one.")
            }
            Step::DirectoryInside => Some(
                "Change into a directory that the command's user may enter, such as `/`; where its files are confined, into one that it may read.",
            ),
            _ => None,
        }
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        io::Error::from_raw_os_error(STEP + failure.step as i32 * STEP + failure.errno.raw_os_error())
    }
}

/// What is decided, opened and written before the fork.
struct Plan {
    inside: Arc<Inside>,
    user: Option<(Uid, Gid, Vec<Gid>)>,
    keep_capabilities: bool,
    parent: Option<Pid>,
    processes: bool,
    /// Whether it gets a session of its own, where it has processes of its own: nobody has a terminal that would be lost by that.
    own_session: bool,
    ipc: bool,
    /// Of the kernel's files among those of processes, those that may be covered.
    kernel_files: Vec<CString>,
    /// The process that this is done for.
    supervisor: OwnedFd,
    sockets: Option<Vec<CString>>,
    /// Whether files that are given for reading are opened anew.
    protects_streams: bool,
    written: Option<Vec<CString>>,
    filter: Vec<libc::sock_filter>,
    /// Whether the filter asks the supervisor.
    asks: bool,
    /// Where it gets what it is asked by.
    supervisor_socket: Option<OwnedFd>,
    limits: limits::Plan,
}

impl Plan {
    fn new(inside: &Arc<Inside>, confinement: &Confinement) -> std::result::Result<Self, Cause> {
        let by_kernel = scope::finds_sockets() && !confinement.mounts;
        let asks = confinement.sockets.is_some() && !by_kernel;
        let tells_files = confinement.file_reporter.is_some();
        let options = filter::Options {
            refuse_group_signals: !scope::keeps_signals_inside(),
            asks,
            tells_files,
            keeps_core_limit: !confinement.core_dumps,
        };
        let filter = filter::program(options).ok_or_else(|| {
            Cause::Invalid("there is no filter of system calls for processors of this kind".into())
        })?;
        if confinement.user.is_some() && !inside.all_users {
            return Err(Cause::Invalid(
                "no other users than that of the caller exist inside; they take CAP_SETUID and CAP_SETGID, which root has".into(),
            ));
        }
        if let Some(user) = &confinement.user {
            check_numbers(user)?;
        }
        let user = confinement.user.as_ref().map(|user| {
            let groups = user.groups.iter().copied().map(Gid::from_raw).collect();
            (Uid::from_raw(user.uid), Gid::from_raw(user.gid), groups)
        });
        Ok(Plan {
            inside: inside.clone(),
            user,
            keep_capabilities: confinement.capabilities,
            parent: confinement.die_with_thread.then(getpid),
            processes: confinement.processes,
            own_session: !has_terminal(),
            ipc: confinement.ipc,
            kernel_files: if confinement.processes { paths(&of_kernel())? } else { Vec::new() },
            supervisor: above_stdio(pidfd_open(getpid(), PidfdFlags::empty())?)?,
            sockets: confinement.sockets.as_deref().filter(|_| by_kernel).map(paths).transpose()?,
            protects_streams: confinement.written.is_some(),
            written: confinement.written.as_deref().filter(|_| !confinement.mounts).map(paths).transpose()?,
            filter,
            asks: asks || tells_files,
            supervisor_socket: None,
            limits: limits::Plan::new(&confinement.limits, confinement.core_dumps)?,
        })
    }
}

/// Refuses who does not exist in this user namespace, as most users do not in those of ordinary users and containers.
fn check_numbers(user: &User) -> std::result::Result<(), Cause> {
    let missing = |what: &str, map: &str, number| {
        Err(Cause::Invalid(format!("there is no {what} {number} in this user namespace (/proc/self/{map})")))
    };
    let mut groups = [user.gid].into_iter().chain(user.groups.iter().copied());
    match groups.find(|group| !has_group(*group)) {
        _ if !has_user(user.uid) => missing("user", "uid_map", user.uid),
        Some(group) => missing("group", "gid_map", group),
        None if !may_set_groups() => {
            Err(Cause::Invalid("groups cannot be set in this user namespace (/proc/self/setgroups)".into()))
        }
        None => Ok(()),
    }
}

/// The same descriptor with a number above 2: those up to that one are the command's.
fn above_stdio(descriptor: OwnedFd) -> rustix::io::Result<OwnedFd> {
    fcntl_dupfd_cloexec(descriptor, 3)
}

fn paths(paths: &[PathBuf]) -> std::result::Result<Vec<CString>, Cause> {
    let text = |path: &PathBuf| CString::new(path.as_os_str().as_bytes());
    let texts: std::result::Result<_, _> = paths.iter().map(text).collect();
    texts.map_err(|_| Cause::Invalid("a path has a zero byte in it".into()))
}

/// Whether this process's session has a terminal.
fn has_terminal() -> bool {
    rustix::fs::open(c"/dev/tty", OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).is_ok()
}

/// Files of the kernel's that may be covered: whoever has power over them may have covered others than the usual ones.
fn of_kernel() -> Vec<PathBuf> {
    let mut all = if geteuid().is_root() { kernel_files() } else { USUAL.map(PathBuf::from).into() };
    all.truncate(processes::KERNEL_FILES);
    all
}

/// The order matters: each step needs what a later one gives up.
fn enter(plan: &Plan) -> std::result::Result<(), Failure> {
    // Until the program is executed this is a copy of the supervisor, which others of the same user inside must not get at.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(at(Step::Secrets))?;
    let mut buffer = [0; libc::PATH_MAX as usize];
    let directory = working_directory(&mut buffer).map_err(at(Step::Directory))?;
    plan.limits.join_group().map_err(at(Step::Limits))?;
    move_into_link_name_space(plan.inside.user.as_fd(), Some(LinkNameSpaceType::User))
        .map_err(at(Step::Namespaces))?; // gives the capabilities that what follows needs
    if plan.protects_streams {
        streams::protect().map_err(at(Step::Streams))?;
    }
    enter_namespaces(plan).map_err(at(Step::Namespaces))?;
    if plan.processes {
        processes::split(plan)?;
    }
    // A directory that is covered inside is left for what covers it. Keeping the old one would keep all that is above it, too.
    chdir(directory).map_err(at(Step::DirectoryInside))?;
    give_up_privileges(plan)?;
    if let (Some(parent), false) = (plan.parent, plan.processes) {
        die_with(parent).map_err(at(Step::Parent))?;
    }
    plan.limits.set().map_err(at(Step::Limits))?;
    scope::restrict(plan.sockets.as_deref(), plan.written.as_deref());
    close_at_exec().map_err(at(Step::Descriptors))?;
    let Some(supervisor) = &plan.supervisor_socket else {
        return set_filter(&plan.filter).map_err(at(Step::Filter));
    };
    let listener = set_asking_filter(&plan.filter).map_err(at(Step::Asking))?;
    send_descriptor(supervisor.as_fd(), listener.as_fd()).map_err(at(Step::Asking))
}

/// Leaves the user namespace that the inside belongs to, with the power over it, for the one below.
fn give_up_privileges(plan: &Plan) -> std::result::Result<(), Failure> {
    move_into_link_name_space(plan.inside.lower.as_fd(), Some(LinkNameSpaceType::User))
        .map_err(at(Step::Namespaces))?;
    if !plan.keep_capabilities {
        empty_bounding_set().map_err(at(Step::Capabilities))?;
    }
    if let Some((user, group, groups)) = &plan.user {
        set_thread_groups(groups).map_err(at(Step::User))?;
        set_thread_res_gid(*group, *group, *group).map_err(at(Step::User))?;
        set_thread_res_uid(*user, *user, *user).map_err(at(Step::User))?;
    }
    if !plan.keep_capabilities {
        give_up_capabilities().map_err(at(Step::Capabilities))?;
    }
    set_no_new_privs(true).map_err(at(Step::Privileges))
}

#[allow(unsafe_code)]
fn working_directory(buffer: &mut [u8]) -> rustix::io::Result<&CStr> {
    // SAFETY: the kernel writes at most as many bytes as the buffer has.
    if unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) } < 0 {
        return Err(last());
    }
    match CStr::from_bytes_until_nul(buffer) {
        // One that is not below the root directory is given with words before it.
        Ok(path) if path.to_bytes().starts_with(b"/") => Ok(path),
        _ => Err(rustix::io::Errno::NOENT),
    }
}

fn enter_namespaces(plan: &Plan) -> rustix::io::Result<()> {
    let inside = &plan.inside;
    for (namespace, kind) in [
        (&inside.network, LinkNameSpaceType::Network),
        (&inside.mounts, LinkNameSpaceType::Mount),
        (&inside.cgroup, LinkNameSpaceType::ControlGroup),
    ] {
        move_into_link_name_space(namespace.as_fd(), Some(kind))?;
    }
    match plan.ipc {
        true => {
            move_into_link_name_space(inside.ipc.as_fd(), Some(LinkNameSpaceType::InterProcessCommunication))
        }
        false => Ok(()),
    }
}

/// Nothing that is executed from now on can have a capability, not even with user number 0.
#[allow(unsafe_code)]
fn empty_bounding_set() -> rustix::io::Result<()> {
    for capability in 0..64 {
        // SAFETY: this call takes numbers only.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability as libc::c_ulong, 0, 0, 0) };
        match result {
            0 => {}
            _ if last() == rustix::io::Errno::INVAL && capability > 0 => return Ok(()), // beyond the last one
            _ => return Err(last()),
        }
    }
    Ok(())
}

fn give_up_capabilities() -> rustix::io::Result<()> {
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

fn die_with(parent: Pid) -> rustix::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    match getppid() == Some(parent) {
        true => Ok(()),
        false => Err(rustix::io::Errno::SRCH), // it was gone before that
    }
}

#[allow(unsafe_code)]
fn close_at_exec() -> rustix::io::Result<()> {
    // SAFETY: this call takes numbers only, and closes nothing yet.
    match unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) } {
        0 => Ok(()),
        _ => Err(last()),
    }
}

fn set_filter(filter: &[libc::sock_filter]) -> rustix::io::Result<()> {
    install(filter, libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW).map(drop)
}

/// Sets a filter that asks, and returns where its questions are heard.
#[allow(unsafe_code)]
fn set_asking_filter(filter: &[libc::sock_filter]) -> rustix::io::Result<OwnedFd> {
    let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW | libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let descriptor = i32::try_from(install(filter, flags)?).map_err(|_| rustix::io::Errno::INVAL)?;
    // SAFETY: the call has made it, and nothing else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[allow(unsafe_code)]
fn install(filter: &[libc::sock_filter], flags: libc::c_ulong) -> rustix::io::Result<i64> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| rustix::io::Errno::INVAL)?,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel reads the program and as many instructions as it says, and keeps a copy.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, std::ptr::from_ref(&program))
    };
    if result >= 0 { Ok(result) } else { Err(last()) }
}

#[cfg(test)]
mod tests;
