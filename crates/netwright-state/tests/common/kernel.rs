//! A namespace as plain data that does what the kernel would, as far as plans depend on it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netwright_nft::ir::{Operation, Target};
use netwright_route::address::AddressFlags;
use netwright_route::link::kind::{Bridge, Veth};
use netwright_route::link::{Change, Create, LinkFlags, LinkKind};
use netwright_route::{Address, Family, Link, LinkId, Neighbour, Route, Rule, Scope};
use netwright_state::ruleset::Ruleset;
use netwright_state::step::{Transaction, Verb};
use netwright_state::{Action, Executor, Failure, OWN_PROTOCOL, Setting, Snapshot, Wanted};

#[derive(Clone, Debug, Default)]
pub struct Kernel {
    pub state: Snapshot,
    /// Fails the action with this number, counted down.
    pub fails_in: Option<usize>,
    /// Everything that was done.
    pub log: Vec<String>,
    next_index: u32,
    next_handle: u64,
    own_mtu: BTreeSet<u32>,
}

type Outcome = Result<(), Failure>;

fn refuse<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::new(message))
}

impl Kernel {
    /// A namespace with a loopback link and some network cards.
    pub fn with(cards: &[&str]) -> Self {
        let mut kernel = Kernel { next_index: 1, next_handle: 1, ..Kernel::default() };
        kernel.link("lo", None);
        for card in cards {
            kernel.link(card, None);
        }
        kernel.write(&Setting::forwarding(Family::IPV4), "0");
        kernel.write(&Setting::forwarding(Family::IPV6), "0");
        kernel
    }

    pub fn link(&mut self, name: &str, kind: Option<LinkKind>) -> u32 {
        self.link_at(None, name, kind)
    }

    /// A link with the index that is asked for, as the kernel gives it.
    fn link_at(&mut self, index: Option<u32>, name: &str, kind: Option<LinkKind>) -> u32 {
        let index = index.filter(|index| *index != 0).unwrap_or(self.next_index);
        self.next_index = self.next_index.max(index + 1);
        let flags = if name == "lo" { LinkFlags::LOOPBACK } else { LinkFlags::empty() };
        let address = Some([2, 0, 0, 0, 0, index as u8].into());
        let name = name.to_owned();
        self.state.links.push(Link { index, name, kind, flags, address, mtu: Some(1500), ..Link::default() });
        index
    }

    pub fn at(&mut self, name: &str) -> Result<&mut Link, Failure> {
        let found = self.state.links.iter_mut().find(|link| link.name == name);
        found.ok_or_else(|| Failure::new(format!("no link {name}")))
    }

    /// Steps mean links by their names.
    fn resolve(&self, id: LinkId) -> Result<LinkId, Failure> {
        if id.index == 0 {
            return Ok(id);
        }
        let name = id.name().ok_or_else(|| Failure::new(format!("{id:?} has no name")))?;
        self.state.link(&name).map(Link::id).ok_or_else(|| Failure::new(format!("no link {name}")))
    }

    pub fn run(&mut self, action: &Action) -> Outcome {
        match action {
            Action::CreateLink(id, create) => {
                assert_eq!(id.name().as_deref(), create.settings.name.as_deref());
                self.create(create)
            }
            Action::ChangeLink(link, change) => self.change(self.resolve(*link)?, change),
            Action::DeleteLink(link) => self.delete_link(self.resolve(*link)?),
            Action::AlternativeName(verb, link, name) => {
                let index = self.resolve(*link)?.index;
                let link = self.state.links.iter_mut().find(|link| link.index == index);
                let names = &mut link.ok_or_else(|| Failure::new("gone"))?.alternative_names;
                match verb {
                    Verb::Delete => names.retain(|known| known != name),
                    _ => names.push(name.clone()),
                }
                Ok(())
            }
            Action::Address(verb, address) => self.address(*verb, address),
            Action::Route(verb, route) => self.route(*verb, route),
            Action::Rule(verb, rule) => self.rule(*verb, rule),
            Action::Neighbour(verb, neighbour) => self.neighbour(*verb, neighbour),
            Action::Nexthop(..) => refuse("there are no nexthop objects here"),
            Action::Setting(setting, value) => {
                self.write(setting, value);
                Ok(())
            }
            Action::Firewall(transaction) => self.firewall(transaction),
        }
    }

