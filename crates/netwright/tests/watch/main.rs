//! Events and copies, beside lists of the same namespace and what `ip` and `nft` do to it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use netwright::route::link::{Change as LinkChange, Create};
use netwright::route::route::{NextHop, NextHopFlags, RouteFlags};
use netwright::route::{Family, neighbour, rule};
use netwright::watch::{Event, Kinds, Options, Store, Update, Watch};
use netwright::{Address, Namespace, Neighbour, Net, PolicyRule, Route};
use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests, wait_until};

kernel_tests! {
    changes_are_told_with_names_and_what_was_before,
    what_is_there_comes_first_and_nothing_is_lost_between,
    an_overrun_is_made_good_by_differences,
    random::the_copy_is_what_there_is_after_whatever_ip_does,
    ruleset::the_ruleset_is_followed,
    live::a_live_copy_is_up_to_date_when_asked,
    live::a_live_copy_is_brought_up_to_date_by_several,
    only_what_was_asked_for_is_told,
    tasks::events_are_a_stream,
    tasks::an_overrun_is_made_good_in_a_task,
    overrun::copies_are_right_after_others_wrote_too_fast,
    overrun::a_task_is_right_after_others_wrote_too_fast,
}

mod compare;
mod live;
mod overrun;
mod random;
mod ruleset;
mod tasks;

use compare::*;

/// The events that there are, without waiting.
fn told(watch: &mut Watch) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    while let Some(event) = watch.try_next()? {
        events.push(event);
    }
    Ok(events)
}

