//! Whether flows notice small changes of the ruleset, and which flow would notice what none does.

mod packets;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use netwright_nft::syntax::Loader;
use netwright_state::Ruleset as Declared;
use rustix::thread::sched_getcpu;
use serde_json::{Value as Json, json};

use crate::cases::Cases;
use crate::change::{Change, changes};
use crate::constants::Constants;
use crate::firewall::Firewall;
use crate::lanes::{self, Lane, Lanes};
use crate::report::{Outcome, Verdict};
use crate::ruleset::Ruleset;
use crate::session::{Built, Session};
use crate::shot::Shot;
use crate::sources::{Place, Sources};
use crate::stateless::variants;
use crate::sweep::{End, Probe, sweep_under};
use crate::topology::{Obstacle, Topology};
use crate::trial::{Simulator, Trial};
use crate::workers::{MOST, lock, stay_on};
use crate::world::{Ground, World};
use crate::{Error, only};

use self::packets::{flow_text, kinds, single};

/// A small change of the ruleset, and whether the flows notice it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mutation {
    /// What was changed.
    pub place: Place,
    /// How.
    pub change: String,
    /// Whether it is noticed.
    pub fate: Fate,
}

/// Whether a change is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// By this flow.
    Noticed(String),
    /// By none; a flow that would, as a host file has it.
    Missed(String),
    /// By none, and of all packets that were tried none becomes of anything else.
    Equivalent,
    /// The kernel does not take it.
    Refused(String),
}

/// What is told while changes are tried; it can break off.
pub type Told<'l> = dyn FnMut(&Mutation) -> ControlFlow<()> + Send + 'l;

impl Mutation {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let (word, by, flow, why) = match &self.fate {
            Fate::Noticed(by) => ("noticed", Some(by), None, None),
            Fate::Missed(flow) => ("missed", None, Some(flow), None),
            Fate::Equivalent => ("equivalent", None, None, None),
            Fate::Refused(why) => ("refused", None, None, Some(why)),
        };
        json!({
            "at": self.place.at, "text": self.place.text, "change": self.change,
            "fate": word, "noticed-by": by, "flow": flow, "why": why,
        })
    }
}

/// What came of trying a change with the flows.
enum Noticing {
    By(String),
    Nobody,
    /// The world is spent; so much was tried already.
    Spent(Tried),
}

/// So many flows, and so many packets of the next one, were tried with a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tried {
    flows: usize,
    cases: usize,
}

/// What came of looking for a flow that would notice a change.
enum Sought {
    Found(String),
    Nothing,
    /// The world is spent; what was found out so far is known in the next one.
    Spent,
}

/// What those have in common who try changes.
struct Sharing<'a> {
    /// The next change that nobody tries yet.
    next: AtomicUsize,
    loader: Mutex<&'a mut (dyn Loader + Send)>,
    stopped: AtomicBool,
}

