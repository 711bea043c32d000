//! What the rules did with each packet: every packet at the host is traced, and its way is put together here.
//!
//! The packets are marked, and followed past the rules, by chains in a table of the simulation's own: before all others and
//! behind all others of each hook, so that a packet that reaches the last one has passed the hook.

use netwright_netfilter::raw::{MetaKey, R1, immediate, meta};
use netwright_netfilter::{
    BaseHook, Batch, Chain, ChainPolicy, Device, Family, Hook, Rule, Table, Trace, TraceKind, Verdict, group,
};
use netwright_sys::{Cause, Connection, Error, Namespace, Outcome, Result, protocol};

use crate::packet::Tuple;

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

/// What decided about a packet in one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) family: Family,
    pub(crate) table: String,
    pub(crate) chain: String,
    /// The rule's handle; `None` for the chain's policy.
    pub(crate) rule: Option<u64>,
    pub(crate) drops: bool,
}

/// The way of one packet.
#[derive(Clone, Debug)]
pub(crate) struct Journey {
    id: u32,
    /// Whose it was when it came.
    pub(crate) first: Tuple,
    /// Whose it is now, after translation.
    pub(crate) last: Tuple,
    pub(crate) stage: Stage,
    /// What was decided, in order.
    pub(crate) decisions: Vec<Decision>,
}

impl Journey {
    /// What dropped it.
    pub(crate) fn dropped(&self) -> Option<&Decision> {
        self.decisions.iter().find(|decision| decision.drops)
    }
}

/// Hears the traces.
#[derive(Debug)]
pub(crate) struct Tracer {
    connection: Connection,
    journeys: Vec<Journey>,
    /// Whether traces were lost since the last start.
    pub(crate) lost: bool,
}

/// Traces are small and many; the queue is emptied after each packet.
const QUEUE: usize = 4 << 20;

impl Tracer {
    /// Marks and follows all packets of a namespace from now on.
    pub(crate) fn start(namespace: &Namespace, early: &Early) -> Result<Self> {
        let mut connection = Connection::open_in(namespace, protocol::NETFILTER)?;
        let mut batch = markers(early);
        let messages = batch.messages();
        let bytes = batch.finish().map_err(|error| Error::new(ASKED, error))?;
        if let Outcome::Refused(refusals) = connection.transact(bytes, messages, |_, _| {})? {
            let refusal = refusals.into_iter().next().map(|refusal| refusal.error);
            return Err(Error::new(ASKED, refusal.map_or(Cause::NoAnswer, Cause::Kernel)));
        }
        let listener = Connection::open_in(namespace, protocol::NETFILTER)?;
        listener.socket().reserve_receive(QUEUE).map_err(|cause| Error::new(ASKED, cause))?;
        listener.socket().join(group::NFTRACE)?;
        Ok(Tracer { connection: listener, journeys: Vec::new(), lost: false })
    }

    /// The socket that traces come in by.
    pub(crate) fn socket(&self) -> &netwright_sys::Socket {
        self.connection.socket()
    }

    /// Forgets what was before.
    pub(crate) fn reset(&mut self) -> Result<()> {
        self.hear()?;
        self.journeys.clear();
        self.lost = false;
        Ok(())
    }

    /// Takes what has come in; whether that was anything.
    pub(crate) fn hear(&mut self) -> Result<bool> {
        let mut heard = false;
        let journeys = &mut self.journeys;
        let result = self.connection.notifications(|message| {
            // a trace that cannot be read is one that tells nothing
            if let Ok(Some(trace)) = Trace::read(message) {
                heard = true;
                follow(journeys, trace);
            }
        });
        match result {
            Err(error) if matches!(error.cause(), Cause::Overrun | Cause::Truncated { .. }) => {
                self.lost = true
            }
            other => other?,
        }
        Ok(heard)
    }

    /// The packets so far, in the order in which they came.
    pub(crate) fn journeys(&self) -> &[Journey] {
        &self.journeys
    }
}

const ASKED: &str = "trace packets in the simulated host";

/// Where rules see packets before IP does, so that they are marked there too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Early {
    /// Bridges.
    pub(crate) bridge: bool,
    /// These devices.
    pub(crate) devices: Vec<String>,
}

/// The chain that marks on devices and bridges.
const EARLY: &str = "early";

