//! From messages to events: a copy of what is watched, changed by each message.

use std::collections::HashMap;

use netwright_route::address::AddressView;
use netwright_route::link::{Link, LinkFlags, LinkView};
use netwright_route::message::kind;
use netwright_route::namespace_id::NamespaceId;
use netwright_route::neighbour::{Neighbour, NeighbourView};
use netwright_route::nexthop::NexthopView;
use netwright_route::route::RouteView;
use netwright_route::rule::RuleView;
use netwright_route::{Address, LinkId, Nexthop, Route, Rule};
use netwright_wire::{Header, Malformed, Message, MessageFlags};

use super::event::{Event, Kinds, Update, neighbour_kind};
use super::links;
use super::routes::Effect;
use super::store::{NeighbourKey, Store};

/// Follows messages.
#[derive(Debug)]
pub(super) struct Follower {
    /// What is told of.
    kinds: Kinds,
    pub(super) store: Store,
    /// What is to be read again, since the kernel changes it without a word, or what it said did not fit.
    pub(super) doubt: Kinds,
    /// Whether what is taken may be older than the copy.
    pub(super) replayed: bool,
}

impl Follower {
    pub(super) fn new(kinds: Kinds) -> Self {
        Follower { kinds, store: Store::default(), doubt: Kinds::empty(), replayed: false }
    }

    pub(super) fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// What is copied: links beside what is told of, for their names.
    pub(super) fn copied(&self) -> Kinds {
        self.kinds | Kinds::LINKS
    }

    /// Tells of everything that the copy has.
    pub(super) fn list(&self, tell: &mut impl FnMut(Event)) {
        Follower::new(self.kinds).differences(&self.store, self.kinds, &mut |event| tell(existing(event)));
        tell(Event::Listed);
    }

    /// Takes a fresh copy of some kinds over, and tells what is different in it.
    pub(super) fn adopt(&mut self, fresh: Store, kinds: Kinds, tell: &mut impl FnMut(Event)) {
        let told = kinds & self.kinds;
        self.differences(&fresh, told, tell);
        let Store { links, addresses, routes, rules, neighbours, nexthops, namespace_ids, ruleset, .. } =
            fresh;
        if kinds.contains(Kinds::LINKS) {
            let gone: Vec<u32> =
                self.store.links.keys().filter(|index| !links.contains_key(index)).copied().collect();
            for index in gone {
                self.store.remove_link(index);
            }
            for link in links.into_values() {
                self.store.put_link(link);
            }
        }
        if kinds.contains(Kinds::ADDRESSES) {
            self.store.addresses = addresses;
        }
        if kinds.contains(Kinds::ROUTES) {
            self.store.routes = routes;
        }
        if kinds.contains(Kinds::RULES) {
            self.store.rules = rules;
        }
        if kinds.contains(Kinds::NEXTHOPS) {
            self.store.nexthops = nexthops;
        }
        if kinds.contains(Kinds::NAMESPACE_IDS) {
            self.store.namespace_ids = namespace_ids;
        }
        if kinds.intersects(Kinds::NEIGHBOURS | Kinds::FORWARDING) {
            self.store.neighbours.retain(|_, neighbour| !kinds.contains(neighbour_kind(neighbour)));
            self.store.neighbours.extend(neighbours);
        }
        self.store.ruleset.adopt(ruleset, kinds);
        self.doubt -= kinds;
    }

