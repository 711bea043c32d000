//! The simulated world: one namespace for the host, one for the switches, one for each machine.

use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use netwright_route::address::{AddressFlags, List as AddressList};
use netwright_route::link::kind::{Bridge, BridgePort, PortState, Vlan};
use netwright_route::link::{self, Change, Create, LinkFlags, List as LinkList, OperationalState, Peer};
use netwright_route::route::Lookup;
use netwright_route::{Add, Address, LinkId, NetworkOrder, Prefix, Route};
use netwright_state::model::{Host, LinkKind, VlanProtocol};
use netwright_sys::{Connection, Error, Namespace, Result, Sysctl, protocol};
use netwright_wire::Errno;

use crate::packet::Tuple;
use crate::topology::{Machine, Topology, is_link_local};

/// A namespace with the connection that configures it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) namespace: Namespace,
    connection: Connection,
}

/// A machine that stands, and how much of its plan is done.
#[derive(Debug)]
struct Standing {
    node: Node,
    device: LinkId,
    /// Whether it has its address on the link.
    local: bool,
    /// How many of the addresses behind it there are.
    remotes: usize,
    /// Whether it has a route to the host, by IPv4 and by IPv6.
    families: [bool; 2],
}

/// All namespaces. They end with this value.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) host: Node,
    fabric: Node,
    switches: Vec<LinkId>,
    machines: Vec<Standing>,
    /// The host's addresses by link name, after the file was applied.
    own: HashMap<String, Vec<Address>>,
}

impl Node {
    fn new(settings: &[(&[&str], u32)]) -> Result<Self> {
        let namespace = Namespace::create_anonymous()?;
        set_all(&namespace, settings)?;
        let connection = Connection::open_in(&namespace, protocol::ROUTE)?;
        let mut node = Node { namespace, connection };
        let loopback = node.link("lo")?;
        node.set(loopback, Change::up())?;
        Ok(node)
    }

    fn link(&mut self, name: &str) -> Result<LinkId> {
        let link = self.connection.query(&link::Get::by_name(name))?;
        Ok(LinkId::named(link.index, name))
    }

    fn set(&mut self, link: LinkId, change: Change) -> Result<()> {
        self.connection.acknowledge(&link::Set { link, change: &change })
    }

    fn address(&mut self, link: LinkId, prefix: Prefix) -> Result<()> {
        let mut address = Address::new(prefix.address, prefix.length).on(link);
        if address.address.is_ipv6() {
            address.flags |= AddressFlags::NO_DUPLICATE_DETECTION;
        }
        self.connection.acknowledge(&Add(&address))
    }

    /// Whether each link that has a carrier is used by the kernel, which learns of it later, and drops packets till then.
    fn is_ready(&mut self) -> Result<bool> {
        let links = self.connection.dump_all(&LinkList::default())?;
        Ok(links.iter().all(|link| {
            let carrier = link.flags.contains(LinkFlags::UP | LinkFlags::LOWER_UP);
            let used = [OperationalState::UP, OperationalState::UNKNOWN];
            !carrier || used.contains(&link.operational_state)
        }))
    }

    /// Lets the search for neighbours on a link be repeated soon and often, as who is searched for may be put there
    /// after it has begun.
    fn search_often(&self, link: &str) -> Result<()> {
        let key = |family, name| [family, "neigh", link, name];
        let keys =
            ["ipv4", "ipv6"].map(|family| [key(family, "retrans_time_ms"), key(family, "mcast_solicit")]);
        let settings: Vec<(&[&str], u32)> =
            keys.iter().flat_map(|[time, count]| [(&time[..], RETRY), (&count[..], RETRIES)]).collect();
        set_all(&self.namespace, &settings)
    }

    /// The names of the links by index.
    pub(crate) fn links(&mut self) -> Result<HashMap<u32, String>> {
        let links = self.connection.dump_all(&LinkList::default())?;
        Ok(links.into_iter().map(|link| (link.index, link.name)).collect())
    }

