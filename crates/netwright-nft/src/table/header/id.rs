//! Which header.

use super::{EXTENSIONS, ExtensionBase, HEADERS, Header, extension, rows};

macro_rules! header_ids {
    ($( $(#[$doc:meta])* $id:ident, )*) => {
        /// A header of the language: a protocol header, an extension header, an option or a chunk.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum HeaderId {
            $( $(#[$doc])* $id, )*
        }
    };
}

header_ids! {
    /// Authentication header.
    Ah,
    /// Encapsulating security payload.
    Esp,
    /// IP payload compression.
    Comp,
    /// ICMP.
    Icmp,
    /// IGMP.
    Igmp,
    /// UDP.
    Udp,
    /// UDP-Lite.
    Udplite,
    /// TCP.
    Tcp,
    /// DCCP.
    Dccp,
    /// SCTP.
    Sctp,
    /// Any transport protocol with ports.
    Th,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// ICMPv6.
    Icmpv6,
    /// ARP.
    Arp,
    /// 802.1Q and 802.1ad tags.
    Vlan,
    /// Ethernet.
    Ether,
    /// VXLAN.
    Vxlan,
    /// Geneve.
    Geneve,
    /// GRE.
    Gre,
    /// GRE that carries Ethernet.
    Gretap,
    /// IPv6 hop-by-hop options.
    HopByHop,
    /// IPv6 routing header.
    Routing,
    /// IPv6 routing header of type 0.
    Routing0,
    /// IPv6 routing header of type 2.
    Routing2,
    /// IPv6 segment routing header (type 4).
    SegmentRouting,
    /// IPv6 fragment header.
    Fragment,
    /// IPv6 destination options.
    DestinationOptions,
    /// IPv6 mobility header.
    Mobility,
    /// TCP option: end of the list.
    TcpEol,
    /// TCP option: padding.
    TcpNop,
    /// TCP option: maximum segment size.
    TcpMaxseg,
    /// TCP option: window scale.
    TcpWindow,
    /// TCP option: selective acknowledgements permitted.
    TcpSackPermitted,
    /// TCP option: selective acknowledgements, first block.
    TcpSack,
    /// TCP option: selective acknowledgements, second block.
    TcpSack1,
    /// TCP option: selective acknowledgements, third block.
    TcpSack2,
    /// TCP option: selective acknowledgements, fourth block.
    TcpSack3,
    /// TCP option: timestamps.
    TcpTimestamp,
    /// TCP option: MD5 signature.
    TcpMd5,
    /// TCP option: multipath TCP.
    TcpMptcp,
    /// TCP option: fast open.
    TcpFastOpen,
    /// IP option: loose source route.
    IpLooseSourceRoute,
    /// IP option: record route.
    IpRecordRoute,
    /// IP option: strict source route.
    IpStrictSourceRoute,
    /// IP option: router alert.
    IpRouterAlert,
    /// SCTP chunk: data.
    SctpData,
    /// SCTP chunk: init.
    SctpInit,
    /// SCTP chunk: init-ack.
    SctpInitAck,
    /// SCTP chunk: sack.
    SctpSack,
    /// SCTP chunk: heartbeat.
    SctpHeartbeat,
    /// SCTP chunk: heartbeat-ack.
    SctpHeartbeatAck,
    /// SCTP chunk: abort.
    SctpAbort,
    /// SCTP chunk: shutdown.
    SctpShutdown,
    /// SCTP chunk: shutdown-ack.
    SctpShutdownAck,
    /// SCTP chunk: error.
    SctpError,
    /// SCTP chunk: cookie-echo.
    SctpCookieEcho,
    /// SCTP chunk: cookie-ack.
    SctpCookieAck,
    /// SCTP chunk: ecne.
    SctpEcne,
    /// SCTP chunk: cwr.
    SctpCwr,
    /// SCTP chunk: shutdown-complete.
    SctpShutdownComplete,
    /// SCTP chunk: asconf-ack.
    SctpAsconfAck,
    /// SCTP chunk: forward-tsn.
    SctpForwardTsn,
    /// SCTP chunk: asconf.
    SctpAsconf,
}

impl HeaderId {
    /// The row of this header.
    #[must_use]
    pub fn header(self) -> &'static Header {
        rows::header(self).or_else(|| extension::header(self)).unwrap_or(&rows::NONE)
    }

    /// The name as written.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.header().name
    }

    /// The protocol header with this name (extension headers and options: [`HeaderId::by_extension_name`]).
    #[must_use]
    pub fn by_name(name: &str) -> Option<HeaderId> {
        HEADERS.iter().find(|header| header.name == name).map(|header| header.id)
    }

    /// The protocol header with this number in the `typeof` note of a set's userdata.
    #[must_use]
    pub fn by_userdata_number(number: u32) -> Option<HeaderId> {
        HEADERS.iter().find(|header| header.userdata_number == number).map(|header| header.id)
    }

    /// The header that this EtherType announces.
    #[must_use]
    pub fn by_ether_type(ether_type: u16) -> Option<HeaderId> {
        HEADERS.iter().find(|header| header.ether_types.contains(&ether_type)).map(|header| header.id)
    }

    /// The header that this IP protocol number announces (`gretap` shares the number of `gre`).
    #[must_use]
    pub fn by_ip_protocol(protocol: u8) -> Option<HeaderId> {
        HEADERS.iter().find(|header| header.ip_protocol == Some(protocol)).map(|header| header.id)
    }

    /// The header that this `NFPROTO_*` number stands for.
    #[must_use]
    pub fn by_nfproto(nfproto: u8) -> Option<HeaderId> {
        HEADERS.iter().find(|header| header.nfproto == Some(nfproto)).map(|header| header.id)
    }

    /// The extension header, option or chunk with this name.
    #[must_use]
    pub fn by_extension_name(base: ExtensionBase, name: &str) -> Option<HeaderId> {
        extensions(base)
            .find(|(header, extension)| header.name == name || extension.aliases.contains(&name))
            .map(|(header, _)| header.id)
    }

    /// The extension headers, options or chunks with this number: the IPv6 routing headers share one, as do the
    /// blocks of the selective acknowledgement.
    pub fn by_extension_number(base: ExtensionBase, number: u8) -> impl Iterator<Item = HeaderId> {
        extensions(base).filter(move |(_, extension)| extension.number == number).map(|(header, _)| header.id)
    }

    /// The extension header, option or chunk with this number in the `typeof` note of a set's userdata.
    #[must_use]
    pub fn by_extension_userdata_number(base: ExtensionBase, number: u32) -> Option<HeaderId> {
        extensions(base).find(|(header, _)| header.userdata_number == number).map(|(header, _)| header.id)
    }
}

/// The extension headers, options or chunks of one kind.
fn extensions(base: ExtensionBase) -> impl Iterator<Item = (&'static Header, super::Extension)> {
    EXTENSIONS
        .iter()
        .filter_map(|header| Some((header, header.extension?)))
        .filter(move |(_, e)| e.base == base)
}
