//! What came of the flows.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use netwright_state::model::{ConntrackState, Expect, Refusal};
use serde_json::{Value as Json, json};

use crate::coverage::Coverage;
use crate::sources::Place;
use crate::trace::Step;

/// What became of a packet or connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It arrived, and the answer came back.
    Accept,
    /// It arrived. No answer came back, or none belongs to it.
    Arrived,
    /// It came to the host, did not arrive, and the sender was not told.
    #[default]
    Drop,
    /// It did not arrive, and the sender was told.
    Reject(Refusal),
    /// Nothing of it came to the host, so that this says nothing about the host: why.
    NoPath(String),
    /// It could not be tried: why.
    Error(String),
}

impl Outcome {
    /// A word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Accept => "accept",
            Outcome::Arrived => "arrived",
            Outcome::Drop => "drop",
            Outcome::Reject(_) => "reject",
            Outcome::NoPath(_) => "no-path",
            Outcome::Error(_) => "error",
        }
    }

    /// Whether it is what is expected.
    #[must_use]
    pub fn fits(&self, expected: Expect) -> bool {
        match (expected, self) {
            (Expect::Accept, Outcome::Accept)
            | (Expect::Arrive, Outcome::Accept | Outcome::Arrived)
            | (Expect::Drop | Expect::Refuse, Outcome::Drop)
            | (Expect::Refuse, Outcome::Reject(_))
            | (Expect::NoPath, Outcome::NoPath(_)) => true,
            (Expect::Reject(pattern), Outcome::Reject(refusal)) => pattern.matches(*refusal),
            _ => false,
        }
    }

    /// Whether it got to where it was sent, or where it was translated to.
    #[must_use]
    pub fn arrives(&self) -> bool {
        matches!(self, Outcome::Accept | Outcome::Arrived)
    }
}

/// The word, and how it was rejected.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Reject(refusal) => f.pad(&format!("reject {refusal}")),
            other => f.pad(other.as_str()),
        }
    }
}

/// What became of a packet, and what decided it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// The source that the receiver saw, where it arrived. Where there are no ports they are 0.
    pub seen_from: Option<SocketAddr>,
    /// Where it arrived.
    pub arrived_at: Option<SocketAddr>,
    /// The link that it left the host by; of a bridge, the port.
    pub left_by: Option<String>,
    /// The rules and policies that decided. Of a packet that arrived, all without which it would not have; where it would
    /// have in any case, the last that accepted it. Empty where none had a say.
    pub decided_by: Vec<Place>,
    /// The rules that changed the packet, its mark, its connection or a set, in order.
    pub shaped_by: Vec<Place>,
    /// What else is worth knowing; each a sentence without a full stop.
    pub details: Vec<String>,
    /// The packet's mark at its last rule.
    pub mark: Option<u32>,
    /// The mark of its connection, where the flow expects one and there is a connection.
    pub connection_mark: Option<u32>,
    /// How many packets the counters that the flow names counted because of it; `None` where there is no such counter.
    pub counted: Vec<Option<u64>>,
    /// What connection tracking thought of the packet, where the kernel tells (Linux 6.17).
    pub state: Option<ConntrackState>,
    /// Whether no answer belongs to what was sent, so that to arrive is all that it can do.
    pub one_way: bool,
    /// The texts before the lines that rules wrote to the log because of it.
    pub logged: Vec<String>,
    /// DSCP and ECN as the receiver saw them.
    pub class: Option<u8>,
    /// The way of the first packet through the rules.
    pub(crate) way: Vec<Step>,
    /// The rules that matched any of its packets.
    pub(crate) hits: Vec<Step>,
}

/// What came of all flows, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// One for each flow.
    pub flows: Vec<FlowReport>,
    /// What could not be simulated as it is on a host; each a sentence without a full stop.
    pub notes: Vec<String>,
    /// What of the firewall the flows use, where that was asked for.
    pub coverage: Option<Coverage>,
    /// How long all of it took, with building and applying.
    pub elapsed: Duration,
}

/// What came of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowReport {
    /// The flow's name.
    pub name: String,
    /// Where it is declared, with its name.
    pub declared: Option<Place>,
    /// What the file expects.
    pub expected: Expect,
    /// How many packets or connections were tried for it.
    pub cases: usize,
    /// The first that are not as expected, at most [`FlowReport::SHOWN`]; where all are, the first one.
    pub shown: Vec<CaseReport>,
    /// How many are not as expected.
    pub failed: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of one packet or connection of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaseReport {
    /// What was sent, in a line.
    pub packet: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What is not as expected; each a sentence without a full stop.
    pub wrong: Vec<String>,
}

impl CaseReport {
    /// Whether all is as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl FlowReport {
    /// So many packets that are not as expected are shown of each flow.
    pub const SHOWN: usize = 10;

