//! Addresses of links.

use std::collections::HashSet;

use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_route::address::{AddressFlags, Lifetime};
use netwright_route::{Address, LinkId, Prefix, Protocol, Route, Scope};

use super::alive::{self, same_network};
use super::{ADDRESS_PROTOCOL, Planner};
use crate::keys;
use crate::model;
use crate::step::{Action, Sign, Step, Verb};

/// An address that shall be there.
struct Declared<'a> {
    address: Address,
    model: &'a model::Address,
}

pub(super) fn plan(planner: &mut Planner<'_>) {
    let ids: Vec<_> = planner.ids.clone();
    for (link, id) in planner.host.links.iter().zip(ids) {
        let Some(id) = id else { continue };
        let declared: Vec<_> =
            link.addresses.iter().map(|model| Declared { address: wanted(model, id), model }).collect();
        of_link(planner, id, &declared);
    }
    // Addresses of its own on links that are no longer declared, but stay.
    let owned: HashSet<u32> = planner.owners.own.addresses.iter().map(|address| address.link.index).collect();
    for link in owned {
        if planner.lookup.is_declared(link) || super::links::is_deleted(planner, LinkId::new(link)) {
            continue;
        }
        let Some(id) = planner.lookup.link_at(link).map(|link| link.id()) else { continue };
        of_link(planner, id, &[]);
    }
}

/// The address as it is sent.
fn wanted(model: &model::Address, link: LinkId) -> Address {
    let own = model.address;
    let prefix = model.peer.unwrap_or(own);
    let peer = model.peer.map(|peer| peer.address).filter(|&peer| peer != own.address);
    let broadcast = if peer.is_none() { prefix.broadcast() } else { None };
    Address {
        peer,
        broadcast,
        label: model.label.clone(),
        scope: model.scope.map(|scope| Scope(scope.0)),
        flags: if model.prefix_route { AddressFlags::empty() } else { AddressFlags::NO_PREFIX_ROUTE },
        lifetime: lifetime(model),
        route_priority: model.metric,
        protocol: Some(ADDRESS_PROTOCOL),
        ..Address::new(own.address, prefix.length).on(link)
    }
}

/// The lifetimes as they are sent; none where the address is there for ever.
fn lifetime(model: &model::Address) -> Option<Lifetime> {
    // Of an IPv4 address that is valid for ever the kernel keeps no preferred lifetime: it gets the longest there is.
    const LONGEST: u32 = u32::MAX - 1;
    let seconds = |seconds: Option<u32>| seconds.filter(|&seconds| seconds != u32::MAX);
    let valid = seconds(model.valid_lifetime);
    let preferred = seconds(model.preferred_lifetime).or(valid);
    let ipv4 = model.family() == model::Family::Ipv4;
    let valid = valid.or(preferred.filter(|_| ipv4).map(|_| LONGEST));
    preferred.map(|_| Lifetime { preferred, valid })
}

/// What has to be done about an address that is there.
#[derive(Clone, Copy, PartialEq)]
enum Fit {
    Same,
    /// The kernel can change it.
    Change,
    /// It must go and come again.
    Anew,
}

/// What has to be done about an address that is there for it to be as declared. What the owner made (`recorded`, as it was
/// sent) has nothing else to it; of what is foreign, that counts which is declared.
fn fit(found: &Address, wanted: &Declared<'_>, recorded: Option<&Address>, link: &str) -> Fit {
    let address = &wanted.address;
    let route = |address: &Address| address.flags & AddressFlags::NO_PREFIX_ROUTE;
    let mut usual = address.clone();
    if recorded.is_some() && address.address.is_ipv4() {
        usual.label.get_or_insert_with(|| link.to_owned());
        usual.scope.get_or_insert(if address.address.is_loopback() { Scope::HOST } else { Scope::GLOBAL });
    }
    let differs = |same: bool, declared: bool| !same && declared;
    let anew = found.prefix_length != address.prefix_length
        || found.peer != address.peer
        || differs(found.scope == usual.scope, usual.scope.is_some())
        || differs(found.label == usual.label, usual.label.is_some())
        || route(found) != route(address);
    let other_metric = found.route_priority.unwrap_or(0) != address.route_priority.unwrap_or(0);
    let metric = differs(!other_metric, recorded.is_some() || address.route_priority.is_some());
    // the kernel takes no metric away from an address of IPv6
    let anew = anew || metric && address.address.is_ipv6() && address.route_priority.is_none();
    let lifetime = !same_lifetime(found.lifetime, address.lifetime)
        || recorded.is_some_and(|recorded| recorded.lifetime != address.lifetime);
    match (anew, metric || lifetime) {
        (true, _) => Fit::Anew,
        (false, true) => Fit::Change,
        (false, false) => Fit::Same,
    }
}

