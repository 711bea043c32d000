//! What a client inside asks, and the message that it is answered with.

use std::net::IpAddr;
use std::time::Duration;

use super::message::{Extension, HEADER, PLAIN_SIZE, Question, Reader, Record, Writer, code, flag, kind};

/// The longest answer over UDP, however much the client would take: the path is a loopback, and longer ones have TCP.
const LARGEST_DATAGRAM: usize = 4096;
/// The size that clients are told to send at the most.
const OWN_SIZE: u16 = 1232;
/// The code of the option that explains an answer (RFC 8914).
const EXPLANATION: u16 = 15;
/// The upper bits of the code BADVERS (RFC 6891 section 6.1.3).
const UPPER_BAD_VERSION: u8 = 1;

/// How a client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// A client's message, as far as its answer needs it.
#[derive(Clone, Debug)]
pub(super) struct Query {
    id: u16,
    flags: u16,
    /// `None` where it could not be read.
    pub(super) question: Option<Question>,
    extension: Option<Extension>,
    transport: Transport,
}

/// What there is to say to a question, whoever asked it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u8,
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
    pub(super) explanation: Option<Explanation>,
    /// What must be let through before it is told.
    pub(super) release: Option<Released>,
    /// What the log is told.
    pub(super) notices: Vec<Notice>,
}

/// Why an answer is not what it could be (RFC 8914 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Explanation {
    /// `Blocked`: by the policy.
    Blocked,
    /// `Prohibited`: questions of this kind are.
    Prohibited,
    /// `Network Error`: no name server answered.
    Network,
}

/// Addresses that are let through for rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Released {
    /// The name that they are remembered under.
    pub(super) name: String,
    /// Places of rules in the policy; none where its rules for addresses decide.
    pub(super) rules: Vec<usize>,
    pub(super) addresses: Vec<IpAddr>,
    /// Addresses that are not let through, and remembered all the same.
    pub(super) closed: Vec<IpAddr>,
    pub(super) time_to_live: Duration,
}

/// Something that the log is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) action: crate::Action,
    pub(super) name: String,
    /// The name is perhaps this one with a domain of the search list, which the program asks for as well.
    pub(super) bare: Option<String>,
    pub(super) address: Option<IpAddr>,
    pub(super) reason: String,
}

impl Notice {
    pub(super) fn new(action: crate::Action, name: String, reason: impl Into<String>) -> Self {
        Self { action, name, bare: None, address: None, reason: reason.into() }
    }
}

impl Outcome {
    /// An answer without records.
    pub(super) fn of(code: u8) -> Self {
        Self { code, ..Self::default() }
    }

    /// The question was not answered by anybody.
    pub(super) fn unreachable(name: String, reason: String) -> Self {
        let notices = vec![Notice::new(crate::Action::Failed, name, reason)];
        Self { explanation: Some(Explanation::Network), notices, ..Self::of(code::FAILED) }
    }
}

impl Query {
    /// Reads a client's message. `None` where it is none that is answered at all; the outcome is there where nobody needs to be asked.
    pub(super) fn read(message: &[u8], transport: Transport) -> Option<(Self, Option<Outcome>)> {
        let mut reader = Reader::new(message);
        let header = reader.header()?;
        if header.is_response() {
            return None;
        }
        let mut query =
            Self { id: header.id, flags: header.flags, question: None, extension: None, transport };
        if !header.is_query() {
            return Some((query, Some(Outcome::of(code::NOT_IMPLEMENTED))));
        }
        let malformed = Some(Outcome::of(code::MALFORMED));
        if (header.questions, header.answers) != (1, 0) {
            return Some((query, malformed));
        }
        query.question = reader.question();
        if query.question.is_none() || !query.read_extension(reader, header.authorities, header.additional) {
            return Some((query, malformed));
        }
        let outcome =
            query.extension.is_some_and(|extension| extension.version > 0).then(|| Outcome::of(code::DONE));
        Some((query, outcome))
    }

    /// Reads what stands behind the question; whether it is well-formed.
    fn read_extension(&mut self, mut reader: Reader<'_>, authorities: u16, additional: u16) -> bool {
        for index in 0..u32::from(authorities) + u32::from(additional) {
            let Some(record) = reader.record() else { return false };
            let Some(extension) = record.as_ref().and_then(Extension::of) else { continue };
            if self.extension.is_some() || index < u32::from(authorities) {
                return false;
            }
            self.extension = Some(extension);
        }
        true
    }

    /// Whether the client checks signatures by itself.
    pub(super) fn checks(&self) -> bool {
        self.flags & flag::CHECKING_DISABLED != 0
    }

