//! The nft rule language: parse, evaluate, lower, lift and print.
#![forbid(unsafe_code)]

pub mod build;
pub mod catalog;
pub mod context;
pub mod diagnostic;
pub mod evaluate;
pub mod ir;
pub mod json;
pub mod lift;
pub mod lower;
pub mod optimize;
pub mod place;
pub mod print;
pub mod syntax;
pub mod table;
mod xt;
