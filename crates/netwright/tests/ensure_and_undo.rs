//! What shall be there is there afterwards, and what was done is taken back.
#![allow(clippy::unwrap_used)]

use netwright::route::Table;
use netwright::route::address::AddressFlags;
use netwright::route::link::kind::Bridge;
use netwright::route::link::{Change, Create, LinkKind};
use netwright::route::neighbour::NeighbourFlags;
use netwright::route::nexthop::GroupMember;
use netwright::route::route::{NextHop, NextHopFlags, RouteKind, RouterPreference};
use netwright::route::{HardwareAddress, Neighbour, Nexthop};
use netwright::{Address, Ensured, Net, PolicyRule, Route};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests};

kernel_tests! {
    links_are_made_changed_or_left,
    addresses_routes_and_rules_are_made_changed_or_left,
    neighbours_and_nexthops_are_made_changed_or_left,
    everything_is_taken_back,
    what_somebody_else_took_away_is_gone,
    a_panic_and_an_early_return_take_back,
    what_cannot_be_made_so_is_an_error,
    the_one_that_is_as_described_is_found,
    every_kind_of_link_is_recognised,
    only_what_was_added_is_taken_back,
    links_are_put_back_in_all_that_was_set,
}

fn links_are_made_changed_or_left(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let wanted = || {
        let options = Bridge::default().forward_delay(1000);
        Create::new("b", options).with(Change::up().and(Change::mtu(1400)).and(Change::alias("mine")))
    };
    let Ensured::Created(made) = net.links().ensure(wanted())? else {
        return Err(Failure::wrong("not made"));
    };
    ensure_eq!((made.mtu, made.alias.as_deref(), made.is_up()), (Some(1400), Some("mine"), true));
    let Ensured::Existed(found) = net.links().ensure(wanted())? else {
        return Err(Failure::wrong("not found"));
    };
    ensure_eq!(found.index, made.index);
    Oracle::ip()?.line("link set dev b mtu 1300 down type bridge forward_delay 400")?;
    let Ensured::Changed { object, differences } = net.links().ensure(wanted())? else {
        return Err(Failure::wrong("not changed"));
    };
    ensure_eq!((object.index, object.mtu, object.is_up()), (made.index, Some(1400), true));
    ensure_eq!(differences.len(), 3);
    ensure_eq!(differences[0], "mtu 1300, not 1400");
    ensure!(matches!(net.links().ensure(wanted())?, Ensured::Existed(_)));
    let error = net.links().ensure(Create::ifb("b")).unwrap_err();
    ensure!(error.to_string().ends_with("there is a bridge of this name, and not a ifb"), "{error}");
    ensure!(net.links().ensure(Create { settings: Change::default(), ..Create::bridge("x") }).is_err());
    // A veth is not made again for its peer, which the kernel does not tell.
    net.links().ensure(Create::veth("v0", "v1"))?;
    ensure!(matches!(net.links().ensure(Create::veth("v0", "v1"))?, Ensured::Existed(_)));
    Ok(())
}

