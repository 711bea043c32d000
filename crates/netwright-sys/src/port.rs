//! Port numbers of netlink sockets.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ports from here on: below are the numbers of processes, which others use, and above `i32::MAX` those that the kernel gives.
const FIRST: u32 = 0x4000_0000;

/// A port number that no other socket of this process has, in whatever namespace: what the kernel sends to a port in another
/// namespace than the asking socket's must find nobody there. Those of other processes are far away.
pub(crate) fn next() -> u32 {
    /// The process in the upper half, its last number in the lower. A forked child starts anew.
    static LAST: AtomicU64 = AtomicU64::new(0);
    let owner = process::id();
    let step = |state: u64| {
        let last = match (state >> 32) as u32 == owner {
            true => state as u32,
            false => RandomState::new().hash_one(owner) as u32,
        };
        Some((u64::from(owner) << 32) | u64::from(last.wrapping_add(1)))
    };
    let state = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_default();
    let number = step(state).unwrap_or_default() as u32;
    FIRST | (number % FIRST)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    #[test]
    fn no_two_are_the_same() {
        let threads: Vec<_> =
            (0..8).map(|_| thread::spawn(|| (0..1000).map(|_| super::next()).collect::<Vec<_>>())).collect();
        let all: Vec<u32> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 8000);
        assert!(all.iter().all(|port| (0x4000_0000..0x8000_0000).contains(port)));
    }
}
