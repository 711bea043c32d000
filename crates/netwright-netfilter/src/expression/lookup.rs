//! Expressions that use sets and objects.

use super::{Carried, Expression};
use crate::{BareText, Register};

netwright_wire::open_flags! {
    /// Flags of `lookup` (`enum nft_lookup_flags`).
    pub struct LookupFlags(u32) {
        /// Goes on where the set does not have the key.
        #[doc(alias = "NFT_LOOKUP_F_INV")]
        INVERTED = 1,
    }

    /// Flags of `dynset` (`enum nft_dynset_flags`).
    pub struct DynamicSetFlags(u32) {
        /// Goes on where it did not work.
        #[doc(alias = "NFT_DYNSET_F_INV")]
        INVERTED = 1,
        /// The expressions are given.
        #[doc(alias = "NFT_DYNSET_F_EXPR")]
        EXPRESSION = 2,
    }
}

netwright_wire::open_enum! {
    /// What is done to the set (`enum nft_dynset_ops`).
    pub struct DynamicSetOp(u32) { ADD = 0 "add", UPDATE = 1 "update", DELETE = 2 "delete" }

    /// Kinds of objects (`NFT_OBJECT_*`).
    pub struct ObjectKind(u32) {
        COUNTER = 1 "counter", QUOTA = 2 "quota", CT_HELPER = 3 "ct helper", LIMIT = 4 "limit",
        #[doc(alias = "NFT_OBJECT_CONNLIMIT")]
        CONNECTION_LIMIT = 5 "ct count",
        TUNNEL = 6 "tunnel",
        CT_TIMEOUT = 7 "ct timeout",
        SECMARK = 8 "secmark",
        #[doc(alias = "NFT_OBJECT_CT_EXPECT")]
        CT_EXPECTATION = 9 "ct expectation",
        SYNPROXY = 10 "synproxy",
    }
}

netwright_wire::attrs! {
    /// `lookup` (`enum nft_lookup_attributes`).
    pub struct LookupAttrs, LookupView: Big {
        NFTA_LOOKUP_SREG = 2 => source: Register,
        /// Where the map's data go; without it only membership counts.
        NFTA_LOOKUP_DREG = 3 => destination: Register,
        NFTA_LOOKUP_SET = 1 => set: String,
        /// The number of a set made in the same batch.
        NFTA_LOOKUP_SET_ID = 4 => set_id: u32,
        NFTA_LOOKUP_FLAGS = 5 => flags: LookupFlags,
    }

    /// `dynset` (`enum nft_dynset_attributes`).
    pub struct DynamicSetAttrs, DynamicSetView: Big {
        NFTA_DYNSET_SREG_KEY = 4 => key: Register,
        NFTA_DYNSET_SREG_DATA = 5 => data: Register,
        NFTA_DYNSET_OP = 3 => op: DynamicSetOp,
        /// Milliseconds.
        NFTA_DYNSET_TIMEOUT = 6 => timeout: u64,
        NFTA_DYNSET_SET_NAME = 1 => set: String,
        /// The number of a set made in the same batch.
        NFTA_DYNSET_SET_ID = 2 => set_id: u32,
        /// The expression of each new element, where there is one.
        NFTA_DYNSET_EXPR = 7 => expression: Box<Expression>,
        /// The expressions of each new element, where there are several.
        NFTA_DYNSET_EXPRESSIONS = 10 => expressions: Carried,
        NFTA_DYNSET_FLAGS = 9 => flags: DynamicSetFlags,
    }

    /// `objref` (`enum nft_objref_attributes`): an object by kind and name, or by what a map says.
    pub struct ObjectReferenceAttrs, ObjectReferenceView: Big {
        NFTA_OBJREF_IMM_TYPE = 1 => kind: ObjectKind,
        NFTA_OBJREF_IMM_NAME = 2 => name: BareText,
        NFTA_OBJREF_SET_SREG = 3 => source: Register,
        NFTA_OBJREF_SET_NAME = 4 => set: BareText,
        /// The number of a map made in the same batch.
        NFTA_OBJREF_SET_ID = 5 => set_id: u32,
    }
}
