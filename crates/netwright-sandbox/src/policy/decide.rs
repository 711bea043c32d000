//! What becomes of an attempt, and by which rule: in user space what the filter does in the kernel.

use std::net::IpAddr;

use super::address::{self, AddressKind, covers, length, names_what_it_covers, with_forms};
use super::{Policy, Ports, Protocol, Rule, Target};

/// The ports of name servers: plain DNS, and DNS over TLS or QUIC.
pub(crate) const NAME_SERVER_PORTS: [u16; 2] = [53, 853];

/// Somewhere to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The name by which the address became known, in any case.
    pub name: Option<String>,
    /// The address, where it is known already.
    pub address: Option<IpAddr>,
    /// The port; it does not matter for ICMP.
    pub port: u16,
    /// By which protocol.
    pub protocol: Protocol,
}

/// What becomes of an attempt, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let through by this rule of [`Policy::allow`].
    Allowed(usize),
    /// The sandbox's own loopback, which needs no rule.
    Own,
    /// Refused by this rule of [`Policy::deny`].
    Denied(usize),
    /// No rule allows it.
    Unmatched,
    /// No rule names it, and those for many addresses leave this kind of address out.
    Special(AddressKind),
    /// No rule names it, and those for many addresses leave public name servers out.
    PublicResolver,
    /// Rules allow the address, but none of them lists this port, which is a name server's.
    NameServerPort,
}

/// What becomes of what no rule allows or denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undecided {
    /// It is refused.
    #[default]
    Refuse,
    /// It is let through and told, and every name is resolved: for learning what a command needs.
    Allow,
    /// It waits until somebody has said what becomes of it. Every name that no rule denies is resolved.
    Ask,
}

impl Decision {
    /// Whether it is let through.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        matches!(self, Decision::Allowed(_) | Decision::Own)
    }
}

impl Policy {
    /// What becomes of an attempt.
    ///
    /// A rule with a name covers the addresses that the resolver found for it ([`Policy::admits`]), so it counts where the destination has
    /// that name; where the address is not known yet, only such rules do. A deny rule with a name refuses the name and no address.
    #[must_use]
    pub fn decide(&self, destination: &Destination) -> Decision {
        let to = Attempt::new(self, destination);
        if let Some(rule) = self.deny.iter().position(|rule| to.is_denied_by(rule)) {
            return Decision::Denied(rule);
        }
        if to.is_own() {
            return to.first(|rule| rule.target == Target::Host).map_or(Decision::Own, Decision::Allowed);
        }
        if let Some(rule) = to.first(Rule::is_specific) {
            return Decision::Allowed(rule);
        }
        if let Some(address) = to.address {
            let kind = self.kind(address);
            if !kind.is_ordinary() {
                return Decision::Special(kind);
            }
            if to.protocol != Protocol::Icmp && address::is_resolver(address) {
                return Decision::PublicResolver;
            }
            if let Some(rule) = to.first(|rule| !rule.is_specific()) {
                return Decision::Allowed(rule);
            }
        }
        match to.is_kept_from_name_servers() {
            true => Decision::NameServerPort,
            false => Decision::Unmatched,
        }
    }

    /// The first allow rule for addresses that would let a name's address through, which is not known yet. Nothing where the destination has an
    /// address, or a name that may not be asked for.
    #[must_use]
    pub fn depends(&self, destination: &Destination) -> Option<usize> {
        let (Some(name), None) = (&destination.name, destination.address) else { return None };
        let to = Attempt::new(self, destination);
        let first =
            |counts: fn(&Rule) -> bool| self.allow.iter().position(|rule| counts(rule) && to.is_for(rule));
        // a word most likely covers the address, where both do
        let rule =
            first(Rule::is_word).or_else(|| first(|rule| matches!(rule.target, Target::Network(..))))?;
        (self.name_rules(name).is_allowed() && !self.decide(destination).is_allowed()).then_some(rule)
    }

    /// Whether `internet` would cover the destination if this host were not on the same network.
    pub(crate) fn is_too_near(&self, destination: &Destination) -> bool {
        let is_local = destination.address.is_some_and(|address| self.kind(address) == AddressKind::Local);
        let to = Attempt::new(self, destination);
        is_local && self.allow.iter().any(|rule| rule.target == Target::Internet && to.is_for(rule))
    }

    /// What an address is for, as this host sees it.
    #[must_use]
    pub fn kind(&self, address: IpAddr) -> AddressKind {
        match address::kind(address) {
            AddressKind::Public if self.local.has(address) => AddressKind::Local,
            kind => kind,
        }
    }

    /// Whether a name alone may lead to an address: to one of the internet, though it may be a neighbour's, and not to one of this host's.
    pub(crate) fn is_open_to_names(&self, address: IpAddr) -> bool {
        address::kind(address) == AddressKind::Public && !self.local.is_own(address)
    }

    /// Whether a rule for a name opens an address in the answer for it: where it is public and not one of this host's, or where it is the name's in
    /// [`Policy::hosts`]. Any other is reached by rules for addresses alone, by their ports, so that no name leads to where its owner should not
    /// (DNS rebinding).
    #[must_use]
    pub fn admits(&self, name: &str, address: IpAddr) -> bool {
        self.is_open_to_names(address)
            || self.hosts.iter().any(|(host, given)| *given == address && host == name)
    }
}

