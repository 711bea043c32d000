//! Messages are read.

use super::{Header, LONGEST_LABEL, Name, Part, Question, Record, layout};

/// Pointers in one name: each is a step that takes two bytes of the message, and senders need one.
const POINTERS: usize = 32;

/// A place in a message. Every function is `None` where the message ends before, or is malformed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// Whether nothing is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.message.len()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let bytes = self.message.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// All that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.message.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    pub(crate) fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.bytes(2)?.try_into().ok()?))
    }

    pub(crate) fn long(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes(4)?.try_into().ok()?))
    }

    pub(crate) fn header(&mut self) -> Option<Header> {
        Some(Header {
            id: self.word()?,
            flags: self.word()?,
            questions: self.word()?,
            answers: self.word()?,
            authorities: self.word()?,
            additional: self.word()?,
        })
    }

    /// A name; pointers lead backwards only.
    pub(crate) fn name(&mut self) -> Option<Name> {
        let mut labels: Vec<&[u8]> = Vec::with_capacity(8);
        let mut place = *self;
        // Where the labels that are being read began: a pointer must lead before.
        let mut start = place.at;
        let mut pointers = 0;
        let mut wire = 1;
        loop {
            let length = place.byte()?;
            match usize::from(length) {
                0 => break,
                length @ ..=LONGEST_LABEL => {
                    wire += length + 1;
                    if wire > super::super::name::LONGEST {
                        return None;
                    }
                    labels.push(place.bytes(length)?);
                }
                length if length & 0xc0 == 0xc0 => {
                    let target = (length & 0x3f) << 8 | usize::from(place.byte()?);
                    if pointers == 0 {
                        self.at = place.at;
                    }
                    pointers += 1;
                    if target >= start || pointers > POINTERS {
                        return None;
                    }
                    (place.at, start) = (target, target);
                }
                _ => return None,
            }
        }
        if pointers == 0 {
            self.at = place.at;
        }
        Name::from_labels(labels)
    }

    pub(crate) fn question(&mut self) -> Option<Question> {
        Some(Question { name: self.name()?, kind: self.word()?, class: self.word()? })
    }

    /// A record, its data without compression. The inner `None` tells a record whose data is malformed, which is passed over.
    pub(crate) fn record(&mut self) -> Option<Option<Record>> {
        let (owner, kind, class) = (self.name()?, self.word()?, self.word()?);
        let (time_to_live, length) = (self.long()?, usize::from(self.word()?));
        let data = Self { message: self.message.get(..self.at.checked_add(length)?)?, at: self.at };
        self.at += length;
        Some(data.expanded(kind).map(|data| Record { owner, kind, class, time_to_live, data }))
    }

    /// A record's data, its names written out.
    fn expanded(mut self, kind: u16) -> Option<Vec<u8>> {
        let mut data = Vec::with_capacity(self.message.len() - self.at);
        for part in layout(kind) {
            match *part {
                Part::Bytes(length) => data.extend_from_slice(self.bytes(length)?),
                Part::Text => {
                    let length = self.byte()?;
                    data.push(length);
                    data.extend_from_slice(self.bytes(usize::from(length))?);
                }
                Part::Name => data.extend_from_slice(self.name()?.wire()),
            }
        }
        data.extend_from_slice(self.rest());
        Some(data)
    }
}
