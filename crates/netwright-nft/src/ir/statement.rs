//! What a rule does, one step after the other.

use netwright_netfilter::{Expression as KernelExpression, Family};

use super::{BinaryOperator, Expression, MapReference, ObjectKind, Selector, SetReference, TypePart, Value};

/// A rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Its steps; the first match that fails ends it.
    pub statements: Vec<Statement>,
    /// `comment "…"`
    pub comment: Option<String>,
    /// The kernel's number for it; `None` for one that was not read from the kernel.
    pub handle: Option<u64>,
}

impl Rule {
    /// What its first counter has counted, if it has one of its own.
    #[must_use]
    pub fn counter(&self) -> Option<Counter> {
        counter(&self.statements)
    }
}

pub(super) fn counter(statements: &[Statement]) -> Option<Counter> {
    statements
        .iter()
        .find_map(|statement| if let Statement::Counter(counter) = statement { Some(*counter) } else { None })
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Goes on only if it matches.
    Match(Match),
    /// Decides.
    Verdict(Verdict),
    /// Decides as a verdict map says (`vmap`); goes on where it has no element for the key.
    VerdictMap(Expression, MapReference),
    /// Counts packets and bytes.
    Counter(Counter),
    /// Matches up to or above an amount of bytes.
    Quota(Quota),
    /// Matches up to or above a rate.
    Limit(Limit),
    /// Matches up to or above a number of connections (`ct count`).
    ConnectionLimit {
        /// How many.
        count: u32,
        /// Whether it matches above that number (`over`).
        over: bool,
    },
    /// Notes when it was last reached, in milliseconds ago; `None` is never.
    Last(Option<u64>),
    /// Uses a stateful object (`counter name "x"`, `ct helper set "x"`).
    Object(ObjectKind, ObjectName),
    /// Writes to the log.
    Log(Log),
    /// Refuses with an answer.
    Reject(Reject),
    /// Translates addresses and ports.
    Nat(Nat),
    /// Hands to a local socket without translation.
    Tproxy(Tproxy),
    /// Answers TCP handshakes in the place of a server.
    Synproxy(Synproxy),
    /// Sends a copy.
    Duplicate(Duplicate),
    /// Sends out of another interface.
    Forward(Forward),
    /// Hands to a program.
    Queue(Queue),
    /// Leaves out of connection tracking.
    Notrack,
    /// Offloads the connection to a flow table.
    FlowAdd(String),
    /// Sets a field, a mark, a property of the connection (`meta mark set 1`).
    Assign(Selector, Expression),
    /// Removes a TCP option, by kind (`reset tcp option sack-perm`).
    ResetTcpOption(u8),
    /// Adds to, updates or deletes from a set or map.
    SetUpdate(SetUpdate),
    /// A match or target of iptables, ip6tables or ebtables.
    Extension(Box<Extension>),
    /// Expressions that the language has no words for, kept as they are.
    Raw(Vec<KernelExpression>),
}

/// A match or target of iptables, ip6tables or ebtables, which only those can make. It is kept as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// As the kernel has it.
    pub code: KernelExpression,
    /// Family of the table.
    pub family: Family,
    /// The transport protocol that was matched before it.
    pub transport: Option<u8>,
    /// The same in words of the language; `None` where it has none that mean exactly that.
    pub words: Option<String>,
}

/// A comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// How; where nothing is written, the type of the left side decides.
    pub operator: MatchOperator,
    /// What is compared.
    pub left: Expression,
    /// With what.
    pub right: Expression,
}

impl Match {
    /// Whether its values have names in the language that are not listed, as its sides are brought into another byte order
    /// before they are compared.
    pub(crate) fn hides_symbols(&self) -> bool {
        self.is_swapped() && self.first_value().is_some_and(|value| !value.data_type.symbols().is_empty())
    }

    /// The first value that is compared with.
    fn first_value(&self) -> Option<&Value> {
        match &self.right {
            Expression::Value(value) | Expression::Range(value, _) => Some(value),
            Expression::Set(SetReference::Anonymous(elements)) => {
                elements.iter().find_map(|element| match &element.key {
                    Some(Expression::Value(value) | Expression::Range(value, _)) => Some(value),
                    _ => None,
                })
            }
            Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => None,
        }
    }

    /// Whether its sides are brought into another byte order before they are compared.
    pub(crate) fn is_swapped(&self) -> bool {
        let ordered = match &self.right {
            Expression::Value(_) => self.operator.is_ordered(),
            Expression::Range(..) => true,
            Expression::Set(SetReference::Anonymous(elements)) => {
                elements.iter().any(|element| element.key.as_ref().is_some_and(Expression::is_interval))
            }
            Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => false,
        };
        let host = |part: &TypePart| part.is_host_number();
        let value = self.first_value().map(Value::part);
        let left = self.left.parts(&|_| Vec::new()).first().copied();
        let shifted = matches!(
            self.left,
            Expression::Binary(BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, ..)
        ) && left.as_ref().is_some_and(|part| part.bytes() > 1);
        ordered && (shifted || value.as_ref().is_some_and(host) || left.as_ref().is_some_and(host))
    }
}

/// How two sides compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOperator {
    /// Nothing written: equal, in the set, or, for flags, any of them set.
    Implicit,
    /// `==`
    Equal,
    /// `!=`; for flags written with `!`: none of them set.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `!` before flags: none of them set.
    NoneOf,
}

impl MatchOperator {
    /// Whether it asks which side is greater.
    #[must_use]
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The packet may pass this chain.
    Accept,
    /// The packet is gone.
    Drop,
    /// The next rule.
    Continue,
    /// Back to the calling chain.
    Return,
    /// To another chain, and back.
    Jump(ChainTarget),
    /// To another chain, and not back.
    Goto(ChainTarget),
    /// A code that has no name here.
    Other(i32),
}

