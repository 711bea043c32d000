//! Routes, compared with what `ip -d -j route` says of them.

use std::ops::ControlFlow;

use netwright::route::route::{List, Lookup, MetricLocks, Metrics, NextHop, RouteFlags, RouteKind};
use netwright::route::{Family, Prefix, Protocol, Scope, Table};
use netwright::{Change, Net, Route};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, wait_until};
use serde_json::Value;

use crate::common::{address, column, pair, texts};

fn to(prefix: &str) -> Result<Route, Failure> {
    Ok(Route::to(prefix.parse()?))
}

/// What `ip` says of the routes to a destination, in whichever table.
#[track_caller]
fn seen(ip: &Oracle, destination: &str) -> Result<Vec<Value>, Failure> {
    let family = if destination.contains(':') { "-6" } else { "-4" };
    let all = ip.json(&format!("{family} -d route show table all"))?;
    Ok(all.as_array().into_iter().flatten().filter(|route| route["dst"] == destination).cloned().collect())
}

#[track_caller]
fn seen_one(ip: &Oracle, destination: &str) -> Result<Value, Failure> {
    match <[Value; 1]>::try_from(seen(ip, destination)?) {
        Ok([one]) => Ok(one),
        Err(other) => Err(Failure::wrong(format_args!("{} routes to {destination}", other.len()))),
    }
}

/// What we say of the routes to a destination, in whichever table.
#[track_caller]
fn listed(net: &Net, destination: &str) -> Result<Vec<Route>, Failure> {
    let wanted: Prefix = destination.parse()?;
    Ok(net.routes().list()?.into_iter().filter(|route| route.destination == wanted).collect())
}

#[track_caller]
fn listed_one(net: &Net, destination: &str) -> Result<Route, Failure> {
    match <[Route; 1]>::try_from(listed(net, destination)?) {
        Ok([one]) => Ok(one),
        Err(other) => Err(Failure::wrong(format_args!("{} routes to {destination}", other.len()))),
    }
}

pub(crate) fn routes_are_added_replaced_appended_and_deleted(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    for (destination, gateways) in [
        ("198.51.100.0/24", ["10.9.9.2", "10.9.9.3", "10.9.9.4"]),
        ("2001:db8:77::/48", ["2001:db8:9::2", "2001:db8:9::3", "2001:db8:9::4"]),
    ] {
        let by = |gateway| -> Result<Route, Failure> { Ok(to(destination)?.via(address(gateway)?).dev(&d0)) };
        net.routes().add(by(gateways[0])?)?;
        let read = listed_one(&net, destination)?;
        ensure_eq!((read.gateway, read.link), (Some(address(gateways[0])?), Some(d0.id())));
        ensure_eq!(
            (read.protocol, read.kind, read.table),
            (Some(Protocol::BOOT), RouteKind::UNICAST, Some(Table::MAIN))
        );
        let shown = seen_one(&ip, destination)?;
        ensure_eq!(shown["gateway"], gateways[0]);
        ensure_eq!(shown["dev"], "d0");
        ensure_eq!(shown["protocol"], "boot");
        ensure!(net.routes().add(by(gateways[0])?).is_err_and(|error| error.is_exists()));

        net.routes().replace(by(gateways[1])?)?;
        ensure_eq!(seen_one(&ip, destination)?["gateway"], gateways[1]);
        net.routes().append(by(gateways[2])?)?;
        let shown = Value::Array(seen(&ip, destination)?).to_string();
        ensure!(shown.contains(gateways[1]) && shown.contains(gateways[2]), "{shown}");
        net.routes().delete(by(gateways[1])?)?;
        ensure_eq!(listed_one(&net, destination)?.gateway, Some(address(gateways[2])?));
        net.routes().delete(to(destination)?)?;
        ensure!(seen(&ip, destination)?.is_empty());
        let error = net.routes().delete(to(destination)?).err().ok_or(Failure::wrong("deleted twice"))?;
        ensure!(error.is_not_found());
        let sentence = format!("cannot delete route {destination}: no such process or route (ESRCH)");
        ensure_eq!(error.to_string(), sentence);
    }
    Ok(())
}

pub(crate) fn default_routes_of_both_families(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    for (gateway, line) in [("10.9.9.2", "-4 route show default"), ("2001:db8:9::2", "-6 route show default")]
    {
        net.routes().add(Route::default_via(address(gateway)?).dev(&d0).priority(50))?;
        let shown = ip.json(line)?;
        ensure_eq!(shown[0]["gateway"], gateway);
        ensure_eq!(shown[0]["metric"], 50);
        let mut found = net.routes().list()?.into_iter().filter(|route| route.is_default());
        ensure!(found.any(|route| route.gateway.is_some_and(|found| found.to_string() == gateway)));
    }
    Ok(())
}

