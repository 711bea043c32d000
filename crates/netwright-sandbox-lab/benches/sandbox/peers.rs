//! The ways of running a program, and the world they run in.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use netwright_lab::{Failure, Lab, Node, Oracle};
use netwright_sandbox_lab::program;
use netwright_sys::{Namespace, Sysctl, isolate};
use rustix::process::geteuid;

use crate::Result;

const NOBODY: u32 = 65534;
/// The server's address on this host, and behind a link: not the gateway's, which pasta and slirp4netns take for the host.
const HERE: &str = "203.0.113.8";
pub(crate) const SERVER: &str = "203.0.113.9";

/// Where a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this host: what a sandbox adds is all there is.
    Here,
    /// At the other end of a veth.
    Away,
}

impl Place {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::Here => "here",
            Place::Away => "away",
        }
    }
}

/// A way of running a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Beside the server.
    Loopback,
    /// At the other end of a veth.
    Veth,
    /// Where the host routes between two veths.
    Routed,
    /// `netwright run --mode relay`.
    Relay,
    /// `netwright run --mode nat`.
    Nat,
    /// pasta.
    Pasta,
    /// slirp4netns.
    Slirp,
}

impl Peer {
    /// All of them.
    pub(crate) const ALL: [Peer; 7] =
        [Peer::Loopback, Peer::Veth, Peer::Routed, Peer::Relay, Peer::Nat, Peer::Pasta, Peer::Slirp];

    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Loopback => "loopback",
            Peer::Veth => "veth",
            Peer::Routed => "two veths, routed",
            Peer::Relay => "netwright relay",
            Peer::Nat => "netwright nat",
            Peer::Pasta => "pasta",
            Peer::Slirp => "slirp4netns",
        }
    }

    fn tool(self) -> Option<&'static str> {
        match self {
            Peer::Pasta => Some("pasta"),
            Peer::Slirp => Some("slirp4netns"),
            _ => None,
        }
    }
}

/// The host, the server's namespace, and one behind the host.
pub(crate) struct World {
    /// Where the server is.
    pub(crate) server: Node,
    behind: Node,
    root: bool,
    netwright: PathBuf,
    _host: Lab,
}

impl World {
    /// Moves this process into a world of its own.
    pub(crate) fn new() -> Result<Self> {
        let (netwright, root) = (program::netwright().map_err(text)?, geteuid().is_root());
        isolate::enter()?;
        if root {
            everybodys_tun();
        }
        let make = || -> std::result::Result<World, Failure> {
            let mut host = Lab::around_this_thread()?;
            let mut server = host.neighbour()?;
            let mut behind = host.node("behind")?;
            host.host.connect("behind0", &mut behind, "eth0")?;
            host.host.address("behind0", "198.51.100.1/24")?;
            behind.address("eth0", "198.51.100.2/24")?;
            behind.route("default", "198.51.100.1")?;
            host.host.forward()?;
            host.host.route("default", Lab::NEIGHBOUR[0])?;
            host.host.address("lo", &format!("{HERE}/32"))?;
            server.address("lo", &format!("{SERVER}/32"))?;
            // A server that remembers connections which are over takes new ones from the same port for old ones.
            for node in [&host.host, &server] {
                Sysctl::new(node.namespace()).write(&["ipv4", "tcp_max_tw_buckets"], 0)?;
            }
            server.route("198.51.100.0/24", Lab::HOST[0])?;
            Ok(World { server, behind, root, netwright, _host: host })
        };
        make().map_err(text)
    }