    fn create(&mut self, create: &Create) -> Outcome {
        let name = create.settings.name.clone().unwrap();
        if self.state.link(&name).is_some() {
            return refuse(format!("link {name} exists"));
        }
        let parent = create.parent.map(|parent| self.resolve(parent)).transpose()?;
        let index = self.link_at(create.index, &name, Some(defaults(&create.kind)));
        let mut ends = vec![name.clone()];
        if let LinkKind::Veth(Veth { peer: Some(peer), .. }) = &create.kind {
            let other = peer.name().unwrap().to_owned();
            let other_index = self.link_at(Some(peer.header.index), &other, Some(Veth::default().into()));
            let end = self.at(&other)?;
            end.parent = Some(index);
            end.address = peer.attributes().address().unwrap().or(end.address);
            self.at(&name)?.parent = Some(other_index);
            ends.push(other);
        }
        let end = self.at(&name)?;
        end.address = create.settings.address.or(end.address);
        end.parent = parent.map(|parent| parent.index).or(end.parent);
        for end in ends {
            self.at(&end)?.alias.clone_from(&create.settings.alias);
        }
        Ok(())
    }

    fn change(&mut self, id: LinkId, change: &Change) -> Outcome {
        let master = change.master.map(|master| self.resolve(master)).transpose()?;
        let parent = self.state.link_at(id.index).and_then(|link| link.parent);
        let parent_up = parent.and_then(|index| self.state.link_at(index)).is_none_or(Link::is_up);
        let link = self.state.links.iter_mut().find(|link| link.index == id.index).unwrap();
        let was_up = link.is_up();
        if change.set_flags.contains(LinkFlags::UP) && link.kind_name() == Some("vlan") && !parent_up {
            return refuse("the link below is down");
        }
        link.flags = (link.flags & !change.clear_flags) | change.set_flags;
        link.mtu = change.mtu.or(link.mtu);
        link.address = change.address.or(link.address);
        link.alias = change.alias.clone().or(link.alias.take());
        if let (Some(LinkKind::Bridge(found)), Some(LinkKind::Bridge(wanted))) =
            (&mut link.kind, &change.kind)
        {
            merge(found, wanted);
        }
        let is_up = link.is_up();
        if let Some(master) = master {
            link.master = Some(master.index).filter(|&index| index != 0);
        }
        if change.mtu.is_some() {
            self.own_mtu.insert(id.index);
        }
        self.adjust_bridges();
        if was_up && !is_up {
            self.lose_routes(id.index, None);
            self.state.addresses.retain(|address| address.link != id || address.family() == Family::IPV4);
            self.state.neighbours.retain(|neighbour| neighbour.link != id);
        }
        Ok(())
    }

    /// A bridge whose MTU nobody has set takes the smallest of its ports' over.
    fn adjust_bridges(&mut self) {
        let ports: Vec<_> = self.state.links.iter().map(|link| (link.master, link.mtu)).collect();
        for link in self.state.links.iter_mut().filter(|link| link.kind_name() == Some("bridge")) {
            let of_ports =
                ports.iter().filter(|(master, _)| *master == Some(link.index)).map(|(_, mtu)| *mtu);
            if !self.own_mtu.contains(&link.index) {
                link.mtu = of_ports.min().unwrap_or(Some(1500));
            }
        }
    }

    fn delete_link(&mut self, id: LinkId) -> Outcome {
        let link = self.state.link_at(id.index).cloned().ok_or_else(|| Failure::new("gone"))?;
        let mut gone = vec![id.index];
        if link.kind_name() == Some("veth") {
            gone.extend(link.parent);
        }
        let above =
            |link: &Link| link.kind_name() == Some("vlan") && link.parent.is_some_and(|p| gone.contains(&p));
        let above: Vec<_> =
            self.state.links.iter().filter(|link| above(link)).map(|link| link.index).collect();
        gone.extend(above);
        for &index in &gone {
            self.lose_routes(index, None);
        }
        let state = &mut self.state;
        state.links.retain(|link| !gone.contains(&link.index));
        for link in &mut state.links {
            link.master = link.master.filter(|master| !gone.contains(master));
        }
        state.addresses.retain(|address| !gone.contains(&address.link.index));
        state.neighbours.retain(|neighbour| !gone.contains(&neighbour.link.index));
        let names: Vec<_> = state.links.iter().map(|link| link.name.clone()).collect();
        state.settings.retain(|setting, _| setting.link.as_ref().is_none_or(|link| names.contains(link)));
        self.adjust_bridges();
        Ok(())
    }

