//! Waiting for many descriptors.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::{Errno, Result};

pub(crate) use rustix::event::epoll::EventFlags;

/// The most events that are taken at once.
const EVENTS: usize = 256;

/// How long nothing is asked of a kernel that could not wait.
pub(crate) const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// A set of descriptors, each with a number of the caller's.
#[derive(Debug)]
pub(crate) struct Poll(OwnedFd);

/// Events with the numbers of their descriptors.
pub(crate) type Events = Vec<(u64, EventFlags)>;

impl Poll {
    pub(crate) fn new() -> Result<Self> {
        epoll::create(epoll::CreateFlags::CLOEXEC).map(Poll)
    }

    /// Watches a descriptor until it is closed or removed.
    pub(crate) fn add(&self, descriptor: impl AsFd, number: u64, flags: EventFlags) -> Result<()> {
        epoll::add(&self.0, descriptor, epoll::EventData::new_u64(number), flags)
    }

    pub(crate) fn remove(&self, descriptor: impl AsFd) -> Result<()> {
        epoll::delete(&self.0, descriptor)
    }

    /// Waits for events; none where the time is over before, or where the kernel has no memory left: that passes, and who waits here
    /// has others to serve until then.
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut room = [const { MaybeUninit::uninit() }; EVENTS];
        events.clear();
        match epoll::wait(&self.0, &mut room[..], timeout.as_ref()) {
            Ok((found, _)) => events.extend(found.iter().map(|event| (event.data.u64(), event.flags))),
            Err(Errno::INTR) => {}
            Err(_) => std::thread::sleep(AFTER_FAILURE),
        }
    }
}

/// How long a thread goes on with what is there when it is told to stop.
pub(crate) const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// Whether a thread is to stop. What came before that is still done: programs send something and end.
#[derive(Debug)]
pub(crate) struct Stop<'a> {
    flag: &'a AtomicBool,
    until: Option<Instant>,
}

impl<'a> Stop<'a> {
    pub(crate) fn new(flag: &'a AtomicBool) -> Self {
        Stop { flag, until: None }
    }

    /// How long to wait for events, where it would be so long otherwise.
    pub(crate) fn timeout(&mut self, otherwise: Option<Duration>) -> Option<Duration> {
        if self.until.is_none() && self.flag.load(Ordering::Relaxed) {
            self.until = Some(Instant::now() + LAST_MOMENTS);
        }
        if self.until.is_some() { Some(Duration::ZERO) } else { otherwise }
    }

    /// Whether there is nothing more to do, after a wait that found these events.
    pub(crate) fn is_over(&self, events: &Events) -> bool {
        self.until.is_some_and(|until| events.is_empty() || Instant::now() >= until)
    }
}

/// Wakes a thread that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(crate) fn new() -> Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Waker(Arc::new(eventfd(0, flags)?)))
    }

    pub(crate) fn wake(&self) {
        // It fails only where so many wake-ups are waiting already that it cannot count them.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }

    /// Is not awake any more.
    pub(crate) fn rest(&self) {
        let _ = rustix::io::read(&*self.0, &mut [0; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
