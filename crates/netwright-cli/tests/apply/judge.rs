//! What there is in a namespace, as `ip`, `bridge`, `tc` and `nft` tell it.

use serde_json::Value;

use crate::support::sh;

/// What changes by itself, or is numbered anew.
const VOLATILE: &[&str] = &[
    "stats",
    "stats64",
    "operstate",
    "linkmode",
    "used",
    "updated",
    "confirmed",
    "refcnt",
    "probes",
    "valid_life_time",
    "preferred_life_time",
    "tentative",
    "dadfailed",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "message_age_timer",
    "forward_delay_timer",
    "hold_timer",
    "handle",
    "bytes",
    "packets",
    "expires",
    "carrier_changes",
    "metainfo",
    "promiscuity",
    "allmulti",
    "topology_change",
    "topology_change_detected",
    "config_pending",
    "topology_change_ack",
    "state_str",
    "root_path_cost",
    "root_port",
    "designated_port",
    "designated_cost",
    "root_id",
    "bridge_id",
    "designated_bridge",
    "designated_root",
    "id",
    "no",
    "age",
    "multicast_router_type",
    "timer",
    "tso_max_size",
    "tso_max_segs",
    "gso_max_size",
    "gso_max_segs",
    "qdisc",
    "cstamp",
    "tstamp",
    "stable-privacy",
    "kind_stats",
    "elasticity",
    "link_netnsid",
];

fn plain(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            // a port of a bridge forwards once its carrier is noticed, which comes late
            if let Some(Value::Object(port)) = map.get_mut("info_slave_data") {
                port.remove("state");
            }
            if let Some(Value::Array(flags)) = map.get_mut("flags") {
                let state = ["RUNNING", "LOWER_UP", "NO-CARRIER", "M-DOWN", "linkdown", "offload", "dead"];
                flags.retain(|flag| !flag.as_str().is_some_and(|flag| state.contains(&flag)));
            }
            map.values_mut().for_each(plain);
        }
        Value::Array(list) => list.iter_mut().for_each(plain),
        _ => {}
    }
}

fn lines(sort: &str, command: &str, keep: impl Fn(&Value) -> bool, found: &mut Vec<String>) {
    let text = sh(command);
    let mut json: Value = serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text })
        .unwrap_or_else(|error| panic!("{command}: {error}: {text}"));
    if let Some(list) = json.get_mut("nftables") {
        json = list.take();
    }
    for mut item in json.as_array().cloned().unwrap_or_default() {
        if !keep(&item) {
            continue;
        }
        // addresses one by one
        if let Some(Value::Array(addresses)) = item.get_mut("addr_info").map(Value::take) {
            let name = item["ifname"].clone();
            for mut address in addresses {
                let link_local = address["local"].as_str().is_some_and(|local| local.starts_with("fe80:"));
                if !link_local {
                    plain(&mut address);
                    found.push(format!("{sort} {name} {address}"));
                }
            }
            continue;
        }
        plain(&mut item);
        found.push(format!("{sort} {item}"));
    }
}

