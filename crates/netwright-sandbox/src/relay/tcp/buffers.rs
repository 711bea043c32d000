//! Memory for data on its way.

/// Data is moved in pieces of this many bytes: on one machine larger pieces mean fewer changes between processes, which cost more
/// than the copies. Measured against 64 KiB, 256 KiB and splice(2) through pipes of 64 KiB to 1 MiB, this was the fastest, and
/// it takes no descriptors.
const LARGE: usize = 1 << 20;
/// Where the large ones are all in use, by receivers that do not take their data, pieces of this many bytes do.
const SMALL: usize = 16 << 10;
/// Large buffers that can be in use at once.
const MOST: usize = 32;
/// Large buffers that are kept when nothing uses them.
const KEPT: usize = 4;

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    free: Vec<Box<[u8]>>,
    in_use: usize,
}

/// A part of a buffer that is filled.
#[derive(Debug)]
pub(super) struct Piece {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffers {
    /// An empty buffer.
    pub(super) fn take(&mut self) -> Box<[u8]> {
        if self.in_use >= MOST {
            return vec![0; SMALL].into();
        }
        self.in_use += 1;
        self.free.pop().unwrap_or_else(|| vec![0; LARGE].into())
    }

    /// A buffer that is not needed any more.
    pub(super) fn give(&mut self, buffer: Box<[u8]>) {
        if buffer.len() == LARGE {
            self.in_use = self.in_use.saturating_sub(1);
            if self.free.len() < KEPT {
                self.free.push(buffer);
            }
        }
    }
}

impl Piece {
    /// The first bytes of a buffer.
    pub(super) fn new(buffer: Box<[u8]>, length: usize) -> Self {
        let end = length.min(buffer.len());
        Piece { buffer, start: 0, end }
    }

    /// What is left of it.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes bytes off its start; whether some are left.
    pub(super) fn advance(&mut self, bytes: usize) -> bool {
        self.start = self.start.saturating_add(bytes).min(self.end);
        self.start < self.end
    }

    pub(super) fn into_buffer(self) -> Box<[u8]> {
        self.buffer
    }
}

#[cfg(test)]
mod tests;
