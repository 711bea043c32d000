//! That nothing else gets in, and what else flows may say of counters, marks and time.

use netwright_lab::{Lab, Outcome, ensure, ensure_eq};
use netwright_simulate::FlowReport;

use crate::{all_pass, flow, simulate, told};

/// What was shown of the packets that got through.
fn packets(only: &FlowReport) -> Vec<&str> {
    only.shown.iter().map(|case| case.packet.as_str()).collect()
}

/// A host with a firewall that lets in what `rules` do, and flows for ssh and names.
fn host(rules: &str, more: &str) -> String {
    format!(
        r#"
link.eth0.addresses = ["192.0.2.1/24", "2001:db8::1/64"]
[[route]]
to = "default"
via = "192.0.2.254"

[firewall]
rules = '''
table inet filter {{
	set friends {{ type ipv4_addr; flags interval; elements = {{ 198.51.100.64/26 }}; }}
	set seen {{ type ipv4_addr; flags dynamic,timeout; timeout 1m; }}
	chain input {{
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
		{rules}
	}}
}}
'''

[[flow]]
name = "ssh"
from = "eth0"
to = "host"
tcp = 22

[[flow]]
name = "one asks for names"
from = "eth0 203.0.113.9"
to = "host"
udp = 53

[[flow]]
name = "friends ask for times"
from = "eth0 198.51.100.64/26"
to = "host"
udp = 123

[[only]]
name = "nothing else"
from = "eth0"
to = "host"
{more}"#
    )
}

const DECLARED: &str = "tcp dport 22 accept\n\t\tip saddr != @friends udp dport 53 accept\n\t\tip saddr @friends udp dport 123 accept";

pub(crate) fn everything_that_no_flow_names_is_found(_: &mut Lab) -> Outcome {
    all_pass(&simulate(&host(DECLARED, ""))?)?;
    // several at once, because a sweep of everything takes its time
    let holes: [&[(&str, &str)]; 2] = [
        &[
            ("tcp dport 47123 accept", "tcp 47123"),
            ("udp dport 1-2 accept", "udp 1 (and "),
            ("udp sport 67 udp dport 9 accept", "udp 9 from port 67"),
            ("ip protocol gre accept", "protocol gre"),
            ("icmp type timestamp-request accept", "icmp type 13"),
            ("ip saddr 198.51.100.128 udp dport 123 accept", "eth0 198.51.100.128 → 192.0.2.1 udp 123"),
            ("@th,16,16 31337 accept", "tcp 31337"),
            ("ip6 nexthdr esp accept", "→ 2001:db8::1 protocol esp"),
        ],
        &[
            ("tcp flags & (syn | ack) == ack tcp dport 7 accept", "tcp 7 flags ack"),
            (
                "ether saddr 02:00:00:00:00:07 tcp dport 8 accept",
                "from the hardware address 02:00:00:00:00:07",
            ),
            ("tcp dport 47123 limit rate 1/hour burst 1 packets accept", "tcp 47123"),
            (
                "udp dport 47124 update @seen { ip saddr limit rate over 1/hour burst 1 packets } drop\n\t\tudp dport 47124 accept",
                "udp 47124",
            ),
            (
                "tcp dport 47125 add @seen { ip saddr }\n\t\ttcp dport 47125 ip saddr @seen accept",
                "tcp 47125",
            ),
        ],
    ];
    for holes in holes {
        let rules: Vec<&str> = holes.iter().map(|(rule, _)| *rule).chain([DECLARED]).collect();
        let report = simulate(&host(&rules.join("\n\t\t"), ""))?;
        let only = flow(&report, "nothing else")?;
        let found = packets(only);
        for (rule, packet) in holes {
            ensure!(found.iter().any(|found| found.contains(packet)), "{rule}: {found:#?}");
        }
    }
    Ok(())
}

