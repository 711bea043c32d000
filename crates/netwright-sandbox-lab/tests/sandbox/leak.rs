//! One attempt, in a sandbox and without.

use std::process::Command;
use std::thread;
use std::time::Duration;

use netwright_lab::{Failure, Lab, Outcome, Prepared};
use netwright_sandbox_lab::internet::{HostServers, Internet, Record};
use netwright_sys::Sysctl;

use crate::attempts::{self, Attempt, Control};
use crate::permits::{Permit, forbidden, forbidden_seen};
use crate::report::{count, note};
use crate::run::{Mode, Ran, as_user, attached, finish, sandboxed, token};
use crate::server::{OwnServer, server_path};
use crate::surroundings::{hidden_sockets, surroundings};
use crate::victim::Victim;

/// Every attempt in every mode, and its control.
pub(crate) fn tests() -> Vec<Prepared> {
    let mut tests = Vec::new();
    for (attempt, mode) in attempts::in_modes(crate::modes()) {
        let name = format!("leak::{}::{}", mode.name(), attempt.name);
        let body = move |lab: &mut Lab| {
            let outcome = in_sandbox(lab, attempt, mode);
            note("leak", mode.name(), attempt.name, outcome)
        };
        tests.push(Prepared { name, body: Box::new(body) });
    }
    for attempt in attempts::all() {
        let mode = match attempt.control {
            Control::As(mode) | Control::Perhaps(mode) => Some(mode),
            Control::OfRoot => Some(Mode::Root),
            Control::None(_) => None,
        };
        if let Some(mode) = mode {
            let name = format!("control::{}", attempt.name);
            let body = move |lab: &mut Lab| {
                let outcome = control(lab, attempt, mode);
                note("control", mode.name(), attempt.name, outcome)
            };
            tests.push(Prepared { name, body: Box::new(body) });
        }
    }
    tests
}

/// The attempts whose reality no control shows, with the reason.
pub(crate) fn without_control() -> impl Iterator<Item = (&'static str, &'static str)> {
    attempts::all().filter_map(|attempt| match attempt.control {
        Control::None(why) => Some((attempt.name, why)),
        Control::As(_) | Control::Perhaps(_) | Control::OfRoot => None,
    })
}

/// The internet and the servers of the host.
pub(crate) struct World {
    pub(crate) internet: Internet,
    pub(crate) host: Record,
    _servers: HostServers,
}

impl World {
    pub(crate) fn new(lab: &mut Lab) -> Result<Self, Failure> {
        let internet = Internet::behind(lab)?;
        let host = Record::default();
        let servers = HostServers::start(&host)?;
        let settings = Sysctl::new(lab.host.namespace());
        // Everybody may send echo requests, as on most systems; in a user namespace there is no group but the first.
        if settings.write(&["ipv4", "ping_group_range"], "0 65534").is_err() {
            settings.write(&["ipv4", "ping_group_range"], "0 0")?;
        }
        Ok(World { internet, host, _servers: servers })
    }

    /// All that got out: packets that nothing permits, and what servers should not have seen.
    pub(crate) fn leaks(&self, permits: &[Permit], token: &str) -> Result<Vec<String>, Failure> {
        // Servers of datagrams on the host have no packets to wait for.
        thread::sleep(Duration::from_millis(20));
        let packets = self.internet.packets()?;
        let packets = forbidden(&packets, permits, token).into_iter().map(ToString::to_string);
        let seen = forbidden_seen(self.internet.record.all(), permits, token).into_iter();
        let host = self.host.all().into_iter();
        let host = host.filter(|seen| !permits.iter().any(|permit| permit.allows_seen(seen)));
        let sockets =
            surroundings()?.sockets.record.all().into_iter().filter(|seen| seen.what.contains(token));
        let mut all: Vec<String> =
            packets.chain(seen.chain(host).chain(sockets).map(|seen| seen.to_string())).collect();
        all.dedup();
        Ok(all)
    }
}

/// The probe's words, with the paths that are known only now.
fn words(attempt: &Attempt, token: &str, victim: Option<&Victim>) -> Result<Vec<String>, Failure> {
    let sockets = hidden_sockets();
    let server = server_path(token)?;
    let filled = attempt.probe.iter().map(|word| match word.strip_prefix("socket:") {
        Some(part) => sockets.iter().find(|path| path.contains(part)).cloned().unwrap_or_default(),
        None if *word == "server" => server.display().to_string(),
        None if *word == "victim" => victim.map_or(0, Victim::number).to_string(),
        None => (*word).to_owned(),
    });
    let probe = surroundings()?.probe.display().to_string();
    Ok([probe].into_iter().chain(filled).collect())
}

