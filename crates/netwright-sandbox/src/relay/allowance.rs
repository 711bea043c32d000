//! How many descriptors connections and flows may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are left for everything else in the process, where it may have many.
const RESERVE: u64 = 256;
/// More descriptors are not used even where the process could have them.
const MOST: u64 = 1 << 18;

/// Descriptors that can be given out, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Allowance(Arc<AtomicU64>);

/// Some of them, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    from: Allowance,
    count: u64,
}

impl Allowance {
    /// As many as the process can have open at once (`RLIMIT_NOFILE`), whose soft limit is raised to the hard one. A process that is
    /// to run another program puts the old limit back there.
    pub(crate) fn of_process() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let maximum = limit.maximum.unwrap_or(MOST).min(MOST).max(limit.current.unwrap_or(MOST));
        let raised = Rlimit { current: Some(maximum), maximum: limit.maximum };
        let usable = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => Some(maximum),
            Err(_) => limit.current,
        };
        Allowance::within(usable.unwrap_or(MOST).min(MOST))
    }

    /// What a process may give out that can have so many open at once: where they are few, three quarters of what it does not need itself.
    fn within(limit: u64) -> Self {
        /// So many it has open where it carries nothing.
        const OWN: u64 = 64;
        Allowance::new(limit.saturating_sub(RESERVE).max(limit.saturating_sub(OWN) / 4 * 3).max(limit / 4))
    }

    pub(crate) fn new(count: u64) -> Self {
        Allowance(Arc::new(AtomicU64::new(count)))
    }

    /// Takes some; `None` where fewer are left.
    pub(crate) fn take(&self, count: u64) -> Option<Permit> {
        let less = |left: u64| left.checked_sub(count);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
        Some(Permit { from: self.clone(), count })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.from.0.fetch_add(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
