//! One connection: a socket inside, a socket outside, and the data between them.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown, sockopt};

use super::buffers::{Buffers, Piece};
use super::{INSIDE, OUTSIDE};
use crate::relay::allowance::Permit;
use crate::relay::handover::Outside;
use crate::relay::poll::EventFlags;
use crate::relay::tuple::Tuple;

/// So many bytes of one direction are moved before others get their turn.
const TURN: usize = 4 << 20;
/// A connection that is alone is read from outside by so many bytes at once. Until a read has copied all, what comes meanwhile waits to
/// be acknowledged, and a sender that paces itself by that (BBR) then sends more slowly than it could. Where several share the processors,
/// none of them waits for that, and the fewer calls and acknowledgements of larger reads count.
const PORTION: usize = 64 << 10;
/// After this time without data, whoever closed a connection inside is asked whether it still knows it.
const QUIET: Duration = Duration::from_secs(60);

/// Both halves of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    ends: [End; 2],
    /// Whether it is in the list of those that have more to do.
    pub(super) is_queued: bool,
    /// Who connected to what, where a policy has judged that.
    pub(super) tuple: Option<Tuple>,
    _permit: Permit,
}

/// One socket, and what was read from it.
#[derive(Debug)]
struct End {
    socket: OwnedFd,
    /// Whether reading may give something.
    readable: bool,
    /// Whether the other side has closed or broken it: then reading ends only with its last word.
    hung_up: bool,
    /// Whether writing may take something.
    writable: bool,
    /// What was read and is not written to the other end yet.
    piece: Option<Piece>,
    /// Whether everything was read.
    ended: bool,
    /// Whether reading failed, after what is in the piece.
    failed: bool,
    /// Whether the other end was told so.
    told: bool,
    /// Whether the process at it runs on this machine.
    is_inside: bool,
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It waits for events.
    Waits,
    /// There is more to do at once.
    More,
    /// It is over.
    Over,
}

/// Why a direction moves no more data.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    Waits,
    More,
    Broken,
}

impl Connection {
    pub(super) fn new(inside: OwnedFd, outside: Outside) -> Self {
        let Outside { socket, permit, tuple, .. } = outside;
        let end = |socket, is_inside| End {
            socket,
            readable: false,
            hung_up: false,
            writable: false,
            piece: None,
            ended: false,
            failed: false,
            told: false,
            is_inside,
        };
        Connection { ends: [end(inside, true), end(socket, false)], is_queued: false, tuple, _permit: permit }
    }

    /// The sockets, inside and outside.
    pub(super) fn sockets(&self) -> [&OwnedFd; 2] {
        self.ends.each_ref().map(|end| &end.socket)
    }

    /// Whether there is still something to carry out of what a process inside that has ended sent.
    pub(super) fn has_last_words(&self) -> bool {
        let [inside, _] = &self.ends;
        !inside.told && (inside.hung_up || inside.piece.is_some())
    }

    /// Notes an event.
    pub(super) fn note(&mut self, end: usize, flags: EventFlags) {
        let Some(end) = self.ends.get_mut(end) else { return };
        let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        end.hung_up |= broken || flags.contains(EventFlags::RDHUP);
        end.readable |= end.hung_up || flags.contains(EventFlags::IN);
        end.writable |= broken || flags.contains(EventFlags::OUT);
    }

    /// Moves what can be moved. `is_alone` says that there is no other connection; `count` hears of bytes that were written to an end.
    pub(super) fn turn(
        &mut self,
        buffers: &mut Buffers,
        is_alone: bool,
        mut count: impl FnMut(usize, usize),
    ) -> Turn {
        let [inside, outside] = &mut self.ends;
        let portion = if is_alone { PORTION } else { usize::MAX };
        let out = inside.forward(outside, buffers, usize::MAX, |bytes| count(OUTSIDE, bytes));
        let back = outside.forward(inside, buffers, portion, |bytes| count(INSIDE, bytes));
        let broken = out == Stop::Broken || back == Stop::Broken || self.is_broken();
        if broken {
            self.reset();
        }
        if broken || self.ends.iter().all(|end| end.told) {
            self.ends
                .iter_mut()
                .filter_map(|end| end.piece.take())
                .for_each(|piece| buffers.give(piece.into_buffer()));
            return Turn::Over;
        }
        if out == Stop::More || back == Stop::More { Turn::More } else { Turn::Waits }
    }

