//! Routes on the way back.

use std::collections::{HashMap, HashSet};

use netwright_route::{Family, Link, LinkId, Route};

use super::{Extent, Way};
use crate::keys;
use crate::plan::{is_kernels, sendable};
use crate::step::{Action, Sign, Verb};
use crate::switch;

impl Way<'_> {
    /// A route of before with its links as they are now.
    fn route_now(&self, route: &Route) -> Option<Route> {
        let mut route = sendable(route);
        if let Some(link) = route.link {
            route.link = Some(self.current(link.index)?);
        }
        for hop in &mut route.next_hops {
            if let Some(link) = hop.link {
                hop.link = Some(self.current(link.index)?);
            }
        }
        Some(route)
    }

    pub(super) fn routes(&mut self) {
        let all = self.extent == Extent::All;
        let mut now: HashMap<keys::RouteKey, Vec<&Route>> = HashMap::new();
        for route in &self.now.routes {
            now.entry(keys::route(route)).or_default().push(route);
        }
        let of_plan: HashSet<_> = self.scope.routes.iter().map(keys::route).collect();
        let mut before: Vec<(keys::RouteKey, Vec<&Route>)> = Vec::new();
        let mut places: HashMap<keys::RouteKey, usize> = HashMap::new();
        for route in &self.before.routes {
            let key = keys::route(route);
            let at_risk = self.is_route_at_risk(route);
            let meant = if of_plan.contains(&key) { all } else { at_risk };
            if !meant || is_kernels(route) {
                continue;
            }
            let place = *places.entry(key).or_insert_with(|| {
                before.push((key, Vec::new()));
                before.len() - 1
            });
            if let Some((_, list)) = before.get_mut(place) {
                list.push(route);
            }
        }
        let mut told = HashSet::new();
        if all {
            for route in &self.scope.routes {
                let key = keys::route(route);
                let found = now.get(&key).map_or(&[][..], Vec::as_slice);
                let old = places.get(&key).and_then(|place| before.get(*place));
                let made: Vec<Route> = found
                    .iter()
                    .filter(|found| found.protocol == route.protocol || route.protocol.is_none())
                    .filter(|found| keys::ways(found) == keys::ways(route) || old.is_some())
                    .filter(|found| {
                        let same = |old: &Route| self.same_route(old, found);
                        !old.is_some_and(|(_, old)| old.iter().any(|old| same(old)))
                    })
                    .map(|found| (*found).clone())
                    .collect();
                for found in made {
                    let found = self.named_now(&found);
                    let text = format!("route {found}");
                    // two declared ones may have the same key
                    if told.insert((key, keys::ways(&found), found.protocol)) {
                        let action = Action::Route(Verb::Delete, Box::new(sendable(&found)));
                        self.push(Sign::Remove, text, action);
                    }
                }
            }
        }
        // what is on the link comes before what leads through it
        before.sort_by_key(|(_, routes)| routes.iter().any(|route| !keys::is_on_link(route)));
        for (key, wanted) in before {
            let found = now.get(&key).map_or(&[][..], Vec::as_slice);
            let kept: Vec<&Route> = found
                .iter()
                .copied()
                .filter(|found| wanted.iter().any(|old| self.same_route(old, found)))
                .collect();
            if kept.len() >= wanted.len() {
                continue;
            }
            // with the MTU of a link, the kernel changes that of its routes of IPv6
            let is_changed =
                |found: &&Route| !kept.contains(found) && wanted.iter().any(|old| self.leads_as(old, found));
            let changed: Vec<&Route> = found.iter().copied().filter(is_changed).collect();
            for found in kept.iter().copied().chain(changed) {
                let found = self.named_now(found);
                let text = format!("route {found}");
                self.push(Sign::Keep, text, Action::Route(Verb::Delete, Box::new(sendable(&found))));
            }
            for old in wanted {
                let Some(route) = self.route_now(old) else { continue };
                if !self.can_lead(&route) {
                    continue;
                }
                let text = format!("route {route}");
                self.push(Sign::Keep, text, Action::Route(Verb::Append, Box::new(route)));
            }
        }
    }

    /// Whether the links of a route are up and have its family, or are about to.
    fn can_lead(&self, route: &Route) -> bool {
        let ipv6 = route.family() == Family::IPV6;
        let leads = |link: &Link| link.is_up() && (!ipv6 || switch::has_ipv6(link));
        self.extent == Extent::All
            || keys::links(route).all(|link| self.links_now.get(&link.index).is_some_and(|link| leads(link)))
    }

    fn named_now(&self, route: &Route) -> Route {
        let named = |id: LinkId| self.links_now.get(&id.index).map_or(id, |link| link.id());
        let mut route = route.clone();
        route.link = route.link.map(named);
        route.next_hops.iter_mut().for_each(|hop| hop.link = hop.link.map(named));
        route
    }

    fn is_route_at_risk(&self, route: &Route) -> bool {
        let at_risk = |index: &u32| self.scope.at_risk.contains(index);
        keys::links(route).any(|link| at_risk(&link.index))
            || route.nexthop.is_some_and(|id| self.nexthops.get(&id).into_iter().flatten().any(at_risk))
            || route.preferred_source.is_some_and(|source| self.sources.contains(&source))
    }

    /// Whether a route is one of before, maybe with something changed.
    fn leads_as(&self, old: &Route, found: &Route) -> bool {
        let same = |old: Route| {
            old.protocol == found.protocol && keys::ways(&old) == keys::ways(found)
                || keys::is_part(found, &old)
        };
        self.route_now(old).is_some_and(same)
    }

    fn same_route(&self, old: &Route, found: &Route) -> bool {
        let Some(old) = self.route_now(old) else { return false };
        let metrics = |route: &Route| route.metrics.clone().unwrap_or_default();
        old.kind == found.kind
            && old.protocol == found.protocol
            && keys::ways(&old) == keys::ways(found)
            && shares(&old) == shares(found)
            && old.preferred_source == found.preferred_source
            && old.effective_scope() == found.effective_scope()
            && metrics(&old) == metrics(found)
    }
}

/// How the ways of a route share the packets. Those of a nexthop object are the object's.
fn shares(route: &Route) -> Vec<(Option<std::net::IpAddr>, Option<LinkId>, u16)> {
    let hops = route.next_hops.iter().filter(|_| route.nexthop.is_none());
    let mut shares: Vec<_> = hops.map(|hop| (hop.gateway, hop.link, hop.weight)).collect();
    shares.sort();
    shares
}
