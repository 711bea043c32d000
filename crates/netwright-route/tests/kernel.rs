//! The requests against the kernel, each test in a network namespace of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::env;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;

use netwright_route::link::kind::{Bridge, MacvlanMode};
use netwright_route::link::{AlternativeNames, Change, Create, Get, List, Set};
use netwright_route::neighbour::{NeighbourFlags, NeighbourState};
use netwright_route::route::{Lookup, MetricLocks, Metrics, NextHop, RouteKind};
use netwright_route::rule::{Mark, PortRange, RuleAction, UserRange};
use netwright_route::socket_diagnosis::{self, Find, Transport};
use netwright_route::{
    Add, Address, Append, Delete, Family, Link, Neighbour, Protocol, Replace, Route, Rule, Scope, Table,
    address, link, neighbour, route, rule,
};
use netwright_sys::{Connection, isolate, protocol};

const INSIDE: &str = "NETWRIGHT_TEST_INSIDE";

/// Runs a test's body in a namespace of its own: the test runs once more, alone, in a child process.
fn isolated(test: &str, body: impl FnOnce(Connection)) {
    if env::var_os(INSIDE).is_some_and(|inside| inside == *test) {
        return body(Connection::open(protocol::ROUTE).unwrap());
    }
    let mut command = isolate::command(env::current_exe().unwrap());
    let output = command
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, test)
        .output()
        .map_err(isolate::failed)
        .unwrap_or_else(|error| panic!("{error}. {:?}", error.help()));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the test did not run inside: {text}");
}

/// A veth pair `d0` and `d1` with both ends up.
fn pair(connection: &mut Connection) -> (Link, Link) {
    connection.acknowledge(&Create::veth("d0", "d1").with(Change::up())).unwrap();
    let d1 = connection.query(&Get::by_name("d1")).unwrap();
    connection.acknowledge(&Set { link: d1.id(), change: &Change::up() }).unwrap();
    let mut get = |name| connection.query(&Get::by_name(name)).unwrap();
    (get("d0"), get("d1"))
}

