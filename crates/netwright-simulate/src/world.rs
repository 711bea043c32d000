//! The simulated host in a namespace of its own, with cards whose cables end at this program.

mod restore;
mod settings;
mod time;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netwright_netfilter::conntrack::{Conntrack, ListConntrack};
use netwright_netfilter::request::List;
use netwright_netfilter::{Batch, ChainRef, Family, Object, ObjectData, group};
use netwright_route::address::{AddressFlags, List as AddressList};
use netwright_route::link::kind::{Bridge, BridgePort, PortState};
use netwright_route::link::{self, Change, Create, LinkFlags, List as LinkList, OperationalState, Peer};
use netwright_route::route::Lookup;
use netwright_route::{Link, LinkId, Prefix};
use netwright_state::model::{Host, LinkKind};
use netwright_sys::{Connection, Error, Namespace, PacketSocket, Result, protocol};
use netwright_wire::Errno;

use crate::firewall::{Firewall, commit};
use crate::outside::Outside;
use crate::packet::Tuple;
use crate::topology::DEPTH;
use crate::trace::{Early, Tracer, followers, mark, marking};

pub(crate) use settings::Unset;

/// The namespaces of a simulated host, before anything is applied there.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) host: Namespace,
    fabric: Namespace,
    /// Far ends of the cards' cables.
    ends: Vec<u32>,
    fence: (u32, u32),
    /// What could not be set as every kernel has it at first.
    pub(crate) unset: Vec<Unset>,
}

impl Ground {
    /// Makes the host's cards. It has no addresses yet.
    pub(crate) fn new(cards: &[String]) -> Result<Self> {
        let (host, fabric) = (Namespace::create_anonymous()?, Namespace::create_anonymous()?);
        let mut unset = settings::prepare_host(&host)?;
        unset.extend(settings::prepare_fabric(&fabric)?);
        let mut connection = Connection::open_in(&host, protocol::ROUTE)?;
        let loopback = find(&mut connection, "lo")?;
        connection.acknowledge(&link::Set { link: loopback, change: &Change::up() })?;
        let mut connection = Connection::open_in(&fabric, protocol::ROUTE)?;
        let mut ends = Vec::new();
        for (number, card) in cards.iter().enumerate() {
            let peer = Peer::new(&Change::rename(card).and(Change::namespace(&host)));
            let end = format!("card{number}");
            connection.acknowledge(&Create::veth(&end, peer).with(Change::up()))?;
            ends.push(find(&mut connection, &end)?.index);
        }
        connection
            .acknowledge(&Create::veth("fence0", Peer::new(&Change::rename("fence1"))).with(Change::up()))?;
        let (near, far) = (find(&mut connection, "fence0")?, find(&mut connection, "fence1")?);
        let fence = (near.index, far.index);
        connection.acknowledge(&link::Set { link: far, change: &Change::up() })?;
        Ok(Ground { host, fabric, ends, fence, unset })
    }
}

/// A simulated host as it is seen from a thread in its namespace.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) outside: Outside,
    pub(crate) tracer: Tracer,
    pub(crate) firewall: Firewall,
    route: Connection,
    netfilter: Connection,
    /// Hears of new connections; `None` where the kernel does not tell of them.
    connections: Option<Connection>,
    /// The host's links by name.
    pub(crate) links: HashMap<String, u32>,
    /// Hardware addresses of the host's links by name.
    pub(crate) hardware: HashMap<String, [u8; 6]>,
    /// The host's addresses by link.
    pub(crate) own: BTreeMap<String, Vec<Prefix>>,
    bridges: Vec<u32>,
    early: Early,
    traces: bool,
    /// How many packets were sent in fragments: what did not become whole waits for more of the same number.
    pub(crate) fragmented: u16,
    /// How often routing has told senders that there is no way: it does not do so any number of times.
    pub(crate) told: HashMap<IpAddr, u32>,
    /// Why another world is needed for what comes next.
    pub(crate) spent: Option<&'static str>,
}

/// How long to wait for links that should be used.
const CARRIER: Duration = Duration::from_secs(5);

