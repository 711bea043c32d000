//! nftables by raw objects and expressions, compared with what `nft` lists.

pub(crate) mod expressions;
pub(crate) mod references;
pub(crate) mod refusals;
pub(crate) mod scale;
pub(crate) mod sets;

use std::net::{SocketAddr, UdpSocket};

use netwright::netfilter::expression::{
    CounterAttrs, LimitAttrs, LimitFlags, LimitKind, ObjectKind, ObjectReferenceAttrs, QuotaAttrs, QuotaFlags,
};
use netwright::netfilter::raw::*;
use netwright::netfilter::request::List;
use netwright::netfilter::userdata::entry;
use netwright::netfilter::{
    BaseHook, Chain, ChainPolicy, ChainRef, Device, Family, Hook, Object, ObjectData, Rule, Ruleset, Table,
    TableFlags, TableRef, Userdata,
};
use netwright::{Create, Made, Net};
use netwright_lab::traffic::{self, ARRIVES, Answer, SILENCE};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};
use serde_json::Value;

pub(crate) const TABLE: &str = "t";

/// A base chain `c` of the table [`TABLE`].
pub(crate) fn base(family: Family, kind: &str, hook: Hook, priority: i32) -> Chain {
    let base = BaseHook { kind: kind.into(), hook, priority, devices: vec![], policy: None };
    Chain { base: Some(base), ..Chain::new(family, TABLE, "c") }
}

/// Makes the table [`TABLE`] and a chain `c` in it that sees incoming packets.
#[track_caller]
pub(crate) fn set_up(net: &Net, family: Family) -> Result<(), Failure> {
    let mut batch = net.nft().batch();
    batch.add(&Table::new(family, TABLE));
    batch.add(&base(family, "filter", Hook::Input, 0));
    batch.commit()?;
    Ok(())
}

/// What `nft -j` lists, of one kind.
#[track_caller]
pub(crate) fn seen(nft: &Oracle, line: &str, kind: &str) -> Result<Vec<Value>, Failure> {
    let all = nft.json(line)?;
    let objects = all["nftables"].as_array().into_iter().flatten();
    Ok(objects.filter_map(|object| object.get(kind)).cloned().collect())
}

pub(crate) fn tables_of_every_family(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    let families = [Family::INET, Family::IPV4, Family::IPV6, Family::ARP, Family::BRIDGE, Family::NETDEV];
    for family in families {
        let mut batch = net.nft().batch();
        batch.echo(true);
        batch.create(&Table {
            flags: Some(TableFlags::DORMANT),
            userdata: Userdata::comment("made by a test")?,
            ..Table::new(family, TABLE)
        });
        let committed = batch.commit()?;
        let [(1, Made::Table(made))] = &committed.made[..] else {
            return Err(Failure::wrong(format_args!("{committed:?}")));
        };
        ensure!(made.handle.is_some() && made.family == family);
        let found = net.nft().find(TableRef::new(family, TABLE))?;
        ensure_eq!((found.handle, found.flags), (made.handle, Some(TableFlags::DORMANT)));
        ensure_eq!(found.userdata.text(entry::COMMENT), Some("made by a test"));
        let shown = seen(&nft, &format!("list tables {family}"), "table")?;
        ensure_eq!(shown.len(), 1);
        ensure_eq!(shown[0]["handle"], made.handle.unwrap_or_default());
        ensure_eq!(shown[0]["family"], family.to_string());
    }
    let listed: Vec<_> =
        net.nft().list(List::<Table>::new(Family::UNSPECIFIED))?.iter().map(|table| table.family).collect();
    ensure_eq!(listed.len(), families.len());
    ensure_eq!(net.nft().list(List::<Table>::new(Family::ARP))?.len(), 1);
    let mut batch = net.nft().batch();
    let arp = net.nft().find(TableRef::new(Family::ARP, TABLE))?;
    batch.delete(&arp.by_handle().ok_or_else(|| Failure::wrong("a table without a handle"))?);
    batch.delete(&TableRef::new(Family::NETDEV, TABLE));
    batch.commit()?;
    ensure_eq!(seen(&nft, "list tables", "table")?.len(), 4);
    let mut batch = net.nft().batch();
    batch.flush_ruleset(Family::UNSPECIFIED);
    batch.commit()?;
    ensure_eq!(nft.line("list ruleset")?, "");
    Ok(())
}

