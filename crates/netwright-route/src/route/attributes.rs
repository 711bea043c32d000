//! The attribute tables of routes (`RTA_*`, `RTAX_*`, `linux/rtnetlink.h`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_wire::{ByteOrder, Malformed, Native, Value, Writer};

use super::multipath::Multipath;
use super::{EncapsulationKind, RouteFlags, RouterPreference};
use crate::{Family, NetworkOrder, RawNest, Table};

netwright_wire::header! {
    /// `struct rtmsg`.
    pub struct RouteHeader: Native {
        family: u8,
        /// Bits.
        destination_length: u8,
        /// Bits.
        source_length: u8,
        type_of_service: u8,
        /// The table, where it fits; else the attribute alone has it.
        table: u8,
        protocol: u8,
        scope: u8,
        kind: u8,
        flags: RouteFlags,
    }

    /// `struct rta_cacheinfo`.
    pub struct RouteCacheInfo: Native {
        references: u32,
        /// Since its last use, in hundredths of a second.
        last_use: u32,
        /// Until it expires, in hundredths of a second; 0 is never.
        expires: i32,
        /// Error number that it gives.
        error: u32,
        used: u32,
        id: u32,
        time_stamp: u32,
        time_stamp_age: u32,
    }
}

netwright_wire::attrs! {
    /// Attributes of a route (`RTA_*`).
    pub struct RouteAttrs, RouteAttrsView: Native {
        /// Destination.
        RTA_DST = 1 => destination: IpAddr,
        /// Source (IPv6 subtrees).
        RTA_SRC = 2 => source: IpAddr,
        /// Index of the link that packets come in by.
        RTA_IIF = 3 => incoming: u32,
        /// Index of the link that packets go out by.
        RTA_OIF = 4 => outgoing: u32,
        /// Gateway of the route's own family.
        RTA_GATEWAY = 5 => gateway: IpAddr,
        /// Priority, also called metric; the smallest wins.
        RTA_PRIORITY = 6 => priority: u32,
        /// Source address for packets of the host itself.
        RTA_PREFSRC = 7 => preferred_source: IpAddr,
        /// Metrics.
        RTA_METRICS = 8 => metrics: Metrics,
        /// Several ways.
        RTA_MULTIPATH = 9 => multipath: Multipath,
        /// Realms.
        RTA_FLOW = 11 => flow: u32,
        /// Times and counts of the kernel's.
        RTA_CACHEINFO = 12 => cache_info: RouteCacheInfo,
        /// Table.
        RTA_TABLE = 15 => table: Table,
        /// Mark that is looked up with.
        RTA_MARK = 16 => mark: u32,
        /// Counters of a multicast route (`struct rta_mfc_stats`).
        RTA_MFC_STATS = 17 => multicast_statistics: Vec<u8>,
        /// Gateway of another family.
        RTA_VIA = 18 => via: Via,
        /// New destination (label switching).
        RTA_NEWDST = 19 => new_destination: Vec<u8>,
        /// Router preference (IPv6).
        RTA_PREF = 20 => preference: RouterPreference,
        /// Kind of encapsulation.
        RTA_ENCAP_TYPE = 21 => encapsulation_kind: EncapsulationKind,
        /// Data of the encapsulation.
        RTA_ENCAP = 22 => encapsulation: RawNest,
        /// Seconds until it goes (IPv6).
        RTA_EXPIRES = 23 => expires: u32,
        /// User that is looked up for.
        RTA_UID = 25 => user: u32,
        /// Whether hop limits are carried over (label switching).
        RTA_TTL_PROPAGATE = 26 => ttl_propagate: bool,
        /// Protocol that is looked up for.
        RTA_IP_PROTO = 27 => ip_protocol: u8,
        /// Source port that is looked up for.
        RTA_SPORT = 28 => source_port: NetworkOrder<u16>,
        /// Destination port that is looked up for.
        RTA_DPORT = 29 => destination_port: NetworkOrder<u16>,
        /// Nexthop object.
        RTA_NH_ID = 30 => nexthop: u32,
    }

    /// Attributes of one way of several (`RTA_*` in a `struct rtnexthop`).
    pub struct NextHopAttrs, NextHopAttrsView: Native {
        /// Gateway of the route's own family.
        RTA_GATEWAY = 5 => gateway: IpAddr,
        /// Realms.
        RTA_FLOW = 11 => flow: u32,
        /// Gateway of another family.
        RTA_VIA = 18 => via: Via,
        /// New destination (label switching).
        RTA_NEWDST = 19 => new_destination: Vec<u8>,
        /// Kind of encapsulation.
        RTA_ENCAP_TYPE = 21 => encapsulation_kind: EncapsulationKind,
        /// Data of the encapsulation.
        RTA_ENCAP = 22 => encapsulation: RawNest,
    }

    /// Metrics of a route (`RTAX_*`).
    pub struct Metrics, MetricsView: Native {
        /// Metrics that the kernel may not change by what it learns.
        RTAX_LOCK = 1 => lock: MetricLocks,
        /// Largest packet, in bytes.
        RTAX_MTU = 2 => mtu: u32,
        /// Largest window to advertise, in bytes.
        RTAX_WINDOW = 3 => window: u32,
        /// Round trip time to start from, in eighths of a millisecond.
        RTAX_RTT = 4 => round_trip_time: u32,
        /// Its variance, in quarters of a millisecond.
        RTAX_RTTVAR = 5 => round_trip_variance: u32,
        /// Slow start threshold, in segments.
        RTAX_SSTHRESH = 6 => slow_start_threshold: u32,
        /// Largest congestion window, in segments; only with its lock.
        RTAX_CWND = 7 => congestion_window: u32,
        /// Segment size to advertise, in bytes.
        RTAX_ADVMSS = 8 => advertised_segment_size: u32,
        /// Reordering to start from, in segments.
        RTAX_REORDERING = 9 => reordering: u32,
        /// Hop limit of packets sent.
        RTAX_HOPLIMIT = 10 => hop_limit: u32,
        /// Congestion window to start from, in segments.
        RTAX_INITCWND = 11 => initial_congestion_window: u32,
        /// Features of TCP.
        RTAX_FEATURES = 12 => features: RouteFeatures,
        /// Smallest retransmission time, in milliseconds.
        RTAX_RTO_MIN = 13 => minimum_retransmission_time: u32,
        /// Receive window to start from, in segments.
        RTAX_INITRWND = 14 => initial_receive_window: u32,
        /// Whether acknowledgements are sent at once.
        RTAX_QUICKACK = 15 => quick_acknowledgement: u32,
        /// Congestion control algorithm.
        RTAX_CC_ALGO = 16 => congestion_control: String,
        /// Fast open without a cookie.
        RTAX_FASTOPEN_NO_COOKIE = 17 => fast_open_without_cookie: u32,
    }
}

