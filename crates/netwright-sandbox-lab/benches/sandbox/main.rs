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
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

/// What a measurement returns.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Size {
    rounds: usize,
    seconds: f64,
    crowd: usize,
}

const BENCH: Size = Size { rounds: 21, seconds: 1.0, crowd: 100 };
/// What `cargo test` runs: enough to see that everything works.
const SMALL: Size = Size { rounds: 1, seconds: 0.1, crowd: 3 };

/// Measures and prints.
type Table = fn(&peers::World, Size) -> Result<()>;

/// Each table by its name.
const TABLES: &[(&str, Table)] = &[
    ("start", |world, size| start::table(world, size.rounds)),
    ("flow", |world, size| flow::table(world, size.seconds)),
    ("memory", |world, _| start::memory(world)),
    ("crowd", |world, size| start::crowd(world, size.crowd)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [flow::CLIENT, kind, address, seconds, streams] => flow::client(kind, address, seconds, streams),
        _ if words.contains(&"--bench") => compare(&words),
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

/// Each table as a test: whether it can be made.
fn works() -> Conclusion {
    let mut arguments = Arguments::from_args();
    // This thread's namespaces are the world of all of them.
    arguments.test_threads = Some(1);
    let world = match arguments.list {
        true => Err("only listed".to_owned()),
        false => peers::World::new().map_err(|error| error.to_string()),
    };
    let world = Arc::new(Mutex::new(world));
    let trials = TABLES.iter().map(|(name, table)| {
        let world = Arc::clone(&world);
        Trial::ignorable_test(*name, move || match &*world.lock().unwrap_or_else(PoisonError::into_inner) {
            Ok(world) => {
                table(world, SMALL).map_err(|error| error.to_string())?;
                Ok(Completion::Completed)
            }
            Err(error) => Ok(Completion::ignored_with(error.clone())),
        })
    });
    libtest_mimic::run(&arguments, trials.collect())
}

fn compare(words: &[&str]) -> Result<()> {
    let chosen: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let world = peers::World::new()?;
    for (name, table) in TABLES {
        if chosen.is_empty() || chosen.iter().any(|word| name.contains(**word)) {
            table(&world, BENCH)?;
        }
    }
    Ok(())
}
