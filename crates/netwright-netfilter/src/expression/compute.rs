//! Expressions that work on registers.

use crate::{Data, Register};

netwright_wire::open_enum! {
    /// How a register is compared (`enum nft_cmp_ops`). Bytes are compared as they lie, the first one weighs most.
    pub struct CompareOp(u32) { EQ = 0 "eq", NEQ = 1 "neq", LT = 2 "lt", LTE = 3 "lte", GT = 4 "gt", GTE = 5 "gte" }

    /// Within or without (`enum nft_range_ops`).
    pub struct RangeOp(u32) { EQ = 0 "eq", NEQ = 1 "neq" }

    /// What is done to bits (`enum nft_bitwise_ops`).
    pub struct BitwiseOp(u32) {
        /// And with the mask, then exclusive or.
        MASK_XOR = 0 "mask-xor",
        /// Shift of the whole value to the left.
        #[doc(alias = "NFT_BITWISE_LSHIFT")]
        LEFT_SHIFT = 1 "<<",
        /// Shift of the whole value to the right.
        #[doc(alias = "NFT_BITWISE_RSHIFT")]
        RIGHT_SHIFT = 2 ">>",
        /// And with another register.
        AND = 3 "&",
        /// Or with another register.
        OR = 4 "|",
        /// Exclusive or with another register.
        XOR = 5 "^",
    }

    /// Which way bytes are swapped (`enum nft_byteorder_ops`).
    pub struct ByteOrderOp(u32) {
        #[doc(alias = "NFT_BYTEORDER_NTOH")]
        NETWORK_TO_HOST = 0 "ntoh",
        #[doc(alias = "NFT_BYTEORDER_HTON")]
        HOST_TO_NETWORK = 1 "hton",
    }
}

netwright_wire::attrs! {
    /// `immediate` (`enum nft_immediate_attributes`).
    pub struct ImmediateAttrs, ImmediateView: Big {
        NFTA_IMMEDIATE_DREG = 1 => destination: Register,
        NFTA_IMMEDIATE_DATA = 2 => data: Data,
    }

    /// `cmp` (`enum nft_cmp_attributes`).
    pub struct CompareAttrs, CompareView: Big {
        NFTA_CMP_SREG = 1 => source: Register,
        NFTA_CMP_OP = 2 => op: CompareOp,
        NFTA_CMP_DATA = 3 => data: Data,
    }

    /// `range` (`enum nft_range_attributes`); both ends belong to it.
    pub struct RangeAttrs, RangeView: Big {
        NFTA_RANGE_SREG = 1 => source: Register,
        NFTA_RANGE_OP = 2 => op: RangeOp,
        NFTA_RANGE_FROM_DATA = 3 => from: Data,
        NFTA_RANGE_TO_DATA = 4 => to: Data,
    }

    /// `bitwise` (`enum nft_bitwise_attributes`).
    pub struct BitwiseAttrs, BitwiseView: Big {
        NFTA_BITWISE_SREG = 1 => source: Register,
        /// The second operand, where the operation is between registers.
        NFTA_BITWISE_SREG2 = 8 => source2: Register,
        NFTA_BITWISE_DREG = 2 => destination: Register,
        NFTA_BITWISE_OP = 6 => op: BitwiseOp,
        /// Bytes.
        NFTA_BITWISE_LEN = 3 => length: u32,
        NFTA_BITWISE_MASK = 4 => mask: Data,
        NFTA_BITWISE_XOR = 5 => xor: Data,
        /// How far to shift, as a number of four bytes in the machine's byte order.
        NFTA_BITWISE_DATA = 7 => data: Data,
    }

    /// `byteorder` (`enum nft_byteorder_attributes`).
    pub struct ByteOrderAttrs, ByteOrderView: Big {
        NFTA_BYTEORDER_SREG = 1 => source: Register,
        NFTA_BYTEORDER_DREG = 2 => destination: Register,
        NFTA_BYTEORDER_OP = 3 => op: ByteOrderOp,
        /// Bytes in all.
        NFTA_BYTEORDER_LEN = 4 => length: u32,
        /// Bytes of each number.
        NFTA_BYTEORDER_SIZE = 5 => size: u32,
    }
}
