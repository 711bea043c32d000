//! Getting what shall be there, whether it is there already or not.

use std::fmt;

use netwright_route::address::AddressFlags;
use netwright_route::link::{AddressGeneration, Change, Create, Get, Link, LinkKind, PortKind};
use netwright_route::neighbour::{NeighbourFlags, NeighbourState};
use netwright_route::route::{Encapsulation, NextHop, NextHopFlags, RouteFlags, RouteKind};
use netwright_route::{
    Add, Address, Append, Family, HardwareAddress, Neighbour, Nexthop, Object, Prefix, Replace, Route, Rule,
    address, neighbour, nexthop, rule,
};
use netwright_sys::{Cause, Error};
use netwright_wire::{Attributes, Writer};

use crate::Result;
use crate::driver::Blocking;
use crate::{links, routes, rules};

/// What has become of something that shall be there.
#[derive(Clone, Debug, PartialEq)]
pub enum Ensured<T> {
    /// It was there, as it shall be.
    Existed(T),
    /// It was not there, and was made.
    Created(T),
    /// It was there and was another one in some respects.
    Changed {
        /// What it is now.
        object: T,
        /// What differed, each as `mtu 1500, not 1400`.
        differences: Vec<String>,
    },
}

impl<T> Ensured<T> {
    /// What is there now.
    pub fn object(&self) -> &T {
        match self {
            Ensured::Existed(object) | Ensured::Created(object) | Ensured::Changed { object, .. } => object,
        }
    }

    /// What is there now.
    pub fn into_object(self) -> T {
        match self {
            Ensured::Existed(object) | Ensured::Created(object) | Ensured::Changed { object, .. } => object,
        }
    }

    /// What differed; nothing where it was as it shall be, or was not there.
    pub fn differences(&self) -> &[String] {
        match self {
            Ensured::Changed { differences, .. } => differences,
            _ => &[],
        }
    }
}

/// Collects what differs.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    /// Whether a wanted value is there; nothing is wanted where it is `None`.
    fn is<T: PartialEq + fmt::Debug>(&mut self, what: &str, wanted: &Option<T>, found: &Option<T>) -> bool {
        let differs = wanted.is_some() && wanted != found;
        if differs {
            let shown =
                |value: &Option<T>| value.as_ref().map_or("none".to_owned(), |value| format!("{value:?}"));
            self.0.push(format!("{what} {}, not {}", shown(found), shown(wanted)));
        }
        !differs
    }
}

pub(crate) fn link(driver: &Blocking, create: Create) -> Result<Ensured<Link>> {
    let Some(name) = create.settings.name.clone() else {
        return Err(Error::request(
            &create,
            Cause::Invalid("a link without a name cannot be there already".into()),
        ));
    };
    let elsewhere = create.settings.namespace.as_ref().map(links::open).transpose()?.map(Blocking::new);
    let there = elsewhere.as_ref().unwrap_or(driver);
    let found = match there.query(Get::by_name(&name)) {
        Ok(found) => found,
        Err(error) if error.is_not_found() => match links::create(driver, create.clone()) {
            // somebody else was faster
            Err(error) if error.is_exists() => there.query(Get::by_name(&name))?,
            made => return made.map(Ensured::Created),
        },
        Err(error) => return Err(error),
    };
    let (change, differences) = change_of_link(&create, &found)?;
    if differences.is_empty() {
        return Ok(Ensured::Existed(found));
    }
    links::apply(there, found.id(), change)?;
    Ok(Ensured::Changed { object: there.query(Get::by_index(found.index))?, differences })
}

