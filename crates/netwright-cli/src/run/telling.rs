//! What is told of the sandbox: the log, and the summary at the end.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use netwright_sandbox::{
    Action, Attempt, Decision, Destination, Event, FileUse, Learner, Log, Policy, Protocol, Rule,
    is_there_locally, json_line,
};
use rustix::fs::{AtFlags, Mode, OFlags, open, openat, unlinkat};

use crate::arguments::{Global, Run};
use crate::failure::{Failure, reason};
use crate::files::unwritable;
use crate::output::{self, BAD, Cell, DIM, NAME, PLAIN, Table};

/// More rows than this are not shown at the end.
const ROWS: usize = 20;
/// What the file of learned rules is called in errors.
const POLICY: &str = "the policy";

/// What is to be told.
pub(super) struct Telling {
    log: Option<BufWriter<File>>,
    learn: Option<Learn>,
    policy: Advised,
    quiet: bool,
    verbose: bool,
}

/// The policy, and whether a rule could let more through than it does.
#[derive(Clone)]
struct Advised {
    policy: Arc<Mutex<Policy>>,
    /// Not where there is no network at all.
    by_rules: bool,
}

/// The policy that is learned.
#[derive(Clone)]
struct Learn {
    /// The file that it is written to.
    file: Arc<NewFile>,
    /// Somebody is asked about what no rule allows; else everything is let through.
    asks: bool,
}

/// The thread that tells.
pub(super) struct Told {
    thread: JoinHandle<(Log, Learner)>,
    learn: Option<Learn>,
    policy: Advised,
    quiet: bool,
    has_log: bool,
}

impl Telling {
    pub(super) fn new(arguments: &Run, policy: Arc<Mutex<Policy>>, global: &Global) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let file = log_file(path);
            file.map(BufWriter::new).map_err(|error| unwritable("the log", path, &error))
        };
        let log = arguments.log.as_deref().map(open).transpose()?;
        let learned = arguments.learn.as_deref().map(NewFile::prepare).transpose()?;
        Ok(Telling {
            log,
            learn: learned.map(|file| Learn { file: Arc::new(file), asks: arguments.ask }),
            policy: Advised { policy, by_rules: !arguments.no_network },
            quiet: global.quiet,
            verbose: global.verbose,
        })
    }

    /// Tells of events until there can be no more.
    pub(super) fn start(self, events: Receiver<Event>) -> Told {
        let (policy, quiet, has_log) = (self.policy.clone(), self.quiet, self.log.is_some());
        let learn = self.learn.clone();
        Told { thread: std::thread::spawn(move || self.tell(&events)), learn, policy, quiet, has_log }
    }

    fn tell(mut self, events: &Receiver<Event>) -> (Log, Learner) {
        let (mut log, mut learner) = (Log::default(), Learner::default());
        let mut said = None;
        for event in events {
            if self.learn.is_some() {
                learner.note(&event);
            }
            let wanted = event.action == Action::Blocked || self.verbose || event.target().is_empty();
            let is_new = log.add(&event);
            // What is about the sandbox as a whole may come and go.
            let is_of_all = event.target().is_empty() && event.process.is_none();
            let is_other = is_of_all && said.replace(event.reason.clone()).as_ref() != Some(&event.reason);
            if !(is_new || is_other) || !wanted {
                continue;
            }
            let allow = self.policy.allow(&event);
            if let Some(file) = &mut self.log {
                // line by line, for those who read along
                let written =
                    writeln!(file, "{}", json_line(&event, allow.as_ref())).and_then(|()| file.flush());
                if let Err(error) = written {
                    Failure::said(format!("cannot write the log: {}", reason(&error))).report();
                    self.log = None;
                }
            }
            if event.target().is_empty() && !self.quiet {
                tell_at_once(&event, None);
            } else if self.verbose {
                tell_at_once(&event, self.policy.flag(&event));
            }
        }
        (log, learner)
    }
}

