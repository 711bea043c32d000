//! Which name an address was given out for.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// So many addresses are remembered; the oldest go first.
const ADDRESSES: usize = 16_384;
/// So many names of one address; the oldest go first.
const NAMES: usize = 8;

/// The names that addresses were given out for, for as long as they are let through and some time after: bounded, and shared between threads.
#[derive(Debug, Default)]
pub struct KnownNames {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The newest name last.
    names: HashMap<IpAddr, Vec<Known>>,
    /// Addresses in the order in which they were first heard of.
    order: VecDeque<IpAddr>,
}

#[derive(Clone, Debug)]
struct Known {
    name: String,
    /// Until when the kernel lets the address through.
    released_until: Instant,
}

/// How long after its release an address is still called by its name: a connection attempt with an old address is then told with it.
const AFTERWARDS: Duration = Duration::from_secs(600);

impl KnownNames {
    /// The name that this address was last given out for.
    pub fn of(&self, address: IpAddr) -> Option<String> {
        self.all_of(address).pop()
    }

    /// All names that this address was given out for, the newest last.
    pub fn all_of(&self, address: IpAddr) -> Vec<String> {
        let now = Instant::now();
        let memory = self.lock();
        let names = memory.names.get(&address).map(Vec::as_slice).unwrap_or_default();
        names
            .iter()
            .filter(|known| known.released_until + AFTERWARDS > now)
            .map(|known| known.name.clone())
            .collect()
    }

    /// Whether this address is let through for a name.
    pub(super) fn is_released(&self, address: IpAddr, now: Instant) -> bool {
        let memory = self.lock();
        memory.names.get(&address).is_some_and(|names| names.iter().any(|known| known.released_until > now))
    }

    /// What is let through: names with their addresses, and for how long.
    pub(super) fn released(&self, now: Instant) -> Vec<(String, IpAddr, Duration)> {
        let memory = self.lock();
        let all =
            memory.names.iter().flat_map(|(&address, names)| names.iter().map(move |known| (known, address)));
        all.filter(|(known, _)| known.released_until > now)
            .map(|(known, address)| (known.name.clone(), address, known.released_until - now))
            .collect()
    }

    /// Remembers that these addresses are let through for this name.
    pub(super) fn remember(&self, name: &str, addresses: &[IpAddr], released_until: Instant) {
        let memory = &mut *self.lock();
        for &address in addresses {
            let names = memory.names.entry(address).or_insert_with(|| {
                memory.order.push_back(address);
                Vec::new()
            });
            let before = names
                .iter()
                .position(|known| known.name == name)
                .map(|index| names.remove(index).released_until);
            let released_until = before.map_or(released_until, |before| before.max(released_until));
            if names.len() >= NAMES {
                names.remove(0);
            }
            names.push(Known { name: name.to_owned(), released_until });
        }
        while memory.order.len() > ADDRESSES
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.names.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // No step in between leaves it torn.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
