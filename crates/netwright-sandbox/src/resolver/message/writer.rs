//! Messages are built.

use std::collections::HashMap;

use super::{Header, Name, Part, Question, Reader, Record, is_compressible, kind, layout};

/// The last place that a pointer reaches.
const REACH: usize = 0x3fff;

/// A message that grows. What would make it longer than its limit is left out.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    limit: usize,
    header: Header,
    /// Where names stand already.
    names: HashMap<Name, u16>,
}

impl Writer {
    /// A message with this identity and these flags, of so many bytes at the most.
    pub(crate) fn new(id: u16, flags: u16, limit: usize) -> Self {
        let header = Header { id, flags, ..Header::default() };
        Self {
            bytes: vec![0; super::HEADER],
            limit: limit.min(usize::from(u16::MAX)),
            header,
            names: HashMap::new(),
        }
    }

    pub(crate) fn question(&mut self, question: &Question) {
        self.name(&question.name);
        self.word(question.kind);
        self.word(question.class);
        self.header.questions += 1;
    }

    /// Adds an answer; whether it had room.
    #[must_use]
    pub(crate) fn answer(&mut self, record: &Record) -> bool {
        let fits = self.record(record);
        self.header.answers += u16::from(fits);
        fits
    }

    /// Adds a record about who is in charge; whether it had room.
    #[must_use]
    pub(crate) fn authority(&mut self, record: &Record) -> bool {
        let fits = self.record(record);
        self.header.authorities += u16::from(fits);
        fits
    }

    /// Adds an OPT record with one option at the most; whether it had room.
    #[must_use]
    pub(crate) fn extension(&mut self, size: u16, upper_code: u8, option: Option<(u16, &[u8])>) -> bool {
        let mut data = Vec::new();
        if let Some((code, value)) = option {
            data.extend_from_slice(&code.to_be_bytes());
            data.extend_from_slice(&(value.len().min(usize::from(u16::MAX)) as u16).to_be_bytes());
            data.extend_from_slice(value);
        }
        let time_to_live = u32::from(upper_code) << 24;
        let record = Record { owner: Name::default(), kind: kind::OPT, class: size, time_to_live, data };
        let fits = self.record(&record);
        self.header.additional += u16::from(fits);
        fits
    }

    /// Sets flags besides those that it has.
    pub(crate) fn add_flags(&mut self, flags: u16) {
        self.header.flags |= flags;
    }

    /// Lets records fill so many bytes from now on.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(usize::from(u16::MAX));
    }

    /// The message.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let header = self.header;
        let words = [
            header.id,
            header.flags,
            header.questions,
            header.answers,
            header.authorities,
            header.additional,
        ];
        for (place, word) in self.bytes.chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        self.bytes
    }

    fn word(&mut self, word: u16) {
        self.bytes.extend_from_slice(&word.to_be_bytes());
    }

    fn record(&mut self, record: &Record) -> bool {
        let before = self.bytes.len();
        self.name(&record.owner);
        self.word(record.kind);
        self.word(record.class);
        self.bytes.extend_from_slice(&record.time_to_live.to_be_bytes());
        let length_at = self.bytes.len();
        self.word(0);
        self.data(record);
        let length = self.bytes.len() - length_at - 2;
        let (Ok(length), true) = (u16::try_from(length), self.bytes.len() <= self.limit) else {
            self.bytes.truncate(before);
            self.names.retain(|_, &mut at| usize::from(at) < before);
            return false;
        };
        if let Some(place) = self.bytes.get_mut(length_at..length_at + 2) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        true
    }

    /// A record's data, names compressed where every reader knows that they may be.
    fn data(&mut self, record: &Record) {
        let mut reader = Reader::new(&record.data);
        if is_compressible(record.kind) {
            for part in layout(record.kind) {
                match *part {
                    Part::Bytes(length) => {
                        self.bytes.extend_from_slice(reader.bytes(length).unwrap_or_default())
                    }
                    Part::Text => {}
                    Part::Name => match reader.name() {
                        Some(name) => self.name(&name),
                        None => break,
                    },
                }
            }
        }
        self.bytes.extend_from_slice(reader.rest());
    }

    /// A name; the tail that stands in the message already is pointed to.
    fn name(&mut self, name: &Name) {
        let labels: Vec<&[u8]> = name.labels().collect();
        for (index, label) in labels.iter().enumerate() {
            let tail = labels.get(index..).unwrap_or_default();
            if let Some(tail) = Name::from_labels(tail.iter().copied()) {
                if let Some(&at) = self.names.get(&tail) {
                    self.word(0xc000 | at);
                    return;
                }
                if self.bytes.len() <= REACH {
                    // Bounded by what a pointer reaches.
                    self.names.insert(tail, self.bytes.len() as u16);
                }
            }
            self.bytes.push(label.len() as u8);
            self.bytes.extend_from_slice(label);
        }
        self.bytes.push(0);
    }
}