/// What must be changed of a link that is there.
fn change_of_link(create: &Create, found: &Link) -> Result<(Change, Vec<String>)> {
    let is = found.kind_name().unwrap_or("link without a kind");
    if found.kind_name() != Some(create.kind.name()) {
        let what = format!("there is a {is} of this name, and not a {}", create.kind.name());
        return Err(Error::request(create, Cause::Invalid(what)));
    }
    if create.parent.is_some_and(|parent| found.parent != Some(parent.index)) {
        let what = "the one of this name stands on another link";
        return Err(Error::request(create, Cause::Invalid(what.into())));
    }
    let wanted = create.settings.clone();
    let mut change = Change { name: None, namespace: None, ..wanted.clone() };
    let mut differences = Differences::default();
    macro_rules! compared {
        ($($field:ident $text:literal $found:expr;)*) => {$(
            if differences.is($text, &wanted.$field, &$found) {
                change.$field = None;
            }
        )*};
    }
    let generation = address_generation(found);
    compared! {
        mtu "mtu" found.mtu;
        address "address" found.address;
        broadcast "broadcast" found.broadcast;
        group "group" found.group;
        transmit_queue_length "transmit queue length" found.transmit_queue_length;
        alias "alias" Some(found.alias.clone().unwrap_or_default());
        carrier "carrier" found.rest.carrier;
        address_generation "address generation" generation;
        gso_maximum_size "GSO maximum size" found.rest.gso_maximum_size;
        gso_ipv4_maximum_size "GSO maximum size of IPv4" found.rest.gso_ipv4_maximum_size;
        gro_maximum_size "GRO maximum size" found.rest.gro_maximum_size;
        gro_ipv4_maximum_size "GRO maximum size of IPv4" found.rest.gro_ipv4_maximum_size;
    }
    let master = wanted.master.map(|master| master.index);
    if differences.is("master", &master, &Some(found.master.unwrap_or(0))) {
        change.master = None;
    }
    let (missing, surplus) = (wanted.set_flags - found.flags, wanted.clear_flags & found.flags);
    (change.set_flags, change.clear_flags) = (missing, surplus);
    if !(missing | surplus).is_empty() {
        differences.0.push(format!("flags {:?}, not {:?}", found.flags, wanted.set_flags));
    }
    change.alternative_names.retain(|name| !found.alternative_names.contains(name));
    differences.0.extend(change.alternative_names.iter().map(|name| format!("no alternative name {name}")));
    change.kind =
        found.kind.as_ref().and_then(|kind| options_that_differ(&create.kind, kind, &mut differences));
    change.port.take_if(|port| port_is_there(port, found.port.as_ref()));
    differences.0.extend(change.port.iter().map(|port| format!("settings as a port of a {}", port.name())));
    Ok((change, differences.0))
}

/// How addresses of IPv6 are made on a link, where that is known.
pub(crate) fn address_generation(link: &Link) -> Option<AddressGeneration> {
    link.families().ok().flatten().and_then(|families| families.ipv6?.address_generation)
}

/// The options of a kind that are wanted and not there.
fn options_that_differ(
    wanted: &LinkKind,
    found: &LinkKind,
    differences: &mut Differences,
) -> Option<LinkKind> {
    if matches!(wanted, LinkKind::Veth(_)) {
        return None; // the kernel does not tell of the peer
    }
    let wanted = wanted.without_state();
    let count = missing(|writer| wanted.write_data(writer), |writer| found.write_data(writer));
    if count == 0 {
        return None;
    }
    differences.0.push(format!("{count} options of a {}", wanted.name()));
    Some(wanted)
}

fn port_is_there(wanted: &PortKind, found: Option<&PortKind>) -> bool {
    let wanted = wanted.without_state();
    found.is_some_and(|found| {
        wanted.name() == found.name()
            && missing(|writer| wanted.write_data(writer), |writer| found.write_data(writer)) == 0
    })
}

/// How many of the attributes that are wanted are not there, or have another value.
fn missing(wanted: impl Fn(&mut Writer), found: impl Fn(&mut Writer)) -> usize {
    let bytes = |write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.bytes().to_vec()
    };
    let (asked, there) = (bytes(&wanted), bytes(&found));
    let is_there = |kind: u16, payload: &[u8]| {
        let found = Attributes::new(&there).find(kind).ok().flatten();
        found.is_some_and(|attribute| attribute.payload == payload)
    };
    let asked = Attributes::new(&asked).map_while(std::result::Result::ok);
    asked.filter(|attribute| !is_there(attribute.kind, attribute.payload)).count()
}

/// States among the flags of an address, which nobody can set.
const STATES: AddressFlags = AddressFlags::SECONDARY
    .union(AddressFlags::DUPLICATE_DETECTED)
    .union(AddressFlags::DEPRECATED)
    .union(AddressFlags::TENTATIVE)
    .union(AddressFlags::PERMANENT)
    .union(AddressFlags::OPTIMISTIC)
    .union(AddressFlags::STABLE_PRIVACY);

fn differences_of_address(wanted: &Address, found: &Address) -> Differences {
    let mut differences = Differences::default();
    differences.is("broadcast", &wanted.broadcast, &found.broadcast);
    differences.is("label", &wanted.label, &found.label);
    if wanted.address.is_ipv4() {
        differences.is("scope", &wanted.scope, &found.scope);
    }
    differences.is("metric", &wanted.route_priority, &found.route_priority);
    differences.is("made by", &wanted.protocol, &found.protocol);
    let flags = wanted.flags - STATES;
    if !found.flags.contains(flags) {
        differences.0.push(format!("flags {:?}, not {flags:?}", found.flags));
    }
    differences
}

