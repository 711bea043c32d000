use std::net::Ipv4Addr;

use super::*;

/// Nothing else than a name that `/etc/hosts` has can be looked up everywhere.
#[test]
fn the_loopback_address_has_a_name() {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let listed = hosts.lines().find_map(|line| line.strip_prefix("127.0.0.1")?.split_whitespace().next());
    match listed {
        Some(name) => assert_eq!(host_name(Ipv4Addr::LOCALHOST.into()).as_deref(), Some(name)),
        None => eprintln!("/etc/hosts does not name the loopback address"),
    }
}
