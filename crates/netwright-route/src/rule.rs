//! Policy rules: which routing table a packet is looked up in (`RTM_*RULE`, `linux/fib_rules.h`).

use std::fmt;
use std::net::IpAddr;

use netwright_wire::{Dump, Malformed, Message, Request, Subject, Unknown, Value, Writer};

use crate::message::{ROUTE_PROTOCOL, kind, refuse_link_name, write_header};
use crate::{Family, NetworkOrder, Object, Prefix, Protocol, Purpose, Table};

netwright_wire::header! {
    /// `struct fib_rule_hdr`.
    pub struct RuleHeader: Native {
        family: u8,
        /// Bits.
        destination_length: u8,
        /// Bits.
        source_length: u8,
        type_of_service: u8,
        /// The table, where it fits; else the attribute alone has it.
        table: u8,
        reserved1: u8,
        reserved2: u8,
        action: u8,
        flags: RuleFlags,
    }

    /// `struct fib_rule_uid_range`; both ends belong to it.
    pub struct UserRange: Native {
        start: u32,
        end: u32,
    }

    /// `struct fib_rule_port_range`; both ends belong to it.
    pub struct PortRange: Native {
        start: u16,
        end: u16,
    }
}

netwright_wire::attrs! {
    /// Attributes of a rule (`FRA_*`).
    pub struct RuleAttrs, RuleAttrsView: Native {
        /// Destination.
        FRA_DST = 1 => destination: IpAddr,
        /// Source.
        FRA_SRC = 2 => source: IpAddr,
        /// Name of the link that packets come in by.
        FRA_IIFNAME = 3 => incoming: String,
        /// Priority of the rule to go on with.
        FRA_GOTO = 4 => target: u32,
        /// Priority.
        FRA_PRIORITY = 6 => priority: u32,
        /// Mark.
        FRA_FWMARK = 10 => mark: u32,
        /// Realms.
        FRA_FLOW = 11 => flow: u32,
        /// Tunnel id.
        FRA_TUN_ID = 12 => tunnel: NetworkOrder<u64>,
        /// Group of links whose routes are passed over; all ones is none.
        FRA_SUPPRESS_IFGROUP = 13 => suppress_group: u32,
        /// Longest prefix that is passed over; all ones is none.
        FRA_SUPPRESS_PREFIXLEN = 14 => suppress_prefix_length: u32,
        /// Table.
        FRA_TABLE = 15 => table: Table,
        /// Bits of the mark that are compared.
        FRA_FWMASK = 16 => mark_mask: u32,
        /// Name of the link that packets go out by.
        FRA_OIFNAME = 17 => outgoing: String,
        /// Whether the table is that of the packet's VRF.
        FRA_L3MDEV = 19 => vrf: bool,
        /// Users.
        FRA_UID_RANGE = 20 => users: UserRange,
        /// Who made it.
        FRA_PROTOCOL = 21 => protocol: Protocol,
        /// Protocol above IP.
        FRA_IP_PROTO = 22 => ip_protocol: u8,
        /// Source ports.
        FRA_SPORT_RANGE = 23 => source_ports: PortRange,
        /// Destination ports.
        FRA_DPORT_RANGE = 24 => destination_ports: PortRange,
        /// Differentiated services code point.
        FRA_DSCP = 25 => dscp: u8,
        /// Flow label.
        FRA_FLOWLABEL = 26 => flow_label: NetworkOrder<u32>,
        /// Bits of the flow label that are compared.
        FRA_FLOWLABEL_MASK = 27 => flow_label_mask: NetworkOrder<u32>,
        /// Bits of the source port that are compared.
        FRA_SPORT_MASK = 28 => source_port_mask: u16,
        /// Bits of the destination port that are compared.
        FRA_DPORT_MASK = 29 => destination_port_mask: u16,
        /// Bits of the code point that are compared.
        FRA_DSCP_MASK = 30 => dscp_mask: u8,
    }
}

netwright_wire::open_flags! {
    /// Flags of a rule (`FIB_RULE_*`).
    pub struct RuleFlags(u32) {
        /// State: cannot be deleted.
        PERMANENT = 1,
        /// Packets that do not match are meant.
        INVERT = 2,
        /// State: the rule to go on with does not exist.
        UNRESOLVED = 4,
        /// State: the link that packets come in by does not exist.
        #[doc(alias = "FIB_RULE_IIF_DETACHED")]
        INCOMING_DETACHED = 8,
        /// State: the link that packets go out by does not exist.
        #[doc(alias = "FIB_RULE_OIF_DETACHED")]
        OUTGOING_DETACHED = 16,
        /// Look for the source address in the table's routes.
        #[doc(alias = "FIB_RULE_FIND_SADDR")]
        FIND_SOURCE = 0x10000,
    }
}

