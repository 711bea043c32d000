//! The driver for tokio against the kernel.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::future::{Future, poll_fn};
use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use common::{Address, Addresses, Link, SetUp, addresses, isolated, route, tables};
use netwright_sys::{AsyncConnection, Cause, Outcome, protocol};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn all_operations_work_in_a_task() {
    isolated("all_operations_work_in_a_task", || {
        runtime().block_on(async {
            let mut connection = AsyncConnection::open(protocol::ROUTE).unwrap();
            assert_eq!(connection.query(&Link("lo")).await.unwrap(), 1);
            assert!(connection.query(&Link("nothing")).await.unwrap_err().is_not_found());
            connection.acknowledge(&SetUp(1, true)).await.unwrap();
            assert_eq!(connection.send_many(&addresses(3000, true)).await.unwrap(), []);
            let failures = connection.send_many(&addresses(10, true)).await.unwrap();
            assert_eq!(failures.len(), 10);

            let mut counted = 0;
            let step = |_: Ipv4Addr| {
                counted += 1;
                Ok(if counted == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            };
            connection.dump(&Addresses, step).await.unwrap();
            assert_eq!(counted, 7);
            assert_eq!(connection.dump_all(&Addresses).await.unwrap().len(), 3001);
        });
    });
}

#[test]
fn a_dump_lets_other_tasks_run_and_may_be_dropped() {
    isolated("a_dump_lets_other_tasks_run_and_may_be_dropped", || {
        runtime().block_on(async {
            let mut connection = AsyncConnection::open(protocol::ROUTE).unwrap();
            assert_eq!(connection.send_many(&addresses(3000, true)).await.unwrap(), []);
            {
                let mut dump = pin!(connection.dump(&Addresses, |_| Ok(ControlFlow::Continue(()))));
                let first = poll_fn(|context| Poll::Ready(dump.as_mut().poll(context))).await;
                assert!(first.is_pending(), "it pauses between its parts");
            }
            assert_eq!(connection.query(&Link("lo")).await.unwrap(), 1);
            assert_eq!(connection.dump_all(&Addresses).await.unwrap().len(), 3000);
        });
    });
}

#[test]
fn an_interrupted_dump_is_told() {
    isolated("an_interrupted_dump_is_told", || {
        runtime().block_on(async {
            let mut connection = AsyncConnection::open(protocol::ROUTE).unwrap();
            assert_eq!(connection.send_many(&addresses(3000, true)).await.unwrap(), []);
            let mut other = route();
            let mut add = Some(Address { address: Ipv4Addr::new(192, 0, 2, 1), add: true });
            let result = connection.dump(&Addresses, |_| {
                if let Some(address) = add.take() {
                    other.acknowledge(&address).unwrap();
                }
                Ok(ControlFlow::Continue(()))
            });
            assert_eq!(*result.await.unwrap_err().cause(), Cause::Interrupted { tries: 1 });
        });
    });
}

#[test]
fn notifications_are_waited_for() {
    isolated("notifications_are_waited_for", || {
        runtime().block_on(async {
            let mut listener = AsyncConnection::open(protocol::ROUTE).unwrap();
            listener.socket().join(1).unwrap();
            let short = Duration::from_millis(20);
            assert!(timeout(short, listener.notifications(|_| ())).await.is_err(), "nothing happens yet");
            for up in [true, false] {
                let actor = tokio::spawn(async move {
                    AsyncConnection::open(protocol::ROUTE).unwrap().acknowledge(&SetUp(1, up)).await
                });
                let mut kinds = Vec::new();
                let heard = listener.notifications(|message| kinds.push(message.header.kind));
                timeout(Duration::from_secs(5), heard).await.unwrap().unwrap();
                actor.await.unwrap().unwrap();
                assert!(kinds.contains(&libc::RTM_NEWLINK));
            }
        });
    });
}

#[test]
fn transactions_work_in_a_task() {
    isolated("transactions_work_in_a_task", || {
        runtime().block_on(async {
            let mut connection = AsyncConnection::open(protocol::NETFILTER).unwrap();
            let (batch, messages) = tables(["one"], true);
            let mut echoed = 0;
            let outcome = connection.transact(&batch, messages, |_, _| echoed += 1).await.unwrap();
            assert_eq!(outcome, Outcome::Committed { replies_lost: false });
            assert!(echoed >= 1);
            let outcome = connection.transact(&batch, messages, |_, _| ()).await.unwrap();
            assert!(matches!(outcome, Outcome::Refused(refusals) if refusals.len() == 1));
        });
    });
}

#[test]
fn without_a_runtime_it_is_an_error() {
    assert!(matches!(AsyncConnection::open(protocol::ROUTE).unwrap_err().cause(), Cause::Invalid(_)));
}
