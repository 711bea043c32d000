//! Copies beside what random commands of `ip` do.

use super::*;

/// A random command of `ip`, which it may well refuse.
fn random_command(random: &mut Random) -> String {
    let mut pick = |count: usize| random.below(count);
    let link = ["a0", "a1", "b0", "b1"][pick(4)];
    let (n, m, metric) = (pick(4), pick(4), [0, 5, 9][pick(3)]);
    let metric = if metric == 0 { String::new() } else { format!(" metric {metric}") };
    let verb = ["add", "append", "replace", "del", "add", "prepend"][pick(6)];
    let table = ["", " table 100", ""][pick(3)];
    match pick(24) {
        0 => format!("link set {link} {}", ["up", "down", "up", "up"][pick(4)]),
        1 => format!("link set {link} mtu {}", 1300 + n),
        2 => format!("address {} 10.{n}.{m}.1/24 dev {link}", ["add", "del"][pick(2)]),
        3 => format!("-6 address {} 2001:db8:{n}::{m}/64 dev {link} nodad", ["add", "del"][pick(2)]),
        4 | 5 => format!("route {verb} 198.51.{n}.0/24 dev {link}{metric}{table}"),
        6 => format!("route {verb} 198.51.{n}.0/24 via 10.{m}.{n}.9 {metric}{table}"),
        7 => format!("route {verb} 198.51.{n}.0/24 nexthop dev a0 weight {} nexthop dev b0{metric}", m + 1),
        8 | 9 => {
            format!("-6 route {verb} 2001:db8:f{n}::/48 via 2001:db8:{m}::9 dev {link}{metric} onlink{table}")
        }
        10 => format!("-6 route {verb} 2001:db8:f{n}::/48 dev {link}{metric}{table}"),
        11 => format!(
            "-6 route {verb} 2001:db8:f{n}::/48 nexthop via fe80::{m} dev a0 nexthop via fe80::9 dev b0{metric}"
        ),
        12 => format!("route {verb} blackhole 198.51.{n}.0/24{metric}"),
        13 => format!("rule {} from 10.{n}.0.0/16 pref {} table 100", ["add", "del"][pick(2)], 10 + m),
        14 => match pick(4) {
            0 => format!("nexthop {} id {} dev {link}", ["add", "replace"][pick(2)], n + 1),
            1 => format!("nexthop del id {}", n + 1),
            2 => format!("nexthop replace id 9 group {}/{}", n + 1, m + 1),
            _ => format!("route {verb} 203.0.{n}.0/24 nhid {}", m + 1),
        },
        15 => match pick(3) {
            0 => format!("-6 route {verb} 2001:db8:f{n}::/48 via fe80::{m} dev a0 proto ra{metric}"),
            1 if n == 1 => {
                format!("-6 route {verb} 2001:db8:f{n}::/48 via fe80::{m} dev b0 mtu 1302{metric}")
            }
            1 => format!("-6 route {verb} 2001:db8:f{n}::/48 via fe80::{m} dev b0 expires 900{metric}"),
            _ => format!("-6 route {verb} blackhole 2001:db8:f{n}::/48{metric}"),
        },
        16 => match pick(4) {
            0 => "link set c0 name c1".to_owned(),
            1 => "link set c1 name c0".to_owned(),
            2 => format!("address add 10.9.{n}.1/24 dev c1"),
            _ => format!("route add 198.52.{n}.0/24 dev c1"),
        },
        17 => match pick(4) {
            0 => format!("route change 198.51.{n}.0/24 dev {link}{metric}"),
            1 => "route flush table 100".to_owned(),
            2 => format!("-6 route flush root 2001:db8:f{n}::/48"),
            _ => format!("address flush dev {link}"),
        },
        18 => match pick(4) {
            0 => "link add v0 type vrf table 100".to_owned(),
            1 => format!("link set {link} master v0"),
            2 => format!("link set {link} nomaster"),
            _ => "link del v0".to_owned(),
        },
        19 => match pick(4) {
            0 => format!("nexthop replace id 5 via fe80::{m} dev {link}"),
            1 => format!("nexthop replace id 6 group 5,{}", m + 1),
            2 => format!("-6 route {verb} 2001:db8:f{n}::/48 nhid 5{metric}"),
            _ => format!("nexthop replace id 8 group {} type resilient buckets 8", n + 1),
        },
        20 => format!("route {verb} 198.51.{n}.0/24 tos 0x10 dev {link}{metric}"),
        21 => match pick(3) {
            0 => "link del b0".to_owned(),
            1 => "link add b0 type veth peer name b1".to_owned(),
            _ => format!("-6 address add 2001:db8:{n}::{m}/64 dev {link} nodad valid_lft 900 metric {n}0"),
        },
        22 => match pick(3) {
            0 => format!("rule {} pref {} goto 12", ["add", "del"][pick(2)], 10 + m),
            1 => format!("rule {} not iif {link} pref 11 lookup 100", ["add", "del"][pick(2)]),
            _ => format!("-6 rule {} fwmark {n} pref 11 lookup 100", ["add", "del"][pick(2)]),
        },
        _ => match pick(4) {
            0 => "link add c0 type bridge".to_owned(),
            1 => ["link del c0", "link del c1"][pick(2)].to_owned(),
            2 => format!("link property {} dev {link} altname alternative-name-{n}", ["add", "del"][pick(2)]),
            _ => format!("link set {link} alias {n}"),
        },
    }
}

