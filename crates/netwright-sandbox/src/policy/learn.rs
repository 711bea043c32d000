//! The smallest readable policy that allows what was seen.

mod collapse;
mod files;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use super::{Decision, Destination, NamePattern, Policy, Ports, Protocol, Rule, Target};
use crate::event::{Action, Event, FileUse};

/// The most names that a comment tells.
const TOLD: usize = 4;

/// Gathers what was seen and makes a policy of it.
///
/// Names count more than addresses: a flow to an address that became known by a name is allowed by the name. Three names or more below the same parent
/// with the same ports become `*.parent`, unless strangers may have names there too (below `org`, `co.uk`, or a hosting service's domain). Prefixes are
/// never guessed. What was refused by a rule is not learned.
#[derive(Clone, Debug, Default)]
pub struct Learner {
    seen: BTreeMap<Seen, Notes>,
    /// Files that were used, and whether they were written.
    files: BTreeMap<PathBuf, bool>,
}

/// Something that was reached, or a name that was only asked for, which has no protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    name: Option<String>,
    address: Option<IpAddr>,
    protocol: Option<Protocol>,
    port: u16,
}

/// How often, and by whom.
#[derive(Clone, Debug, Default)]
struct Notes {
    count: u64,
    commands: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// Protocols with their ports.
type Services = BTreeMap<Protocol, BTreeSet<u16>>;

impl Learner {
    /// Takes note of an event.
    pub fn note(&mut self, event: &Event) {
        if let (Some(path), Some(file_use), true) =
            (&event.path, event.file_use, event.action == Action::Allowed)
        {
            // A policy file, which is text, cannot name any other.
            if path.to_str().is_some() {
                *self.files.entry(path.clone()).or_default() |= file_use == FileUse::Write;
            }
            return;
        }
        let name = event.name.as_deref().and_then(usable);
        if event.action == Action::Blocked || (name.is_none() && event.address.is_none()) {
            return;
        }
        let seen = match event.protocol {
            Some(protocol) => Seen {
                name,
                address: event.address.map(|address| address.to_canonical()),
                protocol: Some(protocol),
                port: if protocol == Protocol::Icmp { 0 } else { event.port.unwrap_or_default() },
            },
            None if name.is_some() => Seen { name, address: None, protocol: None, port: 0 },
            None => return,
        };
        let notes = self.seen.entry(seen).or_default();
        notes.count += 1;
        notes.commands.extend(event.process.as_ref().map(|process| process.command.clone()));
    }

    /// The policy that allows all of it.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy_beside(&Policy::default())
    }

    /// A policy with what it does not allow of all that was seen.
    #[must_use]
    pub fn policy_beside(&self, known: &Policy) -> Policy {
        let news = self.beyond(known);
        let mut learned = Policy { allow: news.rules(), ..Policy::default() };
        // A name that leads to a private address needs a rule for the address as well.
        for seen in news.seen.keys() {
            let Some(destination) = seen.destination() else { continue };
            if !learned.decide(&destination).is_allowed() {
                learned.allow.extend(Destination { name: None, ..destination }.rule());
            }
        }
        learned.allow.sort_by_cached_key(order);
        files::add(&mut learned.files, &self.files);
        let mut policy = known.clone();
        policy.merge(learned);
        policy
    }

