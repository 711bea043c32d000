//! `cargo bench`: loads and dumps beside the tools people use and beside the kernel's floor.
//!
//! The floor is the work of the kernel alone: messages that were encoded before are sent in one system call and the replies are
//! received and not looked at. netwright encodes, sends and reads; the tools also read their input text. Every measurement is a
//! process of its own in a fresh network namespace, and the peers take turns.
//!
//! `cargo xtask bench` runs all of it, with the command in turn with the tools, and writes `docs/benchmarks.md`.
//!
//! Words select workloads by name.

mod beside;
mod events;
mod floor;
mod forward;
mod lists;
mod measure;
mod objects;
mod routes;
mod rules;
mod sets;
mod table;
mod texts;

use std::error::Error;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};
use measure::{Measured, measure_apart, settle};
use netwright_lab::Oracle;

/// What a workload's functions return.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How the work is done.
#[derive(Clone, Copy, Debug)]
struct Peer {
    /// Its name in the table; that of the floor is `floor`.
    name: &'static str,
    /// The tool that it needs.
    tool: Option<&'static str>,
    /// Does it in this process's namespace, with so many objects; what comes before the work is not measured.
    run: fn(usize) -> Result<Measured>,
}

/// Some work, done by each peer.
#[derive(Clone, Copy, Debug)]
struct Workload {
    name: &'static str,
    sizes: &'static [usize],
    peers: &'static [Peer],
}

const WORKLOADS: &[Workload] = &[
    sets::LOAD,
    sets::LOAD_WITH_SIZE,
    texts::INTERVALS,
    texts::PAIRS,
    texts::MAP,
    texts::VERDICTS,
    texts::ONE_BY_ONE,
    rules::LOAD,
    texts::COLD,
    lists::RULES,
    lists::ELEMENTS,
    beside::CHAIN,
    beside::TABLE,
    beside::TERSE,
    beside::LINKS,
    forward::FORWARD,
    routes::ADD,
    routes::DUMP,
    objects::DELETE_ROUTES,
    objects::ADDRESSES,
    objects::VETHS,
    events::FOLLOW,
];

/// What `cargo test` runs: enough to see that everything works.
const SMALL: usize = 100;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [measure::APART, workload, peer, size] => apart(workload, peer, size),
        _ if given("--bench") => compare(&arguments),
        _ => return works().exit_code(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Each workload as a test: whether it can be done by each peer.
fn works() -> Conclusion {
    let trials = WORKLOADS.iter().map(|workload| {
        Trial::ignorable_test(workload.name, || {
            if let Err(error) = settle() {
                return match std::env::var_os("CI") {
                    Some(_) => Err(error.to_string().into()),
                    None => Ok(Completion::ignored_with(error.to_string())),
                };
            }
            turns(workload, SMALL, 1).map_err(|error| error.to_string())?;
            Ok(Completion::Completed)
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect())
}

/// One measurement, in the process that [`measure_apart`] has started.
fn apart(workload: &str, peer: &str, size: &str) -> Result<()> {
    let workload = WORKLOADS.iter().find(|known| known.name == workload).ok_or("no such workload")?;
    let peer = workload.peers.iter().find(|known| known.name == peer).ok_or("no such peer")?;
    println!("{}", (peer.run)(size.parse()?)?);
    Ok(())
}

fn compare(arguments: &[String]) -> Result<()> {
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    settle()?;
    table::head();
    for workload in WORKLOADS
        .iter()
        .filter(|workload| words.is_empty() || words.iter().any(|word| workload.name.contains(word.as_str())))
    {
        for &size in workload.sizes {
            table::rows(workload.name, size, &turns(workload, size, rounds(size))?);
        }
    }
    Ok(())
}

/// Short runs are noisy, long ones are not.
fn rounds(size: usize) -> usize {
    match size {
        0..20_000 => 7,
        20_000..1_000_000 => 3,
        _ => 1,
    }
}

/// Lets the peers take turns; those whose tool is missing are left out.
fn turns(workload: &Workload, size: usize, rounds: usize) -> Result<Vec<(&'static str, Vec<Measured>)>> {
    let present = |peer: &&Peer| peer.tool.is_none_or(|tool| find(tool).is_ok());
    let mut results: Vec<_> =
        workload.peers.iter().filter(present).map(|peer| (peer.name, Vec::new())).collect();
    for _ in 0..rounds {
        for (peer, measured) in &mut results {
            settle()?;
            measured.push(measure_apart(workload.name, peer, size)?);
        }
    }
    Ok(results)
}

/// Where the command lies, where it is to take part.
const COMMAND: &str = "NETWRIGHT_COMMAND";

/// The tool of this name.
fn find(tool: &str) -> Result<Oracle> {
    let found = match tool {
        "nft" => Oracle::nft(),
        "netwright" => {
            let path = std::env::var_os(COMMAND).ok_or_else(|| format!("{COMMAND} is not set"))?;
            return Ok(std::path::PathBuf::from(path).into());
        }
        _ => Oracle::ip(),
    };
    found.map_err(|failure| format!("{failure:?}").into())
}
