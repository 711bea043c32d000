//! The inside that is joined to the host by a pair of interfaces, and whose packets the host's kernel routes and masquerades.
//!
//! The pair needs no address on the host: each end knows the other's hardware address, and one route leads in. The interface's name
//! reserves the number of which the address inside is made.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};

use netwright_route::address::AddressFlags;
use netwright_route::link::{Change, Create, Delete, Get, Namespace, Peer, Set};
use netwright_route::route::Lookup;
use netwright_route::{Add, Address, HardwareAddress, LinkId, Neighbour, Prefix, Route, Scope};
use netwright_sys::{Cause, Connection, Enclosure, Error, Result, protocol};

use super::forwarding::Forwarding;
use super::relay::{self, loopback};
use super::{LARGEST_PACKET, PREFIX, obstacle, table};
use crate::constants::PING_MARK;
use crate::filter;

/// Networks of which addresses inside are taken, the first that the host does not use: benchmarks (RFC 2544), carriers' own
/// (RFC 6598), and two of everybody's.
const POOLS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(198, 18, 0, 0),
    Ipv4Addr::new(100, 127, 0, 0),
    Ipv4Addr::new(10, 253, 0, 0),
    Ipv4Addr::new(172, 30, 0, 0),
];
/// The unique local network of IPv6 addresses inside.
const POOL_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd6e, 0x7772, 0x6967, 0x6875, 0, 0, 0, 0);
/// The gateways, which exist as neighbours inside and nowhere else.
const GATEWAY_IPV4: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
const GATEWAY_IPV6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const HARDWARE_OUTSIDE: [u8; 6] = [2, 0x6e, 0x77, 0, 0, 1];
const HARDWARE_INSIDE: [u8; 6] = [2, 0x6e, 0x77, 0, 0, 2];
/// Index and name of the interface inside.
const INSIDE: (u32, &str) = (2, "eth0");
/// As many sandboxes have numbers.
const NUMBERS: u16 = 60_000;

/// The way out through the host's kernel. Dropped, everything of it on the host is gone.
#[derive(Debug)]
pub(crate) struct Uplink {
    host: Connection,
    link: LinkId,
    /// The addresses inside.
    pub(crate) addresses: Vec<IpAddr>,
    /// The host's table belongs to this connection, and ends with it at the latest.
    table: Connection,
    _forwarding: Forwarding,
}

impl Uplink {
    /// Joins the inside to this host.
    pub(crate) fn create(enclosure: &Enclosure, inside: &mut Connection, ipv6: bool) -> Result<Self> {
        obstacle::check()?;
        let mut host = Connection::open(protocol::ROUTE)?;
        let (number, name) = make_pair(&mut host, enclosure)?;
        let link = host.query(&Get::by_name(&name))?.id();
        match join(&mut host, inside, &link, number, ipv6) {
            Ok((addresses, table, forwarding)) => {
                Ok(Uplink { host, link, addresses, table, _forwarding: forwarding })
            }
            Err(error) => {
                let _ = host.acknowledge(&Delete { link });
                Err(error)
            }
        }
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        // Where nothing passes any more, the table may go before the link: the kernel waits for all processors over both, and does so at the
        // same time then. It would wait once more when a connection is closed that owns a table.
        if self.host.acknowledge(&Set { link: self.link, change: &Change::down() }).is_ok() {
            let _ = filter::remove(&mut self.table, &table_of(&self.link));
        }
        let _ = self.host.acknowledge(&Delete { link: self.link });
    }
}

