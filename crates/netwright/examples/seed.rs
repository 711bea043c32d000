//! A host's first minutes: an address, a way out, and a firewall that drops one source, written in each of three ways.
//!
//! Needs CAP_NET_ADMIN and an interface `eth0`; to try it without either:
//! `unshare -Urn sh -c 'ip link add eth0 type veth && cargo run --example seed'`.

use std::net::Ipv4Addr;

use netwright::nft::raw::{Base, EQ, R1, Verdict, cmp, payload, verdict};
use netwright::nft::{self, Chain, Family, Hook, Priority, RawRule, Rule, Table, ip};
use netwright::{Change, Net, Route};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let bad = Ipv4Addr::new(192, 168, 1, 53);

    let eth0 = net.links().get("eth0")?;
    net.addresses().add(&eth0, "192.168.1.10/24".parse()?)?;
    net.links().set(&eth0, Change::up())?;
    net.routes().add(Route::default_via("192.168.1.1".parse()?).dev(&eth0))?;

    let mut firewall = net.nft().batch();
    let table = firewall.add(Table::new(Family::IPV4, "myFilter"));
    let input = firewall.add(Chain::base(&table, "myChain", Hook::Input, Priority::FILTER));

    // Typed: a value that does not fit the field does not compile.
    firewall.add(Rule::in_chain(&input).eq(ip::SADDR, bad).counter().drop());

    // Instruction by instruction, for what has no words.
    let source = payload(Base::NETWORK, 12, 4).into(R1);
    firewall.add(RawRule::in_chain(&input, [source, cmp(R1, EQ, bad.octets()), verdict(Verdict::DROP)]));

    // Text, with values bound to its variables and not pasted into it.
    let text = nft::parse("add rule ip myFilter myChain ip saddr $bad counter drop")?;
    firewall.extend(text.bind("bad", bad)?)?;

    firewall.commit()?; // all of it or nothing
    print!("{}", net.nft().ruleset()?);
    Ok(())
}
