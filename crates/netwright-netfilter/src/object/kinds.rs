//! The kinds of objects that are no expressions as well.

use netwright_wire::{Attributes, Big, ByteOrder, Malformed, Native, Value, Writer};

use crate::BareText;

/// A number in the machine's byte order among numbers in network byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NativeU32(pub u32);

impl Value for NativeU32 {
    type View<'a> = Self;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        u32::view::<Native>(payload).map(NativeU32)
    }

    fn own(view: Self) -> Result<Self, Malformed> {
        Ok(view)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        self.0.write::<Native>(writer);
    }
}

/// Timeouts in seconds by the number of a connection's state, which is the protocol's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeouts(pub Vec<(u16, u32)>);

impl Value for Timeouts {
    type View<'a> = Attributes<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Attributes<'_>, Malformed> {
        Ok(Attributes::new(payload))
    }

    fn own(view: Attributes<'_>) -> Result<Self, Malformed> {
        let timeout =
            |attribute: netwright_wire::Attribute<'_>| Ok((attribute.kind, attribute.big::<u32>()?));
        view.map(|attribute| timeout(attribute?)).collect::<Result<_, _>>().map(Timeouts)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for (state, seconds) in &self.0 {
            writer.attribute::<Big, u32>(*state, seconds);
        }
    }
}

netwright_wire::attrs! {
    /// A helper of connection tracking (`enum nft_ct_helper_attributes`).
    pub struct CtHelperAttrs, CtHelperView: Big {
        NFTA_CT_HELPER_NAME = 1 => name: BareText,
        /// Number of a [`Family`](crate::Family).
        NFTA_CT_HELPER_L3PROTO = 2 => l3_protocol: u16,
        /// Number of an IP protocol.
        NFTA_CT_HELPER_L4PROTO = 3 => l4_protocol: u8,
    }

    /// Timeouts of connection tracking (`enum nft_ct_timeout_timeout_attributes`).
    pub struct CtTimeoutAttrs, CtTimeoutView: Big {
        /// Number of a [`Family`](crate::Family).
        NFTA_CT_TIMEOUT_L3PROTO = 1 => l3_protocol: u16,
        /// Number of an IP protocol.
        NFTA_CT_TIMEOUT_L4PROTO = 2 => l4_protocol: u8,
        /// Seconds by state.
        NFTA_CT_TIMEOUT_DATA = 3 => timeouts: Timeouts,
    }

    /// An expected connection (`enum nft_ct_expectation_attributes`).
    pub struct CtExpectationAttrs, CtExpectationView: Big {
        /// Number of a [`Family`](crate::Family).
        NFTA_CT_EXPECT_L3PROTO = 1 => l3_protocol: u16,
        /// Number of an IP protocol.
        NFTA_CT_EXPECT_L4PROTO = 2 => l4_protocol: u8,
        NFTA_CT_EXPECT_DPORT = 3 => destination_port: u16,
        /// Milliseconds; the kernel wants them in the machine's byte order.
        NFTA_CT_EXPECT_TIMEOUT = 4 => timeout: NativeU32,
        /// How many there may be at once.
        NFTA_CT_EXPECT_SIZE = 5 => size: u8,
    }

    /// A security context (`enum nft_secmark_attributes`).
    pub struct SecmarkAttrs, SecmarkView: Big {
        NFTA_SECMARK_CTX = 1 => context: String,
    }
}
