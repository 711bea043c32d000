//! A flow as it is tried: what comes before it, the packet itself, and what is found out about it afterwards. Each trial finds
//! the world as it was declared.

mod proxies;
mod tie;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use netwright_nft::diagnostic::SourceMap;
use netwright_state::Ruleset as Declared;
use netwright_state::model::{AcceptRa, Refusal};
use netwright_sys::Error;

use crate::counters::Counters;
use crate::coverage::Tally;
use crate::exchange::{Exchange, PORTS};
use crate::firewall::Firewall;
use crate::inside::{Door, Inside};
use crate::packet::{icmp, protocol};
use crate::report::{Outcome, Verdict};
use crate::ruleset::{Question, RuleId, Ruleset, traversals};
use crate::shot::{Landed, Observation, Origin, Shot, What};
use crate::sources::Sources;
use crate::sweep::NEIGHBOURS;
use crate::topology::{Obstacle, Topology, is_broadcast, is_own};
use crate::trace::{Step, Turn};
use crate::verdict::{Conclusion, Judge, first_steps};
use crate::world::World;

use self::proxies::proxies;
pub(crate) use self::tie::Tie;
use self::tie::tied;

/// Something that is sent, so many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    pub(crate) shot: Shot,
    pub(crate) times: u32,
    /// How many numbers others have taken before, by which one connection is told from another.
    pub(crate) base: u32,
    /// Time that passes before.
    pub(crate) wait: Option<std::time::Duration>,
    pub(crate) tie: Tie,
}

/// What is sent one after the other in the same world; the last time of the last act is what is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) acts: Vec<Act>,
    pub(crate) watch: Watch,
}

impl Trial {
    /// A single packet.
    pub(crate) fn once(shot: Shot) -> Self {
        Trial {
            acts: vec![Act { shot, times: 1, base: 0, wait: None, tie: Tie::Loose }],
            watch: Watch::default(),
        }
    }
}

/// What is looked at besides the packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Names of counters.
    pub(crate) counters: Vec<String>,
    /// The connection's mark.
    pub(crate) connection: bool,
}

/// A world, and what is needed to judge what happens there.
pub(crate) struct Simulator<'a, 'h> {
    pub(crate) world: World,
    pub(crate) topology: &'a Topology<'h>,
    pub(crate) sources: &'a SourceMap,
    pub(crate) ruleset: Rc<Ruleset>,
    counters: Counters,
    inside: Inside,
    /// Ports that transparent proxies wait at.
    proxies: BTreeSet<(Option<IpAddr>, u16)>,
    /// Whether something has happened in the world since it was restored.
    pub(crate) touched: bool,
    /// Whether it is found out which of the rules that accepted a packet mattered.
    pub(crate) explains: bool,
    /// Where somebody waited in the last trial.
    doors: BTreeSet<Door>,
    /// The packet before, as it arrived outside.
    landed: Option<Landed>,
    /// What of the firewall was used, where that is to be told.
    pub(crate) tally: Option<Tally>,
}

/// So many senders' packets at once are answered by routing that has no way for them (`net.ipv4.route.error_burst` by
/// `error_cost`).
const TOLD: u32 = 5;

/// How often a trial is begun anew because of what it showed.
const TRIES: usize = 6;
/// How often of them because the kernel did not tell the sender what it should have.
const UNTOLD: usize = 2;
/// How long it may have no room for that. A processor sends all messages of ICMP by one socket, whichever namespace they are in; what
/// waits there for neighbours who do not answer is given up after three seconds.
const ROOM: Duration = Duration::from_secs(10);
/// After how long connections that came to nothing are not counted any more: three ticks of the slowest clock.
const FORGOTTEN: Duration = Duration::from_millis(31);
/// After how long it is tried again.
const AGAIN: Duration = Duration::from_millis(10);
/// More repetitions than this are not traced.
const TRACED: u32 = 32;

