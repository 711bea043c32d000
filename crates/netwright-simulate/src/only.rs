//! `[[only]]`: nothing gets from here to there but what the flows say.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netwright_state::model::{Addresses, Expect, Flow, FlowSource, FlowTarget, Host, Only};

use crate::cases::{Cases, describe};
use crate::constants::Constants;
use crate::lanes::{self, End, Lane, Lanes, kind_of, upper};
use crate::matrix::{Kind, Matrix, Named, Whence, ends};
use crate::paths::{Path, paths};
use crate::report::{CaseReport, FlowReport, Outcome, Verdict};
use crate::shape::Shape;
use crate::shot::{Shot, What};
use crate::sources::{Place, Sources};
use crate::stateless::variants;
use crate::sweep::{self, MOST, Probe, at_the_host, straight, sweep_under};
use crate::topology::{Obstacle, is_broadcast, is_own};
use crate::trial::Simulator;
use crate::untried::possible;
use crate::world::World;

/// Its name in the table of results.
pub(crate) fn name(only: &Only) -> String {
    let list = |words: Vec<String>| words.join(", ");
    only.name.clone().unwrap_or_else(|| {
        let from = list(only.from.iter().map(ToString::to_string).collect());
        let to = list(only.to.iter().map(ToString::to_string).collect());
        format!("nothing else from {from} to {to}")
    })
}

/// Tries everything that an `[[only]]` forbids.
pub(crate) fn report(
    only: &Only,
    cases: &Cases<'_, '_>,
    declared: Option<Place>,
    sources: &Sources,
    simulator: &mut Simulator<'_, '_>,
) -> FlowReport {
    let start = Instant::now();
    let mut report = FlowReport {
        name: name(only),
        declared,
        expected: Expect::Refuse,
        cases: 0,
        shown: Vec::new(),
        failed: 0,
        elapsed: Duration::ZERO,
    };
    if let Err(why) = fill(only, cases, sources, simulator, &mut report) {
        let wrong = vec![format!("it could not be tested: {why}")];
        let verdict = Verdict { outcome: Outcome::Error(why), ..Verdict::default() };
        report.note(CaseReport { packet: String::new(), verdict, wrong });
    }
    report.elapsed = start.elapsed();
    report
}

