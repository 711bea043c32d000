//! What is done while the command runs: signals are passed on, and the policy is read again when its file changes.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::ExitStatus;

use netwright::sys::{Came, Signals};
use netwright_sandbox::Running;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};

use super::policy::Source;
use super::telling::Told;
use crate::failure::Failure;
use crate::output;

/// What is received. The keys of the terminal reach the command by themselves; all others are passed on.
pub(super) const SIGNALS: [Signal; 8] = [
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::HUP,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::CHILD,
];

/// Looks after a running command.
pub(super) struct Supervisor<'a> {
    pub(super) running: Running,
    pub(super) signals: Signals,
    pub(super) source: &'a Source<'a>,
    pub(super) telling: &'a Told,
    pub(super) watch: Option<OwnedFd>,
}

impl Supervisor<'_> {
    /// Until the command's end.
    pub(super) fn supervise(mut self) -> Result<ExitStatus, Failure> {
        let watch = self.watch.take();
        loop {
            if let Some(status) = self.child_changed()? {
                return Ok(status);
            }
            let nothing = self.signals.as_fd();
            let watched = watch.as_ref().map_or(nothing, AsFd::as_fd);
            let mut ready = [
                PollFd::from_borrowed_fd(nothing, PollFlags::IN),
                PollFd::from_borrowed_fd(watched, PollFlags::IN),
            ];
            match poll(&mut ready, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(Failure::said(format!("cannot wait for the command: {errno}"))),
            }
            let changed = watch.is_some() && !ready[1].revents().is_empty();
            self.pass_on()?;
            if changed && watch.as_ref().is_some_and(|watch| self.is_about_file(watch)) {
                self.reload();
            }
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.running.id()).ok().and_then(Pid::from_raw)
    }

    /// Passes signals on.
    fn pass_on(&self) -> Result<(), Failure> {
        while let Some(Came { signal, by_process }) =
            self.signals.next().map_err(|error| Failure::said(format!("cannot read signals: {error}")))?
        {
            let signal =
                Signal::from_named_raw(signal).filter(|&signal| by_process && signal != Signal::CHILD);
            if let Some(signal) = signal {
                let _ = self.running.signal(signal); // it may have ended
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
            let _ = kill_process(getpid(), Signal::STOP);
            let _ = self.running.signal(Signal::CONT);
            return Ok(None);
        }
        let ended = self.running.wait();
        ended.map(Some).map_err(|error| Failure::said(format!("cannot wait for the command: {error}")))
    }

    /// Whether what happened in the directory of the policy's file was about the file.
    fn is_about_file(&self, watch: &OwnedFd) -> bool {
        let name = self.source.file().and_then(Path::file_name);
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(watch, &mut buffer);
        let mut found = false;
        while let Ok(event) = reader.next() {
            let about = event.file_name().map(|name| OsStr::new(name.to_str().unwrap_or_default()));
            found |= about == name;
        }
        found
    }

    fn reload(&self) {
        let policy = match self.source.read() {
            Ok(policy) => policy,
            Err(failure) => {
                failure.report();
                return output::message("the policy that was read before stays in force");
            }
        };
        match self.running.reload(&policy) {
            Ok(()) => self.telling.policy_changed(policy),
            Err(error) => {
                Failure::from(error).report();
                output::message("the policy that was read before stays in force");
            }
        }
    }
}

/// Watches the directory of a file: editors put another file in its place.
pub(super) fn watch(file: &Path) -> Option<OwnedFd> {
    let directory =
        file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
    inotify::add_watch(&watch, directory, WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO).ok()?;
    Some(watch)
}
