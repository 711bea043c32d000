//! Ports that are open for few: what asks for several things at once, what is translated, and what may be open at another time.

use netwright_lab::{Lab, Outcome, ensure};
use netwright_simulate::FlowReport;

use crate::{flow, simulate};

const HEAD: &str = r#"
forwarding = true
[link.wan]
addresses = ["203.0.113.2/24", "2001:db8:0:1::2/64"]
[link.lan]
addresses = ["192.168.1.1/24"]
[[route]]
to = "default"
via = "203.0.113.1"
[[route]]
to = "default"
via = "2001:db8:0:1::1"
"#;

fn host(sets: &str, rules: &[(&str, &str)], more: &str) -> String {
    let rules: Vec<&str> = rules.iter().map(|(rule, _)| *rule).collect();
    let rules = rules.join("\n\t\t");
    format!(
        "{HEAD}
[firewall]
rules = '''
table inet filter {{
	{sets}
	chain input {{
		type filter hook input priority filter; policy drop;
		icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
		{rules}
	}}
{more}"
    )
}

fn each_is_found(only: &FlowReport, rules: &[(&str, &str)]) -> Outcome {
    let found: Vec<&str> = only.shown.iter().map(|case| case.packet.as_str()).collect();
    for (rule, packet) in rules {
        ensure!(found.iter().any(|found| found.contains(packet)), "{rule}: {found:#?}");
    }
    Ok(())
}

pub(crate) fn what_asks_for_several_things_at_once_is_found(_: &mut Lab) -> Outcome {
    let sets = "set admins { type ipv4_addr . ether_addr; elements = { 198.51.100.21 . 02:00:00:00:00:07 }; }
	chain marks { type filter hook prerouting priority mangle; ip saddr 198.51.100.22 ip dscp cs2 meta mark set 5; }
	chain far { ip ttl 1 jump farther; }
	chain farther { udp dport 7103 accept; }";
    // a report shows ten
    let rules = [
        ("ip dscp cs1 ip ttl 255 udp dport 7101 accept", "udp 7101 with DSCP 8 with TTL 255"),
        (
            "ip saddr . ether saddr @admins tcp dport 7102 accept",
            "tcp 7102 (and 4 more senders or destinations) from the hardware address 02:00:00:00:00:07",
        ),
        ("ip saddr 198.51.100.20 jump far", "udp 7103 (and 4 more senders or destinations) with TTL 1"),
        (
            "tcp sport 20 tcp flags & (fin | syn | rst | ack) == ack tcp dport 7104 accept",
            "tcp 7104 flags ack from port 20",
        ),
        ("meta mark 5 tcp dport 7105 accept", "wan 198.51.100.22 → 203.0.113.2 tcp 7105"),
        ("sctp dport 7106 accept", "protocol sctp from port 7106"),
        ("ip protocol udp udp length 8 udp dport 7107 accept", "udp 7107"),
        (
            "ip6 saddr & ::ffff:ffff:ffff:ffff == ::77 udp dport 7108 accept",
            "::77 → 2001:db8:0:1::2 udp 7108",
        ),
    ];
    let text = host(
        sets,
        &rules,
        "	chain forward { type filter hook forward priority filter; policy drop; ct status dnat accept; }
}
table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat;
		ip daddr 203.0.113.50 udp dport 7110 dnat to 192.168.1.10
	}
}
'''
[[only]]
name = \"to the host\"
from = \"wan\"
to = \"host\"
[[only]]
name = \"to the network behind it\"
from = \"wan 198.51.100.9\"
to = \"lan\"
",
    );
    let report = simulate(&text)?;
    let only = flow(&report, "to the host")?;
    each_is_found(only, &rules)?;
    each_is_found(only, &[("ip daddr 203.0.113.50", "→ 203.0.113.50 udp 7110")])?;
    // a single one, whose server is looked for once more after the sweep
    let only = flow(&report, "to the network behind it")?;
    each_is_found(only, &[("ip daddr 203.0.113.50", "wan 198.51.100.9 → 203.0.113.50 udp 7110")])?;
    ensure!(only.shown.len() == 1, "{report}");
    Ok(())
}

/// Rules that let on or stop by the hour, by chance, by options or by what came before.
pub(crate) fn what_may_be_open_is_told(_: &mut Lab) -> Outcome {
    let rules = [
        ("meta hour \"03:00\"-\"03:01\" tcp dport 7201 accept", "tcp 7201"),
        ("meta hour \"03:00\"-\"03:01\" udp dport 7202 drop\n\t\tudp dport 7202 accept", "udp 7202"),
        ("tcp option maxseg size 500 tcp dport 7203 accept", "tcp 7203"),
        ("udp dport 7204 limit rate over 1/hour burst 1 packets accept", "udp 7204"),
        ("icmp type echo-request icmp id 7 accept", "icmp echo"),
    ];
    let only = "}
'''
[[only]]
name = \"nothing else\"
from = \"wan\"
to = \"host\"
";
    // who answers in the place of the host lets on
    let synproxy = (
        "tcp dport 7206 ct state invalid,untracked synproxy mss 1460 wscale 7\n\t\ttcp dport 7206 ct state new accept",
        "tcp 7206",
    );
    let sets =
        "chain raw { type filter hook prerouting priority raw; tcp dport 7206 tcp flags syn notrack; }";
    let rules: Vec<_> = rules.into_iter().chain([synproxy]).collect();
    let report = simulate(&host(sets, &rules, only))?;
    let found = flow(&report, "nothing else")?;
    each_is_found(found, &rules)?;
    ensure!(found.shown.len() == rules.len(), "{report}");
    for (case, about) in found
        .shown
        .iter()
        .filter(|case| !case.packet.contains("udp 7202") && !case.packet.contains("7206"))
        .zip(["meta hour", "the header or option maxseg", "how often packets came before", "icmp id"])
    {
        ensure!(case.wrong.iter().any(|wrong| wrong.contains(about)), "{about}: {case:?}");
    }
    Ok(())
}
