//! Listings taken apart by table and by chain.

use std::collections::BTreeMap;

/// Texts by `table` and by `table/chain`.
pub(super) type Parts = BTreeMap<String, String>;

/// The parts of a listing.
pub(super) fn parts(listing: &str) -> Parts {
    let mut parts = Parts::new();
    let (mut table, mut chain) = (String::new(), None);
    for line in listing.lines() {
        if let Some(rest) = line.strip_prefix("table ") {
            table = rest.split_whitespace().nth(1).unwrap_or_default().to_owned();
        }
        if let Some(rest) = line.strip_prefix("\tchain ") {
            chain = rest.split_whitespace().next().map(|name| format!("{table}/{name}"));
        }
        for key in std::iter::once(&table).filter(|table| !table.is_empty()).chain(&chain) {
            let text = parts.entry(key.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
        match line {
            "\t}" => chain = None,
            "}" => table.clear(),
            _ => {}
        }
    }
    parts
}

/// Bytecode as it is printed: a line `family table chain` and its expressions for each rule. Sets without a name stand in their place.
pub(super) fn bytecode(printed: &str) -> Parts {
    let mut parts = Parts::new();
    let mut sets: BTreeMap<(String, String), String> = BTreeMap::new();
    let (mut table, mut chain, mut set) = (String::new(), String::new(), None);
    // Elements that were sent before their rule and have no number yet.
    let mut sent: Vec<String> = Vec::new();
    for line in printed.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            // A chain that was there before.
            [_, _, _, "use", ..] => {}
            ["family", _, name, of, ..] => set = Some(((*of).to_owned(), (*name).to_owned())),
            // What is in a set that is listed.
            [family, of, name] if is_family(family) && name.starts_with('@') => {
                set = Some(((*of).to_owned(), name[1..].to_owned()));
            }
            [family, of, name, ..] if !line.starts_with([' ', '\t']) && is_family(family) => {
                (table, chain) = ((*of).to_owned(), format!("{of}/{name}"));
                set = None;
                // The kernel counts chains without a name through all namespaces.
                let name = if name.starts_with("__chain") { "__chain" } else { name };
                add(&mut parts, &table, &chain, &format!("{family} {of} {name}"));
                for elements in sent.drain(..) {
                    add(&mut parts, &table, &chain, &elements);
                }
            }
            // A chain that has no name yet.
            [family, of] if !line.starts_with([' ', '\t']) && is_family(family) => {
                (table, chain) = ((*of).to_owned(), format!("{of}/"));
                set = None;
            }
            // The time goes on.
            ["[", "last", ..] => add(&mut parts, &table, &chain, "  [ last ]"),
            ["[", ..] if line.starts_with("  [") => {
                let line = in_place(line, &table, &sets);
                add(&mut parts, &table, &chain, &line);
            }
            _ if line.starts_with("\telement") => {
                let Some(key) = &set else { continue };
                let mut elements: Vec<&str> = line.split("\telement").map(str::trim).collect();
                let known = sets.remove(key).unwrap_or_default();
                // One on a line where they are listed, in whatever order the kernel has them.
                elements.extend(known.split(" ; "));
                elements.retain(|element| !element.is_empty());
                elements.sort_unstable();
                let elements: String = elements.iter().flat_map(|element| [" ; ", element]).collect();
                match key.1.ends_with("%d") {
                    true => sent.push(format!("elements{elements}")),
                    false => drop(sets.insert(key.clone(), elements)),
                }
            }
            _ => {}
        }
    }
    parts
}

fn add(parts: &mut Parts, table: &str, chain: &str, line: &str) {
    for key in [table, chain] {
        let text = parts.entry(key.to_owned()).or_default();
        text.push_str(line);
        text.push('\n');
    }
}

/// A line with what is in a set without a name instead of its number.
fn in_place(line: &str, table: &str, sets: &BTreeMap<(String, String), String>) -> String {
    let word = |word: &str| -> String {
        if !word.starts_with("__") {
            return word.to_owned();
        }
        match sets.get(&(table.to_owned(), word.to_owned())) {
            Some(elements) => format!("{{{elements} }}"),
            None if word.starts_with("__chain") => "__chain".to_owned(),
            None => "{ }".to_owned(),
        }
    };
    let words: Vec<String> = line.split(' ').map(word).collect();
    words.join(" ")
}

fn is_family(word: &str) -> bool {
    ["ip", "ip6", "inet", "arp", "bridge", "netdev"].contains(&word)
}

/// A listing without times as a program reads it again.
pub(super) fn readable(still: &str) -> String {
    still.replace("last used ", "last ").replace("expires ", "")
}

/// A listing with what stands in braces on one line in the order of the letters: several values of flags have the order that the kernel
/// has them in.
pub(super) fn sorted(text: &str) -> String {
    let line = |line: &str| -> String {
        let Some((before, rest)) = line.split_once("{ ") else { return line.to_owned() };
        let Some((inside, behind)) = rest.rsplit_once(" }") else { return line.to_owned() };
        let mut items: Vec<&str> = inside.split(", ").collect();
        items.sort_unstable();
        format!("{before}{{ {} }}{behind}", items.join(", "))
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

/// A listing without the times that run on while it is made.
pub(super) fn still(text: &str) -> String {
    let mut still = String::new();
    let mut words = text.split_inclusive([' ', '\n', ',']);
    let mut before = "";
    while let Some(word) = words.next() {
        still.push_str(word);
        if word == "expires " || (before.trim(), word) == ("last", "used ") {
            // What stands behind the time stays.
            let time = words.next().unwrap_or_default();
            still.push_str(time.trim_start_matches(|c: char| !c.is_whitespace() && c != ','));
        }
        before = word;
    }
    still
}
