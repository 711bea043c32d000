//! The reference of the host file's keys in `docs/host/reference.md` is made from the tables that read it, and has an example
//! of each that is read without a mistake. `NETWRIGHT_WRITE_REFERENCE=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write;

use netwright_nft::diagnostic::{Severity, SourceMap};
use netwright_state::{Format, read, schema};
use serde_json::{Map, Value as Json};

/// A section: its heading, the name of its schema (a kind with `kind` in front), and an example with all its keys. What
/// stands behind `---` is there that the example is whole, and not shown.
const SECTIONS: &[(&str, &str, &str)] = &[
    (
        "The host",
        "",
        "owner = \"office\"\nforwarding = true\n\n[link.lan]\nkind = \"bridge\"\naddresses = [\"192.0.2.1/24\"]\n\n[[route]]\nto = \"10.0.0.0/8\"\ntype = \"blackhole\"\n\n\
         [[rule]]\npriority = 100\nfwmark = 1\ntable = 100\n\n[[neighbour]]\ndev = \"lan\"\naddress = \"192.0.2.7\"\nmac = \"02:00:00:00:00:07\"\n\n\
         [firewall]\nrules = \"table inet filter { }\"\n",
    ),
    ("`forwarding`", "forwarding", "forwarding = { ipv4 = true, ipv6 = false }\n"),
    (
        "`[link.NAME]`: every link",
        "link",
        "[link.uplink]\nmatch = { mac = \"52:54:00:12:34:56\" }\nup = true\nmtu = 1400\nlink-group = 7\ntransmit-queue-length = 500\n\
         mac = \"02:00:00:00:00:01\"\nmaster = \"lan\"\nalternative-names = [\"office\"]\noptional = true\nadopt = true\n\
         ipv4 = { rp-filter = \"loose\" }\nipv6 = { accept-ra = false }\n\n[link.lan]\nkind = \"bridge\"\naddresses = [\"192.0.2.1/24\", \"2001:db8::1/64\"]\n",
    ),
    (
        "`match`",
        "what-a-link-is-matched-by",
        "[link.uplink]\nmatch = { mac = \"52:54:00:12:34:56\", path = \"pci-0000:00:1f.6\" }\n",
    ),
    (
        "An address with more to say",
        "address",
        "[link.eth0]\naddresses = [\n  { address = \"192.0.2.1/24\", label = \"eth0:a\", scope = \"link\", metric = 50, adopt = true },\n  \
         { address = \"198.51.100.1/32\", peer = \"198.51.100.2/32\" },\n  \
         { address = \"2001:db8::1/64\", prefix-route = false, preferred-lifetime = 3600, valid-lifetime = 7200 },\n]\n",
    ),
    (
        "`ipv4` of a link",
        "link's-ipv4-settings",
        "[link.eth0.ipv4]\nforwarding = true\nrp-filter = \"strict\"\nproxy-arp = false\naccept-local = false\narp-ignore = 1\n\
         arp-announce = 2\narp-filter = true\naccept-redirects = false\nsend-redirects = false\naccept-source-route = false\n\
         route-localnet = false\nlog-martians = true\n",
    ),
    (
        "`ipv6` of a link",
        "link's-ipv6-settings",
        "[link.eth0.ipv6]\ndisable = false\nforwarding = true\naccept-ra = \"always\"\nautoconf = true\nprivacy = \"prefer\"\n\
         address-generation = \"stable-privacy\"\nduplicate-address-detection = true\nproxy-ndp = false\naccept-redirects = false\n\
         accept-source-route = false\nhop-limit = 64\n",
    ),
    (
        "`kind = \"bridge\"`",
        "kind bridge",
        "[link.lan]\nkind = \"bridge\"\nports = [\"eth1\", \"eth2\"]\nstp = true\npriority = 4096\nforward-delay = 4\nhello-time = 2\n\
         max-age = 20\nageing-time = 300\ngroup-forward-mask = 8\nvlan-filtering = true\nvlan-default-pvid = 1\n\
         multicast-snooping = true\nmulticast-querier = false\n",
    ),
    ("`kind = \"veth\"`", "kind veth", "[link.v0]\nkind = \"veth\"\npeer = \"v1\"\n"),
    (
        "`kind = \"vlan\"`",
        "kind vlan",
        "[link.eth0]\n\n[link.eth0-7]\nkind = \"vlan\"\nparent = \"eth0\"\nid = 7\nprotocol = \"802.1q\"\n",
    ),
    (
        "`kind = \"vxlan\"`",
        "kind vxlan",
        "[link.eth0]\n\n[link.over]\nkind = \"vxlan\"\nid = 42\nlocal = \"192.0.2.1\"\nremote = \"192.0.2.2\"\nport = 4789\nttl = 64\ntos = 4\n\
         learning = true\nageing-time = 300\nlimit = 1000\nproxy = false\nl2-miss = false\nl3-miss = false\n\n\
         [link.many]\nkind = \"vxlan\"\nid = 43\ngroup = \"239.1.1.1\"\nparent = \"eth0\"\n",
    ),
    (
        "`kind = \"macvlan\"`",
        "kind macvlan",
        "[link.eth0]\n\n[link.m0]\nkind = \"macvlan\"\nparent = \"eth0\"\nmode = \"bridge\"\n",
    ),
    (
        "`kind = \"macvtap\"`",
        "kind macvtap",
        "[link.eth0]\n\n[link.m0]\nkind = \"macvtap\"\nparent = \"eth0\"\nmode = \"private\"\n",
    ),
    (
        "`kind = \"ipvlan\"`",
        "kind ipvlan",
        "[link.eth0]\n\n[link.i0]\nkind = \"ipvlan\"\nparent = \"eth0\"\nmode = \"l2\"\n",
    ),
    (
        "`kind = \"dummy\"`",
        "kind dummy",
        "[link.service]\nkind = \"dummy\"\naddresses = [\"192.0.2.80/32\"]\n",
    ),
    ("`kind = \"ifb\"`", "kind ifb", "[link.shape]\nkind = \"ifb\"\n"),
    (
        "`kind = \"tun\"`",
        "kind tun",
        "[link.t0]\nkind = \"tun\"\nuser = 1000\ngroup = 1000\nmulti-queue = true\npacket-information = false\nvirtio-header = false\n",
    ),
    (
        "`kind = \"tap\"`",
        "kind tap",
        "[link.t0]\nkind = \"tap\"\nuser = 1000\ngroup = 1000\nmulti-queue = true\npacket-information = false\nvirtio-header = true\n",
    ),
    (
        "`kind = \"bond\"`",
        "kind bond",
        "[link.lacp]\nkind = \"bond\"\nports = [\"eth0\", \"eth1\"]\nmode = \"802.3ad\"\nmiimon = 100\nup-delay = 200\ndown-delay = 200\n\
         hash = \"layer3+4\"\nlacp-rate = \"fast\"\naggregation-selection = \"bandwidth\"\nmin-links = 1\n\n\
         [link.spare]\nkind = \"bond\"\nports = [\"eth2\", \"eth3\"]\nmode = \"active-backup\"\nprimary = \"eth2\"\n\
         primary-reselect = \"better\"\nfailover-mac = \"active\"\npeer-notifications = 2\nall-ports-active = false\nresend-igmp = 2\n\n\
         [link.turns]\nkind = \"bond\"\nmode = \"balance-rr\"\npackets-per-port = 8\n",
    ),
    ("`kind = \"vrf\"`", "kind vrf", "[link.blue]\nkind = \"vrf\"\ntable = 100\nports = [\"eth1\"]\n"),
    ("`kind = \"gre\"`", "kind gre", GRE),
    ("`kind = \"gretap\"`", "kind gretap", GRE),
    ("`kind = \"ipip\"`", "kind ipip", IPIP),
    ("`kind = \"sit\"`", "kind sit", IPIP),
    ("`kind = \"ip6gre\"`", "kind ip6gre", GRE6),
    ("`kind = \"ip6gretap\"`", "kind ip6gretap", GRE6),
    ("`kind = \"ip6tnl\"`", "kind ip6tnl", IP6TNL),
    (
        "`[[route]]`",
        "route",
        "[link.eth0]\naddresses = [\"192.0.2.1/24\"]\n\n[[route]]\nto = \"default\"\nvia = \"192.0.2.254\"\ndev = \"eth0\"\nmetric = 100\nsource = \"192.0.2.1\"\n\
         mtu = 1400\nadvmss = 1360\nwindow = 65535\ninitial-congestion-window = 20\ninitial-receive-window = 20\nhop-limit = 64\nquick-ack = true\n\
         adopt = true\n\n[[route]]\nto = \"default\"\nfamily = \"ipv6\"\ntype = \"unreachable\"\n\n\
         [[route]]\nto = \"10.0.0.0/8\"\ndev = \"eth0\"\nscope = \"link\"\ntable = 100\nprotocol = \"static\"\n\n\
         [[route]]\nto = \"10.1.0.0/16\"\nvia = \"203.0.113.1\"\ndev = \"eth0\"\nonlink = true\n\n\
         [[route]]\nto = \"10.2.0.0/16\"\nnexthops = [{ via = \"192.0.2.2\" }, { via = \"192.0.2.3\" }]\n",
    ),
    (
        "`nexthops` of a route",
        "nexthop",
        "[link.eth0]\naddresses = [\"192.0.2.1/24\"]\n\n[[route]]\nto = \"10.2.0.0/16\"\nnexthops = [\n  { via = \"192.0.2.2\", weight = 3 },\n  \
         { via = \"203.0.113.1\", dev = \"eth0\", onlink = true },\n]\n",
    ),
    (
        "`[[rule]]`",
        "policy-rule",
        "[link.eth0]\n\n[[rule]]\npriority = 100\nfrom = \"192.0.2.0/24\"\nto = \"10.0.0.0/8\"\nfwmark = \"0x1/0xff\"\niif = \"eth0\"\ntable = 100\nadopt = true\n\n\
         [[rule]]\npriority = 110\nfamily = \"ipv4\"\nuid-range = \"1000-1999\"\noif = \"eth0\"\nnot = true\naction = \"unreachable\"\n\n\
         [[rule]]\npriority = 120\nfamily = \"ipv6\"\nip-protocol = \"tcp\"\nsource-port = \"1024-65535\"\ndestination-port = 443\naction = \"goto\"\ngoto = 200\n\n\
         [[rule]]\npriority = 200\nfamily = \"ipv6\"\ntable = \"main\"\nsuppress-prefix-length = 0\n",
    ),
    (
        "`[[neighbour]]`",
        "neighbour",
        "[link.eth0]\naddresses = [\"192.0.2.1/24\"]\n\n[[neighbour]]\ndev = \"eth0\"\naddress = \"192.0.2.7\"\nmac = \"02:00:00:00:00:07\"\nstate = \"permanent\"\nadopt = true\n\n\
         [[neighbour]]\ndev = \"eth0\"\naddress = \"192.0.2.8\"\nproxy = true\n",
    ),
    (
        "`[firewall]`",
        "firewall",
        "[firewall]\ninclude = [\"filter.nft\"]\nrules = '''\ntable inet guard {\n  set bad { type ipv4_addr; flags interval; }\n  \
         chain input {\n    type filter hook input priority -10;\n    ip saddr @bad drop\n  }\n}\n'''\nadopt = false\n\n\
         [[firewall.set]]\ntable = \"inet guard\"\nname = \"bad\"\nelements = \"@bad.txt\"\n",
    ),
    (
        "`[[firewall.set]]`",
        "set-of-the-firewall",
        "[firewall]\nrules = '''\ntable inet guard {\n  set bad { type ipv4_addr; flags interval; }\n  set seen { type ipv4_addr; }\n}\n'''\n\n\
         [[firewall.set]]\ntable = \"inet guard\"\nname = \"bad\"\nelements = \"@bad.txt\"\n\n\
         [[firewall.set]]\ntable = \"inet guard\"\nname = \"seen\"\nelements = \"kept\"\n",
    ),
];

