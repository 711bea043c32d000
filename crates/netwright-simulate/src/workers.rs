//! All flows of a host file, shared out to workers, of which each has worlds of its own. What comes of them is told in the
//! order of the file.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use netwright_nft::syntax::Loader;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use crate::coverage::{Coverage, Tally};
use crate::report::FlowReport;
use crate::session::{Built, Listener, Open, Session};
use crate::topology::Topology;
use crate::trial::Simulator;
use crate::untried::untried;
use crate::world::Ground;
use crate::{Error, Report, only};

/// What is tried: a flow, or that nothing else gets through.
#[derive(Clone, Copy, Debug)]
enum Item {
    Flow(usize),
    Only(usize),
}

/// An item with its place in the order in which is told.
type Placed = (usize, Item);

/// So many flows are worth another worker, who first builds a world.
const SHARE: usize = 24;
/// More workers than this would have more neighbours at once than the kernel knows.
pub(crate) const MOST: usize = 4;

/// What workers have in common.
struct Shared<'a> {
    flows: Mutex<VecDeque<Placed>>,
    onlys: Mutex<VecDeque<Placed>>,
    loader: Mutex<&'a mut (dyn Loader + Send)>,
    notes: Mutex<Vec<String>>,
    /// What of the firewall was used so far, where that is to be told.
    coverage: Option<Mutex<(Tally, Coverage)>>,
    stopped: AtomicBool,
}

impl Session<'_> {
    /// Tries the flows whose names `select` selects and then each `[[only]]`, and tells what came of each in the order of the file,
    /// as soon as it is known.
    ///
    /// # Errors
    /// The host cannot be simulated at all.
    pub fn run(
        &self,
        loader: &mut (dyn Loader + Send),
        select: &(dyn Fn(&str) -> bool + Sync),
        listener: &mut Listener<'_>,
    ) -> Result<Report, Error> {
        let start = Instant::now();
        let topology = self.topology();
        let flows = self.host.flows.iter().enumerate().filter(|(_, flow)| select(&flow.name));
        let flows: VecDeque<Placed> =
            flows.enumerate().map(|(place, (index, _))| (place, Item::Flow(index))).collect();
        let onlys = self.host.onlys.iter().enumerate().filter(|(_, only)| select(&only::name(only)));
        let onlys: VecDeque<Placed> =
            (flows.len()..).zip(onlys).map(|(place, (index, _))| (place, Item::Only(index))).collect();
        let worth = onlys.len() + flows.len().div_ceil(SHARE);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let count = worth.min(processors).clamp(1, MOST);
        let shared = Shared {
            flows: Mutex::new(flows),
            onlys: Mutex::new(onlys),
            loader: Mutex::new(loader),
            notes: Mutex::default(),
            coverage: self.options.coverage.then(Mutex::default),
            stopped: AtomicBool::new(false),
        };
        let mut report = Report::default();
        let (sender, receiver) = channel();
        let processor = sched_getcpu();
        let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let (shared, topology) = (&shared, &topology);
            let workers: Vec<_> = (0..count)
                .map(|number| {
                    let tell = sender.clone();
                    scope.spawn(move || {
                        stay_on(processor, number);
                        let result = self.work(shared, number, topology, &tell);
                        if result.is_err() {
                            shared.stop();
                        }
                        result
                    })
                })
                .collect();
            drop(sender);
            report.flows = self.listen(&receiver, shared, listener);
            let results = workers.into_iter().map(|worker| worker.join());
            results.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        results.into_iter().collect::<Result<(), Error>>()?;
        report.notes = shared.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.coverage =
            shared.coverage.map(|coverage| coverage.into_inner().unwrap_or_else(PoisonError::into_inner).1);
        report.elapsed = start.elapsed();
        Ok(report)
    }

    /// Tells what comes from the workers, until there is no more or the listener wants no more.
    fn listen(
        &self,
        receiver: &Receiver<(usize, FlowReport)>,
        shared: &Shared<'_>,
        listener: &mut Listener<'_>,
    ) -> Vec<FlowReport> {
        let mut told = Vec::new();
        let mut early = BTreeMap::new();
        for (place, report) in receiver {
            early.insert(place, report);
            while let Some(report) = early.remove(&told.len()) {
                let broken = listener(&report).is_break() || self.options.fail_fast && !report.passed();
                told.push(report);
                if broken {
                    shared.stop();
                    return told;
                }
            }
        }
        told
    }

    /// Tries one item after the other, in as many worlds as it takes.
    fn work(
        &self,
        shared: &Shared<'_>,
        number: usize,
        topology: &Topology<'_>,
        tell: &Sender<(usize, FlowReport)>,
    ) -> Result<(), Error> {
        let mut open: Option<(usize, Open)> = None;
        let mut item = shared.next(number);
        // what cannot be built is told even where there is nothing to try
        let mut idle = number == 0;
        while std::mem::take(&mut idle) || !shared.is_stopped() && (open.is_some() || item.is_some()) {
            let ground = Ground::new(&topology.cards)?;
            shared.note(ground.unset.iter().map(ToString::to_string));
            let inside = || -> Result<(), Error> {
                let prepared = self.prepare(&ground, &mut **lock(&shared.loader))?;
                let (world, built) = self.enter(&ground, prepared)?;
                let mut simulator = Simulator::new(world, topology, &built.texts, Rc::clone(&built.ruleset));
                simulator.tally = shared.coverage.is_some().then(Tally::default);
                while let Some((place, mut current)) = open.take().or_else(|| {
                    let (place, item) = item.take()?;
                    Some((place, self.open(item, topology, &built, &mut simulator, shared)))
                }) {
                    if self.go_on(&mut current, &mut simulator) {
                        // who listens no more has heard enough
                        let _ = tell.send((place, current.report));
                        item = shared.next(number);
                    } else {
                        open = Some((place, current));
                    }
                    if shared.is_stopped() || simulator.world.spent.is_some() || self.options.fresh {
                        break;
                    }
                }
                shared.used(simulator.tally.take(), &built);
                Ok(())
            };
            ground.host.run(inside)??;
        }
        Ok(())
    }

    fn open(
        &self,
        item: Item,
        topology: &Topology<'_>,
        built: &Built,
        simulator: &mut Simulator<'_, '_>,
        shared: &Shared<'_>,
    ) -> Open {
        match item {
            Item::Flow(index) => self.begin(index, topology, built),
            Item::Only(index) => {
                shared.note(untried(&built.declared, &built.sources).into_iter());
                self.only(index, topology, built, simulator)
            }
        }
    }
}

