//! Addresses of links.

use std::net::IpAddr;

use netwright_route::address::{AddressFlags, Lifetime};
use netwright_route::{Address, Family, LinkId, Scope};

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
    let gone: Vec<Address> = planner.snapshot.addresses.iter().filter(|a| is_own(a)).cloned().collect();
    for address in gone {
        let declared = planner.ids.iter().flatten().any(|id| *id == address.link);
        let link = planner.named(address.link);
        if !declared && !super::links::is_deleted(planner, link) {
            remove(planner, &Address { link, ..address });
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
    let snapshot = planner.snapshot;
    let found: Vec<&Address> = snapshot.addresses.iter().filter(|address| address.link == id).collect();
    let find = |wanted: &Address| found.iter().copied().find(|found| key(found) == key(wanted));
    let goes = |found: &Address| match declared.iter().find(|wanted| key(&wanted.address) == key(found)) {
        Some(wanted) => fit(found, wanted) == Fit::Anew,
        None => is_own(found),
    };
    let gone: Vec<Address> = found.iter().filter(|found| goes(found)).map(|found| on(found, id)).collect();
    // A new address in the network of one that goes would be its secondary and go along with it.
    let waits = |wanted: &Address| {
        gone.iter().any(|gone| {
            key(gone) == key(wanted) || wanted.family() == Family::IPV4 && same_network(gone, wanted)
        })
    };
    let add = |planner: &mut Planner<'_>, wanted: &Declared<'_>| {
        let text = text(&wanted.address);
        let undo = vec![Action::Address(Verb::Delete, Box::new(wanted.address.clone()))];
        let action = Action::Address(Verb::Add, Box::new(wanted.address.clone()));
        planner.step(Step::new(Sign::Add, text, action, undo).at(Some(wanted.model.place.span)));
    };
    for wanted in declared.iter().filter(|wanted| find(&wanted.address).is_none() && !waits(&wanted.address))
    {
        add(planner, wanted);
    }
    for address in &gone {
        remove(planner, address);
    }
    for wanted in declared {
        let cycled = planner.cycled.contains(&id.index) && wanted.address.family() == Family::IPV6;
        match find(&wanted.address) {
            None if waits(&wanted.address) => add(planner, wanted),
            None => {}
            Some(found) => match fit(found, wanted) {
                Fit::Anew => add(planner, wanted),
                Fit::Change => {
                    replace(planner, Sign::Change, &wanted.address, found, Some(wanted.model.place.span))
                }
                Fit::Same if cycled || falls(found, &gone) => {
                    replace(planner, Sign::Keep, &on(found, id), found, Some(wanted.model.place.span));
                }
                Fit::Same => {}
            },
        }
    }
    for kept in found.iter().filter(|found| !goes(found) && falls(found, &gone)) {
        if !declared.iter().any(|wanted| key(&wanted.address) == key(kept)) {
            replace(planner, Sign::Keep, &on(kept, id), kept, None);
        }
    }
    note_losses(planner, id, &found, &gone);
}

fn on(address: &Address, link: LinkId) -> Address {
    Address { link, ..address.clone() }
}

fn same_network(one: &Address, other: &Address) -> bool {
    one.prefix_length == other.prefix_length && one.prefix().network() == other.prefix().network()
}

/// Whether an address goes along with one that is deleted: a secondary of it.
fn falls(found: &Address, gone: &[Address]) -> bool {
    found.family() == Family::IPV4
        && found.flags.contains(AddressFlags::SECONDARY)
        && gone.iter().any(|gone| same_network(gone, found) && !gone.flags.contains(AddressFlags::SECONDARY))
}

fn replace(
    planner: &mut Planner<'_>,
    sign: Sign,
    wanted: &Address,
    found: &Address,
    place: Option<netwright_nft::diagnostic::Span>,
) {
    let sent = Address { protocol: found.protocol, ..wanted.clone() };
    let undo = vec![Action::Address(Verb::Replace, Box::new(again(found, wanted.link)))];
    let sent = Address { flags: settable(&sent), ..sent };
    let action = Action::Address(Verb::Replace, Box::new(sent));
    planner.step(Step::new(sign, text(wanted), action, undo).at(place));
}

/// Flags that can be asked for; the others are states.
fn settable(address: &Address) -> AddressFlags {
    const STATES: AddressFlags = AddressFlags::SECONDARY
        .union(AddressFlags::DEPRECATED)
        .union(AddressFlags::TENTATIVE)
        .union(AddressFlags::DUPLICATE_DETECTED)
        .union(AddressFlags::PERMANENT);
    address.flags & !STATES
}

/// An address as it is made again.
pub(super) fn again(address: &Address, link: LinkId) -> Address {
    Address { link, flags: settable(address), ..address.clone() }
}

fn remove(planner: &mut Planner<'_>, address: &Address) {
    let undo = vec![Action::Address(Verb::Add, Box::new(again(address, address.link)))];
    let action = Action::Address(Verb::Delete, Box::new(address.clone()));
    planner.step(Step::new(Sign::Remove, text(address), action, undo));
}

fn text(address: &Address) -> String {
    let link = address.link;
    format!("address {} on {link}", Address { link: LinkId::default(), ..address.clone() })
}

/// With the last IPv4 address of a link the kernel takes its routes away, and with any address the routes that
/// prefer it as their source.
fn note_losses(planner: &mut Planner<'_>, id: LinkId, found: &[&Address], gone: &[Address]) {
    planner.lost_sources.extend(gone.iter().map(|gone| gone.address));
    let ipv4 = |address: &&&Address| address.family() == Family::IPV4;
    let stays = |found: &&&Address| !gone.iter().any(|gone| key(gone) == key(found)) && !falls(found, gone);
    let had = found.iter().filter(ipv4).count();
    let left = found.iter().filter(ipv4).filter(stays).count();
    let lost = gone.iter().any(|address| address.family() == Family::IPV4);
    if lost && had > 0 && left == 0 {
        planner.bare.push(id.index);
    }
}
