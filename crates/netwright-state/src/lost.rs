//! What of others goes along with a link that an owner takes down, or takes IPv6 from, by their leave: it comes back
//! once the link can have it.

use std::collections::{HashMap, HashSet};

use netwright_route::{Address, Family, LinkId, Neighbour, Nexthop, Route};
use serde_json::{Value as Json, json};

use crate::encode;
use crate::keys;
use crate::plan::{is_kernels, is_kernels_address, is_set};
use crate::record::Record;
use crate::scope::Scope;
use crate::snapshot::{Setting, Snapshot};
use crate::switch;

/// What of others is gone for as long as an owner has it so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lost {
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Nexthop objects.
    pub nexthops: Vec<Nexthop>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Entries of bridges for a port that is a port of somebody else meanwhile.
    pub forwarding: Vec<Neighbour>,
    /// Settings of links, with their values.
    pub settings: Vec<(Setting, String)>,
}

impl Lost {
    /// What was there, is nobody's whose records these are, is not there now, and cannot be, since a link is down or has no IPv6.
    pub(crate) fn between(before: &Snapshot, scope: &Scope, now: &Snapshot, own: [&Record; 2]) -> Self {
        let at_risk = now.links.iter().filter(|link| scope.at_risk.contains(&link.index));
        let poor = at_risk.filter(|link| !link.is_up() || !switch::has_ipv6(link));
        let poor: HashMap<u32, bool> = poor.map(|link| (link.index, link.is_up())).collect();
        let forwarding = moved(before, scope, now);
        if poor.is_empty() {
            return Lost { forwarding, ..Lost::default() };
        }
        let cannot = |id: LinkId, ipv6: bool| poor.get(&id.index).is_some_and(|up| !up || ipv6);
        let own_addresses: HashSet<_> =
            own.iter().flat_map(|record| &record.addresses).map(keys::address).collect();
        let own_routes: HashSet<_> = own.iter().flat_map(|record| &record.routes).map(keys::route).collect();
        let own_neighbours: HashSet<_> =
            own.iter().flat_map(|record| &record.neighbours).map(keys::neighbour).collect();

        let there: HashSet<_> = now.addresses.iter().map(keys::address).collect();
        let gone = |address: &&Address| {
            let ipv6 = address.family() == Family::IPV6;
            let key = keys::address(address);
            cannot(address.link, ipv6)
                && !is_kernels_address(address)
                && !there.contains(&key)
                && !own_addresses.contains(&key)
        };
        let addresses = before.addresses.iter().filter(gone).cloned().collect();

        let there: HashSet<_> = now.nexthops.iter().filter_map(|nexthop| nexthop.id).collect();
        let is_gone = |id: Option<u32>| id.is_some_and(|id| !there.contains(&id));
        let mut nexthops: Vec<Nexthop> = before
            .nexthops
            .iter()
            .filter(|nexthop| is_gone(nexthop.id))
            .filter(|nexthop| nexthop.link.is_some_and(|link| cannot(link, nexthop.family == Family::IPV6)))
            .cloned()
            .collect();
        let ids: HashSet<u32> = nexthops.iter().filter_map(|nexthop| nexthop.id).collect();
        let has_lost = |nexthop: &&Nexthop| nexthop.group.iter().any(|member| ids.contains(&member.id));
        nexthops.extend(before.nexthops.iter().filter(has_lost).cloned());
        let ids: HashSet<u32> = nexthops.iter().filter_map(|nexthop| nexthop.id).collect();

        let there: HashSet<_> =
            now.routes.iter().map(|route| (keys::route(route), keys::ways(route))).collect();
        let routes = before.routes.iter().filter(|route| {
            let ipv6 = route.family() == Family::IPV6;
            let over = keys::links(route).any(|link| cannot(link, ipv6));
            let by_nexthop = route.nexthop.is_some_and(|id| ids.contains(&id));
            let key = keys::route(route);
            let advertised = route.protocol == Some(netwright_route::Protocol::ROUTER_ADVERTISEMENT);
            (over || by_nexthop)
                && !is_kernels(route)
                && !advertised
                && !own_routes.contains(&key)
                && !there.contains(&(key, keys::ways(route)))
        });
        let routes = routes.cloned().collect();

        let there: HashSet<_> = now.neighbours.iter().map(keys::neighbour).collect();
        let neighbours = before.neighbours.iter().filter(|found| {
            let key = keys::neighbour(found);
            cannot(found.link, found.family == Family::IPV6)
                && is_set(found)
                && !there.contains(&key)
                && !own_neighbours.contains(&key)
        });
        let neighbours = neighbours.cloned().collect();

        let settings = before.settings.iter().filter(|(setting, _)| {
            let link = setting.link.as_deref().and_then(|name| before.link(name));
            let own = own.iter().flat_map(|record| &record.settings).any(|own| own.setting == **setting);
            let link = link.filter(|_| !own && !now.settings.contains_key(setting));
            link.is_some_and(|link| cannot(link.id(), true))
        });
        let settings = settings.map(|(setting, value)| (setting.clone(), value.clone())).collect();
        Lost { addresses, nexthops, routes, neighbours, forwarding, settings }
    }

    /// Adds what another one has, but for what is here already.
    pub(crate) fn add(&mut self, more: Lost) {
        fn add<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
            for item in more {
                if !list.contains(&item) {
                    list.push(item);
                }
            }
        }
        add(&mut self.addresses, more.addresses);
        add(&mut self.nexthops, more.nexthops);
        add(&mut self.routes, more.routes);
        add(&mut self.neighbours, more.neighbours);
        add(&mut self.forwarding, more.forwarding);
        add(&mut self.settings, more.settings);
    }

    pub(crate) fn to_json(&self) -> Json {
        let settings = self.settings.iter().map(|(setting, value)| json!([setting.to_json(), value]));
        json!({
            "addresses": encode::list(&self.addresses), "nexthops": encode::list(&self.nexthops),
            "routes": encode::list(&self.routes), "neighbours": encode::list(&self.neighbours),
            "forwarding": encode::list(&self.forwarding),
            "settings": settings.collect::<Json>(),
        })
    }

    pub(crate) fn from_json(json: &Json) -> Result<Self, String> {
        let items = json.get("settings").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let setting = |item: &Json| {
            let value = item.get(1).and_then(Json::as_str).ok_or("the value of a setting is missing")?;
            Ok((Setting::from_json(item.get(0).unwrap_or(&Json::Null))?, value.to_owned()))
        };
        Ok(Lost {
            addresses: encode::read_list(json.get("addresses"))?,
            nexthops: encode::read_list(json.get("nexthops"))?,
            routes: encode::read_list(json.get("routes"))?,
            neighbours: encode::read_list(json.get("neighbours"))?,
            forwarding: encode::read_list(json.get("forwarding"))?,
            settings: items.iter().map(setting).collect::<Result<_, String>>()?,
        })
    }
}

/// The entries of a bridge that went with a port that was moved to another master.
fn moved(before: &Snapshot, scope: &Scope, now: &Snapshot) -> Vec<Neighbour> {
    let masters: HashMap<u32, u32> =
        now.links.iter().map(|link| (link.index, link.master.unwrap_or(0))).collect();
    let gone = |entry: &&Neighbour| {
        let master = masters.get(&entry.link.index).copied();
        scope.links.iter().any(|link| link.index == entry.link.index)
            && entry.master.is_some_and(|before| master.is_some_and(|now| now != before))
    };
    before.forwarding.iter().filter(gone).cloned().collect()
}
