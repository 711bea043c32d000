#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::Address;

/// The quick way finds what looking at all finds.
#[test]
fn the_longest_prefix_is_found() {
    let texts =
        ["10.0.0.1/8", "10.1.0.1/16", "10.1.2.1/24", "10.1.2.129/25", "2001:db8::1/32", "2001:db8:1::1/64"];
    let link = |(number, text): (usize, &&str)| Link {
        name: format!("l{number}"),
        addresses: vec![Address { address: text.parse().unwrap(), prefix_route: true, ..Address::default() }],
        ..Link::default()
    };
    let host = Host { links: texts.iter().enumerate().map(link).collect(), ..Host::default() };
    let connected = Connected::of(&host);
    for address in [
        "10.9.9.9",
        "10.1.9.9",
        "10.1.2.9",
        "10.1.2.200",
        "10.1.2.129",
        "11.0.0.1",
        "2001:db8:1::9",
        "2001:db8:2::9",
        "2001:db9::1",
        "0.0.0.0",
        "::",
    ] {
        let address: IpAddr = address.parse().unwrap();
        let slowly = host.connected(address).map(|(link, _)| &link.name);
        assert_eq!(connected.networks.of(address).map(|link| &link.name), slowly, "{address}");
        assert_eq!(connected.own.contains(&address), host.has_address(address), "{address}");
    }
}
