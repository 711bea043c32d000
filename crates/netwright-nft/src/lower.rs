//! Rules, sets and orders to what the kernel runs: expressions in registers, messages in a batch.

// What is added to the language does not compile before it is lowered: in a firewall nothing may be dropped.
#![deny(clippy::wildcard_enum_match_arm)]

mod batch;
mod compute;
mod constant;
mod load;
mod lookup;
mod merge;
mod nat;
mod object;
mod order;
mod packed;
mod place;
mod plain;
mod registers;
mod relational;
mod rule;
pub mod set;
pub mod span;
mod statement;
mod type_note;

pub use batch::{Failed, batch, command};
pub use order::Order;
pub use place::place;
pub use rule::{AnonymousChain, AnonymousSet, Code, Scope, rule, rule_with};

use std::fmt;

/// Why something cannot be lowered.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Which statement of the rule, from 0.
    pub statement: Option<usize>,
    /// Whether it is that something which is named is not there.
    pub missing: bool,
}

impl Error {
    fn new(message: impl Into<String>) -> Self {
        Error { message: message.into(), statement: None, missing: false }
    }

    fn missing(message: impl Into<String>) -> Self {
        Error { missing: true, ..Error::new(message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

type Result<T> = std::result::Result<T, Error>;
