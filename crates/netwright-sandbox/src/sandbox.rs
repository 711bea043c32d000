//! A command in a sandbox: what it may reach is decided by the kernel, what it tried is told.
//!
//! ```no_run
//! use std::process::Command;
//!
//! use netwright_sandbox::{Policy, Sandbox};
//!
//! let policy = Policy { allow: vec!["*.example.org:443/tcp".parse()?], ..Policy::default() };
//! let mut running = Sandbox::new(policy).spawn(Command::new("./build.sh"))?;
//! let status = running.wait()?;
//! for event in running.events().try_iter() {
//!     println!("{} {}: {}", event.action, event.target(), event.reason);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asking;
mod covering;
mod enforced;
pub(crate) mod files;
mod inside;
mod masks;
mod publish;
pub(crate) mod reports;
mod running;
pub(crate) mod shared;

use std::process::Command;
use std::thread;

use netwright_sys::{Confinement, Enclosure, EnclosureOptions, Error, User};
use rustix::process::{Resource, getrlimit, setrlimit};

use self::covering::Covering;
use self::files::Files;
use self::inside::Inside;
use crate::{Mode, Policy, Undecided};

pub use self::asking::{Answer, Asker, Question};
pub use self::publish::Publish;
pub use self::running::Running;

/// How a command is run. What is not said is as in the example of [`Sandbox::new`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// What it may reach.
    pub policy: Policy,
    /// How packets get out.
    pub mode: Mode,
    /// Everything but what is denied is let through, and told: for learning what the command needs.
    pub open: bool,
    /// Answers for what no rule of the policy decides, which waits until then: connections, the first datagram of a flow (others are lost), pings. Names are resolved unless a rule denies them, before anybody is asked. This
    /// goes before [`Sandbox::open`].
    pub ask: Option<Asker>,
    /// What rules let through is told as well ([`Action::Allowed`](crate::Action::Allowed)), as it is with the two above. Of each connection and flow
    /// the process is searched then.
    pub tell_allowed: bool,
    /// Ports that are reachable from outside.
    pub publish: Vec<Publish>,
    /// Who the command runs as; the caller where nothing is said. Another user needs root.
    pub user: Option<User>,
    /// The command sees and signals its own processes alone; what it leaves running ends with it.
    pub processes: bool,
    /// The command may mount in namespaces of its own, as bubblewrap and Flatpak do. On Linux 7.1 and later, sockets that appear in the file
    /// system after the start are within its reach then, as they are on older kernels.
    pub mounts: bool,
}

impl Sandbox {
    fn tells_allowed(&self) -> bool {
        self.tell_allowed || self.open || self.ask.is_some()
    }

    fn undecided(&self) -> Undecided {
        match self.open {
            _ if self.ask.is_some() => Undecided::Ask,
            true => Undecided::Allow,
            false => Undecided::Refuse,
        }
    }

    /// A sandbox for one command, with the way out that the caller's privileges allow.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Sandbox { policy, ..Sandbox::default() }
    }

    /// Starts a command inside. It does not run before the filter is in place; environment, working directory, terminal and process group are
    /// what they are for every [`Command`]. Descriptors above 2 are closed.
    ///
    /// # Errors
    /// The kernel does not allow it: the error says what forbids it. That the command does not exist or cannot be run is
    /// [`SpawnError::Command`].
    pub fn spawn(self, mut command: Command) -> std::result::Result<Running, SpawnError> {
        let limit = getrlimit(Resource::Nofile);
        let files = Files::read(&self.policy);
        let inside = thread::scope(|scope| {
            let covering = Covering::begin(scope, &self, files.inside())?;
            let enclosure = Enclosure::create(&EnclosureOptions::default())?;
            // Of files, root stays root; over the network inside these capabilities give no power.
            let capabilities = self.user.is_none() && enclosure.has_all_users();
            let confinement = Confinement {
                user: self.user.clone(),
                capabilities,
                processes: self.processes,
                sockets: (!self.mounts).then(|| self.policy.sockets.clone()),
                ..Confinement::default()
            };
            enclosure.confine(&mut command, &confinement)?;
            Inside::start(enclosure, &self, files, covering)
        })?;
        // The relay has raised it for itself; the command starts with what the caller had.
        let raised = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, limit);
        let spawned = command.spawn();
        let _ = setrlimit(Resource::Nofile, raised);
        match spawned {
            Ok(child) => Ok(Running::new(child, inside)),
            Err(error) => Err(match Confinement::refusal(&error) {
                Some(refusal) => SpawnError::Sandbox(refusal),
                None => SpawnError::Command(error),
            }),
        }
    }
}

/// Why a command was not started.
#[derive(Debug)]
pub enum SpawnError {
    /// The sandbox could not be made.
    Sandbox(Error),
    /// The sandbox was made, and the command could not be run in it.
    Command(std::io::Error),
}

impl From<Error> for SpawnError {
    fn from(error: Error) -> Self {
        SpawnError::Sandbox(error)
    }
}

impl std::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SpawnError::Sandbox(error) => error.fmt(f),
            SpawnError::Command(error) => write!(f, "cannot run the command: {error}"),
        }
    }
}

/// Its text has the cause in it, so it has no further source.
impl std::error::Error for SpawnError {}