    fn lose_routes(&mut self, index: u32, family: Option<Family>) {
        let over = |route: &Route| {
            route
                .link
                .into_iter()
                .chain(route.next_hops.iter().filter_map(|hop| hop.link))
                .any(|l| l.index == index)
        };
        self.state
            .routes
            .retain(|route| !over(route) || family.is_some_and(|family| route.family() != family));
    }

    fn address(&mut self, verb: Verb, address: &Address) -> Outcome {
        let link = self.resolve(address.link)?;
        let key = |a: &Address| match a.family() {
            Family::IPV6 => (a.link, a.address, None, 0),
            _ => (a.link, a.address, a.peer, a.prefix_length),
        };
        let address = Address { link, ..address.clone() };
        let position = self.state.addresses.iter().position(|found| key(found) == key(&address));
        match (verb, position) {
            (Verb::Add, Some(_)) => refuse(format!("address {address} exists")),
            (Verb::Delete, None) => Ok(()),
            (Verb::Delete, Some(position)) => {
                let gone = self.state.addresses.remove(position);
                self.fall(&gone);
                Ok(())
            }
            (_, position) => {
                let mut made = self.stored(&address);
                match position {
                    Some(position) => {
                        made.flags |= self.state.addresses[position].flags & AddressFlags::SECONDARY;
                        self.state.addresses[position] = made;
                    }
                    None => {
                        if self.state.addresses.iter().any(|found| same_network(found, &made)) {
                            made.flags |= AddressFlags::SECONDARY;
                        }
                        self.state.addresses.push(made);
                    }
                }
                Ok(())
            }
        }
    }

    fn stored(&self, address: &Address) -> Address {
        let ipv4 = address.family() == Family::IPV4;
        let label = self.state.link_at(address.link.index).map(|link| link.name.clone());
        Address {
            link: LinkId::new(address.link.index),
            label: address.label.clone().or(label).filter(|_| ipv4),
            scope: Some(address.scope.unwrap_or(Scope::GLOBAL)),
            lifetime: Some(address.lifetime.unwrap_or_default()),
            flags: address.flags | AddressFlags::PERMANENT,
            ..address.clone()
        }
    }

    /// What goes along with an address.
    fn fall(&mut self, gone: &Address) {
        self.state.routes.retain(|route| route.preferred_source != Some(gone.address));
        if gone.family() != Family::IPV4 {
            return;
        }
        if !gone.flags.contains(AddressFlags::SECONDARY) {
            self.state.addresses.retain(|found| !same_network(found, gone));
        }
        if !self.state.addresses.iter().any(|a| a.link == gone.link && a.family() == Family::IPV4) {
            self.lose_routes(gone.link.index, Some(Family::IPV4));
            self.state.neighbours.retain(|found| found.link != gone.link || found.family != Family::IPV4);
        }
    }

    fn route(&mut self, verb: Verb, route: &Route) -> Outcome {
        let mut made = route.clone();
        made.table = Some(route.effective_table());
        made.scope = Some(route.effective_scope());
        made.protocol = Some(route.protocol.unwrap_or(OWN_PROTOCOL));
        if made.family() == Family::IPV6 && made.priority.unwrap_or(0) == 0 {
            made.priority = Some(1024);
        }
        made.link = made.link.map(|link| self.resolve(link)).transpose()?;
        for hop in &mut made.next_hops {
            hop.link = hop.link.map(|link| self.resolve(link)).transpose()?;
        }
        let ways = || made.link.into_iter().chain(made.next_hops.iter().filter_map(|hop| hop.link));
        if verb != Verb::Delete && !ways().all(|link| self.state.link_at(link.index).is_some_and(Link::is_up))
        {
            return refuse(format!("the network is down for route {made}"));
        }
        let source_is_here =
            |source: IpAddr| self.state.addresses.iter().any(|found| found.address == source);
        if verb != Verb::Delete && !made.preferred_source.is_none_or(source_is_here) {
            return refuse(format!("the source of route {made} is no address of the host"));
        }
        let key = |r: &Route| (r.destination, r.table, r.priority.unwrap_or(0));
        let position = self.state.routes.iter().position(|found| key(found) == key(&made));
        match (verb, position) {
            (Verb::Add, Some(_)) => refuse(format!("route {made} exists")),
            (Verb::Delete, None) => Ok(()),
            (Verb::Delete, Some(position)) => {
                self.state.routes.remove(position);
                Ok(())
            }
            (_, Some(position)) => {
                self.state.routes[position] = made;
                Ok(())
            }
            (_, None) => {
                self.state.routes.push(made);
                Ok(())
            }
        }
    }

