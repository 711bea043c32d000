//! Nexthop objects: ways that routes share (`RTM_*NEXTHOP`, `linux/nexthop.h`).

use std::fmt;
use std::net::IpAddr;

use netwright_wire::{ByteOrder, Dump, Malformed, Message, Native, Request, Subject, Unknown, Value, Writer};

use crate::message::{ROUTE_PROTOCOL, kind, write_header};
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

    /// A member of a group (`struct nexthop_grp`).
    pub struct GroupMember: Native {
        /// Id of the nexthop.
        id: u32,
        /// Weight less one.
        weight: u8,
        reserved1: u8,
        reserved2: u16,
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
        let whole = view.len().is_multiple_of(GroupMember::SIZE);
        if !whole {
            return Err(Malformed::new(
                "a member of a nexthop group",
                GroupMember::SIZE,
                view.len() % GroupMember::SIZE,
            ));
        }
        view.chunks_exact(GroupMember::SIZE)
            .map(GroupMember::read::<Native>)
            .collect::<Result<_, _>>()
            .map(Group)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for member in &self.0 {
            member.write::<Native>(writer);
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
    pub encapsulation: Option<Encapsulation>,
    /// Settings of a resilient group.
    pub resilient_group: Option<RawNest>,
    /// Who made it. [`Protocol::NETWRIGHT`] for a new one.
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

    fn write_new(&self, writer: &mut Writer) {
        let header = NexthopHeader {
            family: self.effective_family().0,
            protocol: self.protocol.unwrap_or(Protocol::NETWRIGHT).0,
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
            resilient_group: self.resilient_group.clone(),
            unknown: self.unknown.clone(),
            ..NexthopAttrs::default()
        };
        write_header(&header, writer);
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
            encapsulation: attrs.encapsulation_kind.map(|kind| Encapsulation { kind, data }),
            resilient_group: attrs.resilient_group,
            protocol: Some(Protocol(header.protocol)),
            flags: header.flags,
            unknown: attrs.unknown,
        }
    }
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