impl<'a, 'h> Simulator<'a, 'h> {
    pub(crate) fn new(
        world: World,
        topology: &'a Topology<'h>,
        sources: &'a SourceMap,
        ruleset: Rc<Ruleset>,
    ) -> Self {
        let proxies = proxies(&world.firewall.content);
        Simulator {
            world,
            topology,
            sources,
            ruleset,
            counters: Counters::open(),
            inside: Inside::default(),
            proxies,
            touched: false,
            explains: true,
            doors: BTreeSet::new(),
            landed: None,
            tally: None,
        }
    }

    /// Whether a trial finds this world as it would find a new one.
    pub(crate) fn suits(&self, trial: &Trial) -> bool {
        let told = |act: &Act| match &act.shot.origin {
            Origin::Outside(_, source) => self.world.told.get(source).copied().unwrap_or(0),
            Origin::Host { .. } => 0,
        };
        let sent: u32 = trial.acts.iter().map(|act| act.times).sum();
        self.world.spent.is_none() && trial.acts.iter().all(|act| told(act) == 0 || told(act) + sent <= TOLD)
    }

    fn judge(&self) -> Judge<'a, 'h> {
        Judge { topology: self.topology, sources: self.sources, ruleset: Rc::clone(&self.ruleset) }
    }

    /// What becomes of a trial's last packet.
    pub(crate) fn run(&mut self, trial: &Trial) -> Verdict {
        self.conclusion(trial)
            .unwrap_or_else(|why| Verdict { outcome: Outcome::Error(why), ..Verdict::default() })
    }

    /// The verdict of the trial that was the last, with what decided where that was not asked for.
    pub(crate) fn explained(&mut self, trial: &Trial, verdict: Verdict) -> Verdict {
        let doors = std::mem::take(&mut self.doors);
        self.explains = true;
        self.decided(trial, verdict.clone(), &doors).unwrap_or(verdict)
    }

    /// What becomes of a single packet.
    pub(crate) fn run_once(&mut self, shot: Shot) -> Verdict {
        self.run(&Trial::once(shot))
    }

    fn conclusion(&mut self, trial: &Trial) -> Result<Verdict, Obstacle> {
        let mut doors: BTreeSet<Door> = BTreeSet::new();
        let mut counts = false;
        let mut untold = 0;
        let mut tries = 0;
        let mut crowded: Option<Instant> = None;
        while tries < TRIES {
            tries += 1;
            self.restore()?;
            let before = if untold > 0 { Some(self.without_room()?) } else { None };
            let (shot, seen, counted) = self.play(trial, &doors, counts)?;
            self.tally_up()?;
            let ipv6 = shot.to.is_ipv6();
            let waits = |number: u8, port: u16| self.inside.waits(ipv6, number, port);
            let lost = self.world.tracer.lost;
            let judge = self.judge();
            match judge.conclude(
                &mut self.world,
                &shot,
                seen,
                &waits,
                counted.filter(|_| counts),
                untold < UNTOLD,
            ) {
                Conclusion::Untold => match before {
                    Some(before) if self.without_room()? > before => {
                        let since = *crowded.get_or_insert_with(Instant::now);
                        if since.elapsed() > ROOM {
                            return Err(
                                "the kernel has no room for the ICMP message that belongs to it: all namespaces of this machine share \
                                 it, and something else fills it"
                                    .into(),
                            );
                        }
                        std::thread::sleep(AGAIN);
                        tries -= 1;
                    }
                    _ => untold += 1,
                },
                Conclusion::Nobody { protocol, port } => {
                    doors.insert(Door { protocol, port, address: None, transparent: false });
                }
                Conclusion::Silent => counts = true,
                Conclusion::Verdict(mut verdict) => {
                    if lost {
                        verdict.details.push(
                            "there were more traces than could be read, so that rules may be missing".into(),
                        );
                    }
                    let verdict = self.again(trial, *verdict)?;
                    let verdict = self.decided(trial, verdict, &doors);
                    self.doors = doors;
                    return verdict;
                }
            }
        }
        Err("it goes round in circles".into())
    }

    fn without_room(&mut self) -> Result<u64, Obstacle> {
        self.counters.without_room().map_err(|error| error.to_string())
    }