pub(crate) fn what_rules_look_at_besides_is_tried(_: &mut Lab) -> Outcome {
    let holes = [
        ("ip dscp 8 tcp dport 7001 accept", "→ 192.0.2.1 tcp 7001 with DSCP 8"),
        ("ip6 hoplimit 255 udp dport 7002 accept", "→ 2001:db8::1 udp 7002 with TTL 255"),
        ("udp length 100-200 udp dport 7003 accept", "udp 7003 of "),
        ("icmp type destination-unreachable icmp code 4 accept", "icmp type 3 code 4"),
        ("tcp flags & (fin | psh | urg) == fin | psh | urg tcp dport 7004 accept", "tcp 7004 flags "),
        // from where no route leads to it, and from where none could
        ("ip saddr 192.168.7.0/24 udp dport 7005 accept", "eth0 192.168.7.0 → 192.168.7.1 udp 7005"),
        ("ip6 saddr fe80::/10 udp dport 7006 accept", "eth0 fe80::7e57 → 2001:db8::1 udp 7006"),
        // the word of a set says it as well
        ("ip dscp @classes udp dport 7007 accept", "udp 7007 with DSCP 10"),
    ];
    let rules: Vec<&str> = holes.iter().map(|(rule, _)| *rule).chain([DECLARED]).collect();
    let text = host(&rules.join("\n\t\t"), "");
    let text = text.replace("\tset seen", "\tset classes { type dscp; elements = { 10, 12 }; }\n\tset seen");
    // a device passes it on before any other rule sees it
    let early = r"table netdev early {
	chain in {
		type filter hook ingress device eth0 priority 0;
		udp dport 7008 fwd to lan
	}
}
'''

[[flow]]";
    let text = text.replacen("'''\n\n[[flow]]", early, 1);
    let text = format!("link.lan.addresses = [\"192.168.7.1/24\"]\n{text}");
    let report = simulate(&text)?;
    let only = flow(&report, "nothing else")?;
    let found = packets(only);
    for (rule, packet) in holes.into_iter().chain([("fwd to lan", "udp 7008")]) {
        ensure!(found.iter().any(|found| found.contains(packet)), "{rule}: {found:#?}");
    }
    ensure!(report.notes.is_empty(), "{:?}", report.notes);
    // by whose connection it is it cannot be told, and so that is told
    let report = simulate(&host(&format!("socket mark 5 accept\n\t\t{DECLARED}"), ""))?;
    ensure!(report.notes.iter().any(|note| note.contains("host.toml:16")), "{:?}", report.notes);
    Ok(())
}

/// The kernel knows about a thousand neighbours at once, and does not answer more.
pub(crate) fn any_number_of_senders_is_tried(_: &mut Lab) -> Outcome {
    let address = |number: usize| format!("10.0.{}.{}", number / 64, number % 64 * 4 + 2);
    let blocked: Vec<String> = (0..500).map(address).collect();
    let text = format!(
        r#"
link.lan.addresses = ["10.0.0.1/16"]

[firewall]
rules = '''
table ip filter {{
	set blocked {{ type ipv4_addr; elements = {{ {} }}; }}
	chain input {{
		type filter hook input priority filter; policy drop;
		ip saddr @blocked drop
		ip saddr 10.0.200.200 tcp dport 22 accept
	}}
}}
'''

[[flow]]
name = "nothing"
from = "lan 10.0.100.1"
to = "host"
tcp = 22
expect = "drop"

[[only]]
name = "nothing else"
from = "lan"
to = "host"
"#,
        blocked.join(", ")
    );
    let report = simulate(&text)?;
    let only = flow(&report, "nothing else")?;
    let found = packets(only);
    ensure!(found.iter().any(|found| found.contains("lan 10.0.200.200 → 10.0.0.1 tcp 22")), "{found:#?}");
    Ok(())
}

pub(crate) fn what_only_follows_others_is_no_permission(_: &mut Lab) -> Outcome {
    let knocked = "udp dport 7000 add @seen { ip saddr } drop\n\t\tip saddr @seen tcp dport 2222 accept";
    let open = "tcp dport 2222 accept";
    let more = r#"
[[flow]]
name = "knock"
from = "eth0 203.0.113.9"
to = "host"
udp = 7000
expect = "drop"

[[flow]]
name = "who has knocked"
after = "knock"
from = "eth0 203.0.113.9"
to = "host"
tcp = 2222
"#;
    all_pass(&simulate(&host(&format!("{knocked}\n\t\t{DECLARED}"), more))?)?;
    let report = simulate(&host(&format!("{open}\n\t\t{DECLARED}"), more))?;
    ensure!(!flow(&report, "nothing else")?.passed(), "{report}");
    Ok(())
}

