//! What can be written behind `netwright run` and `netwright explain-policy`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use netwright_sandbox::{AttachTarget, NamePattern, Publish, Rule, Target};

const RULES: &str = "What may be reached";
const PLACE: &str = "The sandbox";
const TELLING: &str = "What is told";

/// What the rules of a policy are written in.
#[derive(Args, Debug)]
pub(crate) struct PolicyArguments {
    /// Let this through; may be repeated
    #[arg(long, value_name = "RULE", help_heading = RULES)]
    pub(crate) allow: Vec<Rule>,
    /// Refuse this although another rule allows it
    #[arg(long, value_name = "RULE", help_heading = RULES)]
    pub(crate) deny: Vec<Rule>,
    /// Read rules from a file; `run` reads it again when it changes
    #[arg(long, value_name = "FILE", help_heading = RULES)]
    pub(crate) policy: Option<PathBuf>,
    /// Take the rules of this profile of the file, too
    #[arg(long, value_name = "NAME", requires = "policy", help_heading = RULES)]
    pub(crate) profile: Vec<String>,
    /// Take the rules of a preset: `lan`, `dns`, `web`, `git`, or NAME.toml of ~/.config/netwright/policies or /etc/netwright/policies
    #[arg(long, value_name = "NAME", help_heading = RULES)]
    pub(crate) preset: Vec<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright run --allow '*.example.org:443' --allow 10.0.0.0/8:5432/tcp -- ./build.sh
  netwright run --no-network -- ./untrusted
  netwright run --learn build.policy.toml -- ./build.sh      runs open, and writes what it needed
  netwright run --learn build.policy.toml --ask -- ./build.sh      asks, and writes what was allowed
  netwright run --policy build.policy.toml --log blocked.jsonl -- ./build.sh
  netwright run --preset web -p 8080:80 -- ./server
  sudo netwright run --attach nginx.service --policy nginx.toml

A rule is TARGET[:PORTS][/PROTOCOL]: a name, `*.name` (all depths below it), an address, a prefix, `[IPv6]`, `any`, \
`internet`, `lan` or `host` (this machine's loopback); ports as 443, 80,443 or 8000-8100; tcp, udp or icmp. `icmp` alone \
allows pings. Everything else is refused, and so is what --deny names. Names are resolved for allowed names alone, a \
name without a dot also below the domains of the host's search list, and their addresses are open for the rule's ports \
only. Name servers (ports 53 and 853) must be allowed by address and port.

With --ask, names are resolved before anybody is asked, unless --deny names them. What was typed before a question \
is thrown away; Enter refuses. A command that reads the same terminal gets some of the lines.

The environment, the working directory and the terminal are the command's; descriptors above 2 are not. Where user \
namespaces are allowed, no privilege is needed. What the command leaves running when it ends has no network any more, and \
with --pid is ended.

Exit status: that of the command, which is killed by the signal that kills it; 125 when netwright fails, 126 when the \
command cannot be run, 127 when it is not found.")]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) rules: PolicyArguments,
    /// Nothing but the sandbox's own loopback
    #[arg(long, conflicts_with_all = ["allow", "policy", "preset", "learn", "ask", "dns"], help_heading = RULES)]
    pub(crate) no_network: bool,
    /// Ask this name server instead of the host's
    #[arg(long, value_name = "ADDRESS", help_heading = RULES)]
    pub(crate) dns: Vec<IpAddr>,
    /// Give a name an address
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = host, help_heading = RULES)]
    pub(crate) hosts: Vec<(String, IpAddr)>,
    /// Leave a socket of the file system reachable, such as /run/docker.sock
    #[arg(long, value_name = "PATH", help_heading = RULES)]
    pub(crate) socket: Vec<PathBuf>,
    /// Make a port of the sandbox reachable: [ADDRESS:]PORT:PORT-INSIDE[/udp]
    #[arg(short, long, value_name = "PORTS", help_heading = RULES)]
    pub(crate) publish: Vec<Publish>,
    /// Ask on the terminal about what no rule allows or denies, which waits for the answer
    #[arg(long, conflicts_with = "attach", help_heading = RULES)]
    pub(crate) ask: bool,

    /// How packets get out
    #[arg(long, value_name = "MODE", default_value = "auto", help_heading = PLACE)]
    pub(crate) mode: Mode,
    /// Run the command as this user (root only)
    #[arg(long, value_name = "NAME", help_heading = PLACE)]
    pub(crate) user: Option<String>,
    /// Let the command see its own processes alone, all of which end with it
    #[arg(long, help_heading = PLACE)]
    pub(crate) pid: bool,
    /// Let the command mount in namespaces of its own, as bubblewrap and Flatpak do (from Linux 7.1 on, sockets that others make later are in reach then)
    #[arg(long, help_heading = PLACE)]
    pub(crate) mounts: bool,
    /// Put running processes behind the policy: a process, a unit (nginx.service) or a cgroup's path (root only)
    #[arg(long, value_name = "TARGET", conflicts_with_all = ["command", "mode", "user", "pid", "mounts", "publish", "socket"], help_heading = PLACE)]
    pub(crate) attach: Option<AttachTarget>,
    /// Take away what --attach left behind when it was killed
    #[arg(long, requires = "attach", help_heading = PLACE)]
    pub(crate) detach: bool,

    /// Let everything through, and write the policy that would have been needed; with --ask, what rules and answers allowed
    #[arg(long, value_name = "FILE", help_heading = TELLING)]
    pub(crate) learn: Option<PathBuf>,
    /// Write what was blocked, as lines of JSON
    #[arg(long, value_name = "FILE", help_heading = TELLING)]
    pub(crate) log: Option<PathBuf>,

    /// The command with its arguments
    #[arg(trailing_var_arg = true, value_name = "COMMAND", required_unless_present = "attach")]
    pub(crate) command: Vec<OsString>,
}

/// How packets get out of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// `nat` for root where the host allows it, else `relay`
    Auto,
    /// Connections are made by netwright: no privilege is needed
    Relay,
    /// The kernel routes and masquerades (root only)
    Nat,
}

/// Reads `NAME=ADDRESS`.
fn host(text: &str) -> Result<(String, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or("write NAME=ADDRESS")?;
    let address = address.parse().map_err(|_| format!("`{address}` is no address"))?;
    match name.parse().map(|rule: Rule| rule.target) {
        _ if name.is_empty() => Err("the name is missing".into()),
        Ok(Target::Name(NamePattern::Exact(name))) => Ok((name, address)),
        _ => Err(format!("`{name}` is no name")),
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright explain-policy --policy build.toml www.example.org:443 192.0.2.1:22/tcp
  netwright explain-policy --preset web www.example.org:80

A name whose address decides has a question mark.

Exit status: 0 when all targets are allowed, 1 when one is not or depends on its address, 2 wrong usage.")]
pub(crate) struct ExplainPolicy {
    #[command(flatten)]
    pub(crate) rules: PolicyArguments,
    /// Print JSON: an array of objects
    #[arg(short, long)]
    pub(crate) json: bool,
    /// What shall be reached: a name or an address, with a port and a protocol
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
}
