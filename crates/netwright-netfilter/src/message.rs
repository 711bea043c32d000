//! Messages of nf_tables: the fixed head, the types, the groups of listeners.

use netwright_wire::{Big, ByteOrder, Malformed, Message, Value, Writer};

use crate::Family;

/// Subsystems of nfnetlink (`NFNL_SUBSYS_*`), the upper byte of a message's type.
pub mod subsystem {
    /// Connection tracking.
    pub const CONNTRACK: u16 = 1;
    /// Packets that rules log to listeners (`NFNL_SUBSYS_ULOG`).
    pub const LOG: u16 = 4;
    /// nf_tables.
    pub const NFTABLES: u16 = 10;
    /// What sits at the hooks.
    pub const HOOK: u16 = 12;
}

/// Groups of listeners (`NFNLGRP_*`).
pub mod group {
    /// New connections.
    pub const CONNTRACK_NEW: u32 = 1;
    /// Changed connections.
    pub const CONNTRACK_UPDATE: u32 = 2;
    /// Ended connections.
    pub const CONNTRACK_DESTROY: u32 = 3;
    /// Changes of the ruleset.
    pub const NFTABLES: u32 = 7;
    /// Packets that are being traced.
    pub const NFTRACE: u32 = 9;
}

/// Types of messages that are not of a subsystem.
pub mod control {
    /// Start of a batch (`NFNL_MSG_BATCH_BEGIN`).
    pub const BATCH_BEGIN: u16 = 0x10;
    /// End of a batch (`NFNL_MSG_BATCH_END`).
    pub const BATCH_END: u16 = 0x11;
}

netwright_wire::open_enum! {
    /// What an nf_tables message is (`enum nf_tables_msg_types`), the lower byte of its type.
    pub struct MessageKind(u8) {
        NEW_TABLE = 0 "new table",
        GET_TABLE = 1 "get table",
        #[doc(alias = "NFT_MSG_DELTABLE")]
        DELETE_TABLE = 2 "delete table",
        NEW_CHAIN = 3 "new chain",
        GET_CHAIN = 4 "get chain",
        #[doc(alias = "NFT_MSG_DELCHAIN")]
        DELETE_CHAIN = 5 "delete chain",
        NEW_RULE = 6 "new rule",
        GET_RULE = 7 "get rule",
        #[doc(alias = "NFT_MSG_DELRULE")]
        DELETE_RULE = 8 "delete rule",
        NEW_SET = 9 "new set",
        GET_SET = 10 "get set",
        #[doc(alias = "NFT_MSG_DELSET")]
        DELETE_SET = 11 "delete set",
        #[doc(alias = "NFT_MSG_NEWSETELEM")]
        NEW_ELEMENTS = 12 "new elements",
        #[doc(alias = "NFT_MSG_GETSETELEM")]
        GET_ELEMENTS = 13 "get elements",
        #[doc(alias = "NFT_MSG_DELSETELEM")]
        DELETE_ELEMENTS = 14 "delete elements",
        #[doc(alias = "NFT_MSG_NEWGEN")]
        NEW_GENERATION = 15 "new generation",
        #[doc(alias = "NFT_MSG_GETGEN")]
        GET_GENERATION = 16 "get generation",
        TRACE = 17 "trace",
        #[doc(alias = "NFT_MSG_NEWOBJ")]
        NEW_OBJECT = 18 "new object",
        #[doc(alias = "NFT_MSG_GETOBJ")]
        GET_OBJECT = 19 "get object",
        #[doc(alias = "NFT_MSG_DELOBJ")]
        DELETE_OBJECT = 20 "delete object",
        #[doc(alias = "NFT_MSG_GETOBJ_RESET")]
        GET_OBJECT_RESET = 21 "get object and reset it",
        NEW_FLOWTABLE = 22 "new flowtable",
        GET_FLOWTABLE = 23 "get flowtable",
        #[doc(alias = "NFT_MSG_DELFLOWTABLE")]
        DELETE_FLOWTABLE = 24 "delete flowtable",
        GET_RULE_RESET = 25 "get rule and reset it",
        DESTROY_TABLE = 26 "destroy table", DESTROY_CHAIN = 27 "destroy chain", DESTROY_RULE = 28 "destroy rule",
        DESTROY_SET = 29 "destroy set",
        #[doc(alias = "NFT_MSG_DESTROYSETELEM")]
        DESTROY_ELEMENTS = 30 "destroy elements",
        #[doc(alias = "NFT_MSG_DESTROYOBJ")]
        DESTROY_OBJECT = 31 "destroy object",
        DESTROY_FLOWTABLE = 32 "destroy flowtable",
        #[doc(alias = "NFT_MSG_GETSETELEM_RESET")]
        GET_ELEMENTS_RESET = 33 "get elements and reset them",
    }
}

