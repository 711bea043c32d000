//! A copy that a thread keeps up to date.

mod lock;

use std::io::PipeWriter;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use netwright_sys::{Cause, Error, wait_for_any};

use self::lock::{Lock, Reading};
use super::{ASKED, Fresh, Options, Store, TRIES, Watch};
use crate::Result;
use crate::driver::Blocking;

/// A copy of a namespace that a thread keeps up to date, from [`Net::live`](crate::Net::live), for programs that look up often.
///
/// It may be shared between threads; all look up at once. The thread ends with this.
#[derive(Debug)]
pub struct Live {
    shared: Arc<Shared>,
    /// The thread ends where this is closed.
    end: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    driver: Blocking,
    watch: Lock<Watch>,
    /// Held by the one who brings the copy up to date: what another took meanwhile would be missing in what is read again.
    updating: Mutex<()>,
    failed: Mutex<Option<Error>>,
}

/// What is still to be done when the copy has been brought up to date.
enum Left {
    Nothing,
    /// What changed meanwhile is to be read again. What was there before is in the copy.
    Doubt,
}

/// How long the thread waits before it tries again what failed.
const PAUSE: Duration = Duration::from_millis(50);

/// The copy as it is, while this is held. Hold it shortly: nothing new gets into it meanwhile. A thread may hold several.
#[derive(Debug)]
pub struct Look<'a>(Reading<'a, Watch>);

impl Deref for Look<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0.store()
    }
}

impl Live {
    pub(crate) fn open(driver: Blocking, options: Options) -> Result<Self> {
        let failed = |error: std::io::Error| Error::new(ASKED, error);
        let watch = Watch::open(driver.clone(), Options { existing: false, ..options })?;
        let (ended, end) = std::io::pipe().map_err(failed)?;
        let mut waited_for = vec![OwnedFd::from(ended)];
        for socket in &watch.sockets {
            waited_for.push(socket.as_fd().try_clone_to_owned().map_err(failed)?);
        }
        let shared = Arc::new(Shared {
            driver,
            watch: Lock::new(watch),
            updating: Mutex::default(),
            failed: Mutex::default(),
        });
        let follower = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("netwright-live".into()).spawn(move || follower.follow(&waited_for));
        Ok(Live { shared, end: Some(end), thread: Some(thread.map_err(failed)?) })
    }

    /// The copy as it is.
    pub fn store(&self) -> Look<'_> {
        Look(self.shared.watch.read())
    }

    /// Brings the copy up to date at once: what this process has changed before is in it afterwards. It waits for the looks of other
    /// threads; an error where this thread holds one, and where more changes meanwhile, again and again, than the socket holds.
    pub fn update(&self) -> Result<()> {
        if self.shared.watch.is_read_here() {
            let what = "this thread holds a look into the copy, which nothing gets into meanwhile";
            return Err(Error::new("bring the copy up to date", Cause::Invalid(what.into())));
        }
        self.shared.update().map(drop)
    }

    /// What went wrong when the copy was to be brought up to date, unless it has been since.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn follow(&self, waited_for: &[OwnedFd]) {
        let all: Vec<_> = waited_for.iter().map(AsFd::as_fd).collect();
        let ended = all.get(..1).unwrap_or_default();
        let mut left_to_do = None;
        loop {
            // What is left to be read is read whether anything new comes or not.
            let waited = match left_to_do {
                Some(pause) => wait_for_any(ended, Some(pause)),
                None => wait_for_any(&all, None),
            };
            if wait_for_any(ended, Some(Duration::ZERO)).unwrap_or(true) {
                return;
            }
            let updated = waited.and_then(|_| self.update());
            left_to_do = match &updated {
                Ok(Left::Nothing) => None,
                Ok(Left::Doubt) => Some(Duration::ZERO),
                Err(_) => Some(PAUSE),
            };
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = updated.err();
        }
    }

    /// What takes long, reading lists again, is done while others look up.
    fn update(&self) -> Result<Left> {
        let _updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read = false;
        for _ in 0..TRIES {
            let stale = {
                let mut watch = self.watch.write();
                watch.take_queued()?;
                watch.core.queue.clear();
                watch.core.stale()
            };
            if stale.is_empty() {
                return Ok(Left::Nothing);
            }
            let fresh = Fresh::read(&self.driver, stale)?;
            let mut watch = self.watch.write();
            read |= watch.finish(fresh)?;
            watch.core.queue.clear();
        }
        match read {
            true => Ok(Left::Doubt),
            false => Err(Error::new("read what there is", Cause::Interrupted { tries: TRIES })),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic of it has been shown
        }
    }
}