/// The texts of events.
fn texts(events: &[Event]) -> Vec<String> {
    fn of<T: std::fmt::Display>(noun: &str, change: &Update<T>) -> String {
        let before = match change {
            Update::Changed { before, .. } => format!(" from {before}"),
            _ => String::new(),
        };
        format!("{noun} {} {}{before}", change.verb(), change.object())
    }
    events
        .iter()
        .map(|event| match event {
            Event::Link(change) => of("link", change),
            Event::Address(change) => of("address", change),
            Event::Route(change) => of("route", change),
            Event::Rule(change) => of("rule", change),
            Event::Neighbour(change) => of("neighbour", change),
            Event::Nexthop(change) => of("nexthop", change),
            Event::NamespaceId(change) => of("id", change),
            Event::Table(change) => format!("table {} {}", change.verb(), change.object().name),
            Event::Chain(change) => format!("chain {} {}", change.verb(), change.object().name),
            Event::FirewallRule(change) => format!("firewall rule {}", change.verb()),
            Event::Set(change) => format!("set {} {}", change.verb(), change.object().name),
            Event::Element(change) => {
                let element = change.object();
                format!("element {} {:?}", change.verb(), element.element.key_bytes().unwrap_or_default())
            }
            Event::Object(change) => format!("object {} {}", change.verb(), change.object().name),
            Event::Generation(_) => "generation".to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

fn changes_are_told_with_names_and_what_was_before(_: &mut Lab) -> Outcome {
    let (net, ip) = (Net::open()?, Oracle::ip()?);
    let mut watch = net.watch(Kinds::ALL - Kinds::NEIGHBOURS - Kinds::FORWARDING)?;
    ensure_eq!(told(&mut watch)?, []);
    let lines = |lines: &[&str], expected: &[&str], watch: &mut Watch| -> Outcome {
        lines.iter().try_for_each(|line| ip.line(line).map(drop))?;
        let mut own = Vec::new();
        // Some of it the kernel does a little later.
        while let Some(event) =
            watch.next_timeout(Duration::from_millis(if own.len() < expected.len() { 5000 } else { 0 }))?
        {
            let text = texts(&[event]).remove(0);
            // What it does besides: local routes, multicast, addresses of link scope.
            let kernels =
                ["table local", "fe80", "ff00", "multicast", "local ", "broadcast ", "link changed"];
            if !kernels.iter().any(|word| text.contains(word)) {
                own.push(text);
            }
        }
        ensure_eq!(own, expected);
        Ok(())
    };
    lines(&["link add d0 type veth peer name d1"], &["link added d1", "link added d0"], &mut watch)
        .or_else(|_| lines(&[], &[], &mut watch))?;
    ip.line("link set d1 up")?;
    ip.line("link set d0 addrgenmode none")?;
    ip.line("link set d0 up")?;
    told(&mut watch)?;
    ip.line("link set d0 mtu 1400")?;
    let mut events = told(&mut watch)?;
    events.retain(
        |event| matches!(event, Event::Link(Update::Changed { before, now }) if before.mtu != now.mtu),
    );
    let [Event::Link(Update::Changed { before, now })] = events.as_slice() else {
        return Err(Failure::wrong(format_args!("{events:?}")));
    };
    ensure_eq!((before.mtu, now.mtu, &*now.name), (Some(1500), Some(1400), "d0"));
    wait_until("it has a carrier", || {
        Ok(net.links().get("d0")?.flags.contains(netwright::route::link::LinkFlags::RUNNING).then_some(()))
    })?;
    told(&mut watch)?;
    lines(
        &["address add 192.0.2.1/24 dev d0", "address add 2001:db8::1/64 dev d0 nodad"],
        &[
            "address added 192.0.2.1/24 dev d0",
            "route added 192.0.2.0/24 dev d0",
            "route added 2001:db8::/64 dev d0 metric 256",
            "address added 2001:db8::1/64 dev d0",
        ],
        &mut watch,
    )?;
    let route = "198.51.100.0/24";
    lines(
        &[
            &format!("route add {route} via 192.0.2.9"),
            &format!("route append {route} via 192.0.2.8"),
            &format!("route replace {route} via 192.0.2.7"),
            &format!("route del {route} via 192.0.2.8"),
            &format!("route del {route}"),
        ],
        &[
            "route added 198.51.100.0/24 via 192.0.2.9 dev d0",
            "route added 198.51.100.0/24 via 192.0.2.8 dev d0",
            "route changed 198.51.100.0/24 via 192.0.2.7 dev d0 from 198.51.100.0/24 via 192.0.2.9 dev d0",
            "route removed 198.51.100.0/24 via 192.0.2.8 dev d0",
            "route removed 198.51.100.0/24 via 192.0.2.7 dev d0",
        ],
        &mut watch,
    )?;
    let way = |number| format!("nexthop via 2001:db8::{number} dev d0 weight 1");
    let to = "2001:db8:f::/48";
    lines(
        &[
            &format!("-6 route add {to} via 2001:db8::7"),
            &format!("-6 route append {to} via 2001:db8::8"),
            &format!("-6 route append {to} via 2001:db8::9"),
            &format!("-6 route del {to} via 2001:db8::7"),
            &format!("-6 route del {to} via 2001:db8::9"),
            &format!("-6 route del {to}"),
        ],
        &[
            &format!("route added {to} via 2001:db8::7 dev d0 metric 1024"),
            &format!(
                "route changed {to} {} {} metric 1024 from {to} via 2001:db8::7 dev d0 metric 1024",
                way(8),
                way(7)
            ),
            &format!(
                "route changed {to} {} {} {} metric 1024 from {to} {} {} metric 1024",
                way(9),
                way(7),
                way(8),
                way(8),
                way(7)
            ),
            &format!(
                "route changed {to} {} {} metric 1024 from {to} {} {} {} metric 1024",
                way(9),
                way(8),
                way(9),
                way(7),
                way(8)
            ),
            &format!(
                "route changed {to} via 2001:db8::8 dev d0 metric 1024 from {to} {} {} metric 1024",
                way(9),
                way(8)
            ),
            &format!("route removed {to} via 2001:db8::8 dev d0 metric 1024"),
        ],
        &mut watch,
    )?;
    lines(
        &["rule add from 10.0.0.0/8 table 100 pref 10", "rule del pref 10"],
        &["rule added 10: from 10.0.0.0/8 lookup 100", "rule removed 10: from 10.0.0.0/8 lookup 100"],
        &mut watch,
    )?;
    // What goes without a word: routes with their link, their source or their nexthop, and nexthops with their link.
    lines(
        &["nexthop add id 1 via 192.0.2.9 dev d0", "route add 203.0.113.0/24 nhid 1", "nexthop del id 1"],
        &[
            "nexthop added id 1 via 192.0.2.9 dev d0",
            "route added 203.0.113.0/24 via 192.0.2.9 dev d0 nhid 1",
            "nexthop removed id 1 via 192.0.2.9 dev d0",
            "route removed 203.0.113.0/24 via 192.0.2.9 dev d0 nhid 1",
        ],
        &mut watch,
    )?;
    lines(
        &[
            "address add 192.0.2.2/24 dev d0",
            "route add 203.0.113.0/24 dev d0 src 192.0.2.2",
            "address del 192.0.2.2/24 dev d0",
        ],
        &[
            "address added 192.0.2.2/24 dev d0",
            "route added 203.0.113.0/24 dev d0",
            "address removed 192.0.2.2/24 dev d0",
            "route removed 203.0.113.0/24 dev d0",
        ],
        &mut watch,
    )?;
    ip.line("route add 203.0.113.0/24 via 192.0.2.9")?;
    ip.line("nexthop add id 2 dev d0")?;
    told(&mut watch)?;
    ip.line("link set d0 down")?;
    let gone = texts(&told(&mut watch)?);
    for expected in [
        "route removed 203.0.113.0/24 via 192.0.2.9 dev d0",
        "nexthop removed id 2 dev d0",
        "route removed 192.0.2.0/24 dev d0",
    ] {
        ensure!(gone.iter().any(|text| text == expected), "{expected} is not in {gone:?}");
    }
    ip.line("link del d0")?;
    let gone = texts(&told(&mut watch)?);
    for expected in ["link removed d0", "link removed d1", "address removed 192.0.2.1/24 dev d0"] {
        ensure!(gone.iter().any(|text| text == expected), "{expected} is not in {gone:?}");
    }
    // Ids of namespaces.
    let other = Namespace::create_anonymous()?;
    net.links()
        .create(Create::veth("v0", netwright::route::link::Peer::new(&LinkChange::namespace(&other))))?;
    let ids = texts(&told(&mut watch)?);
    ensure!(ids.iter().any(|text| text.starts_with("id added ")), "{ids:?}");
    Ok(())
}

/// Many routes and addresses come and go while the watch begins.
fn what_is_there_comes_first_and_nothing_is_lost_between(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let link = net.links().create(Create::bridge("b").with(LinkChange::up()))?;
    let route = |number: u32| {
        Route::to(netwright::Prefix::host((0x0a00_0000 + number).to_be_bytes().into())).dev(&link)
    };
    ensure_eq!(net.routes().add_all((0..3000).map(route))?, []);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let net = Net::open().unwrap();
            for turn in 0_u32.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let number = turn % 3000;
                net.routes().delete(route(number)).unwrap();
                net.routes().add(route(number).priority(turn % 5 + 1)).unwrap();
                net.routes().add(route(3000 + number)).unwrap();
                net.addresses()
                    .replace(&link, Address::new((0x0b00_0000 + number).to_be_bytes().into(), 32))
                    .unwrap();
                if turn % 2 == 0 {
                    net.routes().delete(route(3000 + number)).unwrap();
                    net.routes().delete(route(number)).unwrap();
                    net.routes().add(route(number)).unwrap();
                } else {
                    let other = Route { link: None, ..route(3000 + number) };
                    net.routes()
                        .replace(other.of_kind(netwright::route::route::RouteKind::BLACKHOLE))
                        .unwrap();
                    net.routes().delete(Route { link: None, ..route(3000 + number) }).unwrap();
                    net.routes().delete(route(number)).unwrap();
                    net.routes().add(route(number)).unwrap();
                    net.addresses()
                        .delete(&link, Address::new((0x0b00_0000 + number).to_be_bytes().into(), 32))
                        .unwrap();
                }
            }
        });
        let mut checked = 0;
        let result = (0..6).try_for_each(|_| {
            let mut watch = net.watch(Options::new(Kinds::ROUTES | Kinds::ADDRESSES).existing())?;
            let mut sum = Sum::default();
            let mut after = 0;
            while after < 1000 {
                after += usize::from(sum.listed);
                let event =
                    watch.next_timeout(Duration::from_secs(10))?.ok_or(Failure::wrong("nothing happens"))?;
                sum.add(&event)?;
                checked += 1;
            }
            ensure!(sum.listed && sum.routes.len() >= 3000 && sum.resynchronised == 0);
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        changing.join().unwrap();
        result
    })?;
    let mut watch = net.watch(Options::new(Kinds::ROUTING).existing())?;
    let mut sum = Sum::default();
    settles(&mut watch, &net)?;
    told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
    same("routes", &sum.routes, &watch.store().routes().map(plain).collect())
}

