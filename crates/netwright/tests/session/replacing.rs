//! Sets that are brought to what they shall hold, and what is there as values.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use netwright::nft::ir::ChainTarget;
use netwright::nft::{
    Chain, Family, Interface, Map, Mark, Member, Port, Replaced, Rule, Set, Table, Verdict, prefix, tcp,
};
use netwright::{Ensured, Net};
use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use crate::running::ran;

/// How often each set is brought to something else.
const ROUNDS: usize = 12;

/// Brings `there` to members, and has nft make `fresh` with the same from nothing: both must be listed alike.
fn alike<K, M: Member<K>>(
    net: &Net,
    nft: &Oracle,
    set: &Set<K>,
    members: Vec<(M, String)>,
) -> Result<(), Failure> {
    let texts: Vec<String> = members.iter().map(|(_, text)| text.clone()).collect();
    let done = net.nft().replace_elements(set, members.into_iter().map(|(member, _)| member))?;
    listed_alike(nft, "set", set.name(), &texts, &done)
}

/// As [`alike`], for a map.
fn maps_alike<K, V, M: Member<K>, W: Member<V>>(
    net: &Net,
    nft: &Oracle,
    map: &Map<K, V>,
    pairs: Vec<(M, W, String)>,
) -> Result<(), Failure> {
    let texts: Vec<String> = pairs.iter().map(|(_, _, text)| text.clone()).collect();
    let done = net.nft().replace_mappings(map, pairs.into_iter().map(|(key, value, _)| (key, value)))?;
    listed_alike(nft, "map", map.name(), &texts, &done)
}

/// Has nft make a set or map in `fresh`, and compares with that in `there`.
fn listed_alike(
    nft: &Oracle,
    kind: &str,
    name: &str,
    texts: &[String],
    done: &Replaced,
) -> Result<(), Failure> {
    let mut fresh = format!("flush {kind} ip fresh {name}");
    if !texts.is_empty() {
        fresh.push_str(&format!("; add element ip fresh {name} {{ {} }}", texts.join(", ")));
    }
    nft.line(&fresh)?;
    let listed = |table: &str| -> Result<String, Failure> {
        Ok(nft.line(&format!("list {kind} ip {table} {name}"))?.replace(table, "T"))
    };
    ensure_eq!(listed("there")?, listed("fresh")?, "{name}: {texts:?}: {done:?}");
    Ok(())
}

/// Tables `there` and `fresh` that have the same.
fn tables(nft: &Oracle, content: &str) -> Result<(), Failure> {
    for table in ["there", "fresh"] {
        nft.feed(["-f", "-"], &format!("table ip {table} {{\n{content}}}\n"))?;
    }
    Ok(())
}

/// Ranges that do not overlap, or single values, below a limit.
fn ranges(random: &mut Random, limit: u32, single: bool) -> Vec<(u32, u32)> {
    let mut at = random.below(3) as u32;
    let mut found = Vec::new();
    for _ in 0..random.below(12) {
        let width = if single { 0 } else { random.below(4) as u32 };
        if at + width >= limit {
            break;
        }
        found.push((at, at + width));
        // sometimes they touch
        at += width + 1 + random.below(3) as u32;
    }
    if !single && random.one_in(3) && at < limit {
        found.push((at.max(limit - 3), limit));
    }
    found
}