    /// The policy as a file, with a comment above each rule: how often it was used, and by which commands.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.to_toml_beside(&Policy::default())
    }

    /// [`Learner::policy_beside`] as such a file.
    #[must_use]
    pub fn to_toml_beside(&self, known: &Policy) -> String {
        let policy = self.policy_beside(known);
        let notes = self.notes(&policy);
        let comment = |rule: &Rule| {
            let place = policy.allow.iter().position(|known| known == rule)?;
            notes.get(place).filter(|notes| notes.count > 0).map(|notes| notes.text(rule))
        };
        let head = match known.allow.is_empty() {
            true => "What was seen of a command, and nothing else.",
            false => "What was allowed before, and what else was seen of a command.",
        };
        format!("# {head}\n{}", policy.to_toml_with(&comment))
    }

    /// What was seen that a policy does not allow.
    fn beyond(&self, known: &Policy) -> Learner {
        let is_new = |seen: &Seen| match seen.destination() {
            Some(destination) => !matches!(known.decide(&destination), Decision::Allowed(_)),
            None => !seen.name.as_ref().is_some_and(|name| known.name_rules(name).is_allowed()),
        };
        let seen = self.seen.iter().filter(|(seen, _)| is_new(seen));
        let seen = seen.map(|(seen, notes)| (seen.clone(), notes.clone())).collect();
        Learner { seen, files: BTreeMap::new() }
    }

    fn rules(&self) -> Vec<Rule> {
        let (mut names, addresses) = self.services();
        let patterns = collapse::collapse(&mut names);
        let name = |(name, services): (String, Services)| {
            rules_for(&Target::Name(NamePattern::Exact(name)), &services)
        };
        let mut rules: Vec<Rule> = names.into_iter().flat_map(name).collect();
        for (parent, services) in patterns {
            rules.extend(rules_for(&Target::Name(NamePattern::Below(parent)), &services));
        }
        for (address, services) in addresses {
            let target = match address.is_loopback() {
                true => Target::Host,
                false => Target::Network(address, super::address::length(address)),
            };
            rules.extend(rules_for(&target, &services));
        }
        rules
    }

    /// What was seen, by names and by addresses without one.
    fn services(&self) -> (BTreeMap<String, Services>, BTreeMap<IpAddr, Services>) {
        let (mut names, mut addresses) =
            (BTreeMap::<String, Services>::new(), BTreeMap::<IpAddr, Services>::new());
        for seen in self.seen.keys() {
            let services = match (&seen.name, seen.address) {
                (Some(name), _) => names.entry(name.clone()).or_default(),
                (None, Some(address)) => addresses.entry(address).or_default(),
                (None, None) => continue,
            };
            if let Some(protocol) = seen.protocol {
                services.entry(protocol).or_default().insert(seen.port);
            }
        }
        // Ping is the least that a rule with a name can allow, and lets the name be asked for.
        for services in names.values_mut().filter(|services| services.is_empty()) {
            services.insert(Protocol::Icmp, BTreeSet::from([0]));
        }
        (names, addresses)
    }

    /// What there is to say about each rule of the policy.
    fn notes(&self, policy: &Policy) -> Vec<Notes> {
        let mut all = vec![Notes::default(); policy.allow.len()];
        for (seen, notes) in &self.seen {
            let rule = match seen.destination().map(|destination| policy.decide(&destination)) {
                Some(Decision::Allowed(rule)) => Some(rule),
                Some(_) => None,
                None => seen.name.as_ref().and_then(|name| policy.name_rules(name).allow.first().copied()),
            };
            if let Some(sum) = rule.and_then(|rule| all.get_mut(rule)) {
                sum.count += notes.count;
                sum.commands.extend(notes.commands.iter().cloned());
                sum.names.extend(seen.name.clone());
            }
        }
        all
    }
}

impl Seen {
    fn destination(&self) -> Option<Destination> {
        let (name, address, port) = (self.name.clone(), self.address, self.port);
        Some(Destination { name, address, port, protocol: self.protocol? })
    }
}

impl Notes {
    fn text(&self, rule: &Rule) -> String {
        let times = match self.count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let by = match self.commands.is_empty() {
            true => String::new(),
            false => format!(" by {}", self.commands.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        match rule.target {
            Target::Name(NamePattern::Below(_)) => {
                let told: Vec<&str> = self.names.iter().take(TOLD).map(String::as_str).collect();
                let more = match self.names.len().saturating_sub(TOLD) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("{times}{by}: {}{more}", told.join(", "))
            }
            _ => format!("{times}{by}"),
        }
    }
}

/// A name as rules have it, where it can stand in one.
pub(crate) fn usable(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let rule =
        Rule { target: Target::Name(NamePattern::Exact(name.clone())), ports: Ports::All, protocol: None };
    (rule.to_string().parse() == Ok(rule)).then_some(name)
}

/// The rules for what was seen at one target: TCP and UDP together where they have the same ports.
fn rules_for(target: &Target, services: &Services) -> Vec<Rule> {
    let rule = |ports: &BTreeSet<u16>, protocol| Rule {
        target: target.clone(),
        ports: if protocol == Some(Protocol::Icmp) {
            Ports::All
        } else {
            Ports::Only(ports.iter().map(|port| *port..=*port).collect())
        },
        protocol,
    };
    let (tcp, udp) = (services.get(&Protocol::Tcp), services.get(&Protocol::Udp));
    if let (Some(ports), true) = (tcp, tcp == udp) {
        let icmp = services.get(&Protocol::Icmp).map(|ports| rule(ports, Some(Protocol::Icmp)));
        return [rule(ports, None)].into_iter().chain(icmp).collect();
    }
    services.iter().map(|(protocol, ports)| rule(ports, Some(*protocol))).collect()
}

/// Names first, those of a domain together; then addresses.
fn order(rule: &Rule) -> (u8, Vec<String>, Option<IpAddr>, Reverse<bool>, String) {
    let labels = |name: &str| name.rsplit('.').map(str::to_owned).collect();
    let (group, name, address, wide) = match &rule.target {
        Target::Name(NamePattern::Exact(name)) => (0, labels(name), None, false),
        Target::Name(NamePattern::Below(parent)) => (0, labels(parent), None, true),
        Target::Network(address, _) => (1, Vec::new(), Some(*address), false),
        _ => (2, Vec::new(), None, false),
    };
    (group, name, address, Reverse(wide), rule.to_string())
}

#[cfg(test)]
mod tests;
