//! A whole flow: where it is waited for, its tries, and the verdict on the last.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use netwright_nft::diagnostic::SourceMap;
use netwright_state::model::{
    Endpoint, Expect, Family, Flow, FlowSource, Host, Probe as Kind, Route, RouteType,
};
use netwright_sys::Namespace;

use crate::attempt::{End, Lost, Watch, forward};
use crate::counters::Counters;
use crate::probe::{Order, Probe, Receiver, Seen, receiver, start};
use crate::report::display;
use crate::rules::Ruleset;
use crate::topology::{Obstacle, Topology, is_own, layer3, populate};
use crate::trace::{Decision, Journey, Stage, Tracer};
use crate::world::World;
use crate::{Error, FlowReport, Options, Place, RuleSources};

/// The built world, ready for flows.
pub(crate) struct Simulation<'h> {
    host: &'h Host,
    sources: &'h SourceMap,
    options: &'h Options,
    topology: Topology<'h>,
    obstacles: HashMap<usize, Obstacle>,
    world: World,
    ruleset: Ruleset,
    tracer: Tracer,
    counters: Counters,
}

/// A flow as it ended.
struct Outcome {
    end: End,
    /// What was sent last.
    sent: Option<crate::packet::Tuple>,
}

/// How many connections of earlier tries stay open, so that limits on connections are met.
const OPEN: usize = 128;
/// How long IPv4 routing is silent at most towards somebody whom it has refused often (`net.ipv4.route.error_cost`).
const REFUSALS: Duration = Duration::from_millis(1100);
/// How often a flow is sent anew because it turned out to go elsewhere.
const DETOURS: usize = 3;

impl<'h> Simulation<'h> {
    pub(crate) fn build(
        host: &'h Host,
        sources: &'h SourceMap,
        options: &'h Options,
        apply: impl FnOnce(&Namespace) -> Result<RuleSources, String>,
    ) -> Result<Self, Error> {
        let mut topology = Topology::new(host);
        let obstacles = populate(&mut topology);
        let mut world = World::build(&topology)?;
        let rules = apply(&world.host.namespace).map_err(Error::Apply)?;
        world.settle(host, &topology)?;
        let ruleset = Ruleset::list(&world.host.namespace, rules)?;
        let links = world.host.links()?.into_values();
        let tracer = Tracer::start(&world.host.namespace, &ruleset.early(links))?;
        let counters = Counters::open(&world.host.namespace)?;
        Ok(Simulation { host, sources, options, topology, obstacles, world, ruleset, tracer, counters })
    }

    /// Tries a flow.
    pub(crate) fn flow(&mut self, index: usize) -> Option<FlowReport> {
        let flow = self.host.flows.get(index)?;
        let start = Instant::now();
        let outcome = match (self.obstacles.get(&index), flow.probe()) {
            (Some(obstacle), _) => Err(obstacle.clone()),
            (None, None) => Err("it says nothing to send".into()),
            (None, Some(kind)) => self.tries(flow, kind),
        };
        let mut report = FlowReport {
            name: flow.name.clone(),
            expected: flow.expect,
            seen: None,
            seen_from: None,
            arrived_at: None,
            decided_by: None,
            passed: false,
            details: Vec::new(),
            elapsed: start.elapsed(),
        };
        match outcome {
            Ok(outcome) => self.judge(flow, outcome, &mut report),
            Err(why) => report.details.push(format!("it could not be tested: {why}")),
        }
        if self.tracer.lost {
            report
                .details
                .push("there were more traces than could be read, so that the rule may be missing".into());
        }
        report.elapsed = start.elapsed();
        Some(report)
    }

