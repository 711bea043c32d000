//! What plans say and do, against a simulated kernel.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::host;
use common::kernel::Kernel;
use common::random::element;
use netwright_netfilter::Family as TableFamily;
use netwright_netfilter::object::{TunnelFlags, TunnelIpv4Attrs, TunnelKeyAttrs};
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::ir::{
    Chain, Counter, Log, Object, ObjectData, ObjectKind, Rule, Set, Statement, Table as IrTable,
};
use netwright_route::{Address, Protocol, Route};
use netwright_state::model::Host;
use netwright_state::ruleset::Table;
use netwright_state::step::Verb;
use netwright_state::{Action, ApplyError, Owners, Plan, Progress, Record, Ruleset, Wish, alias_of, bring};
use netwright_wire::Writer;

/// A namespace, and what was made there for the owner of the tests.
#[derive(Clone)]
struct Place {
    kernel: Kernel,
    owners: Owners,
}

impl Place {
    fn with(cards: &[&str]) -> Self {
        let owners = Owners { own: Record::new("test"), ..Owners::default() };
        Place { kernel: Kernel::with(cards), owners }
    }
}

impl std::ops::Deref for Place {
    type Target = Kernel;

    fn deref(&self) -> &Kernel {
        &self.kernel
    }
}

impl std::ops::DerefMut for Place {
    fn deref_mut(&mut self) -> &mut Kernel {
        &mut self.kernel
    }
}

fn plan(host: &Host, firewall: &Ruleset, place: &Place) -> Plan {
    netwright_state::plan(host, firewall, &place.kernel.state, &place.owners)
}

fn steps(kernel: &Place, text: &str) -> String {
    plan(&host(text), &Ruleset::default(), kernel).to_string()
}

#[track_caller]
fn done(kernel: &mut Place, text: &str) {
    done_with(kernel, &host(text), &Ruleset::default());
}

