//! Addresses, compared with what `ip -d -j address` says of them.

use std::net::IpAddr;
use std::ops::ControlFlow;

use netwright::route::address::{AddressFlags, AddressProtocol, Lifetime, List};
use netwright::route::{Family, Scope};
use netwright::{Address, LinkId, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};
use serde_json::Value;

use crate::common::{address, pair, usable_at_once};

/// What `ip` says of one address.
#[track_caller]
fn seen(ip: &Oracle, local: &str) -> Result<Value, Failure> {
    let links = ip.json("-d address show")?;
    let mut all =
        links.as_array().into_iter().flatten().flat_map(|link| link["addr_info"].as_array()).flatten();
    Ok(all.find(|address| address["local"] == local).cloned().unwrap_or_default())
}

/// What we say of one address.
#[track_caller]
fn listed(net: &Net, local: &str) -> Result<Address, Failure> {
    let wanted = address(local)?;
    let mut all = net.addresses().list()?.into_iter();
    all.find(|address| address.address == wanted)
        .ok_or_else(|| Failure::wrong(format_args!("{local} is not listed")))
}

pub(crate) fn both_families_are_given_and_taken(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let given: [Address; 2] = ["192.0.2.1/24".parse()?, usable_at_once("2001:db8::1/64")?];
    for (given, text, length, family) in
        [(&given[0], "192.0.2.1", 24, "inet"), (&given[1], "2001:db8::1", 64, "inet6")]
    {
        net.addresses().add(&d0, given.clone())?;
        let read = listed(&net, text)?;
        ensure_eq!((read.link, read.prefix_length, read.peer), (d0.id(), length, None));
        ensure_eq!(read.scope, Some(Scope::GLOBAL));
        ensure!(read.flags.contains(AddressFlags::PERMANENT | given.flags));
        let seen = seen(&ip, text)?;
        ensure_eq!(seen["family"], family);
        ensure_eq!(seen["prefixlen"], length);
        ensure_eq!(seen["scope"], "global");
        let error = net.addresses().add(&d0, given.clone()).err().ok_or(Failure::wrong("given twice"))?;
        ensure!(error.is_exists());
        let sentence = format!("cannot add address {text}/{length} dev d0: exists already (EEXIST)");
        ensure!(error.to_string().starts_with(&sentence), "{error}");
    }
    for given in given {
        net.addresses().delete(&d0, given.clone())?;
        ensure_eq!(seen(&ip, &given.address.to_string())?, Value::Null);
        let error = net.addresses().delete(&d0, given).err().ok_or(Failure::wrong("taken twice"))?;
        ensure!(error.is_not_found(), "{error}");
    }
    Ok(())
}

pub(crate) fn peer_label_broadcast_and_scope(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let peer = Address { peer: Some(address("10.1.1.2")?), ..Address::new(address("10.1.1.1")?, 30) };
    net.addresses().add(&d0, peer)?;
    let read = listed(&net, "10.1.1.1")?;
    ensure_eq!((read.peer, read.prefix_length), (Some(address("10.1.1.2")?), 30));
    let seen_peer = seen(&ip, "10.1.1.1")?;
    ensure_eq!(seen_peer["address"], "10.1.1.2");
    ensure_eq!(seen_peer["prefixlen"], 30);

    let peer = Address { peer: Some(address("2001:db8:1::2")?), ..usable_at_once("2001:db8:1::1/128")? };
    net.addresses().add(&d0, peer)?;
    ensure_eq!(listed(&net, "2001:db8:1::1")?.peer, Some(address("2001:db8:1::2")?));
    ensure_eq!(seen(&ip, "2001:db8:1::1")?["address"], "2001:db8:1::2");

    let labelled = Address {
        label: Some("d0:web".into()),
        scope: Some(Scope::LINK),
        broadcast: Some([192, 0, 2, 255].into()),
        ..Address::new(address("192.0.2.1")?, 24)
    };
    net.addresses().add(&d0, labelled)?;
    let read = listed(&net, "192.0.2.1")?;
    ensure_eq!((read.label.as_deref(), read.scope), (Some("d0:web"), Some(Scope::LINK)));
    ensure_eq!(read.broadcast, Some([192, 0, 2, 255].into()));
    let seen_labelled = seen(&ip, "192.0.2.1")?;
    ensure_eq!(seen_labelled["label"], "d0:web");
    ensure_eq!(seen_labelled["scope"], "link");
    ensure_eq!(seen_labelled["broadcast"], "192.0.2.255");

    net.addresses().add(LinkId::new(1), "127.0.0.53/8".parse()?)?;
    ensure_eq!(listed(&net, "127.0.0.53")?.scope, Some(Scope::HOST));
    ensure_eq!(seen(&ip, "127.0.0.53")?["scope"], "host");
    Ok(())
}

