//! Asking for routes.

use std::fmt;
use std::net::IpAddr;

use netwright_wire::{Dump, Malformed, Message, Query, Request, Subject, Writer};

use super::attributes::{RouteAttrs, RouteHeader};
use super::{Route, RouteFlags, RouteKind, RouteView};
use crate::message::{ROUTE_PROTOCOL, kind, refuse_no_link, unexpected, write_header};
use crate::prefix::maximum_length;
use crate::{Family, LinkId, Protocol, Table};

/// Lists routes of all tables. What is set is filtered for by the kernel, where the socket checks strictly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Those of one family.
    pub family: Family,
    /// Those of one table. A kernel that has no such table yet refuses with `ENOENT` where the family is set.
    pub table: Option<Table>,
    /// Those that go out by one link.
    pub link: Option<LinkId>,
    /// Those made by one.
    pub protocol: Option<Protocol>,
    /// Those of one kind.
    pub kind: Option<RouteKind>,
    /// Entries of the cache (exceptions) instead of routes.
    pub cached: bool,
}

impl List {
    /// The routes of a table.
    #[must_use]
    pub fn of_table(table: Table) -> Self {
        List { table: Some(table), ..List::default() }
    }
}

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list routes")?;
        if let Some(table) = self.table {
            write!(f, " of table {table}")?;
        }
        if let Some(link) = self.link {
            write!(f, " by {link}")?;
        }
        Ok(())
    }
}

impl Request for List {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_ROUTE
    }

    fn write(&self, writer: &mut Writer) {
        let header = RouteHeader {
            family: self.family.0,
            protocol: self.protocol.map_or(0, |protocol| protocol.0),
            kind: self.kind.map_or(0, |kind| kind.0),
            flags: if self.cached { RouteFlags::CLONED } else { RouteFlags::empty() },
            ..RouteHeader::default()
        };
        write_header(&header, writer);
        refuse_no_link(self.link, writer);
        if self.table == Some(Table::UNSPECIFIED)
            || self.protocol == Some(Protocol::UNSPECIFIED)
            || self.kind == Some(RouteKind::UNSPECIFIED)
        {
            writer.contradiction("the kernel cannot look for table, protocol or kind 0: it lists all then");
        }
        let outgoing = self.link.map(|link| link.index);
        RouteAttrs { table: self.table, outgoing, ..RouteAttrs::default() }.write_attributes(writer);
    }
}

impl Dump for List {
    type View<'a> = RouteView<'a>;
    type Output = Route;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<RouteView<'a>>, Malformed> {
        RouteView::read(message)
    }

    fn own(&self, view: RouteView<'_>) -> Result<Route, Malformed> {
        view.own()
    }
}

/// Asks by which route a packet would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_GETROUTE")]
pub struct Lookup {
    /// Destination of the packet.
    pub destination: IpAddr,
    /// Source of the packet.
    pub source: Option<IpAddr>,
    /// The link that it came in by; `None` where it is the host's own.
    pub incoming: Option<LinkId>,
    /// The link that it must go out by.
    pub outgoing: Option<LinkId>,
    /// Mark of the packet.
    pub mark: Option<u32>,
    /// User that sends it.
    pub user: Option<u32>,
    /// Type of service of the packet.
    pub type_of_service: u8,
    /// Protocol above IP.
    pub ip_protocol: Option<u8>,
    /// Source port.
    pub source_port: Option<u16>,
    /// Destination port.
    pub destination_port: Option<u16>,
    /// Whether the route is wanted as it stands in its table, instead of what follows from it for the packet.
    pub as_in_table: bool,
}

impl Lookup {
    /// For a packet of the host itself.
    #[must_use]
    pub fn to(destination: IpAddr) -> Self {
        Lookup {
            destination,
            source: None,
            incoming: None,
            outgoing: None,
            mark: None,
            user: None,
            type_of_service: 0,
            ip_protocol: None,
            source_port: None,
            destination_port: None,
            as_in_table: false,
        }
    }
}

impl Subject for Lookup {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "look up the route to {}", self.destination)?;
        if let Some(source) = self.source {
            write!(f, " from {source}")?;
        }
        if let Some(link) = self.incoming {
            write!(f, " coming in by {link}")?;
        }
        if let Some(mark) = self.mark {
            write!(f, " with mark {mark:#x}")?;
        }
        Ok(())
    }
}

impl Request for Lookup {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_ROUTE
    }

    fn write(&self, writer: &mut Writer) {
        let as_in_table = if self.as_in_table { RouteFlags::FIB_MATCH } else { RouteFlags::empty() };
        // IPv6 tells the table unasked, and refuses to be asked.
        let table = if self.destination.is_ipv4() { RouteFlags::LOOKUP_TABLE } else { RouteFlags::empty() };
        let header = RouteHeader {
            family: Family::of(self.destination).0,
            destination_length: maximum_length(self.destination),
            source_length: self.source.map_or(0, maximum_length),
            type_of_service: self.type_of_service,
            flags: table | as_in_table,
            ..RouteHeader::default()
        };
        write_header(&header, writer);
        refuse_no_link(self.incoming, writer);
        refuse_no_link(self.outgoing, writer);
        let attrs = RouteAttrs {
            destination: Some(self.destination),
            source: self.source,
            incoming: self.incoming.map(|link| link.index),
            outgoing: self.outgoing.map(|link| link.index),
            mark: self.mark,
            user: self.user,
            ip_protocol: self.ip_protocol,
            source_port: self.source_port.map(Into::into),
            destination_port: self.destination_port.map(Into::into),
            ..RouteAttrs::default()
        };
        attrs.write_attributes(writer);
    }
}

impl Query for Lookup {
    type Output = Route;

    fn read(&self, message: &Message<'_>) -> Result<Route, Malformed> {
        let view = RouteView::read(message)?;
        view.ok_or_else(|| unexpected("the route that was looked up", message.payload))?.own()
    }
}
