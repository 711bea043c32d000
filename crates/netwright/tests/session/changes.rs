//! What is told of changes, by echo and by monitors, beside what nft tells.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use netwright::Net;
use netwright::nft::{Event, Names, PrintOptions, Script, Style};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, wait_until};
use serde_json::Value;

use crate::running::printed;

/// Batches of everything that can be made, changed and removed; each is run after the ones before it.
const BATCHES: &[&str] = &[
    "add table ip t { comment \"tc\"; }",
    "add table ip z { flags dormant; comment \"hello\"; }",
    "add chain ip t k; add chain ip t c { comment \"cc\"; }",
    "add chain ip t b { type filter hook input priority 0; policy drop; comment \"bc\"; }",
    "add chain ip t b { policy accept; }",
    "add chain ip t n { type nat hook postrouting priority srcnat - 5; }",
    "add counter ip t k1 { packets 1 bytes 2; }; add counter ip t k2 { comment \"zz\"; packets 1 bytes 2; }",
    "add quota ip t q { over 25 mbytes; }; add quota ip t q2 { 10 bytes used 3 bytes; comment \"qc\"; }",
    "add limit ip t l { rate 1/second; }; add limit ip t l2 { rate over 10 mbytes/minute burst 5 kbytes; }",
    "add ct helper ip t h { type \"ftp\" protocol tcp; comment \"hh\"; }",
    "add ct timeout ip t to { protocol tcp; l3proto ip; policy = { established : 100s, close : 4s }; }",
    "add ct expectation ip t ex { protocol udp; dport 9876; timeout 2m; size 12; l3proto ip; }",
    "add synproxy ip t sp { mss 1460; wscale 7; timestamp sack-perm; }",
    "add set ip t s { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; }",
    "add set ip t i { type ipv4_addr; flags interval; comment \"ic\"; elements = { 10.0.0.0/8, 192.0.2.1 }; }",
    "add set ip t d { type ipv4_addr; flags dynamic,timeout; size 100; timeout 5m; gc-interval 1m; }",
    "add set ip t p { type ipv4_addr; policy memory; counter; elements = { 192.0.2.1 counter packets 5 bytes 6 comment \"e\" }; }",
    "add set ip t cc { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90 }; }",
    "add map ip t m { type ipv4_addr : verdict; elements = { 192.0.2.1 : accept, 192.0.2.2 : jump k }; }",
    "add map ip t o { type ipv4_addr : counter; elements = { 192.0.2.1 : \"k1\" }; }",
    "add map ip t v { type inet_service : mark; flags interval; elements = { 10-20 : 5, 22 : 6 }; }",
    "add element ip t s { 192.0.2.7, 192.0.2.8 comment \"hello\" }",
    "add element ip t i { 172.16.0.0-172.16.0.9, 198.51.100.0/24 }",
    "add element ip t s { 192.0.2.7 }",
    "delete element ip t s { 192.0.2.1 }; delete element ip t i { 10.0.0.0/8 }",
    "add rule ip t c tcp dport 22 accept",
    "add rule ip t c ip saddr { 192.0.2.4, 192.0.2.5 } ip daddr @s counter name k1 comment \"x\"",
    "add rule ip t c tcp dport vmap { 22 : accept, 23 : jump k }",
    "add rule ip t c ip saddr vmap @m; add rule ip t c update @d { ip saddr timeout 30s }",
    "insert rule ip t c udp dport 53 accept",
    "add rule ip t c index 0 counter; insert rule ip t c index 1 counter",
    "rename chain ip t k kk",
    "flush set ip t s",
    "flush chain ip t c",
    "delete counter ip t k2; delete quota ip t q",
    "delete chain ip t b",
    "delete set ip t i",
    "add table ip t",
    "create table ip u; create chain ip u c; create set ip u s { type ipv4_addr; }; create counter ip u n",
    "create element ip u s { 192.0.2.1 }; create map ip u m { type ipv4_addr : mark; }",
    "add table netdev nd; add chain netdev nd c { type filter hook ingress device lo priority 0; }",
    "delete table netdev nd",
    "delete table ip z",
];

/// What nft has differently and wrongly: it tells of sets that belong to rules when they go.
fn is_odd(line: &str) -> bool {
    line.starts_with("delete set ip t __") || line.contains("\"__")
}

/// Without what is of the process or the moment.
fn plain(line: &str) -> Option<String> {
    if line.is_empty() || is_odd(line) || line.starts_with("W: ") {
        return None;
    }
    let line = line.split(" by process ").next().unwrap_or(line);
    let generation = line.starts_with("# new generation");
    // sets that belong to rules take their handles where nft takes them too, but expiry goes on meanwhile
    Some(if generation { "# new generation".to_owned() } else { without_expiry(line) })
}

fn without_expiry(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    while let Some(at) = words.iter().position(|word| *word == "expires") {
        words.drain(at..(at + 2).min(words.len()));
    }
    words.join(" ")
}

fn theirs(nft: &Oracle, options: &[&str], batch: &str) -> Result<Vec<String>, Failure> {
    let told = nft.text(options.iter().copied().chain([batch]))?;
    Ok(told.lines().filter_map(plain).collect())
}

