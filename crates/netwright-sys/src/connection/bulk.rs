//! Many messages with one system call: pipelined requests, and transactions.

use netwright_wire::{Acknowledged, Errno, Event, KernelError, Message, MessageFlags, Messages, Session};

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

impl Connection {
    /// Asks for many things, many with each system call, and goes on behind those that are refused, which are returned in
    /// their order.
    ///
    /// An error means that the rest was not sent, or that it is not known which were refused.
    pub fn send_many<'r, R: Acknowledged + 'r>(
        &mut self,
        requests: impl IntoIterator<Item = &'r R>,
    ) -> Result<Vec<Failure>> {
        let mut requests = requests.into_iter();
        let mut failures = Vec::new();
        let mut burst = Vec::new();
        let mut sent = 0;
        loop {
            burst.clear();
            let done = match self.burst(&mut requests, &mut burst, sent, &mut failures) {
                Ok(()) => burst.is_empty(),
                Err(cause) => return Err(self.burst_failed(&burst, sent, cause)),
            };
            if done {
                failures.sort_unstable_by_key(|failure| failure.index);
                return Ok(failures);
            }
            sent += burst.len();
        }
    }

    fn burst_failed<R: Acknowledged>(&self, burst: &[&R], sent: usize, cause: Cause) -> Error {
        let Some(first) = burst.first() else { return Error::new("send many requests", cause) };
        let first = Error::request(*first, Cause::NoAnswer);
        let (from, to) = (sent + 1, sent + burst.len());
        Error::new(format!("carry out requests {from} to {to}, from «{}» on", first.asked()), cause)
    }

    /// Sends as many requests as one send takes, and takes the answers.
    fn burst<'r, R: Acknowledged>(
        &mut self,
        requests: &mut impl Iterator<Item = &'r R>,
        burst: &mut Vec<&'r R>,
        sent: usize,
        failures: &mut Vec<Failure>,
    ) -> std::result::Result<(), Cause> {
        self.begin::<R>()?;
        self.reserve_receive(RECEIVE)?;
        let most = (self.receive_capacity / REFUSAL_COST).max(1);
        let mut last = None;
        while burst.len() < most && self.writer.len() < SEND {
            let Some(request) = requests.next() else { break };
            let start = self.write(request, MessageFlags::empty());
            match self.writer.check() {
                Ok(()) => last = Some(start),
                Err(too_long) => {
                    self.writer.truncate(start);
                    let index = sent + burst.len();
                    failures.push(Failure { index, error: Error::request(request, too_long) });
                }
            }
            burst.push(request);
        }
        let Some(last) = last else { return Ok(()) };
        self.writer.add_flags(last, MessageFlags::ACK);
        self.unfinished = true;
        self.socket.send(self.writer.bytes())?;
        self.burst_answers(last, burst, sent, failures)
    }

    /// Takes answers up to that of the message that starts at `last`. Refusals come in the order of the requests.
    fn burst_answers<R: Acknowledged>(
        &mut self,
        last: usize,
        burst: &[&R],
        sent: usize,
        failures: &mut Vec<Failure>,
    ) -> std::result::Result<(), Cause> {
        let (first, written) = (self.session.first(), self.writer.bytes());
        let last = sequence_at(written, last)?;
        loop {
            let datagram = self.socket.receive(&mut self.buffer)?.datagram()?;
            for event in self.session.events(datagram) {
                let answered = match event? {
                    Event::Acknowledged { sequence } => sequence,
                    Event::Nack(error) => {
                        let (place, sequence) = (error.sequence.wrapping_sub(first) as usize, error.sequence);
                        if let Some(&request) = burst.get(place) {
                            let error = Error::request(request, error).with_sent(written);
                            failures.push(Failure { index: sent + place, error });
                        }
                        sequence
                    }
                    Event::Overrun => return Err(Cause::Overrun),
                    _ => continue,
                };
                if answered == last {
                    self.unfinished = false;
                    return Ok(());
                }
            }
        }
    }

    /// Sends a batch of nf_tables as one transaction: its messages from its begin to its end, `messages` in number, with
    /// sequence numbers one after the other from that of the first on.
    ///
    /// Replies, which messages with [`MessageFlags::ECHO`] have, are handed to `reply` with the place of the message that
    /// they answer. No message needs [`MessageFlags::ACK`]. An error means that it was not sent, or that its outcome is unknown.
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
        let mut session = Session::numbered(first, messages);
        self.unfinished = true;
        self.socket.send(batch)?;

        let mut refusals = Vec::new();
        let (mut lost, mut answered) = (false, false);
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
                        reply(message.header.sequence.wrapping_sub(first) as usize, &message);
                        answered = true;
                    }
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
