//! The blocking driver against the kernel.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use common::{Address, Addresses, Link, Links, SetUp, addresses, isolated, route, tables};
use netwright_sys::{Cause, Connection, Outcome, Received, Socket, protocol};
use netwright_wire::Errno;

#[test]
fn a_query_finds_the_loopback() {
    isolated("a_query_finds_the_loopback", || {
        let mut connection = route();
        assert!(connection.socket().is_strict());
        assert_eq!(connection.query(&Link("lo")).unwrap(), 1);
        let error = connection.query(&Link("nothing")).unwrap_err();
        assert_eq!(error.to_string(), "cannot find link nothing: no such device (ENODEV)");
        assert!(error.is_not_found() && error.help().is_some());
        assert_eq!(connection.query(&Link("lo")).unwrap(), 1, "an error leaves the connection usable");
    });
}

#[test]
fn a_refusal_has_the_words_of_the_kernel() {
    isolated("a_refusal_has_the_words_of_the_kernel", || {
        let mut connection = route();
        let address = Address { address: Ipv4Addr::new(192, 0, 2, 1), add: true };
        connection.acknowledge(&address).unwrap();
        let error = connection.acknowledge(&address).unwrap_err();
        assert!(error.is_exists());
        let text = error.to_string();
        assert!(text.starts_with("cannot add address 192.0.2.1/32 at lo: exists already (EEXIST)"), "{text}");
        assert!(matches!(error.cause(), Cause::Kernel(error) if error.kind == libc::RTM_NEWADDR));
        connection.acknowledge(&Address { add: false, ..address }).unwrap();
        let error =
            connection.acknowledge(&Address { address: Ipv4Addr::LOCALHOST, add: false }).unwrap_err();
        assert!(error.is_not_found(), "{error}");
    });
}

#[test]
fn a_request_of_another_protocol_is_not_sent() {
    isolated("a_request_of_another_protocol_is_not_sent", || {
        let mut connection = Connection::open(protocol::NETFILTER).unwrap();
        assert!(matches!(connection.query(&Link("lo")).unwrap_err().cause(), Cause::Invalid(_)));
    });
}

