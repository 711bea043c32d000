//! A process behind a network filter: which names, addresses and ports it may reach, enforced by the kernel, without privileges.

mod attach;
mod attribution;
pub mod constants;
mod event;
pub mod filter;
mod firewall;
mod log;
mod mode;
pub mod policy;
pub mod relay;
pub mod resolver;
mod sandbox;

pub use attach::{AttachOptions, AttachTarget, Attached};
pub use attribution::Attribution;
pub use event::{Action, Event, Process};
pub use filter::{Filter, FilterOptions};
pub use log::{Attempt, Log, json_line};
pub use mode::Mode;
pub use policy::{
    AddressKind, Decision, Destination, Learner, NamePattern, Names, Place, Places, Policy, Ports, Presets,
    Protocol, Rule, RuleError, SearchPath, Target, Undecided,
};
pub use sandbox::{Answer, Asker, Publish, Question, Running, Sandbox, SpawnError};
