//! What is answered, without sockets: for tests of policies, and for fuzzers.

use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::conduct::Conduct;
use super::engine::{Decision, Engine};
use super::memory::KnownNames;
use super::query::{Match, Transport, match_answer};
use super::{NamePolicy, Release};

/// What a question comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
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
pub fn rehearse(policy: &dyn NamePolicy, query: &[u8], upstream: &[u8]) -> Rehearsal {
    let now = Instant::now();
    let conduct = Conduct { ipv6: true, ..Conduct::default() };
    let mut engine = Engine::new(conduct, Arc::new(KnownNames::default()));
    let mut rehearsal = Rehearsal::default();
    let (query, outcome) = match engine.decide(policy, query, Transport::Udp, now) {
        Decision::Silence => return rehearsal,
        Decision::Answer(query, outcome) => (query, outcome),
        Decision::Ask(query, question) => {
            rehearsal.asked = true;
            let id = upstream.first_chunk().map_or(0, |&id| u16::from_be_bytes(id));
            rehearsal.matched = match_answer(upstream, id, &question, true) != Match::Foreign;
            (query, engine.hear(policy, &question, upstream, now))
        }
    };
    let release = Collected::default();
    let outcome = engine.settle(outcome, &release, now);
    rehearsal.answer = Some(query.answer(&outcome));
    rehearsal.released = release.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    rehearsal
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
