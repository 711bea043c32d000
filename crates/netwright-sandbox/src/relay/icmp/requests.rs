//! Echo requests that wait, and what comes for them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::packet::{self, IcmpMessage, Packet};

/// More requests to one destination do not wait for replies.
const WAITING: usize = 256;

/// The requests to one destination.
#[derive(Debug)]
pub(in crate::relay) struct Requests {
    ipv6: bool,
    /// The identifier of what is sent through a raw socket; other sockets have the kernel's, and get replies to it only.
    raw_identifier: Option<u16>,
    next: u16,
    waiting: VecDeque<Waiting>,
}

/// A request that waits for its reply.
#[derive(Debug)]
struct Waiting {
    sequence: u16,
    since: Instant,
    packet: Vec<u8>,
}

impl Requests {
    pub(in crate::relay) fn new(ipv6: bool, raw_identifier: Option<u16>) -> Self {
        Requests { ipv6, raw_identifier, next: 0, waiting: VecDeque::new() }
    }

    /// The next request to send, with a payload of this length.
    pub(in crate::relay) fn next(&mut self, length: usize) -> Vec<u8> {
        self.next = self.next.wrapping_add(1);
        packet::echo_request(self.ipv6, self.raw_identifier.unwrap_or_default(), self.next, length)
    }

    /// The request that was made last was sent for this packet.
    pub(in crate::relay) fn sent(&mut self, packet: &Packet<'_>, now: Instant) {
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        let packet = packet.bytes().to_vec();
        self.waiting.push_back(Waiting { sequence: self.next, since: now, packet });
    }

    /// What a received message answers inside, where it is the reply to a request that waits.
    pub(in crate::relay) fn answered(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let message = match self.raw_identifier {
            Some(_) if !self.ipv6 => message.get(usize::from(message.first()? & 0xf) * 4..)?,
            _ => message,
        };
        let (identifier, sequence) = packet::echo_reply(self.ipv6, message)?;
        if self.raw_identifier.is_some_and(|own| own != identifier) {
            return None;
        }
        let at = self.waiting.iter().position(|waiting| waiting.sequence == sequence)?;
        let waiting = self.waiting.remove(at)?;
        Packet::read(&waiting.packet)?.echo_reply()
    }

    /// What an error answers inside: it is about the request that waits longest, which is also returned.
    pub(in crate::relay) fn failed(&mut self, message: IcmpMessage) -> Option<(Vec<u8>, Vec<u8>)> {
        let waiting = self.waiting.pop_front()?;
        let error = Packet::read(&waiting.packet)?.error(message);
        Some((error, waiting.packet))
    }

    /// Forgets what waits for too long.
    pub(in crate::relay) fn sweep(&mut self, patience: Duration, now: Instant) {
        self.waiting.retain(|waiting| now < waiting.since + patience);
    }
}
