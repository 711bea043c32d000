//! What is told of the sandbox: the log, and the summary at the end.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use netwright_sandbox::{
    Action, Attempt, Decision, Destination, Event, Log, Policy, Protocol, Rule, json_line,
};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::output::{self, BAD, Cell, DIM, NAME, PLAIN, Table};

/// More rows than this are not shown at the end.
const ROWS: usize = 20;

/// What is to be told.
pub(super) struct Telling {
    log: Option<BufWriter<File>>,
    policy: Arc<Mutex<Policy>>,
    quiet: bool,
    verbose: bool,
}

/// The thread that tells.
pub(super) struct Told {
    thread: JoinHandle<Log>,
    policy: Arc<Mutex<Policy>>,
    quiet: bool,
    has_log: bool,
}

impl Telling {
    pub(super) fn new(
        log: Option<&Path>,
        policy: Arc<Mutex<Policy>>,
        global: &Global,
    ) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let file = File::create(path);
            file.map(BufWriter::new)
                .map_err(|error| Failure::said(format!("cannot write the log {}: {error}", path.display())))
        };
        let log = log.map(open).transpose()?;
        Ok(Telling { log, policy, quiet: global.quiet, verbose: global.verbose })
    }

    /// Tells of events until there can be no more.
    pub(super) fn start(self, events: Receiver<Event>) -> Told {
        let (policy, quiet, has_log) = (Arc::clone(&self.policy), self.quiet, self.log.is_some());
        Told { thread: std::thread::spawn(move || self.tell(&events)), policy, quiet, has_log }
    }

    fn tell(mut self, events: &Receiver<Event>) -> Log {
        let mut log = Log::default();
        for event in events {
            let wanted = event.action == Action::Blocked || self.verbose;
            if !log.add(&event) || !wanted {
                continue;
            }
            let allow = allow(&event, &self.policy);
            if let Some(file) = &mut self.log {
                // line by line, for those who read along
                let written =
                    writeln!(file, "{}", json_line(&event, allow.as_ref())).and_then(|()| file.flush());
                if let Err(error) = written {
                    Failure::said(format!("cannot write the log: {error}")).report();
                    self.log = None;
                }
            }
            if self.verbose {
                tell_at_once(&event, allow.as_ref());
            }
        }
        log
    }
}

impl Told {
    /// Another policy is in force now.
    pub(super) fn policy_changed(&self, policy: Policy) {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
        if !self.quiet {
            output::message("the policy has changed and is in force");
        }
    }

    /// Waits for the last events and sums up. Those who send events must be gone.
    pub(super) fn finish(self) {
        let Ok(log) = self.thread.join() else { return };
        let blocked: Vec<&Attempt> = log.attempts(Action::Blocked).collect();
        if self.quiet || blocked.is_empty() {
            return;
        }
        let count = output::count(blocked.len(), "attempt");
        output::message(&format!("{BAD}blocked{BAD:#} {count} to reach something:"));
        let mut table = Table::new([">TIMES", "COMMAND", "TARGET", "PROTOCOL", "WHY", "ALLOWED BY"]);
        for Attempt { event, count } in blocked.iter().take(ROWS).copied() {
            let command = event.process.as_ref().map(|process| process.command.clone()).unwrap_or_default();
            let flag = allow(event, &self.policy).map(|rule| format!("--allow '{rule}'")).unwrap_or_default();
            table.row([
                Cell::new(count.to_string(), PLAIN),
                Cell::new(command, PLAIN),
                Cell::new(event.target(), NAME),
                Cell::new(event.protocol.map(|protocol| protocol.to_string()).unwrap_or_default(), PLAIN),
                Cell::new(&event.reason, DIM),
                Cell::new(flag, PLAIN),
            ]);
        }
        let mut out = anstream::stderr().lock();
        let _ = table.write(&mut out); // if nobody listens, there is nobody to tell either
        drop(out);
        let more =
            u64::try_from(blocked.len().saturating_sub(ROWS)).unwrap_or(u64::MAX).saturating_add(log.more());
        if more > 0 {
            let hint = if self.has_log { "" } else { "; `--log FILE` writes all" };
            output::message(&format!("and {more} more{hint}"));
        }
    }
}

fn tell_at_once(event: &Event, allow: Option<&Rule>) {
    let Event { action, process, protocol, reason, .. } = event;
    let command = process.as_ref().map(|process| format!("{} ({}): ", process.command, process.id));
    let command = command.unwrap_or_default();
    let protocol = protocol.map(|protocol| format!("/{protocol}")).unwrap_or_default();
    let flag = allow.map(|rule| format!(" (--allow '{rule}')")).unwrap_or_default();
    let line = format!("{action} {command}{}{protocol}: {reason}{flag}", event.target());
    output::message(&output::plain(&line));
}

/// The rule that would let it through, if one could: what is denied stays denied.
fn allow(event: &Event, policy: &Mutex<Policy>) -> Option<Rule> {
    if event.action != Action::Blocked {
        return None;
    }
    let destination = Destination {
        name: event.name.clone(),
        address: event.address,
        port: event.port.unwrap_or_default(),
        protocol: event.protocol.unwrap_or(Protocol::Tcp),
    };
    let decision = policy.lock().unwrap_or_else(PoisonError::into_inner).decide(&destination);
    event.suggestion().filter(|_| !matches!(decision, Decision::Denied(_)))
}