    fn rule(&mut self, verb: Verb, rule: &Rule) -> Outcome {
        let plain = |rule: &Rule| Rule { protocol: None, ..rule.clone() };
        let position = self.state.rules.iter().position(|found| plain(found) == plain(rule));
        match (verb, position) {
            (Verb::Delete, Some(position)) => {
                self.state.rules.remove(position);
                Ok(())
            }
            (Verb::Delete, None) => Ok(()),
            (_, Some(_)) => refuse(format!("rule {rule} exists")),
            (_, None) => {
                self.state.rules.push(rule.clone());
                Ok(())
            }
        }
    }

    fn neighbour(&mut self, verb: Verb, neighbour: &Neighbour) -> Outcome {
        let link = LinkId::new(self.resolve(neighbour.link)?.index);
        let key = |n: &Neighbour| (n.link, n.destination, n.flags);
        let made = Neighbour { link, ..neighbour.clone() };
        let position = self.state.neighbours.iter().position(|found| key(found) == key(&made));
        match (verb, position) {
            (Verb::Delete, Some(position)) => {
                self.state.neighbours.remove(position);
            }
            (Verb::Delete, None) => {}
            (_, Some(position)) => self.state.neighbours[position] = made,
            (_, None) => self.state.neighbours.push(made),
        }
        Ok(())
    }

    /// The forwarding of the host sets that of all links.
    fn write(&mut self, setting: &Setting, value: &str) {
        if setting.link.is_none() && setting.name == "forwarding" {
            let links: Vec<_> = self.state.links.iter().map(|link| link.name.clone()).collect();
            for link in links {
                let of = Setting { link: Some(link), ..setting.clone() };
                self.state.settings.insert(of, value.to_owned());
            }
        }
        self.state.settings.insert(setting.clone(), value.to_owned());
    }

    fn firewall(&mut self, transaction: &Transaction) -> Outcome {
        let mut ruleset = self.state.firewall.clone();
        for command in &transaction.commands {
            let flushes = command.operation == Operation::Flush;
            assert!(!flushes, "nothing is flushed");
            ruleset.execute(command).map_err(|unfit| Failure::new(format!("{unfit}: {command:?}")))?;
            self.number(&mut ruleset, &command.target);
            check_references(&ruleset).map_err(Failure::new)?;
        }
        for name in &transaction.marked {
            let table = ruleset.tables.iter_mut().find(|table| table.name() == *name).unwrap();
            table.owner = Some(transaction.owner.clone());
        }
        self.state.firewall = ruleset;
        Ok(())
    }

    fn number(&mut self, ruleset: &mut Ruleset, target: &Target) {
        if !matches!(target, Target::Rule { .. } | Target::Chain(_) | Target::Table(_)) {
            return;
        }
        for rule in
            ruleset.tables.iter_mut().flat_map(|table| &mut table.chains).flat_map(|chain| &mut chain.rules)
        {
            if rule.handle.is_none() {
                rule.handle = Some(self.next_handle);
                self.next_handle += 1;
            }
        }
    }
}

/// The kernel refuses to delete what is in use, and to use what is not there, at every order of a transaction.
fn check_references(ruleset: &Ruleset) -> Result<(), String> {
    for table in &ruleset.tables {
        for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
            let text = format!("{:?}", rule.statements);
            for (pattern, known) in [
                ("Jump(Named(\"", table.chains.iter().map(|chain| &chain.name).collect::<Vec<_>>()),
                ("Set(Named(\"", table.sets.iter().map(|set| &set.name).collect()),
            ] {
                for rest in text.split(pattern).skip(1) {
                    let name = rest.split('"').next().unwrap_or_default();
                    if !known.iter().any(|known| *known == name) {
                        return Err(format!("rule {:?} refers to {name}, which is not there", rule.handle));
                    }
                }
            }
        }
    }
    Ok(())
}

