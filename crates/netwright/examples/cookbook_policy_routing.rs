//! # Two uplinks: policy routing
//!
//! What is sent from an uplink's address leaves by that uplink, whatever the default route is; and what has the mark 2 leaves by the
//! second one. Each uplink has a routing table, and rules choose among them.
//!
//!     ip route add default via 192.0.2.2 dev eth0 table 101;       ip rule add from 192.0.2.1 table 101 priority 101
//!     ip route add default via 198.51.100.2 dev eth1 table 102;    ip rule add from 198.51.100.1 table 102 priority 102
//!     ip rule add fwmark 2 table 102 priority 90
//!     # and the same with the addresses of IPv6

use std::net::IpAddr;

use netwright::route::{Family, Table};
use netwright::{Net, PolicyRule, Prefix, Route};

/// The interface, the number of its table, and of each family the own address and the gateway.
struct Uplink(&'static str, u32, [[&'static str; 2]; 2]);

const UPLINKS: [Uplink; 2] = [
    Uplink("eth0", 101, [["192.0.2.1", "192.0.2.2"], ["2001:db8:1::1", "2001:db8:1::2"]]),
    Uplink("eth1", 102, [["198.51.100.1", "198.51.100.2"], ["2001:db8:2::1", "2001:db8:2::2"]]),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    for Uplink(name, number, ends) in UPLINKS {
        let link = net.links().get(name)?;
        for [source, gateway] in ends {
            let (source, gateway): (IpAddr, IpAddr) = (source.parse()?, gateway.parse()?);
            net.routes().ensure(Route::default_via(gateway).dev(&link).table(Table(number)))?;
            let rule = PolicyRule::lookup(Table(number)).from(Prefix::host(source));
            net.rules().ensure(rule.priority(number))?;
        }
    }
    for family in [Family::IPV4, Family::IPV6] {
        net.rules().ensure(PolicyRule::lookup(Table(102)).family(family).mark(2).priority(90))?;
    }
    Ok(())
}
