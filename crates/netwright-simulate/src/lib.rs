//! Tries a host file's flows with real packets: what `netwright test` does.
//!
//! [`run`] builds the declared host in a namespace of its own, with cards that lead to switches and simulated neighbours
//! behind them, has the file applied there, sends each flow and tells what became of it and which rule decided. Nothing outside
//! the namespaces is touched, and nothing is left when it returns. The process must be allowed to make network
//! namespaces: an ordinary user calls [`netwright_sys::isolate::enter`] first.
//!
//! A packet that is dropped is recognised by its trace or by the kernel's counters; time runs out only for what
//! leaves no trace at all.
#![forbid(unsafe_code)]

mod attempt;
mod counters;
mod error;
mod flow;
mod packet;
mod probe;
mod report;
mod rules;
mod topology;
mod trace;
mod world;

use std::time::{Duration, Instant};

use netwright_nft::diagnostic::SourceMap;
use netwright_state::model::Host;
use netwright_sys::Namespace;

pub use error::Error;
pub use report::{FlowReport, Place, Report};
pub use rules::RuleSources;

use crate::flow::Simulation;

/// How to try.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to wait for a packet of which nothing is heard.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { patience: Duration::from_secs(1) }
    }
}

/// Tries the flows of a host file, in their order.
///
/// `sources` are the texts that the file was read with. `apply` brings the namespace that it is given to the state that the file
/// declares; the links without a kind exist there already. It returns where the firewall's rules stand, which
/// [`RuleSources::read`] finds out, or why it could not be done, as a sentence.
pub fn run(
    host: &Host,
    sources: &SourceMap,
    options: &Options,
    apply: impl FnOnce(&Namespace) -> Result<RuleSources, String>,
) -> Result<Report, Error> {
    let start = Instant::now();
    let mut simulation = Simulation::build(host, sources, options, apply)?;
    let flows = (0..host.flows.len()).filter_map(|index| simulation.flow(index)).collect();
    Ok(Report { flows, elapsed: start.elapsed() })
}
