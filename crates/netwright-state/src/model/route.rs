use std::net::IpAddr;

use netwright_route::prefix::Prefix;
use serde_json::{Value as Json, json};

use super::Family;
use crate::scalar::{Between, InterfaceName, Network};
use crate::schema::Definitions;
use crate::section::{Decode, Reader, numbers, section, tables, words};
use crate::tree::{Node, Value};

numbers! {
    /// A routing table.
    pub struct Table(u32) as "routing table", from 1 {
        /// The table of last resort.
        DEFAULT = 253 "default",
        /// The table of ordinary routes.
        MAIN = 254 "main",
        /// The kernel's table of the host's own addresses.
        LOCAL = 255 "local",
    }
}

numbers! {
    /// Who made a route.
    pub struct Protocol(u8) as "routing protocol", from 1 {
        /// An ICMP redirect.
        REDIRECT = 1 "redirect",
        /// The kernel.
        KERNEL = 2 "kernel",
        /// Somebody at start-up; what `ip route` gives.
        BOOT = 3 "boot",
        /// The administrator.
        STATIC = 4 "static",
        /// A router advertisement.
        RA = 9 "ra",
        /// DHCP.
        DHCP = 16 "dhcp",
    }
}

numbers! {
    /// How far something is valid.
    pub struct Scope(u8) as "scope", from 0 {
        /// Everywhere.
        GLOBAL = 0 "global",
        /// In the site.
        SITE = 200 "site",
        /// On the link.
        LINK = 253 "link",
        /// On the host.
        HOST = 254 "host",
    }
}

words! {
    /// What a route does with a packet.
    pub enum RouteType as "route type" {
        /// Sends it on.
        Unicast = "unicast",
        /// Takes it in.
        Local = "local",
        /// Drops it without a word.
        Blackhole = "blackhole",
        /// Answers that the host cannot be reached.
        Unreachable = "unreachable",
        /// Answers that it is forbidden.
        Prohibit = "prohibit",
        /// Looks on in the next table.
        Throw = "throw",
        /// Takes it in as broadcast.
        Broadcast = "broadcast",
        /// Anycast.
        Anycast = "anycast",
        /// Multicast.
        Multicast = "multicast",
    }
}

impl RouteType {
    /// Whether such a route says where to send packets, so that it needs a device or gateway.
    #[must_use]
    pub fn needs_device(self) -> bool {
        matches!(self, RouteType::Unicast | RouteType::Multicast)
    }
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Destination {
    /// To every address of the route's family.
    #[default]
    Default,
    /// To a network.
    To(Prefix),
}

impl Decode for Destination {
    type Value = Destination;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Destination> {
        match &node.value {
            Value::String(word) if word == "default" => Some(Destination::Default),
            _ => Network::decode(node, reader).map(Destination::To),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["default", "192.0.2.0/24", "2001:db8::/32"] })
    }
}

section! {
    /// A route.
    pub struct Route as "a route" {
        /// The network that it leads to, or "default".
        required "to" => to: Destination,
        /// The gateway. An IPv4 route may have an IPv6 one.
        optional "via" => via: IpAddr,
        /// The link. May be left out where the gateway lies on a network of a declared link.
        optional "dev" => dev: String as InterfaceName,
        /// The family of a default route without a gateway.
        optional "family" => family: Family,
        /// The routing table, by number or as "main", "local" or "default"; main when not set.
        optional "table" => table: Table,
        /// Of several routes to the same network, that with the least metric is used.
        optional "metric" => metric: u32,
        /// What it does with a packet.
        defaulted "type" => kind: RouteType = RouteType::Unicast,
        /// How far the destination is.
        optional "scope" => scope: Scope,
        /// The source address for packets of the host's own.
        optional "source" => source: IpAddr,
        /// Whether the gateway is on the link even where no address of the link says so.
        defaulted "onlink" => onlink: bool,
        /// Who made it; netwright's number, 157, when not set.
        optional "protocol" => protocol: Protocol,
        /// Whether it takes the place of somebody else's route to the same network with the same metric.
        defaulted "adopt" => adopt: bool,
        /// Several ways, used by weight, in place of `via` and `dev`.
        list "nexthops" => nexthops: Nexthop,
        /// The largest packet on the way, in bytes.
        optional "mtu" => mtu: u32 as Between<68, 2147483647>,
        /// The largest TCP segment to announce, in bytes.
        optional "advmss" => advmss: u32,
        /// The largest TCP window to announce, in bytes.
        optional "window" => window: u32,
        /// Segments that TCP sends before the first answer.
        optional "initial-congestion-window" => initial_congestion_window: u32,
        /// Segments that TCP lets the other side send at first.
        optional "initial-receive-window" => initial_receive_window: u32,
        /// The hop limit of packets of the host's own.
        optional "hop-limit" => hop_limit: u8 as Between<1, 255>,
        /// Whether TCP acknowledges at once.
        optional "quick-ack" => quick_ack: bool,
    }
}

section! {
    /// One of several ways of a route.
    pub struct Nexthop as "a nexthop" {
        /// The gateway.
        optional "via" => via: IpAddr,
        /// The link.
        optional "dev" => dev: String as InterfaceName,
        /// Its share among the ways, 1 when not set.
        optional "weight" => weight: u16 as Between<1, 256>,
        /// Whether the gateway is on the link even where no address of the link says so.
        defaulted "onlink" => onlink: bool,
    }
}

tables! { Route Nexthop }

impl Route {
    /// The family, where the route tells it.
    #[must_use]
    pub fn known_family(&self) -> Option<Family> {
        if let Destination::To(prefix) = self.to {
            return Some(Family::of(prefix.address));
        }
        let hop = || self.nexthops.iter().find_map(|hop| hop.via);
        let told = || self.via.or_else(hop).or(self.source).map(Family::of);
        self.family.or_else(told)
    }

    /// The network that it leads to; a default route without a family is one of IPv4.
    #[must_use]
    pub fn destination(&self) -> Prefix {
        match (self.to, self.known_family()) {
            (Destination::To(prefix), _) => prefix,
            (Destination::Default, Some(Family::Ipv6)) => Prefix::ALL_IPV6,
            (Destination::Default, _) => Prefix::ALL_IPV4,
        }
    }

    /// Device and gateway of each way, be it one or several.
    pub fn hops(&self) -> impl Iterator<Item = (Option<&str>, Option<IpAddr>)> {
        let single = self.nexthops.is_empty().then_some((self.dev.as_deref(), self.via));
        single.into_iter().chain(self.nexthops.iter().map(|hop| (hop.dev.as_deref(), hop.via)))
    }
}
