//! Commands as JSON, for a table that has something of each kind: right, and almost.

use netwright_lab::random::Random;
use serde_json::{Map, Value, json};

/// A document of one to three commands.
pub(super) fn document(random: &mut Random) -> Value {
    let commands: Vec<Value> = (0..1 + random.below(3)).map(|_| command(random)).collect();
    json!({"nftables": commands})
}

fn command(random: &mut Random) -> Value {
    let verb = *random.pick(&[
        "add", "add", "add", "create", "insert", "replace", "delete", "delete", "destroy", "flush", "list",
        "reset", "rename",
    ]);
    let (kind, body) = object(random, verb);
    match random.below(12) {
        // Without a verb it is added.
        0 => json!({kind: body}),
        _ => json!({verb: {kind: body}}),
    }
}

/// What a command is about, and its members, some of which are missing or wrong.
fn object(random: &mut Random, verb: &str) -> (&'static str, Value) {
    let made = matches!(verb, "add" | "create" | "insert" | "replace");
    let kind = match verb {
        "insert" | "replace" if !random.one_in(6) => "rule",
        "rename" if !random.one_in(6) => "chain",
        "list" => *random.pick(&[
            "table",
            "tables",
            "chain",
            "chains",
            "set",
            "sets",
            "map",
            "maps",
            "rule",
            "rules",
            "counter",
            "counters",
            "quota",
            "quotas",
            "limit",
            "limits",
            "ruleset",
            "meters",
            "flowtables",
            "ct helpers",
        ]),
        // In JSON nft resets the quotas of all tables, whichever is named, and so those of other trials.
        "reset" => {
            *random.pick(&["counter", "counters", "quota", "rule", "rules", "set", "map", "element", "limit"])
        }
        "flush" => *random.pick(&["table", "chain", "set", "map", "meter", "ruleset", "counter"]),
        _ => *random.pick(&[
            "table",
            "chain",
            "rule",
            "rule",
            "rule",
            "set",
            "map",
            "element",
            "element",
            "counter",
            "quota",
            "limit",
            "ct helper",
        ]),
    };
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    put("family", json!("{F}"));
    if !matches!(kind, "table" | "ruleset") {
        put("table", json!("{N}"));
    }
    let name = *random.pick(&["base", "plain", "empty", "s", "i", "t", "n", "m", "v", "k", "q", "l", "new"]);
    match kind {
        "table" => put("name", json!("{N}")),
        "ruleset" => {}
        "rule" => {
            put("chain", json!(*random.pick(&["base", "plain", "empty", "missing"])));
            if made {
                put("expr", expressions(random));
                if random.one_in(4) {
                    put("comment", json!("why"));
                }
                if random.one_in(4) {
                    put("index", json!(random.below(4)));
                }
            }
            if !made || verb == "replace" || random.one_in(8) {
                put("handle", json!(*random.pick(&[0, 1, 15, 16, 17, 18, 19, 99])));
            }
        }
        "chain" => {
            put("name", json!(name));
            if made && random.one_in(2) {
                let (hook, priority) = (*random.pick(&["input", "output", "nowhere"]), random.below(9));
                put("type", json!(*random.pick(&["filter", "filter", "nat", "route"])));
                put("hook", json!(hook));
                put("prio", json!(priority));
                if random.one_in(2) {
                    put("policy", json!(*random.pick(&["accept", "drop", "continue"])));
                }
            }
            if verb == "rename" {
                put("newname", json!(*random.pick(&["renamed", "plain"])));
            }
        }
        "set" | "map" | "meter" => {
            put("name", json!(name));
            if made {
                put("type", set_type(random));
                if kind == "map" {
                    put("map", json!(*random.pick(&["mark", "verdict", "counter", "ipv4_addr"])));
                }
                if random.one_in(2) {
                    put("flags", json!([*random.pick(&["interval", "timeout", "dynamic", "constant", "x"])]));
                }
                if random.one_in(3) {
                    put("elem", elements(random, kind == "map"));
                }
                for member in ["timeout", "size", "gc-interval"] {
                    if random.one_in(5) {
                        put(member, json!(1 + random.below(90)));
                    }
                }
            }
        }
        "element" => {
            let map = random.one_in(3);
            put(
                "name",
                json!(if map { *random.pick(&["m", "v"]) } else { *random.pick(&["s", "i", "t", "n"]) }),
            );
            put("elem", elements(random, map));
        }
        "counter" => {
            put("name", json!(name));
            if random.one_in(2) {
                put("packets", json!(random.below(9)));
                put("bytes", json!(random.below(900)));
            }
        }
        "quota" => {
            put("name", json!(name));
            put("bytes", json!(random.below(9000)));
            put("inv", json!(random.one_in(2)));
        }
        "limit" => {
            put("name", json!(name));
            put("rate", json!(1 + random.below(90)));
            put("per", json!(*random.pick(&["second", "minute", "week", "day"])));
        }
        "ct helper" => {
            put("name", json!(name));
            put("type", json!("ftp"));
            put("protocol", json!(*random.pick(&["tcp", "udp", "icmp"])));
        }
        _ => {
            if random.one_in(2) {
                put("name", json!(name));
            }
        }
    }
    // Something that is needed is not there.
    if random.one_in(12) {
        let names: Vec<String> = members.keys().cloned().collect();
        drop(members.remove(random.pick(&names)));
    }
    (kind, Value::Object(members))
}

fn set_type(random: &mut Random) -> Value {
    match random.below(4) {
        0 => json!(["ipv4_addr", "inet_service"]),
        1 => json!("inet_service"),
        _ => json!("ipv4_addr"),
    }
}

fn elements(random: &mut Random, map: bool) -> Value {
    let element = |random: &mut Random| {
        let key = match random.below(7) {
            0 => json!(22),
            1 => json!({"range": [80, 90]}),
            2 => json!({"prefix": {"addr": "10.0.0.0", "len": 30}}),
            3 => json!({"elem": {"val": "10.0.0.7", "comment": "x"}}),
            4 => json!({"elem": {"val": "10.0.0.8", "timeout": 60}}),
            5 => json!({"concat": ["10.0.0.1", 22]}),
            _ => json!(*random.pick(&["10.0.0.1", "10.0.0.2", "10.0.0.9", "ssh", "x"])),
        };
        match map {
            true => json!([
                key,
                random.pick(&[
                    json!(1),
                    json!({"accept": null}),
                    json!("k"),
                    json!({"jump": {"target": "plain"}})
                ])
            ]),
            false => key,
        }
    };
    Value::Array((0..1 + random.below(2)).map(|_| element(random)).collect())
}

fn expressions(random: &mut Random) -> Value {
    let steps = [
        json!({"counter": null}),
        json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}}),
        json!({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}),
        json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["new", "established"]}}),
        json!({"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@v"}}),
        json!({"limit": {"rate": 5, "per": "second"}}),
        json!({"log": {"prefix": "x"}}),
        json!({"counter": "k"}),
        json!({"quota": "q"}),
        json!({"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@t"}}),
    ];
    let ends = [
        json!({"accept": null}),
        json!({"drop": null}),
        json!({"jump": {"target": "plain"}}),
        json!({"goto": {"target": "missing"}}),
        json!({"reject": null}),
    ];
    let mut all: Vec<Value> = (0..random.below(3)).map(|_| random.pick(&steps).clone()).collect();
    if random.one_in(2) {
        all.push(random.pick(&ends).clone());
    }
    Value::Array(all)
}
