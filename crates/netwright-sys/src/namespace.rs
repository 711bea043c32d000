//! Network namespaces as owned descriptors. The caller's threads never change theirs: what has to happen inside one
//! happens on a thread that ends with it, or in a child process.

mod command;
mod named;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use netwright_wire::Errno;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::ioctl::{self, Ioctl, Number, ioctl};
use crate::{Cause, Error, Result};

/// Why the namespace of another user's process is not to be had.
const OF_OTHERS: &str =
    "The process belongs to another user, or has more privileges: it needs CAP_SYS_PTRACE, which root has.";

/// `asm-generic/socket.h`
const SO_NETNS_COOKIE: i32 = 71;

/// A network namespace. It lives at least as long as this value; clones are the same namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    fd: Arc<OwnedFd>,
    name: Option<String>,
}

impl Namespace {
    /// The calling thread's.
    ///
    /// Where `/proc` is not mounted this needs `CAP_NET_ADMIN` in it, or Linux 6.11.
    pub fn current() -> Result<Self> {
        own().map_err(|cause| Error::new("open the current network namespace", cause))
    }

    /// The one that a file stands for: a mount in `/run/netns`, or a link in `/proc/PID/ns`.
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        open(path)
            .map_err(|cause| Error::new(format!("open the network namespace at {}", path.display()), cause))
    }

    /// That of a process.
    pub fn of_pid(pid: u32) -> Result<Self> {
        open(Path::new(&format!("/proc/{pid}/ns/net"))).map_err(|cause| {
            let error = Error::new(format!("open the network namespace of process {pid}"), cause);
            if error.is_permission() { error.with_help(OF_OTHERS) } else { error }
        })
    }

    /// Makes one that ends with the last descriptor, socket, process or interface reference to it.
    pub fn create_anonymous() -> Result<Self> {
        create()
            .map_err(|cause| without_privilege(Error::new("create a network namespace", cause), TO_CREATE))
    }

    /// The one that a descriptor stands for.
    pub fn adopt(fd: OwnedFd) -> Result<Self> {
        adopt(fd).map_err(|cause| Error::new("use a network namespace", cause))
    }

    /// The name that it was opened or created by.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Device and inode number, which no other living namespace has.
    pub fn identity(&self) -> Result<(u64, u64)> {
        let stat =
            rustix::fs::fstat(&self.fd).map_err(|errno| Error::new("identify a network namespace", errno))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// A number that the kernel gives to no other network namespace between two boots (`SO_NETNS_COOKIE`). Linux before
    /// 5.14 has none.
    pub fn cookie(&self) -> Result<u64> {
        let socket = crate::Socket::open_in(self, crate::protocol::ROUTE)?;
        let asked = "ask for the cookie of a network namespace";
        crate::option::number(socket.as_fd(), libc::SOL_SOCKET, SO_NETNS_COOKIE)
            .map_err(|errno| Error::new(asked, errno))
    }

    /// Whether both are the same namespace.
    pub fn same_as(&self, other: &Namespace) -> Result<bool> {
        Ok(self.identity()? == other.identity()?)
    }

    /// Whether it is the calling thread's. What can be done without entering needs no privilege then.
    #[must_use]
    pub fn is_current(&self) -> bool {
        // By its name alone: a descriptor may be the one too many.
        let current = match rustix::fs::stat(OWN) {
            Ok(stat) => Ok((stat.st_dev, stat.st_ino)),
            Err(_) => Namespace::current().and_then(|current| current.identity()),
        };
        current.is_ok_and(|current| self.identity().is_ok_and(|identity| identity == current))
    }

    /// Runs a closure inside, on a thread of its own that has ended when this returns. A panic goes on in the caller.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T> {
        let entered = on_thread(|| match enter(self.fd.as_fd()) {
            Ok(()) => Ok(inside()),
            Err(errno) => Err(Cause::from(errno)),
        });
        entered.map_err(|cause| without_privilege(Error::new(format!("enter {self}"), cause), TO_ENTER))
    }
}

