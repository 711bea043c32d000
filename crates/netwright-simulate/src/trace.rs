//! What the rules did with each packet: every packet at the host is traced, and its way is put together here.
//!
//! The packets are marked, and followed past the rules, by chains in a table of the simulation's own: before all others and
//! behind all others of each hook, so that a packet that reaches the last one has passed the hook.

use std::collections::HashMap;
use std::net::IpAddr;

use netwright_netfilter::raw::{MetaKey, R1, immediate, meta};
use netwright_netfilter::{
    BaseHook, Batch, Chain, ChainPolicy, Device, Family, Hook, Rule, Table, Trace, TraceKind, Verdict, group,
};
use netwright_sys::{Cause, Connection, Result, protocol};

use crate::frame::{Discovery, ether};
use crate::packet::{FragmentOf, Tuple};

/// The table of the chains that mark and follow.
pub(crate) const TABLE: &str = "netwright-simulation";

/// How far a packet has come. In the order in which a packet that comes in goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It came in, or the host made it.
    Started,
    /// Routing is next.
    Prerouted,
    /// It was routed: to the host, or onwards.
    Routed,
    /// The host takes it.
    TakenIn,
    /// It leaves the host.
    Left,
}

const MARKERS: [(&str, Hook, i32, Stage); 7] = [
    ("in", Hook::Prerouting, i32::MIN, Stage::Started),
    ("out", Hook::Output, i32::MIN, Stage::Started),
    ("prerouted", Hook::Prerouting, i32::MAX, Stage::Prerouted),
    ("to-host", Hook::Input, i32::MIN, Stage::Routed),
    ("onwards", Hook::Forward, i32::MIN, Stage::Routed),
    ("taken-in", Hook::Input, i32::MAX, Stage::TakenIn),
    ("left", Hook::Postrouting, i32::MAX, Stage::Left),
];

/// Whose a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Of a flow.
    Ip(Tuple),
    /// A fragment, of which there is no more to know.
    Fragment(FragmentOf),
    /// Of the search for a neighbour: the address that is searched for or found.
    Arp(IpAddr),
}

impl Subject {
    /// `above` is the protocol of what is sent, where its traces do not say it.
    fn of(trace: &Trace, above: u8) -> Option<Subject> {
        if let Some(of) = FragmentOf::parse(&trace.network_header, &trace.transport_header) {
            return Some(Subject::Fragment(of));
        }
        if let Some(tuple) = Tuple::parse(&trace.network_header, &trace.transport_header) {
            return Some(Subject::Ip(tuple));
        }
        if let Some(tuple) = Tuple::behind_extensions(&trace.network_header, &trace.transport_header, above) {
            return Some(Subject::Ip(tuple));
        }
        // the EtherType is the last word of a link layer header, unless that is tagged
        let arp = [ether::ARP.to_be_bytes(), [0, 1]]
            .iter()
            .any(|word| trace.link_header.ends_with(word) || trace.network_header.starts_with(word));
        let (Discovery::Asks { target, .. } | Discovery::Tells { target, .. }) =
            Discovery::parse_arp(&trace.network_header).filter(|_| arp)?;
        Some(Subject::Arp(target))
    }

    pub(crate) fn tuple(self) -> Option<Tuple> {
        match self {
            Subject::Ip(tuple) => Some(tuple),
            Subject::Fragment(..) | Subject::Arp(_) => None,
        }
    }

    /// Whether it belongs to the search for a neighbour.
    pub(crate) fn is_discovery(self) -> bool {
        match self {
            Subject::Ip(tuple) => tuple.is_neighbour_discovery(),
            Subject::Fragment(..) => false,
            Subject::Arp(_) => true,
        }
    }
}

/// What became of a packet at a rule that matched it, or at the end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It goes on: with the next rule, in another chain, or in the one before.
    On,
    Accept,
    /// It goes no further.
    Drop,
    /// A program is asked about it.
    Queue,
}

