//! What may reach the internet in an attempt: what its policy allows.

use std::net::IpAddr;

use netwright_lab::Failure;
use netwright_sandbox_lab::internet::{HOST, NAME_SERVERS, Packet, Seen};

/// Something that may be seen.
#[derive(Clone, Debug)]
pub(crate) enum Permit {
    /// Questions for a name, or for all below it where it begins with `*.`, to the host's name servers.
    Question(String),
    /// Packets of a protocol to an address and port.
    Packet { protocol: u16, to: IpAddr, port: Option<u16> },
    /// What follows the first part of datagrams that are sent in parts, and has no ports.
    Part { to: IpAddr },
}

impl Permit {
    /// `dns NAME`, `tcp ADDRESS PORT`, `udp ADDRESS PORT`, `parts ADDRESS` or `icmp ADDRESS`.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let words: Vec<&str> = text.split(' ').collect();
        let to = |protocol, address: &str, port: Option<&str>| {
            let port = port.map(str::parse).transpose()?;
            Ok(Permit::Packet { protocol, to: address.parse()?, port })
        };
        match words[..] {
            ["dns", name] => Ok(Permit::Question(name.to_owned())),
            ["tcp", address, port] => to(6, address, Some(port)),
            ["udp", address, port] => to(17, address, Some(port)),
            ["parts", address] => Ok(Permit::Part { to: address.parse()? }),
            ["icmp", address] if address.contains(':') => to(58, address, None),
            ["icmp", address] => to(1, address, None),
            _ => Err(Failure::wrong(format_args!("{text:?} is no permit"))),
        }
    }

    fn question(&self, asked: &str) -> bool {
        match self {
            Permit::Question(name) => match name.strip_prefix('*') {
                Some(parent) => asked.ends_with(parent),
                None => asked == name,
            },
            Permit::Packet { .. } | Permit::Part { .. } => false,
        }
    }

    fn packet(&self, packet: &Packet) -> bool {
        match self {
            Permit::Question(_) => {
                let to_name_server = NAME_SERVERS.contains(&packet.destination)
                    && packet.ports.is_some_and(|(_, port)| port == 53);
                // What is asked over TCP is in the name servers' record.
                let asked = packet.protocol == 6
                    || packet.question.as_ref().is_some_and(|asked| self.question(asked));
                to_name_server && asked
            }
            Permit::Part { to } => {
                packet.protocol == 17 && packet.destination == *to && packet.ports.is_none()
            }
            Permit::Packet { protocol, to, port } => {
                packet.protocol == *protocol
                    && packet.destination == *to
                    && port.is_none_or(|port| packet.ports.is_some_and(|(_, to)| to == port))
                    && !packet.options
            }
        }
    }
}

/// The packets that nothing permits, that hold the token, or that have another source than the host.
pub(crate) fn forbidden<'a>(packets: &'a [Packet], permits: &[Permit], token: &str) -> Vec<&'a Packet> {
    let holds = |packet: &Packet| packet.payload.windows(token.len()).any(|part| part == token.as_bytes());
    let permitted = |packet: &Packet| {
        let is_own = HOST.contains(&packet.source);
        is_own && permits.iter().any(|permit| permit.packet(packet)) && !holds(packet)
    };
    packets.iter().filter(|packet| !permitted(packet)).collect()
}

/// What servers saw and nothing permits: questions for other names, and whatever holds the token.
pub(crate) fn forbidden_seen(seen: Vec<Seen>, permits: &[Permit], token: &str) -> Vec<Seen> {
    let permitted = |seen: &Seen| {
        let name = seen.what.split(' ').next().unwrap_or_default();
        let asked = seen.server != "dns" || permits.iter().any(|permit| permit.question(name));
        asked && !seen.what.contains(token)
    };
    seen.into_iter().filter(|seen| !permitted(seen)).collect()
}
