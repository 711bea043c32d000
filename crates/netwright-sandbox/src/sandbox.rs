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
mod confined;
pub(crate) mod enforced;
pub(crate) mod files;
mod inside;
mod kernel;
mod limits;
mod masking;
pub(crate) mod neighbourhood;
mod publish;
mod reasons;
pub(crate) mod reports;
mod running;
mod session;
pub(crate) mod shared;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use netwright_confine::{Confinement, Enclosure, EnclosureOptions, User};
use netwright_sys::Error;
use rustix::fs::{Access as Right, access};
use rustix::io::Errno;
use rustix::process::{Resource, geteuid, getrlimit, setrlimit};

use self::files::Files;
use self::inside::Inside;
use self::masking::Masking;
use crate::policy::LocalNetworks;
use crate::{Access, Mode, Policy, Surroundings, Undecided, Usable};

pub use self::asking::{Answer, Asker, Question};
pub use self::limits::{Limits, Reached};
pub use self::publish::Publish;
pub use self::running::Running;
use self::session::Session;

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
    /// What the command shares with other processes, which it has of its own else.
    pub share: Share,
    /// Devices that it may use besides those that every program may, and directories of such: paths below `/dev`.
    pub devices: Vec<PathBuf>,
    /// The command may mount in namespaces of its own, as bubblewrap and Flatpak do. From Linux 7.1 on, connecting takes some microseconds longer then,
    /// as it does on older kernels: the kernel cannot do both, keep others' sockets from it and let it mount.
    pub mounts: bool,
    /// What it may use of the machine.
    pub limits: Limits,
    /// Files that the command cannot change, whatever else it may write, such as that of its policy.
    pub protected: Vec<PathBuf>,
    /// What the paths of [`Policy::files`] begin at; what surrounds this process where nothing is said.
    pub surroundings: Option<Surroundings>,
    /// The file that names the name servers; that of this host where nothing is said.
    pub name_servers: Option<PathBuf>,
    /// The numbers that the caller's user and group have inside, and no others exist there: for a caller that has entered another user namespace, in which
    /// it has all power over the files of those that exist there.
    pub numbers: Option<(u32, u32)>,
}

/// What a command shares with processes outside. What it does not share it cannot see, and cannot reach by numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Processes: it sees those outside, and what it leaves running when it ends goes on. Else all end with it, and with the supervisor. A
    /// `/proc` of its own can be mounted only where that of the outside is whole, which it is not in most containers.
    pub processes: bool,
    /// System V and POSIX message queues, semaphores and shared memory.
    pub ipc: bool,
    /// All devices of `/dev`.
    pub devices: bool,
}

impl Sandbox {
    /// Whether the command runs as the machine's root, whatever number that has in this user namespace.
    fn runs_as_root(&self) -> bool {
        /// Who is not mapped has this number (`kernel.overflowuid`).
        const NOBODY: u32 = 65534;
        let user = self.user.as_ref().map_or_else(|| geteuid().as_raw(), |user| user.uid);
        // The kernel's own files belong to the machine's root.
        let root = std::fs::metadata("/proc/version").map_or(0, |found| found.uid());
        user == root && root != NOBODY
    }

    /// Whether the command can write a file, or in a directory: by what its files are confined to, else by the rights of its user.
    #[must_use]
    pub fn may_write(&self, path: &Path) -> bool {
        let Ok(path) = std::fs::canonicalize(path) else { return true };
        match self.access().map(|access| access.filter(|_| !self.open)) {
            Ok(Some(access)) => matches!(access.of(&path), Usable::Written(_)),
            _ => self.user_may_write(&path),
        }
    }

    fn user_may_write(&self, path: &Path) -> bool {
        /// Group and others may write.
        const OTHERS: u32 = 0o022;
        let Ok(found) = std::fs::metadata(path) else { return true };
        let owner = self.user.as_ref().map_or_else(|| geteuid().as_raw(), |user| user.uid);
        match (access(path, Right::WRITE_OK), &self.user) {
            (Err(Errno::ROFS), _) => false,
            (result, None) => result.is_ok() || found.uid() == owner,
            (_, Some(_)) => owner == 0 || found.uid() == owner || found.mode() & OTHERS != 0,
        }
    }

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

    /// Which files the command may use, where that is confined.
    fn access(&self) -> netwright_sys::Result<Option<Arc<Access>>> {
        if !self.policy.files.is_confined() {
            return Ok(None);
        }
        confined::check_streams()?;
        let around = self.surroundings.clone().unwrap_or_else(Surroundings::of_process);
        Access::new(&self.policy.files, &around, &self.policy.sockets).map(|access| Some(Arc::new(access)))
    }

    fn confinement(&self) -> Confinement {
        Confinement {
            user: self.user.clone(),
            processes: !self.share.processes,
            ipc: !self.share.ipc,
            sockets: Some(self.policy.sockets.clone()),
            mounts: self.mounts,
            core_dumps: kernel::keeps_core_dumps(),
            ..Confinement::default()
        }
    }

    /// A sandbox for one command, with the way out that the caller's privileges allow.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Sandbox { policy, ..Sandbox::default() }
    }

    /// Starts a command inside. It does not run before the filter is in place; environment, working directory, terminal and process group are
    /// what they are for every [`Command`], but that without a terminal it begins a session of its own. Descriptors above 2 are closed.
    ///
    /// # Errors
    /// The kernel does not allow it: the error says what forbids it. That the command does not exist or cannot be run is
    /// [`SpawnError::Command`].
    pub fn spawn(self, command: Command) -> std::result::Result<Running, SpawnError> {
        self.start(command).map_err(reasons::advised)
    }

    fn start(mut self, mut command: Command) -> std::result::Result<Running, SpawnError> {
        if self.mode == Mode::None {
            self = Sandbox { policy: self.policy.without_network(), open: false, ask: None, ..self };
        }
        kernel::check_devices(&self.devices)?;
        self.policy.local = LocalNetworks::of_host()?;
        let access = self.access()?;
        let group = limits::Group::make(&self.limits, self.runs_as_root())?;
        let limit = getrlimit(Resource::Nofile);
        let files = Files::read(&self.policy.dns, self.name_servers.as_deref());
        let inside = thread::scope(|scope| {
            let confined = access.as_deref().filter(|_| !self.open);
            let masking = Masking::begin(scope, &self, files.inside(), confined)?;
            let all_users = self.numbers.map(|_| false);
            let enclosure = Enclosure::create(&EnclosureOptions { all_users, numbers: self.numbers })?;
            Inside::start(enclosure, &self, files, masking)
        })?;
        if self.limits.processes.is_some() && group.is_none() {
            inside.settle()?;
        }
        let confinement = Confinement {
            written: access.as_deref().filter(|_| !self.open).and_then(confined::written),
            file_reporter: access.map(|access| confined::reporter(access, inside.reports(), self.open)),
            limits: limits::of_processes(&self.limits, group.as_ref(), !self.share.processes),
            ..self.confinement()
        };
        inside.confine(&mut command, confinement)?;
        if let Some(socket) = kernel::core_dump_socket() {
            inside.reports().core_dumps_leave(&socket);
        }
        let session = Session::now();
        // The relay has raised it for itself; the command starts with what the caller had.
        let raised = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, limit);
        let spawned = command.spawn();
        let _ = setrlimit(Resource::Nofile, raised);
        match spawned {
            Ok(child) => Ok(Running::new(child, inside, group, session)),
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
