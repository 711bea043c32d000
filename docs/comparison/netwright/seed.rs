//! An address, a default route, and a firewall that drops one source.

use std::net::Ipv4Addr;

use netwright::nft::{Chain, Family, Hook, Priority, Rule, Table, ip};
use netwright::{Change, Net, Route};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let eth0 = net.links().get("eth0")?;
    net.addresses().add(&eth0, "192.168.1.10/24".parse()?)?;
    net.links().set(&eth0, Change::up())?;
    net.routes().add(Route::default_via("192.168.1.1".parse()?).dev(&eth0))?;

    let mut firewall = net.nft().batch();
    let table = firewall.add(Table::new(Family::IPV4, "myFilter"));
    let input = firewall.add(Chain::base(&table, "myChain", Hook::Input, Priority::FILTER));
    firewall.add(Rule::in_chain(&input).eq(ip::SADDR, Ipv4Addr::new(192, 168, 1, 53)).counter().drop());
    firewall.commit()?;
    Ok(())
}
