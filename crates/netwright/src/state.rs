//! Desired state in the kernel: what plans of `netwright-state` are made from and carried out by (feature `state`).
//!
//! ```no_run
//! use netwright::state::Live;
//! use netwright_state::{Owners, Record, Ruleset, Wish, bring, model::Host};
//!
//! let net = netwright::Net::open()?;
//! let (host, firewall) = (Host::default(), Ruleset::default());
//! let owners = Owners { own: Record::new("my-program"), ..Owners::default() };
//! let wish = Wish { host: &host, firewall: &firewall, owners: &owners };
//! bring(wish, &mut Live::new(&net), &mut |_: netwright_state::Progress<'_>| {})?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Store`] keeps what was made for whom, and the journals of what is under way, in files.

mod beside;
mod conf;
mod creation;
mod extras;
mod firewall;
mod neighbours;
mod ready;
mod requests;
mod rules;
mod snapshot;
mod store;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use netwright_nft::catalog::Catalog;
use netwright_route::address::{AddressFlags, List as AddressList};
use netwright_route::link::{Change, Get, LinkKind};
use netwright_route::{Family, LinkId, Route, Rule};
use netwright_state::step::{self, Verb};
use netwright_state::{Action, Executor, Failure, Removed, Setting, Snapshot, Wanted};
use netwright_sys::{Connection, protocol};
use netwright_wire::Errno;

use self::beside::Beside;
use self::creation::creations;
use self::requests::Ready;
use crate::{Error, Net, Result};

pub use self::store::{Lock, LockError, Store, StoreError, Whereabouts};

/// A namespace as it is, which plans are made for and applied to.
#[derive(Debug)]
pub struct Live<'n> {
    net: &'n Net,
    /// What the firewall's rules can refer to, as of the last snapshot.
    catalog: Catalog,
    /// The part of the firewall that was looked at in the last snapshot, and its generation.
    looked_at: Option<firewall::LookedAt>,
    /// What the links are called whose indexes steps may have.
    names: HashMap<u32, String>,
    /// The indexes of links now, by name.
    indexes: HashMap<String, u32>,
    /// The ports of the sockets by which all this was asked for.
    ports: Mutex<HashSet<u32>>,
    beside: Option<Beside>,
    /// Routes that others have made meanwhile just as they are declared.
    made_by_others: Vec<Route>,
    /// The links that were brought up, which IPv6 notices later.
    raised: ready::Raised,
}

impl<'n> Live<'n> {
    /// The namespace that `net` works in.
    #[must_use]
    pub fn new(net: &'n Net) -> Self {
        Live {
            net,
            catalog: Catalog::default(),
            looked_at: None,
            names: HashMap::new(),
            indexes: HashMap::new(),
            ports: Mutex::default(),
            beside: None,
            made_by_others: Vec::new(),
            raised: ready::Raised::default(),
        }
    }

    /// The same, which from now on notes what others remove, so that it is not taken for lost. Without the right to listen nothing is
    /// known of it.
    #[must_use]
    pub fn listening(net: &'n Net) -> Self {
        let beside = Beside::listen(net.namespace()).ok();
        Live { beside, ..Live::new(net) }
    }

    fn act(&mut self, action: &Action) -> Result<()> {
        match action {
            Action::CreateLink(id, create) => self.create(*id, create),
            Action::Setting(setting, value) => self.write(setting, value),
            Action::Firewall(transaction) => self.firewall(transaction).map_err(|refused| refused.error),
            Action::Route(verb, route) if *verb != Verb::Delete => {
                let done = self.route(action, route);
                if let Err(error) = &done {
                    self.note_made(action, error);
                }
                done
            }
            Action::Rule(Verb::Delete, rule) => self.delete_rule(rule),
            Action::Rule(Verb::Add, rule) => match self.send_one(action) {
                Err(error) if error.errno() == Some(Errno::EEXIST) => self.add_beside(rule, error),
                done => done,
            },
            Action::Neighbour(Verb::Add, neighbour) => match self.send_one(action) {
                Err(error) if error.errno() == Some(Errno::EEXIST) => self.set_learned(neighbour, error),
                done => done,
            },
            Action::DeleteLink(link) => {
                let done = self.send_one(action);
                if let (Ok(()), Some(name)) = (&done, link.name()) {
                    self.indexes.remove(&*name);
                }
                done
            }
            action => self.send_one(action),
        }
    }

    /// Carries out what is one message.
    fn send_one(&mut self, action: &Action) -> Result<()> {
        let Some(ready) = self.ready(action)? else { return Ok(()) };
        let done = self.with_connection(|connection| connection.acknowledge(&ready));
        match done {
            // what is gone already need not be deleted, what is there already need not be made
            Err(error) if ready.is_done_by(&error) => Ok(()),
            done => done,
        }
    }

    fn with_connection<T: Send>(&self, job: impl FnOnce(&mut Connection) -> Result<T> + Send) -> Result<T> {
        self.net.driver().run(protocol::ROUTE, |connection| {
            self.ports.lock().unwrap_or_else(PoisonError::into_inner).insert(connection.socket().port());
            job(connection)
        })
    }

