//! One growing buffer that messages and attributes are written into, in place.

use std::fmt;

use crate::attribute::{HEADER, NESTED, align};
use crate::{ByteOrder, MessageFlags, RawAttribute, Value, message};

/// Why what was written must not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsendable {
    /// An attribute outgrew its 16-bit length field.
    TooLong {
        /// Type of the attribute.
        kind: u16,
        /// Its length in bytes with its header; at most 65535 fit.
        length: usize,
    },
    /// The parts of the object do not fit together; the kernel would take them for something else.
    Contradiction(&'static str),
    /// A text has a NUL in it. The kernel would take it to end there, and so to be another one.
    Nul {
        /// The text.
        text: String,
    },
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsendable::TooLong { kind, length } => {
                write!(f, "attribute {kind} would be {length} bytes long, and at most 65535 fit into one")
            }
            Unsendable::Contradiction(what) => f.write_str(what),
            Unsendable::Nul { text } => write!(f, "the text {text:?} has a NUL in it"),
        }
    }
}

impl std::error::Error for Unsendable {}

/// A message that is being written, from [`Writer::begin_message`].
#[derive(Debug)]
#[must_use = "a message without its end has no length"]
pub struct MessageMark(usize);

/// An attribute that is being written, from [`Writer::begin_nest`].
#[derive(Debug)]
#[must_use = "a nest without its end has no length"]
pub struct NestMark(usize);

/// Writes messages one behind the other into one buffer.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    /// The first fault, and where what it is about starts.
    fault: Option<(usize, Unsendable)>,
}

impl Writer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Writer::default()
    }

    /// What was written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fault = None;
    }

    /// Forgets everything from a length on that [`Writer::len`] gave at a message's or attribute's start, also the
    /// faults in it.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.fault.take_if(|(start, _)| *start >= length);
    }

    /// Makes room for this many more bytes at once.
    pub fn reserve(&mut self, additional: usize) {
        self.bytes.reserve(additional);
    }

    /// An error if anything was written since the last [`Writer::clear`] that must not be sent.
    pub fn check(&self) -> Result<(), Unsendable> {
        self.fault.as_ref().map_or(Ok(()), |(_, error)| Err(error.clone()))
    }

    /// Starts a message; its body follows, then [`Writer::end_message`].
    pub fn begin_message(&mut self, kind: u16, flags: MessageFlags, sequence: u32) -> MessageMark {
        let mark = MessageMark(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&flags.bits().to_ne_bytes());
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        mark
    }

    /// Ends a message: its length is known now. Padding follows, so that another message may.
    pub fn end_message(&mut self, mark: MessageMark) {
        let length = (self.bytes.len() - mark.0) as u32;
        if let Some(field) = self.bytes.get_mut(mark.0..mark.0 + 4) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
        self.align();
    }

    /// Adds flags to a message that was written before, where its header starts at `offset`.
    pub fn add_flags(&mut self, offset: usize, flags: MessageFlags) {
        message::patch_flags(&mut self.bytes, offset, flags);
    }

    /// Starts an attribute whose payload is attributes (`NLA_F_NESTED`); then [`Writer::end_nest`].
    pub fn begin_nest(&mut self, kind: u16) -> NestMark {
        self.begin_attribute(kind | NESTED)
    }

    /// Ends a nest.
    pub fn end_nest(&mut self, mark: NestMark) {
        self.end_attribute(mark);
    }

    /// How many payload bytes a nest has so far.
    #[must_use]
    pub fn nest_len(&self, mark: &NestMark) -> usize {
        self.bytes.len() - mark.0 - HEADER
    }

    /// Writes an attribute in the given byte order.
    pub fn attribute<O: ByteOrder, T: Value>(&mut self, kind: u16, value: &T) {
        let kind = if T::NESTED { kind | NESTED } else { kind };
        let mark = self.begin_attribute(kind);
        value.write::<O>(self);
        self.end_attribute(mark);
    }

    /// Writes an attribute with this payload.
    pub fn bytes_attribute(&mut self, kind: u16, payload: &[u8]) {
        let mark = self.begin_attribute(kind);
        self.push(payload);
        self.end_attribute(mark);
    }

    /// Writes a kept attribute back as it was.
    pub fn raw_attribute(&mut self, attribute: &RawAttribute) {
        let flag = if attribute.nested { NESTED } else { 0 };
        self.bytes_attribute(attribute.kind | flag, &attribute.payload);
    }

    /// Appends bytes as they are: a fixed header, or a payload.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Has [`Writer::check`] refuse what is being written, because its parts do not fit together.
    pub fn contradiction(&mut self, what: &'static str) {
        self.fault.get_or_insert((self.bytes.len(), Unsendable::Contradiction(what)));
    }

    /// Takes over what is wrong with what another buffer has, the bytes of which become part of this one.
    pub fn inherit(&mut self, part: &Writer) {
        if let Some((_, fault)) = &part.fault {
            self.fault.get_or_insert((self.bytes.len(), fault.clone()));
        }
    }

    /// Appends a text without a NUL behind it.
    pub fn push_text(&mut self, text: &str) {
        if text.contains('\0') {
            let text = text.to_owned();
            self.fault.get_or_insert((self.bytes.len(), Unsendable::Nul { text }));
        }
        self.push(&crate::text::to_bytes(text));
    }

    /// Fills up to the alignment of four bytes with zeros.
    pub fn align(&mut self) {
        self.bytes.resize(align(self.bytes.len()), 0);
    }

    fn begin_attribute(&mut self, kind: u16) -> NestMark {
        let mark = NestMark(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        mark
    }

    fn end_attribute(&mut self, mark: NestMark) {
        let length = self.bytes.len() - mark.0;
        let Some([l0, l1, k0, k1, ..]) = self.bytes.get_mut(mark.0..) else { return };
        match u16::try_from(length) {
            Ok(length) => [*l0, *l1] = length.to_ne_bytes(),
            Err(_) => {
                let kind = u16::from_ne_bytes([*k0, *k1]) & !NESTED;
                self.fault.get_or_insert((mark.0, Unsendable::TooLong { kind, length }));
            }
        }
        self.align();
    }
}

#[cfg(test)]
mod tests;
