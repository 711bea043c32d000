//! Tests that run once more as a command inside an enclosure.

use std::env;
use std::path::Path;
use std::process::Command;

use netwright_sys::{Confinement, Enclosure, EnclosureOptions, isolate};

const INSIDE: &str = "NETWRIGHT_TEST_CONFINED";
/// The supervisor's process, told to [`inside`].
pub const SUPERVISOR: &str = "NETWRIGHT_TEST_SUPERVISOR";
/// The warden's process.
pub const WARDEN: &str = "NETWRIGHT_TEST_WARDEN";
/// The directory of the test.
pub const DIRECTORY: &str = "NETWRIGHT_TEST_DIRECTORY";

pub fn enclosure() -> Enclosure {
    Enclosure::create(&EnclosureOptions::default())
        .unwrap_or_else(|error| panic!("{error}. {:?}", error.help()))
}

/// This test once more, as a command.
pub fn again(test: &str, place: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, place).env("RUST_BACKTRACE", "0");
    command
}

/// The same in namespaces below.
pub fn below(test: &str) -> Command {
    let mut command = isolate::command(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, "below");
    command
}

/// The place that this test was run once more for, if it was.
pub fn place() -> Option<String> {
    env::var(INSIDE).ok()
}

/// Runs a test once more, which must succeed.
pub fn check(mut command: Command) {
    let output =
        command.output().unwrap_or_else(|error| panic!("{error}: {:?}", Confinement::refusal(&error)));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the test did not run inside: {text}");
}

/// Runs this test once more inside, where [`place`] tells so.
pub fn inside(test: &str, enclosure: &Enclosure, confinement: &Confinement, directory: Option<&Path>) {
    let mut command = again(test, "inside");
    command.env(SUPERVISOR, std::process::id().to_string()).env(WARDEN, enclosure.warden().to_string());
    command.envs(directory.map(|directory| (DIRECTORY, directory)));
    enclosure.confine(&mut command, confinement).unwrap();
    check(command);
}

/// The kernel lets user number 0 make user namespaces with a map only if it has capabilities (user_namespaces(7)).
pub fn able_to_make_namespaces() -> Confinement {
    Confinement { capabilities: rustix::process::geteuid().is_root(), ..Confinement::default() }
}
