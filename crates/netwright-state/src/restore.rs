//! The way back: from what there is now to what there was, as far as a plan has touched it.
//!
//! It does not matter how far the plan came, which of its requests were half taken, or who carries it out: what there is
//! now is compared with what there was. The same comparison finds what the kernel took away beside while a plan was
//! carried out, and puts it back.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use netwright_nft::table::{Database, Names};
use netwright_route::link::kind::Veth;
use netwright_route::link::{Change, Create, LinkKind, Peer, PortKind};
use netwright_route::{Family, HardwareAddress, Link, LinkId, Neighbour, Nexthop};

mod addresses;
mod routes;

use crate::keys;
use crate::plan::{candidate_indexes, is_kept_fresh, is_set, kinds};
use crate::record::alias_of;
use crate::ruleset::{Table, between, kept_in};
use crate::scope::Scope;
use crate::snapshot::{MTU, Snapshot};
use crate::step::{Action, Sign, Step, Transaction, Verb};
use crate::switch;

/// How much is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that the plan touched, and what got lost beside.
    All,
    /// What got lost beside alone.
    LostBeside,
}

/// The steps from what there is now to what there was, within the scope of a plan; none where all is as it was.
#[must_use]
pub fn restore(before: &Snapshot, scope: &Scope, now: &Snapshot, extent: Extent) -> Vec<Step> {
    let mut way = Way::new(before, scope, now, extent);
    let firewall = way.firewall();
    let removes_only = firewall.as_ref().is_some_and(|step| step.sign == Sign::Remove);
    let waits = firewall.as_ref().is_some_and(|_| way.firewall_waits());
    if let (Some(step), false, false) = (&firewall, removes_only, waits) {
        way.steps.push(step.clone());
    }
    if extent == Extent::All {
        way.delete_made();
        way.make_deleted();
    }
    if let (Some(step), false, true) = (&firewall, removes_only, waits) {
        way.steps.push(step.clone());
    }
    way.settings();
    way.links();
    way.addresses();
    way.nexthops();
    way.routes();
    way.rules();
    way.neighbours();
    if let (Some(step), true) = (firewall, removes_only) {
        way.steps.push(step);
    }
    way.steps
}

struct Way<'a> {
    before: &'a Snapshot,
    scope: &'a Scope,
    now: &'a Snapshot,
    extent: Extent,
    steps: Vec<Step>,
    links_before: HashMap<u32, &'a Link>,
    links_now: HashMap<u32, &'a Link>,
    names_now: HashMap<&'a str, &'a Link>,
    /// The links that the plan makes, by name and kind, with the indexes that were reserved for them.
    made: HashMap<(Cow<'a, str>, &'a str), u32>,
    /// The links of before that the plan deletes, and those that go with them.
    taken: HashSet<u32>,
    /// The links that nexthop objects lead over.
    nexthops: HashMap<u32, Vec<u32>>,
    /// The addresses that the plan touches.
    sources: HashSet<std::net::IpAddr>,
}

impl<'a> Way<'a> {
    fn new(before: &'a Snapshot, scope: &'a Scope, now: &'a Snapshot, extent: Extent) -> Self {
        Way {
            before,
            scope,
            now,
            extent,
            steps: Vec::new(),
            links_before: before.links.iter().map(|link| (link.index, link)).collect(),
            links_now: now.links.iter().map(|link| (link.index, link)).collect(),
            names_now: now.links.iter().map(|link| (link.name.as_str(), link)).collect(),
            made: scope
                .made
                .iter()
                .filter_map(|own| Some(((own.link.name()?, own.kind.as_str()), own.link.index)))
                .collect(),
            taken: taken(before, scope),
            nexthops: before.nexthops_with_links(),
            sources: scope.addresses.iter().map(|address| address.address).collect(),
        }
    }

    fn push(&mut self, sign: Sign, text: String, action: Action) {
        self.steps.push(Step::new(sign, text, action));
    }

