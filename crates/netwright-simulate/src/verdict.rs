//! What became of a packet, and what decided it: from what was seen outside, at the host, and in the traces.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use netwright_nft::diagnostic::SourceMap;
use netwright_state::model::{ConntrackState, Host, Refusal, Route, RouteType};
use netwright_wire::Errno;

use crate::packet::{Tuple, protocol};
use crate::report::{Outcome, Verdict};
use crate::ruleset::{Question, Ruleset};
use crate::shot::{Arrival, Observation, Origin, Shot, What};
use crate::sources::Place;
use crate::topology::{Topology, is_bridge, is_own};
use crate::trace::{Journey, Stage, Step, Subject, assembled};
use crate::world::World;

/// What a packet left to find out.
#[derive(Debug)]
pub(crate) enum Conclusion {
    Verdict(Box<Verdict>),
    /// The host took it at a port where nobody waits: it is to be sent again, from the start, with somebody there.
    Nobody {
        protocol: u8,
        port: u16,
    },
    /// Routing dropped it without a word: it is to be sent again, from the start, with the kernel's counters in view.
    Silent,
    /// The kernel should have told the sender something and did not: it is to be sent again, from the start. It may have had no room
    /// for it, since it sends what it says itself by few sockets for all namespaces.
    Untold,
}

/// What is known of where everything is.
pub(crate) struct Judge<'a, 'h> {
    pub(crate) topology: &'a Topology<'h>,
    pub(crate) sources: &'a SourceMap,
    pub(crate) ruleset: Rc<Ruleset>,
}

impl Judge<'_, '_> {
    /// `counted` is what the kernel counted among what routing drops silently, where it was looked at. What decided about a
    /// packet that arrived is left to [`Judge::decide`].
    pub(crate) fn conclude(
        &self,
        world: &mut World,
        shot: &Shot,
        mut seen: Observation,
        waits: &dyn Fn(u8, u16) -> bool,
        counted: Option<Option<&'static str>>,
        again: bool,
    ) -> Conclusion {
        let journeys = assembled(world.tracer.journeys(), seen.sent);
        let ways = seen.sent.map(|sent| forward(&journeys, Subject::Ip(sent))).unwrap_or_default();
        if let Some((number, port)) = nobody(&ways, shot, waits) {
            return Conclusion::Nobody { protocol: number, port };
        }
        self.taken_in(&ways, shot, &mut seen);
        let mut verdict = Verdict { one_way: shot.one_way, ..Verdict::default() };
        let first = first_way(&ways, self.topology.host);
        let steps: Vec<&Step> = first.iter().flat_map(|journey| &journey.steps).collect();
        verdict.shaped_by = self.ruleset.shaped(steps.iter().copied());
        verdict.mark = first.last().map(|journey| journey.mark);
        verdict.state = first.last().and_then(|journey| journey.state).and_then(state);
        verdict.logged = self.ruleset.logged(steps.iter().copied());
        verdict.way = steps.iter().map(|step| (*step).clone()).collect();
        let found = journeys.iter().filter(|journey| journey.first.is_discovery());
        let all = ways.iter().copied().chain(answers(&journeys, &ways)).chain(found);
        verdict.hits = all.flat_map(|journey| &journey.steps).cloned().collect();
        verdict.details.extend(seen.notes.iter().cloned());
        (verdict.counted, verdict.connection_mark) = (seen.counted.clone(), seen.connection_mark);
        if let Some(first) = ways.first()
            && first.dropped().is_some()
            && first.steps.iter().any(|step| self.ruleset.copies(step))
        {
            // what came out is a copy
            for arrival in std::mem::take(&mut seen.arrivals) {
                verdict.details.extend(arrival.link.map(|link| format!("a copy left by {link}")));
            }
            seen.answered = false;
        }
        let arrival = self.arrival(&seen, shot).cloned();
        if let Some(arrival) = &arrival {
            (verdict.seen_from, verdict.arrived_at) = (Some(arrival.from), Some(arrival.at));
            verdict.left_by = arrival.link.clone();
            verdict.class = arrival.class;
        }
        if let Some(why) = seen.no_path {
            verdict.outcome = Outcome::NoPath(why);
        } else if seen.answered || arrival.is_some() {
            verdict.outcome = if seen.answered { Outcome::Accept } else { Outcome::Arrived };
            let by_kernel = matches!(shot.what, What::Icmp { .. })
                && arrival.as_ref().is_some_and(|arrival| arrival.link.is_none());
            if again
                && by_kernel
                && !seen.answered
                && shot.answer.is_some()
                && answers(&journeys, &ways).is_empty()
            {
                return Conclusion::Untold;
            }
            if !seen.answered && shot.answer.is_some() {
                self.why_unanswered(&journeys, &ways, &seen, &mut verdict);
            }
        } else if let Some(refused) = seen.refused {
            verdict.outcome = Outcome::Reject(refused.how);
            let by = refused.by.map(|by| format!(" from {by}")).unwrap_or_default();
            verdict.details.push(format!("the sender was told: {}{by}", told(refused.how)));
            verdict.decided_by.extend(self.refused_by(shot, &ways));
        } else {
            let untold = !journeys.iter().any(is_refusal) && self.is_refused(world, shot, &ways);
            if again && untold {
                return Conclusion::Untold;
            }
            return self.lost(world, shot, (&journeys, &ways), &seen, counted, verdict);
        }
        Conclusion::Verdict(Box::new(verdict))
    }

