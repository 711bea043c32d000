//! What the fuzzers run: everything that reads what comes from outside, as plain functions of bytes. Those of the language are in
//! `netwright-nft-lab`, those of sandboxes in `netwright-sandbox-lab`.
//!
//! None may panic, hang or take memory out of proportion to its input, whatever that is. The folder `fuzz` of the repository has
//! a target of libFuzzer for each; an ordinary test runs them over their seeds and mutations of these.

mod check;
mod seeds;

use netwright_route::link::LinkView;
use netwright_route::{Address, Neighbour, Nexthop, Object, Purpose, Route, Rule};
use netwright_wire::{Event, Message, Messages, Session, Writer};

pub use check::{check, write_seeds};

/// A function and what to start from.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// What is run.
    pub run: fn(&[u8]),
    /// Inputs that mean something.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "session", run: session, seeds: seeds::answers },
    Target { name: "route", run: route, seeds: seeds::routes },
];

/// Datagrams reach a conversation.
pub fn session(data: &[u8]) {
    let mut session = Session::numbered(0, 1, 4);
    // Where a datagram ends is up to the kernel.
    for datagram in data.chunks(512) {
        for event in session.events(datagram) {
            match event {
                Ok(Event::Nack(error)) => drop(error.to_string()),
                Ok(_) => {}
                Err(malformed) => drop(malformed.to_string()),
            }
        }
        session.begin();
        let _ = session.sequence();
    }
}

/// Messages about links, addresses, routes, rules, neighbours and next hops are read, written again and shown.
pub fn route(data: &[u8]) {
    for message in Messages::new(data).map_while(Result::ok) {
        again::<Address>(&message);
        again::<Route>(&message);
        again::<Rule>(&message);
        again::<Neighbour>(&message);
        again::<Nexthop>(&message);
        let _ = LinkView::read(&message).map(|view| view.map(|view| view.own()));
    }
}

fn again<T: Object>(message: &Message<'_>) {
    let Ok(Some(object)) = T::read(message) else { return };
    let _ = object.to_string();
    for purpose in [Purpose::New, Purpose::Delete] {
        object.write(purpose, &mut Writer::new());
    }
}
