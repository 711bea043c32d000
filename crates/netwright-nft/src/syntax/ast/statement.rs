//! Rules and the statements in them.

use super::{Element, Expression, IpVersion, Name, Number, ObjectKind, Time};
use crate::diagnostic::Span;

/// The content of one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// From the first statement to the end of the comment.
    pub span: Span,
    /// In the order written.
    pub statements: Vec<Statement>,
    /// `comment "…"` at the end.
    pub comment: Option<Name>,
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Where it stands.
    pub span: Span,
    /// What it does.
    pub kind: StatementKind,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `tcp dport 22`: the rule goes on only if it holds.
    Match(Match),
    /// `accept`, `jump chain`.
    Verdict(Verdict),
    /// `key vmap …`: the verdict that a map holds.
    VerdictMap {
        /// What is looked up.
        key: Expression,
        /// Where: a set with values, a reference or a variable.
        map: Expression,
    },
    /// `meta mark set 1`, `tcp dport set 80`: changes a packet, its metadata or its connection.
    Assign {
        /// What is changed: meta, ct, payload, raw payload, or a header option.
        target: Expression,
        /// The new value.
        value: Expression,
    },
    /// `counter packets 1 bytes 2`.
    Counter(Counter),
    /// `quota over 25 mbytes`.
    Quota(Quota),
    /// `limit rate 10/second`.
    Limit(Limit),
    /// `last used 10s`: when it was last reached.
    Last {
        /// How long ago; unset where nothing was said.
        used: Option<Time>,
    },
    /// `ct count over 10`.
    ConnectionLimit {
        /// Holds above the number, not up to it.
        over: bool,
        /// How many connections.
        count: Number,
    },
    /// `counter name "x"`, `limit name tcp dport map …`, `ct helper set "x"`: a named object does its work here.
    ObjectReference {
        /// Of which kind.
        object: ObjectKind,
        /// Its name, or a map that yields it.
        name: Expression,
    },
    /// `log prefix "x"`.
    Log(Box<Log>),
    /// `reject with icmp host-unreachable`.
    Reject(Reject),
    /// `snat`, `dnat`, `masquerade`, `redirect`.
    Nat(Nat),
    /// `tproxy ip to 127.0.0.1:8080`.
    Tproxy(Tproxy),
    /// `synproxy mss 1460 wscale 7`.
    Synproxy(Synproxy),
    /// `dup to address device name`.
    Dup {
        /// The address, or the device where nothing else is given (netdev).
        to: Expression,
        /// The device.
        device: Option<Expression>,
    },
    /// `fwd ip to address device name`, `fwd to name`.
    Fwd {
        /// The family of the address.
        version: Option<IpVersion>,
        /// The address where a device follows, else the device.
        to: Expression,
        /// The device.
        device: Option<Expression>,
    },
    /// `queue flags bypass to 1-3`.
    Queue(Queue),
    /// `notrack`.
    Notrack,
    /// `flow add @name`.
    FlowAdd {
        /// The flow table.
        flowtable: Name,
    },
    /// `add @name { key : value }`, and the older `set add key @name`.
    SetUpdate(SetUpdate),
    /// `meter name size 100 { key limit rate … }`: a set made by the way.
    Meter(Meter),
    /// `reset tcp option sack-perm`: overwrites the option.
    ResetOption(Expression),
    /// `xt match "name"`: something of iptables that only nft's own listing shows; cannot be loaded.
    Xt {
        /// `match`, `target` or `watcher`.
        kind: Name,
        /// The extension.
        name: Name,
    },
}

/// How two sides are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`, `eq`
    Equal,
    /// `!=`, `ne`
    NotEqual,
    /// `<`, `lt`
    Less,
    /// `>`, `gt`
    Greater,
    /// `<=`, `le`
    LessOrEqual,
    /// `>=`, `ge`
    GreaterOrEqual,
    /// `!`, `not`: none of the bits is set.
    Not,
}

/// `left operator right`.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// What is looked at.
    pub left: Expression,
    /// The operator; unset where none was written, which means equality, membership or a common bit, as the types say.
    pub operator: Option<Comparison>,
    /// Where the operator stands; the start of the right side where there is none.
    pub operator_span: Span,
    /// What it is compared with.
    pub right: Expression,
    /// The mask in `tcp flags syn / syn,ack`.
    pub mask: Option<Expression>,
}

/// What becomes of the packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// `accept`
    Accept,
    /// `drop`
    Drop,
    /// `continue`
    Continue,
    /// `return`
    Return,
    /// `jump`
    Jump(ChainTarget),
    /// `goto`
    Goto(ChainTarget),
    /// `queue` as a value in a map of verdicts.
    Queue,
}

