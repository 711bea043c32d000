//! What is set of a link: options of every link, those of its kind, its master, and whether it is up.

use netwright_nft::diagnostic::Diagnostic;
use netwright_route::link::{Change, LinkFlags, LinkKind as Kernel};
use netwright_route::{HardwareAddress, Link, LinkId};

use super::super::{Planner, alive, kinds};
use super::{Loss, above, losses, names, receives};
use crate::model::{self, LinkKind};
use crate::options::ChangeClass;
use crate::record::OwnOptions;
use crate::step::{Action, Sign, Step};

/// What changes of one link.
#[derive(Default)]
struct Changes {
    words: Vec<String>,
    /// All but the master and whether it is up.
    change: Change,
    /// What the owner set, now or before, and what was there before that.
    ours: Change,
    before: Change,
    class: Option<ChangeClass>,
    /// The settings as a port that a link gets back with its master.
    port: Option<netwright_route::link::PortKind>,
    /// Options that left the file and stay as they are, since it is not known what they were before.
    stays: Vec<&'static str>,
}

impl Changes {
    fn say(&mut self, what: &str, before: Option<String>, after: impl std::fmt::Display) {
        self.words.push(match before {
            Some(before) => format!("{what} {before} → {after}"),
            None => format!("{what} {after}"),
        });
    }
}

/// One option of every link: declared, found, and as set and found before by the owner.
struct Simple<T> {
    key: &'static str,
    declared: Option<T>,
    found: Option<T>,
    field: fn(&mut Change) -> &mut Option<T>,
}

fn simple<T: Clone + PartialEq + std::fmt::Display>(
    option: Simple<T>,
    old: &OwnOptions,
    fresh: bool,
    changes: &mut Changes,
) {
    let Simple { key, declared, found, field } = option;
    let (mut old_ours, mut old_before) = (old.ours.clone(), old.before.clone());
    let (ours, before) = (field(&mut old_ours).clone(), field(&mut old_before).clone());
    match (declared, ours) {
        (Some(wanted), ours) => {
            if found.as_ref() != Some(&wanted) {
                changes.say(key, found.as_ref().map(T::to_string), &wanted);
                *field(&mut changes.change) = Some(wanted.clone());
            }
            let first = ours.is_none() && found.as_ref() != Some(&wanted) && !fresh;
            if ours.is_some() || first || fresh {
                *field(&mut changes.ours) = Some(wanted);
                *field(&mut changes.before) = if ours.is_some() { before } else { found };
            }
        }
        // it left the file: as it was, unless somebody else has changed it since
        (None, Some(ours)) if found.as_ref() == Some(&ours) => match before {
            Some(before) if before != ours => {
                changes.say(key, Some(ours.to_string()), format!("{before} (as it was before)"));
                *field(&mut changes.change) = Some(before);
            }
            Some(_) => {}
            None => changes.stays.push(key),
        },
        (None, _) => {}
    }
}

fn old_options(planner: &Planner<'_>, index: u32) -> OwnOptions {
    planner.lookup.own_options(index).cloned().unwrap_or_default()
}

/// Whether the owner made a link a port of another.
pub(super) fn plugged(planner: &Planner<'_>, link: &Link, master: u32) -> bool {
    let set = |options: &OwnOptions| options.ours.master.is_some_and(|set| set.index == master);
    planner.lookup.own_options(link.index).is_some_and(set)
}

