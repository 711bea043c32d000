//! What a host file is read into.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::IpAddr;

use netwright_nft::diagnostic::{Severity, SourceMap};
use netwright_state::model::{
    Addresses, Destination, Endpoint, Expect, Family, FlowSource, FlowTarget, Fwmark, Host, Link, LinkKind,
    RpFilter, Table,
};
use netwright_state::{Format, read};

fn host(text: &str, format: Format) -> Host {
    host_and_sources(text, format).0
}

fn host_and_sources(text: &str, format: Format) -> (Host, SourceMap) {
    let mut sources = SourceMap::default();
    let (host, diagnostics) = read(&mut sources, "dir/host.toml", text, format, &mut |path| {
        (path == "dir/rules.nft").then(|| "table inet a { }\n".to_owned()).ok_or("no such file".to_owned())
    });
    assert_eq!(diagnostics, []);
    (host.unwrap(), sources)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const TOML: &str = r#"
forwarding = { ipv4 = true }

[link.br-lan]
kind = "bridge"
ports = ["lan1", "lan2"]
addresses = ["192.168.1.1/24", { address = "fd00:1::1/64", prefix-route = false, preferred-lifetime = 0 }]
alternative-names = ["inside"]
ipv4 = { rp-filter = "loose", arp-ignore = 0 }

[link.lan1]
up = false
mtu = 1400

[link.vlan7]
kind = "vlan"
parent = "lan2"
id = 7

[[route]]
to = "default"
via = "fd00:1::fe"
dev = "inside"
metric = 3
onlink = true

[[rule]]
priority = 0
fwmark = "0x1/0xff"
uid-range = "1000-1999"
table = "main"

[firewall]
include = ["rules.nft"]
rules = """
table inet b {
}
"""

[[flow]]
name = "a"
from = "inside 192.168.1.9"
to = "192.168.1.1"
tcp = 80
arrives-at = "192.168.1.1:8080"
"#;

const JSON: &str = r#"{
  "forwarding": { "ipv4": true },
  "link": {
    "br-lan": {
      "kind": "bridge", "ports": ["lan1", "lan2"], "mtu": null,
      "addresses": ["192.168.1.1/24", { "address": "fd00:1::1/64", "prefix-route": false, "preferred-lifetime": 0 }],
      "alternative-names": ["inside"], "ipv4": { "rp-filter": "loose", "arp-ignore": 0 }
    },
    "lan1": { "up": false, "mtu": 1400 },
    "vlan7": { "kind": "vlan", "parent": "lan2", "id": 7 }
  },
  "route": [{ "to": "default", "via": "fd00:1::fe", "dev": "inside", "metric": 3, "onlink": true }],
  "rule": [{ "priority": 0, "fwmark": "0x1/0xff", "uid-range": "1000-1999", "table": "main" }],
  "firewall": { "include": ["rules.nft"], "rules": "table inet b {\n}\n" },
  "flow": [{ "name": "a", "from": "inside 192.168.1.9", "to": "192.168.1.1", "tcp": 80,
             "arrives-at": "192.168.1.1:8080" }]
}"#;

#[test]
fn values_are_kept() {
    let host = host(TOML, Format::Toml);
    let forwarding = host.forwarding.as_ref().unwrap();
    assert_eq!((forwarding.ipv4, forwarding.ipv6), (Some(true), None));

    let bridge = host.link("inside").unwrap();
    assert_eq!(bridge.name, "br-lan");
    assert!(bridge.up && bridge.mtu.is_none() && matches!(bridge.kind, Some(LinkKind::Bridge(_))));
    assert_eq!(bridge.ipv4.rp_filter, Some(RpFilter::Loose));
    assert_eq!(bridge.ipv4.declared(), [("rp-filter", "rp_filter", 2), ("arp-ignore", "arp_ignore", 0)]);
    assert_eq!(bridge.addresses[1].preferred_lifetime, Some(0));
    assert_eq!(bridge.networks().map(|network| network.to_string()).collect::<Vec<_>>(), ["192.168.1.0/24"]);

    let route = &host.routes[0];
    assert_eq!((route.to, route.metric, route.table), (Destination::Default, Some(3), None));
    assert_eq!(route.known_family(), Some(Family::Ipv6));
    assert_eq!(route.destination().to_string(), "::/0");

    let rule = &host.rules[0];
    assert_eq!(rule.fwmark, Some(Fwmark { value: 1, mask: 0xff }));
    assert_eq!((rule.uid_range.clone(), rule.table), (Some(1000..=1999), Some(Table::MAIN)));
    assert_eq!(rule.families(), [Family::Ipv4, Family::Ipv6]);

    let flow = &host.flows[0];
    let from =
        FlowSource::Behind { link: "inside".into(), addresses: Addresses::One(address("192.168.1.9")) };
    assert_eq!(
        (flow.from.clone(), flow.tcp.clone(), flow.expect),
        (vec![from], vec![80..=80], Expect::Accept)
    );
    assert_eq!(flow.to, [FlowTarget::from(address("192.168.1.1"))]);
    assert_eq!(flow.arrives_at, Some(Endpoint { address: address("192.168.1.1"), port: Some(8080) }));
    assert_eq!(flow.times, 1);
}

