//! Which link is meant.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use netwright_wire::text;

/// The longest name of a link, without its NUL (`IFNAMSIZ - 1`).
pub(crate) const LONGEST_NAME: usize = 15;

/// A link by its index, with its name where it is known, for messages.
///
/// Two are equal when their indexes are: a name can change, and what comes from the kernel mostly has none.
#[derive(Clone, Copy, Default)]
pub struct LinkId {
    /// Index, from 1 on; 0 is no link.
    pub index: u32,
    name: [u8; LONGEST_NAME],
    name_length: u8,
}

impl LinkId {
    /// A link whose name is not known.
    #[must_use]
    pub fn new(index: u32) -> Self {
        LinkId { index, ..LinkId::default() }
    }

    /// A link with its name. A name of more than 15 bytes is none and left out.
    #[must_use]
    pub fn named(index: u32, name: &str) -> Self {
        LinkId::with_bytes(index, &text::to_bytes(name))
    }

    /// A link with its name as the kernel has it.
    pub(crate) fn with_bytes(index: u32, name: &[u8]) -> Self {
        let mut id = LinkId::new(index);
        if let Some(place) = id.name.get_mut(..name.len()) {
            place.copy_from_slice(name);
            id.name_length = name.len() as u8;
        }
        id
    }

    /// Its name, where it is known. Bytes that are not UTF-8 are there as in all texts of the kernel ([`text`]).
    #[must_use]
    pub fn name(&self) -> Option<Cow<'_, str>> {
        let name = self.name.get(..usize::from(self.name_length)).filter(|name| !name.is_empty());
        name.map(text::from_bytes)
    }
}

impl From<u32> for LinkId {
    fn from(index: u32) -> Self {
        LinkId::new(index)
    }
}

impl From<&LinkId> for LinkId {
    fn from(link: &LinkId) -> Self {
        *link
    }
}

impl PartialEq for LinkId {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl Eq for LinkId {}

impl PartialOrd for LinkId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LinkId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.index.cmp(&other.index)
    }
}

impl Hash for LinkId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}

/// Its name; `if7` where only the index is known.
impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(&name),
            None => write!(f, "if{}", self.index),
        }
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkId({}, {self})", self.index)
    }
}

#[cfg(test)]
mod tests;
