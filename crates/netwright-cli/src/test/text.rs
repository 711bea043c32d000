//! What came of flows, as text: a line for each as soon as it is known, then what is wrong, then a line for all.

use std::io::{self, Write};

use netwright_simulate::{CaseReport, FlowReport, Planned, Report, display};
use unicode_width::UnicodeWidthStr;

use super::{Format, single};
use crate::arguments::Global;
use crate::output::{self, BAD, DIM, ERROR, GOOD, NAME, PLAIN, count};

/// What is written as text.
pub(super) struct Text<'a> {
    global: &'a Global,
    /// Widths of the columns with names and expectations.
    widths: [usize; 2],
    begun: bool,
    /// How many characters fit into a line.
    room: usize,
    /// Whether all that is known is told of each flow, and no table is made.
    singly: bool,
}

/// Words for what is seen are at most this long, but for how something is rejected.
const SEEN: usize = 8;

impl<'a> Text<'a> {
    pub(super) fn new(flows: &[&Planned], global: &'a Global) -> Self {
        let name = flows.iter().map(|flow| output::one_line(&flow.name).width()).max();
        let expected = flows.iter().map(|flow| flow.expected.to_string().width()).max();
        let widths = [name.unwrap_or(0).max("FLOW".len()), expected.unwrap_or(0).max("EXPECTED".len())];
        Text { global, widths, begun: false, room: output::line_width(), singly: false }
    }

    /// For flows of the command line.
    pub(super) fn singly(self) -> Self {
        Text { singly: true, ..self }
    }

    /// A line for a flow.
    fn line(&mut self, report: &FlowReport, out: &mut dyn Write) -> io::Result<()> {
        let passed = report.passed();
        if self.global.quiet && passed {
            return Ok(());
        }
        let [name, expected] = self.widths;
        if !self.begun {
            self.begun = true;
            writeln!(
                out,
                "{DIM}{:4}  {:name$}  {:expected$}  {:SEEN$}  DECIDED BY{DIM:#}",
                "", "FLOW", "EXPECTED", "SEEN"
            )?;
        }
        let (mark, style) = if passed { ("ok", GOOD) } else { ("FAIL", ERROR) };
        let title = if passed { PLAIN } else { NAME };
        let shown = output::one_line(&report.name);
        let pad = name.saturating_sub(shown.width());
        let colour = if passed { GOOD } else { BAD };
        let wanted = report.expected.to_string();
        let seen = report.seen();
        // what follows is only as long as it must be
        let decided = report.decided();
        let width = if decided.is_empty() && report.cases == 1 { 0 } else { SEEN };
        write!(out, "{style}{mark:4}{style:#}  {title}{shown}{title:#}{:pad$}  ", "")?;
        write!(out, "{wanted:expected$}  {colour}{seen:width$}{colour:#}")?;
        let mut used = 4 + 2 + name + 2 + expected + 2 + seen.width().max(width) + 2;
        if !decided.is_empty() {
            let decided = output::plain(&decided);
            write!(out, "  {decided}")?;
            used += decided.width() + 2;
        }
        let deciders = report.verdict().map_or(&[][..], |verdict| &verdict.decided_by);
        let text = match deciders {
            _ if report.cases > 1 => count(report.cases, "packet"),
            [only] => only.text.clone(),
            _ => String::new(),
        };
        if !text.is_empty() {
            let text = output::plain(&text);
            write!(out, "  {DIM}{}{DIM:#}", output::cut(&text, self.room.saturating_sub(used)))?;
        }
        writeln!(out)?;
        if self.global.verbose
            && let Some(case) = report.shown.first()
        {
            let milliseconds = report.elapsed.as_secs_f64() * 1000.0;
            writeln!(out, "      {DIM}{} ({milliseconds:.1} ms){DIM:#}", output::one_line(&case.packet))?;
            for place in &case.verdict.shaped_by {
                writeln!(out, "      {DIM}by way of {}{DIM:#}", output::plain(&place.to_string()))?;
            }
        }
        Ok(())
    }

    /// What is to be said when all is known.
    fn conclusion(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        for flow in report.flows.iter().filter(|flow| !flow.passed()) {
            writeln!(out)?;
            self.explain(flow, out)?;
        }
        if !self.global.quiet || !report.passed() {
            if !report.flows.is_empty() {
                writeln!(out)?;
            }
            for note in &report.notes {
                writeln!(out, "{DIM}note: {}{DIM:#}", output::plain(note))?;
            }
            summary(report, out)?;
        }
        Ok(())
    }

    /// All that is known of a flow.
    fn one(&self, report: &FlowReport, out: &mut dyn Write) -> io::Result<()> {
        if single::expects(report) {
            let (word, style) = if report.passed() { ("ok", GOOD) } else { ("FAIL", ERROR) };
            writeln!(out, "{style}{word}{style:#}")?;
            line(out, "expected", &report.expected.to_string())?;
        }
        for case in &report.shown {
            let mut case = case.clone();
            if !single::expects(report) {
                case.wrong.clear();
            }
            self.case(&case, out)?;
        }
        let more = report.cases.saturating_sub(report.shown.len());
        if more > 0 {
            writeln!(out, "  {DIM}and {more} more packets{DIM:#}")?;
        }
        Ok(())
    }

    /// What went wrong with a flow.
    fn explain(&self, report: &FlowReport, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{ERROR}FAIL{ERROR:#} {NAME}{}{NAME:#}", output::one_line(&report.name))?;
        if let Some(place) = &report.declared {
            line(out, "declared", &place.at)?;
        }
        line(out, "expected", &report.expected.to_string())?;
        for case in &report.shown {
            self.case(case, out)?;
        }
        let more = report.failed.saturating_sub(report.shown.len());
        if more > 0 {
            writeln!(out, "  {DIM}and {} more of {} that are not as expected{DIM:#}", more, report.cases)?;
        }
        Ok(())
    }

    fn case(&self, case: &CaseReport, out: &mut dyn Write) -> io::Result<()> {
        let verdict = &case.verdict;
        if !case.packet.is_empty() {
            line(out, "packet", &case.packet)?;
        }
        let mut seen = verdict.outcome.to_string();
        if let Some(address) = verdict.seen_from {
            seen.push_str(&format!(", coming from {}", display(address)));
        }
        if let Some(address) = verdict.arrived_at {
            seen.push_str(&format!(", arriving at {}", display(address)));
        }
        if let Some(link) = &verdict.left_by {
            seen.push_str(&format!(" by {link}"));
        }
        line(out, "seen", &seen)?;
        for place in &verdict.decided_by {
            line(out, "decided by", &place.to_string())?;
        }
        for place in &verdict.shaped_by {
            line(out, "by way of", &place.to_string())?;
        }
        case.wrong
            .iter()
            .chain(&verdict.details)
            .try_for_each(|detail| writeln!(out, "  {}", output::plain(detail)))
    }
}

impl Format for Text<'_> {
    fn flow(&mut self, report: &FlowReport, out: &mut dyn Write) -> io::Result<()> {
        match self.singly {
            true if single::is_one(&report.name) => self.one(report, out),
            true => Ok(()),
            false => self.line(report, out),
        }
    }

    fn end(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        match self.singly {
            true => report
                .notes
                .iter()
                .try_for_each(|note| writeln!(out, "{DIM}note: {}{DIM:#}", output::plain(note))),
            false => self.conclusion(report, out),
        }
    }
}

fn line(out: &mut dyn Write, word: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {DIM}{word:10}{DIM:#}  {}", output::plain(text))
}

fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (all, failed) = (report.flows.len(), report.failures());
    let seconds = report.elapsed.as_secs_f64();
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
