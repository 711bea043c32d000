//! A host file whose flows can be tried, each in a world as it was declared.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use netwright_nft::diagnostic::SourceMap;
use netwright_nft::syntax::Loader;
use netwright_state::Ruleset as Declared;
use netwright_state::model::{Expect, Flow, FlowSource, FlowTarget, Host};
use netwright_sys::Namespace;

use crate::cases::{Case, Cases};
use crate::constants::Constants;
use crate::coverage::count_elements;
use crate::expect::wrong;
use crate::firewall::Firewall;
use crate::report::{CaseReport, FlowReport, Outcome, Verdict};
use crate::ruleset::Ruleset;
use crate::sources::{Place, Sources};
use crate::topology::Topology;
use crate::trial::Simulator;
use crate::world::{Ground, World};
use crate::{Error, Options, only};

/// How a host file comes to a namespace.
pub trait Build: Sync {
    /// Brings a namespace to the state that the file declares; the links without a kind exist there already.
    ///
    /// # Errors
    /// Why it could not be done, as a sentence.
    fn apply(&self, namespace: &Namespace) -> Result<(), String>;

    /// What the firewall's texts declare, with the numbers that interfaces and the like have in a namespace. `sources` are those of the
    /// session: texts that are not among them are to be added, since the rules' places are looked up there.
    ///
    /// # Errors
    /// What is wrong with them, as a sentence.
    fn firewall(&self, namespace: &Namespace, sources: &mut SourceMap) -> Result<Declared, String>;
}

/// A host file whose flows can be tried.
pub struct Session<'a> {
    pub(crate) host: Host,
    sources: SourceMap,
    build: &'a dyn Build,
    pub(crate) options: Options,
}

/// Something that will be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// What the file expects.
    pub expected: Expect,
    /// Where it is declared.
    pub declared: Option<Place>,
}

/// What is told while flows are tried; it can break off.
pub type Listener<'l> = dyn FnMut(&FlowReport) -> ControlFlow<()> + Send + 'l;

/// What is known of a world besides the world itself.
pub(crate) struct Built {
    pub(crate) constants: Constants,
    pub(crate) ruleset: Rc<Ruleset>,
    /// The firewall as it is declared; where it is told what is used of it, with counters.
    pub(crate) declared: Declared,
    pub(crate) sources: Sources,
    /// The texts of the file and of its firewall.
    pub(crate) texts: SourceMap,
}

/// What is known of a world that is not looked at yet.
pub(crate) struct Prepared {
    declared: Declared,
    sources: Sources,
    texts: SourceMap,
}

/// A flow of which not all is known yet.
pub(crate) struct Open {
    index: usize,
    cases: std::vec::IntoIter<Case>,
    pub(crate) report: FlowReport,
}

impl<'a> Session<'a> {
    /// `sources` are the texts that the file was read with.
    #[must_use]
    pub fn new(host: &Host, sources: &SourceMap, build: &'a dyn Build, options: Options) -> Self {
        Session { host: host.simulated(), sources: sources.clone(), build, options }
    }

    /// The flows and `[[only]]`s, in the order in which they are tried.
    #[must_use]
    pub fn planned(&self) -> Vec<Planned> {
        let flows = self.host.flows.iter().map(|flow| Planned {
            name: flow.name.clone(),
            expected: flow.expect,
            declared: place(flow.place.span, &self.sources),
        });
        let onlys = self.host.onlys.iter().map(|only| Planned {
            name: only::name(only),
            expected: Expect::Refuse,
            declared: place(only.place.span, &self.sources),
        });
        flows.chain(onlys).collect()
    }

