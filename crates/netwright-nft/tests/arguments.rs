//! What statements and comparisons take as their arguments, as nft does.
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Names, Zone};

/// Whether a rule is taken.
fn is_taken(family: &str, rule: &str) -> bool {
    let mut sources = SourceMap::default();
    let text = format!("add table {family} t; add chain {family} t c; add rule {family} t c {rule}");
    let id = sources.add("test", &text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let options = Options { names: &Names::new(), catalog: &Catalog::of_nothing(), zone: Zone::UTC };
    let compiled = compile(&sources, &parsed, &options);
    parsed.diagnostics.is_empty() && compiled.diagnostics.is_empty()
}

#[test]
fn what_is_shifted_is_a_number() {
    for text in [
        "meta mark 1 << 3",
        "meta mark { 1, 1 << 3 }",
        "meta mark & 1 << 3 != 0",
        "ct mark . meta mark { 1 << 3 . 1 << 4 }",
        "tcp option 254 1 << 1",
        "tcp dport set tcp dport << 1",
        "vlan id 1 << 12",
        "ip dscp 1 | 1 << 6",
        "numgen inc mod 10 118 & 5",
        "numgen inc mod 10 & 3 == 11",
    ] {
        assert!(!is_taken("ip", text), "{text}");
    }
    for text in [
        "meta mark set 1 << 3",
        "meta mark vmap { 1 << 3 : accept }",
        "meta mark 1 | 1 << 3",
        "ct state new | 1 << 1",
        "tcp dport 22 << 0",
        "ip saddr set ip daddr & 1 << 3",
        "ip dscp 1 | 1 << 5",
        "vlan id 1 << 11",
        "numgen inc mod 10 1 << 4",
    ] {
        assert!(is_taken("ip", text), "{text}");
    }
}

#[test]
fn arguments_have_the_type_that_is_needed() {
    for (family, text, right) in [
        ("netdev", "dup to iif", true),
        ("netdev", "dup to meta mark", false),
        ("netdev", "fwd to ip saddr", false),
        ("netdev", "fwd ip to ip6 saddr device lo", false),
        ("ip", "dup to ip saddr device iif", true),
        ("ip", "dup to ip saddr device meta mark", false),
        ("ip", "dup to @nh,0,32", false),
        ("ip", "dnat to numgen inc mod 4", true),
        ("ip", "dnat to meta length", false),
        ("ip", "dnat to ip saddr << 8", false),
        ("ip", "tcp dport 5 tproxy to 1.1.1.1:numgen inc mod 4", false),
        ("ip", "tcp dport 5 tproxy to iif", false),
        ("ip6", "dnat to numgen inc mod 4", false),
        ("inet", "dnat to ip daddr map { 1.1.1.1 : 2.2.2.2 }", true),
        ("inet", "dnat to ip daddr . tcp dport map { 1.1.1.1 . 80 : 2.2.2.2 . 90 }", false),
        ("inet", "dnat ip to ip daddr . tcp dport map { 1.1.1.1 . 80 : 2.2.2.2 . 90 }", true),
    ] {
        assert_eq!(is_taken(family, text), right, "{text}");
    }
}

#[test]
fn words_of_a_key_are_words_right_behind_it() {
    for (text, right) in [
        ("ct status helper", false),
        ("ct status != helper", true),
        ("ct status { helper }", true),
        ("ct status dying,helper", true),
        ("meta iifname protocol", false),
        ("meta iifname != protocol", true),
        ("log level foo level audit", false),
        ("log level warn level audit", true),
    ] {
        assert_eq!(is_taken("ip", text), right, "{text}");
    }
}
