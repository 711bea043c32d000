//! Kinds of interface that not every kernel has: each is made, read back, and compared with what `ip -d -j link` says.
//! A kernel that does not know the kind is reported so.

use netwright::route::link::kind::{
    Bond, BondMode, Bridge, FailoverAddress, Gre, Ip6Gre, Ip6Tunnel, IpIp, Ipvlan, IpvlanFlags, IpvlanMode,
    MacvlanMode, PriorityMapping, Sit, Vlan, VlanFlagChange, VlanFlags,
};
use netwright::route::link::{LinkKind, PortKind};
use netwright::route::nexthop::{self, GroupMember};
use netwright::route::{Add, Delete, Nexthop, Replace, Table};
use netwright::sys::protocol;
use netwright::wire::{Acknowledged, Errno, Request};
use netwright::{Change, Create, Link, Net, Route};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, wait_until};
use serde_json::Value;

use crate::common::{address, column, details, pair};

/// A link that was made; what the test needs is missing where the kernel does not know its kind.
#[track_caller]
fn made(net: &Net, create: Create) -> Result<Link, Failure> {
    let kind = create.kind.name().to_owned();
    net.links().create(create).map_err(|error| {
        let unknown =
            error.errno() == Some(Errno::EOPNOTSUPP) && error.to_string().contains("Unknown device type");
        match unknown {
            true => Failure::lacking(format_args!("this kernel has no links of kind {kind}")),
            false => error.into(),
        }
    })
}

/// The data of a link's kind as `ip` shows it.
#[track_caller]
fn data(ip: &Oracle, link: &Link) -> Result<Value, Failure> {
    let mut seen = details(ip, &link.name)?;
    ensure_eq!(seen["ifindex"], link.index);
    ensure_eq!(seen["linkinfo"]["info_kind"].as_str(), link.kind_name());
    Ok(seen["linkinfo"]["info_data"].take())
}

pub(crate) fn a_dummy_is_made(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let dummy = made(&net, Create::dummy("dm0").with(Change::mtu(9000).and(Change::up())))?;
    ensure!(matches!(dummy.kind, Some(LinkKind::Dummy(_))));
    ensure!(dummy.is_up());
    ensure_eq!(details(&ip, "dm0")?["mtu"], 9000);
    ensure_eq!(data(&ip, &dummy)?, Value::Null);
    Ok(())
}

pub(crate) fn an_ifb_is_made(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let ifb = made(&net, Create { transmit_queues: Some(2), ..Create::ifb("fb0") })?;
    ensure!(matches!(ifb.kind, Some(LinkKind::Ifb(_))));
    ensure_eq!(data(&ip, &ifb)?, Value::Null);
    ensure_eq!(details(&ip, "fb0")?["num_tx_queues"], 2);
    Ok(())
}

pub(crate) fn a_vlan_has_its_id_flags_and_priorities(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let kind = Vlan::default()
        .id(4094)
        .protocol(0x88a8.into())
        .flags(VlanFlagChange { flags: VlanFlags::LOOSE_BINDING, mask: VlanFlags::LOOSE_BINDING })
        .ingress_priorities(vec![PriorityMapping { from: 1, to: 2 }])
        .egress_priorities(vec![PriorityMapping { from: 3, to: 4 }, PriorityMapping { from: 5, to: 6 }]);
    let vlan = made(&net, Create::new("vl0", kind.clone()).above(&d0))?;
    ensure_eq!(vlan.parent, Some(d0.index));
    let Some(LinkKind::Vlan(read)) = &vlan.kind else { return Err(Failure::wrong("no vlan")) };
    ensure_eq!((read.id, read.protocol), (kind.id, kind.protocol));
    ensure_eq!(read.ingress_priorities, kind.ingress_priorities);
    ensure_eq!(read.egress_priorities, kind.egress_priorities);
    let flags = read.flags.map(|change| change.flags).unwrap_or_default();
    ensure_eq!(flags, VlanFlags::LOOSE_BINDING | VlanFlags::REORDER_HEADER);
    let seen = data(&ip, &vlan)?;
    ensure_eq!(seen["id"], 4094);
    ensure_eq!(seen["protocol"], "802.1ad");
    ensure_eq!(seen["ingress_qos"], serde_json::json!([{"from": 1, "to": 2}]));
    ensure_eq!(seen["egress_qos"], serde_json::json!([{"from": 3, "to": 4}, {"from": 5, "to": 6}]));
    ensure_eq!(seen["flags"], serde_json::json!(["REORDER_HDR", "LOOSE_BINDING"]));

    let plain = made(&net, Create::vlan("vl1", &d0, 0))?;
    let seen = data(&ip, &plain)?;
    ensure_eq!((&seen["id"], &seen["protocol"]), (&0.into(), &"802.1Q".into()));
    let error = net.links().create(Create::vlan("vl2", &d0, 4095)).err();
    ensure!(error.is_some_and(|error| error.to_string().starts_with("cannot create vlan link vl2 above")));
    Ok(())
}

