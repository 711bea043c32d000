//! One try of a flow, watched from three sides: the sender's and receivers' sockets, the traces, and the counters.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use netwright_sys::Result;
use netwright_wire::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::counters::Counters;
use crate::packet::Tuple;
use crate::probe::{Probe, Receiver, Seen};
use crate::trace::{Decision, Journey, Stage, Tracer};

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It arrived, and the answer came back.
    Arrived { from: SocketAddr, at: SocketAddr },
    /// The sender was told that it does not arrive; in words how.
    Refused(String),
    /// A rule dropped it.
    Dropped { by: Decision, what: Lost },
    /// It was lost, in words why.
    Lost(String),
    /// A route refuses it, and the sender was not told.
    Unanswered,
    /// Nothing was heard of it any more.
    Silence,
    /// It went to where nobody waits for it.
    Elsewhere(SocketAddr),
}

/// Which packet was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Itself,
    Answer,
    NeighbourDiscovery,
}

/// A packet that routing took and that is not seen again for so long is taken as dropped there. Within one machine packets
/// move on in microseconds.
const ROUTED: Duration = Duration::from_millis(100);
/// How long an answer may take that a rejecting rule has sent.
const REJECTION: Duration = Duration::from_millis(300);

/// What a try is watched with.
pub(crate) struct Watch<'a> {
    pub(crate) tracer: &'a mut Tracer,
    pub(crate) counters: &'a mut Counters,
    pub(crate) receivers: &'a [Receiver],
    /// Whether a rule that drops sends an answer.
    pub(crate) rejects: &'a dyn Fn(&Decision) -> bool,
    /// Whether a packet's way ends at the host.
    pub(crate) is_own: &'a dyn Fn(IpAddr) -> bool,
    /// Why the host has no way for a packet, as the kernel says.
    pub(crate) route: &'a mut dyn FnMut(Tuple) -> Option<Errno>,
    pub(crate) patience: Duration,
}

/// What the traces say so far.
enum Told {
    Nothing,
    Dropped {
        by: Decision,
        what: Lost,
    },
    /// Routing has it.
    Routing(Tuple),
    Elsewhere(SocketAddr),
}