/// The address that is there with the same address, length and peer.
fn find_address(driver: &Blocking, wanted: &Address) -> Result<Option<Address>> {
    let same = |address: &Address| {
        address.address == wanted.address
            && address.prefix_length == wanted.prefix_length
            && address.peer.unwrap_or(address.address) == wanted.peer.unwrap_or(wanted.address)
    };
    Ok(driver.list(address::List::on(wanted.link))?.into_iter().find(same))
}

pub(crate) fn address(driver: &Blocking, wanted: &Address) -> Result<Ensured<Address>> {
    let find = || find_address(driver, wanted);
    let Some(found) = find()? else { return made(wanted, driver.acknowledge(Add(wanted)), find) };
    let mut differences = differences_of_address(wanted, &found);
    differences.is("lifetime", &wanted.lifetime, &found.lifetime);
    if differences.0.is_empty() {
        return Ok(Ensured::Existed(found));
    }
    replace_address(driver, wanted)?;
    Ok(Ensured::Changed { object: find()?.unwrap_or_else(|| wanted.clone()), differences: differences.0 })
}

/// Adds an address or changes the one that is there. Some attributes of that one the kernel leaves as they are without a word,
/// which is an error here.
pub(crate) fn replace_address(driver: &Blocking, wanted: &Address) -> Result<()> {
    driver.acknowledge(Replace(wanted))?;
    let may_be_left = wanted.address.is_ipv6()
        || wanted.label.is_some()
        || wanted.broadcast.is_some()
        || wanted.scope.is_some()
        || !(wanted.flags - STATES).is_empty();
    if !may_be_left {
        return Ok(());
    }
    let left = match find_address(driver, wanted)? {
        Some(found) => differences_of_address(wanted, &found).0.into_iter().next(),
        None => Some("its prefix length".to_owned()),
    };
    left.map_or(Ok(()), |left| {
        let what =
            format!("the kernel does not change this of an address that is there: {left}; delete it first");
        Err(Error::request(&Replace(wanted), Cause::Invalid(what)))
    })
}

/// What was added, as it is listed. Where something was there already, it is what was wanted, made by somebody else meanwhile, or
/// stands in its way, which is the error.
fn made<T: Clone>(wanted: &T, added: Result<()>, find: impl Fn() -> Result<Option<T>>) -> Result<Ensured<T>> {
    let error = match added {
        Err(error) if !error.is_exists() => return Err(error),
        added => added.err(),
    };
    match (find()?, error) {
        (found, None) => Ok(Ensured::Created(found.unwrap_or_else(|| wanted.clone()))),
        (Some(found), Some(_)) => Ok(Ensured::Existed(found)),
        (None, Some(error)) => Err(error),
    }
}

/// What was found, put right where something differs.
fn replaced<T: Object + Clone>(
    driver: &Blocking,
    wanted: &T,
    found: T,
    differences: Differences,
    find: impl Fn() -> Result<Option<T>>,
) -> Result<Ensured<T>> {
    if differences.0.is_empty() {
        return Ok(Ensured::Existed(found));
    }
    driver.acknowledge(Replace(wanted))?;
    Ok(Ensured::Changed { object: find()?.unwrap_or_else(|| wanted.clone()), differences: differences.0 })
}

fn differences_of_route(wanted: &Route, found: &Route) -> Differences {
    let mut differences = Differences::default();
    let ipv6 = wanted.family() == netwright_route::Family::IPV6;
    let kind = match wanted.kind {
        RouteKind::UNSPECIFIED => RouteKind::UNICAST,
        kind => kind,
    };
    if wanted.nexthop.is_none() {
        differences.is("kind", &Some(kind), &Some(found.kind));
        let way = wanted.next_hops.is_empty();
        differences.is("gateway", &way.then_some(wanted.gateway), &Some(found.gateway));
        differences.is("link", &wanted.link, &found.link);
        if !has_hops(&wanted.next_hops, &found.next_hops) {
            differences.0.push("other ways".to_owned());
        }
        if !has_encapsulation(wanted.encapsulation.as_deref(), found.encapsulation.as_deref()) {
            differences.0.push("another encapsulation".to_owned());
        }
    }
    differences.is("nexthop", &wanted.nexthop, &found.nexthop);
    differences.is("source", &wanted.preferred_source, &found.preferred_source);
    differences.is("protocol", &wanted.protocol, &found.protocol);
    if !ipv6 {
        differences.is("scope", &wanted.scope, &found.scope);
    }
    differences.is("metrics", &wanted.metrics, &found.metrics);
    differences.is("preference", &wanted.preference, &found.preference);
    differences.is("realms", &wanted.flow, &found.flow);
    differences.is("expires", &wanted.expires, &found.expires);
    let flags = wanted.flags & RouteFlags::SETTABLE;
    if wanted.nexthop.is_none() && !found.flags.contains(flags) {
        differences.0.push(format!("flags {:?}, not {flags:?}", found.flags));
    }
    differences
}