    /// The peers that can run here.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let present = |peer: &Peer| match peer {
            Peer::Nat => self.root,
            peer => peer.tool().is_none_or(|tool| Oracle::find(tool, tool).is_ok()),
        };
        Peer::ALL.into_iter().filter(present).collect()
    }

    /// The peers that a server there can be reached by, as a veth or two need one or two namespaces that are not the server's.
    pub(crate) fn peers_of(&self, place: Place) -> Vec<Peer> {
        let all = self.peers().into_iter();
        all.filter(|peer| (*peer, place) != (Peer::Routed, Place::Here)).collect()
    }

    /// The address of the server there, for a peer.
    pub(crate) fn address(&self, peer: Peer, place: Place) -> &'static str {
        match (peer, place) {
            (Peer::Loopback, _) => "127.0.0.1",
            (_, Place::Here) => HERE,
            (_, Place::Away) => SERVER,
        }
    }

    /// The namespace that a peer of a server there is started in, where it is not the host's.
    pub(crate) fn namespace(&self, peer: Peer, place: Place) -> Option<&Namespace> {
        match (peer, place) {
            (Peer::Loopback, Place::Away) => Some(self.server.namespace()),
            (Peer::Veth, Place::Here) | (Peer::Routed, Place::Away) => Some(self.behind.namespace()),
            _ => None,
        }
    }

    /// A command that runs a program in a peer's way.
    pub(crate) fn command(&self, peer: Peer, program: &[&str]) -> Command {
        let mut words: Vec<String> = match peer {
            Peer::Loopback | Peer::Veth | Peer::Routed => Vec::new(),
            Peer::Relay => self.run(&["--mode", "relay", "--allow", HERE, "--allow", SERVER]),
            Peer::Nat => self.run(&["--mode", "nat", "--allow", HERE, "--allow", SERVER]),
            Peer::Pasta => ["pasta", "--config-net", "--quiet", "--"].map(str::to_owned).into(),
            Peer::Slirp => ["sh", "-c", SLIRP, "sh"].map(str::to_owned).into(),
        };
        words.extend(program.iter().map(|word| (*word).to_owned()));
        self.own(matches!(peer, Peer::Relay | Peer::Pasta | Peer::Slirp), &words)
    }

    /// `netwright run` with flags, up to the command.
    pub(crate) fn run(&self, flags: &[&str]) -> Vec<String> {
        let netwright = self.netwright.display().to_string();
        let flags = flags.iter().map(|flag| (*flag).to_owned());
        [netwright, "run".to_owned()].into_iter().chain(flags).chain(["--".to_owned()]).collect()
    }

    /// A command, as the user without privileges where it is to be and this process was root.
    pub(crate) fn own(&self, rootless: bool, words: &[String]) -> Command {
        let mut words = words.iter();
        let mut command = Command::new(words.next().map_or("false", String::as_str));
        command.args(words);
        if rootless && self.root {
            command.uid(NOBODY).gid(NOBODY).env("HOME", "/tmp").current_dir("/");
        }
        command
    }
}

/// Lets ordinary users open `/dev/net/tun` in this mount namespace, as most systems let them: pasta and slirp4netns need it.
fn everybodys_tun() {
    use rustix::fs::{CWD, FileType, Mode, chmod, makedev, mknodat};
    let node = "/run/netns/tun";
    let mode = Mode::from_raw_mode(0o666);
    let _ = std::fs::create_dir_all("/run/netns");
    if mknodat(CWD, node, FileType::CharacterDevice, mode, makedev(10, 200)).is_ok() {
        let _ = chmod(node, mode);
        let _ = rustix::mount::mount_bind(node, "/dev/net/tun");
    }
}

/// Makes a namespace, lets slirp4netns connect it, then becomes the program.
const SLIRP: &str = r#"
folder=$(mktemp -d); mkfifo $folder/go $folder/exit
unshare -Urn sh -c 'echo $$ > '$folder'/pid; read go < '$folder'/go; exec "$@"' sh "$@" &
until [ -s $folder/pid ]; do sleep 0.01; done
slirp4netns --configure --mtu=65520 --ready-fd=3 $(cat $folder/pid) tap0 3> $folder/ready > /dev/null 2>&1 &
slirp=$!
until [ -s $folder/ready ]; do sleep 0.01; done
echo go > $folder/go
wait %1; status=$?
kill $slirp; rm -r $folder; exit $status
"#;

fn text(failure: Failure) -> Box<dyn std::error::Error> {
    match failure {
        Failure::Wrong(why) | Failure::Missing(why) | Failure::Lacking(why) => why.into(),
    }
}
