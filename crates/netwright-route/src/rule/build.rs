//! Rules as values: what they are for, step by step.

use std::ops::RangeInclusive;

use super::{Mark, PortRange, Rule, RuleAction, RuleFlags, UserRange};
use crate::{Family, Prefix, Protocol, Table};

impl Rule {
    /// Looks every packet up in a table.
    #[must_use]
    pub fn lookup(table: Table) -> Self {
        Rule { action: RuleAction::LOOKUP, table: Some(table), ..Rule::default() }
    }

    /// Does this with every packet.
    #[must_use]
    pub fn new(action: RuleAction) -> Self {
        Rule { action, ..Rule::default() }
    }

    /// Goes on with the rule that has this priority, which is greater than its own.
    #[must_use]
    pub fn goto(priority: u32) -> Self {
        Rule { target: Some(priority), ..Rule::new(RuleAction::GOTO) }
    }

    /// The same for packets from this network.
    #[must_use]
    pub fn from(mut self, source: Prefix) -> Self {
        self.from = Some(source);
        self
    }

    /// The same for packets to this network.
    #[must_use]
    pub fn to(mut self, destination: Prefix) -> Self {
        self.to = Some(destination);
        self
    }

    /// The same for packets with this mark.
    #[must_use]
    pub fn mark(mut self, mark: impl Into<Mark>) -> Self {
        self.mark = Some(mark.into());
        self
    }

    /// The same for packets that came in by this link.
    #[must_use]
    pub fn incoming(mut self, link: &str) -> Self {
        self.incoming = Some(link.to_owned());
        self
    }

    /// The same for packets that are bound to go out by this link.
    #[must_use]
    pub fn outgoing(mut self, link: &str) -> Self {
        self.outgoing = Some(link.to_owned());
        self
    }

    /// The same with this priority.
    #[must_use]
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// The same for a family, where no prefix says it.
    #[must_use]
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// The same for all other packets than those that it says (`not`).
    #[must_use]
    pub fn invert(mut self) -> Self {
        self.flags |= RuleFlags::INVERT;
        self
    }

    /// The same, but routes of prefixes that are at most so many bits long are passed over: with 0, default routes. So a
    /// VPN leaves the routes of the main table in force except for its default route.
    #[must_use]
    pub fn suppress_prefix_length(mut self, bits: u32) -> Self {
        self.suppress_prefix_length = Some(bits);
        self
    }

    /// The same, but routes by links of this group are passed over.
    #[must_use]
    pub fn suppress_group(mut self, group: u32) -> Self {
        self.suppress_group = Some(group);
        self
    }

    /// The same for packets of these users' sockets; both ends belong to the range.
    #[must_use]
    pub fn users(mut self, users: RangeInclusive<u32>) -> Self {
        let (start, end) = users.into_inner();
        self.users = Some(UserRange { start, end });
        self
    }

    /// The same for packets of this protocol above IP, by its number.
    #[must_use]
    pub fn ip_protocol(mut self, protocol: u8) -> Self {
        self.ip_protocol = Some(protocol);
        self
    }

    /// The same for packets from these ports; both ends belong to the range.
    #[must_use]
    pub fn source_ports(mut self, ports: RangeInclusive<u16>) -> Self {
        let (start, end) = ports.into_inner();
        self.source_ports = Some(PortRange { start, end });
        self
    }

    /// The same for packets to these ports; both ends belong to the range.
    #[must_use]
    pub fn destination_ports(mut self, ports: RangeInclusive<u16>) -> Self {
        let (start, end) = ports.into_inner();
        self.destination_ports = Some(PortRange { start, end });
        self
    }

    /// The same, made by this program: a number that says who owns it.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_printed_as_ip_writes_it() {
        let vpn = Rule::lookup(Table(51820)).mark(51820).invert().priority(10);
        assert_eq!(vpn.to_string(), "10: not from all fwmark 0xca6c lookup 51820");
        let main = Rule::lookup(Table::MAIN).suppress_prefix_length(0).priority(9);
        assert_eq!(main.to_string(), "9: from all lookup main suppress_prefixlength 0");
        let web = Rule::lookup(Table(7)).ip_protocol(6).destination_ports(80..=443).users(1000..=2000);
        let web = web.source_ports(1024..=1024).suppress_group(3).protocol(Protocol::STATIC);
        let text = web.to_string();
        for part in ["ipproto 6", "sport 1024", "dport 80-443", "uidrange 1000-2000", "suppress_ifgroup 3"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(Rule::goto(100).priority(5).to_string(), "5: from all goto 100");
    }
}