const GRE: &str = "[link.eth0]\n\n[link.tunnel]\nkind = \"KIND\"\nlocal = \"192.0.2.1\"\nremote = \"198.51.100.1\"\nparent = \"eth0\"\nttl = 64\ntos = 4\nkey = 7\n";
const IPIP: &str = "[link.eth0]\n\n[link.tunnel]\nkind = \"KIND\"\nlocal = \"192.0.2.1\"\nremote = \"198.51.100.1\"\nparent = \"eth0\"\nttl = 64\ntos = 4\n";
const GRE6: &str = "[link.eth0]\n\n[link.tunnel]\nkind = \"KIND\"\nlocal = \"2001:db8::1\"\nremote = \"2001:db8:1::1\"\nparent = \"eth0\"\nttl = 64\ntos = 4\nkey = 7\n";
const IP6TNL: &str = "[link.eth0]\n\n[link.tunnel]\nkind = \"KIND\"\nlocal = \"2001:db8::1\"\nremote = \"2001:db8:1::1\"\nparent = \"eth0\"\nttl = 64\ntos = 4\n";

/// Keys that are told of elsewhere: what `netwright test` tries.
const ELSEWHERE: &[&str] = &["flow", "only", "test"];

/// Schemas of what `netwright test` tries.
const OF_TESTS: &[&str] = &["flow", "step", "[[only]]", "[test]"];

