//! Adding and listing routes to single addresses.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

use netwright_route::link::{Change, Create, Get, Peer as VethPeer, Set};
use netwright_route::{Add, Address, Family, LinkId, Prefix, Route, Table, route};
use netwright_sys::{Connection, Socket, protocol};
use netwright_wire::{MessageFlags, Native, Writer};

use crate::floor::{measure_dump, measure_send};
use crate::measure::{Measured, input, measure, measure_tool};
use crate::sets::address;
use crate::{Peer, Result, Workload};

/// Adding.
pub(crate) const ADD: Workload = Workload {
    name: "route-add",
    sizes: &[10_000, 100_000, 1_000_000],
    peers: &[
        Peer { name: "floor", tool: None, run: add_floor },
        Peer { name: "netwright", tool: None, run: add_netwright },
        Peer { name: "ip -batch", tool: Some("ip"), run: add_ip },
    ],
};

/// Listing the main table.
pub(crate) const DUMP: Workload = Workload {
    name: "route-dump",
    sizes: &[10_000, 100_000, 1_000_000],
    peers: &[
        Peer { name: "floor", tool: None, run: dump_floor },
        Peer { name: "netwright, in place", tool: None, run: dump_in_place },
        Peer { name: "netwright, collected", tool: None, run: dump_collected },
        Peer { name: "netwright list routes", tool: Some("netwright"), run: dump_command },
        Peer { name: "ip route", tool: Some("ip"), run: dump_ip },
    ],
};

const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
pub(crate) const LINK: &str = "v0";
const GATEWAY: [u8; 4] = [172, 31, 0, 2];
/// `struct rtmsg` of a unicast route of the main table made at boot, and of a question for the main table.
const ROUTE: [u8; 12] = [2, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
const MAIN_TABLE: [u8; 12] = [2, 0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0];
/// Messages per system call. More gain nothing.
pub(crate) const BURST: usize = 1024;

/// A link with a gateway behind it. It has no IPv6, of which the kernel would add routes by itself some time after the link came up,
/// among those that are counted.
pub(crate) fn link(connection: &mut Connection) -> Result<LinkId> {
    const NO_IPV6: &str = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    if Path::new(NO_IPV6).exists() {
        std::fs::write(NO_IPV6, "1").map_err(|e| format!("{NO_IPV6}: {e}"))?;
    }
    connection.acknowledge(&Create::veth(LINK, VethPeer::new(&Change::rename("v1"))))?;
    for name in ["v1", LINK] {
        let link = connection.query(&Get::by_name(name))?;
        connection.acknowledge(&Set { link: LinkId::named(link.index, name), change: &Change::up() })?;
    }
    let link = LinkId::named(connection.query(&Get::by_name(LINK))?.index, LINK);
    connection.acknowledge(&Add(&"172.31.0.1/24".parse::<Address>()?.on(link)))?;
    Ok(link)
}

fn add_floor(count: usize) -> Result<Measured> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let link = link(&mut connection)?;
    let bursts: Vec<Vec<u8>> =
        (0..count).step_by(BURST).map(|start| burst(start..count.min(start + BURST), link)).collect();
    let socket = Socket::open(protocol::ROUTE)?;
    socket.reserve_send(BURST * 64)?;
    measure_send(&socket, bursts.iter().map(Vec::as_slice))
}

fn burst(range: std::ops::Range<usize>, link: LinkId) -> Vec<u8> {
    let mut writer = Writer::new();
    let flags = MessageFlags::REQUEST | MessageFlags::CREATE | MessageFlags::EXCLUSIVE;
    for index in range {
        let mark = writer.begin_message(NEW_ROUTE, flags, index as u32 + 1);
        writer.push(&ROUTE);
        writer.bytes_attribute(1, &address(index).octets());
        writer.bytes_attribute(5, &GATEWAY);
        writer.attribute::<Native, u32>(4, &link.index);
        writer.end_message(mark);
    }
    writer.bytes().to_vec()
}

pub(crate) fn routes(count: usize, link: LinkId) -> Vec<Route> {
    let to = |index| Prefix::host(IpAddr::V4(address(index)));
    (0..count).map(|index| Route::to(to(index)).via(GATEWAY.into()).dev(link)).collect()
}

pub(crate) fn add(connection: &mut Connection, routes: &[Route]) -> Result<()> {
    let requests: Vec<Add<'_, Route>> = routes.iter().map(Add).collect();
    match connection.send_many(&requests)?.first() {
        None => Ok(()),
        Some(failure) => Err(failure.error.to_string().into()),
    }
}

fn add_netwright(count: usize) -> Result<Measured> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let link = link(&mut connection)?;
    let routes = routes(count, link);
    Ok(measure(|| add(&mut connection, &routes))?.0)
}

fn add_ip(count: usize) -> Result<Measured> {
    link(&mut Connection::open(protocol::ROUTE)?)?;
    let line = |index| format!("route add {}/32 via 172.31.0.2 dev {LINK}\n", address(index));
    let file = input(&(0..count).map(line).collect::<String>())?;
    measure_tool("ip", &["-batch", &file])
}

/// A connection to a main table with so many routes and that of its link's network.
fn filled(count: usize) -> Result<Connection> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let link = link(&mut connection)?;
    add(&mut connection, &routes(count, link))?;
    Ok(connection)
}

fn dump_floor(count: usize) -> Result<Measured> {
    filled(count)?;
    let mut writer = Writer::new();
    let mark = writer.begin_message(GET_ROUTE, MessageFlags::REQUEST | MessageFlags::DUMP, 1);
    writer.push(&MAIN_TABLE);
    writer.attribute::<Native, u32>(15, &u32::from(MAIN_TABLE[4]));
    writer.end_message(mark);
    let (measured, bytes) = measure_dump(&Socket::open(protocol::ROUTE)?, writer.bytes())?;
    // A route is never less than a header, a struct and two attributes.
    match bytes >= count * (16 + 12 + 2 * 8) {
        true => Ok(measured),
        false => Err(format!("{count} routes in {bytes} bytes cannot be").into()),
    }
}

fn main_table() -> route::List {
    route::List { family: Family::IPV4, ..route::List::of_table(Table::MAIN) }
}

fn dump_in_place(count: usize) -> Result<Measured> {
    let mut connection = filled(count)?;
    let (measured, seen) = measure(|| {
        let (mut seen, mut sum) = (0_usize, 0_u32);
        connection.dump(&main_table(), |route| {
            let bits = |address| if let Some(IpAddr::V4(address)) = address { address.to_bits() } else { 0 };
            sum = sum.wrapping_add(bits(Some(route.destination()?.address)) ^ bits(route.gateway()?));
            sum ^= route.attributes.outgoing()?.unwrap_or(0);
            seen += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        std::hint::black_box(sum);
        Ok(seen)
    })?;
    complete(measured, count, seen)
}

fn dump_collected(count: usize) -> Result<Measured> {
    let mut connection = filled(count)?;
    let (measured, routes) = measure(|| Ok(connection.dump_all(&main_table())?))?;
    complete(measured, count, routes.len())
}

/// All of the routes and that of the link's network must have come.
fn complete(measured: Measured, count: usize, seen: usize) -> Result<Measured> {
    match seen == count + 1 {
        true => Ok(measured),
        false => Err(format!("{seen} routes came, and there are {}", count + 1).into()),
    }
}

fn dump_command(count: usize) -> Result<Measured> {
    filled(count)?;
    measure_tool("netwright", &["list", "routes"])
}

fn dump_ip(count: usize) -> Result<Measured> {
    filled(count)?;
    measure_tool("ip", &["-4", "route", "show", "table", "main"])
}
