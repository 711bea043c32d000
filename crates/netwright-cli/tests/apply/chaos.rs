//! Applies that are killed, stopped and refused at any moment: what there is afterwards is the old or the new, with a firewall
//! all the time, and nothing of others is lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::foreign::foreign;
use crate::hosts::make_cards;
use crate::judge::{difference, state, without_numbers};
use crate::support::{Place, Random, isolated_with, needs, said, sh, size, try_sh};

/// A host with more than thirty links and sixty addresses. Two of different numbers have much in common.
fn host(number: usize) -> String {
    let mut text = String::from("owner = \"chaos\"\nforwarding = true\n");
    for link in 0..28 {
        let (kind, name) = (link % 4, format!("l{link}"));
        let options = match kind {
            0 => format!("kind = \"bridge\"\nageing-time = {}\n", 100 + number),
            1 => format!(
                "kind = \"vxlan\"\nid = {}\nremote = \"203.0.113.9\"\nmaster = \"l{}\"\n",
                100 + link,
                link - 1
            ),
            2 => format!(
                "kind = \"macvlan\"\nparent = \"eth3\"\nmode = \"{}\"\n",
                ["bridge", "vepa"][number % 2]
            ),
            _ => format!("kind = \"veth\"\npeer = \"x{link}\"\n"),
        };
        // some are there in one of the two alone
        if (link + number).is_multiple_of(9) && kind > 1 {
            continue;
        }
        write!(text, "[link.{name}]\n{options}ipv6 = {{ duplicate-address-detection = false }}\n").unwrap();
        if kind != 1 {
            writeln!(
                text,
                "addresses = [\"10.{link}.{number}.1/28\", \"10.{link}.100.1/24\", \"2001:db8:{link}:{number}::1/64\"]"
            )
            .unwrap();
        }
    }
    text.push_str("[link.eth3]\n");
    for route in 0..8 {
        let link = route % 7 * 4;
        write!(text, "[[route]]\nto = \"172.31.{route}.0/24\"\nvia = \"10.{link}.100.9\"\ndev = \"l{link}\"\nmetric = {}\n", number + 1)
            .unwrap();
    }
    for rule in 0..4 {
        write!(
            text,
            "[[rule]]\npriority = {}\nfwmark = {}\ntable = {}\n",
            1000 + rule * 10 + number,
            rule + 1,
            100 + rule
        )
        .unwrap();
    }
    let ports: Vec<String> = (1..40).map(|port| (port * 10 + number).to_string()).collect();
    write!(
        text,
        "[firewall]\nrules = '''\ntable inet fw {{\n set ports {{ type inet_service; elements = {{ {} }}; }}\n chain input {{ type filter hook input priority 0; policy drop;\n iifname \"lo\" accept\n ct state established,related accept\n tcp dport @ports accept\n udp dport {} counter accept\n }}\n}}\n'''\n",
        ports.join(", "),
        5000 + number
    )
    .unwrap();
    text
}

