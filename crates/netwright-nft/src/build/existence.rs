//! Whether a packet has an extension header or an option, or the routing table an entry for it.

use super::Invalid;
use crate::ir::{Exthdr, Fib, Selector};
use crate::table::key::{self, KeyKind};
use crate::table::{ExtensionBase, HeaderId};

/// Something that is there or not: see [`Rule::exists`](super::Rule::exists) and [`Rule::missing`](super::Rule::missing).
#[derive(Clone, Copy, Debug)]
pub struct Existence(What);

#[derive(Clone, Copy, Debug)]
enum What {
    /// An extension header, option or chunk that has a name.
    Header(HeaderId),
    /// An option by its number.
    Option(ExtensionBase, u8),
    /// An entry of the routing table; what is looked up (`NFTA_FIB_F_*`).
    Route(u32),
}

impl Existence {
    /// The hop-by-hop options of IPv6.
    pub const HBH: Existence = Existence(What::Header(HeaderId::HopByHop));
    /// The routing header of IPv6.
    pub const ROUTING: Existence = Existence(What::Header(HeaderId::Routing));
    /// The fragment header of IPv6.
    pub const FRAG: Existence = Existence(What::Header(HeaderId::Fragment));
    /// The destination options of IPv6.
    pub const DST: Existence = Existence(What::Header(HeaderId::DestinationOptions));
    /// The mobility header of IPv6.
    pub const MH: Existence = Existence(What::Header(HeaderId::Mobility));
    /// TCP's maximum segment size.
    pub const TCP_MAXSEG: Existence = Existence(What::Header(HeaderId::TcpMaxseg));
    /// TCP's window scale.
    pub const TCP_WINDOW: Existence = Existence(What::Header(HeaderId::TcpWindow));
    /// TCP's permission of selective acknowledgements.
    pub const TCP_SACK_PERMITTED: Existence = Existence(What::Header(HeaderId::TcpSackPermitted));
    /// TCP's timestamps.
    pub const TCP_TIMESTAMP: Existence = Existence(What::Header(HeaderId::TcpTimestamp));
    /// TCP's MD5 signature.
    pub const TCP_MD5SIG: Existence = Existence(What::Header(HeaderId::TcpMd5));
    /// Multipath TCP.
    pub const TCP_MPTCP: Existence = Existence(What::Header(HeaderId::TcpMptcp));
    /// TCP fast open.
    pub const TCP_FASTOPEN: Existence = Existence(What::Header(HeaderId::TcpFastOpen));
    /// The loose source route of IPv4.
    pub const IP_LSRR: Existence = Existence(What::Header(HeaderId::IpLooseSourceRoute));
    /// The recorded route of IPv4.
    pub const IP_RR: Existence = Existence(What::Header(HeaderId::IpRecordRoute));
    /// The strict source route of IPv4.
    pub const IP_SSRR: Existence = Existence(What::Header(HeaderId::IpStrictSourceRoute));
    /// The router alert of IPv4.
    pub const IP_RA: Existence = Existence(What::Header(HeaderId::IpRouterAlert));

    /// An option of TCP by its kind.
    #[must_use]
    pub const fn tcp_option(kind: u8) -> Self {
        Existence(What::Option(ExtensionBase::TCP, kind))
    }

    /// An option of DCCP by its type.
    #[must_use]
    pub const fn dccp_option(kind: u8) -> Self {
        Existence(What::Option(ExtensionBase::DCCP, kind))
    }

    /// An entry of the routing table.
    pub(super) const fn route(flags: u32) -> Self {
        Existence(What::Route(flags))
    }

    /// What is loaded.
    pub(super) fn selector(self) -> Result<Selector, Invalid> {
        let none = || Invalid::new(format!("whether {:?} is there cannot be asked", self.0));
        match self.0 {
            What::Header(id) => {
                let header = id.header();
                let extension = header.extension.filter(|extension| extension.testable).ok_or_else(none)?;
                let (base, number) = (extension.base, extension.number);
                Ok(Selector::Exthdr(Exthdr { base, number, header: Some(header), field: None, raw: None }))
            }
            What::Option(base, number) => {
                Ok(Selector::Exthdr(Exthdr { base, number, header: None, field: None, raw: None }))
            }
            What::Route(flags) => {
                let key = key::by_name(KeyKind::Fib, "oif").ok_or_else(none)?;
                Ok(Selector::Fib(Fib { flags, key, present: true }))
            }
        }
    }

    /// The number of an option of TCP.
    pub(super) fn tcp_kind(self) -> Option<u8> {
        match self.0 {
            What::Header(id) => id
                .header()
                .extension
                .filter(|extension| extension.base == ExtensionBase::TCP)
                .map(|extension| extension.number),
            What::Option(ExtensionBase::TCP, kind) => Some(kind),
            What::Option(..) | What::Route(_) => None,
        }
    }
}
