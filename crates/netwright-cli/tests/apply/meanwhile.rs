//! What others do while a host file is applied, and between an apply and its way back, stays done.

use std::process::Command;

use netwright::nft::{Includes, names_in};
use netwright::state::Live;
use netwright::{Namespace, Net};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{SourceId, SourceMap};
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::syntax;
use netwright_nft::table::Zone;
use netwright_state::{
    Action, ApplyError, Executor, Failure, Format, Owners, Progress, Record, Removed, Ruleset, Snapshot,
    Wanted, Wish,
};

use crate::hosts::make_cards;
use crate::judge::{difference, state, without_numbers};
use crate::support::{Random, isolated, isolated_with, needs, said, sh, size, try_sh};

/// What others have before.
const BEFORE: &str = "ip link set eth0 up; ip addr add 198.51.100.77/24 dev eth0 valid_lft 86400 preferred_lft 43200
    ip route add default via 198.51.100.1 proto dhcp metric 100
    ip link set eth1 up; ip addr add 203.0.113.77/24 dev eth1; ip route add 172.20.0.0/16 via 203.0.113.9 proto static
    ip -6 addr add 2001:db8:77::1/64 dev eth1 nodad
    ip link add tunv address 02:00:00:00:09:01 type vxlan id 4242 dstport 4789 local 127.0.0.1; ip link set tunv up
    ip addr add 10.66.0.2/24 dev tunv; ip route add 10.67.0.0/16 dev tunv; ip link set eth2 up; ip link set eth3 up";

const HOST: &str = r#"
owner = "me"
forwarding = true
[link.br0]
kind = "bridge"
ports = ["eth3"]
addresses = ["10.9.0.1/24", "2001:db8:9::1/64"]
ipv6 = { duplicate-address-detection = false }
[link.eth3]
[link.eth0]
mtu = 1480
[link.eth1]
addresses = ["203.0.113.5/24", "2001:db8:77::5/64"]
ipv6 = { duplicate-address-detection = false }
[link.v0]
kind = "veth"
peer = "v1"
addresses = ["10.10.0.1/24"]
[[route]]
to = "10.20.0.0/16"
via = "10.9.0.9"
[[route]]
to = "10.21.0.0/16"
via = "203.0.113.8"
dev = "eth1"
[[route]]
to = "10.22.0.0/16"
type = "blackhole"
[[route]]
to = "10.23.0.0/16"
via = "203.0.113.8"
dev = "eth1"
protocol = "static"
[[rule]]
priority = 500
from = "10.9.0.0/24"
table = 100
[[neighbour]]
dev = "eth1"
address = "203.0.113.50"
mac = "02:00:00:00:00:50"
[firewall]
rules = '''
table inet fw {
    set s { type ipv4_addr; elements = { 192.0.2.1 }; }
    chain input { type filter hook input priority 0; policy accept; tcp dport 22 counter accept; ip saddr @s drop; }
}
'''
"#;

/// What others do meanwhile.
const DEEDS: &[&str] = &[
    // the same as what is declared
    "ip addr add 203.0.113.5/24 dev eth1",
    "ip -6 addr add 2001:db8:77::5/64 dev eth1 nodad",
    "ip addr add 203.0.113.5/24 dev eth1 valid_lft 600 preferred_lft 600",
    "ip link add br0 address 02:00:00:00:09:02 type bridge; ip addr add 10.99.0.1/24 dev br0; ip link set br0 up",
    "ip link add v0 address 02:00:00:00:09:03 type veth peer name v9 address 02:00:00:00:09:04",
    "ip link add v1 address 02:00:00:00:09:03 type veth peer name v9 address 02:00:00:00:09:04",
    "ip route add 10.21.0.0/16 via 203.0.113.7 dev eth1 proto bird",
    "ip route add blackhole 10.22.0.0/16",
    "ip route add 10.23.0.0/16 via 203.0.113.8 dev eth1 proto static",
    "ip route add 10.23.0.0/16 via 203.0.113.7 dev eth1 proto static",
    "ip neigh add 203.0.113.50 lladdr 02:00:00:00:00:99 dev eth1 nud permanent",
    "ip rule add priority 500 from 10.9.0.0/24 table 100",
    // a DHCP client, VPNs, containers
    "ip addr del 198.51.100.77/24 dev eth0; ip addr add 198.51.100.78/24 dev eth0 valid_lft 86400 preferred_lft 43200
        ip route replace default via 198.51.100.2 proto dhcp metric 100",
    "ip route del 172.20.0.0/16",
    "ip addr flush dev eth0",
    "ip addr add 203.0.113.78/24 dev eth1; ip route add 172.21.0.0/16 via 203.0.113.9 dev eth1 proto static",
    "ip link add vpn address 02:00:00:00:09:05 type vxlan id 4243 dstport 4790; ip link set vpn up
        ip addr add 10.77.0.2/24 dev vpn; ip route add default dev vpn metric 50",
    "ip link del tunv",
    "ip -6 addr del 2001:db8:77::1/64 dev eth1",
    "echo 1380 > /proc/sys/net/ipv6/conf/eth1/mtu",
    "ip link add docker0 address 02:00:00:00:09:06 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
        ip link add vethd address 02:00:00:00:09:07 type veth peer name vethc address 02:00:00:00:09:08
        ip link set vethd master docker0 up; nft add table ip docker; nft add chain ip docker c
        nft add rule ip docker c ip saddr 172.17.0.0/16 counter masquerade",
    "nft add table inet others; nft add chain inet others c; nft add rule inet others c counter",
    "ip link set eth2 alias theirs; ip link set eth2 group 7; ip link set eth2 mtu 1450",
];

