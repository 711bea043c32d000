//! Many packets at once: which of them the host lets through. Each is numbered, and only those that come to the end of the rules
//! are traced, so that what is dropped costs no more than the kernel takes to drop it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use netwright_netfilter::{BaseHook, Batch, Chain, ChainPolicy, Family, Hook, Table, Trace, TraceKind};
use netwright_state::Ruleset as Declared;
use netwright_sys::{Namespace, Sysctl};

use crate::exchange::{Aim, Exchange, fragmented};
use crate::firewall::{Firewall, commit};
use crate::frame::{Mac, ether};
use crate::inside::{Inside, Raw, member};
use crate::outside::{Received, STAGES};
use crate::packet::{Head, Ip, Tuple, icmp_message, protocol, seal, udp_datagram};
use crate::shape::Shape;
use crate::shot::{Origin, Shot, What};
use crate::tcp::Segment;
use crate::topology::{Obstacle, Topology};
use crate::trace::mark;
use crate::world::World;

/// A packet of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Probe {
    /// Which of the senders with a destination it goes between.
    pub(crate) lane: usize,
    pub(crate) what: What,
    pub(crate) source_port: u16,
    /// The sender's hardware address, where it is another than its own.
    pub(crate) mac: Option<Mac>,
    pub(crate) shape: Shape,
}

impl Probe {
    /// Makes a packet between the same ends what this says besides.
    pub(crate) fn dress(&self, shot: &mut Shot) {
        shot.mac = self.mac;
        self.shape.mark(&mut shot.head);
        shot.fragment = self.pieces();
        if let Some(filled) = self.filled(shot.to.is_ipv4()) {
            shot.payload = vec![0; filled];
        }
    }

    /// How many bytes it carries, where its length is said.
    fn filled(&self, ipv4: bool) -> Option<usize> {
        match (self.shape.length, self.shape.fragments) {
            (Some(length), false) => Some(room(ipv4, self.what, length)),
            (Some(length), true) => Some(room(ipv4, self.what, length).max(FRAGMENTED)),
            (None, true) => Some(FRAGMENTED),
            (None, false) => None,
        }
    }

    /// How many bytes each fragment has at the most, where it is sent in fragments: so few that the first has the number and
    /// little else.
    fn pieces(&self) -> Option<u16> {
        self.shape.fragments.then_some(match self.what {
            What::Udp(_) => 16,
            _ => 8,
        })
    }

    /// What this says besides, to be put behind the packet's description.
    pub(crate) fn besides(&self) -> String {
        let mac = self.mac.map(|mac| format!(" from the hardware address {mac}")).unwrap_or_default();
        format!("{mac}{}", self.shape)
    }
}

/// So many bytes are carried where nothing else is said and they shall come in fragments.
const FRAGMENTED: usize = 24;

/// How many bytes of a packet of this length are left for what it carries.
fn room(ipv4: bool, what: What, length: u16) -> usize {
    let above = match what {
        What::Segment { flags, .. } if flags & crate::tcp::flags::SYN == 0 => 20,
        What::Tcp(_) | What::Segment { .. } => 24,
        What::Udp(_) | What::Icmp { .. } => 8,
        What::Raw(_) => 12,
    };
    usize::from(length).saturating_sub(if ipv4 { 20 } else { 40 } + above)
}

/// As what a packet came to the end of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) tuple: Tuple,
    /// The link that it leaves by; `None` where the host takes it.
    pub(crate) output: Option<u32>,
    /// Whether the host took it.
    pub(crate) taken_in: bool,
}

/// Numbers of packets begin with these bits, which nothing else does that the host may send.
const MAGIC: u32 = 0x5e00_0000;
/// So many packets are numbered.
pub(crate) const MOST: usize = 1 << 24;
/// After so many packets their connections are taken back.
const CHUNK: usize = 2048;
/// After so many packets what came of them is looked at.
const LOOK: usize = 128;
/// After so many senders the host forgets who they were.
pub(crate) const NEIGHBOURS: usize = 128;
/// The table of the chains at the end of all rules.
const TABLE: &str = "netwright-sweep";
const ENDS: [(Family, &str, Hook); 3] = [
    (Family::INET, "taken-in", Hook::Input),
    (Family::INET, "left", Hook::Postrouting),
    (Family::BRIDGE, "left", Hook::Postrouting),
];

