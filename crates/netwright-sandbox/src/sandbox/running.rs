//! A command that runs in a sandbox.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::Receiver;

use netwright_sys::{Error, Result};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::inside::Inside;
use super::limits::{Group, Reached};
use super::session::Session;
use crate::{Event, Mode, Policy};

/// A command that runs in a sandbox.
///
/// Dropped, it leaves the command running without a way out: what the filter let through is not carried any more.
#[derive(Debug)]
pub struct Running {
    child: Child,
    inside: Inside,
    group: Option<Group>,
    session: Session,
}

impl Running {
    pub(super) fn new(child: Child, inside: Inside, group: Option<Group>, session: Session) -> Self {
        Running { child, inside, group, session }
    }

    /// Which limits it has reached so far, as far as a control group tells.
    #[must_use]
    pub fn reached(&self) -> Reached {
        self.group.as_ref().map(Group::reached).unwrap_or_default()
    }

    /// Whether a control group limits it as a whole. Else each of its processes has the limit of memory.
    #[must_use]
    pub fn is_limited_as_a_whole(&self) -> bool {
        self.group.is_some()
    }

    /// The command's process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The command's process with the ends of its pipes, where they were asked for.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// A descriptor of the process, which is readable once it has ended.
    pub fn descriptor(&self) -> Result<OwnedFd> {
        pidfd_open(self.pid(), PidfdFlags::empty())
            .map_err(|errno| Error::new("open a descriptor of the command", errno))
    }

    /// Waits for the command's end.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.session.restore();
        Ok(status)
    }

    /// Sends the command a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid(), signal)
            .map_err(|errno| Error::new(format!("send signal {} to the command", signal.as_raw()), errno))
    }

    /// Ends the command by force.
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)
    }

    /// How packets get out.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inside.mode()
    }

    /// Why packets are not routed, where [`Mode::Automatic`] was asked for and the privileges would suffice.
    #[must_use]
    pub fn not_routed(&self) -> Option<&Error> {
        self.inside.not_routed()
    }

    /// What happens at the sandbox's edge. Nothing waits for the reader; what is not read takes memory.
    #[must_use]
    pub fn events(&self) -> &Receiver<Event> {
        self.inside.events()
    }

    /// The same to be read elsewhere, on another thread for example. [`Running::events`] has nothing more to tell then.
    pub fn take_events(&mut self) -> Receiver<Event> {
        self.inside.take_events()
    }

    /// Puts another policy in force, for new connections. Sockets of the file system stay as they are.
    ///
    /// # Errors
    /// The kernel does not take it; then the old one is still in force.
    pub fn reload(&self, policy: &Policy) -> Result<()> {
        self.inside.reload(policy)
    }

    /// Keeps the command from changing a file from now on, as [`Sandbox::protected`](crate::Sandbox::protected) does from the start.
    pub fn protect(&self, path: &Path) -> Result<()> {
        self.inside.protect(path)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}