impl Rule {
    /// Whether it names its addresses, so that special ones and name servers are not left out.
    pub(crate) fn is_specific(&self) -> bool {
        match self.target {
            Target::Name(_) => true,
            Target::Network(address, length) => names_what_it_covers((address, length)),
            _ => false,
        }
    }

    /// Whether the target of a rule for addresses covers one of a kind.
    fn covers(&self, address: IpAddr, kind: AddressKind) -> bool {
        match self.target {
            Target::Network(network, bits) => covers((network, bits), (address, length(address))),
            Target::Any => kind.is_ordinary(),
            Target::Internet => kind == AddressKind::Public,
            Target::Lan => matches!(kind, AddressKind::Private | AddressKind::Local),
            Target::Host | Target::Name(_) => false,
        }
    }

    /// Whether it allows a protocol and port of what it covers.
    pub(crate) fn serves(&self, protocol: Protocol, port: u16) -> bool {
        if !self.is_of(protocol) || protocol == Protocol::Icmp {
            return self.is_of(protocol);
        }
        let listed = matches!(self.ports, Ports::Only(_)) && !self.is_word();
        self.ports.contain(port) && (listed || !NAME_SERVER_PORTS.contains(&port))
    }

    fn is_of(&self, protocol: Protocol) -> bool {
        self.protocol.map_or(protocol != Protocol::Icmp, |own| own == protocol)
    }

    /// Whether its ports must list those of name servers singly: it does not say whose they are.
    pub(crate) fn is_word(&self) -> bool {
        matches!(self.target, Target::Any | Target::Internet | Target::Lan)
    }
}

impl Ports {
    /// Whether a port is among them, name servers' ports included in [`Ports::All`].
    #[must_use]
    pub fn contain(&self, port: u16) -> bool {
        match self {
            Ports::All => true,
            Ports::Only(ranges) => ranges.iter().any(|range| range.contains(&port)),
        }
    }
}

/// A destination as rules see it.
struct Attempt<'a> {
    policy: &'a Policy,
    name: Option<String>,
    address: Option<IpAddr>,
    port: u16,
    protocol: Protocol,
}

impl<'a> Attempt<'a> {
    fn new(policy: &'a Policy, destination: &Destination) -> Self {
        let name = destination.name.as_ref();
        Attempt {
            policy,
            name: name.map(|name| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()),
            address: destination.address.map(|address| address.to_canonical()),
            port: destination.port,
            protocol: destination.protocol,
        }
    }

    /// Whether it goes to the loopback, by which both the sandbox and the host mean themselves.
    fn is_own(&self) -> bool {
        self.address.is_some_and(|address| address.is_loopback())
    }

    /// The first allow rule, of those that count, that lets it through.
    fn first(&self, counts: impl Fn(&Rule) -> bool) -> Option<usize> {
        self.policy.allow.iter().position(|rule| counts(rule) && self.is_at(rule) && self.is_for(rule))
    }

    /// Whether the target of an allow rule covers it.
    fn is_at(&self, rule: &Rule) -> bool {
        match (&rule.target, self.address) {
            (Target::Name(pattern), address) => self.name.as_ref().is_some_and(|name| {
                pattern.matches(name) && address.is_none_or(|address| self.policy.admits(name, address))
            }),
            (Target::Host, _) => self.is_own(),
            (_, Some(address)) => rule.covers(address, self.policy.kind(address)),
            (_, None) => false,
        }
    }

    /// Whether an allow rule is for its protocol and port.
    fn is_for(&self, rule: &Rule) -> bool {
        rule.serves(self.protocol, self.port)
    }

    /// Whether it would be let through, were its port not a name server's.
    fn is_kept_from_name_servers(&self) -> bool {
        let only_for_port =
            |rule: &Rule| self.is_at(rule) && rule.is_of(self.protocol) && rule.ports.contain(self.port);
        NAME_SERVER_PORTS.contains(&self.port)
            && self.protocol != Protocol::Icmp
            && self.policy.allow.iter().any(only_for_port)
    }

    fn is_denied_by(&self, rule: &Rule) -> bool {
        let every_protocol = rule.protocol.is_none() && rule.ports == Ports::All;
        let port = self.protocol == Protocol::Icmp || rule.ports.contain(self.port);
        self.is_denied_at(rule) && (every_protocol || rule.is_of(self.protocol) && port)
    }

    fn is_denied_at(&self, rule: &Rule) -> bool {
        let within = |prefixes: &[address::Prefix], address| {
            prefixes.iter().any(|prefix| covers(*prefix, (address, length(address))))
        };
        match (&rule.target, self.address) {
            (Target::Name(pattern), _) => self.name.as_ref().is_some_and(|name| pattern.matches(name)),
            (target, Some(_)) if self.is_own() => *target == Target::Host,
            (Target::Network(network, bits), Some(address)) => {
                within(&with_forms((*network, *bits)), address)
            }
            (Target::Any, Some(_)) => true,
            (Target::Internet, Some(address)) => self.policy.kind(address) == AddressKind::Public,
            (Target::Lan, Some(address)) => {
                within(&address::special(|kind| kind == AddressKind::Private), address)
                    || self.policy.local.has(address)
            }
            (Target::Host, Some(_)) | (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests;
