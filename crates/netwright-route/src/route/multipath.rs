//! Several ways of one route: an array of `struct rtnexthop`, each with attributes behind it.

use std::net::IpAddr;

use netwright_wire::{Attribute, ByteOrder, Malformed, Native, Unknown, Value, Writer};

use super::attributes::{NextHopAttrs, NextHopAttrsView, Via, ViaView};
use super::{Encapsulation, NextHopFlags};
use crate::message::refuse_no_link;
use crate::{Family, LinkId};

/// One way of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The link that packets go out by.
    pub link: Option<LinkId>,
    /// Whom they are handed to; without one, the destination itself.
    pub gateway: Option<IpAddr>,
    /// Its share, 1 to 256.
    pub weight: u16,
    /// Flags.
    pub flags: NextHopFlags,
    /// Realms.
    pub flow: Option<u32>,
    /// Encapsulation.
    pub encapsulation: Option<Box<Encapsulation>>,
    /// Attributes that are not known, kept byte for byte.
    pub unknown: Unknown,
}

impl Default for NextHop {
    fn default() -> Self {
        NextHop {
            link: None,
            gateway: None,
            weight: 1,
            flags: NextHopFlags::default(),
            flow: None,
            encapsulation: None,
            unknown: Unknown::default(),
        }
    }
}

impl NextHop {
    /// By a gateway.
    #[must_use]
    pub fn via(gateway: IpAddr) -> Self {
        NextHop { gateway: Some(gateway), ..NextHop::default() }
    }

    /// The same by this link.
    #[must_use]
    pub fn dev(mut self, link: impl Into<LinkId>) -> Self {
        self.link = Some(link.into());
        self
    }

    /// The same with this share, 1 to 256.
    #[must_use]
    pub fn weight(mut self, weight: u16) -> Self {
        self.weight = weight;
        self
    }

    pub(super) fn check(&self, writer: &mut Writer) {
        refuse_no_link(self.link, writer);
        if !(1..=256).contains(&self.weight) {
            writer.contradiction("the weight of a way is 1 to 256");
        }
    }

    pub(super) fn to_wire(&self, family: Family) -> WireNextHop {
        let (gateway, via) = split_gateway(self.gateway, family);
        let flags = self.flags & NextHopFlags::SETTABLE;
        let hops = u8::try_from(self.weight.saturating_sub(1)).unwrap_or(u8::MAX);
        let index = self.link.map_or(0, |link| link.index);
        let attributes = NextHopAttrs {
            gateway,
            via,
            flow: self.flow,
            encapsulation_kind: self.encapsulation.as_ref().map(|encapsulation| encapsulation.kind),
            encapsulation: self.encapsulation.as_ref().map(|encapsulation| encapsulation.data.clone()),
            unknown: self.unknown.clone(),
            new_destination: None,
        };
        WireNextHop { header: NextHopHeader { length: 0, flags, hops, index }, attributes }
    }

    pub(super) fn from_wire(hop: WireNextHop) -> Self {
        let WireNextHop { header, attributes } = hop;
        let mut unknown = attributes.unknown;
        let gateway = join_gateway(attributes.gateway, attributes.via, &mut unknown);
        if let Some(payload) = &attributes.new_destination {
            const RTA_NEWDST: u16 = 19;
            unknown.keep(u16::MAX, Attribute { kind: RTA_NEWDST, nested: false, payload });
        }
        NextHop {
            link: (header.index != 0).then(|| LinkId::new(header.index)),
            gateway,
            weight: u16::from(header.hops) + 1,
            flags: header.flags,
            flow: attributes.flow,
            encapsulation: Encapsulation::join(attributes.encapsulation_kind, attributes.encapsulation),
            unknown,
        }
    }
}

/// A gateway goes into one of two attributes, by whether it has the route's family.
pub(super) fn split_gateway(gateway: Option<IpAddr>, family: Family) -> (Option<IpAddr>, Option<Via>) {
    match gateway {
        Some(gateway) if Family::of(gateway) != family => (None, Some(gateway.into())),
        gateway => (gateway, None),
    }
}