netwright_wire::open_enum! {
    /// What is done with packets that match (`FR_ACT_*`).
    pub struct RuleAction(u8) {
        /// Anything, for deleting.
        #[doc(alias = "FR_ACT_UNSPEC")]
        UNSPECIFIED = 0 "unspecified",
        /// Looked up in a table.
        #[doc(alias = "FR_ACT_TO_TBL")]
        LOOKUP = 1 "lookup",
        /// Goes on with another rule.
        GOTO = 2 "goto",
        /// Nothing.
        NOP = 3 "nop",
        /// Dropped in silence.
        BLACKHOLE = 6 "blackhole",
        /// Dropped, network unreachable.
        UNREACHABLE = 7 "unreachable",
        /// Dropped, prohibited.
        PROHIBIT = 8 "prohibit",
    }
}

/// A mark to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The value.
    pub value: u32,
    /// The bits that are compared.
    pub mask: u32,
}

impl From<u32> for Mark {
    fn from(value: u32) -> Self {
        Mark { value, mask: u32::MAX }
    }
}

/// A policy rule.
///
/// ```
/// use netwright_route::{Rule, Table};
///
/// let rule = Rule::lookup(Table(100)).from("10.0.0.0/8".parse()?).priority(1000);
/// assert_eq!(rule.to_string(), "1000: from 10.0.0.0/8 lookup 100");
/// # Ok::<(), netwright_route::prefix::PrefixError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "RTM_NEWRULE")]
pub struct Rule {
    /// Its family; IPv4 where neither this nor a prefix says.
    pub family: Family,
    /// Priority; the smallest is looked at first. The kernel chooses one before all others where it is `None`.
    #[doc(alias = "FRA_PRIORITY")]
    pub priority: Option<u32>,
    /// Source of the packet.
    #[doc(alias = "FRA_SRC")]
    pub from: Option<Prefix>,
    /// Destination of the packet.
    #[doc(alias = "FRA_DST")]
    pub to: Option<Prefix>,
    /// Name of the link that it came in by; `lo` for the host's own packets.
    #[doc(alias = "FRA_IIFNAME")]
    pub incoming: Option<String>,
    /// Name of the link that it is bound to go out by.
    #[doc(alias = "FRA_OIFNAME")]
    pub outgoing: Option<String>,
    /// Mark of the packet.
    #[doc(alias = "FRA_FWMARK")]
    pub mark: Option<Mark>,
    /// Type of service of the packet; 0 is any.
    pub type_of_service: u8,
    /// Users that send it.
    #[doc(alias = "FRA_UID_RANGE")]
    pub users: Option<UserRange>,
    /// Protocol above IP.
    #[doc(alias = "FRA_IP_PROTO")]
    pub ip_protocol: Option<u8>,
    /// Source ports.
    #[doc(alias = "FRA_SPORT_RANGE")]
    pub source_ports: Option<PortRange>,
    /// Destination ports.
    #[doc(alias = "FRA_DPORT_RANGE")]
    pub destination_ports: Option<PortRange>,
    /// Bits of the source port that are compared with that of `source_ports`, which is then one; from Linux 6.15 on. `None` is all,
    /// as of the other masks.
    #[doc(alias = "FRA_SPORT_MASK")]
    pub source_port_mask: Option<u16>,
    /// Bits of the destination port that are compared with that of `destination_ports`, which is then one; from Linux 6.15 on.
    #[doc(alias = "FRA_DPORT_MASK")]
    pub destination_port_mask: Option<u16>,
    /// Differentiated services code point of the packet, 0 to 63, in place of `type_of_service`; from Linux 6.13 on.
    #[doc(alias = "FRA_DSCP")]
    pub dscp: Option<u8>,
    /// Bits of the code point that are compared; from Linux 6.15 on.
    #[doc(alias = "FRA_DSCP_MASK")]
    pub dscp_mask: Option<u8>,
    /// Flow label of the packet (IPv6), of 20 bits; from Linux 6.14 on.
    #[doc(alias = "FRA_FLOWLABEL")]
    pub flow_label: Option<u32>,
    /// Bits of the flow label that are compared; from Linux 6.14 on.
    #[doc(alias = "FRA_FLOWLABEL_MASK")]
    pub flow_label_mask: Option<u32>,
    /// Tunnel that it came by.
    #[doc(alias = "FRA_TUN_ID")]
    pub tunnel: Option<u64>,
    /// What is done. A new rule looks up where it is unspecified; deleting takes any then.
    pub action: RuleAction,
    /// Table to look up in. Main for a new rule that looks up.
    #[doc(alias = "FRA_TABLE")]
    pub table: Option<Table>,
    /// Whether the table is that of the packet's VRF.
    #[doc(alias = "FRA_L3MDEV")]
    pub vrf: bool,
    /// Priority of the rule to go on with.
    #[doc(alias = "FRA_GOTO")]
    pub target: Option<u32>,
    /// Longest prefix whose routes are passed over.
    #[doc(alias = "FRA_SUPPRESS_PREFIXLEN")]
    pub suppress_prefix_length: Option<u32>,
    /// Group of links whose routes are passed over.
    #[doc(alias = "FRA_SUPPRESS_IFGROUP")]
    pub suppress_group: Option<u32>,
    /// Realms.
    pub flow: Option<u32>,
    /// Flags; [`RuleFlags::INVERT`] turns the match round. States among them are not sent back.
    pub flags: RuleFlags,
    /// Who made it. Unspecified for a new rule, as `ip` has it.
    #[doc(alias = "FRA_PROTOCOL")]
    pub protocol: Option<Protocol>,
    /// Attributes that are not known, kept byte for byte.
    pub unknown: Unknown,
}