impl Sharing<'_> {
    fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl Session<'_> {
    /// Tries small changes of the ruleset, several at once, and tells of each whether a flow notices it, in the order of the changes.
    ///
    /// # Errors
    /// The host cannot be simulated at all, or the flows are not as expected without any change.
    pub fn mutate(
        &self,
        loader: &mut (dyn Loader + Send),
        listener: &mut Told<'_>,
    ) -> Result<Vec<Mutation>, Error> {
        let report = self.run(loader, &|_| true, &mut |_| ControlFlow::Continue(()))?;
        if let Some(flow) = report.flows.iter().find(|flow| !flow.passed()) {
            return Err(Error::Differs(flow.name.clone()));
        }
        let topology = self.topology();
        let sharing = Sharing {
            next: AtomicUsize::new(0),
            loader: Mutex::new(loader),
            stopped: AtomicBool::new(false),
        };
        let (sender, receiver) = channel();
        let processor = sched_getcpu();
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MOST);
        let mut told = Vec::new();
        let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let (sharing, topology) = (&sharing, &topology);
            let workers: Vec<_> = (0..count)
                .map(|number| {
                    let tell = sender.clone();
                    scope.spawn(move || {
                        stay_on(processor, number);
                        let result = self.mutate_some(sharing, topology, &tell);
                        if result.is_err() {
                            sharing.stop();
                        }
                        result
                    })
                })
                .collect();
            drop(sender);
            let mut early = BTreeMap::new();
            for (place, mutation) in receiver {
                early.insert(place, mutation);
                while let Some(mutation) = early.remove(&told.len()).filter(|_| !sharing.is_stopped()) {
                    if listener(&mutation).is_break() {
                        sharing.stop();
                    }
                    told.push(mutation);
                }
            }
            let results = workers.into_iter().map(|worker| worker.join());
            results.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        results.into_iter().collect::<Result<(), Error>>()?;
        Ok(told)
    }

    /// Tries changes that nobody else tries, until there are no more.
    fn mutate_some(
        &self,
        sharing: &Sharing<'_>,
        topology: &Topology<'_>,
        tell: &Sender<(usize, Mutation)>,
    ) -> Result<(), Error> {
        let (mut next, mut tried, mut whole) = (sharing.next(), Tried::default(), false);
        let mut known = Known::default();
        let mut before = None;
        while !whole && !sharing.is_stopped() {
            let ground = Ground::new(&topology.cards)?;
            let inside = || -> Result<bool, Error> {
                let prepared = self.prepare(&ground, &mut **lock(&sharing.loader))?;
                let (mut world, built) = self.enter(&ground, prepared)?;
                let all = changes(&built.declared, &built.sources);
                let mut search = Search { session: self, topology, built: &built, known: &mut known };
                while let Some(change) = all.get(next).filter(|_| !sharing.is_stopped()) {
                    let noticing;
                    (world, noticing) = self.notices(change, world, topology, &built, tried);
                    let fate = match noticing {
                        Ok(Noticing::Spent(so_far)) => {
                            tried = so_far;
                            return Ok(false);
                        }
                        Ok(Noticing::By(name)) => Fate::Noticed(name),
                        Ok(Noticing::Nobody) => {
                            let sought;
                            (world, sought) = search.flow(change, world);
                            match sought.map_err(Error::Apply)? {
                                Sought::Found(flow) => Fate::Missed(flow),
                                Sought::Nothing => Fate::Equivalent,
                                Sought::Spent => {
                                    tried.flows = self.host.flows.len() + self.host.onlys.len();
                                    return Ok(false);
                                }
                            }
                        }
                        Err(why) => Fate::Refused(why),
                    };
                    let mutation =
                        Mutation { place: change.place.clone(), change: change.what.clone(), fate };
                    // who listens no more has heard enough
                    let _ = tell.send((next, mutation));
                    (next, tried) = (sharing.next(), Tried::default());
                    search.known.next();
                    if world.spent.is_some() {
                        return Ok(next >= all.len());
                    }
                }
                Ok(true)
            };
            whole = ground.host.run(inside)??;
            let so_far = Some((next, tried, known.count()));
            if !whole && std::mem::replace(&mut before, so_far) == so_far {
                return Err(Error::Apply(
                    "what one flow leaves behind cannot be taken back on this kernel".into(),
                ));
            }
        }
        Ok(())
    }

    /// The first flow that notices a change, of those that were not tried yet; an error is why it cannot be loaded.
    fn notices(
        &self,
        change: &Change,
        world: World,
        topology: &Topology<'_>,
        built: &Built,
        tried: Tried,
    ) -> (World, Result<Noticing, Obstacle>) {
        under(world, (&change.changed, &change.sources), topology, built, |simulator| {
            let constants = Constants::of(&change.changed).with(&built.constants);
            let cases = Cases { host: topology.host, topology, constants: &constants };
            for (number, flow) in self.host.flows.iter().enumerate().skip(tried.flows) {
                simulator.explains = !flow.decided_by.is_empty();
                let done = if number == tried.flows { tried.cases } else { 0 };
                for (index, case) in cases.of_flow(flow)?.into_iter().enumerate().skip(done) {
                    if !simulator.suits(&case.trial) {
                        return Ok(Noticing::Spent(Tried { flows: number, cases: index }));
                    }
                    if !self.case(flow, &case, simulator).passed() {
                        return Ok(Noticing::By(flow.name.clone()));
                    }
                }
            }
            for (number, only) in self.host.onlys.iter().enumerate() {
                let number = self.host.flows.len() + number;
                if number < tried.flows {
                    continue;
                }
                if simulator.world.spent.is_some() {
                    return Ok(Noticing::Spent(Tried { flows: number, cases: 0 }));
                }
                if !only::holds(only, &cases, simulator)? {
                    return Ok(Noticing::By(only::name(only)));
                }
            }
            Ok(Noticing::Nobody)
        })
    }
}

