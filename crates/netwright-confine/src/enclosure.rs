//! A network of its own for some processes, with a supervisor that stays outside.
//!
//! An [`Enclosure`] is a user, network, mount, IPC and control group namespace with a small process in it, the helper, a fork of the calling process. The helper
//! makes sockets inside and hands them out; the caller uses them from where it is, from any thread. It needs no privilege where user
//! namespaces are allowed, and the caller's threads never change their namespaces.
//!
//! The network namespace belongs to the helper's user namespace. As its owner the caller may configure the inside through
//! [`Enclosure::connection`]; who is put inside by [`crate::Confinement`] is in a user namespace below, which gives no power over it.

mod helper;
mod mask;
mod protocol;
mod socket;
mod text;
mod transfer;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netwright_sys::{Cause, Connection, Error, Namespace, Result, Socket, capability, isolate};
use netwright_wire::Errno;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{Errno as Refused, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{PidfdFlags, getegid, geteuid, getpid, pidfd_open};
use rustix::thread::{SecureComputingMode, secure_computing_mode};

use self::helper::Plan;
use self::protocol::{Answer, MaskKind, Request, Step, TEXT};
use self::transfer::Descriptors;

pub use self::mask::Mask;
pub(crate) use self::mask::{read_only as cover_read_only, set_all_read_only};
pub use self::socket::SocketRequest;

const ASKED: &str = "make a network of its own";

/// How an enclosure is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnclosureOptions {
    /// Whether all users and groups of the caller exist inside, or only its own user and group. Where it is `None`, all if the caller may
    /// (`CAP_SYS_ADMIN`, `CAP_SETUID` and `CAP_SETGID`).
    pub all_users: Option<bool>,
    /// The numbers that the caller's user and group have inside, where only these exist there: those that they have here, if nothing is said.
    pub numbers: Option<(u32, u32)>,
}

/// A user, network, mount, IPC and control group namespace with a helper in it. Dropped, the helper ends; the namespaces live on as long as something is in
/// them, with the configuration that they have.
///
/// The helper ends when this process ends in whatever way, and so does no socket or rule that is still used inside.
#[derive(Debug)]
pub struct Enclosure {
    conversation: Sockets,
    helper: Child,
    inside: Arc<Inside>,
}

/// The namespaces of the inside.
#[derive(Debug)]
pub(crate) struct Inside {
    /// That which the others belong to.
    pub(crate) user: OwnedFd,
    /// One below, which nothing belongs to.
    pub(crate) lower: OwnedFd,
    pub(crate) network: OwnedFd,
    pub(crate) mounts: OwnedFd,
    pub(crate) ipc: OwnedFd,
    pub(crate) cgroup: OwnedFd,
    /// Whether all users exist inside.
    pub(crate) all_users: bool,
}

/// A child of [`crate::fork::fork`], which ends with this.
#[derive(Debug)]
struct Child {
    number: i32,
    _pidfd: OwnedFd,
}

impl Drop for Child {
    fn drop(&mut self) {
        crate::fork::end(self.number);
    }
}

impl Enclosure {
    /// Makes one. An error names what forbids it on this machine, as far as that can be seen.
    pub fn create(options: &EnclosureOptions) -> Result<Self> {
        let all_users = options.all_users.unwrap_or_else(may_map_all);
        let plan = Plan::new(all_users, options.numbers);
        let (conversation, plan) = plan.map_err(failed)?;
        let helper = fork(&plan).map_err(failed)?;
        write_maps(&helper, &plan, all_users).map_err(failed)?;
        drop(plan.socket); // so that the helper's end is told, even in the midst of an answer
        let (answer, descriptors) = converse(conversation.as_fd(), &Request::Begin, &[]).map_err(failed)?;
        let [Some(user), Some(lower), Some(network), Some(mounts), Some(ipc), Some(cgroup)] = descriptors
        else {
            return Err(refused(ASKED, answer, isolate::advice));
        };
        let inside = Arc::new(Inside { user, lower, network, mounts, ipc, cgroup, all_users });
        Ok(Enclosure { conversation: Sockets(Arc::new(Mutex::new(conversation))), helper, inside })
    }

