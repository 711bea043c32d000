//! The same operations as futures, compared with the same witnesses.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ::tokio::runtime::{Builder, Runtime};
use netwright::netfilter::raw::*;
use netwright::netfilter::request::{List, ListElements};
use netwright::netfilter::{Chain, ChainRef, Element, Family, Rule, Set, Table};
use netwright::route::link;
use netwright::route::route::Lookup;
use netwright::route::{self, neighbour};
use netwright::tokio::{AsyncNet, open, open_in};
use netwright::{Change, Create, Made, Namespace, Neighbour, PolicyRule, Route};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use crate::common::{address, column, details, is_everywhere, names, own, peer_in, usable_at_once};
use crate::nftables::seen;

/// A runtime whose tasks run on this test's thread, and so in its namespace.
fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn with_net<F: Future<Output = Outcome>>(body: impl FnOnce(AsyncNet) -> F) -> Outcome {
    runtime()?.block_on(async { body(open()?).await })
}

pub(crate) fn links_live_their_life(lab: &mut Lab) -> Outcome {
    let (ip, other) = (Oracle::ip()?, lab.node("other")?);
    with_net(|net| async move {
        let made = net.links().create(Create::veth("out", peer_in(&other, "in"))).await?;
        let there = open_in(other.namespace())?;
        ensure_eq!(there.links().get("in").await?.parent, Some(made.index));
        let bridge = net.links().create(Create::bridge("br0")).await?;
        net.links().set(&made, Change::master(&bridge).and(Change::mtu(1400)).and(Change::up())).await?;
        let read = net.links().get_by_index(made.index).await?;
        ensure_eq!((read.master, read.mtu), (Some(bridge.index), Some(1400)));
        ensure_eq!(details(&ip, "out")?["mtu"], 1400);
        ensure_eq!(details(&ip, "out")?["master"], "br0");
        ensure_eq!(net.links().filter(link::List::of_kind("bridge")).await?.len(), 1);
        let mut seen = Vec::new();
        let list = net.links().each(link::List::default(), |view| {
            seen.push(view.id()?.name().unwrap_or_default().into_owned());
            Ok(ControlFlow::Continue(()))
        });
        list.await?;
        seen.retain(|name| !is_everywhere(name));
        ensure_eq!(seen.len(), 3);
        net.links().add_alternative_name(&made, "the-way-out-of-here").await?;
        ensure_eq!(net.links().get("the-way-out-of-here").await?.index, made.index);
        ensure!(net.links().statistics(&made).await?.statistics.is_some());
        net.links().delete(&made).await?;
        ensure_eq!(names(&ip.json("link show")?), ["lo", "br0"]);
        let error = net.links().get("out").await.err().ok_or(Failure::wrong("found"))?;
        ensure_eq!(error.to_string(), "cannot get link out: no such device (ENODEV)");
        Ok(())
    })
}