    /// Whether all is as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failed == 0
    }

    /// What became of the packet that is shown first.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.shown.first().map(|case| &case.verdict)
    }

    /// What became of it, in a word.
    #[must_use]
    pub fn seen_word(&self) -> &'static str {
        self.verdict().map_or("error", |verdict| verdict.outcome.as_str())
    }

    /// What became of it, with how it was rejected.
    #[must_use]
    pub fn seen(&self) -> String {
        self.verdict().map_or("error".into(), |verdict| verdict.outcome.to_string())
    }

    /// The places of what decided, one after the other.
    #[must_use]
    pub fn decided(&self) -> String {
        let places = self.verdict().map_or(&[][..], |verdict| &verdict.decided_by);
        places.iter().map(|place| place.at.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What is to be said of it: first what is wrong, then what else is known.
    pub fn details(&self) -> impl Iterator<Item = &str> {
        let first = self.shown.first();
        let wrong = first.map_or(&[][..], |case| &case.wrong);
        let details = first.map_or(&[][..], |case| &case.verdict.details);
        let reason = first.and_then(|case| match &case.verdict.outcome {
            Outcome::NoPath(why) | Outcome::Error(why) if wrong.is_empty() => Some(why),
            _ => None,
        });
        wrong.iter().chain(reason).chain(details).map(String::as_str)
    }

    /// Notes what came of a packet.
    pub(crate) fn note(&mut self, case: CaseReport) {
        let passed = case.passed();
        if !passed {
            if self.failed == 0 {
                self.shown.clear();
            }
            self.failed += 1;
        }
        if self.shows(passed) {
            self.shown.push(case);
        }
    }

    /// Whether another packet would be shown.
    pub(crate) fn shows(&self, passed: bool) -> bool {
        match passed {
            true => self.failed == 0 && self.shown.is_empty(),
            false => self.failed == 0 || self.shown.len() < FlowReport::SHOWN,
        }
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut json = match self.shown.first() {
            Some(case) => case.to_json(),
            None => json!({}),
        };
        if let Some(json) = json.as_object_mut() {
            json.insert("name".into(), self.name.clone().into());
            json.insert("declared-at".into(), self.declared.as_ref().map(|place| place.at.clone()).into());
            json.insert("expected".into(), self.expected.to_string().into());
            json.insert("passed".into(), self.passed().into());
            json.insert("packets".into(), self.cases.into());
            json.insert("failed-packets".into(), self.failed.into());
            if self.cases > 1 {
                let others = self.shown.iter().filter(|case| !case.passed()).map(CaseReport::to_json);
                json.insert("failures".into(), others.collect());
            }
            json.insert("milliseconds".into(), milliseconds(self.elapsed).into());
        }
        json
    }
}

impl CaseReport {
    fn to_json(&self) -> Json {
        let verdict = &self.verdict;
        let address = |address: Option<SocketAddr>| address.map(display);
        let place = |place: &Place| json!({ "at": place.at, "text": place.text });
        let details: Vec<&String> = self.wrong.iter().chain(&verdict.details).collect();
        let mut json = json!({
            "packet": self.packet,
            "seen": verdict.outcome.as_str(),
            "reject-with": null,
            "reason": null,
            "seen-from": address(verdict.seen_from),
            "arrived-at": address(verdict.arrived_at),
            "left-by": verdict.left_by,
            "decided-by": verdict.decided_by.last().map(place),
            "deciders": verdict.decided_by.iter().map(place).collect::<Vec<_>>(),
            "shaped-by": verdict.shaped_by.iter().map(place).collect::<Vec<_>>(),
            "details": details,
        });
        match &verdict.outcome {
            Outcome::Reject(refusal) => json["reject-with"] = refusal.to_string().into(),
            Outcome::NoPath(why) | Outcome::Error(why) => json["reason"] = why.clone().into(),
            Outcome::Accept | Outcome::Arrived | Outcome::Drop => {}
        }
        json
    }
}

impl Report {
    /// Whether every flow is as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.flows.iter().all(FlowReport::passed)
    }

    /// How many flows are not as expected.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.flows.iter().filter(|flow| !flow.passed()).count()
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut json = json!({
            "passed": self.passed(),
            "milliseconds": milliseconds(self.elapsed),
            "notes": self.notes,
            "flows": self.flows.iter().map(FlowReport::to_json).collect::<Vec<_>>(),
        });
        if let Some(coverage) = &self.coverage {
            json["coverage"] = coverage.to_json();
        }
        json
    }
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// An address with its port, without the one where there is none.
#[must_use]
pub fn display(address: SocketAddr) -> String {
    match address.port() {
        0 => address.ip().to_string(),
        _ => address.to_string(),
    }
}

const TITLES: [&str; 5] = ["", "flow", "expected", "seen", "decided by"];

/// A table of plain text, then what is to be said about single flows, then a line for all.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 5]> = self.flows.iter().map(row).collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
            let all = cells.chain(TITLES.get(column).copied());
            all.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in [&TITLES.map(str::to_owned)].into_iter().chain(&rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                write!(line, "{cell:width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        for flow in self.flows.iter().filter(|flow| !flow.passed()) {
            writeln!(f, "\n{}: expected {}, seen {}", flow.name, flow.expected, flow.seen())?;
            for place in flow.verdict().map_or(&[][..], |verdict| &verdict.decided_by) {
                writeln!(f, "  decided by {place}")?;
            }
            for detail in flow.details() {
                writeln!(f, "  {detail}")?;
            }
        }
        let (all, failed) = (self.flows.len(), self.failures());
        let seconds = self.elapsed.as_secs_f64();
        match failed {
            0 => write!(f, "\n{all} flows, all as expected, in {seconds:.2} s"),
            _ => write!(f, "\n{all} flows, {failed} not as expected, in {seconds:.2} s"),
        }
    }
}

fn row(flow: &FlowReport) -> [String; 5] {
    let mark = if flow.passed() { "ok" } else { "FAIL" };
    let place = Some(flow.decided()).filter(|places| !places.is_empty());
    [mark.into(), flow.name.clone(), flow.expected.to_string(), flow.seen(), place.unwrap_or("-".into())]
}

#[cfg(test)]
mod tests;
