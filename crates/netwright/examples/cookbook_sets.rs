//! # Sets, maps and timeouts
//!
//! A map says which verdict a port has, a set which addresses are banned and for how long. The kernel forgets an address when its time
//! is over; banning it is one element more, and no rule changes.
//!
//!     nft add table inet guard
//!     nft add set inet guard banned '{ type ipv4_addr; flags timeout; }'
//!     nft add map inet guard ports '{ type inet_service : verdict; elements = { 22 : accept, 23 : drop }; }'
//!     nft add chain inet guard input '{ type filter hook input priority filter; }'
//!     nft add rule inet guard input ip saddr @banned drop
//!     nft add rule inet guard input tcp dport vmap @ports
//!     nft add element inet guard banned { 192.0.2.2 timeout 1s }

use std::net::Ipv4Addr;

use netwright::Net;
use netwright::nft::{self, Chain, Family, Hook, Map, Port, Priority, Rule, Set, Table, Verdict, ip, tcp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let mut batch = net.nft().batch();
    let table = batch.add(Table::new(Family::INET, "guard"));
    let banned = batch.add(Set::<Ipv4Addr>::new(&table, "banned").timeouts());
    let ports = Map::<Port, Verdict>::new(&table, "ports");
    let ports = batch.add(ports.element(Port(22), Verdict::Accept).element(Port(23), Verdict::Drop));
    let input = batch.add(Chain::base(&table, "input", Hook::Input, Priority::FILTER));
    batch.add(Rule::in_chain(&input).is_in(ip::SADDR, &banned).drop());
    batch.add(Rule::in_chain(&input).vmap(tcp::DPORT, &ports));
    batch.commit()?;

    let bad: Ipv4Addr = "192.0.2.2".parse()?;
    let mut ban = net.nft().batch();
    ban.extend(nft::parse("add element inet guard banned { $bad timeout 1s }")?.bind("bad", bad)?)?;
    ban.commit()?;
    Ok(())
}
