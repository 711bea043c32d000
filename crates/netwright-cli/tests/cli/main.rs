//! The built command, run as its users run it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod asking;
mod attach;
mod check;
mod command;
mod confined;
mod describe;
mod events;
mod faults;
mod hooks;
mod host;
mod monitor;
mod named;
mod namespaces;
mod netns;
mod nft;
mod open;
mod recipes;
mod reports;
mod routed;
mod run;
mod scoped;
mod seccomp;
mod support;
mod testing;
mod trace;
