//! What copies and events add up to, beside what is listed.

use super::*;

/// A route without states and times, and with its ways in an order.
pub(super) fn plain(route: &Route) -> String {
    let mut hops: Vec<NextHop> = route.next_hops.clone();
    hops.iter_mut().for_each(|hop| hop.flags &= NextHopFlags::SETTABLE);
    hops.sort_by_key(|hop| format!("{hop:?}"));
    let plain = Route {
        flags: route.flags & RouteFlags::SETTABLE,
        cache_info: None,
        expires: route.expires.map(|_| 0),
        next_hops: hops,
        ..route.clone()
    };
    let link = |link: Option<netwright::LinkId>| link.map(|link| netwright::LinkId::new(link.index));
    let mut plain = Route { link: link(plain.link), ..plain };
    plain.next_hops.iter_mut().for_each(|hop| hop.link = link(hop.link));
    format!("{plain:?}")
}

pub(super) fn plain_rule(listed: &PolicyRule) -> String {
    format!("{:?}", PolicyRule { flags: listed.flags & rule::RuleFlags::INVERT, ..listed.clone() })
}

pub(super) fn plain_address(address: &Address) -> String {
    let lifetime = address.lifetime.map(|lifetime| (lifetime.valid.is_some(), lifetime.preferred.is_some()));
    let Address { flags, scope, peer, link, .. } = address;
    format!("{} {peer:?} {flags:?} {scope:?} {lifetime:?} {}", address.prefix(), link.index)
}

pub(super) fn plain_neighbour(neighbour: &Neighbour) -> String {
    let permanent = neighbour.state == neighbour::NeighbourState::PERMANENT;
    format!(
        "{:?} {:?} {:?} {} {permanent}",
        neighbour.family, neighbour.destination, neighbour.address, neighbour.link.index
    )
}

#[track_caller]
pub(super) fn same(what: &str, copied: &BTreeSet<String>, listed: &BTreeSet<String>) -> Outcome {
    let missing: Vec<_> = listed.difference(copied).take(9).collect();
    let wrong: Vec<_> = copied.difference(listed).take(9).collect();
    ensure!(missing.is_empty() && wrong.is_empty(), "{what}: missing {missing:#?}, wrong {wrong:#?}");
    Ok(())
}

pub(super) fn all_routes(net: &Net) -> Result<BTreeSet<String>, Failure> {
    Ok(net.routes().list()?.iter().map(plain).collect())
}

/// What a copy has, beside what there is.
#[track_caller]
pub(super) fn is_what_there_is(store: &Store, net: &Net) -> Outcome {
    let links = net.links().list()?;
    let plain_link = |link: &netwright::Link| {
        let up = link.flags & netwright::route::link::LinkFlags::UP;
        // The kernel tells of another alias or alternative name only where the link is up.
        let names = link.is_up().then_some(&link.alternative_names);
        format!("{} {} {:?} {:?} {up:?} {names:?}", link.index, link.name, link.mtu, link.master)
    };
    same("links", &store.links().map(plain_link).collect(), &links.iter().map(plain_link).collect())?;
    for link in &links {
        ensure_eq!(store.link(&link.name).map(|found| found.index), Some(link.index));
        for name in link.alternative_names.iter().filter(|_| link.is_up()) {
            ensure_eq!(store.link(name).map(|found| found.index), Some(link.index));
        }
    }
    same(
        "addresses",
        &store.addresses().map(plain_address).collect(),
        &net.addresses().list()?.iter().map(plain_address).collect(),
    )?;
    let name_of = |index: u32| links.iter().find(|link| link.index == index).map(|link| link.name.as_str());
    for id in store.addresses().map(|address| address.link).chain(store.routes().filter_map(|to| to.link)) {
        ensure_eq!(id.name().as_deref(), name_of(id.index));
    }
    let routes = net.routes().list()?;
    ensure_eq!(store.route_count(), routes.len());
    same("routes", &store.routes().map(plain).collect(), &routes.iter().map(plain).collect())?;
    let rules = net.rules().list()?;
    for family in [Family::IPV4, Family::IPV6] {
        let of = |rules: &[PolicyRule]| -> Vec<String> {
            rules.iter().filter(|rule| rule.family == family).map(plain_rule).collect()
        };
        ensure_eq!(of(store.rules()), of(&rules));
    }
    let listed: Vec<_> = net.nexthops().list()?;
    let by_id = |nexthop: &netwright::Nexthop| {
        format!(
            "{:?} {:?} {:?} {:?} {}",
            nexthop.id,
            nexthop.gateway,
            nexthop.group,
            nexthop.link.map(|l| l.index),
            nexthop.blackhole
        )
    };
    same("nexthops", &store.nexthops().map(by_id).collect(), &listed.iter().map(by_id).collect())
}

/// Brings a copy up to date until it is what there is: the kernel does some of it a little later.
#[track_caller]
pub(super) fn settles(watch: &mut Watch, net: &Net) -> Outcome {
    let settled = wait_until("the copy is what there is", || {
        watch.update()?;
        Ok(is_what_there_is(watch.store(), net).is_ok().then_some(()))
    });
    match settled {
        Ok(()) => Ok(()),
        Err(_) => is_what_there_is(watch.store(), net),
    }
}

/// What events add up to: the watch's own copy is not asked.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) addresses: BTreeSet<String>,
    pub(super) routes: BTreeSet<String>,
    pub(super) listed: bool,
    pub(super) resynchronised: usize,
}

impl Sum {
    pub(super) fn add(&mut self, event: &Event) -> Outcome {
        fn step<T>(all: &mut BTreeSet<String>, change: &Update<T>, text: impl Fn(&T) -> String) -> Outcome {
            let what = format!("{} {}", change.verb(), text(change.object()));
            if let Some(before) = change.before() {
                ensure!(all.remove(&text(before)), "it was not there before: {what}");
            }
            if let Some(now) = change.now() {
                ensure!(all.insert(text(now)), "it was there already: {what}");
            }
            Ok(())
        }
        match event {
            Event::Address(change) => step(&mut self.addresses, change, plain_address),
            Event::Route(change) => step(&mut self.routes, change, plain),
            Event::Listed => {
                ensure!(!self.listed);
                self.listed = true;
                Ok(())
            }
            Event::Resynchronised(_) => {
                self.resynchronised += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
