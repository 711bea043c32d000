//! Which questions there are, and what waits for their answers.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Question;
use crate::{Event, Protocol, Rule};

/// More questions do not wait.
const QUESTIONS: usize = 64;
/// More flows do not wait for one answer; their programs try again.
const FLOWS: usize = 256;
/// More bytes of packets are not kept.
const BYTES: usize = 4 << 20;
/// As long as this, a packet that was sent again is on its way, and copies of it do not count.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// Who wants to go where. Of an echo request, the source's port is its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) protocol: Protocol,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
}

/// A flow that waits, with its first packet.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) flow: Flow,
    pub(super) packet: Vec<u8>,
    pub(super) event: Event,
}

/// A question with what waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) question: Question,
    pub(super) held: Vec<Held>,
}

/// The questions in their order, of which the first may be with the asker, and what the answers were.
#[derive(Debug, Default)]
pub(super) struct Questions {
    waiting: VecDeque<Waiting>,
    /// Whether the first question is with the asker.
    is_asked: bool,
    refused: HashSet<Rule>,
    /// Nothing is asked any more.
    pub(super) is_closed: bool,
    bytes: usize,
    /// What was sent again lately.
    sent: VecDeque<(Flow, Instant)>,
}

impl Questions {
    /// Whether a packet needs no attention: its flow waits already, or was just sent again. A newer form of a first segment takes the
    /// place of the one that is kept.
    pub(super) fn knows(&mut self, flow: &Flow, packet: &[u8], now: Instant) -> bool {
        while self.sent.front().is_some_and(|(_, since)| now >= *since + UNDER_WAY) {
            self.sent.pop_front();
        }
        let mut held = self.waiting.iter_mut().flat_map(|waiting| &mut waiting.held);
        if let Some(held) = held.find(|held| held.flow == *flow) {
            if flow.protocol == Protocol::Tcp && held.packet.len() == packet.len() {
                held.packet.copy_from_slice(packet);
            }
            return true;
        }
        self.sent.iter().any(|(sent, _)| sent == flow)
    }

    /// Whether the answer for this rule was no.
    pub(super) fn is_refused(&self, rule: &Rule) -> bool {
        self.refused.contains(rule)
    }

    /// Lets a flow wait for the answer about a rule. Gives it back where there are too many questions.
    pub(super) fn hold(&mut self, rule: Rule, held: Held) -> Option<Held> {
        let index = match self.waiting.iter().position(|waiting| waiting.question.rule == rule) {
            Some(index) => index,
            None if self.waiting.len() >= QUESTIONS => return Some(held),
            None => {
                let question = Question { event: held.event.clone(), rule };
                self.waiting.push_back(Waiting { question, held: Vec::new() });
                self.waiting.len() - 1
            }
        };
        let room = self.bytes + held.packet.len() <= BYTES;
        if let Some(waiting) =
            self.waiting.get_mut(index).filter(|waiting| room && waiting.held.len() < FLOWS)
        {
            self.bytes += held.packet.len();
            waiting.held.push(held);
        }
        None
    }

    /// The next question for the asker, where it has none.
    pub(super) fn next(&mut self) -> Option<Question> {
        let first = self.waiting.front().filter(|_| !self.is_asked)?;
        self.is_asked = true;
        Some(first.question.clone())
    }

    /// The question that the asker has answered.
    pub(super) fn answered(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front().filter(|_| self.is_asked)?;
        self.is_asked = false;
        self.forget(&first.held);
        Some(first)
    }

    /// From now on the answer for this rule is no.
    pub(super) fn refuse(&mut self, rule: &Rule) {
        self.refused.insert(rule.clone());
    }

    /// All that waits, which waits no longer. A question that is with the asker stays there.
    pub(super) fn take(&mut self) -> Vec<Held> {
        let taken: Vec<Held> = self.waiting.iter_mut().flat_map(|waiting| waiting.held.drain(..)).collect();
        self.forget(&taken);
        self.waiting.truncate(self.is_asked.into());
        taken
    }

    /// A packet was sent again.
    pub(super) fn sent(&mut self, flow: Flow, now: Instant) {
        self.sent.push_back((flow, now));
    }

    fn forget(&mut self, held: &[Held]) {
        self.bytes = self.bytes.saturating_sub(held.iter().map(|held| held.packet.len()).sum());
    }
}

#[cfg(test)]
mod tests;
