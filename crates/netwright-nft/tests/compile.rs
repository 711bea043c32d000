//! Texts compiled: what is said about mistakes, the order of orders, and long lists of elements.
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_netfilter::{
    Batch, ChainAttrs, ChainPolicy, ChainRef, Device, Devices, Family, FlowtableAttrs, FlowtableHookAttrs,
    HookAttrs, Item, Rule as KernelRule, SetRef, TableRef,
};
use netwright_nft::catalog::{Catalog, Found, Lookup};
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Compiled, Options, compile, compile_with};
use netwright_nft::ir::{Command, Element, Entity, Expression, Set, Target};
use netwright_nft::lower;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Database, Names};

/// A compiled text, and each error as its message, its place, its help and its other places.
fn compiled(text: &str) -> (Compiled, Vec<String>) {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let compiled = compile(
        &sources,
        &parsed,
        &Options {
            names: &Names::new(),
            catalog: &Catalog::default(),
            zone: netwright_nft::table::Zone::UTC,
        },
    );
    let said = parsed.diagnostics.iter().chain(&compiled.diagnostics);
    let errors = said
        .map(|error| {
            let places: Vec<&str> = error.labels.iter().map(|label| sources.snippet(label.span)).collect();
            format!("{} {places:?} {}", error.message, error.help.join(" "))
        })
        .collect();
    (compiled, errors)
}

fn bytes(commands: &[Command], catalog: &Catalog) -> Vec<u8> {
    let mut batch = Batch::new();
    lower::batch(commands, catalog, &mut batch).unwrap();
    batch.finish().unwrap().to_vec()
}

#[test]
fn every_mistake_of_a_text_is_told_with_its_place_and_what_was_meant() {
    let (_, errors) = compiled(
        "table inet t {
            set good { type ipv4_addr; }
            set near { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 10.1.0.0/16 } }
            chain c {
                ip saddr @god drop
                tcp dprot 22 accept
                meta pkttype broadcastt drop
                vlan id 4096 accept
                ip saddr 192.0.2.1 ip6 daddr ::1 accept
                accept drop
                redirect to :80
            }
        }",
    );
    let expected = [
        "this overlaps another interval of the same set [\"10.1.0.0/16\", \"10.0.0.0/8\"]",
        "table `t` has no set or map `god` [\"@god\"] Did you mean `@good`?",
        "there is no field of `tcp` `dprot` [\"dprot\"] Did you mean `dport`?",
        "`broadcastt` is not a packet type [\"broadcastt\"] Did you mean `broadcast`?",
        "4096 is too large: the greatest value here is 4095 [\"4096\"]",
        "conflicting network layer protocols: ip was matched, ip6 is needed [\"ip6 daddr ::1\", \"ip saddr 192.0.2.1\"]",
        "nothing behind a decision is reached [\"drop\", \"accept\"]",
        "ports can be translated only behind a match on the transport protocol",
    ];
    for wanted in expected {
        let without_reference = wanted.replace("[\"@god\"]", "[\"god\"]");
        let found =
            errors.iter().any(|error| error.starts_with(wanted) || error.starts_with(&without_reference));
        assert!(found, "{wanted}\nis not among\n{}", errors.join("\n"));
    }
    assert_eq!(errors.len(), expected.len(), "{}", errors.join("\n"));
}

#[test]
fn in_a_table_everything_comes_before_what_refers_to_it() {
    let (compiled, errors) = compiled(
        "table inet t {
            chain a { ip saddr vmap @m; counter name \"n\"; jump b; }
            map m { type ipv4_addr : verdict; elements = { 192.0.2.1 : jump b }; }
            counter n { }
            chain b { }
        }",
    );
    assert_eq!(errors, [""; 0]);
    let kinds: Vec<&str> = compiled
        .commands
        .iter()
        .map(|command| match &command.target {
            Target::Table(_) => "table",
            Target::Chain(_) => "chain",
            Target::Object(_) => "object",
            Target::Set(_) => "set",
            Target::Rule { .. } => "rule",
            _ => "?",
        })
        .collect();
    assert_eq!(kinds, ["table", "chain", "chain", "object", "set", "rule", "rule", "rule"]);
}

