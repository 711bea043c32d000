//! The inside that is joined to the host by a link, and whose packets the host's kernel routes and masquerades.
//!
//! The link is a pair of Ethernet interfaces whose end inside lies in a namespace of the supervisor's own, which nothing else keeps alive; the
//! interface inside stands on that end (macvlan). When the supervisor ends, in whatever way, that namespace ends, and with it the pair, the
//! interface inside, and their addresses, routes and settings; the host's tables for the sandbox end with the sockets that own them.
//!
//! The pair needs no address on the host: each end knows the other's hardware address, and one route leads in. The interface's name
//! reserves the number of which the address inside is made. The host itself need not forward: of what comes in, the answers are
//! sent on by a rule.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use netwright_confine::Enclosure;
use netwright_netfilter::{Batch, Family, TableRef};
use netwright_route::link::kind::MacvlanMode;
use netwright_route::link::{AddressGeneration, Change, Create, Delete, Get, OperationalState, Peer, Set};
use netwright_route::route::Lookup;
use netwright_route::{Add, HardwareAddress, LinkId, Neighbour, Prefix, Route, Scope};
use netwright_sys::{self as sys, Cause, Connection, Error, Result, Sysctl, protocol};
use netwright_wire::Errno;

use super::cut::Changes;
use super::relay::{self, loopback};
use super::{LARGEST_PACKET, PREFIX, obstacle, table};
use crate::Event;
use crate::constants::PING_MARK;
use crate::follow::Follower;

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
/// The interface inside, and the end of the pair below it.
const INSIDE: &str = "eth0";
const LOWER: &str = "lower";
/// As many sandboxes have numbers.
const NUMBERS: u16 = 60_000;

/// The way out through the host's kernel. Dropped, everything of it on the host is gone.
#[derive(Debug)]
pub(crate) struct Uplink {
    host: Connection,
    link: LinkId,
    /// The addresses inside.
    pub(super) addresses: Vec<IpAddr>,
    /// The host's tables belong to this connection, and end with it at the latest.
    tables: Connection,
    with_tables: Vec<Family>,
    /// Where it is told that the host's rules have changed, until somebody watches that.
    changes: Option<Changes>,
    /// Ends when the link is down, since what it may have cut off would get out again.
    watch: Option<[Follower; 2]>,
    /// Where the link's other end lies. Nobody else may have it.
    _between: sys::Namespace,
}

impl Uplink {
    /// Joins the inside to this host.
    pub(super) fn create(enclosure: &Enclosure, inside: &mut Connection, ipv6: bool) -> Result<Self> {
        obstacle::check_privileges()?;
        let changes = Changes::listen()?; // before the host's rules are read
        obstacle::check()?;
        let mut host = Connection::open(protocol::ROUTE)?;
        let between = sys::Namespace::create_anonymous()?;
        let (number, name) = make_pair(&mut host, &between)?;
        let link = host.query(&Get::by_name(&name))?.id();
        let joined = make_inner(&mut host, &link, enclosure, &between)
            .and_then(|()| inside.query(&Get::by_name(INSIDE)))
            .and_then(|eth0| join(&mut host, inside, &link, &eth0.id(), number, ipv6));
        match joined {
            Ok((addresses, tables, with_tables)) => {
                let changes = Some(changes);
                Ok(Uplink {
                    host,
                    link,
                    addresses,
                    tables,
                    with_tables,
                    changes,
                    watch: None,
                    _between: between,
                })
            }
            Err(error) => {
                let _ = host.acknowledge(&Delete { link });
                Err(error)
            }
        }
    }
}

impl Uplink {
    /// Keeps watching that the host has no rules which the sandbox's packets pass by, and tells of what comes of it.
    pub(super) fn watch(&mut self, events: &Sender<Event>) -> Result<()> {
        if let Some(changes) = self.changes.take() {
            self.watch = Some(changes.watch(self.link, events)?);
        }
        Ok(())
    }

    fn remove_tables(&mut self) -> Result<()> {
        let name = table::name_of(&self.link);
        let mut batch = Batch::new();
        for family in self.with_tables.iter().copied() {
            batch.delete(&TableRef::new(family, name.as_str()));
        }
        self.tables.commit("take the sandbox's tables away", &mut batch)
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        // Where nothing passes any more, the tables may go before the link: the kernel waits for all processors over both, and does so at the
        // same time then. It would wait once more when a connection is closed that owns a table.
        if self.host.acknowledge(&Set { link: self.link, change: &Change::down() }).is_ok() {
            let _ = self.remove_tables();
        }
        let _ = self.host.acknowledge(&Delete { link: self.link });
    }
}

