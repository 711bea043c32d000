//! Connections that a command makes, made in its place: so that path sockets of others are out of its reach, whatever their names.
//!
//! A filter of system calls sees the numbers of a call, not what its pointers lead to, and what they lead to may change behind its back. So each
//! call of `connect` waits until the supervisor has made it, with a copy of the address and of the descriptor. Sockets of the Internet
//! are connected as they would be; a Unix socket's path is followed as the process would follow it, and the file that it leads to decides.
//! Datagram sockets of this family could send to paths without connecting: they can receive alone, and pairs of them are of the type
//! that keeps together what belongs together (`SOCK_SEQPACKET`).
//!
//! Kernels from Linux 7.1 on can refuse such sockets themselves (Landlock), at no cost; see [`crate::Confinement::sockets`].

mod allowed;
mod files;
mod named;
mod pending;
mod process;
mod unix;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use netwright_sys::{Connection, Error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, Shutdown, SocketType, shutdown, sockopt};

use self::allowed::Allowed;
pub use self::files::{FileReporter, UsedFile, plain_path};
use self::named::Named;
use self::pending::{Pending, Waits};
use self::process::Process;
use crate::confinement::FileCall;
use crate::enclosure::Sockets;
use crate::notify::{Call, Listener};
use crate::option::last;

/// What is told of a path socket that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSocket {
    /// The process that wanted to connect, in the namespace of this one.
    pub process: u32,
    /// Where the socket is that it wanted to connect to.
    pub path: PathBuf,
}

/// Hears of path sockets that were refused.
#[derive(Clone)]
pub struct SocketReporter(Arc<dyn Fn(RefusedSocket) + Send + Sync>);

impl SocketReporter {
    /// They are given to this closure, on the thread that makes connections: what takes its time holds others up.
    pub fn new(hear: impl Fn(RefusedSocket) + Send + Sync + 'static) -> Self {
        SocketReporter(Arc::new(hear))
    }
}

impl std::fmt::Debug for SocketReporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SocketReporter")
    }
}

/// Two reporters are the same if they tell the same closure.
impl PartialEq for SocketReporter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SocketReporter {}

/// Which calls there are, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Socket,
    Pair,
    File(FileCall),
}

/// What makes connections.
pub(crate) struct Connector {
    pub(crate) allowed: Vec<PathBuf>,
    pub(crate) inside: Connection,
    pub(crate) sockets: Sockets,
    pub(crate) report: Option<SocketReporter>,
    pub(crate) report_file: Option<FileReporter>,
    pub(crate) kind: fn(&Call) -> Option<Kind>,
}

const ASKED: &str = "make connections in the place of a command";

impl Connector {
    /// Works on a thread of its own from when a process has sent its listener until no process is left that could make a call.
    pub(crate) fn start(self, listener: OwnedFd) -> netwright_sys::Result<()> {
        let outside = Connection::open(unix::PROTOCOL)?;
        let named = Named::new(&self.allowed); // before the command begins
        let thread = std::thread::Builder::new().name("netwright-connect".to_owned());
        let work = move || {
            if let Some(listener) = crate::enclosure::received_descriptor(listener.as_fd()) {
                Service::new(self, Listener::new(listener), named, outside).run();
            }
        };
        thread.spawn(work).map(drop).map_err(|error| Error::new(ASKED, error))
    }
}

/// An address as a call gives it.
#[derive(Clone, Copy)]
struct Address {
    bytes: [u8; Address::LONGEST],
    length: usize,
}

impl Address {
    /// `sizeof(struct sockaddr_storage)`
    const LONGEST: usize = 128;
    /// Of `sun_path` within `struct sockaddr_un`.
    const PATH: usize = 2;

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn family(&self) -> i32 {
        self.bytes().first_chunk().map_or(libc::AF_UNSPEC, |family| u16::from_ne_bytes(*family).into())
    }

    /// The path in a Unix address, where it is one.
    fn path(&self) -> Option<&[u8]> {
        let path = self.bytes().get(Address::PATH..).filter(|_| self.family() == libc::AF_UNIX)?;
        let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
        path.get(..end).filter(|path| !path.is_empty())
    }

    /// Whether it is that of another process's netlink socket, or of groups of such (`struct sockaddr_nl`).
    fn names_netlink_peers(&self) -> bool {
        const PORT: usize = 4;
        self.family() == libc::AF_NETLINK
            && self.bytes().get(PORT..).is_some_and(|numbers| numbers.iter().any(|&byte| byte != 0))
    }