/// More changes than the socket holds: the events still add up to what there is.
fn an_overrun_is_made_good_by_differences(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let link = net.links().create(Create::bridge("b").with(LinkChange::up()))?;
    let route = |number: u32| {
        Route::to(netwright::Prefix::host((0x0a00_0000 + number).to_be_bytes().into())).dev(&link)
    };
    ensure_eq!(net.routes().add_all((0..2000).map(route))?, []);
    let mut watch = net.watch(Options::new(Kinds::ROUTING).existing().buffer(100_000))?;
    let mut sum = Sum::default();
    for round in 1..4_u32 {
        told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
        ensure_eq!(net.routes().delete_all((0..1000).map(|n| route(n + round)))?, []);
        ensure_eq!(net.routes().add_all((0..1000).map(|n| route(n + round).priority(7)))?, []);
        ensure_eq!(net.routes().add_all((10_000 * round..10_000 * round + 5000).map(route))?, []);
        net.addresses().add(&link, Address::new([192, 0, 2, round as u8].into(), 32))?;
        settles(&mut watch, &net)?;
        told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
        ensure!(sum.resynchronised >= round as usize, "{}", sum.resynchronised);
        same("routes", &sum.routes, &watch.store().routes().map(plain).collect())?;
        ensure_eq!(net.routes().delete_all((0..1000).map(|n| route(n + round).priority(7)))?, []);
        ensure_eq!(net.routes().add_all((0..1000).map(|n| route(n + round)))?, []);
        told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
        sum.resynchronised = round as usize;
    }
    Ok(())
}