/// Sends packets through the host, and tells which came to the end of its rules, by their number. `lanes` are shots between
/// the same ends.
pub(crate) fn sweep(
    world: &mut World,
    topology: &Topology<'_>,
    lanes: &[Shot],
    probes: &[Probe],
) -> Result<HashMap<usize, End>, Obstacle> {
    let mut found = HashMap::new();
    let _groups = join(world, topology, lanes);
    let result = begin(world).and_then(|()| {
        let sweep = Sweep::new(world, topology, lanes)?;
        let silence = Silence::begin();
        let result = sweep.run(probes, &mut found);
        silence.end();
        result
    });
    let removed = end(world);
    // what was sent may be answered by the kernel for a while
    world.spent = Some("many packets went through it");
    result.and(removed).map(|()| found)
}

/// The same under another ruleset than the declared one, which is loaded again after that.
pub(crate) fn sweep_under(
    world: &mut World,
    topology: &Topology<'_>,
    lanes: &[Shot],
    probes: &[Probe],
    ruleset: &Declared,
) -> Result<HashMap<usize, End>, Obstacle> {
    let sentence = |error: netwright_sys::Error| error.to_string();
    let names = world.firewall.tables();
    let other = Firewall::new(ruleset, &names).map_err(sentence)?;
    let declared = std::mem::replace(&mut world.firewall, other);
    let result = world.restore_all().map_err(sentence).and_then(|()| sweep(world, topology, lanes, probes));
    world.firewall = declared;
    world.restore_all().map_err(sentence)?;
    result
}

/// Has the host be in all groups that something is sent to. It cannot be in some that there are not.
fn join(world: &World, topology: &Topology<'_>, lanes: &[Shot]) -> Vec<OwnedFd> {
    let mut known = HashSet::new();
    let groups = lanes.iter().filter(|shot| shot.to.is_multicast()).filter_map(|shot| {
        let Origin::Outside(sender, _) = &shot.origin else { return None };
        let link = topology.host.link(&sender.link)?;
        Some((shot.to, *world.links.get(&link.name)?))
    });
    groups.filter(|group| known.insert(*group)).filter_map(|(group, link)| member(group, link).ok()).collect()
}

fn begin(world: &mut World) -> Result<(), Obstacle> {
    let sentence = |error: netwright_sys::Error| error.to_string();
    world.trace(false).map_err(sentence)?;
    let mut batch = Batch::new();
    let bridges = world.has_bridges();
    for (family, name, hook) in ENDS.into_iter().filter(|(family, ..)| bridges || *family != Family::BRIDGE) {
        batch.add(&Table::new(family, TABLE));
        let policy = Some(ChainPolicy::ACCEPT);
        let base = BaseHook { kind: "filter".into(), hook, priority: i32::MAX, devices: Vec::new(), policy };
        batch.add(&Chain { base: Some(base), ..Chain::new(family, TABLE, name) });
        batch.add(&mark(family, TABLE, name));
    }
    commit(world.netfilter(), &mut batch).map_err(sentence)
}

fn end(world: &mut World) -> Result<(), Obstacle> {
    let sentence = |error: netwright_sys::Error| error.to_string();
    let mut batch = Batch::new();
    batch.delete(&Table::new(Family::INET, TABLE));
    if world.has_bridges() {
        batch.delete(&Table::new(Family::BRIDGE, TABLE));
    }
    commit(world.netfilter(), &mut batch).map_err(sentence)?;
    // answers that wait for neighbours who were asked for in vain take room in the socket that a processor sends all errors of ICMP
    // by, whichever namespace they are in: the next world's would be lost
    world.forget_neighbours().map_err(sentence)?;
    world.tracer.reset().map_err(sentence)?;
    world.trace(true).map_err(sentence)
}

