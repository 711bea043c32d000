//! What earlier packets leave behind, and what else can be said of a flow.

use netwright_lab::{Lab, Outcome, ensure, ensure_eq};

use crate::simulate;
use crate::{all_pass, decided, verdict};

pub(crate) fn rates_and_counts_are_reached(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table ip filter {
	set seen {
		type ipv4_addr
		flags dynamic,timeout
		timeout 1m
	}
	chain input {
		type filter hook input priority filter; policy drop;
		udp dport 53 limit rate 1/minute burst 3 packets accept
		tcp dport 80 ct state new ct count over 3 reject with tcp reset
		tcp dport 80 accept
		udp dport 7000 add @seen { ip saddr } accept
		tcp dport 22 ip saddr @seen accept
	}
}
'''

[[flow]]
name = "within the rate"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 53
times = 3

[[flow]]
name = "above the rate"
after = "within the rate"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 53
expect = "drop"

[[flow]]
name = "few connections"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 80
times = 3

[[flow]]
name = "unknown"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 22
expect = "drop"

[[flow]]
name = "knock"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 7000

[[flow]]
name = "known"
after = "knock"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 22
"#,
    )?;
    all_pass(&report)?;
    let report = simulate(
        r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table ip filter {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 80 ct state new ct count over 3 reject with tcp reset
	}
}
'''

[[flow]]
name = "many connections"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 80
times = 4
expect = "reject"
"#,
    )?;
    all_pass(&report)
}

pub(crate) fn places_follow_insertions(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
add table ip filter
add chain ip filter input { type filter hook input priority filter; policy accept; }
add rule ip filter input tcp dport 2 drop
insert rule ip filter input tcp dport 1 drop
add rule ip filter input index 0 tcp dport 3 drop
table ip filter {
	chain input {
		tcp dport { 4, 5 } \
			drop
	}
}
'''

[[flow]]
name = "1"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 1
expect = "drop"

[[flow]]
name = "2"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 2
expect = "drop"

[[flow]]
name = "3"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 3
expect = "drop"

[[flow]]
name = "4"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 4
expect = "drop"

[[flow]]
name = "6"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 6
"#,
    )?;
    all_pass(&report)?;
    for (name, line) in [("1", 9), ("2", 8), ("3", 10), ("4", 13), ("6", 7)] {
        ensure!(decided(&report, name)? == format!("host.toml:{line}"), "{report}");
    }
    Ok(())
}

pub(crate) fn every_icmp_type_can_be_sent(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
forwarding = true
link.wan.addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
link.lan.addresses = ["10.0.0.1/24", "2001:db8:2::1/64"]

[firewall]
rules = '''
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy accept;
		icmp type timestamp-request drop
		icmpv6 type 200 drop
	}
}
'''

[[flow]]
name = "timestamp"
from = "lan 10.0.0.9"
to = "192.0.2.9"
icmp = 13
expect = "drop"

[[flow]]
name = "information"
from = "lan 10.0.0.9"
to = "192.0.2.9"
icmp = 15
seen-from = "10.0.0.9"

[[flow]]
name = "private 200"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
icmp = 200
expect = "drop"

[[flow]]
name = "private 201"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
icmp = 201
seen-from = "2001:db8:2::9"
"#,
    )?;
    all_pass(&report)?;
    ensure_eq!(decided(&report, "timestamp")?, "host.toml:11");
    Ok(())
}

pub(crate) fn a_source_port_can_be_given(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table ip filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp sport 1023 accept
		udp sport 68 udp dport 67 accept
	}
}
'''

[[flow]]
name = "old shell"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 514
source-port = 1023
seen-from = "192.0.2.9:1023"
times = 3

[[flow]]
name = "dhcp"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 67
source-port = 68
times = 2

[[flow]]
name = "any port"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 67
expect = "drop"
"#,
    )?;
    all_pass(&report)?;
    ensure!(verdict(&report, "dhcp")?.seen_from.is_some_and(|from| from.port() == 68));
    Ok(())
}

/// The kernel knows about a thousand neighbours at once, over all namespaces, and does not answer more.
pub(crate) fn any_number_of_machines_sends_before(_: &mut Lab) -> Outcome {
    let senders: Vec<String> =
        (0..1200).map(|number| format!("\"lan 10.0.{}.{}\"", number / 200 + 1, number % 200 + 1)).collect();
    let senders = senders.join(", ");
    let text = format!(
        r#"
link.lan.addresses = ["10.0.0.1/16"]

[firewall]
rules = '''
table ip filter {{
	set seen {{ type ipv4_addr; size 65535; flags dynamic; }}
	chain input {{
		type filter hook input priority filter; policy drop;
		udp dport 7000 add @seen {{ ip saddr }} drop
		ip saddr @seen tcp dport 22 accept
	}}
}}
'''

[[flow]]
name = "all knock, and the last one comes in"
from = [{senders}]
to = "10.0.0.1"
steps = [{{ udp = 7000 }}, {{ from = "lan 10.0.1.1", tcp = 22 }}]
"#
    );
    all_pass(&simulate(&text)?)
}