    /// Notes what decided about a packet that arrived. `ask` tells what depends on the packet: whether it is dropped where a
    /// rule is not there.
    pub(crate) fn decide(&self, verdict: &mut Verdict, ask: &mut dyn FnMut(Question) -> Option<bool>) {
        if verdict.outcome.arrives() {
            let steps: Vec<&Step> = verdict.way.iter().collect();
            let deciding = self.ruleset.deciding(&steps, ask);
            verdict.decided_by.clear();
            for step in deciding {
                let place = self.ruleset.place(step);
                // each fragment has met it
                if !verdict.decided_by.contains(&place) {
                    verdict.decided_by.push(place);
                }
            }
        }
    }

    /// What was taken in by the host has arrived, whatever its sockets make of it.
    fn taken_in(&self, ways: &[&Journey], shot: &Shot, seen: &mut Observation) {
        let known = seen.arrivals.iter().any(|arrival| arrival.link.is_none());
        // of fragments all must be
        let lacks = ways.iter().any(|journey| journey.fragment && journey.stage != Stage::TakenIn);
        let first = ways.iter().find(|journey| journey.stage == Stage::TakenIn && !lacks);
        let Some(tuple) = first.and_then(|journey| journey.last.tuple()).filter(|_| !known) else { return };
        let port = |port: u16| if protocol::has_ports(tuple.protocol) { port } else { 0 };
        let arrival = Arrival {
            from: SocketAddr::new(tuple.source, port(tuple.source_port)),
            at: SocketAddr::new(tuple.destination, port(tuple.destination_port)),
            link: None,
            belongs: true,
            class: None,
        };
        seen.arrivals.insert(0, arrival);
        // the kernel answers it by itself, but not to everybody
        if matches!(shot.what, What::Icmp { .. }) && !seen.answered && shot.answer.is_some() {
            seen.note("the host took it");
        }
    }

