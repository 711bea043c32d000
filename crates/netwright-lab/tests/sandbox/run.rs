//! Running programs in a sandbox, and the same without one.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use netwright_lab::Failure;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::surroundings::{AGENT, NOBODY, surroundings};

/// Who runs it, and how the sandbox is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// An ordinary user.
    User,
    /// Root, by the same relay.
    Root,
    /// Root, by a link and the kernel's address translation.
    Routed,
}

impl Mode {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::User => "user",
            Mode::Root => "root",
            Mode::Routed => "routed",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Mode::User | Mode::Root => &["--mode", "relay"],
            Mode::Routed => &["--mode", "nat"],
        }
    }
}

/// What came of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit status; `None` where it was killed or hung.
    pub(crate) status: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained of.
    pub(crate) stderr: String,
    /// It did not end in time, and was killed.
    pub(crate) hung: bool,
}

/// How long any program may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A text that no other run has.
pub(crate) fn token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("token-{}-{}-end", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A command as the mode's user: as root it is changed to, in a user namespace another one is made below.
pub(crate) fn as_user(mode: Mode, program: &str) -> Result<Command, Failure> {
    let surroundings = surroundings()?;
    let mut command = match mode {
        Mode::User if surroundings.really_root => {
            let mut command = Command::new(program);
            command.uid(NOBODY).gid(NOBODY);
            command
        }
        Mode::User => {
            let mut command = Command::new("unshare");
            command.arg("--user").arg(format!("--map-user={NOBODY}")).arg(format!("--map-group={NOBODY}"));
            command.arg("--").arg(program);
            command
        }
        Mode::Root | Mode::Routed => Command::new(program),
    };
    // Without folders of somebody's home, which the ordinary user cannot reach.
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    command.env("PATH", path).env("HOME", &surroundings.folder).env("TMPDIR", &surroundings.folder);
    command.env("XDG_RUNTIME_DIR", format!("/run/user/{NOBODY}"));
    command.env("SSH_AUTH_SOCK", AGENT);
    command.current_dir(&surroundings.folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    Ok(command)
}

/// `netwright run` with a policy's flags and a command.
pub(crate) fn sandboxed(mode: Mode, policy: &[&str], program: &[&str]) -> Result<Command, Failure> {
    let netwright = surroundings()?.netwright.display().to_string();
    let mut command = as_user(mode, &netwright)?;
    command.arg("run").args(mode.flags()).args(policy).arg("--").args(program);
    Ok(command)
}

/// Runs a command to its end, and to that of all that hold its output.
pub(crate) fn finish(command: &mut Command) -> Result<Ran, Failure> {
    let child = command.spawn().map_err(|error| {
        Failure::missing(format_args!("{} cannot be run: {error}", command.get_program().display()))
    })?;
    wait(child)
}

/// Waits for a child that was started with pipes.
pub(crate) fn wait(mut child: Child) -> Result<Ran, Failure> {
    use std::os::unix::process::ExitStatusExt;
    let group = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    let read = |stream: Option<Box<dyn Read + Send>>, which: usize| {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
            let _ = sender.send((which, String::from_utf8_lossy(&bytes).into_owned()));
        });
    };
    read(child.stdout.take().map(|stream| Box::new(stream) as _), 0);
    read(child.stderr.take().map(|stream| Box::new(stream) as _), 1);
    let (mut texts, mut hung) = ([String::new(), String::new()], false);
    for _ in 0..2 {
        let received = receiver.recv_timeout(LIMIT).or_else(|_| {
            hung = true;
            let _ = kill_process_group(group, Signal::KILL);
            receiver.recv_timeout(Duration::from_secs(2))
        });
        if let Ok((which, text)) = received {
            texts[which] = text;
        }
    }
    let status = child.wait()?;
    let [stdout, stderr] = texts;
    Ok(Ran { status: status.code(), signal: status.signal(), stdout, stderr, hung })
}