pub(crate) fn addresses_routes_rules_and_neighbours(_: &mut Lab) -> Outcome {
    let ip = Oracle::ip()?;
    with_net(|net| async move {
        let link = net.links().create(Create::bridge("br0").with(Change::up())).await?;
        net.addresses().add(&link, "10.9.9.1/24".parse()?).await?;
        net.addresses().add(&link, usable_at_once("2001:db8:9::1/64")?).await?;
        ensure_eq!(
            net.addresses().of(&link).await?.iter().filter(|found| found.address.is_ipv4()).count(),
            1
        );
        ensure!(ip.json("address show dev br0")?.to_string().contains("2001:db8:9::1"));
        let error =
            net.addresses().add(&link, "10.9.9.1/24".parse()?).await.err().ok_or(Failure::wrong("twice"))?;
        ensure!(error.is_exists());

        let to = |number: u8| {
            Route::to(route::Prefix::host([10, 50, 0, number].into())).via([10, 9, 9, 2].into()).dev(&link)
        };
        let mut routes: Vec<Route> = (0..=255).map(to).collect();
        routes.push(to(7));
        let refused = net.routes().add_all(&routes).await?;
        ensure_eq!(refused.iter().map(|failure| failure.index).collect::<Vec<_>>(), [256]);
        let found = net.routes().look_up(Lookup::to(address("10.50.0.9")?)).await?;
        ensure_eq!(found.gateway, Some(address("10.9.9.2")?));
        let mut count = 0;
        let list = route::route::List { protocol: Some(route::Protocol::BOOT), ..Default::default() };
        net.routes()
            .each(list, |_| {
                count += 1;
                Ok(ControlFlow::Continue(()))
            })
            .await?;
        ensure_eq!(count, 256);
        ensure_eq!(ip.json("route show proto boot")?.as_array().map(Vec::len), Some(256));
        routes.truncate(256);
        ensure_eq!(net.routes().delete_all(&routes).await?, []);

        net.rules().add(PolicyRule::lookup(route::Table(100)).mark(7).priority(100)).await?;
        ensure_eq!(ip.json("-4 rule show pref 100")?[0]["fwmark"], "0x7");
        ensure_eq!(net.rules().list().await?.len(), 6);
        let near = Neighbour::new(&link, address("10.9.9.77")?, [2, 0, 0, 0, 0, 1].into());
        net.neighbours().replace(near.clone()).await?;
        ensure_eq!(
            net.neighbours()
                .filter(neighbour::List::on(&link))
                .await?
                .iter()
                .filter(|found| found.destination == near.destination)
                .count(),
            1
        );
        ensure_eq!(column(&ip.json("-4 neigh show")?, "dst"), ["10.9.9.77"]);
        net.neighbours().delete(near).await?;
        net.settings().set_forwarding(true)?;
        ensure_eq!(net.settings().forwarding()?, (true, true));
        Ok(())
    })
}

pub(crate) fn transactions(_: &mut Lab) -> Outcome {
    let nft = Oracle::nft()?;
    with_net(|net| async move {
        let set = Set::new(Family::INET, "t", "s", 4);
        let rule = Rule::new(
            Family::INET,
            "t",
            "c",
            [payload(Base::NETWORK, 12, 4).into(R1), lookup(R1, "s"), verdict(Verdict::DROP)],
        );
        let mut batch = net.nft().batch();
        batch.add(&Table::new(Family::INET, "t"));
        batch.add(&Chain::new(Family::INET, "t", "c"));
        batch.add(&set);
        batch.add_elements(&set, (0..50_000_u32).map(u32::to_be_bytes));
        batch.echo(true);
        batch.add(&rule);
        let committed = batch.commit().await?;
        let [(_, Made::Rule(made))] = &committed.made[..] else { return Err(Failure::wrong("no echo")) };
        ensure_eq!(
            seen(&nft, "-a list chain inet t c", "rule")?[0]["handle"],
            made.handle.unwrap_or_default()
        );
        let mut count = 0;
        net.nft()
            .each(ListElements::of(&set), |elements| {
                count += elements.count();
                Ok(ControlFlow::Continue(()))
            })
            .await?;
        ensure!(count >= 40_000, "{count} elements"); // the kernel's table may still grow, and a list then miss some
        ensure_eq!(net.nft().rules(ChainRef::new(Family::INET, "t", "c")).await?.len(), 1);
        ensure_eq!(net.nft().find(set.reference()).await?.key_length, 4);

        let generation = net.nft().generation().await?;
        let mut batch = net.nft().batch_for_generation(generation.wrapping_add(1));
        batch.flush_ruleset(Family::UNSPECIFIED);
        ensure!(batch.commit().await.is_err());
        let mut batch = net.nft().batch();
        batch.delete_elements(&set, [[0_u8; 4], [255; 4]]);
        let error = batch.commit().await.err().ok_or(Failure::wrong("committed"))?;
        let expected = "cannot delete element inet t s (element 2 of 2): no such object (ENOENT)";
        ensure!(error.to_string().starts_with(expected), "{error}");
        ensure_eq!(net.nft().generation().await?, generation);
        let mut batch = net.nft().batch();
        batch.flush_chain(&Chain::new(Family::INET, "t", "c"));
        batch.flush_set(&set);
        batch.add_elements(&set, [[7_u8; 4]]);
        batch.commit().await?;
        ensure_eq!(net.nft().elements(&set).await?, [Element::new([7; 4])]);
        let dump = net.nft().dump(Family::UNSPECIFIED).await?;
        ensure_eq!((dump.tables.len(), dump.chains.len(), dump.rules.len(), dump.sets.len()), (1, 1, 0, 1));
        ensure_eq!(net.nft().list(List::<Table>::new(Family::INET)).await?.len(), 1);
        Ok(())
    })
}

