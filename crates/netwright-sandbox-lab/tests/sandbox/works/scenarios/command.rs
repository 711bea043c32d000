//! What the command does besides running a program.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq, wait_until};
use netwright_sandbox_lab::internet::CROWD_PORT;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};

use super::super::need;
use super::folder;
use crate::leak::{World, told};
use crate::run::{Mode, finish, sandboxed, token, wait};
use crate::surroundings::{NOBODY, hidden_sockets, surroundings};

fn probe() -> Result<String, Failure> {
    Ok(surroundings()?.probe.display().to_string())
}

/// Ten thousand, or as many as the limit of descriptors lets a supervisor with two for each have.
pub(super) fn many_connections(lab: &mut Lab, mode: Mode) -> Outcome {
    const WANTED: u64 = 10_000;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let wanted = WANTED.min(limit / 2 - 300);
    let _world = World::new(lab)?;
    let probe = probe()?;
    let (port, number) = (CROWD_PORT.to_string(), wanted.to_string());
    let allow = format!("good.example.org:{port}");
    let ran = finish(&mut sandboxed(
        mode,
        &["--allow", &allow],
        &[&probe, "many", "good.example.org", &port, &number],
    )?)?;
    ensure!(ran.status == Some(0), "{wanted} connections: {}", told(&ran));
    Ok(())
}

pub(super) fn published_port(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let probe = probe()?;
    let child = sandboxed(mode, &["-p", "18080:7001"], &[&probe, "listen", "7001"])?.spawn()?;
    let text = wait_until("the port is published", || {
        let Ok(mut stream) = TcpStream::connect("127.0.0.1:18080") else { return Ok(None) };
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut text = String::new();
        let read = stream.read_to_string(&mut text);
        Ok((read.is_ok() && !text.is_empty()).then_some(text))
    });
    let ran = match &text {
        Ok(_) => wait(child)?,
        Err(_) => {
            kill_process(Pid::from_child(&child), Signal::TERM)?;
            wait(child)?
        }
    };
    ensure!(text.as_deref() == Ok("published\n"), "{text:?}: {}", told(&ran));
    ensure_eq!(ran.status, Some(0));
    Ok(())
}

pub(super) fn policy_file(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let file = folder(mode)?.join("policy.toml");
    fs::write(
        &file,
        "allow = [\"nothing.example.org\"]\nhosts = { \"db.local\" = \"198.51.100.10\" }\n\
         [profile.echo]\nallow = [\"db.local:7/tcp\"]\n",
    )?;
    let (file, probe) = (file.display().to_string(), probe()?);
    let echo = [&probe[..], "echo", "db.local", "7"];
    let without = finish(&mut sandboxed(mode, &["--policy", &file], &echo)?)?;
    ensure!(without.stdout.contains("refused"), "without the profile: {}", told(&without));
    let with = finish(&mut sandboxed(mode, &["--policy", &file, "--profile", "echo"], &echo)?)?;
    ensure!(with.stdout.contains("reached"), "with the profile: {}", told(&with));
    Ok(())
}

pub(super) fn reload(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let folder = folder(mode)?;
    let file = folder.join("policy.toml");
    fs::write(&file, "allow = [\"198.51.100.10:7\"]\n")?;
    let (path, probe) = (file.display().to_string(), probe()?);
    // Says when each of the two became as it should be: the new one is allowed, the old one no longer.
    let script = format!(
        "{probe} echo 198.51.100.10 7 && ! {probe} echo 203.0.113.66 7 && touch {f}/ready
        for time in $(seq 100); do {probe} echo 203.0.113.66 7 && break; sleep 0.1; done
        {probe} echo 203.0.113.66 7 && {probe} echo good.example.org 7 && ! {probe} echo 198.51.100.44 7 && echo both",
        f = folder.display(),
    );
    let child = sandboxed(mode, &["--policy", &path], &["sh", "-c", &script])?.spawn()?;
    let ready = wait_until("the first policy holds", || Ok(folder.join("ready").exists().then_some(())));
    // As editors do: a new file in the place of the old one.
    let other = folder.join("new.toml");
    fs::write(&other, "allow = [\"203.0.113.66:7\", \"good.example.org:7\"]\n")?;
    fs::rename(&other, &file)?;
    let ran = wait(child)?;
    ready?;
    ensure!(ran.stdout.contains("both"), "{}", told(&ran));
    Ok(())
}

pub(super) fn several(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let probe = probe()?;
    let mut children = Vec::new();
    for number in 0..5 {
        // Each allows what the others do not.
        let allow = format!("198.51.100.{}:7", 200 + number);
        let (own, other) = (format!("198.51.100.{}", 200 + number), format!("198.51.100.{}", 201 + number));
        let script = format!("{probe} echo {own} 7; {probe} echo {other} 7; sleep 0.5; {probe} echo {own} 7");
        children.push(sandboxed(mode, &["--allow", &allow], &["sh", "-c", &script])?.spawn()?);
    }
    for child in children {
        let ran = wait(child)?;
        let lines: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split(':').next()).collect();
        ensure!(lines == ["reached", "refused", "reached"], "{}", told(&ran));
    }
    Ok(())
}