/// All that there is, in lines. Link-local addresses and what follows from them come and go with the carrier.
pub(crate) fn state() -> Vec<String> {
    let mut found = Vec::new();
    let all = |_: &Value| true;
    let not_local = |route: &Value| {
        let to = route["dst"].as_str().unwrap_or_default();
        !to.starts_with("fe80:")
            && !to.starts_with("ff00:")
            && !to.starts_with("multicast")
            && route["table"].as_str() != Some("local")
    };
    let set = |entry: &Value| {
        let states = entry["state"].as_array().cloned().unwrap_or_default();
        let fixed = states.iter().any(|state| state == "PERMANENT" || state == "NOARP");
        let address = entry["dst"].as_str().unwrap_or_default();
        fixed && !address.starts_with("ff") && !address.starts_with("224.") && !address.starts_with("239.")
    };
    let static_entry = |entry: &Value| {
        let mac = entry["mac"].as_str().unwrap_or_default();
        entry["state"] == "static" && !mac.starts_with("33:33") && !mac.starts_with("01:")
    };
    lines("link", "ip -d -j link", all, &mut found);
    lines("address", "ip -j addr", all, &mut found);
    lines("route", "ip -j route show table all", not_local, &mut found);
    lines("route6", "ip -6 -j route show table all", not_local, &mut found);
    lines("rule", "ip -j rule", all, &mut found);
    lines("rule6", "ip -6 -j rule", all, &mut found);
    lines("nexthop", "ip -j nexthop", all, &mut found);
    lines("neighbour", "ip -j neigh", set, &mut found);
    lines("proxy", "ip -j neigh show proxy", all, &mut found);
    // their state changes by itself
    let fresh = "ip -j neigh | sed 's/\"state\":[[][^]]*[]]/\"fresh\":1/g'";
    let kept = |entry: &Value| entry.get("extern_learn").or(entry.get("managed")).is_some();
    lines("fresh", fresh, kept, &mut found);
    lines("fdb", "bridge -j fdb", static_entry, &mut found);
    lines("vlan", "bridge -j vlan", all, &mut found);
    // a link that was up once has another default than one that never was
    let chosen = |qdisc: &Value| qdisc["kind"] != "noqueue" && qdisc["kind"] != "noop";
    lines("qdisc", "tc -j qdisc", chosen, &mut found);
    lines("nft", "nft -j list ruleset", all, &mut found);
    for setting in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
        found.push(format!("setting {setting} {}", sh(&format!("cat /proc/sys/{setting}")).trim()));
    }
    // by name: a folder in which links come and go meanwhile is not listed whole
    let links: Value = serde_json::from_str(&sh("ip -j link")).unwrap();
    let names = links.as_array().into_iter().flatten().filter_map(|link| link["ifname"].as_str());
    for name in names.chain(["default"]) {
        for file in
            ["ipv4/conf/*/forwarding", "ipv4/conf/*/rp_filter", "ipv6/conf/*/forwarding", "ipv6/conf/*/mtu"]
        {
            let file = file.replace('*', name);
            if let Ok(value) = std::fs::read_to_string(format!("/proc/sys/net/{file}")) {
                found.push(format!("setting {file}:{}", value.trim()));
            }
        }
    }
    found
}

/// The same without what is another each time that a link is made: its index, and its address where none is declared.
pub(crate) fn without_numbers(lines: &[String]) -> Vec<String> {
    let plain = |line: &String| match line.split_once(' ') {
        Some(("link", json)) => {
            let mut link: Value = serde_json::from_str(json).unwrap();
            for key in ["ifindex", "address"] {
                link.as_object_mut().unwrap().remove(key);
            }
            format!("link {link}")
        }
        _ => line.clone(),
    };
    lines.iter().map(plain).collect()
}

/// The lines that two states do not have in common, with signs.
pub(crate) fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let mut left: Vec<&String> = after.iter().collect();
    let mut found = Vec::new();
    for line in before {
        match left.iter().position(|other| *other == line) {
            Some(place) => {
                left.remove(place);
            }
            None => found.push(format!("- {line}")),
        }
    }
    found.extend(left.iter().map(|line| format!("+ {line}")));
    found.sort_by_key(|line| line.get(2..).unwrap_or_default().to_owned());
    shortened(found)
}

/// Of two objects beside each other that differ in little, that alone.
fn shortened(lines: Vec<String>) -> Vec<String> {
    let parts = |line: &str| -> Vec<String> {
        line.get(2..).unwrap_or_default().split(",\"").map(str::to_owned).collect()
    };
    let mut short = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let mut beside = [place.checked_sub(1), Some(place + 1)]
            .into_iter()
            .flatten()
            .filter_map(|place| lines.get(place));
        let near = beside.find(|other| {
            other.get(..60.min(other.len())).map(|start| &start[1..])
                == line.get(..60.min(line.len())).map(|start| &start[1..])
        });
        match near {
            Some(other) if line.len() > 200 => {
                let others = parts(other);
                let own: Vec<String> =
                    parts(line).into_iter().filter(|part| !others.contains(part)).collect();
                short.push(format!("{} … {}", line.get(..50).unwrap_or(line), own.join(" ")));
            }
            _ => short.push(line.clone()),
        }
    }
    short
}