impl Rule {
    /// The family that it is of, or gets.
    #[must_use]
    pub fn effective_family(&self) -> Family {
        match self.from.or(self.to) {
            _ if self.family != Family::UNSPECIFIED => self.family,
            Some(prefix) => Family::of(prefix.address),
            None => Family::IPV4,
        }
    }

    fn parts(&self, purpose: Purpose) -> (RuleHeader, RuleAttrs) {
        let new = purpose == Purpose::New;
        let action = match self.action {
            RuleAction::UNSPECIFIED if new => RuleAction::LOOKUP,
            action => action,
        };
        let default_table = (new && action == RuleAction::LOOKUP && !self.vrf).then_some(Table::MAIN);
        let table = self.table.or(default_table).unwrap_or_default();
        let header = RuleHeader {
            family: self.effective_family().0,
            destination_length: self.to.map_or(0, |prefix| prefix.length),
            source_length: self.from.map_or(0, |prefix| prefix.length),
            type_of_service: self.type_of_service,
            table: table.byte(),
            action: action.0,
            flags: self.flags & (RuleFlags::INVERT | RuleFlags::FIND_SOURCE),
            ..RuleHeader::default()
        };
        let address = |prefix: Option<Prefix>| prefix.filter(|p| p.length > 0).map(|p| p.address);
        let attrs = RuleAttrs {
            destination: address(self.to),
            source: address(self.from),
            incoming: self.incoming.clone(),
            target: self.target,
            priority: self.priority,
            mark: self.mark.map(|mark| mark.value),
            flow: self.flow,
            tunnel: self.tunnel.map(NetworkOrder),
            suppress_group: self.suppress_group,
            suppress_prefix_length: self.suppress_prefix_length,
            table: table.attribute(),
            mark_mask: self.mark.map(|mark| mark.mask),
            outgoing: self.outgoing.clone(),
            vrf: self.vrf.then_some(true),
            users: self.users,
            protocol: self.protocol,
            ip_protocol: self.ip_protocol,
            source_ports: self.source_ports,
            destination_ports: self.destination_ports,
            dscp: self.dscp,
            dscp_mask: self.dscp_mask,
            flow_label: self.flow_label.map(NetworkOrder),
            flow_label_mask: self.flow_label_mask.map(NetworkOrder),
            source_port_mask: self.source_port_mask,
            destination_port_mask: self.destination_port_mask,
            unknown: self.unknown.clone(),
        };
        (header, attrs)
    }

    fn from_parts(header: RuleHeader, attrs: RuleAttrs) -> Self {
        let prefix = |address: Option<IpAddr>, length| address.map(|address| Prefix { address, length });
        let set = |value: Option<u32>| value.filter(|&value| value != u32::MAX);
        let mark = match (attrs.mark, attrs.mark_mask) {
            (None, None | Some(0)) => None,
            (value, mask) => Some(Mark { value: value.unwrap_or(0), mask: mask.unwrap_or(u32::MAX) }),
        };
        let table = attrs.table.unwrap_or(Table(header.table.into()));
        Rule {
            family: Family(header.family),
            priority: Some(attrs.priority.unwrap_or(0)),
            from: prefix(attrs.source, header.source_length),
            to: prefix(attrs.destination, header.destination_length),
            incoming: attrs.incoming,
            outgoing: attrs.outgoing,
            mark,
            type_of_service: header.type_of_service,
            users: attrs.users,
            ip_protocol: attrs.ip_protocol,
            source_ports: attrs.source_ports,
            destination_ports: attrs.destination_ports,
            source_port_mask: attrs.source_port_mask.filter(|&mask| mask != u16::MAX),
            destination_port_mask: attrs.destination_port_mask.filter(|&mask| mask != u16::MAX),
            dscp: attrs.dscp,
            dscp_mask: attrs.dscp_mask.filter(|&mask| mask != 0x3f),
            flow_label: attrs.flow_label.map(|label| label.0),
            flow_label_mask: attrs.flow_label_mask.map(|mask| mask.0).filter(|&mask| mask != 0xf_ffff),
            tunnel: attrs.tunnel.map(|tunnel| tunnel.0),
            action: RuleAction(header.action),
            table: Some(table).filter(|&table| table != Table::UNSPECIFIED),
            vrf: attrs.vrf == Some(true),
            target: attrs.target,
            suppress_prefix_length: set(attrs.suppress_prefix_length),
            suppress_group: set(attrs.suppress_group),
            flow: attrs.flow,
            flags: header.flags,
            protocol: attrs.protocol,
            unknown: attrs.unknown,
        }
    }
}

