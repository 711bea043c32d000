use serde_json::{Value as Json, json};

use crate::scalar::Between;
use crate::schema::Definitions;
use crate::section::{Decode, Reader, decode_section, section, words};
use crate::tree::{Node, Value};

section! {
    /// Whether the host passes packets on, for each family.
    pub struct Forwarding as "forwarding" {
        /// IPv4 (`net.ipv4.ip_forward`).
        optional "ipv4" => ipv4: bool,
        /// IPv6 (`net.ipv6.conf.all.forwarding`).
        optional "ipv6" => ipv6: bool,
    }
}

impl Decode for Forwarding {
    type Value = Forwarding;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Forwarding> {
        match node.value {
            Value::Boolean(on) => {
                let place = super::Place::at(node.span);
                Some(Forwarding { ipv4: Some(on), ipv6: Some(on), place })
            }
            Value::Table(_) => decode_section(node, reader),
            _ => reader.expected(node, "true, false or a table with `ipv4` and `ipv6`"),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({ "anyOf": [{ "type": "boolean" }, crate::schema::section::<Forwarding>(definitions)] })
    }
}

words! {
    /// How the kernel checks that a packet's source would be answered through the link it came from (RFC 3704).
    pub enum RpFilter as "reverse path filter" {
        /// No check.
        Off = "off",
        /// The answer must go out through the same link.
        Strict = "strict",
        /// The answer must have some route.
        Loose = "loose",
    }
}

section! {
    /// What a link does with IPv4 (`net.ipv4.conf.LINK`). What is not set is left as it is.
    pub struct Ipv4Settings as "a link's ipv4 settings" {
        /// Whether packets from this link are passed on.
        optional "forwarding" => forwarding: bool,
        /// The check of a packet's source. The kernel takes the stricter of this and the setting for all links.
        optional "rp-filter" => rp_filter: RpFilter,
        /// Whether the link answers ARP requests for addresses that the host reaches through other links.
        optional "proxy-arp" => proxy_arp: bool,
        /// Whether packets from one of the host's own addresses are taken in.
        optional "accept-local" => accept_local: bool,
        /// Which ARP requests are answered: 0 for any local address, 1 for the link's own, up to 8.
        optional "arp-ignore" => arp_ignore: u8 as Between<0, 8>,
        /// Which source an ARP request has: 0 any local address, 1 one of the target's subnet if possible, 2
        /// the best.
        optional "arp-announce" => arp_announce: u8 as Between<0, 2>,
        /// Whether ARP is answered only if the route to the asker goes through the link.
        optional "arp-filter" => arp_filter: bool,
        /// Whether ICMP redirects are believed.
        optional "accept-redirects" => accept_redirects: bool,
        /// Whether ICMP redirects are sent.
        optional "send-redirects" => send_redirects: bool,
        /// Whether packets with source routes are taken in.
        optional "accept-source-route" => accept_source_route: bool,
        /// Whether 127.0.0.0/8 may be routed over the link.
        optional "route-localnet" => route_localnet: bool,
        /// Whether packets with impossible addresses are logged.
        optional "log-martians" => log_martians: bool,
    }
}

impl Ipv4Settings {
    /// Each setting that is set: the file name below `net/ipv4/conf/LINK/`, and what is written there.
    #[must_use]
    pub fn sysctls(&self) -> Vec<(&'static str, u32)> {
        let rp_filter = self.rp_filter.map(|mode| match mode {
            RpFilter::Off => 0,
            RpFilter::Strict => 1,
            RpFilter::Loose => 2,
        });
        set([
            ("forwarding", self.forwarding.map(u32::from)),
            ("rp_filter", rp_filter),
            ("proxy_arp", self.proxy_arp.map(u32::from)),
            ("accept_local", self.accept_local.map(u32::from)),
            ("arp_ignore", self.arp_ignore.map(u32::from)),
            ("arp_announce", self.arp_announce.map(u32::from)),
            ("arp_filter", self.arp_filter.map(u32::from)),
            ("accept_redirects", self.accept_redirects.map(u32::from)),
            ("send_redirects", self.send_redirects.map(u32::from)),
            ("accept_source_route", self.accept_source_route.map(u32::from)),
            ("route_localnet", self.route_localnet.map(u32::from)),
            ("log_martians", self.log_martians.map(u32::from)),
        ])
    }
}

/// Whether the link configures itself from router advertisements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcceptRa {
    /// It does not.
    No,
    /// It does unless it forwards.
    Yes,
    /// It does even if it forwards.
    Always,
}

