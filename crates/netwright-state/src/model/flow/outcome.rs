//! What becomes of a packet.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value as Json, json};

use crate::scalar::parsed;
use crate::schema::Definitions;
use crate::section::{Decode, Reader, words};
use crate::tree::Node;

/// What shall become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// It arrives, and the answer comes back. TCP: the connection is made and data goes both ways.
    Accept,
    /// It arrives, whatever becomes of an answer.
    Arrive,
    /// It comes to the host, does not arrive, and nobody says why.
    Drop,
    /// It does not arrive, and the sender is told.
    Reject(RefusalPattern),
    /// It comes to the host and does not arrive, whether the sender is told or not.
    Refuse,
    /// It does not come to the host.
    NoPath,
}

/// How the sender of a packet is told that it does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// A TCP segment that ends the connection.
    TcpReset,
    /// An ICMP message.
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
    },
    /// An ICMPv6 message.
    Icmpv6 {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
    },
    /// An error of the system call, by its number, where the host is the sender itself.
    Local(i32),
}

/// Which refusals are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalPattern {
    /// Any.
    Any,
    /// This one.
    Exactly(Refusal),
    /// The one that nft's `icmpx` stands for in either family: the codes for IPv4 and IPv6.
    Either {
        /// The word.
        word: &'static str,
        /// The code of ICMP type 3.
        v4: u8,
        /// The code of ICMPv6 type 1.
        v6: u8,
    },
}

/// Names of unreachable destinations: of ICMP type 3 (RFC 792, RFC 1812).
const ICMP: [(&str, u8); 7] = [
    ("net-unreachable", 0),
    ("host-unreachable", 1),
    ("prot-unreachable", 2),
    ("port-unreachable", 3),
    ("net-prohibited", 9),
    ("host-prohibited", 10),
    ("admin-prohibited", 13),
];
/// Of ICMPv6 type 1 (RFC 4443).
const ICMPV6: [(&str, u8); 6] = [
    ("no-route", 0),
    ("admin-prohibited", 1),
    ("addr-unreachable", 3),
    ("port-unreachable", 4),
    ("policy-fail", 5),
    ("reject-route", 6),
];
/// Of nft's `icmpx`.
const ICMPX: [(&str, u8, u8); 4] =
    [("port-unreachable", 3, 4), ("admin-prohibited", 13, 1), ("no-route", 0, 0), ("host-unreachable", 1, 3)];

const UNREACHABLE: u8 = 3;
const UNREACHABLE_V6: u8 = 1;
/// `ENETUNREACH`, `EHOSTUNREACH` and `EACCES`, by which the kernel tells its own programs the same as by ICMP.
const NETWORK: i32 = 101;
const HOST: i32 = 113;
const ACCESS: i32 = 13;

impl RefusalPattern {
    /// Whether a refusal is one of those.
    #[must_use]
    pub fn matches(self, seen: Refusal) -> bool {
        match self {
            RefusalPattern::Any => true,
            RefusalPattern::Exactly(expected) => expected == seen || expected.as_local() == Some(seen),
            RefusalPattern::Either { v4, v6, .. } => {
                let v4 = Refusal::Icmp { kind: UNREACHABLE, code: v4 };
                let v6 = Refusal::Icmpv6 { kind: UNREACHABLE_V6, code: v6 };
                [v4, v6].iter().any(|expected| *expected == seen || expected.as_local() == Some(seen))
            }
        }
    }
}

impl Refusal {
    /// The error that stands for the same where the sender is the host itself.
    fn as_local(self) -> Option<Refusal> {
        let number = match self {
            Refusal::Icmp { kind: UNREACHABLE, code: 0 | 6 } => NETWORK,
            Refusal::Icmp { kind: UNREACHABLE, code: 1 | 7 } => HOST,
            Refusal::Icmp { kind: UNREACHABLE, code: 9 | 10 | 13 } => ACCESS,
            Refusal::Icmpv6 { kind: UNREACHABLE_V6, code: 0 } => NETWORK,
            Refusal::Icmpv6 { kind: UNREACHABLE_V6, code: 3 } => HOST,
            Refusal::Icmpv6 { kind: UNREACHABLE_V6, code: 1 | 5 | 6 } => ACCESS,
            _ => return None,
        };
        Some(Refusal::Local(number))
    }
}

/// `tcp-reset`, `icmp port-unreachable`, `icmp 11/0`
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |table: &[(&'static str, u8)], code: u8| {
            table.iter().find(|(_, of)| *of == code).map(|(name, _)| *name)
        };
        let text = match *self {
            Refusal::TcpReset => "tcp-reset".into(),
            Refusal::Icmp { kind: UNREACHABLE, code } if named(&ICMP, code).is_some() => {
                format!("icmp {}", named(&ICMP, code).unwrap_or_default())
            }
            Refusal::Icmpv6 { kind: UNREACHABLE_V6, code } if named(&ICMPV6, code).is_some() => {
                format!("icmpv6 {}", named(&ICMPV6, code).unwrap_or_default())
            }
            Refusal::Icmp { kind, code } => format!("icmp {kind}/{code}"),
            Refusal::Icmpv6 { kind, code } => format!("icmpv6 {kind}/{code}"),
            Refusal::Local(NETWORK) => "network unreachable".into(),
            Refusal::Local(HOST) => "host unreachable".into(),
            Refusal::Local(ACCESS) => "prohibited".into(),
            Refusal::Local(number) => format!("error {number}"),
        };
        f.pad(&text)
    }
}