    /// Notes what of the firewall was used.
    fn tally_up(&mut self) -> Result<(), Obstacle> {
        let Some(tally) = &mut self.tally else { return Ok(()) };
        for step in self.world.tracer.journeys().iter().flat_map(|journey| &journey.steps) {
            if let Some(rule) = self.ruleset.find(step) {
                tally.rule(rule);
            }
        }
        let content = std::mem::take(&mut self.world.firewall.content);
        let noted = tally.elements(&content, self.world.netfilter());
        self.world.firewall.content = content;
        noted.map_err(|error| error.to_string())
    }

    /// Sends what a trial says, from a world as declared.
    fn play(
        &mut self,
        trial: &Trial,
        doors: &BTreeSet<Door>,
        counts: bool,
    ) -> Result<(Shot, Observation, Option<Option<&'static str>>), Obstacle> {
        let sentence = |error: Error| error.to_string();
        let (last, before) = trial.acts.split_last().ok_or("it sends nothing")?;
        self.touched = true;
        self.landed = None;
        let mut notes = Vec::new();
        for (number, act) in before.iter().enumerate() {
            if number % NEIGHBOURS == NEIGHBOURS - 1 {
                // the kernel knows so many neighbours at once, and answers nobody else
                self.world.forget_neighbours().map_err(sentence)?;
            }
            self.wait(act, &mut notes)?;
            self.repeat(act, act.times, false, doors)?;
        }
        self.wait(last, &mut notes)?;
        self.repeat(last, last.times - 1, true, doors)?;
        let shot = tied(last, self.landed.as_ref())?;
        self.open(&shot, doors)?;
        let names = &trial.watch.counters;
        let counters = match names.is_empty() {
            true => Vec::new(),
            false => self.world.counters(names).map_err(sentence)?,
        };
        self.world.trace(true).map_err(sentence)?;
        self.world.tracer.reset().map_err(sentence)?;
        if counts {
            self.counters.reset().map_err(sentence)?;
        }
        let mut seen = self.send(&shot, last.base + last.times - 1)?;
        if !names.is_empty() {
            let after = self.world.counters(names).map_err(sentence)?;
            let more =
                |(before, after): (&Option<u64>, &Option<u64>)| Some(after.as_ref()? - before.as_ref()?);
            seen.counted = counters.iter().zip(&after).map(more).collect();
        }
        if let Some(sent) = seen.sent.filter(|_| trial.watch.connection) {
            seen.connection_mark = self.world.connection_mark(sent).map_err(sentence)?;
        }
        notes.into_iter().for_each(|note| seen.note(note));
        let counted = match counts {
            true => Some(self.counters.dropped().map_err(sentence)?),
            false => None,
        };
        Ok((shot, seen, counted))
    }

    /// Lets the time pass that passes before something is sent.
    fn wait(&mut self, act: &Act, notes: &mut Vec<String>) -> Result<(), Obstacle> {
        let Some(time) = act.wait else { return Ok(()) };
        let unmoved = self.world.pass_time(time).map_err(|error| error.to_string())?;
        if let Some(set) = unmoved.sets.first() {
            return Err(format!(
                "time cannot pass for the set {set}: its elements are intervals that end by themselves"
            ));
        }
        notes.extend(unmoved.renewed.iter().map(|set| {
            format!("the limits of the elements of {set} are as new after the wait, however long it was")
        }));
        if self.ruleset.limits() {
            notes.push("the wait was not real: limits of rules allow no more after it than before".into());
        }
        Ok(())
    }

