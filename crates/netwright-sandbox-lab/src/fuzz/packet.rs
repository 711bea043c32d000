//! Packets of a command, as the filter logs them, and what the relay answers.

use netwright_sandbox::relay::{Dry, Packet, of_packet};

pub(super) fn run(data: &[u8]) {
    if let Some(dry) = of_packet(data) {
        check(&dry, Packet::read(data));
    }
}

/// An answer is a packet itself, and goes back to where the one came from that it answers: the relay can be made to send nothing to others.
pub(super) fn check(dry: &Dry, packet: Option<Packet<'_>>) {
    for answer in &dry.answers {
        let answer = Packet::read(answer);
        assert!(answer.is_some(), "what is answered is a packet");
        let Some(answer) = answer else { continue };
        let Some(packet) = packet else { continue };
        let ends = (answer.source().ip(), answer.destination().ip());
        assert_eq!(ends, (packet.destination().ip(), packet.source().ip()));
    }
    if let (Some(sent_on), Some(packet)) = (Packet::read(&dry.sent_on), packet) {
        assert_eq!((sent_on.source(), sent_on.destination()), (packet.source(), packet.destination()));
    }
}

/// A packet of each protocol and family.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let tcp = [&[0x80, 1, 1, 0xbb][..], &[0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0]].concat();
    let udp = [&[0x80, 1, 0x13, 0x88, 0, 9, 0, 0][..], b"x"].concat();
    let echo = [8, 0, 0, 0, 0, 7, 0, 1];
    let echo_v6 = [128, 0, 0, 0, 0, 7, 0, 1];
    let payloads: [(u8, &[u8]); 5] = [(6, &tcp), (17, &udp), (1, &echo), (58, &echo_v6), (132, &tcp)];
    let ipv4 = |(protocol, payload): (u8, &[u8])| {
        let length = (20 + payload.len()) as u16;
        let head = [&[0x45, 0], &length.to_be_bytes()[..], &[0, 1, 0, 0, 64, protocol, 0, 0]].concat();
        [head.as_slice(), &[192, 0, 0, 2], &[203, 0, 113, 66], payload].concat()
    };
    let ipv6 = |(protocol, payload): (u8, &[u8])| {
        let length = (payload.len() as u16).to_be_bytes();
        let (mut source, mut destination) = ([0; 16], [0; 16]);
        source[..2].copy_from_slice(&[0xfd, 0x6e]);
        destination[..2].copy_from_slice(&[0x20, 1]);
        [&[0x60, 0, 0, 0][..], &length, &[protocol, 64], &source, &destination, payload].concat()
    };
    payloads.into_iter().flat_map(|payload| [ipv4(payload), ipv6(payload)]).collect()
}
