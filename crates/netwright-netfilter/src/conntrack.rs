//! Connections that the kernel tracks: what an entry is, and how entries are listed, changed and deleted.
//!
//! Source: `include/uapi/linux/netfilter/nfnetlink_conntrack.h` and `nf_conntrack_common.h`. Listen to new entries in
//! [`group::CONNTRACK_NEW`](crate::group::CONNTRACK_NEW).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_wire::{Acknowledged, Big, Dump, Malformed, Message, Request, Subject, Value, Writer};

use crate::item::lacks;
use crate::{Family, NetfilterHeader, subsystem};

netwright_wire::open_enum! {
    /// What a message about connections is (`enum cntl_msg_types`), the lower byte of its type.
    pub struct ConntrackMessageKind(u8) {
        #[doc(alias = "IPCTNL_MSG_CT_NEW")]
        NEW = 0 "new",
        #[doc(alias = "IPCTNL_MSG_CT_GET")]
        GET = 1 "get",
        #[doc(alias = "IPCTNL_MSG_CT_DELETE")]
        DELETE = 2 "delete",
    }
}

netwright_wire::open_flags! {
    /// What is known of a connection (`IPS_*`).
    pub struct ConntrackStatus(u32) {
        /// Another connection announced it.
        EXPECTED = 1,
        /// Packets went both ways.
        SEEN_REPLY = 1 << 1,
        /// It is not dropped early.
        ASSURED = 1 << 2,
        /// Its first packet has left the host, or was taken in.
        CONFIRMED = 1 << 3,
        /// Its source is translated.
        #[doc(alias = "IPS_SRC_NAT")]
        SOURCE_TRANSLATED = 1 << 4,
        /// Its destination is translated.
        #[doc(alias = "IPS_DST_NAT")]
        DESTINATION_TRANSLATED = 1 << 5,
        /// Sequence numbers are adjusted.
        #[doc(alias = "IPS_SEQ_ADJUST")]
        SEQUENCE_ADJUSTED = 1 << 6,
        /// It is being deleted.
        DYING = 1 << 9,
        /// Its timeout stays as it is.
        FIXED_TIMEOUT = 1 << 10,
        /// A helper looks at it.
        HELPER = 1 << 13,
        /// A flow table has it.
        #[doc(alias = "IPS_OFFLOAD")]
        OFFLOADED = 1 << 14,
    }
}

netwright_wire::attrs! {
    /// Attributes of an entry (`enum ctattr_type`).
    pub struct ConntrackAttrs, ConntrackView: Big {
        CTA_TUPLE_ORIG = 1 => original: TupleAttrs,
        CTA_TUPLE_REPLY = 2 => reply: TupleAttrs,
        CTA_STATUS = 3 => status: ConntrackStatus,
        CTA_PROTOINFO = 4 => protocol: ProtocolInfoAttrs,
        /// Seconds until it ends.
        CTA_TIMEOUT = 7 => timeout: u32,
        CTA_MARK = 8 => mark: u32,
        CTA_ID = 12 => id: u32,
        CTA_ZONE = 18 => zone: u16,
    }

    /// Attributes of whose packets belong to an entry (`enum ctattr_tuple`).
    pub struct TupleAttrs, TupleView: Big {
        CTA_TUPLE_IP = 1 => addresses: TupleAddressAttrs,
        CTA_TUPLE_PROTO = 2 => protocol: TupleProtocolAttrs,
        CTA_TUPLE_ZONE = 3 => zone: u16,
    }

    /// Addresses (`enum ctattr_ip`).
    pub struct TupleAddressAttrs, TupleAddressView: Big {
        CTA_IP_V4_SRC = 1 => source4: Ipv4Addr,
        CTA_IP_V4_DST = 2 => destination4: Ipv4Addr,
        CTA_IP_V6_SRC = 3 => source6: Ipv6Addr,
        CTA_IP_V6_DST = 4 => destination6: Ipv6Addr,
    }

    /// The protocol above IP, and what tells its packets apart (`enum ctattr_l4proto`).
    pub struct TupleProtocolAttrs, TupleProtocolView: Big {
        /// Number of the protocol (`IPPROTO_*`).
        CTA_PROTO_NUM = 1 => number: u8,
        CTA_PROTO_SRC_PORT = 2 => source_port: u16,
        CTA_PROTO_DST_PORT = 3 => destination_port: u16,
        CTA_PROTO_ICMP_ID = 4 => icmp_id: u16,
        CTA_PROTO_ICMP_TYPE = 5 => icmp_type: u8,
        CTA_PROTO_ICMP_CODE = 6 => icmp_code: u8,
        CTA_PROTO_ICMPV6_ID = 7 => icmpv6_id: u16,
        CTA_PROTO_ICMPV6_TYPE = 8 => icmpv6_type: u8,
        CTA_PROTO_ICMPV6_CODE = 9 => icmpv6_code: u8,
    }

    /// What a protocol's tracker knows (`enum ctattr_protoinfo`).
    pub struct ProtocolInfoAttrs, ProtocolInfoView: Big {
        CTA_PROTOINFO_TCP = 1 => tcp: TcpInfoAttrs,
    }

    /// What is known of a TCP connection (`enum ctattr_protoinfo_tcp`).
    pub struct TcpInfoAttrs, TcpInfoView: Big {
        CTA_PROTOINFO_TCP_STATE = 1 => state: u8,
    }
}