pub(crate) fn sets_hold_what_they_shall(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    tables(
        &nft,
        "
        set plain { type ipv4_addr; }
        set marks { type mark; }
        set mark-ranges { type mark; flags interval; }
        set ports { type inet_service; flags interval; }
        set merged { type inet_service; flags interval; auto-merge; }
        set pairs { type ipv4_addr . mark; }
        set boxes { type ipv4_addr . inet_service; flags interval; }
        set links { type ifname; }
        ",
    )?;
    let table = Table::new(Family::IPV4, "there");
    let address = |number: u32| Ipv4Addr::from_bits(0x0a00_0000 + number);
    let mut random = Random::new(13);
    for _ in 0..ROUNDS {
        let random = &mut random;
        let plain = ranges(random, 250, true);
        let members = plain.iter().map(|(one, _)| (address(*one), address(*one).to_string())).collect();
        alike(&net, &nft, &Set::<Ipv4Addr>::new(&table, "plain"), members)?;

        let members = plain.iter().map(|(one, _)| (Mark(one << 20), format!("{:#x}", one << 20))).collect();
        alike(&net, &nft, &Set::<Mark>::new(&table, "marks"), members)?;

        let text = |(first, last): &(u32, u32)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let some = ranges(random, u32::MAX, false);
        let members = some.iter().map(|one| (Mark(one.0)..=Mark(one.1), text(one))).collect();
        alike(&net, &nft, &Set::<Mark>::new(&table, "mark-ranges"), members)?;

        let some = ranges(random, u16::MAX.into(), false);
        let port = |number: u32| Port(number as u16);
        let members: Vec<_> = some.iter().map(|one| (port(one.0)..=port(one.1), text(one))).collect();
        alike(&net, &nft, &Set::<Port>::new(&table, "ports"), members.clone())?;
        alike(&net, &nft, &Set::<Port>::new(&table, "merged"), members)?;

        let members =
            plain.iter().map(|(one, _)| ((address(*one), Mark(*one)), format!("{} . {one}", address(*one))));
        alike(&net, &nft, &Set::<(Ipv4Addr, Mark)>::new(&table, "pairs"), members.collect())?;

        let members = plain.iter().map(|(one, _)| {
            let text = format!("10.{one}.0.0/16 . {one}-{}", one + 9);
            ((prefix(Ipv4Addr::from_bits(0x0a00_0000 | one << 16), 16), port(*one)..=port(one + 9)), text)
        });
        // the kernel lists them in the order in which they came: only which they are can be compared
        let set = Set::<(Ipv4Addr, Port)>::new(&table, "boxes");
        let keys: Vec<_> = members.clone().map(|(key, _)| key).collect();
        let count = keys.len();
        net.nft().replace_elements(&set, keys)?;
        let listed = nft.line("list set ip there boxes")?;
        for (_, text) in members {
            ensure!(listed.contains(&text), "{text} is not in {listed}");
        }
        ensure_eq!(net.nft().entries(&set)?.len(), count);

        let members = plain.iter().map(|(one, _)| (Interface(format!("link{one}")), format!("link{one}")));
        alike(&net, &nft, &Set::<Interface>::new(&table, "links"), members.collect())?;
    }
    Ok(())
}

pub(crate) fn maps_hold_what_they_shall(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    tables(
        &nft,
        "
        chain one { }; chain other { }
        map marks { type ipv4_addr : mark; }
        map verdicts { type mark : verdict; }
        map ports { type inet_service : mark; flags interval; }
        map ends { type ipv4_addr . mark : ipv4_addr . inet_service; }
        ",
    )?;
    let table = Table::new(Family::IPV4, "there");
    let address = |number: u32| Ipv4Addr::from_bits(0x0a00_0000 + number);
    let mut random = Random::new(13);
    for _ in 0..ROUNDS {
        let random = &mut random;
        let plain = ranges(random, 250, true);
        let value = |random: &mut Random| 1 + random.below(2) as u32;
        let pairs = plain.iter().map(|(one, _)| {
            let mark = value(random);
            (address(*one), Mark(mark), format!("{} : {mark}", address(*one)))
        });
        maps_alike(&net, &nft, &Map::<Ipv4Addr, Mark>::new(&table, "marks"), pairs.collect())?;

        let pairs = plain.iter().map(|(one, _)| {
            let (verdict, text) = match random.below(3) {
                0 => (Verdict::Accept, "accept"),
                1 => (Verdict::Jump(ChainTarget::Named("one".into())), "jump one"),
                _ => (Verdict::Goto(ChainTarget::Named("other".into())), "goto other"),
            };
            (Mark(*one), verdict, format!("{one} : {text}"))
        });
        maps_alike(&net, &nft, &Map::<Mark, Verdict>::new(&table, "verdicts"), pairs.collect())?;

        let some = ranges(random, u16::MAX.into(), false);
        let port = |number: u32| Port(number as u16);
        let pairs = some.iter().map(|(first, last)| {
            let mark = value(random);
            (port(*first)..=port(*last), Mark(mark), format!("{first}-{last} : {mark}"))
        });
        maps_alike(&net, &nft, &Map::<Port, Mark>::new(&table, "ports"), pairs.collect())?;

        let pairs = plain.iter().map(|(one, _)| {
            let to = value(random);
            let text = format!("{} . {one} : {} . {to}", address(*one), address(to));
            ((address(*one), Mark(*one)), (address(to), port(to)), text)
        });
        let map = Map::<(Ipv4Addr, Mark), (Ipv4Addr, Port)>::new(&table, "ends");
        maps_alike(&net, &nft, &map, pairs.collect())?;
    }

    // what leads to the same stays, and what cannot be is told
    let map = Map::<Ipv4Addr, Mark>::new(&table, "marks");
    net.nft().replace_mappings(&map, [(address(1), Mark(1)), (address(2), Mark(2))])?;
    let done = net.nft().replace_mappings(&map, [(address(2), Mark(3)), (address(1), Mark(1))])?;
    ensure_eq!((done.added, done.removed, done.kept), (1, 1, 1));
    let generation = net.nft().generation()?;
    let done = net.nft().replace_mappings(&map, [(address(2), Mark(3)), (address(1), Mark(1))])?;
    ensure_eq!((done.added, done.removed, done.kept), (0, 0, 2));
    ensure_eq!(net.nft().generation()?, generation);
    let wrong = net.nft().replace_mappings(&map, [(address(2), Mark(3)), (address(2), Mark(1))]);
    ensure!(wrong.as_ref().is_err_and(|error| error.to_string().contains("two values")), "{wrong:?}");
    let other = Map::<Ipv4Addr, Port>::new(&table, "marks");
    let wrong = net.nft().replace_mappings(&other, [(address(2), Port(3))]);
    ensure!(wrong.as_ref().is_err_and(|error| error.to_string().contains("another type")), "{wrong:?}");
    nft.line("add set ip there s { type ipv4_addr; }")?;
    let set = Map::<Ipv4Addr, Mark>::new(&table, "s");
    let generation = net.nft().generation()?;
    let wrong = net.nft().replace_mappings(&set, [(address(2), Mark(3))]);
    ensure!(wrong.as_ref().is_err_and(|error| error.to_string().contains("it is a set")), "{wrong:?}");
    ensure_eq!(net.nft().generation()?, generation);
    Ok(())
}