pub(crate) fn many_tasks_share_one_net(_: &mut Lab) -> Outcome {
    let (ip, namespace) = (Oracle::ip()?, Namespace::current()?);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // the workers are in this namespace too; another one shows that nothing depends on where they are
    let inside = Namespace::create_anonymous()?;
    runtime.block_on(async {
        let net = Arc::new(open_in(&inside)?);
        let tasks: Vec<_> = (0..16)
            .map(|number| {
                let net = Arc::clone(&net);
                ::tokio::spawn(async move {
                    let name = format!("task{number}");
                    let made = net.links().create(Create::bridge(&name)).await?;
                    net.addresses()
                        .add(&made, netwright::Address::new([10, 0, number, 1].into(), 24))
                        .await?;
                    let mut batch = net.nft().batch();
                    batch.add(&Table::new(Family::INET, &*name));
                    batch.commit().await?;
                    Ok::<_, netwright::Error>(net.links().list().await?.len())
                })
            })
            .collect();
        for task in tasks {
            ensure!(task.await.map_err(|_| Failure::wrong("a task panicked"))?? >= 2);
        }
        ensure_eq!(own(net.links().list().await?).len(), 17);
        ensure_eq!(net.nft().list(List::<Table>::new(Family::INET)).await?.len(), 16);
        Ok(())
    })?;
    ensure_eq!(names(&inside.run(|| ip.json("link show"))??).len(), 17);
    ensure_eq!(names(&ip.json("link show")?), ["lo"]);
    ensure!(Namespace::current()?.same_as(&namespace)?);
    Ok(())
}

/// A list that is given up half-way leaves its rest in the socket, and the next request is not confused by it.
pub(crate) fn a_future_that_is_dropped_leaves_the_net_usable(_: &mut Lab) -> Outcome {
    with_net(|net| async move {
        let link = net.links().create(Create::bridge("br0").with(Change::up())).await?;
        let addresses: Vec<_> = (0..2000_u32)
            .map(|number| netwright::Address::new((0x0a00_0000 + number).to_be_bytes().into(), 32).on(&link))
            .collect();
        ensure_eq!(net.addresses().add_all(&addresses).await?, []);
        for polls in 1..4 {
            let mut list = pin!(net.addresses().list());
            // on a busy machine it may be done before it is dropped
            for _ in 0..polls {
                if list.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
            }
        }
        ensure_eq!(net.links().get("br0").await?.index, link.index);
        ensure!(net.addresses().list().await?.len() >= 2000);
        Ok(())
    })
}

pub(crate) fn without_a_runtime_it_says_so(_: &mut Lab) -> Outcome {
    let net = open()?;
    let mut asked = pin!(net.links().list());
    let Poll::Ready(answer) = asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        return Err(Failure::wrong("it waits"));
    };
    let error = answer.err().ok_or(Failure::wrong("it was answered"))?;
    ensure!(error.to_string().starts_with("cannot use the network from a task: "), "{error}");
    Ok(())
}