impl Watch<'_> {
    /// Follows a try to its end.
    pub(crate) fn follow(&mut self, probe: &mut dyn Probe) -> Result<io::Result<End>> {
        let start = Instant::now();
        let mut news = start;
        loop {
            let heard = self.tracer.hear()?;
            if heard {
                news = Instant::now();
            }
            match probe.step(self.receivers) {
                Ok(Seen::Waiting) => {}
                Ok(Seen::Arrived { from, at }) => return Ok(Ok(End::Arrived { from, at })),
                Ok(Seen::Refused(how)) => return Ok(Ok(self.refused(probe, how)?)),
                Ok(Seen::Lost(why)) => return Ok(Ok(End::Lost(why))),
                Err(error) => return Ok(Err(error)),
            }
            // a step makes packets, whose traces are to be heard before anything is concluded from what is missing
            if self.tracer.hear()? {
                news = Instant::now();
                continue;
            }
            let mut until = start + self.patience;
            match self.told(probe.tuple()) {
                Told::Dropped { by, what } if !(self.rejects)(&by) => {
                    return Ok(Ok(End::Dropped { by, what }));
                }
                Told::Dropped { by, what } if news.elapsed() > REJECTION => {
                    return Ok(Ok(End::Dropped { by, what }));
                }
                Told::Dropped { .. } => until = until.min(news + REJECTION),
                Told::Routing(packet) => {
                    if let Some(end) = self.routing(packet, news.elapsed() > ROUTED)? {
                        return Ok(Ok(end));
                    }
                    until = until.min(news + ROUTED);
                }
                Told::Elsewhere(at) => return Ok(Ok(End::Elsewhere(at))),
                Told::Nothing => {}
            }
            if start.elapsed() >= self.patience {
                return Ok(Ok(End::Silence));
            }
            if let Err(error) = self.wait(probe, until) {
                return Ok(Err(error));
            }
        }
    }

    /// A refusal by somebody at whom nobody waits for it says where to wait.
    fn refused(&mut self, probe: &dyn Probe, how: String) -> Result<End> {
        self.tracer.hear()?;
        Ok(match self.told(probe.tuple()) {
            Told::Elsewhere(at) => End::Elsewhere(at),
            _ => End::Refused(how),
        })
    }

    /// How a packet ends that routing took and that did not come out of it; `late` where it should have by now.
    fn routing(&mut self, packet: Tuple, late: bool) -> Result<Option<End>> {
        if let Some(why) = self.counters.dropped()? {
            return Ok(Some(End::Lost(why.into())));
        }
        Ok(match (self.route)(packet) {
            Some(Errno::EINVAL) => Some(End::Lost("routing dropped it without a word".into())),
            Some(_) if late => Some(End::Unanswered),
            None if late => Some(End::Lost("routing dropped it".into())),
            _ => None,
        })
    }

    fn told(&self, sent: Tuple) -> Told {
        let journeys = self.tracer.journeys();
        let own = forward(journeys, sent);
        let dropped = |journeys: &[&Journey]| journeys.iter().find_map(|journey| journey.dropped().cloned());
        if let Some(by) = dropped(&own) {
            return Told::Dropped { by, what: Lost::Itself };
        }
        if let Some(by) = dropped(&answers(journeys, &own)) {
            return Told::Dropped { by, what: Lost::Answer };
        }
        let discovery: Vec<_> =
            journeys.iter().filter(|journey| journey.first.is_neighbour_discovery()).collect();
        if let Some(by) = dropped(&discovery) {
            return Told::Dropped { by, what: Lost::NeighbourDiscovery };
        }
        match own.last() {
            Some(journey) if journey.stage == Stage::Prerouted => Told::Routing(journey.last),
            Some(journey) => self.elsewhere(journey).map_or(Told::Nothing, Told::Elsewhere),
            None => Told::Nothing,
        }
    }

    /// Where a packet went, where nobody waits for it there.
    fn elsewhere(&self, journey: &Journey) -> Option<SocketAddr> {
        let Tuple { destination, destination_port, .. } = journey.last;
        let gone = match journey.stage {
            Stage::Left => !(self.is_own)(destination) && !destination.is_multicast(),
            Stage::TakenIn => true,
            _ => false,
        };
        let waits = |receiver: &Receiver| {
            // what has no ports is waited for at port 0
            receiver.at.ip() == destination && [0, destination_port].contains(&receiver.at.port())
        };
        let expected = self.receivers.iter().any(waits);
        (gone && !expected).then(|| SocketAddr::new(destination, destination_port))
    }

    fn wait(&self, probe: &dyn Probe, until: Instant) -> io::Result<()> {
        let receivers = self.receivers.iter().map(|receiver| PollFd::new(&receiver.socket, PollFlags::IN));
        let own = probe.descriptors().into_iter().map(|(descriptor, write)| {
            PollFd::from_borrowed_fd(
                descriptor,
                if write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN },
            )
        });
        let mut all: Vec<PollFd<'_>> = receivers.chain(own).collect();
        all.push(PollFd::new(self.tracer.socket(), PollFlags::IN));
        let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut all, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The packets of a flow on the way out. What the host sends to itself comes in again, perhaps translated.
pub(crate) fn forward(journeys: &[Journey], sent: Tuple) -> Vec<&Journey> {
    let mut found: Vec<&Journey> = Vec::new();
    for journey in journeys {
        if journey.first == sent || found.iter().any(|earlier| earlier.last == journey.first) {
            found.push(journey);
        }
    }
    found
}

/// The packets of the answer.
fn answers<'j>(journeys: &'j [Journey], forward: &[&Journey]) -> Vec<&'j Journey> {
    let answers = |journey: &&Journey| forward.iter().any(|sent| sent.last.reversed() == journey.first);
    journeys.iter().filter(answers).collect()
}
