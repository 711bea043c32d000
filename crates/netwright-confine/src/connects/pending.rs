//! Connections that are under way while the calls that asked for them wait.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_setfl, fstat};
use rustix::io::{Errno, Result};
use rustix::net::sockopt::{self, Timeout};

use super::process::Process;
use super::{Address, as_its_user, connect};
use crate::notify::{Call, Listener};

/// How often it is looked whether calls still wait.
const SWEEP: Duration = Duration::from_secs(1);
/// How long a listener with no room for another connection is left alone.
const ROOM: Duration = Duration::from_millis(2);
/// So many results are remembered of calls that a signal interrupted just then.
const KNOWN: usize = 64;
/// And so long: an interrupted call is repeated at once.
const REPEATED: Duration = Duration::from_millis(200);

/// A connection that is being made.
pub(super) struct Pending {
    call: u64,
    thread: u32,
    pub(super) socket: OwnedFd,
    address: Address,
    /// Who looks for a path, and what was found there.
    by: Option<(Process, OwnedFd)>,
    /// The flags of the socket, where its calls wait.
    flags: Option<OFlags>,
    /// When the call stops to wait.
    until: Option<Instant>,
    /// Whether nothing tells when it can go on.
    again: bool,
}

impl Pending {
    pub(super) fn new(
        call: &Call,
        socket: OwnedFd,
        address: Address,
        by: Option<(Process, OwnedFd)>,
        flags: Option<OFlags>,
    ) -> Self {
        let timeout = flags.and_then(|_| sockopt::socket_timeout(&socket, Timeout::Send).ok().flatten());
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let again = by.is_some();
        Pending { call: call.id, thread: call.thread, socket, address, by, flags, until, again }
    }

    /// Connects without waiting. Calls of others that use the same socket meanwhile would not wait either; before it is connected, there
    /// is nothing that they could wait for.
    pub(super) fn attempt(&self) -> Result<()> {
        if let Some(flags) = self.flags {
            fcntl_setfl(&self.socket, flags | OFlags::NONBLOCK)?;
        }
        let result = match &self.by {
            Some((process, _)) => as_its_user(process, || connect(self.socket.as_fd(), &self.address)),
            None => connect(self.socket.as_fd(), &self.address),
        };
        if let Some(flags) = self.flags {
            fcntl_setfl(&self.socket, flags)?;
        }
        result
    }

    /// What becomes of it now; `None` where it still waits.
    fn look(&self, now: Instant) -> Option<Result<i64>> {
        match self.attempt() {
            Err(Errno::INPROGRESS | Errno::ALREADY | Errno::AGAIN) => {
                let late = if self.again { Errno::AGAIN } else { Errno::INPROGRESS };
                self.until.is_some_and(|until| until <= now).then_some(Err(late))
            }
            // It has come about since the last look.
            Err(Errno::ISCONN) => Some(Ok(0)),
            result => Some(result.map(|()| 0)),
        }
    }
}

/// All that wait.
#[derive(Default)]
pub(super) struct Waits {
    pending: Vec<Pending>,
    swept: Option<Instant>,
    known: Vec<Known>,
}

/// The result of a call that a signal interrupted when it was there: the same call comes again.
struct Known {
    thread: u32,
    socket: u64,
    result: Result<i64>,
    since: Instant,
}

impl Waits {
    pub(super) fn add(&mut self, pending: Pending) {
        self.pending.push(pending);
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = PollFd<'_>> {
        let for_events = self.pending.iter().filter(|pending| !pending.again);
        for_events.map(|pending| PollFd::new(&pending.socket, PollFlags::OUT))
    }

    /// How long there is nothing to look at but for events.
    pub(super) fn timeout(&self, now: Instant) -> Option<Duration> {
        if self.pending.is_empty() {
            return None;
        }
        let again = self.pending.iter().any(|pending| pending.again).then_some(ROOM);
        let until = self.pending.iter().filter_map(|pending| pending.until).min();
        let until = until.map(|until| until.saturating_duration_since(now));
        [again, until, Some(SWEEP)].into_iter().flatten().min()
    }

    /// Looks at those of which `ready` says, in the order of [`Waits::sources`], that something happened, and at those whose time it is; answers
    /// those that are over.
    pub(super) fn look(&mut self, listener: &Listener, mut ready: impl Iterator<Item = bool>, now: Instant) {
        let sweeps = self.swept.is_none_or(|swept| now >= swept + SWEEP);
        if sweeps {
            self.swept = Some(now);
        }
        let mut over = Vec::new();
        self.pending.retain(|pending| {
            let is_ready = pending.again || ready.next().unwrap_or(false);
            if sweeps && !listener.has_call(pending.call) {
                return false;
            }
            let is_late = pending.until.is_some_and(|until| until <= now);
            let looked = if is_ready || is_late { pending.look(now) } else { None };
            match looked {
                None => true,
                Some(result) => {
                    over.push((pending.call, pending.thread, number(pending.socket.as_fd()), result));
                    false
                }
            }
        });
        for (call, thread, socket, result) in over {
            if listener.answer(call, result) == Err(Errno::NOENT) {
                self.remember(thread, socket, result);
            }
        }
    }

    /// Answers a call that did not have to wait, about this socket.
    pub(super) fn answer(
        &mut self,
        listener: &Listener,
        call: &Call,
        socket: Option<&OwnedFd>,
        result: Result<i64>,
    ) {
        if listener.answer(call.id, result) == Err(Errno::NOENT)
            && let Some(socket) = socket
        {
            self.remember(call.thread, number(socket.as_fd()), result);
        }
    }

    fn remember(&mut self, thread: u32, socket: u64, result: Result<i64>) {
        if self.known.len() >= KNOWN {
            self.known.remove(0);
        }
        self.known.push(Known { thread, socket, result, since: Instant::now() });
    }

    /// What has become of a call that comes again.
    pub(super) fn known(&mut self, thread: u32, socket: BorrowedFd<'_>) -> Option<Result<i64>> {
        let now = Instant::now();
        self.known.retain(|known| now < known.since + REPEATED);
        if self.known.is_empty() {
            return None;
        }
        let socket = number(socket);
        let at = self.known.iter().position(|known| (known.thread, known.socket) == (thread, socket))?;
        Some(self.known.remove(at).result)
    }
}

/// The number of a socket's inode.
fn number(socket: BorrowedFd<'_>) -> u64 {
    fstat(socket).map_or(0, |status| status.st_ino)
}
