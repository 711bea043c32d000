//! What happened at the edge of a sandbox.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::Protocol;

/// One attempt to reach something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time: SystemTime,
    /// What became of it.
    pub action: Action,
    /// Who, where the socket's owner was found.
    pub process: Option<Process>,
    /// The name that was asked for, or through which the address became known.
    pub name: Option<String>,
    /// Where to.
    pub address: Option<IpAddr>,
    /// The port there.
    pub port: Option<u16>,
    /// By which protocol; `None` for a question of the resolver and for protocols without a name here, whose number is in the reason.
    pub protocol: Option<Protocol>,
    /// Why, as a sentence's end: `no rule allows it`.
    pub reason: String,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The policy let it through.
    Allowed,
    /// The policy refused it.
    Blocked,
    /// The policy let it through and the network did not.
    Failed,
}

/// A process of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number in the supervisor's namespace.
    pub id: u32,
    /// Its command's name (`comm`).
    pub command: String,
}
