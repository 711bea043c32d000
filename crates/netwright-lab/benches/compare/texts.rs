//! Loading texts of other things than sets of addresses and rules, and the same by the builder. The floor is what the text becomes,
//! sent at once.

use std::net::Ipv4Addr;

use netwright::Net;
use netwright::nft::{Family, Map, Mark, Port, Set, Table, prefix};

use crate::floor::measure_text;
use crate::measure::{APART, Measured, input, measure, measure_program, measure_tool};
use crate::rules::{TYPED, port};
use crate::sets::address;
use crate::{Peer, Result, Workload};

/// Peers that load the same text, and one that builds the same.
macro_rules! workload {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $sizes:expr, $text:path $(, $typed:path)?) => {
        $(#[$doc])*
        pub(crate) const $constant: Workload = Workload {
            name: $name,
            sizes: &$sizes,
            peers: &[
                Peer { name: "floor", tool: None, run: |count| measure_text(&$text(count)) },
                $(Peer { name: TYPED, tool: None, run: $typed },)?
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
    INTERVALS, "interval-load", [10_000, 100_000], intervals, intervals_typed
}
workload! {
    /// Addresses with ports.
    PAIRS, "pair-load", [10_000, 100_000], pairs, pairs_typed
}
workload! {
    /// Addresses with marks.
    MAP, "map-load", [10_000, 100_000, 1_000_000], map, map_typed
}
workload! {
    /// Chains, and a map that leads into each.
    VERDICTS, "verdict-map-load", [1_000, 10_000], verdicts
}
workload! {
    /// A command for each element.
    ONE_BY_ONE, "one-by-one", [1_000, 10_000], one_by_one
}

/// A single rule: what is no work at all, by a program from its start to its end. The floor is a program that does nothing, and what
/// the kernel does with the rule.
pub(crate) const COLD: Workload = Workload {
    name: "cold-start",
    sizes: &[1],
    peers: &[
        Peer { name: "floor", tool: None, run: nothing_and_rule },
        Peer { name: "netwright, typed", tool: None, run: |_| typed_apart() },
        Peer { name: "netwright nft -f", tool: Some("netwright"), run: |_| rule_by("netwright") },
        Peer { name: "nft -f", tool: Some("nft"), run: |_| rule_by("nft") },
    ],
};

fn nothing_and_rule(count: usize) -> Result<Measured> {
    let (nothing, rule) = (measure_program("true", &[])?, crate::rules::floor(count)?);
    let (wall, processor) = (nothing.wall + rule.wall, nothing.processor + rule.processor);
    Ok(Measured { wall, processor, ..nothing })
}

/// By this program, which has all that is compared in it.
fn typed_apart() -> Result<Measured> {
    let own = std::env::current_exe()?;
    measure_program(own, &[APART, crate::rules::LOAD.name, TYPED, "1"])
}

fn rule_by(tool: &str) -> Result<Measured> {
    let file = crate::rules::file(1)?;
    match tool {
        "nft" => measure_tool(tool, &["-f", &file]),
        tool => measure_tool(tool, &["nft", "-f", &file]),
    }
}

fn network(index: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0100_0000 + 512 * index as u32)
}

fn intervals_typed(count: usize) -> Result<Measured> {
    let net = Net::open()?;
    let (measured, ()) = measure(|| {
        let mut batch = net.nft().batch();
        let table = batch.add(Table::new(Family::IPV4, "t"));
        let networks = (0..count).map(|index| prefix(network(index), 24));
        batch.add(Set::<Ipv4Addr>::new(&table, "s").intervals().elements(networks));
        batch.commit()?;
        Ok(())
    })?;
    Ok(measured)
}

fn pairs_typed(count: usize) -> Result<Measured> {
    let net = Net::open()?;
    let (measured, ()) = measure(|| {
        let mut batch = net.nft().batch();
        let table = batch.add(Table::new(Family::IPV4, "t"));
        let pairs = (0..count).map(|index| (address(index), Port(port(index))));
        batch.add(Set::<(Ipv4Addr, Port)>::new(&table, "s").elements(pairs));
        batch.commit()?;
        Ok(())
    })?;
    Ok(measured)
}

fn map_typed(count: usize) -> Result<Measured> {
    let net = Net::open()?;
    let (measured, ()) = measure(|| {
        let mut batch = net.nft().batch();
        let table = batch.add(Table::new(Family::IPV4, "t"));
        let pairs = (0..count).map(|index| (address(index), Mark(index as u32)));
        batch.add(Map::<Ipv4Addr, Mark>::new(&table, "s").elements(pairs));
        batch.commit()?;
        Ok(())
    })?;
    Ok(measured)
}

/// A table with a set or map.
fn table(kind: &str, properties: &str, elements: impl Iterator<Item = String>) -> String {
    let list = elements.collect::<Vec<_>>().join(",\n");
    format!("table ip t {{\n{kind} s {{\n{properties}\nelements = {{\n{list}\n}}\n}}\n}}\n")
}

pub(crate) fn intervals(count: usize) -> String {
    let text = |index| format!("{}/24", network(index));
    table("set", "type ipv4_addr; flags interval", (0..count).map(text))
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
