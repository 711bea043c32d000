//! First packets of flows that somebody is asked about: they are heard of, and sent again or refused when there is an answer.

use netwright_confine::Enclosure;
use netwright_sys::{Connection, Result, Socket};

use super::injector::Injector;
use super::packet::Packet;
use super::{logged, notices};
use crate::constants::ASKED_GROUP;

/// Hears of them, and answers.
#[derive(Debug)]
pub(crate) struct Asked {
    log: Connection,
    /// Packets of this one pass the filter.
    injector: Injector,
    /// Packets of this one are judged by it.
    judged: Injector,
    buffer: Vec<u8>,
}

impl Asked {
    pub(crate) fn open(enclosure: &Enclosure, ipv6: bool) -> Result<Self> {
        // All of a packet is wanted, since it is sent again.
        let log = logged::listen(enclosure, [(ASKED_GROUP, None)])?;
        let (injector, judged) = (Injector::new(enclosure, ipv6)?, Injector::judged(enclosure, ipv6)?);
        Ok(Asked { log, injector, judged, buffer: Vec::new() })
    }

    /// Readable when there is something to hear.
    pub(crate) fn socket(&self) -> &Socket {
        self.log.socket()
    }

    /// Takes one message with the packets in it; `None` where there is none.
    pub(crate) fn hear(&mut self) -> Option<Vec<Vec<u8>>> {
        let packets = logged::hear(self.log.socket(), &mut self.buffer)?;
        Some(packets.map(|(_, packet)| packet.bytes().to_vec()).collect())
    }

    /// Sends a packet again, for the filter to judge. One that is longer than the way out allows is lost.
    pub(crate) fn send_again(&self, packet: &Packet<'_>) {
        self.judged.send(&packet.completed());
    }

    /// Tells the sender of a packet that it is refused.
    pub(crate) fn refuse(&self, packet: &Packet<'_>) {
        if let Some(answer) = notices::refusal(packet) {
            self.injector.send(&answer);
        }
    }
}