    /// What a link of before is now; where it is yet to be made again, it gets its old index.
    fn current(&self, index: u32) -> Option<LinkId> {
        let old = self.links_before.get(&index)?;
        if let Some(found) = self.links_now.get(&index)
            && found.kind_name() == old.kind_name()
        {
            return Some(found.id());
        }
        if let Some(found) = self.names_now.get(old.name.as_str())
            && found.kind_name() == old.kind_name()
            && !self.is_made(found)
        {
            return Some(found.id());
        }
        (self.extent == Extent::All && self.is_made_again(old)).then(|| old.id())
    }

    /// Whether the plan has made a link, so that it goes. One of that name that somebody else has made meanwhile has neither the
    /// owner's alias nor an index that was reserved.
    fn is_made(&self, found: &Link) -> bool {
        let there_before = self
            .links_before
            .get(&found.index)
            .is_some_and(|old| old.kind_name() == found.kind_name() && old.name == found.name);
        let kind = found.kind_name().unwrap_or_default();
        let reserved = self.made.get(&(Cow::Borrowed(found.name.as_str()), kind));
        let marked = found.alias.as_deref().is_some_and(|alias| alias == alias_of(&self.scope.owner));
        !there_before
            && reserved.is_some_and(|&index| marked || candidate_indexes(index).any(|one| one == found.index))
    }

    /// Whether a link of before is to be made again: it went with the plan.
    fn is_made_again(&self, old: &Link) -> bool {
        let there = self.links_now.get(&old.index).is_some_and(|found| found.kind_name() == old.kind_name());
        if there || old.kind.is_none() || !self.taken.contains(&old.index) {
            return false;
        }
        let same_name = self.names_now.get(old.name.as_str());
        same_name.is_none_or(|found| self.is_made(found))
    }

    fn delete_made(&mut self) {
        let made: Vec<&Link> = self.now.links.iter().filter(|link| self.is_made(link)).collect();
        let mut gone: HashSet<u32> = HashSet::new();
        for link in made {
            // the other end of a cable goes along
            let other = link.parent.filter(|_| link.kind_name() == Some("veth"));
            if other.is_some_and(|other| link.parent_namespace_id.is_none() && gone.contains(&other)) {
                continue;
            }
            gone.insert(link.index);
            self.push(Sign::Remove, format!("link {}", link.name), Action::DeleteLink(link.id()));
        }
    }

    fn make_deleted(&mut self) {
        let mut again: Vec<&Link> = self.before.links.iter().filter(|old| self.is_made_again(old)).collect();
        again.sort_by_key(|link| depth(&self.links_before, link));
        let mut done: HashSet<u32> = HashSet::new();
        for link in again {
            if !done.insert(link.index) {
                continue;
            }
            let Some(kind) = link.kind.as_ref() else { continue };
            let mut create = Create::new(&link.name, kinds::declarable(kind));
            if let Some(LinkKind::Bond(bond)) = Some(&mut create.kind) {
                bond.primary = None;
            }
            if let (LinkKind::Veth(_), Some(peer)) = (kind, peer(self.before, link)) {
                done.insert(peer.index);
                let settings = Change { address: peer.address, ..Change::rename(peer.name.as_str()) };
                let mut made = Peer::new(&settings);
                made.header.index = peer.index;
                create.kind = Veth::default().peer(made).into();
            }
            let parent = link.parent.filter(|_| link.kind_name() != Some("veth"));
            create.parent = parent.and_then(|parent| self.current(parent));
            create.index = Some(link.index);
            create.settings.address = settable_address(link);
            create.settings.group = link.group.filter(|group| *group != 0);
            create.settings.alias.clone_from(&link.alias);
            let action = Action::CreateLink(link.id(), Box::new(create));
            self.push(Sign::Add, format!("link {}", link.name), action);
        }
    }

