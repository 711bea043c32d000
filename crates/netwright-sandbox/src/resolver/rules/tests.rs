use std::net::IpAddr;

use crate::Policy;
use crate::resolver::NamePolicy;

fn covers(rule: &str, address: &str) -> bool {
    let policy = Policy { allow: vec![rule.parse().unwrap()], ..Policy::default() };
    NamePolicy::covers(&policy, address.parse::<IpAddr>().unwrap())
}

#[test]
fn rules_for_addresses_show_what_is_wanted() {
    assert!(covers("10.0.0.0/8:5432/tcp", "10.1.2.3"));
    assert!(!covers("10.0.0.0/8:5432/tcp", "192.168.1.1"));
    assert!(covers("192.168.1.7", "192.168.1.7"));
    assert!(covers("lan", "192.168.1.7"));
    assert!(covers("lan", "fd00::7"));
    assert!(!covers("lan", "169.254.169.254"));
    assert!(covers("any", "10.1.2.3"));
    assert!(!covers("any", "127.0.0.1"));
    assert!(!covers("any", "169.254.169.254"));
    assert!(covers("169.254.169.254:80", "169.254.169.254"));
    assert!(!covers("0.0.0.0/0", "169.254.169.254"));
    assert!(!covers("internet", "10.1.2.3"));
    assert!(!covers("host:5432", "127.0.0.1"));
    assert!(!covers("*.example.org", "10.1.2.3"));
}

#[test]
fn pings_and_name_servers_show_nothing() {
    assert!(!covers("icmp", "10.1.2.3"));
    assert!(!covers("any:53", "10.1.2.3"));
    assert!(!covers("10.0.0.0/8:53,853", "10.1.2.3"));
    assert!(covers("any:53,80", "10.1.2.3"));
}
