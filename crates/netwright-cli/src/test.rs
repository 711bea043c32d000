//! `netwright test`: real packets through a simulated host.

use std::io::{self, Write};
use std::process::ExitCode;

use netwright::{Namespace, Net};
use netwright_nft::diagnostic::{SourceMap, nearest, suggestion};
use netwright_simulate::{FlowReport, Options, Report, RuleSources};
use netwright_state::model::{Flow, Host, IcmpProbe, Probe};

use crate::arguments::{Global, Test};
use crate::failure::{Done, FAILED, Failure};
use crate::files::Includes;
use crate::host::Loaded;
use crate::output::{self, BAD, Cell, DIM, ERROR, GOOD, NAME, PLAIN, Table, count};

/// `netwright test`.
pub(crate) fn run(arguments: &Test, global: &Global) -> Done {
    let mut loaded = arguments.host.load(global, None)?;
    select(&mut loaded.host, &arguments.flows)?;
    // namespaces belong to threads, and there is one thread still
    netwright::sys::isolate::enter()?;
    let rules = RuleSources::read(&loaded.host, &mut loaded.sources, &mut Includes::beside());
    let host = &loaded.host;
    let apply = |namespace: &Namespace| bring(&loaded, namespace).map(|()| rules);
    let report = netwright_simulate::run(host, &loaded.sources, &Options::default(), apply)
        .map_err(|error| Failure::said(error.to_string()).with_help(error.help()))?;
    if arguments.json {
        output::json(&report.to_json())?;
    } else {
        let mut out = output::stdout();
        Shown { report: &report, host, sources: &loaded.sources, global }.write(&mut out)?;
        out.flush()?;
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// Keeps the flows whose names contain one of the words.
fn select(host: &mut Host, words: &[String]) -> Result<(), Failure> {
    let meant = |flow: &Flow, word: &String| flow.name.to_lowercase().contains(&word.to_lowercase());
    for word in words {
        if !host.flows.iter().any(|flow| meant(flow, word)) {
            let near = nearest(word, host.flows.iter().map(|flow| flow.name.as_str()));
            let failure = Failure::said(format!("no flow has `{word}` in its name"));
            return Err(failure.with_help(near.map(suggestion)));
        }
    }
    if !words.is_empty() {
        host.flows.retain(|flow| words.iter().any(|word| meant(flow, word)));
    }
    Ok(())
}

fn bring(loaded: &Loaded, namespace: &Namespace) -> Result<(), String> {
    let net = Net::open_in(namespace).map_err(|error| error.to_string())?;
    let firewall = loaded.firewall_in(&net)?;
    let mut executor = netwright::state::Live::new(&net);
    netwright_state::bring(&loaded.host, &firewall, &mut executor, &mut |_| {})
        .map(drop)
        .map_err(|error| error.to_string())
}

/// A report as it is shown.
struct Shown<'a> {
    report: &'a Report,
    host: &'a Host,
    sources: &'a SourceMap,
    global: &'a Global,
}

impl Shown<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let flows = self.report.flows.iter().zip(&self.host.flows);
        let quiet = self.global.quiet;
        let mut table =
            Table::new(["", "FLOW", "PACKET", "EXPECTED", "SEEN", ">TIME", "DECIDED BY", ""]).fit_terminal();
        for (report, flow) in flows.clone().filter(|(report, _)| !quiet || !report.passed) {
            table.row(self.row(report, flow));
        }
        table.write(out)?;
        for (report, flow) in flows.filter(|(report, _)| !report.passed) {
            writeln!(out)?;
            self.explain(report, flow, out)?;
        }
        if !quiet || !self.report.passed() {
            let gap = if self.report.flows.is_empty() { "" } else { "\n" };
            write!(out, "{gap}")?;
            self.summary(out)?;
        }
        Ok(())
    }

    fn row(&self, report: &FlowReport, flow: &Flow) -> [Cell; 8] {
        let verbose = self.global.verbose;
        let (mark, style) = if report.passed { ("ok", GOOD) } else { ("FAIL", ERROR) };
        let place = report.decided_by.as_ref();
        let detail = |text: String| if verbose { text } else { String::new() };
        [
            Cell::new(mark, style),
            Cell::new(&report.name, if report.passed { PLAIN } else { NAME }),
            Cell::new(detail(packet(flow)), DIM),
            report.expected.as_str().into(),
            Cell::new(report.seen_word(), if report.passed { GOOD } else { BAD }),
            Cell::new(detail(format!("{:.1} ms", report.elapsed.as_secs_f64() * 1000.0)), DIM),
            place.map_or("", |place| place.at.as_str()).into(),
            Cell::new(place.map_or("", |place| place.text.as_str()), DIM),
        ]
    }

    /// What went wrong with a flow.
    fn explain(&self, report: &FlowReport, flow: &Flow, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{ERROR}FAIL{ERROR:#} {NAME}{}{NAME:#}", output::plain(&report.name))?;
        let declared = self.sources.locate(flow.place.span).map(|at| format!("{}:{}", at.name, at.line));
        let mut seen = report.seen_word().to_owned();
        if let Some(address) = report.seen_from {
            seen.push_str(&format!(", coming from {}", endpoint(address)));
        }
        if let Some(address) = report.arrived_at {
            seen.push_str(&format!(", arriving at {}", endpoint(address)));
        }
        let lines = [
            ("declared", declared),
            ("packet", Some(packet(flow))),
            ("expected", Some(expected(flow))),
            ("seen", Some(seen)),
            ("decided by", report.decided_by.as_ref().map(ToString::to_string)),
        ];
        for (word, line) in lines {
            if let Some(line) = line {
                writeln!(out, "  {DIM}{word:10}{DIM:#}  {}", output::plain(&line))?;
            }
        }
        report.details.iter().try_for_each(|detail| writeln!(out, "  {}", output::plain(detail)))
    }

    fn summary(&self, out: &mut impl Write) -> io::Result<()> {
        let (all, failed) = (self.report.flows.len(), self.report.failures());
        let seconds = self.report.elapsed.as_secs_f64();
        write!(out, "{NAME}{}{NAME:#}: ", count(all, "flow"))?;
        let good = all - failed;
        if good > 0 || failed == 0 {
            write!(out, "{GOOD}{good} as expected{GOOD:#}")?;
        }
        if failed > 0 {
            let comma = if good > 0 { ", " } else { "" };
            write!(out, "{comma}{ERROR}{failed} not as expected{ERROR:#}")?;
        }
        writeln!(out, " {DIM}({seconds:.2} s){DIM:#}")
    }
}