fn addresses_routes_and_rules_are_made_changed_or_left(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let link = net.links().create(Create::bridge("b").with(Change::up()))?;
    for address in ["192.0.2.1/24", "2001:db8::1/64"] {
        let address: Address = address.parse()?;
        ensure!(matches!(net.addresses().ensure(&link, address.clone())?, Ensured::Created(_)));
        ensure!(matches!(net.addresses().ensure(&link, address)?, Ensured::Existed(_)));
    }
    for (to, first, second) in
        [("198.51.100.0/24", "192.0.2.8", "192.0.2.9"), ("2001:db8:f::/48", "2001:db8::8", "2001:db8::9")]
    {
        let route =
            |gateway: &str| Route::to(to.parse().unwrap()).via(gateway.parse().unwrap()).table(Table(100));
        ensure!(matches!(net.routes().ensure(route(first))?, Ensured::Created(_)));
        ensure!(matches!(net.routes().ensure(route(first))?, Ensured::Existed(_)));
        let changed = net.routes().ensure(route(second))?;
        ensure_eq!(changed.differences().len(), 1);
        ensure_eq!(changed.object().gateway, route(second).gateway);
        let several = Route::to(to.parse()?)
            .table(Table(100))
            .by(NextHop::via(first.parse()?))
            .by(NextHop::via(second.parse()?));
        ensure!(matches!(net.routes().ensure(several.clone())?, Ensured::Changed { .. }));
        ensure!(matches!(net.routes().ensure(several.clone())?, Ensured::Existed(_)));
        // What its ways have besides is compared too.
        let mut on_link = several;
        for hop in &mut on_link.next_hops {
            (hop.link, hop.flags) = (Some(link.id()), NextHopFlags::ON_LINK);
        }
        ensure!(matches!(net.routes().ensure(on_link.clone())?, Ensured::Changed { .. }));
        ensure!(matches!(net.routes().ensure(on_link)?, Ensured::Existed(_)));
        ensure!(matches!(net.routes().ensure(route(first).priority(7))?, Ensured::Created(_)));
    }
    let rule = || PolicyRule::lookup(Table(100)).from("10.0.0.0/8".parse().unwrap()).priority(10);
    ensure!(matches!(net.rules().ensure(rule())?, Ensured::Created(_)));
    ensure!(matches!(net.rules().ensure(rule())?, Ensured::Existed(_)));
    ensure!(matches!(net.rules().ensure(rule().mark(0))?, Ensured::Created(_)));
    Ok(())
}

/// Made, found, found changed by `ip` and put right, and found again.
fn is_ensured<T: Clone + std::fmt::Debug>(
    wanted: &T,
    changed_by: &str,
    tool: &Oracle,
    ensure: impl Fn(T) -> netwright::Result<Ensured<T>>,
) -> Outcome {
    let asked =
        |step: &str| ensure(wanted.clone()).map_err(|error| Failure::wrong(format!("{step}: {error}")));
    let made = asked("made")?;
    ensure!(matches!(made, Ensured::Created(_)), "not made: {made:?}");
    let found = asked("found")?;
    ensure!(matches!(found, Ensured::Existed(_)), "not found: {found:?}");
    tool.line(changed_by)?;
    let changed = asked("changed")?;
    ensure_eq!(changed.differences().len(), 1, "{changed:?}");
    let found = asked("found again")?;
    ensure!(matches!(found, Ensured::Existed(_)), "not as it shall be: {found:?}");
    Ok(())
}

