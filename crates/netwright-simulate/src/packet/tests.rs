use super::*;

/// The first bytes of an IPv4 header.
fn ipv4(protocol: u8) -> Vec<u8> {
    let mut header = vec![0x45, 0, 0, 60, 0, 0, 0, 0, 64, protocol, 0, 0];
    header.extend([10, 0, 0, 9, 192, 0, 2, 1]);
    header
}

fn ipv6(next: u8) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0, 0, 20, next, 64];
    header.extend("2001:db8::9".parse::<Ipv6Addr>().unwrap().octets());
    header.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    header
}

#[test]
fn reads_addresses_and_ports() {
    let tuple = Tuple::parse(&ipv4(protocol::TCP), &[0xb1, 0x6e, 0, 80, 0, 0]).unwrap();
    assert_eq!((tuple.source, tuple.source_port), ("10.0.0.9".parse().unwrap(), 0xb16e));
    assert_eq!((tuple.destination, tuple.destination_port), ("192.0.2.1".parse().unwrap(), 80));
    assert_eq!(tuple.reversed().reversed(), tuple);
    assert_eq!(tuple.reversed().source_port, 80);
    let tuple = Tuple::parse(&ipv6(protocol::UDP), &[0, 53, 0, 54]).unwrap();
    assert_eq!(tuple.source, "2001:db8::9".parse::<IpAddr>().unwrap());
    assert_eq!((tuple.source_port, tuple.destination_port), (53, 54));
}

#[test]
fn answers_to_echo_requests_keep_the_identifier() {
    let request = Tuple::parse(&ipv4(protocol::ICMP), &icmp_message(icmp::ECHO, 77, 1, b"x")).unwrap();
    let reply = request.reversed();
    assert_eq!((reply.source_port, reply.destination_port), (77, icmp::ECHO_REPLY.into()));
    assert_eq!(reply.source, request.destination);
    let solicitation = Tuple::parse(&ipv6(protocol::ICMPV6), &icmp_message(135, 0, 0, &[])).unwrap();
    assert!(solicitation.is_neighbour_discovery());
    let request = Tuple::parse(&ipv6(protocol::ICMPV6), &icmp_message(icmp::ECHO_V6, 0, 0, &[])).unwrap();
    assert!(!request.is_neighbour_discovery());
}

#[test]
fn survives_what_is_cut_off() {
    let (network, transport) = (ipv4(protocol::TCP), [0, 1, 0, 2]);
    for length in 0..network.len() {
        assert_eq!(Tuple::parse(&network[..length], &transport), None);
    }
    for length in 0..4 {
        assert_eq!(Tuple::parse(&network, &transport[..length]), None);
    }
    for length in 0..20 {
        assert_eq!(ipv4_destination(&network[..length]), None);
    }
    assert_eq!(behind_ipv4(&[]), None);
    assert_eq!(behind_ipv4(&[0x4f; 20]), None);
    assert_eq!(Tuple::parse(&[0x50; 40], &transport), None);
}

/// The sum over a message with its checksum is zero (RFC 1071), for odd lengths too.
#[test]
fn checksums_are_right() {
    for payload in [&b""[..], b"a", b"ab", &[0xff; 33]] {
        let message = icmp_message(icmp::ECHO, 0xfffe, 0xfffd, payload);
        assert_eq!(checksum(&message), 0, "{payload:?}");
        assert_eq!(message.len(), ICMP_HEADER + payload.len());
    }
}

#[test]
fn errors_have_names() {
    let name = |ipv6, kind, code| ErrorName { ipv6, kind, code }.to_string();
    assert_eq!(name(false, 3, 13), "administratively prohibited");
    assert_eq!(name(true, 1, 0), "no route");
    assert_eq!(name(true, 99, 7), "icmpv6 type 99 code 7");
}
