use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::Action;

fn reporter(now: Instant) -> (QuestionReporter, Receiver<Event>) {
    let (sender, receiver) = channel();
    // Each source has a process of its own.
    let process =
        |_, source: SocketAddr, _| Some(Process { id: source.port().into(), command: "curl".to_owned() });
    (QuestionReporter::new(sender, Box::new(process), now), receiver)
}

fn notice(name: &str) -> Notice {
    Notice::new(Action::Blocked, name.to_owned(), "no rule allows the name")
}

fn searched(name: &str, bare: &str) -> Notice {
    Notice { bare: Some(bare.to_owned()), ..notice(name) }
}

fn source(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn each_name_and_process_is_told_once() {
    let now = Instant::now();
    let (mut reporter, events) = reporter(now);
    for (name, port) in
        [("a.example", 1), ("a.example", 1), ("a.example", 2), ("b.example", 1), ("b.example", 1)]
    {
        reporter.tell(&notice(name), Transport::Udp, source(port), source(53), now);
    }
    let told: Vec<_> =
        events.try_iter().map(|event| (event.name.unwrap(), event.process.unwrap().id)).collect();
    assert_eq!(told, [("a.example".to_owned(), 1), ("a.example".to_owned(), 2), ("b.example".to_owned(), 1)]);
}

#[test]
fn a_flood_is_counted() {
    let now = Instant::now();
    let (mut reporter, events) = reporter(now);
    for number in 0..100_000 {
        reporter.tell(&notice(&format!("{number}.example")), Transport::Tcp, source(1), source(53), now);
    }
    assert_eq!(events.try_iter().count(), BURST as usize);
    reporter.tell(
        &notice("later.example"),
        Transport::Udp,
        source(1),
        source(53),
        now + Duration::from_secs(1),
    );
    let reason = events.try_recv().unwrap().reason;
    assert_eq!(reason, "no rule allows the name (99744 more questions like this came too fast to be told)");
}

#[test]
fn a_search_is_told_as_its_name() {
    let now = Instant::now();
    let (mut reporter, events) = reporter(now);
    let told =
        |events: &Receiver<Event>| events.try_iter().filter_map(|event| event.name).collect::<Vec<_>>();
    for notice in [
        searched("a.example.corp.example", "a.example"),
        notice("a.example"),
        searched("a.example.lab.example", "a.example"),
    ] {
        reporter.tell(&notice, Transport::Udp, source(1), source(53), now);
    }
    reporter.tell(&searched("wiki.corp.example", "wiki"), Transport::Udp, source(1), source(53), now);
    reporter.tell(&notice("wiki"), Transport::Udp, source(2), source(53), now);
    assert_eq!(told(&events), ["a.example", "wiki"]);
    reporter.catch_up(now + PATIENCE - Duration::from_millis(1));
    assert!(told(&events).is_empty());
    assert_eq!(reporter.deadline(), Some(now + PATIENCE));
    reporter.catch_up(now + PATIENCE);
    assert_eq!(told(&events), ["wiki.corp.example"], "another process asked for the short one");
    reporter.tell(&searched("b.corp.example", "b"), Transport::Udp, source(1), source(53), now);
    reporter.finish();
    assert_eq!(told(&events), ["b.corp.example"]);
}
