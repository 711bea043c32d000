//! From a flow to what is tried of it: each packet that it names, with what comes before it.

use std::fmt::Write as _;

use netwright_state::model::{Bytes, Delay, Dscp, Expect, Flow, FlowStep, Host, Owner, TcpFlags};

use crate::constants::Constants;
use crate::frame::{Mac, Tag, ether};
use crate::matrix::{Matrix, Named, Ray, Whence};
use crate::packet::{Head, icmp};
use crate::shot::{Follows, Origin, Shot, What};
use crate::topology::{Obstacle, Topology};
use crate::trial::{Act, Tie, Trial, Watch};

/// Something that is tried.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What is judged, in a line.
    pub(crate) packet: String,
    pub(crate) trial: Trial,
    /// The number of the step that is judged, and what it expects, where it says so itself.
    pub(crate) step: Option<(usize, Expect)>,
    /// Whether it is what the flow's other expectations are about.
    pub(crate) whole: bool,
}

/// What flows are made into cases with.
pub(crate) struct Cases<'a, 'h> {
    pub(crate) host: &'h Host,
    pub(crate) topology: &'a Topology<'h>,
    pub(crate) constants: &'a Constants,
}

/// What is said of a packet besides from where to where it goes, of a flow or of a step.
struct Dress<'f> {
    ttl: Option<u8>,
    dscp: Option<Dscp>,
    vlan: &'f [u16],
    mac: Option<[u8; 6]>,
    payload: Option<&'f Bytes>,
    answer: Option<&'f Bytes>,
    fragment: Option<u16>,
    user: Option<&'f Owner>,
    group: Option<&'f Owner>,
    cgroup: Option<&'f str>,
    /// Nobody answers it.
    one_way: bool,
}

/// What is said where nothing else is to be said. It begins like nothing else that is sent.
const QUESTION: &[u8] = b"netwright asks ";
const ANSWER: &[u8] = b"netwright answers";

impl Cases<'_, '_> {
    /// What is tried of a flow.
    pub(crate) fn of_flow(&self, flow: &Flow) -> Result<Vec<Case>, Obstacle> {
        let mut before = Vec::new();
        self.ancestors(flow, &mut before, 0)?;
        if !flow.steps.is_empty() {
            return self.of_steps(flow, before);
        }
        let matrix = self.matrix();
        let rays = matrix.rays(&Named::by(flow))?;
        let dress = Dress::of(flow);
        let mut cases = Vec::with_capacity(rays.len());
        let (times, base) = (flow.times, taken(&before));
        for ray in rays {
            let act = Act { shot: self.shot(&ray, &dress)?, times, base, wait: None, tie: Tie::Loose };
            let mut acts = before.clone();
            acts.push(act);
            let trial = Trial { acts, watch: watch(flow) };
            cases.push(Case { packet: describe(&ray, flow.times), trial, step: None, whole: true });
        }
        Ok(cases)
    }

    /// The packets of the flows that a flow follows, the first ones first.
    fn ancestors(&self, flow: &Flow, acts: &mut Vec<Act>, depth: usize) -> Result<(), Obstacle> {
        if depth > self.host.flows.len() {
            return Err("the flows that it follows follow each other".into());
        }
        for name in &flow.after {
            let found = self.host.flows.iter().find(|other| other.name == *name);
            let other = found.ok_or_else(|| format!("there is no flow {name:?} for it to follow"))?;
            self.ancestors(other, acts, depth + 1)?;
            // each flow has connections of its own
            let base = taken(acts);
            if other.steps.is_empty() {
                let (dress, times) = (Dress::of(other), other.times);
                for ray in self.matrix().rays(&Named::by(other))? {
                    acts.push(Act {
                        shot: self.shot(&ray, &dress)?,
                        times,
                        base,
                        wait: None,
                        tie: Tie::Loose,
                    });
                }
            } else {
                let last = self.of_steps(other, Vec::new())?.pop();
                let steps = last.into_iter().flat_map(|case| case.trial.acts);
                acts.extend(steps.map(|act| Act { base: base + act.base, ..act }));
            }
        }
        Ok(())
    }