    /// Whether an end was reset after everything was read from it. Otherwise reading says so, when all before is read.
    fn is_broken(&self) -> bool {
        let has_error = |end: &End| !matches!(sockopt::socket_error(&end.socket), Ok(Ok(())));
        self.ends.iter().any(|end| end.ended && end.hung_up && has_error(end))
    }

    /// Passes a reset on: closed so, sockets send one.
    pub(super) fn reset(&self) {
        for end in &self.ends {
            let _ = sockopt::set_socket_linger(&end.socket, Some(Duration::ZERO));
        }
    }
}

impl End {
    /// Moves what this end has to the other one; a read takes so much as a `portion` at the most.
    fn forward(
        &mut self,
        other: &mut End,
        buffers: &mut Buffers,
        portion: usize,
        mut count: impl FnMut(usize),
    ) -> Stop {
        let mut left = TURN;
        loop {
            if let Some(piece) = &mut self.piece {
                match other.write(piece) {
                    Ok(written) => {
                        count(written);
                        left = left.saturating_sub(written);
                        if piece.advance(written) {
                            continue;
                        }
                    }
                    Err(Errno::AGAIN) => return Stop::Waits,
                    Err(_) => return Stop::Broken,
                }
                buffers.give(self.piece.take().map(Piece::into_buffer).unwrap_or_default());
            }
            if self.failed {
                return Stop::Broken;
            }
            if self.ended {
                return self.tell(other);
            }
            if !self.readable {
                return Stop::Waits;
            }
            if left == 0 {
                return Stop::More;
            }
            let mut buffer = buffers.take();
            match self.read(&mut buffer, portion) {
                Ok(0) => {
                    self.ended = true;
                    buffers.give(buffer);
                }
                Ok(read) => self.piece = Some(Piece::new(buffer, read)),
                Err(errno) => {
                    buffers.give(buffer);
                    return if errno == Errno::AGAIN { Stop::Waits } else { Stop::Broken };
                }
            }
        }
    }

    /// Reads, portion by portion, until the buffer is full; where less comes than fits, nothing more is there, unless the end of the data is.
    fn read(&mut self, buffer: &mut [u8], portion: usize) -> rustix::io::Result<usize> {
        let mut filled = 0;
        for room in buffer.chunks_mut(portion) {
            let read =
                repeat(|| recv(&self.socket, &mut *room, RecvFlags::DONTWAIT).map(|(_, length)| length));
            let is_full = read == Ok(room.len());
            self.readable = is_full || (self.hung_up && read.is_ok());
            match read {
                Ok(read) => filled += read,
                Err(errno) if filled == 0 => return Err(errno),
                Err(errno) => self.failed = errno != Errno::AGAIN,
            }
            if !is_full {
                break;
            }
        }
        Ok(filled)
    }

    /// Writes; where less is taken than there is, there is no more room.
    fn write(&mut self, piece: &Piece) -> rustix::io::Result<usize> {
        if !self.writable {
            return Err(Errno::AGAIN);
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let written = repeat(|| send(&self.socket, piece.bytes(), flags));
        self.writable = written == Ok(piece.bytes().len());
        written
    }

    /// Tells the other end that nothing more comes.
    fn tell(&mut self, other: &End) -> Stop {
        if !self.told {
            self.told = true;
            if self.is_inside {
                self.watch_over();
            }
            if shutdown(&other.socket, Shutdown::Write).is_err() {
                return Stop::Broken;
            }
        }
        Stop::Waits
    }

    /// A process that has ended looks like one that still listens: its kernel, which knows better, is asked.
    fn watch_over(&self) {
        let _ = sockopt::set_tcp_keepidle(&self.socket, QUIET);
        let _ = sockopt::set_tcp_keepintvl(&self.socket, QUIET);
        let _ = sockopt::set_socket_keepalive(&self.socket, true);
    }
}

/// Repeats a call that a signal interrupts.
fn repeat<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
