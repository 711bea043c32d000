//! Constants with their types.

use std::fmt;
use std::ops::Deref;

use crate::table::DataType;

/// Up to 16 bytes without an allocation, longer ones with one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Inline(u8, [u8; 16]),
    Heap(Box<[u8]>),
}

impl Bytes {
    /// Copies bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut inline = [0; 16];
        match inline.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Bytes(Repr::Inline(bytes.len() as u8, inline))
            }
            None => Bytes(Repr::Heap(bytes.into())),
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Repr::Heap(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Bytes::new(bytes)
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    /// What it is.
    pub data_type: DataType,
    /// How many bits it has in its place: a field of a header may be narrower than its type.
    pub bits: u32,
    /// The bytes, most significant first, `bits` rounded up to bytes; a string is cut at its end, without a NUL.
    pub bytes: Bytes,
}

impl Value {
    /// A number of a type, in as many bytes as `bits` need.
    #[must_use]
    pub fn number(data_type: DataType, bits: u32, number: u128) -> Self {
        let bytes = number.to_be_bytes();
        let length = (bits.div_ceil(8) as usize).min(bytes.len());
        Value { data_type, bits, bytes: Bytes::new(&bytes[bytes.len() - length..]) }
    }

    /// The value as a number, where it has at most 128 bits.
    #[must_use]
    pub fn as_number(&self) -> Option<u128> {
        (self.bytes.len() <= 16).then(|| self.bytes.iter().fold(0, |sum, &byte| sum << 8 | u128::from(byte)))
    }
}
