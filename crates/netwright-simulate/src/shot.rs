//! What is sent, once, and what is seen of it.

use std::net::{IpAddr, SocketAddr};

use netwright_state::model::Refusal;

use crate::frame::{Mac, Tag};
use crate::packet::{Head, Tuple, protocol};
use crate::topology::{Sender, Spot};

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody behind a link, from an address.
    Outside(Sender, IpAddr),
    /// The host itself, from an address of its choice or a given one.
    Host { source: Option<IpAddr>, user: Option<u32>, group: Option<u32>, cgroup: Option<String> },
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum What {
    /// A connection to a port, on which data go both ways.
    Tcp(u16),
    /// A single TCP segment to a port, with these flags.
    Segment { port: u16, flags: u8 },
    /// A datagram to a port.
    Udp(u16),
    /// An ICMP or ICMPv6 message.
    Icmp { kind: u8, code: u8 },
    /// A packet of another protocol.
    Raw(u8),
}

/// One packet or connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shot {
    pub(crate) origin: Origin,
    pub(crate) to: IpAddr,
    /// The port of a bridge that the destination is behind, where that is said.
    pub(crate) behind: Option<String>,
    pub(crate) what: What,
    /// 0 is any.
    pub(crate) source_port: u16,
    pub(crate) head: Head,
    pub(crate) payload: Vec<u8>,
    /// What the receiver says back; `None` where it says nothing.
    pub(crate) answer: Option<Vec<u8>>,
    /// Whether no answer belongs to it.
    pub(crate) one_way: bool,
    /// Bytes of each fragment above IP, where it is sent in fragments.
    pub(crate) fragment: Option<u16>,
    /// VLAN tags besides those that the link has.
    pub(crate) tags: Vec<Tag>,
    /// The sender's hardware address, where it is another than its own.
    pub(crate) mac: Option<Mac>,
    /// What of it another packet decides.
    pub(crate) follows: Follows,
}

/// What of a packet the one before it decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Follows {
    /// The numbers of a single segment's first byte, and of the next byte that its sender waits for.
    pub(crate) numbers: Option<(u32, u32)>,
    /// Where its frame goes at once, without a search: back to where the packet before came from.
    pub(crate) next: Option<Mac>,
    /// The number by which an ICMP message knows what it is the answer to.
    pub(crate) identifier: Option<u16>,
    /// Whether it is about the packet before, which it carries.
    pub(crate) quotes: bool,
}

/// A packet as it arrived outside, where its receiver may answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Landed {
    pub(crate) spot: Spot,
    /// The hardware address that it came from, which is the host's, and the one it was sent to.
    pub(crate) from: Mac,
    pub(crate) to: Mac,
    pub(crate) packet: Vec<u8>,
}

/// Where a packet arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The source as the receiver sees it. Where there are no ports they are 0.
    pub(crate) from: SocketAddr,
    pub(crate) at: SocketAddr,
    /// The link that it left the host by; `None` for the host itself.
    pub(crate) link: Option<String>,
    /// Whether the address belongs to where it came out.
    pub(crate) belongs: bool,
    /// DSCP and ECN as they arrived.
    pub(crate) class: Option<u8>,
}

/// Who told the sender that its packet does not arrive, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) how: Refusal,
    pub(crate) by: Option<IpAddr>,
}

/// What was seen of one packet or connection, but for its traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observation {
    /// What it was known by when it set out; `None` where it did not.
    pub(crate) sent: Option<Tuple>,
    pub(crate) arrivals: Vec<Arrival>,
    /// The first that arrived outside.
    pub(crate) landed: Option<Landed>,
    /// Whether the sender got its answer.
    pub(crate) answered: bool,
    pub(crate) refused: Option<Refused>,
    /// Why nothing of it came to the host.
    pub(crate) no_path: Option<String>,
    /// Whom somebody outside looked for in vain, before the host could see the packet.
    pub(crate) unresolved: Option<IpAddr>,
    /// How many packets the counters that are asked for counted; `None` where there is no such counter.
    pub(crate) counted: Vec<Option<u64>>,
    /// The connection's mark, where it is asked for.
    pub(crate) connection_mark: Option<u32>,
    /// What else is worth knowing, each a sentence without a full stop.
    pub(crate) notes: Vec<String>,
    /// Whether the host told the sender by its routing that there is no way: it does not do so any number of times.
    pub(crate) spends: bool,
}

impl Observation {
    /// Whether nothing at all came of it.
    pub(crate) fn is_lost(&self) -> bool {
        self.arrivals.is_empty() && !self.answered && self.refused.is_none() && self.no_path.is_none()
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

impl Shot {
    /// Number of the protocol above IP.
    pub(crate) fn protocol(&self) -> u8 {
        match self.what {
            What::Tcp(_) | What::Segment { .. } => protocol::TCP,
            What::Udp(_) => protocol::UDP,
            What::Icmp { .. } if self.to.is_ipv4() => protocol::ICMP,
            What::Icmp { .. } => protocol::ICMPV6,
            What::Raw(number) => number,
        }
    }

    /// What is above IP in a packet of another protocol: with ports in front where it has them, and room for what those
    /// protocols have behind them.
    pub(crate) fn raw(&self, from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(12 + payload.len());
        if protocol::has_ports(self.protocol()) {
            bytes.extend(from.to_be_bytes());
            bytes.extend(to.to_be_bytes());
            bytes.extend([0; 8]);
        }
        bytes.extend(payload);
        bytes
    }
}
