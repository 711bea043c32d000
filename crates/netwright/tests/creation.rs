//! What a link is created with is applied, all of it, in whatever namespace; or nothing is made.
#![allow(clippy::unwrap_used)]

use netwright::route::HardwareAddress;
use netwright::route::Table;
use netwright::route::link::kind::{Bridge, BridgePort, IpvlanMode, MacvlanMode, Tun, Vxlan};
use netwright::route::link::{
    AddressGeneration, Change, Create, Link, LinkFlags, LinkKind, NamespaceRef, Peer, PortKind,
};
use netwright::sys::Cause;
use netwright::{Namespace, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests};

kernel_tests! {
    every_setting_is_applied_here_and_elsewhere,
    settings_of_a_tunnel_are_applied_here_and_elsewhere,
    every_kind_is_made_here_and_elsewhere_with_and_without_a_name,
    a_peer_has_its_settings_wherever_it_is,
    what_is_refused_leaves_nothing,
    options_of_a_kind_are_joined,
    a_link_that_comes_up_has_no_address_that_was_not_wanted,
    settings_follow_a_link_to_its_namespace,
    errors_name_the_namespace,
}

fn hardware() -> HardwareAddress {
    [2, 0, 0, 0, 0, 7].into()
}

/// A change of everything that a bridge can have.
fn everything() -> Change {
    Change {
        set_flags: LinkFlags::UP | LinkFlags::PROMISCUOUS | LinkFlags::NO_ARP,
        mtu: Some(1400),
        address: Some(hardware()),
        group: Some(7),
        transmit_queue_length: Some(77),
        alias: Some("alias of it".into()),
        address_generation: Some(AddressGeneration::NONE),
        gso_maximum_size: Some(5000),
        gso_ipv4_maximum_size: Some(5002),
        gro_maximum_size: Some(5001),
        gro_ipv4_maximum_size: Some(5003),
        alternative_names: vec!["a-name-that-is-longer-than-fifteen".into(), "other".into()],
        ..Change::default()
    }
}

#[track_caller]
fn has_everything(link: &Link) -> Outcome {
    let generation = link.families()?.and_then(|families| families.ipv6?.address_generation);
    ensure_eq!(
        (link.mtu, link.address, link.group, link.transmit_queue_length, link.alias.as_deref(), generation),
        (Some(1400), Some(hardware()), Some(7), Some(77), Some("alias of it"), Some(AddressGeneration::NONE))
    );
    ensure!(link.flags.contains(everything().set_flags), "{:?}", link.flags);
    let rest = &link.rest;
    ensure_eq!(
        (
            rest.gso_maximum_size,
            rest.gso_ipv4_maximum_size,
            rest.gro_maximum_size,
            rest.gro_ipv4_maximum_size
        ),
        (Some(5000), Some(5002), Some(5001), Some(5003))
    );
    ensure_eq!(link.alternative_names, ["a-name-that-is-longer-than-fifteen", "other"]);
    Ok(())
}

fn every_setting_is_applied_here_and_elsewhere(_: &mut Lab) -> Outcome {
    let other = Namespace::create_anonymous()?;
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    has_everything(&net.links().create(Create::bridge("here").with(everything()))?)?;
    has_everything(&net.links().get("other")?)?;
    let elsewhere = everything().and(Change::namespace(&other));
    has_everything(&net.links().create(Create::bridge("there").with(elsewhere.clone()))?)?;
    has_everything(&there.links().get("there")?)?;
    ensure!(net.links().get("there").is_err_and(|error| error.is_not_found()));
    // Everything is set on a link that is there already.
    let plain = net.links().create(Create::bridge("plain"))?;
    net.links().delete(&net.links().get("here")?)?;
    net.links().set(&plain, everything())?;
    has_everything(&net.links().get("plain")?)
}

