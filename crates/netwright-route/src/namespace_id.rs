//! Ids that a network namespace has for others (`RTM_*NSID`, `linux/net_namespace.h`): what `parent_namespace_id` of a link is
//! about.

use std::fmt;

use netwright_wire::{Dump, Malformed, Message, Query, Request, Subject, Writer};

use crate::link::NamespaceRef;
use crate::message::{ROUTE_PROTOCOL, kind, unexpected, write_header};

netwright_wire::header! {
    /// `struct rtgenmsg`, with its padding.
    pub struct NamespaceIdHeader: Native {
        family: u8,
        padding1: u8,
        padding2: u16,
    }
}

netwright_wire::attrs! {
    /// Attributes of an id (`NETNSA_*`).
    pub struct NamespaceIdAttrs, NamespaceIdAttrsView: Native {
        /// The id; -1 where there is none.
        NETNSA_NSID = 1 => id: i32,
        /// Process whose namespace is meant.
        NETNSA_PID = 2 => process: u32,
        /// Descriptor of the namespace that is meant.
        NETNSA_FD = 3 => descriptor: i32,
        /// Namespace that the request is about, by its id here.
        NETNSA_TARGET_NSID = 4 => target: i32,
        /// The id of the same namespace here, where the request is about another.
        NETNSA_CURRENT_NSID = 5 => current: i32,
    }
}

/// An id of another namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[doc(alias = "NETNSA_NSID")]
pub struct NamespaceId(
    /// The number, from 0 on.
    pub i32,
);

impl fmt::Display for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl NamespaceId {
    /// Reads a message; `None` where it does not tell of an id, or of none.
    pub fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        if !matches!(message.header.kind, kind::NEW_NAMESPACE_ID | kind::DELETE_NAMESPACE_ID) {
            return Ok(None);
        }
        let id = NamespaceIdAttrsView::new(message.bytes_after(NamespaceIdHeader::SIZE)).id()?;
        Ok(id.filter(|&id| id >= 0).map(NamespaceId))
    }
}

/// Lists the ids that the namespace has for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List;

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list the ids of namespaces")
    }
}

impl Request for List {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_NAMESPACE_ID
    }

    fn write(&self, writer: &mut Writer) {
        write_header(&NamespaceIdHeader::default(), writer);
    }
}

impl Dump for List {
    type View<'a> = NamespaceId;
    type Output = NamespaceId;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<NamespaceId>, Malformed> {
        NamespaceId::read(message)
    }

    fn own(&self, view: NamespaceId) -> Result<NamespaceId, Malformed> {
        Ok(view)
    }
}

/// Asks for the id of a namespace; `None` where it has none here yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_GETNSID")]
pub struct Get {
    /// The namespace.
    pub namespace: NamespaceRef,
}

impl Subject for Get {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("get the id of a namespace")
    }
}

impl Request for Get {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_NAMESPACE_ID
    }

    fn write(&self, writer: &mut Writer) {
        write_header(&NamespaceIdHeader::default(), writer);
        let attrs = NamespaceIdAttrs {
            process: self.namespace.process(),
            descriptor: self.namespace.descriptor(),
            ..NamespaceIdAttrs::default()
        };
        attrs.write_attributes(writer);
    }
}

impl Query for Get {
    type Output = Option<NamespaceId>;

    fn read(&self, message: &Message<'_>) -> Result<Option<NamespaceId>, Malformed> {
        if message.header.kind != kind::NEW_NAMESPACE_ID {
            return Err(unexpected("the id that was asked for", message.payload));
        }
        NamespaceId::read(message)
    }
}