    /// Takes a message, and tells what has changed by it.
    pub(super) fn take(
        &mut self,
        message: &Message<'_>,
        tell: &mut impl FnMut(Event),
    ) -> Result<(), Malformed> {
        let removed = is_removal(&message.header);
        match message.header.kind {
            kind::NEW_LINK | kind::DELETE_LINK => {
                if let Some(view) = LinkView::read(message)? {
                    self.link(view.own()?, removed, tell);
                }
            }
            kind::NEW_ADDRESS | kind::DELETE_ADDRESS if self.kinds.contains(Kinds::ADDRESSES) => {
                if let Some(view) = AddressView::read(message)? {
                    self.address(view.own()?, removed, tell);
                }
            }
            kind::NEW_ROUTE | kind::DELETE_ROUTE if self.kinds.contains(Kinds::ROUTES) => {
                if let Some(view) = RouteView::read(message)? {
                    self.route(view.own()?, &message.header, removed, tell);
                }
            }
            kind::NEW_RULE | kind::DELETE_RULE if self.kinds.contains(Kinds::RULES) => {
                if let Some(view) = RuleView::read(message)? {
                    self.rule(view.own()?, removed, tell);
                }
            }
            kind::NEW_NEIGHBOUR | kind::DELETE_NEIGHBOUR => {
                if let Some(view) = NeighbourView::read(message)? {
                    self.neighbour(view.own()?, removed, tell);
                }
            }
            kind::NEW_NEXTHOP | kind::DELETE_NEXTHOP if self.kinds.contains(Kinds::NEXTHOPS) => {
                if let Some(view) = NexthopView::read(message)? {
                    self.nexthop(view.own()?, removed, tell);
                }
            }
            kind::NEW_NAMESPACE_ID | kind::DELETE_NAMESPACE_ID
                if self.kinds.contains(Kinds::NAMESPACE_IDS) =>
            {
                if let Some(id) = NamespaceId::read(message)? {
                    self.namespace_id(id, removed, tell);
                }
            }
            _ => self.store.ruleset.take(message, self.kinds, &mut self.doubt, tell)?,
        }
        Ok(())
    }

    fn link(&mut self, mut link: Link, removed: bool, tell: &mut impl FnMut(Event)) {
        links::without_counters(&mut link);
        let index = link.index;
        // Routes go with its being up, nexthops with its carrier too.
        const LIVE: LinkFlags = LinkFlags::UP.union(LinkFlags::RUNNING).union(LinkFlags::LOWER_UP);
        let was = self.store.link_by_index(index).map_or(LinkFlags::empty(), |link| link.flags & LIVE);
        if removed || !(link.flags & LIVE).contains(was) {
            self.doubt_what_goes_with(index);
        }
        let mtu = self.store.link_by_index(index).map(|before| before.mtu);
        if mtu.is_some_and(|before| before != link.mtu) {
            self.doubt_what_has_its_mtu(index);
        }
        let change = if removed {
            self.store.remove_link(index).map(Update::Removed)
        } else {
            let link = Box::new(link);
            match self.store.put_link(link.clone()) {
                Some(before) if links::is_same(&before, &link) => None,
                Some(before) => Some(Update::Changed { before, now: link }),
                None => Some(Update::Added(link)),
            }
        };
        if let (Some(change), true) = (change, self.kinds.contains(Kinds::LINKS)) {
            tell(Event::Link(change));
        }
    }

    /// Routes of IPv4 and nexthops go with their link, or its being up, and the kernel does not tell of it.
    fn doubt_what_goes_with(&mut self, index: u32) {
        let is = |link: &Option<LinkId>| link.is_some_and(|link| link.index == index);
        if self.kinds.contains(Kinds::NEXTHOPS)
            && self.store.nexthops.values().any(|nexthop| is(&nexthop.link))
        {
            self.doubt |= Kinds::NEXTHOPS;
        }
        let goes = |route: &Route| {
            route.nexthop.is_some() || is(&route.link) || route.next_hops.iter().any(|hop| is(&hop.link))
        };
        if self.kinds.contains(Kinds::ROUTES) && self.store.routes().any(goes) {
            self.doubt |= Kinds::ROUTES;
        }
    }

    /// Routes of IPv6 with an MTU of their own get that of their link with it, and the kernel does not tell of it.
    fn doubt_what_has_its_mtu(&mut self, index: u32) {
        let is = |link: &Option<LinkId>| link.is_some_and(|link| link.index == index);
        let has = |route: &Route| {
            route.destination.address.is_ipv6()
                && route.metrics.as_ref().is_some_and(|metrics| metrics.mtu.is_some())
                && (is(&route.link) || route.next_hops.iter().any(|hop| is(&hop.link)))
        };
        if self.kinds.contains(Kinds::ROUTES) && self.store.routes().any(has) {
            self.doubt |= Kinds::ROUTES;
        }
    }

