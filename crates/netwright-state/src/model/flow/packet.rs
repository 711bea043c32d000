//! What a packet is made of.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::scalar::{integer, parsed};
use crate::schema::Definitions;
use crate::section::{Decode, Reader, find_word, numbers};
use crate::tree::{Node, Value};

numbers! {
    /// The protocol of a packet above IP.
    pub struct ProbeProtocol(u8) as "protocol", from 0 {
        /// ICMP.
        ICMP = 1 "icmp",
        /// IGMP.
        IGMP = 2 "igmp",
        /// IPv4 in IP.
        IPIP = 4 "ipip",
        /// TCP.
        TCP = 6 "tcp",
        /// UDP.
        UDP = 17 "udp",
        /// DCCP.
        DCCP = 33 "dccp",
        /// IPv6 in IP.
        IPV6 = 41 "ipv6",
        /// GRE.
        GRE = 47 "gre",
        /// Encapsulated payload of IPsec.
        ESP = 50 "esp",
        /// Authentication header of IPsec.
        AH = 51 "ah",
        /// ICMPv6.
        ICMPV6 = 58 "icmpv6",
        /// OSPF.
        OSPF = 89 "ospf",
        /// PIM.
        PIM = 103 "pim",
        /// VRRP.
        VRRP = 112 "vrrp",
        /// L2TP.
        L2TP = 115 "l2tp",
        /// SCTP.
        SCTP = 132 "sctp",
        /// UDP-Lite.
        UDPLITE = 136 "udplite",
    }
}

/// An ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpProbe {
    /// An echo request, of the family's kind, which is answered.
    Echo,
    /// A message of a type.
    Type {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
    },
    /// A message whose type has a name, which may be another number in each family.
    Named {
        /// The name.
        name: &'static str,
        /// The type in ICMP.
        v4: Option<u8>,
        /// The type in ICMPv6.
        v6: Option<u8>,
        /// The code.
        code: u8,
    },
}

/// Names of types, as nft has them, with their numbers in ICMP and ICMPv6.
const TYPES: [(&str, Option<u8>, Option<u8>); 26] = [
    ("echo-reply", Some(0), Some(129)),
    ("destination-unreachable", Some(3), Some(1)),
    ("source-quench", Some(4), None),
    ("redirect", Some(5), None),
    ("echo-request", Some(8), Some(128)),
    ("router-advertisement", Some(9), None),
    ("router-solicitation", Some(10), None),
    ("time-exceeded", Some(11), Some(3)),
    ("parameter-problem", Some(12), Some(4)),
    ("timestamp-request", Some(13), None),
    ("timestamp-reply", Some(14), None),
    ("info-request", Some(15), None),
    ("info-reply", Some(16), None),
    ("address-mask-request", Some(17), None),
    ("address-mask-reply", Some(18), None),
    ("packet-too-big", None, Some(2)),
    ("mld-listener-query", None, Some(130)),
    ("mld-listener-report", None, Some(131)),
    ("mld-listener-done", None, Some(132)),
    ("nd-router-solicit", None, Some(133)),
    ("nd-router-advert", None, Some(134)),
    ("nd-neighbor-solicit", None, Some(135)),
    ("nd-neighbor-advert", None, Some(136)),
    ("nd-redirect", None, Some(137)),
    ("router-renumbering", None, Some(138)),
    ("mld2-listener-report", None, Some(143)),
];

impl IcmpProbe {
    /// Type and code in a family; `None` where the family has no such message.
    #[must_use]
    pub fn numbers(self, ipv6: bool) -> Option<(u8, u8)> {
        match self {
            IcmpProbe::Echo => Some((if ipv6 { 128 } else { 8 }, 0)),
            IcmpProbe::Type { kind, code } => Some((kind, code)),
            IcmpProbe::Named { v4, v6, code, .. } => Some((if ipv6 { v6? } else { v4? }, code)),
        }
    }
}

impl fmt::Display for IcmpProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IcmpProbe::Echo => f.write_str("echo"),
            IcmpProbe::Type { kind, code: 0 } => write!(f, "type {kind}"),
            IcmpProbe::Type { kind, code } => write!(f, "type {kind} code {code}"),
            IcmpProbe::Named { name, code: 0, .. } => f.write_str(name),
            IcmpProbe::Named { name, code, .. } => write!(f, "{name} code {code}"),
        }
    }
}

impl FromStr for IcmpProbe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, code) = text.split_once('/').unwrap_or((text, "0"));
        let code = code.parse().map_err(|_| format!("`{code}` is no code of ICMP: it is a number to 255"))?;
        if let Ok(kind) = kind.parse() {
            return Ok(IcmpProbe::Type { kind, code });
        }
        if kind == "echo" {
            return Ok(IcmpProbe::Echo);
        }
        let found = TYPES.iter().find(|(name, ..)| *name == kind);
        found.map(|&(name, v4, v6)| IcmpProbe::Named { name, v4, v6, code }).ok_or_else(|| {
            let near = netwright_nft::diagnostic::nearest(kind, TYPES.iter().map(|(name, ..)| *name));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("`{kind}` is no type of ICMP{near}")
        })
    }
}

impl Decode for IcmpProbe {
    type Value = IcmpProbe;

    fn decode(node: &Node, reader: &mut Reader) -> Option<IcmpProbe> {
        match node.value {
            Value::Boolean(true) => Some(IcmpProbe::Echo),
            Value::Integer(_) => {
                let kind = u8::try_from(integer(node, &(0..=255), reader)?).ok()?;
                Some(IcmpProbe::Type { kind, code: 0 })
            }
            _ => parsed(node, "true for an echo request, or the number or name of an ICMP type", reader),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "anyOf": [
            { "const": true },
            { "type": "integer", "minimum": 0, "maximum": 255 },
            { "type": "string", "pattern": "^([0-9]+|[a-z0-9-]+)(/[0-9]+)?$" },
        ] })
    }
}

