//! Which route is meant by a pattern, by us and by the kernel.

use netwright_wire::{Attributes, Writer};

use super::{Metrics, NextHop, Route, RouteFlags, RouteKind};
use crate::Family;

impl Route {
    /// Whether the kernel compares all that is set in this pattern, or finds the route by the rest of it alone, since it is as it
    /// was listed. IPv6 compares destination, source, table, metric, gateway, link, protocol and nexthop.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let has_way = self.link.is_some() || self.nexthop.is_some() || !self.next_hops.is_empty();
        let listed = self.priority.is_some() && self.protocol.is_some() && self.scope.is_some() && has_way;
        let passed_over = self.kind != RouteKind::UNSPECIFIED
            || self.preferred_source.is_some()
            || self.metrics.is_some()
            || !self.next_hops.is_empty()
            || self.encapsulation.is_some()
            || self.preference.is_some()
            || self.expires.is_some()
            || self.flow.is_some()
            || !(self.flags & RouteFlags::SETTABLE).is_empty()
            || !self.unknown.is_empty();
        self.family() != Family::IPV6 || listed || !passed_over
    }

    /// Whether a listed route agrees in everything that is set in this pattern. A kind that is unspecified is any; a table or a
    /// type of service is always set, if only to its default.
    #[must_use]
    pub fn fits(&self, listed: &Route) -> bool {
        fn agrees<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let ipv6 = self.family() == Family::IPV6;
        self.destination.network() == listed.destination.network()
            && self.effective_table() == listed.effective_table()
            && self.type_of_service == listed.type_of_service
            && agrees(&self.source.map(crate::Prefix::network), &listed.source.map(crate::Prefix::network))
            && (self.kind == RouteKind::UNSPECIFIED || self.kind == listed.kind)
            && agrees(&self.priority, &listed.priority)
            && agrees(&self.protocol, &listed.protocol)
            && (ipv6 || agrees(&self.scope, &listed.scope))
            && agrees(&self.nexthop, &listed.nexthop)
            && self.way_fits(listed)
            && agrees(&self.preferred_source, &listed.preferred_source)
            && self.metrics.as_deref().is_none_or(|wanted| {
                let found = listed.metrics.as_deref().map(attributes).unwrap_or_default();
                has_all(&found, &attributes(wanted))
            })
            && agrees(&self.preference, &listed.preference)
            && agrees(&self.flow, &listed.flow)
            && self.expires.is_some() <= listed.expires.is_some()
            && listed.flags.contains(self.flags & RouteFlags::SETTABLE)
            && (self.unknown.is_empty() || self.unknown == listed.unknown)
    }

    /// Whether gateways, links and encapsulation agree. What a nexthop object has of these is not the route's.
    fn way_fits(&self, listed: &Route) -> bool {
        if self.nexthop.is_some() {
            return true;
        }
        let agrees = |wanted: &NextHop, found: &NextHop| {
            (wanted.gateway.is_none() || wanted.gateway == found.gateway)
                && (wanted.link.is_none() || wanted.link == found.link)
                && wanted.encapsulation.as_ref().is_none_or(|wanted| {
                    let found = found.encapsulation.as_ref().filter(|found| found.kind == wanted.kind);
                    found.is_some_and(|found| has_all(&found.data.0, &wanted.data.0))
                })
        };
        let own = |route: &Route| NextHop {
            gateway: route.gateway,
            link: route.link,
            encapsulation: route.encapsulation.clone(),
            ..NextHop::default()
        };
        if self.next_hops.is_empty() {
            return agrees(&own(self), &own(listed));
        }
        let several = &listed.next_hops;
        several.len() == self.next_hops.len()
            && self.next_hops.iter().all(|wanted| several.iter().any(|found| agrees(wanted, found)))
    }
}

fn attributes(metrics: &Metrics) -> Vec<u8> {
    let mut writer = Writer::new();
    metrics.write_attributes(&mut writer);
    writer.bytes().to_vec()
}

/// Whether all attributes that are wanted are there; the kernel adds some of its own.
fn has_all(found: &[u8], wanted: &[u8]) -> bool {
    Attributes::new(wanted).map_while(Result::ok).all(|wanted| {
        let there = Attributes::new(found).find(wanted.kind).ok().flatten();
        there.is_some_and(|there| there.payload == wanted.payload)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LinkId, Protocol, Scope};

    fn to(text: &str) -> Route {
        Route::to(text.parse().unwrap())
    }

    fn listed(text: &str) -> Route {
        let route = to(text).of_kind(RouteKind::UNICAST).protocol(Protocol::BOOT).priority(1024);
        Route { table: Some(crate::Table::MAIN), scope: Some(Scope::GLOBAL), ..route }.dev(LinkId::new(2))
    }

    #[test]
    fn only_ipv6_passes_over_what_is_set() {
        let source = "2001:db8::1".parse().unwrap();
        assert!(to("2001:db8::/32").via(source).priority(5).is_exact());
        assert!(!to("2001:db8::/32").preferred_source(source).is_exact());
        assert!(!to("2001:db8::/32").of_kind(RouteKind::BLACKHOLE).is_exact());
        assert!(to("192.0.2.0/24").of_kind(RouteKind::BLACKHOLE).is_exact());
        assert!(listed("2001:db8::/32").is_exact(), "as it was listed it is found by its key");
    }

    #[test]
    fn all_that_is_set_is_compared() {
        let there = listed("2001:db8::/32");
        assert!(to("2001:db8::/32").fits(&there));
        assert!(to("2001:db8::9/32").fits(&there), "host bits are the kernel's to clear");
        assert!(!to("2001:db8::/33").fits(&there));
        assert!(!to("2001:db8::/32").of_kind(RouteKind::BLACKHOLE).fits(&there));
        assert!(!to("2001:db8::/32").via("fe80::1".parse().unwrap()).fits(&there));
        let several = to("2001:db8::/32").by(NextHop::via("fe80::1".parse().unwrap()));
        assert!(!several.fits(&there));
        let both = Route { link: None, next_hops: several.next_hops.clone(), ..there };
        assert!(several.fits(&both));
    }
}