fn only_what_was_asked_for_is_told(_: &mut Lab) -> Outcome {
    let (net, ip) = (Net::open()?, Oracle::ip()?);
    for kinds in [
        Kinds::LINKS,
        Kinds::ADDRESSES,
        Kinds::ROUTES,
        Kinds::RULES,
        Kinds::NEXTHOPS,
        Kinds::NEIGHBOURS,
        Kinds::empty(),
    ] {
        let mut watch = net.watch(Options::new(kinds).existing())?;
        for line in [
            "link add d0 type bridge",
            "link set d0 up",
            "address add 192.0.2.1/24 dev d0",
            "route add 198.51.100.0/24 via 192.0.2.9",
            "rule add pref 10 table 100",
            "nexthop add id 1 dev d0",
            "neigh add 192.0.2.50 lladdr 02:00:00:00:00:01 dev d0",
            "link del d0",
            "rule del pref 10",
        ] {
            ip.line(line)?;
        }
        let events = told(&mut watch)?;
        let marks = events.iter().filter(|event| **event == Event::Listed).count();
        ensure_eq!(marks, 1);
        for event in events.iter().filter(|event| **event != Event::Listed) {
            ensure!(!event.kind().is_empty() && kinds.contains(event.kind()), "{kinds:?}: {event:?}");
        }
        ensure!(kinds.is_empty() || events.len() > 2, "{kinds:?}: {events:?}");
    }
    Ok(())
}