    /// Of several arrivals the one that counts: where it belongs, at the host or else first.
    fn arrival<'s>(&self, seen: &'s Observation, shot: &Shot) -> Option<&'s Arrival> {
        let meant = |arrival: &&Arrival| arrival.at.ip() == shot.to;
        let all = || seen.arrivals.iter();
        // a bridge passes on to its other ports what is for all, the host too
        all()
            .find(|arrival| arrival.link.is_none() && meant(arrival))
            .or_else(|| all().find(|arrival| arrival.belongs && meant(arrival)))
            .or_else(|| all().find(|arrival| arrival.belongs))
            .or_else(|| all().next())
    }

    /// Why the answer to what arrived did not come back.
    fn why_unanswered(
        &self,
        journeys: &[Journey],
        ways: &[&Journey],
        seen: &Observation,
        verdict: &mut Verdict,
    ) {
        let back = answers(journeys, ways);
        if let Some(step) = ways.iter().find_map(|journey| journey.dropped()) {
            let place = self.ruleset.place(step);
            verdict.details.push(format!("a later packet of the connection was dropped by {place}"));
        } else if let Some(step) = back.iter().find_map(|journey| journey.dropped()) {
            verdict
                .details
                .push(format!("the answer was dropped on its way back by {}", self.ruleset.place(step)));
        } else if let Some(step) = discovery(journeys, seen) {
            let place = self.ruleset.place(step);
            verdict.details.push(format!("the answer did not come back: {}, {place}", DISCOVERY));
        } else if seen.refused.is_some() {
            verdict.details.push("the sender was refused after it had arrived".into());
        } else if let Some(journey) = back.last().filter(|journey| journey.stage == Stage::Prerouted) {
            let to = journey.last.tuple().map(|tuple| tuple.destination);
            let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
            verdict.details.push(format!("the host has no way for the answer{to}"));
        } else if verdict.details.is_empty() {
            verdict.details.push("no answer came back".into());
        }
    }

    /// What became of a packet that nobody got and nobody was told of.
    fn lost(
        &self,
        world: &mut World,
        shot: &Shot,
        (journeys, ways): (&[Journey], &[&Journey]),
        seen: &Observation,
        counted: Option<Option<&'static str>>,
        mut verdict: Verdict,
    ) -> Conclusion {
        verdict.outcome = Outcome::Drop;
        let found = |verdict: Verdict| Conclusion::Verdict(Box::new(verdict));
        if let Some(step) = ways.iter().find_map(|journey| journey.dropped()) {
            verdict.decided_by.push(self.ruleset.place(step));
            if self.ruleset.rejects(step) {
                verdict
                    .details
                    .push("the rule rejects, but its answer did not come back to the sender".into());
                let refusals = journeys.iter().filter(|journey| is_refusal(journey));
                if let Some(step) = refusals.into_iter().find_map(|journey| journey.dropped()) {
                    verdict.details.push(format!("it was dropped by {}", self.ruleset.place(step)));
                }
            }
            return found(verdict);
        }
        if self.answers_searches(world, shot, seen)
            && let Some(step) = discovery(journeys, seen)
        {
            verdict.decided_by.push(self.ruleset.place(step));
            verdict.details.push(DISCOVERY.into());
            return found(verdict);
        }
        let Some(last) = ways.last() else {
            verdict.outcome = self.never_came(world, shot, seen, &mut verdict);
            return found(verdict);
        };
        let Some(tuple) = last.last.tuple() else { return found(verdict) };
        let stage = last.stage;
        if stage == Stage::Prerouted {
            let incoming = last.input;
            match (world.route_error(tuple, incoming), counted) {
                (_, None) => return Conclusion::Silent,
                (_, Some(Some(why))) => verdict.details.push(why.into()),
                (Some(Errno::EINVAL), _) => verdict.details.push("routing dropped it without a word".into()),
                (Some(_), _) => {
                    verdict.details.push("a route refuses it, but the sender was not told".into())
                }
                (None, _) => verdict.details.push("routing dropped it".into()),
            }
            verdict.decided_by.extend(self.route_of(tuple.destination));
            return found(verdict);
        }
        let text = match stage {
            Stage::Started | Stage::Prerouted => "it came to the host and went no further",
            Stage::Routed => "it was routed and went no further",
            Stage::TakenIn => "it came to the host",
            Stage::Left if self.topology.host.connected(tuple.destination).is_some() => {
                "it left the host's rules, but nobody with its address is where the host looks for it"
            }
            Stage::Left => "it left the host's rules, and nothing of it came out of the host",
        };
        verdict.details.push(text.into());
        found(verdict)
    }

    /// Whether a rule or a route refuses a packet in a way that its sender is told.
    fn is_refused(&self, world: &mut World, shot: &Shot, ways: &[&Journey]) -> bool {
        if let Some(step) = ways.iter().find_map(|journey| journey.dropped()) {
            return self.ruleset.rejects(step);
        }
        let last = ways.last().filter(|last| last.stage == Stage::Prerouted && !shot.to.is_multicast());
        let Some((tuple, incoming)) = last.and_then(|last| Some((last.last.tuple()?, last.input))) else {
            return false;
        };
        world.route_error(tuple, incoming).is_some_and(|errno| errno != Errno::EINVAL)
    }

    /// Whether it matters what the host does with searches for neighbours: it would answer them, pass them on as a bridge, or
    /// searches itself.
    fn answers_searches(&self, world: &World, shot: &Shot, seen: &Observation) -> bool {
        let (Origin::Outside(sender, _), Some(target)) = (&shot.origin, seen.unresolved) else { return true };
        let Some(link) = self.topology.host.link(&sender.link) else { return true };
        let answers_for_others = match target {
            IpAddr::V4(_) => link.ipv4.proxy_arp == Some(true),
            IpAddr::V6(_) => link.ipv6.proxy_ndp == Some(true),
        };
        world.is_own(target) || is_bridge(link) || answers_for_others
    }

    /// Why the host has not seen anything of a packet.
    fn never_came(&self, world: &World, shot: &Shot, seen: &Observation, verdict: &mut Verdict) -> Outcome {
        let Origin::Outside(sender, _) = &shot.origin else {
            // the host itself gives up, and its routes say why
            verdict.decided_by.extend(self.route_of(shot.to));
            return Outcome::Drop;
        };
        let link = &sender.link;
        let is_down = self.topology.host.link(link).is_some_and(|link| !link.up);
        let why = match seen.unresolved {
            _ if is_down => format!("{link} is down: nothing of it came to the host"),
            Some(target) if world.is_own(target) => {
                format!(
                    "the host does not answer who looks for {target} on {link}: nothing of it came to the host"
                )
            }
            Some(target) => format!(
                "{target} is a neighbour of its sender behind {link}: such packets do not pass the host, which does not answer for it either"
            ),
            None => {
                verdict.details.push("the host threw it away before any rule saw it".into());
                return Outcome::Drop;
            }
        };
        Outcome::NoPath(why)
    }

    /// The rule that rejected it, else the route that did.
    fn refused_by(&self, shot: &Shot, ways: &[&Journey]) -> Option<Place> {
        let rejected = ways.iter().find_map(|journey| journey.dropped());
        match (rejected, ways.last()) {
            (Some(step), _) => Some(self.ruleset.place(step)),
            (None, Some(journey)) if journey.stage == Stage::Prerouted => {
                self.route_of(journey.last.tuple()?.destination)
            }
            (None, None) if matches!(shot.origin, Origin::Host { .. }) => self.route_of(shot.to),
            _ => None,
        }
    }

    /// The declared route that refuses packets to an address.
    fn route_of(&self, address: IpAddr) -> Option<Place> {
        let host = self.topology.host;
        let leads = |route: &&Route| {
            route.destination().contains(address)
                && route.destination().address.is_ipv4() == address.is_ipv4()
        };
        let route = host.routes.iter().filter(leads).max_by_key(|route| route.destination().length)?;
        let length = route.destination().length;
        if host.connected(address).is_some_and(|(_, network)| network.length > length) {
            return None;
        }
        let refuses =
            matches!(route.kind, RouteType::Blackhole | RouteType::Unreachable | RouteType::Prohibit);
        refuses.then(|| {
            let text = format!("{} route to {}", route.kind, route.destination());
            Place { text, ..Place::of(route.place.span, self.sources) }
        })
    }
}

