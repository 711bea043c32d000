//! Who sends, and where to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use netwright_route::prefix::Prefix;
use serde_json::{Value as Json, json};

use crate::scalar::{check_interface_name, parsed};
use crate::schema::Definitions;
use crate::section::{Decode, Reader};
use crate::tree::Node;

/// One address, or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Any that belongs there.
    #[default]
    Any,
    /// One.
    One(IpAddr),
    /// Those of a network.
    Network(Prefix),
    /// From the first to the last.
    Range(IpAddr, IpAddr),
}

impl Addresses {
    /// The only one, where it is one.
    #[must_use]
    pub fn one(self) -> Option<IpAddr> {
        match self {
            Addresses::One(address) => Some(address),
            _ => None,
        }
    }

    /// Whether an address is among them.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match self {
            Addresses::Any => true,
            Addresses::One(one) => one == address,
            Addresses::Network(network) => network.contains(address),
            Addresses::Range(first, last) => {
                first.is_ipv4() == address.is_ipv4() && (first..=last).contains(&address)
            }
        }
    }

    /// Whether they are of IPv4; `None` where they may be of both families.
    #[must_use]
    pub fn is_ipv4(self) -> Option<bool> {
        match self {
            Addresses::Any => None,
            Addresses::One(address) | Addresses::Range(address, _) => Some(address.is_ipv4()),
            Addresses::Network(network) => Some(network.address.is_ipv4()),
        }
    }
}

impl FromStr for Addresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Addresses::Any);
        }
        if let Ok(address) = text.parse() {
            return Ok(Addresses::One(address));
        }
        if let Some((first, last)) = text.split_once('-')
            && let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>())
        {
            return match first.is_ipv4() == last.is_ipv4() && first <= last {
                true => Ok(Addresses::Range(first, last)),
                false => Err(format!("the range `{text}` ends before it starts")),
            };
        }
        match text.parse::<Prefix>() {
            Ok(prefix) if prefix.is_network() => Ok(Addresses::Network(prefix)),
            Ok(prefix) => Err(format!(
                "`{text}` names a host, not a network: write {} or {}",
                prefix.network(),
                prefix.address
            )),
            Err(_) => Err(format!("`{text}` is not an IPv4 or IPv6 address")),
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addresses::Any => f.pad("*"),
            Addresses::One(address) => address.fmt(f),
            Addresses::Network(network) => f.pad(&network.to_string()),
            Addresses::Range(first, last) => f.pad(&format!("{first}-{last}")),
        }
    }
}

/// Who sends a flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FlowSource {
    /// The host itself, from an address of its choice or a given one.
    Host(Option<IpAddr>),
    /// A neighbour behind a link.
    Behind {
        /// The host's link.
        link: String,
        /// The neighbour's address.
        addresses: Addresses,
    },
}

impl FlowSource {
    /// The sender's address, where it is a single one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            FlowSource::Host(address) => *address,
            FlowSource::Behind { addresses, .. } => addresses.one(),
        }
    }
}

impl Default for FlowSource {
    fn default() -> Self {
        FlowSource::Host(None)
    }
}

impl fmt::Display for FlowSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlowSource::Host(None) => f.pad("host"),
            FlowSource::Host(Some(address)) => f.pad(&format!("host {address}")),
            FlowSource::Behind { link, addresses: Addresses::Any } => f.pad(link),
            FlowSource::Behind { link, addresses } => f.pad(&format!("{link} {addresses}")),
        }
    }
}

const SOURCE: &str = "\"LINK ADDRESS\" such as \"wan 192.0.2.66\", \"LINK\" or \"host\"";

impl Decode for FlowSource {
    type Value = FlowSource;

    fn decode(node: &Node, reader: &mut Reader) -> Option<FlowSource> {
        let text = reader.text(node, SOURCE)?;
        let (link, addresses) = words(text);
        let Some(link) = link else { return reader.expected(node, SOURCE) };
        let addresses = read(addresses, node, reader)?;
        if link == "host" {
            return match addresses {
                Addresses::Any => Some(FlowSource::Host(None)),
                Addresses::One(address) => Some(FlowSource::Host(Some(address))),
                _ => reader.error(node.span, "the host sends from one address at a time"),
            };
        }
        if link.parse::<Addresses>().is_ok() {
            reader.expected::<()>(node, SOURCE);
            reader.help("Put the link in front that the sender is behind.");
            return None;
        }
        check_interface_name(link, node.span, reader)?;
        Some(FlowSource::Behind { link: link.to_owned(), addresses })
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["wan 192.0.2.66", "wan", "lan 192.168.1.0/24", "host"] })
    }
}

