//! The asynchronous driver, over tokio.

use std::ops::ControlFlow;

use netwright_wire::{Acknowledged, Dump, Malformed, Message, Query};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::{Cause, Connection, Error, Failure, Outcome, Result, Socket};

/// A [`Connection`] for tasks of tokio.
///
/// The kernel acts on a request within the system call that sends it, so a single request never has to be waited for: as with a file, it
/// occupies the thread for as long as the kernel needs. Between the parts of a dump other tasks have their turn, and waiting for
/// notifications occupies nothing. A large transaction belongs into `spawn_blocking`, with [`Connection`].
///
/// A future that is dropped half-way leaves the connection usable: the next request takes away what is left.
#[derive(Debug)]
pub struct AsyncConnection {
    connection: AsyncFd<Connection>,
}

impl AsyncConnection {
    /// Opens a connection in the calling thread's network namespace. Fails outside a runtime of tokio.
    pub fn open(protocol: i32) -> Result<Self> {
        Socket::open(protocol).and_then(AsyncConnection::new)
    }

    /// Talks through this socket. Fails outside a runtime of tokio.
    pub fn new(socket: Socket) -> Result<Self> {
        let failed = |cause| Error::new("register a netlink socket with tokio", cause);
        if let Err(error) = tokio::runtime::Handle::try_current() {
            return Err(failed(Cause::Invalid(error.to_string())));
        }
        // The function in its place is in the newest releases of tokio only. What it asks for holds: the connection owns its
        // descriptor and keeps it to its end.
        #[allow(deprecated)]
        let connection = AsyncFd::with_interest(Connection::new(socket), Interest::READABLE);
        connection.map(|connection| AsyncConnection { connection }).map_err(|error| failed(error.into()))
    }

    /// The socket, to join groups.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.connection.get_ref().socket()
    }

    /// The connection beneath, for several requests in a row without a turn for other tasks.
    pub fn blocking(&mut self) -> &mut Connection {
        self.connection.get_mut()
    }

    /// As [`Connection::acknowledge`].
    pub async fn acknowledge<R: Acknowledged>(&mut self, request: &R) -> Result<()> {
        self.connection.get_mut().acknowledge(request)
    }

    /// As [`Connection::query`].
    pub async fn query<Q: Query>(&mut self, request: &Q) -> Result<Q::Output> {
        self.connection.get_mut().query(request)
    }

    /// As [`Connection::dump`].
    pub async fn dump<D, F>(&mut self, request: &D, mut each: F) -> Result<()>
    where
        D: Dump,
        F: for<'a> FnMut(D::View<'a>) -> std::result::Result<ControlFlow<()>, Malformed>,
    {
        match self.try_dump(request, &mut each).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.connection.get_ref().failed(request, cause)),
        }
    }

    /// As [`Connection::dump_all`].
    pub async fn dump_all<D: Dump>(&mut self, request: &D) -> Result<Vec<D::Output>> {
        let mut found = Vec::new();
        for tries in 1.. {
            found.clear();
            let result = self
                .try_dump(request, &mut |view: D::View<'_>| {
                    found.push(request.own(view)?);
                    Ok(ControlFlow::Continue(()))
                })
                .await;
            match result {
                Ok(()) => break,
                Err(cause) => self.connection.get_mut().may_repeat(request, cause, tries)?,
            }
        }
        Ok(found)
    }

    /// As [`Connection::send_many`].
    pub async fn send_many<'r, R: Acknowledged + 'r>(
        &mut self,
        requests: impl IntoIterator<Item = &'r R>,
    ) -> Result<Vec<Failure>> {
        self.connection.get_mut().send_many(requests)
    }

    /// As [`Connection::transact`].
    pub async fn transact(
        &mut self,
        batch: &[u8],
        messages: u32,
        reply: impl FnMut(usize, &Message<'_>),
    ) -> Result<Outcome> {
        self.connection.get_mut().transact(batch, messages, reply)
    }

    /// Waits for notifications and hands out those that are queued then, as [`Connection::notifications`].
    pub async fn notifications(&mut self, mut each: impl FnMut(&Message<'_>)) -> Result<()> {
        let mut any = false;
        loop {
            let mut ready = self
                .connection
                .readable_mut()
                .await
                .map_err(|error| Error::new("wait for a netlink message", error))?;
            ready.get_inner_mut().notifications(|message| {
                any = true;
                each(message);
            })?;
            ready.clear_ready(); // the queue is empty now
            if any {
                return Ok(());
            }
        }
    }

    async fn try_dump<D, F>(&mut self, request: &D, each: &mut F) -> std::result::Result<(), Cause>
    where
        D: Dump,
        F: for<'a> FnMut(D::View<'a>) -> std::result::Result<ControlFlow<()>, Malformed>,
    {
        self.connection.get_mut().start_dump(request)?;
        while self.connection.get_mut().dump_part(request, each)?.is_continue() {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