/// Does something under another ruleset, and loads the declared one again.
fn under<T>(
    mut world: World,
    (ruleset, sources): (&Declared, &Sources),
    topology: &Topology<'_>,
    built: &Built,
    act: impl FnOnce(&mut Simulator<'_, '_>) -> Result<T, Obstacle>,
) -> (World, Result<T, Obstacle>) {
    let sentence = |error: netwright_sys::Error| error.to_string();
    let names = world.firewall.tables();
    let other = match Firewall::new(ruleset, &names) {
        Ok(other) => other,
        Err(error) => return (world, Err(sentence(error))),
    };
    let declared = std::mem::replace(&mut world.firewall, other);
    let loaded = world.restore_all().and_then(|()| {
        let content = world.firewall.content.clone();
        Ruleset::new(&content, sources, world.netfilter())
    });
    let result = match loaded {
        Ok(known) => {
            let mut simulator = Simulator::new(world, topology, &built.texts, Rc::new(known));
            simulator.explains = false;
            let result = act(&mut simulator);
            world = simulator.world;
            result
        }
        Err(error) => Err(sentence(error)),
    };
    world.firewall = declared;
    if let Err(error) = world.restore_all() {
        world.spent.get_or_insert("the declared firewall could not be loaded again");
        return (world, result.and(Err(sentence(error))));
    }
    (world, result)
}

/// The search for flows that would notice what none does.
struct Search<'a, 'h> {
    session: &'a Session<'a>,
    topology: &'a Topology<'h>,
    built: &'a Built,
    known: &'a mut Known,
}

/// What was found out in worlds before.
#[derive(Default)]
struct Known {
    /// What becomes of packets under the declared ruleset.
    declared: HashMap<String, Verdict>,
    /// What becomes of them after the change.
    changed: HashMap<String, Verdict>,
    /// The packets that may become of something else after the change.
    likely: Option<Vec<Probe>>,
}

impl Known {
    /// There is another change.
    fn next(&mut self) {
        (self.changed, self.likely) = (HashMap::new(), None);
    }

    /// How much is known.
    fn count(&self) -> usize {
        self.declared.len() + self.changed.len() + usize::from(self.likely.is_some())
    }
}

/// So many packets that differ in a sweep are looked at.
const DIFFERENT: usize = 12;

impl<'a, 'h> Search<'a, 'h> {
    /// A flow that would notice a change, as a host file has it.
    fn flow(&mut self, change: &Change, mut world: World) -> (World, Result<Sought, Obstacle>) {
        let constants = Constants::of(&change.changed).with(&self.built.constants);
        let host = &self.session.host;
        let cases = Cases { host: self.topology.host, topology: self.topology, constants: &constants };
        let own = world.own.clone();
        let lanes_of = Lanes { cases: &cases, own: &own, translated: &BTreeSet::new() };
        let found = match kinds(&lanes_of, host, &constants) {
            Ok(found) => found,
            Err(_) => return (world, Ok(Sought::Nothing)),
        };
        let Some(likely) = self.known.likely.clone() else {
            let likely;
            (world, likely) = self.likely(change, world, &lanes_of, &found);
            return match likely {
                // the host may have told anybody anything meanwhile
                Ok(likely) => {
                    self.known.likely = Some(likely);
                    (world, Ok(Sought::Spent))
                }
                Err(why) => (world, Err(why)),
            };
        };
        for probe in likely {
            let Some(lane) = found.get(probe.lane) else { continue };
            let ray = lane.ray(&probe);
            let Ok(mut shot) = cases.shot_of(&ray) else { continue };
            shot.mac = probe.mac;
            let (before, after);
            (world, before) = self.verdict(None, &shot, world);
            (world, after) = self.verdict(Some(&change.changed), &shot, world);
            match (before, after) {
                (Ok(Some(before)), Ok(Some(after))) if differ(&before, &after) => {
                    return (world, Ok(Sought::Found(flow_text(lane, &probe, &before))));
                }
                (Ok(None), _) | (_, Ok(None)) => return (world, Ok(Sought::Spent)),
                _ => {}
            }
        }
        (world, Ok(Sought::Nothing))
    }

