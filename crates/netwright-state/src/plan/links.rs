//! Links: made, changed and deleted.

use netwright_nft::diagnostic::{Diagnostic, nearest};
use netwright_route::link::kind::Veth;
use netwright_route::link::{Change, Create, LinkFlags, LinkKind as RouteKind, Peer};
use netwright_route::{HardwareAddress, Link, LinkId, Route};

use super::kinds::{self, Difference};
use super::{LINK_ALIAS, Planner, alive};
use crate::model::{self, LinkKind};
use crate::step::{Action, Sign, Step, Verb};

/// Finds out which declared links there are, which are to be made, and in which order to go through them.
pub(super) fn resolve(planner: &mut Planner<'_>) {
    let host = planner.host;
    let snapshot = planner.snapshot;
    planner.order = order(host);
    let found: Vec<_> = host.links.iter().map(|link| snapshot.link(&link.name)).collect();
    // The other ends of veths that are made come with them.
    let comes_along = |link: &model::Link| {
        host.links.iter().zip(&found).any(|(other, found)| {
            found.is_none() && matches!(&other.kind, Some(LinkKind::Veth(veth)) if veth.peer == link.name)
        })
    };
    // The other ends of veths that are there may have been moved to another namespace.
    let is_away = |link: &model::Link| {
        link.implied
            && host.links.iter().zip(&found).any(|(other, found)| {
                found.is_some() && matches!(&other.kind, Some(LinkKind::Veth(veth)) if veth.peer == link.name)
            })
    };
    for (place, (link, there)) in host.links.iter().zip(&found).enumerate() {
        // Indexes that no link has, until the kernel gives one.
        let virtual_index = u32::MAX - u32::try_from(place).unwrap_or(0);
        let id = match there {
            Some(there) => {
                if let Some(misfit) = misfit(planner, link, there) {
                    planner.error(misfit);
                }
                Some(there.id())
            }
            None if link.kind.is_some() => {
                planner.made.push(place);
                Some(LinkId::named(virtual_index, &link.name))
            }
            None if comes_along(link) => Some(LinkId::named(virtual_index, &link.name)),
            None if is_away(link) => None,
            None => {
                planner.error(missing(planner, link));
                None
            }
        };
        planner.ids.push(id);
    }
}

fn missing(planner: &Planner<'_>, link: &model::Link) -> Diagnostic {
    let error = Diagnostic::error(link.place.span, format!("there is no link `{}` on this host", link.name));
    let declared = |name: &str| planner.host.link(name).is_some();
    let names = planner.snapshot.links.iter().map(|link| link.name.as_str()).filter(|name| !declared(name));
    match nearest(&link.name, names) {
        Some(near) => error.help(format!("Did you mean `{near}`?")),
        None => error.help("Give it a `kind` to have it made."),
    }
}

/// Parents before what lies on them, ports before their masters; in the order of the file otherwise.
fn order(host: &model::Host) -> Vec<usize> {
    let place = |name: &str| {
        host.links
            .iter()
            .position(|link| link.name == name || link.alternative_names.iter().any(|n| n == name))
    };
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); host.links.len()];
    for (index, link) in host.links.iter().enumerate() {
        if let (Some(parent), Some(list)) = (link.parent().and_then(place), before.get_mut(index)) {
            list.push(parent);
        }
        let master = link.master.as_deref().and_then(place);
        if let Some(list) = master.and_then(|master| before.get_mut(master)) {
            list.push(index);
        }
    }
    let mut order = Vec::new();
    let mut seen = vec![false; before.len()];
    for start in 0..before.len() {
        visit(start, &before, &mut seen, &mut order);
    }
    order
}

fn visit(index: usize, before: &[Vec<usize>], seen: &mut [bool], order: &mut Vec<usize>) {
    match seen.get_mut(index) {
        Some(seen) if !*seen => *seen = true,
        _ => return,
    }
    for &earlier in before.get(index).map_or(&[][..], Vec::as_slice) {
        visit(earlier, before, seen, order);
    }
    order.push(index);
}

