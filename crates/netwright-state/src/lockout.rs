//! Whether a plan cuts the connection through which it is applied.
//!
//! What is certain is told as an error: the address, the link or the route of the connection goes, or the firewall
//! drops its packets whatever else they are. What depends on something unknown, such as a mark, passes.

use std::net::{IpAddr, SocketAddr};

use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_route::link::{Change, Create, LinkFlags, LinkKind};
use netwright_route::neighbour::NeighbourState;
use netwright_route::route::RouteKind;
use netwright_route::rule::{RuleAction, RuleFlags};
use netwright_route::{Address, Family, Link, LinkId, Neighbour, Prefix, Protocol, Route, Rule, Table};

use crate::keys;
use crate::plan::{LEAST_IPV6_MTU, Plan};
use crate::ruleset::Ruleset;
use crate::snapshot::{Setting, Snapshot};
use crate::step::{Action, Step, Verb};
use crate::switch;

mod firewall;

/// A connection with this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub client: SocketAddr,
    /// This host's end.
    pub server: SocketAddr,
}

/// How a plan cuts a connection (errors), and whether it keeps new ones like it from coming about (warnings). Nothing
/// where this is not the host of the connection.
#[must_use]
pub fn lock_out(
    plan: &Plan,
    before: &Snapshot,
    firewall: &Ruleset,
    connection: &Connection,
) -> Vec<Diagnostic> {
    let Some(link) = before.addresses.iter().find(|address| address.address == connection.server.ip()) else {
        return Vec::new();
    };
    let Some(link) = before.link_at(link.link.index) else { return Vec::new() };
    let state = State::of(before);
    let mut after = state.clone();
    for (index, step) in plan.steps.iter().enumerate() {
        for action in &step.actions {
            after.carry_out(action, index);
        }
    }
    let mut found: Vec<Diagnostic> = Vec::new();
    let step = |index: Option<usize>| index.and_then(|index| plan.steps.get(index));
    let way = carriers(link, before).into_iter().find_map(|carrier| after.cut_at(carrier));
    let cut = way.map_or_else(|| after.cut_address(&state, connection), Some);
    let cut = cut.or_else(|| after.cut_route(&state, connection, plan));
    if let Some((why, by)) = cut {
        found.push(diagnostic(&why, step(by)));
    }
    if plan.steps.iter().flat_map(|step| &step.actions).any(|action| matches!(action, Action::Firewall(_))) {
        found.extend(firewall::dropped(firewall, connection, link, before));
    }
    found
}

fn diagnostic(why: &str, step: Option<&Step>) -> Diagnostic {
    let place: Option<Span> = step.and_then(|step| step.place);
    let mut diagnostic =
        Diagnostic::error(place.unwrap_or_default(), format!("this would lock you out: {why}"));
    if place.is_none() {
        diagnostic.labels.clear();
    }
    if let Some(step) = step {
        diagnostic.help.push(format!("It is the step `{} {}`.", step.sign.as_char(), step.text));
    }
    diagnostic
}

/// The link and those that it lies on.
fn carriers<'a>(link: &'a Link, before: &'a Snapshot) -> Vec<&'a Link> {
    let mut found = vec![link];
    while let Some(below) = found.last().and_then(|link| link.parent).and_then(|index| before.link_at(index))
    {
        if link.parent_namespace_id.is_some() || found.iter().any(|known| known.index == below.index) {
            break;
        }
        found.push(below);
    }
    found
}

type Cut = (String, Option<usize>);

/// As much of the state as decides about a connection.
#[derive(Clone)]
struct State<'a> {
    before: &'a Snapshot,
    addresses: Vec<Address>,
    routes: Vec<Route>,
    rules: Vec<Rule>,
    /// Links that are gone, down, or became ports, by the step that did it.
    gone: Vec<(u32, usize)>,
    down: Vec<(u32, usize)>,
    ports: Vec<(u32, usize)>,
    /// Those that have no IPv6 any more.
    without_ipv6: Vec<(u32, usize)>,
    /// Those that listen to routers even where the host is one.
    listening: Vec<u32>,
    vrfs: Vec<u32>,
    taken: Vec<(Address, usize)>,
    given: Vec<(Address, usize)>,
    neighbours: Vec<(Neighbour, usize)>,
}

