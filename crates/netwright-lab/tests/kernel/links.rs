//! Interfaces, compared with what `ip -d -j link` says of them.

use std::ffi::OsStr;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use netwright::route::link::kind::{Bridge, BridgePort, Macvlan, MacvlanMode, Tun, TunMode, Vxlan};
use netwright::route::link::{self, LinkFlags, LinkKind, List, PortKind};
use netwright::sys::Cause;
use netwright::wire::Value as _;
use netwright::{Change, Create, LinkId, Net};
use netwright_lab::traffic::{self, ARRIVES};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use crate::common::{
    address, column, details, names, namespace_of, own, pair, peer_in, texts, without_privilege,
};

pub(crate) fn a_veth_is_made_found_and_deleted(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let made = net.links().create(Create::veth("left", "right"))?;
    let left = net.links().get("left")?;
    ensure_eq!((made.index, &made.name, &made.kind), (left.index, &left.name, &left.kind));
    ensure_eq!(net.links().get_by_index(left.index)?.name, "left");
    let right = net.links().get("right")?;
    ensure_eq!((left.parent, right.parent), (Some(right.index), Some(left.index)));
    let seen = details(&ip, "left")?;
    ensure_eq!(seen["ifindex"], left.index);
    ensure_eq!(seen["link"], "right");
    ensure_eq!(seen["linkinfo"]["info_kind"], "veth");
    ensure_eq!(seen["address"], left.address.map(|address| address.to_string()).unwrap_or_default());
    ensure_eq!(left.kind_name(), Some("veth"));

    net.links().delete(&left)?;
    ensure_eq!(names(&ip.json("link show")?), ["lo"]);
    ensure_eq!(own(net.links().list()?).len(), 1);
    ensure!(net.links().get("right").is_err_and(|error| error.is_not_found()));
    Ok(())
}

pub(crate) fn the_kernel_chooses_a_name(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let made = match net.links().create(Create { settings: Change::default(), ..Create::bridge("") }) {
        Err(error) if *error.cause() == Cause::NoAnswer => {
            return Err(Failure::lacking("a kernel that tells the name that it chose, Linux 6.2"));
        }
        made => made?,
    };
    ensure_eq!(made.name, "bridge0");
    ensure_eq!(details(&ip, "bridge0")?["ifindex"], made.index);
    Ok(())
}

pub(crate) fn a_peer_is_made_in_another_namespace(lab: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let other = lab.node("other")?;
    let out = net.links().create(Create::veth("out", peer_in(&other, "in")))?;
    let there = Net::open_in(other.namespace())?;
    let inner = there.links().get("in")?;
    ensure_eq!(inner.parent, Some(out.index));
    ensure!(net.links().get("in").is_err_and(|error| error.is_not_found()));
    let seen = other.run(|| details(&ip, "in"))??;
    ensure_eq!(seen["ifindex"], inner.index);
    let out = net.links().get("out")?;
    ensure_eq!(details(&ip, "out")?["link_netnsid"], out.parent_namespace_id.unwrap_or(-1));
    Ok(())
}

pub(crate) fn a_bridge_has_its_options_and_ports(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let options = Bridge::default()
        .forward_delay(400)
        .hello_time(300)
        .ageing_time(12_300)
        .priority(0x1000)
        .group_forward_mask(8);
    let bridge = net.links().create(Create::new("br0", options).with(Change::up()))?;
    let seen = details(&ip, "br0")?;
    let data = &seen["linkinfo"]["info_data"];
    ensure_eq!(data["forward_delay"], 400);
    ensure_eq!(data["hello_time"], 300);
    ensure_eq!(data["ageing_time"], 12_300);
    ensure_eq!(data["priority"], 0x1000);
    ensure_eq!(data["group_fwd_mask"], "0x8");
    let LinkKind::Bridge(read) = bridge.kind.clone().ok_or(Failure::wrong("no kind"))? else {
        return Err(Failure::wrong("the bridge is something else"));
    };
    ensure_eq!((read.forward_delay, read.ageing_time), (Some(400), Some(12_300)));
    ensure_eq!((read.priority, read.group_forward_mask), (Some(0x1000), Some(8)));

    let (d0, _) = pair(&net)?;
    net.links().set(&d0, Change::master(&bridge))?;
    let settings = BridgePort::default().learning(false).cost(77);
    net.links().set(&d0, Change::port(settings))?;
    let port = net.links().get("d0")?;
    ensure_eq!(port.master, Some(bridge.index));
    ensure!(
        matches!(&port.port, Some(PortKind::Bridge(port)) if port.learning == Some(false) && port.cost == Some(77))
    );
    let seen = details(&ip, "d0")?;
    ensure_eq!(seen["master"], "br0");
    ensure_eq!(seen["linkinfo"]["info_slave_data"]["learning"], false);
    ensure_eq!(seen["linkinfo"]["info_slave_data"]["cost"], 77);
    net.links().set(&d0, Change::without_master())?;
    ensure!(details(&ip, "d0")?.get("master").is_none());
    ensure_eq!(net.links().get("d0")?.master, None);

    net.links().set(&bridge, Change::kind(Bridge::default().ageing_time(0)))?;
    ensure_eq!(details(&ip, "br0")?["linkinfo"]["info_data"]["ageing_time"], 0);
    Ok(())
}