impl World {
    /// Looks around in the calling thread's namespace, which is that of the ground, after the file was applied there.
    pub(crate) fn enter(ground: &Ground, host: &Host, firewall: Firewall) -> Result<Self> {
        let asked = "see the frames of the simulated host";
        let socket = ground.fabric.run(PacketSocket::open)?.map_err(|error| Error::new(asked, error))?;
        socket.reserve(QUEUE).map_err(|error| Error::new(asked, error))?;
        let mut netfilter = Connection::open(protocol::NETFILTER)?;
        let mut route = Connection::open(protocol::ROUTE)?;
        let (mut links, mut hardware, mut bridges) = (HashMap::new(), HashMap::new(), Vec::new());
        let all = route.dump_all(&LinkList::default())?;
        let depths = depths(&all);
        for link in all {
            if link.kind_name() == Some("bridge") {
                bridges.push(link.index);
            }
            if let Some(address) =
                link.address.as_ref().and_then(|address| address.as_bytes().try_into().ok())
            {
                hardware.insert(link.name.clone(), address);
            }
            links.insert(link.name, link.index);
        }
        let early = firewall.early(links.keys().cloned());
        let mut world = World {
            outside: Outside::new(socket, ground.ends.clone(), ground.fence),
            tracer: Tracer::open(depths)?,
            firewall,
            connections: None,
            links,
            hardware,
            own: BTreeMap::new(),
            bridges,
            early,
            traces: false,
            fragmented: 0,
            told: HashMap::new(),
            spent: None,
            route,
            netfilter: Connection::open(protocol::NETFILTER)?,
        };
        let mut fabric = Connection::open_in(&ground.fabric, protocol::ROUTE)?;
        world.settle(host, &mut fabric)?;
        world.firewall.load(&mut netfilter)?;
        commit(&mut netfilter, &mut followers(&world.early))?;
        world.trace(true)?;
        world.connections = restore::listen();
        Ok(world)
    }

    /// Has every packet traced, or none.
    pub(crate) fn trace(&mut self, on: bool) -> Result<()> {
        if self.traces == on {
            return Ok(());
        }
        let mut batch = Batch::new();
        for (family, chain) in marking(&self.early) {
            match on {
                true => batch.add(&mark(family, crate::trace::TABLE, chain)),
                false => batch.flush_chain(ChainRef::new(family, crate::trace::TABLE, chain)),
            }
        }
        commit(&mut self.netfilter, &mut batch)?;
        self.traces = on;
        Ok(())
    }

    /// Waits for what the kernel does behind the file's back, and learns the host's addresses.
    fn settle(&mut self, host: &Host, fabric: &mut Connection) -> Result<()> {
        let start = Instant::now();
        await_links(&mut self.route, start)?;
        for link in &host.links {
            if matches!(&link.kind, Some(LinkKind::Bridge(bridge)) if bridge.stp == Some(true)) {
                // there is no loop, and the spanning tree would hold every packet back for half a minute
                self.stop_spanning_tree(&link.name)?;
                await_links(&mut self.route, start)?;
            }
        }
        await_links(fabric, start)?;
        let names: HashMap<u32, String> =
            self.links.iter().map(|(name, index)| (*index, name.clone())).collect();
        for address in self.route.dump_all(&AddressList::default())? {
            if let Some(name) = names.get(&address.link.index) {
                self.own.entry(name.clone()).or_default().push(address.prefix());
            }
        }
        Ok(())
    }

    fn stop_spanning_tree(&mut self, bridge: &str) -> Result<()> {
        let bridge = find(&mut self.route, bridge)?;
        let change = Change::kind(Bridge::default().spanning_tree(0));
        self.route.acknowledge(&link::Set { link: bridge, change: &change })?;
        let forwards = BridgePort::default().state(PortState::FORWARDING);
        let change = Change::port(forwards);
        for port in self.route.dump_all(&LinkList::ports_of(bridge))? {
            self.route.acknowledge(&link::Set { link: port.id(), change: &change })?;
        }
        Ok(())
    }