impl Rule {
    /// The kernel would make a rule of this that fits more packets than it says.
    fn refuse_what_means_nothing(&self, writer: &mut Writer) {
        if self.tunnel == Some(0) {
            writer.contradiction("the kernel takes tunnel 0 for any");
        }
        if self.ip_protocol == Some(0) {
            writer.contradiction("the kernel takes protocol 0 for any");
        }
        if self.mark == Some(Mark { value: 0, mask: 0 }) {
            writer.contradiction("the kernel takes mark 0 for any where none of its bits is compared");
        }
        if self.flow == Some(0) {
            writer.contradiction("the kernel takes realms 0 for none");
        }
        if self.suppress_prefix_length == Some(u32::MAX) || self.suppress_group == Some(u32::MAX) {
            writer.contradiction(
                "the kernel takes all ones for no prefix length and no group that are passed over",
            );
        }
    }
}

mod build;
mod display;
mod find;

pub use find::DeleteListed;

impl Object for Rule {
    const NEW: u16 = kind::NEW_RULE;
    const DELETE: u16 = kind::DELETE_RULE;
    const NOUN: &'static str = "rule";

    fn write(&self, purpose: Purpose, writer: &mut Writer) {
        let (header, attrs) = self.parts(purpose);
        write_header(&header, writer);
        let prefixes = self.from.into_iter().chain(self.to);
        if prefixes.into_iter().any(|prefix| Family::of(prefix.address).0 != header.family) {
            writer.contradiction("the rule and its source or destination are of different families");
        }
        refuse_link_name(self.incoming.as_deref(), writer);
        refuse_link_name(self.outgoing.as_deref(), writer);
        if self.table == Some(Table::UNSPECIFIED) {
            writer.contradiction("there is no table 0");
        }
        if purpose == Purpose::New {
            self.refuse_what_means_nothing(writer);
        }
        if purpose == Purpose::Delete && self.is_any() {
            writer.contradiction("nothing is said of which rule is meant");
        }
        if purpose == Purpose::Delete && !self.is_exact() {
            writer.contradiction(
                "the kernel would take other rules for it too: find it in the list, and delete that one",
            );
        }
        attrs.write_attributes(writer);
    }

    fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        RuleView::read(message)?.map(|view| view.own()).transpose()
    }
}

/// A rule in a received message, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleView<'a> {
    /// The fixed struct.
    pub header: RuleHeader,
    /// The attributes, each read when asked for.
    pub attributes: RuleAttrsView<'a>,
}

impl<'a> RuleView<'a> {
    /// Looks at a message; `None` where it does not tell of an IPv4 or IPv6 rule.
    pub fn read(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if !matches!(message.header.kind, kind::NEW_RULE | kind::DELETE_RULE) {
            return Ok(None);
        }
        let header: RuleHeader = message.fixed()?;
        let attributes = RuleAttrsView::new(message.bytes_after(RuleHeader::SIZE));
        Ok(Family(header.family).is_ip().then_some(RuleView { header, attributes }))
    }

    /// Makes it the caller's own.
    pub fn own(&self) -> Result<Rule, Malformed> {
        Ok(Rule::from_parts(self.header, RuleAttrs::own(self.attributes)?))
    }
}

/// Lists rules; the kernel filters by family alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Those of one family.
    pub family: Family,
}

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list rules")
    }
}

impl Request for List {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_RULE
    }

    fn write(&self, writer: &mut Writer) {
        write_header(&RuleHeader { family: self.family.0, ..RuleHeader::default() }, writer);
    }
}

impl Dump for List {
    type View<'a> = RuleView<'a>;
    type Output = Rule;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<RuleView<'a>>, Malformed> {
        RuleView::read(message)
    }

    fn own(&self, view: RuleView<'_>) -> Result<Rule, Malformed> {
        view.own()
    }
}

#[cfg(test)]
mod tests;
