//! One `Net` used by several at once: threads, tasks, callbacks, protocols. The contract is in ARCHITECTURE.md.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

use netwright::route::link::{self, Change, Create};
use netwright::route::{Family, generic, nexthop, socket_diagnosis};
use netwright::sys::protocol;
use netwright::{Address, Namespace, Net};
use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq, kernel_tests};

kernel_tests! {
    an_answer_of_another_namespace_is_nobodys,
    a_callback_asks_the_same_net,
    a_list_holds_up_nobody,
    a_callback_that_panics_leaves_the_net_usable,
    threads_get_their_own_answers,
    any_protocol_may_come_first,
    connections_do_not_pile_up,
    tasks::no_task_is_held_up,
    tasks::callbacks_of_lists_run_in_the_task,
    tasks::many_tasks_get_their_own_answers,
    tasks::futures_may_be_dropped_at_any_point,
    tasks::packets_of_a_tun_come_and_go,
}

const GO_ON: netwright::driver::Step = Ok(ControlFlow::Continue(()));

fn in_namespace(namespace: &Namespace) -> Change {
    Change::namespace(namespace)
}

/// A link with so many addresses that listing them takes several parts.
fn busy_link(net: &Net) -> Result<link::Link, Failure> {
    let link = net.links().create(Create::bridge("busy").with(Change::up()))?;
    let addresses: Vec<Address> = (0..4000_u32)
        .map(|number| Address::new((0x0a00_0000 + number).to_be_bytes().into(), 32).on(&link))
        .collect();
    ensure_eq!(net.addresses().add_all(&addresses)?, []);
    Ok(link)
}

/// The kernel tells the port of the asking socket what was made, but in the namespace where it was made.
fn an_answer_of_another_namespace_is_nobodys(_: &mut Lab) -> Outcome {
    let other = Namespace::create_anonymous()?;
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    // Both have asked equally often.
    ensure_eq!((net.links().get("lo")?.name, there.links().get("lo")?.name), ("lo".into(), "lo".into()));
    for number in 0..50 {
        let name = format!("b{number}");
        let made = net.links().create(Create::bridge(&name).with(in_namespace(&other)))?;
        ensure_eq!(made.name, name);
        ensure_eq!(there.links().get("lo")?.name, "lo");
        ensure_eq!(there.links().get_by_index(made.index)?.name, name);
        ensure!(net.links().get(&name).is_err_and(|error| error.is_not_found()));
    }
    Ok(())
}

fn a_callback_asks_the_same_net(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    busy_link(&net)?;
    let (mut seen, mut names) = (0, HashMap::new());
    net.addresses()
        .each(Default::default(), |address| {
            seen += 1;
            if seen % 500 == 0 {
                let link = net.links().get_by_index(address.header.index).unwrap();
                // A list within a list within a list.
                net.links()
                    .each(Default::default(), |_| {
                        *names.entry(link.name.clone()).or_insert(0) += net.links().list().unwrap().len();
                        GO_ON
                    })
                    .unwrap();
                net.addresses().add(&link, "192.0.2.1/24".parse().unwrap()).unwrap();
                net.addresses().delete(&link, "192.0.2.1/24".parse().unwrap()).unwrap();
            }
            GO_ON
        })
        .map_or_else(|error| ensure_interrupted(&error), Ok)?;
    ensure!(seen >= 4000, "{seen} addresses");
    ensure!(names.contains_key("busy"));
    Ok(())
}

/// What was changed while it was listed is told, as it must be.
fn ensure_interrupted(error: &netwright::Error) -> Outcome {
    ensure!(matches!(error.cause(), netwright::sys::Cause::Interrupted { .. }), "{error}");
    Ok(())
}

