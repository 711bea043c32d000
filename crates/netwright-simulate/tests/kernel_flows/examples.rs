//! The examples, and what a report is worth.

use std::time::Duration;

use netwright_lab::{Lab, Outcome, ensure, ensure_eq};

use crate::{all_pass, decided, told};
use crate::{repository, simulate, simulate_file};

pub(crate) fn the_router_does_what_it_says(_: &mut Lab) -> Outcome {
    let path = repository("examples/router.toml");
    let report = simulate_file(&path, &std::fs::read_to_string(&path)?)?;
    all_pass(&report)?;
    ensure!(report.flows.len() >= 20);
    ensure!(decided(&report, "the LAN reaches the web")?.contains("router.nft:"));
    Ok(())
}

pub(crate) fn the_server_does_what_it_says(_: &mut Lab) -> Outcome {
    let path = repository("examples/host.toml");
    let report = simulate_file(&path, &std::fs::read_to_string(&path)?)?;
    all_pass(&report)?;
    ensure!(decided(&report, "the web is open")?.contains("host.toml:"));
    Ok(())
}

const SERVER: &str = r#"
[link.eth0]
addresses = ["192.0.2.1/24"]

[firewall]
rules = '''
table ip filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established accept
		tcp dport 22 accept
		tcp dport 23 reject with tcp reset
	}
}
'''
"#;

pub(crate) fn a_wrong_expectation_fails(_: &mut Lab) -> Outcome {
    let flows = r#"
[[flow]]
name = "taken for open"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 80

[[flow]]
name = "taken for shut"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 22
expect = "drop"

[[flow]]
name = "taken for silent"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 23
expect = "drop"

[[flow]]
name = "seen from elsewhere"
from = "eth0 192.0.2.9"
to = "192.0.2.1"
tcp = 22
seen-from = "192.0.2.10"
"#;
    let report = simulate(&format!("{SERVER}{flows}"))?;
    ensure!(!report.passed());
    ensure!(report.failures() == 4, "{report}");
    let seen: Vec<&str> = report.flows.iter().map(|flow| flow.seen_word()).collect();
    ensure_eq!(seen, ["drop", "accept", "reject", "accept"]);
    ensure_eq!(decided(&report, "taken for open")?, "host.toml:9");
    ensure_eq!(decided(&report, "taken for shut")?, "host.toml:11");
    ensure_eq!(decided(&report, "taken for silent")?, "host.toml:12");
    let details = told(&report, "seen from elsewhere")?;
    ensure!(details.contains("192.0.2.10, but it was seen from 192.0.2.9:"), "{details}");
    let text = report.to_string();
    ensure!(text.contains("FAIL  taken for open"), "{text}");
    ensure!(text.contains("decided by host.toml:12: tcp dport 23 reject with tcp reset"), "{text}");
    Ok(())
}

/// A timeout for each of forty drops would be forty seconds.
pub(crate) fn drops_take_no_time(_: &mut Lab) -> Outcome {
    let mut text = SERVER.to_owned();
    for port in 100..140 {
        text.push_str(&format!(
            "[[flow]]\nname = \"{port}\"\nfrom = \"eth0 192.0.2.9\"\nto = \"192.0.2.1\"\n{} = {port}\nexpect = \"drop\"\n",
            if port % 2 == 0 { "tcp" } else { "udp" }
        ));
    }
    let report = simulate(&text)?;
    all_pass(&report)?;
    ensure!(report.elapsed < Duration::from_secs(10), "{:?}", report.elapsed);
    Ok(())
}
