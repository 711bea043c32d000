use netwright_netfilter::Family;
use netwright_nft::json::statements;
use netwright_nft::table::{Names, PrintOptions};

use super::*;
use crate::testing::declared;

#[test]
fn what_is_not_varied_is_told_where_it_matters() {
    let (.., declared) = declared(
        "table inet a {
 chain in { type filter hook input priority 0; policy drop;
  ip saddr 192.0.2.0/24 ip dscp 8 ip ttl 64 tcp flags syn tcp dport 22 accept
  meta hour \"22:00\"-\"23:00\" tcp dport 23 accept
  meta hour \"08:00\"-\"09:00\" drop
  @th,16,16 80 accept
  @ih,0,32 0x6e657477 accept
  tcp option maxseg size 1-500 drop
  tcp option maxseg size 1400-1500 accept
  meta hour \"12:00\"-\"13:00\" counter
  numgen inc mod 2 vmap { 0 : accept, 1 : drop }
  socket mark 5 accept
 }
}",
    );
    // the others are taken to match
    let told = untried(&declared, &Sources::default());
    let about = ["numgen", "sockets"];
    assert_eq!(told.len(), about.len(), "{told:#?}");
    for (sentence, about) in told.iter().zip(about) {
        assert!(sentence.contains(about), "{about}: {told:#?}");
    }
}

#[test]
fn what_may_let_on_is_taken_to_do_so() {
    let rules = |input: &str| {
        let (.., declared) = declared(&format!(
            "table inet a {{ chain in {{ type filter hook input priority 0; policy drop;\n {input}\n}}\n}}"
        ));
        declared
    };
    let shown = |declared: &Declared| -> Vec<String> {
        let rules = declared.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
        let (options, names) = (PrintOptions::default(), Names::default());
        rules
            .map(|rule| format!("{:?}", statements(Family::INET, &rule.statements, &options, &names)))
            .collect()
    };
    for (input, open) in [
        ("meta hour \"22:00\"-\"23:00\" tcp dport 23 accept", "tcp dport 23 accept"),
        ("meta hour \"22:00\"-\"23:00\" tcp dport 23 drop", "continue"),
        ("tcp option maxseg size 500 accept", "meta l4proto tcp accept"),
        ("ip option rr exists udp dport 5 accept", "meta nfproto ipv4 udp dport 5 accept"),
        ("limit rate over 3/second accept", "accept"),
        ("jump { ip id 5 accept; }", "jump { meta nfproto ipv4 accept; }"),
    ] {
        let found = possible(&rules(input)).map(|possible| shown(&possible.ruleset));
        assert_eq!(found, Some(shown(&rules(open))), "{input}");
    }
    for input in ["tcp dport 22 accept", "limit rate 3/second accept", "socket mark 5 accept"] {
        assert!(possible(&rules(input)).is_none(), "{input}");
    }
}
