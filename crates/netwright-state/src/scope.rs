//! What a plan touches: what must be as before when it is taken back, and what may get lost beside.

use std::borrow::Cow;
use std::collections::HashSet;

use netwright_route::link::LinkFlags;
use netwright_route::{Address, LinkId, Neighbour, Route, Rule};
use serde_json::{Value as Json, json};

use crate::encode;
use crate::keys;
use crate::plan::{LEAST_IPV6_MTU, Plan};
use crate::record::OwnLink;
use crate::ruleset::TableName;
use crate::snapshot::{Setting, Snapshot};
use crate::step::Action;

/// What a plan touches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Links that are there before and are changed or deleted.
    pub links: Vec<LinkId>,
    /// Links that are deleted, a part of those.
    pub deleted: Vec<LinkId>,
    /// Links that are made.
    pub made: Vec<OwnLink>,
    /// Whose mark they and the tables get that are made.
    pub owner: String,
    /// The indexes of links on which things may get lost.
    pub at_risk: HashSet<u32>,
    /// The indexes of links of which the kernel takes IPv6 away, be it for a moment: they go down, come up, get too small,
    /// another master or no IPv6, or lie on such a one. Of others nothing gets lost there but by somebody else.
    pub bounced: HashSet<u32>,
    /// Addresses that are made, changed or removed.
    pub addresses: Vec<Address>,
    /// Routes that are made, changed or removed.
    pub routes: Vec<Route>,
    /// Policy rules that are made or removed.
    pub rules: Vec<Rule>,
    /// Neighbours that are made, changed or removed.
    pub neighbours: Vec<Neighbour>,
    /// Alternative names that are given or taken.
    pub names: Vec<(LinkId, String)>,
    /// Settings that are written, and those that the kernel writes along with them.
    pub settings: Vec<Setting>,
    /// Tables that are made, changed or removed.
    pub tables: Vec<TableName>,
    /// Sets in which the elements of others stay.
    pub kept_sets: Vec<(TableName, String)>,
}

impl Scope {
    /// What a plan touches of what there is.
    #[must_use]
    pub fn of(plan: &Plan, before: &Snapshot) -> Self {
        let (kept_sets, owner) = (plan.kept_sets.clone(), plan.record.owner.clone());
        let mut scope = Scope { kept_sets, owner, ..Scope::default() };
        for action in plan.steps.iter().flat_map(|step| &step.actions) {
            scope.add(action);
        }
        for setting in scope.settings.clone() {
            if setting.link.is_none() {
                let along = before.settings.keys().filter(|other| {
                    other.link.is_some() && other.name == setting.name && other.family == setting.family
                });
                scope.settings.extend(along.cloned());
            }
        }
        let small = plan.steps.iter().flat_map(|step| &step.actions).filter_map(|action| match action {
            Action::ChangeLink(link, change) if change.mtu.is_some_and(|mtu| mtu < LEAST_IPV6_MTU) => {
                Some(link)
            }
            _ => None,
        });
        let small: HashSet<Cow<'_, str>> = small.filter_map(LinkId::name).collect();
        let deleted: HashSet<u32> = scope.deleted.iter().map(|link| link.index).collect();
        let goes = |link: &&netwright_route::Link| {
            let other = link.parent.filter(|_| link.kind_name() == Some("veth"));
            deleted.contains(&link.index) || other.is_some_and(|other| deleted.contains(&other))
        };
        let gone: HashSet<&str> = before.links.iter().filter(goes).map(|link| link.name.as_str()).collect();
        let of_lost = before.settings.keys().filter(|setting| {
            setting.link.as_deref().is_some_and(|link| small.contains(link) || gone.contains(link))
        });
        let of_lost: Vec<_> = of_lost.cloned().collect();
        scope.settings.extend(of_lost);
        let resized = plan.steps.iter().flat_map(|step| &step.actions).filter_map(|action| match action {
            Action::ChangeLink(link, change) if change.mtu.is_some() => Some(link.index),
            _ => None,
        });
        let resized: HashSet<u32> = resized.collect();
        let resized = before.links.iter().filter(|link| resized.contains(&link.index));
        let mut of_ipv6: Vec<_> = resized.map(|link| Setting::mtu_of_ipv6(&link.name)).collect();
        // all of IPv6 goes and comes with it
        for setting in &scope.settings {
            let switched = setting.link.as_deref().filter(|_| setting.is_disable_ipv6());
            if let Some(link) = switched.and_then(|name| before.link(name)) {
                scope.at_risk.insert(link.index);
                scope.bounced.insert(link.index);
            }
        }
        scope.spread(before);
        let bounced = before.links.iter().filter(|link| scope.bounced.contains(&link.index));
        of_ipv6.extend(bounced.map(|link| Setting::mtu_of_ipv6(&link.name)));
        scope.settings.extend(of_ipv6.into_iter().filter(|setting| before.settings.contains_key(setting)));
        scope.settings.sort();
        scope.settings.dedup();
        scope.tables.sort();
        scope.tables.dedup();
        scope
    }

