//! Packets that go other ways than most: copies, what is for all, foreign and borrowed addresses.

use netwright_lab::{Lab, Outcome, ensure};

use crate::{all_pass, decided, flow, simulate, told};

const HEAD: &str = r#"
forwarding = true
[link.wan]
addresses = ["203.0.113.2/24", "2001:db8:0:1::2/64"]
[link.lan]
addresses = ["192.168.1.1/24"]
[link.mon]
[[route]]
to = "default"
via = "203.0.113.1"
[[route]]
to = "default"
via = "2001:db8:0:1::1"
"#;

fn sent(name: &str, from: &str, to: &str, rest: &str) -> String {
    format!("[[flow]]\nname = \"{name}\"\nfrom = \"{from}\"\nto = \"{to}\"\n{rest}\n")
}

/// A copy that leaves the host is not what was sent.
pub(crate) fn copies_do_not_arrive(_: &mut Lab) -> Outcome {
    let rules = r#"
[firewall]
rules = '''
table netdev tap {
	chain ingress {
		type filter hook ingress device wan priority 0;
		udp dport 1 dup to mon
		udp dport 4 fwd to mon
	}
}
table ip filter {
	chain prerouting {
		type filter hook prerouting priority raw;
		udp dport 2 dup to 192.168.1.99 device lan
		udp dport 3 dup to 203.0.113.99 device wan
	}
	chain input {
		type filter hook input priority filter; policy drop;
		udp dport 5 accept
	}
}
'''
"#;
    let flows = [
        sent("mirrored", "wan 198.51.100.9", "203.0.113.2", "udp = 1\nexpect = \"drop\""),
        sent("to another network", "wan 198.51.100.9", "203.0.113.2", "udp = 2\nexpect = \"drop\""),
        sent("back", "wan 198.51.100.9", "203.0.113.2", "udp = 3\nexpect = \"drop\""),
        sent("sent on", "wan 198.51.100.9", "203.0.113.2", "udp = 4\nexpect = \"arrive\""),
        sent("taken", "wan 198.51.100.9", "203.0.113.2", "udp = 5"),
    ];
    let report = simulate(&format!("{HEAD}{rules}{}", flows.concat()))?;
    all_pass(&report)?;
    ensure!(told(&report, "mirrored")?.contains("a copy left by mon"), "{report}");
    ensure!(decided(&report, "back")?.contains(":31"), "{report}");
    Ok(())
}

/// What a machine behind a bridge sends to all comes to its other ports whatever the host thinks of it.
pub(crate) fn what_is_for_all_is_for_the_host(_: &mut Lab) -> Outcome {
    let head = r#"
[link.br0]
kind = "bridge"
ports = ["p1", "p2", "p3"]
addresses = ["192.168.1.1/24"]
[firewall]
rules = '''
table bridge b {
	chain forward {
		type filter hook forward priority 0;
		iifname "p1" oifname "p2" udp dport 1 drop
	}
}
table ip f {
	chain input {
		type filter hook input priority filter; policy drop;
		udp dport 2 accept
	}
}
'''
"#;
    let flows = [
        sent("dropped", "p1 192.168.1.50", "192.168.1.255", "udp = 137\nexpect = \"drop\""),
        sent("to a group", "p1 192.168.1.50", "224.0.0.251", "udp = 5353\nexpect = \"drop\""),
        sent("taken", "p1 192.168.1.50", "192.168.1.255", "udp = 2"),
        sent("taken, not kept off", "p1 192.168.1.50", "p2 192.168.1.255", "udp = 2\nexpect = \"arrive\""),
        sent("behind the other port", "p1 192.168.1.50", "p2 192.168.1.255", "udp = 1\nexpect = \"drop\""),
        sent(
            "behind a third",
            "p1 192.168.1.50",
            "p3 192.168.1.255",
            "udp = 1\nexpect = \"arrive\"\nleaves-by = \"p3\"",
        ),
    ];
    let report = simulate(&format!("{head}{}", flows.concat()))?;
    all_pass(&report)?;
    ensure!(told(&report, "dropped")?.contains("the bridge passes it on to p2"), "{report}");
    Ok(())
}