impl Expect {
    /// The word for it, without how it is refused.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Expect::Accept => "accept",
            Expect::Arrive => "arrive",
            Expect::Drop => "drop",
            Expect::Reject(_) => "reject",
            Expect::Refuse => "refuse",
            Expect::NoPath => "no-path",
        }
    }

    /// Whether it shall arrive.
    #[must_use]
    pub fn arrives(self) -> bool {
        matches!(self, Expect::Accept | Expect::Arrive)
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expect::Reject(RefusalPattern::Exactly(refusal)) => f.pad(&format!("reject {refusal}")),
            Expect::Reject(RefusalPattern::Either { word, .. }) => f.pad(&format!("reject {word}")),
            other => f.pad(other.as_str()),
        }
    }
}

impl FromStr for Expect {
    type Err = String;

    /// Reads the words of the file, and of nft: `reject with icmp type admin-prohibited`.
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["accept"] => return Ok(Expect::Accept),
            ["arrive" | "arrived"] => return Ok(Expect::Arrive),
            ["drop"] => return Ok(Expect::Drop),
            ["refuse"] => return Ok(Expect::Refuse),
            ["no-path"] => return Ok(Expect::NoPath),
            ["reject"] => return Ok(Expect::Reject(RefusalPattern::Any)),
            _ => {}
        }
        let rest = words.strip_prefix(&["reject"]).unwrap_or(&words);
        let rest = rest.strip_prefix(&["with"]).unwrap_or(rest);
        let pattern = match rest {
            ["tcp-reset"] | ["tcp", "reset"] => Some(RefusalPattern::Exactly(Refusal::TcpReset)),
            [family @ ("icmp" | "icmpv6" | "icmpx"), "type", what]
            | [family @ ("icmp" | "icmpv6" | "icmpx"), what] => by_name(family, what),
            [word] => match word.split_once('-') {
                Some((family @ ("icmp" | "icmpv6" | "icmpx"), what)) => by_name(family, what),
                _ => by_name("icmpx", word)
                    .or_else(|| by_name("icmp", word))
                    .or_else(|| by_name("icmpv6", word)),
            },
            _ => None,
        };
        pattern.map(Expect::Reject).ok_or_else(|| {
            format!(
                "`{text}` is no verdict: known are `accept`, `arrive`, `drop`, `reject`, `refuse`, `no-path`, and how it is refused, such as \
                 `reject tcp-reset`, `reject icmp port-unreachable` and `reject icmpv6 1/3`"
            )
        })
    }
}

/// A refusal by the family of its message, and by the name of its code or by type and code.
fn by_name(family: &str, what: &str) -> Option<RefusalPattern> {
    let numbers =
        what.split_once('/').and_then(|(kind, code)| Some((kind.parse().ok()?, code.parse().ok()?)));
    let code = |table: &[(&str, u8)]| table.iter().find(|(name, _)| *name == what).map(|(_, code)| *code);
    match (family, numbers) {
        ("icmp", Some((kind, code))) => Some(RefusalPattern::Exactly(Refusal::Icmp { kind, code })),
        ("icmpv6", Some((kind, code))) => Some(RefusalPattern::Exactly(Refusal::Icmpv6 { kind, code })),
        ("icmp", None) => {
            code(&ICMP).map(|code| RefusalPattern::Exactly(Refusal::Icmp { kind: UNREACHABLE, code }))
        }
        ("icmpv6", None) => {
            code(&ICMPV6).map(|code| RefusalPattern::Exactly(Refusal::Icmpv6 { kind: UNREACHABLE_V6, code }))
        }
        ("icmpx", None) => ICMPX
            .iter()
            .find(|(word, ..)| *word == what)
            .map(|&(word, v4, v6)| RefusalPattern::Either { word, v4, v6 }),
        _ => None,
    }
}

impl Decode for Expect {
    type Value = Expect;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Expect> {
        parsed(node, "a verdict such as \"accept\" or \"drop\"", reader)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "anyOf": [
            { "enum": ["accept", "arrive", "drop", "reject", "refuse", "no-path"] },
            { "pattern": "^(reject )?(with )?(tcp[ -]reset|icmp(v6|x)?[ -](type )?[a-z0-9/-]+|[a-z-]+)$" },
        ] })
    }
}

words! {
    /// What connection tracking thinks of a packet.
    pub enum ConntrackState as "connection state" {
        /// It begins a connection.
        New = "new",
        /// It belongs to one.
        Established = "established",
        /// It begins one that another has announced, or is an error about one.
        Related = "related",
        /// It belongs to none, and cannot begin one.
        Invalid = "invalid",
        /// It is not tracked.
        Untracked = "untracked",
    }
}
