//! Expressions that keep state; elements and objects carry them too.

netwright_wire::open_enum! {
    /// What a limit counts (`enum nft_limit_type`).
    pub struct LimitKind(u32) {
        #[doc(alias = "NFT_LIMIT_PKTS")]
        PACKETS = 0 "packets",
        #[doc(alias = "NFT_LIMIT_PKT_BYTES")]
        BYTES = 1 "bytes",
    }
}

netwright_wire::open_flags! {
    /// Flags of `limit` (`enum nft_limit_flags`).
    pub struct LimitFlags(u32) {
        /// Goes on above the rate.
        #[doc(alias = "NFT_LIMIT_F_INV")]
        INVERTED = 1,
    }

    /// Flags of `quota` (`enum nft_quota_flags`).
    pub struct QuotaFlags(u32) {
        /// Goes on when it is used up.
        #[doc(alias = "NFT_QUOTA_F_INV")]
        INVERTED = 1,
        /// It is used up.
        DEPLETED = 2,
    }

    /// Flags of `connlimit` (`enum nft_connlimit_flags`).
    pub struct ConnectionLimitFlags(u32) {
        /// Goes on above the number.
        #[doc(alias = "NFT_CONNLIMIT_F_INV")]
        INVERTED = 1,
    }
}

netwright_wire::attrs! {
    /// `limit` (`enum nft_limit_attributes`).
    pub struct LimitAttrs, LimitView: Big {
        /// Packets or bytes per unit.
        NFTA_LIMIT_RATE = 1 => rate: u64,
        /// Seconds.
        NFTA_LIMIT_UNIT = 2 => unit: u64,
        /// Packets or bytes above the rate at once.
        NFTA_LIMIT_BURST = 3 => burst: u32,
        NFTA_LIMIT_TYPE = 4 => kind: LimitKind,
        NFTA_LIMIT_FLAGS = 5 => flags: LimitFlags,
    }

    /// `counter` (`enum nft_counter_attributes`).
    pub struct CounterAttrs, CounterView: Big {
        NFTA_COUNTER_BYTES = 1 => byte_count: u64,
        NFTA_COUNTER_PACKETS = 2 => packets: u64,
    }

    /// `quota` (`enum nft_quota_attributes`).
    pub struct QuotaAttrs, QuotaView: Big {
        NFTA_QUOTA_BYTES = 1 => byte_count: u64,
        /// Bytes used so far.
        NFTA_QUOTA_CONSUMED = 4 => consumed: u64,
        NFTA_QUOTA_FLAGS = 2 => flags: QuotaFlags,
    }

    /// `connlimit` (`enum nft_connlimit_attributes`).
    pub struct ConnectionLimitAttrs, ConnectionLimitView: Big {
        NFTA_CONNLIMIT_COUNT = 1 => count: u32,
        NFTA_CONNLIMIT_FLAGS = 2 => flags: ConnectionLimitFlags,
    }

    /// `last` (`enum nft_last_attributes`).
    pub struct LastAttrs, LastView: Big {
        /// Milliseconds since it was reached.
        NFTA_LAST_MSECS = 2 => milliseconds: u64,
        /// Whether it was ever reached.
        NFTA_LAST_SET = 1 => set: u32,
    }
}