impl Told {
    /// Another policy is in force now.
    pub(super) fn policy_changed(&self, policy: Policy) {
        let before = std::mem::replace(&mut *self.policy.lock(), policy.clone());
        if self.quiet {
            return;
        }
        output::message("the policy has changed and is in force");
        if (before.files, before.sockets) != (policy.files, policy.sockets) {
            output::message(
                "note: which files and sockets may be used stays as it was when the command started",
            );
        }
    }

    /// Waits for the last events and sums up. Those who send events must be gone.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Ok((log, learner)) = self.thread.join() else { return Ok(()) };
        if let Some(Learn { file, asks }) = &self.learn {
            // Where everything is let through, rules say nothing; where somebody is asked, they are what was allowed before.
            let known = match asks {
                true => self.policy.lock().clone(),
                false => Policy { files: self.policy.lock().files.clone(), ..Policy::default() },
            };
            file.write(&learner.to_toml_beside(&known))?;
            if !self.quiet {
                let rules = output::count(learner.policy_beside(&known).allow.len(), "rule");
                let path = file.path.display().to_string();
                output::message(&format!("wrote {rules} to {}", output::plain(&path)));
            }
        }
        if !self.quiet {
            sum_up(&log, &self.policy, self.has_log);
        }
        Ok(())
    }
}

/// An empty file whose lines stay whole where others write to it, too.
fn log_file(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// A file that is to be made at the end, in the directory that its path leads to now: the command may lead the path elsewhere until then.
struct NewFile {
    directory: OwnedFd,
    path: PathBuf,
}

impl NewFile {
    /// Finds out before anything begins whether it can be made.
    fn prepare(path: &Path) -> Result<Self, Failure> {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(above, flags, Mode::empty())
            .map_err(|errno| unwritable(POLICY, path, &io::Error::from(errno)))?;
        let new = NewFile { directory, path: path.to_owned() };
        match new.create() {
            Ok(_) => {
                let _ = unlinkat(&new.directory, new.name(), AtFlags::empty());
                Ok(new)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let said = Failure::said(format!("{} exists already", path.display()));
                Err(said.with_help(Some("Name a file that is not there yet, or take this one away.")))
            }
            Err(error) => Err(unwritable(POLICY, path, &error)),
        }
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    fn create(&self) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(openat(&self.directory, self.name(), flags, Mode::from_raw_mode(0o666))?.into())
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        let written = self.create().and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| unwritable(POLICY, &self.path, &error))
    }
}

/// What was blocked, as a table.
fn sum_up(log: &Log, policy: &Advised, has_log: bool) {
    without_answer(log);
    let blocked: Vec<&Attempt> = log.attempts(Action::Blocked).collect();
    if blocked.is_empty() {
        return;
    }
    let count = output::count(blocked.len(), "attempt");
    let what = match blocked.iter().any(|attempt| attempt.event.file_use.is_some()) {
        true => "reach or use something",
        false => "reach something",
    };
    output::message(&format!("{BAD}blocked{BAD:#} {count} to {what}:"));
    let mut table = Table::new([">TIMES", "COMMAND", "TARGET", "PROTOCOL", "WHY", "ALLOWED BY"]);
    for Attempt { event, count } in blocked.iter().take(ROWS).copied() {
        let command = event.process.as_ref().map(|process| process.command.clone()).unwrap_or_default();
        let flag = policy.flag(event).unwrap_or_default();
        table.row([
            Cell::new(count.to_string(), PLAIN),
            Cell::new(command, PLAIN),
            Cell::new(event.target(), NAME),
            Cell::new(way(event), PLAIN),
            Cell::new(&event.reason, DIM),
            Cell::new(flag, PLAIN),
        ]);
    }
    output::messages(|mut out| table.write(&mut out));
    let more =
        u64::try_from(blocked.len().saturating_sub(ROWS)).unwrap_or(u64::MAX).saturating_add(log.more());
    if more > 0 {
        let hint = if has_log { "" } else { "; `--log FILE` writes all" };
        output::message(&format!("and {more} more{hint}"));
    }
}

