//! Events and copies, beside lists of the same namespace and what `ip` and `nft` do to it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use netwright::route::link::{Change as LinkChange, Create};
use netwright::route::route::{NextHop, NextHopFlags, RouteFlags};
use netwright::route::{Family, neighbour, rule};
use netwright::watch::{Change, Event, Kinds, Options, Store, Watch};
use netwright::{Address, Namespace, Neighbour, Net, PolicyRule, Route};
use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests, wait_until};

kernel_tests! {
    changes_are_told_with_names_and_what_was_before,
    what_is_there_comes_first_and_nothing_is_lost_between,
    an_overrun_is_made_good_by_differences,
    the_copy_is_what_there_is_after_whatever_ip_does,
    the_ruleset_is_followed,
    a_live_copy_is_up_to_date_when_asked,
    a_live_copy_is_brought_up_to_date_by_several,
    only_what_was_asked_for_is_told,
    tasks::events_are_a_stream,
    tasks::an_overrun_is_made_good_in_a_task,
    overrun::copies_are_right_after_others_wrote_too_fast,
    overrun::a_task_is_right_after_others_wrote_too_fast,
}

#[path = "watch/overrun.rs"]
mod overrun;

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
    fn of<T: std::fmt::Display>(noun: &str, change: &Change<T>) -> String {
        let before = match change {
            Change::Changed { before, .. } => format!(" from {before}"),
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
        |event| matches!(event, Event::Link(Change::Changed { before, now }) if before.mtu != now.mtu),
    );
    let [Event::Link(Change::Changed { before, now })] = events.as_slice() else {
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

/// A route without states and times, and with its ways in an order.
fn plain(route: &Route) -> String {
    let mut hops: Vec<NextHop> = route.next_hops.clone();
    hops.iter_mut().for_each(|hop| hop.flags &= NextHopFlags::SETTABLE);
    hops.sort_by_key(|hop| format!("{hop:?}"));
    let plain = Route {
        flags: route.flags & RouteFlags::SETTABLE,
        cache_info: None,
        expires: route.expires.map(|_| 0),
        next_hops: hops,
        ..route.clone()
    };
    let link = |link: Option<netwright::LinkId>| link.map(|link| netwright::LinkId::new(link.index));
    let mut plain = Route { link: link(plain.link), ..plain };
    plain.next_hops.iter_mut().for_each(|hop| hop.link = link(hop.link));
    format!("{plain:?}")
}

fn plain_rule(listed: &PolicyRule) -> String {
    format!("{:?}", PolicyRule { flags: listed.flags & rule::RuleFlags::INVERT, ..listed.clone() })
}

fn plain_address(address: &Address) -> String {
    let lifetime = address.lifetime.map(|lifetime| (lifetime.valid.is_some(), lifetime.preferred.is_some()));
    let Address { flags, scope, peer, link, .. } = address;
    format!("{} {peer:?} {flags:?} {scope:?} {lifetime:?} {}", address.prefix(), link.index)
}

fn plain_neighbour(neighbour: &Neighbour) -> String {
    let permanent = neighbour.state == neighbour::NeighbourState::PERMANENT;
    format!(
        "{:?} {:?} {:?} {} {permanent}",
        neighbour.family, neighbour.destination, neighbour.address, neighbour.link.index
    )
}

#[track_caller]
fn same(what: &str, copied: &BTreeSet<String>, listed: &BTreeSet<String>) -> Outcome {
    let missing: Vec<_> = listed.difference(copied).take(9).collect();
    let wrong: Vec<_> = copied.difference(listed).take(9).collect();
    ensure!(missing.is_empty() && wrong.is_empty(), "{what}: missing {missing:#?}, wrong {wrong:#?}");
    Ok(())
}

fn all_routes(net: &Net) -> Result<BTreeSet<String>, Failure> {
    Ok(net.routes().list()?.iter().map(plain).collect())
}

/// What a copy has, beside what there is.
#[track_caller]
fn is_what_there_is(store: &Store, net: &Net) -> Outcome {
    let links = net.links().list()?;
    let plain_link = |link: &netwright::Link| {
        let up = link.flags & netwright::route::link::LinkFlags::UP;
        // The kernel tells of another alias or alternative name only where the link is up.
        let names = link.is_up().then_some(&link.alternative_names);
        format!("{} {} {:?} {:?} {up:?} {names:?}", link.index, link.name, link.mtu, link.master)
    };
    same("links", &store.links().map(plain_link).collect(), &links.iter().map(plain_link).collect())?;
    for link in &links {
        ensure_eq!(store.link(&link.name).map(|found| found.index), Some(link.index));
        for name in link.alternative_names.iter().filter(|_| link.is_up()) {
            ensure_eq!(store.link(name).map(|found| found.index), Some(link.index));
        }
    }
    same(
        "addresses",
        &store.addresses().map(plain_address).collect(),
        &net.addresses().list()?.iter().map(plain_address).collect(),
    )?;
    let name_of = |index: u32| links.iter().find(|link| link.index == index).map(|link| link.name.as_str());
    for id in store.addresses().map(|address| address.link).chain(store.routes().filter_map(|to| to.link)) {
        ensure_eq!(id.name(), name_of(id.index));
    }
    let routes = net.routes().list()?;
    ensure_eq!(store.route_count(), routes.len());
    same("routes", &store.routes().map(plain).collect(), &routes.iter().map(plain).collect())?;
    let rules = net.rules().list()?;
    for family in [Family::IPV4, Family::IPV6] {
        let of = |rules: &[PolicyRule]| -> Vec<String> {
            rules.iter().filter(|rule| rule.family == family).map(plain_rule).collect()
        };
        ensure_eq!(of(store.rules()), of(&rules));
    }
    let listed: Vec<_> = net.nexthops().list()?;
    let by_id = |nexthop: &netwright::Nexthop| {
        format!(
            "{:?} {:?} {:?} {:?} {}",
            nexthop.id,
            nexthop.gateway,
            nexthop.group,
            nexthop.link.map(|l| l.index),
            nexthop.blackhole
        )
    };
    same("nexthops", &store.nexthops().map(by_id).collect(), &listed.iter().map(by_id).collect())
}

/// Brings a copy up to date until it is what there is: the kernel does some of it a little later.
#[track_caller]
fn settles(watch: &mut Watch, net: &Net) -> Outcome {
    let settled = wait_until("the copy is what there is", || {
        watch.update()?;
        Ok(is_what_there_is(watch.store(), net).is_ok().then_some(()))
    });
    match settled {
        Ok(()) => Ok(()),
        Err(_) => is_what_there_is(watch.store(), net),
    }
}

/// What events add up to: the watch's own copy is not asked.
#[derive(Default)]
struct Sum {
    addresses: BTreeSet<String>,
    routes: BTreeSet<String>,
    listed: bool,
    resynchronised: usize,
}

impl Sum {
    fn add(&mut self, event: &Event) -> Outcome {
        fn step<T>(all: &mut BTreeSet<String>, change: &Change<T>, text: impl Fn(&T) -> String) -> Outcome {
            let what = format!("{} {}", change.verb(), text(change.object()));
            if let Some(before) = change.before() {
                ensure!(all.remove(&text(before)), "it was not there before: {what}");
            }
            if let Some(now) = change.now() {
                ensure!(all.insert(text(now)), "it was there already: {what}");
            }
            Ok(())
        }
        match event {
            Event::Address(change) => step(&mut self.addresses, change, plain_address),
            Event::Route(change) => step(&mut self.routes, change, plain),
            Event::Listed => {
                ensure!(!self.listed);
                self.listed = true;
                Ok(())
            }
            Event::Resynchronised(_) => {
                self.resynchronised += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
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

/// A random command of `ip`, which it may well refuse.
fn random_command(random: &mut Random) -> String {
    let mut pick = |count: usize| random.below(count);
    let link = ["a0", "a1", "b0", "b1"][pick(4)];
    let (n, m, metric) = (pick(4), pick(4), [0, 5, 9][pick(3)]);
    let metric = if metric == 0 { String::new() } else { format!(" metric {metric}") };
    let verb = ["add", "append", "replace", "del", "add", "prepend"][pick(6)];
    let table = ["", " table 100", ""][pick(3)];
    match pick(24) {
        0 => format!("link set {link} {}", ["up", "down", "up", "up"][pick(4)]),
        1 => format!("link set {link} mtu {}", 1300 + n),
        2 => format!("address {} 10.{n}.{m}.1/24 dev {link}", ["add", "del"][pick(2)]),
        3 => format!("-6 address {} 2001:db8:{n}::{m}/64 dev {link} nodad", ["add", "del"][pick(2)]),
        4 | 5 => format!("route {verb} 198.51.{n}.0/24 dev {link}{metric}{table}"),
        6 => format!("route {verb} 198.51.{n}.0/24 via 10.{m}.{n}.9 {metric}{table}"),
        7 => format!("route {verb} 198.51.{n}.0/24 nexthop dev a0 weight {} nexthop dev b0{metric}", m + 1),
        8 | 9 => {
            format!("-6 route {verb} 2001:db8:f{n}::/48 via 2001:db8:{m}::9 dev {link}{metric} onlink{table}")
        }
        10 => format!("-6 route {verb} 2001:db8:f{n}::/48 dev {link}{metric}{table}"),
        11 => format!(
            "-6 route {verb} 2001:db8:f{n}::/48 nexthop via fe80::{m} dev a0 nexthop via fe80::9 dev b0{metric}"
        ),
        12 => format!("route {verb} blackhole 198.51.{n}.0/24{metric}"),
        13 => format!("rule {} from 10.{n}.0.0/16 pref {} table 100", ["add", "del"][pick(2)], 10 + m),
        14 => match pick(4) {
            0 => format!("nexthop {} id {} dev {link}", ["add", "replace"][pick(2)], n + 1),
            1 => format!("nexthop del id {}", n + 1),
            2 => format!("nexthop replace id 9 group {}/{}", n + 1, m + 1),
            _ => format!("route {verb} 203.0.{n}.0/24 nhid {}", m + 1),
        },
        15 => match pick(3) {
            0 => format!("-6 route {verb} 2001:db8:f{n}::/48 via fe80::{m} dev a0 proto ra{metric}"),
            1 if n == 1 => {
                format!("-6 route {verb} 2001:db8:f{n}::/48 via fe80::{m} dev b0 mtu 1302{metric}")
            }
            1 => format!("-6 route {verb} 2001:db8:f{n}::/48 via fe80::{m} dev b0 expires 900{metric}"),
            _ => format!("-6 route {verb} blackhole 2001:db8:f{n}::/48{metric}"),
        },
        16 => match pick(4) {
            0 => "link set c0 name c1".to_owned(),
            1 => "link set c1 name c0".to_owned(),
            2 => format!("address add 10.9.{n}.1/24 dev c1"),
            _ => format!("route add 198.52.{n}.0/24 dev c1"),
        },
        17 => match pick(4) {
            0 => format!("route change 198.51.{n}.0/24 dev {link}{metric}"),
            1 => "route flush table 100".to_owned(),
            2 => format!("-6 route flush root 2001:db8:f{n}::/48"),
            _ => format!("address flush dev {link}"),
        },
        18 => match pick(4) {
            0 => "link add v0 type vrf table 100".to_owned(),
            1 => format!("link set {link} master v0"),
            2 => format!("link set {link} nomaster"),
            _ => "link del v0".to_owned(),
        },
        19 => match pick(4) {
            0 => format!("nexthop replace id 5 via fe80::{m} dev {link}"),
            1 => format!("nexthop replace id 6 group 5,{}", m + 1),
            2 => format!("-6 route {verb} 2001:db8:f{n}::/48 nhid 5{metric}"),
            _ => format!("nexthop replace id 8 group {} type resilient buckets 8", n + 1),
        },
        20 => format!("route {verb} 198.51.{n}.0/24 tos 0x10 dev {link}{metric}"),
        21 => match pick(3) {
            0 => "link del b0".to_owned(),
            1 => "link add b0 type veth peer name b1".to_owned(),
            _ => format!("-6 address add 2001:db8:{n}::{m}/64 dev {link} nodad valid_lft 900 metric {n}0"),
        },
        22 => match pick(3) {
            0 => format!("rule {} pref {} goto 12", ["add", "del"][pick(2)], 10 + m),
            1 => format!("rule {} not iif {link} pref 11 lookup 100", ["add", "del"][pick(2)]),
            _ => format!("-6 rule {} fwmark {n} pref 11 lookup 100", ["add", "del"][pick(2)]),
        },
        _ => match pick(4) {
            0 => "link add c0 type bridge".to_owned(),
            1 => ["link del c0", "link del c1"][pick(2)].to_owned(),
            2 => format!("link property {} dev {link} altname alternative-name-{n}", ["add", "del"][pick(2)]),
            _ => format!("link set {link} alias {n}"),
        },
    }
}

/// `SOAK_STEPS` makes it longer.
fn the_copy_is_what_there_is_after_whatever_ip_does(_: &mut Lab) -> Outcome {
    let steps = std::env::var("SOAK_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(60_u64);
    let (net, ip) = (Net::open()?, Oracle::ip()?);
    for line in ["link add a0 type veth peer name a1", "link add b0 type veth peer name b1"] {
        ip.line(line)?;
    }
    for link in ["a0", "a1", "b0", "b1"] {
        ip.line(&format!("link set {link} up"))?;
    }
    let mut random = Random::new(14);
    let mut watch = net.watch(Options::new(Kinds::ROUTING | Kinds::NEIGHBOURS).existing())?;
    let live = net.live(Kinds::ROUTING)?;
    let mut sum = Sum::default();
    for step in 0..steps {
        let lines: Vec<String> = (0..25).map(|_| random_command(&mut random)).collect();
        ip.output(&["-force".to_owned(), "-batch".to_owned(), "-".to_owned()], &lines.join("\n"))?;
        // Duplicate detection and carriers go on by themselves.
        settles(&mut watch, &net)
            .map_err(|failure| Failure::wrong(format_args!("after step {step}: {lines:#?}: {failure:?}")))?;
        for event in told(&mut watch)? {
            sum.add(&event)
                .map_err(|failure| Failure::wrong(format_args!("after {lines:#?}: {failure:?}")))?;
        }
        let checked = wait_until("the live copy is what there is", || {
            live.update()?;
            Ok(is_what_there_is(&live.store(), &net).is_ok().then_some(()))
        });
        if checked.is_err() {
            is_what_there_is(&live.store(), &net)?;
        }
    }
    ensure!(live.failure().is_none());
    watch.update()?;
    told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
    same("routes", &sum.routes, &watch.store().routes().map(plain).collect())?;
    let listed = net.neighbours().filter(neighbour::List::default())?;
    let of_ip = |neighbour: &&Neighbour| neighbour.family != Family::BRIDGE;
    let permanent = |n: &Neighbour| n.state == neighbour::NeighbourState::PERMANENT;
    let copied: BTreeSet<String> =
        watch.store().neighbours().filter(of_ip).filter(|n| permanent(n)).map(plain_neighbour).collect();
    ensure_eq!(copied, listed.iter().filter(|n| permanent(n)).map(plain_neighbour).collect());
    Ok(())
}

/// Lists are read again, since routes go with a link without a word, while others take what is told.
fn a_live_copy_is_brought_up_to_date_by_several(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let link = net.links().create(Create::veth("d0", "d1").with(LinkChange::up()))?;
    net.addresses().add(&link, Address::new("192.0.2.1".parse()?, 24))?;
    let live = net.live(Kinds::ROUTING)?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    live.update().unwrap();
                }
            });
        }
        let checked = (0..60).try_for_each(|round| {
            net.links().set(&link, LinkChange::down())?;
            net.links().set(&link, LinkChange::up())?;
            net.links().set(&link, LinkChange { mtu: Some(1300 + round), ..LinkChange::default() })?;
            live.update()?;
            ensure_eq!(live.store().link("d0").and_then(|link| link.mtu), Some(1300 + round));
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        checked
    })
}

fn the_ruleset_is_followed(_: &mut Lab) -> Outcome {
    let (net, nft) = (Net::open()?, Oracle::nft()?);
    nft.feed(
        ["-f", "-"],
        "table ip before { set s { type ipv4_addr; elements = { 192.0.2.9 }; }; counter c { }; }",
    )?;
    let mut watch = net.watch(Options::new(Kinds::RULESET | Kinds::TRACES).existing())?;
    ensure_eq!(
        texts(&told(&mut watch)?),
        [
            "table existing before",
            "set existing s",
            "element existing [192, 0, 2, 9]",
            "object existing c",
            "Listed"
        ]
    );
    nft.feed(
        ["-f", "-"],
        "table ip t { set s { type ipv4_addr; }; chain c { type filter hook input priority 0; ip saddr @s drop; }; }\n\
         add element ip t s { 192.0.2.1 }",
    )?;
    ensure_eq!(
        texts(&told(&mut watch)?),
        [
            "table added t",
            "chain added c",
            "set added s",
            "firewall rule added",
            "element added [192, 0, 2, 1]",
            "generation"
        ]
        .map(str::to_owned)
    );
    nft.feed(
        ["-f", "-"],
        "delete element ip t s { 192.0.2.1 }\nadd chain ip t c { policy drop; }\nflush chain ip t c",
    )?;
    ensure_eq!(
        texts(&told(&mut watch)?),
        ["element removed [192, 0, 2, 1]", "chain changed c", "firewall rule removed", "generation"]
    );
    nft.feed(["-f", "-"], "add element ip t s { 192.0.2.1, 192.0.2.2 }")?;
    told(&mut watch)?;
    nft.feed(["-f", "-"], "delete table ip t")?;
    let gone = texts(&told(&mut watch)?);
    ensure!(
        gone.contains(&"table removed t".to_owned()) && gone.contains(&"set removed s".to_owned()),
        "{gone:?}"
    );

    // After an overrun: what is different.
    let mut watch = net.watch(Options::new(Kinds::RULESET).existing().buffer(5000))?;
    told(&mut watch)?;
    let rules: String =
        (0..2000).map(|n| format!("add rule ip u c ip saddr 10.0.{}.{} drop\n", n / 256, n % 256)).collect();
    nft.feed(["-f", "-"], &format!("delete table ip before\nadd table ip u\nadd chain ip u c\n{rules}"))?;
    let events = texts(&told(&mut watch)?);
    ensure!(events.iter().any(|text| text.starts_with("Resynchronised")));
    ensure_eq!(events.iter().filter(|text| *text == "firewall rule added").count(), 2000);
    ensure!(
        events.contains(&"table removed before".to_owned()) && events.contains(&"table added u".to_owned())
    );

    // Traces of packets.
    let mut watch = net.watch(Kinds::TRACES)?;
    nft.feed(["-f", "-"], "table ip v { chain c { type filter hook output priority 0; ip daddr 127.0.0.1 meta nftrace set 1; }; }")?;
    std::net::UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", "127.0.0.1:9")?;
    let event = watch.next_timeout(Duration::from_secs(10))?;
    let Some(Event::Trace(trace)) = event else { return Err(Failure::wrong(format_args!("{event:?}"))) };
    ensure_eq!((&*trace.table, &*trace.chain), ("v", "c"));
    Ok(())
}

fn a_live_copy_is_up_to_date_when_asked(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let live = net.live(Kinds::ROUTING)?;
    for number in 0..50_u8 {
        let name = format!("b{number}");
        let link = net.links().create(Create::bridge(&name).with(LinkChange::up()))?;
        net.addresses().add(&link, Address::new([10, 0, number, 1].into(), 24))?;
        live.update()?;
        let store = live.store();
        ensure_eq!(store.link(&name).map(|link| link.index), Some(link.index));
        ensure_eq!(store.addresses_of(&link).filter(|address| address.address.is_ipv4()).count(), 1);
        ensure_eq!(store.link_with([10, 0, number, 1].into()).map(|link| &*link.name), Some(&*name));
        let best = store.longest_match(netwright::route::Table::MAIN, [10, 0, number, 77].into());
        ensure_eq!(best.map(|route| route.destination.to_string()), Some(format!("10.0.{number}.0/24")));
    }
    // Without being asked, a little later.
    net.links().delete(&net.links().get("b7")?)?;
    wait_until("the link is gone", || Ok(live.store().link("b7").is_none().then_some(())))?;
    wait_until("the copy is what there is", || {
        live.update()?; // addresses of links come by and by
        Ok(is_what_there_is(&live.store(), &net).is_ok().then_some(()))
    })?;
    // A look within a look never waits for what is to be taken over meanwhile.
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let changing = scope.spawn(|| -> netwright::Result<()> {
            let b0 = net.links().get("b0")?;
            while !stop.load(Ordering::Relaxed) {
                net.links().set(&b0, LinkChange::mtu(1400))?;
                net.links().set(&b0, LinkChange::mtu(1300))?;
            }
            Ok(())
        });
        for _ in 0..200 {
            let outer = live.store();
            let inner = |link| live.store().addresses_of(link).count();
            ensure!(outer.links().map(inner).sum::<usize>() >= 50);
            ensure!(live.update().is_err(), "it would wait for this thread");
        }
        stop.store(true, Ordering::Relaxed);
        changing.join().unwrap()?;
        Ok(())
    })?;
    live.update()?;
    drop(live);
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

mod tasks {
    use std::pin::pin;
    use std::task::Poll;

    use futures_core::Stream;
    use netwright::tokio::open;
    use tokio::runtime::Builder;

    use super::*;

    pub(super) fn events_are_a_stream(_: &mut Lab) -> Outcome {
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let net = open()?;
            let mut watch = net.watch(Options::new(Kinds::LINKS).existing()).await?;
            // As a stream, and by its own method.
            let mut stream = pin!(&mut watch);
            let first = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await;
            ensure!(matches!(first, Some(Ok(Event::Link(Change::Existing(_))))), "{first:?}");
            while !matches!(watch.next().await, Some(Ok(Event::Listed))) {}
            let waiting =
                std::future::poll_fn(|context| Poll::Ready(pin!(watch.next()).poll_now(context))).await;
            ensure!(waiting.is_none(), "there is nothing yet");
            net.links().create(Create::bridge("b")).await?;
            let Some(Ok(Event::Link(Change::Added(link)))) = watch.next().await else {
                return Err(Failure::wrong("no link"));
            };
            ensure_eq!(&*link.name, "b");
            ensure!(watch.store().link("b").is_some());
            Ok(())
        })
    }

    trait PollNow: std::future::Future + Sized {
        fn poll_now(
            self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> Option<Self::Output> {
            match self.poll(context) {
                Poll::Ready(value) => Some(value),
                Poll::Pending => None,
            }
        }
    }

    impl<F: std::future::Future> PollNow for F {}

    pub(super) fn an_overrun_is_made_good_in_a_task(_: &mut Lab) -> Outcome {
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let net = open()?;
            let link = net.links().create(Create::bridge("b").with(LinkChange::up())).await?;
            let route = |n: u32| {
                Route::to(netwright::Prefix::host((0x0a00_0000 + n).to_be_bytes().into())).dev(&link)
            };
            let mut watch = net.watch(Options::new(Kinds::ROUTES).existing().buffer(50_000)).await?;
            let mut sum = Sum::default();
            ensure_eq!(net.routes().add_all((0..20_000).map(route)).await?, []);
            let own = |sum: &Sum| sum.routes.iter().filter(|route| route.contains("address: 10.")).count();
            while sum.resynchronised == 0 || sum.routes.len() < 20_000 || own(&sum) < 20_000 {
                let event = watch.next().await.ok_or(Failure::wrong("it ended"))??;
                sum.add(&event)?;
            }
            let blocking = Net::open()?;
            let of_link = |routes: &BTreeSet<String>| {
                routes.iter().filter(|route| route.contains("address: 10.")).cloned().collect()
            };
            same("routes", &of_link(&sum.routes), &of_link(&all_routes(&blocking)?))
        })
    }
}