    fn settings(&mut self) {
        // that of the host first: the kernel sets the links' along
        let mut settings: Vec<_> = self.scope.settings.iter().collect();
        settings.sort_by_key(|setting| setting.link.is_some());
        let mut of_all = HashSet::new();
        for setting in settings {
            let Some(value) = self.before.settings.get(setting) else { continue };
            let follows = setting.link.is_some() && of_all.contains(&(setting.family, setting.name));
            let there = self.now.settings.get(setting);
            // with a link that comes up, its MTU of IPv6 is its own again
            let beside = setting.name == MTU && there.is_none();
            if there == Some(value) && !follows || self.extent == Extent::LostBeside && !beside {
                continue;
            }
            let gone = setting.link.as_deref().is_some_and(|link| !self.will_be_there(link));
            // it has its turn when the link is as it was
            let link = setting.link.as_deref().and_then(|name| self.names_now.get(name));
            let too_large = |mtu: u32| value.parse::<u32>().is_ok_and(|value| value > mtu);
            if setting.name == MTU && link.and_then(|link| link.mtu).is_none_or(too_large) {
                continue;
            }
            if gone || there.is_none() && setting.link.is_none() {
                continue;
            }
            if setting.link.is_none() {
                of_all.insert((setting.family, setting.name));
            }
            let text = format!("setting {setting}: {value}");
            self.push(Sign::Change, text, Action::Setting(setting.clone(), value.clone()));
        }
    }

    fn will_be_there(&self, name: &str) -> bool {
        let before = self.before.link(name);
        self.names_now.contains_key(name) || before.is_some_and(|link| self.current(link.index).is_some())
    }

    fn links(&mut self) {
        let touched: HashSet<u32> = self.scope.links.iter().map(|link| link.index).collect();
        let before: Vec<&Link> =
            self.before.links.iter().filter(|link| self.scope.at_risk.contains(&link.index)).collect();
        let all = self.extent == Extent::All;
        for old in before {
            let Some(id) = self.current(old.index) else { continue };
            let none = Link::default();
            let fresh = !self.links_now.contains_key(&id.index);
            let found = self.links_now.get(&id.index).copied().unwrap_or(&none);
            let of_plan = touched.contains(&old.index);
            if of_plan && !all && old.master != found.master {
                continue;
            }
            self.link(old, found, id, all && of_plan || fresh, fresh);
        }
        if !all {
            return;
        }
        for (link, name) in &self.scope.names {
            let Some(old) = self.links_before.get(&link.index) else { continue };
            let Some(id) = self.current(old.index) else { continue };
            let there =
                self.links_now.get(&id.index).is_some_and(|link| link.alternative_names.contains(name));
            let verb = match (old.alternative_names.contains(name), there) {
                (true, false) => Verb::Add,
                (false, true) => Verb::Delete,
                _ => continue,
            };
            let text = format!("link {}: alternative name {name}", old.name);
            self.push(Sign::Change, text, Action::AlternativeName(verb, id, name.clone()));
        }
    }

    fn link(&mut self, old: &Link, found: &Link, id: LinkId, touched: bool, fresh: bool) {
        let mut change = Change::default();
        let mut down = false;
        if touched {
            if old.mtu != found.mtu {
                change.mtu = old.mtu;
            }
            if old.address != found.address && !fresh && old.port.as_ref().is_none_or(|p| p.name() != "bond")
            {
                change.address = settable_address(old);
            }
            if old.group != found.group {
                change.group = old.group;
            }
            if old.transmit_queue_length != found.transmit_queue_length {
                change.transmit_queue_length = old.transmit_queue_length;
            }
            if let (Some(old), Some(found), false) = (&old.kind, &found.kind, fresh) {
                let difference = kinds::between(found, &kinds::declarable(old), &|_| None);
                down = difference.class() > crate::options::ChangeClass::Live;
                change.kind = difference.changed;
            }
        }
        // what lies on a link cannot have a larger MTU, and does not get the old one back by itself
        let above = old.parent.is_some() && old.kind_name() != Some("veth");
        if !touched && above && self.extent == Extent::All && old.mtu != found.mtu {
            change.mtu = old.mtu;
        }
        // a bridge takes its address over from its ports, and a bond's ports take theirs from it
        let own_address = touched || self.extent == Extent::All && old.kind_name() == Some("bridge");
        let of_bond = old.port.as_ref().is_some_and(|port| port.name() == "bond");
        if own_address && old.address != found.address && !fresh && !of_bond {
            change.address = settable_address(old);
        }
        let master = self.master(old, found, touched);
        let joins = master.filter(|master| master.index != 0);
        let bond = joins.and(old.master).and_then(|index| self.links_before.get(&index));
        let is_bond = bond.is_some_and(|bond| bond.kind_name() == Some("bond"));
        let mut actions = Vec::new();
        let mut act = |change: Change| actions.push(Action::ChangeLink(id, Box::new(change)));
        let goes_down = touched && found.is_up() && !old.is_up();
        let down = found.is_up() && (down || is_bond);
        if down || goes_down {
            act(Change::down());
        }
        if !change.is_empty() {
            act(change);
        }
        if let Some(master) = master {
            act(Change::master(master));
        }
        if old.is_up() && (!found.is_up() || down) && (touched || self.extent == Extent::All) {
            act(Change::up());
        }
        if let Some(port) = port_settings(old, found, master.is_some()) {
            act(Change::port(port));
        }
        if fresh {
            for name in &old.alternative_names {
                actions.push(Action::AlternativeName(Verb::Add, id, name.clone()));
            }
        }
        if !actions.is_empty() {
            self.steps.push(Step::of(Sign::Change, format!("link {}: as it was", old.name), actions));
        }
    }