    /// Sends something so many times, without a look at what becomes of it.
    /// `more` is whether the same is sent once more after that.
    fn repeat(&mut self, act: &Act, times: u32, more: bool, doors: &BTreeSet<Door>) -> Result<(), Obstacle> {
        let sentence = |error: Error| error.to_string();
        if times == 0 {
            return Ok(());
        }
        let shot = tied(act, self.landed.as_ref())?;
        self.open(&shot, doors)?;
        if times > TRACED {
            self.world.trace(false).map_err(sentence)?;
        }
        for number in act.base..act.base + times {
            let mut seen = self.send(&shot, number)?;
            if matches!(shot.what, What::Tcp(_)) && self.world.firewall.remembers && seen.is_lost() {
                // as TCP does
                seen = self.send(&shot, number)?;
            }
            if self.world.firewall.counts_connections && seen.is_lost() && times <= TRACED {
                // the kernel counts a connection that has just come, also where a rule has dropped it
                std::thread::sleep(FORGOTTEN);
            }
            self.landed = seen.landed.or(self.landed.take());
            if let Some(tally) = &mut self.tally {
                self.world.tracer.hear().map_err(sentence)?;
                let steps = self.world.tracer.journeys().iter().flat_map(|journey| &journey.steps);
                steps.filter_map(|step| self.ruleset.find(step)).for_each(|rule| tally.rule(rule));
            }
            self.world.tracer.reset().map_err(sentence)?;
            self.inside.forget();
            let again = act.shot.source_port != 0 || (number + 1).is_multiple_of(PORTS.into());
            if again && (more || number + 1 < act.base + times) {
                // the next one has ports that were used before, so that nothing may be left of those connections
                self.world.forget_connections().map_err(sentence)?;
            }
        }
        self.world.trace(true).map_err(sentence)
    }

    fn send(&mut self, shot: &Shot, number: u32) -> Result<Observation, Obstacle> {
        let number = u16::try_from(number % u32::from(PORTS)).unwrap_or_default() + 1;
        let seen = Exchange::run(&mut self.world, self.topology, shot, &mut self.inside, number)?;
        self.note_told(shot, &seen);
        if teaches(shot, self.world.has_bridges()) && !self.is_ignored(shot) {
            self.world.spent = Some("the host may have learnt of routes, groups or addresses");
        }
        Ok(seen)
    }

    /// Whether the host takes nothing from a router that makes itself known.
    fn is_ignored(&self, shot: &Shot) -> bool {
        let (What::Icmp { kind: icmp::ROUTER_ADVERTISEMENT, .. }, Origin::Outside(sender, _)) =
            (shot.what, &shot.origin)
        else {
            return false;
        };
        let link = self.topology.host.link(&sender.link);
        shot.to.is_ipv6() && link.is_some_and(|link| link.ipv6.accept_ra == Some(AcceptRa::No))
    }

    /// Notes what the host's routing told a sender, whatever the packet was sent for: that it went a way that is longer than
    /// need be, which spends all that it tells at once, or that there is no way.
    fn note_told(&mut self, shot: &Shot, seen: &Observation) {
        let Origin::Outside(_, source) = &shot.origin else { return };
        let refused = seen.refused.is_some_and(|refused| matches!(refused.how, Refusal::Icmp { .. }));
        let by_rule = || self.world.tracer.journeys().iter().any(|journey| journey.dropped().is_some());
        let count = match seen.spends {
            true => TOLD,
            false if refused && !by_rule() => 1,
            false => return,
        };
        *self.world.told.entry(*source).or_default() += count;
    }