fn same_network(one: &Address, other: &Address) -> bool {
    one.link == other.link
        && one.family() == Family::IPV4
        && other.family() == Family::IPV4
        && one.prefix_length == other.prefix_length
        && one.prefix().network() == other.prefix().network()
}

fn defaults(kind: &LinkKind) -> LinkKind {
    match kind {
        LinkKind::Bridge(wanted) => {
            let mut bridge = Bridge::default()
                .spanning_tree(0)
                .priority(32768)
                .forward_delay(1500)
                .ageing_time(30000)
                .vlan_filtering(false)
                .multicast_snooping(true);
            merge(&mut bridge, wanted);
            bridge.into()
        }
        LinkKind::Veth(_) => Veth::default().into(),
        other => other.clone(),
    }
}

fn merge(found: &mut Bridge, wanted: &Bridge) {
    found.spanning_tree = wanted.spanning_tree.or(found.spanning_tree);
    found.priority = wanted.priority.or(found.priority);
    found.forward_delay = wanted.forward_delay.or(found.forward_delay);
    found.ageing_time = wanted.ageing_time.or(found.ageing_time);
    found.vlan_filtering = wanted.vlan_filtering.or(found.vlan_filtering);
    found.multicast_snooping = wanted.multicast_snooping.or(found.multicast_snooping);
}

impl Executor for Kernel {
    fn snapshot(&mut self, _: &Wanted) -> Result<Snapshot, Failure> {
        Ok(self.state.clone())
    }

    fn execute(&mut self, action: &Action) -> Result<(), Failure> {
        match &mut self.fails_in {
            Some(0) => {
                self.fails_in = None;
                return refuse(format!("cannot {action}: by order of the test"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        self.log.push(action.to_string());
        self.run(action)
    }
}

/// What is left when numbers that the kernel gives are taken out, in an order of its own.
pub fn comparable(state: &Snapshot) -> Vec<String> {
    let name = |index: u32| state.link_at(index).map_or(String::new(), |link| link.name.clone());
    let mut lines = Vec::new();
    for link in &state.links {
        let (master, parent) = (link.master.map(name), link.parent.map(name));
        let up = link.is_up();
        let Link { name, kind, alternative_names, mtu, address, alias, .. } = link;
        lines.push(format!(
            "{name} {kind:?} {alternative_names:?} {mtu:?} {address:?} {alias:?} {master:?} {parent:?} {up}"
        ));
    }
    for address in &state.addresses {
        let flags = address.flags & !AddressFlags::SECONDARY;
        let link = name(address.link.index);
        lines.push(format!("{link} {:?}", Address { link: LinkId::default(), flags, ..address.clone() }));
    }
    for route in &state.routes {
        let ways: Vec<_> =
            route.next_hops.iter().map(|hop| (hop.gateway, hop.link.map(|l| name(l.index)))).collect();
        let link = route.link.map(|link| name(link.index));
        lines.push(format!(
            "{:?} {link:?} {ways:?}",
            Route { link: None, next_hops: Vec::new(), ..route.clone() }
        ));
    }
    lines.extend(state.rules.iter().map(|rule| format!("{rule:?}")));
    for neighbour in &state.neighbours {
        let link = name(neighbour.link.index);
        lines.push(format!("{link} {:?}", Neighbour { link: LinkId::default(), ..neighbour.clone() }));
    }
    for table in &state.firewall.tables {
        let mut table = table.clone();
        table.place = None;
        table.chains.iter_mut().flat_map(|chain| &mut chain.rules).for_each(|rule| rule.handle = None);
        table.chains.sort_by(|a, b| a.name.cmp(&b.name));
        table.sets.sort_by(|a, b| a.name.cmp(&b.name));
        table.sets.iter_mut().for_each(|set| set.elements.sort_by_key(|element| format!("{element:?}")));
        lines.push(format!("{table:?}"));
    }
    lines.sort();
    lines
}