/// The host tells nobody why a packet does not arrive: nobody listens. What it says would wait for neighbours who do not answer, in
/// the socket by which a processor sends all messages of ICMP, whichever namespace they are in, so that others' would be lost.
struct Silence {
    settings: Option<Sysctl>,
    before: Vec<Option<String>>,
}

impl Silence {
    /// All kinds of messages are limited, to one in so many milliseconds.
    const SETTINGS: [(&[&str], u32); 3] = [
        (&["ipv4", "icmp_ratelimit"], 1_000_000_000),
        (&["ipv4", "icmp_ratemask"], 0x7fff_ffff),
        (&["ipv6", "icmp", "ratelimit"], 1_000_000_000),
    ];

    /// Where settings cannot be written, it is only less considerate.
    fn begin() -> Self {
        let settings = Namespace::current().ok().map(|namespace| Sysctl::new(&namespace));
        let silenced = Self::SETTINGS.iter().map(|(key, value)| {
            let settings = settings.as_ref()?;
            let before = settings.read(key).ok()?;
            settings.write(key, value).ok().map(|()| before)
        });
        let before = silenced.collect();
        Silence { settings, before }
    }

    fn end(self) {
        let Some(settings) = self.settings else { return };
        for ((key, _), before) in Self::SETTINGS.iter().zip(self.before) {
            let _ = before.map(|before| settings.write(key, before));
        }
    }
}

/// The hardware address by which a sender that is not answered reaches the host, if it is the host that it would ask for: who
/// means harm need not ask.
pub(crate) fn straight(world: &World, topology: &Topology<'_>, shot: &Shot) -> Option<Mac> {
    let Origin::Outside(sender, _) = &shot.origin else { return None };
    let link = topology.host.link(&sender.link)?;
    if topology.is_near(link, shot.to) && !world.is_own(shot.to) {
        return None;
    }
    at_the_host(world, shot)
}

/// The hardware address of the host where a sender is.
pub(crate) fn at_the_host(world: &World, shot: &Shot) -> Option<Mac> {
    let Origin::Outside(sender, _) = &shot.origin else { return None };
    world.hardware.get(&sender.link).copied().map(Mac)
}

/// A way to put packets on.
enum Way {
    Outside(Aim),
    Host(Raw),
}

struct Sweep<'a> {
    world: &'a mut World,
    lanes: &'a [Shot],
    ways: Vec<Option<Way>>,
}

impl<'a> Sweep<'a> {
    fn new(world: &'a mut World, topology: &Topology<'_>, lanes: &'a [Shot]) -> Result<Self, Obstacle> {
        let mut ways = Vec::with_capacity(lanes.len());
        for (number, shot) in lanes.iter().enumerate() {
            if number % NEIGHBOURS == NEIGHBOURS - 1 {
                // the kernel knows so many neighbours at once, and answers nobody else
                world.forget_neighbours().map_err(|error| error.to_string())?;
            }
            let way = match &shot.origin {
                Origin::Outside(sender, _) => {
                    let asked = Exchange::aim(world, topology, shot, &mut Inside::default())?;
                    let straight = || {
                        let to = straight(world, topology, shot)?;
                        let kind = if shot.to.is_ipv4() { ether::IPV4 } else { ether::IPV6 };
                        let spot = sender.spots.first()?.clone();
                        Some(Aim { spot, from: sender.mac, to, kind })
                    };
                    asked.or_else(straight).map(Way::Outside)
                }
                Origin::Host { .. } => {
                    let towards = topology.host.devices_towards(shot.to).first().copied();
                    let scope = towards.and_then(|name| world.links.get(name)).copied().unwrap_or(0);
                    Raw::towards(shot, scope).map_err(|error| error.to_string())?.map(Way::Host)
                }
            };
            ways.push(way);
        }
        Ok(Sweep { world, lanes, ways })
    }

