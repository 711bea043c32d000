use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::Action;

fn teller(now: Instant) -> (Teller, Receiver<Event>) {
    let (sender, receiver) = channel();
    // Each source has a process of its own.
    let process =
        |_, source: SocketAddr, _| Some(Process { id: source.port().into(), command: "curl".to_owned() });
    (Teller::new(sender, Box::new(process), now), receiver)
}

fn notice(name: &str) -> Notice {
    Notice {
        action: Action::Blocked,
        name: name.to_owned(),
        address: None,
        reason: "no rule allows the name".to_owned(),
    }
}

fn source(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn each_name_and_process_is_told_once() {
    let now = Instant::now();
    let (mut teller, events) = teller(now);
    for (name, port) in
        [("a.example", 1), ("a.example", 1), ("a.example", 2), ("b.example", 1), ("b.example", 1)]
    {
        teller.tell(&notice(name), Transport::Udp, source(port), source(53), now);
    }
    let told: Vec<_> =
        events.try_iter().map(|event| (event.name.unwrap(), event.process.unwrap().id)).collect();
    assert_eq!(told, [("a.example".to_owned(), 1), ("a.example".to_owned(), 2), ("b.example".to_owned(), 1)]);
}

#[test]
fn a_flood_is_counted() {
    let now = Instant::now();
    let (mut teller, events) = teller(now);
    for number in 0..100_000 {
        teller.tell(&notice(&format!("{number}.example")), Transport::Tcp, source(1), source(53), now);
    }
    assert_eq!(events.try_iter().count(), BURST as usize);
    teller.tell(
        &notice("later.example"),
        Transport::Udp,
        source(1),
        source(53),
        now + Duration::from_secs(1),
    );
    let reason = events.try_recv().unwrap().reason;
    assert_eq!(reason, "no rule allows the name (99744 more questions like this came too fast to be told)");
}
