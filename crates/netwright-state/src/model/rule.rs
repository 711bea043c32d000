use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use netwright_route::prefix::Prefix;
use serde_json::{Value as Json, json};

use super::{Family, MacAddress, Table};
use crate::scalar::{self, Ids, InterfaceName, Network, Ports};
use crate::schema::Definitions;
use crate::section::{Decode, Reader, numbers, section, tables, words};
use crate::tree::{Node, Value};

numbers! {
    /// A protocol above IP.
    pub struct IpProtocol(u8) as "IP protocol", from 0 {
        /// ICMP.
        ICMP = 1 "icmp",
        /// TCP.
        TCP = 6 "tcp",
        /// UDP.
        UDP = 17 "udp",
        /// GRE.
        GRE = 47 "gre",
        /// ICMPv6.
        ICMPV6 = 58 "icmpv6",
        /// SCTP.
        SCTP = 132 "sctp",
    }
}

words! {
    /// What a policy rule does with a packet.
    pub enum RuleAction as "rule action" {
        /// Looks its route up in the rule's table.
        Lookup = "lookup",
        /// Goes on with the rule of priority `goto`.
        Goto = "goto",
        /// Nothing.
        Nop = "nop",
        /// Drops it without a word.
        Blackhole = "blackhole",
        /// Answers that the host cannot be reached.
        Unreachable = "unreachable",
        /// Answers that it is forbidden.
        Prohibit = "prohibit",
    }
}

/// A mark to compare with: the packet's mark, masked, must equal the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fwmark {
    /// The value.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
}

impl Decode for Fwmark {
    type Value = Fwmark;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Fwmark> {
        let expected = "a mark such as 81, \"0x51\" or \"0x1/0xff\"";
        let text = match &node.value {
            Value::Integer(_) => {
                let value = scalar::integer(node, &(0..=i128::from(u32::MAX)), reader)?;
                return u32::try_from(value).ok().map(|value| Fwmark { value, mask: u32::MAX });
            }
            _ => reader.text(node, expected)?,
        };
        let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
        match (number(value), number(mask)) {
            (Some(value), Some(mask)) => Some(Fwmark { value, mask }),
            _ => reader.expected(node, expected),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": ["integer", "string"], "minimum": 0, "maximum": u32::MAX, "examples": ["0x1/0xff"] })
    }
}

/// A number in decimal, or hexadecimal with `0x`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        _ if text.contains('+') => None,
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

section! {
    /// A policy rule: which packets look up their route in which table.
    pub struct Rule as "a policy rule" {
        /// Rules are asked in ascending order of priority. The kernel's own have 0, 32766 and 32767.
        required "priority" => priority: u32,
        /// The network that the source lies in.
        optional "from" => from: Prefix as Network,
        /// The network that the destination lies in.
        optional "to" => to: Prefix as Network,
        /// The family; both where neither it nor an address is set.
        optional "family" => family: Family,
        /// The packet's mark: 81, "0x51", or with a mask "0x1/0xff".
        optional "fwmark" => fwmark: Fwmark,
        /// The link that the packet came from; "lo" for packets of the host's own.
        optional "iif" => iif: String as InterfaceName,
        /// The link that the sending socket is bound to.
        optional "oif" => oif: String as InterfaceName,
        /// The routing table to look in.
        optional "table" => table: Table,
        /// What the rule does.
        defaulted "action" => action: RuleAction = RuleAction::Lookup,
        /// The priority of the rule to go on with.
        optional "goto" => goto: u32,
        /// The users whose packets are meant: 1000, or "1000-1999".
        optional "uid-range" => uid_range: RangeInclusive<u32> as Ids,
        /// The protocol, by number or as "tcp", "udp", "icmp", …
        optional "ip-protocol" => ip_protocol: IpProtocol,
        /// The source ports: 53, or "1000-1999".
        optional "source-port" => source_port: RangeInclusive<u16> as Ports,
        /// The destination ports: 53, or "1000-1999".
        optional "destination-port" => destination_port: RangeInclusive<u16> as Ports,
        /// Do not use routes whose prefix is this long or shorter: 0 leaves default routes out.
        optional "suppress-prefix-length" => suppress_prefix_length: u8 as crate::scalar::Between<0, 128>,
        /// Whether it holds for the packets that do not match.
        defaulted "not" => not: bool,
        /// Whether it takes the place of somebody else's rule for the same packets with the same priority.
        defaulted "adopt" => adopt: bool,
    }
}

impl Rule {
    /// The families that it is made for.
    #[must_use]
    pub fn families(&self) -> &'static [Family] {
        let address = self.from.or(self.to).map(|prefix| Family::of(prefix.address));
        match self.family.or(address) {
            Some(Family::Ipv4) => &[Family::Ipv4],
            Some(Family::Ipv6) => &[Family::Ipv6],
            None => &[Family::Ipv4, Family::Ipv6],
        }
    }
}

words! {
    /// What the kernel shall think of a neighbour.
    pub enum NeighbourState as "neighbour state" {
        /// It is there for ever.
        Permanent = "permanent",
        /// It is there, and is not asked for.
        Noarp = "noarp",
        /// It was there a moment ago.
        Reachable = "reachable",
        /// It was there some time ago.
        Stale = "stale",
    }
}

section! {
    /// A neighbour that need not be asked for its MAC address.
    pub struct Neighbour as "a neighbour" {
        /// The link that it is on.
        required "dev" => dev: String as InterfaceName,
        /// Its IP address.
        required "address" => address: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        /// Its MAC address.
        optional "mac" => mac: MacAddress,
        /// What the kernel shall think of it.
        defaulted "state" => state: NeighbourState = NeighbourState::Permanent,
        /// Whether this host answers for it, in place of a `mac`.
        defaulted "proxy" => proxy: bool,
        /// Whether it takes the place of somebody else's entry.
        defaulted "adopt" => adopt: bool,
    }
}

tables! { Rule Neighbour }
