//! What the registers hold while the expressions of a rule are read one after the other.

use netwright_netfilter::{DataValue, Register};

use super::load::Load;
use crate::ir::BinaryOperator;

/// The most parts that something computed may have: a rule can combine a register with itself again and again.
const MAXIMUM_PARTS: usize = 64;
const CELLS: usize = 16;

/// A value in registers.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// A constant.
    Bytes(DataValue),
    /// Something loaded.
    Load(Load),
    /// `(of & mask) ^ xor`
    Masked {
        /// What is changed.
        of: Box<Operand>,
        /// The bits that are kept.
        mask: DataValue,
        /// The bits that are flipped afterwards.
        xor: DataValue,
    },
    /// Shifted as a whole.
    Shifted {
        /// What is shifted.
        of: Box<Operand>,
        /// To the left.
        left: bool,
        /// By how many bits.
        by: u32,
    },
    /// Two registers combined.
    Binary(BinaryOperator, Box<Operand>, Box<Operand>),
    /// The other byte order.
    Swapped(Box<Operand>),
    /// What a map holds for a key, from a part of it on: the data may span several registers.
    Map {
        /// The parts of the key.
        key: Vec<Held>,
        /// The map's name.
        set: String,
    },
}

/// An operand with its width and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The value.
    pub(super) operand: Operand,
    /// How many bytes it has.
    pub(super) bytes: usize,
    /// How many loads and constants it is made of.
    pub(super) parts: usize,
    /// Which expressions of the rule made it.
    pub(super) from: Vec<usize>,
}

/// All registers, as cells of four bytes.
#[derive(Debug, Default)]
pub(super) struct Registers {
    cells: [Option<Held>; CELLS],
}

impl Registers {
    /// Puts a value into a register; `None` where there is no such register or the value has become too large.
    pub(super) fn put(&mut self, register: Option<Register>, held: Held) -> Option<()> {
        if held.parts > MAXIMUM_PARTS {
            return None;
        }
        let start = register?.cell()?;
        let end = start + held.bytes.div_ceil(4).max(1);
        for cell in self.cells.get_mut(start..end.min(CELLS))? {
            *cell = None;
        }
        *self.cells.get_mut(start)? = Some(held);
        Some(())
    }

    /// What starts at a register.
    pub(super) fn at(&self, register: Option<Register>) -> Option<&Held> {
        self.cells.get(register?.cell()?)?.as_ref()
    }

    /// What lies in so many bytes from a register on, part by part.
    pub(super) fn span(&self, register: Option<Register>, bytes: usize) -> Option<Vec<Held>> {
        let mut cell = register?.cell()?;
        let end = cell + bytes.div_ceil(4);
        let mut parts = Vec::new();
        while cell < end {
            let held = self.cells.get(cell)?.as_ref()?;
            cell += held.bytes.div_ceil(4).max(1);
            parts.push(held.clone());
        }
        Some(parts)
    }
}
