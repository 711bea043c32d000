use netwright_netfilter::Batch;

use super::*;
use crate::catalog::Catalog;
use crate::evaluate::{Options, compile};
use crate::syntax::{NoIncludes, parse};
use crate::table::{Names, PrintOptions};
use crate::{lower, print};

/// The orders of a text with merged rules, and how often some were merged.
fn merged(text: &str) -> (Vec<Command>, Catalog, usize) {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let names = Names::new();
    let compiled = compile(
        &sources,
        &parsed,
        &Options { names: &names, catalog: &Catalog::default(), zone: crate::table::Zone::UTC },
    );
    assert!(parsed.diagnostics.is_empty() && compiled.diagnostics.is_empty(), "{text}");
    let (commands, merged) = rules(compiled.commands, &sources);
    (commands, compiled.catalog, merged.len())
}

/// What becomes of the rules of a text, which the kernel could be told.
fn optimized(text: &str) -> Vec<String> {
    let (commands, catalog, _) = merged(text);
    let names = Names::new();
    lower::batch(&commands, &catalog, &mut Batch::new()).unwrap();
    let options = PrintOptions { stateless: true, ..PrintOptions::default() };
    let rules = commands.iter().filter_map(|command| match &command.target {
        Target::Rule { rule, spans, .. } => {
            assert_eq!(rule.statements.len(), spans.len(), "each statement has its place");
            Some(print::rule(rule, &options, &names))
        }
        _ => None,
    });
    rules.collect()
}

fn chain(rules: &str) -> Vec<String> {
    optimized(&format!("table inet t {{\nchain d {{\n}}\nchain c {{\n{rules}\n}}\n}}\n"))
}

/// Rules that become one.
fn check(rules: &str, expected: &str) {
    assert_eq!(chain(rules), [expected], "{rules}");
}

/// Rules that stay.
fn check_kept(rules: &str) {
    assert_eq!(chain(rules), rules.lines().collect::<Vec<_>>());
}

#[test]
fn rules_with_the_same_verdict_become_one_with_a_set() {
    check(
        "ip saddr 192.0.2.1 accept\nip saddr 192.0.2.2 accept\nip saddr 198.51.100.0/24 accept",
        "ip saddr { 192.0.2.1, 192.0.2.2, 198.51.100.0/24 } accept",
    );
    check("tcp dport { 1, 2 } drop\ntcp dport 3-9 drop", "tcp dport { 1, 2, 3-9 } drop");
    check(
        "udp dport 53 counter log prefix \"x\" accept\nudp dport 54 counter log prefix \"x\" accept",
        "udp dport { 53, 54 } counter log prefix \"x\" accept",
    );
    check("tcp dport 1\ntcp dport 2", "tcp dport { 1, 2 }");
    check(
        "ct state established,related accept\nct state new accept",
        "ct state { established, related, new } accept",
    );
    check(
        "meta mark & 0xff == 1 reject\nmeta mark & 0xff == 2 reject",
        "meta mark & 0x000000ff == { 0x00000001, 0x00000002 } reject",
    );
}

#[test]
fn values_stand_side_by_side_in_the_order_of_the_first_rule() {
    check(
        "iifname \"a\" tcp dport { 1, 2 } accept\ntcp dport 80-90 iifname \"b*\" accept",
        "iifname . tcp dport { \"a\" . 1, \"a\" . 2, \"b*\" . 80-90 } accept",
    );
    check(
        "ip saddr 192.0.2.1 tcp dport 1 accept\nip saddr 192.0.2.1 tcp dport 2 drop",
        "ip saddr . tcp dport vmap { 192.0.2.1 . 1 : accept, 192.0.2.1 . 2 : drop }",
    );
}

#[test]
fn different_verdicts_become_a_verdict_map() {
    check(
        "tcp dport 1 accept\ntcp dport 2 drop\ntcp dport 3 jump d",
        "tcp dport vmap { 1 : accept, 2 : drop, 3 : jump d }",
    );
    check("tcp dport 1 jump d\ntcp dport 2 jump d", "tcp dport vmap { 1 : jump d, 2 : jump d }");
    check(
        "tcp dport 1 counter accept\ntcp dport 2 counter drop",
        "tcp dport vmap { 1 counter : accept, 2 counter : drop }",
    );
    check(
        "udp dport vmap { 1 : accept }\nudp dport vmap { 3 : drop }",
        "udp dport vmap { 1 : accept, 3 : drop }",
    );
}

