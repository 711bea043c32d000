//! What a dump holds, to compare.

use std::collections::BTreeMap;

use netwright_netfilter::bytecode::{Form, bytecode, element, set_layout};
use netwright_nft::lift::Dump;

/// All that a dump holds as text, apart from names that the kernel gives and the order of what has none.
pub(crate) fn code(dump: &Dump) -> String {
    let mut rules: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for rule in &dump.rules {
        let place = format!("{} {} {}", rule.family, rule.table, nameless(&rule.chain));
        let lines = bytecode(&rule.expressions, Form::Bytes);
        rules.entry(place).or_default().extend(lines.iter().map(|line| nameless(line)));
    }
    let mut sets: Vec<String> = dump
        .sets
        .iter()
        .map(|(set, elements)| {
            let layout =
                dump.rules.iter().find_map(|rule| set_layout(&rule.expressions, set)).unwrap_or_default();
            let mut lines: Vec<String> =
                elements.iter().map(|one| nameless(element(one, &layout, Form::Bytes).trim())).collect();
            lines.sort();
            format!(
                "{} {} {} {:?} {:?} {:?} {:?} {:?} {lines:?}",
                set.family,
                set.table,
                nameless(&set.name),
                set.flags,
                set.key_type,
                set.data_type,
                set.timeout,
                set.description
            )
        })
        .collect();
    sets.sort();
    let mut objects: Vec<String> = dump.objects.iter().map(|one| format!("{one:?}")).collect();
    objects.sort();
    let chains: Vec<_> = dump.chains.iter().filter(|chain| !chain.name.starts_with("__")).collect();
    format!("{rules:#?}\n{sets:#?}\n{objects:#?}\n{:#?}\n{chains:#?}", dump.flowtables)
}

/// A line without the numbers of names that the kernel gives. The old keys for addresses of a connection are listed, and so
/// read again, as the new ones; they mean the same.
fn nameless(line: &str) -> String {
    let word = |word: &str| match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
        pattern if word.starts_with("__") => pattern.to_owned(),
        _ => match word {
            "src_ip" | "src_ip6" => "src".to_owned(),
            "dst_ip" | "dst_ip6" => "dst".to_owned(),
            other => other.to_owned(),
        },
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
