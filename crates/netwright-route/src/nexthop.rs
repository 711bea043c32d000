//! Nexthop objects: ways that routes share (`RTM_*NEXTHOP`, `linux/nexthop.h`).

use std::fmt;
use std::net::IpAddr;

use netwright_wire::{
    ByteOrder, Dump, Malformed, Message, Native, Query, Request, Subject, Unknown, Value, Writer,
};

use crate::message::{ROUTE_PROTOCOL, kind, refuse_no_link, unexpected, write_header};
use crate::route::{Encapsulation, EncapsulationKind, RouteFlags};
use crate::{Family, LinkId, Object, Protocol, Purpose, RawNest};

netwright_wire::header! {
    /// `struct nhmsg`.
    pub struct NexthopHeader: Native {
        family: u8,
        scope: u8,
        protocol: u8,
        reserved: u8,
        /// `RTNH_F_*`
        flags: RouteFlags,
    }

    /// A member of a group as it is sent (`struct nexthop_grp`).
    pub struct WireGroupMember: Native {
        id: u32,
        /// Weight less one, its low eight bits.
        weight_low: u8,
        /// Weight less one, its high eight bits (from Linux 6.12 on).
        weight_high: u8,
        reserved: u16,
    }
}

/// A member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "nexthop_grp")]
pub struct GroupMember {
    /// Id of the nexthop.
    pub id: u32,
    /// Its share, 1 to 65536; kernels before 6.12 know up to 256.
    pub weight: u32,
}

impl Default for GroupMember {
    fn default() -> Self {
        GroupMember { id: 0, weight: 1 }
    }
}

impl GroupMember {
    /// A nexthop with a share of 1.
    #[must_use]
    pub fn new(id: u32) -> Self {
        GroupMember { id, ..GroupMember::default() }
    }

    /// The same with this share, 1 to 65536.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    fn check(&self, writer: &mut Writer) {
        if self.id == 0 {
            writer.contradiction("there is no nexthop 0");
        }
        if !(1..=65536).contains(&self.weight) {
            writer.contradiction("the weight of a member is 1 to 65536");
        }
    }
}

impl From<WireGroupMember> for GroupMember {
    fn from(member: WireGroupMember) -> Self {
        let less_one = u16::from_le_bytes([member.weight_low, member.weight_high]);
        GroupMember { id: member.id, weight: u32::from(less_one) + 1 }
    }
}

impl From<GroupMember> for WireGroupMember {
    fn from(member: GroupMember) -> Self {
        let less_one = u16::try_from(member.weight.saturating_sub(1)).unwrap_or(u16::MAX);
        let [weight_low, weight_high] = less_one.to_le_bytes();
        WireGroupMember { id: member.id, weight_low, weight_high, reserved: 0 }
    }
}

netwright_wire::attrs! {
    /// Attributes of a nexthop object (`NHA_*`).
    pub struct NexthopAttrs, NexthopAttrsView: Native {
        /// Id.
        NHA_ID = 1 => id: u32,
        /// Members of the group.
        NHA_GROUP = 2 => group: Group,
        /// 0 by hash, 1 resilient.
        NHA_GROUP_TYPE = 3 => group_kind: u16,
        /// Drops packets.
        NHA_BLACKHOLE = 4 => blackhole: (),
        /// Index of the link.
        NHA_OIF = 5 => outgoing: u32,
        /// Gateway.
        NHA_GATEWAY = 6 => gateway: IpAddr,
        /// Kind of encapsulation.
        NHA_ENCAP_TYPE = 7 => encapsulation_kind: EncapsulationKind,
        /// Data of the encapsulation.
        NHA_ENCAP = 8 => encapsulation: RawNest,
        /// Only groups are asked for.
        NHA_GROUPS = 9 => only_groups: (),
        /// Only those with links that are ports of this one are asked for.
        NHA_MASTER = 10 => master: u32,
        /// For forwarding entries.
        NHA_FDB = 11 => forwarding: (),
        /// Settings of a resilient group.
        NHA_RES_GROUP = 12 => resilient_group: RawNest,
        /// A bucket of a resilient group.
        NHA_RES_BUCKET = 13 => resilient_bucket: RawNest,
        /// How the kernel answers, such as whether weights of 16 bits are known.
        NHA_OP_FLAGS = 14 => operation_flags: u32,
        /// Counters of a group.
        NHA_GROUP_STATS = 15 => group_statistics: RawNest,
        /// Whether the hardware counts for a group (0 or 1).
        NHA_HW_STATS_ENABLE = 16 => hardware_statistics: u32,
        /// Whether it does count.
        NHA_HW_STATS_USED = 17 => hardware_statistics_used: u32,
    }
}

/// The members of a group, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group(
    /// The members.
    pub Vec<GroupMember>,
);

impl Value for Group {
    type View<'a> = &'a [u8];

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<&[u8], Malformed> {
        Ok(payload)
    }

