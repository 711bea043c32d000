//! What a policy says to the resolver.

use std::net::IpAddr;

use super::NamePolicy;
use crate::policy::address::{covers, length, names_what_it_covers};
use crate::policy::{AddressKind, NAME_SERVER_PORTS, Names};
use crate::{Policy, Ports, Protocol, Rule, Target};

#[cfg(test)]
mod tests;

impl NamePolicy for Policy {
    fn name_rules(&self, name: &str) -> Names {
        Policy::name_rules(self, name)
    }

    fn covers(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|rule| rule_covers(rule, address, self.kind(address)))
    }

    fn is_public(&self, address: IpAddr) -> bool {
        self.is_open_to_names(address)
    }

    fn hosts(&self) -> &[(String, IpAddr)] {
        &self.hosts
    }
}

/// Whether a rule shows that somebody wants connections to an address. Pings are none, nor are questions to name servers.
fn rule_covers(rule: &Rule, address: IpAddr, kind: AddressKind) -> bool {
    if rule.protocol == Some(Protocol::Icmp) || is_for_name_servers(&rule.ports) {
        return false;
    }
    match rule.target {
        Target::Network(network, bits) => {
            covers((network, bits), (address, length(address)))
                && (kind.is_ordinary() || names_what_it_covers((network, bits)))
        }
        Target::Any => kind.is_ordinary(),
        Target::Internet => kind == AddressKind::Public,
        Target::Lan => matches!(kind, AddressKind::Private | AddressKind::Local),
        Target::Name(_) | Target::Host => false,
    }
}

fn is_for_name_servers(ports: &Ports) -> bool {
    let is_one = |range: &std::ops::RangeInclusive<u16>| {
        range.start() == range.end() && NAME_SERVER_PORTS.contains(range.start())
    };
    matches!(ports, Ports::Only(ranges) if ranges.iter().all(is_one))
}
