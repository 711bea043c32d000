//! Looking at a namespace.

use std::sync::Arc;

use netwright_netfilter::Family as TableFamily;
use netwright_route::neighbour::{List as NeighbourList, NeighbourFlags, NeighbourState};
use netwright_route::nexthop::List as NexthopList;
use netwright_route::{Family, Neighbour, Nexthop};
use netwright_state::{Ruleset, Snapshot, Wanted};
use netwright_wire::Errno;

use super::{Live, extras, firewall};
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
        let links = net.links().list()?;
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
        let of_links = snapshot.links.iter().flat_map(|link| wanted.settings_of(link));
        let mut settings: Vec<_> = wanted.settings.iter().cloned().chain(of_links).collect();
        for (setting, value) in &wanted.of_all_links {
            let now = self.net.settings().sysctl().read(&setting.path(None));
            if now.is_ok_and(|now| now != *value) {
                let of = |link: &netwright_route::Link| netwright_state::Setting {
                    link: Some(link.name.clone()),
                    ..setting.clone()
                };
                settings.extend(snapshot.links.iter().map(of));
            }
        }
        for setting in settings {
            let name = setting.link.as_deref().and_then(|name| self.indexes.get(name));
            let name = name.and_then(|index| self.names.get(index));
            let default = setting.link.as_deref() == Some("default");
            if setting.link.is_some() && name.is_none() && !default {
                continue;
            }
            match self.net.settings().sysctl().read(&setting.path(name.map(String::as_str))) {
                Ok(value) => {
                    snapshot.settings.insert(setting, value);
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_absent(error: &Error) -> bool {
    error.is_not_found() || error.errno() == Some(Errno::EINVAL)
}

/// All families.
pub(super) const ALL: TableFamily = TableFamily::UNSPECIFIED;