pub(crate) fn macvlans_have_their_mode(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    for mode in [MacvlanMode::PRIVATE, MacvlanMode::VEPA, MacvlanMode::BRIDGE, MacvlanMode::SOURCE] {
        let made = net.links().create(Create::macvlan("m0", &d0, mode))?;
        ensure_eq!(made.parent, Some(d0.index));
        ensure!(
            matches!(&made.kind, Some(LinkKind::Macvlan(Macvlan { mode: Some(read), .. })) if *read == mode)
        );
        let seen = details(&ip, "m0")?;
        ensure_eq!(seen["link"], "d0");
        ensure_eq!(seen["linkinfo"]["info_kind"], "macvlan");
        ensure_eq!(seen["linkinfo"]["info_data"]["mode"], mode.to_string());
        net.links().delete(&made)?;
    }
    Ok(())
}

pub(crate) fn a_vxlan_has_its_tunnel(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let kind = Vxlan::default()
        .id(0xff_ffff)
        .link(d0.index)
        .group([192, 0, 2, 9].into())
        .local([10, 9, 9, 1].into())
        .ttl(5)
        .learning(false)
        .port(4790.into());
    let made = net.links().create(Create::new("vx0", kind))?;
    let Some(LinkKind::Vxlan(read)) = &made.kind else { return Err(Failure::wrong("no vxlan")) };
    ensure_eq!((read.id, read.link, read.ttl), (Some(0xff_ffff), Some(d0.index), Some(5)));
    ensure_eq!(read.group, Some([192, 0, 2, 9].into()));
    let seen = details(&ip, "vx0")?;
    let data = &seen["linkinfo"]["info_data"];
    ensure_eq!(data["id"], 0xff_ffff);
    ensure_eq!(data["link"], "d0");
    ensure_eq!(data["remote"], "192.0.2.9");
    ensure_eq!(data["local"], "10.9.9.1");
    ensure_eq!(data["ttl"], 5);
    ensure_eq!(data["port"], 4790);
    ensure_eq!(data["learning"], false);
    let simple = net.links().create(Create::vxlan("vx1", 0))?;
    ensure_eq!(details(&ip, "vx1")?["linkinfo"]["info_data"]["id"], 0);
    ensure_eq!(simple.kind_name(), Some("vxlan"));
    Ok(())
}

