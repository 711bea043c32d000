//! Why a sandbox could not be made, where the kernel's error alone does not say it.

use netwright_route::rule;
use netwright_sys::{Cause, Connection, Error, protocol};
use netwright_wire::Errno;

use super::SpawnError;
use crate::mode::ANYWHERE;

const NO_MORE: &str = "No more processes or threads can be started: the user has as many as may be (`ulimit -u`), or the control group (pids.max) or the machine \
     (kernel.threads-max) has.";

/// The same error with what to do about it.
pub(super) fn advised(error: SpawnError) -> SpawnError {
    match error {
        SpawnError::Sandbox(error) => SpawnError::Sandbox(of_sandbox(error)),
        SpawnError::Command(error) if error.raw_os_error() == Some(Errno::EAGAIN.0) => {
            SpawnError::Sandbox(Error::new("start the command", error).with_help(NO_MORE))
        }
        error @ SpawnError::Command(_) => error,
    }
}

fn of_sandbox(error: Error) -> Error {
    match error.errno() {
        Some(Errno::EAGAIN) => error.with_help(NO_MORE),
        Some(Errno::EPERM | Errno::EPROTONOSUPPORT) if is_inside() => Error::new(
            "make a network of its own",
            Cause::Invalid(
                "this runs in a sandbox of netwright already, in which there can be no second one".into(),
            ),
        )
        .with_help("Start it outside, or run what needs the second one with the rules of the first."),
        _ => error,
    }
}

/// Whether this process is in a sandbox: each has a routing table that nothing else has.
fn is_inside() -> bool {
    let rules =
        Connection::open(protocol::ROUTE).and_then(|mut route| route.dump_all(&rule::List::default()));
    rules.is_ok_and(|rules| rules.iter().any(|rule| rule.table == Some(ANYWHERE)))
}
