//! How the command ends when it cannot do what was asked.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use netwright::nft::Unwritten;

use crate::output::{self, ERROR, HELP};

/// What a command returns: how it ends, or why it could not go on.
pub(crate) type Done = Result<ExitCode, Failure>;

/// Why the command could not go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library refused, or the kernel did.
    Library(netwright::Error),
    /// Something else: a sentence, and what to do about it.
    Said {
        /// What went wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
        /// How the process ends.
        code: u8,
    },
    /// All that there is to say has been said already.
    Reported,
    /// Standard output could not be written.
    Output(io::Error),
}

/// The exit code of what could not be done.
pub(crate) const FAILED: u8 = 1;

impl Failure {
    /// A sentence without a full stop.
    pub(crate) fn said(message: impl Into<String>) -> Self {
        Failure::Said { message: message.into(), help: None, code: FAILED }
    }

    /// What to do about it, where there is something.
    pub(crate) fn with_help(self, advice: Option<impl Into<String>>) -> Self {
        match self {
            Failure::Said { message, help, code } => {
                Failure::Said { message, help: advice.map(Into::into).or(help), code }
            }
            other => other,
        }
    }

    /// How the process ends.
    pub(crate) fn with_code(self, code: u8) -> Self {
        match self {
            Failure::Said { message, help, .. } => Failure::Said { message, help, code },
            other => other,
        }
    }

    /// What went wrong, in words.
    pub(crate) fn text(&self) -> String {
        match self {
            Failure::Library(error) => error.to_string(),
            Failure::Said { message, .. } => message.clone(),
            Failure::Reported => "the file has mistakes".to_owned(),
            Failure::Output(error) => reason(error),
        }
    }

    /// Tells it on standard error.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Failure::Library(error) => say(&error, error.help()),
            Failure::Said { message, help, code } => {
                say(&message, help.as_deref());
                return ExitCode::from(code);
            }
            // who closed the pipe has read what he wanted
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Failure::Output(error) => {
                say(&format!("cannot write to standard output: {}", reason(&error)), None)
            }
            Failure::Reported => {}
        }
        ExitCode::from(FAILED)
    }
}

/// Prints what the parser of arguments has to say. How the process ends where that was asked for, as help and versions are; nothing
/// where the arguments are wrong.
pub(crate) fn say_usage(usage: &clap::Error) -> Option<ExitCode> {
    let printed = usage.print().and_then(|()| io::stdout().flush());
    match printed {
        // where it cannot be said, there is nobody to say it to
        _ if usage.use_stderr() => None,
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => Some(Failure::Output(error).report()),
    }
}

/// What went wrong, as the end of a sentence.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::IsADirectory => "it is a directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => words(error),
    }
}

/// An error in the words of the C library, without its number.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn say(message: &dyn fmt::Display, help: Option<&str>) {
    output::message(&format!("{ERROR}error{ERROR:#}: {}", output::plain(&message.to_string())));
    if let Some(help) = help {
        output::message(&format!(" {HELP}help{HELP:#}: {}", output::plain(help)));
    }
}

impl From<netwright::Error> for Failure {
    fn from(error: netwright::Error) -> Self {
        Failure::Library(error)
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Kernel(error) => Failure::Library(error),
            Unwritten::Output(error) => Failure::Output(error),
        }
    }
}

impl From<netwright_state::Failure> for Failure {
    fn from(failure: netwright_state::Failure) -> Self {
        Failure::said(failure.message).with_help(failure.help)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}
