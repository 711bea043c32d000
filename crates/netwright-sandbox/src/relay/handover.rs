//! The way of connections from those who make them to the workers that carry their data.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::allowance::Permit;
use super::poll::Waker;
use super::tuple::Tuple;

/// A connection outside, with the right to have it and its other half open.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) socket: OwnedFd,
    pub(crate) permit: Permit,
    /// Who connected to what, where a policy has judged that.
    pub(crate) tuple: Option<Tuple>,
    /// The last review of the policy when it was judged.
    pub(crate) judged: u64,
}

/// Where connections are handed over to a worker. Readable when some were.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    waker: Waker,
    pairs: Arc<Mutex<Vec<(OwnedFd, Outside)>>>,
}

impl Handover {
    /// `waker` is the worker's.
    pub(crate) fn new(waker: Waker) -> Self {
        Handover { waker, pairs: Arc::default() }
    }

    /// Takes what was handed over.
    pub(crate) fn take(&self) -> Vec<(OwnedFd, Outside)> {
        self.waker.rest();
        std::mem::take(&mut *self.pairs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hand_over(&self, inside: OwnedFd, outside: Outside) {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).push((inside, outside));
        self.waker.wake();
    }
}

impl AsFd for Handover {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }
}

/// The handovers of all workers, who take turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handovers {
    handovers: Vec<Handover>,
    turns: Arc<AtomicUsize>,
}

impl Handovers {
    pub(crate) fn new(handovers: Vec<Handover>) -> Self {
        Handovers { handovers, turns: Arc::default() }
    }

    /// Hands over an accepted connection with its other half.
    pub(crate) fn hand_over(&self, inside: OwnedFd, outside: Outside) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        if let Some(handover) = self.handovers.get(turn % self.handovers.len().max(1)) {
            handover.hand_over(inside, outside);
        }
    }
}
