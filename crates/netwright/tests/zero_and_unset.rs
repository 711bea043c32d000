//! What is written is what is meant: zero is a value, nothing is nothing, and what the kernel would take for something else is
//! refused before it is sent.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::net::IpAddr;

use netwright::route::link::{Change, Create, Peer};
use netwright::route::nexthop::GroupMember;
use netwright::route::route::{List, Lookup, Metrics, NextHop, RouteKind, RouterPreference};
use netwright::route::rule::{RuleAction, RuleFlags};
use netwright::route::{Family, LinkId, Protocol, Table, address, link, neighbour, nexthop};
use netwright::sys::Cause;
use netwright::{Address, Error, Neighbour, Net, Nexthop, PolicyRule, Result, Route};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests};

kernel_tests! {
    no_link_is_not_every_link,
    groups_are_changed_by_their_own_operation,
    routes_mean_what_they_say,
    a_deleted_route_is_the_one_that_was_meant,
    a_deleted_rule_is_the_one_that_was_meant,
    names_are_not_empty,
    weights_are_what_they_are,
    nothing_is_marked_unasked,
}

/// It is refused here, before anything is sent.
#[track_caller]
fn refused<T: Debug>(result: Result<T>) -> Outcome {
    match result {
        Err(error) if matches!(error.cause(), Cause::Unsendable(_)) => Ok(()),
        other => Err(Failure::wrong(format_args!("{other:?}"))),
    }
}

#[track_caller]
fn not_found<T: Debug>(result: Result<T>) -> Outcome {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        other => Err(Failure::wrong(format_args!("{other:?}"))),
    }
}