#[test]
fn translations_become_a_map() {
    let nat = |rules: &str| {
        let head = "table inet t {\nchain c {\ntype nat hook prerouting priority dstnat\n";
        optimized(&format!("{head}{rules}\n}}\n}}\n"))
    };
    assert_eq!(
        nat("tcp dport 1 dnat ip to 192.0.2.1\ntcp dport 2 dnat ip to 192.0.2.2"),
        ["dnat ip to tcp dport map { 1 : 192.0.2.1, 2 : 192.0.2.2 }"]
    );
    assert_eq!(
        nat("tcp dport 1 dnat ip6 to [::1]:80\ntcp dport 2 dnat ip6 to [::2]:81"),
        ["dnat ip6 to tcp dport map { 1 : ::1 . 80, 2 : ::2 . 81 }"]
    );
    assert_eq!(
        nat("tcp dport 1 redirect to :8\ntcp dport 2 redirect to :9"),
        ["redirect to :tcp dport map { 1 : 8, 2 : 9 }"]
    );
    assert_eq!(
        nat("tcp dport 1 dnat ip to 192.0.2.1\ntcp dport 2 dnat ip to 192.0.2.1"),
        ["tcp dport { 1, 2 } dnat ip to 192.0.2.1"]
    );
    let different = ["tcp dport 1 dnat ip to 192.0.2.1", "tcp dport 2 dnat ip to 192.0.2.2:80"];
    assert_eq!(nat(&different.join("\n")), different);
    let counting = ["tcp dport 1 counter redirect to :8", "tcp dport 2 counter redirect to :9"];
    assert_eq!(nat(&counting.join("\n")), counting, "each counts for itself");
}

#[test]
fn rules_that_one_packet_may_match_stay() {
    check_kept("ip saddr 192.0.2.1 accept\nip saddr 192.0.2.1 drop");
    check_kept("tcp dport 80 accept\ntcp dport 80-90 drop");
    check_kept("ip saddr 10.0.0.0/8 accept\nip saddr 10.1.0.0/16 accept");
    check_kept("ip saddr vmap { 192.0.2.1 : accept }\nip saddr vmap { 192.0.2.1 : drop }");
    check_kept("tcp flags syn accept\ntcp flags ack accept");
    check_kept("ct status dnat accept\nct status snat accept");
    check_kept("iifname \"a*\" tcp dport 1 accept\niifname \"ab\" tcp dport 1 drop");
}

#[test]
fn rules_that_do_more_than_can_be_merged_stay() {
    check_kept("tcp dport 1 accept\nudp dport 2 accept\ntcp dport 3 accept");
    check_kept("ip saddr != 192.0.2.1 accept\nip saddr != 192.0.2.2 accept");
    check_kept(
        "tcp dport 1 limit rate 3/second burst 5 packets accept\ntcp dport 2 limit rate 3/second burst 5 packets accept",
    );
    check_kept("tcp dport 1 log prefix \"a\" accept\ntcp dport 2 log prefix \"b\" accept");
    check_kept("tcp dport 1 log accept\ntcp dport 2 log drop");
    check_kept("counter tcp dport 1 accept\ncounter tcp dport 2 accept");
    check_kept("numgen inc mod 2 0 accept\nnumgen inc mod 2 1 drop");
    check_kept("iifname \"a*\" accept\niifname \"b*\" accept");
    check_kept("accept\naccept");
}

#[test]
fn a_jump_that_may_change_what_is_compared_stays() {
    let text = |set: &str| {
        format!(
            "table inet t {{\nchain d {{\n{set}\n}}\nchain c {{\nmeta mark 0x00000001 jump d\nmeta mark 0x00000002 accept\n}}\n}}\n"
        )
    };
    assert_eq!(optimized(&text("")).len(), 1);
    assert_eq!(optimized(&text("meta mark set 2")).len(), 3);
}

#[test]
fn orders_of_single_rules_stay_and_so_do_chains_whose_rules_are_counted() {
    let orders = "add table ip t\nadd chain ip t c\nadd rule ip t c tcp dport 1 drop\nadd rule ip t c tcp dport 2 drop\n";
    assert_eq!(merged(orders).2, 0);
    let block = "table ip t {\nchain c {\ntcp dport 1 drop\ntcp dport 2 drop\n}\n}\n";
    assert_eq!(merged(block).2, 1);
    assert_eq!(merged(&format!("{block}insert rule ip t c index 0 accept\n")).2, 0);
}

#[test]
fn comments_stay_where_all_are_the_same() {
    check(
        "tcp dport 1 drop comment \"x\"\ntcp dport 2 drop comment \"x\"",
        "tcp dport { 1, 2 } drop comment \"x\"",
    );
    check("tcp dport 1 drop comment \"x\"\ntcp dport 2 drop", "tcp dport { 1, 2 } drop");
}

#[test]
fn long_chains_take_time_by_their_length() {
    let rules: String =
        (0..60_000).map(|number| format!("ip saddr 10.0.{}.{} drop\n", number / 256, number % 256)).collect();
    assert_eq!(chain(&rules).len(), 1);
    let rules: String = (0..2000)
        .map(|number| format!("ip saddr 10.{}.{}.0/24 tcp dport 1-9 drop\n", number / 256, number % 256))
        .collect();
    assert_eq!(chain(&rules).len(), 2, "as many at once as are compared with each other");
}
