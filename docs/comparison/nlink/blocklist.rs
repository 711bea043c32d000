//! Keeps a set in step with a file of prefixes, one a line: it reads the file at the start and for each line of its input.

use std::collections::HashSet;
use std::io::stdin;

use nlink::netlink::nftables::config::{NftablesConfig, SetElementMode};
use nlink::netlink::nftables::{
    BaseChain, Family, FilterHook, PacketField, Priority, Set, SetElement, SetKeyType,
};
use nlink::netlink::{Connection, Nftables};

/// What fits into a message, and what into a transaction: its send buffer cannot be enlarged.
const PER_MESSAGE: usize = 500;
const PER_TRANSACTION: usize = 4;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let file = std::env::args().nth(1).ok_or("usage: blocklist FILE")?;
    let nft = Connection::<Nftables>::new()?;
    // A declaration with the elements would compare them too, but applies them as one message.
    let config = NftablesConfig::new().table("blocklist", Family::Inet, |table| {
        table
            .set("bad", |set| {
                set.key_type(SetKeyType::Ipv4Addr).interval().element_mode(SetElementMode::Ensure)
            })
            .chain("input", |chain| chain.base(BaseChain::filter(FilterHook::Input, Priority::Raw)))
            .rule_keyed("input", "blocklist", |rule| {
                rule.match_in_interval_set(PacketField::Ip4Saddr, "bad").counter().drop()
            })
    });
    config.diff(&nft).await?.apply(&nft).await?;

    let mut lines = stdin().lines();
    loop {
        match follow(&nft, &file).await {
            Ok((new, gone)) => println!("{new} new, {gone} gone"),
            Err(error) => println!("not changed: {error}"),
        }
        if lines.next().transpose()?.is_none() {
            return Ok(());
        }
    }
}

async fn follow(nft: &Connection<Nftables>, file: &str) -> Result<(usize, usize), Failure> {
    let wanted = read(file)?;
    let there = nft.list_set_elements("blocklist", "bad", Family::Inet).await?;
    let key = |element: &SetElement| {
        let first = element.key().to_vec();
        (element.key_end().map_or_else(|| first.clone(), <[u8]>::to_vec), first)
    };
    let (wanted_keys, there_keys): (HashSet<_>, HashSet<_>) =
        (wanted.iter().map(key).collect(), there.iter().map(key).collect());
    let new: Vec<_> = wanted.into_iter().filter(|element| !there_keys.contains(&key(element))).collect();
    let gone: Vec<_> = there.into_iter().filter(|element| !wanted_keys.contains(&key(element))).collect();

    let bad = Set::new("blocklist", "bad").family(Family::Inet).key_type(SetKeyType::Ipv4Addr).interval();
    let messages: Vec<_> = gone.chunks(PER_MESSAGE).collect();
    for messages in messages.chunks(PER_TRANSACTION) {
        let deleted = nft.transaction();
        let deleted = messages.iter().fold(deleted, |all, elements| all.del_set_elements(&bad, elements));
        deleted.commit(nft).await?;
    }
    let messages: Vec<_> = new.chunks(PER_MESSAGE).collect();
    for messages in messages.chunks(PER_TRANSACTION) {
        let added = nft.transaction();
        let added = messages.iter().fold(added, |all, elements| all.add_set_elements(&bad, elements));
        added.commit(nft).await?;
    }
    Ok((new.len(), gone.len()))
}

fn read(file: &str) -> Result<Vec<SetElement>, Failure> {
    let one = |line: &str| {
        let (address, length) = line.split_once('/').unwrap_or((line, "32"));
        Ok(SetElement::ipv4_prefix(address.parse()?, length.parse()?)?)
    };
    std::fs::read_to_string(file)?.lines().map(one).collect()
}
