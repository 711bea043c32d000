//! Desired network state: what a host file says as plain data, and the way from what there is to there.
//!
//! [`read`] turns the text of a host file (TOML, or JSON of the same shape) into a [`Host`](model::Host), or
//! into every mistake in it at once. [`schema`] gives the JSON Schema of the file, made from the same key tables
//! that read it. Nothing here does IO: files that a host file includes come through a closure.
//!
//! [`plan`] compares the host with a [`Snapshot`] of what there is and finds the steps between; [`apply`] takes them
//! through an [`Executor`], puts back what got lost beside, compares once more, and goes back where something fails. The
//! way back is found by comparing as well ([`restore`]): a [`Journal`] has all that it needs, whoever goes it. What an owner
//! made is in its [`Record`].
#![forbid(unsafe_code)]

pub mod model;
pub mod ruleset;
pub mod snapshot;
pub mod step;

#[macro_use]
mod section;
mod apply;
mod capture;
mod encode;
mod firewall;
mod journal;
mod keys;
mod lockout;
mod lost;
mod options;
mod owner;
mod plan;
mod read;
mod record;
mod restore;
mod scalar;
mod schema;
mod scope;
mod since;
mod switch;
mod tree;
mod validate;

pub use apply::{
    ApplyError, Control, Executor, Failure, NotThere, Progress, Report, Undone, Wish, apply, bring, fate,
    go_back,
};
pub use capture::{capture, wanted_to_capture};
pub use journal::{Journal, Phase};
pub use lockout::{Connection, lock_out};
pub use lost::Lost;
pub use options::ChangeClass;
pub use owner::{Chosen, Origin, known_owner, owners};
pub use plan::{
    ADDRESS_PROTOCOL, Missing, OWN_PROTOCOL, Owners, Plan, candidate_indexes, is_set, plan, plan_schema,
    reserved_index,
};
pub use record::{OwnLink, OwnOptions, OwnSetting, Record, Replaced, alias_of};
pub use restore::{Extent, restore};
pub use ruleset::{MARK, Ruleset, mark_of};
pub use scope::Scope;
pub use since::Removed;
pub use snapshot::{Extra, Setting, Snapshot, Wanted};
pub use step::{Action, Step};

pub use read::{Format, HostText, read, read_all};
pub use schema::schema;
