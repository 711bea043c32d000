//! Both sides of a TCP connection as outside of the host: just enough of RFC 9293 to make connections and exchange a few
//! bytes, one segment at a time.

use std::net::{IpAddr, SocketAddr};

use crate::packet::{Head, Ip, protocol, seal};

/// Flags of a segment.
pub(crate) mod flags {
    pub(crate) const SYN: u8 = 0x02;
    pub(crate) const RST: u8 = 0x04;
    pub(crate) const PSH: u8 = 0x08;
    pub(crate) const ACK: u8 = 0x10;
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) payload: Vec<u8>,
}

const HEADER: usize = 20;
/// The largest segment that is taken (RFC 9293, 3.7.1), as hosts on Ethernet say it.
const LARGEST_SEGMENT: [u8; 4] = [2, 4, 0x05, 0xb4];
const WINDOW: u16 = 64240;

impl Segment {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let long = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let header = usize::from(bytes.get(12)? >> 4) * 4;
        Some(Segment {
            from: word(0)?,
            to: word(2)?,
            sequence: long(4)?,
            acknowledged: long(8)?,
            flags: *bytes.get(13)?,
            window: word(14)?,
            payload: bytes.get(header..).unwrap_or_default().to_vec(),
        })
    }

    /// Its bytes, without a checksum.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let options: &[u8] = if self.flags & flags::SYN == 0 { &[] } else { &LARGEST_SEGMENT };
        let mut bytes = Vec::with_capacity(HEADER + options.len() + self.payload.len());
        bytes.extend(self.from.to_be_bytes());
        bytes.extend(self.to.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledged.to_be_bytes());
        bytes.push((((HEADER + options.len()) / 4) as u8) << 4);
        bytes.push(self.flags);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(options);
        bytes.extend(&self.payload);
        bytes
    }

    /// The packet that carries it.
    pub(crate) fn packet(&self, source: IpAddr, destination: IpAddr, head: Head) -> Vec<u8> {
        let mut payload = self.bytes();
        seal(source, destination, protocol::TCP, &mut payload);
        Ip { source, destination, protocol: protocol::TCP, head, payload: &payload }.bytes()
    }

    fn has(&self, all: u8) -> bool {
        self.flags & all == all
    }
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The first segment is under way.
    Opening,
    /// Both sides know of it.
    Open,
    /// The other side has ended it.
    Reset,
}

/// One side of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) own: SocketAddr,
    pub(crate) other: SocketAddr,
    pub(crate) state: State,
    /// The number of the next byte to send, and of the next one to take.
    next: u32,
    expected: u32,
    /// What is to be said once it is open, or once something was heard.
    say: Option<Vec<u8>>,
    /// Whether it answers rather than asks.
    answers: bool,
    pub(crate) heard: Vec<u8>,
    /// How many bytes are to be heard before it answers.
    awaits: usize,
}

impl Side {
    /// The side that opens a connection, with what it says, and its first segment.
    pub(crate) fn client(own: SocketAddr, other: SocketAddr, number: u32, say: &[u8]) -> (Self, Segment) {
        let side = Side {
            own,
            other,
            state: State::Opening,
            next: number.wrapping_add(1),
            expected: 0,
            say: Some(say.to_vec()),
            answers: false,
            heard: Vec::new(),
            awaits: 0,
        };
        let first = Segment { sequence: number, acknowledged: 0, ..side.segment(flags::SYN, Vec::new()) };
        (side, first)
    }

    /// The side that a first segment comes to, with what it answers to `awaits` bytes, and its own first segment.
    pub(crate) fn server(
        own: SocketAddr,
        other: SocketAddr,
        first: &Segment,
        awaits: usize,
        say: &[u8],
    ) -> (Self, Segment) {
        let number = first.sequence ^ 0x5a5a_0000;
        let side = Side {
            own,
            other,
            state: State::Opening,
            next: number.wrapping_add(1),
            expected: first.sequence.wrapping_add(1),
            say: Some(say.to_vec()),
            answers: true,
            heard: Vec::new(),
            awaits,
        };
        let answer = Segment { sequence: number, ..side.segment(flags::SYN | flags::ACK, Vec::new()) };
        (side, answer)
    }

    fn segment(&self, flags: u8, payload: Vec<u8>) -> Segment {
        Segment {
            from: self.own.port(),
            to: self.other.port(),
            sequence: self.next,
            acknowledged: self.expected,
            flags,
            window: WINDOW,
            payload,
        }
    }

    /// Takes a segment of the other side; what it is answered with.
    pub(crate) fn take(&mut self, segment: &Segment) -> Vec<Segment> {
        let mut out = Vec::new();
        if segment.has(flags::RST) {
            self.state = State::Reset;
            return out;
        }
        if segment.has(flags::SYN) {
            if segment.has(flags::ACK) && !self.answers && segment.acknowledged == self.next {
                self.expected = segment.sequence.wrapping_add(1);
                self.state = State::Open;
                out.push(self.segment(flags::ACK, Vec::new()));
            } else {
                return out;
            }
        } else if self.state == State::Opening && segment.has(flags::ACK) && segment.acknowledged == self.next
        {
            self.state = State::Open;
        }
        if !segment.payload.is_empty() && segment.sequence == self.expected {
            self.expected = self.expected.wrapping_add(segment.payload.len() as u32);
            self.heard.extend(&segment.payload);
        }
        let may = self.state == State::Open && segment.window > 0;
        let due = !self.answers || self.heard.len() >= self.awaits;
        if may
            && due
            && let Some(payload) = self.say.take()
        {
            let length = payload.len() as u32;
            out.push(self.segment(flags::ACK | flags::PSH, payload));
            self.next = self.next.wrapping_add(length);
        }
        out
    }
}

#[cfg(test)]
mod tests;
