//! What the filter logs and does not ask about: what it refused, and new flows that it let through.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use netwright_sys::Connection;

use super::injector::Injector;
use super::packet::{Packet, Unreachable, number};
use super::poll::{EventFlags, Events, LAST_MOMENTS, Poll, Waker};
use super::{Report, Reporter, logged};
use crate::constants::{REFUSED_GROUP, SEEN_GROUP};

/// Hears of packets on a thread of its own, since telling of them takes its time.
pub(crate) struct Notices {
    pub(crate) log: Connection,
    pub(crate) injector: Injector,
    pub(crate) report: Reporter,
    pub(crate) waker: Waker,
}

impl Notices {
    /// Works until it is told to stop, and woken. What was logged before that is still told: programs try something and end.
    pub(crate) fn run(self, stop: &AtomicBool) {
        let Ok(poll) = self.watch() else { return };
        let (mut events, mut buffer) = (Events::new(), Vec::new());
        while !stop.load(Ordering::Relaxed) {
            poll.wait(&mut events, None);
            while !stop.load(Ordering::Relaxed) && self.listen(&mut buffer) {}
        }
        let until = Instant::now() + LAST_MOMENTS;
        while self.listen(&mut buffer) && Instant::now() < until {}
    }

    fn watch(&self) -> rustix::io::Result<Poll> {
        let poll = Poll::new()?;
        poll.add(&self.waker, 0, EventFlags::IN)?;
        poll.add(self.log.socket(), 1, EventFlags::IN)?;
        Ok(poll)
    }

    /// Tells of the packets of one message; whether there may be more. A refused one is answered after that, so that its sender is still there while
    /// it is looked for.
    fn listen(&self, buffer: &mut Vec<u8>) -> bool {
        let Some(packets) = logged::hear(self.log.socket(), buffer) else { return false };
        for (group, packet) in packets {
            match group {
                SEEN_GROUP => self.report.tell(Report::Seen(packet)),
                REFUSED_GROUP => refuse(&self.report, &self.injector, packet),
                _ => {}
            }
        }
        true
    }
}

/// Tells of a refused packet, then its sender.
pub(super) fn refuse(report: &Reporter, injector: &Injector, packet: Packet<'_>) {
    report.tell(Report::Refused(packet));
    if let Some(answer) = refusal(&packet) {
        injector.send(&answer);
    }
}

/// What tells the sender of a packet that it is refused. Nothing does where it went to many, or is an ICMP error itself.
pub(super) fn refusal(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let many = match packet.destination() {
        std::net::SocketAddr::V4(to) => to.ip().is_multicast() || to.ip().is_broadcast(),
        std::net::SocketAddr::V6(to) => to.ip().is_multicast(),
    };
    let is_icmp = matches!(packet.protocol_number(), number::ICMP | number::ICMPV6);
    match packet.segment() {
        Some(_) => packet.reset(),
        None if many || (is_icmp && packet.echo_request().is_none()) => None,
        None => Some(packet.error(Unreachable::Prohibited.message(packet.destination().is_ipv6()))),
    }
}
