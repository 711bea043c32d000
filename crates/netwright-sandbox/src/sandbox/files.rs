//! Files by which programs find names: the host's are read, those of the inside are written.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::resolver::config::{hosts_inside, parse_hosts};
use crate::resolver::{Changed, ResolverConfig};

/// Names the name servers.
pub(crate) const RESOLVER: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// What the host's files say.
pub(crate) struct Files {
    pub(crate) config: ResolverConfig,
    pub(crate) hosts: Vec<(String, IpAddr)>,
    states: [Option<State>; 2],
    /// The file that names the name servers.
    resolver: PathBuf,
}

/// By what it is seen that a file has changed: device, number, length, and time in seconds and nanoseconds.
type State = (u64, u64, u64, i64, i64);

fn state(path: &Path) -> Option<State> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

impl Files {
    /// Reads them, for a policy that may name other name servers.
    pub(crate) fn read(dns: &[IpAddr], name_servers: Option<&Path>) -> Self {
        let resolver = name_servers.unwrap_or(Path::new(RESOLVER)).to_owned();
        let states = [resolver.as_path(), Path::new(HOSTS)].map(state);
        let read = |path: &Path| {
            fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
        };
        let config = ResolverConfig::parse(&read(&resolver), link_index).with_servers(dns);
        Files { config, hosts: parse_hosts(&read(Path::new(HOSTS))), states, resolver }
    }

    /// Reads them again where they have changed, as when a VPN comes up.
    pub(crate) fn changes(&self, dns: Vec<IpAddr>) -> Box<Changed> {
        let (mut known, resolver) = (self.states, self.resolver.clone());
        Box::new(move || {
            let is_new = [resolver.as_path(), Path::new(HOSTS)].map(state) != known;
            // It may be missing for a moment, in which it is replaced.
            let files = is_new
                .then(|| Files::read(&dns, Some(&resolver)))
                .filter(|files| files.states[0].is_some())?;
            known = files.states;
            Some((files.config, files.hosts))
        })
    }

    /// What stands in their place inside.
    pub(crate) fn inside(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        vec![
            (RESOLVER.into(), self.config.inside().into_bytes()),
            (HOSTS.into(), hosts_inside(&machine).into_bytes()),
        ]
    }
}

/// The number of a link of the network namespace that this thread is in, which `/sys` may not be of.
fn link_index(name: &str) -> Option<u32> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    name_to_index(&socket, name).ok()
}