pub(crate) fn only_what_differs_is_changed(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    nft.line(
        "table inet t { set s { type ipv4_addr; flags timeout; counter; elements = {
            10.0.0.1 counter packets 7 bytes 70 timeout 1h comment \"stays\", 10.0.0.2 }; }; map m { type ipv4_addr : mark; }; }",
    )?;
    let table = Table::new(Family::INET, "t");
    let set = Set::<Ipv4Addr>::new(&table, "s");
    let address = |number: u8| Ipv4Addr::new(10, 0, 0, number);
    let done = net.nft().replace_elements(&set, [address(3), address(1), address(3)])?;
    ensure_eq!((done.added, done.removed, done.kept), (1, 1, 1));
    let entries = net.nft().entries(&set)?;
    let [one, three] = &entries[..] else {
        return Err(Failure::wrong(format_args!("{entries:?}")));
    };
    ensure_eq!((one.first, one.last, three.first), (address(1), address(1), address(3)));
    ensure_eq!(one.timeout, Some(Duration::from_secs(3600)));
    ensure!(one.expires.is_some_and(|left| left <= Duration::from_secs(3600)), "{one:?}");
    ensure_eq!(one.comment.as_deref(), Some("stays"));
    ensure_eq!(one.counter.map(|counter| counter.packets), Some(7));

    // nothing differs: nothing is sent
    let generation = net.nft().generation()?;
    let done = net.nft().replace_elements(&set, [address(1), address(3)])?;
    ensure_eq!((done.added, done.removed, done.kept), (0, 0, 2));
    ensure_eq!(net.nft().generation()?, generation);

    // what does not fit is told, and changes nothing
    let wrong = net.nft().replace_elements(&set, [prefix(address(0), 24)]);
    ensure!(
        wrong.as_ref().is_err_and(|error| error.to_string().contains("no `flags interval`")),
        "{wrong:?}"
    );
    let wrong = net.nft().replace_elements(&Set::<Port>::new(&table, "s"), [Port(1)]);
    ensure!(wrong.as_ref().is_err_and(|error| error.to_string().contains("ipv4_addr")), "{wrong:?}");
    let wrong = net.nft().replace_elements(&Set::<Ipv4Addr>::new(&table, "m"), [address(1)]);
    ensure!(wrong.as_ref().is_err_and(|error| error.to_string().contains("map")), "{wrong:?}");
    let wrong = net.nft().replace_elements(&Set::<Ipv4Addr>::new(&table, "none"), [address(1)]);
    ensure!(wrong.as_ref().is_err_and(netwright::Error::is_not_found), "{wrong:?}");
    ensure_eq!(net.nft().generation()?, generation);

    // what overlaps is named
    nft.line("table inet t { set i { type ipv4_addr; flags interval; }; set b { type ipv4_addr . inet_service; flags interval; }; }")?;
    let wrong = net.nft().replace_elements(
        &Set::<Ipv4Addr>::new(&table, "i"),
        [address(3)..=address(9), address(12)..=address(12), address(9)..=address(11)],
    );
    let told = "10.0.0.3-10.0.0.9 and 10.0.0.9-10.0.0.11 overlap, and it has no `auto-merge`";
    ensure!(wrong.as_ref().is_err_and(|error| error.to_string().contains(told)), "{wrong:?}");
    let boxes = [(prefix(address(0), 24), Port(1)..=Port(9)), (prefix(address(0), 25), Port(5)..=Port(6))];
    let wrong = net.nft().replace_elements(&Set::<(Ipv4Addr, Port)>::new(&table, "b"), boxes);
    ensure!(
        wrong.as_ref().is_err_and(|error| error.to_string().contains("two elements overlap")),
        "{wrong:?}"
    );
    Ok(())
}

