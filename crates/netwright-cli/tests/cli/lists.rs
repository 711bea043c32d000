//! `netwright list`: what differs in the kernel differs in the lists.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{isolated, stdout};

const LINKS: &str = "ip link set lo up; ip link add br0 type bridge; ip link set br0 up
    ip address add 192.0.2.1/24 dev br0; ip address add 2001:db8::1/64 dev br0 nodad
    ip nexthop add id 7 via 192.0.2.9 dev br0";

/// The list, as text and as JSON, of what a batch for `ip` makes.
fn listed(topic: &str, batch: &str) -> (String, Vec<Value>) {
    let script = |json: &str| {
        format!(
            r#"set -e; {LINKS}
            ip -force -batch - <<-'END'
{batch}
END
            "$0" list {topic} {json}"#
        )
    };
    let json = serde_json::from_str(&stdout(&mut isolated(&script("--json")))).expect("JSON");
    (stdout(&mut isolated(&script(""))), json)
}

/// Makes one thing with each option, numbered by `number`, and looks that each is told otherwise than those with other options.
fn each_is_told(
    topic: &str,
    options: &[&str],
    line: impl Fn(usize, &str) -> String,
    number: impl Fn(usize) -> String,
    key: &str,
) {
    let batch: Vec<String> = options.iter().enumerate().map(|(at, option)| line(at, option)).collect();
    let (text, json) = listed(topic, &batch.join("\n"));
    let mut as_text: BTreeMap<String, &str> = BTreeMap::new();
    let mut as_json: BTreeMap<String, &str> = BTreeMap::new();
    for (at, option) in options.iter().enumerate() {
        let number = number(at);
        let row = text.lines().find(|row| row.split_whitespace().any(|word| word == number));
        let row = row.unwrap_or_else(|| panic!("{option} is not listed as {number}:\n{text}"));
        // columns tell what a value is
        let row = row.replacen(&number, &" ".repeat(number.len()), 1);
        if let Some(other) = as_text.insert(row.clone(), option) {
            panic!("`{other}` and `{option}` are both listed as: {row}");
        }
        let object = json.iter().find(|object| object[key].to_string().trim_matches('"') == number);
        let mut object = object.unwrap_or_else(|| panic!("{option} is not in JSON as {number}")).clone();
        object.as_object_mut().expect("an object").remove(key);
        if let Some(other) = as_json.insert(object.to_string(), option) {
            panic!("`{other}` and `{option}` are both in JSON as: {object}");
        }
    }
}

#[test]
fn each_condition_of_a_rule_is_told() {
    let options = [
        "lookup 5",
        "lookup 6",
        "from 10.0.0.0/8 lookup 5",
        "to 10.0.0.0/8 lookup 5",
        "not to 10.0.0.0/8 lookup 5",
        "iif br0 lookup 5",
        "oif br0 lookup 5",
        "iif none lookup 5",
        "fwmark 7 lookup 5",
        "fwmark 7/15 lookup 5",
        "tos 0x10 lookup 5",
        "uidrange 0-0 lookup 5",
        "ipproto udp lookup 5",
        "sport 7 lookup 5",
        "sport 7-8 lookup 5",
        "dport 7 lookup 5",
        "dport 7-8 lookup 5",
        "tun_id 88 lookup 5",
        "lookup 5 suppress_prefixlength 7",
        "lookup 5 suppress_ifgroup 7",
        "lookup 5 realms 2",
        "lookup 5 realms 1/2",
        "lookup 5 protocol 77",
        "l3mdev",
        "goto 30000",
        "goto 31000",
        "blackhole",
        "unreachable",
        "prohibit",
    ];
    let line = |at: usize, option: &str| format!("rule add pref {} {option}", 1000 + at);
    each_is_told("rules", &options, line, |at| (1000 + at).to_string(), "priority");
}

