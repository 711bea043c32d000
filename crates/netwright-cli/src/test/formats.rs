//! What came of flows, as other programs read it.

use std::fmt::Write as _;
use std::io::{self, Write};

use netwright_simulate::{CaseReport, FlowReport, Outcome, Place, Report};

use super::Format;
use super::text::Text;

/// What is wrong with a flow, in lines.
fn explanation(report: &FlowReport) -> Vec<String> {
    let mut lines = Vec::new();
    let more = report.failed.saturating_sub(report.shown.len());
    for case in report.shown.iter().filter(|case| !case.passed()) {
        lines.extend(of_case(case));
    }
    if more > 0 {
        lines.push(format!("and {more} more of {} that are not as expected", report.cases));
    }
    lines
}

fn of_case(case: &CaseReport) -> Vec<String> {
    let mut lines = Vec::new();
    if !case.packet.is_empty() {
        lines.push(case.packet.clone());
    }
    lines.extend(case.wrong.iter().cloned());
    lines.extend(case.verdict.decided_by.iter().map(|place| format!("decided by {place}")));
    lines.extend(case.verdict.details.iter().cloned());
    lines
}

/// The XML that JUnit's reports have become for CI systems: one suite for the file.
pub(super) struct Junit {
    suite: String,
}

impl Junit {
    pub(super) fn new(suite: &str) -> Self {
        Junit { suite: suite.to_owned() }
    }
}

impl Format for Junit {
    fn flow(&mut self, _: &FlowReport, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let errors = report.flows.iter().filter(|flow| !flow.passed() && is_error(flow)).count();
        let failures = report.failures() - errors;
        let counts = format!(
            "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\"",
            report.flows.len(),
            report.elapsed.as_secs_f64()
        );
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites {counts}>")?;
        writeln!(out, "  <testsuite name=\"{}\" {counts}>", xml(&self.suite))?;
        for flow in &report.flows {
            let time = flow.elapsed.as_secs_f64();
            let line = flow.declared.as_ref().and_then(|place| place.line.as_ref());
            let place = line.map(|(file, line)| format!(" file=\"{}\" line=\"{line}\"", xml(file)));
            write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\"{} time=\"{time:.3}\"",
                xml(&self.suite),
                xml(&flow.name),
                place.unwrap_or_default()
            )?;
            if flow.passed() {
                writeln!(out, "/>")?;
                continue;
            }
            let kind = if is_error(flow) { "error" } else { "failure" };
            let message = format!("expected {}, seen {}", flow.expected, flow.seen());
            writeln!(
                out,
                ">\n      <{kind} message=\"{}\" type=\"{}\">{}</{kind}>\n    </testcase>",
                xml(&message),
                flow.seen_word(),
                xml(&explanation(flow).join("\n"))
            )?;
        }
        if !report.notes.is_empty() {
            writeln!(out, "    <system-out>{}</system-out>", xml(&report.notes.join("\n")))?;
        }
        writeln!(out, "  </testsuite>\n</testsuites>")
    }
}

/// Whether a flow could not be tried.
pub(super) fn is_error(flow: &FlowReport) -> bool {
    flow.verdict().is_none_or(|verdict| matches!(verdict.outcome, Outcome::Error(_)))
}

/// Text as it stands in XML, which has no way to write most control characters.
fn xml(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => found.push_str("&amp;"),
            '<' => found.push_str("&lt;"),
            '>' => found.push_str("&gt;"),
            '"' => found.push_str("&quot;"),
            '\n' => found.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => found.push('\u{fffd}'),
            c => found.push(c),
        }
    }
    found
}

/// The Test Anything Protocol, version 13, which all readers know; later ones say no more of what is told here.
pub(super) struct Tap {
    planned: usize,
    number: usize,
}

impl Tap {
    pub(super) fn new(planned: usize) -> Self {
        Tap { planned, number: 0 }
    }
}

impl Format for Tap {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "TAP version 13\n1..{}", self.planned)
    }

    fn flow(&mut self, report: &FlowReport, out: &mut dyn Write) -> io::Result<()> {
        self.number += 1;
        let word = if report.passed() { "ok" } else { "not ok" };
        // what is behind a number sign would be a directive
        let name: String = report.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        writeln!(out, "{word} {} - {}", self.number, name.replace('\\', "\\\\").replace('#', "\\#"))?;
        if report.passed() {
            return Ok(());
        }
        let list: Vec<String> =
            explanation(report).iter().map(|line| format!("    - {}", yaml(line))).collect();
        let mut text = format!("  ---\n  expected: {}\n", yaml(&report.expected.to_string()));
        let _ = writeln!(text, "  seen: {}", yaml(&report.seen()));
        if let Some(place) = &report.declared {
            let _ = writeln!(text, "  at: {}", yaml(&place.at));
        }
        if !list.is_empty() {
            let _ = writeln!(text, "  why:\n{}", list.join("\n"));
        }
        writeln!(out, "{text}  ...")
    }

    fn end(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        for note in &report.notes {
            let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            writeln!(out, "# {note}")?;
        }
        if report.flows.len() < self.planned {
            writeln!(out, "Bail out! {} flows were not tried", self.planned - report.flows.len())?;
        }
        Ok(())
    }
}

/// A text of YAML in quotes, which is what JSON has too.
fn yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Text, and after it the annotations that GitHub Actions shows at the lines of a change.
pub(super) struct Github<'a>(pub(super) Text<'a>);

impl Format for Github<'_> {
    fn flow(&mut self, report: &FlowReport, out: &mut dyn Write) -> io::Result<()> {
        self.0.flow(report, out)
    }

    fn end(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        self.0.end(report, out)?;
        for flow in report.flows.iter().filter(|flow| !flow.passed()) {
            let title = format!("{}: expected {}, seen {}", flow.name, flow.expected, flow.seen());
            let text = explanation(flow).join("\n");
            let decided = flow.verdict().map_or(&[][..], |verdict| &verdict.decided_by);
            // where the flow is written, and where what decided is
            for place in flow.declared.iter().chain(decided) {
                annotate(place, &title, &text, out)?;
            }
        }
        Ok(())
    }
}

fn annotate(place: &Place, title: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let Some((file, line)) = &place.line else { return Ok(()) };
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    writeln!(out, "::error file={},line={line},title={}::{}", property(file), property(title), data(text))
}
