//! What can be written behind `netwright`.

use std::path::PathBuf;

use anstyle::AnsiColor;
use clap::builder::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};

mod run;

pub(crate) use run::{ExplainPolicy, Mode as RunMode, PolicyArguments, Run, Share as RunShare};

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
    /// Carry out orders of the nft language, or list rulesets in it
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
  netwright apply host.toml --confirm 60s      taken back unless `netwright confirm` is said within a minute
  netwright apply host.toml --probe gateway    taken back where the gateway does not answer afterwards
  netwright apply /etc/netwright.d             all *.toml of a folder, in the order of their names, as one host

What is as declared already stays untouched, so that applying twice changes nothing the second time. What others \
made is left alone. The firewall changes in one transaction; where something fails, all is taken back.

Exit status: 0 done, 1 failed and taken back, 2 wrong usage, 3 done but for links that are missing.")]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) host: HostFile,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Fail where another netwright changes the namespace, instead of waiting for it
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Take all back unless `netwright confirm` is said in this time, such as 60s or 5m
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) confirm: Option<u64>,
    /// Take all back where this does not answer afterwards: `gateway`, `tcp ADDRESS:PORT`, or `ssh`, the other end of this
    /// ssh session; can be given several times
    #[arg(long, value_name = "WHAT")]
    pub(crate) probe: Vec<crate::state::probe::Probe>,
    /// Also where it would cut the ssh session that this runs in
    #[arg(long)]
    pub(crate) force: bool,
    /// For the start of the machine: what may fail, fails behind the firewall, and a wrong file gives way to the last good
    #[arg(long)]
    pub(crate) boot: bool,
}

/// Seconds of a text such as `60s`, `5m`, `1h` or `90`.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err("write a number of seconds, or a time such as 60s, 5m or 1h".to_owned()),
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(seconds @ 1..=86400) => Ok(seconds),
        _ => Err("the time is from 1 second to 24 hours".to_owned()),
    }
}

