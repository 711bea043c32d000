//! Rules as text that reads back as the same rule.

use std::fmt;
use std::net::IpAddr;

use super::{Ports, Protocol, Rule, Target};
use crate::policy::NamePattern;

/// Names that would be read as words without their last dot.
const WORDS: [&str; 7] = ["any", "internet", "lan", "host", "icmp", "tcp", "udp"];

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (&self.target, &self.ports, self.protocol) == (&Target::Any, &Ports::All, Some(Protocol::Icmp)) {
            return f.write_str("icmp");
        }
        match (&self.target, &self.ports) {
            (Target::Network(IpAddr::V6(_), _), Ports::Only(_)) => write!(f, "[{}]", self.target)?,
            (target, _) => write!(f, "{target}")?,
        }
        if let Ports::Only(_) = self.ports {
            write!(f, ":{}", self.ports)?;
        }
        match self.protocol {
            Some(protocol) => write!(f, "/{protocol}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Name(pattern) => pattern.fmt(f),
            Target::Network(IpAddr::V4(address), 32) => address.fmt(f),
            Target::Network(IpAddr::V6(address), 128) => address.fmt(f),
            Target::Network(address, length) => write!(f, "{address}/{length}"),
            Target::Any => f.write_str("any"),
            Target::Internet => f.write_str("internet"),
            Target::Lan => f.write_str("lan"),
            Target::Host => f.write_str("host"),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamePattern::Exact(name) if WORDS.contains(&name.as_str()) => write!(f, "{name}."),
            NamePattern::Exact(name) => f.write_str(name),
            NamePattern::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// The list; empty for all ports.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ports::Only(ranges) = self else { return Ok(()) };
        for (index, range) in ranges.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}
