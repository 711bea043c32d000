//! Messages (`struct nlmsghdr`) in a datagram.

use crate::attribute::align;
use crate::{Attributes, Malformed};

crate::open_flags! {
    /// Flags of a message (`NLM_F_*`). The bits above `0x80` differ in meaning between kinds of request.
    pub struct MessageFlags(u16) {
        /// A request to the kernel.
        REQUEST = 0x01,
        /// One part of an answer of several.
        MULTI = 0x02,
        /// Answer with an acknowledgement, also on success.
        ACK = 0x04,
        /// Send what was made back, with the handle the kernel gave it.
        ECHO = 0x08,
        /// The dump was interrupted by a change and may be inconsistent.
        #[doc(alias = "NLM_F_DUMP_INTR")]
        DUMP_INTERRUPTED = 0x10,
        /// The dump was filtered as the request asked for.
        DUMP_FILTERED = 0x20,
        /// (request for objects) From the root of the table.
        ROOT = 0x100,
        /// (request for objects) All that match.
        MATCH = 0x200,
        /// (request for objects) All of them.
        DUMP = 0x300,
        /// (new object) Replace an existing one.
        REPLACE = 0x100,
        /// (new object) Fail if it exists.
        #[doc(alias = "NLM_F_EXCL")]
        EXCLUSIVE = 0x200,
        /// (new object) Create it if it does not exist.
        CREATE = 0x400,
        /// (new object) Add to the end.
        APPEND = 0x800,
        /// (delete) Do not delete recursively.
        #[doc(alias = "NLM_F_NONREC")]
        NON_RECURSIVE = 0x100,
        /// (acknowledgement) The request was left out of it.
        CAPPED = 0x100,
        /// (acknowledgement) Attributes of an extended acknowledgement follow.
        #[doc(alias = "NLM_F_ACK_TLVS")]
        ACK_ATTRIBUTES = 0x200,
    }
}

/// Message types that every protocol shares (`NLMSG_*`).
pub mod message_type {
    /// Nothing.
    pub const NOOP: u16 = 1;
    /// An error, or an acknowledgement where the error is 0.
    pub const ERROR: u16 = 2;
    /// The end of an answer of several parts.
    pub const DONE: u16 = 3;
    /// Data was lost.
    pub const OVERRUN: u16 = 4;
    /// The first type of a protocol's own.
    pub const MINIMUM: u16 = 0x10;
}

/// The head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length in bytes with this head, before padding.
    pub length: u32,
    /// Message type.
    pub kind: u16,
    /// Flags.
    pub flags: MessageFlags,
    /// Number of the request that it answers.
    pub sequence: u32,
    /// Port of the receiver or sender; 0 is the kernel.
    pub port: u32,
}

/// Bytes of a [`Header`].
pub(crate) const HEADER: usize = 16;
const FLAGS_OFFSET: usize = 6;

/// One received message, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its head.
    pub header: Header,
    /// What follows the head, without padding.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The fixed struct at the start of the payload.
    pub fn fixed<T: crate::Value<View<'a> = T>>(&self) -> Result<T, Malformed> {
        T::view::<crate::Native>(self.payload)
    }

    /// The attributes behind a fixed struct of `size` bytes.
    #[must_use]
    pub fn attributes_after(&self, size: usize) -> Attributes<'a> {
        Attributes::new(self.bytes_after(size))
    }

    /// The payload behind a fixed struct of `size` bytes.
    #[must_use]
    pub fn bytes_after(&self, size: usize) -> &'a [u8] {
        self.payload.get(align(size)..).unwrap_or(&[])
    }
}

/// A walk over the messages of one datagram; ends behind the first that does not fit, with an error.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Walks the messages of a datagram.
    #[must_use]
    pub fn new(datagram: &'a [u8]) -> Self {
        Messages { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest;
        if rest.is_empty() {
            return None;
        }
        self.rest = &[];
        let Some((head, _)) = rest.split_first_chunk::<HEADER>() else {
            return Some(Err(Malformed::new("the head of a message", HEADER, rest.len())));
        };
        let header = read_header(head);
        let length = header.length as usize;
        let Some(payload) = rest.get(HEADER..length) else {
            return Some(Err(Malformed::new("a message", length.max(HEADER), rest.len())));
        };
        self.rest = rest.get(align(length)..).unwrap_or(&[]);
        Some(Ok(Message { header, payload }))
    }
}

fn read_header(head: &[u8; HEADER]) -> Header {
    let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = *head;
    Header {
        length: u32::from_ne_bytes([l0, l1, l2, l3]),
        kind: u16::from_ne_bytes([k0, k1]),
        flags: MessageFlags::from_bits_retain(u16::from_ne_bytes([f0, f1])),
        sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        port: u32::from_ne_bytes([p0, p1, p2, p3]),
    }
}

pub(crate) fn patch_flags(bytes: &mut [u8], offset: usize, flags: MessageFlags) {
    if let Some([f0, f1]) = bytes.get_mut(offset + FLAGS_OFFSET..offset + FLAGS_OFFSET + 2) {
        let all = MessageFlags::from_bits_retain(u16::from_ne_bytes([*f0, *f1])) | flags;
        [*f0, *f1] = all.bits().to_ne_bytes();
    }
}

#[cfg(test)]
mod tests;
