//! A simple request allocates nothing once the connection has made some.
#![allow(unsafe_code, clippy::unwrap_used, clippy::panic)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::ops::ControlFlow;

use common::{Address, Addresses, Link, SetUp, addresses, isolated, route, tables};
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
        assert_eq!(connection.send_many(&addresses(2000, true)).unwrap(), []);
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
