//! What a sandbox may reach.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

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
}

/// One target with its ports and protocol: `*.example.org:443/tcp`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Where to.
    pub target: Target,
    /// Which ports.
    pub ports: Ports,
    /// TCP and UDP without one.
    pub protocol: Option<Protocol>,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The addresses that a name resolves to.
    Name(NamePattern),
    /// An address (with its full length) or a prefix.
    Network(IpAddr, u8),
    /// Every address but loopback, link-local and multicast ones.
    Any,
    /// The global unicast addresses.
    Internet,
    /// The private addresses: RFC 1918 and RFC 4193.
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
