//! Each key of a flow does what it says, and without it something else becomes of the flow; each expectation fails where it is
//! false.

use std::fmt::Write as _;

use netwright_lab::{Lab, Outcome, ensure};

use crate::{all_pass, simulate};

const HOST: &str = r#"
forwarding = true
link.wan.addresses = ["203.0.113.2/24"]
link.lan.addresses = ["192.168.1.1/24"]
[[route]]
to = "default"
via = "203.0.113.1"
[firewall]
rules = '''
table netdev n {
 chain w { type filter hook ingress device "wan" priority 0; policy accept;
  vlan id 10 drop
  ip frag-off & 0x3fff != 0 drop
 }
}
table inet f {
 counter hits { }
 chain pre { type filter hook prerouting priority mangle; policy accept;
  udp dport 1010 meta mark set 7 ct mark set 9
  udp dport 1011 ip dscp set af11
 }
 chain i { type filter hook input priority filter; policy drop;
  udp dport 1001 ip ttl 7 accept
  udp dport 1002 ip dscp ef accept
  udp dport 1003 ether saddr 02:11:22:33:44:55 accept
  udp dport 1004 udp sport 68 accept
  udp dport 1005 @ih,0,32 0x68696969 accept
  tcp dport 1006 tcp flags & (fin | psh | urg) == fin | psh | urg accept
  udp dport 1007 counter name hits accept
  udp dport 1008 log prefix "heard " accept
  udp dport 1009 accept
  udp dport 1010 accept
 }
 chain thru { type filter hook forward priority filter; policy accept;
  iifname "wan" @ih,0,32 0x6e6f7065 drop
 }
 chain o { type filter hook output priority filter; policy accept;
  meta skuid 33 drop
  meta skgid 34 drop
 }
}
'''
"#;

/// What a key of a flow makes of it, and what becomes of it without.
const KEYS: [(&str, &str, &str, &str); 8] = [
    ("udp = 1001", "ttl = 7", "arrive", "drop"),
    ("udp = 1002", "dscp = \"ef\"", "arrive", "drop"),
    ("udp = 1003", "mac = \"02:11:22:33:44:55\"", "arrive", "drop"),
    ("udp = 1004", "source-port = 68", "arrive", "drop"),
    ("udp = 1005", "payload = \"hiii there\"", "arrive", "drop"),
    ("tcp = 1006", "flags = \"fin,psh,urg\"", "arrive", "drop"),
    ("udp = 1009", "vlan = [10]", "drop", "arrive"),
    ("udp = 1009\npayload = \"01234567890123456789012345678901\"", "fragment = 16", "drop", "arrive"),
];

/// What is true of a flow, and what is not.
const EXPECTATIONS: [(&str, &str, &str); 10] = [
    (
        "from = \"wan 203.0.113.9\"\nto = \"203.0.113.2\"\nudp = 1007",
        "counters = { hits = 1 }",
        "counters = { hits = 2 }",
    ),
    ("from = \"wan 203.0.113.9\"\nto = \"203.0.113.2\"\nudp = 1008", "log = \"heard \"", "log = \"seen \""),
    ("from = \"wan 203.0.113.9\"\nto = \"203.0.113.2\"\nudp = 1010", "mark = 7", "mark = 8"),
    ("from = \"wan 203.0.113.9\"\nto = \"203.0.113.2\"\nudp = 1010", "ct-mark = 9", "ct-mark = 8"),
    (
        "from = \"wan 203.0.113.9\"\nto = \"203.0.113.2\"\nudp = 1009",
        "ct-state = \"new\"",
        "ct-state = \"established\"",
    ),
    (
        "from = \"wan 203.0.113.9\"\nto = \"203.0.113.2\"\nudp = 1009",
        "decided-by = \"dport 1009\"",
        "decided-by = \"dport 1010\"",
    ),
    (
        "from = \"lan 192.168.1.9\"\nto = \"203.0.113.9\"\nudp = 1011",
        "arrives-with-dscp = \"af11\"",
        "arrives-with-dscp = \"ef\"",
    ),
    (
        "from = \"lan 192.168.1.9\"\nto = \"203.0.113.9\"\nudp = 1011",
        "leaves-by = \"wan\"",
        "leaves-by = \"lan\"",
    ),
    (
        "from = \"lan 192.168.1.9\"\nto = \"203.0.113.9\"\nudp = 1011",
        "seen-from = \"192.168.1.9\"",
        "seen-from = \"203.0.113.2\"",
    ),
    (
        "from = \"lan 192.168.1.9\"\nto = \"203.0.113.9\"\nudp = 1011",
        "arrives-at = \"203.0.113.9:1011\"",
        "arrives-at = \"203.0.113.9:1012\"",
    ),
];

