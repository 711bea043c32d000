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
        path: None,
        file_use: None,
        address: Some(destination.ip()),
        port: Some(destination.port()),
        protocol: Some(protocol),
        source: None,
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
    let (mut questions, now) = (Questions::default(), Instant::now());
    for port in 1..=3 {
        assert!(questions.hold(rule("192.0.2.9:443/tcp"), held(Protocol::Tcp, port, b"syn")).is_none());
    }
    assert!(questions.hold(rule("192.0.2.9:443/udp"), held(Protocol::Udp, 1, b"data")).is_none());
    let first = questions.next().unwrap();
    assert_eq!(first.rule, rule("192.0.2.9:443/tcp"));
    assert_eq!(questions.next(), None, "one question at a time");
    assert!(questions.knows(&held(Protocol::Tcp, 2, b"").flow, b"", now));
    assert!(!questions.knows(&held(Protocol::Tcp, 4, b"").flow, b"", now));
    assert_eq!(questions.answered().unwrap().held.len(), 3);
    assert_eq!(questions.next().unwrap().rule, rule("192.0.2.9:443/udp"));
}

#[test]
fn the_newest_segment_and_the_first_datagram_are_kept() {
    let (mut questions, now) = (Questions::default(), Instant::now());
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let first = held(protocol, 1, b"one");
        let flow = first.flow;
        assert!(questions.hold(rule("192.0.2.9"), first).is_none());
        assert!(questions.knows(&flow, b"two", now));
    }
    let kept: Vec<Vec<u8>> = questions.take().into_iter().map(|held| held.packet).collect();
    assert_eq!(kept, [b"two", b"one"]);
}

#[test]
fn what_was_just_sent_again_is_not_taken_for_new() {
    let (mut questions, now) = (Questions::default(), Instant::now());
    let flow = held(Protocol::Tcp, 1, b"").flow;
    questions.sent(flow, now);
    assert!(questions.knows(&flow, b"syn", now));
    assert!(!questions.knows(&flow, b"syn", now + UNDER_WAY));
}

#[test]
fn what_is_taken_leaves_the_question_that_is_asked() {
    let mut questions = Questions::default();
    assert!(questions.hold(rule("192.0.2.9:1/tcp"), held(Protocol::Tcp, 1, b"syn")).is_none());
    assert!(questions.hold(rule("192.0.2.9:2/tcp"), held(Protocol::Tcp, 2, b"syn")).is_none());
    questions.next().unwrap();
    assert_eq!(questions.take().len(), 2);
    assert_eq!(questions.next(), None);
    assert_eq!(questions.answered().unwrap().question.rule, rule("192.0.2.9:1/tcp"));
    assert!(questions.answered().is_none());
}

#[test]
fn floods_find_an_end() {
    let mut questions = Questions::default();
    for port in 0..QUESTIONS as u16 {
        let rule = Rule { ports: crate::Ports::Only(vec![port..=port]), ..rule("192.0.2.9") };
        assert!(questions.hold(rule, held(Protocol::Udp, port, b"data")).is_none());
    }
    assert!(questions.hold(rule("192.0.2.10"), held(Protocol::Udp, 9, b"data")).is_some());
    questions.take();
    let long = vec![0; BYTES / 4];
    for port in 0..2 * FLOWS as u16 {
        let packet = if port < 5 { &long[..] } else { b"" };
        assert!(questions.hold(rule("192.0.2.9"), held(Protocol::Udp, port, packet)).is_none());
    }
    let taken = questions.take();
    assert_eq!(taken.len(), FLOWS);
    assert!(taken.iter().map(|held| held.packet.len()).sum::<usize>() <= BYTES);
    assert_eq!(questions.bytes, 0);
}