    fn address(&mut self, mut address: Address, removed: bool, tell: &mut impl FnMut(Event)) {
        address.link = self.store.named(address.link);
        let change = if removed {
            // So do routes with this source.
            let is_source = |route: &Route| route.preferred_source == Some(address.address);
            if self.kinds.contains(Kinds::ROUTES) && self.store.routes().any(is_source) {
                self.doubt |= Kinds::ROUTES;
            }
            self.store.remove_address(&address).map(Update::Removed)
        } else {
            match self.store.put_address(address.clone()) {
                Some(before) if before == address => None,
                Some(before) => Some(Update::Changed { before, now: address }),
                None => Some(Update::Added(address)),
            }
        };
        change.into_iter().for_each(|change| tell(Event::Address(change)));
    }

    fn route(&mut self, route: Route, header: &Header, removed: bool, tell: &mut impl FnMut(Event)) {
        // What the cache learns is told in the same group.
        if route.flags.contains(netwright_route::route::RouteFlags::CLONED) {
            return;
        }
        let route = self.store.with_names(route);
        match self.store.routes.apply(route, header.flags, removed) {
            Effect::Nothing => {}
            Effect::Doubt => self.doubt |= Kinds::ROUTES,
            // The kernel replaced the first of the routes that there were then, which may be another one now.
            Effect::Update(_) if self.replayed && header.flags.contains(MessageFlags::REPLACE) => {
                self.doubt |= Kinds::ROUTES;
            }
            Effect::Update(change) => tell(Event::Route(*change)),
        }
    }

    fn rule(&mut self, rule: Rule, removed: bool, tell: &mut impl FnMut(Event)) {
        let change = if removed {
            self.store.remove_rule(&rule).map(Update::Removed)
        } else {
            self.store.put_rule(rule.clone()).then_some(Update::Added(rule))
        };
        change.into_iter().for_each(|change| tell(Event::Rule(change)));
    }

    fn neighbour(&mut self, mut neighbour: Neighbour, removed: bool, tell: &mut impl FnMut(Event)) {
        if !self.kinds.contains(neighbour_kind(&neighbour)) {
            return;
        }
        neighbour.link = self.store.named(neighbour.link);
        neighbour.cache_info = None;
        neighbour.probes = None;
        let key = NeighbourKey::of(&neighbour);
        let change = if removed {
            self.store.neighbours.remove(&key).map(Update::Removed)
        } else {
            match self.store.neighbours.insert(key, neighbour.clone()) {
                Some(before) if before == neighbour => None,
                Some(before) => Some(Update::Changed { before, now: neighbour }),
                None => Some(Update::Added(neighbour)),
            }
        };
        change.into_iter().for_each(|change| tell(Event::Neighbour(change)));
    }

    fn nexthop(&mut self, mut nexthop: Nexthop, removed: bool, tell: &mut impl FnMut(Event)) {
        let Some(id) = nexthop.id else { return };
        nexthop.link = nexthop.link.map(|link| self.store.named(link));
        let change = if removed {
            // Its routes go without a word, and groups lose a member.
            let goes = |route: &Route| route.nexthop.is_some();
            if self.kinds.contains(Kinds::ROUTES) && self.store.routes().any(goes) {
                self.doubt |= Kinds::ROUTES;
            }
            if self.store.nexthops.values().any(|group| group.group.iter().any(|member| member.id == id)) {
                self.doubt |= Kinds::NEXTHOPS;
            }
            self.store.nexthops.remove(&id).map(Update::Removed)
        } else {
            match self.store.nexthops.insert(id, nexthop.clone()) {
                Some(before) if is_same_nexthop(&before, &nexthop) => None,
                Some(before) => Some(Update::Changed { before, now: nexthop }),
                None => Some(Update::Added(nexthop)),
            }
        };
        change.into_iter().for_each(|change| tell(Event::Nexthop(change)));
    }