    /// Sends a flow as often as it says; the outcome is that of the last time.
    fn tries(&mut self, flow: &'h Flow, kind: Kind) -> Result<Outcome, Obstacle> {
        let (sender, scope) = self.sender(flow)?;
        let order = Order {
            kind,
            namespace: &sender,
            source: flow.from.address(),
            source_port: flow.source_port.unwrap_or(0),
            to: flow.to,
            scope,
            incoming: self.incoming(flow),
        };
        let mut receivers = Vec::new();
        for (address, port) in self.endpoints(flow, kind) {
            self.receive(kind, address, port, &mut receivers)?;
        }
        let mut kept: Vec<Box<dyn Probe>> = Vec::new();
        let mut last = Outcome { end: End::Silence, sent: None };
        for _ in 0..flow.times {
            if order.source_port != 0 {
                kept.clear();
            }
            let (outcome, probe) = self.attempt(&order, &mut receivers)?;
            last = outcome;
            kept.extend(probe);
            if kept.len() > OPEN {
                kept.remove(0);
            }
        }
        Ok(last)
    }

    /// The sender's namespace, and the device there that a link-local address is at.
    fn sender(&mut self, flow: &Flow) -> Result<(Namespace, u32), Obstacle> {
        match &flow.from {
            FlowSource::Host(_) => {
                let device = self.host.devices_towards(flow.to).first().copied();
                let scope = device.map(|device| self.world.host_link(device)).transpose();
                Ok((
                    self.world.host.namespace.clone(),
                    scope.map_err(|error| error.to_string())?.unwrap_or(0),
                ))
            }
            FlowSource::Behind { link, address } => {
                let machine = self.topology.sender(link, *address)?;
                let namespace = self.world.machine(machine).cloned();
                Ok((namespace.ok_or("its sender does not stand")?, self.world.device_of(machine)))
            }
        }
    }

    /// The host's link that a flow comes in by.
    fn incoming(&mut self, flow: &Flow) -> Option<u32> {
        let FlowSource::Behind { link, .. } = &flow.from else { return None };
        let link = layer3(self.host, self.host.link(link)?);
        self.world.host_link(&link.name).ok()
    }

    /// Where a flow may arrive: where it should, and at the host where it is sent there.
    fn endpoints(&self, flow: &Flow, kind: Kind) -> Vec<(IpAddr, u16)> {
        let port = match kind {
            Kind::Tcp(port) | Kind::Udp(port) => port,
            Kind::Icmp(_) => 0,
        };
        let arrives = flow.arrives_at.and_then(|endpoint| endpoint.port).unwrap_or(port);
        let mut endpoints = vec![(flow.arrival(), arrives)];
        if is_own(self.host, flow.to) && (flow.to, port) != (flow.arrival(), arrives) {
            endpoints.push((flow.to, port));
        }
        endpoints
    }

    /// Waits for a flow at an address, wherever that is held.
    fn receive(
        &mut self,
        kind: Kind,
        address: IpAddr,
        port: u16,
        receivers: &mut Vec<Receiver>,
    ) -> Result<(), Obstacle> {
        let sentence = |error: io::Error| {
            format!("nobody can wait for it at {}: {error}", display(SocketAddr::new(address, port)))
        };
        if is_own(self.host, address) {
            let device = self.host.connected(address).map(|(link, _)| link.name.as_str());
            let scope = device.and_then(|device| self.world.host_link(device).ok()).unwrap_or(0);
            let namespace = &self.world.host.namespace;
            receivers.push(receiver(kind, namespace, address, port, scope).map_err(sentence)?);
            return Ok(());
        }
        let machines = self.topology.receivers(address)?;
        self.world.complete(&self.topology).map_err(|error| error.to_string())?;
        for machine in machines {
            let scope = self.world.device_of(machine);
            if let Some(namespace) = self.world.machine(machine) {
                receivers.push(receiver(kind, namespace, address, port, scope).map_err(sentence)?);
            }
        }
        Ok(())
    }

    /// Sends a flow once; again where it turns out to go where nobody waits for it yet.
    fn attempt(
        &mut self,
        order: &Order<'_>,
        receivers: &mut Vec<Receiver>,
    ) -> Result<(Outcome, Option<Box<dyn Probe>>), Obstacle> {
        let mut waited = false;
        for detour in 0.. {
            let (outcome, probe) = self.once(order, receivers)?;
            if outcome.end == End::Unanswered && !waited {
                waited = true;
                // a connection that is still being made would use up what the wait is for
                drop(probe);
                std::thread::sleep(REFUSALS);
                continue;
            }
            let End::Elsewhere(at) = outcome.end else { return Ok((outcome, probe)) };
            let port = if matches!(order.kind, Kind::Icmp(_)) { 0 } else { at.port() };
            let before = receivers.len();
            let placed = self.receive(order.kind, at.ip(), port, receivers);
            if placed.is_err() || receivers.len() == before || detour == DETOURS {
                let why =
                    format!("it went to {}, where nobody stands", display(SocketAddr::new(at.ip(), port)));
                return Ok((Outcome { end: End::Lost(why), ..outcome }, probe));
            }
        }
        Err("it goes round in circles".into())
    }

