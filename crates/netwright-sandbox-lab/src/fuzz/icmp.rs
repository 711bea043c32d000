//! What a network says to echo requests that wait for replies: messages, and ICMP errors about them.

use netwright_sandbox::relay::{Heard, Packet, of_heard};

/// The identifier of requests through raw sockets.
const IDENTIFIER: u16 = 0x6e77;
/// So many requests wait.
const REQUESTS: u16 = 3;

/// The lowest bits of the first byte are the family and the kind of socket. Of what follows, each message has its length in front, and a length of 0 stands
/// before the type and code of an error.
pub(super) fn run(data: &[u8]) {
    let Some((&kind, mut rest)) = data.split_first() else { return };
    let (ipv6, raw) = (kind & 1 != 0, (kind & 2 != 0).then_some(IDENTIFIER));
    let request = request(ipv6);
    let Some(packet) = Packet::read(&request) else { return };
    let mut heard = Vec::new();
    while let Some((&length, behind)) = rest.split_first() {
        rest = match (length, behind) {
            (0, [kind, code, behind @ ..]) => {
                heard.push(Heard::Error(*kind, *code));
                behind
            }
            _ => {
                let (message, behind) = behind.split_at(usize::from(length).min(behind.len()));
                heard.push(Heard::Message(message));
                behind
            }
        };
    }
    let answers = of_heard(&packet, REQUESTS, raw, &heard);
    assert!(answers.len() <= usize::from(REQUESTS).min(heard.len()), "a request is answered once");
    for answer in answers {
        let read = Packet::read(&answer).expect("what is answered is a packet");
        assert_eq!(
            (read.source().ip(), read.destination().ip()),
            (packet.destination().ip(), packet.source().ip())
        );
        // No byte of the network's comes in, but the type and code of an error: what is sent is the request's own.
        let header = if ipv6 { 40 } else { 20 };
        let body = answer.get(header..).unwrap_or_default();
        let reply = if ipv6 { 129 } else { 0 };
        let is_reply = body.first() == Some(&reply) && body.get(4..) == request.get(header + 4..);
        let is_error = body.get(8..) == Some(request.as_slice());
        assert!(is_reply || is_error, "{answer:?}");
    }
}

/// A request of a command.
fn request(ipv6: bool) -> Vec<u8> {
    let echo = [if ipv6 { 128 } else { 8 }, 0, 0, 0, 0, 7, 0, 1, b'x', b'y'];
    match ipv6 {
        false => {
            let head = [0x45, 0, 0, 20 + echo.len() as u8, 0, 1, 0, 0, 64, 1, 0, 0];
            [head.as_slice(), &[192, 0, 0, 2], &[203, 0, 113, 66], &echo].concat()
        }
        true => {
            let (mut source, mut destination) = ([0; 16], [0; 16]);
            source[..2].copy_from_slice(&[0xfd, 0x6e]);
            destination[..2].copy_from_slice(&[0x20, 1]);
            [&[0x60, 0, 0, 0, 0, echo.len() as u8, 58, 64][..], &source, &destination, &echo].concat()
        }
    }
}

/// Replies and errors to all kinds of requests.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let message = |bytes: &[u8]| [&[bytes.len() as u8][..], bytes].concat();
    let of_kind = |kind: u8| {
        let ipv6 = kind & 1 != 0;
        let identifier = IDENTIFIER.to_be_bytes();
        let reply = |sequence: u8| {
            let echo =
                [&[if ipv6 { 129 } else { 0 }, 0, 0, 0][..], &identifier, &[0, sequence], b"other"].concat();
            // raw sockets of IPv4 get the header
            let header: &[u8] = if kind == 2 { &[0x45; 20] } else { &[] };
            message(&[header, &echo].concat())
        };
        let error: [u8; 3] = if ipv6 { [0, 1, 4] } else { [0, 3, 3] };
        let options = message(&[&[0x4f; 60][..], &[0, 0, 0, 0, 0x6e, 0x77, 0, 2]].concat());
        [
            [&[kind][..], &reply(1), &reply(2)].concat(),
            [&[kind][..], &reply(3), &reply(3), &error].concat(),
            [&[kind][..], &error, &error, &error, &error, &reply(1)].concat(),
            [&[kind][..], &options, &message(&[0x4f]), &reply(9)].concat(),
        ]
    };
    (0..4).flat_map(of_kind).collect()
}
