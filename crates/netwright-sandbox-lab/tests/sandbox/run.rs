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
    /// An ordinary user, by the relay, who shares processes, queues and devices with others.
    UserShared,
    /// Root, by the relay, who shares processes, queues and devices with others.
    RootShared,
    /// An ordinary user's process that runs already, and is put behind the policy by root.
    Attached,
}

impl Mode {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::User => "user",
            Mode::Root => "root",
            Mode::Routed => "routed",
            Mode::UserShared => "user-shared",
            Mode::RootShared => "root-shared",
            Mode::Attached => "attached",
        }
    }

    /// Whether what is tried runs as an ordinary user.
    pub(crate) fn is_user(self) -> bool {
        matches!(self, Mode::User | Mode::UserShared | Mode::Attached)
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Mode::User | Mode::Root => &["--mode", "relay"],
            Mode::Routed => &["--mode", "nat"],
            Mode::UserShared | Mode::RootShared => &["--mode", "relay", "--share", "pid,ipc,devices"],
            Mode::Attached => &[],
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

/// How long any program may take: two minutes, or as many seconds as `NETWRIGHT_PROGRAM_SECONDS` says, for an emulated machine.
fn limit() -> Duration {
    let told = std::env::var("NETWRIGHT_PROGRAM_SECONDS").ok().and_then(|told| told.parse().ok());
    Duration::from_secs(told.unwrap_or(120))
}

/// A text that no other run has.
pub(crate) fn token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("token-{}-{}-end", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A command as the mode's user: as root it is changed to, in a user namespace another one is made below.
pub(crate) fn as_user(mode: Mode, program: &str) -> Result<Command, Failure> {
    let surroundings = surroundings()?;
    let mut command = match mode {
        _ if mode.is_user() && surroundings.really_root => {
            let mut command = Command::new(program);
            command.uid(NOBODY).gid(NOBODY);
            command
        }
        _ if mode.is_user() => {
            let mut command = Command::new("unshare");
            command.arg("--user").arg(format!("--map-user={NOBODY}")).arg(format!("--map-group={NOBODY}"));
            command.arg("--").arg(program);
            command
        }
        _ => Command::new(program),
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

/// Runs a program that is there before the policy: it waits until that is in force. What came of it is looked at while it still is: the kernel may
/// repeat afterwards what it could not send before.
pub(crate) fn attached<T>(
    policy: &[&str],
    program: &[&str],
    token: &str,
    look: impl FnOnce() -> Result<T, Failure>,
) -> Result<(Ran, T), Failure> {
    if !surroundings()?.really_root {
        return Err(Failure::lacking("only root may put processes of the host behind a policy"));
    }
    let go = surroundings()?.folder.join(format!("go-{token}"));
    let script = r#"until test -e "$0"; do sleep 0.02; done; exec "$@""#;
    let mut command = as_user(Mode::Attached, "sh")?;
    command.args(["-c", script]).arg(&go).args(program).env("NETWRIGHT_TOKEN", token);
    let child = command.spawn()?;
    let mut supervisor = Command::new(&surroundings()?.netwright);
    supervisor.args(["run", "--attach", &child.id().to_string()]).args(policy);
    let mut supervisor = supervisor.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let in_force = heard(&mut supervisor, "the policy is in force");
    std::fs::write(&go, "")?;
    if in_force.is_err() {
        let _ = rustix::process::kill_process(Pid::from_child(&child), Signal::KILL);
    }
    let ran = wait(child);
    let seen = look();
    let _ = rustix::process::kill_process(Pid::from_child(&supervisor), Signal::INT);
    let ended = supervisor.wait()?;
    let _ = std::fs::remove_file(&go);
    in_force?;
    netwright_lab::ensure!(ended.success(), "detaching failed: {ended}");
    Ok((ran?, seen?))
}

/// Waits until a process has said something on its standard error, and reads the rest on a thread.
fn heard(child: &mut Child, what: &str) -> Result<(), Failure> {
    use std::io::{BufRead, BufReader};
    let mut lines = BufReader::new(child.stderr.take().ok_or_else(|| Failure::wrong("no pipe"))?).lines();
    let mut said = Vec::new();
    for line in lines.by_ref() {
        said.push(line?);
        if said.last().is_some_and(|line| line.contains(what)) {
            thread::spawn(move || lines.for_each(drop));
            return Ok(());
        }
    }
    let said = said.join("; ");
    Err(match said.contains("control group") {
        true => Failure::lacking(format_args!("control groups of version 2 cannot be made here: {said}")),
        false => Failure::wrong(said),
    })
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
        let received = receiver.recv_timeout(limit()).or_else(|_| {
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
