//! Connections that are held: which first segments wait for what.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::relay::handover::Outside;
use crate::relay::tuple::Tuple;

/// A connection of which the first segment came.
#[derive(Debug)]
pub(super) struct Held {
    /// The last form of its first segment.
    pub(super) segment: Vec<u8>,
    /// The segment's sequence number.
    sequence: u32,
    first: Instant,
    last: Instant,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The destination has not answered yet.
    Dialled { number: u64, outside: Outside },
    /// It has, and the first segment was sent on to the listener.
    Released { outside: Outside, since: Instant },
    /// The connection was accepted.
    Passed { since: Instant },
}

/// What to do about a first segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Connect to its destination.
    Dial,
    /// Wait.
    Wait,
    /// Send it on again.
    Release,
}

/// The connections that are held.
#[derive(Debug, Default)]
pub(super) struct Table {
    held: HashMap<Tuple, Held>,
    dialled: HashMap<u64, Tuple>,
    next: u64,
}

/// How long a connection may take from the first segment's release to being accepted: who connects runs on this machine.
const RELEASED: Duration = Duration::from_secs(3);
/// How long copies of a first segment can come after the connection was accepted.
const PASSED: Duration = Duration::from_secs(1);
/// Beyond the double of the time after which the last copy of a first segment came, no other will come.
const PATIENCE: Duration = Duration::from_secs(3);

impl Table {
    /// What to do about a first segment.
    pub(super) fn arrived(&mut self, tuple: Tuple, sequence: u32, segment: &[u8], now: Instant) -> Next {
        let Some(held) = self.held.get_mut(&tuple) else { return Next::Dial };
        let is_copy = held.sequence == sequence;
        match held.stage {
            Stage::Passed { .. } if is_copy => return Next::Wait,
            Stage::Passed { .. } => return Next::Dial,
            Stage::Dialled { .. } | Stage::Released { .. } => {}
        }
        if !is_copy {
            (held.first, held.sequence) = (now, sequence);
        }
        held.last = now;
        held.segment.clear();
        held.segment.extend(segment);
        match held.stage {
            Stage::Released { .. } => Next::Release,
            _ => Next::Wait,
        }
    }

    /// Notes a connection that is under way outside; returns its number.
    pub(super) fn dialled(
        &mut self,
        tuple: Tuple,
        sequence: u32,
        segment: &[u8],
        outside: Outside,
        now: Instant,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        let stage = Stage::Dialled { number, outside };
        let held = Held { segment: segment.to_vec(), sequence, first: now, last: now, stage };
        self.held.insert(tuple, held);
        self.dialled.insert(number, tuple);
        number
    }

    /// The connection of a number, where it is still under way.
    pub(super) fn outside(&self, number: u64) -> Option<(Tuple, &OwnedFd)> {
        let tuple = self.dialled.get(&number)?;
        match &self.held.get(tuple)?.stage {
            Stage::Dialled { outside, .. } => Some((*tuple, &outside.socket)),
            _ => None,
        }
    }

    /// The destination has answered: the first segment, to be sent on.
    pub(super) fn answered(&mut self, number: u64, now: Instant) -> Option<&[u8]> {
        let tuple = self.dialled.remove(&number)?;
        let mut held = self.held.remove(&tuple)?;
        if let Stage::Dialled { outside, .. } = held.stage {
            held.stage = Stage::Released { outside, since: now };
            return Some(&self.held.entry(tuple).or_insert(held).segment);
        }
        None
    }

    /// Forgets a connection under way that failed; returns its first segment.
    pub(super) fn failed(&mut self, number: u64) -> Option<Vec<u8>> {
        let tuple = self.dialled.remove(&number)?;
        Some(self.held.remove(&tuple)?.segment)
    }

    /// A connection was accepted: its other half, where it was waited for.
    pub(super) fn accepted(&mut self, tuple: &Tuple, now: Instant) -> Option<Outside> {
        let held = self.held.get_mut(tuple)?;
        match std::mem::replace(&mut held.stage, Stage::Passed { since: now }) {
            Stage::Released { outside, .. } => Some(outside),
            other => {
                held.stage = other;
                None
            }
        }
    }

    /// Forgets who has given up. Connections that are under way outside are closed thereby.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.held.retain(|_, held| match &held.stage {
            Stage::Dialled { number, .. } => {
                let waits = now < held.last + (held.last - held.first) + PATIENCE;
                if !waits {
                    self.dialled.remove(number);
                }
                waits
            }
            Stage::Released { since, .. } => now < *since + RELEASED,
            Stage::Passed { since } => now < *since + PASSED,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests;