impl Shared<'_> {
    /// What is tried next. All take the flows from the front, so that they are told early; but what takes long is begun by
    /// whoever is not the first.
    fn next(&self, worker: usize) -> Option<Placed> {
        let take = |queue: &Mutex<VecDeque<Placed>>| lock(queue).pop_front();
        match worker {
            _ if self.is_stopped() => None,
            0 => take(&self.flows).or_else(|| take(&self.onlys)),
            _ => take(&self.onlys).or_else(|| take(&self.flows)),
        }
    }

    fn note(&self, notes: impl Iterator<Item = String>) {
        let mut known = lock(&self.notes);
        for note in notes {
            if !known.contains(&note) {
                known.push(note);
            }
        }
    }

    /// Adds what of the firewall was used in a world.
    fn used(&self, tally: Option<Tally>, built: &Built) {
        let (Some(coverage), Some(tally)) = (&self.coverage, tally) else { return };
        let (all, told) = &mut *lock(coverage);
        all.add(tally);
        *told = all.coverage(&built.declared, &built.ruleset, &built.sources);
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the calling thread, and those that it starts, on one of the processors that it may use, so many behind one of them: a
/// kernel that is busy takes packets in their order for each processor.
pub(crate) fn stay_on(first: usize, behind: usize) {
    // where it is not allowed, order is lost only on a busy machine
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let at = allowed.iter().position(|cpu| *cpu == first).unwrap_or(0);
    let Some(cpu) = allowed.get((at + behind) % allowed.len().max(1)) else { return };
    let mut processor = CpuSet::new();
    processor.set(*cpu);
    let _ = sched_setaffinity(None, &processor);
}
