//! What is answered, without sockets: for tests of policies, and for fuzzers.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::behaviour::Behaviour;
use super::client::Client;
use super::engine::{Decision, Engine};
use super::memory::KnownNames;
use super::query::{Match, Transport, match_answer};
use super::upstream::Stream;
use super::{NamePolicy, Release};

/// What a question comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRun {
    /// The message that the client gets; `None` where it gets none.
    pub answer: Option<Vec<u8>>,
    /// Whether a name server is asked.
    pub asked: bool,
    /// Whether the name server's message would be taken for the answer, coming from the right place and with the right number.
    pub matched: bool,
    /// The addresses that are let through.
    pub released: Vec<IpAddr>,
}

/// Plays a client's question, and what a name server says to it if it is asked. Nothing is sent or let through.
pub fn dry_run(policy: &dyn NamePolicy, query: &[u8], upstream: &[u8]) -> DryRun {
    let now = Instant::now();
    let behaviour = Behaviour { ipv6: true, ..Behaviour::default() };
    let mut engine = Engine::new(behaviour, Arc::new(KnownNames::default()));
    let mut run = DryRun::default();
    let (query, outcome) = match engine.decide(policy, query, Transport::Udp, now) {
        Decision::Silence => return run,
        Decision::Answer(query, outcome) => (query, outcome),
        Decision::Ask(query, question) => {
            run.asked = true;
            let id = upstream.first_chunk().map_or(0, |&id| u16::from_be_bytes(id));
            run.matched = match_answer(upstream, id, &question, true) != Match::Foreign;
            (query, engine.hear(policy, &question, upstream, now))
        }
    };
    let release = Collected::default();
    let outcome = engine.settle(outcome, &release, now);
    run.answer = Some(query.answer(&outcome));
    run.released = release.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    run
}

#[derive(Default)]
struct Collected(Mutex<Vec<IpAddr>>);

impl Release for Collected {
    fn release(
        &self,
        _: &[usize],
        addresses: &[IpAddr],
        _: Duration,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(addresses);
        Ok(())
    }
}

/// The questions of a client whose bytes come over TCP in these parts, each answered at once by itself; and whether the connection is of use to the end.
#[must_use]
pub fn dry_questions(parts: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let (now, nowhere) = (Instant::now(), SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    let mut client = Client::new(Parts::new(parts), (nowhere, nowhere), now);
    let mut questions = Vec::new();
    while !client.is_done(now) {
        if client.read(now).is_err() {
            return (questions, false);
        }
        loop {
            match client.next_question() {
                Ok(Some(question)) => {
                    let _ = client.answer(Some(&question), now);
                    questions.push(question);
                }
                Ok(None) => break,
                Err(_) => return (questions, false),
            }
        }
    }
    (questions, true)
}

/// The first message of a name server whose bytes come over TCP in these parts; `None` where the connection ends before.
#[must_use]
pub fn dry_message(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut stream = Stream::new(Parts::new(parts), b"question".to_vec());
    loop {
        match stream.advance() {
            Ok(None) => {}
            Ok(message) => return message,
            Err(_) => return None,
        }
    }
}

/// A connection whose bytes come in parts: between them, nothing is there yet.
struct Parts {
    left: VecDeque<VecDeque<u8>>,
}

impl Parts {
    fn new(parts: &[&[u8]]) -> Self {
        Parts { left: parts.iter().map(|part| part.iter().copied().collect()).collect() }
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.left.front_mut() {
            None => Ok(0),
            Some(part) if part.is_empty() => {
                self.left.pop_front();
                Err(ErrorKind::WouldBlock.into())
            }
            Some(part) => part.read(buffer),
        }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