pub(crate) fn echo_is_as_nft_tells_it(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft_since((1, 1, 7))?, Net::open()?);
    let expected: Vec<Vec<String>> =
        BATCHES.iter().map(|batch| theirs(&nft, &["-e"], batch)).collect::<Result<_, _>>()?;
    nft.line("flush ruleset")?;
    let mut session = net.nft().session();
    session.echo = true;
    for (batch, expected) in BATCHES.iter().zip(&expected) {
        let report = session.run(Script::text(*batch))?;
        report.accepted()?;
        let told: Vec<String> = printed(&report, false)?.lines().filter_map(plain).collect();
        ensure_eq!(&told, expected, "{batch}");
    }
    Ok(())
}

/// JSON without handles, which differ from one table to the next.
fn without_handles(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("handle");
            members.values_mut().for_each(without_handles);
        }
        Value::Array(items) => items.iter_mut().for_each(without_handles),
        _ => {}
    }
}

fn document(text: &str) -> Result<Value, Failure> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let mut value =
        serde_json::from_str(text).map_err(|error| Failure::wrong(format_args!("{error}: {text}")))?;
    without_handles(&mut value);
    Ok(value)
}

pub(crate) fn json_echo_is_as_nft_tells_it(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft_since((1, 1, 7))?, Net::open()?);
    let mut expected = Vec::new();
    for batch in BATCHES {
        expected.push(document(&nft.text(["-j", "-e", batch])?)?);
    }
    nft.line("flush ruleset")?;
    let mut session = net.nft().session();
    session.echo = true;
    for (batch, expected) in BATCHES.iter().zip(&expected) {
        let report = session.run(Script::text(*batch))?;
        report.accepted()?;
        ensure_eq!(&document(&printed(&report, true)?)?, expected, "{batch}");
    }
    Ok(())
}

/// A process that is killed where the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What nft and a monitor of ours tell of the same changes.
fn monitored(json: bool) -> Result<(Vec<String>, Vec<String>), Failure> {
    let (nft, net) = (Oracle::nft_since((1, 1, 7))?, Net::open()?);
    let folder = std::env::temp_dir().join(format!("netwright-session-{}-{json}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("told");
    let options: &[&str] = if json { &["-j", "monitor"] } else { &["monitor"] };
    let mut command = Command::new(nft.program());
    command.args(options).stdin(Stdio::null()).stdout(std::fs::File::create(&file)?).stderr(Stdio::null());
    let running = Running(command.spawn()?);
    let told = || std::fs::read_to_string(&file).unwrap_or_default();
    // it listens when it tells of something
    wait_until("nft monitors", || {
        nft.line("add table inet probe")?;
        nft.line("delete table inet probe")?;
        Ok((!told().is_empty()).then_some(()))
    })?;
    let mut monitor = net.nft().monitor(Default::default())?;
    for batch in BATCHES {
        nft.text([batch])?;
    }
    nft.line("add table inet end")?;
    let is_end = |text: &str| text.contains("\"end\"") || text.contains("inet end");
    wait_until("nft has told all", || Ok(is_end(&told()).then_some(())))?;
    drop(running);
    let (names, options) = (Names::new(), PrintOptions::default());
    let mut ours = String::new();
    while !is_end(&ours) {
        let Some(event) = monitor.next(Some(Duration::from_secs(10)))? else { break };
        ensure!(event != Event::Lost);
        event
            .write(&mut ours, Style { options: &options, names: &names, json })
            .map_err(|_| Failure::wrong("it cannot be written"))?;
    }
    let theirs = told();
    std::fs::remove_dir_all(&folder)?;
    let lines = |text: &str| -> Vec<String> {
        let meant = text.lines().filter(|line| !line.contains("probe") && !line.contains("end"));
        meant.filter_map(plain).collect()
    };
    Ok((lines(&ours), lines(&theirs)))
}

pub(crate) fn monitors_tell_what_nft_tells(_: &mut Lab) -> Outcome {
    let (ours, theirs) = monitored(false)?;
    let changes = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().filter(|line| !line.starts_with('#')).collect()
    };
    let (ours, theirs) = (changes(ours), changes(theirs));
    ensure!(theirs.len() > 60, "{theirs:?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        ensure_eq!(ours, theirs);
    }
    ensure_eq!(ours.len(), theirs.len());
    Ok(())
}

pub(crate) fn monitors_tell_in_json_what_nft_tells(_: &mut Lab) -> Outcome {
    let (ours, theirs) = monitored(true)?;
    let values = |lines: &[String]| -> Result<Vec<Value>, Failure> {
        let values = lines.iter().map(|line| {
            let mut value = document(line)?;
            // nft leaves out the matches of a rule that is gone whose set is gone as well
            if let Some(rule) = value.pointer_mut("/delete/rule").and_then(Value::as_object_mut) {
                rule.remove("expr");
            }
            // and tells a type of such a set that it does not know
            if let Some(set) = value.pointer_mut("/delete/set").and_then(Value::as_object_mut) {
                set.remove("type");
            }
            Ok(value)
        });
        values.collect()
    };
    let (ours, theirs) = (values(&ours)?, values(&theirs)?);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        ensure_eq!(ours, theirs);
    }
    ensure_eq!(ours.len(), theirs.len());
    Ok(())
}