/// Why the link that is there cannot become the declared one.
fn misfit(planner: &Planner<'_>, link: &model::Link, found: &Link) -> Option<Diagnostic> {
    let kind = link.kind.as_ref()?;
    let place = kind.place();
    let what = found.kind_name().unwrap_or("physical link");
    let advice =
        format!("Remove it with `ip link delete {}` if nobody needs it, or take another name.", found.name);
    if what != kinds::kernel_name(kind) {
        let message = format!("link `{}` exists already as a {what}, not as a {}", link.name, kind.name());
        return Some(Diagnostic::error(link.place.span, message).help(advice));
    }
    if let LinkKind::Veth(veth) = kind {
        let peer = found.parent.filter(|_| found.parent_namespace_id.is_none());
        let peer = peer.and_then(|index| planner.snapshot.link_at(index))?;
        let names = std::iter::once(&peer.name).chain(&peer.alternative_names);
        let other = !names.into_iter().any(|name| *name == veth.peer);
        let span = place.key("peer").unwrap_or(link.place.span);
        let message =
            format!("the other end of veth `{}` is `{}`, not `{}`", link.name, peer.name, veth.peer);
        return other.then(|| Diagnostic::error(span, message).help(advice));
    }
    let id = |name: &str| planner.snapshot.link(name).map(Link::id);
    let Difference { fixed, .. } = kinds::difference(kind, found, &id);
    let (key, before, after) = fixed.into_iter().next()?;
    let span = place.key(key).unwrap_or(link.place.span);
    let message = format!("link `{}` has the {key} {before}, which cannot be changed to {after}", link.name);
    Some(Diagnostic::error(span, message).help(advice))
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
        let create = creation(planner, link, kind);
        let text = format!("link {}: {}", link.name, kinds::describe(kind));
        let Some(id) = planner.id(&link.name) else { continue };
        let undo = vec![Action::DeleteLink(id)];
        let action = Action::CreateLink(id, Box::new(create));
        let step = Step::new(Sign::Add, text, action, undo).at(Some(link.place.span));
        planner.step(step);
    }
}

fn creation(planner: &Planner<'_>, link: &model::Link, kind: &LinkKind) -> Create {
    let id = |name: &str| planner.id(name);
    let mut create = Create::new(&link.name, kinds::wanted(kind, &id));
    create.parent = kinds::parent_attribute(kind).and_then(id);
    create.settings.address = link.mac.map(|mac| mac.0.into());
    create.settings.alias = Some(LINK_ALIAS.to_owned());
    if let LinkKind::Veth(veth) = kind {
        let mac = planner.host.link(&veth.peer).and_then(|peer| peer.mac);
        let settings = Change { address: mac.map(|mac| mac.0.into()), ..Change::rename(veth.peer.as_str()) };
        create.kind = Veth { peer: Some(Peer::new(&settings)), ..Veth::default() }.into();
    }
    create
}

/// Brings the links to what is declared.
pub(super) fn change(planner: &mut Planner<'_>) {
    let host = planner.host;
    for index in planner.order.clone() {
        if let (Some(link), Some(Some(id))) = (host.links.get(index), planner.ids.get(index).copied()) {
            of_link(planner, link, id);
        }
    }
}

