//! Tables and what lies in them.

use netwright_netfilter::Family;

use super::statement::counter;
use super::{Counter, Expression, Rule, Statement, Verdict};
use crate::table::{ByteOrder, DataType};

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Family of its packets.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Flags (`NFT_TABLE_F_*`).
    pub flags: u32,
    /// Comment.
    pub comment: Option<String>,
    /// The kernel's number for it.
    pub handle: Option<u64>,
    /// The program that owns it (`flags owner`), where that is known.
    pub owner: Option<String>,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Where it is called from the kernel; `None` is a chain that rules jump to.
    pub hook: Option<ChainHook>,
    /// What happens at its end; only with a hook.
    pub policy: Option<Verdict>,
    /// Whether the network card does the work (`flags offload`).
    pub offload: bool,
    /// Comment.
    pub comment: Option<String>,
    /// The kernel's number for it.
    pub handle: Option<u64>,
    /// Its rules, where it is written or read as a whole.
    pub rules: Vec<Rule>,
}

/// Where the kernel calls a chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChainHook {
    /// `filter`, `nat` or `route`; empty where only devices of a chain that is there are meant, and no hook.
    pub chain_type: String,
    /// Which hook and when.
    pub hook: Hook,
    /// Interfaces, at `ingress` and `egress`; a name may end in `*`.
    pub devices: Vec<String>,
}

/// A hook and the place in its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    /// Number of the hook in its family.
    pub number: u32,
    /// Lower comes first.
    pub priority: i32,
}

/// The type of one value: a set's key, a map's data, or one part of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TypePart {
    /// What it is.
    pub data_type: DataType,
    /// How many bits it has: under `typeof` it can be narrower than its type.
    pub bits: u32,
    /// In which byte order the kernel compares it.
    pub order: ByteOrder,
}

/// The type of a set's key or a map's data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeSpec {
    /// The parts side by side; one for a plain type.
    pub parts: Vec<TypePart>,
    /// What `typeof` was written with.
    pub type_of: Option<Box<Expression>>,
}

/// What a set holds by key.
#[derive(Clone, Debug, PartialEq)]
pub enum MapTarget {
    /// Values.
    Values(TypeSpec),
    /// Verdicts.
    Verdicts,
    /// Stateful objects.
    Objects(ObjectKind),
}

/// What the kernel optimises a set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetPolicy {
    /// Speed.
    Performance,
    /// Little memory.
    Memory,
}

/// A set or map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Type of its keys.
    pub key: TypeSpec,
    /// What it holds by key; `None` is a set.
    pub target: Option<MapTarget>,
    /// What the writer declared, or the kernel tells (`NFT_SET_*`).
    pub flags: u32,
    /// Milliseconds until an element is gone, where the element does not say otherwise.
    pub timeout: Option<u64>,
    /// Milliseconds between collections of elements that are gone.
    pub gc_interval: Option<u32>,
    /// How many elements at the most.
    pub size: Option<u32>,
    /// What to optimise for.
    pub policy: Option<SetPolicy>,
    /// Whether overlapping and adjacent intervals are merged.
    pub auto_merge: bool,
    /// Whether each of a map's values is a range (`: interval …`).
    pub data_ranges: bool,
    /// Stateful statements that each element gets.
    pub statements: Vec<Statement>,
    /// Comment.
    pub comment: Option<String>,
    /// Its elements.
    pub elements: Vec<Element>,
    /// How many elements are listed, where the kernel counts them.
    pub count: Option<usize>,
    /// The kernel's number for it.
    pub handle: Option<u64>,
}

impl Set {
    /// Whether it is a map of numbers of queues: then nothing else says what they are.
    pub(crate) fn holds_queues(&self) -> bool {
        let queues = |spec: &TypeSpec| spec.parts == [TypePart::QUEUE] && spec.type_of.is_none();
        self.key.type_of.is_some() && matches!(&self.target, Some(MapTarget::Values(spec)) if queues(spec))
    }
}

/// An element of a set or map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    /// Its key; `None` is the catch-all `*`.
    pub key: Option<Expression>,
    /// What the map holds for it.
    pub data: Option<Expression>,
    /// Milliseconds it lives.
    pub timeout: Option<u64>,
    /// Milliseconds it has left.
    pub expires: Option<u64>,
    /// Stateful statements with their state.
    pub statements: Vec<Statement>,
    /// Comment.
    pub comment: Option<String>,
}

impl Element {
    /// What its counter has counted, if it has one.
    #[must_use]
    pub fn counter(&self) -> Option<Counter> {
        counter(&self.statements)
    }
}

netwright_wire::open_enum! {
    /// Kinds of named stateful objects (`NFT_OBJECT_*`), with the words that name them.
    pub struct ObjectKind(u32) {
        COUNTER = 1 "counter", QUOTA = 2 "quota", CT_HELPER = 3 "ct helper", LIMIT = 4 "limit",
        CONNLIMIT = 5 "ct count", TUNNEL = 6 "tunnel", CT_TIMEOUT = 7 "ct timeout", SECMARK = 8 "secmark",
        CT_EXPECTATION = 9 "ct expectation", SYNPROXY = 10 "synproxy",
    }
}

/// A named stateful object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub data: ObjectData,
    /// Comment.
    pub comment: Option<String>,
    /// The kernel's number for it.
    pub handle: Option<u64>,
}

/// What an object is and holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectData {
    /// `counter`, `quota`, `limit`, `synproxy`: the same as the statement.
    Statement(Box<Statement>),
    /// `ct helper`
    CtHelper {
        /// Name of the helper.
        helper: String,
        /// Layer 4 protocol.
        l4proto: u8,
        /// Layer 3 protocol, where written.
        l3proto: Option<Family>,
    },
    /// `ct timeout`
    CtTimeout {
        /// Layer 4 protocol.
        l4proto: u8,
        /// Layer 3 protocol, where written.
        l3proto: Option<Family>,
        /// State number and seconds.
        policy: Vec<(u16, u32)>,
    },
    /// `ct expectation`
    CtExpectation {
        /// Layer 4 protocol.
        l4proto: u8,
        /// Layer 3 protocol, where written.
        l3proto: Option<Family>,
        /// Destination port.
        dport: u16,
        /// Milliseconds.
        timeout: u32,
        /// How many at the most.
        size: u8,
    },
    /// `secmark`
    Secmark(String),
    /// A kind that is kept as it is (`tunnel` and later ones): its number and attributes.
    Other(u32, Vec<u8>),
}

/// A flow table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flowtable {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Hook and priority; `None` where only devices of a flow table that is there are meant.
    pub hook: Option<Hook>,
    /// Interfaces.
    pub devices: Vec<String>,
    /// Whether packets are counted.
    pub counter: bool,
    /// Whether the network card does the work.
    pub offload: bool,
    /// The kernel's number for it.
    pub handle: Option<u64>,
}