/// An entry: a connection that the kernel tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    /// IPv4 or IPv6.
    pub family: Family,
    /// What is known of it.
    pub attributes: ConntrackAttrs,
}

impl Conntrack {
    /// Reads a message; `None` where it is about something else.
    ///
    /// # Errors
    /// It is cut off, or lacks what every entry has.
    pub fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        if message.header.kind != number(ConntrackMessageKind::NEW) {
            return Ok(None);
        }
        let (header, bytes) = NetfilterHeader::split(message)?;
        let attributes = ConntrackAttrs::read_attributes(bytes)?;
        if attributes.original.is_none() {
            return Err(lacks("the original direction of a connection"));
        }
        Ok(Some(Conntrack { family: header.family, attributes }))
    }

    /// What its packets are known by in the direction of the first one.
    #[must_use]
    pub fn original(&self) -> Option<&TupleAttrs> {
        self.attributes.original.as_ref()
    }
}

impl TupleAttrs {
    /// The source's and the destination's address.
    #[must_use]
    pub fn source_and_destination(&self) -> Option<(IpAddr, IpAddr)> {
        let found = self.addresses.as_ref()?;
        match (found.source4, found.destination4, found.source6, found.destination6) {
            (Some(source), Some(destination), ..) => Some((source.into(), destination.into())),
            (.., Some(source), Some(destination)) => Some((source.into(), destination.into())),
            _ => None,
        }
    }
}

/// Its original direction: `tcp 192.0.2.1:1024 → 192.0.2.2:80`.
impl fmt::Display for Conntrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tuple = self.original();
        let Some(((source, destination), protocol)) =
            tuple.and_then(|tuple| Some((tuple.source_and_destination()?, tuple.protocol.as_ref()?)))
        else {
            return f.write_str("a connection");
        };
        write!(f, "protocol {} ", protocol.number.unwrap_or_default())?;
        match (protocol.source_port, protocol.destination_port) {
            (Some(from), Some(to)) => write!(f, "{source} port {from} → {destination} port {to}"),
            _ => write!(f, "{source} → {destination}"),
        }
    }
}

/// All entries of a family, or of all families ([`Family::UNSPECIFIED`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListConntrack(
    /// The family.
    pub Family,
);

/// Deletes an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteConntrack<'a>(
    /// The entry; its original direction, its zone and its number count.
    pub &'a Conntrack,
);

/// Lets an entry end in so many seconds from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndConntrack<'a>(
    /// The entry; its original direction and its zone count.
    pub &'a Conntrack,
    /// Seconds.
    pub u32,
);

/// A message's type as it stands in its head.
const fn number(kind: ConntrackMessageKind) -> u16 {
    subsystem::CONNTRACK << 8 | kind.0 as u16
}

/// `NETLINK_NETFILTER`.
const NETFILTER: i32 = 12;

impl Subject for ListConntrack {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list the tracked connections")
    }
}

impl Request for ListConntrack {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        number(ConntrackMessageKind::GET)
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.0).write::<Big>(writer);
    }
}

impl Dump for ListConntrack {
    type View<'a> = Conntrack;
    type Output = Conntrack;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Conntrack>, Malformed> {
        Conntrack::read(message)
    }

    fn own(&self, view: Conntrack) -> Result<Conntrack, Malformed> {
        Ok(view)
    }
}

impl Subject for DeleteConntrack<'_> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delete the tracked connection {}", self.0)
    }
}

impl Request for DeleteConntrack<'_> {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        number(ConntrackMessageKind::DELETE)
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.0.family).write::<Big>(writer);
        let ConntrackAttrs { original, id, zone, .. } = &self.0.attributes;
        let named = ConntrackAttrs { original: original.clone(), id: *id, zone: *zone, ..Default::default() };
        named.write_attributes(writer);
    }
}

impl Acknowledged for DeleteConntrack<'_> {}

impl Subject for EndConntrack<'_> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "let the tracked connection {} end in {} s", self.0, self.1)
    }
}

impl Request for EndConntrack<'_> {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        number(ConntrackMessageKind::NEW)
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.0.family).write::<Big>(writer);
        let ConntrackAttrs { original, zone, .. } = &self.0.attributes;
        let timeout = Some(self.1);
        let changed =
            ConntrackAttrs { original: original.clone(), zone: *zone, timeout, ..Default::default() };
        changed.write_attributes(writer);
    }
}

impl Acknowledged for EndConntrack<'_> {}

#[cfg(test)]
mod tests;
