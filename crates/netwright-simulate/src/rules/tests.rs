use netwright_nft::syntax::NoIncludes;
use netwright_state::{Format, read};

use super::*;

fn places(rules: &str, chain: &str) -> Vec<String> {
    let mut sources = SourceMap::default();
    let text = format!("[firewall]\nrules = '''{rules}'''\n");
    let mut none = |_: &str| Err("nothing is there".to_owned());
    let (host, found) = read(&mut sources, "host.toml", &text, Format::Toml, &mut none);
    let host = host.unwrap_or_else(|| panic!("{found:?}"));
    let found = RuleSources::read(&host, &mut sources, &mut NoIncludes);
    let places = found.chains.get(&(Family::INET, "t".into(), chain.into())).cloned();
    places.unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn rules_are_in_the_order_of_their_chain() {
    let text = "table inet t {\n\tchain a {\n\t\taccept\n\t\ttcp   dport 1\taccept\n\t}\n}\n\
        add rule inet t a drop\ninsert rule inet t a return\ninsert rule inet t a index 1 continue\nadd rule inet t a index 0 queue\n";
    let expected = [
        "host.toml:9: return",
        "host.toml:11: queue",
        "host.toml:10: continue",
        "host.toml:4: accept",
        "host.toml:5: tcp dport 1 accept",
        "host.toml:8: drop",
    ];
    assert_eq!(places(text, "a"), expected);
}

#[test]
fn a_flush_begins_anew() {
    let text = "table inet t {\n chain a {\n accept\n }\n}\nflush ruleset\ntable inet t {\n chain a {\n drop\n }\n}\n";
    assert_eq!(places(text, "a"), ["host.toml:10: drop"]);
    assert!(places(text, "b").is_empty());
}

#[test]
fn what_is_not_known_is_named_as_the_kernel_does() {
    let ruleset = Ruleset::default();
    let decision =
        Decision { family: Family::INET, table: "t".into(), chain: "a".into(), rule: Some(4), drops: true };
    assert_eq!(ruleset.place(&decision).to_string(), "chain inet t a: rule with handle 4");
    let policy = Decision { rule: None, ..decision };
    assert_eq!(ruleset.place(&policy).to_string(), "chain inet t a: policy drop of chain inet t a");
}
