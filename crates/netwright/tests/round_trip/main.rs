//! What is listed can be deleted and added again as it was listed: every list, both families, with `ip` and `bridge` as judges.
#![allow(clippy::unwrap_used)]

use netwright::route::{Family, Protocol, address, neighbour, nexthop, route, rule};
use netwright::{Address, Neighbour, Net, Nexthop, PolicyRule, Route};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests};
use serde_json::Value;

kernel_tests! {
    routes_come_back,
    rules_come_back,
    neighbours_and_forwarding_entries_come_back,
    addresses_come_back,
    nexthops_come_back,
    generated::routes_come_back,
    generated::rules_come_back,
    generated::addresses_come_back,
    generated::neighbours_come_back,
    generated::nexthops_come_back,
    links::links_come_back,
    nftables::rulesets_come_back,
}

mod generated;
mod links;
mod nftables;

/// Two pairs of links with addresses, and what lies below the rest.
fn set_up(ip: &Oracle) -> Outcome {
    ip.line("link set lo up")?;
    for line in [
        "link add d0 type veth peer name d1",
        "link add d2 type veth peer name d3",
        "link add br0 type bridge",
        "link add vx0 type vxlan id 7 dstport 4789 dev d0",
        "link add vx1 type vxlan external dstport 4790",
        "link set d3 master br0",
    ] {
        ip.line(line)?;
    }
    for link in ["d0", "d1", "d2", "d3", "br0", "vx0", "vx1"] {
        ip.line(&format!("link set {link} addrgenmode none"))?; // else addresses come by and by
        ip.line(&format!("link set {link} up"))?;
    }
    for line in [
        "address add 192.0.2.1/24 dev d0",
        "address add 2001:db8::1/64 dev d0 nodad",
        "address add 198.18.0.1/16 dev d2",
        "address add 2001:db8:2::1/64 dev d2 nodad",
    ] {
        ip.line(line)?;
    }
    Ok(())
}

/// Lines of which an older or smaller kernel may refuse some; the number of those that were taken.
fn lines(tool: &Oracle, lines: &[&str]) -> Result<usize, Failure> {
    let taken = lines.iter().filter(|line| match tool.line(line) {
        Ok(_) => true,
        Err(failure) => {
            println!("not here: {line}: {failure:?}");
            false
        }
    });
    let taken = taken.count();
    ensure!(taken * 4 >= lines.len() * 3, "only {taken} of {} lines were taken", lines.len());
    Ok(taken)
}

/// What a tool shows, in an order of its own and without what counts time.
fn shown(tool: &Oracle, line: &str) -> Result<Vec<String>, Failure> {
    fn timeless(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for clock in [
                    "expires",
                    "valid_life_time",
                    "preferred_life_time",
                    "used",
                    "updated",
                    "confirmed",
                    "probes",
                ] {
                    if object.get(clock).is_some_and(|value| value.as_u64() != Some(u64::from(u32::MAX))) {
                        object.remove(clock);
                    }
                }
                object.values_mut().for_each(timeless);
            }
            Value::Array(list) => list.iter_mut().for_each(timeless),
            _ => {}
        }
    }
    let mut value = tool.json(line)?;
    timeless(&mut value);
    let mut objects: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
    objects.sort();
    Ok(objects)
}

/// Deletes each object as it is listed, sees that it is gone, adds it as it was, and compares what the tool shows.
fn all_come_back<T: Clone + std::fmt::Display>(
    objects: &[T],
    show: impl Fn() -> Result<Vec<String>, Failure>,
    delete: impl Fn(&T) -> netwright::Result<()>,
    add: impl Fn(&T) -> netwright::Result<()>,
) -> Outcome {
    let before = show()?;
    for object in objects {
        delete(object).map_err(Failure::wrong)?;
        let without = show()?;
        ensure_eq!(without.len() + 1, before.len());
        add(object).map_err(Failure::wrong)?;
        let after = show()?;
        let (lost, new): (Vec<_>, Vec<_>) = (
            before.iter().filter(|line| !after.contains(line)).collect(),
            after.iter().filter(|line| !before.contains(line)).collect(),
        );
        ensure!(lost.is_empty() && new.is_empty(), "{object}: was {lost:?} and is {new:?}");
    }
    // And all of them at once.
    for object in objects {
        delete(object).map_err(Failure::wrong)?;
    }
    ensure_eq!(show()?.len() + objects.len(), before.len());
    for object in objects {
        add(object).map_err(Failure::wrong)?;
    }
    ensure_eq!(show()?, before);
    Ok(())
}

