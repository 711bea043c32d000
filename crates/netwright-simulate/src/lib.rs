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
//!
//! # In a test of a program
//!
//! A program that sets a host up itself is tried by [`Build`]: it does so in a namespace of the test, and says what its firewall is.
//!
//! ```standalone_crate
//! use std::ops::ControlFlow::Continue;
//!
//! use netwright::{Address, Change, Net, nft};
//! use netwright_nft::catalog::Catalog;
//! use netwright_nft::diagnostic::SourceMap;
//! use netwright_nft::evaluate::{self, compile};
//! use netwright_nft::syntax::{self, NoIncludes};
//! use netwright_nft::table::Zone;
//! use netwright_simulate::{Build, Options, Outcome, Session};
//! use netwright_state::{Format, Ruleset, read};
//! use netwright_sys::Namespace;
//!
//! const FIREWALL: &str = "table ip filter {
//!     chain input {
//!         type filter hook input priority filter; policy drop;
//!         tcp dport 22 accept
//!     }
//! }";
//!
//! struct Program;
//!
//! impl Build for Program {
//!     fn apply(&self, namespace: &Namespace) -> Result<(), String> {
//!         let set_up = |net: Net| -> netwright::Result<()> {
//!             let eth0 = net.links().get("eth0")?;
//!             net.links().set(&eth0, Change::up())?;
//!             net.addresses().add(&eth0, Address::new([192, 0, 2, 1].into(), 24))?;
//!             let mut batch = net.nft().batch();
//!             batch.extend(nft::parse(FIREWALL)?)?;
//!             batch.commit()?;
//!             Ok(())
//!         };
//!         Net::open_in(namespace).and_then(set_up).map_err(|error| error.to_string())
//!     }
//!
//!     fn firewall(&self, namespace: &Namespace, sources: &mut SourceMap) -> Result<Ruleset, String> {
//!         let names = nft::names_in(namespace);
//!         let source = sources.add("firewall.nft", FIREWALL);
//!         let parsed = syntax::parse(sources, source, &mut NoIncludes);
//!         let options = evaluate::Options { names: &names, catalog: &Catalog::default(), zone: Zone::UTC };
//!         let commands = compile(sources, &parsed, &options).commands;
//!         Ruleset::declared(&commands).map_err(|unfit| format!("{unfit:?}"))
//!     }
//! }
//!
//! // the links with their addresses, and what shall become of what is sent
//! const HOST: &str = r#"
//!     link.eth0.addresses = ["192.0.2.1/24"]
//!     [[flow]]
//!     name = "SSH is open"
//!     from = "eth0 192.0.2.9"
//!     to = "host"
//!     tcp = 22
//!     [[flow]]
//!     name = "the database is not"
//!     from = "eth0 192.0.2.9"
//!     to = "host"
//!     tcp = 5432
//!     expect = "drop"
//! "#;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // before there is any other thread: an ordinary user gets namespaces of its own
//! netwright_sys::isolate::enter()?;
//! let mut sources = SourceMap::default();
//! let (host, mistakes) = read(&mut sources, "host.toml", HOST, Format::Toml, &mut |_| Err(String::new()));
//! let host = host.ok_or_else(|| format!("{mistakes:?}"))?;
//! let session = Session::new(&host, &sources, &Program, Options::default());
//! let report = session.run(&mut NoIncludes, &|_| true, &mut |_| Continue(()))?;
//! assert!(report.passed(), "{report}");
//! let verdicts: Vec<_> = report.flows.iter().filter_map(|flow| flow.verdict()).collect();
//! assert_eq!(verdicts[0].outcome, Outcome::Accept);
//! assert_eq!(verdicts[0].decided_by[0].text, "tcp dport 22 accept");
//! assert_eq!(verdicts[1].outcome, Outcome::Drop);
//! assert_eq!(verdicts[1].decided_by[0].text, "policy drop of chain ip filter input");
//! # Ok(())
//! # }
//! ```
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
mod paths;
mod report;
mod ruleset;
mod session;
mod shape;
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
mod workers;
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
