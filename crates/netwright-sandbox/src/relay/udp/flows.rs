//! Flows of datagrams: who sends to what, and when it is over.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::relay::allowance::Permit;
use crate::relay::tuple::Tuple;

/// More flows are not kept; the one that was silent the longest gives way.
const MOST: usize = 4096;
/// How long a flow may be silent that was not answered yet.
const UNREPLIED: Duration = Duration::from_secs(30);
/// How long an answered one may be.
const ASSURED: Duration = Duration::from_secs(180);
/// How long one may be whose questions have one answer each.
const ASKED: Duration = Duration::from_secs(10);

/// Datagrams of one client with one destination.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) tuple: Tuple,
    /// Bound to the destination, connected to the client.
    pub(super) inside: OwnedFd,
    /// Connected to the destination.
    pub(super) outside: OwnedFd,
    pub(super) used: Instant,
    /// Whether an answer came.
    pub(super) replied: bool,
    pub(super) _permit: Permit,
}

impl Flow {
    /// When it is over, if nothing more comes.
    fn end(&self) -> Instant {
        /// DNS and NTP.
        const QUESTIONS: [u16; 2] = [53, 123];
        self.used
            + match self.replied {
                false => UNREPLIED,
                true if QUESTIONS.contains(&self.tuple.destination.port()) => ASKED,
                true => ASSURED,
            }
    }
}

/// The flows, by their numbers, which are not used again.
#[derive(Debug, Default)]
pub(super) struct Flows {
    flows: HashMap<u64, Flow>,
    numbers: HashMap<Tuple, u64>,
    next: u64,
}

impl Flows {
    /// The number of a flow that is there.
    pub(super) fn find(&self, tuple: &Tuple) -> Option<u64> {
        self.numbers.get(tuple).copied()
    }

    pub(super) fn get(&mut self, number: u64) -> Option<&mut Flow> {
        self.flows.get_mut(&number)
    }

    /// Adds a flow; returns its number.
    pub(super) fn add(&mut self, flow: Flow) -> u64 {
        if self.flows.len() >= MOST {
            self.give_way();
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(flow.tuple, number);
        self.flows.insert(number, flow);
        number
    }

    /// Ends the flow that was silent the longest.
    pub(super) fn give_way(&mut self) {
        let oldest = self.flows.iter().min_by_key(|(_, flow)| flow.used).map(|(number, _)| *number);
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
    }

    pub(super) fn remove(&mut self, number: u64) {
        if let Some(flow) = self.flows.remove(&number) {
            self.numbers.remove(&flow.tuple);
        }
    }

    /// Ends flows whose time is over. When the next one's will be, at the earliest.
    pub(super) fn sweep(&mut self, now: Instant) -> Option<Instant> {
        let over: Vec<u64> =
            self.flows.iter().filter(|(_, flow)| flow.end() <= now).map(|(number, _)| *number).collect();
        over.into_iter().for_each(|number| self.remove(number));
        self.flows.values().map(Flow::end).min()
    }

    /// Ends flows but for those that may go on.
    pub(super) fn retain(&mut self, keeps: impl Fn(&Tuple) -> bool) {
        self.flows.retain(|_, flow| keeps(&flow.tuple));
        self.numbers.retain(|_, number| self.flows.contains_key(number));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }
}

#[cfg(test)]
mod tests;