pub(super) fn input(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let data: Vec<u8> = (0..5_000_000_u32).map(|at| at as u8).collect();
    let mut child = sandboxed(mode, &[], &["cksum"])?.stdin(Stdio::piped()).spawn()?;
    let mut pipe = child.stdin.take().ok_or_else(|| Failure::wrong("no pipe"))?;
    let writer = thread::spawn(move || pipe.write_all(&data));
    let ran = wait(child)?;
    let _ = writer.join();
    ensure!(ran.stdout.trim() == "1325972752 5000000", "{}", told(&ran));
    ensure_eq!(ran.status, Some(0));
    Ok(())
}

pub(super) fn environment(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let folder = folder(mode)?;
    let mut command = sandboxed(mode, &[], &["sh", "-c", "pwd; echo \"$WORD\"; umask; ulimit -n"])?;
    let ran = finish(command.current_dir(&folder).env("WORD", "spaces  and \"quotes\""))?;
    let expected = format!("{}\nspaces  and \"quotes\"\n", folder.display());
    ensure!(ran.stdout.starts_with(&expected), "{}", told(&ran));
    Ok(())
}

pub(super) fn killed(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    for (name, number) in [("TERM", 15), ("KILL", 9), ("SEGV", 11), ("INT", 2)] {
        let script = format!("ulimit -c 0; kill -{name} $$");
        let ran = finish(&mut sandboxed(mode, &[], &["sh", "-c", &script])?)?;
        let as_shell = ran.status == Some(128 + number);
        ensure!(ran.signal == Some(number) || as_shell, "{name}: {}", told(&ran));
    }
    Ok(())
}

pub(super) fn signals(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let folder = folder(mode)?;
    let ready = folder.join("ready");
    for (name, signal) in
        [("TERM", Signal::TERM), ("ALRM", Signal::ALARM), ("USR1", Signal::USR1), ("INT", Signal::INT)]
    {
        let script = format!(
            "trap 'echo got {name}; exit 7' {name}; touch {}; while :; do sleep 0.05; done",
            ready.display()
        );
        let child = sandboxed(mode, &[], &["sh", "-c", &script])?.spawn()?;
        wait_until("the command runs", || Ok(ready.exists().then_some(())))?;
        fs::remove_file(&ready)?;
        kill_process(Pid::from_child(&child), signal)?;
        let ran = wait(child)?;
        ensure!(
            ran.stdout.contains(&format!("got {name}")) && ran.status == Some(7),
            "{name}: {}",
            told(&ran)
        );
    }
    Ok(())
}

/// Runs it on a terminal of `script`, with these keys after some time each.
fn on_terminal(mode: Mode, policy: &[&str], text: &str, keys: &[(u64, &[u8])]) -> Result<String, Failure> {
    need("script", "bsdutils")?;
    let inner = sandboxed(mode, policy, &["sh", "-c", text])?;
    let quoted: Vec<String> =
        inner.get_args().map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"))).collect();
    let program = inner.get_program().to_string_lossy().into_owned();
    terminal_script(mode, &format!("{program} {}", quoted.join(" ")), keys)
}

fn terminal_script(mode: Mode, line: &str, keys: &[(u64, &[u8])]) -> Result<String, Failure> {
    let mut command = crate::run::as_user(mode, "script")?;
    if mode.is_user() && !surroundings()?.really_root {
        // The user namespace is made by the line itself.
        command = crate::run::as_user(Mode::Root, "script")?;
    }
    command.args(["-qec", line, "/dev/null"]).stdin(Stdio::piped()).env("SHELL", "/bin/sh");
    let mut child = command.spawn()?;
    let mut pipe = child.stdin.take().ok_or_else(|| Failure::wrong("no pipe"))?;
    let keys: Vec<(u64, Vec<u8>)> = keys.iter().map(|(pause, keys)| (*pause, keys.to_vec())).collect();
    let typing = thread::spawn(move || {
        for (pause, keys) in keys {
            thread::sleep(Duration::from_millis(pause));
            let _ = pipe.write_all(&keys);
        }
        thread::sleep(Duration::from_secs(3));
    });
    let ran = wait(child)?;
    let _ = typing.join();
    Ok(ran.stdout)
}

pub(super) fn terminal(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let said = on_terminal(
        mode,
        &[],
        "test -t 0 && test -t 1 && tty && echo terminal; stty -a | head -1; : > /dev/tty && echo owned",
        &[],
    )?;
    ensure!(said.contains("terminal") && said.contains("owned"), "{said}");
    Ok(())
}