    /// Has somebody wait where a packet may come to at the host.
    fn open(&mut self, shot: &Shot, doors: &BTreeSet<Door>) -> Result<(), Obstacle> {
        let ipv6 = shot.to.is_ipv6();
        let link = match &shot.origin {
            Origin::Outside(sender, _) => Some(sender.link.as_str()),
            Origin::Host { .. } => None,
        };
        let to_all = link
            .and_then(|link| self.topology.host.link(link))
            .is_some_and(|link| is_broadcast(link, shot.to));
        let multicast = shot.to.is_multicast();
        let mut all: Vec<Door> = doors.iter().copied().collect();
        if to_all || multicast || is_own(self.topology.host, shot.to) || self.world.is_own(shot.to) {
            let door = |protocol, port| Door { protocol, port, address: None, transparent: false };
            match shot.what {
                What::Tcp(port) => all.push(door(protocol::TCP, port)),
                What::Udp(port) => all.push(door(protocol::UDP, port)),
                // there are no sockets for protocol 0
                What::Raw(number @ 1..) => all.push(door(number, 0)),
                What::Raw(0) | What::Segment { .. } | What::Icmp { .. } => {}
            }
        }
        if let What::Tcp(_) | What::Udp(_) = shot.what {
            let fits = |address: &Option<IpAddr>| address.is_none_or(|address| address.is_ipv6() == ipv6);
            let proxies = self.proxies.iter().filter(|(address, _)| fits(address));
            all.extend(proxies.map(|&(address, port)| Door {
                protocol: shot.protocol(),
                port,
                address,
                transparent: true,
            }));
        }
        let index = link.and_then(|link| self.world.links.get(link)).copied();
        if let Some(index) = index.filter(|_| multicast) {
            // the kernel tells of its groups for a while after they are left
            self.world.spent = Some("the host has joined a group");
            self.inside
                .join(shot.to, index)
                .map_err(|error| format!("the host cannot join the group {}: {error}", shot.to))?;
        }
        for door in all {
            self.inside
                .open(door, ipv6)
                .map_err(|error| format!("the host cannot wait at {door}: {error}"))?;
        }
        Ok(())
    }

    /// A sender of TCP whose first segment is lost sends it again. Where the firewall remembers, that may make a difference.
    fn again(&mut self, trial: &Trial, verdict: Verdict) -> Result<Verdict, Obstacle> {
        let Some(Act { shot, times, base, tie: Tie::Loose, .. }) = trial.acts.last() else {
            return Ok(verdict);
        };
        let repeats = matches!(shot.what, What::Tcp(_)) && verdict.outcome == Outcome::Drop;
        if !repeats || !self.world.firewall.remembers || verdict.way.is_empty() {
            return Ok(verdict);
        }
        self.world.tracer.reset().map_err(|error| error.to_string())?;
        let seen = self.send(shot, base + times - 1)?;
        let waits = |_: u8, _: u16| true;
        let judge = self.judge();
        match judge.conclude(&mut self.world, shot, seen, &waits, Some(None), false) {
            Conclusion::Verdict(mut second) if second.outcome != Outcome::Drop => {
                let by = verdict.decided_by.first().map(|place| format!(" by {place}")).unwrap_or_default();
                let then = if second.outcome.arrives() { "it passed" } else { "it was rejected" };
                second
                    .details
                    .push(format!("the first segment was dropped{by}; sent again, as TCP does, {then}"));
                Ok(*second)
            }
            _ => Ok(verdict),
        }
    }

    /// Finds out which of the rules that accepted a packet mattered.
    fn decided(
        &mut self,
        trial: &Trial,
        mut verdict: Verdict,
        doors: &BTreeSet<Door>,
    ) -> Result<Verdict, Obstacle> {
        let judge = self.judge();
        let mut questions: Vec<Question> = Vec::new();
        judge.decide(&mut verdict, &mut |question| {
            questions.push(question);
            None
        });
        if questions.is_empty() || !self.explains {
            return Ok(verdict);
        }
        let mut answers: HashMap<Question, bool> = HashMap::new();
        for question in questions {
            if let Some(dropped) = self.would_be_dropped(question, trial, doors)? {
                answers.insert(question, dropped);
            }
        }
        judge.decide(&mut verdict, &mut |question| answers.get(&question).copied());
        Ok(verdict)
    }

    /// Whether a trial's packet would be dropped in a chain if nothing accepted it there: it is tried again with the rule that
    /// accepts it accepting nothing, and then each that accepts it in its place.
    fn would_be_dropped(
        &mut self,
        question: Question,
        trial: &Trial,
        doors: &BTreeSet<Door>,
    ) -> Result<Option<bool>, Obstacle> {
        let declared = self.world.firewall.content.clone();
        let names = self.world.firewall.tables();
        let sentence = |error: Error| error.to_string();
        let mut silenced: BTreeSet<RuleId> = [question.rule].into();
        loop {
            let without = self.ruleset.without_accepting(&silenced, question.base, &declared);
            let Some(without) = without else { return Ok(None) };
            let other = Firewall::new(&without, &names).map_err(sentence)?;
            let firewall = std::mem::replace(&mut self.world.firewall, other);
            let end = self.end_of(question, &without, trial, doors);
            self.world.firewall = firewall;
            self.restore_with_load()?;
            match end? {
                Some((turn, Some(rule))) if turn.passes() && silenced.insert(rule) => {}
                Some((turn, _)) => return Ok(Some(!turn.passes())),
                // something else drops it before
                None => return Ok(Some(true)),
            }
        }
    }

