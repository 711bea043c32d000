//! The corpus of records, where it is there: it is read from `NETWRIGHT_SHARED`, or from `../shared` beside the
//! checkout.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use netwright_netfilter::{Element, ElementListAttrs, Expression, Family, Item, Rule, Set};
use netwright_nft::table::{DataType, Database, Names, PrintOptions};
use netwright_wire::{Big, Value as _};
use serde_json::Value;

/// Where the shared material is; says so where it is not.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("NETWRIGHT_SHARED").map_or(beside, PathBuf::from);
    if path.join("corpus").is_dir() {
        return Some(path);
    }
    println!("not run: there is no corpus in {}", path.display());
    None
}

/// All records.
pub(crate) fn records(shared: &Path) -> Vec<Value> {
    let output =
        Command::new("gzip").arg("-dc").arg(shared.join("corpus/records.jsonl.gz")).output().unwrap();
    assert!(output.status.success(), "gzip cannot read the records");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The bytes of a text of hexadecimal digits.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What the messages of a record make, with anonymous sets by names of their own.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) sets: Vec<(Set, Vec<Element>)>,
    pub(crate) rules: Vec<Rule>,
}

/// Reads the messages of a record for a family; `None` where bytes do not have their form.
pub(crate) fn sent(messages: &[(String, Vec<u8>)]) -> Option<Sent> {
    let mut sent = Sent::default();
    for (kind, message) in messages {
        let (family, attributes) = (Family(*message.first()?), message.get(4..)?);
        match kind.as_str() {
            "newset" => {
                let attributes = netwright_netfilter::SetAttrs::read::<Big>(attributes).ok()?;
                let mut set = Set::from_attributes(family, attributes).ok()?;
                set.name = unique(&set.name, set.id);
                sent.sets.push((set, Vec::new()));
            }
            "newsetelem" => {
                let list = ElementListAttrs::read::<Big>(attributes).ok()?;
                let name = unique(&list.set?, list.set_id);
                let elements = list.elements.unwrap_or_default().0;
                if let Some((_, content)) = sent.sets.iter_mut().find(|(set, _)| set.name == name) {
                    content.extend(elements);
                }
            }
            _ => {
                let attributes = netwright_netfilter::RuleAttrs::read::<Big>(attributes).ok()?;
                let mut rule = Rule::from_attributes(family, attributes).ok()?;
                rule.expressions.iter_mut().for_each(rename);
                sent.rules.push(rule);
            }
        }
    }
    Some(sent)
}

/// Anonymous sets share a pattern as their name; their number tells them apart.
fn unique(name: &str, id: Option<u32>) -> String {
    match id.filter(|_| name.contains('%')) {
        Some(id) => format!("{name}{id}"),
        None => name.to_owned(),
    }
}

fn rename(expression: &mut Expression) {
    match expression {
        Expression::Lookup(attrs) => {
            attrs.set = attrs.set.as_ref().map(|name| unique(name, attrs.set_id));
        }
        Expression::ObjectReference(attrs) => {
            attrs.set = attrs.set.as_ref().map(|name| unique(name, attrs.set_id).into());
        }
        _ => {}
    }
}

/// The messages of a record for a family.
pub(crate) fn messages(record: &Value, family: &str) -> Vec<(String, Vec<u8>)> {
    let list = record["wire"][family].as_array().into_iter().flatten();
    list.flat_map(|message| message.as_object().unwrap().iter())
        .map(|(kind, hex)| (kind.clone(), bytes(hex.as_str().unwrap())))
        .collect()
}

/// The family of a name.
pub(crate) fn family(name: &str) -> Family {
    [Family::INET, Family::IPV4, Family::ARP, Family::NETDEV, Family::BRIDGE, Family::IPV6]
        .into_iter()
        .find(|family| family.name() == Some(name))
        .unwrap()
}

/// The sets that a record's setup declares by `type`, as far as rules that refer to them need it.
pub(crate) fn declared(record: &Value, family: Family) -> Vec<(Set, Vec<Element>)> {
    let mut sets = Vec::new();
    for command in record["setup"].as_array().into_iter().flatten() {
        let text = command.as_str().unwrap();
        let mut words = text.split_whitespace();
        let (Some("add"), Some("set" | "map")) = (words.next(), words.next()) else { continue };
        let rest = text.split_once("{T}").unwrap().1.trim();
        let (name, body) = rest.split_once('{').unwrap();
        let Some(body) = body.trim().strip_prefix("type ") else { continue };
        let spec = body.split([';', '}']).next().unwrap().trim();
        let (key, data) = spec.split_once(" : ").map_or((spec, None), |(key, data)| (key, Some(data)));
        let types = |spec: &str| -> Vec<DataType> {
            spec.split(" . ").filter_map(|name| DataType::by_name(name.trim())).collect()
        };
        let length =
            |types: &[DataType]| -> u32 { types.iter().map(|t| t.bytes().next_multiple_of(4)).sum() };
        let number = |types: &[DataType]| types.iter().fold(0, |n, t| n << 6 | t.number());
        let key = types(key);
        let mut set = Set::new(family, "t", name.trim(), length(&key));
        set.key_type = Some(number(&key));
        if let Some(data) = data {
            let data = types(data);
            set.data_type = Some(number(&data));
            set.data_length = Some(length(&data));
        }
        sets.push((set, Vec::new()));
    }
    sets
}

/// The names of the host that the corpus was made on.
pub(crate) fn names() -> Names {
    let mut names = Names::new();
    names.insert(Database::Interfaces, "lo", 1);
    names.insert(Database::DeviceGroups, "default", 0);
    names.insert(Database::Realms, "cosmos", 0);
    names
}

/// The options of the corpus' listings: `-s -p`, in the zone UTC-2.
pub(crate) fn options() -> PrintOptions {
    PrintOptions { stateless: true, numeric_protocol: true, zone: 7200, ..Default::default() }
}
