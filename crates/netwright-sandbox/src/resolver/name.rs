//! Domain names (RFC 1035 section 3.1).

use std::hash::{Hash, Hasher};

#[cfg(test)]
mod tests;

/// The longest name on the wire, the root's zero included.
pub(super) const LONGEST: usize = 255;
/// The longest label: the two bits above tell a pointer.
pub(super) const LONGEST_LABEL: usize = 63;

/// A name as it stands on the wire, without compression, in the case that it came in. Names that differ in case only are equal.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// Labels with their lengths; the root's zero at the end.
    wire: Vec<u8>,
}

impl Default for Name {
    /// The root.
    fn default() -> Self {
        Self { wire: vec![0] }
    }
}

impl Name {
    /// The name of these labels. `None` where it is too long, or a label is empty or too long.
    pub(super) fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut wire = Vec::new();
        for label in labels {
            if label.is_empty() || label.len() > LONGEST_LABEL || wire.len() + label.len() + 2 > LONGEST {
                return None;
            }
            wire.push(u8::try_from(label.len()).ok()?);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        Some(Self { wire })
    }

    /// The name that a text writes, with or without the last dot; `None` where that is no name. Knows no escapes.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            Some(Self::default())
        } else {
            Self::from_labels(text.split('.').map(str::as_bytes))
        }
    }

    /// The same name in lower case.
    pub(super) fn in_lower_case(&self) -> Self {
        // Lengths of labels are below the letters.
        Self { wire: self.wire.to_ascii_lowercase() }
    }

    /// Its labels, the root's empty one left out.
    pub(super) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest: &[u8] = &self.wire;
        std::iter::from_fn(move || {
            let (&length, after) = rest.split_first()?;
            let (label, next) = after.split_at_checked(usize::from(length))?;
            rest = next;
            (length > 0).then_some(label)
        })
    }

    /// The bytes on the wire.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Whether it is this name or one below.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let mut rest = Some(self.wire.as_slice());
        while let Some(wire) = rest {
            if wire.eq_ignore_ascii_case(&other.wire) {
                return true;
            }
            rest = wire.split_first().and_then(|(&length, after)| match length {
                0 => None,
                _ => after.get(usize::from(length)..),
            });
        }
        false
    }

    /// In lower case with dots between the labels and none at the end; the root is `.`. A byte inside of a label that no name of a
    /// host, service or zone has, a dot above all, is written as `\` and three decimal digits, so that no pattern takes it for a border of labels.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.wire.len());
        for label in self.labels() {
            if !text.is_empty() {
                text.push('.');
            }
            for &byte in label {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'/' | b'+' | b'=' => {
                        text.push(char::from(byte.to_ascii_lowercase()));
                    }
                    _ => text.push_str(&format!("\\{byte:03}")),
                }
            }
        }
        if text.is_empty() {
            text.push('.');
        }
        text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        // Length bytes are below `A`, so that ignoring case touches no border of labels.
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in &self.wire {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}