    fn once(
        &mut self,
        order: &Order<'_>,
        receivers: &[Receiver],
    ) -> Result<(Outcome, Option<Box<dyn Probe>>), Obstacle> {
        let sentence = |error: netwright_sys::Error| error.to_string();
        self.tracer.reset().map_err(sentence)?;
        self.counters.reset().map_err(sentence)?;
        let mut probe = match start(order).map_err(|error| format!("it could not be sent: {error}"))? {
            Ok(probe) => probe,
            Err(Seen::Lost(why)) => return Ok((Outcome { end: End::Lost(why), sent: None }, None)),
            Err(Seen::Refused(how)) => return Ok((Outcome { end: End::Refused(how), sent: None }, None)),
            Err(_) => return Ok((Outcome { end: End::Silence, sent: None }, None)),
        };
        let (ruleset, host, node) = (&self.ruleset, self.host, &mut self.world.host);
        let mut watch = Watch {
            tracer: &mut self.tracer,
            counters: &mut self.counters,
            receivers,
            rejects: &|decision| ruleset.rejects(decision),
            is_own: &|address| is_own(host, address),
            route: &mut |tuple| node.route_error(tuple, order.incoming),
            patience: self.options.patience,
        };
        let end = watch.follow(probe.as_mut()).map_err(sentence)?.map_err(|error| error.to_string())?;
        let sent = Some(probe.tuple());
        Ok((Outcome { end, sent }, Some(probe)))
    }

    /// Compares what was seen with what was expected.
    fn judge(&self, flow: &Flow, outcome: Outcome, report: &mut FlowReport) {
        let journeys = outcome.sent.map(|sent| forward(self.tracer.journeys(), sent)).unwrap_or_default();
        let seen = match &outcome.end {
            End::Arrived { from, at } => {
                (report.seen_from, report.arrived_at) = (Some(*from), Some(*at));
                report.decided_by = self.passed_by(&journeys);
                Expect::Accept
            }
            // what never came to the host was not refused by it, but given up by the sender itself
            End::Refused(how) if journeys.is_empty() && self.is_from_outside(flow) => {
                report.details.push(format!("nothing of it reached the host ({how})"));
                Expect::Drop
            }
            End::Refused(how) => {
                report.details.push(format!("the sender was told: {how}"));
                report.decided_by = self.refused_by(flow, &journeys);
                Expect::Reject
            }
            End::Dropped { by, what } => {
                report.details.extend(self.about(by, *what));
                report.decided_by = Some(self.ruleset.place(by));
                Expect::Drop
            }
            End::Lost(why) => {
                report.details.push(why.clone());
                report.decided_by = self.route_of(flow.to);
                Expect::Drop
            }
            End::Unanswered => {
                report.details.push("a route refuses it, but the sender was not told".into());
                report.decided_by = self.route_of(flow.to);
                Expect::Drop
            }
            End::Silence | End::Elsewhere(_) => {
                report.details.push(silence(&journeys));
                Expect::Drop
            }
        };
        report.seen = Some(seen);
        report.passed = seen == flow.expect && self.ends_fit(flow, report);
    }

    /// Whether a flow's packets must have come to the host before anybody can refuse them.
    fn is_from_outside(&self, flow: &Flow) -> bool {
        matches!(flow.from, FlowSource::Behind { .. }) && !self.tracer.lost
    }