    fn of_path(path: &str) -> Option<Address> {
        let mut address = Address { bytes: [0; Address::LONGEST], length: Address::PATH + path.len() + 1 };
        let (family, place) = address.bytes.split_first_chunk_mut::<2>()?;
        *family = (libc::AF_UNIX as u16).to_ne_bytes();
        place.get_mut(..path.len())?.copy_from_slice(path.as_bytes());
        Some(address)
    }
}

/// What becomes of a call.
enum Outcome {
    /// It is over; the socket that it was about.
    Done(Result<i64>, Option<OwnedFd>),
    /// It waits for the other side.
    Waits(Pending),
}

struct Service {
    listener: Listener,
    kind: fn(&Call) -> Option<Kind>,
    allowed: Allowed,
    sockets: Sockets,
    report: Option<SocketReporter>,
    report_file: Option<FileReporter>,
    waits: Waits,
}

impl Service {
    fn new(connector: Connector, listener: Listener, named: Named, outside: Connection) -> Self {
        let Connector { inside, sockets, report, report_file, kind, .. } = connector;
        let allowed = Allowed::new(named, inside, outside);
        Service { listener, kind, allowed, sockets, report, report_file, waits: Waits::default() }
    }

    fn run(mut self) {
        while let Some((is_called, ready)) = self.wait() {
            // Those that are ready are told by their place, which a new one does not change.
            if is_called {
                match self.listener.receive() {
                    Ok(Some(call)) => self.hear(&call),
                    Ok(None) => {}
                    Err(_) => return,
                }
            }
            self.waits.look(&self.listener, ready.into_iter(), Instant::now());
        }
    }

    /// Waits: whether a call came, and on which of the sockets that are waited for something happened. `None` where no call can come any more.
    fn wait(&mut self) -> Option<(bool, Vec<bool>)> {
        let timeout = self.waits.timeout(Instant::now()).and_then(|time| Timespec::try_from(time).ok());
        let mut sources = vec![PollFd::new(&self.listener, PollFlags::IN)];
        sources.extend(self.waits.sources());
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
        let mut events = sources.iter().map(PollFd::revents);
        let listener = events.next().unwrap_or(PollFlags::empty());
        let ready = events.map(|events| !events.is_empty()).collect();
        match listener {
            events if events.contains(PollFlags::IN) => Some((true, ready)),
            events if events.intersects(PollFlags::HUP | PollFlags::ERR) => None,
            _ => Some((false, ready)),
        }
    }

    fn hear(&mut self, call: &Call) {
        let outcome = match (self.kind)(call) {
            Some(Kind::File(file)) => {
                // What it says is a hint: the kernel reads the path again, and mounts decide what can be opened.
                if let (Some(reporter), Ok(used)) = (&self.report_file, files::used(call, file)) {
                    reporter.tell(used);
                }
                let _ = self.listener.go_on(call.id);
                return;
            }
            Some(Kind::Connect) => self.connect(call),
            Some(Kind::Socket) => Outcome::Done(self.socket(call), None),
            Some(Kind::Pair) => Outcome::Done(self.pair(call), None),
            None => Outcome::Done(Err(Errno::NOSYS), None),
        };
        match outcome {
            Outcome::Done(result, socket) => {
                self.waits.answer(&self.listener, call, socket.as_ref(), result);
            }
            Outcome::Waits(pending) => self.waits.add(pending),
        }
    }

    fn connect(&mut self, call: &Call) -> Outcome {
        self.try_connect(call).unwrap_or_else(|errno| Outcome::Done(Err(errno), None))
    }

    fn try_connect(&mut self, call: &Call) -> Result<Outcome> {
        let [number, address, length, ..] = call.arguments;
        let process = Process::open(call.thread)?;
        let socket = process.descriptor(number as i32)?;
        let length = usize::try_from(length as i32).ok().filter(|length| *length <= Address::LONGEST);
        let mut address_of = Address { bytes: [0; Address::LONGEST], length: length.ok_or(Errno::INVAL)? };
        if let Some(room) = address_of.bytes.get_mut(..address_of.length) {
            process.read(address, room)?;
        }
        // Until here the thread waited for this answer, so that its number was its own.
        if !self.listener.waits(call) {
            return Err(Errno::SRCH);
        }
        if let Some(result) = self.waits.known(call.thread, socket.as_fd()) {
            return Ok(Outcome::Done(result, Some(socket)));
        }
        let domain = sockopt::socket_domain(&socket)?;
        if domain == AddressFamily::NETLINK && address_of.names_netlink_peers() {
            return Err(Errno::PERM); // it takes a privilege, which this process has and the command has not
        }
        match address_of.path().filter(|_| domain == AddressFamily::UNIX) {
            None => self.start(call, socket, address_of, None),
            Some(path) => {
                let (found, address) = self.find(call, &process, path)?;
                self.start(call, socket, address, Some((process, found)))
            }
        }
    }