    fn add(&mut self, action: &Action) {
        match action {
            Action::CreateLink(link, create) => {
                let kind = create.kind.name().to_owned();
                self.made.push(OwnLink { link: *link, kind });
            }
            Action::ChangeLink(link, change) => {
                self.links.push(*link);
                self.at_risk.insert(link.index);
                self.at_risk.extend(change.master.map(|master| master.index));
                let flags = change.set_flags | change.clear_flags;
                let small = change.mtu.is_some_and(|mtu| mtu < LEAST_IPV6_MTU);
                if flags.contains(LinkFlags::UP) || small || change.master.is_some() {
                    self.bounced.insert(link.index);
                }
            }
            Action::DeleteLink(link) => {
                self.links.push(*link);
                self.deleted.push(*link);
                self.at_risk.insert(link.index);
                self.bounced.insert(link.index);
            }
            Action::AlternativeName(_, link, name) => self.names.push((*link, name.clone())),
            // one that is added is removed on the way back, maybe as the last of its link
            Action::Address(_, address) => {
                self.addresses.push((**address).clone());
                self.at_risk.insert(address.link.index);
            }
            // the kernel's own come and go with addresses
            Action::Route(_, route) if crate::plan::is_kernels(route) => {}
            Action::Route(_, route) => self.routes.push((**route).clone()),
            Action::Rule(_, rule) => self.rules.push((**rule).clone()),
            Action::Neighbour(_, neighbour) => self.neighbours.push((**neighbour).clone()),
            Action::Nexthop(..) => {}
            Action::Setting(setting, _) => self.settings.push(setting.clone()),
            Action::Firewall(transaction) => self.tables.extend(transaction.tables()),
        }
    }

    /// What happens to a link happens to those that lie on it as well, to its master and to its ports.
    fn spread(&mut self, before: &Snapshot) {
        loop {
            let known = (self.at_risk.len(), self.bounced.len());
            for link in &before.links {
                let parent = link.parent.filter(|_| link.parent_namespace_id.is_none());
                let below = parent.is_some_and(|parent| self.at_risk.contains(&parent));
                if below && link.kind_name() != Some("veth") {
                    self.at_risk.insert(link.index);
                    let bounced = parent.is_some_and(|parent| self.bounced.contains(&parent));
                    if bounced {
                        self.bounced.insert(link.index);
                    }
                }
                if self.at_risk.contains(&link.index) {
                    self.at_risk.extend(link.master);
                }
            }
            if (self.at_risk.len(), self.bounced.len()) == known {
                break;
            }
        }
        let gone: HashSet<u32> = self.deleted.iter().map(|link| link.index).collect();
        // the other end of a cable goes along
        let ends = before.links.iter().filter(|link| link.kind_name() == Some("veth"));
        let ends = ends.filter(|link| link.parent.is_some_and(|other| gone.contains(&other)));
        let ends: Vec<u32> = ends.map(|link| link.index).collect();
        self.at_risk.extend(&ends);
        self.bounced.extend(&ends);
        let ports = before
            .links
            .iter()
            .filter(|link| link.master.is_some_and(|master| self.at_risk.contains(&master)));
        let ports: Vec<(u32, bool)> = ports
            .map(|link| (link.index, link.master.is_some_and(|master| self.bounced.contains(&master))))
            .collect();
        self.at_risk.extend(ports.iter().map(|(port, _)| *port));
        self.bounced.extend(ports.iter().filter(|(_, bounced)| *bounced).map(|(port, _)| *port));
    }

