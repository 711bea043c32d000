//! Tests that run once more in namespaces of their own, or as a command inside an enclosure, and the few requests that they make.
#![allow(dead_code, unreachable_pub)]

use std::env;
use std::path::Path;
use std::process::{Command, Output};

use netwright_confine::{Confinement, Enclosure, EnclosureOptions};
use netwright_netfilter::{Batch, Family, Table};
use netwright_route::link::{Change, Get, List, Set};
use netwright_route::{Add, Address, LinkId};
use netwright_sys::{Connection, Outcome, Result, isolate};

/// The loopback has this index in every namespace.
const LOOPBACK: u32 = 1;

pub fn links(route: &mut Connection) -> Vec<String> {
    route.dump_all(&List::default()).unwrap().into_iter().map(|link| link.name).collect()
}

pub fn set_loopback_up(route: &mut Connection) -> Result<()> {
    let loopback = route.query(&Get::by_name("lo")).unwrap();
    assert_eq!(loopback.index, LOOPBACK);
    route.acknowledge(&Set { link: LinkId::new(LOOPBACK), change: &Change::up() })
}

pub fn add_address(route: &mut Connection, address: &str) -> Result<()> {
    let address = address.parse::<Address>().unwrap().on(LinkId::new(LOOPBACK));
    route.acknowledge(&Add(&address))
}

pub fn add_table(netfilter: &mut Connection, name: &str) {
    let mut batch = Batch::new();
    batch.add(&Table::new(Family::INET, name));
    let messages = batch.messages();
    let outcome = netfilter.transact(batch.finish().unwrap(), messages, |_, _| ()).unwrap();
    assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
}

/// Runs a test's body in namespaces of its own: the test runs once more, alone, in a child process that is isolated.
pub fn isolated(test: &str, body: impl FnOnce()) {
    if place().is_some_and(|place| place == ISOLATED) {
        return body();
    }
    let mut command = isolate::command(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, ISOLATED);
    let output = command
        .output()
        .map_err(isolate::failed)
        .unwrap_or_else(|error| panic!("{error}. {:?}", error.help()));
    passed(&output);
}

const ISOLATED: &str = "isolated";
const INSIDE: &str = "NETWRIGHT_TEST_CONFINED";
/// The supervisor's process, told to [`inside`].
pub const SUPERVISOR: &str = "NETWRIGHT_TEST_SUPERVISOR";
/// The helper's process.
pub const HELPER: &str = "NETWRIGHT_TEST_HELPER";
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
    passed(&output);
}

fn passed(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the test did not run inside: {text}");
}

/// Runs this test once more inside, where [`place`] tells so.
pub fn inside(test: &str, enclosure: &Enclosure, confinement: &Confinement, directory: Option<&Path>) {
    let mut command = again(test, "inside");
    command.env(SUPERVISOR, std::process::id().to_string()).env(HELPER, enclosure.helper().to_string());
    command.envs(directory.map(|directory| (DIRECTORY, directory)));
    enclosure.confine(&mut command, confinement).unwrap();
    check(command);
}

/// The kernel lets user number 0 make user namespaces with a map only if it has capabilities (user_namespaces(7)).
pub fn able_to_make_namespaces() -> Confinement {
    Confinement { capabilities: rustix::process::geteuid().is_root(), ..Confinement::default() }
}
