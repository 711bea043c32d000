//! The nft rule language: parse, evaluate, lower, lift and print.
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod ir;
pub mod syntax;
pub mod table;