impl Decode for AcceptRa {
    type Value = AcceptRa;

    fn decode(node: &Node, reader: &mut Reader) -> Option<AcceptRa> {
        match &node.value {
            Value::Boolean(false) => Some(AcceptRa::No),
            Value::Boolean(true) => Some(AcceptRa::Yes),
            Value::String(word) if word == "always" => Some(AcceptRa::Always),
            _ => reader.expected(node, "true, false or \"always\" (even while forwarding)"),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "enum": [true, false, "always"] })
    }
}

words! {
    /// Whether the link makes itself temporary addresses (RFC 8981).
    pub enum Privacy as "way of temporary addresses" {
        /// It does not.
        Off = "off",
        /// It makes them, but prefers the public address.
        On = "on",
        /// It makes them and prefers them.
        Prefer = "prefer",
    }
}

words! {
    /// How the link makes the lower half of its own addresses.
    pub enum AddressGeneration as "way of address generation" {
        /// From the MAC address.
        Eui64 = "eui64",
        /// It makes no link-local address.
        None = "none",
        /// From a secret that the host has (RFC 7217).
        StablePrivacy = "stable-privacy",
        /// From a secret made at random.
        Random = "random",
    }
}

section! {
    /// What a link does with IPv6 (`net.ipv6.conf.LINK`). What is not set is left as it is.
    pub struct Ipv6Settings as "a link's ipv6 settings" {
        /// Whether IPv6 is off on the link.
        optional "disable" => disable: bool,
        /// Whether packets from this link are passed on.
        optional "forwarding" => forwarding: bool,
        /// Whether router advertisements are accepted: true, false, or "always" (while forwarding too).
        optional "accept-ra" => accept_ra: AcceptRa,
        /// Whether addresses are made from the prefixes that routers advertise.
        optional "autoconf" => autoconf: bool,
        /// Whether temporary addresses are made.
        optional "privacy" => privacy: Privacy,
        /// How the lower half of the link's own addresses is made.
        optional "address-generation" => address_generation: AddressGeneration,
        /// Whether a new address is first checked for another host that has it.
        optional "duplicate-address-detection" => duplicate_address_detection: bool,
        /// Whether the link answers for the neighbours declared with `proxy`.
        optional "proxy-ndp" => proxy_ndp: bool,
        /// Whether ICMPv6 redirects are believed.
        optional "accept-redirects" => accept_redirects: bool,
        /// Whether packets with routing headers are taken in.
        optional "accept-source-route" => accept_source_route: bool,
        /// The hop limit of packets that the host sends.
        optional "hop-limit" => hop_limit: u8 as Between<1, 255>,
    }
}

impl Ipv6Settings {
    /// Each setting that is set: the file name below `net/ipv6/conf/LINK/`, and what is written there.
    #[must_use]
    pub fn sysctls(&self) -> Vec<(&'static str, u32)> {
        let accept_ra = self.accept_ra.map(|accept| match accept {
            AcceptRa::No => 0,
            AcceptRa::Yes => 1,
            AcceptRa::Always => 2,
        });
        let privacy = self.privacy.map(|privacy| match privacy {
            Privacy::Off => 0,
            Privacy::On => 1,
            Privacy::Prefer => 2,
        });
        let generation = self.address_generation.map(|generation| match generation {
            AddressGeneration::Eui64 => 0,
            AddressGeneration::None => 1,
            AddressGeneration::StablePrivacy => 2,
            AddressGeneration::Random => 3,
        });
        set([
            ("disable_ipv6", self.disable.map(u32::from)),
            ("forwarding", self.forwarding.map(u32::from)),
            ("accept_ra", accept_ra),
            ("autoconf", self.autoconf.map(u32::from)),
            ("use_tempaddr", privacy),
            ("addr_gen_mode", generation),
            ("accept_dad", self.duplicate_address_detection.map(u32::from)),
            ("proxy_ndp", self.proxy_ndp.map(u32::from)),
            ("accept_redirects", self.accept_redirects.map(u32::from)),
            ("accept_source_route", self.accept_source_route.map(u32::from)),
            ("hop_limit", self.hop_limit.map(u32::from)),
        ])
    }
}

fn set<const N: usize>(settings: [(&'static str, Option<u32>); N]) -> Vec<(&'static str, u32)> {
    settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
