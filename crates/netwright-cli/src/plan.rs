//! `netwright plan` and `netwright apply`: what would change, and changing it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use anstyle::Style;
use netwright::Net;
use netwright_nft::diagnostic::SourceMap;
use netwright_state::step::Sign;
use netwright_state::{ApplyError, Executor, Plan, Progress, Step, Undone, Wanted};

use crate::arguments::{self, Global};
use crate::diagnostics;
use crate::failure::{Done, FAILED, Failure};
use crate::host::Loaded;
use crate::output::{self, BAD, CHANGED, DIM, ERROR, GOOD, HELP, count};

/// The exit code of `plan --exit-code` where something would change.
const PENDING: u8 = 10;

/// `netwright plan`.
pub(crate) fn plan(arguments: &arguments::Plan, global: &Global) -> Done {
    let net = arguments.place.open()?;
    let loaded = arguments.host.load(global, Some(&net))?;
    let plan = make(&loaded, &net)?;
    if arguments.json {
        output::json(&plan.to_json(&loaded.sources))?;
    } else {
        show(&plan, &loaded.sources, global)?;
    }
    let impossible = plan.errors().next().is_some();
    Ok(match (impossible, arguments.exit_code && !plan.steps.is_empty()) {
        (true, _) => ExitCode::from(FAILED),
        (false, true) => ExitCode::from(PENDING),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// `netwright apply`.
pub(crate) fn apply(arguments: &arguments::Apply, global: &Global) -> Done {
    let net = arguments.place.open()?;
    let loaded = arguments.host.load(global, Some(&net))?;
    let start = Instant::now();
    let plan = make(&loaded, &net)?;
    if plan.errors().next().is_some() {
        diagnostics::show(&plan.diagnostics, &loaded.sources);
        output::message(&format!("{ERROR}error{ERROR:#}: nothing was changed"));
        return Err(Failure::Reported);
    }
    let mut executor = netwright::state::Live::new(&net);
    // a reader that goes away must not stop the work half-way
    let mut tell = |progress: Progress<'_>| {
        if !global.quiet {
            let _ = progress_line(progress, &loaded.sources, global);
        }
    };
    netwright_state::apply(&plan, &mut executor, &mut tell)
        .and_then(|_| netwright_state::verify(&loaded.host, &loaded.firewall, &mut executor))
        .map_err(refused)?;
    if !global.quiet {
        let mut out = output::stdout();
        match plan.steps.len() {
            0 => writeln!(out, "{GOOD}Nothing to do{GOOD:#}: all is as declared.")?,
            steps => {
                let seconds = start.elapsed().as_secs_f64();
                writeln!(out, "{GOOD}Done{GOOD:#}: {} {DIM}({seconds:.2} s){DIM:#}", count(steps, "change"))?;
            }
        }
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds what is to be done in a namespace.
fn make(loaded: &Loaded, net: &Net) -> Result<Plan, Failure> {
    let snapshot = netwright::state::Live::new(net)
        .snapshot(&Wanted::of(&loaded.host))
        .map_err(|failure| refused(ApplyError::Unknown(failure)))?;
    Ok(netwright_state::plan(&loaded.host, &loaded.firewall, &snapshot))
}

fn refused(error: ApplyError) -> Failure {
    let failure = Failure::said(error.to_string());
    match error.help() {
        Some(help) => failure.with_help(help),
        None => failure,
    }
}

fn show(plan: &Plan, sources: &SourceMap, global: &Global) -> io::Result<()> {
    diagnostics::show(&plan.diagnostics, sources);
    let mut out = output::stdout();
    for step in &plan.steps {
        write_step(step, sources, global, &mut out)?;
    }
    if !global.quiet && plan.errors().next().is_none() {
        if plan.steps.is_empty() {
            writeln!(out, "{GOOD}Nothing to do{GOOD:#}: all is as declared.")?;
        } else {
            writeln!(out, "\n{}", summary(plan))?;
        }
    }
    out.flush()
}

/// `3 to add, 1 to change, 2 to remove`.
fn summary(plan: &Plan) -> String {
    let signs = [
        (Sign::Add, "to add"),
        (Sign::Change, "to change"),
        (Sign::Remove, "to remove"),
        (Sign::Keep, "to put back"),
    ];
    let counted = signs.into_iter().filter_map(|(sign, words)| {
        let number = plan.steps.iter().filter(|step| step.sign == sign).count();
        let style = style(sign);
        (number > 0).then(|| format!("{style}{number} {words}{style:#}"))
    });
    counted.collect::<Vec<_>>().join(", ")
}

fn style(sign: Sign) -> Style {
    match sign {
        Sign::Add => GOOD,
        Sign::Remove => BAD,
        Sign::Change => CHANGED,
        Sign::Keep => DIM,
    }
}

fn write_step(step: &Step, sources: &SourceMap, global: &Global, out: &mut impl Write) -> io::Result<()> {
    let colour = style(step.sign);
    write!(out, "{colour}{} {}{colour:#}", step.sign.as_char(), output::plain(&step.text))?;
    match step.place.and_then(|span| sources.locate(span)).filter(|_| global.verbose) {
        Some(at) => writeln!(out, "  {DIM}{}:{}{DIM:#}", output::plain(at.name), at.line)?,
        None => writeln!(out)?,
    }
    for (sign, text) in &step.details {
        let colour = style(*sign);
        writeln!(out, "    {colour}{} {}{colour:#}", sign.as_char(), output::plain(text))?;
    }
    Ok(())
}

fn progress_line(progress: Progress<'_>, sources: &SourceMap, global: &Global) -> io::Result<()> {
    match progress {
        Progress::Done(step) => {
            let mut out = output::stdout();
            write_step(step, sources, global, &mut out)?;
            out.flush()
        }
        // the error itself is told at the end
        Progress::Failed(step, _) => {
            output::message(&format!("{ERROR}refused{ERROR:#}: {}", output::plain(&step.text)));
            Ok(())
        }
        Progress::Undone(Undone { step, failure }) => {
            let first = step.lines().next().unwrap_or_default();
            let line = match failure {
                None => format!("{HELP}taken back{HELP:#}: {}", output::plain(first)),
                Some(_) => format!("{ERROR}not taken back{ERROR:#}: {}", output::plain(first)),
            };
            output::message(&line);
            Ok(())
        }
    }
}