    fn run(mut self, probes: &[Probe], found: &mut HashMap<usize, End>) -> Result<(), Obstacle> {
        let sentence = |error: netwright_sys::Error| error.to_string();
        for (index, probe) in probes.iter().enumerate().take(MOST) {
            self.send(index, probe).map_err(|error| error.to_string())?;
            let seen = Seen { probes, last: index };
            if index % LOOK == LOOK - 1 {
                self.look(&seen, found).map_err(sentence)?;
            }
            if index % CHUNK == CHUNK - 1 {
                self.settle(&seen, found)?;
            }
        }
        self.settle(&Seen { probes, last: probes.len().saturating_sub(1) }, found)
    }

    /// Takes all that has come out and was traced, once all that was sent has run to its end.
    fn settle(&mut self, seen: &Seen<'_>, found: &mut HashMap<usize, End>) -> Result<(), Obstacle> {
        let sentence = |error: netwright_sys::Error| error.to_string();
        let late = self.world.outside.settle(STAGES).map_err(|error| error.to_string())?;
        self.look(seen, found).map_err(sentence)?;
        seen.came_out(&late, found);
        self.world.forget_connections().map_err(sentence)
    }

    /// Takes what has come out, and what was traced.
    fn look(&mut self, seen: &Seen<'_>, found: &mut HashMap<usize, End>) -> netwright_sys::Result<()> {
        let failed =
            |error: io::Error| netwright_sys::Error::new("see the frames of the simulated host", error);
        let mut out = Vec::new();
        while let Some(frame) = self.world.outside.receive().map_err(failed)? {
            out.push(frame);
        }
        self.world.tracer.each(|trace| {
            if let Some((index, end)) = seen.read(&trace) {
                found.entry(index).or_insert(end).taken_in |= end.taken_in;
            }
        })?;
        seen.came_out(&out, found);
        Ok(())
    }

    fn send(&self, index: usize, probe: &Probe) -> io::Result<()> {
        let (Some(shot), Some(Some(way))) = (self.lanes.get(probe.lane), self.ways.get(probe.lane)) else {
            return Ok(());
        };
        let source = match (way, &shot.origin) {
            (Way::Host(raw), _) => raw.source,
            (Way::Outside(_), Origin::Outside(_, source)) => *source,
            (Way::Outside(_), Origin::Host { .. }) => return Ok(()),
        };
        let packets = packets(source, shot.to, probe, MAGIC | index as u32);
        packets.iter().try_for_each(|bytes| match way {
            Way::Outside(aim) => {
                let from = probe.mac.unwrap_or(aim.from);
                self.world.outside.send(&aim.spot, from, aim.to, aim.kind, bytes)
            }
            Way::Host(raw) => raw.send(bytes),
        })
    }
}

/// A packet that carries its number, or its fragments.
fn packets(source: IpAddr, to: IpAddr, probe: &Probe, number: u32) -> Vec<Vec<u8>> {
    let mut head = Head::ORDINARY;
    probe.shape.mark(&mut head);
    let length = probe.filled(to.is_ipv4());
    let filled = length.unwrap_or_default();
    let (mut payload, above) = match probe.what {
        What::Tcp(port) | What::Segment { port, .. } => {
            let flags =
                if let What::Segment { flags, .. } = probe.what { flags } else { crate::tcp::flags::SYN };
            let segment = Segment {
                from: probe.source_port,
                to: port,
                sequence: number,
                acknowledged: 0,
                flags,
                window: 1024,
                payload: vec![0; filled],
            };
            (segment.bytes(), protocol::TCP)
        }
        What::Udp(port) => {
            let mut said = number.to_be_bytes().to_vec();
            said.resize(length.unwrap_or(said.len()), 0);
            if said.len() < size_of_val(&number) {
                head.identification = number as u16;
            }
            (udp_datagram(probe.source_port, port, &said), protocol::UDP)
        }
        What::Icmp { kind, code } => {
            let [a, b, c, d] = number.to_be_bytes();
            let (identifier, sequence) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let above = if to.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 };
            (icmp_message(kind, code, identifier, sequence, &vec![0; filled.max(8)]), above)
        }
        What::Raw(above) => {
            let mut payload = Vec::with_capacity(16);
            payload.extend(probe.source_port.to_be_bytes());
            payload.extend(probe.source_port.to_be_bytes());
            payload.extend(number.to_be_bytes());
            payload.resize(16.max(filled), 0);
            (payload, above)
        }
    };
    seal(source, to, above, &mut payload);
    let whole = Ip { source, destination: to, protocol: above, head, payload: &payload };
    fragmented(&whole, probe.pieces(), number as u16)
}

