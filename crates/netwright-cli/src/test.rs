//! `netwright test`: real packets through a simulated host.

mod coverage;
mod formats;
mod mutate;
mod single;
mod text;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use netwright::{Namespace, Net};
use netwright_confine::Signals;
use netwright_nft::diagnostic::{SourceMap, nearest, suggestion};
use netwright_simulate::{Build, FlowReport, Options, Planned, Report, Session};
use netwright_state::{Owners, Progress, Record, Ruleset, Wish};
use rustix::process::Signal;

use self::formats::{Github, Junit, Tap};
use self::text::Text;
use crate::arguments::{CoverageFormat, Global, Test, TestFormat};
use crate::failure::{Done, FAILED, Failure};
use crate::files::Includes;
use crate::host::Loaded;
use crate::output::{self, DIM, ERROR, WARNING};

/// The exit code when nothing can be said of the flows.
const UNKNOWN: u8 = 2;
/// The exit code of programs that a terminal's key ends, as shells have it.
const INTERRUPTED: u8 = 130;

/// `netwright test`.
pub(crate) fn run(arguments: &Test, global: &Global) -> Done {
    tried(arguments, global).or_else(|failure| {
        failure.report();
        Ok(ExitCode::from(UNKNOWN))
    })
}

fn tried(arguments: &Test, global: &Global) -> Done {
    let mut loaded = match arguments.flow.as_slice() {
        [] => arguments.host.load(global, None)?,
        flows => arguments.host.load_with("--flow", single::text(flows)?, global)?,
    };
    if !arguments.flow.is_empty() {
        single::keep(&mut loaded.host);
    }
    let mut options = Options::default();
    options.fail_fast = arguments.fail_fast;
    options.coverage =
        arguments.coverage.is_some() || arguments.coverage_file.is_some() || arguments.coverage_min.is_some();
    let session = Session::new(&loaded.host, &loaded.sources, &loaded, options);
    let planned = session.planned();
    let words = &arguments.flows;
    check(&planned, words)?;
    let chosen: Vec<&Planned> = planned.iter().filter(|planned| is_meant(&planned.name, words)).collect();
    if arguments.list {
        return list(&chosen, arguments.json);
    }
    if chosen.is_empty() {
        let name = output::plain(&loaded.name);
        output::message(&format!(
            "{WARNING}warning{WARNING:#}: {name} has no [[flow]] and no [[only]]: nothing was tried"
        ));
    }
    // namespaces belong to threads, and there is one thread still
    netwright::sys::isolate::enter()?;
    let signals = Signals::receive(&[Signal::INT, Signal::TERM])
        .map_err(|error| Failure::said(format!("cannot take signals: {error}")))?;
    if arguments.mutate {
        return mutate::run(&session, arguments.json, global, &signals);
    }
    let mut out = output::stdout();
    let mut format: Box<dyn Format> = match arguments.format {
        _ if arguments.json => Box::new(Json),
        _ if in_place(arguments) => Box::new(Nothing),
        TestFormat::Text if !arguments.flow.is_empty() => Box::new(Text::new(&chosen, global).singly()),
        TestFormat::Text => Box::new(Text::new(&chosen, global)),
        TestFormat::Json => Box::new(Json),
        TestFormat::Junit => Box::new(Junit::new(&loaded.name)),
        TestFormat::Tap => Box::new(Tap::new(chosen.len())),
        TestFormat::Github => Box::new(Github(Text::new(&chosen, global))),
    };
    let (mut broken, mut interrupted) = (None, false);
    format.begin(&mut out)?;
    out.flush()?;
    let mut listener = |report: &FlowReport| {
        if let Err(error) = format.flow(report, &mut out).and_then(|()| out.flush()) {
            broken = Some(error);
            return ControlFlow::Break(());
        }
        // what is known so far is told, and then there is an end
        interrupted |= matches!(signals.next(), Ok(Some(_)));
        if interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let report = session
        .run(&mut Includes::beside(), &|name| is_meant(name, words), &mut listener)
        .map_err(|error| Failure::said(error.to_string()).with_help(error.help()))?;
    if let Some(error) = broken {
        return Err(error.into());
    }
    format.end(&report, &mut out)?;
    out.flush()?;
    let too_little = covered(arguments, &report, &mut out)?;
    out.flush()?;
    if interrupted {
        let left = chosen.len() - report.flows.len();
        output::message(&format!("{DIM}interrupted: {} not tried{DIM:#}", output::count(left, "flow")));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let unknown =
        chosen.is_empty() || !arguments.flow.is_empty() && report.flows.iter().any(formats::is_error);
    let differs = |flow: &FlowReport| !flow.passed() && (arguments.flow.is_empty() || single::expects(flow));
    Ok(match report.flows.iter().any(differs) {
        _ if unknown => ExitCode::from(UNKNOWN),
        differs if differs || too_little => ExitCode::from(FAILED),
        _ => ExitCode::SUCCESS,
    })
}

/// Whether coverage is printed in place of the results.
fn in_place(arguments: &Test) -> bool {
    let format = matches!(arguments.coverage, Some(CoverageFormat::Json | CoverageFormat::Lcov));
    format && arguments.coverage_file.is_none()
}

/// Tells what of the firewall was used; whether that is less than it shall be.
fn covered(arguments: &Test, report: &Report, out: &mut dyn Write) -> Result<bool, Failure> {
    let Some(coverage) = &report.coverage else { return Ok(false) };
    let format = arguments.coverage.unwrap_or(CoverageFormat::Text);
    if arguments.coverage.is_some() && !arguments.json || arguments.coverage_file.is_some() {
        coverage::write(coverage, format, arguments.coverage_file.as_deref(), out)?;
    }
    let Some(least) = arguments.coverage_min.filter(|least| coverage.percent() < f64::from(*least)) else {
        return Ok(false);
    };
    output::message(&format!(
        "{ERROR}error{ERROR:#}: the flows use {:.1} % of the firewall, and shall use {least} %",
        coverage.percent()
    ));
    Ok(true)
}

/// Nothing but what comes after the results.
struct Nothing;

impl Format for Nothing {
    fn flow(&mut self, _: &FlowReport, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &Report, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// How results are told.
trait Format: Send {
    /// Before the first flow.
    fn begin(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// As soon as it is known what became of a flow.
    fn flow(&mut self, report: &FlowReport, out: &mut dyn Write) -> io::Result<()>;

    /// When all is known.
    fn end(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()>;
}

/// One document when all is known.
struct Json;

impl Format for Json {
    fn flow(&mut self, _: &FlowReport, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:#}", report.to_json())
    }
}

/// Whether a flow's name contains one of the words, if there are any.
fn is_meant(name: &str, words: &[String]) -> bool {
    let contains = |word: &String| name.to_lowercase().contains(&word.to_lowercase());
    words.is_empty() || words.iter().any(contains)
}

/// Whether each word is in the name of a flow.
fn check(planned: &[Planned], words: &[String]) -> Result<(), Failure> {
    for word in words {
        if !planned.iter().any(|flow| is_meant(&flow.name, std::slice::from_ref(word))) {
            let near = nearest(word, planned.iter().map(|flow| flow.name.as_str()));
            let failure = Failure::said(format!("no flow has `{word}` in its name"));
            return Err(failure.with_help(near.map(suggestion)));
        }
    }
    Ok(())
}

/// `--list`
fn list(chosen: &[&Planned], json: bool) -> Done {
    if json {
        let all: Vec<_> = chosen
            .iter()
            .map(|flow| {
                let at = flow.declared.as_ref().map(|place| place.at.clone());
                serde_json::json!({ "name": flow.name, "expected": flow.expected.to_string(), "declared": at })
            })
            .collect();
        output::json(&serde_json::Value::Array(all))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = output::stdout();
    for flow in chosen {
        let at = flow.declared.as_ref().map_or("", |place| place.at.as_str());
        writeln!(out, "{}  {DIM}{}  {}{DIM:#}", output::plain(&flow.name), flow.expected, output::plain(at))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

impl Build for Loaded {
    fn apply(&self, namespace: &Namespace) -> Result<(), String> {
        let net = Net::open_in(namespace).map_err(|error| error.to_string())?;
        let firewall = self.firewall_in(&net)?;
        let mut executor = netwright::state::Live::new(&net);
        let owners = Owners { own: Record::new("test"), ..Owners::default() };
        let wish = Wish { host: &self.host.simulated(), firewall: &firewall, owners: &owners };
        netwright_state::bring(wish, &mut executor, &mut |_: Progress<'_>| {})
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn firewall(&self, namespace: &Namespace, _: &mut SourceMap) -> Result<Ruleset, String> {
        let net = Net::open_in(namespace).map_err(|error| error.to_string())?;
        self.firewall_in(&net)
    }
}
