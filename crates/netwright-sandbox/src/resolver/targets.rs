//! Names that are reachable because an allowed name's answer leads to them: the targets of SRV, MX, NAPTR, HTTPS and SVCB records.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::name::Name;

/// So many targets are remembered; the oldest go first.
const TARGETS: usize = 4096;
/// So many names that lead to one target.
const SOURCES: usize = 8;

/// Targets with the names that lead to them. A target has its sources' rules, which are looked up when it is asked for: the policy may
/// have changed since.
#[derive(Debug, Default)]
pub(super) struct Targets {
    sources: HashMap<Name, Vec<(Name, Instant)>>,
    order: VecDeque<Name>,
}

impl Targets {
    /// The names that lead to this one now.
    pub(super) fn sources(&self, target: &Name, now: Instant) -> impl Iterator<Item = &Name> {
        let sources = self.sources.get(target).map(Vec::as_slice).unwrap_or_default();
        sources.iter().filter(move |(_, until)| *until > now).map(|(source, _)| source)
    }

    /// Lets `target` be asked for as what `source` leads to, for so long.
    pub(super) fn grant(&mut self, target: &Name, source: &Name, time_to_live: Duration, now: Instant) {
        let until = now + time_to_live;
        let sources = self.sources.entry(target.clone()).or_insert_with(|| {
            self.order.push_back(target.clone());
            Vec::new()
        });
        match sources.iter_mut().find(|(known, _)| known == source) {
            Some((_, before)) => *before = until.max(*before),
            None => {
                if sources.len() >= SOURCES {
                    sources.remove(0);
                }
                sources.push((source.clone(), until));
            }
        }
        while self.order.len() > TARGETS
            && let Some(oldest) = self.order.pop_front()
        {
            self.sources.remove(&oldest);
        }
    }
}