/// An executor beside which others do something at one moment.
struct Beside<'n> {
    live: Live<'n>,
    /// As many actions as come before it.
    left: usize,
    deed: Option<&'static str>,
}

impl Beside<'_> {
    fn act(&mut self) {
        // where it is refused, what is declared was there before
        self.deed.take().map(try_sh);
    }
}

impl Executor for Beside<'_> {
    fn snapshot(&mut self, wanted: &Wanted) -> Result<Snapshot, Failure> {
        self.live.snapshot(wanted)
    }

    fn execute(&mut self, action: &Action) -> Result<(), Failure> {
        self.live.execute(action)
    }

    fn removed_by_others(&mut self) -> Removed {
        self.live.removed_by_others()
    }

    fn execute_many(&mut self, actions: &[&Action]) -> Result<(), (usize, Failure)> {
        if self.left >= actions.len() || self.deed.is_none() {
            self.left = self.left.saturating_sub(actions.len());
            return self.live.execute_many(actions);
        }
        let (first, second) = actions.split_at(self.left);
        self.live.execute_many(first)?;
        self.act();
        self.live.execute_many(second).map_err(|(place, failure)| (place + first.len(), failure))
    }
}

fn start() {
    make_cards();
    sh(BEFORE);
}

/// Applies beside a deed at one of the moments that there are: which, and whether it was done or all is as before.
fn applied(deed: Option<&'static str>, chance: usize) -> (usize, Result<(), String>) {
    let net = Net::open().unwrap();
    let mut sources = SourceMap::default();
    let mut none = |_: &str| Err("there is no other file".to_owned());
    let host = netwright_state::read(&mut sources, "host.toml", HOST, Format::Toml, &mut none).0.unwrap();
    let names = names_in(net.namespace());
    let parsed = syntax::parse_on_one_line(&mut sources, SourceId(1), &mut Includes::beside());
    let catalog = Catalog::default();
    let compiled =
        compile(&sources, &parsed, &Options { names: &names, catalog: &catalog, zone: Zone::default() });
    assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    let firewall = Ruleset::declared(&compiled.commands).unwrap().as_listed();
    let owners = Owners { own: Record::new("me"), others: Vec::new() };
    let wish = Wish { host: &host, firewall: &firewall, owners: &owners };
    let mut beside = Beside { live: Live::listening(&net), left: 0, deed };
    let before = beside.snapshot(&Wanted::of(&host, &firewall, &owners.own)).unwrap();
    let plan = netwright_state::plan(&host, &firewall, &before, &owners);
    let moment = chance % plan.steps.iter().map(|step| step.actions.len()).sum::<usize>();
    beside.left = moment;
    let done = netwright_state::apply(wish, &plan, &before, &mut beside, &mut |_: Progress<'_>| {});
    beside.act();
    let done = done.map(|report| assert!(report.lost.is_empty(), "{:?}", report.lost));
    (moment, done.map_err(|error: ApplyError| format!("{} {error}", error.is_undone())))
}

/// What there is in a namespace of its own once something was done there.
fn elsewhere(body: impl Fn() + Send + Sync) -> Vec<String> {
    let namespace = Namespace::create_anonymous().unwrap();
    let job = || {
        body();
        without_numbers(&state())
    };
    namespace.run(job).unwrap()
}

/// What is wrong behind an apply with a deed at a moment; else whether it was done.
fn once(seed: u64) -> Result<bool, String> {
    let deed = DEEDS[seed as usize % DEEDS.len()];
    let old = elsewhere(|| {
        start();
        sh(deed);
    });
    let new = elsewhere(|| {
        start();
        applied(None, 0).1.unwrap();
        try_sh(deed);
    });
    // what is declared and others have made is theirs
    let beside = elsewhere(|| {
        start();
        sh(deed);
        let _ = applied(None, 0);
    });
    start();
    let (moment, done) = applied(Some(deed), Random::new(seed).below(1000));
    let now = without_numbers(&state());
    let left = difference(if done.is_ok() { &new } else { &old }, &now);
    match left.is_empty() || difference(&beside, &now).is_empty() {
        true => Ok(done.is_ok()),
        false => Err(format!("seed {seed}: {deed}\n at action {moment}: {done:?}\n{}", left.join("\n"))),
    }
}

const DURING: &str = "meanwhile::what_others_do_during_an_apply_stays_done";

#[test]
fn what_others_do_during_an_apply_stays_done() {
    if !needs(&["ip", "nft"]) {
        return;
    }
    let first = size("NETWRIGHT_MEANWHILE_SEED", 0);
    let count = size("NETWRIGHT_MEANWHILE", DEEDS.len() as u64);
    let (mut done, mut refused, mut wrong) = (0, 0, Vec::new());
    for seed in first..first + count {
        let told = isolated_with(DURING, seed, |_, seed| match once(seed) {
            Ok(true) => "done".to_owned(),
            Ok(false) => "refused".to_owned(),
            Err(error) => format!("wrong {error}"),
        });
        match told {
            None => return,
            Some(Ok(told)) if told.starts_with("done") => done += 1,
            Some(Ok(told)) if told.starts_with("refused") => refused += 1,
            Some(Ok(told) | Err(told)) => wrong.push(told),
        }
    }
    println!(
        "figure: deeds of others during an apply {count}: done {done}, taken back {refused}, wrong {}",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
}

#[test]
fn what_others_did_since_an_apply_stays_when_it_is_rolled_back() {
    isolated("meanwhile::what_others_did_since_an_apply_stays_when_it_is_rolled_back", |place| {
        start();
        sh("ip link add docker0 address 02:00:00:00:09:06 type bridge; ip link set docker0 up
            ip neigh add 203.0.113.60 lladdr 02:00:00:00:00:60 dev eth1 nud permanent
            ip nexthop add id 5 via 203.0.113.9 dev eth1; ip route add 172.22.0.0/16 nhid 5 proto bgp");
        place.apply_well("host.toml", HOST);
        sh("ip addr del 198.51.100.77/24 dev eth0; ip addr add 198.51.100.78/24 dev eth0 valid_lft 86400 preferred_lft 43200
            ip route replace default via 198.51.100.2 proto dhcp metric 100
            ip route del 172.20.0.0/16; ip -6 addr del 2001:db8:77::1/64 dev eth1
            ip neigh del 203.0.113.60 dev eth1; ip route del 172.22.0.0/16; ip nexthop del id 5
            ip link set eth0 mtu 1450; ip link set eth3 master docker0; ip link del tunv
            echo 0 > /proc/sys/net/ipv4/conf/eth1/forwarding");
        let (code, told) = said(place.netwright().arg("rollback"));
        assert_eq!(code, Some(0), "{told}");
        let now = without_numbers(&state());
        let wanted = elsewhere(|| {
            start();
            sh("ip link add docker0 address 02:00:00:00:09:06 type bridge; ip link set docker0 up
                ip addr del 198.51.100.77/24 dev eth0; ip addr add 198.51.100.78/24 dev eth0 valid_lft 86400 preferred_lft 43200
                ip route replace default via 198.51.100.2 proto dhcp metric 100
                ip route del 172.20.0.0/16; ip -6 addr del 2001:db8:77::1/64 dev eth1
                ip link set eth0 mtu 1450; ip link set eth3 master docker0; ip link del tunv");
        });
        let left = difference(&wanted, &now);
        assert!(left.is_empty(), "{}\n{told}", left.join("\n"));
    });
}

#[test]
fn a_way_back_that_is_broken_off_is_gone_to_its_end() {
    if !needs(&["strace"]) {
        return;
    }
    isolated("meanwhile::a_way_back_that_is_broken_off_is_gone_to_its_end", |place| {
        start();
        let before = state();
        place.apply_well("host.toml", HOST);
        let own = place.netwright();
        let mut command = Command::new("strace");
        command.args(["-qq", "-f", "-o", "/dev/null", "-e", "trace=sendto,sendmsg"]);
        // behind the look at what there is, in the midst of what is sent
        command
            .args(["-e", "inject=sendto,sendmsg:signal=KILL:when=45"])
            .arg(own.get_program())
            .arg("rollback");
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let (code, told) = said(&mut command);
        assert_ne!(code, Some(0), "{told}");
        let (code, told) = said(place.netwright().arg("recover"));
        assert_eq!(code, Some(0), "{told}");
        let left = difference(&before, &state());
        assert!(left.is_empty(), "{}\n{told}", left.join("\n"));
        let (_, told) = said(place.netwright().arg("history"));
        assert!(told.contains("taken back"), "{told}");
    });
}
