//! The netwright command: arguments, diagnostics and output over the libraries.
#![forbid(unsafe_code)]

mod apply;
mod arguments;
mod check;
mod diagnostics;
mod explain_policy;
mod failure;
mod files;
mod generate;
mod host;
mod list;
mod names;
mod netns;
mod nft;
mod output;
mod plan;
mod run;
mod test;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::failure::{Done, Failure};

fn main() -> ExitCode {
    if let Some(words) = nft::program::words(std::env::args_os()) {
        return nft::program::run(words);
    }
    let arguments = Arguments::parse();
    arguments.global.color.choose();
    run(arguments).unwrap_or_else(Failure::report)
}

fn run(Arguments { global, command }: Arguments) -> Done {
    match command {
        Command::Check(arguments) => check::run(&arguments, &global),
        Command::Plan(arguments) => plan::run(&arguments, &global),
        Command::Apply(arguments) => apply::run(&arguments, &global),
        Command::Test(arguments) => test::run(&arguments, &global),
        Command::List(arguments) => list::run(&arguments),
        Command::Nft(arguments) => nft::run(&arguments),
        Command::Run(arguments) => run::run(&arguments, &global),
        Command::ExplainPolicy(arguments) => explain_policy::run(&arguments),
        Command::Netns(arguments) => netns::run(arguments),
        Command::Schema(arguments) => generate::schema(&arguments),
        Command::Completions(arguments) => generate::completions(&arguments),
        Command::Man => generate::man(),
    }
}
