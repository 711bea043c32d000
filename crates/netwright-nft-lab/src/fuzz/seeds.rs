//! Inputs that mean something, for the fuzzers to start from.

use netwright_nft::catalog::Catalog;
use netwright_nft::ir::Command;

use super::language;
use crate::conformance::Memory;
use crate::conformance::language::batch;

const TEXTS: &[&str] = &[include_str!("router.nft"), include_str!("frames.nft"), include_str!("orders.nft")];

/// Rulesets and orders: each as a whole, and line by line.
pub(super) fn texts() -> Vec<Vec<u8>> {
    let lines = TEXTS.iter().flat_map(|text| text.lines()).map(str::trim);
    let rules = lines.filter(|line| line.contains(' ') && !line.ends_with('{') && !line.starts_with("type"));
    let alone = rules.map(|line| match line.split_whitespace().next() {
        Some("add" | "create" | "insert" | "replace" | "delete" | "destroy" | "set" | "map" | "define") => {
            line.to_owned()
        }
        _ => format!("add table inet t; add chain inet t c; add rule inet t c {line}"),
    });
    TEXTS.iter().map(|text| (*text).to_owned()).chain(alone).map(String::into_bytes).collect()
}

/// The messages that the texts become.
pub(super) fn batches() -> Vec<Vec<u8>> {
    texts().iter().filter_map(|text| messages(&String::from_utf8_lossy(text))).collect()
}

/// Files of an editor's lines.
pub(super) fn histories() -> Vec<Vec<u8>> {
    ["_HiStOrY_V2_\nlist\\040tables\nquit\n", "list\\040ruleset", "a\\134b\\303\\244\n\n\\9\n\\777x\n", ""]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// What the texts make, as JSON: a ruleset as it is listed, and rule by rule.
pub(super) fn json_texts() -> Vec<Vec<u8>> {
    let listed =
        texts().iter().filter_map(|text| json_text(&String::from_utf8_lossy(text))).collect::<Vec<_>>();
    listed
        .into_iter()
        .filter(|text| text.contains("\"table\"") || text.contains("\"rule\""))
        .map(String::into_bytes)
        .collect()
}

fn json_text(text: &str) -> Option<String> {
    let (mut commands, catalog) = language().compile(text, &Catalog::default()).ok()?;
    commands.retain(Command::is_change);
    let mut memory = Memory::default();
    let _ = memory.add(&mut batch(&commands, &catalog, 1).ok()?);
    let ruleset = netwright_nft::lift::ruleset(memory.dump());
    Some(netwright_nft::json::ruleset(&ruleset, &language().options, &language().names))
}

fn messages(text: &str) -> Option<Vec<u8>> {
    let (mut commands, catalog) = language().compile(text, &Catalog::default()).ok()?;
    commands.retain(Command::is_change);
    Some(batch(&commands, &catalog, 1).ok()?.finish().ok()?.to_vec())
}

/// Extensions: a struct of zeros and one of ones for each name that is known.
pub(super) fn extensions() -> Vec<Vec<u8>> {
    const MATCHES: &[&str] = &[
        "conntrack",
        "tcp",
        "udp",
        "multiport",
        "addrtype",
        "mark",
        "connmark",
        "limit",
        "icmp",
        "icmp6",
        "mac",
        "pkttype",
        "owner",
        "iprange",
        "connbytes",
        "statistic",
        "policy",
        "sctp",
        "dccp",
        "ip",
        "ip6",
        "vlan",
        "mark_m",
        "comment",
    ];
    const TARGETS: &[&str] = &[
        "MARK",
        "CONNMARK",
        "LOG",
        "NFLOG",
        "REJECT",
        "CT",
        "TCPMSS",
        "NFQUEUE",
        "SNAT",
        "DNAT",
        "MASQUERADE",
        "REDIRECT",
        "SYNPROXY",
        "TEE",
        "snat",
        "mark",
        "log",
        "nflog",
    ];
    let mut seeds = Vec::new();
    let matches = MATCHES.iter().map(|name| (0, name));
    for (kind, name) in matches.chain(TARGETS.iter().map(|name| (1, name))) {
        for (family, revision, fill) in (0..24).map(|number| (number % 3, number / 3 % 4, number / 12)) {
            let mut bytes = vec![family, kind, revision];
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.resize(bytes.len() + 320, fill);
            seeds.push(bytes);
        }
    }
    seeds
}

/// Files of names, each kind once.
pub(super) fn name_files() -> Vec<Vec<u8>> {
    ["tcp 6 TCP # six\n", "ssh 22/tcp # port\n", "0x10 mark\n200 net\n", "root:x:0:0:root:/root:/bin/sh\n"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
}
