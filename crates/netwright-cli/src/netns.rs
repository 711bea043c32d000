//! `netwright netns`: network namespaces by name.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use netwright::{Namespace, Net};
use netwright_nft::diagnostic::{nearest, suggestion};

use crate::arguments::{Netns, NetnsVerb, Where};
use crate::failure::{Done, FAILED, Failure, reason};
use crate::output;

/// `netwright netns`.
pub(crate) fn run(arguments: Netns) -> Done {
    match arguments.verb {
        NetnsVerb::Add { names } => each(&names, |name| Namespace::create_named(name).map(drop)),
        NetnsVerb::Delete { names } => each(&names, Namespace::delete_named),
        NetnsVerb::List { json } => list(json),
        NetnsVerb::Exec { name, command } => exec(&name, command),
    }
}

impl Where {
    /// The namespace to work in.
    pub(crate) fn open(&self) -> Result<Net, Failure> {
        Ok(match &self.netns {
            Some(path) if path.contains('/') => Net::open_in(&Namespace::open_path(path)?)?,
            Some(name) => match (Namespace::open_named(name), name.parse::<u32>()) {
                (Ok(named), _) => Net::open_in(&named)?,
                (Err(_), Ok(pid)) => Net::open_in(&of_process(pid)?)?,
                (Err(_), Err(_)) => Net::open_in(&open(name)?)?,
            },
            None => Net::open()?,
        })
    }
}

/// The namespace of a process. One that has ended and is not waited for yet has none any more.
fn of_process(pid: u32) -> Result<Namespace, Failure> {
    Namespace::of_pid(pid).map_err(|error| {
        if !error.is_not_found() {
            return Failure::from(error);
        }
        let said =
            format!("there is no process {pid}, or it has ended, and no network namespace has that name");
        Failure::said(said).with_help(Some(
            "A namespace that shall outlive its processes needs a name: `netwright netns add`.",
        ))
    })
}

/// The namespace of a name; where there is none, the nearest name is suggested.
fn open(name: &str) -> Result<Namespace, Failure> {
    Namespace::open_named(name).map_err(|error| {
        if !error.is_not_found() {
            return Failure::from(error);
        }
        let names = Namespace::list_named().unwrap_or_default();
        let help = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => suggestion(near),
            None if names.is_empty() => format!("There is none yet: `netwright netns add {name}` makes one."),
            None => "See those that there are with `netwright netns list`.".into(),
        };
        Failure::said(format!("there is no network namespace `{name}`")).with_help(Some(help))
    })
}

/// Does it with each name, and goes on where one fails.
fn each(names: &[String], job: impl Fn(&str) -> netwright::Result<()>) -> Done {
    let mut code = ExitCode::SUCCESS;
    for name in names {
        if let Err(error) = job(name) {
            Failure::from(error).report();
            code = ExitCode::from(FAILED);
        }
    }
    Ok(code)
}

fn list(json: bool) -> Done {
    let names = Namespace::list_named()?;
    if json {
        output::json(&names.into())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = output::stdout();
    for name in names {
        writeln!(out, "{}", output::plain(&name))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The exit codes of a command that is not there and of one that cannot be run, as shells have them.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

fn exec(name: &str, command: Vec<OsString>) -> Done {
    let mut words = command.into_iter();
    let program = words.next().unwrap_or_default();
    let namespace = open(name)?;
    // whether it may be entered is found out first: the error of exec would not tell which of the two failed
    namespace.run(|| ())?;
    let mut command = namespace.command_with_files(&program)?;
    let error = command.args(words).exec();
    let code = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN };
    let program = program.to_string_lossy();
    let said = format!("cannot run {program} in the network namespace {name}: {}", reason(&error));
    Err(Failure::said(said).with_code(code))
}