fn settings_of_a_tunnel_are_applied_here_and_elsewhere(_: &mut Lab) -> Outcome {
    netwright_lab::tunnels()?;
    let other = Namespace::create_anonymous()?;
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    let not_by_tap =
        |change: Change| Change { gso_maximum_size: None, gso_ipv4_maximum_size: None, ..change };
    let tap = net.links().create(
        Create::tap("tap%d").with(not_by_tap(Change::alias("t").and(Change::up()).and(Change::mtu(1300)))),
    )?;
    ensure_eq!(
        (&*tap.name, tap.alias.as_deref(), tap.mtu, tap.is_up()),
        ("tap0", Some("t"), Some(1300), true)
    );
    let tap =
        net.links().create(Create::tap("tap0").with(Change::alias("t").and(Change::namespace(&other))))?;
    ensure_eq!((tap.alias.as_deref(), there.links().get("tap0")?.index), (Some("t"), tap.index));
    // It has the index that it shall have, and what cannot be said for one is refused.
    let indexed = net.links().create(Create { index: Some(777), ..Create::tun("tun%d") })?;
    ensure_eq!((indexed.index, &*indexed.name), (777, "tun0"));
    let queues = Some(2);
    for refused in [
        Create { transmit_queues: queues, ..Create::tun("none") },
        Create { receive_queues: queues, ..Create::tun("none") },
        Create::tun("none").above(&indexed),
        Create::new("none", Tun::default().persist(false)),
    ] {
        let error = net.links().create(refused).unwrap_err();
        ensure!(matches!(error.cause(), Cause::Invalid(_)), "{error}");
        ensure!(net.links().get("none").is_err_and(|error| error.is_not_found()));
    }
    Ok(())
}

fn every_kind_is_made_here_and_elsewhere_with_and_without_a_name(_: &mut Lab) -> Outcome {
    let other = Namespace::create_anonymous()?;
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    let base = net.links().create(Create::veth("base", "peer"))?;
    let kinds = [
        Create::bridge("x"),
        Create::dummy("x"),
        Create::ifb("x"),
        Create::veth("x", Peer::default()),
        Create::macvlan("x", &base, MacvlanMode::BRIDGE),
        Create::ipvlan("x", &base, IpvlanMode::L2),
        Create::vlan("x", &base, 9),
        Create::vxlan("x", 9),
        Create::vrf("x", Table(9)),
        Create::wireguard("x"),
        Create::new("x", LinkKind::Unknown { name: "bridge".into(), data: Vec::new() }),
    ];
    let mut made = 0;
    for create in kinds {
        let kind = create.kind.name().to_owned();
        for (elsewhere, name) in [(false, true), (false, false), (true, true), (true, false)] {
            let mut create = create.clone();
            create.settings.name = name.then(|| "x".to_owned());
            if elsewhere {
                create.settings = create.settings.and(Change::namespace(&other));
            }
            let place = if elsewhere { &there } else { &net };
            let link = match net.links().create(create) {
                Err(error)
                    if error.errno().is_some_and(|errno| errno == netwright::wire::Errno::EOPNOTSUPP) =>
                {
                    println!("this kernel has no links of kind {kind}");
                    break;
                }
                made => {
                    made.map_err(|error| Failure::wrong(format_args!("{kind} {elsewhere} {name}: {error}")))?
                }
            };
            let expected = if name { "x".to_owned() } else { format!("{kind}0") };
            if name || !["ifb", "veth"].contains(&&*kind) {
                ensure_eq!(link.name, expected); // of these, the kernel has made others with the first numbers
            }
            ensure_eq!(link.kind_name(), Some(&*kind));
            ensure_eq!(place.links().get(&link.name)?.index, link.index);
            place.links().delete(&link)?;
            made += 1;
        }
    }
    ensure!(made >= 20, "{made}");
    // The first number that is free, as the kernel takes it.
    for expected in ["bridge0", "bridge1", "bridge2"] {
        let unnamed = Create { settings: Change::default(), ..Create::bridge("x") };
        ensure_eq!(net.links().create(unnamed)?.name, expected);
    }
    net.links().delete(&net.links().get("bridge1")?)?;
    let unnamed = Create { settings: Change::default(), ..Create::bridge("x") };
    ensure_eq!(net.links().create(unnamed)?.name, "bridge1");
    ensure_eq!(net.links().create(Create::bridge("br%dx"))?.name, "br0x");
    Ok(())
}