/// Why nothing gets through where neighbours cannot find each other.
const DISCOVERY: &str = "the search for neighbours was dropped (ARP; of IPv6 icmpv6 nd-neighbor-solicit and nd-neighbor-advert), without which nothing gets through";

/// The packets of a flow on the way out. What the host sends to itself comes in again, perhaps translated.
pub(crate) fn forward(journeys: &[Journey], sent: Subject) -> Vec<&Journey> {
    let mut found: Vec<&Journey> = Vec::new();
    for journey in journeys {
        if journey.first == sent || found.iter().any(|earlier| earlier.last == journey.first) {
            found.push(journey);
        }
    }
    found
}

/// The way of the first packet, which is the one that was decided on; what the host sends to itself has two, and fragments have
/// one each.
fn first_way<'j>(ways: &[&'j Journey], host: &Host) -> Vec<&'j Journey> {
    let Some(first) = ways.first() else { return Vec::new() };
    if first.fragment {
        return ways.iter().filter(|journey| journey.fragment).copied().collect();
    }
    let own = |journey: &Journey| journey.last.tuple().is_some_and(|tuple| is_own(host, tuple.destination));
    let to_itself = first.stage == Stage::Left && own(first);
    let again = ways.get(1).filter(|next| to_itself && next.first == first.last);
    [Some(*first), again.copied()].into_iter().flatten().collect()
}