/// Whether two lifetimes are of the same sort: for ever, over, or running. How much of it is left is not compared.
fn same_lifetime(found: Option<Lifetime>, wanted: Option<Lifetime>) -> bool {
    let same = |found: Option<u32>, wanted: Option<u32>| match (found, wanted) {
        (None, None) | (Some(0), Some(0)) => true,
        (Some(_), Some(wanted)) => wanted > 0,
        _ => false,
    };
    let (found, wanted) = (found.unwrap_or_default(), wanted.unwrap_or_default());
    same(found.preferred, wanted.preferred) && same(found.valid, wanted.valid)
}

fn of_link(planner: &mut Planner<'_>, id: LinkId, declared: &[Declared<'_>]) {
    let before: Vec<Address> = match planner.lookup.anew.iter().find(|(_, new)| **new == id) {
        Some((old, _)) => of_old_link(planner, *old, id),
        None => {
            let on = planner.snapshot_addresses(id.index);
            on.into_iter().map(|address| Address { link: id, ..address }).collect()
        }
    };
    let anew = planner.lookup.link_at(id.index).is_none();
    let there = |planner: &Planner<'_>, key: &Address| {
        let alive = planner.alive.addresses_of(id.index);
        alive.iter().any(|found| keys::address(found) == keys::address(key))
    };
    let found = |wanted: &Address| before.iter().find(|found| keys::address(found) == keys::address(wanted));
    let mut fits = Vec::new();
    for wanted in declared {
        let fit = found(&wanted.address).map(|found| {
            let recorded = planner.lookup.own_address(found);
            let link = planner.lookup.link_at(id.index).map_or("", |link| &link.name);
            (found.clone(), fit(found, wanted, recorded, link))
        });
        fits.push(checked(planner, wanted, fit));
    }
    let declares = |found: &Address| {
        declared.iter().position(|wanted| keys::address(&wanted.address) == keys::address(found))
    };
    let goes = |planner: &Planner<'_>, found: &Address| match declares(found) {
        Some(place) => matches!(fits.get(place), Some(Some((_, Fit::Anew)))),
        None => planner.lookup.owns_address(found),
    };
    let gone: Vec<Address> = before.iter().filter(|found| !anew && goes(planner, found)).cloned().collect();
    // A new address in the network of one that goes would be its secondary and go along with it.
    let waits = |wanted: &Address| {
        gone.iter().any(|gone| keys::address(gone) == keys::address(wanted) || same_network(gone, wanted))
    };
    for wanted in declared {
        if !waits(&wanted.address) && found(&wanted.address).is_none() {
            make(planner, Sign::Add, Verb::Add, &wanted.address, None, Some(wanted.model.place.span));
        }
    }
    remove_all(planner, gone);
    for (wanted, fit) in declared.iter().zip(&fits) {
        let place = Some(wanted.model.place.span);
        let there = there(planner, &wanted.address);
        match fit {
            None if !there => make(planner, Sign::Add, Verb::Add, &wanted.address, None, place),
            Some((found, Fit::Anew)) if !there => {
                make(planner, Sign::Change, Verb::Add, &wanted.address, Some(found), place);
            }
            Some((found, Fit::Change)) if there => change(planner, found, wanted),
            Some((found, Fit::Change)) => {
                make(planner, Sign::Change, Verb::Replace, &wanted.address, Some(found), place);
            }
            Some((found, Fit::Same)) if !there => {
                make(planner, Sign::Keep, Verb::Replace, found, None, place);
            }
            _ => {}
        }
    }
    for found in &before {
        let stays = !goes(planner, found) && declares(found).is_none();
        let comes_back = !there(planner, found) && !alive::is_kernels_address(found);
        if stays && comes_back && can_have(planner, id, found) {
            make(planner, Sign::Keep, Verb::Replace, found, None, None);
        }
    }
}

