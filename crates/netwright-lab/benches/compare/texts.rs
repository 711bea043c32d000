//! Loading texts of other things than sets of addresses and rules. The floor is what the text becomes, sent at once.

use crate::floor::measure_text;
use crate::measure::{Measured, input, measure_tool};
use crate::rules::port;
use crate::sets::address;
use crate::{Peer, Result, Workload};

/// Three peers that load the same text.
macro_rules! workload {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $sizes:expr, $big:expr, $text:path) => {
        $(#[$doc])*
        pub(crate) const $constant: Workload = Workload {
            name: $name,
            sizes: &$sizes,
            big: &$big,
            peers: &[
                Peer { name: "floor", tool: None, run: |count| measure_text(&$text(count)) },
                Peer {
                    name: "netwright nft -f",
                    tool: Some("netwright"),
                    run: |count| measure_tool("netwright", &["nft", "-f", &input(&$text(count))?]),
                },
                Peer {
                    name: "nft -f",
                    tool: Some("nft"),
                    run: |count| measure_tool("nft", &["-f", &input(&$text(count))?]),
                },
            ],
        };
    };
}

workload! {
    /// Networks of which no two touch.
    INTERVALS, "interval-load", [10_000, 100_000], [], intervals
}
workload! {
    /// Addresses with ports.
    PAIRS, "pair-load", [10_000, 100_000], [], pairs
}
workload! {
    /// Addresses with marks.
    MAP, "map-load", [10_000, 100_000], [1_000_000], map
}
workload! {
    /// Chains, and a map that leads into each.
    VERDICTS, "verdict-map-load", [1_000, 10_000], [], verdicts
}
workload! {
    /// A command for each element.
    ONE_BY_ONE, "one-by-one", [1_000, 10_000], [], one_by_one
}

/// A single rule: what is no work at all.
pub(crate) const COLD: Workload = Workload {
    name: "cold-start",
    sizes: &[1],
    big: &[],
    peers: &[
        Peer { name: "floor", tool: None, run: crate::rules::floor },
        Peer { name: "netwright, typed", tool: None, run: crate::rules::typed },
        Peer { name: "netwright nft -f", tool: Some("netwright"), run: |_| rule_by("netwright") },
        Peer { name: "nft -f", tool: Some("nft"), run: |_| rule_by("nft") },
    ],
};

fn rule_by(tool: &str) -> Result<Measured> {
    let file = crate::rules::file(1)?;
    match tool {
        "nft" => measure_tool(tool, &["-f", &file]),
        tool => measure_tool(tool, &["nft", "-f", &file]),
    }
}

/// A table with a set or map.
fn table(kind: &str, properties: &str, elements: impl Iterator<Item = String>) -> String {
    let list = elements.collect::<Vec<_>>().join(",\n");
    format!("table ip t {{\n{kind} s {{\n{properties}\nelements = {{\n{list}\n}}\n}}\n}}\n")
}

pub(crate) fn intervals(count: usize) -> String {
    let network = |index: usize| format!("{}/24", std::net::Ipv4Addr::from(0x0100_0000 + 512 * index as u32));
    table("set", "type ipv4_addr; flags interval", (0..count).map(network))
}

fn pairs(count: usize) -> String {
    let pair = |index| format!("{} . {}", address(index), port(index));
    table("set", "type ipv4_addr . inet_service", (0..count).map(pair))
}

fn map(count: usize) -> String {
    table("map", "type ipv4_addr : mark", (0..count).map(|index| format!("{} : {index}", address(index))))
}

fn verdicts(count: usize) -> String {
    let chains: String = (0..count).map(|index| format!("chain c{index} {{ counter; }}\n")).collect();
    let list: Vec<String> = (0..count).map(|index| format!("{} : jump c{index}", address(index))).collect();
    let list = list.join(",\n");
    format!("table ip t {{\n{chains}map s {{\ntype ipv4_addr : verdict\nelements = {{\n{list}\n}}\n}}\n}}\n")
}

fn one_by_one(count: usize) -> String {
    let add = |index| format!("add element ip t s {{ {} }}\n", address(index));
    "table ip t { set s { type ipv4_addr; }; }\n".to_owned() + &(0..count).map(add).collect::<String>()
}
