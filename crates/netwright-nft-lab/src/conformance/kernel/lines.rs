//! Rules of a listing.

use std::collections::BTreeMap;

/// The rules of a listing by table (`family name`) and chain, a text for each.
pub(super) fn rules(listing: &str) -> BTreeMap<(String, String), Vec<String>> {
    let mut found = BTreeMap::<_, Vec<String>>::new();
    let (mut table, mut chain) = (String::new(), None::<String>);
    for line in listing.lines() {
        if let Some(name) = line.strip_prefix("table ") {
            table = name.trim_end_matches(" {").to_owned();
        } else if let Some(name) = line.strip_prefix("\tchain ") {
            chain = Some(name.trim_end_matches(" {").to_owned());
        } else if line == "\t}" {
            chain = None;
        } else if let (Some(chain), Some(rule)) = (&chain, line.strip_prefix("\t\t"))
            && !rule.starts_with("type ")
        {
            let rules = found.entry((table.clone(), chain.clone())).or_default();
            match (rule.starts_with(['\t', '}']), rules.last_mut()) {
                // The inside of a chain or set that is written in place.
                (true, Some(last)) => *last = format!("{last} {}", rule.trim()),
                _ => rules.push(rule.to_owned()),
            }
        }
    }
    found
}