    /// Why the kernel has no way for a packet that came in by a link, as it says itself.
    pub(crate) fn route_error(&mut self, packet: Tuple, incoming: Option<u32>) -> Option<Errno> {
        let mut lookup = Lookup::to(packet.destination);
        lookup.source = Some(packet.source);
        lookup.incoming = incoming.map(LinkId::new);
        self.connection.query(&lookup).err().and_then(|error| error.errno())
    }
}

/// What the machine that runs the test may have set otherwise for new namespaces; the values are the kernel's own.
const HOST: &[(&[&str], u32)] = &[
    (&["ipv4", "ip_forward"], 0),
    (&["ipv4", "conf", "all", "rp_filter"], 0),
    (&["ipv4", "conf", "default", "rp_filter"], 0),
    (&["ipv4", "conf", "all", "arp_ignore"], 0),
    (&["ipv4", "conf", "default", "arp_ignore"], 0),
    (&["ipv4", "conf", "all", "arp_filter"], 0),
    (&["ipv4", "conf", "default", "arp_filter"], 0),
    (&["ipv4", "conf", "all", "accept_local"], 0),
    (&["ipv4", "conf", "default", "accept_local"], 0),
    (&["ipv4", "conf", "all", "route_localnet"], 0),
    (&["ipv4", "conf", "default", "route_localnet"], 0),
    // whether bridged packets see the rules of IP depends on what else was ever loaded on this machine
    (&["bridge", "bridge-nf-call-iptables"], 0),
    (&["bridge", "bridge-nf-call-ip6tables"], 0),
    (&["bridge", "bridge-nf-call-arptables"], 0),
    // each refusal shall be heard, however quickly the flows come
    (&["ipv4", "icmp_ratemask"], 0),
    (&["ipv4", "icmp_msgs_per_sec"], 1_000_000),
    (&["ipv6", "icmp", "ratelimit"], 0),
    // nobody has these addresses twice, so nobody need wait
    (&["ipv6", "conf", "all", "accept_dad"], 0),
    (&["ipv6", "conf", "default", "accept_dad"], 0),
    (&["ipv6", "conf", "default", "router_solicitations"], 0),
];

const MACHINE: &[(&[&str], u32)] = &[
    // who asks for the host's hardware address does so from an address on the link, as a router does
    (&["ipv4", "conf", "all", "arp_announce"], 2),
    (&["ipv4", "conf", "all", "rp_filter"], 0),
    (&["ipv4", "conf", "default", "rp_filter"], 0),
    (&["ipv4", "conf", "all", "arp_ignore"], 0),
    (&["ipv4", "conf", "default", "arp_ignore"], 0),
    (&["ipv4", "conf", "all", "accept_redirects"], 0),
    (&["ipv4", "conf", "default", "accept_redirects"], 0),
    (&["ipv6", "conf", "all", "accept_redirects"], 0),
    (&["ipv6", "conf", "default", "accept_redirects"], 0),
    (&["ipv6", "conf", "all", "accept_dad"], 0),
    (&["ipv6", "conf", "default", "accept_dad"], 0),
    (&["ipv6", "conf", "default", "accept_ra"], 0),
    (&["ipv6", "conf", "default", "router_solicitations"], 0),
];

const FABRIC: &[(&[&str], u32)] = &[
    (&["ipv6", "conf", "default", "disable_ipv6"], 1),
    (&["bridge", "bridge-nf-call-iptables"], 0),
    (&["bridge", "bridge-nf-call-ip6tables"], 0),
    (&["bridge", "bridge-nf-call-arptables"], 0),
];

/// Milliseconds between two searches for a neighbour.
const RETRY: u32 = 100;
/// Searches for a neighbour before it is given up.
const RETRIES: u32 = 10;
/// How long to wait for links that should be used.
const CARRIER: Duration = Duration::from_secs(5);

