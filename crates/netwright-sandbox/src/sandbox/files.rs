//! Files by which programs find names: the host's are read, those of the inside are written.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::Policy;
use crate::resolver::ResolverConfig;
use crate::resolver::config::{hosts_inside, parse_hosts};

/// Names the name servers.
pub(crate) const RESOLVER: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// What the host's files say.
pub(crate) struct Files {
    pub(crate) config: ResolverConfig,
    pub(crate) hosts: Vec<(String, IpAddr)>,
}

impl Files {
    pub(crate) fn read(policy: &Policy) -> Self {
        let read =
            |path| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        let config = ResolverConfig::parse(&read(RESOLVER), link_index).with_servers(&policy.dns);
        Files { config, hosts: parse_hosts(&read(HOSTS)) }
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

fn link_index(name: &str) -> Option<u32> {
    let is_name = !name.contains('/') && !name.starts_with('.');
    fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok().filter(|_| is_name)?.trim().parse().ok()
}