fn has_hops(wanted: &[NextHop], found: &[NextHop]) -> bool {
    let is = |wanted: &NextHop, found: &NextHop| {
        wanted.gateway == found.gateway
            && wanted.weight == found.weight
            && (wanted.link.is_none() || wanted.link == found.link)
            && (wanted.flow.is_none() || wanted.flow == found.flow)
            && found.flags.contains(wanted.flags & NextHopFlags::SETTABLE)
            && has_encapsulation(wanted.encapsulation.as_deref(), found.encapsulation.as_deref())
    };
    wanted.len() == found.len() && wanted.iter().all(|hop| found.iter().any(|other| is(hop, other)))
}

fn has_encapsulation(wanted: Option<&Encapsulation>, found: Option<&Encapsulation>) -> bool {
    let Some(wanted) = wanted else { return true };
    found.is_some_and(|found| {
        wanted.kind == found.kind
            && missing(|writer| writer.push(&wanted.data.0), |writer| writer.push(&found.data.0)) == 0
    })
}

pub(crate) fn route(driver: &Blocking, wanted: &Route) -> Result<Ensured<Route>> {
    let ipv6 = wanted.family() == netwright_route::Family::IPV6;
    let default = if ipv6 { 1024 } else { 0 };
    let metric = |route: &Route| route.priority.unwrap_or(default);
    // of IPv6 the kernel clears host bits, of IPv4 it refuses them
    let network = |prefix: Prefix| if ipv6 { prefix.network() } else { prefix };
    let same = |route: &Route| {
        route.destination == network(wanted.destination)
            && route.source == wanted.source.map(network)
            && route.type_of_service == wanted.type_of_service
            && metric(route) == metric(wanted)
    };
    // Several may share destination and metric: the one that is as described, or else the first.
    let find = || {
        let all: Vec<_> = routes::of_table(driver, wanted)?.into_iter().filter(same).collect();
        let as_wanted = all.iter().position(|route| differences_of_route(wanted, route).0.is_empty());
        Ok::<_, Error>(all.into_iter().nth(as_wanted.unwrap_or(0)))
    };
    let Some(found) = find()? else { return made(wanted, driver.acknowledge(Add(wanted)), find) };
    let differences = differences_of_route(wanted, &found);
    replaced(driver, wanted, found, differences, find)
}

pub(crate) fn rule(driver: &Blocking, wanted: &Rule) -> Result<Ensured<Rule>> {
    let find = || {
        let rules = driver.list(rule::List { family: wanted.effective_family() })?;
        Ok::<_, Error>(rules.into_iter().find(|rule| wanted.fits(rule)))
    };
    match find()? {
        Some(found) => Ok(Ensured::Existed(found)),
        None => made(wanted, rules::add(driver, wanted).map(drop), find),
    }
}

/// States that the kernel goes through by itself, of neighbours that are used.
const PASSING: NeighbourState = NeighbourState::REACHABLE
    .union(NeighbourState::STALE)
    .union(NeighbourState::DELAY)
    .union(NeighbourState::PROBE);

fn differences_of_neighbour(wanted: &Neighbour, found: &Neighbour) -> Differences {
    let mut differences = Differences::default();
    differences.is("hardware address", &wanted.address, &found.address);
    differences.is("far end", &wanted.destination, &found.destination);
    differences.is("UDP port", &wanted.port, &found.port);
    differences.is("VNI", &wanted.vni, &found.vni);
    differences.is("source VNI", &wanted.source_vni, &found.source_vni);
    differences.is("link below", &wanted.lower_link, &found.lower_link);
    differences.is("nexthop", &wanted.nexthop, &found.nexthop);
    differences.is("made by", &wanted.protocol, &found.protocol);
    let state = match wanted.state {
        state if state.is_empty() => NeighbourState::PERMANENT,
        state if state.intersects(PASSING) => PASSING,
        state => state,
    };
    // a proxy has none
    if !wanted.flags.contains(NeighbourFlags::PROXY) && !found.state.intersects(state) {
        differences.0.push(format!("state {:?}, not {state:?}", found.state));
    }
    let orders = NeighbourFlags::SELF | NeighbourFlags::MASTER | NeighbourFlags::USE;
    let flags = wanted.flags - orders;
    if !found.flags.contains(flags) {
        differences.0.push(format!("flags {:?}, not {flags:?}", found.flags));
    }
    let there = found.extended_flags.unwrap_or_default();
    if let Some(flags) = wanted.extended_flags.filter(|flags| !there.contains(*flags)) {
        differences.0.push(format!("flags {there:?}, not {flags:?}"));
    }
    differences
}