/// Somebody outside may pretend to be the host. The kernel believes it of IPv6 only.
pub(crate) fn the_hosts_own_addresses_can_be_pretended(_: &mut Lab) -> Outcome {
    let rules = r#"
[firewall]
rules = '''
table inet f {
	chain prerouting {
		type filter hook prerouting priority raw;
		iifname "wan" ip6 saddr 2001:db8:0:1::2 udp dport 1 drop
	}
}
'''
"#;
    let own = "2001:db8:0:1::2";
    let flows = [
        sent("over IPv4", "wan 203.0.113.2", "203.0.113.2", "udp = 2\nexpect = \"drop\""),
        sent("over IPv6", &format!("wan {own}"), own, "udp = 2\nexpect = \"arrive\""),
        sent("refused", &format!("wan {own}"), own, "udp = 1\nexpect = \"drop\"\ndecided-by = \"iifname\""),
    ];
    all_pass(&simulate(&format!("{HEAD}{rules}{}", flows.concat()))?)
}

/// Answers come back to an address of the host's, or to one that it answers for.
pub(crate) fn a_borrowed_address_gets_no_answer(_: &mut Lab) -> Outcome {
    let rules = r#"
[firewall]
rules = '''
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		ip saddr 192.168.1.60 snat to 203.0.113.50
		ip saddr 192.168.1.61 snat to 198.18.5.5
		oifname "wan" masquerade
	}
	chain prerouting {
		type nat hook prerouting priority dstnat;
		tcp dport 1 dnat to 192.168.1.0
	}
}
'''
"#;
    let flows = [
        sent("from afar", "lan 192.168.1.60", "198.51.100.7", "tcp = 80"),
        sent("from near", "lan 192.168.1.60", "203.0.113.99", "udp = 80"),
        sent("routed", "lan 192.168.1.61", "198.51.100.7", "tcp = 80"),
        sent("its own", "lan 192.168.1.62", "198.51.100.7", "tcp = 80"),
        sent("to nobody", "wan 198.51.100.9", "203.0.113.2", "tcp = 1\nexpect = \"drop\""),
    ];
    let report = simulate(&format!("{HEAD}{rules}{}", flows.concat()))?;
    for name in ["from afar", "from near"] {
        ensure!(flow(&report, name)?.seen_word() == "arrived", "{report}");
        let told = told(&report, name)?;
        ensure!(told.contains("the answer goes to 203.0.113.50, which the host does not have"), "{told}");
    }
    for name in ["routed", "its own", "to nobody"] {
        ensure!(flow(&report, name)?.passed(), "{report}");
    }
    Ok(())
}

/// A chain of another type may have a policy too.
pub(crate) fn chains_of_every_type_decide(_: &mut Lab) -> Outcome {
    let rules = r#"
[firewall]
rules = '''
table inet f {
	chain input {
		type filter hook input priority filter; policy drop;
		udp sport 53 accept
	}
	chain output {
		type route hook output priority mangle; policy drop;
		udp dport 53 accept comment "names"
		oifname "lo" accept
		ct state established accept
		meta l4proto { icmp, ipv6-icmp } accept
	}
}
'''
"#;
    let flows = [
        sent("a route chain", "host", "198.51.100.7", "udp = 53\ndecided-by = \"names\""),
        sent("and its policy", "host", "198.51.100.7", "udp = 54\nexpect = \"drop\""),
    ];
    all_pass(&simulate(&format!("{HEAD}{rules}{}", flows.concat()))?)
}

/// What a chain on a device stops of the host's own the kernel tells the sending socket, in another way than other chains.
pub(crate) fn what_leaves_can_be_stopped_on_a_device(_: &mut Lab) -> Outcome {
    let rules = r#"
[firewall]
rules = '''
table netdev d {
	chain egress {
		type filter hook egress device "wan" priority 0; policy drop;
		meta protocol arp accept
		udp dport 1 accept
	}
}
'''
"#;
    let stopped = |name: &str, what: &str| {
        let rest = format!("{what}\ntimes = 3\nexpect = \"drop\"\ndecided-by = \"policy drop\"");
        sent(name, "host", "198.51.100.7", &rest)
    };
    let flows = [
        sent("passes", "host", "198.51.100.7", "udp = 1\ntimes = 3"),
        stopped("a datagram", "udp = 2"),
        stopped("a connection", "tcp = 2"),
        stopped("a ping", "icmp = true"),
        stopped("a tunnel", "protocol = \"gre\""),
        sent("comes in", "wan 198.51.100.9", "203.0.113.2", "udp = 2\nexpect = \"arrive\""),
    ];
    all_pass(&simulate(&format!("{HEAD}{rules}{}", flows.concat()))?)
}
