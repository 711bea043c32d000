//! What can be written behind `netwright`.

use std::path::PathBuf;
use std::time::Duration;

use anstyle::AnsiColor;
use clap::builder::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};

mod change;
mod list;
mod netns;
mod nft;
mod run;
mod test;

pub(crate) use change::{
    Apply, Capture, Confirm, History, Plan, Recover, Rollback, Status, Watch, Watchdog, Withdraw,
};
pub(crate) use list::{List, Monitor, Topic, Watched};
pub(crate) use netns::{Netns, NetnsVerb};
pub(crate) use nft::{Nft, NftProgram};
pub(crate) use run::{ExplainPolicy, Mode as RunMode, PolicyArguments, Run, Share as RunShare};
pub(crate) use test::{CoverageFormat, Test, TestFormat};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Shape a Linux host's network: interfaces, addresses, routes, nftables firewall and network namespaces.
#[derive(Debug, Parser)]
#[command(name = "netwright", version, styles = STYLES, max_term_width = 100)]
#[command(after_help = "\
Examples:
  netwright check host.toml           what is wrong with a host file
  netwright test host.toml            whether its firewall does what it shall, with real packets
  netwright plan host.toml            what would change on this machine
  netwright apply host.toml           change it
  netwright list links                the interfaces of this machine
  netwright run --preset web -- ./x   run a command that reaches the web and nothing else

`netwright man` prints the manual page, `netwright completions bash` what completes in a shell.

Exit status: 0 done, 1 failed, 2 wrong usage.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Colours: `auto` is on a terminal and without NO_COLOR in the environment
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: Color,
    /// Say nothing but errors and what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Say more about what is done
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes it so for everything that is printed from now on.
    pub(crate) fn choose(self) {
        let choice = match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find all mistakes in a host file and its firewall, offline
    Check(Check),
    /// Show what would change to bring the network to what a host file declares
    Plan(Plan),
    /// Bring the network to what a host file declares
    Apply(Apply),
    /// Keep what an apply with --confirm has changed
    Confirm(Confirm),
    /// Take back the last apply, or all from the last to one
    Rollback(Rollback),
    /// Remove what an owner's host file made, and put back what it changed
    Withdraw(Withdraw),
    /// Show the last applies
    History(History),
    /// Show whether all is still as the host files declare that were applied
    Status(Status),
    /// Write a host file that declares what there is
    Capture(Capture),
    /// Configure links when they appear, and mend what differs where asked to
    Watch(Watch),
    /// Wait for an apply to be confirmed, and take it back where it is not
    #[command(hide = true)]
    Watchdog(Watchdog),
    /// Take back an apply that was broken off, or was not confirmed in time
    Recover(Recover),
    /// Send real packets through a simulated host and see whether each flow ends as declared
    Test(Test),
    /// Show what there is: links, addresses, routes, rules, neighbours, firewall
    #[command(visible_alias = "ls")]
    List(List),
    /// Show what changes, as it happens: links, addresses, routes, rules, neighbours, firewall
    Monitor(Monitor),
    /// Carry out commands of the nft language, or list rulesets in it
    Nft(Nft),
    /// Run a command that reaches only what it may, and tell what else it tried
    Run(Box<Run>),
    /// Say whether a policy allows a target, and by which rule
    ExplainPolicy(ExplainPolicy),
    /// Network namespaces by name, the same that `ip netns` has
    Netns(Netns),
    /// Print the JSON Schema of a file format
    Schema(Schema),
    /// Print a script that completes the command's arguments in a shell
    #[command(hide = true)]
    Completions(Completions),
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

/// Reads a time: `90`, `90s`, `10m`, `2h`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: write seconds, or 90s, 10m, 2h");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

/// A host file.
#[derive(Args, Debug)]
pub(crate) struct HostFile {
    /// Host file, TOML or (.json) JSON; a folder of which all *.toml are read as one; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Where a command works.
#[derive(Args, Debug)]
pub(crate) struct Where {
    /// Work in the network namespace of this name, of this process, or at this path, instead of the current one
    #[arg(long, value_name = "NAME|PID|PATH")]
    pub(crate) netns: Option<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright check examples/router.toml
  generate-host | netwright check -

Needs no privilege, and nothing of this machine. Every mistake is shown with its file, line and column.")]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) host: HostFile,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright schema host > host.schema.json
  netwright schema policy > policy.schema.json

Editors that know JSON Schema complete and check such files with it.")]
pub(crate) struct Schema {
    /// Of which format
    #[arg(default_value = "host")]
    pub(crate) format: SchemaOf,
}

/// Formats that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The host file
    Host,
    /// What `netwright plan --json` prints
    Plan,
    /// The policy file of `netwright run`
    Policy,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}
