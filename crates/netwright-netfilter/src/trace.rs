//! Traces: what the rules did with a packet that is marked for it. Listen in [`group::NFTRACE`](crate::group::NFTRACE).

use netwright_wire::{Big, Malformed, Message, Value};

use crate::item::lacks;
use crate::{Family, MessageKind, NetfilterHeader, Verdict, VerdictAttrs};

netwright_wire::open_enum! {
    /// What a trace tells of (`enum nft_trace_types`).
    pub struct TraceKind(u32) {
        /// A base chain's policy decided.
        POLICY = 1 "policy",
        /// A chain ended, and the one that jumped into it goes on.
        RETURN = 2 "return",
        /// A rule matched.
        RULE = 3 "rule",
    }
}

netwright_wire::attrs! {
    /// Attributes of a trace (`enum nft_trace_attributes`).
    pub struct TraceAttrs, TraceView: Big {
        NFTA_TRACE_TABLE = 1 => table: String,
        NFTA_TRACE_CHAIN = 2 => chain: String,
        NFTA_TRACE_RULE_HANDLE = 3 => rule: u64,
        NFTA_TRACE_TYPE = 4 => kind: TraceKind,
        NFTA_TRACE_VERDICT = 5 => verdict: VerdictAttrs,
        /// The packet's number, the same in all its traces.
        NFTA_TRACE_ID = 6 => id: u32,
        NFTA_TRACE_LL_HEADER = 7 => link_header: Vec<u8>,
        NFTA_TRACE_NETWORK_HEADER = 8 => network_header: Vec<u8>,
        NFTA_TRACE_TRANSPORT_HEADER = 9 => transport_header: Vec<u8>,
        /// Index of the input interface.
        NFTA_TRACE_IIF = 10 => input: u32,
        /// Hardware type of the input interface.
        NFTA_TRACE_IIFTYPE = 11 => input_type: u16,
        /// Index of the output interface.
        NFTA_TRACE_OIF = 12 => output: u32,
        /// Hardware type of the output interface.
        NFTA_TRACE_OIFTYPE = 13 => output_type: u16,
        NFTA_TRACE_MARK = 14 => mark: u32,
        /// Number of the packet's [`Family`].
        NFTA_TRACE_NFPROTO = 15 => protocol: u32,
        NFTA_TRACE_POLICY = 16 => policy: Verdict,
        /// The connection's number.
        NFTA_TRACE_CT_ID = 18 => ct_id: u32,
        NFTA_TRACE_CT_DIRECTION = 19 => ct_direction: u8,
        NFTA_TRACE_CT_STATUS = 20 => ct_status: u32,
        NFTA_TRACE_CT_STATE = 21 => ct_state: u32,
    }
}

/// One step of a packet's way through the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Family of the table.
    pub family: Family,
    /// The packet's number, the same in all its traces.
    pub id: u32,
    /// What it tells of.
    pub kind: TraceKind,
    /// Table.
    pub table: String,
    /// Chain.
    pub chain: String,
    /// Handle of the rule that matched.
    pub rule: Option<u64>,
    /// What the rule said.
    pub verdict: Option<VerdictAttrs>,
    /// What the policy said.
    pub policy: Option<Verdict>,
    /// The packet's mark.
    pub mark: Option<u32>,
    /// The packet's family.
    pub protocol: Option<Family>,
    /// Index of the input interface.
    pub input: Option<u32>,
    /// Index of the output interface.
    pub output: Option<u32>,
    /// What connection tracking thinks of the packet, as bits (`NF_CT_STATE_*`); only where the kernel tells it (6.17).
    pub state: Option<u32>,
    /// Start of the link layer header; headers come with a packet's first trace.
    pub link_header: Vec<u8>,
    /// Start of the network header.
    pub network_header: Vec<u8>,
    /// Start of the transport header.
    pub transport_header: Vec<u8>,
}

impl Trace {
    /// Reads a trace; `None` where the message is something else.
    pub fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        if MessageKind::of(message) != Some(MessageKind::TRACE) {
            return Ok(None);
        }
        let (header, bytes) = NetfilterHeader::split(message)?;
        let attributes = TraceAttrs::read::<Big>(bytes)?;
        Ok(Some(Trace {
            family: header.family,
            id: attributes.id.ok_or(lacks("the number of a trace"))?,
            kind: attributes.kind.ok_or(lacks("the kind of a trace"))?,
            table: attributes.table.unwrap_or_default(),
            chain: attributes.chain.unwrap_or_default(),
            rule: attributes.rule,
            verdict: attributes.verdict,
            policy: attributes.policy,
            mark: attributes.mark,
            protocol: attributes.protocol.and_then(|number| u8::try_from(number).ok()).map(Family),
            input: attributes.input,
            output: attributes.output,
            state: attributes.ct_state,
            link_header: attributes.link_header.unwrap_or_default(),
            network_header: attributes.network_header.unwrap_or_default(),
            transport_header: attributes.transport_header.unwrap_or_default(),
        }))
    }
}
