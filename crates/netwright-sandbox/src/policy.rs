//! What a sandbox may reach.

mod access;
pub(crate) mod address;
mod decide;
mod explain;
#[cfg(feature = "file")]
mod file;
mod grammar;
mod learn;
mod local;
mod merge;
mod names;
mod preset;
mod print;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

pub(crate) use decide::NAME_SERVER_PORTS;

pub use access::{Access, FileAccess, Surroundings, Usable};
pub use address::{AddressKind, kind};
pub use decide::{Decision, Destination, Undecided};
pub use grammar::RuleError;
pub use learn::Learner;
pub(crate) use learn::usable;
pub use local::LocalNetworks;
pub use names::Names;
pub use preset::{Presets, SearchPath};

/// What a sandbox may reach: everything that is not allowed is refused, and a denied target is refused even where an allowed one covers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What is let through.
    pub allow: Vec<Rule>,
    /// What is refused although an allowed target covers it.
    pub deny: Vec<Rule>,
    /// The name servers that are asked instead of the host's.
    pub dns: Vec<IpAddr>,
    /// Names with addresses of their own, as in `/etc/hosts`.
    pub hosts: Vec<(String, IpAddr)>,
    /// Sockets in the file system that stay reachable.
    pub sockets: Vec<PathBuf>,
    /// Which files may be used.
    pub files: FileAccess,
    /// The networks that this host is on, which `internet` leaves out and `lan` means. [`crate::Sandbox::spawn`] and others that put a policy in
    /// force fill it in.
    pub local: LocalNetworks,
    /// Where rules were written, as far as that is known.
    pub places: Places,
}

/// Where the rules of a policy were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Of rules that allow.
    pub allow: HashMap<Rule, Place>,
    /// Of rules that deny.
    pub deny: HashMap<Rule, Place>,
}

/// Where a rule was written: a line of a file, or a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's path as it was given, or the flag.
    pub name: String,
    /// The line, from 1.
    pub line: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One target with its ports and protocol: `*.example.org:443/tcp`.
///
/// ```
/// use netwright_sandbox::{Ports, Protocol, Rule};
///
/// let rule: Rule = "*.Example.org:443,8000-8100/tcp".parse()?;
/// assert_eq!(rule.protocol, Some(Protocol::Tcp));
/// assert_eq!(rule.ports, Ports::Only(vec![443..=443, 8000..=8100]));
/// assert_eq!(rule.to_string(), "*.example.org:443,8000-8100/tcp");
/// let wrong = "example.org:443/tpc".parse::<Rule>().unwrap_err();
/// assert_eq!(wrong.help, ["Did you mean `tcp`?"]);
/// # Ok::<(), netwright_sandbox::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Where to.
    pub target: Target,
    /// Which ports.
    pub ports: Ports,
    /// Without one, a rule allows TCP and UDP; a rule that denies and has no ports either then means every protocol.
    pub protocol: Option<Protocol>,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The addresses that a name resolves to.
    Name(NamePattern),
    /// An address (with its full length) or a prefix, without host bits.
    Network(IpAddr, u8),
    /// Every address but loopback, link-local, multicast and metadata ones.
    Any,
    /// The global unicast addresses, but for those of this host and of the networks that it is on.
    Internet,
    /// The private addresses (RFC 1918 and RFC 4193), and those of this host and of the networks that it is on.
    Lan,
    /// The loopback addresses of the host.
    Host,
}

/// A name, or all names below one. In lower case, without the last dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamePattern {
    /// `example.org`
    Exact(String),
    /// `*.example.org`: all depths below, the name itself not.
    Below(String),
}

impl NamePattern {
    /// Whether it covers a name, which is in lower case and has no last dot.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            NamePattern::Exact(exact) => exact == name,
            NamePattern::Below(parent) => name
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|below| !below.is_empty()),
        }
    }
}

/// Ports, in ascending order and apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ports {
    /// Every port but those of name servers (53 and 853), which a rule must name.
    #[default]
    All,
    /// These.
    Only(Vec<RangeInclusive<u16>>),
}

/// What a rule can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Echo requests of ICMP and ICMPv6.
    Icmp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Icmp];

    /// Its name in rules.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