pub(crate) fn maps_are_read_back_as_values(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    nft.line(
        "table inet t { chain c { }; chain d { };
        map marks { type ipv4_addr : mark; flags interval, timeout; elements = { 10.0.0.0/8 : 1, 192.0.2.1 timeout 1h comment \"one\" : 0xff }; };
        map verdicts { type ipv6_addr . inet_service : verdict; flags interval; elements = { 2001:db8::/32 . 80-443 : jump c, ::1 . 22 : accept }; };
        map hosts { type inet_service : ipv4_addr . inet_service; elements = { 80 : 192.0.2.7 . 8080 }; };
        map cards { type ifname : verdict; elements = { \"eth0\" : goto d, \"lo\" : drop }; }; }",
    )?;
    let table = Table::new(Family::INET, "t");
    let marks = net.nft().mappings(&Map::<Ipv4Addr, Mark>::new(&table, "marks"))?;
    let [(net10, one), (host, other)] = &marks[..] else {
        return Err(Failure::wrong(format_args!("{marks:?}")));
    };
    ensure_eq!(
        (net10.first, net10.last, *one),
        (Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 255, 255, 255), Mark(1))
    );
    ensure_eq!(
        (host.first, host.comment.as_deref(), *other),
        (Ipv4Addr::new(192, 0, 2, 1), Some("one"), Mark(0xff))
    );
    ensure_eq!((net10.timeout, host.timeout), (None, Some(Duration::from_secs(3600))));
    let verdicts = net.nft().mappings(&Map::<(Ipv6Addr, Port), Verdict>::new(&table, "verdicts"))?;
    let found = |port: u16| verdicts.iter().find(|(entry, _)| entry.first.1 == Port(port));
    let (range, verdict) = found(80).ok_or_else(|| Failure::wrong(format_args!("{verdicts:?}")))?;
    ensure_eq!(range.last.1, Port(443));
    ensure!(matches!(verdict, Verdict::Jump(_)), "{verdict:?}");
    ensure!(found(22).is_some_and(|(_, verdict)| *verdict == Verdict::Accept), "{verdicts:?}");
    let hosts = net.nft().mappings(&Map::<Port, (Ipv4Addr, Port)>::new(&table, "hosts"))?;
    ensure!(
        matches!(&hosts[..], [(entry, to)] if entry.first == Port(80) && *to == (Ipv4Addr::new(192, 0, 2, 7), Port(8080))),
        "{hosts:?}"
    );
    let cards = net.nft().mappings(&Map::<Interface, Verdict>::new(&table, "cards"))?;
    ensure!(
        cards.iter().any(|(entry, verdict)| entry.first.0 == "lo" && *verdict == Verdict::Drop),
        "{cards:?}"
    );
    ensure_eq!(cards.len(), 2);

    // another type, or none
    let wrong = net.nft().mappings(&Map::<Ipv4Addr, Verdict>::new(&table, "marks"));
    ensure!(wrong.as_ref().is_err_and(|error| error.to_string().contains("another type")), "{wrong:?}");
    let wrong = net.nft().mappings(&Map::<Port, Verdict>::new(&table, "nope"));
    ensure!(wrong.as_ref().is_err_and(netwright::Error::is_not_found), "{wrong:?}");
    Ok(())
}

pub(crate) fn large_sets_are_changed_by_little(_: &mut Lab) -> Outcome {
    const MANY: u32 = 100_000;
    let net = Net::open()?;
    let _ =
        ran(&net, "table ip t { set s { type ipv4_addr; }; set i { type ipv4_addr; flags interval; }; }")?;
    let table = Table::new(Family::IPV4, "t");
    for (name, step) in [("s", 1), ("i", 2)] {
        let set = Set::<Ipv4Addr>::new(&table, name);
        let keys =
            |range: std::ops::Range<u32>| range.map(move |number| Ipv4Addr::from_bits(number * step + 1));
        let done = net.nft().replace_elements(&set, keys(0..MANY))?;
        ensure_eq!((done.added, done.removed, done.kept), (MANY as usize, 0, 0));
        let done = net.nft().replace_elements(&set, keys(3..MANY + 2))?;
        ensure_eq!((done.added, done.removed, done.kept), (2, 3, MANY as usize - 3), "{name}");
        ensure_eq!(net.nft().entries(&set)?.len(), MANY as usize - 1, "{name}");
    }
    Ok(())
}

pub(crate) fn a_set_is_changed_while_others_change_the_rest(_: &mut Lab) -> Outcome {
    const MANY: u32 = 10_000;
    let net = Net::open()?;
    let _ = ran(
        &net,
        "table ip t { set s { type ipv4_addr; }; map m { type ipv4_addr : mark; }; }
        table ip6 t { set s { type ipv6_addr; flags interval; }; }
        table inet other { chain c { }; }",
    )?;
    let set = Set::<Ipv4Addr>::new(&Table::new(Family::IPV4, "t"), "s");
    let map = Map::<Ipv4Addr, Mark>::new(&Table::new(Family::IPV4, "t"), "m");
    let six = Set::<Ipv6Addr>::new(&Table::new(Family::IPV6, "t"), "s");
    let four = |range: std::ops::Range<u32>| range.map(Ipv4Addr::from_bits);
    let ranges = |range: std::ops::Range<u32>| {
        range.map(|number| {
            let at = |last: u128| Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number) << 64 | last);
            at(1)..=at(9)
        })
    };
    beside_others(&net, || {
        for (first, kept) in [(1, 0), (4, MANY as usize - 3)] {
            let part = first..first + MANY;
            let expected = (MANY as usize - kept, if kept == 0 { 0 } else { 3 }, kept);
            let told = |one: Replaced| (one.added, one.removed, one.kept);
            ensure_eq!(told(net.nft().replace_elements(&set, four(part.clone()))?), expected);
            ensure_eq!(told(net.nft().replace_elements(&six, ranges(part.clone()))?), expected);
            let pairs = four(part).map(|address| (address, Mark(7)));
            ensure_eq!(told(net.nft().replace_mappings(&map, pairs)?), expected);
        }
        Ok(())
    })?;
    ensure_eq!(net.nft().entries(&set)?.len(), MANY as usize);
    ensure_eq!(net.nft().entries(&six)?.len(), MANY as usize);
    Ok(())
}

/// Does something while others change `table inet other { chain c { }; }`, several times while a large thing is read.
fn beside_others(net: &Net, work: impl FnOnce() -> Outcome) -> Outcome {
    const PAUSE: Duration = Duration::from_millis(10);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<usize, Failure> {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                let _ = ran(net, "add rule inet other c counter; flush chain inet other c")?;
                written += 1;
                std::thread::sleep(PAUSE);
            }
            Ok(written)
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let written = writer.join().map_err(|_| Failure::wrong("the writer panicked"))??;
        println!("{written} transactions beside");
        worked
    })
}