    /// As much of what there is as the way back needs.
    #[must_use]
    pub fn reduce(&self, before: &Snapshot) -> Snapshot {
        let at_risk = |index: u32| self.at_risk.contains(&index);
        let addresses: HashSet<_> = self.addresses.iter().map(|address| address.link.index).collect();
        let routes: HashSet<_> = self.routes.iter().map(keys::route).collect();
        let rules: HashSet<_> = self.rules.iter().map(keys::rule_priority).collect();
        let neighbours: HashSet<_> = self.neighbours.iter().map(keys::neighbour).collect();
        let nexthops: HashSet<u32> = before
            .nexthops
            .iter()
            .filter(|nexthop| nexthop.link.is_some_and(|link| at_risk(link.index)))
            .filter_map(|nexthop| nexthop.id)
            .collect();
        let in_group = |nexthop: &netwright_route::Nexthop| {
            nexthop.group.iter().any(|member| nexthops.contains(&member.id))
        };
        let groups: HashSet<u32> = before
            .nexthops
            .iter()
            .filter(|nexthop| in_group(nexthop))
            .filter_map(|nexthop| nexthop.id)
            .collect();
        let sources: HashSet<_> = self.addresses.iter().map(|address| address.address).collect();
        let over_risk = |route: &Route| {
            keys::links(route).any(|link| at_risk(link.index))
                || route.nexthop.is_some_and(|id| nexthops.contains(&id) || groups.contains(&id))
                || route.preferred_source.is_some_and(|source| sources.contains(&source))
        };
        Snapshot {
            // all of them: others refer to them by index, and there are never many
            links: before.links.clone(),
            addresses: before
                .addresses
                .iter()
                .filter(|address| at_risk(address.link.index) || addresses.contains(&address.link.index))
                .cloned()
                .collect(),
            routes: before
                .routes
                .iter()
                .filter(|route| over_risk(route) || routes.contains(&keys::route(route)))
                .cloned()
                .collect(),
            rules: before
                .rules
                .iter()
                .filter(|rule| rules.contains(&keys::rule_priority(rule)))
                .cloned()
                .collect(),
            neighbours: before
                .neighbours
                .iter()
                .filter(|found| {
                    let kept = at_risk(found.link.index) || neighbours.contains(&keys::neighbour(found));
                    kept && crate::plan::is_set(found)
                })
                .cloned()
                .collect(),
            forwarding: before
                .forwarding
                .iter()
                .filter(|entry| at_risk(entry.link.index) || entry.master.is_some_and(at_risk))
                .cloned()
                .collect(),
            nexthops: before
                .nexthops
                .iter()
                .filter(|nexthop| nexthop.id.is_some_and(|id| nexthops.contains(&id) || groups.contains(&id)))
                .cloned()
                .collect(),
            settings: before
                .settings
                .iter()
                .filter(|(setting, _)| self.settings.binary_search(setting).is_ok())
                .map(|(setting, value)| (setting.clone(), value.clone()))
                .collect(),
            firewall: crate::ruleset::Ruleset {
                tables: before
                    .firewall
                    .tables
                    .iter()
                    .filter(|table| self.tables.contains(&table.name()))
                    .cloned()
                    .collect(),
            },
            extras: Vec::new(),
            dump: crate::snapshot::of_tables(&before.dump, &self.tables).into(),
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        let ids = |ids: &[LinkId]| ids.iter().map(|id| encode::link_id(*id)).collect::<Json>();
        let made = self.made.iter().map(|own| json!({ "link": encode::link_id(own.link), "kind": own.kind }));
        let names = self.names.iter().map(|(id, name)| json!({ "link": encode::link_id(*id), "name": name }));
        let kept = self.kept_sets.iter().map(|(table, set)| json!({ "table": table.to_json(), "set": set }));
        let sorted = |indexes: &HashSet<u32>| {
            let mut indexes: Vec<u32> = indexes.iter().copied().collect();
            indexes.sort_unstable();
            indexes
        };
        json!({
            "links": ids(&self.links), "deleted": ids(&self.deleted), "made": made.collect::<Json>(),
            "owner": self.owner,
            "at-risk": sorted(&self.at_risk), "bounced": sorted(&self.bounced),
            "addresses": encode::list(&self.addresses), "routes": encode::list(&self.routes),
            "rules": encode::list(&self.rules), "neighbours": encode::list(&self.neighbours),
            "names": names.collect::<Json>(),
            "settings": self.settings.iter().map(Setting::to_json).collect::<Json>(),
            "tables": self.tables.iter().map(TableName::to_json).collect::<Json>(),
            "kept-sets": kept.collect::<Json>(),
        })
    }

    pub(crate) fn from_json(json: &Json) -> Result<Self, String> {
        let items = |key: &str| json.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let ids = |key: &str| items(key).iter().map(encode::read_link_id).collect::<Result<Vec<_>, _>>();
        let id = |item: &Json| encode::read_link_id(item.get("link").unwrap_or(&Json::Null));
        let made = |item: &Json| Ok(OwnLink { link: id(item)?, kind: encode::text(item, "kind")? });
        let name = |item: &Json| Ok((id(item)?, encode::text(item, "name")?));
        let kept = |item: &Json| {
            let table = TableName::from_json(item.get("table").unwrap_or(&Json::Null))?;
            Ok((table, encode::text(item, "set")?))
        };
        let indexes = |key: &str| -> HashSet<u32> {
            items(key).iter().filter_map(Json::as_u64).filter_map(|n| u32::try_from(n).ok()).collect()
        };
        // those of before it was told which of them
        let bounced = if json.get("bounced").is_some() { "bounced" } else { "at-risk" };
        Ok(Scope {
            links: ids("links")?,
            deleted: ids("deleted")?,
            made: items("made").iter().map(made).collect::<Result<_, String>>()?,
            owner: encode::text(json, "owner").unwrap_or_default(),
            at_risk: indexes("at-risk"),
            bounced: indexes(bounced),
            addresses: encode::read_list(json.get("addresses"))?,
            routes: encode::read_list(json.get("routes"))?,
            rules: encode::read_list(json.get("rules"))?,
            neighbours: encode::read_list(json.get("neighbours"))?,
            names: items("names").iter().map(name).collect::<Result<_, String>>()?,
            settings: items("settings").iter().map(Setting::from_json).collect::<Result<_, _>>()?,
            tables: items("tables").iter().map(TableName::from_json).collect::<Result<_, _>>()?,
            kept_sets: items("kept-sets").iter().map(kept).collect::<Result<_, String>>()?,
        })
    }
}