#[track_caller]
fn done_with(kernel: &mut Place, host: &Host, firewall: &Ruleset) {
    let Place { kernel, owners } = kernel;
    let wish = Wish { host, firewall, owners: &*owners };
    let report = bring(wish, kernel, &mut |_: Progress<'_>| {}).unwrap_or_else(|error| panic!("{error}"));
    owners.own = report.record;
}

#[track_caller]
fn refusals(plan: &Plan) -> Vec<&str> {
    plan.errors().map(|error| error.message.as_str()).collect()
}

const LAN: &str = r#"
forwarding = true
[link.br-lan]
kind = "bridge"
ports = ["eth1"]
mtu = 1400
addresses = ["192.168.1.1/24"]
[link.eth0]
addresses = ["203.0.113.2/24"]
[[route]]
to = "default"
via = "203.0.113.1"
"#;

#[test]
fn lines_say_what_changes_in_the_order_in_which_it_does() {
    let mut kernel = Place::with(&["eth0", "eth1"]);
    let expected = "\
+ link br-lan: bridge
~ setting net.ipv4.ip_forward: 0 → 1
~ setting net.ipv6.conf.all.forwarding: 0 → 1
~ link eth1: master br-lan, up
~ link br-lan: mtu 1400, up
~ link eth0: up
+ address 192.168.1.1/24 on br-lan
+ address 203.0.113.2/24 on eth0
+ route default via 203.0.113.1 dev eth0
";
    assert_eq!(steps(&kernel, LAN), expected);
    done(&mut kernel, LAN);
    let changed =
        LAN.replace("1400", "1450").replace("203.0.113.1\"", "203.0.113.9\"").replace("= true", "= false");
    let expected = "\
~ setting net.ipv4.ip_forward: 1 → 0
~ setting net.ipv6.conf.all.forwarding: 1 → 0
~ link br-lan: mtu 1400 → 1450
~ route default via 203.0.113.9 dev eth0 (before: default via 203.0.113.1 dev eth0 proto netwright)
";
    assert_eq!(steps(&kernel, &changed), expected);
    assert_eq!(steps(&kernel, LAN), "");
}

#[test]
fn programs_read_it_as_json() {
    let kernel = Place::with(&["eth0", "eth1"]);
    let mut sources = SourceMap::default();
    let mut none = |_: &str| Err(String::new());
    let (host, _) =
        netwright_state::read(&mut sources, "host.toml", LAN, netwright_state::Format::Toml, &mut none);
    let json = plan(&host.unwrap(), &Ruleset::default(), &kernel).to_json(&sources);
    let step = &json["steps"][6];
    assert_eq!(step["does"], "add");
    assert_eq!(step["object"], "address");
    assert_eq!(step["text"], "address 192.168.1.1/24 on br-lan");
    assert_eq!((&step["file"], &step["line"]), (&"host.toml".into(), &7.into()));
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn links_that_it_did_not_make_stay() {
    let mut kernel = Place::with(&["eth0", "eth1"]);
    done(&mut kernel, LAN);
    assert_eq!(kernel.at("br-lan").unwrap().alias, Some(alias_of("test")));
    assert_eq!(kernel.at("eth0").unwrap().alias, None);
    // An alias that somebody writes over it takes nothing away from who made the link.
    kernel.at("br-lan").unwrap().alias = Some("somebody's".to_owned());
    assert!(steps(&kernel, "").contains("- link br-lan"));
    done(&mut kernel, "");
    assert!(kernel.state.link("br-lan").is_none() && kernel.state.link("eth1").is_some());
}

#[test]
fn what_is_foreign_and_right_is_taken_as_it_is() {
    let mut kernel = Place::with(&["eth0", "eth1"]);
    done(&mut kernel, "[link.eth0]\n[link.eth1]");
    let eth0 = kernel.at("eth0").unwrap().id();
    let address: Address = "203.0.113.2/24".parse().unwrap();
    kernel.run(&Action::Address(Verb::Add, Box::new(address.on(eth0)))).unwrap();
    let route = Route::default_via("203.0.113.1".parse().unwrap()).dev(eth0).protocol(Protocol::DHCP);
    kernel.run(&Action::Route(Verb::Add, Box::new(route))).unwrap();
    let text =
        "[link.eth0]\naddresses = [\"203.0.113.2/24\"]\n[[route]]\nto = \"default\"\nvia = \"203.0.113.1\"";
    let text = &format!("{text}\n[link.eth1]");
    assert_eq!(steps(&kernel, text), "");
    // It was not made here, so it is not removed either.
    assert_eq!(steps(&kernel, "[link.eth0]\n[link.eth1]"), "");
    // Another gateway with the same key would take the place of the foreign one.
    let other = text.replace("113.1\"", "113.9\"");
    let refused = plan(&host(&other), &Ruleset::default(), &kernel);
    assert_eq!(refusals(&refused), ["route default exists already, made by somebody else"]);
    let help = refused.errors().next().unwrap().help.join("\n");
    assert!(help.contains("There is default via 203.0.113.1 dev eth0 proto dhcp."), "{help}");
    assert!(help.contains("Declared is default via 203.0.113.9 dev eth0"), "{help}");
    let adopted = other.replace("113.9\"", "113.9\"\nadopt = true");
    let expected =
        "~ route default via 203.0.113.9 dev eth0 (before: default via 203.0.113.1 dev eth0 proto dhcp)\n";
    assert_eq!(steps(&kernel, &adopted), expected);
    // When it leaves the file, the old one comes back.
    let before = kernel.state.routes.clone();
    done(&mut kernel, &adopted);
    done(&mut kernel, "[link.eth0]\n[link.eth1]");
    assert_eq!(kernel.state.routes, before);
}

#[test]
fn what_cannot_be_is_an_error_with_its_place() {
    let mut kernel = Place::with(&["eth0", "eth1"]);
    done(&mut kernel, LAN);
    let text =
        LAN.replace("kind = \"bridge\"\nports = [\"eth1\"]", "kind = \"vlan\"\nparent = \"eth1\"\nid = 7");
    let host = host(&text.replace("[link.eth0]", "[link.eth1]\n[link.eth9]"));
    let plan = plan(&host, &Ruleset::default(), &kernel);
    // its own it makes anew
    assert_eq!(refusals(&plan), Vec::<&str>::new());
    assert!(plan.to_string().contains("~ link br-lan: vlan 7 on eth1"), "{plan}");
    assert_eq!(plan.missing.iter().map(|missing| missing.name.as_str()).collect::<Vec<_>>(), ["eth9"]);
    let stranger = Owners { own: Record::new("stranger"), ..Owners::default() };
    let plan = netwright_state::plan(&host, &Ruleset::default(), &kernel.state, &stranger);
    assert_eq!(refusals(&plan), ["link `br-lan` exists already as a bridge, not as a vlan"]);
    assert!(plan.diagnostics.iter().all(|error| error.span().unwrap().end > 0));
    let before = kernel.state.clone();
    let wish = Wish { host: &host, firewall: &Ruleset::default(), owners: &stranger };
    let error = netwright_state::apply(wish, &plan, &before, &mut kernel.kernel, &mut |_: Progress<'_>| {});
    assert!(matches!(error, Err(ApplyError::Impossible(_))));
    assert_eq!(kernel.state, before);
}

/// The first address of a network takes its secondaries along, and the last of IPv4 the routes.
#[test]
fn what_goes_along_comes_back() {
    let mut kernel = Place::with(&["eth0"]);
    let text = "[link.eth0]\naddresses = [\"192.0.2.1/24\", \"192.0.2.2/24\"]\n[[route]]\nto = \"default\"\nvia = \"192.0.2.9\"";
    done(&mut kernel, text);
    let eth0 = kernel.at("eth0").unwrap().id();
    let foreign = Route::to("10.0.0.0/8".parse().unwrap()).dev(eth0).protocol(Protocol::STATIC);
    kernel.run(&Action::Route(Verb::Add, Box::new(foreign))).unwrap();
    let changed = text.replace("\"192.0.2.1/24\", ", "");
    let expected = "\
- address 192.0.2.1/24 on eth0
= address 192.0.2.2/24 on eth0
= route default via 192.0.2.9 dev eth0
= route 10.0.0.0/8 dev eth0
";
    assert_eq!(steps(&kernel, &changed), expected);
    done(&mut kernel, &changed);
    assert_eq!(kernel.state.routes.len(), 2);
}

const NAME: &str = "filter";

fn chain(name: &str, prefixes: &[&str]) -> Chain {
    let rule = |prefix: &&str| {
        let log = Log { prefix: Some((*prefix).to_owned()), ..Log::default() };
        Rule {
            statements: vec![Statement::Log(log), Statement::Counter(Counter::default())],
            ..Rule::default()
        }
    };
    let rules = prefixes.iter().map(rule).collect();
    let (family, table, name) = (TableFamily::INET, NAME.to_owned(), name.to_owned());
    Chain { family, table, name, rules, ..Chain::default() }
}

fn set(name: &str, flags: u32, elements: &[u8]) -> Set {
    let (family, table, name) = (TableFamily::INET, NAME.to_owned(), name.to_owned());
    let elements = elements.iter().map(|&number| element(number)).collect();
    Set { family, table, name, flags, elements, ..Set::default() }
}

fn firewall(chains: Vec<Chain>, sets: Vec<Set>) -> Ruleset {
    let table = IrTable { family: TableFamily::INET, name: NAME.to_owned(), ..IrTable::default() };
    Ruleset { tables: vec![Table { table, chains, sets, ..Table::default() }] }
}

fn handles(kernel: &Place) -> Vec<(String, u64)> {
    let prefix = |rule: &Rule| match rule.statements.first() {
        Some(Statement::Log(log)) => log.prefix.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let rules =
        kernel.state.firewall.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    rules.map(|rule| (prefix(rule), rule.handle.unwrap())).collect()
}

/// Counters that have counted are no difference, and rules that stay are not touched.
#[test]
fn rules_that_stay_keep_their_state() {
    let mut kernel = Place::with(&[]);
    let host = Host::default();
    let old = firewall(vec![chain("input", &["a", "b", "c", "d"])], vec![]);
    done_with(&mut kernel, &host, &old);
    let before = handles(&kernel);
    for rule in &mut kernel.state.firewall.tables[0].chains[0].rules {
        rule.statements[1] = Statement::Counter(Counter { packets: 7, bytes: 700 });
    }
    assert!(plan(&host, &old, &kernel).is_empty());
    let new = firewall(vec![chain("input", &["a", "x", "c", "d", "y"])], vec![]);
    let steps = plan(&host, &new, &kernel).to_string();
    let expected = "\
~ firewall
    - table inet filter, chain input: log prefix \"b\" counter
    + table inet filter, chain input: log prefix \"x\" counter
    + table inet filter, chain input: log prefix \"y\" counter
";
    assert_eq!(steps, expected);
    done_with(&mut kernel, &host, &new);
    let after = handles(&kernel);
    let order: Vec<_> = after.iter().map(|(prefix, _)| prefix.as_str()).collect();
    assert_eq!(order, ["a", "x", "c", "d", "y"]);
    for stays in ["a", "c", "d"] {
        let handle = |rules: &[(String, u64)]| rules.iter().find(|(prefix, _)| prefix == stays).unwrap().1;
        assert_eq!(handle(&before), handle(&after), "{stays}");
    }
}

#[test]
fn elements_come_and_go_but_not_those_that_rules_put_there() {
    const DYNAMIC: u32 = 0x20;
    let mut kernel = Place::with(&[]);
    let host = Host::default();
    let sets = |plain: &[u8], dynamic: &[u8]| {
        firewall(vec![], vec![set("plain", 0, plain), set("dynamic", DYNAMIC, dynamic)])
    };
    done_with(&mut kernel, &host, &sets(&[1, 2, 3], &[]));
    kernel.state.firewall.tables[0].sets[1].elements.push(element(9));
    assert!(plan(&host, &sets(&[3, 2, 1], &[]), &kernel).is_empty());
    done_with(&mut kernel, &host, &sets(&[2, 3, 4], &[5]));
    let found = &kernel.state.firewall.tables[0].sets;
    assert_eq!(found[0].elements, [element(2), element(3), element(4)]);
    assert_eq!(found[1].elements, [element(9), element(5)]);
}

#[test]
fn foreign_tables_are_taken_only_as_they_are() {
    let mut kernel = Place::with(&[]);
    let theirs = firewall(vec![chain("input", &["a"])], vec![]);
    kernel.state.firewall = theirs.clone();
    kernel.state.firewall.tables[0].chains[0].rules[0].handle = Some(4);
    assert!(plan(&Host::default(), &theirs, &kernel).is_empty());
    assert!(plan(&Host::default(), &Ruleset::default(), &kernel).is_empty());
    let other = firewall(vec![chain("input", &["b"])], vec![]);
    let plan = plan(&Host::default(), &other, &kernel);
    assert_eq!(
        refusals(&plan),
        ["table inet filter exists already, was made by somebody else, and is different"]
    );
    assert_eq!(plan.steps, []);
}

#[test]
fn a_table_with_an_owner_is_refused() {
    for (flags, why) in [(2, "lives only as long as"), (2 | 4, "can be changed only by")] {
        let table = IrTable { name: "f".into(), family: TableFamily::INET, flags, ..IrTable::default() };
        let wanted = Ruleset { tables: vec![Table { table, ..Table::default() }] };
        let plan = plan(&Host::default(), &wanted, &Place::with(&[]));
        let message = format!(
            "table inet f cannot have `flags owner`: a table with an owner {why} the process that made it"
        );
        assert_eq!(refusals(&plan), [message]);
        assert!(plan.steps.is_empty());
    }
}

#[test]
fn what_the_kernel_adds_to_tunnels_is_no_difference() {
    let tunnel = |port: Option<u16>, tos: Option<u8>, flags: Option<TunnelFlags>| {
        let mut writer = Writer::new();
        let ipv4 = Some(TunnelIpv4Attrs::default().destination([192, 0, 2, 1].into()));
        let attrs = TunnelKeyAttrs::default().id(7).with(|attrs| {
            attrs.ipv4 = ipv4;
            attrs.source_port = port;
            attrs.tos = tos;
            attrs.flags = flags;
        });
        attrs.write_attributes(&mut writer);
        let data = ObjectData::Other(ObjectKind::TUNNEL.0, writer.bytes().to_vec());
        let object = Object {
            family: TableFamily::NETDEV,
            table: "t".into(),
            name: "o".into(),
            data,
            comment: None,
            handle: None,
        };
        let table = IrTable { name: "t".into(), family: TableFamily::NETDEV, ..IrTable::default() };
        Ruleset {
            tables: vec![Table {
                table,
                objects: vec![object],
                owner: Some("test".into()),
                ..Table::default()
            }],
        }
    };
    let mut kernel = Place::with(&[]);
    kernel.state.firewall = tunnel(Some(9), Some(0), Some(TunnelFlags::empty()));
    let text = |wanted: &Ruleset| plan(&Host::default(), wanted, &kernel).to_string();
    assert_eq!(text(&tunnel(Some(9), None, None)), "");
    assert!(text(&tunnel(None, None, None)).contains("~ table netdev t, tunnel o"));
    assert!(text(&tunnel(Some(9), Some(4), None)).contains("~ table netdev t, tunnel o"));
    assert!(text(&tunnel(Some(9), None, Some(TunnelFlags::DONT_FRAGMENT))).contains("tunnel o"));
}
