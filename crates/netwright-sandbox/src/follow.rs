//! Following what the kernel tells of changes on this host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use netwright_sys::{Connection, Error, Result};
use netwright_wire::Message;

use crate::relay::{EventFlags, Events, Poll, Waker};

/// Changes come in bursts: the first one is looked at when it comes, and so long it is waited for more of them.
const BURST: Duration = Duration::from_millis(200);

/// What is done when something has changed. Where it could not be done, it says after how long it is to be tried again.
pub(crate) type Look = Box<dyn FnMut() -> Option<Duration> + Send>;

/// A thread that follows changes. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Follower {
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Calls `look` at first, where something may have changed before the connection became a member of its groups, and then whenever a notification that
    /// matters has come by it, or was lost.
    ///
    /// It is called on a thread of the network namespace of the calling one.
    pub(crate) fn start(
        name: &str,
        asked: &str,
        connection: Connection,
        at_first: bool,
        matters: impl Fn(&Message<'_>) -> bool + Send + 'static,
        look: Look,
    ) -> Result<Self> {
        let failed = |errno: rustix::io::Errno| Error::new(asked, errno);
        let waker = Waker::new().map_err(failed)?;
        let (told, changes) = (Poll::new().map_err(failed)?, Poll::new().map_err(failed)?);
        told.add(&waker, 0, EventFlags::IN).map_err(failed)?;
        changes.add(&waker, 0, EventFlags::IN).map_err(failed)?;
        changes.add(connection.socket(), 1, EventFlags::IN).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stop);
        let first = at_first.then_some(Duration::ZERO);
        let work = move || follow(connection, (&told, &changes), &stops, first, matters, look);
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(work).map_err(|error| Error::new(asked, error))?;
        Ok(Follower { stop, waker, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn follow(
    mut connection: Connection,
    (told, changes): (&Poll, &Poll),
    stop: &AtomicBool,
    mut again: Option<Duration>,
    matters: impl Fn(&Message<'_>) -> bool,
    mut look: Look,
) {
    let mut events = Events::new();
    while !stop.load(Ordering::Relaxed) {
        changes.wait(&mut events, again);
        let is_due = events.is_empty() && again.is_some();
        if stop.load(Ordering::Relaxed) || !(has_changed(&mut connection, &matters) || is_due) {
            continue;
        }
        again = look();
        told.wait(&mut events, Some(BURST));
    }
}

/// Reads what came; whether something of it matters. Whatever else came of reading, also that some were lost, may have mattered.
fn has_changed(connection: &mut Connection, matters: impl Fn(&Message<'_>) -> bool) -> bool {
    let mut found = false;
    let heard = connection.notifications(|message| found |= matters(message));
    found || heard.is_err()
}