pub(crate) fn a_bond_has_its_options_and_ports(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let kind = Bond::default()
        .mode(BondMode::ACTIVE_BACKUP)
        .miimon(100)
        .up_delay(200)
        .failover_address(FailoverAddress::ACTIVE)
        .minimum_links(0);
    let bond = made(&net, Create::new("bo0", kind))?;
    let (d0, _) = pair(&net)?;
    net.links().set(&d0, Change::down())?;
    net.links().set(&d0, Change::master(&bond))?;
    net.links().set(&bond, Change::up())?;
    net.links().set(&bond, Change::kind(Bond::default().primary(d0.index)))?;
    let read = wait_until("the port is used", || {
        let bond = net.links().get("bo0")?;
        let used = matches!(&bond.kind, Some(LinkKind::Bond(kind)) if kind.active_port.is_some());
        Ok(used.then_some(bond))
    })?;
    let Some(LinkKind::Bond(read)) = &read.kind else { return Err(Failure::wrong("no bond")) };
    ensure_eq!(read.mode, Some(BondMode::ACTIVE_BACKUP));
    ensure_eq!((read.miimon, read.up_delay), (Some(100), Some(200)));
    ensure_eq!((read.active_port, read.primary), (Some(d0.index), Some(d0.index)));
    ensure_eq!(read.failover_address, Some(FailoverAddress::ACTIVE));
    let seen = data(&ip, &bond)?;
    ensure_eq!(seen["mode"], "active-backup");
    ensure_eq!((&seen["miimon"], &seen["updelay"]), (&100.into(), &200.into()));
    ensure_eq!((&seen["active_slave"], &seen["primary"]), (&"d0".into(), &"d0".into()));
    ensure_eq!(seen["fail_over_mac"], "active");

    let port = net.links().get("d0")?;
    ensure_eq!(port.master, Some(bond.index));
    let Some(PortKind::Bond(settings)) = &port.port else { return Err(Failure::wrong("no port of a bond")) };
    ensure_eq!((settings.state, settings.permanent_address), (Some(0), d0.address));
    let seen = details(&ip, "d0")?;
    ensure_eq!(seen["linkinfo"]["info_slave_kind"], "bond");
    ensure_eq!(seen["linkinfo"]["info_slave_data"]["state"], "ACTIVE");
    net.links().delete(&bond)?;
    ensure_eq!(net.links().get("d0")?.master, None);
    Ok(())
}

pub(crate) fn a_vrf_has_its_table_and_ports(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let vrf = made(&net, Create::vrf("vr0", Table(70_000)).with(Change::up()))?;
    ensure!(matches!(&vrf.kind, Some(LinkKind::Vrf(kind)) if kind.table == Some(Table(70_000))));
    ensure_eq!(data(&ip, &vrf)?["table"], 70_000);
    let (d0, _) = pair(&net)?;
    net.links().set(&d0, Change::master(&vrf))?;
    let port = net.links().get("d0")?;
    ensure_eq!(port.master, Some(vrf.index));
    ensure!(matches!(&port.port, Some(PortKind::Vrf(kind)) if kind.table == Some(Table(70_000))));
    let seen = details(&ip, "d0")?;
    ensure_eq!(seen["linkinfo"]["info_slave_kind"], "vrf");
    ensure_eq!(seen["linkinfo"]["info_slave_data"]["table"], 70_000);
    // the routes of its ports are in its table
    let routes = ip.json("-4 route show table 70000 10.9.9.0/24")?;
    ensure_eq!(routes[0]["dev"], "d0");
    Ok(())
}

