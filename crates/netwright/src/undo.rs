//! Taking back what a program did when it ends.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use netwright_route::link::{AlternativeNames, Change, Create, Delete, Get, Set};
use netwright_route::{Add, Address, Append, Link, LinkId, Neighbour, Object, Replace, Route, Rule};
use netwright_sys::{Cause, Error, protocol};
use netwright_wire::Errno;

use crate::driver::Blocking;
use crate::{Net, Result, ensure, links, routes, rules};

/// Changes that are taken back, the last first, when this is dropped: also where a panic unwinds or `?` returns early. What a VPN
/// does to a host's routes belongs here.
///
/// ```no_run
/// use netwright::route::Table;
/// use netwright::route::link::Create;
/// use netwright::{Net, PolicyRule, Route};
///
/// let net = Net::open()?;
/// let mut undo = net.undo();
/// let tun = undo.create_link(Create::tun("vpn%d"))?;
/// undo.add_address(&tun, "10.8.0.2/24".parse()?)?;
/// undo.replace_route(Route::default_via("10.8.0.1".parse()?).dev(&tun).table(Table(51820)))?;
/// undo.add_rule(PolicyRule::lookup(Table(51820)).mark(0).priority(100))?;
/// // … and when `undo` goes, all of it goes.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the feature `signals`, [`Undo::on_signals`] takes it back too where the process is told to end by `SIGINT`, `SIGTERM` or
/// `SIGHUP`. What nothing can catch (`SIGKILL`, a power cut) leaves it: links of a descriptor, such as TUN interfaces that are not
/// persistent, go then with their routes.
#[must_use = "what is not kept is taken back at once"]
#[derive(Debug)]
pub struct Undo {
    driver: Blocking,
    steps: Arc<Mutex<Steps>>,
}

/// One change's way back.
type Step = Box<dyn FnOnce(&Blocking) -> Result<()> + Send>;

#[derive(Default)]
pub(crate) struct Steps(Vec<(String, Step)>);

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(what, _)| what)).finish()
    }
}

impl Net {
    /// Starts to note what is changed, to take it back.
    pub fn undo(&self) -> Undo {
        Undo { driver: self.driver().clone(), steps: Arc::default() }
    }
}

impl Undo {
    fn note(&mut self, what: impl Into<String>, back: impl FnOnce(&Blocking) -> Result<()> + Send + 'static) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.0.push((what.into(), Box::new(back)));
    }

    /// Creates a link, as [`Links::create`](crate::Links::create); deletes it again.
    pub fn create_link(&mut self, create: Create) -> Result<Link> {
        let elsewhere = create.settings.namespace.as_ref().map(links::open).transpose()?.map(Blocking::new);
        let made = links::create(&self.driver, create)?;
        let link = made.id();
        self.note(format!("create link {made}"), move |driver| {
            absent_is_gone(elsewhere.as_ref().unwrap_or(driver).acknowledge(Delete::new(link)))
        });
        Ok(made)
    }

    /// Brings a link up or down, renames it, sets its MTU, addresses, alias, group, queue, master or segment sizes, or gives it
    /// alternative names; puts back what it was. What the kernel takes along, such as the routes of a link that goes down and its
    /// addresses of IPv6, is not put back. An error where the change has anything else, such as options of the link's kind.
    pub fn set_link(&mut self, link: impl Into<LinkId>, change: Change) -> Result<()> {
        let link = link.into();
        let before = self.driver.query(Get::by_index(link.index))?;
        let back = way_back(&change, &before)
            .ok_or_else(|| Error::request(&Set { link, change: &change }, Cause::Invalid(ONE_WAY.into())))?;
        let given: Vec<String> = change.alternative_names.clone();
        links::apply(&self.driver, link, change)?;
        self.note(format!("set link {link}"), move |driver| {
            let set = if back.is_empty() { Ok(()) } else { absent_is_gone(links::apply(driver, link, back)) };
            let take = |name| driver.acknowledge(AlternativeNames::remove(link, name));
            given.iter().map(|name| absent_is_gone(take(name))).fold(set, Result::and)
        });
        Ok(())
    }

    /// Gives an interface an address; takes it away again.
    pub fn add_address(&mut self, link: impl Into<LinkId>, address: Address) -> Result<()> {
        self.add(address.on(link))
    }

    /// Adds a route; deletes it again.
    pub fn add_route(&mut self, route: Route) -> Result<()> {
        // as the kernel tells of it: a pattern without a metric would also be one of another
        let told = self.driver.run(protocol::ROUTE, |connection| connection.make(&Add(&route)))?;
        let made = told.unwrap_or(route);
        self.note(format!("add route {made}"), move |driver| absent_is_gone(routes::delete(driver, &made)));
        Ok(())
    }

    /// Adds a route, or puts it in the place of the one with this destination, table and metric; that one comes back.
    pub fn replace_route(&mut self, route: Route) -> Result<()> {
        let before = routes::of_table(&self.driver, &route)?;
        let told = self.driver.run(protocol::ROUTE, |connection| connection.make(&Replace(&route)))?;
        let made = told.unwrap_or(route);
        let after = routes::of_table(&self.driver, &made)?;
        let replaced = before.into_iter().find(|old| {
            old.destination == made.destination
                && crate::watch::share_place(old, &made)
                && !after.iter().any(|route| crate::watch::is_same_route(old, route))
        });
        self.note(format!("replace route {made}"), move |driver| match replaced {
            Some(before) => driver.acknowledge(Replace(&before)),
            None => absent_is_gone(routes::delete(driver, &made)),
        });
        Ok(())
    }

