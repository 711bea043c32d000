//! The netwright command: arguments, diagnostics and output over the libraries.
#![forbid(unsafe_code)]

mod apply;
mod arguments;
mod capture;
mod check;
mod diagnostics;
mod explain_policy;
mod failure;
mod files;
mod generate;
mod host;
mod list;
mod monitor;
mod netns;
mod nft;
mod output;
mod plan;
mod run;
mod ssh;
mod state;
mod test;
mod watch;
mod zone;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::failure::{Done, FAILED, Failure, say_usage};

fn main() -> ExitCode {
    if let Some(words) = nft::program::words(std::env::args_os()) {
        return nft::program::run(words);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    arguments.global.color.choose();
    run(arguments).unwrap_or_else(Failure::report)
}

/// Ends as the parser of the arguments wants it, but for `netwright run`, whose exit code 2 would be the command's.
fn refused(error: &clap::Error) -> ExitCode {
    let first = std::env::args_os().skip(1).find(|word| !word.to_string_lossy().starts_with('-'));
    let wrong = || match u8::try_from(error.exit_code()).unwrap_or(FAILED) {
        _ if first.is_some_and(|word| word == "run") => ExitCode::from(run::FAILED),
        code => ExitCode::from(code),
    };
    say_usage(error).unwrap_or_else(wrong)
}

fn run(Arguments { global, command }: Arguments) -> Done {
    match command {
        Command::Check(arguments) => check::run(&arguments, &global),
        Command::Plan(arguments) => plan::run(&arguments, &global),
        Command::Apply(arguments) => apply::run(&arguments, &global),
        Command::Recover(arguments) => state::recover::recover(&arguments, &global),
        Command::Confirm(arguments) => state::confirm::run(&arguments, &global),
        Command::Withdraw(arguments) => apply::withdraw(&arguments, &global),
        Command::History(arguments) => state::history::history(&arguments, &global),
        Command::Status(arguments) => state::history::status(&arguments, &global),
        Command::Capture(arguments) => capture::run(&arguments, &global),
        Command::Watch(arguments) => watch::run(&arguments, &global),
        Command::Watchdog(arguments) => state::watchdog::run(&arguments, &global),
        Command::Rollback(arguments) => state::recover::rollback(&arguments, &global),
        Command::Test(arguments) => test::run(&arguments, &global),
        Command::List(arguments) => list::run(&arguments),
        Command::Monitor(arguments) => monitor::run(&arguments),
        Command::Nft(arguments) => nft::run(&arguments),
        Command::Run(arguments) => run::run(&arguments, &global),
        Command::ExplainPolicy(arguments) => explain_policy::run(&arguments),
        Command::Netns(arguments) => netns::run(arguments),
        Command::Schema(arguments) => generate::schema(&arguments),
        Command::Completions(arguments) => generate::completions(&arguments),
        Command::Man => generate::man(),
    }
}