pub(crate) fn a_wireguard_link_is_made(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let wireguard = made(&net, Create::wireguard("wg0").with(Change::mtu(1420)))?;
    ensure!(matches!(wireguard.kind, Some(LinkKind::Wireguard(_))));
    ensure_eq!(data(&ip, &wireguard)?, Value::Null);
    net.addresses().add(&wireguard, "10.7.0.1/24".parse()?)?;
    net.links().set(&wireguard, Change::up())?;
    ensure_eq!(ip.json("-4 route show dev wg0")?[0]["dst"], "10.7.0.0/24");
    Ok(())
}

pub(crate) fn ipvlans_have_their_mode_and_flags(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    for (mode, flags, word) in [
        (IpvlanMode::L2, IpvlanFlags::empty(), "bridge"),
        (IpvlanMode::L3, IpvlanFlags::PRIVATE, "private"),
        (IpvlanMode::L3S, IpvlanFlags::VEPA, "vepa"),
    ] {
        let kind = Ipvlan::default().mode(mode).flags(flags);
        let ipvlan = made(&net, Create::new("iv0", kind.clone()).above(&d0))?;
        ensure_eq!(ipvlan.parent, Some(d0.index));
        ensure_eq!(ipvlan.kind, Some(LinkKind::Ipvlan(kind)));
        ensure_eq!(ipvlan.address, d0.address);
        let seen = data(&ip, &ipvlan)?;
        ensure_eq!(seen["mode"], mode.to_string());
        ensure_eq!(seen[word], true);
        net.links().delete(&ipvlan)?;
    }
    let short = made(&net, Create::ipvlan("iv0", &d0, IpvlanMode::L3))?;
    ensure_eq!(data(&ip, &short)?["mode"], "l3");
    Ok(())
}

pub(crate) fn a_macvlan_takes_the_link_over(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let macvlan = made(&net, Create::macvlan("mv0", &d0, MacvlanMode::PASSTHROUGH))?;
    ensure!(
        matches!(&macvlan.kind, Some(LinkKind::Macvlan(kind)) if kind.mode == Some(MacvlanMode::PASSTHROUGH))
    );
    ensure_eq!(macvlan.address, d0.address);
    ensure_eq!(data(&ip, &macvlan)?["mode"], "passthru");
    Ok(())
}

pub(crate) fn gre_tunnels_have_their_ends_and_keys(_: &mut Lab) -> Outcome {
    const KEY: u16 = 0x2000;
    const CHECKSUM: u16 = 0x8000;
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let kind = Gre::default()
        .local(address("192.0.2.2")?)
        .remote(address("192.0.2.1")?)
        .ttl(9)
        .receive_flags((KEY | CHECKSUM).into())
        .send_flags(KEY.into())
        .receive_key(7.into())
        .send_key(0x0102_0304.into());
    let gre = made(&net, Create::new("gr0", kind.clone()))?;
    let Some(LinkKind::Gre(read)) = &gre.kind else { return Err(Failure::wrong("no gre")) };
    ensure_eq!((read.local, read.remote, read.ttl), (kind.local, kind.remote, kind.ttl));
    ensure_eq!((read.receive_key, read.send_key), (kind.receive_key, kind.send_key));
    ensure_eq!((read.receive_flags, read.send_flags), (kind.receive_flags, kind.send_flags));
    let seen = data(&ip, &gre)?;
    ensure_eq!((&seen["local"], &seen["remote"]), (&"192.0.2.2".into(), &"192.0.2.1".into()));
    ensure_eq!((&seen["ttl"], &seen["icsum"]), (&9.into(), &true.into()));
    ensure_eq!((&seen["ikey"], &seen["okey"]), (&"0.0.0.7".into(), &"1.2.3.4".into()));

    let kind = Ip6Gre::default().local(address("2001:db8::2")?).remote(address("2001:db8::1")?).ttl(64);
    let gre = made(&net, Create::new("gr1", kind.clone()))?;
    let Some(LinkKind::Ip6Gre(read)) = &gre.kind else { return Err(Failure::wrong("no ip6gre")) };
    ensure_eq!((read.local, read.remote, read.ttl), (kind.local, kind.remote, kind.ttl));
    let seen = data(&ip, &gre)?;
    ensure_eq!((&seen["local"], &seen["remote"]), (&"2001:db8::2".into(), &"2001:db8::1".into()));
    Ok(())
}