    fn namespace_id(&mut self, id: NamespaceId, removed: bool, tell: &mut impl FnMut(Event)) {
        let ids = &mut self.store.namespace_ids;
        match (ids.binary_search(&id), removed) {
            (Ok(place), true) => {
                ids.remove(place);
                tell(Event::NamespaceId(Update::Removed(id)));
            }
            (Err(place), false) => {
                ids.insert(place, id);
                tell(Event::NamespaceId(Update::Added(id)));
            }
            (Ok(_), false) | (Err(_), true) => {}
        }
    }

    /// What makes the copy that there is the other one, of some kinds. What came is told from the links up, what went from the
    /// routes down.
    fn differences(&self, now: &Store, kinds: Kinds, tell: &mut impl FnMut(Event)) {
        let before = &self.store;
        let mut of_links = Vec::new();
        if kinds.contains(Kinds::LINKS) {
            compare(
                &before.links,
                &now.links,
                |one, other| links::is_same(one, other),
                |change| {
                    of_links.push(Event::Link(change));
                },
            );
        }
        let (gone, new): (Vec<Event>, Vec<Event>) =
            of_links.into_iter().partition(|event| matches!(event, Event::Link(Update::Removed(_))));
        new.into_iter().for_each(&mut *tell);
        if kinds.contains(Kinds::ADDRESSES) {
            let (of_before, of_now) = (by_key(&before.addresses), by_key(&now.addresses));
            compare(
                &of_before,
                &of_now,
                |one, other| is_same_address(one, other),
                |change| {
                    tell(Event::Address(change.map(Address::clone)));
                },
            );
        }
        if kinds.contains(Kinds::NEXTHOPS) {
            compare(&before.nexthops, &now.nexthops, is_same_nexthop, |change| tell(Event::Nexthop(change)));
        }
        if kinds.contains(Kinds::ROUTES) {
            before.routes.differences(&now.routes, |change| tell(Event::Route(change)));
        }
        if kinds.contains(Kinds::RULES) {
            let missing = |from: &[Rule], rule: &Rule| {
                !from.iter().any(|other| super::store::is_same_rule(other, rule))
            };
            for rule in before.rules.iter().filter(|rule| missing(&now.rules, rule)) {
                tell(Event::Rule(Update::Removed(rule.clone())));
            }
            for rule in now.rules.iter().filter(|rule| missing(&before.rules, rule)) {
                tell(Event::Rule(Update::Added(rule.clone())));
            }
        }
        let of_kind = |store: &Store| -> HashMap<NeighbourKey, Neighbour> {
            let wanted =
                store.neighbours.iter().filter(|(_, neighbour)| kinds.contains(neighbour_kind(neighbour)));
            wanted.map(|(key, neighbour)| (key.clone(), neighbour.clone())).collect()
        };
        if kinds.intersects(Kinds::NEIGHBOURS | Kinds::FORWARDING) {
            compare(
                &of_kind(before),
                &of_kind(now),
                |one, other| one == other,
                |change| tell(Event::Neighbour(change)),
            );
        }
        if kinds.contains(Kinds::NAMESPACE_IDS) {
            for id in before.namespace_ids.iter().filter(|id| !now.namespace_ids.contains(id)) {
                tell(Event::NamespaceId(Update::Removed(*id)));
            }
            for id in now.namespace_ids.iter().filter(|id| !before.namespace_ids.contains(id)) {
                tell(Event::NamespaceId(Update::Added(*id)));
            }
        }
        before.ruleset.differences(&now.ruleset, kinds, tell);
        gone.into_iter().for_each(tell);
    }
}

/// What a message is about; nothing for what is told in any case.
pub(super) fn kinds_of(message: &Message<'_>) -> Kinds {
    match message.header.kind {
        kind::NEW_LINK | kind::DELETE_LINK => Kinds::LINKS,
        kind::NEW_ADDRESS | kind::DELETE_ADDRESS => Kinds::ADDRESSES,
        kind::NEW_ROUTE | kind::DELETE_ROUTE => Kinds::ROUTES,
        kind::NEW_RULE | kind::DELETE_RULE => Kinds::RULES,
        kind::NEW_NEIGHBOUR | kind::DELETE_NEIGHBOUR => Kinds::NEIGHBOURS | Kinds::FORWARDING,
        kind::NEW_NEXTHOP | kind::DELETE_NEXTHOP => Kinds::NEXTHOPS,
        kind::NEW_NAMESPACE_ID | kind::DELETE_NAMESPACE_ID => Kinds::NAMESPACE_IDS,
        _ => super::ruleset::kinds_of(message),
    }
}

