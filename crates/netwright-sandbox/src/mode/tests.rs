use std::net::IpAddr;

use super::*;

#[test]
fn addresses_that_others_can_reach_are_told_from_those_of_this_host() {
    assert!(is_global("fd000000000000000000000000000002 04 40 00 02     eth0"));
    assert!(!is_global("00000000000000000000000000000001 01 80 10 80       lo"));
    assert!(!is_global("fe8000000000000000fc00fffe000001 04 40 20 80     eth0"));
    assert!(!is_global(""));
}

#[test]
fn every_destination_has_a_way_inside_and_is_no_address_to_bind() {
    use std::net::UdpSocket;

    use netwright_confine::{Enclosure, EnclosureOptions, SocketRequest};
    use netwright_sys::protocol;

    let enclosure = Enclosure::create(&EnclosureOptions::default()).unwrap();
    let own = [crate::constants::OWN_IPV4.into(), crate::constants::OWN_IPV6.into()];
    let mut connection = enclosure.connection(protocol::ROUTE).unwrap();
    relay::configure(&enclosure, &mut connection, &own, true).unwrap();
    for (ipv6, elsewhere, own) in [
        (false, "192.0.2.9:9", IpAddr::V4(crate::constants::OWN_IPV4)),
        (true, "[2001:db8::9]:9", IpAddr::V6(crate::constants::OWN_IPV6)),
    ] {
        let elsewhere = elsewhere.parse().unwrap();
        let connected = SocketRequest { connect: Some(elsewhere), ..SocketRequest::udp(ipv6) };
        let socket = UdpSocket::from(enclosure.socket(&connected).unwrap());
        assert_eq!(socket.local_addr().unwrap().ip(), own);
        let bound = SocketRequest { bind: Some(elsewhere), ..SocketRequest::udp(ipv6) };
        let refused = enclosure.socket(&bound).unwrap_err();
        assert_eq!(refused.errno(), Some(netwright_wire::Errno::EADDRNOTAVAIL), "{refused}");
    }
}
