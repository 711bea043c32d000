//! A simple request allocates nothing once the connection has made some.
#![allow(unsafe_code, clippy::unwrap_used, clippy::panic)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::ops::ControlFlow;

use common::{Address, Addresses, Link, SetUp, addresses, isolated, route, tables};
use netwright_netfilter::raw::{R1, cmp, counter};
use netwright_netfilter::request::{List, ListElements};
use netwright_netfilter::{Batch, Chain, ChainRef, Family, Rule, Set, Table};
use netwright_sys::{Connection, Outcome, protocol};

/// Counts what the calling thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it is; the counter is a plain thread-local number.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises about `layout` are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(mut action: impl FnMut()) -> usize {
    action(); // buffers grow once
    let before = ALLOCATIONS.get();
    action();
    ALLOCATIONS.get() - before
}

#[test]
fn requests_allocate_nothing() {
    isolated("requests_allocate_nothing", || {
        let mut connection = route();
        assert_ne!(allocations(|| drop(vec![0u8; 100])), 0, "the counter counts");
        assert_eq!(allocations(|| assert_eq!(connection.query(&Link("lo")).unwrap(), 1)), 0);
        let address = Ipv4Addr::new(192, 0, 2, 1);
        let change = || {
            connection.acknowledge(&SetUp(1, true)).unwrap();
            connection.acknowledge(&Address { address, add: true }).unwrap();
            connection.acknowledge(&Address { address, add: false }).unwrap();
        };
        assert_eq!(allocations(change), 0);
    });
}

#[test]
fn a_dump_allocates_nothing() {
    isolated("a_dump_allocates_nothing", || {
        let mut connection = route();
        assert_eq!(connection.send_many(addresses(2000, true)).unwrap(), []);
        let mut seen = 0;
        let dump = || {
            let each = |_| {
                seen += 1;
                Ok(ControlFlow::Continue(()))
            };
            connection.dump(&Addresses, each).unwrap();
        };
        assert_eq!(allocations(dump), 0);
        assert_eq!(seen, 4000);
    });
}

#[test]
fn a_transaction_allocates_nothing() {
    isolated("a_transaction_allocates_nothing", || {
        let mut connection = Connection::open(protocol::NETFILTER).unwrap();
        let batches = [tables(["one"], true), tables(["two"], true)];
        let mut next = batches.iter();
        let commit = || {
            let (batch, messages) = next.next().unwrap();
            let outcome = connection.transact(batch, *messages, |_, _| ()).unwrap();
            assert_eq!(outcome, Outcome::Committed { replies_lost: false });
        };
        assert_eq!(allocations(commit), 0);
    });
}

#[test]
fn views_of_routes_rules_and_elements_allocate_nothing() {
    isolated("views_of_routes_rules_and_elements_allocate_nothing", || {
        const COUNT: u32 = 5000;
        let mut connection = route();
        connection.acknowledge(&SetUp(1, true)).unwrap();
        let routes: Vec<_> = (0..COUNT)
            .map(|number| {
                let to = netwright_route::Prefix::host((0x0a00_0000 + number).to_be_bytes().into());
                netwright_route::Route::to(to).dev(1)
            })
            .collect();
        let requests: Vec<_> = routes.iter().map(netwright_route::Add).collect();
        assert_eq!(connection.send_many(&requests).unwrap(), []);
        let mut seen = 0;
        let list = netwright_route::route::List::default();
        let dump = || {
            let each = |view: netwright_route::route::RouteView<'_>| {
                seen += u32::from(view.destination()?.length == 32 && view.attributes.outgoing()? == Some(1));
                Ok(ControlFlow::Continue(()))
            };
            connection.dump(&list, each).unwrap();
        };
        assert_eq!(allocations(dump), 0);
        assert!(seen >= 2 * COUNT);

        let mut connection = Connection::open(protocol::NETFILTER).unwrap();
        let set = set_with_rules(&mut connection, COUNT);
        let elements = ListElements::of(&set);
        let rules = List::in_chain(&ChainRef::new(Family::INET, "t", "c"));
        let (mut keys, mut handles) = (0, 0);
        let dump = || {
            let each = |views: netwright_netfilter::ElementViews<'_>| {
                for element in views {
                    keys += u32::from(element?.key_bytes()?.is_some_and(|key| key.len() == 4));
                }
                Ok(ControlFlow::Continue(()))
            };
            connection.dump(&elements, each).unwrap();
            let each = |rule: netwright_netfilter::InFamily<netwright_netfilter::RuleView<'_>>| {
                handles += u32::from(rule.attributes.handle()?.is_some());
                Ok(ControlFlow::Continue(()))
            };
            connection.dump(&rules, each).unwrap();
        };
        assert_eq!(allocations(dump), 0);
        assert_eq!((keys, handles), (2 * COUNT, 2 * COUNT));
    });
}

/// A set of so many elements, and as many rules in the chain beside it.
fn set_with_rules(connection: &mut Connection, count: u32) -> Set {
    let mut set = Set::new(Family::INET, "t", "s", 4);
    set.description.size = Some(count);
    let mut batch = Batch::new();
    batch.add(&Table::new(Family::INET, "t"));
    batch.add(&Chain::new(Family::INET, "t", "c"));
    batch.add(&set);
    batch.add_elements(&set, (0..count).map(u32::to_be_bytes));
    let meta = netwright_netfilter::raw::meta(netwright_netfilter::raw::MetaKey::MARK).into(R1);
    let rule = |number: u32| {
        let compare = cmp(R1, netwright_netfilter::raw::EQ, number.to_ne_bytes());
        Rule::new(Family::INET, "t", "c", [meta.clone(), compare, counter()])
    };
    (0..count).for_each(|number| batch.add(&rule(number)));
    let messages = batch.messages();
    let outcome = connection.transact(batch.finish().unwrap(), messages, |_, _| ()).unwrap();
    assert_eq!(outcome, Outcome::Committed { replies_lost: false });
    set
}
