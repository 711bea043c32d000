//! What came of the flows.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use netwright_state::model::Expect;
use serde_json::{Value as Json, json};

/// What came of all flows, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One for each flow.
    pub flows: Vec<FlowReport>,
    /// How long all of it took, with building and applying.
    pub elapsed: Duration,
}

/// What came of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowReport {
    /// The flow's name.
    pub name: String,
    /// What the file expects.
    pub expected: Expect,
    /// What was seen; `None` where it could not be tested.
    pub seen: Option<Expect>,
    /// The source that the receiver saw, where it arrived. The port of ICMP is 0.
    pub seen_from: Option<SocketAddr>,
    /// Where it arrived. The port of ICMP is 0.
    pub arrived_at: Option<SocketAddr>,
    /// What decided; `None` where nothing had a say.
    pub decided_by: Option<Place>,
    /// Whether all is as expected.
    pub passed: bool,
    /// Why it is not as expected, or what else is worth knowing; each a sentence.
    pub details: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// A place in a file, or in the kernel where no file is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// `router.nft:37`, or in words where there is no such place.
    pub at: String,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

impl Report {
    /// Whether every flow is as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.flows.iter().all(|flow| flow.passed)
    }

    /// How many flows are not as expected.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.flows.iter().filter(|flow| !flow.passed).count()
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "passed": self.passed(),
            "milliseconds": milliseconds(self.elapsed),
            "flows": self.flows.iter().map(FlowReport::to_json).collect::<Vec<_>>(),
        })
    }
}

impl FlowReport {
    /// What was seen, in a word.
    #[must_use]
    pub fn seen_word(&self) -> &'static str {
        self.seen.map_or("not tested", Expect::as_str)
    }

    fn to_json(&self) -> Json {
        let address = |address: Option<SocketAddr>| address.map(display);
        json!({
            "name": self.name,
            "expected": self.expected.as_str(),
            "seen": self.seen.map(Expect::as_str),
            "seen-from": address(self.seen_from),
            "arrived-at": address(self.arrived_at),
            "decided-by": self.decided_by.as_ref().map(|place| json!({ "at": place.at, "text": place.text })),
            "passed": self.passed,
            "details": self.details,
            "milliseconds": milliseconds(self.elapsed),
        })
    }
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// An address with its port, without the one where there is none.
pub(crate) fn display(address: SocketAddr) -> String {
    match address.port() {
        0 => address.ip().to_string(),
        _ => address.to_string(),
    }
}

const TITLES: [&str; 5] = ["", "flow", "expected", "seen", "decided by"];

/// A table of plain text, then what is to be said about single flows, then a line for all.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[&str; 5]> = self.flows.iter().map(row).collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).chain(TITLES.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in [&TITLES].into_iter().chain(&rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                write!(line, "{cell:width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        for flow in self.flows.iter().filter(|flow| !flow.passed) {
            writeln!(f, "\n{}: expected {}, seen {}", flow.name, flow.expected, flow.seen_word())?;
            if let Some(place) = &flow.decided_by {
                writeln!(f, "  decided by {place}")?;
            }
            for detail in &flow.details {
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

fn row(flow: &FlowReport) -> [&str; 5] {
    let mark = if flow.passed { "ok" } else { "FAIL" };
    let place = flow.decided_by.as_ref().map_or("-", |place| place.at.as_str());
    [mark, &flow.name, flow.expected.as_str(), flow.seen_word(), place]
}

#[cfg(test)]
mod tests;
