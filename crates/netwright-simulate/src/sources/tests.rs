#![allow(clippy::unwrap_used)]

use netwright_nft::syntax::NoIncludes;

use super::*;
use crate::testing::declared;

fn lines(rules: &str, chain: &str) -> (Vec<u32>, Option<u32>) {
    let (host, mut sources, declared) = declared(rules);
    let found = Sources::read(&host, &declared, &mut sources, &mut NoIncludes);
    let key = (Family::INET, "a".to_owned(), chain.to_owned());
    let line = |place: &Place| place.line.as_ref().map(|(_, line)| *line);
    let rules = found.rules(&key).iter().map(|rule| rule.place.as_ref().and_then(line).unwrap()).collect();
    (rules, found.policy(&key).and_then(line))
}

#[test]
fn places_follow_insertions_and_deletions() {
    let rules = "add table inet a
add chain inet a in { type filter hook input priority filter; policy accept; }
add rule inet a in tcp dport 2 drop
insert rule inet a in tcp dport 1 drop
add rule inet a in index 0 tcp dport 3 drop
flush chain inet a in
add rule inet a in tcp dport 4 drop
insert rule inet a in tcp dport 5 drop
table inet a {
 chain in {
  tcp dport { 6, 7 } \\
   drop
 }
}";
    assert_eq!(lines(rules, "in"), (vec![10, 9, 13], Some(4)));
}

#[test]
fn a_policy_is_where_it_was_last_set() {
    let rules = "table inet a {
 chain in { type filter hook input priority 0; policy accept; }
 chain out { type filter hook output priority 0; }
}
add chain inet a in { policy drop; }
delete chain inet a out
add chain inet a out { type filter hook output priority 0; policy drop; }";
    assert_eq!(lines(rules, "in").1, Some(7));
    assert_eq!(lines(rules, "out").1, Some(9));
}

#[test]
fn tables_can_be_made_anew() {
    let rules = "table inet a {
 chain in { type filter hook input priority 0; policy accept; tcp dport 1 drop; }
}
delete table inet a
table inet a {
 chain in { type filter hook input priority 0
  tcp dport 2 drop
 }
}";
    assert_eq!(lines(rules, "in"), (vec![9], Some(8)));
}