fn routes_come_back(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    set_up(&ip)?;
    lines(
        &ip,
        &[
            "nexthop add id 1 via 192.0.2.9 dev d0",
            "nexthop add id 2 via 198.18.0.9 dev d2",
            "nexthop add id 3 group 1,3/2,2",
            "nexthop add id 4 blackhole",
            "nexthop add id 5 via 2001:db8::9 dev d0",
            "route add 203.0.113.0/24 nhid 1",
            "route add 203.0.114.0/24 nhid 3",
            "route add 203.0.115.0/24 nhid 4",
            "route add 2001:db8:a::/48 nhid 5",
            "route add default via 192.0.2.9",
            "route add default via 198.18.0.9 metric 100 proto dhcp src 198.18.0.1",
            "route add 203.0.116.0/24 via 192.0.2.9 tos 0x10",
            "route add 203.0.117.0/24 via 10.7.7.7 dev d0 onlink",
            "route add 203.0.118.0/24 via inet6 2001:db8::9 dev d0",
            "route add 203.0.119.0/24 nexthop via 192.0.2.9 weight 1 nexthop via 198.18.0.9 weight 256",
            "route add 203.0.120.0/24 dev d2 scope link mtu lock 1400 advmss 1300 initcwnd 20",
            "route add 203.0.121.0/24 via 192.0.2.9 table 1000 proto 157 metric 4294967295",
            "route add blackhole 203.0.122.0/24",
            "route add unreachable 203.0.123.0/24 metric 5",
            "route add prohibit 203.0.124.0/24 table 7",
            "route add throw 203.0.125.0/24 table 7",
            "route add local 203.0.126.0/24 dev lo",
            "route add broadcast 203.0.126.255 dev d2",
            "route add multicast 239.1.0.0/16 dev d2",
            "route add 203.0.127.0/24 via 192.0.2.9 realm 3/4",
            "route add 203.0.128.0/24 via 192.0.2.9 features ecn congctl reno",
            "-6 route add default via 2001:db8::9 metric 1",
            "-6 route add 2001:db8:b::/48 via 2001:db8::9 metric 7 pref high",
            "-6 route add 2001:db8:c::/48 dev d0 expires 600 proto ra",
            "-6 route add 2001:db8:d::/48 via fe80::9 dev d2 onlink",
            "-6 route add 2001:db8:e::/48 nexthop via 2001:db8::9 weight 3 nexthop via 2001:db8:2::9 dev d2",
            "-6 route add blackhole 2001:db8:f::/48",
            "-6 route add unreachable 2001:db8:10::/48 metric 3",
            "-6 route add prohibit 2001:db8:11::/48 table 1000",
            "-6 route add throw 2001:db8:12::/48 table 1000",
            "-6 route add local 2001:db8:13::/64 dev lo",
            "-6 route add 2001:db8:14::/48 via 2001:db8::9 src 2001:db8:2::1 mtu 1400 hoplimit 5",
            "-6 route add 2001:db8:15::/48 from 2001:db8:2::/64 via 2001:db8::9",
            "nexthop add id 6 group 5 type resilient buckets 8",
            "nexthop add id 7 group 5",
            "-6 route add 2001:db8:16::/48 nhid 7 metric 9",
            "-6 route add 2001:db8:17::/48 nhid 6 src 2001:db8::1",
            "-6 route add default dev d2 table 1000 proto 200",
            "-6 route add multicast ff05::/16 dev d2 table local",
            "-6 route add anycast 2001:db8:18::1 dev d2",
            "-6 route add 2001:db8:19::/48 via 2001:db8::9 proto ra expires 900",
            "-6 route append 2001:db8:19::/48 via 2001:db8::8 proto ra",
            "-6 route add 2001:db8:1a::/48 dev d0 metric 5",
            "route add 203.0.129.0/24 via 192.0.2.9 rtt 100ms rttvar 50ms rto_min 200ms ssthresh 9 cwnd lock 20 window 9000 quickack 1 initrwnd 20 reordering 4 hoplimit 9 fastopen_no_cookie 1",
            "route add 203.0.130.0/24 nexthop via inet6 2001:db8::9 dev d0 nexthop via 198.18.0.9 dev d2 onlink",
            "route add 203.0.131.0/24 encap ip id 7 dst 192.0.2.9 ttl 5 dev d0",
            "-6 route add 2001:db8:1b::/48 encap seg6 mode encap segs 2001:db8::7,2001:db8::8 dev d0",
            "route add 203.0.132.0/24 nexthop encap ip id 7 dst 192.0.2.9 dev d0 nexthop encap ip id 8 dst 192.0.2.8 dev d0",
            "route add 203.0.133.0/32 dev d2 scope host table 7",
        ],
    )?;
    let listed = net.routes().list()?;
    let own: Vec<Route> =
        listed.iter().filter(|route| route.protocol != Some(Protocol::KERNEL)).cloned().collect();
    ensure!(own.len() >= 30, "{}", own.len());
    let show = || {
        let mut all = shown(&ip, "-d -4 route show table all")?;
        all.extend(shown(&ip, "-d -6 route show table all")?);
        all.retain(|line| !line.contains(r#""protocol":"kernel""#)); // they come with links
        Ok(all)
    };
    let as_listed = |route: &Route| route.clone();
    all_come_back(&own, show, |r| net.routes().delete(as_listed(r)), |r| net.routes().add(as_listed(r)))?;
    let again: Vec<Route> = net.routes().filter(route::List::default())?;
    let timeless =
        |route: &Route| Route { cache_info: None, expires: route.expires.map(|_| 0), ..route.clone() };
    for route in &own {
        ensure!(
            again.iter().any(|now| timeless(now) == timeless(route)),
            "{route:?} is not listed as it was"
        );
    }
    Ok(())
}

fn rules_come_back(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    set_up(&ip)?;
    lines(
        &ip,
        &[
            "rule add from 10.0.0.0/8 table 100 pref 1000",
            "rule add to 10.0.0.0/8 table 1000 pref 1001 proto static",
            "rule add not from 10.0.0.0/8 table 100 pref 999",
            "rule add from 10.1.2.3 iif d0 oif lo table 100 pref 1002",
            "rule add fwmark 0 table 100 pref 1003",
            "rule add fwmark 0/0xff table 100 pref 1003",
            "rule add fwmark 5/0xff table 100 pref 1003",
            "rule add tos 0x10 table 100 pref 1004",
            "rule add uidrange 0-0 table 100 pref 1005",
            "rule add ipproto tcp sport 1-1023 dport 80 table 100 pref 1006",
            "rule add table main suppress_prefixlength 0 pref 1007",
            "rule add table main suppress_ifgroup 3 pref 1008",
            "rule add pref 2000 nop",
            "rule add pref 1009 goto 2000",
            "rule add pref 1010 goto 30000",
            "rule add pref 1011 unreachable",
            "rule add pref 1012 blackhole from 10.2.0.0/16",
            "rule add pref 1013 prohibit",
            "rule add pref 1014 table 100 realms 3/4",
            "rule add pref 0 from 10.9.0.0/16 table 100",
            "rule add pref 1015 table 100 tun_id 7",
            "rule add pref 1016 l3mdev",
            "rule add pref 1017 ipproto icmp uidrange 1000-4294967294 table 4294967295",
            "rule add pref 1018 from 10.3.0.0/16 to 10.4.0.1 iif d0 fwmark 0x10/0xf0 tos 8 ipproto udp sport 53 dport 1-65534 uidrange 5-6 table 7 suppress_prefixlength 24 suppress_ifgroup 9 realms 9 proto 99",
            "rule add pref 1019 not iif nothere table 100",
            "rule add pref 4294967295 from all table 9",
            "-6 rule add pref 1003 ipproto tcp dport 22 tos 4 uidrange 7-7 table 100 oif nothere",
            "-6 rule add pref 1004 l3mdev proto 5",
            "-6 rule add pref 1005 goto 1005000 not from 2001:db8::/64",
            "-6 rule add pref 1006 table main suppress_prefixlength 64",
            "-6 rule add from 2001:db8::/32 table 100 pref 1000",
            "-6 rule add not to 2001:db8::/32 fwmark 7 table 1000 pref 1001",
            "-6 rule add pref 1002 unreachable",
            "-6 rule add pref 0 from 2001:db8:9::/48 table 100",
        ],
    )?;
    // What is newer than `ip` and many a kernel is refused by these, and never passed over.
    let newer = |priority| PolicyRule::lookup(netwright::route::Table(100)).priority(priority);
    let one = |port| Some(rule::PortRange { start: port, end: port });
    for rule in [
        PolicyRule { dscp: Some(10), ..newer(3000) },
        PolicyRule { dscp: Some(0), ..newer(3001) },
        PolicyRule { dscp: Some(8), dscp_mask: Some(0x38), ..newer(3002) },
        PolicyRule { flow_label: Some(7), flow_label_mask: Some(0xff), ..newer(3003).family(Family::IPV6) },
        PolicyRule { source_ports: one(0x1000), source_port_mask: Some(0xf000), ..newer(3004) },
        PolicyRule { destination_ports: one(0x50), destination_port_mask: Some(0xfff0), ..newer(3005) },
    ] {
        match net.rules().add(rule.clone()) {
            Ok(()) => ensure!(net.rules().list()?.iter().any(|listed| rule.fits(listed)), "{rule:?}"),
            Err(error) => println!("not here: {error}"),
        }
    }
    let listed = net.rules().list()?;
    ensure!(listed.len() >= 25, "{}", listed.len());
    let show = || {
        let mut all = shown(&ip, "-d -4 rule show")?;
        all.extend(shown(&ip, "-d -6 rule show")?);
        Ok(all)
    };
    // Those of the kernel too: whoever moves the local table deletes rule 0 as it is listed.
    all_come_back(
        &listed,
        show,
        |rule| net.rules().delete(rule.clone()),
        |rule| net.rules().add(rule.clone()),
    )?;
    let again = net.rules().filter(rule::List::default())?;
    let stateless =
        |rule: &PolicyRule| PolicyRule { flags: rule.flags & rule::RuleFlags::INVERT, ..rule.clone() };
    for rule in &listed {
        ensure!(
            again.iter().any(|now| stateless(now) == stateless(rule)),
            "{rule:?} is not listed as it was"
        );
    }
    Ok(())
}

fn neighbours_and_forwarding_entries_come_back(_: &mut Lab) -> Outcome {
    let (ip, bridge, net) = (Oracle::ip()?, Oracle::bridge()?, Net::open()?);
    set_up(&ip)?;
    lines(
        &ip,
        &[
            "neigh add 192.0.2.50 lladdr 02:00:00:00:00:01 dev d0",
            "neigh add 192.0.2.51 lladdr 02:00:00:00:00:02 dev d0 nud stale",
            "neigh add 192.0.2.52 lladdr 02:00:00:00:00:03 dev d0 nud noarp protocol 157",
            "neigh add 192.0.2.53 lladdr 02:00:00:00:00:04 dev d0 nud permanent extern_learn",
            "neigh add 2001:db8::50 lladdr 02:00:00:00:00:05 dev d0 router",
            "neigh add 2001:db8::51 lladdr 02:00:00:00:00:06 dev d0 nud reachable",
            "neigh add 192.0.2.55 lladdr 02:00:00:00:00:07 dev d0 nud noarp managed",
            "neigh add 192.0.2.56 dev d0 lladdr 02:00:00:00:00:08 nud permanent router",
            "neigh add proxy 192.0.2.60 dev d0",
            "neigh add proxy 2001:db8::60 dev d0",
            "neigh add proxy 2001:db8::61 dev d2 router protocol 33",
        ],
    )?;
    let own = |all: Vec<Neighbour>| -> Vec<Neighbour> {
        all.into_iter().filter(|one| one.destination.is_some_and(|to| !to.is_multicast())).collect()
    };
    let listed = own(net.neighbours().list()?);
    ensure!(listed.len() >= 6, "{listed:?}");
    let show = || {
        shown(&ip, "-d neigh show nud all").map(|all| {
            all.into_iter().filter(|line| !line.contains("\"ff02") && !line.contains("\"224.")).collect()
        })
    };
    let (delete, add) =
        (|n: &Neighbour| net.neighbours().delete(n.clone()), |n: &Neighbour| net.neighbours().add(n.clone()));
    all_come_back(&listed, show, delete, add)?;

    let proxies = net.neighbours().filter(neighbour::List { proxies: true, ..Default::default() })?;
    ensure_eq!(proxies.len(), 3);
    all_come_back(&proxies, || shown(&ip, "-d neigh show proxy"), delete, add)?;

    lines(&ip, &["nexthop add id 20 via 192.0.2.90 fdb", "nexthop add id 21 group 20 fdb"])?;
    lines(
        &bridge,
        &[
            "fdb add 02:00:00:00:01:01 dev d3 master static",
            "fdb add 02:00:00:00:01:02 dev d3 master permanent",
            "fdb add 02:00:00:00:01:03 dev d3 master dynamic",
            "fdb add 02:00:00:00:01:04 dev d3 self permanent",
            "fdb add 02:00:00:00:01:05 dev br0 self local",
            "fdb add 02:00:00:00:01:06 dev vx0 dst 192.0.2.77 self",
            "fdb add 02:00:00:00:01:07 dev vx0 dst 192.0.2.78 port 8472 vni 9 via d0 self",
            "fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.79 self",
            "fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.80 self",
            "fdb add 02:00:00:00:01:08 dev d3 master static sticky",
            "fdb add 02:00:00:00:01:0a dev d3 master extern_learn",
            "fdb add 02:00:00:00:01:0b dev vx1 dst 192.0.2.81 vni 9 src_vni 5 self",
            "fdb add 02:00:00:00:01:0b dev vx1 dst 192.0.2.81 vni 9 src_vni 6 self",
            "fdb add 02:00:00:00:01:0c dev vx0 nhid 21 self",
        ],
    )?;
    let all = net.neighbours().filter(neighbour::List { family: Family::BRIDGE, ..Default::default() })?;
    let made = |one: &&Neighbour| {
        let address = one.address.map(|address| address.to_string()).unwrap_or_default();
        address.starts_with("02:00:00:00:01:") || address == "00:00:00:00:00:00"
    };
    let listed: Vec<Neighbour> = all.iter().filter(made).cloned().collect();
    ensure!(listed.len() >= 9, "{listed:?}");
    // Entries of one address stand one behind the other, as `append` makes them.
    let append = |one: &Neighbour| match one.address.is_some_and(|address| address.as_bytes() == [0; 6]) {
        true => net.neighbours().append(one.clone()),
        false => net.neighbours().add(one.clone()),
    };
    all_come_back(&listed, || shown(&bridge, "-d fdb show"), delete, append)
}

/// JSON with its keys in order. Where a crate beside this one lets `serde_json` keep the order of what was read, taking a key away
/// moves the last one to its place.
fn text(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> =
                object.iter().map(|(key, value)| format!("\"{key}\":{}", text(value))).collect();
            members.sort();
            format!("{{{}}}", joined(members))
        }
        Value::Array(list) => format!("[{}]", joined(list.iter().map(text).collect())),
        plain => plain.to_string(),
    }
}

