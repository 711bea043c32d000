//! Each option of each kind of link: what is written for it, and what `ip -d -j` says of it when it is set, changed, taken out
//! of the file, rolled back, and set on a link of somebody else.

use std::collections::{BTreeMap, BTreeSet};

use netwright::route::Link;
use netwright::route::link::{LinkFlags, LinkKind, Set};
use netwright::wire::{Request, Writer};
use netwright_nft::diagnostic::SourceMap;
use netwright_state::{Action, Extent, Format, Owners, Plan, Record, Ruleset, Scope, Snapshot, restore};
use serde_json::Value;

use crate::support::{Place, isolated_with, may_make_tunnels, needs, said, sh};

/// Kind, what stands beside, key, two values; the number of the attribute, its form and both values there; where `ip` shows
/// it, as what, and what it shows when nobody says anything: `-` nothing at all, `=` it stays. Links P and Q are there.
const ROWS: &str = r#"
bridge||stp|true|false|5|u32|1|0|stp_state|1|0|0
bridge||priority|4096|8192|6|u16|4096|8192|priority|4096|8192|32768
bridge||forward-delay|4|5|1|u32|400|500|forward_delay|400|500|1500
bridge||hello-time|1|3|2|u32|100|300|hello_time|100|300|200
bridge||max-age|10|30|3|u32|1000|3000|max_age|1000|3000|2000
bridge||ageing-time|100|200|4|u32|10000|20000|ageing_time|10000|20000|30000
bridge||group-forward-mask|8|16384|9|u16|8|16384|group_fwd_mask|"0x8"|"0x4000"|"0"
bridge||vlan-filtering|true|false|7|u8|1|0|vlan_filtering|1|0|0
bridge||vlan-default-pvid|7|9|39|u16|7|9|vlan_default_pvid|7|9|1
bridge|vlan-filtering = true|vlan-default-pvid|7|0|39|u16|7|0|vlan_default_pvid|7|0|1
bridge||multicast-snooping|false|true|23|u8|0|1|mcast_snooping|0|1|1
bridge||multicast-querier|true|false|25|u8|1|0|mcast_querier|1|0|0
vlan|parent = "P"|id|5|6|1|u16|5|6|id|5|6|
vlan|parent = "P"; id = 5|protocol|"802.1q"|"802.1ad"|5|be16|33024|34984|protocol|"802.1Q"|"802.1ad"|"802.1Q"
vxlan||id|5|6|1|u32|5|6|id|5|6|
vxlan|id = 5|local|"192.0.2.1"|"192.0.2.9"|4|ip|192.0.2.1|192.0.2.9|local|"192.0.2.1"|"192.0.2.9"|=
vxlan|id = 5; remote = "2001:db8::7"|local|"2001:db8::1"|"2001:db8::9"|17|ip|2001:db8::1|2001:db8::9|local6|"2001:db8::1"|"2001:db8::9"|=
vxlan|id = 5|remote|"203.0.113.9"|"203.0.113.8"|2|ip|203.0.113.9|203.0.113.8|remote|"203.0.113.9"|"203.0.113.8"|=
vxlan|id = 5|remote|"2001:db8::9"|"2001:db8::8"|16|ip|2001:db8::9|2001:db8::8|remote6|"2001:db8::9"|"2001:db8::8"|=
vxlan|id = 5; parent = "P"|group|"239.1.1.1"|"239.1.1.2"|2|ip|239.1.1.1|239.1.1.2|group|"239.1.1.1"|"239.1.1.2"|=
vxlan|id = 5; parent = "P"|group|"ff05::1"|"ff05::2"|16|ip|ff05::1|ff05::2|group6|"ff05::1"|"ff05::2"|=
vxlan|id = 5|parent|"P"|"Q"|3|u32|2|3|link|"P"|"Q"|=
vxlan|id = 5|port|8472|4790|15|be16|8472|4790|port|8472|4790|4789
vxlan|id = 5|ttl|9|8|5|u8|9|8|ttl|9|8|0
vxlan|id = 5|tos|4|8|6|u8|4|8|tos|"0x4"|"0x8"|-
vxlan|id = 5|learning|false|true|7|u8|0|1|learning|false|true|true
vxlan|id = 5|ageing-time|100|200|8|u32|100|200|ageing|100|200|300
vxlan|id = 5|limit|10|20|9|u32|10|20|limit|10|20|-
vxlan|id = 5|proxy|false|true|11|u8|0|1|proxy|-|true|-
vxlan|id = 5|l2-miss|false|true|13|u8|0|1|l2miss|-|true|-
vxlan|id = 5|l3-miss|false|true|14|u8|0|1|l3miss|-|true|-
macvlan|parent = "P"|mode|"bridge"|"private"|1|u32|4|1|mode|"bridge"|"private"|"vepa"
macvtap|parent = "P"|mode|"private"|"bridge"|1|u32|1|4|mode|"private"|"bridge"|"vepa"
ipvlan|parent = "P"|mode|"l2"|"l3s"|1|u16|0|2|mode|"l2"|"l3s"|"l3"
tun||user|77777|77778|||||user|77777|77778|=
tun||group|77777|77778|||||group|77777|77778|=
tun||multi-queue|false|true|||||multi_queue|false|true|false
tun||packet-information|false|true|||||pi|false|true|false
tun||virtio-header|false|true|||||vnet_hdr|false|true|false
tap||user|77777|77778|||||user|77777|77778|=
tap||group|77777|77778|||||group|77777|77778|=
tap||multi-queue|false|true|||||multi_queue|false|true|false
tap||packet-information|false|true|||||pi|false|true|false
tap||virtio-header|false|true|||||vnet_hdr|false|true|false
bond||mode|"802.3ad"|"active-backup"|1|u8|4|1|mode|"802.3ad"|"active-backup"|"balance-rr"
bond||miimon|100|200|3|u32|100|200|miimon|100|200|0
bond|miimon = 100|up-delay|200|300|4|u32|200|300|updelay|200|300|0
bond|miimon = 100|down-delay|200|300|5|u32|200|300|downdelay|200|300|0
bond||hash|"layer3+4"|"layer2+3"|14|u8|1|2|xmit_hash_policy|"layer3+4"|"layer2+3"|"layer2"
bond|mode = "802.3ad"; ports = ["P"]|lacp-rate|"fast"|"slow"|21|u8|1|0|ad_lacp_rate|"fast"|"slow"|"slow"
bond|mode = "802.3ad"|aggregation-selection|"bandwidth"|"count"|22|u8|1|2|ad_select|"bandwidth"|"count"|"stable"
bond|mode = "active-backup"; ports = ["P", "Q"]|primary|"P"|"Q"|11|u32|2|3|primary|"P"|"Q"|=
bond|mode = "active-backup"|primary-reselect|"better"|"failure"|12|u8|1|2|primary_reselect|"better"|"failure"|"always"
bond|mode = "active-backup"|failover-mac|"active"|"follow"|13|u8|1|2|fail_over_mac|"active"|"follow"|"none"
bond||min-links|2|3|18|u32|2|3|min_links|2|3|0
bond||peer-notifications|3|5|16|u8|3|5|num_peer_notif|3|5|1
bond||all-ports-active|true|false|17|u8|1|0|all_slaves_active|1|0|0
bond||packets-per-port|2|3|20|u32|2|3|packets_per_slave|2|3|1
bond||resend-igmp|2|3|15|u32|2|3|resend_igmp|2|3|1
vrf||table|7|8|1|u32|7|8|table|7|8|
gre|remote = "192.0.2.2"|local|"192.0.2.1"|"192.0.2.9"|6|ip|192.0.2.1|192.0.2.9|local|"192.0.2.1"|"192.0.2.9"|=
gre|local = "192.0.2.1"|remote|"192.0.2.2"|"192.0.2.3"|7|ip|192.0.2.2|192.0.2.3|remote|"192.0.2.2"|"192.0.2.3"|=
gre|remote = "192.0.2.2"|parent|"P"|"Q"|1|u32|2|3|/link|"P"|"Q"|=
gre|remote = "192.0.2.2"|ttl|9|8|8|u8|9|8|ttl|9|8|=
gre|remote = "192.0.2.2"|tos|4|8|9|u8|4|8|tos|"0x4"|"0x8"|=
gre|remote = "192.0.2.2"|key|7|8|5|be32|7|8|okey|"0.0.0.7"|"0.0.0.8"|=
gretap|remote = "192.0.2.2"|local|"192.0.2.1"|"192.0.2.9"|6|ip|192.0.2.1|192.0.2.9|local|"192.0.2.1"|"192.0.2.9"|=
gretap|local = "192.0.2.1"|remote|"192.0.2.2"|"192.0.2.3"|7|ip|192.0.2.2|192.0.2.3|remote|"192.0.2.2"|"192.0.2.3"|=
gretap|remote = "192.0.2.2"|parent|"P"|"Q"|1|u32|2|3|/link|"P"|"Q"|=
gretap|remote = "192.0.2.2"|ttl|9|8|8|u8|9|8|ttl|9|8|=
gretap|remote = "192.0.2.2"|tos|4|8|9|u8|4|8|tos|"0x4"|"0x8"|=
gretap|remote = "192.0.2.2"|key|7|8|4|be32|7|8|ikey|"0.0.0.7"|"0.0.0.8"|=
ipip|remote = "192.0.2.2"|local|"192.0.2.1"|"192.0.2.9"|2|ip|192.0.2.1|192.0.2.9|local|"192.0.2.1"|"192.0.2.9"|=
ipip|local = "192.0.2.1"|remote|"192.0.2.2"|"192.0.2.3"|3|ip|192.0.2.2|192.0.2.3|remote|"192.0.2.2"|"192.0.2.3"|=
ipip|remote = "192.0.2.2"|parent|"P"|"Q"|1|u32|2|3|/link|"P"|"Q"|=
ipip|remote = "192.0.2.2"|ttl|9|8|4|u8|9|8|ttl|9|8|=
ipip|remote = "192.0.2.2"|tos|4|8|5|u8|4|8|tos|"0x4"|"0x8"|=
sit|remote = "192.0.2.2"|local|"192.0.2.1"|"192.0.2.9"|2|ip|192.0.2.1|192.0.2.9|local|"192.0.2.1"|"192.0.2.9"|=
sit|local = "192.0.2.1"|remote|"192.0.2.2"|"192.0.2.3"|3|ip|192.0.2.2|192.0.2.3|remote|"192.0.2.2"|"192.0.2.3"|=
sit|remote = "192.0.2.2"|parent|"P"|"Q"|1|u32|2|3|/link|"P"|"Q"|=
sit|remote = "192.0.2.2"|ttl|9|8|4|u8|9|8|ttl|9|8|=
sit|remote = "192.0.2.2"|tos|4|8|5|u8|4|8|tos|"0x4"|"0x8"|=
ip6gre|remote = "2001:db8::2"|local|"2001:db8::1"|"2001:db8::9"|6|ip|2001:db8::1|2001:db8::9|local|"2001:db8::1"|"2001:db8::9"|=
ip6gre|local = "2001:db8::1"|remote|"2001:db8::2"|"2001:db8::3"|7|ip|2001:db8::2|2001:db8::3|remote|"2001:db8::2"|"2001:db8::3"|=
ip6gre|remote = "2001:db8::2"|parent|"P"|"Q"|1|u32|2|3|/link|"P"|"Q"|=
ip6gre|remote = "2001:db8::2"|ttl|9|8|8|u8|9|8|ttl|9|8|=
ip6gre|remote = "2001:db8::2"|tos|4|8|12|be32|4194304|8388608|tclass|"0x04"|"0x08"|"0x00"
ip6gre|remote = "2001:db8::2"|key|7|8|5|be32|7|8|okey|"0.0.0.7"|"0.0.0.8"|=
ip6gretap|remote = "2001:db8::2"|local|"2001:db8::1"|"2001:db8::9"|6|ip|2001:db8::1|2001:db8::9|local|"2001:db8::1"|"2001:db8::9"|=
ip6gretap|local = "2001:db8::1"|remote|"2001:db8::2"|"2001:db8::3"|7|ip|2001:db8::2|2001:db8::3|remote|"2001:db8::2"|"2001:db8::3"|=
ip6gretap|remote = "2001:db8::2"|parent|"P"|"Q"|1|u32|2|3|/link|"P"|"Q"|=
ip6gretap|remote = "2001:db8::2"|ttl|9|8|8|u8|9|8|ttl|9|8|=
ip6gretap|remote = "2001:db8::2"|tos|4|8|12|be32|4194304|8388608|tclass|"0x04"|"0x08"|"0x00"
ip6gretap|remote = "2001:db8::2"|key|7|8|4|be32|7|8|ikey|"0.0.0.7"|"0.0.0.8"|=
ip6tnl|remote = "2001:db8::2"|local|"2001:db8::1"|"2001:db8::9"|2|ip|2001:db8::1|2001:db8::9|local|"2001:db8::1"|"2001:db8::9"|=
ip6tnl|local = "2001:db8::1"|remote|"2001:db8::2"|"2001:db8::3"|3|ip|2001:db8::2|2001:db8::3|remote|"2001:db8::2"|"2001:db8::3"|=
ip6tnl|remote = "2001:db8::2"|parent|"P"|"Q"|1|u32|2|3|/link|"P"|"Q"|=
ip6tnl|remote = "2001:db8::2"|ttl|9|8|4|u8|9|8|ttl|9|8|=
ip6tnl|remote = "2001:db8::2"|tos|4|8|7|be32|4194304|8388608|tclass|"0x04"|"0x08"|"0x00"
"#;

