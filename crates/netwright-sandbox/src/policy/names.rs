//! Which names may be asked for.

use super::{NamePattern, Policy, Protocol, Rule, Target};

/// What the rules of a policy say about a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The allow rules whose name it is, by their place in [`Policy::allow`]: its addresses are released for them.
    pub allow: Vec<usize>,
    /// The first deny rule that covers it, by its place in [`Policy::deny`].
    pub deny: Option<usize>,
    /// An allow rule for addresses wants names to be known: it may be asked for, but nothing is released.
    pub open: bool,
}

impl Names {
    /// Whether the name may be asked for.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.deny.is_none() && (self.open || !self.allow.is_empty())
    }
}

/// Endings of names that only the local network knows (RFC 6762, RFC 8375 and common use).
const LOCAL: [&str; 5] = ["local", "lan", "internal", "home.arpa", "localdomain"];

impl Policy {
    /// What the rules say about a name, in any case and with or without its last dot.
    ///
    /// A rule for `any` or `internet` with TCP or UDP, whatever its ports, lets every name be asked for: `any:53` says that and nothing
    /// else. A rule for `lan` does so for the names of local networks: those without a dot, and those below `local`, `lan`, `internal`,
    /// `localdomain` and `home.arpa`. Rules for addresses, prefixes, and `icmp` open no names, since questions can carry data away.
    #[must_use]
    pub fn name_rules(&self, name: &str) -> Names {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let matches = |rule: &Rule| matches!(&rule.target, Target::Name(pattern) if pattern.matches(&name));
        Names {
            allow: (0..).zip(&self.allow).filter(|(_, rule)| matches(rule)).map(|(index, _)| index).collect(),
            deny: self.deny.iter().position(matches),
            open: self.allow.iter().any(|rule| opens(rule, &name)),
        }
    }
}

/// Whether a rule for addresses lets a name be asked for.
pub(super) fn opens(rule: &Rule, name: &str) -> bool {
    rule.protocol != Some(Protocol::Icmp)
        && match rule.target {
            Target::Any | Target::Internet => true,
            Target::Lan => is_local(name),
            _ => false,
        }
}

fn is_local(name: &str) -> bool {
    let below = |parent: &&str| NamePattern::Below((*parent).to_owned()).matches(name);
    !name.is_empty() && (!name.contains('.') || LOCAL.iter().any(below))
}

#[cfg(test)]
mod tests;
