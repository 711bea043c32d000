//! Listing rules, and the elements of a set.

use std::time::Duration;

use netwright::Net;
use netwright_netfilter::{ChainRef, Family, SetRef};
use netwright_sys::{Socket, protocol};
use netwright_wire::{MessageFlags, Writer};

use crate::floor::{measure_dump, text};
use crate::measure::{Measured, measure, measure_tool};
use crate::{Peer, Result, Workload, rules, sets};

/// The rules of one chain.
pub(crate) const RULES: Workload = Workload {
    name: "rule-list",
    sizes: &[1_000, 10_000, 50_000],
    peers: &[
        Peer { name: "floor", tool: None, run: rules_floor },
        Peer { name: "netwright, decoded", tool: None, run: rules_decoded },
        Peer {
            name: "netwright nft list",
            tool: Some("netwright"),
            run: |count| rules_by(count, "netwright"),
        },
        Peer {
            name: "netwright nft -j list",
            tool: Some("netwright"),
            run: |count| {
                rules::floor(count)?;
                measure_tool("netwright", &["nft", "-j", "list", "ruleset"])
            },
        },
        Peer { name: "nft list", tool: Some("nft"), run: |count| rules_by(count, "nft") },
        Peer {
            name: "nft -j list",
            tool: Some("nft"),
            run: |count| {
                rules::floor(count)?;
                measure_tool("nft", &["-j", "list", "ruleset"])
            },
        },
    ],
};

/// A set of IPv4 addresses.
pub(crate) const ELEMENTS: Workload = Workload {
    name: "set-list",
    sizes: &[10_000, 100_000, 1_000_000],
    peers: &[
        Peer { name: "floor", tool: None, run: elements_floor },
        Peer { name: "netwright, decoded", tool: None, run: elements_decoded },
        Peer {
            name: "netwright nft list",
            tool: Some("netwright"),
            run: |count| elements_by(count, "netwright"),
        },
        Peer { name: "nft list", tool: Some("nft"), run: |count| elements_by(count, "nft") },
    ],
};

pub(crate) const GET_RULE: u16 = 7;
const GET_ELEMENTS: u16 = 13;
const NFTABLES: u16 = 10 << 8;
const IPV4: [u8; 4] = [2, 0, 0, 0];

/// The question for what is in a table, under the name of a chain or set.
pub(crate) fn floor(kind: u16, table: &str, name: &str, least: usize) -> Result<Measured> {
    let mut writer = Writer::new();
    let mark = writer.begin_message(NFTABLES | kind, MessageFlags::REQUEST | MessageFlags::DUMP, 1);
    writer.push(&IPV4);
    text(&mut writer, 1, table);
    text(&mut writer, 2, name);
    writer.end_message(mark);
    let (measured, bytes) = measure_dump(&Socket::open(protocol::NETFILTER)?, writer.bytes())?;
    match bytes >= least {
        true => Ok(measured),
        false => Err(format!("{bytes} bytes came, and there are more").into()),
    }
}

fn rules_floor(count: usize) -> Result<Measured> {
    rules::floor(count)?;
    floor(GET_RULE, "t", "c", count * 100)
}

/// Loads a set, and lets the kernel's table grow to its size, which it does for a while after a load. What is listed meanwhile costs
/// less and is not whole: a walk passes some elements over and meets others twice.
fn grown(count: usize) -> Result<()> {
    sets::floor(count, None)?;
    std::thread::sleep(Duration::from_millis(200) + Duration::from_micros(2) * u32::try_from(count)?);
    Ok(())
}

fn elements_floor(count: usize) -> Result<Measured> {
    grown(count)?;
    floor(GET_ELEMENTS, "t", "s", count * 16)
}

fn rules_decoded(count: usize) -> Result<Measured> {
    rules::floor(count)?;
    let net = Net::open()?;
    let chain = ChainRef::new(Family::IPV4, "t", "c");
    let (measured, found) = measure(|| Ok(net.nft().rules(chain)?))?;
    complete(measured, count, found.len())
}

fn elements_decoded(count: usize) -> Result<Measured> {
    grown(count)?;
    let net = Net::open()?;
    let (measured, found) = measure(|| Ok(net.nft().elements(SetRef::new(Family::IPV4, "t", "s"))?))?;
    complete(measured, count, found.len())
}

fn complete(measured: Measured, count: usize, found: usize) -> Result<Measured> {
    match found == count {
        true => Ok(measured),
        false => Err(format!("{found} came, and there are {count}").into()),
    }
}

fn rules_by(count: usize, tool: &str) -> Result<Measured> {
    rules::floor(count)?;
    list(tool)
}

fn elements_by(count: usize, tool: &str) -> Result<Measured> {
    grown(count)?;
    list(tool)
}

fn list(tool: &str) -> Result<Measured> {
    match tool {
        "nft" => measure_tool("nft", &["list", "ruleset"]),
        tool => measure_tool(tool, &["nft", "list", "ruleset"]),
    }
}