/// Where a jump goes.
#[derive(Clone, Debug, PartialEq)]
pub enum ChainTarget {
    /// A chain by its name: a word, or a variable that stands for one.
    Named(Expression),
    /// `{ … }`: a chain without a name, made for this jump.
    Anonymous(Vec<Rule>),
}

/// Initial values of a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets counted so far.
    pub packets: Option<Number>,
    /// Bytes counted so far.
    pub bytes: Option<Number>,
}

/// An amount of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `over`: holds above the amount, not up to it.
    pub over: bool,
    /// In bytes, units multiplied out.
    pub bytes: Number,
    /// Used up already, in bytes.
    pub used: Option<Number>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `over`: holds above the rate, not up to it.
    pub over: bool,
    /// Packets, or bytes with their units multiplied out, for each unit of time.
    pub rate: Number,
    /// Whether packets or bytes are counted.
    pub unit: LimitUnit,
    /// The unit of time in seconds: 1, 60, 3600, 86400 or 604800.
    pub per: u64,
    /// What may come at once, in packets or (units multiplied out) bytes.
    pub burst: Option<Number>,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitUnit {
    /// Packets.
    Packets,
    /// Bytes.
    Bytes,
}

/// `log …`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// `prefix`
    pub prefix: Option<LogPrefix>,
    /// `level`: emerg to debug, or audit.
    pub level: Option<Name>,
    /// `group`: send to this nflog group instead.
    pub group: Option<Number>,
    /// `snaplen`, in bytes.
    pub snaplen: Option<Number>,
    /// `queue-threshold`, in packets.
    pub queue_threshold: Option<Number>,
    /// `flags`.
    pub flags: Vec<LogFlag>,
}

/// A text with variables in it: `"dropped $name: "`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPrefix {
    /// The whole of it, with its quotes.
    pub span: Span,
    /// Literals (without quotes in their spans) and variables, to be joined.
    pub parts: Vec<Expression>,
}

/// What a log line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogFlag {
    /// `tcp sequence`
    TcpSequence,
    /// `tcp options`
    TcpOptions,
    /// `ip options`
    IpOptions,
    /// `skuid`
    SocketUser,
    /// `ether`
    Ether,
    /// `all`
    All,
}

/// `reject …`.
#[derive(Clone, Debug, PartialEq)]
pub enum Reject {
    /// As the family has it: port unreachable.
    Default,
    /// `with icmp`, with its code.
    Icmp(Expression),
    /// `with icmpv6`, with its code.
    Icmpv6(Expression),
    /// `with icmpx`, with its code.
    Icmpx(Expression),
    /// `with tcp reset`
    TcpReset,
}

/// Which translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NatKind {
    /// `snat`
    Source,
    /// `dnat`
    Destination,
    /// `masquerade`
    Masquerade,
    /// `redirect`
    Redirect,
}

/// An address translation.
#[derive(Clone, Debug, PartialEq)]
pub struct Nat {
    /// Which.
    pub kind: NatKind,
    /// `ip` or `ip6`.
    pub version: Option<IpVersion>,
    /// `prefix`: networks are mapped one to one.
    pub prefix: bool,
    /// What the target holds: `addr . port to` says both; nothing leaves it to the types.
    pub address_and_port: bool,
    /// `interval`: each target is a range (an older way to write it).
    pub interval: bool,
    /// The new address, range or prefix, or a map that yields it (with the port, where the types say so).
    pub address: Option<Expression>,
    /// What stands behind `:`.
    pub port: Option<Expression>,
    /// `random`, `fully-random`, `persistent`.
    pub flags: Vec<Name>,
}

/// A transparent proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tproxy {
    /// `ip` or `ip6`.
    pub version: Option<IpVersion>,
    /// The listener's address.
    pub address: Option<Expression>,
    /// The listener's port.
    pub port: Option<Expression>,
}

/// A proxy for the opening of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synproxy {
    /// `mss`
    pub mss: Option<Number>,
    /// `wscale`
    pub window_scale: Option<Number>,
    /// `timestamp`
    pub timestamp: bool,
    /// `sack-perm`
    pub sack_permitted: bool,
}

/// `queue …`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    /// A number, a range, or what computes one.
    pub to: Option<Expression>,
    /// `bypass`
    pub bypass: bool,
    /// `fanout`
    pub fanout: bool,
}

/// What is done to a set from the packet path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperation {
    /// `add`
    Add,
    /// `update`: also restarts the timeout.
    Update,
    /// `delete`
    Delete,
}

/// `add @name { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct SetUpdate {
    /// What is done.
    pub operation: SetOperation,
    /// The set or map.
    pub set: Name,
    /// The key, with a timeout and statements, and the value for a map.
    pub element: Element,
}

/// `meter name { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// Its name.
    pub name: Name,
    /// How many keys it holds at most.
    pub size: Option<Number>,
    /// The key with its statements.
    pub element: Element,
}
