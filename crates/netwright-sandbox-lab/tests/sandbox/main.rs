//! `netwright run` in a simulated internet: what must not get out does not, and what must work does.
//!
//! Each attempt is made by the probe of this crate as an ordinary user and as root, in every way of connecting the sandbox, and once
//! without a sandbox: an attempt that reaches nothing there could show nothing. Whether something got out is told by the servers
//! and by the capture on the uplink. `cargo test -p netwright-sandbox-lab --test sandbox -- WORD` selects by name.

mod asking;
mod attempts;
mod leak;
mod permits;
mod report;
mod run;
mod server;
mod surroundings;
mod victim;
mod works;

use std::process::ExitCode;
use std::sync::{PoisonError, RwLock};

use libtest_mimic::Arguments;
use netwright_lab::{Failure, Lab, Prepared, run_prepared};

use run::Mode;

/// How many tests run at once: most of the time they wait.
const AT_ONCE: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let list = arguments.list;
    let prepared = if list { Err(Failure::missing("only listing")) } else { surroundings::prepare_outside() };
    let tests = leak::tests().into_iter().chain(works::tests()).chain(asking::tests());
    let tests = tests.map(in_turn).collect::<Vec<Prepared>>();
    let conclusion = run_prepared(arguments, || prepared.and_then(surroundings::prepare), tests);
    if !list {
        report::print();
    }
    conclusion.exit_code()
}

/// What uses up this process's descriptors runs alone, everything else beside each other.
fn in_turn(Prepared { name, body }: Prepared) -> Prepared {
    static TURN: RwLock<()> = RwLock::new(());
    let alone = name.ends_with("::ten-thousand-connections");
    let body = move |lab: &mut Lab| {
        let _alone = alone.then(|| TURN.write().unwrap_or_else(PoisonError::into_inner));
        let _beside = (!alone).then(|| TURN.read().unwrap_or_else(PoisonError::into_inner));
        body(lab)
    };
    Prepared { name, body: Box::new(body) }
}

/// The ways of running that this process can try.
fn modes() -> &'static [Mode] {
    &[Mode::User, Mode::Root, Mode::Routed, Mode::UserShared, Mode::RootShared, Mode::Attached]
}
