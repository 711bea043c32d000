//! What of a link is compared: not what is counted.

use netwright_route::RawNest;
use netwright_route::link::Link;
use netwright_wire::{Attributes, RawAttribute, Writer};

/// Leaves out what is counted and what is told of one message alone.
pub(super) fn without_counters(link: &mut Link) {
    let rest = &mut link.rest;
    rest.event = None;
    rest.statistics32 = None;
    if let Some(families) = &mut rest.families {
        *families = without_statistics(families);
    }
}

/// Counters of IPv6 come in notifications and not in lists.
fn without_statistics(families: &RawNest) -> RawNest {
    const IPV6: u16 = 10;
    /// `IFLA_INET6_STATS`, `IFLA_INET6_CACHEINFO`, `IFLA_INET6_ICMP6STATS`
    const COUNTED: [u16; 3] = [3, 5, 6];
    let mut kept = Writer::new();
    for family in families.attributes().map_while(Result::ok) {
        if family.kind != IPV6 {
            kept.raw_attribute(&RawAttribute {
                kind: family.kind,
                nested: family.nested,
                payload: family.payload.to_vec(),
            });
            continue;
        }
        let nest = kept.begin_nest(IPV6);
        for attribute in Attributes::new(family.payload).map_while(Result::ok) {
            if !COUNTED.contains(&attribute.kind) {
                let (kind, nested) = (attribute.kind, attribute.nested);
                kept.raw_attribute(&RawAttribute { kind, nested, payload: attribute.payload.to_vec() });
            }
        }
        kept.end_nest(nest);
    }
    RawNest(kept.bytes().to_vec())
}

/// Whether two are the same but for what is counted.
pub(super) fn is_same(one: &Link, other: &Link) -> bool {
    let uncounted = |link: &Link| {
        let mut link = Link { statistics: None, ..link.clone() };
        link.rest.info = None; // counters of its kind
        link
    };
    uncounted(one) == uncounted(other)
}
