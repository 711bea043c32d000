use std::net::Ipv4Addr;

use netwright_netfilter::conntrack::{ConntrackAttrs, TupleAddressAttrs, TupleAttrs, TupleProtocolAttrs};

use super::*;

/// A TCP connection to a port, as conntrack tells of it after so many seconds.
fn entry(port: u16, timeout: u32) -> Conntrack {
    let addresses = TupleAddressAttrs::default()
        .source4(Ipv4Addr::from([192, 0, 2, 9]))
        .destination4(Ipv4Addr::from([192, 0, 2, 1]));
    let protocol =
        TupleProtocolAttrs::default().number(number::TCP).source_port(1024_u16).destination_port(port);
    let original = TupleAttrs::default().addresses(addresses).protocol(protocol);
    // The kernel numbers an entry that takes an earlier one's place anew.
    let attributes = ConntrackAttrs::default().original(original).timeout(timeout).id(timeout);
    Conntrack { family: Family::IPV4, attributes }
}

#[test]
fn a_flow_stays_the_same_while_its_time_passes() {
    let flow = |port, timeout| Flow::of(entry(port, timeout));
    let before = [flow(80, 431_999), flow(443, 120)];
    assert!(before.iter().all(Option::is_some));
    assert!(before.contains(&flow(80, 431_997)));
    assert!(before.contains(&flow(443, 7)));
    assert!(!before.contains(&flow(8080, 431_999)));
}

#[test]
fn flows_differ_by_protocol_and_both_ends() {
    let flow = Flow::of(entry(80, 1)).unwrap();
    let elsewhere = SocketAddr::from(([192, 0, 2, 7], 80));
    let others = [
        Flow { protocol: Protocol::Udp, ..flow.clone() },
        Flow { source: elsewhere, ..flow.clone() },
        Flow { destination: elsewhere, ..flow.clone() },
    ];
    assert!(others.iter().all(|other| *other != flow));
}