fn in_sandbox(lab: &mut Lab, attempt: &Attempt, mode: Mode) -> Outcome {
    let world = World::new(lab)?;
    let token = token();
    let victim = attempt.has_victim.then(|| Victim::start(mode)).transpose()?;
    let words = words(attempt, &token, victim.as_ref())?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let server = attempt.server.map(|server| OwnServer::start(server, &token, mode)).transpose()?;
    if attempt.opened_outside {
        open_outside(attempt)?;
    }
    let mut permits = Permit::all(attempt)?;
    if attempt.handed_down {
        permits.push(Permit::read("tcp 203.0.113.66 7")?);
    }
    let look = || world.leaks(&permits, &token);
    let (ran, mut leaks) = if mode == Mode::Attached {
        attached(attempt.policy, &words, &token, look)?
    } else {
        let mut command = sandboxed(mode, attempt.policy, &words)?;
        if attempt.handed_down {
            command = handing_down(mode, &command)?;
        }
        if let Some(input) = server.as_ref().and_then(OwnServer::input) {
            command.stdin(input?);
        }
        (finish(command.env("NETWRIGHT_TOKEN", &token))?, look()?)
    };
    leaks.extend(server.map(|server| server.came()).filter(|came| came.contains(&token)));
    leaks.extend(ran.stdout.lines().filter(|line| line.starts_with("breach: ")).map(str::to_owned));
    leaks.extend(victim.and_then(Victim::change));
    count(mode.name(), &ran.stdout);
    if !leaks.is_empty() {
        return Err(Failure::wrong(format_args!("LEAK: {}\n{}", leaks.join("; "), told(&ran))));
    }
    // An attempt that was never made shows nothing.
    let tried = ran.stdout.contains("refused: ") || ran.stdout.contains("reached: ") || attempt.may_be_killed;
    if ran.hung || !tried {
        return Err(Failure::wrong(format_args!("the attempt was not made: {}", told(&ran))));
    }
    Ok(())
}

/// Another process does what an attempt is to do, where the kernel tracks connections.
fn open_outside(attempt: &Attempt) -> Outcome {
    const TRACKED: &str = "add table inet tracked { chain output { type filter hook output priority 0; ct state new accept; }; }";
    let tracked = Command::new(&surroundings()?.netwright).args(["nft", TRACKED]).status()?;
    netwright_lab::ensure!(tracked.success(), "no connections are tracked");
    let probe = surroundings()?.probe.display().to_string();
    let ran = finish(as_user(Mode::User, &probe)?.args(attempt.probe).env("NETWRIGHT_TOKEN", "outside"))?;
    netwright_lab::ensure!(ran.stdout.contains("reached: "), "nobody answers outside: {}", told(&ran));
    Ok(())
}

/// The same, started by a program that leaves it descriptors.
fn handing_down(mode: Mode, command: &Command) -> Result<Command, Failure> {
    let mut outer = as_user(mode, &surroundings()?.probe.display().to_string())?;
    outer.args(["with-descriptor", "203.0.113.66", "7"]).arg(surroundings()?.netwright.as_os_str());
    let words = command.get_args().skip_while(|word| *word != "run");
    outer.args(words);
    Ok(outer)
}

/// Without a sandbox, something must get through.
fn control(lab: &mut Lab, attempt: &Attempt, mode: Mode) -> Outcome {
    if matches!(attempt.control, Control::OfRoot) && !surroundings()?.really_root {
        return Err(Failure::lacking("only the machine's own root gets it out without a sandbox"));
    }
    let world = World::new(lab)?;
    let token = token();
    let victim = attempt.has_victim.then(|| Victim::start(mode)).transpose()?;
    let words = words(attempt, &token, victim.as_ref())?;
    let server = attempt.server.map(|server| OwnServer::start(server, &token, mode)).transpose()?;
    let (probe, rest) = words.split_first().ok_or_else(|| Failure::wrong("no probe"))?;
    let mut command = as_user(mode, if mode == Mode::Root { "unshare" } else { probe })?;
    if mode == Mode::Root {
        // What root unmounts or mounts is not taken from the other tests.
        command.args(["--mount", "--", probe]);
    }
    if attempt.handed_down {
        command.args(["with-descriptor", "203.0.113.66", "7", probe]);
    } else {
        command.arg("under");
    }
    if let Some(input) = server.as_ref().and_then(OwnServer::input) {
        command.stdin(input?);
    }
    let ran = finish(command.args(rest).env("NETWRIGHT_TOKEN", &token).env("NETWRIGHT_AT_ONCE", "1"))?;
    let permits = Permit::all(attempt)?;
    let served = || server.is_some_and(|server| server.came().contains(&token));
    let changed = || victim.and_then(Victim::change).is_some();
    let got = !world.leaks(&permits, &token)?.is_empty()
        || ran.stdout.contains("breach: ")
        || served()
        || changed();
    match got {
        true => Ok(()),
        false if matches!(attempt.control, Control::Perhaps(_)) => Err(Failure::lacking(format_args!(
            "this kernel lacks it: {}",
            ran.stdout.trim().trim_start_matches("refused: ")
        ))),
        false => Err(Failure::wrong(format_args!("without a sandbox nothing got out: {}", told(&ran)))),
    }
}

/// What a run said, for messages.
pub(crate) fn told(ran: &Ran) -> String {
    let ended = match (ran.hung, ran.status, ran.signal) {
        (true, ..) => "it hung".to_owned(),
        (_, Some(status), _) => format!("status {status}"),
        (_, _, signal) => format!("signal {}", signal.unwrap_or_default()),
    };
    format!("{ended}; stdout: {}; stderr: {}", ran.stdout.trim(), ran.stderr.trim())
}
