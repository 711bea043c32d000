//! Payloads that rtnetlink has and the wire crate does not: network order among native, numbered lists, kept nests.

use netwright_wire::{Attributes, Big, ByteOrder, Malformed, Text, Value, Writer};

/// An integer in network byte order among attributes in the machine's (`__be16`, `__be32`): ports, keys, protocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkOrder<T>(pub T);

impl<T> From<T> for NetworkOrder<T> {
    fn from(value: T) -> Self {
        NetworkOrder(value)
    }
}

impl<T: for<'a> Value<View<'a> = T>> Value for NetworkOrder<T> {
    type View<'a> = Self;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        T::view::<Big>(payload).map(NetworkOrder)
    }

    fn own(view: Self) -> Result<Self, Malformed> {
        Ok(view)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        self.0.write::<Big>(writer);
    }
}

/// Yes or no, told as a byte and taken as a flag without payload, which can only say yes (`IFLA_VXLAN_TTL_INHERIT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ToldAsByte(pub bool);

impl From<bool> for ToldAsByte {
    fn from(value: bool) -> Self {
        ToldAsByte(value)
    }
}

impl Value for ToldAsByte {
    type View<'a> = Self;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Self, Malformed> {
        Ok(ToldAsByte(payload.first() != Some(&0)))
    }

    fn own(view: Self) -> Result<Self, Malformed> {
        Ok(view)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        // no cannot be said: requests leave it out, and the kernel refuses it where one does not
        writer.push(if self.0 { &[] } else { &[0] });
    }
}

/// A nest of values whose attribute types are their positions, from 0 on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numbered<T>(pub Vec<T>);

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered(Vec::new())
    }
}

impl<T: for<'a> Value<View<'a> = T>> Value for Numbered<T> {
    type View<'a> = Attributes<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Attributes<'_>, Malformed> {
        Ok(Attributes::new(payload))
    }

    fn own(view: Attributes<'_>) -> Result<Self, Malformed> {
        view.map(|attribute| attribute?.native::<T>()).collect::<Result<_, _>>().map(Numbered)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for (position, value) in (0..=u16::MAX).zip(&self.0) {
            writer.attribute::<O, T>(position, value);
        }
    }
}

/// A text that is sent without a NUL at its end, so that an empty one has no bytes at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlainText(pub String);

impl Value for PlainText {
    type View<'a> = Text<'a>;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Text<'_>, Malformed> {
        String::view::<O>(payload)
    }

    fn own(view: Text<'_>) -> Result<Self, Malformed> {
        String::own(view).map(PlainText)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push_text(&self.0);
    }
}

/// A nest whose meaning depends on something outside it, kept byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RawNest(pub Vec<u8>);

impl RawNest {
    /// Walks its attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes::new(&self.0)
    }
}

impl Value for RawNest {
    type View<'a> = &'a [u8];
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<&[u8], Malformed> {
        Ok(payload)
    }

    fn own(view: &[u8]) -> Result<Self, Malformed> {
        Ok(RawNest(view.to_vec()))
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(&self.0);
    }
}

#[cfg(test)]
mod tests;