/// Makes a pair with the first free number, its other end in the namespace between.
fn make_pair(host: &mut Connection, between: &sys::Namespace) -> Result<(u16, String)> {
    let lower = Change::rename(LOWER).and(Change::address(HARDWARE_INSIDE)).and(Change::namespace(between));
    let peer = Peer::new(&lower);
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

/// Makes the interface inside. A link whose other end is up takes packets as soon as it is brought up itself, so the host's end goes first.
fn make_inner(
    host: &mut Connection,
    link: &LinkId,
    enclosure: &Enclosure,
    between: &sys::Namespace,
) -> Result<()> {
    host.acknowledge(&Set { link: *link, change: &Change::up() })?;
    let mut route = Connection::open_in(between, protocol::ROUTE)?;
    let lower = route.query(&Get::by_name(LOWER))?.id();
    route.acknowledge(&Set { link: lower, change: &Change::up() })?;
    wait_until_up(&mut route, &lower)?;
    let inside = enclosure.namespace()?;
    // Everything that comes to the lower end is for it, and it has the lower end's hardware address.
    let inner = Create::macvlan(INSIDE, lower, MacvlanMode::PASSTHROUGH).with(Change::namespace(&inside));
    route.acknowledge(&inner).map_err(|error| match error.errno() {
        Some(Errno::EOPNOTSUPP | Errno::ENOENT) => error.with_help(
            "The kernel lacks macvlan (`modprobe macvlan`): use `--mode relay`, which needs none.",
        ),
        _ => error,
    })
}

/// Waits until a link takes packets: one whose other end came later drops them until a worker of the kernel's has heard of that. Who asks for a link
/// has the kernel do it at once, from Linux 6.8 on.
fn wait_until_up(route: &mut Connection, link: &LinkId) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let begin = Instant::now();
    // Where it takes longer, the first packets may be lost, as on any network.
    while route.query(&Get::by_index(link.index))?.operational_state != OperationalState::UP
        && begin.elapsed() < PATIENCE
    {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Brings the interface inside up, with addresses and routes.
fn join(
    host: &mut Connection,
    inside: &mut Connection,
    link: &LinkId,
    eth0: &LinkId,
    number: u16,
    ipv6: bool,
) -> Result<(Vec<IpAddr>, Connection, Vec<Family>)> {
    let forwarding = Forwarding::switch_on(link, ipv6)?;
    let mut addresses = vec![free_address(host, number)?.into()];
    if forwarding.ipv6 {
        let [a, b, c, d, ..] = POOL_IPV6.segments();
        addresses.push(Ipv6Addr::new(a, b, c, d, 0, 0, 0, number).into());
    }
    inside.acknowledge(&Set { link: loopback(), change: &Change::up() })?;
    // No address but its own, by which nothing could be refused or allowed.
    let bare = Change { address_generation: Some(AddressGeneration::NONE), ..Change::default() };
    let _ = inside.acknowledge(&Set { link: *eth0, change: &bare }); // the kernel may have no IPv6
    inside.acknowledge(&Set { link: *eth0, change: &Change::up() })?;
    wait_until_up(inside, eth0)?;
    wait_until_up(host, link)?;
    // What this host sends inside goes no further. The other way, packets may have to leave by links that take no such ones, so that the kernel cuts
    // them up at twice the cost. Those of IPv6 can have another header, which rules of the host might not like.
    let large = Change { gso_ipv4_maximum_size: Some(LARGEST_PACKET), ..Change::default() };
    let _ = host.acknowledge(&Set { link: *link, change: &large }); // where it cannot be, all is the same, but slower
    for &address in &addresses {
        way_out(inside, eth0, address)?;
        way_in(host, link, address)?;
    }
    let mut tables = Connection::open(protocol::NETFILTER)?;
    let copied: Vec<IpAddr> =
        addresses.iter().copied().filter(|address| !forwarding.brings_in(*address)).collect();
    table::commit(&mut tables, &host_tables(link, &addresses, &copied), link).map_err(|error| match error.errno() {
        Some(Errno::ENOENT) if !copied.is_empty() => error.with_help(
            "The kernel may lack rules that send copies (nft_dup_ipv4, nft_dup_ipv6): let the host forward (`sysctl net.ipv4.ip_forward=1`), or use `--mode relay`.",
        ),
        _ => error,
    })?;
    let with_tables =
        copied.iter().map(|address| if address.is_ipv4() { Family::IPV4 } else { Family::IPV6 });
    let with_tables = with_tables.chain([Family::INET]).collect();
    Ok((addresses, tables, with_tables))
}

/// What is forwarded between the link and others.
struct Forwarding {
    /// Whether IPv6 is forwarded, too.
    ipv6: bool,
    /// Whether the host forwards what comes in by any link, by family.
    host_ipv4: bool,
    host_ipv6: bool,
}

impl Forwarding {
    /// Lets what comes in by the link be forwarded. The setting is the link's own, and goes with it.
    fn switch_on(link: &LinkId, ipv6: bool) -> Result<Self> {
        let settings = Sysctl::new(&sys::Namespace::current()?);
        let name = link.name().unwrap_or_default();
        let on = |path: &[&str]| settings.read(path).is_ok_and(|value| value == "1");
        let advised = |error: Error| {
            error.with_help(
                "Where the host's settings cannot be changed, as in containers, use `--mode relay`.",
            )
        };
        settings.write(&["ipv4", "conf", &name, "forwarding"], 1).map_err(advised)?;
        let host_ipv6 = on(&["ipv6", "conf", "all", "forwarding"]);
        // Single links forward since Linux 6.17.
        let ipv6 =
            ipv6 && (host_ipv6 || settings.write(&["ipv6", "conf", &name, "force_forwarding"], 1).is_ok());
        let links = fs::read_dir("/proc/sys/net/ipv4/conf").into_iter().flatten().flatten();
        let mut others = links
            .filter_map(|link| link.file_name().into_string().ok())
            .filter(|link| link != "all" && link != "lo" && !link.starts_with(PREFIX));
        let host_ipv4 = others.all(|link| on(&["ipv4", "conf", &link, "forwarding"]));
        Ok(Forwarding { ipv6, host_ipv4, host_ipv6 })
    }

    /// Whether what comes in by other links for an address inside is forwarded.
    fn brings_in(&self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.host_ipv4 } else { self.host_ipv6 }
    }
}

fn way_out(inside: &mut Connection, eth0: &LinkId, address: IpAddr) -> Result<()> {
    let gateway = match address {
        IpAddr::V4(_) => GATEWAY_IPV4.into(),
        IpAddr::V6(_) => GATEWAY_IPV6.into(),
    };
    relay::add_own(inside, *eth0, address)?;
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

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}

/// The host's tables for one sandbox, which this process owns. They let out what has the sandbox's source, masqueraded and nothing else (what conntrack
/// takes for invalid it does not translate, such as resets of connections that nobody waits for any more), and in nothing but answers: neither what is forwarded nor what processes of the host send.
fn host_tables(link: &LinkId, addresses: &[IpAddr], copied: &[IpAddr]) -> String {
    let (table, name) = (table::name_of(link), link.name().unwrap_or_default());
    let rules = |rule: &dyn Fn(&str, IpAddr) -> String| -> String {
        addresses.iter().map(|&address| rule(family(address), address) + "\n").collect()
    };
    let sources = rules(&|family, address| {
        let loopback = if address.is_ipv4() { "127.0.0.0/8" } else { "::1" };
        format!("{family} saddr {address} {family} daddr != {loopback} accept")
    });
    let masquerade = rules(&|family, address| format!("{family} saddr {address} masquerade"));
    let unchanged = rules(&|family, address| format!("{family} saddr {address} drop"));
    let answers: String = copied.iter().map(|&address| answers(&table, &name, address)).collect();
    format!(
        "table inet {table} {{
            flags owner
            chain prerouting {{
                type filter hook prerouting priority raw
                iifname != \"{name}\" accept
                {sources}
                drop
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat
                {masquerade}
            }}
            chain leaving {{
                type filter hook postrouting priority srcnat + 10
                {unchanged}
            }}
            chain forward {{
                type filter hook forward priority filter
                oifname != \"{name}\" accept
                ct state established,related ct direction reply accept
                drop
            }}
            chain output {{
                type filter hook output priority filter
                oifname != \"{name}\" accept
                ct state untracked accept
                ct state established,related ct direction reply accept
                drop
            }}
        }}
        {answers}"
    )
}

/// Where the host does not forward what comes in by its links, it would drop the answers, once they have their old destination again: a
/// copy of each is sent on in its place, which is this host's own, as it were.
fn answers(table: &str, name: &str, address: IpAddr) -> String {
    let family = family(address);
    format!(
        "table {family} {table} {{
            flags owner
            chain answers {{
                type filter hook prerouting priority dstnat + 10
                {family} daddr {address} ct state established,related ct direction reply dup to {family} daddr device \"{name}\" drop
            }}
        }}
        "
    )
}
