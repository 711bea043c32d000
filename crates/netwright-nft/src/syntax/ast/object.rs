//! What a table holds: chains, sets, flow tables and named objects.

use super::{Counter, Expression, Limit, Name, Number, Quota, Rule, Statement, Synproxy, Time};
use crate::diagnostic::Span;

/// One thing in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum TableItem {
    /// `chain`
    Chain(Chain),
    /// `set` or `map`
    Set(Set),
    /// `flowtable`
    Flowtable(Flowtable),
    /// `counter`, `quota`, `ct helper` and their like
    Object(Object),
}

/// A chain, with the rules that were written inside its braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Where its name stands.
    pub name: Name,
    /// What makes it a base chain.
    pub hook: Option<HookSpec>,
    /// `policy`: a word or a variable.
    pub policy: Option<Expression>,
    /// `flags offload`
    pub flags: Vec<Name>,
    /// `comment`
    pub comment: Option<Name>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// `type filter hook input device "eth0" priority filter`.
#[derive(Clone, Debug, PartialEq)]
pub struct HookSpec {
    /// The whole of it.
    pub span: Span,
    /// `filter`, `nat`, `route`; unset where only devices are given (to add devices to a chain, or take them away).
    pub kind: Option<Name>,
    /// `input`, `ingress` and so on.
    pub hook: Option<Name>,
    /// `device` and `devices`: words, strings, wildcards and variables; a variable may stand for a set of them.
    pub devices: Vec<Expression>,
    /// `priority`
    pub priority: Option<Priority>,
}

/// `filter + 10`, `-300`, `$priority - 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Priority {
    /// The whole of it.
    pub span: Span,
    /// A name, or a variable that stands for a name or a number; unset for a plain number.
    pub base: Option<Expression>,
    /// What is added to the name, or the plain number.
    pub offset: i64,
}

/// Whether a set maps its keys to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetKind {
    /// `set`
    Set,
    /// `map`
    Map,
    /// `meter`, as older versions list a set that a rule fills.
    Meter,
}

/// A named set or map.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// Set, map or meter.
    pub kind: SetKind,
    /// Its name.
    pub name: Name,
    /// The type of its keys.
    pub key: Option<TypeSpec>,
    /// The type of its values.
    pub value: Option<ValueSpec>,
    /// `flags`
    pub flags: Vec<Name>,
    /// `timeout`
    pub timeout: Option<Time>,
    /// `gc-interval`
    pub gc_interval: Option<Time>,
    /// `size`
    pub size: Option<Number>,
    /// `policy`
    pub policy: Option<Name>,
    /// `auto-merge`
    pub auto_merge: bool,
    /// `comment`
    pub comment: Option<Name>,
    /// Statements that each element carries.
    pub statements: Vec<Statement>,
    /// `elements = …`: sets, or variables that stand for them.
    pub elements: Vec<Expression>,
}

/// What a set's keys are.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeSpec {
    /// `type ipv4_addr . inet_service`
    Names(Vec<Name>),
    /// `typeof ip saddr . tcp dport`
    Typeof(Expression),
    /// `queue`, behind the colon of `typeof`: numbers of queues.
    Queue,
}

/// What a map's values are.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueSpec {
    /// `interval`: each value is a range.
    pub interval: bool,
    /// The type. `verdict` and kinds of objects (`counter`) are single names, behind `typeof` too.
    pub spec: TypeSpec,
}

/// A flow table.
#[derive(Clone, Debug, PartialEq)]
pub struct Flowtable {
    /// Its name.
    pub name: Name,
    /// `ingress`
    pub hook: Option<Name>,
    /// `priority`
    pub priority: Option<Priority>,
    /// `devices`
    pub devices: Vec<Expression>,
    /// `flags offload`
    pub flags: Vec<Name>,
    /// `counter`
    pub counter: bool,
}

/// The kinds of named objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// `counter`
    Counter,
    /// `quota`
    Quota,
    /// `limit`
    Limit,
    /// `ct helper`
    CtHelper,
    /// `ct timeout`
    CtTimeout,
    /// `ct expectation`
    CtExpectation,
    /// `synproxy`
    Synproxy,
    /// `secmark`
    Secmark,
    /// `tunnel`
    Tunnel,
}