/// Whether a link can have an address in the end: IPv6 needs an MTU, and the link up where the kernel took it away.
fn can_have(planner: &Planner<'_>, id: LinkId, address: &Address) -> bool {
    if address.address.is_ipv4() {
        return true;
    }
    planner.can_carry(id, true)
}

/// The addresses of a link that is made anew, as addresses of the new one.
fn of_old_link(planner: &Planner<'_>, old: u32, new: LinkId) -> Vec<Address> {
    let addresses = planner.snapshot_addresses(old).into_iter();
    let foreign = addresses.filter(|address| !planner.lookup.owns_address(address));
    foreign.map(|address| Address { link: new, ..address }).collect()
}

impl Planner<'_> {
    fn snapshot_addresses(&self, link: u32) -> Vec<Address> {
        self.by_link_before.get(&link).map_or_else(Vec::new, |places| {
            places.iter().filter_map(|place| self.snapshot.addresses.get(*place).cloned()).collect()
        })
    }
}

/// Notes whose an address is, and refuses to change one of somebody else.
fn checked(
    planner: &mut Planner<'_>,
    wanted: &Declared<'_>,
    fit: Option<(Address, Fit)>,
) -> Option<(Address, Fit)> {
    let place = wanted.model.place.span;
    let (found, fit) = match fit {
        None => {
            planner.record.addresses.push(wanted.address.clone());
            return None;
        }
        Some(fit) => fit,
    };
    if planner.lookup.owns_address(&found) {
        planner.record.addresses.push(Address { link: wanted.address.link, ..wanted.address.clone() });
        let replaced = &planner.owners.own.replaced.addresses;
        let old = replaced.iter().find(|old| keys::address(old) == keys::address(&found)).cloned();
        planner.record.replaced.addresses.extend(old);
        return Some((found, fit));
    }
    if let Some(other) = planner.lookup.other_of_address(&found) {
        let what = format!("address {} on {}", wanted.model.address, wanted.address.link);
        planner.of_another(&what, other, place);
        return Some((found, Fit::Same));
    }
    if fit == Fit::Same {
        return Some((found, fit));
    }
    if wanted.model.adopt {
        planner.record.addresses.push(wanted.address.clone());
        planner.record.replaced.addresses.push(found.clone());
        return Some((found, fit));
    }
    let there = described(&found);
    let link = wanted.address.link;
    let message = format!("address {} is on {link} already, given by somebody else", wanted.model.address);
    let error = Diagnostic::error(place, message)
        .help(format!("There is {there}."))
        .help(format!("Declared is {}.", described(&wanted.address)))
        .help("Leave it out of the file, or say `adopt = true`: then it is changed, and the old one is kept for the way back.");
    planner.error(error);
    Some((found, Fit::Same))
}

/// Secondaries go first: they would go along with the first of their network.
fn remove_all(planner: &mut Planner<'_>, mut gone: Vec<Address>) {
    gone.sort_by_key(|address| !address.flags.contains(AddressFlags::SECONDARY));
    for address in gone {
        let alive = planner.alive.addresses_of(address.link.index);
        if !alive.iter().any(|found| keys::address(found) == keys::address(&address)) {
            continue;
        }
        let replaced = &planner.owners.own.replaced.addresses;
        let old = replaced.iter().find(|old| keys::address(old) == keys::address(&address)).cloned();
        remove(planner, &address);
        let declared =
            planner.record.addresses.iter().any(|own| keys::address(own) == keys::address(&address));
        if let Some(old) = old.filter(|_| !declared) {
            let old = Address { link: address.link, ..old };
            make(planner, Sign::Add, Verb::Replace, &old, Some(&address), None);
        }
    }
}

