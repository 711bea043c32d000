//! Rules and sets as the kernel has them to the language.
//!
//! The expressions of a rule are read one after the other. What is loaded stays in registers, unread, until a statement
//! uses it: only then it is known which header its bytes belong to. Matches that others imply are taken out, as nft
//! does. What is not understood is kept as it is: see [`Statement::Raw`](crate::ir::Statement::Raw).

mod dependency;
mod interval;
mod load;
mod nat;
mod object;
mod payload;
mod register;
mod relational;
mod resolve;
mod rule;
mod ruleset;
mod scope;
mod set;
mod stateful;
mod statement;
mod stored;
mod type_of;
mod value;

/// All that the kernel lists, each in the order in which it does.
pub use netwright_netfilter::Ruleset as Dump;
pub use object::{chain, flowtable, object, table};
pub(crate) use payload::extension;
pub use rule::rule;
pub use ruleset::ruleset;
pub use scope::Scope;
pub use set::set;
pub use stored::{Stored, StoredSet, StoredTable};

#[cfg(test)]
mod tests;
