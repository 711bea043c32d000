//! What the relay makes of what it reads, without sending anything: for fuzzers.

use std::time::Instant;

use super::icmp::Requests;
use super::notices::refusal;
use super::packet::{IcmpMessage, Packet, Unreachable};
use super::{logged, packet};

/// What a packet leads to.
#[derive(Debug)]
pub struct Dry {
    /// What would be sent to whoever sent it.
    pub answers: Vec<Vec<u8>>,
    /// The packet itself, as it would be sent on.
    pub sent_on: Vec<u8>,
}

/// What a packet leads to that was logged; nothing where it cannot be read.
#[must_use]
pub fn of_packet(bytes: &[u8]) -> Option<Dry> {
    for ipv6 in [false, true] {
        let _ = packet::echo_reply(ipv6, bytes);
    }
    Packet::read(bytes).map(|packet| of(&packet))
}

/// The same of netlink messages of the kernel's log.
#[must_use]
pub fn of_messages(datagram: &[u8]) -> Vec<Dry> {
    logged::packets(datagram).map(|(_, packet)| of(&packet)).collect()
}

/// What the network says to echo requests that wait.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// A message came.
    Message(&'a [u8]),
    /// The kernel tells of an ICMP error of this type and code.
    Error(u8, u8),
}

/// What is answered inside, one after the other, while a packet waits so many times over for a reply. Through a raw socket messages come with their
/// IPv4 header, and are told apart by an identifier.
pub fn of_heard(packet: &Packet<'_>, requests: u16, raw: Option<u16>, heard: &[Heard<'_>]) -> Vec<Vec<u8>> {
    let now = Instant::now();
    let mut waiting = Requests::new(packet.destination().is_ipv6(), raw);
    for _ in 0..requests {
        let _ = waiting.next(0);
        waiting.sent(packet, now);
    }
    let answers = heard.iter().filter_map(|heard| match *heard {
        Heard::Message(message) => waiting.answered(message),
        Heard::Error(kind, code) => waiting.failed(IcmpMessage { kind, code }).map(|(error, _)| error),
    });
    answers.collect()
}

fn of(packet: &Packet<'_>) -> Dry {
    let ipv6 = packet.destination().is_ipv6();
    let all = [Unreachable::Network, Unreachable::Host, Unreachable::Port, Unreachable::Prohibited];
    let errors = all.into_iter().map(|unreachable| packet.error(unreachable.message(ipv6)));
    let answers = [packet.reset(), packet.echo_reply(), refusal(packet)].into_iter().flatten().chain(errors);
    Dry { answers: answers.collect(), sent_on: packet.completed() }
}