pub(crate) fn ip_tunnels_have_their_ends(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (local, remote) = (Some(address("192.0.2.2")?), Some(address("192.0.2.1")?));
    let kind = IpIp::default().ttl(0).path_mtu_discovery(false).with(|attrs| {
        attrs.local = local;
        attrs.remote = remote;
    });
    let tunnel = made(&net, Create::new("ii0", kind))?;
    let Some(LinkKind::IpIp(read)) = &tunnel.kind else { return Err(Failure::wrong("no ipip")) };
    ensure_eq!((read.local, read.remote, read.ttl), (local, remote, Some(0)));
    ensure_eq!(read.path_mtu_discovery, Some(false));
    let seen = data(&ip, &tunnel)?;
    ensure_eq!((&seen["local"], &seen["remote"]), (&"192.0.2.2".into(), &"192.0.2.1".into()));
    ensure_eq!(seen["pmtudisc"], false);

    let kind = Sit::default().ttl(9).protocol(0).with(|attrs| {
        attrs.local = local;
        attrs.remote = remote;
    });
    let tunnel = made(&net, Create::new("si0", kind))?;
    let Some(LinkKind::Sit(read)) = &tunnel.kind else { return Err(Failure::wrong("no sit")) };
    ensure_eq!((read.local, read.remote, read.ttl), (local, remote, Some(9)));
    ensure_eq!(read.protocol, Some(0));
    let seen = data(&ip, &tunnel)?;
    ensure_eq!((&seen["proto"], &seen["remote"]), (&"any".into(), &"192.0.2.1".into()));
    ensure_eq!(seen["ttl"], 9);

    let (local, remote) = (Some(address("2001:db8::2")?), Some(address("2001:db8::1")?));
    let kind = Ip6Tunnel::default().ttl(7).protocol(41).with(|attrs| {
        attrs.local = local;
        attrs.remote = remote;
    });
    let tunnel = made(&net, Create::new("t60", kind))?;
    let Some(LinkKind::Ip6Tunnel(read)) = &tunnel.kind else { return Err(Failure::wrong("no ip6tnl")) };
    ensure_eq!((read.local, read.remote, read.protocol), (local, remote, Some(41)));
    let seen = data(&ip, &tunnel)?;
    ensure_eq!((&seen["proto"], &seen["remote"]), (&"ip6ip6".into(), &"2001:db8::1".into()));
    Ok(())
}

pub(crate) fn a_bridge_filters_vlans(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let kind = Bridge::default().vlan_filtering(true).vlan_default(5).vlan_protocol(0x88a8.into());
    let asked = Create::new("br0", kind.clone());
    let bridge = match net.links().create(asked) {
        // without VLANs the kernel's bridges have no such attributes, and say no more than that
        Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => {
            made(&net, Create::bridge("br0"))?;
            return Err(Failure::lacking("bridges of this kernel do not filter VLANs"));
        }
        other => other?,
    };
    let Some(LinkKind::Bridge(read)) = &bridge.kind else { return Err(Failure::wrong("no bridge")) };
    if read.vlan_filtering.is_none() {
        return Err(Failure::lacking("bridges of this kernel do not filter VLANs"));
    }
    ensure_eq!(
        (read.vlan_filtering, read.vlan_default, read.vlan_protocol),
        (kind.vlan_filtering, kind.vlan_default, kind.vlan_protocol)
    );
    let seen = data(&ip, &bridge)?;
    ensure_eq!((&seen["vlan_filtering"], &seen["vlan_default_pvid"]), (&1.into(), &5.into()));
    ensure_eq!(seen["vlan_protocol"], "802.1ad");
    net.links().set(&bridge, Change::kind(Bridge::default().vlan_filtering(false)))?;
    ensure_eq!(data(&ip, &bridge)?["vlan_filtering"], 0);
    Ok(())
}