    /// The link of a name now: steps are made with indexes that may not hold any more.
    fn resolve(&mut self, link: LinkId) -> Result<LinkId> {
        let Some(name) = link.name().filter(|_| link.index != 0) else { return Ok(link) };
        if let Some(index) = self.indexes.get(&*name) {
            return Ok(LinkId::named(*index, &name));
        }
        let found = match self.net.links().get(&name) {
            Ok(found) => found.id(),
            // somebody has renamed it
            Err(error) if error.is_not_found() => {
                let by_index = Get::by_index(link.index);
                match self.with_connection(|connection| connection.query(&by_index)) {
                    Ok(found) if self.names.get(&link.index).is_some_and(|old| **old == *name) => found.id(),
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        self.indexes.insert(name.into_owned(), found.index);
        Ok(found)
    }

    /// The same for the indexes in the data of a link's kind.
    fn resolve_kind(&mut self, kind: &mut LinkKind) -> Result<()> {
        for index in step::links_in_kind(kind) {
            if let Some(name) = self.names.get(index).cloned() {
                *index = self.resolve(LinkId::named(*index, &name))?.index;
            }
        }
        Ok(())
    }

    /// The message of an action, with the indexes that links have now; `None` where nothing is to be sent.
    fn ready(&mut self, action: &Action) -> Result<Option<Ready>> {
        let ready = match action {
            Action::ChangeLink(link, change) => {
                let link = self.resolve(*link)?;
                let master = change.master.map(|master| self.resolve(master)).transpose()?;
                let mut change = Change { master, ..(**change).clone() };
                if let Some(kind) = &mut change.kind {
                    self.resolve_kind(kind)?;
                }
                self.raised.note(link, &change);
                Ready::change(link, &change)
            }
            Action::DeleteLink(link) => Ready::delete_link(self.resolve(*link)?),
            Action::AlternativeName(verb, link, name) => {
                Ready::alternative_name(*verb, self.resolve(*link)?, name)
            }
            Action::Address(verb, address) => {
                let link = self.resolve(address.link)?;
                Ready::object(*verb, &netwright_route::Address { link, ..(**address).clone() })
            }
            Action::Route(verb, route) => {
                let mut route = (**route).clone();
                route.link = route.link.map(|link| self.resolve(link)).transpose()?;
                for hop in &mut route.next_hops {
                    hop.link = hop.link.map(|link| self.resolve(link)).transpose()?;
                }
                Ready::object(*verb, &route)
            }
            Action::Rule(verb, rule) => Ready::object(*verb, &**rule),
            Action::Neighbour(verb, neighbour) => {
                let link = self.resolve(neighbour.link)?;
                Ready::object(*verb, &netwright_route::Neighbour { link, ..(**neighbour).clone() })
            }
            Action::Nexthop(verb, nexthop) => {
                let link = nexthop.link.map(|link| self.resolve(link)).transpose()?;
                Ready::object(*verb, &netwright_route::Nexthop { link, ..(**nexthop).clone() })
            }
            Action::CreateLink(..) | Action::Setting(..) | Action::Firewall(_) => return Ok(None),
        };
        ready.map(Some)
    }

    /// A route whose source is an address of IPv6 waits until it is known that nobody else has it.
    fn route(&mut self, action: &Action, route: &Route) -> Result<()> {
        const LONGEST: Duration = Duration::from_secs(8);
        let start = Instant::now();
        loop {
            let done = self.send_one(action);
            let source = route.preferred_source.filter(|_| route.family() == Family::IPV6);
            match (&done, source) {
                (Err(_), Some(source)) if start.elapsed() < LONGEST && self.is_tentative(source)? => {
                    std::thread::sleep(PAUSE);
                }
                _ => return done,
            }
        }
    }

    fn is_tentative(&self, address: std::net::IpAddr) -> Result<bool> {
        let list = AddressList { family: Family::IPV6, ..AddressList::default() };
        let found = self.net.addresses().filter(list)?;
        let waits = AddressFlags::TENTATIVE;
        let refused = AddressFlags::DUPLICATE_DETECTED;
        Ok(found.iter().any(|found| {
            found.address == address && found.flags.contains(waits) && !found.flags.contains(refused)
        }))
    }

    fn write(&mut self, setting: &Setting, value: &str) -> Result<()> {
        let link = match setting.link.as_deref() {
            Some(name) => {
                let link = self.resolve(LinkId::named(u32::MAX, name))?;
                if *setting == Setting::mtu_of_ipv6(name) {
                    self.wait_until_ready(link)?;
                }
                Some(link.name().map_or_else(|| name.to_owned(), Cow::into_owned))
            }
            None => None,
        };
        self.net.settings().sysctl().write(&setting.path(link.as_deref()), value)
    }

    /// Sends a run of actions that are messages of rtnetlink, many with each system call.
    fn send_run(&mut self, actions: &[&Action]) -> std::result::Result<(), (usize, Error)> {
        let mut ready = Vec::with_capacity(actions.len());
        let mut places = Vec::with_capacity(actions.len());
        for (place, action) in actions.iter().enumerate() {
            match self.ready(action) {
                Ok(Some(message)) => {
                    ready.push(message);
                    places.push(place);
                }
                Ok(None) => {}
                Err(error) => return Err((place, error)),
            }
        }
        let sent = self.with_connection(|connection| connection.send_many(&ready));
        let failures = sent.map_err(|error| (0, error))?;
        for failure in failures {
            if ready.get(failure.index).is_some_and(|ready| ready.is_done_by(&failure.error)) {
                continue;
            }
            let place = places.get(failure.index).copied().unwrap_or(0);
            let exists = failure.error.errno() == Some(Errno::EEXIST);
            match actions.get(place) {
                Some(Action::Rule(Verb::Add, rule)) if exists => {
                    self.add_beside(rule, failure.error).map_err(|error| (place, error))?;
                }
                Some(Action::Neighbour(Verb::Add, neighbour)) if exists => {
                    self.set_learned(neighbour, failure.error).map_err(|error| (place, error))?;
                }
                action => {
                    action.iter().for_each(|action| self.note_made(action, &failure.error));
                    return Err((place, failure.error));
                }
            }
        }
        Ok(())
    }

    /// Notes a route that could not be made since somebody else has made it.
    fn note_made(&mut self, action: &Action, error: &Error) {
        if let (Action::Route(Verb::Add, route), Some(Errno::EEXIST)) = (action, error.errno()) {
            self.made_by_others.push((**route).clone());
        }
    }
}

/// Between two looks at what the kernel does by itself.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether an action is one message of rtnetlink that needs nothing of what is made before it. `rules` are the policy rules
/// that there are.
fn is_message(action: &Action, rules: &[Rule]) -> bool {
    let waits = |route: &Route| route.preferred_source.is_some() && route.family() == Family::IPV6;
    match action {
        Action::ChangeLink(..) | Action::AlternativeName(..) | Action::Address(..) => true,
        Action::Rule(Verb::Delete, rule) => rules::is_taken_at_once(rule, rules),
        Action::Rule(..) => true,
        Action::Neighbour(..) | Action::Nexthop(..) => true,
        Action::Route(verb, route) => *verb == Verb::Delete || !waits(route),
        Action::DeleteLink(_) => true,
        Action::CreateLink(..) | Action::Setting(..) | Action::Firewall(_) => false,
    }
}

impl Executor for Live<'_> {
    fn snapshot(&mut self, wanted: &Wanted) -> std::result::Result<Snapshot, Failure> {
        self.look(wanted).map_err(|error| failure(&error))
    }

    fn execute(&mut self, action: &Action) -> std::result::Result<(), Failure> {
        match action {
            Action::Firewall(transaction) => self.firewall(transaction).map_err(|refused| Failure {
                place: refused.place,
                outdated: refused.outdated,
                ..failure(&refused.error)
            }),
            action => self.act(action).map_err(|error| failure(&error)),
        }
    }

    fn removed_by_others(&mut self) -> Removed {
        let own = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let removed =
            self.beside.as_mut().map_or_else(Removed::default, |beside| beside.removed(&own).clone());
        Removed { made: self.made_by_others.clone(), ..removed }
    }

    fn execute_many(&mut self, actions: &[&Action]) -> std::result::Result<(), (usize, Failure)> {
        // before there is no room any more
        if let Some(beside) = &mut self.beside {
            beside.removed(&self.ports.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let deletes_rules = |action: &&Action| matches!(action, Action::Rule(Verb::Delete, _));
        let rules = match actions.iter().any(deletes_rules) {
            true => self.rules().map_err(|error| (0, failure(&error)))?,
            false => Vec::new(),
        };
        let mut start = 0;
        while let Some(first) = actions.get(start) {
            let rest = actions.get(start..).unwrap_or_default();
            let run = rest.iter().take_while(|action| is_message(action, &rules)).count();
            let creations = creations(rest);
            if creations > 1 {
                let run = rest.get(..creations).unwrap_or_default();
                self.create_run(run).map_err(|(place, error)| (start + place, failure(&error)))?;
                start += creations;
            } else if run > 1 {
                let run = rest.get(..run).unwrap_or_default();
                self.send_run(run).map_err(|(place, error)| (start + place, failure(&error)))?;
                for action in run {
                    if let Action::DeleteLink(link) = action {
                        link.name().map(|name| self.indexes.remove(&*name));
                    }
                }
                start += run.len();
            } else {
                self.execute(first).map_err(|failure| (start, failure))?;
                start += 1;
            }
        }
        Ok(())
    }
}

fn failure(error: &Error) -> Failure {
    Failure {
        message: error.to_string(),
        help: error.help().map(|help| help.to_string()),
        ..Failure::default()
    }
}
