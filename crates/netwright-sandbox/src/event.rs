//! What happened at the edge of a sandbox.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::policy::usable;
use crate::{NamePattern, Ports, Protocol, Rule, Target};

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
    /// The socket of the file system that was to be reached, or the file that was to be used, where it was one: there is no address then.
    pub path: Option<PathBuf>,
    /// What was to be done with the file; nothing where it is a socket.
    pub file_use: Option<FileUse>,
    /// Where to.
    pub address: Option<IpAddr>,
    /// The port there.
    pub port: Option<u16>,
    /// By which protocol; `None` for a question of the resolver and for protocols without a name here, whose number is in the reason.
    pub protocol: Option<Protocol>,
    /// Where it claimed to come from, where that is none of the sandbox's own addresses: no rule can let that through.
    pub source: Option<IpAddr>,
    /// Why, as a sentence's end: `no rule allows it`.
    pub reason: String,
}

impl Event {
    /// An event of now without a target; what more is known goes into its fields.
    #[must_use]
    pub fn new(action: Action, reason: impl Into<String>) -> Self {
        Event {
            time: SystemTime::now(),
            action,
            process: None,
            name: None,
            path: None,
            file_use: None,
            address: None,
            port: None,
            protocol: None,
            source: None,
            reason: reason.into(),
        }
    }

    /// The narrowest rule that lets the same attempt through; `None` where no rule can.
    #[must_use]
    pub fn suggestion(&self) -> Option<Rule> {
        if self.path.is_some() {
            return None;
        }
        let target = match (self.name.as_deref().and_then(usable), self.address) {
            (Some(name), _) => Target::Name(NamePattern::Exact(name)),
            (None, Some(address)) if address.is_loopback() => Target::Host,
            (None, Some(address)) => Target::Network(address, if address.is_ipv4() { 32 } else { 128 }),
            (None, None) => return None,
        };
        let asked = self.address.is_none();
        if self.protocol.is_none() && !asked || self.source.is_some() {
            return None;
        }
        let ports = match self.port {
            Some(port) if self.protocol != Some(Protocol::Icmp) => Ports::Only(vec![port..=port]),
            _ => Ports::All,
        };
        Some(Rule { target, ports, protocol: self.protocol })
    }

    /// Where to, as one word: `example.org:443`, `[2001:db8::1]:53`, `192.0.2.1`.
    #[must_use]
    pub fn target(&self) -> String {
        if let Some(path) = &self.path {
            return path.display().to_string();
        }
        let host = match (&self.name, self.address) {
            (Some(name), _) => name.clone(),
            (None, Some(IpAddr::V6(address))) if self.port.is_some() => format!("[{address}]"),
            (None, Some(address)) => address.to_string(),
            (None, None) => String::new(),
        };
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileUse {
    /// It is read or run.
    Read,
    /// It is changed, made or removed.
    Write,
}

impl fmt::Display for FileUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FileUse::Read => "read",
            FileUse::Write => "write",
        })
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The policy let it through.
    Allowed,
    /// The policy refused it, or the sandbox had no way to carry it, which the reason says.
    Blocked,
    /// The policy let it through and the network did not.
    Failed,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Allowed => "allowed",
            Action::Blocked => "blocked",
            Action::Failed => "failed",
        })
    }
}

/// A process of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number in the supervisor's namespace.
    pub id: u32,
    /// Its command's name (`comm`).
    pub command: String,
}

#[cfg(test)]
mod tests;