pub(super) fn of_link(planner: &mut Planner<'_>, link: &model::Link, id: LinkId) {
    let none = Link::default();
    let found = planner.lookup.link_at(id.index).unwrap_or(&none);
    let fresh = found.index == 0;
    let old = old_options(planner, id.index);
    let own = fresh || planner.lookup.owns_link(found);
    if own && !fresh {
        let kind = found.kind_name().unwrap_or_default().to_owned();
        planner.record.links.push(crate::record::OwnLink { link: id, kind });
    }
    let mut changes = Changes::default();
    let master = master(planner, link, found, &old, &mut changes);
    simple(
        Simple { key: "mtu", declared: link.mtu, found: found.mtu, field: |change| &mut change.mtu },
        &old,
        fresh,
        &mut changes,
    );
    // a bridge follows the MTU of its ports, so its own must be set again behind theirs
    if let Some(mtu) = link.mtu.filter(|_| changes.change.mtu.is_none())
        && planner.moved_ports.contains(&id.index)
    {
        changes.say("mtu", None, mtu);
        changes.change.mtu = Some(mtu);
    }
    let mac = declared_address(planner, link, fresh);
    simple(
        Simple { key: "mac", declared: mac, found: found.address, field: |change| &mut change.address },
        &old,
        fresh,
        &mut changes,
    );
    let group = link.group.filter(|_| !fresh);
    simple(
        Simple { key: "link-group", declared: group, found: found.group, field: |change| &mut change.group },
        &old,
        fresh,
        &mut changes,
    );
    simple(
        Simple {
            key: "transmit-queue-length",
            declared: link.transmit_queue_length,
            found: found.transmit_queue_length,
            field: |change| &mut change.transmit_queue_length,
        },
        &old,
        fresh,
        &mut changes,
    );
    kind(planner, link, found, fresh, &old, &mut changes);
    up(link, found, &old, fresh, &mut changes);
    another_owner(planner, link, found, &changes);
    tell_what_stays(planner, link, &changes);
    shrinks(planner, link, found, &changes);
    if let Some(master) = master {
        receives::becomes_port(planner, link, found, master);
    }
    emit(planner, link, found, id, changes, master);
    names(planner, link, found, id);
    take_names_away(planner, found, id, Some(link));
}

/// The address of a bond's port is the bond's, and a new link has its own from the start.
fn declared_address(planner: &Planner<'_>, link: &model::Link, fresh: bool) -> Option<HardwareAddress> {
    let master = link.master.as_deref().and_then(|name| planner.lookup.declared(name));
    let master = master.and_then(|place| planner.host.links.get(place));
    let is_bonds = master.is_some_and(|master| matches!(master.kind, Some(LinkKind::Bond(_))));
    link.mac.filter(|_| !fresh && !is_bonds).map(|mac| HardwareAddress::from(mac.0))
}

/// The master to have: `None` where it stays.
fn master(
    planner: &mut Planner<'_>,
    link: &model::Link,
    found: &Link,
    old: &OwnOptions,
    changes: &mut Changes,
) -> Option<LinkId> {
    let there = found.master.and_then(|index| planner.lookup.link_at(index));
    let before = old.before.master.or(Some(there.map_or(LinkId::new(0), Link::id)));
    let Some(name) = &link.master else {
        // it left the file
        let there = there?;
        let ours = old.ours.master.is_some_and(|master| master.index == there.index);
        let owned = planner.lookup.owns_link(there) && planner.lookup.is_declared(there.index);
        if !ours && !(owned && (planner.lookup.owns_link(found) || found.kind.is_none())) {
            return None;
        }
        changes.words.push(format!("no longer a port of {there}"));
        let back = old.before.master.filter(|back| planner.lookup.link_at(back.index).is_some());
        changes.port = old.before.port.clone().filter(|_| back.is_some());
        return Some(back.unwrap_or(LinkId::new(0)));
    };
    let master = planner.id(name)?;
    let other = there.is_none_or(|there| there.index != master.index);
    if other || old.ours.master.is_some() {
        changes.ours.master = Some(master);
        changes.before.master = before;
        changes.before.port = old.before.port.clone();
    }
    if !other {
        return None;
    }
    if let Some(there) = there.filter(|there| old.ours.master.is_none_or(|ours| ours.index != there.index)) {
        changes.before.port = receives::leaves(planner, link, found, there);
    }
    changes.say("master", there.map(|link| link.name.clone()), master);
    Some(master)
}

