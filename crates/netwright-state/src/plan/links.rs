//! Links: which there are, made, changed and deleted.

use netwright_nft::diagnostic::{Diagnostic, nearest};
use netwright_route::link::kind::Veth;
use netwright_route::link::{Change, Create, LinkKind as Kernel, Peer};
use netwright_route::{Address, Family, Link, LinkId};

use super::lookup::reserved_index;
use super::{Missing, Planner, alive, kinds};
use crate::keys;
use crate::model::{self, LinkKind};
use crate::options::ChangeClass;
use crate::record::OwnLink;
use crate::step::{Action, Sign, Step, Verb};

mod above;
pub(super) mod mtu6;
mod options;
mod receives;

/// Finds out which declared links there are, which are to be made, and in which order to go through them.
pub(super) fn resolve(planner: &mut Planner<'_>) {
    let host = planner.host;
    planner.order = order(planner);
    let found: Vec<_> = host.links.iter().map(|link| find(planner, link)).collect();
    let mut ends: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for (place, link) in host.links.iter().enumerate() {
        if let Some(LinkKind::Veth(veth)) = &link.kind {
            ends.entry(veth.peer.as_str()).or_insert(place);
        }
    }
    for (place, (link, there)) in host.links.iter().zip(&found).enumerate() {
        let new = LinkId::named(reserved_index(planner.lookup.highest, place), &link.name);
        // The other ends of veths come with them, and may have been moved to another namespace since.
        let other_end = ends.get(link.name.as_str()).copied().filter(|_| link.kind.is_none());
        let comes_along = other_end.is_some_and(|end| found.get(end).is_some_and(Option::is_none));
        let id = match there {
            Some(there) => existing(planner, place, link, there, new),
            None if link.kind.is_some() => {
                planner.made.insert(place);
                Some(new)
            }
            None if comes_along => Some(new),
            None if link.implied && other_end.is_some() => None,
            None => {
                missing(planner, link);
                None
            }
        };
        planner.ids.push(id);
    }
    leave_out(planner);
    let ids = planner.ids.iter().flatten().map(|id| id.index);
    planner.lookup.declared_indexes = ids.chain(planner.lookup.anew.keys().copied()).collect();
}

/// A declared link by its name, its alternative names, or what it is matched by.
fn find<'a>(planner: &Planner<'a>, link: &model::Link) -> Option<&'a Link> {
    let names = std::iter::once(&link.name).chain(&link.alternative_names);
    let by_name = names.into_iter().find_map(|name| planner.lookup.link(name));
    by_name.or_else(|| {
        let matches = &link.matches;
        if matches.mac.is_none() && matches.path.is_none() {
            return None;
        }
        planner.snapshot.links.iter().find(|found| {
            let mac = matches.mac.is_none_or(|mac| {
                let mac = Some(mac.0.into());
                // links that lie on a card have its address as well
                found.kind.is_none() && (found.permanent_address == mac || found.address == mac)
            });
            let path = matches.path.as_ref().is_none_or(|path| path_of(found).as_ref() == Some(path));
            mac && path
        })
    })
}

fn path_of(link: &Link) -> Option<String> {
    let (bus, device) = (link.rest.parent_device_bus.as_ref()?, link.rest.parent_device.as_ref()?);
    Some(format!("{bus}-{device}"))
}

/// The id of a link that is there; where it cannot become the declared one, it is made anew, or that is an error.
fn existing(
    planner: &mut Planner<'_>,
    place: usize,
    link: &model::Link,
    there: &Link,
    new: LinkId,
) -> Option<LinkId> {
    let own = planner.lookup.owns_link(there);
    if let (Some(other), Some(_), false) = (planner.lookup.other_of_link(there), &link.kind, own) {
        planner.of_another(&format!("link `{}`", link.name), other, link.place.span);
        return Some(there.id());
    }
    let Some(misfit) = misfit(planner, link, there, own) else { return Some(there.id()) };
    if own || link.adopt {
        let left_alone =
            |sort: &str| format!("link `{}` is made anew: {}; {sort} with it", link.name, misfit.message);
        let lost = losses(planner, there, Loss::All);
        if !lost.is_empty() {
            let warning = Diagnostic::warning(link.place.span, left_alone("these go and are put back"));
            planner.error(lost.into_iter().fold(warning, |warning, lost| warning.help(format!("{lost}."))));
        }
        planner.made.insert(place);
        planner.lookup.anew.insert(there.index, new);
        return Some(new);
    }
    planner.error(misfit);
    Some(there.id())
}