    /// The master to go back to, where it is another.
    fn master(&self, old: &Link, found: &Link, touched: bool) -> Option<LinkId> {
        let wanted = match old.master {
            None if touched => LinkId::new(0),
            None => return None,
            Some(master) => self.current(master)?,
        };
        let lost = found.master.is_none() && old.master.is_some();
        let differs = found.master.unwrap_or(0) != wanted.index;
        (differs && (touched || lost)).then_some(wanted)
    }

    fn nexthops(&mut self) {
        let there: HashSet<_> = self.now.nexthops.iter().filter_map(|nexthop| nexthop.id).collect();
        let mut lost: Vec<&Nexthop> = self
            .before
            .nexthops
            .iter()
            .filter(|nexthop| nexthop.id.is_some_and(|id| !there.contains(&id)))
            .filter(|nexthop| match nexthop.link {
                Some(link) => self.scope.at_risk.contains(&link.index),
                None => !nexthop.group.is_empty(),
            })
            .collect();
        lost.sort_by_key(|nexthop| !nexthop.group.is_empty());
        let lost_ids: HashSet<_> = lost.iter().filter_map(|nexthop| nexthop.id).collect();
        for nexthop in lost {
            let link = match nexthop.link {
                Some(link) => match self.current(link.index) {
                    Some(link) => Some(link),
                    None => continue,
                },
                None => None,
            };
            let nexthop = Nexthop { link, ..nexthop.clone() };
            let text = format!("nexthop {nexthop}");
            self.push(Sign::Keep, text, Action::Nexthop(Verb::Replace, Box::new(nexthop)));
        }
        // a group loses a member that goes, and is there all the same
        let smaller: Vec<&Nexthop> = self
            .before
            .nexthops
            .iter()
            .filter(|group| group.group.iter().any(|member| lost_ids.contains(&member.id)))
            .filter(|group| group.id.is_some_and(|id| there.contains(&id)))
            .collect();
        for group in smaller {
            let text = format!("nexthop {group}");
            self.push(Sign::Keep, text, Action::Nexthop(Verb::Replace, Box::new(group.clone())));
        }
    }