/// The steps of the way of the first packet.
pub(crate) fn first_steps(world: &World, seen: &Observation, host: &Host) -> Vec<Step> {
    let journeys = assembled(world.tracer.journeys(), seen.sent);
    let ways = seen.sent.map(|sent| forward(&journeys, Subject::Ip(sent))).unwrap_or_default();
    first_way(&ways, host).iter().flat_map(|journey| &journey.steps).cloned().collect()
}

/// The packets of the answer.
fn answers<'j>(journeys: &'j [Journey], forward: &[&Journey]) -> Vec<&'j Journey> {
    let reversed = |sent: &Journey| sent.last.tuple().map(Tuple::reversed);
    let answers = |journey: &&Journey| {
        let tuple = journey.first.tuple();
        tuple.is_some() && forward.iter().any(|sent| reversed(sent) == tuple)
    };
    journeys.iter().filter(answers).collect()
}

/// What dropped the search for a neighbour.
fn discovery<'j>(journeys: &'j [Journey], seen: &Observation) -> Option<&'j Step> {
    let ipv6 = seen.sent.is_some_and(|sent| sent.source.is_ipv6());
    let searches = |journey: &&Journey| match journey.first {
        Subject::Ip(_) => ipv6 && journey.first.is_discovery(),
        Subject::Fragment(..) => false,
        Subject::Arp(_) => !ipv6,
    };
    journeys.iter().filter(searches).find_map(Journey::dropped)
}

/// Whether a packet tells a sender that another does not arrive.
fn is_refusal(journey: &Journey) -> bool {
    journey.first.tuple().is_some_and(|tuple| {
        matches!((tuple.protocol, tuple.destination_port), (protocol::ICMP, 3) | (protocol::ICMPV6, 1))
    })
}

/// The port at which the host took a packet that nobody waits for.
fn nobody(ways: &[&Journey], shot: &Shot, waits: &dyn Fn(u8, u16) -> bool) -> Option<(u8, u16)> {
    let taken = ways.iter().find(|journey| journey.stage == Stage::TakenIn)?.last.tuple()?;
    let (number, port) = match shot.what {
        What::Tcp(_) | What::Udp(_) => (taken.protocol, taken.destination_port),
        What::Raw(number @ 1..) => (number, 0),
        What::Raw(0) | What::Segment { .. } | What::Icmp { .. } => return None,
    };
    (!waits(number, port)).then_some((number, port))
}

fn state(bits: u32) -> Option<ConntrackState> {
    // `NF_CT_STATE_*`
    match bits {
        1 => Some(ConntrackState::Invalid),
        2 => Some(ConntrackState::Established),
        4 => Some(ConntrackState::Related),
        8 => Some(ConntrackState::New),
        64 => Some(ConntrackState::Untracked),
        _ => None,
    }
}

/// How a refusal is told in a sentence.
fn told(refusal: Refusal) -> String {
    let icmp = |ipv6: bool, kind: u8, code: u8| {
        let text = match (ipv6, kind, code) {
            (false, 3, 0) => "network unreachable",
            (false, 3, 1) => "host unreachable",
            (false, 3, 2) => "protocol unreachable",
            (false, 3, 3) => "port unreachable",
            (false, 3, 9) => "network prohibited",
            (false, 3, 10) => "host prohibited",
            (false, 3, 13) => "administratively prohibited",
            (true, 1, 0) => "no route",
            (true, 1, 1) => "administratively prohibited",
            (true, 1, 2) => "beyond the scope of the source",
            (true, 1, 3) => "address unreachable",
            (true, 1, 4) => "port unreachable",
            (true, 1, 5) => "source address failed policy",
            (true, 1, 6) => "route rejected",
            (false, 11, _) | (true, 3, _) => "time exceeded",
            (true, 2, _) => "packet too big",
            (false, 12, _) | (true, 4, _) => "parameter problem",
            _ => return format!("ICMP{} type {kind} code {code}", if ipv6 { "v6" } else { "" }),
        };
        format!("ICMP{} {text}", if ipv6 { "v6" } else { "" })
    };
    match refusal {
        Refusal::TcpReset => "TCP reset".into(),
        Refusal::Icmp { kind, code } => icmp(false, kind, code),
        Refusal::Icmpv6 { kind, code } => icmp(true, kind, code),
        Refusal::Local(_) => refusal.to_string(),
    }
}