fn a_peer_has_its_settings_wherever_it_is(_: &mut Lab) -> Outcome {
    let (ip, other) = (Oracle::ip()?, Namespace::create_anonymous()?);
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    let bridge = net.links().create(Create::bridge("br0"))?;
    let settings = Change::rename("eth0")
        .and(everything())
        .and(Change { address: Some(hardware()), ..Change::default() });
    let peer = Peer::new(&settings.clone().and(Change::namespace(&other)));
    let made =
        net.links().create(Create::veth("v0", peer).with(Change::up().and(Change::master(&bridge))))?;
    ensure_eq!((made.master, made.is_up()), (Some(bridge.index), true));
    has_everything(&there.links().get("eth0")?)?;
    ensure_eq!(other.run(|| ip.json("link show eth0"))??[0]["ifalias"], "alias of it");
    // A peer without a name, and one here that is a port.
    let made =
        net.links().create(Create::veth("v1", Peer::new(&Change::up().and(Change::master(&bridge)))))?;
    let peer = net.links().get_by_index(made.parent.unwrap())?;
    ensure_eq!((peer.master, peer.is_up()), (Some(bridge.index), true));
    Ok(())
}

fn what_is_refused_leaves_nothing(_: &mut Lab) -> Outcome {
    let other = Namespace::create_anonymous()?;
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    let before = (net.links().list()?.len(), there.links().list()?.len());
    let taken = net.links().create(
        Create::bridge("taken").with(Change { alternative_names: vec!["t2".into()], ..Change::default() }),
    )?;
    let bad = [
        Change { alternative_names: vec!["t2".into()], ..Change::alias("a") },
        Change { alternative_names: vec!["n".repeat(200)], ..Change::default() },
        Change::alias("x".repeat(300)),
        Change::mtu(10).and(Change::alias("a")),
        Change { port: Some(PortKind::Bridge(BridgePort::default().cost(5))), ..Change::default() },
        Change { kind: Some(Vxlan::default().id(1).into()), ..Change::default() },
        Change::alias("a\0b"),
        Change::rename("a\0b"),
        Change::namespace(NamespaceRef::Process(u32::MAX)),
        Change::namespace(NamespaceRef::Descriptor(9999)),
    ];
    for change in &bad {
        ensure!(net.links().create(Create::bridge("bad").with(change.clone())).is_err(), "{change}");
        let peer = Peer::new(&Change::rename("p").and(change.clone()));
        ensure!(net.links().create(Create::veth("bad", peer)).is_err(), "peer: {change}");
        if change.namespace.is_none() && change.port.is_none() {
            let elsewhere = change.clone().and(Change::namespace(&other));
            let made = there.links().get("t2").is_err() && change.alternative_names == ["t2"];
            let result = net.links().create(Create::bridge("bad").with(elsewhere));
            ensure_eq!(result.is_ok(), made);
            if made {
                there.links().delete(&result?)?;
            }
        }
    }
    let indexed = Change { new_index: Some(77), ..Change::default() };
    ensure!(net.links().create(Create::bridge("bad").with(indexed.clone())).is_err());
    let pair = Create::veth("bad", Peer::new(&Change::rename("p").and(indexed)));
    ensure!(net.links().create(pair.clone()).is_err());
    let pair = net.links().create(Create { index: Some(78), ..pair })?;
    ensure_eq!((pair.index, pair.parent), (78, Some(77)));
    net.links().delete(&pair)?;
    ensure!(net.links().create(Create::bridge("taken")).is_err_and(|error| error.is_exists()));
    ensure!(net.links().create(Create::tap("taken")).is_err());
    ensure!(net.links().create(Create::tap("t1").with(Change::mtu(10))).is_err());
    net.links().delete(&taken)?;
    ensure_eq!((net.links().list()?.len(), there.links().list()?.len()), before);
    // A change of a link that is there: alternative names are taken away again where the rest is refused.
    let link = net.links().create(Create::bridge("b"))?;
    let change = Change { alternative_names: vec!["one".into()], ..Change::mtu(10) };
    ensure!(net.links().set(&link, change).is_err());
    ensure_eq!(net.links().get("b")?.alternative_names, Vec::<String>::new());
    Ok(())
}

