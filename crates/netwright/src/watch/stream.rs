//! The same for tasks of tokio.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use netwright_sys::asynchronous::{AsyncSocket, blocking};
use netwright_sys::{Cause, Error, Received};

use super::{ASKED, Core, Event, Fresh, Options, Store, TRIES, Watch};
use crate::Result;
use crate::driver::Blocking;

/// A watch for tasks of tokio, from [`Net::watch`](crate::Net::watch): a stream that does not end.
pub struct AsyncWatch {
    driver: Blocking,
    sockets: Vec<AsyncSocket>,
    core: Core,
    buffer: Vec<u8>,
    /// What is read again at the moment, on another thread: the kernel carries a request out within the system call that sends it, and waits
    /// for its locks in that, whatever the socket's mode.
    reading: Option<Pin<Box<dyn Future<Output = Result<Fresh>> + Send + Sync>>>,
    tries: u32,
}

impl std::fmt::Debug for AsyncWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncWatch").field("core", &self.core).finish_non_exhaustive()
    }
}

impl AsyncWatch {
    pub(crate) async fn open(driver: Blocking, options: Options) -> Result<Self> {
        let watch = blocking(move || Watch::open(driver, options)).await??;
        let Watch { driver, sockets, core, buffer } = watch;
        let sockets = sockets.into_iter().map(AsyncSocket::new).collect::<Result<_>>()?;
        Ok(AsyncWatch { driver, sockets, core, buffer, reading: None, tries: 0 })
    }

    /// What is known of the namespace: as the events that were handed out say, and maybe some more.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.core.follower.store
    }

    /// The next event; never `None`.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        Some(poll_fn(|context| self.poll_event(context)).await)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Event>> {
        loop {
            if let Some(event) = self.core.queue.pop_front() {
                return Poll::Ready(Ok(event));
            }
            if let Some(reading) = &mut self.reading {
                let fresh = ready!(reading.as_mut().poll(context));
                self.reading = None;
                self.finish(fresh?)?;
                continue;
            }
            if self.take_some(context)? {
                continue;
            }
            let stale = self.core.stale();
            if !stale.is_empty() && !self.is_drained()? {
                // The task has had its turn, and goes on in the next one.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !stale.is_empty() {
                let driver = self.driver.clone();
                self.reading = Some(Box::pin(reading(driver, stale)));
                continue;
            }
            if !self.core.lost_traces() {
                return Poll::Pending;
            }
        }
    }

    fn take_some(&mut self, context: &mut Context<'_>) -> Result<bool> {
        self.core.is_own()?;
        let mut any = false;
        for socket in &self.sockets {
            match poll(socket, context, &mut self.buffer)? {
                Received::Nothing => continue,
                Received::Datagram(datagram) => _ = self.core.take(datagram, socket.socket().port())?,
                Received::Overrun | Received::Truncated(_) => self.core.overrun(socket.socket().protocol()),
            }
            any = true;
        }
        Ok(any)
    }

    /// Whether nothing is queued, which a pending socket does not say: the runtime also lets others have their turn. What is to be
    /// read again is read only then, since the kernel does not tell what it drops before.
    fn is_drained(&mut self) -> Result<bool> {
        let mut drained = true;
        for socket in &self.sockets {
            let socket = socket.socket();
            match super::receive(socket, &mut self.buffer)? {
                Received::Nothing => continue,
                Received::Datagram(datagram) => _ = self.core.take(datagram, socket.port())?,
                Received::Overrun | Received::Truncated(_) => self.core.overrun(socket.protocol()),
            }
            drained = false;
        }
        Ok(drained)
    }

    fn finish(&mut self, fresh: Fresh) -> Result<()> {
        let sockets = self.sockets.iter().map(AsyncSocket::socket);
        if self.core.finish(fresh, &mut self.buffer, sockets)? {
            self.tries = 0;
            return Ok(());
        }
        self.tries += 1;
        if self.tries < TRIES {
            return Ok(()); // what was lost is read again
        }
        self.tries = 0;
        Err(Error::new("read what there is", Cause::Interrupted { tries: TRIES }))
    }
}

async fn reading(driver: Blocking, kinds: super::Kinds) -> Result<Fresh> {
    blocking(move || Fresh::read(&driver, kinds)).await?
}

/// What is queued, with a wake-up where that is nothing.
fn poll<'b>(
    socket: &AsyncSocket,
    context: &mut Context<'_>,
    buffer: &'b mut Vec<u8>,
) -> Result<Received<'b>> {
    match socket.poll_receive(context, buffer) {
        Poll::Pending => Ok(Received::Nothing),
        Poll::Ready(received) => received.map_err(|cause| Error::new(ASKED, cause)),
    }
}

impl Stream for AsyncWatch {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        self.get_mut().poll_event(context).map(Some)
    }
}
