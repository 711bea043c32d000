//! Host files brought about in the kernel, each in namespaces of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;
use std::{env, fs};

use netwright::state::Live;
use netwright::{Change, Create, Net};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Severity, SourceMap};
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::syntax;
use netwright_nft::table::{Database, Names};
use netwright_state::model::Host;
use netwright_state::{
    Action, ApplyError, Executor, Failure, Format, Owners, Plan, Progress, Record, Ruleset, Snapshot, Wanted,
    Wish, apply, bring, plan, read,
};
use netwright_sys::isolate;

const INSIDE: &str = "NETWRIGHT_TEST_INSIDE";

/// Runs a test's body in namespaces of its own: the test runs once more, alone, in a child process that is isolated.
fn isolated(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some_and(|inside| inside == *test) {
        return body();
    }
    let mut command = isolate::command(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, test);
    let output = command.output().map_err(isolate::failed).unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the test did not run inside: {text}");
}

/// Where the examples are.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

/// A host and what its firewall declares.
fn load(text: &str) -> (Host, Ruleset) {
    let mut sources = SourceMap::default();
    let mut beside = |name: &str| fs::read_to_string(format!("{EXAMPLES}/{name}")).map_err(|e| e.to_string());
    let (host, mut found) = read(&mut sources, "host.toml", text, Format::Toml, &mut beside);
    let (mut names, mut catalog, mut commands) = (Names::default(), Catalog::default(), Vec::new());
    // The loopback link has the same index everywhere.
    names.insert(Database::Interfaces, "lo", 1);
    for firewall in host.iter().flat_map(|host| &host.firewall_sources) {
        let parsed = syntax::parse(&mut sources, firewall.source, &mut syntax::NoIncludes);
        let compiled = compile(
            &sources,
            &parsed,
            &Options { names: &names, catalog: &catalog, zone: netwright_nft::table::Zone::UTC },
        );
        found.extend(parsed.diagnostics);
        found.extend(compiled.diagnostics);
        commands.extend(compiled.commands);
        catalog = compiled.catalog;
    }
    found.retain(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(found, [], "{text}");
    (host.unwrap(), Ruleset::declared(&commands).unwrap().as_listed())
}

/// A namespace with two cards, whose other ends are nobody's.
fn cards(net: &Net) {
    net.links().create(Create::veth("wan", "their-wan")).unwrap();
    net.links().create(Create::veth("lan1", "their-lan1")).unwrap();
    net.links().set(&net.links().get("lo").unwrap(), Change::up()).unwrap();
}

fn nobody() -> Owners {
    Owners { own: Record::new("test"), ..Owners::default() }
}

fn quiet(_: Progress<'_>) {}

/// The plan for a host as it is.
fn planned(live: &mut Live<'_>, host: &Host, firewall: &Ruleset, owners: &Owners) -> (Plan, Snapshot) {
    let snapshot = live.snapshot(&Wanted::of(host, firewall, &owners.own)).unwrap();
    (plan(host, firewall, &snapshot, owners), snapshot)
}

#[track_caller]
fn bring_about(net: &Net, owners: &mut Owners, text: &str) -> Plan {
    let (host, firewall) = load(text);
    let mut live = Live::new(net);
    let (first, _) = planned(&mut live, &host, &firewall, owners);
    let wish = Wish { host: &host, firewall: &firewall, owners: &*owners };
    match bring(wish, &mut live, &mut quiet) {
        Ok(report) => owners.own = report.record,
        Err(error) => panic!("{error}\nhelp: {:?}\nthe plan was\n{first}", error.help()),
    }
    first
}

fn shown(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{command} cannot be run: {error}"));
    let wrong = format!("{} {}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command}: {wrong}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const ROUTER: &str = r#"
forwarding = true

[link.wan]
addresses = ["203.0.113.2/24", { address = "2001:db8:0:1::2/64", preferred-lifetime = 0 }]
ipv4 = { rp-filter = "strict" }
ipv6 = { duplicate-address-detection = false }

[link.br-lan]
kind = "bridge"
ports = ["lan1"]
mtu = 1400
addresses = ["192.168.1.1/24", "192.168.1.2/24", { address = "10.9.0.1/32", peer = "10.9.0.2/32" }]
alternative-names = ["inside"]
ipv6 = { duplicate-address-detection = false }

[link.lan1]
mtu = 1400

[link.tunnel]
kind = "vxlan"
id = 7
remote = "203.0.113.9"

[[route]]
to = "default"
via = "203.0.113.1"

[[route]]
to = "default"
via = "2001:db8:0:1::1"
metric = 50

[[route]]
to = "10.0.0.0/8"
type = "unreachable"

[[route]]
to = "198.51.100.0/24"
nexthops = [{ via = "203.0.113.3" }, { via = "192.168.1.9", weight = 3 }]
mtu = 1300
table = 100

[[route]]
to = "2001:db8:ffff::/48"
type = "blackhole"

[[rule]]
priority = 100
from = "192.168.1.0/24"
fwmark = "0x1/0xff"
table = 100

[[rule]]
priority = 200
to = "2001:db8:9::/48"
action = "prohibit"

[[neighbour]]
dev = "inside"
address = "192.168.1.50"
mac = "02:00:00:00:00:50"

[[neighbour]]
dev = "wan"
address = "203.0.113.77"
proxy = true

[firewall]
rules = '''
table inet filter {
	set blocked {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.64/26, 198.18.0.0/15 }
	}
	set attempts {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 10m
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname "lo" accept
		ip saddr @blocked counter drop
		tcp dport { 22, 80-90 } goto ssh
		udp dport 53 accept
	}
	chain ssh {
		ct state new update @attempts { ip saddr limit rate over 5/minute burst 5 packets } counter drop
		accept
	}
}
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan" masquerade
	}
}
'''
"#;

#[test]
fn a_router_comes_changes_and_goes() {
    isolated("a_router_comes_changes_and_goes", || {
        let net = Net::open().unwrap();
        let mut owners = nobody();
        cards(&net);
        let before = Live::new(&net).snapshot(&Wanted::default()).unwrap();
        let first = bring_about(&net, &mut owners, ROUTER);
        assert!(first.steps.iter().all(|step| !step.to_string().starts_with('-')), "{first}");
        assert_eq!(bring_about(&net, &mut owners, ROUTER).steps, []);
        assert!(shown("ip route").contains("unreachable 10.0.0.0/8"));
        let listing = shown("nft list table ip nat");
        assert!(listing.contains("oifname \"wan\" masquerade"), "{listing}");

        let changed = ROUTER
            .replace("\"192.168.1.1/24\", ", "\"192.168.7.1/24\", ")
            .replace("mtu = 1400", "mtu = 1450")
            .replace("ports = [\"lan1\"]", "ports = []")
            .replace("metric = 50", "metric = 60")
            .replace("priority = 200", "priority = 201")
            .replace("198.18.0.0/15", "198.18.0.0/16, 203.0.113.128/25")
            .replace(
                "\t\tudp dport 53 accept\n",
                "\t\tudp dport { 53, 123 } accept\n\t\ttcp dport 443 accept\n",
            )
            .replace("[link.tunnel]\nkind = \"vxlan\"\nid = 7\nremote = \"203.0.113.9\"\n", "");
        let steps = bring_about(&net, &mut owners, &changed).to_string();
        assert!(steps.contains("- link tunnel"), "{steps}");
        assert!(steps.contains("+ table inet filter, chain input: udp dport { 53, 123 } accept"), "{steps}");
        assert!(steps.contains("- table inet filter, chain input: udp dport 53 accept"), "{steps}");
        assert!(steps.contains("+ table inet filter, set blocked: 203.0.113.128/25"), "{steps}");
        assert!(!steps.contains("table ip nat"), "{steps}");

        bring_about(&net, &mut owners, "");
        let after = Live::new(&net).snapshot(&Wanted::default()).unwrap();
        assert_eq!(after.firewall, before.firewall);
        assert_eq!(after.rules, before.rules);
        let names =
            |snapshot: &Snapshot| snapshot.links.iter().map(|link| link.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&after), names(&before));
        assert_eq!(shown("ip route show table all proto 157"), "");
    });
}

#[test]
fn what_others_made_is_left_alone() {
    isolated("what_others_made_is_left_alone", || {
        let net = Net::open().unwrap();
        let mut owners = nobody();
        cards(&net);
        for command in [
            "ip link set wan up",
            "ip addr add 203.0.113.99/24 dev wan",
            "ip route add 172.16.0.0/12 via 203.0.113.98",
            "ip rule add priority 77 table 77",
            "ip link add theirs type bridge",
            "nft add table ip theirs",
            "nft add chain ip theirs c { type filter hook input priority 0 ; }",
            "nft add rule ip theirs c counter",
        ] {
            shown(command);
        }
        let seen = || {
            let addresses = shown("ip -br addr show dev wan");
            assert!(addresses.contains("203.0.113.99/24"), "{addresses}");
            assert!(shown("ip route").contains("172.16.0.0/12 via 203.0.113.98"));
            assert!(shown("ip rule").contains("77:"));
            assert!(shown("ip link").contains("theirs"));
            assert!(shown("nft list table ip theirs").contains("counter"));
        };
        bring_about(&net, &mut owners, ROUTER);
        seen();
        // The first address of its network goes, and the one that others added with it: it must come back.
        bring_about(&net, &mut owners, &ROUTER.replace("\"203.0.113.2/24\", ", "\"203.0.113.7/24\", "));
        seen();
        bring_about(&net, &mut owners, "");
        seen();
    });
}

/// Fails at one step.
struct Failing<'l, 'n> {
    live: &'l mut Live<'n>,
    left: usize,
}

impl Executor for Failing<'_, '_> {
    fn snapshot(&mut self, wanted: &Wanted) -> Result<Snapshot, Failure> {
        self.live.snapshot(wanted)
    }

    fn execute(&mut self, action: &Action) -> Result<(), Failure> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => {
                self.left = usize::MAX;
                return Err(Failure::new("by order of the test"));
            }
        }
        self.live.execute(action)
    }
}

/// At whichever step it fails, all is as before.
#[test]
fn a_failed_step_takes_the_others_back() {
    isolated("a_failed_step_takes_the_others_back", || {
        let net = Net::open().unwrap();
        let mut owners = nobody();
        cards(&net);
        let other = ROUTER
            .replace("192.168.1.", "192.168.3.")
            .replace("kind = \"vxlan\"\nid = 7", "kind = \"vxlan\"\nid = 7\nttl = 9");
        for (from, to) in [("", ROUTER), (ROUTER, other.as_str()), (other.as_str(), "")] {
            bring_about(&net, &mut owners, from);
            let (old, old_firewall) = load(from);
            let (host, firewall) = load(to);
            let mut live = Live::new(&net);
            let mut step = 0;
            loop {
                let (steps, before) = planned(&mut live, &host, &firewall, &owners);
                if step >= steps.steps.iter().map(|step| step.actions.len()).sum() {
                    break;
                }
                let mut failing = Failing { live: &mut live, left: step };
                let wish = Wish { host: &host, firewall: &firewall, owners: &owners };
                let error = apply(wish, &steps, &before, &mut failing, &mut quiet).unwrap_err();
                assert!(
                    matches!(error, ApplyError::Step { .. }) && error.is_undone(),
                    "step {step}: {error}\n{steps}"
                );
                let (rest, _) = planned(&mut live, &old, &old_firewall, &owners);
                assert!(rest.is_empty(), "step {step} of\n{steps}\nleft\n{rest}");
                step += 1;
            }
            assert!(step > 5, "{step}");
        }
    });
}

#[test]
fn what_cannot_be_is_said_before_anything_is_done() {
    isolated("what_cannot_be_is_said_before_anything_is_done", || {
        let net = Net::open().unwrap();
        cards(&net);
        shown("nft add table inet filter");
        shown("nft add chain inet filter theirs");
        let text =
            ROUTER.replace("[link.br-lan]", "[link.br-lam]").replace("[link.tunnel]", "[link.their-wan]");
        let (host, firewall) = load(&text.replace("dev = \"inside\"", "dev = \"wan\""));
        let mut live = Live::new(&net);
        let wish = Wish { host: &host, firewall: &firewall, owners: &nobody() };
        let error = bring(wish, &mut live, &mut quiet).unwrap_err();
        let ApplyError::Impossible(errors) = &error else { panic!("{error}") };
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "link `their-wan` exists already as a veth, not as a vxlan",
                "table inet filter exists already, was made by somebody else, and is different",
            ]
        );
        assert!(error.is_undone());
        assert!(net.links().get("br-lam").is_err());
    });
}