/// A link that is not there is left out, and all that needs it.
fn missing(planner: &mut Planner<'_>, link: &model::Link) {
    planner.missing.push(Missing { name: link.name.clone(), optional: link.optional });
    if link.optional {
        return;
    }
    let warning =
        Diagnostic::warning(link.place.span, format!("there is no link `{}` on this host", link.name));
    let declared = |name: &str| planner.lookup.declared(name).is_some();
    let names = planner.snapshot.links.iter().map(|link| link.name.as_str()).filter(|name| !declared(name));
    let warning = match nearest(&link.name, names) {
        Some(near) => warning.help(format!("Did you mean `{near}`?")),
        None => {
            warning.help("Give it a `kind` to have it made, or say `optional = true` if it may be missing.")
        }
    };
    planner.error(
        warning.help("It is left out, with what lies on it; `netwright watch` adds it when it appears."),
    );
}

/// What lies on a link that is left out is left out too.
fn leave_out(planner: &mut Planner<'_>) {
    let host = planner.host;
    for place in planner.order.clone() {
        let Some(link) = host.links.get(place) else { continue };
        let left_out = link.parent().is_some_and(|parent| planner.is_left_out(parent));
        if !left_out || !planner.made.contains(&place) {
            continue;
        }
        planner.made.remove(&place);
        if let Some(id) = planner.ids.get_mut(place) {
            *id = None;
        }
        planner.missing.push(Missing { name: link.name.clone(), optional: true });
    }
}

/// Parents before what lies on them, ports of bridges before their masters; in the order of the file otherwise.
fn order(planner: &Planner<'_>) -> Vec<usize> {
    let host = planner.host;
    let place = |name: &str| planner.lookup.declared(name);
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); host.links.len()];
    for (index, link) in host.links.iter().enumerate() {
        if let (Some(parent), Some(list)) = (link.parent().and_then(place), before.get_mut(index)) {
            list.push(parent);
        }
        let Some(master) = link.master.as_deref().and_then(place) else { continue };
        let is_bond = host.links.get(master).is_some_and(|link| matches!(link.kind, Some(LinkKind::Bond(_))));
        // a bond takes its mode only without ports, a bridge takes its MTU over from them
        let (first, second) = if is_bond { (master, index) } else { (index, master) };
        if let Some(list) = before.get_mut(second) {
            list.push(first);
        }
    }
    let mut order = Vec::new();
    let mut seen = vec![false; before.len()];
    for start in 0..before.len() {
        visit(start, &before, &mut seen, &mut order);
    }
    order
}

/// A walk without recursion: a file may stack as many links as it likes.
fn visit(start: usize, before: &[Vec<usize>], seen: &mut [bool], order: &mut Vec<usize>) {
    let mut path = vec![(start, 0)];
    match seen.get_mut(start) {
        Some(seen) if !*seen => *seen = true,
        _ => return,
    }
    while let Some((index, next)) = path.last_mut() {
        let (index, earlier) = (*index, before.get(*index).and_then(|list| list.get(*next)).copied());
        *next += 1;
        match earlier {
            None => {
                order.push(index);
                path.pop();
            }
            Some(earlier) => {
                if let Some(seen) = seen.get_mut(earlier).filter(|seen| !**seen) {
                    *seen = true;
                    path.push((earlier, 0));
                }
            }
        }
    }
}

