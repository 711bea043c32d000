//! `cargo xtask`: the chores of this checkout.

mod cargo;
mod conformance;
mod dependencies;
mod licences;
mod report;
mod setup;
mod test;
mod uapi;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  test [--no-install]   set up what the tests need, run all of them, and say what did not run
  conformance           how far the language agrees with nft: the tables of the corpus in NETWRIGHT_SHARED
  licences              every dependency has a permissive licence
  dependencies          the library has at most five external dependencies
  uapi                  every row of the tables agrees with the installed kernel headers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["test"] => test::run(true),
        ["test", "--no-install"] => test::run(false),
        ["conformance"] => conformance::run(),
        ["licences"] => licences::run(),
        ["dependencies"] => dependencies::run(),
        ["uapi"] => uapi::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
