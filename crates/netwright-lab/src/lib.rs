//! The laboratory: tests in throwaway network namespaces, and the tools to compare with.
//!
//! A kernel test is a file in `tests/` with `harness = false` and
//!
//! ```no_run
//! use netwright_lab::{Lab, Oracle, Outcome, ensure_eq, kernel_tests};
//!
//! fn a_link_is_named(lab: &mut Lab) -> Outcome {
//!     let ip = Oracle::ip()?;                 // without `ip` the test is ignored, or fails where `CI=true`
//!     let _neighbour = lab.neighbour()?;      // another namespace behind eth0
//!     let links = ip.json("link show eth0")?; // runs in this test's namespace, as does everything on this thread
//!     ensure_eq!(links[0]["ifname"], "eth0");
//!     Ok(())
//! }
//!
//! kernel_tests! { a_link_is_named }
//! ```
//!
//! The process leaves the machine's network for good before it starts any thread; where it is not root, by a user
//! namespace. Each test then has a fresh network namespace and a thread in it, and all run in parallel.
#![forbid(unsafe_code)]

mod failure;
pub mod fuzz;
mod harness;
mod lab;
mod node;
mod oracle;
pub mod random;
pub mod traffic;
mod wait;

pub use failure::{Failure, Outcome, tunnels};
pub use harness::{Prepared, Test, run, run_prepared};
pub use lab::Lab;
pub use node::Node;
pub use oracle::Oracle;
pub use wait::wait_until;
