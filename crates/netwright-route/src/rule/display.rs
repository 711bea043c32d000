//! Rules as text, in the words of `ip rule`.

use std::fmt;

use super::{Mark, Rule, RuleAction, RuleFlags};

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(priority) = self.priority {
            write!(f, "{priority}: ")?;
        }
        if self.flags.contains(RuleFlags::INVERT) {
            f.write_str("not ")?;
        }
        match self.from {
            Some(from) => write!(f, "from {from}")?,
            None => f.write_str("from all")?,
        }
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        if let Some(Mark { value, mask }) = self.mark {
            write!(f, " fwmark {value:#x}")?;
            if mask != u32::MAX {
                write!(f, "/{mask:#x}")?;
            }
        }
        if let Some(link) = &self.incoming {
            write!(f, " iif {link}")?;
        }
        if let Some(link) = &self.outgoing {
            write!(f, " oif {link}")?;
        }
        self.display_packets(f)?;
        self.display_action(f)?;
        if let Some(length) = self.suppress_prefix_length {
            write!(f, " suppress_prefixlength {length}")?;
        }
        if let Some(group) = self.suppress_group {
            write!(f, " suppress_ifgroup {group}")?;
        }
        Ok(())
    }
}

fn display_range<T: fmt::Display + PartialEq>(
    name: &str,
    (start, end): (T, T),
    mask: Option<u16>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, " {name} {start}")?;
    if start != end {
        write!(f, "-{end}")?;
    }
    mask.map_or(Ok(()), |mask| write!(f, "/{mask:#x}"))
}

impl Rule {
    /// What is compared of packets besides addresses, links and mark.
    fn display_packets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.type_of_service != 0 {
            write!(f, " tos {:#x}", self.type_of_service)?;
        }
        if let Some(dscp) = self.dscp {
            display_range("dscp", (dscp, dscp), self.dscp_mask.map(u16::from), f)?;
        }
        if let Some(label) = self.flow_label {
            write!(f, " flowlabel {label:#x}")?;
            if let Some(mask) = self.flow_label_mask {
                write!(f, "/{mask:#x}")?;
            }
        }
        if let Some(users) = self.users {
            display_range("uidrange", (users.start, users.end), None, f)?;
        }
        if let Some(protocol) = self.ip_protocol {
            write!(f, " ipproto {protocol}")?;
        }
        if let Some(ports) = self.source_ports {
            display_range("sport", (ports.start, ports.end), self.source_port_mask, f)?;
        }
        if let Some(ports) = self.destination_ports {
            display_range("dport", (ports.start, ports.end), self.destination_port_mask, f)?;
        }
        self.tunnel.map_or(Ok(()), |tunnel| write!(f, " tun_id {tunnel}"))
    }

    fn display_action(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.action, self.table, self.target) {
            (RuleAction::LOOKUP, ..) if self.vrf => f.write_str(" lookup of the VRF"),
            (RuleAction::UNSPECIFIED | RuleAction::LOOKUP, Some(table), _) => write!(f, " lookup {table}"),
            (RuleAction::UNSPECIFIED, ..) => Ok(()),
            (RuleAction::GOTO, _, Some(target)) => write!(f, " goto {target}"),
            (action, ..) => write!(f, " {action}"),
        }
    }
}