/// What a flow sends, in a line.
fn packet(flow: &Flow) -> String {
    let what = match flow.probe() {
        Some(Probe::Tcp(port)) => format!("tcp {port}"),
        Some(Probe::Udp(port)) => format!("udp {port}"),
        Some(Probe::Icmp(IcmpProbe::Echo)) => "icmp echo".into(),
        Some(Probe::Icmp(IcmpProbe::Type(number))) => format!("icmp type {number}"),
        None => String::new(),
    };
    let port = flow.source_port.map(|port| format!(" from port {port}")).unwrap_or_default();
    let times = if flow.times > 1 { format!(", {} times", flow.times) } else { String::new() };
    format!("{} → {} {what}{port}{times}", flow.from, flow.to)
}

fn expected(flow: &Flow) -> String {
    let mut text = flow.expect.as_str().to_owned();
    if let Some(endpoint) = flow.seen_from {
        text.push_str(&format!(", coming from {endpoint}"));
    }
    if let Some(endpoint) = flow.arrives_at {
        text.push_str(&format!(", arriving at {endpoint}"));
    }
    text
}

/// An address with its port; ICMP has none.
fn endpoint(address: std::net::SocketAddr) -> String {
    if address.port() == 0 { address.ip().to_string() } else { address.to_string() }
}

#[cfg(test)]
mod tests;
