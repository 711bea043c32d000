//! Data between the connections inside and their other halves outside.
//!
//! Nothing is kept of what the ends have set on their sockets: both halves send at once what they have
//! (`TCP_NODELAY`), and neither asks whether the other side is still there. The end of data is passed on by itself, so each direction
//! can end before the other; a reset is passed on as one. Urgent data (`MSG_OOB`) is not, it arrives as nothing.

mod buffers;
mod connection;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use self::buffers::Buffers;
use self::connection::{Connection, Turn};
use super::handover::Handover;
use super::poll::{EventFlags, Events, Poll};
use super::review::Review;

/// The end inside.
const INSIDE: usize = 0;
/// The end outside.
const OUTSIDE: usize = 1;

/// What the relay has done, counted from any thread.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: AtomicU64,
    pub(crate) open: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

/// Number of the handover among events; those of connections are even and odd numbers below, for their two ends.
const HANDOVER: u64 = u64::MAX;

/// So long a worker that is to stop carries what was sent before.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// So long nothing may happen meanwhile.
const LISTENING: Duration = Duration::from_millis(20);

/// Moves the data of some connections.
#[derive(Debug)]
pub(crate) struct Worker {
    poll: Poll,
    handover: Handover,
    totals: Arc<Totals>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Those that have more to do at once.
    queue: VecDeque<usize>,
    buffers: Buffers,
    review: Review,
    /// The last review that is done.
    reviewed: u64,
    /// Whether the last step moved data out.
    has_carried_out: bool,
}

impl Worker {
    pub(crate) fn new(handover: Handover, totals: Arc<Totals>, review: Review) -> rustix::io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(&handover, HANDOVER, EventFlags::IN)?;
        Ok(Worker {
            poll,
            handover,
            totals,
            connections: Vec::new(),
            free: Vec::new(),
            queue: VecDeque::new(),
            buffers: Buffers::default(),
            reviewed: review.number(),
            review,
            has_carried_out: false,
        })
    }

    /// Works until it is told to stop, and woken. What processes inside sent before they ended is still carried
    /// then, as the kernel does it for sockets of its own.
    pub(crate) fn run(mut self, stop: &AtomicBool) {
        let mut events = Events::new();
        while !stop.load(Ordering::Relaxed) {
            self.step(&mut events, None);
        }
        let until = Instant::now() + LAST_WORDS;
        self.take_in();
        self.step(&mut events, Some(Duration::ZERO));
        while self.has_last_words() && Instant::now() < until {
            self.step(&mut events, Some(LISTENING));
        }
    }

    /// Waits for something to do, for so long at the most, and does it.
    fn step(&mut self, events: &mut Events, patience: Option<Duration>) {
        self.has_carried_out = false;
        let timeout = if self.queue.is_empty() { patience } else { Some(Duration::ZERO) };
        self.poll.wait(events, timeout);
        let mut woken = false;
        for (number, flags) in events.drain(..) {
            match number {
                HANDOVER => woken = true,
                number => self.note(number, flags),
            }
        }
        for index in std::mem::take(&mut self.queue) {
            self.turn(index);
        }
        if woken {
            self.take_in();
            self.look_again();
        }
    }

    /// Ends connections that a changed policy does not allow.
    fn look_again(&mut self) {
        let number = self.review.number();
        if std::mem::replace(&mut self.reviewed, number) == number {
            return;
        }
        for index in 0..self.connections.len() {
            let connection = self.connections.get(index).and_then(Option::as_ref);
            let denied = connection.filter(|connection| {
                connection.tuple.is_some_and(|tuple| !self.review.keeps_connection(&tuple))
            });
            if let Some(connection) = denied {
                connection.reset();
                self.close(index);
            }
        }
    }

    fn close(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::take) else { return };
        if connection.is_queued {
            self.queue.retain(|queued| *queued != index);
        }
        self.free.push(index);
        self.totals.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether more may come of what was sent inside.
    fn has_last_words(&self) -> bool {
        self.has_carried_out || self.connections.iter().flatten().any(Connection::has_last_words)
    }

    fn note(&mut self, number: u64, flags: EventFlags) {
        let (index, end) = ((number >> 1) as usize, (number & 1) as usize);
        if let Some(Some(connection)) = self.connections.get_mut(index) {
            connection.note(end, flags);
            if !std::mem::replace(&mut connection.is_queued, true) {
                self.queue.push_back(index);
            }
        }
    }

    fn turn(&mut self, index: usize) {
        let Some(place) = self.connections.get_mut(index) else { return };
        let Some(connection) = place else { return };
        connection.is_queued = false;
        let (totals, has_carried_out) = (&self.totals, &mut self.has_carried_out);
        let is_alone = totals.open.load(Ordering::Relaxed) == 1;
        let turn = connection.turn(&mut self.buffers, is_alone, |end, bytes| {
            *has_carried_out |= end == OUTSIDE;
            let total = if end == OUTSIDE { &totals.sent } else { &totals.received };
            total.fetch_add(bytes as u64, Ordering::Relaxed);
        });
        match turn {
            Turn::Waits => {}
            Turn::More => {
                connection.is_queued = true;
                self.queue.push_back(index);
            }
            Turn::Over => self.close(index),
        }
    }

    /// Takes in what was handed over.
    fn take_in(&mut self) {
        for (inside, outside) in self.handover.take() {
            let _ = sockopt::set_tcp_nodelay(&inside, true);
            let is_outdated = outside.judged < self.review.number();
            let connection = Connection::new(inside, outside);
            if is_outdated && connection.tuple.is_some_and(|tuple| !self.review.keeps_connection(&tuple)) {
                connection.reset();
                continue;
            }
            let index = self.free.pop().unwrap_or(self.connections.len());
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            let watched =
                connection.sockets().into_iter().zip([INSIDE, OUTSIDE]).try_for_each(|(socket, end)| {
                    self.poll.add(socket, (index as u64) << 1 | end as u64, flags)
                });
            if index == self.connections.len() {
                self.connections.push(None);
            }
            match (watched, self.connections.get_mut(index)) {
                (Ok(()), Some(place)) => {
                    *place = Some(connection);
                    self.totals.connections.fetch_add(1, Ordering::Relaxed);
                    self.totals.open.fetch_add(1, Ordering::Relaxed);
                }
                _ => self.free.push(index),
            }
        }
    }
}
