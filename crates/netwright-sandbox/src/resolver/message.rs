//! DNS messages (RFC 1035, 6891): read from hostile bytes, and built anew.
//!
//! A reader of its own: the questions of types that it does not know must pass, one record that is malformed must not hide the
//! others from sight, and the work for a message must be bounded by its length.

use super::name::{LONGEST_LABEL, Name};

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use reader::Reader;
pub(super) use writer::Writer;

/// Types of records.
pub(super) mod kind {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const MD: u16 = 3;
    pub(crate) const MF: u16 = 4;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const MB: u16 = 7;
    pub(crate) const MG: u16 = 8;
    pub(crate) const MR: u16 = 9;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const MINFO: u16 = 14;
    pub(crate) const MX: u16 = 15;
    pub(crate) const RP: u16 = 17;
    pub(crate) const AFSDB: u16 = 18;
    pub(crate) const RT: u16 = 21;
    pub(crate) const SIG: u16 = 24;
    pub(crate) const PX: u16 = 26;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const NXT: u16 = 30;
    pub(crate) const SRV: u16 = 33;
    pub(crate) const NAPTR: u16 = 35;
    pub(crate) const KX: u16 = 36;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const OPT: u16 = 41;
    pub(crate) const SVCB: u16 = 64;
    pub(crate) const HTTPS: u16 = 65;
}

/// The class of the internet.
pub(super) const INTERNET: u16 = 1;
/// The length of a message's header.
pub(super) const HEADER: usize = 12;
/// The longest message to one that tells no size of its own.
pub(super) const PLAIN_SIZE: usize = 512;

/// What became of a question (RFC 1035 section 4.1.1).
pub(super) mod code {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const MALFORMED: u8 = 1;
    pub(crate) const FAILED: u8 = 2;
    pub(crate) const NO_SUCH_NAME: u8 = 3;
    pub(crate) const NOT_IMPLEMENTED: u8 = 4;
    pub(crate) const REFUSED: u8 = 5;
}

/// Bits of the header's second word.
pub(super) mod flag {
    pub(crate) const RESPONSE: u16 = 0x8000;
    pub(crate) const OPERATION: u16 = 0x7800;
    pub(crate) const TRUNCATED: u16 = 0x0200;
    pub(crate) const RECURSION_DESIRED: u16 = 0x0100;
    pub(crate) const RECURSION_AVAILABLE: u16 = 0x0080;
    pub(crate) const CHECKING_DISABLED: u16 = 0x0010;
    pub(crate) const CODE: u16 = 0x000f;
}

/// The first twelve bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: u16,
    pub(super) flags: u16,
    pub(super) questions: u16,
    pub(super) answers: u16,
    pub(super) authorities: u16,
    pub(super) additional: u16,
}

impl Header {
    pub(super) fn is_response(self) -> bool {
        self.flags & flag::RESPONSE != 0
    }

    pub(super) fn is_query(self) -> bool {
        self.flags & flag::OPERATION == 0
    }

    pub(super) fn is_truncated(self) -> bool {
        self.flags & flag::TRUNCATED != 0
    }

    pub(super) fn code(self) -> u8 {
        // Masked to four bits.
        (self.flags & flag::CODE) as u8
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    /// Of which name.
    pub(super) name: Name,
    /// For records of which type (`QTYPE`).
    pub(super) kind: u16,
    /// In which class (`QCLASS`), 1 for the internet.
    pub(super) class: u16,
}

/// One record, its data without compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) owner: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
    /// In seconds; in an OPT record it holds flags instead.
    pub(super) time_to_live: u32,
    pub(super) data: Vec<u8>,
}

/// What an OPT record tells (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extension {
    /// The longest answer over UDP.
    pub(super) size: u16,
    /// 0 is the only one that there is.
    pub(super) version: u8,
}

impl Extension {
    pub(super) fn of(record: &Record) -> Option<Self> {
        let version = (record.time_to_live >> 16 & 0xff) as u8;
        (record.kind == kind::OPT).then_some(Self { size: record.class, version })
    }
}

/// One part of a record's data, as far as it matters for compression.
enum Part {
    /// So many bytes.
    Bytes(usize),
    /// A byte with a length, and so many bytes.
    Text,
    /// A name.
    Name,
}

/// What stands before the rest of a record's data, for the types whose names may be compressed (RFC 3597 section 4).
fn layout(kind: u16) -> &'static [Part] {
    use Part::{Bytes, Name, Text};
    match kind {
        kind::NS | kind::MD | kind::MF | kind::CNAME | kind::MB | kind::MG | kind::MR | kind::PTR => &[Name],
        kind::DNAME | kind::NXT => &[Name],
        kind::SOA | kind::MINFO | kind::RP => &[Name, Name],
        kind::MX | kind::AFSDB | kind::RT | kind::KX => &[Bytes(2), Name],
        kind::PX => &[Bytes(2), Name, Name],
        kind::SRV => &[Bytes(6), Name],
        kind::NAPTR => &[Bytes(4), Text, Text, Text, Name],
        kind::SIG => &[Bytes(18), Name],
        _ => &[],
    }
}

/// Whether names in its data may be compressed when it is sent: the types of RFC 1035 alone.
fn is_compressible(kind: u16) -> bool {
    matches!(
        kind,
        kind::NS
            | kind::MD
            | kind::MF
            | kind::CNAME
            | kind::SOA
            | kind::MB
            | kind::MG
            | kind::MR
            | kind::PTR
            | kind::MINFO
            | kind::MX
    )
}
