//! The networks that this host is on, watched: a policy that speaks of them follows the host into others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use netwright_route::message::group;
use netwright_sys::{Connection, Error, Result, protocol};

use crate::policy::LocalNetworks;
use crate::relay::{EventFlags, Events, Poll, Waker};

/// Changes come in bursts: so long it is waited for more of them.
const BURST: Duration = Duration::from_millis(200);
const ASKED: &str = "follow the networks of this host";

/// A thread that watches. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Neighbourhood {
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Neighbourhood {
    /// Calls a closure whenever the networks of the calling thread's network namespace are others than `known`.
    pub(crate) fn watch(
        known: LocalNetworks,
        changed: impl Fn(LocalNetworks) + Send + 'static,
    ) -> Result<Self> {
        let connection = Connection::open(protocol::ROUTE)?;
        for group in [group::IPV4_ADDRESS, group::IPV6_ADDRESS, group::IPV4_ROUTE, group::IPV6_ROUTE] {
            connection.socket().join(group)?;
        }
        let failed = |errno: rustix::io::Errno| Error::new(ASKED, errno);
        let waker = Waker::new().map_err(failed)?;
        let poll = Poll::new().map_err(failed)?;
        poll.add(&waker, 0, EventFlags::IN).map_err(failed)?;
        poll.add(connection.socket(), 1, EventFlags::IN).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        // The list is asked for in the namespace in which the notifications come, which is that of this thread and those that it starts.
        let thread = std::thread::Builder::new().name("netwright-networks".to_owned());
        let work = move || follow(connection, &poll, &told, known, changed);
        let thread = thread.spawn(work).map_err(|error| Error::new(ASKED, error))?;
        Ok(Neighbourhood { stop, waker, thread: Some(thread) })
    }
}

impl Drop for Neighbourhood {
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
    poll: &Poll,
    stop: &AtomicBool,
    mut known: LocalNetworks,
    changed: impl Fn(LocalNetworks),
) {
    let mut events = Events::new();
    while !stop.load(Ordering::Relaxed) {
        poll.wait(&mut events, None);
        // Whatever it is, also that some were lost: the whole list is asked for.
        while poll_more(&mut connection, poll, stop, &mut events) {}
        let Ok(now) = LocalNetworks::of_host() else { continue };
        if now != known && !stop.load(Ordering::Relaxed) {
            known = now.clone();
            changed(now);
        }
    }
}

/// Reads what came; whether more comes within a moment.
fn poll_more(connection: &mut Connection, poll: &Poll, stop: &AtomicBool, events: &mut Events) -> bool {
    let _ = connection.notifications(|_| {});
    poll.wait(events, Some(BURST));
    !events.is_empty() && !stop.load(Ordering::Relaxed)
}
