//! Registers.

netwright_wire::open_enum! {
    /// A register (`enum nft_registers`): the verdict, four of 16 bytes, and the same memory as sixteen of 4 bytes.
    pub struct Register(u32) {
        /// Where a verdict goes.
        #[doc(alias = "NFT_REG_VERDICT")]
        VERDICT = 0 "verdict",
        #[doc(alias = "NFT_REG_1")]
        R1 = 1 "1",
        #[doc(alias = "NFT_REG_2")]
        R2 = 2 "2",
        #[doc(alias = "NFT_REG_3")]
        R3 = 3 "3",
        #[doc(alias = "NFT_REG_4")]
        R4 = 4 "4",
        #[doc(alias = "NFT_REG32_00")]
        R32_00 = 8 "8",
        #[doc(alias = "NFT_REG32_01")]
        R32_01 = 9 "9",
        #[doc(alias = "NFT_REG32_02")]
        R32_02 = 10 "10",
        #[doc(alias = "NFT_REG32_03")]
        R32_03 = 11 "11",
        #[doc(alias = "NFT_REG32_04")]
        R32_04 = 12 "12",
        #[doc(alias = "NFT_REG32_05")]
        R32_05 = 13 "13",
        #[doc(alias = "NFT_REG32_06")]
        R32_06 = 14 "14",
        #[doc(alias = "NFT_REG32_07")]
        R32_07 = 15 "15",
        #[doc(alias = "NFT_REG32_08")]
        R32_08 = 16 "16",
        #[doc(alias = "NFT_REG32_09")]
        R32_09 = 17 "17",
        #[doc(alias = "NFT_REG32_10")]
        R32_10 = 18 "18",
        #[doc(alias = "NFT_REG32_11")]
        R32_11 = 19 "19",
        #[doc(alias = "NFT_REG32_12")]
        R32_12 = 20 "20",
        #[doc(alias = "NFT_REG32_13")]
        R32_13 = 21 "21",
        #[doc(alias = "NFT_REG32_14")]
        R32_14 = 22 "22",
        #[doc(alias = "NFT_REG32_15")]
        R32_15 = 23 "23",
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
