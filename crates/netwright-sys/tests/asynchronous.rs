//! Connections in tasks of tokio against the kernel.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::future::{Future, poll_fn};
use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use common::{Address, Addresses, Link, SetUp, addresses, isolated, route};
use netwright_sys::asynchronous::{AsyncSocket, blocking, dump, send_many};
use netwright_sys::{Cause, Connection, Received, Socket, protocol};
use netwright_wire::Messages;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A connection that one user has at a time, and that comes back by being dropped.
struct Lease(Option<Connection>, std::sync::mpsc::Sender<Connection>);

impl AsMut<Connection> for Lease {
    fn as_mut(&mut self) -> &mut Connection {
        self.0.as_mut().unwrap()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.1.send(self.0.take().unwrap()).unwrap();
    }
}

#[test]
fn many_requests_and_dumps_work_in_a_task() {
    isolated("many_requests_and_dumps_work_in_a_task", || {
        runtime().block_on(async {
            let (sender, back) = std::sync::mpsc::channel();
            let lease = |connection| Lease(Some(connection), sender.clone());
            assert_eq!(send_many(lease(route()), addresses(9000, true)).await.unwrap(), []);
            let failures = send_many(lease(back.try_recv().unwrap()), &addresses(10, true)).await.unwrap();
            assert_eq!(
                failures.iter().map(|failure| failure.index).collect::<Vec<_>>(),
                (0..10).collect::<Vec<_>>()
            );
            assert!(failures.iter().all(|failure| failure.error.is_exists()));

            let mut counted = 0;
            let all = |_: Ipv4Addr| {
                counted += 1;
                Ok(ControlFlow::Continue(()))
            };
            dump(lease(back.try_recv().unwrap()), Arc::new(Addresses), all).await.unwrap();
            assert_eq!(counted, 9000);
            let mut counted = 0;
            let some = |_: Ipv4Addr| {
                counted += 1;
                Ok(if counted == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            };
            dump(lease(back.recv().unwrap()), Arc::new(Addresses), some).await.unwrap();
            assert_eq!(counted, 7);
            let mut connection = blocking(move || back.recv().unwrap()).await.unwrap();
            assert_eq!(connection.query(&Link("lo")).unwrap(), 1, "the rest of the dump is out of the way");
        });
    });
}

#[test]
fn a_dump_may_be_dropped() {
    isolated("a_dump_may_be_dropped", || {
        runtime().block_on(async {
            let mut connection = route();
            assert_eq!(connection.send_many(addresses(3000, true)).unwrap(), []);
            let (sender, back) = std::sync::mpsc::channel();
            {
                let lease = Lease(Some(connection), sender);
                let mut dump = pin!(dump(lease, Arc::new(Addresses), |_| Ok(ControlFlow::Continue(()))));
                let first = poll_fn(|context| Poll::Ready(dump.as_mut().poll(context))).await;
                assert!(first.is_pending(), "it waits elsewhere");
            }
            let mut connection = blocking(move || back.recv().unwrap()).await.unwrap();
            assert_eq!(connection.query(&Link("lo")).unwrap(), 1);
            assert_eq!(connection.dump_all(&Addresses).unwrap().len(), 3000);
        });
    });
}

#[test]
fn an_interrupted_dump_is_told() {
    isolated("an_interrupted_dump_is_told", || {
        runtime().block_on(async {
            let mut connection = route();
            // so many that the kernel cannot be through with them before the first is seen
            assert_eq!(connection.send_many(addresses(20_000, true)).unwrap(), []);
            let mut other = route();
            let mut add = Some(Address { address: Ipv4Addr::new(192, 0, 2, 1), add: true });
            let each = |_| {
                if let Some(address) = add.take() {
                    other.acknowledge(&address).unwrap();
                }
                Ok(ControlFlow::Continue(()))
            };
            let error = dump(connection, Arc::new(Addresses), each).await.unwrap_err();
            assert_eq!(*error.cause(), Cause::Interrupted { tries: 1 });
        });
    });
}

#[test]
fn notifications_are_waited_for() {
    isolated("notifications_are_waited_for", || {
        runtime().block_on(async {
            let socket = Socket::open(protocol::ROUTE).unwrap();
            socket.join(1).unwrap();
            let listener = AsyncSocket::new(socket).unwrap();
            let mut buffer = Vec::new();
            let mut heard = async || {
                let mut kinds = Vec::new();
                poll_fn(|context| {
                    listener.poll_receive(context, &mut buffer).map(|received| {
                        let Received::Datagram(datagram) = received.unwrap() else { panic!("lost") };
                        kinds.extend(Messages::new(datagram).map(|message| message.unwrap().header.kind));
                    })
                })
                .await;
                kinds
            };
            let short = Duration::from_millis(20);
            assert!(timeout(short, heard()).await.is_err(), "nothing happens yet");
            for up in [true, false] {
                let actor = tokio::spawn(async move { route().acknowledge(&SetUp(1, up)) });
                let kinds = timeout(Duration::from_secs(5), heard()).await.unwrap();
                actor.await.unwrap().unwrap();
                assert!(kinds.contains(&libc::RTM_NEWLINK));
            }
        });
    });
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let mut waiting = pin!(blocking(|| ()));
    let answer = waiting.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    let Poll::Ready(Err(error)) = answer else { panic!("it runs") };
    assert!(matches!(error.cause(), Cause::Invalid(_)));
    assert!(AsyncSocket::new(Socket::open(protocol::ROUTE).unwrap()).is_err());
}
