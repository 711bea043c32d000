//! nf_tables as data: tables, chains, rules, sets, elements, objects, flow tables, expressions and batches of
//! changes to them.
//!
//! Nothing here does IO. A [`Batch`] is bytes for a socket, a request says how it is asked and how its
//! reply is read, and everything that a kernel sends is read in place or into plain structs. Attributes, expressions,
//! enumeration values and flag bits that are newer than this crate are kept and written back.
//!
//! Numbers on the wire are in network byte order and are the machine's own here. The bytes of values that rules
//! compare and load ([`DataValue`]) are as the registers have them.
//!
//! Source of all tables: `include/uapi/linux/netfilter/nf_tables.h`.
#![forbid(unsafe_code)]

mod batch;
pub mod bytecode;
mod chain;
pub mod conntrack;
mod data;
mod device;
mod element;
pub mod expression;
mod family;
mod flowtable;
mod hooked;
mod item;
pub mod log;
mod message;
pub mod object;
pub mod raw;
mod reference;
mod register;
pub mod request;
mod rule;
mod ruleset;
mod set;
mod table;
mod text;
mod trace;
pub mod userdata;

pub use batch::{Batch, Step, WriteElement};
pub use chain::{BaseHook, Chain, ChainAttrs, ChainFlags, ChainView, HookAttrs, HookView};
pub use data::{Data, DataType, DataValue, TooLongForRegisters, Verdict, VerdictAttrs, VerdictView};
pub use device::{Device, Devices};
pub use element::{
    Element, ElementFlags, ElementListAttrs, ElementListView, ElementView, ElementViews, Elements,
    StoredElements,
};
pub use expression::Expression;
pub use family::{ChainPolicy, Family, Hook};
pub use flowtable::{
    Flowtable, FlowtableAttrs, FlowtableFlags, FlowtableHookAttrs, FlowtableHookView, FlowtableView,
};
pub use hooked::{
    Hooked, HookedAttrs, HookedBpfAttrs, HookedBpfView, HookedKind, HookedNameAttrs, HookedNameView,
    HookedOwner, HookedOwnerAttrs, HookedOwnerView, HookedView, ListHooked,
};
pub use item::{InFamily, Item, ItemKinds};
pub use message::{
    Generation, GenerationAttrs, GenerationView, MessageKind, NetfilterHeader, control, group, subsystem,
};
pub use object::{Object, ObjectAttrs, ObjectData, ObjectView};
pub use reference::{
    ByHandle, ChainRef, Deletable, FlowtableRef, ObjectRef, Reference, RuleRef, SetRef, TableRef,
};
pub use register::Register;
pub use rule::{Rule, RuleAttrs, RuleCompatAttrs, RuleCompatView, RuleView, StoredRules};
pub use ruleset::Ruleset;
pub use set::{
    Set, SetAttrs, SetDescriptionAttrs, SetDescriptionView, SetFieldAttrs, SetFieldView, SetFlags, SetPolicy,
    SetView,
};
pub use table::{Table, TableAttrs, TableFlags, TableView};
pub use text::BareText;
pub use trace::{Trace, TraceAttrs, TraceKind, TraceView};
pub use userdata::Userdata;
