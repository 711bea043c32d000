//! Registers.

netwright_wire::open_enum! {
    /// A register (`enum nft_registers`): the verdict, four of 16 bytes, and the same memory as sixteen of 4 bytes.
    pub struct Register(u32) {
        /// Where a verdict goes.
        VERDICT = 0 "verdict",
        R1 = 1 "1", R2 = 2 "2", R3 = 3 "3", R4 = 4 "4",
        R32_00 = 8 "8", R32_01 = 9 "9", R32_02 = 10 "10", R32_03 = 11 "11",
        R32_04 = 12 "12", R32_05 = 13 "13", R32_06 = 14 "14", R32_07 = 15 "15",
        R32_08 = 16 "16", R32_09 = 17 "17", R32_10 = 18 "18", R32_11 = 19 "19",
        R32_12 = 20 "20", R32_13 = 21 "21", R32_14 = 22 "22", R32_15 = 23 "23",
    }
}

impl Register {
    /// The first of the 4-byte cells (0 to 15) that the register covers; `None` for the verdict and unknown ones.
    #[must_use]
    pub fn cell(self) -> Option<usize> {
        match self.0 {
            1..=4 => Some((self.0 as usize - 1) * 4),
            8..=23 => Some(self.0 as usize - 8),
            _ => None,
        }
    }

    /// The register that starts at a 4-byte cell, the wide one where there is one.
    #[must_use]
    pub fn at_cell(cell: usize) -> Option<Register> {
        match cell {
            0 | 4 | 8 | 12 => Some(Register(cell as u32 / 4 + 1)),
            1..=15 => Some(Register(cell as u32 + 8)),
            _ => None,
        }
    }
}