    /// The steps of a flow. Each that expects something is judged in a world of its own, with those before it.
    fn of_steps(&self, flow: &Flow, before: Vec<Act>) -> Result<Vec<Case>, Obstacle> {
        let (own, base) = (before.len(), taken(&before));
        let mut acts = before;
        let mut cases = Vec::new();
        let count = flow.steps.len();
        for (index, step) in flow.steps.iter().enumerate() {
            let number = index + 1;
            let wrong = |why: Obstacle| format!("step {number}: {why}");
            let named = Named::by_step(step, flow);
            let rays = self.matrix().rays(&named).map_err(wrong)?;
            let dress = Dress::of_step(step, flow, number == count);
            let times = step.times.unwrap_or(1);
            let mut wait = step.wait.map(|Delay(time)| time);
            let mut packet = String::new();
            for ray in &rays {
                let shot = self.shot(ray, &dress).map_err(wrong)?;
                let error =
                    matches!(shot.what, What::Icmp { kind, .. } if icmp::is_error(shot.to.is_ipv6(), kind));
                let link = match (step.back, error && !acts.is_empty()) {
                    (true, _) => Tie::Back,
                    (false, true) => Tie::About,
                    (false, false) => Tie::Loose,
                };
                packet = match step.back {
                    true => format!("back: {}", describe(ray, times)),
                    false => describe(ray, times),
                };
                // steps are of one connection, but for whole connections of TCP
                let again = acts.iter().skip(own).any(|act| {
                    matches!(shot.what, What::Tcp(_))
                        && (&act.shot.origin, act.shot.to, act.shot.what)
                            == (&shot.origin, shot.to, shot.what)
                });
                let base = if again { taken(&acts) } else { base };
                acts.push(Act { shot, times, base, wait: wait.take(), tie: link });
            }
            let expected = match (number == count, step.expect) {
                (true, None) => Some((None, flow.expect)),
                (true, Some(expected)) => Some((Some(number), expected)),
                (false, expected) => expected.map(|expected| (Some(number), expected)),
            };
            if let Some((number, expected)) = expected {
                let step = number.map(|number| (number, expected));
                let whole = index + 1 == count;
                let watch = if whole { watch(flow) } else { Watch::default() };
                cases.push(Case { packet, trial: Trial { acts: acts.clone(), watch }, step, whole });
            }
        }
        Ok(cases)
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix { host: self.host, constants: self.constants }
    }

    /// A packet of which nothing more is said.
    pub(crate) fn shot_of(&self, ray: &Ray) -> Result<Shot, Obstacle> {
        self.shot(ray, &Dress::PLAIN)
    }

    /// A packet as it is sent.
    fn shot(&self, ray: &Ray, dress: &Dress<'_>) -> Result<Shot, Obstacle> {
        if dress.fragment.is_some() && matches!(ray.from, Whence::Host(_)) {
            return Err("what the host itself sends cannot be sent in fragments".into());
        }
        let origin = match &ray.from {
            Whence::Behind(link, address) => Origin::Outside(self.topology.sender(link, *address)?, *address),
            Whence::Host(source) => Origin::Host {
                source: *source,
                user: dress.user.map(|user| number(user, "/etc/passwd", "user")).transpose()?,
                group: dress.group.map(|group| number(group, "/etc/group", "group")).transpose()?,
                cgroup: dress.cgroup.map(str::to_owned),
            },
        };
        let head = Head {
            ttl: dress.ttl.unwrap_or(Head::ORDINARY.ttl),
            class: dress.dscp.map_or(0, |dscp| dscp.0 << 2),
            ..Head::ORDINARY
        };
        let payload = match (dress.payload, ray.what) {
            (Some(bytes), _) => bytes.0.clone(),
            // a segment that only opens something carries nothing
            (None, What::Segment { flags, .. }) if flags & 0x02 != 0 => Vec::new(),
            (None, _) => QUESTION.to_vec(),
        };
        let answers = match ray.what {
            What::Tcp(_) | What::Udp(_) => true,
            What::Icmp { kind, .. } => crate::packet::echo_answer(ray.to.is_ipv6(), kind).is_some(),
            What::Segment { .. } => false,
            What::Raw(_) => dress.answer.is_some(),
        };
        let answer = match dress.answer {
            _ if dress.one_way || !answers => None,
            Some(bytes) => Some(bytes.0.clone()),
            None => Some(ANSWER.to_vec()),
        };
        let one_way = !answers || ray.from.is_nobody();
        let tags = dress.vlan.iter().map(|&id| Tag { kind: ether::DOT1Q, id }).collect();
        Ok(Shot {
            origin,
            to: ray.to,
            behind: ray.behind.clone(),
            what: ray.what,
            source_port: ray.source_port,
            head,
            payload,
            answer,
            one_way,
            fragment: dress.fragment,
            tags,
            mac: dress.mac.map(Mac),
            follows: Follows::default(),
        })
    }
}

