//! The files by which programs find name servers: the host's are read, and the sandbox's are written.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use super::hosts::Hosts;
use super::name::Name;
use crate::constants::RESOLVER;

#[cfg(test)]
mod tests;

/// Where name servers listen.
const PORT: u16 = 53;
/// More name servers than glibc reads (`MAXNS` is 3) are read, but not without bound.
const SERVERS: usize = 8;
/// Domains in a search list.
const SEARCH: usize = 32;

/// What `/etc/resolv.conf` says (resolv.conf(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverConfig {
    /// The name servers, in the order in which they are asked.
    pub servers: Vec<SocketAddr>,
    /// The domains that are appended to names.
    pub search: Vec<String>,
    /// The words of `options`.
    pub options: Vec<String>,
    /// How long a server has to answer.
    pub timeout: Duration,
    /// How often the servers are asked.
    pub attempts: u32,
    /// Questions are spread over the servers.
    pub rotate: bool,
}

impl Default for ResolverConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            search: Vec::new(),
            options: Vec::new(),
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
        }
    }
}

impl ResolverConfig {
    /// Reads the file's text; `scope` tells the number of an interface by its name. Lines that are not understood are passed over, as
    /// everybody does. Without a name server there is one on the loopback.
    pub fn parse(text: &str, mut scope: impl FnMut(&str) -> Option<u32>) -> Self {
        let mut config = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| server(word, &mut scope));
                    config.servers.extend(server.filter(|_| config.servers.len() < SERVERS));
                }
                Some("search") => config.search = words.take(SEARCH).map(str::to_owned).collect(),
                Some("domain") => config.search = words.take(1).map(str::to_owned).collect(),
                Some("options") => config.options.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        config.read_options();
        if config.servers.is_empty() {
            config.servers.push(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), PORT));
        }
        config
    }

    /// The same with other name servers.
    #[must_use]
    pub fn with_servers(mut self, servers: &[IpAddr]) -> Self {
        if !servers.is_empty() {
            self.servers =
                servers.iter().take(SERVERS).map(|&address| SocketAddr::new(address, PORT)).collect();
        }
        self
    }

    fn read_options(&mut self) {
        for option in &self.options {
            match option.split_once(':') {
                // The bounds are those of resolv.conf(5).
                Some(("timeout", value)) => {
                    let seconds = value.parse().unwrap_or(5_u64).clamp(1, 30);
                    self.timeout = Duration::from_secs(seconds);
                }
                Some(("attempts", value)) => self.attempts = value.parse().unwrap_or(2).clamp(1, 5),
                None if option == "rotate" => self.rotate = true,
                _ => {}
            }
        }
    }

    /// The text of the sandbox's own `/etc/resolv.conf`: the resolver inside, the host's search list and options.
    pub fn inside(&self) -> String {
        let mut text = format!("nameserver {RESOLVER}\n");
        if !self.search.is_empty() {
            text.push_str(&format!("search {}\n", self.search.join(" ")));
        }
        // They speak of the host's servers. Answers without signatures' proof are not to be trusted more than others.
        let kept = |option: &&str| !matches!(*option, "rotate" | "trust-ad" | "use-vc" | "no-tld-query");
        let options: Vec<&str> = self.options.iter().map(String::as_str).filter(kept).collect();
        if !options.is_empty() {
            text.push_str(&format!("options {}\n", options.join(" ")));
        }
        text
    }

    /// The search list as names.
    pub(super) fn search_names(&self) -> Vec<Name> {
        self.search.iter().filter_map(|domain| Name::from_text(domain)).collect()
    }
}

/// The text of the sandbox's own `/etc/hosts`: the local host and the machine's name. Listed names of the policy are not in it, because
/// the way to an address opens when the resolver is asked for it.
pub fn hosts_inside(machine: &str) -> String {
    let mut text = String::from("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    let machine = machine.trim();
    let is_plain = machine.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if is_plain && !machine.is_empty() && machine != "localhost" {
        text.push_str(&format!("127.0.1.1\t{machine}\n"));
    }
    text
}

/// Reads the text of `/etc/hosts` (hosts(5)): names with their addresses.
pub fn parse_hosts(text: &str) -> Vec<(String, IpAddr)> {
    let mut hosts = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
        hosts.extend(words.map(|name| (name.to_owned(), address)));
    }
    hosts
}

/// Those of listed names that lead somewhere else than to the machine itself.
pub(super) fn foreign_hosts(hosts: &[(String, IpAddr)]) -> Hosts {
    let foreign: Vec<_> = hosts
        .iter()
        .filter(|(_, address)| !address.is_loopback() && !address.is_unspecified())
        .cloned()
        .collect();
    Hosts::new(&foreign)
}

fn server(word: &str, scope: &mut impl FnMut(&str) -> Option<u32>) -> Option<SocketAddr> {
    match word.split_once('%') {
        Some((address, interface)) => {
            let number = interface.parse().ok().or_else(|| scope(interface))?;
            Some(SocketAddrV6::new(address.parse::<Ipv6Addr>().ok()?, PORT, 0, number).into())
        }
        None => Some(SocketAddr::new(word.parse().ok()?, PORT)),
    }
}
