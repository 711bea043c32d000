//! The nft rule language: parse, evaluate, lower, lift and print.
#![forbid(unsafe_code)]

pub mod catalog;
pub mod context;
pub mod diagnostic;
pub mod ir;
pub mod lower;
pub mod syntax;
pub mod table;
