//! A conversation without IO: numbers for requests, datagrams in, events out.

use crate::{
    Attributes, Errno, ExtendedAck, Header, KernelError, Malformed, Message, MessageFlags, Messages,
};
use crate::{Native, Value, message_type};

/// What a received message means for the requests of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An object, or one of several.
    Reply(Message<'a>),
    /// The request was carried out.
    Acknowledged {
        /// Number of the request.
        sequence: u32,
    },
    /// All objects have been sent. Where `interrupted`, they changed meanwhile and what was sent may be inconsistent.
    Done {
        /// Number of the request.
        sequence: u32,
        /// Whether the dump must be repeated to be consistent.
        interrupted: bool,
    },
    /// The request was refused.
    Nack(KernelError),
    /// Data was lost before this message.
    Overrun,
    /// A message that answers no request of this session: a notification, or the late answer to an abandoned one.
    Unasked(Message<'a>),
}

/// Numbers requests and tells answers to the current ones from others.
///
/// An answer has the port of the socket that asked and the number of the request. Neither is enough by itself: the kernel sends
/// what a link was made with to that port in the *link's* namespace, where it is another socket's, and notifications of what
/// others did have the others' numbers. So a session takes what has its own port and one of its current numbers, and sessions
/// of different ports begin at different numbers.
#[derive(Clone, Debug)]
pub struct Session {
    port: u32,
    next: u32,
    first: u32,
    interrupted: bool,
}

impl Session {
    /// A session that has asked for nothing yet, over a socket with this port.
    #[must_use]
    pub fn new(port: u32) -> Self {
        let start = first_number(port);
        Session { port, next: start, first: start, interrupted: false }
    }

    /// A session over `count` requests that were numbered by somebody else, one after the other from `first` on.
    #[must_use]
    pub fn numbered(port: u32, first: u32, count: u32) -> Self {
        Session { port, next: first.wrapping_add(count), first, interrupted: false }
    }

    /// The port of its socket.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Starts a new exchange: answers to earlier requests are [`Event::Unasked`] from now on.
    pub fn begin(&mut self) {
        if self.next > u32::MAX / 2 {
            self.next = first_number(self.port); // long before an old number could be met again
        }
        self.first = self.next;
        self.interrupted = false;
    }

    /// The number for the next request of this exchange.
    pub fn sequence(&mut self) -> u32 {
        let sequence = self.next;
        self.next = self.next.wrapping_add(1);
        sequence
    }

    /// How many requests this exchange has.
    #[must_use]
    pub fn outstanding(&self) -> u32 {
        self.next.wrapping_sub(self.first)
    }

    /// The number of the first request of this exchange.
    #[must_use]
    pub fn first(&self) -> u32 {
        self.first
    }

    /// Takes a datagram in. Stops behind the first malformed message.
    pub fn events<'s, 'a>(&'s mut self, datagram: &'a [u8]) -> Events<'s, 'a> {
        Events { session: self, messages: Messages::new(datagram) }
    }

    fn event<'a>(&mut self, message: Message<'a>) -> Result<Option<Event<'a>>, Malformed> {
        let Header { kind, flags, sequence, port, .. } = message.header;
        if port != self.port || sequence.wrapping_sub(self.first) >= self.outstanding() {
            return Ok(Some(Event::Unasked(message)));
        }
        self.interrupted |= flags.contains(MessageFlags::DUMP_INTERRUPTED);
        Ok(Some(match kind {
            message_type::NOOP => return Ok(None),
            message_type::OVERRUN => Event::Overrun,
            message_type::ERROR => {
                let code = i32::view::<Native>(message.payload)?;
                match code {
                    0 => Event::Acknowledged { sequence },
                    _ => Event::Nack(refusal(&message, code)?),
                }
            }
            message_type::DONE => match i32::view::<Native>(message.payload).unwrap_or(0) {
                code if code < 0 => Event::Nack(done_refusal(&message, code)),
                _ => Event::Done { sequence, interrupted: std::mem::take(&mut self.interrupted) },
            },
            _ => Event::Reply(message),
        }))
    }
}

/// Where the numbers of a session begin: neighbouring ports lie far apart, and 0, which notifications have, is none.
fn first_number(port: u32) -> u32 {
    const GOLDEN: u32 = 0x9e37_79b1;
    (port.wrapping_mul(GOLDEN) >> 2) + 1
}

/// The events of one datagram.
#[derive(Debug)]
pub struct Events<'s, 'a> {
    session: &'s mut Session,
    messages: Messages<'a>,
}

impl<'a> Iterator for Events<'_, 'a> {
    type Item = Result<Event<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let event = self.messages.next()?.and_then(|message| self.session.event(message));
            if let Some(event) = event.transpose() {
                return Some(event);
            }
        }
    }
}

/// Reads `struct nlmsgerr` and the attributes behind it.
fn refusal(message: &Message<'_>, code: i32) -> Result<KernelError, Malformed> {
    const ERROR: usize = 4;
    const HEAD: usize = 16;
    let original = message.payload.get(ERROR..ERROR + HEAD).unwrap_or(&[0; HEAD]);
    let original_length = u32::view::<Native>(original)? as usize;
    let kind = original.get(4..).map_or(Ok(0), u16::view::<Native>)?;
    let skip = if message.header.flags.contains(MessageFlags::CAPPED) { HEAD } else { original_length };
    let extended = if message.header.flags.contains(MessageFlags::ACK_ATTRIBUTES) {
        extended_ack(message.bytes_after(ERROR.saturating_add(skip)))
    } else {
        ExtendedAck::default()
    };
    let errno = Errno(code.saturating_abs());
    Ok(KernelError { sequence: message.header.sequence, kind, errno, extended })
}

/// A dump that failed half-way ends with a negative number and maybe attributes (`netlink_dump_done`).
fn done_refusal(message: &Message<'_>, code: i32) -> KernelError {
    let with_attributes = message.header.flags.contains(MessageFlags::ACK_ATTRIBUTES);
    let extended = with_attributes.then(|| extended_ack(message.bytes_after(4)));
    let errno = Errno(code.saturating_abs());
    KernelError { sequence: message.header.sequence, kind: 0, errno, extended: extended.unwrap_or_default() }
}

/// What can be read of the attributes: that the request was refused is known without them.
fn extended_ack(bytes: &[u8]) -> ExtendedAck {
    let mut extended = ExtendedAck::default();
    for attribute in Attributes::new(bytes).map_while(Result::ok) {
        match attribute.kind {
            1 => extended.message = String::read::<Native>(attribute.payload).ok(),
            2 => extended.offset = attribute.native::<u32>().ok(),
            5 => extended.missing_type = attribute.native::<u32>().ok(),
            6 => extended.missing_nest = attribute.native::<u32>().ok(),
            _ => {}
        }
    }
    extended
}

#[cfg(test)]
mod tests;
