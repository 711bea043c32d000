//! `netwright apply`: brings a namespace to what a host file declares.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use netwright::state::Live;
use netwright_nft::diagnostic::{Diagnostic, SourceMap};
use netwright_state::{ApplyError, NotThere, Plan, Progress, Undone};

use crate::arguments::{Apply, Global};
use crate::diagnostics;
use crate::failure::{Done, Failure};
use crate::output::{self, DIM, ERROR, GOOD, HELP, count};
use crate::plan::{make, nothing, write_step};

/// `netwright apply`.
pub(crate) fn run(arguments: &Apply, global: &Global) -> Done {
    let net = arguments.place.open()?;
    let loaded = arguments.host.load(global, Some(&net))?;
    let start = Instant::now();
    let mut executor = Live::new(&net);
    let plan = make(&loaded, &mut executor)?;
    let sources = &loaded.sources;
    diagnostics::show(&plan.diagnostics, sources);
    // a reader that goes away must not stop the work half-way
    let mut tell = |progress: Progress<'_>| {
        if !global.quiet {
            let _ = progress_line(progress, sources, global);
        }
    };
    netwright_state::apply(&plan, &mut executor, &mut tell)
        .and_then(|_| netwright_state::verify(&loaded.host, &loaded.firewall, &mut executor))
        .map_err(|error| refused(error, &plan, sources))?;
    if !global.quiet {
        let mut out = output::stdout();
        if plan.steps.is_empty() {
            nothing(&mut out)?;
        } else {
            let (changes, seconds) = (count(plan.steps.len(), "change"), start.elapsed().as_secs_f64());
            writeln!(out, "{GOOD}Done{GOOD:#}: {changes} {DIM}({seconds:.2} s){DIM:#}")?;
        }
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn progress_line(progress: Progress<'_>, sources: &SourceMap, global: &Global) -> io::Result<()> {
    match progress {
        Progress::Done(step) => {
            let mut out = output::stdout();
            write_step(step, sources, global, &mut out)?;
            out.flush()?;
        }
        Progress::Failed(step, _) => {
            output::message(&format!("{ERROR}refused{ERROR:#}: {}", output::plain(&step.text)));
        }
        Progress::Undone(Undone { step, failure: None }) => {
            let step = step.lines().next().unwrap_or_default();
            output::message(&format!("{HELP}taken back{HELP:#}: {}", output::plain(step)));
        }
        // told at the end, quiet or not
        Progress::Undone(_) => {}
    }
    Ok(())
}

/// Tells why it was not done, pointing at the place in the host file that asked for it, and how things stand now.
fn refused(error: ApplyError, plan: &Plan, sources: &SourceMap) -> Failure {
    let stand = match error {
        ApplyError::Impossible(_) => "nothing was changed".to_owned(),
        ApplyError::Unknown(failure) => return failure.into(),
        ApplyError::Step { index, failure, undone, .. } => {
            let step = plan.steps.get(index).and_then(|step| step.place);
            let place = failure.place.map(|place| sources.written(place)).or(step);
            let mut diagnostic = Diagnostic::error(place.unwrap_or_default(), failure.message);
            diagnostic.help.extend(failure.help);
            if place.is_none() {
                diagnostic.labels.clear();
            }
            diagnostics::show(&[diagnostic], sources);
            now(&undone)
        }
        ApplyError::Different(NotThere { rest }) => {
            diagnostics::show(&rest.diagnostics, sources);
            let steps = rest.steps.iter().map(|step| format!("\n  {step}"));
            format!(
                "all changes were made, and yet this differs from what is declared:{}",
                steps.collect::<String>()
            )
        }
    };
    Failure::said(stand)
}

/// What is left of the changes that had been made.
fn now(undone: &[Undone]) -> String {
    let left = undone.iter().filter_map(|undone| Some((&undone.step, undone.failure.as_ref()?)));
    let left: Vec<String> = left.map(|(step, failure)| format!("\n  {step}: {failure}")).collect();
    match (undone.len(), left.len()) {
        (0, _) => "nothing was changed".to_owned(),
        (_, 0) => "everything that had been changed was taken back".to_owned(),
        (all, some) => {
            format!("{some} of {} could not be taken back:{}", count(all, "change"), left.concat())
        }
    }
}
