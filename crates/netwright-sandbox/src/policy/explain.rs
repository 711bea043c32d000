//! Why something is allowed or refused, in sentences.

use std::fmt::Write;
use std::net::IpAddr;
use std::str::FromStr;

use super::names::opens;
use super::{
    AddressKind, Decision, Destination, NamePattern, Names, Place, Policy, Ports, Protocol, Rule, RuleError,
    Target,
};

/// `example.org:443`, `[2001:db8::1]:53/udp` or `192.0.2.1/icmp`: a rule for one place and one port; TCP where no protocol is named.
impl FromStr for Destination {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Destination, RuleError> {
        let rule: Rule = text.parse()?;
        let fault = |message: &str, help: &str| {
            let (text, message, help) = (text.to_owned(), message.to_owned(), vec![help.to_owned()]);
            Err(RuleError { range: 0..text.len(), text, message, help })
        };
        let (name, address) = match rule.target {
            Target::Name(NamePattern::Exact(name)) => (Some(name), None),
            Target::Network(address, length) if length == super::address::length(address) => {
                (None, Some(address))
            }
            Target::Host => (None, Some(IpAddr::from([127, 0, 0, 1]))),
            _ => return fault("only one place can be explained at a time", "Write a name or an address."),
        };
        let protocol = rule.protocol.unwrap_or(Protocol::Tcp);
        let port = match rule.ports {
            Ports::Only(ranges) => match ranges.as_slice() {
                [range] if range.start() == range.end() => *range.start(),
                _ => return fault("only one port can be explained at a time", "Write one port."),
            },
            Ports::All if protocol == Protocol::Icmp => 0,
            Ports::All => return fault("which port?", "Write it behind a colon, as in `example.org:443`."),
        };
        Ok(Destination { name, address, port, protocol })
    }
}

impl Destination {
    /// The narrowest rule that allows it: the name where there is one, else the address. Nothing where it has neither.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        let target = match (&self.name, self.address) {
            (Some(name), _) => Target::Name(NamePattern::Exact(name.clone())),
            (None, Some(address)) if address.to_canonical().is_loopback() => Target::Host,
            (None, Some(address)) => {
                let address = address.to_canonical();
                Target::Network(address, super::address::length(address))
            }
            (None, None) => return None,
        };
        let ports = match self.protocol {
            Protocol::Icmp => Ports::All,
            _ => Ports::Only(vec![self.port..=self.port]),
        };
        Some(Rule { target, ports, protocol: Some(self.protocol) })
    }
}

impl Policy {
    /// Whether and why a destination is allowed, in a few sentences: by which rule of which file and line, or what flag would allow it.
    #[must_use]
    pub fn explain(&self, destination: &Destination) -> String {
        let subject = destination.rule().map(|rule| rule.to_string()).unwrap_or_default();
        let decision = self.decide(destination);
        let names = destination.name.as_ref().map(|name| self.name_rules(name));
        if let (Decision::Unmatched | Decision::NameServerPort, None, Some(names)) =
            (decision, destination.address, &names)
            && names.is_allowed()
        {
            return self.explain_name(&subject, destination, names);
        }
        let text = match decision {
            Decision::Allowed(rule) => {
                format!("{subject} is allowed by {}.", written(self.allow.get(rule), &self.places.allow))
            }
            Decision::Own => {
                let port = destination.port;
                return format!(
                    "{subject} is the sandbox's own loopback, which needs no rule. `--allow host:{port}` would lead to the host's instead."
                );
            }
            Decision::Denied(rule) => {
                let rule = written(self.deny.get(rule), &self.places.deny);
                return format!(
                    "{subject} is refused: {rule} denies it, which counts more than any rule that allows it."
                );
            }
            Decision::Unmatched if self.is_too_near(destination) => {
                format!("{subject} is refused: it is {}, which `internet` leaves out.", AddressKind::Local)
            }
            Decision::Unmatched => format!("{subject} is refused: no rule allows it."),
            Decision::Special(kind) => {
                format!("{subject} is refused: it is {kind}, and only rules that name it allow that.")
            }
            Decision::PublicResolver => {
                format!(
                    "{subject} is refused: it is a public name server, and only rules that name it allow that."
                )
            }
            Decision::NameServerPort => format!(
                "{subject} is refused: the port is one of name servers, and only rules that list it with a name, an address or a prefix allow that."
            ),
        };
        match (decision, destination.rule()) {
            (Decision::Allowed(rule), _) => text + &self.explain_release(rule),
            (_, Some(rule)) => format!("{text} `--allow {rule}` would let it through."),
            (_, None) => text,
        }
    }

    /// A name that may be asked for, without a rule of its own for this port.
    fn explain_name(&self, subject: &str, destination: &Destination, names: &Names) -> String {
        let mut text = String::new();
        let name = destination.name.as_deref().unwrap_or_default();
        let opening = self.allow.iter().find(|rule| opens(rule, &name.to_ascii_lowercase()));
        if let Some(rule) = self.depends(destination) {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{subject} depends on the address: {} allows it where it covers the name's addresses.",
                written(self.allow.get(rule), &self.places.allow)
            );
        } else {
            let rules = names.allow.iter().filter_map(|rule| self.allow.get(*rule)).chain(opening);
            let rules: Vec<String> = rules.map(|rule| written(Some(rule), &self.places.allow)).collect();
            let _ = write!(
                text,
                "{subject} is refused: the name may be asked for because of {}, but not for this.",
                rules.join(" and ")
            );
        }
        if let Some(rule) = destination.rule() {
            let _ = write!(text, " `--allow {rule}` would let it through.");
        }
        text
    }

    /// What a rule with a name means for addresses.
    fn explain_release(&self, rule: usize) -> String {
        match self.allow.get(rule).map(|rule| &rule.target) {
            Some(Target::Name(_)) => {
                " Its addresses are released when the resolver inside answers, for as long as the answer lives; those that are not public \
                 are reached by rules for addresses alone."
                    .to_owned()
            }
            _ => String::new(),
        }
    }
}

/// A rule with its place.
fn written(rule: Option<&Rule>, places: &std::collections::HashMap<Rule, Place>) -> String {
    let Some(rule) = rule else { return "a rule".to_owned() };
    match places.get(rule) {
        Some(place) => format!("`{rule}` ({place})"),
        None => format!("`{rule}`"),
    }
}

#[cfg(test)]
mod tests;
