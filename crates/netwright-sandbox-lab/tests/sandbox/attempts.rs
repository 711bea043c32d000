//! The attempts to get past a policy.

mod destinations;
mod names;
mod processes;
mod sockets;
mod sweeps;

use crate::run::Mode;

/// An attempt that must get nothing out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Its name.
    pub(crate) name: &'static str,
    /// The flags of the policy.
    pub(crate) policy: &'static [&'static str],
    /// The probe's words; `socket:PART` stands for the hidden socket whose path has that part.
    pub(crate) probe: &'static [&'static str],
    /// What the internet may see all the same.
    pub(crate) permits: &'static [&'static str],
    /// How it is seen that the attempt is a real one.
    pub(crate) control: Control,
    /// The sandbox is started with descriptors 8 and 9 open, a socket and a connection to 203.0.113.66 port 7.
    pub(crate) handed_down: bool,
    /// The probe may be ended before it says anything.
    pub(crate) may_be_killed: bool,
    /// It takes a sandbox to prevent it. A process that is put behind a policy while it runs has the host's path sockets and links as before, and its
    /// questions to any name server are led to the resolver.
    pub(crate) contained: bool,
    /// Something of the host to which nothing may come, and which is there in no other attempt.
    pub(crate) server: Option<Server>,
    /// A process of the same user runs outside, which the probe's word `victim` stands for, and must be afterwards as it was. Who shares processes
    /// with others gives that up.
    pub(crate) has_victim: bool,
    /// A process outside has just sent datagrams from the port to the place that the probe's words name, and was answered.
    pub(crate) opened_outside: bool,
}

/// A server with a path socket, a named pipe, a file or a directory, which the probe's word `server` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Its socket appears when the sandbox is there.
    Late,
    /// Its socket was bound by a relative path.
    Relative,
    /// Its socket is there before, and stays.
    Waiting,
    /// A named pipe that somebody reads.
    Pipe,
    /// A file that is the standard input.
    Input,
    /// A directory in which a process outside mounts what is looked for.
    Automount,
}

/// How it is seen that an attempt is a real one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Control {
    /// Without a sandbox, something gets out.
    As(Mode),
    /// Without a sandbox, something gets out where the kernel has what it takes.
    Perhaps(Mode),
    /// Without a sandbox, the machine's own root gets something out, and root of a namespace does not.
    OfRoot,
    /// It gets nowhere without a sandbox either, on this kernel or in this internet; the reason.
    None(&'static str),
}

impl Attempt {
    /// An attempt under a policy.
    const fn new(
        name: &'static str,
        policy: &'static [&'static str],
        probe: &'static [&'static str],
        permits: &'static [&'static str],
    ) -> Self {
        let control = Control::As(Mode::User);
        Attempt {
            name,
            policy,
            probe,
            permits,
            control,
            handed_down: false,
            may_be_killed: false,
            contained: false,
            server: None,
            has_victim: false,
            opened_outside: false,
        }
    }

    /// An attempt under the policy that allows one name on one port.
    const fn one(name: &'static str, probe: &'static [&'static str]) -> Self {
        Attempt::new(name, ONE, probe, &["dns good.example.org"])
    }

    /// Only root gets it out without a sandbox.
    const fn root(mut self) -> Self {
        self.control = Control::As(Mode::Root);
        self
    }

    /// Only the machine's own root gets it out without a sandbox.
    const fn of_root(mut self) -> Self {
        self.control = Control::OfRoot;
        self
    }

    /// Nothing gets out without a sandbox either.
    const fn alone(mut self, why: &'static str) -> Self {
        self.control = Control::None(why);
        self
    }

    /// The kernel may lack what it takes.
    const fn perhaps(mut self) -> Self {
        self.control = match self.control {
            Control::As(mode) | Control::Perhaps(mode) => Control::Perhaps(mode),
            other @ (Control::OfRoot | Control::None(_)) => other,
        };
        self
    }

    /// It takes a sandbox to prevent it.
    const fn contained(mut self) -> Self {
        self.contained = true;
        self
    }

    /// With a process outside.
    const fn victim(mut self) -> Self {
        self.has_victim = true;
        self.contained = true;
        self
    }

    /// With a flow that is open outside.
    const fn opened_outside(mut self) -> Self {
        self.opened_outside = true;
        self
    }

    /// With a server.
    const fn server(mut self, server: Server) -> Self {
        self.server = Some(server);
        self
    }

    /// With descriptors that are handed down.
    const fn handed_down(mut self) -> Self {
        self.handed_down = true;
        self
    }

    /// It may be ended by what it tries.
    const fn killed(mut self) -> Self {
        self.may_be_killed = true;
        self
    }
}

/// One name, one port, one protocol.
const ONE: &[&str] = &["--allow", "good.example.org:443/tcp"];
/// Every name below one, on every port.
const NAMES: &[&str] = &["--allow", "*.example.org"];
/// Every address.
const ANY: &[&str] = &["--allow", "any"];
/// Every public address.
const INTERNET: &[&str] = &["--allow", "internet"];

/// Those that go to places and by ways which no policy allows, whatever names they ask for.
pub(crate) fn on_the_way() -> impl Iterator<Item = &'static Attempt> {
    [destinations::ATTEMPTS, sockets::ATTEMPTS].into_iter().flatten()
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Attempt> {
    let kinds =
        [names::ATTEMPTS, destinations::ATTEMPTS, sockets::ATTEMPTS, processes::ATTEMPTS, sweeps::ATTEMPTS];
    kinds.into_iter().flatten()
}

/// Those that are made in a mode, the longest first.
pub(crate) fn in_modes(modes: &'static [Mode]) -> impl Iterator<Item = (&'static Attempt, Mode)> {
    let all = all().flat_map(|attempt| modes.iter().map(move |&mode| (attempt, mode)));
    let takes_a_sandbox = |attempt: &Attempt| {
        attempt.contained || processes::ATTEMPTS.iter().any(|own| own.name == attempt.name)
    };
    let shares = |mode: &Mode| matches!(mode, Mode::UserShared | Mode::RootShared);
    all.filter(move |(attempt, mode)| *mode != Mode::Attached || !takes_a_sandbox(attempt))
        .filter(move |(attempt, mode)| !attempt.has_victim || !shares(mode))
}
