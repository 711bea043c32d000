#![allow(clippy::unwrap_used)]

use super::*;
use crate::cases::describe;
use crate::testing::{declare, read_host};

const HOST: &str = r#"
forwarding = true
link.wan.addresses = ["203.0.113.2/24", "2001:db8:0:1::2/64"]
link.lan = { kind = "bridge", ports = ["p1", "p2"], addresses = ["192.168.1.1/24"] }
route = [{ to = "default", via = "203.0.113.1" }]
[firewall]
rules = '''
table inet a { chain in { type filter hook input priority 0; policy drop;
  ip saddr 198.51.100.64/26 tcp dport 22 accept
 }
}
'''
"#;

fn rays(flow: &str) -> Result<Vec<String>, Obstacle> {
    let (host, mut sources) = read_host(&format!("{HOST}\n[[flow]]\nname = \"x\"\n{flow}\n"));
    let declared = declare(&host, &mut sources);
    let constants = Constants::of(&declared);
    let rays = Matrix { host: &host, constants: &constants }.rays(&Named::by(&host.flows[0]))?;
    Ok(rays.iter().map(|ray| describe(ray, 1)).collect())
}

#[test]
fn a_single_flow_is_a_single_packet() {
    let single = rays("from = \"wan 198.51.100.9\"\nto = \"203.0.113.2\"\ntcp = 443").unwrap();
    assert_eq!(single, ["wan 198.51.100.9 → 203.0.113.2 tcp 443"]);
    let host = rays("from = \"host\"\nto = \"198.51.100.9\"\nicmp = true").unwrap();
    assert_eq!(host, ["host → 198.51.100.9 icmp echo"]);
}

#[test]
fn lists_and_ranges_are_multiplied() {
    let flow = "from = [\"wan 198.51.100.9\", \"wan 2001:db8::9\"]\nto = \"host\"\ntcp = [80, \"443-444\"]\nudp = 53";
    let found = rays(flow).unwrap();
    assert_eq!(found.len(), 8, "{found:?}");
    assert!(found.contains(&"wan 2001:db8::9 → 2001:db8:0:1::2 tcp 444".into()), "{found:?}");
    assert!(found.contains(&"wan 198.51.100.9 → 203.0.113.2 udp 53".into()), "{found:?}");
}

#[test]
fn networks_are_tried_at_their_ends_and_where_the_ruleset_makes_a_difference() {
    let found = rays("from = \"wan 198.51.100.0/24\"\nto = \"host\"\ntcp = 22").unwrap();
    let senders: Vec<&str> = found.iter().map(|ray| ray.split(' ').nth(1).unwrap()).collect();
    assert_eq!(
        senders,
        [
            "198.51.100.0",
            "198.51.100.63",
            "198.51.100.64",
            "198.51.100.127",
            "198.51.100.128",
            "198.51.100.255"
        ]
    );
    // where the host is on the network, its first and last addresses are nobody's, and its own is not a neighbour's
    let found = rays("from = \"lan 192.168.1.0/24\"\nto = \"host\"\ntcp = 22").unwrap();
    let senders: Vec<&str> = found.iter().map(|ray| ray.split(' ').nth(1).unwrap()).collect();
    assert_eq!(senders, ["192.168.1.254"]);
    assert_eq!(rays("from = \"wan 198.51.100.0/29\"\nto = \"host\"\ntcp = 22").unwrap().len(), 8);
}

#[test]
fn anybody_behind_a_link_is_neighbours_and_strangers() {
    let found = rays("from = \"wan\"\nto = \"host\"\ntcp = 22").unwrap();
    let has = |sender: &str| found.iter().any(|ray| ray.starts_with(&format!("wan {sender} ")));
    assert!(has("203.0.113.1") && has("203.0.113.254"), "{found:?}");
    assert!(has("198.51.100.64") && has("198.51.100.63") && has("198.51.100.128"), "{found:?}");
    assert!(has("2001:db8:0:1::1"), "{found:?}");
    assert!(!has("203.0.113.2") && !has("203.0.113.255"), "{found:?}");
    let found = rays("from = \"lan/*\"\nto = \"host\"\ntcp = 22").unwrap();
    assert!(found.iter().any(|ray| ray.starts_with("p1 192.168.1.")), "{found:?}");
    assert!(found.iter().any(|ray| ray.starts_with("p2 192.168.1.")), "{found:?}");
}

#[test]
fn too_many_are_too_many() {
    let flow = "from = \"wan 198.51.100.0/24\"\nto = \"host\"\ntcp = \"1-65535\"\nsource-port = \"1-65535\"";
    assert!(rays(flow).unwrap_err().contains("are sent at the most"));
}

#[test]
fn ends_of_networks() {
    let ends = |text: &str| {
        let (first, last) = ends(text.parse().unwrap());
        format!("{first} {last} {}", distance(first, last))
    };
    assert_eq!(ends("192.0.2.64/26"), "192.0.2.64 192.0.2.127 63");
    assert_eq!(ends("0.0.0.0/0"), "0.0.0.0 255.255.255.255 4294967295");
    assert_eq!(ends("192.0.2.1/32"), "192.0.2.1 192.0.2.1 0");
    assert_eq!(ends("2001:db8::/127"), "2001:db8:: 2001:db8::1 1");
}