/// Keys that are no option of the kernel's data, or are told of by other tests.
const NOT_OPTIONS: &[&str] = &["ports", "peer", "kind"];

struct Row {
    kind: &'static str,
    beside: &'static str,
    key: &'static str,
    values: [&'static str; 2],
    attribute: Option<u16>,
    form: &'static str,
    written: [&'static str; 2],
    path: String,
    seen: [&'static str; 2],
    usual: &'static str,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let part: Vec<&'static str> = line.split('|').collect();
        assert_eq!(part.len(), 13, "{line}");
        let path = match part[9].strip_prefix('/') {
            Some(path) => format!("/{path}"),
            None => format!("/linkinfo/info_data/{}", part[9]),
        };
        Row {
            kind: part[0],
            beside: part[1],
            key: part[2],
            values: [part[3], part[4]],
            attribute: part[5].parse().ok(),
            form: part[6],
            written: [part[7], part[8]],
            path,
            seen: [part[10], part[11]],
            usual: part[12],
        }
    };
    ROWS.lines().filter(|line| !line.is_empty()).map(row).collect()
}

impl Row {
    fn name(&self) -> String {
        format!("{} {} ({})", self.kind, self.key, self.beside)
    }

    /// A host file with the option, or without.
    fn file(&self, value: Option<&str>, adopt: bool) -> String {
        let beside: String = self.beside.split("; ").map(|line| format!("{line}\n")).collect();
        let own = value.map_or_else(String::new, |value| format!("{} = {value}\n", self.key));
        let adopt = if adopt { "adopt = true\n" } else { "" };
        format!(
            "owner = \"rows\"\n[link.P]\n[link.Q]\n[link.x]\nkind = \"{}\"\n{beside}{own}{adopt}",
            self.kind
        )
    }

    /// The bytes of the attribute.
    fn bytes(&self, which: usize) -> Vec<u8> {
        let text = self.written[which];
        match self.form {
            "u8" => vec![text.parse().unwrap()],
            "u16" => text.parse::<u16>().unwrap().to_ne_bytes().to_vec(),
            "u32" => text.parse::<u32>().unwrap().to_ne_bytes().to_vec(),
            "be16" => text.parse::<u16>().unwrap().to_be_bytes().to_vec(),
            "be32" => text.parse::<u32>().unwrap().to_be_bytes().to_vec(),
            "ip" => match text.parse::<std::net::IpAddr>().unwrap() {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets().to_vec(),
            },
            form => panic!("{form}"),
        }
    }
}

/// The attributes in some bytes, by number.
fn attributes(mut bytes: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let mut found = BTreeMap::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let number = u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff;
        found.insert(number, bytes[4..length].to_vec());
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    found
}

/// The attribute of a link's kind in a message, where it is.
fn data_in(request: &impl Request, number: u16) -> Option<Vec<u8>> {
    const HEADER: usize = 16;
    const LINK_INFO: u16 = 18;
    const DATA: u16 = 2;
    let mut writer = Writer::new();
    request.write(&mut writer);
    let all = attributes(&writer.bytes()[HEADER..]);
    let data = attributes(all.get(&LINK_INFO)?).remove(&DATA)?;
    attributes(&data).remove(&number)
}

const TUNNELS: [&str; 7] = ["gre", "gretap", "ipip", "sit", "ip6gre", "ip6gretap", "ip6tnl"];

/// The attributes of the kind's data that actions write of the link `x`.
fn numbers(actions: &[Action]) -> BTreeSet<u16> {
    (1..64).filter(|number| !written(actions, *number).is_empty()).collect()
}

/// What the actions write of an attribute of the link `x`, one after the other.
fn written<'a>(actions: impl IntoIterator<Item = &'a Action>, number: u16) -> Vec<Vec<u8>> {
    let of = |action: &Action| match action {
        Action::CreateLink(id, create) if id.name().as_deref() == Some("x") => data_in(&**create, number),
        Action::ChangeLink(id, change) if id.name().as_deref() == Some("x") => {
            data_in(&Set { link: *id, change }, number)
        }
        _ => None,
    };
    actions.into_iter().filter_map(of).collect()
}

fn planned(text: &str, snapshot: &Snapshot, owners: &Owners) -> Plan {
    let mut sources = SourceMap::default();
    let none = &mut |_: &str| Err("no such file".to_owned());
    let (host, wrong) = netwright_state::read(&mut sources, "host.toml", text, Format::Toml, none);
    let host = host.unwrap_or_else(|| panic!("{wrong:?}\n{text}"));
    netwright_state::plan(&host, &Ruleset::default(), snapshot, owners)
}

/// The link as the kernel would have it after a plan that makes it, with all that further steps set.
fn made(plan: &Plan, snapshot: &Snapshot) -> Snapshot {
    let mut made = snapshot.clone();
    for action in plan.steps.iter().flat_map(|step| &step.actions) {
        match action {
            Action::CreateLink(id, create) => {
                let mut kind = Some(create.kind.clone());
                // what every kernel tells of a bridge that knows of it
                if let Some(LinkKind::Bridge(bridge)) = &mut kind {
                    bridge.vlan_default.get_or_insert(1);
                    bridge.multicast_querier.get_or_insert(false);
                }
                let alias = create.settings.alias.clone();
                let parent = create.parent.map(|parent| parent.index);
                made.links.push(Link {
                    index: id.index,
                    name: "x".into(),
                    kind,
                    alias,
                    parent,
                    ..Link::default()
                });
            }
            Action::ChangeLink(id, change) => {
                let link = made.links.iter_mut().find(|link| link.index == id.index).unwrap();
                link.flags |= change.set_flags;
                link.master = change.master.map(|master| master.index).or(link.master);
                // the one option that a link is not made with
                if let (Some(LinkKind::Bond(bond)), Some(LinkKind::Bond(set))) =
                    (&mut link.kind, &change.kind)
                {
                    bond.primary = set.primary.or(bond.primary);
                }
            }
            _ => {}
        }
    }
    made
}

#[test]
fn each_option_is_written_changed_and_undone_as_the_kernels_attribute() {
    let card = |index: u32, name: &str| Link {
        index,
        name: name.into(),
        flags: LinkFlags::UP,
        mtu: Some(1500),
        ..Link::default()
    };
    let empty = Snapshot { links: vec![card(1, "lo"), card(2, "P"), card(3, "Q")], ..Snapshot::default() };
    let nobody = Owners { own: Record::new("rows"), others: Vec::new() };
    let mut wrong = Vec::new();
    let (mut tried, mut anew) = (0, 0);
    for row in rows() {
        let Some(number) = row.attribute else { continue };
        let [a, b] = [0, 1].map(|which| row.bytes(which));
        let mut expect = |what: &str, found: Vec<Vec<u8>>, wanted: &[u8]| {
            tried += 1;
            if found.last().map(Vec::as_slice) != Some(wanted) {
                wrong.push(format!("{}: {what}: {found:?} instead of {wanted:?}", row.name()));
            }
        };
        let actions =
            |plan: &Plan| plan.steps.iter().flat_map(|step| step.actions.clone()).collect::<Vec<_>>();
        let first = planned(&row.file(Some(row.values[0]), false), &empty, &nobody);
        expect("made", written(&actions(&first), number), &a);
        let at_a = made(&first, &empty);
        let owners = Owners { own: first.record_for(&at_a), others: Vec::new() };
        let second = planned(&row.file(Some(row.values[1]), false), &at_a, &owners);
        expect("changed", written(&actions(&second), number), &b);
        if actions(&second).iter().any(|action| matches!(action, Action::DeleteLink(_))) {
            anew += 1;
            continue;
        }
        let at_b = made(&planned(&row.file(Some(row.values[1]), false), &empty, &nobody), &empty);
        let back = restore(&at_a, &Scope::of(&second, &at_a), &at_b, Extent::All);
        let back: Vec<Action> = back.into_iter().flat_map(|step| step.actions).collect();
        expect("undone", written(&back, number), &a);
        if TUNNELS.contains(&row.kind) {
            // of a tunnel the kernel takes what a change does not say for nothing
            let [made, changed] = [&first, &second].map(|plan| numbers(&actions(plan)));
            if !made.iter().all(|number| changed.contains(number)) {
                wrong.push(format!("{}: a change says {changed:?} of {made:?}", row.name()));
            }
        }
        // what nobody needs to say again is not said
        let again = planned(&row.file(Some(row.values[1]), false), &at_b, &owners);
        let again = written(&actions(&again), number);
        if !again.is_empty() {
            wrong.push(format!("{}: said again: {again:?}", row.name()));
        }
    }
    println!(
        "figure: {tried} attributes written, {anew} of them by making the link anew, wrong {}",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A row that is added to the model and not here is one that nobody tries.
#[test]
fn each_option_of_the_schema_has_a_row_here() {
    let tried: BTreeSet<(&str, &str)> = rows().iter().map(|row| (row.kind, row.key)).collect();
    let schema = netwright_state::schema();
    let mut missing = Vec::new();
    let mut kinds = 0;
    let list = schema["$defs"]["link"]["oneOf"].as_array();
    for kind in list.unwrap() {
        let Some(name) = kind["properties"]["kind"]["const"].as_str() else { continue };
        kinds += 1;
        for key in kind["properties"].as_object().unwrap().keys() {
            let parent = key == "parent" && matches!(name, "vlan" | "macvlan" | "macvtap" | "ipvlan");
            if !tried.contains(&(name, key.as_str())) && !NOT_OPTIONS.contains(&key.as_str()) && !parent {
                missing.push(format!("{name} {key}"));
            }
        }
    }
    assert!(kinds > 15, "only {kinds} kinds are in the schema");
    assert!(missing.is_empty(), "{missing:?}");
}

fn seen(path: &str) -> Value {
    let text = sh("ip -d -j link show x 2>/dev/null || echo []");
    let json: Value = serde_json::from_str(&text).unwrap();
    json[0].pointer(path).cloned().unwrap_or_default()
}

/// All rows of a kind, in one namespace. What is wrong comes back; `absent` where the kernel has no such kind.
fn live(place: &Place, kind: &str) -> String {
    if ["tun", "tap"].contains(&kind) && !may_make_tunnels() {
        return "absent".to_owned();
    }
    sh(
        "ip link set lo up; for n in P Q; do ip link add $n type veth peer name far$n; ip link set $n up; ip link set far$n up; done",
    );
    let mut wrong: Vec<String> = Vec::new();
    let (mut tried, mut lacking) = (0, Vec::new());
    for row in rows().iter().filter(|row| row.kind == kind) {
        let shows = |what: &str, wanted: &str, told: &str, wrong: &mut Vec<String>| {
            let found = seen(&row.path);
            let wanted: Value =
                if wanted == "-" { Value::Null } else { serde_json::from_str(wanted).unwrap() };
            let text = |value: &Value| value.to_string().replace('"', "");
            if text(&found) != text(&wanted) {
                wrong.push(format!("{}: {what}: ip shows {found} instead of {wanted}: {told}", row.name()));
            }
        };
        let put = |value: Option<&str>, adopt: bool| {
            place.write("host.toml", &row.file(value, adopt));
            place.apply(&place.folder.join("host.toml"))
        };
        let still = |what: &str, wrong: &mut Vec<String>| {
            let (code, told) =
                said(place.netwright().args(["plan", "--exit-code"]).arg(place.folder.join("host.toml")));
            if code != Some(0) {
                wrong.push(format!("{}: {what}: not as declared: {told}", row.name()));
            }
        };
        let (code, told) = put(Some(row.values[0]), false);
        if code != Some(0) {
            if told.contains("EOPNOTSUPP") && tried == 0 {
                return "absent".to_owned();
            }
            // a feature that a kernel was built without, which is refused or shows itself when it is looked again
            match told.contains("EOPNOTSUPP") || told.contains(" nothing → ") {
                true => lacking.push(row.name()),
                false => wrong.push(format!("{}: it cannot be set: {told}", row.name())),
            }
            sh("ip link del x 2>/dev/null || :");
            continue;
        }
        tried += 1;
        shows("set", row.seen[0], &told, &mut wrong);
        still("set", &mut wrong);
        let (code, told) = put(Some(row.values[1]), false);
        if code != Some(0) {
            wrong.push(format!("{}: it cannot be changed: {told}", row.name()));
        }
        shows("changed", row.seen[1], &told, &mut wrong);
        still("changed", &mut wrong);
        if !row.usual.is_empty() {
            let (code, told) = put(None, false);
            let (stays, nothing) = (told.contains("stays as it is"), told.contains("Nothing to do"));
            if code != Some(0) || stays != (row.usual == "=") {
                wrong.push(format!("{}: taken out: {told}", row.name()));
            }
            let usual = if row.usual == "=" { row.seen[1] } else { row.usual };
            shows("taken out", usual, &told, &mut wrong);
            still("taken out", &mut wrong);
            let (_, told) = said(place.netwright().args(["rollback"]));
            // where there was nothing to do, the change before that goes back
            let before = if nothing { row.seen[0] } else { row.seen[1] };
            shows("rolled back", before, &told, &mut wrong);
            // what somebody else made is put back when it is withdrawn
            if put(None, false).0 == Some(0) && row.usual != "=" {
                let before = seen(&row.path);
                sh(&format!("rm -r {}/state; ip link set x alias ''", place.folder.display()));
                let (code, told) = put(Some(row.values[0]), true);
                let anew = told.contains("made otherwise");
                if code != Some(0) {
                    wrong.push(format!("{}: adopted: {told}", row.name()));
                }
                shows("adopted", row.seen[0], &told, &mut wrong);
                still("adopted", &mut wrong);
                if !anew {
                    let (_, told) = said(place.netwright().arg("withdraw"));
                    let now = seen(&row.path);
                    if now != before {
                        wrong.push(format!("{}: given back: {now} instead of {before}: {told}", row.name()));
                    }
                    sh("ip link del x");
                }
            }
        }
        said(place.netwright().arg("withdraw"));
        if sh("ip -o link").contains(": x") {
            wrong.push(format!("{}: it is still there", row.name()));
            sh("ip link del x");
        }
    }
    let list =
        wrong.iter().map(|text| text.lines().take(12).collect::<Vec<_>>().join("\n   ")).collect::<Vec<_>>();
    let lacking = if lacking.is_empty() {
        String::new()
    } else {
        format!(", not in this kernel: {}", lacking.join(", "))
    };
    format!("{tried} tried, {} wrong{lacking}\n{}", wrong.len(), list.join("\n"))
}

const LIVE: &str = "rows::each_option_is_seen_by_ip_when_it_is_set_changed_and_taken_back";

#[test]
fn each_option_is_seen_by_ip_when_it_is_set_changed_and_taken_back() {
    if !needs(&["ip"]) {
        return;
    }
    let mut kinds: Vec<&str> = rows().iter().map(|row| row.kind).collect();
    kinds.dedup();
    let (mut wrong, mut absent, mut tried) = (Vec::new(), Vec::new(), Vec::new());
    for (number, kind) in kinds.iter().enumerate() {
        let told = isolated_with(LIVE, number as u64, |place, number| {
            let mut kinds: Vec<&str> = rows().iter().map(|row| row.kind).collect();
            kinds.dedup();
            live(place, kinds[number as usize])
        });
        match told {
            None => return,
            Some(Ok(told)) if told.starts_with("absent") => absent.push(*kind),
            Some(Ok(told)) if told.contains(" 0 wrong") => {
                tried.push(format!("{kind} {}", told.lines().next().unwrap_or_default()))
            }
            Some(Ok(told) | Err(told)) => wrong.push(format!("{kind}: {told}")),
        }
    }
    println!("figure: {}", tried.join("; "));
    println!("figure: what cannot be made here: {}", absent.join(", "));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // these every kernel has on which anything of this is tried
    assert!(!absent.contains(&"bridge") && !absent.contains(&"vxlan"), "{absent:?}");
}