pub(crate) fn lifetimes_are_counted_and_changed(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    for text in ["192.0.2.1/24", "2001:db8::1/64"] {
        let forever: Address = match text.contains(':') {
            true => usable_at_once(text)?,
            false => text.parse()?,
        };
        let local = forever.address.to_string();
        let lifetime = Lifetime { preferred: Some(500), valid: Some(1000) };
        net.addresses().add(&d0, Address { lifetime: Some(lifetime), ..forever.clone() })?;
        let read = listed(&net, &local)?.lifetime.unwrap_or_default();
        ensure!(matches!((read.preferred, read.valid), (Some(490..=500), Some(990..=1000))), "{read:?}");
        let seen_short = seen(&ip, &local)?;
        ensure!(
            seen_short["valid_life_time"].as_u64().is_some_and(|seconds| (980..=1000).contains(&seconds))
        );
        ensure!(
            seen_short["preferred_life_time"].as_u64().is_some_and(|seconds| (480..=500).contains(&seconds))
        );
        ensure_eq!(seen_short["dynamic"], true);

        let deprecated = Lifetime { preferred: Some(0), valid: None };
        net.addresses().replace(&d0, Address { lifetime: Some(deprecated), ..forever.clone() })?;
        let read = listed(&net, &local)?;
        ensure!(read.flags.contains(AddressFlags::DEPRECATED | AddressFlags::PERMANENT), "{:?}", read.flags);
        ensure_eq!(seen(&ip, &local)?["deprecated"], true);
        net.addresses().replace(&d0, Address { lifetime: Some(Lifetime::default()), ..forever })?;
        ensure_eq!(listed(&net, &local)?.lifetime, Some(Lifetime::default()));
        ensure_eq!(seen(&ip, &local)?["valid_life_time"], u32::MAX);
    }
    Ok(())
}

pub(crate) fn flags_beyond_one_byte_metric_and_maker(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let without_route = Address {
        flags: AddressFlags::NO_PREFIX_ROUTE | AddressFlags::HOME_ADDRESS,
        protocol: Some(AddressProtocol(77)),
        ..usable_at_once("2001:db8:5::1/64")?
    };
    net.addresses().add(&d0, without_route)?;
    let read = listed(&net, "2001:db8:5::1")?;
    ensure!(read.flags.contains(AddressFlags::NO_PREFIX_ROUTE | AddressFlags::HOME_ADDRESS));
    ensure_eq!(read.protocol, Some(AddressProtocol(77)));
    let seen_flags = seen(&ip, "2001:db8:5::1")?;
    ensure_eq!(seen_flags["noprefixroute"], true);
    ensure_eq!(seen_flags["home"], true);
    ensure_eq!(ip.json("-6 route show 2001:db8:5::/64")?, Value::Array(vec![]));

    let metric = Address { route_priority: Some(321), ..Address::new(address("192.0.2.1")?, 24) };
    net.addresses().add(&d0, metric)?;
    ensure_eq!(listed(&net, "192.0.2.1")?.route_priority, Some(321));
    ensure_eq!(ip.json("route show 192.0.2.0/24")?[0]["metric"], 321);
    Ok(())
}

pub(crate) fn the_kernel_filters_lists(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, d1) = pair(&net)?;
    net.addresses().add(&d1, "192.0.2.9/24".parse()?)?;
    let filters = [
        (List::default(), "address show"),
        (List::on(&d0), "address show dev d0"),
        (List { family: Family::IPV4, ..List::default() }, "-4 address show"),
        (List { family: Family::IPV6, ..List::on(&d1) }, "-6 address show dev d1"),
    ];
    for (list, line) in filters {
        let mut ours: Vec<String> =
            net.addresses().filter(list)?.iter().map(|address| address.address.to_string()).collect();
        let shown = ip.json(line)?;
        let links = shown.as_array().into_iter().flatten();
        let mut theirs: Vec<String> = links
            .flat_map(|link| link["addr_info"].as_array())
            .flatten()
            .filter_map(|address| address["local"].as_str().map(str::to_owned))
            .collect();
        ours.sort();
        theirs.sort();
        ensure_eq!(ours, theirs);
        // a view is made of all that the kernel sends, so the kernel sent no more
        let mut views = 0;
        net.addresses().each(list, |_| {
            views += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        ensure_eq!(views, ours.len());
    }
    ensure_eq!(net.addresses().of(&d1)?.iter().filter(|address| address.address.is_ipv4()).count(), 1);
    Ok(())
}

pub(crate) fn many_are_given_at_once(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let mut addresses: Vec<Address> = (0..500_u32)
        .map(|number| Address::new(IpAddr::from((0x0a64_0000 + number).to_be_bytes()), 32).on(&d0))
        .collect();
    addresses.push(addresses[7].clone());
    addresses.push(Address::new(address("192.0.2.1")?, 24).on(4711));
    let refused = net.addresses().add_all(&addresses)?;
    ensure_eq!(refused.iter().map(|failure| failure.index).collect::<Vec<_>>(), [500, 501]);
    ensure!(refused[0].error.is_exists() && refused[1].error.is_not_found());
    ensure_eq!(net.addresses().filter(List { family: Family::IPV4, ..List::on(&d0) })?.len(), 501);
    ensure_eq!(ip.json("-4 address show dev d0")?[0]["addr_info"].as_array().map(Vec::len), Some(501));
    Ok(())
}

pub(crate) fn hostile_addresses_are_refused(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (d0, _) = pair(&net)?;
    let v4 = Address::new(address("192.0.2.1")?, 24);
    for wrong in [
        Address { prefix_length: 33, ..v4.clone() },
        Address { prefix_length: 255, ..usable_at_once("2001:db8::1/64")? },
        Address { label: Some("x".repeat(16)), ..v4.clone() },
        Address { label: Some("d0\0x".into()), ..v4.clone() },
        Address { peer: Some(address("2001:db8::1")?), ..v4.clone() },
        Address { lifetime: Some(Lifetime { preferred: Some(9), valid: Some(5) }), ..v4.clone() },
        usable_at_once("ff02::1/64")?,
    ] {
        let asked = wrong.to_string();
        let error =
            net.addresses().add(&d0, wrong).err().ok_or_else(|| Failure::wrong(format_args!("{asked}")))?;
        ensure!(error.to_string().starts_with(&format!("cannot add address {asked} dev d0: ")), "{error}");
    }
    ensure!(net.addresses().of(4711_u32).is_err_and(|error| error.is_not_found()));
    Ok(())
}