fn neighbours_and_nexthops_are_made_changed_or_left(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (ip, fdb) = (Oracle::ip()?, Oracle::bridge()?);
    let bridge = net.links().create(Create::bridge("b").with(Change::up()))?;
    let port = net.links().create(Create::veth("v", "w").with(Change::up().and(Change::master(&bridge))))?;
    net.links().set(&net.links().get("w")?, Change::up())?;
    let vxlan = net.links().create(Create::vxlan("x", 7).with(Change::up()))?;
    for address in ["192.0.2.1/24", "2001:db8::1/64"] {
        net.addresses().add(&bridge, address.parse()?)?;
    }
    let mac = |last: u8| HardwareAddress::from([2, 0, 0, 0, 0, last]);
    let neighbours = |wanted| net.neighbours().ensure(wanted);
    for other in ["192.0.2.9", "2001:db8::9"] {
        let wanted = Neighbour::new(&bridge, other.parse()?, mac(1));
        is_ensured(
            &wanted,
            &format!("neigh replace {other} lladdr 02:00:00:00:00:02 dev b nud permanent"),
            &ip,
            neighbours,
        )?;
        let router = Neighbour { flags: NeighbourFlags::ROUTER, ..wanted };
        ensure_eq!(net.neighbours().ensure(router.clone())?.differences().len(), 1);
        ensure!(matches!(net.neighbours().ensure(router)?, Ensured::Existed(_)));
        let proxy = Neighbour::proxy(&bridge, other.parse()?);
        ensure!(matches!(net.neighbours().ensure(proxy.clone())?, Ensured::Created(_)));
        ensure!(matches!(net.neighbours().ensure(proxy)?, Ensured::Existed(_)));
    }
    // The bridge and its port each have an entry of the same address; those of others stay.
    let of_bridge = Neighbour::forwarding(&port, mac(3));
    let changed = "fdb replace 02:00:00:00:00:03 dev v master static";
    is_ensured(&of_bridge, changed, &fdb, neighbours)?;
    let of_port = Neighbour { flags: NeighbourFlags::SELF, ..of_bridge };
    ensure!(matches!(net.neighbours().ensure(of_port.clone())?, Ensured::Created(_)));
    ensure!(matches!(net.neighbours().ensure(of_port)?, Ensured::Existed(_)));
    // A VXLAN has one far end for a station, and several for everybody.
    let to = |last: u8, end: &str| Neighbour {
        destination: end.parse().ok(),
        flags: NeighbourFlags::SELF,
        ..Neighbour::forwarding(&vxlan, if last == 0 { [0; 6].into() } else { mac(last) })
    };
    let changed = "fdb replace 02:00:00:00:00:04 dev x dst 192.0.2.8";
    is_ensured(&to(4, "192.0.2.7"), changed, &fdb, neighbours)?;
    for end in ["192.0.2.7", "192.0.2.8"] {
        ensure!(matches!(net.neighbours().ensure(to(0, end))?, Ensured::Created(_)));
        ensure!(matches!(net.neighbours().ensure(to(0, end))?, Ensured::Existed(_)));
    }
    let shown = fdb.line("fdb show dev x")?;
    ensure_eq!(shown.lines().filter(|line| line.starts_with("00:00")).count(), 2, "{shown}");
    // Nexthops, alone and in groups, with an id and without.
    let nexthops = |wanted| net.nexthops().ensure(wanted);
    for (id, other, gateway) in [(1, "192.0.2.8", "192.0.2.9"), (2, "2001:db8::8", "2001:db8::9")] {
        let wanted = Nexthop {
            id: Some(id),
            link: Some(bridge.id()),
            gateway: Some(gateway.parse()?),
            ..Nexthop::default()
        };
        is_ensured(&wanted, &format!("nexthop replace id {id} via {other} dev b"), &ip, nexthops)?;
        let nameless = Nexthop { id: None, ..wanted };
        ensure_eq!(net.nexthops().ensure(nameless)?.object().id, Some(id));
    }
    let nameless = Nexthop { blackhole: true, ..Nexthop::default() };
    let Ensured::Created(made) = net.nexthops().ensure(nameless.clone())? else {
        return Err(Failure::wrong("no nexthop was made"));
    };
    ensure!(made.id.is_some() && made.blackhole, "{made:?}");
    ensure_eq!(net.nexthops().ensure(nameless)?, Ensured::Existed(made));
    ip.line("nexthop add id 5 via 192.0.2.5 dev b")?;
    let group = Nexthop {
        id: Some(9),
        group: vec![GroupMember::new(1), GroupMember::new(5).weight(3)],
        ..Nexthop::default()
    };
    is_ensured(&group, "nexthop replace id 9 group 1/5", &ip, nexthops)
}

/// Everything that `ip` shows, but what it knows of carriers, which the kernel looks at by and by.
fn shown() -> Result<Vec<String>, Failure> {
    let ip = Oracle::ip()?;
    [
        "-d link show",
        "address show",
        "route show table all",
        "-6 route show table all",
        "rule show",
        "-6 rule show",
        "neigh show nud permanent",
    ]
    .map(|line| {
        let mut text = ip.line(line)?;
        let states =
            ["UP", "DOWN", "UNKNOWN", "LOWERLAYERDOWN", "DORMANT"].map(|state| format!(" state {state}"));
        for of_carrier in states.iter().map(String::as_str).chain(["NO-CARRIER,", ",LOWER_UP", " linkdown"]) {
            text = text.replace(of_carrier, "");
        }
        Ok(text)
    })
    .into_iter()
    .collect()
}