    /// Makes a socket inside. It takes one message each way.
    pub fn socket(&self, request: &SocketRequest) -> Result<OwnedFd> {
        let asked = || {
            let address = request.bind.or(request.connect);
            let address = address.map(|address| format!(" for {address}")).unwrap_or_default();
            format!("make a {} inside{address}", request.name())
        };
        let [socket, ..] = self.ask(asked, &Request::Socket(*request), &[])?;
        let socket = socket.ok_or_else(|| Error::new(asked(), Cause::NoAnswer))?;
        socket::resize(socket.as_fd(), request).map_err(|errno| Error::new(asked(), errno))?;
        Ok(socket)
    }

    /// A netlink connection of the inside; `protocol` is one of [`netwright_sys::protocol`]. Any thread may use it, with the power over the inside
    /// that this process has.
    pub fn connection(&self, protocol: i32) -> Result<Connection> {
        let socket = self.socket(&SocketRequest::new(libc::AF_NETLINK, libc::SOCK_RAW, protocol));
        let socket = socket.map_err(|error| match (error.errno(), secure_computing_mode()) {
            (Some(Errno::EPROTONOSUPPORT), Ok(SecureComputingMode::Filter)) => error.with_help(
                "A filter of system calls (seccomp) may forbid it here; in one sandbox of this program there can be no second one.",
            ),
            _ => error,
        })?;
        Ok(Connection::new(Socket::adopt(socket, protocol)?))
    }

    /// Writes a setting of the inside, such as `net/ipv4/ping_group_range`: a path below `/proc/sys/net`.
    pub fn write_sysctl(&self, path: &str, value: &str) -> Result<()> {
        let asked = || format!("write the setting {path} inside");
        let wrong = |part: &str| matches!(part, "" | "." | "..");
        if !path.starts_with("net/") || path.split('/').any(wrong) {
            return Err(Error::new(
                asked(),
                Cause::Invalid("only what is below «net/» belongs to the inside".into()),
            ));
        }
        let text = texts([path.as_bytes(), value.as_bytes()]).map_err(|cause| Error::new(asked(), cause))?;
        self.ask(asked, &Request::Sysctl, &text).map(drop)
    }

    /// Covers files and directories inside, one after the other: later masks cover what earlier ones brought. It
    /// holds for processes that run inside already, too. Where one fails, some of those behind it may have been laid.
    pub fn mask(&self, masks: &[Mask]) -> Result<()> {
        /// So many are on their way before the first answer is awaited, so that the processes do not wait for each other.
        const AHEAD: usize = 16;
        let asked = |mask: &Mask| format!("cover {} inside", mask.path().display());
        let mounts: Vec<_> = masks
            .iter()
            .map(|mask| Order::new(mask).map_err(|cause| Error::new(asked(mask), cause)))
            .collect::<Result<_>>()?;
        let conversation = self.conversation.lock();
        let (mut outcome, mut sent) = (Ok(()), 0);
        for number in 0..masks.len() + AHEAD {
            if let (Ok(()), Some(mount), Some(mask)) = (&outcome, mounts.get(number), masks.get(number)) {
                match mount.send(conversation.as_fd()) {
                    Ok(()) => sent += 1,
                    Err(error) => outcome = Err(Error::new(asked(mask), error)),
                }
            }
            // All answers are heard, whatever becomes of them, since the next one must be that to the next request.
            let awaited = number.checked_sub(AHEAD).filter(|&number| number < sent);
            if let Some(mask) = awaited.and_then(|number| masks.get(number)) {
                let heard = match answer(conversation.as_fd()) {
                    Ok((Answer { step: Step::Done, .. }, _)) => Ok(()),
                    Ok((answer, _)) => {
                        // What has gone in the meantime needs no cover.
                        let may_be_gone = match mask {
                            Mask::Nothing { .. } => true,
                            Mask::Directory { .. } => answer.step == Step::Cover,
                            _ => false,
                        };
                        match refused(&asked(mask), answer, |_| None) {
                            error if error.is_not_found() && may_be_gone => Ok(()),
                            error => Err(error),
                        }
                    }
                    Err(error) => Err(Error::new(asked(mask), error)),
                };
                outcome = outcome.and(heard);
            }
        }
        outcome
    }