fn options_of_a_kind_are_joined(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let first = Bridge::default().forward_delay(1000);
    let second = Bridge::default().hello_time(300).forward_delay(900);
    let made = net.links().create(Create::new("b", first).with(Change::kind(second)))?;
    let Some(LinkKind::Bridge(options)) = made.kind else { return Err(Failure::wrong("it is no bridge")) };
    ensure_eq!((options.forward_delay, options.hello_time), (Some(900), Some(300)));
    Ok(())
}

/// The kernel brings a link up before it looks at how its addresses are made.
fn a_link_that_comes_up_has_no_address_that_was_not_wanted(_: &mut Lab) -> Outcome {
    let other = Namespace::create_anonymous()?;
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    let quiet = || Change::up().and(Change::address_generation(AddressGeneration::NONE));
    let created = net
        .links()
        .create(Create::veth("v0", Peer::new(&quiet().and(Change::rename("v1")))).with(quiet()))?;
    let set = net.links().create(Create::veth("v2", Peer::new(&Change::up())))?;
    net.links().set(&set, quiet())?;
    let moved = net.links().create(Create::veth("v3", Peer::new(&Change::up())))?;
    net.links().set(&moved, quiet().and(Change::namespace(&other)).and(Change::rename("v4")))?;
    let there_now = there.links().get("v4")?;
    ensure!(there_now.is_up());
    for (net, link) in [
        (&net, created.id()),
        (&net, net.links().get("v1")?.id()),
        (&net, set.id()),
        (&there, there_now.id()),
    ] {
        ensure_eq!(net.addresses().of(link)?, []);
    }
    Ok(())
}

fn settings_follow_a_link_to_its_namespace(_: &mut Lab) -> Outcome {
    let other = Namespace::create_anonymous()?;
    let (net, there) = (Net::open()?, Net::open_in(&other)?);
    let link = net.links().create(Create::veth("b", "p"))?;
    let change = everything().and(Change::namespace(&other)).and(Change::rename("moved"));
    net.links().set(&link, change)?;
    has_everything(&there.links().get("moved")?)?;
    drop(net);
    // The reference keeps the namespace open.
    let reference: NamespaceRef = (&Namespace::create_anonymous()?).into();
    ensure!(Net::open()?.links().create(Create::bridge("c").with(Change::namespace(reference))).is_ok());
    Ok(())
}

/// Of several namespaces that a program has open, an error says in which it was.
fn errors_name_the_namespace(_: &mut Lab) -> Outcome {
    let (blue, nameless) = (Namespace::create_named("blue")?, Namespace::create_anonymous()?);
    let texts = [&blue, &nameless].map(|namespace| {
        let net = Net::open_in(namespace)?;
        let errors =
            [net.links().get("x").map(drop).unwrap_err(), net.nexthops().get(7).map(drop).unwrap_err()];
        Ok::<_, Failure>(errors.map(|error| error.to_string()))
    });
    let [named, other] = texts;
    for (named, other) in named?.into_iter().zip(other?) {
        ensure_eq!(named.replacen(" in network namespace blue:", ":", 1), other);
        ensure!(named != other, "{named}");
    }
    Ok(Namespace::delete_named("blue")?)
}