netwright_wire::open_flags! {
    /// Metrics that are locked: bits by the metrics' numbers.
    pub struct MetricLocks(u32) {
        /// Largest packet.
        MTU = 1 << 2,
        /// Largest window.
        WINDOW = 1 << 3,
        /// Round trip time.
        ROUND_TRIP_TIME = 1 << 4,
        /// Its variance.
        ROUND_TRIP_VARIANCE = 1 << 5,
        /// Slow start threshold.
        SLOW_START_THRESHOLD = 1 << 6,
        /// Congestion window.
        CONGESTION_WINDOW = 1 << 7,
        /// Segment size to advertise.
        ADVERTISED_SEGMENT_SIZE = 1 << 8,
        /// Reordering.
        REORDERING = 1 << 9,
        /// Hop limit.
        HOP_LIMIT = 1 << 10,
        /// Smallest retransmission time.
        MINIMUM_RETRANSMISSION_TIME = 1 << 13,
    }

    /// `RTAX_FEATURE_*`
    pub struct RouteFeatures(u32) {
        /// Explicit congestion notification.
        ECN = 1,
        /// Selective acknowledgement; without effect.
        SACK = 1 << 1,
        /// Time stamps; without effect.
        TIMESTAMP = 1 << 2,
        /// Fragments all; without effect.
        #[doc(alias = "RTAX_FEATURE_ALLFRAG")]
        ALL_FRAGMENTS = 1 << 3,
    }
}

/// A gateway with its family (`struct rtvia`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The family.
    pub family: u16,
    /// The address in that family.
    pub address: Vec<u8>,
}

/// A [`Via`] read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViaView<'a> {
    /// The family.
    pub family: u16,
    /// The address in that family.
    pub address: &'a [u8],
}

impl ViaView<'_> {
    /// The IP address, where it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match Family(u8::try_from(self.family).ok()?) {
            Family::IPV4 => Ipv4Addr::view::<Native>(self.address).ok().map(IpAddr::V4),
            Family::IPV6 => Ipv6Addr::view::<Native>(self.address).ok().map(IpAddr::V6),
            _ => None,
        }
    }
}

impl Via {
    /// The IP address, where it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        ViaView { family: self.family, address: &self.address }.ip()
    }
}

impl From<IpAddr> for Via {
    fn from(address: IpAddr) -> Self {
        let family = Family::of(address).0.into();
        let address = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        Via { family, address }
    }
}

impl Value for Via {
    type View<'a> = ViaView<'a>;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<ViaView<'_>, Malformed> {
        Ok(ViaView { family: u16::view::<Native>(payload)?, address: payload.get(2..).unwrap_or(&[]) })
    }

    fn own(view: ViaView<'_>) -> Result<Self, Malformed> {
        Ok(Via { family: view.family, address: view.address.to_vec() })
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        self.family.write::<Native>(writer);
        writer.push(&self.address);
    }
}
