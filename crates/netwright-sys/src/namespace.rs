//! Network namespaces as owned descriptors. The caller's threads never change theirs: what has to happen inside one
//! happens on a thread that ends with it, or in a child process.

mod command;
mod named;

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use netwright_wire::Errno;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::{Cause, Error, Result};

/// A network namespace. It lives at least as long as this value; clones are the same namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    fd: Arc<OwnedFd>,
    name: Option<String>,
}

impl Namespace {
    /// The calling thread's.
    pub fn current() -> Result<Self> {
        open(Path::new(OWN)).map_err(|cause| Error::new("open the current network namespace", cause))
    }

    /// The one that a file stands for: a mount in `/run/netns`, or a link in `/proc/PID/ns`.
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        open(path)
            .map_err(|cause| Error::new(format!("open the network namespace at {}", path.display()), cause))
    }

    /// That of a process.
    pub fn of_pid(pid: u32) -> Result<Self> {
        open(Path::new(&format!("/proc/{pid}/ns/net")))
            .map_err(|cause| Error::new(format!("open the network namespace of process {pid}"), cause))
    }

    /// Makes one that ends with the last descriptor, socket, process or interface reference to it.
    pub fn create_anonymous() -> Result<Self> {
        create().map_err(|cause| Error::new("create a network namespace", cause))
    }

    /// A descriptor that is known to stand for a network namespace.
    pub(crate) fn adopt(fd: OwnedFd) -> Self {
        Namespace { fd: Arc::new(fd), name: None }
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

    /// Whether both are the same namespace.
    pub fn same_as(&self, other: &Namespace) -> Result<bool> {
        Ok(self.identity()? == other.identity()?)
    }

    /// Whether it is the calling thread's. What can be done without entering needs no privilege then.
    pub(crate) fn is_current(&self) -> bool {
        Namespace::current().and_then(|current| current.same_as(self)).unwrap_or(false)
    }

    /// Runs a closure inside, on a thread of its own that has ended when this returns. A panic goes on in the caller.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T> {
        let entered = on_thread(|| match enter(self.fd.as_fd()) {
            Ok(()) => Ok(inside()),
            Err(errno) => Err(Cause::from(errno)),
        });
        entered.map_err(|cause| Error::new(format!("enter {self}"), cause))
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

const OWN: &str = "/proc/thread-self/ns/net";

fn enter(namespace: BorrowedFd<'_>) -> rustix::io::Result<()> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
}

fn open(path: &Path) -> std::result::Result<Namespace, Cause> {
    let fd = OwnedFd::from(File::open(path)?);
    match namespace_type(&fd) {
        Ok(libc::CLONE_NEWNET) => Ok(Namespace { fd: Arc::new(fd), name: None }),
        Ok(_) => Err(Cause::Invalid("it is a namespace of another kind".into())),
        Err(Errno::ENOTTY) => Err(Cause::Invalid("the file stands for no namespace".into())),
        Err(errno) => Err(errno.into()),
    }
}

/// The kind of namespace that a descriptor stands for, as a `CLONE_NEW…` flag; `ENOTTY` where it stands for none.
#[allow(unsafe_code)]
fn namespace_type(fd: &OwnedFd) -> std::result::Result<i32, Errno> {
    /// `include/uapi/linux/nsfs.h`.
    const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
    // SAFETY: the descriptor is open, and this request takes no argument.
    match unsafe { libc::ioctl(fd.as_raw_fd(), NS_GET_NSTYPE) } {
        -1 => Err(Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or_default())),
        kind => Ok(kind),
    }
}

fn create() -> std::result::Result<Namespace, Cause> {
    on_thread(|| {
        unshare(UnshareFlags::NEWNET)?;
        open(Path::new(OWN))
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