fn set_up(net: &Net) -> std::result::Result<link::Link, Failure> {
    net.links().set(&net.links().get("lo")?, Change::up())?;
    let peer = Peer::new(&Change::rename("v1").and(Change::up()));
    let v0 = net.links().create(Create::veth("v0", peer).with(Change::up()))?;
    net.addresses().add(&v0, "192.0.2.1/24".parse()?)?;
    let address: Address = "2001:db8::1/64".parse()?;
    net.addresses().add(&v0, Address { flags: address::AddressFlags::NO_DUPLICATE_DETECTION, ..address })?;
    Ok(v0)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn to(text: &str) -> Route {
    Route::to(text.parse().unwrap())
}

/// The routes to a network, as texts.
fn routes(net: &Net, to: &str) -> std::result::Result<Vec<String>, Failure> {
    let wanted: netwright::Prefix = to.parse()?;
    let all = net.routes().list()?;
    Ok(all.iter().filter(|route| route.destination == wanted).map(Route::to_string).collect())
}

fn no_link_is_not_every_link(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let v0 = set_up(&net)?;
    let none = LinkId::new(0);
    for change in
        [Change::down(), Change::group(7), Change::group(7).and(Change::mtu(1300)), Change::default()]
    {
        refused(net.links().set(none, change))?;
    }
    refused(net.links().delete(none))?;
    refused(net.links().get_by_index(0))?;
    refused(net.links().statistics(none))?;
    refused(net.links().add_alternative_name(none, "x"))?;
    refused(net.links().filter(link::List::ports_of(none)))?;
    refused(net.links().create(Create::bridge("b").above(none)))?;
    refused(net.links().create(Create { index: Some(0), ..Create::bridge("b") }))?;
    refused(net.addresses().add(none, "192.0.2.9/24".parse()?))?;
    refused(net.addresses().delete(none, "192.0.2.1/24".parse()?))?;
    refused(net.addresses().of(none))?;
    refused(net.neighbours().add(Neighbour::new(none, ip("192.0.2.9"), [2, 0, 0, 0, 0, 9].into())))?;
    refused(net.neighbours().filter(neighbour::List::on(none)))?;
    refused(net.neighbours().delete(Neighbour::default()))?;
    refused(net.neighbours().delete(Neighbour {
        link: v0.id(),
        family: Family::IPV4,
        ..Neighbour::default()
    }))?;
    refused(net.routes().add(to("198.51.100.0/24").dev(none)))?;
    refused(net.routes().delete(to("198.51.100.0/24").dev(none)))?;
    refused(net.routes().filter(List { link: Some(none), ..List::default() }))?;
    refused(net.routes().look_up(Lookup { outgoing: Some(none), ..Lookup::to(ip("192.0.2.9")) }))?;
    refused(net.nexthops().add(Nexthop { id: Some(1), link: Some(none), ..Nexthop::default() }))?;
    refused(net.nexthops().filter(nexthop::List { link: Some(none), ..nexthop::List::default() }))?;
    for name in ["lo", "v0", "v1"] {
        let link = net.links().get(name)?;
        ensure!(link.is_up() && link.group == Some(0), "{link:?}");
    }
    ensure!(net.addresses().of(&v0)?.len() >= 2);
    // Taking a link out of what it is a port of is said with its own word.
    net.links().set(&v0, Change::without_master())?;
    Ok(())
}

fn groups_are_changed_by_their_own_operation(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    for (name, group) in [("a", 5), ("b", 5), ("c", 6)] {
        net.links().create(Create::bridge(name).with(Change::group(group)))?;
    }
    net.links().set_group(5, Change::up().and(Change::mtu(1300)))?;
    let seen = |name: &str| net.links().get(name).map(|link| (link.is_up(), link.mtu));
    ensure_eq!((seen("a")?, seen("b")?), ((true, Some(1300)), (true, Some(1300))));
    ensure!(!seen("c")?.0);
    refused(net.links().set_group(5, Change::rename("x")))?;
    refused(net.links().set_group(5, Change::group(6)))?;
    net.links().delete_group(5)?;
    not_found(net.links().get("a"))?;
    not_found(net.links().get("b"))?;
    ensure!(seen("c").is_ok());
    ensure!(net.links().delete_group(0).is_err());
    net.links().set_group(0, Change::down())?;
    ensure!(!seen("lo")?.0);
    net.links().set_group(0, Change::up())?;
    ensure!(seen("lo")?.0 && !seen("c")?.0);
    Ok(())
}

fn routes_mean_what_they_say(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let v0 = set_up(&net)?;
    let four = || to("198.51.100.0/24").via(ip("192.0.2.9"));
    let six = || to("2001:db8:f::/48").via(ip("2001:db8::9"));
    for route in [four(), six()] {
        refused(net.routes().add(route.clone().table(Table(0))))?;
        refused(net.routes().add(Route { gateway: None, ..route.clone() }.nexthop(0)))?;
        refused(net.routes().add(route.clone().by(NextHop::via(route.gateway.unwrap()))))?;
        refused(net.routes().delete(route.priority(0)))?;
    }
    refused(net.routes().add(six().priority(0)))?;
    net.routes().add(four().priority(0))?; // that is one of IPv4
    ensure_eq!(
        routes(&net, "198.51.100.0/24")?,
        [format!("198.51.100.0/24 via 192.0.2.9 dev if{}", v0.index)]
    );
    refused(net.routes().add(Route { expires: Some(9), ..four() }))?;
    refused(net.routes().add(Route { preference: Some(RouterPreference::HIGH), ..four() }))?;
    refused(net.routes().filter(List { table: Some(Table(0)), ..List::default() }))?;
    refused(net.routes().filter(List { protocol: Some(Protocol(0)), ..List::default() }))?;
    refused(net.routes().filter(List { kind: Some(RouteKind(0)), ..List::default() }))?;
    refused(net.nexthops().add(Nexthop { id: Some(0), link: Some(v0.id()), ..Nexthop::default() }))?;
    refused(net.nexthops().get(0))?;
    refused(net.nexthops().delete(Nexthop::default()))?;
    refused(
        net.addresses()
            .add(&v0, Address { broadcast: Some([1, 2, 3, 4].into()), ..Address::new(ip("::9"), 64) }),
    )?;
    Ok(())
}

fn a_deleted_route_is_the_one_that_was_meant(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up(&net)?;
    for (network, gateways) in [
        ("198.51.100.0/24", ["192.0.2.7", "192.0.2.8", "192.0.2.9"]),
        ("2001:db8:f::/48", ["2001:db8::7", "2001:db8::8", "2001:db8::9"]),
    ] {
        for (gateway, metric) in gateways.iter().zip([100, 200, 300]) {
            net.routes().add(to(network).via(ip(gateway)).priority(metric))?;
        }
        refused(net.routes().delete(to(network).priority(0)))?;
        not_found(net.routes().delete(to(network).priority(150)))?;
        not_found(net.routes().delete(to(network).via(ip(gateways[0])).priority(200)))?;
        ensure_eq!(routes(&net, network)?.len(), 3);
        net.routes().delete(to(network).priority(200))?;
        net.routes().delete(to(network).via(ip(gateways[2])))?;
        let left = routes(&net, network)?;
        ensure!(left.len() == 1 && left[0].ends_with("metric 100"), "{left:?}");
        net.routes().delete(to(network))?; // whatever it is
        not_found(net.routes().delete(to(network)))?;
        // Also one without a way: the network alone names it.
        net.routes().add(to(network).of_kind(RouteKind::BLACKHOLE))?;
        net.routes().delete(to(network))?;
        ensure_eq!(routes(&net, network)?, Vec::<String>::new());
    }
    let network = "198.51.100.0/24";
    net.routes().add(to(network).of_kind(RouteKind::PROHIBIT))?;
    not_found(net.routes().delete(to(network).of_kind(RouteKind::UNICAST)))?;
    not_found(net.routes().delete(to(network).of_kind(RouteKind::BLACKHOLE)))?;
    net.routes().delete(to(network).of_kind(RouteKind::PROHIBIT))?;
    // IPv6 compares little: what it does not is compared here.
    let network = "2001:db8:f::/48";
    net.routes().add(to(network).via(ip("2001:db8::9")).priority(100))?;
    net.routes().add(to(network).of_kind(RouteKind::PROHIBIT).priority(200))?;
    for other in [
        to(network).of_kind(RouteKind::BLACKHOLE),
        to(network).preferred_source(ip("2001:db8::1")),
        to(network).via(ip("2001:db8::9")).of_kind(RouteKind::PROHIBIT),
        to(network).metrics(Metrics::default().mtu(1400)),
        to(network).by(NextHop::via(ip("2001:db8::9"))),
        Route { preference: Some(RouterPreference::HIGH), ..to(network) },
        Route { expires: Some(60), ..to(network) },
    ] {
        not_found(net.routes().delete(other))?;
    }
    net.routes().delete(to(network).of_kind(RouteKind::PROHIBIT))?;
    ensure_eq!(routes(&net, network)?.len(), 1);
    net.routes().delete(to(network).of_kind(RouteKind::UNICAST))?;
    ensure_eq!(routes(&net, network)?, Vec::<String>::new());
    Ok(())
}

fn a_deleted_rule_is_the_one_that_was_meant(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let count = || net.rules().list().map(|rules| rules.len());
    let all = count()?;
    for family in [Family::UNSPECIFIED, Family::IPV4, Family::IPV6] {
        refused(net.rules().delete(PolicyRule::default().family(family)))?;
    }
    for family in [Family::IPV4, Family::IPV6] {
        not_found(net.rules().delete(PolicyRule::lookup(Table::MAIN).priority(0).family(family)))?;
        not_found(net.rules().delete(PolicyRule::default().priority(5).family(family)))?;
        not_found(net.rules().delete(PolicyRule::lookup(Table(100)).mark(0).family(family)))?;
        ensure_eq!(count()?, all);

        let table = || PolicyRule::lookup(Table(100)).family(family).priority(1000);
        net.rules().add(table().mark(5))?;
        net.rules().add(table().mark(0))?;
        net.rules().add(PolicyRule { flags: RuleFlags::INVERT, ..table().mark(9) })?;
        // The first rule has another mark, which the kernel does not compare with 0: that cannot be told apart, and is not tried.
        not_found(net.rules().delete(table().mark(0)))?;
        not_found(net.rules().delete(PolicyRule { flags: RuleFlags::INVERT, ..table().mark(5) }))?;
        ensure_eq!(count()?, all + 3);
        net.rules().delete(table().mark(5))?;
        net.rules().delete(table().mark(0))?;
        net.rules().delete(PolicyRule { flags: RuleFlags::INVERT, ..table() })?;
        ensure_eq!(count()?, all);

        let goto = |target, priority| PolicyRule {
            action: RuleAction::GOTO,
            target: Some(target),
            family,
            ..PolicyRule::default().priority(priority)
        };
        net.rules().add(goto(30_000, 20))?;
        not_found(net.rules().delete(goto(30_001, 20)))?;
        net.rules().delete(goto(30_000, 20))?;

        // Rule 0, as whoever moves the local table deletes it.
        let local = PolicyRule::lookup(Table::LOCAL).family(family);
        net.rules().add(local.clone().priority(10))?;
        net.rules().delete(local.clone().priority(0))?;
        not_found(net.rules().delete(local.clone().priority(0)))?;
        net.rules().add(local.clone().priority(0))?;
        let refused = net.rules().delete_all([local.clone().priority(10), local.clone().priority(11)])?;
        ensure_eq!(refused.iter().map(|failure| failure.index).collect::<Vec<_>>(), [1]);
        ensure_eq!(count()?, all);
    }
    refused(net.rules().add(PolicyRule::lookup(Table(0))))?;
    Ok(())
}

fn names_are_not_empty(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let v0 = set_up(&net)?;
    refused(net.links().get(""))?;
    refused(net.links().set(&v0, Change::rename("")))?;
    refused(net.links().create(Create::bridge("")))?;
    refused(net.links().add_alternative_name(&v0, ""))?;
    refused(net.links().filter(link::List::of_kind("")))?;
    refused(net.links().set(&v0, Change { new_index: Some(9), ..Change::default() }))?;
    refused(net.rules().add(PolicyRule::lookup(Table(100)).incoming("")))?;
    refused(net.rules().delete(PolicyRule { incoming: Some(String::new()), ..PolicyRule::default() }))?;
    refused(net.rules().delete(PolicyRule { outgoing: Some(String::new()), ..PolicyRule::default() }))?;
    refused(
        net.addresses().add(&v0, Address { label: Some(String::new()), ..Address::new(ip("192.0.2.7"), 24) }),
    )?;
    ensure!(net.rules().list()?.len() >= 5);
    net.links().set(&v0, Change::alias("a"))?;
    net.links().set(&v0, Change::alias(""))?; // that takes it away
    ensure_eq!(net.links().get("v0")?.alias, None);
    let error: Error = net.links().get("").unwrap_err();
    ensure_eq!(error.to_string(), "cannot get link : the name of a link is empty");
    Ok(())
}

fn weights_are_what_they_are(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let v0 = set_up(&net)?;
    let by = |weight| NextHop::via(ip("192.0.2.9")).weight(weight);
    for weight in [0, 257, 300, u16::MAX] {
        refused(net.routes().add(to("198.51.100.0/24").by(by(weight)).by(NextHop::via(ip("192.0.2.8")))))?;
    }
    net.routes().add(to("198.51.100.0/24").by(by(256)).by(NextHop::via(ip("192.0.2.8"))))?;
    let listed = net.routes().list()?;
    let ways = listed.iter().find(|route| !route.next_hops.is_empty()).unwrap();
    ensure_eq!(ways.next_hops.iter().map(|hop| hop.weight).collect::<Vec<_>>(), [256, 1]);

    let single = |id| Nexthop { id: Some(id), link: Some(v0.id()), ..Nexthop::default() };
    net.nexthops().add_all([single(1), single(2)])?;
    let group =
        |members: &[GroupMember]| Nexthop { id: Some(9), group: members.to_vec(), ..Nexthop::default() };
    refused(net.nexthops().add(group(&[GroupMember::new(1).weight(0)])))?;
    refused(net.nexthops().add(group(&[GroupMember::new(0)])))?;
    refused(net.nexthops().add(group(&[GroupMember::new(1).weight(65_537)])))?;
    let members = [GroupMember::new(1), GroupMember::new(2).weight(256)];
    net.nexthops().add(group(&members))?;
    ensure_eq!(net.nexthops().get(9)?.group, members);
    let shown = Oracle::ip()?.json("nexthop show id 9")?;
    ensure_eq!(
        (&shown[0]["group"][0]["weight"], &shown[0]["group"][1]["weight"]),
        (&serde_json::Value::Null, &256.into())
    );
    Ok(())
}

/// The library marks nothing: routes and rules look as those that `ip` makes.
fn nothing_is_marked_unasked(_: &mut Lab) -> Outcome {
    let (tool, net) = (Oracle::ip()?, Net::open()?);
    let v0 = set_up(&net)?;
    net.routes().add(to("198.51.100.0/24").via(ip("192.0.2.9")))?;
    net.routes().add(to("2001:db8:f::/48").via(ip("2001:db8::9")))?;
    net.rules().add(PolicyRule::lookup(Table(100)).priority(10))?;
    net.rules().add(PolicyRule::lookup(Table(100)).priority(10).family(Family::IPV6))?;
    net.nexthops().add(Nexthop { id: Some(1), link: Some(v0.id()), ..Nexthop::default() })?;
    net.addresses().add(&v0, "192.0.2.7/24".parse()?)?;
    net.neighbours().add(Neighbour::new(&v0, ip("192.0.2.9"), [2, 0, 0, 0, 0, 9].into()))?;
    for line in [
        "route add 198.51.101.0/24 via 192.0.2.9",
        "-6 route add 2001:db8:10::/48 via 2001:db8::9",
        "rule add pref 11 table 100",
        "-6 rule add pref 11 table 100",
        "nexthop add id 2 dev v0",
        "address add 192.0.2.8/24 dev v0",
        "neigh add 192.0.2.10 lladdr 02:00:00:00:00:09 dev v0",
    ] {
        tool.line(line)?;
    }
    let protocols = |line: &str, ours: &str, theirs: &str| -> Outcome {
        let shown = tool.json(line)?;
        let find = |text: &str| {
            let all = shown.as_array().into_iter().flatten();
            let nested =
                all.flat_map(|one| one["addr_info"].as_array().cloned().unwrap_or(vec![one.clone()]));
            nested.into_iter().find(|one| one.to_string().contains(text)).map(|one| one["protocol"].clone())
        };
        let (ours, theirs) = (find(ours), find(theirs));
        ensure!(ours.is_some(), "{line}: {shown}");
        ensure_eq!(ours, theirs);
        Ok(())
    };
    protocols("-d route show", "198.51.100.0", "198.51.101.0")?;
    protocols("-d -6 route show", "2001:db8:f::", "2001:db8:10::")?;
    protocols("-d rule show", r#""priority":10,"#, r#""priority":11,"#)?;
    protocols("-d -6 rule show", r#""priority":10,"#, r#""priority":11,"#)?;
    protocols("-d nexthop show", r#""id":1,"#, r#""id":2,"#)?;
    protocols("-d address show dev v0", "192.0.2.7", "192.0.2.8")?;
    protocols("-d neigh show", r#""192.0.2.9""#, r#""192.0.2.10""#)
}