    /// Everybody whom the file places, whichever of its flows are tried.
    pub(crate) fn topology(&self) -> Topology<'_> {
        let mut topology = Topology::new(&self.host);
        let flows = self.host.flows.iter();
        let steps = flows.clone().flat_map(|flow| &flow.steps).map(|step| (&step.from, &step.to));
        let onlys = self.host.onlys.iter().map(|only| (&only.from, &only.to));
        for (from, to) in flows.map(|flow| (&flow.from, &flow.to)).chain(steps).chain(onlys) {
            for source in from {
                if let FlowSource::Behind { link, addresses } = source
                    && let Some(address) = addresses.one()
                {
                    topology.settle(link, address);
                }
            }
            for target in to {
                if let FlowTarget::At { link: Some(link), addresses } = target
                    && let Some(address) = addresses.one()
                {
                    topology.settle(link, address);
                }
            }
        }
        topology
    }

    /// Applies the file, and reads what its firewall is.
    pub(crate) fn prepare(&self, ground: &Ground, loader: &mut dyn Loader) -> Result<Prepared, Error> {
        self.build.apply(&ground.host).map_err(Error::Apply)?;
        let mut texts = self.sources.clone();
        let declared = self.build.firewall(&ground.host, &mut texts).map_err(Error::Apply)?;
        let sources = Sources::read(&self.host, &declared, &mut texts, loader);
        Ok(Prepared { declared, sources, texts })
    }

    /// Looks around where the file was applied; on a thread in the host's namespace.
    pub(crate) fn enter(&self, ground: &Ground, prepared: Prepared) -> Result<(World, Built), Error> {
        let Prepared { mut declared, sources, texts } = prepared;
        let constants = Constants::of(&declared);
        let names: Vec<_> = declared.tables.iter().map(|table| table.name()).collect();
        let mut world = if self.options.coverage {
            let mut counted = declared.clone();
            count_elements(&mut counted);
            match World::enter(ground, &self.host, Firewall::new(&counted, &names)?) {
                Ok(world) => {
                    declared = counted;
                    world
                }
                // a kernel that counts no elements
                Err(_) => World::enter(ground, &self.host, Firewall::new(&declared, &names)?)?,
            }
        } else {
            World::enter(ground, &self.host, Firewall::new(&declared, &names)?)?
        };
        let content = world.firewall.content.clone();
        let ruleset = Rc::new(Ruleset::new(&content, &sources, world.netfilter())?);
        Ok((world, Built { constants, ruleset, declared, sources, texts }))
    }

    pub(crate) fn begin(&self, index: usize, topology: &Topology<'_>, built: &Built) -> Open {
        let flow = self.host.flows.get(index).cloned().unwrap_or_default();
        let cases = Cases { host: &self.host, topology, constants: &built.constants };
        let (cases, obstacle) = match cases.of_flow(&flow) {
            Ok(cases) => (cases, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let declared = place(flow.place.span, &built.texts);
        let mut report = FlowReport {
            name: flow.name.clone(),
            declared,
            expected: flow.expect,
            cases: cases.len(),
            shown: Vec::new(),
            failed: 0,
            elapsed: Duration::ZERO,
        };
        if let Some(why) = obstacle {
            let verdict = Verdict { outcome: Outcome::Error(why), ..Verdict::default() };
            let wrong = wrong(&flow, &verdict);
            report.note(CaseReport { packet: String::new(), verdict, wrong });
        }
        Open { index, cases: cases.into_iter(), report }
    }

    /// Tries that nothing else gets through, which is done at once.
    pub(crate) fn only(
        &self,
        index: usize,
        topology: &Topology<'_>,
        built: &Built,
        simulator: &mut Simulator<'_, '_>,
    ) -> Open {
        let only = self.host.onlys.get(index).cloned().unwrap_or_default();
        let cases = Cases { host: &self.host, topology, constants: &built.constants };
        let report =
            only::report(&only, &cases, place(only.place.span, &built.texts), &built.sources, simulator);
        Open { index: usize::MAX, cases: Vec::new().into_iter(), report }
    }

    /// Tries the packets of a flow, until there are no more or the world is spent; whether there are no more.
    pub(crate) fn go_on(&self, open: &mut Open, simulator: &mut Simulator<'_, '_>) -> bool {
        let start = Instant::now();
        let Some(flow) = self.host.flows.get(open.index) else { return true };
        while let Some(case) = open.cases.as_slice().first() {
            if !simulator.suits(&case.trial) {
                simulator.world.spent.get_or_insert("the host has told of ways that there are not");
                break;
            }
            // what decided is told of the first packet, and of those that are not as expected
            if case.whole && !flow.steps.is_empty() && open.report.failed == 0 {
                // the last step is what the flow is about
                open.report.shown.clear();
            }
            simulator.explains = open.report.shows(true) || !flow.decided_by.is_empty();
            let mut report = self.case(flow, case, simulator);
            if !simulator.explains && open.report.shows(report.passed()) {
                report.verdict = simulator.explained(&case.trial, report.verdict);
            }
            simulator.explains = true;
            open.report.note(report);
            open.cases.next();
        }
        open.report.elapsed += start.elapsed();
        open.cases.len() == 0
    }

    pub(crate) fn case(&self, flow: &Flow, case: &Case, simulator: &mut Simulator<'_, '_>) -> CaseReport {
        let verdict = simulator.run(&case.trial);
        let wrong = match &case.step {
            None => wrong(flow, &verdict),
            Some((number, expected)) => {
                let others = if case.whole { flow.clone() } else { Flow::default() };
                let step = Flow { expect: *expected, ..others };
                crate::expect::wrong(&step, &verdict)
                    .into_iter()
                    .map(|why| format!("step {number}: {why}"))
                    .collect()
            }
        };
        CaseReport { packet: case.packet.clone(), verdict, wrong }
    }
}

fn place(span: netwright_nft::diagnostic::Span, texts: &SourceMap) -> Option<Place> {
    texts.locate(span).is_some().then(|| Place::of(span, texts))
}
