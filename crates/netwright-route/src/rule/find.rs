//! Which rule is meant by a pattern, by us and by the kernel.

use std::fmt;

use netwright_wire::{Acknowledged, Request, Subject, Writer};

use super::{Mark, Rule, RuleAction, RuleFlags};
use crate::message::{ROUTE_PROTOCOL, kind, write_header};
use crate::{Prefix, Protocol, Purpose};

impl Rule {
    /// Whether nothing is set but the family: a pattern that any rule would fit.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Rule { family: self.family, ..Rule::default() }
    }

    /// Whether it has what kernels before 6.15 do not know and pass over.
    #[must_use]
    pub fn has_recent_attributes(&self) -> bool {
        self.dscp.is_some()
            || self.dscp_mask.is_some()
            || self.flow_label.is_some()
            || self.flow_label_mask.is_some()
            || self.source_port_mask.is_some()
            || self.destination_port_mask.is_some()
    }

    /// Whether the kernel takes exactly those rules for the pattern that it fits. It does not compare the inversion and the target
    /// of `goto`, and takes 0 for any in a priority, mark, tunnel or protocol above IP.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let zero = self.priority == Some(0)
            || self.mark.is_some_and(|mark| mark.value == 0 || mark.mask == 0)
            || self.tunnel == Some(0)
            || self.ip_protocol == Some(0);
        let passed_over =
            self.flags.contains(RuleFlags::INVERT) || self.target.is_some() || !self.unknown.is_empty();
        !zero && !passed_over && !self.is_any()
    }

    /// Whether a listed rule agrees in everything that is set in this pattern. Nothing fits a pattern in which nothing is set.
    #[must_use]
    pub fn fits(&self, listed: &Rule) -> bool {
        fn agrees<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let network = |prefix: Option<Prefix>| prefix.filter(|prefix| prefix.length > 0).map(Prefix::network);
        let settable = RuleFlags::INVERT | RuleFlags::FIND_SOURCE;
        !self.is_any()
            && self.effective_family() == listed.family
            && agrees(&self.priority, &listed.priority)
            && agrees(&network(self.from), &network(listed.from))
            && agrees(&network(self.to), &network(listed.to))
            && agrees(&self.incoming, &listed.incoming)
            && agrees(&self.outgoing, &listed.outgoing)
            && agrees(&self.mark, &listed.mark)
            && (self.type_of_service == 0 || self.type_of_service == listed.type_of_service)
            && agrees(&self.users, &listed.users)
            && agrees(&self.ip_protocol, &listed.ip_protocol)
            && agrees(&self.source_ports, &listed.source_ports)
            && agrees(&self.destination_ports, &listed.destination_ports)
            && agrees(&self.source_port_mask, &listed.source_port_mask.or(Some(u16::MAX)))
            && agrees(&self.destination_port_mask, &listed.destination_port_mask.or(Some(u16::MAX)))
            && agrees(&self.dscp, &listed.dscp)
            && agrees(&self.dscp_mask, &listed.dscp_mask.or(Some(0x3f)))
            && agrees(&self.flow_label, &listed.flow_label)
            && agrees(&self.flow_label_mask, &listed.flow_label_mask.or(Some(0xf_ffff)))
            && agrees(&self.tunnel, &listed.tunnel)
            && (self.action == RuleAction::UNSPECIFIED || self.action == listed.action)
            && agrees(&self.table, &listed.table)
            && (!self.vrf || listed.vrf)
            && agrees(&self.target, &listed.target)
            && agrees(&self.suppress_prefix_length, &listed.suppress_prefix_length)
            && agrees(&self.suppress_group, &listed.suppress_group)
            && agrees(&self.flow, &listed.flow)
            && agrees(&self.protocol, &listed.protocol)
            && listed.flags.contains(self.flags & settable)
            && (self.unknown.is_empty() || self.unknown == listed.unknown)
    }

    /// Whether the kernel would take another listed rule for this listed one, were it before it.
    #[must_use]
    fn is_taken_for(&self, other: &Rule) -> bool {
        let some = |value: &Option<u32>| value.filter(|&value| value != 0);
        let mark = |rule: &Rule| rule.mark.unwrap_or(Mark { value: 0, mask: 0 });
        let (wanted, found) = (mark(self), mark(other));
        let pattern = Rule {
            priority: some(&self.priority),
            mark: None,
            tunnel: self.tunnel.filter(|&tunnel| tunnel != 0),
            ip_protocol: self.ip_protocol.filter(|&protocol| protocol != 0),
            flags: RuleFlags::empty(),
            target: None,
            protocol: self.protocol.filter(|&protocol| protocol != Protocol::UNSPECIFIED),
            ..self.clone()
        };
        (pattern.is_any() || pattern.fits(other))
            && (wanted.value == 0 || wanted.value == found.value)
            && (wanted.mask == 0 || wanted.mask == found.mask)
    }
}