impl MessageKind {
    /// The message's type as it stands in its head.
    #[must_use]
    pub const fn number(self) -> u16 {
        subsystem::NFTABLES << 8 | self.0 as u16
    }

    /// What a message is; `None` where it is not of nf_tables.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Option<MessageKind> {
        let [subsystem, kind] = message.header.kind.to_be_bytes();
        (u16::from(subsystem) == subsystem::NFTABLES).then_some(MessageKind(kind))
    }
}

/// The fixed head of messages of nfnetlink (`struct nfgenmsg`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetfilterHeader {
    /// Family of the table.
    pub family: Family,
    /// Version of the protocol, 0.
    pub version: u8,
    /// In a batch's begin the subsystem, in answers the lower 16 bits of the generation.
    pub resource: u16,
}

impl NetfilterHeader {
    /// Its size in bytes.
    pub const SIZE: usize = 4;

    /// The head of a request about a family.
    #[must_use]
    pub fn new(family: Family) -> Self {
        NetfilterHeader { family, ..Default::default() }
    }

    /// The head and the attributes behind it.
    pub fn split<'a>(message: &Message<'a>) -> Result<(Self, &'a [u8]), Malformed> {
        Ok((message.fixed()?, message.bytes_after(Self::SIZE)))
    }
}

impl Value for NetfilterHeader {
    type View<'a> = Self;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        match *payload {
            [family, version, r0, r1, ..] => Ok(NetfilterHeader {
                family: Family(family),
                version,
                resource: u16::from_be_bytes([r0, r1]),
            }),
            _ => Err(Malformed::new("the head of a netfilter message", Self::SIZE, payload.len())),
        }
    }

    fn own(view: Self) -> Result<Self, Malformed> {
        Ok(view)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        let [r0, r1] = self.resource.to_be_bytes();
        writer.push(&[self.family.0, self.version, r0, r1]);
    }
}

netwright_wire::attrs! {
    /// Attributes of the ruleset's generation (`enum nft_gen_attributes`).
    pub struct GenerationAttrs, GenerationView: Big {
        /// Number that every committed batch raises.
        NFTA_GEN_ID = 1 => id: u32,
        /// Process that committed.
        NFTA_GEN_PROC_PID = 2 => process: u32,
        /// Its name.
        NFTA_GEN_PROC_NAME = 3 => process_name: String,
    }
}

/// The ruleset's generation: which batch was the last, and whose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Number that every committed batch raises.
    pub id: u32,
    /// Process that committed, as the kernel says it; in answers to a query the asking one.
    pub process: Option<u32>,
    /// Its name.
    pub process_name: Option<String>,
}

impl Generation {
    /// Reads a message of the kind [`MessageKind::NEW_GENERATION`].
    pub fn read(message: &Message<'_>) -> Result<Self, Malformed> {
        let (_, bytes) = NetfilterHeader::split(message)?;
        let GenerationAttrs { id, process, process_name, .. } = GenerationAttrs::read::<Big>(bytes)?;
        let id = id.ok_or(Malformed::new("the ruleset's generation", 4, 0))?;
        Ok(Generation { id, process, process_name })
    }
}
