use super::*;

/// A SYN from 192.0.0.2:40000 to 198.51.100.7:443 with a timestamp option and no checksum.
fn syn_ipv4() -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 52, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 0, 2, 198, 51, 100, 7];
    packet.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0, 0x03, 0xe8, 0, 0, 0, 0, 0x80, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend([8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1]);
    packet
}

/// The same over IPv6, with an empty hop-by-hop header before it.
fn syn_ipv6() -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 40, 0, 64];
    packet.extend("fd00::2".parse::<Ipv6Addr>().unwrap().octets());
    packet.extend("2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
    packet.extend([6, 0, 1, 4, 0, 0, 0, 0]);
    packet.extend(&syn_ipv4()[20..]);
    packet
}

fn echo_ipv4(payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28 + payload.len() as u8, 0, 1, 0x40, 0, 64, 1, 0, 0];
    packet.extend([192, 0, 0, 2, 198, 51, 100, 7, 8, 0, 0, 0, 0x12, 0x34, 0, 9]);
    packet.extend(payload);
    packet
}

/// Over a message with its checksum in place, the sum is zero.
fn sums_up(packet: &Packet<'_>) -> bool {
    let message = packet.transport().unwrap();
    match packet.protocol {
        number::ICMP => checksum::of(message) == 0,
        protocol => checksum::with_addresses(packet.source, packet.destination, protocol, message) == 0,
    }
}

#[test]
fn headers_of_both_families_are_read() {
    for (bytes, source, destination) in [
        (syn_ipv4(), "192.0.0.2:40000", "198.51.100.7:443"),
        (syn_ipv6(), "[fd00::2]:40000", "[2001:db8::7]:443"),
    ] {
        let packet = Packet::read(&bytes).unwrap();
        assert_eq!(packet.source(), source.parse().unwrap());
        assert_eq!(packet.destination(), destination.parse().unwrap());
        assert_eq!(packet.protocol(), Some(Protocol::Tcp));
        assert!(!packet.is_cut());
        let segment = packet.segment().unwrap();
        assert!(segment.opens());
        assert_eq!((segment.sequence, segment.payload), (1000, 0));
    }
}

#[test]
fn no_beginning_of_a_packet_is_too_short() {
    for bytes in [syn_ipv4(), syn_ipv6(), echo_ipv4(b"payload")] {
        for end in 0..bytes.len() {
            if let Some(packet) = Packet::read(&bytes[..end]) {
                assert!(packet.is_cut());
                let _ = (packet.source(), packet.destination(), packet.protocol(), packet.reset());
                let _ = (packet.echo_reply(), packet.completed());
                packet.error(Unreachable::Port.message(false));
            }
        }
    }
    assert_eq!(Packet::read(&[0x41; 40]).map(|packet| packet.source()), None, "a header of 4 bytes");
    assert_eq!(Packet::read(&[0x55; 40]).map(|packet| packet.source()), None, "version 5");
}

#[test]
fn later_fragments_have_no_ports() {
    let mut bytes = syn_ipv4();
    bytes[7] = 1;
    let packet = Packet::read(&bytes).unwrap();
    assert_eq!(packet.destination().port(), 0);
    assert_eq!(packet.segment(), None);
    let mut bytes = syn_ipv6();
    (bytes[6], bytes[42]) = (44, 0xff);
    let packet = Packet::read(&bytes).unwrap();
    assert_eq!((packet.protocol_number(), packet.source().port()), (number::TCP, 0));
}

#[test]
fn checksums_are_completed() {
    // The example of RFC 1071, section 3: the sum is ddf2, of which this is the complement.
    assert_eq!(checksum::of(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7]), 0x220d);
    for bytes in [syn_ipv4(), syn_ipv6()] {
        let whole = Packet::read(&bytes).unwrap().completed();
        assert!(sums_up(&Packet::read(&whole).unwrap()));
    }
}

#[test]
fn a_reset_acknowledges_what_it_refuses() {
    for bytes in [syn_ipv4(), syn_ipv6()] {
        let packet = Packet::read(&bytes).unwrap();
        let reset = packet.reset().unwrap();
        let reset = Packet::read(&reset).unwrap();
        assert_eq!((reset.source(), reset.destination()), (packet.destination(), packet.source()));
        assert!(sums_up(&reset));
        let segment = reset.segment().unwrap();
        assert_eq!((segment.flags, segment.acknowledgement), (flag::RST | flag::ACK, 1001));
        assert_eq!(reset.reset(), None, "nothing answers a reset");
    }
}

#[test]
fn a_segment_that_acknowledges_is_reset_at_that_number() {
    let mut bytes = syn_ipv4();
    bytes[28..32].copy_from_slice(&77u32.to_be_bytes());
    bytes[33] = flag::ACK;
    let reset = Packet::read(&bytes).unwrap().reset().unwrap();
    let segment = Packet::read(&reset).unwrap().segment().unwrap();
    assert_eq!((segment.flags, segment.sequence), (flag::RST, 77));
}

#[test]
fn errors_quote_the_packet() {
    for (bytes, ipv6, message) in [(syn_ipv4(), false, (3, 1)), (syn_ipv6(), true, (1, 3))] {
        let packet = Packet::read(&bytes).unwrap();
        let error = packet.error(Unreachable::Host.message(ipv6));
        let error = Packet::read(&error).unwrap();
        assert!(sums_up(&error));
        assert_eq!((error.source().ip(), error.destination().ip()), (packet.destination, packet.source));
        let sent = error.transport().unwrap();
        assert_eq!((sent[0], sent[1]), message);
        assert_eq!(&sent[8..], bytes);
    }
    let long = Packet::read(&echo_ipv4(&[0; 200])).unwrap().error(Unreachable::Port.message(false));
    assert_eq!(long.len(), 256);
    let mut longer = syn_ipv6();
    longer.resize(3000, 0);
    assert_eq!(Packet::read(&longer).unwrap().error(Unreachable::Port.message(true)).len(), 1280);
}

#[test]
fn an_echo_is_answered_with_its_payload() {
    let bytes = echo_ipv4(b"payloads");
    let packet = Packet::read(&bytes).unwrap();
    assert_eq!(packet.protocol(), Some(Protocol::Icmp));
    assert_eq!(packet.source().port(), 0x1234);
    let reply = packet.echo_reply().unwrap();
    let reply = Packet::read(&reply).unwrap();
    assert!(sums_up(&reply));
    assert_eq!(reply.transport().unwrap()[4..], bytes[24..]);
    assert_eq!((reply.transport().unwrap()[0], reply.protocol()), (0, None));
}

#[test]
fn the_start_of_a_datagram_says_its_length() {
    for (source, destination) in
        [("192.0.0.2:5000", "198.51.100.7:53"), ("[fd00::2]:5000", "[2001:db8::7]:53")]
    {
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        let start = datagram_start(source, destination, 512);
        let packet = Packet::read(&start).unwrap();
        assert_eq!((packet.source(), packet.destination()), (source, destination));
        assert!(packet.is_cut());
        assert_eq!(packet.length - start.len(), 512);
    }
}