/// `netwright confirm`.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  netwright apply host.toml --confirm 60s && netwright confirm")]
pub(crate) struct Confirm {
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright withdraw`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright withdraw               what the only host file made that was applied here
  netwright withdraw --owner vpn   what the one of this owner made")]
pub(crate) struct Withdraw {
    /// The owner; the only one when not said
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright history`.
#[derive(Args, Debug)]
pub(crate) struct History {
    /// Print JSON: an array of objects with `id`, `time` (seconds since 1970), `owner`, `file`, `phase` and `steps`
    #[arg(short, long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright status`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 all is as declared, 1 it could not be found out, 10 something differs or waits.")]
pub(crate) struct Status {
    /// Print JSON: an object with `owners` (owner, file, differs) and `waiting`
    #[arg(short, long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright capture`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright capture > host.toml            all in one file
  netwright capture /etc/netwright.d       host.toml and firewall.nft in a folder
  netwright capture --owner vpn            what was applied for this owner alone

Applying it changes nothing where it was captured. What a host file does not declare, such as routes from DHCP, stands \
in it as comments.

Exit status: 0 written, 1 failed, 3 written, but applying it would change what is told on standard error.")]
pub(crate) struct Capture {
    /// Folder to write host.toml and firewall.nft to; all goes to standard output when not said
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// What this owner's host file made alone
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright watch`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright watch /etc/netwright.d          apply it, and again when one of its links appears
  netwright watch host.toml --mend          apply it whenever something differs

It applies what was applied last: a file that was edited meanwhile waits for `netwright apply`. It ends with SIGTERM or \
SIGINT, and leaves all as it is.")]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) host: HostFile,
    /// Mend also what others change
    #[arg(long)]
    pub(crate) mend: bool,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// What `netwright apply --confirm` starts.
#[derive(Args, Debug)]
pub(crate) struct Watchdog {
    /// The journal's number
    pub(crate) id: u64,
    /// The process that applies
    pub(crate) process: u32,
    /// Seconds that it comes later than the other one
    pub(crate) later: u64,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright rollback`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright rollback         take back the last apply
  netwright rollback 7       take back apply 7 and all that came after it

What there was before comes back: what was made goes, what was changed or removed is made again, and what others have \
made since stays. `netwright history` shows the numbers.")]
pub(crate) struct Rollback {
    /// The number of the first apply to take back; the last one when not said
    #[arg(value_name = "ID")]
    pub(crate) id: Option<u64>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// `netwright recover`.
#[derive(Args, Debug)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) place: Where,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright test examples/router.toml
  netwright test examples/router.toml 'web' 'blocked'   flows with these words in their names
  netwright test examples/router.toml --verbose         with packets and times
  netwright test examples/router.toml --flow 'from=wan 192.0.2.1 to=host tcp=22'
                                                        what becomes of a packet that the file does not name

Everything happens in namespaces that are gone at the end; where the kernel allows user namespaces, no privilege is \
needed.

Exit status: 0 when every flow is as expected, 1 when one differs, 2 when nothing could be said: the file has mistakes or no \
flows, or the host cannot be simulated. With --flow that expects nothing 0 when it is known what becomes of it.")]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) host: HostFile,
    /// Only flows that have one of these words in their name
    #[arg(value_name = "FLOW")]
    pub(crate) flows: Vec<String>,
    /// Print JSON, the same as --format json: an object with `passed`, `milliseconds` and `flows`
    #[arg(short, long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// How the results are printed: text as they come; JSON; JUnit's XML, for CI systems; TAP as they come, for harnesses;
    /// text and the annotations of GitHub Actions
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = TestFormat::Text)]
    pub(crate) format: TestFormat,
    /// End with the first flow that is not as expected
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Tell which rules, elements of sets and mappings no flow uses; as JSON or LCOV in place of the results
    #[arg(long, value_name = "FORMAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub(crate) coverage: Option<CoverageFormat>,
    /// Write what --coverage tells to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) coverage_file: Option<PathBuf>,
    /// Fail when flows use less than so many percent of the firewall
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) coverage_min: Option<u8>,
    /// Try small changes of the firewall, one after the other, and tell which of them no flow notices, and a flow that would; with
    /// --verbose all of them
    #[arg(long, conflicts_with_all = ["flow", "flows", "fail_fast", "format", "coverage", "coverage_min"])]
    pub(crate) mutate: bool,
    /// List the flows and what they expect, and try nothing
    #[arg(long, conflicts_with_all = ["flow", "fail_fast", "format"])]
    pub(crate) list: bool,
    /// Try this flow in place of those of the file: keys of a flow with their values, such as `from=wan 192.0.2.1 to=host tcp=22`.
    /// Without `expect=` it is told what becomes of it. May be given several times
    #[arg(long, value_name = "KEYS", conflicts_with = "flows")]
    pub(crate) flow: Vec<String>,
}

/// How it is printed what of the firewall flows use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CoverageFormat {
    Text,
    Json,
    Lcov,
}

/// How the results of `netwright test` are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TestFormat {
    Text,
    Json,
    Junit,
    Tap,
    Github,
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

/// What `netwright monitor` can be about.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Watched {
    Links,
    Addresses,
    Routes,
    Rules,
    Neighbours,
    /// Forwarding entries of bridges and VXLANs
    Forwarding,
    Nexthops,
    /// Ids of other namespaces
    NamespaceIds,
    /// Tables, chains, rules, sets, elements and objects of nftables
    Firewall,
    /// What the firewall does with packets that are marked for it
    Traces,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright monitor                          everything but traces, until it is ended
  netwright monitor routes links             these alone
  netwright monitor --existing addresses     first what is there, then what changes
  netwright monitor --json routes | jq -r 'select(.event == \"added\").object.to'

Signs: + comes, - goes, ~ changes, = is there, # is a mark. JSON is one object per line: `event` (existing, added, changed, \
removed), `kind`, `object`, and of a change what was `before`. Where the kernel had more to tell than could be taken, what is \
different is told afterwards. `netwright nft monitor` shows changes of the firewall in the words of nft.")]
pub(crate) struct Monitor {
    /// What to show; everything but traces when not said
    #[arg(value_name = "KIND")]
    pub(crate) kinds: Vec<Watched>,
    /// Show what is there first
    #[arg(short, long)]
    pub(crate) existing: bool,
    /// Print JSON, an object per line
    #[arg(short, long)]
    pub(crate) json: bool,
    /// Put the time before each line, in seconds since 1970
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) timestamps: bool,
    /// End after this many lines
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// End after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
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
