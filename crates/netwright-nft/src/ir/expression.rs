//! What is loaded, computed and compared.

use super::{Element, Value, Verdict};
use crate::table::header::PayloadBase;
use crate::table::key::Key;
use crate::table::{ExtensionBase, Field, Header};

/// A value of a packet, a constant, or something computed from them.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A constant.
    Value(Value),
    /// All values from the first to the second, both included.
    Range(Value, Value),
    /// All values whose first `length` bits are these.
    Prefix(Value, u32),
    /// All strings that start so (`"eth*"`); the value is without the asterisk.
    Wildcard(Value),
    /// A verdict, as data of a verdict map.
    Verdict(Verdict),
    /// Name of a stateful object, as data of an object map.
    ObjectName(String),
    /// Several values, one of which must match, combined as flags (`established,related`, `syn,ack`).
    Flags(Vec<Value>),
    /// Loaded from the packet or its circumstances.
    Selector(Selector),
    /// Several loaded or constant values side by side (`ip saddr . tcp dport`).
    Concatenation(Vec<Expression>),
    /// Computed bit by bit.
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
    /// A set, named or written in place.
    Set(SetReference),
    /// What a map holds for a key (`tcp dport map { … }`).
    Map(Box<Expression>, MapReference),
    /// Whether something is there: a route, an extension header, an option (`exists`: true, `missing`: false).
    Exists(bool),
}

/// An operation bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
}

/// A set to look into.
#[derive(Clone, Debug, PartialEq)]
pub enum SetReference {
    /// `@name`
    Named(String),
    /// `{ … }`
    Anonymous(Vec<Element>),
}

/// A map to look into.
pub type MapReference = SetReference;

/// What can be loaded.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// Bytes of the packet.
    Payload(Payload),
    /// Part of an extension header, option or chunk, or whether it is there.
    Exthdr(Exthdr),
    /// What the kernel knows of the packet.
    Meta(&'static Key),
    /// What connection tracking knows of it.
    Ct(CtSelector),
    /// What the route of the packet says.
    Rt(Rt),
    /// What the socket that the packet belongs to says.
    Socket(Socket),
    /// A look-up in the routing table.
    Fib(Fib),
    /// A number that counts up or is random.
    Numgen(Numgen),
    /// A number computed from others.
    Hash(Hash),
    /// What IPsec knows of the packet.
    Xfrm(Xfrm),
    /// Name of the operating system that sent a TCP SYN (`osf`).
    Osf {
        /// How the time to live is judged: `None` by comparing, `Some(1)` `loose`, `Some(2)` `skip`.
        ttl: Option<u8>,
        /// Whether the version belongs to the name.
        version: bool,
    },
    /// What the tunnel that the packet came through says.
    Tunnel(&'static Key),
}

/// Bytes of a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The tunnel whose inside is meant (`vxlan ip saddr …`).
    pub inner: Option<&'static Header>,
    /// Which bytes.
    pub location: PayloadLocation,
}

impl Payload {
    /// Whether it starts or ends within a byte and so is masked where it is loaded.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        match self.location {
            PayloadLocation::Field(_, field) => field.is_partial(),
            PayloadLocation::Raw { offset, bits, .. } => !offset.is_multiple_of(8) || !bits.is_multiple_of(8),
        }
    }

    /// How many bits lie in a register from the first of its own to the end of the last byte.
    pub(crate) fn bits_in_register(&self) -> u32 {
        let (offset, bits) = match self.location {
            PayloadLocation::Field(_, field) => (field.offset, field.bits),
            PayloadLocation::Raw { offset, bits, .. } => (offset, bits),
        };
        bits + (8 - (offset % 8 + bits) % 8) % 8
    }
}

/// Which bytes of a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum PayloadLocation {
    /// A field of a header that is known by name.
    Field(&'static Header, &'static Field),
    /// `@base,offset,length` in bits.
    Raw {
        /// Where the offset counts from.
        base: PayloadBase,
        /// First bit.
        offset: u32,
        /// How many bits.
        bits: u32,
    },
}

/// Part of an extension header, a TCP or IP option, an SCTP chunk or a DCCP option.
#[derive(Clone, Debug, PartialEq)]
pub struct Exthdr {
    /// Where to look for it.
    pub base: ExtensionBase,
    /// Its number: protocol, option kind or chunk type.
    pub number: u8,
    /// The header or option, where it is known by name.
    pub header: Option<&'static Header>,
    /// The field; `None` asks whether the header is there.
    pub field: Option<&'static Field>,
    /// `@kind,offset,length` of an option, in bits, where no field fits.
    pub raw: Option<(u32, u32)>,
}

impl Exthdr {
    /// A field of one that is known by name; `None` where the header is no extension header, option or chunk.
    pub(crate) fn of_field(header: &'static Header, field: &'static Field) -> Option<Self> {
        let extension = header.extension?;
        let (base, number) = (extension.base, extension.number);
        Some(Exthdr { base, number, header: Some(header), field: Some(field), raw: None })
    }
}

/// Direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// As the first packet went.
    Original,
    /// The other way.
    Reply,
}

/// What connection tracking knows.
#[derive(Clone, Debug, PartialEq)]
pub struct CtSelector {
    /// What is asked for. The keys for addresses exist per family: the one written is kept.
    pub key: &'static Key,
    /// Of which direction.
    pub direction: Option<Direction>,
}

/// What the route says.
#[derive(Clone, Debug, PartialEq)]
pub struct Rt {
    /// What is asked for; `nexthop` exists per family.
    pub key: &'static Key,
}

/// What the socket says.
#[derive(Clone, Debug, PartialEq)]
pub struct Socket {
    /// What is asked for.
    pub key: &'static Key,
    /// Depth in the hierarchy, of `cgroupv2`.
    pub level: Option<u32>,
}

/// A look-up in the routing table.
#[derive(Clone, Debug, PartialEq)]
pub struct Fib {
    /// What is looked up and what it must agree with (`NFTA_FIB_F_*`).
    pub flags: u32,
    /// What is asked for.
    pub key: &'static Key,
    /// Whether only existence is asked for (`check`, `missing`).
    pub present: bool,
}

/// A number that counts up or is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numgen {
    /// Random instead of counting up.
    pub random: bool,
    /// Numbers are below this.
    pub modulus: u32,
    /// Added to each.
    pub offset: u32,
}

/// A number computed from others.
#[derive(Clone, Debug, PartialEq)]
pub struct Hash {
    /// What is hashed (`jhash`); `None` is the symmetric hash of the flow (`symhash`).
    pub of: Option<Box<Expression>>,
    /// Numbers are below this.
    pub modulus: u32,
    /// Start of the hash; `None` lets the kernel choose.
    pub seed: Option<u32>,
    /// Added to each.
    pub offset: u32,
}

/// What IPsec knows of the packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Xfrm {
    /// Which way.
    pub direction: XfrmDirection,
    /// Which transformation, from 0.
    pub number: u32,
    /// What is asked for; addresses exist per family.
    pub key: &'static Key,
}

/// Which way a packet passes IPsec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum XfrmDirection {
    /// Received.
    In,
    /// To be sent.
    Out,
}
