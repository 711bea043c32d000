//! What is done while the command runs: signals are passed on, and the policy is read again when its file changes.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use netwright_confine::{Came, Signals, stop};
use netwright_sandbox::{Policy, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use super::policy::Source;
use super::telling::Told;
use super::watch::Watch;
use crate::failure::{Failure, reason};
use crate::output;

/// What is received. The keys of the terminal reach the command by themselves; all others are passed on.
///
/// What the kernel sends to whoever stops at a terminal goes to all of a group of processes. The command can make it do so while it goes on itself, so this
/// process stops only when the command has, and reads and writes the terminal from the background, too.
pub(super) const SIGNALS: [Signal; 11] = [
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::HUP,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::CHILD,
    Signal::TSTP,
    Signal::TTIN,
    Signal::TTOU,
];

/// By these, a terminal stops who is at it.
const STOPS: [Signal; 3] = [Signal::TSTP, Signal::TTIN, Signal::TTOU];

/// Takes these signals from now on, instead of what they would do.
pub(super) fn receive(signals: &[Signal]) -> Result<Signals, Failure> {
    Signals::receive(signals)
        .map_err(|error| Failure::said(format!("cannot receive signals: {}", reason(&error))))
}

/// Looks after a running command.
pub(super) struct Supervisor<'a> {
    pub(super) running: Running,
    pub(super) signals: Signals,
    pub(super) source: &'a Source<'a>,
    pub(super) telling: &'a Told,
    pub(super) watch: Option<Watch<'a>>,
    pub(super) deadline: Option<Deadline>,
    /// By which signal a terminal stopped the command, or tried to.
    pub(super) stopped_by: Option<Signal>,
}

/// When the command's time is over, and what is done then.
pub(super) struct Deadline {
    next: Instant,
    /// How it is ended next: it is asked to, then it is made to.
    by: Signal,
    /// Whether it was over.
    pub(super) is_over: bool,
}

/// So long a command may take to end that is asked to.
const GRACE: Duration = Duration::from_secs(5);

impl Deadline {
    pub(super) fn after(time: Duration) -> Option<Self> {
        Instant::now().checked_add(time).map(|next| Deadline { next, by: Signal::TERM, is_over: false })
    }
}

impl Supervisor<'_> {
    /// Until the command's end; what came of it, and whether its time was over.
    pub(super) fn supervise(mut self) -> Result<(ExitStatus, bool), Failure> {
        loop {
            if let Some(status) = self.child_changed()? {
                let reached = self.running.reached();
                if reached.memory {
                    output::message("the command was killed: it had filled the memory that --memory allows");
                }
                if reached.processes {
                    output::message("the command could start no more processes than --processes allows");
                }
                return Ok((status, self.deadline.is_some_and(|deadline| deadline.is_over)));
            }
            self.look_at_time();
            let changed = wait(
                &self.signals,
                self.watch.as_ref(),
                self.deadline.as_ref().map(|deadline| deadline.next),
            )?;
            self.pass_on()?;
            if let (true, Some(watch)) = (changed, &self.watch) {
                let file = watch.opened(|path| self.running.protect(path).is_ok());
                reload(self.source, file, self.telling, |policy| self.running.reload(policy));
            }
        }
    }

    /// Ends the command where its time is over.
    fn look_at_time(&mut self) {
        let Some(deadline) = self.deadline.as_mut().filter(|deadline| deadline.next <= Instant::now()) else {
            return;
        };
        if !std::mem::replace(&mut deadline.is_over, true) {
            output::message("the command's time is over (--time)");
        }
        let _ = self.running.signal(deadline.by); // it may have ended
        let _ = self.running.signal(Signal::CONT); // who is stopped hears nothing
        (deadline.by, deadline.next) = (Signal::KILL, Instant::now() + GRACE);
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.running.id()).ok().and_then(Pid::from_raw)
    }

    /// Passes signals on.
    fn pass_on(&mut self) -> Result<(), Failure> {
        while let Some(Came { signal, by_process }) = self
            .signals
            .next()
            .map_err(|error| Failure::said(format!("cannot read signals: {}", reason(&error))))?
        {
            match Signal::from_named_raw(signal) {
                Some(signal) if by_process && signal != Signal::CHILD => {
                    let _ = self.running.signal(signal); // it may have ended
                }
                Some(signal) if STOPS.contains(&signal) => self.stopped_by = Some(signal),
                _ => {}
            }
        }
        Ok(())
    }

    /// The command's end, if it has come. Where the command has stopped, so does this process, as its parent waits for this one.
    fn child_changed(&mut self) -> Result<Option<ExitStatus>, Failure> {
        let Some(pid) = self.pid() else { return Ok(None) };
        let options =
            WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let changed = waitid(WaitId::Pid(pid), options);
        let Ok(Some(status)) = changed else { return Ok(None) };
        if status.stopped() {
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
            self.pass_on()?; // what has stopped it came here before that
            let by = self.stopped_by.take().unwrap_or(Signal::STOP);
            // Its time goes by all the same: it may have stopped so that it is not ended.
            let _ = stop(by, self.deadline.as_ref().map(|deadline| deadline.next));
            let _ = self.running.signal(Signal::CONT);
            return Ok(None);
        }
        let ended = self.running.wait();
        ended
            .map(Some)
            .map_err(|error| Failure::said(format!("cannot wait for the command: {}", reason(&error))))
    }
}

/// Waits for a signal, for a change of the file that is watched, or until a time: whether it was the second.
pub(super) fn wait(
    signals: &Signals,
    watch: Option<&Watch<'_>>,
    until: Option<Instant>,
) -> Result<bool, Failure> {
    let again = watch.and_then(Watch::again);
    let until = until.into_iter().chain(again).min();
    let timeout =
        until.map(|until| until.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let signals = signals.as_fd();
    let watched = watch.map_or(signals, AsFd::as_fd);
    let mut ready =
        [PollFd::from_borrowed_fd(signals, PollFlags::IN), PollFd::from_borrowed_fd(watched, PollFlags::IN)];
    match poll(&mut ready, timeout.as_ref()) {
        Ok(_) => {
            let is_about_file =
                watch.is_some_and(|watch| !ready[1].revents().is_empty() && watch.is_about_file());
            Ok(is_about_file || again.is_some())
        }
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(errno) => Err(Failure::said(format!("cannot wait: {}", reason(&errno.into())))),
    }
}

/// Reads the policy again and puts it in force, or says why the old one stays.
pub(super) fn reload(
    source: &Source<'_>,
    file: Result<Option<File>, Failure>,
    telling: &Told,
    replace: impl FnOnce(&Policy) -> netwright::Result<()>,
) {
    let replaced = file.and_then(|file| {
        let Some(file) = file else { return Ok(()) };
        let policy = source.read_again(file)?;
        replace(&policy)?;
        telling.policy_changed(policy);
        Ok(())
    });
    if let Err(failure) = replaced {
        failure.report();
        output::message("the policy that was read before stays in force");
    }
}
