//! The same of objects with attributes as they come: whatever the kernel took of one is listed, and comes back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright::route::address::{AddressFlags, AddressProtocol, Lifetime};
use netwright::route::neighbour::{NeighbourFlags, NeighbourState};
use netwright::route::nexthop::GroupMember;
use netwright::route::route::{Metrics, NextHop, NextHopFlags, RouteFlags, RouteKind, RouterPreference};
use netwright::route::rule::{Mark, PortRange, RuleAction, RuleFlags, UserRange};
use netwright::route::{Scope, Table};
use netwright::{LinkId, Prefix};
use netwright_lab::random::Random;

use super::*;

/// Objects of each kind that are tried.
const TRIED: u16 = 24;

/// A value now and then.
fn maybe<T>(random: &mut Random, value: impl FnOnce(&mut Random) -> T) -> Option<T> {
    random.one_in(3).then(|| value(random))
}

fn number(random: &mut Random) -> u32 {
    *random.pick(&[0, 1, 7, 255, 256, 65_535, 65_536, u32::MAX - 1])
}

/// Adds what the kernel takes, of which there must be enough; the objects as they are listed then.
fn added<T: Clone + std::fmt::Display>(
    wanted: &[T],
    add: impl Fn(&T) -> netwright::Result<()>,
) -> Result<usize, Failure> {
    let mut taken = 0;
    for object in wanted {
        match add(object) {
            Ok(()) => taken += 1,
            Err(error) => println!("not taken: {error}"),
        }
    }
    ensure!(taken * 3 >= wanted.len(), "only {taken} of {} were taken", wanted.len());
    Ok(taken)
}

/// A place in the networks of the links `d0` and `d2`, which are 192.0.2.0/24 and 198.18.0.0/16, and those of IPv6 beside them.
fn gateway(random: &mut Random, ipv6: bool) -> IpAddr {
    let last = 9 + random.below(9) as u8;
    match (ipv6, random.one_in(2)) {
        (false, true) => IpAddr::from([192, 0, 2, last]),
        (false, false) => IpAddr::from([198, 18, 0, last]),
        (true, true) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into(),
        (true, false) => Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, last.into()).into(),
    }
}

fn metrics(random: &mut Random) -> Metrics {
    let (mtu, segment, hops) = (1300 + random.below(200) as u32, 1200, 1 + random.below(255) as u32);
    Metrics::default().with(|metrics| {
        metrics.mtu = maybe(random, |_| mtu);
        metrics.advertised_segment_size = maybe(random, |_| segment);
        metrics.hop_limit = maybe(random, |_| hops);
        metrics.window = maybe(random, |_| 9000);
        metrics.initial_congestion_window = maybe(random, |_| 20);
        metrics.initial_receive_window = maybe(random, |_| 30);
        metrics.quick_acknowledgement = maybe(random, |_| 1);
        metrics.reordering = maybe(random, |_| 4);
        metrics.fast_open_without_cookie = maybe(random, |_| 1);
        metrics.congestion_control = maybe(random, |_| "reno".to_owned());
    })
}

fn route(random: &mut Random, index: u16, links: &[LinkId; 2]) -> Route {
    let ipv6 = random.one_in(2);
    let destination = match ipv6 {
        false => Prefix { address: Ipv4Addr::new(203, 0, index as u8, 0).into(), length: 24 },
        true => {
            Prefix { address: Ipv6Addr::new(0x2001, 0xdb8, 0xa000 + index, 0, 0, 0, 0, 0).into(), length: 48 }
        }
    };
    let mut route = Route::to(destination);
    match random.below(6) {
        0 => {
            let kinds = [RouteKind::BLACKHOLE, RouteKind::UNREACHABLE, RouteKind::PROHIBIT, RouteKind::THROW];
            route.kind = *random.pick(&kinds);
        }
        1 => route.link = Some(*random.pick(links)),
        2 => {
            route.gateway = Some(gateway(random, ipv6));
            route.link = Some(*random.pick(links));
            route.flags = RouteFlags::ON_LINK;
        }
        3 => {
            for (number, link) in links.iter().enumerate() {
                let gateway = match ipv6 {
                    false => Ipv4Addr::new(198, 19, 0, number as u8).into(),
                    true => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9 + number as u16).into(),
                };
                let weight = *random.pick(&[1, 2, 256]);
                let hop = NextHop::via(gateway).dev(*link).weight(weight);
                route.next_hops.push(NextHop { flags: NextHopFlags::ON_LINK, ..hop });
            }
        }
        _ => route.gateway = Some(gateway(random, ipv6)),
    }
    route.table = maybe(random, |random| *random.pick(&[Table(100), Table(1000), Table(u32::MAX)]));
    route.priority = maybe(random, |random| number(random).max(1));
    route.protocol = maybe(random, |random| *random.pick(&[Protocol::STATIC, Protocol::DHCP, Protocol(157)]));
    route.metrics = maybe(random, metrics).map(Box::new);
    if ipv6 {
        route.preference = maybe(random, |random| *random.pick(RouterPreference::KNOWN));
        route.expires = maybe(random, |_| 900);
        route.preferred_source = maybe(random, |_| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    } else {
        route.type_of_service = *random.pick(&[0, 0, 4, 16]);
        route.preferred_source = maybe(random, |_| [192, 0, 2, 1].into());
        route.flow = maybe(random, |_| 0x0003_0004);
        route.scope = maybe(random, |random| *random.pick(&[Scope::GLOBAL, Scope::LINK]));
    }
    route
}

