//! The `main` of kernel tests.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use netwright_sys::{Namespace, isolate};

use crate::{Failure, Lab, Outcome};

/// A kernel test.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// Its name.
    pub name: &'static str,
    /// What it does, on a thread of its own in a fresh network namespace.
    pub body: fn(&mut Lab) -> Outcome,
}

/// Makes `main` of a list of tests: functions that take `&mut Lab` and return an [`Outcome`].
#[macro_export]
macro_rules! kernel_tests {
    ($($(#[$meta:meta])* $test:path),* $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::run(&[$(
                $(#[$meta])*
                $crate::Test { name: stringify!($test), body: $test },
            )*])
        }
    };
}

/// Runs tests as the command line asks, which is that of Rust's own tests. Must be called before any thread is started.
#[must_use]
pub fn run(tests: &[Test]) -> ExitCode {
    let arguments = Arguments::from_args();
    let isolated = match arguments.list {
        true => Ok(()),
        false => isolate::enter().map_err(|error| error.to_string()),
    };
    let trials = tests.iter().map(|&test| {
        let isolated = isolated.clone();
        Trial::ignorable_test(test.name, move || match isolated {
            Ok(()) => verdict(in_fresh_namespace(test)),
            Err(why) => verdict(Err(Failure::missing(why))),
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn in_fresh_namespace(test: Test) -> Outcome {
    Namespace::create_anonymous()?.run(|| {
        let mut lab = Lab::open()?;
        (test.body)(&mut lab)
    })?
}

/// A test that could show nothing is ignored with the reason, or fails where everything must run.
fn verdict(outcome: Outcome) -> Result<Completion, Failed> {
    match outcome {
        Ok(()) => Ok(Completion::Completed),
        Err(Failure::Wrong(what)) => Err(what.into()),
        Err(Failure::Missing(what)) if everything_must_run() => Err(what.into()),
        Err(Failure::Missing(what) | Failure::Lacking(what)) => Ok(Completion::ignored_with(what)),
    }
}

/// Whether this is a continuous-integration run (`CI=true`).
fn everything_must_run() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()))
}