pub(crate) fn tun_and_tap_stay_until_they_are_deleted(lab: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    if let Err(error) = File::options().write(true).open("/dev/net/tun") {
        let refused =
            net.links().create(Create::tun("t0")).err().ok_or(Failure::wrong("made without its device"))?;
        ensure_eq!(refused.errno().map(|errno| errno.0), error.raw_os_error());
        ensure!(refused.help().is_some_and(|help| help.contains("/dev/net/tun")));
        return Ok(());
    }
    let tun = net.links().create(Create::tun("t0").with(Change::mtu(1280).and(Change::up())))?;
    ensure!(
        matches!(&tun.kind, Some(LinkKind::Tun(kind)) if kind.mode == Some(TunMode::TUN) && kind.persist == Some(true))
    );
    ensure!(tun.is_up());
    let seen = details(&ip, "t0")?;
    ensure_eq!(seen["mtu"], 1280);
    ensure_eq!(seen["linkinfo"]["info_kind"], "tun");
    ensure_eq!(seen["linkinfo"]["info_data"]["type"], "tun");
    ensure_eq!(seen["linkinfo"]["info_data"]["pi"], false);
    ensure_eq!(seen["linkinfo"]["info_data"]["persist"], true);

    let kind = Tun::default().mode(TunMode::TAP).owner(0).packet_information(true);
    let tap = net.links().create(Create::new("t1", kind).with(Change::address([2, 0, 0, 0, 0, 5])))?;
    ensure!(
        matches!(&tap.kind, Some(LinkKind::Tun(kind)) if kind.owner == Some(0) && kind.mode == Some(TunMode::TAP))
    );
    let seen = details(&ip, "t1")?;
    ensure_eq!(seen["address"], "02:00:00:00:00:05");
    ensure_eq!(seen["linkinfo"]["info_data"]["type"], "tap");
    ensure_eq!(seen["linkinfo"]["info_data"]["pi"], true);
    ensure_eq!(seen["linkinfo"]["info_data"]["user"], "root");

    let error = net.links().create(Create::tap("t1")).err().ok_or(Failure::wrong("made twice"))?;
    ensure!(error.to_string().starts_with("cannot create tap link t1: "), "{error}");
    // what cannot be finished is not left half made
    let error = net.links().create(Create::tun("t2").with(Change::mtu(7))).err();
    ensure!(error.is_some_and(|error| error.to_string().starts_with("cannot set link t2: mtu 7: ")));
    ensure!(net.links().get("t2").is_err_and(|error| error.is_not_found()));
    let other = lab.node("other")?;
    let there = Net::open_in(other.namespace())?;
    there.links().create(Create::tun("t0"))?;
    net.links().create(Create::tap("t3").with(Change::namespace(namespace_of(&other))))?;
    for name in ["t0", "t3"] {
        ensure_eq!(other.run(|| details(&ip, name))??["linkinfo"]["info_kind"], "tun");
    }
    for link in [tun, tap] {
        net.links().delete(&link)?;
    }
    ensure_eq!(names(&ip.json("link show")?), ["lo"]);
    Ok(())
}

pub(crate) fn a_kind_is_made_of_its_name_and_raw_data(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    // IFLA_VXLAN_ID with 77, as the kernel's headers have it
    let mut data = vec![8, 0, 1, 0];
    data.extend(77_u32.to_ne_bytes());
    let kind = LinkKind::Unknown { name: "vxlan".into(), data };
    let made = net.links().create(Create::new("raw0", kind))?;
    ensure!(matches!(&made.kind, Some(LinkKind::Vxlan(kind)) if kind.id == Some(77)));
    ensure_eq!(details(&ip, "raw0")?["linkinfo"]["info_data"]["id"], 77);
    // without data
    net.links().create(Create::new("raw1", LinkKind::Unknown { name: "ifb".into(), data: vec![] }))?;
    ensure_eq!(details(&ip, "raw1")?["linkinfo"]["info_kind"], "ifb");
    let kind = LinkKind::Unknown { name: "no-such-kind".into(), data: vec![4, 0, 1, 0] };
    let error = net.links().create(Create::new("raw2", kind)).err().ok_or(Failure::wrong("made"))?;
    let text = "cannot create no-such-kind link raw2: not supported (EOPNOTSUPP)";
    ensure!(error.to_string().starts_with(text), "{error}");
    ensure!(error.help().is_some_and(|help| help.contains("modprobe")));
    Ok(())
}

