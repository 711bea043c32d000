//! Kind of a link with its data, and of the link that it is a port of (`IFLA_LINKINFO`).

use netwright_wire::{ByteOrder, Malformed, Native, Text, Unknown, Value, Writer};

use super::attributes::{LinkInfoAttrs, LinkInfoView};
use super::kind::{LinkKind, PortKind};
use crate::RawNest;

/// What a link is and what it is a port of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "IFLA_LINKINFO")]
pub struct LinkInfo {
    /// Its kind with the kind's data. Physical links have none.
    pub kind: Option<LinkKind>,
    /// The kind of link that it is a port of, with the port's data.
    pub port: Option<PortKind>,
    /// Counters of its kind, as the kernel sent them.
    pub statistics: Option<Vec<u8>>,
    /// Attributes that are not known, kept byte for byte.
    pub unknown: Unknown,
}

impl From<LinkKind> for LinkInfo {
    fn from(kind: LinkKind) -> Self {
        LinkInfo { kind: Some(kind), ..LinkInfo::default() }
    }
}

impl Value for LinkInfo {
    type View<'a> = LinkInfoView<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<LinkInfoView<'_>, Malformed> {
        Ok(LinkInfoView::new(payload))
    }

    fn own(view: LinkInfoView<'_>) -> Result<Self, Malformed> {
        let attrs = LinkInfoAttrs::read_attributes(view.bytes())?;
        let kind = view.kind()?.map(|name| LinkKind::read(name, bytes(&attrs.data)));
        let port = view.port_kind()?.map(|name| PortKind::read(name, bytes(&attrs.port_data)));
        Ok(LinkInfo {
            kind: kind.transpose()?,
            port: port.transpose()?,
            statistics: attrs.statistics,
            unknown: attrs.unknown,
        })
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        let kind = self.kind.as_ref();
        let port = self.port.as_ref();
        let mut data = |write: &dyn Fn(&mut Writer)| nest(write, writer);
        let attrs = LinkInfoAttrs {
            kind: kind.map(|kind| kind.name().to_owned()),
            data: kind.and_then(|kind| data(&|writer| kind.write_data(writer))),
            statistics: self.statistics.clone(),
            port_kind: port.map(|port| port.name().to_owned()),
            port_data: port.and_then(|port| data(&|writer| port.write_data(writer))),
            unknown: self.unknown.clone(),
        };
        attrs.write::<Native>(writer);
    }
}

impl LinkInfoView<'_> {
    /// Whether the link is of the kind with this name.
    pub fn is(&self, kind: &str) -> Result<bool, Malformed> {
        Ok(self.kind()?.is_some_and(|name: Text<'_>| name == *kind))
    }
}

fn bytes(nest: &Option<RawNest>) -> &[u8] {
    nest.as_ref().map_or(&[], |nest| &nest.0)
}

/// The data of a kind, where there is any. Faults in it are those of the message.
fn nest(write: &dyn Fn(&mut Writer), message: &mut Writer) -> Option<RawNest> {
    let mut writer = Writer::new();
    write(&mut writer);
    message.inherit(&writer);
    (!writer.is_empty()).then(|| RawNest(writer.bytes().to_vec()))
}