/// What a VPN does.
fn connect(net: &Net, undo: &mut netwright::Undo) -> Result<(), netwright::Error> {
    let address = |text: &str| text.parse().unwrap();
    let tun = undo.create_link(Create::tun("vpn%d").with(Change::mtu(1400)))?;
    undo.add_address(&tun, "10.8.0.2/24".parse().unwrap())?;
    undo.set_link(&tun, Change::up())?;
    let d0 = net.links().get("d0")?;
    undo.set_link(&d0, Change::mtu(1300).and(Change::alias("below a VPN")))?;
    undo.delete_route(Route::default_via(address("192.0.2.9")))?;
    undo.add_route(Route::default_via(address("10.8.0.1")).dev(&tun))?;
    undo.replace_route(Route::to("198.51.100.0/24".parse().unwrap()).via(address("192.0.2.7")))?;
    undo.add_rule(PolicyRule::lookup(Table(100)).mark(0).priority(100))?;
    undo.add_neighbour(netwright::Neighbour::new(&d0, address("192.0.2.50"), [2, 0, 0, 0, 0, 9].into()))
}

fn set_up() -> Outcome {
    netwright_lab::tunnels()?;
    let ip = Oracle::ip()?;
    for line in [
        "link add d0 type veth peer name d1",
        "link set d0 addrgenmode none",
        "link set d0 up",
        "address add 192.0.2.1/24 dev d0",
        "route add default via 192.0.2.9 proto dhcp metric 100",
        "route add 198.51.100.0/24 via 192.0.2.8 mtu 1400",
    ] {
        ip.line(line)?;
    }
    Ok(())
}

fn everything_is_taken_back(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up()?;
    let before = shown()?;
    let mut undo = net.undo();
    connect(&net, &mut undo)?;
    ensure!(shown()? != before);
    undo.take_back()?;
    ensure_eq!(shown()?, before);
    let mut undo = net.undo();
    connect(&net, &mut undo)?;
    undo.keep();
    ensure!(net.links().get("vpn0").is_ok());
    Ok(())
}

fn what_somebody_else_took_away_is_gone(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up()?;
    let mut undo = net.undo();
    connect(&net, &mut undo)?;
    net.links().delete(&net.links().get("vpn0")?)?;
    net.rules().delete(PolicyRule::lookup(Table(100)).mark(0).priority(100))?;
    undo.take_back()?;
    ensure!(net.links().get("vpn0").is_err());
    Ok(())
}

fn a_panic_and_an_early_return_take_back(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up()?;
    let before = shown()?;
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut undo = net.undo();
        connect(&net, &mut undo).unwrap();
        std::panic::resume_unwind(Box::new("on purpose"))
    }));
    ensure!(panicked.is_err());
    ensure_eq!(shown()?, before);
    let early = || -> Result<(), netwright::Error> {
        let mut undo = net.undo();
        connect(&net, &mut undo)?;
        undo.add_address(&net.links().get("d0")?, "192.0.2.1/24".parse().unwrap())
    };
    ensure!(early().is_err_and(|error| error.is_exists()));
    ensure_eq!(shown()?, before);
    Ok(())
}

