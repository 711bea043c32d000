//! Listing a little beside much, and links. The floor is the answer to just what is asked.

use netwright::Net;
use netwright_route::link::{Change, Create, Peer as VethPeer};
use netwright_sys::{Connection, Socket, protocol};
use netwright_wire::{MessageFlags, Writer};

use crate::floor::{measure_dump, measure_text};
use crate::lists::{GET_RULE, floor};
use crate::measure::{Measured, measure, measure_tool};
use crate::{Peer, Result, Workload, rules, sets, texts};

/// One chain of three rules in one table, many rules in another.
pub(crate) const CHAIN: Workload = Workload {
    name: "chain-beside-rules",
    sizes: &[10_000, 50_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |count| beside_rules(count).and_then(|()| few()) },
        Peer {
            name: "netwright nft list",
            tool: Some("netwright"),
            run: |count| {
                beside_rules(count)?;
                measure_tool("netwright", &["nft", "list", "chain", "ip", "one", "c"])
            },
        },
        Peer {
            name: "nft list",
            tool: Some("nft"),
            run: |count| {
                beside_rules(count)?;
                measure_tool("nft", &["list", "chain", "ip", "one", "c"])
            },
        },
    ],
};

/// One table with three rules, a large set in another.
pub(crate) const TABLE: Workload = Workload {
    name: "table-beside-set",
    sizes: &[10_000, 100_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |count| beside_set(count).and_then(|()| few()) },
        Peer {
            name: "netwright nft list",
            tool: Some("netwright"),
            run: |count| {
                beside_set(count)?;
                measure_tool("netwright", &["nft", "list", "table", "ip", "one"])
            },
        },
        Peer {
            name: "nft list",
            tool: Some("nft"),
            run: |count| {
                beside_set(count)?;
                measure_tool("nft", &["list", "table", "ip", "one"])
            },
        },
    ],
};

/// A ruleset without the elements of its large set.
pub(crate) const TERSE: Workload = Workload {
    name: "terse-list",
    sizes: &[10_000, 100_000],
    peers: &[
        Peer { name: "floor", tool: None, run: |count| intervals(count).and_then(|()| few()) },
        Peer {
            name: "netwright nft -t list",
            tool: Some("netwright"),
            run: |count| {
                intervals(count)?;
                measure_tool("netwright", &["nft", "-t", "list", "ruleset"])
            },
        },
        Peer {
            name: "nft -t list",
            tool: Some("nft"),
            run: |count| {
                intervals(count)?;
                measure_tool("nft", &["-t", "list", "ruleset"])
            },
        },
    ],
};

/// All links, of which there are so many.
pub(crate) const LINKS: Workload = Workload {
    name: "link-list",
    sizes: &[200, 2_000],
    peers: &[
        Peer { name: "floor", tool: None, run: links_floor },
        Peer { name: "netwright, collected", tool: None, run: links_collected },
        Peer {
            name: "netwright list links",
            tool: Some("netwright"),
            run: |count| {
                links(count)?;
                measure_tool("netwright", &["list", "links"])
            },
        },
        Peer {
            name: "ip link",
            tool: Some("ip"),
            run: |count| {
                links(count)?;
                measure_tool("ip", &["link"])
            },
        },
    ],
};

const GET_LINK: u16 = 18;
const ONE: &str = "table ip one { chain c { counter; counter; accept; }; }";

fn few() -> Result<Measured> {
    floor(GET_RULE, "one", "c", 100)
}

fn beside_rules(count: usize) -> Result<()> {
    rules::floor(count)?;
    measure_text(ONE).map(drop)
}

fn beside_set(count: usize) -> Result<()> {
    sets::floor(count, None)?;
    measure_text(ONE).map(drop)
}

fn intervals(count: usize) -> Result<()> {
    measure_text(&texts::intervals(count))?;
    measure_text(ONE).map(drop)
}

/// In pairs, of which there are half as many.
fn links(count: usize) -> Result<()> {
    let mut connection = Connection::open(protocol::ROUTE)?;
    for index in 0..count / 2 {
        let other = Change::rename(format!("b{index}"));
        connection.acknowledge(&Create::veth(&format!("a{index}"), VethPeer::new(&other)))?;
    }
    Ok(())
}

fn links_floor(count: usize) -> Result<Measured> {
    links(count)?;
    let mut writer = Writer::new();
    let mark = writer.begin_message(GET_LINK, MessageFlags::REQUEST | MessageFlags::DUMP, 1);
    writer.push(&[0; 16]);
    writer.end_message(mark);
    let (measured, bytes) = measure_dump(&Socket::open(protocol::ROUTE)?, writer.bytes())?;
    match bytes >= count * 500 {
        true => Ok(measured),
        false => Err(format!("{count} links in {bytes} bytes cannot be").into()),
    }
}

fn links_collected(count: usize) -> Result<Measured> {
    links(count)?;
    let net = Net::open()?;
    let (measured, found) = measure(|| Ok(net.links().list()?.len()))?;
    match found > count {
        true => Ok(measured),
        false => Err(format!("{found} links came, and there are {count} and more").into()),
    }
}