fn of_link(planner: &mut Planner<'_>, link: &model::Link, id: LinkId) {
    let none = Link::default();
    let snapshot = planner.snapshot;
    let found = snapshot.link_at(id.index).unwrap_or(&none);
    let fresh = found.index == 0;
    let mut change = Changes::default();
    master(planner, link, found, &mut change);
    mtu(planner, link, found, id, &mut change);
    address(planner, link, found, fresh, &mut change);
    kind(planner, link, found, fresh, &mut change);
    must_be_down(planner, link, found, id, &mut change);
    if link.up != found.is_up() {
        let to = Change::flag(LinkFlags::UP, link.up);
        let back = Change::flag(LinkFlags::UP, found.is_up());
        change.add(if link.up { "up" } else { "down" }.to_owned(), to, Some(back));
        let lost = if link.up { planner.alive.on_down_link(id) } else { planner.alive.lose_by_down(id) };
        change.lost.extend(lost);
    }
    if change.change.mtu.is_some() || change.change.master.is_some() {
        let joined = change.change.master.map(|master| master.index);
        planner.moved_ports.extend(found.master.into_iter().chain(joined));
    }
    if let Some(master) = change.change.master {
        let left = found.master.map(LinkId::new);
        for moved in left.into_iter().chain([master]) {
            change.lost.extend(planner.alive.lose_neighbours(moved));
        }
    }
    if change.change.address.is_some() {
        change.lost.extend(planner.alive.lose_neighbours(id));
    }
    if !change.words.is_empty() {
        let text = format!("link {}: {}", link.name, change.words.join(", "));
        let mut undo = Vec::new();
        match change.change.master {
            // With the link itself the rest goes, but its master is not to lose anything by that.
            Some(_) if fresh => undo.push(Action::ChangeLink(id, Box::new(Change::without_master()))),
            _ if fresh => {}
            _ => undo.push(Action::ChangeLink(id, Box::new(change.back))),
        }
        undo.extend(change.lost);
        let action = Action::ChangeLink(id, Box::new(change.change));
        let step = Step::new(Sign::Change, text, action, undo).at(Some(link.place.span));
        planner.step(step);
    }
    names(planner, link, found, id);
}

/// What changes of one link.
#[derive(Default)]
struct Changes {
    words: Vec<String>,
    change: Change,
    back: Change,
    /// What brings back what the change takes away along with it.
    lost: Vec<Action>,
}

impl Changes {
    fn add(&mut self, words: String, change: Change, back: Option<Change>) {
        self.words.push(words);
        self.change = std::mem::take(&mut self.change).and(change);
        self.back = std::mem::take(&mut self.back).and(back.unwrap_or_default());
    }
}

fn words(what: &str, before: Option<String>, after: impl std::fmt::Display) -> String {
    match before {
        Some(before) => format!("{what} {before} → {after}"),
        None => format!("{what} {after}"),
    }
}

fn master(planner: &Planner<'_>, link: &model::Link, found: &Link, change: &mut Changes) {
    let before = found.master.and_then(|index| planner.snapshot.link_at(index));
    let back = || before.map_or_else(Change::without_master, |before| Change::master(before.id()));
    let Some(master) = &link.master else {
        if let Some(before) = before.filter(|before| is_declared(planner, before.index)) {
            change.add(format!("no longer a port of {before}"), Change::without_master(), Some(back()));
        }
        return;
    };
    if let Some(master) = planner.id(master).filter(|master| found.master != Some(master.index)) {
        let text = words("master", before.map(|link| link.name.clone()), master);
        change.add(text, Change::master(master), Some(back()));
    }
}

fn is_declared(planner: &Planner<'_>, index: u32) -> bool {
    planner.ids.iter().flatten().any(|id| id.index == index)
}

/// Takes links that are not declared out of a master that is: those that netwright made, and network cards where it
/// made the master. What others plug in, as container engines do, stays there.
pub(super) fn unplug(planner: &mut Planner<'_>) {
    let snapshot = planner.snapshot;
    for link in &snapshot.links {
        let Some(master) = link.master.and_then(|index| snapshot.link_at(index)) else { continue };
        let put_there = is_own(link) || link.kind.is_none() && is_own(master);
        if !put_there || is_declared(planner, link.index) || !is_declared(planner, master.index) {
            continue;
        }
        let text = format!("link {link}: no longer a port of {master}");
        let mut undo = vec![Action::ChangeLink(link.id(), Box::new(Change::master(master.id())))];
        if matches!(master.kind_name(), Some("vrf" | "bond")) {
            undo.extend(planner.alive.lose_by_down(link.id()));
        }
        undo.extend(planner.alive.lose_neighbours(master.id()));
        planner.moved_ports.push(master.index);
        let action = Action::ChangeLink(link.id(), Box::new(Change::without_master()));
        planner.step(Step::new(Sign::Change, text, action, undo));
    }
}

fn is_own(link: &Link) -> bool {
    link.alias.as_deref() == Some(LINK_ALIAS)
}