/// How many numbers of connections have been taken.
fn taken(acts: &[Act]) -> u32 {
    acts.iter().map(|act| act.base + act.times).max().unwrap_or(0)
}

impl<'f> Dress<'f> {
    const PLAIN: Dress<'static> = Dress {
        ttl: None,
        dscp: None,
        vlan: &[],
        mac: None,
        payload: None,
        answer: None,
        fragment: None,
        user: None,
        group: None,
        cgroup: None,
        one_way: false,
    };

    fn of(flow: &'f Flow) -> Self {
        Dress {
            ttl: flow.ttl,
            dscp: flow.dscp,
            vlan: &flow.vlan,
            mac: flow.mac.map(|mac| mac.0),
            payload: flow.payload.as_ref(),
            answer: flow.answer.as_ref(),
            fragment: flow.fragment,
            user: flow.user.as_ref(),
            group: flow.group.as_ref(),
            cgroup: flow.cgroup.as_deref(),
            one_way: flow.expect == Expect::Arrive && flow.answer.is_none(),
        }
    }

    fn of_step(step: &'f FlowStep, flow: &'f Flow, last: bool) -> Self {
        let outer = Dress::of(flow);
        let expected = step.expect.or(last.then_some(flow.expect));
        let answer = step.answer.as_ref().or(outer.answer);
        Dress {
            ttl: step.ttl.or(outer.ttl),
            dscp: step.dscp.or(outer.dscp),
            mac: step.mac.map(|mac| mac.0).or(outer.mac),
            payload: step.payload.as_ref().or(outer.payload),
            answer,
            fragment: step.fragment.or(outer.fragment),
            one_way: expected == Some(Expect::Arrive) && answer.is_none(),
            ..outer
        }
    }
}

/// What is looked at for what a flow expects.
fn watch(flow: &Flow) -> Watch {
    let counters = flow.counters.iter().flat_map(|counts| &counts.0).map(|(name, _)| name.clone());
    Watch { counters: counters.collect(), connection: flow.ct_mark.is_some() }
}

/// The number of a user or group.
fn number(owner: &Owner, file: &str, what: &str) -> Result<u32, Obstacle> {
    let name = match owner {
        Owner::Number(number) => return Ok(*number),
        Owner::Name(name) => name,
    };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find_map(|fields| match fields.as_slice() {
        [of, _, number, ..] if of == name => number.parse().ok(),
        _ => None,
    });
    found.ok_or_else(|| format!("there is no {what} {name:?} here ({file}): give the number"))
}

/// A packet in a line.
pub(crate) fn describe(ray: &Ray, times: u32) -> String {
    let mut text = match &ray.from {
        Whence::Behind(link, address) => format!("{link} {address}"),
        Whence::Host(Some(address)) => format!("host {address}"),
        Whence::Host(None) => "host".into(),
    };
    let _ = write!(text, " → {} ", ray.to);
    let _ = match ray.what {
        What::Tcp(port) => write!(text, "tcp {port}"),
        What::Segment { port, flags } => write!(text, "tcp {port} flags {}", TcpFlags(flags)),
        What::Udp(port) => write!(text, "udp {port}"),
        What::Icmp { kind, code: 0 } if kind == if ray.to.is_ipv6() { 128 } else { 8 } => {
            write!(text, "icmp echo")
        }
        What::Icmp { kind, code: 0 } => write!(text, "icmp type {kind}"),
        What::Icmp { kind, code } => write!(text, "icmp type {kind} code {code}"),
        What::Raw(number) => write!(text, "protocol {}", netwright_state::model::ProbeProtocol(number)),
    };
    if ray.source_port != 0 {
        let _ = write!(text, " from port {}", ray.source_port);
    }
    if times > 1 {
        let _ = write!(text, ", {times} times");
    }
    text
}