pub(crate) fn chains_at_every_hook(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    net.links().create(Create::bridge("dev0"))?;
    let routed = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
    let filter: Vec<(Family, Hook)> = [Family::INET, Family::IPV4, Family::IPV6, Family::BRIDGE]
        .into_iter()
        .flat_map(|family| routed.map(|hook| (family, hook)))
        .chain([(Family::ARP, Hook::Input), (Family::ARP, Hook::Output)])
        .chain([
            (Family::NETDEV, Hook::Ingress),
            (Family::NETDEV, Hook::Egress),
            (Family::INET, Hook::Ingress),
        ])
        .collect();
    let other = [
        (Family::INET, "nat", Hook::Prerouting, -100),
        (Family::IPV4, "nat", Hook::Postrouting, 100),
        (Family::IPV6, "nat", Hook::Output, -100),
        (Family::INET, "nat", Hook::Input, 100),
        (Family::IPV4, "route", Hook::Output, -150),
    ];
    let filter =
        filter.into_iter().zip(-300..).map(|((family, hook), priority)| (family, "filter", hook, priority));
    for (family, kind, hook, priority) in filter.chain(other) {
        let mut chain = base(family, kind, hook, priority);
        if let Some(base) = &mut chain.base {
            base.policy = Some(if kind == "filter" { ChainPolicy::DROP } else { ChainPolicy::ACCEPT });
            if matches!(hook, Hook::Ingress | Hook::Egress) {
                base.devices = vec![Device::Name("dev0".into())];
            }
        }
        let mut batch = net.nft().batch();
        batch.add(&Table::new(family, TABLE));
        batch.add(&chain);
        batch.commit()?;
        let read = net.nft().find(ChainRef::new(family, TABLE, "c"))?;
        ensure_eq!(read.base, chain.base);
        let shown = seen(&nft, &format!("list chain {family} {TABLE} c"), "chain")?;
        ensure_eq!(shown.len(), 1);
        ensure_eq!(shown[0]["hook"], hook.name().unwrap_or_default());
        ensure_eq!(shown[0]["prio"], priority);
        ensure_eq!(shown[0]["type"], kind);
        ensure_eq!(shown[0]["policy"], if kind == "filter" { "drop" } else { "accept" });
        let mut batch = net.nft().batch();
        batch.delete(&Table::new(family, TABLE));
        batch.commit()?;
    }
    Ok(())
}

pub(crate) fn a_chain_changes_its_policy_and_is_deleted(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let mut chain = base(Family::INET, "filter", Hook::Input, 0);
    if let Some(base) = &mut chain.base {
        base.policy = Some(ChainPolicy::DROP);
    }
    let mut batch = net.nft().batch();
    batch.add(&chain);
    batch.add(&Chain::new(Family::INET, TABLE, "regular"));
    batch.commit()?;
    ensure_eq!(seen(&nft, "list chain inet t c", "chain")?[0]["policy"], "drop");
    let chains = net.nft().list(List::<Chain>::new(Family::INET).in_table(TABLE))?;
    ensure_eq!(chains.iter().map(|chain| &*chain.name).collect::<Vec<_>>(), ["c", "regular"]);
    ensure_eq!(chains[1].base, None);
    let mut batch = net.nft().batch();
    batch.delete(&Chain::new(Family::INET, TABLE, "c"));
    batch.delete(&Chain { handle: chains[1].handle, ..Chain::new(Family::INET, TABLE, "") });
    batch.commit()?;
    ensure_eq!(seen(&nft, "list chains", "chain")?.len(), 0);
    Ok(())
}

/// The handles of the rules in `nft`'s list, in order.
#[track_caller]
fn handles(nft: &Oracle) -> Result<Vec<u64>, Failure> {
    let rules = seen(nft, "-a list chain inet t c", "rule")?;
    Ok(rules.iter().filter_map(|rule| rule["handle"].as_u64()).collect())
}

#[track_caller]
fn made_rule(net: &Net, change: impl FnOnce(&mut netwright::netfilter::Batch)) -> Result<u64, Failure> {
    let mut batch = net.nft().batch();
    batch.echo(true);
    change(batch.raw_mut());
    let committed = batch.commit()?;
    match &committed.made[..] {
        [(1, Made::Rule(Rule { handle: Some(handle), .. }))] => Ok(*handle),
        _ => Err(Failure::wrong(format_args!("{committed:?}"))),
    }
}

