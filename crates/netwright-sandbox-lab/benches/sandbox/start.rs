//! The cost of a sandbox: time to start, memory, and many of them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::measure::{below, median, memory_of};
use crate::peers::{Peer, SERVER, World};
use crate::{Result, flow};

/// Prints how long it takes until a command runs, and until all is over when it ends at once.
pub(crate) fn table(world: &World, rounds: usize) -> Result<()> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let shell = "ip link set lo up && echo 'table inet t { chain c { type filter hook output priority 0; policy drop; }; }' \
                 | nft -f - && exec \"$@\"";
    let netwright = |flags: &[&str]| world.run(flags);
    let named = |(name, rootless, words): (&str, bool, Vec<String>)| (name.to_owned(), rootless, words);
    let ways = [
        ("nothing", false, words(&["env"])),
        ("unshare", true, words(&["unshare", "-Urn"])),
        ("unshare, ip, nft", true, words(&["unshare", "-Urn", "sh", "-c", shell, "sh"])),
        ("netwright run --no-network", true, netwright(&["--no-network"])),
    ];
    // what each guard costs: without one of those that are there unasked, and with one that is asked for
    let guards: [&[&str]; 10] = [
        &["--share", "pid,ipc,devices"],
        &["--share", "pid"],
        &["--share", "ipc"],
        &["--share", "devices"],
        &["--mounts"],
        &["--read", "/"],
        &["--workspace"],
        &["--processes", "100"],
        &["--memory", "1G"],
        &["--time", "1h"],
    ];
    let guards = guards.map(|guard| {
        let name = format!("netwright run --no-network {}", guard.join(" "));
        (name, true, netwright(&[&["--no-network"], guard].concat()))
    });
    let ways = ways.map(named).into_iter().chain(guards).chain(
        [
            ("netwright run --allow ADDRESS", true, netwright(&["--mode", "relay", "--allow", SERVER])),
            ("netwright run, ten rules", true, netwright(&TEN_RULES)),
            ("netwright run --mode nat", false, netwright(&["--mode", "nat", "--allow", SERVER])),
            ("pasta", true, words(&["pasta", "--config-net", "--quiet", "--"])),
        ]
        .map(named),
    );
    let ways: Vec<_> = ways.collect();
    println!("\n| start (median of {rounds}) | ms until it runs | / unshare, ip, nft | ms until the end |");
    println!("|---|---:|---:|---:|");
    let client = words(&[&std::env::current_exe()?.display().to_string(), flow::CLIENT, NOW, "", "", ""]);
    let mut times = vec![(Vec::new(), Vec::new()); ways.len()];
    for _ in 0..rounds {
        for ((_, rootless, words), (runs, ends)) in ways.iter().zip(&mut times) {
            let mut command = world.own(*rootless, &[&words[..], &client].concat());
            command.stdin(Stdio::null()).stderr(Stdio::null());
            let start = now();
            let output = command.output()?;
            let end = now();
            if let Ok(time) = String::from_utf8_lossy(&output.stdout).trim().parse::<f64>() {
                runs.push(time - start);
                ends.push(end - start);
            }
        }
    }
    let medians: Vec<(f64, f64)> =
        times.into_iter().map(|(runs, ends)| (median(runs), median(ends))).collect();
    let shell = medians.get(2).map(|(runs, _)| *runs).unwrap_or_default();
    for ((name, ..), (runs, ends)) in ways.iter().zip(&medians) {
        match *runs > 0.0 {
            true => println!("| {name} | {runs:.1} | {:.2} | {ends:.1} |", runs / shell),
            false => println!("| {name} | did not run | - | - |"),
        }
    }
    Ok(())
}

/// The argument by which the client knows that it is to say when it was started.
pub(crate) const NOW: &str = "now";

/// Milliseconds of the clock that all processes share.
pub(crate) fn now() -> f64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

const TEN_RULES: [&str; 22] = [
    "--mode",
    "relay",
    "--allow",
    "a.example.org:443",
    "--allow",
    "*.b.example.org",
    "--allow",
    "c.example.org:80,443",
    "--allow",
    "10.0.0.0/8",
    "--allow",
    "192.0.2.0/24:22/tcp",
    "--allow",
    "d.example.org/udp",
    "--allow",
    "e.example.org:8000-8100/tcp",
    "--allow",
    "[2001:db8::]/32:443",
    "--allow",
    "icmp",
    "--deny",
    "10.0.0.1",
];

/// A child that is told to end when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a command in a peer's way and waits until it says that it runs.
fn start(command: &mut Command) -> Result<Running> {
    let mut running =
        Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let stdout = running.0.stdout.take().ok_or("no pipe")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    if line.trim() == "up" { Ok(running) } else { Err("it did not start".into()) }
}

/// Ends by itself, so that nothing stays behind.
const UP: [&str; 3] = ["sh", "-c", "echo up; exec sleep 20"];

/// What keeps a sandbox up, without the command itself.
fn keepers(running: &Running) -> u64 {
    let process = running.0.id();
    let own = ["sleep", "sh", "unshare"];
    let others = below(process).into_iter().filter(|(_, name)| !own.contains(&name.as_str()));
    memory_of(process) + others.map(|(process, _)| memory_of(process)).sum::<u64>()
}

/// Prints the memory of each peer's processes.
pub(crate) fn memory(world: &World) -> Result<()> {
    println!("\n| memory | kB (proportional) |");
    println!("|---|---:|");
    for peer in
        world.peers().into_iter().filter(|peer| !matches!(peer, Peer::Loopback | Peer::Veth | Peer::Routed))
    {
        match start(&mut world.command(peer, &UP)) {
            Ok(running) => println!("| {} | {} |", peer.name(), keepers(&running)),
            Err(error) => println!("| {} | {error} |", peer.name()),
        }
    }
    Ok(())
}

/// Prints the time and memory of many sandboxes at once.
pub(crate) fn crowd(world: &World, number: usize) -> Result<()> {
    println!("\n| {number} at once | started one after the other, ms each | kB each |");
    println!("|---|---:|---:|");
    for peer in world.peers().into_iter().filter(|peer| matches!(peer, Peer::Relay | Peer::Nat | Peer::Pasta))
    {
        let start_of_all = Instant::now();
        let mut all = Vec::new();
        for _ in 0..number {
            match start(&mut world.command(peer, &UP)) {
                Ok(running) => all.push(running),
                Err(error) => println!("{}: {error}", peer.name()),
            }
        }
        let each = start_of_all.elapsed().as_secs_f64() * 1e3 / number as f64;
        let memory: u64 = all.iter().map(keepers).sum();
        println!(
            "| {} ({} run) | {each:.1} | {} |",
            peer.name(),
            all.len(),
            memory / all.len().max(1) as u64
        );
    }
    Ok(())
}
