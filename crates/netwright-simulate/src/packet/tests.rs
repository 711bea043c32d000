#![allow(clippy::unwrap_used)]

use super::*;

fn ip(protocol: u8, payload: &[u8]) -> Ip<'_> {
    let address = |text: &str| text.parse().unwrap();
    let head = Head { ttl: 63, class: 0xb8, identification: 7, fragment: None, behind: None };
    Ip { source: address("10.0.0.9"), destination: address("192.0.2.1"), protocol, head, payload }
}

fn ip6(protocol: u8, payload: &[u8]) -> Ip<'_> {
    let address = |text: &str| text.parse().unwrap();
    let head = Head { identification: 0, ..ip(protocol, payload).head };
    Ip { source: address("2001:db8::9"), destination: address("2001:db8::1"), head, protocol, payload }
}

#[test]
fn packets_survive_being_written_and_read() {
    for packet in [ip(protocol::TCP, b"abcdefgh"), ip6(protocol::UDP, b"abcdefgh"), ip(protocol::ICMP, b"")] {
        let bytes = packet.bytes();
        assert_eq!(Ip::parse(&bytes), Some(packet));
        // what Ethernet fills up with does not belong to the packet
        let padded = [&bytes[..], &[0; 12]].concat();
        assert_eq!(Ip::parse(&padded), Some(packet));
    }
    assert_eq!(checksum(&ip(protocol::TCP, b"").bytes()[..20]), 0);
}

#[test]
fn fragments_survive_being_written_and_read() {
    for packet in [ip(protocol::UDP, b"12345678"), ip6(protocol::UDP, b"12345678")] {
        for fragment in [(0, true), (8, true), (1480, false)] {
            let head = Head { fragment: Some(fragment), identification: 77, ..packet.head };
            let bytes = Ip { head, ..packet }.bytes();
            let read = Ip::parse(&bytes).unwrap();
            assert_eq!((read.head, read.payload, read.protocol), (head, packet.payload, protocol::UDP));
        }
    }
}

#[test]
fn reads_addresses_and_ports() {
    let tuple = ip(protocol::TCP, &[0xb1, 0x6e, 0, 80, 0, 0]).tuple().unwrap();
    assert_eq!((tuple.source, tuple.source_port), ("10.0.0.9".parse().unwrap(), 0xb16e));
    assert_eq!((tuple.destination, tuple.destination_port), ("192.0.2.1".parse().unwrap(), 80));
    assert_eq!(tuple.reversed().reversed(), tuple);
    assert_eq!(tuple.reversed().source_port, 80);
    let network = ip6(protocol::UDP, &[]).bytes();
    let tuple = Tuple::parse(&network, &[0, 53, 0, 54]).unwrap();
    assert_eq!(tuple.source, "2001:db8::9".parse::<IpAddr>().unwrap());
    assert_eq!((tuple.source_port, tuple.destination_port), (53, 54));
    assert_eq!(ip(47, b"x").tuple().map(|tuple| tuple.source_port), Some(0));
}

#[test]
fn answers_to_echo_requests_keep_the_identifier() {
    let request = icmp_message(icmp::ECHO, 0, 77, 1, b"x");
    let request = ip(protocol::ICMP, &request).tuple().unwrap();
    let reply = request.reversed();
    assert_eq!((reply.source_port, reply.destination_port), (77, icmp::ECHO_REPLY.into()));
    assert_eq!(reply.source, request.destination);
    let tuple = |kind| ip6(protocol::ICMPV6, &icmp_message(kind, 0, 0, 0, &[])).tuple().unwrap();
    assert!(tuple(135).is_neighbour_discovery());
    assert!(!tuple(icmp::ECHO_V6).is_neighbour_discovery());
}

#[test]
fn errors_have_the_packet_that_they_are_about() {
    let about = ip(protocol::UDP, &[0, 53, 0, 54, 0, 8, 0, 0]);
    let message = icmp_message(icmp::UNREACHABLE, 13, 0, 0, &about.bytes());
    let error = ip(protocol::ICMP, &message);
    let (kind, code, inner) = error.refused().unwrap();
    assert_eq!((kind, code, inner.tuple()), (3, 13, about.tuple()));
    let echo = icmp_message(icmp::ECHO, 0, 0, 0, &about.bytes());
    assert_eq!(ip(protocol::ICMP, &echo).refused(), None);
    assert_eq!(ip(protocol::UDP, &message).refused(), None);
}

#[test]
fn survives_what_is_cut_off() {
    for packet in [ip(protocol::TCP, &[0, 1, 0, 2]), ip6(protocol::TCP, &[0, 1, 0, 2])] {
        let bytes = packet.bytes();
        for length in 0..bytes.len() {
            let read = Ip::parse(&bytes[..length]);
            assert!(read.is_none_or(|read| read.tuple().is_none()), "{length}");
        }
    }
    assert_eq!(Ip::parse(&[0x50; 40]), None);
    let mut endless = ip6(protocol::HOP_BY_HOP, &[0; 8]).bytes();
    endless.truncate(47);
    assert_eq!(Ip::parse(&endless), None);
}

/// The sum over a message with its checksum is zero (RFC 1071), for odd lengths too.
#[test]
fn checksums_are_right() {
    for payload in [&b""[..], b"a", b"ab", &[0xff; 33]] {
        let mut message = icmp_message(icmp::ECHO, 0, 0xfffe, 0xfffd, payload);
        seal(IpAddr::from([0; 4]), IpAddr::from([0; 4]), protocol::ICMP, &mut message);
        assert_eq!(checksum(&message), 0, "{payload:?}");
    }
    // RFC 768 by hand: 10.0.0.9:53 → 192.0.2.1:54, "ab"
    let mut datagram = udp_datagram(53, 54, b"ab");
    let (source, destination) = (IpAddr::from([10, 0, 0, 9]), IpAddr::from([192, 0, 2, 1]));
    seal(source, destination, protocol::UDP, &mut datagram);
    let pseudo = [&[10, 0, 0, 9, 192, 0, 2, 1, 0, 17, 0, 10][..], &datagram].concat();
    assert_eq!(checksum(&pseudo), 0);
}