    /// The socket that a path leads to, where the command may connect to it, and an address that leads there whatever becomes of the path.
    fn find(&mut self, call: &Call, process: &Process, path: &[u8]) -> Result<(OwnedFd, Address)> {
        let place = process.place()?;
        let found = as_its_user(process, || place.find(path))?;
        if FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) != FileType::Socket {
            return Err(Errno::CONNREFUSED);
        }
        let mounts = std::fs::read_to_string(process.file("mountinfo")).unwrap_or_default();
        if !self.allowed.allows(found.as_fd(), &mounts) {
            if let Some(SocketReporter(hear)) = &self.report {
                let found = std::fs::read_link(process::path_of(found.as_fd()));
                hear(RefusedSocket {
                    process: call.thread,
                    path: found.unwrap_or_else(|_| process::shown(path)),
                });
            }
            return Err(Errno::ACCESS);
        }
        let address = Address::of_path(&process::path_of(found.as_fd())).ok_or(Errno::NAMETOOLONG)?;
        Ok((found, address))
    }

    /// Connects, without waiting here.
    fn start(
        &self,
        call: &Call,
        socket: OwnedFd,
        address: Address,
        by: Option<(Process, OwnedFd)>,
    ) -> Result<Outcome> {
        let kind = sockopt::socket_type(&socket)?;
        let may_wait = kind == SocketType::STREAM || kind == SocketType::SEQPACKET;
        let flags = if may_wait { fcntl_getfl(&socket)? } else { OFlags::NONBLOCK };
        let waits = !flags.contains(OFlags::NONBLOCK);
        let pending = Pending::new(call, socket, address, by, if waits { Some(flags) } else { None });
        let result = pending.attempt();
        Ok(match result {
            Err(Errno::INPROGRESS | Errno::ALREADY | Errno::AGAIN) if waits => Outcome::Waits(pending),
            result => Outcome::Done(result.map(|()| 0), Some(pending.socket)),
        })
    }

    /// A datagram socket of the family, which can receive and cannot send.
    fn socket(&self, call: &Call) -> Result<i64> {
        let [_, kind, ..] = call.arguments;
        let kind = kind as i32;
        let socket = self.sockets.datagram()?;
        shutdown(&socket, Shutdown::Write)?;
        self.give(call, &socket, kind).map(Into::into)
    }

    fn pair(&self, call: &Call) -> Result<i64> {
        let [_, kind, _, place, ..] = call.arguments;
        let kind = kind as i32;
        let process = Process::open(call.thread)?;
        let (one, other) = self.sockets.pair()?;
        let numbers = [self.give(call, &one, kind)?, self.give(call, &other, kind)?];
        process.write(place, &numbers.map(i32::to_ne_bytes).concat())?;
        Ok(0)
    }

    /// Gives the process of a call a socket, with the flags of a type.
    fn give(&self, call: &Call, socket: &OwnedFd, kind: i32) -> Result<i32> {
        if kind & libc::SOCK_NONBLOCK != 0 {
            fcntl_setfl(socket, OFlags::NONBLOCK)?;
        }
        self.listener.give(call.id, socket.as_fd(), kind & libc::SOCK_CLOEXEC != 0)
    }
}

/// Connects as the kernel would.
#[allow(unsafe_code)]
fn connect(socket: BorrowedFd<'_>, address: &Address) -> Result<()> {
    let bytes = address.bytes();
    // SAFETY: the descriptor is open, and the kernel reads as many bytes as it is told.
    let result =
        unsafe { libc::connect(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len() as libc::socklen_t) };
    if result == 0 { Ok(()) } else { Err(last()) }
}

/// Does something with the rights of a process's user, where this process has those of root.
fn as_its_user<T>(process: &Process, action: impl FnOnce() -> Result<T>) -> Result<T> {
    crate::credentials::with_those_of(&process.file("status"), action)
}
