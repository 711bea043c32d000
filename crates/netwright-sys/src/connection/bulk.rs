//! Many messages with one system call: pipelined requests, and transactions.

use netwright_wire::{
    Acknowledged, Errno, Event, KernelError, Message, MessageFlags, Messages, Session, Transaction,
};

use super::Connection;
use crate::error::attribute_at_fault;
use crate::{Cause, Error, Received, Result};

/// Bytes of requests in one send: what fits into the send buffer that every process has.
const SEND: usize = 128 << 10;
/// What the receive buffer is charged for one refusal with the kernel's words, with its overhead, in bytes.
const REFUSAL_COST: usize = 2048;
/// Receive buffer for pipelined requests, of which each may be refused, in bytes.
const RECEIVE: usize = 8 << 20;

/// One of many requests that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its place among the requests, from 0.
    pub index: usize,
    /// Why.
    pub error: Error,
}

/// One message of a transaction that the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its place among the messages of the batch, from 0, which is the batch's own first message.
    pub index: usize,
    /// The kernel's words.
    pub error: KernelError,
    /// Type of the attribute that the kernel points at, where it does; looked up for the first refusal only.
    pub attribute: Option<u16>,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a transaction that was refused has changed nothing"]
pub enum Outcome {
    /// All of it was done.
    Committed {
        /// Whether replies to it were lost, since more came than the receive buffer holds.
        replies_lost: bool,
    },
    /// Nothing of it was done, because of these messages. There may be more than the receive buffer could hold.
    Refused(Vec<Refusal>),
}

/// Requests that are sent together, and what has become of those before.
#[derive(Debug)]
pub(crate) struct Burst<R> {
    requests: Vec<R>,
    /// Requests in the bursts before.
    sent: usize,
    /// Where the last message starts.
    pub(crate) last: Option<usize>,
    pub(crate) failures: Vec<Failure>,
}

impl<R> Default for Burst<R> {
    fn default() -> Self {
        Burst { requests: Vec::new(), sent: 0, last: None, failures: Vec::new() }
    }
}

impl<R: Acknowledged> Burst<R> {
    fn failed(&self, cause: Cause) -> Error {
        let Some(first) = self.requests.first() else { return Error::new("send many requests", cause) };
        let first = Error::request(first, Cause::NoAnswer);
        let (from, to) = (self.sent + 1, self.sent + self.requests.len());
        Error::new(format!("carry out requests {from} to {to}, from «{}» on", first.asked()), cause)
    }
}

impl Connection {
    /// Sends many requests, many with each system call, and goes on behind those that are refused, which are returned in
    /// their order.
    ///
    /// An error means that the rest was not sent, or that it is not known which were refused.
    pub fn send_many<R: Acknowledged>(
        &mut self,
        requests: impl IntoIterator<Item = R>,
    ) -> Result<Vec<Failure>> {
        let mut requests = requests.into_iter();
        let mut burst = Burst::default();
        while self.fill(&mut burst, &mut requests)? {
            let answered = self.exchange(burst.last);
            self.settle(&mut burst, answered)?;
        }
        Ok(burst.failures)
    }

    /// Writes as many requests as one send takes; whether there were any.
    pub(crate) fn fill<R: Acknowledged>(
        &mut self,
        burst: &mut Burst<R>,
        requests: &mut impl Iterator<Item = R>,
    ) -> Result<bool> {
        burst.sent += burst.requests.len();
        burst.requests.clear();
        burst.last = None;
        let begun = self.begin::<R>().and_then(|()| self.reserve_receive(RECEIVE));
        begun.map_err(|cause| Error::new("send many requests", cause))?;
        let most = (self.receive_capacity / REFUSAL_COST).max(1);
        while burst.requests.len() < most && self.writer.len() < SEND {
            let Some(request) = requests.next() else { break };
            let start = self.write(&request, MessageFlags::empty());
            match self.writer.check() {
                Ok(()) => burst.last = Some(start),
                Err(unsendable) => {
                    self.writer.truncate(start);
                    let index = burst.sent + burst.requests.len();
                    burst.failures.push(Failure { index, error: Error::request(&request, unsendable) });
                }
            }
            burst.requests.push(request);
        }
        Ok(!burst.requests.is_empty())
    }

    /// Sends what was written and takes the answers up to that of the message that starts at `last`: the refusals, in the order
    /// of the requests.
    pub(crate) fn exchange(&mut self, last: Option<usize>) -> std::result::Result<Vec<KernelError>, Cause> {
        let mut refusals = Vec::new();
        let Some(last) = last else { return Ok(refusals) };
        self.writer.add_flags(last, MessageFlags::ACK);
        self.unfinished = true;
        self.socket.send(self.writer.bytes())?;
        let last = sequence_at(self.writer.bytes(), last)?;
        loop {
            let datagram = self.socket.receive(&mut self.buffer)?.datagram()?;
            for event in self.session.events(datagram) {
                let answered = match event? {
                    Event::Acknowledged { sequence } => sequence,
                    Event::Nack(error) => {
                        let sequence = error.sequence;
                        refusals.push(error);
                        sequence
                    }
                    Event::Overrun => return Err(Cause::Overrun),
                    _ => continue,
                };
                if answered == last {
                    self.unfinished = false;
                    return Ok(refusals);
                }
            }
        }
    }