/// Where a flow is sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum FlowTarget {
    /// The host: its address nearest to the sender, or all that it has.
    #[default]
    Host,
    /// An address.
    At {
        /// The host's link, or the port of a bridge, that it is behind, where that is said.
        link: Option<String>,
        /// The address.
        addresses: Addresses,
    },
}

impl FlowTarget {
    /// The address, where it is a single one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            FlowTarget::Host => None,
            FlowTarget::At { addresses, .. } => addresses.one(),
        }
    }
}

impl From<IpAddr> for FlowTarget {
    fn from(address: IpAddr) -> Self {
        FlowTarget::At { link: None, addresses: Addresses::One(address) }
    }
}

impl fmt::Display for FlowTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlowTarget::Host => f.pad("host"),
            FlowTarget::At { link: None, addresses } => addresses.fmt(f),
            FlowTarget::At { link: Some(link), addresses: Addresses::Any } => f.pad(link),
            FlowTarget::At { link: Some(link), addresses } => f.pad(&format!("{link} {addresses}")),
        }
    }
}

const TARGET: &str = "an address such as \"192.0.2.1\", \"host\" or \"LINK ADDRESS\"";

impl Decode for FlowTarget {
    type Value = FlowTarget;

    fn decode(node: &Node, reader: &mut Reader) -> Option<FlowTarget> {
        let text = reader.text(node, TARGET)?;
        if text.split_whitespace().count() == 1 && looks_like_addresses(text) {
            return parsed(node, TARGET, reader).map(|addresses| FlowTarget::At { link: None, addresses });
        }
        let (link, addresses) = words(text);
        let Some(link) = link else { return reader.expected(node, TARGET) };
        let addresses = read(addresses, node, reader)?;
        if link == "host" {
            return match addresses {
                Addresses::Any => Some(FlowTarget::Host),
                addresses => Some(FlowTarget::At { link: None, addresses }),
            };
        }
        check_interface_name(link, node.span, reader)?;
        Some(FlowTarget::At { link: Some(link.to_owned()), addresses })
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["192.0.2.1", "2001:db8::/32", "host", "lan1 192.168.1.9"] })
    }
}

/// Whether a word is meant for an address rather than for the name of a link.
fn looks_like_addresses(word: &str) -> bool {
    let digits = word.chars().next().is_some_and(|first| first.is_ascii_digit());
    word.contains(':') || digits && word.contains('.') || word.parse::<Addresses>().is_ok()
}

/// A link and what follows it, as in `wan 192.0.2.1` and `wan/*`; nothing where there is more.
fn words(text: &str) -> (Option<&str>, Option<&str>) {
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(link), None, _) => match link.strip_suffix("/*") {
            Some(link) => (Some(link), None),
            None => (Some(link), None),
        },
        (Some(link), addresses, None) => (Some(link), addresses),
        _ => (None, None),
    }
}

fn read(addresses: Option<&str>, node: &Node, reader: &mut Reader) -> Option<Addresses> {
    match addresses.map(str::parse::<Addresses>) {
        None => Some(Addresses::Any),
        Some(Ok(addresses)) => Some(addresses),
        Some(Err(wrong)) => reader.error(node.span, wrong),
    }
}

/// An address, and a port where it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: Option<u16>,
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` and `[2001:db8::1]:80`.
impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Endpoint { address, port: None });
        }
        let both: SocketAddr = text.parse().map_err(|_| {
            format!(
                "`{text}` is not an address with or without a port, such as 192.0.2.1:80 or [2001:db8::1]:80"
            )
        })?;
        Ok(Endpoint { address: both.ip(), port: Some(both.port()) })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => f.pad(&SocketAddr::new(self.address, port).to_string()),
            None => f.pad(&self.address.to_string()),
        }
    }
}

impl Decode for Endpoint {
    type Value = Endpoint;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Endpoint> {
        parsed(node, "a string such as \"192.0.2.1\" or \"192.0.2.1:80\"", reader)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80"] })
    }
}