/// The same elements once as a long list and once as many short ones.
fn check_long_list(set: &str, element: impl Fn(u32) -> String) {
    let list: Vec<String> = (0..300).map(element).collect();
    let kind = if set.contains(" : ") { "map" } else { "set" };
    let long = format!(
        "add table ip t\nadd {kind} ip t s {{ {set} }}\nadd element ip t s {{ {} }}\n",
        list.join(", ")
    );
    let (packed, errors) = compiled(&long);
    assert_eq!(errors, [""; 0]);
    let last = packed.commands.last().unwrap();
    let Target::PackedElements { set, elements } = &last.target else { panic!("not packed: {set}") };
    let single = Command {
        target: Target::Elements { set: set.clone(), elements: elements.elements(set).collect() },
        ..last.clone()
    };
    assert_eq!(elements.len(&set.key.parts), 300);
    assert_eq!(
        bytes(std::slice::from_ref(last), &packed.catalog),
        bytes(&[single], &packed.catalog),
        "{set:?}"
    );
}

#[test]
fn long_lists_become_the_same_messages_as_single_elements() {
    check_long_list("type ipv4_addr;", |n| format!("10.0.{}.{}", n / 250, n % 250));
    check_long_list("type mark;", |n| format!("{:#x}", n * 7));
    check_long_list("type ipv4_addr . inet_service;", |n| format!("192.0.2.1 . {}", n + 1));
    check_long_list("type inet_service; flags interval;", |n| format!("{}-{}", n * 10 + 1, n * 10 + 3));
    check_long_list("type ipv6_addr; flags interval;", |n| format!("2001:db8:{n:x}::/48"));
    check_long_list("type mark; flags interval;", |n| format!("{}", u64::from(u32::MAX) - u64::from(n) * 2));
    check_long_list("typeof vlan id; flags interval;", |n| format!("{}", 4095 - n * 2));
    check_long_list("type ipv4_addr : mark;", |n| format!("10.0.{}.{} : {:#x}", n / 250, n % 250, n * 7));
    check_long_list("type mark : ipv4_addr . inet_service;", |n| format!("{n} : 192.0.2.1 . {}", n + 1));
    check_long_list("typeof ip saddr . meta mark : meta mark;", |n| format!("192.0.2.1 . {n} : {n}"));
}

#[test]
fn overlaps_in_long_lists_are_told_with_both_places() {
    let list: Vec<String> = (0..300).map(|n| format!("10.{}.{}.0/24", n / 200, n % 200)).collect();
    let (_, errors) = compiled(&format!(
        "add table ip t\nadd set ip t s {{ type ipv4_addr; flags interval; }}\nadd element ip t s {{ {}, 10.0.7.9 }}\n",
        list.join(", ")
    ));
    let wanted = "this overlaps another interval of the same set [\"10.0.7.9\", \"10.0.7.0/24\"]";
    assert!(errors.len() == 1 && errors[0].starts_with(wanted), "{errors:?}");
}

#[test]
fn a_chain_written_in_place_is_filled_before_it_is_jumped_to() {
    let (compiled, errors) =
        compiled("add table ip t\nadd chain ip t c\nadd rule ip t c jump { counter accept; }\n");
    assert_eq!(errors, [""; 0]);
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch).unwrap();
    batch.finish().unwrap();
    let steps: Vec<String> =
        (1..batch.messages() as usize - 1).map(|step| batch.step(step).unwrap().to_string()).collect();
    let kinds: Vec<&str> = steps.iter().map(|step| step.split(' ').nth(1).unwrap()).collect();
    assert_eq!(kinds, ["table", "chain", "chain", "rule", "rule"]);
}

/// The hook that the message of the last order tells, of a chain and of a flow table.
fn last_hook(text: &str) -> (String, Option<HookAttrs>, Option<FlowtableHookAttrs>) {
    let (compiled, errors) = compiled(text);
    assert_eq!(errors, [""; 0], "{text}");
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch).unwrap();
    batch.finish().unwrap();
    let step = batch.step(batch.messages() as usize - 2).unwrap();
    let bytes = step.message.bytes_after(4);
    let chain = text.contains(" chain ").then(|| ChainAttrs::read_attributes(bytes).unwrap().hook);
    let flowtable =
        text.contains(" flowtable ").then(|| FlowtableAttrs::read_attributes(bytes).unwrap().hook);
    (step.to_string(), chain.flatten(), flowtable.flatten())
}

