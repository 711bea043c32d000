//! The blocking driver: asks through a socket and hears the answers.
//!
//! The kernel acts on a message within the system call that sends it, so its answers are queued when that returns; a
//! dump's next part is queued when the one before is taken. Every receive is therefore one that does not wait, and no lost answer can
//! block the caller. What takes time is the system call: the kernel may have to wait for its own locks in it.

mod bulk;

use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, RawFd};

use netwright_wire::{
    Acknowledged, Dump, Event, Making, Malformed, Message, MessageFlags, Query, Request, Session, Writer,
};

use crate::{Cause, Error, Namespace, Received, Result, Socket};

#[cfg(feature = "tokio")]
pub(crate) use bulk::Burst;
pub use bulk::{Failure, Outcome, Refusal};

/// How often a dump is repeated that changes interrupt.
const DUMP_TRIES: u32 = 10;

/// A socket with a conversation on it. Its buffers are kept, so that a simple request allocates nothing and makes two
/// system calls.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    session: Session,
    writer: Writer,
    buffer: Vec<u8>,
    /// Whether answers to what was asked before may still be queued, or a dump may still be under way.
    unfinished: bool,
    /// The largest receive buffer that was asked for, and what there is since, in bytes.
    receive_asked: usize,
    receive_capacity: usize,
}

impl Connection {
    /// Opens a connection in the calling thread's network namespace. `protocol` is one of [`crate::protocol`].
    pub fn open(protocol: i32) -> Result<Self> {
        Socket::open(protocol).map(Connection::new)
    }

    /// Opens a connection in another network namespace.
    pub fn open_in(namespace: &Namespace, protocol: i32) -> Result<Self> {
        Socket::open_in(namespace, protocol).map(Connection::new)
    }

    /// Talks through this socket.
    #[must_use]
    pub fn new(socket: Socket) -> Self {
        let session = Session::new(socket.port());
        Connection {
            socket,
            session,
            writer: Writer::new(),
            buffer: Vec::new(),
            unfinished: false,
            receive_asked: 0,
            receive_capacity: 0,
        }
    }

    /// The socket, to join groups or to wait for it.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Asks for something whose success has nothing to say.
    pub fn acknowledge<R: Acknowledged>(&mut self, request: &R) -> Result<()> {
        self.try_acknowledge(request).map_err(|cause| self.failed(request, cause))
    }

    /// Asks for something to be made, and to hear what it was. `None` where it was made and the kernel does not say what
    /// ([`Making`] tells when): then it is to be asked for.
    pub fn make<M: Making>(&mut self, request: &M) -> Result<Option<M::Made>> {
        self.try_make(request).map_err(|cause| self.failed(request, cause))
    }

    /// Asks for one object. Where there are several answers, the first counts.
    pub fn query<Q: Query>(&mut self, request: &Q) -> Result<Q::Output> {
        let mut result = self.try_query(request);
        if matches!(result, Err(Cause::Truncated { .. })) {
            result = self.try_query(request);
        }
        result.map_err(|cause| self.failed(request, cause))
    }

