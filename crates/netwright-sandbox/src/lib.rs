//! A process behind a network filter: which names, addresses and ports it may reach, enforced by the kernel, without privileges.

mod attach;
mod attribution;
pub mod constants;
mod event;
pub mod filter;
mod firewall;
mod follow;
mod local_file;
mod log;
mod mode;
mod own;
pub mod policy;
pub mod relay;
pub mod resolver;
mod sandbox;

pub use attach::{AttachOptions, AttachTarget, Attached};
pub use attribution::Attribution;
pub use event::{Action, Event, FileUse, Process};
pub use filter::{Filter, FilterOptions};
pub use local_file::is_there_locally;
pub use log::{Attempt, Log, json_line};
pub use mode::Mode;
pub use policy::{
    Access, AddressKind, Decision, Destination, FileAccess, Learner, LocalNetworks, NamePattern, Names,
    Place, Places, Policy, Ports, Presets, Protocol, Rule, RuleError, SearchPath, Surroundings, Target,
    Undecided, Usable,
};
pub use sandbox::{Answer, Asker, Limits, Publish, Question, Reached, Running, Sandbox, Share, SpawnError};
