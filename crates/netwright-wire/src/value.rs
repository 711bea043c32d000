//! Types that are payloads of attributes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Attributes, ByteOrder, Malformed, Writer};

/// A type that can be the payload of an attribute.
///
/// [`Value::view`] reads it in place: numbers and addresses by value, texts and byte strings as borrows. Writing
/// appends the payload alone; [`Writer::attribute`] puts the head before it.
pub trait Value: Sized {
    /// What reading in place gives.
    type View<'a>;
    /// Whether the payload is attributes and the head says so (`NLA_F_NESTED`).
    const NESTED: bool = false;

    /// Reads a payload in place. A longer payload than the type needs is accepted, since kernels append.
    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self::View<'_>, Malformed>;

    /// Makes what was read in place the caller's own.
    fn own(view: Self::View<'_>) -> Result<Self, Malformed>;

    /// Appends the payload.
    fn write<O: ByteOrder>(&self, writer: &mut Writer);

    /// Reads a payload into an owned value.
    fn read<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        Self::own(Self::view::<O>(payload)?)
    }
}

/// Implements the parts of [`Value`] that are the same for every type that is read by value.
macro_rules! by_value {
    () => {
        type View<'a> = Self;

        fn own(view: Self) -> Result<Self, Malformed> {
            Ok(view)
        }
    };
}

/// The first `N` bytes of a payload.
fn prefix<const N: usize>(payload: &[u8], what: &'static str) -> Result<[u8; N], Malformed> {
    payload.first_chunk().copied().ok_or_else(|| Malformed::new(what, N, payload.len()))
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Value for $type {
            by_value!();

            fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
                let bytes = prefix(payload, stringify!($type))?;
                Ok(if O::BIG { <$type>::from_be_bytes(bytes) } else { <$type>::from_le_bytes(bytes) })
            }

            fn write<O: ByteOrder>(&self, writer: &mut Writer) {
                writer.push(&if O::BIG { self.to_be_bytes() } else { self.to_le_bytes() });
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

/// A flag: present or absent, without payload.
impl Value for () {
    by_value!();

    fn view<O: ByteOrder>(_: &[u8]) -> Result<Self, Malformed> {
        Ok(())
    }

    fn write<O: ByteOrder>(&self, _: &mut Writer) {}
}

/// One byte, zero or not.
impl Value for bool {
    by_value!();

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        Ok(prefix::<1>(payload, "a boolean")? != [0])
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(&[u8::from(*self)]);
    }
}

impl<const N: usize> Value for [u8; N] {
    by_value!();

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        prefix(payload, "a fixed number of bytes")
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(self);
    }
}

impl Value for Ipv4Addr {
    by_value!();

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        prefix::<4>(payload, "an IPv4 address").map(Ipv4Addr::from)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(&self.octets());
    }
}

impl Value for Ipv6Addr {
    by_value!();

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        prefix::<16>(payload, "an IPv6 address").map(Ipv6Addr::from)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(&self.octets());
    }
}

/// Four bytes are IPv4, sixteen are IPv6.
impl Value for IpAddr {
    by_value!();

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        match payload.len() {
            4 => Ipv4Addr::view::<O>(payload).map(IpAddr::V4),
            16 => Ipv6Addr::view::<O>(payload).map(IpAddr::V6),
            have => Err(Malformed::new("an IP address", 4, have)),
        }
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        match self {
            IpAddr::V4(address) => address.write::<O>(writer),
            IpAddr::V6(address) => address.write::<O>(writer),
        }
    }
}

/// A text in place: bytes up to a NUL, usually but not always UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The text, where it is UTF-8.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0))
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

/// A text that ends with a NUL on the wire. What is not UTF-8 is kept as [`crate::text`] says.
impl Value for String {
    type View<'a> = Text<'a>;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Text<'_>, Malformed> {
        let end = payload.iter().position(|&byte| byte == 0).unwrap_or(payload.len());
        Ok(Text(&payload[..end]))
    }

    fn own(view: Text<'_>) -> Result<Self, Malformed> {
        Ok(crate::text::from_bytes(view.0).into_owned())
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push_text(self);
        writer.push(&[0]);
    }
}

/// Bytes as they are.
impl Value for Vec<u8> {
    type View<'a> = &'a [u8];

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<&[u8], Malformed> {
        Ok(payload)
    }

    fn own(view: &[u8]) -> Result<Self, Malformed> {
        Ok(view.to_vec())
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(self);
    }
}

/// A type that stands in lists: a nest of attributes that are all of one type.
pub trait ListItem: Value {
    /// The type of each attribute in the list.
    const KIND: u16;
}

/// A nest of attributes of one type. The view is a walk; attributes of another type are passed over.
impl<T: ListItem> Value for Vec<T> {
    type View<'a> = Nested<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Nested<'_>, Malformed> {
        Ok(Nested { payload, big: O::BIG })
    }

    fn own(view: Nested<'_>) -> Result<Self, Malformed> {
        let mut items = Vec::new();
        for attribute in view.attributes() {
            let attribute = attribute?;
            if attribute.kind == T::KIND {
                items.push(if view.big {
                    T::read::<crate::Big>(attribute.payload)?
                } else {
                    T::read::<crate::Native>(attribute.payload)?
                });
            }
        }
        Ok(items)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for item in self {
            writer.attribute::<O, T>(T::KIND, item);
        }
    }
}

/// A payload of attributes, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nested<'a> {
    payload: &'a [u8],
    big: bool,
}

impl<'a> Nested<'a> {
    /// Walks the attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }
}

#[cfg(test)]
mod tests;