/// A chain to go to.
#[derive(Clone, Debug, PartialEq)]
pub enum ChainTarget {
    /// By name.
    Named(String),
    /// Written in place (`jump { … }`).
    Anonymous(Vec<Rule>),
}

/// `counter packets 0 bytes 0`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets so far.
    pub packets: u64,
    /// Bytes so far.
    pub bytes: u64,
}

/// `quota over 10 mbytes used 0 bytes`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// The amount in bytes.
    pub bytes: u64,
    /// Used up so far, in bytes.
    pub used: u64,
    /// Whether it matches above the amount (`over`).
    pub over: bool,
}

/// `limit rate over 10/second burst 5 packets`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How much.
    pub rate: LimitRate,
    /// Per how many seconds: 1, 60, 3600, 86400 or 604800.
    pub seconds: u64,
    /// How much at once, in packets or bytes as the rate is.
    pub burst: u32,
    /// Whether it matches above the rate.
    pub over: bool,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitRate {
    /// Packets per unit.
    Packets(u64),
    /// Bytes per unit.
    Bytes(u64),
}

/// Name of a stateful object, or a map that gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectName {
    /// The name.
    Name(String),
    /// `KEY map { … : "name" }`
    Map(Box<Expression>, MapReference),
}

/// `log prefix "…" level warn`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Text before each line.
    pub prefix: Option<String>,
    /// Group that receives packets instead of the kernel's log.
    pub group: Option<u16>,
    /// How many bytes of each packet.
    pub snaplen: Option<u32>,
    /// How many packets at once.
    pub queue_threshold: Option<u16>,
    /// Level of the kernel's log (`LOG_*` of syslog, and 8 for audit).
    pub level: Option<u32>,
    /// What else is logged (`NF_LOG_*`).
    pub flags: u32,
}

/// `reject with icmp port-unreachable`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// What fits the family, port unreachable: nothing is written.
    Default,
    /// `tcp reset`
    TcpReset,
    /// `icmp CODE`
    Icmp(u8),
    /// `icmpv6 CODE`
    Icmpv6(u8),
    /// `icmpx CODE`, translated to the family of the packet
    Icmpx(u8),
}

/// What kind of translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NatKind {
    /// Of the source.
    Source,
    /// Of the destination.
    Destination,
    /// Of the source, to the address of the interface.
    Masquerade,
    /// Of the destination, to this host.
    Redirect,
}

/// `dnat ip to 192.0.2.1:80`
#[derive(Clone, Debug, PartialEq)]
pub struct Nat {
    /// What kind.
    pub kind: NatKind,
    /// Family of the addresses, where written or needed (`NFPROTO_IPV4` 2, `NFPROTO_IPV6` 10).
    pub family: Option<Family>,
    /// To which address or range; a concatenation of address and port where a map gives both.
    pub address: Option<Expression>,
    /// To which port or range.
    pub port: Option<Expression>,
    /// How ports are chosen (`NF_NAT_RANGE_*`).
    pub flags: u32,
    /// Whether the prefix is translated and the rest kept (`prefix to`).
    pub prefix: bool,
}

/// `tproxy ip to 127.0.0.1:8080`
#[derive(Clone, Debug, PartialEq)]
pub struct Tproxy {
    /// Family, where written.
    pub family: Option<Family>,
    /// To which address.
    pub address: Option<Expression>,
    /// To which port.
    pub port: Option<Expression>,
}

/// `synproxy mss 1460 wscale 7 timestamp sack-perm`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synproxy {
    /// Maximum segment size in bytes.
    pub mss: Option<u16>,
    /// Window scale.
    pub wscale: Option<u8>,
    /// Whether timestamps are offered.
    pub timestamp: bool,
    /// Whether selective acknowledgement is offered.
    pub sack_permitted: bool,
}

/// `dup to 192.0.2.1 device "eth0"`
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    /// To which address; `None` in the family netdev.
    pub address: Option<Expression>,
    /// Out of which interface.
    pub device: Option<Expression>,
}

/// `fwd to "eth0"`, `fwd ip to 192.0.2.1 device "eth0"`
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// Out of which interface.
    pub device: Expression,
    /// Family of the neighbour's address.
    pub family: Option<Family>,
    /// To which neighbour.
    pub address: Option<Expression>,
}

/// `queue flags bypass to 0-3`
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// To which.
    pub to: QueueTarget,
    /// Whether packets pass when no program listens (`bypass`).
    pub bypass: bool,
    /// Whether packets are spread by processor (`fanout`).
    pub fanout: bool,
}

/// Which queue.
#[derive(Clone, Debug, PartialEq)]
pub enum QueueTarget {
    /// From the first to the last.
    Numbers(u16, u16),
    /// Computed.
    Computed(Box<Expression>),
}

/// What to do with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetUpdateOperation {
    /// Unless it is there.
    Add,
    /// Also where it is there: the timeout starts again.
    Update,
    /// Remove.
    Delete,
}

/// `update @set { ip saddr timeout 10s limit rate 3/minute }`
#[derive(Clone, Debug, PartialEq)]
pub struct SetUpdate {
    /// What to do.
    pub operation: SetUpdateOperation,
    /// Name of the set or map.
    pub set: String,
    /// Key of the element.
    pub key: Expression,
    /// Data of the element, in a map.
    pub data: Option<Expression>,
    /// Milliseconds until the element is gone.
    pub timeout: Option<u64>,
    /// Stateful statements that the element gets.
    pub statements: Vec<Statement>,
    /// Comment of the element.
    pub comment: Option<String>,
}
