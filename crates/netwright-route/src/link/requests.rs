//! Asking for links, deleting them, and their alternative names.

use std::fmt;

use netwright_wire::{Acknowledged, Dump, Malformed, Message, MessageFlags, Query, Request, Subject, Writer};

use super::attributes::{AlternativeName, ExtendedMask, LinkAttrs, LinkHeader, LinkInfoAttrs};
use super::{Link, LinkView};
use crate::LinkId;
use crate::link_id::LONGEST_NAME;
use crate::message::{
    ROUTE_PROTOCOL, kind, refuse_empty, refuse_no_link, require_link, unexpected, write_header,
};

const IFLA_LINKINFO: u16 = 18;
pub(super) const EMPTY_NAME: &str = "the name of a link is empty";

/// Which link is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// By its index.
    Index(u32),
    /// By its name or an alternative name.
    Name(&'a str),
}

impl Target<'_> {
    fn check(self, writer: &mut Writer) {
        match self {
            Target::Index(index) => require_link(index, writer),
            Target::Name(name) => refuse_empty(Some(name), EMPTY_NAME, writer),
        }
    }

    fn header(self) -> LinkHeader {
        let index = if let Target::Index(index) = self { index } else { 0 };
        LinkHeader { index, ..LinkHeader::default() }
    }

    /// The kernel finds alternative names by either attribute, but a name that is too long only fits the second.
    fn attributes(self) -> LinkAttrs {
        let mut attrs = LinkAttrs::default();
        if let Target::Name(name) = self {
            let place = if name.len() > LONGEST_NAME { &mut attrs.alternative_name } else { &mut attrs.name };
            *place = Some(name.to_owned());
        }
        attrs
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Index(index) => write!(f, "with index {index}"),
            Target::Name(name) => f.write_str(name),
        }
    }
}

/// Asks for one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_GETLINK")]
pub struct Get<'a> {
    /// Which.
    pub target: Target<'a>,
    /// Whether the counters of IPv6 on it are wanted too, which are many; the link's own always come.
    pub family_statistics: bool,
}

impl<'a> Get<'a> {
    /// By its name or an alternative name.
    #[must_use]
    pub fn by_name(name: &'a str) -> Self {
        Get { target: Target::Name(name), family_statistics: false }
    }

    /// By its index.
    #[must_use]
    pub fn by_index(index: u32) -> Self {
        Get { target: Target::Index(index), family_statistics: false }
    }

    /// The same with the counters of IPv6 on it.
    #[must_use]
    pub fn with_family_statistics(mut self) -> Self {
        self.family_statistics = true;
        self
    }
}

impl Subject for Get<'_> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "get link {}", self.target)
    }
}

impl Request for Get<'_> {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_LINK
    }

    fn write(&self, writer: &mut Writer) {
        self.target.check(writer);
        write_header(&self.target.header(), writer);
        let attrs =
            LinkAttrs { extended_mask: extended_mask(self.family_statistics), ..self.target.attributes() };
        attrs.write_attributes(writer);
    }
}

impl Query for Get<'_> {
    type Output = Link;

    fn read(&self, message: &Message<'_>) -> Result<Link, Malformed> {
        let view = LinkView::read(message)?;
        view.ok_or_else(|| unexpected("the link that was asked for", message.payload))?.own()
    }
}

fn extended_mask(family_statistics: bool) -> Option<ExtendedMask> {
    (!family_statistics).then_some(ExtendedMask::SKIP_STATISTICS)
}

/// Lists links. What is set is filtered for by the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Those of one kind, such as `bridge`.
    pub kind: Option<String>,
    /// The ports of one link.
    pub master: Option<LinkId>,
    /// Whether the counters of IPv6 on each are wanted too, which are many; the links' own always come.
    pub family_statistics: bool,
}

impl List {
    /// The links of a kind.
    #[must_use]
    pub fn of_kind(kind: &str) -> Self {
        List { kind: Some(kind.to_owned()), ..List::default() }
    }

    /// The ports of a link.
    #[must_use]
    pub fn ports_of(master: impl Into<LinkId>) -> Self {
        List { master: Some(master.into()), ..List::default() }
    }
}

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list links")?;
        if let Some(kind) = &self.kind {
            write!(f, " of kind {kind}")?;
        }
        if let Some(master) = self.master {
            write!(f, " with master {master}")?;
        }
        Ok(())
    }
}