pub(crate) fn kinds_without_a_way(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let kinds = [RouteKind::BLACKHOLE, RouteKind::UNREACHABLE, RouteKind::PROHIBIT, RouteKind::THROW];
    for destination in ["203.0.113.0/24", "2001:db8:66::/48"] {
        for kind in kinds {
            net.routes().add(to(destination)?.of_kind(kind))?;
            ensure_eq!(listed_one(&net, destination)?.kind, kind);
            ensure_eq!(seen_one(&ip, destination)?["type"], kind.to_string());
            net.routes().delete(to(destination)?.of_kind(kind))?;
        }
    }
    let local = to("203.0.113.7/32")?.of_kind(RouteKind::LOCAL).dev(&d0);
    net.routes().add(local.clone())?;
    let read = listed_one(&net, "203.0.113.7/32")?;
    ensure_eq!(
        (read.kind, read.table, read.scope),
        (RouteKind::LOCAL, Some(Table::LOCAL), Some(Scope::HOST))
    );
    let shown = seen_one(&ip, "203.0.113.7")?;
    ensure_eq!(shown["type"], "local");
    ensure_eq!(shown["table"], "local");
    net.routes().delete(local)?;
    ensure!(seen(&ip, "203.0.113.7")?.is_empty());
    Ok(())
}

pub(crate) fn several_ways_with_their_weights(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, d1) = pair(&net)?;
    net.addresses().add(&d1, "10.9.8.1/24".parse()?)?;
    let ways = to("198.51.100.0/24")?
        .by(NextHop::via(address("10.9.9.2")?).dev(&d0).weight(256))
        .by(NextHop::via(address("10.9.8.2")?).dev(&d1));
    net.routes().add(ways.clone())?;
    let read = listed_one(&net, "198.51.100.0/24")?;
    ensure_eq!(read.next_hops, ways.next_hops);
    let shown = seen_one(&ip, "198.51.100.0/24")?;
    ensure_eq!(column(&shown["nexthops"], "gateway"), ["10.9.9.2", "10.9.8.2"]);
    ensure_eq!(shown["nexthops"][0]["weight"], 256);
    ensure_eq!(shown["nexthops"][1]["weight"], 1);
    net.routes().delete(ways)?;

    let ways = to("2001:db8:77::/48")?
        .by(NextHop::via(address("2001:db8:9::2")?).dev(&d0).weight(3))
        .by(NextHop::via(address("2001:db8:9::3")?).dev(&d0));
    net.routes().add(ways.clone())?;
    let shown = seen_one(&ip, "2001:db8:77::/48")?;
    ensure_eq!(shown["nexthops"].as_array().map(Vec::len), Some(2));
    ensure_eq!(listed_one(&net, "2001:db8:77::/48")?.next_hops, ways.next_hops);
    Ok(())
}

pub(crate) fn metrics_are_kept(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let metrics = Metrics::default()
        .lock(MetricLocks::MTU)
        .mtu(1300)
        .window(65_000)
        .advertised_segment_size(1200)
        .hop_limit(77)
        .initial_congestion_window(20)
        .initial_receive_window(30)
        .quick_acknowledgement(1)
        .minimum_retransmission_time(250);
    for destination in ["198.51.100.0/24", "2001:db8:77::/48"] {
        net.routes().add(to(destination)?.dev(&d0).metrics(metrics.clone()))?;
        let read = *listed_one(&net, destination)?.metrics.unwrap_or_default();
        ensure_eq!(read.with(|attrs| attrs.unknown = Default::default()), metrics);
        let text = ip.line(&format!(
            "{} route show {destination}",
            if destination.contains(':') { "-6" } else { "-4" }
        ))?;
        for part in [
            "mtu lock 1300",
            "window 65000",
            "advmss 1200",
            "hoplimit 77",
            "initcwnd 20",
            "initrwnd 30",
            "quickack 1",
            "rto_min 250ms",
        ] {
            ensure!(text.contains(part), "{part} is not in {text}");
        }
    }
    Ok(())
}