/// `SOAK_STEPS` makes it longer.
pub(super) fn the_copy_is_what_there_is_after_whatever_ip_does(_: &mut Lab) -> Outcome {
    let steps = std::env::var("SOAK_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(60_u64);
    let (net, ip) = (Net::open()?, Oracle::ip()?);
    for line in ["link add a0 type veth peer name a1", "link add b0 type veth peer name b1"] {
        ip.line(line)?;
    }
    for link in ["a0", "a1", "b0", "b1"] {
        ip.line(&format!("link set {link} up"))?;
    }
    let mut random = Random::new(14);
    let mut watch = net.watch(Options::new(Kinds::ROUTING | Kinds::NEIGHBOURS).existing())?;
    let live = net.live(Kinds::ROUTING)?;
    let mut sum = Sum::default();
    for step in 0..steps {
        let lines: Vec<String> = (0..25).map(|_| random_command(&mut random)).collect();
        ip.output(&["-force".to_owned(), "-batch".to_owned(), "-".to_owned()], &lines.join("\n"))?;
        // Duplicate detection and carriers go on by themselves.
        settles(&mut watch, &net)
            .map_err(|failure| Failure::wrong(format_args!("after step {step}: {lines:#?}: {failure:?}")))?;
        for event in told(&mut watch)? {
            sum.add(&event)
                .map_err(|failure| Failure::wrong(format_args!("after {lines:#?}: {failure:?}")))?;
        }
        let checked = wait_until("the live copy is what there is", || {
            live.update()?;
            Ok(is_what_there_is(&live.store(), &net).is_ok().then_some(()))
        });
        if checked.is_err() {
            is_what_there_is(&live.store(), &net)?;
        }
    }
    ensure!(live.failure().is_none());
    watch.update()?;
    told(&mut watch)?.iter().try_for_each(|event| sum.add(event))?;
    same("routes", &sum.routes, &watch.store().routes().map(plain).collect())?;
    let listed = net.neighbours().filter(neighbour::List::default())?;
    let of_ip = |neighbour: &&Neighbour| neighbour.family != Family::BRIDGE;
    let permanent = |n: &Neighbour| n.state == neighbour::NeighbourState::PERMANENT;
    let copied: BTreeSet<String> =
        watch.store().neighbours().filter(of_ip).filter(|n| permanent(n)).map(plain_neighbour).collect();
    ensure_eq!(copied, listed.iter().filter(|n| permanent(n)).map(plain_neighbour).collect());
    Ok(())
}