impl<'a> State<'a> {
    fn of(before: &'a Snapshot) -> Self {
        let vrf = |link: &&Link| matches!(link.kind, Some(LinkKind::Vrf(_)));
        State {
            before,
            addresses: before.addresses.clone(),
            routes: before.routes.clone(),
            rules: before.rules.clone(),
            gone: Vec::new(),
            down: Vec::new(),
            ports: Vec::new(),
            without_ipv6: Vec::new(),
            listening: before
                .links
                .iter()
                .filter(|link| switch::always_listens(link))
                .map(|link| link.index)
                .collect(),
            vrfs: before.links.iter().filter(vrf).map(|link| link.index).collect(),
            taken: Vec::new(),
            given: Vec::new(),
            neighbours: Vec::new(),
        }
    }

    fn carry_out(&mut self, action: &Action, step: usize) {
        match action {
            Action::CreateLink(link, create) => self.create(*link, create),
            Action::DeleteLink(link) => self.delete(link.index, step),
            Action::ChangeLink(link, change) => self.change(*link, change, step),
            Action::Address(Verb::Delete, address) => self.take_address(address, step),
            Action::Address(_, address) => {
                self.given.push(((**address).clone(), step));
                self.give_address(address);
            }
            Action::Setting(setting, value) => self.set(setting, value, step),
            Action::Neighbour(Verb::Delete, _) => {}
            Action::Neighbour(_, neighbour) => self.neighbours.push(((**neighbour).clone(), step)),
            Action::Route(Verb::Delete, route) => {
                let exact = |known: &Route| {
                    keys::route(known) == keys::route(route) && keys::ways(known) == keys::ways(route)
                };
                if let Some(place) = self.routes.iter().position(exact) {
                    self.routes.remove(place);
                }
            }
            Action::Route(verb, route) => {
                if *verb == Verb::Replace {
                    let place = self.routes.iter().position(|known| keys::route(known) == keys::route(route));
                    if let Some(place) = place {
                        self.routes.remove(place);
                    }
                }
                self.routes.push((**route).clone());
            }
            Action::Rule(Verb::Delete, rule) => {
                let place = self.rules.iter().position(|known| keys::rule(known) == keys::rule(rule));
                if let Some(place) = place {
                    self.rules.remove(place);
                }
            }
            Action::Rule(_, rule) => self.rules.push((**rule).clone()),
            Action::AlternativeName(..) | Action::Nexthop(..) | Action::Firewall(_) => {}
        }
    }

    fn set(&mut self, setting: &Setting, value: &str, step: usize) {
        let link = setting.link.as_deref().and_then(|name| self.before.link(name)).map(|link| link.index);
        match (link, setting.name) {
            (Some(link), "accept_ra") if value == "2" => self.listening.push(link),
            (Some(link), _) if setting.is_disable_ipv6() && value != "0" => {
                self.without_ipv6.push((link, step))
            }
            // a router does not listen to other routers
            (None, _) if *setting == Setting::forwarding(Family::IPV6) && value != "0" => {
                let listening = &self.listening;
                self.routes.retain(|route| {
                    let advertised = route.protocol == Some(Protocol::ROUTER_ADVERTISEMENT);
                    let stays = |link: LinkId| listening.contains(&link.index);
                    !(advertised && route.is_default()) || keys::links(route).all(stays)
                });
            }
            _ => {}
        }
    }

    fn create(&mut self, link: LinkId, create: &Create) {
        if matches!(create.kind, LinkKind::Vrf(_)) {
            self.vrfs.push(link.index);
        }
    }

    fn delete(&mut self, index: u32, step: usize) {
        self.gone.push((index, step));
        self.addresses.retain(|address| address.link.index != index);
        self.routes.retain(|route| !keys::links(route).any(|link| link.index == index));
    }

    fn change(&mut self, link: LinkId, change: &Change, step: usize) {
        let index = link.index;
        if change.clear_flags.contains(LinkFlags::UP) {
            self.down.push((index, step));
            self.routes.retain(|route| !keys::links(route).any(|link| link.index == index));
        }
        if change.set_flags.contains(LinkFlags::UP) {
            self.down.retain(|(other, _)| *other != index);
            let own: Vec<_> =
                self.addresses.iter().filter(|address| address.link.index == index).cloned().collect();
            for address in own {
                self.connect(&address);
            }
        }
        if let Some(mtu) = change.mtu {
            self.without_ipv6.retain(|(other, _)| *other != index || mtu < LEAST_IPV6_MTU);
            if mtu < LEAST_IPV6_MTU {
                self.without_ipv6.push((index, step));
            }
        }
        match change.master {
            Some(master) if master.index == 0 => self.ports.retain(|(other, _)| *other != index),
            Some(master) if !self.vrfs.contains(&master.index) => self.ports.push((index, step)),
            _ => {}
        }
    }

