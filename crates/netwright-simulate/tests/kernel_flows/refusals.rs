//! What does not arrive, and why.

use netwright_lab::{Lab, Outcome, ensure, ensure_eq};

use crate::simulate;
use crate::{all_pass, decided, flow, told};

pub(crate) fn each_kind_of_refusal_is_told_apart(_: &mut Lab) -> Outcome {
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
		tcp dport 1 reject with tcp reset
		tcp dport 2 reject with icmpx admin-prohibited
		udp dport 3 reject with icmp host-unreachable
		udp dport 3 reject with icmpv6 no-route
		icmp type echo-request ip daddr 192.0.2.7 reject
		icmpv6 type echo-request ip6 daddr 2001:db8:1::7 reject
		tcp dport 5 drop
	}
	chain raw {
		type filter hook prerouting priority raw; policy accept;
		tcp dport 6 drop
		tcp dport 7 jump refuse
	}
	chain refuse {
		ip saddr 10.0.0.0/8 reject with icmp net-prohibited
		drop
	}
}
'''

[[flow]]
name = "reset"
from = "lan 10.0.0.9"
to = "192.0.2.9"
tcp = 1
expect = "reject"

[[flow]]
name = "reset 6"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
tcp = 1
expect = "reject"

[[flow]]
name = "prohibited"
from = "lan 10.0.0.9"
to = "192.0.2.9"
tcp = 2
expect = "reject"

[[flow]]
name = "prohibited 6"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
tcp = 2
expect = "reject"

[[flow]]
name = "udp"
from = "lan 10.0.0.9"
to = "192.0.2.9"
udp = 3
expect = "reject"

[[flow]]
name = "udp 6"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
udp = 3
expect = "reject"

[[flow]]
name = "ping"
from = "lan 10.0.0.9"
to = "192.0.2.7"
icmp = true
expect = "reject"

[[flow]]
name = "ping 6"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::7"
icmp = true
expect = "reject"

[[flow]]
name = "forward"
from = "lan 10.0.0.9"
to = "192.0.2.9"
tcp = 5
expect = "drop"

[[flow]]
name = "raw"
from = "lan 10.0.0.9"
to = "192.0.2.9"
tcp = 6
expect = "drop"

[[flow]]
name = "jump"
from = "lan 10.0.0.9"
to = "192.0.2.9"
tcp = 7
expect = "reject"

[[flow]]
name = "jump 6"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
tcp = 7
expect = "drop"

[[flow]]
name = "open"
from = "lan 10.0.0.9"
to = "192.0.2.9"
tcp = 8

[[flow]]
name = "open 6"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
udp = 8
"#,
    )?;
    all_pass(&report)?;
    let told = |name: &str| told(&report, name);
    ensure!(told("reset")?.contains("TCP reset"), "{report:?}");
    ensure!(told("prohibited")?.contains("administratively prohibited from 10.0.0.1"), "{report:?}");
    ensure!(told("udp 6")?.contains("no route from 2001:db8:2::1"), "{report:?}");
    ensure!(told("ping")?.contains("port unreachable"), "{report:?}");
    let lines: Vec<String> = report.flows.iter().map(|flow| flow.decided()).collect();
    let numbers = [11, 11, 12, 12, 13, 14, 15, 16, 17, 21, 25, 26, 10, 10];
    ensure_eq!(lines, numbers.map(|number| format!("host.toml:{number}")));
    Ok(())
}

pub(crate) fn routes_refuse(_: &mut Lab) -> Outcome {
    let mut text = r#"
forwarding = true
link.wan.addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
link.lan.addresses = ["10.0.0.1/24", "2001:db8:2::1/64"]

[[route]]
to = "198.51.100.0/25"
type = "blackhole"

[[route]]
to = "198.51.100.128/25"
type = "unreachable"

[[route]]
to = "203.0.113.0/24"
type = "prohibit"

[[route]]
to = "2001:db8:b::/48"
type = "blackhole"

[[route]]
to = "2001:db8:c::/48"
type = "unreachable"
"#
    .to_owned();
    for (number, (from, to, expect)) in [
        ("lan 10.0.0.9", "198.51.100.1", "drop"),
        ("lan 10.0.0.9", "198.51.100.200", "reject"),
        ("lan 10.0.0.9", "203.0.113.9", "reject"),
        ("lan 10.0.0.9", "203.0.114.1", "reject"), // no route at all
        ("lan 2001:db8:2::9", "2001:db8:b::1", "drop"),
        ("lan 2001:db8:2::9", "2001:db8:c::1", "reject"),
        ("host", "198.51.100.1", "drop"),
        ("host", "198.51.100.200", "reject"),
        ("host", "203.0.113.9", "reject"),
        ("host", "203.0.114.1", "reject"),
    ]
    .into_iter()
    .enumerate()
    {
        for probe in ["tcp = 80", "udp = 53", "icmp = true"] {
            text.push_str(&format!(
                "\n[[flow]]\nname = \"{number} {probe}\"\nfrom = \"{from}\"\nto = \"{to}\"\n{probe}\nexpect = \"{expect}\"\n"
            ));
        }
    }
    let report = simulate(&text)?;
    all_pass(&report)?;
    for (flow, place) in [
        ("0 tcp = 80", "host.toml:6"),
        ("1 udp = 53", "host.toml:10"),
        ("4 icmp = true", "host.toml:18"),
        ("8 tcp = 80", "host.toml:14"),
    ] {
        ensure!(decided(&report, flow)? == place, "{report}");
    }
    Ok(())
}

pub(crate) fn the_way_back_can_be_shut(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table ip filter {
	chain output {
		type filter hook output priority filter; policy accept;
		tcp sport 80 drop
		udp sport 53 drop
		icmp type { echo-reply, destination-unreachable } drop
	}
	chain input {
		type filter hook input priority filter; policy accept;
		udp dport 99 reject
	}
}
'''