pub(crate) fn a_flow_stands_for_those_that_the_rules_do_not_tell_apart(_: &mut Lab) -> Outcome {
    all_pass(&simulate(&host(DECLARED, ""))?)?;
    let report = simulate(&host(DECLARED, "exact = true\n"))?;
    let only = flow(&report, "nothing else")?;
    ensure!(!only.passed() && only.shown.iter().any(|case| case.packet.contains("udp 53")), "{report}");
    Ok(())
}

pub(crate) fn counters_marks_and_time_are_seen(_: &mut Lab) -> Outcome {
    let text = r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table ip filter {
	counter asked { }
	set seen { type ipv4_addr; flags dynamic,timeout; timeout 10s; }
	chain input {
		type filter hook input priority filter; policy drop;
		udp dport 53 counter name asked ct mark set 7 accept
		udp dport 7000 add @seen { ip saddr } drop
		tcp dport 22 ip saddr @seen accept
	}
}
'''

[[flow]]
name = "counted and marked"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
udp = 53
counters = { asked = COUNTED }
ct-mark = MARKED

[[flow]]
name = "soon enough"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
steps = [{ udp = 7000, expect = "drop" }, { wait = "9s", tcp = 22, expect = "accept" }]

[[flow]]
name = "too late"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
steps = [{ udp = 7000 }, { wait = "6s", udp = 9 }, { wait = "5s", tcp = 22, expect = "drop" }]
"#;
    all_pass(&simulate(&text.replace("COUNTED", "1").replace("MARKED", "7"))?)?;
    let report = simulate(&text.replace("COUNTED", "2").replace("MARKED", "8"))?;
    // what is told is what the last step showed
    ensure_eq!(flow(&report, "soon enough")?.seen_word(), "accept");
    ensure_eq!(
        told(&report, "counted and marked")?,
        "its connection's mark was expected to be 0x8, but is 0x7; the counter asked was expected to count 2 because of it, but counted 1"
    );
    let report = simulate(&text.replace("asked = COUNTED", "\"nobody\" = 0").replace("MARKED", "7"))?;
    ensure!(told(&report, "counted and marked")?.contains("there is no counter nobody"), "{report}");
    Ok(())
}

pub(crate) fn receivers_send_packets_back(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
forwarding = true
link.wan.addresses = ["203.0.113.2/24"]
link.lan.addresses = ["192.168.1.1/24"]
[[route]]
to = "default"
via = "203.0.113.1"

[firewall]
rules = '''
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept comment "known"
		ct state related icmp type destination-unreachable accept comment "about it"
		iifname "lan" tcp flags & (fin | syn | rst | ack) == syn ct state new accept
		iifname "lan" meta l4proto udp ct state new accept
	}
}
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "wan" masquerade
	}
}
'''

[[flow]]
name = "a handshake, segment by segment"
from = "lan 192.168.1.9"
to = "198.51.100.7"
tcp = 443
steps = [
  { flags = "syn", expect = "arrive" },
  { back = true, flags = "syn,ack", expect = "arrive" },
  { flags = "ack", expect = "arrive" },
]
decided-by = "known"

[[flow]]
name = "an answer to nothing"
from = "lan 192.168.1.9"
to = "198.51.100.7"
tcp = 443
flags = "ack"
expect = "drop"

[[flow]]
name = "an error about it"
from = "lan 192.168.1.9"
to = "198.51.100.7"
steps = [{ udp = 9 }, { back = true, icmp = "destination-unreachable" }]
expect = "arrive"
decided-by = "about it"
arrives-at = "192.168.1.9"

[[flow]]
name = "an error that a router on the way tells"
from = "lan 192.168.1.9"
to = "198.51.100.7"
steps = [{ udp = 9 }, { from = "wan 198.51.100.1", icmp = "destination-unreachable" }]
expect = "arrive"
arrives-at = "192.168.1.9"

[[flow]]
name = "an error about nothing"
from = "wan 198.51.100.1"
to = "203.0.113.2"
icmp = "destination-unreachable"
expect = "arrive"
"#,
    )?;
    all_pass(&report)
}

/// Between two ports of a bridge there are two machines, however little the rules say of addresses.
pub(crate) fn ports_of_a_bridge_have_machines_of_their_own(_: &mut Lab) -> Outcome {
    let text = r#"
[link.br0]
kind = "bridge"
ports = ["p1", "p2"]
addresses = ["10.0.0.1/24"]

[firewall]
rules = '''
table bridge b {
	chain f {
		type filter hook forward priority 0; policy drop;
		ether type arp accept
		udp dport 34 accept
	}
}
'''

[[only]]
name = "nothing else"
from = "p1"
to = "p2"
"#;
    let report = simulate(text)?;
    let only = flow(&report, "nothing else")?;
    let found = packets(only);
    ensure!(found.len() == 1 && found.iter().all(|found| found.contains("udp 34")), "{found:#?}");
    Ok(())
}

/// Whoever knows the hardware address of a host need not ask for it.
pub(crate) fn a_host_that_answers_nobody_is_not_shut(_: &mut Lab) -> Outcome {
    let text = r#"
link.eth0.addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table arp silent {
	chain input {
		type filter hook input priority 0; policy drop;
	}
}
table ip filter {
	chain input {
		type filter hook input priority 0; policy drop;
		udp dport 37 accept
	}
}
'''