/// Why the link that is there cannot become the declared one.
fn misfit(planner: &Planner<'_>, link: &model::Link, found: &Link, own: bool) -> Option<Diagnostic> {
    let kind = link.kind.as_ref()?;
    let place = kind.place();
    let what = found.kind_name().unwrap_or("physical link");
    let advice = format!(
        "Remove it with `ip link delete {}` if nobody needs it, take another name, or say `adopt = true` to take it over.",
        found.name
    );
    if what != kinds::kernel_name(kind) {
        let message = format!("link `{}` exists already as a {what}, not as a {}", link.name, kind.name());
        return Some(Diagnostic::error(link.place.span, message).help(advice));
    }
    if let LinkKind::Veth(veth) = kind {
        let peer = found.parent.filter(|_| found.parent_namespace_id.is_none());
        let peer = peer.and_then(|index| planner.lookup.link_at(index))?;
        let names = std::iter::once(&peer.name).chain(&peer.alternative_names);
        let other = !names.into_iter().any(|name| *name == veth.peer);
        let span = place.key("peer").unwrap_or(link.place.span);
        let message =
            format!("the other end of veth `{}` is `{}`, not `{}`", link.name, peer.name, veth.peer);
        return other.then(|| Diagnostic::error(span, message).help(advice));
    }
    let id = |name: &str| planner.lookup.link(name).map(|link| link.index);
    let name = |index: u32| planner.lookup.link_at(index).map(|link| link.name.clone());
    let difference = kinds::difference(kind, found, &id, &name);
    let fixed = difference.options.iter().find(|option| option.class == ChangeClass::Anew);
    if let Some(option) = fixed {
        let span = place.key(option.key).unwrap_or(link.place.span);
        let message = format!(
            "link `{}` has the {} {}, which cannot be changed to {}",
            link.name, option.key, option.before, option.after
        );
        return Some(Diagnostic::error(span, message).help(advice));
    }
    if let Some(option) = left_and_fixed(planner, kind, found, own) {
        let message = format!(
            "the {} {} left the file, and cannot be changed to {}",
            option.key, option.before, option.after
        );
        return Some(Diagnostic::error(link.place.span, message).help(advice));
    }
    let foreign = difference.options.first().filter(|_| !own && !link.adopt && !was_set(planner, found));
    foreign.map(|option| {
        let span = place.key(option.key).unwrap_or(link.place.span);
        let message = format!(
            "link `{}` was made by somebody else and has the {} {}, not {}",
            link.name, option.key, option.before, option.after
        );
        let help = "Take another name, leave `kind` and its keys out to use the link as it is, or say `adopt = true`: \
            then it is changed, and put back when it leaves this file.";
        Diagnostic::error(span, message).help(help)
    })
}

/// An option that the owner set, that left the file, and without which the link has to be made anew.
fn left_and_fixed(
    planner: &Planner<'_>,
    kind: &LinkKind,
    found: &Link,
    own: bool,
) -> Option<crate::options::Differing> {
    let ours = planner.lookup.own_options(found.index).filter(|_| own)?.ours.kind.as_ref()?;
    let id = |name: &str| planner.id(name).map(|id| id.index);
    let (_, back) = kinds::withdrawn(ours, &kinds::wanted(kind, &id), None);
    let name = |index: u32| planner.lookup.link_at(index).map(|link| link.name.clone());
    let difference = kinds::between(found.kind.as_ref()?, &back?, &name);
    difference.options.into_iter().find(|option| option.class == ChangeClass::Anew)
}

/// Whether the owner has set options of its kind before.
fn was_set(planner: &Planner<'_>, found: &Link) -> bool {
    let own = planner.lookup.own_options(found.index);
    own.is_some_and(|own| own.ours.kind.is_some())
}