fn members(value: &Json) -> Map<String, Json> {
    value.as_object().cloned().unwrap_or_default()
}

fn section<'a>(schema: &'a Json, name: &str) -> &'a Json {
    match (name, name.strip_prefix("kind ")) {
        ("", _) => schema,
        (_, Some(kind)) => {
            let kinds = schema["$defs"]["link"]["oneOf"].as_array().unwrap();
            kinds.iter().find(|one| one["properties"]["kind"]["const"] == kind).unwrap()
        }
        _ => schema["$defs"].get(name).unwrap_or_else(|| panic!("there is no schema {name}")),
    }
}

/// What a value may be, in words.
fn values(schema: &Json) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    if let Some(of) = schema["anyOf"].as_array().filter(|of| of.iter().all(|one| one.get("format").is_none()))
    {
        let mut all: Vec<String> = of.iter().map(values).collect();
        all.dedup();
        return all.join(" or ");
    }
    if schema.get("$ref").is_some() {
        return "a table".to_owned();
    }
    let number = |key: &str| schema[key].as_i64();
    match schema["type"].as_str() {
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => match (number("minimum"), number("maximum")) {
            (Some(0), Some(4_294_967_295)) => "a number".to_owned(),
            (Some(least), Some(most)) => format!("{least} to {most}"),
            _ => "a number".to_owned(),
        },
        Some("array") => format!("a list: {}", values(&schema["items"])),
        Some("object") => "a table".to_owned(),
        _ if schema.get("anyOf").is_some() => "an IP address".to_owned(),
        _ => "a string".to_owned(),
    }
}