/// Whether nothing else gets through of what a ruleset makes a difference of. What it makes no difference of is not tried.
pub(crate) fn holds(
    only: &Only,
    cases: &Cases<'_, '_>,
    simulator: &mut Simulator<'_, '_>,
) -> Result<bool, Obstacle> {
    let field = Field::of(only, cases, simulator, false)?;
    for probe in holes(only, cases, simulator, &field)?.values().flatten() {
        let Some(lane) = field.lanes.get(probe.lane) else { continue };
        let shot = shot(cases, &simulator.world, lane, probe)?;
        if gets_in(lane, &once(simulator, shot), cases.host) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// So many kinds of what gets through are tried one by one.
const TRIED: usize = 200;
/// So many packets of a kind are tried until one gets through alone.
const CONFIRMING: usize = 64;

/// What is tried, and between whom.
struct Field {
    lanes: Vec<Lane>,
    shots: Vec<Shot>,
    probes: Vec<Probe>,
}

impl Field {
    /// What the ruleset makes a difference of, and where `everything` is asked for, all that can be sent between a few.
    fn of(
        only: &Only,
        cases: &Cases<'_, '_>,
        simulator: &Simulator<'_, '_>,
        everything: bool,
    ) -> Result<Self, Obstacle> {
        let paths = paths(&simulator.world.firewall.content);
        let translated = paths.iter().flat_map(Path::translated).collect();
        let lanes_of = Lanes { cases, own: &simulator.world.own, translated: &translated };
        let found = lanes_of.between(&only.from, &only.to)?;
        let shots = shots(&lanes_of, &simulator.world, &found)?;
        let ports = lanes::ports(cases.constants, &cases.host.flows);
        let ordinary = lanes::ordinary(&found);
        let mut probes: BTreeSet<Probe> = BTreeSet::new();
        for lane in 0..found.len() {
            let fully = ordinary.contains(&lane);
            probes.extend(lanes::differences(lane, &found, cases.constants, &ports, fully));
            if probes.len() > MOST {
                break;
            }
        }
        probes.extend(ordinary.iter().flat_map(|&lane| lanes::shapes(lane, &found, cases.constants, &ports)));
        for path in &paths {
            if probes.len() > MOST {
                break;
            }
            probes.extend(path.probes(&found, &ordinary));
        }
        if everything {
            probes.extend(ordinary.iter().flat_map(|&lane| lanes::everything(lane, &found)));
        }
        if probes.len() > MOST {
            return Err(format!("it names more than {MOST} packets, which is the most that are tried"));
        }
        Ok(Field { lanes: found, shots, probes: probes.into_iter().collect() })
    }
}

fn fill(
    only: &Only,
    cases: &Cases<'_, '_>,
    sources: &Sources,
    simulator: &mut Simulator<'_, '_>,
    report: &mut FlowReport,
) -> Result<(), Obstacle> {
    let field = Field::of(only, cases, simulator, true)?;
    report.cases = field.probes.len();
    let holes = self::holes(only, cases, simulator, &field)?;
    tell(cases, simulator, &field, &holes, "it gets through, and no flow says so", report)?;
    if let Some(possible) = possible(&simulator.world.firewall.content) {
        let about = possible.about.into_iter().collect::<Vec<_>>().join(", ");
        let wrong = format!("it may get through, as rules look at {about}, and no flow says so");
        simulator.under(&possible.ruleset, sources, |simulator| {
            let field = Field::of(only, cases, simulator, false)?;
            report.cases += field.probes.len();
            let mut more = self::holes(only, cases, simulator, &field)?;
            more.retain(|hole, _| !holes.contains_key(hole));
            tell(cases, simulator, &field, &more, &wrong, report)
        })?;
    }
    if report.shown.is_empty() {
        let packet =
            format!("{} packets between {} senders and destinations", report.cases, field.lanes.len());
        report.shown.push(CaseReport { packet, verdict: Verdict::default(), wrong: Vec::new() });
    }
    Ok(())
}

/// Tries what gets through once more, alone, and tells of what does.
fn tell(
    cases: &Cases<'_, '_>,
    simulator: &mut Simulator<'_, '_>,
    field: &Field,
    holes: &BTreeMap<Hole, Vec<Probe>>,
    wrong: &str,
    report: &mut FlowReport,
) -> Result<(), Obstacle> {
    for (number, (first, last)) in runs(holes).into_iter().enumerate() {
        let all = holes.range(first..=last).map(|(_, probes)| probes.len()).sum::<usize>();
        if number >= TRIED {
            report.failed += all;
            continue;
        }
        // a packet that is not the first of all may get further than one that is, and one sender further than another
        let mut confirmed = None;
        for probe in holes.range(first..=last).flat_map(|(_, probes)| probes).take(CONFIRMING) {
            let Some(lane) = field.lanes.get(probe.lane) else { continue };
            let ray = lane.ray(probe);
            let shot = shot(cases, &simulator.world, lane, probe)?;
            let verdict = once(simulator, shot);
            if gets_in(lane, &verdict, cases.host) || matches!(verdict.outcome, Outcome::Error(_)) {
                confirmed = Some((probe, ray, verdict));
                break;
            }
        }
        let Some((probe, ray, verdict)) = confirmed else { continue };
        let mut packet = describe(&ray, 1);
        if last != first {
            packet.push_str(&format!(" (and {} more, up to {})", all - 1, last.what_text()));
        } else if all > 1 {
            packet.push_str(&format!(" (and {} more senders or destinations)", all - 1));
        }
        packet.push_str(&probe.besides());
        report.note(CaseReport { packet, verdict, wrong: vec![wrong.to_owned()] });
        report.failed += all - 1;
    }
    Ok(())
}

/// How something is sent on each lane. What is for others than the host is sent to it all the same, where it is translated.
fn shots(lanes_of: &Lanes<'_, '_>, world: &World, lanes: &[Lane]) -> Result<Vec<Shot>, Obstacle> {
    let mut shots = lanes_of.shots(lanes)?;
    for (shot, _) in shots.iter_mut().zip(lanes).filter(|(_, lane)| lane.end == End::Through) {
        shot.follows.next = at_the_host(world, shot);
    }
    Ok(shots)
}

fn shot(cases: &Cases<'_, '_>, world: &World, lane: &Lane, probe: &Probe) -> Result<Shot, Obstacle> {
    let mut shot = cases.shot_of(&lane.ray(probe))?;
    probe.dress(&mut shot);
    if lane.end == End::Through {
        shot.follows.next = at_the_host(world, &shot);
    }
    Ok(shot)
}

/// Whether a packet arrived where it was meant to: what is for all at the host, and what is for others at whom they are taken for.
fn gets_in(lane: &Lane, verdict: &Verdict, host: &Host) -> bool {
    let left_by = verdict.left_by.as_deref();
    let meant = match lane.end {
        End::Group => left_by.is_none(),
        End::Through => match &lane.through {
            Some(link) => left_by.is_some_and(|by| by == link || upper(host, by) == upper(host, link)),
            None => left_by.is_none() || verdict.arrived_at.is_some_and(|at| at.ip() != lane.to),
        },
        End::Host | End::Nearby | End::Other => true,
    };
    verdict.outcome.arrives() && meant
}

/// What becomes of a packet, also where its sender is not told how to reach the host.
fn once(simulator: &mut Simulator<'_, '_>, mut shot: Shot) -> Verdict {
    let verdict = simulator.run_once(shot.clone());
    // where rules have looked at it, it has come to the host
    if verdict.outcome.arrives() || !verdict.way.is_empty() {
        return verdict;
    }
    shot.follows.next = straight(&simulator.world, simulator.topology, &shot);
    if shot.follows.next.is_some() { simulator.run_once(shot) } else { verdict }
}

/// What gets through that no flow names.
fn holes(
    only: &Only,
    cases: &Cases<'_, '_>,
    simulator: &mut Simulator<'_, '_>,
    field: &Field,
) -> Result<BTreeMap<Hole, Vec<Probe>>, Obstacle> {
    let Field { lanes: found, shots, probes } = field;
    let passed = pass(simulator, found, shots, probes)?;
    let permits = Permits::new(only.exact, cases);
    let allowed: Vec<Vec<&Permit<'_>>> = found.iter().map(|lane| permits.on(lane)).collect();
    let mut holes: BTreeMap<Hole, Vec<Probe>> = BTreeMap::new();
    let passed: Vec<&Probe> = passed.iter().filter_map(|index| probes.get(*index)).collect();
    let plain: HashSet<(usize, What)> =
        passed.iter().filter(|probe| !probe.is_special()).map(|probe| (probe.lane, probe.what)).collect();
    // what gets through from an address that is the sender's own says all about the same from one that is not
    let honest: HashSet<_> = plain
        .iter()
        .filter_map(|(lane, what)| Some((found.get(*lane).filter(|lane| !lane.feigned)?.towards(), *what)))
        .collect();
    let feigned = |probe: &Probe| {
        let lane = found.get(probe.lane).filter(|lane| lane.feigned);
        lane.is_some_and(|lane| honest.contains(&(lane.towards(), probe.what)))
    };
    // what the host takes when it is sent to it alone it may take when it is sent to all
    let alone: HashSet<_> = plain
        .iter()
        .filter_map(|(lane, what)| {
            let lane = found.get(*lane).filter(|lane| matches!(lane.end, End::Host | End::Nearby))?;
            Some([(lane.sender(true), *what), (lane.sender(false), *what)])
        })
        .flatten()
        .collect();
    let to_all = |probe: &Probe| {
        let lane = found.get(probe.lane).filter(|lane| lane.end == End::Group && !only.exact);
        lane.is_some_and(|lane| alone.contains(&(lane.sender(!lane.from.is_nobody()), probe.what)))
    };
    for probe in passed {
        // what gets through as it is says all about what is more special
        let same = match probe.what {
            What::Segment { port, .. } => What::Tcp(port),
            what => what,
        };
        if (probe.is_special() || same != probe.what) && plain.contains(&(probe.lane, same)) {
            continue;
        }
        if feigned(probe) || to_all(probe) {
            continue;
        }
        let (Some(lane), Some(allowed)) = (found.get(probe.lane), allowed.get(probe.lane)) else { continue };
        if !allowed.iter().any(|permit| permit.names(probe.what, probe.source_port, lane.to.is_ipv6())) {
            holes.entry(Hole::of(probe)).or_default().push(*probe);
        }
    }
    Ok(holes)
}

/// The numbers of the packets that get through.
fn pass(
    simulator: &mut Simulator<'_, '_>,
    lanes: &[Lane],
    shots: &[Shot],
    probes: &[Probe],
) -> Result<BTreeSet<usize>, Obstacle> {
    simulator.restore()?;
    // neighbours that were asked for in vain would be waited for by what comes next
    simulator.touched = true;
    let (topology, world) = (simulator.topology, &mut simulator.world);
    let rulesets = match world.firewall.remembers {
        true => variants(&world.firewall.content),
        false => Vec::new(),
    };
    let mut passed = BTreeSet::new();
    let meant = |(index, end): (usize, sweep::End)| {
        let lane = probes.get(index).and_then(|probe| lanes.get(probe.lane));
        let meant = lane.is_none_or(|lane| match lane.end {
            // a bridge also passes on to its other ports what is for all
            End::Group => end.taken_in,
            End::Through => end.taken_in && lane.through.is_none() || end.tuple.destination != lane.to,
            End::Host | End::Nearby | End::Other => true,
        });
        meant.then_some(index)
    };
    if rulesets.is_empty() {
        passed.extend(sweep::sweep(world, topology, shots, probes)?.into_iter().filter_map(meant));
    }
    for variant in &rulesets {
        passed.extend(sweep_under(world, topology, shots, probes, variant)?.into_iter().filter_map(meant));
    }
    Ok(passed)
}

/// What gets through, whoever sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hole {
    special: bool,
    kind: u8,
    flags: u8,
    source_port: u16,
    mac: bool,
    shape: Shape,
    number: u16,
}

impl Hole {
    fn of(probe: &Probe) -> Self {
        let (kind, flags, number) = match probe.what {
            What::Tcp(port) => (0, 0, port),
            What::Udp(port) => (1, 0, port),
            What::Icmp { kind, code } => (2, code, kind.into()),
            What::Raw(number) => (3, 0, number.into()),
            What::Segment { port, flags } => (4, flags, port),
        };
        let special = probe.is_special();
        let (source_port, mac, shape) = (probe.source_port, probe.mac.is_some(), probe.shape);
        Hole { special, kind, flags, source_port, mac, shape, number }
    }

    fn what_text(self) -> String {
        match self.kind {
            0 | 4 => format!("tcp {}", self.number),
            1 => format!("udp {}", self.number),
            2 => format!("icmp type {}", self.number),
            _ => format!("protocol {}", self.number),
        }
    }
}

/// What follows each other without a gap, as its first and its last.
fn runs(holes: &BTreeMap<Hole, Vec<Probe>>) -> Vec<(Hole, Hole)> {
    let lanes = |hole: &Hole| holes.get(hole).map(|probes| probes.iter().map(|probe| probe.lane).min());
    let mut found: Vec<(Hole, Hole)> = Vec::new();
    for hole in holes.keys() {
        if let Some((_, last)) = found.last_mut()
            && *hole == (Hole { number: last.number.wrapping_add(1), ..*last })
            // neighbours of what is named alone are not the same as what is open as a whole
            && lanes(last) == lanes(hole)
        {
            *last = *hole;
        } else {
            found.push((*hole, *hole));
        }
    }
    found
}

/// What flows expect to get through.
struct Permits<'a, 'h> {
    exact: bool,
    cases: &'a Cases<'a, 'h>,
    all: Vec<Permit<'h>>,
    /// What kinds of addresses there are, once asked for.
    known: std::cell::RefCell<HashMap<(bool, IpAddr), Vec<usize>>>,
}

struct Permit<'f> {
    named: Named<'f>,
}