impl Turn {
    /// Whether a packet that is not lost there has passed the chain: where nobody can be asked about it, it may pass.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Turn::Accept | Turn::Queue)
    }
}

/// A step of a packet's way through the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) family: Family,
    pub(crate) table: String,
    pub(crate) chain: String,
    /// The rule's handle; `None` for the chain's policy.
    pub(crate) rule: Option<u64>,
    pub(crate) turn: Turn,
}

/// The way of one packet.
#[derive(Clone, Debug)]
pub(crate) struct Journey {
    id: u32,
    /// How far up the layers it was marked: on a device, in a bridge, or by IP.
    layer: u8,
    /// Whose it was when it came.
    pub(crate) first: Subject,
    /// Whose it is now, after translation.
    pub(crate) last: Subject,
    /// Whether it came as a fragment.
    pub(crate) fragment: bool,
    pub(crate) stage: Stage,
    /// The rules that matched, and the policies, in order.
    pub(crate) steps: Vec<Step>,
    /// Index of the link that it came in by.
    pub(crate) input: Option<u32>,
    /// Its mark, where it had one.
    pub(crate) mark: u32,
    /// What connection tracking thought of it, where the kernel says so (`CTINFO2STATE` as one bit).
    pub(crate) state: Option<u32>,
}

impl Journey {
    /// What dropped it.
    pub(crate) fn dropped(&self) -> Option<&Step> {
        let queued = self.steps.last().filter(|step| step.turn == Turn::Queue);
        self.steps.iter().find(|step| step.turn == Turn::Drop).or(queued)
    }
}

/// Hears the traces.
#[derive(Debug)]
pub(crate) struct Tracer {
    connection: Connection,
    journeys: Vec<Journey>,
    /// How many links each link lies on, by index.
    depths: HashMap<u32, u8>,
    /// The protocol above IP of what is sent.
    pub(crate) above: u8,
    /// Whether traces were lost since the last start.
    pub(crate) lost: bool,
}

/// Traces are small and many; the queue is emptied after each packet.
const QUEUE: usize = 4 << 20;

impl Tracer {
    /// Hears what the namespace of the calling thread traces from now on.
    pub(crate) fn open(depths: HashMap<u32, u8>) -> Result<Self> {
        let connection = Connection::open(protocol::NETFILTER)?;
        // what a small queue loses is told
        let _ = connection.socket().reserve_receive(QUEUE);
        connection.socket().join(group::NFTRACE)?;
        Ok(Tracer { connection, journeys: Vec::new(), depths, above: 0, lost: false })
    }

    /// Forgets what was before.
    pub(crate) fn reset(&mut self) -> Result<()> {
        self.hear()?;
        self.journeys.clear();
        self.lost = false;
        Ok(())
    }

