//! Which registers a statement uses.
//!
//! A value on its own takes a register of 16 bytes, the parts of a concatenation as many cells of 4 bytes as they need.

use netwright_netfilter::Register;

use super::{Error, Result};

/// Cells of 4 bytes in all registers.
const CELLS: usize = 16;
/// Cells of a register.
const WIDE: usize = 4;

/// How far the registers are taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Registers {
    taken: usize,
}

impl Registers {
    /// Takes cells for a value: those of a whole register at least, unless it is a concatenation of `parts` (their
    /// widths in bytes).
    pub(super) fn take(&mut self, parts: &[usize]) -> Result<usize> {
        let cells: usize = parts.iter().map(|bytes| bytes.div_ceil(4).max(1)).sum();
        let cells = if parts.len() > 1 { cells } else { cells.max(WIDE) };
        let start = self.taken;
        // A single value at the very end needs no more than itself.
        let needed: usize = parts.iter().map(|bytes| bytes.div_ceil(4).max(1)).sum();
        if start + needed > CELLS {
            return Err(Error::new("the values side by side are too long: registers hold 64 bytes"));
        }
        self.taken = start + cells;
        Ok(start)
    }

    /// Gives back all cells from one on.
    pub(super) fn release(&mut self, cell: usize) {
        self.taken = cell;
    }
}

/// The register that starts at a cell.
pub(super) fn register(cell: usize) -> Result<Register> {
    Register::at_cell(cell).ok_or_else(|| Error::new("there are not enough registers"))
}

/// The cells that a part of a concatenation takes.
pub(super) fn cells(bytes: usize) -> usize {
    bytes.div_ceil(4).max(1)
}
