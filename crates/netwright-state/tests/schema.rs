//! The JSON Schema and the reader agree.
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_nft::diagnostic::{Severity, SourceMap};
use netwright_state::{Format, read, schema};
use serde_json::{Map, Value as Json, json};

/// Whether a value fits a schema, for the words that ours uses; another word is a mistake in the schema.
fn fits(root: &Json, schema: &Json, value: &Json, seen: &mut Vec<String>) -> bool {
    let rules = schema.as_object().unwrap();
    let mut here = Vec::new();
    let all = |list: &Json, seen: &mut Vec<String>| -> Vec<bool> {
        list.as_array().unwrap().iter().map(|rule| fits(root, rule, value, seen)).collect()
    };
    let fine =
        rules.iter().filter(|(word, _)| *word != "unevaluatedProperties").all(|(word, rule)| {
            match word.as_str() {
                "$schema" | "$defs" | "title" | "description" | "examples" | "format" => true,
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    fits(root, &root["$defs"][name], value, &mut here)
                }
                "type" => match rule {
                    Json::Array(types) => types.iter().any(|rule| has_type(value, rule)),
                    rule => has_type(value, rule),
                },
                "const" => value == rule,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
                "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().unwrap()),
                "maxLength" => {
                    value.as_str().is_none_or(|text| text.chars().count() <= rule.as_u64().unwrap() as usize)
                }
                "pattern" => value.as_str().is_none_or(|text| !text.is_empty()),
                "required" => {
                    rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
                }
                "not" => !fits(root, rule, value, &mut Vec::new()),
                "anyOf" => all(rule, &mut here).contains(&true),
                "oneOf" => {
                    rule.as_array()
                        .unwrap()
                        .iter()
                        .filter(|rule| {
                            let mut keys = Vec::new();
                            let fine = fits(root, rule, value, &mut keys);
                            if fine {
                                here.append(&mut keys);
                            }
                            fine
                        })
                        .count()
                        == 1
                }
                "items" => value
                    .as_array()
                    .is_none_or(|items| items.iter().all(|item| fits(root, rule, item, &mut Vec::new()))),
                "propertyNames" => {
                    members(value).keys().all(|key| fits(root, rule, &json!(key), &mut Vec::new()))
                }
                "properties" => members(value).iter().all(|(key, member)| match rule.get(key) {
                    Some(rule) => {
                        here.push(key.clone());
                        fits(root, rule, member, &mut Vec::new())
                    }
                    None => true,
                }),
                "additionalProperties" => {
                    let known = rules.get("properties").map(members).unwrap_or_default();
                    let mut others = members(value).into_iter().filter(|(key, _)| !known.contains_key(key));
                    others.all(|(_, member)| {
                        *rule != json!(false) && fits(root, rule, &member, &mut Vec::new())
                    })
                }
                "minItems" => {
                    let least = rule.as_u64().unwrap();
                    value.as_array().is_none_or(|items| items.len() as u64 >= least)
                }
                word => panic!("the schema uses {word}"),
            }
        });
    let closed = rules.get("unevaluatedProperties") == Some(&json!(false));
    let fine = fine && (!closed || members(value).keys().all(|key| here.contains(key)));
    seen.append(&mut here);
    fine
}

fn members(value: &Json) -> Map<String, Json> {
    value.as_object().cloned().unwrap_or_default()
}

fn has_type(value: &Json, name: &Json) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        other => panic!("the schema uses the type {other}"),
    }
}

fn accepted_by_schema(value: &Json) -> bool {
    let schema = schema();
    fits(&schema, &schema, value, &mut Vec::new())
}

fn accepted_by_reader(value: &Json) -> bool {
    let mut sources = SourceMap::default();
    let text = value.to_string();
    let (_, diagnostics) = read(&mut sources, "x.json", &text, Format::Json, &mut |_| Ok(String::new()));
    !diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

fn link(link: Json) -> Json {
    json!({ "link": { "base": {}, "x": link } })
}

#[test]
fn both_take_what_is_right() {
    let right = [
        json!({}),
        json!({ "forwarding": { "ipv6": false } }),
        link(json!({ "addresses": ["192.0.2.1/24", { "address": "2001:db8::1/64", "scope": 0 }] })),
        link(json!({ "kind": "bridge", "ports": ["p"], "stp": true, "up": false })),
        link(json!({ "kind": "vlan", "parent": "base", "id": 1 })),
        link(json!({ "kind": "veth", "peer": "y", "ipv6": { "accept-ra": "always" } })),
        json!({ "route": [{ "to": "10.0.0.0/8", "type": "blackhole", "table": 7, "protocol": "static" }] }),
        json!({ "rule": [{ "priority": 1, "table": "main", "fwmark": 5, "source-port": "1-2" }] }),
        json!({ "neighbour": [{ "dev": "lo", "address": "192.0.2.1", "mac": "2:0:0:0:0:1" }] }),
        json!({ "flow": [{ "name": "x", "from": "host", "to": "192.0.2.9", "icmp": true, "expect": "drop" }] }),
    ];
    for value in right {
        assert!(accepted_by_reader(&value), "reader: {value}");
        assert!(accepted_by_schema(&value), "schema: {value}");
    }
}

#[test]
fn both_refuse_what_is_wrong() {
    let wrong = [
        json!([]),
        json!({ "links": {} }),
        json!({ "forwarding": 1 }),
        json!({ "link": { "a-name-that-is-too-long": {} } }),
        link(json!({ "mut": 5 })),
        link(json!({ "mtu": 5 })),
        link(json!({ "ports": [] })),
        link(json!({ "kind": "bridge", "parent": "base" })),
        link(json!({ "kind": "vlan", "id": 1 })),
        link(json!({ "kind": "vlan", "parent": "base", "id": 4095 })),
        link(json!({ "kind": "wormhole" })),
        link(json!({ "ipv4": { "arp-ignore": 9 } })),
        link(json!({ "addresses": [{ "peer": "192.0.2.1" }] })),
        json!({ "route": {} }),
        json!({ "route": [{ "dev": "lo" }] }),
        json!({ "route": [{ "to": "10.0.0.0/8", "dev": "lo", "table": 0 }] }),
        json!({ "route": [{ "to": "10.0.0.0/8", "dev": "lo", "type": "tunnel" }] }),
        json!({ "route": [{ "to": "10.0.0.0/8", "nexthops": [{ "dev": "lo", "weight": 257 }] }] }),
        json!({ "rule": [{ "table": 7 }] }),
        json!({ "flow": [{ "name": "x", "from": "host", "to": "192.0.2.9", "tcp": 0 }] }),
        json!({ "flow": [{ "name": "x", "from": "host", "to": "192.0.2.9", "icmp": false }] }),
        json!({ "firewall": { "include": "x.nft" } }),
    ];
    for value in wrong {
        assert!(!accepted_by_reader(&value), "reader: {value}");
        assert!(!accepted_by_schema(&value), "schema: {value}");
    }
}

#[test]
fn every_key_is_described() {
    fn walk(value: &Json, path: &str) {
        if let Some(properties) = value.get("properties") {
            for (key, schema) in members(properties) {
                let described =
                    schema.get("description").is_some_and(|text| text != "") || schema.get("const").is_some();
                assert!(described, "{path}.{key}");
            }
        }
        for (key, member) in members(value) {
            walk(&member, &format!("{path}.{key}"));
        }
    }
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    walk(&schema, "");
}
