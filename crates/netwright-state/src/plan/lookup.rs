//! What is looked up again and again while a plan is made: links by name and index, and whose an object is.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use netwright_route::{Address, Family, Link, LinkId, Neighbour, Prefix, Protocol, Route, Rule};

use super::{ADDRESS_PROTOCOL, Owners};
use crate::keys::{self, AddressKey, NeighbourKey, RouteKey};
use crate::model::{Connected, Host, Networks};
use crate::record::{OwnOptions, OwnSetting, Record};
use crate::ruleset::TableName;
use crate::snapshot::{Setting, Snapshot};

/// Where the indexes start that links get which are yet to be made: far enough from those that the kernel is about to
/// give to others.
const ROOM: u32 = 1000;

/// The highest index that a link can have with its peer's behind it.
const LAST: u32 = 0x7fff_fffe;

/// The index that a declared link gets that is not there yet, so that a firewall that names it can stand before. `place`
/// is its place in [`Host::links`], `highest` the highest index that a link has.
#[must_use]
pub fn reserved_index(highest: u32, place: usize) -> u32 {
    let start = (highest / ROOM + 1).saturating_mul(ROOM);
    // two for each: a veth is made with its peer
    let place = u32::try_from(place).unwrap_or(u32::MAX / 4).saturating_mul(2);
    start.saturating_add(place).min(LAST)
}

/// The indexes that are tried for a link: the one that was reserved for it, and others where somebody has got that meanwhile.
/// None is left to the kernel: by them a link is known whose maker was killed before it had marked it.
pub fn candidate_indexes(reserved: u32) -> impl Iterator<Item = u32> {
    const FURTHER: u32 = 1_000_000;
    (0..8).map_while(move |step| reserved.checked_add(step * FURTHER)).filter(|index| *index <= LAST)
}

/// Whether the kernel keeps who made an address, as far as it shows.
pub(crate) fn keeps_protocols(addresses: &[Address]) -> bool {
    addresses.iter().any(|address| address.protocol.is_some_and(|protocol| protocol.0 != 0))
}

pub(super) struct Lookup<'a> {
    names: HashMap<&'a str, &'a Link>,
    indexes: HashMap<u32, &'a Link>,
    declared: HashMap<&'a str, usize>,
    /// The networks of declared links.
    connected: Connected<'a>,
    /// The networks that there are, by the addresses of links.
    reached: Networks<LinkId>,
    pub(super) highest: u32,
    /// Links that are made anew: the new id by the old index.
    pub(super) anew: HashMap<u32, LinkId>,
    /// The indexes of declared links.
    pub(super) declared_indexes: HashSet<u32>,
    above: HashMap<u32, Vec<&'a Link>>,
    ports: HashMap<u32, Vec<&'a Link>>,
    own: Owned<'a>,
    others: Vec<Owned<'a>>,
}

/// A rule as rules are compared, and who made it.
type Made = (Rule, Option<Protocol>);

/// What a record has, by keys.
struct Owned<'a> {
    record: &'a Record,
    alias: String,
    links: HashMap<u32, &'a str>,
    addresses: HashMap<AddressKey, &'a Address>,
    routes: HashMap<RouteKey, Vec<&'a Route>>,
    /// By family and priority, as they are compared, with who made them.
    rules: HashMap<(Family, u32), Vec<Made>>,
    options: HashMap<u32, &'a OwnOptions>,
    settings: HashMap<&'a Setting, &'a OwnSetting>,
    neighbours: HashSet<NeighbourKey>,
    /// Whether the kernel keeps who made an address, so that one without is somebody else's.
    keeps_protocols: bool,
}