/// Flags of a TCP segment, as its header has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

const FLAGS: [(&str, u8); 8] =
    [("fin", 1), ("syn", 2), ("rst", 4), ("psh", 8), ("ack", 16), ("urg", 32), ("ecn", 64), ("cwr", 128)];

impl FromStr for TcpFlags {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "none" {
            return Ok(TcpFlags(0));
        }
        let words = text.split([',', '|', ' ']).map(str::trim).filter(|word| !word.is_empty());
        let mut flags = 0;
        for word in words {
            let found = FLAGS.iter().find(|(name, _)| *name == word.to_lowercase());
            let known = || FLAGS.map(|(name, _)| format!("`{name}`")).join(", ");
            flags |= found.ok_or_else(|| format!("`{word}` is no flag of TCP: known are {}", known()))?.1;
        }
        if flags == 0 { Err("no flags are written as \"none\"".into()) } else { Ok(TcpFlags(flags)) }
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            FLAGS.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(name, _)| *name).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(","))
    }
}

impl Decode for TcpFlags {
    type Value = TcpFlags;

    fn decode(node: &Node, reader: &mut Reader) -> Option<TcpFlags> {
        parsed(node, "flags such as \"syn\" or \"syn,ack\"", reader)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["syn", "syn,ack", "none"] })
    }
}

/// The DSCP field of a packet (RFC 2474).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dscp(pub u8);

const DSCP: [(&str, u8); 25] = [
    ("cs0", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("df", 0),
    ("be", 0),
    ("lephb", 1),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("va", 44),
    ("ef", 46),
];

impl Decode for Dscp {
    type Value = Dscp;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Dscp> {
        match node.value {
            Value::Integer(_) => u8::try_from(integer(node, &(0..=63), reader)?).ok().map(Dscp),
            _ => find_word(node, "DSCP", &DSCP, reader).map(Dscp),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        let words = DSCP.map(|(word, _)| word);
        json!({ "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 63 }, { "enum": words }] })
    }
}

/// What a packet carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

/// The longest payload: what fits into a packet on Ethernet with any header.
const LONGEST: usize = 1400;

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = match text.strip_prefix("0x") {
            None => text.as_bytes().to_vec(),
            Some(digits) => {
                let digits: Vec<char> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
                let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok();
                let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
                let whole = digits.len().is_multiple_of(2) && digits.iter().all(char::is_ascii_hexdigit);
                bytes
                    .filter(|_| whole)
                    .ok_or("bytes are written as pairs of hexadecimal digits after \"0x\"")?
            }
        };
        match bytes.len() {
            0..=LONGEST => Ok(Bytes(bytes)),
            length => Err(format!("it has {length} bytes: at most {LONGEST} fit into a packet")),
        }
    }
}

impl Decode for Bytes {
    type Value = Bytes;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Bytes> {
        parsed(node, "text, or bytes such as \"0x0102ff\"", reader)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["GET / HTTP/1.0", "0x0102ff"] })
    }
}

/// A user or group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// By number.
    Number(u32),
    /// By name.
    Name(String),
}

impl Decode for Owner {
    type Value = Owner;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Owner> {
        match node.value {
            Value::Integer(_) => {
                let most = i128::from(u32::MAX) - 1;
                u32::try_from(integer(node, &(0..=most), reader)?).ok().map(Owner::Number)
            }
            _ => reader.text(node, "a name or a number").map(|name| Owner::Name(name.to_owned())),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": ["string", "integer"], "minimum": 0 })
    }
}

/// A length of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Delay(pub Duration);

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no length of time such as \"500ms\", \"10s\" or \"1h30m\"");
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, after) = rest.split_at(digits);
            let number: u64 = number.parse().map_err(|_| wrong())?;
            let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit);
            let unit = match unit.trim() {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return Err(wrong()),
            };
            let part = number.checked_mul(unit).ok_or_else(wrong)?;
            total = total.checked_add(Duration::from_millis(part)).ok_or_else(wrong)?;
            rest = after;
        }
        if total.is_zero() { Err(wrong()) } else { Ok(Delay(total)) }
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        match milliseconds % 1000 {
            0 => write!(f, "{}s", milliseconds / 1000),
            _ => write!(f, "{milliseconds}ms"),
        }
    }
}

impl Decode for Delay {
    type Value = Delay;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Delay> {
        match node.value {
            Value::Integer(_) => {
                let seconds = integer(node, &(1..=i128::from(u32::MAX)), reader)?;
                Some(Delay(Duration::from_secs(u64::try_from(seconds).ok()?)))
            }
            _ => parsed(node, "seconds, or a length of time such as \"500ms\" or \"10m\"", reader),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": ["string", "integer"], "minimum": 1, "examples": ["500ms", "10s", "1h30m"] })
    }
}

/// Numbers of packets by the names of counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub Vec<(String, u64)>);

impl Decode for Counts {
    type Value = Counts;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Counts> {
        let entries = reader.table(node, "how many packets counters count")?;
        let mut counts = Vec::new();
        for entry in entries {
            let count = integer(&entry.node, &(0..=i128::from(u32::MAX)), reader)?;
            counts.push((entry.key.clone(), u64::try_from(count).ok()?));
        }
        Some(Counts(counts))
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } })
    }
}
