//! Keeps a set in step with a file of prefixes, one a line: it reads the file at the start and for each line of its input.

use std::io::stdin;
use std::net::Ipv4Addr;

use netwright::Net;
use netwright::nft::{Chain, Family, Hook, PrefixOf, Priority, Rule, Set, Table, ip, prefix};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let file = std::env::args().nth(1).ok_or("usage: blocklist FILE")?;
    let net = Net::open()?;

    // What is there already stays as it is.
    let mut batch = net.nft().batch();
    let table = batch.add(Table::new(Family::INET, "blocklist"));
    let bad = batch.add(Set::<Ipv4Addr>::new(&table, "bad").intervals());
    let input = batch.add(Chain::base(&table, "input", Hook::Input, Priority::RAW));
    batch.commit()?;
    let rule = Rule::in_chain(&input).is_in(ip::SADDR, &bad).counter().drop().comment("blocklist");
    net.nft().ensure_rule(rule, |rule| rule.comment() == Some("blocklist"))?;

    let mut lines = stdin().lines();
    loop {
        let done = read(&file).and_then(|wanted| Ok(net.nft().replace_elements(&bad, wanted)?));
        match done {
            Ok(done) => println!("{} new, {} gone", done.added, done.removed),
            Err(error) => println!("not changed: {error}"),
        }
        if lines.next().transpose()?.is_none() {
            return Ok(());
        }
    }
}

fn read(file: &str) -> Result<Vec<PrefixOf<Ipv4Addr>>, Failure> {
    let one = |line: &str| {
        let (address, length) = line.split_once('/').unwrap_or((line, "32"));
        Ok(prefix(address.parse()?, length.parse()?))
    };
    std::fs::read_to_string(file)?.lines().map(one).collect()
}