pub(crate) fn every_setting_is_changed_and_read_back(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    net.links().set(&d0, Change::down())?;
    ensure!(!net.links().get("d0")?.is_up());
    ensure!(!texts(&details(&ip, "d0")?["flags"]).contains(&"UP"));
    let change = Change::rename("lan0")
        .and(Change::mtu(1400))
        .and(Change::address([2, 0, 0, 0, 0, 7]))
        .and(Change::transmit_queue_length(0))
        .and(Change::group(5))
        .and(Change::alias("to the LAN"))
        .and(Change::promiscuous(true))
        .and(Change::all_multicast(true))
        .and(Change::arp(false))
        .and(Change::address_generation(link::AddressGeneration::NONE));
    net.links().set(&d0, change)?;
    let lan0 = net.links().get("lan0")?;
    ensure_eq!((lan0.index, lan0.mtu, lan0.group), (d0.index, Some(1400), Some(5)));
    ensure_eq!(lan0.address, Some([2, 0, 0, 0, 0, 7].into()));
    ensure_eq!((lan0.transmit_queue_length, lan0.promiscuity), (Some(0), Some(1)));
    ensure_eq!(lan0.alias.as_deref(), Some("to the LAN"));
    ensure!(lan0.flags.contains(LinkFlags::PROMISCUOUS | LinkFlags::ALL_MULTICAST | LinkFlags::NO_ARP));
    let seen = details(&ip, "lan0")?;
    ensure_eq!(seen["mtu"], 1400);
    ensure_eq!(seen["address"], "02:00:00:00:00:07");
    ensure!(seen.get("txqlen").is_none_or(|length| length == 0));
    ensure_eq!(seen["group"], "5");
    ensure_eq!(seen["ifalias"], "to the LAN");
    ensure_eq!(seen["promiscuity"], 1);
    ensure_eq!(seen["inet6_addr_gen_mode"], "none");
    for flag in ["PROMISC", "ALLMULTI", "NOARP"] {
        ensure!(texts(&seen["flags"]).contains(&flag), "{flag} is not in {seen}");
    }

    net.links().set(&lan0, Change::promiscuous(false).and(Change::arp(true)).and(Change::up()))?;
    let seen = details(&ip, "lan0")?;
    let flags = texts(&seen["flags"]);
    ensure!(flags.contains(&"UP") && flags.contains(&"ALLMULTI"), "{flags:?}");
    ensure!(!flags.contains(&"PROMISC") && !flags.contains(&"NOARP"), "{flags:?}");
    net.links().set(&lan0, Change::alias(""))?;
    ensure!(details(&ip, "lan0")?.get("ifalias").is_none());
    Ok(())
}

pub(crate) fn links_move_to_other_namespaces(lab: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let other = lab.node("other")?;
    let there = Net::open_in(other.namespace())?;
    for name in ["a", "b"] {
        net.links().create(Create::vxlan(name, 1 + u32::from(name == "b")))?;
    }
    let change = Change { new_index: Some(77), ..Change::namespace(namespace_of(&other)) };
    net.links().set(&net.links().get("a")?, change.and(Change::rename("moved")))?;
    ensure_eq!(there.links().get("moved")?.index, 77);
    ensure!(net.links().get("a").is_err());

    let mut child = other.namespace().command("sleep").arg("60").stdin(Stdio::null()).spawn()?;
    let moved =
        net.links().set(&net.links().get("b")?, Change::namespace(link::NamespaceRef::Process(child.id())));
    child.kill()?;
    child.wait()?;
    moved?;
    let seen = other.run(|| ip.json("link show"))??;
    ensure_eq!(names(&seen), ["lo", "b", "moved"]);
    ensure_eq!(names(&ip.json("link show")?), ["lo"]);
    Ok(())
}

pub(crate) fn alternative_names_find_their_link(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let names = ["short", "a-name-that-is-longer-than-fifteen-bytes"];
    for name in names {
        net.links().add_alternative_name(&d0, name)?;
        ensure_eq!(net.links().get(name)?.index, d0.index);
    }
    ensure_eq!(net.links().get("d0")?.alternative_names, names);
    ensure_eq!(texts(&details(&ip, "d0")?["altnames"]), names);
    ensure!(net.links().add_alternative_name(&d0, "short").is_err_and(|error| error.is_exists()));
    net.links().remove_alternative_name(&d0, "short")?;
    ensure!(net.links().get("short").is_err_and(|error| error.is_not_found()));
    ensure_eq!(texts(&details(&ip, "d0")?["altnames"]), [names[1]]);
    ensure!(net.links().add_alternative_name(&d0, &"x".repeat(128)).is_err());
    Ok(())
}

