//! What may reach the internet in an attempt: what its policy allows.

use std::net::{IpAddr, SocketAddr};

use netwright_lab::Failure;
use netwright_sandbox::{Decision, Destination, LocalNetworks, Policy, Protocol};
use netwright_sandbox_lab::internet::{HOST, NAME_SERVERS, Packet, Seen};

use crate::attempts::Attempt;

/// Something that may be seen.
#[derive(Clone, Debug)]
pub(crate) enum Permit {
    /// Questions for a name, or for all below it where it begins with `*.`, to the host's name servers.
    Question(String),
    /// Packets of a protocol to an address and port.
    Packet { protocol: u16, to: IpAddr, port: Option<u16> },
    /// What follows the first part of datagrams that are sent in parts, and has no ports.
    Part { to: IpAddr },
    /// Whatever this policy allows, with any contents.
    Allowed(Box<Policy>),
}

/// Among an attempt's permits: whatever its policy allows.
pub(crate) const ALLOWED: &str = "what the policy allows";

impl Permit {
    /// Those of an attempt. To be called in the host's namespace.
    pub(crate) fn all(attempt: &Attempt) -> Result<Vec<Self>, Failure> {
        let read = |text: &&str| match *text {
            ALLOWED => Ok(Permit::Allowed(Box::new(policy(attempt.policy)?))),
            text => Permit::read(text),
        };
        attempt.permits.iter().map(read).collect()
    }

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
            Permit::Packet { .. } | Permit::Part { .. } | Permit::Allowed(_) => false,
        }
    }

    fn packet(&self, packet: &Packet) -> bool {
        // Who answers a socket that is gone meanwhile is told so by the host: somebody whom something may be sent.
        if let Some(refused) = &packet.refused {
            let ports = refused.ports.map(|(from, to)| (to, from));
            let (source, destination) = (refused.destination, refused.source);
            let back = Packet { source, destination, ports, refused: None, ..(**refused).clone() };
            return HOST.contains(&source) && packet.destination == destination && self.packet(&back);
        }
        match self {
            Permit::Question(_) => {
                let to_name_server = NAME_SERVERS.contains(&packet.destination)
                    && packet.ports.is_some_and(|(_, port)| port == 53);
                // What is asked over TCP is in the name servers' record.
                let asked = packet.protocol == 6
                    || packet.question.as_ref().is_some_and(|asked| self.question(asked));
                to_name_server && asked
            }
            Permit::Allowed(_) => {
                let protocol = match packet.protocol {
                    6 => Protocol::Tcp,
                    17 => Protocol::Udp,
                    1 | 58 => Protocol::Icmp,
                    _ => return false,
                };
                let port = packet.ports.map_or(0, |(_, port)| port);
                self.allows(protocol, SocketAddr::new(packet.destination, port)) && !packet.options
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

impl Permit {
    /// Whether a policy allows what came to a place outside.
    fn allows(&self, protocol: Protocol, to: SocketAddr) -> bool {
        let Permit::Allowed(policy) = self else { return false };
        let to = Destination { name: None, address: Some(to.ip()), port: to.port(), protocol };
        matches!(policy.decide(&to), Decision::Allowed(_))
    }

    /// The same of what a server saw.
    pub(crate) fn allows_seen(&self, seen: &Seen) -> bool {
        let protocol = match seen.server {
            "udp" | "ntp" | "host udp" => Protocol::Udp,
            "tcp" | "data" | "http" | "postgres" => Protocol::Tcp,
            _ => return false,
        };
        seen.at.parse().is_ok_and(|at| self.allows(protocol, at))
    }
}

/// The policy of these flags, on this host.
fn policy(flags: &[&str]) -> Result<Policy, Failure> {
    let rules = |flag: &str| {
        let pairs = flags.chunks(2).filter(|pair| pair.first() == Some(&flag));
        pairs.filter_map(|pair| pair.get(1)).map(|rule| rule.parse()).collect::<Result<Vec<_>, _>>()
    };
    let (allow, deny) = (rules("--allow")?, rules("--deny")?);
    Ok(Policy { allow, deny, local: LocalNetworks::of_host()?, ..Policy::default() })
}

/// The packets that nothing permits, that hold the token, or that have another source than the host.
pub(crate) fn forbidden<'a>(packets: &'a [Packet], permits: &[Permit], token: &str) -> Vec<&'a Packet> {
    let holds = |packet: &Packet| packet.payload.windows(token.len()).any(|part| part == token.as_bytes());
    let permitted = |packet: &Packet| {
        let permitted = |permit: &Permit| {
            permit.packet(packet) && (matches!(permit, Permit::Allowed(_)) || !holds(packet))
        };
        HOST.contains(&packet.source) && permits.iter().any(permitted)
    };
    packets.iter().filter(|packet| !permitted(packet)).collect()
}

/// What servers saw and nothing permits: questions for other names, and whatever holds the token.
pub(crate) fn forbidden_seen(seen: Vec<Seen>, permits: &[Permit], token: &str) -> Vec<Seen> {
    let permitted = |seen: &Seen| {
        let name = seen.what.split(' ').next().unwrap_or_default();
        let asked = seen.server != "dns" || permits.iter().any(|permit| permit.question(name));
        asked && !seen.what.contains(token) || permits.iter().any(|permit| permit.allows_seen(seen))
    };
    seen.into_iter().filter(|seen| !permitted(seen)).collect()
}