/// Writes settings, as far as this kernel has them.
fn set_all(namespace: &Namespace, settings: &[(&[&str], u32)]) -> Result<()> {
    namespace.run(|| {
        let own = Sysctl::new(&Namespace::current()?);
        for (key, value) in settings {
            match own.write(key, value) {
                Err(error) if !is_fixed(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    })?
}

/// Whether a setting cannot be written because this kernel lacks it, or because a container forbids it.
fn is_fixed(error: &Error) -> bool {
    error.is_not_found() || error.is_permission() || error.errno() == Some(Errno::EROFS)
}

impl World {
    /// Builds the host's cards, the switches and the machines. The host has no addresses yet.
    pub(crate) fn build(topology: &Topology<'_>) -> Result<Self> {
        let (host, fabric) = (Node::new(HOST)?, Node::new(FABRIC)?);
        let (switches, machines, own) = (Vec::new(), Vec::new(), HashMap::new());
        let mut world = World { host, fabric, switches, machines, own };
        for number in 0..topology.switches.len() {
            world.add_switch(number)?;
        }
        let mut cards: Vec<_> = topology.cards().collect();
        cards.sort_unstable();
        for (number, (card, switch)) in cards.into_iter().enumerate() {
            let to = world.host.namespace.clone();
            world.plug(&format!("host{number}"), switch, card, &to)?;
        }
        for machine in &topology.machines {
            world.add_machine(machine)?;
        }
        Ok(world)
    }

    fn add_switch(&mut self, number: usize) -> Result<()> {
        let name = format!("switch{number}");
        let bridge = Bridge { multicast_snooping: Some(false), ..Bridge::default() };
        self.fabric.connection.acknowledge(&Create::new(&name, bridge).with(Change::up()))?;
        let id = self.fabric.link(&name)?;
        self.switches.push(id);
        Ok(())
    }

    /// A cable from a switch to a link of a namespace.
    fn plug(&mut self, port: &str, switch: usize, name: &str, to: &Namespace) -> Result<()> {
        let there = link::Namespace::Descriptor(to.as_fd().as_raw_fd());
        let peer = Peer::new(&Change::rename(name).and(Change::namespace(there)));
        let master = self.switches.get(switch).copied().unwrap_or_default();
        let cable = Create::veth(port, peer).with(Change::up().and(Change::master(master)));
        self.fabric.connection.acknowledge(&cable)
    }

    fn add_machine(&mut self, machine: &Machine) -> Result<()> {
        let mut node = Node::new(MACHINE)?;
        let port = format!("machine{}", self.machines.len());
        self.plug(&port, machine.socket.switch, "eth0", &node.namespace)?;
        let mut device = node.link("eth0")?;
        node.set(device, Change::up())?;
        node.search_often("eth0")?;
        for (depth, tag) in machine.socket.tags.iter().enumerate() {
            let name = format!("vlan{depth}");
            let protocol = tag.protocol.map(|protocol| match protocol {
                VlanProtocol::Dot1q => NetworkOrder(0x8100),
                VlanProtocol::Dot1ad => NetworkOrder(0x88a8),
            });
            let kind = Vlan { id: Some(tag.id), protocol, ..Vlan::default() };
            node.connection.acknowledge(&Create::new(&name, kind).above(device).with(Change::up()))?;
            node.search_often(&name)?;
            device = node.link(&name)?;
        }
        self.machines.push(Standing { node, device, local: false, remotes: 0, families: [false; 2] });
        Ok(())
    }

    /// Learns the host's addresses, which the file has given it, and gives the machines their routes to it.
    pub(crate) fn settle(&mut self, host: &Host, topology: &Topology<'_>) -> Result<()> {
        for link in &host.links {
            if matches!(&link.kind, Some(LinkKind::Bridge(bridge)) if bridge.stp == Some(true)) {
                // one switch makes no loop, and the spanning tree would hold every packet back for half a minute
                self.stop_spanning_tree(&link.name)?;
            }
        }
        let names = self.host.links()?;
        for name in names.values() {
            self.host.search_often(name)?;
        }
        for address in self.host.connection.dump_all(&AddressList::default())? {
            if let Some(name) = names.get(&address.link.index) {
                self.own.entry(name.clone()).or_default().push(address);
            }
        }
        // IPv6 does not always use routes that are made before
        self.await_links()?;
        self.complete(topology)
    }

    fn stop_spanning_tree(&mut self, bridge: &str) -> Result<()> {
        let bridge = self.host.link(bridge)?;
        self.host.set(bridge, Change::kind(Bridge { spanning_tree: Some(0), ..Bridge::default() }))?;
        self.await_links()?;
        for port in self.host.connection.dump_all(&LinkList::ports_of(bridge))? {
            let forwards = BridgePort { state: Some(PortState::FORWARDING), ..BridgePort::default() };
            self.host.set(port.id(), Change::port(forwards))?;
        }
        Ok(())
    }

    /// Makes what the topology has and the world has not.
    pub(crate) fn complete(&mut self, topology: &Topology<'_>) -> Result<()> {
        let missing = topology.machines.get(self.machines.len()..).unwrap_or_default();
        for machine in missing {
            self.add_machine(machine)?;
        }
        if !missing.is_empty() {
            self.await_links()?;
        }
        for (index, machine) in topology.machines.iter().enumerate() {
            self.complete_machine(index, machine)?;
        }
        Ok(())
    }

    /// Waits until packets get through all links that are up.
    fn await_links(&mut self) -> Result<()> {
        let start = Instant::now();
        let machines = self.machines.iter_mut().map(|standing| &mut standing.node);
        for node in [&mut self.host, &mut self.fabric].into_iter().chain(machines) {
            while !node.is_ready()? && start.elapsed() < CARRIER {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        Ok(())
    }

    fn complete_machine(&mut self, index: usize, machine: &Machine) -> Result<()> {
        let Some(standing) = self.machines.get_mut(index) else { return Ok(()) };
        if !standing.local {
            standing.node.address(standing.device, machine.address)?;
            standing.local = true;
        }
        for &remote in machine.remote.iter().skip(standing.remotes) {
            let loopback = standing.node.link("lo")?;
            standing.node.address(loopback, Prefix::host(remote))?;
            standing.remotes += 1;
        }
        let addresses = [machine.address.address].into_iter().chain(machine.remote.iter().copied());
        for address in addresses {
            let family = usize::from(address.is_ipv6());
            if standing.families.get(family) == Some(&true) {
                continue;
            }
            let own = self.own.get(&machine.link).map_or(&[][..], Vec::as_slice);
            let route = route_to_host(address, machine.address.address, own).dev(standing.device);
            standing.node.connection.acknowledge(&Add(&route))?;
            if let Some(done) = standing.families.get_mut(family) {
                *done = true;
            }
        }
        Ok(())
    }

    /// The namespace of a machine.
    pub(crate) fn machine(&self, index: usize) -> Option<&Namespace> {
        self.machines.get(index).map(|standing| &standing.node.namespace)
    }

    /// The index of the device on which a machine sees the host.
    pub(crate) fn device_of(&self, index: usize) -> u32 {
        self.machines.get(index).map_or(0, |standing| standing.device.index)
    }

    /// The index of a link of the host.
    pub(crate) fn host_link(&mut self, name: &str) -> Result<u32> {
        self.host.link(name).map(|link| link.index)
    }
}

/// The default route of a machine: by the host's address on its network, else by any of the host's there, else straight
/// onto the link.
fn route_to_host(family_of: IpAddr, machine: IpAddr, own: &[Address]) -> Route {
    let fits = |own: &&Address| own.address.is_ipv4() == family_of.is_ipv4();
    let near = |own: &&Address| own.prefix().network().contains(machine);
    let candidates = || own.iter().filter(fits);
    let global = || candidates().find(|own| !is_link_local(own.address));
    match candidates().find(near).or_else(global).or_else(|| candidates().next()) {
        Some(host) => Route::default_via(host.address).on_link(),
        None if family_of.is_ipv4() => Route::to(Prefix::ALL_IPV4),
        None => Route::to(Prefix::ALL_IPV6),
    }
}