    fn about(&self, by: &Decision, what: Lost) -> Option<String> {
        let text = match what {
            Lost::Itself if self.ruleset.rejects(by) => {
                "the rule rejects, but its answer did not come back to the sender"
            }
            Lost::Itself => return None,
            Lost::Answer => "the answer was dropped on its way back",
            Lost::NeighbourDiscovery => {
                "neighbour discovery was dropped (icmpv6 nd-neighbor-solicit, nd-neighbor-advert), without which IPv6 does not work"
            }
        };
        Some(text.into())
    }

    /// Whether it came from and arrived where the flow says; what is not said is not checked.
    fn ends_fit(&self, flow: &Flow, report: &mut FlowReport) -> bool {
        let mut fits = true;
        let seen = [
            (flow.seen_from, report.seen_from, "to be seen from", "it was seen from"),
            (flow.arrives_at, report.arrived_at, "to arrive at", "it arrived at"),
        ];
        for (expected, seen, expectation, observation) in seen {
            let (Some(expected), Some(seen)) = (expected, seen) else { continue };
            if !is_at(expected, seen) {
                fits = false;
                report.details.push(format!(
                    "it was expected {expectation} {expected}, but {observation} {}",
                    display(seen)
                ));
            }
        }
        fits
    }

    /// The rule that let it pass: the last one of a filter that accepted it, else the last policy.
    fn passed_by(&self, journeys: &[&Journey]) -> Option<Place> {
        // of a connection's packets the first is the one that was decided on; what the host sends to itself has two ways
        let first = journeys.first()?;
        let to_itself = first.stage == Stage::Left && is_own(self.host, first.last.destination);
        let again = journeys.get(1).filter(|next| to_itself && next.first == first.last);
        let decisions =
            || [Some(first), again].into_iter().flatten().flat_map(|journey| journey.decisions.iter());
        let filters = || decisions().filter(|decision| self.ruleset.filters(decision));
        let rule = filters().rfind(|decision| decision.rule.is_some());
        rule.or_else(|| filters().next_back()).map(|decision| self.ruleset.place(decision))
    }

    /// The rule that rejected it, else the route that did.
    fn refused_by(&self, flow: &Flow, journeys: &[&Journey]) -> Option<Place> {
        let rejected = journeys.iter().find_map(|journey| journey.dropped());
        match (rejected, journeys.last()) {
            (Some(decision), _) => Some(self.ruleset.place(decision)),
            (None, Some(journey)) if journey.stage == Stage::Prerouted => {
                self.route_of(journey.last.destination)
            }
            (None, None) if matches!(flow.from, FlowSource::Host(_)) => self.route_of(flow.to),
            _ => None,
        }
    }

    /// The declared route that refuses packets to an address.
    fn route_of(&self, address: IpAddr) -> Option<Place> {
        let leads = |route: &&Route| {
            route.destination().contains(address)
                && route.destination().address.is_ipv4() == address.is_ipv4()
        };
        let route = self.host.routes.iter().filter(leads).max_by_key(|route| route.destination().length)?;
        if self
            .host
            .connected(address)
            .is_some_and(|(_, network)| network.length > route.destination().length)
        {
            return None;
        }
        let refuses =
            matches!(route.kind, RouteType::Blackhole | RouteType::Unreachable | RouteType::Prohibit);
        refuses.then(|| {
            let at =
                self.sources.locate(route.place.span).map(|found| format!("{}:{}", found.name, found.line));
            let text = format!("{} route to {}", route.kind, route.destination());
            Place { at: at.unwrap_or_else(|| format!("the {} route", Family::of(address))), text }
        })
    }
}

fn is_at(expected: Endpoint, seen: SocketAddr) -> bool {
    expected.address == seen.ip() && expected.port.is_none_or(|port| port == seen.port())
}

/// What is known of a packet of which nothing more was heard.
fn silence(journeys: &[&Journey]) -> String {
    let text = match journeys.last().map(|journey| journey.stage) {
        None => "nothing of it reached the host",
        Some(Stage::Started | Stage::Prerouted) => "it reached the host and went no further",
        Some(Stage::Routed) => "it was routed, and went no further",
        Some(Stage::TakenIn) => "it reached the host, and no answer came back",
        Some(Stage::Left) => "it left the host, and no answer came back",
    };
    text.into()
}
