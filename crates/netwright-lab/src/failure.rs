//! Why a test did not pass.

use std::fmt;
use std::panic::Location;

/// What a test returns. Any error becomes a failure by `?`, with the place of the `?`.
pub type Outcome = Result<(), Failure>;

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something is not as it should be.
    Wrong(String),
    /// What the test needs is missing on this machine and can be installed. Where `CI=true`, that is wrong too.
    Missing(String),
    /// The running kernel does not have what is tested, and no other can be installed here: it could show nothing.
    Lacking(String),
}

impl Failure {
    /// Something is not as it should be.
    #[track_caller]
    pub fn wrong(what: impl fmt::Display) -> Self {
        Failure::Wrong(format!("{}: {what}", Location::caller()))
    }

    /// What the test needs is missing on this machine and can be installed.
    pub fn missing(what: impl fmt::Display) -> Self {
        Failure::Missing(what.to_string())
    }

    /// The running kernel does not have what is tested.
    pub fn lacking(what: impl fmt::Display) -> Self {
        Failure::Lacking(what.to_string())
    }
}

/// Whether TUN and TAP interfaces can be made: not every system lets ordinary users open their device.
pub fn tunnels() -> Result<(), Failure> {
    match std::fs::File::options().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Failure::lacking(format_args!("/dev/net/tun cannot be opened by this user: {error}")))
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Failure::wrong(text)
    }
}

/// A failure where a condition does not hold, with the text of the condition or a message.
#[macro_export]
macro_rules! ensure {
    ($condition:expr $(,)?) => {
        if !$condition {
            return Err($crate::Failure::wrong(concat!("not so: ", stringify!($condition))));
        }
    };
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::wrong(format_args!($($message)+)));
        }
    };
}

/// A failure where two values differ, with both.
#[macro_export]
macro_rules! ensure_eq {
    ($left:expr, $right:expr $(,)?) => {
        match (&$left, &$right) {
            (left, right) if left == right => {}
            (left, right) => {
                return Err($crate::Failure::wrong(format_args!(
                    "{} is\n  {left:?}\nand should be\n  {right:?}",
                    stringify!($left),
                )));
            }
        }
    };
    ($left:expr, $right:expr, $($about:tt)+) => {
        match (&$left, &$right) {
            (left, right) if left == right => {}
            (left, right) => {
                return Err($crate::Failure::wrong(format_args!(
                    "{}: {} is\n  {left:?}\nand should be\n  {right:?}",
                    format_args!($($about)+),
                    stringify!($left),
                )));
            }
        }
    };
}