pub(crate) fn table_maker_source_scope_and_on_link(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    let far = to("198.51.100.0/24")?
        .via(address("203.0.113.1")?)
        .dev(&d0)
        .on_link()
        .table(Table(1_000_000))
        .protocol(Protocol::BGP)
        .priority(7)
        .preferred_source(address("10.9.9.1")?);
    net.routes().add(far.clone())?;
    let read = listed_one(&net, "198.51.100.0/24")?;
    ensure_eq!(
        (read.table, read.protocol, read.priority),
        (Some(Table(1_000_000)), Some(Protocol::BGP), Some(7))
    );
    ensure_eq!(read.preferred_source, Some(address("10.9.9.1")?));
    ensure!(read.flags.contains(RouteFlags::ON_LINK));
    let shown = seen_one(&ip, "198.51.100.0/24")?;
    ensure_eq!(shown["table"], "1000000");
    ensure_eq!(shown["protocol"], "bgp");
    ensure_eq!(shown["metric"], 7);
    ensure_eq!(shown["prefsrc"], "10.9.9.1");
    ensure_eq!(texts(&shown["flags"]), ["onlink"]);
    let without = Route { flags: RouteFlags::empty(), priority: Some(8), ..far.clone() };
    let error = net.routes().add(without).err().ok_or(Failure::wrong("a far gateway was taken"))?;
    ensure!(error.to_string().contains("Nexthop has invalid gateway"), "{error}");
    net.routes().delete(far)?;
    ensure!(seen(&ip, "198.51.100.0/24")?.is_empty());

    net.routes().add(to("203.0.113.0/24")?.dev(&d0).scope(Scope(200)))?;
    ensure_eq!(listed_one(&net, "203.0.113.0/24")?.scope, Some(Scope::SITE));
    ensure_eq!(seen_one(&ip, "203.0.113.0/24")?["scope"], "site");
    let source =
        to("2001:db8:77::/48")?.dev(&d0).table(Table(300)).preferred_source(address("2001:db8:9::1")?);
    net.routes().add(source)?;
    let shown = seen_one(&ip, "2001:db8:77::/48")?;
    ensure_eq!(shown["table"], "300");
    ensure_eq!(shown["prefsrc"], "2001:db8:9::1");
    Ok(())
}

pub(crate) fn an_ipv4_route_goes_by_an_ipv6_gateway(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    net.routes().add(to("198.51.100.0/24")?.via(address("fe80::1")?).dev(&d0))?;
    ensure_eq!(listed_one(&net, "198.51.100.0/24")?.gateway, Some(address("fe80::1")?));
    let shown = seen_one(&ip, "198.51.100.0/24")?;
    ensure_eq!(shown["via"]["family"], "inet6");
    ensure_eq!(shown["via"]["host"], "fe80::1");
    Ok(())
}

pub(crate) fn the_kernel_looks_up_the_way(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, _) = pair(&net)?;
    net.routes().add(to("198.51.100.0/24")?.via(address("10.9.9.2")?).dev(&d0))?;
    for (destination, line) in
        [("198.51.100.7", "route get 198.51.100.7"), ("2001:db8:9::7", "-6 route get 2001:db8:9::7")]
    {
        let found = net.routes().look_up(Lookup::to(address(destination)?))?;
        let shown = ip.json(line)?[0].take();
        ensure_eq!(shown["dst"], destination);
        ensure_eq!(found.destination.address, address(destination)?);
        ensure_eq!(found.link, Some(d0.id()));
        ensure_eq!(
            shown["prefsrc"],
            found.preferred_source.map(|source| source.to_string()).unwrap_or_default()
        );
        ensure_eq!(shown["gateway"].as_str(), found.gateway.map(|gateway| gateway.to_string()).as_deref());
    }
    let entry = Lookup { as_in_table: true, ..Lookup::to(address("198.51.100.7")?) };
    ensure_eq!(net.routes().look_up(entry)?.destination, "198.51.100.0/24".parse()?);
    net.routes().add(to("203.0.113.0/24")?.of_kind(RouteKind::PROHIBIT))?;
    let error =
        net.routes().look_up(Lookup::to(address("203.0.113.9")?)).err().ok_or(Failure::wrong("allowed"))?;
    ensure!(error.is_permission(), "{error}");
    let error =
        net.routes().look_up(Lookup::to(address("192.0.2.9")?)).err().ok_or(Failure::wrong("found"))?;
    ensure_eq!(
        error.to_string(),
        "cannot look up the route to 192.0.2.9: network is unreachable (ENETUNREACH)"
    );
    Ok(())
}