/// Whatever remembers, and wherever it is: the next flow finds it as it was declared.
pub(crate) fn nothing_that_remembers_knows_of_another_flow(_: &mut Lab) -> Outcome {
    let head = r#"
link.wan.addresses = ["192.0.2.1/24"]
[firewall]
rules = '''
table ip f {
 limit once { rate 1/hour burst 1 packets; }
 quota few { 60 bytes; }
 set seen { type ipv4_addr; flags dynamic; size 65535; }
 set met { type ipv4_addr; flags dynamic,timeout; timeout 1h; size 100; }
 set held { type ipv4_addr; limit rate 1/hour burst 1 packets; elements = { 192.0.2.9 limit rate 1/hour burst 1 packets } }
 chain i {
  type filter hook input priority 0; policy drop;
  udp dport 1 limit rate 1/hour burst 1 packets accept
  udp dport 2 quota 60 bytes accept
  udp dport 3 numgen inc mod 2 0 accept
  udp dport 4 limit name "once" accept
  udp dport 5 quota name "few" accept
  udp dport 6 ip saddr @seen drop
  udp dport 6 add @seen { ip saddr } accept
  udp dport 7 jump {
   limit rate 1/hour burst 1 packets accept
  }
  udp dport 8 limit name udp dport map { 8 : "once" } accept
  udp dport 9 ip saddr @held accept
  udp dport 10 update @met { ip saddr limit rate 1/hour burst 1 packets } accept
 }
}
'''
"#;
    let mut text = head.to_owned();
    for (round, times, expect) in [(1, 1, "arrive"), (2, 2, "drop"), (3, 1, "arrive")] {
        for port in 1..=10 {
            text.push_str(&format!(
                "[[flow]]\nname = \"{port} for the {round}.\"\nfrom = \"wan 192.0.2.9\"\nto = \"192.0.2.1\"\nudp = {port}\ntimes = {times}\nexpect = \"{expect}\"\n"
            ));
        }
    }
    all_pass(&simulate(&text)?)
}

/// Each of many is a connection of its own, also when a sender has used all of its ports.
pub(crate) fn ports_that_are_used_again_are_of_new_connections(_: &mut Lab) -> Outcome {
    all_pass(&simulate(
        r#"
link.wan.addresses = ["203.0.113.2/24"]
[firewall]
rules = '''
table inet f {
 chain i {
  type filter hook input priority 0; policy drop;
  ct state established drop
  udp dport 53 limit rate over 1/day burst 66000 packets reject
  udp dport 53 accept
 }
}
'''
[[flow]]
name = "66,001"
from = "wan 203.0.113.9"
to = "203.0.113.2"
udp = 53
times = 66001
expect = "reject"
"#,
    )?)
}

/// Who comes again after a flow, or in a step, comes by another connection.
pub(crate) fn what_follows_is_another_connection(_: &mut Lab) -> Outcome {
    all_pass(&simulate(
        r#"
link.wan.addresses = ["203.0.113.2/24"]
[firewall]
rules = '''
table inet f {
 chain i {
  type filter hook input priority 0; policy drop;
  ct state established accept comment "old"
  ct state new tcp dport 22 ct count over 2 reject comment "third"
  meta l4proto { tcp, icmp } accept comment "new"
 }
}
'''
[[flow]]
name = "first"
from = "wan 203.0.113.9"
to = "203.0.113.2"
tcp = 22

[[flow]]
name = "second"
after = "first"
from = "wan 203.0.113.9"
to = "203.0.113.2"
tcp = 22
decided-by = "new"

[[flow]]
name = "third"
after = "second"
from = "wan 203.0.113.9"
to = "203.0.113.2"
tcp = 22
expect = "reject"
decided-by = "third"

[[flow]]
name = "in steps"
from = "wan 203.0.113.9"
to = "203.0.113.2"
steps = [{ tcp = 22, times = 2, expect = "accept" }, { tcp = 22, expect = "reject" }]
decided-by = "third"

[[flow]]
name = "ping"
from = "wan 203.0.113.9"
to = "203.0.113.2"
icmp = true

[[flow]]
name = "ping again"
after = "ping"
from = "wan 203.0.113.9"
to = "203.0.113.2"
icmp = true
decided-by = "new"
"#,
    )?)
}