#[test]
fn ports_and_peers_have_links() {
    let host = host(
        "link.br = { kind = \"bridge\", ports = [\"v1\"] }\n[link.v0]\nkind = \"veth\"\npeer = \"v1\"",
        Format::Toml,
    );
    let links: Vec<_> =
        host.links.iter().map(|link| (link.name.as_str(), link.master.as_deref(), link.implied)).collect();
    assert_eq!(links, [("br", None, false), ("v0", None, false), ("v1", Some("br"), true)]);
}

#[test]
fn a_declared_port_gets_its_master() {
    let host = host(TOML, Format::Toml);
    let master = |name: &str| host.link(name).and_then(|link| link.master.clone());
    assert_eq!(master("lan1").as_deref(), Some("br-lan"));
    assert_eq!(master("lan2").as_deref(), Some("br-lan"));
    assert_eq!(master("vlan7"), None);
}

#[test]
fn json_is_the_same() {
    let (toml, json) = (host(TOML, Format::Toml), host(JSON, Format::Json));
    assert_eq!(toml.links, json.links);
    assert_eq!((toml.routes, toml.rules), (json.routes, json.rules));
    assert_eq!((toml.flows, toml.firewall), (json.flows, json.firewall));
    assert_eq!(toml.forwarding, json.forwarding);
}

/// Name and text of each part of the firewall.
fn firewall(text: &str, format: Format) -> Vec<(String, String)> {
    let (host, sources) = host_and_sources(text, format);
    let text = |source| sources.get(source).unwrap().text().to_owned();
    host.firewall_sources.iter().map(|part| (part.name.clone(), text(part.source))).collect()
}

#[test]
fn inline_rules_keep_their_place() {
    let parts = firewall(TOML, Format::Toml);
    let [included, (name, inline)] = parts.as_slice() else { panic!("two texts") };
    assert_eq!(*included, ("dir/rules.nft".into(), "table inet a { }\n".into()));
    assert_eq!(name, "dir/host.toml");
    let at = inline.find("table inet b").unwrap();
    assert_eq!(TOML.find("table inet b"), Some(at));
    assert_eq!(inline.trim(), "table inet b {\n}");
    assert_eq!(inline[..at].lines().count(), TOML[..at].lines().count());
}

#[test]
fn escaped_rules_are_a_text_of_their_own() {
    let parts = firewall(JSON, Format::Json);
    assert_eq!(parts[1], ("dir/host.toml (firewall.rules)".into(), "table inet b {\n}\n".into()));
}

#[test]
fn ways_towards_an_address() {
    let host = host(
        r#"
        link.wan.addresses = ["203.0.113.2/24"]
        link.lan.addresses = ["192.168.1.1/24"]
        [[route]]
        to = "default"
        via = "203.0.113.1"
        [[route]]
        to = "192.168.0.0/16"
        type = "unreachable"
        [[route]]
        to = "10.0.0.0/8"
        nexthops = [{ via = "203.0.113.3" }, { via = "192.168.1.2" }]
        "#,
        Format::Toml,
    );
    assert_eq!(host.devices_towards(address("192.168.1.7")), ["lan"]);
    assert_eq!(host.devices_towards(address("192.168.2.7")), [""; 0]);
    assert_eq!(host.devices_towards(address("8.8.8.8")), ["wan"]);
    assert_eq!(host.devices_towards(address("10.1.1.1")), ["wan", "lan"]);
    assert_eq!(host.devices_towards(address("2001:db8::1")), [""; 0]);
}

#[test]
fn a_host_can_be_made_without_a_file() {
    let wan = Link { name: "wan".into(), ..Link::default() };
    let host = Host { links: vec![wan], ..Host::default() };
    assert!(host.link("wan").unwrap().up);
}

/// Both examples are right, and show enough.
#[test]
fn examples() {
    for (name, flows) in [("host.toml", 8), ("router.toml", 20)] {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
        let path = format!("{directory}/{name}");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut sources = SourceMap::default();
        let mut files = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
        let (host, diagnostics) = read(&mut sources, &path, &text, Format::of(&path), &mut files);
        assert_eq!(diagnostics, []);
        let host = host.unwrap();
        assert!(host.flows.len() >= flows && host.firewall_sources.len() == 1);
    }
}

/// Whatever is done to a file, reading it ends, and says why there is no host.
#[test]
fn damaged_files() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let alphabet: Vec<char> = "[]{}=\"'.,:#\n\\ -/0195aué\u{0}".chars().collect();
    for (text, format) in [(TOML, Format::Toml), (JSON, Format::Json)] {
        for _ in 0..3000 {
            let mut characters: Vec<char> = text.chars().collect();
            for _ in 0..=random(3) {
                let (at, length) = (random(characters.len()), random(12));
                let end = (at + length).min(characters.len());
                match random(4) {
                    0 => drop(characters.drain(at..end)),
                    1 => characters.insert(at, alphabet[random(alphabet.len())]),
                    2 => characters[at] = alphabet[random(alphabet.len())],
                    _ => {
                        let copy = characters[at..end].to_vec();
                        let to = random(characters.len());
                        characters.splice(to..to, copy);
                    }
                }
            }
            let text: String = characters.into_iter().collect();
            let mut sources = SourceMap::default();
            let (host, diagnostics) = read(&mut sources, "x", &text, format, &mut |_| Ok(String::new()));
            let refused = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
            assert_eq!(host.is_none(), refused, "{text}");
            for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
                let end = sources.get(label.span.source).unwrap().text().len();
                assert!(label.span.start <= label.span.end && label.span.end as usize <= end, "{text}");
            }
        }
    }
}
