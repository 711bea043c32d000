//! Making and deleting many objects of rtnetlink. The floor is the same requests, encoded before.

use std::net::IpAddr;

use netwright_route::link::{Change, Create, Peer as VethPeer};
use netwright_route::{Add, Address, Delete};
use netwright_sys::{Connection, Socket, protocol};
use netwright_wire::{Acknowledged, MessageFlags, Writer};

use crate::floor::measure_send;
use crate::measure::{Measured, input, measure, measure_tool};
use crate::routes::{BURST, LINK, add, link, routes};
use crate::sets::address;
use crate::{Peer, Result, Workload};

/// Deleting routes to single addresses.
pub(crate) const DELETE_ROUTES: Workload = Workload {
    name: "route-delete",
    sizes: &[10_000, 100_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |count| delete_routes(count, By::Floor) },
        Peer { name: "netwright", tool: None, run: |count| delete_routes(count, By::Netwright) },
        Peer { name: "ip -batch", tool: Some("ip"), run: delete_routes_by_ip },
    ],
};

/// Adding addresses to one link.
pub(crate) const ADDRESSES: Workload = Workload {
    name: "address-add",
    sizes: &[1_000, 10_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |count| add_addresses(count, By::Floor) },
        Peer { name: "netwright", tool: None, run: |count| add_addresses(count, By::Netwright) },
        Peer { name: "ip -batch", tool: Some("ip"), run: add_addresses_by_ip },
    ],
};

/// Making pairs of veths.
pub(crate) const VETHS: Workload = Workload {
    name: "veth-add",
    sizes: &[100, 1_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |count| make_veths(count, By::Floor) },
        Peer { name: "netwright", tool: None, run: |count| make_veths(count, By::Netwright) },
        Peer { name: "ip -batch", tool: Some("ip"), run: make_veths_by_ip },
    ],
};

/// Who sends the requests.
#[derive(Clone, Copy)]
enum By {
    /// The floor, encoded before.
    Floor,
    Netwright,
}

impl By {
    fn send<R: Acknowledged>(self, connection: &mut Connection, requests: Vec<R>) -> Result<Measured> {
        if let By::Netwright = self {
            let (measured, failures) = measure(|| Ok(connection.send_many(requests)?))?;
            return match failures.first() {
                None => Ok(measured),
                Some(failure) => Err(failure.error.to_string().into()),
            };
        }
        let bursts: Vec<Vec<u8>> = requests.chunks(BURST).map(encoded).collect();
        let socket = Socket::open(protocol::ROUTE)?;
        socket.reserve_send(bursts.iter().map(Vec::len).max().unwrap_or_default())?;
        measure_send(&socket, bursts.iter().map(Vec::as_slice))
    }
}

fn encoded<R: Acknowledged>(requests: &[R]) -> Vec<u8> {
    let mut writer = Writer::new();
    for (number, request) in (1..).zip(requests) {
        let flags = request.flags() | MessageFlags::REQUEST;
        let mark = writer.begin_message(request.kind(), flags, number);
        request.write(&mut writer);
        writer.end_message(mark);
    }
    writer.bytes().to_vec()
}

fn delete_routes(count: usize, by: By) -> Result<Measured> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let link = link(&mut connection)?;
    let routes = routes(count, link);
    add(&mut connection, &routes)?;
    by.send(&mut connection, routes.iter().map(Delete).collect())
}

fn delete_routes_by_ip(count: usize) -> Result<Measured> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let link = link(&mut connection)?;
    add(&mut connection, &routes(count, link))?;
    let line = |index| format!("route del {}/32 via 172.31.0.2 dev {LINK}\n", address(index));
    measure_tool("ip", &["-batch", &input(&(0..count).map(line).collect::<String>())?])
}

fn add_addresses(count: usize, by: By) -> Result<Measured> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let link = link(&mut connection)?;
    let address = |index| Address::new(IpAddr::V4(address(index)), 32).on(link);
    let addresses: Vec<Address> = (0..count).map(address).collect();
    by.send(&mut connection, addresses.iter().map(Add).collect())
}

fn add_addresses_by_ip(count: usize) -> Result<Measured> {
    link(&mut Connection::open(protocol::ROUTE)?)?;
    let line = |index| format!("addr add {}/32 dev {LINK}\n", address(index));
    measure_tool("ip", &["-batch", &input(&(0..count).map(line).collect::<String>())?])
}

fn make_veths(count: usize, by: By) -> Result<Measured> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    let named = |index| (format!("a{index}"), Change::rename(format!("b{index}")));
    let names: Vec<(String, Change)> = (0..count).map(named).collect();
    let veths = names.iter().map(|(name, peer)| Create::veth(name, VethPeer::new(peer)));
    by.send(&mut connection, veths.collect())
}

fn make_veths_by_ip(count: usize) -> Result<Measured> {
    let line = |index| format!("link add a{index} type veth peer name b{index}\n");
    measure_tool("ip", &["-batch", &input(&(0..count).map(line).collect::<String>())?])
}