    /// How a trial's packet leaves a base chain under a ruleset that is not the declared one, and by which rule of that.
    fn end_of(
        &mut self,
        question: Question,
        made: &Declared,
        trial: &Trial,
        doors: &BTreeSet<Door>,
    ) -> Result<Option<(Turn, Option<RuleId>)>, Obstacle> {
        self.restore_with_load()?;
        let made = Ruleset::new(made, &Sources::default(), self.world.netfilter())
            .map_err(|error| error.to_string())?;
        let (_, seen, _) = self.play(trial, doors, false)?;
        let way = first_steps(&self.world, &seen, self.topology.host);
        let steps: Vec<&Step> = way.iter().collect();
        let traversal = traversals(&steps).nth(question.traversal);
        Ok(traversal.and_then(|traversal| traversal.last()).map(|step| {
            let rule = made.find(step).and_then(|rule| self.ruleset.original(&made, rule, question.base));
            (step.turn, rule)
        }))
    }

    /// Does something under another ruleset than the declared one. Its rules are where those of `sources` are.
    pub(crate) fn under<T>(
        &mut self,
        ruleset: &Declared,
        sources: &Sources,
        act: impl FnOnce(&mut Self) -> Result<T, Obstacle>,
    ) -> Result<T, Obstacle> {
        let sentence = |error: Error| error.to_string();
        let other = Firewall::new(ruleset, &self.world.firewall.tables()).map_err(sentence)?;
        let firewall = std::mem::replace(&mut self.world.firewall, other);
        let known = Rc::clone(&self.ruleset);
        let result = self.restore_with_load().and_then(|()| {
            let content = self.world.firewall.content.clone();
            self.ruleset =
                Rc::new(Ruleset::new(&content, sources, self.world.netfilter()).map_err(sentence)?);
            act(self)
        });
        (self.world.firewall, self.ruleset) = (firewall, known);
        self.restore_with_load()?;
        result
    }

    /// Makes the world as it was declared.
    pub(crate) fn restore(&mut self) -> Result<(), Obstacle> {
        if self.touched {
            self.inside = Inside::default();
            self.landed = None;
            self.world.restore().map_err(|error| error.to_string())?;
            self.touched = false;
        }
        Ok(())
    }

    fn restore_with_load(&mut self) -> Result<(), Obstacle> {
        self.inside = Inside::default();
        self.landed = None;
        self.world.restore_all().map_err(|error| error.to_string())?;
        self.touched = false;
        Ok(())
    }
}

/// Whether a packet may make the host use other routes or addresses, or its bridges pass groups on otherwise, which is not to be
/// taken back: redirects, what says how large packets may be, routers that make themselves known, and members of groups.
fn teaches(shot: &Shot, bridges: bool) -> bool {
    match shot.what {
        What::Icmp { kind, code } if shot.to.is_ipv4() => {
            kind == icmp::REDIRECT || (kind, code) == (icmp::UNREACHABLE, icmp::TOO_BIG_CODE)
        }
        What::Icmp { kind, .. } => {
            matches!(kind, icmp::TOO_BIG_V6 | icmp::ROUTER_ADVERTISEMENT | icmp::REDIRECT_V6)
                || bridges && icmp::GROUPS_V6.contains(&kind)
        }
        What::Raw(number) => bridges && number == protocol::IGMP,
        What::Tcp(_) | What::Segment { .. } | What::Udp(_) => false,
    }
}
