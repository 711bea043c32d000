//! Texts.

use std::fmt;
use std::ops::Deref;

use netwright_wire::{ByteOrder, Malformed, Text, Value, Writer};

/// A text that `nft` writes without a NUL behind it; the kernel takes it either way, and writes one itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BareText(pub String);

impl Deref for BareText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BareText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: Into<String>> From<T> for BareText {
    fn from(text: T) -> Self {
        BareText(text.into())
    }
}

impl Value for BareText {
    type View<'a> = Text<'a>;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Text<'_>, Malformed> {
        String::view::<O>(payload)
    }

    fn own(view: Text<'_>) -> Result<Self, Malformed> {
        String::own(view).map(BareText)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push_text(&self.0);
    }
}