    /// Takes what has come in.
    pub(crate) fn hear(&mut self) -> Result<()> {
        let (journeys, depths, above) = (&mut self.journeys, &self.depths, self.above);
        let result = self.connection.notifications(|message| {
            // a trace that cannot be read is one that tells nothing
            if let Ok(Some(trace)) = Trace::read(message) {
                let layer = layer(&trace, depths);
                follow(journeys, trace, layer, above);
            }
        });
        match result {
            Err(error) if matches!(error.cause(), Cause::Overrun | Cause::Truncated { .. }) => {
                self.lost = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Takes what has come in, one trace after the other, and puts nothing together.
    pub(crate) fn each(&mut self, mut take: impl FnMut(Trace)) -> Result<()> {
        let result = self.connection.notifications(|message| {
            if let Ok(Some(trace)) = Trace::read(message) {
                take(trace);
            }
        });
        match result {
            Err(error) if matches!(error.cause(), Cause::Overrun | Cause::Truncated { .. }) => {
                self.lost = true;
                Ok(())
            }
            other => other,
        }
    }

    /// The packets so far, in the order in which they came.
    pub(crate) fn journeys(&self) -> &[Journey] {
        &self.journeys
    }
}

/// Where rules see packets before or beside IP, so that they are marked there too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Early {
    /// Bridges.
    pub(crate) bridge: bool,
    /// The search for neighbours.
    pub(crate) arp: bool,
    /// These devices.
    pub(crate) devices: Vec<String>,
}

/// The chain that marks on devices and bridges.
const EARLY: &str = "early";

/// The table, with its chains and no rules.
pub(crate) fn followers(early: &Early) -> Batch {
    let mut batch = Batch::new();
    batch.add(&Table::new(Family::INET, TABLE));
    for (name, hook, priority, _) in MARKERS {
        chain(&mut batch, Family::INET, name, hook, priority, Vec::new());
    }
    if early.bridge {
        batch.add(&Table::new(Family::BRIDGE, TABLE));
        chain(&mut batch, Family::BRIDGE, EARLY, Hook::Prerouting, i32::MIN, Vec::new());
    }
    if early.arp {
        batch.add(&Table::new(Family::ARP, TABLE));
        chain(&mut batch, Family::ARP, "in", Hook::Input, i32::MIN, Vec::new());
        chain(&mut batch, Family::ARP, "out", Hook::Output, i32::MIN, Vec::new());
    }
    if !early.devices.is_empty() {
        let devices = early.devices.iter().cloned().map(Device::Name).collect();
        batch.add(&Table::new(Family::NETDEV, TABLE));
        chain(&mut batch, Family::NETDEV, EARLY, Hook::Ingress, i32::MIN, devices);
    }
    batch
}

/// The chains in which packets are marked.
pub(crate) fn marking(early: &Early) -> impl Iterator<Item = (Family, &'static str)> {
    let started = MARKERS.iter().filter(|(.., stage)| *stage == Stage::Started);
    let inet = started.map(|(name, ..)| (Family::INET, *name));
    let bridge = early.bridge.then_some((Family::BRIDGE, EARLY));
    let arp = early.arp.then_some([(Family::ARP, "in"), (Family::ARP, "out")]);
    let device = (!early.devices.is_empty()).then_some((Family::NETDEV, EARLY));
    inet.chain(bridge).chain(arp.into_iter().flatten()).chain(device)
}

fn chain(batch: &mut Batch, family: Family, name: &str, hook: Hook, priority: i32, devices: Vec<Device>) {
    let policy = Some(ChainPolicy::ACCEPT);
    let base = BaseHook { kind: "filter".into(), hook, priority, devices, policy };
    batch.add(&Chain { base: Some(base), ..Chain::new(family, TABLE, name) });
}

/// The rule that has every packet traced.
pub(crate) fn mark(family: Family, table: &str, chain: &str) -> Rule {
    let marks = [immediate([1]).into(R1), meta(MetaKey::TRACE).from(R1)];
    Rule::new(family, table, chain, marks)
}

/// Adds a trace to the way of its packet.
fn follow(journeys: &mut Vec<Journey>, trace: Trace, layer: u8, above: u8) {
    let subject = Subject::of(&trace, above);
    let own = trace.table == TABLE;
    let marker = MARKERS.iter().find(|(name, ..)| own && trace.chain == *name).map(|(.., stage)| *stage);
    // the end of a chain is told as a rule too
    if own && trace.kind == TraceKind::RULE && marker.is_none_or(|stage| stage == Stage::Started) {
        let begun = subject.and_then(|subject| begin(journeys, &trace, subject, layer));
        journeys.extend(begun);
        return;
    }
    // the kernel numbers a packet anew when it seems to come in by another link, as behind a bridge or in a VRF
    let known = journeys.iter().rposition(|journey| journey.id == trace.id);
    let renumbered = || {
        let same = |journey: &Journey| {
            Some(journey.last) == subject
                || matches!((journey.last, subject), (Subject::Fragment(of), Some(Subject::Ip(whole)))
                    if of == FragmentOf::between(whole.source, whole.destination))
        };
        journeys.iter().rposition(|journey| same(journey) && journey.stage < Stage::TakenIn)
    };
    let Some(journey) = known.or_else(renumbered).and_then(|index| journeys.get_mut(index)) else { return };
    journey.id = trace.id;
    if let Some(subject) = subject {
        journey.last = subject;
    }
    journey.input = journey.input.or(trace.input);
    journey.mark = trace.mark.unwrap_or(journey.mark);
    journey.state = trace.state.or(journey.state);
    let step = if own { None } else { step(trace) };
    if marker.is_some() || step.is_some() {
        // a packet that comes further has passed the queue where nobody could be asked about it
        let queued = journey.steps.last_mut().filter(|step| step.turn == Turn::Queue);
        queued.into_iter().for_each(|step| step.turn = Turn::Accept);
    }
    journey.stage = marker.unwrap_or(journey.stage);
    journey.steps.extend(step);
}

/// The ways of packets, where that of a packet that was sent in fragments is the way of what they became, as long as they became
/// whole at the host, and else the ways of all fragments.
pub(crate) fn assembled(journeys: &[Journey], sent: Option<Tuple>) -> Vec<Journey> {
    let is_fragment = |journey: &Journey| {
        sent.is_some_and(|sent| {
            journey.first == Subject::Fragment(FragmentOf::between(sent.source, sent.destination))
        })
    };
    let whole = journeys.iter().any(|journey| is_fragment(journey) && journey.last.tuple().is_some());
    let kept =
        journeys.iter().filter(|journey| !whole || !is_fragment(journey) || journey.last.tuple().is_some());
    kept.cloned()
        .map(|mut journey| {
            if let Some(sent) = sent.filter(|_| is_fragment(&journey)) {
                journey.first = Subject::Ip(sent);
                if journey.last.tuple().is_none() {
                    journey.last = journey.first;
                }
            }
            journey
        })
        .collect()
}

/// How far up the layers a packet is where it is traced: a link sees it before the bridge that it is a port of does, and that
/// before the link of the bridge.
fn layer(trace: &Trace, depths: &HashMap<u32, u8>) -> u8 {
    let depth = trace.input.and_then(|link| depths.get(&link)).copied().unwrap_or(0);
    match trace.family {
        Family::NETDEV => 2 * depth,
        Family::BRIDGE => 2 * depth + 1,
        _ => u8::MAX,
    }
}

/// The way of a packet that is marked; `None` where it was marked on a device or bridge before.
fn begin(journeys: &mut [Journey], trace: &Trace, subject: Subject, layer: u8) -> Option<Journey> {
    let same = |journey: &&mut Journey| {
        journey.last == subject && journey.stage == Stage::Started && journey.layer < layer
    };
    if let Some(journey) = journeys.last_mut().filter(same)
        && journey.dropped().is_none()
    {
        (journey.id, journey.layer) = (trace.id, layer);
        return None;
    }
    Some(Journey {
        id: trace.id,
        layer,
        first: subject,
        last: subject,
        fragment: matches!(subject, Subject::Fragment(..)),
        stage: Stage::Started,
        steps: Vec::new(),
        input: trace.input,
        mark: 0,
        state: None,
    })
}

/// `NF_QUEUE`; its upper half is the number of the queue.
const QUEUE_VERDICT: i32 = 3;

/// What a trace says of the packet's way.
fn step(trace: Trace) -> Option<Step> {
    let (rule, code) = match trace.kind {
        TraceKind::RULE => (Some(trace.rule?), trace.verdict.and_then(|verdict| verdict.code)?),
        TraceKind::POLICY => (None, trace.policy?),
        _ => return None,
    };
    // the upper half of a drop's number is the error that a local sender gets
    let turn = match code {
        Verdict::ACCEPT => Turn::Accept,
        code if code.0 >= 0 && code.0 & 0xff == Verdict::DROP.0 => Turn::Drop,
        code if code.0 >= 0 && code.0 & 0xff == QUEUE_VERDICT => Turn::Queue,
        _ => Turn::On,
    };
    Some(Step { family: trace.family, table: trace.table, chain: trace.chain, rule, turn })
}

#[cfg(test)]
mod tests;