    fn give_address(&mut self, address: &Address) {
        let known = |known: &Address| keys::address(known) == keys::address(address);
        if !self.addresses.iter().any(known) {
            self.addresses.push(address.clone());
        }
        self.connect(address);
    }

    /// The route that the kernel makes along with an address.
    fn connect(&mut self, address: &Address) {
        use netwright_route::address::AddressFlags;
        let prefix =
            Prefix { address: address.peer.unwrap_or(address.address), length: address.prefix_length };
        if prefix.is_host() || address.flags.contains(AddressFlags::NO_PREFIX_ROUTE) {
            return;
        }
        let prefix = prefix.network();
        let there = |route: &Route| {
            route.destination == prefix && keys::links(route).any(|link| link.index == address.link.index)
        };
        if !self.routes.iter().any(there) {
            self.routes.push(Route { kind: RouteKind::UNICAST, ..Route::to(prefix).dev(address.link) });
        }
    }

    fn take_address(&mut self, address: &Address, step: usize) {
        self.taken.push((address.clone(), step));
        self.addresses.retain(|known| keys::address(known) != keys::address(address));
        let prefix =
            Prefix { address: address.peer.unwrap_or(address.address), length: address.prefix_length };
        let prefix = prefix.network();
        let mut others = self.addresses.iter().filter(|known| known.link.index == address.link.index);
        if others.any(|known| known.prefix().network() == prefix) {
            return;
        }
        self.routes.retain(|route| {
            route.destination != prefix
                || route.gateway.is_some()
                || !keys::links(route).any(|link| link.index == address.link.index)
        });
    }

    /// Whether a link is not what it was.
    fn cut_at(&self, link: &Link) -> Option<Cut> {
        let name = &link.name;
        let of = |list: &[(u32, usize)]| {
            list.iter().find(|(index, _)| *index == link.index).map(|(_, step)| Some(*step))
        };
        if let Some(step) = of(&self.gone) {
            return Some((format!("your connection goes over {name}, which is deleted"), step));
        }
        if let Some(step) = of(&self.down) {
            return Some((format!("your connection goes over {name}, which is set down"), step));
        }
        None
    }

    fn cut_address(&self, before: &State<'_>, connection: &Connection) -> Option<Cut> {
        let server = connection.server.ip();
        let holder = self.addresses.iter().find(|address| address.address == server);
        let Some(holder) = holder else {
            let taken = self.taken.iter().find(|(address, _)| address.address == server);
            let step = taken.map(|(_, step)| *step);
            return Some((format!("your connection goes to {server}, which is taken away"), step));
        };
        let link = holder.link.index;
        let name =
            || self.before.link_at(link).map_or_else(|| holder.link.to_string(), |link| link.name.clone());
        if let Some((_, step)) =
            self.without_ipv6.iter().find(|(index, _)| server.is_ipv6() && *index == link)
        {
            let why = format!("your connection goes to {server} on {}, which has no IPv6 any more", name());
            return Some((why, Some(*step)));
        }
        let was_port =
            before.before.link_at(link).and_then(|link| link.master).is_some_and(|master| master != 0);
        let (_, step) = self.ports.iter().find(|(index, _)| *index == link && !was_port)?;
        let why =
            format!("your connection goes to {server} on {}, which becomes a port of another link", name());
        Some((why, Some(*step)))
    }

    fn cut_route(&self, before: &State<'_>, connection: &Connection, plan: &Plan) -> Option<Cut> {
        let (client, server) = (connection.client.ip(), connection.server.ip());
        let here = before.addresses.iter().any(|address| address.address == client);
        if let Some((given, step)) = self.given.iter().find(|(given, _)| given.address == client && !here) {
            return Some((
                format!("{client}, which you come from, becomes an address of {}", given.link),
                Some(*step),
            ));
        }
        let was = before.way_to(connection)?;
        if was.kind != RouteKind::UNICAST {
            return None;
        }
        let is = self.way_to(connection);
        let links = |route: &Route| -> Vec<u32> {
            let of_nexthop = route.nexthop.map(|id| self.before.links_of_nexthop(id)).unwrap_or_default();
            keys::links(route).map(|link| link.index).chain(of_nexthop).collect()
        };
        let why = match is {
            None => format!("no route leads to {client} any more"),
            Some(is) if is.kind != RouteKind::UNICAST => {
                format!("packets to {client} meet the {} route {}", is.kind, is.destination)
            }
            Some(is) => {
                let (old, new) = (links(was), links(is));
                let moved = self
                    .addresses
                    .iter()
                    .any(|address| address.address == server && new.contains(&address.link.index));
                if moved || new.is_empty() || new.iter().any(|link| old.contains(link)) {
                    return self.cut_neighbour(is, client);
                }
                format!("packets to {client} go another way, by the route {is}")
            }
        };
        let about = |action: &Action| match action {
            Action::Route(Verb::Delete, route) => keys::route(route) == keys::route(was),
            Action::Route(_, route) => is.is_some_and(|is| keys::route(route) == keys::route(is)),
            Action::Address(Verb::Delete, address) => address.prefix().network() == was.destination,
            Action::Rule(..) => true,
            _ => false,
        };
        let step = plan.steps.iter().position(|step| step.actions.iter().any(about));
        Some((why, step))
    }