/// Makes the links that are not there: down, with nothing set but what only its making can set.
pub(super) fn create(planner: &mut Planner<'_>) {
    let host = planner.host;
    for index in planner.order.clone() {
        if !planner.made.contains(&index) {
            continue;
        }
        let Some(link) = host.links.get(index) else { continue };
        let Some(kind) = &link.kind else { continue };
        let Some(id) = planner.id(&link.name) else { continue };
        let old = planner.lookup.anew.iter().find(|(_, new)| **new == id).map(|(old, _)| *old);
        let mut actions = Vec::new();
        if let Some(old) = old.and_then(|old| planner.lookup.link_at(old)) {
            planner.alive.lose_link(old.index);
            actions.push(Action::DeleteLink(old.id()));
        }
        if let Some(port) = receives::can_be_made(planner, link) {
            let master = port.master.and_then(|master| planner.lookup.link_at(master));
            planner.alive.lose_neighbours(master.map_or(0, |master| master.index));
            if master.and_then(Link::kind_name) == Some("bond") {
                planner.alive.lose_by_down(port.index);
            }
            actions.push(Action::ChangeLink(port.id(), Box::new(Change::without_master())));
        }
        let create = creation(planner, link, kind, id);
        let text = format!("link {}: {}", link.name, kinds::describe(kind));
        let peer = match kind {
            LinkKind::Veth(veth) => planner
                .lookup
                .declared(&veth.peer)
                .and_then(|place| planner.ids.get(place).copied())
                .flatten(),
            _ => None,
        };
        for end in std::iter::once(id).chain(peer) {
            let kind = kinds::kernel_name(kind).to_owned();
            planner.record.links.push(OwnLink { link: end, kind });
        }
        let sign = if old.is_some() { Sign::Change } else { Sign::Add };
        actions.push(Action::CreateLink(id, Box::new(create)));
        let step = Step::of(sign, text, actions).at(Some(link.place.span));
        planner.step(step.in_place_of(old.map(|_| "made otherwise".to_owned())));
    }
}

fn creation(planner: &Planner<'_>, link: &model::Link, kind: &LinkKind, id: LinkId) -> Create {
    let by_name = |name: &str| planner.id(name).map(|id| id.index);
    let mut create = Create::new(&link.name, kinds::wanted(kind, &by_name));
    create.parent = kinds::parent_attribute(kind).and_then(|name| planner.id(name));
    create.index = Some(id.index);
    create.settings.address = link.mac.map(|mac| mac.0.into());
    create.settings.group = link.group;
    create.settings.alias = Some(planner.record.alias());
    if let LinkKind::Bond(_) = kind {
        // the preferred port is not one yet
        if let Kernel::Bond(bond) = &mut create.kind {
            bond.primary = None;
        }
    }
    if let LinkKind::Veth(veth) = kind {
        let mac = planner.lookup.declared(&veth.peer).and_then(|place| planner.host.links.get(place)?.mac);
        let settings = Change { address: mac.map(|mac| mac.0.into()), ..Change::rename(veth.peer.as_str()) };
        let mut peer = Peer::new(&settings);
        if let Some(id) = planner.id(&veth.peer) {
            peer.header.index = id.index;
        }
        create.kind = Veth::default().peer(peer).into();
    }
    create
}

/// Brings the links to what is declared.
pub(super) fn change(planner: &mut Planner<'_>) {
    let host = planner.host;
    for index in planner.order.clone() {
        if let (Some(link), Some(Some(id))) = (host.links.get(index), planner.ids.get(index).copied()) {
            options::of_link(planner, link, id);
        }
    }
    options::withdraw(planner);
    above::follow(planner);
}

/// Takes links that are not declared out of a master that is: those that the owner put there. What others plug in, as
/// container engines do, stays there.
pub(super) fn unplug(planner: &mut Planner<'_>) {
    let snapshot = planner.snapshot;
    for link in &snapshot.links {
        let Some(master) = link.master.and_then(|index| planner.lookup.link_at(index)) else { continue };
        let put_there = planner.lookup.owns_link(link) || options::plugged(planner, link, master.index);
        if !put_there || planner.lookup.is_declared(link.index) || !planner.lookup.is_declared(master.index) {
            continue;
        }
        let text = format!("link {link}: no longer a port of {master}");
        if matches!(master.kind_name(), Some("vrf" | "bond")) {
            planner.alive.lose_by_down(link.index);
        }
        planner.alive.lose_neighbours(master.index);
        planner.moved_ports.push(master.index);
        let action = Action::ChangeLink(link.id(), Box::new(Change::without_master()));
        planner.step(Step::new(Sign::Change, text, action));
    }
}