#[test]
fn single_devices_come_and_go_without_the_chain_or_flow_table() {
    let several = Some(Devices(vec![Device::Name("e1".into()), Device::Prefix("wan".into())]));
    let named = |device: &str| HookAttrs::default().device(device.into());
    let (step, hook, _) = last_hook("delete chain netdev t c { devices = { e1 }; }");
    assert_eq!((step.as_str(), hook), ("delete chain netdev t c", Some(named("e1"))));
    let (step, hook, _) = last_hook("add chain netdev t c { devices = { e1 }; }");
    assert_eq!((step.as_str(), hook), ("add chain netdev t c", Some(named("e1"))));
    let whole = "delete chain netdev t c { type filter hook ingress devices = { e1, wan* } priority 5; }";
    let wanted = HookAttrs::default().number(0).with(|attrs| attrs.devices = several.clone());
    assert_eq!(last_hook(whole).1, Some(wanted));
    assert_eq!(last_hook("delete chain netdev t c").1, None);
    let wanted = FlowtableHookAttrs::default().with(|attrs| attrs.devices = several);
    for text in ["", "hook ingress priority 5;"] {
        let text = format!("delete flowtable inet t f {{ {text} devices = {{ e1, wan* }}; }}");
        let (step, _, hook) = last_hook(&text);
        assert_eq!((step.as_str(), hook), ("delete flowtable inet t f", Some(wanted.clone())));
    }
    let (step, _, hook) = last_hook("add flowtable inet t f { devices = { e1, wan* }; }");
    assert_eq!((step.as_str(), hook), ("add flowtable inet t f", Some(wanted)));
}

#[test]
fn no_devices_are_not_the_whole_chain() {
    let (compiled, errors) = compiled("define none = { }\ndelete chain netdev t c { devices = $none; }\n");
    let failed = lower::batch(&compiled.commands, &compiled.catalog, &mut Batch::new());
    assert!(failed.is_err() || !errors.is_empty());
}