impl<'a> Owned<'a> {
    fn new(record: &'a Record, keeps_protocols: bool) -> Self {
        let mut routes: HashMap<RouteKey, Vec<&Route>> = HashMap::new();
        for route in &record.routes {
            routes.entry(keys::route(route)).or_default().push(route);
        }
        let mut rules: HashMap<_, Vec<_>> = HashMap::new();
        for rule in &record.rules {
            let of_key = rules.entry(keys::rule_priority(rule)).or_default();
            of_key.push((keys::rule(rule), rule.protocol));
        }
        Owned {
            record,
            alias: record.alias(),
            links: record.links.iter().map(|own| (own.link.index, own.kind.as_str())).collect(),
            addresses: record.addresses.iter().map(|own| (keys::address(own), own)).collect(),
            routes,
            rules,
            options: record.options.iter().rev().map(|own| (own.link.index, own)).collect(),
            settings: record.settings.iter().rev().map(|own| (&own.setting, own)).collect(),
            neighbours: record.neighbours.iter().map(keys::neighbour).collect(),
            keeps_protocols,
        }
    }

    /// An alias that somebody wrote over it takes nothing away from who made the link.
    fn link(&self, link: &Link) -> bool {
        let recorded = self.links.get(&link.index).is_some_and(|kind| link.kind_name() == Some(*kind));
        recorded || link.kind.is_some() && link.alias.as_deref() == Some(self.alias.as_str())
    }

    fn address(&self, address: &Address) -> bool {
        let unmarked = address.protocol.is_none_or(|protocol| protocol.0 == 0) && !self.keeps_protocols;
        (unmarked || address.protocol == Some(ADDRESS_PROTOCOL))
            && self.addresses.contains_key(&keys::address(address))
    }

    fn route(&self, route: &Route) -> bool {
        let recorded = self.routes.get(&keys::route(route));
        recorded.is_some_and(|own| own.iter().any(|own| own.protocol == route.protocol))
    }

    fn rule(&self, rule: &Rule) -> bool {
        let Some(of_key) = self.rules.get(&keys::rule_priority(rule)) else { return false };
        let same = keys::rule(rule);
        of_key.iter().any(|(own, protocol)| *protocol == rule.protocol && *own == same)
    }

    fn neighbour(&self, neighbour: &Neighbour) -> bool {
        self.neighbours.contains(&keys::neighbour(neighbour))
    }
}

macro_rules! whose {
    ($($own:ident $other:ident $method:ident: $type:ty;)*) => {$(
        pub(super) fn $own(&self, object: &$type) -> bool {
            self.own.$method(object)
        }

        /// The other owner whose it is.
        pub(super) fn $other(&self, object: &$type) -> Option<&'a Record> {
            self.others.iter().find(|other| other.$method(object)).map(|other| other.record)
        }
    )*};
}

impl<'a> Lookup<'a> {
    pub(super) fn new(host: &'a Host, snapshot: &'a Snapshot, owners: &'a Owners) -> Self {
        let mut names: HashMap<&str, &Link> = HashMap::new();
        for link in &snapshot.links {
            names.insert(&link.name, link);
        }
        for link in &snapshot.links {
            for name in &link.alternative_names {
                names.entry(name).or_insert(link);
            }
        }
        let mut declared = HashMap::new();
        for (place, link) in host.links.iter().enumerate() {
            declared.entry(link.name.as_str()).or_insert(place);
        }
        for (place, link) in host.links.iter().enumerate() {
            for name in &link.alternative_names {
                declared.entry(name).or_insert(place);
            }
        }
        let mut above: HashMap<u32, Vec<&Link>> = HashMap::new();
        let mut ports: HashMap<u32, Vec<&Link>> = HashMap::new();
        for link in &snapshot.links {
            if let Some(parent) = link.parent {
                above.entry(parent).or_default().push(link);
            }
            if let Some(master) = link.master {
                ports.entry(master).or_default().push(link);
            }
        }
        let keeps_protocols = keeps_protocols(&snapshot.addresses);
        let network = |address: &Address| {
            let reached = address.peer.unwrap_or(address.address);
            (Prefix { address: reached, length: address.prefix_length }, address.link)
        };
        Lookup {
            connected: Connected::of(host),
            reached: Networks::new(snapshot.addresses.iter().map(network)),
            above,
            ports,
            names,
            indexes: snapshot.links.iter().map(|link| (link.index, link)).collect(),
            declared,
            highest: snapshot.links.iter().map(|link| link.index).max().unwrap_or(0),
            anew: HashMap::new(),
            declared_indexes: HashSet::new(),
            own: Owned::new(&owners.own, keeps_protocols),
            others: owners.others.iter().map(|record| Owned::new(record, keeps_protocols)).collect(),
        }
    }