    fn own(view: &[u8]) -> Result<Self, Malformed> {
        const SIZE: usize = WireGroupMember::SIZE;
        if !view.len().is_multiple_of(SIZE) {
            return Err(Malformed::new("a member of a nexthop group", SIZE, view.len() % SIZE));
        }
        let members =
            view.chunks_exact(SIZE).map(|member| Ok(WireGroupMember::read::<Native>(member)?.into()));
        members.collect::<Result<_, _>>().map(Group)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for member in &self.0 {
            WireGroupMember::from(*member).write::<Native>(writer);
        }
    }
}

/// A nexthop object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "RTM_NEWNEXTHOP")]
pub struct Nexthop {
    /// Id; the kernel chooses one where it is `None`.
    pub id: Option<u32>,
    /// Family; that of the gateway where it is unspecified, else IPv4.
    pub family: Family,
    /// The link that packets go out by.
    pub link: Option<LinkId>,
    /// Whom they are handed to.
    pub gateway: Option<IpAddr>,
    /// Members, where it is a group.
    pub group: Vec<GroupMember>,
    /// Kind of the group: 0 by hash, 1 resilient.
    pub group_kind: Option<u16>,
    /// Whether packets are dropped.
    pub blackhole: bool,
    /// Whether it is for forwarding entries.
    pub forwarding: bool,
    /// Encapsulation.
    pub encapsulation: Option<Box<Encapsulation>>,
    /// Settings of a resilient group.
    pub resilient_group: Option<RawNest>,
    /// Whether the hardware counts for a group; kernels before 6.9 do not know this.
    pub hardware_statistics: Option<bool>,
    /// Who made it. Unspecified for a new one, as `ip` has it.
    pub protocol: Option<Protocol>,
    /// Flags. States among them are not sent back.
    pub flags: RouteFlags,
    /// Attributes that are not known, kept byte for byte.
    pub unknown: Unknown,
}

impl Nexthop {
    fn effective_family(&self) -> Family {
        match self.gateway {
            _ if self.family != Family::UNSPECIFIED || !self.group.is_empty() => self.family,
            Some(gateway) => Family::of(gateway),
            None => Family::IPV4,
        }
    }

    /// The same without what the kernel alone sets: states among its flags, and how long a resilient group has been unbalanced.
    #[must_use]
    pub fn without_state(&self) -> Self {
        Nexthop {
            flags: self.flags & RouteFlags::SETTABLE,
            resilient_group: self.resilient_group.as_ref().map(without_state),
            ..self.clone()
        }
    }

    fn write_new(&self, writer: &mut Writer) {
        let header = NexthopHeader {
            family: self.effective_family().0,
            protocol: self.protocol.unwrap_or_default().0,
            flags: self.flags & RouteFlags::SETTABLE,
            ..NexthopHeader::default()
        };
        let attrs = NexthopAttrs {
            id: self.id,
            group: (!self.group.is_empty()).then(|| Group(self.group.clone())),
            group_kind: self.group_kind,
            blackhole: self.blackhole.then_some(()),
            outgoing: self.link.map(|link| link.index),
            gateway: self.gateway,
            encapsulation_kind: self.encapsulation.as_ref().map(|encapsulation| encapsulation.kind),
            encapsulation: self.encapsulation.as_ref().map(|encapsulation| encapsulation.data.clone()),
            forwarding: self.forwarding.then_some(()),
            resilient_group: self.resilient_group.as_ref().map(without_state),
            hardware_statistics: self.hardware_statistics.map(u32::from),
            unknown: self.unknown.clone(),
            ..NexthopAttrs::default()
        };
        write_header(&header, writer);
        refuse_no_link(self.link, writer);
        self.group.iter().for_each(|member| member.check(writer));
        attrs.write_attributes(writer);
    }

    fn from_parts(header: NexthopHeader, attrs: NexthopAttrs) -> Self {
        let data = attrs.encapsulation.unwrap_or_default();
        Nexthop {
            id: attrs.id,
            family: Family(header.family),
            link: attrs.outgoing.map(LinkId::new),
            gateway: attrs.gateway,
            group: attrs.group.unwrap_or_default().0,
            group_kind: attrs.group_kind,
            blackhole: attrs.blackhole.is_some(),
            forwarding: attrs.forwarding.is_some(),
            encapsulation: attrs.encapsulation_kind.map(|kind| Box::new(Encapsulation { kind, data })),
            resilient_group: attrs.resilient_group,
            hardware_statistics: attrs.hardware_statistics.map(|on| on != 0),
            protocol: Some(Protocol(header.protocol)),
            flags: header.flags,
            unknown: attrs.unknown,
        }
    }
}

