//! The typed middle of the language: what a ruleset says, apart from how it is written and how the kernel stores it.
//!
//! Text, JSON and the typed builder come in here through evaluation; lowering turns it into nf_tables expressions.
//! Lifting brings expressions back, and the printers write it as text or JSON.
//!
//! Invariants, on which both ways rely:
//!
//! - Implicit matches are not part of it: `tcp dport 22` is one [`Statement::Match`]; the match on the layer below
//!   (`meta l4proto tcp`) is put in by lowering and taken out by lifting.
//! - Every value carries its [`DataType`], and its bytes are most significant first, however
//!   the kernel stores them.
//! - Names (sets, chains, objects) stay names; variables are gone.
//! - What cannot be expressed is a [`Statement::Raw`] with the expressions as they were, so nothing is ever lost.

mod command;
mod expression;
mod object;
mod packed;
mod ruleset;
mod statement;
mod typing;
mod value;
mod visit;

pub use command::{Anchor, Command, Entity, Operation, Selection, Target};
pub use expression::{
    BinaryOperator, CtSelector, Direction, Expression, Exthdr, Fib, Hash, MapReference, Numgen, Payload,
    PayloadLocation, Rt, Selector, SetReference, Socket, Xfrm, XfrmDirection,
};
pub use object::{
    Chain, ChainHook, Element, Flowtable, Hook, MapTarget, Object, ObjectData, ObjectKind, Set, SetPolicy,
    Table, TypePart, TypeSpec,
};
pub use packed::PackedElements;
pub(crate) use packed::{data_parts, push};
pub use ruleset::{Ruleset, TableContent};
pub use statement::{
    ChainTarget, Counter, Duplicate, Extension, Forward, Limit, LimitRate, Log, Match, MatchOperator, Nat,
    NatKind, ObjectName, Queue, QueueTarget, Quota, Reject, Rule, SetUpdate, SetUpdateOperation, Statement,
    Synproxy, Tproxy, Verdict,
};
pub use value::{Bytes, Value};

// What its types are made of, so that a program can name them.
pub use crate::table::header::PayloadBase;
pub use crate::table::{ByteOrder, DataType, ExtensionBase, Field, Header, HeaderId, Key};
