//! The fuzzers' functions over their seeds and a few thousand mutations, always the same ones.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/fuzz.rs"]
mod fuzz;

use netwright_lab::fuzz::{Target, check};
use netwright_nft::diagnostic::SourceMap;
use netwright_route::link::LinkFlags;
use netwright_route::{Address, Link, Route, Rule};
use netwright_state::{Format, Journal, Owners, Record, Ruleset, Snapshot, plan, read};

const TARGETS: &[Target] = &[
    Target { name: "host", run: fuzz::host, seeds: hosts },
    Target { name: "journal", run: fuzz::journal, seeds: journals },
];

const ROUTER: &str = include_str!("../../../examples/router.toml");
const ALL: &str = "owner = \"o\"\nforwarding = { ipv4 = true }\n[link.b]\nkind = \"bridge\"\nports = [\"v\"]\nstp = true\n\
    addresses = [\"192.0.2.1/24\", { address = \"2001:db8::1/64\", valid-lifetime = 7 }]\n[link.v]\nkind = \"veth\"\npeer = \"w\"\n\
    [link.x]\nkind = \"vxlan\"\nid = 5\nparent = \"b\"\n[link.bo]\nkind = \"bond\"\nmode = \"802.3ad\"\nports = [\"e\"]\n\
    [[route]]\nto = \"default\"\nvia = \"192.0.2.2\"\nmetric = 3\n[[rule]]\npriority = 3\nfwmark = \"1/7\"\ntable = 9\n\
    [[neighbour]]\ndev = \"b\"\naddress = \"192.0.2.3\"\nmac = \"02:00:00:00:00:01\"\n\
    [[flow]]\nname = \"f\"\nfrom = \"b\"\nto = \"192.0.2.9\"\ntcp = 80\nexpect = \"drop\"\n";
const JSON: &str = "{\"link\": {\"d\": {\"kind\": \"dummy\", \"addresses\": [\"192.0.2.1/32\"]}}, \"rule\": [{\"priority\": 1, \"table\": 2}]}";

fn hosts() -> Vec<Vec<u8>> {
    [ROUTER, ALL, JSON, ""].iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn journals() -> Vec<Vec<u8>> {
    let mut sources = SourceMap::default();
    let (host, _) = read(&mut sources, "host.toml", ALL, Format::Toml, &mut |_| Err(String::new()));
    let link = Link { index: 7, name: "e".into(), flags: LinkFlags::UP, mtu: Some(1500), ..Link::default() };
    let address: Address = "198.51.100.1/24".parse().unwrap();
    let before = Snapshot {
        addresses: vec![address.on(link.id())],
        routes: vec![Route::default_via("198.51.100.2".parse().unwrap()).dev(link.id())],
        rules: vec![Rule::default()],
        links: vec![link],
        ..Snapshot::default()
    };
    let owners = Owners { own: Record::new("o"), ..Owners::default() };
    let plan = plan(&host.unwrap(), &Ruleset::default(), &before, &owners);
    let mut journal = Journal::new(&plan, &before, &owners.own);
    let first = journal.to_json().to_string();
    journal.record_after = Some(plan.record_for(&before));
    vec![first.into_bytes(), journal.to_json().to_string().into_bytes()]
}

#[test]
fn host() {
    check(TARGETS, "host");
}

#[test]
fn journal() {
    check(TARGETS, "journal");
}

#[test]
fn all_targets_are_run() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets");
    for target in TARGETS {
        assert!(std::path::Path::new(&format!("{files}/{}.rs", target.name)).exists());
    }
}
