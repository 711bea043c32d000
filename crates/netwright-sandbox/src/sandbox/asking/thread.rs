//! The thread that hears of packets and answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Instant, SystemTime};

use super::questions::{Flow, Held, Questions};
use super::{Answer, Question, Told};
use crate::relay::{Asked, EventFlags, Events, Packet, Poll};
use crate::sandbox::enforced::{Enforced, Verdict};
use crate::{Event, Ports, Rule};

/// So many messages are read before answers get their turn.
const TURN: usize = 256;

/// Lets flows wait, and carries answers out.
pub(super) struct Service {
    asked: Asked,
    enforced: Arc<Enforced>,
    questions: Questions,
    asker: Sender<Question>,
    answers: Receiver<Answer>,
}

impl Service {
    pub(super) fn new(
        asked: Asked,
        enforced: Arc<Enforced>,
        asker: Sender<Question>,
        answers: Receiver<Answer>,
    ) -> Self {
        Service { asked, enforced, questions: Questions::default(), asker, answers }
    }

    /// Works until it is told to stop, and woken.
    pub(super) fn run(mut self, told: &Told) {
        let Ok(poll) = self.watch(told) else { return };
        let mut events = Events::new();
        while !told.stop.load(Ordering::Relaxed) {
            poll.wait(&mut events, None);
            told.waker.rest();
            for _ in 0..TURN {
                let Some(packets) = self.asked.hear() else { break };
                packets.into_iter().for_each(|packet| self.arrived(packet));
            }
            if told.policy_changed.swap(false, Ordering::Relaxed) {
                self.judge_again();
            }
            while let Ok(answer) = self.answers.try_recv() {
                self.answered(answer);
            }
            self.ask();
        }
        self.close("nobody had answered when the sandbox ended");
    }

    fn watch(&self, told: &Told) -> rustix::io::Result<Poll> {
        let poll = Poll::new()?;
        poll.add(&told.waker, 0, EventFlags::IN)?;
        poll.add(self.asked.socket(), 1, EventFlags::IN)?;
        Ok(poll)
    }

    /// Gives the next question to the asker, where that has none.
    fn ask(&mut self) {
        if let Some(question) = self.questions.next()
            && self.asker.send(question).is_err()
        {
            self.close("nobody is there to be asked"); // its closure has panicked
        }
    }

    fn arrived(&mut self, bytes: Vec<u8>) {
        let Some(packet) = Packet::read(&bytes) else { return };
        let Some(protocol) = packet.protocol() else { return };
        let flow = Flow { protocol, source: packet.source(), destination: packet.destination() };
        if !self.questions.knows(&flow, &bytes, Instant::now()) {
            let event = self.enforced.reports.undecided(&packet);
            self.judge(Held { flow, packet: bytes, event });
        }
    }

    /// Sends it again, refuses it, or lets it wait.
    fn judge(&mut self, held: Held) {
        match self.enforced.verdict(&held.event) {
            Verdict::Allowed => self.send_again(&held),
            Verdict::Refused(reason) => self.refuse(held, &reason),
            Verdict::Undecided(_) if self.questions.is_closed => {
                self.refuse(held, "nothing is asked any more")
            }
            Verdict::Undecided(rule) if self.questions.is_refused(&rule) => {
                self.refuse(held, "the answer was no")
            }
            Verdict::Undecided(rule) => {
                if let Some(held) = self.questions.hold(rule, held) {
                    self.refuse(held, "too many other questions wait for answers");
                }
            }
        }
    }

    /// The policy is another one.
    fn judge_again(&mut self) {
        self.questions.take().into_iter().for_each(|held| self.judge(held));
    }

    fn answered(&mut self, answer: Answer) {
        let Some(waiting) = self.questions.answered() else { return };
        let rule = &waiting.question.rule;
        let mut rules = vec![rule.clone()];
        match answer {
            Answer::Yes => {}
            Answer::AllPorts => {
                rules.push(Rule { target: rule.target.clone(), ports: Ports::All, protocol: None });
            }
            Answer::No => {
                self.questions.refuse(rule);
                return waiting.held.into_iter().for_each(|held| self.refuse(held, "the answer was no"));
            }
            Answer::Stop => {
                waiting.held.into_iter().for_each(|held| self.refuse(held, "the answer was no"));
                return self.close("nothing is asked any more");
            }
        }
        let addresses: Vec<_> = waiting.held.iter().filter_map(|held| held.event.address).collect();
        match self.enforced.allow(&rules, &addresses) {
            Ok(()) => waiting.held.iter().for_each(|held| self.send_again(held)),
            Err(error) => {
                let reason = format!("the answer was yes, and it could not be let through: {error}");
                waiting.held.into_iter().for_each(|held| self.refuse(held, &reason));
            }
        }
        self.judge_again();
    }

    /// Asks nothing any more.
    fn close(&mut self, reason: &str) {
        self.questions.is_closed = true;
        self.questions.take().into_iter().for_each(|held| self.refuse(held, reason));
    }

    fn send_again(&mut self, held: &Held) {
        if let Some(packet) = Packet::read(&held.packet) {
            self.questions.sent(held.flow, Instant::now());
            self.asked.send_again(&packet);
        }
    }

    fn refuse(&self, held: Held, reason: &str) {
        let event = Event { time: SystemTime::now(), reason: reason.to_owned(), ..held.event };
        self.enforced.reports.tell(event);
        if let Some(packet) = Packet::read(&held.packet) {
            self.asked.refuse(&packet);
        }
    }
}