/// Sends a request that has no method of its own.
fn send<R: Acknowledged + Request + Send + Sync>(net: &Net, request: R) -> netwright::Result<()> {
    net.driver().run(protocol::ROUTE, move |connection| connection.acknowledge(&request))
}

#[track_caller]
fn nexthops(net: &Net, list: nexthop::List) -> Result<Vec<Nexthop>, Failure> {
    Ok(net.driver().list(list)?)
}

pub(crate) fn routes_go_by_nexthops_and_groups(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let way = |id, gateway| -> Result<Nexthop, Failure> {
        Ok(Nexthop {
            id: Some(id),
            link: Some(d0.id()),
            gateway: Some(address(gateway)?),
            ..Nexthop::default()
        })
    };
    let member = |id, weight| GroupMember { id, weight };
    let first = way(5, "10.9.9.2")?;
    match send(&net, Add(&first)) {
        Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => {
            return Err(Failure::lacking("this kernel has no nexthop objects"));
        }
        other => other?,
    }
    let others = [
        way(6, "10.9.9.3")?,
        way(7, "2001:db8:9::2")?,
        Nexthop { id: Some(8), blackhole: true, ..Nexthop::default() },
        Nexthop { id: Some(9), group: vec![member(5, 3), member(6, 255)], ..Nexthop::default() },
    ];
    for nexthop in &others {
        send(&net, Add(nexthop))?;
    }
    let listed = nexthops(&net, nexthop::List::default())?;
    ensure_eq!(listed.iter().filter_map(|nexthop| nexthop.id).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    for (wanted, listed) in [&first].into_iter().chain(&others).zip(&listed) {
        ensure_eq!((listed.gateway, listed.blackhole), (wanted.gateway, wanted.blackhole));
        ensure_eq!(listed.group, wanted.group);
        ensure_eq!(listed.to_string(), wanted.to_string().replace("dev d0", &format!("dev if{}", d0.index)));
    }
    let seen = ip.json("nexthop show")?;
    ensure_eq!(column(&seen, "gateway"), ["10.9.9.2", "10.9.9.3", "2001:db8:9::2"]);
    ensure_eq!(seen[3]["blackhole"], Value::Null);
    ensure!(seen[3].get("blackhole").is_some());
    ensure_eq!(seen[4]["group"], serde_json::json!([{"id": 5, "weight": 3}, {"id": 6, "weight": 255}]));
    let groups = nexthops(&net, nexthop::List { only_groups: true, ..nexthop::List::default() })?;
    ensure_eq!(groups.len(), 1);

    let route = Route { nexthop: Some(9), ..Route::to("198.51.100.0/24".parse()?) };
    net.routes().add(route.clone())?;
    ensure_eq!(ip.json("route show 198.51.100.0/24")?[0]["nhid"], 9);
    let read = net.routes().list()?.into_iter().find(|read| read.destination == route.destination);
    ensure_eq!(read.and_then(|route| route.nexthop), Some(9));

    send(&net, Replace(&way(6, "10.9.9.7")?))?;
    ensure_eq!(ip.json("nexthop show id 6")?[0]["gateway"], "10.9.9.7");
    let error = send(&net, Add(&first)).err().ok_or(Failure::wrong("made twice"))?;
    ensure!(error.is_exists());
    ensure!(error.to_string().starts_with("cannot add nexthop id 5 via 10.9.9.2 dev"), "{error}");
    send(&net, Delete(&Nexthop { id: Some(9), ..Nexthop::default() }))?;
    ensure_eq!(ip.json("route show 198.51.100.0/24")?, serde_json::json!([]));
    ensure_eq!(nexthops(&net, nexthop::List::default())?.len(), 4);
    Ok(())
}
