//! A monitor: tells as lines what there is (`+`), what comes (`+`) and what goes (`-`).

use std::collections::HashMap;
use std::sync::Arc;

use nlink::netlink::nftables::{NftablesEvent, SetElementsEvent};
use nlink::netlink::resync::ConnectionFactory;
use nlink::netlink::resync_ext::ResyncStreamExt;
use nlink::netlink::{Connection, NetworkEvent, Nftables, Route};
use tokio_stream::StreamExt;

#[tokio::main]
async fn main() -> nlink::Result<()> {
    let routes: ConnectionFactory<Route> = Arc::new(|| Box::pin(async { Connection::<Route>::new() }));
    let firewall: ConnectionFactory<Nftables> =
        Arc::new(|| Box::pin(async { Connection::<Nftables>::new() }));
    // What went while events were lost is told as deleted.
    let network = Connection::<Route>::new()?;
    network.socket().set_rcvbuf(32 << 20)?;
    let network = network.into_events_with_resync(routes).await?.initial_snapshot(true);
    let mut network = network.with_gap_deltas(NetworkEvent::object_key);
    let ruleset = Connection::<Nftables>::new()?;
    ruleset.socket().set_rcvbuf(32 << 20)?;
    let ruleset = ruleset.into_events_with_resync(firewall).await?.initial_snapshot(true);
    let mut ruleset = ruleset.with_gap_deltas(NftablesEvent::object_key);

    let mut names = HashMap::new();
    let mut unlisted = 2;
    loop {
        let listed = tokio::select! {
            Some(item) = network.next() => {
                let item = item?;
                if let Some(event) = item.as_inner() {
                    tell_network(event, &mut names);
                }
                item.is_resync_end()
            }
            Some(item) = ruleset.next() => {
                let item = item?;
                if let Some(event) = item.as_inner() {
                    tell_ruleset(event);
                }
                item.is_resync_end()
            }
            else => return Ok(()),
        };
        if listed && unlisted > 0 {
            unlisted -= 1;
            if unlisted == 0 {
                println!("listed");
            }
        }
    }
}

fn tell_network(event: &NetworkEvent, names: &mut HashMap<u32, String>) {
    let sign = if event.is_del() { '-' } else { '+' };
    let name = |index: Option<u32>| index.and_then(|index| names.get(&index)).map_or("?", String::as_str);
    match event {
        NetworkEvent::NewLink(link) | NetworkEvent::DelLink(link) => {
            println!("{sign} link {}", link.name_or("?"));
            names.insert(link.ifindex(), link.name_or("?").to_owned());
        }
        NetworkEvent::NewAddress(address) | NetworkEvent::DelAddress(address) => {
            let Some(own) = address.primary_address() else { return };
            println!("{sign} address {own}/{} dev {}", address.prefix_len(), name(Some(address.ifindex())));
        }
        NetworkEvent::NewRoute(route) | NetworkEvent::DelRoute(route) => {
            let all = if route.is_ipv4() { "0.0.0.0" } else { "::" };
            let to = route.destination().map_or(all.to_owned(), ToString::to_string);
            let dev = route.oif().map_or(String::new(), |index| format!(" dev {}", name(Some(index))));
            println!("{sign} route {to}/{}{dev} table {}", route.dst_len(), route.table_id());
        }
        NetworkEvent::NewNeighbor(neighbour) | NetworkEvent::DelNeighbor(neighbour) => {
            let Some(address) = neighbour.destination() else { return };
            println!("{sign} neighbour {address} dev {}", name(Some(neighbour.ifindex())));
        }
        _ => {}
    }
}

fn tell_ruleset(event: &NftablesEvent) {
    match event {
        NftablesEvent::NewTable(table) => println!("+ table {} {}", table.family, table.name),
        NftablesEvent::DelTable(table) => println!("- table {} {}", table.family, table.name),
        NftablesEvent::NewChain(chain) => println!("+ chain {} {} {}", chain.family, chain.table, chain.name),
        NftablesEvent::DelChain(chain) => println!("- chain {} {} {}", chain.family, chain.table, chain.name),
        NftablesEvent::NewRule(rule) => {
            println!("+ rule {} {} {} {}", rule.family, rule.table, rule.chain, rule.handle);
        }
        NftablesEvent::DelRule(rule) => {
            println!("- rule {} {} {} {}", rule.family, rule.table, rule.chain, rule.handle);
        }
        NftablesEvent::NewSet(set) => println!("+ set {} {} {}", set.family, set.table, set.name),
        NftablesEvent::DelSet(set) => println!("- set {} {} {}", set.family, set.table, set.name),
        NftablesEvent::NewSetElements(added) => tell_elements('+', added),
        NftablesEvent::DelSetElements(deleted) => tell_elements('-', deleted),
        _ => {}
    }
}

fn tell_elements(sign: char, event: &SetElementsEvent) {
    for element in &event.elements {
        println!("{sign} element {} {} {} {:02x?}", event.family, event.table, event.set, element.key());
    }
}