/// The gateway out of either attribute; one that is no IP address is kept as it is.
pub(super) fn join_gateway(
    gateway: Option<IpAddr>,
    via: Option<Via>,
    unknown: &mut Unknown,
) -> Option<IpAddr> {
    const RTA_VIA: u16 = 18;
    let Some(via) = via else { return gateway };
    let address = via.ip();
    if address.is_none() {
        let mut payload = Writer::new();
        via.write::<Native>(&mut payload);
        unknown.keep(u16::MAX, Attribute { kind: RTA_VIA, nested: false, payload: payload.bytes() });
    }
    address.or(gateway)
}

netwright_wire::header! {
    /// `struct rtnexthop`.
    pub struct NextHopHeader: Native {
        /// Bytes with the attributes.
        length: u16,
        flags: NextHopFlags,
        /// Weight less one.
        hops: u8,
        /// Index of the link.
        index: u32,
    }
}

/// One way of several as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireNextHop {
    /// The fixed struct; its length is found when it is written.
    pub header: NextHopHeader,
    /// The attributes.
    pub attributes: NextHopAttrs,
}

/// Several ways as they are sent (`RTA_MULTIPATH`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multipath(
    /// The ways.
    pub Vec<WireNextHop>,
);

/// One way of several, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHopView<'a> {
    /// The fixed struct.
    pub header: NextHopHeader,
    /// The attributes, each read when asked for.
    pub attributes: NextHopAttrsView<'a>,
}

impl NextHopView<'_> {
    /// Whom packets are handed to, of either family.
    pub fn gateway(&self) -> Result<Option<IpAddr>, Malformed> {
        match self.attributes.via()?.as_ref().and_then(ViaView::ip) {
            Some(gateway) => Ok(Some(gateway)),
            None => self.attributes.gateway(),
        }
    }
}

/// A walk over several ways; ends behind the first that does not fit, with an error.
#[derive(Clone, Debug)]
pub struct MultipathView<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for MultipathView<'a> {
    type Item = Result<NextHopView<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        Some(read_next_hop(rest).map(|(hop, rest)| {
            self.rest = rest;
            hop
        }))
    }
}

fn read_next_hop(rest: &[u8]) -> Result<(NextHopView<'_>, &[u8]), Malformed> {
    const SIZE: usize = NextHopHeader::SIZE;
    let short = |need| Malformed::new("a next hop of several", need, rest.len());
    let header = NextHopHeader::view::<Native>(rest.get(..SIZE).ok_or_else(|| short(SIZE))?)?;
    let length = usize::from(header.length);
    let attributes = rest.get(SIZE..length).ok_or_else(|| short(length.max(SIZE)))?;
    let behind = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    Ok((NextHopView { header, attributes: NextHopAttrsView::new(attributes) }, behind))
}

impl Value for Multipath {
    type View<'a> = MultipathView<'a>;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<MultipathView<'_>, Malformed> {
        Ok(MultipathView { rest: payload })
    }

    fn own(view: MultipathView<'_>) -> Result<Self, Malformed> {
        let own = |hop: Result<NextHopView<'_>, Malformed>| {
            let NextHopView { header, attributes } = hop?;
            Ok(WireNextHop { header, attributes: NextHopAttrs::own(attributes)? })
        };
        view.map(own).collect::<Result<_, _>>().map(Multipath)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        let mut attributes = Writer::new();
        for hop in &self.0 {
            attributes.clear();
            hop.attributes.write_attributes(&mut attributes);
            // What does not fit is written with a wrong length: the attribute around it is then too long as well,
            // and the writer refuses the message.
            let length = (NextHopHeader::SIZE + attributes.len()) as u16;
            NextHopHeader { length, ..hop.header }.write::<Native>(writer);
            writer.push(attributes.bytes());
        }
    }
}