fn kind(
    planner: &mut Planner<'_>,
    link: &model::Link,
    found: &Link,
    fresh: bool,
    old: &OwnOptions,
    changes: &mut Changes,
) {
    let Some(kind) = &link.kind else {
        if let (Some(before), Some(ours), Some(there)) = (&old.before.kind, &old.ours.kind, &found.kind) {
            let still_ours = kinds::between(there, ours, &|_| None).options.is_empty();
            put_kind_back(there, before, still_ours, changes);
        }
        return;
    };
    let by_name = |name: &str| planner.id(name).map(|id| id.index);
    let by_index = |index: u32| planner.lookup.link_at(index).map(|link| link.name.clone());
    let wanted = kinds::wanted(kind, &by_name);
    if fresh {
        if let Kernel::Bond(bond) = &wanted
            && let Some(primary) = bond.primary
        {
            // it can be the preferred port only when it is one
            let data = netwright_route::link::kind::Bond::default().primary(primary);
            changes.change.kind = Some(data.into());
            changes.words.push("primary".to_owned());
        }
        changes.ours.kind = Some(wanted);
        return;
    }
    let Some(there) = &found.kind else { return };
    let difference = kinds::difference(kind, found, &by_name, &by_index);
    for option in &difference.options {
        changes.say(option.key, Some(option.before.clone()), &option.after);
    }
    changes.class = changes.class.max(Some(difference.class()));
    changes.change.kind = difference.changed;
    let own = planner.lookup.owns_link(found);
    if own || changes.change.kind.is_some() || old.ours.kind.is_some() {
        changes.ours.kind = Some(wanted.clone());
        // of each option, what was there before the owner set it for the first time
        changes.before.kind = match (difference.before, old.before.kind.clone()) {
            (Some(now), first) => Some(merged(now, first)),
            (None, first) => first,
        };
    }
    // what left the file
    let Some(ours) = &old.ours.kind else { return };
    // what was there before is that of somebody else; of a link of the owner's own there is only what the kernel chooses
    let before = old.before.kind.as_ref().filter(|_| !own);
    let (unknown, back) = kinds::withdrawn(ours, &wanted, before);
    if let Some(left) = back {
        let back = kinds::between(there, &left, &by_index);
        for option in &back.options {
            let after = format!("{} (as it was before)", option.after);
            changes.say(option.key, Some(option.before.clone()), after);
        }
        if back.changed.is_some() {
            changes.class = changes.class.max(Some(back.class()));
            // in one, with what is declared
            let all = merged(left, Some(wanted));
            changes.change.kind = kinds::between(there, &all, &by_index).changed;
        }
    }
    changes.stays.extend(unknown);
}

fn tell_what_stays(planner: &mut Planner<'_>, link: &model::Link, changes: &Changes) {
    for key in &changes.stays {
        let message = format!("`{key}` of link `{}` stays as it is, though it left the file", link.name);
        let help = "What the kernel would have chosen is not known.";
        planner.diagnostics.push(Diagnostic::warning(link.place.span, message).help(help));
    }
}

fn put_kind_back(there: &Kernel, before: &Kernel, still_ours: bool, changes: &mut Changes) {
    if !still_ours {
        return;
    }
    let back = kinds::between(there, before, &|_| None);
    for option in &back.options {
        changes.say(option.key, Some(option.before.clone()), format!("{} (as it was before)", option.after));
    }
    if back.changed.is_some() {
        changes.class = changes.class.max(Some(back.class()));
        changes.change.kind = back.changed;
    }
}

/// Both, where both set the same, the second.
fn merged(first: Kernel, second: Option<Kernel>) -> Kernel {
    match second {
        None => first,
        Some(second) => kinds::merged(first, second),
    }
}

