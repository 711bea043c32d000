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
 }
}",
    );
    let told = untried(&declared, &Sources::default());
    let about = ["bytes by their place", "meta hour", "the header or option"];
    assert_eq!(told.len(), about.len(), "{told:#?}");
    for (sentence, about) in told.iter().zip(about) {
        assert!(sentence.contains(about), "{about}: {told:#?}");
    }
}