pub(crate) fn counters_count(lab: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let _neighbour = lab.neighbour()?;
    ensure!(traffic::ping(address(Lab::NEIGHBOUR[0])?, ARRIVES)?.arrived());
    let eth0 = net.links().get("eth0")?;
    net.links().set(&eth0, Change::down())?; // so that nothing more is counted
    let ours = net.links().statistics(&eth0)?;
    let counters = ours.statistics.ok_or(Failure::wrong("there are no counters"))?;
    let seen = ip.json("-s link show eth0")?[0].take();
    let seen = &seen["stats64"];
    ensure!(counters.received_packets > 0 && counters.sent_bytes > 0);
    ensure_eq!(seen["rx"]["packets"], counters.received_packets);
    ensure_eq!(seen["rx"]["bytes"], counters.received_bytes);
    // what the neighbour still sends to a link that is down is dropped
    ensure!(seen["rx"]["dropped"].as_u64().is_some_and(|dropped| dropped >= counters.receive_dropped));
    ensure_eq!(seen["rx"]["multicast"], counters.multicast);
    ensure_eq!(seen["tx"]["packets"], counters.sent_packets);
    ensure_eq!(seen["tx"]["bytes"], counters.sent_bytes);
    ensure_eq!(seen["tx"]["carrier_errors"], counters.send_carrier_errors);
    Ok(())
}