pub(super) fn make(
    planner: &mut Planner<'_>,
    sign: Sign,
    verb: Verb,
    address: &Address,
    before: Option<&Address>,
    place: Option<Span>,
) {
    let address = settable(address);
    planner.alive.gain_address(&address);
    let step = Step::new(sign, text(&address), Action::Address(verb, Box::new(address)));
    planner.step(step.at(place).in_place_of(before.map(described)));
}

/// Lifetimes and the metric change in place; who made it stays, unless it is taken over.
fn change(planner: &mut Planner<'_>, found: &Address, wanted: &Declared<'_>) {
    let protocol = if wanted.model.adopt { wanted.address.protocol } else { found.protocol };
    let sent = Address { protocol, ..wanted.address.clone() };
    let action = Action::Address(Verb::Replace, Box::new(sent));
    let step = Step::new(Sign::Change, text(&wanted.address), action).in_place_of(Some(described(found)));
    planner.step(step.at(Some(wanted.model.place.span)));
}

fn remove(planner: &mut Planner<'_>, address: &Address) {
    planner.alive.lose_address(address);
    let mut actions = vec![Action::Address(Verb::Delete, Box::new(settable(address)))];
    if let Some(route) = leftover_route(address, planner.alive.addresses_of(address.link.index)) {
        actions.push(Action::Route(Verb::Delete, Box::new(route)));
    }
    planner.step(Step::of(Sign::Remove, text(address), actions));
}

/// The route to the network of an address of IPv6 with a lifetime: the kernel leaves it behind when the address is deleted,
/// as it does with those from router advertisements. None where another address needs it.
pub(crate) fn leftover_route(address: &Address, others: &[Address]) -> Option<Route> {
    const METRIC: u32 = 256; // IP6_RT_PRIO_ADDRCONF
    let network = |address: &Address| {
        let reached = address.peer.unwrap_or(address.address);
        Prefix { address: reached, length: address.prefix_length }.network()
    };
    let limited = address.lifetime.is_some_and(|lifetime| lifetime.valid.is_some());
    let has_route = !address.flags.contains(AddressFlags::NO_PREFIX_ROUTE) && address.address.is_ipv6();
    let needed = others.iter().any(|other| {
        other.link == address.link && other.address != address.address && network(other) == network(address)
    });
    (limited && has_route && !needed).then(|| Route {
        protocol: Some(Protocol::KERNEL),
        priority: Some(address.route_priority.unwrap_or(METRIC)),
        ..Route::to(network(address)).dev(address.link)
    })
}

/// The address with those flags alone that can be asked for; the others are states.
pub(crate) fn settable(address: &Address) -> Address {
    const STATES: AddressFlags = AddressFlags::SECONDARY
        .union(AddressFlags::DEPRECATED)
        .union(AddressFlags::TENTATIVE)
        .union(AddressFlags::DUPLICATE_DETECTED)
        .union(AddressFlags::PERMANENT);
    Address { flags: address.flags & !STATES, ..address.clone() }
}

fn text(address: &Address) -> String {
    let link = address.link;
    format!("address {} on {link}", Address { link: LinkId::default(), ..address.clone() })
}

/// An address with what tells it from others with the same key.
fn described(address: &Address) -> String {
    let mut text = Address { link: LinkId::default(), ..address.clone() }.to_string();
    match address.lifetime {
        Some(Lifetime { valid: Some(valid), .. }) => text.push_str(&format!(" valid for {valid} s")),
        _ => text.push_str(" valid for ever"),
    }
    match address.lifetime {
        Some(Lifetime { preferred: Some(0), .. }) => text.push_str(" deprecated"),
        Some(Lifetime { preferred: Some(preferred), valid }) if valid != Some(preferred) => {
            text.push_str(&format!(" preferred for {preferred} s"));
        }
        _ => {}
    }
    if let Some(metric) = address.route_priority {
        text.push_str(&format!(" metric {metric}"));
    }
    if address.flags.contains(AddressFlags::NO_PREFIX_ROUTE) {
        text.push_str(" without a prefix route");
    }
    if let Some(label) = &address.label {
        text.push_str(&format!(" label {label}"));
    }
    text
}