pub(super) fn routes_come_back(_: &mut Lab) -> Outcome {
    let (ip, net, mut random) = (Oracle::ip()?, Net::open()?, Random::new(14));
    set_up(&ip)?;
    let links = [net.links().get("d0")?.id(), net.links().get("d2")?.id()];
    let wanted: Vec<Route> = (0..TRIED).map(|index| route(&mut random, index, &links)).collect();
    let taken = added(&wanted, |route| net.routes().add(route.clone()))?;
    let listed = net.routes().list()?;
    let own: Vec<Route> =
        listed.into_iter().filter(|route| route.protocol != Some(Protocol::KERNEL)).collect();
    ensure_eq!(own.len(), taken);
    let show = || {
        let mut all = shown(&ip, "-d -4 route show table all")?;
        all.extend(shown(&ip, "-d -6 route show table all")?);
        all.retain(|line| !line.contains(r#""protocol":"kernel""#));
        Ok(all)
    };
    all_come_back(&own, show, |r| net.routes().delete(r.clone()), |r| net.routes().add(r.clone()))
}

fn rule(random: &mut Random, index: u16) -> PolicyRule {
    let ipv6 = random.one_in(2);
    let prefix = |random: &mut Random| match ipv6 {
        false => {
            Prefix { address: Ipv4Addr::from(number(random)).into(), length: 1 + random.below(32) as u8 }
                .network()
        }
        true => {
            let address = Ipv6Addr::new(0x2001, 0xdb8, number(random) as u16, 0, 0, 0, 0, 1).into();
            Prefix { address, length: 1 + random.below(128) as u8 }.network()
        }
    };
    let ports = |random: &mut Random| {
        let (one, other) = (1 + random.below(65_534) as u16, 1 + random.below(65_534) as u16);
        PortRange { start: one.min(other), end: one.max(other) }
    };
    let mut rule = PolicyRule {
        family: if ipv6 { Family::IPV6 } else { Family::IPV4 },
        priority: Some(100 + u32::from(index)),
        from: maybe(random, prefix),
        to: maybe(random, prefix),
        incoming: maybe(random, |random| (*random.pick(&["d0", "lo", "nothere"])).to_owned()),
        outgoing: maybe(random, |random| (*random.pick(&["d2", "nothere"])).to_owned()),
        mark: maybe(random, |random| Mark { value: number(random), mask: number(random) }),
        users: maybe(random, |random| {
            let (one, other) = (number(random), number(random));
            UserRange { start: one.min(other), end: one.max(other) }
        }),
        ip_protocol: maybe(random, |random| *random.pick(&[6, 17, 132])),
        source_ports: maybe(random, ports),
        destination_ports: maybe(random, ports),
        tunnel: maybe(random, |random| u64::from(number(random))),
        protocol: maybe(random, |random| Protocol(random.byte())),
        flags: if random.one_in(4) { RuleFlags::INVERT } else { RuleFlags::empty() },
        type_of_service: *random.pick(&[0, 0, 4, 16]),
        ..PolicyRule::default()
    };
    match random.below(5) {
        0 => {
            rule.action =
                *random.pick(&[RuleAction::BLACKHOLE, RuleAction::UNREACHABLE, RuleAction::PROHIBIT])
        }
        1 => (rule.action, rule.target) = (RuleAction::GOTO, Some(1000 + number(random) % 1000)),
        2 => rule.action = RuleAction::NOP,
        _ => {
            (rule.action, rule.table) = (RuleAction::LOOKUP, Some(Table(1 + number(random) % 100_000)));
            rule.suppress_prefix_length = maybe(random, |random| random.below(30) as u32);
            rule.suppress_group = maybe(random, |random| random.below(9) as u32);
            rule.flow = maybe(random, |_| 0x0003_0004).filter(|_| !ipv6);
        }
    }
    rule
}

pub(super) fn rules_come_back(_: &mut Lab) -> Outcome {
    let (ip, net, mut random) = (Oracle::ip()?, Net::open()?, Random::new(15));
    set_up(&ip)?;
    let wanted: Vec<PolicyRule> = (0..TRIED).map(|index| rule(&mut random, index)).collect();
    let taken = added(&wanted, |rule| net.rules().add(rule.clone()))?;
    let own: Vec<PolicyRule> = net
        .rules()
        .list()?
        .into_iter()
        .filter(|rule| (100..30_000).contains(&rule.priority.unwrap_or(0)))
        .collect();
    ensure_eq!(own.len(), taken);
    for rule in &wanted {
        // What was taken is listed with all that it had.
        let listed = own.iter().any(|listed| rule.fits(listed));
        ensure!(listed || !own.iter().any(|other| other.priority == rule.priority), "{rule:?}");
    }
    let show = || {
        let mut all = shown(&ip, "-d -4 rule show")?;
        all.extend(shown(&ip, "-d -6 rule show")?);
        Ok(all)
    };
    all_come_back(&own, show, |r| net.rules().delete(r.clone()), |r| net.rules().add(r.clone()))
}

fn address(random: &mut Random, index: u16, link: LinkId) -> Address {
    let ipv6 = random.one_in(2);
    let (own, peer): (IpAddr, IpAddr) = match ipv6 {
        false => ([10, 20, index as u8, 1].into(), [10, 20, index as u8, 2].into()),
        true => {
            let of = |last| Ipv6Addr::new(0x2001, 0xdb8, 0xb000 + index, 0, 0, 0, 0, last).into();
            (of(1), of(2))
        }
    };
    let most = if ipv6 { 127 } else { 31 };
    let mut address = Address::new(own, 1 + 15 + random.below(most - 15) as u8).on(link);
    address.peer = maybe(random, |_| peer);
    address.lifetime = maybe(random, |random| Lifetime {
        preferred: *random.pick(&[Some(0), Some(500), Some(900)]),
        valid: *random.pick(&[Some(900), None]),
    });
    address.route_priority = maybe(random, number);
    address.protocol = maybe(random, |random| AddressProtocol(4 + random.byte() % 250));
    if random.one_in(3) {
        address.flags |= AddressFlags::NO_PREFIX_ROUTE;
    }
    if ipv6 {
        address.flags |= AddressFlags::NO_DUPLICATE_DETECTION;
        if random.one_in(4) {
            address.flags |= AddressFlags::HOME_ADDRESS;
        }
    } else {
        address.label = maybe(random, |_| format!("d1:{index}"));
        address.broadcast = maybe(random, |_| [10, 20, index as u8, 255].into());
        address.scope = maybe(random, |random| *random.pick(&[Scope::GLOBAL, Scope::LINK, Scope::HOST]));
    }
    address
}

pub(super) fn addresses_come_back(_: &mut Lab) -> Outcome {
    let (ip, net, mut random) = (Oracle::ip()?, Net::open()?, Random::new(16));
    set_up(&ip)?;
    let link = net.links().get("d1")?.id();
    let wanted: Vec<Address> = (0..TRIED).map(|index| address(&mut random, index, link)).collect();
    let taken = added(&wanted, |address| net.addresses().add(address.link, address.clone()))?;
    let own = net.addresses().of(link)?;
    ensure_eq!(own.len(), taken);
    all_come_back(
        &own,
        || addresses_shown(&ip),
        |a| net.addresses().delete(a.link, a.clone()),
        |a| net.addresses().add(a.link, a.clone()),
    )
}

fn neighbour(random: &mut Random, index: u16, link: LinkId) -> Neighbour {
    let ipv6 = random.one_in(2);
    let destination = match ipv6 {
        false => [192, 0, 2, 100 + index as u8].into(),
        true => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, index).into(),
    };
    if random.one_in(4) {
        let mut proxy = Neighbour::proxy(link, destination);
        proxy.protocol = maybe(random, |_| Protocol(157));
        return proxy;
    }
    let mut neighbour = Neighbour::new(link, destination, [2, 0, 0, 0, 0, index as u8].into());
    let states = [NeighbourState::PERMANENT, NeighbourState::NO_ARP];
    neighbour.state = *random.pick(&states);
    neighbour.protocol = maybe(random, |_| Protocol(157));
    for flag in [NeighbourFlags::ROUTER, NeighbourFlags::EXTERNALLY_LEARNED] {
        if random.one_in(4) {
            neighbour.flags |= flag;
        }
    }
    neighbour
}

pub(super) fn neighbours_come_back(_: &mut Lab) -> Outcome {
    let (ip, net, mut random) = (Oracle::ip()?, Net::open()?, Random::new(17));
    set_up(&ip)?;
    let link = net.links().get("d0")?.id();
    let wanted: Vec<Neighbour> = (0..TRIED).map(|index| neighbour(&mut random, index, link)).collect();
    let taken = added(&wanted, |neighbour| net.neighbours().add(neighbour.clone()))?;
    let made = |one: &Neighbour| wanted.iter().any(|wanted| wanted.destination == one.destination);
    let mut own: Vec<Neighbour> = net.neighbours().list()?.into_iter().filter(made).collect();
    let proxies = neighbour::List { proxies: true, ..Default::default() };
    own.extend(net.neighbours().filter(proxies)?);
    ensure_eq!(own.len(), taken);
    let show = || {
        let mut all = shown(&ip, "-d neigh show nud all")?;
        all.retain(|line| !line.contains("\"ff02") && !line.contains("\"224."));
        all.extend(shown(&ip, "-d neigh show proxy")?);
        Ok(all)
    };
    let (delete, add) =
        (|n: &Neighbour| net.neighbours().delete(n.clone()), |n: &Neighbour| net.neighbours().add(n.clone()));
    all_come_back(&own, show, delete, add)
}

fn nexthop(random: &mut Random, id: u32, links: &[LinkId; 2]) -> Nexthop {
    let ipv6 = random.one_in(2);
    let mut nexthop = Nexthop { id: Some(id), ..Nexthop::default() };
    match random.below(4) {
        0 => nexthop.blackhole = true,
        1 => nexthop.link = Some(*random.pick(links)),
        _ => {
            nexthop.gateway = Some(gateway(random, ipv6));
            nexthop.link = Some(*random.pick(links));
            nexthop.flags = RouteFlags::ON_LINK;
        }
    }
    nexthop.family = if ipv6 { Family::IPV6 } else { Family::IPV4 };
    nexthop.protocol = maybe(random, |random| Protocol(random.byte()));
    nexthop
}

pub(super) fn nexthops_come_back(_: &mut Lab) -> Outcome {
    let (ip, net, mut random) = (Oracle::ip()?, Net::open()?, Random::new(18));
    set_up(&ip)?;
    let links = [net.links().get("d0")?.id(), net.links().get("d2")?.id()];
    let wanted: Vec<Nexthop> = (1..=TRIED.into()).map(|id| nexthop(&mut random, id, &links)).collect();
    let taken = added(&wanted, |nexthop| net.nexthops().add(nexthop.clone()))?;
    let single = net.nexthops().list()?;
    ensure_eq!(single.len(), taken);
    let show = || shown(&ip, "-d nexthop show");
    let (delete, add) =
        (|n: &Nexthop| net.nexthops().delete(n.clone()), |n: &Nexthop| net.nexthops().add(n.clone()));
    all_come_back(&single, show, delete, add)?;
    // Groups of those that have a gateway or a link.
    let members: Vec<u32> = single.iter().filter(|one| !one.blackhole).filter_map(|one| one.id).collect();
    let groups = (1000..1010).map(|id| {
        let mut group = Nexthop { id: Some(id), ..Nexthop::default() };
        for member in &members {
            if random.one_in(4) {
                group.group.push(GroupMember::new(*member).weight(1 + random.below(256) as u32));
            }
        }
        group
    });
    let groups: Vec<Nexthop> = groups.filter(|group| !group.group.is_empty()).collect();
    added(&groups, |nexthop| net.nexthops().add(nexthop.clone()))?;
    let listed: Vec<Nexthop> =
        net.nexthops().list()?.into_iter().filter(|nexthop| !nexthop.group.is_empty()).collect();
    all_come_back(&listed, show, delete, add)
}