    /// The packets that may become of something else after a change.
    fn likely(
        &self,
        change: &Change,
        world: World,
        lanes_of: &Lanes<'_, '_>,
        found: &[Lane],
    ) -> (World, Result<Vec<Probe>, Obstacle>) {
        let shots = match lanes_of.shots(found) {
            Ok(shots) => shots,
            Err(why) => return (world, Err(why)),
        };
        let constants = lanes_of.cases.constants;
        let ports = lanes::ports(constants, &[]);
        let probes: Vec<Probe> = (0..found.len())
            .flat_map(|lane| lanes::differences(lane, found, constants, &ports, true))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let (world, differing) = self.differing(change, world, &shots, &probes);
        let likely = differing.map(|differing| {
            let swept = differing.into_iter().filter_map(|index| probes.get(index).copied());
            swept.take(DIFFERENT).chain(single(change, found)).collect()
        });
        (world, likely)
    }

    /// The packets of a sweep that become of something else after a change.
    fn differing(
        &self,
        change: &Change,
        mut world: World,
        shots: &[Shot],
        probes: &[Probe],
    ) -> (World, Result<Vec<usize>, Obstacle>) {
        let mut ends = |ruleset: &Declared| -> Result<HashMap<usize, End>, Obstacle> {
            let first = variants(ruleset).into_iter().next().unwrap_or_else(|| ruleset.clone());
            sweep_under(&mut world, self.topology, shots, probes, &first)
        };
        let both = ends(&self.built.declared).and_then(|before| Ok((before, ends(&change.changed)?)));
        let found = both.map(|(before, after)| {
            let same = |index: &usize| match (before.get(index), after.get(index)) {
                (None, None) => true,
                (Some(one), Some(other)) => {
                    let ends = |end: &End| {
                        (end.tuple.source, end.tuple.destination, end.tuple.destination_port, end.output)
                    };
                    ends(one) == ends(other)
                }
                _ => false,
            };
            (0..probes.len()).filter(|index| !same(index)).collect()
        });
        (world, found)
    }

    /// What becomes of a packet under the declared ruleset, or after a change; `None` where the world is spent.
    fn verdict(
        &mut self,
        changed: Option<&Declared>,
        shot: &Shot,
        world: World,
    ) -> (World, Result<Option<Verdict>, Obstacle>) {
        let key =
            format!("{:?} {} {:?} {} {:?}", shot.origin, shot.to, shot.what, shot.source_port, shot.mac);
        let known = if changed.is_some() { &self.known.changed } else { &self.known.declared };
        if let Some(known) = known.get(&key) {
            return (world, Ok(Some(known.clone())));
        }
        let ruleset = (changed.unwrap_or(&self.built.declared), &self.built.sources);
        let (world, verdict) = under(world, ruleset, self.topology, self.built, |simulator| {
            let trial = Trial::once(shot.clone());
            Ok(simulator.suits(&trial).then(|| simulator.run(&trial)))
        });
        if let Ok(Some(verdict)) = &verdict {
            let known = if changed.is_some() { &mut self.known.changed } else { &mut self.known.declared };
            known.insert(key, verdict.clone());
        }
        (world, verdict)
    }
}

/// Whether a flow could tell one outcome from another.
fn differ(before: &Verdict, after: &Verdict) -> bool {
    // what does not come to the host says nothing about it
    let is_error = |verdict: &Verdict| matches!(verdict.outcome, Outcome::Error(_) | Outcome::NoPath(_));
    let seen = |verdict: &Verdict| {
        (
            verdict.outcome.clone(),
            verdict.seen_from.map(|end| end.ip()),
            verdict.arrived_at,
            verdict.left_by.clone(),
        )
    };
    !is_error(before) && !is_error(after) && seen(before) != seen(after)
}