    /// Says of refusals which requests they are of.
    pub(crate) fn settle<R: Acknowledged>(
        &self,
        burst: &mut Burst<R>,
        answered: std::result::Result<Vec<KernelError>, Cause>,
    ) -> Result<()> {
        let refusals = answered.map_err(|cause| burst.failed(cause))?;
        let (first, written) = (self.session.first(), self.writer.bytes());
        for error in refusals {
            let place = error.sequence.wrapping_sub(first) as usize;
            if let Some(request) = burst.requests.get(place) {
                let error = Error::request(request, error).with_sent(written);
                burst.failures.push(Failure { index: burst.sent + place, error });
            }
        }
        let new = burst.failures.partition_point(|failure| failure.index < burst.sent);
        if let Some(new) = burst.failures.get_mut(new..) {
            new.sort_unstable_by_key(|failure| failure.index);
        }
        Ok(())
    }

    /// Carries out a transaction, all of it or nothing: then the error names the first message that the kernel refused, and what in
    /// it. `asked` is what it is for, in errors.
    ///
    /// # Errors
    /// It was refused or cannot be sent, or its outcome is unknown.
    pub fn commit(&mut self, asked: &str, transaction: &mut impl Transaction) -> Result<()> {
        let messages = transaction.messages();
        let bytes = transaction.finish().map_err(|error| Error::new(asked, error))?;
        let refusals = match self.try_transact(bytes, messages, |_, _| {}) {
            Ok(Outcome::Committed { .. }) => return Ok(()),
            Ok(Outcome::Refused(refusals)) => refusals,
            Err(cause) => return Err(Error::new(asked, cause)),
        };
        let first = refusals.into_iter().min_by_key(|refusal| refusal.index);
        let Some(Refusal { index, error, .. }) = first else {
            return Err(Error::new(asked, Cause::NoAnswer));
        };
        let (step, part) = transaction.told(index, error.extended.offset).unzip();
        let asked = step.map_or(asked.to_owned(), |step| format!("{asked}: {step}"));
        let refused = Error::new(asked, error).with_part(part.flatten());
        let sent = transaction.finish().unwrap_or_default();
        Err(refused.with_sent(sent))
    }

    /// Sends a batch of nf_tables as one transaction: its messages from its begin to its end, `messages` in number, with
    /// sequence numbers one after the other from that of the first on.
    ///
    /// Replies, which messages with [`MessageFlags::ECHO`] have, are handed to `reply` with the place of the message that
    /// they answer. About elements the kernel does not say which that is: they have the place of the reply before. No message needs [`MessageFlags::ACK`]. An error means that it was not sent, or that its outcome is unknown.
    pub fn transact(
        &mut self,
        batch: &[u8],
        messages: u32,
        reply: impl FnMut(usize, &Message<'_>),
    ) -> Result<Outcome> {
        self.try_transact(batch, messages, reply).map_err(|cause| Error::new("commit the transaction", cause))
    }

    fn try_transact(
        &mut self,
        batch: &[u8],
        messages: u32,
        mut reply: impl FnMut(usize, &Message<'_>),
    ) -> std::result::Result<Outcome, Cause> {
        self.finish()?;
        let cost = (messages as usize).saturating_mul(REFUSAL_COST).saturating_add(batch.len());
        self.reserve_receive(cost)?;
        let first = sequence_at(batch, 0)?;
        let mut session = Session::numbered(self.socket.port(), first, messages);
        self.unfinished = true;
        self.socket.send(batch)?;

        let mut refusals = Vec::new();
        let (mut lost, mut answered, mut latest) = (false, false, 0);
        loop {
            let datagram = match self.socket.receive(&mut self.buffer)? {
                Received::Datagram(datagram) => datagram,
                Received::Nothing => break,
                Received::Overrun | Received::Truncated(_) => {
                    lost = true;
                    continue;
                }
            };
            for event in session.events(datagram) {
                match event? {
                    Event::Nack(error) => {
                        let index = error.sequence.wrapping_sub(first) as usize;
                        refusals.push(Refusal { index, attribute: None, error });
                    }
                    Event::Reply(message) => {
                        latest = message.header.sequence.wrapping_sub(first) as usize;
                        reply(latest, &message);
                        answered = true;
                    }
                    Event::Unasked(message) if message.header.sequence == 0 => reply(latest, &message),
                    Event::Overrun => lost = true,
                    Event::Acknowledged { .. } => answered = true,
                    Event::Done { .. } | Event::Unasked(_) => {}
                }
            }
        }
        self.unfinished = false;
        if let Some(Refusal { error, attribute, .. }) = refusals.first_mut() {
            *attribute = attribute_at_fault(batch, error);
            return Ok(Outcome::Refused(refusals));
        }
        // An empty queue takes any datagram, so a refusal would have been the first in it.
        match lost && !answered {
            true => Err(Cause::System(Errno::ENOBUFS)),
            false => Ok(Outcome::Committed { replies_lost: lost }),
        }
    }

    /// Enlarges the receive buffer, unless that much was asked for before.
    fn reserve_receive(&mut self, bytes: usize) -> std::result::Result<(), Cause> {
        if self.receive_asked < bytes {
            self.receive_capacity = self.socket.reserve_receive(bytes)?;
            self.receive_asked = bytes.max(self.receive_capacity);
        }
        Ok(())
    }
}

fn sequence_at(messages: &[u8], start: usize) -> std::result::Result<u32, Cause> {
    match Messages::new(messages.get(start..).unwrap_or_default()).next() {
        Some(message) => Ok(message?.header.sequence),
        None => Err(Cause::Invalid("there is no message to send".into())),
    }
}