/// A bridge follows the MTU of its ports, so its own must be set again behind theirs.
fn mtu(planner: &mut Planner<'_>, link: &model::Link, found: &Link, id: LinkId, change: &mut Changes) {
    let Some(mtu) = link.mtu else { return };
    let before = found.mtu.map(|mtu| mtu.to_string());
    if found.mtu != Some(mtu) {
        change.add(words("mtu", before, mtu), Change::mtu(mtu), found.mtu.map(Change::mtu));
    } else if planner.moved_ports.contains(&id.index) {
        change.add(words("mtu", None, mtu), Change::mtu(mtu), found.mtu.map(Change::mtu));
    }
}

/// The address of a bond's port is the bond's.
fn address(planner: &Planner<'_>, link: &model::Link, found: &Link, fresh: bool, change: &mut Changes) {
    let master = link.master.as_deref().and_then(|name| planner.host.link(name));
    let is_bonds = master.is_some_and(|master| matches!(master.kind, Some(LinkKind::Bond(_))));
    let Some(mac) = link.mac.filter(|_| !fresh && !is_bonds) else { return };
    let wanted = HardwareAddress::from(mac.0);
    if found.address != Some(wanted) {
        let before = found.address.map(|address| address.to_string());
        change.add(words("mac", before, mac), Change::address(wanted), found.address.map(Change::address));
    }
}

fn kind(planner: &Planner<'_>, link: &model::Link, found: &Link, fresh: bool, change: &mut Changes) {
    let Some(kind) = link.kind.as_ref().filter(|_| !fresh) else { return };
    let by_name = |name: &str| planner.id(name);
    let Difference { changed, before, text, .. } = kinds::difference(kind, found, &by_name);
    if let (Some(changed), Some(before)) = (changed, before) {
        change.add(text, Change::kind(changed), Some(Change::kind(before)));
    }
}

/// A link joins a bond only while it is down. It also goes down and up again when it joins or leaves a VRF, by the
/// kernel's own doing.
fn must_be_down(
    planner: &mut Planner<'_>,
    link: &model::Link,
    found: &Link,
    id: LinkId,
    change: &mut Changes,
) {
    let Some(master) = change.change.master.filter(|_| found.is_up()) else { return };
    let kind_at = |index: u32| planner.snapshot.link_at(index).and_then(Link::kind_name);
    let declared =
        link.master.as_deref().and_then(|name| planner.host.link(name)).and_then(|l| l.kind.as_ref());
    let kind = kind_at(master.index).or(declared.map(LinkKind::name));
    let before = found.master.and_then(kind_at);
    if kind == Some("bond") {
        let text = format!("link {}: down for a moment", link.name);
        let mut undo = vec![Action::ChangeLink(id, Box::new(Change::up()))];
        undo.extend(planner.alive.lose_by_down(id));
        let action = Action::ChangeLink(id, Box::new(Change::down()));
        planner.step(Step::new(Sign::Change, text, action, undo).at(Some(link.place.span)));
        change.add("up again".to_owned(), Change::up(), Some(Change::down()));
    } else if kind == Some("vrf") || matches!(before, Some("vrf" | "bond")) {
        change.lost.extend(planner.alive.lose_by_down(id));
    }
}

fn names(planner: &mut Planner<'_>, link: &model::Link, found: &Link, id: LinkId) {
    for name in &link.alternative_names {
        if !found.alternative_names.contains(name) && found.name != *name {
            let text = format!("link {}: alternative name {name}", link.name);
            let undo = vec![Action::AlternativeName(Verb::Delete, id, name.clone())];
            let action = Action::AlternativeName(Verb::Add, id, name.clone());
            planner.step(Step::new(Sign::Add, text, action, undo).at(Some(link.place.span)));
        }
    }
}

/// Deletes the links that netwright made and that are no longer declared.
pub(super) fn delete(planner: &mut Planner<'_>) {
    let meant = |link: &&Link| is_deleted(planner, link.id()) && !comes_along(planner, link);
    let mut gone: Vec<&Link> = planner.snapshot.links.iter().filter(meant).collect();
    gone.sort_by_key(|link| std::cmp::Reverse(depth(planner, link)));
    for link in gone {
        let text = format!("link {}", link.name);
        let undo = again(planner, link);
        planner.step(Step::new(Sign::Remove, text, Action::DeleteLink(link.id()), undo));
    }
}