#[test]
fn many_requests_go_through_and_come_back() {
    isolated("many_requests_go_through_and_come_back", || {
        let mut connection = route();
        let add = addresses(5_000, true);
        assert_eq!(connection.send_many(&add).unwrap(), []);
        assert_eq!(connection.dump_all(&Addresses).unwrap().len(), add.len());

        let mut counted = 0;
        connection
            .dump(&Addresses, |_| {
                counted += 1;
                Ok(if counted == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })
            .unwrap();
        assert_eq!(counted, 3);
        assert_eq!(connection.query(&Link("lo")).unwrap(), 1, "the rest of the dump is out of the way");
        assert_eq!(connection.dump_all(&Addresses).unwrap().len(), add.len());
        assert_eq!(connection.dump_all(&Links).unwrap().iter().filter(|name| *name == "lo").count(), 1);
    });
}

#[test]
fn every_refusal_of_many_is_told_with_its_place() {
    isolated("every_refusal_of_many_is_told_with_its_place", || {
        let mut connection = route();
        let all = addresses(8_000, true);
        let even: Vec<_> = addresses(8_000, true).into_iter().step_by(2).collect();
        assert_eq!(connection.send_many(&even).unwrap(), []);
        let failures = connection.send_many(&all).unwrap();
        let places: Vec<usize> = failures.iter().map(|failure| failure.index).collect();
        assert_eq!(places, (0..8_000).step_by(2).collect::<Vec<_>>());
        assert!(failures.iter().all(|failure| failure.error.is_exists()));
        assert!(
            failures[5]
                .error
                .to_string()
                .starts_with("cannot add address 10.0.0.10/32 at lo: exists already")
        );

        // All of them fail, the last one of each send too.
        assert_eq!(connection.send_many(&all).unwrap().len(), all.len());
        assert_eq!(connection.send_many(&[] as &[Address]).unwrap(), []);
    });
}

#[test]
fn a_dump_that_changes_meanwhile_is_repeated_or_told() {
    isolated("a_dump_that_changes_meanwhile_is_repeated_or_told", || {
        let mut connection = route();
        assert_eq!(connection.send_many(addresses(4000, true)).unwrap(), []);
        let mut other = route();
        let mut changed = false;
        let error = connection.dump(&Addresses, |_| {
            if !changed {
                other.acknowledge(&Address { address: Ipv4Addr::new(192, 0, 2, 9), add: true }).unwrap();
                changed = true;
            }
            Ok(ControlFlow::Continue(()))
        });
        assert_eq!(*error.unwrap_err().cause(), Cause::Interrupted { tries: 1 });
        assert_eq!(connection.dump_all(&Addresses).unwrap().len(), 4001);
    });
}

#[test]
fn notifications_come_and_lost_ones_are_told() {
    isolated("notifications_come_and_lost_ones_are_told", || {
        const LINK_GROUP: u32 = 1;
        let mut listener = route();
        listener.socket().join(LINK_GROUP).unwrap();
        assert!(!listener.socket().wait(Some(Duration::from_millis(1))).unwrap());
        let mut actor = route();
        actor.acknowledge(&SetUp(1, true)).unwrap();
        assert!(listener.socket().wait(Some(Duration::from_secs(5))).unwrap());
        let mut kinds = Vec::new();
        listener.notifications(|message| kinds.push(message.header.kind)).unwrap();
        assert!(kinds.contains(&libc::RTM_NEWLINK), "{kinds:?}");
        assert_eq!(listener.query(&Link("lo")).unwrap(), 1, "a notification is not taken for an answer");

        for round in 0..2000 {
            actor.acknowledge(&SetUp(1, round % 2 == 1)).unwrap();
        }
        let error = listener.notifications(|_| ()).unwrap_err();
        assert_eq!(*error.cause(), Cause::Overrun);
        assert_eq!(error.errno(), Some(Errno::ENOBUFS));
        listener.notifications(|_| ()).unwrap();
        listener.socket().leave(LINK_GROUP).unwrap();
        actor.acknowledge(&SetUp(1, false)).unwrap();
        listener.notifications(|message| panic!("{message:?}")).unwrap();
    });
}

#[test]
fn a_request_survives_an_overrun() {
    isolated("a_request_survives_an_overrun", || {
        let mut listener = route();
        listener.socket().join(1).unwrap();
        let mut actor = route();
        for round in 0..2000 {
            actor.acknowledge(&SetUp(1, round % 2 == 0)).unwrap();
        }
        // The queue is full, so there was no room for the answer.
        let error = listener.query(&Link("lo")).unwrap_err();
        assert_eq!(*error.cause(), Cause::Overrun);
        assert_eq!(listener.query(&Link("lo")).unwrap(), 1);
    });
}

#[test]
fn a_transaction_is_committed_or_refused() {
    isolated("a_transaction_is_committed_or_refused", || {
        let mut connection = Connection::open(protocol::NETFILTER).unwrap();
        let (batch, messages) = tables(["one", "two"], false);
        let outcome =
            connection.transact(&batch, messages, |_, _| panic!("nothing was to be echoed")).unwrap();
        assert_eq!(outcome, Outcome::Committed { replies_lost: false });

        let (batch, messages) = tables(["three", "two", "four", "one"], false);
        let Outcome::Refused(refusals) = connection.transact(&batch, messages, |_, _| ()).unwrap() else {
            panic!("it was committed");
        };
        let told: Vec<_> = refusals.iter().map(|refusal| (refusal.index, refusal.error.errno)).collect();
        assert_eq!(told, [(2, Errno::EEXIST), (4, Errno::EEXIST)]);
        assert_eq!(refusals[0].attribute, Some(1), "the table's name is at fault");

        let (batch, messages) = tables(["three", "four"], true);
        let mut echoed = Vec::new();
        let outcome = connection.transact(&batch, messages, |index, _| echoed.push(index)).unwrap();
        assert_eq!(outcome, Outcome::Committed { replies_lost: false });
        assert_eq!(echoed[..2], [1, 2]);

        let error = connection.transact(&[], 0, |_, _| ()).unwrap_err();
        assert!(matches!(error.cause(), Cause::Invalid(_)));
    });
}

#[test]
fn a_transaction_larger_than_the_default_buffer_is_one() {
    isolated("a_transaction_larger_than_the_default_buffer_is_one", || {
        let names: Vec<String> =
            (0..9_000).map(|number| format!("table-with-a-longer-name-{number}")).collect();
        let mut connection = Connection::open(protocol::NETFILTER).unwrap();
        let (batch, messages) = tables(names.iter().map(String::as_str), false);
        assert!(batch.len() > 212_992);
        let outcome = connection.transact(&batch, messages, |_, _| ()).unwrap();
        assert_eq!(outcome, Outcome::Committed { replies_lost: false });
        let Outcome::Refused(refusals) = connection.transact(&batch, messages, |_, _| ()).unwrap() else {
            panic!("it was committed");
        };
        assert_eq!(refusals.len(), 9000, "every refusal arrives");
    });
}

#[test]
fn what_another_process_sends_is_passed_over() {
    isolated("what_another_process_sends_is_passed_over", || {
        use rustix::net::{SendFlags, getsockname, netlink::SocketAddrNetlink, sendto};
        let listener = Socket::open(protocol::ROUTE).unwrap();
        let stranger = Socket::open(protocol::ROUTE).unwrap();
        let to = SocketAddrNetlink::try_from(getsockname(&listener).unwrap()).unwrap();
        sendto(&stranger, &[7; 64], SendFlags::empty(), &SocketAddrNetlink::new(to.pid(), 0)).unwrap();
        assert!(listener.wait(Some(Duration::from_secs(5))).unwrap(), "it arrived");
        assert_eq!(listener.receive(&mut Vec::new()).unwrap(), Received::Nothing);
    });
}

#[test]
fn a_connection_may_move_to_another_thread() {
    isolated("a_connection_may_move_to_another_thread", || {
        let mut connection = route();
        let index = thread::spawn(move || connection.query(&Link("lo")).unwrap()).join().unwrap();
        assert_eq!(index, 1);
    });
}
