//! A lock that a thread may have for reading several times at once: as in a loop over links that looks up the addresses of each.
//! The one of the standard library may hang there as soon as somebody waits for writing.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Guards a value. Whoever wants to write waits for those who read, and new ones wait for him, but for threads that read already.
#[derive(Debug)]
pub(super) struct Lock<T> {
    /// Nobody ever waits for this one.
    value: RwLock<T>,
    turns: Mutex<Turns>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Turns {
    readers: usize,
    /// Somebody writes, or waits for the readers to end.
    writer: bool,
}

thread_local! {
    /// The locks that this thread reads by, by their addresses, each as often as it does.
    static READ: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The value for reading.
#[derive(Debug)]
pub(super) struct Reading<'a, T> {
    // in this order: the value is given back before the turn
    value: RwLockReadGuard<'a, T>,
    _turn: ReadTurn<'a, T>,
}

#[derive(Debug)]
struct ReadTurn<'a, T>(&'a Lock<T>);

/// The value for writing.
#[derive(Debug)]
pub(super) struct Writing<'a, T> {
    value: RwLockWriteGuard<'a, T>,
    _turn: WriteTurn<'a, T>,
}

#[derive(Debug)]
struct WriteTurn<'a, T>(&'a Lock<T>);

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Self {
        Lock { value: RwLock::new(value), turns: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for those who write, unless this thread reads already.
    pub(super) fn read(&self) -> Reading<'_, T> {
        let again = self.is_read_here();
        {
            let mut turns = self.turns();
            while turns.writer && !again {
                turns = self.changed.wait(turns).unwrap_or_else(PoisonError::into_inner);
            }
            turns.readers += 1;
        }
        READ.with_borrow_mut(|read| read.push(self.address()));
        let turn = ReadTurn(self);
        Reading { value: self.value.read().unwrap_or_else(PoisonError::into_inner), _turn: turn }
    }

    /// Waits for those who read or write. This thread must not be one of them.
    pub(super) fn write(&self) -> Writing<'_, T> {
        {
            let mut turns = self.turns();
            while turns.writer {
                turns = self.changed.wait(turns).unwrap_or_else(PoisonError::into_inner);
            }
            turns.writer = true;
            while turns.readers > 0 {
                turns = self.changed.wait(turns).unwrap_or_else(PoisonError::into_inner);
            }
        }
        let turn = WriteTurn(self);
        Writing { value: self.value.write().unwrap_or_else(PoisonError::into_inner), _turn: turn }
    }

    /// Whether this thread reads.
    pub(super) fn is_read_here(&self) -> bool {
        READ.with_borrow(|read| read.contains(&self.address()))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for ReadTurn<'_, T> {
    fn drop(&mut self) {
        READ.with_borrow_mut(|read| {
            if let Some(place) = read.iter().rposition(|address| *address == self.0.address()) {
                read.swap_remove(place);
            }
        });
        let mut turns = self.0.turns();
        turns.readers -= 1;
        if turns.readers == 0 {
            self.0.changed.notify_all();
        }
    }
}

impl<T> Drop for WriteTurn<'_, T> {
    fn drop(&mut self) {
        self.0.turns().writer = false;
        self.0.changed.notify_all();
    }
}

impl<T> Deref for Reading<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Deref for Writing<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Writing<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    /// A thread that reads goes on reading while another waits for writing.
    #[test]
    fn reading_again_never_waits_for_writers() {
        let lock = Lock::new(0);
        let outer = lock.read();
        thread::scope(|scope| {
            let writer = scope.spawn(|| *lock.write() += 1);
            while !lock.turns().writer {
                thread::yield_now();
            }
            assert!(lock.is_read_here());
            for _ in 0..1000 {
                assert_eq!((*lock.read(), *outer), (0, 0));
            }
            drop(outer);
            assert!(!lock.is_read_here());
            writer.join().unwrap();
        });
        assert_eq!(*lock.read(), 1);
    }

    #[test]
    fn one_writes_at_a_time_and_nobody_reads_meanwhile() {
        let (lock, inside) = (Lock::new(0_u64), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let mut value = lock.write();
                        assert!(!inside.swap(true, Ordering::SeqCst));
                        *value += 1;
                        inside.store(false, Ordering::SeqCst);
                        drop(value);
                        let once = lock.read();
                        let twice = lock.read();
                        assert!(!inside.load(Ordering::SeqCst) && *once == *twice);
                    }
                });
            }
        });
        assert_eq!(*lock.read(), 2000);
    }
}
