//! A network of its own for some processes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use common::{Address, Link, Links, SetUp, tables};
use netwright_sys::{Enclosure, EnclosureOptions, Outcome, SocketRequest, protocol};

fn enclosure() -> Enclosure {
    Enclosure::create(&EnclosureOptions::default())
        .unwrap_or_else(|error| panic!("{error}. {:?}", error.help()))
}

#[test]
fn the_inside_is_configured_from_outside() {
    let enclosure = enclosure();
    let mut route = enclosure.connection(protocol::ROUTE).unwrap();
    assert_eq!(route.dump_all(&Links).unwrap().first().map(String::as_str), Some("lo"));
    let loopback = route.query(&Link("lo")).unwrap();
    route.acknowledge(&SetUp(loopback, true)).unwrap();
    route.acknowledge(&Address { address: Ipv4Addr::new(192, 0, 2, 1), add: true }).unwrap();
    let mut netfilter = enclosure.connection(protocol::NETFILTER).unwrap();
    let (batch, count) = tables(["inside"], false);
    let outcome = netfilter.transact(&batch, count, |_, _| ()).unwrap();
    assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
    let group = rustix::process::getegid(); // only groups that exist inside can be written
    enclosure.write_sysctl("net/ipv4/ping_group_range", &format!("{group} {group}")).unwrap();

    let listener = SocketRequest {
        transparent: true,
        bind: Some(SocketAddr::from(([192, 0, 2, 1], 80))),
        listen: Some(5),
        ..SocketRequest::tcp(false)
    };
    let listener = TcpListener::from(enclosure.socket(&listener).unwrap());
    let client = SocketRequest { connect: Some(listener.local_addr().unwrap()), ..SocketRequest::tcp(false) };
    let client = TcpStream::from(enclosure.socket(&client).unwrap());
    let (accepted, from) = listener.accept().unwrap();
    assert_eq!(client.local_addr().unwrap(), from);
    drop(accepted);
}