fn up(link: &model::Link, found: &Link, old: &OwnOptions, fresh: bool, changes: &mut Changes) {
    if link.up != found.is_up() {
        changes.words.push(if link.up { "up" } else { "down" }.to_owned());
        changes.change = std::mem::take(&mut changes.change).and(Change::flag(LinkFlags::UP, link.up));
    }
    let set = |change: &Change| (change.set_flags | change.clear_flags).contains(LinkFlags::UP);
    let was_set = set(&old.ours);
    if was_set || !fresh && link.up != found.is_up() {
        let before = if was_set { old.before.clone() } else { Change::flag(LinkFlags::UP, found.is_up()) };
        changes.ours = std::mem::take(&mut changes.ours).and(Change::flag(LinkFlags::UP, link.up));
        let was_up = before.set_flags.contains(LinkFlags::UP);
        changes.before = std::mem::take(&mut changes.before).and(Change::flag(LinkFlags::UP, was_up));
    }
}

/// An option that another owner set to another value is in the way.
fn another_owner(planner: &mut Planner<'_>, link: &model::Link, found: &Link, changes: &Changes) {
    if found.index == 0 {
        return;
    }
    for (other, set) in planner.lookup.options_of_others(found.index) {
        let (theirs, ours) = (&set.ours, &changes.change);
        let clash = [
            ("mtu", theirs.mtu.is_some() && ours.mtu.is_some()),
            ("mac", theirs.address.is_some() && ours.address.is_some()),
            ("link-group", theirs.group.is_some() && ours.group.is_some()),
            (
                "master",
                theirs.master.is_some() && changes.ours.master.is_some_and(|m| theirs.master != Some(m)),
            ),
            ("up", !(theirs.set_flags & ours.clear_flags | theirs.clear_flags & ours.set_flags).is_empty()),
        ];
        if let Some((key, _)) = clash.iter().find(|(_, clash)| *clash) {
            let span = link.place.key(key).unwrap_or(link.place.span);
            planner.of_another(&format!("`{key}` of link `{}`", link.name), other, span);
        }
    }
}

/// What of others would be lost for good is refused, unless the file says that the link is taken over.
fn shrinks(planner: &mut Planner<'_>, link: &model::Link, found: &Link, changes: &Changes) {
    let small = changes.change.mtu.is_some_and(|mtu| mtu < alive::LEAST_IPV6_MTU)
        && found.mtu.is_some_and(|mtu| mtu >= alive::LEAST_IPV6_MTU);
    let down = changes.change.clear_flags.contains(LinkFlags::UP) && found.is_up();
    let (loss, key, why) = match (down, small) {
        (true, _) => (Loss::Down, "up", "goes down"),
        (false, true) => (Loss::Ipv6, "mtu", "gets too small for IPv6, which needs 1280 bytes"),
        (false, false) => return,
    };
    let lost = losses(planner, found, loss);
    if lost.is_empty() {
        return;
    }
    let span = link.place.key(key).unwrap_or(link.place.span);
    let message = format!("link `{}` {why}: what others have on it would be lost", link.name);
    let (mut diagnostic, advice) = match link.adopt {
        true => (Diagnostic::warning(span, message), "It comes back when this is rolled back."),
        false => (Diagnostic::error(span, message), "Say `adopt = true` in the link's table if it may go."),
    };
    for lost in lost {
        diagnostic = diagnostic.help(format!("Lost would be {lost}."));
    }
    planner.error(diagnostic.help(advice));
}

