//! Why nothing could be tried.

use std::fmt;

/// Why the simulation could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused something.
    System(netwright_sys::Error),
    /// The file could not be applied in the simulated host.
    Apply(String),
    /// This flow is not as expected, so that it cannot tell a change.
    Differs(String),
}

impl Error {
    /// What to do about it, as a sentence.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Error::System(error) if error.is_permission() => {
                error.errno().and_then(netwright_sys::isolate::advice)
            }
            Error::System(error) => error.help(),
            Error::Apply(_) => None,
            Error::Differs(_) => Some("See what `netwright test` says without `--mutate`."),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::System(error) => write!(f, "the simulated host could not be built: {error}"),
            Error::Apply(why) => write!(f, "the file could not be applied in the simulated host: {why}"),
            Error::Differs(name) => {
                write!(f, "the flow {name:?} is not as expected, so that it cannot tell a change")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<netwright_sys::Error> for Error {
    fn from(error: netwright_sys::Error) -> Self {
        Error::System(error)
    }
}