[[flow]]
name = "tcp"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 80
expect = "arrive"
answer = "yes"

[[flow]]
name = "udp"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 53
expect = "arrive"
answer = "yes"

[[flow]]
name = "icmp"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
icmp = true
expect = "arrive"
answer = "yes"

[[flow]]
name = "refusal"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 99
expect = "drop"
"#,
    )?;
    all_pass(&report)?;
    // nothing in the input chain would have dropped them
    for (name, line) in [("tcp", 14), ("udp", 14), ("icmp", 14), ("refusal", 15)] {
        ensure!(decided(&report, name)? == format!("host.toml:{line}"), "{report}");
    }
    for (name, line) in [("tcp", 9), ("udp", 10), ("icmp", 11), ("refusal", 11)] {
        ensure!(
            told(&report, name)?.contains(&format!("dropped on its way back by host.toml:{line}"))
                || name == "refusal",
            "{report}"
        );
    }
    ensure!(told(&report, "tcp")?.contains("answer was dropped"));
    ensure!(told(&report, "refusal")?.contains("did not come back"));
    Ok(())
}

pub(crate) fn a_host_that_does_not_forward_drops(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.wan.addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
link.lan.addresses = ["10.0.0.1/24", "2001:db8:2::1/64"]

[[flow]]
name = "4"
from = "lan 10.0.0.9"
to = "192.0.2.9"
tcp = 80
expect = "drop"

[[flow]]
name = "6"
from = "lan 2001:db8:2::9"
to = "2001:db8:1::9"
tcp = 80
expect = "drop"
"#,
    )?;
    all_pass(&report)?;
    for name in ["4", "6"] {
        let details = told(&report, name)?;
        ensure!(details.contains("forward"), "{details}");
    }
    Ok(())
}

pub(crate) fn a_foreign_source_is_filtered(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.wan = { addresses = ["192.0.2.1/24"], ipv4 = { rp-filter = "strict" } }
link.lan.addresses = ["10.0.0.1/24"]

[[flow]]
name = "spoofed"
from = "wan 10.0.0.9"
to = "192.0.2.1"
udp = 53
expect = "drop"
"#,
    )?;
    all_pass(&report)?;
    let details = told(&report, "spoofed")?;
    ensure!(details.contains("reverse path filter"), "{details}");
    Ok(())
}

pub(crate) fn without_neighbour_discovery_nothing_arrives(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0.addresses = ["2001:db8:1::1/64"]

[firewall]
rules = '''
table ip6 filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept
	}
}
'''

[[flow]]
name = "ssh"
from = "eth0 2001:db8:1::9"
to = "2001:db8:1::1"
tcp = 22
"#,
    )?;
    let ssh = flow(&report, "ssh")?;
    ensure!(ssh.seen_word() == "drop", "{report}");
    ensure!(decided(&report, "ssh")? == "host.toml:8");
    ensure!(told(&report, "ssh")?.contains("search for neighbours"), "{report}");
    Ok(())
}

pub(crate) fn a_link_that_is_down_is_silent(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0 = { addresses = ["192.0.2.1/24"], up = false }

[[flow]]
name = "down"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 22
expect = "no-path"
"#,
    )?;
    all_pass(&report)?;
    ensure!(told(&report, "down")?.contains("eth0 is down"), "{report}");
    Ok(())
}

pub(crate) fn rules_before_ip_are_seen(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
forwarding = true
link.wan.addresses = ["192.0.2.1/24"]
link.br0 = { kind = "bridge", ports = ["lan1", "lan2"], addresses = ["10.0.0.1/24"] }

[firewall]
rules = '''
table netdev early {
	chain wan {
		type filter hook ingress device "wan" priority 0; policy accept;
		ip saddr 192.0.2.66 drop
	}
}
table bridge filter {
	chain forward {
		type filter hook forward priority 0; policy accept;
		tcp dport 23 drop
	}
	chain input {
		type filter hook input priority 0; policy accept;
		udp dport 53 drop
	}
}
'''

[[flow]]
name = "ingress"
from = "wan 192.0.2.66"
to = "192.0.2.1"
tcp = 22
expect = "drop"

[[flow]]
name = "not ingress"
from = "wan 192.0.2.67"
to = "192.0.2.1"
tcp = 22

[[flow]]
name = "bridged"
from = "lan1 10.0.0.9"
to = "10.0.0.8"
tcp = 23
expect = "drop"

[[flow]]
name = "to the bridge"
from = "lan1 10.0.0.9"
to = "10.0.0.1"
udp = 53
expect = "drop"

[[flow]]
name = "not dropped"
from = "lan1 10.0.0.9"
to = "10.0.0.8"
udp = 53

[[flow]]
name = "routed"
from = "lan1 10.0.0.9"
to = "192.0.2.67"
tcp = 23
"#,
    )?;
    all_pass(&report)?;
    for (name, line) in [("ingress", 11), ("bridged", 17), ("to the bridge", 21)] {
        ensure!(decided(&report, name)? == format!("host.toml:{line}"), "{report}");
    }
    Ok(())
}

pub(crate) fn whoever_does_not_answer_arp_is_silent(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table arp filter {
	chain input {
		type filter hook input priority 0; policy drop;
	}
}
'''

[[flow]]
name = "tcp"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 22
expect = "drop"

[[flow]]
name = "later"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 53
expect = "drop"
"#,
    )?;
    all_pass(&report)?;
    for name in ["tcp", "later"] {
        ensure!(told(&report, name)?.contains("search for neighbours"), "{report}");
        ensure!(decided(&report, name)? == "host.toml:8", "{report}");
    }
    Ok(())
}
