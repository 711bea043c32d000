//! `cargo bench --bench sandbox`: `netwright run` beside what else keeps a program's network apart, in one run on one machine.
//!
//! Everything talks to a server on this host, where what a sandbox costs is not hidden by what a network costs, and to one behind a veth:
//! plainly, through a sandbox, through pasta, through slirp4netns. The server and the client are this program. As root, the rootless ones
//! run as the user 65534. Words select tables: `start`, `flow`, `memory`, `crowd`.

mod flow;
mod measure;
mod peers;
mod start;

use std::error::Error;
use std::process::ExitCode;

/// What a measurement returns.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [flow::CLIENT, kind, address, seconds, streams] => flow::client(kind, address, seconds, streams),
        _ => compare(&words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(words: &[&str]) -> Result<()> {
    let bench = words.contains(&"--bench");
    let chosen: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = |table: &str| chosen.is_empty() || chosen.iter().any(|word| table.contains(**word));
    let world = match peers::World::new() {
        Ok(world) => world,
        Err(error) if !bench => {
            println!("did not run: {error}");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    // `cargo test` only looks whether all of this works.
    let (rounds, seconds, crowd) = if bench { (21, 1.0, 100) } else { (1, 0.1, 3) };
    if wanted("start") {
        start::table(&world, rounds)?;
    }
    if wanted("flow") {
        flow::table(&world, seconds)?;
    }
    if wanted("memory") {
        start::memory(&world)?;
    }
    if wanted("crowd") {
        start::crowd(&world, crowd)?;
    }
    Ok(())
}
