//! Texts of the kernel as strings, without loss.
//!
//! What the kernel keeps as a name or comment is bytes, usually UTF-8. Bytes that are none become characters at the very end of
//! the last private plane, one for each, and are these bytes again where the text is written.

use std::borrow::Cow;

/// The character of the byte 0: only those from `0x80` on are used.
const FIRST: u32 = 0x10_ff00;
/// The byte that all characters of that plane begin with in UTF-8.
const LEAD: u8 = 0xf4;

/// The byte that a character stands for.
fn byte_of(character: char) -> Option<u8> {
    u8::try_from(u32::from(character).checked_sub(FIRST)?).ok().filter(|byte| *byte >= 0x80)
}

/// The text of some bytes.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if !bytes.contains(&LEAD)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    let stand_in =
        |byte: &u8| char::from_u32(FIRST + u32::from(*byte)).unwrap_or(char::REPLACEMENT_CHARACTER);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match byte_of(character) {
                // The character itself, which would else come back as one byte.
                Some(_) => text.extend(character.encode_utf8(&mut [0; 4]).as_bytes().iter().map(stand_in)),
                None => text.push(character),
            }
        }
        text.extend(chunk.invalid().iter().map(stand_in));
    }
    Cow::Owned(text)
}

/// The bytes of a text.
#[must_use]
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.as_bytes().contains(&LEAD) || !text.chars().any(|character| byte_of(character).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::{from_bytes, to_bytes};

    #[test]
    fn all_bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        let cases: [&[u8]; 6] =
            [b"eth0", "caf\u{e9} \u{10ffff}\u{10ff7f}".as_bytes(), b"caf\xe9", &all, b"\xf4\x8f\xbf", b""];
        for bytes in cases {
            assert_eq!(&*to_bytes(&from_bytes(bytes)), bytes);
        }
        assert_eq!(from_bytes("caf\u{e9}".as_bytes()), "caf\u{e9}");
    }
}