    /// Whether an address is the host's own, also one that it has made for itself.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.own.values().flatten().any(|own| own.address == address)
    }

    /// Why the kernel has no way for a packet that came in by a link, as it says itself.
    pub(crate) fn route_error(&mut self, packet: Tuple, incoming: Option<u32>) -> Option<Errno> {
        let mut lookup = Lookup::to(packet.destination);
        lookup.source = Some(packet.source).filter(|source| !source.is_unspecified());
        lookup.incoming = incoming.map(LinkId::new);
        self.route.query(&lookup).err().and_then(|error| error.errno())
    }

    /// How many packets the counters of these names have counted; a name may have the family and the table before it.
    pub(crate) fn counters(&mut self, names: &[String]) -> Result<Vec<Option<u64>>> {
        let all = self.netfilter.dump_all(&List::<Object>::new(Family::UNSPECIFIED))?;
        let count = |name: &String| {
            let meant = |object: &&Object| {
                let family = object.family.name().unwrap_or_default();
                object.name == *name || format!("{family} {} {}", object.table, object.name) == *name
            };
            all.iter().filter(meant).find_map(|object| match &object.data {
                ObjectData::Counter(counter) => Some(counter.packets.unwrap_or(0)),
                _ => None,
            })
        };
        Ok(names.iter().map(count).collect())
    }

    /// The mark of the connection that a packet belongs to.
    pub(crate) fn connection_mark(&mut self, sent: Tuple) -> Result<Option<u32>> {
        let all = self.netfilter.dump_all(&ListConntrack(Family::UNSPECIFIED))?;
        let same = |entry: &&Conntrack| {
            let Some(original) = entry.original() else { return false };
            let Some(protocol) = &original.protocol else { return false };
            let ports = match protocol.source_port.zip(protocol.destination_port) {
                Some(ports) => Some(ports) == Some((sent.source_port, sent.destination_port)),
                None => {
                    protocol.icmp_id.or(protocol.icmpv6_id).is_none_or(|number| number == sent.source_port)
                }
            };
            original.source_and_destination() == Some((sent.source, sent.destination))
                && protocol.number == Some(sent.protocol)
                && ports
        };
        Ok(all.iter().find(same).map(|entry| entry.attributes.mark.unwrap_or(0)))
    }

    /// Whether any of its links is a bridge.
    pub(crate) fn has_bridges(&self) -> bool {
        !self.bridges.is_empty()
    }

    /// Asks nf_tables.
    pub(crate) fn netfilter(&mut self) -> &mut Connection {
        &mut self.netfilter
    }
}

/// Room for frames that the host has sent and nobody has looked at yet, in bytes as the kernel counts.
const QUEUE: usize = 4 << 20;

/// Waits until a namespace's links are used.
fn await_links(connection: &mut Connection, start: Instant) -> Result<()> {
    // who asks for a single link makes the kernel look at its carrier at once (Linux 6.7), and not within a second
    for link in connection.dump_all(&LinkList::default())? {
        find(connection, &link.name)?;
    }
    while !is_ready(connection)? && start.elapsed() < CARRIER {
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

/// Whether each link that has a carrier is used by the kernel, which learns of it later and drops packets till then, and
/// each address may be used.
fn is_ready(connection: &mut Connection) -> Result<bool> {
    let links = connection.dump_all(&LinkList::default())?;
    let used = links.iter().all(|link| {
        let carrier = link.flags.contains(LinkFlags::UP | LinkFlags::LOWER_UP);
        let used = [OperationalState::UP, OperationalState::UNKNOWN];
        !carrier || used.contains(&link.operational_state)
    });
    let up = |index| links.iter().any(|link| link.index == index && link.flags.contains(LinkFlags::LOWER_UP));
    let addresses = connection.dump_all(&AddressList::default())?;
    let tentative = |address: &netwright_route::Address| address.flags.contains(AddressFlags::TENTATIVE);
    Ok(used && !addresses.iter().any(|address| tentative(address) && up(address.link.index)))
}

fn find(connection: &mut Connection, name: &str) -> Result<LinkId> {
    let link = connection.query(&link::Get::by_name(name))?;
    Ok(LinkId::named(link.index, name))
}

/// How many links each link lies on, by index.
fn depths(links: &[Link]) -> HashMap<u32, u8> {
    let mut depths: HashMap<u32, u8> = HashMap::new();
    // what lies on what: a bridge on its ports, a VLAN on its parent
    let ports = links.iter().filter_map(|link| Some((link.index, link.master?)));
    let uppers = links.iter().filter(|link| link.kind_name() != Some("veth"));
    let uppers = uppers.filter(|link| link.parent_namespace_id.is_none());
    let pairs: Vec<(u32, u32)> =
        ports.chain(uppers.filter_map(|link| Some((link.parent?, link.index)))).collect();
    // each round gets one link higher
    for _ in 0..DEPTH {
        for (lower, upper) in &pairs {
            let above = depths.get(lower).copied().unwrap_or(0) + 1;
            let depth = depths.entry(*upper).or_default();
            *depth = above.max(*depth);
        }
    }
    depths
}

/// The group of new connections.
const NEW_CONNECTIONS: u32 = group::CONNTRACK_NEW;
