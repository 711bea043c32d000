#![allow(clippy::unwrap_used)]

use super::*;

fn ends() -> (SocketAddr, SocketAddr) {
    ("10.0.0.9:4000".parse().unwrap(), "192.0.2.1:80".parse().unwrap())
}

/// What one side says is taken by the other until nobody has anything to say.
fn talk(client: &mut Side, first: &Segment, awaits: usize, say: &[u8]) -> Side {
    let (own, other) = ends();
    let (mut server, answer) = Side::server(other, own, first, awaits, say);
    let mut to_client = vec![answer];
    for _ in 0..10 {
        let to_server: Vec<Segment> = to_client.iter().flat_map(|segment| client.take(segment)).collect();
        to_client = to_server.iter().flat_map(|segment| server.take(segment)).collect();
    }
    assert!(to_client.is_empty());
    server
}

#[test]
fn both_sides_hear_each_other() {
    let (own, other) = ends();
    let (mut client, first) = Side::client(own, other, u32::MAX - 2, b"question");
    assert_eq!(Segment::parse(&first.bytes()), Some(first.clone()));
    let server = talk(&mut client, &first, 8, b"answer");
    assert_eq!((server.heard.as_slice(), client.heard.as_slice()), (&b"question"[..], &b"answer"[..]));
    assert_eq!((server.state, client.state), (State::Open, State::Open));
}

#[test]
fn a_reset_ends_it() {
    let (own, other) = ends();
    let (mut client, first) = Side::client(own, other, 1, b"question");
    let (server, _) = Side::server(other, own, &first, 8, b"answer");
    assert!(client.take(&server.segment(flags::RST, Vec::new())).is_empty());
    assert_eq!(client.state, State::Reset);
}

/// A proxy that answers for a server says first that it can take nothing yet.
#[test]
fn nothing_is_said_into_a_closed_window() {
    let (own, other) = ends();
    let (mut client, first) = Side::client(own, other, 1, b"question");
    let (_, answer) = Side::server(other, own, &first, 8, b"answer");
    let out = client.take(&Segment { window: 0, ..answer.clone() });
    assert_eq!(out.iter().map(|segment| segment.payload.len()).collect::<Vec<_>>(), [0]);
    let open = Segment {
        sequence: answer.sequence.wrapping_add(1),
        acknowledged: 2,
        flags: flags::ACK,
        window: 1000,
        ..answer
    };
    let out = client.take(&open);
    assert_eq!(out.iter().map(|segment| segment.payload.as_slice()).collect::<Vec<_>>(), [b"question"]);
}
