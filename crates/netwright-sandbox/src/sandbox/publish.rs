//! Ports of the sandbox that are reachable from outside.

mod service;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

pub(super) use self::service::Publisher;

use crate::Protocol;

/// A port of the host that leads to one of the sandbox's loopback: `[ADDRESS:]PORT:PORT-INSIDE[/PROTOCOL]`.
///
/// ```
/// use netwright_sandbox::{Protocol, Publish};
///
/// let publish: Publish = "0.0.0.0:8080:80".parse()?;
/// assert_eq!((publish.address, publish.outside, publish.inside), (Some([0, 0, 0, 0].into()), 8080, 80));
/// let publish: Publish = "5353/udp".parse()?;
/// assert_eq!((publish.to_string().as_str(), publish.protocol), ("5353:5353/udp", Protocol::Udp));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Where it is reachable: on the host's loopback, by IPv4 and IPv6, where no address is given.
    pub address: Option<IpAddr>,
    /// The port there.
    pub outside: u16,
    /// The port inside.
    pub inside: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl FromStr for Publish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (ports, protocol) = match text.rsplit_once('/') {
            None => (text, Protocol::Tcp),
            Some((ports, "tcp")) => (ports, Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some((_, other)) => return Err(format!("`{other}` is neither tcp nor udp")),
        };
        let (rest, inside) = match ports.rsplit_once(':') {
            Some((rest, inside)) => (rest, port(inside)?),
            None => (ports, port(ports)?),
        };
        let (address, outside) = match rest.rsplit_once(':') {
            Some((address, outside)) => (Some(self::address(address)?), outside),
            None => (None, rest),
        };
        Ok(Publish { address, outside: port(outside)?, inside, protocol })
    }
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("`{text}` is no port: write PORT:PORT-INSIDE")),
        Ok(port) => Ok(port),
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| format!("`{text}` is no address: write [ADDRESS:]PORT:PORT-INSIDE"))
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.address {
            write!(f, "{}", SocketAddr::new(address, self.outside))?;
        } else {
            write!(f, "{}", self.outside)?;
        }
        write!(f, ":{}/{}", self.inside, self.protocol)
    }
}

#[cfg(test)]
mod tests;