#[test]
fn each_option_of_a_route_is_told() {
    let options = [
        "dev br0",
        "via 192.0.2.7",
        "via 192.0.2.8",
        "via 192.0.2.7 dev br0 onlink",
        "via inet6 2001:db8::7 dev br0",
        "dev br0 src 192.0.2.1",
        "dev br0 metric 7",
        "dev br0 table 7",
        "dev br0 tos 0x10",
        "dev br0 proto 77",
        "dev br0 scope host",
        "dev br0 mtu 1300",
        "dev br0 mtu lock 1300",
        "dev br0 advmss 1300",
        "dev br0 window 1300",
        "dev br0 rtt 100ms",
        "dev br0 rttvar 100ms",
        "dev br0 rto_min 100ms",
        "dev br0 ssthresh 7",
        "dev br0 cwnd 7",
        "dev br0 initcwnd 7",
        "dev br0 initrwnd 7",
        "dev br0 hoplimit 7",
        "dev br0 reordering 7",
        "dev br0 features ecn",
        "dev br0 quickack 1",
        "dev br0 fastopen_no_cookie 1",
        "dev br0 congctl reno",
        "dev br0 realms 2",
        "dev br0 realms 1/2",
        "encap ip id 5 dst 192.0.2.4 dev br0",
        "encap ip id 6 dst 192.0.2.4 dev br0",
        "nhid 7",
        "nexthop via 192.0.2.7 nexthop via 192.0.2.8",
        "nexthop via 192.0.2.7 weight 2 nexthop via 192.0.2.8",
        "nexthop via 192.0.2.7 realms 3 nexthop via 192.0.2.8",
    ];
    let destination = |at: usize| format!("10.0.{at}.0/24");
    let line = |at: usize, option: &str| format!("route add {} {option}", destination(at));
    each_is_told("routes --all", &options, line, destination, "to");
    let kinds = ["blackhole", "unreachable", "prohibit", "throw", "local", "broadcast"];
    let line = |at: usize, kind: &str| {
        let dev = if matches!(kind, "local" | "broadcast") { " dev br0 table 9" } else { "" };
        format!("route add {kind} {}{dev}", destination(at))
    };
    each_is_told("routes --all", &kinds, line, destination, "to");
    let options = [
        "dev br0",
        "via 2001:db8::7",
        "dev br0 metric 7",
        "dev br0 table 7",
        "dev br0 proto 77",
        "dev br0 src 2001:db8::1",
        "dev br0 from 2001:db8:f::/48",
        "dev br0 mtu 1300",
        "dev br0 hoplimit 7",
        "dev br0 pref high",
        "dev br0 pref low",
        "dev br0 expires 1000",
        "encap ip6 id 5 dst 2001:db8::4 dev br0",
        "nexthop via 2001:db8::7 nexthop via 2001:db8::8",
    ];
    let destination = |at: usize| format!("2001:db8:{:x}::/48", at + 0x1000);
    let line = |at: usize, option: &str| format!("route add {} {option}", destination(at));
    each_is_told("routes --all", &options, line, destination, "to");
}

#[test]
fn each_option_of_a_neighbour_is_told() {
    let options = [
        "lladdr 02:00:00:00:00:01",
        "lladdr 02:00:00:00:00:02",
        "lladdr 02:00:00:00:00:01 router",
        "lladdr 02:00:00:00:00:01 extern_learn",
        "lladdr 02:00:00:00:00:01 nud noarp",
        "lladdr 02:00:00:00:00:01 nud stale",
        "lladdr 02:00:00:00:00:01 protocol 77",
    ];
    for place in ["192.0.2.", "2001:db8::"] {
        let address = |at: usize| format!("{place}{}", at + 20);
        let line = |at: usize, option: &str| format!("neigh add {} dev br0 {option}", address(at));
        // who made it is in JSON alone
        let text = &options[..options.len() - 1];
        each_is_told("neighbours --all", text, line, address, "address");
        let (_, json) = listed("neighbours --all", &line(0, options[options.len() - 1]));
        assert!(json.iter().any(|one| one["protocol"] == "77"), "{json:?}");
    }
}

#[test]
fn entries_of_bridges_are_told_as_such() {
    let script = r#"set -e
        "$0" monitor --json --timeout 60 forwarding links > "$2"/told & monitor=$!
        while ! grep -q probe "$2"/told; do ip link add probe type bridge; ip link delete probe; done
        ip link add br0 type bridge; ip link set br0 up
        while ! grep -q '"link":"br0"' "$2"/told; do :; done
        kill $monitor; cat "$2"/told"#;
    let place = std::env::temp_dir().join(format!("netwright-lists-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("a directory");
    let told = stdout(isolated(script).arg(&place));
    std::fs::remove_dir_all(&place).expect("the directory goes");
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let entries: Vec<&Value> = told.iter().filter(|event| event["kind"] == "forwarding").collect();
    assert!(!entries.is_empty() && told.iter().all(|event| event["kind"] != "neighbour"), "{told:?}");
    for entry in entries.iter().filter(|event| event["event"] == "added") {
        assert_eq!(entry["object"]["family"], "bridge", "{entry}");
    }
    assert!(entries.iter().any(|event| event["object"]["link"] == "br0"), "{entries:?}");
}

/// An ordinary user may follow all but the firewall, and is told so.
#[test]
fn what_the_firewall_needs_is_said() {
    for arguments in ["monitor --count 1", "monitor --count 1 firewall", "list firewall", "nft list ruleset"]
    {
        let user = "setpriv --bounding-set -net_admin --inh-caps -net_admin";
        let script = format!("{user} \"$0\" {arguments} 2>&1 && echo done || :");
        let said = stdout(&mut isolated(&script));
        assert!(said.contains("firewall") || said.contains("ruleset"), "{arguments}: {said}");
        assert!(said.contains("CAP_NET_ADMIN") && !said.contains("netlink group"), "{arguments}: {said}");
    }
}
