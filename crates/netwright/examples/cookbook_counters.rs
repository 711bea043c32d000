//! # Counters, read and exported
//!
//! The counters of links, and of named objects of the firewall, as lines that a metrics collector reads.
//!
//!     ip -s -j link show
//!     nft list counters

use netwright::Net;
use netwright::netfilter::object::ObjectData;
use netwright::netfilter::request::List;
use netwright::netfilter::{Family, Object};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    for link in net.links().list()? {
        if let Some(counters) = link.statistics {
            println!("link_received_bytes{{link=\"{}\"}} {}", link.name, counters.received_bytes);
            println!("link_sent_bytes{{link=\"{}\"}} {}", link.name, counters.sent_bytes);
        }
    }
    for object in net.nft().list(List::<Object>::new(Family::UNSPECIFIED))? {
        if let ObjectData::Counter(counter) = &object.data {
            let packets = counter.packets.unwrap_or_default();
            println!("counter_packets{{table=\"{}\",name=\"{}\"}} {packets}", object.table, object.name);
        }
    }
    Ok(())
}
