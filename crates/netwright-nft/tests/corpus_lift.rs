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
                wrong.push(format!("{} {family}: {}\n  nft: {listing}\n  us:  {text}", record["id"], record["rule"]));
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
            let text = json::statements(corpus::family(family), &rule.statements, &options, &names).to_string();
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

fn report(what: &str, files: &BTreeMap<String, (usize, usize)>, wrong: &[String]) {
    for (file, (right, all)) in files.iter().filter(|(_, (right, all))| right < all) {
        println!("{file}: {right} of {all}");
    }
    let (right, all) = files.values().fold((0, 0), |(a, b), (right, all)| (a + right, b + all));
    for line in wrong {
        println!("{line}");
    }
    println!("{what}: {right} of {all} as nft");
    assert!(all > 0);
}
