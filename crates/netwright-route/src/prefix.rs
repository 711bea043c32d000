//! An address with a prefix length: a network, or an interface's address together with its network.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// `192.0.2.0/24`, `2001:db8::/32`: an address and how many of its leading bits name the network.
///
/// The host bits are kept as given, so that the type serves for an interface's address (`192.0.2.1/24`) too;
/// [`network`](Prefix::network) clears them.
///
/// ```
/// use netwright_route::prefix::Prefix;
///
/// let prefix: Prefix = "192.0.2.7/24".parse()?;
/// assert_eq!(prefix.network().to_string(), "192.0.2.0/24");
/// assert!(prefix.contains("192.0.2.200".parse().unwrap()));
/// # Ok::<(), netwright_route::prefix::PrefixError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// The address, host bits included.
    pub address: IpAddr,
    /// How many leading bits name the network: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub length: u8,
}

impl Prefix {
    /// Every IPv4 address: `0.0.0.0/0`.
    pub const ALL_IPV4: Prefix = Prefix { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), length: 0 };
    /// Every IPv6 address: `::/0`.
    pub const ALL_IPV6: Prefix = Prefix { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), length: 0 };

    /// An address with a length.
    ///
    /// # Errors
    ///
    /// The length is above 32 for IPv4 or above 128 for IPv6.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        if length > maximum_length(address) {
            return Err(PrefixError::Length { address, length: length.to_string() });
        }
        Ok(Prefix { address, length })
    }

    /// The prefix that holds one address alone.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Prefix { address, length: maximum_length(address) }
    }

    /// The same with its host bits cleared.
    #[must_use]
    pub fn network(self) -> Self {
        Prefix { address: masked(self.address, self.length), length: self.length }
    }

    /// Whether no host bit is set.
    #[must_use]
    pub fn is_network(self) -> bool {
        self.network() == self
    }

    /// Whether the prefix holds one address alone.
    #[must_use]
    pub fn is_host(self) -> bool {
        self.length >= maximum_length(self.address)
    }

    /// Whether an address lies in the network; never so for an address of the other family.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && masked(address, self.length) == masked(self.address, self.length)
    }

    /// Whether the whole of another network lies in this one.
    #[must_use]
    pub fn covers(self, other: Prefix) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// Whether the two networks share an address.
    #[must_use]
    pub fn overlaps(self, other: Prefix) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// The broadcast address of an IPv4 network that has one: its length is at most 30.
    #[must_use]
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if self.length <= 30 => {
                Some(Ipv4Addr::from_bits(address.to_bits() | !ipv4_mask(self.length)))
            }
            _ => None,
        }
    }
}

/// The length of a prefix that holds one address alone: 32 or 128.
#[must_use]
pub fn maximum_length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn ipv4_mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0)
}

fn ipv6_mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0)
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & ipv4_mask(length))),
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & ipv6_mask(length))),
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        Prefix::host(address)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.address, self.length))
    }
}

/// Reads `ADDRESS/LENGTH`; an address alone is its host prefix.
impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address_text, length_text) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr =
            address_text.parse().map_err(|_| PrefixError::Address(address_text.to_owned()))?;
        let Some(length_text) = length_text else { return Ok(Prefix::host(address)) };
        let wrong = || PrefixError::Length { address, length: length_text.to_owned() };
        let digits = !length_text.is_empty() && length_text.bytes().all(|byte| byte.is_ascii_digit());
        let length = if digits { length_text.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
        Prefix::new(address, length)
    }
}

/// Why a text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrefixError {
    /// The part before the slash is no address.
    Address(String),
    /// The part behind the slash is no length that fits the address.
    Length {
        /// The address before the slash.
        address: IpAddr,
        /// What stood behind it.
        length: String,
    },
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrefixError::Address(text) => write!(f, "`{text}` is not an IPv4 or IPv6 address"),
            PrefixError::Length { address, length } => {
                let (family, most) = if address.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
                write!(f, "`{length}` is not a prefix length: an {family} prefix has 0 to {most} bits")
            }
        }
    }
}

impl Error for PrefixError {}

#[cfg(test)]
mod tests;
