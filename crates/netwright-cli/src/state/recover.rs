//! `netwright recover` and `netwright rollback`: the way back of an apply, by its journal.

use std::process::ExitCode;

use netwright_state::{Executor, Journal, Phase, Progress, Undone, fate};

use super::{Session, now, uptime};
use crate::arguments::{self, Global};
use crate::failure::{Done, Failure};
use crate::output::{self, GOOD, HELP};

/// Whether an apply has waited longer for its confirmation than it should, with its watchdog gone.
pub(crate) fn is_overdue(journal: &Journal) -> bool {
    journal.confirm.is_some_and(|seconds| waited(journal) > seconds.saturating_add(2))
}

/// Seconds that an apply still waits for its confirmation.
pub(crate) fn left(journal: &Journal) -> u64 {
    journal.confirm.unwrap_or(0).saturating_sub(waited(journal))
}

/// Seconds since an apply was done: by the time since the machine was started, which nobody can set.
fn waited(journal: &Journal) -> u64 {
    match (journal.uptime, uptime()) {
        (Some(then), Some(now)) => now.saturating_sub(then),
        _ => now().saturating_sub(journal.time),
    }
}

/// Brings back what there was before an apply. The lock must be held.
pub(crate) fn take_back(session: &Session, mut journal: Journal, global: &Global) -> Result<(), Failure> {
    if journal.after.is_some() {
        let now = session.live().snapshot(&journal.wanted)?;
        journal.begin_way_back(&now);
        // where there is no room for it, the way back is not the less wanted
        let _ = session.store.keep_journal(&journal);
    }
    let undone = go_back(session, &journal, global);
    if undone.iter().any(|undone| undone.failure.is_some()) {
        return Err(Failure::said(fate(&undone)));
    }
    closed(session, journal)
}

/// Notes that an apply was taken back.
pub(crate) fn closed(session: &Session, mut journal: Journal) -> Result<(), Failure> {
    session.store.keep_record(&journal.record_before)?;
    journal.phase = Phase::TakenBack;
    Ok(session.store.keep_journal(&journal)?)
}

/// The way back of an apply, by its journal.
pub(crate) fn go_back(session: &Session, journal: &Journal, global: &Global) -> Vec<Undone> {
    let mut tell = |progress: Progress<'_>| {
        if let Progress::Undone(Undone { step, failure: None }) = progress
            && !global.quiet
        {
            let step = step.lines().next().unwrap_or_default();
            output::message(&format!("{HELP}taken back{HELP:#}: {}", output::plain(step)));
        }
    };
    let mut executor = session.live();
    let (before, scope) = (&journal.before, &journal.scope);
    netwright_state::go_back(before, scope, &journal.wanted, &mut executor, &mut tell)
}

/// `netwright recover`: takes back what was broken off, or was not confirmed in time.
pub(crate) fn recover(arguments: &arguments::Recover, global: &Global) -> Done {
    let session = Session::open(arguments.place.open()?)?;
    let _lock = session.lock(true, global)?;
    let open = session.store.open_journal()?;
    let waits = open.as_ref().is_some_and(|journal| {
        journal.phase == Phase::Waiting && journal.boot == session.store.boot() && !is_overdue(journal)
    });
    if open.is_none() || waits {
        if !global.quiet {
            let what = if waits { "an apply waits for its confirmation" } else { "no apply was broken off" };
            output::message(&format!("{GOOD}Nothing to do{GOOD:#}: {what}."));
        }
        return Ok(ExitCode::SUCCESS);
    }
    session.settle(global)?;
    Ok(ExitCode::SUCCESS)
}

/// `netwright rollback`: takes back the last apply, or all from the last to one.
pub(crate) fn rollback(arguments: &arguments::Rollback, global: &Global) -> Done {
    let session = Session::open(arguments.place.open()?)?;
    let _lock = session.lock(true, global)?;
    let journals = session.store.journals();
    let here = |journal: &&Journal| journal.boot == session.store.boot() && journal.phase != Phase::TakenBack;
    let Some(last) = journals.iter().rev().find(here).map(|journal| journal.id) else {
        return Err(Failure::said("there is no apply to take back"));
    };
    let first = arguments.id.unwrap_or(last);
    if !journals.iter().filter(here).any(|journal| journal.id == first) {
        let help = "See those that there are with `netwright history`.";
        return Err(Failure::said(format!("there is no apply {first} to take back")).with_help(Some(help)));
    }
    let mut taken = 0;
    for journal in journals.iter().rev().filter(here).filter(|journal| journal.id >= first) {
        take_back(&session, journal.clone(), global)?;
        taken += 1;
    }
    if !global.quiet {
        let what = output::count(taken, "apply").replace("applys", "applies");
        output::message(&format!("{GOOD}Done{GOOD:#}: {what} taken back."));
    }
    Ok(ExitCode::SUCCESS)
}