    /// Waits until no process is left that was made on the way: it would count where the number of processes is limited. There is one for a moment, or
    /// for longer on a machine that has other things to do.
    pub fn settle(&self) -> Result<()> {
        self.ask(|| "wait for a process to end".to_owned(), &Request::Settle, &[]).map(drop)
    }

    /// The network namespace, for moving interfaces into it. Only who is root outside may enter it with
    /// [`Namespace::run`].
    pub fn namespace(&self) -> Result<Namespace> {
        let network = self.inside.network.try_clone();
        let failed = |error| Error::new("open the network namespace of the inside", error);
        Namespace::adopt(network.map_err(failed)?)
    }

    /// The process number of the helper.
    #[must_use]
    pub fn helper(&self) -> u32 {
        self.helper.number.cast_unsigned()
    }

    /// Whether all users and groups of the caller exist inside.
    #[must_use]
    pub fn has_all_users(&self) -> bool {
        self.inside.all_users
    }

    /// The namespaces.
    pub(crate) fn inside(&self) -> &Arc<Inside> {
        &self.inside
    }

    fn ask(&self, asked: impl Fn() -> String, request: &Request, text: &[u8]) -> Result<Descriptors> {
        self.conversation.ask(asked, request, text)
    }

    /// What makes Unix sockets inside.
    pub(crate) fn sockets(&self) -> Sockets {
        self.conversation.clone()
    }
}

/// The conversation with the helper, by which it makes sockets.
#[derive(Clone, Debug)]
pub(crate) struct Sockets(Arc<Mutex<OwnedFd>>);

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, OwnedFd> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, asked: impl Fn() -> String, request: &Request, text: &[u8]) -> Result<Descriptors> {
        let conversation = self.lock();
        match converse(conversation.as_fd(), request, text) {
            Ok((Answer { step: Step::Done, .. }, descriptors)) => Ok(descriptors),
            Ok((answer, _)) => Err(refused(&asked(), answer, |_| None)),
            Err(error) => Err(Error::new(asked(), error)),
        }
    }

    /// A Unix socket for datagrams.
    pub(crate) fn datagram(&self) -> rustix::io::Result<OwnedFd> {
        let request = SocketRequest::new(libc::AF_UNIX, libc::SOCK_DGRAM, 0);
        let [socket, ..] =
            self.ask(String::new, &Request::Socket(request), &[]).map_err(|_| Refused::PERM)?;
        socket.ok_or(Refused::PERM)
    }

    /// A pair of Unix sockets that keep packets apart.
    pub(crate) fn pair(&self) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
        let [one, other, ..] = self.ask(String::new, &Request::Pair, &[]).map_err(|_| Refused::PERM)?;
        one.zip(other).ok_or(Refused::PERM)
    }
}

/// Receives one descriptor that another process sends.
pub(crate) fn received_descriptor(from: BorrowedFd<'_>) -> Option<OwnedFd> {
    let [descriptor, ..] = transfer::receive(from, &mut [0]).ok()??.descriptors;
    descriptor
}

/// Sends one descriptor. Allocates nothing.
pub(crate) fn send_descriptor(to: BorrowedFd<'_>, descriptor: BorrowedFd<'_>) -> rustix::io::Result<()> {
    transfer::send(to, &[0], &[], &[descriptor])
}

