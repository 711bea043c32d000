//! The vocabulary of the nft language: data types, protocol headers, keys, hooks and the smaller enumerations.
//!
//! Everything here is constant data with small pure functions over it. Evaluation, lowering, lifting and printing
//! read the same rows, so a fact stands once. The numbers are those of the kernel's
//! `linux/netfilter/nf_tables.h` where a constant of that header exists; numbers that only the `nft` command knows
//! (data type numbers, the header and field numbers in a set's `typeof` note) were observed on the wire.

pub mod datatype;
pub mod header;
pub mod hook;
pub mod key;
pub mod names;
pub mod symbol;
pub mod time;
pub mod unit;
pub mod value;
pub mod vocabulary;

pub use datatype::{ByteOrder, Concat, DataType, Database};
pub use header::{ExtensionBase, Field, Header, HeaderId};
pub use key::{CtKey, Key, MetaKey, RtKey, SocketKey, TunnelKey, XfrmKey};
pub use names::Names;
pub use time::Zone;
pub use value::PrintOptions;
