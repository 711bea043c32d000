//! TCP connections from inside (RFC 7766): questions one after the other, answers as they are there.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::upstream::is_passing;

/// A connection on which nothing happens is closed after this time.
const IDLE: Duration = Duration::from_secs(10);
/// Questions of one connection that wait for their answers.
const WAITING: usize = 64;
/// Bytes of answers that wait for their reader.
const OUTPUT: usize = 0x2_0000;
/// The longest question is shorter by far: a name, and a record of options.
const LONGEST_QUESTION: usize = 4096;

/// One connection.
#[derive(Debug)]
pub(super) struct Client<S = TcpStream> {
    pub(super) stream: S,
    /// Its own address, and that of the listener.
    pub(super) ends: (SocketAddr, SocketAddr),
    input: Vec<u8>,
    output: Vec<u8>,
    /// Questions without an answer yet.
    waiting: usize,
    /// Nothing more comes from it.
    ended: bool,
    active: Instant,
}

impl<S: Read + Write> Client<S> {
    pub(super) fn new(stream: S, ends: (SocketAddr, SocketAddr), now: Instant) -> Self {
        Self { stream, ends, input: Vec::new(), output: Vec::new(), waiting: 0, ended: false, active: now }
    }

    /// What to wait for; `may_ask` is whether questions are taken now.
    pub(super) fn wants(&self, may_ask: bool) -> PollFlags {
        let mut wants = PollFlags::empty();
        wants.set(PollFlags::IN, may_ask && self.takes_questions());
        wants.set(PollFlags::OUT, !self.output.is_empty());
        wants
    }

    fn takes_questions(&self) -> bool {
        !self.ended && self.waiting < WAITING && self.output.len() < OUTPUT
    }

    /// When to close it at the latest.
    pub(super) fn deadline(&self) -> Instant {
        self.active + IDLE
    }

    /// Whether it waits for answers: it is not closed before.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// When something last happened on it.
    pub(super) fn active(&self) -> Instant {
        self.active
    }

    /// Whether there is nothing left to do with it.
    pub(super) fn is_done(&self, now: Instant) -> bool {
        let is_answered = self.waiting == 0 && self.output.is_empty();
        self.ended && is_answered || now >= self.deadline() && self.waiting == 0
    }

    /// Reads what has come in; an error where the connection is of no use any more.
    pub(super) fn read(&mut self, now: Instant) -> io::Result<()> {
        let mut buffer = [0; LONGEST_QUESTION];
        if !self.takes_questions() || self.input.len() > LONGEST_QUESTION {
            return Ok(());
        }
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(length) => {
                self.active = now;
                self.input.extend_from_slice(buffer.get(..length).unwrap_or_default());
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes the next whole question of what was read; an error where there is something else.
    pub(super) fn next_question(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(&length) = self.input.first_chunk().filter(|_| self.waiting < WAITING) else {
            return Ok(None);
        };
        let end = 2 + usize::from(u16::from_be_bytes(length));
        if end > LONGEST_QUESTION {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let question = self.input.get(2..end).map(<[u8]>::to_vec);
        if question.is_some() {
            self.input.drain(..end);
            self.waiting += 1;
        }
        Ok(question)
    }

    /// Sends an answer to one of its questions; without one it is only not waited for any more.
    pub(super) fn answer(&mut self, message: Option<&[u8]>, now: Instant) -> io::Result<()> {
        self.waiting = self.waiting.saturating_sub(1);
        let Some(message) = message else { return Ok(()) };
        // Answers are built with this bound.
        self.output.extend_from_slice(&(message.len() as u16).to_be_bytes());
        self.output.extend_from_slice(message);
        self.write(now)
    }

    /// Sends what can be sent.
    pub(super) fn write(&mut self, now: Instant) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(length) => {
                    self.active = now;
                    self.output.drain(..length);
                }
                Err(error) if is_passing(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