    /// Deletes the first route that agrees in everything that is set; adds it again as it was.
    pub fn delete_route(&mut self, route: Route) -> Result<()> {
        let found = routes::find(&self.driver, &route)?;
        let found = found.ok_or_else(|| Error::request(&netwright_route::Delete(&route), Errno::ESRCH))?;
        self.driver.acknowledge(netwright_route::Delete(&found))?;
        self.note(format!("delete route {found}"), move |driver| match driver.acknowledge(Add(&found)) {
            // others of its destination and metric
            Err(error) if error.is_exists() => driver.acknowledge(Append(&found)),
            added => added,
        });
        Ok(())
    }

    /// Adds a policy rule; deletes it again.
    pub fn add_rule(&mut self, rule: Rule) -> Result<()> {
        let made = rules::add(&self.driver, &rule)?.unwrap_or(rule);
        self.note(format!("add rule {made}"), move |driver| absent_is_gone(rules::delete(driver, &made)));
        Ok(())
    }

    /// Adds a neighbour; deletes it again.
    pub fn add_neighbour(&mut self, neighbour: Neighbour) -> Result<()> {
        self.add(neighbour)
    }

    /// Anything else, with its way back.
    pub fn also(&mut self, what: &str, back: impl FnOnce() -> Result<()> + Send + 'static) {
        self.note(what, move |_| back());
    }

    fn add<T: Object + Send + 'static>(&mut self, object: T) -> Result<()> {
        self.driver.acknowledge(Add(&object))?;
        self.note(format!("add {} {object}", T::NOUN), move |driver| {
            absent_is_gone(driver.acknowledge(netwright_route::Delete(&object)))
        });
        Ok(())
    }

    /// Takes everything back now; the first error, after all has been tried.
    pub fn take_back(self) -> Result<()> {
        take_back(&self.driver, &self.steps)
    }

    /// Keeps everything.
    pub fn keep(self) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).0.clear();
    }

    /// Takes everything back where the process is told to end (`SIGINT`, `SIGTERM`, `SIGHUP`), and then lets it end as it would
    /// have. What cannot be taken back is told on standard error. A signal that is ignored, as `nohup` has it, stays so. A program that catches these signals itself drops this in its own time instead.
    #[cfg(feature = "signals")]
    pub fn on_signals(&self) -> std::io::Result<()> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let ignored = ignored_signals();
        let all = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & 1 << (signal - 1) == 0);
        let mut signals = signal_hook::iterator::Signals::new(all)?;
        let (driver, steps) = (self.driver.clone(), Arc::downgrade(&self.steps));
        let wait = move || {
            for signal in signals.forever() {
                let taken = steps.upgrade().map(|steps| take_back(&driver, &steps));
                if let Some(Err(error)) = taken {
                    // nobody is left to read it where standard error is closed
                    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{error}\n"));
                }
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        };
        std::thread::Builder::new().name("netwright-undo".into()).spawn(wait).map(drop)
    }
}

/// The signals that the process was started without, as bits from that of signal 1 on (`SigIgn` of proc(5)); none where that
/// cannot be read.
#[cfg(feature = "signals")]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

const ONE_WAY: &str = "it has settings that cannot be put back: set those by `links().set`, and say by `also` how they are undone";

/// What puts a link back to what it was; `None` where not all of a change can be.
fn way_back(change: &Change, before: &Link) -> Option<Change> {
    let changed = change.set_flags | change.clear_flags;
    let back = Change {
        name: change.name.as_ref().map(|_| before.name.clone()),
        set_flags: before.flags & changed,
        clear_flags: changed - before.flags,
        mtu: change.mtu.and(before.mtu),
        address: change.address.and(before.address),
        broadcast: change.broadcast.and(before.broadcast),
        master: change.master.map(|_| LinkId::new(before.master.unwrap_or(0))),
        group: change.group.and(before.group),
        transmit_queue_length: change.transmit_queue_length.and(before.transmit_queue_length),
        alias: change.alias.as_ref().map(|_| before.alias.clone().unwrap_or_default()),
        carrier: change.carrier.and(before.rest.carrier),
        address_generation: change.address_generation.and(ensure::address_generation(before)),
        gso_maximum_size: change.gso_maximum_size.and(before.rest.gso_maximum_size),
        gso_ipv4_maximum_size: change.gso_ipv4_maximum_size.and(before.rest.gso_ipv4_maximum_size),
        gro_maximum_size: change.gro_maximum_size.and(before.rest.gro_maximum_size),
        gro_ipv4_maximum_size: change.gro_ipv4_maximum_size.and(before.rest.gro_ipv4_maximum_size),
        ..Change::default()
    };
    let put_back = change.kind.is_none()
        && change.port.is_none()
        && change.namespace.is_none()
        && change.new_index.is_none();
    put_back.then_some(back)
}

fn take_back(driver: &Blocking, steps: &Mutex<Steps>) -> Result<()> {
    let mut first = Ok(());
    loop {
        let step = steps.lock().unwrap_or_else(PoisonError::into_inner).0.pop();
        let Some((what, back)) = step else { return first };
        let result = back(driver).map_err(|error| {
            Error::new(format!("take back «{what}»: {}", error.asked()), error.cause().clone())
        });
        first = first.and(result);
    }
}

/// What somebody else has taken away already is gone, as it shall be.
fn absent_is_gone(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let _ = take_back(&self.driver, &self.steps); // who wants to hear of errors calls `take_back`
    }
}
