//! `netwright plan`: what would change.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::Style;
use netwright_nft::diagnostic::SourceMap;
use netwright_state::step::Sign;
use netwright_state::{Executor, Owners, Plan, Snapshot, Step, Wanted};

use crate::arguments::{self, Global};
use crate::diagnostics;
use crate::failure::{Done, FAILED, Failure};
use crate::host::Loaded;
use crate::output::{self, BAD, CHANGED, DIM, GOOD};
use crate::state::Session;

/// The exit code of `plan --exit-code` where something would change.
const PENDING: u8 = 10;

/// The exit code where a link is missing that may not be.
pub(crate) const LACKING: u8 = 3;

/// `netwright plan`.
pub(crate) fn run(arguments: &arguments::Plan, global: &Global) -> Done {
    let session = Session::open_to_read(arguments.place.open()?, global)?;
    let loaded = arguments.host.load(global, Some(&session.net))?;
    let owners = session.owners(&loaded, global)?;
    let (plan, _) = make(&loaded, &owners, &mut session.live())?;
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

/// Finds what is to be done in a namespace, and what there is.
pub(crate) fn make(
    loaded: &Loaded,
    owners: &Owners,
    executor: &mut dyn Executor,
) -> Result<(Plan, Snapshot), Failure> {
    let snapshot = executor.snapshot(&Wanted::of(&loaded.host, &loaded.firewall, &owners.own))?;
    Ok((netwright_state::plan(&loaded.host, &loaded.firewall, &snapshot, owners), snapshot))
}

fn show(plan: &Plan, sources: &SourceMap, global: &Global) -> io::Result<()> {
    diagnostics::show_unless_quiet(&plan.diagnostics, sources, global);
    let mut out = output::stdout();
    for step in &plan.steps {
        write_step(step, sources, global, &mut out)?;
    }
    if !global.quiet && plan.errors().next().is_none() {
        if plan.steps.is_empty() {
            nothing(&mut out, plan)?;
        } else {
            writeln!(out, "\n{}", summary(plan))?;
        }
    }
    out.flush()
}

/// The line for a plan without steps.
pub(crate) fn nothing(out: &mut impl Write, plan: &Plan) -> io::Result<()> {
    let missing: Vec<&str> = plan.missing.iter().map(|missing| missing.name.as_str()).collect();
    match missing.is_empty() {
        true => writeln!(out, "{GOOD}Nothing to do{GOOD:#}: all is as declared."),
        false => writeln!(
            out,
            "{GOOD}Nothing to do{GOOD:#}: all is as declared, but for what is missing: {}.",
            output::plain(&missing.join(", "))
        ),
    }
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

/// Writes a step in its lines; told more, with the place that it comes from.
pub(crate) fn write_step(
    step: &Step,
    sources: &SourceMap,
    global: &Global,
    out: &mut impl Write,
) -> io::Result<()> {
    let colour = style(step.sign);
    write!(out, "{colour}{} {}{colour:#}", step.sign.as_char(), output::plain(&step.text))?;
    if let Some(before) = &step.before {
        write!(out, " {DIM}(before: {}){DIM:#}", output::plain(before))?;
    }
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