/// What `ensure` cannot bring about is not said to be there.
fn what_cannot_be_made_so_is_an_error(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let link = net.links().create(Create::bridge("b").with(Change::up()))?;
    let address = |text: &str| text.parse::<Address>().unwrap();
    net.addresses().add(&link, address("192.0.2.1/24"))?;
    net.addresses().add(&link, address("2001:db8::1/64"))?;
    // IPv6 has an address once, whatever its length.
    let error = net.addresses().ensure(&link, address("2001:db8::1/128")).unwrap_err();
    ensure!(error.is_exists(), "{error}");
    for other in [
        Address { label: Some("b:one".to_owned()), ..address("192.0.2.1/24") },
        Address { broadcast: Some([192, 0, 2, 7].into()), ..address("192.0.2.1/24") },
        Address { scope: Some(netwright::route::Scope::LINK), ..address("192.0.2.1/24") },
        Address { flags: AddressFlags::NO_PREFIX_ROUTE, ..address("192.0.2.1/24") },
    ] {
        for error in [
            net.addresses().ensure(&link, other.clone()).unwrap_err(),
            net.addresses().replace(&link, other).unwrap_err(),
        ] {
            ensure!(error.to_string().contains("delete it first"), "{error}");
        }
    }
    ensure!(net.addresses().replace(&link, address("2001:db8::1/128")).is_err());
    net.addresses().replace(&link, address("192.0.2.1/24"))?;
    let flagged = Address { flags: AddressFlags::NO_PREFIX_ROUTE, ..address("2001:db8::1/64") };
    ensure!(matches!(net.addresses().ensure(&link, flagged.clone())?, Ensured::Changed { .. }));
    ensure!(matches!(net.addresses().ensure(&link, flagged)?, Ensured::Existed(_)));
    for listed in net.addresses().list()? {
        ensure!(matches!(net.addresses().ensure(listed.link, listed)?, Ensured::Existed(_)));
    }
    Ok(())
}

/// Of several routes to one destination the one that is described is found, and left alone.
fn the_one_that_is_as_described_is_found(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let ip = Oracle::ip()?;
    for line in [
        "link add d0 type veth peer name d1",
        "link set d0 addrgenmode none", // else addresses come by and by
        "link set d1 addrgenmode none",
        "link set d0 up",
        "link set d1 up",
        "address add 192.0.2.1/24 dev d0",
        "-6 address add 2001:db8::1/64 dev d0 nodad",
        "route add 198.51.100.0/24 via 192.0.2.7",
        "route append 198.51.100.0/24 via 192.0.2.8",
        "-6 route add 2001:db8:1::/48 dev d0",
        "-6 route append 2001:db8:1::/48 dev d1",
        "-6 route add 2001:db8:2::/48 via 2001:db8::9 pref high",
    ] {
        ip.line(line)?;
    }
    let before = shown()?;
    let (d0, d1) = (net.links().get("d0")?, net.links().get("d1")?);
    let to = |text: &str| Route::to(text.parse().unwrap());
    for route in [
        to("198.51.100.0/24").via("192.0.2.7".parse()?),
        to("198.51.100.0/24").via("192.0.2.8".parse()?),
        to("2001:db8:1::/48").dev(&d0),
        to("2001:db8:1::/48").dev(&d1),
        to("2001:db8:1::77/48").dev(&d1), // the kernel clears host bits
        Route {
            preference: Some(RouterPreference::HIGH),
            ..to("2001:db8:2::/48").via("2001:db8::9".parse()?)
        },
        to("2001:db8:2::/48").via("2001:db8::9".parse()?).scope(netwright::route::Scope::LINK),
    ] {
        let ensured = net.routes().ensure(route.clone())?;
        ensure!(matches!(ensured, Ensured::Existed(_)), "{route}: {ensured:?}");
    }
    for listed in net.routes().list()? {
        let ensured = net.routes().ensure(listed.clone())?;
        ensure!(matches!(ensured, Ensured::Existed(_)), "{listed}: {ensured:?}");
    }
    ensure_eq!(shown()?, before);
    let low = to("2001:db8:2::/48").via("2001:db8::9".parse()?);
    let low = Route { preference: Some(RouterPreference::LOW), ..low };
    let changed = net.routes().ensure(low.clone())?;
    ensure_eq!(changed.differences(), ["preference RouterPreference(high), not RouterPreference(low)"]);
    ensure!(matches!(net.routes().ensure(low)?, Ensured::Existed(_)));
    Ok(())
}