/// The settings of a resilient group without how long it has been unbalanced, which the kernel tells and does not take.
fn without_state(settings: &RawNest) -> RawNest {
    const NHA_RES_GROUP_UNBALANCED_TIME: u16 = 4;
    let mut kept = Writer::new();
    let known = settings.attributes().map_while(Result::ok);
    for attribute in known.filter(|attribute| attribute.kind != NHA_RES_GROUP_UNBALANCED_TIME) {
        kept.bytes_attribute(attribute.kind, attribute.payload);
    }
    RawNest(kept.bytes().to_vec())
}

impl fmt::Display for Nexthop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "id {id}")?,
            None => f.write_str("of any id")?,
        }
        if let Some(gateway) = self.gateway {
            write!(f, " via {gateway}")?;
        }
        if let Some(link) = self.link {
            write!(f, " dev {link}")?;
        }
        if self.blackhole {
            f.write_str(" blackhole")?;
        }
        for (position, member) in self.group.iter().enumerate() {
            let before = if position == 0 { " group " } else { "/" };
            write!(f, "{before}{}", member.id)?;
        }
        Ok(())
    }
}

impl Object for Nexthop {
    const NEW: u16 = kind::NEW_NEXTHOP;
    const DELETE: u16 = kind::DELETE_NEXTHOP;
    const NOUN: &'static str = "nexthop";

    /// The kernel takes the id alone for deleting and refuses anything besides.
    fn write(&self, purpose: Purpose, writer: &mut Writer) {
        if self.id == Some(0) || (self.id.is_none() && purpose == Purpose::Delete) {
            writer.contradiction("a nexthop is named by its id, from 1 on");
        }
        match purpose {
            Purpose::New => self.write_new(writer),
            Purpose::Delete => {
                write_header(&NexthopHeader::default(), writer);
                NexthopAttrs { id: self.id, ..NexthopAttrs::default() }.write_attributes(writer);
            }
        }
    }

    fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        NexthopView::read(message)?.map(|view| view.own()).transpose()
    }
}

/// A nexthop object in a received message, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NexthopView<'a> {
    /// The fixed struct.
    pub header: NexthopHeader,
    /// The attributes, each read when asked for.
    pub attributes: NexthopAttrsView<'a>,
}

impl<'a> NexthopView<'a> {
    /// Looks at a message; `None` where it does not tell of a nexthop object.
    pub fn read(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if !matches!(message.header.kind, kind::NEW_NEXTHOP | kind::DELETE_NEXTHOP) {
            return Ok(None);
        }
        let attributes = NexthopAttrsView::new(message.bytes_after(NexthopHeader::SIZE));
        Ok(Some(NexthopView { header: message.fixed()?, attributes }))
    }

    /// Makes it the caller's own.
    pub fn own(&self) -> Result<Nexthop, Malformed> {
        Ok(Nexthop::from_parts(self.header, NexthopAttrs::own(self.attributes)?))
    }
}

/// Asks for one nexthop object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Get {
    /// Its id.
    pub id: u32,
}

impl Subject for Get {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "get nexthop {}", self.id)
    }
}

impl Request for Get {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_NEXTHOP
    }

    fn write(&self, writer: &mut Writer) {
        if self.id == 0 {
            writer.contradiction("there is no nexthop 0");
        }
        write_header(&NexthopHeader::default(), writer);
        NexthopAttrs { id: Some(self.id), ..NexthopAttrs::default() }.write_attributes(writer);
    }
}

impl Query for Get {
    type Output = Nexthop;

    fn read(&self, message: &Message<'_>) -> Result<Nexthop, Malformed> {
        let view = NexthopView::read(message)?;
        view.ok_or_else(|| unexpected("the nexthop that was asked for", message.payload))?.own()
    }
}

/// Lists nexthop objects. What is set is filtered for by the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Those of one family.
    pub family: Family,
    /// Those by one link.
    pub link: Option<LinkId>,
    /// Those by the ports of one link.
    pub master: Option<LinkId>,
    /// Groups alone.
    pub only_groups: bool,
}

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list nexthops")
    }
}

impl Request for List {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_NEXTHOP
    }

    fn write(&self, writer: &mut Writer) {
        write_header(&NexthopHeader { family: self.family.0, ..NexthopHeader::default() }, writer);
        refuse_no_link(self.link, writer);
        refuse_no_link(self.master, writer);
        let attrs = NexthopAttrs {
            outgoing: self.link.map(|link| link.index),
            master: self.master.map(|master| master.index),
            only_groups: self.only_groups.then_some(()),
            ..NexthopAttrs::default()
        };
        attrs.write_attributes(writer);
    }
}

impl Dump for List {
    type View<'a> = NexthopView<'a>;
    type Output = Nexthop;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<NexthopView<'a>>, Malformed> {
        NexthopView::read(message)
    }

    fn own(&self, view: NexthopView<'_>) -> Result<Nexthop, Malformed> {
        view.own()
    }
}

#[cfg(test)]
mod tests;
