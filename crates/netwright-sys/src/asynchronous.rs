//! Connections in tasks of tokio: whatever may have to wait for the kernel's locks happens on a thread for blocking work.
//!
//! Each function takes what holds a connection, such as a place in a pool, and gives it back by dropping it; where the future is
//! dropped half-way, that happens as soon as the kernel has answered. What was sent is done all the same.

mod tun;

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use netwright_wire::{Acknowledged, Dump, Malformed, Messages, message_type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub use tun::AsyncTun;

use crate::connection::Burst;
use crate::{Cause, Connection, Error, Failure, Received, Result, Socket};

/// Datagrams of a dump that wait for their reader, each of up to 32 KiB.
const WAITING: usize = 8;

/// Does something that may wait, on a thread for blocking work. Fails outside a runtime of tokio, and while it ends.
pub async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    finished(spawn(job)?.await)
}

fn spawn<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<impl Future<Output = std::result::Result<T, tokio::task::JoinError>>> {
    const ASKED: &str = "use the network from a task";
    let runtime =
        Handle::try_current().map_err(|error| Error::new(ASKED, Cause::Invalid(error.to_string())))?;
    Ok(runtime.spawn_blocking(job))
}

fn finished<T>(result: std::result::Result<T, tokio::task::JoinError>) -> Result<T> {
    result.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => Error::new("use the network from a task", Cause::Invalid(error.to_string())),
    })
}

/// As [`Connection::dump`]. `each` is called in the task, while the kernel is asked for more elsewhere.
pub async fn dump<C, D, F>(mut lease: C, request: Arc<D>, mut each: F) -> Result<()>
where
    C: AsMut<Connection> + Send + 'static,
    D: Dump + Send + Sync + 'static,
    F: for<'a> FnMut(D::View<'a>) -> std::result::Result<ControlFlow<()>, Malformed>,
{
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING);
    let asked = Arc::clone(&request);
    let worker = spawn(move || {
        lease.as_mut().forward(&*asked, |datagram| match sender.blocking_send(datagram.to_vec()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()), // the reader has enough
        })
    })?;
    while let Some(datagram) = receiver.recv().await {
        match read_part(&*request, &datagram, &mut each) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(()),
            Err(error) => return Err(Error::request(&*request, error)),
        }
    }
    finished(worker.await)?
}

fn read_part<D, F>(
    request: &D,
    datagram: &[u8],
    each: &mut F,
) -> std::result::Result<ControlFlow<()>, Malformed>
where
    D: Dump,
    F: for<'a> FnMut(D::View<'a>) -> std::result::Result<ControlFlow<()>, Malformed>,
{
    for message in Messages::new(datagram) {
        let message = message?;
        if message.header.kind >= message_type::MINIMUM
            && let Some(view) = request.view(&message)?
            && each(view)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// As [`Connection::send_many`]. Requests are written in the task.
pub async fn send_many<C, R>(
    mut lease: C,
    requests: impl IntoIterator<Item = R, IntoIter: Send>,
) -> Result<Vec<Failure>>
where
    C: AsMut<Connection> + Send + 'static,
    R: Acknowledged + Send,
{
    let mut requests = requests.into_iter();
    let mut burst = Burst::default();
    while lease.as_mut().fill(&mut burst, &mut requests)? {
        let last = burst.last;
        let answered;
        (lease, answered) = blocking(move || {
            let answered = lease.as_mut().exchange(last);
            (lease, answered)
        })
        .await?;
        lease.as_mut().settle(&mut burst, answered)?;
    }
    Ok(burst.failures)
}

/// A socket that tasks wait for.
#[derive(Debug)]
pub struct AsyncSocket {
    socket: AsyncFd<Socket>,
}

impl AsyncSocket {
    /// Registers a socket. Fails outside a runtime of tokio.
    pub fn new(socket: Socket) -> Result<Self> {
        let failed = |cause| Error::new("register a netlink socket with tokio", cause);
        if let Err(error) = Handle::try_current() {
            return Err(failed(Cause::Invalid(error.to_string())));
        }
        // The function in its place is in the newest releases of tokio only. What it asks for holds: the socket owns its
        // descriptor and keeps it to its end.
        #[allow(deprecated)]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE);
        socket.map(|socket| AsyncSocket { socket }).map_err(|error| failed(error.into()))
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.socket.get_ref()
    }

    /// As [`Socket::receive`], but with a wake-up where nothing is queued.
    pub fn poll_receive<'b>(
        &self,
        context: &mut Context<'_>,
        buffer: &'b mut Vec<u8>,
    ) -> Poll<std::result::Result<Received<'b>, Cause>> {
        let length = loop {
            let mut ready = ready!(self.socket.poll_read_ready(context))?;
            match self.socket().receive(buffer)? {
                Received::Nothing => ready.clear_ready(),
                Received::Datagram(datagram) => break datagram.len(),
                Received::Overrun => return Poll::Ready(Ok(Received::Overrun)),
                Received::Truncated(length) => return Poll::Ready(Ok(Received::Truncated(length))),
            }
        };
        Poll::Ready(Ok(Received::Datagram(buffer.get(..length).unwrap_or_default())))
    }
}