/// Makes a pair with the first free number, its other end inside.
fn make_pair(host: &mut Connection, enclosure: &Enclosure) -> Result<(u16, String)> {
    let namespace = enclosure.namespace()?;
    let inside = Change::rename(INSIDE.1).and(Change::address(HARDWARE_INSIDE)).and(Change {
        namespace: Some(Namespace::Descriptor(namespace.as_fd().as_raw_fd())),
        ..Change::default()
    });
    let mut peer = Peer::new(&inside);
    peer.header.index = INSIDE.0;
    // neighbours in time begin at different numbers
    let first = u16::try_from(std::process::id() % u32::from(NUMBERS)).unwrap_or_default();
    for step in 0..NUMBERS {
        let number = (first + step) % NUMBERS + 1;
        let name = format!("{PREFIX}{number}");
        let settings = Change::address(HARDWARE_OUTSIDE);
        match host.acknowledge(&Create::veth(&name, peer.clone()).with(settings)) {
            Ok(()) => return Ok((number, name)),
            Err(error) if error.is_exists() => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new("find a free number for the sandbox", Cause::Invalid(format!("all {NUMBERS} are in use"))))
}

type Joined = (Vec<IpAddr>, Connection, Forwarding);

/// Brings both ends up, with addresses and routes, and lets the host forward.
fn join(
    host: &mut Connection,
    inside: &mut Connection,
    link: &LinkId,
    number: u16,
    ipv6: bool,
) -> Result<Joined> {
    let forwarding = Forwarding::switch_on(link, ipv6)?;
    let mut addresses = vec![free_address(host, number)?.into()];
    if forwarding.ipv6 {
        let [a, b, c, d, ..] = POOL_IPV6.segments();
        addresses.push(Ipv6Addr::new(a, b, c, d, 0, 0, 0, number).into());
    }
    let eth0 = LinkId::named(INSIDE.0, INSIDE.1);
    inside.acknowledge(&Set { link: loopback(), change: &Change::up() })?;
    inside.acknowledge(&Set { link: eth0, change: &Change::up() })?;
    host.acknowledge(&Set { link: *link, change: &Change::up() })?;
    // What this host sends inside goes no further. The other way, packets may have to leave by links that take no such ones, so that the kernel cuts
    // them up at twice the cost. Those of IPv6 can have another header, which rules of the host might not like.
    let large = Change { gso_ipv4_maximum_size: Some(LARGEST_PACKET), ..Change::default() };
    let _ = host.acknowledge(&Set { link: *link, change: &large }); // where it cannot be, all is the same, but slower
    for &address in &addresses {
        way_out(inside, &eth0, address)?;
        way_in(host, link, address)?;
    }
    let mut table = Connection::open(protocol::NETFILTER)?;
    table::commit(&mut table, &host_table(link, &addresses))?;
    Ok((addresses, table, forwarding))
}

fn way_out(inside: &mut Connection, eth0: &LinkId, address: IpAddr) -> Result<()> {
    let (length, gateway) = match address {
        IpAddr::V4(_) => (32, GATEWAY_IPV4.into()),
        IpAddr::V6(_) => (128, GATEWAY_IPV6.into()),
    };
    let mut own = Address::new(address, length).on(*eth0);
    own.flags = AddressFlags::NO_DUPLICATE_DETECTION;
    inside.acknowledge(&Add(&own))?;
    inside.acknowledge(&Add(&Neighbour::new(*eth0, gateway, HARDWARE_OUTSIDE.into())))?;
    let default = Route::default_via(gateway).dev(*eth0).on_link().preferred_source(address);
    inside.acknowledge(&Add(&default))?;
    relay::divert(inside, address, PING_MARK)
}

fn way_in(host: &mut Connection, link: &LinkId, address: IpAddr) -> Result<()> {
    let length = if address.is_ipv4() { 32 } else { 128 };
    let mut route = Route::to(Prefix { address, length }).dev(*link);
    route.scope = address.is_ipv4().then_some(Scope::LINK);
    host.acknowledge(&Add(&route))?;
    host.acknowledge(&Add(&Neighbour::new(*link, address, HardwareAddress::from(HARDWARE_INSIDE))))
}

/// The address of a number in the first pool that the host has no route into but the default one.
fn free_address(host: &mut Connection, number: u16) -> Result<Ipv4Addr> {
    for pool in POOLS {
        let address = Ipv4Addr::from(u32::from(pool) + u32::from(number));
        let lookup = Lookup { as_in_table: true, ..Lookup::to(address.into()) };
        match host.query(&lookup) {
            Ok(route) if !route.is_default() => {}
            _ => return Ok(address),
        }
    }
    let what = "the host has routes into all networks that are tried";
    Err(Error::new("find a free address for the sandbox", Cause::Invalid(what.into()))
        .with_help("Use `--mode relay`, which needs none."))
}

/// The name of the host's table for the sandbox of a link.
fn table_of(link: &LinkId) -> String {
    format!("netwright_{}", link.name().unwrap_or_default())
}

/// The host's own table for one sandbox: it masquerades, and lets in answers alone. Who owns it is this process.
fn host_table(link: &LinkId, addresses: &[IpAddr]) -> String {
    let masquerade: String = addresses
        .iter()
        .map(|address| {
            let family = if address.is_ipv4() { "ip" } else { "ip6" };
            format!("{family} saddr {address} masquerade\n")
        })
        .collect();
    let (table, name) = (table_of(link), link.name().unwrap_or_default());
    format!(
        "table inet {table} {{
            flags owner
            chain postrouting {{
                type nat hook postrouting priority srcnat
                {masquerade}
            }}
            chain forward {{
                type filter hook forward priority filter
                oifname \"{name}\" ct state established,related accept
                oifname \"{name}\" drop
            }}
        }}"
    )
}