/// The examples come about at once and are then as they shall be.
#[test]
fn examples_come_about() {
    isolated("examples_come_about", || {
        for example in ["router.toml", "host.toml"] {
            let mut owners = nobody();
            let net = Net::open_in(&netwright::Namespace::create_anonymous().unwrap()).unwrap();
            let text = fs::read_to_string(format!("{EXAMPLES}/{example}")).unwrap();
            let cards = load(&text).0.links.into_iter().filter(|link| link.kind.is_none());
            for (number, card) in cards.enumerate() {
                net.links().create(Create::veth(&card.name, format!("other{number}").as_str())).unwrap();
            }
            assert!(bring_about(&net, &mut owners, &text).steps.len() > 5, "{example}");
            assert_eq!(bring_about(&net, &mut owners, &text).to_string(), "", "{example}");
        }
    });
}

/// Rules that people have, loaded as a host's firewall, are then as declared.
#[test]
fn recipes_are_as_declared() {
    isolated("recipes_are_as_declared", || {
        let shared = env::var("NETWRIGHT_SHARED")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
        let read = |name: &str| fs::read_to_string(format!("{shared}/recipes/{name}"));
        let (Ok(context), Ok(recipes)) = (read("context.nft"), read("recipes.psv")) else {
            println!("did not run: there are no recipes in {shared}");
            return;
        };
        let mut wrong = Vec::new();
        for line in recipes.lines().filter(|line| !line.starts_with('#')) {
            let Some((recipe, "loads")) = line.rsplit_once('|') else { continue };
            let fields: Vec<&str> = recipe.splitn(4, '|').collect();
            let [name, table, chain, rule] = fields[..] else { continue };
            let text = match table {
                "RAW" => format!("{context}\n{rule}\n"),
                _ => format!("{context}\nadd rule {table} {chain} {rule}\n"),
            };
            let net = Net::open_in(&netwright::Namespace::create_anonymous().unwrap()).unwrap();
            let (host, firewall) = load(&format!("[firewall]\nrules = '''\n{text}'''\n"));
            // a table with an owner goes with the process that made it, so no host can be declared to have one
            let owned = rule.contains("flags owner");
            let wish = Wish { host: &host, firewall: &firewall, owners: &nobody() };
            match bring(wish, &mut Live::new(&net), &mut quiet) {
                Err(error) if !owned => wrong.push(format!("{name}: {rule}: {error}")),
                Ok(_) if owned => wrong.push(format!("{name}: {rule}: was not refused")),
                _ => {}
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
