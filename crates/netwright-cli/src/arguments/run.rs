//! What can be written behind `netwright run` and `netwright explain-policy`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use netwright_sandbox::{AttachTarget, NamePattern, Publish, Rule, Target};

const RULES: &str = "What may be reached";
const PLACE: &str = "The sandbox";
const FILES: &str = "Which files may be used";
const LIMITS: &str = "What it may use of the machine";
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
    /// Read rules from a file; `run` reads it again when it is changed, which the command itself cannot do
    #[arg(long, value_name = "FILE", help_heading = RULES)]
    pub(crate) policy: Option<PathBuf>,
    /// Take the rules of this profile of the file, too
    #[arg(long, value_name = "NAME", requires = "policy", help_heading = RULES)]
    pub(crate) profile: Vec<String>,
    /// Take the rules of a preset: `lan`, `dns`, `web`, `git`, or NAME.toml of ~/.config/netwright/policies or /etc/netwright/policies
    #[arg(long, value_name = "NAME", help_heading = RULES)]
    pub(crate) preset: Vec<String>,

    /// Let a file or directory be read besides the system, and everything else be hidden; may be repeated
    #[arg(long, value_name = "PATH", help_heading = FILES)]
    pub(crate) read: Vec<PathBuf>,
    /// Let a file or directory be written, and everything else be hidden or read-only; may be repeated
    #[arg(long, value_name = "PATH", help_heading = FILES)]
    pub(crate) write: Vec<PathBuf>,
    /// Let the system be read and the working directory be written, with an empty home directory and /tmp in memory
    #[arg(long, help_heading = FILES)]
    pub(crate) workspace: bool,
    /// Let the cache of a tool be written: cargo, npm, yarn, pnpm, pip, uv, go, gradle, maven or ccache
    #[arg(long, value_name = "TOOL", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(netwright_sandbox::FileAccess::caches()), help_heading = FILES)]
    pub(crate) cache: Vec<String>,
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
  netwright run --allow registry.example.org:443 --workspace --cache npm -- npm install
  netwright run --no-network --workspace --memory 2G --time 10m -- make
  sudo netwright run --attach nginx.service --policy nginx.toml
  sudo netwright run --netns vpn --user me --preset web -- firefox

A rule is TARGET[:PORTS][/PROTOCOL]: a name, `*.name` (all depths below it), an address, a prefix, `[IPv6]`, `any`, \
`internet` (public addresses, but neither this machine's nor those of the networks that it is on), `lan` (those, and private ones) or `host` (this \
machine's loopback, or with --netns that of the namespace); ports as 443, 80,443 or 8000-8100; tcp, udp or icmp. `icmp` alone \
allows pings. Everything else is refused, and so is what --deny names. Names are resolved for allowed names alone, a \
name without a dot also below the domains of the host's search list, and their addresses are open for the rule's ports \
only. Name servers (ports 53 and 853) must be allowed by address and port.

With --ask, names are resolved before anybody is asked, unless --deny names them. What was typed before a question \
is thrown away; Enter refuses. A command that reads the same terminal gets some of the lines.

With --read, --write, --workspace or --cache the command finds the system (/usr, /etc, /opt and the like, and what is \
installed with the programs of PATH), what they name, and an empty /tmp of its own; nothing else is there. What it tried all the same is told.

The environment, the working directory and the terminal are the command's; descriptors above 2 are not. Where user \
namespaces are allowed, no privilege is needed. The command sees its own processes alone, and all that it leaves running ends \
with it and with netwright; with --share pid it goes on without a network.

Exit status: that of the command, which is killed by the signal that kills it; 124 when its time was over (--time), 125 when netwright fails, 126 when the \
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
    /// Leave a socket of the file system reachable, such as /run/docker.sock, or those that servers have bound below a directory
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
    /// Go out from this network namespace, with its name servers and ports: a name of /run/netns, a path, or the number of a process, such as a container's
    #[arg(long, value_name = "NAMESPACE", conflicts_with = "attach", help_heading = PLACE)]
    pub(crate) netns: Option<String>,
    /// Run the command as this user (root only)
    #[arg(long, value_name = "NAME", help_heading = PLACE)]
    pub(crate) user: Option<String>,
    /// Let the command share with others what it has of its own else; may be repeated
    #[arg(long, value_name = "WHAT", value_delimiter = ',', help_heading = PLACE)]
    pub(crate) share: Vec<Share>,
    /// Let the command use a device, or all of a directory, such as /dev/dri
    #[arg(long, value_name = "PATH", help_heading = PLACE)]
    pub(crate) device: Vec<PathBuf>,
    /// Let the command see its own processes alone, as it does without --share pid
    #[arg(long, hide = true, help_heading = PLACE)]
    pub(crate) pid: bool,
    /// Let the command mount in namespaces of its own, as bubblewrap and Flatpak do
    #[arg(long, help_heading = PLACE)]
    pub(crate) mounts: bool,
    /// Put running processes behind the policy: a process, a unit (nginx.service) or a cgroup's path (root only)
    #[arg(long, value_name = "TARGET", conflicts_with_all = ["command", "mode", "read", "write", "workspace", "cache", "user", "share", "device", "pid", "mounts", "publish", "socket"], help_heading = PLACE)]
    pub(crate) attach: Option<AttachTarget>,
    /// Take away what --attach left behind when it was killed
    #[arg(long, requires = "attach", help_heading = PLACE)]
    pub(crate) detach: bool,

    /// Let it fill so much memory: bytes, or with K, M or G. By a control group where one can be made, else each of its processes
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "attach", help_heading = LIMITS)]
    pub(crate) memory: Option<u64>,
    /// Let it have so many processes and threads at a time; as root, by a control group alone
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "attach", help_heading = LIMITS)]
    pub(crate) processes: Option<u64>,
    /// End it after so long: seconds, or with s, m or h. It is asked to (SIGTERM), and killed five seconds later
    #[arg(long, value_name = "TIME", value_parser = super::time, conflicts_with = "attach", help_heading = LIMITS)]
    pub(crate) time: Option<Duration>,

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

/// What a command may share with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Share {
    /// Processes: it sees all of them, and what it leaves running when it ends goes on
    Pid,
    /// System V and POSIX queues, semaphores and shared memory
    Ipc,
    /// All devices of /dev, and not only null, zero, full, random, urandom, tty and its terminals
    Devices,
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

/// Reads a number of bytes: `512M`.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: write bytes, or 512K, 512M, 2G");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KIB" => 1 << 10,
        "M" | "MIB" => 1 << 20,
        "G" | "GIB" => 1 << 30,
        "T" | "TIB" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(wrong)
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
  netwright explain-policy --workspace ~/.bashrc ./out

A name whose address decides has a question mark.

Exit status: 0 when all targets are allowed, 1 when one is not or depends on its address, 2 wrong usage.")]
pub(crate) struct ExplainPolicy {
    #[command(flatten)]
    pub(crate) rules: PolicyArguments,
    /// Print JSON: an array of objects
    #[arg(short, long)]
    pub(crate) json: bool,
    /// What shall be reached: a name or an address, with a port and a protocol; or a file's path that begins with `/`, `./`, `../` or `~/`
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
}