/// Whether a forwarding entry is one of several with this hardware address, one for each far end: a VXLAN sends to all of them what
/// goes to many or to nobody it knows.
fn is_one_of_many(entry: &Neighbour) -> bool {
    let address = entry.address.as_ref().map(HardwareAddress::as_bytes).unwrap_or_default();
    let to_many =
        address.first().is_some_and(|first| first & 1 == 1) || address.iter().all(|byte| *byte == 0);
    entry.family == Family::BRIDGE && entry.destination.is_some() && to_many
}

/// Whether the kernel takes both for the same neighbour or forwarding entry.
fn is_same_neighbour(wanted: &Neighbour, found: &Neighbour) -> bool {
    if wanted.family != Family::BRIDGE {
        return found.destination == wanted.destination;
    }
    // an entry of the bridge, and not of its port
    let is_of_bridge = |entry: &Neighbour| {
        !entry.flags.contains(NeighbourFlags::SELF) && entry.master != Some(entry.link.index)
    };
    let is_end = !is_one_of_many(wanted)
        || found.destination == wanted.destination
            && (wanted.port.is_none() || found.port == wanted.port)
            && (wanted.vni.is_none() || found.vni == wanted.vni);
    found.address == wanted.address
        && found.vlan == wanted.vlan
        && is_of_bridge(found) == is_of_bridge(wanted)
        && is_end
}

pub(crate) fn neighbour(driver: &Blocking, wanted: &Neighbour) -> Result<Ensured<Neighbour>> {
    let proxies = wanted.flags.contains(NeighbourFlags::PROXY) && wanted.family != Family::BRIDGE;
    let list = neighbour::List { family: wanted.family, proxies, ..neighbour::List::on(wanted.link) };
    let find = || {
        let all = driver.list(list)?;
        Ok::<_, Error>(all.into_iter().find(|found| is_same_neighbour(wanted, found)))
    };
    let Some(found) = find()? else {
        let added = if is_one_of_many(wanted) {
            driver.acknowledge(Append(wanted))
        } else {
            driver.acknowledge(Add(wanted))
        };
        return made(wanted, added, find);
    };
    let differences = differences_of_neighbour(wanted, &found);
    replaced(driver, wanted, found, differences, find)
}

fn differences_of_nexthop(wanted: &Nexthop, found: &Nexthop) -> Differences {
    let mut differences = Differences::default();
    let is_group = !wanted.group.is_empty();
    differences.is("link", &wanted.link, &found.link);
    differences.is("gateway", &(!is_group).then_some(wanted.gateway), &Some(found.gateway));
    differences.is("members", &Some(&wanted.group), &Some(&found.group));
    differences.is("kind of group", &wanted.group_kind.filter(|_| is_group), &found.group_kind);
    differences.is("blackhole", &Some(wanted.blackhole), &Some(found.blackhole));
    differences.is("for forwarding entries", &Some(wanted.forwarding), &Some(found.forwarding));
    differences.is("made by", &wanted.protocol, &found.protocol);
    differences.is("hardware statistics", &wanted.hardware_statistics, &found.hardware_statistics);
    if !has_encapsulation(wanted.encapsulation.as_deref(), found.encapsulation.as_deref()) {
        differences.0.push("another encapsulation".to_owned());
    }
    let options = |nexthop: &Nexthop| nexthop.without_state().resilient_group;
    if wanted.resilient_group.is_some() && options(wanted) != options(found) {
        differences.0.push("other settings of the resilient group".to_owned());
    }
    let flags = wanted.flags & RouteFlags::SETTABLE;
    if !found.flags.contains(flags) {
        differences.0.push(format!("flags {:?}, not {flags:?}", found.flags));
    }
    differences
}

pub(crate) fn nexthop(driver: &Blocking, wanted: &Nexthop) -> Result<Ensured<Nexthop>> {
    let as_described = |found: &Nexthop| differences_of_nexthop(wanted, found).0.is_empty();
    let find = || {
        let Some(id) = wanted.id else {
            return Ok(driver.list(nexthop::List::default())?.into_iter().find(as_described));
        };
        match driver.query(nexthop::Get { id }) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    };
    let Some(found) = find()? else { return made(wanted, driver.acknowledge(Add(wanted)), find) };
    let differences = differences_of_nexthop(wanted, &found);
    replaced(driver, wanted, found, differences, find)
}