pub(crate) fn rules_have_their_places_and_handles(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let rule = |mark: u32| {
        Rule::new(
            Family::INET,
            TABLE,
            "c",
            [meta(MetaKey::MARK).into(R1), cmp(R1, EQ, mark.to_ne_bytes()), counter()],
        )
    };
    let first = made_rule(&net, |batch| batch.add(&rule(1)))?;
    let last = made_rule(&net, |batch| batch.add(&rule(2)))?;
    let front = made_rule(&net, |batch| batch.insert(&rule(3)))?;
    ensure_eq!(handles(&nft)?, [front, first, last]);
    let behind = made_rule(&net, |batch| batch.add(&Rule { position: Some(first), ..rule(4) }))?;
    let before = made_rule(&net, |batch| batch.insert(&Rule { position: Some(last), ..rule(5) }))?;
    ensure_eq!(handles(&nft)?, [front, first, behind, before, last]);
    ensure_eq!(
        net.nft()
            .rules(ChainRef::new(Family::INET, TABLE, "c"))?
            .iter()
            .filter_map(|rule| rule.handle)
            .collect::<Vec<_>>(),
        handles(&nft)?
    );

    let mut batch = net.nft().batch();
    let chain = ChainRef::new(Family::INET, TABLE, "c");
    batch.replace(&Rule { handle: Some(first), userdata: Userdata::comment("replaced")?, ..rule(77) });
    batch.delete(&chain.rule(front));
    batch.commit()?;
    let rules = net.nft().rules(ChainRef::new(Family::INET, TABLE, "c"))?;
    ensure_eq!(rules.len(), 4);
    ensure_eq!(rules[0].userdata.text(entry::COMMENT), Some("replaced"));
    let text = nft.line("list chain inet t c")?;
    let expected = "meta mark 0x0000004d counter packets 0 bytes 0 comment \"replaced\"";
    ensure!(text.contains(expected), "{text}");
    ensure!(!text.contains("0x00000003"), "{text}");
    let named = net.nft().find(chain.rule(last))?;
    ensure_eq!(named.expressions, rules[3].expressions);

    // rules of one batch refer to one another by numbers
    let mut batch = net.nft().batch();
    batch.flush_chain(&Chain::new(Family::INET, TABLE, "c"));
    let id = batch.raw_mut().allocate_id();
    batch.add(&Rule { id: Some(id), ..rule(10) });
    batch.add(&rule(11));
    batch.add(&Rule { position_id: Some(id), ..rule(12) });
    batch.commit()?;
    let text = nft.line("list chain inet t c")?;
    let order: Vec<_> =
        ["0x0000000a", "0x0000000c", "0x0000000b"].iter().filter_map(|mark| text.find(mark)).collect();
    ensure!(order.len() == 3 && order.is_sorted(), "{text}");
    let mut batch = net.nft().batch();
    batch.flush_table(&Table::new(Family::INET, TABLE));
    batch.commit()?;
    ensure!(handles(&nft)?.is_empty());
    Ok(())
}

pub(crate) fn verdicts_jumps_and_gotos(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::IPV4)?;
    let mut batch = net.nft().batch();
    let id = batch.raw_mut().allocate_id();
    batch.add(&Chain { id: Some(id), ..Chain::new(Family::IPV4, TABLE, "other") });
    let ends = [
        verdict(Verdict::ACCEPT),
        verdict(Verdict::DROP),
        verdict(Verdict::CONTINUE),
        verdict(Verdict::RETURN),
        jump("other"),
        goto("other"),
    ];
    for end in &ends {
        batch.add(&Rule::new(Family::IPV4, TABLE, "c", [end.clone()]));
    }
    batch.add(&Rule { chain_id: Some(id), ..Rule::new(Family::IPV4, TABLE, "", [counter()]) });
    batch.commit()?;
    let read: Vec<_> = net
        .nft()
        .rules(ChainRef::new(Family::IPV4, TABLE, "c"))?
        .into_iter()
        .flat_map(|rule| rule.expressions)
        .collect();
    ensure_eq!(read, ends);
    let text = nft.line("list chain ip t c")?;
    for word in ["accept", "drop", "continue", "return", "jump other", "goto other"] {
        ensure!(text.lines().any(|line| line.trim() == word), "{word} is not in {text}");
    }
    ensure_eq!(net.nft().rules(ChainRef::new(Family::IPV4, TABLE, "other"))?.len(), 1);
    Ok(())
}