    /// Whether the next host on the way becomes one of another hardware address than it answers with.
    fn cut_neighbour(&self, way: &Route, client: IpAddr) -> Option<Cut> {
        let next = way.gateway.unwrap_or(client);
        let of = |found: &Neighbour, neighbour: &Neighbour| {
            found.destination == Some(next) && found.link.index == neighbour.link.index
        };
        let useless = NeighbourState::FAILED | NeighbourState::INCOMPLETE;
        let (new, step) = self.neighbours.iter().find(|(new, _)| {
            let answers = |found: &&Neighbour| of(found, new) && !found.state.intersects(useless);
            let known = self.before.neighbours.iter().find(answers);
            let other = known.is_some_and(|known| known.address.is_some() && known.address != new.address);
            keys::links(way).any(|link| link.index == new.link.index) && of(new, new) && other
        })?;
        let address = new.address.map(|address| address.to_string()).unwrap_or_default();
        Some((format!("packets to {client} go to {next}, which would be {address}"), Some(*step)))
    }

    /// The route that answers to the client take, as far as it is decided by addresses.
    fn way_to(&self, connection: &Connection) -> Option<&Route> {
        let (client, server) = (connection.client.ip(), connection.server.ip());
        let mut rules: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| {
                rule.action == RuleAction::LOOKUP
                    && (rule.effective_family() == netwright_route::Family::IPV6) == client.is_ipv6()
                    && decides(rule, client, server)
            })
            .collect();
        rules.sort_by_key(|rule| rule.priority.unwrap_or(0));
        let mut tables: Vec<Table> = rules.iter().filter_map(|rule| rule.table).collect();
        if tables.is_empty() {
            tables = vec![Table::LOCAL, Table::MAIN, Table::DEFAULT];
        }
        tables.into_iter().find_map(|table| self.route_in(table, client))
    }

    fn route_in(&self, table: Table, to: IpAddr) -> Option<&Route> {
        let fits = |route: &&Route| {
            route.effective_table() == table
                && route.type_of_service == 0
                && route.source.is_none_or(|source| source.length == 0)
                && (route.destination.address.is_ipv6() == to.is_ipv6())
                && route.destination.contains(to)
                && !keys::links(route).any(|link| {
                    let down = |list: &[(u32, usize)]| list.iter().any(|(index, _)| *index == link.index);
                    down(&self.down) || down(&self.gone)
                })
        };
        let metric = |route: &Route| keys::route(route).3;
        let best = |one: &&Route, other: &&Route| {
            (one.destination.length, std::cmp::Reverse(metric(one)))
                .cmp(&(other.destination.length, std::cmp::Reverse(metric(other))))
        };
        // of equals, the first counts
        let found = self.routes.iter().filter(fits).rev().max_by(best)?;
        (found.kind != RouteKind::THROW).then_some(found)
    }
}

/// Whether a rule is for the packets to a client, as far as that is known: what else a packet must have for it is not.
fn decides(rule: &Rule, client: IpAddr, server: IpAddr) -> bool {
    const TCP: u8 = 6;
    let known = Rule {
        family: rule.family,
        priority: rule.priority,
        from: rule.from,
        to: rule.to,
        ip_protocol: rule.ip_protocol,
        action: rule.action,
        table: rule.table,
        target: rule.target,
        suppress_prefix_length: rule.suppress_prefix_length,
        suppress_group: rule.suppress_group,
        flow: rule.flow,
        ..Rule::default()
    };
    let matches = rule.from.is_none_or(|from| from.contains(server))
        && rule.to.is_none_or(|to| to.contains(client))
        && rule.ip_protocol.is_none_or(|protocol| protocol == TCP);
    let inverted = rule.flags.contains(RuleFlags::INVERT);
    keys::rule(rule) == Rule { flags: rule.flags & RuleFlags::INVERT, ..known } && matches != inverted
}
