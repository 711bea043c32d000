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
/// How long nothing may be heard before a dropped search for neighbours is taken for the reason.
const DISCOVERY: Duration = Duration::from_millis(50);
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
#[derive(Debug, PartialEq, Eq)]
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

/// What follows from what was told.
enum Conclusion {
    Open,
    /// An end, if nothing else is told for so long.
    After(Duration),
    End(End),
}

impl Watch<'_> {
    /// Follows a try to its end.
    pub(crate) fn follow(&mut self, probe: &mut dyn Probe) -> Result<io::Result<End>> {
        let start = Instant::now();
        let (mut told, mut since) = (Told::Nothing, start);
        loop {
            self.tracer.hear()?;
            match probe.step(self.receivers) {
                Ok(Seen::Waiting) => {}
                Ok(Seen::Arrived { from, at }) => return Ok(Ok(End::Arrived { from, at })),
                Ok(Seen::Refused(how)) => return Ok(Ok(self.refused(probe, how)?)),
                Ok(Seen::Lost(why)) => return Ok(Ok(End::Lost(why))),
                Err(error) => return Ok(Err(error)),
            }
            // a step makes packets, whose traces are to be heard before anything is concluded from what is missing
            if self.tracer.hear()? {
                continue;
            }
            let now = self.told(probe.tuple());
            if now != told {
                (told, since) = (now, Instant::now());
            }
            let mut until = start + self.patience;
            match self.conclude(&told, since.elapsed())? {
                Conclusion::End(end) => return Ok(Ok(end)),
                Conclusion::After(grace) => until = until.min(since + grace),
                Conclusion::Open => {}
            }
            if start.elapsed() >= self.patience {
                return Ok(Ok(End::Silence));
            }
            if let Err(error) = self.wait(probe, until) {
                return Ok(Err(error));
            }
        }
    }

    /// What follows from what has been told for so long.
    fn conclude(&mut self, told: &Told, age: Duration) -> Result<Conclusion> {
        let after =
            |grace, end: End| if age >= grace { Conclusion::End(end) } else { Conclusion::After(grace) };
        Ok(match told {
            Told::Dropped { by, what } => {
                let grace = match what {
                    Lost::NeighbourDiscovery => DISCOVERY,
                    _ if (self.rejects)(by) => REJECTION,
                    _ => Duration::ZERO,
                };
                after(grace, End::Dropped { by: by.clone(), what: *what })
            }
            Told::Routing(packet) => match self.counters.dropped()? {
                Some(why) => Conclusion::End(End::Lost(why.into())),
                None => match (self.route)(*packet) {
                    Some(Errno::EINVAL) => {
                        Conclusion::End(End::Lost("routing dropped it without a word".into()))
                    }
                    Some(_) => after(ROUTED, End::Unanswered),
                    None => after(ROUTED, End::Lost("routing dropped it".into())),
                },
            },
            Told::Elsewhere(at) => Conclusion::End(End::Elsewhere(*at)),
            Told::Nothing => Conclusion::Open,
        })
    }

    /// A refusal by somebody at whom nobody waits for it says where to wait.
    fn refused(&mut self, probe: &dyn Probe, how: String) -> Result<End> {
        self.tracer.hear()?;
        Ok(match self.told(probe.tuple()) {
            Told::Elsewhere(at) => End::Elsewhere(at),
            _ => End::Refused(how),
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
        let discovers = |journey: &&Journey| sent.source.is_ipv6() && journey.first.is_neighbour_discovery();
        if let Some(by) = dropped(&journeys.iter().filter(discovers).collect::<Vec<_>>()) {
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