/// What `ip` shows of addresses, in an order of its own and without what counts time.
fn addresses_shown(ip: &Oracle) -> Result<Vec<String>, Failure> {
    let links = ip.json("-d address show")?;
    let addresses = links.as_array().into_iter().flatten().flat_map(|link| {
        let name = link["ifname"].clone();
        link["addr_info"].as_array().cloned().into_iter().flatten().map(move |mut address| {
            if let Some(address) = address.as_object_mut() {
                for clock in ["valid_life_time", "preferred_life_time"] {
                    // forever is a value, and the rest counts down
                    if address[clock] != u32::MAX && address[clock] != 0 {
                        address.remove(clock);
                    }
                }
                address.remove("tentative");
            }
            format!("{name} {}", text(&address))
        })
    });
    let mut all: Vec<String> = addresses.collect();
    all.sort();
    Ok(all)
}

fn addresses_come_back(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    set_up(&ip)?;
    lines(
        &ip,
        &[
            "address add 10.0.0.1/24 dev d1 label d1:one broadcast 10.0.0.255",
            "address add 10.1.0.1 peer 10.1.0.2/32 dev d1 scope link",
            "address add 10.2.0.1/24 dev d1 valid_lft 1000 preferred_lft 500 metric 7",
            "address add 10.3.0.1/24 dev d1 noprefixroute",
            "address add 10.4.0.1/32 dev lo",
            "-6 address add 2001:db8:9::1/64 dev d1 nodad noprefixroute",
            "-6 address add 2001:db8:9::2/128 dev d1 nodad valid_lft 1000 preferred_lft 0",
            "-6 address add 2001:db8:9::3 peer 2001:db8:9::4/128 dev d1 nodad metric 9",
            "-6 address add 2001:db8:9::5/64 dev d1 nodad home",
            "-6 address add fe80::1/64 dev d1 nodad",
            "-6 address add 2001:db8:9::6/64 dev d1 nodad mngtmpaddr",
            "-6 address add 2001:db8:9::7/64 dev d1 nodad optimistic",
            "-6 address add ff05::77/128 dev d1 autojoin",
            "address add 239.9.9.9/32 dev d1 autojoin",
            "address add 10.5.0.1/24 dev d1 valid_lft 900 preferred_lft 900",
            "address add 10.7.0.2/24 dev d1 valid_lft 900 preferred_lft 0",
            "address add 10.8.0.3/24 dev d1 scope host broadcast 10.8.0.7",
            "address add 10.6.0.1/31 dev d1 metric 4294967295",
            "address add 10.0.0.1/16 dev d1",
        ],
    )?;
    let listed: Vec<Address> = net.addresses().list()?;
    ensure!(listed.len() >= 15, "{}", listed.len());
    // Those of the loopback too.
    all_come_back(
        &listed,
        || addresses_shown(&ip),
        |a| net.addresses().delete(a.link, a.clone()),
        |a| net.addresses().add(a.link, a.clone()),
    )?;
    ensure_eq!(net.addresses().filter(address::List::default())?.len(), listed.len());
    Ok(())
}

