//! What others have made at random is captured, and applying the capture changes nothing.

use netwright::Net;
use netwright::state::Live;
use netwright_state::{Executor, Setting, Wanted};

use crate::foreign::FOREIGN;
use crate::hosts::{CARDS, make_cards};
use crate::judge::{difference, state};
use crate::support::{Place, Random, isolated, isolated_with, needs, said, sh, size, try_sh};

/// What of this must stand in the capture, be it as a comment, where it could be made.
const TOLD: &[(&str, &str)] = &[
    ("qdisc", "queueing discipline tbf"),
    ("hairpin", "hairpin on as a port"),
    ("02:00:00:00:77:70", "forwarding entry"),
    ("239.7.7.7", "239.7.7.7"),
    ("10.66.0.1", "10.66.0.1"),
    ("promisc", "promisc on"),
    ("congctl", "rtt, congctl"),
    ("10.101.0.77", "broadcast"),
    ("239.5.0.0", "to = \"239.5.0.0/16\""),
    ("preferred_lft 0", "preferred-lifetime = 0"),
    ("dsfield", "route 172.25.0.0/16 via 10.90.0.8"),
    ("mtu lock", "lock"),
    ("vid 88", "VLAN 88"),
    ("extern_learn", "192.0.2.79"),
    ("txqueuelen 555", "transmit-queue-length = 555"),
    ("alias uplink", "alias \"uplink\""),
];

fn once(place: &Place, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    make_cards();
    let mut made = Vec::new();
    for script in FOREIGN {
        if random.chance(2) && try_sh(script) {
            made.push(*script);
        }
    }
    let before = state();
    let (code, text) = said(place.netwright().arg("capture"));
    let wrong = |what: &str, told: &str| Err(format!("seed {seed}: {what}\n{told}\n{}", made.join("\n")));
    if code != Some(0) {
        return wrong("the capture would change something", &text);
    }
    for (what, told) in TOLD {
        if made.iter().any(|script| script.contains(what)) && !text.contains(told) {
            return wrong(&format!("of `{what}` there is no `{told}`"), &text);
        }
    }
    let path = place.write("host.toml", &text);
    let (code, told) = place.apply(&path);
    let left = difference(&before, &state());
    if code != Some(0) || !told.contains("Nothing to do") || !left.is_empty() {
        return wrong(&format!("applied it does not change nothing: {}", left.join("\n")), &told);
    }
    Ok(())
}

const NAME: &str = "captured::what_anybody_made_is_captured_and_applying_it_changes_nothing";

#[test]
fn what_anybody_made_is_captured_and_applying_it_changes_nothing() {
    if !needs(&["ip", "nft"]) {
        return;
    }
    let first = size("NETWRIGHT_CAPTURED_SEED", 1);
    let count = size("NETWRIGHT_CAPTURED", 12);
    let mut wrong = Vec::new();
    for seed in first..first + count {
        let told = isolated_with(NAME, seed, |place, seed| match once(place, seed) {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("wrong {error}"),
        });
        match told {
            None => return,
            Some(Ok(told)) if told.starts_with("done") => {}
            Some(Ok(told) | Err(told)) => wrong.push(told),
        }
    }
    println!("figure: hosts captured {count}, wrong {}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn settings_are_listed_as_their_files_show_them() {
    isolated("captured::settings_are_listed_as_their_files_show_them", |_| {
        make_cards();
        let net = Net::open().unwrap();
        let settings: Vec<Setting> = CARDS.iter().flat_map(|card| Setting::all_of(card)).collect();
        // each with another value than it has, as far as the kernel takes one
        for (place, setting) in settings.iter().enumerate() {
            let path = format!("/proc/sys/net/{}", setting.path(None).join("/"));
            let value = place % 3;
            try_sh(&format!("echo {value} > {path}"));
        }
        let mtu = Setting::mtu_of_ipv6(CARDS[0]);
        sh("echo 1333 > /proc/sys/net/ipv6/conf/eth0/mtu");
        let wanted = Wanted { settings: settings.clone(), mtus: true, ..Wanted::default() };
        let found = Live::new(&net).snapshot(&wanted).unwrap().settings;
        let file = |setting: &Setting| {
            sh(&format!("cat /proc/sys/net/{}", setting.path(None).join("/"))).trim().to_owned()
        };
        let wrong: Vec<String> = settings
            .iter()
            .chain([&mtu])
            .filter(|setting| found.get(setting) != Some(&file(setting)))
            .map(|setting| format!("{setting}: {:?}, not {}", found.get(setting), file(setting)))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(found.len(), settings.len() + 1, "only that of eth0 is another than its link's");
    });
}