/// The callback waits for what another thread is told meanwhile.
fn a_list_holds_up_nobody(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    busy_link(&net)?;
    let (started, start) = mpsc::channel();
    let (done, finish) = mpsc::channel();
    thread::scope(|scope| {
        let net = &net;
        scope.spawn(move || {
            start.recv().unwrap();
            for _ in 0..100 {
                net.links().get("busy").unwrap();
            }
            net.links().set(&net.links().get("lo").unwrap(), Change::up()).unwrap();
            done.send(net.addresses().list().unwrap().len()).unwrap();
        });
        let told = std::sync::Mutex::new(None);
        let (told_there, mut first) = (&told, true);
        let listed = net.addresses().each(Default::default(), move |_| {
            if std::mem::take(&mut first) {
                started.send(()).unwrap();
                *told_there.lock().unwrap() = Some(finish.recv().unwrap());
            }
            GO_ON
        });
        listed.or_else(|error| ensure_interrupted(&error))?;
        ensure!(told.lock().unwrap().is_some_and(|count| count >= 4000), "{told:?}");
        Ok(())
    })
}

fn a_callback_that_panics_leaves_the_net_usable(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    busy_link(&net)?;
    for _ in 0..10 {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            net.addresses().each(Default::default(), |_| std::panic::resume_unwind(Box::new("on purpose")))
        }));
        ensure!(panicked.is_err());
        ensure_eq!(net.links().get("busy")?.name, "busy");
        ensure!(net.addresses().list()?.len() >= 4000);
    }
    Ok(())
}

fn threads_get_their_own_answers(_: &mut Lab) -> Outcome {
    let other = Namespace::create_anonymous()?;
    let nets = [Net::open()?, Net::open_in(&other)?];
    let (stop, asked) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for number in 0..4 {
            let (nets, stop, asked) = (&nets, &stop, &asked);
            scope.spawn(move || {
                let net = &nets[number % 2];
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(net.links().get("lo").unwrap().name, "lo");
                    assert!(net.links().get("none").unwrap_err().is_not_found());
                    assert!(net.routes().list().unwrap().iter().all(|route| route.priority != Some(1)));
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let made = (0..60).try_for_each(|number| {
            let name = format!("x{number}");
            let made = nets[0].links().create(Create::bridge(&name).with(in_namespace(&other)))?;
            nets[1].links().delete(&made)
        });
        while asked.load(Ordering::Relaxed) < 40 {
            thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        made
    })?;
    Ok(())
}

fn any_protocol_may_come_first(_: &mut Lab) -> Outcome {
    let sockets =
        socket_diagnosis::List { family: Family::IPV4, transport: socket_diagnosis::Transport::TCP };
    let net = Net::open()?;
    ensure_eq!(net.driver().list(sockets)?, []);
    let control = net.driver().query(generic::FindFamily::named("nlctrl"))?;
    ensure_eq!((control.id, &*control.name), (16, "nlctrl"));
    let error = net.driver().query(generic::FindFamily::named("no such family")).unwrap_err();
    ensure!(error.is_not_found(), "{error}");
    ensure!(
        error.to_string().starts_with("cannot find the generic netlink family no such family: "),
        "{error}"
    );
    ensure_eq!(net.nft().list(netwright::netfilter::request::tables())?, []);
    ensure_eq!(net.driver().list(nexthop::List::default())?, []);
    ensure_eq!(net.links().get("lo")?.index, 1);

    // Where one is asked through a connection of another protocol, nothing breaks.
    let wrong =
        net.driver().run(protocol::NETFILTER, |connection| connection.query(&link::Get::by_name("lo")));
    ensure!(wrong.is_err());
    ensure_eq!(net.links().get("lo")?.index, 1);
    Ok(())
}

fn sockets() -> Result<usize, Failure> {
    let entries = fs::read_dir("/proc/self/fd")?.filter_map(Result::ok);
    Ok(entries
        .filter(|entry| {
            fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
        })
        .count())
}

fn connections_do_not_pile_up(_: &mut Lab) -> Outcome {
    const AT_ONCE: usize = 200;
    let net = Arc::new(Net::open()?);
    busy_link(&net)?;
    let before = sockets()?;
    let all = std::sync::Barrier::new(AT_ONCE);
    let at_most = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut first = true;
                    net.addresses()
                        .each(Default::default(), |_| {
                            if std::mem::take(&mut first) {
                                all.wait();
                            }
                            GO_ON
                        })
                        .unwrap();
                })
            })
            .collect();
        threads.into_iter().all(|thread| thread.join().is_ok())
    });
    ensure!(at_most);
    // Other tests run in this process too: only many more would be those of this one.
    let left = sockets()?.saturating_sub(before);
    ensure!(left < AT_ONCE / 2, "{left} sockets are left");
    Ok(())
}

