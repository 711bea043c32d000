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

/// What is written for a value of a setting.
trait Number: Copy {
    fn number(self) -> u32;

    /// The value that a number stands for, as the host file has it.
    fn written(number: u32) -> Option<Json>;
}

impl Number for bool {
    fn number(self) -> u32 {
        self.into()
    }

    fn written(number: u32) -> Option<Json> {
        (number <= 1).then(|| (number == 1).into())
    }
}

impl Number for u8 {
    fn number(self) -> u32 {
        self.into()
    }

    fn written(number: u32) -> Option<Json> {
        (number <= 255).then(|| number.into())
    }
}

macro_rules! numbered {
    ($($type:ident { $($variant:ident = $number:literal),* })*) => {$(
        impl Number for $type {
            fn number(self) -> u32 {
                match self { $( $type::$variant => $number, )* }
            }

            fn written(number: u32) -> Option<Json> {
                match number { $( $number => Some($type::$variant.word()), )* _ => None }
            }
        }
    )*};
}

trait Word {
    fn word(self) -> Json;
}

macro_rules! word {
    ($($type:ident)*) => {$(
        impl Word for $type {
            fn word(self) -> Json {
                self.as_str().into()
            }
        }
    )*};
}

word! { RpFilter Privacy AddressGeneration }

impl Word for AcceptRa {
    fn word(self) -> Json {
        match self {
            AcceptRa::No => false.into(),
            AcceptRa::Yes => true.into(),
            AcceptRa::Always => "always".into(),
        }
    }
}

/// The value of a setting's file in the words of the host file, where it can be declared.
pub(crate) fn setting_in_words(ipv6: bool, file: &str, value: &str) -> Option<Json> {
    let number = value.trim().parse().ok()?;
    if ipv6 { Ipv6Settings::in_words(file, number) } else { Ipv4Settings::in_words(file, number) }
}

numbered! {
    RpFilter { Off = 0, Strict = 1, Loose = 2 }
    AcceptRa { No = 0, Yes = 1, Always = 2 }
    Privacy { Off = 0, On = 1, Prefer = 2 }
    AddressGeneration { Eui64 = 0, None = 1, StablePrivacy = 2, Random = 3 }
}

/// Declares settings of links: each row is a key of the host file, and the file below `net/FAMILY/conf/LINK`.
macro_rules! settings {
    (
        $(#[doc = $doc:literal])*
        pub struct $Name:ident as $noun:literal {
            $( $(#[doc = $key_doc:literal])* $key:literal => $field:ident: $ty:ty $(as $codec:ty)? => $sysctl:literal, )*
        }
    ) => {
        section! {
            $(#[doc = $doc])*
            pub struct $Name as $noun {
                $( $(#[doc = $key_doc])* optional $key => $field: $ty $(as $codec)?, )*
            }
        }

        impl $Name {
            /// The files of all settings of the table.
            pub const SYSCTLS: &'static [&'static str] = &[$( $sysctl ),*];

            /// Each setting with the name of its file.
            pub(crate) const NAMES: &'static [(&'static str, &'static str)] = &[$( ($key, $sysctl) ),*];

            /// The value of a file in the words of the host file.
            fn in_words(file: &str, number: u32) -> Option<Json> {
                match file { $( $sysctl => <$ty as Number>::written(number), )* _ => None }
            }

            /// Each setting that is set: its key, its file, and what is written there.
            #[must_use]
            pub fn declared(&self) -> Vec<(&'static str, &'static str, u32)> {
                let all = [$( ($key, $sysctl, self.$field.map(Number::number)) ),*];
                all.into_iter().filter_map(|(key, file, value)| Some((key, file, value?))).collect()
            }
        }
    };
}

settings! {
    /// What a link does with IPv4 (`net.ipv4.conf.LINK`). What is not set is left as it is.
    pub struct Ipv4Settings as "a link's ipv4 settings" {
        /// Whether packets from this link are passed on.
        "forwarding" => forwarding: bool => "forwarding",
        /// The check of a packet's source. The kernel takes the stricter of this and the setting for all links.
        "rp-filter" => rp_filter: RpFilter => "rp_filter",
        /// Whether the link answers ARP requests for addresses that the host reaches through other links.
        "proxy-arp" => proxy_arp: bool => "proxy_arp",
        /// Whether packets from one of the host's own addresses are taken in.
        "accept-local" => accept_local: bool => "accept_local",
        /// Which ARP requests are answered: 0 for any local address, 1 for the link's own, up to 8.
        "arp-ignore" => arp_ignore: u8 as Between<0, 8> => "arp_ignore",
        /// Which source an ARP request has: 0 any local address, 1 one of the target's subnet if possible, 2
        /// the best.
        "arp-announce" => arp_announce: u8 as Between<0, 2> => "arp_announce",
        /// Whether ARP is answered only if the route to the asker goes through the link.
        "arp-filter" => arp_filter: bool => "arp_filter",
        /// Whether ICMP redirects are believed.
        "accept-redirects" => accept_redirects: bool => "accept_redirects",
        /// Whether ICMP redirects are sent.
        "send-redirects" => send_redirects: bool => "send_redirects",
        /// Whether packets with source routes are taken in.
        "accept-source-route" => accept_source_route: bool => "accept_source_route",
        /// Whether 127.0.0.0/8 may be routed over the link.
        "route-localnet" => route_localnet: bool => "route_localnet",
        /// Whether packets with impossible addresses are logged.
        "log-martians" => log_martians: bool => "log_martians",
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

settings! {
    /// What a link does with IPv6 (`net.ipv6.conf.LINK`). What is not set is left as it is.
    pub struct Ipv6Settings as "a link's ipv6 settings" {
        /// Whether IPv6 is off on the link.
        "disable" => disable: bool => "disable_ipv6",
        /// Whether packets from this link are passed on.
        "forwarding" => forwarding: bool => "forwarding",
        /// Whether router advertisements are accepted: true, false, or "always" (while forwarding too).
        "accept-ra" => accept_ra: AcceptRa => "accept_ra",
        /// Whether addresses are made from the prefixes that routers advertise.
        "autoconf" => autoconf: bool => "autoconf",
        /// Whether temporary addresses are made.
        "privacy" => privacy: Privacy => "use_tempaddr",
        /// How the lower half of the link's own addresses is made.
        "address-generation" => address_generation: AddressGeneration => "addr_gen_mode",
        /// Whether a new address is first checked for another host that has it.
        "duplicate-address-detection" => duplicate_address_detection: bool => "accept_dad",
        /// Whether the link answers for the neighbours declared with `proxy`.
        "proxy-ndp" => proxy_ndp: bool => "proxy_ndp",
        /// Whether ICMPv6 redirects are believed.
        "accept-redirects" => accept_redirects: bool => "accept_redirects",
        /// Whether packets with routing headers are taken in.
        "accept-source-route" => accept_source_route: bool => "accept_source_route",
        /// The hop limit of packets that the host sends.
        "hop-limit" => hop_limit: u8 as Between<1, 255> => "hop_limit",
    }
}
