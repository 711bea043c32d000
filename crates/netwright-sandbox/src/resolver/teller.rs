//! What the log is told about questions: each thing once, and never faster than somebody could want to read.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime};

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

/// Sends events.
pub(super) struct Teller {
    events: Sender<Event>,
    attribute: Box<Attribute>,
    /// What was told, and of which process.
    told: HashSet<(String, Option<u32>)>,
    budget: u32,
    counted: Instant,
    /// How many were passed over since the last one that was told.
    untold: u64,
}

impl Teller {
    pub(super) fn new(events: Sender<Event>, attribute: Box<Attribute>, now: Instant) -> Self {
        Self { events, attribute, told: HashSet::new(), budget: BURST, counted: now, untold: 0 }
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
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        if !self.told.insert((notice.name.clone(), process.as_ref().map(|process| process.id))) {
            return;
        }
        let reason = match std::mem::take(&mut self.untold) {
            0 => notice.reason.clone(),
            more => format!("{} ({more} more questions like this came too fast to be told)", notice.reason),
        };
        let event = Event {
            time: SystemTime::now(),
            action: notice.action,
            process,
            name: Some(notice.name.clone()),
            address: notice.address,
            port: None,
            protocol: None,
            reason,
        };
        // Nobody listens any more: the answers go on without a log.
        let _ = self.events.send(event);
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