fn markers(early: &Early) -> Batch {
    let mut batch = Batch::new();
    batch.add(&Table::new(Family::INET, TABLE));
    for (name, hook, priority, stage) in MARKERS {
        chain(&mut batch, Family::INET, name, hook, priority, Vec::new());
        if stage == Stage::Started {
            mark(&mut batch, Family::INET, name);
        }
    }
    if early.bridge {
        batch.add(&Table::new(Family::BRIDGE, TABLE));
        chain(&mut batch, Family::BRIDGE, EARLY, Hook::Prerouting, i32::MIN, Vec::new());
        mark(&mut batch, Family::BRIDGE, EARLY);
    }
    if !early.devices.is_empty() {
        let devices = early.devices.iter().cloned().map(Device::Name).collect();
        batch.add(&Table::new(Family::NETDEV, TABLE));
        chain(&mut batch, Family::NETDEV, EARLY, Hook::Ingress, i32::MIN, devices);
        mark(&mut batch, Family::NETDEV, EARLY);
    }
    batch
}

fn chain(batch: &mut Batch, family: Family, name: &str, hook: Hook, priority: i32, devices: Vec<Device>) {
    let policy = Some(ChainPolicy::ACCEPT);
    let base = BaseHook { kind: "filter".into(), hook, priority, devices, policy };
    batch.add(&Chain { base: Some(base), ..Chain::new(family, TABLE, name) });
}

fn mark(batch: &mut Batch, family: Family, chain: &str) {
    let marks = [immediate([1]).into(R1), meta(MetaKey::TRACE).from(R1)];
    batch.add(&Rule::new(family, TABLE, chain, marks));
}

/// Adds a trace to the way of its packet.
fn follow(journeys: &mut Vec<Journey>, trace: Trace) {
    let tuple = Tuple::parse(&trace.network_header, &trace.transport_header);
    let own = trace.table == TABLE;
    let marker = MARKERS.iter().find(|(name, ..)| own && trace.chain == *name).map(|(.., stage)| *stage);
    // the end of a chain is told as a rule too
    if own && trace.kind == TraceKind::RULE && marker.is_none_or(|stage| stage == Stage::Started) {
        let begun = tuple.and_then(|tuple| begin(journeys, &trace, tuple));
        journeys.extend(begun);
        return;
    }
    // the kernel numbers a packet anew when it seems to come in by another link, as behind a bridge or in a VRF
    let known = journeys.iter().rposition(|journey| journey.id == trace.id);
    let renumbered =
        || journeys.iter().rposition(|journey| Some(journey.last) == tuple && journey.stage < Stage::TakenIn);
    let Some(journey) = known.or_else(renumbered).and_then(|index| journeys.get_mut(index)) else { return };
    journey.id = trace.id;
    if let Some(tuple) = tuple {
        journey.last = tuple;
    }
    match marker {
        Some(stage) => journey.stage = stage,
        None if own => {}
        None => journey.decisions.extend(decision(trace)),
    }
}

/// The way of a packet that is marked; `None` where it was marked on a device or bridge before.
fn begin(journeys: &mut [Journey], trace: &Trace, tuple: Tuple) -> Option<Journey> {
    let same = |journey: &&mut Journey| journey.last == tuple && journey.stage == Stage::Started;
    if let Some(journey) = journeys.last_mut().filter(same)
        && journey.dropped().is_none()
    {
        journey.id = trace.id;
        return None;
    }
    Some(Journey { id: trace.id, first: tuple, last: tuple, stage: Stage::Started, decisions: Vec::new() })
}

/// What a trace decides, where it does.
fn decision(trace: Trace) -> Option<Decision> {
    let code = match trace.kind {
        TraceKind::RULE => trace.verdict.and_then(|verdict| verdict.code)?,
        TraceKind::POLICY => trace.policy?,
        _ => return None,
    };
    // the upper half of a drop's number is the error that a local sender gets
    let drops = code.0 >= 0 && code.0 & 0xff == Verdict::DROP.0;
    if !drops && code != Verdict::ACCEPT {
        return None;
    }
    let rule = trace.rule.filter(|_| trace.kind == TraceKind::RULE);
    Some(Decision { family: trace.family, table: trace.table, chain: trace.chain, rule, drops })
}

#[cfg(test)]
mod tests;
