//! Translated addresses and ports.

use netwright_lab::{Lab, Outcome, ensure, ensure_eq};

use crate::simulate;
use crate::{all_pass, decided, told, verdict};

const ROUTER: &str = r#"
forwarding = true
link.wan.addresses = ["192.0.2.1/24"]
link.br0 = { kind = "bridge", ports = ["lan1", "lan2"], addresses = ["10.0.0.1/24"] }

[[route]]
to = "default"
via = "192.0.2.254"

[firewall]
rules = '''
table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 192.0.2.1 tcp dport 80 dnat to 10.0.0.10:8080
		ip daddr 192.0.2.1 udp dport 53 dnat to 10.0.0.11
		tcp dport 3128 redirect to :8128
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan" snat to 192.0.2.1
		oifname "br0" ip saddr 10.0.0.0/24 masquerade
	}
}
'''
"#;

pub(crate) fn what_is_not_declared_is_found_out(_: &mut Lab) -> Outcome {
    let flows = r#"
[[flow]]
name = "port"
from = "wan 198.51.100.9"
to = "192.0.2.1"
tcp = 80

[[flow]]
name = "address"
from = "wan 198.51.100.9"
to = "192.0.2.1"
udp = 53

[[flow]]
name = "hairpin"
from = "br0 10.0.0.20"
to = "192.0.2.1"
tcp = 80
seen-from = "10.0.0.1"
arrives-at = "10.0.0.10:8080"

[[flow]]
name = "outwards"
from = "br0 10.0.0.20"
to = "198.51.100.80"
udp = 443
seen-from = "192.0.2.1"
arrives-at = "198.51.100.80:443"

[[flow]]
name = "ping"
from = "br0 10.0.0.20"
to = "198.51.100.80"
icmp = true
seen-from = "192.0.2.1"
"#;
    let report = simulate(&format!("{ROUTER}{flows}"))?;
    all_pass(&report)?;
    let arrived = |name: &str| verdict(&report, name).map(|seen| seen.arrived_at.map(|at| at.to_string()));
    ensure_eq!(arrived("port")?.as_deref(), Some("10.0.0.10:8080"));
    ensure_eq!(arrived("address")?.as_deref(), Some("10.0.0.11:53"));
    ensure_eq!(
        verdict(&report, "port")?.seen_from.map(|from| from.ip().to_string()).as_deref(),
        Some("198.51.100.9")
    );
    // translating is not letting through
    ensure_eq!(decided(&report, "port")?, "");
    Ok(())
}

pub(crate) fn a_wrong_end_fails(_: &mut Lab) -> Outcome {
    let flows = r#"
[[flow]]
name = "another port"
from = "wan 198.51.100.9"
to = "192.0.2.1"
tcp = 80
arrives-at = "10.0.0.10:80"

[[flow]]
name = "another machine"
from = "wan 198.51.100.9"
to = "192.0.2.1"
udp = 53
arrives-at = "10.0.0.12"

[[flow]]
name = "another source"
from = "br0 10.0.0.20"
to = "198.51.100.80"
icmp = true
seen-from = "10.0.0.20"
"#;
    let report = simulate(&format!("{ROUTER}{flows}"))?;
    ensure!(report.failures() == 3, "{report}");
    let details = |name: &str| told(&report, name);
    ensure!(details("another port")?.contains("10.0.0.10:80, but it arrived at 10.0.0.10:8080"), "{report}");
    ensure!(details("another machine")?.contains("10.0.0.12, but it arrived at 10.0.0.11:53"), "{report}");
    ensure!(details("another source")?.contains("10.0.0.20, but it was seen from 192.0.2.1"), "{report}");
    ensure!(report.flows.iter().all(|flow| flow.seen_word() == "accept"), "{report}");
    Ok(())
}

pub(crate) fn the_host_redirects_to_itself(_: &mut Lab) -> Outcome {
    let flows = r#"
[[flow]]
name = "proxy"
from = "br0 10.0.0.20"
to = "198.51.100.80"
tcp = 3128
"#;
    let report = simulate(&format!("{ROUTER}{flows}"))?;
    all_pass(&report)?;
    let arrived = verdict(&report, "proxy")?.arrived_at.map(|at| at.to_string());
    ensure_eq!(arrived.as_deref(), Some("10.0.0.1:8128"));
    Ok(())
}

/// A translation to an address that nobody has is not told from one to somebody, but by where it arrives.
pub(crate) fn whoever_is_looked_for_is_there(_: &mut Lab) -> Outcome {
    let host = r#"
forwarding = true
link.wan.addresses = ["192.0.2.1/24"]
link.lan.addresses = ["10.0.0.1/24"]
[firewall]
rules = "table ip n { chain p { type nat hook prerouting priority dstnat; iifname wan udp dport 53 dnat to 10.0.0.77; }; }"
[[flow]]
name = "to somebody"
from = "wan 192.0.2.9"
to = "192.0.2.1"
udp = 53
[[flow]]
name = "to the server"
from = "wan 192.0.2.9"
to = "192.0.2.1"
udp = 53
arrives-at = "10.0.0.10"
"#;
    let report = simulate(host)?;
    ensure!(report.flows.iter().all(|flow| flow.seen_word() == "accept"), "{report}");
    ensure!(report.failures() == 1, "{report}");
    ensure!(
        told(&report, "to the server")?.contains("10.0.0.10, but it arrived at 10.0.0.77:53"),
        "{report}"
    );
    Ok(())
}