fn is_removal(header: &Header) -> bool {
    matches!(
        header.kind,
        kind::DELETE_LINK
            | kind::DELETE_ADDRESS
            | kind::DELETE_ROUTE
            | kind::DELETE_RULE
            | kind::DELETE_NEIGHBOUR
            | kind::DELETE_NEXTHOP
            | kind::DELETE_NAMESPACE_ID
    )
}

/// Tells the differences of two maps.
pub(super) fn compare<K: Eq + std::hash::Hash, T: Clone>(
    before: &HashMap<K, T>,
    now: &HashMap<K, T>,
    same: impl Fn(&T, &T) -> bool,
    mut tell: impl FnMut(Update<T>),
) {
    for (key, old) in before {
        match now.get(key) {
            None => tell(Update::Removed(old.clone())),
            Some(new) if !same(old, new) => {
                tell(Update::Changed { before: old.clone(), now: new.clone() });
            }
            Some(_) => {}
        }
    }
    for (key, new) in now {
        if !before.contains_key(key) {
            tell(Update::Added(new.clone()));
        }
    }
}

type ByKey<'a> = HashMap<(u32, super::store::AddressKey), &'a Address>;

fn by_key(addresses: &HashMap<u32, HashMap<super::store::AddressKey, Address>>) -> ByKey<'_> {
    let all =
        addresses.iter().flat_map(|(link, of)| of.iter().map(move |(key, address)| ((*link, *key), address)));
    all.collect()
}

/// A life that is counted down is the same while it lasts.
fn is_same_address(one: &Address, other: &Address) -> bool {
    let endless = |address: &Address| {
        address.lifetime.map(|lifetime| (lifetime.valid.is_none(), lifetime.preferred.is_none()))
    };
    let timeless = |address: &Address| Address { lifetime: None, ..address.clone() };
    endless(one) == endless(other) && timeless(one) == timeless(other)
}

fn is_same_nexthop(one: &Nexthop, other: &Nexthop) -> bool {
    one.without_state() == other.without_state()
}

/// What a first copy adds was there already.
fn existing(event: Event) -> Event {
    fn of<T>(change: Update<T>) -> Update<T> {
        match change {
            Update::Added(object) => Update::Existing(object),
            other => other,
        }
    }
    match event {
        Event::Link(change) => Event::Link(of(change)),
        Event::Address(change) => Event::Address(of(change)),
        Event::Route(change) => Event::Route(of(change)),
        Event::Rule(change) => Event::Rule(of(change)),
        Event::Neighbour(change) => Event::Neighbour(of(change)),
        Event::Nexthop(change) => Event::Nexthop(of(change)),
        Event::NamespaceId(change) => Event::NamespaceId(of(change)),
        #[cfg(feature = "nft")]
        Event::Table(change) => Event::Table(of(change)),
        #[cfg(feature = "nft")]
        Event::Chain(change) => Event::Chain(of(change)),
        #[cfg(feature = "nft")]
        Event::FirewallRule(change) => Event::FirewallRule(of(change)),
        #[cfg(feature = "nft")]
        Event::Set(change) => Event::Set(of(change)),
        #[cfg(feature = "nft")]
        Event::Element(change) => Event::Element(of(change)),
        #[cfg(feature = "nft")]
        Event::Object(change) => Event::Object(of(change)),
        #[cfg(feature = "nft")]
        Event::Flowtable(change) => Event::Flowtable(of(change)),
        #[cfg(feature = "nft")]
        other @ (Event::Generation(_) | Event::Trace(_)) => other,
        other @ (Event::Listed | Event::Resynchronised(_)) => other,
    }
}
