//! Looking at a namespace.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use netwright_netfilter::Family as TableFamily;
use netwright_route::neighbour::{List as NeighbourList, NeighbourFlags, NeighbourState};
use netwright_route::nexthop::List as NexthopList;
use netwright_route::{Family, Link, Neighbour, Nexthop};
use netwright_state::{Ruleset, Setting, Snapshot, Wanted};
use netwright_wire::Errno;

use super::{Live, conf, extras, firewall};
use crate::{Error, Result};

impl Live<'_> {
    pub(super) fn look(&mut self, wanted: &Wanted) -> Result<Snapshot> {
        let net = self.net;
        let mut neighbours = net.neighbours().list()?;
        neighbours
            .extend(net.neighbours().filter(NeighbourList { proxies: true, ..NeighbourList::default() })?);
        neighbours.retain(|found| found.family != Family::BRIDGE);
        let looked_at = firewall::look(net, wanted)?;
        let firewall = Ruleset::listed(&looked_at.dump);
        self.catalog = firewall::catalog(&firewall);
        let links = self.settled_links()?;
        self.names.extend(links.iter().map(|link| (link.index, link.name.clone())));
        self.indexes = links.iter().map(|link| (link.name.clone(), link.index)).collect();
        for link in &links {
            for name in &link.alternative_names {
                self.indexes.entry(name.clone()).or_insert(link.index);
            }
        }
        let extras = self.with_connection(|connection| Ok(extras::list(connection, &links)))?;
        let mut snapshot = Snapshot {
            extras,
            links,
            addresses: net.addresses().list()?,
            routes: net.routes().list()?,
            rules: net.rules().list()?,
            neighbours,
            forwarding: self.forwarding()?,
            nexthops: self.nexthops()?,
            firewall,
            dump: Arc::clone(&looked_at.dump),
            ..Snapshot::default()
        };
        self.looked_at = Some(looked_at);
        self.settings(wanted, &mut snapshot)?;
        Ok(snapshot)
    }

    /// Forwarding entries of bridges and VXLANs that somebody set; those that were learnt come again by themselves.
    fn forwarding(&self) -> Result<Vec<Neighbour>> {
        let list = NeighbourList { family: Family::BRIDGE, ..NeighbourList::default() };
        let found = match self.net.neighbours().filter(list) {
            Ok(found) => found,
            // kernels without bridges know no such entries
            Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let set = |entry: &Neighbour| {
            let own = entry.flags.contains(NeighbourFlags::SELF) && entry.master.is_some();
            let fixed = entry.state.intersects(NeighbourState::NO_ARP | NeighbourState::PERMANENT);
            // a link's own address is permanent there without anybody having set it
            let of_device = entry.state.contains(NeighbourState::PERMANENT) && entry.destination.is_none();
            let multicast = entry
                .address
                .is_some_and(|address| address.as_bytes().first().is_some_and(|first| first & 1 == 1));
            fixed && !of_device && !own && !multicast
        };
        Ok(found.into_iter().filter(set).collect())
    }

    fn nexthops(&self) -> Result<Vec<Nexthop>> {
        let driver = self.net.driver();
        match driver.list(NexthopList::default()) {
            Ok(found) => Ok(found),
            // kernels before 5.3
            Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn settings(&self, wanted: &Wanted, snapshot: &mut Snapshot) -> Result<()> {
        let links = std::mem::take(&mut snapshot.links);
        let read = self.settings_of(wanted, &links, snapshot);
        snapshot.links = links;
        read
    }

    fn settings_of(&self, wanted: &Wanted, links: &[Link], snapshot: &mut Snapshot) -> Result<()> {
        let mut settings = wanted.settings.clone();
        for link in links.iter().filter(|_| wanted.mtus) {
            let mtu = conf::listed(link, Family::IPV6, "mtu");
            if let Some(mtu) = mtu.filter(|mtu| link.mtu.is_some_and(|own| *mtu != own.to_string())) {
                snapshot.settings.insert(Setting::mtu_of_ipv6(&link.name), mtu);
            }
        }
        for (setting, value) in &wanted.of_all_links {
            let now = self.net.settings().sysctl().read(&setting.path(None));
            if now.is_ok_and(|now| now != *value) {
                let of = |link: &Link| Setting { link: Some(link.name.clone()), ..setting.clone() };
                settings.extend(links.iter().map(of));
            }
        }
        let by_name = conf::by_name(links);
        for setting in settings {
            let link = setting.link.as_deref().and_then(|name| by_name.get(name).copied());
            let default = setting.link.as_deref() == Some(DEFAULT);
            if (setting.link.is_none() || link.is_some() || default)
                && let Some(value) = self.value(&setting, link)?
            {
                snapshot.settings.insert(setting, value);
            }
        }
        // of links that may be made anew, what they would have then is not worth noting
        let mut usual: HashMap<_, Option<String>> = HashMap::new();
        for setting in wanted.settings_of_all(links) {
            let link = setting.link.as_deref().and_then(|name| by_name.get(name).copied());
            let Some(value) = self.value(&setting, link)? else { continue };
            let of_all = Setting { link: Some(DEFAULT.to_owned()), ..setting };
            let usual = match usual.entry((setting.family, setting.name)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => free.insert(self.value(&of_all, None)?),
            };
            if usual.as_ref() != Some(&value) {
                let link = link.map(|link| link.name.clone());
                snapshot.settings.insert(Setting { link, ..of_all }, value);
            }
        }
        Ok(())
    }

    /// The value of a setting; `None` where the kernel has none.
    fn value(&self, setting: &Setting, link: Option<&Link>) -> Result<Option<String>> {
        if let Some(value) = link.and_then(|link| conf::listed(link, setting.family, setting.name)) {
            return Ok(Some(value));
        }
        let name = link.map(|link| link.name.as_str());
        match self.net.settings().sysctl().read(&setting.path(name)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// In the place of a link's name: what each new one has.
const DEFAULT: &str = "default";

fn is_absent(error: &Error) -> bool {
    error.is_not_found() || error.errno() == Some(Errno::EINVAL)
}

/// All families.
pub(super) const ALL: TableFamily = TableFamily::UNSPECIFIED;
