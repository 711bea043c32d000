//! What the log is told about questions: each thing once, and never faster than somebody could want to read.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::query::{Notice, Transport};
use crate::{Event, Process, Protocol};

#[cfg(test)]
mod tests;

/// Names that are remembered as told.
const TOLD: usize = 8192;
/// Processes that are looked up in one go, and events that are sent.
const BURST: u32 = 256;
/// How long it takes until one more may be.
const INTERVAL: Duration = Duration::from_millis(10);

/// Finds the process of a socket: by protocol, its own address, and the address that it sends to.
pub type Attribute = dyn Fn(Protocol, SocketAddr, SocketAddr) -> Option<Process> + Send;

/// How long it waits for the name itself, where a domain of the search list was perhaps appended to it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Events that wait so.
const HELD: usize = 256;

/// What is told once: a name, and the process that asked for it.
type Key = (String, Option<u32>);

/// Sends events.
pub(super) struct QuestionReporter {
    events: Sender<Event>,
    attribute: Box<Attribute>,
    told: HashSet<Key>,
    /// In the order of their times, with what makes them needless.
    held: VecDeque<(Instant, Key, Event)>,
    budget: u32,
    counted: Instant,
    /// How many were passed over since the last one that was told.
    untold: u64,
}

impl QuestionReporter {
    pub(super) fn new(events: Sender<Event>, attribute: Box<Attribute>, now: Instant) -> Self {
        let (told, held) = (HashSet::new(), VecDeque::new());
        Self { events, attribute, told, held, budget: BURST, counted: now, untold: 0 }
    }

    /// Tells what was noticed about a question that came from `source` to `resolver`.
    pub(super) fn tell(
        &mut self,
        notice: &Notice,
        transport: Transport,
        source: SocketAddr,
        resolver: SocketAddr,
        now: Instant,
    ) {
        if !self.may(now) {
            self.untold += 1;
            return;
        }
        let protocol = match transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        let process = (self.attribute)(protocol, source, resolver);
        let id = process.as_ref().map(|process| process.id);
        let own = (notice.name.clone(), id);
        self.held.retain(|(_, bare, _)| *bare != own);
        let bare = notice.bare.as_ref().map(|bare| (bare.clone(), id));
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        if bare.as_ref().is_some_and(|bare| self.told.contains(bare)) || !self.told.insert(own) {
            return;
        }
        let event = Event {
            process,
            name: Some(notice.name.clone()),
            address: notice.address,
            ..Event::new(notice.action, self.reason(notice))
        };
        match bare {
            Some(bare) if self.held.len() < HELD => self.held.push_back((now + PATIENCE, bare, event)),
            _ => self.send(event),
        }
    }

    /// When [`QuestionReporter::catch_up`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.front().map(|(due, ..)| *due)
    }

    /// Tells what has waited long enough.
    pub(super) fn catch_up(&mut self, now: Instant) {
        while self.deadline().is_some_and(|due| due <= now)
            && let Some((_, _, event)) = self.held.pop_front()
        {
            self.send(event);
        }
    }

    /// Tells everything that still waits.
    pub(super) fn finish(mut self) {
        for (_, _, event) in std::mem::take(&mut self.held) {
            self.send(event);
        }
    }

    fn send(&self, event: Event) {
        // Nobody listens any more: the answers go on without a log.
        let _ = self.events.send(event);
    }

    fn reason(&mut self, notice: &Notice) -> String {
        match std::mem::take(&mut self.untold) {
            0 => notice.reason.clone(),
            more => format!("{} ({more} more questions like this came too fast to be told)", notice.reason),
        }
    }

    /// Whether there is time for one more.
    fn may(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted).as_millis() / INTERVAL.as_millis();
        if passed > 0 {
            self.budget = self.budget.saturating_add(u32::try_from(passed).unwrap_or(BURST)).min(BURST);
            self.counted = now;
        }
        let may = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        may
    }
}
