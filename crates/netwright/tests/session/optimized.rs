//! Merged rules (`nft -o`) do to packets what the rules did: random chains, and every packet that their fields can tell apart.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{Ipv4Addr, UdpSocket};

use netwright::Net;
use netwright::netfilter::{Family, ObjectData, TableRef, expression::ObjectKind};
use netwright::nft::Script;
use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

/// How many chains are tried; more where the environment says so.
const CHAINS: u64 = 40;
const MORE: &str = "NETWRIGHT_OPTIMIZED_CHAINS";
/// Addresses 127.0.0.1 … and ports 1 … of so many each, in all combinations.
const VALUES: u8 = 3;
/// Ports that are sent from begin here.
const FROM: u16 = 4000;
/// Chains that rules lead to.
const ENDS: usize = 3;
/// What tells a packet, and what rules have made of it.
const KEY: &str = "ip saddr . ip daddr . udp sport . udp dport . meta mark";

/// The packets that came to each end.
type Seen = Vec<BTreeSet<Vec<u8>>>;

/// A match on one field, by a value, an interval, a prefix, a set, or what is none of these.
fn matched(random: &mut Random) -> String {
    let (field, is_address, base) = match random.below(4) {
        0 => ("ip saddr", true, 0),
        1 => ("ip daddr", true, 0),
        2 => ("udp dport", false, 0),
        _ => ("udp sport", false, FROM),
    };
    let value = |random: &mut Random| {
        let number = base + 1 + random.below(VALUES.into()) as u16;
        (number, if is_address { format!("127.0.0.{number}") } else { number.to_string() })
    };
    let ((one, first), (other, second)) = (value(random), value(random));
    let range = if one < other { format!("{first}-{second}") } else { first.clone() };
    let several = if one == other { first.clone() } else { format!("{{ {first}, {second} }}") };
    let not = if random.one_in(6) { "!= " } else { "" };
    match random.below(5) {
        0 => format!("{field} {not}{range}"),
        1 => format!("{field} {not}{several}"),
        2 if is_address => format!("{field} {not}127.0.0.{}/31", one & !1),
        _ => format!("{field} {not}{first}"),
    }
}

/// Rules that are alike more often than not.
fn rules(random: &mut Random) -> String {
    let verdicts = [
        "goto v0",
        "goto v1",
        "goto v2",
        "jump v0",
        "accept",
        "drop",
        "return",
        "counter",
        "meta mark set 1",
        "counter goto v1",
    ];
    let verdict = *random.pick(&verdicts);
    let shape: Vec<String> = (0..1 + random.below(2)).map(|_| matched(random)).collect();
    let mut text = String::new();
    for _ in 0..2 + random.below(5) {
        // as the rules before, with other values
        let mut fields: Vec<String> = shape.clone();
        for field in &mut fields {
            let name: String = field.split(' ').take(2).collect::<Vec<_>>().join(" ");
            if let Some(same) = (0..20).map(|_| matched(random)).find(|one| one.starts_with(&name)) {
                *field = same;
            }
        }
        let verdict = if random.one_in(3) { *random.pick(&verdicts) } else { verdict };
        // writing to a string cannot fail
        let _ = writeln!(text, "{} {verdict}", fields.join(" "));
    }
    text
}

fn ruleset(rules: &str) -> String {
    let mut text = "table ip t {\ncounter received { }\n".to_owned();
    for end in 0..=ENDS {
        // writing to a string cannot fail
        let _ = writeln!(text, "set s{end} {{ typeof {KEY}; flags dynamic; size 65535; }}");
    }
    for end in 0..ENDS {
        let _ = writeln!(text, "chain v{end} {{ update @s{end} {{ {KEY} }}; }}");
    }
    let base = format!(
        "type filter hook input priority 0; meta mark set 0; counter name received; jump rules; update @s{ENDS} {{ {KEY} }}"
    );
    text + &format!("chain rules {{\n{rules}}}\nchain base {{ {base}; }}\n}}\n")
}

/// Sockets of all sources.
fn sources() -> Result<Vec<UdpSocket>, Failure> {
    let pairs = (1..=VALUES).flat_map(|host| (1..=u16::from(VALUES)).map(move |port| (host, FROM + port)));
    let bound = pairs.map(|(host, port)| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), port)));
    Ok(bound.collect::<Result<_, _>>()?)
}

/// What packets come to, and how many rules became others.
fn outcome(net: &Net, rules: &str, optimize: bool, sources: &[UdpSocket]) -> Result<(Seen, usize), Failure> {
    let mut session = net.nft().session();
    session.optimize = optimize;
    let report = session.run(Script::text(ruleset(rules)))?;
    report.accepted()?;
    let mut sent = 0;
    for source in sources {
        for host in 1..=VALUES {
            for port in 1..=u16::from(VALUES) {
                // somebody who is not there may have told so: then the next call does it
                let _ = source
                    .send_to(b"x", (Ipv4Addr::new(127, 0, 0, host), port))
                    .or_else(|_| source.send_to(b"x", (Ipv4Addr::new(127, 0, 0, host), port)))?;
                sent += 1;
            }
        }
    }
    let table = TableRef::new(Family::IPV4, "t");
    loop {
        let counter = net.nft().find(table.clone().object(ObjectKind::COUNTER, "received"))?;
        match counter.data {
            ObjectData::Counter(counter) if counter.packets >= Some(sent) => break,
            _ => std::thread::yield_now(),
        }
    }
    let seen = (0..=ENDS).map(|end| -> Result<BTreeSet<Vec<u8>>, Failure> {
        let elements = net.nft().elements(table.clone().set(format!("s{end}")))?;
        let key = |element: netwright::netfilter::Element| match element.key {
            Some(netwright::netfilter::Data::Value(key)) => Some(key.to_vec()),
            _ => None,
        };
        Ok(elements.into_iter().filter_map(key).collect())
    });
    let seen = seen.collect::<Result<Vec<_>, _>>()?;
    session.optimize = false;
    session.run(Script::text("delete table ip t"))?.accepted()?;
    Ok((seen, report.merged.len()))
}

pub(crate) fn packets_do_not_notice_what_is_merged(_: &mut Lab) -> Outcome {
    Oracle::ip()?.line("link set lo up")?;
    let (net, sources) = (Net::open()?, sources()?);
    let chains = std::env::var(MORE).ok().and_then(|more| more.parse().ok()).unwrap_or(CHAINS);
    let (mut random, mut merged, mut seen) = (Random::new(1), 0, [0; ENDS + 1]);
    for _ in 0..chains {
        let rules = rules(&mut random);
        let (plain, _) = outcome(&net, &rules, false, &sources)?;
        let (optimized, times) = outcome(&net, &rules, true, &sources)?;
        ensure_eq!(plain, optimized, "{rules}");
        merged += u64::from(times > 0);
        seen.iter_mut().zip(&plain).for_each(|(seen, here)| *seen += here.len());
    }
    ensure!(seen.iter().all(|seen| *seen > 0), "packets came to {seen:?}");
    ensure!(merged * 4 >= chains, "only {merged} of {chains} were merged at all");
    Ok(())
}