impl<'a, 'h> Permits<'a, 'h> {
    fn new(exact: bool, cases: &'a Cases<'a, 'h>) -> Self {
        let host: &'h Host = cases.host;
        let all = host.flows.iter().filter_map(permit).collect();
        Permits { exact, cases, all, known: std::cell::RefCell::default() }
    }

    /// Those between these two.
    fn on(&self, lane: &Lane) -> Vec<&Permit<'h>> {
        let fits = |permit: &&Permit<'h>| {
            permit.named.from.iter().any(|from| self.sends(from, &lane.from))
                && permit.named.to.iter().any(|to| self.gets(to, lane))
        };
        self.all.iter().filter(fits).collect()
    }

    fn constants(&self) -> &Constants {
        self.cases.constants
    }

    fn same_kind(&self, source: bool, one: IpAddr, other: IpAddr) -> bool {
        let constants = self.constants();
        let intervals = if source { &constants.sources } else { &constants.destinations };
        let mut known = self.known.borrow_mut();
        let mut kind = |address: IpAddr| {
            known.entry((source, address)).or_insert_with(|| kind_of(intervals, address)).clone()
        };
        one.is_ipv4() == other.is_ipv4() && kind(one) == kind(other)
    }

    /// Whether a flow's sender stands for one.
    fn sends(&self, from: &FlowSource, whence: &Whence) -> bool {
        match (from, whence) {
            (FlowSource::Host(named), Whence::Host(own)) => named.is_none() || own.is_none() || named == own,
            (FlowSource::Behind { link, addresses }, Whence::Behind(behind, address)) => {
                let host = self.cases.host;
                (link == behind || upper(host, link) == upper(host, behind))
                    && self.stands_for(true, *addresses, *address)
            }
            _ => false,
        }
    }

    /// Whether a flow's destination stands for one.
    fn gets(&self, to: &FlowTarget, lane: &Lane) -> bool {
        let host = self.cases.host;
        let own = is_own(host, lane.to) || lane.end.is_host();
        match to {
            FlowTarget::Host => {
                let matrix = Matrix { host, constants: self.constants() };
                let nearest = matrix.nearest(&lane.from, lane.to.is_ipv4());
                match lane.end {
                    End::Through => own && (!self.exact || nearest == Some(lane.to)),
                    End::Host => !self.exact || nearest == Some(lane.to),
                    End::Nearby => !self.exact,
                    // see `holes`
                    End::Group | End::Other => false,
                }
            }
            FlowTarget::At { addresses: Addresses::One(one), .. } if *one != lane.to => {
                // somebody else, behind the same links
                let to_all = host.links.iter().any(|link| is_broadcast(link, *one));
                own == (is_own(host, *one) || one.is_multicast() || to_all)
                    && (own || host.devices_towards(*one) == host.devices_towards(lane.to))
                    && self.stands_for(false, Addresses::One(*one), lane.to)
            }
            FlowTarget::At { link: Some(link), addresses: Addresses::Any } => {
                let towards = host.devices_towards(lane.to);
                upper(host, link).is_some_and(|link| towards.contains(&link))
            }
            FlowTarget::At { addresses, .. } => self.stands_for(false, *addresses, lane.to),
        }
    }

    fn stands_for(&self, source: bool, named: Addresses, address: IpAddr) -> bool {
        if named.contains(address) {
            return true;
        }
        let first = match named {
            Addresses::Any => return true,
            Addresses::One(one) => one,
            Addresses::Range(first, _) => first,
            Addresses::Network(network) => ends(network).0,
        };
        !self.exact && matches!(named, Addresses::One(_)) && self.same_kind(source, first, address)
    }
}

