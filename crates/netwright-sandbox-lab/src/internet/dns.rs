//! The name servers: questions and answers as bytes (RFC 1035).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::zone::{self, Data};

/// Types of records.
pub mod kind {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Another name.
    pub const CNAME: u16 = 5;
    /// Anything; nothing is said about what it is.
    pub const NULL: u16 = 10;
    /// Text.
    pub const TXT: u16 = 16;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// A service.
    pub const SRV: u16 = 33;
    /// A service binding of the web.
    pub const HTTPS: u16 = 65;
    /// All records.
    pub const ANY: u16 = 255;
}

const HEADER: usize = 12;
const INTERNET: u16 = 1;
/// What fits into an answer over UDP.
const LIMIT: usize = 1232;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Number of the message.
    pub id: u16,
    /// In lower case, without the last dot; a dot in a label is `\\.`.
    pub name: String,
    /// Type of the records wanted.
    pub kind: u16,
}

impl Question {
    /// Reads a message's first question.
    #[must_use]
    pub fn read(message: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
        let mut labels = Vec::new();
        let mut at = HEADER;
        loop {
            let length = usize::from(*message.get(at)?);
            at += 1;
            match length {
                0 => break,
                1..=63 => {
                    let label = String::from_utf8_lossy(message.get(at..at + length)?).to_lowercase();
                    labels.push(label.replace('.', "\\."));
                }
                _ => return None,
            }
            at += length;
        }
        Some(Question { id: number(0)?, name: labels.join("."), kind: number(at)? })
    }

    /// A message that asks it, with recursion desired.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut message = [self.id, 0x0100, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
        message.extend(name(&self.name));
        message.extend(self.kind.to_be_bytes());
        message.extend(INTERNET.to_be_bytes());
        message
    }
}

/// The answer from the zone; over UDP a long one is cut and says so.
#[must_use]
pub fn answer(question: &Question, udp: bool) -> Vec<u8> {
    const NAME_ERROR: u16 = 3;
    const TRUNCATED: u16 = 0x0200;
    // A response, recursion desired and available.
    let flags = 0x8180;
    let (exists, answers) = chase(question);
    let mut body = name(&question.name);
    body.extend([question.kind, INTERNET].map(u16::to_be_bytes).concat());
    let question_end = body.len();
    answers.iter().for_each(|answer| body.extend(answer));
    let mut count = answers.len() as u16;
    let mut flags = if exists { flags } else { flags | NAME_ERROR };
    if udp && HEADER + body.len() > LIMIT {
        body.truncate(question_end);
        (count, flags) = (0, flags | TRUNCATED);
    }
    let mut message = [question.id, flags, 1, count, 0, 0].map(u16::to_be_bytes).concat();
    message.extend(body);
    message
}

/// Whether the name exists, and the answer's records, through all aliases.
fn chase(question: &Question) -> (bool, Vec<Vec<u8>>) {
    let (mut owner, mut answers) = (question.name.clone(), Vec::new());
    for _ in 0..8 {
        let records = zone::records(&owner);
        if records.is_empty() {
            return (false, answers);
        }
        let mut alias = None;
        for (life, data) in records {
            match data {
                Data::Cname(target) => {
                    answers.push(record(&owner, kind::CNAME, life, &name(target)));
                    alias = Some(target.to_owned());
                }
                Data::Stray(other, address) if question.kind == kind::A => {
                    answers.push(record(other, kind::A, life, &address));
                }
                _ => answers.extend(records_of(&owner, question.kind, life, &data)),
            }
        }
        match alias {
            Some(target) if question.kind != kind::CNAME => owner = target,
            _ => break,
        }
    }
    (true, answers)
}

fn records_of(owner: &str, wanted: u16, life: u32, data: &Data) -> Vec<Vec<u8>> {
    let (kind, contents) = match *data {
        Data::A(address) => (kind::A, vec![address.to_vec()]),
        Data::Aaaa(text) => {
            let address = text.parse().unwrap_or(Ipv6Addr::UNSPECIFIED);
            (kind::AAAA, vec![address.octets().to_vec()])
        }
        Data::Srv(priority, weight, port, host) => {
            let mut content = [priority, weight, port].map(u16::to_be_bytes).concat();
            content.extend(name(host));
            (kind::SRV, vec![content])
        }
        Data::Text(length) => (kind::TXT, vec![text(length)]),
        Data::Https(target, hint) => {
            const HINT_IPV4: u16 = 4;
            let mut content = 1_u16.to_be_bytes().to_vec();
            content.extend(name(target.trim_end_matches('.')));
            content.extend([HINT_IPV4, 4].map(u16::to_be_bytes).concat());
            content.extend(hint);
            (kind::HTTPS, vec![content])
        }
        Data::Many([a, b, c, d], count) => {
            (kind::A, (0..count).map(|next| vec![a, b, c, d.wrapping_add(next)]).collect())
        }
        Data::Cname(_) | Data::Stray(..) => return Vec::new(),
    };
    if kind != wanted && wanted != kind::ANY {
        return Vec::new();
    }
    contents.iter().map(|content| record(owner, kind, life, content)).collect()
}

fn text(length: usize) -> Vec<u8> {
    let letters: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
    letters.chunks(255).flat_map(|piece| [&[piece.len() as u8], piece].concat()).collect()
}

fn record(owner: &str, kind: u16, life: u32, content: &[u8]) -> Vec<u8> {
    let mut record = name(owner);
    record.extend([kind, INTERNET].map(u16::to_be_bytes).concat());
    record.extend(life.to_be_bytes());
    record.extend((content.len() as u16).to_be_bytes());
    record.extend(content);
    record
}

/// A name as labels.
fn name(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// The addresses in an answer's records that are addresses, whichever name they belong to.
#[must_use]
pub fn addresses(message: &[u8]) -> Vec<IpAddr> {
    let number = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let skip = |mut at: usize| {
        loop {
            match usize::from(*message.get(at)?) {
                0 => return Some(at + 1),
                192.. => return Some(at + 2),
                length => at += length + 1,
            }
        }
    };
    let read = || -> Option<Vec<IpAddr>> {
        let mut at = skip(HEADER)? + 4;
        let mut found = Vec::new();
        for _ in 0..number(6)? {
            at = skip(at)?;
            let (kind, length) = (number(at)?, usize::from(number(at + 8)?));
            let content = message.get(at + 10..at + 10 + length)?;
            match kind {
                kind::A => found.push(Ipv4Addr::from(<[u8; 4]>::try_from(content).ok()?).into()),
                kind::AAAA => found.push(Ipv6Addr::from(<[u8; 16]>::try_from(content).ok()?).into()),
                _ => {}
            }
            at += 10 + length;
        }
        Some(found)
    };
    read().unwrap_or_default()
}
