use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The hardware address of an Ethernet link, in the order of transmission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Whether it names a group of stations (or all), not one.
    #[must_use]
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        f.pad(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"))
    }
}

/// Reads six bytes in hexadecimal with colons or hyphens between them.
impl FromStr for MacAddress {
    type Err = NotAMacAddress;

    fn from_str(text: &str) -> Result<Self, NotAMacAddress> {
        let wrong = || NotAMacAddress(text.to_owned());
        let mut parts = text.split([':', '-']);
        let mut bytes = [0; 6];
        for byte in &mut bytes {
            let digits = parts.next().filter(|part| matches!(part.len(), 1 | 2)).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() || text.contains('+') {
            return Err(wrong());
        }
        Ok(MacAddress(bytes))
    }
}

/// The text is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAMacAddress(pub String);

impl fmt::Display for NotAMacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a MAC address such as 02:00:00:00:00:01", self.0)
    }
}

impl Error for NotAMacAddress {}
