//! What is taken that is built means what the same text means, and no more is taken than text can say.

use super::*;

fn refusal(thing: impl Definition) -> Option<String> {
    thing.define().0.err().map(|invalid| invalid.0)
}

fn is_read(text: &str) -> bool {
    let mut sources = SourceMap::default();
    let id = sources.add("text", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let (names, catalog) = (Names::new(), Catalog::default());
    let options = Options { names: &names, catalog: &catalog, zone: crate::table::Zone::UTC };
    let compiled = evaluate::compile(&sources, &parsed, &options);
    parsed.diagnostics.is_empty() && compiled.diagnostics.is_empty() && compiled.commands.len() == 1
}

#[test]
fn names_are_those_that_text_can_write() {
    let mut names: Vec<String> = (0..128u8).map(|byte| format!("a{}", char::from(byte))).collect();
    names.extend((0..128u8).map(|byte| char::from(byte).to_string()));
    let words = [
        "",
        "filter",
        "set",
        "map",
        "table",
        "counter",
        "add",
        "a.b/c-d_e",
        "nat; flush ruleset",
        "\u{e4}",
        "x\ny",
    ];
    names.extend(words.map(String::from));
    names.extend(["a".repeat(255), "a".repeat(256)]);
    let mut taken = 0;
    for name in names {
        let ours = refusal(Table::new(Family::INET, &name)).is_none();
        let text = format!("add table inet {name}");
        // A name that begins like a number may be read as a time or an address: the builder is stricter.
        assert!(!ours || is_read(&text), "the builder takes {name:?}, which cannot be read");
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.trim() == name;
        let odd = name.contains(['*', '\\', ';', '#', '\n', '$', '"']);
        assert!(ours || !plain || odd || !is_read(&text), "the builder refuses {name:?}, which can be read");
        taken += usize::from(ours);
    }
    assert!(taken > 60, "{taken}");
    let table = Table::new(Family::INET, "t");
    for odd in ["", "a b", "set", "x\"y", "{"] {
        assert!(refusal(Chain::new(&table, odd)).is_some(), "{odd}");
        assert!(refusal(Set::<Ipv4Addr>::new(&table, odd)).is_some(), "{odd}");
        assert!(refusal(Map::<Ipv4Addr, Mark>::new(&table, odd)).is_some(), "{odd}");
        assert!(refusal(Object::counter(&table, odd)).is_some(), "{odd}");
        assert!(refusal(Flowtable::new(&table, odd, 0, ["lo"])).is_some(), "{odd}");
    }
}

#[test]
fn texts_are_those_that_can_be_quoted() {
    let table = Table::new(Family::INET, "t");
    let chain = Chain::new(&table, "c");
    for byte in 0..128u8 {
        let text = format!("a{}b", char::from(byte));
        let odd = byte == b'"' || char::from(byte).is_control();
        if !odd {
            assert!(is_read(&format!("add table inet t {{ comment \"{text}\"; }}")), "{text:?}");
        }
        let told = [
            refusal(Table::new(Family::INET, "t").comment(&text)),
            refusal(Chain::new(&table, "c").comment(&text)),
            refusal(Set::<Ipv4Addr>::new(&table, "s").comment(&text)),
            refusal(Object::counter(&table, "n").comment(&text)),
            refusal(Rule::in_chain(&chain).comment(&text).accept()),
            refusal(Rule::in_chain(&chain).log(text.as_str())),
            refusal(Set::<Ipv4Addr>::new(&table, "s").element_with(SADDR, element_comment(&text))),
        ];
        for told in told {
            assert_eq!(told.is_some(), odd, "{text:?}: {told:?}");
        }
    }
    assert!(
        refusal(Set::<Ipv4Addr>::new(&table, "s").element_with(SADDR, element_comment(&"a".repeat(129))))
            .is_some()
    );
}

fn element_comment(comment: &str) -> Element {
    Element { comment: Some(comment.to_owned()), ..Element::default() }
}

#[test]
fn what_is_used_is_of_the_same_table() {
    let (here, there) = (Table::new(Family::INET, "here"), Table::new(Family::INET, "there"));
    let same_name = Table::new(Family::IPV4, "here");
    let rule = || Rule::in_chain(&Chain::new(&here, "c"));
    for other in [&there, &same_name] {
        let set = Set::<Ipv4Addr>::new(other, "s");
        let map = Map::<Ipv4Addr, Verdict>::new(other, "m");
        let marks = Map::<Ipv4Addr, Mark>::new(other, "m");
        let told = [
            refusal(rule().is_in(ip::SADDR, &set)),
            refusal(rule().not_in(ip::SADDR, &set)),
            refusal(rule().vmap(ip::SADDR, &map)),
            refusal(rule().set(meta::MARK, look_up(ip::SADDR, &marks))),
            refusal(rule().add_to(&set, ip::SADDR, None)),
            refusal(rule().limit_each(&set, ip::SADDR, Limit::per_second(1))),
            refusal(rule().delete_from(&set, ip::SADDR)),
            refusal(rule().update_map(&marks, ip::SADDR, meta::MARK, None)),
            refusal(rule().jump(&Chain::new(other, "d"))),
            refusal(rule().goto(&Chain::new(other, "d"))),
            refusal(rule().object(&Object::counter(other, "n"))),
            refusal(rule().flow_add(&Flowtable::new(other, "f", 0, ["lo"]))),
        ];
        for (number, told) in told.into_iter().enumerate() {
            assert!(told.is_some_and(|told| told.contains("is of table")), "{number}");
        }
    }
    assert_eq!(refusal(rule().is_in(ip::SADDR, &Set::<Ipv4Addr>::new(&here, "s"))), None);
    assert_eq!(refusal(rule().jump(&Chain::new(&here, "d")).object(&Object::counter(&here, "n"))), None);
}

#[test]
fn ports_are_translated_behind_a_match_on_the_protocol_alone() {
    let chain = Chain::new(&Table::new(Family::INET, "nat"), "c");
    let pairs = || look_up(ip::SADDR, [(SADDR, (SADDR, Port(80)))]);
    let steps: [&dyn Fn(Rule) -> Rule; 6] = [
        &|rule| rule.redirect(80),
        &|rule| rule.dnat((SADDR, 80)),
        &|rule| rule.snat(NatTarget::from(SADDR).port(1024..=2048)),
        &|rule| rule.dnat(pairs()),
        &|rule| rule.tproxy((SADDR, 80)),
        &|rule| rule.tproxy_port(80),
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let told = refusal(step(Rule::in_chain(&chain)));
        assert!(
            told.is_some_and(|told| told.contains("behind a match on the transport protocol")),
            "{number}"
        );
        let told = refusal(step(Rule::in_chain(&chain).eq(ip::SADDR, SADDR)));
        assert!(told.is_some(), "{number}");
        assert_eq!(refusal(step(Rule::in_chain(&chain).eq(tcp::DPORT, 80))), None, "{number}");
        assert_eq!(refusal(step(Rule::in_chain(&chain).eq(meta::L4PROTO, Protocol::UDP))), None, "{number}");
        let set = [Protocol::TCP, Protocol::UDP];
        assert_eq!(refusal(step(Rule::in_chain(&chain).is_in(meta::L4PROTO, set))), None, "{number}");
    }
    let by_protocol = [((Protocol::TCP, Port(80)), (SADDR, Port(80)))];
    let told = refusal(Rule::in_chain(&chain).dnat(look_up((meta::L4PROTO, th::DPORT), by_protocol)));
    assert_eq!(told, None);
    assert_eq!(refusal(Rule::in_chain(&chain).dnat(SADDR)), None);
    assert_eq!(refusal(Rule::in_chain(&chain).masquerade()), None);
}

#[test]
fn numbers_that_mean_something_else() {
    let table = Table::new(Family::INET, "t");
    let chain = Chain::new(&table, "c");
    let set = Set::<Ipv4Addr>::new(&table, "s").dynamic();
    for short in [Duration::ZERO, Duration::from_nanos(10), Duration::from_micros(999)] {
        assert!(refusal(Set::<Ipv4Addr>::new(&table, "s").timeout(short)).is_some(), "{short:?}");
        assert!(refusal(Rule::in_chain(&chain).add_to(&set, ip::SADDR, Some(short))).is_some(), "{short:?}");
        assert!(
            refusal(Rule::in_chain(&chain).update_in(&set, ip::SADDR, Some(short))).is_some(),
            "{short:?}"
        );
    }
    assert_eq!(refusal(Rule::in_chain(&chain).add_to(&set, ip::SADDR, Some(Duration::from_millis(1)))), None);
    let odd = Limit { seconds: 7, ..Limit::per_second(1) };
    assert!(refusal(Rule::in_chain(&chain).limit(odd)).is_some());
    assert!(refusal(Rule::in_chain(&chain).limit_each(&set, ip::SADDR, odd)).is_some());
    let base = || Chain::base(&table, "c", Hook::Input, Priority::FILTER);
    assert!(refusal(base().policy(ChainPolicy(7))).is_some());
    assert_eq!(refusal(base().policy(ChainPolicy::DROP)), None);
}

#[test]
fn keys_are_read_as_what_they_are() {
    let address = [ir::Value::number(crate::table::DataType::IPV4_ADDR, 32, 0x0a00_0001)];
    assert_eq!(Ipv4Addr::from_parts(&address), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(Mark::from_parts(&address), None);
    assert_eq!(UserId::from_parts(&address), None);
    let mark = [ir::Value::number(crate::table::DataType::MARK, 32, 7)];
    assert_eq!(Mark::from_parts(&mark), Some(Mark(7)));
    assert_eq!(u32::from_parts(&mark), Some(7));
    assert_eq!(Ipv4Addr::from_parts(&mark), None);
}
