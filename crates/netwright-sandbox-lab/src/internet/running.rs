//! Threads that serve until they are told to stop.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A thread that serves until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    _stop: UnixStream,
}

impl Running {
    /// Calls `handle` for each socket whenever it has something to read.
    pub(super) fn start<S: AsFd + Send + 'static>(
        name: &str,
        sockets: Vec<S>,
        mut handle: impl FnMut(&S) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let serve = move || {
            while let Some(ready) = ready(&sockets, &stopped) {
                sockets.iter().zip(ready).filter(|(_, ready)| *ready).for_each(|(socket, _)| handle(socket));
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        Ok(Running { _stop: stop })
    }
}

/// Which sockets have something; `None` when it is time to stop.
fn ready<S: AsFd>(sockets: &[S], stopped: &UnixStream) -> Option<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> =
        sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
    polled.push(PollFd::new(stopped, PollFlags::IN));
    let forever: Option<&Timespec> = None;
    poll(&mut polled, forever).ok()?;
    let stop = polled.pop()?;
    stop.revents().is_empty().then(|| polled.iter().map(|polled| !polled.revents().is_empty()).collect())
}
