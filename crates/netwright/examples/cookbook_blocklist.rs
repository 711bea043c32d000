//! # A blocklist that is kept in step
//!
//! Reads addresses from a file, one a line, and brings a set to them: what is new is added, what has gone is taken out, in one
//! transaction, so that nobody slips through between. The rule and its counter stay as they are.
//!
//!     nft add table inet blocklist
//!     nft add set inet blocklist bad '{ type ipv4_addr; }'
//!     nft add chain inet blocklist input '{ type filter hook input priority raw; }'
//!     nft add rule inet blocklist input ip saddr @bad counter drop comment '"blocklist"'
//!     nft add element inet blocklist bad { … };  nft delete element inet blocklist bad { … }

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use netwright::Net;
use netwright::nft::{Chain, Family, Hook, Priority, Rule, Set, Table, ip};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: blocklist FILE")?;
    let wanted: BTreeSet<Ipv4Addr> = std::fs::read_to_string(file)?
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()?;

    // what is there already stays as it is
    let net = Net::open()?;
    let mut batch = net.nft().batch();
    let table = batch.add(Table::new(Family::INET, "blocklist"));
    let bad = batch.add(Set::<Ipv4Addr>::new(&table, "bad"));
    let input = batch.add(Chain::base(&table, "input", Hook::Input, Priority::RAW));
    batch.commit()?;
    let rule = Rule::in_chain(&input).is_in(ip::SADDR, &bad).counter().drop().comment("blocklist");
    net.nft().ensure_rule(rule, |rule| rule.comment() == Some("blocklist"))?;

    let done = net.nft().replace_elements(&bad, wanted)?;
    println!("{} new, {} gone, {} in all", done.added, done.removed, done.added + done.kept);
    Ok(())
}