#[test]
fn what_a_whole_catalogue_does_not_have_is_told_with_the_nearest_name() {
    let text = "table inet t {
            flowtable fast { hook ingress priority 0; }
            counter hits { }
            map m { type mark : verdict; elements = { 1 : jump web, 2 : jump wbe } }
            map n { type mark : counter; elements = { 1 : \"hits\", 2 : \"hist\" } }
            chain input { jump web; goto wep; counter name hits; counter name hit; flow add @fest; }
            chain web { }
        }
        add rule inet t inptu accept
        add rule inet other c accept";
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let none = Catalog::of_nothing();
    let said = compile(
        &sources,
        &parsed,
        &Options { names: &Names::new(), catalog: &none, zone: netwright_nft::table::Zone::UTC },
    );
    let said: Vec<&str> = said.diagnostics.iter().map(|one| one.message.as_str()).collect();
    let wanted = [
        "table `t` has no chain `wbe`",
        "table `t` has no counter `hist`",
        "table `t` has no chain `wep`",
        "table `t` has no counter `hit`",
        "table `t` has no flow table `fest`",
        "table `t` has no chain `inptu`",
        "there is no table `other` of the family inet",
    ];
    assert_eq!(said, wanted);
    let (_, errors) = compiled(text);
    assert_eq!(errors, [""; 0], "of tables that may have more nothing is said");
    assert_eq!(asked(text), [""; 0], "and the kernel will tell");
}

/// Notes what is asked, and knows nothing.
#[derive(Default)]
struct Noting(Vec<String>);

impl Lookup for Noting {
    fn set(&mut self, set: &SetRef) -> Found<Set> {
        self.0.push(format!("set {set}"));
        Found::Unknown
    }

    fn elements(&mut self, set: &SetRef) -> Found<Vec<Element>> {
        self.0.push(format!("elements of {set}"));
        Found::Unknown
    }

    fn chain(&mut self, chain: &ChainRef) -> Found<u64> {
        self.0.push(format!("chain {chain}"));
        Found::Unknown
    }

    fn rules(&mut self, chain: &ChainRef) -> Found<Vec<u64>> {
        self.0.push(format!("rules of {chain}"));
        Found::Unknown
    }

    fn tables(&mut self) -> Found<Vec<TableRef>> {
        self.0.push("tables".to_owned());
        Found::Unknown
    }

    fn names(&mut self, table: &TableRef, entity: Entity) -> Found<Vec<String>> {
        self.0.push(format!("{entity:?} of {table}"));
        Found::Unknown
    }
}

/// What a text makes the compiler ask of the kernel.
fn asked(text: &str) -> Vec<String> {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let options =
        Options { names: &Names::new(), catalog: &Catalog::default(), zone: netwright_nft::table::Zone::UTC };
    let mut noting = Noting::default();
    let _ = compile_with(&sources, &parsed, &options, &mut noting);
    noting.0
}

#[test]
fn the_kernel_is_asked_for_just_what_a_text_refers_to() {
    for (text, questions) in [
        ("add table ip t; add chain ip t c; add rule ip t c tcp dport 22 accept", vec![]),
        ("add rule ip t c ip saddr @s jump d", vec!["set ip t s"]),
        ("add rule ip t c ip saddr { 192.0.2.1 } counter name k", vec![]),
        ("add table ip t; add set ip t s { type ipv4_addr; }; add rule ip t c ip saddr @s", vec![]),
        ("flush ruleset; add table ip t; add rule ip t c ip saddr @s", vec![]),
        ("add rule ip t c index 3 accept", vec!["rules of ip t c"]),
        ("add rule ip t c index 3 accept; insert rule ip t c index 0 drop", vec!["rules of ip t c"]),
        ("rename chain ip t c d", vec!["chain ip t c"]),
        ("delete rule ip t c handle 7", vec![]),
        ("delete element ip t s { 192.0.2.1 }", vec!["set ip t s"]),
        ("flush chain ip t c; delete chain ip t c; delete table ip t", vec![]),
        ("list ruleset", vec![]),
    ] {
        let questions: Vec<String> = questions.into_iter().map(str::to_owned).collect();
        let mut asked = asked(text);
        asked.dedup();
        assert_eq!(asked, questions, "{text}");
    }
}

#[test]
fn rules_are_counted_as_a_batch_goes_on() {
    let mut known = Catalog::default();
    known.table_mut(Family::IPV4, "t").rules.insert("c".into(), vec![10, 11, 12]);
    type Places = Vec<(Option<u64>, Option<u32>)>;
    let placed = |text: &str| -> Result<Places, String> {
        let mut sources = SourceMap::default();
        let id = sources.add("test", text);
        let parsed = parse(&mut sources, id, &mut NoIncludes);
        let options =
            Options { names: &Names::new(), catalog: &known, zone: netwright_nft::table::Zone::UTC };
        let compiled = compile(&sources, &parsed, &options);
        let mut batch = Batch::new();
        lower::batch(&compiled.commands, &compiled.catalog, &mut batch)
            .map_err(|failed| failed.error.message)?;
        let steps = (0..batch.messages() as usize).filter_map(|index| batch.step(index));
        let rules = steps.filter_map(|step| KernelRule::read(&step.message).ok().flatten());
        Ok(rules.map(|rule| (rule.position, rule.position_id)).collect())
    };
    let at = |handle| (Some(handle), None);
    let by = |id| (None, Some(id));
    assert_eq!(placed("add rule t c index 1 accept").unwrap(), [at(11)]);
    assert_eq!(
        placed("add rule t c index 0 accept; add rule t c index 1 drop; add rule t c index 2 drop").unwrap(),
        [at(10), by(1), by(2)]
    );
    assert_eq!(
        placed("insert rule t c accept; insert rule t c index 0 drop; insert rule t c index 2 drop").unwrap(),
        [(None, None), by(1), at(10)]
    );
    assert_eq!(
        placed("add rule t c accept; insert rule t c index 3 drop; insert rule t c index 4 drop").unwrap(),
        [(None, None), by(1), by(1)]
    );
    assert_eq!(placed("delete rule t c handle 11; add rule t c index 1 accept").unwrap(), [at(12)]);
    assert_eq!(
        placed("flush chain t c; add rule t c accept; add rule t c index 0 drop").unwrap(),
        [(None, None), by(1)]
    );
    assert_eq!(
        placed("replace rule t c handle 11 accept; add rule t c index 1 drop").unwrap(),
        [(None, None), by(1)]
    );
    assert!(placed("flush chain t c; add rule t c index 0 drop").unwrap_err().contains("index 0"));
    assert!(placed("add rule t c index 3 drop").unwrap_err().contains("index 3"));
    // rules of chains in which nothing is counted get no numbers
    assert_eq!(placed("add rule t d accept; add rule t d drop").unwrap(), [(None, None), (None, None)]);
}

#[test]
fn what_is_in_a_table_that_is_nowhere_is_told_of_the_table() {
    let mut known = Catalog::default();
    known.declare_tables([(Family::INET, "filter".to_owned()), (Family::IPV4, "nat".to_owned())]);
    let said = |text: &str| -> Vec<(u32, String, Vec<String>)> {
        let mut sources = SourceMap::default();
        let id = sources.add("test", text);
        let parsed = parse(&mut sources, id, &mut NoIncludes);
        let options =
            Options { names: &Names::new(), catalog: &known, zone: netwright_nft::table::Zone::UTC };
        let found = compile(&sources, &parsed, &options).diagnostics.into_iter();
        found.map(|one| (one.labels[0].span.start, one.message, one.help)).collect()
    };
    let one = |at, message: &str, help: &str| vec![(at, message.to_owned(), vec![help.to_owned()])];
    assert_eq!(
        said("add rule inet filtre input ip saddr @s jump web"),
        one(14, "there is no table `filtre` of the family inet", "Did you mean `filter`?")
    );
    assert_eq!(
        said("add element nat s { 1 }; add element inet nat s { 1 }")[1..],
        one(42, "there is no table `nat` of the family inet", "Did you mean `ip nat`?")
    );
    assert_eq!(said("add rule inet filter input accept"), [], "what the table has is not known");
    assert_eq!(
        said("add table inet new; add rule inet new c accept"),
        [(38, "table `new` has no chain `c`".to_owned(), vec![])]
    );
}

#[test]
fn overlaps_with_earlier_orders_are_told_with_both_places() {
    let set =
        "add table ip t; add set ip t s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }\n";
    let more = "add element ip t s { 10.0.0.0/8, 11.0.0.1 }\nadd element ip t s { 9.0.0.0-10.0.0.5 }";
    let (_, errors) = compiled(&format!("{set}{more}"));
    let wanted = "this overlaps another interval of the same set [\"9.0.0.0-10.0.0.5\", \"10.0.0.0/8\"]";
    assert!(errors.len() == 1 && errors[0].starts_with(wanted), "{errors:?}");
    for between in
        ["flush set ip t s", "delete element ip t s { 10.0.0.0/8 }", "delete table ip t; add table ip t"]
    {
        let (_, errors) = compiled(&format!("{set}{between}\nadd element ip t s {{ 10.0.0.5 }}"));
        assert_eq!(errors, [""; 0], "{between}");
    }
    let (_, errors) = compiled(&format!("{}{more}", set.replace("interval;", "interval; auto-merge;")));
    assert_eq!(errors, [""; 0]);
}

#[test]
fn raw_bits_of_a_port_are_the_port() {
    for (raw, named) in [
        ("@th,16,16 { 22, ssh }", "th dport { 22, ssh }"),
        ("@th,0,16 . @th,16,16 { 22 . 80 }", "th sport . th dport { 22 . 80 }"),
        ("udp length 8 @th,16,16 set 53", "udp length 8 th dport set 53"),
    ] {
        let mut names = Names::new();
        names.insert(Database::Services, "ssh", 22);
        let messages = |rule: &str| {
            let mut sources = SourceMap::default();
            let id = sources.add("test", format!("table inet t {{ chain c {{ {rule}; }}; }}"));
            let parsed = parse(&mut sources, id, &mut NoIncludes);
            let options = Options {
                names: &names,
                catalog: &Catalog::default(),
                zone: netwright_nft::table::Zone::UTC,
            };
            let compiled = compile(&sources, &parsed, &options);
            assert!(compiled.diagnostics.is_empty(), "{rule}: {:?}", compiled.diagnostics);
            bytes(&compiled.commands, &compiled.catalog)
        };
        assert_eq!(messages(raw), messages(named), "{raw}");
    }
    let (_, errors) = compiled("table inet t { chain c { @th,32,16 ssh; }; }");
    assert_eq!(errors, ["`ssh` is not an integer [\"ssh\"] "], "a length is no port");
}

#[test]
fn what_is_written_must_be_of_the_right_type() {
    let check = |rule: &str, fits: bool| {
        let (_, errors) = compiled(&format!("table inet t {{ chain c {{ {rule}; }}; }}"));
        assert_eq!(errors.is_empty(), fits, "{rule}: {errors:?}");
    };
    for rule in [
        "meta mark set ip saddr",
        "meta mark set ip ttl & 3",
        "ip id set numgen inc mod 7",
        "ct zone set ip id",
    ] {
        check(rule, true);
    }
    for rule in [
        "meta mark set ip id",
        "meta mark set ct state",
        "meta priority set meta length",
        "ip id set meta mark",
        "ip dscp set ip ttl",
        "ip saddr set tcp sequence",
        "tcp dport set numgen inc mod 7",
        "meta secmark set meta mark",
        "ct secmark set 5",
    ] {
        check(rule, false);
    }
}

/// The element orders that a text becomes where a set holds something already, as `operation from-to …`.
fn settled(text: &str, held: &str) -> Vec<String> {
    let set = "set s { type inet_service; flags interval; auto-merge; }";
    let (made, _) = compiled(&format!(
        "add table ip t\nadd {}\nadd element ip t s {held}",
        set.replace("set s", "set ip t s")
    ));
    let mut known = made.catalog.clone();
    let Some(Target::Elements { elements, .. }) = made.commands.last().map(|last| &last.target) else {
        panic!("no elements");
    };
    known.hold(Family::IPV4, "t", "s", elements.clone());
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let options = Options { names: &Names::new(), catalog: &known, zone: netwright_nft::table::Zone::UTC };
    let compiled = compile(&sources, &parsed, &options);
    let wrong = compiled.diagnostics.iter().map(|one| one.message.clone());
    let orders = compiled.commands.iter().filter_map(|command| {
        let Target::Elements { elements, .. } = &command.target else { return None };
        let keys = elements.iter().filter_map(|element| element.key.as_ref());
        let keys: Vec<String> = keys
            .map(|key| match key {
                Expression::Value(value) => format!("{}", value.as_number().unwrap()),
                Expression::Range(from, to) => {
                    format!("{}-{}", from.as_number().unwrap(), to.as_number().unwrap())
                }
                other => format!("{other:?}"),
            })
            .collect();
        Some(format!("{:?} {}", command.operation, keys.join(" ")))
    });
    wrong.chain(orders).collect()
}

#[test]
fn merged_intervals_change_as_a_whole() {
    let held = "{ 10-19, 30-39, 60 }";
    for (text, wanted) in [
        ("add element ip t s { 50 }", vec!["Add 50"]),
        ("add element ip t s { 20-29 }", vec!["Delete 10-19 30-39", "Add 10-39"]),
        ("add element ip t s { 5-100 }", vec!["Delete 10-19 30-39 60", "Add 5-100"]),
        ("add element ip t s { 12 }", vec![]),
        ("create element ip t s { 61, 62 }", vec!["Delete 60", "Add 60-62"]),
        ("delete element ip t s { 15 }", vec!["Delete 10-19", "Add 10-14 16-19"]),
        ("delete element ip t s { 10-12, 60 }", vec!["Delete 10-19 60", "Add 13-19"]),
        ("delete element ip t s { 18-32 }", vec!["`s` has no such element"]),
        ("destroy element ip t s { 18-32 }", vec![]),
        ("add element ip t s { 20 }; delete element ip t s { 11 }", vec!["Delete 10-19", "Add 10 12-20"]),
        ("add element ip t s { 50 }; delete element ip t s { 50 }", vec![]),
        ("flush set ip t s; add element ip t s { 20 }; add element ip t s { 21 }", vec!["Add 20-21"]),
        ("delete table ip t; add table ip t", vec![]),
    ] {
        assert_eq!(settled(text, held), wanted, "{text}");
    }
}

#[test]
fn what_merged_sets_hold_is_asked_for() {
    assert_eq!(asked("add element ip t s { 1 }"), ["set ip t s"]);
    let merged = "table ip t { set s { type inet_service; flags interval; auto-merge; elements = { 1 }; }; }";
    assert_eq!(asked(merged), ["elements of ip t s"]);
    assert_eq!(asked(&format!("flush ruleset\n{merged}")), [""; 0]);
    assert_eq!(asked(&merged.replace("auto-merge;", "")), ["elements of ip t s"], "what overlaps is told");
}

#[test]
fn the_policy_of_a_chain_can_be_changed_alone() {
    let (compiled, errors) = compiled("add chain ip t c { policy drop; }");
    assert_eq!(errors, [""; 0]);
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch).unwrap();
    batch.finish().unwrap();
    let step = batch.step(batch.messages() as usize - 2).unwrap();
    let chain = ChainAttrs::read_attributes(step.message.bytes_after(4)).unwrap();
    assert_eq!((chain.policy, chain.hook, chain.kind), (Some(ChainPolicy::DROP), None, None));
}