    /// Asks for any number of objects and hands each out, in place in the receive buffer, until `each` breaks off.
    ///
    /// Objects that change meanwhile make the kernel say so at the end: then the error's cause is [`Cause::Interrupted`], and what
    /// was handed out may have gaps and duplicates. [`Connection::dump_all`] repeats it by itself.
    pub fn dump<D, F>(&mut self, request: &D, mut each: F) -> Result<()>
    where
        D: Dump,
        F: for<'a> FnMut(D::View<'a>) -> std::result::Result<ControlFlow<()>, Malformed>,
    {
        self.try_dump(request, &mut each).map_err(|cause| self.failed(request, cause))
    }

    /// Asks for any number of objects and collects them; repeats it where changes interrupt it, ten times at most.
    pub fn dump_all<D: Dump>(&mut self, request: &D) -> Result<Vec<D::Output>> {
        let mut found = Vec::new();
        for tries in 1.. {
            found.clear();
            match self.try_dump(request, &mut |view| {
                found.push(request.own(view)?);
                Ok(ControlFlow::Continue(()))
            }) {
                Ok(()) => break,
                Err(cause) => self.may_repeat(request, cause, tries)?,
            }
        }
        Ok(found)
    }

    /// Hands out the notifications that are queued, without waiting; [`Socket::wait`] waits for some. An error with the
    /// cause [`Cause::Overrun`] means that some were lost: list the objects anew and go on.
    ///
    /// What arrives while a request of this connection is answered is passed over, so listen on a connection of its own.
    pub fn notifications(&mut self, mut each: impl FnMut(&Message<'_>)) -> Result<()> {
        while self.some_notifications(&mut each)? {}
        Ok(())
    }

    /// As [`Connection::notifications`], but hands out only those that came together first; whether there were any. Where
    /// they come faster than they are looked at, [`Connection::notifications`] does not end.
    pub fn some_notifications(&mut self, mut each: impl FnMut(&Message<'_>)) -> Result<bool> {
        const ASKED: &str = "follow the kernel's notifications";
        self.session.begin();
        let datagram = match self.socket.receive(&mut self.buffer) {
            Ok(Received::Nothing) => return Ok(false),
            received => received.and_then(Received::datagram).map_err(|cause| Error::new(ASKED, cause))?,
        };
        for event in self.session.events(datagram) {
            if let Event::Unasked(message) = event.map_err(|error| Error::new(ASKED, error))? {
                each(&message);
            }
        }
        Ok(true)
    }

    fn try_acknowledge<R: Acknowledged>(&mut self, request: &R) -> std::result::Result<(), Cause> {
        self.start(request, MessageFlags::ACK)?;
        self.answer(|event| match event {
            Event::Acknowledged { .. } => Ok(Some(())),
            _ => Ok(None),
        })
    }

    /// The echo comes before the acknowledgement. Where it was too long, or lost, the object is made all the same.
    fn try_make<M: Making>(&mut self, request: &M) -> std::result::Result<Option<M::Made>, Cause> {
        self.start(request, MessageFlags::ACK | MessageFlags::ECHO)?;
        let mut made = None;
        self.answer(|event| match event {
            Event::Acknowledged { .. } => Ok(Some(())),
            Event::Reply(message) if made.is_none() => {
                made = request.read_made(&message)?;
                Ok(None)
            }
            _ => Ok(None),
        })?;
        Ok(made)
    }

    fn try_query<Q: Query>(&mut self, request: &Q) -> std::result::Result<Q::Output, Cause> {
        self.start(request, MessageFlags::empty())?;
        self.answer(|event| match event {
            Event::Reply(message) => request.read(&message).map(Some),
            _ => Ok(None),
        })
    }

    fn try_dump<D, F>(&mut self, request: &D, each: &mut F) -> std::result::Result<(), Cause>
    where
        D: Dump,
        F: for<'a> FnMut(D::View<'a>) -> std::result::Result<ControlFlow<()>, Malformed>,
    {
        self.start_dump(request)?;
        while self.dump_part(request, each)?.is_continue() {}
        Ok(())
    }

    /// Asks for any number of objects and hands their datagrams on unread, until `take` breaks off.
    #[cfg(feature = "tokio")]
    pub(crate) fn forward<D: Dump>(
        &mut self,
        request: &D,
        take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<()> {
        self.try_forward(request, take).map_err(|cause| self.failed(request, cause))
    }

    #[cfg(feature = "tokio")]
    fn try_forward<D: Dump>(
        &mut self,
        request: &D,
        mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> std::result::Result<(), Cause> {
        self.start_dump(request)?;
        loop {
            let datagram = self.socket.receive(&mut self.buffer)?.datagram()?;
            let (mut replies, mut done) = (false, None);
            for event in self.session.events(datagram) {
                match event? {
                    Event::Reply(_) => replies = true,
                    Event::Nack(error) => done = Some(Err(error.into())),
                    Event::Done { interrupted: true, .. } => {
                        done = Some(Err(Cause::Interrupted { tries: 1 }))
                    }
                    Event::Done { .. } => done = Some(Ok(())),
                    Event::Overrun => return Err(Cause::Overrun),
                    Event::Acknowledged { .. } | Event::Unasked(_) => {}
                }
            }
            self.unfinished = done.is_none();
            if replies && take(datagram).is_break() {
                return Ok(());
            }
            if let Some(done) = done {
                return done;
            }
        }
    }

    /// Whether nothing is left of an exchange that was broken off, but for what can be taken away quickly. One that would have to
    /// take away the rest of a long dump is better opened anew.
    pub fn is_clean(&mut self) -> bool {
        const FEW: u32 = 3;
        for _ in 0..FEW {
            if !self.unfinished {
                break;
            }
            self.unfinished = !matches!(self.socket.receive(&mut self.buffer), Ok(Received::Nothing));
        }
        !self.unfinished
    }

    /// Waits for the answer that `take` takes; anything else but a refusal is passed over.
    fn answer<T>(
        &mut self,
        mut take: impl FnMut(Event<'_>) -> std::result::Result<Option<T>, Malformed>,
    ) -> std::result::Result<T, Cause> {
        let mut lost = None;
        loop {
            let datagram = match self.socket.receive(&mut self.buffer)? {
                Received::Datagram(datagram) => datagram,
                Received::Nothing => {
                    self.unfinished = false;
                    return Err(lost.unwrap_or(Cause::NoAnswer));
                }
                Received::Overrun => {
                    lost = Some(Cause::Overrun);
                    continue;
                }
                Received::Truncated(length) => {
                    lost = Some(Cause::Truncated { length });
                    continue;
                }
            };
            for event in self.session.events(datagram) {
                let event = event?;
                if let Event::Nack(error) = event {
                    self.unfinished = false;
                    return Err(error.into());
                }
                if let Some(answer) = take(event)? {
                    self.unfinished = false;
                    return Ok(answer);
                }
            }
        }
    }

    /// Begins a dump; [`Connection::dump_part`] goes on.
    fn start_dump<D: Dump>(&mut self, request: &D) -> std::result::Result<(), Cause> {
        self.start(request, MessageFlags::DUMP)
    }

    /// Takes one datagram of a dump. Breaks when there is no more to take, or `each` broke off: what is left of the dump then is
    /// taken away before the next request.
    fn dump_part<D, F>(&mut self, request: &D, each: &mut F) -> std::result::Result<ControlFlow<()>, Cause>
    where
        D: Dump,
        F: for<'a> FnMut(D::View<'a>) -> std::result::Result<ControlFlow<()>, Malformed>,
    {
        let datagram = self.socket.receive(&mut self.buffer)?.datagram()?;
        for event in self.session.events(datagram) {
            match event? {
                Event::Reply(message) => {
                    if let Some(view) = request.view(&message)?
                        && each(view)?.is_break()
                    {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Event::Nack(error) => {
                    self.unfinished = false;
                    return Err(error.into());
                }
                Event::Done { interrupted, .. } => {
                    self.unfinished = false;
                    return match interrupted {
                        true => Err(Cause::Interrupted { tries: 1 }),
                        false => Ok(ControlFlow::Break(())),
                    };
                }
                Event::Overrun => return Err(Cause::Overrun),
                Event::Acknowledged { .. } | Event::Unasked(_) => {}
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether a dump that failed so may be tried again after this many tries.
    fn may_repeat<D: Dump>(&mut self, request: &D, cause: Cause, tries: u32) -> Result<()> {
        match cause {
            Cause::Interrupted { .. } if tries >= DUMP_TRIES => {
                Err(self.failed(request, Cause::Interrupted { tries }))
            }
            Cause::Interrupted { .. } | Cause::Overrun | Cause::Truncated { .. } if tries < DUMP_TRIES => {
                Ok(())
            }
            cause => Err(self.failed(request, cause)),
        }
    }

    /// Writes and sends one request.
    fn start<R: Request>(&mut self, request: &R, flags: MessageFlags) -> std::result::Result<(), Cause> {
        self.begin::<R>()?;
        self.write(request, flags);
        self.writer.check()?;
        self.unfinished = true;
        self.socket.send(self.writer.bytes())
    }

    fn begin<R: Request>(&mut self) -> std::result::Result<(), Cause> {
        if R::PROTOCOL != self.socket.protocol() {
            let (asked, have) = (R::PROTOCOL, self.socket.protocol());
            return Err(Cause::Invalid(format!(
                "it goes through netlink protocol {asked}, and this socket speaks {have}"
            )));
        }
        self.finish()?;
        self.session.begin();
        self.writer.clear();
        Ok(())
    }

    /// Appends one request; returns where its message starts.
    fn write<R: Request>(&mut self, request: &R, flags: MessageFlags) -> usize {
        let start = self.writer.len();
        let flags = flags | MessageFlags::REQUEST | request.flags();
        let mark = self.writer.begin_message(request.kind(), flags, self.session.sequence());
        request.write(&mut self.writer);
        self.writer.end_message(mark);
        start
    }

    /// Takes away what is left of an exchange that was broken off.
    fn finish(&mut self) -> std::result::Result<(), Cause> {
        while self.unfinished {
            self.unfinished = self.socket.receive(&mut self.buffer)? != Received::Nothing;
        }
        Ok(())
    }

    fn failed<R: Request>(&self, request: &R, cause: Cause) -> Error {
        Error::request(request, cause).with_sent(self.writer.bytes())
    }
}

impl AsMut<Connection> for Connection {
    fn as_mut(&mut self) -> &mut Connection {
        self
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests;
