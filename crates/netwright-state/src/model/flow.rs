use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde_json::{Value as Json, json};

use crate::scalar::{Between, check_interface_name, integer, parsed};
use crate::schema::Definitions;
use crate::section::{Decode, Reader, section, tables, words};
use crate::tree::{Node, Value};

words! {
    /// What becomes of a packet.
    pub enum Expect as "verdict" {
        /// It arrives, and the answer comes back. TCP: the connection is made and data goes both ways.
        Accept = "accept",
        /// Nothing arrives and nobody says why.
        Drop = "drop",
        /// Nothing arrives, and the sender is told: a TCP reset or an ICMP error.
        Reject = "reject",
    }
}

section! {
    /// A packet to send, and what shall become of it. Flows are sent in the order of the file, one after the
    /// other, so that what one leaves behind (a connection, an element of a set) is there for the next.
    pub struct Flow as "a flow" {
        /// A name for the table of results.
        required "name" => name: String,
        /// Who sends: "LINK ADDRESS" is a neighbour with that address behind that link, "host" the host itself,
        /// "host ADDRESS" the host from that address.
        required "from" => from: FlowSource,
        /// The address that the packet is sent to.
        required "to" => to: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        /// A TCP connection to this port.
        optional "tcp" => tcp: u16 as Between<1, 65535>,
        /// A UDP datagram to this port, and its answer.
        optional "udp" => udp: u16 as Between<1, 65535>,
        /// An ICMP (or ICMPv6) message: true for an echo request, or a type number.
        optional "icmp" => icmp: IcmpProbe,
        /// The source port; any when not set.
        optional "source-port" => source_port: u16 as Between<1, 65535>,
        /// What shall become of it.
        defaulted "expect" => expect: Expect = Expect::Accept,
        /// The source that the receiver sees, with or without a port: other than the sender's own after source NAT.
        optional "seen-from" => seen_from: Endpoint,
        /// Where it arrives, with or without a port: other than `to` after destination NAT.
        optional "arrives-at" => arrives_at: Endpoint,
        /// How often it is sent, one after the other as fast as the verdicts come in, each time as a new
        /// connection. `expect` and what is seen are those of the last time; the earlier ones are not judged.
        defaulted "times" => times: u32 as Between<1, 100000> = 1,
    }
}

tables! { Flow }

/// What a flow sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// A TCP connection to a port.
    Tcp(u16),
    /// A UDP datagram to a port.
    Udp(u16),
    /// An ICMP or ICMPv6 message.
    Icmp(IcmpProbe),
}

impl Flow {
    /// What it sends; exactly one thing in a flow that was read.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        let udp = || self.udp.map(Probe::Udp);
        self.tcp.map(Probe::Tcp).or_else(udp).or(self.icmp.map(Probe::Icmp))
    }

    /// The address that it arrives at if it is accepted.
    #[must_use]
    pub fn arrival(&self) -> IpAddr {
        self.arrives_at.map_or(self.to, |endpoint| endpoint.address)
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
        address: IpAddr,
    },
}

impl FlowSource {
    /// The sender's address, where it is given.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            FlowSource::Host(address) => *address,
            FlowSource::Behind { address, .. } => Some(*address),
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
            FlowSource::Behind { link, address } => f.pad(&format!("{link} {address}")),
        }
    }
}

impl Decode for FlowSource {
    type Value = FlowSource;

    fn decode(node: &Node, reader: &mut Reader) -> Option<FlowSource> {
        let expected = "\"LINK ADDRESS\" such as \"wan 192.0.2.66\", or \"host\"";
        let text = reader.text(node, expected)?;
        let mut words = text.split_whitespace();
        let (Some(link), address, None) = (words.next(), words.next(), words.next()) else {
            return reader.expected(node, expected);
        };
        let address = match address.map(|address| (address, address.parse::<IpAddr>())) {
            None => None,
            Some((_, Ok(address))) => Some(address),
            Some((word, Err(_))) => {
                let message = format!("`{word}` is not an IPv4 or IPv6 address");
                return reader.error(node.span, message);
            }
        };
        if link == "host" {
            return Some(FlowSource::Host(address));
        }
        check_interface_name(link, node.span, reader)?;
        match address {
            Some(address) => Some(FlowSource::Behind { link: link.to_owned(), address }),
            None => {
                reader.expected::<()>(node, expected);
                reader.help(format!("Add the address that the sender behind `{link}` has."));
                None
            }
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["wan 192.0.2.66", "host"] })
    }
}

/// An ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpProbe {
    /// An echo request, of the family's kind, which is answered.
    Echo,
    /// A message of a type, which is not.
    Type(u8),
}

impl Decode for IcmpProbe {
    type Value = IcmpProbe;

    fn decode(node: &Node, reader: &mut Reader) -> Option<IcmpProbe> {
        match node.value {
            Value::Boolean(true) => Some(IcmpProbe::Echo),
            Value::Integer(_) => u8::try_from(integer(node, &(0..=255), reader)?).ok().map(IcmpProbe::Type),
            _ => reader.expected(node, "true for an echo request, or the number of an ICMP type"),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "anyOf": [{ "const": true }, { "type": "integer", "minimum": 0, "maximum": 255 }] })
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
