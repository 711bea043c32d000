//! Message types and notification groups of rtnetlink (`RTM_*`, `RTNLGRP_*` of `linux/rtnetlink.h`).

use crate::link_id::LONGEST_NAME;
use netwright_wire::{Malformed, Value, Writer};

/// The netlink protocol of all of this crate's requests (`NETLINK_ROUTE`).
pub const ROUTE_PROTOCOL: i32 = 0;

/// Message types.
pub mod kind {
    /// `RTM_NEWLINK`
    pub const NEW_LINK: u16 = 16;
    /// `RTM_DELLINK`
    pub const DELETE_LINK: u16 = 17;
    /// `RTM_GETLINK`
    pub const GET_LINK: u16 = 18;
    /// `RTM_SETLINK`
    pub const SET_LINK: u16 = 19;
    /// `RTM_NEWADDR`
    pub const NEW_ADDRESS: u16 = 20;
    /// `RTM_DELADDR`
    pub const DELETE_ADDRESS: u16 = 21;
    /// `RTM_GETADDR`
    pub const GET_ADDRESS: u16 = 22;
    /// `RTM_NEWROUTE`
    pub const NEW_ROUTE: u16 = 24;
    /// `RTM_DELROUTE`
    pub const DELETE_ROUTE: u16 = 25;
    /// `RTM_GETROUTE`
    pub const GET_ROUTE: u16 = 26;
    /// `RTM_NEWNEIGH`
    pub const NEW_NEIGHBOUR: u16 = 28;
    /// `RTM_DELNEIGH`
    pub const DELETE_NEIGHBOUR: u16 = 29;
    /// `RTM_GETNEIGH`
    pub const GET_NEIGHBOUR: u16 = 30;
    /// `RTM_NEWRULE`
    pub const NEW_RULE: u16 = 32;
    /// `RTM_DELRULE`
    pub const DELETE_RULE: u16 = 33;
    /// `RTM_GETRULE`
    pub const GET_RULE: u16 = 34;
    /// `RTM_NEWNSID`
    pub const NEW_NAMESPACE_ID: u16 = 88;
    /// `RTM_DELNSID`
    pub const DELETE_NAMESPACE_ID: u16 = 89;
    /// `RTM_GETNSID`
    pub const GET_NAMESPACE_ID: u16 = 90;
    /// `RTM_NEWNEXTHOP`
    pub const NEW_NEXTHOP: u16 = 104;
    /// `RTM_DELNEXTHOP`
    pub const DELETE_NEXTHOP: u16 = 105;
    /// `RTM_GETNEXTHOP`
    pub const GET_NEXTHOP: u16 = 106;
    /// `RTM_NEWLINKPROP`
    pub const NEW_LINK_PROPERTY: u16 = 108;
    /// `RTM_DELLINKPROP`
    pub const DELETE_LINK_PROPERTY: u16 = 109;
}

/// Groups that notifications are sent to; a socket joins them by number.
pub mod group {
    /// `RTNLGRP_LINK`
    pub const LINK: u32 = 1;
    /// `RTNLGRP_NEIGH`
    pub const NEIGHBOUR: u32 = 3;
    /// `RTNLGRP_IPV4_IFADDR`
    pub const IPV4_ADDRESS: u32 = 5;
    /// `RTNLGRP_IPV4_ROUTE`
    pub const IPV4_ROUTE: u32 = 7;
    /// `RTNLGRP_IPV4_RULE`
    pub const IPV4_RULE: u32 = 8;
    /// `RTNLGRP_IPV6_IFADDR`
    pub const IPV6_ADDRESS: u32 = 9;
    /// `RTNLGRP_IPV6_ROUTE`
    pub const IPV6_ROUTE: u32 = 11;
    /// `RTNLGRP_IPV6_RULE`
    pub const IPV6_RULE: u32 = 19;
    /// `RTNLGRP_NSID`
    pub const NAMESPACE_ID: u32 = 28;
    /// `RTNLGRP_NEXTHOP`
    pub const NEXTHOP: u32 = 32;
}

/// Writes a fixed struct in the machine's byte order.
pub(crate) fn write_header<T: Value>(header: &T, writer: &mut Writer) {
    header.write::<netwright_wire::Native>(writer);
}

/// Refuses a link that is none: the kernel takes the index 0 for «not said», and then means all, or any.
pub(crate) fn require_link(index: u32, writer: &mut Writer) {
    if index == 0 {
        writer.contradiction("a link is missing: 0 is the index of none");
    }
}

/// The same of a link that may be left out.
pub(crate) fn refuse_no_link(link: Option<crate::LinkId>, writer: &mut Writer) {
    if let Some(link) = link {
        require_link(link.index, writer);
    }
}

/// Refuses an empty text where a name must be: the kernel takes it for «not said».
pub(crate) fn refuse_empty(name: Option<&str>, what: &'static str, writer: &mut Writer) {
    if name == Some("") {
        writer.contradiction(what);
    }
}

/// Refuses what cannot be the name of a link (`dev_valid_name` of the kernel, which says no more than that it is invalid).
pub(crate) fn refuse_link_name(name: Option<&str>, writer: &mut Writer) {
    let Some(name) = name else { return };
    let bytes = netwright_wire::text::to_bytes(name);
    if bytes.is_empty() {
        writer.contradiction("the name of a link is empty");
    } else if bytes.len() > LONGEST_NAME {
        writer.contradiction("the name of a link has more than 15 bytes");
    } else if name == "." || name == ".." || bytes.iter().any(|&byte| b"/: \t\n\x0b\x0c\r".contains(&byte)) {
        writer.contradiction("the name of a link has a slash, a colon or a blank in it, or is . or ..");
    }
}

/// The error for an answer of another type than the request asked for.
pub(crate) fn unexpected(what: &'static str, payload: &[u8]) -> Malformed {
    Malformed::new(what, 1, payload.len().min(1))
}