pub(crate) fn rules_are_changed_while_others_change_the_rest(_: &mut Lab) -> Outcome {
    const MANY: usize = 600;
    let net = Net::open()?;
    let rule = "tcp dport 1 counter comment \"old\"\n";
    let text = format!(
        "table inet t {{ chain c {{\n{} }}; }}; table inet other {{ chain c {{ }}; }}",
        rule.repeat(MANY)
    );
    let _ = ran(&net, &text)?;
    let chain = Chain::new(&Table::new(Family::INET, "t"), "c");
    let mine = || Rule::in_chain(&chain).eq(tcp::DPORT, 22).accept().comment("mine");
    let meant = |rule: &netwright::nft::ListedRule| rule.comment() == Some("mine");
    beside_others(&net, || {
        for _ in 0..2 {
            ensure!(matches!(net.nft().ensure_rule(mine(), meant)?, Ensured::Created(_)));
            ensure!(matches!(net.nft().ensure_rule(mine(), meant)?, Ensured::Existed(_)));
            net.nft().put_rule(mine(), meant)?;
            ensure_eq!(net.nft().delete_rules(&chain, meant)?, 1);
        }
        ensure_eq!(net.nft().delete_rules(&chain, |rule| rule.comment() == Some("old"))?, MANY);
        Ok(())
    })?;
    ensure_eq!(net.nft().listed_rules(&chain)?.len(), 0);
    Ok(())
}