/// Whether a link goes: netwright's own, declared no longer, nor the other end of one that is.
pub(super) fn is_deleted(planner: &Planner<'_>, id: LinkId) -> bool {
    planner.snapshot.link_at(id.index).is_some_and(|link| {
        let peer = peer_of(planner, link);
        let own = is_own(link) || peer.is_some_and(is_own);
        own && !is_declared(planner, link.index) && peer.is_none_or(|peer| !is_declared(planner, peer.index))
    })
}

/// How many links lie below a link, one on the other: what lies on top goes first.
fn depth(planner: &Planner<'_>, link: &Link) -> usize {
    let below = |link: &&Link| below(planner, link);
    std::iter::successors(Some(link), below).take(planner.snapshot.links.len()).count()
}

/// The link that one lies on.
fn below<'a>(planner: &Planner<'a>, link: &Link) -> Option<&'a Link> {
    let here = link.kind_name() != Some("veth") && link.parent_namespace_id.is_none();
    link.parent.filter(|_| here).and_then(|index| planner.snapshot.link_at(index))
}

fn peer_of<'a>(planner: &Planner<'a>, link: &Link) -> Option<&'a Link> {
    let here = link.kind_name() == Some("veth") && link.parent_namespace_id.is_none();
    link.parent.filter(|_| here).and_then(|index| planner.snapshot.link_at(index))
}

/// Whether it goes with the other end of its cable, whose turn was before.
fn comes_along(planner: &Planner<'_>, link: &Link) -> bool {
    peer_of(planner, link).is_some_and(|peer| peer.index < link.index)
}

/// What makes a deleted link again, with what lies on it.
fn again(planner: &Planner<'_>, link: &Link) -> Vec<Action> {
    let snapshot = planner.snapshot;
    let Some(kind) = link.kind.clone() else { return Vec::new() };
    let peer = peer_of(planner, link);
    let kind = match (kind, peer) {
        (RouteKind::Veth(_), Some(peer)) => {
            let settings = Change { address: peer.address, ..Change::rename(peer.name.as_str()) };
            Veth { peer: Some(Peer::new(&settings)), ..Veth::default() }.into()
        }
        (kind, _) => kinds::declarable(kind),
    };
    let mut create = Create::new(&link.name, kind);
    create.parent = below(planner, link).map(Link::id);
    create.settings.address = link.address;
    create.settings.alias.clone_from(&link.alias);
    let mut actions = vec![Action::CreateLink(link.id(), Box::new(create))];
    for link in std::iter::once(link).chain(peer) {
        let of_link =
            snapshot.settings.iter().filter(|(of, _)| of.link.as_deref() == Some(link.name.as_str()));
        actions.extend(of_link.map(|(setting, value)| Action::Setting(setting.clone(), value.clone())));
    }
    for link in std::iter::once(link).chain(peer) {
        let mut change = Change::flag(LinkFlags::UP, link.is_up());
        change.mtu = link.mtu;
        change.master = link.master.and_then(|index| snapshot.link_at(index)).map(Link::id);
        actions.push(Action::ChangeLink(link.id(), Box::new(change)));
        let names = link.alternative_names.iter();
        actions.extend(names.map(|name| Action::AlternativeName(Verb::Add, link.id(), name.clone())));
        actions.extend(planner.alive.addresses_and_neighbours(link.id()));
    }
    let port = |port: &&Link| port.master == Some(link.index) && !is_deleted(planner, port.id());
    let ports = snapshot.links.iter().filter(port).map(Link::id);
    actions.extend(ports.map(|port| Action::ChangeLink(port, Box::new(Change::master(link.id())))));
    let lies_on = |above: &&Link| {
        below(planner, above).is_some_and(|below| below.index == link.index)
            && !is_deleted(planner, above.id())
    };
    actions.extend(snapshot.links.iter().filter(lies_on).flat_map(|above| again(planner, above)));
    let over = |route: &&Route| {
        alive::links(route).any(|over| over == link.id() || peer.is_some_and(|peer| over == peer.id()))
    };
    let routes = planner.alive.routes.iter().filter(over);
    actions.extend(routes.map(|route| Action::Route(Verb::Replace, Box::new(route.clone()))));
    actions
}