/// Deletes a rule as it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteListed {
    rule: Rule,
}

impl DeleteListed {
    /// The first listed rule that fits a pattern, to be deleted. `None` where none does, or where the kernel would take one before
    /// it for it.
    #[must_use]
    pub fn find(pattern: &Rule, listed: &[Rule]) -> Option<Self> {
        let place = listed.iter().position(|rule| pattern.fits(rule))?;
        let rule = listed.get(place)?;
        let before = listed.get(..place)?;
        let unique = !before.iter().any(|other| other.family == rule.family && rule.is_taken_for(other));
        unique.then(|| DeleteListed { rule: rule.clone() })
    }
}

impl Subject for DeleteListed {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delete rule {}", self.rule)
    }
}

impl Request for DeleteListed {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::DELETE_RULE
    }

    fn write(&self, writer: &mut Writer) {
        let (header, attrs) = self.rule.parts(Purpose::Delete);
        write_header(&header, writer);
        attrs.write_attributes(writer);
    }
}

impl Acknowledged for DeleteListed {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, Table};

    fn listed(priority: u32, table: Table) -> Rule {
        Rule {
            family: Family::IPV4,
            protocol: Some(Protocol::KERNEL),
            ..Rule::lookup(table).priority(priority)
        }
    }

    #[test]
    fn zero_is_zero_and_nothing_is_nothing() {
        let rules = [listed(0, Table::LOCAL), listed(32766, Table::MAIN), listed(32767, Table::DEFAULT)];
        let found =
            |pattern: &Rule| DeleteListed::find(pattern, &rules).and_then(|found| found.rule.priority);
        assert_eq!(found(&Rule::default()), None);
        assert_eq!(found(&Rule::default().family(Family::IPV4)), None);
        assert_eq!(found(&Rule::default().priority(0)), Some(0));
        assert_eq!(found(&Rule::lookup(Table::LOCAL).priority(0)), Some(0));
        assert_eq!(found(&Rule::lookup(Table::MAIN).priority(0)), None);
        assert_eq!(found(&Rule::lookup(Table::MAIN)), Some(32766));
        for rule in &rules {
            assert_eq!(found(rule), rule.priority);
        }
    }

    #[test]
    fn what_the_kernel_would_mistake_is_not_found() {
        let not = |rule: Rule| Rule { flags: RuleFlags::INVERT, ..rule };
        let plain = listed(10, Table(5)).from("10.0.0.0/8".parse().unwrap());
        let rules = [plain.clone(), not(plain.clone())];
        assert!(!rules[1].is_exact() && rules[0].is_exact());
        assert_eq!(DeleteListed::find(&rules[1], &rules), None, "it would delete the first");
        assert!(DeleteListed::find(&rules[1], &rules[1..]).is_some());
        let marked = [listed(10, Table(5)).mark(7), listed(10, Table(5)).mark(0)];
        assert_eq!(DeleteListed::find(&marked[1], &marked), None);
    }
}