pub(crate) fn several_programs_change_a_set_at_once(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let _ = ran(&net, "table ip t { set s { type inet_service; flags interval; }; chain c { }; }")?;
    let table = Table::new(Family::IPV4, "t");
    let chain = Chain::new(&table, "c");
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4_u16)
            .map(|worker| {
                let (net, table, chain) = (&net, &table, &chain);
                scope.spawn(move || -> Outcome {
                    let set = Set::<Port>::new(table, "s");
                    for round in 0..20_u16 {
                        let first = worker * 1000 + round * 10;
                        let keys = (0..10).map(|port| Port(first + port * 2)..=Port(first + port * 2));
                        net.nft().replace_elements(&set, keys)?;
                        let shared = Rule::in_chain(chain).eq(tcp::DPORT, 22).accept().comment("shared");
                        net.nft().ensure_rule(shared, |rule| rule.comment() == Some("shared"))?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>()
    });
    for outcome in failed {
        outcome.map_err(|_| Failure::wrong("a thread panicked"))??;
    }
    ensure_eq!(net.nft().entries(&Set::<Port>::new(&table, "s"))?.len(), 10);
    ensure_eq!(net.nft().listed_rules(&chain)?.len(), 1);
    Ok(())
}

pub(crate) fn rules_are_kept_by_what_they_are_called(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    nft.line(
        "table ip t { chain c { counter packets 3 bytes 30 comment \"a\"; tcp dport { 1, 2 } accept comment \"b\"; drop comment \"a\"; }; chain d { counter; }; }",
    )?;
    let chain = Chain::new(&Table::new(Family::IPV4, "t"), "c");
    let rules = net.nft().listed_rules(&chain)?;
    let comments: Vec<_> = rules.iter().map(|rule| rule.comment().unwrap_or_default()).collect();
    ensure_eq!(comments, ["a", "b", "a"]);
    ensure_eq!(rules[0].counter().map(|counter| (counter.packets, counter.bytes)), Some((3, 30)));
    ensure!(!rules[0].userdata.is_empty());
    ensure_eq!(net.nft().find(rules[1].reference.clone())?.handle, Some(rules[1].reference.handle));

    let ssh = || Rule::in_chain(&chain).eq(tcp::DPORT, 22).accept().comment("ssh");
    let meant =
        |comment: &'static str| move |rule: &netwright::nft::ListedRule| rule.comment() == Some(comment);
    let first = net.nft().ensure_rule(ssh(), meant("ssh"))?;
    ensure!(matches!(first, Ensured::Created(_)), "{first:?}");
    ensure_eq!(net.nft().ensure_rule(ssh(), meant("ssh"))?, Ensured::Existed(*first.object()));

    let handle =
        net.nft().put_rule(Rule::in_chain(&chain).eq(tcp::DPORT, 80).accept().comment("web"), meant("a"))?;
    let listed = "table ip t {
\tchain c {
\t\ttcp dport 80 accept comment \"web\"
\t\ttcp dport { 1, 2 } accept comment \"b\"
\t\ttcp dport 22 accept comment \"ssh\"
\t}
}
";
    ensure_eq!(nft.line("list chain ip t c")?, listed);
    ensure!(nft.line("-a list chain ip t c")?.contains(&format!("\"web\" # handle {handle}")));
    ensure_eq!(net.nft().delete_rules(&chain, |rule| rule.comment() != Some("b"))?, 2);
    ensure_eq!(net.nft().delete_rules(&chain, |_| false)?, 0);
    ensure_eq!(net.nft().listed_rules(&chain)?.len(), 1);
    let missing = net.nft().listed_rules(&Chain::new(&Table::new(Family::IPV4, "t"), "none"));
    ensure!(missing.as_ref().is_err_and(netwright::Error::is_not_found), "{missing:?}");

    // other tables are not looked at, and sets are what they are
    let content = net.nft().listed_table(netwright::netfilter::TableRef::new(Family::IPV4, "t"))?;
    ensure_eq!(content.chains.len(), 2);
    Ok(())
}
