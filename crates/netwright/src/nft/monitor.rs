//! Changes of the ruleset as they happen.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use netwright_netfilter::request::{Find, List};
use netwright_netfilter::{Family, Set, SetRef, Trace, group};
use netwright_sys::{Cause, Connection, Error, Namespace, protocol};
use netwright_wire::{Malformed, Messages};

use super::event::Event;
use super::watch::Watch;
use crate::Result;

/// What was asked of the kernel, for errors.
const ASKED: &str = "follow the changes of the ruleset";
/// Bytes of notifications that may wait while others are looked at.
const QUEUE: usize = 16 << 20;

/// Which changes are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only what was made (`true`), or only what was removed.
    pub made: Option<bool>,
    /// Only of this kind: `tables`, `chains`, `rules`, `sets`, `elements`, `objects` or `flowtables`.
    pub kind: Option<String>,
}

impl Filter {
    fn wants(&self, event: &Event) -> bool {
        let (made, changed) = match event {
            Event::Made(changed) | Event::Created(changed) => (true, changed),
            Event::Gone(changed) => (false, changed),
            Event::Generation(_) => return *self == Filter::default(),
            Event::Lost => return true,
        };
        self.made.is_none_or(|wanted| wanted == made)
            && self.kind.as_deref().is_none_or(|kind| kind == changed.kind())
    }
}

/// Tells of changes of the ruleset. It has a socket of its own, which a program can wait for among others.
///
/// ```no_run
/// let net = netwright::Net::open()?;
/// let mut monitor = net.nft().monitor(Default::default())?;
/// while let Some(event) = monitor.next(None)? {
///     println!("{event:?}");
/// }
/// # Ok::<(), netwright::Error>(())
/// ```
pub struct Monitor {
    connection: Connection,
    /// For questions about sets that are not known.
    questions: Connection,
    filter: Filter,
    watch: Watch,
    waiting: VecDeque<Event>,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor")
            .field("filter", &self.filter)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Monitor {
    pub(super) fn open(namespace: &Namespace, filter: Filter) -> Result<Self> {
        let connection = listen(namespace, group::NFTABLES, ASKED)?;
        let questions = Connection::open_in(namespace, protocol::NETFILTER)?;
        let watch = Watch::default();
        let mut monitor = Monitor { connection, questions, filter, watch, waiting: VecDeque::new() };
        monitor.know_sets()?;
        Ok(monitor)
    }

    fn know_sets(&mut self) -> Result<()> {
        let sets = self.questions.dump_all(&List::<Set>::new(Family::UNSPECIFIED))?;
        self.watch.know(sets);
        Ok(())
    }

    /// The next change: waits for it, or for so long. `None` is that nothing came in time.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        if let Some(event) = self.next_queued()? {
            return Ok(Some(event));
        }
        loop {
            if !self.connection.socket().wait(timeout)? {
                return Ok(None);
            }
            if let Some(event) = self.next_queued()? {
                return Ok(Some(event));
            }
        }
    }

    /// The next change that is there already, without waiting.
    pub fn next_queued(&mut self) -> Result<Option<Event>> {
        if self.waiting.is_empty() {
            self.read()?;
        }
        Ok(self.waiting.pop_front())
    }

    /// Takes what the kernel has told so far.
    fn read(&mut self) -> Result<()> {
        let Monitor { connection, questions, filter, watch, waiting } = self;
        let mut find = |set: &SetRef| questions.query(&Find(set.clone())).ok();
        let mut keep = |event: Event| {
            if filter.wants(&event) {
                waiting.push_back(event);
            }
        };
        let mut malformed: Option<Malformed> = None;
        let heard = connection.notifications(|message| {
            if let (None, Err(error)) = (&malformed, watch.take(message, &mut find, &mut keep)) {
                malformed = Some(error);
            }
        });
        if let Some(error) = malformed {
            return Err(Error::new(ASKED, error));
        }
        match heard {
            Ok(()) => Ok(()),
            Err(error) if is_loss(&error) => {
                watch.forget_run();
                waiting.push_back(Event::Lost);
                self.know_sets()
            }
            Err(error) => Err(error),
        }
    }
}

/// The changes that notifications tell of which were recorded, as [`Monitor`] would tell them where the kernel has no set besides.
///
/// # Errors
/// A notification cannot be read; what came before it is lost.
#[doc(hidden)]
pub fn read_events(notifications: &[u8]) -> std::result::Result<Vec<Event>, Malformed> {
    let (mut watch, mut events) = (Watch::default(), Vec::new());
    for message in Messages::new(notifications) {
        watch.take(&message?, &mut |_| None, &mut |event| events.push(event))?;
    }
    watch.end_run(&mut |_| None, &mut |event| events.push(event));
    Ok(events)
}

impl AsRawFd for Monitor {
    fn as_raw_fd(&self) -> RawFd {
        self.connection.as_raw_fd()
    }
}

/// Tells of what rules do with marked packets (`nftrace set 1`).
#[derive(Debug)]
pub struct TraceMonitor {
    pub(super) namespace: Namespace,
    connection: Connection,
    waiting: VecDeque<Traced>,
}

/// What a [`TraceMonitor`] tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Traced {
    /// A step of a packet.
    Step(Box<Trace>),
    /// Steps were lost, since more came than the receive buffer holds.
    Lost,
}

impl TraceMonitor {
    pub(super) fn open(namespace: &Namespace) -> Result<Self> {
        let connection = listen(namespace, group::NFTRACE, "follow the traces of packets")?;
        Ok(TraceMonitor { namespace: namespace.clone(), connection, waiting: VecDeque::new() })
    }

    /// The next step of a packet: waits for it, or for so long. `None` is that nothing came in time.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Traced>> {
        if let Some(step) = self.next_queued()? {
            return Ok(Some(step));
        }
        loop {
            if !self.connection.socket().wait(timeout)? {
                return Ok(None);
            }
            if let Some(step) = self.next_queued()? {
                return Ok(Some(step));
            }
        }
    }

    /// The next step that is there already, without waiting.
    pub fn next_queued(&mut self) -> Result<Option<Traced>> {
        if self.waiting.is_empty() {
            let waiting = &mut self.waiting;
            let heard = self.connection.notifications(|message| {
                // a trace that cannot be read is one that tells nothing
                if let Ok(Some(trace)) = Trace::read(message) {
                    waiting.push_back(Traced::Step(Box::new(trace)));
                }
            });
            match heard {
                Ok(()) => {}
                Err(error) if is_loss(&error) => self.waiting.push_back(Traced::Lost),
                Err(error) => return Err(error),
            }
        }
        Ok(self.waiting.pop_front())
    }
}

impl AsRawFd for TraceMonitor {
    fn as_raw_fd(&self) -> RawFd {
        self.connection.as_raw_fd()
    }
}

/// A connection that hears a group.
pub(super) fn listen(namespace: &Namespace, group: u32, asked: &str) -> Result<Connection> {
    let connection = Connection::open_in(namespace, protocol::NETFILTER)?;
    connection.socket().reserve_receive(QUEUE).map_err(|cause| Error::new(asked, cause))?;
    connection.socket().join(group).map_err(|error| Error::new(asked, error.cause().clone()))?;
    Ok(connection)
}

/// Whether notifications were lost.
fn is_loss(error: &Error) -> bool {
    matches!(error.cause(), Cause::Overrun | Cause::Truncated { .. })
}
