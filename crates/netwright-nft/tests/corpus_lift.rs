//! What nft sent for each rule of the corpus is read and listed as nft lists it.

#![allow(clippy::unwrap_used)]

mod corpus;

use std::collections::BTreeMap;

use netwright_nft::{json, lift, print};

#[test]
fn rules_are_listed_as_nft_lists_them() {
    let Some(shared) = corpus::shared() else { return };
    let (names, options) = (corpus::names(), corpus::options());
    let mut files: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in corpus::records(&shared) {
        if record["kind"] != "rule" || record["expect"] != "ok" {
            continue;
        }
        for (family, listing) in record["listing_nft"].as_object().into_iter().flatten() {
            let Some(listing) = listing.as_str() else { continue };
            let sent = corpus::sent(&corpus::messages(&record, family)).unwrap();
            let declared = corpus::declared(&record, corpus::family(family));
            let mut scope = lift::Scope::default();
            for (set, elements) in declared.iter().chain(&sent.sets) {
                scope.add_set(set, elements);
            }
            let rule = lift::rule(sent.rules.first().unwrap(), &scope);
            let text = print::rule(&rule, &options, &names);
            let count = files.entry(record["file"].as_str().unwrap().to_owned()).or_default();
            count.1 += 1;
            if text == listing {
                count.0 += 1;
            } else {
                wrong.push(format!(
                    "{} {family}: {}\n  nft: {listing}\n  us:  {text}",
                    record["id"], record["rule"]
                ));
            }
        }
    }
    report("listings", &files, &wrong);
}

#[test]
fn rules_become_the_json_that_nft_lists() {
    let Some(shared) = corpus::shared() else { return };
    let (names, options) = (corpus::names(), corpus::options());
    let mut files: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in corpus::records(&shared) {
        let expected = &record["json_listing"];
        if record["kind"] != "rule" || record["expect"] != "ok" || expected.is_null() {
            continue;
        }
        for (family, listing) in record["listing_nft"].as_object().into_iter().flatten() {
            let sent = corpus::sent(&corpus::messages(&record, family)).unwrap();
            let declared = corpus::declared(&record, corpus::family(family));
            let mut scope = lift::Scope::default();
            for (set, elements) in declared.iter().chain(&sent.sets) {
                scope.add_set(set, elements);
            }
            let rule = lift::rule(sent.rules.first().unwrap(), &scope);
            let text =
                json::statements(corpus::family(family), &rule.statements, &options, &names).to_string();
            let ours: serde_json::Value = serde_json::from_str(&text).unwrap();
            let count = files.entry(record["file"].as_str().unwrap().to_owned()).or_default();
            count.1 += 1;
            if ours == *expected {
                count.0 += 1;
            } else {
                wrong.push(format!("{} {family}: {listing}\n  nft: {expected}\n  us:  {ours}", record["id"]));
            }
        }
    }
    report("JSON", &files, &wrong);
}

/// A generator of numbers (xorshift): the same ones in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Bytes that nobody sent are read and written all the same.
#[test]
fn hostile_messages_are_survived() {
    let Some(shared) = corpus::shared() else { return };
    let (names, options) = (corpus::names(), corpus::options());
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut read = 0;
    for record in corpus::records(&shared) {
        for family in record["wire"].as_object().into_iter().flatten().map(|(family, _)| family) {
            let mut messages = corpus::messages(&record, family);
            for (_, message) in &mut messages {
                for _ in 0..=numbers.below(4) {
                    let at = numbers.below(message.len());
                    if let Some(byte) = message.get_mut(at) {
                        *byte = numbers.below(256) as u8;
                    }
                }
            }
            let Some(sent) = corpus::sent(&messages) else { continue };
            let mut scope = lift::Scope::default();
            for (set, elements) in &sent.sets {
                scope.add_set(set, elements);
            }
            for rule in &sent.rules {
                let rule = lift::rule(rule, &scope);
                let text = print::rule(&rule, &options, &names);
                let _ =
                    json::statements(corpus::family(family), &rule.statements, &options, &names).to_string();
                read += usize::from(!text.is_empty());
            }
            for (set, elements) in &sent.sets {
                let _ = print::set(&lift::set(set, elements), &options, &names);
            }
        }
    }
    println!("{read} mutated rules were read");
    assert!(read > 0);
}

fn report(what: &str, files: &BTreeMap<String, (usize, usize)>, wrong: &[String]) {
    for (file, (right, all)) in files.iter().filter(|(_, (right, all))| right < all) {
        println!("{file}: {right} of {all}");
    }
    let (right, all) = files.values().fold((0, 0), |(a, b), (right, all)| (a + right, b + all));
    for line in wrong {
        println!("{line}");
    }
    println!("{what}: {right} of {all} as nft");
    assert!(all > 0 && right == all, "{what}: {right} of {all} as nft");
}