/// What takes something away from a link.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Loss {
    /// It goes down.
    Down,
    /// It gets too small for IPv6.
    Ipv6,
    /// It becomes a port.
    Port,
    /// It goes.
    All,
}

/// What of others is lost with a link, in words.
pub(super) fn losses(planner: &Planner<'_>, link: &Link, loss: Loss) -> Vec<String> {
    let mut lost = Vec::new();
    for address in planner.alive.addresses_of(link.index) {
        let taken = matches!(loss, Loss::All | Loss::Port) || address.family() == Family::IPV6;
        if taken && !alive::is_kernels_address(address) && !planner.lookup.owns_address(address) {
            let address = Address { link: link.id(), ..address.clone() };
            lost.push(format!("address {address}"));
        }
    }
    for route in planner.alive.routes_over(link.index) {
        let over = keys::links(route).any(|over| over.index == link.index);
        let taken = loss != Loss::Ipv6 || route.family() == Family::IPV6;
        let kernels = alive::is_kernels(route)
            || route.protocol == Some(netwright_route::Protocol::ROUTER_ADVERTISEMENT);
        if over && taken && !kernels && !planner.lookup.owns_route(route) {
            let protocol = route.protocol.unwrap_or_default();
            lost.push(format!("route {} (protocol {protocol})", planner.named_route(route)));
        }
    }
    for neighbour in planner.alive.neighbours_of(link.index) {
        let taken = loss != Loss::Ipv6 || neighbour.family == Family::IPV6;
        if taken && alive::is_set(neighbour) && !planner.lookup.owns_neighbour(neighbour) {
            let neighbour = netwright_route::Neighbour { link: link.id(), ..(*neighbour).clone() };
            lost.push(format!("neighbour {neighbour}"));
        }
    }
    if loss == Loss::All {
        let entries = planner.snapshot.forwarding.iter().filter(|entry| entry.link.index == link.index);
        lost.extend(entries.map(|entry| format!("forwarding entry {entry}")));
        for other in planner.lookup.above(link.index) {
            let goes = below(planner, other).is_some_and(|below| below.index == link.index);
            if goes && !is_own(planner, other) {
                lost.push(format!("link {}, which lies on {}", other.name, link.name));
                lost.extend(losses(planner, other, loss));
            }
        }
        for other in planner.lookup.ports(link.index).iter().filter(|other| !is_own(planner, other)) {
            lost.push(format!("link {}: master {}", other.name, link.name));
        }
        lost.extend(not_put_back(planner, link));
    }
    lost
}

/// What of a link the kernel takes with it and nothing here puts back, in words.
fn not_put_back(planner: &Planner<'_>, link: &Link) -> Vec<String> {
    // what the kernel gives a link by itself
    const USUAL: [&str; 5] = ["noqueue", "noop", "mq", "pfifo_fast", "fq_codel"];
    let mut lost = Vec::new();
    if let Some(queueing) =
        link.rest.queueing_discipline.as_deref().filter(|queueing| !USUAL.contains(queueing))
    {
        lost.push(format!("queueing discipline {queueing} on {}, for good", link.name));
    }
    let of_link =
        |entry: &&crate::snapshot::Extra| entry.link == link.index || entry.bridge == Some(link.index);
    for entry in planner.snapshot.extras.iter().filter(of_link) {
        lost.push(format!("{}, for good", entry.text));
    }
    lost
}

/// Deletes the links that the owner made and that are no longer declared.
pub(super) fn delete(planner: &mut Planner<'_>) {
    if !planner.snapshot.links.iter().any(|link| is_own(planner, link)) {
        return;
    }
    let gone_before = |link: &Link| planner.gone_before.contains(&link.index);
    let meant =
        |link: &&Link| is_deleted(planner, link.id()) && !comes_along(planner, link) && !gone_before(link);
    let mut gone: Vec<&Link> = planner.snapshot.links.iter().filter(meant).collect();
    gone.sort_by_cached_key(|link| std::cmp::Reverse(depth(planner, link)));
    for link in gone {
        let text = format!("link {}", link.name);
        let mut step = Step::new(Sign::Remove, text, Action::DeleteLink(link.id()));
        let lost = losses(planner, link, Loss::All);
        step.details = lost.into_iter().map(|lost| (Sign::Remove, lost)).collect();
        planner.step(step);
    }
}

