#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::declared;

const RULES: &str = "table inet a {
 set admins { type ipv4_addr; flags interval; elements = { 198.51.100.20, 10.0.0.0/8, 192.0.2.5-192.0.2.7 } }
 map services { type inet_service : ipv4_addr; elements = { 443 : 192.168.1.10 } }
 chain in { type filter hook input priority 0; policy drop;
  ip saddr @admins tcp dport { 22, 8000-8080 } accept
  ip6 saddr 2001:db8::/32 udp sport 53 accept
  ip saddr . tcp dport { 172.16.0.1 . 25 } accept
  icmp type { echo-request, 13 } accept
  icmpv6 type nd-neighbor-solicit accept
  ip protocol gre accept
  tcp dport != 1024-65535 jump { ip daddr 203.0.113.9 drop; }
 }
}";

#[test]
fn what_is_named_is_found() {
    let (.., declared) = declared(RULES);
    let found = Constants::of(&declared);
    let intervals: Vec<String> =
        found.addresses.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    for interval in [
        "198.51.100.20-198.51.100.20",
        "10.0.0.0-10.255.255.255",
        "192.0.2.5-192.0.2.7",
        "192.168.1.10-192.168.1.10",
        "172.16.0.1-172.16.0.1",
        "203.0.113.9-203.0.113.9",
        "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert!(intervals.iter().any(|found| found == interval), "{interval} in {intervals:?}");
    }
    let ports: Vec<(u16, u16)> = found.ports.iter().copied().collect();
    assert_eq!(ports, [(22, 22), (25, 25), (53, 53), (443, 443), (1024, 65535), (8000, 8080)]);
    assert_eq!(found.source_ports.iter().copied().collect::<Vec<_>>(), [(53, 53)]);
    assert_eq!(found.icmp[0].iter().copied().collect::<Vec<_>>(), [8, 13]);
    assert_eq!(found.icmp[1].iter().copied().collect::<Vec<_>>(), [135]);
    assert!(found.protocols.contains(&47));
}

#[test]
fn bounds_have_neighbours() {
    let (.., declared) = declared(RULES);
    let found = Constants::of(&declared);
    let bounds: Vec<String> = found.address_bounds(true).iter().map(ToString::to_string).collect();
    for address in
        ["198.51.100.19", "198.51.100.20", "198.51.100.21", "9.255.255.255", "11.0.0.0", "192.0.2.8"]
    {
        assert!(bounds.iter().any(|found| found == address), "{address} in {bounds:?}");
    }
}
