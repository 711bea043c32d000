//! What is open is judged again when the policy has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::poll::Waker;
use super::tuple::Tuple;
use super::{Admission, Report, Reporter};
use crate::Protocol;

/// Says whether what is open may go on, and which review was the last.
#[derive(Clone, Debug)]
pub(super) struct Review {
    number: Arc<AtomicU64>,
    keeps: Admission,
    report: Reporter,
}

impl Review {
    pub(super) fn new(keeps: Admission, report: Reporter) -> Self {
        Review { number: Arc::default(), keeps, report }
    }

    /// The number of the last one.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Whether a flow may go on.
    pub(super) fn keeps(&self, protocol: Protocol, tuple: &Tuple) -> bool {
        self.keeps.admits(protocol, tuple.destination)
    }

    /// The same of a connection; it is told where it may not.
    pub(super) fn keeps_connection(&self, tuple: &Tuple) -> bool {
        let keeps = self.keeps(Protocol::Tcp, tuple);
        if !keeps {
            let Tuple { source, destination } = *tuple;
            self.report.tell(Report::Cut { protocol: Protocol::Tcp, source, destination });
        }
        keeps
    }
}

/// Begins reviews, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Reviewer {
    pub(super) review: Review,
    pub(super) wakers: Vec<Waker>,
}

impl Reviewer {
    /// Begins one.
    pub(crate) fn begin(&self) {
        self.review.number.fetch_add(1, Ordering::AcqRel);
        self.wakers.iter().for_each(Waker::wake);
    }
}
