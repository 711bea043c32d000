//! Packets that are sent in fragments.

use netwright_lab::{Lab, Outcome, ensure, ensure_eq};

use crate::{flow, simulate, told};

/// A host whose forward chain begins with a rule, and a flow of each kind, in fragments.
fn host(rule: &str) -> String {
    let mut text = format!(
        r#"forwarding = true
[link.wan]
addresses = ["203.0.113.2/24", "2001:db8:1::2/64"]
[link.lan]
addresses = ["192.168.1.1/24", "2001:db8:2::1/64"]
[firewall]
rules = '''
table inet f {{
 chain early {{ type filter hook prerouting priority -500; policy accept;
  ip saddr 192.168.1.66 ip frag-off & 0x1fff != 0 drop comment "early"
  ip6 saddr 2001:db8:2::66 frag frag-off != 0 drop comment "early"
 }}
 chain in {{ type filter hook input priority 0; policy drop;
  icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
  meta l4proto gre accept comment "gre"
  udp dport 4000 accept comment "in"
 }}
 chain fo {{ type filter hook forward priority 0; policy drop;
  {rule}
  udp dport 4000 accept comment "fo"
 }}
}}
'''
"#
    );
    for (family, network, far) in
        [("v4", "192.168.1.", "203.0.113.9"), ("v6", "2001:db8:2::", "2001:db8:1::9")]
    {
        let own = format!("{network}1");
        for (name, from, to, what) in [
            ("to the host", "50", own.as_str(), "udp = 4000"),
            ("to a shut port", "50", own.as_str(), "udp = 4001"),
            ("without ports", "50", own.as_str(), "protocol = \"gre\""),
            ("onwards", "50", far, "udp = 4000"),
            ("early", "66", far, "udp = 4000"),
        ] {
            text.push_str(&format!(
                "[[flow]]\nname = \"{family} {name}\"\nfrom = \"lan {network}{from}\"\nto = \"{to}\"\n{what}\n\
                 fragment = 16\npayload = \"0123456789012345678901234567890123456789\"\n"
            ));
        }
    }
    text
}

pub(crate) fn what_becomes_whole_at_the_host_is_judged_as_a_whole(_: &mut Lab) -> Outcome {
    let report = simulate(&host("ct state established,related accept"))?;
    for family in ["v4", "v6"] {
        for (name, seen, by) in [
            ("to the host", "accept", "in"),
            ("to a shut port", "drop", "policy drop of chain inet f in"),
            ("without ports", "arrived", "gre"),
            ("onwards", "accept", "fo"),
            ("early", "drop", "early"),
        ] {
            let name = format!("{family} {name}");
            ensure_eq!(flow(&report, &name)?.seen_word(), seen, "{report}");
            ensure_eq!(deciding(&report, &name)?, by, "{name}");
        }
    }
    Ok(())
}

pub(crate) fn where_nothing_is_tracked_each_fragment_counts(_: &mut Lab) -> Outcome {
    let report = simulate(&host(""))?;
    for (name, seen, by) in [
        // IPv4 makes it whole before the host takes it, IPv6 after that
        ("v4 to the host", "accept", "in"),
        ("v6 to the host", "drop", "policy drop of chain inet f in"),
        ("v4 without ports", "arrived", "gre"),
        ("v6 without ports", "arrived", "gre"),
        ("v4 onwards", "drop", "policy drop of chain inet f fo"),
        ("v6 onwards", "drop", "policy drop of chain inet f fo"),
        ("v4 early", "drop", "early"),
        ("v6 early", "drop", "early"),
    ] {
        ensure_eq!(flow(&report, name)?.seen_word(), seen, "{report}");
        ensure_eq!(deciding(&report, name)?, by, "{name}");
    }
    // the host's own are sent whole
    let own = host("").replace("from = \"lan 192.168.1.50\"", "from = \"host\"");
    let report = simulate(&own)?;
    ensure_eq!(flow(&report, "v4 onwards")?.seen_word(), "error");
    ensure!(told(&report, "v4 onwards")?.contains("in fragments"), "{report}");
    Ok(())
}

/// The comment of the only rule that decided, or the policy.
fn deciding(report: &netwright_simulate::Report, name: &str) -> Result<String, netwright_lab::Failure> {
    let verdict = crate::verdict(report, name)?;
    let texts: Vec<&str> = verdict.decided_by.iter().map(|place| place.text.as_str()).collect();
    let comment =
        |text: &str| text.rsplit_once("comment \"").map(|(_, rest)| rest.trim_end_matches('"').to_owned());
    Ok(texts
        .iter()
        .map(|text| comment(text).unwrap_or_else(|| (*text).to_owned()))
        .collect::<Vec<_>>()
        .join(", "))
}
