//! The flags of the interface, by the values that libnftables(3) gives them. Others are kept and mean nothing.

use bitflags::bitflags;
use netwright::nft::{Debug, PrintOptions};

bitflags! {
    /// `NFT_CTX_INPUT_*`
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Input: u32 {
        const NO_DNS = 1 << 0;
        const JSON = 1 << 1;
        const _ = !0;
    }

    /// `NFT_CTX_OUTPUT_*`
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Output: u32 {
        const REVERSEDNS = 1 << 0;
        const SERVICE = 1 << 1;
        const STATELESS = 1 << 2;
        const HANDLE = 1 << 3;
        const JSON = 1 << 4;
        const ECHO = 1 << 5;
        const GUID = 1 << 6;
        const NUMERIC_PROTO = 1 << 7;
        const NUMERIC_PRIO = 1 << 8;
        const NUMERIC_SYMBOL = 1 << 9;
        const NUMERIC_TIME = 1 << 10;
        const TERSE = 1 << 11;
        const _ = !0;
    }

    /// `NFT_DEBUG_*`
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct DebugLevel: u32 {
        const NETLINK = 0x8;
        const MNL = 0x10;
        const _ = !0;
    }
}

impl Output {
    pub(crate) fn options(self, zone: netwright_nft::table::Zone) -> PrintOptions {
        PrintOptions {
            numeric_priority: self.contains(Output::NUMERIC_PRIO),
            numeric_protocol: self.contains(Output::NUMERIC_PROTO),
            numeric_symbol: self.contains(Output::NUMERIC_SYMBOL),
            numeric_time: self.contains(Output::NUMERIC_TIME),
            service_names: self.contains(Output::SERVICE),
            guid_names: self.contains(Output::GUID),
            host_names: self.contains(Output::REVERSEDNS),
            stateless: self.contains(Output::STATELESS),
            handles: self.contains(Output::HANDLE),
            terse: self.contains(Output::TERSE),
            zone,
        }
    }
}

impl DebugLevel {
    pub(crate) fn shown(self) -> Debug {
        Debug { netlink: self.contains(DebugLevel::NETLINK), messages: self.contains(DebugLevel::MNL) }
    }
}