/// What packets are known by when they are seen again.
struct Seen<'p> {
    probes: &'p [Probe],
    /// The number of the last one that was sent.
    last: usize,
}

impl Seen<'_> {
    /// Notes packets that have come out of the host: those that are passed on before IP has a look at them come to no end of the
    /// rules.
    fn came_out(&self, frames: &[Received], found: &mut HashMap<usize, End>) {
        for frame in frames {
            let Some(packet) = Ip::parse(&frame.payload) else { continue };
            let Some(tuple) = packet.tuple() else { continue };
            let number = numbered(packet.protocol, packet.payload)
                .or_else(|| self.small(tuple, packet.payload, packet.head.identification));
            if let Some(number) = number {
                found.entry(number).or_insert(End { tuple, output: None, taken_in: false });
            }
        }
    }

    /// The number of a packet that came to the end of the rules, and as what.
    fn read(&self, trace: &Trace) -> Option<(usize, End)> {
        if trace.table != TABLE || trace.kind != TraceKind::RULE {
            return None;
        }
        let (network, transport) = (&trace.network_header, &trace.transport_header);
        let (number, tuple) = match Tuple::parse(network, transport) {
            Some(tuple) => {
                let small = || self.small(tuple, transport, Ip::parse(network)?.head.identification);
                (numbered(tuple.protocol, transport).or_else(small)?, tuple)
            }
            // traces do not say what is behind other headers
            None => [protocol::UDP, protocol::TCP].into_iter().find_map(|above| {
                let number = numbered(above, transport)?;
                let above = above_of(self.probes.get(number)?.what);
                Some((number, Tuple::behind_extensions(network, transport, above)?))
            })?,
        };
        let output = trace.output.filter(|_| trace.chain == "left");
        Some((number, End { tuple, output, taken_in: trace.chain == "taken-in" }))
    }

    /// The number of a datagram that is too small to carry it: the packet's own number is the lower half of it.
    fn small(&self, tuple: Tuple, payload: &[u8], identification: u16) -> Option<usize> {
        let length = u16::from_be_bytes(*payload.get(4..)?.first_chunk()?);
        let before = (self.last as u16).wrapping_sub(identification);
        let number = self.last.checked_sub(before.into())?;
        let probe = self.probes.get(number)?;
        let same = matches!(probe.what, What::Udp(_)) && probe.shape.length.is_some();
        (tuple.protocol == protocol::UDP && usize::from(length) < 8 + size_of::<u32>() && same)
            .then_some(number)
    }
}

/// The number in what a packet has above IP.
fn numbered(above: u8, payload: &[u8]) -> Option<usize> {
    let at = if above == protocol::UDP { 8 } else { 4 };
    let number = u32::from_be_bytes(*payload.get(at..)?.first_chunk()?);
    (number & 0xff00_0000 == MAGIC).then_some((number & !0xff00_0000) as usize)
}

/// The protocol above IPv6.
fn above_of(what: What) -> u8 {
    match what {
        What::Tcp(_) | What::Segment { .. } => protocol::TCP,
        What::Udp(_) => protocol::UDP,
        What::Icmp { .. } => protocol::ICMPV6,
        What::Raw(number) => number,
    }
}
