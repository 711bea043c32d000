//! Attributes (`struct nlattr`): a walk over received ones, and what is kept of those that nobody knows.

use crate::{Big, Malformed, Native, Value, Writer};

/// Marks a payload that consists of attributes (`NLA_F_NESTED`).
pub(crate) const NESTED: u16 = 1 << 15;
/// Marks a payload in network byte order (`NLA_F_NET_BYTEORDER`).
const NET_BYTE_ORDER: u16 = 1 << 14;
/// Bytes before the payload.
pub(crate) const HEADER: usize = 4;

/// Rounds up to the alignment of messages and attributes, four bytes.
#[must_use]
pub(crate) const fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// One received attribute, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Type without its flag bits.
    pub kind: u16,
    /// Whether `NLA_F_NESTED` was set.
    pub nested: bool,
    /// The payload without padding.
    pub payload: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Reads the payload in network byte order (nf_tables).
    pub fn big<T: Value>(&self) -> Result<T::View<'a>, Malformed> {
        T::view::<Big>(self.payload)
    }

    /// Reads the payload in the machine's byte order (rtnetlink).
    pub fn native<T: Value>(&self) -> Result<T::View<'a>, Malformed> {
        T::view::<Native>(self.payload)
    }

    /// Walks the payload as attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }
}

/// A walk over attributes in a buffer; ends behind the first that does not fit, with an error.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Walks these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Attributes { rest: bytes }
    }

    /// The first attribute of this type.
    pub fn find(self, kind: u16) -> Result<Option<Attribute<'a>>, Malformed> {
        for attribute in self {
            let attribute = attribute?;
            if attribute.kind == kind {
                return Ok(Some(attribute));
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest;
        if rest.is_empty() {
            return None;
        }
        self.rest = &[];
        let [l0, l1, k0, k1, ..] = *rest else {
            return Some(Err(Malformed::new("the header of an attribute", HEADER, rest.len())));
        };
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let kind = u16::from_ne_bytes([k0, k1]);
        let Some(payload) = rest.get(HEADER..length) else {
            return Some(Err(Malformed::new("an attribute", length.max(HEADER), rest.len())));
        };
        self.rest = rest.get(align(length)..).unwrap_or(&[]);
        Some(Ok(Attribute { kind: kind & !(NESTED | NET_BYTE_ORDER), nested: kind & NESTED != 0, payload }))
    }
}

/// An attribute kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RawAttribute {
    /// Type without its flag bits.
    pub kind: u16,
    /// Whether `NLA_F_NESTED` was set.
    pub nested: bool,
    /// The payload without padding.
    pub payload: Vec<u8>,
}

/// Attributes that a struct of [`attrs!`](crate::attrs) does not know, each with the type of the known one before it,
/// so that they are written back in their place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Unknown {
    entries: Vec<(u16, RawAttribute)>,
}

impl Unknown {
    /// Keeps an attribute whose last known one before it has the type `after` (`u16::MAX`: it came first).
    pub fn keep(&mut self, after: u16, attribute: Attribute<'_>) {
        let Attribute { kind, nested, payload } = attribute;
        self.entries.push((after, RawAttribute { kind, nested, payload: payload.to_vec() }));
    }

    /// Whether everything was known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What was not known.
    pub fn iter(&self) -> impl Iterator<Item = &RawAttribute> {
        self.entries.iter().map(|(_, attribute)| attribute)
    }

    /// Writes back those that were kept behind `after`.
    pub fn write_after(&self, after: u16, writer: &mut Writer) {
        for (place, attribute) in &self.entries {
            if *place == after {
                writer.raw_attribute(attribute);
            }
        }
    }
}

/// One line of an [`attrs!`](crate::attrs) table, for dumpers, fuzzers and the check against the kernel's headers.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The attribute's type.
    pub kind: u16,
    /// The constant's name in the kernel's headers.
    pub uapi: &'static str,
    /// The field's name.
    pub field: &'static str,
}

#[cfg(test)]
mod tests;
