//! Elements as they were received, for sets that have very many.

use netwright_wire::{Attributes, Malformed, Value as _};

use super::{Element, ElementFlags, ElementView};
use crate::Data;

/// Elements in little more than the bytes that the kernel sent: an [`Element`] has room for whatever one may have.
#[derive(Clone, Debug, Default)]
pub struct StoredElements {
    /// Each with a [`Head`] before it.
    bytes: Vec<u8>,
    /// Where the heads are, in units of [`UNIT`].
    places: Vec<u32>,
    /// Whether some have more than a key, flags, and a value that a map leads to.
    has_more: bool,
}

/// Attributes end at multiples of this.
const UNIT: usize = 4;

/// What stands before an element.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// Bytes of the element.
    length: u16,
    /// Where in it the key is.
    key_at: u16,
    /// Bytes of the key; no key has none.
    key_length: u16,
    flags: u16,
}

impl Head {
    const SIZE: usize = 8;

    fn write(self, bytes: &mut Vec<u8>) {
        for part in [self.length, self.key_at, self.key_length, self.flags] {
            bytes.extend(part.to_ne_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Self {
        let part = |at: usize| {
            let part = bytes.get(at..at + 2).and_then(|part| part.try_into().ok());
            u16::from_ne_bytes(part.unwrap_or_default())
        };
        Head { length: part(0), key_at: part(2), key_length: part(4), flags: part(6) }
    }
}

/// More than can be kept.
fn too_much(most: usize, found: usize) -> Malformed {
    Malformed::new("elements that can be kept", most, found)
}

impl StoredElements {
    const KEY: u16 = 1;
    const DATA: u16 = 2;
    const FLAGS: u16 = 3;

    /// Takes an element in.
    ///
    /// # Errors
    /// It is not what an element is, or all of them take 16 GiB.
    pub fn push(&mut self, element: ElementView<'_>) -> Result<(), Malformed> {
        let bytes = element.bytes();
        let short = |number: usize| u16::try_from(number).map_err(|_| too_much(u16::MAX.into(), number));
        let units = self.bytes.len() / UNIT;
        let place = u32::try_from(units).map_err(|_| too_much(u32::MAX as usize, units))?;
        let mut head = Head { length: short(bytes.len())?, ..Head::default() };
        let mut plain = true;
        for attribute in Attributes::new(bytes) {
            let attribute = attribute?;
            match attribute.kind {
                Self::KEY => match Data::value_alone(attribute.payload)? {
                    Some(key) => {
                        // both are of one slice, and the key lies within the element
                        let at = key.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
                        head.key_at = short(at)?;
                        head.key_length = short(key.len())?;
                    }
                    None => plain = false,
                },
                Self::DATA => plain &= Data::value_alone(attribute.payload)?.is_some(),
                Self::FLAGS => plain &= attribute.payload.len() == size_of::<u32>(),
                _ => plain = false,
            }
        }
        if !plain {
            // what is taken in can be taken out
            Element::own(element)?;
            self.has_more = true;
        }
        let flags = element.flags()?.unwrap_or_default().bits();
        // no others are asked for
        head.flags = (flags & u32::from(u16::MAX)) as u16;
        head.write(&mut self.bytes);
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(UNIT), 0);
        self.places.push(place);
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = StoredElements::default();
    }

    /// Whether some have more than a key, flags, and a value that a map leads to.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    fn at(&self, index: usize) -> (Head, &[u8]) {
        let start = self.places.get(index).map_or(usize::MAX, |place| *place as usize * UNIT);
        let bytes = self.bytes.get(start..).unwrap_or_default();
        let head = Head::read(bytes);
        let bytes = bytes.get(Head::SIZE..Head::SIZE + usize::from(head.length)).unwrap_or_default();
        (head, bytes)
    }

    /// The key of an element, by its place; `None` for a catch-all.
    #[must_use]
    pub fn key(&self, index: usize) -> Option<&[u8]> {
        let (head, bytes) = self.at(index);
        let (at, length) = (usize::from(head.key_at), usize::from(head.key_length));
        bytes.get(at..at + length).filter(|key| !key.is_empty())
    }

    /// Whether an element has a flag, by its place.
    #[must_use]
    pub fn has(&self, index: usize, flag: ElementFlags) -> bool {
        let flags = ElementFlags::from_bits_retain(self.at(index).0.flags.into());
        flags.contains(flag)
    }

    /// An element, by its place.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Element> {
        self.places.get(index)?;
        Element::own(ElementView::new(self.at(index).1)).ok()
    }

    /// All, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Element> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Whether no key comes twice.
    #[must_use]
    pub fn are_distinct(&self) -> bool {
        let mut keys: Vec<&[u8]> = (0..self.len()).filter_map(|index| self.key(index)).collect();
        keys.sort_unstable();
        keys.is_sorted_by(|one, next| one < next)
    }
}
