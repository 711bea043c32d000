//! The process that takes an apply back which nobody confirms.
//!
//! It has read the way back before anything is changed, is in a session of its own, needs neither terminal nor network nor
//! parent, and signals do not end it. There are two of them, so that one can be killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use netwright_confine::Signals;
use netwright_state::{Journal, Phase};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, setsid};

use super::{Session, recover};
use crate::arguments::{self, Global};
use crate::failure::{Done, Failure};

/// How often it is looked whether all is confirmed.
const LOOK: Duration = Duration::from_millis(200);

/// Starts the watchdogs of an apply; they have read all that they need when this returns.
pub(crate) fn arm(session: &Session, journal: &Journal, place: &arguments::Where) -> Result<(), Failure> {
    for later in [0, 1] {
        start(session, journal, place, later)
            .map_err(|error| Failure::said(format!("cannot start the watchdog: {error}")))?;
    }
    Ok(())
}

fn start(
    session: &Session,
    journal: &Journal,
    place: &arguments::Where,
    later: u64,
) -> std::io::Result<Child> {
    // the program may have been replaced meanwhile, but not what runs
    let mut command = Command::new("/proc/self/exe");
    command.arg0("netwright");
    command.arg("watchdog").arg(journal.id.to_string()).arg(std::process::id().to_string());
    command.arg(later.to_string());
    if let Some(netns) = &place.netns {
        command.arg("--netns").arg(netns);
    }
    if let Some(folder) = session.store.folder().parent() {
        command.env("NETWRIGHT_STATE_DIRECTORY", folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    match line.trim() {
        "ready" => Ok(child),
        said => {
            let _ = child.kill();
            Err(std::io::Error::other(if said.is_empty() { "it ended".to_owned() } else { said.to_owned() }))
        }
    }
}

/// `netwright watchdog`, which only `apply --confirm` starts.
pub(crate) fn run(arguments: &arguments::Watchdog, global: &Global) -> Done {
    let _signals = Signals::receive(&[Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::TSTP])
        .map_err(|error| Failure::said(format!("cannot take signals: {error}")))?;
    // where it leads a session already, that is its own
    let _ = setsid();
    let _ = std::env::set_current_dir("/");
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    leave_the_unit();
    let session = Session::open(arguments.place.open()?)?;
    let journal = session.store.journal(arguments.id)?;
    let parent = Pid::from_raw(i32::try_from(arguments.process).unwrap_or(0))
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "ready")?;
        out.flush()?;
    }
    let mut watch = Watch { session, journal, parent, quiet: quieted(global), later: arguments.later };
    watch.wait()?;
    Ok(ExitCode::SUCCESS)
}

/// A unit of systemd that ends takes all processes of its control group along. Root may leave it.
fn leave_the_unit() {
    if rustix::process::geteuid().is_root() {
        let _ = fs::write("/sys/fs/cgroup/cgroup.procs", std::process::id().to_string());
    }
}

fn quieted(global: &Global) -> Global {
    Global { color: global.color, quiet: true, verbose: false }
}

struct Watch {
    session: Session,
    /// The way back, as it was read at the start.
    journal: Journal,
    parent: Option<OwnedFd>,
    quiet: Global,
    later: u64,
}

impl Watch {
    /// Waits for the end of the apply, then for the confirmation, and takes all back where one of them fails.
    fn wait(&mut self) -> Result<(), Failure> {
        let mut waiting_since = None;
        loop {
            let gone = self.parent_is_gone();
            let phase = match self.session.store.journal(self.journal.id) {
                Ok(journal) => {
                    let phase = journal.phase;
                    self.journal = journal;
                    phase
                }
                // whoever removed the file did not remove what was read before
                Err(_) => self.journal.phase,
            };
            match phase {
                Phase::Done | Phase::TakenBack => return Ok(()),
                Phase::Running if gone => {
                    sleep(Duration::from_secs(self.later));
                    return self.act(Phase::Running);
                }
                Phase::Running => {}
                Phase::Waiting => {
                    let since = *waiting_since.get_or_insert_with(Instant::now);
                    let time =
                        Duration::from_secs(self.journal.confirm.unwrap_or(0).saturating_add(self.later));
                    if since.elapsed() >= time {
                        return self.act(Phase::Waiting);
                    }
                }
            }
            sleep(LOOK);
        }
    }

    fn parent_is_gone(&self) -> bool {
        let Some(parent) = &self.parent else { return true };
        let mut fds = [PollFd::new(parent, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// Takes the apply back, unless that or something else has happened by the time that it is this one's turn.
    fn act(&self, phase: Phase) -> Result<(), Failure> {
        let _lock = self.session.lock(true, &self.quiet)?;
        let now = self.session.store.journal(self.journal.id).ok();
        if now.is_some_and(|now| now.phase != phase) {
            return Ok(());
        }
        recover::take_back(&self.session, self.journal.clone(), &self.quiet)
    }
}