/// The pair with `10.9.9.1/24` on `d0`.
fn addressed(connection: &mut Connection) -> Link {
    let (d0, _) = pair(connection);
    connection.acknowledge(&Add(&"10.9.9.1/24".parse::<Address>().unwrap().on(&d0))).unwrap();
    d0
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_pair_is_made_found_changed_and_deleted() {
    isolated("a_pair_is_made_found_changed_and_deleted", |mut connection| {
        let (d0, d1) = pair(&mut connection);
        assert_eq!((d0.parent, d1.parent), (Some(d1.index), Some(d0.index)));
        assert!(d0.is_up() && d0.kind_name() == Some("veth") && d0.statistics.is_some());
        let counters_of_ipv6 = |link: &Link| link.families().unwrap().unwrap().ipv6.unwrap().statistics;
        assert_eq!(counters_of_ipv6(&d0), None);
        let change = Change::down()
            .and(Change::rename("lan0"))
            .and(Change::mtu(1400))
            .and(Change::address([2, 0, 0, 0, 0, 7]))
            .and(Change::transmit_queue_length(77))
            .and(Change::group(5))
            .and(Change::alias("to the LAN"))
            .and(Change::promiscuous(true))
            .and(Change::address_generation(link::AddressGeneration::NONE));
        connection.acknowledge(&Set { link: d0.id(), change: &change }).unwrap();
        let lan0 = connection.query(&Get::by_index(d0.index).with_family_statistics()).unwrap();
        assert_eq!((lan0.name.as_str(), lan0.mtu, lan0.group), ("lan0", Some(1400), Some(5)));
        assert_eq!(lan0.address, Some([2, 0, 0, 0, 0, 7].into()));
        assert_eq!((lan0.transmit_queue_length, lan0.promiscuity), (Some(77), Some(1)));
        assert_eq!(lan0.alias.as_deref(), Some("to the LAN"));
        assert!(!lan0.is_up() && counters_of_ipv6(&lan0).is_some());
        let ipv6 = lan0.families().unwrap().unwrap().ipv6.unwrap();
        assert_eq!(ipv6.address_generation, Some(link::AddressGeneration::NONE));
        connection.acknowledge(&Set { link: d0.id(), change: &Change::alias("") }).unwrap();
        assert_eq!(connection.query(&Get::by_index(d0.index)).unwrap().alias, None);
        connection.acknowledge(&link::Delete::new(&d1)).unwrap();
        assert!(connection.query(&Get::by_name("lan0")).unwrap_err().is_not_found());
    });
}

#[test]
fn an_alternative_name_finds_the_link() {
    isolated("an_alternative_name_finds_the_link", |mut connection| {
        let (d0, _) = pair(&mut connection);
        for name in ["short", "a-name-that-is-longer-than-fifteen-bytes"] {
            connection.acknowledge(&AlternativeNames::add(&d0, name)).unwrap();
            let found = connection.query(&Get::by_name(name)).unwrap();
            assert_eq!((found.index, found.alternative_names), (d0.index, vec![name.to_owned()]));
            connection.acknowledge(&AlternativeNames::remove(&d0, name)).unwrap();
            assert!(connection.query(&Get::by_name(name)).unwrap_err().is_not_found());
        }
    });
}

#[test]
fn the_kernel_filters_links() {
    isolated("the_kernel_filters_links", |mut connection| {
        let (_, d1) = pair(&mut connection);
        let options = Bridge::default().ageing_time(1234).priority(0x1000);
        connection.acknowledge(&Create::new("br0", options).with(Change::up())).unwrap();
        let br0 = connection.query(&Get::by_name("br0")).unwrap();
        let Some(link::LinkKind::Bridge(bridge)) = &br0.kind else { panic!("{:?}", br0.kind) };
        assert_eq!((bridge.ageing_time, bridge.priority), (Some(1234), Some(0x1000)));
        connection.acknowledge(&Set { link: d1.id(), change: &Change::master(&br0) }).unwrap();
        let names = |connection: &mut Connection, list: &List| -> Vec<String> {
            connection.dump_all(list).unwrap().into_iter().map(|link| link.name).collect()
        };
        assert_eq!(names(&mut connection, &List::default()), ["lo", "d1", "d0", "br0"]);
        assert_eq!(names(&mut connection, &List::of_kind("bridge")), ["br0"]);
        assert_eq!(names(&mut connection, &List::ports_of(&br0)), ["d1"]);
        let port = connection.query(&Get::by_name("d1")).unwrap();
        assert_eq!(port.master, Some(br0.index));
        let Some(link::PortKind::Bridge(mut settings)) = port.port else { panic!("{:?}", port.port) };
        assert_eq!(settings.learning, Some(true));
        settings = link::kind::BridgePort::default().learning(false);
        connection.acknowledge(&Set { link: d1.id(), change: &Change::port(settings) }).unwrap();
        let port = connection.query(&Get::by_name("d1")).unwrap().port;
        assert!(matches!(port, Some(link::PortKind::Bridge(port)) if port.learning == Some(false)));
        connection.acknowledge(&Set { link: d1.id(), change: &Change::without_master() }).unwrap();
        assert_eq!(connection.query(&Get::by_name("d1")).unwrap().master, None);
    });
}

#[test]
fn other_kinds_are_made() {
    isolated("other_kinds_are_made", |mut connection| {
        let (d0, _) = pair(&mut connection);
        connection.acknowledge(&Create::macvlan("m0", &d0, MacvlanMode::BRIDGE)).unwrap();
        connection.acknowledge(&Create::vxlan("x0", 42)).unwrap();
        let m0 = connection.query(&Get::by_name("m0")).unwrap();
        assert_eq!((m0.kind_name(), m0.parent), (Some("macvlan"), Some(d0.index)));
        assert!(
            matches!(m0.kind, Some(link::LinkKind::Macvlan(kind)) if kind.mode == Some(MacvlanMode::BRIDGE))
        );
        let x0 = connection.query(&Get::by_name("x0")).unwrap();
        assert!(matches!(x0.kind, Some(link::LinkKind::Vxlan(kind)) if kind.id == Some(42)));
        let made = connection.make(&Create::bridge("br0")).unwrap().unwrap();
        assert_eq!((made.name.as_str(), made.kind_name()), ("br0", Some("bridge")));
    });
}

#[test]
fn addresses_are_added_filtered_and_deleted() {
    isolated("addresses_are_added_filtered_and_deleted", |mut connection| {
        let (d0, d1) = pair(&mut connection);
        let mut first = "10.1.0.1/24".parse::<Address>().unwrap().on(&d0);
        first.broadcast = Some([10, 1, 0, 255].into());
        first.label = Some("d0:x".into());
        first.lifetime = Some(address::Lifetime { preferred: Some(50), valid: Some(100) });
        let made = connection.make(&Add(&first)).unwrap().unwrap();
        assert_eq!((made.address, made.label.as_deref()), (first.address, Some("d0:x")));
        let mut second = "10.2.0.1/32".parse::<Address>().unwrap().on(&d0);
        second.peer = Some(ip("10.2.0.2"));
        second.flags = address::AddressFlags::NO_PREFIX_ROUTE;
        let mut third = "2001:db8::1/64".parse::<Address>().unwrap().on(&d1);
        third.flags = address::AddressFlags::NO_DUPLICATE_DETECTION;
        connection.acknowledge(&Add(&second)).unwrap();
        connection.acknowledge(&Add(&third)).unwrap();
        assert!(connection.acknowledge(&Add(&second)).unwrap_err().is_exists());
        connection.acknowledge(&Replace(&second)).unwrap();

        let ipv4 = address::List { family: Family::IPV4, ..address::List::default() };
        let listed = connection.dump_all(&ipv4).unwrap();
        assert_eq!(listed.len(), 2, "{listed:?}");
        assert_eq!(listed[0].broadcast, first.broadcast);
        assert_eq!(listed[0].scope, Some(Scope::GLOBAL));
        assert!(listed[0].lifetime.unwrap().valid.is_some_and(|valid| (90..=100).contains(&valid)));
        assert_eq!((listed[1].peer, listed[1].prefix_length), (second.peer, 32));
        assert!(listed[1].flags.contains(address::AddressFlags::NO_PREFIX_ROUTE));
        assert_eq!(listed[1].lifetime, Some(address::Lifetime::default()));
        let on_d1 = connection.dump_all(&address::List::on(&d1)).unwrap();
        assert!(on_d1.iter().any(|address| address.address == third.address));
        assert!(on_d1.iter().all(|address| address.link == d1.id()));
        for address in &listed {
            connection.acknowledge(&Delete(address)).unwrap();
        }
        assert_eq!(connection.dump_all(&ipv4).unwrap(), []);
    });
}

#[test]
fn routes_come_back_as_they_were_made() {
    isolated("routes_come_back_as_they_were_made", |mut connection| {
        let d0 = addressed(&mut connection);
        let metrics =
            Metrics::default().mtu(1400).lock(MetricLocks::MTU).advertised_segment_size(1300).hop_limit(9);
        let to = |text: &str| Route::to(text.parse().unwrap()).table(Table(1000));
        let via = ip("10.9.9.2");
        let routes = [
            to("0.0.0.0/0").via(via).dev(&d0).priority(7),
            to("198.51.100.0/24").dev(&d0).preferred_source(ip("10.9.9.1")),
            to("198.51.101.0/24").via(via).dev(&d0).metrics(metrics),
            to("198.51.102.0/24").of_kind(RouteKind::BLACKHOLE),
            to("198.51.103.0/24").of_kind(RouteKind::PROHIBIT),
            to("198.51.104.0/24").of_kind(RouteKind::UNREACHABLE),
            to("198.51.105.0/24").of_kind(RouteKind::THROW),
            to("198.51.106.0/24").of_kind(RouteKind::LOCAL).dev(&d0),
            to("198.51.107.0/24").via(ip("172.16.0.1")).dev(&d0).on_link(),
            to("198.51.108.0/24").via(ip("fe80::1")).dev(&d0),
            to("198.51.109.0/24")
                .by(NextHop::via(via).dev(&d0).weight(3))
                .by(NextHop::via(ip("10.9.9.3")).dev(&d0)),
        ];
        for route in &routes {
            connection.acknowledge(&Add(route)).unwrap_or_else(|error| panic!("{error}"));
        }
        let list = route::List { family: Family::IPV4, ..route::List::of_table(Table(1000)) };
        let listed = connection.dump_all(&list).unwrap();
        assert_eq!(listed.len(), routes.len());
        for (route, listed) in routes.iter().zip(&listed) {
            let expected = Route {
                protocol: Some(Protocol::BOOT),
                scope: Some(route.effective_scope()),
                kind: listed.kind,
                ..route.clone()
            };
            assert_eq!(*listed, expected);
        }
        for route in &listed {
            connection.acknowledge(&Delete(route)).unwrap_or_else(|error| panic!("{error}"));
        }
        let gone = connection.dump_all(&route::List { family: Family::UNSPECIFIED, ..list }).unwrap();
        assert_eq!(gone, []);
    });
}

#[test]
fn routes_of_ipv6() {
    isolated("routes_of_ipv6", |mut connection| {
        let (d0, _) = pair(&mut connection);
        let mut address = "2001:db8::1/64".parse::<Address>().unwrap().on(&d0);
        address.flags = address::AddressFlags::NO_DUPLICATE_DETECTION;
        connection.acknowledge(&Add(&address)).unwrap();
        let to = |text: &str| Route::to(text.parse().unwrap()).table(Table(300));
        let (one, two) = (ip("2001:db8::2"), ip("2001:db8::3"));
        let mut expiring = to("2001:db8:3::/64").dev(&d0);
        expiring.expires = Some(100);
        expiring.preference = Some(route::RouterPreference::HIGH);
        let routes = [
            to("::/0").via(one).dev(&d0),
            to("2001:db8:2::/64").by(NextHop::via(one).dev(&d0)).by(NextHop::via(two).dev(&d0).weight(5)),
            expiring,
            to("2001:db8:4::/64").of_kind(RouteKind::UNREACHABLE),
        ];
        for route in &routes {
            connection.acknowledge(&Add(route)).unwrap_or_else(|error| panic!("{error}"));
        }
        let mut listed = connection
            .dump_all(&route::List { family: Family::IPV6, ..route::List::of_table(Table(300)) })
            .unwrap();
        listed.sort_by_key(|route| route.destination);
        let find =
            |text: &str| listed.iter().find(|route| route.destination == text.parse().unwrap()).unwrap();
        assert_eq!(find("::/0").gateway, Some(one));
        assert_eq!(find("2001:db8:2::/64").next_hops, routes[1].next_hops);
        let expiring = find("2001:db8:3::/64");
        assert!(expiring.expires.is_some_and(|expires| (90..=100).contains(&expires)), "{expiring:?}");
        assert_eq!(expiring.preference, Some(route::RouterPreference::HIGH));
        assert_eq!(find("2001:db8:4::/64").kind, RouteKind::UNREACHABLE);
    });
}

#[test]
fn routes_are_filtered_replaced_and_looked_up() {
    isolated("routes_are_filtered_replaced_and_looked_up", |mut connection| {
        let d0 = addressed(&mut connection);
        let default = Route::default_via(ip("10.9.9.2")).dev(&d0);
        let made = connection.make(&Add(&default)).unwrap().unwrap();
        assert_eq!(made.gateway, Some(ip("10.9.9.2")));
        assert!(connection.acknowledge(&Add(&default)).unwrap_err().is_exists());
        connection.acknowledge(&Replace(&Route::default_via(ip("10.9.9.3")).dev(&d0))).unwrap();
        connection.acknowledge(&Append(&Route::default_via(ip("10.9.9.4")).dev(&d0))).unwrap();
        let ours = route::List { protocol: Some(Protocol::BOOT), ..route::List::default() };
        let gateways: Vec<_> =
            connection.dump_all(&ours).unwrap().iter().map(|route| route.gateway.unwrap()).collect();
        assert_eq!(gateways, [ip("10.9.9.3"), ip("10.9.9.4")]);
        let local =
            route::List { kind: Some(RouteKind::LOCAL), family: Family::IPV4, ..route::List::default() };
        assert!(connection.dump_all(&local).unwrap().iter().all(|route| route.table == Some(Table::LOCAL)));
        let by = route::List { link: Some(d0.id()), ..route::List::default() };
        assert!(connection.dump_all(&by).unwrap().iter().all(|route| route.link == Some(d0.id())));

        let found = connection.query(&Lookup::to(ip("192.0.2.77"))).unwrap();
        assert_eq!((found.gateway, found.table), (Some(ip("10.9.9.3")), Some(Table::MAIN)));
        let as_in_table = Lookup { as_in_table: true, ..Lookup::to(ip("192.0.2.77")) };
        assert!(connection.query(&as_in_table).unwrap().is_default());
    });
}

#[test]
fn rules_come_back_as_they_were_made() {
    isolated("rules_come_back_as_they_were_made", |mut connection| {
        let family = |rule: Rule| rule.family(Family::IPV4);
        let mut refuse =
            family(Rule::new(RuleAction::UNREACHABLE).to("10.1.0.0/16".parse().unwrap()).priority(101));
        refuse.flags = rule::RuleFlags::INVERT;
        refuse.ip_protocol = Some(6);
        refuse.source_ports = Some(PortRange { start: 1, end: 1024 });
        refuse.destination_ports = Some(PortRange { start: 80, end: 90 });
        refuse.users = Some(UserRange { start: 0, end: 0 });
        let mut goto = family(Rule::new(RuleAction::GOTO).priority(99).outgoing("lo"));
        goto.target = Some(101);
        let mut suppress = family(Rule::lookup(Table::MAIN).priority(103));
        suppress.suppress_prefix_length = Some(0);
        let look = Rule::lookup(Table(1000)).mark(Mark { value: 1, mask: 0xff }).incoming("lo");
        let rules = [
            family(look.from("10.0.0.0/8".parse().unwrap()).priority(100)),
            refuse,
            suppress,
            family(Rule::new(RuleAction::BLACKHOLE).mark(7).priority(104)),
            goto,
        ];
        for rule in &rules {
            connection.acknowledge(&Add(rule)).unwrap_or_else(|error| panic!("{error}"));
        }
        let list = rule::List { family: Family::IPV4 };
        let listed = connection.dump_all(&list).unwrap();
        for rule in &rules {
            let expected = Rule { protocol: Some(Protocol::UNSPECIFIED), ..rule.clone() };
            let found = listed.iter().find(|listed| listed.priority == rule.priority);
            assert_eq!(found, Some(&expected));
            let found = rule::DeleteListed::find(rule, &listed).unwrap();
            connection.acknowledge(&found).unwrap_or_else(|error| panic!("{error}"));
        }
        let left: Vec<_> =
            connection.dump_all(&list).unwrap().iter().map(|rule| rule.priority.unwrap()).collect();
        assert_eq!(left, [0, 32766, 32767]);
        let all = connection.dump_all(&rule::List::default()).unwrap();
        assert!(all.iter().any(|rule| rule.family == Family::IPV6));
    });
}

#[test]
fn neighbours_and_forwarding_entries() {
    isolated("neighbours_and_forwarding_entries", |mut connection| {
        let d0 = addressed(&mut connection);
        let neighbour = Neighbour::new(&d0, ip("10.9.9.5"), [2, 0, 0, 0, 0, 1].into());
        connection.acknowledge(&Add(&neighbour)).unwrap();
        connection.acknowledge(&Add(&Neighbour::proxy(&d0, ip("10.9.9.6")))).unwrap();
        let list = neighbour::List { family: Family::IPV4, ..neighbour::List::on(&d0) };
        let listed = connection.dump_all(&list).unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!((listed[0].destination, listed[0].address), (neighbour.destination, neighbour.address));
        assert_eq!(listed[0].state, NeighbourState::PERMANENT);
        let elsewhere = neighbour::List { link: Some(1.into()), ..list };
        assert_eq!(connection.dump_all(&elsewhere).unwrap(), []);
        let proxies = connection.dump_all(&neighbour::List { proxies: true, ..list }).unwrap();
        assert_eq!((proxies.len(), proxies[0].flags), (1, NeighbourFlags::PROXY));
        connection.acknowledge(&Delete(&listed[0])).unwrap();
        connection.acknowledge(&Delete(&proxies[0])).unwrap();

        connection.acknowledge(&Create::bridge("br0").with(Change::up())).unwrap();
        let br0 = connection.query(&Get::by_name("br0")).unwrap();
        connection.acknowledge(&Set { link: d0.id(), change: &Change::master(&br0) }).unwrap();
        let entry = Neighbour::forwarding(&d0, [2, 0, 0, 0, 0, 9].into());
        connection.acknowledge(&Add(&entry)).unwrap();
        let list =
            neighbour::List { family: Family::BRIDGE, link: Some(d0.id()), ..neighbour::List::default() };
        let listed = connection.dump_all(&list).unwrap();
        assert!(listed.iter().any(|listed| listed.address == entry.address), "{listed:?}");
        connection.acknowledge(&Delete(&entry)).unwrap();
        let listed = connection.dump_all(&list).unwrap();
        assert!(listed.iter().all(|listed| listed.address != entry.address), "{listed:?}");
    });
}

#[test]
fn packets_that_are_segmented_later_may_be_large() {
    isolated("packets_that_are_segmented_later_may_be_large", |mut connection| {
        let lo = connection.query(&Get::by_name("lo")).unwrap();
        let sizes = |link: &Link| {
            let sizes = &link.rest;
            (
                sizes.gso_maximum_size,
                sizes.gso_ipv4_maximum_size,
                sizes.gro_maximum_size,
                sizes.gro_ipv4_maximum_size,
            )
        };
        let change = Change {
            gso_maximum_size: Some(400_000),
            gso_ipv4_maximum_size: Some(300_000),
            gro_maximum_size: Some(200_000),
            gro_ipv4_maximum_size: Some(100_000),
            ..Change::default()
        };
        connection.acknowledge(&Set { link: lo.id(), change: &change }).unwrap();
        // Only newer kernels have sizes of IPv4 alone.
        let has_ipv4 = sizes(&lo).1.is_some();
        let ipv4 = |size| has_ipv4.then_some(size);
        let changed = connection.query(&Get::by_name("lo")).unwrap();
        assert_eq!(sizes(&changed), (Some(400_000), ipv4(300_000), Some(200_000), ipv4(100_000)));
        let too_much = Change { gso_maximum_size: Some(u32::MAX), ..Change::default() };
        let error =
            connection.acknowledge(&Set { link: lo.id(), change: &too_much }).unwrap_err().to_string();
        assert!(error.contains("set link lo: GSO maximum size 4294967295"), "{error}");
    });
}

#[test]
fn a_refusal_names_the_object() {
    isolated("a_refusal_names_the_object", |mut connection| {
        let d0 = addressed(&mut connection);
        let route = Route::to("198.51.100.0/24".parse().unwrap()).via(ip("172.16.0.1")).dev(&d0);
        let error = connection.acknowledge(&Add(&route)).unwrap_err().to_string();
        assert!(error.contains("add route 198.51.100.0/24 via 172.16.0.1 dev d0"), "{error}");
        assert!(error.contains("invalid gateway"), "the kernel's own words: {error}");
    });
}

#[test]
fn settings_are_files_of_the_kernel() {
    use netwright_route::settings::{KEYS, Of};
    for key in KEYS {
        let [family, group, of, name] = key.path(Of::Default);
        let path = format!("/proc/sys/net/{family}/{group}/{of}/{name}");
        let Ok(text) = std::fs::read_to_string(&path) else {
            // A setting may be newer than the kernel, but the older ones exist wherever the family does.
            let first = format!("/proc/sys/net/{family}/{group}/{of}");
            let newer =
                ["arp_evict_nocarrier", "ndisc_evict_nocarrier", "accept_untracked_na", "accept_ra_min_lft"];
            assert!(newer.contains(&name) || std::fs::metadata(first).is_err(), "{path}");
            continue;
        };
        let value = key.number(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(key.check(value).is_ok() || name == "disable_policy", "{path} has {value}");
    }
}

/// What `/proc/PID/fd` calls a socket by.
fn inode(socket: &impl AsRawFd) -> u32 {
    let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
    let number = link.to_str().unwrap().strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
    number.unwrap().parse().unwrap()
}

#[test]
fn the_socket_of_a_packet_is_found() {
    isolated("the_socket_of_a_packet_is_found", |mut connection| {
        let lo = connection.query(&Get::by_name("lo")).unwrap();
        connection.acknowledge(&Set { link: lo.id(), change: &Change::up() }).unwrap();
        let mut connection = Connection::open(socket_diagnosis::SOCKET_DIAGNOSIS_PROTOCOL).unwrap();
        let mut find = |transport, local: SocketAddr, remote: SocketAddr| {
            connection.query(&Find { transport, local, remote }).map(|socket| socket.inode)
        };
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (local, remote) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
            assert_eq!(find(Transport::TCP, local, remote), Ok(inode(&client)));

            let sender = UdpSocket::bind(address).unwrap();
            let local = sender.local_addr().unwrap();
            assert_eq!(find(Transport::UDP, local, remote), Ok(inode(&sender)));
            sender.connect(remote).unwrap();
            assert_eq!(find(Transport::UDP, local, remote), Ok(inode(&sender)));
        }
        // bound to no address, and to both families
        let sender = UdpSocket::bind("[::]:0").unwrap();
        let local = SocketAddr::from(([127, 0, 0, 1], sender.local_addr().unwrap().port()));
        assert_eq!(find(Transport::UDP, local, ([192, 0, 2, 9], 9).into()), Ok(inode(&sender)));
        let nobody = find(Transport::TCP, local, ([192, 0, 2, 9], 9).into()).unwrap_err();
        assert!(nobody.is_not_found(), "{nobody}");

        let all = socket_diagnosis::List { family: Family::IPV6, transport: Transport::UDP };
        let mut connection = Connection::open(socket_diagnosis::SOCKET_DIAGNOSIS_PROTOCOL).unwrap();
        let listed = connection.dump_all(&all).unwrap();
        assert!(listed.iter().any(|socket| socket.inode == inode(&sender)), "{listed:?}");
    });
}