    /// The message that says so.
    pub(super) fn answer(&self, outcome: &Outcome) -> Vec<u8> {
        let flags = flag::RESPONSE
            | flag::RECURSION_AVAILABLE
            | self.flags & (flag::OPERATION | flag::RECURSION_DESIRED | flag::CHECKING_DISABLED)
            | u16::from(outcome.code);
        let limit = self.limit();
        let mut writer = Writer::new(self.id, flags, limit);
        if let Some(question) = &self.question {
            writer.question(question);
        }
        let room = if self.extension.is_some() { extension_length(outcome) } else { 0 };
        writer.set_limit(limit.saturating_sub(room));
        if !outcome.answers.iter().all(|record| writer.answer(record)) {
            writer.add_flags(flag::TRUNCATED);
        }
        for record in &outcome.authorities {
            // Who does not fit is left out: nobody needs it to understand the answer.
            let _ = writer.authority(record);
        }
        if let Some(extension) = self.extension {
            writer.set_limit(limit);
            let upper = if extension.version > 0 { UPPER_BAD_VERSION } else { 0 };
            let option = outcome.explanation.map(Explanation::option);
            let _ = writer.extension(OWN_SIZE, upper, option.as_deref().map(|value| (EXPLANATION, value)));
        }
        writer.finish()
    }

    /// How long the answer may be.
    fn limit(&self) -> usize {
        match (self.transport, self.extension) {
            (Transport::Tcp, _) => usize::from(u16::MAX),
            (Transport::Udp, None) => PLAIN_SIZE,
            (Transport::Udp, Some(extension)) => {
                usize::from(extension.size).clamp(PLAIN_SIZE, LARGEST_DATAGRAM)
            }
        }
    }
}

/// The bytes of the OPT record that goes with it.
fn extension_length(outcome: &Outcome) -> usize {
    11 + outcome.explanation.map_or(0, |explanation| 4 + explanation.option().len())
}

impl Explanation {
    fn option(self) -> Vec<u8> {
        let (code, text) = match self {
            Self::Blocked => (15_u16, "the sandbox's policy does not allow it"),
            Self::Prohibited => (18, "the sandbox does not answer questions of this kind"),
            Self::Network => (23, "no name server answered"),
        };
        [&code.to_be_bytes(), text.as_bytes()].concat()
    }
}

/// The message that asks a name server.
pub(super) fn upstream_query(id: u16, question: &Question, checks: bool, extended: bool) -> Vec<u8> {
    let flags = flag::RECURSION_DESIRED | if checks { flag::CHECKING_DISABLED } else { 0 };
    let mut writer = Writer::new(id, flags, usize::from(u16::MAX));
    // In lower case: what a program writes otherwise is no part of the question, and would get out with it.
    writer.question(&Question { name: question.name.in_lower_case(), ..question.clone() });
    if extended {
        // A message that holds a question alone has room.
        let _ = writer.extension(OWN_SIZE, 0, None);
    }
    writer.finish()
}

/// What a name server's message is to a question that it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Not its answer: forged, late or broken.
    Foreign,
    /// Its answer, which is whole.
    Whole,
    /// Its answer, which has more than a datagram carries.
    Truncated,
    /// The server cannot answer: another one may.
    Unable,
    /// The server may not know extensions.
    Unextended,
}

/// Tells what a name server's message is.
pub(super) fn match_answer(message: &[u8], id: u16, question: &Question, extended: bool) -> Match {
    let mut reader = Reader::new(message);
    let Some(header) = reader.header() else { return Match::Foreign };
    if header.id != id || !header.is_response() || !header.is_query() {
        return Match::Foreign;
    }
    // A server that did not understand the message may not repeat its question.
    let broken = matches!(header.code(), code::MALFORMED | code::NOT_IMPLEMENTED);
    let echoes = header.questions == 1 && reader.question().as_ref() == Some(question);
    if !echoes && (!broken || message.len() != HEADER) {
        return Match::Foreign;
    }
    match header.code() {
        _ if broken && extended => Match::Unextended,
        code::DONE | code::NO_SUCH_NAME if header.is_truncated() => Match::Truncated,
        code::DONE | code::NO_SUCH_NAME => Match::Whole,
        _ => Match::Unable,
    }
}

/// Types of records that are asked for in practice (IANA's list of resource record types). Any other number would be a message to who answers.
pub(super) fn is_asked_for(kind: u16) -> bool {
    matches!(kind, 1..=2 | 5..=6 | 11..=13 | 15..=18 | 24..=25 | 28..=29 | 33 | 35..=37 | 39 | 42..=53 | 55 | 59..=65 | 99 | 108..=109 | 256..=258 | 32769)
}

/// Types that are no records' types but requests to the name server, transfers and `ANY` above all (RFC 6895 section 3.1).
pub(super) fn is_request_to_server(kind: u16) -> bool {
    matches!(kind, 0 | kind::OPT | 128..=255)
}