#[derive(Clone, Copy, Debug)]
enum Blow {
    Signal(&'static str),
    Error(&'static str),
    /// Killed with a watchdog that takes it back.
    Watched,
    /// Killed with its watchdogs.
    WatchedAndTheyToo,
    /// Another program changes its table all the time.
    Busy,
}

const BLOWS: [Blow; 9] = [
    Blow::Signal("KILL"),
    Blow::Signal("INT"),
    Blow::Signal("TERM"),
    Blow::Signal("HUP"),
    Blow::Error("ENOBUFS"),
    Blow::Error("ENOMEM"),
    Blow::Watched,
    Blow::WatchedAndTheyToo,
    Blow::Busy,
];

/// Applies under strace, which strikes at a send.
fn struck(place: &Place, blow: Blow, at: usize) -> (Option<i32>, String) {
    let sends = "sendto,sendmsg,fsync,rename";
    let how = match blow {
        Blow::Signal(signal) => format!("inject={sends}:signal={signal}:when={at}"),
        Blow::Error(error) => format!("inject=sendto,sendmsg:error={error}:when={at}"),
        Blow::Watched | Blow::WatchedAndTheyToo => format!("inject={sends}:signal=KILL:when={at}"),
        Blow::Busy => String::new(),
    };
    let own = place.netwright();
    let mut command = match how.is_empty() {
        true => place.netwright(),
        false => {
            let mut command = Command::new("strace");
            command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={sends}"), "-e", &how]);
            command.arg(own.get_program());
            command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command
        }
    };
    command.arg("apply").arg(place.folder.join("host.toml"));
    if matches!(blow, Blow::Watched | Blow::WatchedAndTheyToo) {
        command.args(["--confirm", "2s"]);
    }
    said(&mut command)
}

/// The processes of this place whose command line has a word.
fn processes(place: &Place, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().into_string() else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let has = |bytes: &[u8], text: &str| String::from_utf8_lossy(bytes).contains(text);
        if has(&line, word) && has(&environment, &place.folder.to_string_lossy()) {
            found.push(pid);
        }
    }
    found
}

fn once(place: &Place, seed: u64) -> Result<String, String> {
    let mut random = Random::new(seed);
    make_cards();
    sh("ip link set eth3 up");
    foreign(&mut random);
    let others = state();
    place.write("host.toml", &host(0));
    let (code, first) = place.apply(&place.folder.join("host.toml"));
    assert_eq!(code, Some(0), "{first}");
    let old = state();
    let mut report = String::new();
    let wrong = |what: &str, said: &str, lines: &[String]| {
        let lines: Vec<String> = lines.iter().take(12).map(|line| format!("DIFF {line}")).collect();
        format!("seed {seed}: {what}\n{}\n{said}", lines.join("\n"))
    };
    // what the new one is like
    place.write("host.toml", &host(1));
    let (code, second) = place.apply(&place.folder.join("host.toml"));
    assert_eq!(code, Some(0), "{second}");
    let new = state();
    let (code, back) = said(place.netwright().arg("rollback"));
    let left = difference(&old, &state());
    if code != Some(0) || !left.is_empty() {
        return Err(wrong("rolled back it is not the old", &back, &left));
    }
    for _ in 0..size("NETWRIGHT_CHAOS_BLOWS", 4) {
        let blow = random.pick(&BLOWS);
        let at = 1 + random.below(90);
        let busy = matches!(blow, Blow::Busy).then(|| {
            try_sh("nft add table ip busy '{ set s { type ipv4_addr; }; }'");
            Command::new("sh")
                .args([
                    "-c",
                    "while :; do nft add element ip busy s '{ 10.0.0.1 }'; nft flush set ip busy s; done",
                ])
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap()
        });
        let (code, told) = struck(place, blow, at);
        if let Some(mut busy) = busy {
            let _ = busy.kill();
            let _ = busy.wait();
            try_sh("nft delete table ip busy");
        }
        let firewall = sh("nft list tables");
        if !firewall.contains("inet fw") {
            return Err(wrong(&format!("{blow:?} at {at}: there is no firewall"), &told, &[]));
        }
        if matches!(blow, Blow::WatchedAndTheyToo) {
            for pid in processes(place, "watchdog") {
                try_sh(&format!("kill -9 {pid}"));
            }
        }
        match blow {
            Blow::Signal("KILL") | Blow::WatchedAndTheyToo => {
                std::thread::sleep(Duration::from_millis(if matches!(blow, Blow::WatchedAndTheyToo) {
                    4500
                } else {
                    0
                }));
                let (code, said) = said(place.netwright().arg("recover"));
                if code != Some(0) {
                    return Err(wrong(&format!("{blow:?} at {at}: it was not recovered"), &said, &[]));
                }
            }
            Blow::Watched => {
                let start = Instant::now();
                while !processes(place, "watchdog").is_empty() && start.elapsed() < Duration::from_secs(30) {
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            _ => {}
        }
        let now = state();
        let from_old = difference(&old, &now);
        let from_new = difference(&without_numbers(&new), &without_numbers(&now));
        let seen = match (from_old.is_empty(), from_new.is_empty()) {
            (true, _) => "old",
            (_, true) => "new",
            _ => {
                let nearer = if from_old.len() <= from_new.len() { from_old } else { from_new };
                return Err(wrong(
                    &format!("{blow:?} at {at}: neither old nor new (code {code:?})"),
                    &told,
                    &nearer,
                ));
            }
        };
        writeln!(report, "{blow:?} {seen}").unwrap();
        if seen == "new" {
            let (_, said) = said(place.netwright().arg("rollback"));
            let left = difference(&old, &state());
            if !left.is_empty() {
                return Err(wrong(&format!("{blow:?} at {at}: rolled back it is not the old"), &said, &left));
            }
        }
    }
    let (code, gone) = said(place.netwright().arg("withdraw"));
    let left = difference(&others, &state());
    if code != Some(0) || !left.is_empty() {
        return Err(wrong("withdrawn it is not what others had", &gone, &left));
    }
    Ok(report)
}

const NAME: &str = "chaos::an_apply_that_is_struck_leaves_the_old_or_the_new";

#[test]
fn an_apply_that_is_struck_leaves_the_old_or_the_new() {
    if !needs(&["ip", "nft", "strace"]) {
        return;
    }
    let first = size("NETWRIGHT_CHAOS_SEED", 1);
    let count = size("NETWRIGHT_CHAOS", 8);
    let (mut seen, mut wrong): (BTreeMap<String, usize>, _) = (BTreeMap::new(), Vec::new());
    for seed in first..first + count {
        let told = isolated_with(NAME, seed, |place, seed| match once(place, seed) {
            Ok(report) => format!("done\n{report}"),
            Err(error) => format!("wrong {error}"),
        });
        match told {
            None => return,
            Some(Ok(told)) if told.starts_with("done") => {
                for line in told.lines().skip(1).filter(|line| line.ends_with("old") || line.ends_with("new"))
                {
                    *seen.entry(line.to_owned()).or_default() += 1;
                }
            }
            Some(Ok(told) | Err(told)) => wrong.push(told),
        }
    }
    for (what, times) in &seen {
        println!("figure: {times} times {what}");
    }
    println!("figure: {} applies struck, violations {}", seen.values().sum::<usize>(), wrong.len());
    let few: Vec<String> =
        wrong.iter().take(4).map(|text| text.lines().take(40).collect::<Vec<_>>().join("\n")).collect();
    assert!(wrong.is_empty(), "{}", few.join("\n\n"));
}