    fn rules(&mut self) {
        if self.extent == Extent::LostBeside {
            return;
        }
        let (before, now) = (by_priority(self.before), by_priority(self.now));
        for rule in &self.scope.rules {
            let same = keys::rule(rule);
            let find = |rules: &HashMap<_, Vec<&'a netwright_route::Rule>>| {
                let of_key = rules.get(&keys::rule_priority(rule)).into_iter().flatten().copied();
                of_key.clone().find(|found| keys::rule(found) == same && found.protocol == rule.protocol)
            };
            match (find(&before), find(&now)) {
                (Some(old), None) => {
                    self.push(
                        Sign::Add,
                        format!("rule {old}"),
                        Action::Rule(Verb::Add, Box::new(old.clone())),
                    );
                }
                (None, Some(found)) => {
                    let action = Action::Rule(Verb::Delete, Box::new(found.clone()));
                    self.push(Sign::Remove, format!("rule {found}"), action);
                }
                _ => {}
            }
        }
    }

    fn neighbours(&mut self) {
        let all = self.extent == Extent::All;
        let now: HashMap<_, &Neighbour> =
            self.now.neighbours.iter().map(|found| (keys::neighbour(found), found)).collect();
        let of_plan: HashSet<_> = self.scope.neighbours.iter().map(keys::neighbour).collect();
        let before: Vec<&Neighbour> = self.before.neighbours.iter().filter(|found| is_set(found)).collect();
        for old in &before {
            let meant = match of_plan.contains(&keys::neighbour(old)) {
                true => all,
                false => self.scope.at_risk.contains(&old.link.index),
            };
            let has_ipv6 = self.links_now.get(&old.link.index).is_none_or(|link| switch::has_ipv6(link));
            let meant = meant && (all || old.family != Family::IPV6 || has_ipv6);
            let Some(link) = self.current(old.link.index).filter(|_| meant) else { continue };
            let old = Neighbour { link, cache_info: None, probes: None, ..(*old).clone() };
            let proxy = crate::plan::is_proxy(&old);
            let same = |found: &&&Neighbour| proxy || found.address == old.address && same_state(found, &old);
            let there = now.get(&keys::neighbour(&old));
            if there.filter(same).is_none() {
                let text = format!("neighbour {old}");
                let actions = crate::plan::neighbour_back(&old, there.copied());
                self.steps.push(Step::of(Sign::Keep, text, actions));
            }
        }
        if all {
            let known: HashSet<_> = before.iter().map(|old| keys::neighbour(old)).collect();
            for made in self.scope.neighbours.iter().filter(|made| !known.contains(&keys::neighbour(made))) {
                let own = |found: &&&Neighbour| found.protocol == made.protocol;
                if let Some(found) = now.get(&keys::neighbour(made)).filter(own) {
                    let named = self.links_now.get(&found.link.index).map_or(found.link, |link| link.id());
                    let found = Neighbour { link: named, ..(*found).clone() };
                    let text = format!("neighbour {found}");
                    self.push(Sign::Remove, text, Action::Neighbour(Verb::Delete, Box::new(found)));
                }
            }
        }
        let now: HashSet<_> = self.now.forwarding.iter().map(keys::neighbour).collect();
        let at_risk = |index: u32| self.scope.at_risk.contains(&index);
        let meant = |entry: &&Neighbour| at_risk(entry.link.index) || entry.master.is_some_and(at_risk);
        let entries: Vec<&Neighbour> = self.before.forwarding.iter().filter(meant).collect();
        for entry in entries {
            let Some(link) = self.current(entry.link.index) else { continue };
            let master = entry.master.and_then(|master| self.current(master)).map(|master| master.index);
            let entry = Neighbour { link, master, cache_info: None, ..entry.clone() };
            if !now.contains(&keys::neighbour(&entry)) {
                let text = format!("forwarding entry {entry}");
                self.push(Sign::Keep, text, Action::Neighbour(Verb::Replace, Box::new(entry)));
            }
        }
    }

    /// Whether tables of before have devices that are yet to be made again.
    fn firewall_waits(&self) -> bool {
        let tables = self.before.firewall.tables.iter();
        let mut devices = tables.flat_map(Table::devices);
        devices.any(|device| !self.names_now.contains_key(device))
    }

    fn firewall(&mut self) -> Option<Step> {
        if self.extent == Extent::LostBeside {
            return None;
        }
        let mut names = Names::new();
        for link in &self.now.links {
            names.insert(Database::Interfaces, &link.name, link.index.into());
        }
        let mut transaction = Transaction::default();
        let mut details = Vec::new();
        let mut removes_only = true;
        for name in &self.scope.tables {
            let (before, now) = (self.before.firewall.table(name), self.now.firewall.table(name));
            // somebody else has made it meanwhile
            let made = now.filter(|_| before.is_none());
            if made.is_some_and(|made| made.owner.as_ref() != Some(&self.scope.owner)) {
                continue;
            }
            let change = between(now, before, &names, &kept_in(&self.scope.kept_sets, name));
            removes_only &= before.is_none() || change.commands.is_empty();
            transaction.commands.extend(change.commands);
            details.extend(
                change.details.into_iter().map(|(sign, what)| (sign, format!("table {name}, {what}"))),
            );
            if let (true, Some(owner)) = (change.made, before.and_then(|table| table.owner.as_ref())) {
                transaction.marked.push(name.clone());
                transaction.owner.clone_from(owner);
            }
        }
        if transaction.commands.is_empty() {
            return None;
        }
        let sign = if removes_only { Sign::Remove } else { Sign::Change };
        let mut step = Step::new(sign, "firewall", Action::Firewall(transaction));
        step.details = details;
        Some(step)
    }
}