impl Request for List {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::GET_LINK
    }

    fn write(&self, writer: &mut Writer) {
        write_header(&LinkHeader::default(), writer);
        refuse_no_link(self.master, writer);
        refuse_empty(self.kind.as_deref(), "the name of the kind is empty", writer);
        let attrs = LinkAttrs {
            master: self.master.map(|master| master.index),
            extended_mask: extended_mask(self.family_statistics),
            ..LinkAttrs::default()
        };
        attrs.write_attributes(writer);
        if let Some(kind) = &self.kind {
            let info = LinkInfoAttrs { kind: Some(kind.clone()), ..LinkInfoAttrs::default() };
            writer.attribute::<netwright_wire::Native, _>(IFLA_LINKINFO, &info);
        }
    }
}

impl Dump for List {
    type View<'a> = LinkView<'a>;
    type Output = Link;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<LinkView<'a>>, Malformed> {
        LinkView::read(message)
    }

    fn own(&self, view: LinkView<'_>) -> Result<Link, Malformed> {
        view.own()
    }
}

/// Deletes a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_DELLINK")]
pub struct Delete {
    /// Which.
    pub link: LinkId,
}

impl Delete {
    /// Deletes this one.
    #[must_use]
    pub fn new(link: impl Into<LinkId>) -> Self {
        Delete { link: link.into() }
    }
}

impl Subject for Delete {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delete link {}", self.link)
    }
}

impl Request for Delete {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::DELETE_LINK
    }

    fn write(&self, writer: &mut Writer) {
        require_link(self.link.index, writer);
        write_header(&Target::Index(self.link.index).header(), writer);
    }
}

impl Acknowledged for Delete {}

/// Deletes every link of a group. The kernel refuses it for group 0, which links are in that were put into none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "RTM_DELLINK")]
pub struct DeleteGroup {
    /// The group.
    pub group: u32,
}

impl Subject for DeleteGroup {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delete the links of group {}", self.group)
    }
}

impl Request for DeleteGroup {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        kind::DELETE_LINK
    }

    fn write(&self, writer: &mut Writer) {
        write_header(&LinkHeader::default(), writer);
        LinkAttrs { group: Some(self.group), ..LinkAttrs::default() }.write_attributes(writer);
    }
}

impl Acknowledged for DeleteGroup {}

/// Gives a link alternative names or takes them away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "IFLA_ALT_IFNAME")]
pub struct AlternativeNames {
    /// Which link.
    pub link: LinkId,
    /// The names, each of up to 127 bytes.
    pub names: Vec<String>,
    /// Whether the names are taken away.
    pub remove: bool,
}

impl AlternativeNames {
    /// Gives a link another name.
    #[must_use]
    pub fn add(link: impl Into<LinkId>, name: &str) -> Self {
        AlternativeNames { link: link.into(), names: vec![name.to_owned()], remove: false }
    }

    /// Takes an alternative name away.
    #[must_use]
    pub fn remove(link: impl Into<LinkId>, name: &str) -> Self {
        AlternativeNames { link: link.into(), names: vec![name.to_owned()], remove: true }
    }
}

impl Subject for AlternativeNames {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, preposition) = if self.remove { ("remove", "from") } else { ("add", "to") };
        write!(f, "{verb} alternative name {} {preposition} link {}", self.names.join(", "), self.link)
    }
}

impl Request for AlternativeNames {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        if self.remove { kind::DELETE_LINK_PROPERTY } else { kind::NEW_LINK_PROPERTY }
    }

    fn flags(&self) -> MessageFlags {
        if self.remove {
            MessageFlags::empty()
        } else {
            MessageFlags::CREATE | MessageFlags::EXCLUSIVE | MessageFlags::APPEND
        }
    }

    fn write(&self, writer: &mut Writer) {
        require_link(self.link.index, writer);
        if self.names.is_empty() || self.names.iter().any(String::is_empty) {
            writer.contradiction("the alternative name is empty");
        }
        write_header(&Target::Index(self.link.index).header(), writer);
        let names = self.names.iter().cloned().map(AlternativeName).collect();
        LinkAttrs { alternative_names: Some(names), ..LinkAttrs::default() }.write_attributes(writer);
    }
}

impl Acknowledged for AlternativeNames {}