/// Kernels without VLANs in bridges tell that they are not filtered and that options for them are off, and refuse to hear of it.
fn as_taken(kind: &LinkKind) -> LinkKind {
    let mut kind = kind.without_state();
    if let LinkKind::Bridge(bridge) = &mut kind {
        bridge.vlan_filtering.take_if(|on| !*on);
        bridge.options.iter_mut().for_each(|options| options.mask = options.values);
    }
    kind
}

/// Whatever kind of link `ip` makes, with whatever options: as it is listed it is there.
fn every_kind_of_link_is_recognised(_: &mut Lab) -> Outcome {
    let (net, ip) = (Net::open()?, Oracle::ip()?);
    ip.line("link add low type veth peer name other")?;
    let lines = [
        "link add k0 type bridge stp_state 1 forward_delay 400 ageing_time 200 priority 100",
        "link add k17 type bridge mcast_snooping 0 group_fwd_mask 8 no_linklocal_learn 1",
        "link add k18 type bridge vlan_filtering 1 vlan_default_pvid 5",
        "link add k19 type vxlan id 9 group 239.1.1.1 dev low srcport 5000 6000 ageing 77 maxaddress 9 learning",
        "link add k20 type vxlan external gbp dstport 4791",
        "link add k21 type vxlan id 10 local 2001:db8::1 remote 2001:db8::2 udp6zerocsumrx dstport 4792",
        "link add link low name k22 type macvlan mode bridge",
        "link add k1 type bond mode 802.3ad miimon 100 lacp_rate fast xmit_hash_policy layer3+4",
        "link add k2 type bond mode active-backup arp_interval 100 arp_ip_target 192.0.2.1,192.0.2.2",
        "link add link low name k3 type vlan id 7 reorder_hdr off gvrp on ingress-qos-map 1:2 egress-qos-map 3:4",
        "link add link low name k4 type macvlan mode source macaddr add 02:00:00:00:00:01",
        "link add link low name k5 type ipvlan mode l3s private",
        "link add k6 type vxlan id 8 remote 192.0.2.1 dstport 4789 ttl 5 nolearning udpcsum",
        "link add k7 type gre local 192.0.2.1 remote 192.0.2.2 ttl 64 key 7",
        "link add k8 type ip6gre local 2001:db8::1 remote 2001:db8::2",
        "link add k9 type sit local 192.0.2.1 remote 192.0.2.2",
        "link add k10 type vrf table 10",
        "link add k11 type dummy",
        "link add k12 type geneve id 9 remote 192.0.2.1",
        "link add k13 type wireguard",
        "link add k14 type ifb",
        "link add k15 type netkit peer name k16",
    ];
    let taken = lines.iter().filter(|line| ip.line(line).is_ok()).count();
    ensure!(taken >= 6, "{taken}"); // many kinds are modules
    ip.line("link add port type veth peer name its-peer")?;
    ip.line("link set port master k0")?;
    ip.line("link set port type bridge_slave cost 9 learning off")?;
    for listed in net.links().list()? {
        let Some(kind) = listed.kind.clone().filter(|_| listed.name.starts_with('k')) else { continue };
        let create = Create { parent: listed.parent.map(Into::into), ..Create::new(&listed.name, kind) };
        let ensured = net.links().ensure(create.clone())?;
        ensure!(matches!(ensured, Ensured::Existed(_)), "{}: {ensured:?}", listed.name);
        // And as it is listed it is made again.
        let again = ["bridge", "vxlan"].contains(&create.kind.name()) && listed.name != "k0";
        if again {
            net.links().delete(&listed)?;
            let kind = as_taken(&create.kind);
            let made = net.links().create(Create { kind: kind.clone(), ..create })?;
            ensure_eq!(made.kind.as_ref().map(as_taken), Some(kind));
        }
    }
    // Settings as a port are compared, too.
    let port = |cost| {
        let port = netwright::route::link::kind::BridgePort::default().cost(cost);
        Create::veth("port", "its-peer").with(Change::port(port))
    };
    ensure!(matches!(net.links().ensure(port(9))?, Ensured::Existed(_)));
    let changed = net.links().ensure(port(11))?;
    ensure_eq!(changed.differences(), ["settings as a port of a bridge"]);
    ensure!(matches!(net.links().ensure(port(11))?, Ensured::Existed(_)));
    Ok(())
}

