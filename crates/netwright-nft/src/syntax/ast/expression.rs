//! Expressions: values and what they are taken from.

use super::{DefinitionId, Elements, IpVersion, Name, Number, Statement, Time, Verdict};
use crate::diagnostic::{SourceMap, Span};

/// A value, or something that yields one.
///
/// Kept small (32 bytes), as one set may hold a million: everything but a literal is behind a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExpressionKind,
}

impl Expression {
    /// The text as written, without the quotes of a string; for literals mostly.
    #[must_use]
    pub fn text<'a>(&self, sources: &'a SourceMap) -> &'a str {
        super::unquote(sources.snippet(self.span))
    }

    /// The parts of a concatenation, or the expression itself as the only part.
    #[must_use]
    pub fn parts(&self) -> &[Expression] {
        match &self.kind {
            ExpressionKind::Concat(list) => &list.items,
            _ => std::slice::from_ref(self),
        }
    }
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// A constant whose meaning depends on the type that is wanted; its text is the expression's span.
    Literal(LiteralKind),
    /// `$name`, with the definition that is visible here; unset where there is none (that was reported).
    Variable(Option<DefinitionId>),
    /// `@name`; the span is of the name alone.
    SetReference(Name),
    /// `{ … }`: a set, or a map when its elements have values.
    Set(Box<SetExpression>),
    /// `a . b . c`, two parts or more.
    Concat(Box<ExpressionList>),
    /// `a,b,c`, two items or more: bits that are or-ed (`ct state new,established`).
    List(Box<ExpressionList>),
    /// `a-b`, both inclusive.
    Range(Box<Range>),
    /// `a/24`.
    Prefix(Box<Prefix>),
    /// `a & b`, `a << b` and so on.
    Binary(Box<Binary>),
    /// `key map …`.
    Map(Box<Map>),
    /// A verdict as the value of a map's element.
    Verdict(Box<Verdict>),
    /// `meta key`, or the key alone.
    Meta(Name),
    /// `tcp dport`.
    Payload(Box<Payload>),
    /// `@th,16,16`.
    RawPayload(Box<RawPayload>),
    /// `exthdr frag`, `frag id`, `srh sid[1]`.
    ExtensionHeader(Box<ExtensionHeader>),
    /// `tcp option maxseg size`, `tcp option @255,8,8`.
    TcpOption(Box<TcpOption>),
    /// `ip option lsrr ptr`.
    IpOption(Box<OptionField>),
    /// `sctp chunk data tsn`.
    SctpChunk(Box<OptionField>),
    /// `dccp option 40`.
    DccpOption(Box<Number>),
    /// `ct state`, `ct original ip saddr`.
    Ct(Box<Ct>),
    /// `fib saddr . iif oif`.
    Fib(Box<Fib>),
    /// `rt ip nexthop`.
    Route(Box<Route>),
    /// `socket mark`, `socket cgroupv2 level 1`.
    Socket(Box<Socket>),
    /// `ipsec in spnum 1 ip saddr`.
    Ipsec(Box<Ipsec>),
    /// `osf ttl skip name`.
    Osf(Box<Osf>),
    /// `numgen inc mod 2 offset 1`.
    Numgen(Box<Numgen>),
    /// `jhash ip saddr mod 2`, `symhash mod 2`.
    Hash(Box<Hash>),
    /// `tunnel id`: a property of the tunnel that a packet came by.
    Tunnel(Name),
}

/// What a literal looks like. Which of the looks a type accepts is the evaluation's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiteralKind {
    /// A bare word: `ssh`, `established`, `eth0`, `8021q`.
    Word,
    /// A number: `80`, `0x50`, `-150`.
    Number,
    /// A number with a unit of time: `1d2h`.
    Time,
    /// Digits and dots: `10.0.0.1`.
    Dotted,
    /// Hexadecimal groups and colons: an IPv6 address, a link layer address or a traffic control handle. The brackets of
    /// `[2001:db8::1]` are not in the span.
    Colons,
    /// `"…"`; the span has the quotes.
    String,
    /// A word that ends in `*`: `eth*`.
    Wildcard,
    /// `*` alone: every key of a set that has no element of its own.
    Any,
}

/// Several expressions.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpressionList {
    /// In the order written.
    pub items: Vec<Expression>,
}

/// `{ … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct SetExpression {
    /// In the order written; may be empty. A nested set is an element whose key is a [`ExpressionKind::Set`].
    pub elements: Elements,
}

/// One element of a set or map.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// The key.
    pub key: Expression,
    /// Timeout, comment and statements.
    pub options: Option<Box<ElementOptions>>,
    /// What stands behind the colon, in a map.
    pub value: Option<Box<Expression>>,
}

impl Element {
    /// From the key to the value.
    #[must_use]
    pub fn span(&self) -> Span {
        match &self.value {
            Some(value) => self.key.span.to(value.span),
            None => self.key.span,
        }
    }
}

/// What an element may carry beside its key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ElementOptions {
    /// `timeout`: how long it stays.
    pub timeout: Option<Time>,
    /// `expires`: how long it stays from now on.
    pub expires: Option<Time>,
    /// `comment`.
    pub comment: Option<Name>,
    /// `counter`, `limit`, `quota`, `last`, `ct count`.
    pub statements: Vec<Statement>,
}

