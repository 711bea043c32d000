//! The structs of extensions, by offset.

use std::net::{Ipv4Addr, Ipv6Addr};

use netwright_netfilter::Family;

/// The bytes of a struct.
#[derive(Clone, Copy, Debug)]
pub(super) struct Info<'a>(&'a [u8]);

impl<'a> Info<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Info(bytes)
    }

    pub(super) fn bytes(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes(at, N)?.try_into().ok()
    }

    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_ne_bytes)
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_ne_bytes)
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_ne_bytes)
    }

    /// An `unsigned long`.
    pub(super) fn long(self, at: usize) -> Option<u64> {
        match size_of::<usize>() {
            8 => self.u64(at),
            _ => self.u32(at).map(u64::from),
        }
    }

    /// In network order.
    pub(super) fn be16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// A text that ends at a zero, or fills its place; `None` where quotes cannot hold it.
    pub(super) fn text(self, at: usize, length: usize) -> Option<&'a str> {
        let bytes = self.bytes(at, length)?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
        (!text.contains(['"', '\n', '\\', '$'])).then_some(text)
    }

    /// The address in a `union nf_inet_addr`.
    pub(super) fn address(self, at: usize, family: Family) -> Option<String> {
        Some(match family {
            Family::IPV6 => Ipv6Addr::from(self.array::<16>(at)?).to_string(),
            _ => Ipv4Addr::from(self.array::<4>(at)?).to_string(),
        })
    }

    /// An address with its mask, which must be a prefix; `None` as text where it says nothing.
    pub(super) fn network(self, at: usize, mask: usize, family: Family) -> Option<String> {
        let bytes = if family == Family::IPV6 { 16 } else { 4 };
        let mask = self.bytes(mask, bytes)?;
        let length: u32 = mask.iter().map(|byte| byte.leading_ones()).take_while(|&ones| ones > 0).sum();
        let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
        let whole = mask.iter().skip(length as usize / 8 + 1).all(|&byte| byte == 0);
        if ones != length || !whole {
            return None;
        }
        let address = self.address(at, family)?;
        Some(if length as usize == bytes * 8 { address } else { format!("{address}/{length}") })
    }

    /// An Ethernet address.
    pub(super) fn ethernet(self, at: usize) -> Option<String> {
        let bytes: [u8; 6] = self.array(at)?;
        let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(parts.join(":"))
    }
}
