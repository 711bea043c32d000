//! The kernel's settings of an interface or of all of IPv4 and IPv6 (`/proc/sys/net/ipv4`, `/proc/sys/net/ipv6`;
//! `Documentation/networking/ip-sysctl.rst` explains each at length), with the type of each value.
//!
//! ```
//! use netwright_route::settings::{Of, ipv4};
//!
//! assert_eq!(ipv4::FORWARDING.path(Of::Interface("eth0")), ["ipv4", "conf", "eth0", "forwarding"]);
//! assert_eq!(ipv4::FORWARDING.text(&true)?, "1");
//! assert_eq!(ipv4::FORWARDING.value("1")?, true);
//! # Ok::<(), netwright_route::settings::OutOfRange>(())
//! ```

use std::fmt;
use std::marker::PhantomData;

use crate::link::AddressGeneration;

mod known;

pub use known::{KEYS, ipv4, ipv4_neighbour, ipv6, ipv6_neighbour};

/// Whose setting is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of<'a> {
    /// Of all interfaces at once. What that means differs: forwarding is set on each; the highest of this and the
    /// interface's own `rp_filter` holds; `accept_redirects` needs both where the host forwards.
    All,
    /// Of interfaces that are made from now on.
    Default,
    /// Of one interface.
    Interface(&'a str),
}

impl<'a> Of<'a> {
    /// The directory's name.
    #[must_use]
    pub fn directory(self) -> &'a str {
        match self {
            Of::All => "all",
            Of::Default => "default",
            Of::Interface(name) => name,
        }
    }
}

/// A setting as the table has it, whatever its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// `ipv4` or `ipv6`.
    pub family: &'static str,
    /// `conf` or `neigh`.
    pub group: &'static str,
    /// The file's name.
    pub name: &'static str,
    /// Smallest value.
    pub minimum: i64,
    /// Largest value.
    pub maximum: i64,
    /// What it does.
    pub summary: &'static str,
}

impl Key {
    /// The setting with this name among those of a family, such as `rp_filter` of `ipv4`.
    #[must_use]
    pub fn find(family: &str, name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.family == family && key.name == name)
    }

    /// Its path's components below `/proc/sys/net`.
    #[must_use]
    pub fn path<'a>(&self, of: Of<'a>) -> [&'a str; 4] {
        [self.family, self.group, of.directory(), self.name]
    }

    /// Checks that a value is in the range.
    pub fn check(&self, value: i64) -> Result<i64, OutOfRange> {
        if (self.minimum..=self.maximum).contains(&value) {
            return Ok(value);
        }
        Err(OutOfRange { key: *self, value: value.to_string() })
    }

    /// Reads a value as the file has it.
    pub fn number(&self, text: &str) -> Result<i64, OutOfRange> {
        let text = text.trim();
        text.parse().map_err(|_| OutOfRange { key: *self, value: text.to_owned() })
    }
}

/// A setting with the type of its value.
#[derive(Clone, Copy, Debug)]
pub struct Setting<T> {
    /// The setting.
    pub key: Key,
    pub(crate) value: PhantomData<fn() -> T>,
}

impl<T: SettingValue> Setting<T> {
    /// Its path's components below `/proc/sys/net`.
    #[must_use]
    pub fn path<'a>(&self, of: Of<'a>) -> [&'a str; 4] {
        self.key.path(of)
    }

    /// A value as the file takes it.
    pub fn text(&self, value: &T) -> Result<String, OutOfRange> {
        self.key.check(value.number()).map(|number| number.to_string())
    }

    /// A value as the file has it. One that is out of the range that may be written is read all the same, where the
    /// type can hold it.
    pub fn value(&self, text: &str) -> Result<T, OutOfRange> {
        let number = self.key.number(text)?;
        T::from_number(number).ok_or_else(|| OutOfRange { key: self.key, value: text.trim().to_owned() })
    }
}

/// A type that a setting's value can have.
pub trait SettingValue: Sized {
    /// The number that stands for it.
    fn number(&self) -> i64;
    /// What a number stands for.
    fn from_number(number: i64) -> Option<Self>;
}

/// Zero is off, everything else is on.
impl SettingValue for bool {
    fn number(&self) -> i64 {
        i64::from(*self)
    }

    fn from_number(number: i64) -> Option<Self> {
        Some(number != 0)
    }
}

impl SettingValue for i32 {
    fn number(&self) -> i64 {
        i64::from(*self)
    }

    fn from_number(number: i64) -> Option<Self> {
        number.try_into().ok()
    }
}

macro_rules! choices {
    ($($type:ident),*) => {$(
        impl SettingValue for $type {
            fn number(&self) -> i64 {
                i64::from(self.0)
            }

            fn from_number(number: i64) -> Option<Self> {
                number.try_into().ok().map($type)
            }
        }
    )*};
}

netwright_wire::open_enum! {
    /// Whether the source of a packet is checked (`rp_filter`, RFC 3704).
    pub struct ReversePathFilter(u8) {
        /// Not.
        OFF = 0 "off",
        /// The way back must lead over the same interface.
        STRICT = 1 "strict",
        /// There must be a way back over any interface.
        LOOSE = 2 "loose",
    }

    /// Which ARP requests are answered (`arp_ignore`).
    pub struct ArpIgnore(u8) {
        /// For every address of the host.
        ANY = 0 "any",
        /// For addresses of the interface.
        INTERFACE = 1 "interface",
        /// For addresses of the interface in the sender's network.
        NETWORK = 2 "network",
        /// Not for addresses of host scope.
        NOT_HOST_SCOPE = 3 "not-host-scope",
        /// For none.
        NONE = 8 "none",
    }

    /// Which source address ARP requests have (`arp_announce`).
    pub struct ArpAnnounce(u8) {
        /// Any.
        ANY = 0 "any",
        /// One in the target's network, where there is one.
        PREFER_NETWORK = 1 "prefer-network",
        /// The best for the target.
        BEST = 2 "best",
    }

    /// Whether router advertisements are accepted (`accept_ra`).
    pub struct AcceptAdvertisements(u8) {
        /// Not.
        NEVER = 0 "never",
        /// Unless the host forwards.
        UNLESS_FORWARDING = 1 "unless-forwarding",
        /// Always.
        ALWAYS = 2 "always",
    }

    /// What happens when an address is found to be a duplicate (`accept_dad`).
    pub struct DuplicateDetection(u8) {
        /// Nothing is looked for.
        OFF = 0 "off",
        /// The address is not used.
        ON = 1 "on",
        /// IPv6 is disabled where it is the link-local address of the hardware address.
        DISABLE = 2 "disable",
    }

    /// Whether temporary addresses are made and used (`use_tempaddr`).
    pub struct TemporaryAddresses(i8) {
        /// Not, on interfaces without a link layer.
        POINT_TO_POINT_OFF = -1 "point-to-point-off",
        /// Not.
        OFF = 0 "off",
        /// Made.
        MADE = 1 "made",
        /// Made and preferred.
        PREFERRED = 2 "preferred",
    }
}

choices!(
    ReversePathFilter,
    ArpIgnore,
    ArpAnnounce,
    AcceptAdvertisements,
    DuplicateDetection,
    TemporaryAddresses,
    AddressGeneration
);

/// A value that a setting does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The setting.
    pub key: Key,
    /// The value.
    pub value: String,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { family, group, name, minimum, maximum, .. } = self.key;
        write!(
            f,
            "`{}` is not a value of the setting net.{family}.{group}.*.{name}, which is a number from {minimum} to {maximum}",
            self.value
        )
    }
}

impl std::error::Error for OutOfRange {}

#[cfg(test)]
mod tests;
