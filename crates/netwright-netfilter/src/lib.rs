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

mod data;
pub mod expression;
mod family;
mod message;
pub mod raw;
mod register;

pub use data::{Data, DataType, DataValue, TooLongForRegisters, Verdict, VerdictAttrs, VerdictView};
pub use expression::Expression;
pub use family::{ChainPolicy, Family, Hook};
pub use message::{
    Generation, GenerationAttrs, GenerationView, MessageKind, NetfilterHeader, control, group, subsystem,
};
pub use register::Register;
