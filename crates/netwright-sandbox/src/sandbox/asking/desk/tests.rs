use std::time::SystemTime;

use super::*;
use crate::Action;

fn held(protocol: Protocol, port: u16, packet: &[u8]) -> Held {
    let destination: SocketAddr = "192.0.2.9:443".parse().unwrap();
    let event = Event {
        time: SystemTime::UNIX_EPOCH,
        action: Action::Blocked,
        process: None,
        name: None,
        address: Some(destination.ip()),
        port: Some(destination.port()),
        protocol: Some(protocol),
        reason: String::new(),
    };
    let source = SocketAddr::new("192.0.0.2".parse().unwrap(), port);
    Held { flow: Flow { protocol, source, destination }, packet: packet.to_vec(), event }
}

fn rule(text: &str) -> Rule {
    text.parse().unwrap()
}

#[test]
fn flows_of_one_rule_are_one_question() {
    let (mut desk, now) = (Desk::default(), Instant::now());
    for port in 1..=3 {
        assert!(desk.hold(rule("192.0.2.9:443/tcp"), held(Protocol::Tcp, port, b"syn")).is_none());
    }
    assert!(desk.hold(rule("192.0.2.9:443/udp"), held(Protocol::Udp, 1, b"data")).is_none());
    let first = desk.next().unwrap();
    assert_eq!(first.rule, rule("192.0.2.9:443/tcp"));
    assert_eq!(desk.next(), None, "one question at a time");
    assert!(desk.knows(&held(Protocol::Tcp, 2, b"").flow, b"", now));
    assert!(!desk.knows(&held(Protocol::Tcp, 4, b"").flow, b"", now));
    assert_eq!(desk.answered().unwrap().held.len(), 3);
    assert_eq!(desk.next().unwrap().rule, rule("192.0.2.9:443/udp"));
}

#[test]
fn the_newest_segment_and_the_first_datagram_are_kept() {
    let (mut desk, now) = (Desk::default(), Instant::now());
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let first = held(protocol, 1, b"one");
        let flow = first.flow;
        assert!(desk.hold(rule("192.0.2.9"), first).is_none());
        assert!(desk.knows(&flow, b"two", now));
    }
    let kept: Vec<Vec<u8>> = desk.take().into_iter().map(|held| held.packet).collect();
    assert_eq!(kept, [b"two", b"one"]);
}

#[test]
fn what_was_just_sent_again_is_not_taken_for_new() {
    let (mut desk, now) = (Desk::default(), Instant::now());
    let flow = held(Protocol::Tcp, 1, b"").flow;
    desk.sent(flow, now);
    assert!(desk.knows(&flow, b"syn", now));
    assert!(!desk.knows(&flow, b"syn", now + UNDER_WAY));
}

#[test]
fn what_is_taken_leaves_the_question_that_is_asked() {
    let mut desk = Desk::default();
    assert!(desk.hold(rule("192.0.2.9:1/tcp"), held(Protocol::Tcp, 1, b"syn")).is_none());
    assert!(desk.hold(rule("192.0.2.9:2/tcp"), held(Protocol::Tcp, 2, b"syn")).is_none());
    desk.next().unwrap();
    assert_eq!(desk.take().len(), 2);
    assert_eq!(desk.next(), None);
    assert_eq!(desk.answered().unwrap().question.rule, rule("192.0.2.9:1/tcp"));
    assert!(desk.answered().is_none());
}

#[test]
fn floods_find_an_end() {
    let mut desk = Desk::default();
    for port in 0..QUESTIONS as u16 {
        let rule = Rule { ports: crate::Ports::Only(vec![port..=port]), ..rule("192.0.2.9") };
        assert!(desk.hold(rule, held(Protocol::Udp, port, b"data")).is_none());
    }
    assert!(desk.hold(rule("192.0.2.10"), held(Protocol::Udp, 9, b"data")).is_some());
    desk.take();
    let long = vec![0; BYTES / 4];
    for port in 0..2 * FLOWS as u16 {
        let packet = if port < 5 { &long[..] } else { b"" };
        assert!(desk.hold(rule("192.0.2.9"), held(Protocol::Udp, port, packet)).is_none());
    }
    let taken = desk.take();
    assert_eq!(taken.len(), FLOWS);
    assert!(taken.iter().map(|held| held.packet.len()).sum::<usize>() <= BYTES);
    assert_eq!(desk.bytes, 0);
}