/// The step for what changes.
fn emit(
    planner: &mut Planner<'_>,
    link: &model::Link,
    found: &Link,
    id: LinkId,
    changes: Changes,
    master: Option<LinkId>,
) {
    let Changes { words, mut change, ours, before, class, port, .. } = changes;
    if ours != Change::default() {
        planner.record.options.push(OwnOptions { link: id, before, ours });
    }
    if words.is_empty() {
        return;
    }
    let joins = master.and_then(|master| master_kind(planner, link, master));
    let leaves = found.master.filter(|_| master.is_some());
    let leaves = leaves.and_then(|index| planner.lookup.link_at(index)).and_then(Link::kind_name);
    let must_be_down =
        found.is_up() && (joins == Some("bond") || class.is_some_and(|class| class >= ChangeClass::Down));
    let gone = match joins {
        Some("bridge" | "bond") => receives::go_before(planner, found),
        _ => Vec::new(),
    };
    for above in &gone {
        planner.gone_before.insert(above.index);
        planner.alive.lose_link(above.index);
    }
    let mut actions: Vec<Action> = gone.iter().map(|above| Action::DeleteLink(above.id())).collect();
    let mut do_change = |change: Change| actions.push(Action::ChangeLink(id, Box::new(change)));
    // what goes up goes up last, behind all that is to be set before
    let goes_up = change.set_flags.contains(LinkFlags::UP);
    change.set_flags.remove(LinkFlags::UP);
    if must_be_down {
        planner.alive.lose_by_down(id.index);
        do_change(Change::down());
    }
    let ports = match class {
        Some(ChangeClass::NoPorts) => ports_of(planner, found),
        _ => Vec::new(),
    };
    let mut all: Vec<Action> =
        ports.iter().map(|(port, _)| Action::ChangeLink(*port, Box::new(Change::without_master()))).collect();
    if change.clear_flags.contains(LinkFlags::UP) {
        planner.alive.lose_by_down(id.index);
    }
    if !change.is_empty() {
        do_change(change.clone());
    }
    if let Some(master) = master {
        do_change(Change::master(master));
        if let Some(port) = port {
            do_change(Change::port(port));
        }
        planner.masters.insert(id.index, master.index);
        planner.moved_ports.extend(found.master.into_iter().chain([master.index]));
        for moved in found.master.into_iter().chain([master.index]) {
            planner.alive.lose_neighbours(moved);
        }
        if joins == Some("vrf") || matches!(leaves, Some("vrf" | "bond")) {
            planner.alive.lose_by_down(id.index);
        }
    }
    if change.clear_flags.contains(LinkFlags::UP) || goes_up {
        planner.ups.insert(id.index, goes_up);
    }
    if let Some(mtu) = change.mtu {
        planner.mtus.insert(id.index, mtu);
        planner.moved_ports.extend(found.master);
        if change.mtu.is_some_and(|mtu| mtu < alive::LEAST_IPV6_MTU) {
            planner.alive.lose_ipv6(id.index);
        }
    }
    if change.address.is_some() {
        planner.alive.lose_neighbours(id.index);
    }
    if goes_up || must_be_down && link.up {
        do_change(Change::up());
    }
    all.append(&mut actions);
    for (port, was_up) in &ports {
        planner.alive.lose_by_down(port.index);
        all.push(Action::ChangeLink(*port, Box::new(Change::down())));
        all.push(Action::ChangeLink(*port, Box::new(Change::master(id))));
        if *was_up {
            all.push(Action::ChangeLink(*port, Box::new(Change::up())));
        }
    }
    let mut text = format!("link {}: {}", link.name, words.join(", "));
    if must_be_down {
        text.push_str(" (down for a moment)");
    }
    let mut step = Step::of(Sign::Change, text, all).at(Some(link.place.span));
    step.details = above::told(planner, found);
    step.details.extend(gone.iter().map(|above| (Sign::Remove, format!("link {}", above.name))));
    planner.step(step);
}

/// The ports of a link, and whether each is up.
fn ports_of(planner: &Planner<'_>, found: &Link) -> Vec<(LinkId, bool)> {
    planner.lookup.ports(found.index).iter().map(|port| (port.id(), port.is_up())).collect()
}

/// The kind of the master that a link joins.
pub(super) fn master_kind<'a>(planner: &Planner<'a>, link: &model::Link, master: LinkId) -> Option<&'a str> {
    let there = planner.lookup.link_at(master.index).and_then(Link::kind_name);
    let declared = link.master.as_deref().and_then(|name| planner.lookup.declared(name));
    let declared = declared.and_then(|place| planner.host.links.get(place)?.kind.as_ref());
    there.or(declared.map(LinkKind::name))
}

