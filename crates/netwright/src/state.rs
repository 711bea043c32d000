//! Desired state in the kernel: what plans of `netwright-state` are made from and carried out by (feature `state`).
//!
//! ```no_run
//! use netwright::state::Live;
//! use netwright_state::{Ruleset, bring, model::Host};
//!
//! let net = netwright::Net::open()?;
//! let (host, firewall) = (Host::default(), Ruleset::default());
//! bring(&host, &firewall, &mut Live::new(&net), &mut |_| {})?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod firewall;

use std::collections::HashMap;

use netwright_netfilter::Family as TableFamily;
use netwright_nft::catalog::Catalog;
use netwright_route::link::{Change, Create, LinkKind};
use netwright_route::neighbour::List as NeighbourList;
use netwright_route::{Address, LinkId, Neighbour, Route, Rule};
use netwright_state::step::{self, Verb};
use netwright_state::{Action, Executor, Failure, Setting, Snapshot, Wanted};
use netwright_sys::Tun;

use crate::{Error, Net, Result};

/// A namespace as it is, which plans are made for and applied to.
#[derive(Debug)]
pub struct Live<'n> {
    net: &'n Net,
    /// What the firewall's rules can refer to, as of the last snapshot.
    catalog: Catalog,
    /// The generation of the firewall at the last snapshot.
    generation: Option<u32>,
    /// What the links are called whose indexes steps may have.
    names: HashMap<u32, String>,
}

impl<'n> Live<'n> {
    /// The namespace that `net` works in.
    #[must_use]
    pub fn new(net: &'n Net) -> Self {
        Live { net, catalog: Catalog::default(), generation: None, names: HashMap::new() }
    }