/// Allowed names that no name server said anything about: the command was told of a failure only, and the host's name servers are the reason.
fn without_answer(log: &Log) {
    let mut names = Vec::new();
    let mut reason = None;
    for Attempt { event, .. } in log.attempts(Action::Failed) {
        if let (Some(name), None) = (&event.name, event.address) {
            names.push(name.as_str());
            reason.get_or_insert(&event.reason);
        }
    }
    if let (Some(reason), Some(first)) = (reason, names.first()) {
        let more = match names.len() - 1 {
            0 => String::new(),
            more => format!(" and {}", output::count(more, "other name")),
        };
        output::message(&output::plain(&format!("could not resolve {first}{more}: {reason}")));
    }
}

/// By which protocol something was to be reached, or what was to be done with a file.
fn way(event: &Event) -> String {
    let protocol = event.protocol.map(|protocol| protocol.to_string());
    protocol.or_else(|| event.file_use.map(|file_use| file_use.to_string())).unwrap_or_default()
}

fn tell_at_once(event: &Event, flag: Option<String>) {
    let Event { action, process, protocol, reason, .. } = event;
    let command = process.as_ref().map(|process| format!("{} ({}): ", process.command, process.id));
    let command = command.unwrap_or_default();
    let protocol = protocol.map(|protocol| format!("/{protocol}")).unwrap_or_default();
    let flag = flag.map(|flag| format!(" ({flag})")).unwrap_or_default();
    let line = match event.target() {
        target if target.is_empty() => format!("{command}{reason}"),
        target => format!("{action} {command}{target}{protocol}: {reason}{flag}"),
    };
    output::message(&output::one_line(&line));
}

/// A path as a shell takes it; nothing where it cannot be shown: the command chose it, and somebody may copy the line.
fn quoted(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.contains(char::is_control))?;
    Some(format!("'{}'", text.replace('\'', r"'\''")))
}

impl Advised {
    fn lock(&self) -> MutexGuard<'_, Policy> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The flag that would let it through.
    fn flag(&self, event: &Event) -> Option<String> {
        match &event.path {
            Some(path) => {
                let flag = match event.file_use {
                    None => "socket",
                    Some(FileUse::Read) => "read",
                    Some(FileUse::Write) => "write",
                };
                // What is to be made has a place that is there. The command chose the path: nobody else is told it.
                let is_new = event.file_use == Some(FileUse::Write) && is_there_locally(path) == Some(false);
                let path = path.parent().filter(|_| is_new).unwrap_or(path);
                Some(format!("--{flag} {}", quoted(path)?))
            }
            None => self.allow(event).map(|rule| format!("--allow '{rule}'")),
        }
    }

    /// The rule that would let it through, if one could: what is denied stays denied, and what a rule allows already was blocked by something
    /// else.
    fn allow(&self, event: &Event) -> Option<Rule> {
        if event.action != Action::Blocked || !self.by_rules {
            return None;
        }
        let destination = Destination {
            name: event.name.clone(),
            address: event.address,
            port: event.port.unwrap_or_default(),
            protocol: event.protocol.unwrap_or(Protocol::Tcp),
        };
        let policy = self.lock();
        if matches!(policy.decide(&destination), Decision::Denied(_) | Decision::Allowed(_)) {
            return None;
        }
        // A name opens no address that it should not lead to: a rule for the address does.
        let opens = |name: &String| event.address.is_none_or(|address| policy.admits(name, address));
        Event { name: event.name.clone().filter(opens), ..event.clone() }.suggestion()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_advised_is_one_word_of_a_shell() {
        let quoted = |text: &str| quoted(Path::new(text));
        assert_eq!(quoted("/home/a b/$(id)").as_deref(), Some("'/home/a b/$(id)'"));
        assert_eq!(quoted("/tmp/a'; id").as_deref(), Some(r"'/tmp/a'\''; id'"));
        assert_eq!((quoted("/tmp/a\nb"), quoted("/tmp/\u{1b}[2J")), (None, None));
    }
}