/// Each definition uses the one before it twice: sixty of them would be more elements than there are atoms in a glass.
#[test]
fn variables_do_not_unfold_without_an_end() {
    for (first, both) in [("{ 192.0.2.1 }", "{ $aN, $aN }"), ("1", "$aN | $aN")] {
        let mut text = format!("define a0 = {first}\n");
        for number in 1..60 {
            let both = both.replace('N', &(number - 1).to_string());
            text.push_str(&format!("define a{number} = {both}\n"));
        }
        text.push_str("add table ip t\nadd chain ip t c\n");
        text.push_str(if first == "1" {
            "add rule ip t c meta mark set $a59"
        } else {
            "add rule ip t c ip saddr $a59"
        });
        let (_, said) = compiled(&text);
        assert!(said.iter().any(|one| one.contains("more than can be unfolded")), "{said:?}");
    }
}

#[test]
fn what_another_language_writes_is_told_in_the_words_of_nft() {
    for (rule, help) in [
        ("polcy drop", "Did you mean `policy`?"),
        ("typ filter hook input priority 0", "Did you mean `type`?"),
        ("tpye nat hook prerouting priority 0", "Did you mean `type`?"),
        ("tcp 22 accept", "Write the field: `tcp dport 22` or `tcp sport 22`."),
        ("ip 192.0.2.1 drop", "Write the field: `ip saddr 192.0.2.1` or `ip daddr 192.0.2.1`."),
        ("192.0.2.0/24 drop", "Write the field: `ip saddr 192.0.2.0` or `ip daddr 192.0.2.0`."),
        ("tcp dport 22 80 accept", "Several values stand in braces: `{ 22, 80 }`."),
        ("tcp dport 22, 80 accept", "Values of which one must match stand in a set: `{ 22, 80 }`."),
        ("tcp dport { 22 80 } accept", "Elements have commas between them."),
        ("tcp dport 22:80 accept", "A range is written `22-80`."),
        ("tcp dport any accept", "Leave the match out: what is not asked for may be anything."),
        ("ct state NEW accept", "nft writes it in lower case: `new`."),
        ("ip6 saddr 192.0.2.1 drop", "IPv4 addresses are those of `ip`."),
        ("ip saddr 10.0.0.0/255.0.0.0 drop", "Write `/8`."),
        (
            "ip saddr 192.0.2.1 && tcp dport 22 drop",
            "Matches stand side by side, and all of them must hold: write nothing between them.",
        ),
        ("limit 3/second", "A rate is written `limit rate 3/second`."),
        ("limit rate 3/sec", "Did you mean `second`?"),
        ("reject with icmp-port-unreachable", "nft has `reject with icmp port-unreachable`."),
        ("tcp dport 22 redirect 80", "Ports are written `redirect to :80`."),
        ("tcp dport 22 dnat ip to 192.0.2.1 80", "A port stands behind a colon: `192.0.2.1:80`."),
        ("accept comment two words", "A comment of several words stands in double quotes."),
        ("ether saddr 00-11-22-33-44-55 drop", "An Ethernet address has colons: `00:11:22:33:44:55`."),
    ] {
        let (_, errors) = compiled(&format!("table inet t {{\n chain c {{\n {rule}\n }}\n}}\n"));
        assert!(errors.iter().any(|error| error.ends_with(help)), "{rule}: {errors:?}");
    }
}