/// `from-to`.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The first value.
    pub from: Expression,
    /// The last value.
    pub to: Expression,
}

/// `value/length`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefix {
    /// The value.
    pub value: Expression,
    /// How many leading bits count.
    pub length: Number,
}

/// An operator between two values. From loose to tight: `|`, `^`, `&`, then shifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `|`, `or`
    Or,
    /// `^`, `xor`
    Xor,
    /// `&`, `and`
    And,
    /// `<<`, `lshift`
    ShiftLeft,
    /// `>>`, `rshift`
    ShiftRight,
}

/// `left operator right`.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub operator: BinaryOperator,
    /// Where the operator stands.
    pub operator_span: Span,
    /// Left of it.
    pub left: Expression,
    /// Right of it.
    pub right: Expression,
}

/// `key map { … }`, `key map @name`, `key map $variable`.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// What is looked up.
    pub key: Expression,
    /// Where: a set with values, a reference or a variable.
    pub map: Expression,
}

/// A field of a protocol header.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The encapsulation that the header lies in: `vxlan` in `vxlan ip saddr`.
    pub tunnel: Option<Name>,
    /// The protocol: `tcp`.
    pub protocol: Name,
    /// The field: `dport`. For `arp saddr ip` it is `saddr`.
    pub field: Name,
    /// The second word of a field that has two: `ip` or `ether` in `arp saddr ip`.
    pub qualifier: Option<Name>,
}

/// Bits of a packet by their place.
#[derive(Clone, Debug, PartialEq)]
pub struct RawPayload {
    /// `ll`, `nh`, `th` or `ih`.
    pub base: Name,
    /// Offset in bits.
    pub offset: Number,
    /// Length in bits.
    pub length: Number,
}

/// An IPv6 extension header.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtensionHeader {
    /// `hbh`, `rt`, `frag`, `dst`, `mh`, `srh`.
    pub header: Name,
    /// The field; unset in `exthdr frag`, which asks whether the header is there.
    pub field: Option<Name>,
    /// The number in `sid[1]`.
    pub index: Option<Number>,
}

/// A TCP option.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpOption {
    /// The option.
    pub option: TcpOptionName,
    /// What of it; unset asks whether it is there.
    pub field: Option<Name>,
}

/// How a TCP option is named.
#[derive(Clone, Debug, PartialEq)]
pub enum TcpOptionName {
    /// `maxseg`
    Word(Name),
    /// `255`
    Kind(Number),
    /// `@255,8,8`: kind, and offset and length in bits.
    Raw {
        /// The option's kind.
        kind: Number,
        /// Offset in bits.
        offset: Number,
        /// Length in bits.
        length: Number,
    },
}

/// A named option or chunk and a field of it.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionField {
    /// The option or chunk.
    pub option: Name,
    /// What of it; unset asks whether it is there.
    pub field: Option<Name>,
}

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CtDirection {
    /// `original`
    Original,
    /// `reply`
    Reply,
}

/// Something about the packet's connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Ct {
    /// Which direction's value, where it was said.
    pub direction: Option<CtDirection>,
    /// The family in `ct original ip saddr`.
    pub version: Option<IpVersion>,
    /// `state`, `mark`, `saddr` and so on.
    pub key: Name,
}

/// A look-up in the routing tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Fib {
    /// `saddr`, `daddr`, `mark`, `iif`, `oif`, in the order written.
    pub tuple: Vec<Name>,
    /// `oif`, `oifname`, `type` or `check`.
    pub result: Name,
}

/// Something about the packet's route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The family in `rt ip nexthop`.
    pub version: Option<IpVersion>,
    /// `classid`, `nexthop`, `mtu`, `ipsec`.
    pub key: Name,
}

/// Something about the packet's socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Socket {
    /// `transparent`, `mark`, `wildcard`, `cgroupv2`.
    pub key: Name,
    /// The number in `socket cgroupv2 level 1`.
    pub level: Option<Number>,
}

/// Which of a packet's security associations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpsecDirection {
    /// `in`
    In,
    /// `out`
    Out,
}

/// Something about a packet's security association.
#[derive(Clone, Debug, PartialEq)]
pub struct Ipsec {
    /// Inbound or outbound.
    pub direction: IpsecDirection,
    /// The number behind `spnum`.
    pub number: Option<Number>,
    /// The family in `ipsec in ip saddr`.
    pub version: Option<IpVersion>,
    /// `reqid`, `spi`, `saddr`, `daddr`.
    pub key: Name,
}

/// A guess at the sender's operating system.
#[derive(Clone, Debug, PartialEq)]
pub struct Osf {
    /// `loose` or `skip`.
    pub ttl: Option<Name>,
    /// `name` or `version`.
    pub key: Name,
}

/// A number generator.
#[derive(Clone, Debug, PartialEq)]
pub struct Numgen {
    /// `inc` or `random`.
    pub mode: Name,
    /// Results are below it.
    pub modulus: Number,
    /// Added to the result.
    pub offset: Option<Number>,
}

/// A hash of (parts of) a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Hash {
    /// What `jhash` hashes; unset for `symhash`.
    pub input: Option<Expression>,
    /// Results are below it.
    pub modulus: Number,
    /// Where `jhash` starts from; unset leaves it to chance.
    pub seed: Option<Number>,
    /// Added to the result.
    pub offset: Option<Number>,
}