pub(crate) fn the_kernel_filters_lists(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    let (d0, d1) = pair(&net)?;
    net.addresses().add(&d1, "10.9.8.1/24".parse()?)?;
    net.routes().add(to("198.51.100.0/24")?.dev(&d0).table(Table(500)))?;
    net.routes().add(to("198.51.101.0/24")?.dev(&d1).protocol(Protocol::BIRD))?;
    net.routes().add(to("203.0.113.0/24")?.of_kind(RouteKind::BLACKHOLE))?;
    let v4 = List { family: Family::IPV4, ..List::default() };
    let filters = [
        (v4, "-4 route show table all"),
        (List { family: Family::IPV6, ..List::default() }, "-6 route show table all"),
        (List { table: Some(Table(500)), ..v4 }, "-4 route show table 500"),
        (List { table: Some(Table::MAIN), ..v4 }, "-4 route show table main"),
        (List { link: Some(d1.id()), ..v4 }, "-4 route show table all dev d1"),
        (List { protocol: Some(Protocol::BIRD), ..v4 }, "-4 route show table all proto bird"),
        (List { kind: Some(RouteKind::BLACKHOLE), ..v4 }, "-4 route show table all type blackhole"),
    ];
    for (list, line) in filters {
        // the kernel adds the local routes of a new IPv6 address a moment later
        let views = wait_until(line, || {
            let shown = ip.json(line)?;
            let mut destinations = Vec::new();
            net.routes().each(list, |view| {
                let destination = view.destination()?;
                destinations.push(match (destination.length, destination.is_host()) {
                    (0, _) => "default".into(),
                    (_, true) => destination.address.to_string(),
                    _ => destination.to_string(),
                });
                Ok(ControlFlow::Continue(()))
            })?;
            let mut theirs = column(&shown, "dst");
            destinations.sort();
            theirs.sort_unstable();
            Ok((destinations == theirs).then_some(destinations.len()))
        })?;
        ensure_eq!(net.routes().filter(list)?.len(), views);
    }
    ensure!(
        net.routes().filter(List { table: Some(Table(501)), ..v4 }).is_err_and(|error| error.is_not_found())
    );
    Ok(())
}

pub(crate) fn errors_are_sentences(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (d0, d1) = pair(&net)?;
    let error = net
        .routes()
        .add(to("198.51.100.0/24")?.via(address("192.0.2.1")?))
        .err()
        .ok_or(Failure::wrong("added"))?;
    ensure!(
        error.to_string().starts_with(
            "cannot add route 198.51.100.0/24 via 192.0.2.1: network is unreachable (ENETUNREACH)"
        ),
        "{error}"
    );
    net.links().set(&d1, Change::down())?;
    for wrong in [
        to("198.51.100.7/24")?.dev(&d0),
        to("198.51.100.0/24")?.dev(4711),
        to("198.51.100.0/24")?,
        Route {
            destination: Prefix { address: address("1.2.3.4")?, length: 99 },
            ..to("0.0.0.0/0")?.dev(&d0)
        },
        to("2001:db8:5::/48")?.via(address("10.9.9.2")?).dev(&d0),
        to("198.51.100.0/24")?.dev(&d0).preferred_source(address("192.0.2.99")?),
        to("198.51.100.0/24")?.dev(&d0).preferred_source(address("2001:db8:9::1")?),
        to("198.51.100.0/24")?
            .by(NextHop::via(address("10.9.9.2")?).dev(&d0).weight(0))
            .by(NextHop::default()),
    ] {
        let asked = wrong.to_string();
        let error =
            net.routes().add(wrong).err().ok_or_else(|| Failure::wrong(format_args!("{asked} was taken")))?;
        ensure!(error.to_string().starts_with(&format!("cannot add route {asked}: ")), "{error}");
    }
    Ok(())
}

/// A hundred thousand routes in one call, read in place and deleted in one call.
pub(crate) fn a_hundred_thousand(_: &mut Lab) -> Outcome {
    const COUNT: u32 = 100_000;
    let net = Net::open()?;
    let (d0, _) = pair(&net)?;
    let destination = |number: u32| Prefix::host((0x0b00_0000 + number).to_be_bytes().into());
    let routes: Vec<Route> =
        (0..COUNT).map(|number| Route::to(destination(number)).dev(&d0).table(Table(1000))).collect();
    ensure_eq!(net.routes().add_all(&routes)?, []);
    let list = List { family: Family::IPV4, ..List::of_table(Table(1000)) };
    let (mut count, mut next) = (0, 0x0b00_0000);
    net.routes().each(list, |view| {
        let found = view.destination()?;
        count +=
            u32::from(found.is_host() && found.address == std::net::IpAddr::from(u32::to_be_bytes(next)));
        next += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    ensure_eq!(count, COUNT);
    let refused = net.routes().add_all(&routes[..1000])?;
    ensure!(refused.len() == 1000 && refused.iter().all(|failure| failure.error.is_exists()));
    ensure_eq!(net.routes().replace_all(&routes[..1000])?, []);
    ensure_eq!(net.routes().delete_all(&routes)?, []);
    ensure_eq!(net.routes().filter(list)?.len(), 0);
    Ok(())
}