/// A mask as the helper is told.
struct Order {
    kind: MaskKind,
    text: Vec<u8>,
    content: Option<OwnedFd>,
}

impl Order {
    fn new(mask: &Mask) -> std::result::Result<Self, Cause> {
        let path = mask.path().as_os_str().as_bytes();
        if !mask.path().is_absolute() {
            return Err(Cause::Invalid("the path is not absolute".into()));
        }
        let (kind, names, content) = match mask {
            Mask::File { content, .. } => (MaskKind::File, [].as_slice(), Some(content)),
            Mask::Nothing { .. } => (MaskKind::File, [].as_slice(), None),
            Mask::ReadOnly { .. } => (MaskKind::ReadOnly, [].as_slice(), None),
            Mask::System => (MaskKind::System, [].as_slice(), None),
            Mask::AllReadOnly => (MaskKind::AllReadOnly, [].as_slice(), None),
            Mask::Writable { .. } => (MaskKind::Writable, [].as_slice(), None),
            Mask::Private { .. } => (MaskKind::Private, [].as_slice(), None),
            Mask::Directory { keep, .. } => (MaskKind::Directory, keep.as_slice(), None),
            Mask::Devices { keep } => {
                let paths = keep.iter().map(|path| path.as_os_str().as_bytes());
                let text = texts([path].into_iter().chain(paths))?;
                return Ok(Order { kind: MaskKind::Devices, text, content: None });
            }
        };
        if let Some(name) = names.iter().find(|name| is_no_entry(name)) {
            return Err(Cause::Invalid(format!("«{name}» is not the name of an entry")));
        }
        let text = texts([path].into_iter().chain(names.iter().map(|name| name.as_bytes())))?;
        let content = content.map(|content| memory_file(content)).transpose()?;
        Ok(Order { kind, text, content })
    }

    fn send(&self, conversation: BorrowedFd<'_>) -> std::io::Result<()> {
        let content = self.content.as_ref().map(AsFd::as_fd);
        ask(conversation, &Request::Mask(self.kind), &self.text, content)
    }
}

/// Asks the helper, and hears its answer.
fn converse(
    conversation: BorrowedFd<'_>,
    request: &Request,
    text: &[u8],
) -> std::io::Result<(Answer, Descriptors)> {
    ask(conversation, request, text, None)?;
    answer(conversation)
}

fn ask(
    conversation: BorrowedFd<'_>,
    request: &Request,
    text: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> std::io::Result<()> {
    match transfer::send(conversation, request.write().bytes(), text, descriptor.as_slice()) {
        Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => Err(gone()),
        other => Ok(other?),
    }
}

fn answer(conversation: BorrowedFd<'_>) -> std::io::Result<(Answer, Descriptors)> {
    let mut message = [0; 16];
    match transfer::receive(conversation, &mut message) {
        Ok(Some(received)) => match message.get(..received.length).and_then(Answer::read) {
            Some(answer) => Ok((answer, received.descriptors)),
            None => Err(std::io::ErrorKind::InvalidData.into()),
        },
        Ok(None) | Err(rustix::io::Errno::CONNRESET) => Err(gone()),
        Err(errno) => Err(errno.into()),
    }
}

fn gone() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the process inside has ended")
}

fn refused(asked: &str, answer: Answer, help: impl Fn(Errno) -> Option<&'static str>) -> Error {
    let errno = Errno(answer.errno);
    let error = Error::new(format!("{asked}: {}", answer.step.text()), Cause::System(errno));
    match help(errno) {
        Some(help) => error.with_help(help),
        None => error,
    }
}

fn failed(error: std::io::Error) -> Error {
    let error = Error::new(ASKED, error);
    match error.errno().and_then(isolate::advice) {
        Some(help) => error.with_help(help),
        None => error,
    }
}

