//! Objects with metadata of tunnels.

use std::net::{Ipv4Addr, Ipv6Addr};

use netwright_wire::{Attributes, Big, ByteOrder, Malformed, Value, Writer};

netwright_wire::open_flags! {
    /// Flags of a tunnel's metadata (`enum nft_tunnel_flags`).
    pub struct TunnelFlags(u32) {
        /// UDP over IPv6 without checksum.
        #[doc(alias = "NFT_TUNNEL_F_ZERO_CSUM_TX")]
        ZERO_CHECKSUM = 1,
        /// Do not fragment.
        DONT_FRAGMENT = 2,
        /// With a sequence number.
        #[doc(alias = "NFT_TUNNEL_F_SEQ_NUMBER")]
        SEQUENCE_NUMBER = 4,
    }
}

netwright_wire::attrs! {
    /// Addresses of a tunnel over IPv4 (`enum nft_tunnel_key_ip_attributes`).
    pub struct TunnelIpv4Attrs, TunnelIpv4View: Big {
        NFTA_TUNNEL_KEY_IP_SRC = 1 => source: Ipv4Addr,
        NFTA_TUNNEL_KEY_IP_DST = 2 => destination: Ipv4Addr,
    }

    /// Addresses of a tunnel over IPv6 (`enum nft_tunnel_ip6_attributes`).
    pub struct TunnelIpv6Attrs, TunnelIpv6View: Big {
        NFTA_TUNNEL_KEY_IP6_SRC = 1 => source: Ipv6Addr,
        NFTA_TUNNEL_KEY_IP6_DST = 2 => destination: Ipv6Addr,
        NFTA_TUNNEL_KEY_IP6_FLOWLABEL = 3 => flow_label: u32,
    }

    /// Options of VXLAN (`enum nft_tunnel_opts_vxlan_attributes`).
    pub struct VxlanOptionAttrs, VxlanOptionView: Big {
        /// Group policy.
        NFTA_TUNNEL_KEY_VXLAN_GBP = 1 => group_policy: u32,
    }

    /// Options of ERSPAN (`enum nft_tunnel_opts_erspan_attributes`).
    pub struct ErspanOptionAttrs, ErspanOptionView: Big {
        NFTA_TUNNEL_KEY_ERSPAN_VERSION = 1 => version: u32,
        /// (version 1) Index.
        NFTA_TUNNEL_KEY_ERSPAN_V1_INDEX = 2 => index: u32,
        /// (version 2) Hardware.
        NFTA_TUNNEL_KEY_ERSPAN_V2_HWID = 3 => hardware: u8,
        /// (version 2) Direction: 0 in, 1 out.
        NFTA_TUNNEL_KEY_ERSPAN_V2_DIR = 4 => direction: u8,
    }

    /// One option of Geneve (`enum nft_tunnel_opts_geneve_attributes`).
    pub struct GeneveOptionAttrs, GeneveOptionView: Big {
        NFTA_TUNNEL_KEY_GENEVE_CLASS = 1 => class: u16,
        NFTA_TUNNEL_KEY_GENEVE_TYPE = 2 => kind: u8,
        NFTA_TUNNEL_KEY_GENEVE_DATA = 3 => data: Vec<u8>,
    }

    /// Metadata of a tunnel (`enum nft_tunnel_key_attributes`).
    pub struct TunnelKeyAttrs, TunnelKeyView: Big {
        NFTA_TUNNEL_KEY_ID = 1 => id: u32,
        NFTA_TUNNEL_KEY_IP = 2 => ipv4: TunnelIpv4Attrs,
        NFTA_TUNNEL_KEY_IP6 = 3 => ipv6: TunnelIpv6Attrs,
        NFTA_TUNNEL_KEY_SPORT = 7 => source_port: u16,
        NFTA_TUNNEL_KEY_DPORT = 8 => destination_port: u16,
        /// Type of service.
        NFTA_TUNNEL_KEY_TOS = 5 => tos: u8,
        /// Time to live, hops.
        NFTA_TUNNEL_KEY_TTL = 6 => ttl: u8,
        NFTA_TUNNEL_KEY_FLAGS = 4 => flags: TunnelFlags,
        NFTA_TUNNEL_KEY_OPTS = 9 => options: TunnelOptions,
    }
}

/// One option of a tunnel (`enum nft_tunnel_opts_attributes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelOption {
    /// VXLAN.
    Vxlan(VxlanOptionAttrs),
    /// ERSPAN.
    Erspan(ErspanOptionAttrs),
    /// Geneve; there may be several.
    Geneve(GeneveOptionAttrs),
    /// Something newer: the attribute's type and payload.
    Unknown(u16, Vec<u8>),
}

/// The options of a tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TunnelOptions(pub Vec<TunnelOption>);

const VXLAN: u16 = 1;
const ERSPAN: u16 = 2;
const GENEVE: u16 = 3;

impl Value for TunnelOptions {
    type View<'a> = Attributes<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Attributes<'_>, Malformed> {
        Ok(Attributes::new(payload))
    }

    fn own(view: Attributes<'_>) -> Result<Self, Malformed> {
        let option = |attribute: netwright_wire::Attribute<'_>| {
            Ok(match attribute.kind {
                VXLAN => TunnelOption::Vxlan(VxlanOptionAttrs::read_attributes(attribute.payload)?),
                ERSPAN => TunnelOption::Erspan(ErspanOptionAttrs::read_attributes(attribute.payload)?),
                GENEVE => TunnelOption::Geneve(GeneveOptionAttrs::read_attributes(attribute.payload)?),
                kind => TunnelOption::Unknown(kind, attribute.payload.to_vec()),
            })
        };
        view.map(|attribute| option(attribute?)).collect::<Result<_, _>>().map(TunnelOptions)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for option in &self.0 {
            match option {
                TunnelOption::Vxlan(attrs) => writer.attribute::<Big, _>(VXLAN, attrs),
                TunnelOption::Erspan(attrs) => writer.attribute::<Big, _>(ERSPAN, attrs),
                TunnelOption::Geneve(attrs) => writer.attribute::<Big, _>(GENEVE, attrs),
                TunnelOption::Unknown(kind, payload) => writer.bytes_attribute(*kind, payload),
            }
        }
    }
}
