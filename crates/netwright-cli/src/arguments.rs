//! What can be written behind `netwright`.

use std::path::PathBuf;

use anstyle::AnsiColor;
use clap::builder::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};

mod run;

pub(crate) use run::{ExplainPolicy, Mode as RunMode, PolicyArguments, Run};

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
    /// Send real packets through a simulated host and see whether each flow ends as declared
    Test(Test),
    /// Show what there is: links, addresses, routes, rules, neighbours, firewall
    #[command(visible_alias = "ls")]
    List(List),
    /// Carry out orders of the nft language, or list rulesets in it
    Nft(Nft),
    /// Run a command that reaches only what it may, and tell what else it tried
    Run(Run),
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

/// A host file.
#[derive(Args, Debug)]
pub(crate) struct HostFile {
    /// Host file, TOML or (.json) JSON; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Where a command works.
#[derive(Args, Debug)]
pub(crate) struct Where {
    /// Work in the network namespace of this name instead of the current one
    #[arg(long, value_name = "NAME")]
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
  netwright plan host.toml
  netwright plan host.toml --exit-code --quiet || echo 'something is pending'
  netwright plan host.toml --json | jq '.steps[].text'

Nothing is changed. Signs: + comes, - goes, ~ changes, = stays but must be put back.
Exit status: 0 done, 1 failed; with --exit-code 10 when changes are pending.")]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) host: HostFile,
    /// End with exit status 10 when changes are pending
    #[arg(short, long)]
    pub(crate) exit_code: bool,
    /// Print JSON: an object with `steps` (does, object, text, details, file, line) and `problems`
    #[arg(short, long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright plan host.toml && netwright apply host.toml
  netwright apply host.toml --netns blue

What is as declared already stays untouched, so that applying twice changes nothing the second time. What netwright did \
not make is left alone. The firewall changes in one transaction; where a step fails, those before it are taken back.")]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) host: HostFile,
    #[command(flatten)]
    pub(crate) place: Where,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright test examples/router.toml
  netwright test examples/router.toml 'web' 'blocked'   flows with these words in their names
  netwright test examples/router.toml --verbose         with packets and times

Everything happens in namespaces that are gone at the end; where the kernel allows user namespaces, no privilege is \
needed.

Exit status: 0 when every flow is as expected, 1 when one differs.")]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) host: HostFile,
    /// Only flows that have one of these words in their name
    #[arg(value_name = "FLOW")]
    pub(crate) flows: Vec<String>,
    /// Print JSON: an object with `passed`, `milliseconds` and `flows`
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright list                  everything but the firewall and the kernel's own routes
  netwright list routes --all     routes of all tables
  netwright list links --json     for programs
  netwright list addresses --netns blue

JSON is an array of objects, or without WHAT an object of such arrays by name. A key whose value does not exist is \
left out. Keys:
  links       index, name, kind, up, state, mtu, mac, master, parent,
              alternative-names, alias, flags
  addresses   link, address, prefix-length, peer, broadcast, scope, label,
              flags, valid, preferred (the last two in seconds)
  routes      family, to, kind, table, via, dev, source, from, metric, scope,
              protocol, expires, nexthops (via, dev, weight), nexthop-id, flags
  rules       family, priority, not, from, to, iif, oif, mark, mask, tos, uids,
              ip-protocol, sports, dports, action, table, vrf, goto,
              suppress-prefix-length, protocol
  neighbours  family, address, link, mac, state, flags
The firewall is an object in the schema of libnftables-json(5).")]
pub(crate) struct List {
    /// What to list; everything but the firewall when not said
    #[arg(value_name = "WHAT")]
    pub(crate) what: Option<Topic>,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Also routes that the kernel makes for local addresses, and multicast neighbours
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

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
    /// Read orders from a file; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<std::path::PathBuf>,
    /// Read orders line by line, each of which is carried out before the next; `quit` ends
    #[arg(short, long, conflicts_with_all = ["file", "words"])]
    pub(crate) interactive: bool,
    /// Orders
    #[arg(trailing_var_arg = true, value_name = "ORDER")]
    pub(crate) words: Vec<String>,
    /// Check the orders, also with the kernel where that is allowed, and change nothing
    #[arg(short, long)]
    pub(crate) check: bool,
    /// Show what was made
    #[arg(short, long)]
    pub(crate) echo: bool,
    /// Read orders as JSON of libnftables where they are that, and list in it
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
    pub(crate) include_paths: Vec<std::path::PathBuf>,
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
#[command(about = "Carry out orders of the nft language, or list rulesets in it")]
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

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    /// Interfaces
    #[value(alias = "link")]
    Links,
    /// Addresses of interfaces
    #[value(alias = "address", alias = "addr")]
    Addresses,
    /// Routes
    #[value(alias = "route")]
    Routes,
    /// Policy rules, which choose the routing table
    #[value(alias = "rule")]
    Rules,
    /// Which hardware address belongs to which IP address
    #[value(alias = "neighbour", alias = "neighbors", alias = "neighbor")]
    Neighbours,
    /// The nftables rulesets, in the nft language
    #[value(alias = "ruleset")]
    Firewall,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright netns add blue
  netwright netns exec blue -- sh
  netwright list --netns blue
  netwright netns delete blue")]
pub(crate) struct Netns {
    #[command(subcommand)]
    pub(crate) verb: NetnsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetnsVerb {
    /// Make network namespaces that last until they are deleted
    #[command(visible_alias = "create")]
    Add {
        /// Names to give them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Show the names
    #[command(visible_alias = "ls")]
    List {
        /// Print JSON: an array of names
        #[arg(short, long)]
        json: bool,
    },
    /// Run a command inside; its exit status is that of the command, or 126 and 127 where it cannot be run
    #[command(after_help = "\
Example:
  netwright netns exec blue -- ping -c1 192.0.2.1

In a mount namespace of its own the command sees the interfaces of the network namespace in /sys, and the files of \
/etc/netns/NAME over those of /etc.")]
    Exec {
        /// The namespace
        name: String,
        /// The command with its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        command: Vec<std::ffi::OsString>,
    },
    /// Take names away; a namespace ends with the last process in it
    #[command(visible_alias = "del")]
    Delete {
        /// Names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
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
    /// The policy file of `netwright run`
    Policy,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}