[[only]]
name = "nothing else"
from = "eth0"
to = "host"
"#;
    let report = simulate(text)?;
    let only = flow(&report, "nothing else")?;
    let found = packets(only);
    ensure!(found.iter().any(|found| found.contains("udp 37")), "{report}\n{found:#?}");
    Ok(())
}

/// What a host takes that is sent to all is what it takes that is sent to itself, as long as the rules do not tell them apart; and
/// a bridge that passes it on to its ports does not let it in.
pub(crate) fn the_host_is_tried_wherever_it_is(_: &mut Lab) -> Outcome {
    let text = r#"
[link.br0]
kind = "bridge"
ports = ["p1", "p2"]
addresses = ["192.168.1.1/24", "2001:db8:2::1/64"]
[firewall]
rules = '''
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		ip saddr 192.168.1.0/24 udp dport 53 accept
		ip6 saddr { 2001:db8:2::/64, fe80::/10 } udp dport 53 accept
	}
}
'''
[[flow]]
name = "names"
from = "br0"
to = "host"
udp = 53
[[only]]
name = "nothing else"
from = "br0"
to = "host"
"#;
    all_pass(&simulate(text)?)?;
    let holes = [
        // where the host is besides at its own addresses
        ("ip6 saddr fe80::/10 ip6 daddr fe80::/10 tcp dport 7010 accept", "eth0 fe80::7e57 → fe80::"),
        ("meta pkttype broadcast udp dport 7011 accept", "→ 192.0.2.255 udp 7011"),
        ("ip daddr 224.0.0.251 udp dport 7012 accept", "→ 224.0.0.251 udp 7012"),
        ("ip6 daddr ff02::fb udp dport 7013 accept", "→ ff02::fb udp 7013"),
        ("ip daddr 224.0.0.18 meta l4proto vrrp accept", "→ 224.0.0.18 protocol vrrp"),
        ("ip saddr 0.0.0.0 udp dport 7014 accept", "eth0 0.0.0.0 → 255.255.255.255 udp 7014"),
        // what comes before the protocol's own header
        ("ip6 nexthdr 60 tcp dport 7015 accept", "tcp 7015 behind destination options"),
        ("hbh nexthdr udp udp dport 7016 accept", "udp 7016 behind hop-by-hop options"),
        ("rt nexthdr udp udp dport 7017 accept", "udp 7017 behind a routing header"),
    ];
    let rules: Vec<&str> = holes.iter().map(|(rule, _)| *rule).chain([DECLARED]).collect();
    let report = simulate(&host(&rules.join("\n\t\t"), ""))?;
    let found = packets(flow(&report, "nothing else")?);
    for (rule, packet) in holes {
        ensure!(found.iter().any(|found| found.contains(packet)), "{rule}: {found:#?}");
    }
    Ok(())
}
