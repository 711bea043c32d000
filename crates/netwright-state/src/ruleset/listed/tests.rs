use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::ir::Statement;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::Names;

use crate::Ruleset;

fn declared(text: &str) -> Ruleset {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    assert_eq!(parsed.diagnostics, []);
    let options =
        Options { names: &Names::new(), catalog: &Catalog::default(), zone: netwright_nft::table::Zone::UTC };
    let compiled = compile(&sources, &parsed, &options);
    assert_eq!(compiled.diagnostics, []);
    Ruleset::declared(&compiled.commands).expect("only orders that make something")
}

fn same(one: &str, other: &str) {
    let table = |text: &str| format!("table ip t {{\n{text}\n}}");
    let mut rulesets = [one, other].map(|text| declared(&table(text)));
    rulesets.iter_mut().flat_map(|ruleset| &mut ruleset.tables).for_each(|table| table.place = None);
    let [one, other] = rulesets;
    assert_ne!(one, other, "they are written in two ways");
    assert_eq!(one.as_listed(), other.as_listed());
}

fn same_rule(one: &str, other: &str) {
    let chain = |rule: &str| format!("set s {{ type ipv4_addr; }}\nchain c {{\n{rule}\n}}");
    same(&chain(one), &chain(other));
}

#[test]
fn two_ways_to_write_a_rule_are_one() {
    same_rule("tcp dport 22", "meta l4proto tcp tcp dport 22");
    same_rule("ip saddr 10.0.0.0/8", "ip saddr & 255.0.0.0 == 10.0.0.0");
}

#[test]
fn what_the_family_of_the_table_tells_is_left_out() {
    let nat = declared("table ip t {\nchain c {\ndnat to 192.0.2.1\n}\n}").as_listed();
    let statements = nat.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    let families: Vec<_> = statements
        .flat_map(|rule| &rule.statements)
        .map(|statement| match statement {
            Statement::Nat(nat) => nat.family,
            other => unreachable!("{other:?}"),
        })
        .collect();
    assert_eq!(families, [None]);
}

#[test]
fn what_is_in_a_rule_stays() {
    for rule in [
        "ip saddr @s tcp dport { 22, 80-90 } counter accept comment \"why\"",
        "tcp dport vmap { 22 : accept, 80 : drop }",
        "add @s { ip saddr }",
        "jump { ip saddr 192.0.2.1 accept; }",
    ] {
        let text =
            format!("table ip t {{\nset s {{ type ipv4_addr; flags dynamic; }}\nchain c {{\n{rule}\n}}\n}}");
        let once = declared(&text).as_listed();
        assert_eq!(once.tables[0].chains[0].rules.len(), 1, "{rule}");
        assert_eq!(once.clone().as_listed(), once, "{rule}");
        assert!(!format!("{once:?}").contains("Raw"), "{rule}: {once:?}");
    }
}

#[test]
fn what_is_listed_stays_in_every_family() {
    for table in [
        "table ip6 t { chain c { snat prefix to 2001:db8:1::/64; }; }",
        "table ip6 t { chain c { tcp dport 8080 dnat to [2001:db8::1]:80; }; }",
        "table inet t { chain c { dnat ip to 192.0.2.1-192.0.2.9; }; }",
        "table ip t { chain c { dnat to tcp dport map { 80 : 192.0.2.1, 443 : 192.0.2.2 }; }; }",
    ] {
        let once = declared(table).as_listed();
        assert_eq!(once.clone().as_listed(), once, "{table}");
    }
}