/// Texts with a NUL behind each, as a request has them.
fn texts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> std::result::Result<Vec<u8>, Cause> {
    let mut text = Vec::new();
    for part in parts {
        if part.contains(&0) {
            return Err(Cause::Invalid("it has a NUL in it".into()));
        }
        text.extend_from_slice(part);
        text.push(0);
    }
    match text.len() <= TEXT {
        true => Ok(text),
        false => Err(Cause::Invalid(format!("it is longer than {TEXT} bytes"))),
    }
}

fn is_no_entry(name: &str) -> bool {
    matches!(name, "" | "." | "..") || name.contains('/')
}

fn memory_file(content: &[u8]) -> std::io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(c"netwright", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    Ok(file.into())
}

fn may_map_all() -> bool {
    capability::sys_admin() && capability::set_user_and_group()
}

impl Plan {
    fn new(all_users: bool, numbers: Option<(u32, u32)>) -> std::io::Result<(OwnedFd, Self)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let above_stdio = |fd: OwnedFd| fcntl_dupfd_cloexec(fd, 3);
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        let (user_inside, group_inside) = numbers.unwrap_or((user, group));
        let (users, groups) = match all_users {
            true => (Map::whole("/proc/self/uid_map")?, Map::whole("/proc/self/gid_map")?),
            false => (Map::single(user_inside, user), Map::single(group_inside, group)),
        };
        let plan = Plan {
            socket: above_stdio(theirs)?,
            supervisor: above_stdio(pidfd_open(getpid(), PidfdFlags::empty())?)?,
            null: above_stdio(File::options().read(true).write(true).open("/dev/null")?.into())?,
            users,
            groups,
        };
        Ok((ours, plan))
    }
}

/// The numbers of users or groups inside.
struct Map {
    /// As the inside has them, by those here.
    upper: String,
    /// As the namespace below has them, which gives each to itself.
    lower: String,
}

impl Map {
    fn single(inside: u32, here: u32) -> Self {
        Map { upper: format!("{inside} {here} 1\n"), lower: format!("{inside} {inside} 1\n") }
    }

    /// Gives every number of this user namespace to itself.
    fn whole(path: impl AsRef<Path>) -> std::io::Result<Self> {
        let own = fs::read_to_string(path)?;
        let extents = own.lines().filter_map(|line| {
            let mut numbers = line.split_whitespace();
            let (first, count) = (numbers.next()?, numbers.nth(1)?);
            Some(format!("{first} {first} {count}\n"))
        });
        let all = extents.collect::<String>();
        Ok(Map { upper: all.clone(), lower: all })
    }
}

/// Forks the helper, into its namespaces.
#[allow(unsafe_code)]
fn fork(plan: &Plan) -> std::io::Result<Child> {
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWCGROUP;
    let mut pidfd = -1;
    // The helper keeps all signals blocked: handlers of this program must never run in it.
    let child = with_signals_blocked(|| match crate::fork::fork(namespaces, Some(&mut pidfd))? {
        Some(child) => Ok(child),
        None => helper::run(plan),
    })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else owns it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Child { number: child, _pidfd: pidfd })
}

#[allow(unsafe_code)]
fn with_signals_blocked<T>(action: impl FnOnce() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    let mut all = std::mem::MaybeUninit::uninit();
    let mut before = std::mem::MaybeUninit::uninit();
    // SAFETY: the first call fills `all`, the second reads it and fills `before`; only this thread's mask changes.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let result = action();
    // SAFETY: `before` was filled above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    result
}

/// Says which users exist inside. An ordinary user may map itself where it gives up setting groups
/// (user_namespaces(7)).
fn write_maps(helper: &Child, plan: &Plan, all_users: bool) -> std::io::Result<()> {
    let write = |name: &str, text: &str| {
        let path = format!("/proc/{}/{name}", helper.number);
        File::options().write(true).open(path)?.write_all(text.as_bytes())
    };
    if !all_users {
        write("setgroups", "deny")?;
    }
    write("uid_map", &plan.users.upper)?;
    write("gid_map", &plan.groups.upper)
}

#[cfg(test)]
mod tests;
