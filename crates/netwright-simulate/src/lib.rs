//! Tries a host file's flows with real packets: what `netwright test` does.
//!
//! [`Session`] builds the declared host in a namespace of its own and has the file applied there. The cables of its cards end at
//! this program, which plays everybody outside: it answers whoever the host looks for, sends each flow as frames, sees all that
//! comes out of the host, and answers it. What is in between is the kernel and nothing else. Nothing outside the namespace is
//! touched, and nothing is left when it returns. The process must be allowed to make network namespaces: an ordinary
//! user calls [`netwright_sys::isolate::enter`] first.
//!
//! A packet runs to its end within the call that sends it, so nothing is waited for: what has not come out, and has not come to a
//! socket, does not. Each flow begins in the state that is declared. What others left behind is taken back (connections,
//! neighbours, what the firewall remembers), or where that cannot be, the host is built anew.
#![forbid(unsafe_code)]

mod cases;
mod change;
mod constants;
mod counters;
mod coverage;
mod effect;
mod error;
mod exchange;
mod expect;
mod firewall;
mod frame;
mod inside;
mod lanes;
mod matrix;
mod mutate;
mod only;
mod outside;
mod packet;
mod report;
mod ruleset;
mod session;
mod shot;
mod sources;
mod stateless;
mod sweep;
mod tcp;
mod topology;
mod trace;
mod trial;
mod untried;
mod verdict;
mod walk;
mod world;

#[cfg(test)]
mod testing;

pub use coverage::{Coverage, Covered, Part};
pub use error::Error;
pub use mutate::{Fate, Mutation, Told};
pub use report::{CaseReport, FlowReport, Outcome, Report, Verdict, display};
pub use session::{Build, Listener, Planned, Session};
pub use sources::Place;

/// How to try.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Whether to break off at the first flow that is not as expected.
    pub fail_fast: bool,
    /// Whether each flow gets a host that is built anew, in place of one that is restored.
    pub fresh: bool,
    /// Whether it is told which rules, elements and mappings the flows use.
    pub coverage: bool,
}