pub(super) fn interrupt_key(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let start = Instant::now();
    let said = on_terminal(
        mode,
        &[],
        "trap 'echo caught; exit 9' INT; echo ready; sleep 20; echo never",
        &[(1500, b"\x03")],
    )?;
    ensure!(said.contains("caught") && !said.contains("never"), "{said}");
    ensure!(start.elapsed() < Duration::from_secs(15), "it went on for {:?}", start.elapsed());
    Ok(())
}

pub(super) fn stop_key(lab: &mut Lab, mode: Mode) -> Outcome {
    need("bash", "bash")?;
    let _world = World::new(lab)?;
    let inner = sandboxed(mode, &[], &["sh", "-c", "sleep 3; echo finished"])?;
    let words: Vec<String> = inner.get_args().map(|word| format!("\"{}\"", word.to_string_lossy())).collect();
    let line = format!(
        "bash --norc -ic '{} {}; echo status $?; jobs; fg'",
        inner.get_program().to_string_lossy(),
        words.join(" ")
    );
    let said = terminal_script(mode, &line, &[(1500, b"\x1a")])?;
    ensure!(said.contains("status 148") && said.contains("finished"), "{said}");
    Ok(())
}

pub(super) fn log(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let file = folder(mode)?.join("blocked.jsonl");
    let (path, probe) = (file.display().to_string(), probe()?);
    let script = format!(
        "for time in 1 2 3; do {probe} tcp 203.0.113.66 443; done; {probe} udp 203.0.113.66 5000
        {probe} resolve evil.example.net; {probe} ping 203.0.113.66; {probe} tcp 2001:db8:bad::66 443"
    );
    let ran = finish(&mut sandboxed(mode, &["--log", &path], &["sh", "-c", &script])?)?;
    let text = fs::read_to_string(&file).unwrap_or_default();
    let count =
        |parts: &[&str]| text.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count();
    for parts in [
        &["203.0.113.66", "443", "tcp", "netwright-lab-p"][..],
        &["203.0.113.66", "5000", "udp"],
        &["2001:db8:bad::66", "443"],
        &["evil.example.net"],
        &["203.0.113.66", "icmp"],
    ] {
        ensure!(count(parts) == 1, "{} lines with {parts:?} in {text}; {}", count(parts), told(&ran));
    }
    for line in text.lines() {
        let read: Result<serde_json::Value, _> = serde_json::from_str(line);
        ensure!(read.is_ok_and(|value| value.is_object()), "no JSON: {line}");
    }
    ensure!(text.contains("203.0.113.66:443/tcp"), "no flag that would allow it: {text}");
    Ok(())
}

pub(super) fn summary(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let probe = probe()?;
    let ran = finish(&mut sandboxed(mode, &[], &[&probe, "tcp", "203.0.113.66", "443"])?)?;
    ensure!(ran.stderr.contains("203.0.113.66:443/tcp"), "{}", told(&ran));
    Ok(())
}

/// Nothing is said where nothing was blocked.
pub(super) fn quiet(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let probe = probe()?;
    let ran = finish(&mut sandboxed(
        mode,
        &["--allow", "good.example.org:7"],
        &[&probe, "echo", "good.example.org", "7"],
    )?)?;
    ensure!(ran.status == Some(0) && ran.stderr.is_empty(), "{}", told(&ran));
    Ok(())
}

pub(super) fn learn(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let file = folder(mode)?.join("learned.toml");
    let (path, probe) = (file.display().to_string(), probe()?);
    let script = format!("{probe} echo good.example.org 7 && {probe} udp-kinds 198.51.100.20 5000");
    let first = finish(&mut sandboxed(mode, &["--learn", &path], &["sh", "-c", &script])?)?;
    let learned = fs::read_to_string(&file).unwrap_or_default();
    ensure!(first.status == Some(0) && learned.contains("good.example.org"), "{learned}; {}", told(&first));
    let again = finish(&mut sandboxed(mode, &["--policy", &path], &["sh", "-c", &script])?)?;
    ensure!(again.status == Some(0), "with {learned}: {}", told(&again));
    let other = finish(&mut sandboxed(mode, &["--policy", &path], &[&probe, "tcp", "203.0.113.66", "443"])?)?;
    ensure!(other.stdout.contains("refused"), "with {learned}: {}", told(&other));
    Ok(())
}

pub(super) fn allowed_socket(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let (probe, token) = (probe()?, token());
    let bus = format!("/run/user/{NOBODY}/bus");
    for path in ["/run/docker.sock", &bus] {
        ensure!(hidden_sockets().iter().any(|hidden| hidden == path));
        let ran = finish(
            sandboxed(mode, &["--socket", path], &[&probe, "path", path])?.env("NETWRIGHT_TOKEN", &token),
        )?;
        let seen = surroundings()?.sockets.record.all();
        let arrived = seen.iter().any(|seen| seen.at == path && seen.what.contains(&token));
        ensure!(arrived, "nothing came to {path}: {}", told(&ran));
    }
    Ok(())
}
