//! The grammar of rules: `TARGET[:PORTS][/PROTOCOL]`, or `icmp`.

mod name;
mod ports;
mod print;
mod punycode;
mod target;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use netwright_nft::diagnostic::{Diagnostic, Span, nearest, suggestion};

use super::{Ports, Protocol, Rule, Target};

#[cfg(feature = "file")]
pub(super) use name::name;

/// Why a text is no rule. Shown, it is a sentence, the text with a caret below it, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The text.
    pub text: String,
    /// The bytes of it that are wrong.
    pub range: Range<usize>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it, each a sentence.
    pub help: Vec<String>,
}

impl RuleError {
    /// The column of what is wrong, in characters from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.text.get(..self.range.start).map_or(0, |before| before.chars().count()) + 1
    }

    /// As a diagnostic for a text in which the rule's first byte stands where `span` starts. Where the rule is not written there letter by
    /// letter (`verbatim` is false), the whole of `span` is at fault.
    #[must_use]
    pub fn diagnostic(&self, span: Span, verbatim: bool) -> Diagnostic {
        let offset = |at: usize| span.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        let part = Span { start: offset(self.range.start), end: offset(self.range.end), ..span };
        let diagnostic = Diagnostic::error(if verbatim { part } else { span }, self.message.clone());
        self.help.iter().fold(diagnostic, Diagnostic::help)
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.column();
        let width = self.text.get(self.range.clone()).map_or(1, |part| part.chars().count().max(1));
        let visible: String =
            self.text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        write!(f, "{}\n  {visible}\n  {}{}", self.message, " ".repeat(column - 1), "^".repeat(width))?;
        self.help.iter().try_for_each(|help| write!(f, "\n{help}"))
    }
}

impl std::error::Error for RuleError {}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Rule, RuleError> {
        rule(Piece { text, start: 0 }).map_err(|fault| RuleError {
            text: text.to_owned(),
            range: fault.range,
            message: fault.message,
            help: fault.help.into_iter().collect(),
        })
    }
}

/// A part of a rule and where it starts in it.
#[derive(Clone, Copy, Debug)]
struct Piece<'a> {
    text: &'a str,
    start: usize,
}

impl<'a> Piece<'a> {
    /// The part between two offsets of its text.
    fn part(self, range: Range<usize>) -> Piece<'a> {
        let start = self.start + range.start;
        Piece { text: self.text.get(range).unwrap_or(""), start }
    }

    fn before(self, at: usize) -> Piece<'a> {
        self.part(0..at)
    }

    fn from(self, at: usize) -> Piece<'a> {
        self.part(at..self.text.len())
    }

    fn range(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    fn fault(self, message: impl Into<String>) -> Fault {
        Fault { range: self.range(), message: message.into(), help: None }
    }
}

/// What is wrong, and where.
#[derive(Debug)]
struct Fault {
    range: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Fault {
    fn help(self, help: impl Into<String>) -> Fault {
        Fault { help: Some(help.into()), ..self }
    }
}

type Read<T> = Result<T, Fault>;

fn rule(whole: Piece<'_>) -> Read<Rule> {
    let indent = whole.text.len() - whole.text.trim_start().len();
    let whole = whole.part(indent..indent + whole.text.trim().len());
    if whole.text.is_empty() {
        return Err(whole.fault("a rule is missing").help("Write a target, such as `example.org:443`."));
    }
    if let Some((at, bad)) = whole.text.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control()) {
        let fault = whole.part(at..at + bad.len_utf8()).fault(format!("a rule has no {bad:?} in it"));
        return Err(fault.help("Give each rule on its own."));
    }
    if let Some(at) = whole.text.find("://") {
        return Err(url(whole, at));
    }
    let (rest, protocol) = protocol(whole)?;
    if protocol.is_none() && rest.text.eq_ignore_ascii_case("icmp") {
        return Ok(Rule { target: Target::Any, ports: Ports::All, protocol: Some(Protocol::Icmp) });
    }
    let (target, written) = target::target(rest)?;
    let ports = written.map_or(Ok(Ports::All), ports::ports)?;
    match (&target, written, protocol) {
        (_, Some(ports), Some(Protocol::Icmp)) => {
            Err(ports.fault("ICMP has no ports").help("Leave the ports out, or name tcp or udp."))
        }
        (Target::Host, _, Some(Protocol::Icmp)) => {
            Err(rest.fault("the host's loopback cannot be pinged from inside"))
        }
        (Target::Host, None, _) => Err(rest
            .fault("which ports of the host?")
            .help("Name them, as in `host:5432`; inside, they are those of localhost.")),
        _ => Ok(Rule { target, ports, protocol }),
    }
}

/// The protocol at the end, and what stands before it. What begins with a digit is the length of a prefix.
fn protocol(whole: Piece<'_>) -> Read<(Piece<'_>, Option<Protocol>)> {
    let Some(slash) = whole.text.rfind('/') else { return Ok((whole, None)) };
    let (rest, word) = (whole.before(slash), whole.from(slash + 1));
    if word.text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok((whole, None));
    }
    if word.text.is_empty() {
        let fault = whole.from(slash).fault("nothing follows `/`");
        return Err(fault.help("Leave it out, or write a protocol: `/tcp`, `/udp` or `/icmp`."));
    }
    let lower = word.text.to_ascii_lowercase();
    if let Some(protocol) = Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == lower) {
        return Ok((rest, Some(protocol)));
    }
    let near = match lower.as_str() {
        "icmpv6" | "icmp6" | "ping" | "echo" => Some("icmp"),
        _ => nearest(&lower, Protocol::ALL.map(Protocol::as_str)),
    };
    let help = near.map_or(
        "The protocols are tcp, udp and icmp; the paths of a URL cannot be told apart.".to_owned(),
        suggestion,
    );
    Err(word.fault(format!("`{}` is no protocol", word.text)).help(help))
}

/// Says what to write instead of a URL.
fn url(whole: Piece<'_>, colon: usize) -> Fault {
    let scheme = whole.before(colon).text.to_ascii_lowercase();
    let rest = whole.from(colon + 3).text;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    let (port, protocol) = match scheme.as_str() {
        "http" | "ws" => (Some("80"), ""),
        "https" | "wss" => (Some("443"), ""),
        "ssh" | "git+ssh" | "sftp" => (Some("22"), "/tcp"),
        "git" => (Some("9418"), "/tcp"),
        "postgres" | "postgresql" => (Some("5432"), "/tcp"),
        "mysql" => (Some("3306"), "/tcp"),
        "redis" => (Some("6379"), "/tcp"),
        _ => (None, ""),
    };
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let written = match port {
        _ if has_port => host.to_owned(),
        Some(port) => format!("{host}:{port}{protocol}"),
        None => host.to_owned(),
    };
    let fault = whole.fault("a rule is no URL");
    match written.parse::<Rule>() {
        Ok(rule) => fault.help(format!("Write `{rule}`: whom to reach, not what to ask there.")),
        Err(_) => fault.help("Write the host and the port, as in `example.org:443`."),
    }
}

#[cfg(test)]
mod tests;