pub(crate) fn objects_are_made_used_reset_and_deleted(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let object = |name: &str, data| Object::new(Family::INET, TABLE, name, data);
    let count = ObjectData::Counter(CounterAttrs::default().packets(5).byte_count(500));
    let quota = ObjectData::Quota(
        QuotaAttrs::default().byte_count(25 << 20).consumed(77).flags(QuotaFlags::INVERTED),
    );
    let limit = ObjectData::Limit(
        LimitAttrs::default().rate(10).unit(60).burst(7).kind(LimitKind::PACKETS).flags(LimitFlags::empty()),
    );
    let objects = [object("c1", count), object("q1", quota), object("l1", limit)];
    let mut batch = net.nft().batch();
    for object in &objects {
        batch.create(object);
        let (kind, name) = (Some(object.data.kind()), Some(object.name.clone().into()));
        batch.add(&Rule::new(
            Family::INET,
            TABLE,
            "c",
            [ObjectReferenceAttrs::default()
                .with(|attrs| {
                    attrs.kind = kind;
                    attrs.name = name;
                })
                .into()],
        ));
    }
    batch.commit()?;
    for object in &objects {
        let read = net.nft().find(object.reference())?;
        ensure_eq!((&read.name, &read.data, read.uses), (&object.name, &object.data, Some(1)));
        let only =
            net.nft().list(List::<Object>::new(Family::INET).in_table(TABLE).of_kind(object.data.kind()))?;
        ensure_eq!(only.iter().map(|found| &found.name).collect::<Vec<_>>(), [&object.name]);
    }
    let text = nft.line("list table inet t")?;
    for part in [
        "packets 5 bytes 500",
        "over 25 mbytes",
        "rate 10/minute burst 7 packets",
        "counter name \"c1\"",
        "quota name \"q1\"",
        "limit name \"l1\"",
    ] {
        ensure!(text.contains(part), "{part} is not in {text}");
    }
    let before = net.nft().list(List::<Object>::new(Family::INET).of_kind(ObjectKind::COUNTER).reset())?;
    ensure!(matches!(&before[0].data, ObjectData::Counter(counter) if counter.packets == Some(5)));
    ensure!(nft.line("list counters")?.contains("packets 0 bytes 0"));

    let mut batch = net.nft().batch();
    batch.delete(&objects[0]);
    let error = batch.commit().err().ok_or(Failure::wrong("deleted while in use"))?;
    ensure_eq!(error.to_string(), "cannot delete counter inet t c1: in use (EBUSY) (at its name)");
    let mut batch = net.nft().batch();
    batch.flush_chain(&Chain::new(Family::INET, TABLE, "c"));
    objects.iter().for_each(|object| batch.delete(object));
    batch.commit()?;
    ensure_eq!(net.nft().list(List::<Object>::new(Family::UNSPECIFIED))?, []);
    Ok(())
}

/// Three bytes of payload, a comparison and a verdict drop one host's packets and nobody else's.
pub(crate) fn a_raw_rule_drops_real_packets(lab: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let mut neighbour = lab.neighbour()?;
    neighbour.address("eth0", "192.0.2.53/24")?;
    let mut batch = net.nft().batch();
    batch.add(&Table::new(Family::IPV4, TABLE));
    batch.add(&base(Family::IPV4, "filter", Hook::Input, 0));
    let rule = [
        payload(Base::NETWORK, 12, 4).into(R1),
        cmp(R1, EQ, [192, 0, 2, 53]),
        counter(),
        verdict(Verdict::DROP),
    ];
    batch.add(&Rule::new(Family::IPV4, TABLE, "c", rule));
    batch.commit()?;
    let to: SocketAddr = (Lab::HOST[0].parse::<std::net::IpAddr>()?, 7000).into();
    let receiver = UdpSocket::bind(to)?;
    let send = |from: &str, patience| -> Result<Answer, Failure> {
        let sender = neighbour.run(|| UdpSocket::bind((from, 0)))??;
        traffic::udp(&sender, to, &receiver, patience)
    };
    ensure!(send("192.0.2.2", ARRIVES)?.arrived());
    ensure_eq!(send("192.0.2.53", SILENCE)?, Answer::Silence);
    let rules = net.nft().rules(ChainRef::new(Family::IPV4, TABLE, "c"))?;
    let Some(Expression::Counter(counted)) = rules[0].expressions.get(2) else {
        return Err(Failure::wrong("no counter"));
    };
    ensure_eq!((counted.packets, counted.byte_count), (Some(1), Some(36)));
    Ok(())
}

