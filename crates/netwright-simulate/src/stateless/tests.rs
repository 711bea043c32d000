#![allow(clippy::unwrap_used)]

use super::*;
use crate::firewall::all_statements;
use crate::testing::declared;

fn statements(declared: &Declared) -> Vec<usize> {
    let rules = declared.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    rules.map(|rule| all_statements(rule).len()).collect()
}

#[test]
fn what_asks_for_more_than_one_packet_never_matches() {
    let (_, _, found) = declared(
        "table inet t {
         set seen { type ipv4_addr; flags dynamic; timeout 1m; }
         chain c {
         type filter hook input priority 0; policy drop;
         tcp dport 22 limit rate over 5/minute drop
         tcp dport 22 limit rate 5/minute accept
         update @seen { ip saddr limit rate over 1/second } drop
         tcp dport 1 add @seen { ip saddr } accept
         ct count over 3 drop
         jump { tcp dport 23 limit rate 1/second accept; }
         }
         }",
    );
    let all = variants(&found);
    assert_eq!(all.len(), 1);
    // `limit rate 5/minute accept`, `tcp dport 1 … accept`, and the jump with what is in it
    assert_eq!(statements(all.first().unwrap()), [2, 2, 3]);
}

#[test]
fn sets_that_packets_add_to_are_also_tried_full() {
    let (_, _, found) = declared(
        "table inet t {
         set friends { type ipv4_addr; flags dynamic; timeout 1m; }
         chain c {
         type filter hook input priority 0; policy drop;
         tcp dport 7000 add @friends { ip saddr } drop
         ip saddr @friends tcp dport 22 accept
         ip saddr != @friends tcp dport 23 accept
         }
         }",
    );
    let all = variants(&found);
    assert_eq!(all.iter().map(statements).collect::<Vec<_>>(), [vec![2, 3, 3], vec![2, 2, 3]]);
}