pub(crate) fn the_kernel_filters_lists(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let bridge = net.links().create(Create::bridge("br0"))?;
    net.links().set(&d0, Change::master(&bridge))?;
    let names = |list| -> Result<Vec<String>, Failure> {
        Ok(net.links().filter(list)?.into_iter().map(|link| link.name).collect())
    };
    for (list, line) in [
        (List::default(), "link show"),
        (List::of_kind("veth"), "link show type veth"),
        (List::of_kind("bridge"), "link show type bridge"),
        (List::ports_of(&bridge), "link show master br0"),
        (
            List { master: Some(bridge.id()), kind: Some("bridge".into()), ..List::default() },
            "link show master br0 type bridge",
        ),
    ] {
        ensure_eq!(names(list)?, column(&ip.json(line)?, "ifname"));
    }
    // in place, until it is enough
    let mut seen = Vec::new();
    net.links().each(List::default(), |view| {
        seen.push(view.header.index);
        Ok(if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    ensure_eq!(seen.len(), 2);
    ensure_eq!(own(net.links().list()?).len(), 4);
    Ok(())
}

pub(crate) fn errors_are_sentences(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let error = net.links().get("nothing").err().ok_or(Failure::wrong("found"))?;
    ensure_eq!(error.to_string(), "cannot get link nothing: no such device (ENODEV)");
    ensure!(error.is_not_found() && error.help().is_some_and(|help| help.contains("no such interface")));
    let error = net.links().get_by_index(4711).err().ok_or(Failure::wrong("found"))?;
    ensure_eq!(error.to_string(), "cannot get link with index 4711: no such device (ENODEV)");
    let lost = LinkId::named(4711, "gone0");
    let error =
        net.links().set(lost, Change::mtu(1400).and(Change::up())).err().ok_or(Failure::wrong("set"))?;
    ensure_eq!(error.to_string(), "cannot set link gone0: up, mtu 1400: no such device (ENODEV)");
    let error = net.links().delete(lost).err().ok_or(Failure::wrong("deleted"))?;
    ensure!(error.to_string().starts_with("cannot delete link gone0: no such device (ENODEV)"), "{error}");
    let (d0, _) = pair(&net)?;
    let error = net.links().create(Create::bridge("d0")).err().ok_or(Failure::wrong("made twice"))?;
    ensure!(error.is_exists());
    ensure!(
        error.to_string().starts_with("cannot create bridge link d0: exists already (EEXIST)"),
        "{error}"
    );
    for mtu in [0, 67, u32::MAX] {
        let error = net.links().set(&d0, Change::mtu(mtu)).err().ok_or(Failure::wrong("set"))?;
        ensure!(error.to_string().starts_with(&format!("cannot set link d0: mtu {mtu}: ")), "{error}");
        ensure!(error.to_string().contains("mtu "), "{error}");
    }
    Ok(())
}

pub(crate) fn hostile_names_are_refused(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (d0, _) = pair(&net)?;
    net.links().set(&d0, Change::down())?;
    let long = "x".repeat(16);
    let huge = "x".repeat(100_000);
    for name in [&*long, &huge, ".", "..", "a/b", "a b", "a:b", "a\nb"] {
        let short = name.get(..20).unwrap_or(name);
        ensure!(net.links().set(&d0, Change::rename(name)).is_err(), "{short:?} was taken");
        ensure!(net.links().create(Create::bridge(name)).is_err(), "{short:?} was made");
        ensure!(net.links().get(name).is_err(), "{short:?} was found");
    }
    let error = net.links().create(Create::bridge(&long)).err().ok_or(Failure::wrong("made"))?;
    ensure!(error.to_string().starts_with(&format!("cannot create bridge link {long}: ")), "{error}");
    // a name that ends early for the kernel is not another name
    ensure!(net.links().create(Create::bridge("cut\0off")).is_err());
    ensure!(net.links().create(Create::veth("v0", "cut\0off")).is_err());
    ensure!(net.links().get("d0\0x").is_err());
    ensure_eq!(own(net.links().list()?).len(), 3);
    Ok(())
}

/// The kernel takes any bytes but a few for a name.
pub(crate) fn names_of_any_bytes_are_kept(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    for bytes in [
        &b"caf\xe9"[..],
        b"\xff\xfe\xfd\xfc\xfb\xfa",
        b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e",
    ] {
        let name = netwright::wire::text::from_bytes(bytes).into_owned();
        ip.text([
            OsStr::new("link"),
            "add".as_ref(),
            OsStr::from_bytes(bytes),
            "type".as_ref(),
            "bridge".as_ref(),
        ])?;
        let link = net.links().get(&name)?;
        ensure_eq!(link.name, name);
        ensure_eq!(link.id().name().as_deref(), Some(name.as_str()));
        let listed = net.links().ids()?.into_iter().find(|id| id.index == link.index);
        ensure_eq!(listed.map(|id| id.to_string()), Some(name.clone()));
        net.addresses().add(&link, "192.0.2.1/24".parse()?)?;
        net.settings().sysctl().write(&["ipv4", "conf", &name, "forwarding"], 1)?;
        ensure_eq!(net.settings().sysctl().read(&["ipv4", "conf", &name, "forwarding"])?, "1");
        net.links().delete(&link)?;
        let made = net.links().create(Create::bridge(&name))?;
        ensure_eq!(made.name, name);
        net.links().delete(&made)?;
    }
    Ok(())
}

pub(crate) fn reading_needs_no_privilege_and_changing_does(_: &mut Lab) -> Outcome {
    let (links, refused, netfilter) = without_privilege(|| {
        let net = Net::open()?;
        let links = net.links().list()?;
        let lo = net.links().get("lo")?;
        Ok::<_, Failure>((links, net.links().set(&lo, Change::mtu(1400)), net.nft().generation()))
    })??;
    ensure_eq!(own(links).len(), 1);
    let error = refused.err().ok_or(Failure::wrong("lo was changed"))?;
    ensure!(error.is_permission());
    ensure_eq!(error.to_string(), "cannot set link lo: mtu 1400: operation not permitted (EPERM)");
    ensure!(netfilter.is_err_and(|error| error.is_permission()));
    let refused = without_privilege(|| Net::open()?.links().create(Create::bridge("br0")))?;
    let error = refused.err().ok_or(Failure::wrong("br0 was made"))?;
    ensure_eq!(error.to_string(), "cannot create bridge link br0: operation not permitted (EPERM)");
    let help = without_privilege(|| error.help())?;
    ensure!(help.is_some_and(|help| help.contains("CAP_NET_ADMIN") && help.contains("unshare -Urn")));
    Ok(())
}

/// What is newer than this crate is written behind the known attribute that it came behind. As the kernel's order is another
/// than the table's, it is a set of attributes that survives.
pub(crate) fn every_attribute_survives_another_way_through_its_bytes(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    pair(&net)?;
    let kept = |attributes: &link::LinkAttrs| {
        let mut kept: Vec<_> = attributes.unknown.iter().map(|raw| (raw.kind, raw.payload.clone())).collect();
        kept.sort();
        kept
    };
    let (mut links, mut changed) = (0, Vec::new());
    net.links().each(List::default(), |view| {
        let mut attributes = link::LinkAttrs::own(view.attributes)?;
        let mut writer = netwright::wire::Writer::new();
        attributes.write_attributes(&mut writer);
        let mut again = link::LinkAttrs::read_attributes(writer.bytes())?;
        let same = kept(&attributes) == kept(&again);
        (attributes.unknown, again.unknown) = Default::default();
        if !same || attributes != again {
            changed.push((attributes, again));
        }
        links += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    ensure_eq!(changed, []);
    ensure!(links >= 3);
    Ok(())
}