/// A named object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its name.
    pub name: Name,
    /// What it does.
    pub body: ObjectBody,
    /// `comment`
    pub comment: Option<Name>,
}

/// What a named object does.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectBody {
    /// `counter`
    Counter(Counter),
    /// `quota`; unset where the braces hold nothing that says how much.
    Quota(Option<Quota>),
    /// `limit`; unset as above.
    Limit(Option<Limit>),
    /// `ct helper`
    CtHelper(CtHelper),
    /// `ct timeout`
    CtTimeout(CtTimeout),
    /// `ct expectation`
    CtExpectation(CtExpectation),
    /// `synproxy`
    Synproxy(Synproxy),
    /// `secmark`, with its security context.
    Secmark(Option<Name>),
    /// `tunnel`
    Tunnel(Box<Tunnel>),
}

impl ObjectBody {
    /// The kind of object that it is.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match self {
            ObjectBody::Counter(_) => ObjectKind::Counter,
            ObjectBody::Quota(_) => ObjectKind::Quota,
            ObjectBody::Limit(_) => ObjectKind::Limit,
            ObjectBody::CtHelper(_) => ObjectKind::CtHelper,
            ObjectBody::CtTimeout(_) => ObjectKind::CtTimeout,
            ObjectBody::CtExpectation(_) => ObjectKind::CtExpectation,
            ObjectBody::Synproxy(_) => ObjectKind::Synproxy,
            ObjectBody::Secmark(_) => ObjectKind::Secmark,
            ObjectBody::Tunnel(_) => ObjectKind::Tunnel,
        }
    }
}

/// `ct helper`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CtHelper {
    /// `type "ftp"`
    pub helper: Option<Name>,
    /// `protocol tcp`
    pub protocol: Option<Name>,
    /// `l3proto ip`
    pub l3_protocol: Option<Name>,
}

/// `ct timeout`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CtTimeout {
    /// `protocol tcp`
    pub protocol: Option<Name>,
    /// `l3proto ip`
    pub l3_protocol: Option<Name>,
    /// `policy = { established : 2m }`: states and their times.
    pub policy: Vec<(Name, Time)>,
}

/// `ct expectation`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CtExpectation {
    /// `protocol tcp`
    pub protocol: Option<Name>,
    /// `l3proto ip`
    pub l3_protocol: Option<Name>,
    /// `dport 9876`
    pub port: Option<Expression>,
    /// `timeout 2m`
    pub timeout: Option<Time>,
    /// `size 8`
    pub size: Option<Number>,
}

/// `tunnel`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tunnel {
    /// `id`
    pub id: Option<Number>,
    /// `ip saddr` or `ip6 saddr`
    pub source: Option<Expression>,
    /// `ip daddr` or `ip6 daddr`
    pub destination: Option<Expression>,
    /// `sport`
    pub source_port: Option<Number>,
    /// `dport`
    pub destination_port: Option<Number>,
    /// `ttl`
    pub ttl: Option<Number>,
    /// `tos`
    pub tos: Option<Number>,
    /// `erspan`, `geneve` or `vxlan`, with what is inside its braces.
    pub options: Option<TunnelOptions>,
}

/// What belongs to one kind of tunnel.
#[derive(Clone, Debug, PartialEq)]
pub enum TunnelOptions {
    /// `vxlan { gbp 200 }`
    Vxlan {
        /// The group policy.
        group_policy: Option<Number>,
    },
    /// `erspan { … }`
    Erspan {
        /// `version`
        version: Option<Number>,
        /// `index`, in version 1
        index: Option<Number>,
        /// `direction ingress|egress`, in version 2
        direction: Option<Name>,
        /// `id`, in version 2
        hardware_id: Option<Number>,
    },
    /// `geneve { … }`: options one by one.
    Geneve(Vec<GeneveOption>),
}

/// `class 0x10 opt-type 0x1 data "0x12345678"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneveOption {
    /// `class`
    pub class: Number,
    /// `opt-type`
    pub kind: Number,
    /// `data`: a string of hexadecimal digits.
    pub data: Name,
}
