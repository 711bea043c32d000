//! `netwright run`: a command behind a network filter.

mod asking;
mod attach;
mod netns;
pub(crate) mod policy;
mod supervise;
mod telling;
mod user;
mod watch;

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::{Arc, Mutex};

use netwright_sandbox::{Limits, Mode, Sandbox, Share, SpawnError, Surroundings};
use rustix::process::{Signal, getpid, kill_process};

use self::asking::Terminal;
use self::policy::Source;
use self::supervise::{Deadline, Supervisor};
use self::telling::Telling;
use self::watch::Watch;
use crate::arguments::{Global, Run, RunMode, RunShare};
use crate::failure::{Done, Failure, reason};
use crate::output;

/// The exit codes of our own failures, of a command that is not there and of one that cannot be run, as `env` and `timeout` have them.
pub(crate) const FAILED: u8 = 125;
/// That of a command whose time was over, as `timeout` has it.
const LATE: u8 = 124;
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// `netwright run`.
pub(crate) fn run(arguments: &Run, global: &Global) -> Done {
    let ended = rules_count(arguments).and_then(|()| match &arguments.attach {
        Some(target) => attach::run(target, arguments, global),
        None => sandboxed(arguments, global),
    });
    ended.or_else(|failure| match failure {
        Failure::Said { code: NOT_FOUND | NOT_RUN, .. } => Err(failure),
        other => {
            other.report();
            Ok(ExitCode::from(FAILED))
        }
    })
}

/// Rules that allow something would say nothing where everything is let through.
fn rules_count(arguments: &Run) -> Result<(), Failure> {
    let rules = &arguments.rules;
    let has_rules = !rules.allow.is_empty() || !rules.preset.is_empty() || rules.policy.is_some();
    if arguments.learn.is_none() || arguments.ask || !has_rules {
        return Ok(());
    }
    let said = Failure::said(
        "--learn lets everything through, and cannot be used with --allow, --preset or --policy",
    );
    Err(said.with_help(Some("Add --ask to be asked about what they do not allow, or leave them out.")))
}

fn sandboxed(arguments: &Run, global: &Global) -> Done {
    // before the first thread, as all go out from there
    let entered = arguments.netns.as_deref().map(netns::enter).transpose()?.unwrap_or_default();
    arguments.socket.iter().try_for_each(|path| socket_is_there(path))?;
    let source = Source::of_run(arguments);
    let watch = Watch::of(&source); // before it is read: no change is missed
    let policy = source.read()?;
    let terminal = arguments.ask.then(Terminal::open).transpose()?;
    let pending = terminal.as_ref().map(Terminal::pending);
    let telling = Telling::new(arguments, Arc::new(Mutex::new(policy.clone())), global)?;
    // behind all files, which may be pipes that let this wait; before the first thread, as threads inherit what is blocked
    let signals = supervise::receive(&supervise::SIGNALS)?;
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Failure::said("there is no command to run"));
    };
    let user = arguments.user.as_deref().map(user::User::find).transpose()?;
    let mut command = Command::new(program);
    command.args(words);
    signals.restore_in(&mut command);
    let mut surroundings = Surroundings::of_process();
    if let Some(user) = &user {
        user.describe_in(&mut command);
        surroundings.home = Some(user.home.clone());
    }
    let mut sandbox = Sandbox {
        mode: match arguments.mode {
            _ if arguments.no_network => Mode::None,
            RunMode::Auto => Mode::Automatic,
            RunMode::Relay => Mode::Relay,
            RunMode::Nat => Mode::Nat,
        },
        open: arguments.learn.is_some(),
        ask: terminal.map(Terminal::asker),
        tell_allowed: global.verbose,
        publish: arguments.publish.clone(),
        user: user.map(|user| user.ids),
        share: Share {
            processes: arguments.share.contains(&RunShare::Pid),
            ipc: arguments.share.contains(&RunShare::Ipc),
            devices: arguments.share.contains(&RunShare::Devices),
        },
        devices: arguments.device.clone(),
        mounts: arguments.mounts,
        limits: Limits { memory: arguments.memory, processes: arguments.processes },
        surroundings: Some(surroundings),
        name_servers: entered.name_servers,
        numbers: entered.numbers,
        ..Sandbox::new(policy)
    };
    let policy_file = watch.as_ref().and_then(|watch| watch.protect(|path| sandbox.may_write(path)));
    sandbox.protected.extend(policy_file);
    let mut running = sandbox.spawn(command).map_err(|error| not_started(error, program))?;
    let told = telling.start(running.take_events());
    if let Some(reason) = running.not_routed().filter(|_| !global.quiet) {
        output::message(&output::plain(&format!("note: the relay carries its packets: {reason}")));
    }
    if arguments.memory.is_some() && !running.is_limited_as_a_whole() && !global.quiet {
        output::message(
            "note: --memory limits each of the command's processes: no control group can be made here (with systemd, start it by \
             `systemd-run --user --scope -p Delegate=yes`)",
        );
    }
    let deadline = arguments.time.and_then(Deadline::after);
    let supervisor =
        Supervisor { running, signals, source: &source, telling: &told, watch, deadline, stopped_by: None };
    let (status, is_late) = supervisor.supervise()?;
    if let Some(pending) = pending {
        pending.leave();
    }
    told.finish()?;
    if is_late { Ok(ExitCode::from(LATE)) } else { end(status) }
}

/// A socket that is not there yet would not be reachable when it is.
fn socket_is_there(path: &Path) -> Result<(), Failure> {
    path.metadata().map(drop).map_err(|error| {
        let said = Failure::said(format!(
            "cannot leave the socket {} reachable: {}",
            path.display(),
            reason(&error)
        ));
        said.with_help(Some(
            "Name one that is there; or a directory, for sockets that are bound in it later.",
        ))
    })
}

fn not_started(error: SpawnError, program: &OsStr) -> Failure {
    match error {
        SpawnError::Sandbox(error) => Failure::from(error),
        SpawnError::Command(error) => {
            let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN };
            Failure::said(format!("cannot run {}: {}", program.to_string_lossy(), reason(&error)))
                .with_code(code)
        }
    }
}

/// Ends as the command did: with its exit code, or by the signal that killed it.
fn end(status: ExitStatus) -> Done {
    if let Some(signal) = status.signal() {
        // the command has left a picture of its memory where one was wanted; ours is of no use
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
        if let Some(signal) = Signal::from_named_raw(signal) {
            let _ = kill_process(getpid(), signal);
        }
        // a signal that does not kill this process; shells tell those that killed a command so
        return Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(FAILED)));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED);
    Ok(ExitCode::from(code))
}
