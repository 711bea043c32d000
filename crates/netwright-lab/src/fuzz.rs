//! What the fuzzers run: everything that reads what comes from outside, as plain functions of bytes.
//!
//! None may panic, hang or take memory out of proportion to its input, whatever that is. The folder `fuzz` of the repository has
//! a target of libFuzzer for each; an ordinary test runs them over their seeds and mutations of these.

mod resolver;
mod seeds;

use std::sync::OnceLock;

use netwright_netfilter::Trace;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::ir::Command;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::{lift as reading, print};
use netwright_route::link::LinkView;
use netwright_route::{Address, Neighbour, Nexthop, Object, Purpose, Route, Rule};
use netwright_wire::{Event, Message, Messages, Session, Writer};

use crate::conformance::Language;
use crate::conformance::Memory;
use crate::conformance::language::batch;

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
    Target { name: "syntax", run: syntax, seeds: seeds::texts },
    Target { name: "evaluate", run: evaluate, seeds: seeds::texts },
    Target { name: "json", run: json, seeds: seeds::json_texts },
    Target { name: "lift", run: lift, seeds: seeds::batches },
    Target { name: "session", run: session, seeds: seeds::answers },
    Target { name: "route", run: route, seeds: seeds::routes },
    Target { name: "resolver", run: resolver, seeds: resolver::seeds },
];

fn language() -> &'static Language {
    static LANGUAGE: OnceLock<Language> = OnceLock::new();
    LANGUAGE.get_or_init(Language::of_records)
}

/// A text is read, and what is wrong with it is located.
pub fn syntax(data: &[u8]) {
    let mut sources = SourceMap::default();
    let id = sources.add("text", String::from_utf8_lossy(data));
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    for diagnostic in &parsed.diagnostics {
        for label in &diagnostic.labels {
            let _ = (sources.locate(label.span), sources.snippet(label.span));
        }
    }
}

/// A text gets its meaning and, where it has one, becomes messages, which are listed.
pub fn evaluate(data: &[u8]) {
    load(language().compile(&String::from_utf8_lossy(data), &Catalog::default()));
}

/// The same for a text of JSON.
pub fn json(data: &[u8]) {
    load(language().compile_json(&String::from_utf8_lossy(data), &Catalog::default()));
}

fn load(compiled: Result<(Vec<Command>, Catalog), String>) {
    let Ok((mut commands, catalog)) = compiled else { return };
    commands.retain(Command::is_change);
    let Ok(mut batch) = batch(&commands, &catalog, 1) else { return };
    let mut memory = Memory::default();
    // A text may add elements to a set that it does not make; all that it makes can be listed.
    let _ = memory.add(&mut batch);
    list(&memory);
}

/// Messages about rulesets are read and listed.
pub fn lift(data: &[u8]) {
    let mut memory = Memory::default();
    for message in Messages::new(data).map_while(Result::ok) {
        let _ = (memory.message(&message), Trace::read(&message));
    }
    list(&memory);
}

fn list(memory: &Memory) {
    let Language { names, options } = language();
    let ruleset = reading::ruleset(memory.dump());
    let _ =
        (print::ruleset(&ruleset, options, names), netwright_nft::json::ruleset(&ruleset, options, names));
}

/// Datagrams reach a conversation.
pub fn session(data: &[u8]) {
    let mut session = Session::numbered(1, 4);
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

/// A question and a name server's answer to it go through the sandbox's resolver.
pub fn resolver(data: &[u8]) {
    resolver::play(data);
}
