//! Addresses of links.

use std::net::IpAddr;

use netwright_nft::diagnostic::Span;
use netwright_route::address::{AddressFlags, Lifetime};
use netwright_route::{Address, Family, LinkId, Scope};

use super::alive::{self, Alive, same_network};
use super::{ADDRESS_PROTOCOL, Planner};
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
    let undeclared = |address: &Address| {
        let declared = planner.ids.iter().flatten().any(|id| *id == address.link);
        is_own(address) && !declared && !super::links::is_deleted(planner, address.link)
    };
    let gone: Vec<_> =
        planner.alive.addresses.iter().filter(|address| undeclared(address)).cloned().collect();
    remove_all(planner, gone);
}

/// Secondaries go first: they would go along with the first of their network.
fn remove_all(planner: &mut Planner<'_>, mut gone: Vec<Address>) {
    gone.sort_by_key(|address| !address.flags.contains(AddressFlags::SECONDARY));
    for address in gone {
        if planner
            .alive
            .addresses
            .iter()
            .any(|found| found.link == address.link && key(found) == key(&address))
        {
            remove(planner, &address);
        }
    }
}

fn is_own(address: &Address) -> bool {
    address.protocol == Some(ADDRESS_PROTOCOL)
}

/// The address as it is sent.
fn wanted(model: &model::Address, link: LinkId) -> Address {
    let own = model.address;
    let prefix = model.peer.unwrap_or(own);
    let peer = model.peer.map(|peer| peer.address).filter(|&peer| peer != own.address);
    let broadcast = if peer.is_none() { prefix.broadcast() } else { None };
    let limited = model.preferred_lifetime.is_some() || model.valid_lifetime.is_some();
    let seconds = |seconds: Option<u32>| seconds.filter(|&seconds| seconds != u32::MAX);
    let lifetime = Lifetime {
        preferred: seconds(model.preferred_lifetime.or(model.valid_lifetime)),
        valid: seconds(model.valid_lifetime),
    };
    Address {
        peer,
        broadcast,
        label: model.label.clone(),
        scope: model.scope.map(|scope| Scope(scope.0)),
        flags: if model.prefix_route { AddressFlags::empty() } else { AddressFlags::NO_PREFIX_ROUTE },
        lifetime: limited.then_some(lifetime),
        route_priority: model.metric,
        protocol: Some(ADDRESS_PROTOCOL),
        ..Address::new(own.address, prefix.length).on(link)
    }
}

/// Addresses with the same key cannot be on one link together. For IPv6 the prefix does not tell them apart.
fn key(address: &Address) -> (IpAddr, Option<IpAddr>, u8) {
    match address.family() {
        Family::IPV6 => (address.address, None, 0),
        _ => (address.address, address.peer, address.prefix_length),
    }
}

/// What has to be done about an address that is there.
#[derive(PartialEq)]
enum Fit {
    Same,
    /// The kernel can change it.
    Change,
    /// It must go and come again.
    Anew,
}

fn fit(found: &Address, wanted: &Declared<'_>) -> Fit {
    let address = &wanted.address;
    let differs = |found: &Option<_>, wanted: &Option<_>| wanted.is_some() && found != wanted;
    let route = |address: &Address| address.flags & AddressFlags::NO_PREFIX_ROUTE;
    let anew = found.prefix_length != address.prefix_length
        || found.peer != address.peer
        || wanted.model.scope.is_some() && found.scope != address.scope
        || differs(&found.label, &address.label)
        || route(found) != route(address);
    let metric = address.route_priority.is_some() && found.route_priority != address.route_priority;
    match (anew, metric || !same_lifetime(found.lifetime, address.lifetime)) {
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
    let before: Vec<Address> =
        Alive::of(planner.snapshot).addresses.into_iter().filter(|address| address.link == id).collect();
    let declares = |found: &Address| declared.iter().find(|wanted| key(&wanted.address) == key(found));
    let goes = |found: &Address| match declares(found) {
        Some(wanted) => fit(found, wanted) == Fit::Anew,
        None => is_own(found),
    };
    let is_there = |planner: &Planner<'_>, wanted: &Address| {
        planner.alive.addresses.iter().any(|found| found.link == id && key(found) == key(wanted))
    };
    let gone: Vec<Address> = before.iter().filter(|found| goes(found)).cloned().collect();
    // A new address in the network of one that goes would be its secondary and go along with it.
    let waits =
        |wanted: &Address| gone.iter().any(|gone| key(gone) == key(wanted) || same_network(gone, wanted));
    for wanted in declared {
        if !waits(&wanted.address) && !before.iter().any(|found| key(found) == key(&wanted.address)) {
            make(planner, Sign::Add, Verb::Add, &wanted.address, Some(wanted.model.place.span));
        }
    }
    remove_all(planner, gone.clone());
    for wanted in declared {
        let place = Some(wanted.model.place.span);
        let there = is_there(planner, &wanted.address);
        match before
            .iter()
            .find(|found| key(found) == key(&wanted.address))
            .map(|found| (found, fit(found, wanted)))
        {
            None | Some((_, Fit::Anew)) if !there => {
                make(planner, Sign::Add, Verb::Add, &wanted.address, place)
            }
            Some((found, Fit::Change)) if there => change(planner, found, wanted),
            Some((_, Fit::Change)) => make(planner, Sign::Change, Verb::Replace, &wanted.address, place),
            Some((found, Fit::Same)) if !there => make(planner, Sign::Keep, Verb::Replace, found, place),
            _ => {}
        }
    }
    for found in before.iter().filter(|found| !goes(found) && declares(found).is_none()) {
        if !is_there(planner, found) && !alive::is_kernels_address(found) {
            make(planner, Sign::Keep, Verb::Replace, found, None);
        }
    }
}

fn make(planner: &mut Planner<'_>, sign: Sign, verb: Verb, address: &Address, place: Option<Span>) {
    let address = settable(address);
    let undo = planner.alive.gain_address(&address);
    let text = text(&address);
    planner.step(Step::new(sign, text, Action::Address(verb, Box::new(address)), undo).at(place));
}

/// Lifetimes and the metric change in place; who made it stays.
fn change(planner: &mut Planner<'_>, found: &Address, wanted: &Declared<'_>) {
    let sent = Address { protocol: found.protocol, ..wanted.address.clone() };
    let undo = vec![Action::Address(Verb::Replace, Box::new(settable(found)))];
    let action = Action::Address(Verb::Replace, Box::new(sent));
    let step = Step::new(Sign::Change, text(&wanted.address), action, undo);
    planner.step(step.at(Some(wanted.model.place.span)));
}

fn remove(planner: &mut Planner<'_>, address: &Address) {
    let undo = planner.alive.lose_address(address);
    let action = Action::Address(Verb::Delete, Box::new(settable(address)));
    planner.step(Step::new(Sign::Remove, text(address), action, undo));
}

/// The address with those flags alone that can be asked for; the others are states.
pub(super) fn settable(address: &Address) -> Address {
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