    fn look(&mut self, wanted: &Wanted) -> Result<Snapshot> {
        let net = self.net;
        let mut neighbours = net.neighbours().list()?;
        neighbours
            .extend(net.neighbours().filter(NeighbourList { proxies: true, ..NeighbourList::default() })?);
        let dump = net.nft().dump(TableFamily::UNSPECIFIED)?;
        self.generation = Some(dump.generation);
        let firewall = firewall::content(&dump);
        self.catalog = firewall::catalog(&firewall);
        let links = net.links().list()?;
        self.names.extend(links.iter().map(|link| (link.index, link.name.clone())));
        let mut snapshot = Snapshot {
            links,
            addresses: net.addresses().list()?,
            routes: net.routes().list()?,
            rules: net.rules().list()?,
            neighbours,
            firewall,
            ..Snapshot::default()
        };
        let of_own = snapshot.links.iter().flat_map(|link| wanted.settings_of(link));
        let settings: Vec<_> = wanted.settings.iter().cloned().chain(of_own).collect();
        for setting in settings {
            let name =
                setting.link.as_deref().and_then(|name| snapshot.link(name)).map(|link| link.name.as_str());
            if setting.link.is_some() && name.is_none() {
                continue;
            }
            match net.settings().sysctl().read(&setting.path(name)) {
                Ok(value) => {
                    snapshot.settings.insert(setting, value);
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(snapshot)
    }

    fn act(&mut self, action: &Action) -> Result<()> {
        let net = self.net;
        match action {
            Action::CreateLink(id, create) => {
                self.names.extend(id.name().map(|name| (id.index, name.to_owned())));
                self.create(create)
            }
            Action::ChangeLink(link, change) => self.change(self.resolve(*link)?, change),
            Action::DeleteLink(link) => net.links().delete(self.resolve(*link)?),
            Action::AlternativeName(verb, link, name) => {
                let link = self.resolve(*link)?;
                match verb {
                    Verb::Delete => net.links().remove_alternative_name(link, name),
                    Verb::Add | Verb::Replace => net.links().add_alternative_name(link, name),
                }
            }
            Action::Address(verb, address) => {
                let address = Address { link: self.resolve(address.link)?, ..(**address).clone() };
                match verb {
                    Verb::Add => net.addresses().add(address.link, address),
                    Verb::Replace => net.addresses().replace(address.link, address),
                    Verb::Delete => net.addresses().delete(address.link, address),
                }
            }
            Action::Route(verb, route) => self.route(*verb, route),
            Action::Rule(Verb::Delete, rule) => net.rules().delete(Rule::clone(rule)),
            Action::Rule(_, rule) => net.rules().add(Rule::clone(rule)),
            Action::Neighbour(verb, neighbour) => {
                let neighbour = Neighbour { link: self.resolve(neighbour.link)?, ..(**neighbour).clone() };
                match verb {
                    Verb::Add => net.neighbours().add(neighbour),
                    Verb::Replace => net.neighbours().replace(neighbour),
                    Verb::Delete => net.neighbours().delete(neighbour),
                }
            }
            Action::Setting(setting, value) => self.write(setting, value),
            Action::Firewall(transaction) => self.firewall(transaction).map_err(|refused| refused.error),
        }
    }

    /// The link of a name now: steps are made with indexes that may not hold any more.
    fn resolve(&self, link: LinkId) -> Result<LinkId> {
        match link.name().filter(|_| link.index != 0) {
            Some(name) => Ok(self.net.links().get(name)?.id()),
            None => Ok(link),
        }
    }

    /// The same for the index in the data of a link's kind.
    fn resolve_kind(&self, kind: &mut LinkKind) -> Result<()> {
        if let Some(index) = step::link_in_kind(kind)
            && let Some(name) = self.names.get(index)
        {
            *index = self.net.links().get(name)?.index;
        }
        Ok(())
    }

    fn create(&self, create: &Create) -> Result<()> {
        let net = self.net;
        if let LinkKind::Tun(tun) = &create.kind {
            return self.create_tun(create, tun);
        }
        let mut create = create.clone();
        create.parent = create.parent.map(|parent| self.resolve(parent)).transpose()?;
        self.resolve_kind(&mut create.kind)?;
        let alias = create.settings.alias.take();
        let peer = match &create.kind {
            LinkKind::Veth(veth) => veth.peer.as_ref().and_then(|peer| peer.name()).map(str::to_owned),
            _ => None,
        };
        let made = net.links().create(create)?;
        let Some(alias) = alias else { return Ok(()) };
        let mark = || -> Result<()> {
            net.links().set(&made, Change::alias(alias.as_str()))?;
            if let Some(peer) = peer {
                net.links().set(&net.links().get(&peer)?, Change::alias(alias.as_str()))?;
            }
            Ok(())
        };
        // A step is done wholly or not at all.
        mark().inspect_err(|_| {
            let _ = net.links().delete(&made);
        })
    }

    fn create_tun(&self, create: &Create, tun: &netwright_route::link::kind::Tun) -> Result<()> {
        let name = create.settings.name.clone().unwrap_or_default();
        let device = Tun {
            name: name.clone(),
            ethernet: tun.mode == Some(netwright_route::link::kind::TunMode::TAP),
            owner: tun.owner,
            group: tun.group,
            packet_information: tun.packet_information == Some(true),
            virtio_header: tun.virtio_header == Some(true),
            multiple_queues: tun.multiple_queues == Some(true),
        };
        device.create(self.net.namespace())?;
        let made = self.net.links().get(&name)?;
        let settings = Change { name: None, ..create.settings.clone() };
        self.net.links().set(&made, settings).inspect_err(|_| {
            let _ = self.net.links().delete(&made);
        })
    }

    fn change(&self, link: LinkId, change: &Change) -> Result<()> {
        let master = change.master.map(|master| self.resolve(master)).transpose()?;
        let mut change = Change { master, ..change.clone() };
        change.kind.as_mut().map(|kind| self.resolve_kind(kind)).transpose()?;
        self.net.links().set(link, change)
    }

    fn route(&self, verb: Verb, route: &Route) -> Result<()> {
        let mut route = route.clone();
        route.link = route.link.map(|link| self.resolve(link)).transpose()?;
        for hop in &mut route.next_hops {
            hop.link = hop.link.map(|link| self.resolve(link)).transpose()?;
        }
        let routes = self.net.routes();
        match verb {
            Verb::Add => routes.add(route),
            Verb::Replace => routes.replace(route),
            Verb::Delete => routes.delete(route),
        }
    }

    fn write(&self, setting: &Setting, value: &str) -> Result<()> {
        let link = setting.link.as_deref().map(|name| self.net.links().get(name)).transpose()?;
        let path = setting.path(link.as_ref().map(|link| link.name.as_str()));
        self.net.settings().sysctl().write(&path, value)
    }
}

impl Executor for Live<'_> {
    fn snapshot(&mut self, wanted: &Wanted) -> std::result::Result<Snapshot, Failure> {
        self.look(wanted).map_err(|error| failure(&error))
    }

    fn execute(&mut self, action: &Action) -> std::result::Result<(), Failure> {
        match action {
            Action::Firewall(transaction) => self
                .firewall(transaction)
                .map_err(|refused| Failure { place: refused.place, ..failure(&refused.error) }),
            action => self.act(action).map_err(|error| failure(&error)),
        }
    }
}

fn failure(error: &Error) -> Failure {
    Failure { message: error.to_string(), help: error.help().map(|help| help.to_string()), place: None }
}
