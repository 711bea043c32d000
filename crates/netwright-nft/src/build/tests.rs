//! What is built is, to the byte, what the same text becomes.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use netwright_netfilter::Batch;

use super::*;
use crate::catalog::Catalog;
use crate::diagnostic::SourceMap;
use crate::evaluate::{self, Options};
use crate::ir::{Command, Operation, Target};
use crate::syntax::{NoIncludes, parse};
use crate::table::Names;

const SADDR: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 53);

/// The messages of orders.
fn messages(commands: &[Command], catalog: &Catalog) -> Vec<u8> {
    let mut batch = Batch::new();
    let lowered = crate::lower::batch(commands, catalog, &mut batch);
    assert_eq!(lowered, Ok(()));
    batch.finish().expect("the batch is short").to_vec()
}

/// The messages of a text.
fn compiled(text: &str) -> Vec<u8> {
    let mut sources = SourceMap::default();
    let id = sources.add("text", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    assert_eq!(parsed.diagnostics, [], "{text}");
    let (names, catalog) = (Names::new(), Catalog::default());
    let options = Options { names: &names, catalog: &catalog, zone: crate::table::Zone::UTC };
    let compiled = evaluate::compile(&sources, &parsed, &options);
    assert_eq!(compiled.diagnostics, [], "{text}");
    messages(&compiled.commands, &compiled.catalog)
}

/// Things that were built, in order, as a batch would take them.
#[derive(Default)]
struct Built {
    commands: Vec<Command>,
    catalog: Catalog,
}

impl Built {
    fn add<T: Definition>(&mut self, thing: T) -> T::Handle {
        let (wanted, handle) = thing.define();
        let Wanted { target, sets, packed } = wanted.expect("it has a meaning");
        sets.iter().for_each(|set| self.catalog.add_set(set));
        if let Target::Set(set) = &target {
            self.catalog.add_set(set);
        }
        let all = match (packed, &target) {
            (Some(elements), Target::Set(set)) => {
                Some(Target::PackedElements { set: set.clone().into(), elements })
            }
            _ => None,
        };
        for target in std::iter::once(target).chain(all) {
            let (operation, elements) = (Operation::Add, Vec::new());
            self.commands.push(Command { operation, target, span: None, elements });
        }
        handle
    }
}

/// Builds in a table with a chain and compares with text in the same.
fn check(family: Family, make: impl Fn(&mut Built, &Table, &Chain), text: &str) {
    let mut built = Built::default();
    let table = built.add(Table::new(family, "t"));
    let chain = built.add(Chain::new(&table, "c"));
    make(&mut built, &table, &chain);
    let text = format!("add table {family} t\nadd chain {family} t c\n{text}\n");
    let (ours, theirs) = (messages(&built.commands, &built.catalog), compiled(&text));
    assert!(ours == theirs, "{text}\nbuilt    {ours:02x?}\ncompiled {theirs:02x?}");
}

fn check_rule(family: Family, make: impl Fn(Rule) -> Rule, text: &str) {
    let add = |built: &mut Built, _: &Table, chain: &Chain| built.add(make(Rule::in_chain(chain)));
    check(family, add, &format!("add rule {family} t c {text}"));
}

#[test]
fn comparisons() {
    let ip4 = |make: fn(Rule) -> Rule, text: &str| check_rule(Family::IPV4, make, text);
    ip4(|rule| rule.eq(ip::SADDR, SADDR).counter().drop(), "ip saddr 192.168.1.53 counter drop");
    ip4(|rule| rule.ne(ip::SADDR, SADDR).accept(), "ip saddr != 192.168.1.53 accept");
    ip4(|rule| rule.eq(ip::SADDR, prefix(SADDR, 24)).accept(), "ip saddr 192.168.1.0/24 accept");
    ip4(|rule| rule.eq(ip::SADDR, prefix(SADDR, 25)).accept(), "ip saddr 192.168.1.0/25 accept");
    ip4(|rule| rule.eq(tcp::DPORT, 1024..=2048).accept(), "tcp dport 1024-2048 accept");
    ip4(|rule| rule.lt(ip::TTL, 5).drop(), "ip ttl < 5 drop");
    ip4(
        |rule| rule.ge(ip::LENGTH, 1000).le(ip::LENGTH, 1400).drop(),
        "ip length >= 1000 ip length <= 1400 drop",
    );
    ip4(|rule| rule.gt(meta::LENGTH, 1400).drop(), "meta length > 1400 drop");
    ip4(|rule| rule.eq(ip::DSCP, Dscp::AF11).accept(), "ip dscp af11 accept");
    ip4(|rule| rule.eq(ip::PROTOCOL, Protocol::UDP).accept(), "ip protocol udp accept");
    ip4(|rule| rule.eq(icmp::TYPE, IcmpType::ECHO_REQUEST).accept(), "icmp type echo-request accept");
    ip4(|rule| rule.eq(meta::IIFNAME, "eth0").accept(), "iifname \"eth0\" accept");
    ip4(|rule| rule.eq(meta::OIFNAME, "eth*").accept(), "oifname \"eth*\" accept");
    ip4(|rule| rule.eq(meta::MARK, 7).eq(meta::SKUID, 1000).accept(), "meta mark 7 meta skuid 1000 accept");
    ip4(|rule| rule.eq(ct::ORIGINAL_SADDR, SADDR).accept(), "ct original ip saddr 192.168.1.53 accept");
    ip4(|rule| rule.eq(ct::DIRECTION, Direction::Reply).accept(), "ct direction reply accept");
}

mod complete;
mod refused;

#[test]
fn other_families() {
    check_rule(Family::INET, |rule| rule.eq(ip::SADDR, SADDR).drop(), "ip saddr 192.168.1.53 drop");
    check_rule(Family::INET, |rule| rule.eq(udp::DPORT, 53).accept(), "udp dport 53 accept");
    check_rule(
        Family::INET,
        |rule| rule.eq(meta::NFPROTO, Family::IPV6).accept(),
        "meta nfproto ipv6 accept",
    );
    let echo = |rule: Rule| rule.eq(icmpv6::TYPE, Icmpv6Type::ECHO_REQUEST).accept();
    check_rule(Family::INET, echo, "icmpv6 type echo-request accept");
    check_rule(
        Family::IPV6,
        |rule| rule.eq(ip6::DADDR, Ipv6Addr::LOCALHOST).accept(),
        "ip6 daddr ::1 accept",
    );
    check_rule(
        Family::ARP,
        |rule| rule.eq(arp::OPERATION, ArpOperation::REQUEST).drop(),
        "arp operation request drop",
    );
    let mac = [2, 0, 0, 0, 0, 1];
    check_rule(
        Family::BRIDGE,
        |rule| rule.eq(ether::SADDR, mac).drop(),
        "ether saddr 02:00:00:00:00:01 drop",
    );
    check_rule(Family::BRIDGE, |rule| rule.eq(vlan::ID, 7).drop(), "vlan id 7 drop");
}

#[test]
fn flags() {
    let ip4 = |make: fn(Rule) -> Rule, text: &str| check_rule(Family::IPV4, make, text);
    let known = CtState::ESTABLISHED | CtState::RELATED;
    check_rule(
        Family::IPV4,
        |rule| rule.any(ct::STATE, known).accept(),
        "ct state established,related accept",
    );
    ip4(|rule| rule.any(ct::STATE, CtState::INVALID).drop(), "ct state invalid drop");
    ip4(|rule| rule.none(ct::STATUS, CtStatus::DESTINATION_TRANSLATED).drop(), "ct status ! dnat drop");
    let (mask, syn) = (TcpFlags::SYN | TcpFlags::ACK, TcpFlags::SYN);
    check_rule(
        Family::IPV4,
        |rule| rule.masked(tcp::FLAGS, mask, syn).drop(),
        "tcp flags & (syn | ack) == syn drop",
    );
}

#[test]
fn sets_in_place() {
    let ip4 = |make: fn(Rule) -> Rule, text: &str| check_rule(Family::IPV4, make, text);
    ip4(|rule| rule.is_in(tcp::DPORT, [80, 443]).accept(), "tcp dport { 80, 443 } accept");
    ip4(|rule| rule.not_in(tcp::DPORT, vec![80, 443]).drop(), "tcp dport != { 80, 443 } drop");
    ip4(|rule| rule.is_in(tcp::DPORT, [1..=9, 100..=200]).drop(), "tcp dport { 1-9, 100-200 } drop");
    ip4(|rule| rule.is_in(tcp::DPORT, [22]).accept(), "tcp dport { 22 } accept");
    ip4(|rule| rule.is_in(ip::SADDR, prefix(SADDR, 16)).accept(), "ip saddr 192.168.0.0/16 accept");
    ip4(
        |rule| rule.eq((ip::SADDR, tcp::DPORT), (SADDR, 22)).accept(),
        "ip saddr . tcp dport 192.168.1.53 . 22 accept",
    );
    ip4(
        |rule| rule.is_in((ip::SADDR, tcp::DPORT), [(prefix(SADDR, 24), 22..=25)]).accept(),
        "ip saddr . tcp dport { 192.168.1.0/24 . 22-25 } accept",
    );
    ip4(
        |rule| rule.is_in((meta::IIFNAME, ip::SADDR, udp::SPORT, udp::DPORT), [("lo", SADDR, 1, 2)]).accept(),
        "iifname . ip saddr . udp sport . udp dport { \"lo\" . 192.168.1.53 . 1 . 2 } accept",
    );
    ip4(
        |rule| rule.vmap(tcp::DPORT, [(25, Verdict::Drop), (53, Verdict::Accept)]),
        "tcp dport vmap { 25 : drop, 53 : accept }",
    );
    ip4(
        |rule| rule.set(meta::MARK, look_up(tcp::DPORT, [(25, 1), (53, 2)])),
        "meta mark set tcp dport map { 25 : 1, 53 : 2 }",
    );
}

#[test]
fn named_sets_and_maps() {
    let blocked = |built: &mut Built, table: &Table, chain: &Chain| {
        let set = Set::<Ipv4Addr>::new(table, "s")
            .intervals()
            .element(SADDR)
            .element(prefix(Ipv4Addr::new(10, 0, 0, 0), 8));
        let set = built.add(set);
        built.add(Rule::in_chain(chain).is_in(ip::SADDR, &set).drop());
        built.add(set.only([Ipv4Addr::LOCALHOST]));
    };
    check(
        Family::IPV4,
        blocked,
        "add set ip t s { type ipv4_addr; flags interval; elements = { 192.168.1.53, 10.0.0.0/8 } }
         add rule ip t c ip saddr @s drop
         add element ip t s { 127.0.0.1 }",
    );
    let pairs = |built: &mut Built, table: &Table, chain: &Chain| {
        let set = built
            .add(Set::<(Ipv4Addr, Port)>::new(table, "s").timeout(Duration::from_secs(60)).dynamic().size(9));
        built.add(Rule::in_chain(chain).add_to(&set, (ip::SADDR, tcp::DPORT), Some(Duration::from_secs(5))));
        built.add(Rule::in_chain(chain).update_in(&set, (ip::SADDR, tcp::DPORT), None));
        built.add(Rule::in_chain(chain).not_in((ip::SADDR, tcp::DPORT), &set).drop());
    };
    check(
        Family::IPV4,
        pairs,
        "add set ip t s { type ipv4_addr . inet_service; flags dynamic,timeout; size 9; timeout 1m; }
         add rule ip t c add @s { ip saddr . tcp dport timeout 5s }
         add rule ip t c update @s { ip saddr . tcp dport }
         add rule ip t c ip saddr . tcp dport != @s drop",
    );
    let maps = |built: &mut Built, table: &Table, chain: &Chain| {
        let decide = Map::<Port, Verdict>::new(table, "v")
            .element(22, Verdict::Accept)
            .element(23, Verdict::jump(chain));
        let decide = built.add(decide);
        let marks = built.add(Map::<Ipv4Addr, Mark>::new(table, "m").elements([(SADDR, 7)]));
        built.add(Rule::in_chain(chain).vmap(tcp::DPORT, &decide));
        built.add(Rule::in_chain(chain).set(meta::MARK, look_up(ip::SADDR, &marks)));
    };
    check(
        Family::IPV4,
        maps,
        "add map ip t v { type inet_service : verdict; elements = { 22 : accept, 23 : jump c } }
         add map ip t m { type ipv4_addr : mark; elements = { 192.168.1.53 : 7 } }
         add rule ip t c tcp dport vmap @v
         add rule ip t c meta mark set ip saddr map @m",
    );
    let typed = |built: &mut Built, table: &Table, chain: &Chain| {
        let set = built.add(Set::type_of(table, "s", vlan::ID).elements([1, 2]));
        built.add(Rule::in_chain(chain).is_in(vlan::ID, &set).drop());
    };
    check(
        Family::BRIDGE,
        typed,
        "add set bridge t s { typeof vlan id; elements = { 1, 2 } }\nadd rule bridge t c vlan id @s drop",
    );
}

#[test]
fn statements() {
    let ip4 = |make: fn(Rule) -> Rule, text: &str| check_rule(Family::IPV4, make, text);
    ip4(
        |rule| rule.limit(Limit::per_second(10).burst(20)).accept(),
        "limit rate 10/second burst 20 packets accept",
    );
    ip4(|rule| rule.limit(Limit::per_minute(3).over()).drop(), "limit rate over 3/minute drop");
    ip4(|rule| rule.quota(Quota::over(1000)).drop(), "quota over 1000 bytes drop");
    ip4(|rule| rule.log("dropped: ").drop(), "log prefix \"dropped: \" drop");
    ip4(|rule| rule.reject(Reject::Default), "reject");
    ip4(|rule| rule.eq(tcp::DPORT, 113).reject(Reject::TcpReset), "tcp dport 113 reject with tcp reset");
    ip4(|rule| rule.set(meta::MARK, 5).set(ct::MARK, meta::MARK), "meta mark set 5 ct mark set meta mark");
    ip4(|rule| rule.queue_or_pass(0..=3), "queue flags bypass to 0-3");
    ip4(|rule| rule.notrack().comment("fast"), "notrack comment \"fast\"");
    ip4(|rule| rule.connections_over(20).back(), "ct count over 20 return");
}

#[test]
fn translations() {
    let ip4 = |make: fn(Rule) -> Rule, text: &str| check_rule(Family::IPV4, make, text);
    ip4(|rule| rule.snat(SADDR), "snat to 192.168.1.53");
    ip4(|rule| rule.snat(SADDR..=Ipv4Addr::new(192, 168, 1, 60)), "snat to 192.168.1.53-192.168.1.60");
    ip4(|rule| rule.eq(tcp::DPORT, 80).dnat((SADDR, 8080)), "tcp dport 80 dnat to 192.168.1.53:8080");
    ip4(|rule| rule.eq(meta::OIFNAME, "wan").masquerade(), "oifname \"wan\" masquerade");
    ip4(|rule| rule.masquerade_with(NatFlags::RANDOM), "masquerade random");
    ip4(|rule| rule.eq(tcp::DPORT, 80).redirect(8080), "tcp dport 80 redirect to :8080");
    ip4(
        |rule| rule.dnat(look_up(tcp::DPORT, [(80, SADDR), (81, Ipv4Addr::LOCALHOST)])),
        "dnat to tcp dport map { 80 : 192.168.1.53, 81 : 127.0.0.1 }",
    );
    check_rule(Family::IPV6, |rule| rule.dnat(Ipv6Addr::LOCALHOST), "dnat to ::1");
    check_rule(Family::INET, |rule| rule.dnat(SADDR), "dnat ip to 192.168.1.53");
}

#[test]
fn chains_and_objects() {
    let make = |built: &mut Built, table: &Table, chain: &Chain| {
        let input = Chain::base(table, "input", Hook::Input, Priority::FILTER)
            .policy(ChainPolicy::DROP)
            .comment("in");
        built.add(input);
        built.add(Chain::base(table, "out", Hook::Postrouting, Priority::SRCNAT).nat());
        let web = built.add(Object::counter(table, "web"));
        built.add(Rule::in_chain(chain).object(&web).goto(&Chain::new(table, "input")));
    };
    check(
        Family::INET,
        make,
        "add chain inet t input { type filter hook input priority filter; policy drop; comment \"in\"; }
         add chain inet t out { type nat hook postrouting priority srcnat; }
         add counter inet t web
         add rule inet t c counter name \"web\" goto input",
    );
}

#[test]
fn priorities_are_those_of_the_language() {
    let named = |hook, name| crate::table::hook::priority(Family::IPV4, hook, name).map(Priority);
    assert_eq!(named(Hook::Prerouting, "raw"), Some(Priority::RAW));
    assert_eq!(named(Hook::Prerouting, "mangle"), Some(Priority::MANGLE));
    assert_eq!(named(Hook::Prerouting, "dstnat"), Some(Priority::DSTNAT));
    assert_eq!(named(Hook::Input, "filter"), Some(Priority::FILTER));
    assert_eq!(named(Hook::Input, "security"), Some(Priority::SECURITY));
    assert_eq!(named(Hook::Postrouting, "srcnat"), Some(Priority::SRCNAT));
}

#[test]
#[allow(clippy::reversed_empty_ranges)]
fn what_has_no_meaning_is_told_when_it_is_defined() {
    let table = Table::new(Family::IPV4, "t");
    let chain = Chain::new(&table, "c");
    let check = |wanted: Result<Wanted, Invalid>, message: &str| {
        assert_eq!(wanted.map_err(|invalid| invalid.to_string()), Err(message.to_owned()));
    };
    check(
        Rule::in_chain(&chain).eq(meta::IIFNAME, "a-name-that-is-too-long").drop().define().0,
        "a rule in ip t c: \"a-name-that-is-too-long\" is no name of an interface: it has more than 15 bytes",
    );
    check(
        Rule::in_chain(&chain).dnat(Ipv6Addr::LOCALHOST).define().0,
        "a rule in ip t c: packets of table t are not translated to addresses of family ip6",
    );
    let empty: [u16; 0] = [];
    check(
        Rule::in_chain(&chain).is_in(tcp::DPORT, empty).define().0,
        "a rule in ip t c: a set in a rule holds something",
    );
    check(
        Rule::in_chain(&chain).eq(tcp::DPORT, 9..=1).define().0,
        "a rule in ip t c: a range ends before it starts",
    );
    check(
        Set::<Ipv4Addr>::new(&table, "s").element(prefix(SADDR, 33)).define().0,
        "set s: a prefix of 33 bits is longer than 32",
    );
    check(Chain::base(&table, "i", Hook::Egress, 0).define().0, "the family ip has no hook egress");
    check(
        Chain::new(&table, "i").policy(ChainPolicy::DROP).define().0,
        "chain i has no hook, so it has no policy",
    );
}

/// Long lists, in the builder and in text.
#[test]
fn long_lists() {
    let address = |n: u32| Ipv4Addr::from(0x0a00_0000 + n);
    let all = || (0..300).map(address);
    let join = |list: Vec<String>| list.join(", ");
    let make = |built: &mut Built, table: &Table, _: &Chain| {
        built.add(Set::<Ipv4Addr>::new(table, "s").elements(all()));
    };
    let text = join(all().map(|one| one.to_string()).collect());
    check(Family::IPV4, make, &format!("add set ip t s {{ type ipv4_addr; elements = {{ {text} }}; }}"));

    // in any order, with those that are joined
    let networks = || (0..300).rev().map(|n| prefix(Ipv4Addr::from(0x0a00_0000 + n * 768), 24));
    let make = |built: &mut Built, table: &Table, _: &Chain| {
        let set = Set::<Ipv4Addr>::new(table, "s").elements(networks()).element(address(0x0080_0000));
        built.add(set.intervals().auto_merge().elements([prefix(address(256), 24)]));
    };
    let text = join(networks().map(|one| format!("{}/24", one.address)).collect());
    let text = format!("{text}, 10.128.0.0, 10.0.1.0/24");
    let text =
        format!("add set ip t s {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {text} }}; }}");
    check(Family::IPV4, make, &text);

    let pairs = || all().zip((1..=300).rev().map(Mark));
    let make = |built: &mut Built, table: &Table, _: &Chain| {
        built.add(Map::<Ipv4Addr, Mark>::new(table, "m").elements(pairs()));
    };
    let text = join(pairs().map(|(key, mark)| format!("{key} : {}", mark.0)).collect());
    check(
        Family::IPV4,
        make,
        &format!("add map ip t m {{ type ipv4_addr : mark; elements = {{ {text} }}; }}"),
    );

    let sides = || all().map(|one| (one, Port(80)));
    let make = |built: &mut Built, table: &Table, _: &Chain| {
        let set = built.add(Set::<(Ipv4Addr, Port)>::new(table, "s"));
        built.add(set.only(sides()));
    };
    let text = join(sides().map(|(one, port)| format!("{one} . {}", port.0)).collect());
    let text =
        format!("add set ip t s {{ type ipv4_addr . inet_service; }}\nadd element ip t s {{ {text} }}");
    check(Family::IPV4, make, &text);
}

/// What is said of a long list after its elements, and elements that are not plain, are as in a short one.
#[test]
fn long_lists_that_become_others() {
    let single = |set: ir::Set, wanted: Wanted| {
        let Target::Set(made) = wanted.target else { panic!("a set") };
        let elements = match &wanted.packed {
            Some(packed) => packed.elements(&set).collect(),
            None => made.elements.clone(),
        };
        (wanted.packed.is_some(), elements)
    };
    let table = Table::new(Family::IPV4, "t");
    let keys = || (0..300).map(|n| Ipv4Addr::from(n * 4));
    let counted = Element { comment: Some("last".into()), ..Element::default() };
    let set = Set::<Ipv4Addr>::new(&table, "s").elements(keys()).element_with(SADDR, counted);
    let (packed, elements) = single(set.declaration(), set.define().0.expect("a meaning"));
    assert!(!packed && elements.len() == 301);
    assert_eq!(elements.last().and_then(|last| last.comment.as_deref()), Some("last"));
    let (first, few) = (elements[299].clone(), Set::<Ipv4Addr>::new(&table, "s").elements(keys().skip(299)));
    let (_, few) = single(few.declaration(), few.define().0.expect("a meaning"));
    assert_eq!(few, [first]);

    // intervals that overlap and are not merged stay as they are, for the kernel to refuse
    let set = Set::<Ipv4Addr>::new(&table, "s").elements(keys()).element(prefix(Ipv4Addr::from(0), 24));
    let set = set.intervals();
    let (packed, elements) = single(set.declaration(), set.define().0.expect("a meaning"));
    assert!(!packed && elements.len() == 301);

    // there are no ranges without intervals
    let set = Set::<Ipv4Addr>::new(&table, "s").elements(keys()).element(prefix(SADDR, 24));
    let (packed, _) = single(set.declaration(), set.define().0.expect("a meaning"));
    assert!(!packed);
}