mod tasks {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use netwright::tokio::{AsyncNet, open, open_in};
    use netwright_lab::wait_until;
    use tokio::runtime::Builder;

    use super::*;

    /// Counts the turns that another task of a runtime with one thread gets while this future is under way.
    async fn turns<T>(future: impl Future<Output = T>) -> (T, usize) {
        let mut future = pin!(future);
        let mut turns = 0;
        loop {
            let polled = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
            if let Poll::Ready(value) = polled {
                return (value, turns);
            }
            turns += 1;
            tokio::task::yield_now().await;
        }
    }

    /// Everything is carried out on other threads, also what takes one system call: making a link waits for the kernel's locks.
    pub(super) fn no_task_is_held_up(_: &mut Lab) -> Outcome {
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let net = open()?;
            let set = set_of_fifty_thousand(&net).await?;
            let (made, waited) = turns(net.links().create(Create::veth("v0", "v1"))).await;
            ensure!(waited > 0);
            let made = made?;
            let addresses: Vec<Address> = (0..20_000_u32)
                .map(|n| Address::new((0x0a00_0000 + n).to_be_bytes().into(), 32).on(&made))
                .collect();
            let (added, adding) = turns(net.addresses().add_all(&addresses)).await;
            ensure_eq!(added?, []);
            let (listed, listing) = turns(net.addresses().list()).await;
            ensure!(listed?.len() >= 20_000);
            let (elements, collecting) = turns(net.nft().elements(&set)).await;
            ensure_eq!(elements?.len(), 50_000);
            let (ruleset, printing) = turns(net.nft().ruleset()).await;
            ensure!(ruleset?.to_string().contains("set s {"));
            let (deleted, deleting) = turns(net.links().delete(&made)).await;
            deleted?;
            for (what, count) in [
                ("add", adding),
                ("list", listing),
                ("elements", collecting),
                ("ruleset", printing),
                ("delete", deleting),
            ] {
                ensure!(count > 0, "{what}: the task had no turn");
            }
            Ok(())
        })
    }

    async fn set_of_fifty_thousand(net: &AsyncNet) -> Result<netwright::netfilter::Set, Failure> {
        use netwright::netfilter::{Family, Set, Table};
        let mut set = Set::new(Family::INET, "t", "s", 4);
        set.key_type = Some(19); // mark
        set.description.size = Some(50_000);
        let mut batch = net.nft().batch();
        netwright::netfilter::Batch::add(batch.raw_mut(), &Table::new(Family::INET, "t"));
        netwright::netfilter::Batch::add(batch.raw_mut(), &set);
        batch.add_elements(&set, (0..50_000_u32).map(u32::to_ne_bytes));
        batch.commit().await?;
        let sets = net.nft().list(netwright::netfilter::request::List::<Set>::new(Family::INET)).await?;
        sets.into_iter().next().ok_or(Failure::wrong("there is no set"))
    }

    pub(super) fn callbacks_of_lists_run_in_the_task(_: &mut Lab) -> Outcome {
        let net = Net::open()?;
        busy_link(&net)?;
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let net = open()?;
            let task = thread::current().id();
            let mut seen = Vec::new(); // borrowed by the callback, which is not 'static
            net.addresses()
                .each(Default::default(), |view| {
                    assert_eq!(thread::current().id(), task);
                    seen.push(view.address()?);
                    GO_ON
                })
                .await?;
            ensure!(seen.len() >= 4000);
            let mut few = 0;
            net.addresses()
                .each(Default::default(), |_| {
                    few += 1;
                    Ok(if few == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })
                .await?;
            ensure_eq!(few, 3);
            ensure_eq!(net.links().get("busy").await?.name, "busy");
            Ok(())
        })
    }

    pub(super) fn many_tasks_get_their_own_answers(_: &mut Lab) -> Outcome {
        let other = Namespace::create_anonymous()?;
        Builder::new_multi_thread().worker_threads(4).enable_all().build()?.block_on(async {
            let (net, there) = (Arc::new(open()?), Arc::new(open_in(&other)?));
            let tasks: Vec<_> = (0..64)
                .map(|number| {
                    let (net, there, moved) = (Arc::clone(&net), Arc::clone(&there), in_namespace(&other));
                    tokio::spawn(async move {
                        let name = format!("t{number}");
                        let made = net.links().create(Create::bridge(&name).with(moved)).await?;
                        let found = there.links().get(&name).await?;
                        let lo = net.links().get("lo").await?;
                        there.links().delete(&found).await?;
                        Ok::<_, netwright::Error>((made.name == name, found.index == made.index, lo.name))
                    })
                })
                .collect();
            for task in tasks {
                ensure_eq!(
                    task.await.map_err(|error| Failure::wrong(error))??,
                    (true, true, "lo".to_owned())
                );
            }
            ensure_eq!(
                there.links().list().await?.iter().filter(|link| link.name.starts_with('t')).count(),
                0
            );
            Ok(())
        })
    }

    /// A ping to the other side of a TUN is answered by a task.
    pub(super) fn packets_of_a_tun_come_and_go(_: &mut Lab) -> Outcome {
        netwright_lab::tunnels()?;
        use netwright::sys::Tun;
        use netwright::tokio::AsyncTun;
        let namespace = Namespace::current()?;
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let tun = AsyncTun::open(Tun { name: "t%d".into(), ..Tun::default() }, &namespace).await?;
            ensure_eq!(tun.name(), "t0");
            let net = open()?;
            let link = net.links().get(tun.name()).await?;
            net.addresses().add(&link, "10.8.0.1/24".parse()?).await?;
            net.links().set(&link, Change::up()).await?;
            // The namespaces of the workers are another affair: sockets are made by this thread.
            let socket = std::net::UdpSocket::bind("10.8.0.1:0")?;
            socket.set_nonblocking(true)?;
            socket.send_to(b"question", "10.8.0.2:9")?;
            let mut packet = vec![0; 2000];
            let length = loop {
                let length = tun.receive(&mut packet).await?;
                if packet[0] >> 4 == 4 && packet[9] == 17 {
                    break length;
                }
            };
            ensure_eq!(packet[28..length], *b"question");
            // Back to the sender: addresses and ports change sides, and the checksums stay what they were.
            let (from, to): (Vec<u8>, Vec<u8>) = (packet[12..16].to_vec(), packet[16..20].to_vec());
            packet[12..20].copy_from_slice(&[to, from].concat());
            let (from, to): (Vec<u8>, Vec<u8>) = (packet[20..22].to_vec(), packet[22..24].to_vec());
            packet[20..24].copy_from_slice(&[to, from].concat());
            ensure_eq!(tun.send(&packet[..length]).await?, length);
            let mut answer = [0; 20];
            let received = wait_until("the answer", || Ok(socket.recv(&mut answer).ok()))?;
            ensure_eq!(answer[..received], *b"question");
            Ok(())
        })
    }

    pub(super) fn futures_may_be_dropped_at_any_point(_: &mut Lab) -> Outcome {
        let blocking = Net::open()?;
        let link = busy_link(&blocking)?;
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let net = open()?;
            let poll = |mut future: std::pin::Pin<&mut dyn Future<Output = Outcome>>| {
                _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            };
            for polls in 0..4 {
                let mut list =
                    pin!(async { net.addresses().list().await.map(|_| ()).map_err(Failure::from) });
                let mut change = pin!(async {
                    net.links().set(link.id(), Change::alias("dropped")).await.map_err(Failure::from)
                });
                (0..polls).for_each(|_| poll(list.as_mut()));
                (0..polls).for_each(|_| poll(change.as_mut()));
            }
            ensure!(net.addresses().list().await?.len() >= 4000);
            // What was sent is done all the same.
            wait_until("the alias", || {
                Ok((blocking.links().get("busy")?.alias.as_deref() == Some("dropped")).then_some(()))
            })?;
            Ok(())
        })
    }
}