fn reference() -> String {
    let schema = schema();
    let mut text = String::from(
        "# The keys of a host file\n\n\
         This page is made from the tables that read host files; each example is read by a test. What the keys of flows, `[[flow]]`,\n\
         `[[only]]` and `[test]`, mean is told by `netwright schema`. [What applying a host file does](README.md).\n",
    );
    for (heading, name, example) in SECTIONS {
        let section = section(&schema, name);
        write!(text, "\n## {heading}\n\n").unwrap();
        if let Some(about) = section["description"].as_str().filter(|_| !name.is_empty()) {
            write!(text, "{}\n\n", about.trim()).unwrap();
        }
        let required = section["required"].as_array().cloned().unwrap_or_default();
        let keys = members(&section["properties"]);
        let keys: Vec<_> = keys
            .iter()
            .filter(|(key, _)| *key != "kind" && !(name.is_empty() && ELSEWHERE.contains(&key.as_str())))
            .collect();
        if !keys.is_empty() {
            text.push_str("| Key | Values | |\n| --- | --- | --- |\n");
            for (key, value) in keys {
                let needed = if required.iter().any(|one| one == key) { " (required)" } else { "" };
                let about =
                    value["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
                writeln!(text, "| `{key}`{needed} | {} | {about} |", values(value)).unwrap();
            }
            text.push('\n');
        }
        let kind = name.strip_prefix("kind ").unwrap_or_default();
        write!(text, "```toml\n{}```\n", example.replace("KIND", kind)).unwrap();
    }
    text
}

#[test]
fn the_reference_is_made_from_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/host/reference.md");
    let made = reference();
    if std::env::var_os("NETWRIGHT_WRITE_REFERENCE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == made,
        "docs/host/reference.md is not as the tables are: write it with NETWRIGHT_WRITE_REFERENCE=1"
    );
}

#[test]
fn each_key_has_an_example_that_is_read() {
    let schema = schema();
    for (heading, name, example) in SECTIONS {
        let kind = name.strip_prefix("kind ").unwrap_or_default();
        let example = example.replace("KIND", kind);
        for key in members(&section(&schema, name)["properties"]).keys() {
            let elsewhere = name.is_empty() && ELSEWHERE.contains(&key.as_str());
            let stands = [format!("{key} ="), format!("[{key}"), format!("firewall.{key}")];
            assert!(
                elsewhere || stands.iter().any(|text| example.contains(text)),
                "{heading} has no example of {key}"
            );
        }
        let mut sources = SourceMap::default();
        let mut file =
            |path: &str| Ok(if path.ends_with(".txt") { "192.0.2.1\n".to_owned() } else { String::new() });
        let (host, wrong) = read(&mut sources, "host.toml", &example, Format::Toml, &mut file);
        let wrong: Vec<_> =
            wrong.iter().filter(|one| one.severity == Severity::Error).map(|one| &one.message).collect();
        assert!(host.is_some() && wrong.is_empty(), "{heading}: {wrong:?}\n{example}");
    }
    // and each section is here
    let here: Vec<&str> = SECTIONS.iter().map(|(_, name, _)| *name).collect();
    for name in members(&schema["$defs"]).keys().filter(|name| !OF_TESTS.contains(&name.as_str())) {
        assert!(here.contains(&name.as_str()), "{name} is in no section");
    }
    let kinds = schema["$defs"]["link"]["oneOf"].as_array().unwrap();
    for kind in kinds.iter().filter_map(|one| one["properties"]["kind"]["const"].as_str()) {
        assert!(here.contains(&format!("kind {kind}").as_str()), "the kind {kind} is in no section");
    }
}