/// Neighbours in the tables of what was added, which a pattern of it would fit too, stay.
fn only_what_was_added_is_taken_back(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let ip = Oracle::ip()?;
    for line in [
        "link add d0 type veth peer name d1",
        "link set d0 addrgenmode none",
        "link set d1 addrgenmode none",
        "link set d0 up",
        "link set d1 up",
        "address add 192.0.2.1/24 dev d0",
        "-6 address add 2001:db8::1/64 dev d0 nodad",
        "-6 route add default via 2001:db8::9 metric 100",
        "-6 route add 2001:db8:1::/48 dev d0 metric 5",
        "-6 route append 2001:db8:1::/48 via 2001:db8::9 metric 5",
        "route add default via 192.0.2.9 metric 100",
        "route add 198.51.100.0/24 via 192.0.2.7",
        "route append 198.51.100.0/24 via 192.0.2.8",
        "rule add from 10.0.0.0/8 table 100 pref 9",
    ] {
        ip.line(line)?;
    }
    let before = shown()?;
    let to = |text: &str| Route::to(text.parse().unwrap());
    let mut undo = net.undo();
    undo.add_route(to("::/0").of_kind(RouteKind::UNREACHABLE))?;
    undo.add_route(to("0.0.0.0/0").of_kind(RouteKind::UNREACHABLE).priority(0))?;
    undo.replace_route(to("2001:db8:1::/48").via("2001:db8::7".parse()?).priority(5))?;
    undo.replace_route(to("198.51.100.0/24").via("192.0.2.9".parse()?))?;
    undo.delete_route(to("2001:db8:1::/48").dev(&net.links().get("d0")?))?;
    undo.add_rule(PolicyRule::lookup(Table(100)).from("10.0.0.0/8".parse()?))?;
    undo.take_back()?;
    // Of IPv6 those of one metric have no order that means anything.
    let sorted = |shown: &[String]| {
        let mut lines: Vec<String> = shown.iter().flat_map(|all| all.lines()).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    ensure_eq!(sorted(&shown()?), sorted(&before));
    Ok(())
}

fn links_are_put_back_in_all_that_was_set(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let ip = Oracle::ip()?;
    ip.line("link add d0 type veth peer name d1")?;
    ip.line("link property add dev d0 altname first")?;
    let before = ip.line("-d link show dev d0")?;
    let d0 = net.links().get("d0")?;
    let change = Change {
        alternative_names: vec!["second".to_owned()],
        gso_maximum_size: Some(5000),
        gro_maximum_size: Some(5001),
        address_generation: Some(netwright::route::link::AddressGeneration::NONE),
        ..Change::rename("renamed").and(Change::mtu(1400)).and(Change::promiscuous(true))
    };
    let mut undo = net.undo();
    undo.set_link(&d0, change)?;
    ensure!(net.links().get("second")?.name == "renamed");
    undo.take_back()?;
    ensure_eq!(ip.line("-d link show dev d0")?, before);
    let mut undo = net.undo();
    let error =
        undo.set_link(&d0, Change::port(netwright::route::link::kind::BridgePort::default())).unwrap_err();
    ensure!(error.to_string().contains("cannot be put back"), "{error}");
    Ok(())
}