/// A ruleset of everything, in `nft`'s language.
const EVERYTHING: &str = r#"
table inet filter {
    comment "the host's filter"
    counter web { packets 3 bytes 300 }
    quota daily { over 10000 mbytes used 5 mbytes }
    limit slow { rate over 5/minute burst 9 packets }
    set blocked { type ipv4_addr; flags interval; auto-merge; elements = { 192.0.2.0/24, 198.51.100.7-198.51.100.9, 203.0.113.1 comment "one" } }
    set seen { type ipv6_addr; flags dynamic,timeout; timeout 1h; size 4096; }
    set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90, 192.0.2.1 . 443 } }
    set counted { type inet_service; counter; elements = { 22 counter packets 1 bytes 60, 80 counter packets 0 bytes 0 } }
    map ports { type inet_service : ipv4_addr; elements = { 80 : 192.0.2.80, 443 : 192.0.2.81 } }
    map services { type inet_proto . inet_service : verdict; elements = { tcp . 22 : accept, udp . 53 : jump dns } }
    map counters { type inet_service : counter; elements = { 80 : "web" } }
    chain dns { ct state new counter packets 7 bytes 700 accept; }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname "lo" accept comment "the host itself"
        ip saddr @blocked drop
        meta l4proto . th dport vmap @services
        tcp dport { 80, 443, 8000-8100 } limit rate 5/second burst 5 packets accept
        update @seen { ip6 saddr timeout 5m limit rate 1/second burst 5 packets }
        ip saddr . tcp dport @pairs quota over 5 mbytes drop
        tcp flags syn / fin,syn,rst,ack log prefix "syn: " level info
        counter name tcp dport map @counters
        icmpv6 type { nd-router-advert, nd-neighbor-solicit } ip6 hoplimit 255 accept
        reject with icmpx type admin-prohibited
    }
    chain output { type route hook output priority mangle; meta mark set ct mark ip dscp set cs1; }
}
table ip nat {
    chain pre { type nat hook prerouting priority dstnat; tcp dport 80 dnat to 192.0.2.80:8080; udp dport 53 redirect to :5353; }
    chain post { type nat hook postrouting priority srcnat; oifname "wan*" masquerade fully-random; ip saddr 10.0.0.0/8 snat to 192.0.2.1-192.0.2.9; }
}
table arp a { chain c { type filter hook input priority 0; arp operation request counter packets 0 bytes 0; }; }
table netdev n { chain c { type filter hook ingress device "lo" priority 0; ether type ip fib saddr . iif oif missing drop; }; }
"#;

/// Makes what a dump of another namespace has.
fn rebuild(net: &Net, ruleset: &Ruleset) -> Result<(), Failure> {
    let mut batch = net.nft().batch();
    ruleset.tables.iter().for_each(|table| batch.add(table));
    ruleset.chains.iter().for_each(|chain| batch.add(chain));
    ruleset.objects.iter().for_each(|object| batch.add(object));
    // rules find sets without a name of their own by the number of the set in the batch
    let mut ids = std::collections::HashMap::new();
    for (set, elements) in &ruleset.sets {
        let id = batch.raw_mut().allocate_id();
        ids.insert((set.family.0, set.table.clone(), set.name.clone()), id);
        let set = sets::for_a_batch(set, id);
        batch.add(&set);
        batch.add_elements(&set, elements);
    }
    for rule in &ruleset.rules {
        let mut rule = Rule { position: None, ..rule.clone() };
        for expression in &mut rule.expressions {
            sets::point_at(expression, |set| {
                ids.get(&(rule.family.0, rule.table.clone(), set.to_owned())).copied()
            });
        }
        batch.add(&rule);
    }
    batch.commit()?;
    Ok(())
}

pub(crate) fn a_dump_builds_the_same_ruleset_elsewhere(lab: &mut Lab) -> Outcome {
    let nft = Oracle::nft()?;
    nft.feed(["-f", "-"], EVERYTHING)?;
    let ruleset = Net::open()?.nft().dump(Family::UNSPECIFIED)?;
    ensure_eq!((ruleset.tables.len(), ruleset.chains.len(), ruleset.objects.len()), (4, 7, 3));
    let elsewhere = lab.node("elsewhere")?;
    let net = Net::open_in(elsewhere.namespace())?;
    rebuild(&net, &ruleset)?;
    let (expected, rebuilt) = (nft.line("list ruleset")?, elsewhere.run(|| nft.line("list ruleset"))??);
    ensure!(expected.len() > 2000);
    ensure_eq!(rebuilt.lines().collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>());
    ensure_eq!(net.nft().dump(Family::ARP)?.tables.len(), 1);
    Ok(())
}
