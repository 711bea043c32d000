//! Reading a route out of a message in one walk.

use std::net::IpAddr;

use netwright_wire::{Attributes, Malformed, Native, Value};

use super::attributes::{Metrics, RouteCacheInfo, RouteHeader, Via, ViaView};
use super::multipath::{Multipath, NextHop};
use super::{Encapsulation, EncapsulationKind, Route, RouteKind};
use crate::{Family, LinkId, Prefix, Protocol, RawNest, Scope, Table};

/// Those that a [`Route`] has a field for; the others stay as they are.
mod kind {
    pub(super) const DESTINATION: u16 = 1;
    pub(super) const SOURCE: u16 = 2;
    pub(super) const INCOMING: u16 = 3;
    pub(super) const OUTGOING: u16 = 4;
    pub(super) const GATEWAY: u16 = 5;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const PREFERRED_SOURCE: u16 = 7;
    pub(super) const METRICS: u16 = 8;
    pub(super) const MULTIPATH: u16 = 9;
    pub(super) const FLOW: u16 = 11;
    pub(super) const CACHE_INFO: u16 = 12;
    pub(super) const TABLE: u16 = 15;
    pub(super) const MARK: u16 = 16;
    pub(super) const VIA: u16 = 18;
    pub(super) const PREFERENCE: u16 = 20;
    pub(super) const ENCAPSULATION_KIND: u16 = 21;
    pub(super) const ENCAPSULATION: u16 = 22;
    pub(super) const EXPIRES: u16 = 23;
    pub(super) const USER: u16 = 25;
    pub(super) const NEXTHOP: u16 = 30;
}

pub(super) fn route(header: RouteHeader, attributes: &[u8]) -> Result<Route, Malformed> {
    let family = Family(header.family);
    let none = family.unspecified_address();
    let mut route = Route::to(Prefix { address: none, length: header.destination_length });
    route.kind = RouteKind(header.kind);
    route.protocol = Some(Protocol(header.protocol));
    route.scope = Some(Scope(header.scope));
    route.type_of_service = header.type_of_service;
    route.flags = header.flags;
    let mut table = Table(header.table.into());
    let (mut encapsulation, mut data) = (None, None);
    for attribute in Attributes::new(attributes) {
        let attribute = attribute?;
        let payload = attribute.payload;
        match attribute.kind {
            kind::DESTINATION => route.destination.address = IpAddr::read::<Native>(payload)?,
            kind::SOURCE => {
                let address = IpAddr::read::<Native>(payload)?;
                route.source = Some(Prefix { address, length: header.source_length });
            }
            kind::INCOMING => route.incoming = Some(LinkId::new(u32::read::<Native>(payload)?)),
            kind::OUTGOING => route.link = Some(LinkId::new(u32::read::<Native>(payload)?)),
            kind::GATEWAY => route.gateway = Some(IpAddr::read::<Native>(payload)?),
            kind::PRIORITY => route.priority = Some(u32::read::<Native>(payload)?),
            kind::PREFERRED_SOURCE => route.preferred_source = Some(IpAddr::read::<Native>(payload)?),
            kind::METRICS => route.metrics = Some(Box::new(Metrics::read::<Native>(payload)?)),
            kind::MULTIPATH => {
                let hops = Multipath::read::<Native>(payload)?;
                route.next_hops = hops.0.into_iter().map(NextHop::from_wire).collect();
            }
            kind::FLOW => route.flow = Some(u32::read::<Native>(payload)?),
            kind::CACHE_INFO => take_cache_info(&mut route, RouteCacheInfo::read::<Native>(payload)?),
            kind::TABLE => table = Table::read::<Native>(payload)?,
            kind::MARK => route.mark = Some(u32::read::<Native>(payload)?),
            kind::VIA => match via(payload)? {
                Some(gateway) => route.gateway = Some(gateway),
                None => route.unknown.keep(u16::MAX, attribute),
            },
            kind::PREFERENCE => route.preference = Some(Value::read::<Native>(payload)?),
            kind::ENCAPSULATION_KIND => encapsulation = Some(EncapsulationKind::read::<Native>(payload)?),
            kind::ENCAPSULATION => data = Some(RawNest::read::<Native>(payload)?),
            kind::EXPIRES => route.expires = Some(u32::read::<Native>(payload)?),
            kind::USER => route.user = Some(u32::read::<Native>(payload)?),
            kind::NEXTHOP => route.nexthop = Some(u32::read::<Native>(payload)?),
            _ => route.unknown.keep(u16::MAX, attribute),
        }
    }
    route.table = Some(table);
    route.encapsulation = Encapsulation::join(encapsulation, data);
    Ok(route)
}

/// The gateway of another family; `None` where it is no IP address.
fn via(payload: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    Ok(ViaView::ip(&Via::view::<Native>(payload)?))
}

/// Every route of IPv6 has one, and mostly nothing is in it.
fn take_cache_info(route: &mut Route, info: RouteCacheInfo) {
    // 0 is never; less than nothing is left of one that has run out and is still there
    let seconds = (info.expires != 0).then(|| u32::try_from(info.expires / 100).unwrap_or(0));
    route.expires = route.expires.or(seconds);
    if info != RouteCacheInfo::default() {
        route.cache_info = Some(Box::new(info));
    }
}

/// Lists have many of them.
const _: () = assert!(size_of::<Route>() <= 272);
