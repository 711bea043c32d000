//! Packets that are sent later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// More packets do not wait: what is lost then is like on a network with too much traffic.
const MOST: usize = 4096;

/// Packets by the time when they are due.
#[derive(Debug, Default)]
pub(super) struct Delayed(BinaryHeap<Reverse<(Instant, Vec<u8>)>>);

impl Delayed {
    pub(super) fn add(&mut self, due: Instant, packet: &[u8]) {
        if self.0.len() < MOST {
            self.0.push(Reverse((due, packet.to_vec())));
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes one that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next().filter(|due| *due <= now)?;
        self.0.pop().map(|Reverse((_, packet))| packet)
    }
}
