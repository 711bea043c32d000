//! The `main` of kernel tests.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial};
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
    let all = tests.iter().map(|test| Prepared { name: test.name.to_owned(), body: Box::new(test.body) });
    run_prepared(Arguments::from_args(), || Ok(()), all.collect()).exit_code()
}

/// A kernel test that was made at run time.
pub struct Prepared {
    /// Its name.
    pub name: String,
    /// What it does, as that of a [`Test`].
    pub body: Box<dyn FnOnce(&mut Lab) -> Outcome + Send>,
}

/// Runs tests that were made at run time. `prepare` is called once, in the namespaces that all tests share, before any of
/// them and before any thread is started; what it cannot do, no test can.
pub fn run_prepared(
    arguments: Arguments,
    prepare: impl FnOnce() -> Outcome,
    tests: Vec<Prepared>,
) -> Conclusion {
    let ready = match arguments.list {
        true => Ok(()),
        false => match isolate::enter() {
            Ok(()) => prepare(),
            Err(error) => Err(Failure::missing(error)),
        },
    };
    let trials = tests.into_iter().map(|test| {
        let ready = ready.clone();
        Trial::ignorable_test(test.name, move || match ready {
            Ok(()) => verdict(in_fresh_namespace(test.body)),
            Err(why) => verdict(Err(why)),
        })
    });
    libtest_mimic::run(&arguments, trials.collect())
}

fn in_fresh_namespace(body: Box<dyn FnOnce(&mut Lab) -> Outcome + Send>) -> Outcome {
    Namespace::create_anonymous()?.run(|| body(&mut Lab::around_this_thread()?))?
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