/// Whether a neighbour is in the state that it was in, and of who made it; one that is kept fresh changes its own.
fn same_state(found: &Neighbour, old: &Neighbour) -> bool {
    let fresh = is_kept_fresh(found) && is_kept_fresh(old);
    (fresh || found.state == old.state) && found.protocol == old.protocol
}

/// The settings as a port to give again, where they are others.
fn port_settings(old: &Link, found: &Link, joined: bool) -> Option<PortKind> {
    let wanted = match (&old.port, &found.port) {
        (Some(PortKind::Bridge(old)), Some(PortKind::Bridge(found))) if !joined => {
            let (old, found) = (settable_port(old), settable_port(found));
            (old != found).then_some(old)
        }
        (Some(PortKind::Bridge(old)), _) if joined => Some(settable_port(old)),
        _ => None,
    };
    wanted.map(Into::into)
}

/// The address of a link, but for that of a bridge that has lost its last port: there is none, and it cannot be set.
fn settable_address(link: &Link) -> Option<HardwareAddress> {
    link.address.filter(|address| {
        link.kind_name() != Some("bridge") || address.as_bytes().iter().any(|byte| *byte != 0)
    })
}

/// What of the settings of a bridge's port can be set; its state is the spanning tree's.
pub(crate) fn settable_port(
    port: &netwright_route::link::kind::BridgePort,
) -> netwright_route::link::kind::BridgePort {
    netwright_route::link::kind::BridgePort::default().with(|attrs| {
        attrs.priority = port.priority;
        attrs.cost = port.cost;
        attrs.hairpin = port.hairpin;
        attrs.guard = port.guard;
        attrs.root_block = port.root_block;
        attrs.fast_leave = port.fast_leave;
        attrs.learning = port.learning;
        attrs.unicast_flood = port.unicast_flood;
        attrs.multicast_flood = port.multicast_flood;
        attrs.broadcast_flood = port.broadcast_flood;
        attrs.multicast_to_unicast = port.multicast_to_unicast;
        attrs.proxy_arp = port.proxy_arp;
        attrs.proxy_arp_wifi = port.proxy_arp_wifi;
        attrs.neighbour_suppression = port.neighbour_suppression;
        attrs.isolated = port.isolated;
        attrs.locked = port.locked;
        attrs.group_forward_mask = port.group_forward_mask;
        attrs.vlan_tunnel = port.vlan_tunnel;
        attrs.multicast_router = port.multicast_router;
    })
}

fn peer<'a>(snapshot: &'a Snapshot, link: &Link) -> Option<&'a Link> {
    let here = link.kind_name() == Some("veth") && link.parent_namespace_id.is_none();
    link.parent.filter(|_| here).and_then(|index| snapshot.link_at(index))
}

/// The links that a plan deletes, with the other ends of cables and what lies on them.
fn taken(before: &Snapshot, scope: &Scope) -> HashSet<u32> {
    let mut taken: HashSet<u32> = scope.deleted.iter().map(|link| link.index).collect();
    let mut known = 0;
    while taken.len() > known {
        known = taken.len();
        let below = |link: &&Link| link.parent.is_some_and(|parent| taken.contains(&parent));
        let here = before.links.iter().filter(|link| link.parent_namespace_id.is_none());
        let further: Vec<u32> = here.filter(below).map(|link| link.index).collect();
        taken.extend(further);
    }
    taken
}

fn depth(links: &HashMap<u32, &Link>, link: &Link) -> usize {
    const MOST: usize = 64;
    let below = |link: &&Link| {
        let below = link.parent.filter(|_| link.kind_name() != Some("veth"))?;
        links.get(&below).copied()
    };
    std::iter::successors(Some(link), |link| below(link)).take(MOST).count()
}

fn by_priority(snapshot: &Snapshot) -> HashMap<(Family, u32), Vec<&netwright_route::Rule>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for rule in &snapshot.rules {
        found.entry(keys::rule_priority(rule)).or_default().push(rule);
    }
    found
}
