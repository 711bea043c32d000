//! One attempt to reach something, by one named way, with what came of it as a line: `reached: …`, `breach: …` (something
//! was obtained that opens a way) or `refused: …`. The suite of the sandbox runs it inside one, and outside to see that
//! the attempt is a real one.

mod dns;
mod families;
mod files;
mod links;
mod net;
mod processes;
mod sweep;
mod unix;
mod work;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::process::ExitCode;

/// What came of an attempt that was not refused.
enum Came {
    /// Something answered, or was sent without an error.
    Reached(String),
    /// Something was obtained that must not be had.
    Breach(String),
}

/// An attempt's outcome; an error is a refusal.
type Outcome = Result<Came, Box<dyn std::error::Error>>;

/// A way, by its name; it takes the words behind the name.
type Way = (&'static str, fn(&[&str]) -> Outcome);

/// A path for a temporary file. Process numbers are no names: each sandbox begins to count at 1.
fn temporary(kind: &str) -> PathBuf {
    std::env::temp_dir().join(format!("netwright-{kind}-{:x}", RandomState::new().hash_one(kind)))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((name, rest)) = words.split_first() else {
        eprintln!("usage: probe WAY [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let ways = [
        net::WAYS,
        dns::WAYS,
        families::WAYS,
        files::WAYS,
        unix::WAYS,
        links::WAYS,
        processes::WAYS,
        work::WAYS,
        sweep::WAYS,
    ];
    let Some((_, way)) = ways.into_iter().flatten().find(|(known, _)| known == name) else {
        eprintln!("there is no way {name}");
        return ExitCode::from(2);
    };
    match way(rest) {
        Ok(Came::Reached(what)) => {
            println!("reached: {what}");
            ExitCode::SUCCESS
        }
        Ok(Came::Breach(what)) => {
            println!("breach: {what}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("refused: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The text that marks what this run sends.
fn token() -> String {
    std::env::var("NETWRIGHT_TOKEN").unwrap_or_else(|_| "netwright-token".to_owned())
}

/// A word by its place.
fn word<'a>(words: &[&'a str], at: usize) -> Result<&'a str, String> {
    words.get(at).copied().ok_or_else(|| format!("argument {} is missing", at + 1))
}