/// The descriptor, for those that keep it open.
impl AsRef<Arc<OwnedFd>> for Namespace {
    fn as_ref(&self) -> &Arc<OwnedFd> {
        &self.fd
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "the network namespace {name}"),
            None => f.write_str("a network namespace without a name"),
        }
    }
}

const TO_CREATE: &str =
    "It needs CAP_SYS_ADMIN: run it as root, or in a user namespace of your own (`unshare -Ur`).";
const TO_ENTER: &str = "It needs CAP_SYS_ADMIN, here and in the user namespace that it belongs to: run it as root, or join that user namespace \
     first (`nsenter -U`).";

/// Namespaces take another privilege than what is in them.
fn without_privilege(error: Error, help: &'static str) -> Error {
    match error.errno() {
        Some(Errno::EPERM) => error.with_help(help),
        _ => error,
    }
}

const OWN: &str = "/proc/thread-self/ns/net";

fn enter(namespace: BorrowedFd<'_>) -> rustix::io::Result<()> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
}

fn open(path: &Path) -> std::result::Result<Namespace, Cause> {
    adopt(File::open(path)?.into())
}

/// The calling thread's, which also those without `/proc` can have.
fn own() -> std::result::Result<Namespace, Cause> {
    match open(Path::new(OWN)) {
        Err(cause) if matches!(cause, Cause::System(Errno::ENOENT)) => {
            let fd = own_of_socket().or_else(|_| own_of_thread()).map_err(|_| cause)?;
            adopt(fd)
        }
        opened => opened,
    }
}

fn own_of_socket() -> rustix::io::Result<OwnedFd> {
    let kind = rustix::net::SocketType::DGRAM;
    let flags = rustix::net::SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(rustix::net::AddressFamily::UNIX, kind, flags, None)?;
    descriptor_of(&socket, &ioctl::SIOCGSKNS)
}

fn own_of_thread() -> rustix::io::Result<OwnedFd> {
    /// `PIDFD_THREAD` is `O_EXCL`.
    const THREAD: rustix::process::PidfdFlags =
        rustix::process::PidfdFlags::from_bits_retain(libc::O_EXCL as u32);
    let thread = rustix::process::pidfd_open(rustix::thread::gettid(), THREAD)?;
    descriptor_of(&thread, &ioctl::PIDFD_GET_NET_NAMESPACE)
}

/// The new descriptor that a request answers with.
#[allow(unsafe_code)]
fn descriptor_of(of: &OwnedFd, request: &Ioctl<Number>) -> rustix::io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    let fd = ioctl(of, request, &mut Number(0))?;
    // SAFETY: the kernel has just made this descriptor for the caller, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn adopt(fd: OwnedFd) -> std::result::Result<Namespace, Cause> {
    match namespace_type(&fd) {
        Ok(libc::CLONE_NEWNET) => Ok(Namespace { fd: Arc::new(fd), name: None }),
        Ok(_) => Err(Cause::Invalid("it is a namespace of another kind".into())),
        Err(Errno::ENOTTY) => Err(Cause::Invalid("the file stands for no namespace".into())),
        Err(errno) => Err(errno.into()),
    }
}

/// The kind of namespace that a descriptor stands for, as a `CLONE_NEW…` flag; `ENOTTY` where it stands for none.
fn namespace_type(fd: &OwnedFd) -> std::result::Result<i32, Errno> {
    ioctl(fd, &ioctl::NS_GET_NSTYPE, &mut Number(0)).map_err(|errno| Errno(errno.raw_os_error()))
}

fn create() -> std::result::Result<Namespace, Cause> {
    on_thread(|| {
        unshare(UnshareFlags::NEWNET)?;
        own()
    })
}

/// Gives the calling thread namespaces of its own.
#[allow(unsafe_code)]
pub(crate) fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: descriptors stay shared, since `FILES` is not among the flags of any caller in this crate.
    unsafe { unshare_unsafe(flags) }
}

/// Runs a closure on a thread that has ended when this returns, with the closure's panic if it has one.
fn on_thread<T: Send>(
    inside: impl FnOnce() -> std::result::Result<T, Cause> + Send,
) -> std::result::Result<T, Cause> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netwright-namespace".into()).spawn_scoped(scope, inside)?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests;
