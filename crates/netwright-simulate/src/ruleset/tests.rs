#![allow(clippy::unwrap_used)]

use netwright_nft::syntax::NoIncludes;

use netwright_nft::ir::Statement;

use super::*;
use crate::testing::declared;

/// The lines that decide about a packet, whose way is told by lines: `+` accepts, `!` drops, nothing goes on. A policy is its
/// chain's name.
fn deciding(rules: &str, way: &[&str]) -> Vec<String> {
    let (host, mut sources, declared) = declared(rules);
    let places = Sources::read(&host, &declared, &mut sources, &mut NoIncludes);
    let mut ruleset = Ruleset::of(&declared, &places);
    // numbers as the kernel might give them: the line
    let all: Vec<(RuleId, u64, ChainKey)> = ruleset
        .chains
        .iter()
        .enumerate()
        .flat_map(|(chain, found)| {
            found.rules.iter().enumerate().map(move |(index, rule)| {
                ((chain, index), u64::from(rule.place.line.as_ref().unwrap().1), found.key.clone())
            })
        })
        .collect();
    for (id, line, key) in &all {
        ruleset.handles.insert((key.0, key.1.clone(), *line), *id);
    }
    let (family, table) = (all[0].2.0, all[0].2.1.clone());
    let step = |word: &&str| {
        let (word, turn) = match (word.strip_suffix('+'), word.strip_suffix('!')) {
            (Some(word), _) => (word, Turn::Accept),
            (_, Some(word)) => (word, Turn::Drop),
            _ => (*word, Turn::On),
        };
        let rule = word.parse().ok();
        let chain = if rule.is_some() { String::new() } else { word.to_owned() };
        Step { family, table: table.clone(), chain, rule, turn }
    };
    let steps: Vec<Step> = way.iter().map(step).collect();
    let found = ruleset.deciding(&steps.iter().collect::<Vec<_>>(), &mut |_| Some(false));
    found.iter().map(|step| ruleset.place(step).at.trim_start_matches("host.toml:").to_owned()).collect()
}

const THREE: &str = "table inet a {
 chain in1 { type filter hook input priority -10; policy accept;
  tcp dport 22 accept
 }
 chain in2 { type filter hook input priority 0; policy drop;
  tcp dport 22 accept
 }
 chain in3 { type filter hook input priority 10; policy accept;
  counter accept
 }
}";

#[test]
fn what_would_have_dropped_decides() {
    assert_eq!(deciding(THREE, &["5+", "8+", "11+"]), ["8"]);
    // nothing would have dropped it
    assert_eq!(deciding(THREE, &["5+", "11+"]), ["11"]);
}

#[test]
fn several_may_be_needed() {
    let rules = "table inet a {
 chain f1 { type filter hook forward priority -10; policy drop;
  tcp dport 22 accept
 }
 chain f2 { type filter hook forward priority 0; policy accept;
  tcp dport 22 accept
  counter drop
 }
}";
    assert_eq!(deciding(rules, &["5+", "8+"]), ["5", "8"]);
}

#[test]
fn what_comes_after_a_jump_counts() {
    let rules = "table inet a {
 chain in { type filter hook input priority 0; policy accept;
  jump web
  drop
 }
 chain web {
  tcp dport 80 accept
  tcp dport 81 accept
 }
}";
    assert_eq!(deciding(rules, &["5", "9+"]), ["9"]);
}

#[test]
fn who_goes_for_good_comes_back_to_the_policy_only() {
    let rules = |policy: &str| {
        format!(
            "table inet a {{
 chain in {{ type filter hook input priority 0; policy {policy};
  goto web
  drop
 }}
 chain web {{
  tcp dport 80 accept
 }}
 chain other {{ type filter hook input priority 1; policy drop;
  accept
 }}
}}"
        )
    };
    assert_eq!(deciding(&rules("accept"), &["5", "9+", "12+"]), ["12"]);
    assert_eq!(deciding(&rules("drop"), &["5", "9+", "12+"]), ["9", "12"]);
}

/// What depends on the packet is asked; here the answer is always that it passes.
#[test]
fn what_depends_on_the_packet_is_asked() {
    let rules = "table inet a {
 chain in1 { type filter hook input priority 0; policy accept;
  tcp dport 80 accept
  ip saddr 10.0.0.1 drop
 }
 chain in2 { type filter hook input priority 1; policy drop;
  accept
 }
}";
    assert_eq!(deciding(rules, &["5+", "9+"]), ["9"]);
}

#[test]
fn rules_in_chains_without_a_name_can_accept_nothing() {
    let rules = "table inet a {
 chain in { type filter hook input priority 0; policy drop;
  tcp dport 80 jump {
   ip saddr 10.0.0.1 accept
   drop
  }
 }
}";
    let (host, mut sources, declared) = declared(rules);
    let places = Sources::read(&host, &declared, &mut sources, &mut NoIncludes);
    let ruleset = Ruleset::of(&declared, &places);
    let nameless = ruleset.chains.iter().position(|chain| !chain.named).unwrap();
    let lines: Vec<u32> =
        ruleset.chains[nameless].rules.iter().map(|rule| rule.place.line.as_ref().unwrap().1).collect();
    assert_eq!(lines, [6, 7]);
    let without = ruleset.without_accepting(&[(nameless, 0)].into(), 0, &declared).unwrap();
    let Statement::Verdict(Verdict::Jump(ChainTarget::Anonymous(rules))) =
        without.tables[0].chains[0].rules[0].statements.last().unwrap()
    else {
        panic!("{without:?}");
    };
    assert_eq!(rules[0].statements.last(), Some(&Statement::Verdict(Verdict::Continue)));
}

/// A chain that two base chains jump to accepts in the one and not in the other.
#[test]
fn a_shared_chain_can_accept_nothing_for_one_of_its_base_chains() {
    let rules = "table inet a {
 chain shared {
  accept
 }
 chain in1 { type filter hook input priority 0; policy drop;
  goto shared
 }
 chain in2 { type filter hook input priority 1; policy drop;
  tcp dport 80 jump shared
 }
}";
    let (host, mut sources, declared) = declared(rules);
    let places = Sources::read(&host, &declared, &mut sources, &mut NoIncludes);
    let ruleset = Ruleset::of(&declared, &places);
    let without = ruleset.without_accepting(&[(0, 0)].into(), 2, &declared).unwrap();
    let chains = &without.tables[0].chains;
    assert_eq!(chains[0].rules, declared.tables[0].chains[0].rules);
    assert_eq!(chains[1].rules, declared.tables[0].chains[1].rules);
    let made = Ruleset::of(&without, &Sources::default());
    let nameless = made.chains.iter().position(|chain| !chain.named).unwrap();
    assert!(!made.chains[nameless].rules[0].effect.accepts);
    assert_eq!(ruleset.original(&made, (nameless, 0), 2), Some((0, 0)));
    assert_eq!(ruleset.original(&made, (1, 0), 2), Some((1, 0)));
}
