//! Somebody is asked about what no rule decides, while what wants to go there waits.
//!
//! One thread hears of first packets and keeps them, another asks one question after the other: an answer may take minutes. After a
//! yes the policy has one rule more and the packets are sent again, for the filter to judge; after a no they are refused as others are.

mod questions;
mod thread;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use netwright_sys::{Error, Result};

use self::thread::Service;
use super::enforced::Enforced;
use crate::relay::{Asked, Waker};
use crate::{Event, Rule};

/// What somebody is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is tried, told as if it were refused.
    pub event: Event,
    /// The rule that a yes adds to the policy. It has the name only where that may lead to the address.
    pub rule: Rule,
}

/// What somebody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may go there, and may as long as the sandbox lives.
    Yes,
    /// It may, and so may TCP and UDP to all ports of the target, but for those of name servers.
    AllPorts,
    /// It may not. The same is not asked again.
    No,
    /// It may not, and neither may anything else that no rule allows: nothing is asked any more.
    Stop,
}

/// Answers questions, on a thread of its own, one after the other.
///
/// ```
/// use netwright_sandbox::{Answer, Asker, Policy, Sandbox};
///
/// let ports_of_the_web = |port| matches!(port, Some(80 | 443));
/// let asker = Asker::new(move |question| match ports_of_the_web(question.event.port) {
///     true => Answer::Yes,
///     false => Answer::No,
/// });
/// let sandbox = Sandbox { ask: Some(asker), ..Sandbox::new(Policy::default()) };
/// # let _ = sandbox;
/// ```
#[derive(Clone)]
pub struct Asker(Arc<Mutex<Ask>>);

type Ask = dyn FnMut(&Question) -> Answer + Send;

impl Asker {
    /// This closure answers. It may take its time: flows wait for as long as their programs do. When the sandbox ends while it has not answered,
    /// its answer is of no use.
    pub fn new(ask: impl FnMut(&Question) -> Answer + Send + 'static) -> Self {
        Asker(Arc::new(Mutex::new(ask)))
    }

    fn ask(&self, question: &Question) -> Answer {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))(question)
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asker")
    }
}

/// The same closure is equal to itself alone.
impl PartialEq for Asker {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Asker {}

/// The threads that ask. Dropped, they stop; what waits goes on waiting for nothing.
#[derive(Debug)]
pub(super) struct Asking {
    told: Arc<Told>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
#[derive(Debug)]
struct Told {
    stop: AtomicBool,
    policy_changed: AtomicBool,
    waker: Waker,
}

const ASKED: &str = "start to ask about what no rule decides";

impl Asking {
    pub(super) fn start(asker: Asker, asked: Asked, enforced: Arc<Enforced>) -> Result<Self> {
        let waker = Waker::new().map_err(|errno| Error::new(ASKED, errno))?;
        let told = Told { stop: AtomicBool::new(false), policy_changed: AtomicBool::new(false), waker };
        let told = Arc::new(told);
        let (questions, for_asker) = channel();
        let (from_asker, answers) = channel();
        let waker = told.waker.clone();
        spawn("netwright-asker", move || ask_all(&asker, &for_asker, &from_asker, &waker))?;
        let service = Service::new(asked, enforced, questions, answers);
        let heard = Arc::clone(&told);
        let thread = spawn("netwright-asked", move || service.run(&heard))?;
        Ok(Asking { told, thread: Some(thread) })
    }

    /// What waits is looked at again.
    pub(super) fn policy_changed(&self) {
        self.told.policy_changed.store(true, Ordering::Relaxed);
        self.told.waker.wake();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.told.stop.store(true, Ordering::Relaxed);
        self.told.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| Error::new(ASKED, error))
}

/// Until nobody has questions any more. Nobody waits for this thread, which may be in the midst of one.
fn ask_all(asker: &Asker, questions: &Receiver<Question>, answers: &Sender<Answer>, waker: &Waker) {
    for question in questions {
        if answers.send(asker.ask(&question)).is_err() {
            return;
        }
        waker.wake();
    }
}