    /// The link of a name, or else of an alternative name.
    pub(super) fn link(&self, name: &str) -> Option<&'a Link> {
        self.names.get(name).copied()
    }

    pub(super) fn link_at(&self, index: u32) -> Option<&'a Link> {
        self.indexes.get(&index).copied()
    }

    /// The place in the host of the declared link of a name.
    pub(super) fn declared(&self, name: &str) -> Option<usize> {
        self.declared.get(name).copied()
    }

    /// The device of a way, by its main name: the one that is said, else the declared link on whose network the gateway is.
    pub(super) fn route_device<'n>(
        &self,
        host: &'n Host,
        dev: Option<&'n str>,
        via: Option<IpAddr>,
    ) -> Option<&'n str>
    where
        'a: 'n,
    {
        match (dev, via) {
            (Some(dev), _) => {
                let known = self.declared(dev).and_then(|place| host.links.get(place));
                Some(known.map_or(dev, |link| &link.name))
            }
            (None, Some(via)) => self.connected.networks.of(via).map(|link| link.name.as_str()),
            (None, None) => None,
        }
    }

    /// The link on whose network an address is.
    pub(super) fn reached(&self, address: IpAddr) -> Option<LinkId> {
        self.reached.of(address)
    }

    pub(super) fn is_declared(&self, index: u32) -> bool {
        self.declared_indexes.contains(&index)
    }

    whose! {
        owns_link other_of_link link: Link;
        owns_address other_of_address address: Address;
        owns_route other_of_route route: Route;
        owns_rule other_of_rule rule: Rule;
        owns_neighbour other_of_neighbour neighbour: Neighbour;
    }

    /// An address as the owner made it, where it is the owner's.
    pub(super) fn own_address(&self, address: &Address) -> Option<&'a Address> {
        self.own.addresses.get(&keys::address(address)).copied().filter(|_| self.owns_address(address))
    }

    /// What the owner set of a link.
    pub(super) fn own_options(&self, index: u32) -> Option<&'a OwnOptions> {
        self.own.options.get(&index).copied()
    }

    /// What other owners set of a link.
    pub(super) fn options_of_others(&self, index: u32) -> Vec<(&'a Record, &'a OwnOptions)> {
        self.others.iter().filter_map(|other| Some((other.record, *other.options.get(&index)?))).collect()
    }

    /// What the owner wrote into a setting.
    pub(super) fn own_setting(&self, setting: &Setting) -> Option<&'a OwnSetting> {
        self.own.settings.get(setting).copied()
    }

    /// What other owners wrote into a setting.
    pub(super) fn settings_of_others(&self, setting: &Setting) -> Vec<(&'a Record, &'a OwnSetting)> {
        self.others.iter().filter_map(|other| Some((other.record, *other.settings.get(setting)?))).collect()
    }

    /// The links that lie on one.
    pub(super) fn above(&self, index: u32) -> &[&'a Link] {
        self.above.get(&index).map_or(&[], Vec::as_slice)
    }

    /// The ports of a link.
    pub(super) fn ports(&self, index: u32) -> &[&'a Link] {
        self.ports.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Another owner that has something on a link.
    pub(super) fn other_on_link(&self, index: u32) -> Option<&'a Record> {
        let on = |link: LinkId| link.index == index;
        let has = |record: &Record| {
            record.addresses.iter().any(|address| on(address.link))
                || record.neighbours.iter().any(|neighbour| on(neighbour.link))
                || record.routes.iter().flat_map(keys::links).any(on)
        };
        self.others.iter().map(|other| other.record).find(|record| has(record))
    }

    /// The other owner whose a table is.
    pub(super) fn other_of_table(&self, name: &TableName) -> Option<&'a Record> {
        self.others.iter().find(|other| other.record.tables.contains(name)).map(|other| other.record)
    }
}