/// What a flow says that gets through from the start.
fn permit(flow: &Flow) -> Option<Permit<'_>> {
    if !flow.after.is_empty() {
        return None;
    }
    match flow.steps.first() {
        None => flow.expect.arrives().then(|| Permit { named: Named::by(flow) }),
        Some(first) => {
            let expected = first.expect.or((flow.steps.len() == 1).then_some(flow.expect));
            let arrives = expected.is_some_and(Expect::arrives);
            arrives.then(|| Permit { named: Named::by_step(first, flow) })
        }
    }
}

impl Permit<'_> {
    fn names(&self, what: What, source_port: u16, ipv6: bool) -> bool {
        let from = self.named.source_port;
        let fits = from.is_empty() || from.iter().any(|range| range.contains(&source_port));
        fits && self.named.has(|kind| match (kind, what) {
            (Kind::Tcp(named), What::Tcp(port)) => named == port,
            (Kind::Tcp(named), What::Segment { port, flags }) => {
                named == port && self.named.flags.is_none_or(|named| named == flags)
            }
            (Kind::Udp(named), What::Udp(port)) => named == port,
            (Kind::Icmp(named), What::Icmp { kind, code }) => named.numbers(ipv6) == Some((kind, code)),
            (Kind::Other(named), What::Raw(number)) => named == number,
            _ => false,
        })
    }
}
