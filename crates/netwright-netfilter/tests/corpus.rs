//! The bytes that `nft` sends, out of `NETWRIGHT_SHARED`: read, printed and written back.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use netwright_netfilter::bytecode::{Form, SetLayout, bytecode, element, set_layout};
use netwright_netfilter::{ElementListAttrs, Family, Item, RuleAttrs, Set, SetAttrs};
use netwright_wire::Writer;
use serde_json::Value;

/// The records; `None`, said aloud, where they are absent.
fn records() -> Option<Vec<Value>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("NETWRIGHT_SHARED").map_or(beside, PathBuf::from);
    let path = shared.join("corpus/records.jsonl.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("did not run: {} is absent", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// What it is, and its bytes from the fixed head on.
type SentMessage = (String, Vec<u8>);

/// The messages of a record: the family's name, and kind and bytes of each.
fn messages(record: &Value) -> Vec<(String, Vec<SentMessage>)> {
    let Some(wire) = record["wire"].as_object() else { return Vec::new() };
    let message = |message: &Value| {
        let (kind, hex) = message.as_object().unwrap().iter().next().unwrap();
        (kind.clone(), bytes(hex.as_str().unwrap()))
    };
    wire.iter()
        .map(|(family, list)| (family.clone(), list.as_array().unwrap().iter().map(message).collect()))
        .collect()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn report(failures: &[String], total: usize) {
    for failure in failures.iter().take(40) {
        eprintln!("{failure}");
    }
    assert!(total > 500, "only {total} were compared");
    assert!(failures.is_empty(), "{} of {total} differ", failures.len());
}

#[test]
fn what_was_read_is_written_back_byte_for_byte() {
    let Some(records) = records() else { return };
    let (mut total, mut failures) = (0, Vec::new());
    for record in &records {
        for (kind, message) in messages(record).into_iter().flat_map(|(_, messages)| messages) {
            let (family, attributes) = (Family(message[0]), &message[4..]);
            let mut writer = Writer::new();
            match kind.as_str() {
                "newrule" => {
                    let attrs = RuleAttrs::read_attributes(attributes).unwrap();
                    netwright_netfilter::Rule::from_attributes(family, attrs)
                        .unwrap()
                        .write_definition(&mut writer);
                }
                "newset" => {
                    let attrs = SetAttrs::read_attributes(attributes).unwrap();
                    Set::from_attributes(family, attrs).unwrap().write_definition(&mut writer);
                }
                "newsetelem" => {
                    ElementListAttrs::read_attributes(attributes).unwrap().write_attributes(&mut writer)
                }
                other => panic!("{other}"),
            }
            total += 1;
            if writer.bytes() != attributes {
                failures.push(format!(
                    "{} {kind}\n  {attributes:02x?}\n  {:02x?}",
                    record["id"],
                    writer.bytes()
                ));
            }
        }
    }
    report(&failures, total);
}

#[test]
fn rules_are_printed_as_nft_prints_them() {
    let Some(records) = records() else { return };
    let (mut total, mut failures) = (0, Vec::new());
    for record in &records {
        for (family, messages) in messages(record) {
            for (form, key) in [(Form::Bytes, "payload"), (Form::Words, "payload_words")] {
                let Some(expected) = record[key].get(&family) else { continue };
                let rules = messages.iter().filter(|(kind, _)| kind == "newrule");
                let printed: Vec<String> = rules
                    .flat_map(|(_, bytes)| RuleAttrs::read_attributes(&bytes[4..]).unwrap().expressions)
                    .flat_map(|expressions| bytecode(&expressions, form))
                    .collect();
                total += 1;
                let expected = strings(&expected["exprs"]);
                if printed != expected {
                    failures.push(format!("{} {family}\n  {expected:?}\n  {printed:?}", record["id"]));
                }
            }
        }
    }
    report(&failures, total);
}

#[test]
fn elements_are_printed_as_nft_prints_them() {
    let Some(records) = records() else { return };
    let (mut total, mut failures) = (0, Vec::new());
    for record in &records {
        for (family, messages) in messages(record) {
            let of = |wanted: &'static str| {
                messages.iter().filter(move |(kind, _)| kind == wanted).map(|(_, bytes)| &bytes[4..])
            };
            let rule = of("newrule").next().map(|bytes| RuleAttrs::read_attributes(bytes).unwrap());
            let expressions = rule.and_then(|rule| rule.expressions).unwrap_or_default();
            let sets: Vec<Set> = of("newset")
                .map(|bytes| {
                    Set::from_attributes(Family::INET, SetAttrs::read_attributes(bytes).unwrap()).unwrap()
                })
                .collect();
            let lists: Vec<_> =
                of("newsetelem").map(|bytes| ElementListAttrs::read_attributes(bytes).unwrap()).collect();
            for (form, key) in [(Form::Bytes, "payload"), (Form::Words, "payload_words")] {
                let Some(expected) = record[key].get(&family) else { continue };
                // Records have blanks around elements here and there, or several of them in one string.
                let apart = |set: &Value| -> Vec<String> {
                    let lines = strings(&set["elements"]);
                    lines
                        .iter()
                        .flat_map(|line| line.split("    element "))
                        .map(|text| text.trim().to_owned())
                        .collect()
                };
                let expected = expected["sets"].as_array().unwrap().iter().map(apart);
                let mut printed = Vec::new();
                for set in &sets {
                    let layout = set_layout(&expressions, set).unwrap_or_default();
                    printed.push(texts(set, &lists, &layout, form));
                }
                total += 1;
                let sorted = |lists: Vec<Vec<String>>| -> BTreeMap<usize, Vec<String>> {
                    let sort = |mut list: Vec<String>| {
                        list.sort();
                        list
                    };
                    lists.into_iter().map(sort).enumerate().collect()
                };
                let (printed, expected) = (sorted(printed), sorted(expected.collect()));
                if printed != expected {
                    failures.push(format!("{} {family}\n  {expected:?}\n  {printed:?}", record["id"]));
                }
            }
        }
    }
    report(&failures, total);
}

fn texts(set: &Set, lists: &[ElementListAttrs], layout: &SetLayout, form: Form) -> Vec<String> {
    lists
        .iter()
        .filter(|list| list.set_id == set.id && list.set.as_ref() == Some(&set.name))
        .flat_map(|list| list.elements.iter().flat_map(|elements| &elements.0))
        .map(|each| element(each, layout, form).trim().to_owned())
        .collect()
}
