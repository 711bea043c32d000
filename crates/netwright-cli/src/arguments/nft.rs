//! `netwright nft`.

use std::path::PathBuf;

use clap::{Args, Parser};

use super::{Color, STYLES, Where};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright nft -f ruleset.nft             all of the file in one transaction
  netwright nft -c -f ruleset.nft          find its mistakes, change nothing
  netwright nft 'add rule inet filter input tcp dport 22 accept'
  netwright nft -a list ruleset

Options and words are those of nft(8). All mistakes are shown at once; a refusal of the kernel points at the line that \
it is about.")]
pub(crate) struct Nft {
    /// Read commands from a file; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Read commands line by line, each of which is carried out before the next; `quit` ends
    #[arg(short, long, conflicts_with_all = ["file", "words"])]
    pub(crate) interactive: bool,
    /// Commands
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) words: Vec<String>,
    /// Check the commands, also with the kernel where that is allowed, and change nothing
    #[arg(short, long)]
    pub(crate) check: bool,
    /// Show what was made
    #[arg(short, long)]
    pub(crate) echo: bool,
    /// Read commands as JSON of libnftables where they are that, and list in it
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Show what is sent: `netlink` expressions and elements, `mnl` messages
    #[arg(short, long, value_name = "LEVEL,…")]
    pub(crate) debug: Vec<String>,
    /// Merge rules in chains' blocks that differ only in values, and tell which; with -c only tell
    #[arg(short, long)]
    pub(crate) optimize: bool,
    /// Define a variable
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE")]
    pub(crate) defines: Vec<String>,
    /// Search included files in this directory
    #[arg(short = 'I', long = "includepath", value_name = "DIRECTORY")]
    pub(crate) include_paths: Vec<PathBuf>,
    /// Show the kernel's numbers of things
    #[arg(short = 'a', long = "handle", help_heading = "Listing options")]
    pub(crate) handles: bool,
    /// Leave out the state of counters, quotas and the like
    #[arg(short, long, help_heading = "Listing options")]
    pub(crate) stateless: bool,
    /// Leave out the elements of sets
    #[arg(short, long, help_heading = "Listing options")]
    pub(crate) terse: bool,
    /// Show everything as numbers
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Listing options")]
    pub(crate) numeric: u8,
    /// Show services by name
    #[arg(short = 'S', long, help_heading = "Listing options")]
    pub(crate) service: bool,
    /// Show addresses by the names of their hosts; name servers may be asked
    #[arg(short = 'N', long = "reversedns", help_heading = "Listing options")]
    pub(crate) reverse_names: bool,
    /// Show users and groups by name
    #[arg(short = 'u', long, help_heading = "Listing options")]
    pub(crate) guid: bool,
    /// Show priorities of chains as numbers
    #[arg(short = 'y', long, help_heading = "Listing options")]
    pub(crate) numeric_priority: bool,
    /// Show protocols as numbers
    #[arg(short = 'p', long, help_heading = "Listing options")]
    pub(crate) numeric_protocol: bool,
    /// Show times as numbers
    #[arg(short = 'T', long, help_heading = "Listing options")]
    pub(crate) numeric_time: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright nft` as a program of its own, whose options are those of nft(8) alone.
#[derive(Debug, Parser)]
#[command(name = "nft", styles = STYLES, max_term_width = 100, infer_long_args = true, args_override_self = true)]
#[command(about = "Carry out commands of the nft language, or list rulesets in it")]
pub(crate) struct NftProgram {
    #[command(flatten)]
    pub(crate) nft: Nft,
    /// Show the version of the language and of netwright
    #[arg(short, long)]
    pub(crate) version: bool,
    /// Show the version and what was built in
    #[arg(short = 'V')]
    pub(crate) features: bool,
    /// Colours: `auto` is on a terminal and without NO_COLOR in the environment
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}
