//! Link-layer addresses: the six bytes of Ethernet, and those of other lengths.

use std::fmt;
use std::str::FromStr;

use netwright_wire::{ByteOrder, Malformed, Value, Writer};

/// The longest that a device has (`MAX_ADDR_LEN`).
const LONGEST: usize = 32;

/// A link-layer address of up to 32 bytes: 6 for Ethernet, 4 or 16 for tunnels over IP, 20 for InfiniBand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HardwareAddress {
    bytes: [u8; LONGEST],
    length: u8,
}

impl HardwareAddress {
    /// An address of these bytes; `None` where there are more than 32.
    #[must_use]
    pub fn new(address: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..address.len())?.copy_from_slice(address);
        Some(HardwareAddress { bytes, length: address.len() as u8 })
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }

    /// The six bytes of an Ethernet address, where it is one.
    #[must_use]
    pub fn ethernet(&self) -> Option<[u8; 6]> {
        self.as_bytes().try_into().ok()
    }
}

impl From<[u8; 6]> for HardwareAddress {
    fn from(address: [u8; 6]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[..6].copy_from_slice(&address);
        HardwareAddress { bytes, length: 6 }
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.as_bytes().iter().enumerate() {
            let colon = if position == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads two hexadecimal digits per byte with a colon or a hyphen between: `02:00:5e:10:00:01`.
impl FromStr for HardwareAddress {
    type Err = HardwareAddressError;

    fn from_str(text: &str) -> Result<Self, HardwareAddressError> {
        let wrong = || HardwareAddressError(text.to_owned());
        let mut bytes = Vec::with_capacity(6);
        for part in text.split([':', '-']) {
            if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            bytes.push(u8::from_str_radix(part, 16).map_err(|_| wrong())?);
        }
        HardwareAddress::new(&bytes).ok_or_else(wrong)
    }
}

/// The text is not a link-layer address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareAddressError(
    /// The text.
    pub String,
);

impl fmt::Display for HardwareAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a hardware address such as 02:00:5e:10:00:01", self.0)
    }
}

impl std::error::Error for HardwareAddressError {}

impl Value for HardwareAddress {
    type View<'a> = Self;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        HardwareAddress::new(payload)
            .ok_or_else(|| Malformed::new("a hardware address, which at the most", LONGEST, payload.len()))
    }

    fn own(view: Self) -> Result<Self, Malformed> {
        Ok(view)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(self.as_bytes());
    }
}

#[cfg(test)]
mod tests;
