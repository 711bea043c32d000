//! All that is outside of the host: the far ends of its cards' cables, with nothing behind them but this program.

use std::collections::HashMap;
use std::io;

use netwright_sys::PacketSocket;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::frame::{Frame, Mac, Tag, ether};
use crate::topology::Spot;

/// A frame that the host sent, or passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) spot: Spot,
    pub(crate) from: Mac,
    pub(crate) to: Mac,
    pub(crate) kind: u16,
    pub(crate) payload: Vec<u8>,
}

/// The far ends of the cables.
#[derive(Debug)]
pub(crate) struct Outside {
    socket: PacketSocket,
    /// Index of the far end of each card's cable.
    ends: Vec<u32>,
    /// The card by the index of the far end.
    cards: HashMap<u32, usize>,
    /// The two ends of a cable that leads nowhere.
    fence: (u32, u32),
    serial: u64,
    buffer: Vec<u8>,
}

/// The longest frame that a veth carries.
const LONGEST: usize = 64 << 10;

impl Outside {
    /// `ends` are the far ends of the cards' cables, `fence` both ends of a cable of its own.
    pub(crate) fn new(socket: PacketSocket, ends: Vec<u32>, fence: (u32, u32)) -> Self {
        let cards = ends.iter().enumerate().map(|(card, &index)| (index, card)).collect();
        Outside { socket, ends, cards, fence, serial: 0, buffer: vec![0; LONGEST] }
    }

    /// Puts a frame onto the cable of a card.
    pub(crate) fn send(&self, spot: &Spot, from: Mac, to: Mac, kind: u16, payload: &[u8]) -> io::Result<()> {
        let Some(&end) = self.ends.get(spot.card) else { return Ok(()) };
        let frame = Frame { to, from, tags: spot.tags.clone(), kind, payload };
        match self.socket.send(end, &frame.bytes()) {
            // the host's end is down
            Err(error) if matches!(error.raw_os_error(), Some(100 | 101)) => Ok(()),
            other => other,
        }
    }

    /// Takes the next frame that has come out of the host; `None` where there is none.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Received>> {
        loop {
            let Some(came) = self.socket.receive(&mut self.buffer)? else { return Ok(None) };
            let Some(&card) = self.cards.get(&came.link) else { continue };
            let bytes = self.buffer.get(..came.length.min(self.buffer.len())).unwrap_or_default();
            if let Some(received) = read(card, bytes) {
                return Ok(Some(received));
            }
        }
    }

    /// Lets everything that has been sent run to its end. The kernel does so within the system call that sends, unless the
    /// machine is busy: then it is left to a thread of the kernel's, which takes things in their order, so that a frame that is
    /// sent now comes after them. But what they cause comes after that frame, so that it takes one for each stage.
    pub(crate) fn settle(&mut self, stages: u32) -> io::Result<Vec<Received>> {
        let mut came = Vec::new();
        for _ in 0..stages {
            self.fence(&mut came)?;
        }
        Ok(came)
    }

    /// Lets what was sent before come one stage further.
    fn fence(&mut self, came: &mut Vec<Received>) -> io::Result<()> {
        self.serial += 1;
        let payload = self.serial.to_be_bytes();
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let frame =
            Frame { to: mac, from: mac, tags: Vec::new(), kind: ether::EXPERIMENT, payload: &payload };
        self.socket.send(self.fence.0, &frame.bytes())?;
        let mut waits = 0;
        loop {
            let Some(frame) = self.socket.receive(&mut self.buffer)? else {
                // longer than any kernel lets its threads wait; a fence that never comes is no reason to hang
                if waits == FENCE_WAITS {
                    return Ok(());
                }
                waits += 1;
                let mut arrives = [PollFd::new(&self.socket, PollFlags::IN)];
                let _ = poll(&mut arrives, Some(&FENCE_WAIT));
                continue;
            };
            let bytes = self.buffer.get(..frame.length.min(self.buffer.len())).unwrap_or_default();
            if frame.link == self.fence.1 {
                match Frame::parse(bytes) {
                    Some(found) if found.payload.starts_with(&payload) => return Ok(()),
                    _ => continue,
                }
            }
            if let Some(&card) = self.cards.get(&frame.link) {
                came.extend(read(card, bytes));
            }
        }
    }
}

/// So many times at the most the kernel leaves to later what comes of something that was sent, until it comes out or a socket has
/// it: connections of the host with itself are made by three packets, of which none is seen before the last has come.
pub(crate) const STAGES: u32 = 4;

/// How often, and how long each time, is waited for a busy kernel.
const FENCE_WAITS: u32 = 2000;
const FENCE_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

fn read(card: usize, bytes: &[u8]) -> Option<Received> {
    let Frame { to, from, tags, kind, payload } = Frame::parse(bytes)?;
    Some(Received { spot: Spot { card, tags: plain(tags) }, from, to, kind, payload: payload.to_vec() })
}

/// A tag with the number 0 says only how urgent a frame is.
fn plain(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.retain(|tag| tag.id != 0);
    tags
}
