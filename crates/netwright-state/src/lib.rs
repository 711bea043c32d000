//! Desired network state: what a host file says as plain data, and the way from what there is to there.
//!
//! [`read`] turns the text of a host file (TOML, or JSON of the same shape) into a [`Host`](model::Host), or
//! into every mistake in it at once. [`schema`] gives the JSON Schema of the file, made from the same key tables
//! that read it. Nothing here does IO: files that a host file includes come through a closure.
//!
//! [`plan`] compares the host with a [`Snapshot`] of what there is and finds the steps between, each with its
//! inverse; [`apply`] takes them through an [`Executor`] and goes back where one fails; [`verify`] compares once more.
#![forbid(unsafe_code)]

pub mod model;
pub mod ruleset;
pub mod snapshot;
pub mod step;

#[macro_use]
mod section;
mod apply;
mod firewall;
mod plan;
mod read;
mod scalar;
mod schema;
mod tree;
mod validate;

pub use apply::{ApplyError, Executor, Failure, NotThere, Progress, Report, Undone, apply, bring, verify};
pub use plan::{ADDRESS_PROTOCOL, LINK_ALIAS, Plan, plan};
pub use ruleset::{MARK, Ruleset};
pub use snapshot::{Setting, Snapshot, Wanted};
pub use step::{Action, Step};

pub use read::{Format, read};
pub use schema::schema;