/// A packet as it is sent, and its answer.
pub(crate) fn each_key_of_a_flow_makes_a_difference(_: &mut Lab) -> Outcome {
    let mut text = HOST.to_owned();
    let mut flow = |number: usize, ends: &str, key: &str, expect: &str| {
        let _ =
            writeln!(text, "[[flow]]\nname = \"{number} {expect}\"\n{ends}\n{key}\nexpect = \"{expect}\"");
    };
    for (number, (rest, key, with, without)) in KEYS.iter().enumerate() {
        let ends = format!("from = \"wan 203.0.113.9\"\nto = \"203.0.113.2\"\n{rest}");
        flow(number, &ends, key, with);
        flow(number, &ends, "", without);
    }
    let ends = "from = \"lan 192.168.1.9\"\nto = \"203.0.113.9\"\nudp = 9";
    flow(KEYS.len(), ends, "answer = \"nope, no\"", "arrive");
    flow(KEYS.len(), ends, "", "accept");
    all_pass(&simulate(&text)?)
}

pub(crate) fn each_expectation_of_a_flow_fails_where_it_is_false(_: &mut Lab) -> Outcome {
    let mut text = HOST.to_owned();
    for (number, (ends, right, wrong)) in EXPECTATIONS.iter().enumerate() {
        for (word, key) in [("right", right), ("wrong", wrong)] {
            let _ = writeln!(text, "[[flow]]\nname = \"{number} {word}\"\n{ends}\n{key}");
        }
    }
    let report = simulate(&text)?;
    for flow in &report.flows {
        ensure!(flow.passed() == flow.name.ends_with("right"), "{}\n{report}", flow.name);
        ensure!(flow.seen_word() == "accept", "{report}");
    }
    Ok(())
}

/// Who sends at the host: as root, since an ordinary user is nobody but itself.
pub(crate) fn the_host_sends_as_any_user_and_group(_: &mut Lab) -> Outcome {
    let map = std::fs::read_to_string("/proc/self/uid_map")?;
    if map
        .split_whitespace()
        .nth(2)
        .and_then(|count| count.parse::<u32>().ok())
        .is_none_or(|count| count < 100)
    {
        // refused by name, and nothing else sent in its place
        let report = simulate(&format!(
            "{HOST}[[flow]]\nname = \"other\"\nfrom = \"host\"\nto = \"203.0.113.9\"\nudp = 9\nuser = 33\nexpect = \"drop\"\n"
        ))?;
        ensure!(report.flows.iter().all(|flow| flow.seen_word() == "error"), "{report}");
        return Ok(());
    }
    let mut text = HOST.to_owned();
    for (key, expect) in
        [("user = 33", "drop"), ("group = 34", "drop"), ("user = 35", "arrive"), ("", "arrive")]
    {
        let _ = writeln!(
            text,
            "[[flow]]\nname = \"{key}\"\nfrom = \"host\"\nto = \"203.0.113.9\"\nudp = 9\n{key}\nexpect = \"{expect}\""
        );
    }
    all_pass(&simulate(&text)?)
}