fn nexthops_come_back(_: &mut Lab) -> Outcome {
    let (ip, net) = (Oracle::ip()?, Net::open()?);
    set_up(&ip)?;
    lines(
        &ip,
        &[
            "nexthop add id 1 via 192.0.2.9 dev d0",
            "nexthop add id 2 via 198.18.0.9 dev d2 proto 157",
            "nexthop add id 3 dev d2",
            "nexthop add id 4 blackhole",
            "nexthop add id 5 via 2001:db8::9 dev d0",
            "nexthop add id 6 via 10.9.9.9 dev d0 onlink",
            "nexthop add id 7 via 192.0.2.10 fdb",
            "nexthop add id 8 via 192.0.2.11 fdb",
            "nexthop add id 20 group 1,3/2,256",
            "nexthop add id 21 group 7/8 fdb",
            "nexthop add id 22 group 1/2 type resilient buckets 32 idle_timer 60 unbalanced_timer 300",
            "nexthop add id 4294967295 dev d0",
            "nexthop add id 9 encap ip id 7 dst 192.0.2.9 dev d0",
            "nexthop add id 10 via inet6 2001:db8::9 dev d0",
            "nexthop add id 11 via fe80::9 dev d0 onlink proto 9",
            "nexthop add id 12 dev d2 protocol 8",
            "nexthop add id 23 group 5/11",
        ],
    )?;
    let listed: Vec<Nexthop> = net.nexthops().list()?;
    ensure!(listed.len() >= 11);
    let show = || shown(&ip, "-d nexthop show");
    // Groups go with their last member, so they go first and come last.
    let (groups, single): (Vec<_>, Vec<_>) =
        listed.iter().cloned().partition(|nexthop| !nexthop.group.is_empty());
    let (delete, add) =
        (|n: &Nexthop| net.nexthops().delete(n.clone()), |n: &Nexthop| net.nexthops().add(n.clone()));
    all_come_back(&groups, show, delete, add)?;
    for nexthop in &listed {
        let got = net.nexthops().get(nexthop.id.unwrap_or_default())?;
        ensure_eq!(got.without_state(), nexthop.without_state());
    }
    groups.iter().try_for_each(delete)?;
    all_come_back(&single, show, delete, add)?;
    groups.iter().try_for_each(add)?;
    let settings = |all: &[Nexthop]| -> Vec<Nexthop> { all.iter().map(Nexthop::without_state).collect() };
    ensure_eq!(settings(&net.nexthops().filter(nexthop::List::default())?), settings(&listed));
    Ok(())
}
