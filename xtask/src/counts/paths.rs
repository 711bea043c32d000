//! The main paths, with what is there before.

/// Which program.
#[derive(Clone, Copy, Debug)]
pub(super) enum Program {
    Command,
    Library,
}

/// A path: what is there before, as input for `nft` and `ip`, and what is done.
pub(super) struct Path {
    pub(super) name: &'static str,
    pub(super) program: Program,
    /// `FILE` is the path's input, `COUNT` the size.
    pub(super) words: &'static str,
    /// What it reads.
    pub(super) input: fn(usize) -> String,
    /// What is loaded before by `nft -f`.
    pub(super) ruleset: fn(usize) -> String,
    /// What is done before by `ip -batch`.
    pub(super) network: fn(usize) -> String,
    /// Whether it may grow by the size.
    pub(super) grows: bool,
}

const NOTHING: fn(usize) -> String = |_| String::new();

const fn command(name: &'static str, words: &'static str) -> Path {
    let (program, input, ruleset, network) = (Program::Command, NOTHING, NOTHING, NOTHING);
    Path { name, program, words, input, ruleset, network, grows: true }
}

const fn library(name: &'static str, words: &'static str) -> Path {
    Path { program: Program::Library, ..command(name, words) }
}

pub(super) const PATHS: &[Path] = &[
    Path { input: |_| rules(1), grows: false, ..command("cold", "nft -f FILE") },
    Path { input: set, ..command("load-set", "nft -f FILE") },
    Path { input: intervals, ..command("load-intervals", "nft -f FILE") },
    Path { input: pairs, ..command("load-pairs", "nft -f FILE") },
    Path { input: map, ..command("load-map", "nft -f FILE") },
    Path { input: single, ruleset: |_| set(0), ..command("load-one-by-one", "nft -f FILE") },
    Path { input: verdicts, ..command("load-verdict-map", "nft -f FILE") },
    Path { input: rules, ..command("load-rules", "nft -f FILE") },
    Path { input: rules, ..command("check-rules", "nft -c -f FILE") },
    Path { input: rules, ..command("optimize-rules", "nft -c -o -f FILE") },
    Path { input: host_file, ..command("check-rules-host-file", "check FILE") },
    Path { ruleset: rules, ..command("list-rules", "nft list ruleset") },
    Path { ruleset: rules, ..command("list-rules-json", "nft -j list ruleset") },
    Path { ruleset: set, ..command("list-set", "nft list ruleset") },
    Path { ruleset: intervals, ..command("list-intervals", "nft list ruleset") },
    Path { ruleset: map, ..command("list-map", "nft list ruleset") },
    Path {
        ruleset: beside_rules,
        grows: false,
        ..command("list-chain-beside-rules", "nft list chain ip one c")
    },
    Path { ruleset: beside_set, grows: false, ..command("list-table-beside-set", "nft list table ip one") },
    Path { ruleset: intervals, grows: false, ..command("list-terse", "nft -t list ruleset") },
    Path {
        ruleset: beside_rules,
        grows: false,
        ..command("add-rule-beside-rules", "nft add rule ip one c accept")
    },
    Path {
        ruleset: set,
        grows: false,
        ..command("add-element-beside-set", "nft add element ip t s { 192.0.2.1 }")
    },
    Path { network: routes, ..command("list-routes", "list routes") },
    Path { network: routes, ..command("list-routes-json", "list routes --json") },
    Path { network: links, ..command("list-links", "list links") },
    Path { network: addresses, ..command("list-addresses", "list addresses") },
    library("build-set", "set COUNT"),
    library("build-intervals", "intervals COUNT"),
    library("build-pairs", "pairs COUNT"),
    library("build-map", "map COUNT"),
    library("build-rules", "rules COUNT"),
    Path { ruleset: set, ..library("decode-set", "elements COUNT") },
    Path { ruleset: rules, ..library("decode-rules", "dump COUNT") },
    Path { network: |_| veth(), ..library("add-routes", "add-routes COUNT") },
    Path { network: routes, ..library("collect-routes", "routes COUNT") },
    Path { network: routes, ..library("each-route", "each-route COUNT") },
    Path { network: |_| veth(), ..library("add-addresses", "add-addresses COUNT") },
    Path { network: addresses, ..library("collect-addresses", "addresses COUNT") },
    Path { network: links, ..library("collect-links", "links COUNT") },
];

fn address(index: usize) -> String {
    std::net::Ipv4Addr::from(0x0a00_0000 + index as u32).to_string()
}

/// A table with a set or map of elements.
fn table(kind: &str, properties: &str, elements: impl Iterator<Item = String>) -> String {
    let list = elements.collect::<Vec<_>>().join(",\n");
    let list = if list.is_empty() { list } else { format!("elements = {{ {list} }}") };
    format!("table ip t {{\n{kind} s {{\n{properties}\n{list}\n}}\n}}\n")
}

fn set(count: usize) -> String {
    table("set", "type ipv4_addr", (0..count).map(address))
}

fn intervals(count: usize) -> String {
    let network = |index: usize| format!("{}/24", std::net::Ipv4Addr::from(0x0100_0000 + 512 * index as u32));
    table("set", "type ipv4_addr; flags interval", (0..count).map(network))
}

fn pairs(count: usize) -> String {
    let pair = |index: usize| format!("{} . {}", address(index), 1 + index % 60_000);
    table("set", "type ipv4_addr . inet_service", (0..count).map(pair))
}

fn map(count: usize) -> String {
    table("map", "type ipv4_addr : mark", (0..count).map(|index| format!("{} : {index}", address(index))))
}

fn single(count: usize) -> String {
    (0..count).map(|index| format!("add element ip t s {{ {} }}\n", address(index))).collect()
}

fn verdicts(count: usize) -> String {
    let mut text = "table ip t {\n".to_owned();
    (0..count).for_each(|index| text.push_str(&format!("chain c{index} {{ counter; }}\n")));
    let list: Vec<String> = (0..count).map(|index| format!("{} : jump c{index}", address(index))).collect();
    text + &format!("map s {{\ntype ipv4_addr : verdict\nelements = {{ {} }}\n}}\n}}\n", list.join(", "))
}

fn rules_in(table: &str, count: usize) -> String {
    let rule = |index: usize| {
        format!("ip saddr {} tcp dport {} counter accept\n", address(index), 1 + index % 60_000)
    };
    format!("table ip {table} {{\nchain c {{\n{}}}\n}}\n", (0..count).map(rule).collect::<String>())
}

fn rules(count: usize) -> String {
    rules_in("t", count)
}

fn host_file(count: usize) -> String {
    format!("[firewall]\nrules = \"\"\"\n{}\"\"\"\n", rules(count))
}

fn beside_rules(count: usize) -> String {
    rules_in("one", 3) + &rules(count)
}

fn beside_set(count: usize) -> String {
    rules_in("one", 3) + &set(count)
}

fn veth() -> String {
    "link add v0 type veth peer name v1\naddr add 172.31.0.1/24 dev v0\nlink set v0 up\nlink set v1 up\n"
        .to_owned()
}

fn routes(count: usize) -> String {
    let route = |index: usize| format!("route add {}/32 via 172.31.0.2 dev v0\n", address(index));
    veth() + &(0..count).map(route).collect::<String>()
}

fn addresses(count: usize) -> String {
    let add = |index: usize| format!("addr add {}/32 dev v0\n", address(index));
    veth() + &(0..count).map(add).collect::<String>()
}

/// In pairs, of which there are half as many.
fn links(count: usize) -> String {
    (0..count / 2).map(|index| format!("link add a{index} type veth peer name b{index}\n")).collect()
}
