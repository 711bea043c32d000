//! Where machines stand.

use netwright_lab::{Failure, Lab, Outcome, ensure};

use crate::simulate;
use crate::{all_pass, decided, flow, told};

pub(crate) fn the_host_talks_to_itself(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.eth0.addresses = ["192.0.2.1/24", "192.0.2.2/24", "2001:db8:1::1/64"]

[firewall]
rules = '''
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" tcp dport 25 accept
		ct state established accept
		udp dport 53 accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
'''

[[flow]]
name = "mail"
from = "host"
to = "127.0.0.1"
tcp = 25

[[flow]]
name = "other"
from = "host 192.0.2.1"
to = "192.0.2.2"
tcp = 26
expect = "drop"

[[flow]]
name = "names"
from = "host"
to = "::1"
udp = 53

[[flow]]
name = "from the second address"
from = "host 192.0.2.2"
to = "192.0.2.9"
tcp = 80
seen-from = "192.0.2.2"

[[flow]]
name = "a neighbour"
from = "host"
to = "2001:db8:1::9"
tcp = 80
seen-from = "2001:db8:1::1"
"#,
    )?;
    all_pass(&report)?;
    for (name, line) in [("mail", 9), ("other", 8), ("names", 11)] {
        ensure!(decided(&report, name)? == format!("host.toml:{line}"), "{report}");
    }
    Ok(())
}

pub(crate) fn machines_stand_behind_ports_and_upper_links(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
forwarding = true

[link.br0]
kind = "bridge"
ports = ["lan1", "lan2"]
stp = true
addresses = ["10.0.0.1/24"]

[link.upper]
kind = "macvlan"
parent = "wan"
addresses = ["198.51.100.1/24"]

[link.wan]
addresses = ["192.0.2.1/24"]

[[route]]
to = "203.0.113.0/24"
via = "192.0.2.253"

[[route]]
to = "203.0.113.128/25"
via = "192.0.2.254"

[[route]]
to = "172.16.0.0/12"
dev = "wan"

[firewall]
rules = '''
table ip filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		iifname "br0" oifname { "wan", "upper" } accept
	}
}
'''

[[flow]]
name = "a port's machine"
from = "lan1 10.0.0.11"
to = "192.0.2.9"
tcp = 80
seen-from = "10.0.0.11"

[[flow]]
name = "the other port's machine"
from = "lan2 10.0.0.12"
to = "10.0.0.1"
udp = 53

[[flow]]
name = "bridged"
from = "lan1 10.0.0.11"
to = "10.0.0.12"
tcp = 80
seen-from = "10.0.0.11"

[[flow]]
name = "the first gateway"
from = "br0 10.0.0.13"
to = "203.0.113.9"
tcp = 80

[[flow]]
name = "the second gateway"
from = "br0 10.0.0.13"
to = "203.0.113.200"
tcp = 80

[[flow]]
name = "without a gateway"
from = "br0 10.0.0.13"
to = "172.16.0.9"
tcp = 80

[[flow]]
name = "upper"
from = "br0 10.0.0.13"
to = "198.51.100.9"
icmp = true

[[flow]]
name = "behind upper"
from = "upper 198.51.100.9"
to = "198.51.100.1"
tcp = 80

[[flow]]
name = "not inwards"
from = "wan 192.0.2.9"
to = "10.0.0.12"
tcp = 80
expect = "drop"
"#,
    )?;
    all_pass(&report)
}

pub(crate) fn link_local_addresses_work(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
forwarding = true
link.wan.addresses = ["fe80::1/64"]
link.lan.addresses = ["2001:db8:2::1/64"]

[[route]]
to = "default"
via = "fe80::99"
dev = "wan"

[[flow]]
name = "to the host"
from = "wan fe80::9"
to = "fe80::1"
tcp = 80
seen-from = "fe80::9"

[[flow]]
name = "by a gateway"
from = "lan 2001:db8:2::9"
to = "2001:db8:ffff::1"
udp = 53
seen-from = "2001:db8:2::9"

[[flow]]
name = "from the host"
from = "host"
to = "fe80::9"
icmp = true
"#,
    )?;
    all_pass(&report)
}

pub(crate) fn what_cannot_be_simulated_fails_alone(_: &mut Lab) -> Outcome {
    let report = simulate(
        r#"
link.shaped = { kind = "ifb", addresses = ["10.0.0.1/24"] }
link.eth0.addresses = ["192.0.2.1/24"]

[[flow]]
name = "behind nothing"
from = "shaped 10.0.0.9"
to = "192.0.2.1"
tcp = 80
expect = "drop"

[[flow]]
name = "behind a card"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 80
"#,
    )?;
    let nothing = flow(&report, "behind nothing")?;
    ensure!(!nothing.passed() && nothing.seen() == "error", "{report}");
    ensure!(told(&report, "behind nothing")?.contains("shaped, a link of kind ifb"), "{report}");
    ensure!(flow(&report, "behind a card")?.passed(), "{report}");
    Ok(())
}

pub(crate) fn what_cannot_be_applied_is_said(_: &mut Lab) -> Outcome {
    let text = "link.eth0.addresses = [\"192.0.2.1/24\"]\n[firewall]\nrules = 'table ip x { chain y { jump nowhere; }; }'\n";
    match simulate(text) {
        Err(Failure::Wrong(why)) => {
            ensure!(why.contains("could not be applied in the simulated host"), "{why}");
            Ok(())
        }
        other => Err(Failure::wrong(format_args!("{other:?}"))),
    }
}