/// Takes the names away that the owner gave and that are not declared any more.
fn take_names_away(planner: &mut Planner<'_>, found: &Link, id: LinkId, link: Option<&model::Link>) {
    let owners = planner.owners;
    for (_, name) in owners.own.names.iter().filter(|(own, _)| own.index == id.index) {
        let declared = link.is_some_and(|link| link.alternative_names.contains(name) || link.name == *name);
        if !declared && found.alternative_names.contains(name) {
            let text = format!("link {}: alternative name {name}", found.name);
            let action = Action::AlternativeName(crate::step::Verb::Delete, id, name.clone());
            planner.step(Step::new(Sign::Remove, text, action));
        }
    }
}

/// Puts back what the owner set of links that are declared no longer.
pub(super) fn withdraw(planner: &mut Planner<'_>) {
    let owners = planner.owners;
    let links = owners.own.options.iter().map(|own| own.link.index);
    let mut indexes: Vec<u32> = links.chain(owners.own.names.iter().map(|(own, _)| own.index)).collect();
    indexes.sort_unstable();
    indexes.dedup();
    for index in indexes {
        let Some(found) = planner.lookup.link_at(index) else { continue };
        let gone = super::is_deleted(planner, found.id()) || planner.lookup.owns_link(found);
        if planner.lookup.is_declared(index) || gone {
            continue;
        }
        let old = old_options(planner, index);
        let mut link = model::Link { name: found.name.clone(), ..model::Link::default() };
        let mut changes = Changes::default();
        if !above::follows(found) {
            simple(
                Simple { key: "mtu", declared: None, found: found.mtu, field: |change| &mut change.mtu },
                &old,
                false,
                &mut changes,
            );
        }
        simple(
            Simple { key: "mac", declared: None, found: found.address, field: |change| &mut change.address },
            &old,
            false,
            &mut changes,
        );
        simple(
            Simple {
                key: "link-group",
                declared: None,
                found: found.group,
                field: |change| &mut change.group,
            },
            &old,
            false,
            &mut changes,
        );
        simple(
            Simple {
                key: "transmit-queue-length",
                declared: None,
                found: found.transmit_queue_length,
                field: |change| &mut change.transmit_queue_length,
            },
            &old,
            false,
            &mut changes,
        );
        let master = old.ours.master.filter(|ours| found.master == Some(ours.index));
        let master = master.and(old.before.master).filter(|back| back.index != found.master.unwrap_or(0));
        let back = master.filter(|back| back.index == 0 || planner.lookup.link_at(back.index).is_some());
        if back.is_some() && planner.lookup.link_at(found.master.unwrap_or(0)).is_some() {
            changes.words.push("master as it was before".to_owned());
            changes.port.clone_from(&old.before.port);
        }
        if let (Some(before), Some(ours), Some(there)) = (&old.before.kind, &old.ours.kind, &found.kind) {
            let still_ours = kinds::between(there, ours, &|_| None).options.is_empty();
            put_kind_back(there, before, still_ours, &mut changes);
        }
        let ours_up = (old.ours.set_flags | old.ours.clear_flags).contains(LinkFlags::UP);
        let same = old.ours.set_flags.contains(LinkFlags::UP) == found.is_up();
        let before_up = old.before.set_flags.contains(LinkFlags::UP);
        link.up = found.is_up();
        if ours_up && same && before_up != found.is_up() {
            link.up = before_up;
            // somebody else has come to rely on it: then it stays
            let other = planner.lookup.other_on_link(found.index).filter(|_| !before_up);
            if other.is_some() || !before_up && !losses(planner, found, Loss::Down).is_empty() {
                link.up = true;
                let who =
                    other.map_or("others have".to_owned(), |other| format!("owner `{}` has", other.owner));
                let message = format!("link `{}` stays up: {who} addresses or routes on it", found.name);
                planner.diagnostics.push(Diagnostic::warning(Default::default(), message));
            } else {
                changes.words.push(format!("{} (as it was before)", if before_up { "up" } else { "down" }));
                changes.change =
                    std::mem::take(&mut changes.change).and(Change::flag(LinkFlags::UP, before_up));
            }
        }
        let id = found.id();
        emit(planner, &link, found, id, changes, back);
        take_names_away(planner, found, id, None);
    }
}