fn is_own(planner: &Planner<'_>, link: &Link) -> bool {
    planner.lookup.owns_link(link)
}

/// Whether a link goes: the owner's, declared no longer, nor the other end of one that is.
pub(super) fn is_deleted(planner: &Planner<'_>, id: LinkId) -> bool {
    planner.lookup.link_at(id.index).is_some_and(|link| {
        let peer = peer_of(planner, link);
        let own = is_own(planner, link) || peer.is_some_and(|peer| is_own(planner, peer));
        let declared = |link: &Link| planner.lookup.is_declared(link.index);
        own && !declared(link) && peer.is_none_or(|peer| !declared(peer))
    })
}

/// How many links lie below a link, one on the other: what lies on top goes first.
fn depth(planner: &Planner<'_>, link: &Link) -> usize {
    const MOST: usize = 64; // circles are not to be had, but who knows
    let below = |link: &&Link| below(planner, link);
    std::iter::successors(planner.lookup.link_at(link.index), below).take(MOST).count()
}

/// The link that one lies on.
fn below<'a>(planner: &Planner<'a>, link: &Link) -> Option<&'a Link> {
    let here = link.kind_name() != Some("veth") && link.parent_namespace_id.is_none();
    link.parent.filter(|_| here).and_then(|index| planner.lookup.link_at(index))
}

fn peer_of<'a>(planner: &Planner<'a>, link: &Link) -> Option<&'a Link> {
    let here = link.kind_name() == Some("veth") && link.parent_namespace_id.is_none();
    link.parent.filter(|_| here).and_then(|index| planner.lookup.link_at(index))
}

/// Whether it goes with the other end of its cable, whose turn was before.
fn comes_along(planner: &Planner<'_>, link: &Link) -> bool {
    peer_of(planner, link).is_some_and(|peer| peer.index < link.index)
}

/// Whether a name is that of another link, and stays so.
fn keeps_name(planner: &Planner<'_>, other: &Link, id: LinkId, name: &str) -> bool {
    let goes = is_deleted(planner, other.id()) || planner.lookup.anew.get(&other.index) == Some(&id);
    let given = planner.owners.own.names.iter().any(|(own, given)| own.index == other.index && given == name);
    other.index != id.index && !goes && !(given && other.name != name)
}

/// Gives a link its alternative names, and takes those away that the owner gave and that left the file.
fn names(planner: &mut Planner<'_>, link: &model::Link, found: &Link, id: LinkId) {
    for name in &link.alternative_names {
        let given =
            planner.owners.own.names.iter().any(|(own, given)| own.index == id.index && given == name);
        if given || !found.alternative_names.contains(name) {
            planner.record.names.push((id, name.clone()));
        }
        if let Some(other) = planner.lookup.link(name).filter(|other| keeps_name(planner, other, id, name)) {
            let span = link.place.key("alternative-names").unwrap_or(link.place.span);
            let message =
                format!("link `{}` cannot have the name `{name}`: it is that of link `{other}`", link.name);
            planner.error(Diagnostic::error(span, message));
            continue;
        }
        if !found.alternative_names.contains(name) && found.name != *name {
            let text = format!("link {}: alternative name {name}", link.name);
            let action = Action::AlternativeName(Verb::Add, id, name.clone());
            planner.step(Step::new(Sign::Add, text, action).at(Some(link.place.span)));
        }
    }
    // one that is declared under another name than the kernel's has it as an alternative one
    if !found.name.is_empty() && found.name != link.name && !found.alternative_names.contains(&link.name) {
        planner.record.names.push((id, link.name.clone()));
        let text = format!("link {}: alternative name {}", found.name, link.name);
        let action = Action::AlternativeName(Verb::Add, id, link.name.clone());
        planner.step(Step::new(Sign::Add, text, action).at(Some(link.place.span)));
    }
}
