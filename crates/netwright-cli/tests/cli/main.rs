//! The built command, run as its users run it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod asking;
mod attach;
mod check;
mod command;
mod describe;
mod hooks;
mod host;
mod monitor;
mod namespaces;
mod nft;
mod recipes;
mod run;
mod support;
mod trace;
