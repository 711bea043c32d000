//! `netwright confirm`: what an apply has changed is kept.

use std::process::ExitCode;

use netwright_state::Phase;

use super::{Session, recover};
use crate::arguments::{self, Global};
use crate::failure::{Done, Failure};
use crate::output::{self, GOOD};

/// `netwright confirm`.
pub(crate) fn run(arguments: &arguments::Confirm, global: &Global) -> Done {
    let session = Session::open(arguments.place.open()?)?;
    let _lock = session.lock(true, global)?;
    let open = session.store.open_journal()?.filter(|journal| journal.boot == session.store.boot());
    let Some(mut journal) = open else {
        return Err(Failure::said("no apply waits for a confirmation"));
    };
    if journal.phase == Phase::Running || recover::is_overdue(&journal) {
        session.settle(global)?;
        return Err(Failure::said("it is too late to confirm: the apply was taken back"));
    }
    journal.phase = Phase::Done;
    session.store.keep_journal(&journal)?;
    session.keep_good_of(&journal)?;
    if !global.quiet {
        output::message(&format!("{GOOD}Confirmed{GOOD:#}: apply {} stays.", journal.id));
    }
    Ok(ExitCode::SUCCESS)
}
